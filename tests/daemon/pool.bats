#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Pools of processes: how many, for how long, who waits for them, and what
# happens when they end; reports in bulk; several engines; and who is asked.
# Each test has a daemon of its own.

# shellcheck disable=SC2154	# status and output are set by mta

load ../lib/common
load ../lib/proto

FAILED='=> y "554 5.3.0 failed"'
BUSY='=> y "452 4.3.2 busy"'

setup() {
	proto_start
	HOST=client.example
	new_client "$HOST"
	cp "$LIB_DIR/handlers/worker.py" "$HANDLERS"
	chmod 755 "$HANDLERS/worker.py"
}

teardown() {
	[ -z "${E1:-}" ] || kill -CONT "$E1" "$E2" 2>/dev/null || true
	test_teardown
}

# worker NAME [OPTION ...]: worker.py, with a socket of its own
worker() {
	worker_only "$@"
	listener "$1" "$1"
}

worker_only() {
	local name=$1

	shift
	handler_only "$name" "command = {'$HANDLERS/worker.py'}" \
	    "on-failure = 'reject 554 5.3.0 failed'" \
	    "on-timeout = 'tempfail 451 4.4.2 slow'" \
	    "on-overload = 'tempfail 452 4.3.2 busy'" "$@"
}

# script NAME [OPTION ...]: a shell script, $HANDLERS/NAME
script() {
	local name=$1

	shift
	handler "$name" "command = {'$HANDLERS/$name'}" \
	    "environment = {'OUT=$OUT', 'PLANS=$PLANS'}" \
	    "on-failure = 'reject 554 5.3.0 failed'" \
	    "on-overload = 'tempfail 452 4.3.2 busy'" "$@"
}

# log_matches PATTERN: a line of the log matches an extended regular expression.
log_matches() {
	grep -qE -- "$1" < <(daemon_log)
}

# The processes of handlers that run worker.py, one a line.
workers() {
	ps -o pid= -o stat= -o args= --ppid "$DAEMON_PID" |
	    awk '$2 !~ /^Z/ && /worker\.py/ { print $1 }' | sort
}

workers_are() {
	[ "$(workers | wc -l)" -eq "$1" ]
}

# The pid of the nth process that this client had to do with; the last one.
pid() {
	sed -n "s/^$1 //p" "$GOT/pids"
}

last_pid() {
	tail -n 1 "$GOT/pids" | cut -d' ' -f2
}

processes_are() {
	assert_equal "$(wc -l <"$GOT/pids")" "$1"
}

# events_of NAME: the events and reports that a process read, in order
events_of() {
	grep -E '^(event|report) ' "$GOT/$1" | cut -d' ' -f2 | tr '\n' ' '
}

engines() {
	ps -o pid= -o args= --ppid "$DAEMON_PID" | awk '/: engine/ { print $1 }'
}

# Resident memory of an engine at its highest, in KiB.
peak_of() {
	awk '/^VmHWM/ { print $2 }' "/proc/$1/status"
}

one_mail() {
	session "$1" "mail <a@b.example> ${2:-=> continue}"
}

# --- how many, and who waits

@test "queue: who waited longest comes first" {
	local i

	worker one 'events = {mail}' 'reuse = yes' 'processes = 1'
	proto_run
	printf '%s\n' '!touch busy' '!wait go' continue | plan -c "first.$HOST" mail
	{
		printf '%s\n' 'use first' "hello first.$HOST" 'send mail <first@b.example>' \
		    "wait-file $PLANS/first.$HOST/got/busy"
		for i in 1 2 3 4 5 6 7 8; do
			printf '%s\n' "use c$i" "hello $HOST" "send mail <$i@b.example>" \
			    'expect quiet 0.03'
		done
		echo "touch $PLANS/first.$HOST/got/go"
		for i in first c8 c7 c6 c5 c4 c3 c2 c1; do
			printf '%s\n' "use $i" 'expect continue' 'quit'
		done
	} >"$BATS_TEST_TMPDIR/s"
	GOT=$PLANS/$HOST/got
	mta one <"$BATS_TEST_TMPDIR/s"
	processes_are 1
	assert_equal "$(sed -n 's/^sender <\(.\)@.*/\1/p' "$GOT/p1" | tr '\n' ' ')" \
	    '1 2 3 4 5 6 7 8 '
}

@test "queue: never more than processes at a time, and all are served" {
	local i

	write_handler count <<-'END'
		n=$(ls "$OUT" | grep -c '^run\.')
		: >"$OUT/run.$$"
		[ "$(ls "$OUT" | grep -c '^run\.')" -le 3 ] || echo "$n" >>"$OUT/too-many"
		sleep 0.1
		rm "$OUT/run.$$"
	END
	script count 'events = {mail}' 'processes = 3'
	proto_run
	for ((i = 0; i < 12; i++)); do
		printf '%s\n' "use c$i" "hello $HOST" 'send mail <a@b.example>'
	done >"$BATS_TEST_TMPDIR/s"
	for ((i = 0; i < 12; i++)); do
		printf '%s\n' "use c$i" 'expect continue' quit
	done >>"$BATS_TEST_TMPDIR/s"
	mta count <"$BATS_TEST_TMPDIR/s"
	[ ! -e "$OUT/too-many" ]
}

@test "queue: a scope holds its process, and who finds none is answered by on-overload" {
	worker pool 'events = {mail, rcpt, end-of-message}' 'scope = message' 'reuse = yes' \
	    'processes = 2' 'queue-timeout = 300ms'
	proto_run
	mta pool <<-END
		use a
		hello $HOST
		-mail <a@b.example>
		use b
		hello $HOST
		-mail <b@b.example>
		use c
		hello $HOST
		mail <c@b.example> $BUSY
		use a
		-rcpt <r@b.example>
		-data
		-eom
		use c
		-mail <c@b.example>
		-rcpt <r@b.example>
		eom => continue
		use a
		mail <a@b.example> => continue
		use c
		mail <c@b.example> $BUSY
		quit
	END
	processes_are 2
	wait_log 'handler pool: mail: no free process within queue-timeout; on-overload = tempfail'
}

@test "slow: an answer that takes longer is logged with its time and the wait before it" {
	worker one 'events = {mail}' 'reuse = yes' 'processes = 1' 'slow = 300ms'
	proto_run
	printf '%s\n' '!sleep 0.6' continue | plan -c "slow.$HOST" mail
	mta one <<-END
		use a
		hello slow.$HOST
		send mail <a@b.example>
		use b
		hello $HOST
		send mail <b@b.example>
		expect continue
		use a
		expect continue
		mail <c@b.example> continue
	END
	wait_for log_matches '^.*[0-9a-f]+\.[0-9]+: handler one: mail: slow: [0-9]+\.[0-9]{3} s(, and waited [0-9.]+ s for a process)?$'
	# Only what took so long; on a machine that stands still that may be another one, too.
	daemon_log | sed -n 's/.* slow: \([0-9.]*\) s.*/\1/p' |
	    awk '$1 < 0.3 { exit 1 } $1 >= 0.6 { found = 1 } END { exit !found }'
}

