/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of the screen. */
#include "config.h"

#include "src/tools/heap/summary.h"

#include <inttypes.h>
#include <string.h>

#include "output/units.h"

#define NOTE_SIZE   192
#define WORST_BINS  3
#define NOTE_COLUMN 47 /* where notes begin */
#define NOTE_WIDTH  33

static const char *const labels[SUMMARY_LINES] = {
	[SUMMARY_RSS] = "RSS",
	[SUMMARY_LIVE] = "live objects",
	[SUMMARY_LEFT] = "left by ended threads",
	[SUMMARY_CACHES] = "thread caches",
	[SUMMARY_SLABS] = "slab fragmentation",
	[SUMMARY_LARGE] = "large objects' slack",
	[SUMMARY_FREED] = "freed, not returned",
	[SUMMARY_OWN] = "jemalloc's own",
	[SUMMARY_UNTOUCHED] = "never touched",
	[SUMMARY_PAGED_OUT] = "swapped out",
	[SUMMARY_FILES] = "files, shared memory",
	[SUMMARY_REST] = "outside jemalloc",
	[SUMMARY_RETAINED] = "retained",
	[SUMMARY_SWAPPED] = "swapped",
};

/* The weaker of two states, and its reason. */
static void weaken(struct ktstr_heap_figure *figure, const struct ktstr_heap_figure *by)
{
	if (by->state > figure->state) {
		figure->state = by->state;
		figure->reason = by->reason;
	}
}

static void add(struct ktstr_heap_figure *sum, const struct ktstr_heap_figure *figure, int sign)
{
	sum->value += sign * figure->value;
	sum->drift += sign * figure->drift;
	weaken(sum, figure);
}

static const struct ktstr_heap_figure *total(const struct ktstr_heap *heap,
					     enum ktstr_heap_item item)
{
	return ktstr_heap_total(heap, item);
}

/* resident is its base's pages, the active and the freed ones; of the active those of its own
 * allocations are jemalloc's, too. */
static void make_own(const struct ktstr_heap *heap, const struct summary *summary,
		     struct ktstr_heap_figure *own)
{
	if (summary->has_pages) {
		add(own, total(heap, KTSTR_HEAP_HELD_BASE), 1);
	} else {
		add(own, total(heap, KTSTR_HEAP_RESIDENT), 1);
		add(own, total(heap, KTSTR_HEAP_ACTIVE), -1);
		add(own, &summary->lines[SUMMARY_FREED], -1);
	}
	add(own, total(heap, KTSTR_HEAP_INTERNAL), 1);
}

/* Freed pages that have memory; where that is not known, those that jemalloc counts as resident:
 * muzzy ones only before 5.3. */
static void make_freed(const struct ktstr_heap *heap, bool has_pages,
		       struct ktstr_heap_figure *freed)
{
	if (has_pages) {
		add(freed, total(heap, KTSTR_HEAP_HELD_FREED), 1);
		return;
	}
	add(freed, total(heap, KTSTR_HEAP_DIRTY), 1);
	add(freed, total(heap, KTSTR_HEAP_PINNED), 1);
	if (strncmp(ktstr_heap_layout(heap), "5.2", 3) == 0)
		add(freed, total(heap, KTSTR_HEAP_MUZZY), 1);
}

static void make_rest(struct summary *summary)
{
	struct ktstr_heap_figure *rest = &summary->lines[SUMMARY_REST];

	add(rest, &summary->lines[SUMMARY_RSS], 1);
	for (int i = SUMMARY_LIVE; i < SUMMARY_REST; i++)
		add(rest, &summary->lines[i], -1);
}

void summary_make(const struct ktstr_heap *heap, struct summary *summary)
{
	static const struct {
		enum summary_line line;
		enum ktstr_heap_item item;
	} taken[] = {
		{ SUMMARY_RSS, KTSTR_HEAP_RSS },
		{ SUMMARY_LIVE, KTSTR_HEAP_LIVE },
		{ SUMMARY_LEFT, KTSTR_HEAP_LEFT },
		{ SUMMARY_CACHES, KTSTR_HEAP_TCACHE },
		{ SUMMARY_SLABS, KTSTR_HEAP_SLABS_UNUSED },
		{ SUMMARY_LARGE, KTSTR_HEAP_LARGE_UNUSED },
		{ SUMMARY_RETAINED, KTSTR_HEAP_RETAINED },
		{ SUMMARY_SWAPPED, KTSTR_HEAP_SWAP },
	};

	*summary = (struct summary){ .has_pages = total(heap, KTSTR_HEAP_UNTOUCHED)->state !=
						  KTSTR_HEAP_ABSENT };
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		summary->lines[taken[i].line] = *total(heap, taken[i].item);
	make_freed(heap, summary->has_pages, &summary->lines[SUMMARY_FREED]);
	make_own(heap, summary, &summary->lines[SUMMARY_OWN]);
	if (summary->has_pages) {
		add(&summary->lines[SUMMARY_UNTOUCHED], total(heap, KTSTR_HEAP_UNTOUCHED), -1);
		add(&summary->lines[SUMMARY_PAGED_OUT], total(heap, KTSTR_HEAP_ACTIVE_SWAPPED), -1);
	}
	add(&summary->lines[SUMMARY_FILES], total(heap, KTSTR_HEAP_RSS_FILE), 1);
	add(&summary->lines[SUMMARY_FILES], total(heap, KTSTR_HEAP_RSS_SHMEM), 1);
	make_rest(summary);
}

