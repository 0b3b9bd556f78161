#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The unit under a systemd of its own, with a real Postfix: what a restart, a crash and a
# mistake cost, and what handlers can do. One container serves all tests of the file, one
# after the other.

# shellcheck disable=SC2154	# status and output are set by run

bats_require_minimum_version 1.5.0
# shellcheck disable=SC2034
BATS_NO_PARALLELIZE_WITHIN_FILE=true

load ../lib/common
load ../lib/load
load ../lib/machine

CONTROL=/run/pipemilter/control.sock
SOCKET=/var/spool/postfix/pipemilter/milter.sock
DRAIN=6

setup_file() {
	test_setup
	MACHINE=$BATS_FILE_TMPDIR/machine
	mkdir -p "$MACHINE"
	export MACHINE
	MACHINE_MISSING=$(machine_missing)
	if [ -z "$MACHINE_MISSING" ] && ! machine_start; then
		MACHINE_MISSING="systemd does not boot here: $(tail -n 1 "$MACHINE/log")"
	fi
	export MACHINE_MISSING
	[ -z "$MACHINE_MISSING" ] || return 0
	inside_script yes <<<'echo continue'
	inside systemctl start postfix@-.service
}

teardown_file() {
	machine_stop
}

setup() {
	[ -z "$MACHINE_MISSING" ] || skip "$MACHINE_MISSING"
	T=$WORK/shared/$BATS_TEST_NUMBER
	mkdir -p "$T"
	REPORT=$T/report
	SEEN=$(date '+%F %T')
}

teardown() {
	[ -z "$MACHINE_MISSING" ] || return 0
	ctl stop load.service 2>/dev/null || true
	if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
		[ ! -e "$REPORT" ] || cat "$REPORT"
		inside journalctl -q --since "$SEEN" -n 60 -o short-precise -u pipemilter -u load -u init.scope
	fi
	ctl stop pipemilter.service
	ctl reset-failed
	# A test may have added to the unit.
	inside rm -rf /run/systemd/system/pipemilter.service.d
	ctl daemon-reload
}

# write_conf [LINE ...]: the configuration, with these lines more; one handler, unless
# handlers are among the lines.
write_conf() {
	{
		printf '%s\n' "$@"
		printf '%s\n' "listen 'unix:$SOCKET' { group = postfix }" \
		    "drain-timeout = ${DRAIN}s" "spool-directory = /var/spool/pipemilter" \
		    "control = $CONTROL" 'control-group = pipemilter-status'
		[[ "$*" == *handler* ]] ||
			echo 'handler yes { command = {/opt/yes} events = {mail, end-of-message} }'
	} | inside tee "$UNIT_CONF" >/dev/null
}

# add_to_unit LINE ...: a drop-in with these lines for [Service]
add_to_unit() {
	printf '%s\n' '[Service]' "$@" | inside sh -c 'd=/run/systemd/system/pipemilter.service.d
	    mkdir -p $d && cat >$d/$$.conf'
	ctl daemon-reload
}

send() {
	inside timeout 60 milter-send -s "unix:$SOCKET" <<<$'Subject: x\n\nx'
}

start_load() {
	cp "$TOP_DIR/examples/several-machines/load.py" "$T"
	# Errors of the program are to be seen here.
	inside systemd-run -q --collect --unit=load -p TimeoutStopSec=120 \
	    -p StandardError="file:$SHARED_AT/$BATS_TEST_NUMBER/errors" \
	    python3 "$SHARED_AT/$BATS_TEST_NUMBER/load.py" --workers 10 --long 2 --every 1 \
	    --pause 0.1 --sink-port "$MACHINE_SINK" "$SHARED_AT/$BATS_TEST_NUMBER/report" 25
	wait_for number_is_at_least accepted 30
}

end_load() {
	ctl stop load.service
	cat "$T/errors"
	load_is_over
}

journal_has() {
	inside journalctl -q --since "$SEEN" -o cat | grep -qF -- "$1"
}

@test "a restart under load: no session fails, and none waits longer than drain-timeout" {
	write_conf
	ctl start pipemilter
	start_load
	ctl restart pipemilter
	load_goes_on
	end_load
	[ "$(number refused)" -eq 0 ]
	# What the machine took from the load counts for neither.
	python3 - "$REPORT" "$DRAIN" <<-'END'
		import json, sys
		report = json.load(open(sys.argv[1]))
		assert report["longest"] <= float(sys.argv[2]) + 2 + 2 * report["stalled"], report
	END
}

