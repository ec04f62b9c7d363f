/* SPDX-License-Identifier: BSD-2-Clause */
/* A JSON document, written as it comes. */
#include "config.h"

#include <iconv.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/json.h"

static char *written;
static size_t written_size;

static struct json begin(void)
{
	struct json json = { .out = open_memstream(&written, &written_size) };

	assert_non_null(json.out);
	return json;
}

static void expect(struct json *json, const char *text)
{
	assert_int_equal(ferror(json->out), 0);
	assert_int_equal(fclose(json->out), 0);
	assert_string_equal(written, text);
	free(written);
}

static void members_stand_on_lines_or_on_one_line(void **state)
{
	struct json json = begin();

	(void)state;
	json_object(&json, NULL, JSON_LINES);
	json_unsigned(&json, "a", 1);
	json_array(&json, "b", JSON_LINES);
	json_object(&json, NULL, JSON_ONE_LINE);
	json_signed(&json, "c", -1);
	json_array(&json, "d", JSON_LINES); /* within one line it stays one line */
	json_boolean(&json, NULL, true);
	json_boolean(&json, NULL, false);
	json_end(&json);
	json_end(&json);
	json_object(&json, NULL, JSON_LINES);
	json_end(&json);
	json_end(&json);
	json_end(&json);
	expect(&json, "{\n"
		      "  \"a\": 1,\n"
		      "  \"b\": [\n"
		      "    { \"c\": -1, \"d\": [ true, false ] },\n"
		      "    {}\n"
		      "  ]\n"
		      "}\n");
}

static void each_text_is_escaped_as_the_table_says(void **state)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
		{ .text = "", .json = "\"\"" },
		{ .text = "redis-server", .json = "\"redis-server\"" },
		{ .text = "a b)", .json = "\"a b)\"" },
		{ .text = "q\"\\", .json = "\"q\\\"\\\\\"" },
		{ .text = "x\ny\x1b[m\x7f", .json = "\"x\\u000ay\\u001b[m\\u007f\"" },
		{ .text = "\xc3\xa9t\xc3\xa9", .json = "\"\xc3\xa9t\xc3\xa9\"" },
		{ .text = "cut\xc3", .json = "\"cut\xef\xbf\xbd\"" },
		{ .text = "\xff\xfe", .json = "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		/* overlong */
		{ .text = "\xc0\xaf", .json = "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		/* a surrogate */
		{ .text = "\xed\xa0\x80", .json = "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		/* beyond U+10FFFF */
		{ .text = "\xf4\x90\x80\x80",
		  .json = "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct json json = begin();

		json_string(&json, NULL, rows[i].text);
		expect(&json, rows[i].json);
	}
}

/* By another's judgement. */
static void any_text_becomes_utf8_without_controls(void **state)
{
	unsigned int seed = 1;
	iconv_t judge = iconv_open("UCS-4", "UTF-8");

	(void)state;
	for (int round = 0; round < 100000; round++) {
		char text[16], wide[512], *in, *out = wide;
		size_t length = (size_t)rand_r(&seed) % 16, in_left, out_left = sizeof wide;
		struct json json = begin();

		for (size_t i = 0; i < length; i++)
			text[i] = (char)(1 + rand_r(&seed) % 255);
		text[length] = '\0';
		json_string(&json, NULL, text);
		assert_int_equal(fclose(json.out), 0);
		in = written;
		in_left = written_size;
		assert_int_equal(iconv(judge, &in, &in_left, &out, &out_left), 0);
		for (size_t i = 0; i < written_size; i++)
			assert_true((unsigned char)written[i] >= 0x20 && written[i] != 0x7f);
		free(written);
	}
	iconv_close(judge);
}

static void a_bounded_text_is_not_read_beyond_its_bound(void **state)
{
	struct json json = begin();
	char *text = malloc(4);

	(void)state;
	memcpy(text, "abc\xc3", 4);
	json_text(&json, NULL, text, 4);
	expect(&json, "\"abc\xef\xbf\xbd\"");
	free(text);
}

static void numbers_keep_all_their_digits(void **state)
{
	struct json json = begin();

	(void)state;
	json_array(&json, NULL, JSON_ONE_LINE);
	json_unsigned(&json, NULL, UINT64_MAX);
	json_signed(&json, NULL, INT64_MIN);
	json_signed(&json, NULL, INT64_MAX);
	json_signed(&json, NULL, 0);
	json_fraction(&json, NULL, -1.25, 3);
	json_fraction(&json, NULL, (double)NAN, 3);
	json_fraction(&json, NULL, (double)INFINITY, 3);
	json_end(&json);
	expect(&json, "[ 18446744073709551615, -9223372036854775808, 9223372036854775807, 0, "
		      "-1.250, null, null ]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_stand_on_lines_or_on_one_line),
		cmocka_unit_test(each_text_is_escaped_as_the_table_says),
		cmocka_unit_test(any_text_becomes_utf8_without_controls),
		cmocka_unit_test(a_bounded_text_is_not_read_beyond_its_bound),
		cmocka_unit_test(numbers_keep_all_their_digits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
