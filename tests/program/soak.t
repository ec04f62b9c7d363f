#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Some seconds of `make soak': no reading outside the truth, no thread lost, nothing grown.
use strict;
use warnings;
use Test::More;

my $directory = ($ENV{KTSTR_BUILDDIR} // '.') . '/tests/soak';
for my $part (qw(steady restart)) {
	my $said = `'$directory/soak' '$directory/server' 10 $part 2>&1`;
	is($?, 0, $part);
	diag($said) if $?;
	like($said, qr/^[1-9]\d* readings: [1-9]/m, "$part: threads were read") or diag($said);
}
done_testing();
