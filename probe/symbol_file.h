/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds *tsd_tls in the symbol table of a file on disk, which is never mapped by the target. Reads it
   in pieces; trusts nothing in it. Called by module_list. */
#ifndef KTSTR_SYMBOL_FILE_H
#define KTSTR_SYMBOL_FILE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Opens path inside the root of process pid: a regular file only, never leaving that root, and only
 * if it is the file with this device and inode. Returns an fd or a negative errno; -ESTALE: another file.
 */
int symbol_file_open(int proc_fd, pid_t pid, const char *path, unsigned int dev_major, unsigned int dev_minor,
		     uint64_t inode);

/* The one symbol of type STT_TLS whose name ends in tsd_tls. Returns 0, -ENOENT, -ENOTUNIQ, -EBADMSG or another. */
int symbol_file_tsd(int fd, uint64_t *value, uint64_t *size);

#endif