@test "slow: many of them are one line a second and their number; 0 is none" {
	local i

	worker many 'events = {mail}' 'processes = 30' 'slow = 100ms'
	worker none 'events = {mail}' 'slow = 0'
	proto_run
	echo '!sleep 0.3' | plan -c "$HOST" mail
	session none "mail <a@b.example> continue"
	for ((i = 0; i < 20; i++)); do
		printf '%s\n' "use c$i" "hello $HOST" 'send mail <a@b.example>'
	done >"$BATS_TEST_TMPDIR/s"
	for ((i = 0; i < 20; i++)); do
		printf '%s\n' "use c$i" 'expect continue' quit
	done >>"$BATS_TEST_TMPDIR/s"
	mta many <"$BATS_TEST_TMPDIR/s"
	wait_for log_matches '[0-9]+ more lines about slow answers of handler many were left out'
	[ "$(grep -c ' slow: ' < <(daemon_log))" -le 8 ]
	! log_has 'handler none: .*slow' || false
}

@test "queue: a handler all of whose processes are in use has a line, once, while events wait" {
	worker one 'events = {mail}' 'scope = session' 'processes = 1' 'queue-timeout = 3s'
	proto_run
	mta one <<-END
		use a
		hello $HOST
		-mail <a@b.example>
		use b
		hello $HOST
		mail <b@b.example> $BUSY
		use c
		hello $HOST
		mail <c@b.example> $BUSY
	END
	wait_for log_matches 'handler one: all of its 1 processes are in use, 1 event waits, the oldest for [1-9][0-9]*\.[0-9] s$'
	[ "$(grep -c 'processes are in use' < <(daemon_log))" -eq 1 ]
}

@test "queue: without an event that waits long no line says that processes are in use" {
	local i

	worker one 'events = {mail}' 'reuse = yes' 'processes = 1'
	proto_run
	for i in 1 2 3 4; do
		printf '%s\n' "use c$i" "hello $HOST" 'send mail <a@b.example>'
	done >"$BATS_TEST_TMPDIR/s"
	for i in 1 2 3 4; do
		printf '%s\n' "use c$i" 'expect continue'
	done >>"$BATS_TEST_TMPDIR/s"
	mta one <"$BATS_TEST_TMPDIR/s"
	# A machine that stands still makes events wait, but then the line says so.
	if log_matches 'processes are in use.* for 0\.'; then false; fi
}

@test "queue: one that was refused a process is not asked again in its scope" {
	handler pool "command = {'$HANDLERS/worker.py'}" 'events = {mail, rcpt}' \
	    'scope = session' 'processes = 1' 'queue-timeout = 300ms' 'on-failure = continue'
	proto_run
	mta pool <<-END
		use a
		hello $HOST
		-mail <a@b.example>
		use b
		hello other.$HOST
		-mail <b@b.example>
		use a
		quit
		wait-file $GOT/eof-p1
		use b
		-rcpt <r@b.example>
		-mail <b@b.example>
		quit
		use c
		hello $HOST
		-mail <c@b.example>
		quit
	END
	[ ! -e "$PLANS/other.$HOST" ]
	processes_are 2
}

@test "processes-min are started ahead, kept, and have no MILTER_ variables" {
	local before

	worker ahead 'events = {mail}' 'processes-min = 2' 'processes = 5'
	proto_run
	wait_for workers_are 2
	before=$(workers)
	one_mail ahead
	one_mail ahead
	env_is p1 </dev/null
	env_is p2 </dev/null
	[[ $before = *"$(pid 1)"* ]]
	assert_file_has "$GOT/p1" complete
	assert_file_has "$GOT/p1" 'sender <a@b.example>'
	wait_for workers_are 2
	wait_for none_alive "$(pid 1)" "$(pid 2)"
	# None is started beyond them while nothing comes.
	sleep 0.3
	workers_are 2
}

@test "processes-min with reuse are kept beyond idle-timeout, others are not" {
	local i

	worker ahead 'events = {mail}' 'processes-min = 2' 'processes = 5' 'reuse = yes' \
	    'idle-timeout = 400ms'
	proto_run
	wait_for workers_are 2
	for i in 1 2 3 4; do
		printf '%s\n' '!touch here' '!wait go' continue | plan -c "c$i.$HOST" mail
	done
	{
		for i in 1 2 3 4; do
			printf '%s\n' "use c$i" "hello c$i.$HOST" 'send mail <a@b.example>' \
			    "wait-file $PLANS/c$i.$HOST/got/here"
		done
		for i in 1 2 3 4; do
			printf '%s\n' "use c$i" "touch $PLANS/c$i.$HOST/got/go" 'expect continue' quit
		done
	} >"$BATS_TEST_TMPDIR/s"
	mta ahead <"$BATS_TEST_TMPDIR/s"
	# The processes were busy at the same time; some may be gone by now.
	assert_equal "$(cut -d' ' -f2 "$PLANS"/c?."$HOST"/got/pids | sort -u | wc -l)" 4
	wait_for workers_are 2
	workers >"$BATS_TEST_TMPDIR/left"
	sleep 0.8
	assert_equal "$(workers)" "$(cat "$BATS_TEST_TMPDIR/left")"
}

@test "a process that was idle for idle-timeout is let go" {
	worker idle 'events = {mail}' 'reuse = yes' 'idle-timeout = 300ms'
	proto_run
	one_mail idle
	wait_for test -e "$GOT/eof-p1"
	wait_for workers_are 0
	one_mail idle
	processes_are 2
}

@test "one that is asked again and again stays" {
	local i

	worker idle 'events = {mail}' 'reuse = yes' 'idle-timeout = 2s'
	proto_run
	{
		echo "hello $HOST"
		for ((i = 0; i < 25; i++)); do
			printf '%s\n' '-mail <a@b.example>' 'sleep 0.1'
		done
		echo quit
	} >"$BATS_TEST_TMPDIR/s"
	mta idle <"$BATS_TEST_TMPDIR/s"
	processes_are 1
}

@test "max-uses" {
	local i

	worker uses 'events = {mail}' 'reuse = yes' 'max-uses = 3'
	proto_run
	{
		echo "hello $HOST"
		for i in 1 2 3 4 5 6 7; do
			echo '-mail <a@b.example>'
		done
		echo quit
	} >"$BATS_TEST_TMPDIR/s"
	mta uses <"$BATS_TEST_TMPDIR/s"
	processes_are 3
	assert_equal "$(events_of p1)" 'mail mail mail '
	assert_equal "$(events_of p2)" 'mail mail mail '
	assert_equal "$(events_of p3)" 'mail '
	wait_for none_alive "$(pid 1)" "$(pid 2)"
	kill -0 "$(pid 3)"
}

@test "max-uses counts scopes, not events" {
	worker uses 'events = {mail, rcpt, end-of-message}' 'reuse = yes' 'scope = message' \
	    'max-uses = 2'
	proto_run
	session uses -mail -rcpt -eom -mail -rcpt -eom -mail -rcpt -eom
	assert_equal "$(events_of p1)" 'mail rcpt end-of-message mail rcpt end-of-message '
	assert_equal "$(events_of p2)" 'mail rcpt end-of-message '
}

# --- the end of a process

