/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every thread's counters and its identity in one remote read, the counters first. The identity
 * that is read last still held when the counters were read.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arch.h"
#include "session/session.h"
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
	int contiguous;         /* one range holds both, counters first */
	int64_t identity_gap;   /* then: from the first counter byte to the identity */
	size_t stride;
};

struct reading {
	struct thread_place *place;
	struct ktstr_probe_thread *thread;
	uint64_t block; /* address of the TLS block; 0: the thread never touched it, both counters
			   are 0 */
	struct dtv_thread dtv;
	unsigned char *bytes;
};

static struct plan make_plan(const struct ktstr_probe *probe)
{
	const struct tsd_place *place = &probe->place;
	uint64_t last = place->allocated > place->deallocated ? place->allocated
							      : place->deallocated;
	int64_t tid_at = (int64_t)probe->robust_list_offset - ROBUST_LIST_TID_BEFORE_HEAD;
	struct plan plan = { .counters_first = place->allocated < place->deallocated
						       ? place->allocated
						       : place->deallocated };

	if (place->state < plan.counters_first)
		plan.counters_first = place->state & ~UINT64_C(7);
	plan.counters_size = last + sizeof(uint64_t) - plan.counters_first;
	if (arch_self_pointer) {
		plan.identity_first = 0;
		plan.identity_size = probe->by_ptrace ? sizeof(uint64_t)
						      : (uint64_t)tid_at + sizeof(uint32_t);
	} else {
		plan.identity_first = tid_at;
		plan.identity_size = probe->by_ptrace ? 0 : sizeof(uint32_t);
	}
	plan.stride = plan.counters_size + plan.identity_size;
	if (!probe->tls.dynamic && plan.identity_size) {
		plan.identity_gap =
			plan.identity_first - (probe->tls.distance + (int64_t)plan.counters_first);
		plan.contiguous = plan.identity_gap >= (int64_t)plan.counters_size &&
				  plan.identity_gap + (int64_t)plan.identity_size <=
					  CONTIGUOUS_LIMIT;
		if (plan.contiguous)
			plan.stride = (size_t)plan.identity_gap + plan.identity_size;
	}
	plan.stride = (plan.stride + 63) & ~(size_t)63;
	return plan;
}

void probe_thread_fail(struct ktstr_probe_thread *thread, enum ktstr_probe_thread_error kind,
		       int code)
{
	static const char *const texts[] = {
		[KTSTR_PROBE_THREAD_PTRACE_SEIZE] = "it could not be traced",
		[KTSTR_PROBE_THREAD_PTRACE_INTERRUPT] = "it could not be interrupted",
		[KTSTR_PROBE_THREAD_WAITPID] = "it did not stop within the time allowed",
		[KTSTR_PROBE_THREAD_GET_REGSET] = "its registers could not be read",
		[KTSTR_PROBE_THREAD_PROCESS_VM_READV] = "its memory could not be read",
		[KTSTR_PROBE_THREAD_TLS_ARITHMETIC] = "its TLS would lie outside the address space",
		[KTSTR_PROBE_THREAD_THREAD_POINTER] =
			"its thread pointer was not found or did not verify",
		[KTSTR_PROBE_THREAD_THREAD_EXITED] = "it ended before it was read",
	};

	thread->error_kind = kind;
	thread->error_code = code;
	thread->error_text = texts[kind];
	thread->allocated_bytes = thread->deallocated_bytes = 0;
}

static int locate(const struct ktstr_probe *probe, const struct plan *plan, struct reading *reading)
{
	uint64_t address;

	if (!probe->tls.dynamic && tls_address_add(reading->place->thread_pointer,
						   probe->tls.distance, 0, &reading->block))
		return -EOVERFLOW;
	return reading->block ? tls_address_add(reading->block, (int64_t)plan->counters_first,
						plan->stride, &address)
			      : 0;
}

