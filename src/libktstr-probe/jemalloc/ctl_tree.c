/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk of jemalloc's tree of mallctl names. */
#include "config.h"

#include "jemalloc/ctl_tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "jemalloc/ctl_node.h"

#define DEPTH       6 /* "stats.arenas.…" is not followed: four levels have names alone */
#define NODES_LIMIT 2000
#define WHOLE_SIZE  (DEPTH * CTL_NODE_NAME_SIZE)

/* One level: children, or the roots, whose number stands nowhere near them. */
struct level {
	uint64_t address;
	size_t count;
	bool counted;
};

static struct level roots(const struct ctl_tree *tree)
{
	return (struct level){ .address = tree->root,
			       .count = tree->count ? tree->count : CTL_NODE_SIBLINGS,
			       .counted = tree->count != 0 };
}

/* What was read of a level: its nodes up to the first that is none, and their names. */
struct nodes {
	size_t count;
	int rc; /* why they end before the level does: -EBADMSG or what reading gave; else 0 */
	struct ctl_node nodes[CTL_NODE_SIBLINGS];
	char names[CTL_NODE_SIBLINGS][CTL_NODE_NAME_SIZE];
	int name_rc[CTL_NODE_SIBLINGS];
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
	struct target_range ranges[CTL_NODE_SIBLINGS];
	int rc;

	if (!nodes)
		return NULL;
	read_nodes(target, level, nodes);
	for (size_t i = 0; i < nodes->count; i++)
		if (!ctl_node_is_plausible(image, &nodes->nodes[i])) {
			nodes->rc = -EBADMSG;
			nodes->count = i;
		}
	for (size_t i = 0; i < nodes->count; i++)
		ranges[i] = (struct target_range){ .address = nodes->nodes[i].name,
						   .buffer = nodes->names[i],
						   .size = ctl_node_name_limit(
							   image, nodes->nodes[i].name) };
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
		      size_t length, struct ctl_node *node)
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
	struct ctl_node node;
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
		struct ctl_node node;
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

static int walk_node(struct walk *walk, const struct ctl_node *node, unsigned int depth)
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
		memcpy(walk->name + used, nodes->names[i], CTL_NODE_NAME_SIZE);
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
