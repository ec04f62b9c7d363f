/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF files that a process has mapped. */
#include "config.h"

#include "elf/module_list.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPPINGS_LIMIT (1u << 20) /* vm.max_map_count is 65530 unless it was raised */
#define HEADS_PER_READ 64

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

bool module_is_named(const struct module *module, const char *name)
{
	const char *slash = strrchr(module->path, '/');

	return !name || strcmp(name, module->path) == 0 ||
	       strcmp(name, slash ? slash + 1 : module->path) == 0;
}

/* One candidate: a mapping of file offset 0. Whether it is a loaded program shows later. */
static int add_module(struct module_list *list, const struct target_map *map)
{
	struct module *grown;
	char *path;

	if (list->count >= MAPPINGS_LIMIT)
		return -E2BIG;
	if (list->count % 64 == 0) {
		grown = reallocarray(list->modules, list->count + 64, sizeof *grown);
		if (!grown)
			return -ENOMEM;
		list->modules = grown;
	}
	path = strdup(map->path);
	if (!path)
		return -ENOMEM;
	list->modules[list->count++] = (struct module){
		.image = { .start = map->start, .high = map->end },
		.path = path,
		.deleted = map->deleted,
		.dev_major = map->dev_major,
		.dev_minor = map->dev_minor,
		.inode = map->inode,
		.first_end = map->end,
	};
	return 0;
}

struct code_range {
	uint64_t start, inode;
	unsigned int dev_major, dev_minor;
};

/* Sorted by file and then by address once all are there. */
struct code_ranges {
	struct code_range *ranges;
	size_t count;
};

static int add_code(struct code_ranges *code, const struct target_map *map)
{
	if (code->count % 64 == 0) {
		struct code_range *grown =
			reallocarray(code->ranges, code->count + 64, sizeof *grown);

		if (!grown)
			return -ENOMEM;
		code->ranges = grown;
	}
	code->ranges[code->count++] =
		(struct code_range){ map->start, map->inode, map->dev_major, map->dev_minor };
	return 0;
}

struct scan {
	struct module_list *list;
	struct code_ranges code;
};

static int add_map(void *context, const struct target_map *map)
{
	struct scan *scan = context;
	int rc = map->perms[2] == 'x' ? add_code(&scan->code, map) : 0;

	return rc == 0 && map->offset == 0 ? add_module(scan->list, map) : rc;
}

static int compare_code(const void *a, const void *b)
{
	const struct code_range *x = a, *y = b;

#define ORDER(member) ((x->member > y->member) - (x->member < y->member))
	return x->inode != y->inode           ? ORDER(inode)
	       : x->dev_major != y->dev_major ? ORDER(dev_major)
	       : x->dev_minor != y->dev_minor ? ORDER(dev_minor)
					      : ORDER(start);
#undef ORDER
}

/* Is code of the module's file mapped in [low, high)? */
static bool has_code(const struct module *module, const struct code_ranges *code, uint64_t low,
		     uint64_t high)
{
	const struct code_range wanted = { low, module->inode, module->dev_major,
					   module->dev_minor };
	size_t begin = 0, end = code->count;
	const struct code_range *found;

	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;

		if (compare_code(&code->ranges[middle], &wanted) < 0)
			begin = middle + 1;
		else
			end = middle;
	}
	found = &code->ranges[begin];
	return begin < code->count && found->inode == wanted.inode &&
	       found->dev_major == wanted.dev_major && found->dev_minor == wanted.dev_minor &&
	       found->start < high;
}

static void drop(struct module *module)
{
	free(module->path);
	module->path = NULL;
}

/* Reads the heads of up to HEADS_PER_READ modules in one call, and drops those that are no
 * programs. */
static int parse_heads(struct target *target, struct module_list *list, size_t at,
		       const struct code_ranges *code)
{
	size_t count = list->count - at < HEADS_PER_READ ? list->count - at : HEADS_PER_READ;
	struct module *modules = list->modules + at;
	unsigned char(*heads)[ELF_IMAGE_HEAD_SIZE] = malloc(count * sizeof *heads);
	struct target_range ranges[HEADS_PER_READ];
	int rc;

	if (!heads)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		ranges[i] = (struct target_range){ .address = modules[i].image.start,
						   .buffer = heads[i],
						   .size = ELF_IMAGE_HEAD_SIZE };
	rc = target_read(target, ranges, count);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct module *module = &modules[i];

		if (ranges[i].error)
			module_list_note_unread(list, module, "its memory cannot be read: %s",
						strerror(-ranges[i].error));
		if (ranges[i].error ||
		    elf_image_parse(heads[i], sizeof heads[i], module->image.start,
				    &module->image) ||
		    (!module->is_executable &&
		     !has_code(module, code, module->image.low, module->image.high)))
			drop(module);
		module->image.target = target;
	}
	free(heads);
	return rc;
}

static void leave_out_dropped(struct module_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->modules[i].path)
			list->modules[kept++] = list->modules[i];
	list->count = kept;
}

/*
 * Before any is looked into: a file that is merely mapped to be read (symbolisers do that, and
 * thousands of them may be data) has no code. The main program is where the kernel says its headers
 * are, wherever its code has gone to: some move it to huge pages. ld.so run by hand counts as the
 * main program, and what it loads as a library without static TLS: that is refused later.
 */
static void leave_out_data(struct module_list *list, struct code_ranges *code, uint64_t headers)
{
	size_t kept = 0;

	if (code->count)
		qsort(code->ranges, code->count, sizeof *code->ranges, compare_code);
	for (size_t i = 0; i < list->count; i++) {
		struct module module = list->modules[i];

		module.is_executable = headers >= module.image.start && headers < module.first_end;
		if (module.is_executable || has_code(&module, code, 0, UINT64_MAX))
			list->modules[kept++] = module;
		else
			free(module.path);
	}
	list->count = kept;
}

static void executable_first(struct module_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct module module = list->modules[i];

		if (!module.is_executable)
			continue;
		memmove(list->modules + 1, list->modules, i * sizeof module);
		list->modules[0] = module;
		return;
	}
}

int module_list_read(struct target *target, struct module_list *list, bool *maps_failed)
{
	struct scan scan = { .list = list };
	uint64_t headers;
	int rc;

	*list = (struct module_list){ .modules = NULL };
	rc = target_walk_maps(target, add_map, &scan, maps_failed);
	if (rc == 0)
		rc = target_read_auxv(target, AT_PHDR, &headers);
	if (rc == 0)
		leave_out_data(list, &scan.code, headers);
	for (size_t at = 0; rc == 0 && at < list->count; at += HEADS_PER_READ)
		rc = parse_heads(target, list, at, &scan.code);
	if (rc == 0) {
		leave_out_dropped(list);
		executable_first(list);
	}
	free(scan.code.ranges);
	if (rc)
		module_list_free(list);
	return rc;
}

void module_list_free(struct module_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->modules[i].path);
	free(list->modules);
	*list = (struct module_list){ .modules = NULL };
}
