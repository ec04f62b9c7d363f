/* SPDX-License-Identifier: BSD-2-Clause */
/* Thread names of arbitrary bytes, made safe for a line of text. */
#include "config.h"

#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/escape.h"

static void each_name_is_escaped_as_the_table_says(void **state)
{
	static const struct {
		const char *comm, *line;
	} rows[] = {
		{ .comm = "", .line = "" },
		{ .comm = "redis-server", .line = "redis-server" },
		{ .comm = "a b)", .line = "a b)" },
		{ .comm = "q\"\\", .line = "q\"\\x5c" },
		{ .comm = "x\ny\x1b[m\x7f", .line = "x\\x0ay\\x1b[m\\x7f" },
		{ .comm = "\xc3\xa9t\xc3\xa9", .line = "\xc3\xa9t\xc3\xa9" },
		{ .comm = "cut\xc3", .line = "cut\\xc3" },
		{ .comm = "\xff\xfe", .line = "\\xff\\xfe" },
		{ .comm = "\xc0\xaf", .line = "\\xc0\\xaf" },          /* overlong */
		{ .comm = "\xed\xa0\x80", .line = "\\xed\\xa0\\x80" }, /* surrogate */
		{ .comm = "\xf4\x90\x80\x80", .line = "\\xf4\\x90\\x80\\x80" },
		{ .comm = "\xc2\x9b"
			  "1m",
		  .line = "\\xc2\\x9b1m" }, /* C1: CSI */
		{ .comm = "a\xe2\x80\xae"
			  "b",
		  .line = "a\\xe2\\x80\\xaeb" }, /* U+202E, right-to-left override */
		{ .comm = "\xd8\x9c\xe2\x81\xa6", .line = "\\xd8\\x9c\\xe2\\x81\\xa6" },
		{ .comm = "\xe2\x80\x8b\xe2\x81\xaa",
		  .line = "\xe2\x80\x8b\xe2\x81\xaa" },                /* beside them */
		{ .comm = "\xe2\x80\xa8", .line = "\\xe2\\x80\\xa8" }, /* line separator */
		{ .comm = "12345678901234\xc3\xa9",
		  .line = "12345678901234\\xc3" }, /* cut after 15 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[ESCAPE_SIZE];

		escape_line(rows[i].comm, text);
		assert_string_equal(text, rows[i].line);
	}
}

static void a_field_is_quoted_where_it_could_be_taken_for_several(void **state)
{
	static const struct {
		const char *comm, *field;
	} rows[] = {
		{ .comm = "redis-server", .field = "redis-server" },
		{ .comm = "kworker/0:1", .field = "kworker/0:1" },
		{ .comm = "", .field = "\"\"" },
		{ .comm = "x tid=1", .field = "\"x tid=1\"" },
		{ .comm = "a=b", .field = "\"a=b\"" },
		{ .comm = "a b", .field = "\"a b\"" },
		{ .comm = "\" tid=1", .field = "\"\\x22 tid=1\"" },
		{ .comm = "\"", .field = "\"\\x22\"" },
		{ .comm = "tab\tx", .field = "tab\\x09x" },
		{ .comm = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff ",
		  .field = "\"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff"
			   "\\xff \"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[ESCAPE_FIELD_SIZE];

		escape_field(rows[i].comm, text);
		assert_string_equal(text, rows[i].field);
	}
}

/* By another's judgement. */
static void any_name_becomes_utf8_without_controls(void **state)
{
	unsigned int seed = 1;
	iconv_t judge = iconv_open("UCS-4", "UTF-8");

	(void)state;
	for (int round = 0; round < 200000; round++) {
		char comm[16], text[ESCAPE_SIZE], wide[ESCAPE_SIZE * 4], *in = text, *out = wide;
		size_t length = (size_t)rand_r(&seed) % 16, in_left, out_left = sizeof wide;

		for (size_t i = 0; i < length; i++)
			comm[i] = (char)(1 + rand_r(&seed) % 255);
		comm[length] = '\0';
		escape_line(comm, text);
		in_left = strlen(text);
		assert_true(in_left < sizeof text);
		assert_int_equal(iconv(judge, &in, &in_left, &out, &out_left), 0);
		for (char *p = text; *p; p++)
			assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
	}
	iconv_close(judge);
}

static void a_name_without_a_nul_is_not_read_beyond_15_bytes(void **state)
{
	char *comm = malloc(15), text[ESCAPE_SIZE];

	(void)state;
	memset(comm, '\x01', 15);
	assert_int_equal(escape_line(comm, text), 15 * 4);
	assert_int_equal(strlen(text), 15 * 4);
	free(comm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_is_escaped_as_the_table_says),
		cmocka_unit_test(a_field_is_quoted_where_it_could_be_taken_for_several),
		cmocka_unit_test(any_name_becomes_utf8_without_controls),
		cmocka_unit_test(a_name_without_a_nul_is_not_read_beyond_15_bytes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
