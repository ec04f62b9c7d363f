/* SPDX-License-Identifier: BSD-2-Clause */
/* The way in which a process's thread pointers are found. */
#ifndef KTSTR_THREAD_POINTERS_H
#define KTSTR_THREAD_POINTERS_H

#include "session/cancellation.h"
#include "session/identity.h"

struct thread_pointers {
	bool by_ptrace;    /* else from robust lists, and no thread is stopped */
	bool has_tid_word; /* by ptrace: the offset is known all the same, and so is the word that
			      holds a thread's id; by robust lists it always is */
	uint64_t robust_list_offset; /* robust-list head - thread pointer, in every thread */
};

/* Does the memory of each thread name the thread? */
bool thread_pointers_name_threads(const struct thread_pointers *pointers);

/* Where the thread's id then stands, relative to the thread pointer. */
int64_t thread_pointers_tid_offset(const struct thread_pointers *pointers);

/*
 * Finds the offset. Returns 0, or a negative errno; -ENODATA: no thread has a robust list. glibc
 * registers one as soon as a program runs, so that one which has just begun is waited for.
 */
int thread_pointers_find_offset(struct thread_pointers *pointers, struct target *target,
				const struct identity *identity,
				const struct cancellation *cancellation);

/* For ptrace: sets has_tid_word, and the offset, where glibc's are to be had. May stop a thread. */
void thread_pointers_find_tid_word(struct thread_pointers *pointers, struct target *target,
				   unsigned int stop_timeout_ms,
				   const struct cancellation *cancellation);

#endif
