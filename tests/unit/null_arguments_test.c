/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rule of the public headers for NULL, function by function: the error is optional; another
 * pointer only where its description says so; otherwise NULL is -EINVAL, or from a function that
 * returns no errno NULL, 0 or "". tests/program/public_names.t checks that none is left out.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <ktstr/ktstr.h>

static struct ktstr_error error;

/* The call fails with -EINVAL, with an error and without one. */
#define ASSERT_REFUSED(call_with_error, call_without)                  \
	do {                                                           \
		memset(&error, 0xff, sizeof error);                    \
		assert_int_equal(call_with_error, -EINVAL);            \
		assert_int_equal(error.code, -EINVAL);                 \
		assert_int_equal(error.tag, 0);                        \
		assert_string_equal(error.step, "arguments");          \
		assert_true(*error.text && !strchr(error.text, '\n')); \
		for (size_t i = 0; i < 8; i++)                         \
			assert_true(error.reserved[i] == 0);           \
		assert_int_equal(call_without, -EINVAL);               \
	} while (0)

static const char *const program[] = { "sleep", "1000", NULL };

static void payload_functions_refuse_null(void **state)
{
	const char *const empty[] = { NULL };
	struct ktstr_payload_captured output;
	struct ktstr_payload *payload;
	int status, pidfd;
	pid_t pid;

	(void)state;
	ASSERT_REFUSED(ktstr_payload_spawn(program, NULL, NULL, &error),
		       ktstr_payload_spawn(program, NULL, NULL, NULL));
	ASSERT_REFUSED(ktstr_payload_spawn(NULL, NULL, &payload, &error),
		       ktstr_payload_spawn(NULL, NULL, &payload, NULL));
	assert_null(payload);
	ASSERT_REFUSED(ktstr_payload_spawn(empty, NULL, &payload, &error),
		       ktstr_payload_spawn(empty, NULL, &payload, NULL));
	ASSERT_REFUSED(ktstr_payload_pid(NULL, &pid, &error), ktstr_payload_pid(NULL, &pid, NULL));
	ASSERT_REFUSED(ktstr_payload_pidfd(NULL, &pidfd, &error),
		       ktstr_payload_pidfd(NULL, &pidfd, NULL));
	ASSERT_REFUSED(ktstr_payload_signal(NULL, 0, &error), ktstr_payload_signal(NULL, 0, NULL));
	ASSERT_REFUSED(ktstr_payload_try_wait(NULL, &status, &error),
		       ktstr_payload_try_wait(NULL, &status, NULL));
	ASSERT_REFUSED(ktstr_payload_wait(NULL, -1, &status, &error),
		       ktstr_payload_wait(NULL, -1, &status, NULL));
	ASSERT_REFUSED(ktstr_payload_kill(NULL, &status, &error),
		       ktstr_payload_kill(NULL, &status, NULL));
	ASSERT_REFUSED(ktstr_payload_output(NULL, KTSTR_PAYLOAD_STDOUT, &output, &error),
		       ktstr_payload_output(NULL, KTSTR_PAYLOAD_STDOUT, &output, NULL));
	ktstr_payload_close(NULL);

	assert_int_equal(ktstr_payload_spawn(program, NULL, &payload, NULL), 0);
	ASSERT_REFUSED(ktstr_payload_pid(payload, NULL, &error),
		       ktstr_payload_pid(payload, NULL, NULL));
	ASSERT_REFUSED(ktstr_payload_pidfd(payload, NULL, &error),
		       ktstr_payload_pidfd(payload, NULL, NULL));
	ASSERT_REFUSED(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, NULL, &error),
		       ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, NULL, NULL));
	assert_int_equal(ktstr_payload_try_wait(payload, NULL, NULL), -EAGAIN);
	assert_int_equal(ktstr_payload_wait(payload, 0, NULL, NULL), -ETIMEDOUT);
	assert_int_equal(ktstr_payload_kill(payload, NULL, NULL), 0);
	ktstr_payload_close(payload);
}

