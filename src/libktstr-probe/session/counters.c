/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every thread's counters and its identity in one remote read, the counters first. The identity
 * that is read last still held when the counters were read.
 */
#include "config.h"

#include "session/counters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arch.h"
#include "tls/dtv.h"
#include "tls/robust_list.h"
#include "tls/tls_address.h"

#define BATCH            256
#define CONTIGUOUS_LIMIT 4096
#define STATE_LIMIT      6   /* tsd_state_uninitialized, the greatest */
#define COUNTERS_LIMIT   256 /* bytes from the first to the last word read of tsd */

/* What is read of a thread: counters [first, first + size) of the TLS block, identity relative to
 * TP. */
struct plan {
	uint64_t counters_first, counters_size;
	int64_t identity_first;
	uint64_t identity_size; /* 0: nothing in memory shows identity */
	bool contiguous;        /* one range holds both, counters first */
	int64_t identity_gap;   /* then: from the first counter byte to the identity */
	size_t stride;
};

/* What is read from, and by which plan. */
struct reader {
	struct target *target;
	const struct tsd_locator *locator;
	struct thread_table *table;
	struct ktstr_probe_snapshot *snapshot;
	struct plan plan;
};

struct reading {
	struct thread_entry *entry;
	struct ktstr_probe_thread *thread;
	uint64_t *kept_block; /* the snapshot's copy of what follows */
	uint64_t block; /* address of the TLS block; 0: the thread never touched it, both counters
			   are 0 */
	struct dtv_thread dtv;
	unsigned char *bytes;
};

static struct plan make_plan(const struct tsd_locator *locator,
			     const struct thread_pointers *pointers)
{
	const struct tsd_offsets *offsets = &locator->offsets;
	uint64_t last = offsets->allocated > offsets->deallocated ? offsets->allocated
								  : offsets->deallocated;
	int64_t tid_at = thread_pointers_tid_offset(pointers);
	bool named = thread_pointers_name_threads(pointers);
	struct plan plan = { .counters_first = offsets->allocated < offsets->deallocated
						       ? offsets->allocated
						       : offsets->deallocated };

	uint64_t end = last + sizeof(uint64_t);

	if (!offsets->state_unknown && offsets->state < plan.counters_first)
		plan.counters_first = offsets->state & ~UINT64_C(7);
	if (!offsets->state_unknown && offsets->state >= end)
		end = offsets->state + 1;
	plan.counters_size = end - plan.counters_first;
	if (arch_self_pointer) {
		plan.identity_first = 0;
		plan.identity_size = named ? (uint64_t)tid_at + sizeof(uint32_t) : sizeof(uint64_t);
	} else {
		plan.identity_first = tid_at;
		plan.identity_size = named ? sizeof(uint32_t) : 0;
	}
	plan.stride = plan.counters_size + plan.identity_size;
	if (!locator->tls.is_dynamic && plan.identity_size) {
		plan.identity_gap = plan.identity_first -
				    (locator->tls.tp_offset + (int64_t)plan.counters_first);
		plan.contiguous = plan.identity_gap >= (int64_t)plan.counters_size &&
				  plan.identity_gap + (int64_t)plan.identity_size <=
					  CONTIGUOUS_LIMIT;
		if (plan.contiguous)
			plan.stride = (size_t)plan.identity_gap + plan.identity_size;
	}
	plan.stride = (plan.stride + 63) & ~(size_t)63;
	return plan;
}

static int locate_block(const struct reader *reader, struct reading *reading)
{
	const struct plan *plan = &reader->plan;
	uint64_t address;

	if (!reader->locator->tls.is_dynamic &&
	    tls_address_add(reading->entry->thread_pointer, reader->locator->tls.tp_offset, 0,
			    &reading->block))
		return -EOVERFLOW;
	return reading->block ? tls_address_add(reading->block, (int64_t)plan->counters_first,
						plan->stride, &address)
			      : 0;
}

/* The ranges of one reading. Returns how many. */
static size_t add_ranges(const struct reader *reader, struct reading *reading,
			 struct target_range *ranges)
{
	const struct plan *plan = &reader->plan;
	struct target_range counters = { .address = reading->block + plan->counters_first,
					 .buffer = reading->bytes,
					 .size = plan->counters_size };
	struct target_range identity = { .address = reading->entry->thread_pointer +
						    (uint64_t)plan->identity_first,
					 .buffer = reading->bytes + plan->counters_size,
					 .size = plan->identity_size };
	size_t count = 0;

	if (plan->contiguous) {
		counters.size = (size_t)plan->identity_gap + plan->identity_size;
		ranges[0] = counters;
		return 1;
	}
	if (reading->block)
		ranges[count++] = counters;
	if (reader->locator->tls.is_dynamic)
		count += dtv_add_ranges(&reader->locator->tls, &reading->dtv, ranges + count);
	if (identity.size)
		ranges[count++] = identity;
	return count;
}

