/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a module's TLS block is from each thread's thread pointer. */
#include "config.h"

#include "tls/module_tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arch.h"
#include "tls/tls_address.h"

#define MODULES_LIMIT   65536
/* No static TLS is farther away: glibc's surplus and all start-up modules together are far below.
 */
#define TP_OFFSET_LIMIT (INT64_C(1) << 32)
#define GOT_WORDS       1024 /* that are compared with each other */

/*
 * What a relocation of this type points to within the module's own block: not one that is of
 * another kind or may point into another module.
 */
static bool own_offset_of(const struct elf_dynamic *dynamic, const Elf64_Rela *reloc,
			  unsigned int type, uint64_t *offset)
{
	uint64_t symbol = ELF64_R_SYM(reloc->r_info);

	if (ELF64_R_TYPE(reloc->r_info) != type)
		return false;
	*offset = (uint64_t)reloc->r_addend;
	if (symbol == 0)
		return true;
	if (symbol >= dynamic->symbol_count || dynamic->symbols[symbol].st_shndx == SHN_UNDEF ||
	    ELF64_ST_BIND(dynamic->symbols[symbol].st_info) != STB_LOCAL)
		return false; /* a global symbol may be bound to another module's */
	*offset += dynamic->symbols[symbol].st_value;
	return true;
}

static bool own_offset(const struct elf_dynamic *dynamic, const Elf64_Rela *reloc, uint64_t *offset)
{
	return own_offset_of(dynamic, reloc, arch_reloc_tpoff, offset);
}

int module_tls_offsets(const struct elf_dynamic *dynamic, uint64_t **offsets, size_t *count)
{
	uint64_t offset;

	*count = 0;
	*offsets = calloc(dynamic->reloc_count + 1, sizeof **offsets);
	if (!*offsets)
		return -ENOMEM;
	for (size_t i = 0; i < dynamic->reloc_count; i++)
		if (own_offset(dynamic, &dynamic->relocs[i], &offset))
			(*offsets)[(*count)++] = offset;
	return 0;
}

static bool has_got_words(const struct elf_image *image, const Elf64_Rela *reloc, uint64_t size)
{
	uint64_t address = reloc->r_offset + image->bias;

	return address >= image->low && address < image->high && image->high - address >= size;
}

static int read_got(const struct elf_image *image, const Elf64_Rela *reloc, uint64_t *words,
		    size_t size)
{
	return target_read_one(image->target, reloc->r_offset + image->bias, words, size);
}

/*
 * Could a loader have put the block there? In variant II it ends at or below the thread pointer, in
 * variant I it begins behind it; and it is equal to p_vaddr modulo p_align, as is the thread
 * pointer to 0.
 */
static bool is_plausible(const struct elf_image *image, int64_t tp_offset)
{
	uint64_t align = image->tls_align > 1 ? image->tls_align : 1;

	if (tp_offset > TP_OFFSET_LIMIT || tp_offset < -TP_OFFSET_LIMIT ||
	    image->tls_memsz > (uint64_t)TP_OFFSET_LIMIT || align & (align - 1) ||
	    (((uint64_t)tp_offset - image->tls_vaddr) & (align - 1)))
		return false;
	return arch_tls_variant == 2 ? tp_offset + (int64_t)image->tls_memsz <= 0 : tp_offset >= 16;
}

/* The loader wrote tp_offset + offset into each GOT word: they must all give one tp_offset. */
static int by_initial_exec(const struct elf_image *image, const struct elf_dynamic *dynamic,
			   struct module_tls *tls)
{
	int found = 0, rc;

	for (size_t i = 0; i < dynamic->reloc_count && found < GOT_WORDS; i++) {
		const Elf64_Rela *reloc = &dynamic->relocs[i];
		uint64_t offset, word;
		int64_t tp_offset;

		if (!own_offset(dynamic, reloc, &offset))
			continue;
		tls->verdict = MODULE_TLS_CONTRADICTED;
		if (!has_got_words(image, reloc, 1))
			return 0;
		rc = read_got(image, reloc, &word, sizeof word);
		if (rc)
			return rc;
		tp_offset = (int64_t)(word - offset);
		if (found && tp_offset != tls->tp_offset) {
			snprintf(tls->reason, sizeof tls->reason,
				 "two GOT words give the TP offsets %lld and %lld",
				 (long long)tls->tp_offset, (long long)tp_offset);
			return 0;
		}
		tls->tp_offset = tp_offset;
		found++;
	}
	if (!found)
		return 0;
	if (!is_plausible(image, tls->tp_offset)) {
		snprintf(tls->reason, sizeof tls->reason,
			 "the GOT gives the TP offset %lld, which no loader makes",
			 (long long)tls->tp_offset);
		return 0;
	}
	snprintf(tls->reason, sizeof tls->reason,
		 "TP %+lld, from %d GOT word%s of initial-exec relocations",
		 (long long)tls->tp_offset, found, found == 1 ? "" : "s");
	tls->verdict = MODULE_TLS_FOUND;
	return 0;
}

