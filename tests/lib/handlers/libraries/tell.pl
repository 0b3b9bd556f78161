#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What tell.py does, with Pipemilter.pm
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use Pipemilter;

sub tell {
	my ($m) = @_;
	for my $name (qw(event session message client_host client_address
	    client_family client_port helo sender sender_domain recipient
	    recipient_domain recipient_count queue_id header_name header_value
	    command size)) {
		$m->log("$name=" . $m->$name) if $m->$name ne '';
	}
	for my $name (qw(message_file headers_file body_file)) {
		$m->log("$name=" . $m->$name) if $m->size ne '';
	}
	$m->log("each $_") for $m->recipients;
	for my $name (qw(sender_arguments recipient_arguments)) {
		$m->log("$name=" . join ' ', $m->$name) if $m->$name;
	}
	for my $name (qw(i auth_authen odd-macro)) {
		$m->log("macro $name=" . $m->macros->{$name}) if defined $m->macros->{$name};
	}
	for my $name (qw(a a-b a_b a-b_c a_b-c)) {
		$m->log("context $name=" . $m->context->{$name})
		    if defined $m->context->{$name};
	}
	$m->add_header('X-A', $m->helo);
	$m->reject("550 5.7.1 No\n" . $m->helo) if $m->helo eq 'spam';
}

no warnings 'once';
*on_connect = *on_helo = *on_mail = *on_rcpt = *on_data = *on_header = \&tell;
*on_end_of_headers = *on_body = *on_end_of_message = *on_unknown = \&tell;

Pipemilter::main();
