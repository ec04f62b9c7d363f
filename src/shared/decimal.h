/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decimal numbers, read and written by hand: strtoull(3) takes signs and blanks, and printf(3) may
 * use the heap, which the worker must leave alone.
 */
#ifndef KTSTR_SHARED_DECIMAL_H
#define KTSTR_SHARED_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

/* Room for the digits of any uint64_t and a NUL. */
#define DECIMAL_SIZE 21

/*
 * Reads the digits that text begins with. Returns what stands behind them; NULL, and leaves *number
 * alone, when there are none or the number is larger than a uint64_t.
 */
const char *decimal_prefix(const char *text, uint64_t *number);

/*
 * Reads a text that is decimal digits and nothing else: no sign, blank, hex or suffix. Returns 0;
 * -EINVAL when text is not of that form; -ERANGE when the number is not between min and max. Leaves
 * *number alone unless it returns 0.
 */
int decimal_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number);

/* Writes the number, NUL-terminated. Returns the count of digits. */
size_t decimal_format(uint64_t number, char text[DECIMAL_SIZE]);

#endif
