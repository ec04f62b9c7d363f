/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches the module's writable memory, a chunk at a time. */
#include "config.h"

#include "jemalloc/heap_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK       (UINT64_C(1) << 17)
#define SCAN_LIMIT  (UINT64_C(256) << 20)
/* A chunk is read with so much of what follows that whatever begins in it can be looked at whole.
 */
#define OVERLAP     (SIZE_CLASSES_BINS_LIMIT * (uint64_t)SIZE_CLASSES_INFO_SIZE)
/* sz_index2size_tab[] is longer: its beginning is enough to know it, the rest is read then. */
#define SIZES_HEAD  5
#define BLOCK       4096 /* most of a module's memory was never written to: zeros, passed over so */
/* Places that look like the beginning of a table: an honest module has one or two. */
#define TRIES_LIMIT 1024

struct chunk {
	uint64_t address;
	const unsigned char *bytes;
	uint64_t size, available; /* available: with the overlap */
	uint64_t span_start, span_end;
};

static uint64_t word_at(const unsigned char *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof value);
	return value;
}

/*
 * Every seed must stand at its index, and every other word that is not 0 must lead to an arena of
 * that index: jemalloc's a0 and other pointers to an arena are no arenas[].
 */
static int check_arenas(struct target *target, const struct heap_layout *layout, uint64_t arenas,
			const struct heap_seed *seeds, size_t seed_count, struct arena_list *list)
{
	const char *reason;
	uint64_t *words = calloc(ARENAS_LIMIT, sizeof *words);
	int rc = words ? target_read_one(target, arenas, words, ARENAS_LIMIT * sizeof *words)
		       : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < seed_count; i++)
		if (words[seeds[i].index] != seeds[i].arena)
			rc = -ENOENT;
	if (rc == 0)
		rc = arena_list_read(target, layout, words, list, &reason);
	free(words);
	return rc == -EBADMSG ? -ENOENT : rc;
}

static int take_arenas(struct target *target, const struct heap_layout *layout,
		       const struct chunk *chunk, uint64_t offset, const struct heap_seed *seeds,
		       size_t seed_count, struct heap_scan *scan)
{
	uint64_t address = chunk->address + offset, before = 8 * (uint64_t)seeds[0].index;
	struct arena_list list = { .refs = NULL };
	int rc;

	if (address - chunk->span_start < before ||
	    chunk->span_end - (address - before) < ARENAS_LIMIT * UINT64_C(8))
		return 0;
	if (++scan->tries > TRIES_LIMIT)
		return -EFBIG;
	rc = check_arenas(target, layout, address - before, seeds, seed_count, &list);
	if (rc == 0) {
		arena_list_free(&scan->list);
		scan->list = list;
		scan->several_arenas |= scan->arenas && scan->arenas != address - before;
		scan->arenas = address - before;
	}
	return rc == -ENOENT || rc == -EFAULT ? 0 : rc;
}

static void take_classes(const struct chunk *chunk, uint64_t offset, struct heap_scan *scan)
{
	struct size_classes classes;

	if (!size_classes_take(chunk->bytes + offset, chunk->available - offset, &classes))
		return;
	scan->several_classes |= scan->has_classes &&
				 memcmp(&classes, &scan->classes, sizeof classes) != 0;
	scan->classes = classes;
	scan->has_classes = true;
}

static int take_sizes(struct target *target, const struct chunk *chunk, uint64_t offset,
		      struct heap_scan *scan)
{
	uint64_t sizes[SIZE_CLASSES_TOTAL];
	int rc;

	if (chunk->available - offset < SIZES_HEAD * UINT64_C(8))
		return 0;
	for (size_t i = 1; i < SIZES_HEAD; i++)
		if (word_at(chunk->bytes + offset + 8 * i) != size_class(i))
			return 0;
	if (++scan->tries > TRIES_LIMIT)
		return -EFBIG;
	rc = target_read_one(target, chunk->address + offset, sizes, sizeof sizes);
	if (rc)
		return rc == -EFAULT ? 0 : rc;
	for (size_t i = 0; i < SIZE_CLASSES_TOTAL; i++)
		if (sizes[i] != size_class(i))
			return 0;
	scan->has_sizes = true;
	return 0;
}

static int scan_block(struct target *target, const struct heap_layout *layout,
		      const struct chunk *chunk, uint64_t start, uint64_t end,
		      const struct heap_seed *seeds, size_t seed_count, struct heap_scan *scan)
{
	const uint64_t arena = seeds[0].arena, first_class = size_class(0);
	int rc = 0;

	for (uint64_t offset = start; rc == 0 && offset + 8 <= end; offset += 8) {
		uint64_t word = word_at(chunk->bytes + offset);

		if (word == arena) {
			rc = take_arenas(target, layout, chunk, offset, seeds, seed_count, scan);
		} else if (word == first_class) {
			take_classes(chunk, offset, scan);
			rc = take_sizes(target, chunk, offset, scan);
		}
	}
	return rc;
}

static int scan_chunk(struct target *target, const struct heap_layout *layout,
		      const struct chunk *chunk, const struct heap_seed *seeds, size_t seed_count,
		      struct heap_scan *scan)
{
	static const unsigned char zeros[BLOCK];
	int rc = 0;

	for (uint64_t start = 0; rc == 0 && start < chunk->size; start += BLOCK) {
		uint64_t size = chunk->size - start < BLOCK ? chunk->size - start : BLOCK;

		if (memcmp(chunk->bytes + start, zeros, size) != 0)
			rc = scan_block(target, layout, chunk, start, start + size, seeds,
					seed_count, scan);
	}
	return rc;
}

static int scan_span(struct target *target, const struct heap_layout *layout,
		     const struct heap_span *span, unsigned char *buffer,
		     const struct heap_seed *seeds, size_t seed_count, struct heap_scan *scan)
{
	uint64_t start = (span->address + 7) & ~UINT64_C(7), end = span->address + span->size;
	int rc = 0;

	for (uint64_t at = start; rc == 0 && at < end; at += CHUNK) {
		struct chunk chunk = { .address = at, .bytes = buffer, .span_start = start };

		chunk.span_end = end;
		chunk.size = end - at < CHUNK ? end - at : CHUNK;
		chunk.available = end - at < CHUNK + OVERLAP ? end - at : CHUNK + OVERLAP;
		rc = target_read_one(target, at, buffer, chunk.available);
		/* A page that a module's memory does not have any more (RELRO, munmap) is no reason
		 * to give up: what is looked for is not there then. */
		if (rc == 0)
			rc = scan_chunk(target, layout, &chunk, seeds, seed_count, scan);
		else if (rc == -EFAULT)
			rc = 0;
	}
	return rc;
}

int heap_scan(struct target *target, const struct heap_start *start,
	      const struct heap_layout *layout, const struct heap_seed *seeds, size_t seed_count,
	      struct heap_scan *scan)
{
	unsigned char *buffer = malloc(CHUNK + OVERLAP);
	uint64_t total = 0;
	int rc = buffer ? 0 : -ENOMEM;

	*scan = (struct heap_scan){ .arenas = 0 };
	for (size_t i = 0; rc == 0 && i < start->span_count; i++) {
		uint64_t size = start->writable[i].size;

		if (size > SCAN_LIMIT - total || start->writable[i].address > UINT64_MAX - size)
			rc = -EFBIG;
		total += size;
		if (rc == 0)
			rc = scan_span(target, layout, &start->writable[i], buffer, seeds,
				       seed_count, scan);
	}
	free(buffer);
	return rc;
}
