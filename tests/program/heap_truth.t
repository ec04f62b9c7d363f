# SPDX-License-Identifier: BSD-2-Clause
# Ground truth: every figure of a parked process equals, to the byte, what its own mallctl says of it.
use strict;
use warnings;
use FindBin ();
use lib $FindBin::Bin;
use HeapTest qw(heap_json start_heap next_truth heap_differences figure);
use ProbeTest qw(scratch build library end_target output_of source_dir);
use Test::More;

plan skip_all => 'the layout of arenas is proven on x86_64 only' unless output_of('uname -m') eq 'x86_64';

my $seed = $ENV{KTSTR_TEST_SEED} // 20261128;
my $static = library('libjemalloc.a');
my $shared = library('libjemalloc.so.2');
my @rest = qw(-lm -lpthread -ldl);
my $compared = 0;

sub look {
	my ($target, $what, $except) = @_;
	my $document = heap_json($target->{pid});
	is(heap_differences($target, $document, $except), '', "$what: every figure");
	return unless $document;
	$compared += $target->{compared};
	is(figure($document, 'left')->{value}, $target->{truth}{left}, "$what: what ended threads have left")
		unless figure($document, 'left')->{state} eq 'approximate';
	is(figure($document, 'allocated')->{state}, 'exact', "$what: the state");
	check_pages($document, $what);
	return $document;
}

