/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where captures are written: a stream that compresses where the name ends in ".zst", a frame for
 * each capture, so that what was cut short is good up to there. A file of one capture gets its name
 * only once it is whole.
 */
#ifndef KTSTR_CAPTURE_FILE_H
#define KTSTR_CAPTURE_FILE_H

#include <stdbool.h>
#include <stdio.h>

enum capture_file_way {
	CAPTURE_FILE_REPLACE, /* written beside the name, which it then gets */
	CAPTURE_FILE_APPEND,  /* capture after capture behind what the file holds */
};

struct capture_file {
	FILE *out; /* records are written here */
	const char *path;
	char *temporary; /* its name so far; NULL: that of path, or standard output */
	struct capture_stream *stream;
};

/* path: NULL is standard output. Returns 0; -ENOTSUP for ".zst" in a build without zstd; or a
 * negative errno. */
int capture_file_open(struct capture_file *file, const char *path, enum capture_file_way way);

/* A capture is complete: all that was written is with the kernel. Returns 0 or a negative errno. */
int capture_file_end_capture(struct capture_file *file);

/* Closes it. A file to be replaced gets its name, older ones PATH.1 to PATH.(keep - 1); keep 0 or 1
 * keeps none. Returns 0, or a negative errno: then nothing has the name that had not. */
int capture_file_commit(struct capture_file *file, unsigned int keep);

/* Closes it; what has no name yet is removed. */
void capture_file_discard(struct capture_file *file);

#endif
