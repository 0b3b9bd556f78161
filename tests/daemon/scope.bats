#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Scopes, processes that are used again and processes that serve many scopes:
# handlers that are loops work under all of them alike, and their blocks say
# what is new.

load ../lib/common
load ../lib/proto
load ../lib/loops

ALL='connect, helo, mail, rcpt, data, header, end-of-headers, body, end-of-message, unknown'
FAILED='=> y "554 5.3.0 failed"'
SLOW='=> y "451 4.4.2 slow"'

setup_file() {
	proto_start
	cp "$LIB_DIR"/handlers/loops/loop.{sh,pl,py,awk} "$LIB_DIR/handlers/worker.py" "$HANDLERS"
	chmod 755 "$HANDLERS"/loop.* "$HANDLERS/worker.py"
	"${CC:-cc}" -O -o "$HANDLERS/loop" "$LIB_DIR/handlers/loops/loop.c"
	loops
	workers
	proto_run
}

loops() {
	local most='connect, helo, mail, rcpt, header, end-of-headers, end-of-message'
	local all="$most, body" awk=awk

	# The other awks on Debian read a line when there is one.
	case $(awk -W version 2>&1 </dev/null) in
	mawk*) awk='awk, -W, interactive' ;;
	esac
	loop_handler dash "dash, '$HANDLERS/loop.sh'" "$all"
	loop_handler bash "bash, '$HANDLERS/loop.sh'" "$all"
	loop_handler busybox "busybox, sh, '$HANDLERS/loop.sh'" "$all"
	loop_handler perl "'$HANDLERS/loop.pl'" "$all"
	loop_handler python "'$HANDLERS/loop.py'" "$all"
	loop_handler awk "$awk, -f, '$HANDLERS/loop.awk'" "$most"
	loop_handler c "'$HANDLERS/loop'" "$all"
}

# worker NAME [OPTION ...]: worker.py
worker() {
	local name=$1

	shift
	handler "$name" "command = {'$HANDLERS/worker.py'}" \
	    "on-failure = 'reject 554 5.3.0 failed'" \
	    "on-timeout = 'tempfail 451 4.4.2 slow'" "$@"
}

workers() {
	local kind options

	for kind in "${!KINDS[@]}"; do
		case $kind in *-many) continue ;; esac
		IFS='|' read -ra options <<<"${KINDS[$kind]}"
		worker "$kind" "events = {$ALL}" 'reports = {abort, disconnect}' \
		    "${options[@]}"
	done
	worker no-end "events = {mail, end-of-message}" 'scope = message'
	worker told 'reports = {mail, rcpt, abort, disconnect}' 'scope = message'
	worker lines "events = {$ALL}" 'scope = session' 'lines = {sender, recipient-refused}' \
	    "environment = {'PLANS=$PLANS', 'CLIENT=lines.example'}"
	handler_only first "command = {'$HANDLERS/worker.py'}" "events = {$ALL}" \
	    'scope = session'
	handler_only second 'events = {mail, rcpt, data}'
	listener both second,first
	handler_only keep 'events = {mail, rcpt, end-of-message}'
	listener message-keep message-no,keep
	listener session-keep session-no,keep
	for kind in one two three four five six; do
		worker "many-$kind" 'events = {mail, rcpt, end-of-message}' \
		    'reports = {data, disconnect}' 'scope = message' 'reuse = yes' \
		    'concurrency = 4' 'processes = 1' 'queue-timeout = 15s' \
		    "timeout = $([ "$kind" = six ] && echo 3s || echo 20s)"
	done
}

setup() {
	proto_setup
}

teardown_file() {
	test_teardown
}

