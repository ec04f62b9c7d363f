/* SPDX-License-Identifier: BSD-2-Clause */
/* The leaves of emap's tree, decoded; the chains of blocks. */
#include "config.h"

#include "jemalloc/extents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* rtree.h with 48 bits of address and pages of 4 KiB: two levels of 18 bits each. */
#define LEVEL_BITS  18
#define ROOT_WORDS  (UINT64_C(1) << (LEVEL_BITS - 1)) /* user addresses have 47 bits */
#define LEAF_WORDS  (UINT64_C(1) << LEVEL_BITS)
#define WORD        UINT64_C(8)
#define PIECE_WORDS 8192

/* rtree_leaf_elm_bits_encode: the address of an edata_t, which is aligned to 128 bytes, and around
 * it szind above, is_head, slab and state below. */
#define EDATA_MASK  (((UINT64_C(1) << 48) - 1) & ~UINT64_C(127))
#define STATE_SHIFT 2
#define STATE_MASK  7

#define EXTENTS_LIMIT (UINT64_C(1) << 24)
#define LEAVES_LIMIT  4096
#define BLOCKS_LIMIT  65536

/* extent_state_t: edata.h. */
static const enum extent_kind kinds[] = { EXTENT_ACTIVE, EXTENT_DIRTY, EXTENT_MUZZY,
					  EXTENT_RETAINED, EXTENT_PINNED };

#define STATES (sizeof kinds / sizeof *kinds)

struct walk {
	struct target *target;
	const struct extents_memory *memory;
	struct extents *extents;
	uint64_t page;
	int rc;
	const char *reason;
	uint64_t *piece; /* PIECE_WORDS */
	/* the leaf that is read, and the extent that is open: its edata, first and last page */
	uint64_t leaf, base;
	uint64_t edata, first, last;
	enum extent_kind kind;
};

static int add(struct extents *extents, uint64_t start, uint64_t end, enum extent_kind kind)
{
	struct extent *last = extents->count ? &extents->list[extents->count - 1] : NULL;

	extents->bytes[kind] += end - start;
	if (last && last->kind == kind && last->end == start) {
		last->end = end;
		return 0;
	}
	if (extents->count == extents->room) {
		size_t room = extents->room ? 2 * extents->room : 1024;
		struct extent *more =
			room > EXTENTS_LIMIT ? NULL : realloc(extents->list, room * sizeof *more);

		if (!more)
			return -ENOMEM;
		extents->list = more;
		extents->room = room;
	}
	extents->list[extents->count++] =
		(struct extent){ .start = start, .end = end, .kind = kind };
	return 0;
}

static void close_extent(struct walk *walk)
{
	if (walk->edata && walk->rc == 0)
		walk->rc = add(walk->extents, walk->first, walk->last + walk->page, walk->kind);
	walk->edata = 0;
}

/* Slabs stand in the tree with all of their pages, other extents with the first and the last. */
static void take_word(struct walk *walk, uint64_t word, uint64_t address)
{
	uint64_t edata = word & EDATA_MASK, state = word >> STATE_SHIFT & STATE_MASK;

	if (edata == 0)
		return;
	if (edata == walk->edata) {
		walk->last = address;
		return;
	}
	close_extent(walk);
	if (state >= STATES)
		return; /* on its way from one state to another */
	walk->edata = edata;
	walk->kind = kinds[state];
	walk->first = walk->last = address;
}

/* Some pages of a leaf that have memory. */
static void read_leaf_part(void *context, uint64_t start, uint64_t end)
{
	struct walk *walk = context;
	uint64_t leaf_end = walk->leaf + LEAF_WORDS * WORD;

	start = start < walk->leaf ? walk->leaf : start;
	end = end > leaf_end ? leaf_end : end;
	while (walk->rc == 0 && start < end) {
		size_t count = (end - start) / WORD < PIECE_WORDS ? (size_t)((end - start) / WORD)
								  : PIECE_WORDS;
		uint64_t index = (start - walk->leaf) / WORD;

		walk->rc = target_read_one(walk->target, start, walk->piece, count * WORD);
		for (size_t i = 0; walk->rc == 0 && i < count; i++)
			if (walk->piece[i])
				take_word(walk, walk->piece[i],
					  walk->base + (index + i) * walk->page);
		start += count * WORD;
	}
}

static void read_leaf(struct walk *walk, uint64_t leaf, uint64_t base)
{
	uint64_t end = leaf + LEAF_WORDS * WORD;

	if (leaf % WORD || end < leaf) {
		walk->reason = "a leaf of its tree of extents is not aligned as one";
		walk->rc = -ENODATA;
		return;
	}
	walk->leaf = leaf;
	walk->base = base;
	if (walk->memory)
		walk->rc = walk->memory->walk(walk->memory->context, leaf & ~(walk->page - 1),
					      (end + walk->page - 1) & ~(walk->page - 1),
					      read_leaf_part, walk);
	else
		read_leaf_part(walk, leaf, end);
}

