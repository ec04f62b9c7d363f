/* SPDX-License-Identifier: BSD-2-Clause */
/* What the child does with itself before it reads a hostile file. */
#ifndef KTSTR_SANDBOX_CHILD_H
#define KTSTR_SANDBOX_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "sandbox/sandbox_work.h"

/* The child's exit codes, beside 0 for an answer that was sent. */
enum {
	SANDBOX_CHILD_ORPHAN = 1, /* the parent had ended */
	SANDBOX_CHILD_LIMITS,     /* a limit could not be set */
	SANDBOX_CHILD_PRIVILEGES, /* privileges could not be given up */
	SANDBOX_CHILD_ANSWER,     /* the answer could not be sent */
};

/* Sent before anything hostile is read, and then the answer. */
struct sandbox_begin {
	int32_t filter; /* 0, or why there is no filter: a negative errno */
};

/* Runs the work, sends sandbox_begin and the answer to answer_fd, and ends the process. */
_Noreturn void sandbox_child_run(const struct sandbox *isolation, const struct sandbox_work *work,
				 size_t size, pid_t parent, int answer_fd, int life_fd);

#endif
