#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Programs and libraries whose headers or code are not where linkers put them: program headers at the end of the file, as
# patchelf and llvm-bolt leave them; code and headers copied to anonymous memory, as for huge pages; thousands of mappings.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use File::Copy qw(copy);
use ProbeTest qw(scratch probe_json explained start_target end_target build library differences);
use TestKtstr qw(slurp spew is_root);
use Test::More;

my $PAGE = 4096;
my ($PT_LOAD, $PT_NOTE, $PT_PHDR) = (1, 4, 6); # elf.h
my $PHDR = 'LLQ6'; # p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align

my $static = library('libjemalloc.a') || BAIL_OUT('libjemalloc.a is not installed');
my $shared = library('libjemalloc.so.2') || BAIL_OUT('libjemalloc.so.2 is not installed');
my $plain = build('plain', 'many_maps.c', $static, qw(-lm -lpthread -ldl));
my $whole = build('whole', 'many_maps.c', '-static-pie', $static, qw(-lm -lpthread));

# A copy of a file whose program headers are in a PT_LOAD of their own, in place of a PT_NOTE, at the end of the file and
# $gap bytes farther in memory than there; unless $loaded is 0: then no PT_LOAD has them.
sub headers_moved {
	my ($from, $to, $gap, $loaded) = @_;
	my $file = slurp($from);
	my ($at, $count) = (unpack('Q', substr $file, 32, 8), unpack('S', substr $file, 56, 2));
	my @phdrs = map { [unpack $PHDR, substr $file, $at + $_ * 56, 56] } 0 .. $count - 1;
	my ($note) = grep { $phdrs[$_][0] == $PT_NOTE } reverse 0 .. $#phdrs;
	splice @phdrs, $note, 1;
	my ($last) = grep { $phdrs[$_][0] == $PT_LOAD } reverse 0 .. $#phdrs;
	my $end = $phdrs[$last][3] + $phdrs[$last][6];
	my $offset = (($end > length $file ? $end : length $file) + $PAGE - 1) & -$PAGE;
	my $address = $offset + $gap;
	my $size = 56 * $count;
	splice @phdrs, $last + 1, 0, [$PT_LOAD, 4, $offset, $address, $address, $size, $size, $PAGE];
	for (grep { $_->[0] == $PT_PHDR } @phdrs) { @$_[2 .. 6] = ($offset, $address, $address, $size, $size) }
	$phdrs[$last + 1][0] = $PT_NOTE unless $loaded;
	$file .= "\0" x ($offset - length $file) . join '', map { pack $PHDR, @$_ } @phdrs;
	substr($file, 32, 8) = pack 'Q', $offset;
	spew($to, $file);
	chmod 0755, $to;
	return $to;
}

sub reads_right {
	my ($what, @command) = @_;
	my $target = start_target({}, @command);
	ok($target, "$what: runs") or return;
	is(differences($target, probe_json($target->{pid})), '', "$what: to the byte") or diag(explained($target->{pid}));
	end_target($target);
}

# A program linked against a copy of jemalloc's library, which it finds by its path.
sub linked {
	my ($name, $library) = @_;
	return build($name, 'many_maps.c', '-Wl,--no-as-needed', $library, "-Wl,-rpath,@{[scratch()]}", '-ldl');
}

mkdir scratch() . "/$_" for qw(near far);
my $near = scratch() . '/near/libjemalloc.so.2';
copy($shared, $near) or die "$near: $!";

for my $gap (0, 5 * $PAGE) {
	reads_right("a program's headers at its end, $gap bytes off", headers_moved($plain, scratch() . "/plain-$gap", $gap, 1));
	reads_right("those of a static one, $gap bytes off", headers_moved($whole, scratch() . "/whole-$gap", $gap, 1));
	headers_moved($near, scratch() . '/libjemalloc.so.2', $gap, 1);
	reads_right("a library's, $gap bytes off", linked("linked-$gap", scratch() . '/libjemalloc.so.2'));
}

# ld.so takes them from the file; here they are nowhere in memory.
{
	my $target = start_target({}, linked('lying', headers_moved($near, scratch() . '/libjemalloc.so.2', 0, 0)));
	my $said = explained($target->{pid});
	like($said, qr/^error: .*Could not examine: \S*libjemalloc\.so\.2: its program headers are not where the file loads them$/m,
		'a file that is left out for its headers is named in the error');
	like($said, qr/^module: \S*libjemalloc\.so\.2 at 0x\w+ is left out: its program headers/m, 'and by --explain');
	end_target($target);
}

copy($near, scratch() . '/libjemalloc.so.2') or die "copy: $!";
my $linked = linked('linked', scratch() . '/libjemalloc.so.2');
for my $what (qw(moved-code moved-head moved-both)) {
	reads_right("$what of a library", $linked, $what, 'libjemalloc');
	reads_right("$what of the program", $plain, $what, '');
	reads_right("$what of a static program", $whole, $what, '');
}

# Of a library they lie below it, and were examined first.
reads_right('20000 mappings of jemalloc\'s own library', $linked, 'file', 20000, $near);
reads_right('20000 mappings of another copy of the program', $plain, 'file', 20000, $whole);

SKIP: {
	my $file = '/proc/sys/vm/max_map_count';
	my $limit = slurp($file) + 0;
	skip 'vm.max_map_count cannot be raised', 1 unless $limit > 100000 || is_root();
	spew($file, 100000) if $limit < 100000;
	my $target = start_target({}, $linked, 'file', 80000, $near);
	spew($file, $limit) if $limit < 100000;
	ok($target, '80000 mappings') or skip 'too many', 1;
	is(differences($target, probe_json($target->{pid})), '', 'are read to the byte');
	end_target($target);
}

done_testing();
