/* SPDX-License-Identifier: BSD-2-Clause */
/* A session of a made-up process with one thread or two, its counters beside the identity or far
 * from it. */
#ifndef KTSTR_MADE_SESSION_H
#define KTSTR_MADE_SESSION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "made_threads.h"
#include "session/counters.h"

#define PID   1000
#define OTHER 1001

/* Counters and identity in one range, and in two. */
static const int64_t tp_offsets[] = { -2632, -9000 };

struct session {
	struct fake_target fake;
	struct tsd_locator locator;
	struct thread_table table;
	struct cancellation cancellation;
	struct ktstr_probe_snapshot snapshot;
	int64_t tp_offset;
};

static inline void begin(struct session *session, int64_t tp_offset)
{
	*session = (struct session){
		.locator = made_locator(tp_offset),
		.table = { .pointers = { .robust_list_offset = (uint64_t)MADE_HEAD } },
		.cancellation = { .fd = -1 },
		.snapshot = { .with_names = true },
		.tp_offset = tp_offset,
	};
	fake_target_begin(&session->fake, PID);
	made_thread(&session->fake, PID, made_thread_pointer(0), tp_offset, 100, 40);
}

static inline struct fake_task *add_other(struct session *session)
{
	return made_thread(&session->fake, OTHER, made_thread_pointer(1), session->tp_offset, 7, 3);
}

/* One snapshot, as the first or as one more of the same session. */
static inline void take(struct session *session, bool update)
{
	if (update)
		assert_int_equal(thread_table_update(&session->table, &session->fake.target, 60000,
						     &session->cancellation),
				 0);
	free(session->snapshot.threads);
	session->snapshot.threads = calloc(session->table.count, sizeof *session->snapshot.threads);
	free(session->snapshot.blocks);
	session->snapshot.blocks = calloc(session->table.count, sizeof *session->snapshot.blocks);
	session->snapshot.count = 0;
	assert_int_equal(counters_read(&session->fake.target, &session->locator, &session->table,
				       &session->cancellation, &session->snapshot),
			 0);
	assert_int_equal(session->snapshot.count, session->table.count);
}

static inline void expect_read(const struct session *session, size_t index, uint64_t allocated,
			       uint64_t deallocated)
{
	const struct ktstr_probe_thread *thread = &session->snapshot.threads[index];

	assert_int_equal(thread->error_kind, KTSTR_PROBE_THREAD_OK);
	assert_int_equal(thread->allocated_bytes, allocated);
	assert_int_equal(thread->deallocated_bytes, deallocated);
}

static inline void expect_error(const struct session *session, size_t index,
				enum ktstr_probe_thread_error kind)
{
	const struct ktstr_probe_thread *thread = &session->snapshot.threads[index];

	assert_int_equal(thread->error_kind, kind);
	assert_int_equal(thread->allocated_bytes, 0);
	assert_int_equal(thread->deallocated_bytes, 0);
	assert_non_null(thread->error_text);
}

static inline void end(struct session *session)
{
	free(session->snapshot.threads);
	free(session->snapshot.blocks);
	thread_table_free(&session->table);
	fake_target_end(&session->fake);
}

#define FOR_EACH_LAYOUT(session)                                                     \
	for (size_t layout_ = 0; layout_ < sizeof tp_offsets / sizeof *tp_offsets && \
				 (begin((session), tp_offsets[layout_]), true);      \
	     end(session), layout_++)

#endif
