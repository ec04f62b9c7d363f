/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory of this run for files that the test makes, with a shell and a compiler in it. For
 * tests of files. */
#ifndef KTSTR_TESTS_MADE_DIRECTORY_H
#define KTSTR_TESTS_MADE_DIRECTORY_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[4096];
static int directory_fd = -1;

/* Runs a shell command in the directory. Returns its exit code. */
__attribute__((format(printf, 1, 2))) static inline int run(const char *format, ...)
{
	char command[16384];
	int length = snprintf(command, sizeof command, "cd '%s' && ", directory);
	va_list args;

	va_start(args, format);
	vsnprintf(command + length, sizeof command - (size_t)length, format, args);
	va_end(args);
	return system(command);
}

static inline const char *cc(void)
{
	const char *compiler = getenv("CC");

	return compiler && *compiler ? compiler : "cc";
}

static inline int open_here(const char *name)
{
	return openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
}

static int make_directory(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof directory, "%s/ktstr-files.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return directory_fd < 0;
}

static int remove_directory(void **state)
{
	(void)state;
	close(directory_fd);
	return run("rm -rf '%s'", directory);
}

#endif
