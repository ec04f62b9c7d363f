/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the counters stand in a TLS block of jemalloc before 5.3.0, which has no fingerprint. Pure.
 */
#include "config.h"

#include "jemalloc/tsd_evidence.h"

#include <errno.h>
#include <string.h>

#include "base/arch.h"

#define OTHER_TLS_LIMIT \
	64 /* bytes of a library's TLS behind tsd_tls; an lg-quantum of 3 adds 80 to tsd_tls */

/* Is the table's row of the release that the version string names? Development builds differ
 * freely. */
static int version_is_row(const char *version, const struct tsd_layout_row *row)
{
	size_t length = strlen(row->version);

	return version && strncmp(version, row->version, length) == 0 &&
	       (version[length] == '\0' || strncmp(version + length, "-0-", 3) == 0);
}

/* Older than the fingerprint: the place is known, debug information tells the rest. */
static int find_by_dwarf(const struct tsd_signs *signs, uint64_t start, struct tsd_place *place)
{
	if (!tsd_dwarf_fits(signs, start) ||
	    (signs->has_symbol && signs->symbol_size && signs->symbol_size != signs->dwarf_size))
		return tsd_answer(place, -EBADMSG,
				  "the debug information's struct tsd_s of %llu bytes does not fit "
				  "tsd_tls at %llu",
				  (unsigned long long)signs->dwarf_size, (unsigned long long)start);
	place->state = start + signs->dwarf_state;
	place->allocated = start + signs->dwarf_allocated;
	place->deallocated = start + signs->dwarf_deallocated;
	place->uninitialized = tsd_byte_at(signs, place->state);
	return tsd_answer(place, 0, "%s leads to tsd_tls, the debug information tells its members",
			  signs->has_symbol ? "the symbol" : "a relocation");
}

static void take_row(const struct tsd_signs *signs, const struct tsd_layout_row *row,
		     uint64_t start, struct tsd_place *place)
{
	place->row = row->version;
	place->state = start + row->state;
	place->allocated = start + row->allocated;
	place->deallocated = start + row->deallocated;
	place->uninitialized = tsd_byte_at(signs, place->state);
}

/* No fingerprint: jemalloc before 5.3.0. The place is known; the build must follow from two signs.
 */
static int find_by_table(const struct tsd_signs *signs, uint64_t start, struct tsd_place *place)
{
	const struct tsd_layout_row *found = NULL;
	int named = 0;

	for (size_t i = 0; i < tsd_layout_table_rows; i++) {
		const struct tsd_layout_row *row = &tsd_layout_table[i];

		if (row->run || !tsd_row_matches(signs, row, start))
			continue;
		/*
		 * Without the size, an older build's few bytes may fit a newer one too, or one
		 * configured in another way. A library's TLS holds tsd_tls and next to nothing
		 * else.
		 */
		if (signs->has_symbol ? signs->symbol_size != row->size
				      : signs->memsz - start - row->size >= OTHER_TLS_LIMIT)
			continue;
		/* A version string that is there must be this release's. */
		if (signs->version && !version_is_row(signs->version, row))
			continue;
		named |= signs->version != NULL;
		if (found && (found->allocated != row->allocated ||
			      found->deallocated != row->deallocated || found->state != row->state))
			return tsd_answer(
				place, -ENODATA,
				"the image fits %s and %s, whose counters differ in place",
				found->version, row->version);
		found = row;
	}
	/* The size, the version, or at least two bytes besides zeros, beyond the place itself. */
	if (!found || (!signs->has_symbol && !named && !found->bytes[1].value))
		return tsd_answer(place, -ENODATA,
				  "tsd_tls is at %llu, but its build is not known: debug "
				  "information is needed",
				  (unsigned long long)start);
	take_row(signs, found, start, place);
	return tsd_answer(place, 0, "%s leads to tsd_tls, whose %simage%s of %s",
			  signs->has_symbol ? "the symbol" : "a relocation",
			  signs->has_symbol ? "size and " : "whole ",
			  named               ? " and version string are those"
			  : signs->has_symbol ? " are those"
					      : " is that",
			  found->version);
}

