/* SPDX-License-Identifier: BSD-2-Clause */
/* Cheap signs that a process may run other code than before. */
#ifndef KTSTR_PROGRAM_MARK_H
#define KTSTR_PROGRAM_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct program_mark {
	uint64_t code_bytes;     /* executable mappings: VmExe and VmLib of its status, proc(5) */
	uint64_t random_address; /* AT_RANDOM, getauxval(3): another stack after each exec */
};

/* Pure: the first from the text of status. Returns 0 or -EBADMSG. */
int program_mark_parse(const char *status, struct program_mark *mark);

/* Returns 0 or a negative errno. */
int program_mark_read(int proc_fd, pid_t pid, struct program_mark *mark);

/* Equal marks do not prove that nothing has changed; unequal ones that something has. */
bool program_mark_equals(const struct program_mark *a, const struct program_mark *b);

#endif
