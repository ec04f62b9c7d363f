/* SPDX-License-Identifier: BSD-2-Clause */
/* Thread names of arbitrary bytes, made safe for JSON and for a line of text. */
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

static void test_pinned(void **state)
{
	static const struct {
		const char *comm, *json, *line;
	} rows[] = {
		{ "", "", "" },
		{ "redis-server", "redis-server", "redis-server" },
		{ "a b)", "a b)", "a b)" },
		{ "q\"\\", "q\\\"\\\\", "q\"\\x5c" },
		{ "x\ny\x1b[m\x7f", "x\\u000ay\\u001b[m\\u007f", "x\\x0ay\\x1b[m\\x7f" },
		{ "\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9" },
		{ "cut\xc3", "cut\xef\xbf\xbd", "cut\\xc3" },
		{ "\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd", "\\xff\\xfe" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd", "\\xc0\\xaf" }, /* overlong */
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
		  "\\xed\\xa0\\x80" }, /* surrogate */
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
		  "\\xf4\\x90\\x80\\x80" },
		{ "\xc2\x9b"
		  "1m",
		  "\xc2\x9b"
		  "1m",
		  "\\xc2\\x9b1m" }, /* C1: CSI */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[ESCAPE_SIZE];

		escape_json(rows[i].comm, text);
		assert_string_equal(text, rows[i].json);
		escape_line(rows[i].comm, text);
		assert_string_equal(text, rows[i].line);
	}
}

/* Any bytes: both results are UTF-8 by another's judgement, fit, and hold no control character. */
static void test_random(void **state)
{
	unsigned int seed = 1;
	iconv_t judge = iconv_open("UCS-4", "UTF-8");

	(void)state;
	for (int round = 0; round < 200000; round++) {
		char comm[16], text[ESCAPE_SIZE];
		size_t length = (size_t)rand_r(&seed) % 16;

		for (size_t i = 0; i < length; i++)
			comm[i] = (char)(1 + rand_r(&seed) % 255);
		comm[length] = '\0';
		for (int line = 0; line < 2; line++) {
			char wide[ESCAPE_SIZE * 4], *in = text, *out = wide;
			size_t in_left, out_left = sizeof wide;

			if (line)
				escape_line(comm, text);
			else
				escape_json(comm, text);
			in_left = strlen(text);
			assert_true(in_left < sizeof text);
			assert_int_equal(iconv(judge, &in, &in_left, &out, &out_left), 0);
			for (char *p = text; *p; p++)
				assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
		}
	}
	iconv_close(judge);
}

/* A buffer without a NUL is not read beyond 15 bytes. */
static void test_unterminated(void **state)
{
	char *comm = malloc(15), text[ESCAPE_SIZE];

	(void)state;
	memset(comm, '\x01', 15);
	escape_json(comm, text);
	assert_int_equal(strlen(text), 15 * 6);
	free(comm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_unterminated),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
