#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What goes wrong in one session, or with one signal, ends no engine: every
# other session goes on.

bats_require_minimum_version 1.5.0
load ../lib/common
load ../lib/proto

setup_file() {
	proto_start
	# It says accept to each block, and leaves a note that it has.
	write_handler accepts <<-'END'
		n=0
		while IFS= read -r line; do
			[ -z "$line" ] || continue
			printf '%s\n' accept ''
			n=$((n + 1))
			: >"$NOTES/$$.$n"
		done
	END
	shadow message 'scope = message' 'reuse = yes' 'events = {mail}'
	shadow once 'scope = message' 'events = {mail}'
	shadow session 'scope = session' 'reuse = yes' 'events = {connect, mail}'
	handler plain 'events = {mail}'
	handler planned 'events = {mail}'
	proto_run
}

# shadow NAME OPTION ...
shadow() {
	local name=$1

	shift
	mkdir -p "$OUT/$name"
	chmod 777 "$OUT/$name"
	handler "$name" "command = {'$HANDLERS/accepts'}" "environment = {'NOTES=$OUT/$name'}" \
	    'actions = {}' 'shadow = yes' "$@"
}

setup() {
	proto_setup
}

teardown_file() {
	test_teardown
}

# engine_pid [DAEMON]
engine_pid() {
	# shellcheck disable=SC2009
	ps -e -o pid= -o ppid= -o args= |
	    awk -v p="$(cat "$DAEMONS/${1:-d}/pid")" '$2 == p && /engine/ { print $1; exit }'
}

# The engine of before serves still.
engine_lives() {
	assert_equal "$(engine_pid)" "$1"
	mta plain <<<"$(printf '%s\n' "hello $HOST" 'mail <a@b.example> => continue' quit)"
}

# A session that ends when the shadow has said accept NUMBER times.
accepted_session() {
	local engine

	engine=$(engine_pid)
	mta "$1" <<-END
		hello $HOST
		mail <a@b.example>
		run until ls $OUT/$1/*.$2 >/dev/null 2>&1; do sleep 0.02; done
		rcpt <c@d.example>
		quit
	END
	engine_lives "$engine"
}

@test "a shadow with scope = message that says accept: its session ends, the engine does not" {
	accepted_session message 1
}

@test "a shadow without reuse that says accept: its session ends, the engine does not" {
	accepted_session once 1
}

@test "a shadow with scope = session that says accept: its session ends, the engine does not" {
	accepted_session session 1
}

# Those by which a process tells of a fault of its own are left as they are.
every_signal() {
	seq 1 64 | grep -vxE '3|4|5|6|7|8|9|11|17|19|31|32|33'
}

@test "no signal ends or stops an engine" {
	local engine signal

	engine=$(engine_pid)
	for signal in $(every_signal); do
		kill -s "$signal" "$engine" || { echo "signal $signal"; return 1; }
	done
	engine_lives "$engine"
}

# HUP has it take its configuration again, with another engine.
@test "no signal but TERM and INT ends or stops the supervisor" {
	local engine signal pid

	engine=$(engine_pid)
	pid=$(cat "$DAEMONS/d/pid")
	for signal in $(every_signal | grep -vxE '1|2|15'); do
		kill -s "$signal" "$pid" || { echo "signal $signal"; return 1; }
	done
	engine_lives "$engine"
}

@test "a handler starts with no signal ignored or blocked" {
	answer mail 'continue'
	plan mail <<<'grep -E "^Sig(Blk|Ign):" /proc/self/status >"$d/got/signals"'
	mta planned <<<"$(printf '%s\n' "hello $HOST" 'mail <a@b.example> => continue' quit)"
	got signals
	assert_equal "$(sort -u "$GOT/signals" | tr -s '\t0' ' ' | tr '\n' ';')" 'SigBlk: ;SigIgn: ;'
}

@test "at the end of drain-timeout the event in hand is answered by on-timeout" {
	local pid

	CONF=$BATS_TEST_TMPDIR/conf
	global 'drain-timeout = 1s'
	write_handler hangs <<<"touch $OUT/hangs; exec sleep 1000"
	handler hangs "command = {'$HANDLERS/hangs'}" 'events = {mail}' \
	    "on-timeout = 'tempfail 451 4.9.1 slow'"
	proto_run drained
	pid=$(cat "$DAEMONS/drained/pid")
	mta hangs <<-END
		hello $HOST
		send mail <a@b.example>
		wait-file $OUT/hangs
		run kill -TERM $pid
		expect y "451 4.9.1 slow"
		expect close
	END
	stop_daemon drained
}

# run_twice NAME: a daemon whose supervisor tells what can't be.
run_twice() {
	"${CC:-cc}" -shared -fPIC -O -o "$BATS_TEST_TMPDIR/twice.so" "$LIB_DIR/hostile/twice.c" \
	    -ldl
	handler "$1-other" 'events = {mail}'
	TWICE=$1 LD_PRELOAD=$BATS_TEST_TMPDIR/twice.so proto_run "$1"
	ENGINE=$(engine_pid "$1")
}

# The engine of before serves still.
twice_lives() {
	session "$1-other" 'mail <a@b.example> => continue'
	assert_equal "$(engine_pid "$1")" "$ENGINE"
	stop_daemon "$1"
}

no_handler_of() {
	# shellcheck disable=SC2009
	! ps -e -o ppid= -o args= | awk -v p="$1" '$1 == p' | grep -Ev ': (engine|guard)'
}

@test "an event that can't be of a process ends that process, and fails what it has" {
	CONF=$BATS_TEST_TMPDIR/conf
	write_handler stays <<<"trap '' TERM; exec sleep 1000"
	handler stays "command = {'$HANDLERS/stays'}" 'events = {mail}' \
	    "on-failure = 'tempfail 451 4.9.1 broken'"
	run_twice started
	session stays 'mail <a@b.example> => y "451 4.9.1 broken"'
	log_has 'BUG: handler stays: event 0 of a process in state 2' started
	# KILL has not waited for what comes of TERM.
	wait_for -t 4 no_handler_of "$(cat "$DAEMONS/started/pid")"
	twice_lives started
}

@test "a message about a process that is gone ends nothing" {
	CONF=$BATS_TEST_TMPDIR/conf
	handler goes 'events = {mail}'
	run_twice ended
	session goes 'mail <a@b.example> => continue'
	wait_log 'BUG: the supervisor tells of process 1, which is none of ours' ended
	session goes 'mail <a@b.example> => continue'
	twice_lives ended
}
