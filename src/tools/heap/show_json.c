/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jemalloc's stats.c prints this document: the same keys with the same meanings. What is not known
 * is left out, never 0. What it has no key for stands in an object `ktstr'.
 */
#include "config.h"

#include "src/tools/heap/show_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output/json.h"

static void write_figure(struct json *json, const char *key, const struct ktstr_heap_figure *figure)
{
	if (figure->state != KTSTR_HEAP_ABSENT)
		json_signed(json, key, figure->value);
}

static void write_pages(struct json *json, const char *key, const struct ktstr_heap *heap,
			size_t place, enum ktstr_heap_item item)
{
	const struct ktstr_heap_figure *figure = ktstr_heap_arena_figure(heap, place, item);

	if (figure->state != KTSTR_HEAP_ABSENT)
		json_signed(json, key, figure->value / (int64_t)ktstr_heap_page(heap));
}

static void write_option(struct json *json, const struct ktstr_heap_option *option, const char *key)
{
	char *end;
	long long number;

	if (!option->text)
		return;
	if (option->is_text) {
		json_string(json, key, option->text);
	} else if (strcmp(option->text, "true") == 0 || strcmp(option->text, "false") == 0) {
		json_boolean(json, key, option->text[0] == 't');
	} else {
		number = strtoll(option->text, &end, 10);
		if (end != option->text && *end == '\0')
			json_signed(json, key, number);
		else
			json_string(json, key, option->text);
	}
}

/* All of "config." or "opt.". */
static void write_options(struct json *json, const struct ktstr_heap *heap, const char *prefix,
			  const char *key)
{
	size_t length = strlen(prefix);

	json_object(json, key, JSON_LINES);
	for (size_t i = 0; i < ktstr_heap_option_count(heap); i++) {
		const struct ktstr_heap_option *option = ktstr_heap_get_option(heap, i);

		if (strncmp(option->name, prefix, length) == 0)
			write_option(json, option, option->name + length);
	}
	if (strcmp(prefix, "config.") == 0 && !ktstr_heap_option_text(heap, "config.stats"))
		json_boolean(json, "stats", ktstr_heap_has_stats(heap));
	json_end(json);
}

static void write_classes(struct json *json, const struct ktstr_heap *heap)
{
	size_t bins = ktstr_heap_bin_count(heap), large = ktstr_heap_large_count(heap);

	json_object(json, "arenas", JSON_LINES);
	json_unsigned(json, "page", ktstr_heap_page(heap));
	json_unsigned(json, "nbins", bins);
	if (ktstr_heap_get_bin(heap, KTSTR_HEAP_ALL, 0)) {
		json_array(json, "bin", JSON_LINES);
		for (size_t i = 0; i < bins; i++) {
			const struct ktstr_heap_bin *bin =
				ktstr_heap_get_bin(heap, KTSTR_HEAP_ALL, i);

			json_object(json, NULL, JSON_ONE_LINE);
			json_unsigned(json, "size", bin->size);
			json_unsigned(json, "nregs", bin->regions);
			json_unsigned(json, "slab_size", bin->slab_size);
			json_unsigned(json, "nshards", bin->shards);
			json_end(json);
		}
		json_end(json);
	}
	json_unsigned(json, "nlextents", large);
	if (ktstr_heap_get_large(heap, KTSTR_HEAP_ALL, 0)) {
		json_array(json, "lextent", JSON_LINES);
		for (size_t i = 0; i < large; i++) {
			json_object(json, NULL, JSON_ONE_LINE);
			json_unsigned(json, "size",
				      ktstr_heap_get_large(heap, KTSTR_HEAP_ALL, i)->size);
			json_end(json);
		}
		json_end(json);
	}
	json_end(json);
}

static void write_totals(struct json *json, const struct ktstr_heap *heap)
{
	static const enum ktstr_heap_item items[] = { KTSTR_HEAP_ALLOCATED, KTSTR_HEAP_ACTIVE,
						      KTSTR_HEAP_METADATA,  KTSTR_HEAP_RESIDENT,
						      KTSTR_HEAP_MAPPED,    KTSTR_HEAP_RETAINED };

	json_object(json, "stats", JSON_LINES);
	for (size_t i = 0; i < sizeof items / sizeof *items; i++)
		write_figure(json, ktstr_heap_item_name((int)items[i]),
			     ktstr_heap_total(heap, items[i]));
	json_end(json);
}

/* The counts of all classes of one kind, as `small' and `large' have them. */
struct class_sums {
	uint64_t nmalloc, ndalloc, nrequests, nfills, nflushes;
};