# blocks_are NAME: what the files NAME hold, on standard input: ids of sessions
# are S1, S2 ..., those of events E1 ..., in order, an empty line is `@'.
blocks_are() {
	local want is

	want=$(cat)
	got "$1" || return 1
	is=$(awk '
	function short(prefix, id) {
		if (!((prefix, id) in seen))
			seen[prefix, id] = prefix (++count[prefix])
		return seen[prefix, id]
	}
	$1 == "session" { $2 = short("S", $2) }
	$1 == "message" { n = split($2, part, ".")
		$2 = short("S", part[1] "." part[2]) "." part[n] }
	$1 == "event-id" { $2 = short("E", $2) }
	$0 == "" { print "@"; next }
	{ print }' "$GOT/$1" | cat -v)
	if [ "$is" != "$want" ]; then
		diff <(echo "$want") <(echo "$is") || true
		return 1
	fi
}

# The blocks of a session without those lines that all complete ones have.
client_lines() {
	cat <<-END
		client-host $HOST
		client-address 192.0.2.7
		client-port 4321
		client-family inet
	END
}

# has_blocks NAME N: waits until there are so many.
has_blocks() {
	# shellcheck disable=SC2016
	wait_for bash -c 'test "$(grep -cE "^(event|report) " "$1")" -ge "$2"' - "$GOT/$1" "$2" || {
		cat -v "$GOT/$1"
		return 1
	}
}

# How many processes this client had to do with.
processes_are() {
	assert_equal "$(wc -l <"$GOT/pids")" "$1"
}

# --- one loop, all combinations

@test "loops: one in dash works under every scope, with reuse and without" {
	loop_works dash
}

@test "loops: one in bash works under every scope, with reuse and without" {
	loop_works bash
}

@test "loops: one in busybox sh works under every scope, with reuse and without" {
	loop_works busybox
}

@test "loops: one in perl works under every scope, with reuse and without" {
	loop_works perl
}

@test "loops: one in python works under every scope, with reuse and without" {
	loop_works python
}

@test "loops: one in awk works under every scope, with reuse and without" {
	loop_works awk 0 0
}

@test "loops: one in C works under every scope, with reuse and without" {
	loop_works c
}

# --- blocks

message_with_all() {
	mta "$1" <<-END
		-optneg
		macro C j=mx.example
		-connect $HOST
		-helo client.example
		macro M i=Q1
		-mail <Alice@Example.ORG> SIZE=10
		-rcpt <one@b.example> NOTIFY=NEVER
		rcpt <two@b.example> $2
		-rcpt <three@b.example>
		-data
		-header Subject hello
		-eoh
		-body text\r\nmore
		-unknown FOO bar
		-eom
		quit
	END
}

@test "blocks: in a scope of a message the first is complete, later ones say what is new" {
	echo 'reject 550 5.1.1 no' | plan rcpt.2
	message_with_all message-no '=> y "550 5.1.1 no"'
	# connect and helo are scopes of their own
	wait_for test -e "$GOT/eof-p3"
	{
		printf '%s\n' 'event mail' 'session S1' 'message S1.1' complete
		client_lines
		cat <<-'END'
			helo client.example
			sender <Alice@Example.ORG>
			sender-domain example.org
			sender-argument SIZE=10
			macro i Q1
			macro j mx.example
			@
			event rcpt
			session S1
			message S1.1
			recipients 1
			recipient <one@b.example>
			recipient-domain b.example
			recipient-argument NOTIFY=NEVER
			@
			event rcpt
			session S1
			message S1.1
			recipients 2
			recipient <two@b.example>
			recipient-domain b.example
			@
			event rcpt
			session S1
			message S1.1
			recipient-refused <two@b.example>
			recipients 2
			recipient <three@b.example>
			recipient-domain b.example
			@
			event data
			session S1
			message S1.1
			@
			event header
			session S1
			message S1.1
			header-name Subject
			header-value hello
			@
			event end-of-headers
			session S1
			message S1.1
			@
			event body
			session S1
			message S1.1
			length 9
			@
			text
			more
		END
	} >"$BATS_TEST_TMPDIR/want"
	# The payload is not followed by a line end.
	sed -i '$s/$/event unknown/' "$BATS_TEST_TMPDIR/want"
	cat >>"$BATS_TEST_TMPDIR/want" <<-'END'
		session S1
		message S1.1
		command FOO bar
		@
		event end-of-message
		session S1
		message S1.1
		size 28
		@
	END
	blocks_are p3 <"$BATS_TEST_TMPDIR/want"
}

@test "blocks: events and reports outside of a message are scopes of their own" {
	message_with_all message-yes '=> continue'
	wait_for grep -q '^report disconnect' "$GOT"/p[0-9]
	assert_equal "$(cat "$GOT"/p[0-9] | grep -A3 -E '^event (connect|helo)' | grep -c complete)" 2
	assert_equal "$(cat "$GOT"/p[0-9] | grep -A3 -E '^report disconnect' | grep -c complete)" 1
	assert_equal "$(cat "$GOT"/p[0-9] | grep -c complete)" 4
}

@test "blocks: in a scope of a session helo, a new message and its end are told" {
	printf '%s\n' 'set-message a one' 'set b two' continue | plan mail.1
	printf '%s\n' 'unset b' continue | plan rcpt.1
	mta session-no <<-END
		-optneg
		macro C j=mx.example
		-connect $HOST
		-helo first
		macro M i=Q1
		-mail <a@b.example>
		macro R {rcpt_host}=one
		-rcpt <r@b.example>
		-data
		-eom
		-helo second
		macro M i=Q2
		-mail <c@d.example>
		-rcpt <s@b.example>
		abort
		quit
	END
	has_blocks p1 11
	processes_are 1
	{
		printf '%s\n' 'event connect' 'session S1' complete
		client_lines
		cat <<-'END'
			macro j mx.example
			@
			event helo
			session S1
			helo first
			@
			event mail
			session S1
			message S1.1
			sender <a@b.example>
			sender-domain b.example
			macro i Q1
			@
			event rcpt
			session S1
			message S1.1
			recipients 1
			recipient <r@b.example>
			recipient-domain b.example
			macro rcpt_host one
			context a one
			context b two
			@
			event data
			session S1
			message S1.1
			context-unset b
			@
			event end-of-message
			session S1
			message S1.1
			size 2
			@
		END
	} >"$BATS_TEST_TMPDIR/want"
	head -n "$(wc -l <"$BATS_TEST_TMPDIR/want")" "$GOT/p1" >"$GOT/begin"
	blocks_are begin <"$BATS_TEST_TMPDIR/want"
	sed -n '/^event end-of-message/,$p' "$GOT/p1" >"$GOT/end"
	cat "$GOT/end"
	# The second helo outside of a message, then a message that has a new id.
	assert_equal "$(grep -c '^event helo' "$GOT/end")" 1
	grep -A9 '^event helo' "$GOT/end" | sed '/^$/q' >"$GOT/helo"
	refute_file_has "$GOT/helo" 'helo first'
	assert_file_has "$GOT/helo" 'helo second'
	sed -n '/^event mail/,/^$/p' "$GOT/end" >"$GOT/mail"
	assert_file_has "$GOT/mail" 'macro i Q2'
	assert_file_has "$GOT/mail" 'sender <c@d.example>'
	refute_file_has "$GOT/mail" 'context a one'
	sed -n '/^report abort/,/^$/p' "$GOT/end" >"$GOT/abort"
	[ -s "$GOT/abort" ]
	assert_equal "$(tail -n 3 "$GOT/p1" | grep -E '^(reason|report)')" 'reason quit'
}

@test "blocks: what a message had is gone with it, in a scope of a session" {
	printf '%s\n' 'set-message a one' continue | plan mail.1
	session session-no 'macro M i=Q1 {auth_authen}=joe' -mail '-rcpt <r@b.example>' \
	    -data -eom '-mail <c@d.example>' '-rcpt <s@b.example>' -data -eom
	# A reader that keeps what it was told, and forgets what it is told to.
	reader "$GOT/p1" >"$GOT/known"
	cat "$GOT/known"
	assert_file_has "$GOT/known" 'end-of-message 1 <a@b.example> <r@b.example> a=one i=Q1 auth=joe'
	assert_file_has "$GOT/known" 'end-of-message 2 <c@d.example> <s@b.example> a= i= auth='
	processes_are 1
}

# reader: prints what a reader of the blocks knows at the end of each message.
reader() {
	awk '
	$1 == "event" || $1 == "report" { event = $2; kind = $1 }
	$1 == "message" { if ($2 != message) { sender = rcpts = ""; n++ } message = $2 }
	$1 == "complete" { sender = rcpts = a = i = auth = "" }
	$1 == "sender" { sender = $2 }
	$1 == "recipient" { rcpts = rcpts " " $2 }
	$1 == "macro" && $2 == "i" { i = $3 }
	$1 == "macro" && $2 == "auth_authen" { auth = $3 }
	$1 == "context" && $2 == "a" { a = $3 }
	$1 == "context-unset" && $2 == "a" { a = "" }
	$0 == "" && event == "end-of-message" && kind == "event" {
		print event, n, sender rcpts, "a=" a, "i=" i, "auth=" auth
	}' "$1"
}

@test "blocks: abort is the last of its message" {
	session message-no -mail '-rcpt <r@b.example>' abort '-mail <c@b.example>'
	wait_for test -e "$GOT/eof-p3"
	wait_for test -e "$GOT/eof-p4"
	assert_equal "$(grep -E '^(event|report|session|complete|macro|client)' "$GOT/p3" |
	    grep -vE '^(session|client)' | tr '\n' ,)" 'event mail,complete,event rcpt,report abort,'
	assert_equal "$(grep -E '^(event|report)' "$GOT/p4" | tr '\n' ,)" \
	    'event mail,report abort,'
}