# The build may have another place for the control socket.
reload_at_our_socket() {
	add_to_unit ExecReload= "ExecReload=$SBIN/pipemilterctl -s $CONTROL reload"
}

@test "a reload under load: no session fails, and a mistake leaves all as it is" {
	local pid

	reload_at_our_socket
	write_conf
	ctl start pipemilter
	pid=$(property MainPID)
	start_load
	write_conf "listen 'inet:8899@127.0.0.1' { }"
	ctl reload pipemilter
	[ "$(property NFileDescriptorStore)" -eq 2 ]
	load_goes_on
	echo nonsense | inside tee -a "$UNIT_CONF" >/dev/null
	run ctl reload pipemilter
	[ "$status" -ne 0 ]
	wait_for journal_has "$UNIT_CONF:"
	ctl is-active -q pipemilter
	[ "$(property MainPID)" = "$pid" ]
	load_goes_on
	end_load
	[ "$(number refused)" -eq 0 ]
	[ "$(number refused_long)" -eq 0 ]
}

@test "a supervisor that is killed under load costs the sessions in hand alone" {
	local pid

	write_conf
	ctl start pipemilter
	start_load
	pid=$(property MainPID)
	inside kill -s KILL "$pid"
	load_goes_on
	[ "$(property MainPID)" != "$pid" ]
	[ "$(property NRestarts)" -eq 1 ]
	end_load
	# There are ten of them.
	[ "$(number refused)" -le 10 ]
}

# The cgroup of the unit has no process any more.
unit_is_empty() {
	[ -z "$(inside systemd-cgls -u pipemilter.service --no-pager 2>/dev/null | grep '[0-9] ')" ]
}

@test "systemd keeps each socket while the unit runs, and none afterwards" {
	write_conf "listen 'inet:8899@127.0.0.1' { }"
	ctl start pipemilter
	[ "$(property NFileDescriptorStore)" -eq 2 ]
	ctl stop pipemilter
	[ "$(property NFileDescriptorStore)" -eq 0 ]
	unit_is_empty
	# The file is there, and nobody listens.
	inside test -S "$SOCKET"
	ctl start pipemilter
	send
	[ "$(property NFileDescriptorStore)" -eq 2 ]
}

job_waits() {
	ctl list-jobs --no-legend | grep -q "$1.*$2"
}

@test "Postfix is started when pipemilter serves" {
	write_conf
	add_to_unit "ExecStartPre=sh -c 'until [ -e /run/go ]; do sleep 0.1; done'"
	ctl stop postfix@-.service
	ctl start --no-block pipemilter.service postfix@-.service
	wait_for job_waits pipemilter.service running
	wait_for job_waits postfix@-.service waiting
	inside touch /run/go
	wait_for ctl is-active -q postfix@-.service
	[ "$(property InactiveExitTimestampMonotonic postfix@-.service)" -ge \
	    "$(property ActiveEnterTimestampMonotonic)" ]
	inside rm /run/go
}

@test "handlers of all kinds work under the unit" {
	inside_script mails <<-'EOF'
		printf 'Subject: from a handler\n\nx\n' | /usr/sbin/sendmail a@b.example &&
		    printf '%s\n' 'add-header X-Mails yes' continue
	EOF
	inside_script spools <<-'EOF'
		grep -q '^Subject: x' "$MILTER_MESSAGE_FILE" &&
		    printf '%s\n' 'add-header X-Spools yes' continue
	EOF
	inside_script other <<<'printf "%s\n" "add-header X-Other $(id -un)" continue'
	inside_script stubborn <<-'EOF'
		trap '' TERM
		printf '%s\n' 'add-header X-Stubborn yes' continue
		exec sleep 1000.5 >&- 2>&-
	EOF
	inside_script compiles <<-'EOF'
		python3 -c 'import mmap; mmap.mmap(-1, 4096, prot=7)' &&
		    printf '%s\n' 'add-header X-Compiles yes' continue
	EOF
	inside_script locks <<-'EOF'
		unshare --user true && printf '%s\n' 'add-header X-Locks yes' continue
	EOF
	write_conf "handler mails { command = {/opt/mails} events = {end-of-message} }" \
	    "handler spools { command = {/opt/spools} events = {end-of-message} spool = yes }" \
	    "handler other { command = {/opt/other} events = {end-of-message} user = games }" \
	    "handler stubborn { command = {/opt/stubborn} events = {end-of-message} }" \
	    "handler compiles { command = {/opt/compiles} events = {end-of-message} }" \
	    "handler locks { command = {/opt/locks} events = {end-of-message} }"
	ctl start pipemilter
	run -0 send
	for header in 'Mails: yes' 'Spools: yes' 'Other: games' 'Stubborn: yes' 'Compiles: yes' \
	    'Locks: yes'; do
		assert_output_has "header added: X-$header"
	done
	# TERM after 5 s, KILL after another 5 s.
	wait_for no_stubborn
}

