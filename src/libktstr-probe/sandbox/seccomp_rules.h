/* SPDX-License-Identifier: BSD-2-Clause */
/* The system calls that are left to a child that reads a hostile file. */
#ifndef KTSTR_SANDBOX_FILTER_H
#define KTSTR_SANDBOX_FILTER_H

/*
 * From here on this process may read what it has open, get memory that is not executable, write to
 * answer_fd and end. Anything else is refused with EPERM, and what only an intruder would try is
 * the end of the process. Needs no_new_privs. Returns 0 or a negative errno; -ENOSYS or -EINVAL on
 * a kernel without filters.
 */
int seccomp_rules_install(int answer_fd);

#endif
