/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A library whose loading waits for a byte on stdin: the dynamic linker calls the resolver of an
 * indirect function while it relocates.
 */
#include <stddef.h>

/* read(2) without libc: this library's own calls are not relocated yet. */
static long read_raw(int fd, void *buffer, size_t size)
{
#ifdef __x86_64__
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(0L), "D"((long)fd), "S"(buffer), "d"(size)
			 : "rcx", "r11", "memory");
	return result;
#else
	register long number __asm__("x8") = 63, first __asm__("x0") = fd;
	register void *second __asm__("x1") = buffer;
	register size_t third __asm__("x2") = size;

	__asm__ volatile("svc #0" : "+r"(first) : "r"(number), "r"(second), "r"(third) : "memory");
	return first;
#endif
}

static int answer(void)
{
	return 42;
}

static int (*resolve(void))(void)
{
	char byte;

	read_raw(0, &byte, 1);
	return answer;
}

int late_link(void) __attribute__((ifunc("resolve")));

/* A pointer in data is relocated at once, also without -z now. */
int (*const late_link_pointer)(void) = late_link;
