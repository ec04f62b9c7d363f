/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One x86-64 instruction of those that compilers make of a mallctl handler. What is not named here
 * ends the run: no length is guessed. Encodings: Intel's manual, volume 2, appendix A.
 */
#include "config.h"

#include <elf.h>

#include "jemalloc/ctl_arithmetic_x86_64.h"
#include "jemalloc/ctl_insn_x86_64.h"
#include "jemalloc/ctl_machine.h"

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
			    const struct x86_insn *insn, unsigned int code, int64_t displacement,
			    uint64_t *other)
{
	uint64_t next = insn->pc + insn->at, there = next + (uint64_t)displacement;
	int holds = x86_condition(&state->flags, code);

	if (holds >= 0)
		return go_to(machine, state, holds ? there : next);
	*other = there;
	state->pc = next;
	return CTL_FORKS;
}

static enum ctl_step do_call(struct ctl_machine *machine, struct ctl_state *state,
			     const struct x86_insn *insn, struct ctl_value to)
{
	if (!x86_push(state, ctl_number(insn->pc + insn->at)))
		return CTL_STUCK;
	state->calls++;
	return go_to_value(machine, state, to);
}

/* FEh, FFh: inc, dec, call, jmp, push. */
static enum ctl_step do_group_5(struct ctl_machine *machine, struct ctl_state *state,
				struct x86_insn *insn, unsigned int opcode)
{
	size_t size = opcode == 0xfe ? 1 : x86_operand_size(insn);
	struct ctl_value a;
	unsigned int what;

	x86_take_modrm(insn);
	what = insn->reg & 7;
	if (!insn->ok || (opcode == 0xfe && what > 1) || what == 3 || what == 5 || what == 7)
		return CTL_STUCK;
	if (what >= 2)
		size = 8;
	if (!x86_get_operand(machine, insn, state, size, &a))
		return CTL_STUCK;
	if (what == 2)
		return do_call(machine, state, insn, a);
	if (what == 4)
		return go_to_value(machine, state, a);
	if (what == 6)
		return ctl_done(x86_push(state, a));
	/* inc and dec leave the carry as it was: nobody asks for it behind them */
	state->flags = (struct ctl_flags){ 0 };
	return ctl_done(x86_set_operand(insn, state, size,
					ctl_add(a, ctl_number(what == 0 ? 1 : UINT64_MAX), size)));
}

/* 0Fh and one byte more. */
static enum ctl_step do_two_bytes(struct ctl_machine *machine, struct ctl_state *state,
				  struct x86_insn *insn, uint64_t *other)
{
	unsigned int opcode = (unsigned int)x86_take(insn, 1);
	size_t size = x86_operand_size(insn);
	struct ctl_value a, b;
	int holds;

	if (opcode >= 0x80 && opcode <= 0x8f) {
		int64_t displacement = x86_take_signed(insn, 4);

		return insn->ok ? branch(machine, state, insn, opcode & 15, displacement, other)
				: CTL_STUCK;
	}
	x86_take_modrm(insn);
	if (!insn->ok)
		return CTL_STUCK;
	if (opcode == 0x1e || opcode == 0x1f || opcode == 0x18)
		return CTL_GOES_ON; /* endbr64, nop, prefetch */
	if (opcode >= 0x90 && opcode <= 0x9f) {
		holds = x86_condition(&state->flags, opcode & 15);
		return ctl_done(x86_set_operand(
			insn, state, 1, holds < 0 ? ctl_unknown() : ctl_number((uint64_t)holds)));
	}
	if (opcode >= 0x40 && opcode <= 0x4f) {
		if (!x86_get_operand(machine, insn, state, size, &a) ||
		    !x86_get_register(insn, state, insn->reg, size, &b))
			return CTL_STUCK;
		holds = x86_condition(&state->flags, opcode & 15);
		return ctl_done(x86_set_register(insn, state, insn->reg, size,
						 holds < 0 ? ctl_unknown()
						 : holds   ? a
							   : b));
	}
	if (opcode == 0xb6 || opcode == 0xb7 || opcode == 0xbe || opcode == 0xbf) {
		size_t from = opcode & 1 ? 2 : 1;

		if (!x86_get_operand(machine, insn, state, from, &a))
			return CTL_STUCK;
		return ctl_done(x86_set_register(insn, state, insn->reg, size,
						 opcode < 0xb8 ? a : ctl_signed(a, from)));
	}
	if (opcode == 0xaf) {
		if (!x86_get_operand(machine, insn, state, size, &a) ||
		    !x86_get_register(insn, state, insn->reg, size, &b))
			return CTL_STUCK;
		state->flags = (struct ctl_flags){ 0 };
		return ctl_done(
			x86_set_register(insn, state, insn->reg, size,
					 ctl_is_number(&a, size) && ctl_is_number(&b, size)
						 ? ctl_low(ctl_number(a.number * b.number), size)
						 : ctl_unknown()));
	}
	if (opcode == 0xa3 || (opcode == 0xba && (insn->reg & 7) == 4)) { /* bt */
		if (opcode == 0xba)
			x86_take(insn, 1);
		state->flags = (struct ctl_flags){ 0 };
		return ctl_done(insn->ok);
	}
	return CTL_STUCK;
}

