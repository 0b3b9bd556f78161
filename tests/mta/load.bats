#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Postfix under load, while somebody watches and does not read, and while the log takes
# nothing: all messages pass, and at the usual cost. What a message costs is measured in
# CPU time, as a busy machine says nothing with the time of a clock.
#
# LOAD_MESSAGES is the number of messages of each run: 1000, and half as many more for the log.
# With 10000 or more the suite takes some minutes, and the cost must stay within 5 % of the usual.
# A few messages say too little, so their cost is only printed.

# shellcheck disable=SC2154	# status and output are set by run

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/mta
load ../lib/postfix

: "${PIPEMILTERCTL:=$BUILDDIR/pipemilterctl}"
: "${LOAD_MESSAGES:=1000}"

setup() {
	test_setup
	[ -z "$(mta_missing)" ] || skip "$(mta_missing)"
	command -v smtp-source >/dev/null || skip 'no smtp-source here'
	MTAS=$WORK/mta
	PORT=$(free_port)
	mkdir -p "$MTAS"
	write_handler yes <<-'END'
		while read -r k v; do [ -n "$k" ] || echo continue; done
	END
	printf '%s\n' 'milter_default_action = tempfail' "smtpd_milters = unix:$SOCK" \
	    'transport_maps = static:discard:' >"$WORK/main.cf"
	HELPERS=()
}

teardown() {
	local pid

	for pid in "${HELPERS[@]}"; do
		kill -s CONT "$pid" 2>/dev/null || true
		kill "$pid" 2>/dev/null || true
	done
	[ -z "${MTAS:-}" ] || mta_stop m
	if [ -s "${PIDFILE:-/nowhere}" ]; then
		pid=$(cat "$PIDFILE")
		kill "$pid"
		wait_for none_alive "$pid"
	fi
	test_teardown
}

configuration() {
	cat <<-END
		control = '$WORK/control'
		listen 'unix:$SOCK' { group = postfix }
		handler yes {
			command = {'$HANDLERS/yes'}
			events = {mail}
			actions = {}
			reuse = yes
			timeout = 50s
		}
	END
}

# ticks PID: CPU time that it and all below it have taken, those that have ended included
ticks() {
	local pid sum=0

	for pid in $(processes_of "$1"); do
		sum=$((sum + $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null |
		    awk '{ n = $12 + $13 + $14 + $15 } END { print n + 0 }')))
	done
	echo "$sum"
}

# run_of DAEMON SENDER: sends messages. Sets filter to the CPU time of the daemon, and all to
# that of the daemon and Postfix.
run_of() {
	local mta filter_before mta_before begin=$SECONDS

	mta=$(cat "$MTAS/m/pid")
	filter_before=$(ticks "$1")
	mta_before=$(ticks "$mta")
	# It ends at the first reply that is no success.
	smtp-source -s 10 -m "$LOAD_MESSAGES" -l 1000 -f "$2" -t to@sink.example "127.0.0.1:$PORT" 3>&- 4>&-
	filter=$(($(ticks "$1") - filter_before))
	all=$(($(ticks "$mta") - mta_before + filter))
	echo "$LOAD_MESSAGES messages in $((SECONDS - begin)) s;" \
	    "CPU time: pipemilter $filter, with Postfix $all ticks"
}

# costs_no_more: what the daemon took more in the last run than in the one before, usual, is little
# of what a message costs with all that Postfix does.
costs_no_more() {
	[ "$LOAD_MESSAGES" -lt 10000 ] || [ $((filter - usual)) -le $((usual_all * 5 / 100)) ]
}

sockets_of_engine() {
	find "/proc/$(pgrep -P "$DAEMON_PID" -f ': engine')/fd" -lname 'socket:*' | wc -l
}

has_more_sockets() {
	[ "$(sockets_of_engine)" -gt "$1" ]
}

has_no_connection() {
	"$PIPEMILTERCTL" -s "$WORK/control" status --openmetrics |
	    grep -q '^pipemilter_connections{.*} 0$'
}

accepted() {
	"$PIPEMILTERCTL" -s "$WORK/control" status --openmetrics |
	    sed -n 's/^pipemilter_messages_total{result="accept"} //p'
}

