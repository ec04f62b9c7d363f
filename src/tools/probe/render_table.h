/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of a snapshot for a terminal. */
#ifndef KTSTR_RENDER_TABLE_H
#define KTSTR_RENDER_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <ktstr/probe.h>

struct render_table_row {
	const struct ktstr_probe_thread *thread; /* one that was read */
	const struct ktstr_probe_thread *before; /* in the snapshot before this one; may be NULL */
};

/*
 * ns: since the snapshot before, for the rates; 0 for the first one. width: of the terminal, 0 for
 * any. What does not fit is made shorter: first the numbers, as multiples of 1024 (K, M, G, T, P,
 * E), then the rates are left out, then the names cut.
 */
void render_table(FILE *out, unsigned int width, const struct render_table_row *rows, size_t count,
		  int64_t ns);

#endif
