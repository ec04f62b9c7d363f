/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The texts that the probe and the worker parse; the first byte of the input says which: a line of
 * maps, stat, status, a thread's name, the two command lines.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "linux/procfs_text.h"
#include "output/escape.h"
#include "output/json.h"
#include "probe/options.h"
#include "shared/decimal.h"
#include "shared/proc_stat.h"
#include "shared/proc_status.h"

#define ARGUMENTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_map(char *text)
{
	size_t length = strlen(text);
	struct target_map map;

	if (procfs_parse_map(text, &map) == 0 && (map.path < text || map.path > text + length ||
						  map.start > map.end || strlen(map.perms) != 4))
		abort();
}

static void parse_stat(const char *text, size_t size)
{
	struct task_stat stat;

	if (proc_stat_parse(text, size, &stat) == 0 && !memchr(stat.comm, '\0', sizeof stat.comm))
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
	char again[DECIMAL_SIZE];
	uint64_t bytes;

	if (decimal_parse(text, 0, UINT64_MAX, &bytes))
		return;
	decimal_format(bytes, again);
	while (text[0] == '0' && text[1])
		text++;
	if (strcmp(text, again) != 0)
		abort();
}

/* Both are UTF-8 without controls, and stand on one line. */
static void check_rendered(const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t length = escape_utf8(text + at, size - at);

		if (length == 0 || (unsigned char)text[at] < ' ')
			abort();
		at += length;
	}
}

static void render_name(const char *text)
{
	char line[ESCAPE_SIZE], *string;
	size_t size;
	struct json json = { .out = open_memstream(&string, &size) };

	escape_line(text, line);
	check_rendered(line, strlen(line));
	if (!json.out)
		return;
	json_string(&json, NULL, text);
	fclose(json.out);
	check_rendered(string, size);
	free(string);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proc_status status;
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
		proc_status_parse(text, &status);
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