# Which pages have memory is known wherever the tree of extents is: from 5.3 on. A kernel before 6.7 makes it approximate,
# and huge-page slabs have dirty pages that no arena counts.
sub check_pages {
	my ($document, $what) = @_;
	my $untouched = figure($document, 'untouched');
	if ($document->{ktstr}{layout} =~ /^5\.2/ || $document->{jemalloc}{opt}{hpa}) {
		like($untouched->{reason} // '', qr/tree of extents|changed while/, "$what: why its pages are not known")
			if $untouched->{state} ne 'exact';
		return;
	}
	isnt($untouched->{state}, 'absent', "$what: its pages are known") or diag($untouched->{reason});
	is(figure($document, 'held_active')->{value} + figure($document, 'active_swapped')->{value} + $untouched->{value},
		figure($document, 'active')->{value}, "$what: and each has memory or none");
}

# Parked, and again after more histories.
sub check {
	my ($what, $env, $command, $except) = @_;
	subtest $what => sub {
		my $target = start_heap($env, @$command, 6, 5, $seed++);
		ok($target, 'the target runs') or return;
		look($target, 'parked', $except);
		print { $target->{in} } "run\n";
		next_truth($target);
		look($target, 'after more', $except);
		end_target($target);
	};
}

my $linked = build('heap-linked', 'heap_truth.c', $shared, @rest);
my $plain = build('heap-plain', 'heap_truth.c', @rest);
my $whole = build('heap-static', 'heap_truth.c', '-static', $static, @rest);
ok($linked && $plain && $whole, 'it is built') or BAIL_OUT('libjemalloc-dev is missing');
my $stripped = "$whole.stripped";
system('strip', '-o', $stripped, $whole);

check('linked', {}, [$linked]);
check('preloaded', { LD_PRELOAD => $shared }, [$plain]);
check('fully static', {}, [$whole]);
check('fully static, stripped', {}, [$stripped]);

# tcache.create's and prof's doubts apart, no option makes a figure wrong. A background thread that decays
# would change figures between the target's own look and ours.
for my $conf (qw(narenas:1 narenas:64 percpu_arena:percpu percpu_arena:phycpu tcache:false tcache_max:262144 lg_tcache_max:12
	background_thread:true,dirty_decay_ms:-1 dirty_decay_ms:0 dirty_decay_ms:-1 muzzy_decay_ms:1000 oversize_threshold:100000 zero:true
	junk:true cache_oblivious:false retain:false metadata_thp:always thp:always dss:primary hpa:true
	bin_shards:8-128:4|1024-4096:8)) {
	check("MALLOC_CONF=$conf", { MALLOC_CONF => $conf }, [$linked]);
}

subtest 'profiling makes what ended threads have left approximate, and nothing wrong' => sub {
	my $target = start_heap({ MALLOC_CONF => 'prof:true,lg_prof_sample:12' }, $linked, 6, 5, $seed++);
	my $document = look($target, 'parked');
	is(figure($document, 'left')->{state}, 'approximate', 'its state says so');
	like(figure($document, 'left')->{reason}, qr/opt\.prof/, 'the reason says why');
	is($document->{jemalloc}{opt}{prof}, JSON::PP::true(), 'the option is read');
	end_target($target);
};

subtest 'caches that are no thread\'s make what ended threads have left approximate' => sub {
	my $target = start_heap({ EXPLICIT_CACHE => 1 }, $linked, 6, 5, $seed++);
	# Its own tcache_bytes has them, too.
	my $document = look($target, 'parked', qr/tcache_bytes$/);
	for my $item (qw(left tcache)) {
		is(figure($document, $item)->{state}, 'approximate', "$item: told so");
		like(figure($document, $item)->{reason}, qr/tcache\.create/, "$item: and why");
	}
	end_target($target);
};

subtest 'threads that allocate all the time are read, as moving' => sub {
	my $target = start_heap({}, $linked, 2, 0, $seed++);
	print { $target->{in} } "churn\n";
	my $out = $target->{out};
	is(scalar <$out>, "churning\n", 'they run');
	my ($tries, $read, $moving) = (0, 0, 0);
	while (($read < 10 || !$moving) && $tries++ < 500) {
		my $document = heap_json($target->{pid}) or next;
		$read++;
		$moving += figure($document, 'live')->{state} eq 'moving';
	}
	cmp_ok($read, '>=', 10, "$read of $tries readings");
	cmp_ok($moving, '>', 0, "$moving of them say that it moves");
	print { $target->{in} } "park\n";
	next_truth($target);
	look($target, 'parked again');
	end_target($target);
};

subtest '100 ended threads have left what they have left' => sub {
	my $target = start_heap({}, $linked, 1, 100, $seed++);
	cmp_ok($target->{truth}{left}, '>', 1e6, "$target->{truth}{left} bytes");
	look($target, 'parked');
	end_target($target);
};

# Other releases of Debian, in their own roots.
my @inside = qw(unshare --user --map-root-user chroot);

sub root_of {
	my ($suite) = @_;
	my $kept = output_of(source_dir() . "/tests/targets/fetch_suite --cached $suite");
	return undef unless $kept;
	my $root = scratch() . "/$suite";
	return undef if system('cp', '-a', $kept, $root) != 0;
	return system("@inside / true 2>/dev/null") == 0 ? $root : undef;
}

for my $suite (qw(bullseye trixie sid)) {
	SKIP: {
		my $root = root_of($suite) // skip "$suite is not in the cache, or nothing can be run in a root of its own", 1;
		my ($library) = glob "$root/usr/lib/*/libjemalloc.so.2";
		if ($suite eq 'bullseye') { # 5.2.1: its C library is older than what this machine's compiler makes
			# Its own tcache_bytes leaves out the large classes: ktstr-heap-figures(7).
			check("$suite, preloaded", { LD_PRELOAD => $library }, [$plain], qr/tcache_bytes$/);
			next;
		}
		my ($loader) = map { substr $_, length $root } glob "$root/{lib64,lib}/ld-linux-*.so.?";
		system('cp', $plain, $root);
		skip "a program of this machine's C library does not run with ${suite}'s", 1
			if system("@inside $root $loader --list /heap-plain >/dev/null 2>&1") != 0;
		check("$suite, preloaded", { LD_PRELOAD => substr $library, length $root }, [@inside, $root, '/heap-plain']);
	}
}

cmp_ok($compared, '>', 50000, "$compared figures compared");
done_testing;
