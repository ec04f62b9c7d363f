/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's thread pointer without stopping it, from its robust-futex list.
 */
#include "config.h"

#include "tls/robust_list.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* x86-64 psABI 1.0, 3.4.2: %fs:0 holds the thread pointer itself; glibc's tcbhead_t repeats it as
   `self`, the third word (sysdeps/x86_64/nptl/tls.h). */
#define SELF_WORD 2

int robust_list_head(struct target *target, pid_t tid, uint64_t *head)
{
	int rc = target->ops->robust_list(target, tid, head);

	return rc == 0 && !*head ? -ENODATA : rc;
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

/* nptl/allocatestack.c and pthread_create.c: robust_prev = &robust_head; robust_head.list =
   &robust_head; futex_offset = offsetof (pthread_mutex_t, __data.__lock) - offsetof
   (pthread_mutex_t, __data.__list.__next), of 64-bit programs 0 - 32. */
#define FUTEX_OFFSET (-INT64_C(32))

int robust_list_search_head(const uint64_t *words, size_t count, uint64_t address, uint64_t *head)
{
	int matches = 0;

	for (size_t i = 1; i + 1 < count; i++) {
		uint64_t here = address + i * sizeof *words;

		if (words[i - 1] != here || words[i] != here ||
		    words[i + 1] != (uint64_t)FUTEX_OFFSET)
			continue;
		*head = here;
		matches++;
	}
	return matches == 1 ? 0 : matches ? -ENOTUNIQ : -ENOENT;
}

/*
 * Reads the words below `end`, as many as are mapped: the struct may begin less than
 * ROBUST_LIST_SEARCH above the start of its mapping. Returns their number or a negative errno.
 */
static ssize_t read_below(struct target *target, uint64_t end, uint64_t *words)
{
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE), size = ROBUST_LIST_SEARCH;

	while (size > 0) {
		uint64_t shorter;
		int rc = target_read_one(target, end - size, words, size);

		if (rc == 0)
			return (ssize_t)(size / sizeof *words);
		if (rc != -EFAULT)
			return rc;
		/* Begin at the next page boundary. */
		shorter = end - ((end - size) / page_size + 1) * page_size;
		if (shorter >= size)
			break;
		size = shorter;
	}
	return -EFAULT;
}

int robust_list_find_offset(struct target *target, pid_t tid, uint64_t *offset)
{
	uint64_t words[ROBUST_LIST_SEARCH / sizeof(uint64_t)];
	uint64_t head = 0, found = 0;
	ssize_t count;
	int32_t word;
	int rc;

	rc = robust_list_head(target, tid, &head);
	if (rc)
		return rc;
	if (head % sizeof *words || head < ROBUST_LIST_SEARCH)
		return -EBADMSG;
	count = read_below(target, head, words);
	if (count < 0)
		return (int)count;
	if ((size_t)count * sizeof *words < ROBUST_LIST_TID_BEFORE_HEAD)
		return -ENOENT;
	rc = robust_list_search(words, (size_t)count, head - (uint64_t)count * sizeof *words,
				&found);
	if (rc)
		return rc;
	memcpy(&word, (const char *)(words + count) - ROBUST_LIST_TID_BEFORE_HEAD, sizeof word);
	if (word != target_ns_tid(target, tid))
		return -EBADMSG;
	*offset = head - found;
	return 0;
}

int robust_list_offset_from_libc(uint32_t sizeof_pthread, const uint32_t tid_field[3],
				 bool begins_at_tp, uint64_t *offset)
{
	/* nptl_db: DB_STRUCT (size), DB_FIELD (bits an element, elements, offset). */
	if (sizeof_pthread < 512 || sizeof_pthread > 65536 || sizeof_pthread % 16)
		return -EBADMSG;
	if (tid_field[0] != 32 || tid_field[1] != 1 || tid_field[2] > sizeof_pthread - 64 ||
	    tid_field[2] % 4)
		return -EBADMSG;
	*offset = (uint64_t)tid_field[2] + ROBUST_LIST_TID_BEFORE_HEAD -
		  (begins_at_tp ? 0 : sizeof_pthread);
	return 0;
}
