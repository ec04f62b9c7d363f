/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of 80 columns, sorted, of as many rows as are wanted. */
#include "config.h"

#include "src/tools/heap/tables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "output/escape.h"
#include "output/units.h"

#define CELL 11

/* A row is known by where it stands; the key sorts it, the greatest first. */
struct row {
	size_t place;
	int64_t key;
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? 1 : -1;
	return (x->place > y->place) - (x->place < y->place);
}

static void print_figure(FILE *out, const struct ktstr_heap_figure *figure, bool raw)
{
	char text[UNITS_SIZE];

	fprintf(out, " %*s", CELL - 1,
		figure->state == KTSTR_HEAP_ABSENT ? "-" : units_bytes(figure->value, raw, text));
}

static void print_bytes(FILE *out, uint64_t bytes, bool raw)
{
	const struct ktstr_heap_figure figure = { .value = (int64_t)bytes };

	print_figure(out, &figure, raw);
}

static void print_more(FILE *out, size_t count, size_t shown)
{
	if (count > shown)
		fprintf(out, "… and %zu more: --top\n", count - shown);
}

static struct row *sort_rows(size_t count,
			     int64_t (*key)(const struct ktstr_heap *heap, size_t place,
					    enum show_sort sort),
			     const struct ktstr_heap *heap, enum show_sort sort)
{
	struct row *rows = calloc(count + 1, sizeof *rows);

	for (size_t i = 0; rows && i < count; i++)
		rows[i] = (struct row){ .place = i, .key = key(heap, i, sort) };
	if (rows)
		qsort(rows, count, sizeof *rows, compare_rows);
	return rows;
}

static int64_t arena_key(const struct ktstr_heap *heap, size_t place, enum show_sort sort)
{
	static const enum ktstr_heap_item items[] = {
		[SHOW_SORT_DEFAULT] = KTSTR_HEAP_ACTIVE,
		[SHOW_SORT_ALLOCATED] = KTSTR_HEAP_ALLOCATED,
		[SHOW_SORT_ACTIVE] = KTSTR_HEAP_ACTIVE,
		[SHOW_SORT_DIRTY] = KTSTR_HEAP_DIRTY,
		[SHOW_SORT_RETAINED] = KTSTR_HEAP_RETAINED,
		[SHOW_SORT_CACHED] = KTSTR_HEAP_TCACHE,
		[SHOW_SORT_LIVE] = KTSTR_HEAP_ALLOCATED,
		[SHOW_SORT_UNUSED] = KTSTR_HEAP_SLABS_UNUSED,
	};

	if (sort == SHOW_SORT_ID)
		return 0;
	return ktstr_heap_arena_figure(heap, place, items[sort])->value;
}

int tables_arenas(FILE *out, const struct ktstr_heap *heap, const struct show_options *options)
{
	static const enum ktstr_heap_item columns[] = { KTSTR_HEAP_ALLOCATED, KTSTR_HEAP_ACTIVE,
							KTSTR_HEAP_DIRTY,     KTSTR_HEAP_MUZZY,
							KTSTR_HEAP_RETAINED,  KTSTR_HEAP_TCACHE };
	size_t count = ktstr_heap_arena_count(heap);
	struct row *rows = sort_rows(count, arena_key, heap, options->sort);

	if (!rows)
		return -ENOMEM;
	fprintf(out, "\n%5s %7s%*s%*s%*s%*s%*s%*s\n", "arena", "threads", CELL, "allocated", CELL,
		"active", CELL, "dirty", CELL, "muzzy", CELL, "retained", CELL, "cached");
	for (size_t i = 0; i < count && i < options->top; i++) {
		const struct ktstr_heap_arena *arena = ktstr_heap_get_arena(heap, rows[i].place);

		fprintf(out, "%5u %7u", arena->index, arena->threads);
		for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
			print_figure(out, ktstr_heap_arena_figure(heap, rows[i].place, columns[c]),
				     options->bytes);
		putc('\n', out);
	}
	print_more(out, count, options->top);
	free(rows);
	return 0;
}

static int64_t thread_key(const struct ktstr_heap *heap, size_t place, enum show_sort sort)
{
	const struct ktstr_heap_thread *thread = ktstr_heap_get_thread(heap, place);

	switch (sort) {
	case SHOW_SORT_ID:
		return 0;
	case SHOW_SORT_ALLOCATED:
		return (int64_t)thread->allocated_bytes;
	case SHOW_SORT_CACHED:
		return thread->tcache.value;
	default:
		return thread->live.value;
	}
}

