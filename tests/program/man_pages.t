# SPDX-License-Identifier: BSD-2-Clause
# The man pages: clean for mandoc, with EXAMPLES, the programs' words and exit codes explained. The libraries'
# names are public_names.t's.
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

for my $page (@pages) {
	my $text = slurp($page);
	my ($name) = $text =~ /^\.Sh NAME\n(.*?)^\.Sh /ms;
	ok $name, "$page has a NAME";
	like $text, qr/^\.Sh EXAMPLES$/m, "$page has EXAMPLES";
}

# The program's words stand in its page.
my $page = slurp("$source/man/ktstr-jemalloc-probe.1") // '';
my $probe_header = slurp("$source/include/ktstr/probe.h") // '';
my ($words) = $probe_header =~ /^(enum ktstr_probe_tag \{.*?^enum ktstr_probe_thread_error \{.*?^\};)/ms;
my @words = ($words // '') =~ /"([a-z-]+)"/g;
cmp_ok scalar(@words), '>', 15, 'the header has tags and kinds of error';
like $page, qr/\b\Q$_\E\b/, "ktstr-jemalloc-probe(1) has $_" for @words;
my ($usage) = (slurp("$source/src/tools/probe/options.c") // '') =~ /options_usage\[\] =(.*?);\n/s;
like $page, qr{Fl -\Q$_\E\b}, "ktstr-jemalloc-probe(1) has --$_" for ($usage // '') =~ /--([a-z-]{3,})/g;

my $worker = slurp("$source/man/ktstr-jemalloc-alloc-worker.1") // '';
my ($status) = $worker =~ /^\.Sh EXIT STATUS\n(.*?)^\.Sh /ms;
is_deeply [($status // '') =~ /^\.It (\d+)/mg], [0, 2 .. 7], 'the exit codes of the worker, in order';

done_testing;
