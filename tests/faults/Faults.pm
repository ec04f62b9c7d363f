# SPDX-License-Identifier: BSD-2-Clause
# Which programs are run, with which faults, and what may come of each. Used by tests/faults/run (all of
# it) and tests/program/faults.t (a selection).
package Faults;

use strict;
use warnings;
use Errno ();
use Exporter 'import';
use Fcntl ();
use JSON::PP ();
use POSIX ();
use ProbeTest qw(scratch start_target end_target compile);
use TestKtstr ();

our @EXPORT_OK = qw(available start_targets end_targets modes faults_of run_one clean_run);

my $build = $ENV{KTSTR_BUILDDIR} // '.';
my $inject = "$build/tests/faults/inject";
my $driver = "$build/tests/faults/driver";
my $worker = $ENV{KTSTR_WORKER} // "$build/worker/ktstr-jemalloc-alloc-worker";
my $bytes = 65536;
my $time_limit = 30;
my (%targets, @modes);

# libtool's program may be a script that calls the true one: inject has to start that one itself.
sub probe_program {
	my $true = "$build/src/tools/probe/.libs/ktstr-jemalloc-probe";
	return -x $true ? $true : "$build/src/tools/probe/ktstr-jemalloc-probe";
}

# Why nothing can be injected here, or undef.
sub available {
	my $code = system($inject, scratch() . '/report', 'record', '/bin/true') >> 8;
	return $code == 77 ? 'ptrace is refused here, or the architecture is not known to inject' : undef;
}

sub start_targets {
	my $cc = $ENV{CC} // 'cc';
	my @rest = qw(-lm -lpthread -ldl);
	chomp(my $static = `$cc -print-file-name=libjemalloc.a`);
	chomp(my $shared = `$cc -print-file-name=libjemalloc.so.2`);
	my $linked = $static =~ m{^/} && compile('faults-static', $static, @rest);
	my $by_file = $shared =~ m{^/} && compile('faults-shared', $shared, @rest);
	my $plain = $shared =~ m{^/} && compile('faults-plain', @rest);
	$targets{static} = start_target({}, $linked, 8, 1) if $linked;
	$targets{many} = start_target({}, $linked, 600, 2) if $linked;
	$targets{bare} = start_target({ NO_ROBUST_LIST => 1 }, $linked, 8, 3) if $linked;
	$targets{shared} = start_target({}, $by_file, 8, 4) if $by_file;
	$targets{dlopen} = start_target({ GLIBC_TUNABLES => 'glibc.rtld.optional_static_tls=8192' }, $plain, 8, 5, 'dlopen', $shared) if $plain;
	make_modes();
}

sub end_targets {
	end_target($_) for values %targets;
	%targets = ();
}

