/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine that runs a mallctl handler without running it: registers and a stack hold values of
 * which only some are numbers, and every instruction that is not understood ends the run. Pure but
 * for the target's memory, which is read and never written.
 */
#ifndef KTSTR_CTL_MACHINE_H
#define KTSTR_CTL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/target.h"
#include "elf/elf_image.h"

/* What a register or a word in memory holds. */
enum ctl_kind {
	CTL_UNKNOWN,
	CTL_NUMBER,      /* number; source: the address that it was loaded from, 0 for none */
	CTL_TSD,         /* the handler's tsd argument + number */
	CTL_TP,          /* the thread pointer + number */
	CTL_TSD_MEMBER,  /* the size bytes at tsd + number, zero-extended */
	CTL_TP_MEMBER,   /* the size bytes at the thread pointer + number, zero-extended */
	CTL_TSD_POINTER, /* an address made from the pointer at tsd + number */
	CTL_TSD_TARGET,  /* size bytes loaded from an address of that kind */
};

struct ctl_value {
	enum ctl_kind kind;
	uint8_t size;  /* of a member, of a target, of what a number was loaded from */
	uint8_t known; /* so many low bytes are this value, what is above them is not known */
	uint64_t number, source;
};

/* Addresses of the handler's own arguments and stack: no process has any in that range. */
#define CTL_PRIVATE      UINT64_C(0x4242000000000000)
#define CTL_PRIVATE_SIZE UINT64_C(0x10000)
#define CTL_STACK        (CTL_PRIVATE + 0x8000)
#define CTL_OLD          (CTL_PRIVATE + 0xa000)
#define CTL_OLD_SIZE     (CTL_PRIVATE + 0xa100)
#define CTL_MIB          (CTL_PRIVATE + 0xa200)
#define CTL_RETURN       (CTL_PRIVATE + 0xf000)

#define CTL_REGISTERS 32
#define CTL_STORES    64

struct ctl_store {
	uint64_t address;
	struct ctl_value value;
	uint8_t size;
};

/* Each is 0 or 1; those that known does not name are not known. */
enum { CTL_ZERO = 1, CTL_CARRY = 2, CTL_SIGN = 4, CTL_OVERFLOW = 8, CTL_PARITY = 16 };
#define CTL_ALL_FLAGS 31

struct ctl_flags {
	unsigned int known, set;
};

struct ctl_state {
	struct ctl_value registers[CTL_REGISTERS]; /* as the architecture numbers them */
	struct ctl_flags flags;
	uint64_t pc;
	unsigned int calls; /* how deep */
	unsigned int forks; /* conditions that are not known lie behind it */
	size_t stores;
	struct ctl_store store[CTL_STORES];
};

/* A piece of the module's code, copied: a handler and what it calls stand in a few of them. */
#define CTL_WINDOW_SIZE 2048
#define CTL_WINDOWS     4

struct ctl_window {
	uint64_t address;
	size_t size;
	unsigned char bytes[CTL_WINDOW_SIZE];
};

struct ctl_machine {
	struct target *target;
	const struct elf_image *image;
	size_t window_count; /* of all that were filled; the oldest is overwritten */
	struct ctl_window windows[CTL_WINDOWS];
};

/* The windows are not cleared: what is not filled is not looked at. */
void ctl_machine_init(struct ctl_machine *machine, struct target *target,
		      const struct elf_image *image);

/* How one instruction ended. */
enum ctl_step {
	CTL_GOES_ON,
	CTL_FORKS, /* pc is where it goes on if the condition holds not, *other if it holds */
	CTL_RETURNED,
	CTL_LEFT,  /* to code that is not the module's */
	CTL_STUCK, /* not understood, or not known where to */
};

static inline enum ctl_step ctl_done(bool ok)
{
	return ok ? CTL_GOES_ON : CTL_STUCK;
}

/* An architecture: one ctl_code_<name>.c each, all built on each machine. */
struct ctl_arch {
	unsigned int machine; /* EM_… */
	unsigned int result;  /* the register with what a function returns */
	enum ctl_step (*step)(struct ctl_machine *machine, struct ctl_state *state,
			      uint64_t *other);
	/* arguments 0 to 6, as integers are passed; the return address is CTL_RETURN */
	void (*call)(struct ctl_state *state, const struct ctl_value arguments[7]);
};

extern const struct ctl_arch ctl_arch_x86_64, ctl_arch_aarch64;

static inline struct ctl_value ctl_number(uint64_t number)
{
	return (struct ctl_value){ .kind = CTL_NUMBER, .known = 8, .number = number };
}

static inline struct ctl_value ctl_unknown(void)
{
	return (struct ctl_value){ .kind = CTL_UNKNOWN };
}

/* Is it a number in all of its low size bytes? */
bool ctl_is_number(const struct ctl_value *value, size_t size);

/* The low size bytes, zero-extended. */
struct ctl_value ctl_low(struct ctl_value value, size_t size);

/* The low size bytes, sign-extended to 8; only numbers have that. */
struct ctl_value ctl_signed(struct ctl_value value, size_t size);

struct ctl_value ctl_add(struct ctl_value a, struct ctl_value b, size_t size);
struct ctl_value ctl_subtract(struct ctl_value a, struct ctl_value b, size_t size);

/* The flags of a - b and of a + b, as x86 has them: carry is a borrow. */
struct ctl_flags ctl_compare(struct ctl_value a, struct ctl_value b, size_t size);
struct ctl_flags ctl_sum_flags(struct ctl_value a, struct ctl_value b, size_t size);

/* The flags of a result of and, or, xor; of what is an address only that it is not 0. */
struct ctl_flags ctl_logic_flags(struct ctl_value value, size_t size);

/* Is 1, 0 or -1 for not known. */
int ctl_flag(const struct ctl_flags *flags, unsigned int flag);

/* Returns false when the address is one from which nothing can be loaded. */
bool ctl_load(struct ctl_machine *machine, const struct ctl_state *state, struct ctl_value address,
	      size_t size, struct ctl_value *value);

/* Returns false when the address is not the handler's own stack or argument. */
bool ctl_store(struct ctl_state *state, struct ctl_value address, size_t size,
	       struct ctl_value value);

#define CTL_FETCH 16 /* more than the longest instruction */

/* Up to CTL_FETCH bytes of the module's code; their number is returned. */
size_t ctl_fetch(struct ctl_machine *machine, uint64_t address, unsigned char bytes[CTL_FETCH]);

/* Are size bytes from address on the module's code? */
bool ctl_is_code(const struct elf_image *image, uint64_t address, size_t size);

#endif
