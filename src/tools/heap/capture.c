/* SPDX-License-Identifier: BSD-2-Clause */
/* ktstr-heap capture: scans, what is written of each, and the exit code. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output/message.h"
#include "shared/clock.h"
#include "src/tools/heap/capture_file.h"
#include "src/tools/heap/capture_options.h"
#include "src/tools/heap/capture_records.h"
#include "src/tools/heap/heap.h"
#include "src/tools/heap/pause.h"

#define PROGRESS_NS (NS_PER_SEC / 5)

struct run {
	struct capture_options options;
	struct ktstr_host *host;
	struct capture_file file;
	bool is_open;        /* file */
	bool read;           /* a process at least once */
	bool shows_progress; /* stderr is a terminal */
	size_t examined;     /* processes of this scan so far */
	int64_t progress_ns; /* when that was shown last, on CLOCK_MONOTONIC */
};

/* What helps against the commonest refusal. */
static const char *remedy(int tag)
{
	switch (tag) {
	case KTSTR_PROBE_TAG_PERMISSION_DENIED:
		return "; run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH";
	case KTSTR_PROBE_TAG_LAYOUT_UNKNOWN:
		return "; 'ktstr-jemalloc-probe --explain PID' says what was examined";
	default:
		return "";
	}
}

static void clear_progress(struct run *run)
{
	if (run->progress_ns)
		fputs("\r\33[K", stderr);
	run->progress_ns = 0;
}

