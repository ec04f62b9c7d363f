/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The path contract: literals and the marker's path. Compiled twice, into libktstr and into the
 * worker, which must not disturb the heap it shows: so libc headers only, no config.h, no
 * allocation, and nothing whose meaning could differ between the two builds.
 */
#include <ktstr/worker_ready.h>

#include <errno.h>
#include <string.h>

const char ktstr_worker_ready_marker_prefix[] = KTSTR_WORKER_READY_MARKER_PREFIX;
const char ktstr_worker_ready_marker_override_env[] = KTSTR_WORKER_READY_MARKER_OVERRIDE_ENV;
const char ktstr_worker_stderr_prefix[] = KTSTR_WORKER_STDERR_PREFIX;
const char ktstr_worker_stdout_ready_prefix[] = KTSTR_WORKER_STDOUT_READY_PREFIX;

int ktstr_worker_ready_marker_path(uint32_t pid, char *buf, size_t size)
{
	const size_t prefix_len = sizeof(KTSTR_WORKER_READY_MARKER_PREFIX) - 1;
	char digits[10]; /* UINT32_MAX has ten */
	size_t count = 0;

	if (!buf)
		return -EINVAL;

	do {
		digits[count++] = (char)('0' + pid % 10);
		pid /= 10;
	} while (pid > 0);

	if (size <= prefix_len + count) {
		if (size > 0)
			buf[0] = '\0';
		return -ERANGE;
	}

	memcpy(buf, KTSTR_WORKER_READY_MARKER_PREFIX, prefix_len);
	for (size_t i = 0; i < count; i++)
		buf[prefix_len + i] = digits[count - 1 - i];
	buf[prefix_len + count] = '\0';
	return 0;
}
