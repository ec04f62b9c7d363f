/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts a child process: makes all that payload_child needs, forks, and tells which step failed.
 */
#include "config.h"

#include "payload_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error_private.h"
#include "payload_child.h"
#include "pidfd.h"

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
	static const char *const none[] = { NULL };
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

/* The paths that execvpe(3) would try, in its order. An empty element of PATH is the working
 * directory. */
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

static void plan_free(struct payload_plan *plan)
{
	free(plan->env);
	free(plan->candidates);
	if (plan->parent_end >= 0)
		close(plan->parent_end);
	if (plan->child_end >= 0)
		close(plan->child_end);
}

static int plan_make(struct payload_plan *plan)
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
	plan->parent_end = fd_above_stdio(ends[0]);
	plan->child_end = fd_above_stdio(ends[1]);
	if (plan->parent_end < 0 || plan->child_end < 0)
		return plan->parent_end < 0 ? plan->parent_end : plan->child_end;
	return 0;
}

/* ---- in the parent, after the fork ---- */

/* Returns 0, or a negative errno: the child, which would wait for it forever, then hears the
 * end of file. */
static int tell_child(const struct payload_plan *plan, char word)
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
	int rc;

	do {
		rc = waitid(pidfd >= 0 ? P_PIDFD : P_PID, (id_t)(pidfd >= 0 ? pidfd : pid), &info,
			    WEXITED);
	} while (rc &&
		 errno == EINTR); /* ECHILD: ended and reaped already, as when SIGCHLD is ignored */
}

/*
 * Has a step failed? Not when the child has got through its exec or was killed before.
 * The pidfd is watched too, so that a copy of the socket in a process that another thread forked
 * does not hold up the news of a failure. (Such a process, if it never execs, holds up a success
 * until it ends: the end of file is the only sign of it.)
 */
static bool read_report(int parent_end, int pidfd, struct payload_report *report)
{
	struct pollfd fds[2] = { { .fd = parent_end, .events = POLLIN },
				 { .fd = pidfd, .events = POLLIN } };
	int resets = 0;
	ssize_t got;

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	/*
	 * With the child ended, what it had to say is there already. When it could not read its
	 * word, the word left unread makes a reset of its end of file, which comes before the
	 * report, once.
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
		return strchr(name, '/')
			       ? "check the path, and for a script the interpreter after its #!"
			       : "check that it is installed and in PATH";
	case EACCES:
		return strchr(name, '/') ? "check that it is a file, not a directory, and has "
					   "permission to be executed"
					 : "check that it has permission to be executed, and the "
					   "directories of PATH to be entered";
	case ENOEXEC:
		return "it is neither a program for this machine nor a script that begins with #!";
	case E2BIG:
		return "pass fewer or shorter arguments and environment variables";
	default:
		return "see execve(2)";
	}
}

static const char *cgroup_advice(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return "check that it is the directory of a cgroup";
	case EACCES:
	case EPERM:
		return "check that its cgroup.procs may be written, and in version 2 also that of "
		       "the common ancestor with the caller's cgroup";
	case EBUSY:
		return "its cgroup.subtree_control is not empty: use a cgroup below it";
	case ENOSPC:
		return "its cpuset.cpus or cpuset.mems is empty";
	case EOPNOTSUPP:
		return "it is a threaded or invalid cgroup: see its cgroup.type";
	default:
		return "see cgroups(7)";
	}
}

static int explain(const struct payload_plan *plan, const struct payload_report *report,
		   struct ktstr_error *error)
{
	const struct ktstr_payload_options *options = plan->options;
	const struct ktstr_payload_stream *streams[] = { &options->in, &options->out,
							 &options->err };
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	const char *path;
	int code = -report->error;

	errno = report->error; /* for %m */
	switch ((enum payload_step)report->step) {
	case STEP_STDIN:
	case STEP_STDOUT:
	case STEP_STDERR:
		path = streams[report->step]->path ? streams[report->step]->path : "/dev/null";
		return error_set(error, code, names[report->step],
				 "cannot open '%s' as the child's %s: %m (errno %d); check that %s",
				 path, names[report->step], report->error,
				 report->step == STEP_STDIN
					 ? "it exists and may be read"
					 : "its directory exists and it may be written");
	case STEP_WORD:
		return error_set(error, code, "start",
				 "cannot start '%s': its child process was not told to go on: %m "
				 "(errno %d)",
				 plan->argv[0], report->error);
	case STEP_PDEATHSIG:
		return error_set(error, code, "parent death signal",
				 "cannot let the child die with its parent: %m (errno %d); "
				 "spawn it without KTSTR_PAYLOAD_DIE_WITH_PARENT",
				 report->error);
	case STEP_GROUP:
		return error_set(error, code, "process group",
				 "cannot give the child its own process group: %m (errno %d); "
				 "spawn it with KTSTR_PAYLOAD_SHARE_GROUP",
				 report->error);
	case STEP_CGROUP:
		return error_set(error, code, "cgroup",
				 "cannot enter the cgroup of descriptor %d: %m (errno %d); %s",
				 options->cgroup_fd, report->error, cgroup_advice(report->error));
	case STEP_CWD:
		return error_set(error, code, "working directory",
				 "cannot enter the child's working directory '%s': %m (errno %d); "
				 "check that it exists and may be entered",
				 options->cwd, report->error);
	case STEP_EXEC:
		break;
	}
	return error_set(error, code, "exec", "cannot execute '%s': %m (errno %d); %s",
			 plan->argv[0], report->error, exec_advice(report->error, plan->argv[0]));
}

