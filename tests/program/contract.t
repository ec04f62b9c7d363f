#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The literals that the programs promise each other and the outside, each in the cheapest run that shows it. They are
# spelled out here a second time on purpose: to change one is to change the contract, and goes into NEWS.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use JSON::PP ();
use POSIX ();
use ProbeTest qw(run_probe probe_json);
use Test::More;
use TestKtstr;

my $override = 'KTSTR_WORKER_READY_MARKER_OVERRIDE';
my $directory = temp_directory();

subtest 'the worker ends with the contract\'s code and words' => sub {
	my @rows = (
		[0, ['--help'], {}, qr/\A\z/],
		[0, ['--version'], {}, qr/\A\z/],
		[2, ['0'], {}, qr/\A\S+ BYTES is 0/],
		[3, ['4096'], { MALLOC_CONF => 'background_thread:true' },
			qr{\A\S+ .*/proc/self/task has .*MALLOC_CONF.*background_thread}],
		[4, ['4096'], { $override => "$directory/none/marker" }, qr/\A\S+ .*failed to write ready marker/],
		[5, ['many'], {}, qr/\A\S+ BYTES is not a number/],
		[7, ['18446744073709551615'], {}, qr/\A\S+ cannot allocate/],
	);
	for my $row (@rows) {
		my ($code, $args, $env, $words) = @$row;
		my $r = run(args => $args, env => $env);
		is $r->{exit}, $code, "@$args: exit $code";
		like $r->{err}, $words, "@$args: its words";
		like $r->{err}, qr/\Ajemalloc-alloc-worker: [^\n]+\n\z/, "@$args: one line behind the prefix" if $code;
	}
};

my $worker = start(args => ['65536']);
my $pid = $worker->{pid};

