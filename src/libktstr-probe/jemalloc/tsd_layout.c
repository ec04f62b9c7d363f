/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the counters stand in a module's TLS block. Pure. */
#include "config.h"

#include "jemalloc/tsd_layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "jemalloc/tsd_evidence.h"

/* jemalloc's rtree_ctx: 16 direct-mapped and 8 victim entries, each {leafkey 1, leaf NULL}
   (RTREE_CTX_INITIALIZER; include/jemalloc/internal/rtree_tsd.h, since 5.3.0). */
#define RUN_ENTRIES              24
#define ENTRY_SIZE               TSD_LAYOUT_ENTRY_SIZE
#define RUN_SIZE                 ((size_t)RUN_ENTRIES * ENTRY_SIZE)
/* Behind the run: state in a slot of 8 bytes, thread_allocated, its next event, thread_deallocated.
 */
#define ALLOCATED_BEHIND_STATE   8
#define DEALLOCATED_BEHIND_STATE 24
#define TAIL_SIZE                32
/* tsd_state_uninitialized: 6 in 5.3.x, 5 in newer trees. */
#define STATE_UNINITIALIZED_OLD  6
#define STATE_UNINITIALIZED_NEW  5
#define FINGERPRINT_SINCE        5003 /* 5.3 */

static uint64_t word_at(const struct tsd_signs *signs, uint64_t offset)
{
	uint64_t word = 0;

	for (int i = 7; i >= 0; i--)
		word = word << 8 | tsd_byte_at(signs, offset + (uint64_t)i);
	return word;
}

static int entry_at(const struct tsd_signs *signs, uint64_t offset)
{
	return word_at(signs, offset) == 1 && word_at(signs, offset + 8) == 0;
}

int tsd_layout_fingerprint(const struct tsd_signs *signs, uint64_t *state)
{
	uint64_t run = 0; /* entries just before `at` */
	int matches = 0;

	for (uint64_t parity = 0; parity < ENTRY_SIZE; parity += 8) {
		run = 0;
		for (uint64_t at = parity; at + TAIL_SIZE <= signs->memsz && at < signs->filesz;
		     at += ENTRY_SIZE) {
			uint64_t slot;

			if (entry_at(signs, at)) {
				run++;
				continue;
			}
			slot = word_at(signs, at);
			if (run == RUN_ENTRIES &&
			    (slot == STATE_UNINITIALIZED_OLD || slot == STATE_UNINITIALIZED_NEW) &&
			    !word_at(signs, at + 8) && !word_at(signs, at + 16) &&
			    !word_at(signs, at + 24)) {
				if (matches == 0)
					*state = at;
				matches = matches ? 2 : 1;
			}
			run = 0;
		}
	}
	return matches;
}

_Static_assert(RUN_SIZE == TSD_LAYOUT_RUN_SIZE, "as the header says");

/*
 * An entry in use has the address of what a leaf covers as its key, at least 1 MiB on every
 * architecture (rtree.h: rtree_leafkey); a free one has the key 1 and no leaf.
 */
int tsd_layout_is_live(const void *bytes)
{
	uint64_t behind[2]; /* state with its padding, thread_allocated */

	for (size_t i = 0; i < RUN_ENTRIES; i++) {
		uint64_t key;

		memcpy(&key, (const char *)bytes + i * ENTRY_SIZE, sizeof key);
		if (key != 1 && (key == 0 || key % (UINT64_C(1) << 20)))
			return 0;
	}
	memcpy(behind, (const char *)bytes + RUN_SIZE, sizeof behind);
	if (behind[0] > STATE_UNINITIALIZED_OLD)
		return 0;
	/*
	 * One entry too early, the last entry stands for them: its key is an address, or 1 without
	 * a leaf. The latter is also tsd_state_nominal_slow (as with junk:true, or in a build with
	 * --enable-debug) of one that has allocated nothing.
	 */
	return behind[0] == 1 && behind[1] == 0 ? -EAGAIN : 1;
}

static const struct tsd_layout_row *row_around(const struct tsd_signs *signs, uint64_t state,
					       uint64_t *start)
{
	for (size_t i = 0; i < tsd_layout_table_rows; i++) {
		const struct tsd_layout_row *row = &tsd_layout_table[i];

		if (row->run && state >= row->state &&
		    tsd_row_matches(signs, row, state - row->state)) {
			*start = state - row->state;
			return row;
		}
	}
	return NULL;
}

/* A version string as jemalloc's build writes it. Returns major * 1000 + minor, or 0 for another
 * text. */
static unsigned int version_number(const char *version)
{
	unsigned int major, minor, patch;

	if (!version || sscanf(version, "%2u.%3u.%3u", &major, &minor, &patch) != 3)
		return 0;
	return major * 1000 + minor;
}

