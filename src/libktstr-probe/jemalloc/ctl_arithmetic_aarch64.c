/* SPDX-License-Identifier: BSD-2-Clause */
/* What AArch64 instructions work out, and the flags that they leave. */
#include "config.h"

#include "jemalloc/ctl_arithmetic_aarch64.h"

/* The carry of a subtraction is what x86 calls no borrow. */
static struct ctl_flags no_borrow(struct ctl_flags flags)
{
	flags.set ^= flags.known & CTL_CARRY;
	return flags;
}

int a64_condition(const struct ctl_flags *flags, unsigned int code)
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

struct ctl_value a64_shifted(struct ctl_value value, unsigned int kind, unsigned int count,
			     size_t size)
{
	if (count == 0)
		return value;
	if (!ctl_is_number(&value, size) || kind > 1 || count >= 8 * size)
		return ctl_unknown();
	return ctl_low(ctl_number(kind == 0 ? value.number << count : value.number >> count), size);
}

struct ctl_value a64_extended(struct ctl_value value, unsigned int option, unsigned int count)
{
	size_t from = (size_t)1 << (option & 3);

	value = option & 4 ? ctl_signed(value, from) : ctl_low(value, from);
	return a64_shifted(value, 0, count, 8);
}

void a64_add_or_subtract(struct ctl_state *state, const struct a64_insn *insn, struct ctl_value a,
			 struct ctl_value b, bool rd_is_sp)
{
	bool subtract = a64_bits(insn, 30, 1), sets_flags = a64_bits(insn, 29, 1);
	struct ctl_value result = subtract ? ctl_subtract(a, b, insn->size)
					   : ctl_add(a, b, insn->size);

	if (sets_flags)
		state->flags = subtract ? no_borrow(ctl_compare(a, b, insn->size))
					: ctl_sum_flags(a, b, insn->size);
	if (rd_is_sp && !sets_flags)
		a64_set_sp(state, insn->rd, insn->size, result);
	else
		a64_set(state, insn->rd, insn->size, result);
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

enum ctl_step a64_do_logic_immediate(struct ctl_state *state, const struct a64_insn *insn)
{
	unsigned int operation = a64_bits(insn, 29, 2);
	struct ctl_value value;
	uint64_t mask;

	if (!bit_mask(a64_bits(insn, 22, 1), a64_bits(insn, 10, 6), a64_bits(insn, 16, 6),
		      insn->size, &mask))
		return CTL_STUCK;
	value = bitwise(operation, a64_get(state, insn->rn, insn->size), ctl_number(mask));
	/* What cuts nothing off. */
	if (operation == 0 && value.kind == CTL_UNKNOWN) {
		struct ctl_value whole = a64_get(state, insn->rn, insn->size);

		if (whole.size && whole.size < 8 &&
		    (mask & ((UINT64_C(1) << 8 * whole.size) - 1)) ==
			    (UINT64_C(1) << 8 * whole.size) - 1)
			value = whole;
	}
	if (operation == 3) {
		state->flags = logic_flags(value, insn->size);
		a64_set(state, insn->rd, insn->size, value);
	} else {
		a64_set_sp(state, insn->rd, insn->size, value);
	}
	return CTL_GOES_ON;
}

enum ctl_step a64_do_logic(struct ctl_state *state, const struct a64_insn *insn)
{
	unsigned int operation = a64_bits(insn, 29, 2);
	struct ctl_value a = a64_get(state, insn->rn, insn->size);
	struct ctl_value b = a64_shifted(a64_get(state, insn->rm, insn->size),
					 a64_bits(insn, 22, 2), a64_bits(insn, 10, 6), insn->size);
	struct ctl_value value;

	if (a64_bits(insn, 21, 1)) /* bic, orn, eon, bics */
		b = ctl_is_number(&b, insn->size) ? ctl_low(ctl_number(~b.number), insn->size)
						  : ctl_unknown();
	value = bitwise(operation, a, b);
	if (operation == 2 && insn->rn == insn->rm && a64_bits(insn, 10, 6) == 0 &&
	    !a64_bits(insn, 21, 1))
		value = ctl_number(0);
	if (operation == 3)
		state->flags = logic_flags(
			insn->rn == insn->rm && !a64_bits(insn, 21, 1) ? a : value, insn->size);
	a64_set(state, insn->rd, insn->size, value);
	return CTL_GOES_ON;
}

enum ctl_step a64_do_move_wide(struct ctl_state *state, const struct a64_insn *insn)
{
	unsigned int shift = 16 * a64_bits(insn, 21, 2);
	uint64_t number = (uint64_t)a64_bits(insn, 5, 16) << shift;
	struct ctl_value old = a64_get(state, insn->rd, insn->size);

