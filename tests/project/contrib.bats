#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What contrib/ has for systemd, Prometheus, HAProxy and logcheck is good, as far as the
# programs that read it can tell.

# shellcheck disable=SC2154	# status and output are set by run

bats_require_minimum_version 1.5.0

load ../lib/common

setup() {
	test_setup
}

teardown() {
	test_teardown
}

needs() {
	command -v "$1" >/dev/null || skip "no $1 here"
}

# The units as they are installed, but with programs that are there.
make_units() {
	local unit

	needs systemd-analyze
	for unit in "$TOP_DIR"/contrib/*.service.in; do
		sed -e "s|@sbindir@|$BUILDDIR|" -e "s|@sysconfdir@|/etc|" \
		    -e "s|@runstatedir@|/run|" -e "s|@localstatedir@|/var|" -e "s|@docdir@|/usr/share/doc/pipemilter|" \
		    "$unit" >"$WORK/$(basename "$unit" .in)"
	done
	cp "$TOP_DIR/contrib/pipemilter-metrics.socket" "$WORK"
	cd "$WORK" || return
}

# exposure_at_most TENTHS UNIT
exposure_at_most() {
	run systemd-analyze security --offline=yes --threshold="$1" "./$2"
	[[ $output != *'unrecognized option'* ]] ||
		skip 'this systemd-analyze looks at units that run only'
	assert_success
}

@test "systemd has nothing to say about the units" {
	make_units
	SYSTEMD_LOG_LEVEL=warning run systemd-analyze verify --man=no ./*.service ./*.socket
	assert_success
	# Units of the system may have lines that are none of ours.
	refute_output_has pipemilter
}

@test "the unit of the metrics may do next to nothing" {
	make_units
	exposure_at_most 6 pipemilter-metrics@.service
}

@test "strict.conf denies more, and says nothing that systemd does not know" {
	make_units
	mkdir pipemilter.service.d
	cp "$TOP_DIR/contrib/strict.conf" pipemilter.service.d
	SYSTEMD_LOG_LEVEL=warning run systemd-analyze verify --man=no ./pipemilter.service
	assert_success
	refute_output_has pipemilter
	exposure_at_most 28 pipemilter.service
}

@test "the group that the metrics run with is one that is made" {
	local group

	group=$(sed -n 's/^SupplementaryGroups=//p' "$TOP_DIR/contrib/pipemilter-metrics@.service.in")
	[ -n "$group" ]
	grep -q "^g $group " "$TOP_DIR/contrib/pipemilter.sysusers.conf"
	grep -q "control-group = $group\$" "$TOP_DIR/contrib/pipemilter-metrics@.service.in"
}

@test "the alerts are good" {
	needs promtool
	run -0 promtool check rules "$TOP_DIR/contrib/prometheus-rules.yml"
	assert_output_has '7 rules found'
}

@test "the alerts are about numbers that there are" {
	local name

	write_handler h </dev/null
	start_daemon <<END
listen "unix:$SOCK" {}
handler h {
	command = {'$HANDLERS/h'}
	events = {mail}
}
END
	"$BUILDDIR/pipemilterctl" -s "$WORK/control-d" status --openmetrics >"$WORK/numbers"
	grep -o 'pipemilter_[a-z_]*' "$TOP_DIR/contrib/prometheus-rules.yml" | sort -u >"$WORK/names"
	[ "$(wc -l <"$WORK/names")" -gt 8 ]
	while read -r name; do
		grep -q "^${name}[ {]" "$WORK/numbers" || { echo "$name"; return 1; }
	done <"$WORK/names"
}

# The rules, with numbers that are to raise an alert, and some that are not.
@test "the alerts come when they are due" {
	needs promtool
	cat >"$WORK/test.yml" <<END
rule_files: ['$TOP_DIR/contrib/prometheus-rules.yml']
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'up{job="pipemilter", instance="a"}', values: '0x30'}
      - {series: 'up{job="pipemilter", instance="b"}', values: '1x30'}
      - {series: 'pipemilter_engines{instance="a", state="stuck"}', values: '0x30'}
      - {series: 'pipemilter_engines{instance="b", state="stuck"}', values: '0x19 1x10'}
      - {series: 'pipemilter_engine_failures_total{instance="a"}', values: '0x30'}
      - {series: 'pipemilter_reloads_total{instance="a", result="failed"}', values: '0x20 1x9'}
      - {series: 'pipemilter_reloads_total{instance="a", result="done"}', values: '0+1x30'}
      - {series: 'pipemilter_handler_failures_total{handler="h", kind="timeout"}', values: '0+1x30'}
      - {series: 'pipemilter_handler_answers_total{handler="h", verdict="continue"}', values: '0+10x30'}
      - {series: 'pipemilter_handler_failures_total{handler="i", kind="timeout"}', values: '0+1x30'}
      - {series: 'pipemilter_handler_answers_total{handler="i", verdict="continue"}', values: '0+1000x30'}
      - {series: 'pipemilter_handler_waits_total{handler="h"}', values: '0+5x30'}
      - {series: 'pipemilter_handler_waiting{handler="h"}', values: '2x30'}
      - {series: 'pipemilter_handler_waits_total{handler="i"}', values: '0+5x30'}
      - {series: 'pipemilter_handler_waiting{handler="i"}', values: '0x30'}
      - {series: 'pipemilter_handler_slow_total{handler="h"}', values: '0+5x30'}
      - {series: 'pipemilter_handler_slow_total{handler="i"}', values: '7x30'}
      - {series: 'pipemilter_connections{listen="l"}', values: '900x30'}
      - {series: 'pipemilter_connections_limit{listen="l"}', values: '1000x30'}
      - {series: 'pipemilter_kept_bytes', values: '10x30'}
      - {series: 'pipemilter_kept_limit_bytes', values: '1000x30'}
    promql_expr_test:
END
	local name what
	while read -r name what; do
		cat >>"$WORK/test.yml" <<END
      - eval_time: 25m
        expr: count(ALERTS{alertname="Pipemilter$name", alertstate="firing"}) == 1
              and count(ALERTS{alertname="Pipemilter$name", alertstate="firing", $what}) == 1
        exp_samples: [{labels: '{}', value: 1}]
END
	done <<'END'
Down instance="a"
Engine instance="b"
ReloadFailed instance="a"
HandlerFails handler="h"
HandlerFull handler="h"
HandlerSlow handler="h"
NearLimit listen="l"
END
	run -0 promtool test rules "$WORK/test.yml"
}

@test "HAProxy takes its configuration" {
	needs haproxy
	run -0 haproxy -c -f "$TOP_DIR/contrib/haproxy.cfg"
}

# matched FILE: its lines, as syslog writes them, that logcheck would not report
matched() {
	sed 's/^pipemilter: /Nov  3 14:00:00 mx-1 pipemilter[4711]: /' "$1" |
	    grep -E -f <(grep -v '^#' "$TOP_DIR/contrib/logcheck")
}

@test "logcheck reports warnings, and no other lines" {
	write_handler h <<'END'
case $MILTER_SENDER in
*refused*)	echo 'reject 550 5.7.1 No' ;;
*fails*)	echo 'message from=<a>: accept' >&2; exit 3 ;;
*)		echo continue ;;
esac
END
	start_daemon <<END
listen "unix:$SOCK" {}
handler s {
	command = {'$HANDLERS/h'}
	events = {mail}
	shadow = yes
}
handler h {
	command = {'$HANDLERS/h'}
	events = {mail, end-of-message}
}
END
	for sender in good refused; do
		printf 'Subject: x\n\nx\n' |
		    "$MILTER_SEND" -s "unix:$SOCK" -f "$sender@a.example" >/dev/null || true
	done
	wait_log 's: mail: would'
	"$BUILDDIR/pipemilterctl" -s "$WORK/control-d" reload
	"$BUILDDIR/pipemilterctl" -s "$WORK/control-d" drain
	cp "$DAEMON_LOG" "$WORK/good"
	stop_daemon
	diff <(matched "$DAEMON_LOG" | wc -l) <(wc -l <"$DAEMON_LOG")
	[ "$(wc -l <"$WORK/good")" -ge 4 ]
	cp "$WORK/d.conf" "$WORK/again"
	start_daemon <"$WORK/again"
	printf 'Subject: x\n\nx\n' |
	    "$MILTER_SEND" -s "unix:$SOCK" -f fails@a.example >/dev/null || true
	wait_log 'on-failure = tempfail'
	grep 'on-failure = ' "$DAEMON_LOG" >"$WORK/bad"
	[ -z "$(matched "$WORK/bad")" ]
}
