/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the counters are in a TLS block of jemalloc 5.3 or newer. Pure. */
#include "config.h"

#include "jemalloc/tsd_layout_53.h"

#include <stdio.h>
#include <string.h>

/* jemalloc's rtree_ctx: 16 direct-mapped and 8 victim entries, each {leafkey 1, leaf NULL}
   (RTREE_CTX_INITIALIZER; include/jemalloc/internal/rtree_tsd.h, since 5.3.0). */
#define ENTRIES                  24
#define ENTRY_SIZE               16
/* Behind them: state in a slot of 8 bytes, thread_allocated, its next event, thread_deallocated.
 */
#define ALLOCATED_BEHIND_STATE   8
#define DEALLOCATED_BEHIND_STATE 24
#define TAIL_SIZE                32
/* tsd_state_uninitialized: 6 in 5.3.x, 5 in newer trees. */
#define STATE_UNINITIALIZED_OLD  6
#define STATE_UNINITIALIZED_NEW  5
#define FINGERPRINT_SINCE        5003 /* 5.3 */

static uint64_t word_at(const struct tsd_evidence *evidence, uint64_t offset)
{
	uint64_t word = 0;

	if (offset < evidence->filesz && evidence->filesz - offset >= sizeof word) {
		memcpy(&word, evidence->image + offset, sizeof word);
		return word;
	}
	for (int i = 7; i >= 0; i--)
		word = word << 8 | tsd_byte_at(evidence, offset + (uint64_t)i);
	return word;
}

static bool entry_at(const struct tsd_evidence *evidence, uint64_t offset)
{
	return word_at(evidence, offset) == 1 && word_at(evidence, offset + 8) == 0;
}

unsigned int tsd_layout_53_search(const struct tsd_evidence *evidence, uint64_t *state)
{
	uint64_t entries = 0; /* just before `at` */
	unsigned int matches = 0;

	for (uint64_t parity = 0; parity < ENTRY_SIZE; parity += 8) {
		entries = 0;
		for (uint64_t at = parity;
		     at + TAIL_SIZE <= evidence->memsz && at < evidence->filesz; at += ENTRY_SIZE) {
			uint64_t slot;

			if (entry_at(evidence, at)) {
				entries++;
				continue;
			}
			slot = word_at(evidence, at);
			if (entries == ENTRIES &&
			    (slot == STATE_UNINITIALIZED_OLD || slot == STATE_UNINITIALIZED_NEW) &&
			    !word_at(evidence, at + 8) && !word_at(evidence, at + 16) &&
			    !word_at(evidence, at + 24)) {
				if (matches == 0)
					*state = at;
				matches = matches ? 2 : 1;
			}
			entries = 0;
		}
	}
	return matches;
}

_Static_assert(ENTRIES *ENTRY_SIZE == TSD_RTREE_CTX_SIZE, "as the header says");

/*
 * An entry in use has the address of what a leaf covers as its key, at least 1 MiB on every
 * architecture (rtree.h: rtree_leafkey), so 0 where a heap begins low, as under valgrind; a free
 * one has the key 1 and no leaf. The last two are those least recently used: there 0 is not
 * believed, as state and thread_allocated would look so one or two entries too late.
 */
static bool may_be_entry(size_t index, uint64_t key, uint64_t leaf)
{
	if (key == 0)
		return index < ENTRIES - 2 && leaf && leaf % sizeof leaf == 0;
	return key == 1 || key % (UINT64_C(1) << 20) == 0;
}

enum tsd_sighting tsd_layout_53_sight(const void *bytes)
{
	uint64_t behind[2]; /* state with its padding, thread_allocated */

	for (size_t i = 0; i < ENTRIES; i++) {
		uint64_t entry[2]; /* key, leaf */

		memcpy(entry, (const char *)bytes + i * ENTRY_SIZE, sizeof entry);
		if (!may_be_entry(i, entry[0], entry[1]))
			return TSD_NOT_SEEN;
	}
	memcpy(behind, (const char *)bytes + TSD_RTREE_CTX_SIZE, sizeof behind);
	if (behind[0] > STATE_UNINITIALIZED_OLD)
		return TSD_NOT_SEEN;
	/*
	 * One entry too early, the last entry stands for them: its key is an address, or 1 without
	 * a leaf. The latter is also tsd_state_nominal_slow (as with junk:true, or in a build with
	 * --enable-debug) of one that has allocated nothing.
	 */
	return behind[0] == 1 && behind[1] == 0 ? TSD_DOUBTFUL : TSD_SEEN;
}

