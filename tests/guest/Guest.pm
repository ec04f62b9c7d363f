# SPDX-License-Identifier: BSD-2-Clause
# Boots the guest under qemu within a time limit, and reads what it reports. Used by tests/guest/*.t.
package Guest;

use strict;
use warnings;
use Compress::Zlib ();
use Exporter 'import';
use POSIX ();
use Time::HiRes ();

our @EXPORT_OK = qw(boot feed finish new_state);

my %machines = (
	x86_64 => { qemu => 'qemu-system-x86_64', console => 'ttyS0', machine => 'q35' },
	aarch64 => { qemu => 'qemu-system-aarch64', console => 'ttyAMA0', machine => 'virt' },
);

sub command {
	my ($list, $memory) = @_;
	my $arch = $ENV{KTSTR_GUEST_ARCH} // 'x86_64';
	my $machine = $machines{$arch} // die "no guest is known for $arch\n";
	my $accel = $ENV{KTSTR_GUEST_ACCEL} || 'tcg';
	my $cpu = $accel ne 'tcg' ? 'host' : $arch eq 'aarch64' ? 'max,pauth-impdef=on' : 'max';
	return ($machine->{qemu}, '-machine', $machine->{machine}, '-accel', $accel, '-cpu', $cpu, '-smp', 2,
		'-m', $memory, '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none',
		'-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console',
		'-kernel', $ENV{KTSTR_GUEST_KERNEL}, '-initrd', $ENV{KTSTR_GUEST_INITRAMFS},
		# A panic ends qemu: panic=-1 restarts at once, and -no-reboot makes that an end.
		'-append', "console=$machine->{console} panic=-1 oops=panic rdinit=/init -- $list");
}

# Judges one line of the console. Returns (count, text) of a sound report, nothing for the kernel's
# own words, and dies with the reason for a damaged report.
sub parse_line {
	my ($line) = @_;
	$line =~ s/\r+$//;
	return if $line !~ /\@ktstr|^\@/;
	my ($count, $sum, $text) = $line =~ /^\@ktstr ([0-9]+) ([0-9a-f]{8}) (.*)$/
		or die "a garbled line: $line\n";
	die "a line whose sum is wrong: $line\n" if hex $sum != Compress::Zlib::crc32("$count $text");
	return ($count, $text);
}

# Takes the reports in as they come. $state: { count, passed, failed, ended, current }.
sub take {
	my ($state, $line, $on_test) = @_;
	my ($count, $text) = parse_line($line) or return;
	die "a line was lost: number $count follows $state->{count}\n" if $count != $state->{count} + 1;
	die "a report behind the end: $text\n" if $state->{ended};
	$state->{count} = $count;
	if ($text =~ /^diag (.*)/) { push @{ $state->{said} }, $1 }
	elsif ($text =~ /^begin (.*)/) { $state->{current} = $1 }
	elsif ($text =~ /^(ok|not ok) (.*)/) {
		$state->{ $1 eq 'ok' ? 'passed' : 'failed' }++;
		$on_test->($1 eq 'ok', $2, $state->{said});
		@$state{qw(said current)} = ([], undef);
	}
	elsif ($text =~ /^end ([0-9]+) ([0-9]+)$/) {
		die "the guest counts $1 and $2, but $state->{passed} and $state->{failed} came here\n"
			if $1 != $state->{passed} || $2 != $state->{failed};
		$state->{ended} = 1;
	}
	elsif ($text =~ /^hello (.*)/) { $state->{hello} = $1 }
	else { die "not a report: $text\n" }
}

sub new_state { return { count => 0, passed => 0, failed => 0, said => [], console => '', rest => '' } }

# Takes what came from the console, in pieces of any size. The first damage stays as $state->{fault}.
sub feed {
	my ($state, $data, $on_test) = @_;
	$state->{console} .= $data;
	$state->{rest} .= $data;
	while ($state->{rest} =~ s/^(.*?)\n//) {
		my $line = $1;
		next if $state->{fault};
		eval { take($state, $line, $on_test); 1 } or chomp($state->{fault} = $@);
	}
}

# Nothing more comes: is that the end of the list?
sub finish {
	my ($state) = @_;
	$state->{fault} //= 'the kernel panicked' if $state->{console} =~ /Kernel panic/;
	$state->{fault} //= 'the guest ended before its list did' if !$state->{ended};
	$state->{fault} .= ", in: $state->{current}" if $state->{fault} && defined $state->{current};
}

sub start {
	my @command = @_;
	pipe my $from, my $to or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		setpgrp 0, 0;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>&', $to;
		open STDERR, '>&', $to;
		exec @command or do { print "cannot start $command[0]: $!\n"; POSIX::_exit(127) };
	}
	return ($pid, $from);
}

my $running;
$SIG{$_} = sub { exit 1 } for qw(HUP INT TERM);
END { my $status = $?; if ($running) { kill KILL => -$running; waitpid $running, 0 } $? = $status }

# Boots with this list of tests. Each inner test is given to $on_test->(ok, name, [what it said]) at once.
# Returns { fault, console, hello, seconds, passed, failed }; fault is undef when the guest reported
# all of its list and ended by itself.
sub boot {
	my ($list, $memory, $limit, $on_test) = @_;
	my $state = new_state();
	my $began = Time::HiRes::time();
	# The outer bound holds also when this process is killed.
	my ($pid, $from) = start('timeout', '-s', 'KILL', $limit + 30, command($list, $memory));
	$running = $pid;
	while (1) {
		my $left = $began + $limit - Time::HiRes::time();
		my $ready = '';
		vec($ready, fileno $from, 1) = 1;
		if ($left <= 0) { $state->{fault} //= "no end within $limit s"; last }
		next if select($ready, undef, undef, $left) <= 0;
		sysread $from, my $data, 65536 or last;
		feed($state, $data, $on_test);
	}
	kill KILL => -$pid;
	waitpid $pid, 0;
	undef $running;
	finish($state);
	$state->{seconds} = Time::HiRes::time() - $began;
	return $state;
}

1;
