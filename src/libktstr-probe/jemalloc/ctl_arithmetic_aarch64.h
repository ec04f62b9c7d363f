/* SPDX-License-Identifier: BSD-2-Clause */
/* What AArch64 instructions work out, and the flags that they leave. */
#ifndef KTSTR_CTL_ARITHMETIC_AARCH64_H
#define KTSTR_CTL_ARITHMETIC_AARCH64_H

#include "jemalloc/ctl_insn_aarch64.h"

/* 1, 0, or -1 for not known. Arm Architecture Reference Manual, C1.2.4. */
int a64_condition(const struct ctl_flags *flags, unsigned int code);

/* A number that is shifted; anything else only by 0. */
struct ctl_value a64_shifted(struct ctl_value value, unsigned int kind, unsigned int count,
			     size_t size);

/* UXTB … SXTX, then to the left. */
struct ctl_value a64_extended(struct ctl_value value, unsigned int option, unsigned int count);

void a64_add_or_subtract(struct ctl_state *state, const struct a64_insn *insn, struct ctl_value a,
			 struct ctl_value b, bool rd_is_sp);

enum ctl_step a64_do_logic_immediate(struct ctl_state *state, const struct a64_insn *insn);

enum ctl_step a64_do_logic(struct ctl_state *state, const struct a64_insn *insn);

enum ctl_step a64_do_move_wide(struct ctl_state *state, const struct a64_insn *insn);

/* ubfm and sbfm: shifts by a number, uxtb, sxtw and their like. */
enum ctl_step a64_do_bit_field(struct ctl_state *state, const struct a64_insn *insn);

enum ctl_step a64_do_conditional(struct ctl_state *state, const struct a64_insn *insn);

/* ccmp, ccmn */
enum ctl_step a64_do_conditional_compare(struct ctl_state *state, const struct a64_insn *insn);

enum ctl_step a64_do_multiply(struct ctl_state *state, const struct a64_insn *insn);

#endif
