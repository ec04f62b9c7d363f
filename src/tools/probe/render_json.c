/* SPDX-License-Identifier: BSD-2-Clause */
/* The JSON document, schema version 3, written as the snapshots come. */
#include "config.h"

#include "src/tools/probe/render_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "shared/clock.h"

#define SCHEMA_VERSION 3

/* Its address as --jemalloc takes it: not every reader of JSON keeps 64 bits of a number. */
static void write_jemalloc(struct json *json, const char *key,
			   const struct ktstr_probe_jemalloc *jemalloc)
{
	char address[24];

	snprintf(address, sizeof address, "0x%" PRIx64, jemalloc->address);
	json_object(json, key, JSON_ONE_LINE);
	json_string(json, "path", jemalloc->path);
	if (jemalloc->version)
		json_string(json, "version", jemalloc->version);
	json_string(json, "address", address);
	json_end(json);
}

static void write_jemallocs(const struct render_json *render, struct json *json)
{
	size_t count = ktstr_probe_jemalloc_count(render->session);

	if (count < 2)
		return;
	write_jemalloc(json, "jemalloc", ktstr_probe_get_jemalloc(render->session, 0));
	json_array(json, "other_jemallocs", JSON_LINES);
	for (size_t i = 1; i < count; i++)
		write_jemalloc(json, NULL, ktstr_probe_get_jemalloc(render->session, i));
	json_end(json);
}

static void write_header(const struct render_json *render, struct json *json)
{
	json_unsigned(json, "schema_version", SCHEMA_VERSION);
	json_signed(json, "pid", render->pid);
	json_string(json, "tool_version", PACKAGE_VERSION);
	json_signed(json, "started_at_unix_sec", render->start_unix_ns / NS_PER_SEC);
	if (render->interval_ms)
		json_unsigned(json, "interval_ms", render->interval_ms);
	write_jemallocs(render, json);
}

static void write_interrupted(struct json *json, bool interrupted)
{
	json_boolean(json, "interrupted", interrupted);
}

void render_json_begin(struct render_json *render)
{
	json_object(&render->json, NULL, JSON_LINES);
	write_header(render, &render->json);
	json_array(&render->json, "snapshots", JSON_LINES);
}

static void write_thread(struct json *json, const struct ktstr_probe_thread *thread)
{
	json_object(json, NULL, JSON_ONE_LINE);
	json_signed(json, "tid", thread->tid);
	if (thread->has_name) {
		json_text(json, "comm", thread->comm, sizeof thread->comm);
		json_unsigned(json, "start_time_jiffies", thread->start_time);
	}
	if (thread->error_kind == KTSTR_PROBE_THREAD_OK) {
		json_unsigned(json, "allocated_bytes", thread->allocated_bytes);
		json_unsigned(json, "deallocated_bytes", thread->deallocated_bytes);
	} else {
		json_string(json, "error", thread->error_text ? thread->error_text : "");
		json_string(json, "error_kind", ktstr_probe_thread_error_name(thread->error_kind));
	}
	json_end(json);
}

static void write_snapshot(const struct render_json *render, struct json *json,
			   const struct ktstr_probe_snapshot *snapshot)
{
	size_t count = ktstr_probe_snapshot_count(snapshot);

	json_signed(json, "timestamp_unix_sec",
		    ktstr_probe_snapshot_unix_ns(snapshot) / NS_PER_SEC);
	json_signed(json, "elapsed_since_start_ns",
		    ktstr_probe_snapshot_monotonic_ns(snapshot) - render->start_monotonic_ns);
	json_array(json, "threads", JSON_LINES);
	for (size_t i = 0; i < count; i++)
		write_thread(json, ktstr_probe_snapshot_thread(snapshot, i));
	json_end(json);
}

void render_json_snapshot(struct render_json *render, const struct ktstr_probe_snapshot *snapshot)
{
	json_object(&render->json, NULL, JSON_LINES);
	write_snapshot(render, &render->json, snapshot);
	json_end(&render->json);
}

void render_json_end(struct render_json *render, bool interrupted)
{
	json_end(&render->json);
	write_interrupted(&render->json, interrupted);
	json_end(&render->json);
}

void render_json_line(struct render_json *render, const struct ktstr_probe_snapshot *snapshot,
		      unsigned int number, unsigned int total)
{
	struct json *json = &render->json;

	json_object(json, NULL, JSON_ONE_LINE);
	write_header(render, json);
	json_unsigned(json, "snapshot_number", number);
	json_unsigned(json, "snapshot_total", total);
	write_snapshot(render, json, snapshot);
	write_interrupted(json, ktstr_probe_snapshot_interrupted(snapshot));
	json_end(json);
}
