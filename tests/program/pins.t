#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# `make check-pins' changes each literal of the wire contract, and `make check-mutants' takes each guard out, which takes
# minutes. Whether their tables still say where those are shows at once.
use strict;
use warnings;
use Test::More;

my $source = $ENV{KTSTR_SRCDIR} // '.';
is system($^X, "$source/tests/pins/check", $source), 0, 'the table of check-pins says where each literal is';
is system($^X, "$source/tests/mutants/check", $source), 0, 'the table of check-mutants says where each guard is';
done_testing;