@test "a process that is killed while idle costs nothing" {
	local i

	worker idle 'events = {mail}' 'reuse = yes' 'processes = 1'
	proto_run
	# Until it is dead it may still take the next block, which nobody can know.
	write_handler kill <<-'END'
		kill -KILL "$1"
		while :; do
			case $(ps -o stat= -p "$1") in
			''|Z*) exit 0 ;;
			esac
		done
	END
	{
		echo "hello $HOST"
		for ((i = 0; i < 40; i++)); do
			printf '%s\n' 'mail <a@b.example> => continue' \
			    "run $HANDLERS/kill \$(tail -n 1 $GOT/pids | cut -d' ' -f2)"
		done
		printf '%s\n' 'mail <a@b.example> => continue' quit
	} >"$BATS_TEST_TMPDIR/s"
	mta idle -t 200 <"$BATS_TEST_TMPDIR/s"
	processes_are 41
	if daemon_log | grep -E 'failed|of no use|tempfail|reject'; then false; fi
}

@test "one that exits while idle costs nothing either" {
	local i

	worker idle 'events = {mail}' 'reuse = yes' 'processes = 1'
	proto_run
	printf '%s\n' continue '!exit 3' | plan mail
	{
		echo "hello $HOST"
		for ((i = 0; i < 40; i++)); do
			echo 'mail <a@b.example> => continue'
		done
		echo quit
	} >"$BATS_TEST_TMPDIR/s"
	mta idle -t 60 <"$BATS_TEST_TMPDIR/s"
	processes_are 40
}

@test "processes started ahead that are killed cost nothing" {
	local i

	worker ahead 'events = {mail}' 'processes-min = 1' 'processes = 3'
	proto_run
	wait_for workers_are 1
	for i in 1 2 3 4 5; do
		# A process that lives for less than a second counts as useless.
		sleep 1.1
		# shellcheck disable=SC2046
		kill -KILL $(workers)
		one_mail ahead
		wait_for workers_are 1
	done
	processes_are 5
}

