/* SPDX-License-Identifier: BSD-2-Clause */
/* A dead worker's marker is removed, and nothing else is. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "waited_children.h"

static int marker_remove(void)
{
	error = (struct ktstr_error){ .text = "" };
	return ktstr_worker_ready_marker_remove(&result, &error);
}

/* A worker that was ready and has been killed and reaped since; its marker is still there. */
static pid_t dead_worker(void)
{
	pid_t pid = child(body_write, 0);

	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	assert_string_equal(result.marker_path, marker);
	assert_int_equal(result.worker_pid, pid);
	assert_int_equal(result.worker_uid, geteuid());
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void a_marker_goes_with_its_worker(void **state)
{
	pid_t pid = child(body_write, 0);
	siginfo_t info;

	(void)state;
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	assert_int_equal(marker_remove(), -EBUSY);
	assert_string_equal(error.step, "process");
	assert_non_null(strstr(error.text, "still runs"));
	assert_int_equal(access(marker, F_OK), 0);

	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(marker_remove(), 0); /* ended, not reaped */
	assert_int_equal(access(marker, F_OK), -1);
	assert_int_equal(marker_remove(), 0); /* there is none any more */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_reaped_workers_marker_is_removed(void **state)
{
	(void)state;
	dead_worker();
	assert_int_equal(marker_remove(), 0);
	assert_int_equal(access(marker, F_OK), -1);
	assert_int_equal(ktstr_worker_ready_marker_remove(&result, NULL), 0);
}

static void nothing_but_a_marker_is_removed(void **state)
{
	char other[128];
	struct stat st;

	(void)state;
	dead_worker();
	snprintf(other, sizeof other, "%s-other", marker);

	/* A second name: the file may be somebody else's. */
	assert_int_equal(link(marker, other), 0);
	assert_int_equal(marker_remove(), -EPERM);
	assert_string_equal(error.step, "marker");
	assert_non_null(strstr(error.text, "hard links"));
	assert_int_equal(unlink(marker), 0);

	assert_int_equal(symlink(other, marker), 0);
	assert_int_equal(marker_remove(), -EPERM);
	assert_non_null(strstr(error.text, "symbolic link"));
	assert_int_equal(lstat(marker, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(access(other, F_OK), 0);
	unlink(marker);
	unlink(other);

	assert_int_equal(mkdir(marker, 0700), 0);
	assert_int_equal(marker_remove(), -EPERM);
	assert_int_equal(rmdir(marker), 0);

	if (geteuid() == 0) { /* only root can make another's file */
		write_file(marker, "ready\n");
		assert_int_equal(chown(marker, OTHER_UID, (gid_t)-1), 0);
		assert_int_equal(marker_remove(), -EPERM);
		assert_non_null(strstr(error.text, "12345"));
		assert_int_equal(access(marker, F_OK), 0);
		/* That of the worker's own user it is, where that is another. */
		result.worker_uid = OTHER_UID;
		assert_int_equal(marker_remove(), 0);
	}
}

/* The pid is used again: of the two processes only the later one can have written a newer file. */
static void a_marker_of_the_pids_next_process_stays(void **state)
{
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	pid_t pid = child(body_write, 0);

	(void)state;
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	result.worker_start_ns -= UINT64_C(1000000000); /* as that of an earlier process */
	assert_int_equal(marker_remove(), -EBUSY);
	assert_non_null(strstr(error.text, "another process"));
	assert_int_equal(access(marker, F_OK), 0);
	assert_int_equal(utimensat(AT_FDCWD, marker, old, 0), 0);
	assert_int_equal(marker_remove(), 0);
	assert_int_equal(access(marker, F_OK), -1);
	end_child(pid);
}

static void a_wait_that_failed_is_accepted(void **state)
{
	(void)state;
	memset(&result, 0xff, sizeof result);
	assert_int_equal(ktstr_worker_ready_wait_pid(0, "test-worker", 0, &result, &error),
			 -EINVAL);
	assert_string_equal(result.marker_path, "");
	assert_int_not_equal(result.outcome, KTSTR_WORKER_READY);
	assert_int_equal(marker_remove(), 0);
}

/* Cut to what fits, it could name another file. */
static void a_path_that_does_not_fit_is_refused(void **state)
{
	static const char *const argv[] = { "sleep", "1000", NULL };
	char path[KTSTR_WORKER_READY_RESULT_PATH_SIZE + 1] = "/tmp/";
	struct ktstr_payload *worker;

	(void)state;
	memset(path + 5, '/', sizeof path - 6);
	path[sizeof path - 1] = '\0';
	path[sizeof path - 2] = 'm';
	assert_int_equal(ktstr_payload_spawn(argv, NULL, &worker, NULL), 0);
	assert_int_equal(ktstr_worker_ready_wait_path(worker, path, "role", 0, &result, &error),
			 -ENAMETOOLONG);
	assert_string_equal(result.marker_path, "");
	path[sizeof path - 2] = '\0';
	path[sizeof path - 3] = 'm';
	assert_int_equal(ktstr_worker_ready_wait_path(worker, path, "role", 0, &result, &error), 0);
	assert_string_equal(result.marker_path, path);
	ktstr_payload_close(worker);
}

static void a_wait_that_timed_out_is_enough(void **state)
{
	pid_t pid = child(NULL, 0);

	(void)state;
	wait_for(pid, 0, KTSTR_WORKER_READY_TIMED_OUT);
	write_file(marker, "ready\n"); /* just too late */
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(marker_remove(), 0);
	assert_int_equal(access(marker, F_OK), -1);
}

static void results_that_no_wait_made_are_refused(void **state)
{
	(void)state;
	assert_int_equal(ktstr_worker_ready_marker_remove(NULL, &error), -EINVAL);
	assert_string_equal(error.step, "arguments");
	dead_worker();
	result.worker_pid = 0;
	assert_int_equal(marker_remove(), -EINVAL);
	dead_worker();
	*result.marker_path = '.'; /* from the working directory */
	assert_int_equal(marker_remove(), -EINVAL);
	dead_worker();
	memset(result.marker_path, 'x', sizeof result.marker_path);
	assert_int_equal(marker_remove(), -EINVAL);
	result.marker_path[0] = '/';
	assert_int_equal(marker_remove(), -EINVAL);
	remove_marker();
}

static void body_write_in_an_own_root(void)
{
	if (chroot("/tmp") || chdir("/") || (mkdir("/tmp", 0700) && errno != EEXIST))
		_exit(98);
	write_file(marker, "ready\n");
}

static void a_marker_in_the_workers_own_root_is_named(void **state)
{
	char inside[128];
	pid_t pid = child(body_write_in_an_own_root, 0);

	(void)state;
	wait_for(pid, PATIENCE_MS, KTSTR_WORKER_READY);
	assert_int_equal(result.marker_in_worker_root, 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(marker_remove(), -EXDEV);
	assert_non_null(strstr(error.text, marker));
	snprintf(inside, sizeof inside, "/tmp%s", marker);
	assert_int_equal(unlink(inside), 0);
	rmdir("/tmp/tmp");
}

/* chroot(2) is root's; the wait looks into another root by openat2(2), which valgrind does not
 * know. */
static bool own_roots_are_possible(void)
{
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/",
			      &(struct open_how){ .flags = O_PATH | O_CLOEXEC },
			      sizeof(struct open_how));

	if (fd >= 0)
		close(fd);
	return fd >= 0 && geteuid() == 0;
}

#define TESTS_FOR_ALL                                                      \
	cmocka_unit_test(a_marker_goes_with_its_worker),                   \
		cmocka_unit_test(a_reaped_workers_marker_is_removed),      \
		cmocka_unit_test(nothing_but_a_marker_is_removed),         \
		cmocka_unit_test(a_marker_of_the_pids_next_process_stays), \
		cmocka_unit_test(a_wait_that_failed_is_accepted),          \
		cmocka_unit_test(a_wait_that_timed_out_is_enough),         \
		cmocka_unit_test(a_path_that_does_not_fit_is_refused),     \
		cmocka_unit_test(results_that_no_wait_made_are_refused)

/* Not by skip(): cmocka 1.1 writes a skipped test as "not ok", which is a failure to Automake. */
int main(void)
{
	const struct CMUnitTest without_roots[] = { TESTS_FOR_ALL };
	const struct CMUnitTest all[] = {
		TESTS_FOR_ALL,
		cmocka_unit_test(a_marker_in_the_workers_own_root_is_named),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (own_roots_are_possible())
		return cmocka_run_group_tests(all, NULL, NULL);
	puts("# left out, since a child cannot have its own root here: "
	     "a_marker_in_the_workers_own_root_is_named");
	fflush(stdout);
	return cmocka_run_group_tests(without_roots, NULL, NULL);
}
