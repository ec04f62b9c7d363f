/* SPDX-License-Identifier: BSD-2-Clause */
/* A target whose memory is the input, from BASE on. */
#ifndef KTSTR_FUZZ_INPUT_MEMORY_H
#define KTSTR_FUZZ_INPUT_MEMORY_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/target.h"

#define BASE UINT64_C(0x10000)

static const uint8_t *bytes;
static size_t byte_count;

static int read_made(struct target *target, struct target_range *ranges, size_t count)
{
	(void)target;
	for (size_t i = 0; i < count; i++) {
		uint64_t at = ranges[i].address - BASE;

		ranges[i].error = -EFAULT;
		if (at > byte_count || ranges[i].size > byte_count - at)
			continue;
		memcpy(ranges[i].buffer, bytes + at, ranges[i].size);
		ranges[i].error = 0;
	}
	return 0;
}

#endif
