/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ktstr-jemalloc-alloc-worker: one known allocation on the main thread, then the marker, then park.
 *
 * A probe compares this process's jemalloc counters with BYTES. So nothing else here may allocate:
 * no stdio, no opendir, no getopt text; every message is put together on the stack.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include <jemalloc/jemalloc.h>

#include "shared/decimal.h"
#include <ktstr/worker_ready.h>

/* Exit codes, as ktstr-jemalloc-alloc-worker(1) lists them. */
enum {
	EXIT_ZERO_BYTES = 2,
	EXIT_THREADS = 3,
	EXIT_MARKER = 4,
	EXIT_USAGE = 5,
	EXIT_TASKS_UNREADABLE = 6,
	EXIT_ALLOCATION = 7,
};

static const char help[] =
	"Usage: ktstr-jemalloc-alloc-worker [--churn] BYTES\n"
	"Allocate BYTES once with jemalloc, write the readiness marker, and wait to be killed.\n"
	"\n"
	"  --churn     create and join short-lived threads until killed\n"
	"  --help      show this text and exit\n"
	"  --version   show the version and exit\n"
	"\n"
	"The marker is " KTSTR_WORKER_READY_MARKER_PREFIX
	"<pid>; the environment variable\n" KTSTR_WORKER_READY_MARKER_OVERRIDE_ENV
	" names another one, for tests.\n"
	"See ktstr-jemalloc-alloc-worker(1) for the exit codes.\n";

static const char version[] = "ktstr-jemalloc-alloc-worker (" PACKAGE_NAME ") " PACKAGE_VERSION
			      "\n";

/* A line is written with one write(2), so that it cannot be torn by another writer. */
struct line {
	char text[1024];
	size_t len;
};

static void line_add(struct line *line, const char *text)
{
	/* One byte stays free for the newline. A name that is too long is cut. */
	while (*text && line->len < sizeof line->text - 1) {
		/* argv and the environment are free text: keep the message one line. */
		line->text[line->len++] = *text;
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			line->text[line->len - 1] = '?';
		text++;
	}
}

static void line_add_number(struct line *line, size_t number)
{
	char digits[DECIMAL_SIZE];

	decimal_format(number, digits);
	line_add(line, digits);
}

/* Returns 0 or a negative errno. A full pipe is waited for; a short write is continued. */
static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t done = write(fd, data, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		data += done;
		size -= (size_t)done;
	}
	return 0;
}

static int line_write(struct line *line, int fd)
{
	line->text[line->len++] = '\n';
	return write_all(fd, line->text, line->len);
}

/* Prints the pieces, up to a NULL, as one line on stderr and ends the worker. */
__attribute__((noreturn, sentinel)) static void fail(int code, ...)
{
	struct line line = { .len = 0 };
	const char *piece;
	va_list pieces;

	line_add(&line, KTSTR_WORKER_STDERR_PREFIX " ");
	va_start(pieces, code);
	while ((piece = va_arg(pieces, const char *)))
		line_add(&line, piece);
	va_end(pieces);
	(void)line_write(&line, STDERR_FILENO); /* nowhere is left to report it */
	_exit(code);
}

/* strerror(3) may allocate for a translation; this is static English text. */
static const char *errno_text(int err)
{
	const char *text = strerrordesc_np(err);

	return text ? text : "unknown error";
}

static void show(const char *text, size_t size)
{
	_exit(write_all(STDOUT_FILENO, text, size) ? EXIT_FAILURE : EXIT_SUCCESS);
}

struct arguments {
	size_t bytes;
	bool churn;
};

static struct arguments parse_arguments(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	const char *bytes = NULL;
	bool options_end = false;
	uint64_t number;
	int rc;

	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];

		if (options_end || arg[0] != '-' || arg[1] == '\0') {
			if (bytes)
				fail(EXIT_USAGE,
				     "one BYTES is taken, but there is a second argument: '", arg,
				     "'; try --help", NULL);
			bytes = arg;
		} else if (strcmp(arg, "--") == 0) {
			options_end = true;
		} else if (strcmp(arg, "--churn") == 0) {
			arguments.churn = true;
		} else if (strcmp(arg, "--help") == 0) {
			show(help, sizeof help - 1);
		} else if (strcmp(arg, "--version") == 0) {
			show(version, sizeof version - 1);
		} else {
			fail(EXIT_USAGE, "unknown option '", arg, "'; try --help", NULL);
		}
	}
	if (!bytes)
		fail(EXIT_USAGE, "BYTES is missing: name how many bytes to allocate; try --help",
		     NULL);
	rc = decimal_parse(bytes, 0, SIZE_MAX, &number);
	if (rc == -ERANGE)
		fail(EXIT_USAGE, "BYTES is out of range: ", bytes,
		     " is more than a size_t can hold", NULL);
	if (rc)
		fail(EXIT_USAGE, "BYTES is not a number: '", bytes,
		     "'; give decimal digits only, without sign, blank or suffix", NULL);
	arguments.bytes = (size_t)number;
	if (arguments.bytes == 0)
		fail(EXIT_ZERO_BYTES, "BYTES is 0: there would be nothing to see; name at least 1",
		     NULL);
	return arguments;
}

