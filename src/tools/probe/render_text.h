/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text: one line per thread for scripts, or an aligned table with rates for a terminal.
 * Errors of single threads are warnings on another stream.
 */
#ifndef KTSTR_RENDER_TEXT_H
#define KTSTR_RENDER_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "src/tools/probe/options.h"
#include <ktstr/probe.h>

struct render_text {
	FILE *out;
	FILE *warnings;
	bool table;
	unsigned int width;     /* of the table, 0 for any */
	enum options_sort sort; /* descending for the numbers, ascending for tid and name */
};

/* session: warns once where the process has several jemallocs. */
void render_text_begin(const struct render_text *text, pid_t pid,
		       const struct ktstr_probe *session);

/*
 * previous: the snapshot before this one, for the rates of the table; NULL for the first.
 * Returns 0 or -ENOMEM. Write errors show in ferror(out).
 */
int render_text_snapshot(const struct render_text *text,
			 const struct ktstr_probe_snapshot *snapshot,
			 const struct ktstr_probe_snapshot *previous, unsigned int number,
			 unsigned int total);

/* Says that snapshot `number` of `total` was the last, and whether threads are missing from it. */
void render_text_interrupted(const struct render_text *text, unsigned int number,
			     unsigned int total, bool in_part);

#endif
