/* SPDX-License-Identifier: BSD-2-Clause */
/* What x86-64 instructions work out, and the flags that they leave. */
#include "config.h"

#include "jemalloc/ctl_arithmetic_x86_64.h"

/* The eight operations of 00h-3Fh and 80h-83h, in their order. */
enum { OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP };

static struct ctl_value bitwise(unsigned int operation, struct ctl_value a, struct ctl_value b,
				size_t size)
{
	uint64_t all = size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;

	a = ctl_low(a, size);
	b = ctl_low(b, size);
	/* clang cuts a bool down to its bit: it stays what it was */
	if (operation == OP_AND && a.source && a.size == 1 && a.number <= 1 &&
	    b.kind == CTL_NUMBER && b.number == 1)
		return a;
	if (a.kind == CTL_NUMBER && b.kind == CTL_NUMBER)
		return ctl_number(operation == OP_OR    ? a.number | b.number
				  : operation == OP_AND ? a.number & b.number
							: a.number ^ b.number);
	if (operation == OP_AND &&
	    ((a.kind == CTL_NUMBER && a.number == 0) || (b.kind == CTL_NUMBER && b.number == 0)))
		return ctl_number(0);
	/* or of a value with itself, or with 0; and of a value with itself, or with ones */
	if (b.kind == CTL_NUMBER && b.number == (operation == OP_AND ? all : 0))
		return a;
	return ctl_unknown();
}

/* Works out the operation, its flags, and whether there is a result to keep. */
static bool operate(unsigned int operation, struct ctl_value *a, struct ctl_value b, size_t size,
		    struct ctl_flags *flags)
{
	switch (operation) {
	case OP_ADD:
		*flags = ctl_sum_flags(*a, b, size);
		*a = ctl_add(*a, b, size);
		return true;
	case OP_SUB:
	case OP_CMP:
		*flags = ctl_compare(*a, b, size);
		if (operation == OP_SUB)
			*a = ctl_subtract(*a, b, size);
		return operation == OP_SUB;
	case OP_SBB:
	case OP_ADC: {
		int carry = ctl_flag(flags, CTL_CARRY);

		/* sbb of a register with itself spreads the carry; other uses do not occur */
		*flags = (struct ctl_flags){ 0 };
		*a = operation == OP_SBB && carry >= 0 && a->kind == CTL_NUMBER &&
				     b.kind == CTL_NUMBER && a->number == b.number
			     ? ctl_low(ctl_number(carry ? UINT64_MAX : 0), size)
			     : ctl_unknown();
		return true;
	}
	default:
		*a = bitwise(operation, *a, b, size);
		*flags = ctl_logic_flags(*a, size);
		return true;
	}
}

int x86_condition(const struct ctl_flags *flags, unsigned int code)
{
	int zero = ctl_flag(flags, CTL_ZERO), carry = ctl_flag(flags, CTL_CARRY);
	int sign = ctl_flag(flags, CTL_SIGN), overflow = ctl_flag(flags, CTL_OVERFLOW);
	int less = sign < 0 || overflow < 0 ? -1 : sign != overflow, result;

	switch (code >> 1) {
	case 0:
		result = overflow;
		break;
	case 1:
		result = carry;
		break;
	case 2:
		result = zero;
		break;
	case 3:
		result = carry == 1 || zero == 1 ? 1 : carry < 0 || zero < 0 ? -1 : 0;
		break;
	case 4:
		result = sign;
		break;
	case 5:
		result = ctl_flag(flags, CTL_PARITY);
		break;
	case 6:
		result = less;
		break;
	default:
		result = less == 1 || zero == 1 ? 1 : less < 0 || zero < 0 ? -1 : 0;
	}
	return result < 0 || !(code & 1) ? result : !result;
}

