/* SPDX-License-Identifier: BSD-2-Clause */
/* A stream whose writes no signal cuts short. */
#include "config.h"

#include "output/steady_output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "shared/clock.h"

/* No signal slips in between the look at *stopped and the wait. Returns 0 or a negative errno. */
static int wait_writable(const struct steady_output *output)
{
	struct pollfd pollfd = { .fd = output->fd, .events = POLLOUT };
	int64_t give_up = DEADLINE_NEVER;
	sigset_t before;
	int rc;

	pthread_sigmask(SIG_BLOCK, output->stop_signals, &before);
	do {
		struct timespec left;

		if (*output->stopped && give_up == DEADLINE_NEVER)
			give_up = deadline_after_ms(output->stall_ms);
		rc = ppoll(&pollfd, 1, deadline_left(give_up, &left), &before);
	} while (rc < 0 && errno == EINTR);
	rc = rc > 0 ? 0 : rc == 0 ? -ETIMEDOUT : -errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static ssize_t write_steadily(void *cookie, const char *bytes, size_t size)
{
	struct steady_output *output = cookie;
	size_t done = 0;

	while (done < size && output->error == 0) {
		size_t part = size - done;
		ssize_t n;

		if (output->stallable) {
			/* pipe(7): with room for one, a write of PIPE_BUF bytes does not block. */
			part = part < PIPE_BUF ? part : PIPE_BUF;
			output->error = wait_writable(output);
			if (output->error)
				break;
		}
		n = write(output->fd, bytes + done, part);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || (errno != EINTR && errno != EAGAIN))
			output->error = n ? -errno : -EIO;
	}
	if (output->error)
		errno = -output->error;
	return (ssize_t)done;
}

FILE *steady_output_open(struct steady_output *output)
{
	struct stat status;

	output->stallable = fstat(output->fd, &status) != 0 || !S_ISREG(status.st_mode);
	return fopencookie(output, "w", (cookie_io_functions_t){ .write = write_steadily });
}
