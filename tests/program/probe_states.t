#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The probe against processes in difficult states: traced, leaderless, coming and going, enormous.
# What is read is always held against what the target says of itself.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use POSIX ();
use ProbeTest qw(scratch source_dir run_probe probe_json probe_program start_target next_report end_target unfolded);
use TestKtstr qw(find_program until_true slurp spew);
use Test::More;
use Time::HiRes ();

chomp(my $shared = `$ENV{CC} -print-file-name=libjemalloc.so.2`);
chomp(my $static = `$ENV{CC} -print-file-name=libjemalloc.a`);
my @libraries = grep { m{^/} } $static, $shared;
my @children; # every process started here, ended at the end whatever happens
my $owner = $$;
END { if ($$ == $owner) { local $?; for (@children) { kill 'CONT', $_; kill 'KILL', $_; waitpid $_, 0 } } }

# A program from tests/targets/thread_states.c.
sub build {
	my ($name, @rest) = @_;
	my $path = scratch() . "/$name";
	system(split(' ', $ENV{CC}), '-O1', '-o', $path, source_dir() . '/tests/targets/thread_states.c', @rest,
		'-lm', '-lpthread', '-ldl') == 0 or BAIL_OUT("$name was not built");
	return $path;
}

sub target {
	my $target = start_target({}, @_);
	push @children, $target->{pid} if $target;
	return $target;
}

# As a background process, with its output in a file.
sub background {
	my ($out, @command) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $out;
		open STDERR, '>', "$out.err";
		exec @command or POSIX::_exit(127);
	}
	push @children, $pid;
	return $pid;
}

# The number of threads whose reading is not their truth; threads with an error count.
sub wrong {
	my ($target, @threads) = @_;
	my %left = %{ $target->{report} };
	my $wrong = 0;
	for my $thread (@threads) {
		my $truth = delete $left{ $thread->{tid} } // ['unknown'];
		my $is = $thread->{error} // "$thread->{allocated_bytes} $thread->{deallocated_bytes}";
		next if $is eq "@$truth";
		diag("tid $thread->{tid}: $is, truth @$truth") if $wrong++ < 5;
	}
	return $wrong + keys %left;
}

