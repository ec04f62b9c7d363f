/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose a marker is. The file tells its owner's uid, but not its owner's pid namespace: a worker of
 * the same number in another one, or a dead worker whose number was given out again, makes the same
 * file. What the process has written so far is counted by the kernel, and decides.
 */
#ifndef KTSTR_MARKER_WRITER_H
#define KTSTR_MARKER_WRITER_H

#include <stdint.h>
#include <sys/types.h>

#include "marker_check.h"
#include "worker_identity.h"

#define MARKER_WRITER_UNKNOWN UINT64_MAX

/*
 * How many bytes the process has written, with its children that it has waited for: wchar of
 * proc_pid_io(5). MARKER_WRITER_UNKNOWN where that may not be read, or is not there.
 */
uint64_t marker_writer_count(pid_t pid);

/*
 * Judges whether `file`, which counts otherwise, is the worker's own: MARKER_CHECK_FRESH, or one of
 * the verdicts that marker_check_is_unproven knows. `path` is the marker's, `directory` where it
 * was found. `before` is the worker's count at a time before the file was written: 0 for its start.
 */
enum marker_check_verdict marker_writer_examine(pid_t pid, const struct worker_identity *worker,
						int directory, const char *path, uint64_t before,
						struct marker_check_file *file);

#endif
