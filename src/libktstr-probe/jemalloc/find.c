/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the mapped files carry jemalloc, and where its counters are in each. */
#include "config.h"

#include "jemalloc/find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jemalloc/tsd_layout.h"
#include "jemalloc/tsd_layout_53.h"
#include "jemalloc/tsd_layout_pre53.h"
#include "jemalloc/version.h"
#include "symfile/program_file.h"
#include "symfile/query.h"
#include "tls/module_tls.h"

#define QUERIES_LIMIT 16 /* modules whose files are queried, each by one child or two */

/* Of which module the files may be queried, where memory does not settle it. */
enum query_scope {
	QUERY_NONE,
	QUERY_JEMALLOC,
	QUERY_ANY,
};

struct search {
	struct target *target;
	const struct jemalloc_files *files;
	struct module_list *list;
	const char *wanted;
	struct jemalloc_candidates *found;
};

static bool ends_in(const char *name, const char *end)
{
	size_t length = strlen(name), end_length = strlen(end);

	return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

/* Does it define a symbol whose name ends so? Most files do not have the name among thousands. */
static bool defines(const struct elf_dynamic *dynamic, const char *end)
{
	if (!dynamic->symbol_count ||
	    !memmem(dynamic->strings, dynamic->strings_size + 1, end, strlen(end) + 1))
		return false;
	for (size_t i = 1; i < dynamic->symbol_count; i++)
		if (dynamic->symbols[i].st_shndx != SHN_UNDEF &&
		    ends_in(elf_dynamic_name(dynamic, i), end))
			return true;
	return false;
}

/* It is jemalloc's alone; its prefix is chosen at build time (je_, _rjem_, none). */
static bool defines_mallctl(const struct elf_dynamic *dynamic)
{
	return defines(dynamic, "mallctl");
}

/*
 * glibc's libc has an allocator of its own and is in nearly every process: without a fingerprint or
 * a mallctl it is no jemalloc, whatever else its 2 MB hold.
 */
static bool is_glibc(const struct elf_dynamic *dynamic)
{
	return defines(dynamic, "gnu_get_libc_version") && defines(dynamic, "__libc_malloc");
}

/* What one file adds to the evidence: a symbol, debug information. Whether anything was found. */
static bool take_answer(const struct query_answer *answer, const char *what,
			const struct jemalloc_candidate *candidate, struct tsd_evidence *evidence)
{
	bool has_symbol = answer->symbol == 0, has_dwarf = answer->dwarf_rc == 0;

	if (has_symbol) {
		evidence->has_symbol = true;
		evidence->symbol_offset = answer->symbol_offset;
		evidence->symbol_size = answer->symbol_size;
	}
	if (has_dwarf) {
		evidence->has_dwarf = true;
		evidence->dwarf_size = answer->dwarf.size;
		evidence->dwarf_state = answer->dwarf.state;
		evidence->dwarf_allocated = answer->dwarf.allocated;
		evidence->dwarf_deallocated = answer->dwarf.deallocated;
	}
	if (candidate->is_jemalloc || has_symbol || has_dwarf)
		diagnostics_add(&candidate->module->image.target->diagnostics, what,
				"%s: symbol tsd_tls: %s; %s", candidate->module->path,
				answer->symbol == -EEXIST ? "known"
				: has_symbol              ? "found"
							  : strerror(-answer->symbol),
				answer->dwarf.reason);
	return has_symbol || has_dwarf;
}

/* A task that has ended leads to no file, another does. */
static int open_to_compare(const struct module *module)
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
static void compare_headers(struct jemalloc_candidate *candidate)
{
	int fd = open_to_compare(candidate->module), rc;

	if (fd < 0)
		return;
	rc = elf_image_compare(&candidate->module->image, fd);
	if (rc == -EBADMSG)
		candidate->verdict = tsd_decide(&candidate->offsets, TSD_CONTRADICTED,
						"its ELF headers in memory are not those of the "
						"file: they were written over");
	else if (rc == -EIO)
		candidate->verdict = tsd_decide(&candidate->offsets, TSD_UNVERIFIED,
						"its file cannot be read to compare the ELF "
						"headers in memory: %s",
						strerror(errno));
	close(fd);
}

/* If the child failed, treat the file as providing no information. */
static bool was_answered(const struct search *search, int rc, const char *reason,
			 const struct module *module)
{
	diagnostics_add(&search->target->diagnostics, "isolation", "%s: %s", module->path, reason);
	if (rc)
		module_list_note_unread(search->list, module, "%s", reason);
	return rc == 0;
}

/* Files: first the program's own, then, if that did not settle it, its debug file. */
static void query_files(const struct search *search, struct jemalloc_candidate *candidate,
			struct tsd_evidence *evidence)
{
	const struct module *module = candidate->module;
	const struct sandbox *isolation = &search->files->isolation;
	struct program_head head;
	struct file_question question = { .module = module,
					  .head = &head,
					  .wants_symbol = !evidence->has_symbol,
					  .cache = search->files->cache };
	struct query_answer program, debug;
	char reason[SANDBOX_REASON_SIZE];
	int rc;

	if (search->found->files_queried++ >= QUERIES_LIMIT) {
		module_list_note_unread(search->list, module,
					"%d files were examined: name it by --jemalloc",
					QUERIES_LIMIT);
		return;
	}
	if (program_head_read(module, &head))
		return;
	rc = query_program(isolation, &question, &program, reason);
	if (was_answered(search, rc, reason, module)) {
		if (program.opened && candidate->is_jemalloc)
			diagnostics_add(&search->target->diagnostics, "symbol table", "%s: %s",
					module->path, strerror(-program.opened));
		if (program.opened == 0 &&
		    take_answer(&program, "symbol table", candidate, evidence)) {
			candidate->is_jemalloc = true;
			candidate->verdict = tsd_layout_find(evidence, &candidate->offsets);
		}
		if (program.opened == 0 && program.link_rc == 0)
			question.link = &program.link;
	}
	question.wants_symbol = !evidence->has_symbol;
	if (candidate->is_jemalloc && candidate->verdict == TSD_UNCERTAIN &&
	    (head.id_size || question.link)) {
		rc = query_debug(isolation, &question, &debug, reason);
		if (was_answered(search, rc, reason, module) && debug.opened == 0 &&
		    take_answer(&debug, "debug file", candidate, evidence))
			candidate->verdict = tsd_layout_find(evidence, &candidate->offsets);
	}
	free(head.bytes);
}

/* Could it be a jemalloc whose code is worth asking? Most libraries with TLS are none. */
static bool may_be_jemalloc(const struct jemalloc_candidate *candidate, enum query_scope scope,
			    const struct tsd_evidence *evidence)
{
	const struct module *module = candidate->module;

	return candidate->is_jemalloc ||
	       ((module->is_executable || scope == QUERY_ANY) &&
		module->image.tls_memsz >= TSD_SIZE_SMALLEST) ||
	       tsd_layout_pre53_may_stand(evidence);
}

/* Asks the module's own code. Returns 0, or what reading gave that concerns all of the target. */
static int ask_code(const struct search *search, struct jemalloc_candidate *candidate,
		    struct tsd_evidence *evidence, struct tsd_code *code)
{
	struct module_tls tls;
	int rc = tsd_code_ask(&candidate->module->image, code);

	if (rc)
		return rc;
	evidence->code = code;
	if (code->from_tp && module_tls_find(search->list, candidate->module, &tls) == 0 &&
	    tls.verdict == MODULE_TLS_FOUND && !tls.is_dynamic) {
		evidence->has_tp_offset = true;
		evidence->tp_offset = tls.tp_offset;
	}
	if (!code->has_tree)
		return 0;
	candidate->is_jemalloc = true;
	diagnostics_add(&search->target->diagnostics, "code", "%s: %s", candidate->module->path,
			code->reason);
	return 0;
}

/* What memory holds, and where that leaves a doubt, files. version is room for what the evidence
 * may point to. */
static void weigh_evidence(const struct search *search, struct jemalloc_candidate *candidate,
			   enum query_scope scope, struct tsd_evidence *evidence,
			   char version[JEMALLOC_VERSION_SIZE])
{
	const struct module *module = candidate->module;

	candidate->verdict = tsd_layout_find(evidence, &candidate->offsets);
	if (candidate->verdict == TSD_UNCERTAIN &&
	    (candidate->is_jemalloc || tsd_layout_pre53_may_stand(evidence)) &&
	    jemalloc_version_find(&module->image, version) == 0) {
		evidence->version = version;
		candidate->verdict = tsd_layout_find(evidence, &candidate->offsets);
		candidate->is_jemalloc |= candidate->verdict == TSD_FOUND;
	}
	if (candidate->verdict == TSD_UNCERTAIN && search->files->use &&
	    scope >= (candidate->is_jemalloc ? QUERY_JEMALLOC : QUERY_ANY))
		query_files(search, candidate, evidence);
	if (!candidate->is_jemalloc)
		return;
	if (candidate->verdict == TSD_FOUND && search->files->use)
		compare_headers(candidate);
	if (*candidate->offsets.contradiction)
		diagnostics_add(&search->target->diagnostics, "contradiction", "%s: %s",
				module->path, candidate->offsets.contradiction);
	diagnostics_add(&search->target->diagnostics, "jemalloc", "%s%s at 0x%llx: %s",
			module->path, module->deleted ? " (deleted)" : "",
			(unsigned long long)module->image.start, candidate->offsets.reason);
}

static int examine(const struct search *search, struct jemalloc_candidate *candidate,
		   enum query_scope scope)
{
	const struct module *module = candidate->module;
	struct tsd_evidence evidence = { .filesz = module->image.tls_filesz,
					 .memsz = module->image.tls_memsz,
					 .is_library = !module->is_executable };
	struct elf_dynamic dynamic = { 0 };
	unsigned char *image = NULL;
	uint64_t *relocs = NULL, state;
	char version[JEMALLOC_VERSION_SIZE];
	struct tsd_code code;
	int rc;

	rc = elf_image_tls(&module->image, &image);
	if (rc == 0 && !module->is_executable)
		rc = elf_image_dynamic(&module->image, &dynamic);
	if (rc == 0 && !module->is_executable)
		rc = module_tls_offsets(&dynamic, &relocs, &evidence.reloc_count);
	if (rc == 0) {
		evidence.image = image;
		evidence.relocs = relocs;
		candidate->is_jemalloc = tsd_layout_53_search(&evidence, &state) > 0 ||
					 defines_mallctl(&dynamic);
		candidate->is_excluded = !candidate->is_jemalloc && is_glibc(&dynamic);
		if (!candidate->is_excluded && may_be_jemalloc(candidate, scope, &evidence))
			rc = ask_code(search, candidate, &evidence, &code);
	}
	if (rc == 0 && !candidate->is_excluded)
		weigh_evidence(search, candidate, scope, &evidence, version);
	elf_dynamic_free(&dynamic);
	free(relocs);
	free(image);
	return rc;
}

/* Returns 0, or why to give up on all of them: a damaged file is no jemalloc, and no reason to. */
static int try_module(const struct search *search, struct jemalloc_candidate *candidate,
		      enum query_scope scope)
{
	const struct module *module = candidate->module;
	int rc = examine(search, candidate, scope);

	if (rc == 0 || rc == -EPERM || rc == -ESRCH || rc == -ENOMEM)
		return rc;
	diagnostics_add(&search->target->diagnostics, "module", "%s: not examined: %s",
			module->path, strerror(-rc));
	module_list_note_unread(search->list, module, "its memory cannot be read: %s",
				strerror(-rc));
	return 0;
}

/* Without the files of libraries that have no sign of jemalloc in memory: of 100 none is opened. */
static int search_memory(const struct search *search, size_t *found)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < search->found->count; i++) {
		struct jemalloc_candidate *candidate = &search->found->all[i];
		bool is_wanted = module_is_named(candidate->module, search->wanted);

		if (candidate->module->image.has_tls)
			rc = try_module(search, candidate,
					candidate->module->is_executable ? QUERY_ANY
					: is_wanted                      ? QUERY_JEMALLOC
									 : QUERY_NONE);
		*found += candidate->is_jemalloc && is_wanted;
	}
	return rc;
}