static bool do_move(struct ctl_machine *machine, struct ctl_state *state, struct x86_insn *insn,
		    unsigned int opcode)
{
	size_t size = opcode & 1 ? x86_operand_size(insn) : 1;
	struct ctl_value value;

	x86_take_modrm(insn);
	if (opcode >= 0xc6) {
		value = ctl_number((uint64_t)x86_take_signed(insn, size > 4 ? 4 : size));
		return insn->ok && (insn->reg & 7) == 0 &&
		       x86_set_operand(insn, state, size, value);
	}
	if (!insn->ok)
		return false;
	if (opcode >= 0x8a)
		return x86_get_operand(machine, insn, state, size, &value) &&
		       x86_set_register(insn, state, insn->reg, size, value);
	return x86_get_register(insn, state, insn->reg, size, &value) &&
	       x86_set_operand(insn, state, size, value);
}

/* Instructions of one byte and their numbers. */
static enum ctl_step do_one_byte(struct ctl_machine *machine, struct ctl_state *state,
				 struct x86_insn *insn, unsigned int opcode, uint64_t *other)
{
	size_t size = x86_operand_size(insn);
	unsigned int number = (opcode & 7) | (insn->rex & 1) << 3;
	struct ctl_value value;
	int64_t displacement;

	if (opcode >= 0x50 && opcode <= 0x57)
		return ctl_done(x86_push(state, state->registers[number]));
	if (opcode >= 0x58 && opcode <= 0x5f) {
		if (!x86_pop(machine, state, &value))
			return CTL_STUCK;
		state->registers[number] = value;
		return CTL_GOES_ON;
	}
	if (opcode >= 0x70 && opcode <= 0x7f) {
		displacement = x86_take_signed(insn, 1);
		return insn->ok ? branch(machine, state, insn, opcode & 15, displacement, other)
				: CTL_STUCK;
	}
	if (opcode >= 0xb0 && opcode <= 0xbf) {
		if (opcode < 0xb8)
			size = 1;
		value = ctl_number(x86_take(insn, size));
		return ctl_done(insn->ok && x86_set_register(insn, state, number, size, value));
	}
	switch (opcode) {
	case 0x63: /* movsxd */
		x86_take_modrm(insn);
		return ctl_done(
			insn->ok && x86_get_operand(machine, insn, state, 4, &value) &&
			x86_set_register(insn, state, insn->reg, size, ctl_signed(value, 4)));
	case 0x68:
	case 0x6a:
		value = ctl_number((uint64_t)x86_take_signed(insn, opcode == 0x68 ? 4 : 1));
		return ctl_done(insn->ok && x86_push(state, value));
	case 0x8d: /* lea */
		x86_take_modrm(insn);
		return ctl_done(insn->ok && insn->is_memory && !insn->fs &&
				x86_set_register(insn, state, insn->reg, size,
						 x86_address_of(insn, state)));
	case 0x90:
		return ctl_done(!(insn->rex & 1));
	case 0x98: /* cdqe, cwde */
		return ctl_done(x86_set_register(insn, state, RAX, size,
						 ctl_signed(state->registers[RAX], size / 2)));
	case 0xc3:
		if (!x86_pop(machine, state, &value))
			return CTL_STUCK;
		state->calls--;
		return go_to_value(machine, state, value);
	case 0xc9: /* leave */
		state->registers[RSP] = state->registers[RBP];
		return ctl_done(x86_pop(machine, state, &state->registers[RBP]));
	case 0xe8:
		displacement = x86_take_signed(insn, 4);
		return insn->ok ? do_call(machine, state, insn,
					  ctl_number(insn->pc + insn->at + (uint64_t)displacement))
				: CTL_STUCK;
	case 0xe9:
	case 0xeb:
		displacement = x86_take_signed(insn, opcode == 0xe9 ? 4 : 1);
		return insn->ok
			       ? go_to(machine, state, insn->pc + insn->at + (uint64_t)displacement)
			       : CTL_STUCK;
	default:
		return CTL_STUCK;
	}
}

static enum ctl_step execute(struct ctl_machine *machine, struct ctl_state *state,
			     struct x86_insn *insn, uint64_t *other)
{
	unsigned int opcode = (unsigned int)x86_take(insn, 1);

	if (opcode == 0x0f)
		return do_two_bytes(machine, state, insn, other);
	if (opcode < 0x40 && (opcode & 7) < 6)
		return ctl_done(x86_do_arithmetic(machine, state, insn, opcode));
	if (opcode == 0x80 || opcode == 0x81 || opcode == 0x83)
		return ctl_done(x86_do_immediate(machine, state, insn, opcode));
	if (opcode == 0x84 || opcode == 0x85 || opcode == 0xa8 || opcode == 0xa9)
		return ctl_done(x86_do_test(machine, state, insn, opcode));
	if ((opcode >= 0x88 && opcode <= 0x8b) || opcode == 0xc6 || opcode == 0xc7)
		return ctl_done(do_move(machine, state, insn, opcode));
	if (opcode == 0xc0 || opcode == 0xc1 || opcode == 0xd0 || opcode == 0xd1)
		return ctl_done(x86_do_shift(machine, state, insn, opcode));
	if (opcode == 0xf6 || opcode == 0xf7)
		return ctl_done(x86_do_unary(machine, state, insn, opcode));
	if (opcode == 0xfe || opcode == 0xff)
		return do_group_5(machine, state, insn, opcode);
	return do_one_byte(machine, state, insn, opcode, other);
}

static enum ctl_step step(struct ctl_machine *machine, struct ctl_state *state, uint64_t *other)
{
	unsigned char bytes[16];
	struct x86_insn insn = { .bytes = bytes, .ok = true, .pc = state->pc };
	enum ctl_step result;

	insn.size = ctl_fetch(machine, state->pc, bytes);
	if (insn.size > 15)
		insn.size = 15;
	if (insn.size == 0 || !x86_take_prefixes(&insn))
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
