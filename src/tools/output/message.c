/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages for people: escaped and wrapped. */
#include "config.h"

#include "output/message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "output/escape.h"

#define INDENT "    "

/* How many columns the text up to `end` takes. */
static size_t columns_of(const char *text, const char *end)
{
	size_t columns = 0;

	while (text < end) {
		char character[ESCAPE_CHARACTER_SIZE];
		size_t written;

		text += escape_character(text, (size_t)(end - text), character, &written);
		columns += *character == '\\' ? written : 1;
	}
	return columns;
}

static void print_word(FILE *out, const char *word, const char *end)
{
	while (word < end) {
		char character[ESCAPE_CHARACTER_SIZE];
		size_t written;

		word += escape_character(word, (size_t)(end - word), character, &written);
		fwrite(character, 1, written, out);
	}
}

static void compose_line(FILE *out, const char *prefix, const char *text, const char *end,
			 size_t limit)
{
	size_t column = columns_of(prefix, prefix + strlen(prefix));

	fputs(prefix, out);
	for (const char *word = text; word < end;) {
		const char *blank = memchr(word, ' ', (size_t)(end - word));
		const char *word_end = blank ? blank : end;
		size_t columns = columns_of(word, word_end);

		/* Each word but the first has its blank before it. */
		if (word > text && column + 1 + columns > limit) {
			fputs("\n" INDENT, out);
			column = strlen(INDENT);
		} else if (word > text) {
			putc(' ', out);
			column++;
		}
		print_word(out, word, word_end);
		column += columns;
		word = word_end + 1;
	}
	putc('\n', out);
}

/* stderr has no buffer: a line of its own makes one system call of it, and keeps it together where
 * several processes write. */
static void print_line(FILE *out, const char *prefix, const char *text, const char *end,
		       size_t limit)
{
	char *line = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&line, &size);

	compose_line(memory ? memory : out, prefix, text, end, limit);
	if (memory && fclose(memory) == 0)
		fwrite(line, 1, size, out);
	free(line);
}

void message_print(FILE *out, const char *prefix, const char *text)
{
	print_line(out, prefix, text, text + strlen(text), SIZE_MAX);
}

void message_print_wrapped(FILE *out, const char *prefix, const char *text)
{
	print_line(out, prefix, text, text + strlen(text), MESSAGE_COLUMNS);
}

void message_print_lines(FILE *out, const char *lines)
{
	while (*lines) {
		const char *end = strchrnul(lines, '\n');

		print_line(out, "", lines, end, SIZE_MAX);
		lines = *end ? end + 1 : end;
	}
}
