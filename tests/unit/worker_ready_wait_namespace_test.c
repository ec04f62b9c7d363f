/* SPDX-License-Identifier: BSD-2-Clause */
/* The wait across namespaces: found where the worker lives, or an error that names the namespace.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
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
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "pidfd.h"
#include <ktstr/worker_ready_wait.h>

#define PATIENCE_MS 20000

static struct ktstr_worker_ready_result result;
static struct ktstr_error error;

/* As root, or in a user namespace that makes us root there. */
static struct ktstr_payload *unshared(const char *what, const char *script)
{
	const char *const as_root[] = { "unshare", what, "sh", "-c", script, NULL };
	const char *const as_user[] = { "unshare", "-Ur", what, "sh", "-c", script, NULL };
	const struct ktstr_payload_options options = { .size = sizeof(struct ktstr_payload_options),
						       .flags = KTSTR_PAYLOAD_DIE_WITH_PARENT };
	struct ktstr_payload *payload;

	if (ktstr_payload_spawn(geteuid() == 0 ? as_root : as_user, &options, &payload, &error))
		fail_msg("%s", error.text);
	return payload;
}

/* Can namespaces be made here? Not under valgrind, which knows no openat2(2) and no pidfd_open(2).
 */
static bool possible(const char *what)
{
	struct ktstr_payload *payload;
	int pidfd = process_pidfd_open(getpid());
	int status = -1;

	if (pidfd < 0)
		return false;
	close(pidfd);
	payload = unshared(what, "exit 0");
	ktstr_payload_wait(payload, PATIENCE_MS, &status, NULL);
	ktstr_payload_close(payload);
	return status == 0;
}

/* The namespace is entered, and its /tmp replaced, only after the wait has begun. */
static void a_marker_in_another_mount_namespace_is_found(void **state)
{
	struct ktstr_payload *payload;

	(void)state;
	payload = unshared("--mount", "sleep 0.2; mount -t tmpfs none /tmp; sleep 0.1; "
				      "echo ready >/tmp/ktstr-worker-ready-$$; exec sleep 60");
	if (ktstr_worker_ready_wait(payload, "mounted", PATIENCE_MS, &result, &error))
		fail_msg("%s", error.text);
	assert_int_equal(result.outcome, KTSTR_WORKER_READY);
	assert_non_null(strstr(result.text, "mount namespace"));
	/* Standing already: found at the first look. */
	if (ktstr_worker_ready_wait(payload, "mounted", 0, &result, &error))
		fail_msg("%s", error.text);
	assert_int_equal(result.outcome, KTSTR_WORKER_READY);
	ktstr_payload_close(payload);
}

/* /tmp in the worker's root is a link to an absolute path: resolved there, not here. */
static void a_link_is_resolved_in_the_worker_s_root(void **state)
{
	struct ktstr_payload *payload;

	(void)state;
	payload =
		unshared("--mount",
			 "mount -t tmpfs none /mnt && mkdir /mnt/real /mnt/bin /mnt/proc && "
			 "ln -s /real /mnt/tmp && for d in bin usr lib lib64; do mkdir -p /mnt/$d; "
			 "mount --rbind /$d /mnt/$d; done; exec chroot /mnt sh -c "
			 "'sleep 0.1; echo ready >/real/ktstr-worker-ready-'$$'; exec sleep 60'");
	if (ktstr_worker_ready_wait(payload, "linked", PATIENCE_MS, &result, &error))
		fail_msg("%s", error.text);
	if (result.outcome != KTSTR_WORKER_READY)
		fail_msg("%s", result.text);
	ktstr_payload_close(payload);
}

/* A root that is still being made when the wait looks: without the marker's directory for a while.
 */
static struct ktstr_payload *unfinished_root(const char *rest)
{
	char script[512];

	snprintf(script, sizeof script,
		 "mount -t tmpfs none /mnt && for d in bin usr lib lib64 proc; do "
		 "mkdir -p /mnt/$d; mount --rbind /$d /mnt/$d; done; sleep 0.1; exec chroot /mnt "
		 "sh -c '%s'",
		 rest);
	return unshared("--mount", script);
}

static void a_marker_s_directory_may_come_later(void **state)
{
	struct ktstr_payload *payload =
		unfinished_root("sleep 0.3; mkdir /tmp; sleep 0.2; echo ready "
				">/tmp/ktstr-worker-ready-$$; exec sleep 60");

	(void)state;
	memset(&error, 0, sizeof error);
	if (ktstr_worker_ready_wait(payload, "later", PATIENCE_MS, &result, &error))
		fail_msg("%s", error.text);
	if (result.outcome != KTSTR_WORKER_READY)
		fail_msg("%s", result.text);
	assert_int_equal(error.code, 0); /* written only when the wait fails */
	ktstr_payload_close(payload);

	/* It never comes: told when time is up, or by the worker's own end. */
	payload = unfinished_root("exec sleep 60");
	assert_int_equal(ktstr_worker_ready_wait(payload, "never", 1000, &result, &error), -ENOENT);
	assert_non_null(strstr(error.text, "cannot be entered"));
	ktstr_payload_close(payload);
	payload = unfinished_root("sleep 0.3; exit 4");
	if (ktstr_worker_ready_wait(payload, "never", PATIENCE_MS, &result, &error))
		fail_msg("%s", error.text);
	assert_int_equal(result.outcome, KTSTR_WORKER_READY_EXITED_BEFORE);
	ktstr_payload_close(payload);
}

/* The first child of pid, from /proc/<pid>/task/<pid>/children; 0 when there is none yet. */
static int only_child(pid_t pid)
{
	char path[64];
	int found = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%d", &found) != 1)
		found = 0;
	fclose(file);
	return found;
}

