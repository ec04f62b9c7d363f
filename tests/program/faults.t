#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A selection of what `make check-faults' does: in each way that the worker, the wait, the payload and the
# probe are used, each system call fails twice, once early and once late, each time with another error.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin, "$FindBin::Bin/../faults";
use Faults qw(available start_targets end_targets modes faults_of run_one clean_run);
use Test::More;

my $why = available();
plan skip_all => $why if $why;
start_targets();

# The others are left to `make check-faults': they differ little, or take long.
my $few = qr/^(?:worker|wait ready|wait early|payload|libktstr-probe (?:auto|ptrace|dlopen)|probe (?:json|text|3 snapshots))$/;
my $injected = 0;
ok(scalar(grep { $_->{target} } modes()), 'there are targets to probe');

for my $mode (grep { $_->{name} =~ $few } modes()) {
	my $clean = clean_run($mode);
	my $outcome = Faults::judge($mode, $clean);
	like($outcome, qr/^(?:ready|correct)$/, "$mode->{name}: without a fault");
	is_deeply($clean->{unknown} // [], [], "$mode->{name}: each of its calls stands in the table of calls.c");
	my @bad;
	for my $fault (faults_of($clean, 1)) {
		my $result = run_one($mode, $fault->{spec});
		$injected++ if $result->{injected};
		my $came = Faults::judge($mode, $result, $result->{injected} ? $fault->{error} : undef);
		push @bad, "$fault->{spec}: $came" if $came =~ /^BAD/;
	}
	is_deeply(\@bad, [], "$mode->{name}: with faults");
}
end_targets();
cmp_ok($injected, '>', 100, "$injected faults");
done_testing();
