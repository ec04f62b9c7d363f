/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One x86-64 instruction of those that compilers make of a mallctl handler. What is not named here
 * ends the run: no length is guessed. Encodings: Intel's manual, volume 2, appendix A.
 */
#include "config.h"

#include "jemalloc/ctl_machine.h"

#include <elf.h>

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9 };

struct insn {
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

static uint64_t take(struct insn *insn, size_t count)
{
	uint64_t value = 0;

	if (count > insn->size - insn->at) {
		insn->ok = false;
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		value |= (uint64_t)insn->bytes[insn->at + i] << 8 * i;
	insn->at += count;
	return value;
}

static int64_t take_signed(struct insn *insn, size_t count)
{
	uint64_t sign = UINT64_C(1) << (8 * count - 1);

	return (int64_t)((take(insn, count) ^ sign) - sign);
}

static void take_modrm(struct insn *insn)
{
	unsigned int byte = (unsigned int)take(insn, 1);

	insn->mod = byte >> 6;
	insn->reg = (byte >> 3 & 7) | (insn->rex & 4) << 1;
	insn->rm = (byte & 7) | (insn->rex & 1) << 3;
	insn->is_memory = insn->mod != 3;
	if (!insn->is_memory)
		return;
	insn->has_base = true;
	insn->base = insn->rm;
	if ((byte & 7) == 4) {
		unsigned int sib = (unsigned int)take(insn, 1);

		insn->base = (sib & 7) | (insn->rex & 1) << 3;
		insn->index = (sib >> 3 & 7) | (insn->rex & 2) << 2;
		insn->has_index = insn->index != RSP;
		insn->scale = sib >> 6;
		insn->has_base = insn->mod != 0 || (sib & 7) != 5;
	} else if (insn->mod == 0 && (byte & 7) == 5) {
		insn->has_base = false;
		insn->rip = true;
	}
	if (insn->mod == 1)
		insn->displacement = take_signed(insn, 1);
	else if (insn->mod == 2 || !insn->has_base)
		insn->displacement = take_signed(insn, 4);
}

/* The address of the memory operand; all of the instruction has been taken. */
static struct ctl_value address_of(const struct insn *insn, const struct ctl_state *state)
{
	struct ctl_value address = ctl_number((uint64_t)insn->displacement);

	if (insn->fs)
		address = (struct ctl_value){ .kind = CTL_TP,
					      .known = 8,
					      .number = (uint64_t)insn->displacement };
	if (insn->rip)
		address.number += insn->pc + insn->at;
	if (insn->has_base)
		address = ctl_add(address, state->registers[insn->base], 8);
	if (insn->has_index) {
		struct ctl_value index = ctl_low(state->registers[insn->index], 8);

		if (index.kind == CTL_NUMBER)
			index = ctl_number(index.number << insn->scale);
		else if (insn->scale)
			index = ctl_unknown();
		address = ctl_add(address, index, 8);
	}
	return address;
}

static bool load(struct ctl_machine *machine, const struct insn *insn,
		 const struct ctl_state *state, size_t size, struct ctl_value *value)
{
	struct ctl_value address = address_of(insn, state);

	/* x86-64 psABI 1.0 3.4.2: %fs:0 holds the thread pointer; glibc's stack guard is at 0x28,
	 * any number that does not change. */
	if (insn->fs && address.kind == CTL_TP && size == 8 &&
	    (address.number == 0 || address.number == 0x28)) {
		*value = address.number ? ctl_number(0x5a5a5a5a5a5a5a00)
					: (struct ctl_value){ .kind = CTL_TP, .known = 8 };
		return true;
	}
	return ctl_load(machine, state, address, size, value);
}

/* ah, ch, dh, bh: they do not occur. */
static bool is_high_byte(const struct insn *insn, unsigned int number, size_t size)
{
	return size == 1 && !insn->has_rex && number >= RSP && number <= RDI;
}

static bool get_register(const struct insn *insn, const struct ctl_state *state,
			 unsigned int number, size_t size, struct ctl_value *value)
{
	*value = ctl_low(state->registers[number], size);
	return !is_high_byte(insn, number, size);
}

static bool set_register(const struct insn *insn, struct ctl_state *state, unsigned int number,
			 size_t size, struct ctl_value value)
{
	struct ctl_value *old = &state->registers[number];

	value = ctl_low(value, size);
	if (size < 4) {
		uint64_t low = (UINT64_C(1) << 8 * size) - 1;

		if (ctl_is_number(&value, size) && ctl_is_number(old, 8))
			value = ctl_number((old->number & ~low) | value.number);
		else if (value.kind != CTL_UNKNOWN)
			value.known = (uint8_t)size;
	}
	*old = value;
	return !is_high_byte(insn, number, size);
}

static bool get_operand(struct ctl_machine *machine, const struct insn *insn,
			const struct ctl_state *state, size_t size, struct ctl_value *value)
{
	return insn->is_memory ? load(machine, insn, state, size, value)
			       : get_register(insn, state, insn->rm, size, value);
}

static bool set_operand(const struct insn *insn, struct ctl_state *state, size_t size,
			struct ctl_value value)
{
	return insn->is_memory ? ctl_store(state, address_of(insn, state), size, value)
			       : set_register(insn, state, insn->rm, size, value);
}

static bool push(struct ctl_state *state, struct ctl_value value)
{
	struct ctl_value *stack = &state->registers[RSP];

	*stack = ctl_add(*stack, ctl_number((uint64_t)-8), 8);
	return ctl_store(state, *stack, 8, value);
}

static bool pop(struct ctl_machine *machine, struct ctl_state *state, struct ctl_value *value)
{
	struct ctl_value *stack = &state->registers[RSP];

	if (stack->kind != CTL_NUMBER || !ctl_load(machine, state, *stack, 8, value))
		return false;
	*stack = ctl_add(*stack, ctl_number(8), 8);
	return true;
}

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

/* Jcc, SETcc, CMOVcc: 1, 0, or -1 for not known. Intel's manual, volume 1, appendix B. */
static int condition(const struct ctl_flags *flags, unsigned int code)
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

static enum ctl_step go_to(struct ctl_machine *machine, struct ctl_state *state, uint64_t address)
{
	state->pc = address;
	if (address == CTL_RETURN)
		return CTL_RETURNED;
	return ctl_is_code(machine->image, address, 1) ? CTL_GOES_ON : CTL_LEFT;
}

static enum ctl_step go_to_value(struct ctl_machine *machine, struct ctl_state *state,
				 struct ctl_value value)
{
	return ctl_is_number(&value, 8) ? go_to(machine, state, value.number) : CTL_STUCK;
}

static enum ctl_step branch(struct ctl_machine *machine, struct ctl_state *state,
			    const struct insn *insn, unsigned int code, int64_t distance,
			    uint64_t *other)
{
	uint64_t next = insn->pc + insn->at, there = next + (uint64_t)distance;
	int holds = condition(&state->flags, code);

	if (holds >= 0)
		return go_to(machine, state, holds ? there : next);
	*other = there;
	state->pc = next;
	return CTL_FORKS;
}

static size_t operand_size(const struct insn *insn)
{
	return insn->rex & 8 ? 8 : insn->small ? 2 : 4;
}

static enum ctl_step done(bool ok)
{
	return ok ? CTL_GOES_ON : CTL_STUCK;
}

/* 00h-3Fh: operations of a register and an operand, or of the accumulator and a number. */
static bool do_arithmetic(struct ctl_machine *machine, struct ctl_state *state, struct insn *insn,
			  unsigned int opcode)
{
	size_t size = opcode & 1 ? operand_size(insn) : 1;
	unsigned int operation = opcode >> 3;
	struct ctl_value a, b;

	if ((opcode & 7) >= 4) {
		b = ctl_number((uint64_t)take_signed(insn, size > 4 ? 4 : size));
		insn->is_memory = false;
		insn->rm = RAX;
		if (!get_operand(machine, insn, state, size, &a))
			return false;
	} else {
		take_modrm(insn);
		if (!insn->ok || !get_operand(machine, insn, state, size, &a) ||
		    !get_register(insn, state, insn->reg, size, &b))
			return false;
		/* What is subtracted from itself, or exclusive with itself, is 0 whatever it was.
		 */
		if ((operation == OP_XOR || operation == OP_SUB || operation == OP_SBB) &&
		    !insn->is_memory && insn->rm == insn->reg)
			a = b = ctl_number(0);
		if (!insn->is_memory && insn->rm == insn->reg && operation == OP_AND) {
			state->flags = ctl_logic_flags(a, size);
			return set_operand(insn, state, size, a);
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
	return opcode & 2 ? set_register(insn, state, insn->reg, size, a)
			  : set_operand(insn, state, size, a);
}

/* 80h, 81h, 83h: an operand and a number. */
static bool do_immediate(struct ctl_machine *machine, struct ctl_state *state, struct insn *insn,
			 unsigned int opcode)
{
	size_t size = opcode == 0x80 ? 1 : operand_size(insn);
	struct ctl_value a, b;

	take_modrm(insn);
	b = ctl_low(ctl_number((uint64_t)take_signed(insn, opcode != 0x81 ? 1
							   : size > 4     ? 4
									  : size)),
		    size);
	if (!insn->ok || !get_operand(machine, insn, state, size, &a))
		return false;
	return !operate(insn->reg & 7, &a, b, size, &state->flags) ||
	       set_operand(insn, state, size, a);
}

/* C0h, C1h, D0h, D1h: shifts by a number. */
static bool do_shift(struct ctl_machine *machine, struct ctl_state *state, struct insn *insn,
		     unsigned int opcode)
{
	size_t size = opcode & 1 ? operand_size(insn) : 1;
	struct ctl_value a;
	unsigned int count;

	take_modrm(insn);
	count = (opcode < 0xd0 ? (unsigned int)take(insn, 1) : 1) & (size == 8 ? 63 : 31);
	if (!insn->ok || !get_operand(machine, insn, state, size, &a))
		return false;
	state->flags = (struct ctl_flags){ 0 };
	if (ctl_is_number(&a, size) && (insn->reg & 7) == 4)
		a = ctl_low(ctl_number(a.number << count), size);
	else if (ctl_is_number(&a, size) && (insn->reg & 7) == 5)
		a = ctl_number(a.number >> count);
	else
		a = ctl_unknown();
	return set_operand(insn, state, size, a);
}

/* F6h, F7h: test, not, neg; not those that multiply and divide. */
static bool do_unary(struct ctl_machine *machine, struct ctl_state *state, struct insn *insn,
		     unsigned int opcode)
{
	size_t size = opcode & 1 ? operand_size(insn) : 1;
	struct ctl_value a, b;

	take_modrm(insn);
	if ((insn->reg & 7) < 2) {
		b = ctl_number((uint64_t)take_signed(insn, size > 4 ? 4 : size));
		if (!insn->ok || !get_operand(machine, insn, state, size, &a))
			return false;
		state->flags = ctl_logic_flags(bitwise(OP_AND, a, b, size), size);
		return true;
	}
	if ((insn->reg & 7) > 3 || !insn->ok || !get_operand(machine, insn, state, size, &a))
		return false;
	if ((insn->reg & 7) == 2)
		return set_operand(insn, state, size,
				   bitwise(OP_XOR, a, ctl_number(UINT64_MAX), size));
	state->flags = ctl_compare(ctl_number(0), a, size);
	return set_operand(insn, state, size, ctl_subtract(ctl_number(0), a, size));
}

static enum ctl_step do_call(struct ctl_machine *machine, struct ctl_state *state,
			     const struct insn *insn, struct ctl_value to)
{
	if (!push(state, ctl_number(insn->pc + insn->at)))
		return CTL_STUCK;
	state->calls++;
	return go_to_value(machine, state, to);
}

/* FEh, FFh: inc, dec, call, jmp, push. */
static enum ctl_step do_group_5(struct ctl_machine *machine, struct ctl_state *state,
				struct insn *insn, unsigned int opcode)
{
	size_t size = opcode == 0xfe ? 1 : operand_size(insn);
	struct ctl_value a;
	unsigned int what;

	take_modrm(insn);
	what = insn->reg & 7;
	if (!insn->ok || (opcode == 0xfe && what > 1) || what == 3 || what == 5 || what == 7)
		return CTL_STUCK;
	if (what >= 2)
		size = 8;
	if (!get_operand(machine, insn, state, size, &a))
		return CTL_STUCK;
	if (what == 2)
		return do_call(machine, state, insn, a);
	if (what == 4)
		return go_to_value(machine, state, a);
	if (what == 6)
		return done(push(state, a));
	/* inc and dec leave the carry as it was: nobody asks for it behind them */
	state->flags = (struct ctl_flags){ 0 };
	return done(set_operand(insn, state, size,
				ctl_add(a, ctl_number(what == 0 ? 1 : UINT64_MAX), size)));
}

/* 0Fh and one byte more. */
static enum ctl_step do_two_bytes(struct ctl_machine *machine, struct ctl_state *state,
				  struct insn *insn, uint64_t *other)
{
	unsigned int opcode = (unsigned int)take(insn, 1);
	size_t size = operand_size(insn);
	struct ctl_value a, b;
	int holds;

	if (opcode >= 0x80 && opcode <= 0x8f) {
		int64_t distance = take_signed(insn, 4);

		return insn->ok ? branch(machine, state, insn, opcode & 15, distance, other)
				: CTL_STUCK;
	}
	take_modrm(insn);
	if (!insn->ok)
		return CTL_STUCK;
	if (opcode == 0x1e || opcode == 0x1f || opcode == 0x18)
		return CTL_GOES_ON; /* endbr64, nop, prefetch */
	if (opcode >= 0x90 && opcode <= 0x9f) {
		holds = condition(&state->flags, opcode & 15);
		return done(set_operand(insn, state, 1,
					holds < 0 ? ctl_unknown() : ctl_number((uint64_t)holds)));
	}
	if (opcode >= 0x40 && opcode <= 0x4f) {
		if (!get_operand(machine, insn, state, size, &a) ||
		    !get_register(insn, state, insn->reg, size, &b))
			return CTL_STUCK;
		holds = condition(&state->flags, opcode & 15);
		return done(set_register(insn, state, insn->reg, size,
					 holds < 0 ? ctl_unknown()
					 : holds   ? a
						   : b));
	}
	if (opcode == 0xb6 || opcode == 0xb7 || opcode == 0xbe || opcode == 0xbf) {
		size_t from = opcode & 1 ? 2 : 1;

		if (!get_operand(machine, insn, state, from, &a))
			return CTL_STUCK;
		return done(set_register(insn, state, insn->reg, size,
					 opcode < 0xb8 ? a : ctl_signed(a, from)));
	}
	if (opcode == 0xaf) {
		if (!get_operand(machine, insn, state, size, &a) ||
		    !get_register(insn, state, insn->reg, size, &b))
			return CTL_STUCK;
		state->flags = (struct ctl_flags){ 0 };
		return done(set_register(insn, state, insn->reg, size,
					 ctl_is_number(&a, size) && ctl_is_number(&b, size)
						 ? ctl_low(ctl_number(a.number * b.number), size)
						 : ctl_unknown()));
	}
	if (opcode == 0xa3 || (opcode == 0xba && (insn->reg & 7) == 4)) { /* bt */
		if (opcode == 0xba)
			take(insn, 1);
		state->flags = (struct ctl_flags){ 0 };
		return done(insn->ok);
	}
	return CTL_STUCK;
}

static bool do_move(struct ctl_machine *machine, struct ctl_state *state, struct insn *insn,
		    unsigned int opcode)
{
	size_t size = opcode & 1 ? operand_size(insn) : 1;
	struct ctl_value value;

	take_modrm(insn);
	if (opcode >= 0xc6) {
		value = ctl_number((uint64_t)take_signed(insn, size > 4 ? 4 : size));
		return insn->ok && (insn->reg & 7) == 0 && set_operand(insn, state, size, value);
	}
	if (!insn->ok)
		return false;
	if (opcode >= 0x8a)
		return get_operand(machine, insn, state, size, &value) &&
		       set_register(insn, state, insn->reg, size, value);
	return get_register(insn, state, insn->reg, size, &value) &&
	       set_operand(insn, state, size, value);
}

static bool do_test(struct ctl_machine *machine, struct ctl_state *state, struct insn *insn,
		    unsigned int opcode)
{
	size_t size = opcode & 1 ? operand_size(insn) : 1;
	struct ctl_value a, b;

	if (opcode >= 0xa8) {
		b = ctl_number((uint64_t)take_signed(insn, size > 4 ? 4 : size));
		a = ctl_low(state->registers[RAX], size);
	} else {
		take_modrm(insn);
		if (!insn->ok || !get_operand(machine, insn, state, size, &a) ||
		    !get_register(insn, state, insn->reg, size, &b))
			return false;
		if (!insn->is_memory && insn->rm == insn->reg) {
			state->flags = ctl_logic_flags(a, size);
			return true;
		}
	}
	state->flags = ctl_logic_flags(bitwise(OP_AND, a, b, size), size);
	return insn->ok;
}

/* Instructions of one byte and their numbers. */
static enum ctl_step do_one_byte(struct ctl_machine *machine, struct ctl_state *state,
				 struct insn *insn, unsigned int opcode, uint64_t *other)
{
	size_t size = operand_size(insn);
	unsigned int number = (opcode & 7) | (insn->rex & 1) << 3;
	struct ctl_value value;
	int64_t distance;

	if (opcode >= 0x50 && opcode <= 0x57)
		return done(push(state, state->registers[number]));
	if (opcode >= 0x58 && opcode <= 0x5f) {
		if (!pop(machine, state, &value))
			return CTL_STUCK;
		state->registers[number] = value;
		return CTL_GOES_ON;
	}
	if (opcode >= 0x70 && opcode <= 0x7f) {
		distance = take_signed(insn, 1);
		return insn->ok ? branch(machine, state, insn, opcode & 15, distance, other)
				: CTL_STUCK;
	}
	if (opcode >= 0xb0 && opcode <= 0xbf) {
		if (opcode < 0xb8)
			size = 1;
		value = ctl_number(take(insn, size));
		return done(insn->ok && set_register(insn, state, number, size, value));
	}
	switch (opcode) {
	case 0x63: /* movsxd */
		take_modrm(insn);
		return done(insn->ok && get_operand(machine, insn, state, 4, &value) &&
			    set_register(insn, state, insn->reg, size, ctl_signed(value, 4)));
	case 0x68:
	case 0x6a:
		value = ctl_number((uint64_t)take_signed(insn, opcode == 0x68 ? 4 : 1));
		return done(insn->ok && push(state, value));
	case 0x8d: /* lea */
		take_modrm(insn);
		return done(insn->ok && insn->is_memory && !insn->fs &&
			    set_register(insn, state, insn->reg, size, address_of(insn, state)));
	case 0x90:
		return done(!(insn->rex & 1));
	case 0x98: /* cdqe, cwde */
		return done(set_register(insn, state, RAX, size,
					 ctl_signed(state->registers[RAX], size / 2)));
	case 0xc3:
		if (!pop(machine, state, &value))
			return CTL_STUCK;
		state->calls--;
		return go_to_value(machine, state, value);
	case 0xc9: /* leave */
		state->registers[RSP] = state->registers[RBP];
		return done(pop(machine, state, &state->registers[RBP]));
	case 0xe8:
		distance = take_signed(insn, 4);
		return insn->ok ? do_call(machine, state, insn,
					  ctl_number(insn->pc + insn->at + (uint64_t)distance))
				: CTL_STUCK;
	case 0xe9:
	case 0xeb:
		distance = take_signed(insn, opcode == 0xe9 ? 4 : 1);
		return insn->ok ? go_to(machine, state, insn->pc + insn->at + (uint64_t)distance)
				: CTL_STUCK;
	default:
		return CTL_STUCK;
	}
}

static enum ctl_step execute(struct ctl_machine *machine, struct ctl_state *state,
			     struct insn *insn, uint64_t *other)
{
	unsigned int opcode = (unsigned int)take(insn, 1);

	if (opcode == 0x0f)
		return do_two_bytes(machine, state, insn, other);
	if (opcode < 0x40 && (opcode & 7) < 6)
		return done(do_arithmetic(machine, state, insn, opcode));
	if (opcode == 0x80 || opcode == 0x81 || opcode == 0x83)
		return done(do_immediate(machine, state, insn, opcode));
	if (opcode == 0x84 || opcode == 0x85 || opcode == 0xa8 || opcode == 0xa9)
		return done(do_test(machine, state, insn, opcode));
	if ((opcode >= 0x88 && opcode <= 0x8b) || opcode == 0xc6 || opcode == 0xc7)
		return done(do_move(machine, state, insn, opcode));
	if (opcode == 0xc0 || opcode == 0xc1 || opcode == 0xd0 || opcode == 0xd1)
		return done(do_shift(machine, state, insn, opcode));
	if (opcode == 0xf6 || opcode == 0xf7)
		return done(do_unary(machine, state, insn, opcode));
	if (opcode == 0xfe || opcode == 0xff)
		return do_group_5(machine, state, insn, opcode);
	return do_one_byte(machine, state, insn, opcode, other);
}

/* 66h, the segments, the prefixes that hint, and REX. lock and the other uses of F2h, F3h are not
 * taken. */
static bool take_prefixes(struct insn *insn)
{
	for (;;) {
		unsigned int byte = insn->at < insn->size ? insn->bytes[insn->at] : 0xf0;

		if (byte == 0x66)
			insn->small = true;
		else if (byte == 0x64)
			insn->fs = true;
		else if (byte == 0xf3 || byte == 0xf2) {
			/* endbr64, rep ret, bnd call, bnd jmp, bnd ret */
			unsigned int next = insn->at + 1 < insn->size ? insn->bytes[insn->at + 1]
								      : 0;

			if (next != 0xc3 && next != 0xe8 && next != 0xe9 && next != 0xff &&
			    !(next == 0x0f && insn->size - insn->at >= 4 &&
			      insn->bytes[insn->at + 2] == 0x1e &&
			      insn->bytes[insn->at + 3] == 0xfa))
				return false;
		} else if (byte != 0x2e && byte != 0x3e)
			break;
		insn->at++;
	}
	if (insn->at < insn->size && (insn->bytes[insn->at] & 0xf0) == 0x40) {
		insn->rex = insn->bytes[insn->at++] & 15;
		insn->has_rex = true;
	}
	return true;
}

static enum ctl_step step(struct ctl_machine *machine, struct ctl_state *state, uint64_t *other)
{
	unsigned char bytes[16];
	struct insn insn = { .bytes = bytes, .ok = true, .pc = state->pc };
	enum ctl_step result;

	insn.size = ctl_fetch(machine, state->pc, bytes);
	if (insn.size > 15)
		insn.size = 15;
	if (insn.size == 0 || !take_prefixes(&insn))
		return CTL_STUCK;
	state->pc = 0;
	result = execute(machine, state, &insn, other);
	if (!insn.ok)
		return CTL_STUCK;
	if (result == CTL_GOES_ON && state->pc == 0) /* no jump */
		state->pc = insn.pc + insn.at;
	return result;
}

/* x86-64 psABI 1.0 3.2.3: six in registers, the seventh above the return address. */
static void call(struct ctl_state *state, const struct ctl_value arguments[7])
{
	static const unsigned int passed[6] = { RDI, RSI, RDX, RCX, R8, R9 };

	for (size_t i = 0; i < 6; i++)
		state->registers[passed[i]] = arguments[i];
	state->registers[RSP] = ctl_number(CTL_STACK - 8);
	ctl_store(state, ctl_number(CTL_STACK - 8), 8, ctl_number(CTL_RETURN));
	ctl_store(state, ctl_number(CTL_STACK), 8, arguments[6]);
}

const struct ctl_arch ctl_arch_x86_64 = {
	.machine = EM_X86_64,
	.result = RAX,
	.step = step,
	.call = call,
};
