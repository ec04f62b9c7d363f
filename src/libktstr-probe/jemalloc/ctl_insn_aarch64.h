/* SPDX-License-Identifier: BSD-2-Clause */
/* One AArch64 instruction, and the registers that it names. */
#ifndef KTSTR_CTL_INSN_AARCH64_H
#define KTSTR_CTL_INSN_AARCH64_H

#include "jemalloc/ctl_machine.h"

enum { LINK = 30, SP = 31, ZERO = 31 };

struct a64_insn {
	uint32_t word;
	uint64_t pc;
	size_t size; /* of the registers: 4 or 8 bytes */
	unsigned int rd, rn, rm;
};

/* A field of the instruction. */
uint32_t a64_bits(const struct a64_insn *insn, unsigned int low, unsigned int count);
int64_t a64_signed_bits(const struct a64_insn *insn, unsigned int low, unsigned int count);

/* Where number 31 is the register that is always zero. */
struct ctl_value a64_get(const struct ctl_state *state, unsigned int number, size_t size);
void a64_set(struct ctl_state *state, unsigned int number, size_t size, struct ctl_value value);

/* Where number 31 is the stack pointer. */
struct ctl_value a64_get_sp(const struct ctl_state *state, unsigned int number, size_t size);
void a64_set_sp(struct ctl_state *state, unsigned int number, size_t size, struct ctl_value value);

#endif
