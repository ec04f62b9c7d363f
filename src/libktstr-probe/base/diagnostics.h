/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of how the numbers were found, growing line by line. */
#ifndef KTSTR_DIAGNOSTICS_H
#define KTSTR_DIAGNOSTICS_H

#include <stddef.h>

struct diagnostics {
	char *text; /* NULL until the first line */
	size_t length;
};

/* Adds "step: finding\n". Out of memory, or beyond 64 KiB, the line is left out. Keeps errno. */
void diagnostics_add(struct diagnostics *diagnostics, const char *step, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void diagnostics_free(struct diagnostics *diagnostics);

#endif
