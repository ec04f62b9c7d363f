/* SPDX-License-Identifier: BSD-2-Clause */
/* The exit codes, and the tagged lines on the standard error. */
#include "config.h"

#include "src/tools/probe/report.h"

#include <errno.h>
#include <string.h>

#include "output/message.h"

#define ERROR_PREFIX "error: "

int report_exit_code(const struct run *run, bool complete)
{
	return complete && run->read ? EXIT_READ : EXIT_NOTHING_READ;
}

void report_fatal(FILE *out, int tag, const char *text)
{
	fprintf(out, "ktstr-probe-fatal: %s\n", ktstr_probe_tag_name(tag));
	/* The gates and the state of each make a long one; the others are matched by the line. */
	if (tag == KTSTR_PROBE_TAG_PERMISSION_DENIED)
		message_print_wrapped(out, ERROR_PREFIX, text);
	else
		message_print(out, ERROR_PREFIX, text);
}

void report_unwritten(FILE *out, int code)
{
	char text[128];

	snprintf(text, sizeof text, "the output could not be written: %s",
		 code == -ETIMEDOUT ? "nobody reads it" : strerror(-code));
	report_fatal(out, KTSTR_PROBE_TAG_OTHER, text);
}

void report_last_snapshot(FILE *out, const struct run *run, const char *text)
{
	char prefix[64];

	snprintf(prefix, sizeof prefix, "warning: snapshot %u/%u is the last: ", run->taken,
		 run->options.snapshots);
	message_print(out, prefix, text);
}

void report_all_failed(FILE *out, const struct run *run)
{
	fprintf(out, "ktstr-probe-all-failed: %s\n",
		run->options.snapshots > 1 ? "multi" : "single");
}

void report_deadline(FILE *out, const struct run *run)
{
	fprintf(out, "ktstr-probe-deadline: abort after %ums\n", run->options.abort_after_ms);
}