@test "processes that are killed at random: every event is answered, no connection lost" {
	local k n=1500 kind

	cp "$LIB_DIR/handlers/loops/loop.pl" "$HANDLERS"
	kind=('reuse = yes' 'processes = 5' 'timeout = 800ms' 'queue-timeout = 3s' \
	    'events = {connect, mail, rcpt, end-of-message}' 'reports = {helo, header, abort}' \
	    "command = {'$HANDLERS/loop.pl'}")
	global 'engines = 2'
	handler event "${kind[@]}"
	handler many "${kind[@]}" 'concurrency = 3'
	handler message "${kind[@]}" 'scope = message'
	handler session "${kind[@]}" 'scope = session'
	proto_run
	printf 'Subject: x\n\nx\n' >"$BATS_TEST_TMPDIR/mail"
	(
		while [ ! -e "$OUT/done" ] && kill -0 "$DAEMON_PID"; do
			# shellcheck disable=SC2046
			set -- $(ps -o pid= -o args= --ppid "$DAEMON_PID" |
			    awk '/loop\.pl/ { print $1 }')
			shift $(($# ? RANDOM % $# : 0))
			[ $# -eq 0 ] || kill -s "$( ((RANDOM % 3)) && echo KILL || echo TERM)" "$1" || true
			sleep 0.0$((2 + RANDOM % 8))
		done
	) 2>/dev/null &
	for k in event many message session; do
		run "$MILTER_SEND" -s "unix:$WORK/$k" -n $n -j 5 -M 3 -r a@b.example \
		    "$BATS_TEST_TMPDIR/mail"
		echo "$k $output"
		[[ $status = 0 || $status = 75 ]]
		[[ $output =~ delivered\ ([0-9]+),\ rejected\ 0,\ tempfailed\ ([0-9]+),\ discarded\ 0 ]]
		[ $((BASH_REMATCH[1] + BASH_REMATCH[2])) -eq $n ]
		[ "${BASH_REMATCH[1]}" -gt $((n / 2)) ]
	done
	touch "$OUT/done"
	wait
	if daemon_log | grep -F 'engine ('; then false; fi
}

@test "back-off: a handler that dies at once is not started without end" {
	local n i

	write_handler dies <<-'END'
		echo x >>"$OUT/starts"
		echo no such module >&2
		exit 1
	END
	script dies 'events = {mail}' 'reuse = yes' 'queue-timeout = 100ms'
	proto_run
	{
		echo "hello $HOST"
		for ((i = 0; i < 18; i++)); do
			echo 'mail <a@b.example> =~ y "(554 5.3.0 failed|452 4.3.2 busy)"'
		done
		echo quit
	} >"$BATS_TEST_TMPDIR/s"
	mta dies <"$BATS_TEST_TMPDIR/s"
	n=$(wc -l <"$OUT/starts")
	echo "$n starts"
	[ "$n" -ge 1 ]
	[ "$n" -le 6 ]
	wait_log 'handler dies: a process was of no use; the next one is started in 1 s'
	wait_log 'no such module'
	# Once it is mended, it is asked again.
	write_handler dies <<-'END'
		while read -r key value; do
			[ -n "$key" ] || echo continue
		done
	END
	works() {
		one_mail dies
	}
	wait_for works
}

@test "back-off: processes started ahead that die at once" {
	local n

	write_handler dies <<-'END'
		echo x >>"$OUT/starts"
		exit 1
	END
	script dies 'events = {mail}' 'processes-min = 3' 'queue-timeout = 100ms'
	proto_run
	wait_log 'the next one is started in'
	sleep 1.5
	n=$(wc -l <"$OUT/starts")
	echo "$n starts"
	[ "$n" -le 12 ]
}

# one_shot NAME OPTION ...: a script that takes what it needs from variables
one_shot() {
	write_handler "$1" <<-'END'
		[ -z "$MILTER_SENDER" ] || echo 'reject 550 5.7.1 no'
	END
	script "$1" 'events = {mail}' "${@:2}"
}

# loops_asked HANDLER: how often the log asks whether its script is a loop.
loops_asked() {
	daemon_log | grep -c "$1.*is it a loop that reads the block (with handler.sh: does it call milter_main)? " || true
}

@test "a script for one event that is to be reused is warned of" {
	one_shot once 'reuse = yes'
	one_shot named 'reuse = yes' "on-exit = {'0=continue'}"
	one_shot alone
	proto_run
	one_mail once
	wait_log 'handler once: it ended with status 0 and no verdict'
	wait_log '(reuse = yes): is it a loop'
	one_mail once
	one_mail named
	one_mail alone '=> y "550 5.7.1 no"'
	assert_equal "$(loops_asked once)" 1
	assert_equal "$(loops_asked named)" 0
	assert_equal "$(loops_asked alone)" 0
}

@test "a script for one event that is started ahead is warned of" {
	one_shot ahead 'processes-min = 1'
	write_handler quiet <<-'END'
		cat >/dev/null
	END
	script quiet 'events = {mail}' 'processes-min = 1'
	proto_run
	wait_log 'handler ahead: it ended with status 0 before it was asked'
	wait_log '(processes-min): is it a loop'
	one_mail quiet
	assert_equal "$(loops_asked ahead)" 1
	assert_equal "$(loops_asked quiet)" 0
}

@test "an edited script is picked up without a reload" {
	local n

	edited() {
		cat <<-END
			#!/bin/sh
			while read -r key value; do
				[ -n "\$key" ] || echo 'reject 550 5.7.1 version $1'
			done
		END
	}
	says_version() {
		one_mail edited "=> y \"550 5.7.1 version $1\""
	}
	edited 1 | write_handler edited
	script edited 'events = {mail}' 'reuse = yes' 'processes = 2' 'processes-min = 1'
	proto_run
	says_version 1
	# A new file in its place
	edited 2 | write_handler edited
	wait_for says_version 2
	# The file is overwritten, with the same size.
	edited 3 >"$HANDLERS/edited"
	wait_for says_version 3
	for n in 1 2 3 4 5; do
		says_version 3
	done
}

@test "an edited script does not disturb a scope that has begun" {
	worker held 'events = {mail, rcpt, end-of-message}' 'scope = message' 'reuse = yes'
	proto_run
	session held <<-END
		-mail <a@b.example>
		run touch $HANDLERS/worker.py
		run i=0; while ! grep -q 'has changed' $DAEMONS/d/log; do sleep 0.1; i=\$((i + 1)); [ \$i -lt 100 ]; done
		-rcpt <r@b.example>
		eom => continue
		-mail <a@b.example>
		-rcpt <r@b.example>
		eom => continue
	END
	assert_equal "$(events_of p1)" 'mail rcpt end-of-message '
	assert_equal "$(events_of p2)" 'mail rcpt end-of-message '
	wait_for none_alive "$(pid 1)"
}

@test "a process killed in mid-scope: on-failure answers for that scope only" {
	local reuse known=true

	for reuse in no yes; do
		worker "mid-$reuse" 'events = {mail, rcpt, data, end-of-message}' \
		    'scope = message' "reuse = $reuse"
	done
	proto_run
	for reuse in no yes; do
		rm -rf "${PLANS:?}"/*
		new_client "$HOST"
		mta "mid-$reuse" <<-END
			use b
			hello other.$HOST
			-mail <a@b.example>
			use a
			hello $HOST
			-mail <a@b.example>
			-rcpt <r@b.example>
			run kill -KILL \$(cut -d' ' -f2 $GOT/pids)
			run until $known; do sleep 0.05; done
			rcpt <s@b.example> $FAILED
			data $FAILED
			eom $FAILED
			-mail <c@b.example>
			-rcpt <r@b.example>
			eom => continue
			quit
			use b
			-rcpt <r@b.example>
			-data
			eom => continue
			quit
		END
		assert_equal "$(events_of p1)" 'mail rcpt '
		assert_equal "$(events_of p2)" 'mail rcpt end-of-message '
		# The second time its end is known before the next event comes.
		known="grep -q 'mid-yes: in a scope that is not over: ended by signal 9' $DAEMONS/d/log"
	done
}

@test "a process that exits with a bad status in mid-scope has failed too" {
	worker mid 'events = {mail, rcpt, data}' 'scope = message'
	proto_run
	printf '%s\n' continue '!err last words' '!exit 7' | plan mail
	session mid <<-END
		-mail <a@b.example>
		run while kill -0 \$(cut -d' ' -f2 $GOT/pids) 2>/dev/null; do sleep 0.05; done
		rcpt <r@b.example> $FAILED
		data $FAILED
	END
	processes_are 1
	wait_log 'handler mid: in a scope that is not over: ended with status 7'
	wait_log 'last line of standard error: last words'
}

@test "one that exits 0 in mid-scope: a new process gets a complete block" {
	local reuse known=true

	for reuse in no yes; do
		worker "mid-$reuse" 'events = {mail, rcpt, data, end-of-message}' \
		    'scope = message' "reuse = $reuse"
	done
	proto_run
	printf '%s\n' continue '!exit 0' | plan rcpt.1
	for reuse in no yes; do
		rm -rf "${GOT:?}"/* "$GOT"/.[a-z]*
		session "mid-$reuse" 'macro M i=Q1' -mail '-rcpt <r@b.example>' \
		    "run $known" '-rcpt <s@b.example>' -data 'eom => continue'
		assert_equal "$(events_of p1)" 'mail rcpt '
		assert_equal "$(events_of p2)" 'rcpt data end-of-message '
		sed '/^$/q' "$GOT/p2" >"$GOT/first"
		assert_file_has "$GOT/first" complete
		assert_file_has "$GOT/first" 'sender <a@b.example>'
		assert_file_has "$GOT/first" 'macro i Q1'
		assert_file_has "$GOT/first" 'recipient <s@b.example>'
		# At data it hears of the other one.
		sed -n '/^event data/,/^$/p' "$GOT/p2" >"$GOT/data"
		assert_file_has "$GOT/data" 'recipient <r@b.example>'
		refute_file_has "$GOT/data" 'recipient <s@b.example>'
		# The second time its end is known before the next event comes.
		known="while [ -e /proc/\$(cut -d' ' -f2 $GOT/pids) ]; do :; done; sleep 0.2"
	done
}

@test "a timeout ends its process alone, and the next event has another" {
	worker slow 'events = {mail}' 'reuse = yes' 'timeout = 2s' 'processes = 1' \
	    'queue-timeout = 15s'
	proto_run
	printf '%s\n' '!touch hangs' '!wait never' | plan mail.1
	mta slow <<-END
		use a
		hello $HOST
		send mail <a@b.example>
		wait-file $GOT/hangs
		use b
		hello b.$HOST
		send mail <a@b.example>
		use a
		expect y "451 4.4.2 slow"
		use b
		expect~ (continue|y "554 5.3.0 failed")
		use a
		mail <a@b.example> => continue
		quit
	END
	processes_are 2
	wait_for none_alive "$(pid 1)"
	wait_log 'no answer within timeout (2000 ms), after '
}

@test "a lasting process whose output is closed is used for nothing more" {
	worker closes 'events = {mail}' 'reuse = yes' 'processes = 1'
	proto_run
	printf '%s\n' continue '!close 1' | plan mail.1
	session closes <<-END
		-mail <a@b.example>
		run while kill -0 \$(cut -d' ' -f2 $GOT/pids) 2>/dev/null; do sleep 0.05; done
		-mail <a@b.example>
		-mail <a@b.example>
	END
	processes_are 2
	assert_equal "$(events_of p1)" 'mail '
}

@test "a lasting process that writes behind its verdict is ended, its verdict counts" {
	worker talks 'events = {mail}' 'reuse = yes'
	proto_run
	printf '%s\n' 'reject 550 5.7.1 no' 'add-header X-A v' | plan mail.1
	session talks 'mail => y "550 5.7.1 no"' 'mail => continue' 'mail => continue'
	processes_are 2
	wait_log 'add-header X-A'
	wait_for none_alive "$(pid 1)"
}

@test "a lasting process that writes where nothing was asked is ended" {
	worker talks 'events = {mail}' 'reports = {data}' 'scope = message' 'reuse = yes'
	proto_run
	echo continue | plan data
	session talks -mail -rcpt -data \
	    "run until grep -q 'writes where' $DAEMONS/d/log; do sleep 0.05; done" -mail
	processes_are 2
	wait_for none_alive "$(pid 1)"
	wait_log 'handler talks: data: it writes where nothing was asked: "continue'
}

@test "a client that goes away: its process finishes, and then serves another" {
	local scope

	for scope in event message session; do
		worker "away-$scope" 'events = {mail, rcpt}' 'reuse = yes' "scope = $scope" \
		    'processes = 1'
	done
	proto_run
	for scope in event message session; do
		new_client "gone.$scope"
		printf '%s\n' '!touch busy' '!wait go' 'reject 550 5.7.1 too late' |
		    plan -c "gone.$scope" mail
		mta "away-$scope" <<-END
			use a
			hello gone.$scope
			send mail <a@b.example>
			wait-file $PLANS/gone.$scope/got/busy
			drop
			use b
			hello next.$scope
			send mail <a@b.example>
			expect quiet 0.3
			touch $PLANS/gone.$scope/got/go
			expect continue
			-rcpt <r@b.example>
			quit
		END
		assert_equal "$(cut -d' ' -f2 "$PLANS/gone.$scope/got/pids")" \
		    "$(cut -d' ' -f2 "$PLANS/next.$scope/got/pids")"
	done
	if daemon_log | grep -iE 'handler.*(fail|ended|timeout)'; then false; fi
}

@test "a timeout in a scope: on-timeout answers, then on-failure for the rest of it" {
	worker slow 'events = {mail, rcpt, data, end-of-message}' 'scope = message' 'reuse = yes' \
	    'timeout = 2s'
	proto_run
	printf '%s\n' '!wait never' | plan rcpt.1
	session slow -mail 'rcpt <r@b.example> => y "451 4.4.2 slow"' \
	    "rcpt <s@b.example> $FAILED" "data $FAILED" -mail \
	    'rcpt <r@b.example> => continue'
	processes_are 2
}

@test "a body of 10 MB to a lasting process, byte by byte" {
	worker body 'events = {body, end-of-message}' 'scope = message' 'reuse = yes' \
	    'newlines = crlf'
	proto_run
	head -c 10000000 /dev/urandom >"$BATS_TEST_TMPDIR/body"
	mta body -t 60 <<-END
		hello $HOST
		-mail <a@b.example>
		-rcpt <a@b.example>
		-data
		-eoh
		-bodyfile $BATS_TEST_TMPDIR/body
		eom => continue
		quit
	END
	python3 - "$GOT/p1" >"$BATS_TEST_TMPDIR/is" <<-'END'
		import sys
		f = open(sys.argv[1], "rb")
		length = 0
		for line in iter(f.readline, b""):
		    if line.startswith(b"length "):
		        length = int(line[7:])
		    elif line == b"\n":
		        sys.stdout.buffer.write(f.read(length))
		        length = 0
	END
	cmp "$BATS_TEST_TMPDIR/body" "$BATS_TEST_TMPDIR/is"
	processes_are 1
}

@test "a reply that comes in pieces" {
	worker parts 'events = {mail, rcpt}' 'reuse = yes' 'scope = session'
	proto_run
	printf '%s\n' '!part set a' '!sleep 0.05' '!part  v' '' '!part reject 55' \
	    '!sleep 0.05' '!part 0 5.7.1 in pieces' '!sleep 0.05' '' | plan mail.1
	session parts 'mail => y "550 5.7.1 in pieces"' -mail
	processes_are 1
	assert_file_has "$GOT/p1" 'context a v'
}

@test "a protocol error ends a lasting process, and the next event has another" {
	worker errs 'events = {mail}' 'reuse = yes' 'processes = 1'
	proto_run
	echo 'contiue' | plan mail.1
	session errs "mail $FAILED" 'mail => continue' 'mail => continue'
	processes_are 2
	wait_for none_alive "$(pid 1)"
	wait_log 'handler errs: mail: '
	wait_log 'contiue'
}

@test "a protocol error in a scope: on-failure answers until it ends, actions are lost" {
	worker errs 'events = {mail, rcpt, data, end-of-message}' 'scope = message' 'reuse = yes'
	worker_only good 'events = {rcpt, end-of-message}'
	handler_only soft "command = {'$HANDLERS/worker.py'}" 'on-failure = continue' \
	    'events = {mail, rcpt, data, end-of-message}' 'scope = message'
	listener soft soft
	proto_run
	printf '%s\n' 'add-header X-A v' continue | plan mail.1
	echo 'add-header X-Y' | plan rcpt.1
	session errs -mail "rcpt <r@b.example> $FAILED" "rcpt <s@b.example> $FAILED" \
	    "data $FAILED"
	assert_equal "$(events_of p1)" 'mail rcpt '
	new_client "soft.$HOST"
	printf '%s\n' 'add-header X-A v' continue | plan -c "soft.$HOST" mail
	echo 'add-header X-Y' | plan -c "soft.$HOST" rcpt
	mta soft <<-END
		hello soft.$HOST
		-mail <a@b.example>
		rcpt <r@b.example> => continue
		rcpt <s@b.example> => continue
		data => continue
		eom
		quit
	END
	assert_equal "$output" 'end-of-message: continue'
	assert_equal "$(events_of p1)" 'mail rcpt '
}

@test "a lasting process that does not end with its input is ended 5 s later" {
	local began

	write_handler stays <<-'END'
		trap 'echo term >>"$OUT/ends"; exit 0' TERM
		echo $$ >"$OUT/pid"
		while read -r key value; do
			[ -n "$key" ] || echo continue
		done
		while :; do sleep 0.1; done
	END
	script stays 'events = {mail}' 'scope = session'
	proto_run
	began=$SECONDS
	one_mail stays
	wait_for test -e "$OUT/ends"
	[ $((SECONDS - began)) -ge 5 ]
	wait_for none_alive "$(cat "$OUT/pid")"
	wait_log 'handler stays: mail: it has done its work and does not exit'
}

# --- reports

@test "reports: 10000 of a session come in order, none is dropped" {
	local i

	worker told 'reports = {header, end-of-message}' 'scope = message'
	proto_run
	{
		printf '%s\n' "hello $HOST" '-mail <a@b.example>' '-rcpt <r@b.example>' '-data'
		for ((i = 1; i <= 10000; i++)); do
			echo "-header X-$i v"
		done
		printf '%s\n' -eoh -eom quit
	} >"$BATS_TEST_TMPDIR/s"
	mta told -t 60 <"$BATS_TEST_TMPDIR/s"
	wait_for -t 60 grep -q '^report end-of-message' "$GOT/p1"
	sed -n 's/^header-name X-//p' "$GOT/p1" | cmp - <(seq 10000)
	processes_are 1
}

@test "reports: a slow reporter slows its own session alone, and none is dropped" {
	local i

	worker told 'reports = {header, end-of-message}' 'reuse = yes' 'scope = session' \
	    'timeout = 30s'
	proto_run
	printf '%s\n' '!touch slow' '!wait go' | plan header.1
	{
		printf '%s\n' "hello $HOST" '-mail <a@b.example>' '-rcpt <r@b.example>' -data
		for ((i = 1; i <= 3000; i++)); do
			echo "-header X-$i $(printf %0500d 0)"
		done
		printf '%s\n' -eoh 'eom => continue' quit "touch $OUT/all-sent"
	} >"$BATS_TEST_TMPDIR/s"
	mta told <"$BATS_TEST_TMPDIR/s" &
	wait_for test -e "$GOT/slow"
	# Others are served meanwhile.
	mta told <<-END
		hello other.$HOST
		message
		eom => continue
		message
		eom => continue
		quit
	END
	# The MTA of the slow one is kept waiting: not all of it fits anywhere.
	[ ! -e "$OUT/all-sent" ]
	touch "$GOT/go"
	wait
	[ -e "$OUT/all-sent" ]
	wait_for grep -q '^report end-of-message' "$GOT/p1"
	sed -n 's/^header-name X-//p' "$GOT/p1" | cmp - <(seq 3000)
}

@test "reports: one process of scope event for each, in order" {
	local i

	worker told 'reports = {header}' 'processes = 4'
	proto_run
	printf '%s\n' '!sleep 0.1' | plan header.1
	{
		printf '%s\n' "hello $HOST" '-mail <a@b.example>' '-rcpt <r@b.example>' '-data'
		for ((i = 1; i <= 20; i++)); do
			echo "-header X-$i v"
		done
		printf '%s\n' -eoh 'eom => continue' quit
	} >"$BATS_TEST_TMPDIR/s"
	mta told <"$BATS_TEST_TMPDIR/s"
	wait_for test -e "$GOT/eof-p20"
	for ((i = 1; i <= 20; i++)); do
		assert_file_has "$GOT/p$i" "header-name X-$i"
	done
}

@test "reports: one that does not read holds no more than a bound, and is ended by timeout" {
	local e kb

	write_handler deaf <<-'END'
		echo $$ >"$OUT/deaf"
		exec sleep 100
	END
	script deaf 'reports = {body}' 'scope = session' 'timeout = 3s'
	worker_only last 'events = {end-of-message}'
	listener both deaf,last
	proto_run
	mta both -t 60 <<-END
		hello $HOST
		-mail <a@b.example>
		-rcpt <r@b.example>
		-data
		-eoh
		-bodyfill 60000000
		eom => continue
		quit
	END
	e=$(engines)
	kb=$(peak_of "$e")
	echo "engine: $kb kB at most"
	grep -q '^ASAN' <(env) || grep -q libasan "/proc/$e/maps" || [ "$kb" -lt 30000 ]
	wait_log 'handler deaf: '
	wait_log 'it does not read what it is told'
	wait_for none_alive "$(cat "$OUT/deaf")"
}

@test "reports: what is lost with one that does not read is told, if no scope of its own says so" {
	write_handler deaf <<-'END'
		exec sleep 100
	END
	script deaf 'reports = {body}' 'reuse = yes' 'processes = 1' 'timeout = 1s'
	worker_only last 'events = {end-of-message}'
	listener both deaf,last
	proto_run
	mta both -t 60 <<-END
		hello $HOST
		-mail <a@b.example>
		-rcpt <r@b.example>
		-data
		-eoh
		-bodyfill 200000
		eom => continue
		quit
	END
	wait_log 'handler deaf: report body: it does not read what it is told within timeout (1000 ms); '
	daemon_log | grep -q '; [1-9][0-9]* bytes of reports are lost'
}

@test "reports: one that does not read holds up nobody else" {
	write_handler deaf <<-'END'
		echo $$ >"$OUT/deaf"
		exec sleep 100
	END
	script deaf 'reports = {body, end-of-message}' 'scope = session' 'timeout = 1h'
	proto_run
	mta deaf <<-END
		use a
		hello $HOST
		-mail <a@b.example>
		-rcpt <r@b.example>
		-data
		-eoh
		-bodyfill 150000
		use b
		hello b.$HOST
		message
		eom => continue
		message
		eom => continue
		quit
		use a
		drop
	END
	# The end of the daemon would wait for the report.
	kill -KILL "$(cat "$OUT/deaf")"
}

@test "reports: the failure of one is answered by on-failure at the next event of its scope" {
	worker told 'events = {rcpt, end-of-message}' 'reports = {data}' 'scope = message'
	worker each 'events = {rcpt, end-of-message}' 'reports = {data}'
	proto_run
	echo '!signal 9' | plan data.1
	session told <<-END
		-mail <a@b.example>
		-rcpt <r@b.example>
		-data
		run while kill -0 \$(cut -d' ' -f2 $GOT/pids) 2>/dev/null; do sleep 0.05; done
		eom $FAILED
		-mail <a@b.example>
		-rcpt <r@b.example>
		-data
		eom => continue
	END
	# With a scope of one event, the failure is only logged.
	rm -f "$GOT"/.[a-z]*
	session each -mail '-rcpt <r@b.example>' -data 'eom => continue'
	wait_log 'handler each: report data: '
}

# --- several engines

# two_engines: the daemon has E1 and E2. What is connected between `on 1' and
# `off 1' is at the first engine, and so on.
two_engines() {
	global 'engines = 2'
	proto_run
	# shellcheck disable=SC2046
	set -- $(engines)
	E1=$1 E2=$2
	[ -n "$E2" ]
}

on() {
	if [ "$1" = 1 ]; then
		echo "run kill -STOP $E2"
	else
		echo "run kill -STOP $E1"
	fi
}

off() {
	echo "run kill -CONT $E1 $E2"
}

@test "engines: both serve" {
	worker both 'events = {mail}' 'reuse = yes'
	two_engines
	mta both <<-END
		$(on 1)
		use a
		hello $HOST
		-mail <a@b.example>
		$(off)
		$(on 2)
		use b
		hello $HOST
		-mail <a@b.example>
		$(off)
		use a
		-mail <a@b.example>
		use b
		-mail <a@b.example>
		quit
		use a
		quit
	END
	processes_are 2
}

@test "engines: a limit of processes holds over both, who needs one gets it" {
	local i

	worker shared 'events = {mail}' 'reuse = yes' 'processes = 1' \
	    'idle-timeout = 1h'
	two_engines
	{
		on 1
		printf '%s\n' 'use a' "hello $HOST"
		off
		on 2
		printf '%s\n' 'use b' "hello $HOST"
		off
		for ((i = 0; i < 5; i++)); do
			printf '%s\n' 'use a' 'mail <a@b.example> => continue' \
			    'use b' 'mail <a@b.example> => continue'
		done
		printf '%s\n' quit 'use a' quit
	} >"$BATS_TEST_TMPDIR/s"
	mta shared <"$BATS_TEST_TMPDIR/s"
	processes_are 10
	wait_for workers_are 1
}

@test "engines: an event waits for the process of the other engine, and then has one" {
	worker shared 'events = {mail}' 'reuse = yes' 'processes = 1'
	two_engines
	printf '%s\n' '!touch busy' '!wait go' continue | plan mail.1
	mta shared <<-END
		$(on 1)
		use a
		hello $HOST
		$(off)
		$(on 2)
		use b
		hello b.$HOST
		$(off)
		use a
		send mail <a@b.example>
		wait-file $GOT/busy
		use b
		send mail <a@b.example>
		expect quiet 0.3
		touch $GOT/go
		expect~ (continue|y "554 5.3.0 failed")
		use a
		expect continue
		-mail <a@b.example>
		quit
	END
	[ "$(cat "$PLANS"/*/got/pids | wc -l)" -ge 2 ]
}

@test "engines: a scope keeps its process until it is over, then the other engine has it" {
	worker shared 'events = {mail, end-of-message}' 'reuse = yes' 'processes = 1' \
	    'scope = message'
	two_engines
	mta shared <<-END
		$(on 1)
		use a
		hello a.$HOST
		-mail <a@b.example>
		$(off)
		$(on 2)
		use b
		hello b.$HOST
		$(off)
		send mail <a@b.example>
		expect quiet 0.3
		use a
		-rcpt <r@b.example>
		eom => continue
		use b
		expect continue
		-rcpt <r@b.example>
		use a
		send mail <a@b.example>
		expect quiet 0.3
		use b
		abort
		use a
		expect continue
		use b
		quit
		use a
		quit
	END
}

@test "engines: no process in time is an overload, at either of them" {
	worker shared 'events = {mail}' 'reuse = yes' 'processes = 1' 'queue-timeout = 300ms'
	two_engines
	printf '%s\n' '!touch busy' '!wait go' continue | plan mail.1
	mta shared <<-END
		$(on 1)
		use a
		hello $HOST
		$(off)
		$(on 2)
		use b
		hello b.$HOST
		$(off)
		use a
		send mail <a@b.example>
		wait-file $GOT/busy
		use b
		mail <a@b.example> $BUSY
		touch $GOT/go
		use a
		expect continue
		quit
	END
}

@test "engines: processes-min is of both together" {
	worker ahead 'events = {mail}' 'reuse = yes' 'processes-min = 3' 'processes = 6'
	two_engines
	wait_for workers_are 3
	sleep 0.3
	workers_are 3
}

@test "engines: connections holds over both" {
	global 'connections = 3'
	worker few 'events = {mail}' 'reuse = yes'
	two_engines
	mta few <<-END
		$(on 1)
		use a
		hello $HOST
		use b
		hello $HOST
		$(off)
		$(on 2)
		use c
		hello $HOST
		$(off)
		use d
		send optneg
		expect quiet 1
		use e
		send optneg
		expect quiet 1
		use a
		quit
		use d
		expect~ version.*
		-connect $HOST
		use b
		quit
		use e
		expect~ version.*
		quit
		use c
		-mail <a@b.example>
		quit
	END
	wait_log 'all of its 3 connections are in use'
}

@test "engines: one that is killed costs only its own sessions" {
	worker both 'events = {mail, rcpt}' 'reuse = yes' 'scope = session'
	two_engines
	mta both <<-END
		$(on 1)
		use a
		hello $HOST
		-mail <a@b.example>
		$(off)
		$(on 2)
		use b
		hello b.$HOST
		-mail <a@b.example>
		$(off)
		run kill -KILL $E1
		use a
		expect close
		use b
		rcpt <r@b.example> => continue
		mail <a@b.example> => continue
		use c
		hello c.$HOST
		mail <a@b.example> => continue
		quit
		use b
		rcpt <r@b.example> => continue
		quit
	END
	wait_for none_alive "$(pid 1)"
	wait_log 'started again'
}

# --- who is asked, and whose answer counts

@test "shadow: nobody waits, and its answer is logged" {
	worker_only tried 'events = {mail, rcpt, end-of-message}' 'shadow = yes'
	worker_only real 'events = {mail, end-of-message}' 'reuse = yes'
	listener both tried,real
	listener alone tried
	proto_run
	printf '%s\n' '!wait go' 'reject 550 5.7.1 not wanted' | plan mail
	printf '%s\n' 'add-header X-A v' 'tempfail 451 4.7.1 later' | plan rcpt
	mkdir -p "$PLANS/real"
	session alone -mail '-rcpt <r@b.example>' -data 'eom => continue'
	touch "$GOT/go"
	wait_log 'handler tried: mail: would reject 550 5.7.1 not wanted'
	wait_log 'handler tried: rcpt: would tempfail 451 4.7.1 later'
	if daemon_log | grep -F 'would continue'; then false; fi
	# Beside one that counts.
	new_client "two.$HOST"
	mta both <<-END
		hello two.$HOST
		mail <a@b.example> => continue
		-rcpt <r@b.example>
		eom => continue
		quit
	END
}

@test "shadow: its failures are logged and cost nothing" {
	worker tried 'events = {mail, rcpt, data, end-of-message}' 'shadow = yes' \
	    'timeout = 2s' 'scope = message'
	proto_run
	echo '!exit 9' | plan mail.1
	echo '!sleep 60' | plan rcpt.1
	session tried 'mail => continue' '-rcpt <r@b.example>' 'eom => continue' -mail \
	    '-rcpt <r@b.example>' 'eom => continue'
	wait_log 'exit status 9'
	wait_log 'on-failure would be reject'
	wait_log 'on-timeout would be tempfail'
}

# repeat N LINE: the line so many times
repeat() {
	local i

	for ((i = 0; i < $1; i++)); do
		printf '%s\n' "$2"
	done
}

@test "shadow: the MTA does not wait for one that hangs, nor for what it is told" {
	local name

	write_handler hangs <<<'exec sleep 100'
	global 'drain-timeout = 1s'
	for name in event message session told; do
		handler "$name" "command = {'$HANDLERS/hangs'}" 'shadow = yes' 'timeout = 2s' \
		    'processes = 1' 'actions = {}' "scope = ${name/told/message}" \
		    "$([ "$name" = told ] && echo 'events = {data} reports = {rcpt}' ||
		    echo 'events = {rcpt, data}')"
	done
	proto_run
	for name in event message session told; do
		{
			echo "hello $HOST"
			echo '-mail <a@b.example>'
			repeat 100 '-rcpt <r@b.example>'
			printf '%s\n' -data abort quit
		} | mta "$name" -t 40
	done
}

@test "shadow: what is too much for it is dropped, and takes no memory of others" {
	write_handler hangs <<<'exec sleep 100'
	global 'drain-timeout = 1s' 'memory = 16M'
	handler hangs "command = {'$HANDLERS/hangs'}" 'shadow = yes' 'timeout = 60s' \
	    'processes = 1' 'actions = {}' 'events = {body}'
	handler told "command = {'$HANDLERS/hangs'}" 'shadow = yes' 'timeout = 60s' \
	    'processes = 1' 'actions = {}' 'events = {data}' 'reports = {body}'
	worker plain 'events = {mail}'
	proto_run
	for name in hangs told; do
		{
			printf '%s\n' "hello $HOST" '-mail <a@b.example>' '-rcpt <r@b.example>' \
			    -data -eoh
			repeat 500 '-bodyfill 60000'
			printf '%s\n' 'eom => continue' quit
		} | mta "$name" -t 40
		session plain 'mail <a@b.example> => continue'
	done
	wait_log 'handler hangs: body: too much waits for it; shadow, on-overload would be tempfail'
	wait_log 'handler told: report body: too much waits for it; shadow, the report is dropped'
	# With a sanitizer there is no bound.
	grep -q __asan_init "$PIPEMILTER" || [ "$(peak_of "$(engines)")" -le 29000 ]
}

@test "shadow: the messages that it holds leave room for those of others" {
	write_handler hangs <<<'exec sleep 100'
	write_handler reads <<<'cat >/dev/null'
	global 'drain-timeout = 1s' 'spool-limit = 4M'
	handler_only hangs "command = {'$HANDLERS/hangs'}" 'input = message' 'output = none' \
	    'shadow = yes' 'processes = 1'
	handler_only reads "command = {'$HANDLERS/reads'}" 'input = message' 'output = none' \
	    "on-overload = 'tempfail 452 4.3.2 busy'"
	listener both hangs,reads
	proto_run
	{
		echo "hello $HOST"
		for i in {1..20}; do
			printf '%s\n' '-mail <a@b.example>' '-rcpt <r@b.example>' -data \
			    '-header A b' -eoh
			repeat 10 '-bodyfill 60000'
			echo 'eom => continue'
		done
		echo quit
	} | mta both -t 40
	wait_log 'handler hangs: end-of-message: too much waits for it; shadow, on-overload would'
}

@test "a process that takes over within a message is told each recipient once" {
	# The first process ends at its second event; the MTA does not wait for that of a shadow.
	write_handler leaves <<-'END'
		n=0
		while IFS= read -r line; do
			case $line in
			recipient\ *) printf '%s\n' "$line" >>"$OUT/knows.$$" ;;
			'')
				[ $((n += 1)) -gt 1 ] || sleep 1
				if [ $n -eq 2 ] && mkdir "$OUT/left" 2>/dev/null; then
					exit 0
				fi
				[ "$event" != end-of-message ] || mv "$OUT/knows.$$" "$OUT/knows"
				echo continue ;;
			event\ *) event=${line#event } ;;
			esac
		done
	END
	script leaves 'events = {mail, rcpt, data, end-of-message}' 'scope = message' \
	    'shadow = yes' 'actions = {}'
	proto_run
	session leaves '-mail <a@b.example>' '-rcpt <x@b.example>' '-rcpt <y@b.example>' -data \
	    "run until [ \$(ls $OUT/knows.* | wc -l) -eq 2 ]; do sleep 0.1; done" 'eom => continue'
	wait_for test -e "$OUT/knows"
	assert_equal "$(sort "$OUT/knows")" $'recipient <x@b.example>\nrecipient <y@b.example>'
}

