# SPDX-License-Identifier: BSD-2-Clause
# ktstr-heap: the command line, the screen, what it refuses and why.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use HeapTest qw(heap_program run_heap heap_json start_heap heap_differences figure next_truth);
use IPC::Open2 ();
use POSIX ();
use ProbeTest qw(scratch build library end_target output_of);
use Test::More;
use TestKtstr qw(find_program until_true read_to_end sanitizers);

my $static = library('libjemalloc.a');
my @rest = qw(-lm -lpthread -ldl);
my $x86 = output_of('uname -m') eq 'x86_64';
my ($status, $out, $err);

for my $arguments ([], ['nonsense'], ['show'], ['show', '--nonsense', 1], ['show', '--top', '0', 1], ['show', '--top', 'x', 1],
	['show', '--sort', 'x', 1], ['show', '--watch', '0', 1], ['show', '--json', '--bytes', 1], ['show', '--sort'],
	['help', 'nonsense'], ['help', 'show', 'show']) {
	($status, $out, $err) = run_heap(@$arguments);
	is($status, 2, "usage error: @$arguments");
	is($out, '', 'nothing is on stdout');
	like($err, qr/^ktstr-heap.*\nTry /, 'a hint says what to do');
}
for my $arguments (['help'], ['help', 'show'], ['--help'], ['--version'], ['show', '--help']) {
	($status, $out, $err) = run_heap(@$arguments);
	is($status, 0, "@$arguments");
	ok(length $out && $err eq '', 'it is on stdout');
	cmp_ok((sort { $b <=> $a } map { length } split /\n/, $out)[0], '<=', 80, 'it fits 80 columns');
}

($status, $out, $err) = run_heap('show', 999999999);
is($status, 1, 'a process that is not there');
like($err, qr/^ktstr-heap: pid-missing: /, 'the message names it');
($status, $out, $err) = run_heap('show', 'no-such-name');
is($status, 1, 'a name that no process has');
like($err, qr/no-such-name: no process has that name/, 'the message names it');
($status, $out, $err) = run_heap('show', $$);
is($status, 1, 'a process without jemalloc');
like($err, qr/^ktstr-heap: jemalloc-not-found: /, 'the message names it');

my $program = build('heap-screen', 'heap_truth.c', '-static', $static, @rest);
ok($program, 'it is built') or BAIL_OUT('libjemalloc-dev is missing');
my $target = start_heap({}, $program, 3, 4, 7);
ok($target, 'it runs');

if (!$x86) {
	($status, $out, $err) = run_heap('show', $target->{pid});
	is($status, 1, 'another architecture is refused');
	like($err, qr/not proven on this architecture/, 'the reason is told');
	end_target($target);
	done_testing;
	exit 0;
}

subtest 'the lines add up to RSS, to the byte' => sub {
	($status, $out, $err) = run_heap('show', '--bytes', $target->{pid});
	is($status, 0, 'it is read') or diag($err);
	my ($rss) = $out =~ /^RSS\s+(\d+)/m;
	my $sum = 0;
	$sum += $_ for $out =~ /^  \S.*?\s{2,}(-?\d+)\b/mg;
	cmp_ok($rss, '>', 1e6, "RSS is $rss bytes");
	is($sum, $rss, 'the lines add up to it');
	like($out, qr/^  left by ended threads\s+$target->{truth}{left}\b/m, 'what ended threads left is shown');
	like($out, qr/^heap-screen $target->{pid}  jemalloc 5\.3\.0, statistics yes, profiling no$/m, 'the head is shown');
	like($out, qr/^read in \d+ us, quiet$/m, 'the span is shown');
};

subtest 'what was never touched is told from what is in RSS' => sub {
	my $untouched = build('untouched', 'heap_untouched.c', '-static', $static, @rest);
	ok($untouched, 'built') or return;
	local $ENV{MALLOC_CONF} = 'dirty_decay_ms:-1';
	my $pid = IPC::Open2::open2(my $from, my $to, $untouched);
	is(scalar <$from>, "parked\n", 'runs');
	my $document = heap_json($pid);
	my $mib = 1 << 20;
	my $off = sub { # from what the target did, in bytes: its own few objects are besides
		my ($item, $expected) = @_;
		my $is = figure($document, $item)->{value} // -1;
		ok($is >= $expected && $is < $expected + $mib, "$item: $is of $expected");
	};
	$off->('held_active', 64 * $mib);
	$off->('held_freed', 32 * $mib);
	# A kernel before 6.7 does not tell what was only read.
	my $zeros = figure($document, 'untouched')->{state} eq 'exact' ? 16 : 0;
	$off->('untouched', (128 + $zeros) * $mib);
	cmp_ok(figure($document, 'resident')->{value}, '>', 480 * $mib, 'jemalloc itself counts it all');
	cmp_ok(figure($document, 'rss')->{value}, '<', 110 * $mib, 'RSS does not');
	($status, $out, $err) = run_heap('show', '--bytes', $pid);
	my ($rest) = $out =~ /^  outside jemalloc\s+(\d+)/m;
	ok(defined $rest && $rest < $mib, 'little is left to be outside jemalloc') or diag($out);
	like($out, qr/^  never touched\s+-\d{9}\b/m, 'a line of its own');
	my $sum = 0;
	$sum += $_ for $out =~ /^  \S.*?\s{2,}(-?\d+)\b/mg;
	like($out, qr/^RSS\s+$sum\b/m, 'the lines add up');
	kill 'KILL', $pid;
	waitpid $pid, 0;
};

