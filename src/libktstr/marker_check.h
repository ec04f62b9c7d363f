/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The marker: its directory within the worker's root, and whether an existing one counts.
 */
#ifndef KTSTR_MARKER_CHECK_H
#define KTSTR_MARKER_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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
	MARKER_CHECK_FUTURE,  /* dated in the future */
	MARKER_CHECK_UNDATED, /* the worker's start is not known any more */
	MARKER_CHECK_NOT_REGULAR, /* a symbolic link, a directory, a device… */
	MARKER_CHECK_LINKED,      /* it has more than one name */
	MARKER_CHECK_FOREIGN,     /* of a user that is neither root nor the worker's */
	MARKER_CHECK_UNREADABLE,  /* the look itself failed */
	/* The file would count; see marker_writer.h for whose it is. */
	MARKER_CHECK_OF_OTHER, /* the worker did not make it */
	MARKER_CHECK_OF_RIVAL, /* it or a certain other process */
	MARKER_CHECK_UNPROVEN, /* nothing tells */
};

/* What stands at the marker's path. All zero before the first look. */
struct marker_check_file {
	dev_t device;
	ino_t inode;
	int64_t changed_ns; /* st_ctim */
	uint64_t size;
	uid_t owner;
	bool from_future; /* at this look or, unchanged since, at an earlier one */
	pid_t rival;      /* for MARKER_CHECK_OF_RIVAL */
};

/*
 * Opens the directory (O_PATH) of an absolute path as the process sees it: below /proc/<pid>/root
 * when `inside` is set, without leaving that root, otherwise in the caller's. *name points into
 * path. Returns a file descriptor or a negative errno.
 */
int marker_check_open_directory(pid_t pid, bool inside, const char *path, const char **name);

/*
 * Judges what stands under name in directory. With `witnessed`, the caller has seen the file being
 * written under this name after the worker's start, so its age is not asked: clocks may be stepped.
 * *file is kept from look to look.
 */
enum marker_check_verdict marker_check_examine(int directory, const char *name,
					       const struct worker_identity *worker, bool witnessed,
					       struct marker_check_file *file);

/* Is it in doubt, or denied, that the worker made the file? */
bool marker_check_is_unproven(enum marker_check_verdict verdict);

/*
 * Writes why this verdict is not readiness of the process pid, as the tail of a sentence; "" for
 * MARKER_CHECK_NONE.
 */
void marker_check_complaint(enum marker_check_verdict verdict, const struct marker_check_file *file,
			    pid_t pid, char *text, size_t size);

#endif
