/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One AArch64 instruction of those that compilers make of a mallctl handler. What is not named here
 * ends the run. Encodings: Arm Architecture Reference Manual for A-profile, C4.1.
 */
#include "config.h"

#include <elf.h>

#include "jemalloc/ctl_arithmetic_aarch64.h"
#include "jemalloc/ctl_insn_aarch64.h"
#include "jemalloc/ctl_machine.h"

static enum ctl_step go_to(struct ctl_machine *machine, struct ctl_state *state, uint64_t address)
{
	state->pc = address;
	if (address == CTL_RETURN)
		return CTL_RETURNED;
	return ctl_is_code(machine->image, address, 4) ? CTL_GOES_ON : CTL_LEFT;
}

static enum ctl_step choose(struct ctl_machine *machine, struct ctl_state *state,
			    const struct a64_insn *insn, int holds, int64_t displacement,
			    uint64_t *other)
{
	uint64_t there = insn->pc + (uint64_t)displacement;

	if (holds >= 0)
		return go_to(machine, state, holds ? there : insn->pc + 4);
	*other = there;
	state->pc = insn->pc + 4;
	return CTL_FORKS;
}

/* One register from or to memory. opc: 0 stores, 1 loads, 2 and 3 load with the sign. */
static bool transfer(struct ctl_machine *machine, struct ctl_state *state, unsigned int rt,
		     size_t size, unsigned int opc, struct ctl_value address)
{
	struct ctl_value value;

	if (opc == 0)
		return ctl_store(state, address, size, a64_get(state, rt, size));
	if (opc == 2 && size == 8)
		return true; /* prfm */
	if (!ctl_load(machine, state, address, size, &value))
		return false;
	if (opc == 1)
		a64_set(state, rt, 8, ctl_low(value, size));
	else
		a64_set(state, rt, opc == 2 ? 8 : 4, ctl_signed(value, size));
	return true;
}

static enum ctl_step do_transfer(struct ctl_machine *machine, struct ctl_state *state,
				 const struct a64_insn *insn)
{
	size_t size = (size_t)1 << a64_bits(insn, 30, 2);
	unsigned int opc = a64_bits(insn, 22, 2);
	struct ctl_value address = a64_get_sp(state, insn->rn, 8), moved;

	if (opc == 3 && size >= 4)
		return CTL_STUCK;
	if (a64_bits(insn, 24, 1)) /* a number from 0 up */
		return ctl_done(transfer(
			machine, state, insn->rd, size, opc,
			ctl_add(address, ctl_number(a64_bits(insn, 10, 12) * (uint64_t)size), 8)));
	if (a64_bits(insn, 21, 1)) { /* a register */
		unsigned int option = a64_bits(insn, 13, 3);

		if (a64_bits(insn, 10, 2) != 2 || !(option & 2))
			return CTL_STUCK;
		moved = a64_extended(a64_get(state, insn->rm, 8), option,
				     a64_bits(insn, 12, 1) ? a64_bits(insn, 30, 2) : 0);
		return ctl_done(
			transfer(machine, state, insn->rd, size, opc, ctl_add(address, moved, 8)));
	}
	moved = ctl_add(address, ctl_number((uint64_t)a64_signed_bits(insn, 12, 9)), 8);
	switch (a64_bits(insn, 10, 2)) {
	case 0:
		return ctl_done(transfer(machine, state, insn->rd, size, opc, moved));
	case 1: /* behind it */
		if (!transfer(machine, state, insn->rd, size, opc, address))
			return CTL_STUCK;
		break;
	case 3: /* ahead of it */
		if (!transfer(machine, state, insn->rd, size, opc, moved))
			return CTL_STUCK;
		break;
	default:
		return CTL_STUCK;
	}
	a64_set_sp(state, insn->rn, 8, moved);
	return CTL_GOES_ON;
}

/* ldp, stp, ldpsw */
static enum ctl_step do_pair(struct ctl_machine *machine, struct ctl_state *state,
			     const struct a64_insn *insn)
{
	unsigned int kind = a64_bits(insn, 30, 2), mode = a64_bits(insn, 23, 2),
		     second = a64_bits(insn, 10, 5);
	size_t size = kind == 2 ? 8 : 4;
	unsigned int opc = !a64_bits(insn, 22, 1) ? 0 : kind == 1 ? 2 : 1;
	struct ctl_value address = a64_get_sp(state, insn->rn, 8);
	struct ctl_value moved =
		ctl_add(address, ctl_number((uint64_t)a64_signed_bits(insn, 15, 7) * size), 8);
	struct ctl_value first_at = mode == 1 ? address : moved;

	if (kind == 3 || (kind == 1 && opc == 0) || mode == 0)
		return CTL_STUCK;
	if (!transfer(machine, state, insn->rd, size, opc, first_at) ||
	    !transfer(machine, state, second, size, opc, ctl_add(first_at, ctl_number(size), 8)))
		return CTL_STUCK;
	if (mode != 2)
		a64_set_sp(state, insn->rn, 8, moved);
	return CTL_GOES_ON;
}

