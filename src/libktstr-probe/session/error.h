/* SPDX-License-Identifier: BSD-2-Clause */
/* The errors of a session. */
#ifndef KTSTR_SESSION_ERROR_H
#define KTSTR_SESSION_ERROR_H

#include <ktstr/probe.h>

#include "base/target.h"

/* Fills in error (may be NULL) and returns code. */
int probe_fail(struct ktstr_error *error, enum ktstr_probe_tag tag, int code, const char *step,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A permission failure with its gate, anything else with the given tag. */
int probe_fail_access(struct target *target, struct ktstr_error *error, enum ktstr_probe_tag tag,
		      int code, const char *step);

/* A process that is not there, or not any more. */
int probe_fail_missing(const struct target *target, struct ktstr_error *error, int code,
		       const char *why);

#endif
