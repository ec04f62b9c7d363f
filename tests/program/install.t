# SPDX-License-Identifier: BSD-2-Clause
# An installed copy (DESTDIR): consumers in C, C++ and Python find it through pkg-config alone, and
# each header stands alone.
use strict;
use warnings;
use File::Find;
use File::Temp qw(tempdir);
use Test::More;

my ($srcdir, $builddir) = @ENV{qw(KTSTR_SRCDIR KTSTR_BUILDDIR)};
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

sub slurp { open my $in, '<', $_[0] or die "$_[0]: $!"; local $/; return scalar <$in> }
sub spew { open my $out, '>', $_[0] or die "$_[0]: $!"; print $out $_[1]; close $out }

# The outer make's job server is not ours to use.
my ($installed) = run("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C '$builddir' install DESTDIR='$dest'");
ok($installed, 'make install DESTDIR') or BAIL_OUT('nothing to test');

my ($pc, $library, $worker);
find(sub {
    $pc = $File::Find::name if $_ eq 'ktstr.pc';
    $library = $File::Find::name if $_ eq 'libktstr.so.0';
    $worker = $File::Find::name if $_ eq 'ktstr-jemalloc-alloc-worker';
}, $dest);
ok($pc, 'ktstr.pc is installed');
ok($library, 'libktstr.so.0 is installed');
ok($worker && -x $worker, 'the worker is installed and executable');
(my $libdir = $library) =~ s{/[^/]*$}{};
(my $pcdir = $pc) =~ s{/[^/]*$}{};
$ENV{PKG_CONFIG_PATH} = $pcdir;
$ENV{PKG_CONFIG_SYSROOT_DIR} = $dest;
$ENV{PKG_CONFIG_ALLOW_SYSTEM_CFLAGS} = $ENV{PKG_CONFIG_ALLOW_SYSTEM_LIBS} = 1;

my (undef, $flags) = run('pkg-config --cflags --libs ktstr');
chomp $flags;

my $consumer = <<'C';
#include <ktstr/payload.h>
#include <ktstr/worker_ready.h>
#include <ktstr/worker_ready_wait.h>
#include <stdio.h>
int main(void)
{
	struct ktstr_payload_options options = KTSTR_PAYLOAD_OPTIONS_INIT;
	struct ktstr_payload_stream stream = KTSTR_PAYLOAD_STREAM_INIT;
	char path[KTSTR_WORKER_READY_MARKER_PATH_SIZE];
	options.in = stream;
	if (options.size != sizeof options || ktstr_worker_ready_marker_path(12345, path, sizeof path) || ktstr_payload_pid(NULL, NULL, NULL) == 0)
		return 1;
	puts(path);
	return 0;
}
C
spew("$dir/consumer.c", $consumer);
spew("$dir/consumer.cc", $consumer);
for (["$cc -std=c11", 'consumer.c', 'C'], ["$cxx -std=c++17", 'consumer.cc', 'C++']) {
    my ($compiler, $source, $language) = @$_;
    my ($built) = run("$compiler -Wall -Wextra -Werror -o $dir/consumer $dir/$source $flags");
    ok($built, "a $language consumer builds with pkg-config's flags alone");
    is(`LD_LIBRARY_PATH='$libdir' $dir/consumer`, "/tmp/ktstr-worker-ready-12345\n", "and runs ($language)");
}

for my $header (map { m{([^/]+)\.h$} } sort glob "\Q$srcdir\E/include/ktstr/*.h") {
    spew("$dir/alone.c", "#include <ktstr/$header.h>\n");
    spew("$dir/alone.cc", "#include <ktstr/$header.h>\n");
    my (undef, $cflags) = run('pkg-config --cflags ktstr');
    chomp $cflags;
    my ($c) = run("$cc -std=c11 -Wall -Wextra -Wshadow -Wpedantic -Werror -fsyntax-only $cflags $dir/alone.c");
    ok($c, "<ktstr/$header.h> alone is C11");
    my ($cpp) = run("$cxx -std=c++17 -Wall -Wextra -Wshadow -Wpedantic -Werror -fsyntax-only $cflags $dir/alone.cc");
    ok($cpp, "<ktstr/$header.h> alone is C++17");
}

