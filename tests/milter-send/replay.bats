#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Sessions that the daemon recorded, or milter-send -v printed, played again.

load ../lib/common
load ../lib/proto

setup() {
	test_setup
	REC=$WORK/record
	T=$BATS_TEST_TMPDIR/t
	busy_handler
}

teardown() {
	local rc=0

	test_teardown || rc=1
	! mountpoint -q "$REC" || umount "$REC" || rc=1
	return "$rc"
}

# A handler that does something of each kind; one process an event, so that it
# can be changed between two sessions.
busy_handler() {
	write_handler h <<-'END'
		case $MILTER_EVENT in
		unknown)
			echo reject 500 5.5.1 'what?' ;;
		rcpt)
			case $MILTER_RECIPIENT in
			*bad*) printf '%s\n' 'reject 550 5.7.1 100% bad\nnot here' ;;
			esac ;;
		header)
			case $MILTER_HEADER_VALUE in
			*discard*) echo discard ;;
			esac ;;
		end-of-message)
			printf '%s\n' "add-header X-Id $MILTER_MESSAGE" \
			    'insert-header 0 X-Top a\n	b' \
			    'change-header Subject 1 \0040changed' 'delete-header X-No' \
			    'change-sender <new@x.example> RET=HDRS' \
			    'add-recipient <more@y.example>' 'quarantine for a while' \
			    'replace-body 12'
			printf 'new\r\n\nbody\r\n' ;;
		esac
	END
}

# The daemon that records, with the handler for each event.
daemon() {
	{
		printf '%s\n' "listen 'unix:$SOCK' { }" "record = '$REC'"
		cat <<-END
			handler h {
				command = {'$HANDLERS/h'}
				events = {connect, helo, mail, rcpt, data, header, end-of-headers,
				    body, end-of-message, unknown}
				reports = {abort, disconnect}
			}
		END
	} | start_daemon
}

# busy_session: all that may happen in sessions; the second one follows the first by K.
busy_session() {
	mta sock <<-'END'
		optneg
		macro C j=mx.example {daemon_name}=d
		connect one.example
		helo one
		macro H {tls_version}=x
		helo two
		unknown XYZ  here
		macro M i=QID1 {auth_type}=
		mail <a@x.example> SIZE=1 BODY=8BITMIME
		rcpt <bad@y.example>
		rcpt <good@y.example>
		abort
		macro M i=QID2
		mail <>
		macro R {rcpt_addr}=ok@y.example
		rcpt <ok@y.example>
		rcpt <bad@y.example> NOTIFY=NEVER
		macro T i=QID2
		data
		header Subject a line
		headerraw X-No none
		header X-Fold one\n\ttwo
		eoh
		body event rcpt\r\n\r\n#\0\r\n
		body two
		eom tail
		abort
		quit_nc
		connect two.example 6 25 IPv6:2001:db8::1
		helo two
		mail <b@x.example>
		rcpt <ok@y.example>
		data
		header Subject discard
		abort
		mail <c@x.example>
		abort
		abort
		quit
	END
}

records() {
	find "$REC" -type f | LC_ALL=C sort
}

# recorded N: waits until there are N transcripts that have an end
recorded() {
	wait_for enough_records "$1" || {
		records
		return 1
	}
}

enough_records() {
	[ "$(records | wc -l)" -eq "$1" ] || return 1
	[ "$(records | xargs -d '\n' grep -l '^reason ' | wc -l)" -eq "$1" ]
}

# replay FILE [OPTION ...]: against the daemon
replay() {
	run "$MILTER_SEND" -s "unix:$SOCK" --replay "$@"
}

# handler_replay FILE [OPTION ...] COMMAND: with no daemon
handler_replay() {
	run "$MILTER_SEND" --replay "$@"
}

# A transcript of one plain message with the usual handler, in $T.
transcript() {
	printf 'Subject: a\n\nbody\n' >"$BATS_TEST_TMPDIR/message"
	"$MILTER_SEND" -s "unix:$SOCK" -v "$@" "$BATS_TEST_TMPDIR/message" >"$T" || true
}

# line_of TEXT: its number in $T
line_of() {
	grep -anxF -- "$1" "$T" | head -n 1 | cut -d : -f 1
}