/* The size classes whose slabs have the most room that no object uses. */
static void note_bins(const struct ktstr_heap *heap, char note[NOTE_SIZE])
{
	size_t count = ktstr_heap_bin_count(heap), worst[WORST_BINS], found = 0, length = 0;

	for (size_t i = 0; i < count; i++) {
		const struct ktstr_heap_bin *bin = ktstr_heap_get_bin(heap, KTSTR_HEAP_ALL, i);
		uint64_t unused;
		size_t at;

		if (!bin)
			return;
		unused = bin->curslabs * bin->slab_size - bin->curregs * bin->size;
		for (at = found; at; at--) {
			const struct ktstr_heap_bin *other =
				ktstr_heap_get_bin(heap, KTSTR_HEAP_ALL, worst[at - 1]);

			if (other->curslabs * other->slab_size - other->curregs * other->size >=
			    unused)
				break;
			if (at < WORST_BINS)
				worst[at] = worst[at - 1];
		}
		if (at < WORST_BINS && unused) {
			worst[at] = i;
			found += found < WORST_BINS;
		}
	}
	for (size_t i = 0; i < found; i++) {
		const struct ktstr_heap_bin *bin =
			ktstr_heap_get_bin(heap, KTSTR_HEAP_ALL, worst[i]);
		uint64_t room = bin->curslabs * bin->regions;

		length += (size_t)snprintf(note + length, NOTE_SIZE - length,
					   "%s%" PRIu64 " (%" PRIu64 " %%)",
					   i ? ", " : "used: ", bin->size,
					   room ? bin->curregs * 100 / room : 0);
	}
}

/* A program may switch it on later: then its thread shows it, by jemalloc's name for that. */
static const char *background_words(const struct ktstr_heap *heap)
{
	const char *option = ktstr_heap_option_text(heap, "opt.background_thread");

	for (size_t i = 0; i < ktstr_heap_thread_count(heap); i++)
		if (strcmp(ktstr_heap_get_thread(heap, i)->comm, "jemalloc_bg_thd") == 0)
			return ", a background thread runs";
	if (!option)
		return "";
	return *option == 't' ? ", background_thread true" : ", background_thread false";
}

static void note_decay(const struct ktstr_heap *heap, char note[NOTE_SIZE])
{
	int64_t shortest = INT64_MAX, longest = INT64_MIN;

	for (size_t i = 0; i < ktstr_heap_arena_count(heap); i++) {
		int64_t decay = ktstr_heap_get_arena(heap, i)->dirty_decay_ms;

		shortest = decay < shortest ? decay : shortest;
		longest = decay > longest ? decay : longest;
	}
	if (ktstr_heap_arena_count(heap) == 0)
		return;
	if (shortest == longest)
		snprintf(note, NOTE_SIZE, "dirty_decay_ms %" PRId64 "%s", shortest,
			 background_words(heap));
	else
		snprintf(note, NOTE_SIZE, "dirty_decay_ms %" PRId64 " to %" PRId64, shortest,
			 longest);
}

static void make_note(const struct ktstr_heap *heap, const struct summary *summary,
		      enum summary_line line, char note[NOTE_SIZE])
{
	const struct ktstr_heap_figure *figure = &summary->lines[line];

	note[0] = '\0';
	if (line == SUMMARY_LIVE)
		snprintf(note, NOTE_SIZE, "of %zu threads", ktstr_heap_thread_count(heap));
	else if (line == SUMMARY_LEFT && figure->value < 0)
		snprintf(note, NOTE_SIZE, "they freed what others allocated");
	else if (line == SUMMARY_SLABS)
		note_bins(heap, note);
	else if (line == SUMMARY_FREED)
		note_decay(heap, note);
	else if (line == SUMMARY_UNTOUCHED || line == SUMMARY_PAGED_OUT)
		snprintf(note, NOTE_SIZE, "of the above, without memory");
	else if (line == SUMMARY_REST && !summary->has_pages)
		snprintf(note, NOTE_SIZE, "%s",
			 figure->value < 0 ? "at least, of the above"
					   : "less what was never touched");
}

