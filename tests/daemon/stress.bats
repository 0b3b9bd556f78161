#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Processes that are shared or stay with a session, and end, hang or fall
# behind at a bad moment; and many MTAs at once with handlers that misbehave.

load ../lib/common

setup() {
	test_setup
}

teardown() {
	test_teardown
}

# start OPTION ...: one handler, on the socket
start() {
	{
		printf 'event-timeout = 9s\nmessage-timeout = 3s\n'
		printf 'listen "unix:%s" { mode = 0666 }\n' "$SOCK"
		printf 'handler h {\ncommand = {"%s/h"}\n' "$HANDLERS"
		printf '%s\n' "$@" '}'
	} >"$WORK/conf.in"
	start_daemon <"$WORK/conf.in"
}

mta() {
	python3 "$LIB_DIR/peers/rawmilter.py" -s "unix:$SOCK" >"$WORK/says" || {
		cat "$WORK/says" "$DAEMON_LOG"
		return 1
	}
}

# A process that is asked of several sessions: what it does is the sender.
write_shared() {
	write_handler h <<-'END'
		#!/usr/bin/python3 -ISEu
		import sys, threading
		id = ""
		for line in sys.stdin:
		    word, _, value = line.rstrip("\n").partition(" ")
		    if word == "event-id":
		        id = value
		    elif word == "sender" and value[:2] != "<-":
		        text = "event-id %s\nadd-header X-Said %s\ncontinue\n" % (id, value)
		        threading.Timer(float(value[1:4]), sys.stdout.write, [text]).start()
	END
}

@test "what it says last counts in full, though it has another one's answer to give" {
	write_shared
	start 'events = {mail}' 'reuse = yes' 'concurrency = 5' 'processes = 1' 'timeout = 4s'
	mta <<-'END'
		use a
		hello a.example
		use b
		hello b.example
		use a
		send mail <-@hangs>
		use b
		sleep 2
		send mail <3.0@answers>
		use a
		settle
		use b
		settle
		rcpt <r@x>
		data
		eoh
		eom
		quit
	END
	grep 'b> end-of-message: h "X-Said" " <3.0@answers>"' "$WORK/says"
}

# Three of four pieces fill its pipe and what is kept for it.
behind() {
	printf '%s\n' 'hello h.example' 'mail <a@x>' 'rcpt <r@x>' data eoh \
	    'bodyfill 60000' 'bodyfill 60000' 'bodyfill 60000' 'bodyfill 60000' \
	    'bodyfill 60000'
}

@test "a scope whose last event was never given is over" {
	write_handler h <<<"sleep 4; : >'$OUT/reads'; exec cat >/dev/null"
	start 'events = {end-of-message}' 'reports = {body}' 'scope = message' \
	    'reuse = yes' 'processes = 1'
	{ behind; printf '%s\n' eom quit; } | mta
	grep 'end-of-message: y' "$WORK/says"
	# When it reads again nothing is left to wait for, and the session is freed.
	wait_for test -e "$OUT/reads"
	stop_daemon d
	[ "$(grep -c 'engine (pid' "$DAEMON_LOG")" -eq 0 ]
}

# The handlers were started by the supervisor too.
engine() {
	local p

	for p in $(pgrep -P "$DAEMON_PID"); do
		if grep -q 'pipemilter: engine' "/proc/$p/cmdline"; then
			echo "$p"
		fi
	done
}

# cpu_of PID: ticks
cpu_of() {
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

@test "a process that does not read while it is asked costs nothing" {
	local e before

	write_handler h <<<'sleep 30'
	start 'events = {end-of-message}' 'reports = {body}' 'scope = message' \
	    'reuse = yes' 'processes = 1' 'timeout = 300ms'
	e=$(engine)
	[ -n "$e" ]
	before=$(cpu_of "$e")
	printf '%s\n' 'hello h.example' 'mail <a@x>' 'rcpt <r@x>' data eoh \
	    'bodyfill 60000' 'bodyfill 60000' eom quit | mta
	# The time is counted in hundredths of a second; the test took three seconds.
	[ $(($(cpu_of "$e") - before)) -lt 50 ]
}

@test "processes that did their work and were used up are of use" {
	write_handler h <<<'exec cat >/dev/null'
	start 'reports = {mail}' 'reuse = yes' 'max-uses = 1' 'processes = 1'
	mta <<-'END'
		hello h.example
		mail <a@x>
		abort
		mail <b@x>
		abort
		mail <c@x>
		abort
		quit
	END
	stop_daemon d
	[ "$(grep -c 'of no use' "$DAEMON_LOG")" -eq 0 ]
}

@test "many MTAs, and handlers that misbehave" {
	local users=()

	[ -z "$ENGINE_USER" ] || users=(-u "$ENGINE_USER:$HANDLER_USER")
	mkdir "$WORK/stress"
	chmod 1777 "$WORK/stress"
	python3 "$LIB_DIR/peers/stress.py" "${users[@]}" -n 10 -t 1 -d "$WORK/stress" \
	    "$PIPEMILTER" 203 209 100 208
}
