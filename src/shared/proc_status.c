/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file /proc/PID/status. Line by line, because the lines before NSpid may hold 65536 groups
 * (NGROUPS_MAX). A task's name cannot forge a line: the kernel escapes newlines in it.
 */
#include "shared/proc_status.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "shared/decimal.h"

/* Line by line in pieces of this size; what is longer (Groups, perhaps Cpus_allowed) is skipped. */
#define LINE_SIZE 4096

static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

/* One number, and what stands behind it. NULL when there is none, or it is larger than max. */
static const char *take_number(const char *at, uint64_t max, uint64_t *number)
{
	at = decimal_prefix(skip_blanks(at), number);
	return at && *number <= max ? at : NULL;
}

static bool take_int(const char *value, int *member)
{
	uint64_t number;
	const char *end = take_number(value, INT_MAX, &number);

	if (!end || *end)
		return false;
	*member = (int)number;
	return true;
}

static bool take_tgid(const char *value, struct proc_status *status)
{
	return take_int(value, &status->tgid);
}

static bool take_pid(const char *value, struct proc_status *status)
{
	return take_int(value, &status->pid);
}

static bool take_tracer(const char *value, struct proc_status *status)
{
	return take_int(value, &status->tracer);
}

static bool take_seccomp(const char *value, struct proc_status *status)
{
	return take_int(value, &status->seccomp);
}

static bool take_ids(const char *value, uint32_t ids[PROC_STATUS_IDS])
{
	for (size_t i = 0; i < PROC_STATUS_IDS; i++) {
		uint64_t number;

		value = take_number(value, UINT32_MAX, &number);
		if (!value)
			return false;
		ids[i] = (uint32_t)number;
	}
	return *value == '\0';
}

static bool take_uids(const char *value, struct proc_status *status)
{
	return take_ids(value, status->uids);
}

static bool take_gids(const char *value, struct proc_status *status)
{
	return take_ids(value, status->gids);
}

/* Sixteen digits: render_cap_t() in fs/proc/array.c. */
static bool take_capabilities(const char *value, uint64_t *capabilities)
{
	value = skip_blanks(value);
	*capabilities = 0;
	if (strlen(value) != 16)
		return false;
	for (; *value; value++) {
		unsigned int digit;

		if (*value >= '0' && *value <= '9')
			digit = (unsigned int)(*value - '0');
		else if (*value >= 'a' && *value <= 'f')
			digit = (unsigned int)(*value - 'a') + 10;
		else
			return false;
		*capabilities = *capabilities << 4 | digit;
	}
	return true;
}

static bool take_cap_permitted(const char *value, struct proc_status *status)
{
	return take_capabilities(value, &status->cap_permitted);
}

static bool take_cap_effective(const char *value, struct proc_status *status)
{
	return take_capabilities(value, &status->cap_effective);
}

static bool take_nspid(const char *value, struct proc_status *status)
{
	status->levels = 0;
	while (*skip_blanks(value)) {
		uint64_t number;

		value = take_number(value, INT_MAX, &number);
		if (!value)
			return false;
		status->ns_tid = (pid_t)number;
		status->levels++;
	}
	return status->levels > 0;
}

static const struct {
	const char *key;
	bool (*take)(const char *value, struct proc_status *status);
	bool optional; /* not every kernel writes it */
} lines[] = {
	{ .key = "Tgid:", .take = take_tgid },
	{ .key = "Pid:", .take = take_pid },
	{ .key = "TracerPid:", .take = take_tracer },
	{ .key = "Uid:", .take = take_uids },
	{ .key = "Gid:", .take = take_gids },
	{ .key = "NSpid:", .take = take_nspid, .optional = true },
	{ .key = "CapPrm:", .take = take_cap_permitted },
	{ .key = "CapEff:", .take = take_cap_effective },
	{ .key = "Seccomp:", .take = take_seccomp, .optional = true },
};

#define LINES (sizeof lines / sizeof *lines)

struct parse {
	struct proc_status *status;
	bool seen[LINES];
	bool malformed;
};

/* A line without its newline. */
static void take_line(struct parse *parse, const char *line)
{
	for (size_t i = 0; i < LINES; i++) {
		size_t length = strlen(lines[i].key);

		if (strncmp(line, lines[i].key, length) != 0)
			continue;
		parse->seen[i] = true;
		if (!lines[i].take(line + length, parse->status))
			parse->malformed = true;
	}
}

static void parse_begin(struct parse *parse, struct proc_status *status)
{
	*status = (struct proc_status){ .seccomp = -1 };
	*parse = (struct parse){ .status = status };
}

static int parse_end(const struct parse *parse)
{
	struct proc_status *status = parse->status;

	for (size_t i = 0; i < LINES; i++)
		if (!parse->seen[i] && !lines[i].optional)
			return -EBADMSG;
	if (parse->malformed)
		return -EBADMSG;
	if (status->levels == 0) {
		status->ns_tid = status->pid;
		status->levels = 1;
	}
	return 0;
}

/* Takes the whole lines at the start of text. Returns how many bytes they were. */
static size_t take_lines(struct parse *parse, char *text, size_t length, bool *skipping)
{
	char *line = text, *end;

	while ((end = memchr(line, '\n', (size_t)(text + length - line)))) {
		*end = '\0';
		if (!*skipping)
			take_line(parse, line);
		*skipping = false;
		line = end + 1;
	}
	return (size_t)(line - text);
}

int proc_status_parse(const char *text, struct proc_status *status)
{
	struct parse parse;
	char line[LINE_SIZE];

	parse_begin(&parse, status);
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (length < sizeof line) {
			memcpy(line, text, length);
			line[length] = '\0';
			take_line(&parse, line);
		}
		text += length + (text[length] == '\n');
	}
	return parse_end(&parse);
}

static int read_lines(int fd, struct parse *parse)
{
	char text[LINE_SIZE];
	size_t used = 0, taken;
	bool skipping = false, empty = true;
	ssize_t got;

	while ((got = read(fd, text + used, sizeof text - used)) != 0) {
		if (got < 0)
			return -errno;
		empty = false;
		used += (size_t)got;
		taken = take_lines(parse, text, used, &skipping);
		used -= taken;
		memmove(text, text + taken, used);
		if (used == sizeof text) {
			skipping = true;
			used = 0;
		}
	}
	return empty ? -ESRCH : parse_end(parse);
}

int proc_status_read(int dir_fd, const char *path, struct proc_status *status)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC), rc;
	struct parse parse;

	if (fd < 0)
		return -errno;
	parse_begin(&parse, status);
	rc = read_lines(fd, &parse);
	close(fd);
	return rc;
}
