#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Files are read by a child without privileges. Faults are planted in a copy of the probe: the child comes to
# grief, and the probe says so and goes on.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use POSIX ();
use ProbeTest qw(scratch source_dir probe_program probe_json run_probe start_target next_report end_target unfolded);
use TestKtstr qw(sanitizers slurp);
use Test::More;

my $build = $ENV{KTSTR_BUILDDIR} // '.';
my @cc = split ' ', $ENV{CC} // 'cc';
my $shipped = probe_program();
my $planted = "$build/tests/targets/planted_probe";
my $sanitized = sanitizers() =~ /address|thread|memory/;
my @targets;
my $owner = $$;
END { if ($$ == $owner) { local $?; end_target($_) for @targets } }
$SIG{ALRM} = sub { die "waited for too long\n" };
alarm 300;

sub built { my ($name, @rest) = @_; my $path = scratch() . "/$name"; return system(@cc, '-O1', '-o', $path, @rest) == 0 ? $path : undef }
sub target { my $target = start_target(@_) or BAIL_OUT('a target did not start'); push @targets, $target; return $target }

# With which program, and which fault in it.
sub run_with {
	my ($program, $fault, @arguments) = @_;
	local $ENV{KTSTR_PROBE} = $program;
	local $ENV{PLANTED} = $fault;
	my ($status, $out, $err) = run_probe(@arguments);
	return ($status, $out, unfolded($err));
}

