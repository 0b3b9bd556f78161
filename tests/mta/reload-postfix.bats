#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A mail server, while the configuration is read again. Which mail server is in the name of the
# file: reload-sendmail.bats is a link to reload-postfix.bats.
#
# RELOADS is how often it is read again under load: 20.

# shellcheck disable=SC2154	# status and output are set by run

bats_require_minimum_version 1.5.0

MTA=${BATS_TEST_FILENAME##*-}
export MTA=${MTA%.bats}
load ../lib/common
load ../lib/load
load ../lib/mta
load "../lib/$MTA"

: "${PIPEMILTERCTL:=$BUILDDIR/pipemilterctl}"
: "${RELOADS:=20}"

setup() {
	test_setup
	[ -z "$(mta_missing)" ] || skip "$(mta_missing)"
	MTAS=$WORK/mta
	REPORT=$WORK/report
	mkdir -p "$MTAS"
	export MTAS REPORT
	# As their manuals have it
	case $MTA in
	postfix)
		MILTER=$SOCK
		LISTEN="listen 'unix:$SOCK' { group = postfix }" ;;
	sendmail)
		MILTER=$(free_port)
		LISTEN="listen 'inet:$MILTER@127.0.0.1' { }" ;;
	esac
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

# run_daemon EVENTS: with the handler `one'
run_daemon() {
	start_daemon <<-END
		control = '$WORK/control'
		engines = 2
		$LISTEN
		handler h {
			command = {'$HANDLERS/one'}
			events = {$1}
			processes = 50
			timeout = 50s
			queue-timeout = 50s
		}
	END
}

@test "a configuration that is read again and again refuses and loses no message" {
	local port sink i done=0

	port=$(free_port)
	sink=$(free_port)
	write_handler one <<<'echo continue'
	write_handler two <<<'echo continue'
	run_daemon 'connect, rcpt, end-of-message'
	mta_start one "$port" "$sink" "$MILTER"
	python3 "$TOP_DIR/examples/several-machines/load.py" --workers 4 --long 2 --every 1 \
	    --pause 0.1 --sink-port "$sink" "$REPORT" "$port" >"$WORK/errors" 2>&1 3>&- 4>&- &
	LOAD=$!
	wait_for number_is_at_least accepted 10
	for ((i = 1; i <= RELOADS; i++)); do
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

# rcpt_in_old: asks in the session that is open, and waits for the reply, which answers prints.
rcpt_in_old() {
	local n

	n=$(answers "$WORK/old" | wc -l)
	echo 'RCPT TO:<to@y.test>' >&8
	wait_for more_answers "$n"
}

answers() {
	sed -n 's/.* 5\.7\.1 .*says \([a-z]*\).*/\1/p' "$1"
}

more_answers() {
	[ "$(answers "$WORK/old" | wc -l)" -gt "$1" ]
}

@test "a session that is open keeps the old answer, and new ones have the new" {
	local port

	port=$(free_port)
	write_handler one <<<'echo reject 550 5.7.1 it says one'
	write_handler two <<<'echo reject 550 5.7.1 it says two'
	run_daemon rcpt
	mta_start one "$port" 1 "$MILTER"
	mkfifo "$WORK/script"
	python3 "$LIB_DIR/peers/smtp_client.py" "$port" <"$WORK/script" >"$WORK/old" 3>&- 4>&- &
	LOAD=$!
	exec 8>"$WORK/script"
	printf '%s\n' 'EHLO old.test' 'MAIL FROM:<from@x.test>' >&8
	rcpt_in_old
	sed -i "s|$HANDLERS/one|$HANDLERS/two|" "$WORK/d.conf"
	ctl reload
	rcpt_in_old
	printf '%s\n' 'EHLO new.test' 'MAIL FROM:<from@x.test>' 'RCPT TO:<to@y.test>' QUIT |
	    python3 "$LIB_DIR/peers/smtp_client.py" "$port" >"$WORK/new" 3>&- 4>&- 8>&-
	# In the same session another message is still one of the old.
	printf '%s\n' RSET 'MAIL FROM:<from@x.test>' >&8
	rcpt_in_old
	echo QUIT >&8
	exec 8>&-
	wait "$LOAD"
	LOAD=
	cat "$WORK/old" "$WORK/new"
	assert_equal "$(answers "$WORK/old" | tr '\n' ' ')" 'one one one '
	assert_equal "$(answers "$WORK/new")" two
	wait_for one_generation
}
