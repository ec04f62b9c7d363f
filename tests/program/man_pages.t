# SPDX-License-Identifier: BSD-2-Clause
# The man pages: clean for mandoc, each public function in some page's NAME, each symbol and each of
# the worker's exit codes explained.
use strict;
use warnings;
use Test::More;
use TestKtstr;

my $source = $ENV{KTSTR_SRCDIR} // '.';
my @pages = sort glob "\Q$source\E/man/*.[137]";
cmp_ok scalar(@pages), '>', 0, 'there are pages';

SKIP: {
	my $mandoc = find_program('mandoc') or skip 'mandoc is missing', scalar @pages;
	for my $page (@pages) {
		# From warnings up: below that mandoc asks for pages that are not installed yet.
		my $said = read_to_end($mandoc, '-Tlint', '-W', 'warning', $page) // '';
		ok $? == 0 && $said eq '', "mandoc is content: $page" or diag $said;
	}
}

my (%named, $all);
for my $page (@pages) {
	my $text = slurp($page);
	$all .= $text;
	my ($name) = $text =~ /^\.Sh NAME\n(.*?)^\.Sh /ms;
	ok $name, "$page has a NAME" or next;
	$named{$_}++ for $name =~ /^\.Nm (\w[\w-]*)/mg;
	like $text, qr/^\.Sh EXAMPLES$/m, "$page has EXAMPLES";
}

# Each library's map, beside the folder of its public headers.
for my $map_file ('src/libktstr.map', 'probe/libktstr-probe.map') {
	my ($folder) = $map_file =~ m{^(\w+)/};
	my $map = slurp("$source/$map_file") // '';
	$map =~ s{/\*.*?\*/|#[^\n]*}{}gs;
	my @symbols = $map =~ /^\s*(ktstr_\w+);/mg;
	cmp_ok scalar(@symbols), '>', 0, "$map_file has symbols";
	my $headers = join '', map { slurp($_) } glob "\Q$source\E/$folder/ktstr/*.h";
	$headers =~ s{/\*.*?\*/}{}gs;
	for my $symbol (@symbols) {
		if ($headers =~ /\b\Q$symbol\E\(/) {
			ok $named{$symbol}, "$symbol is in a page's NAME";
		} else {
			like $all, qr/\b\Q$symbol\E\b/, "$symbol is explained";
		}
	}
}

# The program's words stand in its page.
my $page = slurp("$source/man/ktstr-jemalloc-probe.1") // '';
my $probe_header = slurp("$source/probe/ktstr/probe.h") // '';
my ($words) = $probe_header =~ /^(enum ktstr_probe_tag \{.*?^enum ktstr_probe_thread_error \{.*?^\};)/ms;
my @words = ($words // '') =~ /"([a-z-]+)"/g;
cmp_ok scalar(@words), '>', 15, 'the header has tags and kinds of error';
like $page, qr/\b\Q$_\E\b/, "ktstr-jemalloc-probe(1) has $_" for @words;
my ($usage) = (slurp("$source/probe/options.c") // '') =~ /options_usage\[\] =(.*?);\n/s;
like $page, qr{Fl -\Q$_\E\b}, "ktstr-jemalloc-probe(1) has --$_" for ($usage // '') =~ /--([a-z-]{3,})/g;

my $worker = slurp("$source/man/ktstr-jemalloc-alloc-worker.1") // '';
my ($status) = $worker =~ /^\.Sh EXIT STATUS\n(.*?)^\.Sh /ms;
is_deeply [($status // '') =~ /^\.It (\d+)/mg], [0, 2 .. 7], 'the exit codes of the worker, in order';

done_testing;