@test "rejected-recipients: those that the MTA refused are told to who wants it" {
	worker_only wants 'reports = {rcpt, data}' 'rejected-recipients = yes' 'scope = message'
	worker_only none 'reports = {rcpt, data}' 'scope = message' \
	    "environment = {'PLANS=$PLANS', 'CLIENT=none'}" 'lines = {sender}'
	worker_only asked 'events = {rcpt, data}' 'scope = message' \
	    "environment = {'PLANS=$PLANS', 'CLIENT=asked'}" 'lines = {sender}'
	listener all wants,none,asked
	listener two none,asked
	proto_run
	new_client none
	new_client asked
	new_client "$HOST"
	for s in all two; do
		mta $s <<-END
			optneg
			-connect $HOST
			-helo x
			-mail <a@b.example>
			-rcpt <r@b.example>
			macro R {rcpt_mailer}=error {rcpt_host}=5.1.1 {rcpt_addr}=unknown
			send rcpt <bad@b.example>
			settle
			macro R {rcpt_mailer}=smtp {rcpt_host}=h {rcpt_addr}=s@b.example
			-rcpt <s@b.example>
			-data
			quit
		END
		assert_output_has asks
		if [ $s = all ]; then
			assert_output_has rcpt-rejected
		else
			refute_output_has rcpt-rejected
			break
		fi
		wait_for grep -q '^report data' "$GOT/p1"
		assert_equal "$(grep -c '^recipient-status rejected' "$GOT/p1")" 1
		assert_equal "$(grep -A1 '^recipient-status rejected' "$GOT/p1" | tail -n 1)" \
		    'recipient <bad@b.example>'
		assert_equal "$(grep '^recipients ' "$GOT/p1" | tr '\n' ,)" 'recipients 1,recipients 2,'
		wait_for grep -q '^report data' "$PLANS/none/got/p1"
		if grep -E 'bad@|status' "$PLANS/none/got/p1" "$PLANS/asked/got/p1"; then false; fi
	done
}

