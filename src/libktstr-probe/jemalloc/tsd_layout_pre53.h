/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the counters are in a TLS block of jemalloc before 5.3, whose image is next to nothing but
 * zeros: symbols, relocations and version strings must lead there. Pure.
 */
#ifndef KTSTR_TSD_LAYOUT_PRE53_H
#define KTSTR_TSD_LAYOUT_PRE53_H

#include "jemalloc/tsd_evidence.h"

enum tsd_verdict tsd_layout_pre53_find(const struct tsd_evidence *evidence,
				       struct tsd_offsets *offsets);

/* Is there an image that a version string would make certain? The scan for one is expensive. */
bool tsd_layout_pre53_may_stand(const struct tsd_evidence *evidence);

#endif
