/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of ktstr-jemalloc-probe: parsed strictly, checked whole. */
#include "config.h"

#include "src/tools/probe/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/decimal.h"

const char options_usage[] =
	"Usage: ktstr-jemalloc-probe [OPTION]... PID\n"
	"Show how many bytes each thread of a running process has allocated and freed with "
	"jemalloc,\n"
	"without stopping it.\n"
	"\n"
	"  -p, --pid PID             the process to read, as an option\n"
	"      --json                print one JSON document instead of text\n"
	"      --jsonl               print one JSON document for each snapshot, on a line of its "
	"own\n"
	"      --snapshots N         read N times (default 1)\n"
	"      --interval-ms MS      time from one snapshot to the next; needed with N > 1\n"
	"      --abort-after-ms MS   end early after this time, with what was read\n"
	"      --wait MS             wait so long for a process that is still starting\n"
	"      --sort KEY            text only: tid, name, allocated, deallocated or flow\n"
	"      --explain             show on stderr how the numbers were found\n"
	"      --no-names            leave out names and start times: faster\n"
	"      --jemalloc WHICH      with several jemallocs in the process, read the one of this "
	"path,\n"
	"                            or at this address (0x...)\n"
	"      --thread-pointer HOW  auto, robust-list (never stops a thread) or ptrace\n"
	"      --debuginfo FROM      auto (files of this machine, where memory leaves a doubt) or "
	"off\n"
	"      --no-isolation        to debug: read files in this process, not in a child without "
	"privileges\n"
	"      --help                show this text and exit\n"
	"      --version             show the version and exit\n"
	"\n"
	"Exit status: 0 when at least one thread was read, 1 when none was, 2 for a usage error.\n";

enum {
	OPTION_JSON = 256,
	OPTION_JSON_LINES,
	OPTION_SNAPSHOTS,
	OPTION_INTERVAL,
	OPTION_ABORT_AFTER,
	OPTION_WAIT,
	OPTION_SORT,
	OPTION_EXPLAIN,
	OPTION_NO_NAMES,
	OPTION_JEMALLOC,
	OPTION_THREAD_POINTER,
	OPTION_DEBUGINFO,
	OPTION_NO_ISOLATION,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "pid", required_argument, NULL, 'p' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "jsonl", no_argument, NULL, OPTION_JSON_LINES },
	{ "snapshots", required_argument, NULL, OPTION_SNAPSHOTS },
	{ "interval-ms", required_argument, NULL, OPTION_INTERVAL },
	{ "abort-after-ms", required_argument, NULL, OPTION_ABORT_AFTER },
	{ "wait", required_argument, NULL, OPTION_WAIT },
	{ "sort", required_argument, NULL, OPTION_SORT },
	{ "explain", no_argument, NULL, OPTION_EXPLAIN },
	{ "no-names", no_argument, NULL, OPTION_NO_NAMES },
	{ "jemalloc", required_argument, NULL, OPTION_JEMALLOC },
	{ "thread-pointer", required_argument, NULL, OPTION_THREAD_POINTER },
	{ "debuginfo", required_argument, NULL, OPTION_DEBUGINFO },
	{ "no-isolation", no_argument, NULL, OPTION_NO_ISOLATION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

struct choice {
	const char *word;
	int value;
};

static const struct choice sort_choices[] = {
	{ "tid", OPTIONS_SORT_TID },
	{ "name", OPTIONS_SORT_NAME },
	{ "allocated", OPTIONS_SORT_ALLOCATED },
	{ "deallocated", OPTIONS_SORT_DEALLOCATED },
	{ "flow", OPTIONS_SORT_FLOW },
	{ NULL, 0 },
};

static const struct choice thread_pointer_choices[] = {
	{ "auto", KTSTR_PROBE_THREAD_POINTER_AUTO },
	{ "robust-list", KTSTR_PROBE_THREAD_POINTER_ROBUST_LIST },
	{ "ptrace", KTSTR_PROBE_THREAD_POINTER_PTRACE },
	{ NULL, 0 },
};

static const struct choice debuginfo_choices[] = {
	{ "auto", KTSTR_PROBE_DEBUGINFO_AUTO },
	{ "off", KTSTR_PROBE_DEBUGINFO_OFF },
	{ NULL, 0 },
};

__attribute__((format(printf, 2, 3))) static int usage_error(char error[OPTIONS_ERROR_SIZE],
							     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, OPTIONS_ERROR_SIZE, format, args);
	va_end(args);
	return -EINVAL;
}

static int number_option(const char *name, uint64_t max, unsigned int *result, char *error)
{
	uint64_t number;

	if (decimal_parse(optarg, 1, max, &number))
		return usage_error(error, "--%s: '%s' is not a whole number from 1 to %llu", name,
				   optarg, (unsigned long long)max);
	*result = (unsigned int)number;
	return 0;
}