/* The ranges of one reading. Returns how many. */
static size_t add_ranges(const struct ktstr_probe *probe, const struct plan *plan,
			 struct reading *reading, struct target_range *ranges)
{
	struct target_range counters = { .address = reading->block + plan->counters_first,
					 .buffer = reading->bytes,
					 .size = plan->counters_size };
	struct target_range identity = { .address = reading->place->thread_pointer +
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
	if (probe->tls.dynamic)
		count += dtv_add_ranges(&probe->tls, &reading->dtv, ranges + count);
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

static int identity_holds(const struct ktstr_probe *probe, const struct plan *plan,
			  const struct reading *reading)
{
	const unsigned char *identity =
		reading->bytes +
		(plan->contiguous ? (uint64_t)plan->identity_gap : plan->counters_size);
	int32_t tid;

	if (arch_self_pointer && word(identity) != reading->place->thread_pointer)
		return 0;
	if (probe->by_ptrace)
		return 1; /* the start time is compared afterwards */
	memcpy(&tid, identity + plan->identity_size - sizeof tid, sizeof tid);
	return tid > 0 && tid == reading->place->ns_tid;
}

/* Returns 0, or the kind of error. */
static enum ktstr_probe_thread_error judge(const struct ktstr_probe *probe, const struct plan *plan,
					   struct reading *reading)
{
	const struct tsd_place *place = &probe->place;
	struct ktstr_probe_thread *thread = reading->thread;
	unsigned int state;

	if (!identity_holds(probe, plan, reading))
		return KTSTR_PROBE_THREAD_THREAD_POINTER;
	if (probe->tls.dynamic && !dtv_holds(&reading->dtv))
		return KTSTR_PROBE_THREAD_THREAD_POINTER;
	thread->error_kind = KTSTR_PROBE_THREAD_OK;
	thread->error_code = 0;
	thread->error_text = NULL;
	thread->allocated_bytes = thread->deallocated_bytes = 0;
	if (!reading->block)
		return KTSTR_PROBE_THREAD_OK;
	state = reading->bytes[place->state - plan->counters_first];
	thread->allocated_bytes = word(reading->bytes + (place->allocated - plan->counters_first));
	thread->deallocated_bytes =
		word(reading->bytes + (place->deallocated - plan->counters_first));
	/* Something else stands where tsd should be. */
	if (state > STATE_LIMIT || (state == place->uninitialized &&
				    (thread->allocated_bytes || thread->deallocated_bytes)))
		return KTSTR_PROBE_THREAD_THREAD_POINTER;
	return KTSTR_PROBE_THREAD_OK;
}

/* The blocks of a module whose TLS is dynamic. */
static int find_blocks(struct ktstr_probe *probe, struct reading *readings, size_t count)
{
	struct dtv_thread *threads[BATCH] = { NULL };
	int rc;

	for (size_t i = 0; i < count; i++) {
		threads[i] = &readings[i].dtv;
		threads[i]->thread_pointer = readings[i].place->thread_pointer;
	}
	rc = dtv_find_blocks(&probe->target, &probe->tls, threads, count);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		readings[i].place->error = readings[i].dtv.error;
		readings[i].block = readings[i].dtv.block;
	}
	return rc;
}

/* Reads up to BATCH threads. Each gets its result or its error in place->error. */
static int read_batch(struct ktstr_probe *probe, const struct plan *plan, struct reading *readings,
		      size_t count)
{
	struct target_range ranges[BATCH * (2 + DTV_RANGES)];
	size_t used = 0, first[BATCH + 1];
	int rc = probe->tls.dynamic ? find_blocks(probe, readings, count) : 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		if (!probe->tls.dynamic)
			readings[i].place->error = KTSTR_PROBE_THREAD_OK;
		first[i] = used;
		if (readings[i].place->error == KTSTR_PROBE_THREAD_OK &&
		    locate(probe, plan, &readings[i]))
			readings[i].place->error = KTSTR_PROBE_THREAD_TLS_ARITHMETIC;
		if (readings[i].place->error == KTSTR_PROBE_THREAD_OK)
			used += add_ranges(probe, plan, &readings[i], ranges + used);
	}
	if (rc == 0) {
		first[count] = used;
		rc = target_read(&probe->target, ranges, used);
	}
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct thread_place *place = readings[i].place;

