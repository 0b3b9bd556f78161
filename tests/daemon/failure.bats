#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Handlers that misbehave, and peers that do: each costs its own events and
# nothing else.

load ../lib/common
load ../lib/proto

ALL='connect, helo, mail, rcpt, data, header, end-of-headers, body, end-of-message, unknown'
FAILED='=> y "554 5.3.0 failed"'
SLOW='=> y "451 4.4.2 slow"'
BUSY='=> y "452 4.3.2 busy"'

setup_file() {
	local fail="on-failure = 'reject 554 5.3.0 failed'"
	local slow="on-timeout = 'tempfail 451 4.4.2 slow'"
	local busy="on-overload = 'tempfail 452 4.3.2 busy'"

	proto_start
	handler h "events = {$ALL}" "$fail"
	handler told "reports = {$ALL, abort, disconnect}" 'timeout = 3s'
	handler quick "events = {$ALL}" 'timeout = 3s' "$fail" "$slow" "$busy"
	# This handler is asked at mail alone: it could be too slow at an earlier event, too.
	handler quick-mail 'events = {mail}' 'timeout = 1500ms' "$fail" "$slow" "$busy"
	handler quick-go "events = {$ALL}" 'timeout = 1500ms' 'on-timeout = continue'
	handler one 'events = {mail}' 'processes = 1' 'queue-timeout = 7s' \
	    'timeout = 7s' "$fail" "$busy"
	handler one-short 'events = {mail}' 'processes = 1' \
	    'queue-timeout = 2s' "$fail" "$slow" "$busy"
	handler one-default 'events = {mail}' 'processes = 1' \
	    'queue-timeout = 0' "$fail"
	# The limits of the log are for each handler: what a test looks for must find room.
	handler heard "events = {$ALL}" "$fail"
	handler loud 'events = {mail}' "$fail"
	# At the start it must be there.
	ln -s /bin/sh "$WORK/interpreter"
	write_handler bad-interpreter <<<"#!$WORK/interpreter"
	write_handler vanishes <<<'exit 0'
	handler bad-interpreter "command = {'$HANDLERS/bad-interpreter'}" \
	    'events = {mail}' "$fail"
	handler vanishes "command = {'$HANDLERS/vanishes'}" \
	    'events = {mail}' "$fail"
	handler_only a "events = {$ALL}" "$fail"
	handler_only b "events = {$ALL}" "$fail"
	listener ab a,b
	proto_run
	rm "$WORK/interpreter"

	global 'max-recipients = 3' 'max-context = 1K' 'max-actions = 5' \
	    'max-reply-line = 1K' 'max-body = 100B' 'connections = 5'
	handler limits "events = {$ALL}" "$fail"
	handler limits-eom 'events = {end-of-message}' 'actions = {quarantine}' "$fail"
	proto_run limits

	global 'event-timeout = 3s' 'message-timeout = 7s'
	handler_only t1 'events = {mail, end-of-message}' 'timeout = 30s' 'on-timeout = continue'
	handler_only t2 'events = {mail, end-of-message}' 'timeout = 30s' \
	    "on-timeout = 'reject 550 5.9.2 two'"
	handler_only t3 'events = {mail, end-of-message}' 'timeout = 30s' \
	    "on-timeout = 'tempfail 450 4.9.3 three'"
	listener t123 t1,t2,t3
	listener t13 t1,t3
	listener t1 t1
	listener t32 t3,t2
	proto_run short
}

setup() {
	proto_setup
}

teardown_file() {
	test_teardown
}

# The process that serves the connections, of a daemon.
engine_of() {
	# shellcheck disable=SC2009
	ps -e -o pid= -o ppid= -o args= |
	    awk -v p="$(cat "$DAEMONS/$1/pid")" '$2 == p && /engine/ { print $1 }'
}

mail_is() {
	session "$1" "mail <a@b.example> $2" "mail <c@b.example> $2"
}

# --- the end of a process

@test "a handler that exits 1 fails its event, and the connection goes on" {
	echo 'save; exit 1' | plan rcpt
	session heard 'macro M i=Q1' -mail "rcpt $FAILED" "rcpt <b@b.example> $FAILED" -data \
	    '-header A b' -eoh 'eom => continue'
	log_says rcpt 'status 1'
}

@test "a handler that is killed fails its event" {
	echo 'save; kill -KILL $$' | plan mail
	mail_is heard "$FAILED"
	log_says mail signal
}

