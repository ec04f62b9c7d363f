/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's name is up to 15 arbitrary bytes that the target chose: this makes them safe to print.
 */
#include "config.h"

#include "output/escape.h"

#include <stdbool.h>
#include <stdio.h>
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

size_t escape_line(const char *comm, char text[ESCAPE_SIZE])
{
	const char *p = comm, *end = comm + strnlen(comm, ESCAPE_COMM_BYTES);
	size_t columns = 0;

	while (p < end) {
		size_t length = escape_utf8(p, (size_t)(end - p));
		unsigned char first = (unsigned char)*p;
		/* U+0080 to U+009F: some terminals act on them as on ESC sequences. */
		bool c1 = length == 2 && first == 0xc2 && (unsigned char)p[1] < 0xa0;

		if (length == 0 || first < 0x20 || first == 0x7f || first == '\\' || c1) {
			text += sprintf(text, "\\x%02x", first);
			columns += 4;
			p++;
			continue;
		}
		text = mempcpy(text, p, length);
		columns++;
		p += length;
	}
	*text = '\0';
	return columns;
}