/* What contradicts a fingerprint at this place. Returns 0, or the refusal. */
static int contradiction(const struct tsd_signs *signs, uint64_t state, struct tsd_place *place)
{
	uint64_t run = state - RUN_SIZE;
	unsigned int number = version_number(signs->version);

	if (signs->has_symbol && (signs->symbol_offset > run || signs->symbol_size > signs->memsz ||
				  signs->symbol_offset + signs->symbol_size < state + TAIL_SIZE))
		return tsd_answer(place, -EBADMSG,
				  "the fingerprint at %llu lies outside the symbol tsd_tls at %llu",
				  (unsigned long long)run,
				  (unsigned long long)signs->symbol_offset);
	if (number && number < FINGERPRINT_SINCE)
		return tsd_answer(place, -EBADMSG,
				  "the fingerprint at %llu is that of 5.3 or newer, the version "
				  "string is %.64s",
				  (unsigned long long)run, signs->version);
	if (signs->has_dwarf &&
	    (signs->dwarf_state > state || !tsd_dwarf_fits(signs, state - signs->dwarf_state) ||
	     signs->dwarf_allocated != signs->dwarf_state + ALLOCATED_BEHIND_STATE ||
	     signs->dwarf_deallocated != signs->dwarf_state + DEALLOCATED_BEHIND_STATE))
		return tsd_answer(place, -EBADMSG,
				  "the fingerprint at %llu and the debug information disagree",
				  (unsigned long long)run);
	if (signs->has_dwarf && signs->has_symbol &&
	    signs->symbol_offset != state - signs->dwarf_state)
		return tsd_answer(place, -EBADMSG,
				  "the symbol tsd_tls at %llu, the fingerprint and the debug "
				  "information disagree",
				  (unsigned long long)signs->symbol_offset);
	return 0;
}

/* A row of the table fits as well: do the symbol, the relocations and the debug information say the
 * same? */
static int confirm_row(const struct tsd_signs *signs, const struct tsd_layout_row *row,
		       uint64_t start, struct tsd_place *place)
{
	place->row = row->version;
	if (signs->has_symbol && (signs->symbol_offset != start || signs->symbol_size != row->size))
		return tsd_answer(
			place, -EBADMSG,
			"the image says %s at %llu, the symbol tsd_tls is at %llu, %llu bytes",
			row->version, (unsigned long long)start,
			(unsigned long long)signs->symbol_offset,
			(unsigned long long)signs->symbol_size);
	if (signs->reloc_count && !tsd_reloc_points_to(signs, start))
		return tsd_answer(place, -EBADMSG,
				  "the image says %s at %llu, but no relocation leads there",
				  row->version, (unsigned long long)start);
	if (signs->has_dwarf &&
	    (signs->dwarf_state != row->state || signs->dwarf_size != row->size))
		return tsd_answer(place, -EBADMSG,
				  "the image says %s, the debug information another build",
				  row->version);
	return tsd_answer(
		place, 0,
		"fingerprint of 24 entries, and all %u bytes of the image are those of %s%s%s%s",
		row->size, row->version, signs->has_symbol ? ", symbol tsd_tls agrees" : "",
		signs->reloc_count ? ", relocation agrees" : "",
		signs->has_dwarf ? ", DWARF agrees" : "");
}

/* The fingerprint is there once: what else speaks for it, and does anything speak against it? */
static int confirm_fingerprint(const struct tsd_signs *signs, uint64_t state,
			       struct tsd_place *place)
{
	uint64_t start = 0;
	const struct tsd_layout_row *row = row_around(signs, state, &start);
	int rc = contradiction(signs, state, place);

	place->state = state;
	place->has_run = 1;
	place->allocated = state + ALLOCATED_BEHIND_STATE;
	place->deallocated = state + DEALLOCATED_BEHIND_STATE;
	place->uninitialized = tsd_byte_at(signs, state);
	if (rc)
		return rc;
	if (row)
		return confirm_row(signs, row, start, place);
	if (signs->has_dwarf)
		return tsd_answer(place, 0,
				  "fingerprint of 24 entries, and the debug information agrees");
	if (signs->has_symbol && signs->symbol_size)
		return tsd_answer(place, 0,
				  "fingerprint of 24 entries inside the symbol tsd_tls (a build "
				  "that is not in the table)");
	if (version_number(signs->version))
		return tsd_answer(place, 0,
				  "fingerprint of 24 entries, and the version string %.64s",
				  signs->version);
	return tsd_answer(
		place, -ENODATA,
		"only the fingerprint speaks for these offsets, no symbol and no known build");
}

int tsd_layout_find(const struct tsd_signs *signs, struct tsd_place *place)
{
	uint64_t state = 0;
	int matches = tsd_layout_fingerprint(signs, &state);

	*place = (struct tsd_place){ 0 };
	if (matches > 1)
		return tsd_answer(place, -EBADMSG,
				  "the fingerprint occurs more than once in one TLS image");
	if (matches == 1)
		return confirm_fingerprint(signs, state, place);
	return tsd_find_old(signs, place);
}
