/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The JSON document, schema version 3, written as the snapshots come: memory does not grow with
 * their number, and what was read is out even if the program is killed.
 */
#ifndef KTSTR_RENDER_JSON_H
#define KTSTR_RENDER_JSON_H

#include <stdint.h>

#include "output/json.h"
#include <ktstr/probe.h>

struct render_json {
	struct json json;
	pid_t pid;
	const struct ktstr_probe *session; /* its jemallocs are named where there are several */
	int64_t start_unix_ns, start_monotonic_ns; /* elapsed_since_start_ns counts from here */
	unsigned int interval_ms;                  /* written when it is not 0 */
};

void render_json_begin(struct render_json *render);
void render_json_snapshot(struct render_json *render, const struct ktstr_probe_snapshot *snapshot);

/* `interrupted` stands last: it is not known before the end. Write errors show in ferror(out). */
void render_json_end(struct render_json *render, bool interrupted);

/* A whole document on one line: what render_json_begin writes, and this snapshot. */
void render_json_line(struct render_json *render, const struct ktstr_probe_snapshot *snapshot,
		      unsigned int number, unsigned int total);

#endif