# What a structure begins as is an initialiser in both languages, without a warning.
spew("$dir/init.$_", <<'C') for 'c', 'cc';
#include <ktstr/ktstr.h>
extern struct ktstr_payload_options payload;
extern struct ktstr_payload_stream stream;
extern struct ktstr_probe_options probe;
struct ktstr_payload_options payload = KTSTR_PAYLOAD_OPTIONS_INIT;
struct ktstr_payload_stream stream = KTSTR_PAYLOAD_STREAM_INIT;
struct ktstr_probe_options probe = KTSTR_PROBE_OPTIONS_INIT;
C
for (["$cc -std=c11", 'c'], ["$cxx -std=c++17", 'cc']) {
    my ($compiler, $language) = @$_;
    my (undef, $cflags) = run('pkg-config --cflags ktstr');
    chomp $cflags;
    my ($ok) = run("$compiler -Wall -Wextra -Wpedantic -Werror -fsyntax-only $cflags $dir/init.$language");
    ok($ok, "the initialisers are complete (.$language)");
}

# The header of all headers has all of them.
my $all = slurp("$srcdir/include/ktstr/ktstr.h");
for my $header (glob "\Q$srcdir\E/include/ktstr/*.h") {
    my ($name) = $header =~ m{([^/]+)$};
    like($all, qr{^#include <ktstr/\Q$name\E>$}m, "<ktstr/ktstr.h> includes <ktstr/$name>") if $name ne 'ktstr.h';
}

# `man 3 NAME' finds a page for everything that is exported.
my $man3;
find(sub { $man3 = $File::Find::dir if $_ eq 'ktstr_payload.3' }, $dest);
for my $map (glob "\Q$srcdir\E/src/*/*.map") {
    for my $symbol (slurp($map) =~ /^\t(ktstr_\w+);$/mg) {
        my $page = -e "$man3/$symbol.3" ? slurp("$man3/$symbol.3") : '';
        $page = slurp("$man3/$1") if $page =~ m{\A\.so man3/([\w.]+)\n\z};
        my ($name) = $page =~ /^\.Sh NAME\n(.*?)^\.Sh /ms;
        like($name // '', qr/^\.Nm \Q$symbol\E(?: ,)?$/m, "man 3 $symbol shows a page that has it in its NAME");
    }
}

# The whole example of ktstr(3) is a program that runs.
{
    my ($example) = slurp("$man3/ktstr.3") =~ /^\.Bd -literal\n(#include.*?)^\.Ed$/ms;
    $example =~ s/\\e/\\/g;
    spew("$dir/example.c", $example);
    my (undef, $both) = run('pkg-config --cflags --libs ktstr ktstr-probe');
    chomp $both;
    my ($built) = run("$cc -std=c11 -Wall -Wextra -Werror -o $dir/example $dir/example.c $both");
    ok($built, 'the example of ktstr(3) builds');
    (my $bindir = $worker) =~ s{/[^/]*$}{};
    my $said = `PATH='$bindir':\$PATH LD_LIBRARY_PATH='$libdir' $dir/example 2>&1`;
    is($?, 0, 'and succeeds') or diag($said);
    like($said, qr/^alloc-worker pid (\d+): is ready.*\nthread \1 has allocated \d{8} bytes$/, 'and reads the worker');
    my ($pid) = $said =~ /pid (\d+)/;
    ok(!-e '/tmp/ktstr-worker-ready-' . ($pid // 'none'), 'and leaves no marker behind');
}

# The archives have the maps' names and no other, so a program may use all the inner names itself.
SKIP: {
    skip 'no static archives are built', 1 if ($ENV{KTSTR_STATIC_ARCHIVES} // 'yes') eq 'no';
    my @nm = split ' ', $ENV{NM} || 'nm';
    # As T, D, B or R: not what is only used, and not a sanitizer's or gcov's.
    my $names = sub { my ($file) = @_; return map { /\s[A-Z]\s(\w+)$/ ? $1 : () } split /\n/, `@nm -g --defined-only '$file'` };
    my %calls = (libktstr => 'ktstr_payload_kill((void *)0, (void *)0, (void *)0)',
        'libktstr-probe' => 'ktstr_probe_new((void *)0, (void *)0, (void *)0)');
    my %module = (libktstr => 'ktstr', 'libktstr-probe' => 'ktstr-probe');
    for my $name (sort keys %calls) {
        my %public = map { $_ => 1 } slurp("$srcdir/src/$name/$name.map") =~ /^\t(ktstr_\w+);$/mg;
        is_deeply([sort $names->("$libdir/$name.a")], [sort keys %public], "$name.a has the map's names and no other");
        (my $inner = $name) =~ tr/-/_/;
        my %inner = map { $_ => 1 } grep { !$public{$_} && /^[a-z]/ }
            map { $names->($_) } "$builddir/src/$name/.libs/${inner}_inner.a", "$builddir/src/shared/.libs/libshared.a";
        cmp_ok(scalar keys %inner, '>', 10, "$name has inner names");
        spew("$dir/own.c", join '', "#include <ktstr/ktstr.h>\n", "int main(void) { return $calls{$name} == 0; }\n");
        spew("$dir/names.c", join '', map { "void $_(void);\nvoid $_(void) { __builtin_trap(); }\n" } sort keys %inner);
        my (undef, $cflags) = run("pkg-config --cflags $module{$name}");
        chomp $cflags;
        # Of a system's own modules pkg-config's root would make a wrong place.
        local $ENV{PKG_CONFIG_SYSROOT_DIR};
        delete @ENV{qw(PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_ALLOW_SYSTEM_LIBS)};
        my $libs = `pkg-config --static --libs-only-l --libs-only-other $module{$name}`;
        $libs =~ s{-l\Q$module{$name}\E(?!\S)}{$libdir/$name.a};
        chomp $libs;
        # What only elfutils' own archives need is not there on every machine: without -static it is not asked for.
        my $needed = join ' ', grep { !/^-l(.*)/ || grep { $_ =~ m{^/} } map { `$cc -print-file-name=lib$1.$_` } 'so', 'a' } split ' ', $libs;
        my ($built) = run("$cc -o $dir/own $dir/own.c $dir/names.c $cflags $needed");
        ok($built, "a program that has all inner names itself links $name.a with what pkg-config --static says");
        is(system("$dir/own") >> 8, 0, 'and its names are not called');
      SKIP: {
            my @missing = grep { `$cc -print-file-name=lib$_.a` !~ m{^/} } $libs =~ /-l(\S+)/g;
            skip "static libraries are not installed here: @missing", 1 if @missing;
            ($built) = run("$cc -static -o $dir/own $dir/own.c $dir/names.c $cflags $libs");
            ok($built && system("$dir/own") == 0, 'a wholly static one, too');
        }
    }
}

my %literal = (
    worker_ready_marker_prefix => '/tmp/ktstr-worker-ready-',
    worker_ready_marker_override_env => 'KTSTR_WORKER_READY_MARKER_OVERRIDE',
    worker_stderr_prefix => 'jemalloc-alloc-worker:',
    worker_stdout_ready_prefix => 'jemalloc-alloc-worker ready',
);
{
    # pkg-config puts the root before each variable that begins with a slash, ours too.
    local $ENV{PKG_CONFIG_SYSROOT_DIR};
    delete $ENV{PKG_CONFIG_SYSROOT_DIR};
    for my $name (sort keys %literal) {
        my (undef, $value) = run("pkg-config --variable=$name ktstr");
        chomp $value;
        is($value, $literal{$name}, "pkg-config --variable=$name");
    }
    my (undef, $value) = run('pkg-config --variable=worker ktstr');
    chomp $value;
    is("$dest$value", $worker, 'pkg-config --variable=worker is where the worker is');
}

unlike(`readelf -dW '$worker'`, qr/NEEDED.*libktstr/, 'the worker does not need the library');
like(`readelf -dW '$library'`, qr/SONAME.*\[libktstr\.so\.0\]/, 'the soname is right');

SKIP: {
    skip 'python3 is not installed', 1 if system('python3 -c "" 2>/dev/null');
    spew("$dir/path.py", <<"PY");
import ctypes
lib = ctypes.CDLL("$library")
buf = ctypes.create_string_buffer(64)
assert lib.ktstr_worker_ready_marker_path(ctypes.c_uint32(4294967295), buf, ctypes.c_size_t(64)) == 0
print(buf.value.decode())
print(ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(lib, "ktstr_worker_stderr_prefix"))).decode())
PY
    is(`python3 $dir/path.py`, "/tmp/ktstr-worker-ready-4294967295\njemalloc-alloc-worker:\n",
        'a Python ctypes call of the path function');
}
# And all of it goes again.
run("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C '$builddir' uninstall DESTDIR='$dest'");
my @left;
find(sub { push @left, $File::Find::name if -f || -l }, $dest);
is_deeply(\@left, [], 'make uninstall leaves nothing');
done_testing;