static int find_at(const struct tsd_signs *signs, uint64_t start, struct tsd_place *place)
{
	return signs->has_dwarf ? find_by_dwarf(signs, start, place)
				: find_by_table(signs, start, place);
}

#define HEAD_SIZE 64 /* of tsd_tls: whatever the options are, only state is not zero in it */

/*
 * Could a build's tsd_tls stand here? Where the image has two bytes besides zeros it must be the
 * whole one. With one byte the size says little, and options change it: its head is enough, so that
 * no true place is ever left out.
 */
static int may_stand(const struct tsd_signs *signs, const struct tsd_layout_row *row, uint64_t at)
{
	if (row->run || row->bytes[0].offset != row->state)
		return 0;
	if (row->bytes[1].value)
		return tsd_row_matches(signs, row, at);
	for (uint64_t i = 1; i < HEAD_SIZE; i++)
		if (tsd_byte_at(signs, at + i))
			return 0;
	return row->machine == arch_elf_machine && tsd_byte_at(signs, at) == row->bytes[0].value;
}

/*
 * Where an image of before 5.3 may stand to which nothing leads; with a version: of that release
 * only. Returns the number of places (0, 1, 2 for more), and the first and its row.
 */
static int old_images(const struct tsd_signs *signs, uint64_t *start,
		      const struct tsd_layout_row **found)
{
	int places = 0;

	for (uint64_t at = 0; at < signs->filesz && places < 2; at += 8) {
		const struct tsd_layout_row *here = NULL;

		for (size_t i = 0; !here && i < tsd_layout_table_rows; i++) {
			const struct tsd_layout_row *row = &tsd_layout_table[i];

			if (may_stand(signs, row, at) &&
			    (!signs->version || version_is_row(signs->version, row)))
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

int tsd_layout_has_old_image(const struct tsd_signs *signs)
{
	const struct tsd_layout_row *row;
	uint64_t start;

	return old_images(signs, &start, &row) > 0;
}

/*
 * No symbol, as in a stripped program: which release it is the version string says, and that
 * release's image must stand in one place only.
 */
static int find_by_version(const struct tsd_signs *signs, struct tsd_place *place)
{
	const struct tsd_layout_row *row = NULL;
	uint64_t start = 0;
	int places = signs->version ? old_images(signs, &start, &row) : 0;

	if (places == 1 && !tsd_row_matches(signs, row, start))
		places = 0;
	if (places != 1 || (signs->reloc_count && !tsd_reloc_points_to(signs, start)))
		return tsd_answer(place, -ENODATA,
				  places > 1 ? "the image of the release that the version string "
					       "names occurs more than once"
				  : places ? "no relocation leads to the image of the release that "
					     "the version string names"
					   : "no fingerprint, no symbol and no single relocation "
					     "leads to tsd_tls");
	if (signs->has_dwarf &&
	    (signs->dwarf_size != row->size || signs->dwarf_state != row->state ||
	     signs->dwarf_allocated != row->allocated ||
	     signs->dwarf_deallocated != row->deallocated))
		return tsd_answer(place, -EBADMSG,
				  "the image says %s, the debug information another build",
				  row->version);
	take_row(signs, row, start, place);
	return tsd_answer(place, 0,
			  "the version string is that of %s, and the whole image of its tsd_tls "
			  "stands in one place",
			  row->version);
}

int tsd_find_old(const struct tsd_signs *signs, struct tsd_place *place)
{
	int rc;

	if (signs->has_symbol)
		return find_at(signs, signs->symbol_offset, place);
	if (signs->reloc_count == 1) {
		rc = find_at(signs, signs->relocs[0], place);
		if (rc != -ENODATA || !signs->version)
			return rc;
	}
	return find_by_version(signs, place);
}
