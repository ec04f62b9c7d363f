#!/usr/bin/perl -w
# SPDX-License-Identifier: BSD-2-Clause
# The arrows of the house, tests/release/check_includes: the tree keeps them, and what breaks one is seen.
use strict;
use warnings;
use Test::More;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);

my $source = $ENV{KTSTR_SRCDIR} // '.';
my $check = "$source/tests/release/check_includes";

sub said {
	my ($tree) = @_;
	open my $out, '-|', $^X, '-w', $check, $tree or die "$check: $!\n";
	my $text = do { local $/; <$out> };
	close $out;
	return (defined $text ? $text : '', $? >> 8);
}

# A tree of these files, each of which includes others.
sub planted {
	my (%files) = @_;
	my $tree = tempdir(CLEANUP => 1);
	for my $name (keys %files) {
		make_path(dirname("$tree/$name"));
		open my $file, '>', "$tree/$name" or die "$name: $!\n";
		print $file map { "#include \"$_\"\n" } @{ $files{$name} };
		close $file or die "$name: $!\n";
	}
	return $tree;
}

my $probe = 'src/libktstr-probe';
my ($text, $status) = said($source);
is("$status $text", '0 ', 'no include of this tree runs upwards, and no files lie in a circle');

for (
	['an include from a room above is seen', 1, qr{^\Q$probe\E/elf/low\.h:1: a room may not include \Q$probe\E/jemalloc$}m,
		"$probe/elf/low.h" => ['jemalloc/high.h'], "$probe/jemalloc/high.h" => []],
	['a library may not include a tool', 1, qr{may not include src/tools/output$}m,
		"$probe/session/a.c" => ['output/json.h'], 'src/tools/output/json.h' => []],
	['a tool may not include the inside of a library', 1, qr{may not include \Q$probe\E/base$}m,
		'src/tools/probe/main.c' => ['base/target.h'], "$probe/base/target.h" => []],
	['a circle of two headers is seen', 1, qr{^a circle: .*/a -> .*/b -> .*/a$}m,
		"$probe/tls/a.h" => ['tls/b.h'], "$probe/tls/b.h" => ['tls/a.h']],
	['a header and the .c file of its name are one in a circle', 1, qr{^a circle: }m,
		"$probe/tls/a.h" => [], "$probe/tls/a.c" => ['tls/a.h', 'tls/b.h'], "$probe/tls/b.h" => ['tls/a.h']],
	['a directory that is no room is seen', 1, qr{^src/attic/a\.c: its directory is no room of the house$}m, 'src/attic/a.c' => []],
	['includes of rooms below are allowed', 0, qr{\A\z}, "$probe/jemalloc/a.c" => ['base/b.h', 'jemalloc/a.h', 'symfile/c.h'],
		"$probe/jemalloc/a.h" => [], "$probe/base/b.h" => [], "$probe/symfile/c.h" => ['sandbox/d.h'], "$probe/sandbox/d.h" => []],
) {
	my ($name, $expected, $pattern, %files) = @$_;

	($text, $status) = said(planted(%files));
	ok($status == $expected && $text =~ $pattern, $name) or diag("exit $status: $text");
}
done_testing();
