# SPDX-License-Identifier: BSD-2-Clause
# Changes made one after the other to a copy of the tree, each built and tested there: what the tables of check-pins and
# of check-mutants have in common.
package Mutation;
use strict;
use warnings;
use Exporter 'import';
use File::Path qw(make_path remove_tree);
use POSIX ();
use Time::HiRes qw(time);

our @EXPORT = qw(slurp spew passes builds build_log mutate_all);

# What has to be made for a test; a unit test is its own target.
my %needs = (
	'tests/program/contract.t' => ['worker/ktstr-jemalloc-alloc-worker', 'src/tools/probe/ktstr-jemalloc-probe', 'src/libktstr/ktstr.pc'],
	'tests/program/worker.t' => ['worker/ktstr-jemalloc-alloc-worker'],
);

# A change can make a test loop. It gets many times what it takes in the unchanged tree, and a minute at least.
my $shortest_limit = 60;
my $times_longer = 20;
my %seconds;

sub slurp {
	my ($path) = @_;
	open my $in, '<:raw', $path or die "$path: $!\n";
	local $/;
	return scalar <$in>;
}

sub spew {
	my ($path, $text) = @_;
	open my $out, '>:raw', $path or die "$path: $!\n";
	print $out $text;
	close $out or die "$path: $!\n";
}

# Runs a command with its output in a file. True when it succeeds; when it takes longer than limit seconds, all of it is
# killed.
sub quietly {
	my ($directory, $log, $limit, @command) = @_;
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		setpgrp;
		chdir $directory or POSIX::_exit(126);
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		exec @command or POSIX::_exit(127);
	}
	local $SIG{ALRM} = sub { kill KILL => -$pid };
	local @SIG{qw(INT TERM)} = (sub { kill KILL => -$pid; exit 1 }) x 2;
	alarm $limit;
	waitpid $pid, 0;
	my $status = $?;
	alarm 0;
	return $status == 0;
}

sub build_log { return slurp("$_[0]/log") }

sub passes {
	my ($copy, $test) = @_;
	my $build = "$copy/build";
	my $limit = ($seconds{$test} // 0) * $times_longer;
	$limit = $shortest_limit if $limit < $shortest_limit;
	return quietly($build, "$copy/log", int $limit, "./$test") unless $test =~ /\.t\z/;
	local @ENV{qw(KTSTR_SRCDIR KTSTR_BUILDDIR KTSTR_WORKER)} = ($copy, $build, "$build/worker/ktstr-jemalloc-alloc-worker");
	return quietly($build, "$copy/log", int $limit, $^X, '-w', "-I$copy/tests/program", "$copy/$test");
}

sub builds {
	my ($copy, @tests) = @_;
	return quietly("$copy/build", "$copy/log", 0, 'make', '-s', map { @{ $needs{$_} // [$_] } } @tests);
}

sub everything_passes {
	my ($copy, $when, @tests) = @_;
	builds($copy, @tests) or die "the unchanged tree does not build $when: " . build_log($copy);
	for my $test (@tests) {
		my $start = time;
		passes($copy, $test) or die "$test fails in the unchanged tree $when: " . build_log($copy);
		$seconds{$test} //= 1 + time - $start;
	}
}

# A copy of the tree with all built that the tests need, in which every test passes.
sub prepare {
	my ($tree, $copy, @tests) = @_;
	system('cp', '-R', $tree, $copy) == 0 && system('chmod', '-R', 'u+w', $copy) == 0 or die "cp: $!\n";
	make_path("$copy/build");
	quietly("$copy/build", "$copy/log", 0, '../configure', '--quiet', '--disable-static', 'CFLAGS=-O0')
		or die 'configure failed: ' . build_log($copy);
	everything_passes($copy, 'before', @tests);
}

# For each row verdict(copy, row) says whether it is good, and a line. Returns the lines by the row's number, each behind
# a + or a -. tests: all that are run, which have to pass in the unchanged tree, before and afterwards.
sub mutate_all {
	my (%what) = @_;
	my ($work, $rows) = @what{qw(work rows)};

	remove_tree($work);
	make_path($work);
	# Each worker takes the next row from one pipe: four digits and no newline.
	pipe my $take, my $give or die "pipe: $!\n";
	syswrite $give, join '', map { sprintf '%04d', $_ } 0 .. $#$rows;
	close $give;
	pipe my $results, my $report or die "pipe: $!\n";
	chomp(my $workers = $ENV{KTSTR_JOBS} || `nproc`);
	for my $number (1 .. $workers) {
		my $pid = fork // die "fork: $!\n";
		next if $pid;
		close $results;
		my $copy = "$work/$number";
		prepare($what{tree}, $copy, @{ $what{tests} });
		while (sysread $take, my $row, 4) {
			my ($good, $line) = $what{verdict}->($copy, $rows->[$row]);
			syswrite $report, ($good ? '+' : '-') . "$row$line";
		}
		# Else the failures may have had another cause than the changes.
		everything_passes($copy, 'afterwards', @{ $what{tests} });
		exit 0;
	}
	close $report;
	my @lines;
	while (my $result = <$results>) {
		my ($good, $row, $line) = $result =~ /\A([+-])(\d{4})(.*\n)\z/s or die "a worker said: $result";
		$lines[$row] = $good . $line;
		printf STDERR '%d/%d %s', scalar(grep { defined } @lines), scalar @$rows, $line;
	}
	my $failed = 0;
	while (wait > 0) {
		$failed ||= $?;
	}
	die "a worker failed\n" if $failed;
	die "rows were lost\n" if grep { !defined } @lines[0 .. $#$rows];
	remove_tree($work) unless grep { /\A-/ } @lines;
	return @lines;
}

1;
