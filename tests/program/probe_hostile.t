#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Damaged and hostile ELF files, in memory and on disk, through the whole program: refused or right, with few reads and
# little memory. Never a wrong number. Nothing is timed: a hang is ended after minutes, and counts as a failure.
use strict;
use warnings;
use Fcntl qw(SEEK_SET);
use FindBin ();
use lib $FindBin::Bin;
use File::Copy qw(copy);
use POSIX ();
use ProbeTest qw(scratch source_dir probe_program start_target end_target);
use TestKtstr qw(find_program sanitizers slurp spew is_root);
use Test::More;

my $build = $ENV{KTSTR_BUILDDIR} // '.';
my @cc = split ' ', $ENV{CC} // 'cc';
# 10 MiB, where it was measured. The sanitizers take memory of their own.
my $limit_kib = sanitizers() ? 1 << 30 : 65536;
my $guard = 600;
# What may be read for one answer. A library takes two reads, and some 4 KiB, or 256 MiB with all that claim to be large.
my $limit_bytes = 1 << 28;
my @targets;
my $owner = $$;
END { if ($$ == $owner) { local $?; end_target($_) for @targets } }

sub built { my ($name, @rest) = @_; my $path = scratch() . "/$name"; return system(@cc, '-O1', '-o', $path, @rest) == 0 ? $path : undef }
sub target { my $target = start_target({}, @_) or BAIL_OUT("@_ did not start"); push @targets, $target; return $target }

# (exit, out, err, KiB)
sub measured {
	my (@arguments) = @_;
	my ($out, $err) = map { scratch() . "/measured.$_" } qw(out err);
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDOUT, '>', $out;
		open STDERR, '>', $err;
		exec 'timeout', $guard, "$build/tests/targets/measure", probe_program(), @arguments or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	my $said = slurp($err);
	$said =~ s/^measure: exit (-?\d+) kib (\d+)\n\z//m or return ('none', slurp($out), $said, 1 << 40);
	return ($1, slurp($out), $said, $2);
}

