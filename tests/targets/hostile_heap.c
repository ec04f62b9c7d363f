/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process that has damaged its own jemalloc's structures, as one that is attacked or attacks
 * might: linked with libjemalloc.a, whose inner symbols can be reached.
 *
 *	hostile_heap HOW
 *
 * Prints "parked" and waits.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENAS 4095

extern void *je_arenas[];
extern unsigned char je_bin_infos[];

static void damage(const char *how)
{
	static char nothing[1 << 20];

	if (strcmp(how, "everywhere") == 0) /* each entry another address, most of them not there */
		for (uintptr_t i = 1; i < ARENAS; i++)
			je_arenas[i] = (void *)(i << 33);
	else if (strcmp(how, "one-arena") ==
		 0) /* the same for all: the lists are as long as can be */
		for (size_t i = 0; i < ARENAS; i++)
			je_arenas[i] = je_arenas[0];
	else if (strcmp(how, "zeros") == 0)
		je_arenas[1] = nothing;
	else if (strcmp(how, "bins") == 0) /* 2^32 - 1 regions, and as many shards */
		memset(je_bin_infos + 16, 0xff, 8);
	else if (strcmp(how, "itself") == 0)
		for (size_t i = 1; i < ARENAS; i++)
			je_arenas[i] = &je_arenas[i];
}

int main(int argc, char **argv)
{
	void *used = malloc(1000);

	if (argc != 2 || !used)
		return 2;
	damage(argv[1]);
	if (write(STDOUT_FILENO, "parked\n", 7) != 7)
		return 1;
	for (;;)
		pause();
}
