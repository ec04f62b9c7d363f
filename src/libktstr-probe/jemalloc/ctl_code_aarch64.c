/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One AArch64 instruction of those that compilers make of a mallctl handler. What is not named here
 * ends the run. Encodings: Arm Architecture Reference Manual for A-profile, C4.1.
 */
#include "config.h"

#include "jemalloc/ctl_machine.h"

#include <elf.h>

enum { LINK = 30, SP = 31, ZERO = 31 };

struct insn {
	uint32_t word;
	uint64_t pc;
	size_t size; /* of the registers: 4 or 8 bytes */
	unsigned int rd, rn, rm;
};

static uint32_t bits(const struct insn *insn, unsigned int low, unsigned int count)
{
	return insn->word >> low & ((UINT32_C(1) << count) - 1);
}

static int64_t signed_bits(const struct insn *insn, unsigned int low, unsigned int count)
{
	uint64_t sign = UINT64_C(1) << (count - 1);

	return (int64_t)((bits(insn, low, count) ^ sign) - sign);
}

static struct ctl_value get(const struct ctl_state *state, unsigned int number, size_t size)
{
	return number == ZERO ? ctl_number(0) : ctl_low(state->registers[number], size);
}

static void set(struct ctl_state *state, unsigned int number, size_t size, struct ctl_value value)
{
	if (number != ZERO)
		state->registers[number] = ctl_low(value, size);
}

/* Where number 31 is the stack pointer. */
static struct ctl_value get_sp(const struct ctl_state *state, unsigned int number, size_t size)
{
	return ctl_low(state->registers[number], size);
}

static void set_sp(struct ctl_state *state, unsigned int number, size_t size,
		   struct ctl_value value)
{
	state->registers[number] = ctl_low(value, size);
}

/* The carry of a subtraction is what x86 calls no borrow. */
static struct ctl_flags no_borrow(struct ctl_flags flags)
{
	flags.set ^= flags.known & CTL_CARRY;
	return flags;
}

static int condition(const struct ctl_flags *flags, unsigned int code)
{
	int zero = ctl_flag(flags, CTL_ZERO), carry = ctl_flag(flags, CTL_CARRY);
	int sign = ctl_flag(flags, CTL_SIGN), overflow = ctl_flag(flags, CTL_OVERFLOW);
	int greater = sign < 0 || overflow < 0 ? -1 : sign == overflow, result;

	switch (code >> 1) {
	case 0:
		result = zero;
		break;
	case 1:
		result = carry;
		break;
	case 2:
		result = sign;
		break;
	case 3:
		result = overflow;
		break;
	case 4:
		result = carry == 0 || zero == 1 ? 0 : carry < 0 || zero < 0 ? -1 : 1;
		break;
	case 5:
		result = greater;
		break;
	case 6:
		result = greater == 0 || zero == 1 ? 0 : greater < 0 || zero < 0 ? -1 : 1;
		break;
	default:
		return 1;
	}
	return result < 0 || !(code & 1) ? result : !result;
}

static enum ctl_step done(bool ok)
{
	return ok ? CTL_GOES_ON : CTL_STUCK;
}

static enum ctl_step go_to(struct ctl_machine *machine, struct ctl_state *state, uint64_t address)
{
	state->pc = address;
	if (address == CTL_RETURN)
		return CTL_RETURNED;
	return ctl_is_code(machine->image, address, 4) ? CTL_GOES_ON : CTL_LEFT;
}

static enum ctl_step choose(struct ctl_machine *machine, struct ctl_state *state,
			    const struct insn *insn, int holds, int64_t distance, uint64_t *other)
{
	uint64_t there = insn->pc + (uint64_t)distance;

	if (holds >= 0)
		return go_to(machine, state, holds ? there : insn->pc + 4);
	*other = there;
	state->pc = insn->pc + 4;
	return CTL_FORKS;
}

/* A number that is shifted; anything else only by 0. */
static struct ctl_value shifted(struct ctl_value value, unsigned int kind, unsigned int count,
				size_t size)
{
	if (count == 0)
		return value;
	if (!ctl_is_number(&value, size) || kind > 1 || count >= 8 * size)
		return ctl_unknown();
	return ctl_low(ctl_number(kind == 0 ? value.number << count : value.number >> count), size);
}

