/* SPDX-License-Identifier: BSD-2-Clause */
/* How a child is started: found, fed, given its streams, its directory, its environment and its
 * signals. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "payload_children.h"

static char directory[256]; /* of this run */

static void exit_code_and_signal_are_told(void **state)
{
	struct ktstr_payload *payload = spawn_sh("exit 7", NULL);
	int status = wait_for_it(payload);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	ktstr_payload_close(payload);

	payload = spawn_sh("kill -TERM $$", NULL);
	status = wait_for_it(payload);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	ktstr_payload_close(payload);
}

static void the_environment_is_changed_as_asked(void **state)
{
	const char *const set[] = { "KT_NEW=1", "KT_OLD=2", "KT_NEW=3", "KT_BACK=5", NULL };
	const char *const unset[] = { "KT_GONE", "KT_BACK", NULL };
	struct ktstr_payload_options options = { SIZED, .env_set = set, .env_unset = unset,
						 .out = CAPTURE };
	const char *script = "echo $KT_NEW,$KT_OLD,${KT_GONE-no},$KT_BACK,${KT_KEPT-no}";
	struct ktstr_payload *payload;

	(void)state;
	setenv("KT_OLD", "before", 1);
	setenv("KT_GONE", "before", 1);
	setenv("KT_BACK", "before", 1);
	setenv("KT_KEPT", "kept", 1);
	payload = spawn_sh(script, &options);
	wait_for_it(payload);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "3,2,no,5,kept\n");
	ktstr_payload_close(payload);

	options.flags = KTSTR_PAYLOAD_CLEAR_ENV;
	payload = spawn_sh(script, &options);
	wait_for_it(payload);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "3,2,no,5,no\n");
	ktstr_payload_close(payload);
	assert_string_equal(getenv("KT_GONE"), "before");
}

static void a_child_begins_in_its_directory_with_its_files(void **state)
{
	struct ktstr_payload_options options = { SIZED, .cwd = "/", .out = CAPTURE };
	struct ktstr_payload *payload;
	char text[32] = "";
	struct stat info;
	int fd, here;

	(void)state;
	here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(chdir(directory), 0);
	fd = open("input", O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "words\n", 6), 6);
	close(fd);

	payload = spawn_sh("pwd; read line; echo got:$line; [ -c /dev/stdin ] && echo device",
			   &options);
	wait_for_it(payload);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "/\ngot:\ndevice\n");
	ktstr_payload_close(payload);

	/* Paths are relative to the caller's directory though the child runs in another; output is
	 * appended. */
	options.in =
		(struct ktstr_payload_stream){ .kind = KTSTR_PAYLOAD_STDIO_FILE, .path = "input" };
	options.out =
		(struct ktstr_payload_stream){ .kind = KTSTR_PAYLOAD_STDIO_FILE, .path = "output" };
	options.err = options.out;
	umask(027);
	payload = spawn_sh("read line; echo got $line; echo two >&2", &options);
	umask(022);
	wait_for_it(payload);
	ktstr_payload_close(payload);
	payload = spawn_sh("echo three", &options);
	wait_for_it(payload);
	ktstr_payload_close(payload);
	fd = open("output", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof text - 1), 20);
	assert_string_equal(text, "got words\ntwo\nthree\n");
	assert_int_equal(fstat(fd, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0640);
	close(fd);
	unlink("input");
	unlink("output");
	assert_int_equal(fchdir(here), 0);
	close(here);
}

