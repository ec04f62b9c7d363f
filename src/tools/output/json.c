/* SPDX-License-Identifier: BSD-2-Clause */
/* A JSON document, written as it comes. */
#include "config.h"

#include "output/json.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "output/escape.h"
#include "shared/decimal.h"

/* A document has one writer: the stream is not locked for each of its many small pieces. */
static void write_bytes(FILE *out, const char *bytes, size_t size)
{
	fwrite_unlocked(bytes, 1, size, out);
}

static void write_byte(FILE *out, char byte)
{
	putc_unlocked(byte, out);
}

static void line_break(const struct json *json)
{
	static const char blanks[2 * JSON_DEPTH_LIMIT + 1] = "\n                                ";

	write_bytes(json->out, blanks, 1 + 2 * (size_t)json->depth);
}

static bool is_plain(char byte)
{
	return byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
}

/* Returns how many bytes of text that was. */
static size_t write_character(FILE *out, const char *text, size_t size)
{
	size_t length = escape_utf8(text, size);

	if (length == 0)
		write_bytes(out, "\xef\xbf\xbd", 3);
	else if (*text == '"' || *text == '\\')
		fprintf(out, "\\%c", *text);
	else if (escape_is_control(text, length)) /* none is beyond U+FFFF */
		fprintf(out, "\\u%04x", escape_code_point(text, length));
	else
		write_bytes(out, text, length);
	return length ? length : 1;
}

static void write_text(FILE *out, const char *text, size_t size)
{
	const char *end = text + strnlen(text, size);

	write_byte(out, '"');
	while (text < end) {
		size_t plain = 0;

		while (text + plain < end && is_plain(text[plain]))
			plain++;
		if (plain)
			write_bytes(out, text, plain);
		text += plain;
		if (text < end)
			text += write_character(out, text, (size_t)(end - text));
	}
	write_byte(out, '"');
}

/* What stands before a value: the comma after the one before it, white space, and its name. */
static void begin_value(struct json *json, const char *key)
{
	if (json->depth) {
		bool lines = json->levels[json->depth - 1].layout == JSON_LINES;
		bool *filled = &json->levels[json->depth - 1].filled;

		if (*filled)
			write_byte(json->out, ',');
		if (lines)
			line_break(json);
		else
			write_byte(json->out, ' ');
		*filled = true;
	}
	if (key) {
		write_text(json->out, key, SIZE_MAX);
		write_bytes(json->out, ": ", 2);
	}
}

static void open_level(struct json *json, const char *key, enum json_layout layout, char begin,
		       char end)
{
	begin_value(json, key);
	assert(json->depth < JSON_DEPTH_LIMIT);
	if (json->depth && json->levels[json->depth - 1].layout == JSON_ONE_LINE)
		layout = JSON_ONE_LINE;
	write_byte(json->out, begin);
	json->levels[json->depth].layout = layout;
	json->levels[json->depth].end = end;
	json->levels[json->depth].filled = false;
	json->depth++;
}

void json_object(struct json *json, const char *key, enum json_layout layout)
{
	open_level(json, key, layout, '{', '}');
}

void json_array(struct json *json, const char *key, enum json_layout layout)
{
	open_level(json, key, layout, '[', ']');
}

void json_end(struct json *json)
{
	assert(json->depth);
	json->depth--;
	if (json->levels[json->depth].filled) {
		if (json->levels[json->depth].layout == JSON_LINES)
			line_break(json);
		else
			write_byte(json->out, ' ');
	}
	write_byte(json->out, json->levels[json->depth].end);
	if (json->depth == 0)
		write_byte(json->out, '\n');
}

void json_text(struct json *json, const char *key, const char *text, size_t size)
{
	begin_value(json, key);
	write_text(json->out, text, size);
}

void json_string(struct json *json, const char *key, const char *text)
{
	json_text(json, key, text, SIZE_MAX);
}

void json_unsigned(struct json *json, const char *key, uint64_t number)
{
	char digits[DECIMAL_SIZE];
	size_t count = decimal_format(number, digits);

	begin_value(json, key);
	write_bytes(json->out, digits, count);
}

void json_signed(struct json *json, const char *key, int64_t number)
{
	char digits[DECIMAL_SIZE];
	size_t count = decimal_format(number < 0 ? -(uint64_t)number : (uint64_t)number, digits);

	begin_value(json, key);
	if (number < 0)
		write_byte(json->out, '-');
	write_bytes(json->out, digits, count);
}

void json_boolean(struct json *json, const char *key, bool value)
{
	begin_value(json, key);
	fputs(value ? "true" : "false", json->out);
}

void json_fraction(struct json *json, const char *key, double number, int digits)
{
	begin_value(json, key);
	if (isfinite(number))
		fprintf(json->out, "%.*f", digits, number);
	else
		fputs("null", json->out);
}
