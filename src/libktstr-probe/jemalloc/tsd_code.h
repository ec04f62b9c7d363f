/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the target's own code has each thread's counters: its mallctl handlers' answer. */
#ifndef KTSTR_TSD_CODE_H
#define KTSTR_TSD_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "elf/elf_image.h"

enum tsd_code_answer {
	TSD_CODE_SILENT,        /* no tree of names, or handlers that are not understood */
	TSD_CODE_OFFSETS,       /* the offsets below */
	TSD_CODE_NO_STATISTICS, /* statistics are compiled out: the counters stay 0 */
};

struct tsd_code {
	enum tsd_code_answer answer;
	bool has_tree; /* it is a jemalloc, whatever the handlers say */
	bool from_tp;  /* offsets are from the thread pointer, not from the start of tsd_s */
	uint64_t allocated, deallocated;
	bool has_arena;
	uint64_t arena; /* where tsd_s has the pointer to the thread's arena */
	char reason[160];
};

/* Returns 0, or what reading gave that concerns all of the target. */
int tsd_code_ask(const struct elf_image *image, struct tsd_code *code);

#endif