# A status line's value for each thread: ('TracerPid', pid) => (numbers)
sub of_threads {
	my ($key, $pid) = @_;
	return map { (slurp("$_/status") // '') =~ /^$key:\s+(\S+)/m ? $1 : () } glob "/proc/$pid/task/*";
}

sub reads_right {
	my ($target, $what, @arguments) = @_;
	my $document = probe_json($target->{pid}, @arguments);
	ok($document && wrong($target, @{ $document->{snapshots}[0]{threads} }) == 0, $what);
}

my $strace = find_program('strace');
my $gdb = find_program('gdb');
my $program = build('parked', $libraries[0] // BAIL_OUT('no jemalloc'));

subtest 'threads that gdb has stopped are read, and stay its own' => sub {
	plan skip_all => 'gdb is not installed' unless $gdb;
	my $target = target($program, 'park', 5);
	my $pid = $target->{pid};
	my $debugger = open(my $commands, '|-', "exec $gdb -nx -q -p $pid >/dev/null 2>&1") or die;
	push @children, $debugger;
	my $all = 6;
	ok(until_true { (grep { /^t/ } of_threads('State', $pid)) == $all }, 'every thread stands still');
	reads_right($target, 'the default method reads them to the byte');
	is((grep { $_ == $debugger } of_threads('TracerPid', $pid)), $all, 'the debugger still has them all');
	is((grep { /^t/ } of_threads('State', $pid)), $all, 'and they still stand');
	my ($status, $out, $err) = run_probe('-p', $pid, '--thread-pointer=ptrace', '--json');
	is($status, 1, 'by ptrace, which allows one tracer: exit 1');
	like($err, qr/^ktstr-probe-all-failed: single$/m, 'its tag is told');
	like($out, qr/"error_kind":\s*"ptrace-seize"/, 'each thread says why');
	like($out, qr/"error":\s*"it could not be traced: process $debugger traces it already"/, 'and by whom it is traced');
	close $commands; # gdb lets go at the end of its input
	ok(until_true { !grep { $_ } of_threads('TracerPid', $pid) }, 'they are let go');
	end_target($target);
};

subtest 'threads under strace -f are read' => sub {
	plan skip_all => 'strace is not installed' unless $strace;
	my $target = target($program, 'park', 5);
	my $pid = $target->{pid};
	my $tracer = background('/dev/null', $strace, '-f', '-o', '/dev/null', '-p', $pid);
	ok(until_true { (grep { $_ == $tracer } of_threads('TracerPid', $pid)) == 6 }, 'all are traced');
	reads_right($target, 'read to the byte');
	kill 'INT', $tracer;
	waitpid $tracer, 0;
	end_target($target);
};

# Its heap begins low, and its kernel's main program is valgrind's own.
subtest 'a process under valgrind is read or told so' => sub {
	my $valgrind = find_program('valgrind') or plan skip_all => 'valgrind is not installed';
	my $target = target($valgrind, '-q', '--soname-synonyms=somalloc=nouserintercepts', $program, 'park', 3) or return fail('runs');
	reads_right($target, 'read to the byte');
	end_target($target);
	my $alone = build('alone', '-static', $static);
	$target = target($valgrind, '-q', '--log-file=/dev/null', $alone, 'park', 1) or return fail('a static program runs');
	my ($status, $out, $err) = run_probe('-p', $target->{pid});
	is($status, 1, 'a static program is refused');
	like(unfolded($err), qr/^error: .* It runs under valgrind, /m, 'with the reason');
	end_target($target);
};

subtest 'a reading makes no ptrace call' => sub {
	plan skip_all => 'strace is not installed' unless $strace;
	my $target = target($program, 'park', 5);
	local $ENV{ASAN_OPTIONS} = 'detect_leaks=0'; # LeakSanitizer itself uses ptrace
	for my $choice ('auto', 'ptrace') {
		my $file = scratch() . "/calls-$choice";
		system($strace, '-f', '-e', 'trace=ptrace', '-o', $file, probe_program(), '-p', $target->{pid},
			'--json', "--thread-pointer=$choice") == 0 or diag("exit $?");
		my $calls = () = slurp($file) =~ /\bptrace\(/g;
		$choice eq 'auto' ? is($calls, 0, 'none by default') : cmp_ok($calls, '>=', 24, 'four each when asked to');
	}
	end_target($target);
};

subtest 'a leader that has ended is reported, and the others are read' => sub {
	my $target = target($program, 'leaderless', 12);
	my $pid = $target->{pid};
	ok(until_true { slurp("/proc/$pid/stat") =~ /\) Z/ }, 'a zombie with living threads');
	for my $choice ('auto', 'ptrace') {
		my $document = probe_json($pid, "--thread-pointer=$choice");
		my @threads = @{ $document->{snapshots}[0]{threads} // [] };
		my ($leader) = grep { $_->{tid} == $pid } @threads;
		is($leader->{error_kind}, 'thread-exited', "$choice: the leader is said to have ended");
		is(wrong($target, grep { $_->{tid} != $pid } @threads), 0, "$choice: the others are right");
	}
	end_target($target);
};

subtest 'each target that cannot be read is refused with its tag' => sub {
	my $target = target($program, 'park', 1);
	my ($thread) = grep { $_ != $target->{pid} } keys %{ $target->{report} };
	my $shell = sub { my $out = `sh -c 'exec "\$0" -p "$_[0]" --json 2>&1' "$_[1]"`; return ($? >> 8) . ":$out" };
	like($shell->('$$', probe_program()), qr/^1:ktstr-probe-fatal: self-probe-rejected\nerror: .*\n\z/, 'the probe does not read itself');
	my ($by_thread) = (run_probe('-p', $thread))[2];
	like($by_thread, qr/^error: process $thread is not a process but a thread of process $target->{pid}: give that pid$/m,
		'a thread: the number to give');
	my @cases = (['a thread that is not a leader', $thread, 'pid-missing'], ['no such pid', 999999999, 'pid-missing']);
	# Whatever runs as pid 1 here is not known; with jemalloc it would be read.
	push @cases, ['pid 1', 1, '(?:jemalloc-not-found|permission-denied)']
		unless (slurp('/proc/1/maps') // '') =~ /jemalloc/;
	for (@cases) {
		my ($what, $pid, $tag) = @$_;
		my ($status, $out, $err) = run_probe('-p', $pid, '--json');
		is("$status:$out", '1:', "$what: exit 1, nothing on stdout");
		like($err, qr/^ktstr-probe-fatal: $tag\nerror: \S.*\n\z/s, "$what: its tag");
	}
	end_target($target);
};

# Programs that end or run each other all the time. The truth: each copy's figures after each step,
# which are the same in every run, or between two steps.
my %truths;
my $known = build('known_48', $libraries[0]);
my $other = build('known_80', $libraries[-1]);
my $plain = build('plain_64');
for my $path ($known, $other) {
	my ($name) = $path =~ m{([^/]+)\z};
	$truths{"main $name 0 0"} = 1;
	# A new thread's table is made by its creator before the step is reported: one allocation each.
	$truths{"main $name $_"} = 1 for map { /^step (.*)/ } `$path steps report`;
	$truths{"other $name $_ 0"} = $truths{"other ? $_ 0"} = 1 for 0, 1024;
}

sub rounds {
	my (@command) = @_;
	my $driver = ($ENV{KTSTR_BUILDDIR} // '.') . '/tests/targets/probe_rounds';
	open my $in, '-|', 'timeout', '600', $driver, @command or die;
	chomp(my @lines = <$in>);
	ok(close $in, 'came to its end') or diag("exit $?");
	my %said = map { /^(.*) (-?\d+)\z/ } grep { /^(?:opened|readings|descriptors|grown) / } @lines;
	my @lies = grep { /^(?:main|other)/ && !$truths{$_} } @lines;
	is("@lies", '', 'every reading is a truth of the very program');
	my @tags = grep { /^(?:failure|why|thread) / } @lines;
	my @odd = grep { !/^failure (?:pid-missing|exe-identity-changed|jemalloc-not-found|layout-unknown|arch-mismatch)$/
		&& !/^(?:failure other|why thread pointer, errno \d+)$/ # no libc in it yet
		&& !/^thread (?:thread-exited|thread-pointer|process-vm-readv|tls-arithmetic)$/ } @tags;
	is("@odd", '', 'every failure has a tag that tells what happened');
	is($said{descriptors}, 0, 'no descriptor is left');
	cmp_ok($said{grown}, '<', 4096, "it has grown by $said{grown} KiB");
	note("opened $said{opened}, readings $said{readings}; @tags");
	return \%said;
}

subtest 'a target that ends during the read is told as that, 1000 times' => sub {
	my $said = rounds(1000, $known, 'steps', 0);
	cmp_ok($said->{readings}, '>', 1000, 'most were read');
};

subtest 'a target that execs in a loop is read rightly or refused' => sub {
	my $said = rounds(10, $known, 'steps', 100, $other, $plain, $known);
	# How often a session opens between two execs is the scheduler's; each takes as many snapshots as it can.
	cmp_ok($said->{opened}, '>', 5, "it was opened $said->{opened} times");
	cmp_ok($said->{readings}, '>', 500, 'and most were read');
};

subtest 'a target that execs in a loop is read rightly or refused by the program' => sub {
	my $pid = background('/dev/null', $known, 'steps', 1000000, $other, $plain, $known);
	my (%exits, @lies);
	for (1 .. 150) {
		my ($status, $out, $err) = run_probe('-p', $pid);
		$exits{$status}++;
		while ($out =~ /^tid=(\d+) comm=(\S+) allocated_bytes=(\d+) deallocated_bytes=(\d+)$/mg) {
			my $line = ($1 == $pid ? 'main' : 'other') . " $2 $3 $4";
			push @lies, $line unless $truths{$line};
		}
		push @lies, $err unless $status eq '0' || $err =~ /^ktstr-probe-(?:fatal|all-failed): /m;
	}
	is("@lies", '', 'each is right or refused');
	is(join(' ', grep { !/^[01]$/ } keys %exits), '', 'exit 0 or 1');
	ok($exits{0}, "$exits{0} of 150 were read");
	kill 'KILL', $pid;
	waitpid $pid, 0;
};

subtest 'an exec that leaves its memory to another process ends the reading' => sub {
	my $sharer = scratch() . '/sharer';
	is(system(split(' ', $ENV{CC}), '-o', $sharer, source_dir() . '/tests/targets/shared_memory.c', $libraries[0],
		qw(-lm -lpthread -ldl)), 0, 'it is built');
	my $target = target($sharer, '/bin/sleep', 1000);
	my $pid = open my $said, '-|';
	if (!$pid) {
		open STDERR, '>', scratch() . '/said';
		exec probe_program(), '-p', $target->{pid}, qw(--snapshots 1000 --interval-ms 10) or POSIX::_exit(127);
	}
	my @before = map { scalar <$said> } 1 .. 10;
	like("@before", qr/tid=$target->{pid} comm=sharer allocated_bytes=[1-9]/, 'it is read');
	print { $target->{in} } 'x';
	my @after = <$said>;
	close $said;
	is($? >> 8, 0, 'what was read counts as partial output');
	is(scalar(grep { /comm=sleep/ } @after), 0, 'nothing is said of the new program');
	like(slurp(scratch() . '/said'), qr/^warning: snapshot \d+\/1000 is the last: process $target->{pid} ended, ran another program/m,
		'but that it is another');
	kill 'KILL', $target->{pid};
	waitpid $target->{pid}, 0;
};

subtest 'threads that come and go are read as themselves' => sub {
	my $log = scratch() . '/log';
	my $target = target($program, 'churn', $log, 24);
	my ($status, $out, $err) = run_probe('-p', $target->{pid}, '--snapshots', 1500, '--interval-ms', 1);
	is($status, 0, 'it is read');
	end_target($target);

	# struct log: the number of records, then (tid, allocated, deallocated) each. Between the end
	# of one step and its record the pair is already true: records of all steps hold it all the same.
	open my $in, '<:raw', $log or die;
	my ($bytes, %truth);
	read $in, $bytes, 8;
	my $used = unpack 'Q', $bytes;
	for (1 .. $used) {
		read $in, $bytes, 24;
		my ($tid, @pair) = unpack 'Q3', $bytes;
		$truth{$tid}{"@pair"} = 1;
	}
	my ($right, $wrong, %seen) = (0, 0);
	while ($out =~ /^tid=(\d+) comm=\S+ allocated_bytes=(\d+) deallocated_bytes=(\d+)$/mg) {
		next if $1 == $target->{pid};
		$seen{$1} = 1;
		if ($truth{$1}{"$2 $3"} || "$2 $3" eq '0 0') { $right++ }
		elsif ($wrong++ < 5) { diag("tid $1: $2 $3, truth " . join ', ', sort keys %{ $truth{$1} }) }
	}
	is($wrong, 0, 'no thread with numbers that were never its own');
	cmp_ok($right, '>', 1000, "$right readings of " . keys(%seen) . " threads, of $used records");
	cmp_ok(scalar keys %seen, '>', 100, 'there are many threads');
	is(join(' ', grep { !/^(?:thread-exited|thread-pointer|process-vm-readv)$/ } $err =~ /^warning: .* \[(.*?)\]/mg),
		'', 'the rest says why not');
};

my $many = 4000;
my $crowd = target($program, 'park', $many);
SKIP: {
	skip "$many threads cannot be started here (limits of processes or memory)", 1 unless $crowd;
	my $pid = $crowd->{pid};
	subtest "$many threads are read to the byte" => sub {
		my $document = probe_json($pid);
		my @threads = @{ $document->{snapshots}[0]{threads} };
		is(scalar @threads, $many + 1, 'all are there');
		is(wrong($crowd, @threads), 0, 'exact to the byte');
	};

	my $paused = target($program, 'park', 3);
	# Signals at different moments. Who does not end by the signal has days to go, and is killed.
	for my $case (['between snapshots', $paused->{pid}, 3600000, 'auto'], ["reading $many threads", $pid, 1, 'auto'],
		["reading $many threads by ptrace", $pid, 1, 'ptrace']) {
		my ($what, $victim, $interval, $choice) = @$case;
		for my $signal ('INT', 'TERM') {
			subtest "SIG$signal $what ends the probe and leaves nobody traced" => sub {
				my (@took, $bad);
				for my $round (1 .. 20) {
					my $file = scratch() . '/interrupted';
					unlink $file;
					my $probe = background($file, probe_program(), '-p', $victim, '--json', '--snapshots', 100000,
						'--interval-ms', $interval, "--thread-pointer=$choice");
					until_true { -s $file } or $bad .= "no output; ";
					Time::HiRes::sleep(0.002 * $round);
					my $begin = Time::HiRes::time();
					local $SIG{ALRM} = sub { kill 'KILL', $probe };
					alarm 600;
					kill $signal, $probe;
					waitpid $probe, 0;
					alarm 0;
					push @took, Time::HiRes::time() - $begin;
					my $text = slurp($file);
					$bad .= "exit $?; " if $?;
					$bad .= 'not marked; ' unless $text =~ /"interrupted":\s*true\s*\}\s*\z/;
					my $document = eval { JSON::PP->new->utf8->decode($text) } if $round == 1 || $victim != $pid;
					$bad .= "no JSON: $@" if $@;
				}
				is($bad, undef, 'exit 0, partial output marked interrupted, 20 times');
				my $median = (sort { $a <=> $b } @took)[10];
				diag(sprintf 'SIG%s %s: median %.2f ms', $signal, $what, $median * 1e3) if $ENV{KTSTR_TEST_FIGURES};
				is(join(' ', grep { $_ } of_threads('TracerPid', $victim)), '', 'nobody is left traced');
				ok(until_true { !grep { /^[tT]/ } of_threads('State', $victim) }, 'nor stopped');
			};
		}
	}

	subtest 'SIGKILL in the middle of ptrace leaves nobody traced' => sub {
		my $unfinished = 0;
		my @tasks = sort { ($a =~ /(\d+)$/)[0] <=> ($b =~ /(\d+)$/)[0] } glob "/proc/$pid/task/*";
		for my $round (1 .. 10) {
			my $file = scratch() . '/killed';
			my $probe = background($file, probe_program(), '-p', $pid, '--thread-pointer=ptrace');
			# As soon as it has hold of one: the first of thousands, or some way on. One file is looked at,
			# without a pause: to look at all takes longer than the whole run.
			my ($held, $until) = (0, time + 60);
			$held = (slurp("$tasks[200 * ($round - 1)]/status") // '') =~ /^TracerPid:\s+[1-9]/m
				until $held || time > $until;
			kill 'KILL', $probe;
			waitpid $probe, 0;
			$unfinished++ if $held && ($? & 127) == 9 && !-s $file;
		}
		cmp_ok($unfinished, '>', 0, "$unfinished of 10 were in the middle");
		ok(until_true { !grep { $_ } of_threads('TracerPid', $pid) }, 'no tracer is left');
		ok(until_true { !grep { /^[tT]/ } of_threads('State', $pid) }, 'no thread is stopped');
		my $document = probe_json($pid);
		is(wrong($crowd, @{ $document->{snapshots}[0]{threads} }), 0, 'the process is as before');
	};
	end_target($paused);
	end_target($crowd);
}
done_testing();
