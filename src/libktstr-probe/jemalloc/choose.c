/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of several jemallocs in a process is to be read. */
#include "config.h"

#include "jemalloc/choose.h"

#include <errno.h>
#include <string.h>

#include "base/arch.h"
#include "elf/libc_kind.h"
#include "jemalloc/version.h"

#define NAMESPACE_LIMIT 16384

enum malloc_binding {
	MALLOC_BOUND,
	MALLOC_OWN_STUB, /* the word leads into the file itself, as before the first call */
	MALLOC_NOT_IMPORTED,
	MALLOC_UNREADABLE,
};

/* Where a file's own calls of malloc go: a GOT word that the loader has bound. */
static enum malloc_binding find_called_malloc(const struct module *module, uint64_t *address)
{
	const struct elf_image *image = &module->image;
	enum malloc_binding binding = MALLOC_NOT_IMPORTED;
	struct elf_dynamic dynamic;

	if (elf_image_dynamic(image, &dynamic))
		return MALLOC_UNREADABLE;
	for (size_t i = 0; binding != MALLOC_BOUND && i < dynamic.reloc_count; i++) {
		const Elf64_Rela *reloc = &dynamic.relocs[i];
		unsigned int type = (unsigned int)ELF64_R_TYPE(reloc->r_info);

		if ((type != arch_reloc_glob_dat && type != arch_reloc_jump_slot) ||
		    strcmp(elf_dynamic_name(&dynamic, ELF64_R_SYM(reloc->r_info)), "malloc") != 0)
			continue;
		if (target_read_one(image->target, reloc->r_offset + image->bias, address,
				    sizeof *address)) {
			binding = MALLOC_UNREADABLE;
			break;
		}
		binding = *address >= image->low && *address < image->high ? MALLOC_OWN_STUB
									   : MALLOC_BOUND;
	}
	elf_dynamic_free(&dynamic);
	return binding;
}

/*
 * Is the file in the program's own namespace, and not in one of dlmopen(3)? link.h: DT_DEBUG leads
 * to struct r_debug, whose r_map is that namespace's list of struct link_map: l_addr, l_name, l_ld,
 * l_next. Where the program has none, as a static one, there is but one namespace.
 */
static bool is_in_own_namespace(const struct module *program, const struct module *module)
{
	const struct elf_image *image = &program->image;
	struct elf_dynamic dynamic;
	uint64_t map = 0, words[4], debug = 0;
	bool found = false;

	if (elf_image_dynamic(image, &dynamic) == 0)
		debug = dynamic.debug;
	elf_dynamic_free(&dynamic);
	if (!debug || target_read_one(image->target, debug + sizeof map, &map, sizeof map))
		return true;
	for (int i = 0; map && !found && i < NAMESPACE_LIMIT; i++) {
		if (target_read_one(image->target, map, words, sizeof words))
			break;
		found = words[2] == module->image.dynamic;
		map = words[3];
	}
	return found;
}

static struct jemalloc_candidate *candidate_at(const struct jemalloc_candidates *candidates,
					       uint64_t address)
{
	for (size_t i = 0; i < candidates->count; i++) {
		const struct elf_image *image = &candidates->all[i].module->image;

		if (address >= image->low && address < image->high)
			return &candidates->all[i];
	}
	return NULL;
}

/*
 * One before 5.3 without symbols shows nothing else in memory than its messages. That is enough to
 * refuse: what the program asks for memory is not to be passed over for another jemalloc.
 */
static bool is_jemalloc_by_message(struct jemalloc_candidate *candidate)
{
	const struct elf_image *image = &candidate->module->image;

	if (candidate->is_jemalloc)
		return true;
	if (candidate->is_excluded || image->tls_memsz < TSD_SIZE_SMALLEST ||
	    jemalloc_message_find(image) <= 0)
		return false;
	candidate->is_jemalloc = true;
	candidate->verdict = tsd_decide(&candidate->offsets, TSD_UNCERTAIN,
					"it holds jemalloc's messages, but nothing that was "
					"examined leads to its tsd_tls: before 5.3.0 a symbol or "
					"a release's version string is needed");
	diagnostics_add(&image->target->diagnostics, "jemalloc", "%s at 0x%llx: %s",
			candidate->module->path, (unsigned long long)image->start,
			candidate->offsets.reason);
	return true;
}

/* The one that the program's own calls of malloc lead to, or else those of its libc. NULL: nothing
 * tells. */
static struct jemalloc_candidate *find_behind_malloc(const struct jemalloc_candidates *candidates,
						     const char **whose)
{
	const struct module *program = candidates->all[0].module;
	uint64_t address;
	enum malloc_binding binding = find_called_malloc(program, &address);

	*whose = "the program";
	if (binding == MALLOC_BOUND)
		return candidate_at(candidates, address);
	/* Linked into it, whether it exports malloc or not. */
	if (binding == MALLOC_NOT_IMPORTED && is_jemalloc_by_message(&candidates->all[0]))
		return &candidates->all[0];
	*whose = "its libc";
	for (size_t i = 1; i < candidates->count; i++) {
		const struct module *libc = candidates->all[i].module;

		if (!libc_kind_is_libc(libc) || !is_in_own_namespace(program, libc))
			continue;
		binding = find_called_malloc(libc, &address);
		/* Bound to itself, too: a libc has no stubs for its own. */
		if (binding == MALLOC_BOUND || binding == MALLOC_OWN_STUB)
			return candidate_at(candidates, address);
	}
	return NULL;
}

/* Nothing shows a jemalloc but perhaps its messages. */
static const struct jemalloc_candidate *choose_by_message(struct jemalloc_candidates *candidates,
							  const char *wanted)
{
	for (size_t i = 0; i < candidates->count; i++)
		if (module_is_named(candidates->all[i].module, wanted) &&
		    is_jemalloc_by_message(&candidates->all[i]))
			return &candidates->all[i];
	return NULL;
}

enum jemalloc_choice jemalloc_choose(struct target *target, struct jemalloc_candidates *candidates,
				     const char *wanted, const struct jemalloc_candidate **chosen)
{
	struct jemalloc_candidate *bound;
	const char *whose;
	size_t count = 0;

	*chosen = NULL;
	for (size_t i = 0; i < candidates->count; i++) {
		struct jemalloc_candidate *candidate = &candidates->all[i];

		if (!candidate->is_jemalloc || !module_is_named(candidate->module, wanted))
			continue;
		*chosen = *chosen ? *chosen : candidate;
		count++;
	}
	if (count == 0)
		*chosen = choose_by_message(candidates, wanted);
	if (count == 0)
		return *chosen ? JEMALLOC_CHOSEN : JEMALLOC_NONE;
	if (wanted)
		return count == 1 ? JEMALLOC_CHOSEN : JEMALLOC_AMBIGUOUS;
	/* The executable's own, as most are, is not doubted: to examine a large one takes longer
	 * than all the rest. */
	if (count == 1 && (*chosen)->module->is_executable)
		return JEMALLOC_CHOSEN;
	bound = find_behind_malloc(candidates, &whose);
	if (bound) {
		diagnostics_add(&target->diagnostics, "malloc",
				"as %s calls it, it is in %s at 0x%llx", whose, bound->module->path,
				(unsigned long long)bound->module->image.start);
		if (is_jemalloc_by_message(bound)) {
			*chosen = bound;
			return JEMALLOC_CHOSEN;
		}
	}
	return count == 1 ? JEMALLOC_CHOSEN : JEMALLOC_AMBIGUOUS;
}
