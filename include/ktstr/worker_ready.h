/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The path contract between a worker and whoever waits for it: literals and the marker's path.
 * src/libktstr/worker_ready.c is compiled twice, into libktstr and straight into the worker, so
 * this header and that file use libc headers only. Each literal is a macro, which concatenates at
 * compile time, and an exported symbol of the same text, for callers in other languages.
 *
 * For the same reason the one function here takes no struct ktstr_error. NULL for a pointer is
 * -EINVAL. Thread safety: all of this may be used from any thread.
 */
#ifndef KTSTR_WORKER_READY_H
#define KTSTR_WORKER_READY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The marker's path is this prefix and the worker's pid, decimal, without padding. Since 0.1. */
#define KTSTR_WORKER_READY_MARKER_PREFIX "/tmp/ktstr-worker-ready-"

/*
 * Environment variable of the worker. Set and not empty, it names the marker's path instead of the
 * default one. For tests only. Since 0.1.
 */
#define KTSTR_WORKER_READY_MARKER_OVERRIDE_ENV "KTSTR_WORKER_READY_MARKER_OVERRIDE"

/* Each line of the worker on stderr begins with this and a space. Since 0.1. */
#define KTSTR_WORKER_STDERR_PREFIX "jemalloc-alloc-worker:"

/* The worker's one line on stdout begins with this and a space. Since 0.1. */
#define KTSTR_WORKER_STDOUT_READY_PREFIX "jemalloc-alloc-worker ready"

/*
 * Bytes that the path of any pid fits in, with the terminating NUL: the prefix and the ten digits
 * of UINT32_MAX. (sizeof counts the NUL.) Since 0.1.
 */
#define KTSTR_WORKER_READY_MARKER_PATH_SIZE (sizeof(KTSTR_WORKER_READY_MARKER_PREFIX) + 10)

#pragma GCC visibility push(default)

/* The four literals above as NUL-terminated symbols. Static text. Since 0.1. */
extern const char ktstr_worker_ready_marker_prefix[];
extern const char ktstr_worker_ready_marker_override_env[];
extern const char ktstr_worker_stderr_prefix[];
extern const char ktstr_worker_stdout_ready_prefix[];

/*
 * Writes the default marker path of a worker, NUL-terminated. Allocates nothing, makes no system
 * call, and is async-signal-safe.
 *
 * pid: as the worker itself sees it, in its innermost pid namespace. buf: size bytes, the caller's;
 * KTSTR_WORKER_READY_MARKER_PATH_SIZE always suffice.
 *
 * Returns 0; -EINVAL when buf is NULL; -ERANGE when size is too small: then buf is the empty string
 * if size is not 0. Since 0.1.
 */
int ktstr_worker_ready_marker_path(uint32_t pid, char *buf, size_t size);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
