#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The rows of what must be readable that probe_truth.t does not have: dynamic TLS, two jemallocs, no robust
# lists, files that were replaced, containers. Each against what the target's threads say of themselves.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use POSIX ();
use ProbeTest qw(scratch source_dir probe_json run_probe start_target next_report end_target compile);
use TestKtstr qw(spew);
use Test::More;

our $cc = $ENV{CC} // 'cc';
$SIG{ALRM} = sub { die "waited for too long\n" };
alarm 300; # nothing here may wait for ever
my $threads = 12;
my $seed = $ENV{KTSTR_TEST_SEED} // 20260701;

sub output_of {
	my ($command) = @_;
	my $text = `$command 2>/dev/null`;
	chomp $text;
	return $text;
}

sub library {
	my ($name) = @_;
	my $path = output_of("$cc -print-file-name=$name");
	return $path =~ m{^/} ? $path : '';
}

my $static = library('libjemalloc.a');
my $shared = library('libjemalloc.so.2');

# Compiles one of tests/targets; returns the path, undef where that cannot be done.
sub build {
	my ($name, $source, @flags) = @_;
	my $file = scratch() . "/$name";
	my @command = (split(' ', $cc), '-O1', '-o', $file, source_dir() . "/tests/targets/$source", @flags);
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>', '/dev/null';
		exec @command or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	return $? == 0 ? $file : undef;
}

# The readings that differ from the report, each as one line; "" when all are equal to the byte.
sub differences {
	my ($target, $document) = @_;
	return 'not read' unless $document;
	my %read = map { $_->{tid} => $_ } @{ $document->{snapshots}[0]{threads} };
	my $text = '';
	for my $tid (sort { $a <=> $b } keys %{ $target->{report} }) {
		my $truth = "@{ $target->{report}{$tid} }";
		my $thread = delete $read{$tid};
		my $is = !$thread ? 'missing' : $thread->{error}
			// "$thread->{allocated_bytes} $thread->{deallocated_bytes}";
		$text .= "tid $tid: $is, truth $truth\n" if $is ne $truth;
	}
	return $text . join '', map { "tid $_: not reported\n" } keys %read;
}

sub explained {
	my ($pid, @arguments) = @_;
	my ($status, $out, $err) = run_probe('--pid', $pid, '--explain', @arguments);
	return $out . $err;
}

sub order {
	my ($target, $line) = @_;
	print { $target->{in} } "$line\n";
	return next_report($target) // die "the target ended at: $line";
}

# Dynamic TLS: threads older than the library, that never used it, and a library in another's place.
for my $dialect ('', '-mtls-dialect=gnu2', '-mtls-dialect=desc') {
	my $name = "dynamic TLS $dialect";
	my $late = build('late', 'late_library.c', qw(-lpthread -ldl));
	my $jemalloc = build("tls$dialect.so", 'tls_library.c', qw(-shared -fPIC), $dialect || ());
	my $other = build("other$dialect.so", 'tls_library.c', qw(-shared -fPIC -DOTHER), $dialect || ());
	next if $dialect && !$jemalloc; # the other architecture's word for it
	subtest $name => sub {
		ok($late && $jemalloc && $other, 'built') or return;
		my $target = start_target({}, $late, 5) or return fail('the target runs');
		like(explained($target->{pid}), qr/jemalloc-not-found/, 'nothing yet');
		order($target, "open 0 $other -");
		order($target, "use 0 $_ 100") for 1 .. 4;
		order($target, 'close 0');
		order($target, "open 1 $jemalloc -");
		my $explanation = explained($target->{pid});
		like($explanation, qr/entry \d of each thread's DTV, the module's since generation \d/, 'by the DTV');
		is(differences($target, probe_json($target->{pid})), '',
			'none has used it, four show the closed library in its place');
		order($target, "use 1 $_ ${_}00") for 0, 2, 5;
		is(differences($target, probe_json($target->{pid})), '', 'three of six have used it');
		order($target, 'add');
		order($target, 'use 1 6 4711');
		order($target, 'add');
		is(differences($target, probe_json($target->{pid})), '', 'threads younger than the library');
		is(differences($target, probe_json($target->{pid}, '--thread-pointer', 'ptrace')), '', 'by ptrace');
		my $second = build("second$dialect.so", 'tls_library.c', qw(-shared -fPIC -DOTHER), $dialect || ());
		order($target, "open 0 $second -");
		order($target, "use 0 $_ 64") for 0 .. 7;
		order($target, 'use 1 3 12345678');
		is(differences($target, probe_json($target->{pid})), '', 'beside another with dynamic TLS');
		order($target, 'close 0');
		is(differences($target, probe_json($target->{pid})), '', 'and after that was closed');
		end_target($target);
	};
	subtest "$name, opened at the start" => sub {
		my $target = start_target({ LD_PRELOAD => $jemalloc }, $late, 3) or return fail('the target runs');
		order($target, "open 1 $jemalloc -");
		order($target, "use 1 $_ 10${_}0") for 0, 1, 3;
		is(differences($target, probe_json($target->{pid})), '', 'to the byte');
		like(explained($target->{pid}), qr/TLS block: TP [-+]\d+, static as ld\.so/, 'static');
		end_target($target);
	};
}

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

