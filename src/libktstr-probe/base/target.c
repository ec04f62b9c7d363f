/* SPDX-License-Identifier: BSD-2-Clause */
/* The one way to read the process that a session looks at. */
#include "config.h"

#include "base/target.h"

#include <errno.h>

int target_read(struct target *target, struct target_range *ranges, size_t count)
{
	int rc = target->ops->read(target, ranges, count);

	/* The reader may have ended while others live on. */
	while (rc == -ESRCH && target->ops->change_reader(target) == 0)
		rc = target->ops->read(target, ranges, count);
	return rc;
}

int target_read_one(struct target *target, uint64_t address, void *buffer, size_t size)
{
	struct target_range range = { .address = address, .buffer = buffer, .size = size };
	int rc = target_read(target, &range, 1);

	return rc ? rc : range.error;
}
