/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The child-process handle with real children: spawn, streams, wait, kill, what is left behind.
 * Every test ends with a look for children and file descriptors that were left.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "payload_private.h"

#define PATIENCE_MS 60000 /* for what must happen; a busy machine under valgrind is slow */

static const struct ktstr_payload_stream CAPTURE = {.kind = KTSTR_PAYLOAD_STDIO_CAPTURE};
static char folder[256]; /* of this run */
static int fds_before;

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static int test_begin(void **state)
{
	(void)state;
	signal(SIGCHLD, SIG_DFL);
	fds_before = count_fds();
	return 0;
}

static int test_end(void **state)
{
	(void)state;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(count_fds(), fds_before);
	return 0;
}

static struct ktstr_payload *spawn_sh(const char *script, const struct ktstr_payload_options *options)
{
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	struct ktstr_error error = {.text = ""};
	struct ktstr_payload *payload = NULL;

	if (ktstr_payload_spawn(argv, options, &payload, &error))
		fail_msg("%s", error.text);
	return payload;
}

static int wait_for_it(struct ktstr_payload *payload)
{
	int status = -1;

	assert_int_equal(ktstr_payload_wait(payload, PATIENCE_MS, &status), 0);
	return status;
}

static void assert_output(struct ktstr_payload *payload, enum ktstr_payload_output_stream stream, const char *text)
{
	struct ktstr_payload_output output;

	assert_int_equal(ktstr_payload_output(payload, stream, &output), 0);
	assert_string_equal(output.data, text);
	assert_int_equal(output.size, strlen(text));
	assert_true(output.dropped == 0);
}

/* Waits until the child has printed `text` on its captured stdout. */
static void await_output(struct ktstr_payload *payload, const char *text)
{
	struct ktstr_payload_output output;
	int i;

	for (i = 0; i < PATIENCE_MS; i++) {
		assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output), 0);
		if (strstr(output.data, text))
			return;
		poll(NULL, 0, 1);
	}
	fail_msg("the child did not print '%s'", text);
}

/* A pipe whose write end the children inherit: its end of file says that all of them are gone. */
static void leash_make(int leash[2], char *variable, size_t size)
{
	assert_int_equal(pipe2(leash, O_CLOEXEC), 0);
	assert_int_equal(fcntl(leash[1], F_SETFD, 0), 0);
	snprintf(variable, size, "LEASH=%d", leash[1]);
}

static void leash_assert_all_gone(int leash[2])
{
	struct pollfd end = {.fd = leash[0]};

	close(leash[1]);
	assert_int_equal(poll(&end, 1, PATIENCE_MS), 1);
	assert_true(end.revents & POLLHUP);
	close(leash[0]);
}

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

static void environment_is_changed(void **state)
{
	const char *const set[] = {"KT_NEW=1", "KT_OLD=2", "KT_NEW=3", "KT_BACK=5", NULL};
	const char *const unset[] = {"KT_GONE", "KT_BACK", NULL};
	struct ktstr_payload_options options = {.env_set = set, .env_unset = unset, .out = CAPTURE};
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

static void working_directory_and_files(void **state)
{
	struct ktstr_payload_options options = {.cwd = "/", .out = CAPTURE};
	struct ktstr_payload *payload;
	char text[32] = "";
	struct stat info;
	int fd, here;

	(void)state;
	here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(chdir(folder), 0);
	fd = open("input", O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "words\n", 6), 6);
	close(fd);

	payload = spawn_sh("pwd; read line; echo got:$line; [ -c /dev/stdin ] && echo device", &options);
	wait_for_it(payload);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "/\ngot:\ndevice\n");
	ktstr_payload_close(payload);

	/* Paths are relative to the caller's folder though the child runs in another; output is appended. */
	options.in = (struct ktstr_payload_stream){KTSTR_PAYLOAD_STDIO_FILE, "input"};
	options.out = (struct ktstr_payload_stream){KTSTR_PAYLOAD_STDIO_FILE, "output"};
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

