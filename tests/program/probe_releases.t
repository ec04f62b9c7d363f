#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Other releases of Debian: their jemalloc, C library and loader, as tests/targets/fetch_suite keeps them. Each
# against what the target's threads say of themselves, redis against what it says of its memory.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use POSIX ();
use ProbeTest qw(scratch source_dir probe_json explained start_target order end_target compile output_of
	differences);
use TestKtstr qw(until_true);
use Test::More;

$SIG{ALRM} = sub { die "waited for too long\n" };
alarm 300; # nothing here may wait for ever
my $threads = 12;
my $seed = $ENV{KTSTR_TEST_SEED} // 20261124;
my @rest = qw(-lm -lpthread -ldl);

# Some of the files are no one's but root's, and chroot(2) wants root, too: this is root of a namespace.
my @inside = qw(unshare --user --map-root-user chroot);

# Equal to the byte by each way, before and after more histories.
sub check {
	my ($what, $how, $env, @command) = @_;
	subtest $what => sub {
		my $target = start_target($env, @command) or return fail('the target runs');
		my $pid = $target->{pid};
		is(differences($target, probe_json($pid)), '', 'its figures are right to the byte');
		order($target, 'run');
		is(differences($target, probe_json($pid, @$_)), '', "again, @$_")
			for [], ['--debuginfo=off'], ['--thread-pointer=ptrace'];
		like(explained($pid), $how, '--explain says how');
		end_target($target);
	};
}

# A root of the suite in which a program can be put, undef with the reason where there is none.
sub root_of {
	my ($suite) = @_;
	my $kept = output_of(source_dir() . "/tests/targets/fetch_suite --cached $suite");
	return (undef, "Debian's $suite is not in the cache: ./bootstrap check fetches it") unless $kept;
	my $root = scratch() . "/$suite";
	return (undef, "cannot copy $kept") if system('cp', '-a', $kept, $root) != 0;
	return (undef, 'no program can be run in a root of its own here') if system("@inside / true 2>/dev/null") != 0;
	return $root;
}

sub library_in {
	my ($root) = @_;
	my ($library) = map { substr $_, length $root } glob "$root/usr/lib/*/libjemalloc.so.2";
	return $library;
}

# In the release's root, with its C library and loader.
sub run_there {
	my ($suite, $root, $how) = @_;
	my $library = library_in($root);
	my $linked = compile("linked-$suite", "$root$library", '-Wl,--allow-shlib-undefined', @rest);
	my $plain = compile("plain-$suite", @rest);
	ok($linked && $plain, "$suite: built") or return;
	system('cp', $linked, $plain, $root);
	my ($loader) = map { substr $_, length $root } glob "$root/{lib64,lib}/ld-linux-*.so.?";
	skip "a program of this machine's C library does not run with ${suite}'s", 3
		if system("@inside $root $loader --list /plain-$suite >/dev/null 2>&1") != 0;
	check("$suite, linked", $how, {}, @inside, $root, "/linked-$suite", $threads, $seed++);
	check("$suite, preloaded", $how, { LD_PRELOAD => $library }, @inside, $root, "/plain-$suite", $threads, $seed++);
	check("$suite, dlopen", $how, { GLIBC_TUNABLES => 'glibc.rtld.optional_static_tls=20000' }, @inside, $root,
		"/plain-$suite", $threads, $seed++, 'dlopen', $library);
}

