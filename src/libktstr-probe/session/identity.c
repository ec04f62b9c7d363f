/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is it still one and the same program? Two signs, as each has its gap. The open /proc/<pid>/mem
 * pins the address space and reads nothing once that has ended; but another process may share it,
 * as vfork(2)'s child does, and keep it alive when the target goes on with an exec. What the other
 * calls read is the space that the task has now: there stand the 16 random bytes that each exec
 * gets from the kernel (getauxval(3), AT_RANDOM).
 */
#include "config.h"

#include "session/identity.h"

#include <elf.h>
#include <string.h>

int identity_pin(struct identity *identity, struct target *target)
{
	int rc = target_pin(target);

	if (rc == 0)
		rc = target_read_auxv(target, AT_RANDOM, &identity->random);
	/* An exec between the two: the address means nothing in what is pinned, and the first look
	 * will show it. */
	if (rc == 0 && identity->random &&
	    target_read_pinned(target, identity->random, identity->random_copy,
			       sizeof identity->random_copy))
		memset(identity->random_copy, 0, sizeof identity->random_copy);
	return rc;
}

/* A read that fails shows in the first comparison. */
void identity_copy_elf_header(struct identity *identity, struct target *target, uint64_t address)
{
	identity->elf_header = address;
	target_read_one(target, address, identity->elf_header_copy,
			sizeof identity->elf_header_copy);
}

bool identity_has_memory(const struct identity *identity, struct target *target)
{
	unsigned char random[sizeof identity->random_copy];

	return identity->random &&
	       target_read_pinned(target, identity->random, random, sizeof random) == 0;
}

bool identity_holds(const struct identity *identity, struct target *target)
{
	unsigned char pinned[sizeof identity->elf_header_copy],
		header[sizeof identity->elf_header_copy] = { 0 };
	unsigned char random[sizeof identity->random_copy] = { 0 };
	struct target_range ranges[] = {
		{ .address = identity->elf_header, .buffer = header, .size = sizeof header },
		{ .address = identity->random, .buffer = random, .size = sizeof random },
	};
	size_t count = identity->random ? 2 : 1; /* before Linux 2.6.29 there is none */

	/* A library may be closed, and another come to lie in its place: its headers differ. */
	return target_read_pinned(target, identity->elf_header, pinned, sizeof pinned) == 0 &&
	       memcmp(pinned, identity->elf_header_copy, sizeof pinned) == 0 &&
	       target_read(target, ranges, count) == 0 && ranges[0].error == 0 &&
	       memcmp(header, pinned, sizeof header) == 0 &&
	       (count == 1 || (ranges[1].error == 0 &&
			       memcmp(random, identity->random_copy, sizeof random) == 0));
}