static void streams_are_inherited(void **state)
{
	struct ktstr_payload_options options = {.err = {.kind = KTSTR_PAYLOAD_STDIO_INHERIT}};
	struct ktstr_payload *payload;
	char text[16] = "";
	int ends[2];
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	dup2(ends[1], STDERR_FILENO);
	payload = spawn_sh("echo lost; echo seen >&2", &options);
	dup2(saved, STDERR_FILENO);
	wait_for_it(payload);
	ktstr_payload_close(payload);
	assert_int_equal(read(ends[0], text, sizeof text - 1), 5);
	assert_string_equal(text, "seen\n");
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

/* 1 MiB on each stream, in turns: neither pipe may fill up while the other is read. */
static void much_output_on_both_streams(void **state)
{
	struct ktstr_payload_options options = {.out = CAPTURE, .err = CAPTURE, .capture_limit = 100000};
	struct ktstr_payload *payload = spawn_sh(
		"i=0; while [ $i -lt 16 ]; do head -c 65536 /dev/zero | tr '\\0' o;"
		" head -c 65536 /dev/zero | tr '\\0' e >&2; i=$((i+1)); done", &options);
	struct ktstr_payload_output output;
	size_t i;

	(void)state;
	assert_int_equal(wait_for_it(payload), 0);
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output), 0);
	assert_int_equal(output.size, 100000);
	assert_true(output.dropped == 1048576 - 100000);
	for (i = 0; i < output.size; i++)
		if (output.data[i] != 'o')
			fail_msg("byte %zu of stdout is wrong", i);
	assert_int_equal(output.data[output.size], 0);
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDERR, &output), 0);
	assert_int_equal(output.size, 100000);
	assert_true(output.dropped == 1048576 - 100000);
	assert_int_equal(output.data[99999], 'e');
	ktstr_payload_close(payload);
}

static void output_that_was_not_captured(void **state)
{
	struct ktstr_payload_options options = {.out = CAPTURE};
	struct ktstr_payload *payload = spawn_sh(":", &options);
	struct ktstr_payload_output output;

	(void)state;
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDERR, &output), -EINVAL);
	assert_int_equal(ktstr_payload_output(payload, (enum ktstr_payload_output_stream)0, &output), -EINVAL);
	wait_for_it(payload);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "");
	ktstr_payload_close(payload);
}

