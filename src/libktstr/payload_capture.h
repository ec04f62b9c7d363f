/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A captured stream: the read end of a pipe and the first bytes that came through it, at most as
 * many as a limit says.
 */
#ifndef KTSTR_PAYLOAD_CAPTURE_H
#define KTSTR_PAYLOAD_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture {
	int fd;        /* read end, non-blocking; -1 when not captured, at end of file, or closed */
	bool captured; /* was this stream captured at all? */
	char *data;    /* `size` bytes and a NUL, or NULL before the first byte */
	size_t size;   /* bytes kept */
	size_t room;   /* bytes allocated, the NUL's included */
	size_t limit;  /* bytes kept at most */
	uint64_t dropped; /* bytes read and not kept */
	int error;        /* why it was not read to its end: a negative errno, 0 for none */
};

/* What a stream that is not captured begins and stays with. */
#define CAPTURE_NONE ((struct capture){ .fd = -1 })

/* Makes the pipe. The write end, for the child, goes to *write_fd. Returns 0 or a negative errno.
 */
int capture_open(struct capture *capture, size_t limit, int *write_fd);

/* Reads what the pipe holds now; closes the read end at end of file or an error. Never blocks. */
void capture_drain(struct capture *capture);

/* Closes the read end; what was kept stays. */
void capture_stop(struct capture *capture);

/* Closes the read end and frees what was kept. */
void capture_free(struct capture *capture);

#endif
