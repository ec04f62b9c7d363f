/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any memory as a module with a tree of mallctl names: the input is its data, of which the first
 * quarter counts as constants and code too. Each handler that is told must be code.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jemalloc/ctl_tree.h"

#define BASE UINT64_C(0x10000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static int check(const char *name, uint64_t handler, void *context)
{
	size_t *seen = context;

	if (strlen(name) > 400 || handler < BASE || handler - BASE >= byte_count / 4)
		abort();
	return ++*seen > 2000 ? abort(), 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct target_ops ops = { .read = read_made };
	struct target target = { .ops = &ops };
	struct elf_image image = {
		.bias = size & 1,
		.code[0] = { BASE, size / 4 },
		.constants[0] = { BASE, size / 4 },
		.data[0] = { BASE, size },
	};
	struct ctl_tree tree;
	size_t seen = 0;
	uint64_t handler;

	bytes = data;
	byte_count = size;
	if (ctl_tree_find(&target, &image, &tree))
		return 0;
	if (ctl_tree_handler(&target, &image, &tree, "thread.allocated", &handler) == 0)
		check("", handler, &seen);
	ctl_tree_walk(&target, &image, &tree, check, &seen);
	return 0;
}
