/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why the kernel refuses to let us read a process, and what would help. It never decides anything:
 * the kernel does; this explains the answer afterwards.
 */
#ifndef KTSTR_PTRACE_ACCESS_H
#define KTSTR_PTRACE_ACCESS_H

#include <stddef.h>
#include <sys/types.h>

/* What ptrace(2), "Ptrace access mode checking", looks at. Unknown: -1. */
struct ptrace_access {
	uid_t own_uid; /* effective */
	gid_t own_gid;
	long target_uid[3]; /* real, effective, saved */
	long target_gid[3];
	int capability;      /* CAP_SYS_PTRACE in our effective set: 1 or 0 */
	int yama;            /* kernel.yama.ptrace_scope; -1: not built in */
	int dumpable;        /* of the target: 1, 0 or -1 */
	int own_seccomp;     /* of our own: 0 off, 1 strict, 2 filter */
	long tracer;         /* the target's, 0: none */
	int same_user_space; /* both in one user namespace: 1, 0 or -1 */
	int more_capable;    /* it has a permitted capability that we have not: 1, 0 or -1 */
};

/* proc_fd: an open /proc. What cannot be read stays unknown. */
void ptrace_access_read(int proc_fd, pid_t pid, struct ptrace_access *gate);

/* One line: each gate that is shut, what to do, and the state of all of them. size is at least 1;
 * PTRACE_ACCESS_TEXT_SIZE is enough. */
#define PTRACE_ACCESS_TEXT_SIZE 900
void ptrace_access_text(const struct ptrace_access *gate, char *buffer, size_t size);

#endif
