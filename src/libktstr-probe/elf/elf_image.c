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
/* All that one session reads before it knows: a process may map one large file a thousand times. */
#define READ_LIMIT      (UINT64_C(128) << 20)
#define ADDRESS_LIMIT   (UINT64_C(1) << 56)

int elf_header_check(const Elf64_Ehdr *header)
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
static void add_span(struct elf_span *spans, const Elf64_Phdr *phdr, uint64_t size)
{
	for (size_t i = 0; i < ELF_IMAGE_SPANS; i++)
		if (!spans[i].size) {
			spans[i] = (struct elf_span){ phdr->p_vaddr, size };
			return;
		}
}

static void shift_spans(struct elf_span *spans, uint64_t bias)
{
	for (size_t i = 0; i < ELF_IMAGE_SPANS; i++)
		spans[i].address += bias;
}

/* What one program header adds. */
static int take_phdr(struct elf_image *image, const Elf64_Phdr *phdr, bool *first)
{
	int rc = 0;

	if (phdr->p_type == PT_LOAD) {
		rc = take_load(image, phdr, first);
		if (phdr->p_flags & PF_W) {
			add_span(image->data, phdr, phdr->p_filesz);
			add_span(image->writable, phdr, phdr->p_memsz);
		} else {
			add_span(phdr->p_flags & PF_X ? image->code : image->constants, phdr,
				 phdr->p_filesz);
		}
	} else if (phdr->p_type == PT_NOTE) {
		add_span(image->notes, phdr, phdr->p_filesz);
	} else if (phdr->p_type == PT_DYNAMIC) {
		image->dynamic = phdr->p_vaddr;
		image->dynamic_size = phdr->p_memsz;
	} else if (phdr->p_type == PT_TLS) {
		if (image->has_tls || phdr->p_filesz > phdr->p_memsz)
			return -EBADMSG;
		image->has_tls = true;
		image->tls_vaddr = phdr->p_vaddr;
		image->tls_filesz = phdr->p_filesz;
		image->tls_memsz = phdr->p_memsz;
		image->tls_align = phdr->p_align;
	}
	return rc;
}

int elf_image_take(const Elf64_Ehdr *header, const Elf64_Phdr *phdrs, uint64_t start,
		   struct elf_image *image)
{
	bool first = true;
	int rc = elf_header_check(header);

	*image = (struct elf_image){ .start = start, .phdrs = start + header->e_phoff };
	for (size_t i = 0; rc == 0 && i < header->e_phnum; i++)
		rc = take_phdr(image, &phdrs[i], &first);
	if (rc == 0 && first)
		rc = -EBADMSG;
	image->low += image->bias;
	image->high += image->bias;
	image->dynamic += image->bias;
	shift_spans(image->notes, image->bias);
	shift_spans(image->constants, image->bias);
	shift_spans(image->code, image->bias);
	shift_spans(image->data, image->bias);
	shift_spans(image->writable, image->bias);
	return rc;
}

int elf_image_parse(const void *head, size_t size, uint64_t start, struct elf_image *image)
{
	Elf64_Phdr phdrs[ELF_IMAGE_PHDRS_LIMIT];
	Elf64_Ehdr header;
	int rc;

	*image = (struct elf_image){ .start = start };
	if (size < sizeof header)
		return -ENOEXEC;
	memcpy(&header, head, sizeof header);
	rc = elf_header_check(&header);
	if (rc)
		return rc;
	if (header.e_phoff > size || header.e_phnum > (size - header.e_phoff) / sizeof *phdrs ||
	    header.e_phnum > ELF_IMAGE_PHDRS_LIMIT)
		return -EBADMSG;
	memcpy(phdrs, (const char *)head + header.e_phoff, header.e_phnum * sizeof *phdrs);
	return elf_image_take(&header, phdrs, start, image);
}

/* Does a PT_LOAD put the file's offset at that address? */
static bool is_loaded_at(const Elf64_Ehdr *header, const Elf64_Phdr *phdrs, uint64_t bias,
			 const struct elf_place *place)
{
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < header->e_phnum; i++) {
		const Elf64_Phdr *load = &phdrs[i];

		/* Whole pages are mapped. */
		if (load->p_type == PT_LOAD &&
		    place->offset >= (load->p_offset & ~(page_size - 1)) &&
		    place->offset - (load->p_offset & ~(page_size - 1)) <
			    load->p_filesz + (load->p_offset & (page_size - 1)) &&
		    bias + load->p_vaddr + (place->offset - load->p_offset) == place->address)
			return true;
	}
	return false;
}