subtest 'a worker that is ready has its marker and its line' => sub {
	is $worker->{marker}, "/tmp/ktstr-worker-ready-$pid", 'the path that the test looks at';
	ok wait_ready($worker), 'the marker, with its content';
	ok +(until_true { (slurp("$worker->{directory}/out") // '') =~ /\n/ }), 'a line';
	is slurp("$worker->{directory}/out"), "jemalloc-alloc-worker ready pid=$pid bytes=65536\n", 'the line';
};

subtest '--churn is the option for threads that come and go' => sub {
	my $churning = start(args => ['--churn', '4096'], env => { $override => "$directory/elsewhere" });
	ok wait_ready($churning), 'ready, with the marker where the environment variable says';
	stop($churning);
	unlink "$directory/elsewhere";
};

# Every member of every level, and nothing else.
sub members { return join ' ', sort keys %{ $_[0] } }

subtest 'the document has the contract\'s members on each level' => sub {
	my $document = probe_json($pid) or return fail 'a document';
	my $thread = $document->{snapshots}[0]{threads}[0];
	is members($document), 'interrupted pid schema_version snapshots started_at_unix_sec tool_version', 'of the document';
	is members($document->{snapshots}[0]), 'elapsed_since_start_ns threads timestamp_unix_sec', 'of a snapshot';
	is members($thread), 'allocated_bytes comm deallocated_bytes start_time_jiffies tid', 'of a thread';
	is $document->{schema_version}, 3, 'the schema';
	is "$document->{pid} $thread->{tid}", "$pid $pid", 'the ids';
	$document = probe_json($pid, qw(--snapshots 2 --interval-ms 1)) or return fail 'two snapshots';
	is members($document), 'interrupted interval_ms pid schema_version snapshots started_at_unix_sec tool_version',
		'of the document with several snapshots';
	is members(probe_json($pid, '--no-names')->{snapshots}[0]{threads}[0]), 'allocated_bytes deallocated_bytes tid',
		'of a thread without its name';
};

subtest 'text has the contract\'s lines' => sub {
	my ($status, $out, $err) = run_probe('-p', $pid);
	like $out, qr/\Apid=$pid tool_version=\S+\n--- snapshot 1\/1 \@ \d+s ---\ntid=$pid comm=\S+ allocated_bytes=\d+ deallocated_bytes=\d+\n\z/,
		'on stdout';
	is "$status$err", '0', 'nothing on stderr';
};

subtest 'each option is taken within its limits' => sub {
	my @good = (['--pid', $pid], ['-p', $pid, '--json'], ['-p', $pid, '--snapshots', 1],
		['-p', $pid, qw(--snapshots 2 --interval-ms 1)], ['-p', $pid, '--abort-after-ms', 3600000], ['--help'], ['--version']);
	# Nobody waits for those: a pid of 2^31-1 is missing at once (exit 1), and is not a usage error (exit 2).
	my @large = ([], [qw(--snapshots 100000 --interval-ms 3600000)], ['--abort-after-ms', 1]);
	my @bad = ([], ['-p', 0], ['-p', 2147483648], ['-p', 1, '--snapshots', 0], [qw(-p 1 --snapshots 100001 --interval-ms 1)],
		[qw(-p 1 --snapshots 2)], [qw(-p 1 --interval-ms 1)], [qw(-p 1 --snapshots 1 --interval-ms 1)],
		[qw(-p 1 --snapshots 2 --interval-ms 0)], [qw(-p 1 --snapshots 2 --interval-ms 3600001)],
		[qw(-p 1 --abort-after-ms 0)], [qw(-p 1 --abort-after-ms 3600001)], [qw(-p 1 2)]);
	is +(run_probe(@$_))[0], 0, "@$_: exit 0" for @good;
	is +(run_probe('-p', 2147483647, @$_))[0], 1, "-p 2147483647 @$_: exit 1" for @large;
	isnt +(run_probe('-p', 1))[0], 2, '-p 1: no usage error, whatever that process is';
	is +(run_probe(@$_))[0], 2, "@$_: exit 2" for @bad;
	like +(run_probe('-p', 0))[2], qr/from 1 to 2147483647/, '-p 0: the limits are named';
};

subtest 'what is fatal is one tag and one error' => sub {
	my ($status, $out, $err) = run_probe('-p', 2147483647, '--json');
	is "$status:$out", '1:', 'exit 1 and no document';
	like $err, qr/\Aktstr-probe-fatal: pid-missing\nerror: \S[^\n]*\n\z/, 'the tag, and what happened';
};

subtest 'the deadline is told in its line' => sub {
	my ($status, $out, $err) = run_probe('-p', $pid, qw(--json --snapshots 2 --interval-ms 3600000 --abort-after-ms 50));
	is $status, 0, 'something was read: exit 0';
	is $err, "ktstr-probe-deadline: abort after 50ms\n", 'the line';
	ok(JSON::PP->new->utf8->decode($out)->{interrupted}, 'it says that it was interrupted');
};

# ptrace(2) allows one tracer: with this process as the worker's, the probe's fallback cannot read its thread.
subtest 'a reading of which every thread failed is told by its own tag' => sub {
	my %number = (x86_64 => 101, aarch64 => 117); # of ptrace, in asm/unistd_64.h and asm-generic/unistd.h
	my $ptrace = $number{ (POSIX::uname())[4] } or return fail 'the number of ptrace';
	is syscall($ptrace, 0x4206, $pid + 0, 0, 0), 0, "PTRACE_SEIZE: $!" or return;
	my @by_ptrace = ('-p', $pid, '--thread-pointer=ptrace');
	my ($status, $out, $err) = run_probe(@by_ptrace, '--json');
	is $status, 1, 'exit 1';
	is $err, "ktstr-probe-all-failed: single\n", 'one snapshot: single';
	my $document = JSON::PP->new->utf8->decode($out);
	my $thread = $document->{snapshots}[0]{threads}[0];
	is members($thread), 'comm error error_kind start_time_jiffies tid', 'the members of a thread that was not read';
	is $thread->{error_kind}, 'ptrace-seize', 'its kind';
	($status, $out, $err) = run_probe(@by_ptrace, qw(--json --snapshots 2 --interval-ms 1));
	is "$status:$err", "1:ktstr-probe-all-failed: multi\n", 'several snapshots: multi';
	($status, $out, $err) = run_probe(@by_ptrace);
	like $err, qr/\Awarning: tid $pid comm=\S+ \[ptrace-seize\]: \S[^\n]*\nktstr-probe-all-failed: single\n\z/, 'as text: a warning';
};
stop($worker);

subtest 'pkg-config names the path contract' => sub {
	my $pc = slurp(($ENV{KTSTR_BUILDDIR} // '.') . '/src/libktstr/ktstr.pc');
	my %literal = (
		worker_ready_marker_prefix => '/tmp/ktstr-worker-ready-',
		worker_ready_marker_override_env => 'KTSTR_WORKER_READY_MARKER_OVERRIDE',
		worker_stderr_prefix => 'jemalloc-alloc-worker:',
		worker_stdout_ready_prefix => 'jemalloc-alloc-worker ready',
	);
	like $pc, qr/^\Q$_\E=\Q$literal{$_}\E$/m, $_ for sort keys %literal;
};
done_testing;
