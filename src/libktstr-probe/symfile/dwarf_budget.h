/* SPDX-License-Identifier: BSD-2-Clause */
/* What libdw would spend on debug information before it gives back control. */
#ifndef KTSTR_DWARF_BUDGET_H
#define KTSTR_DWARF_BUDGET_H

#include "symfile/elfutils.h"

/*
 * libdw keeps a table of abbreviations for each unit, and reads all of a table to find one that is
 * not there; and an entry costs as much as it has attributes, also those without a byte. elf: with
 * its debug sections decompressed. Returns 0, -EFBIG for more than honest files have, or -EBADMSG.
 */
int dwarf_budget_check(const struct elfutils *dw, Elf *elf);

#endif