/* How many threads this process has. Returns a negative errno when procfs cannot tell. */
static int count_threads(void)
{
	/* opendir(3) allocates its buffer, so the entries are read straight from the kernel. */
	_Alignas(struct dirent64) char entries[4096];
	int count = 0;
	ssize_t size;
	int fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while ((size = getdents64(fd, entries, sizeof entries)) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct dirent64 *entry =
				(const struct dirent64 *)(const void *)(entries + at);

			count += entry->d_name[0] != '.';
			at += entry->d_reclen;
		}
	}
	if (size < 0)
		count = -errno;
	close(fd);
	return count;
}

static void require_one_thread(void)
{
	char found[DECIMAL_SIZE];
	const char *jemalloc_version;
	size_t size = sizeof jemalloc_version;
	int count;

	/*
	 * Any mallctl(3) initialises jemalloc, which is when background_thread:true starts its
	 * thread. It counts nothing as allocated; its result does not matter here.
	 */
	(void)mallctl("version", &jemalloc_version, &size, NULL, 0);

	count = count_threads();
	if (count < 0)
		fail(EXIT_TASKS_UNREADABLE, "cannot read /proc/self/task: ", errno_text(-count),
		     "; is procfs mounted on /proc?", NULL);
	if (count == 1)
		return;
	decimal_format((size_t)count, found);
	fail(EXIT_THREADS, "/proc/self/task has ", found,
	     " threads where 1 is expected; does MALLOC_CONF or /etc/malloc.conf set"
	     " background_thread:true?",
	     NULL);
}

static void allocate(size_t bytes)
{
	char digits[DECIMAL_SIZE];
	struct sysinfo memory;
	char *block, first;

	decimal_format(bytes, digits);
	/* Where the kernel overcommits, calloc(3) gives what can never exist: that would be a false
	 * "ready". */
	if (sysinfo(&memory) == 0 && bytes / memory.mem_unit > memory.totalram + memory.totalswap)
		fail(EXIT_ALLOCATION, "cannot allocate ", digits,
		     " bytes: more than all memory and swap of this "
		     "machine; name fewer",
		     NULL);
	block = calloc(1, bytes);
	if (!block)
		fail(EXIT_ALLOCATION, "cannot allocate ", digits,
		     " bytes: out of memory or address space; name fewer", NULL);
	first = *(volatile char *)block;
	/*
	 * The block is never freed or used: without this the compiler could drop the allocation.
	 * The empty statement takes the value, the pointer and the length as inputs it knows
	 * nothing of.
	 */
	__asm__ volatile("" : : "r"(first), "r"(block), "r"(bytes) : "memory");
}

/* Puts the marker's path into buf unless the environment overrides it. Prepared before the
 * allocation. */
static const char *marker_path(char buf[KTSTR_WORKER_READY_MARKER_PATH_SIZE])
{
	const char *override = getenv(KTSTR_WORKER_READY_MARKER_OVERRIDE_ENV);

	if (override && *override)
		return override;
	(void)ktstr_worker_ready_marker_path((uint32_t)getpid(), buf,
					     KTSTR_WORKER_READY_MARKER_PATH_SIZE);
	return buf;
}

/*
 * A file that exists means ready, so after a failure it must go: but only what this process has
 * open and only a regular file, never a device such as /dev/full or what another put there
 * meanwhile.
 */
static void remove_own_marker(int fd, const char *path)
{
	struct stat opened, named;

	if (fstat(fd, &opened) || !S_ISREG(opened.st_mode) || opened.st_uid != geteuid())
		return;
	if (lstat(path, &named) || named.st_dev != opened.st_dev || named.st_ino != opened.st_ino)
		return;
	(void)unlink(path);
}

