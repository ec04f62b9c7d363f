#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The program ktstr-jemalloc-probe from outside: exit codes, tags, the JSON document, text, signals.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use JSON::PP ();
use POSIX ();
use ProbeTest qw(scratch run_probe probe_json probe_program start_target end_target compile);
use Test::More;
use Time::HiRes qw(sleep time);

my $cc = $ENV{CC} // 'cc';
chomp(my $shared = `$cc -print-file-name=libjemalloc.so.2`);
chomp(my $static = `$cc -print-file-name=libjemalloc.a`);
my @library = $shared =~ m{^/} ? $shared : $static;

# Usage errors: exit 2, a line that names the mistake, nothing on stdout.
for my $arguments ([], ['-p', 0], ['-p', 'x'], ['-p', 1, '--snapshots', 2], ['-p', 1, '--interval-ms', 5],
	['-p', 1, '--abort-after-ms', 0], ['-p', 1, 'extra'], ['-p', 1, '--nonsense']) {
	my ($status, $out, $err) = run_probe(@$arguments);
	is("$status:$out", '2:', "usage error: @$arguments");
	like($err, qr/^ktstr-jemalloc-probe: ./, 'says why');
}
for my $option ('--help', '--version') {
	my ($status, $out, $err) = run_probe($option);
	is($status, 0, $option);
	like($out, qr/ktstr-jemalloc-probe/, 'on stdout');
}

