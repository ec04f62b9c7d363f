/* SPDX-License-Identifier: BSD-2-Clause */
/* A JSON document, written as it comes. */
#include "config.h"

#include "output/json.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "output/escape.h"
#include "shared/decimal.h"

static void line_break(const struct json *json)
{
	putc('\n', json->out);
	for (unsigned int i = 0; i < json->depth; i++)
		fputs("  ", json->out);
}

static void write_text(FILE *out, const char *text, size_t size)
{
	const char *end = text + strnlen(text, size);

	putc('"', out);
	while (text < end) {
		size_t length = escape_utf8(text, (size_t)(end - text));
		unsigned char first = (unsigned char)*text;

		if (length == 0)
			fputs("\xef\xbf\xbd", out);
		else if (first == '"' || first == '\\')
			fprintf(out, "\\%c", first);
		else if (escape_is_control(text, length)) /* none is beyond U+FFFF */
			fprintf(out, "\\u%04x", escape_code_point(text, length));
		else
			fwrite(text, 1, length, out);
		text += length ? length : 1;
	}
	putc('"', out);
}

/* What stands before a value: the comma after the one before it, white space, and its name. */
static void begin_value(struct json *json, const char *key)
{
	if (json->depth) {
		bool lines = json->levels[json->depth - 1].layout == JSON_LINES;
		bool *filled = &json->levels[json->depth - 1].filled;

		if (*filled)
			putc(',', json->out);
		if (lines)
			line_break(json);
		else
			putc(' ', json->out);
		*filled = true;
	}
	if (key) {
		write_text(json->out, key, SIZE_MAX);
		fputs(": ", json->out);
	}
}

static void open_level(struct json *json, const char *key, enum json_layout layout, char begin,
		       char end)
{
	begin_value(json, key);
	assert(json->depth < JSON_DEPTH_LIMIT);
	if (json->depth && json->levels[json->depth - 1].layout == JSON_ONE_LINE)
		layout = JSON_ONE_LINE;
	putc(begin, json->out);
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
			putc(' ', json->out);
	}
	putc(json->levels[json->depth].end, json->out);
	if (json->depth == 0)
		putc('\n', json->out);
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

	decimal_format(number, digits);
	begin_value(json, key);
	fputs(digits, json->out);
}

void json_signed(struct json *json, const char *key, int64_t number)
{
	char digits[DECIMAL_SIZE];

	decimal_format(number < 0 ? -(uint64_t)number : (uint64_t)number, digits);
	begin_value(json, key);
	if (number < 0)
		putc('-', json->out);
	fputs(digits, json->out);
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
