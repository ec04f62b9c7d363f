/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What failed, on what, and what to do about it, as text that the caller may print.
 * Filled in where a failure happens; the functions of <ktstr/payload.h> and
 * <ktstr/worker_ready_wait.h> take one as their last parameter.
 */
#ifndef KTSTR_ERROR_H
#define KTSTR_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of text with the terminating NUL; longer text is cut. Since 0.1. */
#define KTSTR_ERROR_TEXT_SIZE 512

/*
 * The story of one failure. The caller owns it; nothing in it needs to be freed. A function that
 * takes a `struct ktstr_error *` accepts NULL, writes it only when it fails, and returns the same
 * number as `code`. Since 0.1.
 */
struct ktstr_error {
	int code;			 /* a negative errno, such as -ENOENT */
	char text[KTSTR_ERROR_TEXT_SIZE]; /* one line without a newline, in English */
};

#ifdef __cplusplus
}
#endif

#endif
