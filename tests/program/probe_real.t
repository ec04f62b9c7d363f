#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Real programs with jemalloc: redis-server (shared, stripped) and rustc (static, in a big executable).
# No debugger asks them: on processors with AMX gdb 13 cannot call a function ("Couldn't write extended state status").
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use POSIX ();
use ProbeTest qw(build scratch probe_json probe_program differences);
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

# A server of its own for who asks, with this environment; undef where it does not serve.
my ($server, $client, $benchmark) = map { find_program($_) } qw(redis-server redis-cli redis-benchmark);

sub start_redis {
	my (%environment) = @_;
	# A socket's path has room for 107 bytes only, whatever TMPDIR is.
	my $directory = File::Temp->newdir('/tmp/ktstr-redis-XXXXXX');
	my $socket = "$directory/socket";
	my $pid = background('env', (map { "$_=$environment{$_}" } keys %environment), $server, qw(--port 0 --save), '', qw(--appendonly no --daemonize no --enable-debug-command yes
		--dir), "$directory", '--unixsocket', $socket, '--lazyfree-lazy-user-del', 'no');
	my $ask = sub { return scalar `timeout 60 $client -s $socket @_ 2>&1` };
	return unless until_true { $ask->('PING') =~ /PONG/ };
	return { pid => $pid, directory => $directory, socket => $socket, ask => $ask };
}

sub end_redis {
	my ($redis) = @_;
	kill 'KILL', $redis->{pid};
	waitpid $redis->{pid}, 0;
}

sub threads_of { return map { m{(\d+)$} } glob "/proc/$_[0]/task/*" }

SKIP: {
	skip 'redis-server and redis-tools are not installed', 4 unless $server && $client && $benchmark;
	my $redis = start_redis();
	ok($redis, 'redis serves') or skip 'redis does not serve', 3;
	my ($pid, $socket, $ask) = @$redis{qw(pid socket ask)};

	subtest '100000 keys are found in the figures' => sub {
		my $look = sub {
			my $document = probe_json($pid) or return;
			my ($main) = grep { $_->{tid} == $pid } @{ $document->{snapshots}[0]{threads} };
			my ($inside) = $ask->('INFO memory') =~ /^used_memory:(\d+)/m; # the allocator_… figures are up to 100 ms old
			return ($main->{allocated_bytes} - $main->{deallocated_bytes}, $inside, $document->{snapshots}[0]{threads});
		};
		my ($outside_before, $inside_before, $threads) = $look->() or return fail('read');
		cmp_ok(scalar @$threads, '>=', 2, 'there are several threads');
		is((grep { $_->{error} } @$threads), 0, 'each is read');
		ok((grep { $_->{comm} =~ /^bio_/ } @$threads), 'its background threads by name');
		like($ask->('DEBUG POPULATE 100000 key 100'), qr/OK/, 'it is loaded');
		like($ask->('DBSIZE'), qr/100000/, 'they are there');
		my ($outside, $inside) = $look->();
		my ($grown, $own) = ($outside - $outside_before, $inside - $inside_before);
		cmp_ok($own, '>', 10e6, "redis says it grew by $own bytes");
		cmp_ok(abs($grown - $own), '<', 0.05 * $own,
			sprintf 'grown by %d as seen from outside: %+.3f %%', $grown, 100 * ($grown - $own) / $own);
	};

	subtest 'a probe at 100 Hz runs beside a benchmark that serves all along' => sub {
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
		cmp_ok(scalar(grep { $_ > 0 } @with, @without), '==', 14, 'redis serves all along');
		# Figures, and no limits: who else is busy here decides on them. `make bench' measures.
		note(sprintf 'the probe takes %.1f %% of one processor', 100 * $cpu / $wall);
		note(sprintf 'requests per second: %.0f alone, %.0f with the probe, %.1f %%', median(@without), median(@with), 100 * $share);
		diag(sprintf '%.0f alone, %.0f probed: %.1f %%', median(@without), median(@with), 100 * $share)
			if $ENV{KTSTR_TEST_FIGURES};
	};
	end_redis($redis);

	subtest 'each thread is read as its own mallctl says' => sub {
		my %number = (x86_64 => 234, aarch64 => 131); # tgkill, asm/unistd_64.h and asm-generic/unistd.h
		my $tgkill = $number{(POSIX::uname())[4]} or return plan skip_all => 'the number of tgkill is not known here';
		my $library = build('tell_counters.so', 'tell_counters.c', qw(-shared -fPIC))
			// return fail('the library that answers is not built');
		my ($answers, $go) = map { scratch() . "/$_" } qw(answers go);
		my $asked = start_redis(LD_PRELOAD => $library, TELL_COUNTERS => $answers, TELL_COUNTERS_GO => $go)
			// return fail('redis does not serve with it');
		return plan skip_all => 'this redis-server has no shared jemalloc' if (slurp($answers) // '') =~ /no mallctl/;
		# So that a thread of its own gives back what another allocated.
		like($asked->{ask}->('DEBUG POPULATE 20000'), qr/OK/, 'it is loaded');
		like($asked->{ask}->('FLUSHALL ASYNC'), qr/OK/, 'and emptied by another thread');
		ok(until_true { $asked->{ask}->('INFO memory') =~ /^lazyfree_pending_objects:0\r?$/m }, 'which is done');
		# jemalloc's own thread may begin meanwhile: who is new is asked, too, until all stand still.
		my (%report, %told);
		ok(until_true {
			$told{$_}++ or syscall($tgkill, $asked->{pid} + 0, $_ + 0, POSIX::SIGRTMAX() - 1) for threads_of($asked->{pid});
			%report = map { /^thread (\d+) (\d+) (\d+)$/ ? ($1 => [$2, $3]) : () } split /\n/, slurp($answers) // '';
			keys %report == keys %told && keys %report == threads_of($asked->{pid});
		}, 'each thread answers, and stands still') or diag(slurp($answers));
		cmp_ok(scalar keys %report, '>=', 4, 'there are several');
		is((grep { "@$_" =~ /\b18446744073709551615\b/ } values %report), 0, 'mallctl knows both counters');
		cmp_ok((grep { $_->[0] + $_->[1] > 100_000 } values %report), '>=', 2, 'two of them have used the heap');
		is(differences({ report => \%report }, probe_json($asked->{pid})), '', 'every thread of a real program, to the byte');
		spew($go, '');
		like($asked->{ask}->('PING'), qr/PONG/, 'it serves on');
		end_redis($asked);
	};
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