static void assert_spawn_fails(const char *program, const struct ktstr_payload_options *options, int code,
			       const char *word)
{
	const char *argv[] = {program, NULL};
	struct ktstr_payload *payload = (struct ktstr_payload *)&argv;
	struct ktstr_error error = {.text = ""};

	assert_int_equal(ktstr_payload_spawn(argv, options, &payload, &error), code);
	assert_null(payload);
	assert_int_equal(error.code, code);
	if (!strstr(error.text, word))
		fail_msg("'%s' does not say '%s'", error.text, word);
	assert_null(strchr(error.text, '\n'));
	assert_int_equal(ktstr_payload_spawn(argv, options, &payload, NULL), code);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void failed_spawns_say_why(void **state)
{
	static const char *const bad_set[] = {"novalue", NULL}, *const bad_unset[] = {"A=b", NULL};
	struct ktstr_payload_options bad[] = {
		{.flags = 0x80}, {.env_set = bad_set}, {.env_unset = bad_unset}, {.in = CAPTURE},
		{.out = {.kind = KTSTR_PAYLOAD_STDIO_FILE}}, {.err = {.path = "x"}}, {.in = {.kind = 9}},
	};
	struct ktstr_payload_options options = {.out = CAPTURE};
	const char *empty[] = {NULL};
	struct ktstr_payload *payload;
	char script[300];
	size_t i;

	(void)state;
	snprintf(script, sizeof script, "%s/script", folder);
	close(open(script, O_CREAT | O_WRONLY | O_CLOEXEC, 0700));
	assert_spawn_fails(script, &options, -ENOEXEC, "#!");
	unlink(script);
	assert_spawn_fails("kt-no-such-program", NULL, -ENOENT, "cannot execute 'kt-no-such-program': No such file");
	assert_spawn_fails("kt-no-such-program", NULL, -ENOENT, "(errno 2); check that it is installed and in PATH");
	assert_spawn_fails("", NULL, -ENOENT, "cannot execute ''");
	assert_spawn_fails(folder, NULL, -EACCES, "permission");
	options.cwd = "/nowhere/at/all";
	assert_spawn_fails("/bin/true", &options, -ENOENT, "working directory '/nowhere/at/all'");
	options.cwd = NULL;
	options.in = (struct ktstr_payload_stream){KTSTR_PAYLOAD_STDIO_FILE, "/nowhere/in"};
	assert_spawn_fails("/bin/true", &options, -ENOENT, "'/nowhere/in' as the child's stdin");
	options.in = (struct ktstr_payload_stream){0};
	options.err = (struct ktstr_payload_stream){KTSTR_PAYLOAD_STDIO_FILE, folder};
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
	const char *set[] = {variable, NULL};
	const char *argv[] = {"kt-tool", NULL};
	struct ktstr_payload_options options = {.env_set = set, .out = CAPTURE};
	struct ktstr_payload *payload;
	FILE *file;

	(void)state;
	snprintf(program, sizeof program, "%s/kt-tool", folder);
	file = fopen(program, "we");
	assert_non_null(file);
	fputs("#!/bin/sh\necho tool\n", file);
	fclose(file);
	chmod(program, 0700);
	assert_spawn_fails("kt-tool", &options, -EINVAL, "env_set"); /* variable is empty so far */

	snprintf(variable, sizeof variable, "PATH=/nowhere:/dev/null:%s", folder);
	assert_int_equal(ktstr_payload_spawn(argv, &options, &payload, NULL), 0);
	wait_for_it(payload);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "tool\n");
	ktstr_payload_close(payload);

	/* An empty element is the child's working directory. */
	snprintf(variable, sizeof variable, "PATH=/nowhere:");
	assert_spawn_fails("kt-tool", &options, -ENOENT, "PATH");
	options.cwd = folder;
	assert_int_equal(ktstr_payload_spawn(argv, &options, &payload, NULL), 0);
	assert_int_equal(wait_for_it(payload), 0);
	ktstr_payload_close(payload);

	/* Found, but without permission: that is the news, not that a later folder lacks it. */
	chmod(program, 0600);
	snprintf(variable, sizeof variable, "PATH=%s:/nowhere", folder);
	assert_spawn_fails("kt-tool", &options, -EACCES, "permission");
	unlink(program);

	/* PATH not set at all: the default of execvpe(3). */
	options = (struct ktstr_payload_options){.flags = KTSTR_PAYLOAD_CLEAR_ENV};
	argv[0] = "true";
	assert_int_equal(ktstr_payload_spawn(argv, &options, &payload, NULL), 0);
	assert_int_equal(wait_for_it(payload), 0);
	ktstr_payload_close(payload);
}

static void a_handle_is_consumed_once(void **state)
{
	struct ktstr_payload_options options = {.out = CAPTURE};
	struct ktstr_payload *payload = spawn_sh("echo word; exec sleep 1000", &options);
	int status = -1;
	pid_t pid = 0;

	(void)state;
	await_output(payload, "word");
	assert_int_equal(ktstr_payload_try_wait(payload, &status), -EAGAIN);
	assert_int_equal(ktstr_payload_wait(payload, 0, &status), -ETIMEDOUT);
	assert_int_equal(ktstr_payload_pid(payload, &pid), 0);
	assert_int_equal(getpgid(pid), pid);
	assert_int_equal(kill(pid, SIGTERM), 0);
	status = wait_for_it(payload);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);

	assert_int_equal(ktstr_payload_try_wait(payload, &status), -ESRCH);
	assert_int_equal(ktstr_payload_wait(payload, -1, &status), -ESRCH);
	assert_int_equal(ktstr_payload_kill(payload, &status), -ESRCH);
	assert_int_equal(ktstr_payload_pid(payload, &pid), -ESRCH);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "word\n");
	errno = 4242;
	ktstr_payload_close(payload);
	ktstr_payload_close(NULL);
	assert_int_equal(errno, 4242);
}

