/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * elfutils' libdw and libelf, by which debug information is read. Most runs read none, and to link
 * these two and what they need takes as long as all the rest of a start: so the shared library
 * loads them when a file is to be read. An archive is linked with them.
 */
#ifndef KTSTR_ELFUTILS_H
#define KTSTR_ELFUTILS_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>

#define ELFUTILS_SONAME "libdw.so.1"

#define ELFUTILS_FUNCTIONS(FUNCTION)    \
	FUNCTION(dwarf_attr)            \
	FUNCTION(dwarf_begin_elf)       \
	FUNCTION(dwarf_child)           \
	FUNCTION(dwarf_diename)         \
	FUNCTION(dwarf_end)             \
	FUNCTION(dwarf_errmsg)          \
	FUNCTION(dwarf_formref_die)     \
	FUNCTION(dwarf_formudata)       \
	FUNCTION(dwarf_get_units)       \
	FUNCTION(dwarf_hasattr)         \
	FUNCTION(dwarf_haschildren)     \
	FUNCTION(dwarf_new_oom_handler) \
	FUNCTION(dwarf_siblingof)       \
	FUNCTION(dwarf_tag)             \
	FUNCTION(elf_end)               \
	FUNCTION(elf_getdata)           \
	FUNCTION(elf_getshdrstrndx)     \
	FUNCTION(elf_memory)            \
	FUNCTION(elf_nextscn)           \
	FUNCTION(elf_strptr)            \
	FUNCTION(elf_version)           \
	FUNCTION(gelf_getshdr)

#define ELFUTILS_MEMBER(name) __typeof__(name) *(name);
struct elfutils {
	ELFUTILS_FUNCTIONS(ELFUTILS_MEMBER)
};
#undef ELFUTILS_MEMBER

/*
 * NULL where they are not installed, or cannot be loaded now. To be called before a child is forked
 * that uses them: the dynamic loader's locks may be held by another thread, and stay so in the
 * child. Safe in several threads.
 */
const struct elfutils *elfutils_load(void);

#endif
