/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages for people. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/message.h"

static char *printed(const char *prefix, const char *text)
{
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	if (prefix)
		message_print_wrapped(out, prefix, text);
	else
		message_print_lines(out, text);
	fclose(out);
	return result;
}

static void expect(const char *prefix, const char *text, const char *expected)
{
	char *result = printed(prefix, text);

	assert_string_equal(result, expected);
	free(result);
}

static void controls_are_escaped_and_what_is_short_stays_on_one_line(void **state)
{
	(void)state;
	expect("error: ", "plain  text", "error: plain  text\n");
	expect("error: ", "", "error: \n");
	expect("error: ", "a\xe2\x80\xae b\nc\x1b[m\xff",
	       "error: a\\xe2\\x80\\xae b\\x0ac\\x1b[m\\xff\n");
	expect(NULL, "one: \x9b\ntwo: x", "one: \\x9b\ntwo: x\n");
	expect(NULL, "", "");
}

static void a_long_text_is_wrapped_between_words_under_200_columns(void **state)
{
	char text[1200] = "", joined[1200] = "", *result;
	size_t used = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(text, i ? " word" : "word");
	result = printed("error: ", text);
	for (char *line = result; *line; line = strchr(line, '\n') + 1) {
		size_t columns = strcspn(line, "\n");

		assert_true(columns <= MESSAGE_COLUMNS);
		/* The next word would not have fitted. */
		if (strchr(line, '\n')[1])
			assert_true(columns + 5 > MESSAGE_COLUMNS);
		if (line != result)
			assert_memory_equal(line, "    word", 8);
	}
	/* Nothing is lost. */
	for (size_t i = strlen("error: "); result[i + 1]; i++) {
		joined[used++] = result[i] == '\n' ? ' ' : result[i];
		i += result[i] == '\n' ? 4 : 0;
	}
	assert_string_equal(joined, text);
	free(result);
}

static void what_is_not_to_be_wrapped_stays_on_its_line(void **state)
{
	char words[1001], line[1010] = "", *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	(void)state;
	for (size_t i = 0; i < sizeof words - 1; i++)
		words[i] = i % 5 ? 'w' : ' ';
	words[sizeof words - 1] = '\0';
	message_print(out, "error:", words);
	fclose(out);
	snprintf(line, sizeof line, "error:%s\n", words);
	assert_string_equal(result, line);
	free(result);
}

static void a_word_of_199_columns_stays_whole_and_200_get_no_empty_line(void **state)
{
	char word[400], *result;

	(void)state;
	memset(word, 'x', sizeof word);
	word[MESSAGE_COLUMNS] = '\0';
	result = printed("", word);
	assert_int_equal(strlen(result), MESSAGE_COLUMNS + 1);
	free(result);
	word[MESSAGE_COLUMNS] = 'x';
	word[sizeof word - 1] = '\0';
	result = printed("", word);
	assert_int_equal(strlen(result), sizeof word);
	free(result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(controls_are_escaped_and_what_is_short_stays_on_one_line),
		cmocka_unit_test(a_long_text_is_wrapped_between_words_under_200_columns),
		cmocka_unit_test(what_is_not_to_be_wrapped_stays_on_its_line),
		cmocka_unit_test(a_word_of_199_columns_stays_whole_and_200_get_no_empty_line),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
