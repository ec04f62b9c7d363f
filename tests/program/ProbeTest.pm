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

our @EXPORT_OK = qw(probe_program copy_for_others probe_for_others source_dir scratch run_probe probe_json explained start_target next_report order
	end_target build compile output_of library differences settled unfolded);

our $cc = $ENV{CC} // 'cc';

my @copies; # directories of probe_for_others
my $owner = $$;
END { if ($$ == $owner) { local $?; system('rm', '-rf', @copies) if @copies } }

my $scratch = File::Temp->newdir('ktstr-probe-XXXXXX', TMPDIR => 1);

sub scratch { return "$scratch" }

sub source_dir { return $ENV{KTSTR_SRCDIR} // '.' }

sub probe_program {
	return $ENV{KTSTR_PROBE} // ($ENV{KTSTR_BUILDDIR} // '.') . '/src/tools/probe/ktstr-jemalloc-probe';
}

# A copy of the probe and its library that another user can reach: the build directory may be closed to them.
# The path, and the directory for LD_LIBRARY_PATH.
sub copy_for_others {
	my ($program) = @_;
	my ($name) = $program =~ m{([^/]*)\z};
	my ($real) = grep { -x } $program =~ s{[^/]*\z}{.libs/$name}r, $program;
	my @libs = glob(($ENV{KTSTR_BUILDDIR} // '.') . '/src/libktstr-probe/.libs/libktstr-probe.so.*');
	my $copy = File::Temp->newdir('ktstr-copy-XXXXXX', DIR => '/tmp', CLEANUP => 0);
	push @copies, "$copy";
	system('cp', '-L', $real, @libs, "$copy") == 0 or die "$copy: cannot copy $program";
	system('chmod', '-R', 'a+rX', "$copy");
	chmod 0755, "$copy", "$copy/$name";
	return ("$copy/$name", "$copy");
}

sub probe_for_others { return copy_for_others(probe_program()) }

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

# What --explain says, on stdout and stderr.
# What the probe says in words, each message in one line again: it is wrapped for people.
sub unfolded {
	my ($said) = @_;
	1 while $said =~ s/^(\S.*)\n {4}(?=\S)/$1 /m;
	return $said;
}

sub explained {
	my ($pid, @arguments) = @_;
	my ($status, $out, $err) = run_probe('--pid', $pid, '--explain', @arguments);
	return $out . unfolded($err);
}

sub output_of {
	my ($command) = @_;
	my $text = `$command 2>/dev/null`;
	chomp $text;
	return $text;
}

# The path of a library that the compiler would link, "" for none.
sub library {
	my ($name) = @_;
	my $path = output_of("$cc -print-file-name=$name");
	return $path =~ m{^/} ? $path : '';
}

# Compiles one of tests/targets; returns the path, undef where that cannot be done.
sub build {
	my ($name, $source, @flags) = @_;
	my $file = "$scratch/$name";
	my @command = (split(' ', $cc), '-O1', '-o', $file, source_dir() . "/tests/targets/$source", @flags);
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>', '/dev/null';
		exec @command or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	return $? == 0 ? $file : undef;
}

# The same with the target of ground truth.
sub compile {
	my ($name, @flags) = @_;
	return build($name, 'heap_histories.c', @flags);
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

# Gives late_library a line to carry out. Returns the report.
sub order {
	my ($target, $line) = @_;
	print { $target->{in} } "$line\n";
	return next_report($target) // die "the target ended at: $line";
}

sub end_target {
	my ($target) = @_;
	return unless $target;
	kill 'KILL', $target->{pid};
	waitpid $target->{pid}, 0;
}

# The readings that differ from the report, each as one line; "" when all are equal to the byte.
sub differences {
	my ($target, $document) = @_;
	return 'not read' unless $document;
	my %read = map { $_->{tid} => $_ } @{ $document->{snapshots}[0]{threads} };
	my $text = '';
	for my $tid (sort { $a <=> $b } keys %{ $target->{report} }) {
		my $truth = "@{ $target->{report}{$tid} }";
		my $thread = delete $read{$tid};
		my $is = !$thread ? 'missing' : $thread->{error}
			// "$thread->{allocated_bytes} $thread->{deallocated_bytes}";
		$text .= "tid $tid: $is, truth $truth\n" if $is ne $truth;
	}
	return $text . join '', map { "tid $_: not reported\n" } keys %read;
}

# {tid => [state, tracer]} of every thread, by what the kernel says.
sub states {
	my ($pid) = @_;
	my %states;
	for my $file (glob "/proc/$pid/task/*/status") {
		open my $in, '<', $file or next;
		my $text = join '', <$in>;
		$states{$1} = [ $text =~ /^State:\s+(\S)/m, $text =~ /^TracerPid:\s+(\d+)/m ] if $file =~ m{task/(\d+)/};
	}
	return \%states;
}

# Parked threads get to sleep, and stopped ones to stop, at their own time.
sub settled {
	my ($pid, $state) = @_;
	for (1 .. 1000) {
		my $states = states($pid);
		return 1 if !grep { $_->[0] ne $state || $_->[1] != 0 } values %$states;
		select undef, undef, undef, 0.01;
	}
	return 0;
}

1;
