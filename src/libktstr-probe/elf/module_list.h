/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF files that a process has mapped, and which of them carries its jemalloc. */
#ifndef KTSTR_MODULE_LIST_H
#define KTSTR_MODULE_LIST_H

#include "base/diagnostics.h"
#include "elf/elf_image.h"
#include "jemalloc/tsd_layout.h"
#include "sandbox/sandbox.h"

struct module {
	struct elf_image image;
	char *path;
	int deleted;
	unsigned int dev_major, dev_minor;
	uint64_t inode;
	uint64_t first_end; /* where the mapping ends that begins at image.start: map_files names
			       files so */
	int is_executable;  /* the main program: its TLS block has a place of its own */
	int is_jemalloc;
	int layout; /* of a jemalloc: tsd_layout_find's answer */
	struct tsd_place place;
};

struct module_list {
	struct module *modules;
	size_t count;
	size_t asked;     /* modules whose files were asked, or would have been */
	char unread[448]; /* the first file that could not be asked or examined, and why; "": none
			   */
};

/*
 * Reads maps and the head of every mapped ELF file. Returns 0 or a negative
 * errno; *maps_failed: it was the memory map itself that could not be read.
 */
int module_list_read(struct target *target, struct module_list *list, bool *maps_failed);
void module_list_free(struct module_list *list);

/* For an error's end: why a file that might have told did not. The first one stays. */
__attribute__((format(printf, 3, 4))) void module_list_unread(struct module_list *list,
							      const struct module *module,
							      const char *format, ...);

/* How files on disk are asked. */
struct module_files {
	bool use; /* or none is opened */
	struct sandbox isolation;
};

/*
 * Looks for jemalloc in every module: is_jemalloc, layout and place are filled in. wanted, a path
 * or its last part, or NULL, is which one is looked for harder.
 */
int jemalloc_find(const struct module_files *files, struct module_list *list, const char *wanted,
		  struct diagnostics *diagnostics);

/* Is it the file of this path, or of this last part of one? NULL is any. */
int module_is_wanted(const struct module *module, const char *wanted);

/*
 * The jemalloc to read: the wanted one, else the only one, else the one that the program's malloc
 * resolves to, or its libc's, else the first, which is the executable's if that has one. NULL:
 * none, or wanted is not among them.
 */
struct module *jemalloc_choose(struct module_list *list, const char *wanted,
			       struct diagnostics *diagnostics);

#endif
