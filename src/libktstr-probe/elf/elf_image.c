/* SPDX-License-Identifier: BSD-2-Clause */
/* An ELF file as it is mapped in the target, read from memory. */
#include "config.h"

#include "elf/elf_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arch.h"

#define TLS_IMAGE_LIMIT (UINT64_C(16) << 20)
#define TABLE_LIMIT   \
	(UINT64_C(12) \
	 << 20) /* symbols, strings, hash, each: Debian's libduckdb has 4.2 MiB of strings */
#define RELOCS_LIMIT \
	(UINT64_C(32) << 20) /* both tables: a large library has many relative relocations */
/* All that one session reads before it knows: a process may map one large file a thousand times. */
#define READ_LIMIT    (UINT64_C(128) << 20)
#define DYNAMIC_LIMIT 65536
#define ADDRESS_LIMIT (UINT64_C(1) << 56)

static int check_header(const Elf64_Ehdr *header)
{
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
	    header->e_machine != arch_elf_machine ||
	    (header->e_type != ET_EXEC && header->e_type != ET_DYN))
		return -ENOEXEC;
	return header->e_phentsize == sizeof(Elf64_Phdr) ? 0 : -EBADMSG;
}

static int take_load(struct elf_image *image, const Elf64_Phdr *load, bool *first)
{
	uint64_t end;

	if (__builtin_add_overflow(load->p_vaddr, load->p_memsz, &end) || end > ADDRESS_LIMIT)
		return -EBADMSG;
	if (*first) {
		/* The mapping that starts the file: p_offset may be anything within its first page.
		 */
		image->bias = image->start - (load->p_vaddr - load->p_offset);
		image->low = load->p_vaddr;
		*first = false;
	}
	if (end > image->high)
		image->high = end;
	return 0;
}

/* The first free one of a few; what is beyond them is left out. */
static void add_span(struct elf_span *spans, const Elf64_Phdr *phdr)
{
	for (size_t i = 0; i < ELF_IMAGE_SPANS; i++)
		if (!spans[i].size) {
			spans[i] = (struct elf_span){ phdr->p_vaddr, phdr->p_filesz };
			return;
		}
}

static void shift_spans(struct elf_span *spans, uint64_t bias)
{
	for (size_t i = 0; i < ELF_IMAGE_SPANS; i++)
		spans[i].address += bias;
}

int elf_image_parse(const void *head, size_t size, uint64_t start, struct elf_image *image)
{
	Elf64_Ehdr header;
	Elf64_Phdr phdr;
	bool first = true;
	int rc;

	*image = (struct elf_image){ .start = start };
	if (size < sizeof header)
		return -ENOEXEC;
	memcpy(&header, head, sizeof header);
	rc = check_header(&header);
	if (rc)
		return rc;
	if (header.e_phoff > size || header.e_phnum > (size - header.e_phoff) / sizeof phdr)
		return -EBADMSG;
	for (size_t i = 0; rc == 0 && i < header.e_phnum; i++) {
		memcpy(&phdr, (const char *)head + header.e_phoff + i * sizeof phdr, sizeof phdr);
		if (phdr.p_type == PT_LOAD) {
			rc = take_load(image, &phdr, &first);
			if (phdr.p_flags & PF_W)
				add_span(image->data, &phdr);
			else
				add_span(phdr.p_flags & PF_X ? image->code : image->constants,
					 &phdr);
		} else if (phdr.p_type == PT_NOTE) {
			add_span(image->notes, &phdr);
		} else if (phdr.p_type == PT_DYNAMIC) {
			image->dynamic = phdr.p_vaddr;
			image->dynamic_size = phdr.p_memsz;
		} else if (phdr.p_type == PT_TLS) {
			if (image->has_tls || phdr.p_filesz > phdr.p_memsz)
				return -EBADMSG;
			image->has_tls = true;
			image->tls_vaddr = phdr.p_vaddr;
			image->tls_filesz = phdr.p_filesz;
			image->tls_memsz = phdr.p_memsz;
			image->tls_align = phdr.p_align;
		}
	}
	if (rc == 0 && first)
		rc = -EBADMSG;
	image->low += image->bias;
	image->high += image->bias;
	image->dynamic += image->bias;
	shift_spans(image->notes, image->bias);
	shift_spans(image->constants, image->bias);
	shift_spans(image->code, image->bias);
	shift_spans(image->data, image->bias);
	return rc;
}