all_lines_are_there() {
	[ "$(awk '/lines? lost$/ { n += $2; next } { n++ } END { print n }' "$1")" -eq "$2" ]
}

@test "who watches and does not read costs mail nothing, and is told how much was lost" {
	local usual usual_all before

	start_daemon < <(configuration)
	mta_start m "$PORT" 1 "@$WORK/main.cf"
	run_of "$DAEMON_PID" from@load.example
	usual=$filter usual_all=$all
	wait_for has_no_connection
	before=$(sockets_of_engine)
	mkfifo "$OUT/pipe"
	exec 9<>"$OUT/pipe"
	"$PIPEMILTERCTL" -s "$WORK/control" watch -v >&9 3>&- &
	HELPERS=($!)
	wait_for has_more_sockets "$before"
	run_of "$DAEMON_PID" from@load.example
	costs_no_more
	assert_equal "$(accepted)" $((2 * LOAD_MESSAGES))
	cat <&9 >"$OUT/lines" 3>&- &
	HELPERS+=($!)
	exec 9>&-
	wait_for grep -E '^\.\.\. [0-9]+ lines lost$' "$OUT/lines"
	# Who connects, what the handler says, and what becomes of the message
	wait_for all_lines_are_there "$OUT/lines" $((3 * LOAD_MESSAGES))
}

# sink FILE: what would be syslog
sink() {
	python3 "$LIB_DIR/hostile/syslogd.py" "$WORK/dev/log" "$1" 3>&- 4>&- &
	HELPERS+=($!)
	wait_for test -S "$WORK/dev/log"
}

# What was logged, and what was said to be lost
lines_and_lost() {
	local logged lost

	logged=$(grep -ac 'message from=' "$WORK/log")
	lost=$(sed -n 's/.* \([0-9]*\) lines of this log were lost$/\1/p' "$WORK/log" |
	    awk '{ n += $1 } END { print n + 0 }')
	[ "$((logged + lost))" -eq "$1" ]
}

@test "a log that takes nothing costs mail nothing, and is told how much was lost" {
	local usual usual_all long due

	# 256 KB of lines are kept, and of some hundred more systemd lets syslog's socket take each.
	LOAD_MESSAGES=$((LOAD_MESSAGES * 3 / 2))
	unshare --mount true || skip 'no mount namespaces here'
	mkdir "$WORK/dev"
	cp -a /dev/null "$WORK/dev/null"
	sink "$WORK/log"
	configuration >"$WORK/c.conf"
	complete_config "$WORK/c.conf"
	PIDFILE=$WORK/pid
	# shellcheck disable=SC2016
	unshare --mount bash -c 'mount --bind "$1" /dev && exec "$2" -f "$3" -p "$4"' - \
	    "$WORK/dev" "$PIPEMILTER" "$WORK/c.conf" "$PIDFILE" 3>&- 4>&-
	mta_start m "$PORT" 1 "@$WORK/main.cf"
	long=$(printf '%0500d' 0 | tr 0 x)@load.example
	run_of "$(cat "$PIDFILE")" "$long"
	usual=$filter usual_all=$all
	wait_for lines_and_lost "$LOAD_MESSAGES"
	kill -s STOP "${HELPERS[0]}"
	run_of "$(cat "$PIDFILE")" "$long"
	costs_no_more
	assert_equal "$(accepted)" $((2 * LOAD_MESSAGES))
	kill -s CONT "${HELPERS[0]}"
	# The number that was lost comes before the next line.
	due=$((2 * LOAD_MESSAGES + 1))
	LOAD_MESSAGES=1
	run_of "$(cat "$PIDFILE")" "$long"
	wait_for lines_and_lost "$due"
	grep -a 'lines of this log were lost$' "$WORK/log"
	# Syslog is started again: its socket is another one.
	kill "${HELPERS[0]}"
	wait_for none_alive "${HELPERS[0]}"
	rm -f "$WORK/dev/log"
	sink "$WORK/log2"
	run_of "$(cat "$PIDFILE")" after@load.example
	wait_for grep -aq 'message from=<after@load.example>' "$WORK/log2"
}
