/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is it still one and the same program? Two signs, as each has its gap. The open /proc/<pid>/mem
 * pins the address space and reads nothing once that has ended; but another process may share it,
 * as vfork(2)'s child does, and keep it alive when the target goes on with an exec. What the other
 * calls read is the space that the task has now: there stand the 16 random bytes that each exec
 * gets from the kernel (getauxval(3), AT_RANDOM).
 */
#include "config.h"

#include <elf.h>
#include <string.h>

#include "session/session.h"

int probe_pin_memory(struct ktstr_probe *probe)
{
	struct target *target = &probe->target;
	int rc = target_pin(target);

	if (rc == 0)
		rc = target_read_auxv(target, AT_RANDOM, &probe->random);
	/* An exec between the two: the address means nothing in what is pinned, and the first look
	 * will tell. */
	if (rc == 0 && probe->random &&
	    target_read_pinned(target, probe->random, probe->random_bytes,
			       sizeof probe->random_bytes))
		memset(probe->random_bytes, 0, sizeof probe->random_bytes);
	return rc;
}

/* A read that fails shows in the first comparison. */
void probe_take_anchor(struct ktstr_probe *probe, uint64_t address)
{
	probe->anchor = address;
	target_read_one(&probe->target, address, probe->anchor_bytes, sizeof probe->anchor_bytes);
}

int probe_has_memory(struct ktstr_probe *probe)
{
	unsigned char random[sizeof probe->random_bytes];

	return probe->random &&
	       target_read_pinned(&probe->target, probe->random, random, sizeof random) == 0;
}

int probe_same_program(struct ktstr_probe *probe)
{
	unsigned char pinned[sizeof probe->anchor_bytes], head[sizeof probe->anchor_bytes] = { 0 };
	unsigned char random[sizeof probe->random_bytes] = { 0 };
	struct target_range ranges[] = {
		{ .address = probe->anchor, .buffer = head, .size = sizeof head },
		{ .address = probe->random, .buffer = random, .size = sizeof random },
	};
	size_t count = probe->random ? 2 : 1; /* before Linux 2.6.29 there is none */

	/* A library may be closed, and another come to lie in its place: its headers differ. */
	return target_read_pinned(&probe->target, probe->anchor, pinned, sizeof pinned) == 0 &&
	       memcmp(pinned, probe->anchor_bytes, sizeof pinned) == 0 &&
	       target_read(&probe->target, ranges, count) == 0 && ranges[0].error == 0 &&
	       memcmp(head, pinned, sizeof head) == 0 &&
	       (count == 1 ||
		(ranges[1].error == 0 && memcmp(random, probe->random_bytes, sizeof random) == 0));
}
