# SPDX-License-Identifier: BSD-2-Clause
# Each C unit test under valgrind: no error, no leak. Fewer rounds than natively, the same paths.
use strict;
use warnings;
use File::Temp;
use Test::More;

my $builddir = $ENV{KTSTR_BUILDDIR};
my $valgrind = $ENV{VALGRIND} or plan skip_all => 'valgrind is not installed';
my @tests = split ' ', $ENV{KTSTR_UNIT_TESTS} || '' or plan skip_all => 'no unit tests were built';
plan skip_all => 'valgrind cannot run a sanitized program'
    if `nm '$builddir/$tests[0]' 2>/dev/null` =~ /__asan_init/;
plan tests => scalar @tests;

# A test's own children come and go by SIGKILL and exec: only the test itself is judged.
my $options = '--quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,possible '
    . '--errors-for-leak-kinds=definite --trace-children=no --child-silent-after-fork=yes';
$ENV{KTSTR_TEST_ROUNDS} = 20;
for my $test (@tests) {
    # Into a file: a child that a failed test left behind would hold a pipe open.
    my $log = File::Temp->new;
    system("timeout 600 '$builddir/libtool' --mode=execute '$valgrind' $options '$builddir/$test' >$log 2>&1 </dev/null");
    is($? >> 8, 0, "$test under valgrind") or diag(do { local $/; <$log> });
}
