# SPDX-License-Identifier: BSD-2-Clause
# Each C unit test built with the address and undefined behaviour sanitizers, and run.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

my ($srcdir, $builddir) = @ENV{qw(KTSTR_SRCDIR KTSTR_BUILDDIR)};
my $cc = $ENV{CC} || 'cc';
my @tests = split ' ', $ENV{KTSTR_UNIT_TESTS} || '' or plan skip_all => 'no unit tests were built';
my $dir = tempdir(CLEANUP => 1);
my $flags = '-std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -DHAVE_CONFIG_H '
    . "-I'$builddir' -I'$srcdir/src' -I'$srcdir/worker' -I'$srcdir/probe' -pthread";

system("echo 'int main(void) { return 0; }' >$dir/try.c; $cc $flags -o $dir/try $dir/try.c 2>/dev/null && $dir/try") == 0
    or plan skip_all => "$cc has no sanitizers here";
plan tests => scalar @tests;

# The objects of both libraries and of the programs once, all but the files that hold a main.
my $sources = join ' ', map { "'$_'" } grep { !m{/(?:main|alloc_worker)\.c$} } map { glob "\Q$srcdir\E/$_/*.c" } qw(src worker probe);
system("cd $dir && $cc $flags -c $sources") == 0 or BAIL_OUT('cannot compile');
system("cd $dir && ar rc inner.a *.o") == 0 or BAIL_OUT('ar failed');
$ENV{ASAN_OPTIONS} = 'detect_leaks=1:abort_on_error=0:exitcode=99';
$ENV{KTSTR_TEST_ROUNDS} = 200;
for my $test (@tests) {
    (my $name = $test) =~ s{.*/}{};
    # Into a file: a child that a failed test left behind would hold a pipe open.
    my $log = File::Temp->new;
    system("exec >$log 2>&1 </dev/null; $cc $flags -o $dir/$name '$srcdir'/tests/unit/$name.c $dir/inner.a "
        . "-lcmocka -ldw -lelf -ldl -lpthread && timeout 600 $dir/$name");
    is($? >> 8, 0, "$test under the sanitizers") or diag(do { local $/; <$log> });
}