subtest 'a screen has 80 columns' => sub {
	($status, $out, $err) = run_heap('show', qw(--arenas --threads --classes --options), $target->{pid});
	is($status, 0, 'it is read');
	is($err, '', 'nothing is on stderr');
	is(join('|', grep { length > 80 } map { my $line = $_; utf8::decode($line); $line } split /\n/, $out), '', 'no line is longer');
	like($out, qr/^arena threads  allocated /m, 'the arenas are shown');
	like($out, qr/^ *$target->{pid} heap-screen /m, 'the threads are shown');
	like($out, qr/^opt\.dirty_decay_ms +10000$/m, 'the options are shown');
	like($out, qr/^… and \d+ more: --top$/m, 'more than are shown');
};

subtest 'tables are sorted and cut' => sub {
	(undef, $out) = run_heap('show', qw(--threads --bytes --sort live --top 2), $target->{pid});
	my @live = map { (split ' ')[3] } grep { /^ *\d+ heap-screen/ } split /\n/, $out;
	is(scalar @live, 2, 'two rows are shown');
	cmp_ok($live[0], '>=', $live[1], 'the greatest is first');
	(undef, $out) = run_heap('show', qw(--arenas --sort id --top 3), $target->{pid});
	is(join(' ', map { (split ' ')[0] } grep { /^ +\d+ +\d+ +\S+ (?:B|KiB|MiB) / } split /\n/, $out), '0 1 2', 'they are in the order of their indices');
};

subtest 'processes are found by name, several at once' => sub {
	my $other = start_heap({}, $program, 1, 0, 8);
	($status, $out, $err) = run_heap('show', 'heap-screen');
	is($status, 0, 'they are found by name');
	is(scalar(() = $out =~ /^RSS /mg), 2, 'both are shown');
	end_target($other);
	($status, $out, $err) = run_heap('show', $target->{pid}, 999999999);
	is($status, 0, 'one of two is read');
	like($err, qr/pid-missing/, 'the other is named');
};

subtest '--watch shows what has changed since the first reading' => sub {
	my $pid = open my $in, '-|', heap_program(), 'show', '--watch', 1, $target->{pid} or die;
	my $block = sub {
		my $text = '';
		while (my $line = <$in>) {
			$text .= $line;
			last if $line =~ /^not in RSS/;
		}
		return $text;
	};
	unlike($block->(), qr/\+\d/, 'the first has no change');
	print { $target->{in} } "run\n";
	next_truth($target);
	my $changed = 0;
	for (1 .. 5) {
		$changed ||= $block->() =~ /^  live objects .*[+-]\d+\.\d \w+$/m;
	}
	ok($changed, 'a later one has');
	kill 'TERM', $pid;
	close $in;
	is($?, 0, 'a signal ends it, and what was read counts');
};

