/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a process still is the same program in the same address space. */
#ifndef KTSTR_IDENTITY_H
#define KTSTR_IDENTITY_H

#include "base/target.h"

struct identity {
	uint64_t elf_header; /* where jemalloc's file begins in memory; 0: not known yet */
	unsigned char elf_header_copy[1024];
	uint64_t random; /* AT_RANDOM: where the bytes are that differ from exec to exec; 0: nowhere
			  */
	unsigned char random_copy[16];
};

/* Pins the address space, and remembers what distinguishes this exec from the next. Returns 0 or a
 * negative errno. */
int identity_pin(struct identity *identity, struct target *target);

/* The file that begins there is to stay there. */
void identity_copy_elf_header(struct identity *identity, struct target *target, uint64_t address);

/* Before there is a header: is what was pinned still an address space? One that has ended has no
 * map either. */
bool identity_has_memory(const struct identity *identity, struct target *target);

/* Is it still the same program in the same address space, with jemalloc's file where it was? */
bool identity_holds(const struct identity *identity, struct target *target);

#endif
