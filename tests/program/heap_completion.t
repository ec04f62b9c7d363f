# SPDX-License-Identifier: BSD-2-Clause
# The completions of ktstr-heap: subcommands, and of each what its own --help names.
use strict;
use warnings;
use Test::More;
use TestKtstr;

my $bash = find_program('bash') or plan skip_all => 'bash is not installed';
my $source = $ENV{KTSTR_SRCDIR} // '.';
my $program = ($ENV{KTSTR_BUILDDIR} // '.') . '/src/tools/heap/ktstr-heap';
my @keys = qw(id allocated active dirty retained cached live unused);

sub named {
	my $help = read_to_end($program, @_) // '';
	my %named = map { $_ => 1 } $help =~ /(?<![\w-])(--[a-z-]{3,})/g;
	return sort keys %named;
}

sub offered {
	my @words = @_;
	my $script = 'set -u; . "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _ktstr_heap;' .
		'printf "%s\n" "${COMPREPLY[@]}"';
	my $said = read_to_end($bash, '--norc', '--noprofile', '-c', $script, 'bash', "$source/completion/ktstr-heap", @words);
	is $?, 0, "@words: bash is content";
	return sort grep { length } split /\n/, $said // '';
}

is_deeply [offered('ktstr-heap', '')], [sort qw(show capture help --help --version)], 'the subcommands';
is_deeply [offered('ktstr-heap', 'help', '')], [sort qw(show capture)], 'those that there is help for';
is_deeply [offered('ktstr-heap', 'show', '--')], [named('show', '--help')], 'every option of show --help, and no other';
is_deeply [offered('ktstr-heap', 'capture', '--')], [named('capture', '--help')], 'every option of capture --help, and no other';
is_deeply [offered('ktstr-heap', 'capture', '--every', '')], [], 'seconds are the user\'s';
is_deeply [offered('ktstr-heap', 'show', '--sort', '')], [sort @keys], 'keys';
is_deeply [offered('ktstr-heap', 'show', '--sort', '=', 'li')], ['live'], 'behind an equals sign, as bash cuts it';
is_deeply [offered('ktstr-heap', 'show', '--top', '')], [], 'a number is the user\'s';
ok((grep { $_ eq $$ } offered('ktstr-heap', 'show', '')), 'a pid is completed');

SKIP: {
	skip 'fish is not installed', 1 unless find_program('fish');
	my $fish = sub {
		my ($line) = @_;
		my $said = read_to_end('fish', '--no-config', '-c', "source '$source/completion/ktstr-heap.fish'; complete -C '$line'");
		is $?, 0, "$line: fish is content";
		return sort map { /^([^\t]+)/ } split /\n/, $said // '';
	};
	is_deeply [$fish->('ktstr-heap show --')], [named('show', '--help')], 'fish: every option of show --help, and no other';
	is_deeply [$fish->('ktstr-heap show --sort ')], [sort @keys], 'fish: keys';
	is_deeply [$fish->('ktstr-heap capture --')], [named('capture', '--help')], 'fish: every option of capture --help, and no other';
	is_deeply [$fish->('ktstr-heap ')], [sort qw(show capture help)], 'fish: the subcommands';
}
SKIP: {
	skip 'zsh is not installed', 1 unless find_program('zsh');
	my @specs;
	for my $subcommand (qw(capture show)) {
		my $said = read_to_end('zsh', '-f', '-c', 'words=(ktstr-heap $2 "") CURRENT=3; _arguments() { print -rl -- "$@" };' .
			'take() { . "$1" }; take "$1"', 'zsh', "$source/completion/_ktstr-heap", $subcommand);
		is $?, 0, 'zsh is content';
		@specs = split /\n/, $said // '';
		is_deeply [sort map { /^(?:\([^)]*\))?(--[a-z-]+)=?\[/ } @specs], [named($subcommand, '--help')],
			"zsh: every option of $subcommand --help, and no other";
	}
	my ($words) = map { /--sort=\[.*\((.*)\)$/ } @specs;
	is $words, "@keys", 'zsh: keys';
}

for my $key (@keys) {
	system "$program show --sort $key 999999999 >/dev/null 2>&1";
	is $? >> 8, 1, "--sort $key is no usage error";
}

done_testing;