# A library that is closed between two snapshots, and another in its place in memory and in TLS.
for my $model ('global-dynamic', 'initial-exec') {
	subtest "closed between snapshots, $model" => sub {
		my $late = build('late', 'late_library.c', qw(-lpthread -ldl));
		my @flags = ('-shared', '-fPIC', "-ftls-model=$model");
		my $jemalloc = build("closing-$model.so", 'tls_library.c', @flags);
		my $other = build("following-$model.so", 'tls_library.c', '-DOTHER', @flags);
		ok($late && $jemalloc && $other, 'built') or return;
		my $target = start_target({ GLIBC_TUNABLES => 'glibc.rtld.optional_static_tls=16384' }, $late, 3);
		order($target, "open 1 $jemalloc -");
		order($target, "use 1 $_ 50${_}0") for 0, 1, 3;
		my $truth = $target->{report};
		my $where = mapped_at($target->{pid}, $jemalloc);
		my $out = scratch() . "/closing-$model.json"; # its own: what an earlier probe wrote is no snapshot of this one
		my $probe = fork // die "fork: $!";
		if ($probe == 0) {
			open STDOUT, '>', $out;
			open STDERR, '>', "$out.err";
			exec ProbeTest::probe_program(), '--pid', $target->{pid}, '--snapshots', 100000, '--interval-ms', 1, '--explain'
				or POSIX::_exit(127);
		}
		my $lines = sub { my @lines = map { split /\n/ } output_of("cat $out"); return scalar @lines };
		for (1 .. 3000) {
			last if $lines->() > 50;
			select undef, undef, undef, 0.01;
		}
		cmp_ok($lines->(), '>', 50, 'it takes snapshots');
		order($target, 'close 1');
		order($target, "open 0 $other -");
		order($target, "use 0 $_ 100") for 0 .. 3;
		note(sprintf 'mapped at %s, then at %s', $where, mapped_at($target->{pid}, $other));
		local $SIG{ALRM} = sub { kill 'KILL', $probe };
		alarm 30;
		waitpid $probe, 0;
		alarm 300;
		is($? & 127, 0, 'the probe ended by itself');
		my %wrong;
		for (split /\n/, output_of("cat $out")) {
			next unless /^tid=(\d+) .*allocated_bytes=(\d+) deallocated_bytes=(\d+)/;
			$wrong{$_}++ if "$2 $3" ne "@{ $truth->{$1} }";
		}
		is(join(', ', %wrong), '', 'and never took the other for it');
		like(output_of("cat $out.err"), qr/^error: .*closed/m, 'and said why');
		end_target($target);
	};
}