static void write_sums(struct json *json, const char *key,
		       const struct ktstr_heap_figure *allocated, const struct class_sums *sums)
{
	json_object(json, key, JSON_LINES);
	write_figure(json, "allocated", allocated);
	json_unsigned(json, "nmalloc", sums->nmalloc);
	json_unsigned(json, "ndalloc", sums->ndalloc);
	json_unsigned(json, "nrequests", sums->nrequests);
	json_unsigned(json, "nfills", sums->nfills);
	json_unsigned(json, "nflushes", sums->nflushes);
	json_end(json);
}

static void write_small_and_large(struct json *json, const struct ktstr_heap *heap, size_t place)
{
	struct class_sums small = { .nmalloc = 0 }, all = { .nmalloc = 0 };

	for (size_t i = 0; i < ktstr_heap_bin_count(heap); i++) {
		const struct ktstr_heap_bin *bin = ktstr_heap_get_bin(heap, place, i);

		if (!bin)
			return;
		small.nmalloc += bin->nmalloc;
		small.ndalloc += bin->ndalloc;
		small.nrequests += bin->nrequests;
		small.nfills += bin->nfills;
		small.nflushes += bin->nflushes;
	}
	for (size_t i = 0; i < ktstr_heap_large_count(heap); i++) {
		const struct ktstr_heap_large *large = ktstr_heap_get_large(heap, place, i);

		all.nmalloc += large->nmalloc;
		all.ndalloc += large->ndalloc;
		all.nrequests += large->nrequests;
		all.nfills += large->nfills;
		all.nflushes += large->nflushes;
	}
	write_sums(json, "small", ktstr_heap_arena_figure(heap, place, KTSTR_HEAP_SMALL), &small);
	write_sums(json, "large", ktstr_heap_arena_figure(heap, place, KTSTR_HEAP_LARGE), &all);
}

static void write_bins(struct json *json, const struct ktstr_heap *heap, size_t place)
{
	if (!ktstr_heap_get_bin(heap, place, 0))
		return;
	json_array(json, "bins", JSON_LINES);
	for (size_t i = 0; i < ktstr_heap_bin_count(heap); i++) {
		const struct ktstr_heap_bin *bin = ktstr_heap_get_bin(heap, place, i);

		json_object(json, NULL, JSON_ONE_LINE);
		json_unsigned(json, "nmalloc", bin->nmalloc);
		json_unsigned(json, "ndalloc", bin->ndalloc);
		json_unsigned(json, "curregs", bin->curregs);
		json_unsigned(json, "nrequests", bin->nrequests);
		json_unsigned(json, "nfills", bin->nfills);
		json_unsigned(json, "nflushes", bin->nflushes);
		json_unsigned(json, "nreslabs", bin->nreslabs);
		json_unsigned(json, "curslabs", bin->curslabs);
		json_unsigned(json, "nonfull_slabs", bin->nonfull_slabs);
		json_end(json);
	}
	json_end(json);
	json_array(json, "lextents", JSON_LINES);
	for (size_t i = 0; i < ktstr_heap_large_count(heap); i++) {
		json_object(json, NULL, JSON_ONE_LINE);
		json_unsigned(json, "curlextents",
			      ktstr_heap_get_large(heap, place, i)->curlextents);
		json_end(json);
	}
	json_end(json);
}

static void write_arena(struct json *json, const struct ktstr_heap *heap, size_t place)
{
	static const struct {
		const char *key;
		enum ktstr_heap_item item;
	} figures[] = {
		{ "mapped", KTSTR_HEAP_MAPPED },       { "retained", KTSTR_HEAP_RETAINED },
		{ "base", KTSTR_HEAP_BASE },           { "internal", KTSTR_HEAP_INTERNAL },
		{ "tcache_bytes", KTSTR_HEAP_TCACHE }, { "resident", KTSTR_HEAP_RESIDENT },
	};
	const struct ktstr_heap_arena *arena = ktstr_heap_get_arena(heap, place);
	char key[16];

	snprintf(key, sizeof key, "%u", arena->index);
	json_object(json, key, JSON_LINES);
	if (*arena->name)
		json_text(json, "name", arena->name, sizeof arena->name);
	json_unsigned(json, "nthreads", arena->threads);
	json_signed(json, "dirty_decay_ms", arena->dirty_decay_ms);
	json_signed(json, "muzzy_decay_ms", arena->muzzy_decay_ms);
	write_pages(json, "pactive", heap, place, KTSTR_HEAP_ACTIVE);
	write_pages(json, "pdirty", heap, place, KTSTR_HEAP_DIRTY);
	write_pages(json, "pmuzzy", heap, place, KTSTR_HEAP_MUZZY);
	if (ktstr_heap_has_stats(heap)) {
		json_unsigned(json, "dirty_npurge", arena->dirty_npurge);
		json_unsigned(json, "dirty_nmadvise", arena->dirty_nmadvise);
		json_unsigned(json, "dirty_purged", arena->dirty_purged);
		json_unsigned(json, "muzzy_npurge", arena->muzzy_npurge);
		json_unsigned(json, "muzzy_nmadvise", arena->muzzy_nmadvise);
		json_unsigned(json, "muzzy_purged", arena->muzzy_purged);
	}
	write_small_and_large(json, heap, place);
	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
		write_figure(json, figures[i].key,
			     ktstr_heap_arena_figure(heap, place, figures[i].item));
	if (ktstr_heap_has_stats(heap))
		json_unsigned(json, "abandoned_vm", arena->abandoned_vm);
	json_unsigned(json, "extent_avail", arena->extent_avail);
	write_bins(json, heap, place);
	json_end(json);
}

