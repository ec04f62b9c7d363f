/* SPDX-License-Identifier: BSD-2-Clause */
/* The processes of a host, as they come, stay, become others and go: real ones, of this test. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/proc_stat.h"
#include <ktstr/ktstr.h>

#define READY_MS 60000

static char worker_path[4096];

static const char *const without_jemalloc[] = { "sleep", "1000", NULL };
static const char *const with_jemalloc[] = { worker_path, "4096", NULL };

/* Only those that a test has started are wanted. */
struct wanted {
	struct ktstr_payload *payloads[3];
	pid_t pids[3];
	size_t count;
};

static int is_wanted(void *context, pid_t pid, const char *comm)
{
	const struct wanted *wanted = context;

	assert_non_null(comm);
	for (size_t i = 0; i < wanted->count; i++)
		if (wanted->pids[i] == pid)
			return 1;
	return 0;
}

static void start(struct wanted *wanted, const char *const *argv)
{
	struct ktstr_payload **payload = &wanted->payloads[wanted->count];
	struct ktstr_error error;

	if (ktstr_payload_spawn(argv, NULL, payload, &error))
		fail_msg("%s", error.text);
	assert_int_equal(ktstr_payload_pid(*payload, &wanted->pids[wanted->count], NULL), 0);
	wanted->count++;
}

static void wait_ready(struct ktstr_payload *worker)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_error error;

	if (ktstr_worker_ready_wait(worker, "worker", READY_MS, &result, &error))
		fail_msg("%s", error.text);
	assert_int_equal(result.outcome, KTSTR_WORKER_READY);
	unlink(result.marker_path);
}

/* Until then its libraries are being mapped, which is a change. */
static void wait_asleep(pid_t pid)
{
	struct task_stat stat = { .state = 0 };
	char path[64], text[1024];

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	while (stat.state != 'S' || strcmp(stat.comm, "sleep") != 0) {
		FILE *in = fopen(path, "re");

		assert_non_null(in);
		assert_int_equal(proc_stat_parse(text, fread(text, 1, sizeof text, in), &stat), 0);
		fclose(in);
		usleep(1000);
	}
}

static struct ktstr_host *make(struct wanted *wanted, size_t sessions_limit)
{
	struct ktstr_host_options options = KTSTR_HOST_OPTIONS_INIT;
	struct ktstr_host *host;

	options.wants = is_wanted;
	options.context = wanted;
	options.sessions_limit = sessions_limit;
	assert_int_equal(ktstr_host_new(&host, &options, NULL), 0);
	return host;
}

static void scan(struct ktstr_host *host)
{
	struct ktstr_error error;

	if (ktstr_host_scan(host, &error))
		fail_msg("%s", error.text);
}

static const struct ktstr_host_process *get(const struct ktstr_host *host, pid_t pid)
{
	for (size_t i = 0; i < ktstr_host_count(host); i++)
		if (ktstr_host_get(host, i)->pid == pid)
			return ktstr_host_get(host, i);
	return NULL;
}

static void end_all(struct wanted *wanted, struct ktstr_host *host)
{
	for (size_t i = 0; i < wanted->count; i++)
		ktstr_payload_close(wanted->payloads[i]);
	ktstr_host_free(host);
}

static size_t open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void a_process_with_jemalloc_is_opened_and_one_without_is_not(void **state)
{
	struct wanted wanted = { .count = 0 };
	struct ktstr_host *host = make(&wanted, 0);
	const struct ktstr_host_process *process;
	struct ktstr_probe_snapshot *snapshot;

	(void)state;
	start(&wanted, without_jemalloc);
	start(&wanted, with_jemalloc);
	wait_ready(wanted.payloads[1]);
	scan(host);
	assert_int_equal(ktstr_host_count(host), 2);

	process = get(host, wanted.pids[0]);
	assert_int_equal(process->verdict, KTSTR_HOST_NO_JEMALLOC);
	assert_string_equal(process->comm, "sleep");
	assert_null(process->probe);

	process = get(host, wanted.pids[1]);
	assert_int_equal(process->verdict, KTSTR_HOST_OPEN);
	assert_true(process->is_new && process->start_time > 0);
	assert_int_equal(ktstr_probe_snapshot_take(process->probe, &snapshot, NULL), 0);
	assert_int_equal(ktstr_probe_snapshot_read_count(snapshot), 1);
	assert_true(ktstr_probe_snapshot_thread(snapshot, 0)->allocated_bytes >= 4096);
	ktstr_probe_snapshot_free(snapshot);
	end_all(&wanted, host);
}

static void what_has_not_changed_is_not_examined_again(void **state)
{
	struct wanted wanted = { .count = 0 };
	struct ktstr_host *host = make(&wanted, 0);
	struct ktstr_probe *probe;

	(void)state;
	start(&wanted, with_jemalloc);
	start(&wanted, without_jemalloc);
	wait_ready(wanted.payloads[0]);
	wait_asleep(wanted.pids[1]);
	scan(host);
	probe = get(host, wanted.pids[0])->probe;
	assert_true(get(host, wanted.pids[1])->is_new);
	scan(host);
	assert_ptr_equal(get(host, wanted.pids[0])->probe, probe);
	assert_false(get(host, wanted.pids[0])->is_new);
	assert_false(get(host, wanted.pids[1])->is_new);
	end_all(&wanted, host);
}

