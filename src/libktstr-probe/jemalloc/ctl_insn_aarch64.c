/* SPDX-License-Identifier: BSD-2-Clause */
/* One AArch64 instruction, and the registers that it names. */
#include "config.h"

#include "jemalloc/ctl_insn_aarch64.h"

uint32_t a64_bits(const struct a64_insn *insn, unsigned int low, unsigned int count)
{
	return insn->word >> low & ((UINT32_C(1) << count) - 1);
}

int64_t a64_signed_bits(const struct a64_insn *insn, unsigned int low, unsigned int count)
{
	uint64_t sign = UINT64_C(1) << (count - 1);

	return (int64_t)((a64_bits(insn, low, count) ^ sign) - sign);
}

struct ctl_value a64_get(const struct ctl_state *state, unsigned int number, size_t size)
{
	return number == ZERO ? ctl_number(0) : ctl_low(state->registers[number], size);
}

void a64_set(struct ctl_state *state, unsigned int number, size_t size, struct ctl_value value)
{
	if (number != ZERO)
		state->registers[number] = ctl_low(value, size);
}

struct ctl_value a64_get_sp(const struct ctl_state *state, unsigned int number, size_t size)
{
	return ctl_low(state->registers[number], size);
}

void a64_set_sp(struct ctl_state *state, unsigned int number, size_t size, struct ctl_value value)
{
	state->registers[number] = ctl_low(value, size);
}
