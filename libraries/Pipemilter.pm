# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Pipemilter.pm: handlers for pipemilter(8), with no thought of the protocol.
#
#	#!/usr/bin/perl
#	use strict;
#	use warnings;
#	use lib '/usr/local/share/pipemilter';
#	use Pipemilter;
#
#	sub on_rcpt {
#		my ($m) = @_;
#		$m->reject('550 5.7.1 Not here')
#		    if $m->recipient_domain eq 'example.net';
#	}
#
#	sub on_end_of_message {
#		my ($m) = @_;
#		$m->add_header('X-Seen-By', 'perl');
#	}
#
#	Pipemilter::main();
#
# Everything is explained in pipemilter-libraries(7).  Values are bytes; of what
# is given, text with characters above 255 is written in UTF-8.

package Pipemilter;

use strict;
use warnings;
use Carp qw(croak);

# An unknown status, which is a failure whatever the event.
use constant FAILED => 70;

# So many sessions are remembered at a time, more than the largest concurrency.
# Only a process that is not told of disconnect comes to it.
use constant MAX_SESSIONS => 20000;

my %EVENT = map { $_ => 1 } qw(connect helo mail rcpt data header
    end_of_headers body end_of_message unknown abort disconnect);

# What is forgotten when its time is over.
my @FILES = qw(message_file headers_file body_file);
my @OF_EVENT = qw(header_name header_value command size reason answer
    answered_by recipient_status recipient recipient_domain event_id);
my @OF_MESSAGE = qw(sender sender_domain);
my @OF_SESSION = qw(client_host client_address client_family client_port helo);
my %PLAIN = map { $_ => 1 } grep { !/^recipient(_domain)?$/ }
    @OF_EVENT, @FILES, @OF_MESSAGE, @OF_SESSION;

my ($in, $out, %known, $uses, $has_main);

# A script without its last line would pass everything.  A bad status it chose.
my $process = $$;
END {
	if ($? == 0 && !$has_main && $$ == $process && $0 ne '-e') {
		print STDERR "Pipemilter.pm: the script has ended without Pipemilter::main\n";
		$? = FAILED;
	}
}

# --- what is known

for my $name (@OF_EVENT, @OF_MESSAGE, @OF_SESSION,
    qw(event report session message payload recipient_count macros context)) {
	no strict 'refs';
	*$name = sub { $_[0]{$name} };
}

# An empty name would be taken for an empty file.
for my $name (@FILES) {
	no strict 'refs';
	*$name = sub {
		my ($m) = @_;
		croak "$m->{event}: there is no $name: it takes end-of-message, and spool = yes"
		    if $m->{$name} eq '';
		return $m->{$name};
	};
}

