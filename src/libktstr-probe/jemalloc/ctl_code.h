/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a mallctl handler of the target would answer, by its own code: from where it takes the
 * value. Every way through the code is followed that a condition leaves open which is not known,
 * and all that come to an end must agree. Nothing runs in the target.
 */
#ifndef KTSTR_CTL_CODE_H
#define KTSTR_CTL_CODE_H

#include "jemalloc/ctl_machine.h"

enum ctl_outcome {
	CTL_NO_ANSWER, /* not understood */
	CTL_ANSWERS,   /* value, of size bytes */
	CTL_FAILS,     /* whatever is asked, the handler returns error, such as ENOENT */
};

struct ctl_answer {
	enum ctl_outcome outcome;
	int error;
	size_t size; /* of the type: 1 for bool, 4 for unsigned, 8 for size_t, ssize_t, const char *
		      */
	struct ctl_value value;
};

/*
 * Asks the handler at that address for its value, of whichever size it has. A variable of the
 * module is a CTL_NUMBER with its address as the source, a constant one without; number is
 * its present value.
 */
void ctl_code_ask(const struct ctl_arch *arch, struct target *target, const struct elf_image *image,
		  uint64_t handler, struct ctl_answer *answer);

/*
 * Where thread.arena's handler takes the arena from: the offset of that pointer in tsd_s. Returns
 * false when the code does not say so.
 */
bool ctl_code_arena(const struct ctl_arch *arch, struct target *target,
		    const struct elf_image *image, uint64_t handler, uint64_t *offset);

/* The machine that the target's code is for; NULL when none is known. */
const struct ctl_arch *ctl_arch_find(unsigned int elf_machine);

#endif
