#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Postfix under load, while the configuration is read again and again.

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/load
load ../lib/mta
load ../lib/postfix

: "${PIPEMILTERCTL:=$BUILDDIR/pipemilterctl}"

setup() {
	test_setup
	[ -z "$(mta_missing)" ] || skip "$(mta_missing)"
	MTAS=$WORK/mta
	REPORT=$WORK/report
	mkdir -p "$MTAS"
	export MTAS REPORT
}

teardown() {
	[ -z "${LOAD:-}" ] || kill "$LOAD" 2>/dev/null || true
	[ -z "${MTAS:-}" ] || mta_stop one
	test_teardown
}

ctl() {
	"$PIPEMILTERCTL" -s "$WORK/control" "$@"
}

# value EXPRESSION: of j, the status of the daemon
value() {
	ctl status --json | python3 -c "import json, sys; j = json.load(sys.stdin); print($1)"
}

one_generation() {
	[ "$(value "[e['state'] for e in j['engines']]")" = "['running', 'running']" ]
}

@test "a configuration that is read again and again refuses and loses no message" {
	local port sink i done=0

	port=$(free_port)
	sink=$(free_port)
	write_handler one <<<'echo continue'
	write_handler two <<<'echo continue'
	start_daemon <<-END
		control = '$WORK/control'
		engines = 2
		listen 'unix:$SOCK' { group = postfix }
		handler h {
			command = {'$HANDLERS/one'}
			events = {connect, rcpt, end-of-message}
			processes = 50
			timeout = 30s
			queue-timeout = 30s
		}
	END
	mta_start one "$port" "$sink" "$SOCK"
	python3 "$TOP_DIR/examples/several-machines/load.py" --workers 4 --long 2 --every 1 \
	    --pause 0.1 --sink-port "$sink" "$REPORT" "$port" >"$WORK/errors" 2>&1 3>&- 4>&- &
	LOAD=$!
	wait_for number_is_at_least accepted 10
	for i in {1..20}; do
		if [ $((i % 2)) -eq 1 ]; then
			sed -i "s|$HANDLERS/one|$HANDLERS/two|" "$WORK/d.conf"
		else
			sed -i "s|$HANDLERS/two|$HANDLERS/one|" "$WORK/d.conf"
		fi
		# Where the machine is slow, short sessions may keep eight old sets for a while.
		wait_for ctl reload
		done=$((done + 1))
		wait_for number_is_at_least messages $(($(number messages) + 3))
	done
	kill "$LOAD"
	wait "$LOAD" || true
	cat "$REPORT" "$WORK/errors"
	LOAD=
	load_is_over
	[ "$(number refused)" -eq 0 ]
	[ "$(number refused_long)" -eq 0 ]
	[ "$(value "j['configuration']['reloads']")" -eq "$done" ]
	[ "$(value "j['messages']['accept']")" -eq "$(number accepted)" ]
	wait_for one_generation
}
