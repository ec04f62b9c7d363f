/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a module's TLS block is from each thread's thread pointer. */
#ifndef KTSTR_MODULE_TLS_H
#define KTSTR_MODULE_TLS_H

#include "tls/rtld_tls.h"

enum module_tls_verdict {
	MODULE_TLS_NOT_SHOWN, /* nothing shows it */
	MODULE_TLS_FOUND,
	MODULE_TLS_CONTRADICTED, /* one sign contradicts another, or no loader makes it so */
};

struct module_tls {
	enum module_tls_verdict verdict; /* of FOUND alone the rest is valid, but for the reason */
	bool is_main_program;            /* where it is follows from PT_TLS alone */
	bool is_dynamic; /* false: block = TP + tp_offset for every thread; true: through each
			    thread's DTV */
	int64_t tp_offset;
	struct rtld_tls loader; /* is_dynamic only: the index in the DTV, and since when it is this
				   module's */
	char reason[160];
};

/*
 * The offsets within the TLS block to which the module's own initial-exec relocations point;
 * *offsets is the caller's to free. Returns 0 or a negative errno.
 */
int module_tls_offsets(const struct elf_dynamic *dynamic, uint64_t **offsets, size_t *count);

/* Returns 0 with a verdict in *tls, or the negative errno that reading gave. */
int module_tls_find(const struct module_list *list, const struct module *module,
		    struct module_tls *tls);

#endif
