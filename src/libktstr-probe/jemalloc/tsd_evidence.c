/* SPDX-License-Identifier: BSD-2-Clause */
/* What both eras of layouts need of the evidence. Pure. */
#include "config.h"

#include "jemalloc/tsd_evidence.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arch.h"

#define RTREE_CTX_ENTRY_SIZE 16
#define RTREE_CTX_SIZE       (24 * RTREE_CTX_ENTRY_SIZE)

bool tsd_row_matches(const struct tsd_evidence *evidence, const struct tsd_layout_row *row,
		     uint64_t at)
{
	size_t sizes = sizeof row->bytes / sizeof *row->bytes, next = 0;

	if (row->machine != arch_elf_machine || at > evidence->memsz ||
	    row->size > evidence->memsz - at)
		return false;
	for (unsigned int i = 0; i < row->size; i++) {
		unsigned int expected = 0;

		if (next < sizes && row->bytes[next].value && row->bytes[next].offset == i)
			expected = row->bytes[next++].value;
		else if (row->rtree_ctx && i >= row->rtree_ctx &&
			 i < row->rtree_ctx + RTREE_CTX_SIZE &&
			 (i - row->rtree_ctx) % RTREE_CTX_ENTRY_SIZE == 0)
			expected = 1;
		if (tsd_byte_at(evidence, at + i) != expected)
			return false;
	}
	return true;
}

bool tsd_reloc_points_to(const struct tsd_evidence *evidence, uint64_t offset)
{
	for (size_t i = 0; i < evidence->reloc_count; i++)
		if (evidence->relocs[i] == offset)
			return true;
	return false;
}

bool tsd_dwarf_fits(const struct tsd_evidence *evidence, uint64_t start)
{
	return start <= evidence->memsz && evidence->dwarf_size <= evidence->memsz - start &&
	       evidence->dwarf_size >= 8 && evidence->dwarf_allocated <= evidence->dwarf_size - 8 &&
	       evidence->dwarf_deallocated <= evidence->dwarf_size - 8 &&
	       evidence->dwarf_state < evidence->dwarf_size &&
	       evidence->dwarf_allocated != evidence->dwarf_deallocated;
}

enum tsd_verdict tsd_decide(struct tsd_offsets *offsets, enum tsd_verdict verdict,
			    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(offsets->reason, sizeof offsets->reason, format, args);
	va_end(args);
	return verdict;
}
