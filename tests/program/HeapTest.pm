# SPDX-License-Identifier: BSD-2-Clause
# Running ktstr-heap beside a target that says what its own mallctl says. Used by heap_*.t.
package HeapTest;

use strict;
use warnings;
use Exporter 'import';
use IPC::Open2 ();
use JSON::PP ();
use POSIX ();
use ProbeTest qw(scratch);

our @EXPORT_OK = qw(heap_program run_heap heap_json start_heap next_truth heap_differences figure);

sub heap_program { return ($ENV{KTSTR_BUILDDIR} // '.') . '/src/tools/heap/ktstr-heap' }

sub slurp {
	my ($path) = @_;
	open my $in, '<:raw', $path or die "$path: $!";
	local $/;
	return scalar <$in>;
}

# Runs it to its end: (exit status or "signal N", stdout, stderr).
sub run_heap {
	my @arguments = @_;
	my ($out, $err) = (scratch() . '/heap.out', scratch() . '/heap.err');
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $out;
		open STDERR, '>', $err;
		exec heap_program(), @arguments or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	my $status = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
	return ($status, slurp($out), slurp($err));
}

# The document of a run that must succeed, or undef with the reason as a comment.
sub heap_json {
	my ($pid, @arguments) = @_;
	my ($status, $out, $err) = run_heap('show', '--json', @arguments, $pid);
	if ($status ne '0') {
		print "# exit $status: $err" =~ s/\n(?=.)/\n# /gr;
		return undef;
	}
	return JSON::PP->new->utf8->decode($out);
}

sub figure { return $_[0]{ktstr}{figures}{ $_[1] } }

# Starts heap_truth and waits until its threads are parked.
sub start_heap {
	my ($env, @command) = @_;
	local @ENV{keys %$env} = values %$env;
	my %target;
	$target{pid} = IPC::Open2::open2($target{out}, $target{in}, @command);
	$target{in}->autoflush(1);
	return next_truth(\%target) ? \%target : undef;
}

# What it says next: {name => value}, {thread}{tid} => "allocated deallocated", kept in the target.
sub next_truth {
	my ($target) = @_;
	my %truth;
	my $out = $target->{out};
	while (my $line = <$out>) {
		return $target->{truth} = \%truth if $line eq "parked\n";
		$truth{thread}{$1} = "$2 $3" if $line =~ /^thread (\d+) (\d+) (\d+)$/;
		$truth{$1} = $2 if $line =~ /^(stats\S+|left) (-?\d+)$/;
	}
	return undef;
}

# The numbers of a document under mallctl's names.
sub flatten {
	my ($value, $name, $flat) = @_;
	if (ref $value eq 'HASH') {
		flatten($value->{$_}, length $name ? "$name.$_" : $_, $flat) for keys %$value;
	} elsif (ref $value eq 'ARRAY') {
		flatten($value->[$_], "$name.$_", $flat) for 0 .. $#$value;
	} else {
		$flat->{$name} = $value;
	}
	return $flat;
}

# Every number of the document against the target's own, and every thread: what differs, one line each.
sub heap_differences {
	my ($target, $document, $except) = @_;
	return 'not read' unless $document;
	my $truth = $target->{truth};
	my %ours = (%{ flatten($document->{jemalloc}{stats}, 'stats', {}) },
		%{ flatten($document->{jemalloc}{'stats.arenas'}, 'stats.arenas', {}) });
	my ($text, $compared) = ('', 0);
	for my $name (sort keys %ours) {
		next if $except && $name =~ $except;
		next if $name =~ /\.name$/;
		$compared++;
		my $is = $truth->{$name} // 'nothing';
		$text .= "$name: $ours{$name}, truth $is\n" if $ours{$name} ne $is;
	}
	# None of the figures that the target has may be missing.
	for my $name (grep { /^stats\.\w+$|^stats\.arenas\.\d+\.[^.]+$|\.(?:small|large)\./ } keys %$truth) {
		next if $except && $name =~ $except;
		$text .= "$name: missing\n" unless exists $ours{$name};
	}
	my %threads = map { $_->{tid} => $_ } @{ $document->{ktstr}{threads} };
	for my $tid (keys %{ $truth->{thread} }) {
		my $thread = $threads{$tid};
		my $is = !$thread ? 'missing' : $thread->{error} // "$thread->{allocated_bytes} $thread->{deallocated_bytes}";
		$text .= "tid $tid: $is, truth $truth->{thread}{$tid}\n" if $is ne $truth->{thread}{$tid};
	}
	$target->{compared} = $compared;
	return join '', (split /^/, $text)[0 .. 19] if ($text =~ tr/\n//) > 20;
	return $text;
}

1;
