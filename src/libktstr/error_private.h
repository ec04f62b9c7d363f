/* SPDX-License-Identifier: BSD-2-Clause */
/* Fills in a struct ktstr_error where a failure happens. */
#ifndef KTSTR_ERROR_PRIVATE_H
#define KTSTR_ERROR_PRIVATE_H

#include <ktstr/error.h>

/*
 * Writes code (a negative errno), the step that failed and the text, unless error is NULL. Control
 * characters, which a path may hold, become '?'. Returns code.
 */
int error_set(struct ktstr_error *error, int code, const char *step, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
