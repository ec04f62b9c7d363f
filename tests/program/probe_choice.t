#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Two jemallocs in one process: both are listed, the one that the program's malloc resolves to is read.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use POSIX ();
use ProbeTest qw(scratch source_dir run_probe unfolded probe_json explained start_target order end_target build compile
	output_of library differences);
use Test::More;

$SIG{ALRM} = sub { die "waited for too long\n" };
alarm 300; # nothing here may wait for ever
my $threads = 12;
my $seed = $ENV{KTSTR_TEST_SEED} // 20260801;
my $static = library('libjemalloc.a');
my $shared = library('libjemalloc.so.2');

# The static jemalloc as one object whose public functions have the prefix je_.
sub prefixed_object {
	my $object = scratch() . '/je.o';
	my @public = qw(malloc calloc realloc free posix_memalign aligned_alloc memalign valloc malloc_usable_size
		mallocx rallocx xallocx sallocx dallocx sdallocx nallocx mallctl mallctlnametomib mallctlbymib
		malloc_stats_print malloc_conf malloc_message __libc_memalign __libc_malloc __libc_calloc __libc_realloc
		__libc_free __libc_valloc __posix_memalign __malloc_hook __realloc_hook __free_hook __memalign_hook);
	return system('ld', '-r', '-u', 'mallocx', '-o', $object, $static) == 0
		&& system('objcopy', (map { ('--redefine-sym', "$_=je_$_") } @public), $object) == 0 ? $object : undef;
}

