/* SPDX-License-Identifier: BSD-2-Clause */
/* The program's own code against what the other signs say. Pure. */
#include "config.h"

#include "jemalloc/tsd_code_verdict.h"

#include <stdio.h>
#include <string.h>

#define OTHER_TLS_LIMIT 64 /* a library's TLS behind tsd_tls, if it has any */
#define STATE_FIRST     5  /* tsd_state_uninitialized: 5 and 6 since 5.0 */
#define STATE_LAST      6

/* jemalloc's arena_decay_ticker, {1000, 1000}, right behind `arena` (tsd.h; 5.3.0 and newer). */
#define TICKER_BEHIND_ARENA 8
#define TICKER_TICKS        1000U

#define STATE_DISTANCE_LIMIT 128 /* from the counters: farther away it is not worth a read */

static uint32_t half_word_at(const struct tsd_evidence *evidence, uint64_t offset)
{
	uint32_t word = 0;

	for (int i = 3; i >= 0; i--)
		word = word << 8 | tsd_byte_at(evidence, offset + (uint64_t)i);
	return word;
}

/* What can be said of where tsd_s begins. */
struct start {
	bool known, contradicted;
	uint64_t offset;
	const char *witness;
};

static void add_witness(struct start *start, uint64_t offset, const char *who)
{
	if (start->known && start->offset != offset)
		start->contradicted = true;
	if (!start->known)
		*start = (struct start){ .known = true, .offset = offset, .witness = who };
}

/* The ticker's places in the image, each of which says where tsd_s would begin. Returns how many;
 * the first one is kept. */
static size_t count_tickers(const struct tsd_evidence *evidence, uint64_t arena, uint64_t *offset)
{
	size_t count = 0;

	for (uint64_t at = arena + TICKER_BEHIND_ARENA; at + 8 <= evidence->filesz; at += 8) {
		if (half_word_at(evidence, at) != TICKER_TICKS ||
		    half_word_at(evidence, at + 4) != TICKER_TICKS)
			continue;
		if (count++ == 0)
			*offset = at - TICKER_BEHIND_ARENA - arena;
	}
	return count;
}

/*
 * The symbol says so itself; else the one place to which the module's initial-exec relocations
 * point; the ticker behind the arena; the whole image of a known release. All that speak must
 * agree.
 */
static struct start find_start(const struct tsd_evidence *evidence, enum tsd_verdict verdict,
			       const struct tsd_offsets *offsets)
{
	const struct tsd_code *code = evidence->code;
	struct start start = { .known = false };
	uint64_t offset = 0;
	size_t tickers = code->has_arena && code->arena < evidence->filesz
				 ? count_tickers(evidence, code->arena, &offset)
				 : 0;

	if (evidence->has_symbol)
		add_witness(&start, evidence->symbol_offset, "the symbol tsd_tls");
	if (evidence->reloc_count == 1)
		add_witness(&start, evidence->relocs[0], "a relocation");
	if (tickers == 1 && (evidence->has_symbol || !evidence->reloc_count ||
			     tsd_reloc_points_to(evidence, offset)))
		add_witness(&start, offset, "the ticker behind the arena");
	if (!start.known && offsets->has_start && verdict == TSD_FOUND)
		add_witness(&start, offsets->start, "the whole image of a known release");
	return start;
}

static bool fits(const struct tsd_evidence *evidence, uint64_t offset)
{
	return offset % 8 == 0 && evidence->memsz >= 8 && offset <= evidence->memsz - 8;
}

/* Does the symbol tsd_tls, if its size is known, lie in the TLS block and hold this counter? */
static bool in_symbol(const struct tsd_evidence *evidence, uint64_t offset)
{
	if (!evidence->has_symbol || !evidence->symbol_size)
		return true;
	return evidence->symbol_offset <= evidence->memsz &&
	       evidence->symbol_size <= evidence->memsz - evidence->symbol_offset &&
	       evidence->symbol_size >= 8 && offset >= evidence->symbol_offset &&
	       offset - evidence->symbol_offset <= evidence->symbol_size - 8;
}

