#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# `make check-pins' changes each literal of the wire contract, which takes minutes. Whether its table still says where they
# are shows at once.
use strict;
use warnings;
use Test::More;

my $source = $ENV{KTSTR_SRCDIR} // '.';
is system($^X, "$source/tests/pins/check", $source), 0, 'the table of check-pins says where each literal is';
done_testing;