@test "what a daemon recorded is played with no difference" {
	daemon
	busy_session
	recorded 2
	cat "$(records | sed -n 1p)" "$(records | sed -n 2p)" >"$T"
	replay "$T"
	assert_success
	assert_equal "$output" '2 sessions, 4 messages, 25 answers: no difference'
	# The replayed session is recorded again, and differs only in its ids.
	recorded 4
	replay "$(records | sed -n 3p)"
	assert_success
	diff <(sed 's/^add-header X-Id .*//' "$T") \
	    <(cat "$(records | sed -n 3p)" "$(records | sed -n 4p)" |
	    sed -e 's/^add-header X-Id .*//' -e 's/^reason closed/reason next/')
}

@test "a record is the engine's alone, and its name is a date and an id" {
	daemon
	mta sock <<<'optneg
		quit'
	mta sock <<<'-optneg
		connect x.example
		helo $(touch /tmp/x)/../
		quit'
	recorded 1
	[[ $(records) =~ ^$REC/20[0-9]{6}T[0-9]{6}Z-[0-9a-f]{8}\.[0-9]+$ ]]
	assert_equal "$(stat -c '%a %U' "$(records)")" "600 ${ENGINE_USER:-$(id -un)}"
	assert_equal "$(stat -c '%a %U' "$REC")" "700 ${ENGINE_USER:-$(id -un)}"
}

@test "a record can be looked at while its session lasts" {
	daemon
	mta sock <<-END
		-optneg
		-connect x.example
		-helo x
		run i=0; until grep -q '^helo x' $REC/*; do i=\$((i + 1)); [ \$i -lt 200 ]; sleep 0.05; done
		run $MILTER_SEND -s unix:$SOCK --replay $REC/*
		quit
	END
}

@test "aborts before anything else are not recorded" {
	daemon
	mta sock <<-END
		-optneg
		raw $(printf '0000000141%.0s' {1..200})
		-connect one.example
		-helo one
		abort
		quit_nc
		raw 0000000141
		-connect two.example
		quit
	END
	recorded 2
	assert_equal "$(records | xargs grep -h '^event \|^report ')" "$(printf '%s\n' \
	    'event negotiate' 'event connect' 'event helo' 'report abort' 'report disconnect' \
	    'event negotiate' 'event connect' 'report disconnect')"
}

@test "records may be in the spool directory, which the first start makes" {
	REC=$WORK/new/record
	start_daemon <<-END
		spool-directory = '$WORK/new'
		record = '$REC'
		listen 'unix:$SOCK' { }
		handler h { command = {'$HANDLERS/h'} events = {rcpt} }
	END
	mta sock <<<'-optneg
		connect x.example
		quit'
	recorded 1
}

@test "nothing is recorded unless told" {
	start_daemon <<-END
		listen 'unix:$SOCK' { }
		handler h { command = {'$HANDLERS/h'}
			events = {rcpt} }
	END
	mta sock <<<'-optneg
		quit'
	[ ! -e "$REC" ]
}

@test "each difference is shown with its place" {
	daemon
	busy_session
	recorded 2
	cp "$(records | sed -n 1p)" "$T"
	sed -i -e 's/bad\*)/ok*)/' -e 's/100% bad/other/' -e 's/0040changed/0011changed/' \
	    -e "s/ 'quarantine for a while'/ 'add-header X-More x'/" \
	    -e 's/what?/What?/' "$HANDLERS/h"
	replay "$T"
	assert_status 1
	diff <(sed 's/^\(+ add-header X-Id\) .*/\1 ID/' <<<"$output") - <<-END
		$T:$(line_of 'command XYZ  here' | awk '{ print $1 - 1 }'): session 1, unknown XYZ  here: the answer differs
		- reject 500 5.5.1 what?
		+ reject 500 5.5.1 What?
		$T:$(line_of 'recipient <bad@y.example>' | awk '{ print $1 - 1 }'): session 1, message 1, rcpt <bad@y.example>: the answer differs
		- reject 550 5.7.1 100% bad\nnot here
		+ continue
		$T:$(line_of 'recipient <ok@y.example>' | awk '{ print $1 - 1 }'): session 1, message 2, rcpt <ok@y.example>: the answer differs
		- continue
		+ reject 550 5.7.1 other\nnot here
		$T:$(line_of 'recipient-argument NOTIFY=NEVER' | awk '{ print $1 - 3 }'): session 1, message 2, rcpt <bad@y.example>: the answer differs
		- reject 550 5.7.1 100% bad\nnot here
		+ continue
		$T:$(line_of 'event end-of-message'): session 1, message 2, end-of-message: the answer differs
		- change-header Subject 1 \0040changed
		- delete-header X-No 1
		- insert-header 0 X-Top a\n	b
		- add-header X-Id $(sed -n 's/^add-header X-Id //p' "$T")
		- add-recipient <more@y.example>
		- change-sender <new@x.example> RET=HDRS
		- quarantine for a while
		+ change-header Subject 1 \0011changed
		+ delete-header X-No 1
		+ insert-header 0 X-Top a\n	b
		+ add-header X-Id ID
		+ add-header X-More x
		+ add-recipient <more@y.example>
		+ change-sender <new@x.example> RET=HDRS
		1 session, 2 messages, 18 answers: 5 differ
	END
}

