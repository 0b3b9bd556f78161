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
		echo "handler h { command = {$HANDLERS/h} events = {mail} ${HANDLER_OPTIONS:-} }"
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

# start_managed [OPTION ...] -- LINE ...: the daemon under a service manager, with this
# configuration. Sets DAEMON_PID to the manager.
start_managed() {
	local options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	config "$@"
	: >"$WORK/said"
	mkdir -p "$DAEMONS/d"
	keep_daemon d python3 "$LIB_DIR/peers/service_manager.py" "${options[@]}" "$WORK" \
	    "$PIPEMILTER" -d -f "$WORK/d.conf"
	wait_for said READY=1 || { cat "$DAEMON_LOG"; return 1; }
}

# said TEXT: the daemon told the service manager.
said() {
	grep -qF -- "$1" "$WORK/said"
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

@test "the unit denies what handlers of any kind can live without" {
	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze here'
	make_unit
	run systemd-analyze security --offline=yes --threshold=43 "$WORK/pipemilter.service"
	if [[ $output == *'unrecognized option'* ]]; then
		skip 'this systemd-analyze looks at units that run only'
	fi
	assert_success
}

@test "the capabilities that the unit leaves are enough" {
	local set cap allow=-all

	is_root || skip 'only root changes to other users'
	set=$(sed -n 's/^CapabilityBoundingSet=//p' "$TOP_DIR/contrib/pipemilter.service.in")
	[ -n "$set" ]
	for cap in $set; do
		cap=${cap#CAP_}
		allow+=,+${cap,,}
	done
	write_handler h <<-'EOF'
		cat "$MILTER_HEADERS_FILE" >/dev/null && echo "add-header X-User $(id -un)" &&
		    echo continue
	EOF
	mkdir -p "$DAEMONS/d"
	config "listen 'unix:$SOCK' { }"
	sed -i 's/events = {mail}/events = {end-of-message} spool = yes actions = {add-header}/' "$WORK/d.conf"
	keep_daemon d setpriv --bounding-set="$allow" "$PIPEMILTER" -d -f "$WORK/d.conf"
	wait_for_daemon d "unix:$SOCK"
	send
	wait_log 'h: add-header X-User'
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

@test "a service manager hears when all sockets listen, and that the daemon ends" {
	start_managed -- "listen 'unix:$SOCK' { }"
	unix_listens "$SOCK"
	send
	assert_file_has "$WORK/said" 'READY=1 STATUS=running'
	! said STOPPING
	stop_daemon
	assert_file_has "$WORK/said" 'STOPPING=1 STATUS=ending; open sessions may go on for 20 s'
	! said 'not from COMMAND'
	! said MAINPID
}

@test "a service manager whose socket has no file hears as much" {
	start_managed --abstract -- "listen 'unix:$SOCK' { }"
	stop_daemon
	said STOPPING=1
}

@test "in the background the service manager is told the number of the daemon" {
	local pid

	config "listen 'unix:$SOCK' { }"
	: >"$WORK/said"
	timeout 60 python3 "$LIB_DIR/peers/service_manager.py" "$WORK" \
	    sh -c '"$@"; until [ -e "$0" ]; do sleep 0.05; done' "$WORK/over" \
	    "$PIPEMILTER" -f "$WORK/d.conf" -p "$WORK/pid" 3>&- &
	wait_for said 'READY=1'
	said "MAINPID=$(cat "$WORK/pid")"
	kill "$(cat "$WORK/pid")"
	wait_for said STOPPING
	touch "$WORK/over"
	wait
}

@test "a handler does not learn where the service manager listens" {
	write_handler h <<EOF
env >$OUT/env
EOF
	# Nor can a configuration hand it on.
	HANDLER_OPTIONS='environment = {NOTIFY_SOCKET, "COPY=x${NOTIFY_SOCKET}"}'
	start_managed -- "listen 'unix:$SOCK' { }"
	send
	assert_file_has "$OUT/env" COPY=x
	grep -q MILTER_ "$OUT/env"
	! grep -E 'NOTIFY|LISTEN' "$OUT/env"
}

@test "an address of a service manager that is not a socket is warned of" {
	config "listen 'unix:$SOCK' { }"
	NOTIFY_SOCKET=vsock:2:1234 start_daemon <"$WORK/conf"
	log_has 'NOTIFY_SOCKET: not a socket that we can use: vsock:2:1234'
	send
}

@test "a service manager that is gone does not stop the daemon" {
	config "listen 'unix:$SOCK' { }"
	NOTIFY_SOCKET=$WORK/none start_daemon <"$WORK/conf"
	log_has 'message to the service manager: No such file or directory'
	send
}
