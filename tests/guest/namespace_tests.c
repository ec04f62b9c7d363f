/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker in namespaces of its own: still found, or an error that names the namespace. */
#include "config.h"

#include "guest_test.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktstr/worker_ready.h>

/* The worker is pid 1 of a new pid namespace, under our /tmp: its marker carries the number it
 * sees. */
static void pid_namespace(const char *worker, const struct guest_test *test)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_payload *payload;
	int ours = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	(void)test;
	require(ours >= 0 && !unshare(CLONE_NEWPID), "no pid namespace: %m");
	payload = start((const char *[]){ worker, BYTES_TEXT, NULL }, &pid);
	/* Only the worker goes there: the probe that follows is started here again. */
	require(!setns(ours, CLONE_NEWPID), "setns: %m");
	result = wait_for(payload, KTSTR_WORKER_READY);
	require(pid != 1 && strstr(result.text, KTSTR_WORKER_READY_MARKER_PREFIX "1"), "pid %d: %s",
		(int)pid, result.text);
	require(marker_exists(1) && !marker_exists(pid), "the marker has another number");
	require_known(pid);
}

static void mount_namespace(const char *worker, const struct guest_test *test)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_payload *payload;
	pid_t pid;

	(void)test;
	payload = start(
		(const char *[]){ DRIVER_PATH, "mount-namespace", worker, BYTES_TEXT, NULL }, &pid);
	result = wait_for(payload, KTSTR_WORKER_READY);
	require(strstr(result.text, "mount namespace"), "the namespace is not told");
	require(!marker_exists(pid), "the marker stands in our /tmp: there is no other namespace");
	require_known(pid);
}

static pid_t only_child(pid_t pid)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	char path[64];
	int child = 0;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	for (int i = 0; i < PATIENCE_MS && child == 0; i++) {
		FILE *file = fopen(path, "re");

		require(file, "%s: %m", path);
		if (fscanf(file, "%d", &child) != 1)
			child = 0;
		fclose(file);
		nanosleep(&moment, NULL);
	}
	require(child > 0, "%d has no child", (int)pid);
	return child;
}

/* Both at once, behind a launcher that is not the worker. */
static void behind_launcher(const char *worker, const struct guest_test *test)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_payload *payload;
	pid_t launcher, pid;

	(void)test;
	payload = start((const char *[]){ DRIVER_PATH, "pid-namespace", worker, BYTES_TEXT, NULL },
			&launcher);
	(void)payload;
	pid = only_child(launcher);
	result = wait_for_pid(pid, KTSTR_WORKER_READY);
	require(strstr(result.text,
		       KTSTR_WORKER_READY_MARKER_PREFIX "1 in its own mount namespace"),
		"the place is not told");
	require(!marker_exists(1) && !marker_exists(pid), "the marker stands in our /tmp");
	require_known(pid);
}

static void require_namespace_error(int rc, const struct ktstr_error *error, const char *name)
{
	printf("%s\n", rc ? error->text : "the wait succeeded");
	require(rc == -EXDEV, "-EXDEV was expected, not %d", rc);
	require(strstr(error->text, name), "\"%s\" is not named", name);
}

static void launcher_named(const char *worker, const struct guest_test *test)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_payload *payload;
	struct ktstr_error error;
	char name[64];
	pid_t launcher;
	int rc;

	(void)test;
	payload = start((const char *[]){ DRIVER_PATH, "pid-namespace", worker, BYTES_TEXT, NULL },
			&launcher);
	rc = ktstr_worker_ready_wait(payload, "worker", PATIENCE_MS, &result, &error);
	snprintf(name, sizeof name, "pid:[%lu]", namespace_number(only_child(launcher), "pid"));
	require_namespace_error(rc, &error, name);
}

/* Waits for pid as an ordinary user, in a process of its own, and judges the error there. */
static void require_users_wait_fails(pid_t pid, const char *name)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_error error;
	int status = -1;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		become_user();
		require_namespace_error(ktstr_worker_ready_wait_pid(pid, "worker", 500, &result,
								    &error),
					&error, name);
		exit(EXIT_SUCCESS);
	}
	require(waitpid(child, &status, 0) == child && status == 0,
		"the user's wait: wait status %#x", (unsigned)status);
}

/* Root's worker elsewhere, for an ordinary user who may not even compare namespaces. */
static void not_comparable(const char *worker, const struct guest_test *test)
{
	struct ktstr_payload *payload;
	char name[64];
	pid_t pid;

	(void)test;
	payload = start(
		(const char *[]){ DRIVER_PATH, "mount-namespace", worker, BYTES_TEXT, NULL }, &pid);
	wait_for(payload, KTSTR_WORKER_READY);
	snprintf(name, sizeof name, "mount namespace, because /proc/%d/ns/mnt may not be read",
		 (int)pid);
	require_users_wait_fails(pid, name);
}

/* The user's own worker, below a root that was closed behind it. */
static void closed_root(const char *worker, const struct guest_test *test)
{
	struct ktstr_payload *payload;
	char name[64], path[64];
	pid_t pid;

	(void)test;
	payload = start((const char *[]){ DRIVER_PATH, "closed-root", "/new-root", worker,
					  BYTES_TEXT, NULL },
			&pid);
	wait_for(payload, KTSTR_WORKER_READY);
	snprintf(path, sizeof path, "/proc/%d/root/.", (int)pid);
	require(!chmod(path, 0700), "%s: %m", path);
	snprintf(name, sizeof name, "mount namespace (mnt:[%lu])", namespace_number(pid, "mnt"));
	require_users_wait_fails(pid, name);
}

const struct guest_test namespace_tests[] = {
	{ .name = "a worker in another pid namespace is found", .run = pid_namespace },
	{ .name = "a worker in another mount namespace is found", .run = mount_namespace },
	{ .name = "a worker in both, behind a launcher, is found", .run = behind_launcher },
	{ .name = "the error names the pid namespace of a launcher in the worker's place",
	  .run = launcher_named },
	{ .name = "the error names the mount namespace of root's worker to a user",
	  .run = not_comparable },
	{ .name = "the error names the mount namespace of a worker below a closed root",
	  .run = closed_root },
	{ .name = NULL },
};
