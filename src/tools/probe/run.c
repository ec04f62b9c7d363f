/* SPDX-License-Identifier: BSD-2-Clause */
/* The snapshots of one run and their output. */
#include "config.h"

#include "src/tools/probe/run.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shared/clock.h"
#include "src/tools/probe/stop.h"

/* How long a reader that takes nothing holds up the end that a signal or the deadline asked for.
 * The latter is to be soon; the former may be ^C, and its reader a pager. */
#define STALL_MS          5000
#define STALL_DEADLINE_MS 500

int run_begin(struct run *run, int64_t started_unix_ns, int64_t started_monotonic_ns)
{
	static char buffer[65536]; /* 1000 threads are some 150 KB of JSON */
	const struct options *options = &run->options;

	run->output = (struct steady_output){
		.fd = STDOUT_FILENO,
		.stop_signals = &stop_signals,
		.stopped = &stop_requested,
		.stall_ms = options->abort_after_ms ? STALL_DEADLINE_MS : STALL_MS,
	};
	run->out = steady_output_open(&run->output);
	if (!run->out)
		return -errno;
	setvbuf(run->out, buffer, _IOFBF, sizeof buffer);
	run->json = (struct render_json){
		.json = { .out = run->out },
		.pid = options->pid,
		.start_unix_ns = started_unix_ns,
		.start_monotonic_ns = started_monotonic_ns,
		.interval_ms = options->interval_ms,
	};
	run->text = (struct render_text){
		.out = run->out,
		.warnings = stderr,
		.sort = options->sort,
		.table = isatty(STDOUT_FILENO),
	};
	return 0;
}

/* 0 or why a write failed, now or earlier. */
static int flush(struct run *run)
{
	if (fflush(run->out) == 0 && !ferror(run->out))
		return 0;
	return run->output.error ? run->output.error : -EIO;
}

static int show_text(struct run *run, const struct ktstr_probe_snapshot *snapshot,
		     const struct ktstr_probe_snapshot *previous)
{
	struct winsize size = { 0 };

	if (run->taken == 1)
		render_text_begin(&run->text, run->options.pid, run->session);
	if (run->text.table) /* it may change from one snapshot to the next */
		run->text.width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
	return render_text_snapshot(&run->text, snapshot, previous, run->taken,
				    run->options.snapshots);
}

/* What was read is out before the next wait, also for a reader at the end of a pipe. */
static int show(struct run *run, const struct ktstr_probe_snapshot *snapshot,
		const struct ktstr_probe_snapshot *previous)
{
	int rc = 0, flushed;

	run->taken++;
	run->json.session = run->session;
	run->read += ktstr_probe_snapshot_read_count(snapshot);
	run->in_part = ktstr_probe_snapshot_interrupted(snapshot);
	run->interrupted |= run->in_part;
	if (run->options.json_lines) {
		render_json_line(&run->json, snapshot, run->taken, run->options.snapshots);
	} else if (run->options.json) {
		if (run->taken == 1)
			render_json_begin(&run->json);
		render_json_snapshot(&run->json, snapshot);
	} else {
		rc = show_text(run, snapshot, previous);
	}
	flushed = flush(run);
	return rc ? rc : flushed;
}

static int take_one(struct run *run, struct ktstr_probe_snapshot **snapshot,
		    struct ktstr_error *error)
{
	int rc;

	atomic_store(&run->place, RUN_IN_LIBRARY);
	rc = ktstr_probe_snapshot_take(run->session, snapshot, error);
	atomic_store(&run->place, RUN_AT_WORK);
	if (rc == 0 && ktstr_probe_snapshot_interrupted(*snapshot) &&
	    ktstr_probe_snapshot_count(*snapshot) == 0) {
		ktstr_probe_snapshot_free(*snapshot); /* nothing was read, and nothing failed */
		rc = -ECANCELED;
	}
	return rc;
}

int run_take_all(struct run *run, struct ktstr_error *error)
{
	struct ktstr_probe_snapshot *snapshot, *previous = NULL;
	int64_t due;
	int rc, failed;

	atomic_store(&run->place, RUN_IN_LIBRARY);
	rc = ktstr_probe_open(run->session, run->options.pid, error);
	atomic_store(&run->place, RUN_AT_WORK);
	if (rc)
		return 0;
	due = clock_ns(CLOCK_MONOTONIC);
	while (run->taken < run->options.snapshots && rc == 0) {
		if (run->taken) {
			due += (int64_t)run->options.interval_ms * NS_PER_MS;
			stop_wait_until(due);
		}
		failed = stop_requested ? -ECANCELED : take_one(run, &snapshot, error);
		if (failed) {
			run->interrupted = true;
			break;
		}
		rc = show(run, snapshot, previous);
		ktstr_probe_snapshot_free(previous);
		previous = snapshot;
	}
	ktstr_probe_snapshot_free(previous);
	return rc;
}

int run_finish_output(struct run *run)
{
	bool lines = run->options.json_lines;

	if (run->taken && run->options.json)
		render_json_end(&run->json, run->interrupted);
	else if (run->taken && !lines && run->interrupted)
		render_text_interrupted(&run->text, run->taken, run->options.snapshots,
					run->in_part);
	return flush(run);
}