@test "a body that differs, in length or in bytes" {
	daemon
	transcript
	sed -i 's/nbody/nBody/' "$HANDLERS/h"
	replay "$T"
	assert_status 1
	diff <(echo "$output") - <<-END
		$T:$(line_of 'event end-of-message'): session 1, message 1, end-of-message: the answer differs
		- replace-body 13
		+ replace-body 13
		  (from byte 8 on)
		1 session, 1 message, 9 answers: 1 differs
	END
	sed -i -e 's/body 12/body 11/' -e 's/nBody/nBod/' "$HANDLERS/h"
	replay "$T"
	assert_status 1
	assert_output_has '- replace-body 13
+ replace-body 12
1 session'
}

# A difference is reported once; after it, replay sends only what an MTA would send.

# plays EVENT ANSWER: the handler says nothing but this, now
plays() {
	printf '%s\n' "[ \"\$MILTER_EVENT\" != $1 ] || echo $2" 'exit 0' | write_handler h
	replay "$T" -v
	assert_status 1
}

# sent EVENT: how many were, this time
sent() {
	grep -c "^event $1$" <<<"$output" || true
}

@test "a message that is refused now is not played further, the next one is" {
	echo 'exit 0' | write_handler h
	daemon
	mta sock <<-'END'
		hello x.example
		message
		-eom
		message
		-eom
		quit
	END
	recorded 1
	cp "$(records)" "$T"
	plays data tempfail
	assert_output_has 'message 1, data: the rest of this message is not played'
	assert_output_has 'message 2, data: the rest of this message is not played'
	assert_output_has '2 messages, 8 answers: 2 differ, 8 events not played'
	assert_equal "$(sent mail) $(sent header) $(sent end-of-message)" '2 0 0'
	# The filter hears of the end of each of them but the last.
	assert_equal "$(grep -c '^report abort' <<<"$output")" 1
	plays rcpt reject
	assert_output_has '2 messages, 6 answers: 2 differ, 10 events not played'
	assert_equal "$(sent data)" 0
	plays rcpt accept
	assert_output_has '2 differ, 10 events not played'
	plays mail discard
	assert_output_has '2 differ, 12 events not played'
	plays body skip
	assert_output_has '2 differ'
	assert_equal "$(sent end-of-message)" 2
	plays end-of-message reject
	assert_output_has '2 differ'
	refute_output_has 'not played'
}

@test "a session that is refused now is not played further" {
	echo 'exit 0' | write_handler h
	daemon
	mta sock <<-'END'
		hello x.example
		message
		-eom
		message
		-eom
		quit
	END
	recorded 1
	cp "$(records)" "$T"
	plays helo reject
	assert_output_has 'helo client.example: the rest of this session is not played'
	assert_output_has '1 session, 0 messages, 2 answers: 1 differs, 14 events not played'
	plays connect reject
	assert_output_has '15 events not played'
	plays rcpt shutdown
	assert_output_has 'message 1, rcpt <r@b.example>: the rest of this session is not played'
	plays rcpt 'tempfail 421 4.3.2 away'
	assert_output_has 'rcpt <r@b.example>: the rest of this session is not played'
	assert_equal "$(grep -c '^reason quit' <<<"$output")" 1
}

