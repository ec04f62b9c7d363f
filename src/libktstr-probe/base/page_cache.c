/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages in a hash table that is never more than half full. */
#include "config.h"

#include "base/page_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE       UINT64_C(4096)
#define BATCH      64         /* pages that are read in one call */
#define LARGEST    (4 * PAGE) /* a range: what is larger is a search, and looked at once */
#define MULTIPLIER UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / golden ratio: Knuth, TAOCP 3, 6.4 */
#define SLOT_BITS  11

_Static_assert(PAGE_CACHE_SLOTS == 1 << SLOT_BITS, "a slot is the hash's highest bits");

/* The page's slot, or the free one where it would be. */
static struct cached_page *find_slot(struct page_cache *cache, uint64_t address)
{
	size_t slot = (size_t)((address / PAGE * MULTIPLIER) >> (64 - SLOT_BITS));

	while (cache->pages[slot].bytes && cache->pages[slot].address != address)
		slot = (slot + 1) % PAGE_CACHE_SLOTS;
	return &cache->pages[slot];
}

/* Pages that are to be read. */
struct batch {
	struct cached_page *pages[BATCH];
	struct target_range ranges[BATCH];
	size_t count;
};

static int read_batch(struct page_cache *cache, struct batch *batch)
{
	int rc = target_read(cache->below, batch->ranges, batch->count);

	for (size_t i = 0; i < batch->count; i++)
		batch->pages[i]->error = batch->ranges[i].error;
	batch->count = 0;
	return rc;
}

/* Adds the page unless it is there, or there is no room. */
static int want_page(struct page_cache *cache, struct batch *batch, uint64_t address)
{
	struct cached_page *page = find_slot(cache, address);

	if (page->bytes || cache->count == PAGE_CACHE_PAGES)
		return 0;
	page->bytes = malloc(PAGE);
	if (!page->bytes)
		return -ENOMEM;
	page->address = address;
	page->error = -EFAULT;
	cache->count++;
	batch->pages[batch->count] = page;
	batch->ranges[batch->count++] =
		(struct target_range){ .address = address, .buffer = page->bytes, .size = PAGE };
	return batch->count == BATCH ? read_batch(cache, batch) : 0;
}

static bool wraps(const struct target_range *range)
{
	return range->size > UINT64_MAX - range->address;
}

/* From its pages; one that there was no room for is read for this range alone. */
static int copy_range(struct page_cache *cache, struct target_range *range)
{
	size_t done = 0;

	range->error = 0;
	while (done < range->size) {
		uint64_t address = range->address + done, at = address % PAGE;
		size_t size = range->size - done < PAGE - at ? range->size - done
							     : (size_t)(PAGE - at);
		const struct cached_page *page = find_slot(cache, address - at);

		if (!page->bytes)
			return target_read(cache->below, range, 1);
		if (page->error) {
			range->error = page->error;
			return 0;
		}
		memcpy((unsigned char *)range->buffer + done, page->bytes + at, size);
		done += size;
	}
	return 0;
}

static int read_pages(struct target *target, struct target_range *ranges, size_t count)
{
	struct page_cache *cache = (struct page_cache *)target;
	struct batch batch = { .count = 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		uint64_t at = ranges[i].address - ranges[i].address % PAGE;

		ranges[i].error = -EFAULT;
		if (wraps(&ranges[i]) || ranges[i].size > LARGEST)
			continue;
		for (; rc == 0 && at < ranges[i].address + ranges[i].size; at += PAGE)
			rc = want_page(cache, &batch, at);
	}
	if (batch.count) {
		int last = read_batch(cache, &batch);

		rc = rc ? rc : last;
	}
	for (size_t i = 0; rc == 0 && i < count; i++)
		if (ranges[i].size > LARGEST)
			rc = target_read(cache->below, &ranges[i], 1);
		else if (!wraps(&ranges[i]))
			rc = copy_range(cache, &ranges[i]);
	for (size_t i = 0; rc && i < count; i++)
		ranges[i].error = rc;
	return rc;
}

/* Another task to read through is looked for below, and not here. */
static int read_no_stat(struct target *target, pid_t tid, struct task_stat *stat)
{
	(void)target;
	(void)tid;
	(void)stat;
	return -ENOSYS;
}

static const struct target_ops ops = { .read = read_pages, .read_stat = read_no_stat };

void page_cache_init(struct page_cache *cache, struct target *below)
{
	memset(cache, 0, sizeof *cache);
	cache->target.ops = &ops;
	cache->target.pid = below->pid;
	cache->target.reader = below->reader;
	cache->target.proc_fd = cache->target.task_fd = cache->target.mem_fd = -1;
	cache->below = below;
}

void page_cache_free(struct page_cache *cache)
{
	for (size_t i = 0; i < PAGE_CACHE_SLOTS; i++)
		free(cache->pages[i].bytes);
}
