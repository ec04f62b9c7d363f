/* SPDX-License-Identifier: BSD-2-Clause */
/* jemalloc's version string and its messages in the constant data of a mapped file. */
#include "config.h"

#include "jemalloc/version.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECE       262144
#define SCAN_LIMIT  (UINT64_C(32) << 20)
#define HASH_DIGITS 40

static size_t digits(const char *text, size_t room, size_t most)
{
	size_t n = 0;

	while (n < room && n < most && text[n] >= '0' && text[n] <= '9')
		n++;
	return n;
}

/*
 * JEMALLOC_VERSION, as jemalloc's configure makes it of "git describe --long --abbrev=40":
 * <major>.<minor>.<bugfix>-<commits since>-g<40 hexadecimal digits>, then a NUL. Redis gives its
 * copy a hash of "0" (--with-version=5.2.1-0-g0), and no other length is taken: many a program has
 * a version like these. Returns its length, or 0.
 */
static size_t version_length(const char *text, size_t room)
{
	static const char ends[] = "..--";
	size_t at = 0, n;

	for (size_t part = 0; part < 4; part++) {
		n = digits(text + at, room - at, part == 3 ? 6 : 3);
		at += n;
		if (n == 0 || at >= room || text[at++] != ends[part])
			return 0;
	}
	if (room - at >= sizeof "g0" && memcmp(text + at, "g0", sizeof "g0") == 0)
		return at + 2;
	if (room - at < 1 + HASH_DIGITS + 1 || text[at++] != 'g')
		return 0;
	for (n = 0; n < HASH_DIGITS; n++, at++)
		if (!isxdigit((unsigned char)text[at]) || isupper((unsigned char)text[at]))
			return 0;
	return at < JEMALLOC_VERSION_SIZE && text[at] == '\0' ? at : 0;
}

/* Every 'g' behind a '-' is looked at, backwards to the text's begin. */
static int find_version(const char *text, size_t size, void *result)
{
	const char *end = text + size, *at = text;
	char *version = result;

	while ((at = memmem(at, (size_t)(end - at), "-g", 2))) {
		const char *begin = at;
		size_t length;

		while (begin > text && at - begin < 20 && strchr("0123456789.-", begin[-1]) &&
		       begin[-1])
			begin--;
		at += 2;
		length = version_length(begin, (size_t)(end - begin));
		/* What configure writes when it was built without its git repository, as Rust's
		 * crates do. */
		if (!length || strncmp(begin, "0.0.0-", 6) == 0)
			continue;
		if (*version && (strlen(version) != length || memcmp(version, begin, length) != 0))
			return -ENOTUNIQ;
		memcpy(version, begin, length);
		version[length] = '\0';
	}
	return 0;
}

/* jemalloc begins each of its messages so. The '<' stands apart: our own constants do not hold the
 * whole. */
static int find_message(const char *text, size_t size, void *none)
{
	static const char begin[] = "jemalloc>: ";
	const char *end = text + size, *at = text;

	(void)none;
	while ((at = memmem(at, (size_t)(end - at), begin, sizeof begin - 1))) {
		if (at > text && at[-1] == '<')
			return 1;
		at++;
	}
	return 0;
}

/* Looks at each piece of what cannot be written, until look says something else than 0. Returns
 * that, or -ENOMEM. */
static int each_piece(const struct elf_image *image,
		      int (*look)(const char *text, size_t size, void *context), void *context)
{
	uint64_t left = SCAN_LIMIT;
	char *piece = malloc(PIECE);
	int rc = piece ? 0 : -ENOMEM;

	/* Code last: where it is apart from the constants it holds none of them, and may be a
	 * hundred times as large. */
	for (size_t i = 0; rc == 0 && i < 2 * (size_t)ELF_IMAGE_SPANS; i++) {
		const struct elf_span *span = i < ELF_IMAGE_SPANS
						      ? &image->constants[i]
						      : &image->code[i - ELF_IMAGE_SPANS];
		uint64_t at = span->address, size = span->size;

		/* The pieces overlap by the longest version, so that none is cut in two. */
		while (rc == 0 && size && left && !elf_image_over_budget(image)) {
			uint64_t part = size < PIECE ? size : PIECE;

			if (part > left)
				part = left;
			if (target_read_one(image->target, at, piece, part))
				break; /* a hole: this segment tells nothing more */
			rc = look(piece, part, context);
			if (part == size || part <= JEMALLOC_VERSION_SIZE)
				break;
			left -= part;
			at += part - JEMALLOC_VERSION_SIZE;
			size -= part - JEMALLOC_VERSION_SIZE;
		}
	}
	free(piece);
	return rc;
}

int jemalloc_version_find(const struct elf_image *image, char *version)
{
	int rc;

	*version = '\0';
	rc = each_piece(image, find_version, version);
	return rc ? rc : *version ? 0 : -ENOENT;
}

int jemalloc_message_find(const struct elf_image *image)
{
	return each_piece(image, find_message, NULL);
}
