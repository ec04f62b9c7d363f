# SPDX-License-Identifier: BSD-2-Clause
# The completions: what is offered is what the programs' own --help names, and their fixed words.
use strict;
use warnings;
use Test::More;
use TestKtstr;

my $bash = find_program('bash') or plan skip_all => 'bash is not installed';
my $source = $ENV{KTSTR_SRCDIR} // '.';
my $build = $ENV{KTSTR_BUILDDIR} // '.';
my %program = (
	'ktstr-jemalloc-probe' => "$build/src/tools/probe/ktstr-jemalloc-probe",
	'ktstr-jemalloc-alloc-worker' => worker_program(),
);

# What is offered for the last of these words, sorted. A user's start-up files have no say.
sub offered {
	my ($name, @words) = @_;
	my $script = 'set -u; file=$1; shift; name=$1; . "$file"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1));' .
		'COMPREPLY=(); spec=$(complete -p "$name"); f=${spec#*-F }; "${f%% *}" "$name"; printf "%s\n" "${COMPREPLY[@]}"';
	my $said = read_to_end($bash, '--norc', '--noprofile', '-c', $script, 'bash', "$source/completion/$name",
		$name, @words);
	is $?, 0, "$name @words: bash is content";
	return sort grep { length } split /\n/, $said // '';
}

for my $name (sort keys %program) {
	my $help = read_to_end($program{$name}, '--help') // '';
	my %named = map { $_ => 1 } $help =~ /(?<![\w-])(--[a-z-]{3,})/g;
	is_deeply [offered($name, '--')], [sort keys %named], "$name: every option of --help, and no other";
	is_deeply [offered($name, '--he')], ['--help'], "$name: what begins so";
}

my $name = 'ktstr-jemalloc-probe';
is_deeply [offered($name, '--sort', '')], [sort qw(tid name allocated deallocated flow)], 'keys';
is_deeply [offered($name, '--sort', '=', 'na')], ['name'], 'behind an equals sign, as bash cuts it';
is_deeply [offered($name, '--thread-pointer', '=')], [sort qw(auto ptrace robust-list)], 'nothing behind it yet';
is_deeply [offered($name, '--debuginfo', 'o')], ['off'], 'debuginfo';
is_deeply [offered($name, '--snapshots', '')], [], 'a number is the user\'s';
ok((grep { $_ == $$ } offered($name, '-p', '')), 'pids are completed');
ok((grep { $_ == $$ } offered($name, '')), 'a pid alone is completed');
my $directory = temp_directory();
spew("$directory/a name.so", '');
is_deeply [offered($name, '--jemalloc', "$directory/a")], ["$directory/a name.so"], 'a file, with a blank in its name';

# fish, as it offers them itself.
sub fish_offers {
	my ($name, $line) = @_;
	my $said = read_to_end('fish', '--no-config', '-c', "source '$source/completion/$name.fish'; complete -C '$line'");
	is $?, 0, "$line: fish is content";
	return sort map { /^([^\t]+)/ } split /\n/, $said // '';
}

# zsh: what the file hands to _arguments, which makes the offers of it; and whether zsh's own takes it.
sub zsh_specs {
	my ($name) = @_;
	my $said = read_to_end('zsh', '-f', '-c', 'take() { . "$1" }; _arguments() { print -rl -- "$@" }; take "$1"', 'zsh',
		"$source/completion/_$name");
	is $?, 0, "$name: zsh is content";
	return split /\n/, $said // '';
}

SKIP: {
	skip 'fish is not installed', 1 unless find_program('fish');
	for my $name (sort keys %program) {
		my %named = map { $_ => 1 } (read_to_end($program{$name}, '--help') // '') =~ /(?<![\w-])(--[a-z-]{3,})/g;
		is_deeply [fish_offers($name, "$name --")], [sort keys %named], "$name, fish: every option of --help, and no other";
	}
	is_deeply [fish_offers($name, "$name --sort ")], [sort qw(tid name allocated deallocated flow)], 'keys';
	is_deeply [fish_offers($name, "$name --thread-pointer=")],
		[map { "--thread-pointer=$_" } sort qw(auto ptrace robust-list)], 'behind an equals sign';
	is_deeply [fish_offers($name, "$name --debuginfo o")], ['off'], 'debuginfo';
	ok((grep { $_ eq $$ } fish_offers($name, "$name $$")), 'a pid alone is completed');
}
SKIP: {
	skip 'zsh is not installed', 1 unless find_program('zsh');
	for my $name (sort keys %program) {
		my %named = map { $_ => 1 } (read_to_end($program{$name}, '--help') // '') =~ /(?<![\w-])(--[a-z-]{3,})/g;
		my @specs = zsh_specs($name);
		is_deeply [sort map { /^(?:\([^)]*\))?(--[a-z-]+)=?\[/ } @specs], [sort keys %named],
			"$name, zsh: every option of --help, and no other";
	}
	my %words = map { /(--[a-z-]+)=\[.*\((.*)\)$/ ? ($1 => $2) : () } zsh_specs($name);
	is_deeply \%words, { '--sort' => 'tid name allocated deallocated flow', '--thread-pointer' => 'auto robust-list ptrace',
		'--debuginfo' => 'auto off' }, 'fixed words';
}

# Each word that is offered is one that the program takes.
for my $pair (['--sort', qw(tid name allocated deallocated flow)], ['--thread-pointer', qw(auto robust-list ptrace)],
	['--debuginfo', qw(auto off)]) {
	my ($option, @words) = @$pair;
	for my $word (@words) {
		system "$program{$name} --pid 999999999 $option $word >/dev/null 2>&1";
		is $? >> 8, 1, "$option $word is no usage error";
	}
}

done_testing;
