#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Programs that read mail as handlers: input = message, output, received,
# on-exit; what they are given and what comes of what they do.

# shellcheck disable=SC2154	# status and output are set by mta

load ../lib/common
load ../lib/proto

FAILED='=> y "554 5.3.0 failed"'
BUSY='=> y "452 4.3.2 busy"'
ENVELOPE='-mail <a@b.example>
-rcpt <c@d.example>'

setup_file() {
	local name

	proto_start
	reads plain 'received = no'
	reads crlf 'received = no' 'newlines = crlf'
	reads traced
	reads hasty 'timeout = 1500ms'
	reads lined 'lines = {helo}' "environment = {'PLANS=$PLANS', 'CLIENT=lined.example'}"
	reads status 'output = none' 'received = no' \
	    "on-exit = {'1=reject 554 5.7.1 Virus found', '2=discard', '3=continue'}"
	reads ahead 'processes-min = 1' 'received = no' "command = {'$HANDLERS/ahead'}" \
	    "environment = {'OUT=$OUT'}"
	reads_only trial 'shadow = yes' 'output = none' 'newlines = crlf'
	handler_only after 'events = {end-of-message}'
	listener trial trial,after
	for name in a b c; do
		reads_only "$name" 'output = message' 'received = no'
	done
	listener a a
	listener abc a,b,c
	listener a-lets-b a,lets,b
	handler_only explicit 'events = {end-of-message}'
	listener a-explicit a,explicit
	listener explicit-a explicit,a
	reads_only crlf-b 'output = message' 'received = no' 'newlines = crlf'
	listener a-crlf-b a,crlf-b
	listener a-reader a,plain
	reads traced-a 'output = message'
	reads_only traced-b 'output = message'
	listener traced-ab traced-a,traced-b
	reads crlf-a 'output = message' 'received = no' 'newlines = crlf'
	reads inserts 'output = message' 'received = no' 'actions = {insert-header}'
	reads adds 'output = message' 'received = no' 'optional-actions = {add-header, replace-body}'
	FAILURE='continue' reads lets 'output = message' 'received = no' \
	    "on-exit = {'1=continue', '2=accept', '3=reject 554 5.7.1 No'}"
	reads_only shade 'output = message' 'shadow = yes'
	listener shade shade,after
	handler blocks 'events = {end-of-message}' 'actions = {}' 'output = none' \
	    "on-exit = {'1=reject 554 5.7.1 No'}"
	write_handler ahead <<-'END'
		trap 'exit 0' TERM
		env | grep -c '^MILTER_' >"$OUT/ahead.env"
		cat >"$OUT/ahead.$$"
		mv "$OUT/ahead.$$" "$OUT/ahead.got"
		printf '%s\n' 'add-header X-Ahead yes'
	END
	reads copies "command = {'/bin/cat'}"
	proto_run
	global 'message-timeout = 4s' 'spool-limit = 1M'
	reads small 'output = none' 'received = no' 'newlines = crlf'
	reads_only small-trial 'output = none' 'shadow = yes'
	listener small-trial small-trial
	handler_only stuck 'events = {end-of-message}' 'on-timeout = continue'
	reads_only late-trial 'output = none' 'shadow = yes'
	listener small-late stuck,late-trial
	proto_run small
}

# reads_only NAME [OPTION ...]: a handler of messages
reads_only() {
	local name=$1 failure="on-failure = 'reject 554 5.3.0 failed'"

	shift
	[ -z "${FAILURE-}" ] || failure="on-failure = $FAILURE"
	handler_only "$name" 'input = message' "$failure" \
	    "on-timeout = 'tempfail 451 4.4.2 slow'" \
	    "on-overload = 'tempfail 452 4.3.2 busy'" "$@"
}

# reads NAME [OPTION ...]: a handler of messages with a socket
reads() {
	reads_only "$@"
	listener "$1" "$1"
}

setup() {
	proto_setup
}

teardown_file() {
	test_teardown
}

