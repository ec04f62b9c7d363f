# SPDX-License-Identifier: BSD-2-Clause
# Each C unit test under valgrind: no error, no leak. Fewer rounds than natively, the same paths.
use strict;
use warnings;
use File::Temp;
use Test::More;

my $builddir = $ENV{KTSTR_BUILDDIR};
my $valgrind = $ENV{VALGRIND} or plan skip_all => 'valgrind is not installed';
my @tests = split ' ', $ENV{KTSTR_UNIT_TESTS} || '' or plan skip_all => 'no unit tests were built';
# What valgrind 3.19 stands in the way of: it does not know openat2(2), and what it writes and reads itself counts
# as the process's own in /proc/PID/io.
@tests = grep { !m{/(?:debug_file|marker_check)_test$} } @tests;
plan tests => scalar @tests;

# A test's own children come and go by SIGKILL and exec: only the test itself is judged.
my $options = '--quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,possible '
    . '--errors-for-leak-kinds=definite --trace-children=no --child-silent-after-fork=yes';
$ENV{KTSTR_TEST_ROUNDS} = 20;

sub under_valgrind {
    my ($program, $log) = @_;
    # Into a file: a child that a failed test left behind would hold a pipe open.
    system("timeout 600 '$valgrind' $options '$program' >$log 2>&1 </dev/null");
    my $status = $? >> 8;
    open my $in, '<', $log or die "$log: $!";
    local $/;
    return ($status, scalar <$in>);
}

for my $test (@tests) {
    my $dir = File::Temp->newdir;
    my ($status, $output) = under_valgrind("$builddir/$test", "$dir/log");
    # valgrind 3.19 gives up on the debug information of clang 14: then without it, and without line numbers.
    if ($status && $output =~ /debuginfo reader/ && system("strip -g -o $dir/test '$builddir/$test'") == 0) {
        ($status, $output) = under_valgrind("$dir/test", "$dir/log");
    }
  SKIP: {
        skip "$test: valgrind cannot read this compiler's debug information", 1
            if $status && $output =~ /debuginfo reader/;
        is($status, 0, "$test under valgrind") or diag($output);
    }
}
