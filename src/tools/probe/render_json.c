/* SPDX-License-Identifier: BSD-2-Clause */
/* The JSON document, schema version 3, written as the snapshots come. */
#include "config.h"

#include "src/tools/probe/render_json.h"

#include <inttypes.h>

#include "output/escape.h"

#define SCHEMA_VERSION 3
#define NS_PER_SEC     INT64_C(1000000000)

/* The library's own texts are ASCII, but a path or an errno text in them need not be. */
static void write_string(FILE *out, const char *text)
{
	putc('"', out);
	while (*text) {
		size_t length = escape_utf8(text);
		unsigned char first = (unsigned char)*text;

		if (length == 0)
			fputs("\xef\xbf\xbd", out);
		else if (first == '"' || first == '\\')
			fprintf(out, "\\%c", first);
		else if (first < 0x20 || first == 0x7f)
			fprintf(out, "\\u%04x", first);
		else
			fwrite(text, 1, length, out);
		text += length ? length : 1;
	}
	putc('"', out);
}

void render_json_begin(struct render_json *json, pid_t pid, int64_t started_at_unix_sec,
		       unsigned int interval_ms)
{
	fprintf(json->out,
		"{\n  \"schema_version\": %d,\n  \"pid\": %d,\n  \"tool_version\": \"%s\",\n"
		"  \"started_at_unix_sec\": %" PRId64 ",\n",
		SCHEMA_VERSION, (int)pid, PACKAGE_VERSION, started_at_unix_sec);
	if (interval_ms)
		fprintf(json->out, "  \"interval_ms\": %u,\n", interval_ms);
	fputs("  \"snapshots\": [", json->out);
}

static void write_thread(FILE *out, const struct ktstr_probe_thread *thread)
{
	fprintf(out, "{ \"tid\": %d", (int)thread->tid);
	if (thread->has_name) {
		char comm[ESCAPE_SIZE];

		escape_json(thread->comm, comm);
		fprintf(out, ", \"comm\": \"%s\", \"start_time_jiffies\": %" PRIu64, comm,
			thread->start_time);
	}
	if (thread->error_kind == KTSTR_PROBE_THREAD_OK) {
		fprintf(out,
			", \"allocated_bytes\": %" PRIu64 ", \"deallocated_bytes\": %" PRIu64 " }",
			thread->allocated_bytes, thread->deallocated_bytes);
		return;
	}
	fputs(", \"error\": ", out);
	write_string(out, thread->error_text ? thread->error_text : "");
	fprintf(out, ", \"error_kind\": \"%s\" }",
		ktstr_probe_thread_error_name(thread->error_kind));
}

void render_json_snapshot(struct render_json *json, const struct ktstr_probe_snapshot *snapshot)
{
	size_t count = ktstr_probe_snapshot_count(snapshot);

	fprintf(json->out,
		"%s\n    { \"timestamp_unix_sec\": %" PRId64
		", \"elapsed_since_start_ns\": %" PRId64 ",\n      \"threads\": [",
		json->snapshots++ ? "," : "", ktstr_probe_snapshot_unix_ns(snapshot) / NS_PER_SEC,
		ktstr_probe_snapshot_monotonic_ns(snapshot) - json->start_monotonic_ns);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? ",\n        " : "\n        ", json->out);
		write_thread(json->out, ktstr_probe_snapshot_thread(snapshot, i));
	}
	fputs(" ] }", json->out);
}

void render_json_end(struct render_json *json, int interrupted)
{
	fprintf(json->out, "\n  ],\n  \"interrupted\": %s\n}\n", interrupted ? "true" : "false");
}
