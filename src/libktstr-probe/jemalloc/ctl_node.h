/* SPDX-License-Identifier: BSD-2-Clause */
/* One node of jemalloc's tree of mallctl names, in the target's memory. */
#ifndef KTSTR_CTL_NODE_H
#define KTSTR_CTL_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/target.h"
#include "elf/elf_image.h"

#define CTL_NODE_SIBLINGS  256 /* under "opt" there are 100 in 5.3.1 */
#define CTL_NODE_NAME_SIZE 64

/* struct ctl_named_node_s: bool named, then words (src/ctl.c; 4.0.4 to 5.3.1 alike). */
struct ctl_node {
	uint64_t named, name, child_count, children, handler;
};

/* Could these be a node with a name? A leaf has a handler, another children, none has both. */
bool ctl_node_is_plausible(const struct elf_image *image, const struct ctl_node *node);

/* Has it this name? */
bool ctl_node_is_named(struct target *target, const struct elf_image *image,
		       const struct ctl_node *node, const char *name);

/* How many bytes of a name may be read: CTL_NODE_NAME_SIZE, as far as the constants go. */
size_t ctl_node_name_limit(const struct elf_image *image, uint64_t address);

/* Is this an address of what the module cannot write? */
bool ctl_node_is_constant(const struct elf_image *image, uint64_t address);

#endif
