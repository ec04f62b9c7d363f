/* SPDX-License-Identifier: BSD-2-Clause */
/* Where captures are written. */
#include "config.h"

#include "src/tools/heap/capture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

struct capture_stream {
	int fd;
	int error; /* of the first write that failed, a negative errno */
#ifdef HAVE_ZSTD
	ZSTD_CCtx *zstd; /* NULL: written as it comes */
#endif
};

static int write_all(struct capture_stream *stream, const char *bytes, size_t size)
{
	while (size && stream->error == 0) {
		ssize_t done = write(stream->fd, bytes, size);

		if (done < 0 && errno != EINTR)
			stream->error = -errno;
		if (done > 0) {
			bytes += done;
			size -= (size_t)done;
		}
	}
	return stream->error;
}

#ifdef HAVE_ZSTD
static int compress_all(struct capture_stream *stream, const char *bytes, size_t size,
			ZSTD_EndDirective directive)
{
	char buffer[65536];
	ZSTD_inBuffer in = { .src = bytes, .size = size };
	size_t left;

	do {
		ZSTD_outBuffer out = { .dst = buffer, .size = sizeof buffer };

		left = ZSTD_compressStream2(stream->zstd, &out, &in, directive);
		if (ZSTD_isError(left))
			stream->error = -ENOMEM; /* it has no other reason */
		else
			write_all(stream, buffer, out.pos);
	} while (stream->error == 0 && (directive == ZSTD_e_end ? left > 0 : in.pos < in.size));
	return stream->error;
}
#endif

static ssize_t write_stream(void *cookie, const char *bytes, size_t size)
{
	struct capture_stream *stream = cookie;

#ifdef HAVE_ZSTD
	if (stream->zstd)
		return compress_all(stream, bytes, size, ZSTD_e_continue) ? 0 : (ssize_t)size;
#endif
	return write_all(stream, bytes, size) ? 0 : (ssize_t)size;
}

static int close_stream(void *cookie)
{
	struct capture_stream *stream = cookie;
	int rc = close(stream->fd);

#ifdef HAVE_ZSTD
	ZSTD_freeCCtx(stream->zstd);
#endif
	free(stream);
	return rc;
}

static bool is_compressed(const char *path)
{
	static const char end[] = ".zst";
	size_t length = path ? strlen(path) : 0;

	return length >= sizeof end - 1 && strcmp(path + length - (sizeof end - 1), end) == 0;
}

/* Takes fd in any case. */
static int open_stream(struct capture_file *file, int fd, bool compressed)
{
	const cookie_io_functions_t functions = { .write = write_stream, .close = close_stream };
	struct capture_stream *stream = calloc(1, sizeof *stream);

	if (!stream) {
		close(fd);
		return -ENOMEM;
	}
	stream->fd = fd;
#ifdef HAVE_ZSTD
	if (compressed && !(stream->zstd = ZSTD_createCCtx())) {
		close_stream(stream);
		return -ENOMEM;
	}
#else
	(void)compressed;
#endif
	file->out = fopencookie(stream, "w", functions);
	if (!file->out) {
		close_stream(stream);
		return -ENOMEM;
	}
	file->stream = stream;
	return 0;
}

/* Beside the name, with the rights of a new file. Returns a descriptor or a negative errno. */
static int open_temporary(struct capture_file *file)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	if (asprintf(&file->temporary, "%s.XXXXXX", file->path) < 0) {
		file->temporary = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(file->temporary, O_CLOEXEC);
	if (fd < 0) {
		fd = -errno;
		free(file->temporary);
		file->temporary = NULL;
		return fd;
	}
	fchmod(fd, 0666 & ~mask);
	return fd;
}

static int open_path(struct capture_file *file, enum capture_file_way way)
{
	struct stat st;
	int fd;

	/* A pipe or a device has no content to replace. */
	if (way == CAPTURE_FILE_REPLACE && (stat(file->path, &st) || S_ISREG(st.st_mode)))
		return open_temporary(file);
	fd = open(file->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0)
		return -errno;
	return fd;
}

int capture_file_open(struct capture_file *file, const char *path, enum capture_file_way way)
{
	int fd, rc;

	*file = (struct capture_file){ .path = path };
#ifndef HAVE_ZSTD
	if (is_compressed(path))
		return -ENOTSUP;
#endif
	fd = path ? open_path(file, way) : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return path ? fd : -errno;
	rc = open_stream(file, fd, is_compressed(path));
	if (rc)
		capture_file_discard(file);
	return rc;
}

int capture_file_end_capture(struct capture_file *file)
{
	fflush(file->out);
#ifdef HAVE_ZSTD
	if (file->stream->zstd && file->stream->error == 0)
		compress_all(file->stream, NULL, 0, ZSTD_e_end);
#endif
	return file->stream->error;
}

/* PATH.(n - 1) gets the name PATH.n; PATH is number 0. What is not there is left out. */
static int rotate(const char *path, unsigned int keep)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (unsigned int n = keep - 1; n > 0; n--) {
		snprintf(to, sizeof to, "%s.%u", path, n);
		if (n > 1)
			snprintf(from, sizeof from, "%s.%u", path, n - 1);
		else
			snprintf(from, sizeof from, "%s", path);
		if (rename(from, to) && errno != ENOENT)
			return -errno;
	}
	return 0;
}

int capture_file_commit(struct capture_file *file, unsigned int keep)
{
	int rc = file->stream->error;

	/* Some file systems find out here that there is no room. */
	if (rc == 0 && file->temporary && fsync(file->stream->fd) && errno != EINVAL)
		rc = -errno;
	file->stream = NULL;
	if (fclose(file->out) && rc == 0)
		rc = errno ? -errno : -EIO;
	file->out = NULL;
	if (rc == 0 && file->temporary && keep > 1)
		rc = rotate(file->path, keep);
	if (rc == 0 && file->temporary && rename(file->temporary, file->path))
		rc = -errno;
	if (rc && file->temporary)
		unlink(file->temporary);
	free(file->temporary);
	file->temporary = NULL;
	return rc;
}

void capture_file_discard(struct capture_file *file)
{
	if (file->out)
		fclose(file->out);
	if (file->temporary)
		unlink(file->temporary);
	free(file->temporary);
	*file = (struct capture_file){ .out = NULL };
}
