#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Draws the bench's JSON as an SVG with gnuplot: what a snapshot costs by number of threads, beside the
# bare system calls, and the whole program against the goals. Run by `make bench`.
use strict;
use warnings;
use JSON::PP;

my ($in, $out) = @ARGV;
die "usage: chart.pl FILE.json FILE.svg\n" unless defined $out;
if (system('gnuplot --version >/dev/null 2>&1') != 0) {
	print STDERR "bench: gnuplot is missing (Debian: gnuplot-nox): no chart\n";
	exit 0;
}
open my $file, '<', $in or die "$in: $!\n";
my $bench = decode_json(do { local $/; <$file> });
my @rows = grep { !$_->{skipped} } @{ $bench->{rows} };

# One curve: threads, median, 10 %, 90 %, in milliseconds. Nothing at or below zero on a logarithmic axis.
sub block {
	my ($name, $key) = @_;
	my @points = sort { $a->{threads} <=> $b->{threads} } grep { $_->{group} eq 'threads' && $_->{key} eq $key } @rows;
	my @lines = map { join ' ', $_->{threads}, map { $_ / 1000 } @$_{qw(median p10 p90)} } grep { $_->{p10} > 0 } @points;
	return join("\n", "\$$name << EOD", @lines, 'EOD') . "\n";
}

my @curves = (
	[named => 'named', 'with names'],
	[plain => 'warm', 'without names'],
	[fresh => 'floor_fresh', 'bare system calls (floor F)'],
	[kept => 'floor_kept', 'the same, pointers known (floor K)'],
);
exit 0 unless grep { $_->{group} eq 'threads' } @rows; # only other parts were asked for
my $made = sprintf '%s, %d processors, Linux %s', map { s/['"\\]//gr } @{ $bench->{machine} }{qw(cpu processors)},
	$bench->{machine}{kernel} =~ s/^(\d+\.\d+).*/$1/r;
my @plots = map { my ($name, undef, $title) = @$_;
	my $look = $name eq 'fresh' || $name eq 'kept' ? 'dashtype 2 pointtype 0' : 'pointtype 7 pointsize 0.5';
	"\$$name using 1:2:3:4 with yerrorlines linewidth 2 $look title '$title'" } @curves;

open my $gnuplot, '|-', 'gnuplot' or die "gnuplot: $!\n";
print $gnuplot map { block(@$_) } @curves;
print $gnuplot <<"END";
set terminal svg size 760,440 font 'sans-serif,13' background '#ffffff'
set output '$out'
set title "One snapshot of every thread: median, 10 % to 90 %\\n{/*0.8 $made}"
set logscale xy
set xrange [0.8:13000]
set xlabel 'threads in the target'
set ylabel 'milliseconds'
set xtics (1, 10, 100, 1000, 4000, 10000)
set format y '%g'
set grid
set key top left Left reverse
plot @{[ join ', ', @plots ]}
END
close $gnuplot or die "gnuplot failed\n";
print STDERR "bench: the chart is in $out\n";
