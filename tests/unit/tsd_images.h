/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS images of jemallocs, made up by the tests of tsd_layout. */
#ifndef KTSTR_TSD_IMAGES_H
#define KTSTR_TSD_IMAGES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>

#include "base/arch.h"
#include "jemalloc/tsd_layout.h"

#define ROOM 8192
static unsigned char image[ROOM];

static const char version_old[] = "5.2.1-0-gea6b3e973b477b8061e0076bb257dbd7f3faa756";
static const char version_new[] = "5.3.0-1-ge13ca993e8ccb9ba9847cc330696e02839f328f7";

#endif
