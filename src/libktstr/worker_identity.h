/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What /proc tells of a worker: when it started, who owns it, and in which namespaces it lives.
 */
#ifndef KTSTR_WORKER_IDENTITY_H
#define KTSTR_WORKER_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The process was gone before anybody asked for its start. */
#define WORKER_START_UNKNOWN UINT64_MAX

struct worker_identity {
	uint64_t start_ns;     /* start on CLOCK_BOOTTIME, rounded down to a clock tick, or
				  WORKER_START_UNKNOWN */
	uint64_t tick_ns;      /* nanoseconds in a clock tick */
	uid_t effective_uid;   /* as the caller's user namespace shows it */
	uid_t file_system_uid; /* the owner of the files that it creates, credentials(7) */
	uint32_t inner_pid;    /* its pid as itself sees it: the last number of NSpid */
};

/* Where the worker's files are, next to the caller's. */
enum worker_place {
	WORKER_PLACE_OURS,  /* same mount namespace and root */
	WORKER_PLACE_OTHER, /* another mount namespace or root: look under /proc/<pid>/root */
	WORKER_PLACE_CHILD_PID_NS, /* it has made a pid namespace for its children: it is not the
				      worker itself */
	WORKER_PLACE_UNKNOWN,      /* the kernel does not let us compare */
	WORKER_PLACE_ENDED,        /* a zombie, or gone: nothing left to compare */
};

/* What a look at the worker's namespaces found. */
struct worker_namespaces {
	enum worker_place place;
	uint64_t mount_namespace; /* inode number, as in mnt:[4026531841]; 0 when unknown */
	uint64_t pid_namespace; /* of its children, for WORKER_PLACE_CHILD_PID_NS; 0 when unknown */
};

/*
 * Returns 0; -ESRCH when there is no such process, or pid is a thread that leads none; -EBADMSG
 * when /proc does not read as proc(5) describes it; or the errno of reading it.
 */
int worker_identity_read(pid_t pid, struct worker_identity *identity);

/* Looks at the namespaces now. Cannot fail: what is refused is WORKER_PLACE_UNKNOWN. */
void worker_namespaces_read(pid_t pid, struct worker_namespaces *namespaces);

/*
 * Tells what runs there, as `sh -c ...`, where that is not the worker, in at most `size` bytes of
 * printable ASCII. Returns false, and leaves text alone, when it is the worker or cannot be told.
 */
bool worker_identity_other_program(pid_t pid, char *text, size_t size);

/*
 * Reads /proc/<pid>/<name>, or as much of it as fits, NUL-terminated. Returns how many bytes, or a
 * negative errno; -ESRCH when it is not there.
 */
ssize_t worker_identity_read_file(pid_t pid, const char *name, char *text, size_t size);

#endif
