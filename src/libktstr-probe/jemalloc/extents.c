/* SPDX-License-Identifier: BSD-2-Clause */
/* The leaves of emap's tree, decoded; the chains of blocks. */
#include "config.h"

#include "jemalloc/extents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD         UINT64_C(8)
#define PIECE_WORDS  8192
#define PAGE_BITS    12
#define USER_BITS    47 /* of an address that mmap(2) gives */
#define LEVELS_LIMIT 3

/* rtree.h: the address's bits above the page's, cut into levels. How many an address has was asked
 * of the CPU that built it. */
static const struct geometry {
	unsigned int levels, bits[LEVELS_LIMIT];
	unsigned int element_words; /* of a leaf: RTREE_LEAF_COMPACT, or edata and metadata apart */
} geometries[EXTENTS_GEOMETRIES] = {
	{ 2, { 18, 18 }, 1 },
	{ 3, { 15, 15, 15 }, 2 },
};

/* rtree_leaf_elm_bits_encode: the address of an edata_t, which is aligned to 128 bytes, and around
 * it szind above, is_head, slab and state below. */
#define EDATA_MASK  (((UINT64_C(1) << 48) - 1) & ~UINT64_C(127))
#define STATE_SHIFT 2
#define STATE_MASK  7

#define EXTENTS_LIMIT (UINT64_C(1) << 24)
#define NODES_LIMIT   4096
#define BLOCKS_LIMIT  65536

/* extent_state_t: edata.h. */
static const enum extent_kind kinds[] = { EXTENT_ACTIVE, EXTENT_DIRTY, EXTENT_MUZZY,
					  EXTENT_RETAINED, EXTENT_PINNED };

#define STATES (sizeof kinds / sizeof *kinds)

/* A table of the tree, and the address that its first element stands for. */
struct node {
	uint64_t address, base;
};

struct nodes {
	struct node list[NODES_LIMIT];
	size_t count;
};

