/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why the kernel refuses to let us read a process, and what would help. It never decides anything:
 * the kernel does; this explains the answer afterwards.
 */
#include "config.h"

#include "linux/ptrace_access.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/proc_status.h"

static int read_small(int proc_fd, const char *path, char *text, size_t size)
{
	int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	while (done < size - 1 && (n = read(fd, text + done, size - 1 - done)) > 0)
		done += (size_t)n;
	n = n < 0 ? -errno : 0;
	close(fd);
	text[done] = '\0';
	return (int)n;
}

static void copy_ids(const uint32_t from[PROC_STATUS_IDS], long ids[3])
{
	ids[0] = from[PROC_STATUS_REAL];
	ids[1] = from[PROC_STATUS_EFFECTIVE];
	ids[2] = from[PROC_STATUS_SAVED];
}

static void read_own(int proc_fd, struct ptrace_access *gate, uint64_t *effective)
{
	struct proc_status status;

	gate->own_uid = geteuid();
	gate->own_gid = getegid();
	if (proc_status_read(proc_fd, "self/status", &status))
		return;
	gate->own_seccomp = status.seccomp;
	*effective = status.cap_effective;
	gate->capability = (*effective & (UINT64_C(1) << CAP_SYS_PTRACE)) != 0;
}

static void read_target(int proc_fd, pid_t pid, struct ptrace_access *gate, uint64_t own_effective)
{
	struct proc_status status;
	struct stat owner;
	char path[32];

	snprintf(path, sizeof path, "%d/status", (int)pid);
	if (proc_status_read(proc_fd, path, &status))
		return;
	gate->tracer = status.tracer;
	copy_ids(status.uids, gate->target_uid);
	copy_ids(status.gids, gate->target_gid);
	gate->more_capable = (status.cap_permitted & ~own_effective) != 0;
	/* proc(5): the files of a process that is not dumpable belong to root; its folder does not
	   (task_dump_owner() in fs/proc/base.c). */
	if (gate->target_uid[1] > 0 && fstatat(proc_fd, path, &owner, AT_SYMLINK_NOFOLLOW) == 0)
		gate->dumpable = (long)owner.st_uid == gate->target_uid[1];
}

static void read_user_spaces(int proc_fd, pid_t pid, struct ptrace_access *gate)
{
	char path[40], own[64] = "", target[64] = "";

	snprintf(path, sizeof path, "%d/ns/user", (int)pid);
	if (readlinkat(proc_fd, "self/ns/user", own, sizeof own - 1) > 0 &&
	    readlinkat(proc_fd, path, target, sizeof target - 1) > 0)
		gate->same_user_space = strcmp(own, target) == 0;
}

void ptrace_access_read(int proc_fd, pid_t pid, struct ptrace_access *gate)
{
	uint64_t own_effective = 0;
	char text[16];

	*gate = (struct ptrace_access){ .target_uid = { -1, -1, -1 },
					.target_gid = { -1, -1, -1 },
					.capability = -1,
					.yama = -1,
					.dumpable = -1,
					.own_seccomp = -1,
					.tracer = -1,
					.same_user_space = -1,
					.more_capable = -1 };
	read_own(proc_fd, gate, &own_effective);
	read_target(proc_fd, pid, gate, own_effective);
	read_user_spaces(proc_fd, pid, gate);
	if (read_small(proc_fd, "sys/kernel/yama/ptrace_scope", text, sizeof text) == 0)
		gate->yama = (int)strtol(text, NULL, 10);
}

static int differ(const long ids[3], long own)
{
	for (int i = 0; i < 3; i++)
		if (ids[i] >= 0 && ids[i] != own)
			return 1;
	return 0;
}

static const char own_filter[] =
	"the seccomp filter of our own process refused, or a security module (AppArmor, "
	"SELinux, ...): run this outside of the sandbox or container";

/* In the order in which the kernel asks: __ptrace_may_access() in kernel/ptrace.c, then the LSMs.
 */
static const char *verdict(const struct ptrace_access *gate)
{
	if (gate->capability == 1) {
		if (gate->yama >= 3)
			return "Yama forbids every attach (ptrace_scope 3, until the next boot)";
		if (gate->same_user_space == 0)
			return "it lives in a user namespace over which our CAP_SYS_PTRACE does "
			       "not reach: run this as "
			       "root of that namespace or of the host";
		if (gate->same_user_space < 0) /* the link to it is behind the same gate */
			return "it lives in a user namespace over which our CAP_SYS_PTRACE does "
			       "not reach, or a security "
			       "module (AppArmor, SELinux, ...) refused: run this as root of that "
			       "namespace or of the "
			       "host, or look into that module's log";
		if (gate->own_seccomp > 0)
			return own_filter;
		return "a security module (AppArmor, SELinux, ...) refused: look into its log";
	}
	if (differ(gate->target_uid, (long)gate->own_uid))
		return "it runs as another user: run this as that user or as root (CAP_SYS_PTRACE)";
	if (differ(gate->target_gid, (long)gate->own_gid))
		return "it runs with another group: run this with that group (sg(1)) or as root "
		       "(CAP_SYS_PTRACE)";
	if (gate->dumpable == 0)
		return "it is not dumpable (set-id program, file capabilities or PR_SET_DUMPABLE): "
		       "run this as root "
		       "(CAP_SYS_PTRACE)";
	if (gate->yama == 1)
		return "Yama lets only an ancestor read it (ptrace_scope 1): run this as root "
		       "(CAP_SYS_PTRACE), start "
		       "the process from here, or lower kernel.yama.ptrace_scope";
	if (gate->yama == 2)
		return "Yama asks for CAP_SYS_PTRACE (ptrace_scope 2): run this as root";
	if (gate->yama >= 3)
		return "Yama forbids every attach (ptrace_scope 3, until the next boot)";
	if (gate->more_capable == 1)
		return "it holds capabilities that we lack: run this as root (CAP_SYS_PTRACE)";
	if (gate->own_seccomp > 0)
		return own_filter;
	return "a security module (AppArmor, SELinux, ...) refused: look into its log, or run this "
	       "as root";
}

static const char *answer(int known)
{
	return known < 0 ? "unknown" : known ? "yes" : "no";
}

static void write_ids(const long ids[3], char *text, size_t size)
{
	if (ids[0] >= 0)
		snprintf(text, size, "%ld/%ld/%ld", ids[0], ids[1], ids[2]);
	else
		snprintf(text, size, "unknown");
}

void ptrace_access_text(const struct ptrace_access *gate, char *text, size_t size)
{
	char uids[64], gids[64], yama[16] = "absent";

	write_ids(gate->target_uid, uids, sizeof uids);
	write_ids(gate->target_gid, gids, sizeof gids);
	if (gate->yama >= 0)
		snprintf(yama, sizeof yama, "%d", gate->yama);
	snprintf(text, size,
		 "%s [our uid %ld, its uids %s, our gid %ld, its gids %s, our CAP_SYS_PTRACE %s, "
		 "dumpable %s, "
		 "Yama ptrace_scope %s, our seccomp mode %d, its tracer %ld, same user namespace "
		 "%s]",
		 verdict(gate), (long)gate->own_uid, uids, (long)gate->own_gid, gids,
		 answer(gate->capability), answer(gate->dumpable), yama, gate->own_seccomp,
		 gate->tracer, answer(gate->same_user_space));
}