static void waits_refuse_null(void **state)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_payload *worker;

	(void)state;
	assert_int_equal(ktstr_payload_spawn(program, NULL, &worker, NULL), 0);
	ASSERT_REFUSED(ktstr_worker_ready_wait(NULL, "role", 0, &result, &error),
		       ktstr_worker_ready_wait(NULL, "role", 0, &result, NULL));
	ASSERT_REFUSED(ktstr_worker_ready_wait(worker, NULL, 0, &result, &error),
		       ktstr_worker_ready_wait(worker, NULL, 0, &result, NULL));
	ASSERT_REFUSED(ktstr_worker_ready_wait(worker, "role", 0, NULL, &error),
		       ktstr_worker_ready_wait(worker, "role", 0, NULL, NULL));
	ASSERT_REFUSED(ktstr_worker_ready_wait_pid(1, NULL, 0, &result, &error),
		       ktstr_worker_ready_wait_pid(1, NULL, 0, &result, NULL));
	ASSERT_REFUSED(ktstr_worker_ready_wait_pid(1, "role", 0, NULL, &error),
		       ktstr_worker_ready_wait_pid(1, "role", 0, NULL, NULL));
	ASSERT_REFUSED(ktstr_worker_ready_wait_path(NULL, "/m", "role", 0, &result, &error),
		       ktstr_worker_ready_wait_path(NULL, "/m", "role", 0, &result, NULL));
	ASSERT_REFUSED(ktstr_worker_ready_wait_path(worker, NULL, "role", 0, &result, &error),
		       ktstr_worker_ready_wait_path(worker, NULL, "role", 0, &result, NULL));
	ASSERT_REFUSED(ktstr_worker_ready_wait_path(worker, "/m", NULL, 0, &result, &error),
		       ktstr_worker_ready_wait_path(worker, "/m", NULL, 0, &result, NULL));
	ASSERT_REFUSED(ktstr_worker_ready_wait_path(worker, "/m", "role", 0, NULL, &error),
		       ktstr_worker_ready_wait_path(worker, "/m", "role", 0, NULL, NULL));
	ASSERT_REFUSED(ktstr_worker_ready_marker_remove(NULL, &error),
		       ktstr_worker_ready_marker_remove(NULL, NULL));
	assert_int_equal(ktstr_worker_ready_marker_path(1, NULL, 64), -EINVAL);
	ktstr_payload_close(worker);
}

static void host_functions_refuse_null(void **state)
{
	(void)state;
	ASSERT_REFUSED(ktstr_host_new(NULL, NULL, &error), ktstr_host_new(NULL, NULL, NULL));
	ASSERT_REFUSED(ktstr_host_scan(NULL, &error), ktstr_host_scan(NULL, NULL));
	ASSERT_REFUSED(ktstr_file_cache_new(NULL, &error), ktstr_file_cache_new(NULL, NULL));
	assert_int_equal(ktstr_host_count(NULL), 0);
	assert_null(ktstr_host_get(NULL, 0));
	ktstr_host_cancel(NULL);
	ktstr_host_free(NULL);
	ktstr_file_cache_free(NULL);
}

static void probe_functions_refuse_null(void **state)
{
	struct ktstr_probe_snapshot *snapshot = (struct ktstr_probe_snapshot *)&error;
	struct ktstr_probe *probe;

	(void)state;
	ASSERT_REFUSED(ktstr_probe_new(NULL, NULL, &error), ktstr_probe_new(NULL, NULL, NULL));
	ASSERT_REFUSED(ktstr_probe_open(NULL, 1, &error), ktstr_probe_open(NULL, 1, NULL));
	ASSERT_REFUSED(ktstr_probe_snapshot_take(NULL, &snapshot, &error),
		       ktstr_probe_snapshot_take(NULL, &snapshot, NULL));
	assert_null(snapshot);
	assert_int_equal(ktstr_probe_new(&probe, NULL, NULL), 0);
	ASSERT_REFUSED(ktstr_probe_snapshot_take(probe, NULL, &error),
		       ktstr_probe_snapshot_take(probe, NULL, NULL));
	ktstr_probe_close(probe);
	ktstr_probe_close(NULL);
	ktstr_probe_cancel(NULL);
	assert_string_equal(ktstr_probe_explain(NULL), "");
	assert_null(ktstr_probe_jemalloc_path(NULL));
	assert_null(ktstr_probe_jemalloc_version(NULL));
	assert_int_equal(ktstr_probe_jemalloc_count(NULL), 0);
	assert_null(ktstr_probe_get_jemalloc(NULL, 0));
	assert_int_equal(ktstr_probe_snapshot_count(NULL), 0);
	assert_null(ktstr_probe_snapshot_thread(NULL, 0));
	assert_int_equal(ktstr_probe_snapshot_read_count(NULL), 0);
	assert_int_equal(ktstr_probe_snapshot_unix_ns(NULL), 0);
	assert_int_equal(ktstr_probe_snapshot_monotonic_ns(NULL), 0);
	assert_int_equal(ktstr_probe_snapshot_interrupted(NULL), 0);
	ktstr_probe_snapshot_free(NULL);
}

