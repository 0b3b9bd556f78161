#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Peers and handlers that make an engine keep as much as they can. The engine has a
# bound, refuses the sessions that bring more, and lives on: with `memory', and with
# a limit of the process where an allocation fails.

bats_require_minimum_version 1.5.0
load ../lib/common
load ../lib/proto

setup_file() {
	grep -q __asan_init "$PIPEMILTER" &&
	    skip 'a sanitizer does not tell how much is allocated'
	proto_start
	write_handler big <<-'END'
		case $MILTER_EVENT in
		end-of-message)
			echo "replace-body 10000000"
			head -c 10000000 /dev/zero ;;
		esac
	END
	write_handler deaf <<-'END'
		exec sleep 300
	END
}

setup() {
	proto_setup
	NAME=d$BATS_TEST_NUMBER
	# Each test has a daemon, and so a configuration, of its own.
	CONF=$BATS_TEST_TMPDIR/conf
	: >"$CONF"
}

teardown_file() {
	test_teardown
}

engine() {
	pgrep -P "$(cat "$DAEMONS/$NAME/pid")" -f engine
}

# KB that the engine had in memory at most
peak() {
	awk '/^VmHWM:/ { print $2 }' "/proc/$ENGINE/status"
}

begin() {
	proto_run "$NAME"
	ENGINE=$(engine)
}

# hoard WHAT CONNECTIONS: sets refused and closed, and more: whether one more was taken
hoard() {
	local line

	line=$(python3 -I "$LIB_DIR/hostile/hoard.py" "$1" "$WORK/$NAME" "$2")
	echo "$line; peak $(peak) KB" >&2
	refused=$(sed -n 's/.*, \([0-9]*\) refused,.*/\1/p' <<<"$line")
	closed=$(sed -n 's/.* \([0-9]*\) closed.*/\1/p' <<<"$line")
	more=$(sed -n 's/.*, \([a-z]*\) more$/\1/p' <<<"$line")
}

# survived KB: it is the same engine, had no more than that, and serves a session
survived() {
	[ "$(engine)" = "$ENGINE" ]
	[ "$(peak)" -le "$1" ]
	mta "$NAME" <<<"$(printf '%s\n' "hello $HOST" 'mail <a@b.example> => continue' quit)"
	stop_daemon "$NAME"
}

@test "memory: envelopes beyond the bound are refused, and the next session is served" {
	global 'memory = 32M'
	handler "$NAME" 'events = {mail}'
	begin
	hoard envelopes 20
	[ "$refused" -ge 5 ]
	survived 45000
}

@test "memory: packets that do not end, beyond the bound" {
	global 'memory = 16M'
	handler "$NAME" 'events = {mail}'
	begin
	hoard halves 600
	[ "$closed" -ge 5 ]
	[ "$more" = none ]
	survived 29000
}

@test "memory: macros beyond the bound" {
	global 'memory = 16M'
	handler "$NAME" 'events = {mail}'
	begin
	hoard macros 100
	[ "$closed" -ge 5 ]
	[ "$more" = none ]
	survived 29000
}

# They hold all memory of the daemon NAME, and the next is served before long.
makes_way() {
	local name=$1 what=$2 connections=$3 line

	line=$(python3 -I "$LIB_DIR/hostile/hoard.py" -w "$what" "$WORK/$name" "$connections")
	echo "$what: $line" >&2
	[ "${line#waited }" -ge 5 ] && [ "${line#waited }" -le 30 ]
}

@test "memory: peers that hold envelopes or macros and are silent make way" {
	local other=$NAME-b macros

	global 'memory = 16M'
	handler "$other" 'events = {mail}'
	proto_run "$other"
	makes_way "$other" macros 50 3>&- &
	macros=$!
	global 'memory = 16M'
	handler "$NAME" 'events = {mail}'
	begin
	makes_way "$NAME" envelopes 20
	wait "$macros"
	stop_daemon "$other"
	survived 29000
}

@test "memory: bodies that are replaced while the mail server does not read" {
	global 'memory = 48M'
	handler "$NAME" "command = {'$HANDLERS/big'}" 'events = {end-of-message}' \
	    'actions = {replace-body}' 'processes = 8'
	begin
	hoard ends 12
	[ "$refused" -ge 3 ]
	[ "$(engine)" = "$ENGINE" ]
	[ "$(peak)" -le 61000 ]
	stop_daemon "$NAME"
}

@test "memory: reports that nobody reads" {
	global 'memory = 16M' 'drain-timeout = 1s'
	handler "$NAME" "command = {'$HANDLERS/deaf'}" 'events = {}' 'reports = {body}' \
	    'processes = 1' 'newlines = crlf'
	begin
	hoard pieces 60
	[ "$refused" -ge 5 ]
	[ "$(engine)" = "$ENGINE" ]
	[ "$(peak)" -le 29000 ]
	stop_daemon "$NAME"
}

@test "memory: a limit of the process, and envelopes" {
	handler "$NAME" 'events = {mail}'
	(ulimit -v 90000; proto_run "$NAME")
	ENGINE=$(engine)
	# What the sandbox does not let it ask any more it has asked before.
	[ "$(sed -n 's/.*memory: \([0-9]*\) MB instead of .*/\1/p' "$DAEMONS/$NAME/log")" -ge 40 ]
	hoard envelopes 30
	[ "$refused" -ge 5 ]
	survived 90000
}

@test "memory: a limit of the process, and bodies that are replaced" {
	handler "$NAME" "command = {'$HANDLERS/big'}" 'events = {end-of-message}' \
	    'actions = {replace-body}' 'processes = 8'
	(ulimit -v 90000; proto_run "$NAME")
	ENGINE=$(engine)
	hoard ends 12
	[ "$refused" -ge 3 ]
	[ "$(engine)" = "$ENGINE" ]
	stop_daemon "$NAME"
}