static void a_process_that_ends_is_left_out_and_leaves_no_descriptor(void **state)
{
	struct wanted wanted = { .count = 0 };
	struct ktstr_host *host = make(&wanted, 0);
	size_t descriptors;

	(void)state;
	scan(host);
	descriptors = open_descriptors();
	start(&wanted, with_jemalloc);
	wait_ready(wanted.payloads[0]);
	scan(host);
	assert_int_equal(ktstr_host_count(host), 1);
	ktstr_payload_close(wanted.payloads[0]);
	wanted.payloads[0] = NULL;
	scan(host);
	assert_int_equal(ktstr_host_count(host), 0);
	assert_int_equal(open_descriptors(), descriptors);
	end_all(&wanted, host);
}

static void a_process_that_runs_another_program_is_examined_again(void **state)
{
	char script[8192];
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct wanted wanted = { .count = 0 };
	struct ktstr_host *host = make(&wanted, 0);
	const struct ktstr_host_process *process;
	char directory[] = "/tmp/ktstr-host-XXXXXX", fifo[64];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(fifo, sizeof fifo, "%s/fifo", directory);
	snprintf(script, sizeof script, "read line < '%s'; exec '%s' 4096", fifo, worker_path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	start(&wanted, argv);
	fd = open(fifo, O_WRONLY | O_CLOEXEC); /* once the shell has opened it */
	assert_true(fd >= 0);
	scan(host);
	process = get(host, wanted.pids[0]);
	assert_int_equal(process->verdict, KTSTR_HOST_NO_JEMALLOC);
	assert_int_equal(write(fd, "\n", 1), 1);
	wait_ready(wanted.payloads[0]);
	scan(host);
	process = get(host, wanted.pids[0]);
	assert_int_equal(process->verdict, KTSTR_HOST_OPEN);
	assert_true(process->is_new);
	close(fd);
	unlink(fifo);
	rmdir(directory);
	end_all(&wanted, host);
}

static void sessions_beyond_the_limit_are_refused_and_say_so(void **state)
{
	struct wanted wanted = { .count = 0 };
	struct ktstr_host *host = make(&wanted, 1);
	size_t refused = 0, ended;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		start(&wanted, with_jemalloc);
		wait_ready(wanted.payloads[i]);
	}
	start(&wanted, without_jemalloc); /* needs none */
	scan(host);
	assert_int_equal(get(host, wanted.pids[2])->verdict, KTSTR_HOST_NO_JEMALLOC);
	for (size_t i = 0; i < 2; i++) {
		const struct ktstr_host_process *process = get(host, wanted.pids[i]);

		if (process->verdict == KTSTR_HOST_REFUSED) {
			assert_int_equal(process->code, -EMFILE);
			assert_non_null(strstr(process->text, "ulimit -n"));
			refused++;
		}
	}
	assert_int_equal(refused, 1);
	/* One has ended: there is room for the other. */
	ended = get(host, wanted.pids[1])->verdict == KTSTR_HOST_OPEN;
	ktstr_payload_close(wanted.payloads[ended]);
	wanted.payloads[ended] = NULL;
	scan(host);
	scan(host);
	assert_int_equal(ktstr_host_count(host), 2);
	assert_int_equal(get(host, wanted.pids[!ended])->verdict, KTSTR_HOST_OPEN);
	end_all(&wanted, host);
}

static void a_cancelled_scan_says_so(void **state)
{
	struct wanted wanted = { .count = 0 };
	struct ktstr_host *host = make(&wanted, 0);
	struct ktstr_error error;

	(void)state;
	ktstr_host_cancel(host);
	assert_int_equal(ktstr_host_scan(host, &error), -ECANCELED);
	assert_int_equal(error.code, -ECANCELED);
	end_all(&wanted, host);
}

static void the_options_grow_by_their_size(void **state)
{
	struct {
		struct ktstr_host_options known;
		size_t unknown;
	} later = { .known = KTSTR_HOST_OPTIONS_INIT };
	struct ktstr_probe_options probe = KTSTR_PROBE_OPTIONS_INIT;
	struct ktstr_host *host;

	(void)state;
	later.known.size = sizeof later;
	assert_int_equal(ktstr_host_new(&host, &later.known, NULL), 0);
	ktstr_host_free(host);
	later.unknown = 1;
	assert_int_equal(ktstr_host_new(&host, &later.known, NULL), -E2BIG);
	assert_null(host);
	later.known.size = 0;
	assert_int_equal(ktstr_host_new(&host, &later.known, NULL), -EINVAL);
	later.known.size = sizeof later.known;
	probe.debuginfo = (enum ktstr_probe_debuginfo)77;
	later.known.probe = &probe;
	assert_int_equal(ktstr_host_new(&host, &later.known, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_with_jemalloc_is_opened_and_one_without_is_not),
		cmocka_unit_test(what_has_not_changed_is_not_examined_again),
		cmocka_unit_test(a_process_that_ends_is_left_out_and_leaves_no_descriptor),
		cmocka_unit_test(a_process_that_runs_another_program_is_examined_again),
		cmocka_unit_test(sessions_beyond_the_limit_are_refused_and_say_so),
		cmocka_unit_test(a_cancelled_scan_says_so),
		cmocka_unit_test(the_options_grow_by_their_size),
	};
	const char *build = getenv("KTSTR_BUILDDIR");

	snprintf(worker_path, sizeof worker_path, "%s/worker/ktstr-jemalloc-alloc-worker",
		 build ? build : ".");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