static void read_tree(struct walk *walk, uint64_t root)
{
	uint64_t *words = malloc(ROOT_WORDS * WORD);
	size_t leaves = 0;

	walk->rc = words ? target_read_one(walk->target, root, words, ROOT_WORDS * WORD) : -ENOMEM;
	for (uint64_t i = 0; walk->rc == 0 && i < ROOT_WORDS; i++) {
		if (!words[i])
			continue;
		if (++leaves > LEAVES_LIMIT) {
			walk->reason = "its tree of extents has more leaves than are read";
			walk->rc = -ENODATA;
			break;
		}
		read_leaf(walk, words[i], i * LEAF_WORDS * walk->page);
	}
	close_extent(walk);
	free(words);
}

/* struct base_block_s: size, next, … */
struct block {
	uint64_t size, next;
};

/* One base's chain of blocks. */
static void read_blocks(struct walk *walk, uint64_t address, size_t *count)
{
	while (walk->rc == 0 && address) {
		struct block block;

		if (++*count > BLOCKS_LIMIT) {
			walk->reason = "a base has more blocks than are read";
			walk->rc = -ENODATA;
			break;
		}
		walk->rc = target_read_one(walk->target, address, &block, sizeof block);
		if (walk->rc)
			break;
		if (address % walk->page || block.size % walk->page || block.size == 0 ||
		    block.size > UINT64_MAX / 2 - address) {
			walk->reason = "a block of a base is none";
			walk->rc = -ENODATA;
			break;
		}
		walk->rc = add(walk->extents, address, address + block.size, EXTENT_BASE);
		address = block.next;
	}
}

static void read_bases(struct walk *walk, const struct heap_layout *layout,
		       const struct arena_list *arenas)
{
	struct target_range *ranges = calloc(arenas->count + 1, sizeof *ranges);
	uint64_t *heads = calloc(arenas->count + 1, sizeof *heads);
	size_t count = 0;

	walk->rc = ranges && heads ? 0 : -ENOMEM;
	for (size_t i = 0; walk->rc == 0 && i < arenas->count; i++)
		ranges[i] = (struct target_range){
			.address = arenas->refs[i].base + layout->base.blocks,
			.buffer = &heads[i],
			.size = sizeof heads[i],
		};
	if (walk->rc == 0)
		walk->rc = target_read(walk->target, ranges, arenas->count);
	for (size_t i = 0; walk->rc == 0 && i < arenas->count; i++) {
		walk->rc = ranges[i].error;
		read_blocks(walk, heads[i], &count);
	}
	free(ranges);
	free(heads);
}

static int compare(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static bool overlap(const struct extents *extents)
{
	for (size_t i = 1; i < extents->count; i++)
		if (extents->list[i].start < extents->list[i - 1].end)
			return true;
	return false;
}

int extents_read(struct target *target, const struct heap_layout *layout, uint64_t page,
		 const struct arena_list *arenas, const struct extents_memory *memory,
		 struct extents *extents, const char **reason)
{
	struct walk walk = { .target = target, .memory = memory, .extents = extents, .page = page };
	uint64_t emap = 0;

	*extents = (struct extents){ .list = NULL };
	*reason = "where its tree of extents is, is not known of this release";
	if (layout->arena.emap == HEAP_LAYOUT_NONE || arenas->count == 0)
		return -ENODATA;
	*reason = "its tree of extents could not be read";
	walk.piece = malloc(PIECE_WORDS * WORD);
	walk.rc = walk.piece ? target_read_one(target, arenas->refs[0].address + layout->arena.emap,
					       &emap, sizeof emap)
			     : -ENOMEM;
	if (walk.rc == 0)
		read_tree(&walk, emap + layout->base.emap_root);
	if (walk.rc == 0)
		read_bases(&walk, layout, arenas);
	free(walk.piece);
	if (walk.rc == 0 && extents->count)
		qsort(extents->list, extents->count, sizeof *extents->list, compare);
	if (walk.rc == 0 && overlap(extents)) {
		walk.reason = "its extents overlap";
		walk.rc = -ENODATA;
	}
	if (walk.reason)
		*reason = walk.reason;
	if (walk.rc)
		extents_free(extents);
	return walk.rc == -EFAULT ? -ENODATA : walk.rc;
}

void extents_free(struct extents *extents)
{
	free(extents->list);
	*extents = (struct extents){ .list = NULL };
}

size_t extents_find(const struct extents *extents, uint64_t address)
{
	size_t low = 0, high = extents->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (extents->list[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}