/* Called for each process; a scan that is over soon shows nothing. */
static int wants(void *context, pid_t pid, const char *comm)
{
	struct run *run = context;
	int64_t now;

	if (!process_filter_wants(&run->options.filter, pid, comm))
		return 0;
	run->examined++;
	if (!run->shows_progress)
		return 1;
	now = clock_ns(CLOCK_MONOTONIC);
	if (run->progress_ns == 0 || now - run->progress_ns >= PROGRESS_NS) {
		if (run->progress_ns)
			fprintf(stderr, "\r%zu processes, now pid %d\33[K", run->examined,
				(int)pid);
		run->progress_ns = now;
	}
	return 1;
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static void print_summary(const struct capture_tally *tally)
{
	size_t refused = 0, most = 0;

	for (size_t i = 0; i < sizeof tally->refused / sizeof *tally->refused; i++) {
		refused += tally->refused[i];
		most = tally->refused[i] > tally->refused[most] ? i : most;
	}
	fprintf(stderr, "ktstr-heap: %zu process%s, %zu without jemalloc, %zu read (%zu thread%s)",
		tally->walked, tally->walked == 1 ? "" : "es", tally->not_jemalloc, tally->read,
		tally->threads_read, plural(tally->threads_read));
	if (refused)
		fprintf(stderr, ", %zu refused (%s %zu%s)", refused,
			ktstr_probe_tag_name((int)most), tally->refused[most], remedy((int)most));
	fputs(tally->interrupted ? ", interrupted\n" : "\n", stderr);
}

static void capture_heap(FILE *out, const struct ktstr_host_process *process)
{
	struct ktstr_error error;
	struct ktstr_heap *heap = NULL;

	ktstr_heap_take(process->probe, &heap, &error);
	records_heap(out, process, heap, &error);
	ktstr_heap_free(heap);
}

static void capture_process(struct run *run, const struct ktstr_host_process *process,
			    struct capture_tally *tally)
{
	struct ktstr_error error = { .code = process->code, .tag = process->tag };
	struct ktstr_probe_snapshot *snapshot = NULL;

	tally->walked++;
	if (process->verdict == KTSTR_HOST_NO_JEMALLOC) {
		tally->not_jemalloc++;
		if (run->options.filter.word_count == 0)
			return;
		error.tag = KTSTR_PROBE_TAG_JEMALLOC_NOT_FOUND;
		snprintf(error.text, sizeof error.text, "no sign of jemalloc in process %d",
			 (int)process->pid);
	} else if (process->verdict == KTSTR_HOST_REFUSED) {
		snprintf(error.text, sizeof error.text, "%s", process->text);
	} else {
		ktstr_probe_snapshot_take(process->probe, &snapshot, &error);
	}
	records_process(run->file.out, process, snapshot, &error);
	if (snapshot) {
		records_threads(run->file.out, process, snapshot, tally);
		if (run->options.heap)
			capture_heap(run->file.out, process);
		tally->read++;
		run->read = true;
	} else if (process->verdict != KTSTR_HOST_NO_JEMALLOC) {
		tally->refused[error.tag]++;
	}
	ktstr_probe_snapshot_free(snapshot);
}

static int fail_file(const struct run *run, int rc)
{
	const char *path = run->options.output ? run->options.output : "standard output";
	char text[512];

	if (rc == -EPIPE && !run->options.output)
		return rc; /* who read it has enough */
	snprintf(text, sizeof text, "%s: %s", path,
		 rc == -ENOTSUP ? "this build cannot compress: take a name that does not end in "
				  ".zst, and zstd(1)"
				: strerror(-rc));
	message_print(stderr, "ktstr-heap: ", text);
	return rc;
}

static int open_file(struct run *run)
{
	bool appends = run->options.every_sec && !run->options.keep;
	int rc = run->is_open
			 ? 0
			 : capture_file_open(&run->file, run->options.output,
					     appends ? CAPTURE_FILE_APPEND : CAPTURE_FILE_REPLACE);

	run->is_open = rc == 0;
	return rc ? fail_file(run, rc) : 0;
}

/* The last, or the only one of its file. */
static int close_file(struct run *run)
{
	int rc = run->is_open ? capture_file_commit(&run->file, run->options.keep) : 0;

	run->is_open = false;
	return rc ? fail_file(run, rc) : 0;
}

static int capture_once(struct run *run)
{
	struct capture_tally tally = { .interrupted = false };
	struct ktstr_error error;
	int rc;

	run->examined = 0;
	rc = ktstr_host_scan(run->host, &error);
	clear_progress(run);
	if (rc && rc != -ECANCELED) {
		message_print(stderr, "ktstr-heap: ", error.text);
		return rc;
	}
	rc = open_file(run);
	if (rc)
		return rc;
	records_capture(run->file.out);
	for (size_t i = 0; !pause_is_stopped() && i < ktstr_host_count(run->host); i++)
		capture_process(run, ktstr_host_get(run->host, i), &tally);
	tally.interrupted = pause_is_stopped();
	records_summary(run->file.out, &tally);
	rc = capture_file_end_capture(&run->file);
	if (rc)
		return fail_file(run, rc);
	print_summary(&tally);
	return run->options.every_sec && !run->options.keep ? 0 : close_file(run);
}

/* A word that names no process of the scan. */
static void complain_of_missing(const struct run *run)
{
	const struct process_filter *filter = &run->options.filter;

	for (size_t w = 0; w < filter->word_count; w++) {
		bool found = false;

		for (size_t i = 0; !found && i < ktstr_host_count(run->host); i++) {
			const struct ktstr_host_process *process = ktstr_host_get(run->host, i);

			found = process_filter_is_named(filter->words[w], process->pid,
							process->comm);
		}
		if (!found)
			message_print(stderr, "ktstr-heap: no process has this pid or name: ",
				      filter->words[w]);
	}
}

static int capture_all(struct run *run)
{
	int64_t due = clock_ns(CLOCK_MONOTONIC);
	unsigned int done = 0;
	int rc;

	do {
		rc = capture_once(run);
		if (done++ == 0 && rc == 0)
			complain_of_missing(run);
		if (rc || run->options.every_sec == 0 || done == run->options.count)
			break;
		due += (int64_t)run->options.every_sec * NS_PER_SEC;
		pause_until(due);
	} while (!pause_is_stopped());
	if (rc && run->is_open)
		capture_file_discard(&run->file);
	else if (rc == 0)
		rc = close_file(run);
	return rc;
}

static void cancel(void *host)
{
	ktstr_host_cancel(host);
}

static int run_capture(struct run *run)
{
	struct ktstr_host_options options = KTSTR_HOST_OPTIONS_INIT;
	struct ktstr_error error;
	int rc;

	options.wants = wants;
	options.context = run;
	if (ktstr_host_new(&run->host, &options, &error)) {
		message_print(stderr, "ktstr-heap: ", error.text);
		return EXIT_NOTHING_READ;
	}
	pause_install(cancel, run->host);
	run->shows_progress = isatty(STDERR_FILENO);
	rc = capture_all(run);
	ktstr_host_free(run->host);
	return rc || (run->options.filter.word_count && !run->read) ? EXIT_NOTHING_READ : EXIT_READ;
}

int heap_capture(int argc, char **argv)
{
	struct run run = { .examined = 0 };
	char error[CAPTURE_ERROR_SIZE];

	if (capture_options_parse(argc, argv, &run.options, error)) {
		fprintf(stderr, "ktstr-heap capture: %s\nTry 'ktstr-heap capture --help'.\n",
			error);
		return EXIT_USAGE;
	}
	if (run.options.help) {
		fputs(heap_capture_usage, stdout);
		return fflush(stdout) || ferror(stdout) ? EXIT_NOTHING_READ : EXIT_READ;
	}
	return run_capture(&run);
}
