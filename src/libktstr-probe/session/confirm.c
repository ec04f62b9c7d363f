/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Living threads confirm where the counters are. Since 5.3.0 jemalloc keeps, for each counter, the
 * values at which the last event was and the next will be: last <= counter <= next at tsd_s + 8 …
 * 32, and the word behind each counter is 0 or next (thread_event.h). A thread that allocates
 * meanwhile may fail one try; one success decides.
 */
#include "config.h"

#include "session/confirm.h"

#include <errno.h>

#include "base/arch.h"
#include "tls/dtv.h"
#include "tls/robust_list.h"

#define THREADS      64 /* that are asked in one try */
#define TRIES        8
#define EVENTS_FIRST 8 /* tsd_s: thread_allocated_last_event and the three words behind it */

/* What is read of a thread: the words of the events, each counter and the word behind it, and what
 * shows that it still is the thread. */
struct sample {
	uint64_t events[4], allocated[2], deallocated[2];
	uint64_t self;
	int32_t tid;
	struct dtv_thread dtv;
	bool read;
};

enum verdict {
	NOTHING, /* it has counted nothing yet, or could not be read */
	CONFIRMS,
	CONTRADICTS,
};

static bool holds(const uint64_t *events, const uint64_t *counter)
{
	return events[0] <= counter[0] && counter[0] <= events[1] &&
	       (counter[1] == 0 || counter[1] == events[1]);
}

static enum verdict compare(const struct sample *sample, const struct thread_entry *entry,
			    bool has_tid)
{
	if (!sample->read || (arch_self_pointer && sample->self != entry->thread_pointer) ||
	    (has_tid && sample->tid != entry->ns_tid))
		return NOTHING;
	if (sample->allocated[0] == 0 && sample->deallocated[0] == 0)
		return NOTHING;
	return holds(sample->events, sample->allocated) &&
			       holds(sample->events + 2, sample->deallocated)
		       ? CONFIRMS
		       : CONTRADICTS;
}

/* Whose memory is read, and where its counters are. */
struct reader {
	struct target *target;
	const struct tsd_locator *locator;
	const struct thread_pointers *pointers;
};

/* Finds the TLS blocks of up to THREADS threads, 0 for those that have none or are not known. */
static int find_blocks(const struct reader *reader, const struct thread_entry *entries,
		       size_t count, struct sample *samples, uint64_t *blocks)
{
	const struct module_tls *tls = &reader->locator->tls;
	struct dtv_thread *threads[THREADS] = { NULL };
	size_t used = 0, index[THREADS];
	int rc = 0;

	for (size_t i = 0; i < count; i++) {
		blocks[i] = 0;
		samples[i].dtv.thread_pointer = entries[i].thread_pointer;
		if (!entries[i].is_known)
			continue;
		if (!tls->is_dynamic)
			blocks[i] = entries[i].thread_pointer + (uint64_t)tls->tp_offset;
		index[used] = i;
		threads[used++] = &samples[i].dtv;
	}
	if (tls->is_dynamic)
		rc = dtv_find_blocks(reader->target, tls, threads, used);
	for (size_t i = 0; tls->is_dynamic && rc == 0 && i < used; i++)
		if (threads[i]->error == KTSTR_PROBE_THREAD_OK)
			blocks[index[i]] = threads[i]->block;
	return rc;
}

static size_t add_ranges(const struct reader *reader, const struct thread_entry *entry,
			 uint64_t block, struct sample *sample, struct target_range *ranges)
{
	const struct tsd_offsets *offsets = &reader->locator->offsets;
	size_t count = 0;

	ranges[count++] = (struct target_range){ .address = block + offsets->start + EVENTS_FIRST,
						 .buffer = sample->events,
						 .size = sizeof sample->events };
	ranges[count++] = (struct target_range){ .address = block + offsets->allocated,
						 .buffer = sample->allocated,
						 .size = sizeof sample->allocated };
	ranges[count++] = (struct target_range){ .address = block + offsets->deallocated,
						 .buffer = sample->deallocated,
						 .size = sizeof sample->deallocated };
	if (arch_self_pointer)
		ranges[count++] = (struct target_range){ .address = entry->thread_pointer,
							 .buffer = &sample->self,
							 .size = sizeof sample->self };
	if (thread_pointers_name_threads(reader->pointers))
		ranges[count++] = (struct target_range){
			.address = entry->thread_pointer +
				   (uint64_t)thread_pointers_tid_offset(reader->pointers),
			.buffer = &sample->tid,
			.size = sizeof sample->tid,
		};
	return count;
}

#define RANGES 5 /* of one thread */

/* One try. Returns 0 and how many confirm and contradict, or what reading gave. */
static int look(const struct reader *reader, const struct thread_entry *entries, size_t count,
		size_t *confirm, size_t *contradict)
{
	struct sample samples[THREADS] = { 0 };
	struct target_range ranges[THREADS * RANGES];
	uint64_t blocks[THREADS];
	size_t used = 0, first[THREADS + 1];
	int rc = find_blocks(reader, entries, count, samples, blocks);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		first[i] = used;
		if (blocks[i])
			used += add_ranges(reader, &entries[i], blocks[i], &samples[i],
					   ranges + used);
	}
	first[count] = used;
	if (rc == 0)
		rc = target_read(reader->target, ranges, used);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		enum verdict verdict;

		samples[i].read = first[i] != first[i + 1];
		for (size_t r = first[i]; r < first[i + 1]; r++)
			samples[i].read &= ranges[r].error == 0;
		verdict = compare(&samples[i], &entries[i],
				  thread_pointers_name_threads(reader->pointers));
		*confirm += verdict == CONFIRMS;
		*contradict += verdict == CONTRADICTS;
	}
	return rc;
}

int confirm_counters(struct target *target, struct tsd_locator *locator,
		     const struct thread_table *table)
{
	const struct reader reader = { .target = target,
				       .locator = locator,
				       .pointers = &table->pointers };
	const struct tsd_offsets *offsets = &locator->offsets;
	size_t confirm = 0, contradict = 0;
	int rc = 0;

	if (locator->is_confirmed || !offsets->has_rtree_ctx || !offsets->has_start)
		return 0;
	for (size_t i = 0; rc == 0 && confirm == 0 && i < TRIES && (i == 0 || contradict); i++) {
		size_t at = i * THREADS < table->count ? i * THREADS : 0;
		size_t left = table->count - at;

		rc = look(&reader, table->entries + at, left < THREADS ? left : THREADS, &confirm,
			  &contradict);
	}
	if (rc || (!confirm && !contradict))
		return rc;
	if (confirm)
		diagnostics_add(&target->diagnostics, "threads",
				"%zu confirm%s the counters' places by jemalloc's own events",
				confirm, confirm == 1 ? "s" : "");
	else
		diagnostics_add(&target->diagnostics, "threads",
				"jemalloc's events are not where a stock build has them, or "
				"contradict the counters' places%s",
				offsets->is_from_code ? ": the code decides" : "");
	locator->is_confirmed = confirm || offsets->is_from_code;
	return locator->is_confirmed ? 0 : -EBADMSG;
}
