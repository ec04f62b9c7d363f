/* SPDX-License-Identifier: BSD-2-Clause */
/* Values, flags and memory of the machine that follows a mallctl handler. */
#include "config.h"

#include "jemalloc/ctl_machine.h"

#include <string.h>

static uint64_t mask(size_t size)
{
	return size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
}

static bool is_address(enum ctl_kind kind)
{
	return kind == CTL_TSD || kind == CTL_TP;
}

bool ctl_is_number(const struct ctl_value *value, size_t size)
{
	return value->kind == CTL_NUMBER && value->known >= size;
}

struct ctl_value ctl_low(struct ctl_value value, size_t size)
{
	if (value.known < size)
		return ctl_unknown();
	switch (value.kind) {
	case CTL_NUMBER:
		value.number &= mask(size);
		if (value.size > size)
			value.source = 0;
		break;
	case CTL_TSD_MEMBER:
	case CTL_TP_MEMBER:
	case CTL_TSD_TARGET:
		if (value.size > size)
			return ctl_unknown();
		break;
	default:
		if (size < 8)
			return ctl_unknown();
	}
	value.known = 8;
	return value;
}

struct ctl_value ctl_signed(struct ctl_value value, size_t size)
{
	uint64_t sign = UINT64_C(1) << (8 * size - 1);

	value = ctl_low(value, size);
	if (size == 8 || value.kind == CTL_UNKNOWN)
		return value;
	if (value.kind != CTL_NUMBER) /* a smaller one has been zero-extended before */
		return value.size < size ? value : ctl_unknown();
	value.number = (value.number ^ sign) - sign;
	return value;
}

struct ctl_value ctl_add(struct ctl_value a, struct ctl_value b, size_t size)
{
	a = ctl_low(a, size);
	b = ctl_low(b, size);
	if (a.kind == CTL_NUMBER && b.kind != CTL_NUMBER) {
		struct ctl_value swap = a;

		a = b;
		b = swap;
	}
	if (b.kind != CTL_NUMBER)
		return ctl_unknown();
	switch (a.kind) {
	case CTL_NUMBER:
		return ctl_number((a.number + b.number) & mask(size));
	case CTL_TSD:
	case CTL_TP:
		a.number += b.number;
		return a;
	case CTL_TSD_MEMBER:
	case CTL_TSD_POINTER:
		if (b.number == 0)
			return a;
		if (a.kind == CTL_TSD_MEMBER && a.size < 8)
			return ctl_unknown();
		a.kind = CTL_TSD_POINTER;
		return a;
	default:
		return b.number == 0 ? a : ctl_unknown();
	}
}

struct ctl_value ctl_subtract(struct ctl_value a, struct ctl_value b, size_t size)
{
	a = ctl_low(a, size);
	b = ctl_low(b, size);
	if (a.kind == b.kind && is_address(a.kind))
		return ctl_number(a.number - b.number);
	if (b.kind != CTL_NUMBER)
		return ctl_unknown();
	b.number = -b.number & mask(size);
	b.source = 0;
	return ctl_add(a, b, size);
}

static unsigned int parity(uint64_t number)
{
	return __builtin_parity((unsigned int)number & 255) ? 0 : CTL_PARITY;
}

static struct ctl_flags known_flags(uint64_t result, size_t size, bool carry, bool overflow)
{
	uint64_t sign = UINT64_C(1) << (8 * size - 1);

	result &= mask(size);
	return (struct ctl_flags){
		.known = CTL_ALL_FLAGS,
		.set = (result ? 0U : CTL_ZERO) | (carry ? CTL_CARRY : 0U) |
		       (result & sign ? CTL_SIGN : 0U) | (overflow ? CTL_OVERFLOW : 0U) |
		       parity(result),
	};
}

struct ctl_flags ctl_compare(struct ctl_value a, struct ctl_value b, size_t size)
{
	uint64_t sign = UINT64_C(1) << (8 * size - 1), result;

	a = ctl_low(a, size);
	b = ctl_low(b, size);
	if (a.kind == b.kind && (a.kind == CTL_NUMBER || is_address(a.kind))) {
		result = a.number - b.number;
		return known_flags(result, size, a.number < b.number,
				   ((a.number ^ b.number) & (a.number ^ result) & sign) != 0);
	}
	/* The address of tsd is no null pointer. */
	if ((is_address(a.kind) && b.kind == CTL_NUMBER && b.number == 0) ||
	    (is_address(b.kind) && a.kind == CTL_NUMBER && a.number == 0))
		return (struct ctl_flags){ .known = CTL_ZERO };
	return (struct ctl_flags){ 0 };
}

struct ctl_flags ctl_sum_flags(struct ctl_value a, struct ctl_value b, size_t size)
{
	uint64_t sign = UINT64_C(1) << (8 * size - 1), result;

	a = ctl_low(a, size);
	b = ctl_low(b, size);
	if (a.kind != CTL_NUMBER || b.kind != CTL_NUMBER)
		return (struct ctl_flags){ 0 };
	result = (a.number + b.number) & mask(size);
	return known_flags(result, size, result < a.number,
			   (~(a.number ^ b.number) & (a.number ^ result) & sign) != 0);
}

struct ctl_flags ctl_logic_flags(struct ctl_value value, size_t size)
{
	value = ctl_low(value, size);
	if (value.kind == CTL_NUMBER)
		return known_flags(value.number, size, false, false);
	return (struct ctl_flags){ .known = (is_address(value.kind) ? CTL_ZERO : 0U) | CTL_CARRY |
					    CTL_OVERFLOW };
}

