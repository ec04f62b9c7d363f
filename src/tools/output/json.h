/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A JSON document, written as it comes: memory does not grow with its length, and what was written
 * is out even if the program is killed. Write errors show in ferror(out).
 */
#ifndef KTSTR_JSON_H
#define KTSTR_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_LIMIT 16

/* How the members of an object or an array are laid out. */
enum json_layout {
	JSON_LINES,    /* each on a line of its own */
	JSON_ONE_LINE, /* all on one line, and so is what they hold */
};

/* `out` is set by the caller, the rest is zero. */
struct json {
	FILE *out;
	unsigned int depth; /* of open objects and arrays */
	struct {
		enum json_layout layout;
		char end; /* its closing bracket */
		bool filled;
	} levels[JSON_DEPTH_LIMIT];
};

/* In each function key is the name within an object; NULL within an array and for the document. */
void json_object(struct json *json, const char *key, enum json_layout layout);
void json_array(struct json *json, const char *key, enum json_layout layout);

/* Closes the innermost object or array; behind the document a newline follows. */
void json_end(struct json *json);

/*
 * A text of up to `size` bytes that ends earlier at a NUL. Any bytes: controls are escaped, each
 * malformed byte of UTF-8 becomes U+FFFD.
 */
void json_text(struct json *json, const char *key, const char *text, size_t size);
void json_string(struct json *json, const char *key, const char *text);

void json_unsigned(struct json *json, const char *key, uint64_t number);
void json_signed(struct json *json, const char *key, int64_t number);
void json_boolean(struct json *json, const char *key, bool value);

/* With so many digits behind the point. What is not finite is null: JSON has no name for it. */
void json_fraction(struct json *json, const char *key, double number, int digits);

#endif