static void try_wait_sees_the_end(void **state)
{
	struct ktstr_payload *payload = spawn_sh("exit 3", NULL);
	int status = -1, err, i;

	(void)state;
	for (i = 0; i < PATIENCE_MS && (err = ktstr_payload_try_wait(payload, &status)) == -EAGAIN; i++)
		poll(NULL, 0, 1);
	assert_int_equal(err, 0);
	assert_int_equal(WEXITSTATUS(status), 3);
	ktstr_payload_close(payload);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signo)
{
	(void)signo;
	alarms++;
}

static void wait_times_out_in_spite_of_signals(void **state)
{
	const struct itimerval every_10ms = {{0, 10000}, {0, 10000}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = on_alarm}, before;
	struct ktstr_payload *payload = spawn_sh("exec sleep 1000", NULL);
	struct timespec start, end;
	int64_t elapsed_ms;
	int status;

	(void)state;
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &every_10ms, NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(ktstr_payload_wait(payload, 200, &status), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &end);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	elapsed_ms = (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
	assert_true(elapsed_ms >= 200 && elapsed_ms < PATIENCE_MS);
	assert_true(alarms > 0);
	ktstr_payload_close(payload);
}

static void kill_takes_the_group_and_keeps_output(void **state)
{
	char variable[32];
	const char *set[] = {variable, NULL};
	struct ktstr_payload_options options = {.env_set = set, .out = CAPTURE};
	struct ktstr_payload *payload;
	int leash[2], status = 0;

	(void)state;
	leash_make(leash, variable, sizeof variable);
	payload = spawn_sh("sleep 1000 & sh -c 'sleep 1000 & wait' & echo up; wait", &options);
	await_output(payload, "up");
	assert_int_equal(ktstr_payload_kill(payload, &status), 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	leash_assert_all_gone(leash);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "up\n");
	ktstr_payload_close(payload);

	payload = spawn_sh("exit 9", NULL); /* ended before the kill: its own status */
	poll(&(struct pollfd){.fd = ktstr_payload_pidfd(payload), .events = POLLIN}, 1, 1000);
	assert_int_equal(ktstr_payload_kill(payload, NULL), 0);
	ktstr_payload_close(payload);
}

/* The leader ends and leaves its group behind, with the captured pipe open. */
static void what_is_left_of_the_group_is_killed(void **state)
{
	char variable[32];
	struct ktstr_payload_options options = {.out = CAPTURE};
	struct ktstr_payload *payload;
	int leash[2];

	(void)state;
	leash_make(leash, variable, sizeof variable);
	payload = spawn_sh("sleep 1000 & sleep 1000 & echo left; exit 5", &options);
	assert_int_equal(WEXITSTATUS(wait_for_it(payload)), 5);
	leash_assert_all_gone(leash);
	assert_output(payload, KTSTR_PAYLOAD_STDOUT, "left\n");
	ktstr_payload_close(payload);
}

/* A descendant in another session is out of reach; it must not hold the caller up either. */
static void a_daemon_does_not_hold_up_the_wait(void **state)
{
	struct ktstr_payload_options options = {.out = CAPTURE};
	struct ktstr_payload *payload = spawn_sh("setsid sh -c 'echo $$; exec sleep 1000' & exec sleep 1000", &options);
	struct ktstr_payload_output output;
	long daemon;

	(void)state;
	await_output(payload, "\n");
	assert_int_equal(ktstr_payload_kill(payload, NULL), 0);
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output), 0);
	daemon = strtol(output.data, NULL, 10);
	assert_true(daemon > 1);
	assert_int_equal(kill((pid_t)daemon, SIGKILL), 0);
	ktstr_payload_close(payload);
}

