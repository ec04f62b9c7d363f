/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes that the target chose, made safe to print. */
#include "config.h"

#include "output/escape.h"

#include <string.h>

static bool continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* Unicode 15, table 3-7: well-formed UTF-8 byte sequences. */
size_t escape_utf8(const char *bytes, size_t size)
{
	unsigned char b[4] = { 0 };

	memcpy(b, bytes, size < sizeof b ? size : sizeof b);
	if (b[0] < 0x80)
		return 1;
	if (b[0] >= 0xc2 && b[0] <= 0xdf)
		return continuation(b[1]) ? 2 : 0;
	if (b[0] >= 0xe0 && b[0] <= 0xef) {
		if (!continuation(b[1]) || (b[0] == 0xe0 && b[1] < 0xa0) ||
		    (b[0] == 0xed && b[1] > 0x9f))
			return 0;
		return continuation(b[2]) ? 3 : 0;
	}
	if (b[0] >= 0xf0 && b[0] <= 0xf4) {
		if (!continuation(b[1]) || (b[0] == 0xf0 && b[1] < 0x90) ||
		    (b[0] == 0xf4 && b[1] > 0x8f))
			return 0;
		return continuation(b[2]) && continuation(b[3]) ? 4 : 0;
	}
	return 0;
}

unsigned int escape_code_point(const char *bytes, size_t length)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned int point = (unsigned char)*bytes & masks[length];

	for (size_t i = 1; i < length; i++)
		point = point << 6 | ((unsigned char)bytes[i] & 0x3fU);
	return point;
}

bool escape_is_control(const char *bytes, size_t length)
{
	/* C0; DEL and C1, on which some terminals act as on ESC sequences. Unicode 15,
	 * PropList.txt: Bidi_Control; and what breaks a line: U+2028, U+2029. */
	static const struct {
		unsigned int first, last;
	} controls[] = {
		{ .first = 0x00, .last = 0x1f },     { .first = 0x7f, .last = 0x9f },
		{ .first = 0x61c, .last = 0x61c },   { .first = 0x200e, .last = 0x200f },
		{ .first = 0x2028, .last = 0x202e }, { .first = 0x2066, .last = 0x2069 },
	};
	unsigned int point = escape_code_point(bytes, length);

	for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
		if (point >= controls[i].first && point <= controls[i].last)
			return true;
	return false;
}

size_t escape_character(const char *bytes, size_t size, char text[ESCAPE_CHARACTER_SIZE],
			size_t *written)
{
	static const char digits[] = "0123456789abcdef";
	size_t length = escape_utf8(bytes, size);

	if (length && *bytes != '\\' && !escape_is_control(bytes, length)) {
		memcpy(text, bytes, length);
		*written = length;
		return length;
	}
	length = length ? length : 1;
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		const char escaped[] = { '\\', 'x', digits[byte >> 4], digits[byte & 0xf] };

		memcpy(text + i * sizeof escaped, escaped, sizeof escaped);
	}
	*written = length * 4;
	return length;
}

size_t escape_line(const char *comm, char text[ESCAPE_SIZE])
{
	const char *p = comm, *end = comm + strnlen(comm, ESCAPE_COMM_BYTES);
	size_t columns = 0;

	while (p < end) {
		char character[ESCAPE_CHARACTER_SIZE];
		size_t written;

		p += escape_character(p, (size_t)(end - p), character, &written);
		columns += *character == '\\' ? written : 1;
		text = mempcpy(text, character, written);
	}
	*text = '\0';
	return columns;
}

void escape_field(const char *comm, char text[ESCAPE_FIELD_SIZE])
{
	char line[ESCAPE_SIZE];

	escape_line(comm, line);
	if (*line && !strpbrk(line, " =\"")) {
		memcpy(text, line, strlen(line) + 1);
		return;
	}
	*text++ = '"';
	for (const char *p = line; *p; p++) {
		if (*p == '"')
			text = stpcpy(text, "\\x22");
		else
			*text++ = *p;
	}
	*text++ = '"';
	*text = '\0';
}