@test "blocks: disconnect is the last of its session, and the process ends" {
	mta session-no <<-END
		hello $HOST
		-mail <a@b.example>
		drop
	END
	wait_for test -e "$GOT/eof-p1"
	assert_equal "$(grep -E '^(event|report|reason)' "$GOT/p1" | tr '\n' ,)" \
	    'event connect,event helo,event mail,report abort,report disconnect,reason closed,'
	wait_for none_alive "$(cut -d' ' -f2 "$GOT/pids")"
}

@test "blocks: without a report of abort the end of a message ends its process" {
	mta no-end <<-END
		hello $HOST
		-mail <a@b.example>
		-rcpt <r@b.example>
		abort
		wait-file $GOT/eof-p1
		-mail <a@b.example>
		-rcpt <r@b.example>
		-eom
		wait-file $GOT/eof-p2
		-mail <a@b.example>
		drop
	END
	wait_for test -e "$GOT/eof-p3"
	processes_are 3
}

@test "blocks: reports alone have their scope too" {
	session told -mail '-rcpt <r@b.example>' '-rcpt <s@b.example>'
	wait_for test -e "$GOT/eof-p1"
	wait_for test -e "$GOT/eof-p2"
	# Two processes tell of the two scopes, at the same time.
	if grep -q '^report disconnect' "$GOT/p1"; then
		mv "$GOT/p1" "$GOT/p3"
		mv "$GOT/p2" "$GOT/p1"
		mv "$GOT/p3" "$GOT/p2"
	fi
	{
		printf '%s\n' 'report mail' 'session S1' 'message S1.1' complete
		client_lines
		cat <<-'END'
			helo client.example
			sender <a@b.example>
			sender-domain b.example
			answer continue
			@
			report rcpt
			session S1
			message S1.1
			recipients 1
			recipient <r@b.example>
			recipient-domain b.example
			answer continue
			@
			report rcpt
			session S1
			message S1.1
			recipients 2
			recipient <s@b.example>
			recipient-domain b.example
			answer continue
			@
			report abort
			session S1
			message S1.1
			@
		END
	} | blocks_are p1
	assert_file_has "$GOT/p2" 'report disconnect'
}

