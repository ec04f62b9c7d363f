/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of ktstr-heap show: parsed strictly, checked whole. */
#include "config.h"

#include "src/tools/heap/show_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "shared/decimal.h"

#define TOP_DEFAULT 10
#define TOP_LIMIT   1000000
#define WATCH_LIMIT 86400

const char heap_show_usage[] =
	"Usage: ktstr-heap show [OPTION]... PID|NAME...\n"
	"Show where the memory of running processes with jemalloc is, and who holds it.\n"
	"\n"
	"      --arenas          a table of the arenas\n"
	"      --threads         a table of the threads\n"
	"      --classes         a table of the size classes\n"
	"      --options         jemalloc's options in force\n"
	"      --sort KEY        tables by id, allocated, active, dirty, retained,\n"
	"                        cached, live or unused\n"
	"      --top N           so many rows of each table (default 10)\n"
	"      --bytes           numbers of bytes without units\n"
	"      --json            print JSON, as malloc_stats_print does, instead of text\n"
	"      --watch SECS      read again and again, with the change since the first\n"
	"                        reading\n"
	"      --explain         show on stderr how the numbers were found\n"
	"      --jemalloc WHICH  with several jemallocs, read the one of this path or\n"
	"                        address\n"
	"      --help            show this text and exit\n"
	"\n"
	"Exit status: 0 when at least one process was read, 1 when none was, 2 for a\n"
	"usage error.\n";

enum {
	OPTION_ARENAS = 256,
	OPTION_THREADS,
	OPTION_CLASSES,
	OPTION_OPTIONS,
	OPTION_SORT,
	OPTION_TOP,
	OPTION_BYTES,
	OPTION_JSON,
	OPTION_WATCH,
	OPTION_EXPLAIN,
	OPTION_JEMALLOC,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "arenas", no_argument, NULL, OPTION_ARENAS },
	{ "threads", no_argument, NULL, OPTION_THREADS },
	{ "classes", no_argument, NULL, OPTION_CLASSES },
	{ "options", no_argument, NULL, OPTION_OPTIONS },
	{ "sort", required_argument, NULL, OPTION_SORT },
	{ "top", required_argument, NULL, OPTION_TOP },
	{ "bytes", no_argument, NULL, OPTION_BYTES },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "watch", required_argument, NULL, OPTION_WATCH },
	{ "explain", no_argument, NULL, OPTION_EXPLAIN },
	{ "jemalloc", required_argument, NULL, OPTION_JEMALLOC },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static const struct {
	const char *word;
	enum show_sort sort;
} sort_words[] = {
	{ "id", SHOW_SORT_ID },
	{ "allocated", SHOW_SORT_ALLOCATED },
	{ "active", SHOW_SORT_ACTIVE },
	{ "dirty", SHOW_SORT_DIRTY },
	{ "retained", SHOW_SORT_RETAINED },
	{ "cached", SHOW_SORT_CACHED },
	{ "live", SHOW_SORT_LIVE },
	{ "unused", SHOW_SORT_UNUSED },
};

static int number_option(const char *name, uint64_t max, unsigned int *result, char *error)
{
	uint64_t number;

	if (decimal_parse(optarg, 1, max, &number)) {
		snprintf(error, SHOW_ERROR_SIZE, "--%s: '%s' is not a whole number from 1 to %llu",
			 name, optarg, (unsigned long long)max);
		return -EINVAL;
	}
	*result = (unsigned int)number;
	return 0;
}

static int sort_option(struct show_options *options, char *error)
{
	for (size_t i = 0; i < sizeof sort_words / sizeof *sort_words; i++)
		if (strcmp(sort_words[i].word, optarg) == 0) {
			options->sort = sort_words[i].sort;
			return 0;
		}
	snprintf(error, SHOW_ERROR_SIZE, "--sort: '%s' is no key", optarg);
	return -EINVAL;
}

static int take_option(int option, struct show_options *options, char *error)
{
	switch (option) {
	case OPTION_ARENAS:
		options->arenas = true;
		return 0;
	case OPTION_THREADS:
		options->threads = true;
		return 0;
	case OPTION_CLASSES:
		options->classes = true;
		return 0;
	case OPTION_OPTIONS:
		options->options = true;
		return 0;
	case OPTION_SORT:
		return sort_option(options, error);
	case OPTION_TOP:
		return number_option("top", TOP_LIMIT, &options->top, error);
	case OPTION_BYTES:
		options->bytes = true;
		return 0;
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_WATCH:
		return number_option("watch", WATCH_LIMIT, &options->watch_sec, error);
	case OPTION_EXPLAIN:
		options->explain = true;
		return 0;
	case OPTION_JEMALLOC:
		options->probe.jemalloc_path = optarg;
		return 0;
	case OPTION_HELP:
		options->help = true;
		return 0;
	default:
		return -EINVAL;
	}
}

int show_options_parse(int argc, char **argv, struct show_options *options,
		       char error[SHOW_ERROR_SIZE])
{
	int option, rc = 0;

	*options = (struct show_options){ .top = TOP_DEFAULT, .probe = KTSTR_PROBE_OPTIONS_INIT };
	opterr = 0;
	optind = 1;
	while (rc == 0 && (option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (option == '?' || option == ':') {
			snprintf(error, SHOW_ERROR_SIZE,
				 option == ':' ? "%s needs a value" : "%s is no option",
				 argv[optind - 1]);
			return -EINVAL;
		}
		rc = take_option(option, options, error);
	}
	if (rc || options->help)
		return rc;
	options->targets = argv + optind;
	options->target_count = (size_t)(argc - optind);
	if (options->target_count == 0) {
		snprintf(error, SHOW_ERROR_SIZE, "a PID or a name is missing");
		return -EINVAL;
	}
	if (options->json && (options->arenas || options->threads || options->classes ||
			      options->options || options->bytes)) {
		snprintf(error, SHOW_ERROR_SIZE, "--json has everything: no tables, no --bytes");
		return -EINVAL;
	}
	return 0;
}
