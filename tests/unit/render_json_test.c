/* SPDX-License-Identifier: BSD-2-Clause */
/* The JSON document, to the byte. To change a name or the version here is to change the contract.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "made_snapshot.h"
#include "shared/clock.h"
#include "tools/probe/render_json.h"

#define THREADS                                                                                 \
	"        { \"tid\": 70, \"comm\": \"redis \\\"1\\\"\", \"start_time_jiffies\": 12345, " \
	"\"allocated_bytes\": 18446744073709551615, \"deallocated_bytes\": 24 },\n"             \
	"        { \"tid\": 71, \"comm\": \"a\\u000ab\xef\xbf\xbd\", \"start_time_jiffies\": "  \
	"12346, "                                                                               \
	"\"error\": \"it \\\"went\\\"\", \"error_kind\": \"get-regset\" },\n"                   \
	"        { \"tid\": 72, \"allocated_bytes\": 1, \"deallocated_bytes\": 2 },\n"          \
	"        { \"tid\": 73, \"error\": \"slow\", \"error_kind\": \"waitpid\" }\n"

#define BEGIN                                                                                 \
	"{\n  \"schema_version\": 3,\n  \"pid\": 70,\n  \"tool_version\": \"" PACKAGE_VERSION \
	"\",\n  \"started_at_unix_sec\": 1700000000,\n"

static char *written;
static size_t written_size;

static struct render_json begin(void)
{
	struct render_json render = { .json = { .out = open_memstream(&written, &written_size) },
				      .pid = 70,
				      .start_unix_ns = 1700000000 * NS_PER_SEC,
				      .start_monotonic_ns = 2000 };

	assert_non_null(render.json.out);
	return render;
}

static void expect(struct render_json *render, const char *text)
{
	assert_int_equal(fclose(render->json.out), 0);
	assert_string_equal(written, text);
	free(written);
}

static void one_snapshot_is_this_document(void **state)
{
	struct render_json render = begin();

	(void)state;
	render_json_begin(&render);
	render_json_snapshot(&render, &made_snapshot);
	render_json_end(&render, false);
	expect(&render, BEGIN "  \"snapshots\": [\n"
			      "    {\n"
			      "      \"timestamp_unix_sec\": 1700000001,\n"
			      "      \"elapsed_since_start_ns\": 3000,\n"
			      "      \"threads\": [\n" THREADS "      ]\n"
			      "    }\n"
			      "  ],\n"
			      "  \"interrupted\": false\n"
			      "}\n");
}

static void an_interval_is_named_and_an_interruption_is_told(void **state)
{
	struct render_json render = begin();

	(void)state;
	render.interval_ms = 250;
	render_json_begin(&render);
	render_json_end(&render, true);
	expect(&render, BEGIN "  \"interval_ms\": 250,\n"
			      "  \"snapshots\": [],\n"
			      "  \"interrupted\": true\n"
			      "}\n");
}

static void a_line_is_a_document_of_one_snapshot(void **state)
{
	struct render_json render = begin();

	(void)state;
	render.interval_ms = 250;
	render_json_line(&render, &made_snapshot, 2, 9);
	expect(&render,
	       "{ \"schema_version\": 3, \"pid\": 70, \"tool_version\": \"" PACKAGE_VERSION
	       "\", \"started_at_unix_sec\": 1700000000, \"interval_ms\": 250, "
	       "\"snapshot_number\": 2, \"snapshot_total\": 9, "
	       "\"timestamp_unix_sec\": 1700000001, \"elapsed_since_start_ns\": 3000, "
	       "\"threads\": [ "
	       "{ \"tid\": 70, \"comm\": \"redis \\\"1\\\"\", \"start_time_jiffies\": 12345, "
	       "\"allocated_bytes\": 18446744073709551615, \"deallocated_bytes\": 24 }, "
	       "{ \"tid\": 71, \"comm\": \"a\\u000ab\xef\xbf\xbd\", \"start_time_jiffies\": 12346, "
	       "\"error\": \"it \\\"went\\\"\", \"error_kind\": \"get-regset\" }, "
	       "{ \"tid\": 72, \"allocated_bytes\": 1, \"deallocated_bytes\": 2 }, "
	       "{ \"tid\": 73, \"error\": \"slow\", \"error_kind\": \"waitpid\" } ], "
	       "\"interrupted\": false }\n");
}

static void of_several_jemallocs_the_one_that_is_read_and_the_others_are_named(void **state)
{
	struct render_json render = begin();

	(void)state;
	render.session = (const struct ktstr_probe *)&render;
	render_json_begin(&render);
	render_json_end(&render, false);
	expect(&render,
	       BEGIN "  \"jemalloc\": { \"path\": \"/lib/first.so\", \"version\": \"5.3.0\", "
		     "\"address\": \"0x7f0000001000\" },\n"
		     "  \"other_jemallocs\": [\n"
		     "    { \"path\": \"/lib/a\\u000ab.so\", \"address\": "
		     "\"0x7f0000002000\" }\n"
		     "  ],\n"
		     "  \"snapshots\": [],\n"
		     "  \"interrupted\": false\n"
		     "}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_snapshot_is_this_document),
		cmocka_unit_test(an_interval_is_named_and_an_interruption_is_told),
		cmocka_unit_test(a_line_is_a_document_of_one_snapshot),
		cmocka_unit_test(
			of_several_jemallocs_the_one_that_is_read_and_the_others_are_named),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