@test "blocks: quit_nc begins another session, and another scope of one" {
	mta session-yes <<-END
		-optneg
		-connect $HOST
		-helo one
		quit_nc
		-connect $HOST
		-helo two
		quit
	END
	wait_for grep -q 'reason quit' "$GOT"/p[0-9]
	cat "$GOT"/p[0-9] >"$GOT/all"
	assert_equal "$(grep -E '^(event|report|complete|reason|helo)' "$GOT/all" | tr '\n' ,)" \
	    'event connect,complete,event helo,helo one,report disconnect,reason next,event connect,complete,event helo,helo two,report disconnect,reason quit,'
	assert_equal "$(grep '^session' "$GOT/all" | sort -u | wc -l)" 2
}

@test "blocks: a scope of an event is complete, for a process that lasts too" {
	echo 'reject 550 5.1.1 no' | plan rcpt.2
	message_with_all event-yes '=> y "550 5.1.1 no"'
	cat "$GOT"/p[0-9] >"$GOT/all"
	assert_equal "$(grep -c '^complete' "$GOT/all")" "$(grep -c '^session ' "$GOT/all")"
	if grep -q '^recipient-refused' "$GOT/all"; then false; fi
	assert_equal "$(sed -n '/^event data/,/^$/p' "$GOT/all" | grep '^recipient ' | tr '\n' ,)" \
	    'recipient <one@b.example>,recipient <three@b.example>,'
}

@test "blocks: lines leave out what is new, too" {
	HOST=lines.example
	new_client "$HOST"
	echo 'reject 550 5.1.1 no' | plan rcpt.1
	mta lines <<-END
		-optneg
		macro C j=mx.example
		-connect $HOST
		-helo one
		macro M i=Q
		-mail <a@b.example>
		rcpt <r@b.example> => y "550 5.1.1 no"
		-rcpt <s@b.example>
		-data
		quit
	END
	wait_for test -e "$GOT/eof-p1"
	sed -n '/^event mail/,$p' "$GOT/p1" >"$GOT/part"
	blocks_are part <<-'END'
		event mail
		session S1
		message S1.1
		sender <a@b.example>
		sender-domain b.example
		@
		event rcpt
		session S1
		message S1.1
		recipients 1
		recipient <r@b.example>
		recipient-domain b.example
		@
		event rcpt
		session S1
		message S1.1
		recipient-refused <r@b.example>
		recipients 1
		recipient <s@b.example>
		recipient-domain b.example
		@
		event data
		session S1
		message S1.1
		@
	END
}

