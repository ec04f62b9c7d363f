/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jemalloc's size classes (sc.h): four in each doubling, tiny ones below the quantum of 16 bytes.
 * Those of slabs come with their geometry from the target's bin_infos[]. Pure.
 */
#ifndef KTSTR_SIZE_CLASSES_H
#define KTSTR_SIZE_CLASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIZE_CLASSES_TOTAL      232 /* SC_NSIZES with 64-bit addresses and a quantum of 16 bytes */
#define SIZE_CLASSES_BINS_LIMIT 64
#define SIZE_CLASSES_SHARDS     64 /* BIN_SHARDS_MAX: bin.h */
#define SIZE_CLASSES_INFO_SIZE  40 /* struct bin_info_s with pages of 4 KiB */

struct size_bin {
	uint64_t reg_size, slab_size;
	uint32_t nregs, shards;
};

struct size_classes {
	uint64_t page;
	size_t bins, large; /* how many of each; together SIZE_CLASSES_TOTAL */
	size_t bin_shards;  /* bins of one arena, each shard counted */
	struct size_bin bin[SIZE_CLASSES_BINS_LIMIT];
};

/* The size of class `index`, 0 where there is none. */
uint64_t size_class(size_t index);

static inline uint64_t size_class_large(const struct size_classes *classes, size_t index)
{
	return size_class(classes->bins + index);
}

/*
 * Is this the target's bin_infos[]? Looks at `size` bytes from its first entry on, which need not
 * all belong to it.
 */
bool size_classes_take(const unsigned char *bytes, size_t size, struct size_classes *classes);

#endif