/* A child that writes without end must hold up neither a look nor the drain after its death. */
static void an_endless_writer_does_not_hold_up_the_caller(void **state)
{
	struct ktstr_payload_options options = {.out = CAPTURE, .capture_limit = 10};
	struct ktstr_payload *payload = spawn_sh("yes & yes & yes & exec yes", &options);
	struct ktstr_payload_output output;
	int status;

	(void)state;
	await_output(payload, "y");
	assert_int_equal(ktstr_payload_try_wait(payload, &status), -EAGAIN);
	assert_int_equal(ktstr_payload_wait(payload, 50, &status), -ETIMEDOUT);
	assert_int_equal(ktstr_payload_kill(payload, &status), 0);
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output), 0);
	assert_string_equal(output.data, "y\ny\ny\ny\ny\n");
	assert_true(output.dropped > 0);
	ktstr_payload_close(payload);
}

static void close_leaves_nothing(void **state)
{
	char variable[32];
	struct ktstr_payload_options options = {.out = CAPTURE, .err = CAPTURE};
	struct ktstr_payload *payload;
	int leash[2];

	(void)state;
	leash_make(leash, variable, sizeof variable);
	payload = spawn_sh("sleep 1000 & echo up; trap '' TERM; wait", &options);
	await_output(payload, "up");
	ktstr_payload_close(payload);
	leash_assert_all_gone(leash);
}

/* Does this kernel keep the exit status for the holder of a pidfd (Linux 6.15)? */
static int kernel_keeps_status(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 15));
}

static void sigchld_ignored_by_the_caller(void **state)
{
	struct ktstr_payload_options options = {.out = CAPTURE};
	struct ktstr_payload *payload;
	char variable[32];
	int leash[2], status = -1, err, i, known;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	for (i = 0; i < 200; i++) {
		payload = spawn_sh("echo word; exit 11", &options);
		known = kernel_keeps_status() && ktstr_payload_pidfd(payload) >= 0;
		err = ktstr_payload_wait(payload, PATIENCE_MS, &status);
		/* Elsewhere the status is lost, and that is what it says. */
		assert_int_equal(err, known ? 0 : -ECHILD);
		assert_true(err || (WIFEXITED(status) && WEXITSTATUS(status) == 11));
		assert_int_equal(ktstr_payload_wait(payload, 0, &status), -ESRCH);
		assert_output(payload, KTSTR_PAYLOAD_STDOUT, "word\n");
		ktstr_payload_close(payload);
	}
	assert_spawn_fails("kt-no-such-program", NULL, -ENOENT, "PATH");
	leash_make(leash, variable, sizeof variable);
	payload = spawn_sh("sleep 1000 & echo up; wait", &options);
	await_output(payload, "up");
	err = ktstr_payload_kill(payload, &status);
	assert_true((err == 0 && WIFSIGNALED(status)) || err == -ECHILD);
	leash_assert_all_gone(leash);
	ktstr_payload_close(payload);
	signal(SIGCHLD, SIG_DFL);
}