@test "blocks: a recipient that another handler refused is told as gone" {
	plan second.rcpt <<-'END'
		case $MILTER_RECIPIENT in
		*bad*) say 'reject 550 5.1.1 no' ;;
		esac
	END
	session both -mail 'rcpt <bad@b.example> => y "550 5.1.1 no"' \
	    '-rcpt <s@b.example>' -data
	wait_for test -e "$GOT/eof-p1"
	# This process never heard of the recipient that the first handler refused.
	if grep -q 'bad' "$GOT/p1"; then false; fi
	assert_file_has "$GOT/p1" 'recipients 1'
}

@test "blocks: accept in a scope of a message ends it for that message" {
	echo accept | plan rcpt.1
	session message-keep -mail '-rcpt <r@b.example>' '-rcpt <s@b.example>' -data -eom \
	    '-mail <c@b.example>' '-rcpt <t@b.example>' -eom
	wait_for test -e "$GOT/eof-p3"
	assert_equal "$(grep -E '^(event|report)' "$GOT/p3" | tr '\n' ,)" 'event mail,event rcpt,'
	assert_equal "$(grep -E '^(event|report|complete)' "$GOT/p4" | tr '\n' ,)" \
	    'event mail,complete,event rcpt,event end-of-message,'
}

@test "blocks: accept in a scope of a session ends a message, or all but disconnect" {
	echo accept | plan mail.1
	session session-keep -mail '-rcpt <r@b.example>' -eom '-mail <c@b.example>' \
	    '-rcpt <t@b.example>' -eom
	wait_for test -e "$GOT/eof-p1"
	processes_are 1
	assert_equal "$(grep -E '^(event|report|recipient )' "$GOT/p1" | tr '\n' ,)" \
	    'event connect,event helo,event mail,event mail,event rcpt,recipient <t@b.example>,event end-of-message,report disconnect,'
	new_client "second.$HOST"
	echo accept | plan -c "second.$HOST" helo
	mta session-keep <<-END
		hello second.$HOST
		-mail <a@b.example>
		-eom
		quit
	END
	wait_for test -e "$GOT/eof-p1"
	assert_equal "$(grep -E '^(event|report)' "$GOT/p1" | tr '\n' ,)" \
	    'event connect,event helo,report disconnect,'
}

# --- the environment

@test "environment: only a process that serves one scope has variables of mail" {
	local k

	for k in event message session; do
		new_client "$k.$HOST"
		mta "$k-no" <<-END
			hello $k.$HOST
			-mail <a@b.example>
			quit
		END
		got p1
		assert_equal "$(variable p1 MILTER_CLIENT_HOST)" "$k.$HOST"
		assert_equal "$(variable p1 MILTER_EVENT)" connect
		new_client "$k-yes.$HOST"
		mta "$k-yes" <<-END
			hello $k-yes.$HOST
			-mail <a@b.example>
			quit
		END
		got p1
		env_is p1 </dev/null
	done
	new_client "of-message.$HOST"
	mta message-keep <<-END
		hello of-message.$HOST
		-mail <a@b.example>
		quit
	END
	got p3
	assert_equal "$(variable p3 MILTER_EVENT)" mail
	assert_equal "$(variable p3 MILTER_SENDER)" '<a@b.example>'
}

# --- many scopes in one process

