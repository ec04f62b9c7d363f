/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the program's own code says outranks every other sign of where the counters are. What it
 * does not say, where tsd_s begins, needs a witness. Pure.
 */
#ifndef KTSTR_TSD_CODE_VERDICT_H
#define KTSTR_TSD_CODE_VERDICT_H

#include "jemalloc/tsd_evidence.h"

/*
 * verdict and offsets are what the other signs led to. Returns the new verdict, and changes offsets
 * to match; in what the code and the other signs differ goes into offsets->contradiction.
 */
enum tsd_verdict tsd_code_decide(const struct tsd_evidence *evidence, enum tsd_verdict verdict,
				 struct tsd_offsets *offsets);

#endif