/* What was not open or not taken is refused as well, with a step, not as an argument. */
static void a_failure_leaves_no_result(void **state)
{
	struct ktstr_probe_snapshot *snapshot = (struct ktstr_probe_snapshot *)&error;
	struct ktstr_probe *probe;

	(void)state;
	assert_int_equal(ktstr_probe_new(&probe, NULL, &error), 0);
	assert_int_equal(ktstr_probe_snapshot_take(probe, &snapshot, &error), -EBADF);
	assert_null(snapshot);
	assert_string_equal(error.step, "session");
	ktstr_probe_close(probe);
}

static void heap_functions_refuse_null(void **state)
{
	const struct ktstr_heap_figure *figure = ktstr_heap_total(NULL, KTSTR_HEAP_ALLOCATED);
	struct ktstr_probe *probe;
	struct ktstr_heap *heap;

	(void)state;
	assert_int_equal(ktstr_probe_new(&probe, NULL, NULL), 0);
	ASSERT_REFUSED(ktstr_heap_take(NULL, &heap, &error), ktstr_heap_take(NULL, &heap, NULL));
	assert_null(heap);
	ASSERT_REFUSED(ktstr_heap_take(probe, NULL, &error), ktstr_heap_take(probe, NULL, NULL));
	assert_int_equal(ktstr_heap_take(probe, &heap, NULL), -EBADF); /* not open */
	assert_null(heap);
	ktstr_probe_close(probe);
	ktstr_heap_free(NULL);
	assert_int_equal(figure->state, KTSTR_HEAP_ABSENT);
	assert_non_null(figure->reason);
	assert_ptr_equal(ktstr_heap_arena_figure(NULL, 0, KTSTR_HEAP_ALLOCATED), figure);
	assert_true(ktstr_heap_span_ns(NULL) == 0 && ktstr_heap_unix_ns(NULL) == 0);
	assert_true(ktstr_heap_quiet(NULL) == 0 && ktstr_heap_has_stats(NULL) == 0);
	assert_null(ktstr_heap_layout(NULL));
	assert_true(ktstr_heap_page(NULL) == 0);
	assert_true(ktstr_heap_arena_count(NULL) == 0 && ktstr_heap_thread_count(NULL) == 0);
	assert_true(ktstr_heap_bin_count(NULL) == 0 && ktstr_heap_large_count(NULL) == 0);
	assert_null(ktstr_heap_get_arena(NULL, 0));
	assert_null(ktstr_heap_get_bin(NULL, KTSTR_HEAP_ALL, 0));
	assert_null(ktstr_heap_get_large(NULL, KTSTR_HEAP_ALL, 0));
	assert_null(ktstr_heap_get_thread(NULL, 0));
	assert_true(ktstr_heap_option_count(NULL) == 0);
	assert_null(ktstr_heap_get_option(NULL, 0));
	assert_null(ktstr_heap_option_text(NULL, "opt.prof"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heap_functions_refuse_null),
		cmocka_unit_test(payload_functions_refuse_null),
		cmocka_unit_test(waits_refuse_null),
		cmocka_unit_test(host_functions_refuse_null),
		cmocka_unit_test(probe_functions_refuse_null),
		cmocka_unit_test(a_failure_leaves_no_result),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