@test "except-clients and only-clients: networks and local" {
	worker_only except 'events = {mail}' "except-clients = {192.0.2.0/24, '2001:db8::/32', local}" \
	    "environment = {'PLANS=$PLANS', 'CLIENT=except'}"
	worker_only only 'events = {mail}' "only-clients = {192.0.2.0/24, local}" \
	    "environment = {'PLANS=$PLANS', 'CLIENT=only'}"
	listener except except
	listener only only
	proto_run
	for k in except only; do
		for c in '4 1 192.0.2.7:in' '4 1 198.51.100.1:out' '6 1 IPv6:2001:db8::7:six' \
		    'L 0 /run/x:unix' 'U:unknown'; do
			new_client "${c##*:}.$k"
			echo "reject 550 5.7.1 $k" | plan -c "${c##*:}.$k" mail
			mta $k <<-END
				-optneg
				-connect ${c##*:}.$k ${c%:*}
				-helo x
				mail <a@b.example>
				quit
			END
			echo "$k ${c##*:} $output"
		done
	done >"$BATS_TEST_TMPDIR/all"
	cat "$BATS_TEST_TMPDIR/all"
	diff "$BATS_TEST_TMPDIR/all" - <<-'END'
		except in mail: continue
		except out mail: y "550 5.7.1 except"
		except six mail: continue
		except unix mail: continue
		except unknown mail: y "550 5.7.1 except"
		only in mail: y "550 5.7.1 only"
		only out mail: continue
		only six mail: continue
		only unix mail: y "550 5.7.1 only"
		only unknown mail: continue
	END
}

@test "except-authenticated: from mail on" {
	worker auth 'events = {helo, mail, rcpt}' 'except-authenticated = yes' 'scope = session'
	proto_run
	echo 'reject 550 5.7.1 no' | plan rcpt
	session auth 'macro M {auth_authen}=joe' -mail 'rcpt <r@b.example> => continue' \
	    abort 'macro M i=Q1' -mail 'rcpt <r@b.example> => y "550 5.7.1 no"'
	cat "$GOT"/p[0-9] >"$GOT/all"
	assert_equal "$(events_of all)" 'helo mail rcpt '
}

@test "max-message: a larger one is answered by on-large" {
	worker large 'events = {mail, end-of-message}' 'max-message = 2K' \
	    "on-large = 'reject 552 5.3.4 too large'"
	worker passed 'events = {mail, end-of-message}' 'max-message = 2K'
	proto_run
	echo 'reject 550 5.7.1 asked' | plan end-of-message
	session large message 'eom => y "550 5.7.1 asked"' message 'bodyfill 3000' eom
	assert_output_has 'y "552 5.3.4 too large"'
	session passed message 'eom => y "550 5.7.1 asked"' message '-bodyfill 3000' \
	    'eom => continue' message 'eom => y "550 5.7.1 asked"'
	wait_log 'the message is larger than max-message'
}

@test "max-message: to the byte, headers and body together" {
	worker large 'events = {end-of-message}' 'max-message = 2K'
	proto_run
	echo 'reject 550 5.7.1 asked' | plan end-of-message
	# "Subject: x" and an empty line, with CRLF, are 14 bytes.
	session large <<-END
		-mail <a@b.example>
		-rcpt <r@b.example>
		-data
		-header Subject x
		-eoh
		-bodyfill 2034
		eom => y "550 5.7.1 asked"
		-mail <a@b.example>
		-rcpt <r@b.example>
		-data
		-header Subject x
		-eoh
		-bodyfill 2035
		eom => continue
	END
}

@test "drain: an answer for a client that is gone is not waited for" {
	worker stuck 'events = {end-of-message}' 'reuse = yes' 'timeout = 1m'
	proto_run
	printf '%s\n' '!touch busy' '!wait never' continue | plan end-of-message
	mta stuck <<-END
		hello $HOST
		-mail <a@b.example>
		-rcpt <c@d.example>
		-data
		send eom
		wait-file $GOT/busy
		drop
	END
	wait_log 'aborted'
	stop_daemon d
	if daemon_log | grep -q 'drain-timeout is over'; then false; fi
}
