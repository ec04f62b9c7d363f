/* SPDX-License-Identifier: BSD-2-Clause */
/* jemalloc's tree of mallctl names in the target's memory. */
#include "config.h"

#include "jemalloc/ctl_tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PIECE       262144
#define SCAN_LIMIT  (UINT64_C(64) << 20)
#define NAMES_LIMIT 1000 /* what looks like two nodes and has other names */
#define SIBLINGS    256  /* under "opt" there are 100 in 5.3.1 */
#define DEPTH       6    /* "stats.arenas.…" is not followed: four levels have names alone */
#define NODES_LIMIT 2000
#define NAME_SIZE   64
#define WHOLE_SIZE  (DEPTH * NAME_SIZE)

/* struct ctl_named_node_s: bool named, then words (src/ctl.c; 4.0.4 to 5.3.1 alike). */
struct node {
	uint64_t named, name, child_count, children, handler;
};

static bool in_spans(const struct elf_span *spans, uint64_t address)
{
	for (size_t i = 0; i < ELF_IMAGE_SPANS; i++)
		if (address >= spans[i].address && address - spans[i].address < spans[i].size)
			return true;
	return false;
}

static bool is_code(const struct elf_image *image, uint64_t address)
{
	return in_spans(image->code, address);
}

static bool is_constant(const struct elf_image *image, uint64_t address)
{
	return in_spans(image->constants, address) || is_code(image, address);
}

/* Could these be a node with a name? A leaf has a handler, another children, none has both. */
static bool is_node(const struct elf_image *image, const struct node *node)
{
	if (node->named != 1 || !is_constant(image, node->name))
		return false;
	return node->child_count == 0 ? node->children == 0 && is_code(image, node->handler)
				      : node->child_count <= SIBLINGS && node->handler == 0 &&
						node->children % sizeof(uint64_t) == 0 &&
						(in_spans(image->data, node->children) ||
						 is_constant(image, node->children));
}

/* How many bytes of a name may be read: NAME_SIZE, as far as the constants go. */
static size_t name_limit(const struct elf_image *image, uint64_t address)
{
	size_t size = NAME_SIZE;

	while (size > 1 && !is_constant(image, address + size - 1))
		size--;
	return size;
}

/* Returns 0, -EBADMSG for one that does not end, or what reading gave. */
static int read_name(struct target *target, const struct elf_image *image, uint64_t address,
		     char name[NAME_SIZE])
{
	size_t size = name_limit(image, address);
	int rc = target_read_one(target, address, name, size);

	return rc == 0 && !memchr(name, '\0', size) ? -EBADMSG : rc;
}

static bool is_named(struct target *target, const struct elf_image *image, const struct node *node,
		     const char *name)
{
	char text[NAME_SIZE];

	return read_name(target, image, node->name, text) == 0 && strcmp(text, name) == 0;
}

#define FIRST_NAME  "version"
#define SECOND_NAME "epoch"
#define BATCH       512   /* places whose names are read with one call */
#define NAMES_SPAN  32768 /* names that lie so close together are read in one piece */

