/* SPDX-License-Identifier: BSD-2-Clause */
/* ktstr-heap's subcommands, each a file, and what they share. */
#ifndef KTSTR_TOOL_HEAP_H
#define KTSTR_TOOL_HEAP_H

enum {
	EXIT_READ = 0,
	EXIT_NOTHING_READ = 1,
	EXIT_USAGE = 2,
};

/* argv[0] is the subcommand's name. Each returns the exit code. */
int heap_capture(int argc, char **argv);
int heap_show(int argc, char **argv);

extern const char heap_capture_usage[], heap_show_usage[];

#endif
