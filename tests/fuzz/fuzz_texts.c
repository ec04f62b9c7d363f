/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The texts that the probe and the worker parse; the first byte of the input says which: a line of
 * maps, stat, status, a thread's name, the two command lines. Run by libFuzzer or replay.c.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bytes_arg.h"
#include "linux/procfs_text.h"
#include "output/escape.h"
#include "probe/options.h"

#define ARGUMENTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_map(char *text)
{
	size_t length = strlen(text);
	struct procfs_map map;

	if (procfs_parse_map(text, &map) == 0 && (map.path < text || map.path > text + length ||
						  map.start > map.end || strlen(map.perms) != 4))
		abort();
}

static void parse_stat(const char *text, size_t size)
{
	struct procfs_stat stat;

	if (procfs_parse_stat(text, size, &stat) == 0 && !memchr(stat.comm, '\0', sizeof stat.comm))
		abort();
}

static void parse_options(char *text, size_t size)
{
	char *argv[ARGUMENTS + 2], error[OPTIONS_ERROR_SIZE], program[] = "probe";
	struct options options;
	int argc = 0;

	argv[argc++] = program;
	for (size_t at = 0; at < size && argc <= ARGUMENTS; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	argv[argc] = NULL;
	if (options_parse(argc, argv, &options, error) == 0 && !options.help && !options.version &&
	    (options.pid <= 0 || options.snapshots < 1 || options.snapshots > 100000 ||
	     (options.snapshots > 1) != (options.interval_ms > 0)))
		abort();
}

/* What was read must be what is written again, leading zeros aside. */
static void parse_bytes(const char *text)
{
	char again[BYTES_TEXT_SIZE];
	size_t bytes;

	if (bytes_arg_parse(text, &bytes))
		return;
	bytes_arg_format(bytes, again);
	while (text[0] == '0' && text[1])
		text++;
	if (strcmp(text, again) != 0)
		abort();
}

static void render_name(const char *text)
{
	char rendered[ESCAPE_SIZE];

	escape_json(text, rendered);
	for (size_t at = 0; rendered[at];) {
		size_t length = escape_utf8(rendered + at);

		if (length == 0 || (unsigned char)rendered[at] < ' ')
			abort();
		at += length;
	}
	escape_line(text, rendered);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct procfs_status status;
	char *text;

	if (size == 0 || !(text = malloc(size)))
		return 0;
	memcpy(text, data + 1, size - 1);
	if (data[0] == 's')
		parse_stat(text, size - 1); /* need not end in a NUL */
	text[size - 1] = '\0';
	switch (data[0]) {
	case 'm':
		parse_map(text);
		break;
	case 'S':
		procfs_parse_status(text, &status);
		break;
	case 'o':
		parse_options(text, size);
		break;
	case 'b':
		parse_bytes(text);
		break;
	case 'c':
		render_name(text);
		break;
	}
	free(text);
	return 0;
}
