/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the counters are in a module's TLS block: by the era of its jemalloc, and by
 * its code. Pure. */
#include "config.h"

#include "jemalloc/tsd_layout.h"

#include "jemalloc/tsd_code_verdict.h"
#include "jemalloc/tsd_layout_53.h"
#include "jemalloc/tsd_layout_pre53.h"

static enum tsd_verdict find_by_era(const struct tsd_evidence *evidence,
				    struct tsd_offsets *offsets)
{
	uint64_t state = 0;
	unsigned int matches = tsd_layout_53_search(evidence, &state);

	*offsets = (struct tsd_offsets){ .state = 0 };
	if (matches > 1)
		return tsd_decide(offsets, TSD_CONTRADICTED,
				  "the fingerprint occurs more than once in one TLS image");
	return matches ? tsd_layout_53_confirm(evidence, state, offsets)
		       : tsd_layout_pre53_find(evidence, offsets);
}

enum tsd_verdict tsd_layout_find(const struct tsd_evidence *evidence, struct tsd_offsets *offsets)
{
	enum tsd_verdict verdict = find_by_era(evidence, offsets);

	return tsd_code_decide(evidence, verdict, offsets);
}
