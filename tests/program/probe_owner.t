#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Whose counters a row shows: those of the thread that it names, and of no other task.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use IPC::Open2 ();
use ProbeTest qw(scratch build library run_probe probe_json settled unfolded);
use Test::More;

$SIG{ALRM} = sub { die "waited for too long\n" };
alarm 900; # nothing here may wait for ever
my $rows = $ENV{KTSTR_REUSE_ROWS} // 600; # of threads that come and go, for each way
my $shared = library('libjemalloc.so.2') || BAIL_OUT('no jemalloc');
my @unshare = ('unshare', $> ? '--user' : (), $> ? '--map-root-user' : (), '--pid', '--fork');

# Thread ids that are used again within microseconds: the listing, the thread pointer, the counters and the name
# of a row could be of different threads.
subtest 'ids that are used again at once' => sub {
	my $can = system("@unshare --mount-proc sh -c 'test -w /proc/sys/kernel/ns_last_pid' >/dev/null 2>&1") == 0;
	plan skip_all => 'no pid namespace can be made, or ids in it cannot be chosen' unless $can;
	my $driver = ($ENV{KTSTR_BUILDDIR} // '.') . '/tests/targets/reuse_rounds';
	my $target = build('tid_reuse', 'tid_reuse.c', $shared, '-lpthread') // BAIL_OUT('tid_reuse was not built');
	my $log = scratch() . '/tid_reuse.log';
	for my $where ('inside', 'outside') { for my $method ('robust-list', 'ptrace') { for my $names ('names', 'no-names') {
		my @target = ($target, $log, 300);
		my @arguments = ($method, $names, $rows, $log);
		my @command = $where eq 'inside' ? (@unshare, '--mount-proc', $driver, @arguments, @target)
			: ($driver, @arguments, @unshare, @target);
		open my $in, '-|', @command or die;
		my @lines = <$in>;
		ok(close $in, "$method, $names, from $where of the pid namespace: to its end") or diag(@lines, "exit $?");
		my %said = map { /^(rows|parked|wrong|nameless) (\d+)$/ } @lines;
		cmp_ok($said{rows} // 0, '>=', $rows, 'rows of threads that come and go');
		is($said{wrong}, 0, "none shows another thread's counters") or diag(grep { /^row / } @lines);
		note(map { chomp; "$_; " } grep { !/^row / } @lines);
	} } }
};

# A task on another's memory and thread pointer: what stands there is never shown as its own.
my @methods = map { "--thread-pointer=$_" } 'auto', 'robust-list', 'ptrace';
my $static = library('libjemalloc.a');
my %programs = (dynamic => build('shared_tasks', 'shared_tasks.c', $shared),
	$static ? (static => build('shared_tasks_static', 'shared_tasks.c', '-static', $static, qw(-lm -lpthread))) : ());
my @others; # tasks that outlive the target
END { local $?; kill 'KILL', @others if @others }

# The target's report, and the other task's id.
sub start_sharing {
	my ($program, $what) = @_;
	my $pid = IPC::Open2::open2(my $out, my $in, $program, $what);
	my %target = (pid => $pid, in => $in, out => $out);
	while (my $line = <$out>) {
		$target{task} = $1 if $line =~ /^task (\d+)$/;
		$target{report} = { $1 => [$2, $3] } if $line =~ /^thread (\d+) (\d+) (\d+)$/;
		last if $line eq "parked\n";
	}
	push @others, $target{task} if $target{task} && $what ne 'thread';
	return \%target;
}

for my $kind (sort keys %programs) {
	for my $what ('vfork', 'clone', 'orphan', 'thread') {
		subtest "$what, $kind" => sub {
			ok($programs{$kind}, 'built') or return;
			my $target = start_sharing($programs{$kind}, $what);
			ok($target->{task}, 'the other task runs') or return;
			for my $method (@methods) {
				my ($status, $out, $err) = run_probe('--pid', $target->{task}, '--json', $method);
				if ($what ne 'thread') {
					is($status, 1, "$method: of the other task nothing is read");
					unlike($out, qr/allocated_bytes/, 'and shown');
				}
				if ($what eq 'vfork' || $what eq 'clone') {
					like(unfolded($err), qr/shares its memory with process $target->{pid} /, 'the reason');
				}
				next if $what eq 'orphan';
				my $document = probe_json($target->{pid}, $method);
				my %threads = map { $_->{tid} => $_ } @{ $document->{snapshots}[0]{threads} };
				my ($truth) = values %{ $target->{report} };
				is(join(' ', map { $threads{ $target->{pid} }{$_} // '?' } qw(allocated_bytes deallocated_bytes)),
					"@$truth", "$method: the process itself is right") if $what ne 'vfork';
				next if $what ne 'thread';
				is($threads{ $target->{task} }{error_kind}, 'thread-pointer', 'its other task is not read');
				like($threads{ $target->{task} }{error}, qr/shares its thread pointer/, 'the reason') if $method =~ /ptrace/;
			}
			# One whose child of vfork(2) had not let it go on could not stop, and must not do so later.
			kill 'KILL', $target->{task} if $what eq 'vfork' || $what eq 'clone';
			ok(settled($target->{pid}, 'S'), 'the process is left as it was, not traced nor stopped') if $what ne 'orphan';
			kill 'KILL', $target->{pid}, $target->{task};
			waitpid $target->{pid}, 0;
			@others = (); # their ids may soon be others'
		};
	}
}
done_testing();
