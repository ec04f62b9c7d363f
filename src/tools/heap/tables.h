/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of arenas, threads, size classes and options. */
#ifndef KTSTR_TABLES_H
#define KTSTR_TABLES_H

#include <stdio.h>

#include "src/tools/heap/show_options.h"
#include <ktstr/heap.h>

/* Each returns 0 or -ENOMEM. */
int tables_arenas(FILE *out, const struct ktstr_heap *heap, const struct show_options *options);
int tables_threads(FILE *out, const struct ktstr_heap *heap, const struct show_options *options);
int tables_classes(FILE *out, const struct ktstr_heap *heap, const struct show_options *options);
void tables_options(FILE *out, const struct ktstr_heap *heap);

#endif
