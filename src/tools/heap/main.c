/* SPDX-License-Identifier: BSD-2-Clause */
/* ktstr-heap: which subcommand. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "src/tools/heap/heap.h"

static const struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage, *summary;
} subcommands[] = {
	{ "show", heap_show, heap_show_usage, "where a process's memory is, and who holds it" },
	{ "capture", heap_capture, heap_capture_usage,
	  "what every thread has allocated, to a file" },
};

#define SUBCOMMANDS (sizeof subcommands / sizeof *subcommands)

static const struct subcommand *find(const char *name)
{
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		if (strcmp(subcommands[i].name, name) == 0)
			return &subcommands[i];
	return NULL;
}

static void print_usage(void)
{
	fputs("Usage: ktstr-heap SUBCOMMAND [OPTION]... [ARGUMENT]...\n"
	      "Examine the jemalloc heap of running processes, without stopping them.\n\n",
	      stdout);
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		printf("  %-20s  %s\n", subcommands[i].name, subcommands[i].summary);
	fputs("  help [SUBCOMMAND]     show this text, or the subcommand's\n"
	      "      --help            show this text and exit\n"
	      "      --version         show the version and exit\n",
	      stdout);
}

static int finish(void)
{
	return fflush(stdout) || ferror(stdout) ? EXIT_NOTHING_READ : EXIT_READ;
}

static int usage_error(const char *what, const char *word)
{
	fprintf(stderr, "ktstr-heap: %s%s\nTry 'ktstr-heap help'.\n", what, word);
	return EXIT_USAGE;
}

static int help(int argc, char **argv)
{
	const struct subcommand *subcommand = argc > 1 ? find(argv[1]) : NULL;

	if (argc > 2)
		return usage_error("help takes one subcommand", "");
	if (argc > 1 && !subcommand)
		return usage_error("no such subcommand: ", argv[1]);
	if (subcommand)
		fputs(subcommand->usage, stdout);
	else
		print_usage();
	return finish();
}

int main(int argc, char **argv)
{
	const struct subcommand *subcommand;

	if (argc < 2)
		return usage_error("a subcommand is missing", "");
	if (strcmp(argv[1], "help") == 0)
		return help(argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") == 0) {
		print_usage();
		return finish();
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("ktstr-heap (" PACKAGE_NAME ") " PACKAGE_VERSION);
		return finish();
	}
	subcommand = find(argv[1]);
	if (!subcommand)
		return usage_error("no such subcommand: ", argv[1]);
	return subcommand->run(argc - 1, argv + 1);
}
