/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of how the numbers were found, growing line by line. */
#include "config.h"

#include "base/diagnostics.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE  1024
#define TEXT_LIMIT 65536 /* a process with thousands of odd files must not use unlimited memory */

void diagnostics_add(struct diagnostics *diagnostics, const char *step, const char *format, ...)
{
	int saved_errno = errno;
	char line[LINE_SIZE];
	size_t length;
	va_list args;
	char *text;

	length = (size_t)snprintf(line, sizeof line, "%s: ", step);
	va_start(args, format);
	vsnprintf(line + length, sizeof line - length - 1, format, args);
	va_end(args);
	/* Paths come from the target: one finding stays one line. */
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	length = strlen(line);
	line[length++] = '\n';

	text = diagnostics->length + length < TEXT_LIMIT
		       ? realloc(diagnostics->text, diagnostics->length + length + 1)
		       : NULL;
	if (text) {
		memcpy(text + diagnostics->length, line, length);
		diagnostics->length += length;
		text[diagnostics->length] = '\0';
		diagnostics->text = text;
	}
	errno = saved_errno;
}

void diagnostics_free(struct diagnostics *diagnostics)
{
	free(diagnostics->text);
	*diagnostics = (struct diagnostics){ NULL, 0 };
}
