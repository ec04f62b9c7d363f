/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the counters stand in a module's TLS block. Pure. Called by module_jemalloc. */
#include "config.h"

#include "tsd_layout.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arch.h"

/* jemalloc's rtree_ctx: 16 direct-mapped and 8 victim entries, each {leafkey 1, leaf NULL}
   (RTREE_CTX_INITIALIZER; include/jemalloc/internal/rtree_tsd.h, since 5.3.0). */
#define RUN_ENTRIES 24
#define ENTRY_SIZE 16
#define RUN_SIZE ((size_t)RUN_ENTRIES * ENTRY_SIZE)
/* Behind the run: state in a slot of 8 bytes, thread_allocated, its next event, thread_deallocated. */
#define ALLOCATED_BEHIND_STATE 8
#define DEALLOCATED_BEHIND_STATE 24
#define TAIL_SIZE 32
/* tsd_state_uninitialized: 6 in 5.3.x, 5 in newer trees. */
#define STATE_UNINITIALIZED_OLD 6
#define STATE_UNINITIALIZED_NEW 5
#define OTHER_TLS_LIMIT 64 /* bytes of a library's TLS behind tsd_tls; an lg-quantum of 3 adds 80 to tsd_tls */
#define FINGERPRINT_SINCE 5003 /* 5.3 */

static unsigned char byte_at(const struct tsd_signs *signs, uint64_t offset)
{
	return offset < signs->filesz ? signs->image[offset] : 0;
}

