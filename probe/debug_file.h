/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The separate file with the debug information of a stripped program, as distributions install it:
 * found by build-id or by .gnu_debuglink, in the target's root first, then in the caller's. It is taken
 * only if it proves to belong to the program. No network. Called by module_jemalloc.
 */
#ifndef KTSTR_DEBUG_FILE_H
#define KTSTR_DEBUG_FILE_H

#include <stddef.h>
#include <sys/types.h>

#define DEBUG_FILE_ID_SIZE 64 /* SHA-1 gives 20 bytes, --build-id=0x… what one likes */

/*
 * The build-id in the notes of an open ELF file. On entry *size is the room in id. Returns 0, -ENOENT for
 * none, or another negative errno.
 */
int debug_file_build_id(int fd, unsigned char *id, size_t *size);

/*
 * The debug file of a program with this build-id. The file found must carry the same build-id. Returns
 * an fd, or -ENOENT, or another negative errno.
 */
int debug_file_open_by_id(int proc_fd, pid_t pid, const unsigned char *id, size_t size);

/*
 * The debug file that the open program names in .gnu_debuglink; path is the program's own, in the
 * target's root. The file found must have the checksum that the link holds. Returns an fd, -ENOENT, …
 */
int debug_file_open_by_link(int proc_fd, pid_t pid, const char *path, int program_fd);

#endif
