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
#include <stdarg.h>
#include <stdbool.h>
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
	/* proc(5): the files of a process that is not dumpable belong to root; its directory does
	   not (task_dump_owner() in fs/proc/base.c). */
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

static bool differ(const long ids[3], long own)
{
	for (int i = 0; i < 3; i++)
		if (ids[i] >= 0 && ids[i] != own)
			return true;
	return false;
}

static bool is_other_user(const struct ptrace_access *gate)
{
	return differ(gate->target_uid, (long)gate->own_uid);
}

static bool is_other_group(const struct ptrace_access *gate)
{
	return differ(gate->target_gid, (long)gate->own_gid);
}

static bool is_not_dumpable(const struct ptrace_access *gate)
{
	return gate->dumpable == 0;
}

static bool is_yama_1(const struct ptrace_access *gate)
{
	return gate->yama == 1;
}

static bool is_yama_2(const struct ptrace_access *gate)
{
	return gate->yama == 2;
}

static bool is_yama_3(const struct ptrace_access *gate)
{
	return gate->yama >= 3;
}

static bool is_more_capable(const struct ptrace_access *gate)
{
	return gate->more_capable == 1;
}

/* In the order in which the kernel asks: __ptrace_may_access() in kernel/ptrace.c, then the LSMs.
 */
static const struct {
	bool (*is_shut)(const struct ptrace_access *gate);
	const char *reason;
	const char *remedy; /* beside the capability; where no other gate is shut */
} gates[] = {
	{ is_other_user, "it runs as another user", "or as that user" },
	{ is_other_group, "it runs with another group", "or with that group (sg(1))" },
	{ is_not_dumpable,
	  "it is not dumpable (set-id program, file capabilities or PR_SET_DUMPABLE)", NULL },
	{ is_more_capable, "it holds capabilities that we lack", NULL },
	{ is_yama_1, "Yama lets only an ancestor read it (ptrace_scope 1)",
	  "start the process from here, or lower kernel.yama.ptrace_scope" },
	{ is_yama_2, "Yama asks for CAP_SYS_PTRACE (ptrace_scope 2)",
	  "or lower kernel.yama.ptrace_scope" },
	{ is_yama_3, "Yama forbids every attach (ptrace_scope 3, until the next boot)", NULL },
};

/* A text that grows in a buffer, and is cut at its end. */
struct text {
	char *buffer;
	size_t size, length;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text->buffer + text->length, text->size - text->length, format, args);
	va_end(args);
	if (length > 0)
		text->length += (size_t)length;
	if (text->length >= text->size)
		text->length = text->size - 1;
}

/* Nothing that can be seen is shut. */
static void add_unseen(const struct ptrace_access *gate, struct text *text)
{
	if (gate->own_seccomp > 0)
		add(text, "the seccomp filter of our own process refused, or a security module "
			  "(AppArmor, SELinux, ...): run this outside of the sandbox or container");
	else if (gate->capability == 1)
		add(text, "a security module (AppArmor, SELinux, ...) refused: look into its log");
	else
		add(text, "a security module (AppArmor, SELinux, ...) refused: look into its log, "
			  "or run this as root");
}

/* With the capability only these are left. */
static void add_capable_verdict(const struct ptrace_access *gate, struct text *text)
{
	static const char outside[] =
		"it lives in a user namespace over which our CAP_SYS_PTRACE does not reach";
	bool yama = is_yama_3(gate);

	if (yama)
		add(text, "Yama forbids every attach (ptrace_scope 3, until the next boot)");
	if (gate->same_user_space == 0)
		add(text, "%s%s: run this as root of that namespace or of the host",
		    yama ? ", and " : "", outside);
	else if (gate->same_user_space < 0 && !yama) /* the link to it is behind the same gate */
		add(text,
		    "%s, or a security module (AppArmor, SELinux, ...) refused: run this as root "
		    "of that namespace or of the host, or look into that module's log",
		    outside);
	else if (!yama)
		add_unseen(gate, text);
}

static void add_remedy(const struct ptrace_access *gate, const char *own_remedy, struct text *text)
{
	if (is_yama_3(gate))
		add(text, ": boot with a lower kernel.yama.ptrace_scope first, then ");
	else
		add(text, ": ");
	if (gate->own_uid == 0)
		add(text, "this is uid 0 without CAP_SYS_PTRACE: give it that capability (a "
			  "container: --cap-add SYS_PTRACE)");
	else
		add(text, "run this as root (CAP_SYS_PTRACE)");
	if (own_remedy)
		add(text, ", %s", own_remedy);
}

/* All gates that are shut, so that nobody opens one after the other. */
static void add_verdict(const struct ptrace_access *gate, struct text *text)
{
	const char *remedy = NULL;
	size_t shut = 0;

	if (gate->capability == 1) {
		add_capable_verdict(gate, text);
		return;
	}
	for (size_t i = 0; i < sizeof gates / sizeof *gates; i++) {
		if (!gates[i].is_shut(gate))
			continue;
		add(text, "%s%s", shut ? ", and " : "", gates[i].reason);
		remedy = gates[i].remedy;
		shut++;
	}
	if (shut == 0) {
		add_unseen(gate, text);
		return;
	}
	if (gate->own_seccomp > 0)
		add(text, "; the seccomp filter of our own process may refuse as well");
	add_remedy(gate, shut == 1 ? remedy : NULL, text);
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

void ptrace_access_text(const struct ptrace_access *gate, char *buffer, size_t size)
{
	struct text text = { .buffer = buffer, .size = size };
	char uids[64], gids[64], yama[16] = "absent";

	write_ids(gate->target_uid, uids, sizeof uids);
	write_ids(gate->target_gid, gids, sizeof gids);
	if (gate->yama >= 0)
		snprintf(yama, sizeof yama, "%d", gate->yama);
	add_verdict(gate, &text);
	add(&text,
	    " [our uid %ld, its uids %s, our gid %ld, its gids %s, our CAP_SYS_PTRACE %s, "
	    "dumpable %s, Yama ptrace_scope %s, our seccomp mode %d, its tracer %ld, same user "
	    "namespace %s]",
	    (long)gate->own_uid, uids, (long)gate->own_gid, gids, answer(gate->capability),
	    answer(gate->dumpable), yama, gate->own_seccomp, gate->tracer,
	    answer(gate->same_user_space));
}
