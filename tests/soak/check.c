/* SPDX-License-Identifier: BSD-2-Clause */
/* Each reading of a snapshot against what the server said of itself before and after it. */
#include "check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define LOOK_BACK 8192 /* threads that ended: more than end during the longest snapshot */
#define TOLD      20   /* faults shown one by one */

struct copy {
	uint64_t generation; /* odd: a thread, its values are whole */
	int64_t tid;
	uint64_t start_time, allocated_low, allocated_high, deallocated_low, deallocated_high;
};

struct sum sum;
struct truth *truth;
atomic_int killed;
static struct copy before[TRUTH_SLOTS], after[TRUTH_SLOTS];

void fault(unsigned long *count, const char *format, ...)
{
	va_list args;

	if (++*count > TOLD)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static void take_copy(struct copy *copies)
{
	for (int i = 0; i < TRUTH_SLOTS; i++) {
		struct truth_slot *slot = &truth->slots[i];
		struct copy *copy = &copies[i];

		copy->generation = atomic_load(&slot->generation);
		copy->tid = atomic_load(&slot->tid);
		copy->start_time = atomic_load(&slot->start_time);
		copy->allocated_low = atomic_load(&slot->bounds.allocated_low);
		copy->allocated_high = atomic_load(&slot->bounds.allocated_high);
		copy->deallocated_low = atomic_load(&slot->bounds.deallocated_low);
		copy->deallocated_high = atomic_load(&slot->bounds.deallocated_high);
		if (atomic_load(&slot->generation) != copy->generation)
			copy->generation = 0; /* it came or went just now */
	}
}

void check_take_before(void)
{
	take_copy(before);
}

void check_take_after(void)
{
	take_copy(after);
}

static bool same(const struct ktstr_probe_thread *thread, int64_t tid, uint64_t start_time)
{
	return thread->tid == tid && (!thread->has_name || thread->start_time == start_time);
}

static const struct copy *find(const struct copy *copies, const struct ktstr_probe_thread *thread)
{
	for (int i = 0; i < TRUTH_SLOTS; i++)
		if (copies[i].generation % 2 && same(thread, copies[i].tid, copies[i].start_time))
			return &copies[i];
	return NULL;
}

static const struct truth_ended *find_ended(const struct ktstr_probe_thread *thread)
{
	uint64_t count = atomic_load(&truth->ended_count);

	for (uint64_t back = 1; back <= count && back <= LOOK_BACK; back++) {
		const struct truth_ended *ended = &truth->ended[(count - back) % TRUTH_ENDED];

		if (same(thread, atomic_load(&ended->tid), ended->start_time))
			return ended;
	}
	return NULL;
}

void check_reading(const struct ktstr_probe_thread *thread)
{
	const struct copy *low = find(before, thread), *high = find(after, thread);
	const struct truth_ended *ended = high ? NULL : find_ended(thread);
	uint64_t a = thread->allocated_bytes, d = thread->deallocated_bytes;
	uint64_t a_low = low ? low->allocated_low : 0, d_low = low ? low->deallocated_low : 0;
	uint64_t a_high = high    ? high->allocated_high
			  : ended ? ended->allocated
			  : low   ? UINT64_MAX
				  : 0;
	uint64_t d_high = high    ? high->deallocated_high
			  : ended ? ended->deallocated
			  : low   ? UINT64_MAX
				  : 0;

	sum.readings++;
	sum.in_slot += high != NULL;
	sum.ended += ended != NULL;
	sum.new += !high && !ended && !low;
	sum.nameless += !thread->has_name;
	/* Killed in the middle of telling that it ends: its upper bounds still stand in the slot.
	 */
	if (low && !high && !ended && !atomic_load(&killed))
		fault(&sum.strange, "tid %d ended without a word", (int)thread->tid);
	if (a < a_low || a > a_high || d < d_low || d > d_high)
		fault(&sum.outside,
		      "OUTSIDE tid %d start %" PRIu64 ": %" PRIu64 " %" PRIu64 " not in %" PRIu64
		      "-%" PRIu64 " %" PRIu64 "-%" PRIu64 " (%s%s%s)",
		      (int)thread->tid, thread->start_time, a, d, a_low, a_high, d_low, d_high,
		      low ? "before " : "", high ? "after " : "", ended ? "ended" : "");
}

void check_none_lost(const struct ktstr_probe_snapshot *snapshot)
{
	size_t at = 0, count = ktstr_probe_snapshot_count(snapshot);

	for (int i = 0; i < TRUTH_SLOTS; i++) {
		if (before[i].generation % 2 == 0 || before[i].generation != after[i].generation)
			continue;
		for (at = 0; at < count; at++)
			if (ktstr_probe_snapshot_thread(snapshot, at)->tid == before[i].tid)
				break;
		if (at == count)
			fault(&sum.lost, "LOST tid %" PRId64 ", there before and after",
			      before[i].tid);
	}
}

void check_error(const struct ktstr_probe_thread *thread, bool whole)
{
	const struct copy *low = find(before, thread), *high = find(after, thread);

	if (whole && low && high && low->generation == high->generation)
		fault(&sum.errors_living, "ERROR tid %d, there before and after: %s: %s",
		      (int)thread->tid, ktstr_probe_thread_error_name(thread->error_kind),
		      thread->error_text);
	else
		sum.errors_gone++;
}
