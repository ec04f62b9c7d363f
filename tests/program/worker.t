# SPDX-License-Identifier: BSD-2-Clause
# The worker seen from outside: every exit code, its one line on stderr, the marker, the line on
# stdout, and that it parks. Its contract is in ktstr-jemalloc-alloc-worker(1).
use strict;
use warnings;
use Test::More;
use Fcntl qw(:mode O_RDONLY O_NONBLOCK);
use File::Copy ();
use POSIX ();
use TestKtstr;

my $override = 'KTSTR_WORKER_READY_MARKER_OVERRIDE';
my $directory = temp_directory();
my $worker = worker_program();
my $unshare = find_program('unshare');

# One line on stderr with the prefix, nothing on stdout, that exit code, and no marker.
sub fails_with {
	my ($code, $name, $like, %o) = @_;
	my $r = run(%o);
	subtest $name => sub {
		ok !$r->{timed_out}, 'ends';
		is $r->{exit}, $code, "exit code $code";
		is $r->{signal}, undef, 'no signal';
		like $r->{err}, qr/\Ajemalloc-alloc-worker: [^\n]+\n\z/, 'one line with the prefix and a space';
		like $r->{err}, $like, 'which says what happened';
		is $r->{out}, '', 'nothing on stdout';
		ok !-e $r->{marker} && !-l $r->{marker}, 'no marker' unless $o{marker_stays};
	};
	unlink marker_path($r->{pid});
	return $r;
}

subtest '--help and --version say what they are asked' => sub {
	for my $case (['--help', qr/\AUsage: ktstr-jemalloc-alloc-worker \[--churn\] BYTES\n/],
		['--version', qr/\Aktstr-jemalloc-alloc-worker \(ktstr\) \d+\.\d+\S*\n\z/]) {
		my $r = run(args => [$case->[0]]);
		is $r->{exit}, 0, "$case->[0]: exit code 0";
		like $r->{out}, $case->[1], 'on stdout';
		is $r->{err}, '', 'nothing on stderr';
		ok !-e $r->{marker}, 'no marker';
	}
};

# --- 2 and 5: argv

fails_with(2, 'BYTES is 0', qr/BYTES is 0/, args => ['0']);
fails_with(2, 'BYTES is 000', qr/BYTES is 0/, args => ['000']);
fails_with(2, '0 with --churn', qr/BYTES is 0/, args => ['--churn', '0']);

my %not_a_number = (
	'plus sign' => '+1', 'minus sign' => '-1', 'blank before' => ' 1', 'blank behind' => '1 ', 'newline behind' => "1\n",
	'hex' => '0x10', 'hex digits' => 'ff', 'suffix k' => '1k', 'suffix MiB' => '16MiB', 'exponent' => '1e6',
	'fraction' => '1.5', 'empty' => '', 'a dash' => '-', 'a word' => 'many', 'separator' => '1,000', 'digit from elsewhere' => "\xd9\xa1",
);
fails_with(5, "BYTES: $_", qr/not a number|unknown option/, args => [$not_a_number{$_}]) for sort keys %not_a_number;
fails_with(5, 'BYTES with a minus sign behind --', qr/not a number/, args => ['--', '-1']);
fails_with(5, 'BYTES is 2^64', qr/out of range/, args => ['18446744073709551616']);
fails_with(5, 'BYTES is 2^64 + 1, which would wrap to 1', qr/out of range/, args => ['18446744073709551617']);
fails_with(5, 'BYTES is 10^100', qr/out of range/, args => ['1' . '0' x 100]);
fails_with(5, 'BYTES is missing', qr/BYTES is missing/, args => []);
fails_with(5, 'BYTES is missing behind --churn', qr/BYTES is missing/, args => ['--churn']);
fails_with(5, 'BYTES is missing behind --', qr/BYTES is missing/, args => ['--']);
fails_with(5, 'an unknown option', qr/unknown option '--frob'/, args => ['--frob', '4096']);
fails_with(5, 'an unknown option behind BYTES', qr/unknown option '-x'/, args => ['4096', '-x']);
fails_with(5, 'an option cut short', qr/unknown option '--chur'/, args => ['--chur', '4096']);
fails_with(5, 'a second positional', qr/second argument/, args => ['4096', '4096']);
fails_with(5, 'a third positional', qr/second argument/, args => ['1', '2', '3']);