static uint64_t word(const unsigned char *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof value);
	return value;
}

/* Does the memory name the thread? Sets the entry's code. */
static bool thread_is_same(const struct reader *reader, const struct reading *reading)
{
	const struct plan *plan = &reader->plan;
	const unsigned char *identity =
		reading->bytes +
		(plan->contiguous ? (uint64_t)plan->identity_gap : plan->counters_size);
	int32_t tid;

	reading->entry->code = 0;
	if (arch_self_pointer && word(identity) != reading->entry->thread_pointer)
		return false;
	if (!thread_pointers_name_threads(&reader->table->pointers))
		return true; /* the start time is compared afterwards */
	memcpy(&tid, identity + plan->identity_size - sizeof tid, sizeof tid);
	if (tid <= 0)
		return false;
	if (tid != reading->entry->ns_tid)
		reading->entry->code = -ENOTUNIQ;
	return tid == reading->entry->ns_tid;
}

/* Returns KTSTR_PROBE_THREAD_OK, or the kind of error. */
static enum ktstr_probe_thread_error take_counters(const struct reader *reader,
						   struct reading *reading)
{
	const struct tsd_offsets *offsets = &reader->locator->offsets;
	const struct plan *plan = &reader->plan;
	struct ktstr_probe_thread *thread = reading->thread;
	unsigned int state;

	if (!thread_is_same(reader, reading))
		return KTSTR_PROBE_THREAD_THREAD_POINTER;
	if (reader->locator->tls.is_dynamic && !dtv_holds(&reading->dtv))
		return KTSTR_PROBE_THREAD_THREAD_POINTER;
	thread->error_kind = KTSTR_PROBE_THREAD_OK;
	thread->error_code = 0;
	thread->error_text = NULL;
	thread->allocated_bytes = thread->deallocated_bytes = 0;
	*reading->kept_block = reading->block;
	if (!reading->block)
		return KTSTR_PROBE_THREAD_OK;
	thread->allocated_bytes =
		word(reading->bytes + (offsets->allocated - plan->counters_first));
	thread->deallocated_bytes =
		word(reading->bytes + (offsets->deallocated - plan->counters_first));
	if (offsets->state_unknown)
		return KTSTR_PROBE_THREAD_OK;
	state = reading->bytes[offsets->state - plan->counters_first];
	/* Something else stands where tsd should be. */
	if (state > STATE_LIMIT || (state == offsets->uninitialized &&
				    (thread->allocated_bytes || thread->deallocated_bytes)))
		return KTSTR_PROBE_THREAD_THREAD_POINTER;
	return KTSTR_PROBE_THREAD_OK;
}

/* The blocks of a module whose TLS is dynamic. */
static int find_blocks(const struct reader *reader, struct reading *readings, size_t count)
{
	struct dtv_thread *threads[BATCH] = { NULL };
	int rc;

	for (size_t i = 0; i < count; i++) {
		threads[i] = &readings[i].dtv;
		threads[i]->thread_pointer = readings[i].entry->thread_pointer;
	}
	rc = dtv_find_blocks(reader->target, &reader->locator->tls, threads, count);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		readings[i].entry->error = readings[i].dtv.error;
		readings[i].block = readings[i].dtv.block;
	}
	return rc;
}

/* Reads up to BATCH threads. Each gets its result or its error in entry->error. */
static int read_batch(const struct reader *reader, struct reading *readings, size_t count)
{
	struct target_range ranges[BATCH * (2 + DTV_RANGES)];
	size_t used = 0, first[BATCH + 1];
	int rc = reader->locator->tls.is_dynamic ? find_blocks(reader, readings, count) : 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		if (!reader->locator->tls.is_dynamic)
			readings[i].entry->error = KTSTR_PROBE_THREAD_OK;
		first[i] = used;
		if (readings[i].entry->error == KTSTR_PROBE_THREAD_OK &&
		    locate_block(reader, &readings[i]))
			readings[i].entry->error = KTSTR_PROBE_THREAD_TLS_ARITHMETIC;
		if (readings[i].entry->error == KTSTR_PROBE_THREAD_OK)
			used += add_ranges(reader, &readings[i], ranges + used);
	}
	if (rc == 0) {
		first[count] = used;
		rc = target_read(reader->target, ranges, used);
	}
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct thread_entry *entry = readings[i].entry;

		for (size_t r = first[i]; r < first[i + 1]; r++)
			if (ranges[r].error)
				entry->error = KTSTR_PROBE_THREAD_PROCESS_VM_READV;
		if (entry->error == KTSTR_PROBE_THREAD_OK)
			entry->error = take_counters(reader, &readings[i]);
	}
	return rc;
}

