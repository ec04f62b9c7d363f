/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A target whose memory is read by whole pages, each once: for many small reads that lie close
 * together, of what does not change. What stood in a page when it was first read is what every
 * later read gets.
 */
#ifndef KTSTR_PAGE_CACHE_H
#define KTSTR_PAGE_CACHE_H

#include "base/target.h"

#define PAGE_CACHE_PAGES 1024 /* kept at most; what lies in others is read as it is asked for */
#define PAGE_CACHE_SLOTS 2048 /* twice as many */

struct cached_page {
	uint64_t address;
	unsigned char *bytes; /* NULL: the slot is free */
	int error;            /* of reading it */
};

struct page_cache {
	struct target target; /* first; only its memory can be read */
	struct target *below;
	size_t count;
	struct cached_page pages[PAGE_CACHE_SLOTS]; /* by hash */
};

/* below must live as long. */
void page_cache_init(struct page_cache *cache, struct target *below);
void page_cache_free(struct page_cache *cache);

#endif