# --- 7: the allocation. SIZE_MAX and 2^63 for widths of 64 bits.

fails_with(7, 'BYTES is the largest size_t', qr/cannot allocate 18446744073709551615 bytes/, args => ['18446744073709551615']);
fails_with(7, 'BYTES is 2^63', qr/cannot allocate 9223372036854775808 bytes/, args => ['9223372036854775808']);
my %memory = (slurp('/proc/meminfo') // '') =~ /^(MemTotal|SwapTotal):\s+(\d+) kB/mg;
my $too_much = 4096 * int((($memory{MemTotal} // 0) + ($memory{SwapTotal} // 0) + 4096) / 4);
fails_with(7, 'BYTES above memory and swap, whatever the kernel promises',
	qr/cannot allocate $too_much bytes: more than all memory and swap/, args => [$too_much]);
fails_with(7, 'BYTES beyond RLIMIT_AS', qr/cannot allocate 17179869184 bytes/,
	command => ['/bin/sh', '-c', 'ulimit -v 4194304 && exec "$0" 17179869184', $worker]);

# --- hostile arguments

{
	my $r = fails_with(5, 'control characters in an argument', qr/not a number/, args => ["12\n34\r\x1b[31m\x7f\x01\t5"]);
	unlike $r->{err}, qr/[\x00-\x09\x0b-\x1f\x7f]/, '... do not reach the terminal';
	$r = fails_with(5, 'control characters in an option', qr/unknown option/, args => ["--a\nb"]);
	$r = fails_with(5, 'a very long argument', qr/not a number/, args => ['x' x 100_000]);
	cmp_ok length $r->{err}, '<', 4096, '... is cut'; # PIPE_BUF: one write stays one piece
	$r = fails_with(5, 'a very long number', qr/out of range/, args => ['9' x 100_000]);
	fails_with(4, 'a very long override', qr{failed to write ready marker /}, args => ['4096'],
		env => { $override => "$directory/" . 'x' x 100_000 });
	fails_with(4, 'control characters in the override', qr/failed to write ready marker \/.*: open: /, args => ['4096'],
		env => { $override => "$directory/no\nsuch\x1bdirectory/m" });
}

# --- ready: the marker, the line, the parking

sub parks {
	my ($name, $bytes, %o) = @_;
	my $w = start(%o, args => [@{ $o{options} // [] }, $bytes]);
	subtest $name => sub {
		ok wait_ready($w), 'ready' or return;
		my @stat = lstat $w->{marker};
		ok S_ISREG($stat[2]), 'the marker is a regular file';
		is slurp($w->{marker}), "ready\n", 'its content';
		ok +(until_true { (slurp("$w->{directory}/out") // '') =~ /\n/ }), 'the line on stdout';
		ok +(until_true { (state_of($w->{pid}) // '') eq 'S' }), 'sleeps';
		opendir my $tasks, "/proc/$w->{pid}/task" or return fail "task: $!";
		is_deeply [grep { !/^\./ } readdir $tasks], [$w->{pid}], 'one thread, and its tid is the pid';
		is slurp("$w->{directory}/out"), "jemalloc-alloc-worker ready pid=$w->{pid} bytes=" . ($bytes + 0) . "\n",
			'exactly one line';
		is slurp("$w->{directory}/err"), '', 'nothing on stderr';
		ok lives($w), 'lives on';
		$o{also}->($w) if $o{also};
	};
	my $r = stop($w, $o{kill});
	is $r->{signal}, $o{kill} ? POSIX->can("SIG$o{kill}")->() : POSIX::SIGKILL(), "$name: ends by the signal alone";
	unlink $w->{marker};
	return $w;
}

parks('default path', 4096);
parks('one byte', 1);
parks('16 MiB', 16777216);
parks('leading zeros', '0004096');
parks('BYTES behind --', 4096, options => ['--']);
parks('SIGTERM ends it', 4096, kill => 'TERM');
parks('override set', 4096, env => { $override => "$directory/override" }, also => sub {
	ok !-e marker_path($_[0]{pid}), 'nothing at the default path';
});
parks('override empty', 4096, env => { $override => '' });
parks('a stale marker of its own is overwritten', 4096, setup => sub {
	TestKtstr::spew(marker_path($$), "much longer than the new content\n" x 100);
});
# Made by ln(1) where fs.protected_hardlinks is 0: the file keeps its content under its other name.
for my $where ('default path', 'override') {
	my ($path, $other) = ("$directory/linked", "$directory/precious");
	spew($other, 'precious');
	parks("$where: a second name of a file that is worth something", 4096,
		$where eq 'override' ? (env => { $override => $path }) : (),
		setup => sub { link $other, $where eq 'override' ? $path : marker_path($$) or die $! }, also => sub {
		is slurp($other), 'precious', 'is not written through';
		is +(stat $_[0]{marker})[3], 1, 'the marker is a file of its own';
	});
	is +(stat $other)[3], 1, "$where: ... whose second name is gone";
}
parks('background_thread:false', 4096, env => { MALLOC_CONF => 'background_thread:false' });

# --- 3: threads

fails_with(3, 'background_thread:true', qr{: /proc/self/task has 2 threads .*MALLOC_CONF.*background_thread:true},
	args => ['4096'], env => { MALLOC_CONF => 'background_thread:true' });

# --- stdout that takes nothing does not stop it

my %bad_stdout = (
	'stdout closed' => sub { POSIX::close(1) },
	'stdin, stdout and stderr closed' => sub { POSIX::close($_) for 0 .. 2 },
	'stdout a broken pipe' => sub { my ($r, $w) = POSIX::pipe(); POSIX::dup2($w, 1); POSIX::close($_) for $r, $w },
	'stdout is full' => sub { TestKtstr::redirect(1, '/dev/full', POSIX::O_WRONLY()) },
);
for my $name (sort keys %bad_stdout) {
	my $w = start(args => ['4096'], setup => $bad_stdout{$name});
	ok wait_ready($w), "$name: ready";
	# The line comes behind the marker, and a bad stdout never blocks: who sleeps now has passed it.
	ok +(until_true { TestKtstr::ended($w) || state_of($w->{pid}) eq 'S' }), "$name: sleeps";
	ok lives($w), "$name: lives on";
	is slurp($w->{marker}), "ready\n", "$name: the marker is whole";
	is stop($w)->{signal}, POSIX::SIGKILL(), "$name: ends by the signal alone";
}

# --- 4: the marker

for my $where ('default path', 'override') {
	my $path = "$directory/planted";
	my @o = (args => ['4096'], marker_stays => 1, $where eq 'override' ? (env => { $override => $path }) : ());
	my $at = sub { $where eq 'override' ? $path : marker_path($_[0] // $$) };
	my $target = "$directory/target";

	fails_with(4, "$where: a dangling symbolic link", qr/symbolic link/, @o, setup => sub { symlink $target, $at->() or die $! });
	ok !-e $target, '... nothing was made behind it';
	unlink $path;

	spew($target, 'precious');
	fails_with(4, "$where: a symbolic link to a file", qr/symbolic link/, @o, setup => sub { symlink $target, $at->() or die $! });
	is slurp($target), 'precious', '... what it names is untouched';
	ok -l $path, '... the link is not removed' if $where eq 'override';
	unlink $path, $target;

	fails_with(4, "$where: a FIFO that nobody reads", qr/failed to write ready marker .*: open: /, @o, setup => sub { POSIX::mkfifo($at->(), 0600) or die $! });
	ok -p $path, '... is not removed' if $where eq 'override';
	unlink $path;

	my $reader;
	fails_with(4, "$where: a FIFO that somebody reads", qr/failed to write ready marker .*: open: /, @o, setup => sub {
		POSIX::mkfifo($at->(), 0600) or die $!;
		sysopen $reader, $at->(), POSIX::O_RDONLY() | POSIX::O_NONBLOCK() or die $!;
	});
	unlink $path;

	my $r = fails_with(4, "$where: a directory", qr/failed to write ready marker .*: open: /, @o, setup => sub { mkdir $at->() or die $! });
	ok -d $at->($r->{pid}), '... is not removed';
	rmdir $at->($r->{pid});
}
fails_with(4, 'a missing directory', qr/failed to write ready marker .*: open: No such file/, args => ['4096'], env => { $override => "$directory/none/marker" });
fails_with(4, 'with --churn as well', qr/failed to write ready marker .*: open: /, args => ['--churn', '4096'], env => { $override => "$directory/none/marker" });

SKIP: {
	# A device of this test's own: a worker that is broken, and is root, would remove the machine's.
	my $full = is_root() ? "$directory/full-device" : '/dev/full';
	skip 'no device can be made here', 2 if is_root() && system('mknod', $full, 'c', 1, 7);
	skip 'no /dev/full', 2 unless -c $full;
	fails_with(4, 'a full device', qr/failed to write ready marker .*: (?:write: No space left|open: Permission denied)/,
		args => ['4096'], marker_stays => 1, env => { $override => $full });
	ok -c $full, '... which is not removed';
}

# A file size limit of 0 raises SIGXFSZ, whose default would kill the worker with an empty marker in place.
{
	my ($r, $w) = POSIX::pipe();
	my $started = start(args => ['4096'], env => { $override => "$directory/limited" }, command =>
		['/bin/sh', '-c', 'ulimit -f 0 && exec "$0" 4096', $worker],
		setup => sub { POSIX::dup2($w, $_) for 1, 2; POSIX::close($_) for $r, $w });
	POSIX::close($w);
	my $result = finish($started);
	my $said = '';
	# At the end of the pipe POSIX::read returns "0 but true".
	while ((POSIX::read($r, my $more, 4096) // 0) > 0) { $said .= $more }
	POSIX::close($r);
	is $result->{exit}, 4, 'RLIMIT_FSIZE: exit code 4';
	like $said, qr/\Ajemalloc-alloc-worker: failed to write ready marker [^\n]+: write: [^\n]+\n\z/, 'RLIMIT_FSIZE: one line';
	ok !-e "$directory/limited", 'RLIMIT_FSIZE: no marker is left';
	unlink "$directory/limited";
}

# --- private mounts: as root by right, else in a user namespace of one's own

my @private;
for my $try ([qw(-m)], [qw(-Urm)]) {
	next unless $unshare;
	next if $try->[0] eq '-m' && !is_root();
	next unless run(command => [$unshare, @$try, '/bin/sh', '-c', "mount -t tmpfs none $directory"])->{exit} == 0;
	@private = ($unshare, @$try);
	last;
}

SKIP: {
	skip 'neither root nor a user namespace may mount here', 3 unless @private;

	fails_with(6, 'procfs hidden', qr{cannot read /proc/self/task}, command =>
		[@private, '/bin/sh', '-c', 'mount -t tmpfs none /proc && exec "$0" 4096', $worker]);

	# With --churn the threads are not counted, so procfs is not needed.
	my $w = start(command => [@private, '/bin/sh', '-c', 'mount -t tmpfs none /proc && exec "$0" --churn 4096', $worker]);
	ok wait_ready($w), 'procfs hidden: --churn does not look';
	stop($w);

	# The file system is gone with its namespace, so the shell looks while it is there. The marker's
	# inode fits, its first block does not.
	mkdir "$directory/full";
	my $r = run(env => { $override => "$directory/full/marker" }, command => [@private, '/bin/sh', '-c', <<'END', $worker, "$directory/full"]);
mount -t tmpfs -o size=64k tmpfs "$1" || exit 99
dd if=/dev/zero of="$1/fill" bs=4k 2>/dev/null
: >"$1/marker" || exit 98
rm "$1/marker"
"$0" 4096
code=$?
ls -A "$1"
exit $code
END
	subtest 'a full disk ends the worker without a marker' => sub {
		is $r->{exit}, 4, 'exit code 4';
		like $r->{err}, qr/\Ajemalloc-alloc-worker: failed to write ready marker [^\n]+: write: No space left on device\n\z/, 'one line';
		is $r->{out}, "fill\n", 'no marker is left';
	};
}

# --- --churn

{
	my $w = start(args => ['--churn', '1048576']);
	ok wait_ready($w), 'churn: ready';
	my (%tids, %counts);
	my $pid = $w->{pid};
	until_true(sub {
		for (1 .. 200) {
			opendir my $tasks, "/proc/$pid/task" or return 1;
			my @now = grep { !/^\./ } readdir $tasks;
			$tids{$_} = 1 for @now;
			$counts{ scalar @now }++;
		}
		keys %tids >= 4 && keys %counts >= 2;
	});
	cmp_ok scalar(keys %tids), '>=', 4, 'churn: threads come and go';
	cmp_ok scalar(keys %counts), '>=', 2, 'churn: their number changes';
	ok $tids{$pid}, 'churn: the main thread is there';
	is slurp("$w->{directory}/out"), "jemalloc-alloc-worker ready pid=$pid bytes=1048576\n", 'churn: one line';
	is stop($w)->{signal}, POSIX::SIGKILL(), 'churn: runs until it is killed';
}
{
	my $w = start(args => ['4096', '--churn'], env => { MALLOC_CONF => 'background_thread:true' });
	ok wait_ready($w), 'churn behind BYTES, and with background_thread:true: ready';
	stop($w);
}

# --- as another user

SKIP: {
	skip 'already an ordinary user', 5 unless is_root();
	# The build directory may be closed to others.
	my $open = File::Temp->newdir('ktstr-test-XXXXXX', DIR => '/tmp');
	chmod 0755, $open;
	File::Copy::copy($worker, "$open/worker") or die $!;
	chmod 0755, "$open/worker";

	my $w = start(command => ["$open/worker", '4096'], setup => \&become_nobody);
	ok wait_ready($w), 'as nobody: ready';
	is +(stat $w->{marker})[4], 65534, 'as nobody: the marker is its own';
	is stop($w)->{signal}, POSIX::SIGKILL(), 'as nobody: ends by the signal alone';

	mkdir "$open/closed", 0755;
	fails_with(4, 'as nobody: a directory of root', qr/Permission denied/, command => ["$open/worker", '4096'],
		env => { $override => "$open/closed/marker" }, setup => \&become_nobody);
	spew("$open/closed/marker", 'precious');
	fails_with(4, 'as nobody: a file of root', qr/existing marker is not a file of this user/, command => ["$open/worker", '4096'], marker_stays => 1,
		env => { $override => "$open/closed/marker" }, setup => \&become_nobody);
	is slurp("$open/closed/marker"), 'precious', '... is untouched';
	chmod 01777, "$open/closed";
	fails_with(4, 'as nobody: a file of root that anybody may write', qr/existing marker is not a file of this user/, command => ["$open/worker", '4096'],
		marker_stays => 1, env => { $override => "$open/closed/marker" }, setup => sub {
			chmod 0666, "$open/closed/marker";
			become_nobody();
		});
	is slurp("$open/closed/marker"), 'precious', '... is untouched';
}

done_testing;