/* A note that is too long goes on below, broken behind a comma. */
static void print_note(FILE *out, const char *note)
{
	size_t column = 0;

	if (*note)
		fputs("  ", out);
	while (*note) {
		size_t length = strcspn(note, ",");

		length += note[length] == ',';
		if (column && column + length > NOTE_WIDTH) {
			fprintf(out, "\n%*s", NOTE_COLUMN, "");
			column = 0;
			length -= *note == ' ';
			note += *note == ' ';
		}
		fwrite(note, 1, length, out);
		column += length;
		note += length;
	}
}

static void print_line(FILE *out, enum summary_line line, const struct ktstr_heap_figure *figure,
		       const struct summary *summary, const struct summary *first, bool raw,
		       const char *note)
{
	char value[UNITS_SIZE], percent[UNITS_SIZE], change[UNITS_SIZE];
	const int64_t rss = summary->lines[SUMMARY_RSS].value;
	const char *label = labels[line];

	if (line == SUMMARY_REST && figure->value < 0) /* RSS lags, or was read later */
		label = summary->has_pages ? "difference" : "never touched";
	fprintf(out, "%s%-*s", line == SUMMARY_RSS ? "" : "  ", line == SUMMARY_RSS ? 24 : 22,
		label);
	if (figure->state == KTSTR_HEAP_ABSENT) {
		fprintf(out, "%13s\n", "unknown");
		return;
	}
	fprintf(out, "%13s  %6s", units_bytes(figure->value, raw, value),
		units_percent(figure->value, rss, percent));
	if (first) {
		int64_t moved = figure->value - first->lines[line].value;

		fprintf(out, " %s%12s", moved > 0 ? "+" : " ",
			moved ? units_bytes(moved, raw, change) : "");
	}
	if (figure->state == KTSTR_HEAP_MOVING && figure->drift) {
		int64_t drift = figure->drift < 0 ? -figure->drift : figure->drift;

		fprintf(out, "  +-%s", units_bytes(drift, raw, change));
	}
	if (!first)
		print_note(out, note);
	putc('\n', out);
}

/* What makes lines inexact or unknown: each reason once, with the lines that it concerns. */
static void print_doubts(FILE *out, const struct summary *summary)
{
	static const char *const words[] = {
		[KTSTR_HEAP_APPROXIMATE] = "approximate", [KTSTR_HEAP_ABSENT] = "unknown"
	};

	for (int i = SUMMARY_LIVE; i < SUMMARY_FILES; i++) {
		const struct ktstr_heap_figure *figure = &summary->lines[i];
		bool said = false;

		if (!figure->reason)
			continue;
		for (int k = SUMMARY_LIVE; k < i; k++)
			said |= summary->lines[k].reason == figure->reason;
		if (said)
			continue;
		fprintf(out, "%s:", words[figure->state]);
		for (int k = i; k < SUMMARY_FILES; k++)
			if (summary->lines[k].reason == figure->reason)
				fprintf(out, "%s %s", k == i ? "" : ",", labels[k]);
		fprintf(out, ".\n  %s\n", figure->reason);
	}
}

static void print_outside(FILE *out, const struct summary *summary, bool raw)
{
	static const enum summary_line lines[] = { SUMMARY_RETAINED, SUMMARY_SWAPPED };

	fputs("not in RSS:", out);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		const struct ktstr_heap_figure *figure = &summary->lines[lines[i]];
		char value[UNITS_SIZE];

		fprintf(out, "%s %s %s", i ? "," : "", labels[lines[i]],
			figure->state == KTSTR_HEAP_ABSENT
				? "unknown"
				: units_bytes(figure->value, raw, value));
	}
	putc('\n', out);
}

/* What is swapped out is rare. */
static bool line_is_left_out(const struct summary *summary, enum summary_line line)
{
	return (line == SUMMARY_UNTOUCHED && !summary->has_pages) ||
	       (line == SUMMARY_PAGED_OUT && !summary->lines[line].value);
}

void summary_print(FILE *out, const struct ktstr_heap *heap, const struct summary *summary,
		   const struct summary *first, bool raw)
{
	char note[NOTE_SIZE];

	for (int i = SUMMARY_RSS; i <= SUMMARY_REST; i++) {
		if (line_is_left_out(summary, (enum summary_line)i))
			continue;
		make_note(heap, summary, (enum summary_line)i, note);
		print_line(out, (enum summary_line)i, &summary->lines[i], summary, first, raw,
			   note);
	}
	print_outside(out, summary, raw);
	print_doubts(out, summary);
}
