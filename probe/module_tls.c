/* SPDX-License-Identifier: BSD-2-Clause */
/* How far a module's TLS block lies from each thread's thread pointer. Called by module_jemalloc and
   probe_open. */
#include "config.h"

#include "module_tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch.h"
#include "tls_address.h"

/* No static TLS is farther away: glibc's surplus and all start-up modules together are far below. */
#define DISTANCE_LIMIT (INT64_C(1) << 32)
#define GOT_WORDS 1024 /* that are compared with each other */

/*
 * What an initial-exec relocation points to within the module's own block. Returns 0, or -ENOENT for
 * one that is of another kind or may point into another module.
 */
static int own_offset(const struct elf_dynamic *dynamic, const Elf64_Rela *reloc, uint64_t *offset)
{
	uint64_t symbol = ELF64_R_SYM(reloc->r_info);

	if (ELF64_R_TYPE(reloc->r_info) != arch_reloc_tpoff)
		return -ENOENT;
	*offset = (uint64_t)reloc->r_addend;
	if (symbol == 0)
		return 0;
	if (symbol >= dynamic->symbol_count || dynamic->symbols[symbol].st_shndx == SHN_UNDEF ||
	    ELF64_ST_BIND(dynamic->symbols[symbol].st_info) != STB_LOCAL)
		return -ENOENT; /* a global symbol may be bound to another module's */
	*offset += dynamic->symbols[symbol].st_value;
	return 0;
}

int module_tls_offsets(const struct elf_dynamic *dynamic, uint64_t **offsets, size_t *count)
{
	uint64_t offset;

	*count = 0;
	*offsets = calloc(dynamic->reloc_count + 1, sizeof **offsets);
	if (!*offsets)
		return -ENOMEM;
	for (size_t i = 0; i < dynamic->reloc_count; i++)
		if (own_offset(dynamic, &dynamic->relocs[i], &offset) == 0)
			(*offsets)[(*count)++] = offset;
	return 0;
}

static int got_word(const struct elf_image *image, const Elf64_Rela *reloc, uint64_t *word)
{
	uint64_t address = reloc->r_offset + image->bias;

	if (address < image->low || address >= image->high)
		return -EBADMSG;
	return remote_read_one(image->tid, address, word, sizeof *word, image->counter);
}

/*
 * Could a loader have put the block there? In variant II it ends at or below the thread pointer, in
 * variant I it begins behind it; and it is equal to p_vaddr modulo p_align, as is the thread pointer to 0.
 */
static int is_plausible(const struct elf_image *image, int64_t distance)
{
	uint64_t align = image->tls_align > 1 ? image->tls_align : 1;

	if (distance > DISTANCE_LIMIT || distance < -DISTANCE_LIMIT || image->tls_memsz > (uint64_t)DISTANCE_LIMIT ||
	    align & (align - 1) || (((uint64_t)distance - image->tls_vaddr) & (align - 1)))
		return 0;
	return arch_tls_variant == 2 ? distance + (int64_t)image->tls_memsz <= 0 : distance >= 16;
}

/* The loader wrote distance + offset into each GOT word: they must all give one distance. */
static int by_initial_exec(const struct elf_image *image, const struct elf_dynamic *dynamic,
			   struct module_tls *tls)
{
	int found = 0, rc;

	for (size_t i = 0; i < dynamic->reloc_count && found < GOT_WORDS; i++) {
		uint64_t offset, word;
		int64_t distance;

		if (own_offset(dynamic, &dynamic->relocs[i], &offset))
			continue;
		rc = got_word(image, &dynamic->relocs[i], &word);
		if (rc)
			return rc;
		distance = (int64_t)(word - offset);
		if (found && distance != tls->distance) {
			snprintf(tls->how, sizeof tls->how, "two GOT words give the distances %lld and %lld",
				 (long long)tls->distance, (long long)distance);
			return -EBADMSG;
		}
		tls->distance = distance;
		found++;
	}
	if (!found)
		return -ENOENT;
	if (!is_plausible(image, tls->distance)) {
		snprintf(tls->how, sizeof tls->how, "the GOT gives the distance %lld, which no loader makes",
			 (long long)tls->distance);
		return -EBADMSG;
	}
	snprintf(tls->how, sizeof tls->how, "TP %+lld, from %d GOT word%s of initial-exec relocations",
		 (long long)tls->distance, found, found == 1 ? "" : "s");
	return 0;
}

static int by_module_id(const struct elf_image *image, const struct elf_dynamic *dynamic, struct module_tls *tls)
{
	for (size_t i = 0; i < dynamic->reloc_count; i++) {
		const Elf64_Rela *reloc = &dynamic->relocs[i];
		int rc;

		if (ELF64_R_TYPE(reloc->r_info) != arch_reloc_dtpmod || ELF64_R_SYM(reloc->r_info) != 0)
			continue;
		rc = got_word(image, reloc, &tls->module_id);
		if (rc)
			return rc;
		if (tls->module_id == 0 || tls->module_id > 65536)
			return -EBADMSG;
		tls->dynamic = 1;
		snprintf(tls->how, sizeof tls->how, "entry %llu of each thread's DTV, by a module-id relocation",
			 (unsigned long long)tls->module_id);
		return 0;
	}
	snprintf(tls->how, sizeof tls->how, "no relocation tells where the loader put this file's TLS block");
	return -ENODATA;
}

int module_tls_find(const struct elf_image *image, int is_executable, struct module_tls *tls)
{
	struct elf_dynamic dynamic;
	int rc;

	*tls = (struct module_tls){ .main_program = is_executable };
	if (is_executable) {
		rc = tls_address_executable(arch_tls_variant, image->tls_vaddr, image->tls_memsz, image->tls_align,
					    &tls->distance);
		snprintf(tls->how, sizeof tls->how, "TP %+lld, the main program's own place by the TLS ABI",
			 (long long)tls->distance);
		return rc;
	}
	rc = elf_image_dynamic(image, &dynamic);
	if (rc)
		return rc;
	rc = by_initial_exec(image, &dynamic, tls);
	if (rc == -ENOENT)
		rc = by_module_id(image, &dynamic, tls);
	elf_dynamic_free(&dynamic);
	return rc;
}
