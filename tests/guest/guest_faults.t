# SPDX-License-Identifier: BSD-2-Clause
# What a guest that goes wrong looks like outside: never a success, always with its console.
use strict;
use warnings;
use Guest qw(boot);
use Test::More;

my $limit = $ENV{KTSTR_GUEST_TIMEOUT} || 600;
# The hang needs a limit that ends, and one within which any boot has got as far as to hang.
my @faults = (
	['fault-panic', $limit, qr/panicked/, qr/Kernel panic/],
	['fault-hang', 40, qr/no end within 40 s/, qr/\@ktstr 1 /],
	['fault-garbled', $limit, qr/sum is wrong/, qr/damaged on its way/],
	['fault-lost', $limit, qr/a line was lost/, qr/\@ktstr 1 /],
	['fault-short', $limit, qr/ended before its list did/, qr/\@ktstr 1 /],
);
for (@faults) {
	my ($fault, $bound, $reason, $console) = @$_;
	my $guest = boot($fault, 256, $bound, sub { fail "$fault: no test was run" });
	like $guest->{fault} // 'no fault', $reason, "$fault is told";
	like $guest->{console}, $console, 'with the console';
	note $guest->{console} unless ($guest->{fault} // '') =~ $reason;
}

my @seen;
my $guest = boot('fault-test', 256, $limit, sub { push @seen, [@_] });
is $guest->{failed}, 1, 'a test that fails inside is counted';
ok !$seen[0][0], 'and handed on as failed';
done_testing;