/* O_NONBLOCK: a FIFO planted at the path must not hold the worker. */
#define MARKER_SAFE (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define MARKER_NEW  (O_WRONLY | O_CREAT | O_EXCL | MARKER_SAFE)

/*
 * The marker is always a new file: an existing one may be a second name of a file
 * that is worth something, made by ln(1) where fs.protected_hardlinks is 0. A marker of its own
 * user, which an earlier worker of the same pid left, loses this name and nothing else; another
 * user's is left alone. A device is opened, so that KTSTR_WORKER_READY_MARKER_OVERRIDE can name
 * /dev/full. Returns a descriptor or a negative errno.
 */
static int open_marker(const char *path)
{
	int fd = open(path, MARKER_NEW, 0644);
	struct stat st;

	if (fd >= 0 || errno != EEXIST)
		return fd < 0 ? -errno : fd;
	if (lstat(path, &st))
		return -errno;
	if (S_ISREG(st.st_mode) && st.st_uid == geteuid()) {
		if (unlink(path))
			return -errno;
		fd = open(path, MARKER_NEW, 0644);
		return fd < 0 ? -errno : fd;
	}
	if (S_ISREG(st.st_mode))
		return -EEXIST;
	fd = open(path, O_WRONLY | MARKER_SAFE);
	if (fd >= 0 && (fstat(fd, &st) || !S_ISCHR(st.st_mode))) {
		close(fd); /* a FIFO with a reader, or a file put there between the two looks */
		return -EEXIST;
	}
	return fd < 0 ? -errno : fd;
}

__attribute__((noreturn)) static void fail_marker(const char *path, const char *call, int err,
						  const char *advice)
{
	fail(EXIT_MARKER, "failed to write ready marker ", path, ": ", call, ": ", errno_text(err),
	     advice, NULL);
}

/* Three system calls when no marker exists and nothing fails: openat, write, close. */
static void write_marker(const char *path)
{
	static const char content[] = "ready\n";
	int fd = open_marker(path);
	ssize_t written;
	int err;

	if (fd < 0)
		fail_marker(path, "open", -fd,
			    fd == -ELOOP    ? "; a symbolic link is not followed, remove it"
			    : fd == -EEXIST ? "; the existing marker is not a file of this user, "
					      "remove it"
					    : "");

	written = write(fd, content, sizeof content - 1);
	if (written != sizeof content - 1) {
		err = written < 0 ? errno : ENOSPC; /* there was room for a part of six bytes */
		remove_own_marker(fd, path);
		fail_marker(path, "write", err, "");
	}

	/* Network file systems report a full disk only here. On Linux the file is closed all the
	 * same. */
	if (close(fd) && errno != EINTR) {
		err = errno;
		fd = open(path, O_WRONLY | MARKER_SAFE);
		if (fd >= 0)
			remove_own_marker(fd, path);
		fail_marker(path, "close", err, "");
	}
}

/* For people and logs. A caller that closed its end of the pipe does not stop the worker. */
static void print_breadcrumb(size_t bytes)
{
	struct line line = { .len = 0 };

	line_add(&line, KTSTR_WORKER_STDOUT_READY_PREFIX " pid=");
	line_add_number(&line, (size_t)getpid());
	line_add(&line, " bytes=");
	line_add_number(&line, bytes);
	(void)line_write(&line, STDOUT_FILENO);
}

static void *live_briefly(void *unused)
{
	const struct timespec lifetime = { .tv_nsec = 100000 };

	nanosleep(&lifetime, NULL);
	return unused;
}

/* Threads that come and go under the probe's eyes, for as long as the worker lives. */
__attribute__((noreturn)) static void churn(void)
{
	for (;;) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, live_briefly, NULL) == 0)
			pthread_join(thread, NULL);
		else
			live_briefly(NULL); /* EAGAIN under a limit: it may pass */
	}
}

int main(int argc, char **argv)
{
	char default_path[KTSTR_WORKER_READY_MARKER_PATH_SIZE];
	struct arguments arguments;
	const char *path = marker_path(default_path);

	/* A reader that went away, or a limit on file sizes, is a failed write and no reason to
	 * die. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	arguments = parse_arguments(argc, argv);
	if (!arguments.churn)
		require_one_thread();
	allocate(arguments.bytes);
	write_marker(path);
	print_breadcrumb(arguments.bytes);
	if (arguments.churn)
		churn();
	for (;;)
		pause();
}