subtest 'the target is not traced, stopped or written to' => sub {
	my $strace = find_program('strace') or plan skip_all => 'strace is not installed';
	my $log = scratch() . '/strace';
	system("strace -f -o $log " . heap_program() . " show $target->{pid} >/dev/null 2>&1");
	open my $in, '<', $log or die;
	my $calls = do { local $/; <$in> };
	like($calls, qr/process_vm_readv/, 'it is read');
	unlike($calls, qr/\b(?:ptrace|process_vm_writev|pidfd_getfd)\(|\b(?:kill|tkill|tgkill)\($target->{pid}/, 'and that is all');
};
end_target($target);

subtest 'a target that ends meanwhile is read, or named with the reason' => sub {
	my %seen;
	for my $round (1 .. 24) {
		my $ends = start_heap({}, $program, 8, 0, $round) or next;
		my $killer = fork // die "fork: $!";
		if ($killer == 0) {
			select undef, undef, undef, $round ** 2 / 4000;
			kill 'KILL', $ends->{pid};
			POSIX::_exit(0);
		}
		($status, $out, $err) = run_heap('show', '--json', $ends->{pid});
		waitpid $killer, 0;
		end_target($ends);
		my $sound = $status eq '0' ? $out =~ /^\{.*^\}$/ms && $err eq '' : $status eq '1' && $err =~ /^ktstr-heap: (?!layout-unknown)[a-z-]+: ./ && $out eq '';
		ok($sound, "killed in round $round: " . ($status eq "0" ? "read" : $err =~ s/^ktstr-heap: ([a-z-]+).*/$1/sr)) or diag("$status $err");
		$seen{$status}++;
	}
	note(join ', ', map { "$_: $seen{$_}" } sort keys %seen);
};

subtest 'damaged structures are refused, in bounded time and memory' => sub {
	my $hostile = build('hostile', 'hostile_heap.c', '-static', $static, @rest);
	ok($hostile, 'it is built') or return;
	for my $how (qw(none everywhere one-arena zeros bins itself)) {
		my $pid = IPC::Open2::open2(my $from, my $to, $hostile, $how);
		is(scalar <$from>, "parked\n", "$how: runs");
		# A sanitizer's shadow alone is more than any limit of memory.
		my $limit = sanitizers() ? '' : 'ulimit -v 1000000;';
		my $said = read_to_end('sh', '-c', $limit . ' exec timeout 60 "$0" show "$1" 2>&1', heap_program(), $pid);
		is($? >> 8, $how eq 'none' ? 0 : 1, "$how: the exit code") or diag($said);
		like($said, qr/^ktstr-heap: layout-unknown: /, "$how: the reason") if $how ne 'none';
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}
};

subtest 'redis-server is read while it serves' => sub {
	my $server = find_program('redis-server') or plan skip_all => 'redis-server is not installed';
	plan skip_all => 'redis-server has no jemalloc' unless output_of("ldd $server") =~ /jemalloc/;
	my $socket = scratch() . '/redis';
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDOUT, '>', '/dev/null';
		exec $server, '--port', 0, '--unixsocket', $socket, '--save', '', '--appendonly', 'no',
			'--enable-debug-command', 'yes' or POSIX::_exit(127);
	}
	my $cli = "redis-cli -s $socket";
	if (ok(until_true(sub { output_of("$cli PING") eq 'PONG' }), 'it serves')) {
		# So much that what the clients' buffers come and go by is little of it.
		is(output_of("$cli DEBUG POPULATE 400000 key 500"), 'OK', 'it is loaded');
		my $load = fork // die "fork: $!";
		if ($load == 0) {
			open STDOUT, '>', '/dev/null';
			exec 'redis-benchmark', '-s', $socket, qw(-l -r 1000 -d 500 -t set -q) or POSIX::_exit(127);
		}
		my (@off, $tries);
		for $tries (1 .. 10) {
			my ($before) = output_of("$cli INFO memory") =~ /^allocator_allocated:(\d+)/m;
			my $document = heap_json($pid);
			my ($after) = output_of("$cli INFO memory") =~ /^allocator_allocated:(\d+)/m;
			next unless $document && $before && $after;
			my $ours = figure($document, 'allocated')->{value};
			my ($low, $high) = sort { $a <=> $b } $before, $after;
			push @off, $ours < $low ? ($low - $ours) / $low : $ours > $high ? ($ours - $high) / $high : 0;
		}
		kill 'KILL', $load;
		waitpid $load, 0;
		cmp_ok(scalar @off, '>=', 5, 'read under load');
		# Between two answers of the server its clients' buffers come and go: one reading of the ten may fall there.
		@off = sort { $a <=> $b } @off;
		my $median = $off[$#off / 2] // 1;
		note sprintf 'the farthest is %.3f %% off', 100 * ($off[-1] // 1);
		cmp_ok($median, '<', 0.015, sprintf 'allocated is within 1.5 %% of what it says before and after: %.3f %%', 100 * $median);
		# Its background thread may return them before we look.
		my $dirty = 0;
		my $seen = until_true(sub {
			system("redis-benchmark -s $socket -n 20000 -d 1000 -t lpush -q >/dev/null 2>&1");
			output_of("$cli DEL mylist");
			my $document = heap_json($pid);
			$dirty = figure($document, 'dirty')->{value} if $document;
			return $dirty > 1e6;
		});
		ok($seen, "a list is deleted: $dirty bytes are dirty");
		output_of("$cli MEMORY PURGE");
		cmp_ok(figure(heap_json($pid), 'dirty')->{value}, '<', $dirty / 10, 'MEMORY PURGE returns them');
	}
	kill 'KILL', $pid;
	waitpid $pid, 0;
};

done_testing;
