/* SPDX-License-Identifier: BSD-2-Clause */
/* The parser of /proc/PID/stat. */
#include "config.h"

#include "shared/proc_stat.h"

#include <errno.h>
#include <string.h>

#include "shared/decimal.h"

/* A number in base 10, and the character behind it. Returns NULL when it is not so or too large. */
static const char *decimal(const char *text, char behind, uint64_t *value)
{
	const char *at = decimal_prefix(text, value);

	return at && *at == behind ? at + 1 : NULL;
}

/* Behind `fields` more fields, each ended by a space. NULL when there are fewer. */
static const char *skip(const char *at, const char *end, unsigned int fields)
{
	for (; fields && at; fields--) {
		at = memchr(at, ' ', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	return at;
}

int proc_stat_parse(const char *text, size_t length, struct task_stat *stat)
{
	/* The name may hold anything, also ')' and newlines: it ends at the last ')'. */
	const char *open = memchr(text, '(', length), *close = memrchr(text, ')', length);
	const char *end = text + length, *at;
	size_t size;

	if (!open || !close || close < open || end - close < 4 || close[1] != ' ' ||
	    close[3] != ' ')
		return -EBADMSG;
	size = (size_t)(close - open - 1);
	if (size >= sizeof stat->comm)
		size = sizeof stat->comm - 1;
	memset(stat->comm, 0, sizeof stat->comm);
	memcpy(stat->comm, open + 1, size);
	stat->state = close[2];
	/* The state is field 3, ppid 4, flags are 9, starttime is 22: each with a field behind it.
	 */
	at = close + 4;
	if (!memchr(at, ' ', (size_t)(end - at)) || !(at = decimal(at, ' ', &stat->parent)))
		return -EBADMSG;
	at = skip(at, end, 9 - 5);
	if (!at || !memchr(at, ' ', (size_t)(end - at)) || !(at = decimal(at, ' ', &stat->flags)))
		return -EBADMSG;
	at = skip(at, end, 22 - 10);
	if (!at || !memchr(at, ' ', (size_t)(end - at)) || !decimal(at, ' ', &stat->start_time))
		return -EBADMSG;
	return 0;
}