int tables_threads(FILE *out, const struct ktstr_heap *heap, const struct show_options *options)
{
	size_t count = ktstr_heap_thread_count(heap);
	struct row *rows = sort_rows(count, thread_key, heap, options->sort);

	if (!rows)
		return -ENOMEM;
	fprintf(out, "\n%8s %-15s %5s%*s%*s%*s%*s\n", "tid", "name", "arena", CELL, "live", CELL,
		"cached", CELL, "allocated", CELL, "freed");
	for (size_t i = 0; i < count && i < options->top; i++) {
		const struct ktstr_heap_thread *thread = ktstr_heap_get_thread(heap, rows[i].place);
		char name[ESCAPE_SIZE] = "";
		size_t columns = thread->has_name ? escape_line(thread->comm, name) : 0;

		fprintf(out, "%8d %s%*s", (int)thread->tid, name,
			columns < 15 ? (int)(15 - columns) : 0, "");
		if (thread->error_text) {
			fprintf(out, "  %s\n", thread->error_text);
			continue;
		}
		if (thread->arena < 0)
			fprintf(out, " %5s", "-");
		else
			fprintf(out, " %5d", thread->arena);
		print_figure(out, &thread->live, options->bytes);
		print_figure(out, &thread->tcache, options->bytes);
		print_bytes(out, thread->allocated_bytes, options->bytes);
		print_bytes(out, thread->deallocated_bytes, options->bytes);
		putc('\n', out);
	}
	print_more(out, count, options->top);
	free(rows);
	return 0;
}

/* A size class of either kind. */
struct size_row {
	uint64_t size, allocations, used, slabs, unused;
	uint64_t percent;
};

static struct size_row size_row(const struct ktstr_heap *heap, size_t place)
{
	size_t bins = ktstr_heap_bin_count(heap);
	const struct ktstr_heap_bin *bin = ktstr_heap_get_bin(heap, KTSTR_HEAP_ALL, place);
	const struct ktstr_heap_large *large;
	struct size_row row = { .percent = 100 };

	if (bin) {
		uint64_t room = bin->curslabs * bin->regions;

		row.size = bin->size;
		row.allocations = bin->curregs;
		row.used = bin->curregs * bin->size;
		row.slabs = bin->curslabs;
		row.unused = bin->curslabs * bin->slab_size - row.used;
		row.percent = room ? bin->curregs * 100 / room : 0;
		return row;
	}
	large = ktstr_heap_get_large(heap, KTSTR_HEAP_ALL, place - bins);
	if (large) {
		row.size = large->size;
		row.allocations = large->curlextents;
		row.used = large->curlextents * large->size;
	}
	return row;
}

static int64_t class_key(const struct ktstr_heap *heap, size_t place, enum show_sort sort)
{
	struct size_row row = size_row(heap, place);

	if (sort == SHOW_SORT_ID)
		return 0;
	return (int64_t)(sort == SHOW_SORT_DEFAULT || sort == SHOW_SORT_UNUSED ? row.unused
									       : row.used);
}

int tables_classes(FILE *out, const struct ktstr_heap *heap, const struct show_options *options)
{
	size_t count = ktstr_heap_bin_count(heap) + ktstr_heap_large_count(heap), shown = 0,
	       used = 0;
	struct row *rows;

	if (!ktstr_heap_has_stats(heap)) {
		fputs("\nsize classes are not counted: jemalloc was built without statistics\n",
		      out);
		return 0;
	}
	rows = sort_rows(count, class_key, heap, options->sort);
	if (!rows)
		return -ENOMEM;
	fprintf(out, "\n%11s %11s %9s %5s%*s%*s\n", "size", "objects", "slabs", "used", CELL,
		"allocated", CELL, "unused");
	for (size_t i = 0; i < count; i++) {
		struct size_row row = size_row(heap, rows[i].place);

		if (row.allocations == 0 && row.slabs == 0)
			continue;
		if (++used > options->top)
			continue;
		shown++;
		print_bytes(out, row.size, options->bytes);
		fprintf(out, " %11" PRIu64, row.allocations);
		if (rows[i].place < ktstr_heap_bin_count(heap))
			fprintf(out, " %9" PRIu64 " %3" PRIu64 " %%", row.slabs, row.percent);
		else
			fprintf(out, " %9s %5s", "-", "");
		print_bytes(out, row.used, options->bytes);
		print_bytes(out, row.unused, options->bytes);
		putc('\n', out);
	}
	print_more(out, used, shown);
	free(rows);
	return 0;
}

void tables_options(FILE *out, const struct ktstr_heap *heap)
{
	size_t count = ktstr_heap_option_count(heap);

	putc('\n', out);
	if (count == 0)
		fputs("options are unknown: no tree of mallctl names was found\n", out);
	for (size_t i = 0; i < count; i++) {
		const struct ktstr_heap_option *option = ktstr_heap_get_option(heap, i);

		fprintf(out, "%-40s ", option->name);
		/* A string of the target's: nothing in it may act on a terminal. */
		for (const char *p = option->text ? option->text : "unknown"; *p; p++)
			putc((unsigned char)*p < ' ' || (unsigned char)*p > '~' ? '?' : *p, out);
		putc('\n', out);
	}
}
