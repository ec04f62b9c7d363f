/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's name is up to 15 arbitrary bytes that the target chose: this makes them safe to print.
 */
#include "config.h"

#include "output/escape.h"

#include <stdio.h>
#include <string.h>

/* TASK_COMM_LEN is 16 with the NUL (include/linux/sched.h); a longer string is cut. */
#define COMM_BYTES 15

static int continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* Unicode 15, table 3-7: well-formed UTF-8 byte sequences. */
size_t escape_utf8(const char *bytes)
{
	const unsigned char *b = (const unsigned char *)bytes;

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

static size_t comm_length(const char *comm)
{
	return strnlen(comm, COMM_BYTES);
}

void escape_json(const char *comm, char text[ESCAPE_SIZE])
{
	char bounded[COMM_BYTES + 1] = "";
	const char *p = bounded;

	memcpy(bounded, comm, comm_length(comm));
	while (*p) {
		size_t length = escape_utf8(p);
		unsigned char first = (unsigned char)*p;

		if (length == 0)
			text = stpcpy(text, "\xef\xbf\xbd");
		else if (first == '"' || first == '\\')
			text += sprintf(text, "\\%c", first);
		else if (first < 0x20 || first == 0x7f)
			text += sprintf(text, "\\u%04x", first);
		else
			text = mempcpy(text, p, length);
		p += length ? length : 1;
	}
	*text = '\0';
}

size_t escape_line(const char *comm, char text[ESCAPE_SIZE])
{
	char bounded[COMM_BYTES + 1] = "";
	const char *p = bounded;
	size_t columns = 0;

	memcpy(bounded, comm, comm_length(comm));
	while (*p) {
		size_t length = escape_utf8(p);
		unsigned char first = (unsigned char)*p;
		/* U+0080 to U+009F: some terminals act on them as on ESC sequences. */
		int c1 = first == 0xc2 && (unsigned char)p[1] < 0xa0;

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
