/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small programs that the inner tests start: "/init <name> <argument>...". Each makes a place of
 * its own for a worker and becomes it, or plays a part beside it.
 */
#include "config.h"

#include "guest_test.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(char **argv)
{
	execv(argv[0], argv);
	fail("%s: %m", argv[0]);
}

static void pause_helper(char **argv)
{
	(void)argv;
	for (;;)
		pause();
}

/* Another mount namespace with a /tmp of its own. */
static void mount_namespace_helper(char **argv)
{
	leave_mount_namespace();
	mount_tmpfs("/tmp", "mode=1777");
	become(argv);
}

/* Another pid namespace, with mounts to match; this process stays outside as the launcher. */
static void pid_namespace_helper(char **argv)
{
	leave_mount_namespace();
	require(!unshare(CLONE_NEWPID), "no pid namespace: %m");
	if (fork() == 0) {
		mount_tmpfs("/tmp", "mode=1777");
		require(!mount("proc", "/proc", "proc", 0, NULL), "no /proc: %m");
		become(argv);
	}
	wait(NULL);
}

/* argv[0]: a new root's directory. Its owner, an ordinary user, runs the worker there, root keeps
 * the door. */
static void closed_root_helper(char **argv)
{
	static const char *const shared[] = { "/bin", "/lib", "/lib64", "/proc" };
	const char *root = argv[0];
	char path[128];

	leave_mount_namespace();
	(void)mkdir(root, 0755);
	mount_tmpfs(root, "mode=0755");
	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
		snprintf(path, sizeof path, "%s%s", root, shared[i]);
		require(!mkdir(path, 0755) && !mount(shared[i], path, NULL, MS_BIND | MS_REC, NULL),
			"%s: %m", path);
	}
	snprintf(path, sizeof path, "%s/tmp", root);
	require(!mkdir(path, 0755) && !chmod(path, 01777), "%s: %m", path);
	require(!chroot(root) && !chdir("/"), "chroot: %m");
	become_user();
	become(argv + 1);
}

/* Starts a worker, and reads it as its parent. */
static void parent_probe_helper(char **argv)
{
	const char *const worker[] = { argv[0], BYTES_TEXT, NULL };
	struct ktstr_worker_ready_result result;
	struct ktstr_payload *payload;
	struct ktstr_error error;
	char number[16];
	pid_t pid;

	require(!ktstr_payload_spawn(worker, NULL, &payload, &error), "%s", error.text);
	require(!ktstr_worker_ready_wait(payload, "worker", PATIENCE_MS, &result, &error), "%s",
		error.text);
	require(result.outcome == KTSTR_WORKER_READY && !ktstr_payload_pid(payload, &pid, NULL),
		"%s", result.text);
	snprintf(number, sizeof number, "%d", (int)pid);
	become((char *[]){ (char *)(uintptr_t)PROBE_PATH, (char *)(uintptr_t) "-p", number, NULL });
}

/* Takes memory until the kernel ends it. */
static void hog_helper(char **argv)
{
	const size_t size = 1 << 20;

	(void)argv;
	for (;;) {
		char *block = malloc(size);

		if (block)
			memset(block, 1, size);
		__asm__ volatile("" : : "r"(block) : "memory");
	}
}

void helper_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(char **argv);
	} helpers[] = {
		{ .name = "pause", .run = pause_helper },
		{ .name = "mount-namespace", .run = mount_namespace_helper },
		{ .name = "pid-namespace", .run = pid_namespace_helper },
		{ .name = "closed-root", .run = closed_root_helper },
		{ .name = "parent-probe", .run = parent_probe_helper },
		{ .name = "hog", .run = hog_helper },
	};

	for (size_t i = 0; argc > 1 && i < sizeof helpers / sizeof *helpers; i++)
		if (strcmp(argv[1], helpers[i].name) == 0)
			helpers[i].run(argv + 2);
	fail("no such helper");
}
