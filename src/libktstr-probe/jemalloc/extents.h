/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which addresses jemalloc's pages have, and what each is used for: the radix tree of its emap, as
 * it lies in the target's memory, and the blocks of its bases.
 */
#ifndef KTSTR_EXTENTS_H
#define KTSTR_EXTENTS_H

#include "jemalloc/arenas.h"

enum extent_kind {
	EXTENT_ACTIVE, /* slabs and large objects */
	EXTENT_DIRTY,
	EXTENT_MUZZY,
	EXTENT_RETAINED,
	EXTENT_PINNED,
	EXTENT_BASE, /* jemalloc's own structures */
	EXTENT_KINDS
};

struct extent {
	uint64_t start, end;
	enum extent_kind kind;
};

/* In ascending order; neighbours of one kind are one. */
struct extents {
	struct extent *list;
	size_t count, room;
	uint64_t bytes[EXTENT_KINDS];
};

/*
 * Tells which pages of a part of the target have memory, so that no others are read: calls visit
 * with each run of such pages. NULL: all are read.
 */
struct extents_memory {
	int (*walk)(void *context, uint64_t start, uint64_t end,
		    void (*visit)(void *context, uint64_t start, uint64_t end), void *visitor);
	void *context;
};

/* The tree is laid out in one of so many ways: the one whose sums are right. */
#define EXTENTS_GEOMETRIES 2

/*
 * Returns 0, -ENODATA with *reason set where this cannot be told, or what reading gave. The result
 * is only as good as its sums: the caller compares them with what the arenas count.
 */
int extents_read(struct target *target, const struct heap_layout *layout, uint64_t page,
		 unsigned int geometry, const struct arena_list *arenas,
		 const struct extents_memory *memory, struct extents *extents, const char **reason);
void extents_free(struct extents *extents);

/* Where an address is in the list: the first extent that ends behind it; count for none. */
size_t extents_find(const struct extents *extents, uint64_t address);

#endif
