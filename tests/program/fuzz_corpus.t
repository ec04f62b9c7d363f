#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The fuzz targets over what once failed, over seeds made here, and over seeded damages of both.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

my ($srcdir, $builddir) = ($ENV{KTSTR_SRCDIR} // '.', $ENV{KTSTR_BUILDDIR} // '.');
my $rounds = $ENV{KTSTR_TEST_ROUNDS} // 2000;
my $seeds = tempdir('ktstr-fuzz-XXXXXX', TMPDIR => 1, CLEANUP => 1);

system($^X, "$srcdir/tests/fuzz/make_seeds", $seeds) == 0 or BAIL_OUT('no seeds');
for my $target (map { m{([^/]+)\.c\z} } sort glob "\Q$srcdir\E/tests/fuzz/fuzz_*.c") {
	my @files = (glob("\Q$srcdir\E/tests/fuzz/corpus/$target/*"), glob("\Q$seeds\E/$target/*"));
	cmp_ok(scalar @files, '>', 0, "$target: " . @files . ' files');
	my $said = qx(timeout 300 "$builddir/tests/fuzz/$target" -random $rounds @{[map { quotemeta } @files]} 2>&1);
	is($?, 0, "$target: each in its place, and $rounds damages of each") or diag($said);
	is($said, @files . " files\n", "$target: all were run");
}
done_testing();
