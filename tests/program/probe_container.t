#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# In a container: a pid, mount and user namespace of its own, and a root of which this side sees no path.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use POSIX ();
use ProbeTest qw(scratch source_dir probe_json explained start_target order end_target build compile
	output_of library differences);
use Test::More;

$SIG{ALRM} = sub { die "waited for too long\n" };
alarm 300; # nothing here may wait for ever
my $threads = 12;
my $seed = $ENV{KTSTR_TEST_SEED} // 20260901;
my $static = library('libjemalloc.a');
my $shared = library('libjemalloc.so.2');

# In namespaces of its own: user, pid and mount, with a root of which this side sees no path.
SKIP: {
	skip 'libjemalloc.a is not installed' unless $static;
	my @unshare = ('unshare', '--user', '--map-root-user', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c');
	my $inside = scratch() . '/inside';
	mkdir $inside;
	my $late_old = build('late_old', 'late_library.c', '-static', source_dir() . '/tests/targets/tls_library.c',
		qw(-DOLD -lpthread -ldl));
	my $histories = compile('histories', '-static', $static, qw(-lm -lpthread -ldl));
	my $shared_program = $shared ? compile('linked', $shared, qw(-lm -lpthread -ldl)) : undef;
	skip 'user, pid and mount namespaces may not be made here' if system(@unshare, 'mount -t tmpfs none /mnt') != 0;
	my @libraries = map { m{(/\S+)} } grep { m{/} } split /\n/, $shared_program ? output_of("ldd $shared_program") : '';
	my $root = "mount -t tmpfs none $inside && cd $inside && cp";
	for my $case (
		[ 'fully static', "$root $histories program && exec chroot . /program $threads $seed", 'run' ],
		[ 'stripped', "$root $histories program && strip program && exec chroot . /program $threads $seed", 'run' ],
		[ 'symbols only', "$root $late_old program && exec chroot . /program 3", 'open 1 - -', 'use 1 2 99' ],
		$shared_program ? [ 'shared', "$root $shared_program program && cp --parents -L @libraries . && "
			. "exec chroot . /program $threads $seed", 'run' ] : (),
	) {
		my ($what, $command, @orders) = @$case;
		subtest "a target in a container is read from outside: $what" => sub {
			my $target = start_target({}, @unshare, $command);
			ok($target, 'the target runs') or return;
			my $outer = output_of("cat /proc/$target->{pid}/task/$target->{pid}/children") =~ /^(\d+) *$/ ? $1 : 0;
			ok(!-e '/program', 'its path means nothing here');
			for my $order ('', @orders) {
				order($target, $order) if $order;
				my %inner = map { inner_tid($_) => $_ } map { m{(\d+)$} } glob "/proc/$outer/task/*";
				my %report = map { ($inner{$_} // "inner $_") => $target->{report}{$_} } keys %{ $target->{report} };
				next if $what eq 'symbols only' && $order ne 'use 1 2 99';
				is(differences({ report => \%report }, probe_json($outer)), '', 'its figures are right to the byte');
				is(differences({ report => \%report }, probe_json($outer, '--thread-pointer', 'ptrace')), '',
					'by ptrace');
			}
			like(explained($outer), qr{executable: \S*/program,.*\n}, '--explain says how');
			end_target($target); # ends the child too
		};
	}
}

sub inner_tid {
	my ($tid) = @_;
	return output_of("cat /proc/$tid/status") =~ /^NSpid:.*\s(\d+)$/m ? $1 : 0;
}

done_testing();
