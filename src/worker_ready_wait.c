/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wait for readiness: one event loop over the marker's folder, the process and its output.
 * The waiting functions of <ktstr/worker_ready_wait.h>.
 */
#include "config.h"

#include "ktstr/worker_ready_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error_private.h"
#include "ktstr/worker_ready.h"
#include "monotonic.h"
#include "payload_private.h"
#include "pidfd.h"
#include "worker_identity.h"
#include "worker_marker.h"

#define POLL_MS 10  /* between looks where inotify or pidfds are refused */
/*
 * A worker may enter another mount namespace, or mount something over the folder, after the wait has
 * begun (a child such as `unshare --mount worker`), and no event tells of it. So where to look, not
 * the marker, is looked up again after 1, 2, 4… ms, and then every 100 ms.
 */
#define RECHECK_FIRST_MS 1
#define RECHECK_LAST_MS 100

struct wait {
	pid_t pid;
	int pidfd;			/* -1 where pidfds are refused */
	struct ktstr_payload *payload;	/* NULL for a bare pid */
	const char *role, *path, *name; /* name: the last component of path */
	char default_path[KTSTR_WORKER_READY_PATH_SIZE];

	struct worker_identity worker;
	struct worker_namespaces namespaces;
	int folder;
	int inotify, watch; /* watch: -1 where inotify is refused, then the folder is polled */
	bool witnessed;	     /* the marker was created or written before our eyes */
	int lost;	     /* why the folder cannot be entered at this time, or 0 */

	int64_t deadline, recheck_at, empty_until; /* on CLOCK_MONOTONIC; KTSTR_NEVER for none */
	int64_t recheck_ms;

	enum worker_marker_verdict verdict;
	uid_t owner;
	struct ktstr_worker_ready_result *result;
	struct ktstr_error *error;
	struct ktstr_error story; /* for *error, which is written only if the wait fails */
};

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- where to look ---- */

static void leave_folder(struct wait *wait)
{
	if (wait->watch >= 0)
		(void)inotify_rm_watch(wait->inotify, wait->watch); /* its folder may be gone, and the watch with it */
	if (wait->folder >= 0)
		close(wait->folder);
	wait->folder = wait->watch = -1;
}

static void watch_folder(struct wait *wait)
{
	char self[32];

	if (wait->inotify < 0)
		wait->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (wait->inotify < 0)
		return;
	/* By descriptor, so that the folder watched is the folder looked into. */
	snprintf(self, sizeof self, "/proc/self/fd/%d", wait->folder);
	wait->watch = inotify_add_watch(wait->inotify, self,
					IN_CREATE | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_ONLYDIR);
}

static int namespace_error(struct wait *wait, int why)
{
	return ktstr_error_set(&wait->story, -EXDEV,
			       "%s pid %d: lives in another mount namespace (mnt:[%" PRIu64
			       "]), and its root /proc/%d/root cannot be looked into: %s; run as its user or as root",
			       wait->role, (int)wait->pid, wait->namespaces.mount_namespace, (int)wait->pid,
			       strerrordesc_np(-why));
}

/* Opens the marker's folder for the namespaces as they are now. Returns a descriptor or a negative errno. */
static int open_folder(struct wait *wait)
{
	bool inside = wait->namespaces.place == WORKER_PLACE_OTHER;
	struct worker_namespaces now;
	int folder, err;

	if (wait->namespaces.place == WORKER_PLACE_CHILD_PID_NS)
		return ktstr_error_set(&wait->story, -EXDEV,
				       "%s pid %d: made the pid namespace pid:[%" PRIu64 "] for its children, so it is not "
				       "the worker itself; wait for its child with ktstr_worker_ready_wait_pid",
				       wait->role, (int)wait->pid, wait->namespaces.pid_namespace);
	folder = worker_marker_open_folder(wait->pid, inside, wait->path, &wait->name);
	if (folder < 0 && inside) {
		worker_namespaces_read(wait->pid, &now);
		if (now.place == WORKER_PLACE_ENDED)
			folder = worker_marker_open_folder(wait->pid, false, wait->path, &wait->name);
		else if (folder == -EACCES || folder == -EPERM)
			return namespace_error(wait, folder);
	}
	if (folder < 0)
		return ktstr_error_set(&wait->story, folder, "%s pid %d: the folder of its marker %s cannot be entered: %s",
				       wait->role, (int)wait->pid, wait->path, strerrordesc_np(-folder));
	if (faccessat(folder, ".", X_OK, AT_EACCESS)) {
		err = -errno;
		close(folder);
		return ktstr_error_set(&wait->story, err, "%s pid %d: the folder of its marker %s cannot be searched: %s",
				       wait->role, (int)wait->pid, wait->path, strerrordesc_np(-err));
	}
	return folder;
}

