/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names, paths and messages hold bytes that the target chose: this makes them safe to print, and
 * keeps them from looking like something else.
 */
#ifndef KTSTR_ESCAPE_H
#define KTSTR_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/* TASK_COMM_LEN is 16 with the NUL (include/linux/sched.h). */
#define ESCAPE_COMM_BYTES 15

/* The longest result: each byte as "\xNN" (4), and a NUL. */
#define ESCAPE_SIZE (ESCAPE_COMM_BYTES * 4 + 1)

/* The same between quotes. */
#define ESCAPE_FIELD_SIZE (ESCAPE_SIZE + 2)

/* The longest result of escape_character, without a NUL. */
#define ESCAPE_CHARACTER_SIZE 16

/*
 * The length of the well-formed UTF-8 sequence at the start of `size` bytes, 1 to 4; 0 where the
 * bytes are malformed (overlong, surrogate, beyond U+10FFFF, cut off). size is at least 1.
 */
size_t escape_utf8(const char *bytes, size_t size);

/*
 * Is this well-formed sequence, `length` bytes long, a control (C0, DEL, C1) or one that changes
 * how the text around it is laid out: the bidirectional controls and the separators of lines and
 * paragraphs? Not to be shown to a terminal as it is.
 */
bool escape_is_control(const char *bytes, size_t length);

/* The code point of a well-formed sequence of `length` bytes. */
unsigned int escape_code_point(const char *bytes, size_t length);

/*
 * The first character of `size` bytes, at least 1, as it may be printed: as it is, or each of its
 * bytes as \xNN for a control, a backslash and a malformed byte. *written: bytes put into text.
 * Returns how many bytes of the input that was.
 */
size_t escape_character(const char *bytes, size_t size, char text[ESCAPE_CHARACTER_SIZE],
			size_t *written);

/*
 * A name for a terminal, cut after ESCAPE_COMM_BYTES: escape_character over all of it. Returns the
 * number of code points written.
 */
size_t escape_line(const char *comm, char text[ESCAPE_SIZE]);

/*
 * A name as the value of key=value: as escape_line has it, and between quotes when it is empty or
 * holds a space, "=" or a quote. A quote within it is \x22, so the next one ends it.
 */
void escape_field(const char *comm, char text[ESCAPE_FIELD_SIZE]);

#endif