static void somebody_else_reaps_the_child(void **state)
{
	struct ktstr_payload *payload = spawn_sh("exit 12", NULL);
	int has_pidfd = ktstr_payload_pidfd(payload) >= 0;
	int status = -1, err;
	pid_t pid;

	(void)state;
	assert_int_equal(ktstr_payload_pid(payload, &pid), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	err = ktstr_payload_try_wait(payload, &status);
	assert_true((has_pidfd && err == 0 && WEXITSTATUS(status) == 12) || err == -ECHILD);
	assert_int_equal(ktstr_payload_kill(payload, &status), -ESRCH);
	ktstr_payload_close(payload);

	payload = spawn_sh("exit 0", NULL);
	assert_int_equal(ktstr_payload_pid(payload, &pid), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	ktstr_payload_close(payload); /* must not hang */
}

/* Runs body in a forked copy of this process, which may do without streams or die. */
static int in_a_copy(int (*body)(int), int argument)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(body(argument));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int pid_pipe[2]; /* through it the copy tells the pid of its child */

static int spawn_then_end(int flags)
{
	const char *argv[] = {"/bin/sleep", "1000", NULL};
	struct ktstr_payload_options options = {.flags = (uint32_t)flags};
	static struct ktstr_payload *payload; /* static: left on purpose, so not a leak to valgrind */
	pid_t pid;

	if (ktstr_payload_spawn(argv, &options, &payload, NULL) || ktstr_payload_pid(payload, &pid))
		return 1;
	return write(pid_pipe[1], &pid, sizeof pid) != sizeof pid;
}

static void the_child_dies_with_its_parent(void **state)
{
	char variable[32];
	struct pollfd held;
	int leash[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(pid_pipe, O_CLOEXEC), 0);
	leash_make(leash, variable, sizeof variable);
	assert_int_equal(in_a_copy(spawn_then_end, KTSTR_PAYLOAD_DIE_WITH_PARENT), 0);
	leash_assert_all_gone(leash);
	assert_int_equal(read(pid_pipe[0], &pid, sizeof pid), sizeof pid);

	/* Without the flag it lives on; as its new parent we can end it. */
	leash_make(leash, variable, sizeof variable);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(in_a_copy(spawn_then_end, 0), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	assert_int_equal(read(pid_pipe[0], &pid, sizeof pid), sizeof pid);
	close(leash[1]);
	held = (struct pollfd){.fd = leash[0]};
	assert_int_equal(poll(&held, 1, 100), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(leash[0]);
	close(pid_pipe[0]);
	close(pid_pipe[1]);
}

/* Bit i of closed: standard stream i is closed in the caller. */
static int spawn_with_streams_closed(int closed)
{
	struct ktstr_payload_options options = {.out = CAPTURE, .err = CAPTURE};
	const char *argv[] = {"/bin/sh", "-c", "echo one; echo two >&2; cat", NULL};
	struct ktstr_payload_output out, err;
	struct ktstr_payload *payload;
	int fd, status = -1, result = 0;

	for (fd = 0; fd < 3; fd++)
		if (closed & (1 << fd))
			close(fd);
	if (ktstr_payload_spawn(argv, &options, &payload, NULL))
		return 1;
	if (ktstr_payload_wait(payload, PATIENCE_MS, &status) || status)
		result = 2;
	else if (ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &out) || strcmp(out.data, "one\n"))
		result = 3;
	else if (ktstr_payload_output(payload, KTSTR_PAYLOAD_STDERR, &err) || strcmp(err.data, "two\n"))
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
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	struct ktstr_payload_options options = {.out = CAPTURE, .flags = KTSTR_PAYLOAD_DIE_WITH_PARENT};
	struct ktstr_payload_output output;
	struct ktstr_payload *payload;
	int i, status = -1;

	for (i = 0; i < 10; i++) {
		snprintf(script, sizeof script, "echo %d.%d; exit %d", number, i, number);
		snprintf(expected, sizeof expected, "%d.%d\n", number, i);
		if (ktstr_payload_spawn(argv, &options, &payload, NULL))
			return "spawn";
		if (ktstr_payload_wait(payload, PATIENCE_MS, &status) || WEXITSTATUS(status) != number)
			return "wait";
		if (ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output) || strcmp(output.data, expected))
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
		assert_int_equal(pthread_create(&threads[i], NULL, spawn_in_a_thread, &numbers[i]), 0);
	}
	for (i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(threads[i], &fault), 0);
		if (fault)
			fail_msg("thread %d failed in %s", i, (char *)fault);
	}
}

static void a_shared_group_is_never_signalled(void **state)
{
	char variable[32];
	struct ktstr_payload_options options = {.flags = KTSTR_PAYLOAD_SHARE_GROUP, .out = CAPTURE};
	struct ktstr_payload *payload;
	struct pollfd held;
	char *number;
	int leash[2];
	long sleeper;
	pid_t pid;
	struct ktstr_payload_output output;

	(void)state;
	leash_make(leash, variable, sizeof variable);
	payload = spawn_sh("sleep 1000 & echo sleeper $!; exec sleep 1000", &options);
	await_output(payload, "\n");
	assert_int_equal(ktstr_payload_pid(payload, &pid), 0);
	assert_int_equal(getpgid(pid), getpgrp());
	assert_int_equal(ktstr_payload_kill(payload, NULL), 0);
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output), 0);
	number = strchr(output.data, ' ');
	assert_non_null(number);
	sleeper = strtol(number, NULL, 10);
	ktstr_payload_close(payload);
	close(leash[1]);
	held = (struct pollfd){.fd = leash[0]};
	assert_int_equal(poll(&held, 1, 100), 0); /* the sleeper lives */
	assert_true(sleeper > 1);
	assert_int_equal(kill((pid_t)sleeper, SIGKILL), 0);
	assert_int_equal(poll(&held, 1, PATIENCE_MS), 1);
	close(leash[0]);
}