static bool same_folder(int a, int b)
{
	struct stat x, y;

	return a >= 0 && !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/*
 * Opens and watches the marker's folder. Returns 1, or 0 when it is the same folder as before and the
 * watch was kept, or a negative errno.
 */
static int enter_folder(struct wait *wait)
{
	int folder = open_folder(wait);

	if (folder < 0)
		return folder;
	if (same_folder(wait->folder, folder)) {
		close(folder);
		return 0;
	}
	leave_folder(wait);
	wait->folder = folder;
	wait->witnessed = false;
	wait->empty_until = KTSTR_NEVER;
	watch_folder(wait);
	return 1;
}

/* Did the worker move to another namespace or root, or mount something over the folder? Returns as enter_folder. */
static int recheck_place(struct wait *wait)
{
	struct worker_namespaces now;
	int entered;

	wait->recheck_at = ktstr_deadline_after_ms((int)wait->recheck_ms);
	wait->recheck_ms = earlier(wait->recheck_ms * 2, RECHECK_LAST_MS);
	worker_namespaces_read(wait->pid, &now);
	if (now.place == WORKER_PLACE_ENDED)
		return 0;
	wait->namespaces = now;
	entered = enter_folder(wait);
	/* A launcher that builds a root for its worker may make the folder later: told only when time is up. */
	wait->lost = entered == -ENOENT || entered == -ENOTDIR || entered == -ELOOP ? entered : 0;
	return wait->lost ? 0 : entered;
}

/* ---- what is there ---- */

/* Does the marker stand? Keeps the verdict for the text of a timeout. */
static bool marker_stands(struct wait *wait)
{
	wait->verdict = worker_marker_judge(wait->folder, wait->name, &wait->worker, wait->witnessed, &wait->owner);
	if (wait->verdict == WORKER_MARKER_FOREIGN && worker_identity_read(wait->pid, &wait->worker) == 0)
		/* It may have changed its user since it was started, as under su(1). */
		wait->verdict =
			worker_marker_judge(wait->folder, wait->name, &wait->worker, wait->witnessed, &wait->owner);
	if (wait->verdict != WORKER_MARKER_EMPTY) {
		wait->empty_until = KTSTR_NEVER;
		return wait->verdict == WORKER_MARKER_FRESH;
	}
	/* Its existence is the signal, but a worker on a full disk is about to remove it again. */
	if (wait->empty_until == KTSTR_NEVER)
		wait->empty_until = ktstr_deadline_after_ms(WORKER_MARKER_EMPTY_MS);
	return ktstr_monotonic_now() >= wait->empty_until;
}

/* Has the process ended? Fills in the status if it can be known. */
static bool worker_ended(struct wait *wait)
{
	int status = 0;
	int err = ktstr_process_peek(wait->pid, wait->pidfd, &status);

	if (err == 0) {
		wait->result->wait_status_known = 1;
		wait->result->wait_status = status;
		return true;
	}
	if (err == -ECHILD && wait->pidfd < 0) /* not our child, and only its number to ask by */
		return kill(wait->pid, 0) && errno == ESRCH;
	return err == -ECHILD;
}

/* Is this event a reason to look at the marker? */
static bool is_reason(struct wait *wait, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (event->wd != wait->watch)
		return false; /* of a folder that was left */
	if (event->mask & (IN_DELETE_SELF | IN_IGNORED))
		return true;
	if (event->len == 0 || strcmp(event->name, wait->name) != 0)
		return false;
	/* What is moved here may be old; what is made or written here is not. */
	if (event->mask & (IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE))
		wait->witnessed = true;
	return true;
}

/*
 * Reads what one buffer holds of the queued events, and no more: others who write into the folder faster
 * than this reads must not keep it from the clock. Returns true when one is a reason to look at the marker.
 */
static bool read_events(struct wait *wait)
{
	_Alignas(struct inotify_event) char buffer[16384];
	ssize_t size = read(wait->inotify, buffer, sizeof buffer);
	bool look = false;

	for (ssize_t at = 0; at < size;) {
		const struct inotify_event *event = (const void *)(buffer + at);

		at += (ssize_t)(sizeof *event + event->len);
		if (is_reason(wait, event))
			look = true;
	}
	return look;
}

/*
 * Sleeps until there is a reason to look at the marker and the process again. Returns 0 or a negative
 * errno. The recheck alone is none: it only sees to it that the right folder is watched.
 */
static int sleep_for_news(struct wait *wait)
{
	int64_t look_at = earlier(wait->deadline, wait->empty_until);

	if (wait->watch < 0 || wait->pidfd < 0)
		look_at = earlier(look_at, ktstr_deadline_after_ms(POLL_MS));
	for (;;) {
		struct pollfd fds[4] = {{.fd = wait->pidfd, .events = POLLIN},
					{.fd = wait->watch < 0 ? -1 : wait->inotify, .events = POLLIN}};
		nfds_t count = 2;
		struct timespec left;
		int ready, entered;

		if (wait->payload)
			count += ktstr_payload_poll_fds(wait->payload, fds + 2);
		ready = ppoll(fds, count, ktstr_time_left(earlier(look_at, wait->recheck_at), &left), NULL);
		if (ready < 0 && errno != EINTR)
			return ktstr_error_set(&wait->story, -errno, "%s pid %d: ppoll failed: %s", wait->role,
					       (int)wait->pid, strerrordesc_np(errno));
		if (wait->payload)
			ktstr_payload_drain(wait->payload);
		if (ready > 0 && fds[0].revents)
			return 0;
		/* Other files of the folder make events as well: only the marker's are a reason. */
		if (ready > 0 && fds[1].revents && read_events(wait))
			return 0;
		if (ktstr_monotonic_now() >= wait->recheck_at) {
			entered = recheck_place(wait);
			if (entered)
				return entered < 0 ? entered : 0;
		}
		if (ktstr_monotonic_now() >= look_at) {
			wait->result->polls += wait->watch < 0;
			return 0;
		}
	}
}

/* ---- the outcome ---- */

static void describe_status(const struct ktstr_worker_ready_result *result, char *text, size_t size)
{
	int status = result->wait_status;

	if (!result->wait_status_known) {
		snprintf(text, size, "its exit status is not known");
	} else if (WIFSIGNALED(status)) {
		const char *name = sigdescr_np(WTERMSIG(status));

		snprintf(text, size, "killed by signal %d (%s)", WTERMSIG(status), name ? name : "unknown");
	} else {
		const char *meaning = ktstr_worker_exit_meaning(WEXITSTATUS(status));

		snprintf(text, size, "exit status %d (%s)", WEXITSTATUS(status),
			 meaning ? meaning : "not one of the worker's own");
	}
}

static int finish(struct wait *wait, enum ktstr_worker_ready_outcome outcome)
{
	static const char *const sentences[] = {
		[KTSTR_WORKER_READY] = "is ready, its marker stands",
		[KTSTR_WORKER_READY_EXITED_BEFORE] = "exited before its marker appeared",
		[KTSTR_WORKER_READY_EXITED_AFTER] = "exited after its marker appeared",
		[KTSTR_WORKER_READY_TIMED_OUT] = "timed out, still running without its marker",
	};
	struct ktstr_worker_ready_result *result = wait->result;
	char status[160] = "", complaint[128] = "";
	bool ended = outcome == KTSTR_WORKER_READY_EXITED_BEFORE || outcome == KTSTR_WORKER_READY_EXITED_AFTER;

	result->outcome = outcome;
	if (ended)
		describe_status(result, status, sizeof status);
	if (outcome != KTSTR_WORKER_READY)
		worker_marker_complaint(wait->verdict, wait->owner, complaint, sizeof complaint);
	snprintf(result->text, sizeof result->text, "%s pid %d: %s: %s%s%s%s%s", wait->role, (int)wait->pid,
		 sentences[outcome], wait->path,
		 wait->namespaces.place == WORKER_PLACE_OTHER ? " in its own mount namespace or root" : "",
		 ended ? ": " : "", status, complaint);
	return 0;
}

static int time_is_up(struct wait *wait)
{
	if (wait->lost)
		return wait->lost; /* its story is told already */
	if (wait->namespaces.place == WORKER_PLACE_UNKNOWN)
		return ktstr_error_set(&wait->story, -EXDEV,
				       "%s pid %d: no marker %s here, and it cannot be told whether the process shares our "
				       "mount namespace, because /proc/%d/ns/mnt may not be read; run as its user or as root",
				       wait->role, (int)wait->pid, wait->path, (int)wait->pid);
	return finish(wait, KTSTR_WORKER_READY_TIMED_OUT);
}

static int wait_loop(struct wait *wait)
{
	for (;;) {
		bool stands = marker_stands(wait);
		int err;

		if (worker_ended(wait)) {
			/* It may have come, or an empty one gone, between the look and the end; empty counts now too. */
			if (wait->verdict != WORKER_MARKER_FRESH)
				stands = marker_stands(wait) || wait->verdict == WORKER_MARKER_EMPTY;
			return finish(wait, stands ? KTSTR_WORKER_READY_EXITED_AFTER : KTSTR_WORKER_READY_EXITED_BEFORE);
		}
		if (stands)
			return finish(wait, KTSTR_WORKER_READY);
		if (ktstr_monotonic_now() >= wait->deadline)
			return time_is_up(wait);
		err = sleep_for_news(wait);
		if (err)
			return err;
	}
}

/* ---- set-up ---- */

static int read_worker(struct wait *wait)
{
	int err = worker_identity_read(wait->pid, &wait->worker), status;

	/* Hidden from /proc, or /proc is not there: that is not to have ended. */
	if (err == -ESRCH && wait->payload && ktstr_process_peek(wait->pid, wait->pidfd, &status) == -EAGAIN)
		err = -ENOENT;
	if (err == -ESRCH && wait->payload) {
		/* Ended and reaped by the kernel, as when SIGCHLD is ignored: nothing there can be told to be fresh. */
		wait->worker = (struct worker_identity){
			.start_ns = WORKER_START_UNKNOWN, .effective_uid = geteuid(), .file_system_uid = geteuid(),
			.inner_pid = (uint32_t)wait->pid};
		wait->namespaces.place = WORKER_PLACE_ENDED;
		return 0;
	}
	if (err == -ESRCH)
		return ktstr_error_set(&wait->story, err, "%s pid %d: there is no such process", wait->role, (int)wait->pid);
	if (err)
		return ktstr_error_set(&wait->story, err, "%s pid %d: /proc/%d cannot be read: %s; is procfs mounted?",
				       wait->role, (int)wait->pid, (int)wait->pid, strerrordesc_np(-err));
	worker_namespaces_read(wait->pid, &wait->namespaces);
	return 0;
}

static int run(struct wait *wait, int timeout_ms)
{
	int64_t began = ktstr_monotonic_now();
	int err;

	memset(wait->result, 0, sizeof *wait->result);
	wait->deadline = ktstr_deadline_after_ms(timeout_ms);
	wait->folder = wait->watch = -1;
	/*
	 * To close an inotify instance waits for a grace period of the kernel, 0.1 to 14 ms as measured. A
	 * handle keeps it for the next wait and closes it at its own end, so that readiness is not told late.
	 */
	wait->inotify = wait->payload ? ktstr_payload_take_inotify(wait->payload) : -1;
	wait->empty_until = KTSTR_NEVER;
	wait->recheck_ms = RECHECK_FIRST_MS;
	wait->recheck_at = ktstr_deadline_after_ms(RECHECK_FIRST_MS);

	err = read_worker(wait);
	if (!err && !wait->path) {
		(void)ktstr_worker_ready_path(wait->worker.inner_pid, wait->default_path, sizeof wait->default_path);
		wait->path = wait->default_path;
	}
	if (!err)
		err = enter_folder(wait);
	if (err >= 0)
		err = wait_loop(wait);
	leave_folder(wait);
	if (wait->payload)
		ktstr_payload_keep_inotify(wait->payload, wait->inotify);
	else if (wait->inotify >= 0)
		close(wait->inotify);
	if (err && wait->error)
		*wait->error = wait->story;
	wait->result->elapsed_ns = (uint64_t)(ktstr_monotonic_now() - began);
	return err;
}

static int check_arguments(const char *role, const struct ktstr_worker_ready_result *result, struct ktstr_error *error)
{
	if (!role)
		return ktstr_error_set(error, -EINVAL, "role is NULL; pass a word for the worker");
	if (!result)
		return ktstr_error_set(error, -EINVAL, "%s: result is NULL; pass where the outcome goes", role);
	return 0;
}

static int wait_payload(struct ktstr_payload *worker, const char *path, const char *role, int timeout_ms,
			struct ktstr_worker_ready_result *result, struct ktstr_error *error)
{
	struct wait wait = {.payload = worker, .role = role, .path = path, .result = result, .error = error};
	int err = check_arguments(role, result, error);

	if (err)
		return err;
	err = ktstr_payload_pid(worker, &wait.pid);
	if (err)
		return ktstr_error_set(error, err, err == -ESRCH ? "%s: its handle is consumed, it was waited for or killed"
								 : "%s: its handle is NULL", role);
	wait.pidfd = ktstr_payload_pidfd(worker);
	return run(&wait, timeout_ms);
}

int ktstr_worker_ready_wait(struct ktstr_payload *worker, const char *role, int timeout_ms,
			    struct ktstr_worker_ready_result *result, struct ktstr_error *error)
{
	return wait_payload(worker, NULL, role, timeout_ms, result, error);
}

int ktstr_worker_ready_wait_path(struct ktstr_payload *worker, const char *marker_path, const char *role,
				 int timeout_ms, struct ktstr_worker_ready_result *result,
				 struct ktstr_error *error)
{
	if (!marker_path || marker_path[0] != '/' || marker_path[strlen(marker_path) - 1] == '/')
		return ktstr_error_set(error, -EINVAL, "the marker's path '%s' is not an absolute path of a file",
				       marker_path ? marker_path : "(null)");
	return wait_payload(worker, marker_path, role, timeout_ms, result, error);
}

int ktstr_worker_ready_wait_pid(pid_t pid, const char *role, int timeout_ms,
				struct ktstr_worker_ready_result *result, struct ktstr_error *error)
{
	struct wait wait = {.pid = pid, .role = role, .result = result, .error = error};
	int err = check_arguments(role, result, error);

	if (err)
		return err;
	if (pid < 1)
		return ktstr_error_set(error, -EINVAL, "%s: %d is not a pid", role, (int)pid);
	wait.pidfd = ktstr_pidfd_open(pid);
	if (wait.pidfd == -ENOSYS || wait.pidfd == -EPERM)
		wait.pidfd = -1; /* polled instead */
	else if (wait.pidfd == -EMFILE || wait.pidfd == -ENFILE || wait.pidfd == -ENOMEM)
		return ktstr_error_set(error, wait.pidfd, "%s pid %d: no pidfd for it: %s", role, (int)pid,
				       strerrordesc_np(-wait.pidfd));
	else if (wait.pidfd < 0) /* EINVAL, ENOENT: a thread that leads no process */
		return ktstr_error_set(error, -ESRCH, "%s pid %d: there is no such process", role, (int)pid);
	err = run(&wait, timeout_ms);
	if (wait.pidfd >= 0)
		close(wait.pidfd);
	return err;
}
