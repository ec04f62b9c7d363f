/* SPDX-License-Identifier: BSD-2-Clause */
/* Which C library a process has. */
#include "config.h"

#include "elf/libc_kind.h"

#include <string.h>

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool begins(const char *text, const char *begin)
{
	return strncmp(text, begin, strlen(begin)) == 0;
}

/* Up to 2.33 glibc's file had its version in its name, and libc.so.6 was a link to it. */
static bool is_glibc_name(const char *name)
{
	return strcmp(name, "libc.so.6") == 0 || begins(name, "libc-2.");
}

bool libc_kind_is_libc(const struct module *module)
{
	const char *name = last_part(module->path);

	return begins(name, "libc.so") || is_glibc_name(name);
}

/* musl's C library and its dynamic linker are one file, under either name. */
static bool is_named_libc(const struct module *module)
{
	return libc_kind_is_libc(module) || begins(last_part(module->path), "ld-musl-");
}

/* The third stage of musl's dynamic linker is __dls3 (ldso/dynlink.c). */
static enum libc_kind kind_by_symbols(const struct module *module)
{
	static const char *const of_musl[] = { "__dls3", "__tls_get_addr", "__libc_start_main" };
	static const unsigned int all_of_musl = (1u << sizeof of_musl / sizeof *of_musl) - 1;
	enum libc_kind kind = LIBC_UNKNOWN;
	struct elf_dynamic dynamic;
	unsigned int found = 0;

	if (elf_image_dynamic(&module->image, &dynamic))
		return LIBC_UNKNOWN; /* a damaged file shows nothing */
	for (size_t s = 1; kind == LIBC_UNKNOWN && s < dynamic.symbol_count; s++) {
		const char *name = elf_dynamic_name(&dynamic, s);

		if (dynamic.symbols[s].st_shndx == SHN_UNDEF)
			continue;
		for (size_t i = 0; i < sizeof of_musl / sizeof *of_musl; i++)
			if (strcmp(name, of_musl[i]) == 0)
				found |= 1u << i;
		if (strcmp(name, "gnu_get_libc_version") == 0)
			kind = LIBC_GLIBC;
		else if (found == all_of_musl)
			kind = LIBC_MUSL;
	}
	elf_dynamic_free(&dynamic);
	return kind;
}

enum libc_kind libc_kind_find(const struct module_list *list)
{
	enum libc_kind kind = LIBC_UNKNOWN;

	for (size_t i = 0; i < list->count; i++)
		if (is_glibc_name(last_part(list->modules[i].path)))
			return LIBC_GLIBC;
	/* Those that are named like one first: the tables of the others may be large. */
	for (int named = 1; kind == LIBC_UNKNOWN && named >= 0; named--)
		for (size_t i = 0; kind == LIBC_UNKNOWN && i < list->count; i++) {
			const struct module *module = &list->modules[i];

			if (is_named_libc(module) == (bool)named &&
			    (named || !module->is_executable))
				kind = kind_by_symbols(module);
		}
	return kind;
}