@test "a message that is not refused any more ends with what there is of it" {
	echo '[ "$MILTER_EVENT" != data ] || echo reject' | write_handler h
	daemon
	mta sock <<-'END'
		hello x.example
		-mail <s@a.example>
		-rcpt <r@b.example>
		data
		-mail <s@a.example>
		-rcpt <r@b.example>
		data
		quit
	END
	recorded 1
	cp "$(records)" "$T"
	plays nothing nothing
	assert_output_has '2 messages, 8 answers: 2 differ'
	refute_output_has 'not played'
	# Where the transcript has none, the first message is aborted.
	assert_equal "$(grep -c '^report abort' <<<"$output")" 1
	diff <(grep -x -e 'report abort' -e 'event mail' <<<"$output") - <<-'END'
		event mail
		report abort
		event mail
	END
}

@test "events that are not asked for any more, and those the transcript lacks" {
	daemon
	transcript -r bad@x -r good@x
	handler_replay "$T" -e rcpt -o 'actions = {}' -x "$HANDLERS/h"
	assert_status 1
	diff <(echo "$output") - <<-END
		$T:$(line_of 'event end-of-message'): session 1, message 1, end-of-message: the answer differs
		- change-header Subject 1 \0040changed
		- insert-header 0 X-Top a\n	b
		- add-header X-Id $(sed -n 's/^add-header X-Id //p' "$T")
		- add-recipient <more@y.example>
		- change-sender <new@x.example> RET=HDRS
		- quarantine for a while
		- replace-body 13
		1 session, 1 message, 10 answers: 1 differs, 4 events not played
	END
	handler_replay "$T" -e mail -o 'actions = {}' -x "$HANDLERS/h"
	assert_status 1
	assert_output_has "rcpt <bad@x>: the event is not asked for any more
- reject 550 5.7.1 100% bad\nnot here
+ continue"
	"$MILTER_SEND" -v -e rcpt -o 'actions = {}' -x "$HANDLERS/h" \
	    <"$BATS_TEST_TMPDIR/message" >"$T"
	replay "$T"
	assert_status 1
	for event in data header end-of-headers body unknown; do
		assert_output_has "the filter asks for $event, which the transcript does not have"
	done
	assert_equal "$(grep -c 'asks for' <<<"$output")" 5
}

@test "what needs no answer on one side counts as continued" {
	daemon
	"$MILTER_SEND" -v -e rcpt -o 'reports = {mail}' -o 'actions = {}' -x "$HANDLERS/h" \
	    < <(printf 'Subject: a\n\nbody\n') >"$T"
	grep -x 'report mail' "$T"
	handler_replay "$T" -e mail,rcpt -o 'actions = {}' -x "$HANDLERS/h"
	assert_success
	echo '[ "$MILTER_EVENT" != mail ] || echo reject' | write_handler h
	handler_replay "$T" -e mail,rcpt -o 'actions = {}' -x "$HANDLERS/h"
	assert_status 1
	assert_output_has '- continue
+ reject 550 5.7.1'
}

@test "a transcript of -v is played, and what -v prints of that as well" {
	daemon
	transcript -r bad@x -r good@x
	handler_replay "$T" -v -s "unix:$SOCK"
	assert_success
	printf '%s\n' "$output" >"$T.2"
	replay "$T.2"
	assert_success
	assert_equal "$output" '1 session, 1 message, 10 answers: no difference'
	diff <(grep -v -e '^#' -e '^add-header X-Id' "$T") \
	    <(grep -v -e '^#' -e '^add-header X-Id' "$T.2")
	# How often a sign of life came, and how a value is spelled, is no difference.
	sed -i -e 's/^add-header X-Id.*/progress\n&/' -e 's/^quarantine for a/quarantine \\0146or a/' "$T"
	replay "$T"
	assert_success
}

