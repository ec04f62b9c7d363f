/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A jemalloc process that knows which of its pages have memory: it never touches most of what it
 * allocates, and frees a part of that.
 *
 *	heap_untouched
 *
 * With dirty_decay_ms:-1 in MALLOC_CONF nothing that is freed is returned. Prints "parked" and
 * waits: 64 MiB are written to and held, 128 MiB only held, 32 MiB written to and freed, 256 MiB
 * freed untouched, and 16 MiB, held, were read and never written to.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB  ((size_t)1 << 20)
#define SIZE (16 * MIB)

/* Alternating, so that no block's freed neighbour is of the same kind. */
enum use { WRITTEN, UNTOUCHED, FREED_WRITTEN, FREED_UNTOUCHED, ONLY_READ };

static const struct {
	enum use use;
	int count;
} blocks[] = {
	{ WRITTEN, 4 },          { UNTOUCHED, 8 }, { FREED_WRITTEN, 2 },
	{ FREED_UNTOUCHED, 16 }, { ONLY_READ, 1 },
};

#define LIMIT 64

int main(void)
{
	static char *volatile held[LIMIT];
	static enum use use[LIMIT];
	volatile char sum = 0;
	size_t count = 0;

	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
		for (int k = 0; k < blocks[i].count; k++, count++) {
			held[count] = malloc(SIZE);
			use[count] = blocks[i].use;
			if (!held[count])
				return 1;
			if (use[count] == WRITTEN || use[count] == FREED_WRITTEN)
				memset(held[count], 1, SIZE);
			for (size_t at = 0; use[count] == ONLY_READ && at < SIZE; at += 4096)
				sum = (char)(sum + held[count][at]);
		}
	for (size_t i = 0; i < count; i++)
		if (use[i] == FREED_WRITTEN || use[i] == FREED_UNTOUCHED)
			free(held[i]);
	if (write(STDOUT_FILENO, "parked\n", 7) != 7)
		return 1;
	for (;;)
		pause();
}
