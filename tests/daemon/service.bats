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

# no COMMAND ...: succeeds if the command fails. A line that begins with `!' fails no test.
no() {
	! "$@"
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
	    -e "s|@runstatedir@|/run|" -e "s|@localstatedir@|/var|" -e "s|@docdir@|/usr/share/doc/pipemilter|" \
	    "$TOP_DIR/contrib/pipemilter.service.in" >"$WORK/pipemilter.service"
}

@test "the programs resolve all symbols at their start, and keep them read-only" {
	local program

	grep -q __asan_init "$PIPEMILTER" && skip 'no hardening with sanitizers'
	command -v readelf >/dev/null || skip 'no readelf here'
	for program in "$PIPEMILTER" "$MILTER_SEND"; do
		run readelf -hdlW "$program"
		assert_success
		# PIE
		[[ $output =~ Type:\ +DYN ]]
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

@test "-D, and a reload with a mistake: syslog and pipemilterctl have the reason" {
	config "listen 'unix:$SOCK' { }"
	start_with_syslog "$PIPEMILTER" -D -f "$WORK/d.conf"
	echo nonsense >>"$WORK/d.conf"
	run "$BUILDDIR/pipemilterctl" -s "$WORK/control-d" reload
	assert_status 1
	assert_output_has "pipemilterctl: $WORK/d.conf:"
	wait_for grep -aq "pipemilter\[[0-9]*\]: $WORK/d.conf:[0-9]*: nonsense" "$WORK/syslog"
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

@test "-d into the journal of systemd: each line begins with its severity" {
	local log=$DAEMONS/d/log

	write_handler h <<<'echo fails >&2; exit 3'
	config "listen 'unix:$SOCK' { }"
	mkdir -p "${log%/*}"
	: >"$log"
	JOURNAL_STREAM=$(stat -c %d:%i "$log") start_daemon <"$WORK/conf"
	printf 'Subject: test\r\n\r\nbody\r\n' |
	    run timeout 60 "$MILTER_SEND" -s "unix:$SOCK"
	wait_log 'on-failure = tempfail'
	# The supervisor's, and an engine's.
	grep -q '^<6>pipemilter: .* is ready$' "$log"
	grep -q '^<4>pipemilter: .*on-failure = tempfail$' "$log"
	no grep -v '^<[0-7]>pipemilter: ' "$log"
}

@test "a service manager hears when all sockets listen, and that the daemon ends" {
	start_managed -- "listen 'unix:$SOCK' { }"
	unix_listens "$SOCK"
	send
	assert_file_has "$WORK/said" 'READY=1 STATUS=running'
	no said STOPPING
	stop_daemon
	assert_file_has "$WORK/said" 'STOPPING=1 STATUS=ending; open sessions may go on for 20 s'
	no said 'not from COMMAND'
	no said MAINPID
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
	no grep -E 'NOTIFY|LISTEN' "$OUT/env"
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

# Prints the inode of the socket that listens at a path.
inode_of() {
	awk -v p="$1" '$4 == "00010000" && $8 == p { print $7 }' /proc/net/unix
}

# The daemon itself, which the service manager has started.
supervisor() {
	pgrep -P "$DAEMON_PID"
}

# restart: returns when the next daemon serves.
restart() {
	local n

	n=$(grep -c READY=1 "$WORK/said")
	kill -s "${1:-USR1}" "${2:-$DAEMON_PID}"
	wait_for more_starts "$n"
}

more_starts() {
	[ "$(grep -c READY=1 "$WORK/said")" -gt "$1" ]
}

# store_has N: the service manager keeps so many sockets.
store_has() {
	[ "$(wc -l <"$WORK/store")" -eq "$1" ]
}

@test "a restart refuses no connection: who connects waits" {
	local inode sender

	start_managed -- "listen 'unix:$SOCK' { }" 'drain-timeout = 2s'
	wait_for store_has 1
	inode=$(inode_of "$SOCK")
	# The old daemon drains for as long as this session is open.
	python3 "$LIB_DIR/peers/rawmilter.py" -s "unix:$SOCK" >"$WORK/raw" 2>&1 3>&- <<EOF &
hello x
touch $WORK/open
wait-file $WORK/close
EOF
	wait_for test -e "$WORK/open"
	kill -s USR1 "$DAEMON_PID"
	wait_for said STOPPING
	timeout 60 "$MILTER_SEND" -s "unix:$SOCK" -n 20 -j 4 -f a@example.org -r b@example.net \
	    <(printf 'Subject: x\r\n\r\nx\r\n') >"$WORK/sent" 2>&1 3>&- &
	sender=$!
	sleep 0.5
	kill -0 "$sender"
	no said ended
	touch "$WORK/close"
	wait "$sender" || { cat "$WORK/sent"; false; }
	said ended
	assert_equal "$(inode_of "$SOCK")" "$inode"
	store_has 1
}

@test "a supervisor that is killed refuses nobody who comes after" {
	local inode

	start_managed -- "listen 'unix:$SOCK' { }"
	wait_for store_has 1
	inode=$(inode_of "$SOCK")
	kill -s KILL "$(supervisor)"
	send
	assert_equal "$(inode_of "$SOCK")" "$inode"
	restart KILL "$(supervisor)"
	send
	store_has 1
}

@test "each socket is left with the service manager, under a name of its own" {
	local port

	port=$(free_port)
	start_managed -- "listen 'unix:$SOCK' { }" "listen 'unix:$SOCK.2' { }" \
	    "listen 'inet:$port@127.0.0.1' { }"
	wait_for store_has 3
	[ "$(grep -c '^FDSTORE=1 FDNAME=listen-[0-9a-f]* +FD$' "$WORK/said")" -eq 3 ]
	[ "$(sort -u "$WORK/store" | wc -l)" -eq 3 ]
	# READY comes after them: the start is not over before a crash would cost nothing.
	[ "$(grep -n READY=1 "$WORK/said" | cut -d : -f 1)" -eq 4 ]
	restart
	send
	send "unix:$SOCK.2"
	send "inet:$port@127.0.0.1"
	store_has 3
}

@test "the file of a socket that the service manager has stays at the end, and is no hindrance" {
	start_managed -- "listen 'unix:$SOCK' { }"
	stop_daemon
	[ -S "$SOCK" ]
	no unix_listens "$SOCK"
	rm "$WORK/notify"
	start_managed -- "listen 'unix:$SOCK' { }"
	send
	stop_daemon
	# Without a service manager that keeps it, it goes.
	start_daemon <"$WORK/conf"
	stop_daemon
	[ ! -e "$SOCK" ]
}

@test "a socket of a socket unit is used, whatever its name, and made as configured" {
	local group=

	! is_root || group='group = games owner = games'
	start_managed --listen another-name "$SOCK" -- "listen 'unix:$SOCK' { mode = 0620 $group }"
	# A socket that we had opened would have been bound after the start.
	[ "$(find /proc/"$(supervisor)"/fd -lname "socket:\[$(inode_of "$SOCK")\]" | wc -l)" -eq 1 ]
	send
	[ "$(stat -c %a "$SOCK")" = 620 ]
	! is_root || [ "$(stat -c %U:%G "$SOCK")" = games:games ]
	no log_has 'handed over'
}

@test "a restart gives the socket the mode of the new configuration" {
	local inode

	start_managed -- "listen 'unix:$SOCK' { mode = 0600 }"
	inode=$(inode_of "$SOCK")
	[ "$(stat -c %a "$SOCK")" = 600 ]
	sed -i 's/0600/0666/' "$WORK/d.conf"
	restart
	assert_equal "$(inode_of "$SOCK")" "$inode"
	[ "$(stat -c %a "$SOCK")" = 666 ]
	send
}

@test "a socket that no listener has is closed, with a warning that names it" {
	local inode pid

	start_managed --listen x "$SOCK.x" -- "listen 'unix:$SOCK' { }"
	log_has "the service manager has handed over a socket at unix:$SOCK.x, where no listener is: closed"
	said 'FDSTOREREMOVE=1 FDNAME=x'
	inode=$(inode_of "$SOCK.x")
	[ -n "$inode" ]
	for pid in $(supervisor) $(pgrep -P "$(supervisor)"); do
		[ -z "$(find "/proc/$pid/fd" -lname "socket:\[$inode\]")" ]
	done
	send
}

@test "what is no socket is closed, with a warning" {
	start_managed --file x /etc/passwd -- "listen 'unix:$SOCK' { }"
	log_has 'the service manager has handed over descriptor 3, which no listener can use: closed'
	[ -z "$(find /proc/"$(supervisor)"/fd -lname /etc/passwd)" ]
	send
}

@test "sockets for another process are not ours" {
	local inode

	start_managed --pid 1 --listen x "$SOCK.x" -- "listen 'unix:$SOCK' { }"
	inode=$(inode_of "$SOCK.x")
	[ -z "$(find /proc/"$(supervisor)"/fd -lname "socket:\[$inode\]")" ]
	no log_has 'handed over'
	send
}

@test "a socket that does not listen is opened anew" {
	start_managed --bound x "$SOCK" -- "listen 'unix:$SOCK' { }"
	send
	no log_has 'where no listener is'
}

@test "a socket whose file is gone is opened anew" {
	local inode

	start_managed -- "listen 'unix:$SOCK' { }"
	wait_for store_has 1
	inode=$(inode_of "$SOCK")
	rm "$SOCK"
	restart
	send
	[ "$(inode_of "$SOCK")" != "$inode" ]
	store_has 1
}

@test "a listener that goes is taken from the service manager, and its port is free" {
	local port

	port=$(free_port)
	start_managed -- "listen 'inet:$port@0.0.0.0' { allow = {127.0.0.1} }"
	wait_for store_has 1
	# The old socket is in the way of this one until the service manager has closed it, too.
	sed -i "s/$port@0.0.0.0/$port@127.0.0.1/" "$WORK/d.conf"
	restart
	send "inet:$port@127.0.0.1"
	wait_for store_has 1
	log_has "handed over a socket at inet:$port@0.0.0.0, where no listener is"
}

@test "another name of somebody else's socket gets no other mode" {
	local where=$WORK/elsewhere

	python3 - "$where" <<-'END' 3>&-
		import socket, sys
		socket.socket(socket.AF_UNIX).bind(sys.argv[1])
	END
	chmod 600 "$where"
	start_managed -- "listen 'unix:$SOCK' { mode = 0666 }"
	rm "$SOCK"
	ln "$where" "$SOCK"
	kill -s USR1 "$DAEMON_PID"
	wait_for test -s "$DAEMONS/d/status"
	log_has 'owner, group and mode: Stale file handle'
	[ "$(stat -c %a "$where")" = 600 ]
	stop_daemon d TERM 1
}
