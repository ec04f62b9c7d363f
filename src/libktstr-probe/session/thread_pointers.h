/* SPDX-License-Identifier: BSD-2-Clause */
/* The way in which a process's thread pointers are found. */
#ifndef KTSTR_THREAD_POINTERS_H
#define KTSTR_THREAD_POINTERS_H

#include "session/cancellation.h"
#include "session/identity.h"

struct thread_pointers {
	bool by_ptrace;              /* else from robust lists, and no thread is stopped */
	uint64_t robust_list_offset; /* robust-list head - thread pointer, in every thread */
};

/*
 * Finds the offset. Returns 0, or a negative errno; -ENODATA: no thread has a robust list. glibc
 * registers one as soon as a program runs, so that one which has just begun is waited for.
 */
int thread_pointers_find_offset(struct thread_pointers *pointers, struct target *target,
				const struct identity *identity,
				const struct cancellation *cancellation);

#endif
