/* SPDX-License-Identifier: BSD-2-Clause */
/* A folder of this run for files that the test makes, with a shell and a compiler in it. For tests
 * of files. */
#ifndef KTSTR_TESTS_MADE_FOLDER_H
#define KTSTR_TESTS_MADE_FOLDER_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[4096];
static int folder_fd = -1;

/* Runs a shell command in the folder. Returns its exit code. */
__attribute__((format(printf, 1, 2))) static inline int run(const char *format, ...)
{
	char command[16384];
	int length = snprintf(command, sizeof command, "cd '%s' && ", folder);
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
	return openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
}

static int make_folder(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof folder, "%s/ktstr-files.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		return -1;
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder_fd < 0;
}

static int remove_folder(void **state)
{
	(void)state;
	close(folder_fd);
	return run("rm -rf '%s'", folder);
}

#endif