static void write_state(struct json *json, const char *key, const struct ktstr_heap_figure *figure)
{
	json_object(json, key, JSON_ONE_LINE);
	json_string(json, "state", ktstr_heap_state_name((int)figure->state));
	write_figure(json, "value", figure);
	if (figure->state != KTSTR_HEAP_ABSENT)
		json_signed(json, "drift", figure->drift);
	if (figure->reason)
		json_string(json, "reason", figure->reason);
	json_end(json);
}

static void write_thread(struct json *json, const struct ktstr_heap_thread *thread)
{
	json_object(json, NULL, JSON_ONE_LINE);
	json_signed(json, "tid", thread->tid);
	if (thread->has_name) {
		json_text(json, "comm", thread->comm, sizeof thread->comm);
		json_unsigned(json, "start_time_jiffies", thread->start_time);
	}
	if (thread->error_text) {
		json_string(json, "error", thread->error_text);
	} else {
		if (thread->arena >= 0)
			json_signed(json, "arena", thread->arena);
		if (thread->internal_arena >= 0)
			json_signed(json, "internal_arena", thread->internal_arena);
		json_unsigned(json, "allocated_bytes", thread->allocated_bytes);
		json_unsigned(json, "deallocated_bytes", thread->deallocated_bytes);
		write_figure(json, "live_bytes", &thread->live);
		write_figure(json, "tcache_bytes", &thread->tcache);
		write_figure(json, "peak_bytes", &thread->peak);
	}
	json_end(json);
}

static void write_own(struct json *json, pid_t pid, const char *name, const struct ktstr_heap *heap)
{
	json_object(json, "ktstr", JSON_LINES);
	json_string(json, "tool_version", PACKAGE_VERSION);
	json_signed(json, "pid", pid);
	json_string(json, "comm", name);
	json_signed(json, "timestamp_unix_ns", ktstr_heap_unix_ns(heap));
	json_signed(json, "span_ns", ktstr_heap_span_ns(heap));
	json_boolean(json, "quiet", ktstr_heap_quiet(heap) != 0);
	json_string(json, "layout", ktstr_heap_layout(heap));
	json_object(json, "figures", JSON_LINES);
	for (int i = 0; i < KTSTR_HEAP_ITEMS; i++)
		write_state(json, ktstr_heap_item_name(i),
			    ktstr_heap_total(heap, (enum ktstr_heap_item)i));
	json_end(json);
	json_array(json, "threads", JSON_LINES);
	for (size_t i = 0; i < ktstr_heap_thread_count(heap); i++)
		write_thread(json, ktstr_heap_get_thread(heap, i));
	json_end(json);
	json_end(json);
}

void show_json(FILE *out, pid_t pid, const char *name, const char *version,
	       const struct ktstr_heap *heap)
{
	struct json json = { .out = out };

	json_object(&json, NULL, JSON_LINES);
	json_object(&json, "jemalloc", JSON_LINES);
	if (version)
		json_string(&json, "version", version);
	write_options(&json, heap, "config.", "config");
	write_options(&json, heap, "opt.", "opt");
	write_classes(&json, heap);
	write_totals(&json, heap);
	json_object(&json, "stats.arenas", JSON_LINES);
	for (size_t i = 0; i < ktstr_heap_arena_count(heap); i++)
		write_arena(&json, heap, i);
	json_end(&json);
	json_end(&json);
	write_own(&json, pid, name, heap);
	json_end(&json);
}