@test "concurrency: answers come in any order, told apart by event-id" {
	printf '%s\n' '!touch a' '!hold' 'reject 550 5.7.1 for a' | plan mail.1
	for k in b c d; do
		new_client "$k.$HOST"
		printf '%s\n' '!touch seen' '!hold' "reject 550 5.7.1 for $k" |
		    plan -c "$k.$HOST" mail
	done
	printf '%s\n' '!release' 'reject 550 5.7.1 for d' | plan -c "d.$HOST" mail
	mta many-one <<-END
		use a
		hello $HOST
		send mail <a@b.example>
		wait-file $PLANS/$HOST/got/a
		use b
		hello b.$HOST
		send mail <a@b.example>
		wait-file $PLANS/b.$HOST/got/seen
		use c
		hello c.$HOST
		send mail <a@b.example>
		wait-file $PLANS/c.$HOST/got/seen
		use d
		hello d.$HOST
		mail <a@b.example> => y "550 5.7.1 for d"
		use a
		expect y "550 5.7.1 for a"
		use b
		expect y "550 5.7.1 for b"
		use c
		expect y "550 5.7.1 for c"
		quit
	END
	for k in a b c d; do
		[ $k = a ] && GOT=$PLANS/$HOST/got || GOT=$PLANS/$k.$HOST/got
		processes_are 1
		cat "$GOT/pids"
	done >"$BATS_TEST_TMPDIR/pids"
	assert_equal "$(sort -u "$BATS_TEST_TMPDIR/pids" | wc -l)" 1
}

@test "concurrency: blocks and reports carry an event-id" {
	session many-two -mail '-rcpt <r@b.example>' -data -eom
	wait_for grep -q disconnect "$GOT/p1"
	{
		printf '%s\n' 'event mail' 'session S1' 'message S1.1' 'event-id E1' complete
		client_lines
		cat <<-'END'
			helo client.example
			sender <a@b.example>
			sender-domain b.example
			@
			event rcpt
			session S1
			message S1.1
			event-id E2
			recipients 1
			recipient <r@b.example>
			recipient-domain b.example
			@
			report data
			session S1
			message S1.1
			event-id E3
			answer continue
			@
			event end-of-message
			session S1
			message S1.1
			event-id E4
			@
		END
		printf '%s\n' 'report disconnect' 'session S1' 'event-id E5' complete
		client_lines
		printf '%s\n' 'helo client.example' 'reason quit' @
	} | blocks_are p1
}

# Three sessions in one process; what the third is answered fails it.
all_fail() {
	local socket=$1

	for k in a b; do
		new_client "$k.$HOST"
		printf '%s\n' '!touch seen' '!hold' continue | plan -c "$k.$HOST" mail.1
	done
	mta "$socket" <<-END
		use a
		hello a.$HOST
		send mail <a@b.example>
		wait-file $PLANS/a.$HOST/got/seen
		use b
		hello b.$HOST
		send mail <a@b.example>
		wait-file $PLANS/b.$HOST/got/seen
		use c
		hello $HOST
		mail <a@b.example> $FAILED
		use a
		expect y "554 5.3.0 failed"
		use b
		expect y "554 5.3.0 failed"
		use c
		mail <a@b.example> => continue
		rcpt <a@b.example> => continue
		eom => continue
		quit
	END
	GOT=$PLANS/$HOST/got
	processes_are 2
}

@test "concurrency: an unknown event-id fails all that the process has in hand" {
	printf '%s\n' '!plain' 'event-id 999999' continue | plan mail.1
	all_fail many-three
	log_says p1 'event-id'
}

@test "concurrency: a reply without an event-id fails all in hand" {
	printf '%s\n' '!plain' continue | plan mail.1
	all_fail many-four
	log_says p1 'event-id'
}

@test "concurrency: a process that dies fails all in hand, and no one else" {
	printf '%s\n' '!signal 9' | plan mail.1
	all_fail many-five
	log_says p1 'signal 9'
}

@test "concurrency: a late answer is dropped, and the process ends when the others are done" {
	local other=$PLANS/other.$HOST/got

	printf '%s\n' '!touch late' '!hold' 'reject 550 5.7.1 late' | plan mail.1
	new_client "new.$HOST"
	new_client "other.$HOST"
	printf '%s\n' '!release' continue | plan -c "other.$HOST" rcpt
	mta many-six <<-END
		use b
		hello other.$HOST
		-mail <a@b.example>
		use a
		hello $HOST
		mail <a@b.example> $SLOW
		use b
		-rcpt <a@b.example>
		-rcpt <b@b.example>
		-data
		use c
		hello new.$HOST
		send mail <a@b.example>
		use b
		-eom
		use c
		expect continue
		rcpt <a@b.example> => continue
		quit
	END
	# The other scope was served to its end by the old process.
	assert_equal "$(grep -c '^event ' "$other/p1")" 4
	wait_for test -e "$other/eof-p1"
	wait_for none_alive "$(cut -d' ' -f2 "$other/pids")"
	[ "$(cut -d' ' -f2 "$other/pids")" != "$(cut -d' ' -f2 "$PLANS/new.$HOST/got/pids")" ]
}
