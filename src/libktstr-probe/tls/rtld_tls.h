/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the target's ld.so has written down of one module's TLS: its module id, since which
 * generation, and whether its block is static. glibc shows debuggers where to look (nptl_db's
 * _thread_db_* words in its dynamic symbols), so nothing is assumed of its version.
 */
#ifndef KTSTR_RTLD_TLS_H
#define KTSTR_RTLD_TLS_H

#include "elf/module_list.h"

/* What its list says of a module. */
enum rtld_tls_verdict {
	RTLD_TLS_FOUND,
	RTLD_TLS_NOT_DESCRIBED, /* no glibc describes itself in the process */
	RTLD_TLS_NOT_LISTED,    /* ld.so does not know the module */
	RTLD_TLS_CONTRADICTED,  /* what the list says cannot be */
};

struct rtld_tls {
	uint64_t module_id;
	int dtv_offset; /* from the thread pointer to the word with the DTV's address */
	unsigned int dtv_entry_size;
	uint64_t slot; /* the address of the two words below in ld.so's list; 0: ids are never used
			  again */
	uint64_t words[2]; /* the generation since which the id is this module's (musl: the length
			      that a DTV with it has at least), and its link map */
	bool is_static;    /* the block is at the thread pointer + tp_offset in every thread */
	int64_t tp_offset;
};

/* *tls is valid for RTLD_TLS_FOUND. Returns 0, or the negative errno that reading gave. */
int rtld_tls_find(const struct module_list *list, const struct elf_image *image,
		  enum rtld_tls_verdict *verdict, struct rtld_tls *tls);

/* The module with this id under musl. */
void rtld_tls_musl(uint64_t module_id, struct rtld_tls *tls);

#endif
