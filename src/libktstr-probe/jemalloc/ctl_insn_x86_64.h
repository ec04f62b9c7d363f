/* SPDX-License-Identifier: BSD-2-Clause */
/* One x86-64 instruction, taken byte by byte, and what its operands hold. Encodings: Intel's
 * manual, volume 2, appendix A. */
#ifndef KTSTR_CTL_INSN_X86_64_H
#define KTSTR_CTL_INSN_X86_64_H

#include "jemalloc/ctl_machine.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9 };

struct x86_insn {
	const unsigned char *bytes;
	size_t size, at;
	bool ok; /* false: it goes on behind the bytes that are there */
	uint64_t pc;
	unsigned int rex;
	bool has_rex, small, fs; /* small: 66h, operands of 16 bits */
	unsigned int mod, reg, rm;
	bool is_memory, rip, has_base, has_index;
	unsigned int base, index, scale;
	int64_t displacement;
};

/* The next bytes as a number. Where there are not so many, insn->ok becomes false. */
uint64_t x86_take(struct x86_insn *insn, size_t count);
int64_t x86_take_signed(struct x86_insn *insn, size_t count);

void x86_take_modrm(struct x86_insn *insn);

/* 66h, the segments, the prefixes that hint, and REX. lock and the other uses of F2h, F3h are not
 * taken. */
bool x86_take_prefixes(struct x86_insn *insn);

/* The address of the memory operand; all of the instruction has been taken. */
struct ctl_value x86_address_of(const struct x86_insn *insn, const struct ctl_state *state);

/* Registers and operands of `size` bytes. Return false for one that is not understood. */
bool x86_get_register(const struct x86_insn *insn, const struct ctl_state *state,
		      unsigned int number, size_t size, struct ctl_value *value);
bool x86_set_register(const struct x86_insn *insn, struct ctl_state *state, unsigned int number,
		      size_t size, struct ctl_value value);
bool x86_get_operand(struct ctl_machine *machine, const struct x86_insn *insn,
		     const struct ctl_state *state, size_t size, struct ctl_value *value);
bool x86_set_operand(const struct x86_insn *insn, struct ctl_state *state, size_t size,
		     struct ctl_value value);
bool x86_push(struct ctl_state *state, struct ctl_value value);
bool x86_pop(struct ctl_machine *machine, struct ctl_state *state, struct ctl_value *value);

/* Of an instruction whose opcode does not say bytes: 2, 4 or 8. */
size_t x86_operand_size(const struct x86_insn *insn);

#endif
