# SPDX-License-Identifier: BSD-2-Clause
# libktstr without the rest: configured, built, tested and installed where there is neither elfutils nor jemalloc, with
# the compiler's C library and with musl. And what configure says of what is missing.
use strict;
use warnings;
use Test::More;
use TestKtstr;

my $source = $ENV{KTSTR_SRCDIR} // '.';
plan skip_all => 'the sources are configured themselves: another directory cannot be, too' if -e "$source/config.status";
my $cc = $ENV{CC} || 'cc';
# The outer make's job server and what it was given are not theirs to use.
delete @ENV{grep { /^(?:MAKE\w*|MFLAGS|TESTS|KTSTR_\w+|PKG_CONFIG\w*|C(?:PP|XX)?FLAGS|LDFLAGS|DESTDIR)$/ } keys %ENV};
my $no_packages = temp_directory(); # where pkg-config finds nothing

# Runs a command in the directory: its exit code and all that it said.
sub in_directory {
	my ($directory, @command) = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>&', \*STDOUT;
		chdir $directory or die;
		exec @command or POSIX::_exit(127);
	}
	local $/;
	my $text = <$out> // '';
	close $out;
	return ($? >> 8, $text);
}

for (
	['without jemalloc', qr/libjemalloc-dev.*--disable-worker/],
	['without elfutils', qr/libdw-dev and libelf-dev.*--disable-probe/, '--disable-worker'],
	['without pkg-config', qr/pkg-config is missing.*Debian: pkg-config/, 'PKG_CONFIG=/nonexistent/pkg-config'],
	['for a machine that the probe does not know', qr/x86_64 and aarch64; riscv64 is not supported/, '--host=riscv64-linux-gnu'],
) {
	my ($what, $text, @options) = @$_;
	my $directory = temp_directory();
	my ($status, $said) = in_directory($directory, "$source/configure", "CC=$cc", "PKG_CONFIG_LIBDIR=$no_packages", @options);
	isnt($status, 0, "configure ends $what");
	like($said =~ s/\n(?=\S)/ /gr, $text, 'and says what to do');
}

sub builds {
	my ($name, @options) = @_;
	my $directory = temp_directory();
	my ($status, $said) = in_directory($directory, "$source/configure", '--disable-probe', '--disable-worker',
		"PKG_CONFIG_LIBDIR=$no_packages", @options);
	is($status, 0, "$name: configured") or return diag($said);
	($status, $said) = in_directory($directory, qw(make -j2 check));
	is($status, 0, "$name: built, and its unit tests pass") or diag($said);
	my ($passed) = $said =~ /^(?:\e\[[\d;]*m)?# PASS: +(\d+)/m;
	note("$passed unit tests passed");
	cmp_ok($passed // 0, '>', 50, "$name: there are unit tests");
	($status, $said) = in_directory($directory, 'make', 'install', "DESTDIR=$directory/installed");
	is($status, 0, "$name: installed") or diag($said);
	my ($library) = glob "$directory/installed/usr/local/lib/libktstr.so";
	return fail("$name: the library is installed") unless $library;
	my @needed = read_to_end('readelf', '-dW', $library) =~ /NEEDED.*\[(.*)\]/g;
	is((grep { !/^libc\.so|^ld-linux/ } @needed), 0, "$name: it needs libc alone") or diag("@needed");
	is(join(' ', map { m{([^/]+)$} } glob "$directory/installed/usr/local/lib/pkgconfig/* $directory/installed/usr/local/bin/*"),
		'ktstr.pc', "$name: nothing of the rest is installed");
}

SKIP: {
	my @cmocka = grep { -e } map { "$_/cmocka.h" } '/usr/include', '/usr/local/include';
	skip 'cmocka is missing', 1 unless @cmocka;
	builds('alone', "CC=$cc", 'CMOCKA_CFLAGS= ', 'CMOCKA_LIBS=-lcmocka');
}
SKIP: {
	my $musl = find_program('musl-gcc') or skip 'musl-gcc is missing', 1;
	# musl-gcc leaves out the kernel's headers, which are where the C library's are.
	chomp(my $triplet = `$cc -print-multiarch 2>/dev/null`);
	builds('with musl', "CC=$musl", "CPPFLAGS=-idirafter /usr/include -idirafter /usr/include/$triplet",
		"CMOCKA_CFLAGS=-I$source/tests/shim", 'CMOCKA_LIBS= ');
}
done_testing;