int ctl_flag(const struct ctl_flags *flags, unsigned int flag)
{
	return flags->known & flag ? (flags->set & flag) != 0 : -1;
}

static bool is_private(uint64_t address, size_t size)
{
	return address >= CTL_PRIVATE && address - CTL_PRIVATE <= CTL_PRIVATE_SIZE - size;
}

/* What was stored there last, if that covers all of it. */
static struct ctl_value load_private(const struct ctl_state *state, uint64_t address, size_t size)
{
	for (size_t i = state->stores; i-- > 0;) {
		const struct ctl_store *store = &state->store[i];
		struct ctl_value value = store->value;

		if (store->address + store->size <= address || address + size <= store->address)
			continue;
		if (address == store->address && size <= store->size)
			return ctl_low(value, size);
		if (value.kind == CTL_NUMBER && address > store->address &&
		    address + size <= store->address + store->size)
			return ctl_low(ctl_number(value.number >> 8 * (address - store->address)),
				       size);
		break;
	}
	return ctl_unknown();
}

static struct ctl_value member(enum ctl_kind kind, uint64_t number, size_t size)
{
	return (struct ctl_value){
		.kind = kind, .known = 8, .size = (uint8_t)size, .number = number
	};
}

bool ctl_load(struct ctl_machine *machine, const struct ctl_state *state, struct ctl_value address,
	      size_t size, struct ctl_value *value)
{
	uint64_t number = 0;

	switch (address.kind) {
	case CTL_TSD:
		*value = member(CTL_TSD_MEMBER, address.number, size);
		return true;
	case CTL_TP:
		*value = member(CTL_TP_MEMBER, address.number, size);
		return true;
	case CTL_TSD_MEMBER:
		if (address.size < 8)
			return false;
		/* fallthrough */
	case CTL_TSD_POINTER:
		*value = member(CTL_TSD_TARGET, address.number, size);
		return true;
	case CTL_NUMBER:
		if (is_private(address.number, size)) {
			*value = load_private(state, address.number, size);
			return true;
		}
		if (target_read_one(machine->target, address.number, &number, size))
			return false;
		*value = ctl_number(number);
		value->source = address.number;
		value->size = (uint8_t)size;
		return true;
	default:
		return false;
	}
}

bool ctl_store(struct ctl_state *state, struct ctl_value address, size_t size,
	       struct ctl_value value)
{
	struct ctl_store store = {
		.address = address.number,
		.value = ctl_low(value, size),
		.size = (uint8_t)size,
	};
	size_t i = state->stores;

	if (address.kind != CTL_NUMBER || !is_private(address.number, size))
		return false;
	/* In place of what it covers exactly, if nothing newer overlaps that. */
	while (i-- > 0) {
		struct ctl_store *old = &state->store[i];

		if (old->address == store.address && old->size == store.size) {
			*old = store;
			return true;
		}
		if (old->address + old->size > store.address &&
		    store.address + store.size > old->address)
			break;
	}
	if (state->stores == CTL_STORES)
		return false;
	state->store[state->stores++] = store;
	return true;
}

bool ctl_is_code(const struct elf_image *image, uint64_t address, size_t size)
{
	for (size_t i = 0; i < ELF_IMAGE_SPANS; i++) {
		const struct elf_span *span = &image->code[i];

		if (address >= span->address && size <= span->size &&
		    address - span->address <= span->size - size)
			return true;
	}
	return false;
}

void ctl_machine_init(struct ctl_machine *machine, struct target *target,
		      const struct elf_image *image)
{
	machine->target = target;
	machine->image = image;
	machine->window_count = 0;
}

/* Does it hold the instruction at that address, whatever its length is? */
static bool covers(const struct ctl_window *window, uint64_t address)
{
	return address >= window->address && window->size >= CTL_FETCH &&
	       address - window->address <= window->size - CTL_FETCH;
}

/* What can be read of the module's code around an address: from a bit before it, as code jumps
 * back, too. NULL: nothing. */
static const struct ctl_window *fill_window(struct ctl_machine *machine, uint64_t address)
{
	struct ctl_window *window = &machine->windows[machine->window_count % CTL_WINDOWS];

	for (size_t i = 0; i < ELF_IMAGE_SPANS; i++) {
		const struct elf_span *span = &machine->image->code[i];
		uint64_t before, left;

		if (address < span->address || address - span->address >= span->size)
			continue;
		before = address % (CTL_WINDOW_SIZE / 4);
		if (before > address - span->address)
			before = address - span->address;
		left = span->size - (address - before - span->address);
		window->address = address - before;
		window->size = left < CTL_WINDOW_SIZE ? (size_t)left : CTL_WINDOW_SIZE;
		if (target_read_one(machine->target, window->address, window->bytes, window->size))
			window->size = 0;
		machine->window_count++;
		return window->size ? window : NULL;
	}
	return NULL;
}

size_t ctl_fetch(struct ctl_machine *machine, uint64_t address, unsigned char bytes[CTL_FETCH])
{
	size_t filled = machine->window_count < CTL_WINDOWS ? machine->window_count : CTL_WINDOWS;
	const struct ctl_window *window = NULL;
	size_t left, at;

	for (size_t i = 0; !window && i < filled; i++)
		if (covers(&machine->windows[i], address))
			window = &machine->windows[i];
	if (!window)
		window = fill_window(machine, address);
	if (!window)
		return 0;
	at = (size_t)(address - window->address);
	left = window->size - at;
	if (left > CTL_FETCH)
		left = CTL_FETCH;
	memcpy(bytes, window->bytes + at, left);
	return left;
}
