/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's thread pointer without stopping it: glibc registers, for every thread, the head of a
 * robust-futex list that lies inside struct pthread, at an offset from the thread pointer that is
 * constant in a process. The offset is found once and verified, never assumed.
 */
#ifndef KTSTR_ROBUST_LIST_H
#define KTSTR_ROBUST_LIST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/target.h"

/*
 * struct pthread holds the thread's id, 32 bits, this far before the robust list's head: on x86_64
 * tid at 720 and robust_head at 736, on aarch64 208 and 224 (glibc nptl/descr.h: pid_t tid; pid_t
 * pid_ununsed; void *robust_prev; struct robust_list_head robust_head). The kernel clears it when
 * the thread ends (CLONE_CHILD_CLEARTID).
 */
#define ROBUST_LIST_TID_BEFORE_HEAD 16

/* How far below the head the thread pointer is searched: struct pthread is 2304 to 2368 bytes. */
#define ROBUST_LIST_SEARCH 4096

/*
 * The head that a thread registered. Returns 0, -ENODATA when it has none (a libc that registers
 * late, a thread that has just begun or is ending), -ESRCH, -EPERM or another negative errno.
 */
int robust_list_head(struct target *target, pid_t tid, uint64_t *head);

/*
 * Pure: finds the one 16-byte-aligned address p in words (count 64-bit words, the first at
 * `address`, which is a multiple of 8) with the word at p and at p + 16 both equal to p.
 * Returns 0, -ENOENT for none or -ENOTUNIQ for several.
 */
int robust_list_search(const uint64_t *words, size_t count, uint64_t address, uint64_t *found);

/*
 * Pure: finds the one empty list of glibc's in words: a head that points to itself, futex_offset
 * behind it, robust_prev before it. Also where it was never registered. Returns 0, -ENOENT for none
 * or -ENOTUNIQ for several.
 */
int robust_list_search_head(const uint64_t *words, size_t count, uint64_t address, uint64_t *head);

/*
 * The offset from the thread pointer up to the robust list's head (modulo 2^64), by searching
 * the memory of thread tid below its head. Only where
 * the thread pointer points to itself (x86_64). Returns 0 or a negative errno: -ENOENT, -ENOTUNIQ,
 * -EBADMSG when the word where the thread's id belongs holds another number.
 */
int robust_list_find_offset(struct target *target, pid_t tid, uint64_t *offset);

/*
 * Pure: the same offset from what the target's libc says of itself for debuggers:
 * _thread_db_sizeof_pthread, and _thread_db_pthread_tid as {bits, count, offset}. begins_at_tp:
 * struct pthread begins at the thread pointer (x86_64), or else ends there (aarch64). Returns 0 or
 * -EBADMSG.
 */
int robust_list_offset_from_libc(uint32_t sizeof_pthread, const uint32_t tid_field[3],
				 bool begins_at_tp, uint64_t *offset);

#endif
