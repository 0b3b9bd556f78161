#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A mail server with two daemons, behind HAProxy or at a name with two addresses, while one of
# them ends. Which mail server is in the name of the file: machines-sendmail.bats is a link to
# machines-postfix.bats.

# shellcheck disable=SC2154	# status and output are set by run

bats_require_minimum_version 1.5.0

MTA=${BATS_TEST_FILENAME##*-}
export MTA=${MTA%.bats}
load ../lib/common
load "../lib/$MTA"
load ../lib/mta
load ../lib/load

WORKERS=5

setup() {
	test_setup
	MTAS=$WORK/mta
	REPORT=$WORK/report
	mkdir -p "$MTAS"
	[ -z "$(mta_missing)" ] || skip "$(mta_missing)"
	write_handler yes <<<'echo continue'
	MTA_UNDER=()
}

teardown() {
	local rc=0

	end_load || rc=1
	[ -n "${BATS_TEST_COMPLETED:-}" ] || { cat "$REPORT" "$DAEMONS/haproxy/log"; mta_log m | tail -n 20; } || true
	mta_stop m || rc=1
	stop_daemon haproxy TERM 143 || rc=1
	test_teardown || rc=1
	return "$rc"
}

# run_daemon NAME ADDRESS: at PORT of it
run_daemon() {
	start_daemon -n "$1" <<-END
		listen "inet:$PORT@$2" { }
		drain-timeout = 5s
		handler yes {
			command = {'$HANDLERS/yes'}
			events = {mail, end-of-message}
		}
	END
}

# Two addresses that no other test has, and a port of both
choose_addresses() {
	PORT=$(free_port)
	A=127.$((PORT / 256)).$((PORT % 256)).1
	B=${A%.1}.2
}

# begin_load MILTER: through a mail server that has this milter
begin_load() {
	local sink

	LOAD_PORT=$(free_port)
	sink=$(free_port)
	mta_start m "$LOAD_PORT" "$sink" "$1"
	python3 "$TOP_DIR/examples/several-machines/load.py" --workers "$WORKERS" --long 1 --every 1 \
	    --pause 0.2 --sink-port "$sink" "$REPORT" "$LOAD_PORT" 3>&- &
	LOAD=$!
	wait_for number_is_at_least accepted 20
}

end_load() {
	[ -n "${LOAD:-}" ] || return 0
	kill "$LOAD" 2>/dev/null || true
	wait "$LOAD"
	LOAD=
}

# lines_for_milter HOST PORT: a file for mta_start
lines_for_milter() {
	case $MTA in
	postfix) printf '%s\n' 'milter_default_action = tempfail' "smtpd_milters = inet:$1:$2" ;;
	sendmail) echo "INPUT_MAIL_FILTER(\`pipemilter', \`S=inet:$2@$1, F=T, T=C:30s;S:10s;R:10s;E:5m')dnl" ;;
	esac >"$WORK/milter"
}

# The file that is shipped, with other addresses
start_haproxy() {
	FRONT=$(free_port)
	sed -e "s/192.0.2.1:8899/$A:$PORT/" -e "s/192.0.2.2:8899/$B:$PORT/" \
	    -e "s/127.0.0.1:8899/127.0.0.1:$FRONT/" "$TOP_DIR/contrib/haproxy.cfg" >"$WORK/haproxy.cfg"
	grep -q "bind 127.0.0.1:$FRONT" "$WORK/haproxy.cfg"
	mkdir -p "$DAEMONS/haproxy"
	keep_daemon haproxy haproxy -db -f "$WORK/haproxy.cfg"
	wait_for tcp_listens "$FRONT"
}

has_connections() {
	"$BUILDDIR/pipemilterctl" -s "$WORK/control-$1" status --json | python3 -c '
import json, sys
sys.exit(not any(listener["connections"] for listener in json.load(sys.stdin)["listeners"]))'
}

@test "behind HAProxy daemons are restarted, drained and killed: those in hand fail, and no others" {
	local refused

	command -v haproxy >/dev/null || skip 'no haproxy here'
	choose_addresses
	run_daemon a "$A"
	run_daemon b "$B"
	start_haproxy
	lines_for_milter 127.0.0.1 "$FRONT"
	begin_load "@$WORK/milter"
	# One after the other
	stop_daemon a
	load_goes_on
	run_daemon a "$A"
	load_goes_on
	stop_daemon b
	load_goes_on
	run_daemon b "$B"
	load_goes_on
	assert_equal "$(number refused)" 0
	# Drained: nobody is sent there, and the long session finishes.
	"$BUILDDIR/pipemilterctl" -s "$WORK/control-a" drain
	load_goes_on
	[ "$(number refused)" -eq 0 ]
	"$BUILDDIR/pipemilterctl" -s "$WORK/control-a" reload
	wait_for has_connections a
	assert_equal "$(number refused)" 0
	stop_daemon b KILL 137
	load_goes_on
	refused=$(number refused)
	[ "$refused" -le "$WORKERS" ]
	load_goes_on
	assert_equal "$(number refused)" "$refused"
	end_load
	load_is_over
}

@test "a name with two addresses: a daemon that is killed costs those in hand alone" {
	local refused

	unshare --mount true || skip 'no mount namespaces here'
	choose_addresses
	run_daemon a "$A"
	run_daemon b "$B"
	# Names of its own, for the mail server alone
	printf '%s\n' '127.0.0.1 localhost' "$A filters.test" "$B filters.test" >"$WORK/hosts"
	echo 'multi on' >"$WORK/host.conf"
	chmod 644 "$WORK/hosts" "$WORK/host.conf"
	# shellcheck disable=SC2016
	MTA_UNDER=(unshare --mount sh -c 'mount --bind "$0/hosts" /etc/hosts &&
	    { [ ! -e /etc/host.conf ] || mount --bind "$0/host.conf" /etc/host.conf; } && exec "$@"' \
	    "$WORK")
	lines_for_milter filters.test "$PORT"
	begin_load "@$WORK/milter"
	# Whichever of them it has chosen
	stop_daemon a KILL 137
	load_goes_on
	refused=$(number refused)
	[ "$refused" -le "$WORKERS" ]
	load_goes_on
	assert_equal "$(number refused)" "$refused"
	run_daemon a "$A"
	stop_daemon b KILL 137
	load_goes_on
	[ "$(number refused)" -le $((2 * WORKERS)) ]
	end_load
	load_is_over
}
