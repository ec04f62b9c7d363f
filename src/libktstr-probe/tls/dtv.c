/* SPDX-License-Identifier: BSD-2-Clause */
/* A module's TLS block in each thread, through the thread's DTV. */
#include "config.h"

#include "tls/dtv.h"

#include <string.h>

#define BATCH       256
#define UNALLOCATED UINT64_MAX /* TLS_DTV_UNALLOCATED, glibc sysdeps/generic/dl-dtv.h */

enum { ENTRY, GENERATION, ADDRESS };

static uint64_t address_of(const struct module_tls *tls, const struct dtv_thread *thread, int word)
{
	switch (word) {
	case ADDRESS:
		return thread->thread_pointer + (uint64_t)tls->loader.dtv_offset;
	case GENERATION: /* dtv[0].counter */
		return thread->seen[ADDRESS];
	default:
		return thread->seen[ADDRESS] + tls->loader.module_id * tls->loader.dtv_entry_size;
	}
}

/* One word of each thread that needs it. */
static int read_word(struct target *target, const struct module_tls *tls,
		     struct dtv_thread *const *threads, size_t count, int word)
{
	struct target_range ranges[BATCH];
	struct dtv_thread *wanted[BATCH];
	size_t used = 0;
	int rc;

	for (size_t i = 0; i < count; i++) {
		if (threads[i]->error || threads[i]->words < (size_t)(DTV_RANGES - word))
			continue;
		wanted[used] = threads[i];
		ranges[used++] =
			(struct target_range){ .address = address_of(tls, threads[i], word),
					       .buffer = &threads[i]->seen[word],
					       .size = sizeof(uint64_t) };
	}
	rc = target_read(target, ranges, used);
	for (size_t i = 0; i < used; i++)
		if (ranges[i].error)
			wanted[i]->error = KTSTR_PROBE_THREAD_PROCESS_VM_READV;
	return rc;
}

/*
 * As td_thr_tlsbase of glibc's nptl_db: a DTV older than the module's generation has nothing of
 * this module; what it shows in that place, if it has it at all, is a closed library's.
 */
static void take_block(const struct module_tls *tls, struct dtv_thread *thread)
{
	thread->block = 0;
	if (thread->error || thread->seen[GENERATION] < tls->loader.words[0])
		return;
	if (thread->seen[ENTRY] == UNALLOCATED)
		return;
	if (thread->seen[ENTRY] == 0) /* no state that a DTV of this generation has */
		thread->error = KTSTR_PROBE_THREAD_THREAD_POINTER;
	thread->block = thread->seen[ENTRY];
}

int dtv_find_blocks(struct target *target, const struct module_tls *tls,
		    struct dtv_thread *const *threads, size_t count)
{
	int rc;

	for (size_t i = 0; i < count; i++) {
		threads[i]->error = KTSTR_PROBE_THREAD_OK;
		threads[i]->words = 2;
	}
	rc = read_word(target, tls, threads, count, ADDRESS);
	if (rc == 0)
		rc = read_word(target, tls, threads, count, GENERATION);
	for (size_t i = 0; i < count; i++)
		if (threads[i]->error == KTSTR_PROBE_THREAD_OK &&
		    threads[i]->seen[GENERATION] >= tls->loader.words[0])
			threads[i]->words = 3;
	if (rc == 0)
		rc = read_word(target, tls, threads, count, ENTRY);
	for (size_t i = 0; rc == 0 && i < count; i++)
		take_block(tls, threads[i]);
	return rc;
}

size_t dtv_add_ranges(const struct module_tls *tls, struct dtv_thread *thread,
		      struct target_range *ranges)
{
	size_t count = 0;

	for (int word = DTV_RANGES - (int)thread->words; word < DTV_RANGES; word++)
		ranges[count++] = (struct target_range){ .address = address_of(tls, thread, word),
							 .buffer = &thread->again[word],
							 .size = sizeof(uint64_t) };
	return count;
}

bool dtv_holds(const struct dtv_thread *thread)
{
	size_t first = DTV_RANGES - thread->words;

	return memcmp(thread->seen + first, thread->again + first,
		      thread->words * sizeof *thread->seen) == 0;
}

bool dtv_same_module(struct target *target, const struct module_tls *tls)
{
	uint64_t words[2];
	struct target_range range = { .address = tls->loader.slot,
				      .buffer = words,
				      .size = sizeof words };

	if (!tls->loader.slot)
		return true;
	return target_read(target, &range, 1) == 0 && range.error == 0 &&
	       memcmp(words, tls->loader.words, sizeof words) == 0;
}
