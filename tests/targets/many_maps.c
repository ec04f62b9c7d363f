/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A jemalloc process with as many or as odd mappings as one likes. Run by
 *tests/program/probe_hostile.t and probe_symbols.t and probe_choice.t.
 *
 *	many_maps [vmas COUNT | file COUNT PATH | data COUNT PATH | moved | other PATH | held]
 *
 * "vmas" makes COUNT anonymous mappings, "file" maps the file COUNT times, whole, readable and
 * executable, as if each were a loaded library, "data" to be read alone. "moved" moves the
 *program's code to anonymous memory, as some do for huge pages; "other" opens a library in a
 *namespace of its own, and allocates with that one's malloc; "held" maps a page as if it were a
 *library, and whoever reads it waits for ever. With -DBIG_TLS=SIZE the program has a TLS image of
 *that many bytes. Then "thread TID ALLOCATED DEALLOCATED" of mallctl and "parked" on stdout; it
 *ends with its stdin.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <linux/userfaultfd.h>
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

extern int mallctl(const char *, void *, size_t *, void *, size_t);

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

/* Its own program header that can be executed: to a copy, which then takes its place. */
static int move_code(struct dl_phdr_info *info, size_t size, void *unused)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)unused;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t start = (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr) & ~(page - 1);
		uintptr_t end = (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
				 info->dlpi_phdr[i].p_memsz + page - 1) &
				~(page - 1);
		void *copy;

		if (info->dlpi_phdr[i].p_type != PT_LOAD || !(info->dlpi_phdr[i].p_flags & PF_X))
			continue;
		copy = mmap(NULL, end - start, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
		if (copy == MAP_FAILED)
			die("mmap");
		memcpy(copy, (void *)start, end - start);
		if (mprotect(copy, end - start, PROT_READ | PROT_EXEC) ||
		    mremap(copy, end - start, end - start, MREMAP_MAYMOVE | MREMAP_FIXED,
			   (void *)start) == MAP_FAILED)
			die("mremap");
	}
	return 1; /* the first is the program */
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
	uint64_t allocated;
	int length;

	free(malloc(1000));
	if (argc == 3 && strcmp(argv[1], "vmas") == 0)
		make_vmas(strtoul(argv[2], NULL, 10));
	if (argc == 4 && strcmp(argv[1], "file") == 0)
		map_file(strtoul(argv[2], NULL, 10), argv[3], PROT_READ | PROT_EXEC);
	if (argc == 4 && strcmp(argv[1], "data") == 0)
		map_file(strtoul(argv[2], NULL, 10), argv[3], PROT_READ);
	if (argc == 2 && strcmp(argv[1], "moved") == 0)
		dl_iterate_phdr(move_code, NULL);
	if (argc == 3 && strcmp(argv[1], "other") == 0)
		use_other(argv[2]);
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
