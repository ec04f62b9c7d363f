/* SPDX-License-Identifier: BSD-2-Clause */
/* The floor for bench_worker: writes the marker and parks, without jemalloc and without an
 * allocation. */
#include "config.h"

#include <fcntl.h>
#include <unistd.h>

#include <ktstr/worker_ready.h>

int main(void)
{
	static const char content[] = "ready\n";
	char path[KTSTR_WORKER_READY_MARKER_PATH_SIZE];
	int fd;

	if (ktstr_worker_ready_marker_path((uint32_t)getpid(), path, sizeof path))
		return 1;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, content, sizeof content - 1) != sizeof content - 1 || close(fd))
		return 1;
	for (;;)
		pause();
}