@test "a transcript from standard input, against a handler with no daemon, twice" {
	daemon
	transcript
	run "$MILTER_SEND" --replay - \
	    -e connect,helo,mail,rcpt,data,header,end-of-headers,body,end-of-message,unknown \
	    -x "$HANDLERS/h" < <(cat "$T" "$T")
	assert_success
	assert_output_has '2 sessions, 2 messages, 18 answers: no difference'
}

@test "an event whose answer nobody waited for is played, and not compared" {
	daemon
	plan_slow
	mta sock <<-END
		hello x.example
		-mail <s@a.example>
		send rcpt <slow@b.example>
		wait-file $OUT/asked
		drop
	END
	recorded 1
	: >"$OUT/go"
	grep -x 'reason closed' "$(records)"
	replay "$(records)"
	assert_success
	assert_output_has '1 session, 1 message, 3 answers: no difference'
}

plan_slow() {
	write_handler h <<-END
		case \$MILTER_EVENT\$MILTER_RECIPIENT in
		rcpt*slow*)
			: >$OUT/asked
			until [ -e $OUT/go ]; do sleep 0.05; done ;;
		esac
	END
}

@test "a recipient that the MTA has rejected is sent to those alone that ask for it" {
	cat >"$T" <<-'END'
		event negotiate
		version 6
		actions 0x1ff
		protocol 0x1fffff

		version 6
		actions 0x0
		protocol 0x800

		event mail
		sender <a@x>

		continue

		event rcpt
		recipient <b@x>
		macro rcpt_mailer error

		continue

		report disconnect
		reason quit

	END
	handler_replay "$T" -e rcpt -x "$HANDLERS/h"
	assert_success
	assert_output_has '0 answers: no difference, 1 event not played' ||
	    assert_output_has '1 answer: no difference, 1 event not played'
}

@test "transcripts that are damaged" {
	local head=$'event negotiate\nversion 6\nactions 0x1ff\nprotocol 0x1fffff\n\nversion 6\nactions 0x0\nprotocol 0x0\n\n'

	damaged() {
		printf "$1" >"$T"
		handler_replay "$T" -e mail -x "$HANDLERS/h"
		assert_status 2
		assert_equal "$output" "milter-send: $T:$2"
	}
	damaged '' '0: no session in it'
	damaged 'hello\n' '1: expected a line event or report'
	damaged 'event helo\nhelo x\n\n' '1: a session that does not begin with event negotiate'
	damaged "$head"'event helo\nhelo x' '11: the file ends within a line'
	damaged "$head"'event helo\nhelo x\n' '11: the file ends within a block'
	damaged "$head"'event helo\nhelo x\n\nmaybe\n\n' '13: neither an action nor a verdict'
	damaged "$head"'event body\nlength 4294967297\n\n' \
	    '11: not a number, or one that is too large'
	damaged "$head"'event body\nlength 5\n\nabc\n' \
	    '12: the file ends within the bytes that follow'
	damaged "$head"'event helo\nhelo \\0777\n\n' \
	    '11: octal escape not within \0001 to \0377'
	damaged "$head"'event helo\nhelo a\000b\n\n' '11: a NUL in a line'
	head -c 100000 /dev/urandom >"$T"
	handler_replay "$T" -e mail -x "$HANDLERS/h"
	assert_status 2
	handler_replay "$T.none" -e mail -x "$HANDLERS/h"
	assert_status 2
	handler_replay / -e mail -x "$HANDLERS/h"
	assert_status 2
}

@test "a file that a session is cut from in each of its lines is read or refused" {
	local i n

	daemon
	transcript
	n=$(wc -l <"$T")
	for ((i = 1; i < n; i += 3)); do
		head -n "$i" "$T" >"$T.cut"
		replay "$T.cut"
		[ "$status" -eq 0 ] || [ "$status" -eq 2 ] || {
			show_run
			return 1
		}
	done
}

@test "options that do not go with --replay" {
	: >"$T"
	for option in '-f a' '-r a' '-c unknown' '-h a' '-H a' '-m a=b' '-P 6' '-n 2' \
	    '-j 2' '-M 2' --json '-O x' message; do
		# shellcheck disable=SC2086
		run "$MILTER_SEND" -s unix:x --replay "$T" $option
		assert_status 2
		assert_output_has '--replay plays'
	done
}

