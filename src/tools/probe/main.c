/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ktstr-jemalloc-probe: options, signals, deadline, the loop over snapshots, and the exit code.
 * All reading is the library's; all printing of results is render_json's and render_text's.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/thread_start.h"
#include "src/tools/probe/options.h"
#include "src/tools/probe/render_json.h"
#include "src/tools/probe/render_text.h"
#include <ktstr/probe.h>

enum {
	EXIT_READ = 0,
	EXIT_NOTHING_READ = 1,
	EXIT_USAGE = 2,
};

#define GRACE_MS 1000 /* from the deadline to the hard end */

static struct ktstr_probe *session; /* for the signal handlers; set before they are installed */
static volatile sig_atomic_t stopped;
static volatile sig_atomic_t deadline_passed;

/* Where the main thread is, for end_hard. */
enum { AT_WORK, IN_LIBRARY, AT_END };
static atomic_int place = AT_WORK;

struct run {
	struct options options;
	struct render_json json;
	struct render_text text;
	int64_t started_unix_ns, started_ns; /* on CLOCK_REALTIME and CLOCK_MONOTONIC */
	unsigned int taken;
	size_t read;     /* readings that succeeded, over all snapshots */
	int interrupted; /* the document is not complete */
};

static void on_stop(int signo)
{
	stopped = 1;
	if (signo == SIGALRM)
		deadline_passed = 1;
	ktstr_probe_cancel(session);
}

static const int stop_signals[] = { SIGINT, SIGTERM, SIGALRM };

static void install_signals(const struct options *options)
{
	struct sigaction action = { .sa_handler = on_stop };
	sigset_t stops;

	sigemptyset(&action.sa_mask);
	sigemptyset(&stops);
	for (size_t i = 0; i < sizeof stop_signals / sizeof *stop_signals; i++) {
		sigaction(stop_signals[i], &action, NULL);
		sigaddset(&stops, stop_signals[i]);
	}
	sigprocmask(SIG_UNBLOCK, &stops,
		    NULL); /* as a harness that reads them from a signalfd may leave them */
	if (options->abort_after_ms) {
		struct itimerval timer = { .it_value = {
						   .tv_sec = options->abort_after_ms / 1000,
						   .tv_usec =
							   (suseconds_t)(options->abort_after_ms %
									 1000) *
							   1000,
					   } };

		setitimer(ITIMER_REAL, &timer, NULL);
	}
}

/* Returns when the time has come or a signal asked to stop; no signal can slip in between. */
static void wait_until(int64_t deadline)
{
	sigset_t block, before;

	sigemptyset(&block);
	for (size_t i = 0; i < sizeof stop_signals / sizeof *stop_signals; i++)
		sigaddset(&block, stop_signals[i]);
	sigprocmask(SIG_BLOCK, &block, &before);
	while (!stopped && clock_ns(CLOCK_MONOTONIC) < deadline) {
		struct timespec left;

		ppoll(NULL, 0, deadline_left(deadline, &left), &before);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}

__attribute__((format(printf, 2, 3))) static void print_fatal(int tag, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "ktstr-probe-fatal: %s\nerror: ", ktstr_probe_tag_name(tag));
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	putc('\n', stderr);
}

static void begin(struct run *run)
{
	const struct options *options = &run->options;

	if (options->json)
		render_json_begin(&run->json, options->pid, run->started_unix_ns / NS_PER_SEC,
				  options->interval_ms);
	else
		render_text_begin(&run->text, options->pid);
}

static int show(struct run *run, const struct ktstr_probe_snapshot *snapshot,
		const struct ktstr_probe_snapshot *previous)
{
	int rc = 0;

	if (run->taken++ == 0)
		begin(run);
	run->read += ktstr_probe_snapshot_read_count(snapshot);
	if (run->options.json)
		render_json_snapshot(&run->json, snapshot);
	else
		rc = render_text_snapshot(&run->text, snapshot, previous, run->taken,
					  run->options.snapshots);
	/* What was read is out before the next wait, also for a reader at the end of a pipe. */
	if (fflush(stdout))
		rc = rc ? rc : -errno;
	else if (ferror(stdout))
		rc = rc ? rc
			: -EIO; /* earlier, when the buffer was full: why is not known any more */
	return rc;
}

/* Returns 0, or a negative errno when the output failed. Fatal errors of the probe are in *error.
 */
static int take_all(struct run *run, struct ktstr_error *error)
{
	struct ktstr_probe_snapshot *snapshot, *previous = NULL;
	int64_t due = clock_ns(CLOCK_MONOTONIC);
	int rc = 0, failed;

	for (unsigned int i = 0; i < run->options.snapshots && rc == 0; i++) {
		if (i > 0) {
			due += (int64_t)run->options.interval_ms * NS_PER_MS;
			wait_until(due);
		}
		if (stopped)
			break;
		atomic_store(&place, IN_LIBRARY);
		failed = ktstr_probe_snapshot_take(session, &snapshot, error);
		atomic_store(&place, AT_WORK);
		if (failed)
			break;
		if (ktstr_probe_snapshot_interrupted(snapshot) &&
		    ktstr_probe_snapshot_count(snapshot) == 0) {
			ktstr_probe_snapshot_free(
				snapshot); /* nothing was read, and nothing failed */
			break;
		}
		rc = show(run, snapshot, previous);
		run->interrupted |= ktstr_probe_snapshot_interrupted(snapshot);
		ktstr_probe_snapshot_free(previous);
		previous = snapshot;
	}
	if (run->taken < run->options.snapshots)
		run->interrupted = 1;
	ktstr_probe_snapshot_free(previous);
	return rc;
}

