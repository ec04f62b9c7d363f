/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any evidence of a layout: the first 64 bytes of the input say which there are, the rest is the
 * TLS image. An answer must lie within the block.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jemalloc/tsd_layout.h"
#include "jemalloc/tsd_layout_53.h"

struct choice {
	uint8_t flags, relocs;
	uint16_t zeros, symbol_offset, symbol_size, reloc[3];
	uint16_t dwarf_size, dwarf_state, dwarf_allocated, dwarf_deallocated;
	char version[36];
};
_Static_assert(sizeof(struct choice) <= 64, "the head holds it");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choice choice;
	struct tsd_evidence evidence;
	struct tsd_offsets offsets;
	uint64_t relocs[3];

	if (size < 64)
		return 0;
	memcpy(&choice, data, sizeof choice);
	choice.version[sizeof choice.version - 1] = '\0';
	for (size_t i = 0; i < 3; i++)
		relocs[i] = choice.flags & 8 ? UINT64_MAX - choice.reloc[i] : choice.reloc[i];
	evidence = (struct tsd_evidence){
		.image = data + 64,
		.filesz = size - 64,
		.memsz = size - 64 + choice.zeros,
		.has_symbol = choice.flags & 1,
		.symbol_offset = choice.symbol_offset,
		.symbol_size = choice.symbol_size,
		.relocs = relocs,
		.reloc_count = choice.relocs % 4u,
		.version = choice.flags & 2 ? choice.version : NULL,
		.has_dwarf = choice.flags >> 2 & 1,
		.dwarf_size = choice.dwarf_size,
		.dwarf_state = choice.dwarf_state,
		.dwarf_allocated = choice.dwarf_allocated,
		.dwarf_deallocated = choice.dwarf_deallocated,
	};
	if (size - 64 >= TSD_LIVE_SIZE)
		tsd_layout_53_sight(data + 64);
	if (choice.flags & 16)
		evidence.symbol_offset = UINT64_MAX - evidence.symbol_offset;
	if (choice.flags & 32)
		evidence.symbol_size = UINT64_MAX - evidence.symbol_size;
	if (tsd_layout_find(&evidence, &offsets) == TSD_FOUND &&
	    (evidence.memsz < 8 || offsets.state >= evidence.memsz ||
	     offsets.allocated > evidence.memsz - 8 || offsets.deallocated > evidence.memsz - 8 ||
	     offsets.allocated == offsets.deallocated))
		abort();
	return 0;
}
