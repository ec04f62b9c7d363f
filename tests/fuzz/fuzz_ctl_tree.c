/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any memory as a module with a tree of mallctl names: the input is its data, of which the first
 * quarter counts as constants and code too. Each handler that is told must be code.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "input_memory.h"
#include "jemalloc/ctl_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
		.code[0] = { .address = BASE, .size = size / 4 },
		.constants[0] = { .address = BASE, .size = size / 4 },
		.data[0] = { .address = BASE, .size = size },
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
