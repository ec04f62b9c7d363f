/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child process as a handle: spawn, pid, pidfd, signal, try_wait, wait, kill, output, close.
 *
 * A handle has two states. Running: from ktstr_payload_spawn until try_wait, wait or kill has
 * reaped the child. Consumed: from then on. A consumed handle still answers ktstr_payload_output
 * and is still to be closed; every other call returns -ESRCH.
 *
 * The child leads a process group of its own unless the options say otherwise. When the leader has
 * ended, what is left of its group is killed before the leader is reaped, because only until then
 * is the group's number certain to be its own: a payload leaves no orphan and no zombie.
 *
 * Functions return 0 or a negative errno. On failure they describe it in `error`, which may be
 * NULL. Any other pointer may be NULL only where its description says so: otherwise NULL is
 * -EINVAL. Thread safety: different handles may be used from different threads at once; one handle
 * by one thread at a time.
 *
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

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* One child process. Made by ktstr_payload_spawn, freed by ktstr_payload_close. Since 0.1. */
struct ktstr_payload;

/* Where one of the child's three standard streams goes. Since 0.1. */
enum ktstr_payload_stdio {
	KTSTR_PAYLOAD_STDIO_NULL = 0,    /* /dev/null */
	KTSTR_PAYLOAD_STDIO_INHERIT = 1, /* the caller's own */
	KTSTR_PAYLOAD_STDIO_FILE = 2,    /* the file `path`: stdin reads it; stdout and stderr
					    append to it, and create it with mode 0666 & ~umask */
	KTSTR_PAYLOAD_STDIO_CAPTURE = 3 /* kept in memory for ktstr_payload_output; not for stdin */
};

/* One standard stream of the child. All zeros is /dev/null. Since 0.1. */
struct ktstr_payload_stream {
	enum ktstr_payload_stdio kind;
	const char *path;     /* for KTSTR_PAYLOAD_STDIO_FILE, relative to the caller's working
				 directory; else NULL */
	uint64_t reserved[2]; /* 0, or the spawn fails with -EINVAL; room for later versions */
};

/* Flags of struct ktstr_payload_options. Since 0.1. */

/* Stay in the caller's process group: then only the child itself is ever signalled. */
#define KTSTR_PAYLOAD_SHARE_GROUP     0x1u
/* SIGKILL when the spawning *thread* ends: PR_SET_PDEATHSIG, prctl(2). */
#define KTSTR_PAYLOAD_DIE_WITH_PARENT 0x2u
/* Begin with an empty environment instead of the caller's. */
#define KTSTR_PAYLOAD_CLEAR_ENV       0x4u
/* Enter the cgroup behind cgroup_fd before anything of the program is executed. */
#define KTSTR_PAYLOAD_CGROUP          0x8u

/* Bytes kept of each captured stream when capture_limit is 0. Since 0.1. */
#define KTSTR_PAYLOAD_CAPTURE_LIMIT_DEFAULT ((size_t)1 << 20)

/*
 * How to spawn. Start from KTSTR_PAYLOAD_OPTIONS_INIT, or from zeros and set `size`. The other
 * members may all be 0: streams on /dev/null, a process group of its own.
 *
 * Later versions add members at the end. `size` says which ones the caller has: those that it lacks
 * count as 0; those that the library does not know must be 0, otherwise the spawn fails with
 * -E2BIG. A size smaller than the member `size` itself, such as 0, is -EINVAL. Since 0.1.
 */
struct ktstr_payload_options {
	size_t size;                  /* sizeof(struct ktstr_payload_options) */
	uint32_t flags;               /* KTSTR_PAYLOAD_…; an unknown bit is -EINVAL */
	int cgroup_fd;                /* with KTSTR_PAYLOAD_CGROUP: a descriptor of a cgroup's
					 directory (version 1 or 2), O_PATH suffices; else 0 */
	const char *const *env_set;   /* "NAME=value", NULL-terminated, or NULL */
	const char *const *env_unset; /* "NAME", NULL-terminated, or NULL; done before env_set */
	const char *cwd;              /* the child's working directory, or NULL for the caller's */
	struct ktstr_payload_stream in;  /* stdin */
	struct ktstr_payload_stream out; /* stdout */
	struct ktstr_payload_stream err; /* stderr */
	size_t capture_limit;            /* bytes kept of each captured stream; 0 stands for
					    KTSTR_PAYLOAD_CAPTURE_LIMIT_DEFAULT.
					    What comes later is read, counted
					    and dropped */
};

#define KTSTR_PAYLOAD_STREAM_INIT               \
	{                                       \
		KTSTR_PAYLOAD_STDIO_NULL, NULL, \
		{                               \
			0, 0                    \
		}                               \
	}

#define KTSTR_PAYLOAD_OPTIONS_INIT                                            \
	{                                                                     \
		sizeof(struct ktstr_payload_options), 0, 0, NULL, NULL, NULL, \
			KTSTR_PAYLOAD_STREAM_INIT, KTSTR_PAYLOAD_STREAM_INIT, \
			KTSTR_PAYLOAD_STREAM_INIT, 0                          \
	}

/* A captured stream, for ktstr_payload_output. Since 0.1. */
enum ktstr_payload_output_stream { KTSTR_PAYLOAD_STDOUT = 1, KTSTR_PAYLOAD_STDERR = 2 };

/* What was captured so far. The call fills in all of it. Since 0.1. */
struct ktstr_payload_captured {
	const char *data; /* `size` bytes and a terminating NUL; owned by the handle, valid until
			     the next call on it */
	size_t size;      /* bytes kept, at most capture_limit */
	uint64_t dropped; /* bytes read beyond capture_limit and thrown away */
	uint64_t reserved[4]; /* 0; room for later versions */
};

