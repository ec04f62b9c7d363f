/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of the probe: each option, its limits, and what excludes what. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probe/options.h"

#define MAX_ARGS 8

static int parse(struct options *options, char *error, const char *line)
{
	static char words[256];
	char *argv[MAX_ARGS + 2] = { (char *)"probe" };
	int argc = 1;

	strncpy(words, line, sizeof words - 1);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[argc++] = strcmp(word, "''") == 0 ? (char *)"" : word;
	return options_parse(argc, argv, options, error);
}

static void each_option_is_taken_within_its_limits(void **state)
{
	struct options o;
	char error[OPTIONS_ERROR_SIZE];

	(void)state;
	assert_int_equal(parse(&o, error, "-p 1"), 0);
	assert_int_equal(o.pid, 1);
	assert_int_equal(o.snapshots, 1);
	assert_int_equal(o.interval_ms, 0);
	assert_int_equal(o.json, 0);
	assert_int_equal(parse(&o, error, "--pid=2147483647 --json --explain --no-names"), 0);
	assert_int_equal(o.pid, INT32_MAX);
	assert_int_equal(o.json && o.explain && o.probe.no_names, 1);
	assert_int_equal(parse(&o, error, "--pid 5 --snapshots 100000 --interval-ms 3600000"), 0);
	assert_int_equal(o.snapshots, 100000);
	assert_int_equal(o.interval_ms, 3600000);
	assert_int_equal(parse(&o, error, "--pid 5 --wait 3600000"), 0);
	assert_int_equal(o.probe.wait_ms, 3600000);
	assert_int_equal(parse(&o, error, "--pid 5 --abort-after-ms 1 --sort flow"), 0);
	assert_int_equal(o.abort_after_ms, 1);
	assert_int_equal(o.sort, OPTIONS_SORT_FLOW);
	assert_int_equal(parse(&o, error,
			       "--pid 5 --thread-pointer=ptrace --debuginfo off --jemalloc x.so"),
			 0);
	assert_int_equal(o.probe.thread_pointer, KTSTR_PROBE_THREAD_POINTER_PTRACE);
	assert_int_equal(o.probe.debuginfo, KTSTR_PROBE_DEBUGINFO_OFF);
	assert_string_equal(o.probe.jemalloc_path, "x.so");
	assert_int_equal(parse(&o, error, "--jsonl 7 --no-names"), 0);
	assert_int_equal(o.pid, 7);
	assert_true(o.json_lines && !o.json && o.probe.no_names);
	assert_int_equal(parse(&o, error, "--help --nonsense"), 0);
	assert_int_equal(o.help, 1);
	assert_int_equal(parse(&o, error, "--version"), 0);
	assert_int_equal(o.version, 1);
}

static void what_is_out_of_place_or_range_is_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"--json",
		"-p 0",
		"-p -1",
		"-p +1",
		"-p 1x",
		"-p 0x1",
		"-p 2147483648",
		"-p ''",
		"-p 99999999999999999999999",
		"-p",
		"-p 1 extra",
		"-p 1 1",
		"1 2",
		"redis-server",
		"-p redis-server",
		"1 --json --jsonl",
		"1 --jsonl --sort flow",
		"-p 1 --nonsense",
		"-p 1 --json=yes",
		"-p 1 --snapshots 0",
		"-p 1 --snapshots 100001 --interval-ms 1",
		"-p 1 --snapshots 2",
		"-p 1 --interval-ms 5",
		"-p 1 --snapshots 1 --interval-ms 5",
		"-p 1 --snapshots 2 --interval-ms 0",
		"-p 1 --snapshots 2 --interval-ms 3600001",
		"-p 1 --abort-after-ms 0",
		"-p 1 --abort-after-ms 3600001",
		"-p 1 --wait 0",
		"-p 1 --wait 3600001",
		"-p 1 --sort size",
		"-p 1 --json --sort flow",
		"-p 1 --sort name --no-names",
		"-p 1 --thread-pointer guess",
		"-p 1 --debuginfo on",
		"-p 1 --jemalloc ''",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct options o;
		char error[OPTIONS_ERROR_SIZE] = "";

		if (parse(&o, error, lines[i]) != -EINVAL)
			fail_msg("accepted: %s", lines[i]);
		assert_true(*error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_option_is_taken_within_its_limits),
		cmocka_unit_test(what_is_out_of_place_or_range_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
