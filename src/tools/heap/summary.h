/* SPDX-License-Identifier: BSD-2-Clause */
/* What the process's resident memory is made of, as lines that add up. */
#ifndef KTSTR_SUMMARY_H
#define KTSTR_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <ktstr/heap.h>

enum summary_line {
	SUMMARY_RSS,
	SUMMARY_LIVE,
	SUMMARY_LEFT,
	SUMMARY_CACHES,
	SUMMARY_SLABS,
	SUMMARY_LARGE,
	SUMMARY_FREED,
	SUMMARY_OWN,
	SUMMARY_UNTOUCHED, /* of the above, negative; only where the pages are known */
	SUMMARY_PAGED_OUT, /* likewise */
	SUMMARY_FILES,
	SUMMARY_REST, /* what is left: the lines add up to RSS by it */
	SUMMARY_RETAINED,
	SUMMARY_SWAPPED,
	SUMMARY_LINES
};

/* One reading. */
struct summary {
	bool has_pages; /* it is known which pages have memory */
	struct ktstr_heap_figure lines[SUMMARY_LINES];
};

void summary_make(const struct ktstr_heap *heap, struct summary *summary);

/* first: the first reading of --watch, with which each line is compared; NULL: none. */
void summary_print(FILE *out, const struct ktstr_heap *heap, const struct summary *summary,
		   const struct summary *first, bool raw);

#endif
