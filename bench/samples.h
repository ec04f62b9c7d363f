/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing list of measured values and their quantiles. */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

struct samples {
	double *values;
	size_t count, room;
};

/* Ends the bench with a message. */
__attribute__((noreturn)) void give_up(const char *what, const char *why);

/* Ends the bench when there is no memory. */
void samples_add(struct samples *samples, double value);

/* The value below which the share q lies. Sorts; NAN when there are none. */
double samples_quantile(struct samples *samples, double q);

/* Frees the values; the list can be used anew. */
void samples_clear(struct samples *samples);

/* CLOCK_MONOTONIC in microseconds. */
double now_us(void);

/*
 * A stopwatch for what the main thread does itself: microseconds since its start, without the time
 * in which the thread could have run but others had the processors (proc_pid_schedstat, second
 * number).
 */
struct stopwatch {
	double start, waited;
};

struct stopwatch stopwatch_start(void);
double stopwatch_us(const struct stopwatch *stopwatch);

#endif
