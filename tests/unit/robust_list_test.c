/* SPDX-License-Identifier: BSD-2-Clause */
/* Thread pointers from robust lists: the pure search, and the threads of this very program. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_target.h"
#include "linux/live_target.h"
#include "tls/robust_list.h"

#define BASE UINT64_C(0x7f0000001000)

static struct target here; /* this very process */
static uint64_t words[64];

static void plant(size_t index)
{
	words[index] = words[index + 2] = BASE + index * 8;
}

static void the_list_head_is_found_in_a_block_of_memory(void **state)
{
	uint64_t found = 0;

	(void)state;
	memset(words, 0, sizeof words);
	assert_int_equal(robust_list_search(words, 64, BASE, &found), -ENOENT);
	plant(10);
	assert_int_equal(robust_list_search(words, 64, BASE, &found), 0);
	assert_true(found == BASE + 80);
	assert_int_equal(robust_list_search(words, 12, BASE, &found),
			 -ENOENT); /* its second word is cut off */
	assert_int_equal(robust_list_search(words, 13, BASE, &found), 0);
	assert_int_equal(robust_list_search(words, 64, BASE + 16, &found),
			 -ENOENT);             /* not at its own address */
	words[21] = words[23] = BASE + 21 * 8; /* not aligned to 16 bytes */
	assert_int_equal(robust_list_search(words, 64, BASE, &found), 0);
	plant(40);
	assert_int_equal(robust_list_search(words, 64, BASE, &found), -ENOTUNIQ);
	words[10] = 0; /* half a sign is none */
	words[50] = BASE + 50 * 8;
	assert_int_equal(robust_list_search(words, 64, BASE, &found), 0);
	assert_true(found == BASE + 320);
	assert_int_equal(robust_list_search(words, 0, BASE, &found), -ENOENT);
}

static void an_empty_list_is_found_by_its_shape(void **state)
{
	uint64_t block[64] = { 0 }, head = 0;

	(void)state;
	assert_int_equal(robust_list_search_head(block, 64, BASE, &head), -ENOENT);
	block[10] = block[11] = BASE + 88;
	assert_int_equal(robust_list_search_head(block, 64, BASE, &head), -ENOENT);
	block[12] = (uint64_t)-INT64_C(32);
	assert_int_equal(robust_list_search_head(block, 64, BASE, &head), 0);
	assert_true(head == BASE + 88);
	assert_int_equal(robust_list_search_head(block, 12, BASE, &head), -ENOENT);
	memcpy(block + 20, block + 10, 3 * sizeof *block); /* of another place: no list */
	assert_int_equal(robust_list_search_head(block, 64, BASE, &head), 0);
	block[20] = block[21] = BASE + 168;
	assert_int_equal(robust_list_search_head(block, 64, BASE, &head), -ENOTUNIQ);
}

static void the_offset_follows_from_what_libc_tells_its_debugger(void **state)
{
	static const uint32_t tid_field[3] = { 32, 1, 208 }, wide[3] = { 64, 1, 208 },
			      beyond[3] = { 32, 1, 1856 };
	uint64_t offset = 0;

	(void)state;
	assert_int_equal(robust_list_offset_from_libc(1856, tid_field, false, &offset), 0);
	assert_true((int64_t)offset == -1632); /* measured on Debian 12, aarch64 */
	assert_int_equal(robust_list_offset_from_libc(2368, tid_field, true, &offset), 0);
	assert_int_equal(offset, 224); /* x86_64: the thread pointer is where the struct begins */
	assert_int_equal(robust_list_offset_from_libc(0, tid_field, false, &offset), -EBADMSG);
	assert_int_equal(robust_list_offset_from_libc(UINT32_MAX, tid_field, false, &offset),
			 -EBADMSG);
	assert_int_equal(robust_list_offset_from_libc(1856, wide, false, &offset), -EBADMSG);
	assert_int_equal(robust_list_offset_from_libc(1856, beyond, false, &offset), -EBADMSG);
}

#ifdef __x86_64__
static uint64_t own_thread_pointer(void)
{
	uint64_t value;

	__asm__("movq %%fs:0, %0" : "=r"(value));
	return value;
}

static uint64_t thread_truth;
static uint64_t thread_found;

static void *other_thread(void *argument)
{
	pid_t tid = gettid();
	uint64_t head;

	thread_truth = own_thread_pointer();
	if (robust_list_head(&here, tid, &head) == 0)
		thread_found = head - *(uint64_t *)argument;
	return NULL;
}

static struct target_ops wrong_ops;

/* A thread that says of itself that it is another one. */
static int wrong_status(struct target *target, pid_t tid, struct proc_status *status)
{
	(void)target;
	*status = (struct proc_status){ .ns_tid = tid + 1 };
	return 0;
}

static void the_offset_is_the_same_in_every_thread(void **state)
{
	const struct target_ops *right_ops;
	uint64_t offset = 0, head = 0;
	pthread_t thread;

	(void)state;
	right_ops = here.ops;
	wrong_ops = *right_ops;
	wrong_ops.read_status = wrong_status;
	assert_int_equal(robust_list_find_offset(&here, gettid(), &offset), 0);
	assert_int_equal(robust_list_head(&here, gettid(), &head), 0);
	assert_true(head - offset == own_thread_pointer());
	assert_int_equal(pthread_create(&thread, NULL, other_thread, &offset), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(thread_truth != 0 && thread_found == thread_truth);
	here.ops = &wrong_ops;
	here.nested = true;
	assert_int_equal(robust_list_find_offset(&here, gettid(), &offset), -EBADMSG);
	here.ops = right_ops;
	here.nested = false;
}
#endif

/* The kernel tells whatever a thread has registered. */
static void a_head_that_cannot_be_one_is_refused(void **state)
{
	struct fake_target fake;
	struct fake_task *task;
	uint64_t offset;

	(void)state;
	fake_target_begin(&fake, 1000);
	task = fake_target_add_task(&fake, 1000, 1);
	fake_target_add_memory(&fake, 0x100000, 65536);
	task->robust_list = 0x108004;
	assert_int_equal(robust_list_find_offset(&fake.target, 1000, &offset), -EBADMSG);
	task->robust_list = 64;
	assert_int_equal(robust_list_find_offset(&fake.target, 1000, &offset), -EBADMSG);
	task->robust_list = 0x200010; /* nothing is mapped there */
	assert_int_equal(robust_list_find_offset(&fake.target, 1000, &offset), -EFAULT);
	fake_target_end(&fake);
}

static void a_zombie_has_no_list(void **state)
{
	pid_t pid = fork();
	siginfo_t info;
	uint64_t head;

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(robust_list_head(&here, pid, &head) < 0);
	waitpid(pid, NULL, 0);
	assert_int_equal(robust_list_head(&here, pid, &head), -ESRCH);
}

static int start(void **state)
{
	(void)state;
	live_target_init(&here);
	here.pid = here.reader = getpid();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_head_is_found_in_a_block_of_memory),
		cmocka_unit_test(an_empty_list_is_found_by_its_shape),
		cmocka_unit_test(the_offset_follows_from_what_libc_tells_its_debugger),
#ifdef __x86_64__
		cmocka_unit_test(the_offset_is_the_same_in_every_thread),
#endif
		cmocka_unit_test(a_head_that_cannot_be_one_is_refused),
		cmocka_unit_test(a_zombie_has_no_list),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, NULL);
}
