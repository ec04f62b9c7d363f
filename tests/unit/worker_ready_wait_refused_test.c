/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wait where the system refuses something: inotify, pidfds, a thread's number, a process that
 * is gone; and many real workers at once. The ordinary course is in worker_ready_wait_test.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../open_files.h"
#include "pidfd.h"
#include <ktstr/worker_ready.h>
#include <ktstr/worker_ready_wait.h>

#define PATIENCE_MS 20000
#define UNSUPPORTED 77 /* exit code of a child: this cannot be tried here */

static struct ktstr_worker_ready_result result;
static struct ktstr_error error;

static void pause_ms(long ms)
{
	const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static struct ktstr_payload *shell(const char *script)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	const struct ktstr_payload_options options = { .size = sizeof(struct ktstr_payload_options),
						       .flags = KTSTR_PAYLOAD_DIE_WITH_PARENT };
	struct ktstr_payload *payload = NULL;

	(void)ktstr_payload_spawn(argv, &options, &payload, &error);
	return payload;
}

static void remove_marker(pid_t pid)
{
	char path[KTSTR_WORKER_READY_MARKER_PATH_SIZE];

	if (ktstr_worker_ready_marker_path((uint32_t)pid, path, sizeof path) == 0)
		unlink(path);
}

/* The last look is at the deadline, and what is found only there was not waited for: without one it
 * would not be found while its child lives. */
#define NO_DEADLINE (-1)

/* Waits for a script's marker, closes it and removes the marker. Returns whether the outcome was
 * the one wanted. */
static bool comes_to(const char *script, enum ktstr_worker_ready_outcome outcome)
{
	struct ktstr_payload *payload = shell(script);
	pid_t pid = 0;
	int rc;

	if (!payload)
		return false;
	ktstr_payload_pid(payload, &pid, NULL);
	rc = ktstr_worker_ready_wait(payload, "refused", NO_DEADLINE, &result, &error);
	ktstr_payload_close(payload);
	remove_marker(pid);
	return rc == 0 && result.outcome == outcome;
}

#define LATE_MARKER "sleep 0.1; echo ready >/tmp/ktstr-worker-ready-$$; exec sleep 60"

/* Runs `body` in a child of its own, because what it refuses itself cannot be taken back. */
static void in_a_child(int (*body)(void), const char *what)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == UNSUPPORTED) {
		printf("# %s cannot be refused here\n", what);
		return;
	}
	assert_int_equal(status, 0);
}

/* user_namespaces(7): each user namespace has limits of its own below /proc/sys/user. */
static int without_inotify(void)
{
	static const char *const late_markers[] = {
		LATE_MARKER,
		"sleep 1; echo ready >/tmp/ktstr-worker-ready-$$; exec sleep 60",
		"sleep 4; echo ready >/tmp/ktstr-worker-ready-$$; exec sleep 60",
	};
	bool written;
	int fd;

	if (unshare(CLONE_NEWUSER))
		return UNSUPPORTED;
	fd = open("/proc/sys/user/max_inotify_instances", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return UNSUPPORTED;
	written = write(fd, "0", 1) == 1;
	close(fd);
	if (!written)
		return UNSUPPORTED;
	/* A marker that was there before the first look is no poll: valgrind on a busy machine is
	 * slow. */
	for (size_t i = 0; i < sizeof late_markers / sizeof *late_markers; i++) {
		if (!comes_to(late_markers[i], KTSTR_WORKER_READY))
			return 1;
		if (result.polls > 0)
			return 0;
	}
	return 2;
}

static void without_inotify_the_wait_polls(void **state)
{
	(void)state;
	in_a_child(without_inotify, "inotify");
}

/* seccomp(2): pidfd_open fails with EPERM, as in an old container. */
static int without_pidfds(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = sizeof filter / sizeof *filter,
					    .filter = filter };
	pid_t pid;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return UNSUPPORTED;
	if (process_pidfd_open(getpid()) >= 0)
		return UNSUPPORTED;
	pid = fork();
	if (pid == 0) {
		pause_ms(50);
		_exit(4);
	}
	if (ktstr_worker_ready_wait_pid(pid, "no pidfd", NO_DEADLINE, &result, &error) ||
	    result.outcome != KTSTR_WORKER_READY_EXITED_BEFORE || !result.wait_status_known ||
	    WEXITSTATUS(result.wait_status) != 4)
		return 1;
	if (waitpid(pid, NULL, 0) != pid) /* it was not reaped */
		return 2;
	if (ktstr_worker_ready_wait_pid(pid, "no pidfd", 0, &result, &error) != -ESRCH)
		return 3;
	/* The marker itself still comes as an event, unless tests beside this hold all of the
	 * user's inotify instances. */
	for (int tries = 0; tries == 0 || (result.polls && tries < 5); tries++)
		if (!comes_to(LATE_MARKER, KTSTR_WORKER_READY))
			return 4;
	if (result.polls)
		return 6;
	return comes_to("sleep 0.1; exit 7", KTSTR_WORKER_READY_EXITED_BEFORE) ? 0 : 5;
}

static void without_pidfds_the_wait_polls(void **state)
{
	(void)state;
	in_a_child(without_pidfds, "pidfd_open");
}

