# SPDX-License-Identifier: BSD-2-Clause
# The closed loop: the worker's known allocation, read from outside by the probe.
use strict;
use warnings;
use File::Temp ();
use JSON::PP qw(decode_json);
use Test::More;
use TestKtstr;

my $probe = "$ENV{KTSTR_BUILDDIR}/src/tools/probe/ktstr-jemalloc-probe";
my $bytes = 16 << 20;
# With a shared jemalloc the dynamic linker's own allocations come on top.
my $slack = ($ENV{KTSTR_SHARED_JEMALLOC} // 'no') eq 'yes' ? 128 << 10 : 4 << 10;

my %running;
END { kill KILL => $_ and unlink marker_path($_) for keys %running }

# A worker by fork and exec, so that its pid is known; ends with the test.
sub worker {
	my @arguments = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDOUT, '>', '/dev/null';
		exec worker_program(), @arguments or die 'exec';
	}
	$running{$pid} = 1;
	until_true { -e marker_path($pid) } or die "worker $pid did not become ready";
	return $pid;
}

sub end { my ($pid) = @_; kill KILL => $pid; waitpid $pid, 0; delete $running{$pid}; unlink marker_path($pid) }

sub read_json { my $text = `'$probe' --json @_ 2>/dev/null`; return $? ? undef : decode_json($text) }

sub in_band {
	my ($thread) = @_;
	return $thread && !$thread->{error} && $thread->{allocated_bytes} >= $bytes
		&& $thread->{allocated_bytes} <= $bytes + $slack && $thread->{deallocated_bytes} < 64 << 10;
}

my $pid = worker($bytes);
my $read = read_json("-p $pid");
my $threads = $read->{snapshots}[0]{threads};
is scalar(@$threads), 1, 'one thread';
is $threads->[0]{tid}, $pid, 'tid == pid';
ok in_band($threads->[0]), "allocated is $bytes and at most $slack more" or diag explain $threads;

$read = read_json("-p $pid --snapshots 3 --interval-ms 50");
my @snapshots = @{ $read->{snapshots} };
is scalar(@snapshots), 3, 'three snapshots';
for my $i (1, 2) {
	my ($before, $after) = @snapshots[$i - 1, $i];
	cmp_ok $after->{elapsed_since_start_ns}, '>', $before->{elapsed_since_start_ns}, 'time goes on';
	cmp_ok $after->{threads}[0]{$_}, '>=', $before->{threads}[0]{$_}, "$_ never falls"
		for qw(allocated_bytes deallocated_bytes);
}
end($pid);

# Threads that come and go: each reading of the main thread is right, and some see the others.
$pid = worker('--churn', $bytes);
my ($wrong, $crowds) = (0, 0);
for (1 .. 100) {
	my $list = (read_json("-p $pid") // { snapshots => [{ threads => [] }] })->{snapshots}[0]{threads};
	my ($main) = grep { $_->{tid} == $pid } @$list;
	$wrong++ unless $main && !$main->{error} && $main->{allocated_bytes} >= $bytes
		&& $main->{allocated_bytes} <= $bytes + (128 << 10);
	$crowds++ if @$list > 1;
}
is $wrong, 0, '--churn: the main thread is right in each of 100 readings';
cmp_ok $crowds, '>', 0, 'and some see more than one thread';
end($pid);

# A log of the waiting program in the marker's directory: each event that it reads makes another one.
SKIP: {
	my $strace = find_program('strace') or skip 'strace is missing', 2;
	run(command => [$strace, '-o', '/dev/null', '/bin/true'])->{exit} == 0 or skip 'ptrace is refused here', 2;
	local $ENV{ASAN_OPTIONS} = 'detect_leaks=0'; # LeakSanitizer itself uses ptrace
	my $log = File::Temp->new(TEMPLATE => 'ktstr-test-XXXXXX', DIR => '/tmp');
	my $demo = run(command => [$strace, '-f', '-o', "$log", "$ENV{KTSTR_BUILDDIR}/bench/demo"]);
	is $demo->{exit}, 0, 'a wait that makes events by itself comes to an end' or diag($demo->{out}, $demo->{err});
	like $demo->{out}, qr/is ready, its marker stands/, 'with the marker';
}
done_testing;
