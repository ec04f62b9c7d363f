/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jemalloc's struct tsd_s in a dozen builds. Each release was built from its tag with --enable-prof
 * -g on x86_64 (gcc 12) and read back with gdb's ptype /o; the aarch64 rows are from the TLS images
 * of the libraries that Debian 11 and 12 ship. Two rows are redis's builds, with a quantum of 8
 * bytes (--with-lg-quantum=3): those of redis 6.0.16 and 7.0.15, read back in the same way.
 */
#include "config.h"

#include "jemalloc/tsd_layout_table.h"

#include <elf.h>

const struct tsd_layout_row tsd_layout_table[] = {
	{ "4.0.4", EM_X86_64, 80, 0, 16, 24, 0, { { 64, 2 } } },
	{ "4.5.0", EM_X86_64, 104, 0, 16, 24, 0, { { 72, 2 } } },
	{ "5.0.1", EM_X86_64, 6104, 0, 8, 16, 0, { { 0, 5 } } },
	{ "5.1.0", EM_X86_64, 6144, 0, 16, 24, 0, { { 0, 5 } } },
	{ "5.1.0", EM_X86_64, 6224, 0, 16, 24, 0, { { 0, 5 } } },
	{ "5.2.0", EM_X86_64, 6216, 0, 16, 24, 0, { { 0, 6 }, { 456, 255 } } },
	{ "5.2.1", EM_X86_64, 6216, 0, 16, 24, 0, { { 0, 6 }, { 456, 255 } } },
	{ "5.2.1", EM_X86_64, 6296, 0, 16, 24, 0, { { 0, 6 }, { 456, 255 } } },
	{ "5.3.0",
	  EM_X86_64,
	  2632,
	  816,
	  824,
	  840,
	  432,
	  { { 152, 232 },
	    { 153, 3 },
	    { 156, 232 },
	    { 157, 3 },
	    { 160, 255 },
	    { 161, 255 },
	    { 816, 6 } } },
	{ "5.3.1",
	  EM_X86_64,
	  1976,
	  928,
	  936,
	  952,
	  544,
	  { { 216, 232 },
	    { 217, 3 },
	    { 220, 232 },
	    { 221, 3 },
	    { 224, 255 },
	    { 225, 255 },
	    { 928, 6 } } },
	{ "5.3-dev (2026-05-18)",
	  EM_X86_64,
	  1936,
	  888,
	  896,
	  912,
	  504,
	  { { 216, 232 },
	    { 217, 3 },
	    { 220, 232 },
	    { 221, 3 },
	    { 224, 255 },
	    { 225, 255 },
	    { 888, 5 } } },
	{ "5.2.1", EM_AARCH64, 6248, 0, 16, 24, 0, { { 0, 6 }, { 456, 255 } } },
	{ "5.3.0",
	  EM_AARCH64,
	  2696,
	  880,
	  888,
	  904,
	  496,
	  { { 152, 232 },
	    { 153, 3 },
	    { 156, 232 },
	    { 157, 3 },
	    { 160, 255 },
	    { 161, 255 },
	    { 880, 6 } } },
};

const size_t tsd_layout_table_rows = sizeof tsd_layout_table / sizeof *tsd_layout_table;
