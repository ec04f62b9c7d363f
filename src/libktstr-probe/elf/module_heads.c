/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ELF headers of the files that a process has mapped. Nearly always both headers are in the
 * first page; patchelf and llvm-bolt move the program headers to the end of the file.
 */
#include "config.h"

#include "elf/module_heads.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADS_PER_READ 64

/* What is read of each module of one batch. */
struct head {
	Elf64_Ehdr header;
	Elf64_Phdr *phdrs; /* NULL: they are not near, or it is none */
	int rc;
};

__attribute__((format(printf, 3, 4))) static void note_damaged(struct module_list *list,
							       const struct module *module,
							       const char *format, ...)
{
	char why[160];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	module_list_note_unread(list, module, "%s", why);
	if (list->damaged++ < MODULE_LIST_NAMED)
		diagnostics_add(&module->image.target->diagnostics, "module",
				"%s at 0x%llx is left out: %s", module->path,
				(unsigned long long)module->image.start, why);
}

static uint64_t table_size(const Elf64_Ehdr *header)
{
	return header->e_phnum * sizeof(Elf64_Phdr);
}

/* Within what the first mapping holds. */
static bool is_near(const struct module *module, const Elf64_Ehdr *header)
{
	uint64_t size = module->first_end - module->image.start;

	return header->e_phoff <= size && table_size(header) <= size - header->e_phoff;
}

/*
 * Mapped whole and by one mapping: the section headers at the file's end, which no loader maps, are
 * there, and no other piece of it is. Some map thousands of such files, executable too.
 */
static bool is_mapped_whole(const struct module *module, const struct file_mappings *mappings,
			    const Elf64_Ehdr *header)
{
	const struct file_mapping *next =
		file_mappings_from(mappings, &module->file, module->first_end);

	return !module->is_executable && header->e_shoff &&
	       header->e_shoff < module->first_end - module->image.start &&
	       (!next || next->offset == 0);
}

static int read_headers(struct target *target, const struct module *modules, struct head *heads,
			size_t count)
{
	struct target_range ranges[HEADS_PER_READ];
	int rc;

	for (size_t i = 0; i < count; i++)
		ranges[i] = (struct target_range){ .address = modules[i].image.start,
						   .buffer = &heads[i].header,
						   .size = sizeof heads[i].header };
	rc = target_read(target, ranges, count);
	for (size_t i = 0; rc == 0 && i < count; i++)
		heads[i].rc = ranges[i].error;
	return rc;
}

/* Those that are near, into memory of their own: *room is to be freed. */
static int read_tables(struct target *target, const struct module *modules, struct head *heads,
		       size_t count, Elf64_Phdr **room)
{
	struct target_range ranges[HEADS_PER_READ];
	size_t used = 0, phdrs = 0, index[HEADS_PER_READ];
	int rc;

	for (size_t i = 0; i < count; i++)
		if (heads[i].rc == 0 && is_near(&modules[i], &heads[i].header))
			phdrs += heads[i].header.e_phnum;
	*room = calloc(phdrs + 1, sizeof **room);
	if (!*room)
		return -ENOMEM;
	phdrs = 0;
	for (size_t i = 0; i < count; i++) {
		if (heads[i].rc || !is_near(&modules[i], &heads[i].header))
			continue;
		heads[i].phdrs = *room + phdrs;
		phdrs += heads[i].header.e_phnum;
		index[used] = i;
		ranges[used++] = (struct target_range){
			.address = modules[i].image.start + heads[i].header.e_phoff,
			.buffer = heads[i].phdrs,
			.size = table_size(&heads[i].header),
		};
	}
	rc = target_read(target, ranges, used);
	for (size_t i = 0; rc == 0 && i < used; i++)
		heads[index[i]].rc = ranges[i].error;
	return rc;
}

/*
 * Program headers far from the first page: where the kernel says that the main program's are, in
 * the piece of the file that holds them, or, if that has been moved to anonymous memory, as far
 * from the first page as in the file. The file must say that it loads them there.
 */
