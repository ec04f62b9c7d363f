/* SPDX-License-Identifier: BSD-2-Clause */
/* The JSON document, schema version 3, written as the snapshots come. */
#include "config.h"

#include "src/tools/probe/render_json.h"

#include "shared/clock.h"

#define SCHEMA_VERSION 3

void render_json_begin(struct render_json *render, pid_t pid, int64_t started_at_unix_sec,
		       unsigned int interval_ms)
{
	struct json *json = &render->json;

	json_object(json, NULL, JSON_LINES);
	json_unsigned(json, "schema_version", SCHEMA_VERSION);
	json_signed(json, "pid", pid);
	json_string(json, "tool_version", PACKAGE_VERSION);
	json_signed(json, "started_at_unix_sec", started_at_unix_sec);
	if (interval_ms)
		json_unsigned(json, "interval_ms", interval_ms);
	json_array(json, "snapshots", JSON_LINES);
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

void render_json_snapshot(struct render_json *render, const struct ktstr_probe_snapshot *snapshot)
{
	size_t count = ktstr_probe_snapshot_count(snapshot);
	struct json *json = &render->json;

	json_object(json, NULL, JSON_LINES);
	json_signed(json, "timestamp_unix_sec",
		    ktstr_probe_snapshot_unix_ns(snapshot) / NS_PER_SEC);
	json_signed(json, "elapsed_since_start_ns",
		    ktstr_probe_snapshot_monotonic_ns(snapshot) - render->start_monotonic_ns);
	json_array(json, "threads", JSON_LINES);
	for (size_t i = 0; i < count; i++)
		write_thread(json, ktstr_probe_snapshot_thread(snapshot, i));
	json_end(json);
	json_end(json);
}

void render_json_end(struct render_json *render, int interrupted)
{
	json_end(&render->json);
	json_boolean(&render->json, "interrupted", interrupted);
	json_end(&render->json);
}
