/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the child of a fork does until its exec, with async-signal-safe functions only, as it may be
 * the copy of a threaded process (signal-safety(7)).
 */
#include "config.h"

#include "payload_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXIT_SETUP_FAILED 127 /* as a shell does; seen by nobody but a debugger */

int fd_above_stdio(int fd)
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

static _Noreturn void child_fail(const struct payload_plan *plan, enum payload_step step, int error)
{
	struct payload_report report = { .step = (int)step, .error = error };

	while (send(plan->child_end, &report, sizeof report, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	_exit(EXIT_SETUP_FAILED);
}

/*
 * Waits for the word of the parent, which has the pidfd by then. Until the exec the child dies with
 * its parent in any case: a parent killed in the middle of a spawn leaves nothing behind, although
 * children of its other threads may hold copies of this socket.
 */
static void child_wait_for_go(const struct payload_plan *plan)
{
	bool wants_death = plan->options->flags & KTSTR_PAYLOAD_DIE_WITH_PARENT;
	int pdeathsig_errno = prctl(PR_SET_PDEATHSIG, SIGKILL) ? errno : 0;
	pid_t parent = getppid();
	char word = PAYLOAD_STOP;
	ssize_t got;

	/* Set too late if the parent is gone. 0: the parent is outside of the child's pid
	 * namespace. */
	if (parent != plan->parent && parent != 0)
		_exit(EXIT_SETUP_FAILED);
	close(plan->parent_end);
	do {
		got = recv(plan->child_end, &word, 1, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		child_fail(plan, STEP_WORD, errno);
	if (got != 1 || word != PAYLOAD_GO)
		_exit(EXIT_SETUP_FAILED);
	if (pdeathsig_errno && wants_death)
		child_fail(plan, STEP_PDEATHSIG, pdeathsig_errno);
}

/*
 * "0" is the writer itself, cgroups(7): version 1 takes it as well as version 2, and it needs no
 * pid of another pid namespace. CLONE_INTO_CGROUP would do for version 2 alone, and a clone3 of our
 * own would pass over the C library's work around fork.
 */
static void child_enter_cgroup(const struct payload_plan *plan)
{
	int fd = openat(plan->options->cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	ssize_t written = -1;

	if (fd >= 0) {
		do {
			written = write(fd, "0", 1);
		} while (written < 0 && errno == EINTR);
	}
	if (written != 1)
		child_fail(plan, STEP_CGROUP, errno);
	close(fd);
}

/* The file descriptor, 3 or more, that will become standard stream `target`; -1 to leave it alone.
 */
static int child_open_stream(const struct payload_plan *plan,
			     const struct ktstr_payload_stream *stream, int target)
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
		child_fail(plan, (enum payload_step)(STEP_STDIN + target), errno);
	fd = fd_above_stdio(fd);
	if (fd < 0)
		child_fail(plan, (enum payload_step)(STEP_STDIN + target), -fd);
	return fd;
}

static void child_set_streams(const struct payload_plan *plan)
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
			child_fail(plan, (enum payload_step)(STEP_STDIN + target), errno);
}

/* Handlers first, the mask after: a pending signal must not run a handler of the caller here. */
static void child_reset_signals(void)
{
	struct sigaction fallback = { .sa_handler = SIG_DFL };
	sigset_t none;
	int signo;

	for (signo = 1; signo < NSIG; signo++)
		sigaction(signo, &fallback, NULL); /* refused for SIGKILL, SIGSTOP and libc's own */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Tries the candidates with the rules of execvpe(3). Returns only if none could be executed. */
static int child_exec(const struct payload_plan *plan)
{
	char *const *argv = (char *const *)plan->argv;
	char *const *env = (char *const *)plan->env;
	bool denied = false;
	int error = ENOENT;
	const char *path;

	for (path = plan->candidates; *path; path += strlen(path) + 1) {
		execve(path, argv, env);
		error = errno;
		if (error == EACCES)
			denied = true;
		else if (error != ENOENT && error != ENOTDIR && error != ESTALE &&
			 error != ENODEV && error != ETIMEDOUT)
			return error;
	}
	return denied ? EACCES : error;
}

_Noreturn void payload_child_run(const struct payload_plan *plan)
{
	const struct ktstr_payload_options *options = plan->options;

	child_wait_for_go(plan);
	if (options->flags & KTSTR_PAYLOAD_CGROUP)
		child_enter_cgroup(plan); /* before the streams, which may take its number */
	if (!(options->flags & KTSTR_PAYLOAD_SHARE_GROUP) && setpgid(0, 0))
		child_fail(plan, STEP_GROUP, errno);
	child_set_streams(plan); /* before chdir: paths are relative to the caller's directory */
	if (options->cwd && chdir(options->cwd))
		child_fail(plan, STEP_CWD, errno);
	child_reset_signals();
	if (!(options->flags & KTSTR_PAYLOAD_DIE_WITH_PARENT))
		prctl(PR_SET_PDEATHSIG, 0);
	child_fail(plan, STEP_EXEC, child_exec(plan));
}