# Fatal errors: exit 1, two tagged lines, no JSON.
sub fatal {
	my ($what, $tag, @arguments) = @_;
	my ($status, $out, $err) = run_probe(@arguments, '--json');
	is("$status:$out", '1:', "$what: exit 1, nothing on stdout");
	like($err, qr/^ktstr-probe-fatal: \Q$tag\E\nerror: \S.*\n\z/, "$what: $tag");
}
fatal('no such process', 'pid-missing', '-p', 999999999);
fatal('no jemalloc', 'jemalloc-not-found', '-p', $$) unless ($ENV{LD_PRELOAD} // '') =~ /jemalloc/;
my $zombie = fork // die;
POSIX::_exit(0) if $zombie == 0;
sleep 0.05 until do { open my $s, '<', "/proc/$zombie/stat"; (<$s> // '') =~ /\) Z/ };
fatal('a zombie', 'pid-missing', '-p', $zombie);
waitpid $zombie, 0;
SKIP: {
	skip 'no kernel thread is visible here', 2 unless -e '/proc/2/stat' && !readlink '/proc/2/exe';
	fatal('a kernel thread', 'readlink-failure', '-p', 2);
}
SKIP: {
	skip 'needs root to become another user', 3 if $> != 0;
	my $out = `setpriv --reuid 65534 --clear-groups @{[probe_program()]} -p $$ 2>&1`;
	is($? >> 8, 1, 'another user\'s process: exit 1');
	like($out, qr/^ktstr-probe-fatal: permission-denied$/m, 'its tag');
	like($out, qr/runs as another user.*CAP_SYS_PTRACE/, 'the gate and the remedy');
}

my $program = compile('target', @library, qw(-lm -lpthread -ldl));
my $target = start_target({}, $program, 3, 7);
ok($target, 'a target') or do { done_testing(); exit };
my $pid = $target->{pid};

my $document = probe_json($pid, '--snapshots', 3, '--interval-ms', 50);
is($document->{schema_version}, 3, 'schema version');
is($document->{pid}, $pid, 'pid');
is($document->{interval_ms}, 50, 'interval');
ok(!$document->{interrupted} && JSON::PP::is_bool($document->{interrupted}), 'not interrupted');
is(scalar @{ $document->{snapshots} }, 3, 'three snapshots');
my @elapsed = map { $_->{elapsed_since_start_ns} } @{ $document->{snapshots} };
# The schedule is absolute: a late first snapshot shortens the first gap, never the whole.
ok($elapsed[0] > 0 && $elapsed[1] > $elapsed[0] && $elapsed[2] > $elapsed[1] && $elapsed[2] >= 100e6, 'time passes');
my @tids = map { $_->{tid} } @{ $document->{snapshots}[0]{threads} };
is("@tids", join(' ', sort { $a <=> $b } keys %{ $target->{report} }), 'threads in the order of their ids');
is(join(' ', sort keys %{ $document->{snapshots}[0]{threads}[0] }),
	'allocated_bytes comm deallocated_bytes start_time_jiffies tid', 'the members of a thread');
ok(!exists probe_json($pid)->{interval_ms}, 'no interval with one snapshot');
ok(!exists probe_json($pid, '--no-names')->{snapshots}[0]{threads}[0]{comm}, '--no-names');

my ($status, $out, $err) = run_probe('-p', $pid);
like($out, qr/\Apid=$pid tool_version=\S+\n--- snapshot 1\/1 \@ \d+s ---\n(?:tid=\d+ comm=target allocated_bytes=\d+ deallocated_bytes=\d+\n){4}\z/,
	'text');
is($err, '', 'nothing on stderr');
($status, $out, $err) = run_probe('-p', $pid, '--explain');
like($err, qr/^jemalloc: .*^TLS block: .*^counters: .*^thread pointer: /ms, '--explain');

is_deeply([map { $_->{allocated_bytes} } @{ probe_json($pid, '--thread-pointer=ptrace')->{snapshots}[0]{threads} }],
	[map { $_->{allocated_bytes} } @{ probe_json($pid)->{snapshots}[0]{threads} }], 'ptrace reads the same');

# A name of any bytes: the document stays valid UTF-8 JSON, a line stays a line.
my $odd = "\xff\"\\\n)\x01\xc3";
system('cp', $program, scratch() . "/$odd");
my $named = start_target({}, scratch() . "/$odd", 1, 1);
ok(probe_json($named->{pid})->{snapshots}[0]{threads}[0]{comm} eq "\x{fffd}\"\\\n)\x01\x{fffd}", 'a hostile name');
($status, $out, $err) = run_probe('-p', $named->{pid});
like($out, qr/^tid=\d+ comm=\\xff"\\x5c\\x0a\)\\x01\\xc3 allocated_bytes=/m, 'as text');
end_target($named);

# SIGINT in the middle of a wait: what was read is printed, at once.
for my $signal ('INT', 'TERM') {
	my $file = scratch() . '/interrupted';
	unlink $file;
	my $child = fork // die;
	if ($child == 0) {
		open STDOUT, '>', $file;
		exec probe_program(), '-p', $pid, '--json', '--snapshots', 100, '--interval-ms', 60000
			or POSIX::_exit(127);
	}
	sleep 0.02 until -s $file;
	my $begin = time;
	kill $signal, $child;
	waitpid $child, 0;
	my $took = time - $begin;
	is($?, 0, "SIG$signal: exit 0");
	cmp_ok($took, '<', 0.5, sprintf 'within %.1f ms', $took * 1e3);
	open my $in, '<', $file;
	local $/;
	my $part = JSON::PP->new->utf8->decode(<$in>);
	ok($part->{interrupted} && @{ $part->{snapshots} } == 1, 'interrupted, with what was read');
}
($status, $out, $err) = run_probe('-p', $pid, '--json', '--snapshots', 100, '--interval-ms', 60000,
	'--abort-after-ms', 100);
is($status, 0, 'deadline: exit 0');
is($err, "ktstr-probe-deadline: abort after 100ms\n", 'its line');
ok(JSON::PP->new->utf8->decode($out)->{interrupted}, 'interrupted');

# As from a harness that reads signals from a descriptor: blocked ones are inherited.
my $blocked = POSIX::SigSet->new(POSIX::SIGALRM());
POSIX::sigprocmask(POSIX::SIG_BLOCK(), $blocked);
($status, $out, $err) = run_probe('-p', $pid, '--json', '--snapshots', 3, '--interval-ms', 2000, '--abort-after-ms', 100);
POSIX::sigprocmask(POSIX::SIG_UNBLOCK(), $blocked);
is("$status $err", "0 ktstr-probe-deadline: abort after 100ms\n", 'deadline, with SIGALRM blocked at the start');

# In a pid namespace of its own under the old /proc, which numbers other processes.
SKIP: {
	skip 'no pid namespace can be made here', 1 if system('unshare --pid --fork true 2>/dev/null') != 0;
	like(`unshare --pid --fork @{[probe_program()]} -p $pid 2>&1`,
		qr/^ktstr-probe-fatal: other\nerror: \/proc is not that of our own pid namespace/, 'a /proc that is not ours is refused');
}

# A stopped target is read and stays stopped.
kill 'STOP', $pid;
sleep 0.02 until do { open my $s, '<', "/proc/$pid/stat"; (<$s> // '') =~ /\) T/ };
ok(probe_json($pid) && probe_json($pid, '--thread-pointer=ptrace'), 'a stopped target is read');
# A thread that ptrace let go of runs in the kernel for a moment, back into its stop.
my ($state, $until) = ('', time + 5);
until ($state eq 'T' || time > $until) {
	open my $s, '<', "/proc/$pid/stat";
	($state) = <$s> =~ /\) (\S)/;
}
is($state, 'T', 'and stays stopped');
kill 'CONT', $pid;

# The target ends between snapshots: what was read is kept, the tag tells.
unlink scratch() . '/out';
my $killer = fork // die;
if ($killer == 0) {
	for (1 .. 2000) { last if -s scratch() . '/out'; sleep 0.01 } # the first snapshot is written
	kill 'KILL', $pid;
	POSIX::_exit(0);
}
($status, $out, $err) = run_probe('-p', $pid, '--json', '--snapshots', 100, '--interval-ms', 50);
waitpid $killer, 0;
is($status, 0, 'the target ends: exit 0, for something was read');
like($err, qr/^ktstr-probe-fatal: exe-identity-changed$/m, 'its tag');
ok(JSON::PP->new->utf8->decode($out)->{interrupted}, 'interrupted');
end_target($target);
done_testing();