no_stubborn() {
	! inside pgrep -f 'sleep 1000[.]5'
}

@test "without CAP_FSETID and with a spool the unit does not start, and says so" {
	inside_script spools <<<'echo continue'
	write_conf "handler s { command = {/opt/spools} events = {end-of-message} spool = yes }"
	add_to_unit CapabilityBoundingSet=~CAP_FSETID Restart=no
	run ctl start pipemilter
	[ "$status" -ne 0 ]
	wait_for journal_has 'the capability CAP_FSETID is missing'
}

@test "a mistake in the configuration is in the status of the unit" {
	write_conf
	echo nonsense | inside tee -a "$UNIT_CONF" >/dev/null
	add_to_unit Restart=no
	run ctl start pipemilter
	[ "$status" -ne 0 ]
	run ctl status --no-pager -l pipemilter
	[[ $output == *"$UNIT_CONF:"[0-9]*": "* ]]
}

@test "a restart with a mistake: connections wait until systemd gives up, and then fail" {
	write_conf
	ctl start pipemilter
	mkdir -p "$T"
	cat >"$T/connect.py" <<-'END'
		import socket, sys
		sock = socket.socket(socket.AF_UNIX)
		sock.connect(sys.argv[1])
		print("connected", flush=True)
		try:
		    print("end" if sock.recv(1) == b"" else "data")
		except ConnectionResetError:
		    print("end")
	END
	echo nonsense | inside tee -a "$UNIT_CONF" >/dev/null
	# However slow the machine is, systemd gives up after a few starts.
	add_to_unit "ExecStartPre=sh -c 'until [ -e /run/go ]; do sleep 0.1; done'" \
	    '[Unit]' StartLimitIntervalSec=1h
	ctl restart --no-block pipemilter
	wait_for property_is SubState start-pre
	inside timeout 60 python3 "$SHARED_AT/$BATS_TEST_NUMBER/connect.py" "$SOCKET" >"$T/said" 3>&- &
	wait_for grep -q connected "$T/said"
	[ "$(property NFileDescriptorStore)" -eq 1 ]
	[ "$(cat "$T/said")" = connected ]
	inside touch /run/go
	wait_for ctl is-failed -q pipemilter
	wait_for grep -q end "$T/said"
	[ "$(property NFileDescriptorStore)" -eq 0 ]
	wait
	# And once more, when the mistake is gone.
	write_conf
	ctl reset-failed pipemilter
	ctl start pipemilter
	send
	inside rm /run/go
}

property_is() {
	[ "$(property "$1")" = "$2" ]
}

@test "with -d the journal has the severity of each line" {
	inside_script fails <<<'exit 3'
	write_conf 'handler fails { command = {/opt/fails} events = {mail} }'
	add_to_unit ExecStart= "ExecStart=$SBIN/pipemilter -d"
	ctl start pipemilter
	run send
	wait_for journal_has 'on-failure = tempfail'
	inside journalctl -q --since "$SEEN" -u pipemilter -o json -p warning >"$T/journal"
	python3 - "$T/journal" <<-'END'
		import json, sys
		line, = [e for e in map(json.loads, open(sys.argv[1])) if "on-failure" in e["MESSAGE"]]
		assert line["PRIORITY"] == "4", line
		assert line["MESSAGE"].startswith("pipemilter: "), line
	END
}

start_metrics() {
	# The build may have another place for the socket.
	inside mkdir -p /run/systemd/system/pipemilter-metrics@.service.d
	printf '%s\n' '[Service]' ExecStart= \
	    "ExecStart=-$SBIN/pipemilterctl -s $CONTROL status --http" |
	    inside tee /run/systemd/system/pipemilter-metrics@.service.d/socket.conf >/dev/null
	ctl daemon-reload
	ctl start pipemilter-metrics.socket
}

@test "the numbers come by HTTP from a unit that has no right but that" {
	write_conf
	ctl start pipemilter
	send
	start_metrics
	cat >"$T/get.py" <<-'END'
		import urllib.request
		answer = urllib.request.urlopen("http://127.0.0.1:9889/metrics", timeout=60)
		assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
		print(answer.read().decode())
	END
	run -0 inside python3 "$SHARED_AT/$BATS_TEST_NUMBER/get.py"
	assert_output_has 'pipemilter_messages_total{result="accept"} 1'
	[ "${lines[-1]}" = '# EOF' ]
	ctl stop pipemilter-metrics.socket
}

