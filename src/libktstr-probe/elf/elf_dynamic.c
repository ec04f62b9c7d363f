/* SPDX-License-Identifier: BSD-2-Clause */
/* The dynamic section of an ELF file that is mapped in the target: relocations and symbols. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "elf/elf_image.h"

#define TABLE_LIMIT   \
	(UINT64_C(12) \
	 << 20) /* symbols, strings, hash, each: Debian's libduckdb has 4.2 MiB of strings */
#define RELOCS_LIMIT \
	(UINT64_C(32) << 20) /* both tables: a large library has many relative relocations */
#define DYNAMIC_LIMIT 65536

/* ld.so of glibc relocates these in place, musl and the vDSO do not: the range of the value shows
 * which.
 */
static uint64_t dynamic_address(const struct elf_image *image, uint64_t value)
{
	return value >= image->low && value < image->high ? value : value + image->bias;
}

struct tables {
	uint64_t rela, rela_size, jmprel, jmprel_size, symtab, strtab, strtab_size, gnu_hash, hash,
		debug;
	bool jmprel_is_rela;
};

static int read_tables(const struct elf_image *image, struct tables *tables)
{
	Elf64_Dyn *entries;
	int rc = elf_image_copy(image, image->dynamic, image->dynamic_size, DYNAMIC_LIMIT,
				(void **)&entries);

	if (rc)
		return rc;
	*tables = (struct tables){ 0 };
	for (size_t i = 0; i < image->dynamic_size / sizeof *entries && entries[i].d_tag != DT_NULL;
	     i++) {
		uint64_t value = entries[i].d_un.d_val, address = dynamic_address(image, value);

		switch (entries[i].d_tag) {
		case DT_RELA:
			tables->rela = address;
			break;
		case DT_RELASZ:
			tables->rela_size = value;
			break;
		case DT_JMPREL:
			tables->jmprel = address;
			break;
		case DT_PLTRELSZ:
			tables->jmprel_size = value;
			break;
		case DT_PLTREL:
			tables->jmprel_is_rela = value == DT_RELA;
			break;
		case DT_SYMTAB:
			tables->symtab = address;
			break;
		case DT_STRTAB:
			tables->strtab = address;
			break;
		case DT_STRSZ:
			tables->strtab_size = value;
			break;
		case DT_GNU_HASH:
			tables->gnu_hash = address;
			break;
		case DT_HASH:
			tables->hash = address;
			break;
		case DT_DEBUG:
			tables->debug = value;
			break;
		}
	}
	free(entries);
	return 0;
}

/* The number of dynamic symbols stands in no header: it follows from the longest hash chain. */
static int count_gnu_hash(const struct elf_image *image, uint64_t address, size_t *count)
{
	uint32_t head[4], *buckets = NULL, last = 0,
			  word = 0; /* nbuckets, symoffset, bloom_size, bloom_shift */
	uint64_t at;
	int rc = target_read_one(image->target, address, head, sizeof head);

	if (rc)
		return rc;
	at = address + sizeof head + (uint64_t)head[2] * sizeof(uint64_t);
	rc = elf_image_copy(image, at, (uint64_t)head[0] * sizeof *buckets, TABLE_LIMIT,
			    (void **)&buckets);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < head[0]; i++)
		last = buckets[i] > last ? buckets[i] : last;
	free(buckets);
	*count = head[1];
	if (last < head[1])
		return 0;
	at += (uint64_t)head[0] * sizeof *buckets + (uint64_t)(last - head[1]) * sizeof word;
	for (size_t chain = 0; !(word & 1); chain++, at += sizeof word) {
		if (chain > 4096)
			return -EBADMSG; /* endless */
		rc = target_read_one(image->target, at, &word, sizeof word);
		if (rc)
			return rc;
		last++;
	}
	*count = last;
	return 0;
}

static int count_symbols(const struct elf_image *image, const struct tables *tables, size_t *count)
{
	uint32_t head[2]; /* nbucket, nchain: the latter is the number of symbols */
	int rc;

	*count = 0;
	if (tables->gnu_hash)
		return count_gnu_hash(image, tables->gnu_hash, count);
	if (!tables->hash)
		return 0;
	rc = target_read_one(image->target, tables->hash, head, sizeof head);
	*count = rc ? 0 : head[1];
	return rc;
}

static int read_relocs(const struct elf_image *image, const struct tables *tables,
		       struct elf_dynamic *dynamic)
{
	uint64_t jmprel_size = tables->jmprel && tables->jmprel_is_rela ? tables->jmprel_size : 0;
	uint64_t rela_size = tables->rela ? tables->rela_size : 0;
	char *bytes;
	int rc = rela_size > RELOCS_LIMIT || jmprel_size > RELOCS_LIMIT - rela_size ? -EFBIG : 0;

	rela_size -= rela_size % sizeof(Elf64_Rela);
	jmprel_size -= jmprel_size % sizeof(Elf64_Rela);
	if (rc)
		return rc;
	bytes = malloc(rela_size + jmprel_size + 1);
	dynamic->relocs = (void *)bytes;
	rc = bytes ? elf_image_read(image, tables->rela, rela_size, bytes) : -ENOMEM;
	if (rc == 0)
		rc = elf_image_read(image, tables->jmprel, jmprel_size, bytes + rela_size);
	dynamic->reloc_count = rc ? 0 : (rela_size + jmprel_size) / sizeof(Elf64_Rela);
	return rc;
}

int elf_image_dynamic(const struct elf_image *image, struct elf_dynamic *dynamic)
{
	struct tables tables;
	size_t count = 0;
	int rc;

	*dynamic = (struct elf_dynamic){ 0 };
	if (!image->dynamic_size)
		return 0; /* a static program: nothing is dynamic in it */
	rc = read_tables(image, &tables);
	if (rc == 0)
		rc = read_relocs(image, &tables, dynamic);
	if (rc == 0 && tables.symtab && tables.strtab)
		rc = count_symbols(image, &tables, &count);
	if (rc == 0 && count) {
		rc = elf_image_copy(image, tables.symtab, count * sizeof *dynamic->symbols,
				    TABLE_LIMIT, (void **)&dynamic->symbols);
		if (rc == 0)
			rc = elf_image_copy(image, tables.strtab, tables.strtab_size, TABLE_LIMIT,
					    (void **)&dynamic->strings);
	}
	if (rc) {
		elf_dynamic_free(dynamic);
		return rc;
	}
	dynamic->debug = tables.debug;
	dynamic->symbol_count = count;
	dynamic->strings_size = count ? tables.strtab_size : 0;
	return 0;
}

void elf_dynamic_free(struct elf_dynamic *dynamic)
{
	free(dynamic->relocs);
	free(dynamic->symbols);
	free(dynamic->strings);
	*dynamic = (struct elf_dynamic){ 0 };
}

const char *elf_dynamic_name(const struct elf_dynamic *dynamic, size_t symbol)
{
	if (symbol >= dynamic->symbol_count ||
	    dynamic->symbols[symbol].st_name >= dynamic->strings_size)
		return "";
	return dynamic->strings + dynamic->symbols[symbol].st_name;
}