# Each way that is gone with faults: name, command, the judge of it, options of inject, target.
sub make_modes {
	my $scratch = scratch();
	@modes = (
		{ name => 'worker', command => [$worker, $bytes], judge => \&judge_worker, inject => [-p => 'pause:1'] },
		{ name => 'worker --churn', command => [$worker, '--churn', $bytes], judge => \&judge_worker,
		  inject => [-p => 'clone3:3', '-k'], churn => 1 },
		(map { { name => "wait $_", command => [$driver, $_, $worker], judge => \&judge_wait, inject => ['-m'] } }
			qw(ready ready-pid ready-path early late)),
		{ name => 'payload', command => [$driver, 'payload', $scratch], judge => \&judge_wait, inject => ['-m'] },
	);
	my @library = (
		{ name => 'auto', target => 'static', snapshots => 3 },
		{ name => 'no names', target => 'static', snapshots => 2, more => ['no-names'] },
		{ name => 'ptrace', target => 'static', snapshots => 2, thread_pointer => 'ptrace' },
		{ name => 'musl', target => 'bare', snapshots => 2 },
		{ name => 'shared', target => 'shared', snapshots => 1 },
		{ name => 'dlopen', target => 'dlopen', snapshots => 2 },
		{ name => 'many', target => 'many', snapshots => 2 },
	);
	for my $way (grep { $targets{ $_->{target} } } @library) {
		push @modes, { name => "libktstr-probe $way->{name}", target => $way->{target}, judge => \&judge_library,
			inject => ['-m'], snapshots => $way->{snapshots}, command => [$driver, 'probe', $targets{ $way->{target} }{pid},
				$way->{thread_pointer} // 'auto', $way->{snapshots}, @{ $way->{more} // [] }] };
	}
	my @three = (snapshots => 3, options => [qw(--snapshots 3 --interval-ms 1)]);
	my @program = (
		{ name => 'json', target => 'static', json => 1 },
		{ name => 'text', target => 'shared' },
		{ name => '3 snapshots', target => 'static', json => 1, @three },
		{ name => 'ptrace json', target => 'static', json => 1, options => [qw(--thread-pointer ptrace)] },
		{ name => '3 in text', target => 'static', @three },
		{ name => 'dlopen explain', target => 'dlopen', json => 1, options => ['--explain'] },
		{ name => 'many', target => 'many', json => 1, options => [qw(--abort-after-ms 30000)] },
	);
	for my $way (grep { $targets{ $_->{target} } } @program) {
		push @modes, { name => "probe $way->{name}", target => $way->{target}, judge => \&judge_program,
			snapshots => $way->{snapshots} // 1, json => $way->{json}, command => [probe_program(), '--pid',
				$targets{ $way->{target} }{pid}, $way->{json} ? '--json' : (), @{ $way->{options} // [] }] };
	}
}

sub modes { return @modes }

sub slurp { return TestKtstr::slurp($_[0]) // '' }

# Runs it once. Returns the report's words: {word => rest of the line}, with out, err and calls.
sub run_one {
	my ($mode, $spec) = @_;
	my $scratch = scratch();
	my ($report, $out, $err, $marker) = map { "$scratch/fault-$_" } qw(report out err marker);
	unlink $report, $marker;
	pipe my $go_read, my $go_write or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		close $go_write;
		open STDIN, '<&', $go_read;
		open STDOUT, '>', $out;
		open STDERR, '>', $err;
		$ENV{KTSTR_WORKER_READY_MARKER_OVERRIDE} = $marker if $mode->{name} =~ /^worker/;
		$ENV{FAULTS_MARKER} = $marker;
		$ENV{MALLOC_PERTURB_} = 165; # mallopt(3): what is used before it is set shows
		$ENV{LD_LIBRARY_PATH} = "$build/src/libktstr-probe/.libs";
		$ENV{LC_ALL} = 'C';
		exec $inject, '-t', $time_limit, @{ $mode->{inject} // [] }, $report, $spec, @{ $mode->{command} }
			or POSIX::_exit(127);
	}
	close $go_read;
	my $parked;
	if ($mode->{judge} == \&judge_worker && !$mode->{churn}) {
		TestKtstr::until_true { ($parked) = slurp($report) =~ /^parked (\d+)$/m; $parked || !kill(0, $pid)
			|| waitpid($pid, POSIX::WNOHANG()) } $time_limit + 30;
	}
	my %result = (marker => $marker, $parked ? (readings => clean_reading($parked)) : ());
	close $go_write;
	waitpid $pid, 0;
	for (split /\n/, slurp($report)) {
		my ($word, $rest) = split / /, $_, 2;
		if ($word eq 'call' || $word eq 'unknown') { push @{ $result{$word} }, $rest }
		else { $result{$word} = $rest // 1 }
	}
	return { %result, out => slurp($out), err => slurp($err) };
}

# What a probe without faults says of the worker: [allocated] or nothing.
sub clean_reading {
	my ($pid) = @_;
	my $document = ProbeTest::probe_json($pid) or return [];
	return [map { $_->{allocated_bytes} } @{ $document->{snapshots}[0]{threads} }];
}

sub clean_run {
	my ($mode) = @_;
	return run_one($mode, 'record');
}

sub fault {
	my ($call, $nth, $error) = @_;
	return { call => $call, nth => $nth, error => $error, spec => "$call:$nth:$error" };
}

# {call, nth, error, or "short" for it} for a recorded run, and as inject takes it in {spec}. $few: a small choice that differs from call to call.
sub faults_of {
	my ($result, $few) = @_;
	my (@plan, $turn);
	for (sort @{ $result->{call} // [] }) {
		my ($call, $count, $errors, $short) = split / /;
		my %nths = map { $_ => 1 } 1, $count > 1 ? 2 : 1, int(($count + 1) / 2), $count;
		my @nths = sort { $a <=> $b } keys %nths;
		my @errors = (split(/,/, $errors), $short eq 'short' ? 'short' : ());
		if ($few) {
			my $at = $turn++;
			push @plan, fault($call, $nths[0], $errors[$at % @errors]), fault($call, $nths[-1], $errors[($at + 1) % @errors]);
			next;
		}
		for my $nth (@nths) {
			push @plan, map { fault($call, $nth, $_) } @errors;
		}
	}
	return @plan;
}

# ---- judging: a word for what came of it; one that begins with "BAD" is a fault of ours ----

sub error_text {
	my ($error) = @_;
	return undef if !$error || $error eq 'short';
	no strict 'refs';
	my $number = &{"Errno::$error"}();
	return POSIX::strerror($number);
}

sub judge {
	my ($mode, $result, $error) = @_;
	return 'BAD hang' if $result->{hang};
	# jemalloc 5.3's pages_boot(), before main: it writes to what mmap(2) refused.
	return 'jemalloc ends at its start, told' if $mode->{name} =~ /^worker/ && !-e $result->{marker}
		&& $result->{err} =~ /^<jemalloc>: Cannot allocate memory for MADV_DONTNEED check/;
	return 'BAD crash, signal ' . $result->{signal} if $result->{signal} && !defined $result->{parked};
	return 'BAD no end told' unless $result->{done};
	return "BAD left $result->{left} processes" if $result->{left};
	my $target = state_of_target($mode);
	return "BAD $target" if $target;
	return $mode->{judge}->($mode, $result, $error);
}

sub state_of_target {
	my ($mode) = @_;
	my $target = $mode->{target} ? $targets{ $mode->{target} } : return;
	for (glob "/proc/$target->{pid}/task/*/status") {
		my $status = slurp($_);
		return "the target is stopped: $_ $1" if $status =~ /^State:\s+([tTZX].*)$/m;
		return "the target is traced: $_" if $status !~ /^TracerPid:\s+0$/m;
	}
	return -e "/proc/$target->{pid}/task" ? undef : 'the target is gone';
}

# What these errors say stands in other words.
my %told_otherwise = (
	ENOENT => qr/\b(?:ended|does not exist|no such process)/,
	ESRCH => qr/\b(?:ended|does not exist|no such process)/,
	# A file whose image cannot be read in memory is passed over.
	ENOSYS => qr/process_vm_readv is not there|no sign of jemalloc/,
	EFAULT => qr/its ELF headers in memory cannot be read|no sign of jemalloc/,
	ENOMEM => qr/Resource temporarily unavailable/, # pthread_create(3) makes EAGAIN of it
);

sub tells {
	my ($text, $error) = @_;
	my $wanted = error_text($error) // return 1;
	return 1 if index($text, $wanted) >= 0;
	my $other = $told_otherwise{$error};
	# Where one of many looks fails that only confirm something, the text says what could not be looked at.
	return $other && $text =~ $other || $text =~ m{its memory can no longer be read|/ns/mnt may not be read|is procfs mounted}
		# Written by stdio in the middle of a line, which keeps no errno.
		|| $text =~ /the output could not be written: Input.output error/;
}

sub judge_worker {
	my ($mode, $result, $error) = @_;
	my $stands = -e $result->{marker};
	if (defined $result->{parked}) {
		return 'BAD parked without its marker' unless $stands;
		return 'BAD marker with ' . slurp($result->{marker}) unless slurp($result->{marker}) eq "ready\n";
		return 'ready' if $mode->{churn};
		my @read = @{ $result->{readings} // [] };
		return 'ready' if @read == 1 && $read[0] >= $bytes && $read[0] <= $bytes + 4096;
		return "BAD ready, but read as @read";
	}
	return 'BAD false ready: the marker stands, the worker ended' if $stands;
	my $exit = $result->{exit} // 'none';
	return "BAD exit $exit" unless $exit =~ /^[2-7]$/;
	return "BAD text: $result->{err}" unless $result->{err} =~ /\Ajemalloc-alloc-worker: .+\n\z/;
	return "BAD text does not name it: $result->{err}" unless tells($result->{err}, $error) || $exit == 7;
	return "refused, exit $exit";
}

sub judge_driver {
	my ($result, $error) = @_;
	return 'BAD driver, exit ' . ($result->{exit} // '?') . " $result->{err}" unless ($result->{exit} // 1) eq '0';
	my ($left) = $result->{out} =~ /^left (.*)$/m;
	return "BAD left behind (fds, blocks, children): $left" unless ($left // '') eq '0 0 0'
		|| ($left // '') eq '0 0 1' && ($error // '') eq 'ECHILD'; # the kernel denied that there is a child to reap
	my @again = $result->{out} =~ /^again (.*)$/mg;
	return "BAD afterwards: @again" unless "@again" eq 'ok';
	return "BAD $1" if $result->{out} =~ /^(false-ready .*|failed-error .*)$/m;
	return "BAD stderr: $result->{err}" if $result->{err} ne '';
	return;
}

my %outcome_of = ('wait ready' => 'ready', 'wait ready-pid' => 'ready', 'wait ready-path' => 'ready',
	'wait early' => 'exited-before', 'wait late' => 'timed-out');

sub judge_wait {
	my ($mode, $result, $error) = @_;
	my $bad = judge_driver($result, $error);
	return $bad if $bad;
	my $out = $result->{out};
	if ($out =~ /^failed (\w+) \((\w+)\) ?(.*)$/m) {
		my ($code, $what, $text) = ($1, $2, $3);
		return "BAD $what fails without a text" if $text eq '' && $what =~ /^(?:spawn|wait|remove)$/ && $mode->{name} ne 'payload';
		return "BAD text does not name $error: $what: $text" unless $text eq '' || tells($text, $error);
		return "$what refused";
	}
	# The word to the new child could not be sent, as if it had been killed: its status tells.
	return 'exited, told' if ($error // '') =~ /^(?:EPIPE|ECONNRESET)$/ && $out =~ /^outcome exited-before .*status 127|^status 32512$/m;
	return "BAD $1" if $out =~ /^(failed.*|lost output)/m;
	my $wanted = $outcome_of{ $mode->{name} } // return 'correct';
	return 'correct' if $out =~ /^outcome \Q$wanted\E /m;
	return 'BAD outcome: ' . ($out =~ /^(outcome .*)$/m ? $1 : 'none');
}

# What the snapshots say against the truth: undef, "thread errors", or what is wrong.
sub compare {
	my ($mode, @snapshots) = @_;
	my $truth = $targets{ $mode->{target} }{report};
	my $unread = 0;
	for my $snapshot (@snapshots) {
		for my $tid (keys %$truth) {
			my $is = $snapshot->{$tid} // return "BAD thread $tid is lost";
			next if $is eq "@{ $truth->{$tid} }";
			return "BAD wrong number: $tid $is, truth @{ $truth->{$tid} }" if $is !~ /^unread/;
			$unread++;
		}
		return 'BAD a thread too many' if keys %$snapshot != keys %$truth;
	}
	return $unread ? 'thread errors' : undef;
}

sub judge_library {
	my ($mode, $result, $error) = @_;
	my $bad = judge_driver($result, $error);
	return $bad if $bad;
	my @snapshots;
	for (split /\n/, $result->{out}) {
		push @snapshots, {} if $_ eq 'snapshot';
		$snapshots[-1]{$1} = "$2 $3" if /^reading (\d+) (\d+) (\d+)$/;
		$snapshots[-1]{$1} = "unread $2" if /^unread (\d+) (.*)$/;
	}
	my $compared = compare($mode, @snapshots);
	return $compared if $compared && $compared =~ /^BAD/;
	if ($result->{out} =~ /^failed (\w+) (\[.*?\]) (\(.*?\)) (.*)$/m) {
		return "BAD text does not name $error: $1 $2 $3 $4" unless tells($4, $error);
		return "refused $2";
	}
	return 'BAD snapshots are missing' if @snapshots != $mode->{snapshots};
	return 'BAD interrupted' if $result->{out} =~ /^interrupted/m;
	return $compared // 'correct';
}

sub json_snapshots {
	my ($text) = @_;
	my $document = eval { JSON::PP->new->utf8->decode($text) } // return (undef, 'no JSON');
	return ($document, map { { map { $_->{tid} => defined $_->{error_kind} ? "unread $_->{error_kind}"
		: "$_->{allocated_bytes} $_->{deallocated_bytes}" } @{ $_->{threads} } } } @{ $document->{snapshots} });
}

sub text_snapshots {
	my ($out, $err) = @_;
	my @snapshots;
	for (split /\n/, $out) {
		push @snapshots, {} if /^--- snapshot /;
		$snapshots[-1]{$1} = "$2 $3" if /^tid=(\d+) .*allocated_bytes=(\d+) deallocated_bytes=(\d+)$/;
	}
	my @warned = $err =~ /^warning: tid (\d+) /mg;
	for my $tid (@warned) { # stderr does not tell of which snapshot
		for (grep { !exists $_->{$tid} } @snapshots) { $_->{$tid} = 'unread'; last }
	}
	return @snapshots;
}

sub judge_program {
	my ($mode, $result, $error) = @_;
	my ($exit, $out, $err) = ($result->{exit} // 'none', $result->{out}, $result->{err});
	my ($tag, $text) = $err =~ /^ktstr-probe-fatal: (\S+)\nerror: (.+)$/m;
	if ($exit eq '1') {
		return "BAD text does not name $error: $text" if $text && !tells($text, $error);
		return "refused [$tag]" if $text;
		return 'all threads failed' if $err =~ /^ktstr-probe-all-failed: /m;
		return "no session: $1" if $err =~ /^error: (no session.*)$/m;
		return "BAD exit 1 without a reason: $err";
	}
	return "BAD exit $exit: $err" unless $exit eq '0';
	($text) = $err =~ m{^warning: snapshot \d+/\d+ is the last: (.+)$}m unless $text;
	my ($document, @snapshots) = $mode->{json} ? json_snapshots($out) : (1, text_snapshots($out, $err));
	return 'BAD exit 0 with a broken document' unless $document;
	my $compared = compare($mode, @snapshots);
	return $compared if $compared && $compared =~ /^BAD/;
	if (@snapshots < $mode->{snapshots}) {
		return 'BAD snapshots are missing without a reason' unless $text;
		return "BAD text does not name $error: $text" unless tells($text, $error);
		return 'BAD not marked interrupted' if $mode->{json} && !$document->{interrupted};
		return 'cut short, told';
	}
	return $compared // 'correct';
}

1;
