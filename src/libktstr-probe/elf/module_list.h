/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF files that a process has mapped. */
#ifndef KTSTR_MODULE_LIST_H
#define KTSTR_MODULE_LIST_H

#include "elf/elf_image.h"

struct module {
	struct elf_image image;
	char *path;
	bool deleted;
	unsigned int dev_major, dev_minor;
	uint64_t inode;
	uint64_t first_end; /* where the mapping ends that begins at image.start: map_files names
			       files so */
	bool is_executable; /* the main program: its TLS block is where the ABI says */
};

struct module_list {
	struct module *modules;
	size_t count;
	char unread[448]; /* the first file that could not be examined, and why; "": none */
};

/*
 * Reads maps and the head of every mapped ELF file; the executable comes first, the others in
 * ascending order. Returns 0 or a negative errno; *maps_failed: it was the memory map itself that
 * could not be read.
 */
int module_list_read(struct target *target, struct module_list *list, bool *maps_failed);
void module_list_free(struct module_list *list);

/* Notes why a file could not be examined. The first note stays. */
__attribute__((format(printf, 3, 4))) void module_list_note_unread(struct module_list *list,
								   const struct module *module,
								   const char *format, ...);

/* Is it the file of this path, or of this last part of one? NULL is any. */
bool module_is_named(const struct module *module, const char *name);

#endif
