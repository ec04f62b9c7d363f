# SPDX-License-Identifier: BSD-2-Clause
# What each binary needs at run time, by name: a new dependency is a decision, not an accident.
use strict;
use warnings;
use Test::More;
use TestKtstr;

my $readelf = find_program('readelf') or plan skip_all => 'readelf is missing';
my $shared = ($ENV{KTSTR_SHARED_JEMALLOC} // 'no') eq 'yes';
my $static = ($ENV{KTSTR_STATIC_WORKER} // 'no') eq 'yes';
my $zstd = (slurp("$ENV{KTSTR_BUILDDIR}/config.h") // '') =~ /^#define HAVE_ZSTD 1$/m;

# libc's dynamic loader may be named too: it is where __tls_get_addr and such things are.
my @worker = $static ? () : ('libc.so.6', $shared ? 'libjemalloc.so.2' : 'libm.so.6');
my %needed = (
	'src/libktstr/.libs/libktstr.so' => ['libc.so.6'],
	'src/libktstr-probe/.libs/libktstr-probe.so' => [qw(libc.so.6 libgcc_s.so.1)],
	'src/tools/heap/ktstr-heap' => [qw(libc.so.6 libktstr-probe.so.0), $zstd ? 'libzstd.so.1' : ()],
	'src/tools/probe/ktstr-jemalloc-probe' => [qw(libc.so.6 libktstr-probe.so.0)],
	'worker/ktstr-jemalloc-alloc-worker' => \@worker,
);

for my $file (sort keys %needed) {
	my $path = "$ENV{KTSTR_BUILDDIR}/$file";
	# Libtool's script stands in the program's place until it is installed.
	(my $real = $path) =~ s{/([^/]+)$}{/.libs/$1};
	$path = $real if -e $real;
	my $dynamic = read_to_end($readelf, '-dW', $path) // '';
	is $?, 0, "readelf reads $file";
	is_deeply [sort grep { !/^ld-linux/ } $dynamic =~ /\(NEEDED\).*\[(.+?)\]/g], [sort @{$needed{$file}}], "$file needs these, and no other";
}

# elfutils is loaded when a file is read: by the name that the linker would have written down.
my ($loaded) = slurp("$ENV{KTSTR_SRCDIR}/src/libktstr-probe/symfile/elfutils.h") =~ /^#define ELFUTILS_SONAME "(.+)"$/m;
my $linked = read_to_end($readelf, '-dW', "$ENV{KTSTR_BUILDDIR}/bench/demo") // '';
like $linked, qr/\(NEEDED\).*\[\Q$loaded\E\]/, "what is linked with elfutils needs $loaded, which the shared library loads";

done_testing;