# send SOCKET [COMMAND ...]: a session that is not ended. After the recipient come the
# commands, or the lines of standard input.
send() {
	local name=$1

	shift
	mta "$name" < <(
		printf '%s\n' "hello $HOST" "$ENVELOPE"
		if [ $# -gt 0 ]; then printf '%s\n' "$@"; else cat; fi)
}

# Standard input is what a handler read, with ~ for a tab at the begin of a line.
got_is() {
	got "$1" || return 1
	sed "s/^~/	/" >"$BATS_TEST_TMPDIR/want"
	assert_same_file "$BATS_TEST_TMPDIR/want" "$GOT/$1"
}

# The date of Received, which is not known, is DATE.
without_date() {
	sed -E 's/^\t[A-Z][a-z]{2}, [0-9]+ [A-Z][a-z]{2} 20[0-9]{2} [0-9:]{8} [+-][0-9]{4}(\r?)$/\tDATE\1/' \
	    "$GOT/end-of-message"
}

# own_daemon: what the test configures from now on is for a daemon of its own.
own_daemon() {
	CONF=$BATS_TEST_TMPDIR/conf
	: >"$CONF"
}

# small KB: the engine has not grown with a message; with a sanitizer freed
# memory is kept for a while.
small() {
	echo "memory: $1 KB"
	grep -q __asan_init "$PIPEMILTER" || [ "$1" -lt 40000 ]
}

engine_pid() {
	pgrep -P "$(cat "$DAEMONS/${1:-d}/pid")" -f engine
}

# Descriptors of the engine that are files without a name.
kept_files() {
	find "/proc/$(engine_pid "$1")/fd" -lname '*/.engine/*' | wc -l
}

no_kept_files() {
	[ "$(kept_files "$1")" -eq 0 ]
}

# --- what is read

@test "input: a handler reads the message, and nothing else" {
	echo save | plan end-of-message
	send plain <<-END
		-data
		-header Subject   two blanks \\xe4
		-header X-Folded one\\n\\ttwo\\n three
		-header X-Empty
		-eoh
		-body one\\r\\n.\\r\\ntwo \\xff\\0\\r\\n
		-body bare\\rCR, and LF\\n, half a \\r
		-body \\nline, end\\r
		eom
	END
	says_at_end continue
	printf '%s\n' "Subject:   two blanks $(printf '\344')" 'X-Folded: one' "	two" ' three' \
	    'X-Empty: ' '' one . >"$BATS_TEST_TMPDIR/m"
	printf 'two \377\0\nbare\rCR, and LF\n, half a \nline, end\r' >>"$BATS_TEST_TMPDIR/m"
	got_is end-of-message <"$BATS_TEST_TMPDIR/m"
}

@test "input: with newlines = crlf not a byte is changed" {
	echo save | plan end-of-message
	send crlf '-header X-Folded one\n\ttwo' '-body one\r\ntwo\nthree\r' eom
	printf 'X-Folded: one\r\n\ttwo\r\n\r\none\r\ntwo\nthree\r' | got_is end-of-message
}

@test "input: without body there is the empty line, without header that alone" {
	echo save | plan end-of-message
	send plain '-header Subject x' eom
	printf 'Subject: x\n\n' | got_is end-of-message
	rm "$GOT/end-of-message"
	send plain '-body text\r\n' eom
	printf '\ntext\n' | got_is end-of-message
	rm "$GOT/end-of-message"
	send plain eom
	printf '\n' | got_is end-of-message
}

@test "input: what the block would say is in the environment" {
	echo save | plan end-of-message
	mta plain <<-END
		optneg
		-connect $HOST
		-helo client.example
		macro M i=QID
		-mail <a@b.example>
		-rcpt <c@d.example>
		-header A b
		-body text\\r\\n
		eom
	END
	got end-of-message
	env_is end-of-message <<-END
		MILTER_CLIENT_ADDRESS=192.0.2.7
		MILTER_CLIENT_FAMILY=inet
		MILTER_CLIENT_HOST=$HOST
		MILTER_CLIENT_PORT=4321
		MILTER_EVENT=end-of-message
		MILTER_HELO=client.example
		MILTER_MACRO_i=QID
		MILTER_MESSAGE=M
		MILTER_QUEUE_ID=QID
		MILTER_RECIPIENT=<c@d.example>
		MILTER_RECIPIENTS=<c@d.example>
		MILTER_RECIPIENT_COUNT=1
		MILTER_RECIPIENT_DOMAIN=d.example
		MILTER_SENDER=<a@b.example>
		MILTER_SENDER_DOMAIN=b.example
		MILTER_SESSION=S
		MILTER_SIZE=14
	END
}

@test "input: the MTA is asked for header and body, and for no more than that" {
	mta plain <<-END
		optneg
		print done
	END
	says <<-'END'
		optneg: version 6 asks connect-,helo-,mail-,rcpt-,header-,body- actions add-header,replace-body,add-recipient,delete-recipient,change-header,quarantine,change-sender,add-recipient-arguments extras skip,leadspc
		done
	END
	mta blocks <<-END
		optneg
		print done
	END
	says 'optneg: version 6 asks connect-,helo-,mail-,rcpt- actions none extras none' \
	    'done'
}

@test "input: one that closes it at once, or never reads, has not failed" {
	local s=$BATS_TEST_TMPDIR/s

	cat >"$s" <<-END
		-header A b
		-bodyfill 1000000
		eom
	END
	plan end-of-message <<-'END'
		exec <&-
		say 'add-header X-Closed yes'
	END
	send plain <"$s"
	says_at_end 'h "X-Closed" " yes"' continue
	plan end-of-message <<-'END'
		say 'add-header X-Unread yes'
	END
	send plain <"$s"
	says_at_end 'h "X-Unread" " yes"' continue
	plan end-of-message <<-'END'
		head -c 10 >/dev/null
		say 'reject 550 5.7.1 no'
		exec >&-
		cat >/dev/null
	END
	send plain <"$s"
	says_at_end 'y "550 5.7.1 no"'
}

@test "input: one that has answered and works on is not taken to be stuck" {
	plan end-of-message <<-'END'
		say continue
		sleep 3
		: >"$d/got/over"
	END
	send hasty '-header A b' '-bodyfill 1000000' 'eom => continue'
	got over
	! log_has 'handler hasty: report' || false
}

@test "input: a slow reader gets all of it" {
	plan end-of-message <<-'END'
		{ head -c 100000; sleep 0.3; head -c 200000; sleep 0.3; cat; } >"$d/got/new"
		mv "$d/got/new" "$d/got/all"
	END
	send crlf '-header A b' '-bodyfill 1000000' eom
	says_at_end continue
	got all
	assert_equal "$(wc -c <"$GOT/all")" 1000008
}

@test "input: a process started ahead has no variables, and gets the message" {
	# The first one may not have been there yet.
	for _ in 1 2; do
		rm -f "$OUT/ahead.got"
		send ahead '-header A b' '-body text\r\n' eom
		says_at_end 'h "X-Ahead" " yes"' continue
	done
	wait_for test -s "$OUT/ahead.env"
	assert_equal "$(cat "$OUT/ahead.env")" 0
	printf 'A: b\n\ntext\n' | cmp - "$OUT/ahead.got"
}

@test "input: a process started ahead that is killed costs nothing" {
	local pid

	own_daemon
	reads killed 'processes-min = 1' 'received = no' \
	    "command = {'$HANDLERS/ahead'}" "environment = {'OUT=$GOT'}"
	proto_run killed
	is_ahead() {
		pid=$(pgrep -P "$(cat "$DAEMONS/killed/pid")" -f "$HANDLERS/ahead")
		[[ $pid =~ ^[0-9]+$ ]]
	}
	# The process was idle if the engine hears of its end within 100 ms, which a busy
	# machine may miss.
	for _ in 1 2 3 4 5; do
		wait_for is_ahead
		kill -STOP "$pid"
		send killed '-header A b' 'frame E' 'await end-of-message' \
		    "run kill -KILL $pid" \
		    'expect~ h "X-Ahead" " yes"|y "554 5.3.0 failed"' settle
		[ -z "$output" ] || break
	done
	says <<<'end-of-message: continue'
	printf 'A: b\n\n' | cmp - "$GOT/ahead.got"
	stop_daemon killed
}

@test "input: 40 megabytes are kept in a file, and the engine stays small" {
	local kb

	own_daemon
	reads big 'received = no' 'newlines = crlf'
	proto_run big
	plan end-of-message <<-'END'
		head -c 1000 >/dev/null
		note reading
		while [ ! -e "$d/got/go" ]; do sleep 0.05; done
		cat | wc -c >"$d/got/rest"
	END
	send big <<-END &
		-header A b
		-bodyfill 40000000
		eom => continue
	END
	wait_for test -s "$GOT/notes"
	kb=$(awk '$1 == "RssAnon:" { print $2 }' "/proc/$(engine_pid big)/status")
	assert_equal "$(kept_files big)" 1
	: >"$GOT/go"
	wait $!
	assert_equal "$(cat "$GOT/rest")" $((40000000 + 8 - 1000))
	small "$kb"
	wait_for no_kept_files big
	stop_daemon big
}

@test "input: what is left behind by an MTA that goes away" {
	own_daemon
	reads gone
	proto_run gone
	send gone '-header A b' '-bodyfill 2000000' drop
	wait_for no_kept_files gone
	plan end-of-message <<-'END'
		note "$$"
		head -c 100000 >/dev/null
		exec sleep 100
	END
	send gone '-header A b' '-bodyfill 2000000' 'frame E' "wait-file $GOT/notes" drop
	wait_for none_alive "$(cat "$GOT/notes")"
	wait_for no_kept_files gone
	stop_daemon gone
}

@test "input: a message that is too large, or that nobody wants, is not kept" {
	own_daemon
	reads_only leaves 'received = no' 'max-message = 2K'
	handler_only after 'events = {end-of-message}'
	listener leaves leaves,after
	proto_run leaves
	echo save | plan leaves.end-of-message
	echo 'say "add-header X-After yes"' | plan after.end-of-message
	send leaves <<-END
		-header A b
		-bodyfill 2000000
		run ! find /proc/$(engine_pid leaves)/fd -lname '*/.engine/*' | grep .
		eom
	END
	says_at_end 'h "X-After" " yes"' continue
	[ ! -e "$GOT/end-of-message" ]
	stop_daemon leaves
}

# --- what stands before it

@test "received: a mail server's lines stand before the message" {
	echo save | plan end-of-message
	mta traced <<-END
		optneg
		macro C j=mx.example.net
		-connect $HOST
		-helo client.example
		macro M i=QID
		-mail <a@b.example>
		-rcpt <c@d.example>
		-header A b
		-body text\\r\\n
		eom
	END
	without_date >"$GOT/undated"
	got_is undated <<-END
		Return-Path: <a@b.example>
		Received: from client.example ($HOST [192.0.2.7])
		~by mx.example.net with ESMTP id QID;
		~DATE
		A: b

		text
	END
}

@test "received: a null sender, an IPv6 client without name, TLS and authentication" {
	plan -c '[IPv6:2001:db8:0:0:0:0:0:7]' end-of-message <<<save
	mta traced <<-END
		optneg
		macro C j=mx.example.net
		-connect [IPv6:2001:db8:0:0:0:0:0:7] 6 4321 IPv6:2001:db8:0:0:0:0:0:7
		macro H {tls_version}=TLSv1.3
		-helo [IPv6:2001:db8::7]
		macro M {auth_type}=PLAIN {auth_authen}=someone
		-mail <>
		-rcpt <c@d.example>
		-header A b
		eom
	END
	GOT="$PLANS/[IPv6:2001:db8:0:0:0:0:0:7]/got"
	without_date >"$GOT/undated"
	got_is undated <<-END
		Return-Path: <>
		Received: from [IPv6:2001:db8::7] (unknown [IPv6:2001:db8::7])
		~by mx.example.net with ESMTPSA;
		~DATE
		A: b

	END
}

@test "received: nothing that a client says can break a line, or out of its place" {
	echo save | plan end-of-message
	mta traced <<-END
		optneg
		macro C "j=mx (evil)\\nX: y"
		-connect $HOST
		-helo evil) by here;\\r\\n\\r\\nX-Evil: [\\xe4] \\\\
		macro M "i=Q\\nX-Evil: 1"
		-mail "<a\\nX-Evil: 2\\r\\n\\r\\n@b.example>"
		-rcpt <c@d.example>
		-header A b
		eom
	END
	without_date >"$GOT/undated"
	got_is undated <<-END
		Return-Path: <a?X-Evil: 2????@b.example>
		Received: from evil??by?here?????X-Evil:?????? ($HOST [192.0.2.7])
		~by mx??evil??X:?y with ESMTP id Q?X-Evil:?1;
		~DATE
		A: b

	END
	! grep -q '^X' "$GOT/end-of-message" || false
}

@test "received: values without end are cut" {
	printf 'hello %s\n' "$HOST" >"$BATS_TEST_TMPDIR/s"
	echo save | plan end-of-message
	mta traced <<-END
		optneg
		-connect $HOST
		-helo $(printf '%02000d' 0)
		-mail <$(printf '%03000d' 0)@b.example>
		-rcpt <c@d.example>
		-header A b
		eom
	END
	got end-of-message
	assert_equal "$(awk 'length > 998' "$GOT/end-of-message")" ''
	assert_file_has "$GOT/end-of-message" "Return-Path: <$(printf '%0899d' 0)>"
	grep -q "^Received: from 0\{255\} ($HOST" "$GOT/end-of-message"
}

@test "received: it is there whatever lines the environment has" {
	new_client lined.example
	plan -c lined.example end-of-message <<<save
	mta lined <<-END
		optneg
		-connect $HOST
		-helo client.example
		$ENVELOPE
		-header A b
		eom
	END
	GOT=$PLANS/lined.example/got
	got end-of-message
	grep -q "^Received: from client.example ($HOST \[192.0.2.7\])" "$GOT/end-of-message"
	assert_equal "$(variable end-of-message MILTER_CLIENT_HOST)" ''
}

# --- the status as the answer

@test "output = none: what is written has no effect and is no fault" {
	plan end-of-message <<-'END'
		say 'reject 550 5.7.1 not meant' 'add-header X-No no' garbage
		yes | head -c 3000000
		cat >/dev/null
	END
	send status '-header A b' eom
	says_at_end continue
	! daemon_log | grep 'handler status: .*garbage\|handler status: .*not meant' || false
}

@test "output = none: the exit status is the answer" {
	local status_is

	while read -r status_is answer; do
		echo "cat >/dev/null; exit $status_is" | plan end-of-message
		send status '-header A b' eom
		says <<<"$answer" || { echo "status $status_is"; return 1; }
	done <<-'END'
		0 end-of-message: continue
		1 end-of-message: y "554 5.7.1 Virus found"
		2 end-of-message: discard
		3 end-of-message: continue
		75 end-of-message: y "451 4.7.1 Try again later"
		100 end-of-message: y "550 5.7.1 Command rejected"
		4 end-of-message: y "554 5.3.0 failed"
	END
	echo 'kill -9 $$' | plan end-of-message
	send status '-header A b' "eom $FAILED"
}

@test "output = none: also for a handler of blocks" {
	plan end-of-message <<-'END'
		say 'add-header X-No no' garbage
		grep -q '^sender <bad@' && exit 1
	END
	mta blocks <<-END
		hello $HOST
		-mail <good@b.example>
		-rcpt <c@d.example>
		eom => continue
		-mail <bad@b.example>
		-rcpt <c@d.example>
		eom => y "554 5.7.1 No"
	END
}

@test "output = none: one that does not end has timed out" {
	echo 'exec sleep 100' | plan end-of-message
	send small '-header A b' 'eom => y "451 4.4.2 slow"'
}

@test "shadow: it reads a message that is over" {
	plan trial.end-of-message <<-'END'
		while [ ! -e "$d/got/go" ]; do sleep 0.05; done
		save
		exit 100
	END
	session trial -mail '-rcpt <c@d.example>' '-header A b' '-bodyfill 300000' \
	    'eom => continue' '-mail <other@b.example>' '-rcpt <c@d.example>'
	: >"$GOT/go"
	got end-of-message
	assert_equal "$(sed "1,/^\r\$/d" "$GOT/end-of-message" | wc -c)" 300000
	assert_file_has "$GOT/end-of-message" $'Return-Path: <a@b.example>\r'
	wait_log 'handler trial: end-of-message: would reject 550 5.7.1'
}

# --- the message as the output

# to SOCKET: a message
to() {
	send "$1" '-header From a@b.example' '-header Subject Hello' '-header X-Two one' \
	    '-header X-Two two' '-body line one\r\nline two\r\n' eom
}

@test "output = message: what is returned as it was changes nothing" {
	local s

	echo cat | plan end-of-message
	for s in a crlf-a traced-a abc traced-ab; do
		to "$s"
		says <<-'END' || { echo "$s"; return 1; }
			end-of-message: continue
		END
	done
	# Line ends are none of its affair.
	echo "sed 's/\$/\r/'" | plan end-of-message
	to a
	says_at_end continue
}

@test "output = message: what differs becomes actions" {
	echo "sed -e 's/^Subject: /&[x] /' -e 's/line/LINE/'" | plan end-of-message
	to a
	says_at_end 'm 1 "Subject" " [x] Hello"' 'b 20' continue
	wait_log ': accept; a: change-header Subject, replace-body'
	plan end-of-message <<-'END'
		printf 'X-Top: \344 1\n'
		sed -e '/^X-Two: one/d' -e 's/^$/X-End: open\n\tand folded\n/'
	END
	to a
	says_at_end 'm 1 "X-Two" ""' 'i 2147483647 "X-End" " open\n\tand folded"' \
	    'i 1 "X-Top" " \xe4 1"' continue
	plan end-of-message <<-'END'
		cat >/dev/null
		printf 'From: a@b.example\r\n\r\nall\r\nthe same\n\n'
	END
	to a
	says_at_end 'm 2 "X-Two" ""' 'm 1 "X-Two" ""' 'm 1 "Subject" ""' 'b 17' continue
}

@test "output = message: bytes of every kind are left as they are" {
	echo "sed 's/^Subject: Hello/& you/'" | plan end-of-message
	send a '-header Subject Hello' '-header X-Blanks \s\stwo\xff\t' '-header X-Empty' \
	    '-header X-Folded one\n\ttwo\n three' \
	    '-body \0\xff bare \r and \n\r\n.\r\n\r\n' '-body no end\r' eom
	says_at_end 'm 1 "Subject" " Hello you"' continue
	echo "sed 's/^no end/no end at all/'" | plan end-of-message
	send crlf-a '-header Subject Hello' '-body \0\xff bare \r.\r\n' '-body no end' eom
	says_at_end 'b 27' continue
}

@test "output = message: without body, without header" {
	echo 'cat; echo new' | plan end-of-message
	send a '-header Subject Hello' eom
	says_at_end 'b 5' continue
	echo 'echo "Subject: new"; cat' | plan end-of-message
	send a '-body text\r\n' eom
	says_at_end 'i 1 "Subject" " new"' continue
}

@test "output = message: what came before it is taken off, wherever it is" {
	echo 'echo "X-Spam: no"; cat' | plan end-of-message
	to traced-a
	says_at_end 'i 1 "X-Spam" " no"' continue
	echo 'sed -e "/^Return-Path:/d" -e "s/^Subject: /&x/"' | plan end-of-message
	to traced-a
	says_at_end 'm 1 "Subject" " xHello"' continue
	# A Return-Path that came with the message belongs to the message.
	echo 'sed -e "s/^Subject: /&x/"' | plan end-of-message
	send traced-a '-header Return-Path <a@b.example>' '-header Subject Hello' eom
	says_at_end 'm 1 "Subject" " xHello"' continue
}

@test "output = message: it counts with a status that means continue" {
	local status_is answer

	while read -r status_is answer; do
		echo "sed 's/^Subject: /&x/'; exit $status_is" | plan end-of-message
		to lets
		says <<<"${answer//|/$'\n'}" || { echo "status $status_is"; return 1; }
	done <<-'END'
		0 end-of-message: m 1 "Subject" " xHello"|end-of-message: continue
		1 end-of-message: m 1 "Subject" " xHello"|end-of-message: continue
		2 end-of-message: continue
		3 end-of-message: y "554 5.7.1 No"
		75 end-of-message: y "451 4.7.1 Try again later"
		77 end-of-message: continue
	END
	log_has 'handler lets: end-of-message: exit status 77, which on-exit does not name'
}

@test "one that returns the message where a reply is wanted is told so" {
	mta copies <<-'END'
		hello h.example
		mail <a@b.example>
		rcpt <c@d.example>
		header Subject Hello
		eoh
		body x
		eom
	END
	wait_log 'handler copies: end-of-message: unknown keyword: "'
	wait_log "; does it return the message (\`output = message')?"
}

# broken WHY: what the plan returns is a failure, and the mail is untouched
broken() {
	to a
	says <<-'END' || return 1
		end-of-message: y "554 5.3.0 failed"
	END
	log_has "handler a: end-of-message: $1" || { daemon_log | tail -3; return 1; }
	to lets
	says_at_end continue
}

@test "output = message: nothing, half a message, or no message at all" {
	echo 'cat >/dev/null' | plan end-of-message
	broken 'it returned nothing; on-failure = reject'
	echo 'exec >&-; cat >/dev/null' | plan end-of-message
	broken 'it returned nothing; on-failure = reject'
	echo "sed '/^\$/q'" | plan end-of-message
	broken 'it returned a message without its body'
	echo "sed '/^Subj/q'" | plan end-of-message
	broken 'it returned a message without its body'
	echo "sed '1,/^\$/d'" | plan end-of-message
	broken 'it returned a message without a header'
	echo 'echo "error: no such file"; echo "I give up"' | plan end-of-message
	broken 'it returned a line that is no header among the headers'
	echo 'tac' | plan end-of-message
	broken 'it returned a message without a header'
	echo 'printf "A: b\0c\n\ntext\n"' | plan end-of-message
	broken 'it returned a NUL in a header'
	echo 'head -c 100; kill -9 $$' | plan end-of-message
	broken 'ended by signal 9'
}

@test "output = message: a message that came without a header, or with nothing" {
	echo cat | plan end-of-message
	send a '-body text\r\n' 'eom => continue' "$ENVELOPE" 'eom => continue'
	printf '%s\n' 'printf "X-New: yes\n"' cat | plan end-of-message
	send a '-body text\r\n' eom
	says_at_end 'i 1 "X-New" " yes"' continue
	echo : | plan end-of-message
	send a "eom $FAILED"
}

@test "output = message: an enormous one" {
	echo 'exec yes' | plan end-of-message
	broken 'it returned more than twice the message and 1M'
	echo 'cat; head -c 1048576 /dev/zero' | plan end-of-message
	to a
	assert_equal "$(awk '$2 == "b" { n += $3 } END { print n }' <<<"$output")" 1048598
	assert_output_has 'end-of-message: continue'
	echo 'cat; head -c 1048800 /dev/zero' | plan end-of-message
	broken 'it returned more than twice the message and 1M'
}

@test "output = message: a header that can't be sent" {
	echo 'printf "X: %070000d\n" 0; cat' | plan end-of-message
	broken "it returned a message that can't be sent on: header too long"
}

@test "output = message: one that reads nothing, and one that is slow" {
	echo 'exec <&-; printf "From: a@b.example\nSubject: Hello\nX-Two: one\nX-Two: two\n\nother\n"' |
		plan end-of-message
	to a
	says_at_end 'b 7' continue
	plan end-of-message <<-'END'
		while IFS= read -r line; do
			printf '%s' "$line"
			sleep 0.1
			echo
		done
		echo more
	END
	to a
	says_at_end 'b 26' continue
}

@test "output = message: one that hangs behind half of it has timed out" {
	own_daemon
	global 'message-timeout = 4s' 'spool-limit = 1M'
	reads hangs 'output = message' 'newlines = crlf'
	proto_run hangs
	echo 'head -n 1; exec sleep 100' | plan end-of-message
	send hangs '-header A b' '-body text\r\n' 'eom => y "451 4.4.2 slow"'
	# A message that is returned counts as well.
	echo cat | plan end-of-message
	send hangs '-header A b' '-bodyfill 600000' "eom $BUSY" "$ENVELOPE" '-header A b' \
	    '-bodyfill 500000' 'eom => continue'
	wait_log 'the message could not be kept: spool-limit is reached, after' hangs
	echo 'cat; exec sleep 100' | plan end-of-message
	send hangs '-header A b' '-bodyfill 400000' 'frame E' 'run sleep 0.3' drop
	wait_for no_kept_files hangs
	stop_daemon hangs
}

@test "output = message: the option actions says what may be changed" {
	echo 'echo "X-New: 1"; cat' | plan end-of-message
	to inserts
	says_at_end 'i 1 "X-New" " 1"' continue
	to adds
	says_at_end 'i 1 "X-New" " 1"' continue
	echo "sed 's/^Subject: /&x/'" | plan end-of-message
	to inserts
	says_at_end 'y "554 5.3.0 failed"'
	log_has "handler inserts: end-of-message: it returned what takes change-header, which is not in the handler's list of actions"
	# A header that the MTA makes itself would be deleted, if the handler might delete.
	echo 'echo "Date: x"; cat' | plan end-of-message
	to inserts
	says_at_end 'i 1 "Date" " x"' continue
	to a
	says_at_end 'm 1 "Date" ""' 'i 1 "Date" " x"' continue
	# A Date that was there is not taken for one that the MTA makes.
	echo 'echo "Date: x"; cat' | plan end-of-message
	send inserts '-header Date y' eom
	says_at_end 'i 1 "Date" " x"' continue
}

@test "output = message: what the MTA did not agree to is a failure" {
	echo "sed 's/line/x/'" | plan end-of-message
	mta a <<-END
		optneg 6 0x1 0x1fffff
		-connect $HOST
		-helo c.example
		$ENVELOPE
		-header A b
		-body line\\r\\n
		eom $FAILED
	END
	log_has 'it returned what takes replace-body, which the MTA did not agree to'
}

# --- several

@test "several: each gets what the one before returned, and the difference is taken once" {
	echo "sed 's/^Subject: /&[a] /'" | plan a.end-of-message
	plan b.end-of-message <<-'END'
		echo 'X-B: 1'
		tee "$d/got/b"
	END
	echo "sed -e 's/^Subject: .a. /&[c] /' -e 's/line/c/'" | plan c.end-of-message
	to abc
	says_at_end 'm 1 "Subject" " [a] [c] Hello"' 'i 1 "X-B" " 1"' 'b 14' continue
	assert_file_has "$GOT/b" 'Subject: [a] Hello'
	wait_log ': accept; a: change-header Subject, b: insert-header X-B, c: change-header Subject, replace-body'
	echo "sed 's/\\[a\\] //'" | plan c.end-of-message
	echo cat | plan b.end-of-message
	to abc
	says_at_end continue
}

@test "several: the log names each for what it changed in what it was given" {
	echo "sed 's/line/LINE/'" | plan a.end-of-message
	echo "printf 'X-B: 1\n'; cat" | plan b.end-of-message
	echo cat | plan c.end-of-message
	to abc
	says_at_end 'i 1 "X-B" " 1"' 'b 20' continue
	wait_log ': accept; a: replace-body, b: insert-header X-B'
	# A message that could not be taken has changed nothing.
	echo yes | plan lets.end-of-message
	echo "sed '/^X-Two: one/d'" | plan b.end-of-message
	to a-lets-b
	says_at_end 'm 1 "X-Two" ""' 'b 20' continue
	wait_log ': accept; a: replace-body, b: delete-header X-Two'
	plan explicit.end-of-message <<-'END'
		say 'add-header X-E 1' continue
	END
	to explicit-a
	says_at_end 'h "X-E" " 1"' 'b 20' continue
	wait_log ': accept; explicit: add-header X-E, a: replace-body'
}

@test "several: each gets the lines of received anew" {
	plan traced-a.end-of-message <<-'END'
		echo 'X-A: 1'
		cat
	END
	plan traced-b.end-of-message <<-'END'
		tee "$d/got/b"
		echo more
	END
	to traced-ab
	says_at_end 'i 1 "X-A" " 1"' 'b 26' continue
	assert_equal "$(grep -c '^Received:' "$GOT/b")" 1
	assert_equal "$(sed -n '1s/:.*//p; 5p' "$GOT/b")" "$(printf 'Return-Path\nX-A: 1')"
}

@test "several: each gets the line ends that it asked for" {
	echo "sed 's/line/a/'" | plan a.end-of-message
	echo 'tee "$d/got/b"' | plan crlf-b.end-of-message
	to a-crlf-b
	says_at_end 'b 14' continue
	assert_equal "$(grep -c $'\r$' "$GOT/b")" 7
	assert_equal "$(wc -l <"$GOT/b")" 7
}

@test "several: one that fails leaves what the one before returned" {
	echo "sed 's/^Subject: /&[a] /'" | plan a.end-of-message
	echo 'yes' | plan lets.end-of-message
	plan b.end-of-message <<-'END'
		tee "$d/got/b"
		echo more
	END
	to a-lets-b
	says_at_end 'm 1 "Subject" " [a] Hello"' 'b 26' continue
	assert_file_has "$GOT/b" 'Subject: [a] Hello'
	echo 'sed "/^$/q"' | plan b.end-of-message
	to a-lets-b
	says_at_end 'y "554 5.3.0 failed"'
	echo 'exit 1' | plan b.end-of-message
	to abc
	says_at_end 'y "554 5.3.0 failed"'
}

@test "several: actions of others mean the message as it came, and later ones prevail" {
	echo "sed -e '/^X-Two: one/d' -e 's/^Subject: /&[a] /'" | plan a.end-of-message
	plan explicit.end-of-message <<-'END'
		say 'change-header X-Two 2 changed' 'change-header Subject 1 explicit' continue
	END
	to a-explicit
	says_at_end 'm 1 "Subject" " explicit"' 'm 2 "X-Two" " changed"' 'm 1 "X-Two" ""' \
	    continue
	to explicit-a
	says_at_end 'm 1 "Subject" " [a] Hello"' 'm 2 "X-Two" " changed"' 'm 1 "X-Two" ""' \
	    continue
}

@test "several: a second body is a failure of whoever comes later" {
	echo "sed 's/line/a/'" | plan a.end-of-message
	plan explicit.end-of-message <<-'END'
		say 'replace-body 4'
		say new continue
	END
	to explicit-a
	says_at_end 'y "554 5.3.0 failed"'
	log_has 'handler a: end-of-message: it returned another body, and the body was replaced already'
	to a-explicit
	says_at_end 'y "451 4.7.1 Try again later"'
	wait_log 'handler explicit: end-of-message: the body was replaced already'
}

@test "several: one that only reads gets the message as it came" {
	echo "sed 's/^Subject: /&[a] /'" | plan a.end-of-message
	echo save | plan plain.end-of-message
	to a-reader
	says_at_end 'm 1 "Subject" " [a] Hello"' continue
	got end-of-message
	assert_file_has "$GOT/end-of-message" 'Subject: Hello'
}

@test "shadow: what it would have changed is in the log" {
	plan shade.end-of-message <<-'END'
		while [ ! -e "$d/got/go" ]; do sleep 0.05; done
		sed -e 's/^Subject: /&[x] /' -e 's/line/x/'
	END
	to shade
	says_at_end continue
	: >"$GOT/go"
	wait_log 'handler shade: end-of-message: would continue with 2 actions: change-header Subject, replace-body'
	echo 'cat >/dev/null' | plan shade.end-of-message
	to shade
	says_at_end continue
	wait_log 'handler shade: end-of-message: it returned nothing; shadow, on-failure would be reject'
}

@test "output = message: 40 megabytes, returned as they are and changed" {
	local kb

	own_daemon
	reads large 'output = message'
	proto_run large
	plan end-of-message <<-'END'
		sed "s/^A: .*/A: $MILTER_SENDER_DOMAIN/"
	END
	mta large -t 60 <<-END
		hello $HOST
		-mail <a@b.example>
		-rcpt <c@d.example>
		-header A b
		-bodyfill 40000000
		eom
		-mail <a@b>
		-rcpt <c@d.example>
		-header A b
		eom
	END
	says_at_end 'm 1 "A" " b.example"' continue continue
	kb=$(awk '$1 == "RssAnon:" { print $2 }' "/proc/$(engine_pid large)/status")
	small "$kb"
	wait_for no_kept_files large
	stop_daemon large
}

# --- what can't be kept

@test "spool-limit: beyond it is on-overload, for that message only" {
	echo 'wc -c >"$d/got/size"' | plan end-of-message
	send small '-header A b' '-bodyfill 1048576' "eom $BUSY" "$ENVELOPE" '-header A b' \
	    '-bodyfill 1048000' 'eom => continue'
	assert_equal "$(cat "$GOT/size")" 1048008
	wait_log 'the message could not be kept: spool-limit is reached; on-overload = tempfail' small
	send small-trial '-bodyfill 1048576' 'eom => continue'
	wait_log 'spool-limit is reached; shadow, on-overload would be tempfail' small
}

@test "spool-limit: a trial that gets its turn when the time is over" {
	local engine

	engine=$(engine_pid small)
	echo 'exec sleep 100' | plan stuck.end-of-message
	send small-late '-bodyfill 1048576' 'eom => continue'
	wait_for grep -q 'handler late-trial: .*spool-limit is reached; shadow, on-overload would be' \
	    "$DAEMONS/small/log"
	assert_equal "$(engine_pid small)" "$engine"
}

@test "spool-limit: all messages together count, of all engines" {
	local name=engines go=$OUT/go

	write_handler waits <<-'END'
		cat >/dev/null
		: >"$OUT/waits"
		while [ ! -e "$OUT/go" ]; do sleep 0.05; done
	END
	own_daemon
	global 'engines = 2' 'spool-limit = 1M'
	reads counts 'output = none' "command = {'$HANDLERS/waits'}" "environment = {'OUT=$OUT'}"
	proto_run "$name"
	send counts <<-END &
		-bodyfill 600000
		eom => continue
	END
	wait_for test -e "$OUT/waits"
	# Whichever engine takes them.
	for _ in 1 2 3 4; do
		send counts '-bodyfill 600000' "eom $BUSY"
	done
	: >"$go"
	wait $!
	send counts '-bodyfill 600000' 'eom => continue'
	stop_daemon "$name"
}

@test "a disk that is full: on-overload, and nothing is left" {
	own_daemon
	reads full 'output = none' 'received = no' 'newlines = crlf'
	# shellcheck disable=SC3045
	(ulimit -f 1500; proto_run full)
	echo 'wc -c >"$d/got/size"' | plan end-of-message
	send full '-bodyfill 2000000' "eom $BUSY" "$ENVELOPE" '-bodyfill 1200000' \
	    'eom => continue'
	assert_equal "$(cat "$GOT/size")" 1200002
	wait_log 'the message could not be kept: File too large' full
	wait_for no_kept_files full
	stop_daemon full
}

@test "a directory for files is made where one is needed, and nowhere else" {
	local directory

	[ -d "$WORK/spool-d/spool/.engine" ]
	assert_equal "$(stat -c %a "$WORK/spool-d/spool/.engine")" 700
	assert_equal "$(find "$WORK/spool-d/spool/.engine" -mindepth 1)" ''
	own_daemon
	handler nothing 'events = {mail}'
	proto_run nothing
	[ ! -e "$WORK/spool-nothing/spool" ]
	stop_daemon nothing
}
