/* SPDX-License-Identifier: BSD-2-Clause */
/* What a child writes: captured, counted, dropped, never in the way. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "payload_children.h"

static void streams_are_inherited(void **state)
{
	struct ktstr_payload_options options = { SIZED,
						 .err = { .kind = KTSTR_PAYLOAD_STDIO_INHERIT } };
	struct ktstr_payload *payload;
	char text[16] = "";
	int ends[2];
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	dup2(ends[1], STDERR_FILENO);
	payload = spawn_sh("echo lost; echo seen >&2", &options);
	dup2(saved, STDERR_FILENO);
	wait_for_it(payload);
	ktstr_payload_close(payload);
	assert_int_equal(read(ends[0], text, sizeof text - 1), 5);
	assert_string_equal(text, "seen\n");
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

/* 1 MiB on each stream, in turns: neither pipe may fill up while the other is read. */
static void much_output_on_both_streams_is_kept(void **state)
{
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE, .err = CAPTURE,
						 .capture_limit = 100000 };
	struct ktstr_payload *payload =
		spawn_sh("i=0; while [ $i -lt 16 ]; do head -c 65536 /dev/zero | tr '\\0' o;"
			 " head -c 65536 /dev/zero | tr '\\0' e >&2; i=$((i+1)); done",
			 &options);
	struct ktstr_payload_captured output;
	size_t i;

	(void)state;
	assert_int_equal(wait_for_it(payload), 0);
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output, NULL), 0);
	assert_int_equal(output.size, 100000);
	assert_true(output.dropped == 1048576 - 100000);
	for (i = 0; i < output.size; i++)
		if (output.data[i] != 'o')
			fail_msg("byte %zu of stdout is wrong", i);
	assert_int_equal(output.data[output.size], 0);
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDERR, &output, NULL), 0);
	assert_int_equal(output.size, 100000);
	assert_true(output.dropped == 1048576 - 100000);
	assert_int_equal(output.data[99999], 'e');
	ktstr_payload_close(payload);
}

static void output_that_was_not_captured_is_refused(void **state)
{
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE };
	struct ktstr_payload *payload = spawn_sh(":", &options);
	struct ktstr_payload_captured output;

	(void)state;
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDERR, &output, NULL),
			 -EINVAL);
	assert_int_equal(ktstr_payload_output(payload, (enum ktstr_payload_output_stream)0, &output,
					      NULL),
			 -EINVAL);
	assert_int_equal(ktstr_payload_output(payload, (enum ktstr_payload_output_stream)1000,
					      &output, NULL),
			 -EINVAL);
	wait_for_it(payload);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "");
	ktstr_payload_close(payload);
}

/* A child that never stops writing must hold up neither a look nor the drain after its death. */
static void an_endless_writer_does_not_hold_up_the_caller(void **state)
{
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE, .capture_limit = 10 };
	struct ktstr_payload *payload = spawn_sh("yes & yes & yes & exec yes", &options);
	struct ktstr_payload_captured output;
	int status;

	(void)state;
	await_output(payload, "y");
	assert_int_equal(ktstr_payload_try_wait(payload, &status, NULL), -EAGAIN);
	assert_int_equal(ktstr_payload_wait(payload, 50, &status, NULL), -ETIMEDOUT);
	assert_int_equal(ktstr_payload_kill(payload, &status, NULL), 0);
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output, NULL), 0);
	assert_string_equal(output.data, "y\ny\ny\ny\ny\n");
	assert_true(output.dropped > 0);
	ktstr_payload_close(payload);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(streams_are_inherited),
		TEST(much_output_on_both_streams_is_kept),
		TEST(output_that_was_not_captured_is_refused),
		TEST(an_endless_writer_does_not_hold_up_the_caller),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	setenv("PATH", "/usr/bin:/bin",
	       1); /* one without directories that this user may not enter: EACCES */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
