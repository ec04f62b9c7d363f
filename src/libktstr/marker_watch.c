/* SPDX-License-Identifier: BSD-2-Clause */
/* The folder in which a worker's marker will come, watched. */
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
 * A worker may enter another mount namespace, or mount something over the folder, after the wait
 * has begun (a child such as `unshare --mount worker`), and no event tells of it. So where to look,
 * not the marker, is looked up again after 1, 2, 4… ms, and then every 100 ms.
 */
#define RECHECK_FIRST_MS 1
#define RECHECK_LAST_MS  100

void marker_watch_begin(struct marker_watch *folder, int inotify)
{
	folder->fd = folder->watch = -1;
	folder->inotify = inotify;
	folder->recheck_ms = RECHECK_FIRST_MS;
	folder->recheck_at = deadline_after_ms(RECHECK_FIRST_MS);
}

void marker_watch_leave(struct marker_watch *folder)
{
	if (folder->watch >= 0)
		(void)inotify_rm_watch(
			folder->inotify,
			folder->watch); /* its folder may be gone, and the watch with it */
	if (folder->fd >= 0)
		close(folder->fd);
	folder->fd = folder->watch = -1;
}

static void watch_folder(struct marker_watch *folder)
{
	char self[32];

	if (folder->inotify < 0)
		folder->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (folder->inotify < 0)
		return;
	/* By descriptor, so that the folder watched is the folder looked into. */
	snprintf(self, sizeof self, "/proc/self/fd/%d", folder->fd);
	folder->watch =
		inotify_add_watch(folder->inotify, self,
				  IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY |
					  IN_CLOSE_WRITE | IN_DELETE_SELF | IN_ONLYDIR);
}

static int namespace_error(struct marker_watch *folder, int why)
{
	return ktstr_error_set(folder->story, -EXDEV, "namespace",
			       "%s pid %d: lives in another mount namespace (mnt:[%" PRIu64
			       "]), and its root /proc/%d/root cannot be looked into: %s; run as "
			       "its user or as root",
			       folder->role, (int)folder->pid, folder->namespaces.mount_namespace,
			       (int)folder->pid, strerrordesc_np(-why));
}

/* Opens the marker's folder for the namespaces as they are now. Returns a descriptor or a negative
 * errno. */
static int open_folder(struct marker_watch *folder)
{
	bool inside = folder->namespaces.place == WORKER_PLACE_OTHER;
	struct worker_namespaces now;
	int fd, err;

	if (folder->namespaces.place == WORKER_PLACE_CHILD_PID_NS)
		return ktstr_error_set(
			folder->story, -EXDEV, "namespace",
			"%s pid %d: made the pid namespace pid:[%" PRIu64
			"] for its children, so it is not "
			"the worker itself; wait for its child with ktstr_worker_ready_wait_pid",
			folder->role, (int)folder->pid, folder->namespaces.pid_namespace);
	fd = marker_check_open_directory(folder->pid, inside, folder->path, &folder->name);
	if (fd < 0 && inside) {
		worker_namespaces_read(folder->pid, &now);
		if (now.place == WORKER_PLACE_ENDED)
			fd = marker_check_open_directory(folder->pid, false, folder->path,
							 &folder->name);
		else if (fd == -EACCES || fd == -EPERM)
			return namespace_error(folder, fd);
	}
	if (fd < 0)
		return ktstr_error_set(
			folder->story, fd, "marker directory",
			"%s pid %d: the directory of its marker %s cannot be entered: %s",
			folder->role, (int)folder->pid, folder->path, strerrordesc_np(-fd));
	if (faccessat(fd, ".", X_OK, AT_EACCESS)) {
		err = -errno;
		close(fd);
		return ktstr_error_set(
			folder->story, err, "marker directory",
			"%s pid %d: the directory of its marker %s cannot be searched: %s",
			folder->role, (int)folder->pid, folder->path, strerrordesc_np(-err));
	}
	return fd;
}

static bool same_folder(int a, int b)
{
	struct stat x, y;

	return a >= 0 && !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

int marker_watch_enter(struct marker_watch *folder)
{
	int fd = open_folder(folder);

	if (fd < 0)
		return fd;
	if (same_folder(folder->fd, fd)) {
		close(fd);
		return 0;
	}
	marker_watch_leave(folder);
	folder->fd = fd;
	folder->witnessed = folder->new_content = false;
	watch_folder(folder);
	return 1;
}

int marker_watch_recheck(struct marker_watch *folder)
{
	struct worker_namespaces now;
	int entered;

	folder->recheck_at = deadline_after_ms((int)folder->recheck_ms);
	folder->recheck_ms = folder->recheck_ms * 2 < RECHECK_LAST_MS ? folder->recheck_ms * 2
								      : RECHECK_LAST_MS;
	worker_namespaces_read(folder->pid, &now);
	if (now.place == WORKER_PLACE_ENDED)
		return 0;
	folder->namespaces = now;
	entered = marker_watch_enter(folder);
	/* A launcher that builds a root for its worker may make the folder later: told only when
	 * time is up. */
	folder->lost = entered == -ENOENT || entered == -ENOTDIR || entered == -ELOOP ? entered : 0;
	return folder->lost ? 0 : entered;
}

/* Is this event a reason to look at the marker? */
static bool is_reason(struct marker_watch *folder, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW) {
		folder->witnessed = false; /* who knows what else happened */
		return true;
	}
	if (event->wd != folder->watch)
		return false; /* of a folder that was left */
	if (event->mask & (IN_DELETE_SELF | IN_IGNORED))
		return true;
	if (event->len == 0 || strcmp(event->name, folder->name) != 0)
		return false;
	/*
	 * A file that takes this name may be old, also by IN_CREATE: link(2) makes that. What is
	 * written under this name is not; and to create a file by open(2) is to close it as well.
	 */
	folder->witnessed = event->mask & (IN_MODIFY | IN_CLOSE_WRITE);
	/* The name was free or is written to: only what is moved there may have been written
	 * before. */
	if (!(event->mask & IN_CLOSE_WRITE))
		folder->new_content = !(event->mask & IN_MOVED_TO);
	return true;
}

/* Reads one buffer of events. Returns how many bytes they took; 0 for none, or on failure. */
static int read_events(struct marker_watch *folder, bool *look)
{
	_Alignas(struct inotify_event) char buffer[16384];
	ssize_t size = read(folder->inotify, buffer, sizeof buffer);

	for (ssize_t at = 0; at < size;) {
		const struct inotify_event *event = (const void *)(buffer + at);

		at += (ssize_t)(sizeof *event + event->len);
		if (is_reason(folder, event))
			*look = true;
	}
	return size < 0 ? 0 : (int)size;
}

bool marker_watch_read_events(struct marker_watch *folder)
{
	bool look = false;

	(void)read_events(folder, &look);
	return look;
}

void marker_watch_catch_up(struct marker_watch *folder)
{
	int queued = 0, got = 1;
	bool look;

	if (ioctl(folder->inotify, FIONREAD, &queued))
		return;
	for (; queued > 0 && got > 0; queued -= got)
		got = read_events(folder, &look);
}
