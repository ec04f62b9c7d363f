/* SPDX-License-Identifier: BSD-2-Clause */
/* A capture as JSON Lines. */
#include "config.h"

#include "src/tools/heap/capture_records.h"

#include <string.h>
#include <unistd.h>

#include "output/json.h"
#include "shared/clock.h"
#include "src/tools/heap/process_facts.h"

static void begin(struct json *json, const char *type)
{
	json_object(json, NULL, JSON_ONE_LINE);
	json_string(json, "type", type);
}

/* What joins the lines of one process: pids are reused. */
static void add_process(struct json *json, const struct ktstr_host_process *process)
{
	json_signed(json, "pid", process->pid);
	json_unsigned(json, "start_time_jiffies", process->start_time);
}

static void add_failure(struct json *json, const struct ktstr_error *error)
{
	json_string(json, "tag", ktstr_probe_tag_name(error->tag));
	json_string(json, "error", error->text);
}

static void add_boot_id(struct json *json)
{
	char id[64] = "";
	FILE *in = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!in)
		return;
	if (fgets(id, sizeof id, in)) {
		id[strcspn(id, "\n")] = '\0';
		json_string(json, "boot_id", id);
	}
	fclose(in);
}

void records_capture(FILE *out)
{
	struct json json = { .out = out };
	char host[256] = "";

	gethostname(host, sizeof host - 1);
	begin(&json, "capture");
	json_unsigned(&json, "schema_version", CAPTURE_SCHEMA_VERSION);
	add_boot_id(&json);
	json_signed(&json, "unix_ns", clock_ns(CLOCK_REALTIME));
	json_signed(&json, "monotonic_ns", clock_ns(CLOCK_MONOTONIC));
	json_string(&json, "host", host);
	json_string(&json, "tool_version", PACKAGE_VERSION);
	json_end(&json);
}

static void add_jemalloc(struct json *json, const struct ktstr_probe *probe)
{
	const char *path = ktstr_probe_jemalloc_path(probe);
	const char *version = ktstr_probe_jemalloc_version(probe);

	json_object(json, "jemalloc", JSON_ONE_LINE);
	if (path)
		json_string(json, "path", path);
	if (version)
		json_string(json, "version", version);
	json_end(json);
}

void records_process(FILE *out, const struct ktstr_host_process *process,
		     const struct ktstr_probe_snapshot *snapshot, const struct ktstr_error *error)
{
	struct json json = { .out = out };
	struct process_facts facts;

	process_facts_read(process->pid, &facts);
	begin(&json, "process");
	add_process(&json, process);
	json_text(&json, "comm", process->comm, sizeof process->comm);
	if (*facts.exe)
		json_string(&json, "exe", facts.exe);
	if (*facts.cgroup)
		json_string(&json, "cgroup", facts.cgroup);
	if (snapshot) {
		add_jemalloc(&json, process->probe);
		json_signed(&json, "unix_ns", ktstr_probe_snapshot_unix_ns(snapshot));
		json_signed(&json, "monotonic_ns", ktstr_probe_snapshot_monotonic_ns(snapshot));
	} else {
		add_failure(&json, error);
	}
	if (facts.rss_bytes >= 0)
		json_signed(&json, "rss_bytes", facts.rss_bytes);
	json_end(&json);
}

void records_threads(FILE *out, const struct ktstr_host_process *process,
		     const struct ktstr_probe_snapshot *snapshot, struct capture_tally *tally)
{
	for (size_t i = 0; i < ktstr_probe_snapshot_count(snapshot); i++) {
		const struct ktstr_probe_thread *thread = ktstr_probe_snapshot_thread(snapshot, i);
		struct json json = { .out = out };

		begin(&json, "thread");
		json_signed(&json, "pid", process->pid);
		json_signed(&json, "tid", thread->tid);
		if (thread->has_name) {
			json_unsigned(&json, "start_time_jiffies", thread->start_time);
			json_text(&json, "comm", thread->comm, sizeof thread->comm);
		}
		if (thread->error_kind == KTSTR_PROBE_THREAD_OK) {
			json_unsigned(&json, "allocated_bytes", thread->allocated_bytes);
			json_unsigned(&json, "deallocated_bytes", thread->deallocated_bytes);
			tally->threads_read++;
		} else {
			json_string(&json, "error_kind",
				    ktstr_probe_thread_error_name(thread->error_kind));
			tally->thread_errors[thread->error_kind]++;
		}
		json_end(&json);
	}
}

/* Each figure that is known by its name with "_bytes" behind it; those that are not exact are named
 * with their state. */
static void add_figures(struct json *json, const struct ktstr_heap *heap)
{
	for (int item = 0; item < KTSTR_HEAP_ITEMS; item++) {
		const struct ktstr_heap_figure *figure =
			ktstr_heap_total(heap, (enum ktstr_heap_item)item);
		char key[64];

		snprintf(key, sizeof key, "%s_bytes", ktstr_heap_item_name(item));
		if (figure->state != KTSTR_HEAP_ABSENT)
			json_signed(json, key, figure->value);
	}
	json_object(json, "states", JSON_ONE_LINE);
	for (int item = 0; item < KTSTR_HEAP_ITEMS; item++) {
		const struct ktstr_heap_figure *figure =
			ktstr_heap_total(heap, (enum ktstr_heap_item)item);

		if (figure->state != KTSTR_HEAP_EXACT)
			json_string(json, ktstr_heap_item_name(item),
				    ktstr_heap_state_name((int)figure->state));
	}
	json_end(json);
}

void records_heap(FILE *out, const struct ktstr_host_process *process,
		  const struct ktstr_heap *heap, const struct ktstr_error *error)
{
	struct json json = { .out = out };

	begin(&json, "heap");
	add_process(&json, process);
	if (heap) {
		json_signed(&json, "unix_ns", ktstr_heap_unix_ns(heap));
		add_figures(&json, heap);
	} else {
		add_failure(&json, error);
	}
	json_end(&json);
}

void records_summary(FILE *out, const struct capture_tally *tally)
{
	struct json json = { .out = out };

	begin(&json, "summary");
	json_unsigned(&json, "walked", tally->walked);
	json_unsigned(&json, "not_jemalloc", tally->not_jemalloc);
	json_unsigned(&json, "read", tally->read);
	json_unsigned(&json, "threads_read", tally->threads_read);
	json_object(&json, "refused", JSON_ONE_LINE);
	for (size_t i = 0; i < sizeof tally->refused / sizeof *tally->refused; i++)
		if (tally->refused[i])
			json_unsigned(&json, ktstr_probe_tag_name((int)i), tally->refused[i]);
	json_end(&json);
	json_object(&json, "thread_errors", JSON_ONE_LINE);
	for (size_t i = 0; i < sizeof tally->thread_errors / sizeof *tally->thread_errors; i++)
		if (tally->thread_errors[i])
			json_unsigned(
				&json,
				ktstr_probe_thread_error_name((enum ktstr_probe_thread_error)i),
				tally->thread_errors[i]);
	json_end(&json);
	json_boolean(&json, "interrupted", tally->interrupted);
	json_end(&json);
}
