/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jemalloc's tree of mallctl names, as it lies in the target's memory: relocated data that every
 * build has, whatever its options and symbols are. Everything in it is hostile until checked.
 */
#ifndef KTSTR_CTL_TREE_H
#define KTSTR_CTL_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "base/target.h"
#include "elf/elf_image.h"

struct ctl_tree {
	uint64_t root; /* the address of its first node, "version" */
	size_t count;  /* of the nodes beside that one, itself too; 0: not known */
};

/*
 * Looks through what can be written of the module, then, in a program that is loaded where it was
 * linked to, through its constants. Returns 0, -ENOENT for none, -ENOTUNIQ for more than one, or
 * what reading gave.
 */
int ctl_tree_find(struct target *target, const struct elf_image *image, struct ctl_tree *tree);

/*
 * The handler of a leaf, by its whole name ("thread.allocated"). Returns 0, -ENOENT when there is
 * no such leaf, -EBADMSG when the tree is damaged on the way, or what reading gave.
 */
int ctl_tree_handler(struct target *target, const struct elf_image *image,
		     const struct ctl_tree *tree, const char *name, uint64_t *handler);

/* A leaf's handler: name is asked for, the rest is the answer. */
struct ctl_handler {
	const char *name;
	int rc; /* as ctl_tree_handler returns it */
	uint64_t address;
};

/*
 * The handlers of several leaves of one level ("thread.allocated", "thread.arena"), with the reads
 * that one of them takes. Returns 0, or why nothing of that level can be told.
 */
int ctl_tree_handlers(struct target *target, const struct elf_image *image,
		      const struct ctl_tree *tree, struct ctl_handler *handlers, size_t count);

/*
 * Shows every leaf that has a name, without those below a number ("arena.0.…"), until visit returns
 * something else than 0. Returns that, 0, or a negative errno; a damaged part is left out.
 */
int ctl_tree_walk(struct target *target, const struct elf_image *image, const struct ctl_tree *tree,
		  int (*visit)(const char *name, uint64_t handler, void *context), void *context);

#endif
