/* SPDX-License-Identifier: BSD-2-Clause */
/* Decimal numbers, read and written by hand. No heap, no locale. */
#include "shared/decimal.h"

#include <errno.h>
#include <stdbool.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

const char *decimal_prefix(const char *text, uint64_t *number)
{
	uint64_t value = 0;

	if (!is_digit(*text))
		return NULL;
	for (; is_digit(*text); text++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (unsigned int)(*text - '0'), &value))
			return NULL;
	*number = value;
	return text;
}

int decimal_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	uint64_t value;
	const char *end = text;

	while (is_digit(*end))
		end++;
	if (end == text || *end)
		return -EINVAL;
	if (!decimal_prefix(text, &value) || value < min || value > max)
		return -ERANGE;
	*number = value;
	return 0;
}

size_t decimal_format(uint64_t number, char text[DECIMAL_SIZE])
{
	char reversed[DECIMAL_SIZE];
	size_t count = 0;

	do {
		reversed[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	for (size_t i = 0; i < count; i++)
		text[i] = reversed[count - 1 - i];
	text[count] = '\0';
	return count;
}
