/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the counters stand in a module's TLS block. Several signs are looked at, two that do not
 * depend on each other must agree, and none may contradict: otherwise the answer is no. Pure.
 * Called by module_jemalloc.
 */
#ifndef KTSTR_TSD_LAYOUT_H
#define KTSTR_TSD_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* All offsets are from the start of the module's TLS block. */
struct tsd_signs {
	const unsigned char
		*image; /* the initial TLS image: filesz bytes, then zeros up to memsz */
	uint64_t filesz, memsz;
	int has_symbol; /* a symbol *tsd_tls */
	uint64_t symbol_offset, symbol_size;
	const uint64_t *relocs; /* what initial-exec relocations point to */
	size_t reloc_count;
	const char *version; /* the version string in constant data, NULL for unknown */
	int has_dwarf;       /* struct tsd_s from debug information, offsets from its start */
	uint64_t dwarf_size, dwarf_state, dwarf_allocated, dwarf_deallocated;
};

struct tsd_place {
	uint64_t state, allocated, deallocated;
	unsigned char
		uninitialized; /* the state of a thread that never used jemalloc: from the image */
	int has_run;           /* the fingerprint's entries stand right before state */
	const char *row;       /* the matching build of the table, NULL for none */
	char how[256];
};

/*
 * The fingerprint alone. Returns the number of places where it is found (0, 1, 2 for more), and the
 * offset of `state` of the first.
 */
int tsd_layout_fingerprint(const struct tsd_signs *signs, uint64_t *state);

/* Is there an image of before 5.3 that a version string would make certain? Looking for that one is
 * dear. */
int tsd_layout_has_old_image(const struct tsd_signs *signs);

/*
 * Returns 0, -ENODATA when certainty is missing, or -EBADMSG when signs contradict each other; how
 * tells why.
 */
int tsd_layout_find(const struct tsd_signs *signs, struct tsd_place *place);

/* The size of the fingerprint's entries, which end where `state` begins, and with two words behind
 * them. */
#define TSD_LAYOUT_RUN_SIZE  384
#define TSD_LAYOUT_LIVE_SIZE (TSD_LAYOUT_RUN_SIZE + 16)

/*
 * The same in a thread that runs: are these TSD_LAYOUT_LIVE_SIZE bytes it? Returns 1, or 0 as for
 * bytes that were read a word or two beside their place, or -EAGAIN when they can be either:
 * another thread's may tell.
 */
int tsd_layout_is_live(const void *bytes);

/* The least that a struct tsd_s takes in any release: 4.0.4's on a machine of 64 bits. */
#define TSD_LAYOUT_SMALLEST 80

/* The table of measured builds: tsd_layout_table.c. */
struct tsd_layout_row {
	const char *version;
	unsigned int machine; /* EM_… */
	unsigned int size, state, allocated, deallocated;
	unsigned int run; /* where 24 entries (1, 0) of 16 bytes begin; 0: none */
	struct {
		unsigned short offset, value;
	} bytes[8]; /* the other bytes that are not zero, ended by value 0 */
};
extern const struct tsd_layout_row tsd_layout_table[];
extern const size_t tsd_layout_table_rows;

#endif
