#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Who may read whom: the probe says which gate is shut and what would open it, and prints no figures.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use ProbeTest qw(probe_for_others scratch source_dir run_probe probe_program start_target end_target compile);
use TestKtstr qw(is_root become_nobody find_program until_true slurp);
use Test::More;

chomp(my @libraries = grep { m{^/} } map { `$ENV{CC} -print-file-name=$_` } 'libjemalloc.so.2', 'libjemalloc.a');
my $launcher = scratch() . '/refuse_calls';
system(split(' ', $ENV{CC}), '-O1', '-o', $launcher, source_dir() . '/tests/targets/refuse_calls.c') == 0
	or BAIL_OUT('refuse_calls was not built');
my $program = compile('target', $libraries[0], qw(-lm -lpthread -ldl)) or BAIL_OUT('the target was not built');
chmod 0755, scratch(); # for the other user
my $yama = slurp('/proc/sys/kernel/yama/ptrace_scope') // 0;

# Runs the probe, as nobody if asked; exit, stdout and stderr.
sub probe_as {
	my ($nobody, @command) = @_;
	my ($out, $err) = map { scratch() . "/as-$_" } 'out', 'err';
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDOUT, '>', $out;
		open STDERR, '>', $err;
		become_nobody() if $nobody;
		exec @command or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	return ($? & 127 ? "signal $?" : $? >> 8, slurp($out), slurp($err));
}

# A target of another user: the whole subtree is theirs.
sub start_as_nobody {
	my (@command) = @_;
	return start_target({}, 'setpriv', qw(--reuid 65534 --regid 65534 --clear-groups), @command);
}

sub denied {
	my ($what, $gate, @run) = @_;
	my ($status, $out, $err) = probe_as(@run);
	is("$status:$out", '1:', "$what: exit 1, no figures");
	$err =~ s/\n    / /g; # long texts are wrapped
	like($err, qr/\Aktstr-probe-fatal: permission-denied\nerror: [^\n]*$gate[^\n]*\n\z/, "$what: tag, gate and remedy");
}

# Root that may do less: what a container's is, unless it is given more.
SKIP: {
	skip 'needs root and setpriv, to take a capability from root', 1 unless is_root() && find_program('setpriv');
	subtest 'uid 0 without CAP_SYS_PTRACE is refused, and told what is missing' => sub {
		my $target = start_as_nobody($program, 1, 1);
		denied('a user\'s process', 'runs as another user.*uid 0 without CAP_SYS_PTRACE.*--cap-add SYS_PTRACE', 0,
			qw(setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace), probe_program(), '-p', $target->{pid});
		end_target($target);
	};
}

# A probe that the other user can reach: the build directory may be closed to it.
SKIP: {
	skip 'needs root, to be two users', 1 unless is_root() && find_program('setpriv');
	subtest 'an ordinary user reads what is its own' => sub {
		my ($probe, $libraries) = probe_for_others();
		chmod 0755, $program, $launcher;
		local $ENV{LD_LIBRARY_PATH} = $libraries;

		my $roots = start_target({}, $program, 2, 1);
		denied("root's process", 'runs as another user.*run this as root \(CAP_SYS_PTRACE\)', 1, $probe, '-p', $roots->{pid}, '--json');
		denied("root's process by ptrace", 'runs as another user', 1, $probe, '-p', $roots->{pid}, '--thread-pointer=ptrace');
		end_target($roots);

		my $own = start_as_nobody($program, 2, 2);
		ok($own, 'a target of that user') or return;
		SKIP: {
			skip "Yama's ptrace_scope $yama keeps others than an ancestor out", 2 if $yama > 0;
			my ($status, $out, $err) = probe_as(1, $probe, '-p', $own->{pid});
			is($status, 0, 'its own process is read') or diag($err);
			my %read = map { /^tid=(\d+) .*allocated_bytes=(\d+) deallocated_bytes=(\d+)$/ ? ($1 => [$2, $3]) : () } split /\n/, $out;
			is_deeply(\%read, $own->{report}, 'its figures are right to the byte');
		}
		end_target($own);

		my $hidden = start_as_nobody($launcher, 'hidden');
		denied('its own, not dumpable', 'not dumpable.*PR_SET_DUMPABLE.*run this as root', 1, $probe, '-p', $hidden->{pid});
		my ($status, $out, $err) = probe_as(0, $probe, '-p', $hidden->{pid});
		like($err, qr/^ktstr-probe-fatal: jemalloc-not-found$/m, 'root may look into that one');
		end_target($hidden);
	};
}

subtest 'a seccomp filter on the probe is named, or gone around' => sub {
	my $target = start_target({}, $program, 2, 3);
	my $pid = $target->{pid};
	my @probe = (probe_program(), '-p', $pid);
	if ($yama == 0 || is_root()) {
		my ($status) = probe_as(0, @probe);
		is($status, 0, 'without one it is read');
	}
	denied('process_vm_readv is refused', 'seccomp filter of our own process refused', 0, $launcher, 'process_vm_readv', 1, @probe);
	denied('get_robust_list is refused, and it alone wanted', 'seccomp filter of our own process refused', 0, $launcher,
		'get_robust_list', 1, @probe, '--thread-pointer=robust-list');
	# ENOSYS, as some filters say: never a wrong number, and a sentence that names the call.
	my ($status, $out, $err) = probe_as(0, $launcher, 'process_vm_readv', 38, @probe);
	is("$status:$out", '1:', 'process_vm_readv is not there: exit 1');
	like($err, qr/\Aktstr-probe-fatal: \S+\nerror: [^\n]*process_vm_readv[^\n]*\n\z/, 'says which call');
	for my $error ([38, 'is not there'], [1, 'is refused']) {
		my ($tracing, $figures) = probe_as(0, $launcher, 'get_robust_list', $error->[0], @probe, '--explain');
		is($tracing, 0, "get_robust_list $error->[1]: ptrace in its place");
		my %read = map { /^tid=(\d+) .*allocated_bytes=(\d+) deallocated_bytes=(\d+)$/ ? ($1 => [$2, $3]) : () } split /\n/, $figures;
		is_deeply(\%read, $target->{report}, 'its figures are right to the byte');
	}
	end_target($target);
};
done_testing();
