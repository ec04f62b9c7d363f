#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Processes that have just begun: read as soon as they can be, or said to be still starting. Nothing is timed.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use IPC::Open2 qw(open2);
use ProbeTest qw(scratch source_dir run_probe probe_program build library output_of unfolded);
use TestKtstr qw(slurp until_true);
use Test::More;
use Time::HiRes qw(sleep);

my $ROUNDS = 20;
my $shared = library('libjemalloc.so.2') || BAIL_OUT('libjemalloc.so.2 is not installed');
my $static = library('libjemalloc.a') || BAIL_OUT('libjemalloc.a is not installed');
my @children;
my $owner = $$;
END { if ($$ == $owner) { local $?; for (@children) { kill 'KILL', $_; waitpid $_, 0 } } }

# Its stdout and stdin.
sub started {
	my (@command) = @_;
	my $pid = open2(my $out, my $in, @command);
	push @children, $pid;
	$in->autoflush(1);
	return ($pid, $out, $in);
}

sub ended { my ($pid) = @_; kill 'KILL', $pid; waitpid $pid, 0; @children = grep { $_ != $pid } @children }

my $late = build('liblate.so', 'late_link.c', qw(-shared -fPIC)) or BAIL_OUT('late_link');
my $linked = build('linked', 'many_maps.c', '-Wl,--no-as-needed', $shared, $late, "-Wl,-rpath,@{[scratch()]}", '-ldl');

subtest 'the dynamic linker is at work' => sub {
	my ($pid, $out, $in) = started($linked);
	ok(until_true { slurp("/proc/$pid/maps") =~ m{/liblate\.so$}m && slurp("/proc/$pid/syscall") =~ /^\d/ }, 'it waits');
	my ($status, $said, $err) = run_probe('-p', $pid);
	is($status, 1, 'refused');
	like(unfolded($err), qr/^error: .* It is still starting: its dynamic linker is at work \(--wait MS waits for it\)$/m, 'with the reason');
	($status, $said, $err) = run_probe('-p', $pid, '--wait', 60);
	like(unfolded($err), qr/still starting.* It was waited for \d\d+ ms$/m, 'waited for, and said so');
	my $prober = open(my $probed, '-|', probe_program(), '-p', $pid, '--wait', 3600000, '--json') or die;
	sleep 0.2; # it is likely to have been tried by then; right in either case
	print $in "\n";
	my $report = do { local $/ = "parked\n"; <$out> };
	my ($allocated) = $report =~ /^thread $pid (\d+) /m;
	my $document = do { local $/; <$probed> };
	close $probed;
	is($?, 0, '--wait reads it once it is there');
	like($document, qr/"tid":\s*$pid\b.*"allocated_bytes":\s*\d+/s, 'its counters');
	($status, $said, $err) = run_probe('-p', $pid);
	like($said, qr/^tid=$pid .*allocated_bytes=$allocated /m, 'to the byte when it stands still');
	is($err, '', 'and without a word');
	ended($pid);
};

subtest 'forked, and its program not run yet' => sub {
	pipe(my $from, my $to) or die;
	my $plain = build('plain', 'many_maps.c', $static, qw(-lm -lpthread -ldl));
	my $pid = fork // die;
	if ($pid == 0) {
		sysread $from, my $byte, 1;
		open STDIN, '<&', $from; # the other end stays open
		open STDOUT, '>', '/dev/null';
		exec $plain or die;
	}
	push @children, $pid;
	my ($status, $said, $err) = run_probe('-p', $pid);
	is($status, 1, 'perl has no jemalloc');
	like($err, qr/^ktstr-probe-fatal: jemalloc-not-found$/m, 'as is said');
	open(my $probed, '-|', probe_program(), '-p', $pid, '--wait', 3600000) or die;
	sleep 0.05;
	syswrite $to, "\n";
	like(do { local $/; <$probed> }, qr/^tid=$pid comm=plain /m, '--wait reads the program that it then runs');
	close $probed;
	ended($pid);
};

my %programs = ('a program with a shared jemalloc' => [build('shared', 'many_maps.c', '-Wl,--no-as-needed', $shared, '-ldl')],
	'with a static one' => [build('all', 'many_maps.c', '-static-pie', $static, qw(-lm -lpthread))]);
if (output_of('command -v musl-gcc')) {
	local $ProbeTest::cc = 'musl-gcc';
	my $source = source_dir() . '/tests/targets/tls_library.c';
	my $library = build('libmusl.so', 'tls_library.c', qw(-shared -fPIC));
	$programs{'musl, static'} = [build('musl_static', 'late_library.c', '-static', $source), 3];
	$programs{'musl, shared'} = [build('musl_shared', 'late_library.c', $library, "-Wl,-rpath,@{[scratch()]}"), 3];
}
for my $what (sort keys %programs) {
	my (%odd, %waited);
	for my $round (1 .. $ROUNDS) {
		for my $wait ([], ['--wait', 3600000]) {
			my ($pid, @ends) = started(@{ $programs{$what} });
			sleep 0.005 * rand;
			my ($status, $out, $err) = run_probe('-p', $pid, @$wait);
			$err = unfolded($err);
			$odd{"exit $status: $out$err"}++ unless $status eq '0' || (!@$wait && $err =~ /still starting/);
			ended($pid);
		}
	}
	is_deeply(\%odd, {}, "$what, 0 to 5 ms old: read, or still starting");
}
done_testing();
