#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What loops/loop.sh does, with Pipemilter.pm; headers X-Echo come back.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use Pipemilter;

my $answered = 0;

sub count {
	my ($m) = @_;
	$answered++ if !$m->report;
	print 'stray output at ', $m->event, "\n";
}

sub on_connect {
	my ($m) = @_;
	count($m);
	$m->set_context('host', $m->client_host);
}

sub on_mail {
	my ($m) = @_;
	count($m);
	$m->set_message_context('from', $m->sender);
}

sub on_rcpt {
	my ($m) = @_;
	count($m);
	$m->reject(550, '5.1.1', 'Not here') if $m->recipient =~ /\@refused\.example>$/;
}

sub on_header {
	my ($m) = @_;
	count($m);
	$m->add_header($m->header_name, $m->header_value) if $m->header_name eq 'X-Echo';
}

sub on_end_of_message {
	my ($m) = @_;
	count($m);
	$m->add_header('X-Known', sprintf 'helo=%s sender=%s recipients=%d:%s i=%s from=%s host=%s',
	    $m->helo, $m->sender, scalar $m->recipients, join(',', $m->recipients),
	    $m->queue_id, $m->context->{from} // '', $m->context->{host} // '');
	$m->add_header('X-Process', "$$ $answered");
}

no warnings 'once';
*on_helo = *on_end_of_headers = *on_body = \&count;

Pipemilter::main();