	if (8 * insn->size <= shift)
		return CTL_STUCK;
	switch (a64_bits(insn, 29, 2)) {
	case 0:
		a64_set(state, insn->rd, insn->size, ctl_number(~number));
		return CTL_GOES_ON;
	case 2:
		a64_set(state, insn->rd, insn->size, ctl_number(number));
		return CTL_GOES_ON;
	case 3:
		a64_set(state, insn->rd, insn->size,
			old.kind == CTL_NUMBER
				? ctl_number((old.number & ~(UINT64_C(0xffff) << shift)) | number)
				: ctl_unknown());
		return CTL_GOES_ON;
	default:
		return CTL_STUCK;
	}
}

enum ctl_step a64_do_bit_field(struct ctl_state *state, const struct a64_insn *insn)
{
	unsigned int kind = a64_bits(insn, 29, 2), turn = a64_bits(insn, 16, 6),
		     last = a64_bits(insn, 10, 6);
	unsigned int width = (unsigned int)(8 * insn->size), length;
	struct ctl_value value = a64_get(state, insn->rn, insn->size);
	uint64_t number;

	if (kind == 1 || kind == 3 || last >= width || turn >= width ||
	    a64_bits(insn, 22, 1) != (insn->size == 8))
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
	a64_set(state, insn->rd, insn->size, value);
	return CTL_GOES_ON;
}

enum ctl_step a64_do_conditional(struct ctl_state *state, const struct a64_insn *insn)
{
	int holds = a64_condition(&state->flags, a64_bits(insn, 12, 4));
	struct ctl_value a = a64_get(state, insn->rn, insn->size),
			 b = a64_get(state, insn->rm, insn->size);
	unsigned int kind = a64_bits(insn, 30, 1) << 1 | a64_bits(insn, 10, 2);

	if (a64_bits(insn, 29, 1) || a64_bits(insn, 11, 1))
		return CTL_STUCK;
	if (kind & 2) /* csinv, csneg */
		b = b.kind == CTL_NUMBER ? ctl_number(kind & 1 ? -b.number : ~b.number)
					 : ctl_unknown();
	else if (kind & 1)
		b = ctl_add(b, ctl_number(1), insn->size);
	a64_set(state, insn->rd, insn->size, holds < 0 ? ctl_unknown() : holds ? a : b);
	return CTL_GOES_ON;
}

enum ctl_step a64_do_conditional_compare(struct ctl_state *state, const struct a64_insn *insn)
{
	int holds = a64_condition(&state->flags, a64_bits(insn, 12, 4));
	struct ctl_value a = a64_get(state, insn->rn, insn->size);
	struct ctl_value b = a64_bits(insn, 11, 1) ? ctl_number(insn->rm)
						   : a64_get(state, insn->rm, insn->size);
	unsigned int flags = a64_bits(insn, 0, 4);

	if (!a64_bits(insn, 29, 1) || a64_bits(insn, 10, 1) || a64_bits(insn, 4, 1))
		return CTL_STUCK;
	if (holds < 0)
		state->flags = (struct ctl_flags){ 0 };
	else if (holds)
		state->flags = a64_bits(insn, 30, 1) ? no_borrow(ctl_compare(a, b, insn->size))
						     : ctl_sum_flags(a, b, insn->size);
	else
		state->flags = (struct ctl_flags){
			.known = CTL_ALL_FLAGS & ~(unsigned int)CTL_PARITY,
			.set = (flags & 8 ? CTL_SIGN : 0U) | (flags & 4 ? CTL_ZERO : 0U) |
			       (flags & 2 ? CTL_CARRY : 0U) | (flags & 1 ? CTL_OVERFLOW : 0U),
		};
	return CTL_GOES_ON;
}

enum ctl_step a64_do_multiply(struct ctl_state *state, const struct a64_insn *insn)
{
	struct ctl_value a = a64_get(state, insn->rn, insn->size),
			 b = a64_get(state, insn->rm, insn->size),
			 sum = a64_get(state, a64_bits(insn, 10, 5), insn->size);

	if (a64_bits(insn, 21, 3) || a64_bits(insn, 29, 2))
		return CTL_STUCK;
	if (a.kind != CTL_NUMBER || b.kind != CTL_NUMBER || sum.kind != CTL_NUMBER)
		a64_set(state, insn->rd, insn->size, ctl_unknown());
	else
		a64_set(state, insn->rd, insn->size,
			ctl_number(a64_bits(insn, 15, 1) ? sum.number - a.number * b.number
							 : sum.number + a.number * b.number));
	return CTL_GOES_ON;
}
