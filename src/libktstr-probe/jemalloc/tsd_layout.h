/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the counters are in a module's TLS block. Several signs are looked at, two that do not
 * depend on each other must agree, and none may contradict: otherwise the answer is no. Pure.
 */
#ifndef KTSTR_TSD_LAYOUT_H
#define KTSTR_TSD_LAYOUT_H

#include "jemalloc/tsd_evidence.h"

/* TSD_FOUND, TSD_UNCERTAIN or TSD_CONTRADICTED; offsets->reason says why. */
enum tsd_verdict tsd_layout_find(const struct tsd_evidence *evidence, struct tsd_offsets *offsets);

#endif