/* UXTB … SXTX, then to the left. */
static struct ctl_value extended(struct ctl_value value, unsigned int option, unsigned int count)
{
	size_t from = (size_t)1 << (option & 3);

	value = option & 4 ? ctl_signed(value, from) : ctl_low(value, from);
	return shifted(value, 0, count, 8);
}

static void add_or_subtract(struct ctl_state *state, const struct insn *insn, struct ctl_value a,
			    struct ctl_value b, bool rd_is_sp)
{
	bool subtract = bits(insn, 30, 1), sets_flags = bits(insn, 29, 1);
	struct ctl_value result = subtract ? ctl_subtract(a, b, insn->size)
					   : ctl_add(a, b, insn->size);

	if (sets_flags)
		state->flags = subtract ? no_borrow(ctl_compare(a, b, insn->size))
					: ctl_sum_flags(a, b, insn->size);
	if (rd_is_sp && !sets_flags)
		set_sp(state, insn->rd, insn->size, result);
	else
		set(state, insn->rd, insn->size, result);
}

static struct ctl_value bitwise(unsigned int operation, struct ctl_value a, struct ctl_value b)
{
	if (a.kind == CTL_NUMBER && b.kind == CTL_NUMBER) {
		if ((operation & 3) == 0 && a.source && a.size == 1 && a.number <= 1 &&
		    b.number == 1)
			return a; /* a bool cut down to its bit */
		return ctl_number((operation & 3) == 1   ? a.number | b.number
				  : (operation & 3) == 2 ? a.number ^ b.number
							 : a.number & b.number);
	}
	if ((operation & 3) == 1 || (operation & 3) == 2) { /* with 0: mov */
		if (a.kind == CTL_NUMBER && a.number == 0)
			return b;
		if (b.kind == CTL_NUMBER && b.number == 0)
			return a;
	}
	return ctl_unknown();
}

static struct ctl_flags logic_flags(struct ctl_value value, size_t size)
{
	struct ctl_flags flags = ctl_logic_flags(value, size);

	flags.set &= ~(unsigned int)CTL_CARRY;
	return flags;
}

/* DecodeBitMasks of the manual. Returns false for a reserved encoding. */
static bool bit_mask(unsigned int n, unsigned int imms, unsigned int immr, size_t size,
		     uint64_t *mask)
{
	unsigned int combined = n << 6 | (~imms & 63), length = 0, element, ones, turn;
	uint64_t pattern;

	while (combined >> (length + 1))
		length++;
	if (length == 0 || (size == 4 && n))
		return false;
	element = 1U << length;
	ones = (imms & (element - 1)) + 1;
	turn = immr & (element - 1);
	if (ones == element)
		return false;
	pattern = (UINT64_C(1) << ones) - 1;
	if (turn)
		pattern = pattern >> turn | pattern << (element - turn);
	if (element < 64)
		pattern &= (UINT64_C(1) << element) - 1;
	for (unsigned int width = element; width < 64; width *= 2)
		pattern |= pattern << width;
	*mask = size == 4 ? pattern & UINT32_MAX : pattern;
	return true;
}

static enum ctl_step do_logic_immediate(struct ctl_state *state, const struct insn *insn)
{
	unsigned int operation = bits(insn, 29, 2);
	struct ctl_value value;
	uint64_t mask;

	if (!bit_mask(bits(insn, 22, 1), bits(insn, 10, 6), bits(insn, 16, 6), insn->size, &mask))
		return CTL_STUCK;
	value = bitwise(operation, get(state, insn->rn, insn->size), ctl_number(mask));
	/* What cuts nothing off. */
	if (operation == 0 && value.kind == CTL_UNKNOWN) {
		struct ctl_value whole = get(state, insn->rn, insn->size);

		if (whole.size && whole.size < 8 &&
		    (mask & ((UINT64_C(1) << 8 * whole.size) - 1)) ==
			    (UINT64_C(1) << 8 * whole.size) - 1)
			value = whole;
	}
	if (operation == 3) {
		state->flags = logic_flags(value, insn->size);
		set(state, insn->rd, insn->size, value);
	} else {
		set_sp(state, insn->rd, insn->size, value);
	}
	return CTL_GOES_ON;
}