/* As -p, as --pid, or alone. */
static int pid_option(const char *text, struct options *options, char *error)
{
	uint64_t number;

	if (options->pid)
		return usage_error(error, "'%s': one pid is enough, and %d was given already", text,
				   (int)options->pid);
	if (decimal_parse(text, 1, INT32_MAX, &number) == 0) {
		options->pid = (pid_t)number;
		return 0;
	}
	if (!*text || strchr("+-0123456789", *text))
		return usage_error(error, "'%s' is not a pid: a whole number from 1 to %d", text,
				   INT32_MAX);
	return usage_error(error, "'%s' is not a pid. Give a pid: pidof %s", text, text);
}

static int choice_option(const char *name, const struct choice *choices, int *result, char *error)
{
	char words[64] = "";
	size_t length = 0;

	for (; choices->word; choices++) {
		if (strcmp(optarg, choices->word) == 0) {
			*result = choices->value;
			return 0;
		}
		if (length < sizeof words) /* the longest table fits, see options_test */
			length += (size_t)snprintf(words + length, sizeof words - length, "%s%s",
						   length ? ", " : "", choices->word);
	}
	return usage_error(error, "--%s: '%s' is none of: %s", name, optarg, words);
}

static int parse_one(int option, char **argv, struct options *options, char *error)
{
	int value, rc;

	switch (option) {
	case 'p':
		return pid_option(optarg, options, error);
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_JSON_LINES:
		options->json_lines = true;
		return 0;
	case OPTION_SNAPSHOTS:
		return number_option("snapshots", 100000, &options->snapshots, error);
	case OPTION_INTERVAL:
		return number_option("interval-ms", 3600000, &options->interval_ms, error);
	case OPTION_ABORT_AFTER:
		return number_option("abort-after-ms", 3600000, &options->abort_after_ms, error);
	case OPTION_WAIT:
		return number_option("wait", 3600000, &options->probe.wait_ms, error);
	case OPTION_SORT:
		rc = choice_option("sort", sort_choices, &value, error);
		if (rc == 0)
			options->sort = (enum options_sort)value;
		return rc;
	case OPTION_EXPLAIN:
		options->explain = true;
		return 0;
	case OPTION_NO_NAMES:
		options->probe.no_names = 1;
		return 0;
	case OPTION_JEMALLOC:
		if (!*optarg)
			return usage_error(error, "--jemalloc: the path is empty");
		options->probe.jemalloc_path = optarg;
		return 0;
	case OPTION_THREAD_POINTER:
		rc = choice_option("thread-pointer", thread_pointer_choices, &value, error);
		if (rc == 0)
			options->probe.thread_pointer = (enum ktstr_probe_thread_pointer)value;
		return rc;
	case OPTION_DEBUGINFO:
		rc = choice_option("debuginfo", debuginfo_choices, &value, error);
		if (rc == 0)
			options->probe.debuginfo = (enum ktstr_probe_debuginfo)value;
		return rc;
	case OPTION_NO_ISOLATION:
		options->probe.no_isolation = 1;
		return 0;
	case ':':
		return usage_error(error, "'%s' needs a value", argv[optind - 1]);
	default:
		return usage_error(error,
				   "'%s' is not an option, not a whole one, or takes no value",
				   argv[optind - 1]);
	}
}

static int check_whole(const struct options *options, char *error)
{
	if (options->pid == 0)
		return usage_error(error, "the pid is missing");
	if (options->json && options->json_lines)
		return usage_error(error, "--json and --jsonl exclude each other");
	if (options->snapshots > 1 && options->interval_ms == 0)
		return usage_error(error, "--snapshots %u needs --interval-ms", options->snapshots);
	if (options->snapshots == 1 && options->interval_ms != 0)
		return usage_error(error, "--interval-ms is for --snapshots greater than 1");
	if ((options->json || options->json_lines) && options->sort != OPTIONS_SORT_TID)
		return usage_error(error,
				   "--sort is for text: JSON is always in the order of thread ids");
	if (options->sort == OPTIONS_SORT_NAME && options->probe.no_names)
		return usage_error(error, "--sort name and --no-names exclude each other");
	return 0;
}

int options_parse(int argc, char **argv, struct options *options, char error[OPTIONS_ERROR_SIZE])
{
	int option, rc;

	*options = (struct options){ .snapshots = 1, .probe = KTSTR_PROBE_OPTIONS_INIT };
	optind = 0; /* glibc: begin anew, also after an earlier call */
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":p:", long_options, NULL)) != -1) {
		if (option == OPTION_HELP || option == OPTION_VERSION) {
			options->help = option == OPTION_HELP;
			options->version = option == OPTION_VERSION;
			return 0;
		}
		rc = parse_one(option, argv, options, error);
		if (rc)
			return rc;
	}
	for (; optind < argc; optind++) {
		rc = pid_option(argv[optind], options, error);
		if (rc)
			return rc;
	}
	return check_whole(options, error);
}