# asked QUERY VALUE: Prometheus has one answer, and that is its value.
asked() {
	inside python3 - "$@" <<-'END'
		import json, sys, urllib.parse, urllib.request
		url = "http://127.0.0.1:9090/api/v1/query?" + urllib.parse.urlencode({"query": sys.argv[1]})
		got = json.load(urllib.request.urlopen(url, timeout=60))["data"]["result"]
		sys.exit([r["value"][1] for r in got] != [sys.argv[2]] and repr(got))
	END
}

@test "Prometheus scrapes that unit, with the alerts, and answers queries" {
	command -v prometheus >/dev/null || skip 'no Prometheus here'
	write_conf
	ctl start pipemilter
	send
	start_metrics
	cp "$TOP_DIR/contrib/prometheus-rules.yml" "$T"
	cat >"$T/prometheus.yml" <<-'END'
		global: {scrape_interval: 5s, scrape_timeout: 5s, evaluation_interval: 5s}
		rule_files: [prometheus-rules.yml]
		scrape_configs:
		  - job_name: pipemilter
		    static_configs:
		      - targets: ['127.0.0.1:9889']
	END
	inside systemd-run -q --collect --unit=prometheus-test \
	    prometheus --config.file="$SHARED_AT/$BATS_TEST_NUMBER/prometheus.yml" \
	    --storage.tsdb.path=/run/prometheus --web.listen-address=127.0.0.1:9090
	wait_for -t 120 asked 'up{job="pipemilter"}' 1 || {
		inside journalctl -q --since "$SEEN" -n 30 -u prometheus-test
		return 1
	}
	wait_for -t 120 asked 'pipemilter_messages_total{result="accept"}' 1
	wait_for -t 120 asked 'pipemilter_handler_answer_seconds_count{handler="yes",event="mail"}' 1
	wait_for -t 120 asked 'sum(pipemilter_engines{state="running"})' 1
	wait_for -t 120 asked 'count(ALERTS) or vector(0)' 0
	send
	wait_for -t 120 asked 'pipemilter_messages_total{result="accept"}' 2
	# The daemon is away: there is an answer, and it is no success.
	ctl stop pipemilter
	wait_for -t 120 asked 'up{job="pipemilter"}' 0
	ctl stop prometheus-test pipemilter-metrics.socket
}

# works_as_installed: the daemon serves, with its files where this build has them, and handlers
# of that name can have messages as files.
works_as_installed() {
	ctl start pipemilter
	run -0 send
	assert_output_has 'header added: X-Spools: yes'
	# Neither the client nor the unit is told where the control socket is.
	run -0 inside "$SBIN/pipemilterctl" ping
	ctl reload pipemilter
	run -0 send
	ctl stop pipemilter
}

@test "the unit works with the directories that the build has" {
	inside_script spools <<-'EOF'
		grep -q '^Subject: x' "$MILTER_MESSAGE_FILE" &&
		    printf '%s\n' 'add-header X-Spools yes' continue
	EOF
	printf '%s\n' "listen 'unix:$SOCKET' { group = postfix }" \
	    'handler s { command = {/opt/spools} events = {end-of-message} spool = yes }' |
	    inside tee "$UNIT_CONF" >/dev/null
	works_as_installed
	inside mkdir -p /run/systemd/system/pipemilter.service.d
	inside tee /run/systemd/system/pipemilter.service.d/strict.conf \
	    <"$TOP_DIR/contrib/strict.conf" >/dev/null
	ctl daemon-reload
	works_as_installed
}

@test "the daemon and its handlers work with strict.conf" {
	inside_script spools <<-'EOF'
		grep -q '^Subject: x' "$MILTER_MESSAGE_FILE" &&
		    printf '%s\n' "add-header X-Spools $(id -un)" continue
	EOF
	write_conf "handler s { command = {/opt/spools} events = {end-of-message} spool = yes }"
	inside mkdir -p /run/systemd/system/pipemilter.service.d
	inside tee /run/systemd/system/pipemilter.service.d/strict.conf \
	    <"$TOP_DIR/contrib/strict.conf" >/dev/null
	ctl daemon-reload
	ctl start pipemilter
	run -0 send
	assert_output_has 'header added: X-Spools: pipemilter'
}
