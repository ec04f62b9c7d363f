/* SPDX-License-Identifier: BSD-2-Clause */
/* What tsd_layout and tsd_layout_old both need of the signs. */
#ifndef KTSTR_TSD_LAYOUT_PRIVATE_H
#define KTSTR_TSD_LAYOUT_PRIVATE_H

#include "jemalloc/tsd_layout.h"

#define TSD_LAYOUT_ENTRY_SIZE 16 /* of the fingerprint */

static inline unsigned char tsd_byte_at(const struct tsd_signs *signs, uint64_t offset)
{
	return offset < signs->filesz ? signs->image[offset] : 0;
}

/* Is this build's whole initial image here: its bytes in their places, and zero everywhere else? */
int tsd_row_matches(const struct tsd_signs *signs, const struct tsd_layout_row *row, uint64_t at);

int tsd_reloc_points_to(const struct tsd_signs *signs, uint64_t offset);

/* Does struct tsd_s, as the debug information has it, lie within the TLS block from here on? */
int tsd_dwarf_fits(const struct tsd_signs *signs, uint64_t start);

/* Writes place->how, and returns code. */
__attribute__((format(printf, 3, 4))) int tsd_answer(struct tsd_place *place, int code,
						     const char *format, ...);

/* No fingerprint: jemalloc before 5.3.0. As tsd_layout_find. */
int tsd_find_old(const struct tsd_signs *signs, struct tsd_place *place);

#endif
