/* SPDX-License-Identifier: BSD-2-Clause */
/* The version that this library was built as. */
#include "config.h"

#include <ktstr/version.h>

const char *ktstr_version(void)
{
	return PACKAGE_VERSION;
}