/* The counters in the TLS block. */
static enum tsd_verdict locate(const struct tsd_evidence *evidence, const struct start *start,
			       uint64_t *allocated, uint64_t *deallocated,
			       struct tsd_offsets *offsets)
{
	const struct tsd_code *code = evidence->code;
	uint64_t base = code->from_tp ? 0 - (uint64_t)evidence->tp_offset : start->offset;

	if (code->from_tp && !evidence->has_tp_offset)
		return tsd_decide(offsets, TSD_UNCERTAIN,
				  "%s, but where its TLS block is, is not known", code->reason);
	if (!code->from_tp && start->contradicted)
		return tsd_decide(offsets, TSD_CONTRADICTED,
				  "%s, but the signs of where tsd_s begins disagree (%s: %llu)",
				  code->reason, start->witness, (unsigned long long)start->offset);
	if (!code->from_tp && !start->known)
		return tsd_decide(offsets, TSD_UNCERTAIN,
				  "%s, but nothing tells where tsd_s begins", code->reason);
	*allocated = base + code->allocated;
	*deallocated = base + code->deallocated;
	if (!fits(evidence, *allocated) || !fits(evidence, *deallocated))
		return tsd_decide(offsets, TSD_CONTRADICTED,
				  "%s, which is outside of its TLS block of %llu bytes",
				  code->reason, (unsigned long long)evidence->memsz);
	if (!in_symbol(evidence, *allocated) || !in_symbol(evidence, *deallocated))
		return tsd_decide(offsets, TSD_CONTRADICTED,
				  "%s, but the symbol tsd_tls at %llu of %llu bytes does not hold "
				  "them within the TLS block of %llu",
				  code->reason, (unsigned long long)evidence->symbol_offset,
				  (unsigned long long)evidence->symbol_size,
				  (unsigned long long)evidence->memsz);
	return TSD_FOUND;
}

static bool is_near(const struct tsd_offsets *offsets, uint64_t other)
{
	return (offsets->state < other ? other - offsets->state : offsets->state - other) <=
	       STATE_DISTANCE_LIMIT;
}

/* `state` is where the fingerprint has it, or at the start of an image of before 5.3; else it is
 * not looked at. */
static void place_state(const struct tsd_evidence *evidence, const struct start *start,
			enum tsd_verdict verdict, struct tsd_offsets *offsets)
{
	unsigned char first = start->known ? tsd_byte_at(evidence, start->offset) : 0;
	bool is_placed = offsets->has_rtree_ctx ||
			 (verdict == TSD_FOUND && offsets->has_start && start->known &&
			  offsets->start == start->offset);

	if (!is_placed && first >= STATE_FIRST && first <= STATE_LAST) {
		offsets->state = start->offset;
		offsets->uninitialized = first;
		is_placed = true;
	}
	offsets->state_unknown = !is_placed || !is_near(offsets, offsets->allocated) ||
				 !is_near(offsets, offsets->deallocated);
}

/*
 * A few bytes more than the row's tsd_s in a library's TLS, and nothing that says what they are:
 * a changed build. Returns how many.
 */
static uint64_t bytes_behind_row(const struct tsd_evidence *evidence,
				 const struct tsd_offsets *offsets)
{
	uint64_t behind;

	if (!offsets->row || !offsets->has_start || !evidence->is_library || evidence->has_symbol ||
	    evidence->has_dwarf || offsets->start > evidence->memsz ||
	    evidence->memsz - offsets->start < offsets->row_size)
		return 0;
	behind = evidence->memsz - offsets->start - offsets->row_size;
	return behind < OTHER_TLS_LIMIT ? behind : 0;
}

/* In what the code and the signs that were looked at before differ. */
static void compare(const struct tsd_evidence *evidence, enum tsd_verdict verdict,
		    const struct tsd_offsets *before, const struct start *start,
		    struct tsd_offsets *offsets)
{
	const struct tsd_code *code = evidence->code;
	char *text = offsets->contradiction;

