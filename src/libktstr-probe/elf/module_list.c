/* SPDX-License-Identifier: BSD-2-Clause */
/* A list of modules. */
#include "config.h"

#include "elf/module_list.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void module_list_note_unread(struct module_list *list, const struct module *module,
			     const char *format, ...)
{
	va_list args;
	int length;

	if (*list->unread)
		return;
	length = snprintf(list->unread, sizeof list->unread, "%.200s: ", module->path);
	va_start(args, format);
	vsnprintf(list->unread + length, sizeof list->unread - (size_t)length, format, args);
	va_end(args);
}

static bool covers(const struct module *module, const char *digits)
{
	uint64_t address = 0;

	if (digits[0] != '0' || (digits[1] != 'x' && digits[1] != 'X') || !digits[2])
		return false;
	for (const char *at = digits + 2; *at; at++) {
		if (!isxdigit((unsigned char)*at) || address >> 60)
			return false;
		address =
			address * 16 + (uint64_t)(*at <= '9' ? *at - '0' : (*at | 0x20) - 'a' + 10);
	}
	return address == module->image.start ||
	       (address >= module->image.low && address < module->image.high);
}

bool module_is_named(const struct module *module, const char *name)
{
	const char *slash = strrchr(module->path, '/');

	return !name || strcmp(name, module->path) == 0 ||
	       strcmp(name, slash ? slash + 1 : module->path) == 0 || covers(module, name);
}

int module_list_add(struct module_list *list, const struct module *module)
{
	struct module *added;

	if (list->count == list->room) {
		size_t room = list->room + list->room / 2 + 64;
		struct module *grown = reallocarray(list->modules, room, sizeof *grown);

		if (!grown)
			return -ENOMEM;
		list->modules = grown;
		list->room = room;
	}
	added = &list->modules[list->count];
	*added = *module;
	added->path = strdup(module->path);
	if (!added->path)
		return -ENOMEM;
	list->count++;
	return 0;
}

static int compare_starts(const void *a, const void *b)
{
	const struct module *x = a, *y = b;

	return (x->image.start > y->image.start) - (x->image.start < y->image.start);
}

void module_list_sort(struct module_list *list)
{
	if (list->count)
		qsort(list->modules, list->count, sizeof *list->modules, compare_starts);
}

void module_list_free(struct module_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->modules[i].path);
	free(list->modules);
	*list = (struct module_list){ .modules = NULL };
}
