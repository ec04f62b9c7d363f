/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages for people: what the target chose of them is escaped, and long ones are wrapped. */
#ifndef KTSTR_MESSAGE_H
#define KTSTR_MESSAGE_H

#include <stdio.h>

/* No line of a wrapped message is longer, unless a single word is. */
#define MESSAGE_COLUMNS 199

/* Prints prefix and text and a newline. Characters of text as escape_character has them. */
void message_print(FILE *out, const char *prefix, const char *text);

/* The same, but behind MESSAGE_COLUMNS code points the text goes on in the next line, indented by
 * four blanks. */
void message_print_wrapped(FILE *out, const char *prefix, const char *text);

/* As message_print, for each of several lines. A last one without a newline gets one. */
void message_print_lines(FILE *out, const char *lines);

#endif
