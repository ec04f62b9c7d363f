# SPDX-License-Identifier: BSD-2-Clause
# Running the probe and the ground-truth target. Used by probe_*.t.
package ProbeTest;

use strict;
use warnings;
use Exporter 'import';
use File::Temp ();
use IPC::Open2 ();
use JSON::PP ();
use POSIX ();

our @EXPORT_OK = qw(probe_program source_dir scratch run_probe probe_json start_target next_report
	end_target compile);

my $scratch = File::Temp->newdir('ktstr-probe-XXXXXX', TMPDIR => 1);

sub scratch { return "$scratch" }

sub source_dir { return $ENV{KTSTR_SRCDIR} // '.' }

sub probe_program {
	return $ENV{KTSTR_PROBE} // ($ENV{KTSTR_BUILDDIR} // '.') . '/probe/ktstr-jemalloc-probe';
}

sub slurp {
	my ($path) = @_;
	open my $in, '<:raw', $path or die "$path: $!";
	local $/;
	return scalar <$in>;
}

# Runs the probe to its end: (exit status or "signal N", stdout, stderr).
sub run_probe {
	my @arguments = @_;
	my ($out, $err) = ("$scratch/out", "$scratch/err");
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $out;
		open STDERR, '>', $err;
		exec probe_program(), @arguments or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	my $status = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
	return ($status, slurp($out), slurp($err));
}

# The document of a run that must succeed, or undef with the reason as a comment.
sub probe_json {
	my ($pid, @arguments) = @_;
	my ($status, $out, $err) = run_probe('--pid', $pid, '--json', @arguments);
	if ($status ne '0') {
		print "# exit $status: $err" =~ s/\n(?=.)/\n# /gr;
		return undef;
	}
	return JSON::PP->new->utf8->decode($out);
}

# Compiles tests/targets/heap_histories.c; returns the program's path, undef where that cannot be done.
sub compile {
	my ($name, @flags) = @_;
	my $program = "$scratch/$name";
	my @command = (split(' ', $ENV{CC} // 'cc'), '-O1', '-o', $program,
		source_dir() . '/tests/targets/heap_histories.c', @flags);
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>', '/dev/null';
		exec @command or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	return $? == 0 ? $program : undef;
}

# Starts a target and waits until its threads are parked. The environment may be changed by %$env.
sub start_target {
	my ($env, @command) = @_;
	local @ENV{keys %$env} = values %$env;
	my %target;
	$target{pid} = IPC::Open2::open2($target{out}, $target{in}, @command);
	$target{in}->autoflush(1);
	return next_report(\%target) ? \%target : undef;
}

# The next report: {tid => [allocated, deallocated]}, also kept in the target. undef when it ended.
sub next_report {
	my ($target) = @_;
	my %report;
	my $out = $target->{out};
	while (my $line = <$out>) {
		return $target->{report} = \%report if $line eq "parked\n";
		$report{$1} = [$2, $3] if $line =~ /^thread (\d+) (\d+) (\d+)$/;
	}
	return undef;
}

sub end_target {
	my ($target) = @_;
	return unless $target;
	kill 'KILL', $target->{pid};
	waitpid $target->{pid}, 0;
}

1;
