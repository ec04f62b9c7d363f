#!/usr/bin/perl -w
# SPDX-License-Identifier: BSD-2-Clause
# A program that nobody here wrote, with a jemalloc that it was not built for: mariadbd with libjemalloc preloaded.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use HeapTest qw(run_heap heap_json figure);
use POSIX ();
use ProbeTest qw(scratch library output_of);
use Test::More;
use TestKtstr qw(find_program until_true);

plan skip_all => 'the layout of arenas is proven on x86_64 only' unless output_of('uname -m') eq 'x86_64';
my %program = map { $_ => find_program($_) } qw(mariadbd mariadb-install-db mariadb mariadb-slap);
$program{mariadbd} //= '/usr/sbin/mariadbd' if -x '/usr/sbin/mariadbd';
plan skip_all => 'mariadb-server-core and mariadb-client are not installed' if grep { !defined } values %program;

my $jemalloc = library('libjemalloc.so.2');
# Its socket's path has room for 107 bytes only, whatever TMPDIR is.
my $directory = File::Temp->newdir('/tmp/ktstr-mariadb-XXXXXX');
my @user = $> == 0 ? ('--user=root') : (); # only the server's own package makes a user for it
# --force: a bare machine cannot look up its own name.
my $installed = system("'$program{'mariadb-install-db'}' --no-defaults --force @user --datadir=$directory/data " .
	'--auth-root-authentication-method=normal >/dev/null 2>&1');
is($installed, 0, 'an empty database') or BAIL_OUT('mariadb-install-db fails');

my $pid = fork // die "fork: $!";
if ($pid == 0) {
	open STDOUT, '>', "$directory/log";
	open STDERR, '>&', \*STDOUT;
	$ENV{LD_PRELOAD} = $jemalloc;
	exec $program{mariadbd}, '--no-defaults', @user, "--datadir=$directory/data", "--socket=$directory/s", '--skip-networking'
		or POSIX::_exit(127);
}
my $owner = $$;
END { if ($pid && $$ == $owner) { local $?; kill 'KILL', $pid; waitpid $pid, 0 } }

my $client = "'$program{mariadb}' -u root -S $directory/s";
ok(until_true(sub { system("$client -e 'select 1' >/dev/null 2>&1") == 0 }), 'it serves') or BAIL_OUT('mariadbd does not start');

sub look {
	my ($what) = @_;
	my ($status, $out, $err) = run_heap('show', '--bytes', $pid);
	is($status, 0, "$what: read") or diag($err);
	my ($rss) = $out =~ /^RSS\s+(\d+)/m;
	my $sum = 0;
	$sum += $_ for $out =~ /^  \S.*?\s{2,}(-?\d+)\b/mg;
	is($sum, $rss, "$what: the lines add up to RSS");
	return $out;
}

my $out = look('idle');
my ($live) = $out =~ /^  live objects\s+(\d+)/m;
cmp_ok($live, '>', 1e7, 'its objects');
my $load = fork // die "fork: $!";
if ($load == 0) {
	open STDOUT, '>', '/dev/null';
	open STDERR, '>', '/dev/null';
	exec $program{'mariadb-slap'}, '-u', 'root', '-S', "$directory/s", qw(--auto-generate-sql --concurrency=8
		--number-of-queries=2000) or POSIX::_exit(127);
}
look('under load') for 1 .. 5;
waitpid $load, 0;
is($?, 0, 'the load ran');
ok(until_true(sub { my $document = heap_json($pid); $document && $document->{ktstr}{quiet} }), 'quiet again');
my $document = heap_json($pid);
like($document->{jemalloc}{opt}{narenas}, qr{^[1-9]\d*$}, 'options in force');
# What the server says of itself: each connection has a thread.
my ($threads) = output_of("$client -N -e \"show status like 'Threads_connected'\"") =~ /(\d+)/;
cmp_ok(scalar @{ $document->{ktstr}{threads} }, '>', $threads, 'its threads');
is(scalar(grep { $_->{error} } @{ $document->{ktstr}{threads} }), 0, 'each is read');
for my $item (qw(allocated active live tcache held_active untouched)) {
	isnt(figure($document, $item)->{state}, 'absent', "$item is known");
}
# Both directions of the one sum.
is(figure($document, 'allocated')->{value}, figure($document, 'live')->{value} + figure($document, 'left')->{value} +
	figure($document, 'tcache')->{value} + figure($document, 'internal')->{value}, 'nothing is lost');
done_testing;
