/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child process as a handle: spawn, pid, try_wait, wait, kill, output, close.
 *
 * The handle lives in three states. Running: from spawn until one of try_wait, wait or kill has
 * reaped the child. Consumed: from there on; only output, close and the functions that say so still
 * answer, every other call returns -ESRCH. Closed: the memory is gone.
 *
 * The child leads a process group of its own unless the options say otherwise. When the leader has
 * ended, what is left of its group is killed before the leader is reaped, because only until then
 * is the group's number certain to be its own: a payload leaves no orphan and no zombie.
 *
 * Different handles may be used from different threads; one handle by one thread at a time.
 * No function here prints, changes a signal disposition, or changes the caller's environment.
 */
#ifndef KTSTR_PAYLOAD_H
#define KTSTR_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktstr/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* One child process. Made by ktstr_payload_spawn, freed by ktstr_payload_close. Since 0.1. */
struct ktstr_payload;

/* Where one of the child's three standard streams goes. Since 0.1. */
enum ktstr_payload_stdio {
	KTSTR_PAYLOAD_STDIO_NULL = 0,    /* /dev/null */
	KTSTR_PAYLOAD_STDIO_INHERIT = 1, /* the caller's own */
	KTSTR_PAYLOAD_STDIO_FILE = 2, /* the file `path`: stdin reads it; stdout and stderr append,
					 mode 0666 & ~umask */
	KTSTR_PAYLOAD_STDIO_CAPTURE = 3 /* kept in memory for ktstr_payload_output; not for stdin */
};

struct ktstr_payload_stream {
	enum ktstr_payload_stdio kind;
	const char *
		path; /* for KTSTR_PAYLOAD_STDIO_FILE, else NULL; relative to the caller's folder */
};

/* Flags of struct ktstr_payload_options. Since 0.1. */
#define KTSTR_PAYLOAD_SHARE_GROUP                                                                \
	0x1u /* stay in the caller's process group: then only the child itself is ever signalled \
	      */
#define KTSTR_PAYLOAD_DIE_WITH_PARENT \
	0x2u /* SIGKILL when the spawning *thread* ends: PR_SET_PDEATHSIG, prctl(2) */
#define KTSTR_PAYLOAD_CLEAR_ENV 0x4u /* begin with an empty environment instead of the caller's */

/* Bytes kept of each captured stream when capture_limit is 0. Since 0.1. */
#define KTSTR_PAYLOAD_CAPTURE_LIMIT_DEFAULT ((size_t)1 << 20)

/* How to spawn. All zeros is a valid choice: streams on /dev/null, own group. Since 0.1. */
struct ktstr_payload_options {
	uint32_t flags;               /* KTSTR_PAYLOAD_…; an unknown bit is -EINVAL */
	const char *const *env_set;   /* "NAME=value", NULL-terminated, or NULL */
	const char *const *env_unset; /* "NAME", NULL-terminated, or NULL; done before env_set */
	const char *cwd;              /* the child's working directory, or NULL for the caller's */
	struct ktstr_payload_stream in;  /* stdin */
	struct ktstr_payload_stream out; /* stdout */
	struct ktstr_payload_stream err; /* stderr */
	size_t capture_limit; /* bytes kept of each captured stream; what comes later is read,
				 counted and dropped */
};

/* A captured stream, for ktstr_payload_output. Since 0.1. */
enum ktstr_payload_output_stream { KTSTR_PAYLOAD_STDOUT = 1, KTSTR_PAYLOAD_STDERR = 2 };

/* What was captured so far. Since 0.1. */
struct ktstr_payload_output {
	const char *data; /* `size` bytes and a NUL behind them; the handle's, valid until the next
			     call on it */
	size_t size;      /* bytes kept, at most capture_limit */
	uint64_t dropped; /* bytes read beyond capture_limit and thrown away */
};

/*
 * Starts argv[0] (looked up in the PATH of the child's environment, as execvpe(3) does) and returns
 * when its exec has succeeded or failed. argv ends with NULL; options may be NULL for all zeros.
 * Signals are unblocked and set to their defaults in the child.
 *
 * Returns 0 and a handle in *payload, which ktstr_payload_close frees. Otherwise a negative errno,
 * and *payload is NULL: the child's own errno when a step in the child failed (-ENOENT, -EACCES,
 * -ENOEXEC… from exec, from its working directory or from a file for a stream; the text says
 * which), -EINVAL for a bad argument, -EAGAIN, -EMFILE, -ENFILE, -ENOMEM from fork(2), pipe(2) or
 * pidfd_open(2). No process is left behind. Since 0.1.
 */
int ktstr_payload_spawn(const char *const argv[], const struct ktstr_payload_options *options,
			struct ktstr_payload **payload, struct ktstr_error *error);

/* The child's pid in the caller's pid namespace. Returns 0; -ESRCH once consumed. Since 0.1. */
int ktstr_payload_pid(const struct ktstr_payload *payload, pid_t *pid);

/*
 * Has the child ended? Never blocks. Drains captured output in passing.
 * Returns 0 and the wait status (wait(2), for WIFEXITED and its kin) when it has: the handle is
 * consumed. -EAGAIN while it runs. -ESRCH when consumed before. -ECHILD when it ended but its
 * status is lost (somebody else reaped it, or SIGCHLD is ignored on a kernel before 6.15, which
 * cannot tell): consumed as well. Since 0.1.
 */
int ktstr_payload_try_wait(struct ktstr_payload *payload, int *wait_status);

/*
 * Waits until the child has ended, draining captured output. timeout_ms: milliseconds, measured on
 * CLOCK_MONOTONIC from the call; negative waits without end; 0 is try_wait.
 * Returns as ktstr_payload_try_wait, but -ETIMEDOUT in place of -EAGAIN. Signals that the caller
 * handles do not end the wait. Since 0.1.
 */
int ktstr_payload_wait(struct ktstr_payload *payload, int timeout_ms, int *wait_status);

/*
 * SIGKILL to the child and to its whole group, then reaps it. Its output up to there is kept.
 * Returns as ktstr_payload_wait without a deadline; wait_status may be NULL. A child that had ended
 * already is reaped with the status that it ended with. Since 0.1.
 */
int ktstr_payload_kill(struct ktstr_payload *payload, int *wait_status);

/*
 * What was captured so far; while the child runs, what is in the pipe now is read first. Also
 * answers when consumed. Returns 0, -EINVAL when that stream was not captured, or what read(2) gave
 * when it failed: output then holds what came before. Since 0.1.
 */
int ktstr_payload_output(struct ktstr_payload *payload, enum ktstr_payload_output_stream stream,
			 struct ktstr_payload_output *output);

/* Kills what still runs, reaps it, frees the handle. NULL is allowed. errno is kept. Since 0.1. */
void ktstr_payload_close(struct ktstr_payload *payload);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