int elf_image_load(struct target *target, uint64_t start, uint64_t phdrs_at,
		   const struct elf_place *known, struct elf_image *image)
{
	Elf64_Phdr phdrs[ELF_IMAGE_PHDRS_LIMIT];
	Elf64_Ehdr header;
	int rc = target_read_one(target, start, &header, sizeof header);

	*image = (struct elf_image){ .start = start };
	if (rc == 0)
		rc = elf_header_check(&header);
	if (rc == 0 && (header.e_phnum == 0 || header.e_phnum > ELF_IMAGE_PHDRS_LIMIT))
		rc = -EBADMSG;
	if (rc == 0)
		rc = target_read_one(target, phdrs_at, phdrs, header.e_phnum * sizeof *phdrs);
	if (rc == 0)
		rc = elf_image_take(&header, phdrs, start, image);
	if (rc == 0 && phdrs_at != start + header.e_phoff &&
	    !is_loaded_at(&header, phdrs, image->bias,
			  &(struct elf_place){ header.e_phoff, phdrs_at }))
		rc = -EBADMSG;
	if (rc == 0 && known && !is_loaded_at(&header, phdrs, image->bias, known))
		rc = -EBADMSG;
	image->target = target;
	image->phdrs = phdrs_at;
	return rc;
}

static int compare_with_file(const void *memory, size_t size, int fd, uint64_t offset)
{
	unsigned char file[ELF_IMAGE_PHDRS_LIMIT * sizeof(Elf64_Phdr)];
	ssize_t n;

	do {
		n = pread(fd, file, size, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EINVAL) /* no such offset in any file */
		return -EIO;
	return n == (ssize_t)size && memcmp(memory, file, size) == 0 ? 0 : -EBADMSG;
}

int elf_image_compare(const struct elf_image *image, int fd)
{
	Elf64_Phdr phdrs[ELF_IMAGE_PHDRS_LIMIT];
	Elf64_Ehdr header;
	int rc = target_read_one(image->target, image->start, &header, sizeof header);

	if (rc == 0 && header.e_phnum > ELF_IMAGE_PHDRS_LIMIT)
		rc = -EBADMSG;
	if (rc == 0)
		rc = compare_with_file(&header, sizeof header, fd, 0);
	if (rc == 0)
		rc = target_read_one(image->target, image->phdrs, phdrs,
				     header.e_phnum * sizeof *phdrs);
	if (rc == 0)
		rc = compare_with_file(phdrs, header.e_phnum * sizeof *phdrs, fd, header.e_phoff);
	return rc;
}

bool elf_image_over_budget(const struct elf_image *image)
{
	return image->target->read_count.bytes > READ_LIMIT;
}

int elf_image_read(const struct elf_image *image, uint64_t address, uint64_t size, void *buffer)
{
	if (size == 0)
		return 0;
	if (address < image->low || address > image->high || size > image->high - address)
		return -EBADMSG;
	if (elf_image_over_budget(image))
		return -EFBIG;
	return target_read_one(image->target, address, buffer, size);
}

int elf_image_copy(const struct elf_image *image, uint64_t address, uint64_t size, uint64_t limit,
		   void **result)
{
	int rc;

	if (size > limit)
		return -EFBIG;
	*result = malloc(size + 1);
	if (!*result)
		return -ENOMEM;
	((char *)*result)[size] = '\0';
	rc = elf_image_read(image, address, size, *result);
	if (rc) {
		free(*result);
		*result = NULL;
	}
	return rc;
}

int elf_image_tls(const struct elf_image *image, unsigned char **bytes)
{
	return elf_image_copy(image, image->tls_vaddr + image->bias, image->tls_filesz,
			      TLS_IMAGE_LIMIT, (void **)bytes);
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
		    elf_image_copy(image, span->address, span->size, NOTES_LIMIT, (void **)&notes))
			continue;
		rc = find_build_id(notes, span->size, id, size);
		free(notes);
	}
	return rc;
}
