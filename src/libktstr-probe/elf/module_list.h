/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF files that a process has mapped: a list of them. */
#ifndef KTSTR_MODULE_LIST_H
#define KTSTR_MODULE_LIST_H

#include "elf/elf_image.h"
#include "elf/file_mappings.h"

/* Of how many files that are left out the diagnostics tell. */
#define MODULE_LIST_NAMED 16

struct module {
	struct elf_image image;
	char *path;
	bool deleted;
	struct file_id file;
	uint64_t first_end; /* up to here the memory from image.start on is as in the file */
	uint64_t link_start, link_end; /* one mapping of it: map_files names files so */
	bool is_executable;            /* the main program: its TLS block is where the ABI says */
};

struct module_list {
	struct module *modules;
	size_t count, room;
	size_t damaged;      /* files that were left out for their headers */
	size_t mapped_whole; /* files that were merely mapped, not loaded */
	char unread[448];    /* the first file that could not be examined, and why; "": none */
};

void module_list_free(struct module_list *list);

/* Adds a copy of it and of its path. Returns 0 or -ENOMEM. */
int module_list_add(struct module_list *list, const struct module *module);

/* In ascending order of their addresses. */
void module_list_sort(struct module_list *list);

/* Notes why a file could not be examined. The first note stays. */
__attribute__((format(printf, 3, 4))) void module_list_note_unread(struct module_list *list,
								   const struct module *module,
								   const char *format, ...);

/* Is it the file of this path, or of this last part of one, or the one that covers this address, in
 * hexadecimal digits behind 0x? NULL is any. */
bool module_is_named(const struct module *module, const char *name);

#endif