static uint64_t word_at(const struct tsd_signs *signs, uint64_t offset)
{
	uint64_t word = 0;

	for (int i = 7; i >= 0; i--)
		word = word << 8 | byte_at(signs, offset + (uint64_t)i);
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
		for (uint64_t at = parity; at + TAIL_SIZE <= signs->memsz && at < signs->filesz; at += ENTRY_SIZE) {
			uint64_t slot;

			if (entry_at(signs, at)) {
				run++;
				continue;
			}
			slot = word_at(signs, at);
			if (run == RUN_ENTRIES &&
			    (slot == STATE_UNINITIALIZED_OLD || slot == STATE_UNINITIALIZED_NEW) &&
			    !word_at(signs, at + 8) && !word_at(signs, at + 16) && !word_at(signs, at + 24)) {
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
	/* One entry too early, the last entry stands for them: its key is an address, or 1 without a leaf. */
	return behind[0] <= STATE_UNINITIALIZED_OLD && (behind[0] != 1 || behind[1] != 0);
}

/* Is this build's whole initial image here: its bytes in their places, and zero everywhere else? */
static int row_matches(const struct tsd_signs *signs, const struct tsd_layout_row *row, uint64_t at)
{
	size_t sizes = sizeof row->bytes / sizeof *row->bytes, next = 0;

	if (row->machine != arch_elf_machine || at > signs->memsz || row->size > signs->memsz - at)
		return 0;
	for (unsigned int i = 0; i < row->size; i++) {
		unsigned int expected = 0;

		if (next < sizes && row->bytes[next].value && row->bytes[next].offset == i)
			expected = row->bytes[next++].value;
		else if (row->run && i >= row->run && i < row->run + RUN_SIZE && (i - row->run) % ENTRY_SIZE == 0)
			expected = 1;
		if (byte_at(signs, at + i) != expected)
			return 0;
	}
	return 1;
}

__attribute__((format(printf, 3, 4)))
static int answer(struct tsd_place *place, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(place->how, sizeof place->how, format, args);
	va_end(args);
	return code;
}

static int reloc_points_to(const struct tsd_signs *signs, uint64_t offset)
{
	for (size_t i = 0; i < signs->reloc_count; i++)
		if (signs->relocs[i] == offset)
			return 1;
	return 0;
}

static const struct tsd_layout_row *row_around(const struct tsd_signs *signs, uint64_t state, uint64_t *start)
{
	for (size_t i = 0; i < tsd_layout_table_rows; i++) {
		const struct tsd_layout_row *row = &tsd_layout_table[i];

		if (row->run && state >= row->state && row_matches(signs, row, state - row->state)) {
			*start = state - row->state;
			return row;
		}
	}
	return NULL;
}

/* A version string as jemalloc's build writes it. Returns major * 1000 + minor, or 0 for another text. */
static unsigned int version_number(const char *version)
{
	unsigned int major, minor, patch;

	if (!version || sscanf(version, "%2u.%3u.%3u", &major, &minor, &patch) != 3)
		return 0;
	return major * 1000 + minor;
}

/* Is the table's row of the release that the version string names? Development builds differ freely. */
static int version_is_row(const char *version, const struct tsd_layout_row *row)
{
	size_t length = strlen(row->version);

	return version && strncmp(version, row->version, length) == 0 &&
	       (version[length] == '\0' || strncmp(version + length, "-0-", 3) == 0);
}

static int dwarf_fits(const struct tsd_signs *signs, uint64_t start)
{
	return start <= signs->memsz && signs->dwarf_size <= signs->memsz - start &&
	       signs->dwarf_size >= 8 && signs->dwarf_allocated <= signs->dwarf_size - 8 &&
	       signs->dwarf_deallocated <= signs->dwarf_size - 8 && signs->dwarf_state < signs->dwarf_size &&
	       signs->dwarf_allocated != signs->dwarf_deallocated;
}

/* What contradicts a fingerprint at this place. Returns 0, or the refusal. */
static int contradiction(const struct tsd_signs *signs, uint64_t state, struct tsd_place *place)
{
	uint64_t run = state - RUN_SIZE;
	unsigned int number = version_number(signs->version);

	if (signs->has_symbol &&
	    (signs->symbol_offset > run || signs->symbol_size > signs->memsz ||
	     signs->symbol_offset + signs->symbol_size < state + TAIL_SIZE))
		return answer(place, -EBADMSG, "the fingerprint at %llu lies outside the symbol tsd_tls at %llu",
			      (unsigned long long)run, (unsigned long long)signs->symbol_offset);
	if (number && number < FINGERPRINT_SINCE)
		return answer(place, -EBADMSG, "the fingerprint at %llu is that of 5.3 or newer, the version string is %.64s",
			      (unsigned long long)run, signs->version);
	if (signs->has_dwarf &&
	    (signs->dwarf_state > state || !dwarf_fits(signs, state - signs->dwarf_state) ||
	     signs->dwarf_allocated != signs->dwarf_state + ALLOCATED_BEHIND_STATE ||
	     signs->dwarf_deallocated != signs->dwarf_state + DEALLOCATED_BEHIND_STATE))
		return answer(place, -EBADMSG, "the fingerprint at %llu and the debug information disagree",
			      (unsigned long long)run);
	if (signs->has_dwarf && signs->has_symbol && signs->symbol_offset != state - signs->dwarf_state)
		return answer(place, -EBADMSG, "the symbol tsd_tls at %llu, the fingerprint and the debug information disagree",
			      (unsigned long long)signs->symbol_offset);
	return 0;
}

/* A row of the table fits as well: do the symbol, the relocations and the debug information say the same? */
static int confirm_row(const struct tsd_signs *signs, const struct tsd_layout_row *row, uint64_t start,
		       struct tsd_place *place)
{
	place->row = row->version;
	if (signs->has_symbol && (signs->symbol_offset != start || signs->symbol_size != row->size))
		return answer(place, -EBADMSG, "the image says %s at %llu, the symbol tsd_tls is at %llu, %llu bytes",
			      row->version, (unsigned long long)start,
			      (unsigned long long)signs->symbol_offset, (unsigned long long)signs->symbol_size);
	if (signs->reloc_count && !reloc_points_to(signs, start))
		return answer(place, -EBADMSG, "the image says %s at %llu, but no relocation leads there",
			      row->version, (unsigned long long)start);
	if (signs->has_dwarf && (signs->dwarf_state != row->state || signs->dwarf_size != row->size))
		return answer(place, -EBADMSG, "the image says %s, the debug information another build", row->version);
	return answer(place, 0, "fingerprint of 24 entries, and all %u bytes of the image are those of %s%s%s%s",
		      row->size, row->version, signs->has_symbol ? ", symbol tsd_tls agrees" : "",
		      signs->reloc_count ? ", relocation agrees" : "", signs->has_dwarf ? ", DWARF agrees" : "");
}

/* The fingerprint is there once: what else speaks for it, and does anything speak against it? */
static int confirm_fingerprint(const struct tsd_signs *signs, uint64_t state, struct tsd_place *place)
{
	uint64_t start = 0;
	const struct tsd_layout_row *row = row_around(signs, state, &start);
	int rc = contradiction(signs, state, place);

	place->state = state;
	place->has_run = 1;
	place->allocated = state + ALLOCATED_BEHIND_STATE;
	place->deallocated = state + DEALLOCATED_BEHIND_STATE;
	place->uninitialized = byte_at(signs, state);
	if (rc)
		return rc;
	if (row)
		return confirm_row(signs, row, start, place);
	if (signs->has_dwarf)
		return answer(place, 0, "fingerprint of 24 entries, and the debug information agrees");
	if (signs->has_symbol && signs->symbol_size)
		return answer(place, 0, "fingerprint of 24 entries inside the symbol tsd_tls (a build that is not in the table)");
	if (version_number(signs->version))
		return answer(place, 0, "fingerprint of 24 entries, and the version string %.64s", signs->version);
	return answer(place, -ENODATA, "only the fingerprint speaks for these offsets, no symbol and no known build");
}

/* Older than the fingerprint: the place is known, debug information tells the rest. */
static int find_by_dwarf(const struct tsd_signs *signs, uint64_t start, struct tsd_place *place)
{
	if (!dwarf_fits(signs, start) || (signs->has_symbol && signs->symbol_size && signs->symbol_size != signs->dwarf_size))
		return answer(place, -EBADMSG, "the debug information's struct tsd_s of %llu bytes does not fit tsd_tls at %llu",
			      (unsigned long long)signs->dwarf_size, (unsigned long long)start);
	place->state = start + signs->dwarf_state;
	place->allocated = start + signs->dwarf_allocated;
	place->deallocated = start + signs->dwarf_deallocated;
	place->uninitialized = byte_at(signs, place->state);
	return answer(place, 0, "%s leads to tsd_tls, the debug information tells its members",
		      signs->has_symbol ? "the symbol" : "a relocation");
}

static void take_row(const struct tsd_signs *signs, const struct tsd_layout_row *row, uint64_t start, struct tsd_place *place)
{
	place->row = row->version;
	place->state = start + row->state;
	place->allocated = start + row->allocated;
	place->deallocated = start + row->deallocated;
	place->uninitialized = byte_at(signs, place->state);
}

/* No fingerprint: jemalloc before 5.3.0. The place is known; the build must follow from two signs. */
static int find_by_table(const struct tsd_signs *signs, uint64_t start, struct tsd_place *place)
{
	const struct tsd_layout_row *found = NULL;
	int named = 0;

	for (size_t i = 0; i < tsd_layout_table_rows; i++) {
		const struct tsd_layout_row *row = &tsd_layout_table[i];

		if (row->run || !row_matches(signs, row, start))
			continue;
		/*
		 * Without the size, an older build's few bytes may fit a newer one too, or one configured in
		 * another way. A library's TLS holds tsd_tls and next to nothing else.
		 */
		if (signs->has_symbol ? signs->symbol_size != row->size
				      : signs->memsz - start - row->size >= OTHER_TLS_LIMIT)
			continue;
		/* A version string that is there must be this release's. */
		if (signs->version && !version_is_row(signs->version, row))
			continue;
		named |= signs->version != NULL;
		if (found && (found->allocated != row->allocated || found->deallocated != row->deallocated ||
			      found->state != row->state))
			return answer(place, -ENODATA, "the image fits %s and %s, whose counters differ in place",
				      found->version, row->version);
		found = row;
	}
	/* The size, the version, or at least two bytes besides zeros, beyond the place itself. */
	if (!found || (!signs->has_symbol && !named && !found->bytes[1].value))
		return answer(place, -ENODATA, "tsd_tls is at %llu, but its build is not known: debug information is needed",
			      (unsigned long long)start);
	take_row(signs, found, start, place);
	return answer(place, 0, "%s leads to tsd_tls, whose %simage%s of %s",
		      signs->has_symbol ? "the symbol" : "a relocation", signs->has_symbol ? "size and " : "whole ",
		      named ? " and version string are those" : signs->has_symbol ? " are those" : " is that", found->version);
}

static int find_at(const struct tsd_signs *signs, uint64_t start, struct tsd_place *place)
{
	return signs->has_dwarf ? find_by_dwarf(signs, start, place) : find_by_table(signs, start, place);
}

/*
 * Where a whole image of before 5.3 stands to which nothing leads. Rows with one byte besides zeros are left out:
 * any variable before enough zeros looks like them. With a version: of that release only. Returns the number of
 * places (0, 1, 2 for more), and the first and its row.
 */
static int old_images(const struct tsd_signs *signs, uint64_t *start, const struct tsd_layout_row **found)
{
	int places = 0;

	for (uint64_t at = 0; at < signs->filesz && places < 2; at += 8) {
		const struct tsd_layout_row *here = NULL;

		for (size_t i = 0; !here && i < tsd_layout_table_rows; i++) {
			const struct tsd_layout_row *row = &tsd_layout_table[i];

			if (!row->run && row->bytes[1].value && row_matches(signs, row, at) &&
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
 * No symbol, as in a stripped program: which release it is the version string says, and that release's image must
 * stand in one place only. Options other than the measured ones would change the image, and there would be none.
 */
static int find_by_version(const struct tsd_signs *signs, struct tsd_place *place)
{
	const struct tsd_layout_row *row = NULL;
	uint64_t start = 0;
	int places = signs->version ? old_images(signs, &start, &row) : 0;

	if (places != 1 || (signs->reloc_count && !reloc_points_to(signs, start)))
		return answer(place, -ENODATA, places > 1 ? "the image of the release that the version string names occurs more than once"
			      : places ? "no relocation leads to the image of the release that the version string names"
			      : "no fingerprint, no symbol and no single relocation leads to tsd_tls");
	if (signs->has_dwarf && (signs->dwarf_size != row->size || signs->dwarf_state != row->state ||
				 signs->dwarf_allocated != row->allocated || signs->dwarf_deallocated != row->deallocated))
		return answer(place, -EBADMSG, "the image says %s, the debug information another build", row->version);
	take_row(signs, row, start, place);
	return answer(place, 0, "the version string is that of %s, and the whole image of its tsd_tls stands in one place", row->version);
}

int tsd_layout_find(const struct tsd_signs *signs, struct tsd_place *place)
{
	uint64_t state = 0;
	int matches = tsd_layout_fingerprint(signs, &state), rc;

	*place = (struct tsd_place){ 0 };
	if (matches > 1)
		return answer(place, -EBADMSG, "the fingerprint occurs more than once in one TLS image");
	if (matches == 1)
		return confirm_fingerprint(signs, state, place);
	if (signs->has_symbol)
		return find_at(signs, signs->symbol_offset, place);
	if (signs->reloc_count == 1) {
		rc = find_at(signs, signs->relocs[0], place);
		if (rc != -ENODATA || !signs->version)
			return rc;
	}
	return find_by_version(signs, place);
}
