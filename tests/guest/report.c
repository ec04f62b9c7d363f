/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest says to the outside. */
#include "config.h"

#include "report.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int console_fd = -1;
static unsigned long count;

/* CRC-32 as in ISO 3309 and zlib: reflected polynomial 0xEDB88320, all ones in and out. */
static uint32_t crc32(const char *text)
{
	uint32_t crc = ~UINT32_C(0);

	for (; *text; text++) {
		crc ^= (unsigned char)*text;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
	}
	return ~crc;
}

static void send(const char *text, uint32_t damage)
{
	char body[1500], line[1600];
	size_t size, done = 0;

	snprintf(body, sizeof body, "%lu %s", ++count, text);
	for (char *at = body; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	/* The newline in front: whatever else was written there, this line begins at a line's
	 * begin. */
	snprintf(line, sizeof line, "\n@ktstr %lu %08x %s\n", count,
		 (unsigned)(crc32(body) ^ damage), strchr(body, ' ') + 1);
	size = strlen(line);
	while (done < size) {
		ssize_t wrote = write(console_fd, line + done, size - done);

		if (wrote <= 0)
			return; /* the gap in the count tells */
		done += (size_t)wrote;
	}
}

void report_open(int console)
{
	console_fd = console;
}

void report(const char *format, ...)
{
	char text[1400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	send(text, 0);
}

void report_garbled(const char *text)
{
	send(text, 1);
}
