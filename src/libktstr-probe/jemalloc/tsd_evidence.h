/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of a module's TLS block, and what may follow from it. */
#ifndef KTSTR_TSD_EVIDENCE_H
#define KTSTR_TSD_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jemalloc/tsd_code.h"
#include "jemalloc/tsd_layout_table.h"

/* All offsets are from the start of the module's TLS block. */
struct tsd_evidence {
	const unsigned char
		*image; /* the initial TLS image: filesz bytes, then zeros up to memsz */
	uint64_t filesz, memsz;
	bool is_library; /* whose TLS holds tsd_tls and next to nothing else, if it is jemalloc's
			    own */
	bool has_symbol; /* a symbol *tsd_tls */
	uint64_t symbol_offset, symbol_size;
	const uint64_t *relocs; /* what initial-exec relocations point to */
	size_t reloc_count;
	const char *version; /* the version string in constant data, NULL for unknown */
	bool has_dwarf;      /* struct tsd_s from debug information, offsets from its start */
	uint64_t dwarf_size, dwarf_state, dwarf_allocated, dwarf_deallocated;
	const struct tsd_code *code; /* what the module's own code says, NULL: it was not asked */
	bool has_tp_offset; /* where the TLS block is from the thread pointer, if the code counts
			       from there */
	int64_t tp_offset;
};

enum tsd_verdict {
	TSD_FOUND,
	TSD_UNCERTAIN,     /* too little speaks for one place */
	TSD_CONTRADICTED,  /* one sign contradicts another */
	TSD_UNVERIFIED,    /* the file that would confirm it cannot be read */
	TSD_NO_STATISTICS, /* it counts nothing: its statistics are compiled out */
};

/* The answer: where the members of tsd_s that matter are in the TLS block. */
struct tsd_offsets {
	uint64_t state, allocated, deallocated;
	unsigned char uninitialized; /* the state of a thread that never used jemalloc: from the
					image */
	bool has_rtree_ctx;          /* its entries end where state begins */
	bool state_unknown;          /* where state is, is not known: it is not looked at */
	bool is_from_code;           /* the program's own code says where the counters are */
	bool has_start;              /* where tsd_s begins is known */
	uint64_t start;
	const char *row;         /* the matching build of the table, NULL for none */
	uint64_t row_size;       /* of that build's tsd_s */
	char reason[256];        /* of the verdict */
	char contradiction[384]; /* in what other signs differ from the code; "" for none */
};

static inline unsigned char tsd_byte_at(const struct tsd_evidence *evidence, uint64_t offset)
{
	return offset < evidence->filesz ? evidence->image[offset] : 0;
}

/* Is this build's whole initial image here: its bytes in their places, and zero everywhere else? */
bool tsd_row_matches(const struct tsd_evidence *evidence, const struct tsd_layout_row *row,
		     uint64_t at);

bool tsd_reloc_points_to(const struct tsd_evidence *evidence, uint64_t offset);

/* Does struct tsd_s, as the debug information has it, lie within the TLS block from here on? */
bool tsd_dwarf_fits(const struct tsd_evidence *evidence, uint64_t start);

/* Writes the reason, and returns the verdict. */
__attribute__((format(printf, 3, 4))) enum tsd_verdict tsd_decide(struct tsd_offsets *offsets,
								  enum tsd_verdict verdict,
								  const char *format, ...);

#endif
