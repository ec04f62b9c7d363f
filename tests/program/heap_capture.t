# SPDX-License-Identifier: BSD-2-Clause
# ktstr-heap capture: its lines against what the targets' own mallctl says, its files, its ends.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use HeapTest qw(heap_program run_heap start_heap next_truth);
use JSON::PP ();
use POSIX ();
use ProbeTest qw(scratch build library end_target output_of copy_for_others);
use Test::More;
use TestKtstr qw(find_program until_true is_root become_nobody slurp spew);

my $static = library('libjemalloc.a');
my @rest = qw(-lm -lpthread -ldl);
my ($status, $out, $err);

sub lines_of { return [map { JSON::PP->new->utf8->decode($_) } split /\n/, $_[0]] }

sub of_type {
	my ($lines, $type) = @_;
	return [grep { $_->{type} eq $type } @$lines];
}

for my $arguments (['capture'], ['capture', '--nonsense', 1], ['capture', '--all', 1], ['capture', '--count', 2, 1],
	['capture', '--keep', 2, 1], ['capture', '--every', 0, 1], ['capture', '--every', 1, '--keep', 2, 1], ['capture', '-o']) {
	($status, $out, $err) = run_heap(@$arguments);
	is $status, 2, "usage error: @$arguments";
	like $err, qr/^ktstr-heap capture: .*\nTry /, 'a hint';
}
($status, $out, $err) = run_heap('capture', '--help');
is $status, 0, '--help succeeds';
cmp_ok((sort { $b <=> $a } map { length } split /\n/, $out)[0], '<=', 80, 'within 80 columns');