/*
 * Starts a program and returns when its exec has succeeded or failed. Signals are unblocked and set
 * to their defaults in the child.
 *
 * argv: the program and its arguments, ending with NULL. argv[0] is looked up in the PATH of the
 * child's environment, as execvpe(3) does. options: may be NULL for KTSTR_PAYLOAD_OPTIONS_INIT;
 * nothing of it is kept. payload: gets the handle, to be freed with ktstr_payload_close; NULL on
 * failure.
 *
 * Returns 0, or
 *   -EINVAL   a bad argument or option
 *   -E2BIG    options has a member that this version does not know, or exec: too many arguments
 *   -EAGAIN, -ENOMEM, -EMFILE, -ENFILE   from fork(2), pipe(2), socketpair(2) or pidfd_open(2)
 *   -ENOENT, -EACCES, -ENOEXEC, …        the child's own errno, when its exec failed, or what comes
 *             before it: its cgroup, its streams, its working directory. error->step is then
 *             "exec", "cgroup", "stdin", "stdout", "stderr" or "working directory".
 * On failure no process is left behind. Since 0.1.
 */
int ktstr_payload_spawn(const char *const argv[], const struct ktstr_payload_options *options,
			struct ktstr_payload **payload, struct ktstr_error *error);

/*
 * The child's pid in the caller's pid namespace.
 * Returns 0, -EINVAL, or -ESRCH when consumed. Since 0.1.
 */
int ktstr_payload_pid(const struct ktstr_payload *payload, pid_t *pid, struct ktstr_error *error);

/*
 * The child's pidfd, for an event loop: poll(2) and epoll(7) report it readable when the child has
 * ended; then ktstr_payload_try_wait reaps it. It belongs to the handle, which closes it when it is
 * consumed: do not close it, and take it out of the event loop first. An event loop that captures
 * output must call ktstr_payload_try_wait or ktstr_payload_output from time to time: a child blocks
 * when the pipe is full.
 *
 * Returns 0, -EINVAL, -ESRCH when consumed, or -ENOSYS where pidfd_open(2) does not exist or is
 * filtered. Since 0.1.
 */
int ktstr_payload_pidfd(const struct ktstr_payload *payload, int *pidfd, struct ktstr_error *error);

/*
 * Sends a signal to the child alone, not to its group, and never to a process that has reused its
 * pid. It may be any that kill(2) takes, also 0 to send none. The handle is not consumed, not even
 * by SIGKILL. A child that has ended but is not reaped yet takes any signal, to no effect.
 *
 * Returns 0, -EINVAL for a bad argument or signal number, -ESRCH when consumed or reaped by
 * somebody else, or -EPERM when the child runs as another user. Since 0.1.
 */
int ktstr_payload_signal(struct ktstr_payload *payload, int signo, struct ktstr_error *error);

/*
 * Has the child ended? Never blocks. Reads captured output in passing.
 * wait_status: gets the status as wait(2) gives it (for WIFEXITED and the like); may be NULL.
 *
 * Returns 0 when it has ended: the handle is consumed. Otherwise
 *   -EAGAIN   it runs
 *   -ECHILD   it has ended, but its status is lost (somebody else reaped it, or SIGCHLD is ignored
 *             and the kernel is older than 6.15): the handle is consumed as well
 *   -ESRCH    consumed before
 *   -EINVAL   a bad argument
 * Since 0.1.
 */
int ktstr_payload_try_wait(struct ktstr_payload *payload, int *wait_status,
			   struct ktstr_error *error);

/*
 * Waits until the child has ended, reading captured output meanwhile. Signals that the caller
 * handles do not end the wait.
 * timeout_ms: milliseconds from the call, measured on CLOCK_MONOTONIC. Negative: no timeout. 0: do
 * not block. wait_status: may be NULL.
 *
 * Returns as ktstr_payload_try_wait, but -ETIMEDOUT in place of -EAGAIN; or -ENOMEM from ppoll(2).
 * Since 0.1.
 */
int ktstr_payload_wait(struct ktstr_payload *payload, int timeout_ms, int *wait_status,
		       struct ktstr_error *error);

/*
 * Sends SIGKILL to the child and to its whole group, and reaps the child. Output that it wrote
 * before is kept. wait_status: may be NULL. A child that had ended already is reaped with the
 * status that it ended with.
 *
 * Returns 0, -ECHILD, -ESRCH or -EINVAL as ktstr_payload_try_wait; or -EPERM when the child runs as
 * another user, such as a set-user-ID program: the handle is not consumed. Since 0.1.
 */
int ktstr_payload_kill(struct ktstr_payload *payload, int *wait_status, struct ktstr_error *error);

/*
 * What was captured so far. While the child runs, what is in the pipe now is read first. Works on a
 * consumed handle as well. output->data lives until the next call on the handle.
 *
 * Returns 0; -EINVAL for a bad argument, or when that stream was not captured; or the errno of a
 * read(2) that failed: output then holds what came before. Since 0.1.
 */
int ktstr_payload_output(struct ktstr_payload *payload, enum ktstr_payload_output_stream stream,
			 struct ktstr_payload_captured *output, struct ktstr_error *error);

/*
 * Kills what still runs, reaps it, frees the handle. payload: may be NULL. Keeps errno. A child
 * that may not be killed (see ktstr_payload_kill) is left running. Since 0.1.
 */
void ktstr_payload_close(struct ktstr_payload *payload);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
