/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF files that a process has mapped. */
#ifndef KTSTR_MODULE_SCAN_H
#define KTSTR_MODULE_SCAN_H

#include "elf/module_list.h"

/*
 * Reads maps and the headers of every mapped ELF file; the executable comes first, the others in
 * ascending order. Returns 0 or a negative errno; *maps_failed: it was the memory map itself that
 * could not be read.
 */
int module_scan(struct target *target, struct module_list *list, bool *maps_failed);

#endif
