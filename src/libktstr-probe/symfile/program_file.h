/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens the file that a module was mapped from, also where another stands in its place. Looks into
 * none.
 */
#ifndef KTSTR_PROGRAM_FILE_H
#define KTSTR_PROGRAM_FILE_H

#include "elf/module_list.h"
#include "symfile/debug_file.h"

/* What memory shows of a module's file. */
struct program_head {
	unsigned char *bytes; /* the file's beginning as it is mapped */
	size_t size;
	unsigned char id[DEBUG_FILE_ID_SIZE]; /* the build-id; size 0: none */
	size_t id_size;
};

/* Returns 0 or -ENOMEM; free head->bytes. */
int program_head_read(const struct module *module, struct program_head *head);

/* The file with the device and inode that maps shows. Returns an fd or a negative errno, -ESTALE
 * for another. */
int program_file_open_mapped(const struct module *module);

/*
 * The same, or where that fails what the kernel's own links or the path lead to, if it begins like
 * what is mapped. Reads nothing of the target's memory: Yama may let this process do that, but not
 * its child.
 */
int program_file_open(const struct module *module, const struct program_head *head);

#endif
