/* SPDX-License-Identifier: BSD-2-Clause */
/* The separate file with the debug information of a stripped program. */
#include "config.h"

#include "symfile/debug_file.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "linux/target_file.h"
#include "symfile/elf_file.h"

#define NOTES_LIMIT 65536
#define NOTES_COUNT 64 /* sections: the same bytes may be named again and again */
#define LINK_LIMIT  4096

/* A whole small section; the caller frees it. */
static unsigned char *read_section(int fd, const Elf64_Shdr *section, uint64_t limit)
{
	unsigned char *bytes;

	if (section->sh_type == SHT_NOBITS || section->sh_size == 0 || section->sh_size > limit ||
	    section->sh_offset > INT64_MAX)
		return NULL;
	bytes = malloc(section->sh_size);
	if (bytes && pread(fd, bytes, section->sh_size, (off_t)section->sh_offset) !=
			     (ssize_t)section->sh_size) {
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
	int rc = elf_file_sections(fd, &sections, &count, &names);

	if (rc)
		return rc;
	rc = -ENOENT;
	for (size_t i = 0; rc == -ENOENT && i < count && left; i++) {
		unsigned char *notes = sections[i].sh_type == SHT_NOTE
					       ? read_section(fd, &sections[i], NOTES_LIMIT)
					       : NULL;

		left -= notes != NULL;
		if (notes)
			rc = id_in_notes(notes, sections[i].sh_size, id, size);
		free(notes);
	}
	free(sections);
	return rc;
}

bool debug_file_has_id(int fd, const unsigned char *id, size_t size)
{
	unsigned char own[DEBUG_FILE_ID_SIZE];
	size_t own_size = sizeof own;

	return debug_file_build_id(fd, own, &own_size) == 0 && own_size == size &&
	       memcmp(own, id, size) == 0;
}

size_t debug_file_open_by_id(const struct target *target, const unsigned char *id, size_t size,
			     int fds[DEBUG_FILE_BY_ID])
{
	char path[64 + 2 * DEBUG_FILE_ID_SIZE];
	const struct target *const roots[DEBUG_FILE_BY_ID] = { target, NULL };
	size_t count = 0;
	int at;

	if (size < 2 || size > DEBUG_FILE_ID_SIZE)
		return 0;
	at = snprintf(path, sizeof path, "/usr/lib/debug/.build-id/%02x/", id[0]);
	for (size_t i = 1; i < size; i++)
		at += snprintf(path + at, sizeof path - (size_t)at, "%02x", id[i]);
	snprintf(path + at, sizeof path - (size_t)at, ".debug");
	for (size_t i = 0; i < DEBUG_FILE_BY_ID; i++) {
		fds[count] = target_file_open_any(roots[i], path);
		count += fds[count] >= 0;
	}
	return count;
}

/* The CRC of .gnu_debuglink: CRC-32 as in IEEE 802.3, reflected (GDB manual, Separate Debug Files).
 */
static int checksum(int fd, uint64_t *left, uint32_t *result)
{
	/* Not fstat(3), for which libc may use a call that takes a path: the child's filter refuses
	 * those. */
	off_t size = lseek(fd, 0, SEEK_END);
	uint32_t table[256], crc = UINT32_MAX;
	unsigned char *bytes;
	uint64_t at = 0;
	ssize_t n = -1;

	if (size < 0 || (uint64_t)size > *left)
		return -EFBIG;
	*left -= (uint64_t)size;
	bytes = malloc(65536);
	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? UINT32_C(0xedb88320) : 0);
	}
	while (bytes && at <= (uint64_t)size && (n = pread(fd, bytes, 65536, (off_t)at)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 255];
		at += (uint64_t)n;
	}
	free(bytes);
	*result = ~crc;
	return n == 0 ? 0 : -EFBIG;
}

bool debug_file_has_checksum(int fd, uint64_t *left, uint32_t wanted)
{
	uint32_t crc;

	return checksum(fd, left, &crc) == 0 && crc == wanted;
}

bool debug_file_link_is_sane(const struct debug_link *link)
{
	return *link->name && memchr(link->name, '\0', sizeof link->name) &&
	       !strchr(link->name, '/');
}

/* The section's text, and behind it, at the next multiple of 4, the checksum. */
int debug_file_read_link(int fd, struct debug_link *link)
{
	Elf64_Shdr *sections;
	size_t count, names;
	int rc = elf_file_sections(fd, &sections, &count, &names);

	if (rc)
		return rc;
	rc = -ENOENT;
	for (size_t i = 1; rc == -ENOENT && names && i < count; i++) {
		static const char wanted[] = ".gnu_debuglink";
		char section[sizeof wanted] = "";
		unsigned char *bytes;
		size_t length;

		if (sections[i].sh_type != SHT_PROGBITS || sections[names].sh_offset > INT32_MAX ||
		    pread(fd, section, sizeof section,
			  (off_t)(sections[names].sh_offset + sections[i].sh_name)) !=
			    sizeof section ||
		    memcmp(section, wanted, sizeof wanted) != 0)
			continue;
		bytes = read_section(fd, &sections[i], LINK_LIMIT);
		rc = -EBADMSG;
		length = bytes ? strnlen((char *)bytes, sections[i].sh_size) : 0;
		if (length && length < sizeof link->name &&
		    ((length + 4) & ~(size_t)3) + sizeof link->crc <= sections[i].sh_size) {
			memcpy(link->name, bytes, length + 1);
			memcpy(&link->crc, bytes + ((length + 4) & ~(size_t)3), sizeof link->crc);
			rc = debug_file_link_is_sane(link) ? 0 : -EBADMSG;
		}
		free(bytes);
	}
	free(sections);
	return rc;
}

size_t debug_file_open_by_link(const struct target *target, const char *path,
			       const struct debug_link *link, int fds[DEBUG_FILE_BY_LINK])
{
	/* GDB's order: beside the program, in .debug beside it, in the tree of all debug files. */
	static const char *const before[] = { "", "", "/usr/lib/debug" }, *const within[] = {
		"", ".debug/", ""
	};
	const char *slash = strrchr(path, '/');
	int directory = slash && slash - path < PATH_MAX ? (int)(slash - path) : 0;
	const struct target *const roots[] = { target, NULL };
	char candidate[PATH_MAX];
	size_t count = 0;

	for (size_t i = 0; i < DEBUG_FILE_BY_LINK; i++) {
		int length = snprintf(candidate, sizeof candidate, "%s%.*s/%s%s", before[i % 3],
				      directory, path, within[i % 3], link->name);

		if (length < 0 || (size_t)length >= sizeof candidate)
			continue;
		fds[count] = target_file_open_any(roots[i / 3], candidate);
		count += fds[count] >= 0;
	}
	return count;
}