/* A jemalloc before 5.3 that exports nothing may have a symbol. */
static int search_files(const struct search *search)
{
	int rc = 0;

	for (size_t i = 0;
	     rc == 0 && search->found->files_queried <= QUERIES_LIMIT && i < search->found->count;
	     i++) {
		struct jemalloc_candidate *candidate = &search->found->all[i];
		const struct module *module = candidate->module;

		if (!module->is_executable && !candidate->is_jemalloc && !candidate->is_excluded &&
		    module->image.tls_memsz >= TSD_SIZE_SMALLEST &&
		    module_is_named(module, search->wanted))
			rc = try_module(search, candidate, QUERY_ANY);
	}
	return rc;
}

int jemalloc_find(struct target *target, const struct jemalloc_files *files,
		  struct module_list *list, const char *wanted, struct jemalloc_candidates *found)
{
	const struct search search = {
		.target = target, .files = files, .list = list, .wanted = wanted, .found = found
	};
	size_t wanted_count = 0;
	int rc;

	*found = (struct jemalloc_candidates){ .all = calloc(list->count + 1, sizeof *found->all),
					       .count = list->count };
	if (!found->all)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++)
		found->all[i].module = &list->modules[i];
	rc = search_memory(&search, &wanted_count);
	return rc == 0 && wanted_count == 0 && files->use ? search_files(&search) : rc;
}

void jemalloc_candidates_free(struct jemalloc_candidates *candidates)
{
	free(candidates->all);
	*candidates = (struct jemalloc_candidates){ .all = NULL };
}
