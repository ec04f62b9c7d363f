/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker's BYTES: a strict decimal size_t. */
#ifndef KTSTR_BYTES_ARG_H
#define KTSTR_BYTES_ARG_H

#include <stddef.h>

/* Room for the digits of any size_t and a NUL. */
#define BYTES_TEXT_SIZE (sizeof(size_t) * 3 + 1)

/*
 * Reads decimal digits and nothing else: no sign, blank, hex or suffix. Returns 0; -EINVAL when
 * text is not a number of that form; -ERANGE when it is larger than SIZE_MAX.
 */
int bytes_arg_parse(const char *text, size_t *bytes);

/* Writes bytes in decimal, NUL-terminated. Returns the number of digits. */
size_t bytes_arg_format(size_t bytes, char text[BYTES_TEXT_SIZE]);

#endif