/* The pid of unshare's child. */
static pid_t child_of(struct ktstr_payload *payload)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	pid_t leader, inner = 0;

	assert_int_equal(ktstr_payload_pid(payload, &leader, NULL), 0);
	for (int i = 0; i < PATIENCE_MS && !(inner = only_child(leader)); i++)
		nanosleep(&moment, NULL);
	assert_true(inner > 0);
	return inner;
}

static void a_worker_in_a_pid_namespace_is_known_by_its_inner_pid(void **state)
{
	struct ktstr_payload *payload;
	pid_t inner;

	(void)state;
	/* The worker is pid 1 in there, and so is the number in its marker's name. */
	payload = unshared(
		"-pfm",
		"mount -t tmpfs none /tmp; sleep 0.1; echo ready >/tmp/ktstr-worker-ready-$$; "
		"sleep 60; exit 0");
	inner = child_of(payload);
	if (ktstr_worker_ready_wait_pid(inner, "inner", PATIENCE_MS, &result, &error))
		fail_msg("%s", error.text);
	assert_int_equal(result.outcome, KTSTR_WORKER_READY);
	assert_non_null(strstr(result.text, "/tmp/ktstr-worker-ready-1"));

	/* By the handle: unshare itself is not the worker. Not a timeout, but an error with the
	 * reason. */
	assert_int_equal(ktstr_worker_ready_wait(payload, "outer", PATIENCE_MS, &result, &error),
			 -EXDEV);
	assert_non_null(strstr(error.text, "pid namespace pid:["));
	ktstr_payload_close(payload);
}

/*
 * Two workers, each pid 1 of its own pid namespace, on one /tmp: their markers have one name, and
 * the one that is not ready must not be told to be. In a /tmp of this test's own.
 */
static void one_of_two(void)
{
	static const char *const seen[] = { "sleep 0.2;", "" }; /* being made, or standing */

	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
		struct ktstr_payload *idle, *ready;
		char script[128];

		snprintf(script, sizeof script,
			 "%s echo ready >/tmp/ktstr-worker-ready-$$; sleep 60; exit 0", seen[i]);
		idle = unshared("-pf", "sleep 60; exit 0");
		ready = unshared("-pf", script);
		if (i == 0 &&
		    ktstr_worker_ready_wait_pid(child_of(idle), "idle", 1000, &result, &error))
			fail_msg("%s", error.text);
		if (i == 0)
			assert_int_equal(result.outcome, KTSTR_WORKER_READY_TIMED_OUT);
		if (ktstr_worker_ready_wait_pid(child_of(ready), "ready", PATIENCE_MS, &result,
						&error))
			fail_msg("%s", error.text);
		if (result.outcome != KTSTR_WORKER_READY)
			fail_msg("%s", result.text);
		if (ktstr_worker_ready_wait_pid(child_of(idle), "idle", 300, &result, &error))
			fail_msg("%s", error.text);
		assert_int_equal(result.outcome, KTSTR_WORKER_READY_TIMED_OUT);
		assert_non_null(strstr(result.text, "the same pid in another pid namespace"));
		ktstr_payload_close(idle);
		ktstr_payload_close(ready);
		unlink("/tmp/ktstr-worker-ready-1");
	}
}

static void the_marker_of_the_same_pid_in_another_pid_namespace_does_not_count(void **state)
{
	int status = -1;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		uid_t uid = geteuid();
		char map[32];
		int fd;

		if (unshare(uid ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS))
			_exit(90);
		if (uid) {
			fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
			snprintf(map, sizeof map, "0 %u 1", (unsigned int)uid);
			if (fd < 0 || write(fd, map, strlen(map)) < 0)
				_exit(91);
			close(fd);
		}
		if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("none", "/tmp", "tmpfs", 0, "mode=1777"))
			_exit(92);
		one_of_two();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A process of root's, seen by an ordinary user: whether it shares our files cannot be told. */
static void a_worker_whose_files_cannot_be_compared_is_refused(void **state)
{
	struct stat ours;
	int status = -1;
	pid_t pid;

	(void)state;
	if (geteuid() == 0) {
		pid = fork();
		if (pid == 0)
			_exit(setuid(12345) ||
			      ktstr_worker_ready_wait_pid(getppid(), "root's", 50, &result,
							  &error) != -EXDEV ||
			      !strstr(error.text, "mount namespace"));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		return;
	}
	if (stat("/proc/1/ns/mnt", &ours) == 0)
		return; /* pid 1 is ours, as in a container: there is no process that we may not
			   compare */
	assert_int_equal(ktstr_worker_ready_wait_pid(1, "init", 50, &result, &error), -EXDEV);
	assert_non_null(strstr(error.text, "mount namespace"));
}

/* Not by skip(): cmocka 1.1 writes a skipped test as "not ok", which is a failure to Automake. */
int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(a_marker_in_another_mount_namespace_is_found),
		cmocka_unit_test(a_link_is_resolved_in_the_worker_s_root),
		cmocka_unit_test(a_marker_s_directory_may_come_later),
		cmocka_unit_test(a_worker_in_a_pid_namespace_is_known_by_its_inner_pid),
		cmocka_unit_test(
			the_marker_of_the_same_pid_in_another_pid_namespace_does_not_count),
		cmocka_unit_test(a_worker_whose_files_cannot_be_compared_is_refused),
	};
	const struct CMUnitTest without_namespaces[] = { cmocka_unit_test(
		a_worker_whose_files_cannot_be_compared_is_refused) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (possible("-pfm"))
		return cmocka_run_group_tests(all, NULL, NULL);
	puts("# left out, since namespaces cannot be made here: all but "
	     "a_worker_whose_files_cannot_be_compared_is_refused");
	fflush(stdout);
	return cmocka_run_group_tests(without_namespaces, NULL, NULL);
}
