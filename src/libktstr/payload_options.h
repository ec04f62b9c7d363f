/* SPDX-License-Identifier: BSD-2-Clause */
/* The caller's options of a spawn, copied and checked. */
#ifndef KTSTR_PAYLOAD_OPTIONS_H
#define KTSTR_PAYLOAD_OPTIONS_H

#include <ktstr/error.h>
#include <ktstr/payload.h>

/*
 * given may be NULL, and of another version. name: the program's, for the text.
 * Returns 0, -EINVAL or -E2BIG.
 */
int payload_options_copy(struct ktstr_payload_options *options,
			 const struct ktstr_payload_options *given, const char *name,
			 struct ktstr_error *error);

#endif
