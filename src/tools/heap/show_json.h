/* SPDX-License-Identifier: BSD-2-Clause */
/* The document of malloc_stats_print's "J", as far as it is known from outside. */
#ifndef KTSTR_SHOW_JSON_H
#define KTSTR_SHOW_JSON_H

#include <stdio.h>

#include <ktstr/heap.h>

void show_json(FILE *out, pid_t pid, const char *name, const char *version,
	       const struct ktstr_heap *heap);

#endif
