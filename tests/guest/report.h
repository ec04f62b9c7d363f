/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest says to the outside: framed, counted and checksummed lines on the console, which
 * tests/guest/Guest.pm reads.
 */
#ifndef KTSTR_GUEST_REPORT_H
#define KTSTR_GUEST_REPORT_H

/* Lines go to this descriptor, and are counted from 1. */
void report_open(int console);

/* One line: "@ktstr <count> <crc32 of 'count text'> <text>". Control characters in text become '?'.
 */
__attribute__((format(printf, 1, 2))) void report(const char *format, ...);

/* For tests of the reader: a line whose sum is wrong. */
void report_garbled(const char *text);

#endif
