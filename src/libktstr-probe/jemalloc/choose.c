/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of several jemallocs in a process is to be read. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arch.h"
#include "elf/libc_kind.h"
#include "elf/module_list.h"

#define NAMESPACE_LIMIT 16384

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int module_is_wanted(const struct module *module, const char *wanted)
{
	return !wanted || strcmp(wanted, module->path) == 0 ||
	       strcmp(wanted, last_part(module->path)) == 0;
}

/*
 * Where a file's own calls of malloc go: a GOT word that the loader has bound. Returns 0, -ENOENT
 * for a file that imports no malloc, -EAGAIN where the word still leads to the file's own stub, as
 * before the first call.
 */
static int called_malloc(const struct module *module, uint64_t *address)
{
	const struct elf_image *image = &module->image;
	struct elf_dynamic dynamic;
	int rc = elf_image_dynamic(image, &dynamic), found = -ENOENT;

	for (size_t i = 0; rc == 0 && found && i < dynamic.reloc_count; i++) {
		const Elf64_Rela *reloc = &dynamic.relocs[i];
		unsigned int type = (unsigned int)ELF64_R_TYPE(reloc->r_info);

		if ((type != arch_reloc_glob_dat && type != arch_reloc_jump_slot) ||
		    strcmp(elf_dynamic_name(&dynamic, ELF64_R_SYM(reloc->r_info)), "malloc") != 0)
			continue;
		rc = target_read_one(image->target, reloc->r_offset + image->bias, address,
				     sizeof *address);
		found = *address >= image->low && *address < image->high ? -EAGAIN : 0;
	}
	elf_dynamic_free(&dynamic);
	return rc ? rc : found;
}

/*
 * Is the file in the program's own namespace, and not in one of dlmopen(3)? link.h: DT_DEBUG leads
 * to struct r_debug, whose r_map is that namespace's list of struct link_map: l_addr, l_name, l_ld,
 * l_next. Where the program has none, as a static one, there is but one namespace.
 */
static int is_in_own_namespace(const struct module *program, const struct module *module)
{
	const struct elf_image *image = &program->image;
	struct elf_dynamic dynamic;
	uint64_t map = 0, words[4], debug = 0;
	int found = 0;

	if (elf_image_dynamic(image, &dynamic) == 0)
		debug = dynamic.debug;
	elf_dynamic_free(&dynamic);
	if (!debug || target_read_one(image->target, debug + sizeof map, &map, sizeof map))
		return 1;
	for (int i = 0; map && !found && i < NAMESPACE_LIMIT; i++) {
		if (target_read_one(image->target, map, words, sizeof words))
			break;
		found = words[2] == module->image.dynamic;
		map = words[3];
	}
	return found;
}

static struct module *module_at(struct module_list *list, uint64_t address)
{
	for (size_t i = 0; i < list->count; i++)
		if (address >= list->modules[i].image.low && address < list->modules[i].image.high)
			return &list->modules[i];
	return NULL;
}

/*
 * One before 5.3 without symbols shows nothing else in memory than its messages. That is enough to
 * refuse: what the program asks for memory is not to be passed over for another jemalloc.
 */
static int is_jemalloc_by_message(struct module *module, struct diagnostics *diagnostics)
{
	if (module->is_jemalloc)
		return 1;
	if (module->image.tls_memsz < TSD_LAYOUT_SMALLEST ||
	    elf_image_has_message(&module->image) <= 0)
		return 0;
	module->is_jemalloc = 1;
	module->layout = -ENODATA;
	snprintf(module->place.how, sizeof module->place.how,
		 "it holds jemalloc's messages, but nothing that was asked leads to its tsd_tls: "
		 "before 5.3.0 a symbol "
		 "or a release's version string is needed");
	diagnostics_add(diagnostics, "jemalloc", "%s at 0x%llx: %s", module->path,
			(unsigned long long)module->image.start, module->place.how);
	return 1;
}

/* The module that the program's own calls of malloc lead to, or else those of its libc. NULL: none
 * tells. */
static struct module *behind_malloc(struct module_list *list, const char **whose,
				    struct diagnostics *diagnostics)
{
	struct module *program = &list->modules[0];
	uint64_t address;
	int rc = called_malloc(program, &address);

	*whose = "the program";
	if (rc == 0)
		return module_at(list, address);
	/* Linked into it, whether it exports malloc or not. */
	if (rc == -ENOENT && is_jemalloc_by_message(program, diagnostics))
		return program;
	*whose = "its libc";
	for (size_t i = 1; i < list->count; i++) {
		struct module *libc = &list->modules[i];

		if (!libc_kind_is_libc(libc) || !is_in_own_namespace(program, libc))
			continue;
		rc = called_malloc(libc, &address);
		if (rc == 0 || rc == -EAGAIN) /* bound to itself: a libc has no stubs for its own */
			return module_at(list, address);
	}
	return NULL;
}

struct module *jemalloc_choose(struct module_list *list, const char *wanted,
			       struct diagnostics *diagnostics)
{
	struct module *first = NULL, *bound;
	const char *whose;
	size_t candidates = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct module *module = &list->modules[i];

		if (!module->is_jemalloc || !module_is_wanted(module, wanted))
			continue;
		first = first ? first : module;
		candidates++;
	}
	for (size_t i = 0; candidates == 0 && i < list->count; i++)
		if (module_is_wanted(&list->modules[i], wanted) &&
		    is_jemalloc_by_message(&list->modules[i], diagnostics))
			return &list->modules[i];
	/* The executable's own, as most are, is not doubted: to ask a large one takes longer than
	 * all the rest. */
	if (candidates == 0 || (candidates == 1 && (wanted || first->is_executable)))
		return first;
	bound = behind_malloc(list, &whose, diagnostics);
	if (!bound)
		return first;
	diagnostics_add(diagnostics, "malloc", "as %s calls it, it is in %s at 0x%llx", whose,
			bound->path, (unsigned long long)bound->image.start);
	return module_is_wanted(bound, wanted) && is_jemalloc_by_message(bound, diagnostics)
		       ? bound
		       : first;
}
