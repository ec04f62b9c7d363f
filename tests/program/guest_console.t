#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The guest's console under seeded damage: whatever comes, a run that lost, changed or gained a report is
# never taken for a sound one. Runs without a guest.
use strict;
use warnings;
use Compress::Zlib qw(crc32);
use Guest qw(feed finish new_state);
use Test::More;

my $rounds = 5 * ($ENV{KTSTR_TEST_ROUNDS} // 2000);
srand 20260101;

# What report.c writes, with a kernel that talks in between.
my @texts = ('hello 6.1 x86_64', (map { ("begin test $_", "diag it says \@ktstr $_", ($_ % 5 ? 'ok' : 'not ok') . " test $_") } 1 .. 12), 'end 10 2');
my $count = 0;
my @lines = map { $count++; sprintf "\n\@ktstr %d %08x %s\n", $count, crc32("$count $_"), $_ } @texts;
splice @lines, 5, 0, "[    1.5] random: crng init done\r\n", "\0\xff\e[2J half a line without its end";

# What a reader makes of it: the fault, or every result in its order.
sub heard {
	my ($console, @sizes) = @_;
	my ($state, @results) = new_state();
	my $on_test = sub { my ($passed, $name, $said) = @_; push @results, ($passed ? 'ok' : 'not ok') . " $name: @$said" };
	feed($state, substr($console, 0, shift @sizes // 4096, ''), $on_test) while length $console;
	finish($state);
	return $state->{fault} // join "\n", $state->{hello}, @results, "$state->{passed} $state->{failed}";
}

my $whole = join '', @lines;
my $sound = heard($whole);
like $sound, qr/\A6\.1 x86_64\nok test 1: it says \@ktstr 1\n(?:.*\n){11}10 2\z/, 'a sound console is heard';
is heard($whole, map { 1 + int rand 9 } 1 .. length $whole), $sound, 'in pieces of any size, too';

my %damages = (
	'a byte changed' => sub { my $text = $whole; substr $text, rand length $text, 1, chr rand 256; $text },
	'a byte lost' => sub { my $text = $whole; substr $text, rand length $text, 1, ''; $text },
	'bytes put in' => sub { my $text = $whole; substr $text, rand length $text, 0, join '', map { chr rand 256 } 0 .. rand 9; $text },
	'cut short' => sub { substr $whole, 0, rand length $whole },
	'a line lost' => sub { my @left = @lines; splice @left, rand @left, 1; join '', @left },
	'a line twice' => sub { my @more = @lines; my $at = rand @more; splice @more, rand @more, 0, $more[$at]; join '', @more },
	'two lines exchanged' => sub { my @other = @lines; my ($a, $b) = map { rand @other } 1, 2; @other[$a, $b] = @other[$b, $a]; join '', @other },
	'nothing but noise' => sub { join '', map { rand() < .2 ? "\n\@ktstr " : rand() < .5 ? int(rand 20) . ' ' : chr rand 256 } 0 .. rand 400 },
);
for my $name (sort keys %damages) {
	my ($wrong, $refused) = ('', 0);
	local $SIG{ALRM} = sub { die "it hangs\n" };
	alarm 120;
	for (1 .. $rounds / keys %damages) {
		my $console = $damages{$name}->();
		my $result = heard($console, map { 1 + int rand 200 } 1 .. 9);
		# All of it in its order, or the word that something is wrong with it.
		next if $result eq $sound;
		$refused++;
		$wrong ||= "$result\n$console" if $result =~ /^[0-9]+ [0-9]+\z/m;
	}
	alarm 0;
	is $wrong, '', "$name: never taken for another run that is sound";
	cmp_ok $refused, '>', 0, "$name: $refused were refused";
}
done_testing;