static enum ctl_step do_logic(struct ctl_state *state, const struct insn *insn)
{
	unsigned int operation = bits(insn, 29, 2);
	struct ctl_value a = get(state, insn->rn, insn->size);
	struct ctl_value b = shifted(get(state, insn->rm, insn->size), bits(insn, 22, 2),
				     bits(insn, 10, 6), insn->size);
	struct ctl_value value;

	if (bits(insn, 21, 1)) /* bic, orn, eon, bics */
		b = ctl_is_number(&b, insn->size) ? ctl_low(ctl_number(~b.number), insn->size)
						  : ctl_unknown();
	value = bitwise(operation, a, b);
	if (operation == 2 && insn->rn == insn->rm && bits(insn, 10, 6) == 0 && !bits(insn, 21, 1))
		value = ctl_number(0);
	if (operation == 3)
		state->flags = logic_flags(insn->rn == insn->rm && !bits(insn, 21, 1) ? a : value,
					   insn->size);
	set(state, insn->rd, insn->size, value);
	return CTL_GOES_ON;
}

static enum ctl_step do_move_wide(struct ctl_state *state, const struct insn *insn)
{
	unsigned int shift = 16 * bits(insn, 21, 2);
	uint64_t number = (uint64_t)bits(insn, 5, 16) << shift;
	struct ctl_value old = get(state, insn->rd, insn->size);

	if (8 * insn->size <= shift)
		return CTL_STUCK;
	switch (bits(insn, 29, 2)) {
	case 0:
		set(state, insn->rd, insn->size, ctl_number(~number));
		return CTL_GOES_ON;
	case 2:
		set(state, insn->rd, insn->size, ctl_number(number));
		return CTL_GOES_ON;
	case 3:
		set(state, insn->rd, insn->size,
		    old.kind == CTL_NUMBER
			    ? ctl_number((old.number & ~(UINT64_C(0xffff) << shift)) | number)
			    : ctl_unknown());
		return CTL_GOES_ON;
	default:
		return CTL_STUCK;
	}
}

/* ubfm and sbfm: shifts by a number, uxtb, sxtw and their like. */
static enum ctl_step do_bit_field(struct ctl_state *state, const struct insn *insn)
{
	unsigned int kind = bits(insn, 29, 2), turn = bits(insn, 16, 6), last = bits(insn, 10, 6);
	unsigned int width = (unsigned int)(8 * insn->size), length;
	struct ctl_value value = get(state, insn->rn, insn->size);
	uint64_t number;

	if (kind == 1 || kind == 3 || last >= width || turn >= width ||
	    bits(insn, 22, 1) != (insn->size == 8))
		return CTL_STUCK;
	length = last >= turn ? last - turn + 1 : last + 1;
	if (turn == 0 && (length == 8 || length == 16 || length == 32)) {
		value = kind == 0 ? ctl_signed(value, length / 8) : ctl_low(value, length / 8);
	} else if (value.kind != CTL_NUMBER || length >= 64) {
		value = value.kind == CTL_NUMBER || (turn == 0 && length == width) ? value
										   : ctl_unknown();
	} else {
		number = last >= turn ? value.number >> turn : value.number;
		number &= (UINT64_C(1) << length) - 1;
		if (kind == 0 && number >> (length - 1))
			number |= ~((UINT64_C(1) << length) - 1);
		value = ctl_number(last >= turn ? number : number << (width - turn));
	}
	set(state, insn->rd, insn->size, value);
	return CTL_GOES_ON;
}

static enum ctl_step do_conditional(struct ctl_state *state, const struct insn *insn)
{
	int holds = condition(&state->flags, bits(insn, 12, 4));
	struct ctl_value a = get(state, insn->rn, insn->size), b = get(state, insn->rm, insn->size);
	unsigned int kind = bits(insn, 30, 1) << 1 | bits(insn, 10, 2);