# What grows as seen from outside, and as redis sees it.
sub redis_there {
	my ($suite, $root, $version, @options) = @_;
	subtest "redis-server of $suite is read" => sub {
		my $there = join ' ', @inside, $root;
		my $pid = fork // die "fork: $!";
		if ($pid == 0) {
			open STDIN, '<', '/dev/null';
			open STDOUT, '>', scratch() . "/redis-$suite";
			open STDERR, '>&', \*STDOUT;
			$ENV{LC_ALL} = 'C';
			exec @inside, $root, '/usr/bin/redis-server', qw(--port 0 --save), '', qw(--appendonly no --unixsocket /socket),
				@options or POSIX::_exit(127);
		}
		my $ask = sub { return output_of("$there /usr/bin/redis-cli -s /socket @_") };
		if (ok(until_true { $ask->('PING') =~ /PONG/ }, 'it serves')) {
			like($ask->('INFO memory'), qr/^mem_allocator:jemalloc-\Q$version\E/m, "with jemalloc $version");
			my $look = sub {
				my $document = probe_json($pid) or return (0, 0);
				my ($main) = grep { $_->{tid} == $pid } @{ $document->{snapshots}[0]{threads} };
				my ($inside) = $ask->('INFO memory') =~ /^used_memory:(\d+)/m;
				return ($main->{allocated_bytes} - $main->{deallocated_bytes}, $inside);
			};
			my ($outside_before, $inside_before) = $look->();
			like($ask->('DEBUG POPULATE 100000 key 100'), qr/OK/, 'it is loaded');
			my ($outside, $inside) = $look->();
			my ($grown, $own) = ($outside - $outside_before, $inside - $inside_before);
			cmp_ok($own, '>', 10e6, "it says it grew by $own bytes");
			cmp_ok(abs($grown - $own), '<', 0.05 * $own, sprintf 'grown by %d as seen from outside: %+.3f %%', $grown,
				100 * ($grown - $own) / $own);
		}
		kill 'KILL', $pid;
		waitpid $pid, 0;
	};
}

# 5.2.1: no fingerprint. Its C library is older than what this machine's compiler makes: the programs run here.
SKIP: {
	my ($root, $why) = root_of('bullseye');
	skip $why, 1 unless $root;
	my $library = $root . library_in($root);
	my ($static) = glob "$root/usr/lib/*/libjemalloc_pic.a";
	my $plain = compile('plain', @rest);
	my $image = qr/^jemalloc: .*its mallctl handlers .* from tsd \+16 and \+24; it begins where a relocation says; .* of 5\.2\.1$/m;
	check('5.2.1, preloaded', $image, { LD_PRELOAD => $library }, $plain, $threads, $seed++);
	check('5.2.1, dlopen', $image, { GLIBC_TUNABLES => 'glibc.rtld.optional_static_tls=20000' }, $plain, $threads, $seed++,
		'dlopen', $library);
	my %builds = ('PIE' => [qw(-pie -fPIE)], 'not PIE' => [qw(-no-pie -fno-PIE)], 'fully static' => ['-static'],
		'static PIE' => [qw(-static-pie -fPIE)]);
	for my $build (sort keys %builds) {
		my $program = compile("old-$build" =~ tr/ /-/r, @{ $builds{$build} }, $static, @rest);
		ok($program, "5.2.1, $build: built") or next;
		check("5.2.1, $build", qr/its mallctl handlers .* from tsd \+16 and \+24; it begins where the whole image .* of 5\.2\.1$/m, {}, $program, $threads, $seed++);
		system('strip', $program);
		check("5.2.1, $build, stripped", qr/its mallctl handlers .* from tsd \+16 and \+24; it begins where the whole image .* of 5\.2\.1$/m, {}, $program, $threads, $seed++);
	}
	redis_there('bullseye', $root, '5.2.1');
}

SKIP: {
	my ($root, $why) = root_of('trixie');
	skip $why, 1 unless $root;
	run_there('trixie', $root, qr{^jemalloc: .*its mallctl handlers .* from tsd \+824 and \+840; .* of 5\.3\.0$}m);
	redis_there('trixie', $root, '5.3.0', qw(--enable-debug-command yes));
}

# Always the newest: its own code says where its counters are.
SKIP: {
	my ($root, $why) = root_of('sid');
	skip $why, 1 unless $root;
	run_there('sid', $root, qr{^jemalloc: .*its mallctl handlers take the counters from tsd}m);
}
done_testing();