my $program = build('heap-capture', 'heap_truth.c', '-static', $static, @rest);
ok $program, 'a target is built' or BAIL_OUT('libjemalloc-dev is missing');
my $target = start_heap({}, $program, 5, 2, 3);
ok $target, 'it runs';
my $pid = $target->{pid};
my $sleeper = fork // die "fork: $!";
if ($sleeper == 0) {
	exec 'sleep', '1000' or POSIX::_exit(127);
}
END {
	local $?;
	kill 'KILL', $sleeper if $sleeper;
}
until_true { (readlink("/proc/$sleeper/exe") // '') =~ /sleep|coreutils|busybox/ };

subtest 'each thread has the counters that its own mallctl gives' => sub {
	($status, $out, $err) = run_heap('capture', $pid);
	is $status, 0, 'captured' or diag $err;
	my $lines = lines_of($out);
	is $lines->[0]{type}, 'capture', 'the first line';
	is $lines->[-1]{type}, 'summary', 'the last line';
	is $lines->[0]{schema_version}, 1, 'the schema';
	is $lines->[0]{boot_id}, slurp('/proc/sys/kernel/random/boot_id') =~ s/\n//r, 'the boot';
	my ($process) = @{ of_type($lines, 'process') };
	is $process->{pid}, $pid, 'the process';
	is $process->{exe}, $program, 'its program';
	is $process->{jemalloc}{path}, $program, 'its jemalloc';
	cmp_ok $process->{rss_bytes}, '>', 0, 'its resident memory';
	my %thread = map { $_->{tid} => "$_->{allocated_bytes} $_->{deallocated_bytes}" } @{ of_type($lines, 'thread') };
	is_deeply \%thread, $target->{truth}{thread}, 'its threads';
	is_deeply [map { $_->{pid} } @{ of_type($lines, 'thread') }], [($pid) x keys %thread], 'are its own';
	my $threads = keys %thread;
	is_deeply $lines->[-1], { type => 'summary', walked => 1, not_jemalloc => 0, read => 1, threads_read => $threads, refused => {},
		thread_errors => {}, interrupted => JSON::PP::false }, 'the summary';
	like $err, qr/^ktstr-heap: 1 process, 0 without jemalloc, 1 read \($threads threads\)$/, 'and in words';
};

SKIP: {
	skip 'the heap is read on x86_64 alone', 1 if output_of('uname -m') ne 'x86_64';
	subtest 'the heap has the figures that mallctl gives, and leaves out what is not known' => sub {
		($status, $out, $err) = run_heap('capture', '--heap', $pid);
		my ($heap) = @{ of_type(lines_of($out), 'heap') };
		is $heap->{pid}, $pid, 'of the process';
		is $heap->{"${_}_bytes"}, $target->{truth}{"stats.$_"}, "$_ is mallctl's" for qw(allocated active metadata resident mapped retained);
		is $heap->{left_bytes}, $target->{truth}{left}, 'what ended threads left';
		ok !exists $heap->{states}{allocated}, 'exact figures have no state';
		is_deeply [grep { !defined $heap->{$_} } keys %$heap], [], 'no figure is null';
	};
}

subtest 'a named process without jemalloc has its tag, and no counters' => sub {
	($status, $out, $err) = run_heap('capture', $sleeper);
	is $status, 1, 'nothing was read';
	my ($process) = @{ of_type(lines_of($out), 'process') };
	is $process->{tag}, 'jemalloc-not-found', 'the tag';
	ok !exists $process->{jemalloc}, 'no jemalloc';
	is lines_of($out)->[-1]{not_jemalloc}, 1, 'counted';
};

subtest 'a name and patterns choose processes' => sub {
	my $comm = slurp("/proc/$pid/comm") =~ s/\n//r;
	for (['its name', $comm], ['a pattern of names', '--comm', 'heap-capt*'], ['a pattern of cgroups', '--cgroup', '*', '--comm', $comm]) {
		my ($what, @arguments) = @$_;
		($status, $out, $err) = run_heap('capture', @arguments);
		is_deeply [map { $_->{pid} } @{ of_type(lines_of($out), 'process') }], [$pid], $what;
	}
	($status, $out, $err) = run_heap('capture', '--comm', $comm, '--cgroup', '/no/such/*');
	is lines_of($out)->[-1]{walked}, 0, 'another cgroup has none';
	($status, $out, $err) = run_heap('capture', 'no-such-name');
	is $status, 1, 'a name that nobody has: nothing was read';
	like $err, qr/no process has this pid or name: no-such-name/, 'and it is named';
};

subtest '--all has the target, and counts those without jemalloc' => sub {
	($status, $out, $err) = run_heap('capture', '--all');
	is $status, 0, 'captured';
	my $lines = lines_of($out);
	ok((grep { $_->{pid} == $pid && $_->{jemalloc} } @{ of_type($lines, 'process') }), 'the target is there');
	ok !(grep { $_->{pid} == $sleeper } @{ of_type($lines, 'process') }), 'one without jemalloc has no line';
	my $summary = $lines->[-1];
	my $refused = 0;
	$refused += $_ for values %{ $summary->{refused} };
	is $summary->{walked}, $summary->{not_jemalloc} + $summary->{read} + $refused, 'the tally adds up';
	is $summary->{read} + $refused, scalar @{ of_type($lines, 'process') }, 'a line for each that is read or refused';
};

subtest 'a file has its name only once it is whole' => sub {
	my $directory = scratch() . '/files';
	mkdir $directory or die "$directory: $!";
	my $file = "$directory/a.jsonl";
	spew($file, "before\n");
	($status, $out, $err) = run_heap('capture', $pid, '-o', $file);
	is $status, 0, 'written';
	is $out, '', 'nothing on standard output';
	is lines_of(slurp($file))->[-1]{type}, 'summary', 'whole';
	is_deeply [glob "$directory/*"], [$file], 'nothing else is left';
	is +(stat $file)[2] & 0777, 0666 & ~umask, 'with the rights of a new file';
	($status, $out, $err) = run_heap('capture', $pid, '-o', "$directory/none/a.jsonl");
	is $status, 1, 'a directory that is not there';
	like $err, qr{none/a.jsonl: No such file or directory}, 'is an error';
	($status, $out, $err) = run_heap('capture', $pid, '-o', '/dev/full');
	is $status, 1, 'a full device';
	like $err, qr{/dev/full: No space left on device}, 'is an error';
};

subtest 'a full disk leaves no half file' => sub {
	plan skip_all => 'needs root to mount' if !is_root();
	my $directory = scratch() . '/full';
	mkdir $directory or die "$directory: $!";
	plan skip_all => 'no tmpfs can be mounted here' if system('mount', '-t', 'tmpfs', '-o', 'size=4k', 'none', $directory);
	spew("$directory/a", 'x' x 4000); # its only page
	($status, $out, $err) = run_heap('capture', $pid, '-o', "$directory/b");
	is $status, 1, 'the error';
	like $err, qr/No space left on device/, 'is told';
	is_deeply [glob "$directory/*"], ["$directory/a"], 'nothing is left';
	system 'umount', $directory;
};

subtest '--every appends, --keep rotates' => sub {
	my $file = scratch() . '/every.jsonl';
	for my $round (1, 2) {
		($status, $out, $err) = run_heap('capture', $pid, '--every', 1, '--count', 2, '-o', $file);
		is $status, 0, 'written';
		is scalar @{ of_type(lines_of(slurp($file)), 'summary') }, 2 * $round, 'behind what was there';
	}
	my $kept = scratch() . '/kept.jsonl';
	($status, $out, $err) = run_heap('capture', $pid, '--every', 1, '--count', 4, '--keep', 3, '-o', $kept);
	is_deeply [sort glob "$kept*"], [$kept, "$kept.1", "$kept.2"], 'three files';
	my @when = map { lines_of(slurp($_))->[0]{unix_ns} } $kept, "$kept.1", "$kept.2";
	ok $when[0] > $when[1] && $when[1] > $when[2], 'the newest has the name';
};

SKIP: {
	skip 'zstd(1) is missing', 1 if !find_program('zstd');
	my ($summary) = output_of(heap_program() . " capture $pid -o " . scratch() . '/none.zst 2>&1');
	skip 'built without zstd', 1 if ($summary // '') =~ /cannot compress/;
	subtest 'a compressed file is a frame for each capture, good up to where it was cut' => sub {
		my $file = scratch() . '/a.jsonl.zst';
		($status, $out, $err) = run_heap('capture', $pid, '--every', 1, '--count', 2, '-o', $file);
		is $status, 0, 'written';
		my $whole = qx(zstd -dcq $file);
		is scalar @{ of_type(lines_of($whole), 'summary') }, 2, 'two captures';
		my $bytes = slurp($file);
		spew("$file.cut", substr $bytes, 0, length($bytes) - 20);
		my $cut = qx(zstd -dcq $file.cut 2>/dev/null);
		my @whole_lines = grep { /\}$/ } split /\n/, $cut;
		ok((grep { /"summary"/ } @whole_lines), 'of a file that was cut the first is whole');
	};
}

subtest 'a signal ends it with a document that says so' => sub {
	my $file = scratch() . '/stopped.jsonl';
	my $capture = fork // die "fork: $!";
	if ($capture == 0) {
		open STDERR, '>', '/dev/null';
		exec heap_program(), 'capture', $pid, '--every', 1000, '-o', $file or POSIX::_exit(127);
	}
	until_true { -s $file };
	kill 'TERM', $capture;
	waitpid $capture, 0;
	is $?, 0, 'in order';
	is lines_of(slurp($file))->[-1]{type}, 'summary', 'its last line is whole';
};

subtest 'a reader that has enough ends it in silence' => sub {
	is output_of(heap_program() . " capture --all --every 1 2>/dev/null | head -n 1") =~ /"type": "capture"/, 1, 'one line';
};

SKIP: {
	skip 'needs root to become another user', 1 if !is_root();
	subtest 'as another user the process is refused, with its tag and what helps' => sub {
		my ($program, $libraries) = copy_for_others(heap_program());
		my ($out, $err) = map { scratch() . "/nobody.$_" } 'out', 'err';
		my $capture = fork // die "fork: $!";
		if ($capture == 0) {
			open STDOUT, '>', $out;
			open STDERR, '>', $err;
			become_nobody();
			$ENV{LD_LIBRARY_PATH} = $libraries;
			exec $program, 'capture', $pid or POSIX::_exit(127);
		}
		waitpid $capture, 0;
		is $? >> 8, 1, 'nothing was read';
		my ($process) = @{ of_type(lines_of(slurp($out)), 'process') };
		is $process->{tag}, 'permission-denied', 'the tag';
		like slurp($err), qr/1 refused \(permission-denied 1; run as root, or with CAP_SYS_PTRACE/, 'the remedy';
	};
}

end_target($target);
done_testing;
