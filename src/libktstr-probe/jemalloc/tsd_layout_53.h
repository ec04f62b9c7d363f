/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the counters are in a TLS block of jemalloc 5.3 or newer: its rtree_ctx, 24 entries with a
 * key of 1, stands right before them, and no other data looks like that. Pure.
 */
#ifndef KTSTR_TSD_LAYOUT_53_H
#define KTSTR_TSD_LAYOUT_53_H

#include "jemalloc/tsd_evidence.h"

/* The size of the entries, which end where `state` begins, and with two words behind them. */
#define TSD_RTREE_CTX_SIZE 384
#define TSD_LIVE_SIZE      (TSD_RTREE_CTX_SIZE + 16)

/* Returns the number of places where the entries are found (0, 1, 2 for more), and the offset of
 * `state` of the first. */
unsigned int tsd_layout_53_search(const struct tsd_evidence *evidence, uint64_t *state);

/* They were found once, before `state`: what else speaks for that place, and does anything speak
 * against it? */
enum tsd_verdict tsd_layout_53_confirm(const struct tsd_evidence *evidence, uint64_t state,
				       struct tsd_offsets *offsets);

/* What TSD_LIVE_SIZE bytes from a thread's memory show. */
enum tsd_sighting {
	TSD_SEEN,
	TSD_NOT_SEEN,  /* as for bytes that were read a word or two beside their place */
	TSD_DOUBTFUL,  /* either: another thread's may tell */
	TSD_UNSEEABLE, /* of a thread whose thread pointer is not known */
};

enum tsd_sighting tsd_layout_53_sight(const void *bytes);

#endif
