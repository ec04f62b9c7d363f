/* SPDX-License-Identifier: BSD-2-Clause */
/* Where jemalloc's tree of mallctl names is: the scan for its first two nodes. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "jemalloc/ctl_node.h"
#include "jemalloc/ctl_tree.h"

#define PIECE       262144
#define SCAN_LIMIT  (UINT64_C(64) << 20)
#define NAMES_LIMIT 1000 /* what looks like two nodes and has other names */
#define FIRST_NAME  "version"
#define SECOND_NAME "epoch"
#define BATCH       512   /* places whose names are read with one call */
#define NAMES_SPAN  32768 /* names that lie so close together are read in one piece */

/* Where the tree may begin: two leaves beside each other. */
struct place {
	uint64_t address, name;
	struct ctl_node second;
};

struct scan {
	uint64_t left;      /* bytes that may still be read */
	unsigned int names; /* names that may still be looked at */
	size_t found;
	uint64_t root;
	size_t place_count;
	struct place places[BATCH];
	bool is_near[BATCH];
	char found_names[BATCH][sizeof FIRST_NAME];
	char piece[NAMES_SPAN];
};

/*
 * The linker puts the names of one source file side by side: those that lie around the middle one's
 * are read in one piece of a few pages, and only what is left as a range each. Returns false where
 * that piece cannot be read.
 */
static bool read_near_names(struct target *target, struct scan *scan)
{
	uint64_t middle = scan->places[scan->place_count / 2].name, first = middle, last = middle;

	for (size_t i = 0; i < scan->place_count; i++) {
		uint64_t name = scan->places[i].name;

		scan->is_near[i] = name - middle + NAMES_SPAN / 2 < NAMES_SPAN - sizeof FIRST_NAME;
		if (scan->is_near[i] && name < first)
			first = name;
		if (scan->is_near[i] && name > last)
			last = name;
	}
	if (target_read_one(target, first, scan->piece, last - first + sizeof FIRST_NAME))
		return false;
	for (size_t i = 0; i < scan->place_count; i++)
		if (scan->is_near[i])
			memcpy(scan->found_names[i], scan->piece + (scan->places[i].name - first),
			       sizeof FIRST_NAME);
	return true;
}

static void read_names(struct target *target, struct scan *scan)
{
	bool has_near = scan->place_count && read_near_names(target, scan);
	struct target_range ranges[BATCH];
	size_t used = 0;

	for (size_t i = 0; i < scan->place_count; i++)
		if (!has_near || !scan->is_near[i])
			ranges[used++] = (struct target_range){ .address = scan->places[i].name,
								.buffer = scan->found_names[i],
								.size = sizeof FIRST_NAME };
	if (used)
		target_read(target, ranges, used);
	for (size_t i = 0; i < used; i++)
		if (ranges[i].error)
			*(char *)ranges[i].buffer = '\0';
}

/* At which of the places do the names say so? */
static void look_at_places(struct target *target, const struct elf_image *image, struct scan *scan)
{
	read_names(target, scan);
	for (size_t i = 0; i < scan->place_count; i++) {
		const struct place *place = &scan->places[i];

		if (memcmp(scan->found_names[i], FIRST_NAME, sizeof FIRST_NAME) != 0 ||
		    !ctl_node_is_named(target, image, &place->second, SECOND_NAME) ||
		    scan->root == place->address)
			continue;
		scan->found++;
		scan->root = place->address;
	}
	scan->place_count = 0;
}

/* A vector of the compiler's: two words, of which the lower halves are compared. */
typedef uint32_t half_words __attribute__((vector_size(16)));

#define BLOCK 128 /* bytes that are looked at together */

/* May any of these words be 1, as a node begins? Of many megabytes most are not. */
static bool may_hold_node(const char *block)
{
	const half_words one = { 1, 0, 1, 0 };
	half_words vectors[BLOCK / sizeof one];
	uint64_t words[2];
	half_words found = { 0 };

	memcpy(vectors, block, sizeof vectors);
	for (size_t i = 0; i < BLOCK / sizeof one; i++)
		found |= (half_words)(vectors[i] == one);
	found &= (half_words){ UINT32_MAX, 0, UINT32_MAX, 0 };
	memcpy(words, &found, sizeof words);
	return words[0] || words[1];
}

static bool is_place(const struct elf_image *image, const struct ctl_node nodes[2])
{
	return nodes[0].child_count == 0 && nodes[1].child_count == 0 &&
	       ctl_node_is_plausible(image, &nodes[0]) && ctl_node_is_plausible(image, &nodes[1]) &&
	       ctl_node_is_constant(image, nodes[0].name + sizeof FIRST_NAME - 1);
}

