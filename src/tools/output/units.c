/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes with a unit. */
#include "config.h"

#include "output/units.h"

#include <inttypes.h>
#include <stdio.h>

#define STEP 1024

static uint64_t magnitude(int64_t number)
{
	return number < 0 ? -(uint64_t)number : (uint64_t)number;
}

const char *units_bytes(int64_t bytes, bool raw, char text[UNITS_SIZE])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	const char *sign = bytes < 0 ? "-" : "";
	uint64_t whole = magnitude(bytes), tenths;
	size_t unit = 0;

	if (raw) {
		snprintf(text, UNITS_SIZE, "%" PRId64, bytes);
		return text;
	}
	if (whole < STEP) {
		snprintf(text, UNITS_SIZE, "%s%" PRIu64 " B", sign, whole);
		return text;
	}
	/* Down to a number below 1024 with one rounded digit behind the point. */
	while (whole / STEP >= STEP && unit + 1 < sizeof units / sizeof *units) {
		whole /= STEP;
		unit++;
	}
	tenths = (whole * 10 + STEP / 2) / STEP;
	if (tenths >= STEP * UINT64_C(10) && unit + 1 < sizeof units / sizeof *units) {
		tenths = 10;
		unit++;
	}
	snprintf(text, UNITS_SIZE, "%s%" PRIu64 ".%" PRIu64 " %s", sign, tenths / 10, tenths % 10,
		 units[unit]);
	return text;
}

const char *units_percent(int64_t part, int64_t whole, char text[UNITS_SIZE])
{
	double percent;

	text[0] = '\0';
	if (whole <= 0)
		return text;
	percent = (double)part * 100 / (double)whole;
	if (percent > -1e6 && percent < 1e6)
		snprintf(text, UNITS_SIZE, "%.0f %%",
			 percent > -0.5 && percent < 0 ? 0.0 : percent);
	return text;
}
