#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Peers and handlers that make an engine keep as much as they can. The engine has a
# bound, refuses the sessions that bring more, and lives on: with `memory', and with
# a limit of the process where an allocation fails.

bats_require_minimum_version 1.5.0
load ../lib/common
load ../lib/proto

setup_file() {
	grep -q __asan_init "$PIPEMILTER" &&
	    skip 'a sanitizer does not tell how much is allocated'
	proto_start
	write_handler big <<-'END'
		case $MILTER_EVENT in
		end-of-message)
			echo "replace-body 10000000"
			head -c 10000000 /dev/zero ;;
		esac
	END
	write_handler deaf <<-'END'
		exec sleep 300
	END
}

setup() {
	proto_setup
	NAME=d$BATS_TEST_NUMBER
	# Each test has a daemon, and so a configuration, of its own.
	CONF=$BATS_TEST_TMPDIR/conf
	: >"$CONF"
}

teardown_file() {
	test_teardown
}

engine() {
	pgrep -P "$(cat "$DAEMONS/$NAME/pid")" -f engine
}

# KB that the engine had in memory at most
peak() {
	awk '/^VmHWM:/ { print $2 }' "/proc/$ENGINE/status"
}

begin() {
	proto_run "$NAME"
	ENGINE=$(engine)
}

# hoard WHAT CONNECTIONS: sets refused and closed, and more: whether one more was taken
hoard() {
	local line

	line=$(python3 -I "$LIB_DIR/hostile/hoard.py" "$1" "$WORK/$NAME" "$2")
	echo "$line; peak $(peak) KB" >&2
	refused=$(sed -n 's/.*, \([0-9]*\) refused,.*/\1/p' <<<"$line")
	closed=$(sed -n 's/.* \([0-9]*\) closed.*/\1/p' <<<"$line")
	more=$(sed -n 's/.*, \([a-z]*\) more$/\1/p' <<<"$line")
}

# survived KB: it is the same engine, had no more than that, and serves a session
survived() {
	[ "$(engine)" = "$ENGINE" ]
	[ "$(peak)" -le "$1" ]
	mta "$NAME" <<<"$(printf '%s\n' "hello $HOST" 'mail <a@b.example> => continue' quit)"
	stop_daemon "$NAME"
}

@test "memory: envelopes beyond the bound are refused, and the next session is served" {
	global 'memory = 32M'
	handler "$NAME" 'events = {mail}'
	begin
	hoard envelopes 20
	[ "$refused" -ge 5 ]
	survived 45000
}

# What the engine has in memory for each of many connections: bytes. They have said who the client
# is, and say nothing more.
bytes_of_idle() {
	python3 - "$1" "$ENGINE" <<-'END'
		import re, resource, socket, struct, sys
		MANY = 4000
		def resident():
		    # VmRSS of its status may be wrong by some hundred KB.
		    with open("/proc/%s/smaps_rollup" % sys.argv[2]) as f:
		        return int(re.search(r"Rss:\s*(\d+)", f.read()).group(1)) * 1024
		def packet(code, data):
		    return struct.pack("!I", len(data) + 1) + code + data
		def ask(s, data):
		    s.sendall(data)
		    answer = s.recv(5)
		    while len(answer) < 5 or len(answer) < 4 + struct.unpack("!I", answer[:4])[0]:
		        more = s.recv(512)
		        if not more:
		            sys.exit("closed")
		        answer += more
		    return answer
		def idle():
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
		    # Each command that the daemon wants has an answer: so all of them were taken.
		    offer = ask(s, packet(b"O", struct.pack("!III", 6, 0x1ff, 0x37f)))
		    steps = struct.unpack("!I", offer[13:17])[0]
		    for code, data, no in ((b"C", b"mx.example.org\x004\x10\xe1192.0.2.7\0", 1),
		                           (b"H", b"mx.example.org\0", 2)):
		        # In one piece: TCP holds a second one back until the first was acknowledged.
		        macros = packet(b"D", code + b"j\0mx.example.net\0{daemon_name}\0mx\0")
		        if steps & no:
		            s.sendall(macros)
		        elif ask(s, macros + packet(code, data))[4:5] != b"c":
		            sys.exit("refused")
		    return s
		hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
		resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MANY + 300), hard))
		held = [idle() for _ in range(200)]
		before = resident()
		held += [idle() for _ in range(MANY)]
		print((resident() - before) // MANY)
	END
}

