/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The separate file with the debug information of a stripped program, as distributions install it:
 * found by build-id or by .gnu_debuglink, in the target's root first, then in the caller's. To open
 * and to look into are two steps, with the loss of all privileges between them. No network.
 */
#ifndef KTSTR_DEBUG_FILE_H
#define KTSTR_DEBUG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/target.h"

#define DEBUG_FILE_ID_SIZE 64 /* SHA-1 gives 20 bytes, --build-id=0x… what one likes */

/*
 * The build-id in the notes of an open ELF file. On entry *size is the room in id. Returns 0,
 * -ENOENT for none, or another negative errno.
 */
int debug_file_build_id(int fd, unsigned char *id, size_t *size);

/* Does the open ELF file carry this build-id? */
bool debug_file_has_id(int fd, const unsigned char *id, size_t size);

#define DEBUG_FILE_BY_ID   2
#define DEBUG_FILE_BY_LINK 6

/*
 * Opens what stands where the debug file of a program with this build-id belongs. Returns how many
 * files; one is the right one if it has the id.
 */
size_t debug_file_open_by_id(const struct target *target, const unsigned char *id, size_t size,
			     int fds[DEBUG_FILE_BY_ID]);

struct debug_link {
	uint32_t crc;
	char name[256]; /* NAME_MAX, and a NUL */
};

/* What the open program names in .gnu_debuglink. Returns 0, -ENOENT for none, or another negative
 * errno. */
int debug_file_read_link(int fd, struct debug_link *link);

/* A name that ends, and never a path? */
bool debug_file_link_is_sane(const struct debug_link *link);

/*
 * Opens what stands where that name may be found; path is the program's own, in the target's root.
 * Returns how many files; one is the right one if it has the checksum.
 */
size_t debug_file_open_by_link(const struct target *target, const char *path,
			       const struct debug_link *link, int fds[DEBUG_FILE_BY_LINK]);

/* Does the open file have this checksum? No more than *left bytes are read, which counts down. */
bool debug_file_has_checksum(int fd, uint64_t *left, uint32_t wanted);
#define DEBUG_FILE_CHECKSUM_LIMIT \
	(UINT64_C(128) << 20) /* of all candidates: a third of a second or so */

#endif