	if (bits(insn, 29, 1) || bits(insn, 11, 1))
		return CTL_STUCK;
	if (kind & 2) /* csinv, csneg */
		b = b.kind == CTL_NUMBER ? ctl_number(kind & 1 ? -b.number : ~b.number)
					 : ctl_unknown();
	else if (kind & 1)
		b = ctl_add(b, ctl_number(1), insn->size);
	set(state, insn->rd, insn->size, holds < 0 ? ctl_unknown() : holds ? a : b);
	return CTL_GOES_ON;
}

/* ccmp, ccmn */
static enum ctl_step do_conditional_compare(struct ctl_state *state, const struct insn *insn)
{
	int holds = condition(&state->flags, bits(insn, 12, 4));
	struct ctl_value a = get(state, insn->rn, insn->size);
	struct ctl_value b = bits(insn, 11, 1) ? ctl_number(insn->rm)
					       : get(state, insn->rm, insn->size);
	unsigned int flags = bits(insn, 0, 4);

	if (!bits(insn, 29, 1) || bits(insn, 10, 1) || bits(insn, 4, 1))
		return CTL_STUCK;
	if (holds < 0)
		state->flags = (struct ctl_flags){ 0 };
	else if (holds)
		state->flags = bits(insn, 30, 1) ? no_borrow(ctl_compare(a, b, insn->size))
						 : ctl_sum_flags(a, b, insn->size);
	else
		state->flags = (struct ctl_flags){
			.known = CTL_ALL_FLAGS & ~(unsigned int)CTL_PARITY,
			.set = (flags & 8 ? CTL_SIGN : 0U) | (flags & 4 ? CTL_ZERO : 0U) |
			       (flags & 2 ? CTL_CARRY : 0U) | (flags & 1 ? CTL_OVERFLOW : 0U),
		};
	return CTL_GOES_ON;
}

/* One register from or to memory. opc: 0 stores, 1 loads, 2 and 3 load with the sign. */
static bool transfer(struct ctl_machine *machine, struct ctl_state *state, unsigned int rt,
		     size_t size, unsigned int opc, struct ctl_value address)
{
	struct ctl_value value;

	if (opc == 0)
		return ctl_store(state, address, size, get(state, rt, size));
	if (opc == 2 && size == 8)
		return true; /* prfm */
	if (!ctl_load(machine, state, address, size, &value))
		return false;
	if (opc == 1)
		set(state, rt, 8, ctl_low(value, size));
	else
		set(state, rt, opc == 2 ? 8 : 4, ctl_signed(value, size));
	return true;
}

