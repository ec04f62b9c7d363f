# SPDX-License-Identifier: BSD-2-Clause
# The worker's file: what it needs at run time, where jemalloc's TLS lies, its size, and that the
# path unit, which is compiled into it a second time, leans on libc alone.
use strict;
use warnings;
use Test::More;
use TestKtstr;

my $worker = worker_program();
my $shared = ($ENV{KTSTR_SHARED_JEMALLOC} // 'no') eq 'yes';
my $static = ($ENV{KTSTR_STATIC_WORKER} // 'no') eq 'yes';
my $source = $ENV{KTSTR_SRCDIR} // '.';
my $readelf = find_program('readelf');

SKIP: {
	skip 'readelf is missing', 1 unless $readelf;
	my $dynamic = read_to_end($readelf, '-dW', $worker) // '';
	is $?, 0, 'readelf reads the worker';
	my @needed = $dynamic =~ /\(NEEDED\).*\[(.+?)\]/g;
	note 'NEEDED: ', join ' ', @needed;

	is_deeply [grep { /ktstr/ } @needed], [], 'no NEEDED entry for libktstr';
	if ($static) {
		is_deeply \@needed, [], 'fully static: no NEEDED entry at all';
	} else {
		# libjemalloc.a: libm for its profiler, libgcc_s for its unwinder; libpthread and libdl before glibc 2.34.
		my $allowed = qr/^(?:lib(?:c|m|pthread|dl|gcc_s)\.so\.\d+|ld-linux\S*\.so\.\d+|ld64\.so\.\d+)$/;
		ok scalar(grep { /^libc\.so/ } @needed), 'libc is needed';
		is_deeply [grep { !/$allowed/ && !($shared && /^libjemalloc\.so\.2$/) } @needed], [], 'and nothing besides the C runtime';
		is scalar(grep { /jemalloc/ } @needed), $shared ? 1 : 0, $shared ? 'the shared jemalloc' : 'no shared jemalloc';
	}
	is_deeply [$dynamic =~ /\((?:RPATH|RUNPATH)\).*\[(.*?)\]/g], [], 'no RPATH' unless $shared;
}

SKIP: {
	skip 'readelf is missing', 2 unless $readelf;
	skip 'jemalloc is shared: its TLS lies in its own file', 2 if $shared;
	like read_to_end($readelf, '-lW', $worker) // '', qr/^ +TLS +0x/m, 'a PT_TLS segment of its own';
	my $symbols = read_to_end($readelf, '-sW', $worker) // '';
	skip 'built without symbols', 1 unless $symbols =~ /'\.symtab'/;
	# NUM: VALUE SIZE TLS BIND VIS NDX NAME; the prefix depends on how jemalloc was configured
	like $symbols, qr/^ *\d+: [0-9a-f]+ +[1-9]\d* +TLS +\w+ +\w+ +\d+ \w*tsd_tls$/m, q(jemalloc's tsd_tls is defined in the worker);
}

SKIP: {
	my $strip = $ENV{STRIP} || find_program('strip') or skip 'strip is missing', 2;
	my $directory = temp_directory();
	system $strip, '-o', "$directory/stripped", $worker;
	is $?, 0, 'strip works';
	my $size = -s "$directory/stripped" // 0;
	my $limit = ($static ? 2 : 1) << 20;
	note "stripped: $size bytes";
	cmp_ok $size, '<', $limit, "stripped it is below $limit bytes";
	cmp_ok $size, '>', 0, 'and it is there';
}

# The two builds of the path unit must not be able to differ.
for my $file ('src/libktstr/worker_ready.c', 'include/ktstr/worker_ready.h') {
	my $text = slurp("$source/$file");
	ok defined $text, "$file is there" or next;
	# Comments may say what the code may not do.
	(my $code = $text) =~ s{/\*.*?\*/|//[^\n]*}{ }gs;
	my @includes = $code =~ /^[ \t]*#[ \t]*include[ \t]*(\S+)/mg;
	note "$file includes ", join ' ', @includes;
	cmp_ok scalar(@includes), '>', 0, "$file: its includes are seen";
	my %libc = map { ("<$_>" => 1) } qw(errno.h stddef.h stdint.h string.h);
	is_deeply [grep { !$libc{$_} && $_ ne '<ktstr/worker_ready.h>' } @includes], [],
		"$file: libc headers and its own only";
	unlike $code, qr/config\.h/, "$file: no config.h";
	my @conditions = $code =~ /^[ \t]*#[ \t]*((?:if|ifdef|ifndef|elif)\b.*?)[ \t]*$/mg;
	is_deeply [grep { !/^ifndef KTSTR_WORKER_READY_H$/ && !/^ifdef __cplusplus$/ && !/^ifdef __GNUC__$/ } @conditions], [],
		"$file: no condition besides the include guard, C++ and the compiler's own";
	unlike $code, qr/#[ \t]*define[ \t]+_[A-Z]/, "$file: no feature macro";
	unlike $code, qr/\b(?:malloc|calloc|realloc|free|strdup|strndup|asprintf|s?n?printf|alloca)\b/, "$file: no allocation";
}

done_testing;