static void print_explanation(const struct run *run)
{
	if (run->options.explain)
		fputs(ktstr_probe_explain(session), stderr);
}

static int finish_output(struct run *run, int rc)
{
	if (run->taken && run->options.json)
		render_json_end(&run->json, run->interrupted);
	if (fflush(stdout) || ferror(stdout))
		rc = rc ? rc : -errno;
	return rc;
}

static void print_deadline(const struct run *run)
{
	fprintf(stderr, "ktstr-probe-deadline: abort after %ums\n", run->options.abort_after_ms);
}

/*
 * The kernel may hold a read of the target's memory for as long as the target likes: a page that
 * userfaultfd(2) or a file system in user space is to fill. No signal and no cancellation ends that
 * but the end of this process.
 */
static void *end_hard(void *context)
{
	struct run *run = context;
	struct timespec until =
		timespec_from_ns(deadline_after_ms((int)run->options.abort_after_ms + GRACE_MS));
	int where, failed;

	do {
		failed = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	} while (failed == EINTR);
	if (failed)
		return NULL; /* the signal alone is left; too early would be a lie */
	where = atomic_load(&place);
	if (where == AT_END)
		return NULL;
	if (where == IN_LIBRARY) { /* and so not in the midst of its output */
		run->interrupted = 1;
		finish_output(run, 0);
		print_deadline(run);
		print_fatal(KTSTR_PROBE_TAG_OTHER, "the target holds up the reading of its memory");
	}
	_exit(run->read ? EXIT_READ : EXIT_NOTHING_READ);
}

static void watch_deadline(struct run *run)
{
	pthread_t thread;

	if (!run->options.abort_after_ms)
		return;
	if (thread_start_blocked(&thread, NULL, end_hard, run) == 0)
		pthread_detach(thread);
}

static int probe_process(struct run *run)
{
	struct ktstr_error error = { 0 };
	int rc;

	atomic_store(&place, IN_LIBRARY);
	rc = ktstr_probe_open(session, run->options.pid, &error);
	atomic_store(&place, AT_WORK);
	rc = finish_output(run, rc ? 0 : take_all(run, &error));
	atomic_store(&place, AT_END);
	print_explanation(run);
	if (deadline_passed)
		print_deadline(run);
	if (rc) {
		print_fatal(KTSTR_PROBE_TAG_OTHER, "the output could not be written: %s",
			    strerror(-rc));
		return EXIT_NOTHING_READ;
	}
	if (error.code)
		print_fatal(error.tag, "%s", error.text);
	else if (run->taken == 0)
		print_fatal(KTSTR_PROBE_TAG_OTHER, "stopped before anything was read");
	if (run->taken && run->read == 0)
		fprintf(stderr, "ktstr-probe-all-failed: %s\n",
			run->options.snapshots > 1 ? "multi" : "single");
	return run->read ? EXIT_READ : EXIT_NOTHING_READ;
}

/* --help and --version: output that may fail like any other. */
static int print_and_exit(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) ? EXIT_NOTHING_READ : EXIT_READ;
}

int main(int argc, char **argv)
{
	static struct run run;
	static char buffer[65536]; /* 1000 threads are some 150 KB of JSON */
	char usage[OPTIONS_ERROR_SIZE];
	struct ktstr_error error;
	int rc;

	run.started_ns = clock_ns(CLOCK_MONOTONIC);
	run.started_unix_ns = clock_ns(CLOCK_REALTIME);
	if (options_parse(argc, argv, &run.options, usage)) {
		fprintf(stderr, "ktstr-jemalloc-probe: %s\nTry 'ktstr-jemalloc-probe --help'.\n",
			usage);
		return EXIT_USAGE;
	}
	if (run.options.help)
		return print_and_exit(options_usage);
	if (run.options.version)
		return print_and_exit("ktstr-jemalloc-probe (" PACKAGE_NAME ") " PACKAGE_VERSION
				      "\n");

	setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	run.json = (struct render_json){ .json = { .out = stdout },
					 .start_monotonic_ns = run.started_ns };
	run.text = (struct render_text){ .out = stdout,
					 .warnings = stderr,
					 .sort = run.options.sort,
					 .table = isatty(STDOUT_FILENO) };
	rc = ktstr_probe_new(&session, &run.options.probe, &error);
	if (rc) {
		print_fatal(error.tag, "no session: %s", error.text);
		return EXIT_NOTHING_READ;
	}
	install_signals(&run.options);
	watch_deadline(&run);
	rc = probe_process(&run);
	/* The session stays until the process ends: a late signal may still cancel it. */
	return rc;
}
