/* SPDX-License-Identifier: BSD-2-Clause */
/* What the file of a program, or its debug file, says of jemalloc. */
#include "config.h"

#include "symfile/query.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "symfile/elf_file.h"
#include "symfile/file_cache.h"

#define CODES_END (-4096) /* errno numbers are below that: MAX_ERRNO, include/linux/err.h */

_Static_assert(sizeof(struct query_answer) <= SANDBOX_ANSWER_LIMIT, "an answer fits");

struct reading {
	const struct file_question *question;
	const struct elfutils *dw;
	int fds[DEBUG_FILE_BY_ID + DEBUG_FILE_BY_LINK];
	size_t by_id, count; /* the first by_id of count are there for their build-id */
	int opened;
};

/* ---- in the child ---- */

static void open_program(void *context)
{
	struct reading *reading = context;
	const struct file_question *question = reading->question;
	int fd = program_file_open(question->module, question->head);

	reading->fds[0] = fd;
	reading->count = fd >= 0;
	reading->opened = fd < 0 ? fd : 0;
}

/* All places at once: which file is the right one shows only in them, and then nothing can be
 * opened. */
static void open_debug(void *context)
{
	struct reading *reading = context;
	const struct file_question *question = reading->question;
	const struct program_head *head = question->head;

	if (head->id_size)
		reading->by_id = debug_file_open_by_id(question->module->image.target, head->id,
						       head->id_size, reading->fds);
	reading->count = reading->by_id;
	if (question->link)
		reading->count += debug_file_open_by_link(question->module->image.target,
							  question->module->path, question->link,
							  reading->fds + reading->by_id);
	reading->opened = reading->count ? 0 : -ENOENT;
}

static void read_one(const struct reading *reading, int fd, struct query_answer *answer)
{
	answer->symbol = -EEXIST;
	if (reading->question->wants_symbol)
		answer->symbol = elf_file_tsd(fd, &answer->symbol_offset, &answer->symbol_size);
	answer->dwarf_rc = tsd_dwarf_find(reading->dw, fd, &answer->dwarf);
}

static void read_program(void *context, void *result)
{
	const struct reading *reading = context;
	struct query_answer *answer = result;

	answer->opened = reading->opened;
	if (reading->opened)
		return;
	read_one(reading, reading->fds[0], answer);
	answer->link_rc = debug_file_read_link(reading->fds[0], &answer->link);
}

static void read_debug(void *context, void *result)
{
	const struct reading *reading = context;
	const struct file_question *question = reading->question;
	uint64_t left = DEBUG_FILE_CHECKSUM_LIMIT;
	struct query_answer *answer = result;

	answer->opened = -ENOENT;
	for (size_t i = 0; answer->opened && i < reading->count; i++)
		if (i < reading->by_id ? debug_file_has_id(reading->fds[i], question->head->id,
							   question->head->id_size)
				       : debug_file_has_checksum(reading->fds[i], &left,
								 question->link->crc)) {
			answer->opened = 0;
			read_one(reading, reading->fds[i], answer);
		}
	answer->link_rc = -ENOENT;
}

static void close_files(void *context)
{
	const struct reading *reading = context;

	for (size_t i = 0; i < reading->count; i++)
		close(reading->fds[i]);
}

/* ---- in the caller ---- */

static bool is_code(int32_t code)
{
	return code <= 0 && code >= CODES_END;
}

static bool dwarf_is_sane(const struct tsd_dwarf *dwarf)
{
	return dwarf->size >= 8 && dwarf->size <= INT32_MAX &&
	       dwarf->allocated <= dwarf->size - 8 && dwarf->deallocated <= dwarf->size - 8 &&
	       dwarf->allocated != dwarf->deallocated &&
	       ((dwarf->allocated | dwarf->deallocated) & 7) == 0 && dwarf->state < dwarf->size;
}

int query_check(const struct query_answer *answer)
{
	if (!is_code(answer->opened) || !is_code(answer->symbol) || !is_code(answer->dwarf_rc) ||
	    !is_code(answer->link_rc) ||
	    !memchr(answer->dwarf.reason, '\0', sizeof answer->dwarf.reason))
		return -EBADMSG;
	if (answer->opened)
		return 0;
	if (answer->symbol == 0 &&
	    (answer->symbol_offset > INT64_MAX || answer->symbol_size > INT64_MAX))
		return -EBADMSG;
	if (answer->dwarf_rc == 0 && !dwarf_is_sane(&answer->dwarf))
		return -EBADMSG;
	return answer->link_rc == 0 && !debug_file_link_is_sane(&answer->link) ? -EBADMSG : 0;
}

/* A task that has ended leads to no file: try again through another. */
static int run_query(const struct sandbox *isolation, const struct sandbox_work *work,
		     struct target *target, struct query_answer *answer, char *reason)
{
	int rc;

	do {
		rc = sandbox_run(isolation, work, answer, sizeof *answer, reason);
	} while (rc == 0 && answer->opened && target_change_reader(target));

	if (rc == 0 && query_check(answer)) {
		snprintf(reason, SANDBOX_REASON_SIZE,
			 "the child that read it gave an answer that makes no sense");
		rc = -EBADMSG;
	}
	return rc;
}

/* Of the file as it is before a child reads it: what is written meanwhile has another key. */
static bool read_key(const struct file_question *question, struct file_key *key)
{
	int fd = program_file_open_mapped(question->module);
	struct stat st;
	bool has_key = false;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0)
		has_key = file_key_set(key, &st, question->wants_symbol, clock_ns(CLOCK_REALTIME));
	close(fd);
	return has_key;
}

int query_program(const struct sandbox *isolation, const struct file_question *question,
		  struct query_answer *answer, char reason[SANDBOX_REASON_SIZE])
{
	struct target *target = question->module->image.target;
	struct reading reading = { .question = question, .dw = elfutils_load() };
	struct sandbox_work work = { .context = &reading,
				     .open_fd = target->proc_fd,
				     .open = open_program,
				     .read = read_program,
				     .close = close_files };
	struct file_key key;
	bool has_key = question->cache && read_key(question, &key);
	int rc;

	if (has_key && file_cache_find(question->cache, &key, answer)) {
		snprintf(reason, SANDBOX_REASON_SIZE, "known from an earlier session");
		return 0;
	}
	rc = run_query(isolation, &work, target, answer, reason);
	if (rc == 0 && has_key && answer->opened == 0)
		file_cache_add(question->cache, &key, answer);
	return rc;
}

int query_debug(const struct sandbox *isolation, const struct file_question *question,
		struct query_answer *answer, char reason[SANDBOX_REASON_SIZE])
{
	struct target *target = question->module->image.target;
	struct reading reading = { .question = question, .dw = elfutils_load() };
	struct sandbox_work work = { .context = &reading,
				     .open_fd = target->proc_fd,
				     .open = open_debug,
				     .read = read_debug,
				     .close = close_files };

	return run_query(isolation, &work, target, answer, reason);
}