static enum ctl_step do_literal(struct ctl_machine *machine, struct ctl_state *state,
				const struct a64_insn *insn)
{
	unsigned int kind = a64_bits(insn, 30, 2);
	uint64_t address = insn->pc + (uint64_t)a64_signed_bits(insn, 5, 19) * 4;

	if (kind == 3)
		return CTL_GOES_ON; /* prfm */
	return ctl_done(transfer(machine, state, insn->rd, kind == 1 ? 8 : 4, kind == 2 ? 2 : 1,
				 ctl_number(address)));
}

static enum ctl_step do_address(struct ctl_state *state, const struct a64_insn *insn)
{
	uint64_t displacement = (uint64_t)a64_signed_bits(insn, 5, 19) << 2 | a64_bits(insn, 29, 2);

	a64_set(state, insn->rd, 8,
		ctl_number(a64_bits(insn, 31, 1)
				   ? (insn->pc & ~UINT64_C(4095)) + (displacement << 12)
				   : insn->pc + displacement));
	return CTL_GOES_ON;
}

/* br, blr, ret */
static enum ctl_step do_register_branch(struct ctl_machine *machine, struct ctl_state *state,
					const struct a64_insn *insn)
{
	struct ctl_value to = a64_get(state, insn->rn, 8);
	unsigned int kind = a64_bits(insn, 21, 2);

	if (!ctl_is_number(&to, 8) || kind == 3)
		return CTL_STUCK;
	if (kind == 1) {
		state->registers[LINK] = ctl_number(insn->pc + 4);
		state->calls++;
	} else if (kind == 2) {
		state->calls--;
	}
	return go_to(machine, state, to.number);
}

static enum ctl_step do_jump(struct ctl_machine *machine, struct ctl_state *state,
			     const struct a64_insn *insn)
{
	if (a64_bits(insn, 31, 1)) {
		state->registers[LINK] = ctl_number(insn->pc + 4);
		state->calls++;
	}
	return go_to(machine, state, insn->pc + (uint64_t)a64_signed_bits(insn, 0, 26) * 4);
}

/* cbz, cbnz */
static enum ctl_step do_compare_branch(struct ctl_machine *machine, struct ctl_state *state,
				       const struct a64_insn *insn, uint64_t *other)
{
	struct ctl_flags flags =
		ctl_compare(a64_get(state, insn->rd, insn->size), ctl_number(0), insn->size);
	int zero = ctl_flag(&flags, CTL_ZERO);

	return choose(machine, state, insn,
		      zero < 0                ? -1
		      : a64_bits(insn, 24, 1) ? !zero
					      : zero,
		      a64_signed_bits(insn, 5, 19) * 4, other);
}

/* tbz, tbnz */
static enum ctl_step do_test_branch(struct ctl_machine *machine, struct ctl_state *state,
				    const struct a64_insn *insn, uint64_t *other)
{
	unsigned int bit = a64_bits(insn, 31, 1) << 5 | a64_bits(insn, 19, 5);
	struct ctl_value value = a64_get(state, insn->rd, 8);
	int set_bit = value.kind == CTL_NUMBER ? (int)(value.number >> bit & 1) : -1;

	if (bit < 32 && set_bit < 0) {
		value = a64_get(state, insn->rd, 4);
		set_bit = value.kind == CTL_NUMBER ? (int)(value.number >> bit & 1) : -1;
	}
	return choose(machine, state, insn,
		      set_bit < 0             ? -1
		      : a64_bits(insn, 24, 1) ? set_bit
					      : !set_bit,
		      a64_signed_bits(insn, 5, 14) * 4, other);
}

