/* SPDX-License-Identifier: BSD-2-Clause */
/* Structures that a caller fills in and that grow from version to version. */
#include "shared/extensible_struct.h"

#include <errno.h>
#include <string.h>

int extensible_struct_copy(void *known, size_t known_size, const void *given)
{
	const unsigned char *bytes = given;
	size_t size;

	memcpy(&size, given, sizeof size);
	if (size < sizeof size)
		return -EINVAL;
	if (size > EXTENSIBLE_STRUCT_MAX)
		return -E2BIG;
	for (size_t i = known_size; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	memset(known, 0, known_size);
	memcpy(known, given, size < known_size ? size : known_size);
	memcpy(known, &known_size, sizeof known_size);
	return 0;
}