sub differences {
	my ($target, $text) = @_;
	my %read = $text =~ /^tid=(\d+) .*allocated_bytes=(\d+ deallocated_bytes=\d+)$/mg;
	my %truth = map { $_ => "$target->{report}{$_}[0] deallocated_bytes=$target->{report}{$_}[1]" } keys %{ $target->{report} };
	return join ' ', grep { ($read{$_} // '') ne ($truth{$_} // '') } keys %{ { %read, %truth } };
}

# A probe whose child hangs: its pid, and the pids of all three as far as they were seen.
sub hanging {
	my ($target) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		$ENV{PLANTED} = 'hang';
		open STDERR, '>', scratch() . '/hang';
		exec $planted, '-p', $target, '--explain' or POSIX::_exit(127);
	}
	my @family;
	for (1 .. 2000) {
		my (%parent, %mine);
		for (glob '/proc/[0-9]*/stat') {
			$parent{$1} = $2 if (slurp($_) // '') =~ /^(\d+) \(planted_probe\) \S (\d+) /;
		}
		$mine{$pid} = 1;
		for (1 .. 2) { $mine{$_} = 1 for grep { $mine{ $parent{$_} } } keys %parent }
		@family = keys %mine;
		last if @family == 3;
		select undef, undef, undef, 0.01;
	}
	return ($pid, @family);
}

my $targets = source_dir() . '/tests/targets';
my $isolated = $sanitized ? qr/read by this process itself: built with a sanitizer/
	: qr/read by a child with limits, without privileges, with a filter of system calls$/m;

# What becomes of the child, and the words for it.
my %faults = (
	crash => qr/the child that read it was killed by signal 11: a bad address/,
	# On a machine that is busy enough 20 s pass before 3 s of processor time have.
	loop => qr/the child that read it (?:was killed by signal 24: its limit of processor time|had not ended after 20000 ms)/,
	socket => qr/the child that read it was killed by signal 31: a forbidden system call/,
	nonsense => qr/the child that read it gave an answer that makes no sense/,
);

# A program whose memory leaves a doubt, as it has TLS of its own, and a jemalloc that its memory settles.
chomp(my $shared = `@cc -print-file-name=libjemalloc.so.2`);
my $tls = scratch() . '/tls.c';
open my $out, '>', $tls or die;
print $out "_Thread_local int filler[4] = {1}; int filled(void); int filled(void) { return filler[0]; }\n";
close $out;
SKIP: {
	skip 'libjemalloc.so.2 is not installed', 1 unless $shared =~ m{^/};
	my $program = built('both', "$targets/heap_histories.c", $tls, $shared, qw(-lm -lpthread -ldl)) // BAIL_OUT('not built');
	my $target = target({}, $program, 4, 1);
	my ($status, $said, $err) = run_with($shipped, 'crash', '-p', $target->{pid}, '--explain');
	is("$status " . differences($target, $said), '0 ', 'a doubtful program file: right') or diag($err);
	like($err, qr/^isolation: \Q$program\E: $isolated/m, '--explain: read by a child');
	($status, $said, $err) = run_with($shipped, '', '-p', $target->{pid}, '--explain', '--no-isolation');
	is("$status " . differences($target, $said), '0 ', '--no-isolation: right') or diag($err);
	like($err, qr/^isolation: \Q$program\E: read by this process itself: isolation is switched off$/m, 'and it says so')
		unless $sanitized;
	($status, $said, $err) = run_with($shipped, '', '-p', $target->{pid}, '--explain', '--debuginfo=off');
	is("$status " . differences($target, $said), '0 ', 'no file at all: right') or diag($err);
	unlike($err, qr/^isolation:/m, 'and no child is made');
	last SKIP if $sanitized; # no child is made
	for my $fault (sort keys %faults) {
		($status, $said, $err) = run_with($planted, $fault, '-p', $target->{pid}, '--explain');
		is("$status " . differences($target, $said), '0 ', "$fault: the probe goes on and is right") or diag($err);
		like($err, qr/^isolation: \Q$program\E: $faults{$fault}/m, "$fault: and says what happened");
	}
	($status) = run_with($planted, 'crash', '-p', $target->{pid}, '--no-isolation');
	is($status, 'signal 11', 'without isolation the probe shares the fate of what it reads');

	# A signal while its child hangs. Stopped, the probe ends at once, and not with the child's 20 seconds; killed,
	# the keeper between them and the child end with it.
	for my $case ([ INT => 'exit 1' ], [ TERM => 'exit 1' ], [ KILL => 'signal 9' ]) {
		my ($signal, $end) = @$case;
		my ($pid, @family) = hanging($target->{pid});
		is(@family, 3, "a probe, a keeper, a child; SIG$signal");
		kill $signal, $pid;
		waitpid $pid, 0;
		is($? & 127 ? 'signal ' . ($? & 127) : 'exit ' . ($? >> 8), $end, "SIG$signal: how it ended");
		like(slurp(scratch() . '/hang'), qr{: the child that read it was killed: cancelled$}m, "SIG$signal: the child's time was not waited for")
			if $signal ne 'KILL';
		my @left;
		for (1 .. 2000) {
			@left = grep { (slurp("/proc/$_/stat") // '') =~ /\) [^ZX]/ } @family;
			last unless @left;
			select undef, undef, undef, 0.01;
		}
		is("@left", '', "SIG$signal: no child is left behind");
	}
}

# Where only the file can tell.
SKIP: {
	skip 'the table has no old jemalloc of this architecture', 1 if (POSIX::uname())[4] ne 'x86_64';
	my $late = built('late', "$targets/late_library.c", qw(-lpthread -ldl)) // BAIL_OUT('not built');
	my $old = built('old', "$targets/late_library.c", "$targets/tls_library.c", qw(-DOLD -lpthread -ldl)) // BAIL_OUT('not built');
	my $library = built('old.so', "$targets/tls_library.c", qw(-shared -fPIC -DOLD)) // BAIL_OUT('not built');
	for my $case ([ 'program', {}, $old, 'jemalloc-not-found' ], [ 'library', { LD_PRELOAD => $library }, $late, 'layout-unknown' ]) {
		my ($what, $env, $program, $tag) = @$case;
		my $target = target($env, $program, 3);
		print { $target->{in} } "open 1 - -\n";
		next_report($target);
		print { $target->{in} } "use 1 2 12345\n";
		next_report($target);
		my ($status, $said, $err) = run_with($planted, '', '-p', $target->{pid}, '--explain');
		is("$status " . differences($target, $said), '0 ', "$what: right by its symbol") or diag($err);
		like($err, qr/^isolation: .*$isolated/m, "$what: read by a child");
		next if $sanitized;
		for my $fault (sort keys %faults) {
			($status, $said, $err) = run_with($planted, $fault, '-p', $target->{pid});
			like("$status$said $err", qr/\A1 ktstr-probe-fatal: $tag\nerror: .*Could not examine: \S+: $faults{$fault}/,
				"$what, $fault: refused, with the reason");
		}
	}
}
done_testing();