# Right, or refused with a tag; within the limits. Which of the two, and the figures.
sub bounded {
	my ($target, $what, $expected, @arguments) = @_;
	my ($exit, $out, $err, $kib) = measured('-p', $target->{pid}, '--explain', @arguments);
	my $mapped = () = slurp("/proc/$target->{pid}/maps") =~ m{/}g;
	my $limit_reads = 500 + 3 * $mapped;
	my ($bytes, $reads) = $err =~ /^memory: (\d+) bytes in (\d+) reads$/m ? ($1, $2) : (1 << 60, 1 << 60);
	my $answer = $exit eq '1' && $err =~ /^ktstr-probe-fatal: (\S+)\nerror: \S/m ? $1 : "exit $exit: $err";
	if ($exit eq '0') {
		$answer = 'right';
		while ($out =~ /^tid=(\d+) .*allocated_bytes=(\d+) deallocated_bytes=(\d+)$/mg) {
			$answer = "wrong: $1 $2 $3" unless "$2 $3" eq join ' ', @{ $target->{report}{$1} // [] };
		}
	}
	like($answer, qr/\A(?:$expected)\z/, "$what: $answer ($bytes bytes in $reads reads, $kib KiB)") or diag($err, $out);
	cmp_ok($bytes, '<', $limit_bytes, "$what: few bytes are read");
	cmp_ok($reads, '<', $limit_reads, "$what: and few reads are made");
	cmp_ok($kib, '<', $limit_kib, "$what: little memory");
	return $out . $err;
}

chomp(my $shared = `@cc -print-file-name=libjemalloc.so.2`);
chomp(my $static = `@cc -print-file-name=libjemalloc.a`);
my $histories = source_dir() . '/tests/targets/heap_histories.c';
my $plain = built('plain', $histories, $static, '-lm', '-lpthread', '-ldl') // BAIL_OUT('no static jemalloc');
my %programs = (static => built('static', '-static', $histories, $static, '-lm', '-lpthread'), dynamic => $plain,
	shared => built('shared', $histories, $shared));
system('strip', $programs{$_}) == 0 or BAIL_OUT('strip') for qw(static dynamic);

# Every word of the headers, the dynamic section and so on, a dozen values each: thousands of sessions.
for my $name (sort keys %programs) {
	for my $debuginfo ('auto', 'off') {
		my %said;
		open my $in, '-|', 'timeout', $guard, "$build/tests/targets/damage_memory", $debuginfo, $programs{$name}, 3, 1
			or die "damage_memory: $!";
		while (<$in>) {
			chomp;
			push @{ $said{$1} }, $2 if /^(\w+) (.*)/;
		}
		close $in;
		my $what = "$name, debuginfo $debuginfo";
		is($?, 0, "$what: came to its end");
		is_deeply([@{ $said{wrong} // [] }, @{ $said{odd} // [] }], [], "$what: right or refused, with a reason");
		is_deeply([grep { !/^(?:jemalloc-not-found|layout-unknown|arch-mismatch) / } @{ $said{tag} }], [], "$what: the tags");
		cmp_ok($said{cases}[0], '>', 1000, "$what: $said{cases}[0] damages, $said{right}[0] of them harmless");
		cmp_ok($said{right}[0], '>', 50, "$what: not refused for nothing");
		cmp_ok($said{bytes}[0], '<', 1 << 23, "$what: $said{bytes}[0] bytes at most were read");
		cmp_ok($said{reads}[0], '<', 2000, "$what: by $said{reads}[0] reads at most");
		cmp_ok($said{peak}[0], '<', $limit_kib, "$what: $said{peak}[0] KiB at most");
	}
}

# Many mappings, and files that look like libraries.
my $maps = built('many_maps', source_dir() . '/tests/targets/many_maps.c', $static, '-lm', '-lpthread', '-ldl');
my $limit = slurp('/proc/sys/vm/max_map_count');
my $vmas = $limit > 70000 ? 60000 : int($limit * 0.9);
bounded(target($maps, 'vmas', $vmas), "$vmas mappings", 'right');
SKIP: {
	my $held = start_target({}, $maps, 'held') or skip 'userfaultfd is not allowed here', 3;
	push @targets, $held;
	my ($out, $err) = map { scratch() . "/held.$_" } qw(out err);
	system("timeout $guard '@{[probe_program()]}' -p $held->{pid} --json --abort-after-ms 100 >'$out' 2>'$err'");
	is($? >> 8, 1, 'memory that the target holds up: the deadline ends it all the same');
	like(slurp($err), qr/\Aktstr-probe-deadline: abort after 100ms\nktstr-probe-fatal: other\nerror: the target holds up/, 'the reason is told');
	is((slurp("/proc/$held->{pid}/stat") =~ /\) (\S)/)[0], 'S', 'the target waits on');
}
{
	my $empty = scratch() . '/empty.so';
	my $source = scratch() . '/empty.c';
	spew($source, "_Thread_local int t[4] = {1}; int f(void) { return t[0]; }\n");
	my $library = built('library.so', '-shared', '-fPIC', $source);
	my $target = target($maps, 'file', 1000, $library);
	bounded($target, '1000 libraries', 'right');
	bounded(target($maps, 'file', 15000, $library), '15000 libraries', 'right');
	# jemalloc's own library as a bystander that was never loaded: its GOT is not filled in.
	bounded(target($maps, 'file', 1, $shared), 'a copy of libjemalloc', 'right|layout-unknown');
	bounded(target($maps, 'file', 1000, $shared), '1000 copies of libjemalloc', 'right|layout-unknown');
}

# A library with as many relocations, symbols or bytes of strings as it claims to have.
sub damaged_library {
	my ($name, $size, %tags) = @_;
	my $path = scratch() . "/$name";
	copy($shared, $path) or die "copy: $!";
	open my $file, '+<:raw', $path or die;
	my $bytes = slurp($path);
	my $end = length $bytes;
	my ($at, $count) = (unpack('Q', substr $bytes, 32), unpack('S', substr $bytes, 56));
	my $dynamic;
	for (0 .. $count - 1) {
		my ($type, undef, $offset, $vaddr, undef, $filesz) = unpack 'LLQQQQQ', substr $bytes, $at + 56 * $_, 56;
		# The file is mapped whole at one piece: addresses are offsets here, and the first PT_LOAD reaches to its end.
		if ($type == 1) {
			seek $file, $at + 56 * $_ + 32, SEEK_SET;
			print $file pack 'QQ', $size, $size if $offset == 0;
		}
		next unless $type == 2;
		$dynamic = $offset;
		seek $file, $at + 56 * $_ + 16, SEEK_SET;
		print $file pack 'Q', $offset;
	}
	for (my $entry = $dynamic; my $tag = unpack 'Q', substr $bytes, $entry, 8; $entry += 16) {
		next unless defined $tags{$tag};
		seek $file, $entry + 8, SEEK_SET;
		print $file pack 'Q', $tags{$tag} eq 'end' ? $end : $tags{$tag};
	}
	close $file;
	truncate $path, $size;
	return $path;
}
# 7 DT_RELA, 8 DT_RELASZ, 23 DT_JMPREL, 2 DT_PLTRELSZ, 10 DT_STRSZ (elf.h)
my %libraries = (
	'32 MiB of relocations twice' => damaged_library('relocs', 100 << 20, 7 => 'end', 8 => 32 << 20, 23 => 'end', 2 => 32 << 20),
	'4 MiB of strings' => damaged_library('strings', 100 << 20, 10 => 4 << 20),
	'a terabyte of relocations' => damaged_library('terabyte', 100 << 20, 8 => 1 << 40),
);
for my $what (sort keys %libraries) {
	bounded(target($maps, 'file', 1, $libraries{$what}), $what, 'right|layout-unknown');
	bounded(target($maps, 'file', 300, $libraries{$what}), "$what, 300 times", 'right|layout-unknown');
}

# What stands at the program's path later. Stripped down to the symbol that only the file has.
my $old = built('old', $histories, $static, '-lm', '-lpthread', '-ldl');
my $mkfifo = find_program('mkfifo');
my %replaced = (
	'an empty file' => sub { spew($_[0], '') },
	'a FIFO' => sub { POSIX::mkfifo($_[0], 0600) or die },
	'a symlink to itself' => sub { symlink $_[0], $_[0] or die },
	'a symlink to a device' => sub { symlink '/dev/zero', $_[0] or die },
	'a directory' => sub { mkdir $_[0] or die },
	'a sparse terabyte' => sub { spew($_[0], slurp($old)); truncate $_[0], 1 << 40 },
	'half the file' => sub { spew($_[0], substr slurp($old), 0, (-s $old) / 2) },
	'another program' => sub { copy('/bin/true', $_[0]) or die },
	'nothing' => sub { },
);
for my $what (sort keys %replaced) {
	my $path = scratch() . '/replaced';
	copy($plain, $path) or die;
	chmod 0700, $path;
	my $target = target($path, 2, 1);
	unlink $path;
	$replaced{$what}->($path);
	bounded($target, "$what in place of the program", 'right');
	bounded($target, "$what, without files", 'right', '--debuginfo=off');
	end_target($target);
	-d $path && !-l $path ? rmdir $path : unlink $path;
}
{
	# Cut under the process that runs it: by its own mapping, as a program in use cannot be written to.
	my $path = scratch() . '/cut.so';
	copy($shared, $path) or die;
	my $target = target($maps, 'file', 1, $path);
	truncate $path, 100;
	bounded($target, 'a library cut to 100 bytes', 'right');
	truncate $path, 0;
	bounded($target, 'a library cut to nothing', 'right');
}

# A stripped program of a build that no table knows, and what its .gnu_debuglink names beside it.
sub uleb { my ($n, $out) = (shift, ''); do { $out .= chr($n & 127 | ($n > 127 ? 128 : 0)); $n >>= 7 } while ($n); return $out }
sub unit { my $body = pack('SLC', 4, 0, 8) . $_[0]; return pack('L', length $body) . $body }

sub debug_file {
	my ($path, $info, $abbrev) = @_;
	spew("$path.info", $info);
	spew("$path.abbrev", $abbrev);
	spew("$path.S", ".section .debug_info,\"\",\@progbits\n.incbin \"$path.info\"\n"
		. ".section .debug_abbrev,\"\",\@progbits\n.incbin \"$path.abbrev\"\n.section .note.GNU-stack,\"\",\@progbits\n");
	system(@cc, '-shared', '-nostdlib', '-o', $path, "$path.S") == 0 or die "$path was not built";
	return $path;
}

# DWARF 4, 7.5.3: tag, children, name and form. 0x11 DW_TAG_compile_unit, 0x13 both DW_TAG_structure_type and
# DW_AT_language, 0x0b DW_FORM_data1, 0x24 DW_TAG_base_type, 0x3f 0x19 DW_AT_external as a flag.
sub declarations { return join('', map { uleb($_) . "\x11\0\x13\x0b\0\0" } 1 .. $_[0]) . "\0" }
my $c_unit = "\x01\x11\x01\x13\x0b\0\0";
my $nested = "\x01\x0c";
$nested .= "\x02tsd_s\0\x64" . pack 'L', 11 + length($nested) + 12 for 1 .. 3000;
my %bombs = (
	'a million abbreviations' => [unit(uleb(1000000) . "\x0c"), declarations(1000000)],
	'a table for each of 300 units' => [unit(uleb(100000) . "\x0c") x 300, declarations(100000)],
	'entries of nothing but flags' => [unit("\x01\x0c" . "\x02" x 1900000 . "\0"),
		"$c_unit\x02\x24\0" . "\x3f\x19" x 200 . "\0\0\0"],
	'structs in structs' => [unit("$nested\x03" . "\x04" x 3000000 . "\0" x 10),
		"$c_unit\x02\x13\x01\x03\x08\x0b\x0b\x01\x13\0\0\x03\x24\x01\0\0\x04\x24\0\0\0\0"],
);
SKIP: {
	find_program('objcopy') or skip 'objcopy is not installed', 1;
	my $unknown = scratch() . '/unknown';
	my $bytes = slurp($plain);
	# 5.3.0's image has two words of 1000 and two bytes of 255 (tsd_layout_table.c): another number of the first.
	my $at = index $bytes, pack 'LLS', 1000, 1000, 65535;
	$at > 0 or skip 'this is not the jemalloc whose image is known', 1;
	substr $bytes, $at, 1, "\xe9";
	$bytes =~ s/\d+\.\d+\.\d+(?=-\d+-g[0-9a-f]{40}\0)/'x' x length $&/ge; # nor a version, or no file is asked
	my %after = ('a FIFO' => sub { unlink $_[0]; POSIX::mkfifo($_[0], 0600) or die },
		'a symlink to itself' => sub { unlink $_[0]; symlink $_[0], $_[0] or die },
		'a sparse terabyte' => sub { truncate $_[0], 1 << 40 }, 'an empty file' => sub { truncate $_[0], 0 });
	for my $what (sort(keys %bombs, keys %after)) {
		my $debug = debug_file(scratch() . '/unknown.debug', @{ $bombs{$what} // $bombs{'a million abbreviations'} });
		spew($unknown, $bytes);
		chmod 0700, $unknown;
		system('objcopy', '--strip-all', "--add-gnu-debuglink=$debug", $unknown) == 0 or die;
		$after{$what}->($debug) if $after{$what};
		my $target = target($unknown, 2, 1);
		my $said = bounded($target, "$what as debug file", 'layout-unknown');
		like($said, qr/^debug file: .*(?:abbreviations|entries|tsd_s)/m, "$what: it was looked at") if $bombs{$what};
		end_target($target);
		unlink $unknown, $debug;
	}
}
done_testing();