bool x86_do_arithmetic(struct ctl_machine *machine, struct ctl_state *state, struct x86_insn *insn,
		       unsigned int opcode)
{
	size_t size = opcode & 1 ? x86_operand_size(insn) : 1;
	unsigned int operation = opcode >> 3;
	struct ctl_value a, b;

	if ((opcode & 7) >= 4) {
		b = ctl_number((uint64_t)x86_take_signed(insn, size > 4 ? 4 : size));
		insn->is_memory = false;
		insn->rm = RAX;
		if (!x86_get_operand(machine, insn, state, size, &a))
			return false;
	} else {
		x86_take_modrm(insn);
		if (!insn->ok || !x86_get_operand(machine, insn, state, size, &a) ||
		    !x86_get_register(insn, state, insn->reg, size, &b))
			return false;
		/* What is subtracted from itself, or exclusive with itself, is 0 whatever it was.
		 */
		if ((operation == OP_XOR || operation == OP_SUB || operation == OP_SBB) &&
		    !insn->is_memory && insn->rm == insn->reg)
			a = b = ctl_number(0);
		if (!insn->is_memory && insn->rm == insn->reg && operation == OP_AND) {
			state->flags = ctl_logic_flags(a, size);
			return x86_set_operand(insn, state, size, a);
		}
		if (opcode & 2) {
			struct ctl_value swap = a;

			a = b;
			b = swap;
		}
	}
	b = ctl_low(b, size);
	if (!insn->ok)
		return false;
	if (!operate(operation, &a, b, size, &state->flags))
		return true;
	return opcode & 2 ? x86_set_register(insn, state, insn->reg, size, a)
			  : x86_set_operand(insn, state, size, a);
}

bool x86_do_immediate(struct ctl_machine *machine, struct ctl_state *state, struct x86_insn *insn,
		      unsigned int opcode)
{
	size_t size = opcode == 0x80 ? 1 : x86_operand_size(insn);
	struct ctl_value a, b;

	x86_take_modrm(insn);
	b = ctl_low(ctl_number((uint64_t)x86_take_signed(insn, opcode != 0x81 ? 1
							       : size > 4     ? 4
									      : size)),
		    size);
	if (!insn->ok || !x86_get_operand(machine, insn, state, size, &a))
		return false;
	return !operate(insn->reg & 7, &a, b, size, &state->flags) ||
	       x86_set_operand(insn, state, size, a);
}

bool x86_do_shift(struct ctl_machine *machine, struct ctl_state *state, struct x86_insn *insn,
		  unsigned int opcode)
{
	size_t size = opcode & 1 ? x86_operand_size(insn) : 1;
	struct ctl_value a;
	unsigned int count;

	x86_take_modrm(insn);
	count = (opcode < 0xd0 ? (unsigned int)x86_take(insn, 1) : 1) & (size == 8 ? 63 : 31);
	if (!insn->ok || !x86_get_operand(machine, insn, state, size, &a))
		return false;
	state->flags = (struct ctl_flags){ 0 };
	if (ctl_is_number(&a, size) && (insn->reg & 7) == 4)
		a = ctl_low(ctl_number(a.number << count), size);
	else if (ctl_is_number(&a, size) && (insn->reg & 7) == 5)
		a = ctl_number(a.number >> count);
	else
		a = ctl_unknown();
	return x86_set_operand(insn, state, size, a);
}

bool x86_do_unary(struct ctl_machine *machine, struct ctl_state *state, struct x86_insn *insn,
		  unsigned int opcode)
{
	size_t size = opcode & 1 ? x86_operand_size(insn) : 1;
	struct ctl_value a, b;

	x86_take_modrm(insn);
	if ((insn->reg & 7) < 2) {
		b = ctl_number((uint64_t)x86_take_signed(insn, size > 4 ? 4 : size));
		if (!insn->ok || !x86_get_operand(machine, insn, state, size, &a))
			return false;
		state->flags = ctl_logic_flags(bitwise(OP_AND, a, b, size), size);
		return true;
	}
	if ((insn->reg & 7) > 3 || !insn->ok || !x86_get_operand(machine, insn, state, size, &a))
		return false;
	if ((insn->reg & 7) == 2)
		return x86_set_operand(insn, state, size,
				       bitwise(OP_XOR, a, ctl_number(UINT64_MAX), size));
	state->flags = ctl_compare(ctl_number(0), a, size);
	return x86_set_operand(insn, state, size, ctl_subtract(ctl_number(0), a, size));
}

bool x86_do_test(struct ctl_machine *machine, struct ctl_state *state, struct x86_insn *insn,
		 unsigned int opcode)
{
	size_t size = opcode & 1 ? x86_operand_size(insn) : 1;
	struct ctl_value a, b;

	if (opcode >= 0xa8) {
		b = ctl_number((uint64_t)x86_take_signed(insn, size > 4 ? 4 : size));
		a = ctl_low(state->registers[RAX], size);
	} else {
		x86_take_modrm(insn);
		if (!insn->ok || !x86_get_operand(machine, insn, state, size, &a) ||
		    !x86_get_register(insn, state, insn->reg, size, &b))
			return false;
		if (!insn->is_memory && insn->rm == insn->reg) {
			state->flags = ctl_logic_flags(a, size);
			return true;
		}
	}
	state->flags = ctl_logic_flags(bitwise(OP_AND, a, b, size), size);
	return insn->ok;
}
