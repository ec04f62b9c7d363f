#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A jemalloc to which only a symbol leads: its file is needed, and may be replaced, deleted, on an overlay, or one of
# hundreds. Each against what the target's threads say of themselves.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use POSIX ();
use ProbeTest qw(scratch source_dir probe_json run_probe explained start_target order end_target build
	output_of library differences);
use TestKtstr qw(spew);
use Test::More;

$SIG{ALRM} = sub { die "waited for too long\n" };
alarm 300; # nothing here may wait for ever

my $static = library('libjemalloc.a');

sub symbol_value {
	my ($file) = @_;
	return output_of("readelf -Ws $file") =~ /([0-9a-f]{16}) +\d+ TLS .* tsd_tls$/m ? hex $1 : undef;
}

# Where only a symbol leads to tsd_tls the file is needed: it may be replaced, deleted, or on an overlay.
# x86_64 only, as the table's rows of old jemallocs are.
SKIP: {
	skip 'the table has no old jemalloc of this architecture' if (POSIX::uname())[4] ne 'x86_64';
	my $late = build('late', 'late_library.c', qw(-lpthread -ldl));
	my $source = source_dir() . '/tests/targets/tls_library.c';
	my @own = ($source, '-DOLD', qw(-lpthread -ldl));
	# gcc turns the order of definitions around, clang does not know the option.
	my @in_order = output_of("$ProbeTest::cc --version") =~ /clang/ ? () : '-fno-toplevel-reorder';
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
		subtest "a symbol is enough: $kind" => sub {
			ok($late && $old && $new, 'it is built') or return;
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
			like(explained($target->{pid}), qr/symbol/, 'it is found by its symbol');
			system('cp', $new, $renamed);
			rename $renamed, $installed or die;
			$readable->($target, 'replaced');
			order($target, "use 1 $_ 1") for 0 .. 3;
			unlink $installed or die;
			$readable->($target, 'deleted');
			mkdir $installed or die;
			$readable->($target, 'a directory in its place');
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
		system(split(' ', $ProbeTest::cc), qw(-shared -fPIC -w -o), scratch() . '/node.so', scratch() . '/node.c');
		for my $case (
			[ 'as it came', [], qr/take the counters from tsd \+16 and \+24; it begins where the symbol/ ],
			[ 'without debug information', ['--strip-debug'], qr/take the counters from tsd \+16 and \+24; it begins where the symbol/ ],
			[ 'stripped', ['--strip-all'] ],
		) {
			my ($what, $strip, $how) = @$case;
			subtest "a real jemalloc 5.1.0 is read, $what" => sub {
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
				like(explained($target->{pid}), $how // qr/^ktstr-probe-fatal: layout-unknown\n.*nothing tells where\s+tsd_s\s+begins/ms, '--explain says how');
				end_target($target);
			};
		}
	}
	# As in a Rust library: nothing that memory shows says jemalloc, its symbol table alone does.
	my @quiet = map { "-D$_=${_}_quiet" } qw(mallocx sdallocx mallctl);
	my $quiet = build('quiet.so', 'tls_library.c', qw(-shared -fPIC -DOLD), @quiet);
	subtest 'a symbol is enough in a library that exports nothing and was opened late' => sub {
		ok($quiet, 'it is built') or return;
		my $target = start_target({}, $late, 4);
		order($target, "open 1 $quiet +_quiet");
		order($target, "use 1 $_ 5${_}0") for 0, 2;
		is(differences($target, probe_json($target->{pid})), '', 'its figures are right to the byte');
		is(differences($target, probe_json($target->{pid}, '--jemalloc=quiet.so')), '', 'it is named');
		like(explained($target->{pid}, '--debuginfo=off'), qr/jemalloc-not-found/, 'refused where no file may be asked');
		end_target($target);
		# Beside a jemalloc that memory shows it is found when it is named.
		my $shown = build('shown.so', 'tls_library.c', qw(-shared -fPIC));
		$target = start_target({ LD_PRELOAD => $shown }, $late, 3);
		order($target, "open 1 $quiet +_quiet");
		order($target, "use 1 $_ 6${_}0") for 0, 1;
		is(differences($target, probe_json($target->{pid}, '--jemalloc=quiet.so')), '', 'it is named beside another');
		end_target($target);
	};
	subtest 'a library whose memory cannot be read is named' => sub {
		my $hidden = build('hidden', 'hidden_image.c', '-ldl');
		for my $what (qw(tls head)) {
			my $pid = open my $out, '-|', $hidden, $what, $quiet or return fail('not started');
			is(scalar <$out>, "hidden\n", 'the target runs');
			like(explained($pid), qr/^error: .*Could not examine: \Q$quiet\E: its memory cannot be read: Bad address$/m,
				"$what: is named");
			kill 'KILL', $pid;
			close $out;
		}
		my $cut = scratch() . '/cut.so';
		system('cp', $quiet, $cut);
		my $target = start_target({}, $late, 2);
		order($target, "open 1 $cut +_quiet");
		truncate $cut, 0 or die "truncate: $!";
		like(explained($target->{pid}), qr/^error: .*Could not examine: \Q$cut\E: its memory cannot be read: Bad address$/m,
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
	# As in Debian's libduckdb, whose C++ names take 4.2 MiB.
	subtest 'a jemalloc among 6 MiB of names is found' => sub {
		my $names = scratch() . '/names.s';
		spew($names, ".data\n" . join '', map { my $name = "a$_" . 'n' x 1200; ".globl $name\n$name: .byte 0\n" } 1 .. 5000);
		my $many = build('many.so', 'tls_library.c', qw(-shared -fPIC), $names);
		ok($many, 'it is built') or return;
		my $target = start_target({}, $late, 2);
		order($target, "open 1 $many -");
		order($target, "use 1 $_ 4${_}0") for 0, 1;
		is(differences($target, probe_json($target->{pid})), '', 'its figures are right to the byte');
		end_target($target);
	};
	subtest 'libraries without a sign are asked, but not all of hundreds' => sub {
		my $other = build('other.so', 'tls_library.c', qw(-shared -fPIC -DOTHER));
		my @others = map { my $path = scratch() . "/other$_.so"; system('cp', $other, $path); $path } 1 .. 20;
		my $target = start_target({ LD_PRELOAD => join ':', @others }, $late, 2);
		my $explanation = explained($target->{pid});
		like($explanation, qr/jemalloc-not-found/, 'it is refused');
		is(scalar(() = $explanation =~ /^isolation: /mg), 16, '16 were asked');
		like($explanation, qr/^error: .*Could not examine: \S+: 16 files were examined: name it by --jemalloc$/m,
			'and it says that others were not');
		end_target($target);
	};
	subtest 'of hundreds of jemallocs not all are asked' => sub {
		my $one = build('one.so', 'tls_library.c', qw(-shared -fPIC -DOLD));
		my @stripped = map { scratch() . "/one$_.so" } 1 .. 20;
		system('strip', '-o', $_, $one) for @stripped;
		my $target = start_target({ LD_PRELOAD => join ':', @stripped }, $late, 2);
		my $explanation = explained($target->{pid});
		is(scalar(() = $explanation =~ /^jemalloc: /mg), 20, 'all are listed');
		is(scalar(() = $explanation =~ /^symbol table: /mg), 16, '16 were asked');
		like($explanation, qr/^error: .* has several jemallocs and its malloc leads to none of them: /m, 'it is refused, and says why');
		end_target($target);
		$target = start_target({ LD_PRELOAD => join ':', $one, @stripped }, $late, 2);
		order($target, "open 1 $one -");
		order($target, "use 1 $_ 9${_}0") for 0, 1;
		is(differences($target, probe_json($target->{pid}, '--jemalloc=one.so')), '', 'the one that is named is read, though it is last');
		end_target($target);
	};
	subtest 'a symbol is enough on an overlay' => sub {
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
			is(differences($target, probe_json($target->{pid})), '', 'its figures are right to the byte');
			end_target($target);
		}
	};
}
done_testing();