@test "memory: a connection that only waits takes 2 KB at most" {
	local port bytes

	[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 4400 ] || skip 'too few files may be open'
	port=$(free_port)
	global 'connections = 5000' "listen 'inet:$port@127.0.0.1' { handlers = {$NAME} }"
	handler "$NAME" 'events = {rcpt}'
	begin
	bytes=$(bytes_of_idle "$port")
	echo "$bytes bytes"
	[ "$bytes" -le 2048 ]
	stop_daemon "$NAME"
}

@test "memory: packets that do not end, beyond the bound" {
	global 'memory = 16M'
	handler "$NAME" 'events = {mail}'
	begin
	hoard halves 600
	[ "$closed" -ge 5 ]
	[ "$more" = none ]
	survived 29000
}

@test "memory: macros beyond the bound" {
	global 'memory = 16M'
	handler "$NAME" 'events = {mail}'
	begin
	hoard macros 100
	[ "$closed" -ge 5 ]
	[ "$more" = none ]
	survived 29000
}

# They hold all memory of the daemon NAME, and the next is served before long.
makes_way() {
	local name=$1 what=$2 connections=$3 line

	line=$(python3 -I "$LIB_DIR/hostile/hoard.py" -w "$what" "$WORK/$name" "$connections")
	echo "$what: $line" >&2
	[ "${line#waited }" -ge 5 ] && [ "${line#waited }" -le 30 ]
}

@test "memory: peers that hold envelopes or macros and are silent make way" {
	local other=$NAME-b macros

	global 'memory = 16M'
	handler "$other" 'events = {mail}'
	proto_run "$other"
	makes_way "$other" macros 50 3>&- &
	macros=$!
	global 'memory = 16M'
	handler "$NAME" 'events = {mail}'
	begin
	makes_way "$NAME" envelopes 20
	wait "$macros"
	stop_daemon "$other"
	survived 29000
}

@test "memory: bodies that are replaced while the mail server does not read" {
	global 'memory = 48M'
	handler "$NAME" "command = {'$HANDLERS/big'}" 'events = {end-of-message}' \
	    'actions = {replace-body}' 'processes = 8'
	begin
	hoard ends 12
	[ "$refused" -ge 3 ]
	[ "$(engine)" = "$ENGINE" ]
	[ "$(peak)" -le 61000 ]
	stop_daemon "$NAME"
}

@test "memory: reports that nobody reads" {
	global 'memory = 16M' 'drain-timeout = 1s'
	handler "$NAME" "command = {'$HANDLERS/deaf'}" 'events = {}' 'reports = {body}' \
	    'processes = 1' 'newlines = crlf'
	begin
	hoard pieces 60
	[ "$refused" -ge 5 ]
	[ "$(engine)" = "$ENGINE" ]
	[ "$(peak)" -le 29000 ]
	stop_daemon "$NAME"
}

@test "memory: a limit of the process, and envelopes" {
	handler "$NAME" 'events = {mail}'
	(ulimit -v 90000; proto_run "$NAME")
	ENGINE=$(engine)
	# What the sandbox does not let it ask any more it has asked before.
	[ "$(sed -n 's/.*memory: \([0-9]*\) MB instead of .*/\1/p' "$DAEMONS/$NAME/log")" -ge 40 ]
	hoard envelopes 30
	[ "$refused" -ge 5 ]
	survived 90000
}

@test "memory: a limit of the process, and bodies that are replaced" {
	handler "$NAME" "command = {'$HANDLERS/big'}" 'events = {end-of-message}' \
	    'actions = {replace-body}' 'processes = 8'
	(ulimit -v 90000; proto_run "$NAME")
	ENGINE=$(engine)
	hoard ends 12
	[ "$refused" -ge 3 ]
	[ "$(engine)" = "$ENGINE" ]
	stop_daemon "$NAME"
}
