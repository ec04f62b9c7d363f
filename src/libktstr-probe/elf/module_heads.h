/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF headers of the files that a process has mapped. */
#ifndef KTSTR_MODULE_HEADS_H
#define KTSTR_MODULE_HEADS_H

#include "elf/file_mappings.h"
#include "elf/module_list.h"

/*
 * Reads the headers of every module of the list, in few calls, and leaves out what was never
 * loaded as a program or library; `phdrs` is where the kernel says that the main program's headers
 * are (AT_PHDR). Returns 0, or what concerns all of the target.
 */
int module_heads_read(struct target *target, struct module_list *list,
		      const struct file_mappings *mappings, uint64_t phdrs);

/*
 * Adds the modules whose first page lies in anonymous memory, as programs do that copy themselves
 * to huge pages: what is left of their files shows where they began. Returns as above.
 */
int module_heads_find_moved(struct target *target, struct module_list *list,
			    const struct file_mappings *mappings, uint64_t phdrs);

#endif
