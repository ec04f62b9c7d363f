/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The directory in which a worker's marker will come: found in the worker's own mount namespace and
 * root, watched with inotify, and looked up again as the worker may move.
 */
#ifndef KTSTR_MARKER_WATCH_H
#define KTSTR_MARKER_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "worker_identity.h"
#include <ktstr/error.h>

struct marker_watch {
	pid_t pid;               /* the worker's */
	const char *role;        /* for texts */
	const char *path, *name; /* of the marker; name: the last component, once it was entered */
	struct ktstr_error *failure; /* of what failed */

	struct worker_namespaces namespaces;
	int fd; /* of the directory, O_PATH */
	int inotify;
	int wd; /* inotify_add_watch(2)'s, or -1 where it is refused: then the directory is polled
		 */
	bool witnessed;     /* what has the marker's name was written under it before our eyes */
	bool new_content;   /* what has it was written since the directory was entered */
	int lost;           /* why the directory cannot be entered at this time, or 0 */
	int64_t recheck_at; /* on CLOCK_MONOTONIC: when to look up the directory again */
	int64_t recheck_ms;
};

/* inotify: an instance without watches, or -1. It stays the caller's, as does one that is made
 * later. */
void marker_watch_begin(struct marker_watch *watch, int inotify);

/*
 * Opens and watches the directory, in the namespaces as they were read last. Returns 1, or 0 when
 * it is the same directory as before and the watch was kept, or a negative errno with *failure
 * told.
 */
int marker_watch_enter(struct marker_watch *watch);

/*
 * When recheck_at has come: did the worker move to another namespace or root, or mount something
 * over the directory? Returns as marker_watch_enter, but 0 for one that is not there at this time:
 * see `lost`.
 */
int marker_watch_recheck(struct marker_watch *watch);

/*
 * Reads what one buffer holds of the queued events, and no more: others who write into the
 * directory faster than this reads must not keep it from the clock. Returns true when one is a
 * reason to look at the marker.
 */
bool marker_watch_read_events(struct marker_watch *watch);

/* Reads all events that are queued at the call: is what was witnessed still what has the name? */
void marker_watch_catch_up(struct marker_watch *watch);

void marker_watch_leave(struct marker_watch *watch);

#endif
