/* SPDX-License-Identifier: BSD-2-Clause */
/* A captured stream: a pipe's read end and a bounded buffer behind it. */
#include "config.h"

#include "payload_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "payload_child.h"

#define CHUNK         ((size_t)16384)
#define PIPE_CAPACITY 65536 /* pipe(7) */

int capture_open(struct capture *capture, size_t limit, int *write_fd)
{
	int ends[2];
	int rc;

	*capture = CAPTURE_NONE;
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	ends[0] = fd_above_stdio(ends[0]);
	ends[1] = fd_above_stdio(ends[1]);
	rc = ends[0] < 0 ? ends[0] : ends[1] < 0 ? ends[1] : 0;
	/* Only this end: the child's stdout has to block when the pipe is full, as programs expect.
	 */
	if (!rc && fcntl(ends[0], F_SETFL, O_NONBLOCK))
		rc = -errno;
	if (rc) {
		if (ends[0] >= 0)
			close(ends[0]);
		if (ends[1] >= 0)
			close(ends[1]);
		return rc;
	}
	capture->fd = ends[0];
	capture->captured = true;
	capture->limit = limit < SIZE_MAX / 2 ? limit
					      : SIZE_MAX / 2; /* so that sizes cannot overflow */
	*write_fd = ends[1];
	return 0;
}

/* Makes room for `wanted` bytes and a NUL. On failure the room stays as it was. */
static void grow(struct capture *capture, size_t wanted)
{
	size_t room = capture->room ? capture->room : 4096;
	char *data;

	if (wanted < capture->room)
		return;
	while (room <= wanted)
		room *= 2;
	if (room > capture->limit + 1)
		room = capture->limit + 1;
	data = realloc(capture->data, room);
	if (!data)
		return;
	capture->data = data;
	capture->room = room;
}

static void keep(struct capture *capture, const char *bytes, size_t size)
{
	size_t kept = capture->limit - capture->size;

	if (kept > size)
		kept = size;
	/* After a gap nothing more is kept: what is kept is always the unbroken beginning. */
	if (capture->dropped)
		kept = 0;
	if (kept) {
		grow(capture, capture->size + kept);
		/* Out of memory: what has no room is dropped and counted like what is over the
		 * limit. */
		if (capture->room <= capture->size + kept)
			kept = capture->room ? capture->room - 1 - capture->size : 0;
	}
	if (kept) {
		memcpy(capture->data + capture->size, bytes, kept);
		capture->size += kept;
		capture->data[capture->size] = '\0';
	}
	capture->dropped += size - kept;
}

void capture_drain(struct capture *capture)
{
	char chunk[CHUNK];
	int waiting = 0;
	size_t budget;
	ssize_t got;

	if (capture->fd < 0)
		return;
	/*
	 * Only what is there now: a child that writes faster than we read must not hold the caller
	 * here. One read at least, which is what finds the end of file.
	 */
	if (ioctl(capture->fd, FIONREAD, &waiting))
		waiting = PIPE_CAPACITY;
	if (waiting < 1)
		waiting = 1;
	for (budget = (size_t)waiting; budget; budget -= (size_t)got) {
		got = read(capture->fd, chunk, budget < CHUNK ? budget : CHUNK);
		if (got < 0 && errno == EINTR) {
			got = 0;
			continue;
		}
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0) {
			capture->error = got < 0 ? -errno : 0;
			capture_stop(capture);
			return;
		}
		keep(capture, chunk, (size_t)got);
	}
}

void capture_stop(struct capture *capture)
{
	if (capture->fd >= 0)
		close(capture->fd);
	capture->fd = -1;
}

void capture_free(struct capture *capture)
{
	capture_stop(capture);
	free(capture->data);
	*capture = CAPTURE_NONE;
}
