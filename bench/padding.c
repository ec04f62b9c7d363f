/* SPDX-License-Identifier: BSD-2-Clause */
/* 100 MB of constant data, for a target as large as a large program. Linked into
 * bench/target_large. */
#define PADDING_BYTES 104857600

extern const char bench_padding[PADDING_BYTES];

/* The first byte is not zero, so that it does not become .bss; code of the target refers to it. */
const char bench_padding[PADDING_BYTES] = { 1 };