/* Where the tree may begin: two leaves beside each other. */
struct place {
	uint64_t address, name;
	struct node second;
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
		    !is_named(target, image, &place->second, SECOND_NAME) ||
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

static bool is_place(const struct elf_image *image, const struct node nodes[2])
{
	return nodes[0].child_count == 0 && nodes[1].child_count == 0 &&
	       is_node(image, &nodes[0]) && is_node(image, &nodes[1]) &&
	       is_constant(image, nodes[0].name + sizeof FIRST_NAME - 1);
}

/* Each place of a piece where the tree may begin. */
static void scan_piece(struct target *target, const struct elf_image *image, const char *piece,
		       size_t size, uint64_t address, struct scan *scan)
{
	struct node nodes[2];

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
	const size_t overlap = 2 * sizeof(struct node) - sizeof(uint64_t);

	for (size_t i = 0; i < ELF_IMAGE_SPANS; i++) {
		uint64_t skip = -spans[i].address & 7;
		uint64_t at = spans[i].address + skip, size = spans[i].size;

		size = size < skip ? 0 : size - skip;
		while (size >= 2 * sizeof(struct node) && scan->left && scan->found < 2) {
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
	struct node node;

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
			if (node.children == root && is_node(image, &node) &&
			    is_named(target, image, &node, ""))
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

/* One level: children, or the roots, whose number stands nowhere near them. */
struct level {
	uint64_t address;
	size_t count;
	bool counted;
};

static struct level roots(const struct ctl_tree *tree)
{
	return (struct level){ .address = tree->root,
			       .count = tree->count ? tree->count : SIBLINGS,
			       .counted = tree->count != 0 };
}

/* What was read of a level: its nodes up to the first that is none, and their names. */
struct nodes {
	size_t count;
	int rc; /* why they end before the level does: -EBADMSG or what reading gave; else 0 */
	struct node nodes[SIBLINGS];
	char names[SIBLINGS][NAME_SIZE];
	int name_rc[SIBLINGS];
};

/* Behind the roots whose number is not known there may be no memory any more. */
static void read_nodes(struct target *target, const struct level *level, struct nodes *nodes)
{
	size_t size = level->count * sizeof *nodes->nodes;

	nodes->count = 0;
	nodes->rc = target_read_one(target, level->address, nodes->nodes, size);
	if (nodes->rc == 0)
		nodes->count = level->count;
	for (size_t i = 0; nodes->rc == -EFAULT && i < level->count; i++) {
		if (target_read_one(target, level->address + i * sizeof *nodes->nodes,
				    &nodes->nodes[i], sizeof *nodes->nodes))
			break;
		nodes->count = i + 1;
	}
}

/* Two reads, whatever the number of nodes is. Returns NULL when there is no memory of our own. */
static struct nodes *read_level(struct target *target, const struct elf_image *image,
				const struct level *level)
{
	struct nodes *nodes = malloc(sizeof *nodes); /* not cleared: only what is counted is read */
	struct target_range ranges[SIBLINGS];
	int rc;

	if (!nodes)
		return NULL;
	read_nodes(target, level, nodes);
	for (size_t i = 0; i < nodes->count; i++)
		if (!is_node(image, &nodes->nodes[i])) {
			nodes->rc = -EBADMSG;
			nodes->count = i;
		}
	for (size_t i = 0; i < nodes->count; i++)
		ranges[i] =
			(struct target_range){ .address = nodes->nodes[i].name,
					       .buffer = nodes->names[i],
					       .size = name_limit(image, nodes->nodes[i].name) };
	rc = target_read(target, ranges, nodes->count);
	for (size_t i = 0; i < nodes->count; i++)
		nodes->name_rc[i] = rc                ? rc
				    : ranges[i].error ? ranges[i].error
				    : memchr(nodes->names[i], '\0', ranges[i].size) ? 0
										    : -EBADMSG;
	return nodes;
}

/* The child of that name. Returns 0, -ENOENT, or a negative errno. */
static int find_child(const struct nodes *nodes, const struct level *level, const char *name,
		      size_t length, struct node *node)
{
	for (size_t i = 0; i < nodes->count; i++) {
		if (nodes->name_rc[i])
			return nodes->name_rc[i];
		if (strlen(nodes->names[i]) == length &&
		    memcmp(nodes->names[i], name, length) == 0) {
			*node = nodes->nodes[i];
			return 0;
		}
	}
	/* What has no name has a number, and is alone; behind the roots anything may follow. */
	return level->counted && nodes->rc && nodes->rc != -EBADMSG ? nodes->rc : -ENOENT;
}

static int find_leaf(const struct nodes *nodes, const struct level *level, const char *name,
		     uint64_t *handler)
{
	struct node node;
	int rc = find_child(nodes, level, name, strlen(name), &node);

	if (rc == 0)
		*handler = node.handler;
	return rc == 0 && !node.handler ? -ENOENT : rc;
}

/* The level that a leaf of that whole name stands in. Returns 0, -ENOENT, or a negative errno. */
static int find_level(struct target *target, const struct elf_image *image,
		      const struct ctl_tree *tree, const char *name, struct level *level)
{
	const char *dot;

	*level = roots(tree);
	for (unsigned int depth = 1; (dot = strchr(name, '.')); depth++, name = dot + 1) {
		struct nodes *nodes = depth < DEPTH ? read_level(target, image, level) : NULL;
		struct node node;
		int rc = nodes ? find_child(nodes, level, name, (size_t)(dot - name), &node)
			 : depth < DEPTH ? -ENOMEM
					 : -ENOENT;

		free(nodes);
		if (rc == 0 && !node.child_count)
			rc = -ENOENT;
		if (rc)
			return rc;
		*level = (struct level){ .address = node.children,
					 .count = (size_t)node.child_count,
					 .counted = true };
	}
	return 0;
}

int ctl_tree_handlers(struct target *target, const struct elf_image *image,
		      const struct ctl_tree *tree, struct ctl_handler *handlers, size_t count)
{
	struct level level;
	struct nodes *nodes;
	int rc = find_level(target, image, tree, handlers[0].name, &level);

	if (rc)
		return rc;
	nodes = read_level(target, image, &level);
	if (!nodes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *dot = strrchr(handlers[i].name, '.');

		handlers[i].rc = find_leaf(nodes, &level, dot ? dot + 1 : handlers[i].name,
					   &handlers[i].address);
	}
	free(nodes);
	return 0;
}

int ctl_tree_handler(struct target *target, const struct elf_image *image,
		     const struct ctl_tree *tree, const char *name, uint64_t *handler)
{
	struct ctl_handler one = { .name = name };
	int rc = ctl_tree_handlers(target, image, tree, &one, 1);

	*handler = one.address;
	return rc ? rc : one.rc;
}

struct walk {
	struct target *target;
	const struct elf_image *image;
	int (*visit)(const char *name, uint64_t handler, void *context);
	void *context;
	size_t left; /* nodes that may still be read: a cycle has no end */
	char name[WHOLE_SIZE];
};

static int walk_level(struct walk *walk, const struct level *level, unsigned int depth,
		      size_t used);

static int walk_node(struct walk *walk, const struct node *node, unsigned int depth)
{
	const struct level children = { .address = node->children,
					.count = (size_t)node->child_count,
					.counted = true };
	size_t length = strlen(walk->name);

	if (!node->child_count)
		return walk->visit(walk->name, node->handler, walk->context);
	if (depth + 1 >= DEPTH)
		return 0;
	walk->name[length] = '.';
	return walk_level(walk, &children, depth + 1, length + 1);
}

static int walk_level(struct walk *walk, const struct level *level, unsigned int depth, size_t used)
{
	struct nodes *nodes = read_level(walk->target, walk->image, level);
	int rc = nodes ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < nodes->count && walk->left; i++) {
		walk->left--;
		rc = nodes->name_rc[i];
		if (rc) {
			rc = rc == -EBADMSG || rc == -EFAULT ? 0 : rc;
			break;
		}
		memcpy(walk->name + used, nodes->names[i], NAME_SIZE);
		rc = walk_node(walk, &nodes->nodes[i], depth);
	}
	if (rc == 0 && nodes->rc && nodes->rc != -EBADMSG && nodes->rc != -EFAULT)
		rc = nodes->rc;
	free(nodes);
	return rc;
}

int ctl_tree_walk(struct target *target, const struct elf_image *image, const struct ctl_tree *tree,
		  int (*visit)(const char *name, uint64_t handler, void *context), void *context)
{
	struct level level = roots(tree);
	struct walk walk = { .target = target,
			     .image = image,
			     .visit = visit,
			     .context = context,
			     .left = NODES_LIMIT };

	return walk_level(&walk, &level, 0, 0);
}
