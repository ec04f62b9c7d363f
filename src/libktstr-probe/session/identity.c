/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is it still one and the same program? Two signs, as each has its gap. The open /proc/<pid>/mem
 * pins the address space and reads nothing once that has ended; but another process may share it,
 * as vfork(2)'s child does, and keep it alive when the target goes on with an exec. What the other
 * calls read is the space that the task has now: there stand the 16 random bytes that each exec
 * gets from the kernel (getauxval(3), AT_RANDOM).
 */
#include "config.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "session/session.h"

static int read_pinned(const struct ktstr_probe *probe, uint64_t address, void *buffer, size_t size)
{
	ssize_t n;

	do {
		n = pread(probe->mem_fd, buffer, size, (off_t)address);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)size ? 0 : -EIO;
}

int probe_pin_memory(struct ktstr_probe *probe)
{
	char path[32];
	int rc;

	snprintf(path, sizeof path, "%d/mem", (int)probe->reader);
	probe->mem_fd = openat(probe->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (probe->mem_fd < 0)
		return -errno;
	rc = procfs_read_auxv(probe->proc_fd, probe->reader, AT_RANDOM, &probe->random);
	/* An exec between the two: the address means nothing in what is pinned, and the first look
	 * will tell. */
	if (rc == 0 && probe->random &&
	    read_pinned(probe, probe->random, probe->random_bytes, sizeof probe->random_bytes))
		memset(probe->random_bytes, 0, sizeof probe->random_bytes);
	return rc;
}

/* A read that fails shows in the first comparison. */
void probe_take_anchor(struct ktstr_probe *probe, uint64_t address)
{
	probe->anchor = address;
	remote_read_one(probe->reader, address, probe->anchor_bytes, sizeof probe->anchor_bytes,
			&probe->counter);
}

int probe_has_memory(const struct ktstr_probe *probe)
{
	unsigned char random[sizeof probe->random_bytes];

	return probe->random && read_pinned(probe, probe->random, random, sizeof random) == 0;
}

int probe_same_program(struct ktstr_probe *probe)
{
	unsigned char pinned[sizeof probe->anchor_bytes], head[sizeof probe->anchor_bytes] = { 0 };
	unsigned char random[sizeof probe->random_bytes] = { 0 };
	struct target_range ranges[] = {
		{ .address = probe->anchor, .buffer = head, .size = sizeof head },
		{ .address = probe->random, .buffer = random, .size = sizeof random },
	};
	size_t count = probe->random ? 2 : 1; /* before Linux 2.6.29 there is none */

	/* A library may be closed, and another come to lie in its place: its headers differ. */
	return read_pinned(probe, probe->anchor, pinned, sizeof pinned) == 0 &&
	       memcmp(pinned, probe->anchor_bytes, sizeof pinned) == 0 &&
	       probe_read_ranges(probe, ranges, count) == 0 && ranges[0].error == 0 &&
	       memcmp(head, pinned, sizeof head) == 0 &&
	       (count == 1 ||
		(ranges[1].error == 0 && memcmp(random, probe->random_bytes, sizeof random) == 0));
}
