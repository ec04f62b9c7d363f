/* SPDX-License-Identifier: BSD-2-Clause */
/* What tsd_layout and tsd_layout_old both need of the signs. Pure. */
#include "config.h"

#include "jemalloc/tsd_evidence.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arch.h"

int tsd_row_matches(const struct tsd_signs *signs, const struct tsd_layout_row *row, uint64_t at)
{
	size_t sizes = sizeof row->bytes / sizeof *row->bytes, next = 0;

	if (row->machine != arch_elf_machine || at > signs->memsz || row->size > signs->memsz - at)
		return 0;
	for (unsigned int i = 0; i < row->size; i++) {
		unsigned int expected = 0;

		if (next < sizes && row->bytes[next].value && row->bytes[next].offset == i)
			expected = row->bytes[next++].value;
		else if (row->run && i >= row->run && i < row->run + TSD_LAYOUT_RUN_SIZE &&
			 (i - row->run) % TSD_LAYOUT_ENTRY_SIZE == 0)
			expected = 1;
		if (tsd_byte_at(signs, at + i) != expected)
			return 0;
	}
	return 1;
}

int tsd_reloc_points_to(const struct tsd_signs *signs, uint64_t offset)
{
	for (size_t i = 0; i < signs->reloc_count; i++)
		if (signs->relocs[i] == offset)
			return 1;
	return 0;
}

int tsd_dwarf_fits(const struct tsd_signs *signs, uint64_t start)
{
	return start <= signs->memsz && signs->dwarf_size <= signs->memsz - start &&
	       signs->dwarf_size >= 8 && signs->dwarf_allocated <= signs->dwarf_size - 8 &&
	       signs->dwarf_deallocated <= signs->dwarf_size - 8 &&
	       signs->dwarf_state < signs->dwarf_size &&
	       signs->dwarf_allocated != signs->dwarf_deallocated;
}

int tsd_answer(struct tsd_place *place, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(place->how, sizeof place->how, format, args);
	va_end(args);
	return code;
}
