/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * musl's threads without a stop, where ptrace(2) is refused: each thread's struct pthread is where
 * its thread pointer leads, and all of them are a ring.
 */
#ifndef KTSTR_MUSL_THREADS_H
#define KTSTR_MUSL_THREADS_H

#include "tls/stopped_thread.h"

/* Sets the thread pointers of those whose error is PTRACE_SEIZE, where the ring shows them. */
void musl_threads_find(struct target *target, struct ptrace_stop *stops, size_t count);

/* Pure: the addresses in words (count 64-bit words, the first at `address`) of those that hold
 * their own address, up to `room`. Returns how many. */
size_t musl_threads_search(const uint64_t *words, size_t count, uint64_t address, uint64_t *found,
			   size_t room);

#endif