static int load_far(struct target *target, struct module *module,
		    const struct file_mappings *mappings, const Elf64_Ehdr *header, uint64_t phdrs)
{
	uint64_t start = module->image.start;
	const struct file_mapping *piece =
		file_mappings_from(mappings, &module->file, module->first_end);
	int rc = -EBADMSG;

	if (!module->is_executable && phdrs &&
	    elf_image_load(target, start, phdrs, NULL, &module->image) == 0) {
		module->is_executable = true;
		return 0;
	}
	for (; rc && piece && piece->offset; piece = file_mappings_next(mappings, piece))
		if (header->e_phoff >= piece->offset &&
		    header->e_phoff - piece->offset < piece->end - piece->start)
			rc = elf_image_load(target, start,
					    piece->start + (header->e_phoff - piece->offset), NULL,
					    &module->image);
	if (rc)
		rc = elf_image_load(target, start, start + header->e_phoff,
				    &(struct elf_place){ header->e_phoff, start + header->e_phoff },
				    &module->image);
	return rc == -EFAULT ? -EBADMSG : rc;
}

/* Whether it was loaded as a program or library. */
static bool take_head(struct target *target, struct module_list *list, struct module *module,
		      const struct file_mappings *mappings, const struct head *head, uint64_t phdrs)
{
	uint64_t start = module->image.start;
	int rc = head->rc;

	if (rc == -ENOEXEC)
		return false;
	if (rc == 0)
		rc = head->phdrs ? elf_image_take(&head->header, head->phdrs, start, &module->image)
				 : load_far(target, module, mappings, &head->header, phdrs);
	module->image.target = target;
	module->image.start = start;
	if (rc == -EBADMSG)
		note_damaged(list, module, "%s",
			     head->phdrs || head->rc
				     ? "its ELF headers are damaged"
				     : "its program headers are not where the file loads them");
	else if (rc)
		note_damaged(list, module, "its memory cannot be read: %s", strerror(-rc));
	return rc == 0 && (module->is_executable ||
			   file_mappings_are_loaded(mappings, &module->file, module->image.low,
						    module->image.high));
}

/* Up to HEADS_PER_READ candidates. */
static int read_batch(struct target *target, struct module_list *list, struct module *modules,
		      size_t count, const struct file_mappings *mappings, uint64_t phdrs)
{
	struct head heads[HEADS_PER_READ] = { 0 };
	Elf64_Phdr *room = NULL;
	int rc = read_headers(target, modules, heads, count);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct head *head = &heads[i];

		if (head->rc == 0)
			head->rc = elf_header_check(&head->header);
		if (head->rc == 0 && is_mapped_whole(&modules[i], mappings, &head->header)) {
			head->rc = -ENOEXEC;
			list->mapped_whole++;
		} else if (head->rc == 0 && (head->header.e_phnum == 0 ||
					     head->header.e_phnum > ELF_IMAGE_PHDRS_LIMIT)) {
			head->rc = -EBADMSG;
		}
	}
	if (rc == 0)
		rc = read_tables(target, modules, heads, count, &room);
	for (size_t i = 0; rc == 0 && i < count; i++)
		if (take_head(target, list, &modules[i], mappings, &heads[i], phdrs))
			rc = module_list_add(list, &modules[i]);
	free(room);
	return rc;
}

/*
 * Where a file begins that may be a program: one that is merely mapped to be read (symbolisers do
 * that, and thousands of them may be data) has neither code nor memory of its own. The main program
 * is where the kernel says its headers are, wherever its code has gone to: some move it to huge
 * pages. ld.so run by hand counts as the main program, and what it loads as a library without
 * static TLS: that is refused later.
 */
static bool may_be_loaded(const struct file_mappings *mappings, const struct file_mapping *first,
			  struct module *module, uint64_t phdrs)
{
	*module = (struct module){
		.image = { .target = module->image.target, .start = first->start },
		.path = (char *)(uintptr_t)first->path,
		.deleted = first->is_deleted,
		.file = first->file,
		.first_end = first->end,
		.link_start = first->start,
		.link_end = first->end,
		.is_executable = phdrs >= first->start && phdrs < first->end,
	};
	return first->offset == 0 &&
	       (module->is_executable ||
		file_mappings_are_loaded(mappings, &first->file, first->start, UINT64_MAX));
}

int module_heads_read(struct target *target, struct module_list *list,
		      const struct file_mappings *mappings, uint64_t phdrs)
{
	struct module *batch = calloc(HEADS_PER_READ, sizeof *batch);
	size_t used = 0;
	int rc = batch ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < mappings->count; i++) {
		batch[used].image.target = target;
		used += may_be_loaded(mappings, &mappings->all[i], &batch[used], phdrs);
		if (used < HEADS_PER_READ && i + 1 < mappings->count)
			continue;
		rc = read_batch(target, list, batch, used, mappings, phdrs);
		used = 0;
	}
	free(batch);
	module_list_sort(list);
	return rc;
}
