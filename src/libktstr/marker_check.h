/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The marker: its folder within the worker's root, and whether what stands there counts.
 * Called by worker_ready_wait and marker_folder.
 */
#ifndef KTSTR_WORKER_MARKER_H
#define KTSTR_WORKER_MARKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "worker_identity.h"

/* How long an empty marker may wait for its content, also on a busy machine, before it counts as it is. */
#define WORKER_MARKER_EMPTY_MS 1000

enum worker_marker_verdict {
	WORKER_MARKER_NONE,	   /* nothing is there */
	WORKER_MARKER_FRESH,	   /* it counts */
	WORKER_MARKER_EMPTY,	   /* fresh, of size 0 and new: its writer may be about to fail and to remove it */
	WORKER_MARKER_STALE,	   /* older than the worker */
	WORKER_MARKER_UNDATED,	   /* the worker's start is not known any more */
	WORKER_MARKER_NOT_REGULAR, /* a symbolic link, a folder, a device… */
	WORKER_MARKER_FOREIGN,	   /* of a user that is neither root nor the worker's */
	WORKER_MARKER_UNREADABLE,  /* the look itself failed */
};

/*
 * Opens the folder (O_PATH) of an absolute path as the process sees it: below /proc/<pid>/root when
 * `inside` is set, without leaving that root, otherwise in the caller's. *name points into path.
 * Returns a file descriptor or a negative errno.
 */
int worker_marker_open_folder(pid_t pid, bool inside, const char *path, const char **name);

/*
 * Judges what stands under name in folder. With `witnessed`, the caller has seen the file being
 * created or written after the worker's start, so its age is not asked: clocks may be stepped.
 * *owner gets the file's owner where there is a file.
 */
enum worker_marker_verdict worker_marker_judge(int folder, const char *name, const struct worker_identity *worker,
					       bool witnessed, uid_t *owner);

/*
 * Writes why this verdict is not readiness, as the tail of a sentence; "" for WORKER_MARKER_NONE.
 * owner is what worker_marker_judge gave.
 */
void worker_marker_complaint(enum worker_marker_verdict verdict, uid_t owner, char *text, size_t size);

#endif
