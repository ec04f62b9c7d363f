/* SPDX-License-Identifier: BSD-2-Clause */
/* Which failures are plausible for which system call. */
#ifndef KTSTR_FAULTS_CALLS_H
#define KTSTR_FAULTS_CALLS_H

#include <stddef.h>

#define CALL_ERRORS 12

/* How a call that is to fail is treated. */
enum call_how {
	CALL_INSTEAD,    /* it is not made, its result is the error */
	CALL_AFTERWARDS, /* it is made, and then says that it failed: close(2) has closed in any
			    case */
	CALL_NEVER       /* it cannot fail, or only the C library's own calls of it are there */
};

struct call {
	const char *name;
	long number;
	enum call_how how;
	int errors[CALL_ERRORS]; /* ended by 0 */
	int size_argument;       /* for a short result: which argument holds the size; 0: none */
	long shorter;            /* the size that it is cut to */
};

/* NULL for a call that is not in the table. */
const struct call *call_by_number(long number);
const struct call *call_by_name(const char *name);

/* "ENOENT" for ENOENT. */
int call_error_by_name(const char *name);

#endif