# Two jemallocs in one process: both are listed, the one behind malloc is read, --jemalloc picks the other.
SKIP: {
	skip 'libjemalloc.a or libjemalloc.so.2 is not installed' unless $static && $shared;
	my $other = build('jemalloc_of_another_name.so', 'tls_library.c', qw(-shared -fPIC));
	my $own = compile('own', '-Wl,--export-dynamic', $static, qw(-lm -lpthread -ldl));
	my $plain = compile('plain', qw(-lm -lpthread -ldl));
	my $unused = compile('unused', prefixed_object() // (), qw(-lm -lpthread -ldl));
	for my $case (
		['the executable\'s is behind malloc, a library is preloaded', $own, $shared, 'own', 'libjemalloc.so.2'],
		['a preloaded library is behind malloc, the executable has one named je_malloc', $unused, $shared,
			'libjemalloc.so.2', 'unused'],
		['one of two preloaded libraries', $plain, "$shared $other", 'libjemalloc.so.2', 'jemalloc_of_another_name.so'],
	) {
		my ($what, $program, $preload, $behind, $beside) = @$case;
		subtest "of two jemallocs the one behind malloc is read: $what" => sub {
			my $target = start_target({ LD_PRELOAD => $preload }, $program, $threads, $seed++);
			ok($target, 'the target runs') or return;
			my $explanation = explained($target->{pid});
			like($explanation, qr/^(?:# )?jemalloc: \S*\Q$_\E(?: |$)/m, "$_ is listed") for $behind, $beside;
			is(differences($target, probe_json($target->{pid})), '', 'the one behind malloc is read');
			is(differences($target, probe_json($target->{pid}, '--jemalloc', $behind)), '', 'it is picked by name');
			my $document = probe_json($target->{pid}, '--jemalloc', $beside);
			my @touched = grep { $_->{error} || $_->{allocated_bytes} || $_->{deallocated_bytes} }
				@{ $document->{snapshots}[0]{threads} };
			is(@touched, 0, 'the other: nobody has used it') or diag(explain(\@touched));
			like($document->{jemalloc}{path}, qr/\Q$beside\E\z/, 'the document names it');
			like($document->{other_jemallocs}[0]{path}, qr/\Q$behind\E\z/, 'and the other');
			my $by_address = probe_json($target->{pid}, '--jemalloc', $document->{other_jemallocs}[0]{address});
			is(differences($target, $by_address), '', 'which is picked by that address');
			my ($status, $out, $err) = run_probe('--pid', $target->{pid}, qw(--snapshots 2 --interval-ms 1));
			my @warnings = $err =~ /^warning: 2 jemallocs are mapped; .*\Q$behind\E\n.*--jemalloc=0x[0-9a-f]+ .*\Q$beside\E$/mg;
			is(@warnings, 1, 'text warns once') or diag($err);
			end_target($target);
		};
	}
}

# Not libc's malloc but the program's own: of two that call different ones, the program is asked.
SKIP: {
	skip 'libjemalloc.a or libjemalloc.so.2 is not installed' unless $static && $shared;
	my $hidden = build('hidden', 'many_maps.c', '-Wl,--exclude-libs,ALL', $static, qw(-lm -lpthread -ldl));
	my $linked = build('linked', 'many_maps.c', $shared, "-Wl,-rpath,/", '-ldl');
	my $copy = scratch() . '/copy.so';
	system('cp', '-L', $shared, $copy);
	for my $case (
		['its own is exported to nobody, a library is preloaded', { LD_PRELOAD => $shared }, $hidden],
		['another namespace has its own', { GLIBC_TUNABLES => 'glibc.rtld.optional_static_tls=20000' }, $linked, 'other', $copy],
		['another namespace has the same file', { GLIBC_TUNABLES => 'glibc.rtld.optional_static_tls=20000' }, $linked, 'other', $shared],
	) {
		my ($what, $env, @command) = @$case;
		subtest "of two jemallocs the one behind malloc is read: $what" => sub {
			my $target = start_target($env, @command);
			ok($target, 'the target runs') or return;
			my $explanation = explained($target->{pid});
			is(scalar(() = $explanation =~ /^jemalloc: /mg), 2, 'both are listed');
			my $document = probe_json($target->{pid});
			is(differences($target, $document), '', "the program's is read");
			if ($what =~ /same file/) {
				my @addresses = map { $_->{address} } $document->{jemalloc}, @{ $document->{other_jemallocs} };
				my ($status, $out, $err) = run_probe('--pid', $target->{pid}, '--jemalloc', $document->{jemalloc}{path});
				is("$status$out", '1', 'by that path: refused');
				$err = unfolded($err);
				like($err, qr/^ktstr-probe-fatal: layout-unknown\n/, 'with its tag');
				is(scalar(grep { index($err, " at $_") > 0 } @addresses), 2, 'and both addresses') or diag($err);
				is(differences($target, probe_json($target->{pid}, '--jemalloc', $addresses[0])), '', 'by the address it is read');
			}
			end_target($target);
		};
	}
}

# malloc is libc's, and two libraries have one of their own.
SKIP: {
	skip 'libjemalloc.so.2 is not installed' unless $shared;
	my @copies = map { scratch() . "/copy$_.so" } 1, 2;
	system('cp', '-L', $shared, $_) for @copies;
	my $source = build('two', 'many_maps.c', '-DNO_JEMALLOC', '-ldl');
	subtest 'two jemallocs, and malloc leads to neither' => sub {
		my $target = start_target({ GLIBC_TUNABLES => 'glibc.rtld.optional_static_tls=20000' }, $source, 'others', @copies);
		ok($target, 'the target runs') or return;
		my ($status, $out, $err) = run_probe('--pid', $target->{pid});
		is("$status$out", '1', 'refused');
		$err = unfolded($err);
		like($err, qr/^ktstr-probe-fatal: layout-unknown\nerror: .*malloc leads to none/, 'with its tag');
		like($err, qr/\Q$_\E at 0x[0-9a-f]+/, "$_ is listed") for @copies;
		for my $copy (@copies) {
			my ($address) = $err =~ /\Q$copy\E at (0x[0-9a-f]+)/;
			for ($copy, $address) {
				my $document = probe_json($target->{pid}, "--jemalloc=$_");
				is($document->{jemalloc}{path}, $copy, "by $_ it is read");
				cmp_ok($document->{snapshots}[0]{threads}[0]{allocated_bytes}, '>=', 777777, 'its numbers');
			}
		}
		end_target($target);
	};
}

# x86_64 only, as the table's rows of old jemallocs are.
SKIP: {
	skip 'the table has no old jemalloc of this architecture' if (POSIX::uname())[4] ne 'x86_64';
	my $late = build('late', 'late_library.c', qw(-lpthread -ldl));
	my $source = source_dir() . '/tests/targets/tls_library.c';
	my @own = ($source, '-DOLD', qw(-lpthread -ldl));
	my @quiet = map { "-D$_=${_}_quiet" } qw(mallocx sdallocx mallctl); # exports nothing that says jemalloc
	# Another that can be read is no reason to pass over the one that the program calls.
	my $readable = build('readable.so', 'tls_library.c', qw(-shared -fPIC));
	my @unknown = qw(-DOLD -DMALLOC -s);
	for my $case (
		[ 'a preloaded library', $late, build('unknown.so', 'tls_library.c', qw(-shared -fPIC), @unknown) ],
		[ 'one known by its messages alone', $late, build('told.so', 'tls_library.c', qw(-shared -fPIC), @unknown, @quiet) ],
		[ 'exported by the program', build('exported', 'late_library.c', '-rdynamic', @own, @unknown, @quiet) ],
		[ "the program's own", build('owned', 'late_library.c', @own, @unknown, @quiet) ],
	) {
		my ($what, $program, $preload) = @$case;
		subtest "an unknown build behind malloc is refused, and the other named: $what" => sub {
			ok($program && $readable, 'it is built') or return;
			my $target = start_target({ LD_PRELOAD => $preload // '' }, $program, 3);
			order($target, "open 1 $readable -");
			order($target, "use 1 $_ 8${_}0") for 0, 2;
			my $own = $preload // $program;
			like(explained($target->{pid}), qr/^ktstr-probe-fatal: layout-unknown\nerror: \Q$own\E .*--jemalloc=\Q$readable\E/m,
				'refused, and the other is named');
			is(differences($target, probe_json($target->{pid}, "--jemalloc=$readable")), '', 'which is read when it is asked for');
			end_target($target);
		};
	}
}
done_testing();
