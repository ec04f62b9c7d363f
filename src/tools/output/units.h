/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of bytes as people read them. Pure. */
#ifndef KTSTR_UNITS_H
#define KTSTR_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#define UNITS_SIZE 24 /* the longest result with its NUL */

/* "702.1 MiB", "-12.0 KiB", "0 B"; raw: "736198656". Returns text. */
const char *units_bytes(int64_t bytes, bool raw, char text[UNITS_SIZE]);

/* Whole percents of a part, "58 %", and "" where there is no whole. Returns text. */
const char *units_percent(int64_t part, int64_t whole, char text[UNITS_SIZE]);

#endif
