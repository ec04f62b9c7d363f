/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of ktstr-heap capture: parsed strictly, checked whole. */
#include "config.h"

#include "src/tools/heap/capture_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/decimal.h"
#include "src/tools/heap/heap.h"

#define SECONDS_LIMIT 86400
#define COUNT_LIMIT   1000000000
#define KEEP_LIMIT    10000

const char heap_capture_usage[] =
	"Usage: ktstr-heap capture [OPTION]... PID|NAME...\n"
	"       ktstr-heap capture [OPTION]... --all\n"
	"Write what each thread of processes with jemalloc has allocated and freed, as\n"
	"JSON Lines, for 'ktstr-heap compare' and other programs.\n"
	"\n"
	"  -o, --output FILE     write to FILE instead of standard output; compressed\n"
	"                        when it ends in .zst\n"
	"      --all             every process that can be read\n"
	"      --comm GLOB       only processes with such a name\n"
	"      --cgroup GLOB     only processes in such a cgroup\n"
	"      --heap            also where each process's memory is, as 'show' has it\n"
	"      --every SECS      again and again, appended to FILE\n"
	"      --count N         with --every, so often\n"
	"      --keep N          with --every, each capture in a file of its own: the\n"
	"                        newest is FILE, older ones FILE.1 to FILE.(N-1)\n"
	"      --help            show this text and exit\n"
	"\n"
	"  ktstr-heap capture --all -o before.jsonl.zst\n"
	"  ktstr-heap capture redis-server | jq 'select(.type == \"thread\")'\n"
	"\n"
	"Exit status: 0 when the capture is written, 1 when it is not or none of the\n"
	"named processes was read, 2 for a usage error.\n";

enum {
	OPTION_ALL = 256,
	OPTION_COMM,
	OPTION_CGROUP,
	OPTION_HEAP,
	OPTION_EVERY,
	OPTION_COUNT,
	OPTION_KEEP,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "comm", required_argument, NULL, OPTION_COMM },
	{ "cgroup", required_argument, NULL, OPTION_CGROUP },
	{ "heap", no_argument, NULL, OPTION_HEAP },
	{ "every", required_argument, NULL, OPTION_EVERY },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "keep", required_argument, NULL, OPTION_KEEP },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static int number_option(const char *name, uint64_t max, unsigned int *result, char *error)
{
	uint64_t number;

	if (decimal_parse(optarg, 1, max, &number)) {
		snprintf(error, CAPTURE_ERROR_SIZE,
			 "--%s: '%s' is not a whole number from 1 to %llu", name, optarg,
			 (unsigned long long)max);
		return -EINVAL;
	}
	*result = (unsigned int)number;
	return 0;
}

static int take_option(int option, struct capture_options *options, bool *all, char *error)
{
	switch (option) {
	case 'o':
		options->output = optarg;
		return 0;
	case OPTION_ALL:
		*all = true;
		return 0;
	case OPTION_COMM:
		options->filter.comm = optarg;
		return 0;
	case OPTION_CGROUP:
		options->filter.cgroup = optarg;
		return 0;
	case OPTION_HEAP:
		options->heap = true;
		return 0;
	case OPTION_EVERY:
		return number_option("every", SECONDS_LIMIT, &options->every_sec, error);
	case OPTION_COUNT:
		return number_option("count", COUNT_LIMIT, &options->count, error);
	case OPTION_KEEP:
		return number_option("keep", KEEP_LIMIT, &options->keep, error);
	default:
		options->help = true;
		return 0;
	}
}

/* NULL, or what does not fit together. */
static const char *find_contradiction(const struct capture_options *options, bool all)
{
	bool named = options->filter.word_count > 0;

	if (all && named)
		return "--all has every process: no PID and no name with it";
	if (!all && !named && !options->filter.comm && !options->filter.cgroup)
		return "a PID or a name is missing, or --all";
	if ((options->count || options->keep) && !options->every_sec)
		return "--count and --keep need --every";
	if (options->keep && !options->output)
		return "--keep needs a file: -o FILE";
	return NULL;
}

int capture_options_parse(int argc, char **argv, struct capture_options *options,
			  char error[CAPTURE_ERROR_SIZE])
{
	const char *contradiction;
	bool all = false;
	int option, rc = 0;

	*options = (struct capture_options){ .output = NULL };
	opterr = 0;
	optind = 1;
	while (rc == 0 && (option = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1) {
		if (option == '?' || option == ':') {
			snprintf(error, CAPTURE_ERROR_SIZE,
				 option == ':' ? "%s needs a value" : "%s is no option",
				 argv[optind - 1]);
			return -EINVAL;
		}
		rc = take_option(option, options, &all, error);
	}
	if (rc || options->help)
		return rc;
	options->filter.words = argv + optind;
	options->filter.word_count = (size_t)(argc - optind);
	contradiction = find_contradiction(options, all);
	if (contradiction)
		snprintf(error, CAPTURE_ERROR_SIZE, "%s", contradiction);
	return contradiction ? -EINVAL : 0;
}