static enum ctl_step execute(struct ctl_machine *machine, struct ctl_state *state,
			     const struct a64_insn *insn, uint64_t *other)
{
	uint32_t word = insn->word;

	if ((word & 0x1f000000) == 0x10000000)
		return do_address(state, insn);
	if ((word & 0x1f800000) == 0x11000000) {
		uint64_t number = (uint64_t)a64_bits(insn, 10, 12)
				  << (a64_bits(insn, 22, 1) ? 12 : 0);

		a64_add_or_subtract(state, insn, a64_get_sp(state, insn->rn, insn->size),
				    ctl_number(number), true);
		return CTL_GOES_ON;
	}
	if ((word & 0x1f800000) == 0x12000000)
		return a64_do_logic_immediate(state, insn);
	if ((word & 0x1f800000) == 0x12800000)
		return a64_do_move_wide(state, insn);
	if ((word & 0x1f800000) == 0x13000000)
		return a64_do_bit_field(state, insn);
	if ((word & 0x7c000000) == 0x14000000)
		return do_jump(machine, state, insn);
	if ((word & 0xff000010) == 0x54000000)
		return choose(machine, state, insn,
			      a64_condition(&state->flags, a64_bits(insn, 0, 4)),
			      a64_signed_bits(insn, 5, 19) * 4, other);
	if ((word & 0x7e000000) == 0x34000000)
		return do_compare_branch(machine, state, insn, other);
	if ((word & 0x7e000000) == 0x36000000)
		return do_test_branch(machine, state, insn, other);
	if ((word & 0xff9ffc1f) == 0xd61f0000)
		return do_register_branch(machine, state, insn);
	if ((word & 0xfffff01f) == 0xd503201f)
		return CTL_GOES_ON;              /* hints: nop, bti, paciasp, autiasp */
	if ((word & 0xffffffe0) == 0xd53bd040) { /* mrs, tpidr_el0 */
		a64_set(state, insn->rd, 8, (struct ctl_value){ .kind = CTL_TP, .known = 8 });
		return CTL_GOES_ON;
	}
	if ((word & 0x3e000000) == 0x38000000)
		return do_transfer(machine, state, insn);
	if ((word & 0x3f000000) == 0x18000000)
		return do_literal(machine, state, insn);
	if ((word & 0x3ffffc00) == 0x08dffc00) /* ldar */
		return ctl_done(transfer(machine, state, insn->rd,
					 (size_t)1 << a64_bits(insn, 30, 2), 1,
					 a64_get_sp(state, insn->rn, 8)));
	if ((word & 0x3e000000) == 0x28000000)
		return do_pair(machine, state, insn);
	if ((word & 0x1f200000) == 0x0b000000 && a64_bits(insn, 22, 2) != 3) {
		a64_add_or_subtract(state, insn, a64_get(state, insn->rn, insn->size),
				    a64_shifted(a64_get(state, insn->rm, insn->size),
						a64_bits(insn, 22, 2), a64_bits(insn, 10, 6),
						insn->size),
				    false);
		return CTL_GOES_ON;
	}
	if ((word & 0x1fe00000) == 0x0b200000 && a64_bits(insn, 10, 3) <= 4) {
		a64_add_or_subtract(state, insn, a64_get_sp(state, insn->rn, insn->size),
				    a64_extended(a64_get(state, insn->rm, 8), a64_bits(insn, 13, 3),
						 a64_bits(insn, 10, 3)),
				    true);
		return CTL_GOES_ON;
	}
	if ((word & 0x1f000000) == 0x0a000000)
		return a64_do_logic(state, insn);
	if ((word & 0x1fe00000) == 0x1a800000)
		return a64_do_conditional(state, insn);
	if ((word & 0x1fe00000) == 0x1a400000)
		return a64_do_conditional_compare(state, insn);
	if ((word & 0x1f000000) == 0x1b000000)
		return a64_do_multiply(state, insn);
	return CTL_STUCK;
}

static enum ctl_step step(struct ctl_machine *machine, struct ctl_state *state, uint64_t *other)
{
	unsigned char bytes[16];
	struct a64_insn insn = { .pc = state->pc };
	enum ctl_step result;

	if (state->pc & 3 || ctl_fetch(machine, state->pc, bytes) < 4)
		return CTL_STUCK;
	insn.word = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
		    (uint32_t)bytes[3] << 24;
	insn.size = insn.word >> 31 ? 8 : 4;
	insn.rd = insn.word & 31;
	insn.rn = insn.word >> 5 & 31;
	insn.rm = insn.word >> 16 & 31;
	state->pc = 0;
	result = execute(machine, state, &insn, other);
	if (result == CTL_GOES_ON && state->pc == 0) /* no jump */
		state->pc = insn.pc + 4;
	return result;
}

/* AAPCS64 6.8.2: eight in registers. */
static void call(struct ctl_state *state, const struct ctl_value arguments[7])
{
	for (size_t i = 0; i < 7; i++)
		state->registers[i] = arguments[i];
	state->registers[LINK] = ctl_number(CTL_RETURN);
	state->registers[SP] = ctl_number(CTL_STACK);
}

const struct ctl_arch ctl_arch_aarch64 = {
	.machine = EM_AARCH64,
	.result = 0,
	.step = step,
	.call = call,
};
