/* SPDX-License-Identifier: BSD-2-Clause */
/* Fills in a struct ktstr_error where a failure happens. */
#include "error_private.h"

#include <stdarg.h>
#include <stdio.h>

int ktstr_error_set(struct ktstr_error *error, int code, const char *format, ...)
{
	va_list args;

	if (!error)
		return code;
	*error = (struct ktstr_error){ .code = code };
	va_start(args, format);
	vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
	return code;
}
