#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A handler in Perl that lasts: it serves one event after the other, of one
# session or of many at a time, and may add a header to each message.
#
#	pipemilter -l inet:8899@127.0.0.1 -e end-of-message \
#	    -o 'reuse = yes' -o 'concurrency = 100' \
#	    -o 'actions = {add-header}' ./pool.pl X-Seen-By pool.pl
#
# It reads as much as there is, and writes all its replies at once, before it
# waits for more.

use strict;
use warnings;

binmode(STDIN);
binmode(STDOUT);
my ($name, $value) = @ARGV;

sub answer {
	my ($event, $block) = @_;
	my $reply = $block =~ /^(event-id \d+\n)/m ? $1 : '';
	$reply .= "add-header $name $value\n"
	    if defined $value && $event eq 'end-of-message';
	return $reply . "continue\n";
}

my $in = '';
while (sysread(STDIN, $in, 262144, length $in)) {
	my ($at, $out) = (0, '');
	# A block ends with an empty line; its payload, if any, follows.
	while ((my $end = index($in, "\n\n", $at)) >= 0) {
		my $block = substr($in, $at, $end + 1 - $at);
		my $next = $end + 2;
		$next += $1 if $block =~ /\nlength (\d+)\n/;
		last if $next > length $in;
		$at = $next;
		# A report wants no reply.
		$out .= answer($1, $block) if $block =~ /\Aevent (\S+)/;
	}
	substr($in, 0, $at, '');
	for (my $n = 0; $n < length $out; ) {
		$n += syswrite(STDOUT, $out, length($out) - $n, $n) // exit 1;
	}
}
