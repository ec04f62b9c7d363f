/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Describes one failure: what failed, on what, and what to do about it, as text that the caller may
 * print. One structure for both libraries; the functions that can fail take it as their last
 * parameter.
 */
#ifndef KTSTR_ERROR_H
#define KTSTR_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the texts with the terminating NUL; longer text is cut. Since 0.1. */
#define KTSTR_ERROR_STEP_SIZE 48
#define KTSTR_ERROR_TEXT_SIZE 1024

/*
 * The caller owns it, initialises nothing, and frees nothing. A function that takes a
 * `struct ktstr_error *` accepts NULL, writes the whole structure only when it fails, and returns
 * the same number as `code`. Since 0.1.
 */
struct ktstr_error {
	int code;                         /* a negative errno, such as -ENOENT */
	int tag;                          /* libktstr-probe: an enum ktstr_probe_tag; else 0 */
	char step[KTSTR_ERROR_STEP_SIZE]; /* the step that failed, such as "memory map" */
	char text[KTSTR_ERROR_TEXT_SIZE]; /* one line without a newline, in English */
	uint64_t reserved[8];             /* 0; room for later versions */
};

#ifdef __cplusplus
}
#endif

#endif
