/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every process of a host that the caller may read: which of them have a jemalloc, and a session on
 * each that has. Scanned again and again, what has not changed is not examined anew.
 *
 *	struct ktstr_host *host;
 *
 *	if (ktstr_host_new(&host, NULL, &error) == 0) {
 *		if (ktstr_host_scan(host, &error) == 0)
 *			for (size_t i = 0; i < ktstr_host_count(host); i++)
 *				use(ktstr_host_get(host, i));
 *		ktstr_host_free(host);
 *	}
 *
 * Errors and NULL as in <ktstr/probe.h>. One host is used by one thread at a time, apart from
 * ktstr_host_cancel().
 */
#ifndef KTSTR_HOST_H
#define KTSTR_HOST_H

#include <ktstr/probe.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* The processes, and what is known of them. Since 0.1. */
struct ktstr_host;

/* What a process is. Since 0.1. */
enum ktstr_host_verdict {
	KTSTR_HOST_OPEN = 0,    /* its jemalloc can be read: `probe' is an open session */
	KTSTR_HOST_NO_JEMALLOC, /* nothing that it has mapped carries one; or a kernel thread */
	KTSTR_HOST_REFUSED      /* tag, code and text say why it cannot be read */
};

/*
 * One process. Identify it by (pid, start_time): pids are reused. Only the library allocates these,
 * and later versions add members at the end. Since 0.1.
 */
struct ktstr_host_process {
	pid_t pid;
	enum ktstr_host_verdict verdict;
	int is_new;          /* not there at the scan before, or ran another program then */
	int tag;             /* of REFUSED: an enum ktstr_probe_tag */
	int code;            /* of REFUSED: a negative errno */
	char comm[16];       /* its name: up to 15 arbitrary bytes, NUL-terminated */
	uint64_t start_time; /* clock ticks since boot: field 22 of its stat */
	const char *text;    /* of REFUSED: one line, as struct ktstr_error has it; else NULL */
	struct ktstr_probe *probe; /* of OPEN, else NULL; the host's: not to be closed */
};

/* Returns non-zero for a process that is to be examined; others are not listed. */
typedef int (*ktstr_host_wants)(void *context, pid_t pid, const char *comm);

/*
 * Choices of a host. Start from KTSTR_HOST_OPTIONS_INIT, or from zeros and set `size`, which
 * follows the rule of struct ktstr_probe_options. Since 0.1.
 */
struct ktstr_host_options {
	size_t size;                             /* sizeof(struct ktstr_host_options) */
	const struct ktstr_probe_options *probe; /* of each session, copied; NULL: the defaults. A
						    file_cache of NULL is one of the host's own */
	ktstr_host_wants wants;                  /* NULL: all */
	void *context;                           /* passed to wants */
	size_t sessions_limit; /* most sessions at once; 0: as many as the limit of descriptors,
				  RLIMIT_NOFILE, allows. Others are refused with -EMFILE */
};

#define KTSTR_HOST_OPTIONS_INIT                               \
	{                                                     \
		sizeof(struct ktstr_host_options), 0, 0, 0, 0 \
	}

/*
 * Makes a host of which nothing is known yet. host: gets it, to be freed with ktstr_host_free; NULL
 * on failure. options: copied; may be NULL.
 *
 * Returns 0; -EINVAL, -E2BIG and -ENOMEM as ktstr_probe_new; or why /proc cannot be opened. Since
 * 0.1.
 */
int ktstr_host_new(struct ktstr_host **host, const struct ktstr_host_options *options,
		   struct ktstr_error *error);

/*
 * Lists the processes, opens a session on those with jemalloc that had none, and closes those of
 * processes that have ended or run another program. The caller's own process is left out, and what
 * ends meanwhile. A process without jemalloc is examined again when its executable mappings have
 * changed, and in any case after a minute.
 *
 * Returns 0; -EINVAL; -ECANCELED, after which what was known before may be incomplete; -ENOMEM; or
 * why /proc cannot be read. Since 0.1.
 */
int ktstr_host_scan(struct ktstr_host *host, struct ktstr_error *error);

/* Makes a scan that is under way end after the process that it examines, and later ones at once.
 * May be called from a signal handler and from any thread. NULL does nothing. Since 0.1. */
void ktstr_host_cancel(struct ktstr_host *host);

/* How many processes the last scan listed. Since 0.1. */
size_t ktstr_host_count(const struct ktstr_host *host);

/* The process at index, in ascending order of pid; NULL when there is none. Owned by the host,
 * valid until the next scan, as is its text; its session for as long as it stays OPEN. Since 0.1.
 */
const struct ktstr_host_process *ktstr_host_get(const struct ktstr_host *host, size_t index);

/* Ends all sessions and frees the host. host: may be NULL. Since 0.1. */
void ktstr_host_free(struct ktstr_host *host);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
