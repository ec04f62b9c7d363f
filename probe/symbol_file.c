/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds *tsd_tls in the symbol table of a file on disk. Called by module_list. */
#include "config.h"

#include "symbol_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "arch.h"

#define SYMBOLS_LIMIT (UINT64_C(64) << 20) /* symbols, not bytes: 1.5 GiB of table */
#define CHUNK 2048
#define NAME_SIZE 128
#define WANTED "tsd_tls"

int symbol_file_open(int proc_fd, pid_t pid, const char *path, unsigned int dev_major, unsigned int dev_minor,
		     uint64_t inode)
{
	/* O_NONBLOCK: a FIFO must not hold us. */
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	char root[32];
	struct stat st;
	int root_fd, fd;

	snprintf(root, sizeof root, "%d/root", (int)pid);
	root_fd = openat(proc_fd, root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how);
	if (fd < 0) {
		fd = -errno;
		close(root_fd);
		return fd;
	}
	close(root_fd);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_ino != inode || major(st.st_dev) != dev_major ||
	    minor(st.st_dev) != dev_minor) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

static int read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
	ssize_t n = offset > INT64_MAX ? -1 : pread(fd, buffer, size, (off_t)offset);

	return n == (ssize_t)size ? 0 : -EBADMSG;
}

static int ends_in_wanted(int fd, uint64_t offset)
{
	char name[NAME_SIZE];
	ssize_t n = offset > INT64_MAX ? -1 : pread(fd, name, sizeof name - 1, (off_t)offset);
	size_t length;

	if (n <= 0)
		return 0;
	name[n] = '\0';
	length = strlen(name);
	return length >= strlen(WANTED) && strcmp(name + length - strlen(WANTED), WANTED) == 0;
}

static int scan(int fd, const Elf64_Shdr *table, const Elf64_Shdr *strings, uint64_t *value, uint64_t *size)
{
	Elf64_Sym symbols[CHUNK];
	uint64_t count = table->sh_size / sizeof *symbols;
	int found = 0;

	if (count > SYMBOLS_LIMIT)
		return -EFBIG;
	for (uint64_t at = 0; at < count; at += CHUNK) {
		uint64_t batch = count - at < CHUNK ? count - at : CHUNK;

		if (read_at(fd, symbols, batch * sizeof *symbols, table->sh_offset + at * sizeof *symbols))
			return -EBADMSG;
		for (uint64_t i = 0; i < batch; i++) {
			if (ELF64_ST_TYPE(symbols[i].st_info) != STT_TLS || symbols[i].st_shndx == SHN_UNDEF ||
			    symbols[i].st_name >= strings->sh_size ||
			    !ends_in_wanted(fd, strings->sh_offset + symbols[i].st_name))
				continue;
			if (found && (*value != symbols[i].st_value || *size != symbols[i].st_size))
				return -ENOTUNIQ;
			*value = symbols[i].st_value;
			*size = symbols[i].st_size;
			found = 1;
		}
	}
	return found ? 0 : -ENOENT;
}

int symbol_file_tsd(int fd, uint64_t *value, uint64_t *size)
{
	Elf64_Shdr *sections = NULL;
	Elf64_Ehdr header;
	int rc = read_at(fd, &header, sizeof header, 0);

	if (rc || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != arch_elf_machine)
		return -EBADMSG;
	if (header.e_shnum == 0)
		return -ENOENT; /* no sections, or more than 65279 of them */
	if (header.e_shentsize != sizeof *sections)
		return -EBADMSG;
	sections = calloc(header.e_shnum, sizeof *sections);
	if (!sections)
		return -ENOMEM;
	rc = read_at(fd, sections, header.e_shnum * sizeof *sections, header.e_shoff);
	if (rc == 0)
		rc = -ENOENT;
	for (unsigned int i = 0; rc == -ENOENT && i < header.e_shnum; i++)
		if (sections[i].sh_type == SHT_SYMTAB && sections[i].sh_link < header.e_shnum)
			rc = scan(fd, &sections[i], &sections[sections[i].sh_link], value, size);
	free(sections);
	return rc;
}
