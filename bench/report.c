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

static void write_string(FILE *out, const char *name, const char *text)
{
	fprintf(out, "\"%s\": \"", name);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

/* The first "model name" of /proc/cpuinfo; other architectures have none. */
static void write_machine(FILE *out)
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
	fputs("  \"machine\": { ", out);
	write_string(out, "cpu", value ? value : "");
	fputs(", ", out);
	write_string(out, "kernel", system.release);
	fputs(", ", out);
	write_string(out, "architecture", system.machine);
	fprintf(out, ", \"processors\": %ld },\n", sysconf(_SC_NPROCESSORS_ONLN));
}

static void write_row(FILE *out, const struct report_row *row)
{
	fputs("    { ", out);
	write_string(out, "group", row->group);
	fputs(", ", out);
	write_string(out, "key", row->key);
	fputs(", ", out);
	write_string(out, "label", row->label);
	if (row->threads)
		fprintf(out, ", \"threads\": %u", row->threads);
	fputs(", ", out);
	if (row->skipped) {
		write_string(out, "skipped", row->skipped);
	} else {
		write_string(out, "unit", row->unit);
		fprintf(out, ", \"median\": %.4f, \"p10\": %.4f, \"p90\": %.4f, \"rounds\": %zu",
			row->median, row->low, row->high, row->rounds);
		if (row->goal > 0)
			fprintf(out, ", \"goal_at_most\": %g", row->goal);
	}
	fputs(" }", out);
}

int report_write_json(const struct report *report, const char *path)
{
	FILE *out = fopen(path, "we");

	if (!out)
		return -errno;
	fprintf(out,
		"{\n  \"schema_version\": %d,\n  \"version\": \"%s\",\n  \"made_at_unix_sec\": "
		"%lld,\n",
		JSON_SCHEMA_VERSION, PACKAGE_VERSION, (long long)time(NULL));
	write_machine(out);
	fputs("  \"rows\": [\n", out);
	for (size_t i = 0; i < report->count; i++) {
		write_row(out, &report->rows[i]);
		fputs(i + 1 < report->count ? ",\n" : "\n", out);
	}
	fputs("  ]\n}\n", out);
	if (ferror(out) | fclose(out))
		return -EIO;
	return 0;
}
