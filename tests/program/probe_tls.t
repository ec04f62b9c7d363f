#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Each place of a TLS block and each way to a thread's: dynamic TLS, libraries that come and go, threads without a
# robust list, musl. Each against what the target's threads say of themselves.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use POSIX ();
use ProbeTest qw(scratch source_dir probe_json run_probe explained start_target order end_target build compile
	output_of library differences settled);
use TestKtstr qw(slurp until_true);
use Test::More;

$SIG{ALRM} = sub { die "waited for too long\n" };
alarm 300; # nothing here may wait for ever
my $threads = 12;
my $seed = $ENV{KTSTR_TEST_SEED} // 20260701;
my $static = library('libjemalloc.a');
my $shared = library('libjemalloc.so.2');

# Dynamic TLS: threads older than the library, that never used it, and a library in another's place.
for my $dialect ('', '-mtls-dialect=gnu2', '-mtls-dialect=desc') {
	my $name = "dynamic TLS $dialect";
	my $late = build('late', 'late_library.c', qw(-lpthread -ldl));
	my $jemalloc = build("tls$dialect.so", 'tls_library.c', qw(-shared -fPIC), $dialect || ());
	my $other = build("other$dialect.so", 'tls_library.c', qw(-shared -fPIC -DOTHER), $dialect || ());
	next if $dialect && !$jemalloc; # the other architecture's word for it
	subtest $name => sub {
		ok($late && $jemalloc && $other, 'it is built') or return;
		my $target = start_target({}, $late, 5) or return fail('the target runs');
		like(explained($target->{pid}), qr/jemalloc-not-found/, 'nothing is read yet');
		order($target, "open 0 $other -");
		order($target, "use 0 $_ 100") for 1 .. 4;
		order($target, 'close 0');
		order($target, "open 1 $jemalloc -");
		my $explanation = explained($target->{pid});
		like($explanation, qr/entry \d of each thread's DTV, the module's since generation \d/, 'it is read by the DTV');
		is(differences($target, probe_json($target->{pid})), '',
			'none has used it, four show the closed library in its place');
		order($target, "use 1 $_ ${_}00") for 0, 2, 5;
		is(differences($target, probe_json($target->{pid})), '', 'three of six have used it');
		order($target, 'add');
		order($target, 'use 1 6 4711');
		order($target, 'add');
		is(differences($target, probe_json($target->{pid})), '', 'threads younger than the library');
		is(differences($target, probe_json($target->{pid}, '--thread-pointer', 'ptrace')), '', 'it is read by ptrace');
		my $second = build("second$dialect.so", 'tls_library.c', qw(-shared -fPIC -DOTHER), $dialect || ());
		order($target, "open 0 $second -");
		order($target, "use 0 $_ 64") for 0 .. 7;
		order($target, 'use 1 3 12345678');
		is(differences($target, probe_json($target->{pid})), '', 'beside another with dynamic TLS');
		order($target, 'close 0');
		is(differences($target, probe_json($target->{pid})), '', 'and after that was closed');
		end_target($target);
	};
	subtest "$name, opened at the start, is read" => sub {
		my $target = start_target({ LD_PRELOAD => $jemalloc }, $late, 3) or return fail('the target runs');
		order($target, "open 1 $jemalloc -");
		order($target, "use 1 $_ 10${_}0") for 0, 1, 3;
		is(differences($target, probe_json($target->{pid})), '', 'its figures are right to the byte');
		like(explained($target->{pid}), qr/TLS block: TP [-+]\d+, static as ld\.so/, 'its TLS block is static');
		end_target($target);
	};
}

# A library that is closed between two snapshots, and another in its place in memory and in TLS.
for my $model ('global-dynamic', 'initial-exec') {
	subtest "a library that is closed between snapshots is never read, $model" => sub {
		my $late = build('late', 'late_library.c', qw(-lpthread -ldl));
		my @flags = ('-shared', '-fPIC', "-ftls-model=$model");
		my $jemalloc = build("closing-$model.so", 'tls_library.c', @flags);
		my $other = build("following-$model.so", 'tls_library.c', '-DOTHER', @flags);
		ok($late && $jemalloc && $other, 'it is built') or return;
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
		alarm 300;
		waitpid $probe, 0;
		alarm 300;
		is($? & 127, 0, 'the probe ended by itself');
		my %wrong;
		for (split /\n/, output_of("cat $out")) {
			next unless /^tid=(\d+) .*allocated_bytes=(\d+) deallocated_bytes=(\d+)/;
			$wrong{$_}++ if "$2 $3" ne "@{ $truth->{$1} }";
		}
		is(join(', ', %wrong), '', 'and never took the other for it');
		like(output_of("cat $out.err"), qr/^(?:error|warning): .*closed/m, 'and said why');
		end_target($target);
	};
}

