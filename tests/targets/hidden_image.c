/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens a library and makes the page where its TLS image or its ELF header begins unreadable, then
 * says "hidden" and parks: hidden_image tls|head LIBRARY.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int hide(struct dl_phdr_info *info, size_t size, void *arguments)
{
	char **argv = arguments;
	ElfW(Word) wanted = strcmp(argv[1], "tls") == 0 ? PT_TLS : PT_LOAD;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	if (strcmp(info->dlpi_name, argv[2]) != 0)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == wanted)
			return mprotect((void *)((info->dlpi_addr + info->dlpi_phdr[i].p_vaddr) &
						 ~(page - 1)),
					page, PROT_NONE) == 0
				       ? 1
				       : -1;
	return -1;
}

int main(int argc, char **argv)
{
	if (argc != 3 || !dlopen(argv[2], RTLD_NOW) || dl_iterate_phdr(hide, argv) != 1)
		return 1;
	puts("hidden");
	fflush(stdout);
	pause();
}