/* The kernel reaps at once when SIGCHLD is ignored, and the worker's start is lost with it. */
static int child_already_reaped(void)
{
	struct ktstr_payload *payload;
	pid_t pid = 0;
	int rc;

	signal(SIGCHLD, SIG_IGN);
	payload = shell("echo ready >/tmp/ktstr-worker-ready-$$");
	if (!payload || ktstr_payload_pid(payload, &pid, NULL))
		return 1;
	for (int i = 0; i < PATIENCE_MS && !kill(pid, 0); i++)
		pause_ms(1);
	rc = ktstr_worker_ready_wait(payload, "gone", PATIENCE_MS, &result, &error);
	remove_marker(pid);
	if (rc || result.outcome != KTSTR_WORKER_READY_EXITED_BEFORE)
		return 2;
	if (strstr(result.text, "stale") ||
	    !strstr(result.text, "start to compare it with is lost"))
		return 3; /* nothing is claimed that cannot be known */
	ktstr_payload_close(payload);
	return comes_to(LATE_MARKER, KTSTR_WORKER_READY) ? 0 : 4;
}

static void a_worker_that_the_kernel_reaped_is_told(void **state)
{
	(void)state;
	in_a_child(child_already_reaped, "SIGCHLD");
}

static _Atomic pid_t thread_number;

static void *tell_thread_number(void *argument)
{
	thread_number = (pid_t)syscall(SYS_gettid);
	pthread_mutex_lock(argument);
	pthread_mutex_unlock(argument);
	return NULL;
}

static void a_thread_s_number_is_no_process(void **state)
{
	pthread_mutex_t hold = PTHREAD_MUTEX_INITIALIZER;
	pthread_t thread;

	(void)state;
	pthread_mutex_lock(&hold);
	assert_int_equal(pthread_create(&thread, NULL, tell_thread_number, &hold), 0);
	while (!thread_number)
		pause_ms(1);
	assert_int_equal(ktstr_worker_ready_wait_pid(thread_number, "thread", 50, &result, &error),
			 -ESRCH);
	pthread_mutex_unlock(&hold);
	pthread_join(thread, NULL);
}

/* A marker made before our eyes counts whatever its time says: the clock may have been stepped. */
static void a_marker_made_before_our_eyes_counts_whatever_its_time_says(void **state)
{
	(void)state;
	/* Empty, so that the look that counts comes a second after its time was set back. */
	assert_true(
		comes_to("sleep 0.1; touch -d 2001-01-01 /tmp/ktstr-worker-ready-$$; exec sleep 60",
			 KTSTR_WORKER_READY));
}

static void a_wait_by_handle_leaves_no_descriptor(void **state)
{
	int before = open_files();

	(void)state;
	assert_true(comes_to(LATE_MARKER, KTSTR_WORKER_READY));
	assert_true(comes_to("exit 4", KTSTR_WORKER_READY_EXITED_BEFORE));
	assert_int_equal(open_files(), before);
}

/* The real worker, waited for by handle. */
static void two_hundred_workers_are_waited_for(void **state)
{
	enum { COUNT = 200 };
	const char *const argv[] = { getenv("KTSTR_WORKER"), "4096", NULL };
	const struct ktstr_payload_options options = { .size = sizeof(struct ktstr_payload_options),
						       .flags = KTSTR_PAYLOAD_DIE_WITH_PARENT };
	struct ktstr_payload *workers[COUNT];
	pid_t pids[COUNT];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		if (ktstr_payload_spawn(argv, &options, &workers[i], &error))
			fail_msg("%s", error.text);
		assert_int_equal(ktstr_payload_pid(workers[i], &pids[i], NULL), 0);
	}
	for (int i = 0; i < COUNT; i++) {
		if (ktstr_worker_ready_wait(workers[i], "real", PATIENCE_MS, &result, &error))
			fail_msg("%s", error.text);
		if (result.outcome != KTSTR_WORKER_READY)
			fail_msg("%s", result.text);
	}
	for (int i = 0; i < COUNT; i++) {
		ktstr_payload_close(workers[i]);
		remove_marker(pids[i]);
	}
}

#define TESTS_WITHOUT_WORKER                                                                   \
	cmocka_unit_test(without_inotify_the_wait_polls),                                      \
		cmocka_unit_test(without_pidfds_the_wait_polls),                               \
		cmocka_unit_test(a_worker_that_the_kernel_reaped_is_told),                     \
		cmocka_unit_test(a_thread_s_number_is_no_process),                             \
		cmocka_unit_test(a_marker_made_before_our_eyes_counts_whatever_its_time_says), \
		cmocka_unit_test(a_wait_by_handle_leaves_no_descriptor)

/* Not by skip(): cmocka 1.1 writes a skipped test as "not ok", which is a failure to Automake. */
int main(void)
{
	const struct CMUnitTest all[] = { TESTS_WITHOUT_WORKER,
					  cmocka_unit_test(two_hundred_workers_are_waited_for) };
	const struct CMUnitTest without_worker[] = { TESTS_WITHOUT_WORKER };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (getenv("KTSTR_WORKER") && access(getenv("KTSTR_WORKER"), X_OK) == 0)
		return cmocka_run_group_tests(all, NULL, NULL);
	puts("# left out, since KTSTR_WORKER names no program: two_hundred_workers_are_waited_for");
	fflush(stdout);
	return cmocka_run_group_tests(without_worker, NULL, NULL);
}
