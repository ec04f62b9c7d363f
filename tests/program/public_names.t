# SPDX-License-Identifier: BSD-2-Clause
# Each library's public names agree wherever they stand: exported by the file, in the version map, declared in
# the headers, described by a manual page with the same prototype. Nothing else is exported.
use strict;
use warnings;
use Test::More;
use TestKtstr;

my ($source, $build) = @ENV{qw(KTSTR_SRCDIR KTSTR_BUILDDIR)};
my @nm = split ' ', $ENV{NM} || 'nm'; # configure's may carry an option
# A sanitizer, or gcov, brings symbols of its own.
my $plain = !sanitizers();

sub one_line {
	my ($text) = @_;
	$text =~ s/\s+/ /g;
	$text =~ s/\( /(/g; # a line that is broken behind the parenthesis
	$text =~ s/^ | $//g;
	return $text;
}

# What the pages say, all of them together: prototypes by name, NAME sections, the whole text.
my (%synopsis, %in_name);
my $pages = '';
for my $page (sort glob "\Q$source\E/man/*.[137]") {
	my $text = slurp($page) // '';
	$pages .= $text;
	my ($name) = $text =~ /^\.Sh NAME\n(.*?)^\.Sh /ms;
	$in_name{$_} = 1 for ($name // '') =~ /^\.Nm (\w+)/mg;
	my ($part) = $text =~ /^\.Sh SYNOPSIS\n(.*?)^\.Sh /ms;
	$part //= '';
	# .Fo name, .Fa "argument" …, .Fc is .Fn name "argument" … in several lines.
	$part =~ s{^\.Fo (\w+)\n(.*?)^\.Fc$}{my ($f, $a) = ($1, $2); $a =~ s/^\.Fa (.*)\n/ $1/mg; ".Fn $f$a"}mseg;
	while ($part =~ /^\.Ft (.+)\n\.Fn (\w+)(.*)$/mg) {
		my ($type, $function, $arguments) = ($1, $2, $3);
		$type =~ s/"//g;
		my @arguments = $arguments =~ /"([^"]*)"/g;
		$synopsis{$function} = one_line("$type $function(" . join(', ', @arguments) . ')') =~ s/\* (?=\w+\()/*/r;
	}
	$synopsis{$2} = "extern $1 $2" while $part =~ /^\.Vt extern (.+?) (ktstr_\w+)(?=\[\])/mg;
}
cmp_ok scalar(keys %synopsis), '>', 0, 'the pages have prototypes';

my %headers_of = (libktstr => 'error payload version worker_ready worker_ready_wait', 'libktstr-probe' => 'heap host probe');
for my $name (sort keys %headers_of) {
	my $directory = "src/$name";
	my $map = slurp("$source/$directory/$name.map") // '';
	$map =~ s{#[^\n]*}{}g;
	my %mapped; # symbol => section
	while ($map =~ /([\w.]+)\s*\{\s*global:(.*?)(?:local:.*?)?\}/gs) {
		my ($section, $symbols) = ($1, $2);
		$mapped{$_} = $section for $symbols =~ /(\w+);/g;
	}
	cmp_ok scalar(keys %mapped), '>', 0, "$name.map has symbols";

	my $file = "$build/$directory/.libs/$name.so";
	my @lines = split /\n/, read_to_end(@nm, '-D', '--defined-only', $file) // '';
	my %exported = map { /\s[A-Z]\s(ktstr_\w+)\@\@([\w.]+)$/ ? ($1 => $2) : () } @lines;
	is_deeply \%exported, \%mapped, "$name exports what its map says, in that version";
	is_deeply [grep { !/\s[A-Z]\s(?:ktstr_\w+\@\@KTSTR_|KTSTR_\w+)/ } @lines], [], "$name exports nothing else" if $plain;

	my $headers = join '', map { slurp("$source/include/ktstr/$_.h") } split / /, $headers_of{$name};
	$headers =~ s{/\*.*?\*/}{ }gs;
	my %declared; # symbol => prototype
	$declared{$2} = one_line("$1$2($3)") while $headers =~ /^([a-z][\w *]*?\W)(ktstr_\w+)\(([^)]*)\);/mg;
	$declared{$2} = one_line("$1$2") while $headers =~ /^(extern const char )(ktstr_\w+)\[\];/mg;
	is_deeply [sort keys %declared], [sort keys %mapped], "the headers of $name declare what it exports, and no more";

	for my $symbol (sort keys %mapped) {
		is $synopsis{$symbol}, $declared{$symbol}, "$symbol: a page has the header's prototype";
		ok $in_name{$symbol}, "$symbol is in that page's NAME" unless ($declared{$symbol} // '') =~ /^extern/;
	}

	# The unit test of what NULL does leaves none of them out.
	my $null_test = slurp("$source/tests/unit/null_arguments_test.c") // '';
	for my $symbol (grep { ($declared{$_} // '') =~ /\(.*\*/ } sort keys %declared) {
		like $null_test, qr/\b\Q$symbol\E\(/, "$symbol is tried with NULL";
	}

	# What a caller can write besides: types, members, enumerators and macros (not the include guards).
	my %word = map { $_ => 1 } $headers =~ /\b(?:struct|enum) (ktstr_\w+)/g,
		$headers =~ /^\s*(KTSTR_\w+)(?:\s*=[^,\n]*)?,?\s*$/mg, $headers =~ /^#define (KTSTR_\w+)[ (]/mg,
		$headers =~ /\{ (KTSTR_\w+) = \d+, (KTSTR_\w+) = \d+ \}/g;
	for my $members ($headers =~ /^struct ktstr_\w+ \{\n(.*?)^\};/msg) {
		$word{$_} = 1 for $members =~ /(\w+)(?:\[\w*\])?;/g;
	}
	my @missing = grep { $pages !~ /\b\Q$_\E\b/ } sort keys %word;
	is "@missing", "", 'all of the ' . keys(%word) . " types, members, enumerators and macros of $name are in a page";
}

done_testing;
