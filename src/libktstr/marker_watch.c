/* SPDX-License-Identifier: BSD-2-Clause */
/* The directory in which a worker's marker will come, watched. */
#include "config.h"

#include "marker_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error_private.h"
#include "marker_check.h"
#include "shared/clock.h"

/*
 * A worker may enter another mount namespace, or mount something over the directory, after the wait
 * has begun (a child such as `unshare --mount worker`), and no event tells of it. So where to look,
 * not the marker, is looked up again after 1, 2, 4… ms, and then every 100 ms.
 */
#define RECHECK_FIRST_MS 1
#define RECHECK_LAST_MS  100

void marker_watch_begin(struct marker_watch *watch, int inotify)
{
	watch->fd = watch->wd = -1;
	watch->inotify = inotify;
	watch->recheck_ms = RECHECK_FIRST_MS;
	watch->recheck_at = deadline_after_ms(RECHECK_FIRST_MS);
}

void marker_watch_leave(struct marker_watch *watch)
{
	if (watch->wd >= 0)
		(void)inotify_rm_watch(
			watch->inotify,
			watch->wd); /* its directory may be gone, and the watch with it */
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = watch->wd = -1;
}

static void watch_directory(struct marker_watch *watch)
{
	char self[32];

	if (watch->inotify < 0)
		watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->inotify < 0)
		return;
	/* By descriptor, so that the directory watched is the directory looked into. */
	snprintf(self, sizeof self, "/proc/self/fd/%d", watch->fd);
	watch->wd =
		inotify_add_watch(watch->inotify, self,
				  IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY |
					  IN_CLOSE_WRITE | IN_DELETE_SELF | IN_ONLYDIR);
}

static int namespace_error(struct marker_watch *watch, int why)
{
	return error_set(watch->failure, -EXDEV, "namespace",
			 "%s pid %d: lives in another mount namespace (mnt:[%" PRIu64
			 "]), and its root /proc/%d/root cannot be looked into: %s; run as "
			 "its user or as root",
			 watch->role, (int)watch->pid, watch->namespaces.mount_namespace,
			 (int)watch->pid, strerrordesc_np(-why));
}

/* Opens the marker's directory for the namespaces as they are now. Returns a descriptor or a
 * negative errno. */
static int open_directory(struct marker_watch *watch)
{
	bool inside = watch->namespaces.place == WORKER_PLACE_OTHER;
	struct worker_namespaces now;
	int fd, rc;

	if (watch->namespaces.place == WORKER_PLACE_CHILD_PID_NS)
		return error_set(
			watch->failure, -EXDEV, "namespace",
			"%s pid %d: made the pid namespace pid:[%" PRIu64
			"] for its children, so it is not "
			"the worker itself; wait for its child with ktstr_worker_ready_wait_pid",
			watch->role, (int)watch->pid, watch->namespaces.pid_namespace);
	fd = marker_check_open_directory(watch->pid, inside, watch->path, &watch->name);
	if (fd < 0 && inside) {
		worker_namespaces_read(watch->pid, &now);
		if (now.place == WORKER_PLACE_ENDED)
			fd = marker_check_open_directory(watch->pid, false, watch->path,
							 &watch->name);
		else if (fd == -EACCES || fd == -EPERM)
			return namespace_error(watch, fd);
	}
	if (fd < 0)
		return error_set(watch->failure, fd, "marker directory",
				 "%s pid %d: the directory of its marker %s cannot be entered: %s",
				 watch->role, (int)watch->pid, watch->path, strerrordesc_np(-fd));
	if (faccessat(fd, ".", X_OK, AT_EACCESS)) {
		rc = -errno;
		close(fd);
		return error_set(watch->failure, rc, "marker directory",
				 "%s pid %d: the directory of its marker %s cannot be searched: %s",
				 watch->role, (int)watch->pid, watch->path, strerrordesc_np(-rc));
	}
	return fd;
}

static bool same_directory(int a, int b)
{
	struct stat x, y;

	return a >= 0 && !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

int marker_watch_enter(struct marker_watch *watch)
{
	int fd = open_directory(watch);

	if (fd < 0)
		return fd;
	if (same_directory(watch->fd, fd)) {
		close(fd);
		return 0;
	}
	marker_watch_leave(watch);
	watch->fd = fd;
	watch->witnessed = watch->new_content = false;
	watch_directory(watch);
	return 1;
}

int marker_watch_recheck(struct marker_watch *watch)
{
	struct worker_namespaces now;
	int entered;

	watch->recheck_at = deadline_after_ms((int)watch->recheck_ms);
	watch->recheck_ms = watch->recheck_ms * 2 < RECHECK_LAST_MS ? watch->recheck_ms * 2
								    : RECHECK_LAST_MS;
	worker_namespaces_read(watch->pid, &now);
	if (now.place == WORKER_PLACE_ENDED)
		return 0;
	watch->namespaces = now;
	entered = marker_watch_enter(watch);
	/* A launcher that builds a root for its worker may make the directory later: told only when
	 * time is up. */
	watch->lost = entered == -ENOENT || entered == -ENOTDIR || entered == -ELOOP ? entered : 0;
	return watch->lost ? 0 : entered;
}

/* Is this event a reason to look at the marker? */
static bool is_reason(struct marker_watch *watch, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW) {
		watch->witnessed = false; /* who knows what else happened */
		return true;
	}
	if (event->wd != watch->wd)
		return false; /* of a directory that was left */
	if (event->mask & (IN_DELETE_SELF | IN_IGNORED))
		return true;
	if (event->len == 0 || strcmp(event->name, watch->name) != 0)
		return false;
	/*
	 * A file that takes this name may be old, also by IN_CREATE: link(2) makes that. What is
	 * written under this name is not; and to create a file by open(2) is to close it as well.
	 */
	watch->witnessed = event->mask & (IN_MODIFY | IN_CLOSE_WRITE);
	/* The name was free or is written to: only what is moved there may have been written
	 * before. */
	if (!(event->mask & IN_CLOSE_WRITE))
		watch->new_content = !(event->mask & IN_MOVED_TO);
	return true;
}

/* Reads one buffer of events. Returns how many bytes they took; 0 for none, or on failure. */
static int read_events(struct marker_watch *watch, bool *look)
{
	_Alignas(struct inotify_event) char buffer[16384];
	ssize_t size = read(watch->inotify, buffer, sizeof buffer);

	for (ssize_t at = 0; at < size;) {
		const struct inotify_event *event = (const void *)(buffer + at);

		at += (ssize_t)(sizeof *event + event->len);
		if (is_reason(watch, event))
			*look = true;
	}
	return size < 0 ? 0 : (int)size;
}

bool marker_watch_read_events(struct marker_watch *watch)
{
	bool look = false;

	(void)read_events(watch, &look);
	return look;
}

void marker_watch_catch_up(struct marker_watch *watch)
{
	int queued = 0, got = 1;
	bool look;

	if (ioctl(watch->inotify, FIONREAD, &queued))
		return;
	for (; queued > 0 && got > 0; queued -= got)
		got = read_events(watch, &look);
}
