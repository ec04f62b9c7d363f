/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the counters are in a TLS block of jemalloc before 5.3. Pure.
 */
#include "config.h"

#include "jemalloc/tsd_layout_pre53.h"

#include <string.h>

#include "base/arch.h"

#define OTHER_TLS_LIMIT \
	64 /* bytes of a library's TLS behind tsd_tls; an lg-quantum of 3 adds 80 to tsd_tls */

/* Is the table's row of the release that the version string names? Development builds differ
 * freely. */
static bool version_is_row(const char *version, const struct tsd_layout_row *row)
{
	size_t length = strlen(row->version);

	return version && strncmp(version, row->version, length) == 0 &&
	       (version[length] == '\0' || strncmp(version + length, "-0-", 3) == 0);
}

/* Older than the fingerprint: the place is known, debug information tells the rest. */
static enum tsd_verdict find_by_dwarf(const struct tsd_evidence *evidence, uint64_t start,
				      struct tsd_offsets *offsets)
{
	if (!tsd_dwarf_fits(evidence, start) || (evidence->has_symbol && evidence->symbol_size &&
						 evidence->symbol_size != evidence->dwarf_size))
		return tsd_decide(offsets, TSD_CONTRADICTED,
				  "the debug information's struct tsd_s of %llu bytes does not fit "
				  "tsd_tls at %llu",
				  (unsigned long long)evidence->dwarf_size,
				  (unsigned long long)start);
	offsets->has_start = true;
	offsets->start = start;
	offsets->state = start + evidence->dwarf_state;
	offsets->allocated = start + evidence->dwarf_allocated;
	offsets->deallocated = start + evidence->dwarf_deallocated;
	offsets->uninitialized = tsd_byte_at(evidence, offsets->state);
	return tsd_decide(offsets, TSD_FOUND,
			  "%s leads to tsd_tls, the debug information tells its members",
			  evidence->has_symbol ? "the symbol" : "a relocation");
}

static void take_row(const struct tsd_evidence *evidence, const struct tsd_layout_row *row,
		     uint64_t start, struct tsd_offsets *offsets)
{
	offsets->row = row->version;
	offsets->row_size = row->size;
	offsets->has_start = true;
	offsets->start = start;
	offsets->state = start + row->state;
	offsets->allocated = start + row->allocated;
	offsets->deallocated = start + row->deallocated;
	offsets->uninitialized = tsd_byte_at(evidence, offsets->state);
}

/* No fingerprint: jemalloc before 5.3.0. The place is known; the build must follow from two
 * evidence.
 */
static enum tsd_verdict find_by_table(const struct tsd_evidence *evidence, uint64_t start,
				      struct tsd_offsets *offsets)
{
	const struct tsd_layout_row *found = NULL;
	bool named = false;

	for (size_t i = 0; i < tsd_layout_table_rows; i++) {
		const struct tsd_layout_row *row = &tsd_layout_table[i];

		if (row->rtree_ctx || !tsd_row_matches(evidence, row, start))
			continue;
		/*
		 * Without the size, an older build's few bytes may fit a newer one too, or one
		 * configured in another way. A library's TLS holds tsd_tls and next to nothing
		 * else.
		 */
		if (evidence->has_symbol ? evidence->symbol_size != row->size
					 : evidence->memsz - start - row->size >= OTHER_TLS_LIMIT)
			continue;
		/* A version string that is there must be this release's. */
		if (evidence->version && !version_is_row(evidence->version, row))
			continue;
		named |= evidence->version != NULL;
		if (found && (found->allocated != row->allocated ||
			      found->deallocated != row->deallocated || found->state != row->state))
			return tsd_decide(
				offsets, TSD_UNCERTAIN,
				"the image fits %s and %s, whose counters differ in place",
				found->version, row->version);
		found = row;
	}
	/* The size, the version, or at least two bytes besides zeros, beyond the place itself. */
	if (!found || (!evidence->has_symbol && !named && !found->bytes[1].value))
		return tsd_decide(offsets, TSD_UNCERTAIN,
				  "tsd_tls is at %llu, but its build is not known: debug "
				  "information is needed",
				  (unsigned long long)start);
	take_row(evidence, found, start, offsets);
	return tsd_decide(offsets, TSD_FOUND, "%s leads to tsd_tls, whose %simage%s of %s",
			  evidence->has_symbol ? "the symbol" : "a relocation",
			  evidence->has_symbol ? "size and " : "whole ",
			  named                  ? " and version string are those"
			  : evidence->has_symbol ? " are those"
						 : " is that",
			  found->version);
}