	if (verdict == TSD_FOUND && (before->allocated != offsets->allocated ||
				     before->deallocated != offsets->deallocated))
		snprintf(text, sizeof offsets->contradiction,
			 "%s; other signs (%.90s) say %llu and %llu of the TLS block", code->reason,
			 before->reason, (unsigned long long)before->allocated,
			 (unsigned long long)before->deallocated);
	else if (verdict == TSD_CONTRADICTED)
		snprintf(text, sizeof offsets->contradiction, "%.160s: the code decides",
			 before->reason);
	else if (evidence->has_dwarf && !code->from_tp &&
		 (evidence->dwarf_allocated != code->allocated ||
		  evidence->dwarf_deallocated != code->deallocated))
		snprintf(text, sizeof offsets->contradiction,
			 "%s; the debug information says %llu and %llu", code->reason,
			 (unsigned long long)evidence->dwarf_allocated,
			 (unsigned long long)evidence->dwarf_deallocated);
	else if (evidence->has_dwarf && start->known && !tsd_dwarf_fits(evidence, start->offset))
		snprintf(text, sizeof offsets->contradiction,
			 "the debug information's struct tsd_s of %llu bytes does not fit the TLS "
			 "block of %llu from %llu on: the code decides",
			 (unsigned long long)evidence->dwarf_size,
			 (unsigned long long)evidence->memsz, (unsigned long long)start->offset);
	else if (bytes_behind_row(evidence, before))
		snprintf(text, sizeof offsets->contradiction,
			 "the image is that of %s, but the file's TLS has %llu bytes more: a "
			 "changed build, and the code decides",
			 before->row, (unsigned long long)bytes_behind_row(evidence, before));
}

static enum tsd_verdict decide_without_code(const struct tsd_evidence *evidence,
					    enum tsd_verdict verdict, struct tsd_offsets *offsets)
{
	uint64_t behind = verdict == TSD_FOUND ? bytes_behind_row(evidence, offsets) : 0;

	if (behind == 0)
		return verdict;
	return tsd_decide(offsets, TSD_CONTRADICTED,
			  "the image is that of %s, whose tsd_s has %llu bytes, but the file's TLS "
			  "has %llu more: a changed build?",
			  offsets->row, (unsigned long long)offsets->row_size,
			  (unsigned long long)behind);
}

enum tsd_verdict tsd_code_decide(const struct tsd_evidence *evidence, enum tsd_verdict verdict,
				 struct tsd_offsets *offsets)
{
	const struct tsd_code *code = evidence->code;
	const struct tsd_offsets before = *offsets;
	uint64_t allocated = 0, deallocated = 0;
	enum tsd_verdict located;
	struct start start;

	if (!code || code->answer == TSD_CODE_SILENT)
		return decide_without_code(evidence, verdict, offsets);
	if (code->answer == TSD_CODE_NO_STATISTICS)
		return tsd_decide(offsets, TSD_NO_STATISTICS, "%s", code->reason);
	start = find_start(evidence, verdict, offsets);
	located = locate(evidence, &start, &allocated, &deallocated, offsets);
	if (located != TSD_FOUND)
		return located;
	offsets->allocated = allocated;
	offsets->deallocated = deallocated;
	offsets->is_from_code = true;
	compare(evidence, verdict, &before, &start, offsets);
	place_state(evidence, &start, verdict, offsets);
	if (*offsets->contradiction || verdict != TSD_FOUND)
		offsets->row = NULL;
	offsets->has_start = start.known;
	offsets->start = start.offset;
	return tsd_decide(offsets, TSD_FOUND, "%s%s%s%s%s%s", code->reason,
			  start.known ? "; it begins where " : "", start.known ? start.witness : "",
			  start.known ? " says" : "", offsets->row ? "; the image is that of " : "",
			  offsets->row ? offsets->row : "");
}