sub mapped_at {
	my ($pid, $file) = @_;
	return output_of("cat /proc/$pid/maps") =~ /^([0-9a-f]+)-.* \Q$file\E$/m ? $1 : '';
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
		subtest "two jemallocs: $what" => sub {
			my $target = start_target({ LD_PRELOAD => $preload }, $program, $threads, $seed++);
			ok($target, 'the target runs') or return;
			my $explanation = explained($target->{pid});
			like($explanation, qr/^(?:# )?jemalloc: \S*\Q$_\E(?: |$)/m, "$_ is listed") for $behind, $beside;
			is(differences($target, probe_json($target->{pid})), '', 'the one behind malloc is read');
			is(differences($target, probe_json($target->{pid}, '--jemalloc', $behind)), '', 'picked by name');
			my $document = probe_json($target->{pid}, '--jemalloc', $beside);
			my @touched = grep { $_->{error} || $_->{allocated_bytes} || $_->{deallocated_bytes} }
				@{ $document->{snapshots}[0]{threads} };
			is(@touched, 0, 'the other: nobody has used it') or diag(explain(\@touched));
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
		subtest "two jemallocs: $what" => sub {
			my $target = start_target($env, @command);
			ok($target, 'the target runs') or return;
			my $explanation = explained($target->{pid});
			is(scalar(() = $explanation =~ /^jemalloc: /mg), 2, 'both are listed');
			is(differences($target, probe_json($target->{pid})), '', "the program's is read");
			end_target($target);
		};
	}
}

# {tid => [state, tracer]} of every thread, by what the kernel says.
sub states {
	my ($pid) = @_;
	my %states;
	for my $file (glob "/proc/$pid/task/*/status") {
		open my $in, '<', $file or next;
		my $text = join '', <$in>;
		$states{$1} = [ $text =~ /^State:\s+(\S)/m, $text =~ /^TracerPid:\s+(\d+)/m ] if $file =~ m{task/(\d+)/};
	}
	return \%states;
}

# Parked threads get to sleep, and stopped ones to stop, at their own time.
sub settled {
	my ($pid, $state) = @_;
	for (1 .. 1000) {
		my $states = states($pid);
		return 1 if !grep { $_->[0] ne $state || $_->[1] != 0 } values %$states;
		select undef, undef, undef, 0.01;
	}
	return 0;
}

# No robust list, as with musl: thread pointers by ptrace, and every thread left as it was.
SKIP: {
	skip 'no jemalloc is installed' unless $static || $shared;
	my %programs;
	$programs{shared} = compile('shared', $shared, qw(-lm -lpthread -ldl)) if $shared;
	$programs{static} = compile('static', '-static', $static, qw(-lm -lpthread -ldl)) if $static;
	for my $kind (sort keys %programs) {
		for my $many ($threads, $kind eq 'shared' ? 1000 : ()) {
			subtest "no robust list, $kind, $many threads" => sub {
				my $target = start_target({ NO_ROBUST_LIST => 1 }, $programs{$kind}, $many, $seed++);
				ok($target, 'the target runs') or return;
				my $pid = $target->{pid};
				my ($status, $out, $err) = run_probe('--pid', $pid, '--thread-pointer', 'robust-list');
				is($status, 1, 'refused when ptrace is not allowed');
				like($err, qr/--thread-pointer=ptrace/, 'and says what would help');
				ok(settled($pid, 'S'), 'all sleep');
				is(differences($target, probe_json($pid)), '', 'to the byte');
				ok(settled($pid, 'S'), 'all sleep again, none is traced') or return end_target($target);
				like(explained($pid), qr/thread pointer: by ptrace.*no usable robust list/, 'explained');
				order($target, 'run');
				is(differences($target, probe_json($pid, '--snapshots', 3, '--interval-ms', 1)), '',
					'they still run, and three snapshots');
				kill 'STOP', $pid;
				ok(settled($pid, 'T'), 'stopped by SIGSTOP');
				is(differences($target, probe_json($pid)), '', 'read while stopped');
				ok(settled($pid, 'T'), 'and stays stopped');
				kill 'CONT', $pid;
				order($target, 'run');
				is(differences($target, probe_json($pid)), '', 'and runs again');
				end_target($target);
			};
		}
	}
}

sub symbol_value {
	my ($file) = @_;
	return output_of("readelf -Ws $file") =~ /([0-9a-f]{16}) +\d+ TLS .* tsd_tls$/m ? hex $1 : undef;
}

# musl has no robust lists and DTVs of its own kind. The library stands for a jemalloc built with musl.
SKIP: {
	skip 'musl-gcc is not installed (musl-tools)' unless output_of('command -v musl-gcc');
	local $cc = "musl-gcc";
	my $source = source_dir() . '/tests/targets/tls_library.c';
	my $late = build('musl', 'late_library.c');
	my $jemalloc = build('musl.so', 'tls_library.c', qw(-shared -fPIC));
	my $other = build('musl_other.so', 'tls_library.c', qw(-shared -fPIC -DOTHER));
	my $initial = build('musl_initial.so', 'tls_library.c', qw(-shared -fPIC -ftls-model=initial-exec));
	my $static = build('musl_static', 'late_library.c', '-static', $source);
	for my $case (
		[ 'static', $static, '-', {}, qr/the main program's own place/ ],
		[ 'initial-exec', $late, '-', { LD_PRELOAD => $initial }, qr/initial-exec relocations/ ],
		[ 'dynamic TLS, opened at the start', $late, '-', { LD_PRELOAD => $jemalloc }, qr/DTV, which is musl's/ ],
		[ 'dynamic TLS, opened late', $late, $jemalloc, {}, qr/DTV, which is musl's/ ],
	) {
		my ($what, $program, $path, $env, $how) = @$case;
		subtest "musl, $what" => sub {
			ok($program && $jemalloc && $initial && $other, 'built') or return;
			my $target = start_target($env, $program, 4) or return fail('the target runs');
			if ($what =~ /late/) {
				order($target, "open 0 $other -");
				order($target, "use 0 $_ 5") for 0 .. 3;
				order($target, 'close 0');
			}
			order($target, "open 1 $path -");
			order($target, "use 1 $_ 6${_}0") for 0, 2, 3;
			order($target, 'add');
			is(differences($target, probe_json($target->{pid})), '', 'to the byte');
			order($target, 'use 1 5 1000000');
			is(differences($target, probe_json($target->{pid}, '--snapshots', 2, '--interval-ms', 1)), '', 'again');
			ok(settled($target->{pid}, 'S'), 'none is stopped or traced');
			my $explanation = explained($target->{pid});
			like($explanation, $how, 'explained');
			like($explanation, qr/thread pointer: by ptrace/, 'by ptrace');
			end_target($target);
		};
	}
}

# Where only a symbol leads to tsd_tls the file is needed: it may be replaced, deleted, or on an overlay.
# x86_64 only, as the table's rows of old jemallocs are.
SKIP: {
	skip 'the table has no old jemalloc of this architecture' if (POSIX::uname())[4] ne 'x86_64';
	my $late = build('late', 'late_library.c', qw(-lpthread -ldl));
	my $source = source_dir() . '/tests/targets/tls_library.c';
	my @own = ($source, '-DOLD', qw(-lpthread -ldl));
	# gcc turns the order of definitions around, clang does not know the option.
	my @in_order = output_of("$cc --version") =~ /clang/ ? () : '-fno-toplevel-reorder';
	# What stands in its place after an upgrade: built alike, but its symbol has another value.
	my @builds = (
		[ 'executable', build('old', 'late_library.c', @own), build('new', 'late_library.c', '-DDECOY', @in_order, @own) ],
		[ 'static executable', build('olds', 'late_library.c', '-static', @own),
			build('news', 'late_library.c', '-static', '-DDECOY', @in_order, @own) ],
		[ 'library', build('old.so', 'tls_library.c', qw(-shared -fPIC -DOLD)),
			build('new.so', 'tls_library.c', qw(-shared -fPIC -DOLD -DDECOY), @in_order) ],
	);
	for my $build (@builds) {
		my ($kind, $old, $new) = @$build;
		my $is_library = $kind eq 'library';
		subtest "symbols only, $kind" => sub {
			ok($late && $old && $new, 'built') or return;
			isnt(symbol_value($new), symbol_value($old), 'the symbol has another value in the new one');
			my $installed = scratch() . '/installed';
			my $renamed = "$installed.new";
			my $readable = sub {
				my ($target, $what) = @_;
				if ($is_library && $> != 0 && $what ne 'as installed') {
					my ($status, undef, $err) = run_probe('--pid', $target->{pid});
					return like("$status $err", qr/^1 .*layout-unknown/s, "$what: refused without root");
				}
				is(differences($target, probe_json($target->{pid})), '', "$what: to the byte");
			};
			system('cp', $old, $installed);
			my $target = $is_library ? start_target({ LD_PRELOAD => $installed }, $late, 4)
				: start_target({}, $installed, 4);
			ok($target, 'the target runs') or return;
			order($target, 'open 1 - -');
			order($target, "use 1 $_ 3${_}0") for 0, 1, 4;
			$readable->($target, 'as installed');
			like(explained($target->{pid}), qr/symbol/, 'by its symbol');
			system('cp', $new, $renamed);
			rename $renamed, $installed or die;
			$readable->($target, 'replaced');
			order($target, "use 1 $_ 1") for 0 .. 3;
			unlink $installed or die;
			$readable->($target, 'deleted');
			mkdir $installed or die;
			$readable->($target, 'a folder in its place');
			rmdir $installed;
			end_target($target);
		};
	}
	# A real one: 5.1.0 as a Rust library for node carries it, local symbols and dynamic TLS. What it wants of
	# node is never called.
	SKIP: {
		my $rust = output_of(source_dir() . '/tests/targets/fetch_old_jemalloc --cached');
		skip 'no jemalloc 5.1.0 in the cache: bootstrap check fetches it where npm is installed', 3 unless $rust;
		my %value = map { /([0-9a-f]{16}) .* _rjem_(mallocx|sdallocx|mallctl)$/ ? ($2 => $1) : () }
			split /\n/, output_of("readelf -Ws $rust");
		my $functions = '@' . join ',', @value{qw(mallocx sdallocx mallctl)};
		spew(scratch() . '/node.c', join '', map { "void $_(void) {}\n" } output_of("nm -Du $rust") =~ /(napi_\w+)/g);
		system(split(' ', $cc), qw(-shared -fPIC -w -o), scratch() . '/node.so', scratch() . '/node.c');
		for my $case (
			[ 'as it came', [], qr/debug information tells its members/ ],
			[ 'without debug information', ['--strip-debug'], qr/tsd_tls, whose size and image are those of 5\.1\.0/ ],
			[ 'stripped', ['--strip-all'] ],
		) {
			my ($what, $strip, $how) = @$case;
			subtest "a real jemalloc 5.1.0, $what" => sub {
				my $library = scratch() . "/rust@$strip.so";
				system('strip', @$strip ? @$strip : '--preserve-dates', '-o', $library, $rust) if @$strip;
				system('cp', $rust, $library) unless @$strip;
				my $target = start_target({ LD_PRELOAD => scratch() . '/node.so' }, $late, 4);
				order($target, "open 1 $library $functions");
				for my $round (1 .. 3) {
					order($target, "use 1 $_ " . 1000 * $round . $_) for 0, 2, 3;
					next unless $how;
					is(differences($target, probe_json($target->{pid})), '', "round $round: to the byte");
				}
				like(explained($target->{pid}), $how // qr/^ktstr-probe-fatal: layout-unknown\n.*jemalloc's messages/m, 'explained');
				end_target($target);
			};
		}
	}
	# As in a Rust library: nothing that memory shows says jemalloc, its symbol table alone does.
	my @quiet = map { "-D$_=${_}_quiet" } qw(mallocx sdallocx mallctl);
	my $quiet = build('quiet.so', 'tls_library.c', qw(-shared -fPIC -DOLD), @quiet);
	subtest 'symbols only, a library that exports nothing, opened late' => sub {
		ok($quiet, 'built') or return;
		my $target = start_target({}, $late, 4);
		order($target, "open 1 $quiet +_quiet");
		order($target, "use 1 $_ 5${_}0") for 0, 2;
		is(differences($target, probe_json($target->{pid})), '', 'to the byte');
		is(differences($target, probe_json($target->{pid}, '--jemalloc=quiet.so')), '', 'named');
		like(explained($target->{pid}, '--debuginfo=off'), qr/jemalloc-not-found/, 'refused where no file may be asked');
		end_target($target);
		# Beside a jemalloc that memory shows it is found when it is named.
		my $shown = build('shown.so', 'tls_library.c', qw(-shared -fPIC));
		$target = start_target({ LD_PRELOAD => $shown }, $late, 3);
		order($target, "open 1 $quiet +_quiet");
		order($target, "use 1 $_ 6${_}0") for 0, 1;
		is(differences($target, probe_json($target->{pid}, '--jemalloc=quiet.so')), '', 'named, beside another');
		end_target($target);
	};
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
		subtest "malloc's jemalloc is of an unknown build: $what" => sub {
			ok($program && $readable, 'built') or return;
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
	subtest 'a library whose memory cannot be read' => sub {
		my $hidden = build('hidden', 'hidden_image.c', '-ldl');
		for my $what (qw(tls head)) {
			my $pid = open my $out, '-|', $hidden, $what, $quiet or return fail('not started');
			is(scalar <$out>, "hidden\n", 'the target runs');
			like(explained($pid), qr/^error: .*it might tell: \Q$quiet\E: its memory cannot be read: Bad address$/m,
				"$what: is named");
			kill 'KILL', $pid;
			close $out;
		}
		my $cut = scratch() . '/cut.so';
		system('cp', $quiet, $cut);
		my $target = start_target({}, $late, 2);
		order($target, "open 1 $cut +_quiet");
		truncate $cut, 0 or die "truncate: $!";
		like(explained($target->{pid}), qr/^error: .*it might tell: \Q$cut\E: its memory cannot be read: Bad address$/m,
			'a file cut short is named');
		end_target($target);
	};
	SKIP: {
		skip 'libjemalloc.a is not installed', 1 unless $static;
		my @link = ($static, qw(-lm -lpthread -ldl));
		my $odd = build('odd', 'many_maps.c', @link);
		my $big = build('big', 'many_maps.c', '-DBIG_TLS=3000000', @link);
		for my $case (['code moved to anonymous memory', $odd, 'moved'], ['a TLS image of 3 MB', $big],
			['20000 mappings of a data file', $odd, 'data', 20000, '/etc/passwd']) {
			my ($what, @command) = @$case;
			my $target = start_target({}, @command);
			is(differences($target, probe_json($target->{pid})), '', $what);
			end_target($target);
		}
	}
	subtest 'libraries without a sign are asked, but not all of hundreds' => sub {
		my @others = map { my $path = scratch() . "/other$_.so"; system('cp', scratch() . '/other.so', $path); $path } 1 .. 20;
		my $target = start_target({ LD_PRELOAD => join ':', @others }, $late, 2);
		my $explanation = explained($target->{pid});
		like($explanation, qr/jemalloc-not-found/, 'refused');
		is(scalar(() = $explanation =~ /^isolation: /mg), 16, '16 were asked');
		like($explanation, qr/^error: .*Not asked, but it might tell: \S+: 16 files were asked: name it by --jemalloc$/m,
			'and it says that others were not');
		end_target($target);
	};
	subtest 'nor all of hundreds of jemallocs' => sub {
		my $one = build('one.so', 'tls_library.c', qw(-shared -fPIC -DOLD));
		my @stripped = map { scratch() . "/one$_.so" } 1 .. 20;
		system('strip', '-o', $_, $one) for @stripped;
		my $target = start_target({ LD_PRELOAD => join ':', @stripped }, $late, 2);
		my $explanation = explained($target->{pid});
		is(scalar(() = $explanation =~ /^jemalloc: /mg), 20, 'all are listed');
		is(scalar(() = $explanation =~ /^symbol table: /mg), 16, '16 were asked');
		like($explanation, qr/^error: .*certain: .*Not asked, but it might tell: \S+: 16 files were asked: name it by --jemalloc$/m,
			'refused, and it says that others were not');
		end_target($target);
		$target = start_target({ LD_PRELOAD => join ':', $one, @stripped }, $late, 2);
		order($target, "open 1 $one -");
		order($target, "use 1 $_ 9${_}0") for 0, 1;
		is(differences($target, probe_json($target->{pid}, '--jemalloc=one.so')), '', 'the one that is named is read, though it is last');
		end_target($target);
	};
	subtest 'symbols only, on an overlay' => sub {
		my $place = scratch() . '/overlay';
		mkdir $place;
		my $mount = join ' && ', "mount -t tmpfs none $place", "cd $place", 'mkdir lower upper',
			'mount -t tmpfs none lower', 'mount -t tmpfs none upper', 'mkdir upper/files upper/work merged',
			"cp $builds[0][1] lower/old", "cp $builds[2][1] lower/old.so",
			'mount -t overlay none -o lowerdir=lower,upperdir=upper/files,workdir=upper/work merged';
		if (system("unshare -m sh -c '$mount' 2>/dev/null") != 0) {
			plan skip_all => 'no overlay can be mounted here: root and overlayfs are needed';
		}
		for my $command ("exec $place/merged/old 3", "LD_PRELOAD=$place/merged/old.so exec $late 3") {
			my $target = start_target({}, 'unshare', '-m', 'sh', '-c', "$mount; $command");
			ok($target, 'the target runs') or next;
			order($target, 'open 1 - -');
			order($target, "use 1 $_ 7${_}7") for 0, 2;
			is(differences($target, probe_json($target->{pid})), '', 'to the byte');
			end_target($target);
		}
	};
}

# In namespaces of its own: user, pid and mount, with a root of which this side sees no path.
SKIP: {
	skip 'libjemalloc.a is not installed' unless $static;
	my @unshare = ('unshare', '--user', '--map-root-user', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c');
	my $inside = scratch() . '/inside';
	mkdir $inside;
	my $late_old = build('late_old', 'late_library.c', '-static', source_dir() . '/tests/targets/tls_library.c',
		qw(-DOLD -lpthread -ldl));
	my $histories = compile('histories', '-static', $static, qw(-lm -lpthread -ldl));
	my $shared_program = $shared ? compile('linked', $shared, qw(-lm -lpthread -ldl)) : undef;
	skip 'user, pid and mount namespaces may not be made here' if system(@unshare, 'mount -t tmpfs none /mnt') != 0;
	my @libraries = map { m{(/\S+)} } grep { m{/} } split /\n/, $shared_program ? output_of("ldd $shared_program") : '';
	my $root = "mount -t tmpfs none $inside && cd $inside && cp";
	for my $case (
		[ 'fully static', "$root $histories program && exec chroot . /program $threads $seed", 'run' ],
		[ 'stripped', "$root $histories program && strip program && exec chroot . /program $threads $seed", 'run' ],
		[ 'symbols only', "$root $late_old program && exec chroot . /program 3", 'open 1 - -', 'use 1 2 99' ],
		$shared_program ? [ 'shared', "$root $shared_program program && cp --parents -L @libraries . && "
			. "exec chroot . /program $threads $seed", 'run' ] : (),
	) {
		my ($what, $command, @orders) = @$case;
		subtest "in a container: $what" => sub {
			my $target = start_target({}, @unshare, $command);
			ok($target, 'the target runs') or return;
			my $outer = output_of("cat /proc/$target->{pid}/task/$target->{pid}/children") =~ /^(\d+) *$/ ? $1 : 0;
			ok(!-e '/program', 'its path means nothing here');
			for my $order ('', @orders) {
				order($target, $order) if $order;
				my %inner = map { inner_tid($_) => $_ } map { m{(\d+)$} } glob "/proc/$outer/task/*";
				my %report = map { ($inner{$_} // "inner $_") => $target->{report}{$_} } keys %{ $target->{report} };
				next if $what eq 'symbols only' && $order ne 'use 1 2 99';
				is(differences({ report => \%report }, probe_json($outer)), '', 'to the byte');
				is(differences({ report => \%report }, probe_json($outer, '--thread-pointer', 'ptrace')), '',
					'by ptrace');
			}
			like(explained($outer), qr{executable: \S*/program,.*\n}, 'explained');
			end_target($target); # ends the child too
		};
	}
}

sub inner_tid {
	my ($tid) = @_;
	return output_of("cat /proc/$tid/status") =~ /^NSpid:.*\s(\d+)$/m ? $1 : 0;
}

done_testing();
