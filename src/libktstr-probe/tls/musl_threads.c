/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * musl's threads without a stop. Where the first one is nobody says: a thread that was created has
 * it at the end of its stack's mapping, the main thread in small memory of its own, so words that
 * hold their own address are looked for there. Nothing is believed that its neighbours in the ring
 * and the tid in it do not confirm.
 */
#include "config.h"

#include "tls/musl_threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arch.h"
#include "linux/procfs.h"
#include "linux/procfs_text.h"

#define MAPS_LIMIT  (16u << 20)
#define WHOLE_LIMIT (UINT64_C(1) << 20) /* a larger mapping is searched at its end alone */
#define END_SIZE    (UINT64_C(64) << 10)
#define TOTAL_LIMIT (UINT64_C(64) << 20)
#define CHUNK       (UINT64_C(64) << 10)
#define FOUND_LIMIT 64    /* in one chunk */
#define RING_LIMIT  65536 /* threads */

/* src/internal/pthread_impl.h of musl 1.2, x86_64: the same up to here since the ring is there. */
struct musl_pthread {
	uint64_t self, dtv, prev, next, sysinfo, canary;
	int32_t tid, errno_value;
};

struct search {
	struct target *target;
	struct ptrace_stop *stops;
	size_t count, missing;
	uint64_t bytes;
	uint64_t *words; /* CHUNK bytes */
};

static bool read_thread(struct target *target, uint64_t address, struct musl_pthread *thread)
{
	return address % sizeof(uint64_t) == 0 &&
	       target_read_one(target, address, thread, sizeof *thread) == 0 &&
	       thread->self == address;
}

/* It and its neighbours point to each other. */
static bool is_in_ring(struct target *target, const struct musl_pthread *thread)
{
	struct musl_pthread prev, next;

	return read_thread(target, thread->prev, &prev) && prev.next == thread->self &&
	       read_thread(target, thread->next, &next) && next.prev == thread->self;
}

static void take_thread(struct search *search, const struct musl_pthread *thread)
{
	for (size_t i = 0; i < search->count; i++) {
		struct ptrace_stop *stop = &search->stops[i];

		if (stop->error != KTSTR_PROBE_THREAD_PTRACE_SEIZE ||
		    target_ns_tid(search->target, stop->tid) != thread->tid)
			continue;
		stop->thread_pointer = thread->self;
		stop->error = KTSTR_PROBE_THREAD_OK;
		stop->code = 0;
		search->missing--;
	}
}

/* From one of them to the others. A thread that comes or goes meanwhile may end this early. */
static void follow_ring(struct search *search, uint64_t address)
{
	struct musl_pthread thread;
	uint64_t next = address;

	for (size_t i = 0; i < RING_LIMIT && search->missing; i++) {
		if (!read_thread(search->target, next, &thread) ||
		    !is_in_ring(search->target, &thread))
			return;
		if (thread.tid > 0)
			take_thread(search, &thread);
		next = thread.next;
		if (next == address)
			return;
	}
}

size_t musl_threads_search(const uint64_t *words, size_t count, uint64_t address, uint64_t *found,
			   size_t room)
{
	size_t used = 0;

	for (size_t i = 0; i < count && used < room; i++)
		if (words[i] == address + i * sizeof *words)
			found[used++] = words[i];
	return used;
}

static void search_range(struct search *search, uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end && search->missing && search->bytes < TOTAL_LIMIT;) {
		uint64_t size = end - at < CHUNK ? end - at : CHUNK, found[FOUND_LIMIT];
		size_t count = 0;

		if (target_read_one(search->target, at, search->words, size) == 0)
			count = musl_threads_search(search->words, size / sizeof *search->words, at,
						    found, FOUND_LIMIT);
		for (size_t i = 0; i < count && search->missing; i++)
			follow_ring(search, found[i]);
		search->bytes += size;
		at += size;
	}
}

static void search_maps(struct search *search, char *text)
{
	char *rest = text, *line;

	while (search->missing && (line = strsep(&rest, "\n"))) {
		struct target_map map;

		if (!*line || procfs_parse_map(line, &map) || strncmp(map.perms, "rw-p", 4) != 0)
			continue;
		search_range(search,
			     map.end - map.start > WHOLE_LIMIT ? map.end - END_SIZE : map.start,
			     map.end);
	}
}

void musl_threads_find(struct target *target, struct ptrace_stop *stops, size_t count)
{
	struct search search = { .target = target, .stops = stops, .count = count };
	size_t length, wanted;
	char path[32], *text;

	for (size_t i = 0; i < count; i++)
		search.missing += stops[i].error == KTSTR_PROBE_THREAD_PTRACE_SEIZE;
	wanted = search.missing;
	/* aarch64: struct pthread ends at the thread pointer, and its size differs by version. */
	if (!search.missing || !arch_self_pointer || target->libc == LIBC_GLIBC)
		return;
	search.words = malloc(CHUNK);
	snprintf(path, sizeof path, "%d/maps", (int)target_living_task(target));
	if (search.words &&
	    procfs_read_file(target->proc_fd, path, MAPS_LIMIT, &text, &length) == 0) {
		search_maps(&search, text);
		free(text);
	}
	free(search.words);
	diagnostics_add(&target->diagnostics, "thread pointer",
			"musl's ring of threads, of which none was stopped, shows %zu of %zu that "
			"ptrace may not stop",
			wanted - search.missing, wanted);
}
