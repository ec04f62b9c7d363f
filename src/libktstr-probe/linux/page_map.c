/* SPDX-License-Identifier: BSD-2-Clause */
/* PAGEMAP_SCAN where the kernel has it, the words of pagemap where not. */
#include "config.h"

#include "linux/page_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REGIONS 512
#define WORDS   8192

/* Documentation/admin-guide/mm/pagemap.rst: bits of a word. */
#define WORD_PRESENT (UINT64_C(1) << 63)
#define WORD_SWAPPED (UINT64_C(1) << 62)

/* include/uapi/linux/fs.h of Linux 6.7, which Debian 12's headers do not have yet. */
#define IS_PRESENT (1U << 3)
#define IS_SWAPPED (1U << 4)
#define IS_PFNZERO (1U << 5)

struct region {
	uint64_t start, end, categories;
};

struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN _IOWR('f', 16, struct scan_arg)

int page_map_open(int task_fd, pid_t tid, struct page_map *map)
{
	struct region region;
	struct scan_arg arg = { .size = sizeof arg, .vec_len = 1, .return_mask = IS_PRESENT };
	char path[32];

	snprintf(path, sizeof path, "%d/pagemap", (int)tid);
	map->fd = openat(task_fd, path, O_RDONLY | O_CLOEXEC);
	if (map->fd < 0)
		return -errno;
	arg.vec = (uint64_t)(uintptr_t)&region;
	map->has_scan = ioctl(map->fd, SCAN, &arg) >= 0; /* of no page */
	return 0;
}

void page_map_close(struct page_map *map)
{
	if (map->fd >= 0)
		close(map->fd);
	map->fd = -1;
}

static int scan(const struct page_map *map, uint64_t start, uint64_t end, page_visit visit,
		void *context)
{
	struct region regions[REGIONS] = { { .start = 0 } }; /* valgrind does not know the call */
	struct scan_arg arg = { .size = sizeof arg,
				.end = end,
				.vec = (uint64_t)(uintptr_t)regions,
				.vec_len = REGIONS,
				.category_anyof_mask = IS_PRESENT | IS_SWAPPED,
				.return_mask = IS_PRESENT | IS_SWAPPED | IS_PFNZERO };

	while (start < end) {
		int count;

		arg.start = start;
		count = ioctl(map->fd, SCAN, &arg);
		if (count < 0)
			return -errno;
		for (int i = 0; i < count && i < REGIONS; i++)
			visit(context, regions[i].start, regions[i].end,
			      regions[i].categories & IS_SWAPPED   ? PAGE_SWAPPED
			      : regions[i].categories & IS_PFNZERO ? PAGE_ZERO
								   : PAGE_PRESENT);
		if (arg.walk_end <= start)
			return -EIO;
		start = arg.walk_end;
	}
	return 0;
}

static int read_words(const struct page_map *map, uint64_t start, uint64_t end, page_visit visit,
		      void *context)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t words[WORDS];

	while (start < end) {
		uint64_t want = (end - start) / page < WORDS ? (end - start) / page : WORDS;
		ssize_t got = pread(map->fd, words, want * sizeof *words,
				    (off_t)(start / page * sizeof *words));

		if (got < 0)
			return -errno;
		if (got == 0)
			return -EIO;
		for (size_t i = 0; i < (size_t)got / sizeof *words; i++) {
			if (words[i] & (WORD_PRESENT | WORD_SWAPPED))
				visit(context, start, start + page,
				      words[i] & WORD_SWAPPED ? PAGE_SWAPPED : PAGE_PRESENT);
			start += page;
		}
	}
	return 0;
}

int page_map_walk(const struct page_map *map, uint64_t start, uint64_t end, page_visit visit,
		  void *context)
{
	return map->has_scan ? scan(map, start, end, visit, context)
			     : read_words(map, start, end, visit, context);
}