/*
 * A TLS descriptor is an entry point of ld.so and its argument: the offset from the thread
 * pointer, or a pointer to {module id, offset} (glibc elf/dl-tlsdesc.h, musl ldso). Until ld.so has
 * bound it, the entry is the module's own code: then, and where it cannot be read, it tells
 * nothing.
 */
static bool read_descriptor(const struct elf_image *image, const Elf64_Rela *reloc,
			    uint64_t *argument)
{
	uint64_t words[2];

	if (!has_got_words(image, reloc, sizeof words) ||
	    read_got(image, reloc, words, sizeof words) || words[0] == 0 ||
	    (words[0] >= image->low && words[0] < image->high) ||
	    (words[1] >= image->low && words[1] < image->high))
		return false;
	*argument = words[1];
	return true;
}

/* The argument of a descriptor of the module's own TLS, and what it stands for. */
static bool own_descriptor(const struct elf_image *image, const struct elf_dynamic *dynamic,
			   const Elf64_Rela *reloc, uint64_t *offset, uint64_t *argument)
{
	return own_offset_of(dynamic, reloc, arch_reloc_tlsdesc, offset) &&
	       read_descriptor(image, reloc, argument);
}

/* The word with the module's own id. */
static bool is_own_module_id(const Elf64_Rela *reloc)
{
	return ELF64_R_TYPE(reloc->r_info) == arch_reloc_dtpmod && ELF64_R_SYM(reloc->r_info) == 0;
}

static bool read_module_id(const struct elf_image *image, const Elf64_Rela *reloc, uint64_t *id)
{
	return has_got_words(image, reloc, 1) && read_got(image, reloc, id, sizeof *id) == 0;
}

/* Does a module-id word or a descriptor say the same as ld.so's list? */
static bool agrees_with_loader(const struct elf_image *image, const struct elf_dynamic *dynamic,
			       const Elf64_Rela *reloc, const struct rtld_tls *loader)
{
	uint64_t word, pair[2], offset;

	if (is_own_module_id(reloc))
		return read_module_id(image, reloc, &word) && word == loader->module_id;
	if (!own_descriptor(image, dynamic, reloc, &offset, &word))
		return true;
	if (loader->is_static)
		return (int64_t)(word - offset) == loader->tp_offset;
	return target_read_one(image->target, word, pair, sizeof pair) == 0 &&
	       pair[0] == loader->module_id && pair[1] == offset;
}

static void take_loader(const struct rtld_tls *loader, struct module_tls *tls)
{
	tls->verdict = MODULE_TLS_FOUND;
	tls->is_dynamic = !loader->is_static;
	tls->tp_offset = loader->tp_offset;
	if (loader->is_static)
		snprintf(tls->reason, sizeof tls->reason,
			 "TP %+lld, static as ld.so's list of modules says",
			 (long long)tls->tp_offset);
	else
		snprintf(tls->reason, sizeof tls->reason,
			 "entry %llu of each thread's DTV, the module's since generation %llu",
			 (unsigned long long)loader->module_id,
			 (unsigned long long)loader->words[0]);
}

/* No initial-exec relocation: ld.so's own list says it, and whatever it wrote into the GOT must
 * agree. */
static int by_loader(const struct module_list *list, const struct elf_image *image,
		     const struct elf_dynamic *dynamic, enum rtld_tls_verdict *listed,
		     struct module_tls *tls)
{
	int rc = rtld_tls_find(list, image, listed, &tls->loader);

	if (rc)
		return rc;
	if (*listed == RTLD_TLS_CONTRADICTED)
		tls->verdict = MODULE_TLS_CONTRADICTED;
	if (*listed != RTLD_TLS_FOUND)
		return 0;
	for (size_t i = 0; i < dynamic->reloc_count; i++)
		if (!agrees_with_loader(image, dynamic, &dynamic->relocs[i], &tls->loader)) {
			tls->verdict = MODULE_TLS_CONTRADICTED;
			snprintf(tls->reason, sizeof tls->reason,
				 "the GOT and ld.so's list of modules with TLS disagree");
			return 0;
		}
	take_loader(&tls->loader, tls);
	return 0;
}

/*
 * No glibc that describes itself: a descriptor's argument is an offset where it cannot be a
 * pointer. Variant 2: it is negative. Variant 1: it lies in the first page, which nobody can map.
 */
