/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mappings of files in a process. Its threads' stacks stand in maps as well: of 1000 threads
 * that are 2000 lines to be printed and parsed, besides the 20 that count.
 */
#include "config.h"

#include "linux/file_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "linux/procfs.h"
#include "linux/procfs_text.h"

/* vm.max_map_count is 65530 unless it was raised; systems with databases set a million. */
#define QUERIES_LIMIT (1u << 20)
#define MAPS_LIMIT    (256u << 20) /* as many lines of 256 bytes */

/* linux/fs.h of Linux 6.11 and later, under names of our own: older headers do not have them. */
struct map_query {
	uint64_t size, query_flags, query_addr;                                   /* asked */
	uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode; /* answered */
	uint32_t dev_major, dev_minor;
	uint32_t vma_name_size; /* asked: room; answered: length with its NUL, 0 for no name */
	uint32_t build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};

#define MAP_QUERY                  _IOWR('f', 17, struct map_query) /* PROCMAP_QUERY */
#define MAP_QUERY_READABLE         0x01
#define MAP_QUERY_WRITABLE         0x02
#define MAP_QUERY_EXECUTABLE       0x04
#define MAP_QUERY_SHARED           0x08
#define MAP_QUERY_COVERING_OR_NEXT 0x10
#define MAP_QUERY_FILE_BACKED      0x20

static void take_answer(const struct map_query *query, char *name, struct target_map *map)
{
	*map = (struct target_map){
		.start = query->vma_start,
		.end = query->vma_end,
		.offset = query->vma_offset,
		.inode = query->inode,
		.dev_major = query->dev_major,
		.dev_minor = query->dev_minor,
		.perms = { query->vma_flags & MAP_QUERY_READABLE ? 'r' : '-',
			   query->vma_flags & MAP_QUERY_WRITABLE ? 'w' : '-',
			   query->vma_flags & MAP_QUERY_EXECUTABLE ? 'x' : '-',
			   query->vma_flags & MAP_QUERY_SHARED ? 's' : 'p' },
		.path = name,
	};
	procfs_strip_deleted(map);
}

/* The first file's mapping at or behind an address. The name is left out where PATH_MAX does not
 * hold it. */
static int query_map(int fd, uint64_t address, char *name, struct target_map *map)
{
	struct map_query query = {
		.size = sizeof query,
		.query_addr = address,
		.query_flags = MAP_QUERY_COVERING_OR_NEXT | MAP_QUERY_FILE_BACKED,
		.vma_name_size = PATH_MAX,
		.vma_name_addr = (uintptr_t)name,
	};
	int rc = ioctl(fd, MAP_QUERY, &query) ? -errno : 0;

	if (rc == -ENAMETOOLONG) {
		query.vma_name_size = 0;
		query.vma_name_addr = 0;
		rc = ioctl(fd, MAP_QUERY, &query) ? -errno : 0;
	}
	if (rc)
		return rc;
	if (query.vma_name_size == 0 || query.vma_name_size > PATH_MAX)
		name[0] = '\0';
	take_answer(&query, name, map);
	return map->end > address ? 0 : -EBADMSG; /* it would never end */
}

/* -ENOTTY: no queries here. Nothing has been visited then. */
static int walk_queries(int fd, char *name, target_map_visit visit, void *context, bool *unread)
{
	struct target_map map = { .end = 0 };

	for (unsigned int i = 0; i < QUERIES_LIMIT; i++) {
		int rc = query_map(fd, map.end, name, &map);

		if (rc == -ENOENT) /* none is left */
			return 0;
		*unread = rc != 0;
		if (rc)
			return i == 0 && rc != -ESRCH ? -ENOTTY : rc;
		rc = map.inode ? visit(context, &map) : 0;
		if (rc)
			return rc;
	}
	return -E2BIG;
}

static int walk_text(char *text, target_map_visit visit, void *context)
{
	char *rest = text, *line;
	int rc = 0;

	while (rc == 0 && (line = strsep(&rest, "\n"))) {
		struct target_map map;

		if (!*line)
			continue;
		rc = procfs_parse_map(line, &map);
		if (rc == 0 && map.inode)
			rc = visit(context, &map);
	}
	return rc;
}

static int read_text(int fd, target_map_visit visit, void *context, bool *unread)
{
	char *text;
	size_t length;
	int rc = procfs_read_fd(fd, MAPS_LIMIT, &text, &length);

	*unread = rc != 0;
	if (rc)
		return rc;
	rc = walk_text(text, visit, context);
	free(text);
	return rc;
}

int file_maps_walk(int proc_fd, pid_t tid, target_map_visit visit, void *context, bool *unread)
{
	char path[32], *name = calloc(1, PATH_MAX);
	int fd, rc;

	*unread = false;
	if (!name)
		return -ENOMEM;
	snprintf(path, sizeof path, "%d/maps", (int)tid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	rc = fd < 0 ? -errno : walk_queries(fd, name, visit, context, unread);
	if (fd < 0)
		*unread = true;
	else if (rc == -ENOTTY)
		rc = read_text(fd, visit, context, unread);
	if (fd >= 0)
		close(fd);
	free(name);
	return rc;
}
