# SPDX-License-Identifier: BSD-2-Clause
# The worker under strace: between its allocation and the end of the marker stand openat, write and
# close, and nothing else; behind them one write for the line on stdout, and no other file.
use strict;
use warnings;
use Test::More;
use TestKtstr;

my $strace = find_program('strace') or plan skip_all => 'strace is missing';
my $directory = temp_directory();
run(command => [$strace, '-o', '/dev/null', '/bin/true'])->{exit} == 0 or plan skip_all => 'ptrace is refused here';

my $bytes = 8 << 20; # large enough that jemalloc asks the kernel for it

# [name, arguments] of each system call up to `pause`, or up to the first thread of --churn.
sub trace {
	my (%o) = @_;
	my $file = "$directory/trace";
	unlink $file;
	# -D: strace goes beside the worker instead of above it, so the pid is the one that was forked.
	my $w = start(%o, command => [$strace, '-D', '-s', '256', '-o', $file, worker_program(), @{ $o{args} }]);
	my $parked = qr/^(?:pause|ppoll|clone3?)\(/m; # where there is no pause(2), glibc uses ppoll(2)
	my $ready = wait_ready($w) && until_true { (slurp($file) // '') =~ $parked };
	my $pid = $w->{pid};
	stop($w);
	my $ended = until_true { (slurp($file) // '') =~ /^\+\+\+ killed by SIGKILL/m };
	ok $ready && $ended, 'traced from exec to its end' or diag(slurp($file));
	return $pid, map { /^(\w+)\((.*)$/ ? [$1, $2] : () } split /\n/, slurp($file);
}

sub check {
	my ($marker, $pid, @calls) = @_;
	# mmap(addr, length, ...)
	my $is_allocation = sub { $_[0][0] =~ /^mmap/ && $_[0][1] =~ /^\w+, (\d+),/ && $1 >= $bytes };
	my $big = 0;
	$big++ until $big > $#calls || $is_allocation->($calls[$big]);
	ok $big <= $#calls, 'the allocation is seen' or return;
	splice @calls, 0, $big + 1;
	# An unaligned answer is given back and asked for anew, and jemalloc may need room for its own
	# records of it, as address space is laid out at random: all of it is the one allocation.
	shift @calls while @calls && ($calls[0][0] =~ /^(?:munmap|madvise)$/ || "@{ $calls[0] }" =~ /^mmap.*MAP_ANONYMOUS/);

	is_deeply [map { $_->[0] } @calls[0 .. 2]], [qw(openat write close)], 'then openat, write, close';
	my ($fd) = $calls[0][1] =~ /= (\d+)$/;
	like $calls[0][1], qr/^AT_FDCWD, "\Q$marker\E", .*O_NOFOLLOW.*= \d+$/, 'openat: the marker, not through a link';
	like $calls[0][1], qr/O_CLOEXEC/, 'openat: close-on-exec';
	like $calls[1][1], qr/^$fd, "ready\\n", 6\) += 6$/, 'write: its content at once';
	like $calls[2][1], qr/^$fd\) += 0$/, 'close: the same file';

	splice @calls, 0, 3;
	my @writes = grep { $_->[0] =~ /write|send/ } @calls;
	is scalar(@writes), 1, 'one write afterwards';
	like $writes[0][1], qr/^1, "jemalloc-alloc-worker ready pid=$pid bytes=$bytes\\n", \d+\)/, 'the line, whole';
	is_deeply [grep { /open|creat|unlink|rename|link|socket/ } map { $_->[0] } @calls], [], 'no other file';
	return @calls;
}

subtest 'the worker writes its marker at the default path' => sub {
	my ($pid, @calls) = trace(args => [$bytes]);
	my @rest = check(marker_path($pid), $pid, @calls);
	is_deeply [grep { !/^(?:getpid|write|pause|ppoll)$/ } map { $_->[0] } @rest], [], 'and then it parks';
};

subtest 'the environment gives the marker another path' => sub {
	my ($pid, @calls) = trace(args => [$bytes], env => { KTSTR_WORKER_READY_MARKER_OVERRIDE => "$directory/marker" });
	check("$directory/marker", $pid, @calls);
	is_deeply [grep { $_->[1] =~ /"\Q@{[marker_path($pid)]}\E"/ } @calls], [], 'the default path is not touched';
};

subtest '--churn makes threads that come and go' => sub {
	my ($pid, @calls) = trace(args => ['--churn', $bytes]);
	pop @calls until !@calls || $calls[-1][0] =~ /^write/; # threads are not looked at
	check(marker_path($pid), $pid, @calls);
	is_deeply [grep { $_->[1] =~ m{/proc/self/task} } @calls], [], 'the threads are not counted';
};

done_testing;
