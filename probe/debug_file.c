/* SPDX-License-Identifier: BSD-2-Clause */
/* The separate file with the debug information of a stripped program. Called by module_jemalloc. */
#include "config.h"

#include "debug_file.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbol_file.h"

#define NOTES_LIMIT 65536
#define NOTES_COUNT 64 /* sections: the same bytes may be named again and again */
#define LINK_LIMIT 4096
#define CHECKSUM_LIMIT (UINT64_C(128) << 20) /* bytes of all candidates: a third of a second or so */
#define NAME_LIMIT 4096

/* A whole small section; the caller frees it. */
static unsigned char *read_section(int fd, const Elf64_Shdr *section, uint64_t limit)
{
	unsigned char *bytes;

	if (section->sh_type == SHT_NOBITS || section->sh_size == 0 || section->sh_size > limit ||
	    section->sh_offset > INT64_MAX)
		return NULL;
	bytes = malloc(section->sh_size);
	if (bytes && pread(fd, bytes, section->sh_size, (off_t)section->sh_offset) != (ssize_t)section->sh_size) {
		free(bytes);
		bytes = NULL;
	}
	return bytes;
}

static int id_in_notes(const unsigned char *notes, size_t size, unsigned char *id, size_t *room)
{
	Elf64_Nhdr note;

	for (size_t at = 0; size - at >= sizeof note;) {
		uint64_t descriptor, next;

		memcpy(&note, notes + at, sizeof note);
		descriptor = at + sizeof note + (((uint64_t)note.n_namesz + 3) & ~UINT64_C(3));
		next = descriptor + (((uint64_t)note.n_descsz + 3) & ~UINT64_C(3));
		if (descriptor > size || note.n_descsz > size - descriptor)
			break;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && note.n_descsz &&
		    memcmp(notes + at + sizeof note, "GNU", 4) == 0) {
			if (note.n_descsz > *room)
				return -EFBIG;
			memcpy(id, notes + descriptor, note.n_descsz);
			*room = note.n_descsz;
			return 0;
		}
		if (next > size)
			break;
		at = next;
	}
	return -ENOENT;
}

int debug_file_build_id(int fd, unsigned char *id, size_t *size)
{
	Elf64_Shdr *sections;
	size_t count, names, left = NOTES_COUNT;
	int rc = symbol_file_sections(fd, &sections, &count, &names);

	if (rc)
		return rc;
	rc = -ENOENT;
	for (size_t i = 0; rc == -ENOENT && i < count && left; i++) {
		unsigned char *notes = sections[i].sh_type == SHT_NOTE ? read_section(fd, &sections[i], NOTES_LIMIT) : NULL;

		left -= notes != NULL;
		if (notes)
			rc = id_in_notes(notes, sections[i].sh_size, id, size);
		free(notes);
	}
	free(sections);
	return rc;
}

static int has_id(int fd, const unsigned char *id, size_t size)
{
	unsigned char own[DEBUG_FILE_ID_SIZE];
	size_t own_size = sizeof own;

	return debug_file_build_id(fd, own, &own_size) == 0 && own_size == size && memcmp(own, id, size) == 0;
}

int debug_file_open_by_id(int proc_fd, pid_t pid, const unsigned char *id, size_t size)
{
	char path[64 + 2 * DEBUG_FILE_ID_SIZE];
	const pid_t roots[] = { pid, 0 };
	int at;

	if (size < 2 || size > DEBUG_FILE_ID_SIZE)
		return -ENOENT;
	at = snprintf(path, sizeof path, "/usr/lib/debug/.build-id/%02x/", id[0]);
	for (size_t i = 1; i < size; i++)
		at += snprintf(path + at, sizeof path - (size_t)at, "%02x", id[i]);
	snprintf(path + at, sizeof path - (size_t)at, ".debug");
	for (size_t i = 0; i < 2; i++) {
		int fd = symbol_file_open_any(proc_fd, roots[i], path);

		if (fd >= 0 && has_id(fd, id, size))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -ENOENT;
}

/* The CRC of .gnu_debuglink: CRC-32 as in IEEE 802.3, reflected (GDB manual, Separate Debug Files). */
static int checksum(int fd, uint64_t *left, uint32_t *result)
{
	uint32_t table[256], crc = UINT32_MAX;
	unsigned char *bytes;
	struct stat st;
	uint64_t at = 0;
	ssize_t n = -1;

	if (fstat(fd, &st) || st.st_size < 0 || (uint64_t)st.st_size > *left)
		return -EFBIG;
	*left -= (uint64_t)st.st_size;
	bytes = malloc(65536);
	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? UINT32_C(0xedb88320) : 0);
	}
	while (bytes && at <= (uint64_t)st.st_size && (n = pread(fd, bytes, 65536, (off_t)at)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 255];
		at += (uint64_t)n;
	}
	free(bytes);
	*result = ~crc;
	return n == 0 ? 0 : -EFBIG;
}

/* The section's text, and behind it, at the next multiple of 4, the checksum. */
static int read_link(int fd, char *name, size_t room, uint32_t *crc)
{
	Elf64_Shdr *sections;
	size_t count, names;
	int rc = symbol_file_sections(fd, &sections, &count, &names);

	if (rc)
		return rc;
	rc = -ENOENT;
	for (size_t i = 1; rc == -ENOENT && names && i < count; i++) {
		static const char wanted[] = ".gnu_debuglink";
		char section[sizeof wanted] = "";
		unsigned char *bytes;
		size_t length;

		if (sections[i].sh_type != SHT_PROGBITS || sections[names].sh_offset > INT32_MAX ||
		    pread(fd, section, sizeof section, (off_t)(sections[names].sh_offset + sections[i].sh_name)) !=
			    sizeof section || memcmp(section, wanted, sizeof wanted) != 0)
			continue;
		bytes = read_section(fd, &sections[i], LINK_LIMIT);
		rc = -EBADMSG;
		length = bytes ? strnlen((char *)bytes, sections[i].sh_size) : 0;
		if (length && length < room && ((length + 4) & ~(size_t)3) + sizeof *crc <= sections[i].sh_size) {
			memcpy(name, bytes, length + 1);
			memcpy(crc, bytes + ((length + 4) & ~(size_t)3), sizeof *crc);
			rc = strchr(name, '/') ? -EBADMSG : 0; /* a name, never a path */
		}
		free(bytes);
	}
	free(sections);
	return rc;
}

int debug_file_open_by_link(int proc_fd, pid_t pid, const char *path, int program_fd)
{
	/* GDB's order: beside the program, in .debug beside it, in the tree of all debug files. */
	static const char *const before[] = { "", "", "/usr/lib/debug" }, *const within[] = { "", ".debug/", "" };
	const char *slash = strrchr(path, '/');
	int folder = slash && slash - path < PATH_MAX ? (int)(slash - path) : 0;
	char name[NAME_LIMIT], candidate[PATH_MAX];
	const pid_t roots[] = { pid, 0 };
	uint64_t left = CHECKSUM_LIMIT;
	uint32_t wanted, crc;
	int rc = read_link(program_fd, name, sizeof name, &wanted);

	for (size_t i = 0; rc == 0 && i < 6; i++) {
		int length = snprintf(candidate, sizeof candidate, "%s%.*s/%s%s", before[i % 3], folder, path,
				      within[i % 3], name), fd;

		if (length < 0 || (size_t)length >= sizeof candidate)
			continue;
		fd = symbol_file_open_any(proc_fd, roots[i / 3], candidate);
		if (fd >= 0 && checksum(fd, &left, &crc) == 0 && crc == wanted)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return rc ? rc : -ENOENT;
}
