#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The program ktstr-jemalloc-probe from outside: exit codes, tags, the JSON document, text, signals.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use JSON::PP ();
use POSIX ();
use ProbeTest qw(probe_for_others scratch run_probe probe_json probe_program start_target end_target compile);
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
for my $arguments (['redis-server'], ['-p', 'redis-server']) {
	my ($status, $out, $err) = run_probe(@$arguments);
	is("$status:$out", '2:', "a name is no pid: @$arguments");
	like($err, qr/'redis-server' is not a pid\. Give a pid: pidof redis-server$/m, 'says what gives one');
}
for my $option ('--help', '--version') {
	my ($status, $out, $err) = run_probe($option);
	is($status, 0, $option);
	like($out, qr/ktstr-jemalloc-probe/, 'it is on stdout');
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
# A 32-bit program, which needs no library to be built and run.
SKIP: {
	my $narrow = scratch() . '/narrow';
	open my $source, '>', "$narrow.c";
	print $source 'void _start(void) { for (;;) __asm__ volatile("int $0x80" : : "a"(29)); }'; # 29: pause, syscall_32.tbl
	close $source;
	skip 'no 32-bit program is built here', 2 if system("$cc -m32 -O1 -nostdlib -static -o $narrow $narrow.c 2>/dev/null");
	my $child = fork // die;
	exec $narrow or POSIX::_exit(127) if $child == 0;
	sleep 0.02 until (readlink("/proc/$child/exe") // '') =~ /narrow/ || waitpid($child, POSIX::WNOHANG()) > 0;
	skip 'this kernel runs no 32-bit program', 2 unless kill 0, $child;
	fatal('a 32-bit program', 'arch-mismatch', '-p', $child);
	kill 'KILL', $child;
	waitpid $child, 0;
}
SKIP: {
	skip 'needs root to become another user', 4 if $> != 0;
	my ($probe, $libraries) = probe_for_others();
	my $out = `LD_LIBRARY_PATH=$libraries setpriv --reuid 65534 --clear-groups $probe -p $$ 2>&1`;
	is($? >> 8, 1, 'another user\'s process: exit 1');
	like($out, qr/^ktstr-probe-fatal: permission-denied$/m, 'its tag is told');
	like($out, qr/runs as another user.*CAP_SYS_PTRACE/s, 'the gate and the remedy are told');
	is(scalar(grep { length >= 200 } split /\n/, $out), 0, 'no line of 200 characters');
}

my $program = compile('target', @library, qw(-lm -lpthread -ldl));
my $target = start_target({}, $program, 3, 7);
ok($target, 'the target runs') or do { done_testing(); exit };
my $pid = $target->{pid};

my $document = probe_json($pid, '--snapshots', 3, '--interval-ms', 50);
is($document->{schema_version}, 3, 'the document has its schema version');
is($document->{pid}, $pid, 'the document has the pid');
is($document->{interval_ms}, 50, 'the document has the interval');
ok(!$document->{interrupted} && JSON::PP::is_bool($document->{interrupted}), 'it was not interrupted');
is(scalar @{ $document->{snapshots} }, 3, 'there are three snapshots');
my @elapsed = map { $_->{elapsed_since_start_ns} } @{ $document->{snapshots} };
# The schedule is absolute: a late first snapshot shortens the first gap, never the whole.
ok($elapsed[0] > 0 && $elapsed[1] > $elapsed[0] && $elapsed[2] > $elapsed[1] && $elapsed[2] >= 100e6, 'time passes');
my @tids = map { $_->{tid} } @{ $document->{snapshots}[0]{threads} };
is("@tids", join(' ', sort { $a <=> $b } keys %{ $target->{report} }), 'threads in the order of their ids');
is(join(' ', sort keys %{ $document->{snapshots}[0]{threads}[0] }),
	'allocated_bytes comm deallocated_bytes start_time_jiffies tid', 'the members of a thread');
ok(!exists probe_json($pid)->{interval_ms}, 'no interval with one snapshot');
ok(!exists probe_json($pid, '--no-names')->{snapshots}[0]{threads}[0]{comm}, '--no-names leaves them out');

my ($status, $out, $err) = run_probe($pid);
is("$status:" . ($out =~ tr/\n//), '0:6', 'the pid alone as an argument');
($status, $out, $err) = run_probe('-p', $pid);
like($out, qr/\Apid=$pid tool_version=\S+\n--- snapshot 1\/1 \@ \d+s ---\n(?:tid=\d+ comm=target allocated_bytes=\d+ deallocated_bytes=\d+\n){4}\z/,
	'text');
is($err, '', 'nothing is on stderr');
# On a terminal: a table that fits, also where an interval gives it rates.
for my $columns (132, 80, 50) {
	my $shown = `script -qec 'stty cols $columns; @{[probe_program()]} $pid --snapshots 2 --interval-ms 1' /dev/null </dev/null`;
	my @table = split /\r?\n/, $shown;
	is(scalar(grep { /^ *\d+ target / } @table), 8, "a table $columns columns wide");
	is(scalar(grep { length > $columns } @table), 0, 'no line is wider');
}
($status, $out, $err) = run_probe('-p', $pid, '--explain');
like($err, qr/^jemalloc: .*^TLS block: .*^counters: .*^thread pointer: /ms, '--explain says where it looked');

is_deeply([map { $_->{allocated_bytes} } @{ probe_json($pid, '--thread-pointer=ptrace')->{snapshots}[0]{threads} }],
	[map { $_->{allocated_bytes} } @{ probe_json($pid)->{snapshots}[0]{threads} }], 'ptrace reads the same');

# A name of any bytes: the document stays valid UTF-8 JSON, a line stays a line.
my $odd = "\xff\"\\\n)\x01\xc3";
system('cp', $program, scratch() . "/$odd");
my $named = start_target({}, scratch() . "/$odd", 1, 1);
ok(probe_json($named->{pid})->{snapshots}[0]{threads}[0]{comm} eq "\x{fffd}\"\\\n)\x01\x{fffd}", 'a hostile name');
($status, $out, $err) = run_probe('-p', $named->{pid});
like($out, qr/^tid=\d+ comm="\\xff\\x22\\x5c\\x0a\)\\x01\\xc3" allocated_bytes=/m, 'it is shown as text');
end_target($named);

# A name that looks like a field, and one that turns what follows on the line around.
for my $name ('x tid=1', "a\xe2\x80\xaeb\xc2\x9b") {
	system('cp', $program, scratch() . "/$name");
	my $spoof = start_target({}, scratch() . "/$name", 1, 1);
	($status, $out, $err) = run_probe('-p', $spoof->{pid});
	my $shown = $name =~ / / ? '"x tid=1"' : 'a\xe2\x80\xaeb\xc2\x9b';
	like($out, qr/^tid=$spoof->{pid} comm=\Q$shown\E allocated_bytes=\d+ deallocated_bytes=\d+$/m, "text: $shown");
	($status, $out, $err) = run_probe('-p', $spoof->{pid}, '--json');
	unlike($out, qr/\xe2\x80\xae|\xc2\x9b/, 'JSON holds no such control');
	is(JSON::PP->new->utf8->decode($out)->{snapshots}[0]{threads}[0]{comm}, do { utf8::decode(my $n = $name); $n },
		'and the name as it is');
	($status, $out, $err) = run_probe('-p', $spoof->{pid}, '--explain');
	unlike($err, qr/\xe2\x80\xae|\xc2\x9b/, 'nor does a path in --explain');
	end_target($spoof);
}

# One document a line for each snapshot: what a killed run has written is usable.
($status, $out, $err) = run_probe('-p', $pid, '--jsonl', '--snapshots', 3, '--interval-ms', 5);
my @lines = map { JSON::PP->new->utf8->decode($_) } split /\n/, $out;
is("$status:$err:" . @lines, '0::3', '--jsonl: a line for each snapshot');
is(join(' ', map { "$_->{schema_version} $_->{pid} $_->{snapshot_number}/$_->{snapshot_total}" } @lines),
	"3 $pid 1/3 3 $pid 2/3 3 $pid 3/3", 'each a whole document');
is_deeply([map { scalar @{ $_->{threads} } } @lines], [4, 4, 4], 'with all threads');
my $written = scratch() . '/killed';
my $run = fork // die;
if ($run == 0) {
	open STDOUT, '>', $written;
	exec probe_program(), '-p', $pid, '--jsonl', '--snapshots', 100000, '--interval-ms', 1 or POSIX::_exit(127);
}
sleep 0.01 until (-s $written // 0) > 4096;
kill 'KILL', $run;
waitpid $run, 0;
open my $partial, '<', $written;
my @killed = grep { /\n\z/ } <$partial>;
ok(@killed && !grep({ !eval { JSON::PP->new->utf8->decode($_) } } @killed), 'each line that a killed run wrote is a document');

# A reader that takes nothing any more. Each case: fill the pipe, then end it early.
sub stalled {
	my (@arguments) = @_;
	pipe my $reader, my $writer or die;
	my $child = fork // die;
	if ($child == 0) {
		open STDOUT, '>&', $writer;
		open STDERR, '>', scratch() . '/stalled';
		close $reader;
		exec probe_program(), '-p', $pid, '--snapshots', 100000, '--interval-ms', 1, @arguments or POSIX::_exit(127);
	}
	close $writer;
	return ($child, $reader);
}
sub stalled_stderr { open my $in, '<', scratch() . '/stalled'; local $/; return <$in> // '' }
# A child that is in a write or waits for room in the pipe takes no time any more.
sub full {
	my ($reader, $child) = @_;
	my ($bytes, $before) = (0, -1);
	until ($bytes > 0 && $bytes == $before) {
		$before = $bytes;
		sleep 0.2;
		my $number = pack 'i', 0;
		ioctl($reader, 0x541B, $number) // die "FIONREAD: $!"; # asm-generic/ioctls.h
		$bytes = unpack 'i', $number;
	}
}
for my $form ('--json', '--jsonl', undef) {
	my ($child, $reader) = stalled('--abort-after-ms', 700, $form // ());
	waitpid $child, 0;
	is($?, 1 << 8, ($form // 'text') . ', deadline into a stalled pipe: exit 1, for the output is not complete');
	like(stalled_stderr(), qr/\Aktstr-probe-deadline: abort after 700ms\n/, 'the tag is told');
}
{
	my ($child, $reader) = stalled('--json');
	full($reader, $child);
	kill 'TERM', $child; # the write that waits is interrupted
	sleep 0.05;
	kill 'TERM', $child; # and what completes the document, too
	sleep 0.05;
	my $document = do { local $/; <$reader> };
	waitpid $child, 0;
	is("$? " . stalled_stderr(), '0 ', 'two SIGTERM into a stalled pipe: exit 0');
	ok(eval { JSON::PP->new->utf8->decode($document)->{interrupted} }, 'the document is whole and says interrupted');
}

# SIGINT in the middle of a wait: what was read is printed, at once.
{
	my $file = scratch() . '/interrupted';
	unlink $file;
	my $child = fork // die;
	if ($child == 0) {
		open STDOUT, '>', $file;
		exec probe_program(), $pid, '--snapshots', 100, '--interval-ms', 60000 or POSIX::_exit(127);
	}
	sleep 0.02 until -s $file;
	kill 'INT', $child;
	waitpid $child, 0;
	open my $in, '<', $file;
	like(join('', <$in>), qr{\n--- interrupted: snapshot 1/100 is the last ---\n\z}, 'interrupted text says so');
}
for my $signal ('INT', 'TERM') {
	my $file = scratch() . '/interrupted';
	unlink $file;
	my $child = fork // die;
	if ($child == 0) {
		open STDOUT, '>', $file;
		exec probe_program(), '-p', $pid, '--json', '--snapshots', 100, '--interval-ms', 3600000
			or POSIX::_exit(127);
	}
	sleep 0.02 until -s $file;
	# Who waits on has days to go, and is killed.
	local $SIG{ALRM} = sub { kill 'KILL', $child };
	alarm 600;
	kill $signal, $child;
	waitpid $child, 0;
	alarm 0;
	is($?, 0, "SIG$signal: exit 0");
	open my $in, '<', $file;
	local $/;
	my $part = JSON::PP->new->utf8->decode(<$in>);
	ok($part->{interrupted} && @{ $part->{snapshots} } == 1, 'interrupted, with what was read');
}
($status, $out, $err) = run_probe('-p', $pid, '--json', '--snapshots', 100, '--interval-ms', 60000,
	'--abort-after-ms', 100);
is($status, 0, 'deadline: exit 0');
is($err, "ktstr-probe-deadline: abort after 100ms\n", 'its line is told');
ok(JSON::PP->new->utf8->decode($out)->{interrupted}, 'it says that it was interrupted');

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

# counters(7): a forked child begins with its parent's counts.
{
	open my $source, '>', scratch() . '/forks.c';
	print $source "#include <stdlib.h>\n#include <unistd.h>\nint main(void)\n{\n\tvoid *volatile p = malloc(10000000);\n",
		"\tif (p)\n\t\tfork();\n\tfor (;;)\n\t\tpause();\n}\n";
	close $source;
	system(split(' ', $cc), '-O1', '-o', scratch() . '/forks', scratch() . '/forks.c', @library, qw(-lm -lpthread -ldl)) == 0 or die;
	my $parent = fork // die;
	exec scratch() . '/forks' or POSIX::_exit(127) if $parent == 0;
	my $forked = '';
	until ($forked =~ /\d/) {
		sleep 0.02;
		open my $in, '<', "/proc/$parent/task/$parent/children" or next;
		$forked = <$in> // '';
	}
	$forked =~ s/\s//g;
	my ($theirs, $ours) = map { probe_json($_)->{snapshots}[0]{threads}[0]{allocated_bytes} } $parent, $forked;
	cmp_ok($theirs, '>=', 10000000, 'what the parent allocated');
	is($ours, $theirs, 'is what its child begins with');
	kill 'KILL', $parent, $forked;
	waitpid $parent, 0;
}

# Too few descriptors are told as that: not as the end of the target, and not as threads that ended.
{
	my ($probe) = grep { -x } map { "$_/ktstr-jemalloc-probe" } probe_program() =~ s{[^/]*\z}{.libs}r, '';
	local $ENV{LD_LIBRARY_PATH} = ($ENV{KTSTR_BUILDDIR} // '.') . '/src/libktstr-probe/.libs';
	my $refused = 0;
	for my $limit (5 .. 12) {
		my $said = `exec 2>&1; ulimit -n $limit; exec @{[$probe // probe_program()]} -p $pid`;
		next if $said =~ /^pid=$pid.*(?:\ntid=\d+ comm=target allocated_bytes=\d+ deallocated_bytes=\d+){4}\n\z/s;
		like($said, qr/\Aktstr-probe-fatal: other\nerror: [^\n]*Too many open files/, "$limit descriptors");
		$refused++;
	}
	ok($refused >= 2, 'some limit was too low');
}

# A stopped target is read and stays stopped.
kill 'STOP', $pid;
sleep 0.02 until do { open my $s, '<', "/proc/$pid/stat"; (<$s> // '') =~ /\) T/ };
ok(probe_json($pid) && probe_json($pid, '--thread-pointer=ptrace'), 'a stopped target is read');
# A thread that ptrace let go of runs in the kernel for a moment, back into its stop.
my $state = '';
for (1 .. 6000) {
	open my $s, '<', "/proc/$pid/stat";
	($state) = <$s> =~ /\) (\S)/;
	last if $state eq 'T';
	sleep 0.01;
}
is($state, 'T', 'and stays stopped');
kill 'CONT', $pid;

# The target ends between snapshots: what was read is kept, and that is not fatal.
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
my $document_of_the_dead = JSON::PP->new->utf8->decode($out);
my $last = @{ $document_of_the_dead->{snapshots} };
like($err, qr{\Awarning: snapshot $last/100 is the last: process $pid ended, .*\n\z}, 'it says which snapshot was the last');
ok($document_of_the_dead->{interrupted}, 'it says that it was interrupted');
end_target($target);
done_testing();
