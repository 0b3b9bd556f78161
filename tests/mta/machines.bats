#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# examples/several-machines: two mail servers that share daemons and a Redis lose nothing while
# these end and are killed.

# shellcheck disable=SC2154	# status and output are set by run

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/mta
load ../lib/postfix

setup() {
	local program

	test_setup
	[ -z "$(mta_missing)" ] || skip "$(mta_missing)"
	[ "$ENGINE_USER" = _pipemilter ] || skip 'needs the two users'
	for program in haproxy redis-server redis-sentinel ss; do
		command -v "$program" >/dev/null || skip "no $program here"
	done
	/usr/bin/python3 -c 'import redis' 2>/dev/null || skip 'no python3-redis here'
}

teardown() {
	if [ -n "${RUN:-}" ]; then
		kill "$RUN" 2>/dev/null || true
		wait "$RUN" || true
	fi
	test_teardown
}

# row TEXT: sets what the table says there.
row() {
	read -r accepted greylisted refused long longest < <(sed -n "s/^$1  *//p" "$WORK/said")
	[ -n "$longest" ]
}

@test "what one machine does is no loss to the others" {
	local what workers=12

	mkdir "$WORK/run"
	PIPEMILTER=$PIPEMILTER PIPEMILTERCTL=$BUILDDIR/pipemilterctl HANDLERS=$TOP_DIR/handlers \
	    "$TOP_DIR/examples/several-machines/run" "$WORK/run" >"$WORK/said" 2>"$WORK/errors" \
	    </dev/null 3>&- 4>&- &
	RUN=$!
	wait "$RUN" || { RUN=; cat "$WORK/said" "$WORK/errors"; return 1; }
	RUN=
	cat "$WORK/said" "$WORK/errors"
	for what in 'all is well' 'daemon a ends (TERM), and is started again' \
	    'daemon b ends (TERM), and is started again' \
	    'daemon a is drained, and is started again' \
	    'Redis a is killed, b becomes the primary' 'Redis a comes back, as a replica'; do
		row "$what"
		[ "$accepted" -ge 60 ]
		assert_equal "$what: $refused" "$what: 0"
	done
	row 'daemon b is killed, and is started again'
	[ "$((refused + long))" -le "$workers" ]
	grep -qE '^[0-9]+ messages, ([0-9]+) accepted, \1 delivered, 0 lost, 0 delivered twice$' "$WORK/said"
	# Nothing is left running.
	[ -z "$(pgrep -f "$WORK/run")" ]
}