static void a_spawn_that_fails_says_why(void **state)
{
	static const char *const bad_set[] = { "novalue", NULL }, *const bad_unset[] = { "A=b",
											 NULL };
	struct ktstr_payload_options bad[] = {
		{ SIZED, .flags = 0x80 },
		{ SIZED, .env_set = bad_set },
		{ SIZED, .env_unset = bad_unset },
		{ SIZED, .in = CAPTURE },
		{ SIZED, .out = { .kind = KTSTR_PAYLOAD_STDIO_FILE } },
		{ SIZED, .err = { .path = "x" } },
		{ SIZED, .in = { .kind = 9 } },
		{ SIZED, .in = { .reserved = { 1 } } },
		{ SIZED, .err = { .reserved = { 0, 1 } } },
		{ SIZED, .cgroup_fd = 3 },
		{ SIZED, .flags = KTSTR_PAYLOAD_CGROUP, .cgroup_fd = -1 },
	};
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE };
	const char *empty[] = { NULL };
	struct ktstr_payload *payload;
	char script[300];
	size_t i;

	(void)state;
	snprintf(script, sizeof script, "%s/script", directory);
	close(open(script, O_CREAT | O_WRONLY | O_CLOEXEC, 0700));
	assert_spawn_fails(script, &options, -ENOEXEC, "#!");
	unlink(script);
	assert_spawn_fails("kt-no-such-program", NULL, -ENOENT,
			   "cannot execute 'kt-no-such-program': No such file");
	assert_spawn_fails("kt-no-such-program", NULL, -ENOENT,
			   "(errno 2); check that it is installed and in PATH");
	assert_spawn_fails("", NULL, -ENOENT, "cannot execute ''");
	assert_spawn_fails(directory, NULL, -EACCES, "permission");
	options.cwd = "/nowhere/at/all";
	assert_spawn_fails("/bin/true", &options, -ENOENT, "working directory '/nowhere/at/all'");
	options.cwd = NULL;
	options.in = (struct ktstr_payload_stream){ .kind = KTSTR_PAYLOAD_STDIO_FILE,
						    .path = "/nowhere/in" };
	assert_spawn_fails("/bin/true", &options, -ENOENT, "'/nowhere/in' as the child's stdin");
	options.in = (struct ktstr_payload_stream){ 0 };
	options.err = (struct ktstr_payload_stream){ .kind = KTSTR_PAYLOAD_STDIO_FILE,
						     .path = directory };
	assert_spawn_fails("/bin/true", &options, -EISDIR, "the child's stderr");
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_spawn_fails("/bin/true", &bad[i], -EINVAL, "cannot start '/bin/true': ");
	assert_int_equal(ktstr_payload_spawn(empty, NULL, &payload, NULL), -EINVAL);
	assert_int_equal(ktstr_payload_spawn(NULL, NULL, &payload, NULL), -EINVAL);
	assert_int_equal(ktstr_payload_spawn(empty, NULL, NULL, NULL), -EINVAL);
}

static void program_is_found_in_the_childs_path(void **state)
{
	char variable[400] = "", program[300];
	const char *set[] = { variable, NULL };
	const char *argv[] = { "kt-tool", NULL };
	struct ktstr_payload_options options = { SIZED, .env_set = set, .out = CAPTURE };
	struct ktstr_payload *payload;
	FILE *file;

	(void)state;
	snprintf(program, sizeof program, "%s/kt-tool", directory);
	file = fopen(program, "we");
	assert_non_null(file);
	fputs("#!/bin/sh\necho tool\n", file);
	fclose(file);
	chmod(program, 0700);
	assert_spawn_fails("kt-tool", &options, -EINVAL, "env_set"); /* variable is empty so far */

	snprintf(variable, sizeof variable, "PATH=/nowhere:/dev/null:%s", directory);
	assert_int_equal(ktstr_payload_spawn(argv, &options, &payload, NULL), 0);
	wait_for_it(payload);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "tool\n");
	ktstr_payload_close(payload);

	/* An empty element is the child's working directory. */
	snprintf(variable, sizeof variable, "PATH=/nowhere:");
	assert_spawn_fails("kt-tool", &options, -ENOENT, "PATH");
	options.cwd = directory;
	assert_int_equal(ktstr_payload_spawn(argv, &options, &payload, NULL), 0);
	assert_int_equal(wait_for_it(payload), 0);
	ktstr_payload_close(payload);

	/* Found, but without permission: that is the news, not that a later directory lacks it. */
	chmod(program, 0600);
	snprintf(variable, sizeof variable, "PATH=%s:/nowhere", directory);
	assert_spawn_fails("kt-tool", &options, -EACCES, "permission");
	unlink(program);

	/* PATH not set at all: the default of execvpe(3). */
	options = (struct ktstr_payload_options){ SIZED, .flags = KTSTR_PAYLOAD_CLEAR_ENV };
	argv[0] = "true";
	assert_int_equal(ktstr_payload_spawn(argv, &options, &payload, NULL), 0);
	assert_int_equal(wait_for_it(payload), 0);
	ktstr_payload_close(payload);
}

