/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the file of a program, or its debug file, says of jemalloc: read by a child, whose answer
 * is not believed before it was checked.
 */
#ifndef KTSTR_QUERY_H
#define KTSTR_QUERY_H

#include "sandbox/sandbox.h"
#include "symfile/program_file.h"
#include "symfile/query_answer.h"

struct file_question {
	const struct module *module;
	const struct program_head *head;
	bool wants_symbol;              /* or it is known already */
	const struct debug_link *link;  /* of a debug file: what the program names; NULL: nothing */
	struct ktstr_file_cache *cache; /* of a program: what earlier sessions learnt; NULL: none */
};

/*
 * Each returns 0 with an answer that was checked, or what sandbox_run gave, or -EBADMSG for an
 * answer that no honest child gives. reason: which way it was asked, or what became of the child.
 */
int query_program(const struct sandbox *isolation, const struct file_question *question,
		  struct query_answer *answer, char reason[SANDBOX_REASON_SIZE]);
int query_debug(const struct sandbox *isolation, const struct file_question *question,
		struct query_answer *answer, char reason[SANDBOX_REASON_SIZE]);

/* Pure: returns 0, or -EBADMSG. Texts of an answer that passes end within their arrays. */
int query_check(const struct query_answer *answer);

#endif
