/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing list of measured values and their quantiles. */
#include "config.h"

#include "samples.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"

void give_up(const char *what, const char *why)
{
	fflush(stdout);
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

void samples_add(struct samples *samples, double value)
{
	if (samples->count == samples->room) {
		samples->room = samples->room ? samples->room * 2 : 64;
		samples->values =
			reallocarray(samples->values, samples->room, sizeof *samples->values);
		if (!samples->values)
			give_up("samples", "out of memory");
	}
	samples->values[samples->count++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double samples_quantile(struct samples *samples, double q)
{
	if (samples->count == 0)
		return (double)NAN;
	qsort(samples->values, samples->count, sizeof *samples->values, compare);
	return samples->values[(size_t)(q * (double)(samples->count - 1) + 0.5)];
}

void samples_clear(struct samples *samples)
{
	free(samples->values);
	*samples = (struct samples){ .count = 0 };
}

double now_us(void)
{
	return (double)clock_ns(CLOCK_MONOTONIC) / 1e3;
}

/* Zero where the kernel does not tell. */
static double waited_us(void)
{
	static int fd = -2;
	char text[64];
	ssize_t size;

	if (fd == -2)
		fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? 0 : pread(fd, text, sizeof text - 1, 0);
	if (size <= 0)
		return 0;
	text[size] = '\0';
	return strtod(text + strcspn(text, " "), NULL) / 1e3;
}

struct stopwatch stopwatch_start(void)
{
	double waited = waited_us();

	return (struct stopwatch){ .waited = waited, .start = now_us() };
}

double stopwatch_us(const struct stopwatch *stopwatch)
{
	double took = now_us() - stopwatch->start;

	return took - (waited_us() - stopwatch->waited);
}