static void signals_are_reset_in_the_child(void **state)
{
	struct ktstr_payload_options options = {.out = CAPTURE};
	struct ktstr_payload *payload;
	struct ktstr_payload_output output;
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
	assert_int_equal(ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output), 0);
	line = strstr(output.data, "SigBlk:");
	assert_non_null(line);
	assert_true((strtoull(line + 7, NULL, 16) & 0x7fffffff) == 0); /* below the real-time signals */
	line = strstr(output.data, "SigIgn:");
	assert_non_null(line);
	assert_true((strtoull(line + 7, NULL, 16) & 0x7fffffff) == 0);
	assert_true(sigismember(&now, SIGUSR1) == 1); /* the caller's mask is back as it was */
	assert_true(sigismember(&now, SIGUSR2) == 0);
	ktstr_payload_close(payload);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_begin, test_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(exit_code_and_signal_are_told),
		TEST(environment_is_changed),
		TEST(working_directory_and_files),
		TEST(streams_are_inherited),
		TEST(much_output_on_both_streams),
		TEST(output_that_was_not_captured),
		TEST(failed_spawns_say_why),
		TEST(program_is_found_in_the_childs_path),
		TEST(a_handle_is_consumed_once),
		TEST(try_wait_sees_the_end),
		TEST(wait_times_out_in_spite_of_signals),
		TEST(kill_takes_the_group_and_keeps_output),
		TEST(what_is_left_of_the_group_is_killed),
		TEST(a_daemon_does_not_hold_up_the_wait),
		TEST(an_endless_writer_does_not_hold_up_the_caller),
		TEST(close_leaves_nothing),
		TEST(sigchld_ignored_by_the_caller),
		TEST(somebody_else_reaps_the_child),
		TEST(the_child_dies_with_its_parent),
		TEST(spawn_works_with_streams_closed),
		TEST(threads_spawn_at_once),
		TEST(a_shared_group_is_never_signalled),
		TEST(signals_are_reset_in_the_child),
	};
	const char *parent = getenv("TMPDIR");
	/* What a test that failed halfway may have left. */
	static const char *const files[] = {"input", "output", "script", "kt-tool"};
	char path[300];
	int failed;
	size_t i;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	setenv("PATH", "/usr/bin:/bin", 1); /* one without folders that this user may not enter: EACCES */
	snprintf(folder, sizeof folder, "%s/ktstr-payload-XXXXXX", parent && *parent ? parent : "/tmp");
	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		unlink(path);
	}
	rmdir(folder);
	return failed;
}
