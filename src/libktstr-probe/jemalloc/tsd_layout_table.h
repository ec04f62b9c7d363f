/* SPDX-License-Identifier: BSD-2-Clause */
/* jemalloc's struct tsd_s in the builds that were measured. */
#ifndef KTSTR_TSD_LAYOUT_TABLE_H
#define KTSTR_TSD_LAYOUT_TABLE_H

#include <stddef.h>

struct tsd_layout_row {
	const char *version;
	unsigned int machine; /* EM_… */
	unsigned int size, state, allocated, deallocated;
	unsigned int rtree_ctx; /* where 24 entries (1, 0) of 16 bytes begin; 0: none */
	struct {
		unsigned short offset, value;
	} bytes[8]; /* the other bytes that are not zero, ended by value 0 */
};
extern const struct tsd_layout_row tsd_layout_table[];
extern const size_t tsd_layout_table_rows;

/* The least that a struct tsd_s takes in any release: 4.0.4's on a machine of 64 bits. */
#define TSD_SIZE_SMALLEST 80

#endif