@test "a handler that can't be run fails its event" {
	mail_is bad-interpreter "$FAILED"
	wait_log bad-interpreter
}

@test "a handler that is gone since the start fails its event" {
	mv "$HANDLERS/vanishes" "$HANDLERS/vanished"
	mail_is vanishes "$FAILED"
	mv "$HANDLERS/vanished" "$HANDLERS/vanishes"
	mail_is vanishes '=> continue'
}

# --- time

@test "a handler that hangs is answered by on-timeout" {
	echo 'sleep 30' | plan mail
	mail_is quick-mail "$SLOW"
}

@test "a handler that hangs is answered by on-timeout at every event" {
	local i j events=(connect helo mail rcpt data header end-of-headers body unknown)
	local commands=(connect 'helo x' 'mail <a@b.example>' 'rcpt <r@b.example>' \
	    data 'header A b' eoh 'body text' 'unknown FOO')

	for ((i = 0; i < ${#events[@]}; i++)); do
		echo 'sleep 30' | plan -c "c$i.$HOST" "${events[i]}"
		commands[0]="connect c$i.$HOST"
		printf '%s\n' "use c$i" -optneg
		# unknown comes outside of a message.
		for ((j = 0; j < i && (i < 8 || j < 2); j++)); do
			echo "-${commands[j]}"
		done
		echo "send ${commands[i]}"
	done >"$BATS_TEST_TMPDIR/s"
	for ((i = 0; i < ${#events[@]}; i++)); do
		printf '%s\n' "use c$i" 'expect y "451 4.4.2 slow"' quit
	done >>"$BATS_TEST_TMPDIR/s"
	mta quick <"$BATS_TEST_TMPDIR/s"
}

@test "a handler that hangs with its output closed has timed out too" {
	echo 'exec >&-; sleep 30' | plan mail
	mail_is quick-mail "$SLOW"
}

@test "a handler that hangs after half a line has timed out" {
	echo 'printf "reject 550"; sleep 30' | plan mail
	mail_is quick-mail "$SLOW"
}

@test "a handler that hangs after actions has timed out, and they are lost" {
	echo 'say "add-header X-A v"; sleep 30' | plan mail
	session quick-go -mail -rcpt 'eom => continue'
}

@test "a handler that hangs after its verdict keeps nobody waiting" {
	echo 'say "reject 550 5.1.1 no"; exec >&-; sleep 30' | plan mail
	mail_is h '=> y "550 5.1.1 no"'
}

@test "progress restarts the timeout" {
	plan mail <<-'END'
		for i in 1 2 3 4 5; do
			sleep 0.35
			say progress
		done
		say 'reject 550 5.1.1 at last'
	END
	session quick-mail 'mail => y "550 5.1.1 at last"'
}

@test "a timeout ends the process by TERM to its group" {
	plan mail <<-'END'
		sleep 60 &
		echo $! >"$d/got/child"
		echo $$ >"$d/got/parent"
		trap 'note term; exit 0' TERM
		wait
	END
	session quick-mail "mail <a@b.example> $SLOW"
	wait_notes term
	wait_for none_alive "$(cat "$GOT/child")" "$(cat "$GOT/parent")"
}

@test "one that ignores TERM gets KILL 5 s later, all of its group" {
	local began=$SECONDS

	plan mail <<-'END'
		trap '' TERM
		sleep 60 &
		echo $! >"$d/got/child"
		echo $$ >"$d/got/parent"
		while :; do sleep 1; done
	END
	session quick-mail "mail <a@b.example> $SLOW"
	wait_for none_alive "$(cat "$GOT/child")" "$(cat "$GOT/parent")"
	# Not before its time.
	[ $((SECONDS - began)) -ge 5 ]
}

@test "a handler that does not exit after its reply is ended 5 s later" {
	local began=$SECONDS

	plan mail <<-'END'
		echo $$ >"$d/got/pid"
		trap 'note term; exit 0' TERM
		say continue
		sleep 60 &
		wait
	END
	session h 'mail => continue'
	wait_notes term
	[ $((SECONDS - began)) -ge 5 ]
	wait_for none_alive "$(cat "$GOT/pid")"
}

@test "a report that hangs is ended after its timeout, and the next one comes" {
	echo 'sleep 60' | plan connect
	echo 'note "$MILTER_EVENT"' | plan any
	session told message 'eom => continue'
	wait_notes helo mail rcpt data header end-of-headers body end-of-message \
	    disconnect
}

# --- output

@test "a flood of garbage fails its event" {
	echo 'exec yes' | plan mail
	mail_is h "$FAILED"
}

@test "a flood of empty lines is no reply" {
	echo 'exec yes ""' | plan mail
	mail_is quick-mail '=~ y "(451 4.4.2 slow|554 5.3.0 failed)"'
}

@test "a flood of NULs fails its event" {
	echo 'exec cat /dev/zero' | plan mail
	mail_is h "$FAILED"
}

@test "a flood without a line end fails its event" {
	echo 'exec tr "\0" x </dev/zero' | plan mail
	mail_is h "$FAILED"
}

@test "a flood of actions fails its event" {
	echo 'exec yes "add-header X-A v"' | plan mail
	mail_is h "$FAILED"
}

@test "a flood of progress has its end" {
	echo 'exec yes progress' | plan mail
	session t1 'mail =~ continue|y "451 .*'
}

@test "a flood behind the verdict has no effect" {
	echo 'save; say continue; exec yes "add-header X-A v"' | plan mail
	session heard -mail -rcpt 'eom => continue'
	log_says mail add-header
}

@test "floods from many handlers at once leave the daemon small" {
	local i kb

	echo 'exec tr "\0" x </dev/zero' | plan mail
	for ((i = 0; i < 8; i++)); do
		printf '%s\n' "use c$i" "hello $HOST" 'send mail <a@b.example>'
	done >"$BATS_TEST_TMPDIR/s"
	for ((i = 0; i < 8; i++)); do
		printf '%s\n' "use c$i" 'expect~ y .*'
	done >>"$BATS_TEST_TMPDIR/s"
	mta quick-mail <"$BATS_TEST_TMPDIR/s"
	kb=$(awk '/^VmHWM/ { print $2 }' "/proc/$(engine_of d)/status")
	echo "engine: $kb kB at most"
	grep -q '^ASAN' <(env) || [ "$kb" -lt 400000 ]
}

@test "a line of 300 KB fails its event" {
	echo 'printf "log %0300000d\ncontinue\n" 0' | plan mail
	mail_is h "$FAILED"
}

@test "a line of 200 KB does not" {
	echo 'printf "add-header X-A %060000d\ncontinue\n" 0' | plan mail
	session h 'mail => continue' -rcpt eom
	assert_output_has 'h "X-A" " 0000'
}

@test "a header that no packet can hold is a failure" {
	echo 'printf "add-header X-A %070000d\ncontinue\n" 0' | plan end-of-message
	session h message "eom $FAILED"
}

@test "replace-body shorter than told is a failure" {
	echo 'printf "replace-body 100\nshort"' | plan end-of-message
	session h message "eom $FAILED"
}

@test "replace-body shorter than told, and the verdict eaten, is a timeout" {
	echo 'printf "replace-body 100\nshort\ncontinue\n"; sleep 60' | plan end-of-message
	session t1 message 'eom => continue'
}

@test "replace-body longer than told is a failure" {
	echo 'printf "replace-body 3\nlonger\ncontinue\n"' | plan end-of-message
	session h message "eom $FAILED"
}

# --- input

@test "a handler that closes its input unread gets its say" {
	echo 'exec <&-; sleep 0.1; say "reject 550 5.6.1 unread"' | plan body
	session h -mail -rcpt 'bodyfill 65535 => y "550 5.6.1 unread"'
}

@test "10 MB to a handler that closes its input unread" {
	echo 'exec <&-' | plan body
	mta h -t 60 <<-END
		hello $HOST
		-mail <a@b.example>
		-rcpt <a@b.example>
		-bodyfill 10000000
		eom => continue
		quit
	END
}

@test "a handler that leaves its input open and unread gets its say" {
	echo 'say continue; sleep 0.3' | plan body
	session h -mail -rcpt '-bodyfill 131070' 'eom => continue'
}

@test "a handler that writes much before it reads" {
	plan body <<-'END'
		i=0
		while [ $i -lt 900 ]; do
			say "log $(printf %0200d $i)"
			i=$((i + 1))
		done
		cat >/dev/null
		say continue
	END
	session h -mail -rcpt '-bodyfill 65535' 'eom => continue'
}

@test "a grandchild that holds the output keeps nobody waiting" {
	echo 'sleep 100 & echo $! >"$d/got/child"' | plan mail
	mail_is h '=> continue'
	kill "$(cat "$GOT/child")" || true
	echo 'sleep 100 & echo $! >"$d/got/child"; exit 100' | plan rcpt
	: | plan mail
	session h -mail 'rcpt =~ y "550.*'
	kill "$(cat "$GOT/child")" || true
}

# --- waiting for a process

@test "queue: with one process all are served, one after the other" {
	local i

	plan mail <<-'END'
		mkdir "$d/got/lock" || note overlap
		sleep 0.2
		rmdir "$d/got/lock"
		note done
	END
	for ((i = 0; i < 5; i++)); do
		printf '%s\n' "use c$i" "hello $HOST" 'send mail <a@b.example>'
	done >"$BATS_TEST_TMPDIR/s"
	for ((i = 0; i < 5; i++)); do
		printf '%s\n' "use c$i" 'expect continue' quit
	done >>"$BATS_TEST_TMPDIR/s"
	mta one <"$BATS_TEST_TMPDIR/s"
	notes_are 'done' 'done' 'done' 'done' 'done'
}

@test "queue: no process in time is answered by on-overload" {
	plan mail <<-'END'
		: >"$d/got/busy"
		while [ ! -e "$d/go" ]; do sleep 0.05; done
	END
	mta one-short <<-END
		use a
		hello $HOST
		send mail <a@b.example>
		wait-file $GOT/busy
		use b
		hello $HOST
		mail <a@b.example> $BUSY
		touch $PLANS/$HOST/go
		use a
		expect continue
		quit
		use b
		mail <a@b.example> => continue
		quit
	END
}

@test "queue: a queue-timeout of 0, and on-overload is on-failure" {
	plan mail <<-'END'
		: >"$d/got/busy"
		while [ ! -e "$d/go" ]; do sleep 0.05; done
	END
	mta one-default <<-END
		use a
		hello $HOST
		send mail <a@b.example>
		wait-file $GOT/busy
		use b
		hello $HOST
		mail <a@b.example> $FAILED
		touch $PLANS/$HOST/go
		use a
		expect continue
		quit
	END
}

@test "queue: who waits and goes away costs the others nothing" {
	plan mail <<-'END'
		note "$MILTER_SENDER"
		: >"$d/got/busy"
		while [ ! -e "$d/go" ]; do sleep 0.05; done
	END
	mta one <<-END
		use a
		hello $HOST
		send mail <a@b.example>
		wait-file $GOT/busy
		use b
		hello $HOST
		send mail <gone@b.example>
		drop
		use c
		hello $HOST
		touch $PLANS/$HOST/go
		mail <c@b.example> => continue
		use a
		expect continue
		quit
	END
	sed -i '/gone/d' "$GOT/notes"
	notes_are '<a@b.example>' '<c@b.example>'
}

# --- the time for all handlers together

@test "event-timeout: the first on-timeout in order that refuses is the answer" {
	echo 'sleep 30' | plan t1.mail
	echo 'note "$PIPEMILTER_HANDLER"' | plan any
	session t123 'mail => y "550 5.9.2 two"'
	rm -f "$GOT/notes"
	session t13 'mail => y "450 4.9.3 three"'
	if grep -q t3.mail "$GOT/notes"; then false; fi
}

@test "event-timeout: continue if nobody's on-timeout refuses" {
	echo 'sleep 30' | plan t1.mail
	session t1 'mail => continue'
}

@test "event-timeout: what was answered before counts" {
	echo 'say "discard"' | plan t3.mail
	echo 'sleep 30' | plan t2.mail
	session t32 'mail => discard'
	rm "$PLANS/$HOST/t3.mail"
	session t32 'mail => y "550 5.9.2 two"'
}

@test "message-timeout: the MTA is kept waiting by progress, then answered" {
	echo 'sleep 60' | plan t2.end-of-message
	session t123 message 'eom => y "550 5.9.2 two"' 'progress-min 1' 'progress-max 6' \
	    -mail
}

@test "message-timeout: an answer that takes longer than event-timeout is in time" {
	echo 'sleep 4; say "add-header X-A v"' | plan t1.end-of-message
	session t1 message eom
	says_at_end 'h "X-A" " v"' continue
}

# --- limits

@test "limits: max-recipients refuses for now the one beyond" {
	session limits <<-END
		-mail <a@b.example>
		-rcpt <1@b.example>
		-rcpt <2@b.example>
		-rcpt <3@b.example>
		rcpt <4@b.example> =~ y "45\d 4\..*
		rcpt <5@b.example> =~ y "45\d 4\..*
		eom => continue
		-mail <a@b.example>
		-rcpt <1@b.example>
	END
}

@test "limits: max-recipients where rcpt needs no reply refuses the message" {
	session limits-eom -mail '-rcpt <1@b.example>' '-rcpt <2@b.example>' \
	    '-rcpt <3@b.example>' '-rcpt <4@b.example>' 'eom =~ y "45\d 4\..*' -mail \
	    '-rcpt <1@b.example>' 'eom => continue'
}

@test "limits: max-actions" {
	answer mail 'add-header X-1 v' 'add-header X-2 v' 'add-header X-3 v'
	answer rcpt 'add-header X-4 v' 'add-header X-5 v'
	answer data 'add-header X-6 v'
	session limits -mail -rcpt "data $FAILED" -mail -rcpt 'eom =~ continue'
	assert_equal "$(printf '%s\n' "$output" | grep -c ' h ')" 5
}

@test "limits: max-reply-line to the byte" {
	echo 'printf "log %01020d\n" 0' | plan mail
	mail_is limits '=> continue'
	echo 'printf "log %01021d\n" 0' | plan mail
	mail_is limits "$FAILED"
	echo 'printf "log %01021d" 0' | plan mail
	mail_is limits "$FAILED"
}

@test "limits: max-body to the byte" {
	echo 'printf "replace-body 100\n%0100d" 0' | plan end-of-message
	session limits message eom
	assert_output_has 'b 100'
	echo 'printf "replace-body 101\n%0101d" 0' | plan end-of-message
	session limits message "eom $FAILED"
	echo 'printf "replace-body 99999999999999999999\n"' | plan end-of-message
	session limits message "eom $FAILED"
}

@test "limits: max-context" {
	plan connect <<-'END'
		say "set x $(printf %0800d 0)"
	END
	plan mail <<-'END'
		say "set x $(printf %0700d 1)"
	END
	plan rcpt <<-'END'
		say "set y $(printf %0700d 1)"
	END
	session limits 'mail => continue' "rcpt $FAILED"
}

@test "limits: connections" {
	local i

	for ((i = 0; i < 12; i++)); do
		printf '%s\n' "use c$i"
		((i >= 3)) || printf '%s\n' -optneg "-connect $HOST"
	done >"$BATS_TEST_TMPDIR/s"
	for ((i = 0; i < 12; i++)); do
		printf '%s\n' "use c$i" drop
	done >>"$BATS_TEST_TMPDIR/s"
	mta limits-eom <"$BATS_TEST_TMPDIR/s"
	session limits-eom message 'eom => continue'
}

# --- standard error and the log

@test "stderr: line by line, with handler, session and queue id" {
	plan mail <<-'END'
		save
		printf 'first\nsecond line\n' >&2
		printf 'no end' >&2
	END
	session heard 'macro M i=QUEUE5' -mail
	log_says mail first
	log_says mail 'second line'
	log_says mail 'no end'
	log_of mail | grep 'second line' | grep QUEUE5 | grep -qw heard
}

@test "stderr: of reports too" {
	echo 'save; echo "told you" >&2' | plan mail
	session told -mail
	got mail
	log_says mail 'told you'
}

@test "stderr: of a report of end-of-message too, with the queue id" {
	echo 'save; echo "told at the end" >&2' | plan end-of-message
	session told 'macro M i=QUEUE9' message 'eom => continue'
	got end-of-message
	log_says end-of-message 'QUEUE9: handler told: stderr: told at the end'
}

@test "stderr: bytes are made visible" {
	echo 'save; printf "esc\033[1m\r\001 \303\274 end\n" >&2' | plan mail
	session heard -mail
	log_says mail 'esc\033['
	if daemon_log | LC_ALL=C grep -q "$(printf '[\001\033\r]')"; then false; fi
}

@test "stderr: long lines stay below 1 KiB or so" {
	echo 'save; printf "%05000dEND\n" 7 >&2' | plan mail
	session heard -mail
	log_says mail 00000
	assert_equal "$(log_of mail | awk 'length($0) > 1400' | wc -l)" 0
}

# Each of the 2000 lines of the flood was logged, or counted as not logged.
flood_is_accounted_for() {
	log_of mail | awk '
	/flood/ { n++ }
	/were not logged/ { for (i = 1; i < NF; i++) if ($(i + 1) == "more") n += $i }
	END { exit n != 2000 }'
}

@test "stderr: a flood is cut at 50 lines a second, and counted" {
	plan mail <<-'END'
		save
		i=0
		while [ $i -lt 2000 ]; do
			echo "flood $i"
			i=$((i + 1))
		done >&2
	END
	session loud -mail
	log_says mail 'flood 0'
	wait_for flood_is_accounted_for
	# There is one count for each second that the flood took, and 50 lines belong to each.
	[ "$(log_of mail | grep -c 'flood')" -le \
	    $((50 * (1 + $(log_of mail | grep -c 'were not logged')))) ]
}

@test "log: a message, and what was changed by whom" {
	echo save | plan mail
	answer end-of-message 'add-header X-Test v' 'quarantine odd'
	session heard 'macro M i=QUEUE6' message eom
	log_says mail QUEUE6
	log_of mail | grep QUEUE6 | grep -q X-Test
	log_says mail "message from=<s@a.example> client=${HOST}[192.0.2.7] recipients="
}

@test "log: a refusal has its text and the handler" {
	echo save | plan b.mail
	echo 'say "reject 550 5.1.1 unwanted guest"' | plan b.rcpt
	session ab -mail 'rcpt =~ y.*'
	log_says mail 'unwanted guest'
	log_of mail | grep 'unwanted guest' | grep -qw b
	log_says mail \
	    "rcpt <a@b.example> from=<a@b.example> client=${HOST}[192.0.2.7]: reject by b: 550"
}

@test "log: a client without a name has its address once" {
	local name

	for name in '[192.0.2.7]' '[IPv6:192.0.2.7]' '[192.0.2.70]'; do
		mta h <<-END
			hello $name
			mail <$BATS_TEST_NUMBER$name@b.example> => continue
			quit
		END
	done
	wait_log "from=<${BATS_TEST_NUMBER}[192.0.2.7]@b.example> client=[192.0.2.7]:"
	wait_log "from=<${BATS_TEST_NUMBER}[IPv6:192.0.2.7]@b.example> client=[192.0.2.7]:"
	wait_log "from=<${BATS_TEST_NUMBER}[192.0.2.70]@b.example> client=[192.0.2.70][192.0.2.7]:"
}

@test "log: a message with a very long sender has its line too" {
	echo save | plan mail
	session heard <<-END
		macro M i=QUEUE7
		-mail <$(printf %020000d 0)@b.example>
		-rcpt <a@b.example>
		eom => continue
	END
	log_says mail QUEUE7
	log_says mail accept
}

@test "log: bytes of the network are made visible" {
	echo save | plan mail
	echo 'exit 1' | plan rcpt
	mta h <<-END
		-optneg
		-connect $HOST
		-helo x\nfake: line\x1b[31m
		macro M i=Q\n\x1bfake
		-mail <a\n@b.example>
		rcpt <evil\x1b\nfake log@b.example> $FAILED
		eom
		quit
	END
	log_says mail 1
	if daemon_log | LC_ALL=C grep -q "$(printf '\033')"; then false; fi
	if daemon_log | grep -q '^fake'; then false; fi
}

@test "log: a failure names handler, event, time, end, and the last line of standard error" {
	local after='after [0-9]+\.[0-9]{3} s'

	echo 'save; echo first >&2; echo no such table >&2; exit 3' | plan mail
	mail_is heard "$FAILED"
	log_says mail 'no such table;'
	log_of mail | grep -E "handler heard: mail: exit status 3 and no verdict, $after; last line of standard error: no such table; on-failure = reject"
	echo 'save; echo about to die >&2; kill -SEGV $$' | plan rcpt
	rm "$PLANS/$HOST/mail"
	session heard -mail "rcpt $FAILED"
	log_says rcpt 'about to die;'
	log_of rcpt | grep -E "handler heard: rcpt: ended by signal 11 .*, $after; last line of standard error: about to die; on-failure = reject"
	echo 'save; echo waiting for the database >&2; sleep 30' | plan data
	rm "$PLANS/$HOST/rcpt"
	session quick -mail -rcpt "data $SLOW"
	log_says data 'waiting for the database;'
	log_of data | grep -E "handler quick: data: no answer within timeout \(3000 ms\), $after; last line of standard error: waiting for the database; on-timeout = tempfail"
	echo 'save; say contiue; echo typo >&2' | plan header
	rm "$PLANS/$HOST/data"
	session heard -mail -rcpt -data "header A b $FAILED"
	log_says header contiue
	log_of header | grep -E "handler heard: header: .*\"contiue.*, $after.*; on-failure = reject"
}

@test "log: nothing for a plain quit but no error" {
	echo save | plan mail
	session h message 'eom => continue'
	got mail
	if log_of mail | grep -iE 'error|fail|warn'; then false; fi
}

@test "log: a broken packet is named with its peer" {
	echo save | plan mail
	mta h <<-END
		hello $HOST
		-mail <a@b.example>
		raw 0000000158
		expect close
	END
	wait_for test -e "$GOT/mail"
	wait_for bash -c 'grep -F "$1" "$2" | grep -qiE "unknown|command|packet"' - \
	    "$(lines_of mail session)" "$DAEMONS/d/log"
}

# --- peers

@test "a peer that stops reading holds up nobody else" {
	plan end-of-message <<-'END'
		echo replace-body 8000000
		head -c 8000000 /dev/zero | tr '\0' x
		echo continue
	END
	mta h <<-END
		rcvbuf 4096
		use stuck
		hello $HOST
		message
		send eom
		rcvbuf 0
		use fast
		hello fast.example
		message
		eom => continue
		message
		eom => continue
		quit
		use stuck
		expect~ b \d+
		print reading again
		settle
		quit
	END
	assert_equal "$(printf '%s\n' "$output" |
	    awk '/: b / { n += $NF } END { print (n >= 7900000) }')" 1
}

@test "a peer that stops reading and goes away" {
	plan end-of-message <<-'END'
		echo replace-body 8000000
		head -c 8000000 /dev/zero | tr '\0' x
		echo continue
	END
	mta h <<-END
		use stuck
		hello $HOST
		message
		send eom
		expect~ b \d+
		drop
		use other
		hello other.example
		message
		eom => continue
		quit
	END
}

@test "a peer that sends one event after the other and reads nothing" {
	local i

	{
		printf '%s\n' "hello $HOST" '-mail <a@b.example>' '-rcpt <a@b.example>' hold
		for ((i = 0; i < 300; i++)); do
			echo 'send header X-A v'
		done
		printf '%s\n' flush 'use other' 'hello other.example' message \
		    'eom => continue' quit 'use ' settle 'eom => continue' quit
	} >"$BATS_TEST_TMPDIR/s"
	mta h -t 60 <"$BATS_TEST_TMPDIR/s"
}

@test "descriptors and processes do not leak" {
	local e before after i

	echo 'exit 1' | plan mail
	mail_is h "$FAILED"
	e=$(engine_of d)
	[ -n "$e" ]
	before=$(ls "/proc/$e/fd" | wc -l)
	for ((i = 0; i < 100; i++)); do
		printf '%s\n' "use c$i" "hello $HOST" "mail <a@b.example> $FAILED" drop
	done >"$BATS_TEST_TMPDIR/s"
	mta h -t 60 <"$BATS_TEST_TMPDIR/s"
	# Other tests run at the same time.
	fds_below() {
		[ "$(ls "/proc/$1/fd" | wc -l)" -lt "$2" ]
	}
	wait_for fds_below "$e" $((before + 40))
}

# --- the daemon's own ends

@test "SIGTERM ends it while handlers hang, none is left" {
	CONF=$BATS_TEST_TMPDIR/conf
	global 'drain-timeout = 1s'
	handler term 'events = {mail}'
	proto_run term
	plan mail <<-'END'
		trap '' TERM
		: >"$d/got/busy"
		while :; do sleep 1; done
	END
	mta term <<-END
		hello $HOST
		send mail <a@b.example>
		wait-file $GOT/busy
	END
	stop_daemon term
	[ ! -e "$WORK/term" ]
}

@test "SIGTERM lets an open session finish" {
	CONF=$BATS_TEST_TMPDIR/conf
	global 'drain-timeout = 1m'
	handler drain 'events = {mail, end-of-message}'
	proto_run drain
	plan mail <<-'END'
		: >"$d/got/busy"
	END
	(
		session drain -mail "wait-file $GOT/go" -rcpt 'eom => continue'
		touch "$GOT/good"
	) &
	wait_for test -e "$GOT/busy"
	kill -TERM "$(cat "$DAEMONS/drain/pid")"
	wait_for test ! -e "$WORK/drain"
	touch "$GOT/go"
	wait
	[ -e "$GOT/good" ]
	stop_daemon drain
}

@test "an engine that dies is replaced" {
	local e

	CONF=$BATS_TEST_TMPDIR/conf
	handler engine 'events = {mail}'
	proto_run engine
	e=$(engine_of engine)
	plan mail <<-'END'
		echo $$ >"$d/got/pid"
		: >"$d/got/busy"
		[ -e "$d/got/again" ] || sleep 60
	END
	mta engine <<-END
		hello $HOST
		send mail <a@b.example>
		wait-file $GOT/busy
	END
	kill -KILL "$e"
	touch "$GOT/again"
	engine_back() {
		[ -n "$(engine_of engine)" ] && [ "$(engine_of engine)" != "$e" ]
	}
	wait_for engine_back
	wait_for none_alive "$(cat "$GOT/pid")"
	session engine -mail
	stop_daemon engine
}

@test "a supervisor that is killed: the MTA gets its answer, nothing stays" {
	CONF=$BATS_TEST_TMPDIR/conf
	handler orphan 'events = {mail}'
	proto_run orphan
	plan mail <<-'END'
		: >"$d/got/busy"
		while [ ! -e "$d/got/go" ]; do sleep 0.1; done
	END
	(
		mta orphan <<-END
			hello $HOST
			send mail <a@b.example>
			expect~ y "451 .*"
			expect close
			touch $GOT/good
		END
		touch "$GOT/go"
	) &
	wait_for test -e "$GOT/busy"
	stop_daemon orphan KILL 137
	wait
	[ -e "$GOT/good" ]
}

# Neither a loop nor run: bash takes a minute for so many lines.
@test "more commands in one write than their answers have room for" {
	{
		printf '%s\n' 'optneg 6 0x1ff 0' "connect $HOST" 'helo x' hold
		yes 'send data' | head -n 20000
		printf '%s\n' flush settle 'eom => continue' quit
	} >"$BATS_TEST_TMPDIR/s"
	python3 -I "$LIB_DIR/peers/rawmilter.py" -s "unix:$WORK/one" -t 240 \
	    <"$BATS_TEST_TMPDIR/s" >"$BATS_TEST_TMPDIR/out"
	assert_equal "$(grep -cx 'data: continue' "$BATS_TEST_TMPDIR/out")" 20000
}

@test "log: a handler that has answered and does not exit" {
	echo 'save; say continue; exec sleep 100' | plan mail
	session heard -mail
	log_says mail 'mail: it has done its work and does not exit'
}

@test "log: a command that can't be started is named" {
	echo continue | plan mail
	rm -f "$HANDLERS/gone"
	printf '#!/bin/sh\n' >"$HANDLERS/gone"
	chmod 755 "$HANDLERS/gone"
	start_daemon -n gone <<-END
		listen 'unix:$WORK/gone.sock' { }
		handler gone { command = {$HANDLERS/gone} events = {mail} }
	END
	rm "$HANDLERS/gone"
	run "$MILTER_SEND" -s "unix:$WORK/gone.sock" </dev/null
	assert_equal "$status" 75
	wait_log "$HANDLERS/gone could not be started (exec: No such file" gone
	stop_daemon gone
}

@test "log: a command whose interpreter is gone, or that has none, is told apart" {
	echo continue | plan mail
	install -m 755 /dev/stdin "$HANDLERS/edited" <<<'#!/bin/sh'
	start_daemon -n edited <<-END
		listen 'unix:$WORK/edited.sock' { }
		handler edited { command = {$HANDLERS/edited} events = {mail} }
	END
	printf '#!/bin/sh\r\n' >"$HANDLERS/edited"
	run "$MILTER_SEND" -s "unix:$WORK/edited.sock" </dev/null
	assert_equal "$status" 75
	wait_log 'exec: No such file or directory: it, or the interpreter in its first line' edited
	printf 'exit 0\n' >"$HANDLERS/edited"
	run "$MILTER_SEND" -s "unix:$WORK/edited.sock" </dev/null
	assert_equal "$status" 75
	wait_log 'exec: Exec format error: a script begins with a #! line' edited
	stop_daemon edited
}
