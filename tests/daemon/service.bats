#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The daemon under a service manager: its unit, and what the build and the start
# have to see to.

load ../lib/common

setup() {
	test_setup
	# A daemon that is killed cannot remove its directory.
	export TMPDIR=$WORK
}

teardown() {
	[ -z "${SYSLOGD:-}" ] || kill "$SYSLOGD" 2>/dev/null || true
	test_teardown
}

is_root() {
	[ "$(id -u)" -eq 0 ]
}

# config [LINE ...]: one handler, `h', that continues, and these lines.
config() {
	[ -e "$HANDLERS/h" ] || write_handler h </dev/null
	{
		printf '%s\n' "$@"
		echo "handler h { command = {$HANDLERS/h} events = {mail} }"
	} >"$WORK/conf"
	cp "$WORK/conf" "$WORK/d.conf"
	complete_config "$WORK/d.conf"
}

# Sends a message, which is accepted.
send() {
	printf 'Subject: test\r\n\r\nbody\r\n' >"$WORK/message"
	run timeout 60 "$MILTER_SEND" -s "${1:-unix:$SOCK}" -f a@example.org -r b@example.net \
	    "$WORK/message"
	assert_success
}

# start_with_syslog COMMAND ...: a daemon whose syslog writes to $WORK/syslog, and which
# has a /dev of its own
start_with_syslog() {
	local dev=$WORK/dev

	is_root || skip 'only root can have a /dev of its own'
	unshare --mount true || skip 'no mount namespaces here'
	mkdir "$dev"
	cp -a /dev/null "$dev/null"
	python3 "$LIB_DIR/hostile/syslogd.py" "$dev/log" "$WORK/syslog" 3>&- &
	SYSLOGD=$!
	wait_for test -S "$dev/log"
	mkdir -p "$DAEMONS/d"
	# shellcheck disable=SC2016
	keep_daemon d unshare --mount bash -c \
	    'dev=$1; shift; mount --bind "$dev" /dev && exec "$@"' - "$dev" "$@"
	wait_for grep -aq 'is ready' "$WORK/syslog" || { cat "$DAEMON_LOG"; return 1; }
}

# unit_has LINE: a whole line of the unit
unit_has() {
	assert_file_has "$TOP_DIR/contrib/pipemilter.service.in" "$1"
}

# The unit as it is installed, but with a program that is there.
make_unit() {
	sed -e "s|@sbindir@/pipemilter|$PIPEMILTER|" -e "s|@sysconfdir@|/etc|" \
	    -e "s|@runstatedir@|/run|" -e "s|@docdir@|/usr/share/doc/pipemilter|" \
	    "$TOP_DIR/contrib/pipemilter.service.in" >"$WORK/pipemilter.service"
}

@test "the programs resolve all symbols at their start, and keep them read-only" {
	local program

	grep -q __asan_init "$PIPEMILTER" && skip 'no hardening with sanitizers'
	command -v readelf >/dev/null || skip 'no readelf here'
	for program in "$PIPEMILTER" "$MILTER_SEND"; do
		run readelf -dlW "$program"
		assert_success
		assert_output_has GNU_RELRO
		assert_output_has BIND_NOW
	done
}

@test "the unit starts before each unit that runs an MTA" {
	unit_has 'Before=postfix.service postfix@-.service sendmail.service'
}

@test "the unit outlives a handler that the kernel kills" {
	unit_has 'OOMPolicy=continue'
}

@test "systemd has nothing to say about the unit" {
	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze here'
	make_unit
	# Without the pages of the installation.
	SYSTEMD_LOG_LEVEL=warning run systemd-analyze verify --man=no "$WORK/pipemilter.service"
	assert_success
	# Units of the system may have lines that are none of ours.
	refute_output_has pipemilter
}

@test "without CAP_FSETID a spool is refused at the start" {
	is_root || skip 'only root changes to other users'
	write_handler h </dev/null
	cat >"$WORK/d.conf" <<EOF
listen 'unix:$SOCK' { }
handler h { command = {$HANDLERS/h} events = {end-of-message} spool = yes }
EOF
	complete_config "$WORK/d.conf"
	run timeout 30 setpriv --bounding-set=-fsetid "$PIPEMILTER" -d -f "$WORK/d.conf"
	assert_status 1
	assert_output_has "directory for working files $WORK/spool-d/spool/h: its set-group-id bit was dropped; the capability CAP_FSETID is missing"
	[ ! -e "$SOCK" ]
	start_daemon <<EOF
listen 'unix:$SOCK' { }
handler h { command = {$HANDLERS/h} events = {end-of-message} spool = yes }
EOF
}

@test "-D stays in the foreground and logs to syslog" {
	config "listen 'unix:$SOCK' { }" 'syslog-facility = local3'
	start_with_syslog "$PIPEMILTER" -D -f "$WORK/d.conf"
	[[ $(ps -o args= -p "$DAEMON_PID") == 'pipemilter: supervisor'* ]]
	send
	# 158 is local3.info.
	wait_for grep -aq '^<158>.* pipemilter\[[0-9]*\]: .*message from=<a@example.org>' "$WORK/syslog"
	# Errors go to standard error while the daemon starts, and not afterwards.
	kill -s KILL "$(pgrep -P "$DAEMON_PID" -f 'pipemilter: engine')"
	wait_for grep -aq 'ended by signal 9' "$WORK/syslog"
	[ ! -s "$DAEMON_LOG" ]
}

@test "-D says on standard error why it does not start" {
	config "listen 'unix:$SOCK' { }"
	: >"$SOCK"
	run timeout 30 "$PIPEMILTER" -D -f "$WORK/d.conf"
	assert_status 1
	assert_output_has "pipemilter: $WORK/d.conf:1: listen \"unix:$SOCK\": a file that is not a socket is there"
}

@test "-d with -D logs to standard error" {
	config "listen 'unix:$SOCK' { }"
	start_daemon -D <"$WORK/conf"
	log_has 'is ready'
}
