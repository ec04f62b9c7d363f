/* SPDX-License-Identifier: BSD-2-Clause */
/* What x86-64 instructions work out, and the flags that they leave. Each returns whether it was
 * understood. */
#ifndef KTSTR_CTL_ARITHMETIC_X86_64_H
#define KTSTR_CTL_ARITHMETIC_X86_64_H

#include "jemalloc/ctl_insn_x86_64.h"

/* Jcc, SETcc, CMOVcc: 1, 0, or -1 for not known. Intel's manual, volume 1, appendix B. */
int x86_condition(const struct ctl_flags *flags, unsigned int code);

/* 00h-3Fh: operations of a register and an operand, or of the accumulator and a number. */
bool x86_do_arithmetic(struct ctl_machine *machine, struct ctl_state *state, struct x86_insn *insn,
		       unsigned int opcode);

/* 80h, 81h, 83h: an operand and a number. */
bool x86_do_immediate(struct ctl_machine *machine, struct ctl_state *state, struct x86_insn *insn,
		      unsigned int opcode);

/* C0h, C1h, D0h, D1h: shifts by a number. */
bool x86_do_shift(struct ctl_machine *machine, struct ctl_state *state, struct x86_insn *insn,
		  unsigned int opcode);

/* F6h, F7h: test, not, neg; not those that multiply and divide. */
bool x86_do_unary(struct ctl_machine *machine, struct ctl_state *state, struct x86_insn *insn,
		  unsigned int opcode);

bool x86_do_test(struct ctl_machine *machine, struct ctl_state *state, struct x86_insn *insn,
		 unsigned int opcode);

#endif
