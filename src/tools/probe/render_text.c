/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text: one line per thread for scripts, or an aligned table with rates for a terminal.
 * Errors of single threads are warnings on another stream.
 */
#include "config.h"

#include "src/tools/probe/render_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output/escape.h"
#include "output/message.h"
#include "shared/clock.h"
#include "src/tools/probe/render_table.h"

typedef const struct ktstr_probe_thread *thread_ref;

/* What a thread took in and gave back; below zero where it freed what others had allocated. */
static int64_t flow(thread_ref thread)
{
	return (int64_t)(thread->allocated_bytes - thread->deallocated_bytes);
}

static int by_tid(thread_ref a, thread_ref b)
{
	return (a->tid > b->tid) - (a->tid < b->tid);
}

static int by_name(thread_ref a, thread_ref b)
{
	return strcmp(a->comm, b->comm);
}

static int by_allocated(thread_ref a, thread_ref b)
{
	return (a->allocated_bytes < b->allocated_bytes) -
	       (a->allocated_bytes > b->allocated_bytes);
}

static int by_deallocated(thread_ref a, thread_ref b)
{
	return (a->deallocated_bytes < b->deallocated_bytes) -
	       (a->deallocated_bytes > b->deallocated_bytes);
}

static int by_flow(thread_ref a, thread_ref b)
{
	return (flow(a) < flow(b)) - (flow(a) > flow(b));
}

static int (*const orders[])(thread_ref, thread_ref) = {
	[OPTIONS_SORT_TID] = by_tid,
	[OPTIONS_SORT_NAME] = by_name,
	[OPTIONS_SORT_ALLOCATED] = by_allocated,
	[OPTIONS_SORT_DEALLOCATED] = by_deallocated,
	[OPTIONS_SORT_FLOW] = by_flow,
};

static int compare(const void *a, const void *b, void *order)
{
	thread_ref left = *(const thread_ref *)a, right = *(const thread_ref *)b;
	int result = (*(int (*const *)(thread_ref, thread_ref))order)(left, right);

	return result ? result : by_tid(left, right);
}

/* The same thread in the snapshot before: by tid and start time, never by its place. */
static thread_ref find_previous(const struct ktstr_probe_snapshot *previous, thread_ref thread)
{
	size_t low = 0, high = previous ? ktstr_probe_snapshot_count(previous) : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		thread_ref candidate = ktstr_probe_snapshot_thread(previous, middle);

		if (candidate->tid < thread->tid) {
			low = middle + 1;
		} else if (candidate->tid > thread->tid) {
			high = middle;
		} else {
			if (candidate->error_kind != KTSTR_PROBE_THREAD_OK ||
			    !candidate->has_name || !thread->has_name ||
			    candidate->start_time != thread->start_time)
				return NULL;
			return candidate;
		}
	}
	return NULL;
}

static void write_line(const struct render_text *text, thread_ref thread)
{
	char comm[ESCAPE_FIELD_SIZE] = "";

	if (thread->has_name)
		escape_field(thread->comm, comm);
	fprintf(text->out,
		"tid=%d comm=%s allocated_bytes=%" PRIu64 " deallocated_bytes=%" PRIu64 "\n",
		(int)thread->tid, comm, thread->allocated_bytes, thread->deallocated_bytes);
}

static void write_warning(const struct render_text *text, thread_ref thread)
{
	char comm[ESCAPE_FIELD_SIZE] = "", prefix[ESCAPE_FIELD_SIZE + 80];

	if (thread->has_name)
		escape_field(thread->comm, comm);
	snprintf(prefix, sizeof prefix, "warning: tid %d comm=%s [%s]: ", (int)thread->tid, comm,
		 ktstr_probe_thread_error_name(thread->error_kind));
	message_print(text->warnings, prefix, thread->error_text ? thread->error_text : "");
}

static int write_table(const struct render_text *text, const thread_ref *threads, size_t count,
		       const struct ktstr_probe_snapshot *previous, int64_t ns)
{
	struct render_table_row *rows = calloc(count ? count : 1, sizeof *rows);
	size_t used = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (threads[i]->error_kind == KTSTR_PROBE_THREAD_OK)
			rows[used++] = (struct render_table_row){
				.thread = threads[i],
				.before = find_previous(previous, threads[i]),
			};
	render_table(text->out, text->width, rows, used, ns);
	free(rows);
	return 0;
}

static void warn_of_others(const struct render_text *text, const struct ktstr_probe *session)
{
	size_t count = ktstr_probe_jemalloc_count(session);
	char prefix[120];

	for (size_t i = 0; count > 1 && i < count; i++) {
		const struct ktstr_probe_jemalloc *jemalloc = ktstr_probe_get_jemalloc(session, i);

		if (i == 0)
			snprintf(prefix, sizeof prefix,
				 "warning: %zu jemallocs are mapped; read is the one at "
				 "0x%" PRIx64 ": ",
				 count, jemalloc->address);
		else
			snprintf(prefix, sizeof prefix,
				 "    not read, --jemalloc=0x%" PRIx64 " would: ",
				 jemalloc->address);
		message_print(text->warnings, prefix, jemalloc->path);
	}
}

void render_text_begin(const struct render_text *text, pid_t pid, const struct ktstr_probe *session)
{
	fprintf(text->out, "pid=%d tool_version=%s\n", (int)pid, PACKAGE_VERSION);
	warn_of_others(text, session);
}

int render_text_snapshot(const struct render_text *text,
			 const struct ktstr_probe_snapshot *snapshot,
			 const struct ktstr_probe_snapshot *previous, unsigned int number,
			 unsigned int total)
{
	size_t count = ktstr_probe_snapshot_count(snapshot);
	int (*order)(thread_ref, thread_ref) = orders[text->sort];
	thread_ref *threads = calloc(count ? count : 1, sizeof *threads);
	int64_t ns = 0;
	int rc = 0;

	if (!threads)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		threads[i] = ktstr_probe_snapshot_thread(snapshot, i);
	qsort_r(threads, count, sizeof *threads, compare, &order);
	if (previous)
		ns = ktstr_probe_snapshot_monotonic_ns(snapshot) -
		     ktstr_probe_snapshot_monotonic_ns(previous);

	fprintf(text->out, "--- snapshot %u/%u @ %" PRId64 "s ---\n", number, total,
		ktstr_probe_snapshot_unix_ns(snapshot) / NS_PER_SEC);
	if (text->table)
		rc = write_table(text, threads, count, previous, ns);
	for (size_t i = 0; i < count; i++) {
		if (threads[i]->error_kind != KTSTR_PROBE_THREAD_OK)
			write_warning(text, threads[i]);
		else if (!text->table)
			write_line(text, threads[i]);
	}
	free(threads);
	return rc;
}

void render_text_interrupted(const struct render_text *text, unsigned int number,
			     unsigned int total, bool in_part)
{
	fprintf(text->out, "--- interrupted: snapshot %u/%u is the last%s ---\n", number, total,
		in_part ? ", and threads are missing from it" : "");
}
