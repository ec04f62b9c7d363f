/* SPDX-License-Identifier: BSD-2-Clause */
/* The same mappings by queries and by the text of maps. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/file_maps.h"
#include "linux/procfs.h"

#define ROOM 512

struct seen {
	struct target_map maps[ROOM];
	size_t count, stop_at;
};

static char root[4096];
static int proc_fd, root_fd;

static int see(void *context, const struct target_map *map)
{
	struct seen *seen = context;

	assert_true(seen->count < ROOM);
	seen->maps[seen->count] = *map;
	seen->maps[seen->count].path = strdup(map->path);
	assert_non_null(seen->maps[seen->count].path);
	return ++seen->count == seen->stop_at ? -EDOM : 0;
}

static void forget(struct seen *seen)
{
	while (seen->count)
		free(seen->maps[--seen->count].path);
}

/* What the kernel prints now, where a directory that looks like /proc has it: no file there answers
 * queries. */
static void copy_maps(const char *text, size_t length)
{
	int fd = openat(root_fd, "7/maps", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, length), (ssize_t)length);
	close(fd);
}

static void *map_file(const char *name, off_t offset, int protection)
{
	int fd = openat(root_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0700);
	void *mapped;

	assert_int_equal(ftruncate(fd, 3 * 4096), 0);
	mapped = mmap(NULL, 4096, protection, MAP_PRIVATE, fd, offset);
	close(fd);
	return mapped;
}

static void a_query_and_the_text_tell_the_same(void **state)
{
	static struct seen queried, read;
	void *mapped[] = {
		map_file("with space", 4096, PROT_READ),
		map_file("new\nline", 0, PROT_READ | PROT_WRITE),
		map_file("gone", 8192, PROT_READ | PROT_WRITE),
		map_file("named (deleted)", 0, PROT_NONE),
		mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	};
	char *text;
	size_t length;
	bool unread;
	int deleted = 0, newline = 0;

	(void)state;
	assert_int_equal(unlinkat(root_fd, "gone", 0), 0);
	assert_int_equal(file_maps_walk(proc_fd, getpid(), see, &queried, &unread), 0);
	assert_false(unread);
	assert_int_equal(procfs_read_file(proc_fd, "self/maps", 1 << 24, &text, &length), 0);
	copy_maps(text, length);
	free(text);
	assert_int_equal(file_maps_walk(root_fd, 7, see, &read, &unread), 0);
	assert_false(unread);
	assert_int_equal(queried.count, read.count);
	for (size_t i = 0; i < read.count; i++) {
		const struct target_map *a = &queried.maps[i], *b = &read.maps[i];

		assert_true(a->start == b->start && a->end == b->end && a->offset == b->offset &&
			    a->inode == b->inode && a->dev_major == b->dev_major &&
			    a->dev_minor == b->dev_minor && a->deleted == b->deleted);
		assert_string_equal(a->perms, b->perms);
		assert_string_equal(a->path, b->path);
		deleted += strncmp(a->path, root, strlen(root)) == 0 && a->deleted;
		newline += strstr(a->path, "new\nline") != NULL;
	}
	assert_int_equal(deleted,
			 2); /* in maps, too, a name that ends so looks like a file that is gone */
	assert_int_equal(newline, 1);
	for (size_t i = 0; i < sizeof mapped / sizeof *mapped; i++)
		munmap(mapped[i], 4096);
	forget(&queried);
	forget(&read);
}

static void a_visitor_ends_the_walk(void **state)
{
	static struct seen seen;
	bool unread;

	(void)state;
	seen.stop_at = 2;
	assert_int_equal(file_maps_walk(proc_fd, getpid(), see, &seen, &unread), -EDOM);
	assert_int_equal(seen.count, 2);
	assert_false(unread);
	forget(&seen);
}

static void maps_that_cannot_be_read_are_told(void **state)
{
	static const char broken[] =
		"1000-2000 r--p 00000000 00:01 7 /first\n3000-2000 r--p 0 00:01 7 /second\n";
	static struct seen seen;
	bool unread;

	(void)state;
	assert_int_equal(file_maps_walk(root_fd, 8, see, &seen, &unread), -ENOENT);
	assert_true(unread);
	copy_maps(broken, sizeof broken - 1);
	assert_int_equal(file_maps_walk(root_fd, 7, see, &seen, &unread), -EBADMSG);
	assert_int_equal(seen.count, 1);
	forget(&seen);
}

static int make_root(void **state)
{
	(void)state;
	proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(root, sizeof root, "%s/ktstr-file-maps-XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (proc_fd < 0 || !mkdtemp(root))
		return -1;
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0 ? -1 : mkdirat(root_fd, "7", 0700);
}

static int remove_root(void **state)
{
	static const char *const names[] = { "7/maps", "with space", "new\nline",
					     "named (deleted)" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlinkat(root_fd, names[i], 0);
	unlinkat(root_fd, "7", AT_REMOVEDIR);
	close(root_fd);
	close(proc_fd);
	return rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_and_the_text_tell_the_same),
		cmocka_unit_test(a_visitor_ends_the_walk),
		cmocka_unit_test(maps_that_cannot_be_read_are_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_root, remove_root);
}
