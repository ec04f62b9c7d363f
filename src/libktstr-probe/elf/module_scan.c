/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF files that a process has mapped. */
#include "config.h"

#include "elf/module_scan.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/file_mappings.h"
#include "elf/module_heads.h"

static int add_map(void *context, const struct target_map *map)
{
	return file_mappings_add(context, map);
}

static void executable_first(struct module_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct module module = list->modules[i];

		if (!module.is_executable)
			continue;
		memmove(list->modules + 1, list->modules, i * sizeof module);
		list->modules[0] = module;
		return;
	}
}

int module_scan(struct target *target, struct module_list *list, bool *maps_failed)
{
	struct file_mappings mappings = { .all = NULL };
	uint64_t phdrs;
	int rc;

	*list = (struct module_list){ .modules = NULL };
	rc = target_walk_maps(target, add_map, &mappings, maps_failed);
	if (rc == 0)
		rc = target_read_auxv(target, AT_PHDR, &phdrs);
	if (rc == 0) {
		file_mappings_sort(&mappings);
		rc = module_heads_read(target, list, &mappings, phdrs);
	}
	if (rc == 0)
		rc = module_heads_find_moved(target, list, &mappings, phdrs);
	if (rc == 0) {
		module_list_sort(list);
		executable_first(list);
	}
	if (list->mapped_whole)
		diagnostics_add(&target->diagnostics, "module",
				"%zu mappings of whole files are left out: they were not loaded",
				list->mapped_whole);
	file_mappings_free(&mappings);
	if (rc)
		module_list_free(list);
	return rc;
}
