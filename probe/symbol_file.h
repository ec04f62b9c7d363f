/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files on disk that the target never maps whole: its programs for their symbol tables. Nothing of a
 * file is trusted; it is read in pieces, with a limit on how many. Called by program_file, file_answer and
 * debug_file.
 */
#ifndef KTSTR_SYMBOL_FILE_H
#define KTSTR_SYMBOL_FILE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens path inside the root of process pid: a regular file only, never leaving that root, and only
 * if it is the file with this device and inode. Returns an fd or a negative errno; -ESTALE: another file.
 */
int symbol_file_open(int proc_fd, pid_t pid, const char *path, unsigned int dev_major, unsigned int dev_minor,
		     uint64_t inode);

/*
 * Opens path inside the root of process pid, or below the caller's own root when pid is 0: a regular
 * file only, whichever it is. The caller must find out whether it is the right one.
 */
int symbol_file_open_any(int proc_fd, pid_t pid, const char *path);

/*
 * The file behind the mapping [start, end) of process pid, also when it was deleted or replaced, or
 * when its path means another file here. start and end must be those of one line of maps. Needs
 * CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE: -EPERM otherwise.
 */
int symbol_file_open_range(int proc_fd, pid_t pid, uint64_t start, uint64_t end);

/* The main executable of process pid, also when it was deleted or replaced. */
int symbol_file_open_exe(int proc_fd, pid_t pid);

/*
 * The section headers; *sections is the caller's to free. *names is the index of the section with their
 * names, 0 for none. Returns 0, -ENOEXEC for what is not a native 64-bit ELF file, -ENOENT for no sections,
 * -EBADMSG for a damaged file.
 */
int symbol_file_sections(int fd, Elf64_Shdr **sections, size_t *count, size_t *names);

/*
 * The one symbol of type STT_TLS whose name ends in tsd_tls, in .symtab, else in .dynsym. Returns 0,
 * -ENOENT, -ENOTUNIQ for two that differ, -ENOEXEC, -EBADMSG, -EFBIG for more symbols than any honest
 * file has, or what read gave.
 */
int symbol_file_tsd(int fd, uint64_t *value, uint64_t *size);

#endif
