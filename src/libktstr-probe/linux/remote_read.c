/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads many ranges of another process's memory with few system calls, some of which may be gone.
 */
#include "config.h"

#include "linux/remote_read.h"

#include <errno.h>
#include <sys/uio.h>

#define RANGES_PER_CALL 1024 /* UIO_MAXIOV, include/uapi/linux/uio.h */

/* One call. Returns the number of bytes read, or a negative errno. */
static ssize_t read_batch(pid_t tid, const struct target_range *ranges, size_t count,
			  struct target_read_count *counter)
{
	struct iovec local[RANGES_PER_CALL], remote[RANGES_PER_CALL];
	ssize_t done;

	for (size_t i = 0; i < count; i++) {
		local[i] =
			(struct iovec){ .iov_base = ranges[i].buffer, .iov_len = ranges[i].size };
		remote[i] = (struct iovec){ .iov_base = (void *)(uintptr_t)ranges[i].address,
					    .iov_len = ranges[i].size };
	}
	done = process_vm_readv(tid, local, count, remote, count, 0);
	if (counter) {
		counter->calls++;
		counter->bytes += done > 0 ? (uint64_t)done : 0;
	}
	return done < 0 ? -errno : done;
}

/* Marks the ranges that `bytes` fill. Returns their number. */
static size_t mark_read(struct target_range *ranges, size_t count, size_t bytes)
{
	size_t i;

	for (i = 0; i < count && bytes >= ranges[i].size; i++) {
		bytes -= ranges[i].size;
		ranges[i].error = 0;
	}
	return i;
}

int remote_read(pid_t tid, struct target_range *ranges, size_t count,
		struct target_read_count *counter)
{
	size_t next = 0;

	while (next < count) {
		size_t batch = count - next < RANGES_PER_CALL ? count - next : RANGES_PER_CALL,
		       whole;
		ssize_t bytes = read_batch(tid, ranges + next, batch, counter);

		if (bytes < 0 && bytes != -EFAULT && bytes != -EINVAL) {
			for (size_t i = next; i < count; i++)
				ranges[i].error = (int)bytes;
			return (int)bytes;
		}
		whole = mark_read(ranges + next, batch, bytes < 0 ? 0 : (size_t)bytes);
		next += whole;
		/* process_vm_readv(2) ends at the first range that it cannot read: go on behind it.
		 */
		if (whole < batch)
			ranges[next++].error = -EFAULT;
	}
	return 0;
}
