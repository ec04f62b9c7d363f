/* SPDX-License-Identifier: BSD-2-Clause */
/* How many descriptors this process has open, and one for the look. For tests that none is left
 * behind. */
#ifndef KTSTR_TESTS_OPEN_FILES_H
#define KTSTR_TESTS_OPEN_FILES_H

#include <dirent.h>
#include <stddef.h>

static inline int open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

#endif