static pid_t fork_with_signals_blocked(struct payload_plan *plan)
{
	sigset_t all, before;
	pid_t pid;
	int fork_errno;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	plan->parent = getpid();
	pid = fork();
	if (pid == 0)
		payload_child_run(plan);
	fork_errno = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = fork_errno;
	return pid;
}

/* Answers 0 also where the system has no pidfds; *pidfd is then -1. */
static int open_pidfd(pid_t pid, int *pidfd)
{
	int fd = fd_above_stdio(process_pidfd_open(pid));

	*pidfd = fd < 0 ? -1 : fd;
	return fd == -ENOSYS || fd == -EPERM || fd >= 0 ? 0 : fd;
}

int payload_spawn(const char *const argv[], const struct ktstr_payload_options *options,
		  const int capture_fds[3], pid_t *pid, int *pidfd, struct ktstr_error *error)
{
	struct payload_plan plan = {
		.argv = argv,
		.options = options,
		.capture_fds = capture_fds,
		.parent_end = -1,
		.child_end = -1,
	};
	struct payload_report report;
	int rc, untold;

	rc = plan_make(&plan);
	if (!rc) {
		*pid = fork_with_signals_blocked(&plan);
		rc = *pid < 0 ? -errno : 0;
	}
	if (rc) {
		errno = -rc; /* for %m */
		error_set(error, rc, "start",
			  "cannot start '%s': %m (errno %d); check the limits on processes, "
			  "memory and open files",
			  argv[0], -rc);
		goto out;
	}
	/* Until it has heard PAYLOAD_GO the child cannot end by itself, so that pid is certain to
	 * be its own. */
	rc = open_pidfd(*pid, pidfd);
	untold = tell_child(&plan, rc ? PAYLOAD_STOP : PAYLOAD_GO);
	close(plan.child_end); /* the copy here would keep the end of file away */
	plan.child_end = -1;
	if (rc) {
		errno = -rc;
		error_set(error, rc, "pidfd",
			  "cannot open a pidfd for '%s': %m (errno %d); check the limit on open "
			  "files",
			  argv[0], -rc);
	} else if (untold) {
		rc = untold;
		errno = -rc;
		error_set(error, rc, "start",
			  "cannot start '%s': its child process cannot be told to go on: %m "
			  "(errno %d); "
			  "check the limits on memory",
			  argv[0], -rc);
	} else if (read_report(plan.parent_end, *pidfd, &report)) {
		rc = explain(&plan, &report, error);
	}
	if (rc) {
		reap_failed(*pid, *pidfd);
		if (*pidfd >= 0)
			close(*pidfd);
	}
out:
	plan_free(&plan);
	return rc;
}
