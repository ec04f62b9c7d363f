/* SPDX-License-Identifier: BSD-2-Clause */
/* musl's ring of threads in a made-up process: what is whole is found, what is not is no thread. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arch.h"
#include "fake_target.h"
#include "tls/musl_threads.h"

#define PID     1000
#define THREADS 3
#define AREA    0x10000
#define APART   0x2000
#define PREV    2 /* words of struct pthread: self, dtv, prev, next, sysinfo, canary, tid */
#define NEXT    3
#define TID     6

struct process {
	struct fake_target fake;
	struct ptrace_stop stops[THREADS];
	char root[64];
};

static uint64_t place(size_t thread)
{
	return AREA + APART / 2 + thread * APART;
}

static void put(struct process *process, size_t thread, size_t word, uint64_t value)
{
	fake_target_put_word(&process->fake, place(thread) + word * sizeof value, value);
}

static int begin(void **state)
{
	static struct process process;
	char path[128], line[] = "00010000-00020000 rw-p 00000000 00:00 0 \n";
	int fd;

	fake_target_begin(&process.fake, PID);
	fake_target_add_memory(&process.fake, AREA, 0x10000);
	for (size_t i = 0; i < THREADS; i++) {
		pid_t tid = PID + (pid_t)i;

		fake_target_add_task(&process.fake, tid, 1);
		put(&process, i, 0, place(i));
		put(&process, i, PREV, place((i + THREADS - 1) % THREADS));
		put(&process, i, NEXT, place((i + 1) % THREADS));
		put(&process, i, TID, (uint64_t)tid);
		process.stops[i] = (struct ptrace_stop){ .tid = tid,
							 .error = KTSTR_PROBE_THREAD_PTRACE_SEIZE,
							 .code = -EPERM };
	}
	snprintf(process.root, sizeof process.root, "/tmp/ktstr-musl-threads-XXXXXX");
	if (!mkdtemp(process.root))
		return -1;
	snprintf(path, sizeof path, "%s/%d", process.root, PID);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/%d/maps", process.root, PID);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (write(fd, line, sizeof line - 1) != (ssize_t)sizeof line - 1)
		return -1;
	close(fd);
	process.fake.target.proc_fd = open(process.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &process;
	return 0;
}

static int end(void **state)
{
	struct process *process = *state;
	char path[128];

	snprintf(path, sizeof path, "%s/%d/maps", process->root, PID);
	unlink(path);
	snprintf(path, sizeof path, "%s/%d", process->root, PID);
	rmdir(path);
	close(process->fake.target.proc_fd);
	fake_target_end(&process->fake);
	return rmdir(process->root);
}

static size_t find(struct process *process)
{
	size_t found = 0;

	musl_threads_find(&process->fake.target, process->stops, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		if (process->stops[i].error)
			continue;
		assert_int_equal(process->stops[i].thread_pointer, place(i));
		assert_int_equal(process->stops[i].code, 0);
		found++;
	}
	return found;
}

static void a_whole_ring_shows_every_thread(void **state)
{
	assert_int_equal(find(*state), arch_self_pointer ? THREADS : 0);
}

static void threads_that_were_read_or_have_ended_stay_as_they_are(void **state)
{
	struct process *process = *state;

	process->stops[1] = (struct ptrace_stop){ .tid = PID + 1, .thread_pointer = 77 };
	process->stops[2].error = KTSTR_PROBE_THREAD_THREAD_EXITED;
	musl_threads_find(&process->fake.target, process->stops, THREADS);
	assert_int_equal(process->stops[1].thread_pointer, 77);
	assert_int_equal(process->stops[2].error, KTSTR_PROBE_THREAD_THREAD_EXITED);
}

static void a_thread_whose_neighbour_does_not_point_back_is_none(void **state)
{
	struct process *process = *state;

	put(process, 0, PREV, place(1));
	put(process, 1, NEXT, place(1));
	put(process, 2, NEXT, place(2));
	assert_int_equal(find(process), 0);
}

static void a_thread_of_another_tid_is_none_of_these(void **state)
{
	struct process *process = *state;

	put(process, 1, TID, 4711);
	put(process, 2, TID, 0); /* it has ended, and is still in the ring */
	assert_int_equal(find(process), arch_self_pointer ? 1 : 0);
	assert_int_equal(process->stops[1].code, -EPERM);
}

static void words_that_do_not_hold_their_own_address_are_passed_over(void **state)
{
	struct process *process = *state;

	for (size_t i = 0; i < THREADS; i++)
		put(process, i, 0, place(i) + 8);
	assert_int_equal(find(process), 0);
}

static void glibc_has_no_such_ring(void **state)
{
	struct process *process = *state;

	process->fake.target.libc = LIBC_GLIBC;
	assert_int_equal(find(process), 0);
}

static void the_search_stays_within_its_room(void **state)
{
	const uint64_t words[] = { 0x1000, 7, 0x1010, 0x1018 };
	uint64_t found[2];

	(void)state;
	assert_int_equal(musl_threads_search(words, 4, 0x1000, found, 2), 2);
	assert_int_equal(found[0], 0x1000);
	assert_int_equal(found[1], 0x1010);
	assert_int_equal(musl_threads_search(words, 0, 0x1000, found, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(a_whole_ring_shows_every_thread),
		TEST(threads_that_were_read_or_have_ended_stay_as_they_are),
		TEST(a_thread_whose_neighbour_does_not_point_back_is_none),
		TEST(a_thread_of_another_tid_is_none_of_these),
		TEST(words_that_do_not_hold_their_own_address_are_passed_over),
		TEST(glibc_has_no_such_ring),
		cmocka_unit_test(the_search_stays_within_its_room),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
