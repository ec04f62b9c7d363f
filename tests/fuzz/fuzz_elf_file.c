/* SPDX-License-Identifier: BSD-2-Clause */
/* Any file where a program or its debug file should be: sections, symbols, build-id, DWARF. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symfile/debug_file.h"
#include "symfile/elf_file.h"
#include "symfile/tsd_dwarf.h"

#define NO_PROC (-1) /* no target's root is entered */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct target nowhere = { .proc_fd = NO_PROC, .reader = 1 };
	static int fd = -1;
	unsigned char id[DEBUG_FILE_ID_SIZE];
	size_t id_size = sizeof id;
	uint64_t left = DEBUG_FILE_CHECKSUM_LIMIT;
	struct debug_link link = { .crc = 0 };
	struct tsd_dwarf found;
	uint64_t value, symbol_size;
	int by_id[DEBUG_FILE_BY_ID], by_link[DEBUG_FILE_BY_LINK];

	if (fd < 0)
		fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	elf_file_tsd(fd, &value, &symbol_size);
	if (debug_file_build_id(fd, id, &id_size) == 0 &&
	    (!debug_file_has_id(fd, id, id_size) ||
	     debug_file_open_by_id(&nowhere, id, id_size, by_id)))
		abort();
	if (debug_file_read_link(fd, &link) == 0 &&
	    (!debug_file_link_is_sane(&link) ||
	     debug_file_open_by_link(&nowhere, "/nowhere/program", &link, by_link)))
		abort();
	debug_file_has_checksum(fd, &left, 0);
	if (tsd_dwarf_find(elfutils_load(), fd, &found) == 0 &&
	    (found.allocated > found.size - 8 || found.deallocated > found.size - 8 ||
	     found.state >= found.size))
		abort();
	return 0;
}