sub mapped_at {
	my ($pid, $file) = @_;
	return output_of("cat /proc/$pid/maps") =~ /^([0-9a-f]+)-.* \Q$file\E$/m ? $1 : '';
}

# No robust list, as with musl: thread pointers by ptrace, and every thread left as it was.
SKIP: {
	skip 'no jemalloc is installed' unless $static || $shared;
	my %programs;
	$programs{shared} = compile('shared', $shared, qw(-lm -lpthread -ldl)) if $shared;
	$programs{static} = compile('static', '-static', $static, qw(-lm -lpthread -ldl)) if $static;
	for my $kind (sort keys %programs) {
		for my $many ($threads, $kind eq 'shared' ? 1000 : ()) {
			subtest "threads without a robust list are read by ptrace, $kind, $many threads" => sub {
				my $target = start_target({ NO_ROBUST_LIST => 1 }, $programs{$kind}, $many, $seed++);
				ok($target, 'the target runs') or return;
				my $pid = $target->{pid};
				my ($status, $out, $err) = run_probe('--pid', $pid, '--thread-pointer', 'robust-list');
				is($status, 1, 'refused when ptrace is not allowed');
				like($err, qr/--thread-pointer=ptrace/, 'and says what would help');
				ok(settled($pid, 'S'), 'all threads sleep');
				is(differences($target, probe_json($pid)), '', 'its figures are right to the byte');
				ok(settled($pid, 'S'), 'all sleep again, none is traced') or return end_target($target);
				like(explained($pid), qr/thread pointer: by ptrace.*no usable robust list/, '--explain says how');
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

# ptrace(2) allows one tracer. The ring of threads needs none.
sub under_a_tracer {
	my ($target) = @_;
	my $strace = output_of('command -v strace') or return;
	my $tracer = fork // die;
	if ($tracer == 0) {
		open STDERR, '>', '/dev/null';
		exec $strace, '-f', '-o', '/dev/null', '-p', $target->{pid} or POSIX::_exit(127);
	}
	until_true { !grep { slurp("$_/status") !~ /^TracerPid:\s+$tracer$/m } glob "/proc/$target->{pid}/task/*" };
	is(differences($target, probe_json($target->{pid})), '', 'under a tracer, to the byte');
	like(explained($target->{pid}), qr/musl's ring of threads, of which none was stopped, shows (\d+) of \1 /, 'as is explained');
	kill 'INT', $tracer;
	waitpid $tracer, 0;
}

# musl has no robust lists and DTVs of its own kind. The library stands for a jemalloc built with musl.
SKIP: {
	skip 'musl-gcc is not installed (musl-tools)' unless output_of('command -v musl-gcc');
	local $ProbeTest::cc = 'musl-gcc';
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
		subtest "a target with musl is read, $what" => sub {
			ok($program && $jemalloc && $initial && $other, 'it is built') or return;
			my $target = start_target($env, $program, 4) or return fail('the target runs');
			if ($what =~ /late/) {
				order($target, "open 0 $other -");
				order($target, "use 0 $_ 5") for 0 .. 3;
				order($target, 'close 0');
			}
			order($target, "open 1 $path -");
			order($target, "use 1 $_ 6${_}0") for 0, 2, 3;
			order($target, 'add');
			is(differences($target, probe_json($target->{pid})), '', 'its figures are right to the byte');
			order($target, 'use 1 5 1000000');
			is(differences($target, probe_json($target->{pid}, '--snapshots', 2, '--interval-ms', 1)), '', 'it is read again');
			ok(settled($target->{pid}, 'S'), 'none is stopped or traced');
			my $explanation = explained($target->{pid});
			like($explanation, $how, 'explained');
			like($explanation, qr/thread pointer: by ptrace/, 'by ptrace');
			under_a_tracer($target);
			end_target($target);
		};
	}
}
done_testing();
