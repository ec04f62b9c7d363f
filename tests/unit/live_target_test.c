/* SPDX-License-Identifier: BSD-2-Clause */
/* A child of this process, alive and ended, behind struct target. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/target.h"
#include "linux/live_target.h"

static struct target target;
static pid_t child;

/* The child waits for a signal, or has ended and is not reaped. */
static void open_child(int ends)
{
	siginfo_t info;

	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (!ends)
			pause();
		_exit(0);
	}
	if (ends)
		assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	live_target_init(&target);
	assert_int_equal(live_target_open_proc(&target), 0);
	assert_int_equal(live_target_open_tasks(&target, child), 0);
}

static void close_child(void)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	live_target_close(&target);
}

static void a_process_without_memory_cannot_be_pinned(void **state)
{
	(void)state;
	open_child(1);
	assert_int_equal(target_pin(&target), -ESRCH);
	assert_int_equal(target.mem_fd, -1);
	close_child();
}

static void what_is_pinned_is_read_whole_or_not_at_all(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t last;
	char bytes[8];

	(void)state;
	assert_true(pages != MAP_FAILED);
	munmap(pages + page, page);
	memcpy(pages + page - 4, "last", 4);
	last = (uint64_t)(uintptr_t)(pages + page - 4);
	open_child(0);
	assert_int_equal(target_pin(&target), 0);
	assert_int_equal(target_read_pinned(&target, last, bytes, 4), 0);
	assert_memory_equal(bytes, "last", 4);
	assert_int_equal(target_read_pinned(&target, last, bytes, 8), -EIO);
	close_child();
	munmap(pages, page);
}

static void what_was_pinned_ends_with_its_process(void **state)
{
	static const char text[] = "here";
	char bytes[sizeof text];

	(void)state;
	open_child(0);
	assert_int_equal(target_pin(&target), 0);
	assert_int_equal(
		target_read_pinned(&target, (uint64_t)(uintptr_t)text, bytes, sizeof bytes), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(
		target_read_pinned(&target, (uint64_t)(uintptr_t)text, bytes, sizeof bytes), -EIO);
	live_target_close(&target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_without_memory_cannot_be_pinned),
		cmocka_unit_test(what_is_pinned_is_read_whole_or_not_at_all),
		cmocka_unit_test(what_was_pinned_ends_with_its_process),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
