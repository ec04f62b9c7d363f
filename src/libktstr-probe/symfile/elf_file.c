/* SPDX-License-Identifier: BSD-2-Clause */
/* Section headers and symbol tables of a file on disk. */
#include "config.h"

#include "symfile/elf_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arch.h"

#define SYMBOLS_LIMIT \
	(UINT64_C(16) << 20)    /* of all tables together: 384 MiB; Chromium has 2 million */
#define TLS_SYMBOLS_LIMIT 65536 /* each costs a read for its name */
#define SECTIONS_LIMIT    262144
#define CHUNK             2048
#define NAME_SIZE         128
#define WANTED            "tsd_tls"

static int read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
	ssize_t n = offset > INT64_MAX ? 0 : pread(fd, buffer, size, (off_t)offset);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EBADMSG;
}

/* elf(5): with 65280 sections or more, the true numbers stand in section 0. */
static int section_numbers(int fd, const Elf64_Ehdr *header, uint64_t *count, uint64_t *names)
{
	Elf64_Shdr first;

	*count = header->e_shnum;
	*names = header->e_shstrndx;
	if (header->e_shoff == 0)
		return -ENOENT;
	if (header->e_shentsize != sizeof first ||
	    read_at(fd, &first, sizeof first, header->e_shoff))
		return -EBADMSG;
	if (*count == 0)
		*count = first.sh_size;
	if (*names == SHN_XINDEX)
		*names = first.sh_link;
	if (*count == 0)
		return -ENOENT;
	if (*names >= *count)
		*names = 0;
	return *count > SECTIONS_LIMIT ? -EFBIG : 0;
}

int elf_file_sections(int fd, Elf64_Shdr **sections, size_t *count, size_t *names)
{
	Elf64_Ehdr header;
	uint64_t number, names_index;
	int rc;

	if (read_at(fd, &header, sizeof header, 0) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_machine != arch_elf_machine)
		return -ENOEXEC;
	rc = section_numbers(fd, &header, &number, &names_index);
	if (rc)
		return rc;
	*sections = calloc(number, sizeof **sections);
	if (!*sections)
		return -ENOMEM;
	rc = read_at(fd, *sections, number * sizeof **sections, header.e_shoff);
	if (rc) {
		free(*sections);
		*sections = NULL;
		return rc;
	}
	*count = number;
	*names = names_index;
	return 0;
}

struct search {
	int fd, found;
	uint64_t symbols, tls_symbols; /* looked at so far, in all tables */
	uint64_t value, size;
};

static bool ends_in_wanted(int fd, const Elf64_Shdr *strings, uint64_t offset)
{
	char name[NAME_SIZE];
	uint64_t at, room = strings->sh_size - offset;
	ssize_t n;
	size_t length;

	if (__builtin_add_overflow(strings->sh_offset, offset, &at) || at > INT64_MAX)
		return false;
	n = pread(fd, name, room < sizeof name ? room : sizeof name, (off_t)at);
	if (n <= 0 || !memchr(name, '\0', (size_t)n))
		return false; /* longer than any prefix that jemalloc is built with */
	length = strlen(name);
	return length >= strlen(WANTED) && strcmp(name + length - strlen(WANTED), WANTED) == 0;
}

static int look_at(struct search *search, const Elf64_Sym *symbol, const Elf64_Shdr *strings)
{
	if (ELF64_ST_TYPE(symbol->st_info) != STT_TLS || symbol->st_shndx == SHN_UNDEF ||
	    symbol->st_name >= strings->sh_size)
		return 0;
	if (++search->tls_symbols > TLS_SYMBOLS_LIMIT)
		return -EFBIG;
	if (!ends_in_wanted(search->fd, strings, symbol->st_name))
		return 0;
	if (search->found && (search->value != symbol->st_value || search->size != symbol->st_size))
		return -ENOTUNIQ;
	search->value = symbol->st_value;
	search->size = symbol->st_size;
	search->found = 1;
	return 0;
}

static int scan(struct search *search, const Elf64_Shdr *table, const Elf64_Shdr *strings)
{
	Elf64_Sym symbols[CHUNK];
	uint64_t count = table->sh_size / sizeof *symbols;
	int rc = 0;

	if (count > SYMBOLS_LIMIT - search->symbols)
		return -EFBIG;
	search->symbols += count;
	for (uint64_t at = 0; rc == 0 && at < count; at += CHUNK) {
		uint64_t batch = count - at < CHUNK ? count - at : CHUNK, offset;

		if (__builtin_add_overflow(table->sh_offset, at * sizeof *symbols, &offset))
			return -EBADMSG;
		rc = read_at(search->fd, symbols, batch * sizeof *symbols, offset);
		for (uint64_t i = 0; rc == 0 && i < batch; i++)
			rc = look_at(search, &symbols[i], strings);
	}
	return rc;
}

int elf_file_tsd(int fd, uint64_t *value, uint64_t *size)
{
	static const Elf64_Word kinds[] = { SHT_SYMTAB, SHT_DYNSYM };
	struct search search = { .fd = fd };
	Elf64_Shdr *sections;
	size_t count, names;
	int rc = elf_file_sections(fd, &sections, &count, &names);

	if (rc)
		return rc;
	for (size_t kind = 0; rc == 0 && !search.found && kind < 2; kind++)
		for (size_t i = 0; rc == 0 && i < count; i++)
			if (sections[i].sh_type == kinds[kind] && sections[i].sh_link < count)
				rc = scan(&search, &sections[i], &sections[sections[i].sh_link]);
	free(sections);
	if (rc)
		return rc;
	*value = search.value;
	*size = search.size;
	return search.found ? 0 : -ENOENT;
}
