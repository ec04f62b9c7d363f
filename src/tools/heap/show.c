/* SPDX-License-Identifier: BSD-2-Clause */
/* ktstr-heap show: sessions, readings, the watch, and the exit code. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/escape.h"
#include "shared/clock.h"
#include "src/tools/heap/find_process.h"
#include "src/tools/heap/heap.h"
#include "src/tools/heap/pause.h"
#include "src/tools/heap/show_json.h"
#include "src/tools/heap/show_options.h"
#include "src/tools/heap/summary.h"
#include "src/tools/heap/tables.h"
#include <ktstr/heap.h>

/* One process. */
struct shown {
	pid_t pid;
	char name[16];
	struct ktstr_probe *probe;
	struct summary first; /* of --watch */
	bool has_first;
};

struct run {
	struct show_options options;
	struct shown *processes;
	size_t count;
	unsigned int blocks; /* printed so far */
	bool read;           /* a process at least once */
};

static void print_error(const struct ktstr_error *error)
{
	fprintf(stderr, "ktstr-heap: %s: %s\n", ktstr_probe_tag_name(error->tag), error->text);
}

static const char *option_words(const struct ktstr_heap *heap, const char *name)
{
	const char *text = ktstr_heap_option_text(heap, name);

	if (!text)
		return "unknown";
	return strcmp(text, "true") == 0 ? "yes" : "no";
}

static void print_header(FILE *out, const struct shown *shown, const struct ktstr_heap *heap)
{
	const char *version = ktstr_probe_jemalloc_version(shown->probe);
	char name[ESCAPE_SIZE];

	escape_line(shown->name, name);
	fprintf(out, "%s %d  jemalloc %s, statistics %s, profiling %s\n", name, (int)shown->pid,
		version ? version : ktstr_heap_layout(heap),
		ktstr_heap_has_stats(heap) ? "yes" : "no", option_words(heap, "opt.prof"));
	fprintf(out, "read in %" PRId64 " us, %s\n", ktstr_heap_span_ns(heap) / 1000,
		ktstr_heap_quiet(heap) ? "quiet" : "in motion");
}

static int print_text(FILE *out, struct run *run, struct shown *shown,
		      const struct ktstr_heap *heap)
{
	const struct show_options *options = &run->options;
	struct summary summary;
	int rc = 0;

	if (run->blocks)
		putc('\n', out);
	summary_make(heap, &summary);
	print_header(out, shown, heap);
	summary_print(out, heap, &summary, shown->has_first ? &shown->first : NULL, options->bytes);
	if (options->watch_sec && !shown->has_first) {
		shown->first = summary;
		shown->has_first = true;
	}
	if (options->arenas)
		rc = tables_arenas(out, heap, options);
	if (rc == 0 && options->threads)
		rc = tables_threads(out, heap, options);
	if (rc == 0 && options->classes)
		rc = tables_classes(out, heap, options);
	if (rc == 0 && options->options)
		tables_options(out, heap);
	return rc;
}

static void close_process(struct shown *shown)
{
	ktstr_probe_close(shown->probe);
	shown->probe = NULL;
}

/* Returns 0, or a negative errno when the output failed: a process that fails is left out. */
static int show_process(struct run *run, struct shown *shown)
{
	struct ktstr_error error;
	struct ktstr_heap *heap;
	int rc = 0;

	if (!shown->probe)
		return 0;
	if (ktstr_heap_take(shown->probe, &heap, &error)) {
		print_error(&error);
		close_process(shown);
		return 0;
	}
	if (run->options.json)
		show_json(stdout, shown->pid, shown->name,
			  ktstr_probe_jemalloc_version(shown->probe), heap);
	else
		rc = print_text(stdout, run, shown, heap);
	ktstr_heap_free(heap);
	run->blocks++;
	run->read = true;
	if (rc == 0 && (fflush(stdout) || ferror(stdout)))
		rc = errno ? -errno : -EIO;
	return rc;
}

static void open_process(const struct run *run, struct shown *shown)
{
	struct ktstr_error error;

	process_name(shown->pid, shown->name);
	if (ktstr_probe_new(&shown->probe, &run->options.probe, &error)) {
		print_error(&error);
	} else if (ktstr_probe_open(shown->probe, shown->pid, &error)) {
		print_error(&error);
		if (run->options.explain)
			fputs(ktstr_probe_explain(shown->probe), stderr);
		close_process(shown);
	}
}

static bool any_left(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->processes[i].probe)
			return true;
	return false;
}

static int show_all(struct run *run)
{
	int64_t due = clock_ns(CLOCK_MONOTONIC);
	int rc = 0;

	do {
		for (size_t i = 0; rc == 0 && !pause_is_stopped() && i < run->count; i++)
			rc = show_process(run, &run->processes[i]);
		if (rc || run->options.watch_sec == 0 || !any_left(run))
			break;
		due += (int64_t)run->options.watch_sec * NS_PER_SEC;
		pause_until(due);
	} while (!pause_is_stopped());
	return rc;
}

/* The processes that the words name, each once. */
static int add_processes(struct run *run, const char *word)
{
	size_t count;
	pid_t *pids;
	int rc = find_processes(word, &pids, &count);
	struct shown *more;

	if (rc) {
		fprintf(stderr, "ktstr-heap: %s: %s\n", word,
			rc == -ENOENT ? "no process has that name" : strerror(-rc));
		return rc == -ENOMEM ? rc : 0;
	}
	more = realloc(run->processes, (run->count + count) * sizeof *more);
	for (size_t i = 0; more && i < count; i++)
		more[run->count + i] = (struct shown){ .pid = pids[i] };
	free(pids);
	if (!more)
		return -ENOMEM;
	run->processes = more;
	run->count += count;
	return 0;
}

static void explain_all(const struct run *run)
{
	for (size_t i = 0; run->options.explain && i < run->count; i++)
		if (run->processes[i].probe)
			fputs(ktstr_probe_explain(run->processes[i].probe), stderr);
}

static int run_show(struct run *run)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < run->options.target_count; i++)
		rc = add_processes(run, run->options.targets[i]);
	for (size_t i = 0; rc == 0 && i < run->count; i++)
		open_process(run, &run->processes[i]);
	if (rc == 0)
		rc = show_all(run);
	explain_all(run);
	for (size_t i = 0; i < run->count; i++)
		close_process(&run->processes[i]);
	free(run->processes);
	if (rc) {
		fprintf(stderr, "ktstr-heap: %s\n", strerror(-rc));
		return EXIT_NOTHING_READ;
	}
	return run->read ? EXIT_READ : EXIT_NOTHING_READ;
}

int heap_show(int argc, char **argv)
{
	struct run run = { .count = 0 };
	char error[SHOW_ERROR_SIZE];

	if (show_options_parse(argc, argv, &run.options, error)) {
		fprintf(stderr, "ktstr-heap show: %s\nTry 'ktstr-heap show --help'.\n", error);
		return EXIT_USAGE;
	}
	if (run.options.help) {
		fputs(heap_show_usage, stdout);
		return fflush(stdout) || ferror(stdout) ? EXIT_NOTHING_READ : EXIT_READ;
	}
	pause_install(NULL, NULL);
	return run_show(&run);
}
