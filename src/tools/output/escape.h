/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's name is up to 15 arbitrary bytes that the target chose: this makes them safe to print.
 */
#ifndef KTSTR_ESCAPE_H
#define KTSTR_ESCAPE_H

#include <stddef.h>

/* TASK_COMM_LEN is 16 with the NUL (include/linux/sched.h). */
#define ESCAPE_COMM_BYTES 15

/* The longest result: each byte as "\xNN" (4), and a NUL. */
#define ESCAPE_SIZE (ESCAPE_COMM_BYTES * 4 + 1)

/*
 * The length of the well-formed UTF-8 sequence at the start of `size` bytes, 1 to 4; 0 where the
 * bytes are malformed (overlong, surrogate, beyond U+10FFFF, cut off). size is at least 1.
 */
size_t escape_utf8(const char *bytes, size_t size);

/*
 * A name for a line or a terminal, cut after ESCAPE_COMM_BYTES: controls (C0, DEL, C1), backslashes
 * and malformed bytes as \xNN. Returns the number of code points written.
 */
size_t escape_line(const char *comm, char text[ESCAPE_SIZE]);

#endif
