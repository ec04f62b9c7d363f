#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Many sessions at once, from several threads of one program, some cancelled by another: each reads the truth.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use ProbeTest qw(compile scratch start_target end_target);
use TestKtstr qw(sanitizers spew);
use Test::More;

my $rounds = 20;
my $target;
my $owner = $$;
END { if ($$ == $owner) { local $?; end_target($target) } }

chomp(my $shared = `$ENV{CC} -print-file-name=libjemalloc.so.2`);
plan skip_all => 'libjemalloc.so.2 is not installed' unless $shared =~ m{^/};
# TLS of its own, next to jemalloc's: the program's file has to be looked into.
my $tls = scratch() . '/tls.c';
spew($tls, "_Thread_local int filler[4] = {1}; int filled(void); int filled(void) { return filler[0]; }\n");
my $program = compile('both', $tls, $shared, qw(-lm -lpthread -ldl)) // BAIL_OUT('not built');
$target = start_target({}, $program, 24, 1) or BAIL_OUT('the target did not start');

my $driver = ($ENV{KTSTR_BUILDDIR} // '.') . '/tests/targets/many_sessions';
open my $in, '-|', 'timeout', '300', $driver, $target->{pid}, $rounds or BAIL_OUT("$driver: $!");
chomp(my @lines = <$in>);
ok(close $in, 'came to its end') or diag("wait status $?");

my %truth = map { ("thread $_ @{ $target->{report}{$_} }" => 1) } keys %{ $target->{report} };
my %read = map { ($_ => 1) } grep { /^thread / } @lines;
is(join(', ', grep { !$truth{$_} } sort keys %read), '', 'every reading is the truth');
is(join(', ', grep { !$read{$_} } sort keys %truth), '', 'every thread was read');
is(join("\n", grep { /^(?:failure|error) / } @lines), '', 'nothing failed that was not cancelled');
my %said = map { /^(\w+) (-?\d+)\z/ } @lines;
is($said{completed}, 4 * $rounds, 'four threads came to the end of each of their sessions');
is($said{cancelled}, 3 * $rounds, 'three were cancelled in each of theirs');
is($said{descriptors}, 0, 'no descriptor is left');
my %ways = map { /^isolation (.*)/ ? ($1 => 1) : () } @lines;
delete $ways{'the child that read it was killed: cancelled'};
like(join(', ', sort keys %ways), sanitizers() =~ /address|thread|memory/ ? qr/^read by this process itself: built with a sanitizer$/
	: qr/^read by a child with limits, without privileges, with a filter of system calls$/, 'files were read, too');
done_testing();