static const struct tsd_layout_row *row_around(const struct tsd_evidence *evidence, uint64_t state,
					       uint64_t *start)
{
	for (size_t i = 0; i < tsd_layout_table_rows; i++) {
		const struct tsd_layout_row *row = &tsd_layout_table[i];

		if (row->rtree_ctx && state >= row->state &&
		    tsd_row_matches(evidence, row, state - row->state)) {
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

/* What contradicts the entries before `state`. */
static enum tsd_verdict find_contradiction(const struct tsd_evidence *evidence, uint64_t state,
					   struct tsd_offsets *offsets)
{
	uint64_t rtree_ctx = state - TSD_RTREE_CTX_SIZE;
	unsigned int number = version_number(evidence->version);

	if (evidence->has_symbol &&
	    (evidence->symbol_offset > rtree_ctx || evidence->symbol_size > evidence->memsz ||
	     evidence->symbol_offset + evidence->symbol_size < state + TAIL_SIZE))
		return tsd_decide(offsets, TSD_CONTRADICTED,
				  "the fingerprint at %llu lies outside the symbol tsd_tls at %llu",
				  (unsigned long long)rtree_ctx,
				  (unsigned long long)evidence->symbol_offset);
	if (number && number < FINGERPRINT_SINCE)
		return tsd_decide(offsets, TSD_CONTRADICTED,
				  "the fingerprint at %llu is that of 5.3 or newer, the version "
				  "string is %.64s",
				  (unsigned long long)rtree_ctx, evidence->version);
	if (evidence->has_dwarf &&
	    (evidence->dwarf_state > state ||
	     !tsd_dwarf_fits(evidence, state - evidence->dwarf_state) ||
	     evidence->dwarf_allocated != evidence->dwarf_state + ALLOCATED_BEHIND_STATE ||
	     evidence->dwarf_deallocated != evidence->dwarf_state + DEALLOCATED_BEHIND_STATE))
		return tsd_decide(offsets, TSD_CONTRADICTED,
				  "the fingerprint at %llu and the debug information disagree",
				  (unsigned long long)rtree_ctx);
	if (evidence->has_dwarf && evidence->has_symbol &&
	    evidence->symbol_offset != state - evidence->dwarf_state)
		return tsd_decide(offsets, TSD_CONTRADICTED,
				  "the symbol tsd_tls at %llu, the fingerprint and the debug "
				  "information disagree",
				  (unsigned long long)evidence->symbol_offset);
	return TSD_FOUND;
}

/* A row of the table fits as well: do the symbol, the relocations and the debug information say the
 * same? */
static enum tsd_verdict confirm_row(const struct tsd_evidence *evidence,
				    const struct tsd_layout_row *row, uint64_t start,
				    struct tsd_offsets *offsets)
{
	offsets->row = row->version;
	offsets->row_size = row->size;
	offsets->has_start = true;
	offsets->start = start;
	if (evidence->has_symbol &&
	    (evidence->symbol_offset != start || evidence->symbol_size != row->size))
		return tsd_decide(
			offsets, TSD_CONTRADICTED,
			"the image says %s at %llu, the symbol tsd_tls is at %llu, %llu bytes",
			row->version, (unsigned long long)start,
			(unsigned long long)evidence->symbol_offset,
			(unsigned long long)evidence->symbol_size);
	if (evidence->reloc_count && !tsd_reloc_points_to(evidence, start))
		return tsd_decide(offsets, TSD_CONTRADICTED,
				  "the image says %s at %llu, but no relocation leads there",
				  row->version, (unsigned long long)start);
	if (evidence->has_dwarf &&
	    (evidence->dwarf_state != row->state || evidence->dwarf_size != row->size))
		return tsd_decide(offsets, TSD_CONTRADICTED,
				  "the image says %s, the debug information another build",
				  row->version);
	return tsd_decide(
		offsets, TSD_FOUND,
		"fingerprint of 24 entries, and all %u bytes of the image are those of %s%s%s%s",
		row->size, row->version, evidence->has_symbol ? ", symbol tsd_tls agrees" : "",
		evidence->reloc_count ? ", relocation agrees" : "",
		evidence->has_dwarf ? ", DWARF agrees" : "");
}

enum tsd_verdict tsd_layout_53_confirm(const struct tsd_evidence *evidence, uint64_t state,
				       struct tsd_offsets *offsets)
{
	uint64_t start = 0;
	const struct tsd_layout_row *row = row_around(evidence, state, &start);
	enum tsd_verdict verdict = find_contradiction(evidence, state, offsets);

	offsets->state = state;
	offsets->has_rtree_ctx = true;
	offsets->allocated = state + ALLOCATED_BEHIND_STATE;
	offsets->deallocated = state + DEALLOCATED_BEHIND_STATE;
	offsets->uninitialized = tsd_byte_at(evidence, state);
	if (verdict != TSD_FOUND)
		return verdict;
	if (row)
		return confirm_row(evidence, row, start, offsets);
	if (evidence->has_dwarf)
		return tsd_decide(offsets, TSD_FOUND,
				  "fingerprint of 24 entries, and the debug information agrees");
	if (evidence->has_symbol && evidence->symbol_size)
		return tsd_decide(offsets, TSD_FOUND,
				  "fingerprint of 24 entries inside the symbol tsd_tls (a build "
				  "that is not in the table)");
	if (version_number(evidence->version))
		return tsd_decide(offsets, TSD_FOUND,
				  "fingerprint of 24 entries, and the version string %.64s",
				  evidence->version);
	return tsd_decide(
		offsets, TSD_UNCERTAIN,
		"only the fingerprint speaks for these offsets, no symbol and no known build");
}
