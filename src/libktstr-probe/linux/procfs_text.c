/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of /proc/PID/maps. */
#include "config.h"

#include "linux/procfs_text.h"

#include <errno.h>
#include <string.h>

#include "shared/decimal.h"

static const char deleted_mark[] = " (deleted)";

/* A number in base 16, and the character behind it. Returns NULL when it is not so or too large. */
static const char *hex(const char *text, char behind, uint64_t *value)
{
	const char *at = text;

	for (*value = 0;; at++) {
		unsigned int digit;

		if (*at >= '0' && *at <= '9')
			digit = (unsigned int)(*at - '0');
		else if (*at >= 'a' && *at <= 'f')
			digit = (unsigned int)(*at - 'a') + 10;
		else
			break;
		if (__builtin_mul_overflow(*value, 16u, value))
			return NULL;
		*value += digit;
	}
	return at > text && *at == behind ? at + 1 : NULL;
}

/* proc(5): a newline in a path is shown as \012. */
static void unescape(char *path)
{
	char *out = path;

	for (char *in = path; *in; out++) {
		if (strncmp(in, "\\012", 4) == 0) {
			*out = '\n';
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

void procfs_strip_deleted(struct target_map *map)
{
	size_t length = strlen(map->path);

	map->deleted = length >= sizeof deleted_mark &&
		       strcmp(map->path + length - (sizeof deleted_mark - 1), deleted_mark) == 0;
	if (map->deleted)
		map->path[length - (sizeof deleted_mark - 1)] = '\0';
}

static void take_path(char *path, struct target_map *map)
{
	while (*path == ' ')
		path++;
	map->path = path;
	procfs_strip_deleted(map);
	if (strchr(path, '\\'))
		unescape(path);
}

/* proc_pid_maps(5): start-end perms offset major:minor inode path. */
int procfs_parse_map(char *line, struct target_map *map)
{
	uint64_t dev_major = 0, dev_minor = 0;
	const char *at = hex(line, '-', &map->start);
	const char *end;

	at = at ? hex(at, ' ', &map->end) : NULL;
	if (!at || map->start > map->end || strnlen(at, 5) != 5 || at[4] != ' ')
		return -EBADMSG;
	memcpy(map->perms, at, 4);
	map->perms[4] = '\0';
	at = hex(at + 5, ' ', &map->offset);
	at = at ? hex(at, ':', &dev_major) : NULL;
	at = at ? hex(at, ' ', &dev_minor) : NULL;
	if (!at || dev_major > UINT32_MAX || dev_minor > UINT32_MAX)
		return -EBADMSG;
	map->dev_major = (unsigned int)dev_major;
	map->dev_minor = (unsigned int)dev_minor;
	end = decimal_prefix(at, &map->inode);
	if (!end || (*end && *end != ' '))
		return -EBADMSG;
	take_path(line + (end - line), map);
	return 0;
}
