#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Whose counters a row shows: those of the thread that it names, and of no other task.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use ProbeTest qw(scratch build library);
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
done_testing();