sub sender_arguments { @{$_[0]{sender_arguments}} }
sub recipient_arguments { @{$_[0]{recipient_arguments}} }
sub recipients { @{$_[0]{recipients}} }
sub queue_id { $_[0]{macros}{i} // '' }

my %NAMED = ('\\' => '\\', n => "\n", r => "\r");

sub _unescape {
	my ($value) = @_;
	$value =~ s/\\(\\|n|r|0[0-3][0-7]{2})/$NAMED{$1} \/\/ chr oct $1/ge;
	return $value;
}

sub _forget_event {
	my ($m) = @_;
	$m->{$_} = '' for @OF_EVENT, @FILES;
	$m->{recipient_arguments} = [];
	$m->{verdict} = 0;
}

sub _forget_message {
	my ($m) = @_;
	$m->{$_} = '' for @OF_MESSAGE;
	$m->{sender_arguments} = [];
	$m->{recipients} = [];
	$m->{recipient_count} = 0;
}

sub _forget_session {
	my ($m) = @_;
	$m->{$_} = '' for @OF_SESSION;
	$m->{macros} = {};
	$m->{context} = {};
	$m->_forget_message;
}

# The last one of that address
sub _drop_recipient {
	my ($m, $address) = @_;
	my $list = $m->{recipients};
	for my $i (reverse 0 .. $#$list) {
		if ($list->[$i] eq $address) {
			splice @$list, $i, 1;
			return;
		}
	}
}

# A block: its lines, as pairs, and its payload
sub _take {
	my ($m, $lines, $payload) = @_;
	my ($kind, $event) = @{$lines->[0]};
	$m->_forget_event;
	@$m{qw(event report payload)} = ($event, $kind eq 'report', $payload);
	my $message = '';
	for (@$lines) {
		$m->_forget_session if $_->[0] eq 'complete';
		$message = $_->[1] if $_->[0] eq 'message';
	}
	if ($message ne $m->{message}) {
		$m->_forget_message;
		$m->{message} = $message;
	}
	for (@$lines) {
		$m->_drop_recipient(_unescape($_->[1])) if $_->[0] eq 'recipient-refused';
	}
	$m->_take_line(@$_) for @$lines;
	pop @{$m->{recipients}} if $m->{recipient_status} ne '';
	_put("event-id $m->{event_id}") if $m->{event_id} ne '' && !$m->{report};
}

sub _take_line {
	my ($m, $name, $value) = @_;
	$name =~ tr/-/_/;
	if ($PLAIN{$name}) {
		$m->{$name} = _unescape($value);
	} elsif ($name eq 'macro' || $name eq 'context') {
		my ($word, $rest) = split / /, $value, 2;
		$m->{$name eq 'macro' ? 'macros' : 'context'}{_unescape($word)} =
		    _unescape($rest);
	} elsif ($name eq 'recipient') {
		push @{$m->{recipients}}, _unescape($value);
		$m->{recipient} = _unescape($value) if $m->{event} eq 'rcpt';
	} elsif ($name eq 'recipient_domain') {
		$m->{recipient_domain} = _unescape($value) if $m->{event} eq 'rcpt';
	} elsif ($name eq 'recipient_argument') {
		push @{$m->{recipient_arguments}}, _unescape($value)
		    if $m->{event} eq 'rcpt';
	} elsif ($name eq 'sender_argument') {
		push @{$m->{sender_arguments}}, _unescape($value);
	} elsif ($name eq 'recipients') {
		$m->{recipient_count} = $value;
	} elsif ($name eq 'context_unset') {
		delete $m->{context}{_unescape($value)};
	}
}

# --- replies

sub _put_bytes {
	my ($data) = @_;
	my $at = 0;
	while ($at < length $data) {
		my $n = syswrite($out, $data, length($data) - $at, $at);
		die "cannot write: $!\n" if !defined $n;
		$at += $n;
	}
}

sub _put {
	_put_bytes("$_[0]\n");
}

sub _bytes {
	my ($value) = @_;
	utf8::encode($value) if !utf8::downgrade($value, 1);
	return $value;
}

# A value as it stands in a reply
sub _escape {
	my $value = _bytes($_[0]);
	croak 'a NUL byte in a value' if $value =~ /\0/;
	$value =~ s/\\/\\\\/g;
	$value =~ s/\n/\\n/g;
	$value =~ s/\r/\\r/g;
	return $value;
}

# One that has no blank in it, since another one follows
sub _word {
	my ($value) = @_;
	croak "not a single word: $value" if $value eq '' || $value =~ /\s/;
	return _escape($value);
}

sub _number {
	my ($value) = @_;
	croak "not a number: $value" if $value !~ /\A[0-9]+\z/;
	return $value;
}

sub _header {
	my ($name) = @_;
	croak "not the name of a header: $name" if $name !~ /\A[!-9;-~]+\z/;
	return $name;
}

sub _may {
	my ($m, $what) = @_;
	return 1 if !$m->{report} && !$m->{verdict};
	my $why = $m->{report} ? 'nobody waits for an answer to a report'
	    : 'the answer has been given';
	print STDERR "Pipemilter.pm: $m->{event}: $what has no effect: $why\n";
	return 0;
}

sub _act {
	my ($m, $action, @values) = @_;
	_put(join ' ', $action, @values) if $m->_may($action);
}

sub add_header {
	my ($m, $name, $value) = @_;
	$m->_act('add-header', _header($name), _escape($value));
}

sub insert_header {
	my ($m, $index, $name, $value) = @_;
	$m->_act('insert-header', _number($index), _header($name), _escape($value));
}

sub change_header {
	my ($m, $name, $index, $value) = @_;
	$m->_act('change-header', _header($name), _number($index), _escape($value));
}

sub delete_header {
	my ($m, $name, @index) = @_;
	$m->_act('delete-header', _header($name), map { _number($_) } @index);
}

sub change_sender {
	my ($m, @words) = @_;
	$m->_act('change-sender', map { _escape($_) } @words);
}

sub add_recipient {
	my ($m, @words) = @_;
	$m->_act('add-recipient', map { _escape($_) } @words);
}

sub delete_recipient {
	my ($m, $address) = @_;
	$m->_act('delete-recipient', _escape($address));
}

sub replace_body {
	my ($m, $body) = @_;
	$body = _bytes($body);
	return if !$m->_may('replace-body');
	_put('replace-body ' . length $body);
	_put_bytes($body);
}

sub quarantine {
	my ($m, $reason) = @_;
	$m->_act('quarantine', _escape($reason));
}

sub progress {
	my ($m) = @_;
	$m->_act('progress');
}

sub set_context {
	my ($m, $name, $value) = @_;
	$m->_act('set', _word($name), _escape($value));
}

sub set_message_context {
	my ($m, $name, $value) = @_;
	$m->_act('set-message', _word($name), _escape($value));
}

sub unset_context {
	my ($m, $name) = @_;
	$m->_act('unset', _word($name));
}

# Also when no answer is due
sub log {
	my ($m, $text) = @_;
	if ($m->{report} || $m->{verdict}) {
		print STDERR _bytes($text), "\n";
	} else {
		_put('log ' . _escape($text =~ tr/\0/?/r));
	}
}

# The first of these that is called is the answer; without one it is pass.
sub _verdict {
	my ($m, $verdict, @words) = @_;
	return if !$m->_may($verdict);
	_put(join ' ', $verdict, map { _escape($_) } @words);
	$m->{verdict} = 1;
}

sub pass { $_[0]->_verdict('continue') }
sub accept { $_[0]->_verdict('accept') }
sub reject { my $m = shift; $m->_verdict('reject', @_) }
sub tempfail { my $m = shift; $m->_verdict('tempfail', @_) }
sub discard { $_[0]->_verdict('discard') }
sub skip { $_[0]->_verdict('skip') }
sub shutdown { my $m = shift; $m->_verdict('shutdown', @_) }

# --- the loop

# The protocol moves to descriptors that nothing else in the process uses, and
# that programs do not inherit.
sub _take_protocol {
	open($in, '<&', \*STDIN) && open($out, '>&', \*STDOUT) &&
	    open(STDIN, '<', '/dev/null') && open(STDOUT, '>&', \*STDERR)
	    or die "cannot move standard input and output: $!\n";
	binmode $in;
	binmode $out;
	my $old = select STDOUT;
	$| = 1;
	select $old;
}

# The lines of a block and its payload, or nothing
sub _next_block {
	my (@lines, $payload);
	local $/ = "\n";
	while (defined(my $line = readline $in)) {
		chomp $line;
		if ($line ne '') {
			push @lines, [split / /, $line, 2];
			next;
		}
		my ($length) = map { $_->[1] } grep { $_->[0] eq 'length' } @lines;
		$length //= 0;
		my $n = read($in, $payload, $length);
		return if !defined $n || $n < $length;
		return (\@lines, $payload // '');
	}
	return;
}

# What is known of the session that a block belongs to
sub _session_of {
	my ($lines) = @_;
	my %line = map { $_->[0] => $_->[1] // '' } @$lines;
	my $session = $line{session};
	my $m = $known{$session};
	if (!$m) {
		# They come one after the other.
		%known = () if !defined $line{'event-id'};
		die "a block of session $session tells only what is new, and the " .
		    "rest has been forgotten\n" if !defined $line{complete};
		$m = bless {session => $session, message => ''};
		$m->_forget_session;
		$known{$session} = $m;
		_forget_some() if keys %known > MAX_SESSIONS;
	}
	$m->{used} = ++$uses;
	return $m;
}

# Those that nothing was heard of for the longest time
sub _forget_some {
	my @old = sort { ($known{$a}{used} // $uses + 1) <=> ($known{$b}{used} // $uses + 1) }
	    keys %known;
	delete @known{@old[0 .. @old / 10]};
}

sub _serve {
	my ($m, $package) = @_;
	my $name = "on_$m->{event}" =~ tr/-/_/r;
	my $function = $package->can($name);
	$function->($m) if $function;
	$m->pass if !$m->{report} && !$m->{verdict};
}

sub _complain_of_names {
	my ($package) = @_;
	no strict 'refs';
	for my $name (sort keys %{"${package}::"}) {
		print STDERR "Pipemilter.pm: $name: there is no such event\n"
		    if $name =~ /\Aon_(.*)/ && !$EVENT{$1} && defined &{"${package}::$name"};
	}
}

# Serves until the end of input with the functions on_connect ... of the caller.
# One that dies ends the process with a status that is a failure.
sub main {
	my $package = caller;
	$has_main = 1;
	_take_protocol();
	_complain_of_names($package);
	my $done = eval {
		while (my ($lines, $payload) = _next_block()) {
			my $m = _session_of($lines);
			$m->_take($lines, $payload);
			_serve($m, $package);
			delete $known{$m->{session}} if $m->{event} eq 'disconnect';
		}
		1;
	};
	return if $done;
	print STDERR $@;
	exit FAILED;
}

1;