/* Its name is taken while it is there: until the names are read it may have ended. */
static void finish_error(const struct reader *reader, const struct reading *reading)
{
	struct task_stat stat;
	int rc = target_read_stat(reader->target, reading->entry->tid, &stat);
	bool gone = rc ? task_is_gone(rc) : strchr("ZXx", stat.state) != NULL;

	if (rc == 0)
		snapshot_thread_name(reader->snapshot, reading->thread, &stat);
	if (reading->entry->error == KTSTR_PROBE_THREAD_OK)
		reading->entry->error = KTSTR_PROBE_THREAD_THREAD_POINTER;
	snapshot_thread_fail(reading->thread,
			     gone ? KTSTR_PROBE_THREAD_THREAD_EXITED : reading->entry->error,
			     gone ? -ESRCH : reading->entry->code);
	/* A pointer from a register is the thread's, whoever else has the same. */
	reading->entry->is_known = reader->table->pointers.by_ptrace &&
				   reading->entry->code == -ENOTUNIQ;
}

/* A known thread pointer that no longer verifies: find it again, once. */
static int read_again(const struct reader *reader, struct reading *reading)
{
	int rc = 0;

	if (!reader->table->pointers.by_ptrace) {
		thread_table_refresh(reader->table, reader->target, reading->entry);
		if (reading->entry->is_known)
			rc = read_batch(reader, reading, 1);
	}
	if (rc == 0 && reading->entry->error != KTSTR_PROBE_THREAD_OK)
		finish_error(reader, reading);
	return rc;
}

/* Some threads of the table, as many as one batch holds. */
static int read_some(const struct reader *reader, unsigned char *bytes, const size_t *indexes,
		     size_t count)
{
	struct reading readings[BATCH];
	size_t used = 0;
	int rc;

	for (size_t i = 0; i < count; i++) {
		struct thread_entry *entry = &reader->table->entries[indexes[i]];
		struct ktstr_probe_thread *thread = &reader->snapshot->threads[indexes[i]];

		thread->tid = entry->tid;
		if (!entry->is_known && !reader->table->pointers.by_ptrace) /* it may just have
									       begun */
			thread_table_refresh(reader->table, reader->target, entry);
		if (!entry->is_known) {
			finish_error(reader, &(struct reading){ .entry = entry, .thread = thread });
			continue;
		}
		readings[used] =
			(struct reading){ .entry = entry,
					  .thread = thread,
					  .kept_block = &reader->snapshot->blocks[indexes[i]],
					  .bytes = bytes + used * reader->plan.stride };
		used++;
	}
	rc = read_batch(reader, readings, used);
	for (size_t i = 0; i < used && rc == 0; i++)
		if (readings[i].entry->error != KTSTR_PROBE_THREAD_OK)
			rc = read_again(reader, &readings[i]);
	return rc;
}

/* Room for a batch as well. */
static int begin_reading(struct reader *reader, size_t count, unsigned char **bytes)
{
	size_t room = count < BATCH ? count : BATCH;

	*bytes = NULL;
	reader->plan = make_plan(reader->locator, &reader->table->pointers);
	if (reader->plan.counters_size > COUNTERS_LIMIT)
		return -EBADMSG;
	*bytes = aligned_alloc(64, (room ? room : 1) * reader->plan.stride);
	return *bytes ? 0 : -ENOMEM;
}

int counters_read(struct target *target, const struct tsd_locator *locator,
		  struct thread_table *table, const struct cancellation *cancellation,
		  struct ktstr_probe_snapshot *snapshot)
{
	struct reader reader = {
		.target = target, .locator = locator, .table = table, .snapshot = snapshot
	};
	size_t indexes[BATCH];
	unsigned char *bytes;
	int rc = begin_reading(&reader, table->count, &bytes);

	if (rc)
		return rc;
	for (size_t at = 0; at < table->count && rc == 0; at += BATCH) {
		size_t count = table->count - at < BATCH ? table->count - at : BATCH;

		if (is_cancelled(cancellation)) {
			snapshot->interrupted = true;
			break;
		}
		for (size_t i = 0; i < count; i++)
			indexes[i] = at + i;
		rc = read_some(&reader, bytes, indexes, count);
		snapshot->count = at + count;
	}
	free(bytes);
	return rc;
}

int counters_read_again(struct target *target, const struct tsd_locator *locator,
			struct thread_table *table, const size_t *indexes, size_t count,
			struct ktstr_probe_snapshot *snapshot)
{
	struct reader reader = {
		.target = target, .locator = locator, .table = table, .snapshot = snapshot
	};
	unsigned char *bytes;
	int rc = begin_reading(&reader, count, &bytes);

	for (size_t at = 0; at < count && rc == 0; at += BATCH)
		rc = read_some(&reader, bytes, indexes + at,
			       count - at < BATCH ? count - at : BATCH);
	free(bytes);
	return rc;
}
