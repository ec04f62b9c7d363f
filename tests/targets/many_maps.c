/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A jemalloc process with as many or as odd mappings as one likes. Run by tests/program/probe_hostile.t.
 *
 *	many_maps [vmas COUNT | file COUNT PATH]
 *
 * "vmas" makes COUNT anonymous mappings, "file" maps the file COUNT times, whole, readable and
 * executable, as if each were a loaded library. Then "thread TID ALLOCATED DEALLOCATED" of mallctl and "parked"
 * on stdout; it ends with its stdin.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern int mallctl(const char *, void *, size_t *, void *, size_t);

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

/* Neighbours that differ are not merged. */
static void make_vmas(size_t count)
{
	char *area = mmap(NULL, count * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (area == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < count; i += 2)
		if (mprotect(area + i * 4096, 4096, PROT_READ))
			die("mprotect");
}

static void map_file(size_t count, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die(path);
	for (size_t i = 0; i < count; i++)
		if (mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
			die("mmap");
	close(fd);
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
		map_file(strtoul(argv[2], NULL, 10), argv[3]);
	allocated = figure("thread.allocated");
	length = snprintf(line, sizeof line, "thread %d %" PRIu64 " %" PRIu64 "\nparked\n", (int)getpid(), allocated,
			  figure("thread.deallocated"));
	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		die("write");
	return read(STDIN_FILENO, &byte, 1) < 0;
}
