/* SPDX-License-Identifier: BSD-2-Clause */
/* One x86-64 instruction, taken byte by byte, and what its operands hold. */
#include "config.h"

#include "jemalloc/ctl_insn_x86_64.h"

uint64_t x86_take(struct x86_insn *insn, size_t count)
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

int64_t x86_take_signed(struct x86_insn *insn, size_t count)
{
	uint64_t sign = UINT64_C(1) << (8 * count - 1);

	return (int64_t)((x86_take(insn, count) ^ sign) - sign);
}

void x86_take_modrm(struct x86_insn *insn)
{
	unsigned int byte = (unsigned int)x86_take(insn, 1);

	insn->mod = byte >> 6;
	insn->reg = (byte >> 3 & 7) | (insn->rex & 4) << 1;
	insn->rm = (byte & 7) | (insn->rex & 1) << 3;
	insn->is_memory = insn->mod != 3;
	if (!insn->is_memory)
		return;
	insn->has_base = true;
	insn->base = insn->rm;
	if ((byte & 7) == 4) {
		unsigned int sib = (unsigned int)x86_take(insn, 1);

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
		insn->displacement = x86_take_signed(insn, 1);
	else if (insn->mod == 2 || !insn->has_base)
		insn->displacement = x86_take_signed(insn, 4);
}

bool x86_take_prefixes(struct x86_insn *insn)
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

struct ctl_value x86_address_of(const struct x86_insn *insn, const struct ctl_state *state)
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

static bool load(struct ctl_machine *machine, const struct x86_insn *insn,
		 const struct ctl_state *state, size_t size, struct ctl_value *value)
{
	struct ctl_value address = x86_address_of(insn, state);

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
static bool is_high_byte(const struct x86_insn *insn, unsigned int number, size_t size)
{
	return size == 1 && !insn->has_rex && number >= RSP && number <= RDI;
}

bool x86_get_register(const struct x86_insn *insn, const struct ctl_state *state,
		      unsigned int number, size_t size, struct ctl_value *value)
{
	*value = ctl_low(state->registers[number], size);
	return !is_high_byte(insn, number, size);
}

bool x86_set_register(const struct x86_insn *insn, struct ctl_state *state, unsigned int number,
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

bool x86_get_operand(struct ctl_machine *machine, const struct x86_insn *insn,
		     const struct ctl_state *state, size_t size, struct ctl_value *value)
{
	return insn->is_memory ? load(machine, insn, state, size, value)
			       : x86_get_register(insn, state, insn->rm, size, value);
}

bool x86_set_operand(const struct x86_insn *insn, struct ctl_state *state, size_t size,
		     struct ctl_value value)
{
	return insn->is_memory ? ctl_store(state, x86_address_of(insn, state), size, value)
			       : x86_set_register(insn, state, insn->rm, size, value);
}

bool x86_push(struct ctl_state *state, struct ctl_value value)
{
	struct ctl_value *stack = &state->registers[RSP];

	*stack = ctl_add(*stack, ctl_number((uint64_t)-8), 8);
	return ctl_store(state, *stack, 8, value);
}

bool x86_pop(struct ctl_machine *machine, struct ctl_state *state, struct ctl_value *value)
{
	struct ctl_value *stack = &state->registers[RSP];

	if (stack->kind != CTL_NUMBER || !ctl_load(machine, state, *stack, 8, value))
		return false;
	*stack = ctl_add(*stack, ctl_number(8), 8);
	return true;
}

size_t x86_operand_size(const struct x86_insn *insn)
{
	return insn->rex & 8 ? 8 : insn->small ? 2 : 4;
}
