/* SPDX-License-Identifier: BSD-2-Clause */
/* ktstr-jemalloc-probe: one run, and what became of it. All reading is the library's. */
#include "config.h"

#include <stdio.h>

#include "output/message.h"
#include "shared/clock.h"
#include "src/tools/probe/hard_end.h"
#include "src/tools/probe/options.h"
#include "src/tools/probe/report.h"
#include "src/tools/probe/run.h"
#include "src/tools/probe/stop.h"
#include <ktstr/probe.h>

static int probe_process(struct run *run)
{
	struct ktstr_error error = { 0 };
	int rc = run_take_all(run, &error), finished = run_finish_output(run);

	rc = rc ? rc : finished;
	if (rc == 0)
		atomic_store(&run->place, RUN_CLOSED);
	if (run->options.explain)
		message_print_lines(stderr, ktstr_probe_explain(run->session));
	if (stop_deadline_passed)
		hard_end_report_deadline(run);
	if (rc)
		report_unwritten(stderr, rc);
	else if (error.code && run->taken)
		report_last_snapshot(stderr, run, error.text);
	else if (error.code)
		report_fatal(stderr, error.tag, error.text);
	else if (run->taken == 0)
		report_fatal(stderr, KTSTR_PROBE_TAG_OTHER, "stopped before anything was read");
	if (rc == 0 && run->taken && run->read == 0)
		report_all_failed(stderr, run);
	return report_exit_code(run, rc == 0);
}

/* --help and --version: output that may fail like any other. */
static int print_and_exit(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) ? EXIT_NOTHING_READ : EXIT_READ;
}

int main(int argc, char **argv)
{
	static struct run run;
	int64_t started_ns = clock_ns(CLOCK_MONOTONIC), started_unix_ns = clock_ns(CLOCK_REALTIME);
	char usage[OPTIONS_ERROR_SIZE];
	struct ktstr_error error;
	int rc;

	if (options_parse(argc, argv, &run.options, usage)) {
		message_print(stderr, "ktstr-jemalloc-probe: ", usage);
		fputs("Try 'ktstr-jemalloc-probe --help'.\n", stderr);
		return EXIT_USAGE;
	}
	if (run.options.help)
		return print_and_exit(options_usage);
	if (run.options.version)
		return print_and_exit("ktstr-jemalloc-probe (" PACKAGE_NAME ") " PACKAGE_VERSION
				      "\n");

	rc = run_begin(&run, started_unix_ns, started_ns);
	if (rc) {
		report_unwritten(stderr, rc);
		return EXIT_NOTHING_READ;
	}
	rc = ktstr_probe_new(&run.session, &run.options.probe, &error);
	if (rc) {
		report_fatal(stderr, error.tag, error.text);
		return EXIT_NOTHING_READ;
	}
	stop_install(run.session, run.options.abort_after_ms);
	hard_end_watch(&run);
	/* The session stays until the process ends: a late signal may still cancel it. */
	return probe_process(&run);
}
