/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the mapped files carry jemalloc, and where its counters are in each. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf/module_list.h"
#include "symfile/program_file.h"
#include "symfile/query.h"
#include "tls/module_tls.h"

#define ASKED_LIMIT 16 /* modules whose files are asked, each by one child or two */

/* Of which module the files may be asked, where memory does not settle it. */
enum ask { ASK_NONE, ASK_JEMALLOC, ASK_ANY };

static int ends_in(const char *name, const char *end)
{
	size_t length = strlen(name), end_length = strlen(end);

	return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

/* mallctl is jemalloc's alone; its prefix is chosen at build time (je_, _rjem_, none). */
static int defines_mallctl(const struct elf_dynamic *dynamic)
{
	for (size_t i = 1; i < dynamic->symbol_count; i++)
		if (dynamic->symbols[i].st_shndx != SHN_UNDEF &&
		    ends_in(elf_dynamic_name(dynamic, i), "mallctl"))
			return 1;
	return 0;
}

/* What one file adds to the signs: a symbol, debug information. Whether anything was found. */
static int take_answer(const struct query_answer *answer, const char *what, struct module *module,
		       struct tsd_signs *signs, struct diagnostics *diagnostics)
{
	int has_symbol = answer->symbol == 0, has_dwarf = answer->dwarf_rc == 0;

	if (has_symbol) {
		signs->has_symbol = 1;
		signs->symbol_offset = answer->symbol_offset;
		signs->symbol_size = answer->symbol_size;
	}
	if (has_dwarf) {
		signs->has_dwarf = 1;
		signs->dwarf_size = answer->dwarf.size;
		signs->dwarf_state = answer->dwarf.state;
		signs->dwarf_allocated = answer->dwarf.allocated;
		signs->dwarf_deallocated = answer->dwarf.deallocated;
	}
	if (module->is_jemalloc || has_symbol || has_dwarf)
		diagnostics_add(diagnostics, what, "%s: symbol tsd_tls: %s; %s", module->path,
				answer->symbol == -EEXIST ? "known"
				: has_symbol              ? "found"
							  : strerror(-answer->symbol),
				answer->dwarf.how);
	return has_symbol || has_dwarf;
}

static int open_to_compare(struct module *module)
{
	struct program_head head = { .bytes = NULL };
	int fd;

	do {
		fd = program_file_open_mapped(module);
	} while (fd < 0 && target_change_reader(module->image.target));
	if (fd < 0 && program_head_read(module, &head) == 0)
		fd = program_file_open(module, &head);
	free(head.bytes);
	return fd;
}

/*
 * Offsets that follow from headers which the process has written over would be wrong by as much.
 * The file cannot always be opened: what can be is compared. Here, and not in a child: bytes are
 * compared, none is understood, and it is done for every jemalloc, where a child would cost several
 * times all the rest. Nor can the opening harm: a regular file only, read only, and the kernel
 * alone knows what is in it.
 */
static void compare_headers(struct module *module)
{
	int fd = open_to_compare(module), rc;

	if (fd < 0)
		return;
	rc = elf_image_compare(&module->image, fd);
	if (rc == -EBADMSG) {
		module->layout = rc;
		snprintf(module->place.how, sizeof module->place.how,
			 "its ELF headers in memory are not those of the file: they were written "
			 "over");
	} else if (rc == -EIO) {
		module->layout = rc;
		snprintf(module->place.how, sizeof module->place.how,
			 "its file cannot be read to compare the ELF headers in memory: %s",
			 strerror(errno));
	}
	close(fd);
}

/* A child that came to grief: its file counts as one that does not answer. */
static int asked(int rc, const char *how, const struct module *module, struct module_list *list,
		 struct diagnostics *diagnostics)
{
	diagnostics_add(diagnostics, "isolation", "%s: %s", module->path, how);
	if (rc)
		module_list_unread(list, module, "%s", how);
	return rc == 0;
}

/* Files: first the program's own, then, if that did not settle it, its debug file. */
static void ask_files(const struct module_files *files, struct module_list *list,
		      struct module *module, struct tsd_signs *signs,
		      struct diagnostics *diagnostics)
{
	struct program_head head;
	struct file_question question = { .module = module,
					  .head = &head,
					  .wants_symbol = !signs->has_symbol };
	struct query_answer program, debug;
	char how[SANDBOX_HOW_SIZE];

	if (list->asked++ >= ASKED_LIMIT) {
		module_list_unread(list, module, "%d files were asked: name it by --jemalloc",
				   ASKED_LIMIT);
		return;
	}
	if (program_head_read(module, &head))
		return;
	if (asked(query_program(&files->isolation, &question, &program, how), how, module, list,
		  diagnostics)) {
		if (program.opened && module->is_jemalloc)
			diagnostics_add(diagnostics, "symbol table", "%s: %s", module->path,
					strerror(-program.opened));
		if (program.opened == 0 &&
		    take_answer(&program, "symbol table", module, signs, diagnostics)) {
			module->is_jemalloc = 1;
			module->layout = tsd_layout_find(signs, &module->place);
		}
		if (program.opened == 0 && program.link_rc == 0)
			question.link = &program.link;
	}
	question.wants_symbol = !signs->has_symbol;
	if (module->is_jemalloc && module->layout == -ENODATA && (head.id_size || question.link) &&
	    asked(query_debug(&files->isolation, &question, &debug, how), how, module, list,
		  diagnostics) &&
	    debug.opened == 0 && take_answer(&debug, "debug file", module, signs, diagnostics))
		module->layout = tsd_layout_find(signs, &module->place);
	free(head.bytes);
}

/* All signs of one module. */
static int examine(const struct module_files *files, struct module_list *list,
		   struct module *module, enum ask ask, struct diagnostics *diagnostics)
{
	struct tsd_signs signs = { .filesz = module->image.tls_filesz,
				   .memsz = module->image.tls_memsz };
	struct elf_dynamic dynamic = { 0 };
	unsigned char *image = NULL;
	uint64_t *relocs = NULL, state;
	char version[ELF_IMAGE_VERSION_SIZE];
	int rc, known;

	rc = elf_image_tls(&module->image, &image);
	if (rc == 0 && !module->is_executable)
		rc = elf_image_dynamic(&module->image, &dynamic);
	if (rc == 0 && !module->is_executable)
		rc = module_tls_offsets(&dynamic, &relocs, &signs.reloc_count);
	if (rc == 0) {
		signs.image = image;
		signs.relocs = relocs;
		known = tsd_layout_fingerprint(&signs, &state) > 0;
		module->is_jemalloc = known || defines_mallctl(&dynamic);
		module->layout = tsd_layout_find(&signs, &module->place);
		if (module->layout == -ENODATA &&
		    (module->is_jemalloc || tsd_layout_has_old_image(&signs)) &&
		    elf_image_version(&module->image, version) == 0) {
			signs.version = version;
			module->layout = tsd_layout_find(&signs, &module->place);
			module->is_jemalloc |= module->layout == 0;
		}
		if (module->layout == -ENODATA && files->use &&
		    ask >= (module->is_jemalloc ? ASK_JEMALLOC : ASK_ANY))
			ask_files(files, list, module, &signs, diagnostics);
		if (module->is_jemalloc && module->layout == 0 && files->use)
			compare_headers(module);
		if (module->is_jemalloc)
			diagnostics_add(diagnostics, "jemalloc", "%s%s at 0x%llx: %s", module->path,
					module->deleted ? " (deleted)" : "",
					(unsigned long long)module->image.start, module->place.how);
	}
	elf_dynamic_free(&dynamic);
	free(relocs);
	free(image);
	return rc;
}

/* Returns 0, or why to give up on all of them: a damaged file is no jemalloc, and no reason to. */
static int try_module(const struct module_files *files, struct module_list *list,
		      struct module *module, enum ask ask, struct diagnostics *diagnostics)
{
	int rc = examine(files, list, module, ask, diagnostics);

	if (rc == 0 || rc == -EPERM || rc == -ESRCH || rc == -ENOMEM)
		return rc;
	diagnostics_add(diagnostics, "module", "%s: not examined: %s", module->path, strerror(-rc));
	module_list_unread(list, module, "its memory cannot be read: %s", strerror(-rc));
	return 0;
}

/*
 * First without the files of libraries that have no sign of jemalloc in memory: of 100 none is
 * opened. Then, if that leads nowhere, they are asked, as a jemalloc before 5.3 that exports
 * nothing may have a symbol.
 */
int jemalloc_find(const struct module_files *files, struct module_list *list, const char *wanted,
		  struct diagnostics *diagnostics)
{
	size_t found = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < list->count; i++) {
		struct module *module = &list->modules[i];

		if (module->image.has_tls)
			rc = try_module(files, list, module,
					module->is_executable              ? ASK_ANY
					: module_is_wanted(module, wanted) ? ASK_JEMALLOC
									   : ASK_NONE,
					diagnostics);
		found += module->is_jemalloc && module_is_wanted(module, wanted);
	}
	for (size_t i = 0;
	     rc == 0 && found == 0 && files->use && list->asked <= ASKED_LIMIT && i < list->count;
	     i++) {
		struct module *module = &list->modules[i];

		if (module->is_executable || module->is_jemalloc ||
		    module->image.tls_memsz < TSD_LAYOUT_SMALLEST ||
		    !module_is_wanted(module, wanted))
			continue;
		rc = try_module(files, list, module, ASK_ANY, diagnostics);
	}
	return rc;
}
