#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The filter of the benchmark with Sendmail::PMilter and its prefork
# dispatcher: pmilter.pl SOCKET all|header [PROCESSES]

use strict;
use warnings;

use Sendmail::PMilter qw(:all);

my ($socket, $mode, $processes) = @ARGV;

my %callbacks = (
	all => {
		map({ $_ => sub { SMFIS_CONTINUE } }
		    qw(connect helo envfrom envrcpt header eoh body eom abort close)),
	},
	header => {
		eom => sub {
			$_[0]->addheader('X-Bench', 'seen');
			return SMFIS_CONTINUE;
		},
	},
);

my $milter = Sendmail::PMilter->new;
$milter->set_listen(512);
$milter->setconn($socket) or die "$socket: $!\n";
$milter->register('bench', $callbacks{$mode}, SMFI_CURR_ACTS);
$milter->set_dispatcher(Sendmail::PMilter::prefork_dispatcher(
    max_children => $processes || 60, max_requests_per_child => 1_000_000));
$milter->main();
