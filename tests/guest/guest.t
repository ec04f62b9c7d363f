# SPDX-License-Identifier: BSD-2-Clause
# The closed loop inside a real guest: each of its tests is a line here. Run by `make check-guest'.
use strict;
use warnings;
use Guest qw(boot);
use Test::More;

# Emulated, on a machine that does other things as well; a hang is bounded, not measured.
my $limit = $ENV{KTSTR_GUEST_TIMEOUT} || 600;

sub on_test {
	my ($passed, $name, $said) = @_;
	ok $passed, $name;
	note $_ for @$said;
}

# The program first: the full list ends with Yama's level 3, which lasts until the next boot.
for my $boot (['program=/bin/guest_test full', 512], ['memory', 160]) {
	my ($list, $memory) = @$boot;
	my $guest = boot($list, $memory, $limit, \&on_test);
	note sprintf '%s, %d MB: %d tests in %.1f s', $guest->{hello} // 'no hello', $memory,
		$guest->{passed} + $guest->{failed}, $guest->{seconds};
	ok !$guest->{fault}, "the guest with $memory MB ran its $list list to the end"
		or note "$guest->{fault}\nIts console:\n$guest->{console}";
	cmp_ok $guest->{passed} + $guest->{failed}, '>=', 10, 'and it was no empty list';
}
done_testing;