int elf_image_compare(const struct elf_image *image, int fd)
{
	unsigned char memory[ELF_IMAGE_HEAD_SIZE], file[ELF_IMAGE_HEAD_SIZE];
	Elf64_Ehdr header;
	size_t size;
	ssize_t n;
	int rc = target_read_one(image->target, image->start, memory, sizeof memory);

	if (rc)
		return rc;
	memcpy(&header, memory, sizeof header);
	size = header.e_phnum * sizeof(Elf64_Phdr);
	if (header.e_phoff > sizeof memory || size > sizeof memory - header.e_phoff)
		return -EBADMSG;
	size = header.e_phoff + size > sizeof header ? header.e_phoff + size : sizeof header;
	do {
		n = pread(fd, file, size, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -EIO;
	return n == (ssize_t)size && memcmp(memory, file, size) == 0 ? 0 : -EBADMSG;
}

bool elf_image_over_budget(const struct elf_image *image)
{
	return image->target->read_count.bytes > READ_LIMIT;
}

/* Reads [address, address + size), which must lie within the file's mappings. */
static int read_into(const struct elf_image *image, uint64_t address, uint64_t size, void *buffer)
{
	if (size == 0)
		return 0;
	if (address < image->low || address > image->high || size > image->high - address)
		return -EBADMSG;
	if (elf_image_over_budget(image))
		return -EFBIG;
	return target_read_one(image->target, address, buffer, size);
}

/* The same into memory of its own, with a NUL behind it. */
static int copy(const struct elf_image *image, uint64_t address, uint64_t size, uint64_t limit,
		void **result)
{
	int rc;

	if (size > limit)
		return -EFBIG;
	*result = malloc(size + 1);
	if (!*result)
		return -ENOMEM;
	((char *)*result)[size] = '\0';
	rc = read_into(image, address, size, *result);
	if (rc) {
		free(*result);
		*result = NULL;
	}
	return rc;
}

/* ld.so of glibc relocates these in place, musl and the vDSO do not: both are told apart by range.
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
	int rc = copy(image, image->dynamic, image->dynamic_size, DYNAMIC_LIMIT, (void **)&entries);

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
	rc = copy(image, at, (uint64_t)head[0] * sizeof *buckets, TABLE_LIMIT, (void **)&buckets);
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
	rc = bytes ? read_into(image, tables->rela, rela_size, bytes) : -ENOMEM;
	if (rc == 0)
		rc = read_into(image, tables->jmprel, jmprel_size, bytes + rela_size);
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
		rc = copy(image, tables.symtab, count * sizeof *dynamic->symbols, TABLE_LIMIT,
			  (void **)&dynamic->symbols);
		if (rc == 0)
			rc = copy(image, tables.strtab, tables.strtab_size, TABLE_LIMIT,
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

int elf_image_tls(const struct elf_image *image, unsigned char **bytes)
{
	return copy(image, image->tls_vaddr + image->bias, image->tls_filesz, TLS_IMAGE_LIMIT,
		    (void **)bytes);
}

#define NOTES_LIMIT 65536

/* elf(5), Nhdr: name and descriptor are padded to 4 bytes each. */
static int find_build_id(const unsigned char *notes, uint64_t size, unsigned char *id, size_t *room)
{
	Elf64_Nhdr note;
	uint64_t at = 0;

	while (size - at >= sizeof note) {
		uint64_t name, descriptor, end;

		memcpy(&note, notes + at, sizeof note);
		name = at + sizeof note;
		descriptor = name + (((uint64_t)note.n_namesz + 3) & ~UINT64_C(3));
		end = descriptor + (((uint64_t)note.n_descsz + 3) & ~UINT64_C(3));
		if (descriptor > size || note.n_descsz > size - descriptor)
			return -ENOENT;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + name, "GNU", 4) == 0 && note.n_descsz) {
			if (note.n_descsz > *room)
				return -EFBIG;
			memcpy(id, notes + descriptor, note.n_descsz);
			*room = note.n_descsz;
			return 0;
		}
		if (end > size)
			return -ENOENT;
		at = end;
	}
	return -ENOENT;
}

int elf_image_build_id(const struct elf_image *image, unsigned char *id, size_t *size)
{
	int rc = -ENOENT;

	for (size_t i = 0; rc == -ENOENT && i < ELF_IMAGE_SPANS; i++) {
		const struct elf_span *span = &image->notes[i];
		unsigned char *notes;

		if (!span->size ||
		    copy(image, span->address, span->size, NOTES_LIMIT, (void **)&notes))
			continue;
		rc = find_build_id(notes, span->size, id, size);
		free(notes);
	}
	return rc;
}
