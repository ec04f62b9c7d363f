/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module's TLS block in each thread, through the thread's DTV: for a library without static TLS.
 * glibc keeps DTVs lazily: a thread's may be older than the module, or replaced while we look, so
 * what was seen is read again behind the counters.
 */
#ifndef KTSTR_DTV_H
#define KTSTR_DTV_H

#include <ktstr/probe.h>

#include "tls/module_tls.h"

#define DTV_RANGES 3

struct dtv_thread {
	uint64_t thread_pointer; /* in */
	uint64_t block;          /* out: 0 for a thread that never touched the module's TLS */
	enum ktstr_probe_thread_error error;
	uint64_t seen[DTV_RANGES],
		again[DTV_RANGES]; /* this module's entry, the generation, the DTV's address */
	size_t words;              /* how many of them count, from the end */
};

/* Finds each thread's block, or sets its error. Returns 0, or a negative errno that concerns all.
 */
int dtv_find_blocks(struct target *target, const struct module_tls *tls,
		    struct dtv_thread *const *threads, size_t count);

/* The ranges that read again what was seen, at most DTV_RANGES. Returns how many. */
size_t dtv_add_ranges(const struct module_tls *tls, struct dtv_thread *thread,
		      struct target_range *ranges);

/* After those were read: is everything as it was? */
bool dtv_holds(const struct dtv_thread *thread);

/* Does the module id still belong to the module for which it was found? */
bool dtv_same_module(struct target *target, const struct module_tls *tls);

#endif
