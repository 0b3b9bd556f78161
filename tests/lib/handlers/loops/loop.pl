#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What loop.sh does, in Perl.

use strict;
use warnings;

binmode(STDIN);
binmode(STDOUT);
$| = 1;

my ($answered, $message) = (0, '');
my ($kind, $event, $id, $length, $asked) = ('', '', '', 0, '');
my (%known, @recipients, %macro, %context);

sub forget_message {
	$known{sender} = '';
	@recipients = ();
}

sub forget_all {
	%known = (helo => '', sender => '');
	%macro = %context = ();
	forget_message();
}

sub drop_recipient {
	my ($address) = @_;
	for my $i (0 .. $#recipients) {
		next if $recipients[$i] ne $address;
		splice(@recipients, $i, 1);
		last;
	}
}

sub known {
	return "helo=$known{helo} sender=$known{sender} recipients=" .
	    @recipients . ':' . join(',', @recipients) . ' i=' . ($macro{i} // '') .
	    ' from=' . ($context{from} // '') . ' host=' . ($context{host} // '');
}

sub answer {
	my @reply = ('continue');
	$answered++;
	if ($event eq 'connect') {
		unshift @reply, "set host $asked";
	} elsif ($event eq 'mail') {
		unshift @reply, "set-message from $known{sender}";
	} elsif ($event eq 'rcpt' && $asked =~ /\@refused\.example>\z/) {
		@reply = ('reject 550 5.1.1 Not here');
	} elsif ($event eq 'end-of-message') {
		unshift @reply, 'add-header X-Known ' . known(),
		    "add-header X-Process $$ $answered";
	}
	unshift @reply, "event-id $id" if $id ne '';
	print join('', map { "$_\n" } @reply);
}

forget_all();
while (my $text = <STDIN>) {
	chomp $text;
	my ($key, $value) = split / /, $text, 2;
	if ($text eq '') {
		read(STDIN, my $payload, $length) if $length;
		answer() if $kind eq 'event';
	} elsif ($key eq 'event' || $key eq 'report') {
		($kind, $event, $id, $length, $asked) = ($key, $value, '', 0, '');
	} elsif ($key eq 'message') {
		forget_message() if $value ne $message;
		$message = $value;
	} elsif ($key eq 'event-id') {
		$id = $value;
	} elsif ($key eq 'complete') {
		forget_all();
	} elsif ($key eq 'client-host') {
		$asked = $value;
	} elsif ($key eq 'recipient') {
		push @recipients, $asked = $value;
	} elsif ($key eq 'recipient-refused') {
		drop_recipient($value);
	} elsif ($key eq 'macro') {
		my ($name, $is) = split / /, $value, 2;
		$macro{$name} = $is;
	} elsif ($key eq 'context') {
		my ($name, $is) = split / /, $value, 2;
		$context{$name} = $is;
	} elsif ($key eq 'context-unset') {
		delete $context{$value};
	} elsif ($key eq 'length') {
		$length = $value;
	} else {
		$known{$key} = $value;
	}
}
