/* SPDX-License-Identifier: BSD-2-Clause */
/* Is a process still starting? Then what is not there may soon be. */
#ifndef KTSTR_STARTING_H
#define KTSTR_STARTING_H

#include "elf/elf_image.h"

enum starting {
	STARTED,
	STARTING_YOUNG,    /* began a moment ago: it may be */
	STARTING_FORKED,   /* the same, and has run no program of its own yet */
	STARTING_UNLINKED, /* its dynamic linker is at work, or has not begun */
};

/* By what the kernel says of the process. */
enum starting starting_by_age(struct target *target);

/* Has the dynamic linker not mapped and relocated all yet? A few small reads. */
bool starting_is_unlinked(const struct elf_image *executable);

#endif
