# SPDX-License-Identifier: BSD-2-Clause
# What the program tests share: start the worker with a known pid, look at what it says, and leave
# no process and no marker behind, however the test ends. Used by tests/program/*.t.
package TestKtstr;

use strict;
use warnings;
use Exporter 'import';
use Fcntl qw(O_RDONLY O_WRONLY O_CREAT O_TRUNC O_APPEND);
use File::Temp ();
use POSIX qw(WNOHANG WIFEXITED WEXITSTATUS WIFSIGNALED WTERMSIG);
use Test::More ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(worker_program marker_path is_root become_nobody find_program sanitizers temp_directory slurp spew
	start finish stop run until_true wait_ready state_of read_to_end lives);

# Generous: only a hang reaches it, also under load and with other tests beside.
our $TIME_LIMIT = 60;
use constant PREFIX => '/tmp/ktstr-worker-ready-';
use constant OVERRIDE => 'KTSTR_WORKER_READY_MARKER_OVERRIDE';

my %running; # pid => what start() returned
my $owner = $$; # forked children run END blocks too, if they fail before exec

# What all was built with, such as "address,undefined"; '' for none.
sub sanitizers {
	my $list = $ENV{KTSTR_SANITIZERS} // 'no';
	return $list eq 'no' ? '' : $list;
}

sub worker_program {
	my $path = $ENV{KTSTR_WORKER} // '';
	Test::More::BAIL_OUT('KTSTR_WORKER does not name an executable') unless -x $path && !-d $path;
	return $path;
}

sub marker_path { return PREFIX . $_[0] }

sub is_root { return $> == 0 }

# In a child: uid and gid 65534, "nobody" on every Linux, for good.
sub become_nobody {
	$) = '65534 65534';
	POSIX::setgid(65534) or die "setgid: $!";
	POSIX::setuid(65534) or die "setuid: $!";
}

sub find_program {
	my ($name) = @_;
	for (split(/:/, $ENV{PATH} // ''), '/usr/sbin', '/sbin') {
		return "$_/$name" if -x "$_/$name" && !-d _;
	}
	return;
}

sub temp_directory { return File::Temp->newdir('ktstr-test-XXXXXX', TMPDIR => 1) }

sub slurp {
	my ($path) = @_;
	open my $fh, '<', $path or return;
	local $/;
	return scalar(<$fh>) // '';
}

sub spew {
	my ($path, $text) = @_;
	open my $fh, '>', $path or die "$path: $!";
	print $fh $text or die "$path: $!";
	close $fh or die "$path: $!";
}

# True as soon as the code is; false after the time limit. Tests use it to wait, never to measure.
sub until_true(&;$) {
	my ($code, $limit) = @_;
	my $end = time + ($limit // $TIME_LIMIT);
	my $pause = 0.001;
	until ($code->()) {
		return 0 if time > $end;
		sleep $pause;
		$pause *= 2 if $pause < 0.05;
	}
	return 1;
}

# start(args => [...], env => {...}, command => [...], setup => sub {...})
# Starts the worker (or `command` in place of it) in a process of its own. The pid is known, as
# exec keeps it. `setup` runs in the child before exec, with stdout and stderr on files already.
# An environment value of undef unsets. MALLOC_CONF and the override are unset unless given.
sub start {
	my (%o) = @_;
	my $directory = temp_directory();
	my @command = @{ $o{command} // [worker_program(), @{ $o{args} // [] }] };
	my %env = (MALLOC_CONF => undef, OVERRIDE, undef, %{ $o{env} // {} });

	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		eval {
			POSIX::setpgid(0, 0);
			for (keys %env) {
				if (defined $env{$_}) { $ENV{$_} = $env{$_} } else { delete $ENV{$_} }
			}
			redirect(0, '/dev/null', O_RDONLY);
			redirect(1, "$directory/out", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
			redirect(2, "$directory/err", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
			$SIG{$_} = 'DEFAULT' for qw(PIPE INT TERM HUP);
			unlink marker_path($$); # left by someone who had this pid before
			$o{setup}->() if $o{setup};
			no warnings 'exec';
			exec { $command[0] } @command or die "exec $command[0]: $!\n";
		};
		# print() could be cut off from the file by what setup did.
		POSIX::write(2, "TestKtstr: $@", length("TestKtstr: $@"));
		POSIX::_exit(126);
	}
	my $worker = { pid => $pid, directory => $directory, marker => $env{ (OVERRIDE) } || marker_path($pid) };
	$running{$pid} = $worker;
	return $worker;
}

sub redirect {
	my ($fd, $path, $flags) = @_;
	my $new = POSIX::open($path, $flags, 0600) // die "$path: $!";
	return if $new == $fd;
	POSIX::dup2($new, $fd) // die "dup2: $!";
	POSIX::close($new);
}

# Has it ended? Never blocks. Fills in exit or signal.
sub ended {
	my ($w) = @_;
	return 1 if exists $w->{status};
	my $got = waitpid($w->{pid}, WNOHANG);
	return 0 if $got == 0;
	$w->{status} = $got == $w->{pid} ? $? : -1;
	delete $running{ $w->{pid} };
	return 1;
}

sub lives { return !ended($_[0]) }

# Waits until it ends by itself; a hang is killed and told. Returns a hash with exit, signal, out, err.
sub finish {
	my ($w) = @_;
	my $in_time = until_true { ended($w) };
	kill KILL => -$w->{pid}, $w->{pid} unless $in_time;
	until_true { ended($w) };
	my $s = $w->{status} // -1;
	return {
		pid => $w->{pid},
		marker => $w->{marker},
		timed_out => !$in_time,
		exit => ($s >= 0 && WIFEXITED($s) ? WEXITSTATUS($s) : undef),
		signal => ($s >= 0 && WIFSIGNALED($s) ? WTERMSIG($s) : undef),
		out => slurp("$w->{directory}/out"),
		err => slurp("$w->{directory}/err"),
	};
}

# Kills it with the given signal, and takes the marker at its default path away.
sub stop {
	my ($w, $signal) = @_;
	kill $signal // 'KILL', $w->{pid} unless ended($w);
	my $result = finish($w);
	unlink marker_path($w->{pid});
	return $result;
}

# For what should end by itself.
sub run { return finish(start(@_)) }

# True when the marker stands with its content while the worker lives.
sub wait_ready {
	my ($w) = @_;
	my $ready = 0;
	until_true { ($ready = (slurp($w->{marker}) // '') eq "ready\n") || ended($w) };
	Test::More::diag('the worker ended: ' . ($w->{status} // '?') . ' ' . (slurp("$w->{directory}/err") // ''))
		if ended($w);
	return $ready && lives($w);
}

# The state letter and the number of threads in /proc/<pid>/stat, proc_pid_stat(5).
sub state_of {
	my ($pid) = @_;
	my $stat = slurp("/proc/$pid/stat") // return;
	$stat =~ s/^.*\) //s; # the name may hold blanks and parentheses
	my @fields = split / /, $stat;
	return wantarray ? ($fields[0], $fields[17]) : $fields[0];
}

# Output of a short command, and its exit code in $?.
sub read_to_end {
	my (@command) = @_;
	open my $fh, '-|', @command or return;
	local $/;
	my $text = <$fh> // '';
	close $fh;
	return $text;
}

# A test that is told to stop cleans up too: END blocks and File::Temp need an orderly exit.
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

END {
	if ($$ == $owner) {
		local $?;
		for my $w (values %running) {
			kill KILL => -$w->{pid}, $w->{pid};
			waitpid $w->{pid}, 0;
			unlink marker_path($w->{pid});
		}
	}
}

1;
