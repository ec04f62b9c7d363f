/* SPDX-License-Identifier: BSD-2-Clause */
/* The version that this library was built as. */
#include "config.h"

#include <ktstr/probe.h>

const char *ktstr_probe_version(void)
{
	return PACKAGE_VERSION;
}