/* Each place of a piece where the tree may begin. */
static void scan_piece(struct target *target, const struct elf_image *image, const char *piece,
		       size_t size, uint64_t address, struct scan *scan)
{
	struct ctl_node nodes[2];

	for (size_t at = 0; at + sizeof nodes <= size && scan->names; at += sizeof(uint64_t)) {
		while (at % BLOCK == 0 && size - at >= BLOCK && !may_hold_node(piece + at))
			at += BLOCK;
		if (size - at < sizeof nodes)
			break;
		memcpy(nodes, piece + at, sizeof nodes);
		if (nodes[0].named != 1 || !is_place(image, nodes))
			continue;
		scan->names--;
		scan->places[scan->place_count++] = (struct place){
			.address = address + at,
			.name = nodes[0].name,
			.second = nodes[1],
		};
		if (scan->place_count == BATCH)
			look_at_places(target, image, scan);
	}
	look_at_places(target, image, scan);
}

static int scan_spans(struct target *target, const struct elf_image *image,
		      const struct elf_span *spans, char *piece, struct scan *scan)
{
	const size_t overlap = 2 * sizeof(struct ctl_node) - sizeof(uint64_t);

	for (size_t i = 0; i < ELF_IMAGE_SPANS; i++) {
		uint64_t skip = -spans[i].address & 7;
		uint64_t at = spans[i].address + skip, size = spans[i].size;

		size = size < skip ? 0 : size - skip;
		while (size >= 2 * sizeof(struct ctl_node) && scan->left && scan->found < 2) {
			size_t part = size < PIECE ? (size_t)size : PIECE;
			int rc;

			if (part > scan->left)
				part = (size_t)scan->left;
			rc = target_read_one(target, at, piece, part);
			if (rc == -EFAULT)
				break; /* a hole */
			if (rc)
				return rc;
			scan_piece(target, image, piece, part, at, scan);
			scan->left -= part;
			if (part == size || part <= overlap)
				break;
			at += part - overlap;
			size -= part - overlap;
		}
	}
	return 0;
}

/*
 * How many roots there are: the node without a name whose children they are says so. It is near
 * them; 0: it was not found.
 */
static size_t count_roots(struct target *target, const struct elf_image *image,
			  const struct elf_span *spans, uint64_t root, char *piece)
{
	uint64_t first = root - PIECE / 2, last = root + PIECE / 2;
	struct ctl_node node;

	for (size_t i = 0; i < ELF_IMAGE_SPANS; i++) {
		uint64_t start = spans[i].address, end = start + spans[i].size;

		if (root < start || root >= end)
			continue;
		if (root - start > PIECE / 2)
			start = first;
		if (end - root > PIECE / 2)
			end = last;
		start += (root - start) & 7;
		if (target_read_one(target, start, piece, (size_t)(end - start)))
			return 0;
		for (size_t at = 0; at + sizeof node <= end - start; at += sizeof(uint64_t)) {
			memcpy(&node, piece + at, sizeof node);
			if (node.children == root && ctl_node_is_plausible(image, &node) &&
			    ctl_node_is_named(target, image, &node, ""))
				return (size_t)node.child_count;
		}
	}
	return 0;
}

int ctl_tree_find(struct target *target, const struct elf_image *image, struct ctl_tree *tree)
{
	const struct elf_span *spans = image->data;
	struct scan *scan = malloc(sizeof *scan);
	char *piece = malloc(PIECE);
	int rc = scan && piece ? 0 : -ENOMEM;

	*tree = (struct ctl_tree){ .root = 0 };
	if (rc == 0) {
		scan->left = SCAN_LIMIT;
		scan->names = NAMES_LIMIT;
		scan->found = scan->place_count = 0;
		scan->root = 0;
		rc = scan_spans(target, image, spans, piece, scan);
	}
	/* Without relocations the tree is as constant as its source says. */
	if (rc == 0 && scan->found == 0 && image->bias == 0) {
		spans = image->constants;
		rc = scan_spans(target, image, spans, piece, scan);
	}
	if (rc == 0)
		tree->root = scan->root;
	if (rc == 0 && scan->found == 1)
		tree->count = count_roots(target, image, spans, scan->root, piece);
	if (rc == 0 && scan->found != 1)
		rc = scan->found ? -ENOTUNIQ : -ENOENT;
	free(piece);
	free(scan);
	return rc;
}
