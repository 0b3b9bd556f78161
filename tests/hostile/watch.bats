#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# An engine that stands still is replaced, and no other one. Each test has a daemon
# of its own. Each waits for half a minute: run them beside each other.

bats_require_minimum_version 1.5.0
load ../lib/common
load ../lib/proto

setup_file() {
	proto_start
	global 'engines = 1'
	handler stuck 'events = {mail}'
	proto_run stuck
	global 'engines = 2'
	handler idle 'events = {mail}'
	proto_run idle
	global 'engines = 2'
	handler paused 'events = {mail}'
	proto_run paused
}

setup() {
	proto_setup
}

teardown_file() {
	local name

	# What a test that failed has left stopped could not end.
	for name in stuck idle paused; do
		# shellcheck disable=SC2046
		kill -s CONT $(processes_of "$(cat "$DAEMONS/$name/pid")")
	done
	test_teardown
}

# engines NAME: the pids of a daemon's engines, in order
engines() {
	# shellcheck disable=SC2009
	ps -e -o pid= -o ppid= -o args= |
	    awk -v p="$(cat "$DAEMONS/$1/pid")" '$2 == p && /: engine/ { print $1 }' | sort -n
}

other_engine() {
	[ -n "$(engines "$1")" ] && [ "$(engines "$1")" != "$2" ]
}

# How often the log of a daemon has a text.
count() {
	grep -cF -- "$2" "$DAEMONS/$1/log" || true
}

@test "an engine that stands still is logged after 15 s, and replaced after 30 s" {
	local engine begin=$SECONDS

	engine=$(engines stuck)
	kill -s STOP "$engine"
	wait_for -t 40 log_has "engine (pid $engine) has done nothing for 15 s" stuck
	[ $((SECONDS - begin)) -ge 9 ]
	assert_equal "$(engines stuck)" "$engine"
	wait_for -t 40 log_has "engine (pid $engine) has done nothing for 30 s, and is killed" stuck
	[ $((SECONDS - begin)) -ge 24 ]
	wait_for other_engine stuck "$engine"
	session stuck 'mail <a@b.example> => continue'
	assert_equal "$(count stuck 'has done nothing')" 2
}

@test "an engine that has nothing to do does not stand still" {
	local engines

	engines=$(engines idle)
	sleep 33
	assert_equal "$(count idle 'has done nothing')" 0
	assert_equal "$(engines idle)" "$engines"
}

@test "a supervisor that was stopped itself kills no engine" {
	local engines pid

	engines=$(engines paused)
	pid=$(cat "$DAEMONS/paused/pid")
	# shellcheck disable=SC2086
	kill -s STOP "$pid" $engines
	sleep 33
	kill -s CONT "$pid"
	# The supervisor has its first look before any engine has gone on.
	sleep 2
	# shellcheck disable=SC2086
	kill -s CONT $engines
	session paused 'mail <a@b.example> => continue'
	assert_equal "$(count paused 'has done nothing')" 0
	assert_equal "$(engines paused)" "$engines"
}
