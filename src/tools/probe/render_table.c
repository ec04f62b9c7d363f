/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of a snapshot for a terminal: each column as wide as its widest cell. */
#include "config.h"

#include "src/tools/probe/render_table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "output/escape.h"

enum {
	COLUMN_TID,
	COLUMN_NAME,
	COLUMN_ALLOCATED,
	COLUMN_DEALLOCATED,
	COLUMN_FLOW,
	COLUMN_ALLOCATED_RATE,
	COLUMN_DEALLOCATED_RATE,
	COLUMNS,
};

#define WITHOUT_RATES COLUMN_ALLOCATED_RATE /* columns then */
#define NAME_LEAST    4                     /* a name is not cut below that */

static const char *const headings[COLUMNS] = {
	[COLUMN_TID] = "TID",
	[COLUMN_NAME] = "NAME",
	[COLUMN_ALLOCATED] = "ALLOCATED",
	[COLUMN_DEALLOCATED] = "DEALLOCATED",
	[COLUMN_FLOW] = "FLOW",
	[COLUMN_ALLOCATED_RATE] = "ALLOCATED/s",
	[COLUMN_DEALLOCATED_RATE] = "DEALLOCATED/s",
};

struct layout {
	int64_t ns;
	size_t columns;
	bool scaled; /* numbers as multiples of 1024 */
	size_t widths[COLUMNS];
};

struct cell {
	char text[ESCAPE_SIZE];
	size_t columns; /* code points of text */
};

/* Up to 6 characters: 1023, 9.99K, 99.9M, 1023G. */
static void format_scaled(double number, char text[ESCAPE_SIZE])
{
	static const char units[] = " KMGTPE";
	const char *sign = number < 0 ? "-" : "";
	size_t unit = 0;

	number = number < 0 ? -number : number;
	while (number >= 1023.5 && unit + 2 < sizeof units) {
		number /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(text, ESCAPE_SIZE, "%s%.0f", sign, number);
	else
		snprintf(text, ESCAPE_SIZE, "%s%.*f%c", sign,
			 number < 9.995   ? 2
			 : number < 99.95 ? 1
					  : 0,
			 number, units[unit]);
}

static void format_number(const struct layout *layout, uint64_t number, bool is_signed,
			  char text[ESCAPE_SIZE])
{
	if (layout->scaled)
		format_scaled(is_signed ? (double)(int64_t)number : (double)number, text);
	else if (is_signed)
		snprintf(text, ESCAPE_SIZE, "%" PRId64, (int64_t)number);
	else
		snprintf(text, ESCAPE_SIZE, "%" PRIu64, number);
}

static void format_rate(const struct layout *layout, uint64_t now, uint64_t before,
			char text[ESCAPE_SIZE])
{
	double rate = (double)(now - before) * 1e9 / (double)layout->ns;

	if (layout->scaled)
		format_scaled(rate, text);
	else
		snprintf(text, ESCAPE_SIZE, "%.0f", rate);
}

static void format_cell(const struct layout *layout, const struct render_table_row *row,
			size_t column, struct cell *cell)
{
	const struct ktstr_probe_thread *thread = row->thread, *before = row->before;
	char *text = cell->text;

	*text = '\0';
	switch (column) {
	case COLUMN_TID:
		snprintf(text, ESCAPE_SIZE, "%d", (int)thread->tid);
		break;
	case COLUMN_NAME:
		cell->columns = 1;
		memcpy(text, "-", sizeof "-");
		if (thread->has_name)
			cell->columns = escape_line(thread->comm, text);
		return;
	case COLUMN_ALLOCATED:
		format_number(layout, thread->allocated_bytes, false, text);
		break;
	case COLUMN_DEALLOCATED:
		format_number(layout, thread->deallocated_bytes, false, text);
		break;
	case COLUMN_FLOW:
		format_number(layout, thread->allocated_bytes - thread->deallocated_bytes, true,
			      text);
		break;
	case COLUMN_ALLOCATED_RATE:
		if (before)
			format_rate(layout, thread->allocated_bytes, before->allocated_bytes, text);
		break;
	case COLUMN_DEALLOCATED_RATE:
		if (before)
			format_rate(layout, thread->deallocated_bytes, before->deallocated_bytes,
				    text);
		break;
	default:
		break;
	}
	cell->columns = strlen(text);
}

/* Returns the width of a line. */
static size_t measure(struct layout *layout, const struct render_table_row *rows, size_t count)
{
	size_t total = layout->columns - 1;

	for (size_t column = 0; column < layout->columns; column++) {
		size_t widest = strlen(headings[column]);

		for (size_t i = 0; i < count; i++) {
			struct cell cell;

			format_cell(layout, &rows[i], column, &cell);
			widest = cell.columns > widest ? cell.columns : widest;
		}
		layout->widths[column] = widest;
		total += widest;
	}
	return total;
}

static void fit(struct layout *layout, unsigned int width, const struct render_table_row *rows,
		size_t count)
{
	size_t total = measure(layout, rows, count), too_much;

	if (!width)
		return;
	if (total > width) {
		layout->scaled = true;
		total = measure(layout, rows, count);
	}
	if (total > width && layout->columns > WITHOUT_RATES) {
		layout->columns = WITHOUT_RATES;
		total = measure(layout, rows, count);
	}
	too_much = total > width ? total - width : 0;
	if (layout->widths[COLUMN_NAME] > NAME_LEAST + too_much)
		layout->widths[COLUMN_NAME] -= too_much;
	else if (too_much)
		layout->widths[COLUMN_NAME] = NAME_LEAST;
}

/* The name to the left, the numbers to the right. */
static void write_cell(FILE *out, const struct layout *layout, size_t column, struct cell *cell)
{
	size_t width = layout->widths[column];
	size_t padding = cell->columns < width ? width - cell->columns : 0;

	if (column > 0)
		putc(' ', out);
	if (column == COLUMN_NAME && cell->columns > width) {
		char *p = cell->text;

		/* Up to the first byte of the character that is one too many. */
		for (size_t i = 0; i < width - 1; i++)
			p += escape_utf8(p, strlen(p));
		memcpy(p, "~", sizeof "~");
	}
	if (column == COLUMN_NAME)
		fprintf(out, "%s%*s", cell->text, (int)padding, "");
	else
		fprintf(out, "%*s%s", (int)padding, "", cell->text);
}

void render_table(FILE *out, unsigned int width, const struct render_table_row *rows, size_t count,
		  int64_t ns)
{
	struct layout layout = { .ns = ns, .columns = ns > 0 ? COLUMNS : WITHOUT_RATES };
	struct cell cell;

	fit(&layout, width, rows, count);
	for (size_t column = 0; column < layout.columns; column++) {
		cell.columns =
			(size_t)snprintf(cell.text, sizeof cell.text, "%s", headings[column]);
		write_cell(out, &layout, column, &cell);
	}
	putc('\n', out);
	for (size_t i = 0; i < count; i++) {
		for (size_t column = 0; column < layout.columns; column++) {
			format_cell(&layout, &rows[i], column, &cell);
			if (column >= WITHOUT_RATES && cell.columns == 0)
				break;
			write_cell(out, &layout, column, &cell);
		}
		putc('\n', out);
	}
}
