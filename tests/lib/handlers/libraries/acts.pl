#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What acts.py does, with Pipemilter.pm
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use Pipemilter;

my %AT_RCPT = (
	'<1@b.example>' => sub { $_[0]->reject("550 5.1.1 100% \\o/\nNo") },
	'<2@b.example>' => sub { $_[0]->tempfail(451, '4.7.1', '*', '  two') },
	'<3@b.example>' => sub { $_[0]->tempfail },
	'<4@b.example>' => sub { $_[0]->discard },
	'<5@b.example>' => sub { $_[0]->shutdown('So long') },
	'<6@b.example>' => sub {
		$_[0]->add_header('X-Part', 1);
		$_[0]->progress;
		exit 75;
	},
);

sub on_connect {
	my ($m) = @_;
	$m->set_context('a-b', '');
	$m->unset_context('a');
	$m->pass;
}

sub on_mail {
	my ($m) = @_;
	$m->set_message_context('b', " \t\\n\r\n ");
	$m->accept;
	$m->reject('never');
}

sub on_rcpt {
	my ($m) = @_;
	my $act = $AT_RCPT{$m->recipient};
	$act->($m) if $act;
}

sub on_header {
	$_[0]->skip;
}

sub on_end_of_message {
	my ($m) = @_;
	# Of this program, and of another one
	print 'stray ', eof(STDIN) && `cat` eq '' ? 'True' : 'False', "\n";
	$m->add_header('X-A', "-n %s\\c * \$HOME\n\tfolded ");
	$m->insert_header(1, 'X-B', '');
	$m->change_header('X-C', 2, 'c');
	$m->delete_header('X-D');
	$m->delete_header('X-E', 3);
	$m->change_sender('<>');
	$m->change_sender('<a@b>', 'RET=HDRS');
	$m->add_recipient('<"a \" b"@c>');
	$m->add_recipient('<a@c>', 'NOTIFY=NEVER', 'ORCPT=rfc822;a');
	$m->delete_recipient('<a@d>');
	$m->quarantine('why not');
	$m->log('said');
	open(my $body, '<', $ENV{BODY}) or die;
	$m->replace_body(join '', <$body>);
	$m->pass;
	$m->add_header('X-Late', 1);
}

sub on_unknown {
	my ($m) = @_;
	$m->reject($m->command);
}

sub on_abort {
	my ($m) = @_;
	$m->add_header('X-Report', 1);
	$m->reject;
	$m->log('told');
}

Pipemilter::main();