		for (size_t r = first[i]; r < first[i + 1]; r++)
			if (ranges[r].error)
				place->error = KTSTR_PROBE_THREAD_PROCESS_VM_READV;
		if (place->error == KTSTR_PROBE_THREAD_OK)
			place->error = judge(probe, plan, &readings[i]);
	}
	return rc;
}

static void finish_error(struct ktstr_probe *probe, struct reading *reading)
{
	struct task_stat stat;
	int gone = target_read_stat(&probe->target, reading->place->tid, &stat) != 0 ||
		   strchr("ZXx", stat.state) != NULL;

	if (reading->place->error == KTSTR_PROBE_THREAD_OK)
		reading->place->error = KTSTR_PROBE_THREAD_THREAD_POINTER;
	probe_thread_fail(reading->thread,
			  gone ? KTSTR_PROBE_THREAD_THREAD_EXITED : reading->place->error,
			  gone ? -ESRCH : reading->place->code);
	reading->place->known = 0;
}

/* A known place that no longer verifies: ask for it again, once. */
static int retry(struct ktstr_probe *probe, const struct plan *plan, struct reading *reading)
{
	int rc = 0;

	if (!probe->by_ptrace) {
		probe_refresh_place(probe, reading->place);
		if (reading->place->known)
			rc = read_batch(probe, plan, reading, 1);
	}
	if (rc == 0 && reading->place->error != KTSTR_PROBE_THREAD_OK)
		finish_error(probe, reading);
	return rc;
}

/* All threads of the session's places, from `at` on, as many as one batch holds. */
static int read_next(struct ktstr_probe *probe, const struct plan *plan, unsigned char *bytes,
		     size_t at, size_t count, struct ktstr_probe_snapshot *snapshot)
{
	struct reading readings[BATCH];
	size_t used = 0;
	int rc;

	for (size_t i = 0; i < count; i++) {
		struct thread_place *place = &probe->places[at + i];
		struct ktstr_probe_thread *thread = &snapshot->threads[at + i];

		thread->tid = place->tid;
		if (!place->known && !probe->by_ptrace)
			probe_refresh_place(probe, place); /* it may just have begun */
		if (!place->known) {
			finish_error(probe, &(struct reading){ .place = place, .thread = thread });
			continue;
		}
		readings[used] = (struct reading){ .place = place,
						   .thread = thread,
						   .bytes = bytes + used * plan->stride };
		used++;
	}
	rc = read_batch(probe, plan, readings, used);
	for (size_t i = 0; i < used && rc == 0; i++)
		if (readings[i].place->error != KTSTR_PROBE_THREAD_OK)
			rc = retry(probe, plan, &readings[i]);
	return rc;
}

int probe_read_all(struct ktstr_probe *probe, struct ktstr_probe_snapshot *snapshot)
{
	struct plan plan = make_plan(probe);
	unsigned char *bytes;
	int rc = 0;

	if (plan.counters_size > COUNTERS_LIMIT)
		return -EBADMSG;
	bytes = aligned_alloc(64, BATCH * plan.stride);
	if (!bytes)
		return -ENOMEM;
	for (size_t at = 0; at < probe->place_count && rc == 0; at += BATCH) {
		size_t count = probe->place_count - at < BATCH ? probe->place_count - at : BATCH;

		if (atomic_load(&probe->cancelled)) {
			snapshot->interrupted = 1;
			break;
		}
		rc = read_next(probe, &plan, bytes, at, count, snapshot);
		snapshot->count = at + count;
	}
	free(bytes);
	return rc;
}