@test "a milter that breaks the protocol" {
	daemon
	transcript
	echo 'mail h X\0y\0' >"$BATS_TEST_TMPDIR/script"
	python3 "$LIB_DIR/peers/fake_milter.py" "$BATS_TEST_TMPDIR/sock" \
	    "$BATS_TEST_TMPDIR/log" "$BATS_TEST_TMPDIR/script" 3>&- &
	wait_for test -S "$BATS_TEST_TMPDIR/sock"
	handler_replay "$T" -s "unix:$BATS_TEST_TMPDIR/sock"
	kill $!
	assert_status 70
	assert_output_has "mail <sender@example.org>: this was asked last"
	assert_output_has "protocol broken: packet 'h' (add-header) in answer to mail"
}

# The directory

@test "a directory that is not right is refused at the start" {
	refused_conf() {
		printf '%s\n' "listen 'unix:$SOCK' { }" "record = '$1'" \
		    "spool-directory = '$WORK/spool'" "handler h {" \
		    "command = {'$HANDLERS/h'}" 'events = {rcpt}' '}' >"$WORK/c"
		add_users_to "$WORK/c"
		run timeout 60 "$PIPEMILTER" -d -f "$WORK/c"
		assert_status 1
		assert_output_has "$2"
	}
	mkdir "$REC"
	chmod 777 "$REC"
	[ -z "$ENGINE_USER" ] || chown "$ENGINE_USER" "$REC"
	refused_conf "$REC" "record: $REC: others than its owner can write it"
	chmod 775 "$REC"
	refused_conf "$REC" "record: $REC: others than its owner can write it"
	refused_conf record 'expected a path that begins with /'
	refused_conf "$WORK/none/record" "record: $WORK/none/record: $WORK/none: No such file or directory"
	: >"$WORK/file"
	refused_conf "$WORK/file" "record: $WORK/file: not a directory"
	chmod 755 "$REC"
	ln -s "$REC" "$WORK/link"
	refused_conf "$WORK/link" "record: $WORK/link: not a directory"
	[ "$(id -u)" -eq 0 ] || return 0
	chown "$HANDLER_USER" "$REC"
	refused_conf "$REC" "record: $REC: it belongs to another user than the engine's"
}

# Sessions that cannot be recorded whole

@test "a record ends at its limit, and the mail is not touched" {
	echo 'exec cat >/dev/null' | write_handler h
	start_daemon <<-END
		listen 'unix:$SOCK' { }
		record = '$REC'
		handler h { command = {'$HANDLERS/h'}
			reports = {body}
			scope = message }
	END
	head -c 70000000 /dev/zero | tr '\0' 'x' | fold -w 900 >"$BATS_TEST_TMPDIR/big"
	run "$MILTER_SEND" -s "unix:$SOCK" < <(printf 'Subject: x\n\n'; cat "$BATS_TEST_TMPDIR/big")
	assert_success
	wait_for grep -q '^# not recorded further: 64 MB are the limit$' "$(records)"
	[ "$(stat -c %s "$(records)")" -lt 67200000 ]
	replay "$(records)"
	assert_success
	assert_output_has 'no difference'
}

@test "a full disk ends the recording of a session with one warning" {
	[ "$(id -u)" -eq 0 ] || skip 'only root can mount a file system'
	mkdir "$REC"
	mount -t tmpfs -o size=128k,mode=700 tmpfs "$REC" || skip 'cannot mount a tmpfs'
	chown "$ENGINE_USER" "$REC"
	daemon
	head -c 400000 /dev/zero | tr '\0' 'x' | fold -w 900 >"$BATS_TEST_TMPDIR/big"
	run "$MILTER_SEND" -s "unix:$SOCK" < <(printf 'Subject: x\n\n'; cat "$BATS_TEST_TMPDIR/big")
	[ "$status" -eq 0 ] && cp "$(records | head -n 1)" "$T"
	assert_success
	assert_output_has 'held for 2 recipients'
	assert_equal "$(daemon_log | grep -c 'No space left on device; the session is not recorded')" 1
	# The part that was recorded can be read.
	handler_replay "$T" -e mail -x "$HANDLERS/h"
	assert_success
}
