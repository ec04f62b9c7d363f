/* SPDX-License-Identifier: BSD-2-Clause */
/* One node of jemalloc's tree of mallctl names, in the target's memory. */
#include "config.h"

#include "jemalloc/ctl_node.h"

#include <errno.h>
#include <string.h>

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

bool ctl_node_is_constant(const struct elf_image *image, uint64_t address)
{
	return in_spans(image->constants, address) || is_code(image, address);
}

bool ctl_node_is_plausible(const struct elf_image *image, const struct ctl_node *node)
{
	if (node->named != 1 || !ctl_node_is_constant(image, node->name))
		return false;
	return node->child_count == 0
		       ? node->children == 0 && is_code(image, node->handler)
		       : node->child_count <= CTL_NODE_SIBLINGS && node->handler == 0 &&
				 node->children % sizeof(uint64_t) == 0 &&
				 (in_spans(image->data, node->children) ||
				  ctl_node_is_constant(image, node->children));
}

size_t ctl_node_name_limit(const struct elf_image *image, uint64_t address)
{
	size_t size = CTL_NODE_NAME_SIZE;

	while (size > 1 && !ctl_node_is_constant(image, address + size - 1))
		size--;
	return size;
}

/* Returns 0, -EBADMSG for one that does not end, or what reading gave. */
static int read_name(struct target *target, const struct elf_image *image, uint64_t address,
		     char name[CTL_NODE_NAME_SIZE])
{
	size_t size = ctl_node_name_limit(image, address);
	int rc = target_read_one(target, address, name, size);

	return rc == 0 && !memchr(name, '\0', size) ? -EBADMSG : rc;
}

bool ctl_node_is_named(struct target *target, const struct elf_image *image,
		       const struct ctl_node *node, const char *name)
{
	char text[CTL_NODE_NAME_SIZE];

	return read_name(target, image, node->name, text) == 0 && strcmp(text, name) == 0;
}