static enum tsd_verdict find_at(const struct tsd_evidence *evidence, uint64_t start,
				struct tsd_offsets *offsets)
{
	return evidence->has_dwarf ? find_by_dwarf(evidence, start, offsets)
				   : find_by_table(evidence, start, offsets);
}

#define HEAD_SIZE 64 /* of tsd_tls: whatever the options are, only state is not zero in it */

/*
 * Could a build's tsd_tls stand here? Where the image has two bytes besides zeros it must be the
 * whole one. With one byte the size says little, and options change it: its head is enough, so that
 * no true place is ever left out.
 */
static bool may_stand(const struct tsd_evidence *evidence, const struct tsd_layout_row *row,
		      uint64_t at)
{
	if (row->rtree_ctx || row->bytes[0].offset != row->state)
		return false;
	if (row->bytes[1].value)
		return tsd_row_matches(evidence, row, at);
	for (uint64_t i = 1; i < HEAD_SIZE; i++)
		if (tsd_byte_at(evidence, at + i))
			return false;
	return row->machine == arch_elf_machine && tsd_byte_at(evidence, at) == row->bytes[0].value;
}

/*
 * Where an image of before 5.3 may stand to which nothing leads; with a version: of that release
 * only. Returns the number of places (0, 1, 2 for more), and the first and its row.
 */
static unsigned int search_images(const struct tsd_evidence *evidence, uint64_t *start,
				  const struct tsd_layout_row **found)
{
	unsigned int places = 0;

	for (uint64_t at = 0; at < evidence->filesz && places < 2; at += 8) {
		const struct tsd_layout_row *here = NULL;

		for (size_t i = 0; !here && i < tsd_layout_table_rows; i++) {
			const struct tsd_layout_row *row = &tsd_layout_table[i];

			if (may_stand(evidence, row, at) &&
			    (!evidence->version || version_is_row(evidence->version, row)))
				here = row;
		}
		if (!here)
			continue;
		if (places++ == 0) {
			*start = at;
			*found = here;
		}
	}
	return places;
}

bool tsd_layout_pre53_may_stand(const struct tsd_evidence *evidence)
{
	const struct tsd_layout_row *row;
	uint64_t start;

	return search_images(evidence, &start, &row) > 0;
}

/*
 * No symbol, as in a stripped program: which release it is the version string says, and that
 * release's image must stand in one place only.
 */
static enum tsd_verdict find_by_version(const struct tsd_evidence *evidence,
					struct tsd_offsets *offsets)
{
	const struct tsd_layout_row *row = NULL;
	uint64_t start = 0;
	unsigned int places = evidence->version ? search_images(evidence, &start, &row) : 0;

	if (places == 1 && !tsd_row_matches(evidence, row, start))
		places = 0;
	if (places != 1 || (evidence->reloc_count && !tsd_reloc_points_to(evidence, start)))
		return tsd_decide(offsets, TSD_UNCERTAIN,
				  places > 1 ? "the image of the release that the version string "
					       "names occurs more than once"
				  : places ? "no relocation leads to the image of the release that "
					     "the version string names"
					   : "no fingerprint, no symbol and no single relocation "
					     "leads to tsd_tls");
	if (evidence->has_dwarf &&
	    (evidence->dwarf_size != row->size || evidence->dwarf_state != row->state ||
	     evidence->dwarf_allocated != row->allocated ||
	     evidence->dwarf_deallocated != row->deallocated))
		return tsd_decide(offsets, TSD_CONTRADICTED,
				  "the image says %s, the debug information another build",
				  row->version);
	take_row(evidence, row, start, offsets);
	return tsd_decide(offsets, TSD_FOUND,
			  "the version string is that of %s, and the whole image of its tsd_tls "
			  "stands in one place",
			  row->version);
}

enum tsd_verdict tsd_layout_pre53_find(const struct tsd_evidence *evidence,
				       struct tsd_offsets *offsets)
{
	if (evidence->has_symbol)
		return find_at(evidence, evidence->symbol_offset, offsets);
	if (evidence->reloc_count == 1) {
		enum tsd_verdict verdict = find_at(evidence, evidence->relocs[0], offsets);

		if (verdict != TSD_UNCERTAIN || !evidence->version)
			return verdict;
	}
	return find_by_version(evidence, offsets);
}
