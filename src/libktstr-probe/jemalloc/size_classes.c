/* SPDX-License-Identifier: BSD-2-Clause */
/* jemalloc's size classes. */
#include "config.h"

#include "jemalloc/size_classes.h"

#include <string.h>

#define FIRST_GROUP 4 /* 16, 32, 48, 64 stand at 1 to 4, behind the one tiny class of 8 bytes */
#define BINS_LEAST  20

uint64_t size_class(size_t index)
{
	uint64_t group, base;

	if (index >= SIZE_CLASSES_TOTAL)
		return 0;
	if (index == 0)
		return 8;
	if (index <= FIRST_GROUP)
		return 16 * (uint64_t)index;
	group = (index - FIRST_GROUP - 1) / 4;
	base = UINT64_C(64) << group;
	return base + base / 4 * ((index - FIRST_GROUP - 1) % 4 + 1);
}

/* struct bin_info_s: reg_size, slab_size, nregs, n_shards, and the bitmap's geometry. */
static bool take_bin(const unsigned char *bytes, uint64_t page, struct size_bin *bin)
{
	memcpy(&bin->reg_size, bytes, sizeof bin->reg_size);
	memcpy(&bin->slab_size, bytes + 8, sizeof bin->slab_size);
	memcpy(&bin->nregs, bytes + 16, sizeof bin->nregs);
	memcpy(&bin->shards, bytes + 20, sizeof bin->shards);
	return bin->reg_size && bin->slab_size && bin->slab_size % page == 0 &&
	       bin->slab_size <= 64 * bin->reg_size * page &&
	       bin->slab_size / bin->reg_size == bin->nregs && bin->shards &&
	       bin->shards <= SIZE_CLASSES_SHARDS;
}

bool size_classes_take(const unsigned char *bytes, size_t size, struct size_classes *classes)
{
	struct size_classes found = { .page = 0 };

	if (size < SIZE_CLASSES_INFO_SIZE)
		return false;
	memcpy(&found.page, bytes + 8, sizeof found.page);
	if (found.page < 4096 || found.page > 65536 || (found.page & (found.page - 1)))
		return false;
	while (found.bins < SIZE_CLASSES_BINS_LIMIT &&
	       (found.bins + 1) * SIZE_CLASSES_INFO_SIZE <= size) {
		struct size_bin *bin = &found.bin[found.bins];

		if (!take_bin(bytes + found.bins * SIZE_CLASSES_INFO_SIZE, found.page, bin) ||
		    bin->reg_size != size_class(found.bins))
			break;
		found.bin_shards += bin->shards;
		found.bins++;
	}
	if (found.bins < BINS_LEAST)
		return false;
	found.large = SIZE_CLASSES_TOTAL - found.bins;
	*classes = found;
	return true;
}
