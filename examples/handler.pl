#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A handler in Perl: refuses mail from spam.example and adds a header to the rest.
#
#	pipemilter -l inet:8899@127.0.0.1 -e mail,end-of-message \
#	    -o 'actions = {add-header}' ./handler.pl

use strict;
use warnings;

binmode(STDIN);
binmode(STDOUT);
$| = 1;		# each reply must go out at once

sub unescape {
	my ($value) = @_;
	$value =~ s/\\(\\|n|r|0[0-7]{3})/
	    $1 eq '\\' ? '\\' : $1 eq 'n' ? "\n" : $1 eq 'r' ? "\r" : chr(oct $1)/gex;
	return $value;
}

sub answer {
	my ($event, %line) = @_;
	if ($event eq 'mail' && $line{'sender-domain'} =~ /(?:^|\.)spam\.example$/) {
		print "reject 550 5.7.1 No mail from there\n";
		return;
	}
	if ($event eq 'end-of-message') {
		print "add-header X-Seen-By handler.pl\n";
	}
	print "continue\n";
}

my ($kind, $event, %line) = ('', '');
while (my $text = <STDIN>) {
	chomp $text;
	my ($key, $value) = split / /, $text, 2;
	if ($text eq '') {		# the block is complete
		answer($event, %line) if $kind eq 'event';
	} elsif ($key eq 'event' || $key eq 'report') {
		($kind, $event) = ($key, $value);
	} elsif ($key eq 'complete') {	# all that was known is void
		%line = ('sender-domain' => '');
	} else {
		$line{$key} = unescape($value);
	}
}
