/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench's one table, on stdout as it grows, and the JSON file that is written at the end. */
#include "config.h"

#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "output/json.h"

#define JSON_SCHEMA_VERSION 1

static char *copy(const char *text)
{
	char *copied = strdup(text);

	if (!copied)
		give_up("report", "out of memory");
	return copied;
}

static struct report_row *add(struct report *report, const char *key, const char *label,
			      unsigned int threads)
{
	struct report_row *row;

	report->rows = reallocarray(report->rows, report->count + 1, sizeof *report->rows);
	if (!report->rows)
		give_up("report", "out of memory");
	row = &report->rows[report->count++];
	*row = (struct report_row){ .group = copy(report->group),
				    .key = copy(key),
				    .label = copy(label),
				    .threads = threads };
	return row;
}

void report_group(struct report *report, const char *key, const char *title)
{
	report->group = key;
	printf("\n%-50s %7s %10s %10s %10s  %s\n", title, "threads", "median", "10 %", "90 %",
	       "goal");
	fflush(stdout);
}

static void print_label(const struct report_row *row)
{
	char threads[16] = "";

	if (row->threads)
		snprintf(threads, sizeof threads, "%u", row->threads);
	printf("  %-48s %7s", row->label, threads);
}

void report_row(struct report *report, const char *key, const char *label, unsigned int threads,
		struct samples *samples, const char *unit, double goal)
{
	struct report_row *row = add(report, key, label, threads);
	char text[32] = "";
	int digits;

	row->unit = copy(unit);
	row->goal = goal;
	row->rounds = samples->count;
	row->median = samples_quantile(samples, 0.5);
	row->low = samples_quantile(samples, 0.1);
	row->high = samples_quantile(samples, 0.9);
	digits = row->high < 100 && row->high > -100 ? 2 : row->high < 1000 ? 1 : 0;
	if (goal > 0)
		snprintf(text, sizeof text, "  <= %g %s", goal, row->median <= goal ? "yes" : "NO");
	print_label(row);
	printf(" %10.*f %10.*f %10.*f %s%s\n", digits, row->median, digits, row->low, digits,
	       row->high, unit, text);
	fflush(stdout);
	samples_clear(samples);
}

void report_skip(struct report *report, const char *key, const char *label, unsigned int threads,
		 const char *reason)
{
	struct report_row *row = add(report, key, label, threads);

	row->unit = copy("");
	row->skipped = copy(reason);
	print_label(row);
	printf(" not measured: %s\n", reason);
	fflush(stdout);
}

void report_note(const char *text)
{
	printf("  %s\n", text);
	fflush(stdout);
}

/* The first "model name" of /proc/cpuinfo; other architectures have none. */
static void write_machine(struct json *json)
{
	char line[256], *value = NULL, *found;
	FILE *file = fopen("/proc/cpuinfo", "re");
	struct utsname system;

	while (file && !value && fgets(line, sizeof line, file)) {
		found = strncmp(line, "model name", 10) == 0 ? strchr(line, ':') : NULL;
		if (found) {
			found[strcspn(found, "\n")] = '\0';
			value = found + strspn(found, ": ");
		}
	}
	if (file)
		fclose(file);
	uname(&system);
	json_object(json, "machine", JSON_ONE_LINE);
	json_string(json, "cpu", value ? value : "");
	json_string(json, "kernel", system.release);
	json_string(json, "architecture", system.machine);
	json_signed(json, "processors", sysconf(_SC_NPROCESSORS_ONLN));
	json_end(json);
}

static void write_row(struct json *json, const struct report_row *row)
{
	json_object(json, NULL, JSON_ONE_LINE);
	json_string(json, "group", row->group);
	json_string(json, "key", row->key);
	json_string(json, "label", row->label);
	if (row->threads)
		json_unsigned(json, "threads", row->threads);
	if (row->skipped) {
		json_string(json, "skipped", row->skipped);
	} else {
		json_string(json, "unit", row->unit);
		json_fraction(json, "median", row->median, 4);
		json_fraction(json, "p10", row->low, 4);
		json_fraction(json, "p90", row->high, 4);
		json_unsigned(json, "rounds", row->rounds);
		if (row->goal > 0)
			json_fraction(json, "goal_at_most", row->goal, 4);
	}
	json_end(json);
}

int report_write_json(const struct report *report, const char *path)
{
	FILE *out = fopen(path, "we");
	struct json json = { .out = out };

	if (!out)
		return -errno;
	json_object(&json, NULL, JSON_LINES);
	json_unsigned(&json, "schema_version", JSON_SCHEMA_VERSION);
	json_string(&json, "version", PACKAGE_VERSION);
	json_signed(&json, "made_at_unix_sec", time(NULL));
	write_machine(&json);
	json_array(&json, "rows", JSON_LINES);
	for (size_t i = 0; i < report->count; i++)
		write_row(&json, &report->rows[i]);
	json_end(&json);
	json_end(&json);
	if (ferror(out) | fclose(out))
		return -EIO;
	return 0;
}
