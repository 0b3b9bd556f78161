#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Peers that do what no mail server does: they send ahead, do not read, connect
# and say nothing, or come by the thousand. Each costs itself and nobody else.

bats_require_minimum_version 1.5.0
load ../lib/common
load ../lib/proto

setup_file() {
	proto_start
	"${CC:-cc}" -shared -fPIC -O -o "$WORK/late.so" "$LIB_DIR/hostile/late_write.c" || return
	# The body that a message gets, and a line for each.
	write_handler big <<-'END'
		case $MILTER_EVENT in
		end-of-message)
			echo "replace-body $SIZE"
			head -c "$SIZE" /dev/zero | tr '\0' x
			echo x >>"$NOTES" ;;
		esac
	END
	# More than a socket takes, and less than twice that.
	big over 300000
	# Six of them are more than a socket takes, the last is not.
	big parts 40000
	handler quick 'events = {mail}'
	LD_PRELOAD=$WORK/late.so proto_run
}

# big NAME SIZE
big() {
	handler "$1" "command = {'$HANDLERS/big'}" 'events = {end-of-message}' \
	    'actions = {replace-body}' "environment = {'SIZE=$2', 'NOTES=$OUT/$1.notes'}"
}

setup() {
	proto_setup
}

teardown_file() {
	test_teardown
}

@test "commands that came behind a large answer are all answered, with no further input" {
	run -0 python3 -I "$LIB_DIR/hostile/peer.py" "$WORK/over" 4 3
	assert_equal "$output" '4 connections, 12 answers, 0 hung'
}

@test "a QUIT that came behind large answers loses none of them" {
	run -0 python3 -I "$LIB_DIR/hostile/peer.py" -q -w "$OUT/parts.notes" "$WORK/parts" 4 6
	assert_equal "$output" '4 connections, 24 answers, 0 hung'
}

@test "an end of file that came behind large answers loses none of them" {
	rm -f "$OUT/parts.notes"
	run -0 python3 -I "$LIB_DIR/hostile/peer.py" -s -w "$OUT/parts.notes" "$WORK/parts" 4 6
	assert_equal "$output" '4 connections, 24 answers, 0 hung'
}

# Peers that connect and say nothing: PEERS holds their process.
silent_peers() {
	python3 -I - "$WORK/$1" "$2" <<-'END' 3>&- 4>&- &
		import socket, sys
		held = [socket.socket(socket.AF_UNIX) for _ in range(int(sys.argv[2]))]
		for s in held:
		    s.connect(sys.argv[1])
		open(sys.argv[1] + ".silent", "w").close()
		for s in held:
		    while s.recv(100):
		        pass
	END
	PEERS=$!
	wait_for test -e "$WORK/$1.silent"
}

@test "peers that connect and say nothing shut nobody out, and are closed" {
	CONF=$BATS_TEST_TMPDIR/conf
	global 'connections = 5'
	handler few 'events = {mail}'
	proto_run few
	silent_peers few 5
	mta few <<<"$(printf '%s\n' "hello $HOST" 'mail <a@b.example> => continue' quit)"
	wait_log 'it was silent, and makes room for another peer' few
	# All others are closed when their 30 seconds are over.
	wait_for -t 60 none_alive "$PEERS"
	wait_log 'no options were negotiated in 30 seconds' few
	stop_daemon few
}

@test "refused peers are logged with a limit, and the others counted" {
	local port

	CONF=$BATS_TEST_TMPDIR/conf
	port=$(free_port)
	cat >>"$CONF" <<-END
		handler far { command = {'$HANDLERS/planned'} events = {mail} }
		listen 'inet:$port@127.0.0.1' { handlers = {far} allow = {192.0.2.0/24} }
	END
	proto_run far
	python3 -I - "$port" <<-'END'
		import socket, sys
		for _ in range(500):
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		    assert s.recv(1) == b""
	END
	wait_log 'more lines about refused peers at listen' far
	[ "$(grep -c 'may not connect' "$DAEMONS/far/log")" -le 200 ]
	stop_daemon far
}

@test "failures of a handler are logged with a limit, and the others counted" {
	CONF=$BATS_TEST_TMPDIR/conf
	write_handler fails <<<'exit 1'
	handler fails "command = {'$HANDLERS/fails'}" 'events = {mail}'
	proto_run fails
	{
		echo "hello $HOST"
		for _ in $(seq 120); do
			echo 'mail <a@b.example> => y "451 4.7.1 Try again later"'
		done
		echo quit
	} >"$BATS_TEST_TMPDIR/script"
	mta fails <"$BATS_TEST_TMPDIR/script"
	wait_log 'more lines about failures of handler fails were left out' fails
	stop_daemon fails
}