/* Bit i of closed: standard stream i is closed in the caller. */
static int spawn_with_streams_closed(int closed)
{
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE, .err = CAPTURE };
	const char *argv[] = { "/bin/sh", "-c", "echo one; echo two >&2; cat", NULL };
	struct ktstr_payload_captured out, err;
	struct ktstr_payload *payload;
	int fd, status = -1, result = 0;

	for (fd = 0; fd < 3; fd++)
		if (closed & (1 << fd))
			close(fd);
	if (ktstr_payload_spawn(argv, &options, &payload, NULL))
		return 1;
	if (ktstr_payload_wait(payload, PATIENCE_MS, &status, NULL) || status)
		result = 2;
	else if (ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &out, NULL) ||
		 strcmp(out.data, "one\n"))
		result = 3;
	else if (ktstr_payload_output(payload, KTSTR_PAYLOAD_STDERR, &err, NULL) ||
		 strcmp(err.data, "two\n"))
		result = 4;
	ktstr_payload_close(payload);
	for (fd = 0; fd < 3; fd++)
		if ((closed & (1 << fd)) && fcntl(fd, F_GETFD) >= 0)
			result = 5;
	return result;
}

static void spawn_works_with_streams_closed(void **state)
{
	int closed;

	(void)state;
	for (closed = 1; closed < 8; closed++)
		assert_int_equal(in_a_copy(spawn_with_streams_closed, closed), 0);
}

static void *spawn_in_a_thread(void *argument)
{
	int number = *(int *)argument;
	char script[64], expected[64];
	const char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE,
						 .flags = KTSTR_PAYLOAD_DIE_WITH_PARENT };
	struct ktstr_payload_captured output;
	struct ktstr_payload *payload;
	int i, status = -1;

	for (i = 0; i < 10; i++) {
		snprintf(script, sizeof script, "echo %d.%d; exit %d", number, i, number);
		snprintf(expected, sizeof expected, "%d.%d\n", number, i);
		if (ktstr_payload_spawn(argv, &options, &payload, NULL))
			return "spawn";
		if (ktstr_payload_wait(payload, PATIENCE_MS, &status, NULL) ||
		    WEXITSTATUS(status) != number)
			return "wait";
		if (ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output, NULL) ||
		    strcmp(output.data, expected))
			return "output";
		ktstr_payload_close(payload);
	}
	return NULL;
}

static void threads_spawn_at_once(void **state)
{
	pthread_t threads[8];
	int numbers[8];
	void *fault;
	int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, spawn_in_a_thread, &numbers[i]),
				 0);
	}
	for (i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(threads[i], &fault), 0);
		if (fault)
			fail_msg("thread %d failed in %s", i, (char *)fault);
	}
}

static void signals_are_reset_in_the_child(void **state)
{
	struct ktstr_payload_options options = { SIZED, .out = CAPTURE };
	struct ktstr_payload *payload;
	struct ktstr_payload_captured output;
	sigset_t blocked, before, now;
	const char *line;

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	payload = spawn_sh("exec grep -E '^Sig(Blk|Ign)' /proc/self/status", &options);
	pthread_sigmask(SIG_SETMASK, &before, &now);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	wait_for_it(payload);
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output, NULL), 0);
	line = strstr(output.data, "SigBlk:");
	assert_non_null(line);
	assert_true((strtoull(line + 7, NULL, 16) & 0x7fffffff) ==
		    0); /* below the real-time signals */
	line = strstr(output.data, "SigIgn:");
	assert_non_null(line);
	assert_true((strtoull(line + 7, NULL, 16) & 0x7fffffff) == 0);
	assert_true(sigismember(&now, SIGUSR1) == 1); /* the caller's mask is back as it was */
	assert_true(sigismember(&now, SIGUSR2) == 0);
	ktstr_payload_close(payload);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(exit_code_and_signal_are_told),
		TEST(the_environment_is_changed_as_asked),
		TEST(a_child_begins_in_its_directory_with_its_files),
		TEST(a_spawn_that_fails_says_why),
		TEST(program_is_found_in_the_childs_path),
		TEST(spawn_works_with_streams_closed),
		TEST(threads_spawn_at_once),
		TEST(signals_are_reset_in_the_child),
	};
	const char *parent = getenv("TMPDIR");
	/* What a test that failed halfway may have left. */
	static const char *const files[] = { "input", "output", "script", "kt-tool" };
	char path[300];
	int failed;
	size_t i;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	setenv("PATH", "/usr/bin:/bin",
	       1); /* one without directories that this user may not enter: EACCES */
	snprintf(directory, sizeof directory, "%s/ktstr-payload-XXXXXX",
		 parent && *parent ? parent : "/tmp");
	if (!mkdtemp(directory)) {
		perror(directory);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, files[i]);
		unlink(path);
	}
	rmdir(directory);
	return failed;
}
