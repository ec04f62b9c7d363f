/* SPDX-License-Identifier: BSD-2-Clause */
/* Which C library a process has: their threads, DTVs and loaders differ. */
#ifndef KTSTR_LIBC_KIND_H
#define KTSTR_LIBC_KIND_H

#include "elf/module_list.h"

/*
 * By the name of glibc's file where that is mapped, else by what the files define: to read a large
 * table of symbols takes longer than all else. A static program's libc stays unknown.
 */
enum libc_kind libc_kind_find(const struct module_list *list);

/* By its name, is this file the process's C library? */
bool libc_kind_is_libc(const struct module *module);

#endif
