# SPDX-License-Identifier: BSD-2-Clause
# The examples, as a reader would use them: an installed copy, pkg-config's flags alone, the installed worker.
# Each does its work and leaves neither a process nor a marker behind.
use strict;
use warnings;
use File::Find;
use File::Temp qw(tempdir);
use Test::More;

my $builddir = $ENV{KTSTR_BUILDDIR};
my ($cc, $cxx) = ($ENV{CC} || 'cc', $ENV{CXX} || 'g++');
my $dir = tempdir(CLEANUP => 1);
my $dest = "$dir/dest";

sub run {
	my ($command) = @_;
	my $output = `$command 2>&1`;
	my $ok = $? == 0;
	diag("$command\n$output") unless $ok;
	return ($ok, $output);
}

my ($installed) = run("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C '$builddir' install DESTDIR='$dest'");
ok($installed, 'make install DESTDIR') or BAIL_OUT('nothing to test');
my %found;
find(sub { $found{$_} = $File::Find::name }, $dest);
my @missing = grep { !$found{$_} } qw(harness.c raii.cc wait_ready.py guest_test.c ktstr.pc ktstr-jemalloc-alloc-worker libktstr.so.0);
is("@missing", '', 'the examples are installed beside the libraries') or BAIL_OUT('nothing to test');

sub directory_of { return $found{ $_[0] } =~ s{/[^/]*$}{}r }
local $ENV{PKG_CONFIG_PATH} = directory_of('ktstr.pc');
local $ENV{PKG_CONFIG_SYSROOT_DIR} = $dest;
local $ENV{PKG_CONFIG_ALLOW_SYSTEM_CFLAGS} = 1;
local $ENV{PKG_CONFIG_ALLOW_SYSTEM_LIBS} = 1;
local $ENV{LD_LIBRARY_PATH} = directory_of('libktstr.so.0');
local $ENV{PATH} = directory_of('ktstr-jemalloc-alloc-worker') . ":$ENV{PATH}";
my $flags = `pkg-config --cflags --libs ktstr ktstr-probe`;
chomp $flags;

sub markers { return join ' ', sort glob '/tmp/ktstr-worker-ready-*' }

my $sanitizers = ($ENV{KTSTR_SANITIZERS} || 'no') ne 'no' ? "-fsanitize=$ENV{KTSTR_SANITIZERS}" : '';
my $warnings = '-Wall -Wextra -Wshadow -Wformat=2 -Wconversion -Wpedantic -Werror';
my %build = (
	harness => "$cc -std=c11 $sanitizers $warnings -o $dir/harness $found{'harness.c'} $flags",
	guest_test => "$cc -std=c11 $sanitizers $warnings -o $dir/guest_test $found{'guest_test.c'} $flags",
	raii => "$cxx -std=c++17 $sanitizers $warnings -o $dir/raii $found{'raii.cc'} $flags",
);
my %says = (
	harness => qr/^thread (\d+) \(.*\): 167\d{5} bytes allocated, \d+ deallocated$/m,
	guest_test => qr/^167\d{5} bytes allocated, where 16777216 are known$/m,
	raii => qr/^process (\d+): 167\d{5} bytes allocated, \d+ deallocated$/m,
	wait_ready => qr/^process (\d+) is ready$/m,
);

sub leaves_nothing {
	my ($name, $output) = @_;
	my ($pid) = $output =~ /(?:^|\s)(?:thread|process) (\d+)/;
	return unless $pid;
	ok(!-e "/tmp/ktstr-worker-ready-$pid", "$name removes the marker");
	ok(!kill(0, $pid), "$name leaves no worker");
}

for my $name (sort keys %build) {
	my ($built) = run($build{$name});
	ok($built, "$name builds with pkg-config's flags alone") or next;
	my ($ran, $output) = run("$dir/$name");
	ok($ran, "$name runs");
	like($output, $says{$name}, "$name reads the known allocation");
	leaves_nothing($name, $output);
	next if $name eq 'guest_test'; # it takes no argument
	my $failed = `$dir/$name /bin/true 2>&1`;
	isnt($?, 0, "$name fails when its worker is none");
	unlike($failed, qr/^\s*$/, "$name says why");
}
SKIP: {
	skip 'a sanitized library does not load into python3', 3 if $sanitizers;
	skip 'python3 is not installed', 3 if system('python3 -c "" 2>/dev/null');
	my ($ran, $output) = run("python3 $found{'wait_ready.py'}");
	ok($ran, 'wait_ready.py runs');
	like($output, $says{wait_ready}, 'wait_ready.py waits until the worker is ready');
	leaves_nothing('wait_ready.py', $output);
}

# README shows the harness's main, with blanks in place of tabs.
sub slurp { open my $in, '<', $_[0] or die "$_[0]: $!"; local $/; return scalar <$in> }
my ($main) = slurp($found{'harness.c'}) =~ /^(int main\(.*?^\}\n)/ms;
$main =~ s/\t/    /g;
$main =~ s/^(?=.)/  /mg;
cmp_ok(index(slurp("$ENV{KTSTR_SRCDIR}/README"), $main), '>', 0, "README's example is that of examples/harness.c");
done_testing;
