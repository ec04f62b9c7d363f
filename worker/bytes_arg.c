/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker's BYTES, by hand: strtoull takes signs and blanks, and printf may use the heap. */
#include "bytes_arg.h"

#include <errno.h>
#include <stdint.h>

int bytes_arg_parse(const char *text, size_t *bytes)
{
	size_t value = 0;
	int too_large = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text; text++) {
		size_t digit;

		if (*text < '0' || *text > '9')
			return -EINVAL;
		digit = (size_t)(*text - '0');
		if (value > (SIZE_MAX - digit) / 10)
			too_large = 1;
		value = value * 10 + digit;
	}
	if (too_large)
		return -ERANGE;
	*bytes = value;
	return 0;
}

size_t bytes_arg_format(size_t bytes, char text[BYTES_TEXT_SIZE])
{
	char reversed[BYTES_TEXT_SIZE];
	size_t count = 0;

	do {
		reversed[count++] = (char)('0' + bytes % 10);
		bytes /= 10;
	} while (bytes > 0);
	for (size_t i = 0; i < count; i++)
		text[i] = reversed[count - 1 - i];
	text[count] = '\0';
	return count;
}
