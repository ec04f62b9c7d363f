#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Real programs with jemalloc: redis-server (shared, stripped) and rustc (static, in a big executable).
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use POSIX ();
use ProbeTest qw(scratch source_dir probe_json probe_program differences);
use JSON::PP ();
use TestKtstr qw(find_program sanitizers slurp spew until_true);
use Test::More;
use Time::HiRes ();

my @children;
my $owner = $$;
END { if ($$ == $owner) { local $?; for (@children) { kill 'KILL', $_; waitpid $_, 0 } } }

sub background {
	my (@command) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', scratch() . '/background.out';
		open STDERR, '>&', \*STDOUT;
		exec @command or POSIX::_exit(127);
	}
	push @children, $pid;
	return $pid;
}

sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[$#sorted / 2] }

SKIP: {
	my ($server, $client, $benchmark) = map { find_program($_) } qw(redis-server redis-cli redis-benchmark);
	skip 'redis-server and redis-tools are not installed', 4 unless $server && $client && $benchmark;
	# A socket's path has room for 107 bytes only, whatever TMPDIR is.
	my $folder = File::Temp->newdir('/tmp/ktstr-redis-XXXXXX');
	my $socket = "$folder/socket";
	my $pid = background($server, qw(--port 0 --save), '', qw(--appendonly no --daemonize no --enable-debug-command yes
		--dir), "$folder", '--unixsocket', $socket, '--lazyfree-lazy-user-del', 'no');
	my $ask = sub { my $answer = `$client -s $socket @_ 2>&1`; return $answer };
	ok(until_true { $ask->('PING') =~ /PONG/ }, 'redis serves') or skip 'redis does not serve', 3;

	subtest '100000 keys' => sub {
		my $look = sub {
			my $document = probe_json($pid) or return;
			my ($main) = grep { $_->{tid} == $pid } @{ $document->{snapshots}[0]{threads} };
			my ($inside) = $ask->('INFO memory') =~ /^used_memory:(\d+)/m; # the allocator_… figures are up to 100 ms old
			return ($main->{allocated_bytes} - $main->{deallocated_bytes}, $inside, $document->{snapshots}[0]{threads});
		};
		my ($outside_before, $inside_before, $threads) = $look->() or return fail('read');
		cmp_ok(scalar @$threads, '>=', 2, 'several threads');
		is((grep { $_->{error} } @$threads), 0, 'each is read');
		ok((grep { $_->{comm} =~ /^bio_/ } @$threads), 'its background threads by name');
		like($ask->('DEBUG POPULATE 100000 key 100'), qr/OK/, 'loaded');
		like($ask->('DBSIZE'), qr/100000/, 'they are there');
		my ($outside, $inside) = $look->();
		my ($grown, $own) = ($outside - $outside_before, $inside - $inside_before);
		cmp_ok($own, '>', 10e6, "redis says it grew by $own bytes");
		cmp_ok(abs($grown - $own), '<', 0.05 * $own,
			sprintf 'grown by %d as seen from outside: %+.3f %%', $grown, 100 * ($grown - $own) / $own);
	};

	subtest 'what each thread says, asked by gdb' => sub {
		my $gdb = find_program('gdb') or return plan skip_all => 'gdb is not installed';
		my $json = scratch() . '/stopped.json';
		local $ENV{ASK_MALLCTL_THEN} = probe_program() . " -p $pid --json >$json";
		my $text = `$gdb -nx -batch -p $pid -x @{[source_dir()]}/tests/targets/ask_mallctl.py 2>&1`;
		my %report = map { /^thread (\d+) (\d+) (\d+)$/ ? ($1 => [$2, $3]) : () } split /\n/, $text;
		cmp_ok(scalar keys %report, '>=', 4, 'each thread answers') or diag($text);
		my $document = eval { JSON::PP->new->utf8->decode(slurp($json)) };
		is(differences({ report => \%report }, $document), '', 'every thread of a real program, to the byte');
		like($ask->('PING'), qr/PONG/, 'it serves on');
	};

	subtest 'a probe at 100 Hz beside a benchmark' => sub {
		my $round = sub {
			my $text = `$benchmark -s $socket -q -n 20000 -c 10 -t set -r 1000 --csv 2>/dev/null`;
			return $text =~ /^"SET","([\d.]+)"/m ? $1 : 0;
		};
		$round->(); # warm
		my (@with, @without, $readings);
		my ($cpu, $wall) = (0, 0);
		for (1 .. 7) {
			push @without, $round->();
			my $began = Time::HiRes::time();
			my $probe = background(probe_program(), '-p', $pid, qw(--snapshots 100000 --interval-ms 10));
			push @with, $round->();
			kill 'INT', $probe;
			my @before = times;
			waitpid $probe, 0;
			$readings++ if $? == 0;
			my @after = times;
			$cpu += $after[2] + $after[3] - $before[2] - $before[3];
			$wall += Time::HiRes::time() - $began;
		}
		is($readings, 7, 'the probe ran along each time');
		my $share = median(@with) / (median(@without) || 1);
		# Who else is busy here decides on the rate; the probe stops nobody, and this is what it can take away.
		cmp_ok($cpu, '<', (sanitizers() ? 0.6 : 0.15) * $wall, sprintf 'the probe takes %.1f %% of one processor', 100 * $cpu / $wall);
		cmp_ok($share, '>=', 0.2, sprintf 'requests per second: %.0f alone, %.0f with the probe, %.1f %%',
			median(@without), median(@with), 100 * $share);
		diag(sprintf '%.0f alone, %.0f probed: %.1f %%', median(@without), median(@with), 100 * $share)
			if $ENV{KTSTR_TEST_FIGURES};
	};
	kill 'KILL', $pid;
	waitpid $pid, 0;
}

# rustup's rustc links jemalloc 5.3 into its stripped executable; the text remains.
SKIP: {
	chomp(my $root = find_program('rustc') ? `rustc --print sysroot 2>/dev/null` : '');
	my $rustc = "$root/bin/rustc";
	skip 'no rustc with a jemalloc of its own on this machine', 1
		unless $root && -x $rustc && `grep -ac "<jemalloc>" $rustc` > 0;
	# It waits for the rest of its source.
	my $source = scratch() . '/source.rs';
	POSIX::mkfifo($source, 0600) or die "mkfifo: $!";
	my $pid = background($rustc, '--crate-type=lib', '--emit=metadata', '-o', scratch() . '/out', $source);
	my $document;
	until_true { $document = probe_json($pid) and grep { ($_->{allocated_bytes} // 0) > 0 }
		@{ $document->{snapshots}[0]{threads} } } 20;
	ok($document, 'a rustc is read') or skip 'not read', 0;
	note(join ', ', map { "$_->{comm} " . ($_->{allocated_bytes} // $_->{error}) } @{ $document->{snapshots}[0]{threads} });
	kill 'KILL', $pid;
	waitpid $pid, 0;
}
done_testing();
