/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's thread pointer without stopping it, from its robust-futex list.
 */
#include "config.h"

#include "tls/robust_list.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* x86-64 psABI 1.0, 3.4.2: %fs:0 holds the thread pointer itself; glibc's tcbhead_t repeats it as
   `self`, the third word (sysdeps/x86_64/nptl/tls.h). */
#define SELF_WORD 2

int robust_list_head(pid_t tid, uint64_t *head)
{
	uintptr_t address = 0;
	size_t size = 0;

	/* get_robust_list(2) asks for PTRACE_MODE_READ_REALCREDS and stops nothing. */
	if (syscall(SYS_get_robust_list, tid, &address, &size))
		return -errno;
	*head = address;
	return address ? 0 : -ENODATA;
}

int robust_list_search(const uint64_t *words, size_t count, uint64_t address, uint64_t *found)
{
	int matches = 0;

	for (size_t i = 0; i + SELF_WORD < count; i++) {
		uint64_t here = address + i * sizeof *words;

		if (here % 16 || words[i] != here || words[i + SELF_WORD] != here)
			continue;
		*found = here;
		matches++;
	}
	return matches == 1 ? 0 : matches ? -ENOTUNIQ : -ENOENT;
}

/*
 * Reads the words below `end`, as many as are mapped: the struct may begin less than
 * ROBUST_LIST_SEARCH above the start of its mapping. Returns their number or a negative errno.
 */
static ssize_t read_below(pid_t tid, uint64_t end, uint64_t *words)
{
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE), size = ROBUST_LIST_SEARCH;

	while (size > 0) {
		struct iovec local = { .iov_base = words, .iov_len = size };
		struct iovec remote = { .iov_base = (void *)(uintptr_t)(end - size),
					.iov_len = size };
		uint64_t shorter;

		if (process_vm_readv(tid, &local, 1, &remote, 1, 0) == (ssize_t)size)
			return (ssize_t)(size / sizeof *words);
		if (errno != EFAULT && errno != 0)
			return -errno;
		/* Begin at the next page boundary. */
		shorter = end - ((end - size) / page_size + 1) * page_size;
		if (shorter >= size)
			break;
		size = shorter;
	}
	return -EFAULT;
}

int robust_list_distance(pid_t tid, pid_t inner_tid, uint64_t *distance)
{
	uint64_t words[ROBUST_LIST_SEARCH / sizeof(uint64_t)];
	uint64_t head = 0, found = 0;
	ssize_t count;
	int32_t word;
	int rc;

	rc = robust_list_head(tid, &head);
	if (rc)
		return rc;
	if (head % sizeof *words || head < ROBUST_LIST_SEARCH)
		return -EBADMSG;
	errno = 0;
	count = read_below(tid, head, words);
	if (count < 0)
		return (int)count;
	if ((size_t)count * sizeof *words < ROBUST_LIST_TID_BEFORE_HEAD)
		return -ENOENT;
	rc = robust_list_search(words, (size_t)count, head - (uint64_t)count * sizeof *words,
				&found);
	if (rc)
		return rc;
	memcpy(&word, (const char *)(words + count) - ROBUST_LIST_TID_BEFORE_HEAD, sizeof word);
	if (word != inner_tid)
		return -EBADMSG;
	*distance = head - found;
	return 0;
}

int robust_list_distance_from_libc(uint32_t sizeof_pthread, const uint32_t tid_field[3],
				   uint64_t *distance)
{
	/* nptl_db: DB_STRUCT (size), DB_FIELD (bits an element, elements, offset). */
	if (sizeof_pthread < 512 || sizeof_pthread > 65536 || sizeof_pthread % 16)
		return -EBADMSG;
	if (tid_field[0] != 32 || tid_field[1] != 1 || tid_field[2] > sizeof_pthread - 64 ||
	    tid_field[2] % 4)
		return -EBADMSG;
	*distance = (uint64_t)tid_field[2] + ROBUST_LIST_TID_BEFORE_HEAD - sizeof_pthread;
	return 0;
}
