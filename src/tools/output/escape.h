/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's name is up to 15 arbitrary bytes that the target chose: this makes them safe to print.
 */
#ifndef KTSTR_ESCAPE_H
#define KTSTR_ESCAPE_H

#include <stddef.h>

/* The longest result: each byte as "\u00NN" (6), and a NUL. */
#define ESCAPE_SIZE (15 * 6 + 1)

/*
 * The length of the well-formed UTF-8 sequence at the start of a NUL-terminated string, 1 to 4; 0
 * where the bytes are malformed (overlong, surrogate, beyond U+10FFFF, cut off).
 */
size_t escape_utf8(const char *bytes);

/* The inside of a JSON string: controls escaped, each malformed byte as U+FFFD. */
void escape_json(const char *comm, char text[ESCAPE_SIZE]);

/*
 * For a line or a terminal: controls (C0, DEL, C1), backslashes and malformed bytes as \xNN.
 * Returns the number of code points written.
 */
size_t escape_line(const char *comm, char text[ESCAPE_SIZE]);

#endif
