/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts a child process: fork, set the child up, exec, and report which step failed.
 * Called by payload.c. What the child needs is made by plan_make before the fork, because after it
 * a child of a threaded caller may use async-signal-safe functions only (signal-safety(7)).
 */
#include "config.h"

#include "payload_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error_private.h"
#include "pidfd.h"

#define EXIT_SETUP_FAILED 127 /* as a shell does; seen by nobody but a debugger */
#define GO 'g'
#define STOP 's'

enum step { STEP_STDIN, STEP_STDOUT, STEP_STDERR, STEP_WORD, STEP_PDEATHSIG, STEP_GROUP, STEP_CWD, STEP_EXEC };

/* What the child sends when a step failed. Nothing is sent on success: exec closes the socket. */
struct report {
	int step;
	int error; /* a positive errno */
};

/* All that the child works with. */
struct plan {
	const char *const *argv;
	const char **env;
	char *candidates; /* paths to try, each ended by a NUL, the list by an empty one */
	const struct ktstr_payload_options *options;
	const int *capture_fds;
	pid_t parent;
	int parent_end, child_end; /* of the socket pair */
};

int ktstr_fd_above_stdio(int fd)
{
	int moved;

	if (fd < STDIN_FILENO || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (moved < 0)
		moved = -errno;
	close(fd);
	return moved;
}

/* ---- before the fork: the environment and the search path ---- */

static const char *env_value(const char *const *env, const char *name)
{
	size_t length = strlen(name);

	for (; *env; env++)
		if (!strncmp(*env, name, length) && (*env)[length] == '=')
			return *env + length + 1;
	return NULL;
}

/* Takes every entry with the name that name[0..length) spells out of env. Returns the new count. */
static size_t env_remove(const char **env, size_t count, const char *name, size_t length)
{
	size_t from, to = 0;

	for (from = 0; from < count; from++)
		if (strncmp(env[from], name, length) != 0 || env[from][length] != '=')
			env[to++] = env[from];
	return to;
}

static const char **env_make(const struct ktstr_payload_options *options)
{
	static const char *const none[] = {NULL};
	const char *const *set = options->env_set ? options->env_set : none;
	const char *const *unset = options->env_unset ? options->env_unset : none;
	const char *const *own = none;
	size_t own_count = 0, set_count = 0, count = 0;
	const char **env;

	if (environ && !(options->flags & KTSTR_PAYLOAD_CLEAR_ENV))
		own = (const char *const *)environ;
	while (own[own_count])
		own_count++;
	while (set[set_count])
		set_count++;
	env = calloc(own_count + set_count + 1, sizeof *env);
	if (!env)
		return NULL;
	for (; count < own_count; count++)
		env[count] = own[count];
	for (; *unset; unset++)
		count = env_remove(env, count, *unset, strlen(*unset));
	for (; *set; set++) {
		count = env_remove(env, count, *set, (size_t)(strchr(*set, '=') - *set));
		env[count++] = *set;
	}
	env[count] = NULL;
	return env;
}

/* The paths that execvpe(3) would try, in its order. An empty element of PATH is the working directory. */
static char *candidates_make(const char *name, const char *search)
{
	size_t elements = 1, length, name_size = strlen(name) + 1;
	const char *colon;
	char *list, *end;

	if (strchr(name, '/') || !*name)
		search = "";
	else if (!search)
		search = "/bin:/usr/bin"; /* execvpe(3): the default where PATH is not set */
	for (colon = search; (colon = strchr(colon, ':')); colon++)
		elements++;
	list = malloc(strlen(search) + elements * (name_size + 1) + 1);
	if (!list)
		return NULL;
	for (end = list;; search += length + 1) {
		length = strcspn(search, ":");
		memcpy(end, search, length);
		end += length;
		if (length)
			*end++ = '/';
		memcpy(end, name, name_size);
		end += name_size;
		if (!search[length])
			break;
	}
	*end = '\0';
	return list;
}

static void plan_free(struct plan *plan)
{
	free(plan->env);
	free(plan->candidates);
	if (plan->parent_end >= 0)
		close(plan->parent_end);
	if (plan->child_end >= 0)
		close(plan->child_end);
}

static int plan_make(struct plan *plan)
{
	int ends[2];

	plan->env = env_make(plan->options);
	if (!plan->env)
		return -ENOMEM;
	plan->candidates = candidates_make(plan->argv[0], env_value(plan->env, "PATH"));
	if (!plan->candidates)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	plan->parent_end = ktstr_fd_above_stdio(ends[0]);
	plan->child_end = ktstr_fd_above_stdio(ends[1]);
	if (plan->parent_end < 0 || plan->child_end < 0)
		return plan->parent_end < 0 ? plan->parent_end : plan->child_end;
	return 0;
}

/* ---- in the child: async-signal-safe functions only ---- */

static _Noreturn void child_fail(const struct plan *plan, enum step step, int error)
{
	struct report report = {.step = (int)step, .error = error};

	while (send(plan->child_end, &report, sizeof report, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	_exit(EXIT_SETUP_FAILED);
}

/*
 * Waits for the word of the parent, which has the pidfd by then. Until the exec the child dies with
 * its parent in any case: a parent killed in the middle of a spawn leaves nothing behind, although
 * children of its other threads may hold copies of this socket.
 */
static void child_wait_for_go(const struct plan *plan)
{
	int wants_death = !!(plan->options->flags & KTSTR_PAYLOAD_DIE_WITH_PARENT);
	int err = prctl(PR_SET_PDEATHSIG, SIGKILL) ? errno : 0;
	pid_t parent = getppid();
	char word = STOP;
	ssize_t got;

	/* Set too late if the parent is gone. 0: the parent is outside of the child's pid namespace. */
	if (parent != plan->parent && parent != 0)
		_exit(EXIT_SETUP_FAILED);
	close(plan->parent_end);
	do {
		got = recv(plan->child_end, &word, 1, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		child_fail(plan, STEP_WORD, errno);
	if (got != 1 || word != GO)
		_exit(EXIT_SETUP_FAILED);
	if (err && wants_death)
		child_fail(plan, STEP_PDEATHSIG, err);
}

/* The file descriptor, 3 or more, that will become standard stream `target`; -1 to leave it alone. */
static int child_open_stream(const struct plan *plan, const struct ktstr_payload_stream *stream, int target)
{
	const char *path = "/dev/null";
	int flags = target == STDIN_FILENO ? O_RDONLY : O_WRONLY;
	int fd;

	switch (stream->kind) {
	case KTSTR_PAYLOAD_STDIO_INHERIT:
		return -1;
	case KTSTR_PAYLOAD_STDIO_CAPTURE:
		return plan->capture_fds[target];
	case KTSTR_PAYLOAD_STDIO_FILE:
		path = stream->path;
		if (target != STDIN_FILENO)
			flags |= O_APPEND | O_CREAT;
		break;
	case KTSTR_PAYLOAD_STDIO_NULL:
		break;
	}
	do {
		fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		child_fail(plan, (enum step)(STEP_STDIN + target), errno);
	fd = ktstr_fd_above_stdio(fd);
	if (fd < 0)
		child_fail(plan, (enum step)(STEP_STDIN + target), -fd);
	return fd;
}

static void child_set_streams(const struct plan *plan)
{
	const struct ktstr_payload_options *options = plan->options;
	int fds[3];
	int target;

	/* All are opened before the first is put in its place, so that none overwrites another. */
	fds[0] = child_open_stream(plan, &options->in, STDIN_FILENO);
	fds[1] = child_open_stream(plan, &options->out, STDOUT_FILENO);
	fds[2] = child_open_stream(plan, &options->err, STDERR_FILENO);
	for (target = STDIN_FILENO; target <= STDERR_FILENO; target++)
		if (fds[target] >= 0 && dup2(fds[target], target) < 0)
			child_fail(plan, (enum step)(STEP_STDIN + target), errno);
}

/* Handlers first, the mask after: a pending signal must not run a handler of the caller here. */
static void child_reset_signals(void)
{
	struct sigaction fallback = {.sa_handler = SIG_DFL};
	sigset_t none;
	int signo;

	for (signo = 1; signo < NSIG; signo++)
		sigaction(signo, &fallback, NULL); /* refused for SIGKILL, SIGSTOP and libc's own */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Tries the candidates with the rules of execvpe(3). Returns only if none could be executed. */
static int child_exec(const struct plan *plan)
{
	char *const *argv = (char *const *)plan->argv;
	char *const *env = (char *const *)plan->env;
	int error = ENOENT, denied = 0;
	const char *path;

	for (path = plan->candidates; *path; path += strlen(path) + 1) {
		execve(path, argv, env);
		error = errno;
		if (error == EACCES)
			denied = 1;
		else if (error != ENOENT && error != ENOTDIR && error != ESTALE && error != ENODEV &&
			 error != ETIMEDOUT)
			return error;
	}
	return denied ? EACCES : error;
}

static _Noreturn void child_run(const struct plan *plan)
{
	const struct ktstr_payload_options *options = plan->options;

	child_wait_for_go(plan);
	if (!(options->flags & KTSTR_PAYLOAD_SHARE_GROUP) && setpgid(0, 0))
		child_fail(plan, STEP_GROUP, errno);
	child_set_streams(plan); /* before chdir: paths are relative to the caller's folder */
	if (options->cwd && chdir(options->cwd))
		child_fail(plan, STEP_CWD, errno);
	child_reset_signals();
	if (!(options->flags & KTSTR_PAYLOAD_DIE_WITH_PARENT))
		prctl(PR_SET_PDEATHSIG, 0);
	child_fail(plan, STEP_EXEC, child_exec(plan));
}

/* ---- in the parent, after the fork ---- */

/* Returns 0, or a negative errno: the child, which would wait for it without end, then hears the end of file. */
static int tell_child(const struct plan *plan, char word)
{
	ssize_t sent;

	do {
		sent = send(plan->parent_end, &word, 1, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent == 1)
		return 0;
	sent = -errno;
	shutdown(plan->parent_end, SHUT_WR);
	/* A child that was killed meanwhile does not hear it; its status will tell. */
	return sent == -EPIPE || sent == -ECONNRESET ? 0 : (int)sent;
}

/* The child is on its way out, so this does not block for long. */
static void reap_failed(pid_t pid, int pidfd)
{
	siginfo_t info;
	int err;

	do {
		err = waitid(pidfd >= 0 ? P_PIDFD : P_PID, (id_t)(pidfd >= 0 ? pidfd : pid), &info, WEXITED);
	} while (err && errno == EINTR); /* ECHILD: ended and reaped already, as when SIGCHLD is ignored */
}

/*
 * Returns 1 when a step failed, 0 when the child has got through its exec or was killed before.
 * The pidfd is watched too, so that a copy of the socket in a process that another thread forked
 * does not hold up the news of a failure. (Such a process, if it never execs, holds up a success
 * until it ends: the end of file is the only sign of it.)
 */
static int read_report(int parent_end, int pidfd, struct report *report)
{
	struct pollfd fds[2] = {{.fd = parent_end, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
	int resets = 0;
	ssize_t got;

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	/*
	 * With the child ended, what it had to say is there already. When it could not read its word, the
	 * word left unread makes a reset of its end of file, which comes before the report, once.
	 */
	do {
		got = recv(parent_end, report, sizeof *report, fds[1].revents ? MSG_DONTWAIT : 0);
	} while (got < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	return got == (ssize_t)sizeof *report;
}

static const char *exec_advice(int error, const char *name)
{
	switch (error) {
	case ENOENT:
		return strchr(name, '/') ? "check the path, and for a script the interpreter after its #!"
					 : "check that it is installed and in PATH";
	case EACCES:
		return strchr(name, '/') ? "check that it is a file, not a folder, and has permission to be executed"
					 : "check that it has permission to be executed, and the folders of PATH to be entered";
	case ENOEXEC:
		return "it is neither a program for this machine nor a script that begins with #!";
	case E2BIG:
		return "pass fewer or shorter arguments and environment variables";
	default:
		return "see execve(2)";
	}
}

static int explain(const struct plan *plan, const struct report *report, struct ktstr_error *error)
{
	const struct ktstr_payload_options *options = plan->options;
	const struct ktstr_payload_stream *streams[] = {&options->in, &options->out, &options->err};
	static const char *const names[] = {"stdin", "stdout", "stderr"};
	const char *path;
	int code = -report->error;

	errno = report->error; /* for %m */
	switch ((enum step)report->step) {
	case STEP_STDIN:
	case STEP_STDOUT:
	case STEP_STDERR:
		path = streams[report->step]->path ? streams[report->step]->path : "/dev/null";
		return ktstr_error_set(error, code, "cannot open '%s' as the child's %s: %m (errno %d); check that %s",
				       path, names[report->step], report->error,
				       report->step == STEP_STDIN ? "it exists and may be read"
								  : "its folder exists and it may be written");
	case STEP_WORD:
		return ktstr_error_set(error, code, "cannot start '%s': its child process was not told to go on: %m "
				       "(errno %d)", plan->argv[0], report->error);
	case STEP_PDEATHSIG:
		return ktstr_error_set(error, code, "cannot let the child die with its parent: %m (errno %d); "
				       "spawn it without KTSTR_PAYLOAD_DIE_WITH_PARENT", report->error);
	case STEP_GROUP:
		return ktstr_error_set(error, code, "cannot give the child its own process group: %m (errno %d); "
				       "spawn it with KTSTR_PAYLOAD_SHARE_GROUP", report->error);
	case STEP_CWD:
		return ktstr_error_set(error, code, "cannot enter the child's working directory '%s': %m (errno %d); "
				       "check that it exists and may be entered", options->cwd, report->error);
	case STEP_EXEC:
		break;
	}
	return ktstr_error_set(error, code, "cannot execute '%s': %m (errno %d); %s", plan->argv[0],
			       report->error, exec_advice(report->error, plan->argv[0]));
}

static pid_t fork_with_signals_blocked(struct plan *plan)
{
	sigset_t all, before;
	pid_t pid;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	plan->parent = getpid();
	pid = fork();
	if (pid == 0)
		child_run(plan);
	err = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = err;
	return pid;
}

/* Answers 0 also where the system has no pidfds; *pidfd is then -1. */
static int open_pidfd(pid_t pid, int *pidfd)
{
	int fd = ktstr_fd_above_stdio(ktstr_pidfd_open(pid));

	*pidfd = fd < 0 ? -1 : fd;
	return fd == -ENOSYS || fd == -EPERM || fd >= 0 ? 0 : fd;
}

int ktstr_spawn(const char *const argv[], const struct ktstr_payload_options *options,
		const int capture_fds[3], pid_t *pid, int *pidfd, struct ktstr_error *error)
{
	struct plan plan = {
		.argv = argv, .options = options, .capture_fds = capture_fds, .parent_end = -1, .child_end = -1,
	};
	struct report report;
	int err, untold;

	err = plan_make(&plan);
	if (!err) {
		*pid = fork_with_signals_blocked(&plan);
		err = *pid < 0 ? -errno : 0;
	}
	if (err) {
		errno = -err; /* for %m */
		ktstr_error_set(error, err, "cannot start '%s': %m (errno %d); check the limits on processes, "
				"memory and open files", argv[0], -err);
		goto out;
	}
	/* Until it has heard GO the child cannot end by itself, so that pid is certain to be its own. */
	err = open_pidfd(*pid, pidfd);
	untold = tell_child(&plan, err ? STOP : GO);
	close(plan.child_end); /* the copy here would keep the end of file away */
	plan.child_end = -1;
	if (err) {
		errno = -err;
		ktstr_error_set(error, err, "cannot open a pidfd for '%s': %m (errno %d); check the limit on open "
				"files", argv[0], -err);
	} else if (untold) {
		err = untold;
		errno = -err;
		ktstr_error_set(error, err, "cannot start '%s': its child process cannot be told to go on: %m (errno %d); "
				"check the limits on memory", argv[0], -err);
	} else if (read_report(plan.parent_end, *pidfd, &report)) {
		err = explain(&plan, &report, error);
	}
	if (err) {
		reap_failed(*pid, *pidfd);
		if (*pidfd >= 0)
			close(*pidfd);
	}
out:
	plan_free(&plan);
	return err;
}
