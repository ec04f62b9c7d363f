#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Ground truth: what the probe reads from outside equals, to the byte, what each thread says of itself.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use ProbeTest qw(scratch probe_json start_target next_report end_target compile library differences);
use Test::More;

my $threads = 24;
my $rounds = 3;
my $histories = 0;
my $seed = $ENV{KTSTR_TEST_SEED} // 20260101;
diag("seed $seed") if $ENV{KTSTR_TEST_SEED};

my $static = library('libjemalloc.a');
my $shared = library('libjemalloc.so.2');
my @rest = qw(-lm -lpthread -ldl);

sub check {
	my ($what, $env, @command) = @_;
	subtest $what => sub {
		my $target = start_target($env, $command[0], $threads, $seed++, @command[1 .. $#command]);
		ok($target, 'the target runs') or return;
		for my $round (1 .. $rounds) {
			my $document = probe_json($target->{pid});
			ok($document, 'it is read') or last;
			is(differences($target, $document), '',
				"round $round: every thread, to the byte");
			$histories += $threads;
			last if $round == $rounds;
			print { $target->{in} } "run\n";
			next_report($target);
		}
		end_target($target);
	};
}

sub stripped {
	my ($program, @how) = @_;
	my $copy = "$program.stripped";
	return system('strip', @how, '-o', $copy, $program) == 0 ? $copy : undef;
}

# name => compiler flags; each is checked as built and stripped.
my %static_builds = (
	'static jemalloc, PIE' => ['-pie', '-fPIE', $static],
	'static jemalloc, not PIE' => ['-no-pie', '-fno-PIE', $static],
	'fully static' => ['-static', $static],
	'static PIE' => ['-static-pie', '-fPIE', $static],
);

SKIP: {
	skip 'libjemalloc.a is not installed' unless $static;
	for my $name (sort keys %static_builds) {
		my $file = $name =~ s/[^a-z]+/_/gir;
		for my $debug ('', '-g') {
			my $program = compile("$file$debug", $debug || (), @{ $static_builds{$name} }, @rest);
			ok($program, "$name $debug: built") or next;
			check("$name $debug", {}, $program);
			check("$name $debug, stripped", {}, stripped($program)) unless $debug;
		}
	}
}

SKIP: {
	skip 'libjemalloc.so.2 is not installed' unless $shared;
	my $linked = compile('linked', $shared, @rest);
	my $plain = compile('plain', @rest);
	check('linked with the shared library', {}, $linked);
	check('linked with the shared library, stripped', {}, stripped($linked));
	check('LD_PRELOAD', { LD_PRELOAD => $shared }, $plain);
	check('dlopen', { GLIBC_TUNABLES => 'glibc.rtld.optional_static_tls=8192' }, $plain, 'dlopen', $shared);

	# The main thread has used it, by its constructor, and allocated nothing: its memory alone proves nothing.
	check('dlopen, with junk filling', { GLIBC_TUNABLES => 'glibc.rtld.optional_static_tls=8192', MALLOC_CONF => 'junk:true' },
		$plain, 'dlopen', $shared);

	my $copy = scratch() . '/libjemalloc.so.2';
	system('cp', '-L', $shared, $copy);
	my $target = start_target({ LD_PRELOAD => $copy }, $plain, $threads, $seed++);
	unlink $copy;
	my $document = probe_json($target->{pid});
	is(differences($target, $document), '',
		'the library is deleted after the start');
	end_target($target);

	# Running threads: each figure lies between the reports before and after it.
	$target = start_target({}, $linked, $threads, $seed++);
	my $before = $target->{report};
	print { $target->{in} } "run\n";
	$document = probe_json($target->{pid}, '--snapshots', 5, '--interval-ms', 1);
	my $after = next_report($target);
	my $outside = 0;
	for my $thread (map { @{ $_->{threads} } } @{ $document->{snapshots} }) {
		my ($low, $high) = ($before->{ $thread->{tid} }, $after->{ $thread->{tid} });
		$outside++ if !$low || defined $thread->{error}
			|| $thread->{allocated_bytes} < $low->[0] || $thread->{allocated_bytes} > $high->[0]
			|| $thread->{deallocated_bytes} < $low->[1] || $thread->{deallocated_bytes} > $high->[1];
	}
	ok($document, 'read while it runs');
	is($outside, 0, 'running threads: between the report before and the one after');
	end_target($target);
}

cmp_ok($histories, '>=', 1000, "$histories histories were compared") if $static && $shared;
done_testing();
