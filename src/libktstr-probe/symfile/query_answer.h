/* SPDX-License-Identifier: BSD-2-Clause */
/* What a child reports of one file. */
#ifndef KTSTR_QUERY_ANSWER_H
#define KTSTR_QUERY_ANSWER_H

#include <stdint.h>

#include "symfile/debug_file.h"
#include "symfile/tsd_dwarf.h"

/* A fixed size, no pointers: it comes through a pipe. */
struct query_answer {
	int32_t opened; /* 0, or why nothing else here means anything: a negative errno */
	int32_t symbol; /* 0, or -ENOENT, ..., as elf_file_tsd gave; -EEXIST: not wanted */
	uint64_t symbol_offset, symbol_size;
	int32_t dwarf_rc; /* as tsd_dwarf_find gave */
	int32_t link_rc;  /* of a program: as debug_file_read_link gave */
	struct tsd_dwarf dwarf;
	struct debug_link link;
};

#endif
