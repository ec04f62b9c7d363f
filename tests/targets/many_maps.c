/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A jemalloc process with as many or as odd mappings as one likes.
 *
 *	many_maps [vmas COUNT | file COUNT PATH | data COUNT PATH | moved | other PATH | others PATH... |
 *		   held | moved-code NAME | moved-head NAME | moved-both NAME]
 *
 * "vmas" makes COUNT anonymous mappings, "file" maps the file COUNT times, whole, readable and
 * executable, as if each were a loaded library, "data" to be read alone. "moved" moves the
 * program's code to anonymous memory, as some do for huge pages; "moved-…" that of the library
 * whose path contains NAME ("" is the program), its first segment with the headers, or both;
 * "other" opens a library in a namespace of its own, and allocates with that one's malloc, "others"
 * several; "held" maps a page as if it were a library, and whoever reads it waits for ever. With
 * -DNO_JEMALLOC the program has none of its own, and its figures are 0. With -DBIG_TLS=SIZE the
 * program has a TLS image of that many bytes. Then "thread TID ALLOCATED DEALLOCATED" of mallctl
 * and "parked" on stdout; it ends with its stdin.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef BIG_TLS
static __thread volatile char big[BIG_TLS] = { 1 };
#endif

#ifdef NO_JEMALLOC
#define mallctl(name, old, size, new, new_size) ((void)(name), (void)(size), 0)
#else
extern int mallctl(const char *, void *, size_t *, void *, size_t);
#endif

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

/* Neighbours that differ are not merged. */
static void make_vmas(size_t count)
{
	char *area = mmap(NULL, count * 4096, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (area == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < count; i += 2)
		if (mprotect(area + i * 4096, 4096, PROT_READ))
			die("mprotect");
}

static void map_file(size_t count, const char *path, int protection)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die(path);
	for (size_t i = 0; i < count; i++)
		if (mmap(NULL, (size_t)st.st_size, protection, MAP_PRIVATE, fd, 0) == MAP_FAILED)
			die("mmap");
	close(fd);
}

/* What is to be moved to a copy, which then takes its place. */
struct wanted {
	const char *name;
	bool code, head;
};

static void move_segment(uintptr_t start, uintptr_t end, int protection)
{
	void *copy =
		mmap(NULL, end - start, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (copy == MAP_FAILED)
		die("mmap");
	memcpy(copy, (void *)start, end - start);
	if (mprotect(copy, end - start, protection) ||
	    mremap(copy, end - start, end - start, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)start) ==
		    MAP_FAILED)
		die("mremap");
}

static int move_module(struct dl_phdr_info *info, size_t size, void *argument)
{
	const struct wanted *wanted = argument;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	ElfW(Phdr) phdrs[64];
	size_t count = info->dlpi_phnum < 64 ? info->dlpi_phnum : 64;

	(void)size;
	if (!strstr(info->dlpi_name, wanted->name))
		return 0;
	memcpy(phdrs, info->dlpi_phdr, count * sizeof *phdrs);
	for (size_t i = 0; i < count; i++) {
		uintptr_t start = info->dlpi_addr + phdrs[i].p_vaddr;
		uintptr_t end = start + phdrs[i].p_memsz;
		bool is_code = phdrs[i].p_flags & PF_X, is_head = phdrs[i].p_offset == 0;

		if (phdrs[i].p_type == PT_LOAD &&
		    ((wanted->code && is_code) || (wanted->head && is_head)))
			move_segment(start & ~(page - 1), (end + page - 1) & ~(page - 1),
				     is_code ? PROT_READ | PROT_EXEC : PROT_READ);
	}
	return 1; /* the first of that name: the program for "" */
}

static void move(const char *what, const char *name)
{
	struct wanted wanted = { .name = name,
				 .code = strcmp(what, "moved-head") != 0,
				 .head = strcmp(what, "moved-head") == 0 ||
					 strcmp(what, "moved-both") == 0 };

	if (dl_iterate_phdr(move_module, &wanted) != 1)
		die("no such library");
}

static void use_other(const char *path)
{
	void *library = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
	void *(*allocate)(size_t);

	if (!library)
		die(dlerror());
	*(void **)&allocate = dlsym(library, "malloc");
	if (!allocate || !allocate(777777))
		die("malloc");
}

/* Nobody answers: userfaultfd(2). */
static void hold_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC),
	    fd = memfd_create("held", MFD_CLOEXEC);
	char *page = fd >= 0 && ftruncate(fd, 4096) == 0
			     ? mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0)
			     : MAP_FAILED;
	struct uffdio_register range = { .range = { (uintptr_t)page, 4096 },
					 .mode = UFFDIO_REGISTER_MODE_MISSING };

	if (faults < 0 || page == MAP_FAILED || ioctl(faults, UFFDIO_API, &api) ||
	    ioctl(faults, UFFDIO_REGISTER, &range))
		die("userfaultfd");
}

static uint64_t figure(const char *name)
{
	uint64_t value = 0;
	size_t size = sizeof value;

	if (mallctl(name, &value, &size, NULL, 0))
		die(name);
	return value;
}

int main(int argc, char **argv)
{
	char line[96], byte;
	void *volatile kept;
	uint64_t allocated;
	int length;

	kept = malloc(1000);
	free(kept);
	if (argc == 3 && strcmp(argv[1], "vmas") == 0)
		make_vmas(strtoul(argv[2], NULL, 10));
	if (argc == 4 && strcmp(argv[1], "file") == 0)
		map_file(strtoul(argv[2], NULL, 10), argv[3], PROT_READ | PROT_EXEC);
	if (argc == 4 && strcmp(argv[1], "data") == 0)
		map_file(strtoul(argv[2], NULL, 10), argv[3], PROT_READ);
	if (argc >= 2 && strncmp(argv[1], "moved", 5) == 0)
		move(argv[1], argc == 3 ? argv[2] : "");
	if (argc == 3 && strcmp(argv[1], "other") == 0)
		use_other(argv[2]);
	for (int i = 2; i < argc && strcmp(argv[1], "others") == 0; i++)
		use_other(argv[i]);
	if (argc == 2 && strcmp(argv[1], "held") == 0)
		hold_page();
#ifdef BIG_TLS
	big[BIG_TLS - 1]++;
#endif
	allocated = figure("thread.allocated");
	length = snprintf(line, sizeof line, "thread %d %" PRIu64 " %" PRIu64 "\nparked\n",
			  (int)getpid(), allocated, figure("thread.deallocated"));
	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		die("write");
	return read(STDIN_FILENO, &byte, 1) < 0;
}
