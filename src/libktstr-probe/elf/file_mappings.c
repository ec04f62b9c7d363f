/* SPDX-License-Identifier: BSD-2-Clause */
/* The mappings of files in a process, by file. */
#include "config.h"

#include "elf/file_mappings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAPPINGS_LIMIT (1u << 20) /* vm.max_map_count is 65530 unless it was raised */
#define GROWTH         64         /* and half of what there is */

static int compare_files(const struct file_id *x, const struct file_id *y)
{
#define ORDER(member) ((x->member > y->member) - (x->member < y->member))
	return x->inode != y->inode           ? ORDER(inode)
	       : x->dev_major != y->dev_major ? ORDER(dev_major)
					      : ORDER(dev_minor);
#undef ORDER
}

static size_t larger(size_t room)
{
	return room + room / 2 + GROWTH;
}

static bool make_room(struct file_mappings *mappings)
{
	struct file_mapping *grown;

	if (mappings->count < mappings->room)
		return true;
	grown = reallocarray(mappings->all, larger(mappings->room), sizeof *grown);
	if (!grown)
		return false;
	mappings->all = grown;
	mappings->room = larger(mappings->room);
	return true;
}

static bool make_path_room(struct file_mappings *mappings)
{
	char **grown;

	if (mappings->path_count < mappings->path_room)
		return true;
	grown = reallocarray(mappings->paths, larger(mappings->path_room), sizeof *grown);
	if (!grown)
		return false;
	mappings->paths = grown;
	mappings->path_room = larger(mappings->path_room);
	return true;
}

/* NULL when memory has run out. */
static const char *keep_path(struct file_mappings *mappings, const struct file_id *file,
			     const char *path)
{
	const struct file_mapping *last = mappings->all + mappings->count - 1;

	if (mappings->count && compare_files(&last->file, file) == 0 &&
	    strcmp(last->path, path) == 0)
		return last->path;
	if (!make_path_room(mappings))
		return NULL;
	mappings->paths[mappings->path_count] = strdup(path);
	return mappings->paths[mappings->path_count] ? mappings->paths[mappings->path_count++]
						     : NULL;
}

int file_mappings_add(struct file_mappings *mappings, const struct target_map *map)
{
	const struct file_id file = { map->inode, map->dev_major, map->dev_minor };
	const char *path;

	if (mappings->count >= MAPPINGS_LIMIT)
		return -E2BIG;
	if (!make_room(mappings))
		return -ENOMEM;
	path = keep_path(mappings, &file, map->path);
	if (!path)
		return -ENOMEM;
	mappings->all[mappings->count++] = (struct file_mapping){
		.file = file,
		.start = map->start,
		.end = map->end,
		.offset = map->offset,
		.has_code = map->perms[2] == 'x',
		.is_own_memory = map->perms[1] == 'w' && map->perms[3] == 'p',
		.is_deleted = map->deleted,
		.path = path,
	};
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct file_mapping *x = a, *y = b;
	int files = compare_files(&x->file, &y->file);

	return files ? files : (x->start > y->start) - (x->start < y->start);
}

void file_mappings_sort(struct file_mappings *mappings)
{
	if (mappings->count)
		qsort(mappings->all, mappings->count, sizeof *mappings->all, compare);
}

void file_mappings_free(struct file_mappings *mappings)
{
	for (size_t i = 0; i < mappings->path_count; i++)
		free(mappings->paths[i]);
	free(mappings->paths);
	free(mappings->all);
	*mappings = (struct file_mappings){ .all = NULL };
}

static const struct file_mapping *at_of_file(const struct file_mappings *mappings, size_t at,
					     const struct file_id *file)
{
	const struct file_mapping *found = mappings->all + at;

	return at < mappings->count && compare_files(&found->file, file) == 0 ? found : NULL;
}

const struct file_mapping *file_mappings_from(const struct file_mappings *mappings,
					      const struct file_id *file, uint64_t address)
{
	const struct file_mapping wanted = { .file = *file, .start = address };
	size_t begin = 0, end = mappings->count;

	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;

		if (compare(&mappings->all[middle], &wanted) < 0)
			begin = middle + 1;
		else
			end = middle;
	}
	return at_of_file(mappings, begin, file);
}

const struct file_mapping *file_mappings_next(const struct file_mappings *mappings,
					      const struct file_mapping *mapping)
{
	return at_of_file(mappings, (size_t)(mapping - mappings->all) + 1, &mapping->file);
}

bool file_mappings_are_loaded(const struct file_mappings *mappings, const struct file_id *file,
			      uint64_t low, uint64_t high)
{
	const struct file_mapping *at = file_mappings_from(mappings, file, low);

	for (; at && at->start < high; at = file_mappings_next(mappings, at))
		if (at->has_code || (at->is_own_memory && at->offset && at->start > low))
			return true;
	return false;
}
