/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux/page_map.h"

#include <cmocka.h>

#define PAGES 2000

struct fixture {
	struct page_map map;
	unsigned char *memory;
	uint64_t page;
	unsigned char seen[PAGES]; /* state + 1, 0: no memory */
};

/* Every third page is written to, of the others every fifth only read. */
static unsigned char expected(size_t i, bool has_scan)
{
	if (i % 3 == 0)
		return PAGE_PRESENT + 1;
	return i % 5 ? 0 : has_scan ? PAGE_ZERO + 1 : PAGE_PRESENT + 1;
}

static void begin(struct fixture *f)
{
	volatile unsigned char sum = 0;
	int task = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	memset(f, 0, sizeof *f);
	f->page = (uint64_t)sysconf(_SC_PAGESIZE);
	f->memory = mmap(NULL, PAGES * f->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	assert_ptr_not_equal(f->memory, MAP_FAILED);
	madvise(f->memory, PAGES * f->page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i++)
		if (i % 3 == 0)
			f->memory[i * f->page] = 1;
		else if (i % 5 == 0)
			sum = (unsigned char)(sum + f->memory[i * f->page]);
	assert_int_equal(page_map_open(task, getpid(), &f->map), 0);
	close(task);
}

static void end(struct fixture *f)
{
	page_map_close(&f->map);
	munmap(f->memory, PAGES * f->page);
}

static void note(void *context, uint64_t start, uint64_t end, enum page_state state)
{
	struct fixture *f = context;
	uint64_t base = (uint64_t)(uintptr_t)f->memory;

	for (; start < end; start += f->page) {
		assert_true(start >= base && start - base < PAGES * f->page);
		assert_int_equal(f->seen[(start - base) / f->page], 0);
		f->seen[(start - base) / f->page] = (unsigned char)(state + 1);
	}
}

static void check(struct fixture *f)
{
	uint64_t base = (uint64_t)(uintptr_t)f->memory;

	memset(f->seen, 0, sizeof f->seen);
	assert_int_equal(page_map_walk(&f->map, base, base + PAGES * f->page, note, f), 0);
	for (size_t i = 0; i < PAGES; i++)
		assert_int_equal(f->seen[i], expected(i, f->map.has_scan));
}

static void pages_that_were_written_to_have_memory(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	check(&f);
	end(&f);
}

static void an_older_kernel_says_the_same_but_for_pages_of_zeros(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.map.has_scan = false;
	check(&f);
	end(&f);
}

static void a_process_that_is_not_there_has_no_map(void **state)
{
	struct page_map map;
	int task = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(page_map_open(task, 999999999, &map), -ENOENT);
	close(task);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_that_were_written_to_have_memory),
		cmocka_unit_test(an_older_kernel_says_the_same_but_for_pages_of_zeros),
		cmocka_unit_test(a_process_that_is_not_there_has_no_map),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
