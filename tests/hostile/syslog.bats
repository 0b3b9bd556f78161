#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A log that is full, is not there, or is started again: mail goes on, and no line
# is lost without a word.

load ../lib/common

setup() {
	test_setup
	[ "$(id -u)" -eq 0 ] || skip 'only root can have a /dev of its own'
	unshare --mount true || skip 'no mount namespaces here'
	DEV=$WORK/dev
	PIDFILE=$WORK/pid
	SINKS=()
	mkdir "$DEV"
	cp -a /dev/null "$DEV/null"
}

teardown() {
	local pid

	if [ -s "$PIDFILE" ]; then
		pid=$(cat "$PIDFILE")
		kill "$pid"
		wait_for gone_from_table "$pid"
	fi
	for pid in "${SINKS[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	test_teardown
}

gone_from_table() {
	[ ! -e "/proc/$1" ]
}

# sink FILE [GATE]
sink() {
	python3 "$LIB_DIR/hostile/syslogd.py" "$DEV/log" "$@" 3>&- 4>&- &
	SINK=$!
	SINKS+=("$SINK")
}

# The daemon in the background, with $DEV as its /dev.
background() {
	write_handler yes <<-'END'
		while read -r k v; do [ -n "$k" ] || echo continue; done
	END
	cat >"$WORK/c.conf" <<-END
		listen 'unix:$SOCK' { handlers = {yes} }
		handler yes { command = {'$HANDLERS/yes'} events = {rcpt} actions = {} reuse = yes }
	END
	complete_config "$WORK/c.conf"
	# shellcheck disable=SC2016
	timeout 60 unshare --mount bash -c \
	    'mount --bind "$1" /dev && exec "$2" -f "$3" -p "$4"' - \
	    "$DEV" "$PIPEMILTER" "$WORK/c.conf" "$PIDFILE" 3>&- 4>&-
}

# mails N [OPTION ...]: each of them is answered, soon.
mails() {
	printf 'Subject: test\n\ntext\n' >"$WORK/mail"
	timeout "$TEST_DEADLINE" "$MILTER_SEND" -s "unix:$SOCK" -n "$@" "$WORK/mail"
}

logged() {
	[ "$(grep -ac 'message from=' "$1")" -eq "$2" ]
}

@test "a log that takes nothing stops no mail, and gets all lines later" {
	sink "$WORK/log" "$WORK/gate"
	wait_for test -S "$DEV/log"
	background
	mails 100
	touch "$WORK/gate"
	wait_for logged "$WORK/log" 100
	grep -a ' is ready$' "$WORK/log"
	! grep -a 'were lost' "$WORK/log" || false
}

@test "without a log mail is answered, and its lines come when it is there" {
	background
	mails 20
	sink "$WORK/log"
	wait_for logged "$WORK/log" 20
	mails 1
	wait_for logged "$WORK/log" 21
}

@test "a log that is started again gets all lines from then on" {
	sink "$WORK/log"
	wait_for test -S "$DEV/log"
	background
	mails 3
	wait_for logged "$WORK/log" 3
	kill "$SINK"
	wait_for gone_from_table "$SINK"
	mails 3
	sink "$WORK/log2"
	wait_for logged "$WORK/log2" 3
	kill "$SINK"
	wait_for gone_from_table "$SINK"
	rm "$DEV/log"
	mails 3
	sink "$WORK/log3"
	wait_for logged "$WORK/log3" 3
}

# What was logged and what was said to be lost, which may be said more than once.
lines_and_lost() {
	[ "$(awk '/message from=/ { n++ }
	    match($0, /[0-9]+ lines of this log were lost$/) { n += substr($0, RSTART) }
	    END { print n }' "$1")" -eq "$2" ]
}

@test "what is too much to be kept is counted, and the count is logged" {
	sink "$WORK/log" "$WORK/gate"
	wait_for test -S "$DEV/log"
	background
	# The log shows some hundred bytes of the address.
	mails 1200 -f "$(printf '%01000d' 0)@example.org"
	touch "$WORK/gate"
	wait_for grep -aq 'message from=' "$WORK/log"
	mails 1
	wait_for lines_and_lost "$WORK/log" 1201
	grep -a 'lines of this log were lost$' "$WORK/log"
	wait_for counted_lost
}

# The status has the same number.
counted_lost() {
	"$BUILDDIR/pipemilterctl" -s "$WORK/control-c" status --openmetrics |
	    grep -x "pipemilter_log_lines_lost_total $(awk '
	    match($0, /[0-9]+ lines of this log were lost$/) { n += substr($0, RSTART) }
	    END { print n }' "$WORK/log")"
}
