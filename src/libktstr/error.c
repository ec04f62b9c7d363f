/* SPDX-License-Identifier: BSD-2-Clause */
/* Fills in a struct ktstr_error where a failure happens. */
#include "error_private.h"

#include <stdarg.h>
#include <stdio.h>

int error_set(struct ktstr_error *error, int code, const char *step, const char *format, ...)
{
	va_list args;

	if (!error)
		return code;
	*error = (struct ktstr_error){ .code = code };
	snprintf(error->step, sizeof error->step, "%s", step);
	va_start(args, format);
	vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
	for (char *at = error->text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	return code;
}
