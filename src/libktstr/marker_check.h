/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The marker: its folder within the worker's root, and whether what stands there counts.
 */
#ifndef KTSTR_MARKER_CHECK_H
#define KTSTR_MARKER_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "worker_identity.h"

/* How long an empty marker may wait for its content, also on a busy machine, before it counts as it
 * is. */
#define MARKER_CHECK_EMPTY_MS 1000

enum marker_check_verdict {
	MARKER_CHECK_NONE,    /* nothing is there */
	MARKER_CHECK_FRESH,   /* it counts */
	MARKER_CHECK_EMPTY,   /* fresh, of size 0 and new: its writer may be about to fail and to
				 remove it */
	MARKER_CHECK_STALE,   /* older than the worker */
	MARKER_CHECK_UNDATED, /* the worker's start is not known any more */
	MARKER_CHECK_NOT_REGULAR, /* a symbolic link, a folder, a device… */
	MARKER_CHECK_LINKED,      /* a regular file with other names: perhaps another's */
	MARKER_CHECK_FOREIGN,     /* of a user that is neither root nor the worker's */
	MARKER_CHECK_UNREADABLE,  /* the look itself failed */
};

/*
 * Opens the folder (O_PATH) of an absolute path as the process sees it: below /proc/<pid>/root when
 * `inside` is set, without leaving that root, otherwise in the caller's. *name points into path.
 * Returns a file descriptor or a negative errno.
 */
int marker_check_open_directory(pid_t pid, bool inside, const char *path, const char **name);

/*
 * Judges what stands under name in folder. With `witnessed`, the caller has seen the file being
 * created or written after the worker's start, so its age is not asked: clocks may be stepped.
 * *owner gets the file's owner where there is a file.
 */
enum marker_check_verdict marker_check_judge(int folder, const char *name,
					     const struct worker_identity *worker, bool witnessed,
					     uid_t *owner);

/*
 * Writes why this verdict is not readiness, as the tail of a sentence; "" for MARKER_CHECK_NONE.
 * owner is what marker_check_judge gave.
 */
void marker_check_complaint(enum marker_check_verdict verdict, uid_t owner, char *text,
			    size_t size);

#endif
