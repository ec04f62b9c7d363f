/* SPDX-License-Identifier: BSD-2-Clause */
/* Is a process still starting? */
#include "config.h"

#include "session/starting.h"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/clock.h"

#define PF_FORKNOEXEC 0x00000040 /* include/linux/sched.h */
#define YOUNG_MS      100        /* a tick of the start time is 10 */
#define DYNAMIC_LIMIT 65536

enum starting starting_by_age(struct target *target)
{
	int64_t tick_ns = NS_PER_SEC / sysconf(_SC_CLK_TCK),
		ticks = clock_ns(CLOCK_BOOTTIME) / tick_ns;
	struct task_stat stat;

	if (target->task_fd < 0 || target_read_stat(target, target->pid, &stat) ||
	    ticks - (int64_t)stat.start_time > YOUNG_MS * NS_PER_MS / tick_ns)
		return STARTED;
	return stat.flags & PF_FORKNOEXEC ? STARTING_FORKED : STARTING_YOUNG;
}

/*
 * link.h: DT_DEBUG of the program is 0 until ld.so fills it in. glibc's r_state is RT_CONSISTENT
 * only once all is relocated; musl sets r_map only then.
 */
static bool is_linked(struct target *target, uint64_t debug)
{
	struct r_debug state;

	return debug && (target_read_one(target, debug, &state, sizeof state) ||
			 (state.r_map && state.r_state == RT_CONSISTENT));
}

bool starting_is_unlinked(const struct elf_image *image)
{
	struct target *target = image->target;
	uint64_t loader;
	Elf64_Dyn *entries;
	size_t count = image->dynamic_size / sizeof *entries;
	bool unlinked = false;

	if (target_read_auxv(target, AT_BASE, &loader) || !loader || !image->dynamic_size ||
	    elf_image_copy(image, image->dynamic, count * sizeof *entries, DYNAMIC_LIMIT,
			   (void **)&entries))
		return false;
	for (size_t i = 0; i < count && entries[i].d_tag != DT_NULL; i++)
		if (entries[i].d_tag == DT_DEBUG)
			unlinked = !is_linked(target, entries[i].d_un.d_ptr);
	free(entries);
	return unlinked;
}
