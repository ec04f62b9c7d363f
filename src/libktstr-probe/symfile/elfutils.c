/* SPDX-License-Identifier: BSD-2-Clause */
/* elfutils' functions: loaded in the shared library, linked in an archive. */
#include "config.h"

#include "symfile/elfutils.h"

/* Libtool defines PIC for what goes into a shared library. */
#if defined PIC && !defined ELFUTILS_LINKED

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NAME_AND_PLACE(name) { #name, offsetof(struct elfutils, name) },

static const struct {
	const char *name;
	size_t offset;
} functions[] = { ELFUTILS_FUNCTIONS(NAME_AND_PLACE) };

static bool load(struct elfutils *elfutils)
{
	void *handle = dlopen(ELFUTILS_SONAME, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return false;
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		/* libelf's are found, too: libdw needs it. */
		void *function = dlsym(handle, functions[i].name);

		if (!function) {
			dlclose(handle);
			return false;
		}
		memcpy((char *)elfutils + functions[i].offset, &function, sizeof function);
	}
	return true;
}

const struct elfutils *elfutils_load(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct elfutils loaded;
	static bool is_loaded;
	bool success;

	/* What failed is tried again: the process may have been short of descriptors. */
	pthread_mutex_lock(&lock);
	success = is_loaded = is_loaded || load(&loaded);
	pthread_mutex_unlock(&lock);
	return success ? &loaded : NULL;
}

#else

#define LINKED(name) .name = (name),

const struct elfutils *elfutils_load(void)
{
	static const struct elfutils linked = { ELFUTILS_FUNCTIONS(LINKED) };

	return &linked;
}

#endif
