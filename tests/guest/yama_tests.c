/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate that most machines have: kernel.yama.ptrace_scope, as root and as an ordinary user. What
 * each level promises: Documentation/admin-guide/LSM/Yama.rst of the kernel.
 */
#include "config.h"

#include "guest_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCOPE "/proc/sys/kernel/yama/ptrace_scope"

static void set_level(int level)
{
	char text[4], now = '?';
	int fd;

	snprintf(text, sizeof text, "%d", level);
	fd = open(SCOPE, O_RDONLY | O_CLOEXEC);
	require(fd >= 0 && read(fd, &now, 1) == 1, SCOPE ": %m");
	close(fd);
	if (now != text[0])
		write_file(SCOPE, text);
}

/* What a process that may not read is told, at each level, when it has CAP_SYS_PTRACE and when not.
 */
static const char *const gates[][2] = {
	{ NULL, NULL },
	{ "Yama lets only an ancestor read it (ptrace_scope 1)", NULL },
	{ "Yama asks for CAP_SYS_PTRACE (ptrace_scope 2)", NULL },
	{ "Yama forbids every attach (ptrace_scope 3",
	  "Yama forbids every attach (ptrace_scope 3" },
};

static void require_gate(pid_t pid, const char *gate)
{
	struct probe_run run;

	if (!gate) {
		require_known(pid);
		return;
	}
	probe(&run, pid, NULL);
	require_fatal(&run, "permission-denied", gate);
}

static void as_root(const char *worker, const struct guest_test *test)
{
	pid_t pid;

	set_level(test->level);
	start_ready(worker, &pid);
	require_gate(pid, gates[test->level][1]);
}

/* The probe is the worker's sibling. The wait works at every level. */
static void as_user(const char *worker, const struct guest_test *test)
{
	pid_t pid;

	set_level(test->level);
	become_user();
	start_ready(worker, &pid);
	require_gate(pid, gates[test->level][0]);
}

/* A user's worker read by root: as root's own. */
static void users_by_root(const char *worker, const struct guest_test *test)
{
	int ends[2], status;
	pid_t pid = 0, user;

	set_level(test->level);
	require(!pipe2(ends, O_CLOEXEC), "pipe: %m");
	user = fork();
	if (user == 0) {
		become_user();
		start_ready(worker, &pid);
		require(write(ends[1], &pid, sizeof pid) == sizeof pid, "write: %m");
		waitpid(pid, &status, 0);
		exit(EXIT_SUCCESS);
	}
	close(ends[1]);
	require(read(ends[0], &pid, sizeof pid) == sizeof pid, "the user has no worker");
	require_gate(pid, gates[test->level][1]);
}

/* Level 1 promises that an ancestor may; level 2 and 3 know no ancestors. */
static void as_ancestor(const char *worker, const struct guest_test *test)
{
	struct probe_run run;
	pid_t pid = 0;
	const char *at;

	set_level(test->level);
	become_user();
	probe_argv(&run, (const char *[]){ DRIVER_PATH, "parent-probe", worker, NULL });
	if (test->level >= 2) {
		require_fatal(&run, "permission-denied", gates[test->level][0]);
		return;
	}
	for (at = run.out; *at && pid == 0; at++)
		if (sscanf(at, "tid=%d", &pid) != 1)
			pid = 0;
	require_in_band(&run, 0, pid, BYTES, BAND);
}

/* Another user's process, with Yama out of the way: the gate is another one. */
static void roots_by_user(const char *worker, const struct guest_test *test)
{
	struct probe_run run;
	pid_t pid;

	set_level(test->level);
	start_ready(worker, &pid);
	become_user();
	probe(&run, pid, NULL);
	require_fatal(&run, "permission-denied", "it runs as another user");
}

const struct guest_test yama_tests[] = {
	{ .name = "root reads under Yama 0", .run = as_root, .level = 0 },
	{ .name = "root reads under Yama 1", .run = as_root, .level = 1 },
	{ .name = "root reads under Yama 2", .run = as_root, .level = 2 },
	{ .name = "a user reads its own under Yama 0", .run = as_user, .level = 0 },
	{ .name = "a user is refused under Yama 1, by ptrace_scope 1", .run = as_user, .level = 1 },
	{ .name = "a user is refused under Yama 2, by ptrace_scope 2", .run = as_user, .level = 2 },
	{ .name = "an ancestor reads under Yama 0", .run = as_ancestor, .level = 0 },
	{ .name = "an ancestor reads under Yama 1", .run = as_ancestor, .level = 1 },
	{ .name = "an ancestor is refused under Yama 2, by ptrace_scope 2",
	  .run = as_ancestor,
	  .level = 2 },
	{ .name = "root reads a user's worker under Yama 0", .run = users_by_root, .level = 0 },
	{ .name = "root reads a user's worker under Yama 1", .run = users_by_root, .level = 1 },
	{ .name = "root reads a user's worker under Yama 2", .run = users_by_root, .level = 2 },
	{ .name = "a user is refused root's worker under Yama 0, by the user",
	  .run = roots_by_user,
	  .level = 0 },
	{ .name = NULL },
};

const struct guest_test yama_last_tests[] = {
	{ .name = "root is refused under Yama 3, by ptrace_scope 3", .run = as_root, .level = 3 },
	{ .name = "a user is refused under Yama 3, by ptrace_scope 3", .run = as_user, .level = 3 },
	{ .name = "an ancestor is refused under Yama 3, by ptrace_scope 3",
	  .run = as_ancestor,
	  .level = 3 },
	{ .name = "root is refused a user's worker under Yama 3, by ptrace_scope 3",
	  .run = users_by_root,
	  .level = 3 },
	{ .name = NULL },
};
