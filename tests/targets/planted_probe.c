/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linked into a copy of the probe, with ld's --wrap: what a hostile file might make of its reader
 * happens in elf_file_tsd, as the variable PLANTED tells: crash, loop, hang, socket, nonsense. Run
 * by probe_sandbox.t.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/futex.h>

int __real_elf_file_tsd(int fd, uint64_t *value, uint64_t *size);
int __wrap_elf_file_tsd(int fd, uint64_t *value, uint64_t *size);

int __wrap_elf_file_tsd(int fd, uint64_t *value, uint64_t *size)
{
	const char *planted = getenv("PLANTED");
	volatile uint32_t word = 0;

	planted = planted ? planted : "";
	if (strcmp(planted, "crash") == 0)
		*(volatile int *volatile)(uintptr_t)fd = 1;
	while (strcmp(planted, "loop") == 0)
		word++;
	while (strcmp(planted, "hang") == 0)
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
	if (strcmp(planted, "socket") == 0)
		return socket(AF_INET, SOCK_STREAM, 0);
	if (strcmp(planted, "nonsense") == 0) {
		*value = *size = UINT64_MAX;
		return 0;
	}
	return __real_elf_file_tsd(fd, value, size);
}