struct walk {
	struct target *target;
	const struct extents_memory *memory;
	struct extents *extents;
	uint64_t page;
	int rc;
	const char *reason;
	uint64_t *piece; /* PIECE_WORDS */
	size_t block_count;
	/* the extent that is open: its edata, first and last page */
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
	if (!extents->list || extents->count == extents->room) {
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
static void take_page(struct walk *walk, uint64_t edata, uint64_t metadata, uint64_t address)
{
	uint64_t state = metadata >> STATE_SHIFT & STATE_MASK;

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

/* A table that is read where it has memory, one piece after the other. */
struct table {
	struct walk *walk;
	struct node node;
	uint64_t elements;
	unsigned int element_words, shift; /* shift: of the addresses that an element stands for */
	struct nodes *children;            /* NULL: it is a leaf */
};

static void take_element(const struct table *table, uint64_t index, const uint64_t *element)
{
	struct walk *walk = table->walk;
	uint64_t base = table->node.base + (index << table->shift);

	if (!table->children) {
		take_page(walk, element[0] & EDATA_MASK, element[table->element_words - 1], base);
	} else if (table->children->count == NODES_LIMIT) {
		walk->reason = "its tree of extents has more tables than are read";
		walk->rc = -ENODATA;
	} else {
		table->children->list[table->children->count++] =
			(struct node){ .address = element[0], .base = base };
	}
}

static void read_part(void *context, uint64_t start, uint64_t end)
{
	const struct table *table = context;
	struct walk *walk = table->walk;
	const uint64_t size = table->element_words * WORD;
	uint64_t table_end = table->node.address + table->elements * size;

	start = start < table->node.address ? table->node.address : start;
	end = end > table_end ? table_end : end;
	while (walk->rc == 0 && start < end) {
		size_t words = (end - start) / WORD < PIECE_WORDS ? (size_t)((end - start) / WORD)
								  : PIECE_WORDS;
		uint64_t index = (start - table->node.address) / size;

		walk->rc = target_read_one(walk->target, start, walk->piece, words * WORD);
		for (size_t i = 0; walk->rc == 0 && i < words; i += table->element_words)
			if (walk->piece[i])
				take_element(table, index + i / table->element_words,
					     walk->piece + i);
		start += words * WORD;
	}
}

static void read_table(struct table *table)
{
	struct walk *walk = table->walk;
	const uint64_t size = table->element_words * WORD, mask = walk->page - 1;
	uint64_t start = table->node.address, end = start + table->elements * size;
	int rc = 0;

	if (start % size || end < start || end > UINT64_MAX - mask) {
		walk->reason = "its tree of extents leads to where no table can be";
		walk->rc = -ENODATA;
	} else if (walk->memory) {
		rc = walk->memory->walk(walk->memory->context, start & ~mask, (end + mask) & ~mask,
					read_part, table);
	} else {
		read_part(table, start, end);
	}
	walk->rc = walk->rc ? walk->rc : rc;
}

/* All tables of one level; shift: how many bits of an address are below the level's. */
static void read_level(struct walk *walk, const struct geometry *geometry, unsigned int level,
		       unsigned int shift, const struct nodes *nodes, struct nodes *children)
{
	unsigned int bits = geometry->bits[level];

	if (bits + shift > USER_BITS) /* the first level: nothing is above */
		bits = USER_BITS - shift;
	for (size_t i = 0; walk->rc == 0 && i < nodes->count; i++) {
		struct table table = {
			.walk = walk,
			.node = nodes->list[i],
			.elements = UINT64_C(1) << bits,
			.element_words = children ? 1 : geometry->element_words,
			.shift = shift,
			.children = children,
		};

		read_table(&table);
	}
}

static void read_tree(struct walk *walk, const struct geometry *geometry, uint64_t root)
{
	struct nodes *nodes = calloc(LEVELS_LIMIT, sizeof *nodes);
	unsigned int shift = PAGE_BITS;

	walk->rc = nodes ? 0 : -ENOMEM;
	for (unsigned int i = 1; i < geometry->levels; i++)
		shift += geometry->bits[i];
	if (nodes)
		nodes[0] = (struct nodes){ .list = { { .address = root } }, .count = 1 };
	for (unsigned int i = 0; walk->rc == 0 && i < geometry->levels; i++) {
		bool is_last = i + 1 == geometry->levels;

		read_level(walk, geometry, i, shift, &nodes[i], is_last ? NULL : &nodes[i + 1]);
		shift -= is_last ? 0 : geometry->bits[i + 1];
	}
	close_extent(walk);
	free(nodes);
}

/* struct base_block_s: size, next, … */
struct block {
	uint64_t size, next;
};

/* Words or blocks of several addresses; those that are 0 are left out. */
static int read_each(struct target *target, const uint64_t *addresses, uint64_t offset,
		     size_t count, void *results, size_t size)
{
	struct target_range *ranges = calloc(count + 1, sizeof *ranges);
	int rc = ranges ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < count; i++)
		if (addresses[i])
			ranges[i] = (struct target_range){
				.address = addresses[i] + offset,
				.buffer = (unsigned char *)results + i * size,
				.size = size,
			};
	if (rc == 0)
		rc = target_read(target, ranges, count);
	for (size_t i = 0; rc == 0 && i < count; i++)
		if (addresses[i])
			rc = ranges[i].error;
	free(ranges);
	return rc;
}

static void add_block(struct walk *walk, uint64_t address, const struct block *block)
{
	if (++walk->block_count > BLOCKS_LIMIT)
		walk->reason = "a base has more blocks than are read";
	else if (address % walk->page || block->size % walk->page || block->size == 0 ||
		 block->size > UINT64_MAX / 2 - address)
		walk->reason = "a block of a base is none";
	walk->rc = walk->reason ? -ENODATA
				: add(walk->extents, address, address + block->size, EXTENT_BASE);
}

/* Each base has a chain of blocks: all chains are followed at once. */
static void read_bases(struct walk *walk, const struct heap_layout *layout,
		       const struct arena_list *arenas)
{
	uint64_t *addresses = calloc(arenas->count + 1, sizeof *addresses);
	uint64_t *bases = calloc(arenas->count + 1, sizeof *bases);
	struct block *blocks = calloc(arenas->count + 1, sizeof *blocks);
	size_t left = arenas->count;

	walk->rc = addresses && bases && blocks ? 0 : -ENOMEM;
	for (size_t i = 0; walk->rc == 0 && i < arenas->count; i++)
		bases[i] = arenas->refs[i].base;
	if (walk->rc == 0)
		walk->rc = read_each(walk->target, bases, layout->base.blocks, arenas->count,
				     addresses, sizeof *addresses);
	while (walk->rc == 0 && left) {
		left = 0;
		walk->rc = read_each(walk->target, addresses, 0, arenas->count, blocks,
				     sizeof *blocks);
		for (size_t i = 0; walk->rc == 0 && i < arenas->count; i++) {
			if (!addresses[i])
				continue;
			add_block(walk, addresses[i], &blocks[i]);
			addresses[i] = blocks[i].next;
			left += addresses[i] != 0;
		}
	}
	free(addresses);
	free(bases);
	free(blocks);
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
		 unsigned int geometry, const struct arena_list *arenas,
		 const struct extents_memory *memory, struct extents *extents, const char **reason)
{
	struct walk walk = { .target = target, .memory = memory, .extents = extents, .page = page };
	uint64_t emap = 0;

	*extents = (struct extents){ .list = NULL };
	*reason = "where its tree of extents is, is not known of this build";
	if (layout->arena.emap == HEAP_LAYOUT_NONE || arenas->count == 0 ||
	    page != UINT64_C(1) << PAGE_BITS)
		return -ENODATA;
	*reason = "its tree of extents could not be read";
	walk.piece = malloc(PIECE_WORDS * WORD);
	walk.rc = walk.piece ? target_read_one(target, arenas->refs[0].address + layout->arena.emap,
					       &emap, sizeof emap)
			     : -ENOMEM;
	if (walk.rc == 0)
		read_tree(&walk, &geometries[geometry], emap + layout->base.emap_root);
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