static enum ctl_step do_transfer(struct ctl_machine *machine, struct ctl_state *state,
				 const struct insn *insn)
{
	size_t size = (size_t)1 << bits(insn, 30, 2);
	unsigned int opc = bits(insn, 22, 2);
	struct ctl_value address = get_sp(state, insn->rn, 8), moved;

	if (opc == 3 && size >= 4)
		return CTL_STUCK;
	if (bits(insn, 24, 1)) /* a number from 0 up */
		return done(transfer(machine, state, insn->rd, size, opc,
				     ctl_add(address,
					     ctl_number(bits(insn, 10, 12) * (uint64_t)size), 8)));
	if (bits(insn, 21, 1)) { /* a register */
		unsigned int option = bits(insn, 13, 3);

		if (bits(insn, 10, 2) != 2 || !(option & 2))
			return CTL_STUCK;
		moved = extended(get(state, insn->rm, 8), option,
				 bits(insn, 12, 1) ? bits(insn, 30, 2) : 0);
		return done(
			transfer(machine, state, insn->rd, size, opc, ctl_add(address, moved, 8)));
	}
	moved = ctl_add(address, ctl_number((uint64_t)signed_bits(insn, 12, 9)), 8);
	switch (bits(insn, 10, 2)) {
	case 0:
		return done(transfer(machine, state, insn->rd, size, opc, moved));
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
	set_sp(state, insn->rn, 8, moved);
	return CTL_GOES_ON;
}

/* ldp, stp, ldpsw */
static enum ctl_step do_pair(struct ctl_machine *machine, struct ctl_state *state,
			     const struct insn *insn)
{
	unsigned int kind = bits(insn, 30, 2), mode = bits(insn, 23, 2), second = bits(insn, 10, 5);
	size_t size = kind == 2 ? 8 : 4;
	unsigned int opc = !bits(insn, 22, 1) ? 0 : kind == 1 ? 2 : 1;
	struct ctl_value address = get_sp(state, insn->rn, 8);
	struct ctl_value moved =
		ctl_add(address, ctl_number((uint64_t)signed_bits(insn, 15, 7) * size), 8);
	struct ctl_value first_at = mode == 1 ? address : moved;

	if (kind == 3 || (kind == 1 && opc == 0) || mode == 0)
		return CTL_STUCK;
	if (!transfer(machine, state, insn->rd, size, opc, first_at) ||
	    !transfer(machine, state, second, size, opc, ctl_add(first_at, ctl_number(size), 8)))
		return CTL_STUCK;
	if (mode != 2)
		set_sp(state, insn->rn, 8, moved);
	return CTL_GOES_ON;
}

static enum ctl_step do_literal(struct ctl_machine *machine, struct ctl_state *state,
				const struct insn *insn)
{
	unsigned int kind = bits(insn, 30, 2);
	uint64_t address = insn->pc + (uint64_t)signed_bits(insn, 5, 19) * 4;

	if (kind == 3)
		return CTL_GOES_ON; /* prfm */
	return done(transfer(machine, state, insn->rd, kind == 1 ? 8 : 4, kind == 2 ? 2 : 1,
			     ctl_number(address)));
}

static enum ctl_step do_multiply(struct ctl_state *state, const struct insn *insn)
{
	struct ctl_value a = get(state, insn->rn, insn->size), b = get(state, insn->rm, insn->size),
			 sum = get(state, bits(insn, 10, 5), insn->size);

	if (bits(insn, 21, 3) || bits(insn, 29, 2))
		return CTL_STUCK;
	if (a.kind != CTL_NUMBER || b.kind != CTL_NUMBER || sum.kind != CTL_NUMBER)
		set(state, insn->rd, insn->size, ctl_unknown());
	else
		set(state, insn->rd, insn->size,
		    ctl_number(bits(insn, 15, 1) ? sum.number - a.number * b.number
						 : sum.number + a.number * b.number));
	return CTL_GOES_ON;
}

static enum ctl_step do_address(struct ctl_state *state, const struct insn *insn)
{
	uint64_t distance = (uint64_t)signed_bits(insn, 5, 19) << 2 | bits(insn, 29, 2);

	set(state, insn->rd, 8,
	    ctl_number(bits(insn, 31, 1) ? (insn->pc & ~UINT64_C(4095)) + (distance << 12)
					 : insn->pc + distance));
	return CTL_GOES_ON;
}

/* br, blr, ret */
static enum ctl_step do_register_branch(struct ctl_machine *machine, struct ctl_state *state,
					const struct insn *insn)
{
	struct ctl_value to = get(state, insn->rn, 8);
	unsigned int kind = bits(insn, 21, 2);

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
			     const struct insn *insn)
{
	if (bits(insn, 31, 1)) {
		state->registers[LINK] = ctl_number(insn->pc + 4);
		state->calls++;
	}
	return go_to(machine, state, insn->pc + (uint64_t)signed_bits(insn, 0, 26) * 4);
}

/* cbz, cbnz */
static enum ctl_step do_compare_branch(struct ctl_machine *machine, struct ctl_state *state,
				       const struct insn *insn, uint64_t *other)
{
	struct ctl_flags flags =
		ctl_compare(get(state, insn->rd, insn->size), ctl_number(0), insn->size);
	int zero = ctl_flag(&flags, CTL_ZERO);

	return choose(machine, state, insn,
		      zero < 0            ? -1
		      : bits(insn, 24, 1) ? !zero
					  : zero,
		      signed_bits(insn, 5, 19) * 4, other);
}

/* tbz, tbnz */
static enum ctl_step do_test_branch(struct ctl_machine *machine, struct ctl_state *state,
				    const struct insn *insn, uint64_t *other)
{
	unsigned int bit = bits(insn, 31, 1) << 5 | bits(insn, 19, 5);
	struct ctl_value value = get(state, insn->rd, 8);
	int set_bit = value.kind == CTL_NUMBER ? (int)(value.number >> bit & 1) : -1;

	if (bit < 32 && set_bit < 0) {
		value = get(state, insn->rd, 4);
		set_bit = value.kind == CTL_NUMBER ? (int)(value.number >> bit & 1) : -1;
	}
	return choose(machine, state, insn,
		      set_bit < 0         ? -1
		      : bits(insn, 24, 1) ? set_bit
					  : !set_bit,
		      signed_bits(insn, 5, 14) * 4, other);
}

static enum ctl_step execute(struct ctl_machine *machine, struct ctl_state *state,
			     const struct insn *insn, uint64_t *other)
{
	uint32_t word = insn->word;

	if ((word & 0x1f000000) == 0x10000000)
		return do_address(state, insn);
	if ((word & 0x1f800000) == 0x11000000) {
		uint64_t number = (uint64_t)bits(insn, 10, 12) << (bits(insn, 22, 1) ? 12 : 0);

		add_or_subtract(state, insn, get_sp(state, insn->rn, insn->size),
				ctl_number(number), true);
		return CTL_GOES_ON;
	}
	if ((word & 0x1f800000) == 0x12000000)
		return do_logic_immediate(state, insn);
	if ((word & 0x1f800000) == 0x12800000)
		return do_move_wide(state, insn);
	if ((word & 0x1f800000) == 0x13000000)
		return do_bit_field(state, insn);
	if ((word & 0x7c000000) == 0x14000000)
		return do_jump(machine, state, insn);
	if ((word & 0xff000010) == 0x54000000)
		return choose(machine, state, insn, condition(&state->flags, bits(insn, 0, 4)),
			      signed_bits(insn, 5, 19) * 4, other);
	if ((word & 0x7e000000) == 0x34000000)
		return do_compare_branch(machine, state, insn, other);
	if ((word & 0x7e000000) == 0x36000000)
		return do_test_branch(machine, state, insn, other);
	if ((word & 0xff9ffc1f) == 0xd61f0000)
		return do_register_branch(machine, state, insn);
	if ((word & 0xfffff01f) == 0xd503201f)
		return CTL_GOES_ON;              /* hints: nop, bti, paciasp, autiasp */
	if ((word & 0xffffffe0) == 0xd53bd040) { /* mrs, tpidr_el0 */
		set(state, insn->rd, 8, (struct ctl_value){ .kind = CTL_TP, .known = 8 });
		return CTL_GOES_ON;
	}
	if ((word & 0x3e000000) == 0x38000000)
		return do_transfer(machine, state, insn);
	if ((word & 0x3f000000) == 0x18000000)
		return do_literal(machine, state, insn);
	if ((word & 0x3ffffc00) == 0x08dffc00) /* ldar */
		return done(transfer(machine, state, insn->rd, (size_t)1 << bits(insn, 30, 2), 1,
				     get_sp(state, insn->rn, 8)));
	if ((word & 0x3e000000) == 0x28000000)
		return do_pair(machine, state, insn);
	if ((word & 0x1f200000) == 0x0b000000 && bits(insn, 22, 2) != 3) {
		add_or_subtract(state, insn, get(state, insn->rn, insn->size),
				shifted(get(state, insn->rm, insn->size), bits(insn, 22, 2),
					bits(insn, 10, 6), insn->size),
				false);
		return CTL_GOES_ON;
	}
	if ((word & 0x1fe00000) == 0x0b200000 && bits(insn, 10, 3) <= 4) {
		add_or_subtract(state, insn, get_sp(state, insn->rn, insn->size),
				extended(get(state, insn->rm, 8), bits(insn, 13, 3),
					 bits(insn, 10, 3)),
				true);
		return CTL_GOES_ON;
	}
	if ((word & 0x1f000000) == 0x0a000000)
		return do_logic(state, insn);
	if ((word & 0x1fe00000) == 0x1a800000)
		return do_conditional(state, insn);
	if ((word & 0x1fe00000) == 0x1a400000)
		return do_conditional_compare(state, insn);
	if ((word & 0x1f000000) == 0x1b000000)
		return do_multiply(state, insn);
	return CTL_STUCK;
}

static enum ctl_step step(struct ctl_machine *machine, struct ctl_state *state, uint64_t *other)
{
	unsigned char bytes[16];
	struct insn insn = { .pc = state->pc };
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