static void by_descriptor(const struct elf_image *image, const struct elf_dynamic *dynamic,
			  struct module_tls *tls)
{
	int found = 0;

	for (size_t i = 0; i < dynamic->reloc_count; i++) {
		uint64_t offset, argument;
		int64_t tp_offset;

		if (!own_descriptor(image, dynamic, &dynamic->relocs[i], &offset, &argument))
			continue;
		if (arch_tls_variant == 2 ? (int64_t)argument >= 0 : argument >= 4096)
			continue;
		tp_offset = (int64_t)(argument - offset);
		if (!is_plausible(image, tp_offset) || (found && tp_offset != tls->tp_offset)) {
			tls->verdict = MODULE_TLS_CONTRADICTED;
			return;
		}
		tls->tp_offset = tp_offset;
		found++;
	}
	if (!found)
		return;
	snprintf(tls->reason, sizeof tls->reason, "TP %+lld, from %d TLS descriptor%s",
		 (long long)tls->tp_offset, found, found == 1 ? "" : "s");
	tls->verdict = MODULE_TLS_FOUND;
}

/* musl has no list: the module-id words and descriptors that it has bound hold the id. */
static void by_musl(const struct elf_image *image, const struct elf_dynamic *dynamic,
		    struct module_tls *tls)
{
	uint64_t id = 0;

	for (size_t i = 0; i < dynamic->reloc_count; i++) {
		const Elf64_Rela *reloc = &dynamic->relocs[i];
		uint64_t offset, argument, pair[2];

		if (is_own_module_id(reloc)) {
			if (!read_module_id(image, reloc, &pair[0]))
				continue;
		} else if (!own_descriptor(image, dynamic, reloc, &offset, &argument) ||
			   target_read_one(image->target, argument, pair, sizeof pair) ||
			   pair[1] != offset) {
			continue;
		}
		if (pair[0] == 0 || pair[0] > MODULES_LIMIT || (id && id != pair[0])) {
			tls->verdict = MODULE_TLS_CONTRADICTED;
			return;
		}
		id = pair[0];
	}
	if (!id)
		return;
	rtld_tls_musl(id, &tls->loader);
	tls->verdict = MODULE_TLS_FOUND;
	tls->is_dynamic = true;
	snprintf(tls->reason, sizeof tls->reason,
		 "entry %llu of each thread's DTV, which is musl's", (unsigned long long)id);
}

static int by_dynamic(const struct module_list *list, const struct elf_image *image,
		      const struct elf_dynamic *dynamic, struct module_tls *tls)
{
	enum rtld_tls_verdict listed = RTLD_TLS_NOT_DESCRIBED;
	int rc = by_initial_exec(image, dynamic, tls);

	if (rc == 0 && tls->verdict == MODULE_TLS_NOT_SHOWN)
		rc = by_loader(list, image, dynamic, &listed, tls);
	if (rc || tls->verdict != MODULE_TLS_NOT_SHOWN)
		return rc;
	by_descriptor(image, dynamic, tls);
	if (tls->verdict == MODULE_TLS_NOT_SHOWN && listed == RTLD_TLS_NOT_DESCRIBED &&
	    image->target->libc == LIBC_MUSL)
		by_musl(image, dynamic, tls);
	if (tls->verdict == MODULE_TLS_NOT_SHOWN)
		snprintf(tls->reason, sizeof tls->reason,
			 "no relocation tells where the loader put this file's TLS block, and %s",
			 listed == RTLD_TLS_NOT_DESCRIBED
				 ? "no libc in the process describes its bookkeeping of it"
				 : "ld.so does not list the file");
	return 0;
}

int module_tls_find(const struct module_list *list, const struct module *module,
		    struct module_tls *tls)
{
	const struct elf_image *image = &module->image;
	struct elf_dynamic dynamic;
	int rc;

	*tls = (struct module_tls){ .is_main_program = module->is_executable };
	if (module->is_executable) {
		rc = tls_address_executable(arch_tls_variant, image->tls_vaddr, image->tls_memsz,
					    image->tls_align, &tls->tp_offset);
		tls->verdict = rc ? MODULE_TLS_NOT_SHOWN : MODULE_TLS_FOUND;
		snprintf(tls->reason, sizeof tls->reason,
			 "TP %+lld, the main program's own place by the TLS ABI",
			 (long long)tls->tp_offset);
		return rc;
	}
	rc = elf_image_dynamic(image, &dynamic);
	if (rc)
		return rc;
	rc = by_dynamic(list, image, &dynamic, tls);
	elf_dynamic_free(&dynamic);
	return rc;
}
