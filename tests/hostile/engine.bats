#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# An engine that somebody has taken over: what that code can do to the machine,
# the supervisor, handlers and the other engines.

load ../lib/common

setup_file() {
	"${CC:-cc}" -O1 -shared -fPIC -o "$BATS_FILE_TMPDIR/engine.so" \
	    "$LIB_DIR/hostile/engine.c" -ldl
}

setup() {
	test_setup
	if grep -q __asan_init "$PIPEMILTER"; then
		skip 'built with AddressSanitizer: there is no sandbox'
	fi
	write_handler yes <<-'END'
		while read -r k v; do [ -n "$k" ] || echo continue; done
	END
	CONF=$WORK/c.conf
	conf
	printf 'Subject: test\n\ntext\n' >"$WORK/mail"
	chmod go+x "$BATS_FILE_TMPDIR"
	chmod 755 "$BATS_FILE_TMPDIR/engine.so"
}

teardown() {
	test_teardown
}

is_root() {
	[ "$(id -u)" -eq 0 ]
}

has_seccomp() {
	grep -q '^#define HAVE_LIBSECCOMP' "$BUILDDIR/config.h"
}

needs_seccomp() {
	has_seccomp || skip 'built without libseccomp'
}

# conf [LINE ...]
conf() {
	{
		printf "listen 'unix:%s' { handlers = {yes} }\n" "$SOCK"
		printf '%s\n' "$@"
		echo "handler yes { command = {'$HANDLERS/yes'} events = {rcpt} actions = {}"
		echo 'reuse = yes }'
	} >"$CONF"
	complete_config "$CONF"
}

# With files for messages, so that it may open some.
conf_with_files() {
	{
		printf "listen 'unix:%s' { handlers = {yes} }\n" "$SOCK"
		printf '%s\n' "$@"
		echo "handler yes { command = {'$HANDLERS/yes'} events = {end-of-message}"
		echo 'actions = {} reuse = yes spool = yes }'
	} >"$CONF"
	complete_config "$CONF"
}

# attack NAME [VARIABLE=VALUE ...]: a daemon whose engine does that, until it has
# said how it went or was killed, or $UNTIL is in the log.
attack() {
	local name=$1 until="^attack $1: |ended (by signal|with status)" pid

	shift
	case ${1:-} in
	UNTIL=*) until=${1#UNTIL=}; shift ;;
	esac
	# The one before may stand there until the daemon is started.
	: >"$WORK/log"
	env ATTACK="$name" LD_PRELOAD="$BATS_FILE_TMPDIR/engine.so" "$@" \
	    timeout 60 "$PIPEMILTER" -d -f "$CONF" >"$WORK/log" 2>&1 3>&- 4>&- &
	pid=$!
	wait_for grep -qE "$until" "$WORK/log" || true
	kill "$pid" 2>/dev/null || true
	wait "$pid" || true
}

# It failed, or was the end of the engine.
assert_denied() {
	if ! grep -qE "^attack $1: |ended by signal (31|9) " "$WORK/log" ||
	    grep -qE "^attack $1: (succeeded|wrote|sent)" "$WORK/log"; then
		echo "attack $1:"
		cat "$WORK/log"
		return 1
	fi
}

denied() {
	local name

	for name in "$@"; do
		attack "$name"
		assert_denied "$name"
	done
}

@test "root's terminal: nothing can be typed there, nothing be read" {
	local name

	for name in tty keys; do
		timeout 60 python3 "$LIB_DIR/hostile/terminal.py" env ATTACK="$name" \
		    LD_PRELOAD="$BATS_FILE_TMPDIR/engine.so" "$PIPEMILTER" -d -f "$CONF" \
		    >"$WORK/log" 3>&- 4>&-
		assert_denied "$name"
		grep "^TYPED b'secret" "$WORK/log"
	done
}

@test "an engine has no terminal, and 0 to 2 are harmless" {
	local engine

	start_daemon <"$CONF"
	engine=$(pgrep -P "$DAEMON_PID" -f ': engine')
	[ "$(ps -o sid= -p "$engine" | tr -d ' ')" = "$engine" ]
	assert_equal "$(readlink "/proc/$engine/fd/0")" /dev/null
	assert_equal "$(readlink "/proc/$engine/fd/1")" /dev/null
}

@test "the listening socket can't be shut down, nor be made to block" {
	needs_seccomp
	denied shutdown relisten blocking
	conf 'engines = 2'
	attack_and_serve shutdown
}

# attack_and_serve ATTACK: one of two engines does that when it has a client, and ends,
# or is ended. Then mail must be served as before.
attack_and_serve() {
	mkdir -p "$DAEMONS/d"
	keep_daemon d env ATTACK="$1" ATTACK_ENGINE='engine 2' ATTACK_CLIENT=1 \
	    LD_PRELOAD="$BATS_FILE_TMPDIR/engine.so" "$PIPEMILTER" -d -f "$CONF"
	wait_for_daemon d "unix:$SOCK"
	wait_for -t 60 engine_2_was_met
	timeout 60 "$MILTER_SEND" -s "unix:$SOCK" -n 20 "$WORK/mail" >"$WORK/sent" 2>&1 || true
	serves
}

# It is not sure which engine takes a connection.
engine_2_was_met() {
	timeout 10 "$MILTER_SEND" -s "unix:$SOCK" "$WORK/mail" || true
	grep -E 'engine 2 .*ended' "$DAEMON_LOG"
}

# The engine that is started next is the same attacker, so some connections are cut.
serves() {
	local i n=0

	for ((i = 0; i < 20; i++)); do
		if timeout 30 "$MILTER_SEND" -s "unix:$SOCK" "$WORK/mail"; then
			n=$((n + 1))
		fi
	done
	[ "$n" -ge 10 ]
	! grep -E 'accept:|are in use|spool-limit' "$DAEMON_LOG" || false
}

@test "no sockets, no connections" {
	needs_seccomp
	denied inet inet6 unix netlink vsock linger linger-option
}

@test "no processes, programs or threads" {
	denied exec fork thread clone3
}

@test "no namespaces, no io_uring, nothing of the kernel that it does not need" {
	needs_seccomp
	denied unshare io_uring userfaultfd perf keyctl bpf memfd shm queue
}

@test "no state of its process that it does not need" {
	needs_seccomp
	denied personality inotify fanotify setpgid prctl chdir timer priority \
	    eventfd sleep writev times
}

@test "no signal, trace or limit for anybody else" {
	needs_seccomp
	conf 'engines = 2'
	local name

	for name in kill rlimit ptrace pidfd pidfd-self queueinfo; do
		attack "$name" ATTACK_ENGINE='engine 2'
		assert_denied "$name"
	done
}

@test "no memory that can be executed" {
	needs_seccomp
	denied execute protect
}

@test "no file, if it keeps none" {
	needs_seccomp
	attack open ATTACK_PATH=/etc/passwd
	assert_denied open
}

# What the kernel has, the daemon says.
needs_landlock() {
	attack abort
	if grep -q 'no Landlock' "$WORK/log"; then
		skip 'no Landlock here'
	fi
}

@test "no file but in the directories for messages and records" {
	needs_landlock
	mkdir "$WORK/public"
	chmod 1777 "$WORK/public"
	echo text >"$WORK/public/file"
	chmod 666 "$WORK/public/file"
	conf_with_files "record = '$WORK/record'"
	local path

	for path in /etc/passwd "$CONF" "$WORK/public/file" /proc/self/maps /dev/null /; do
		attack open "ATTACK_PATH=$path"
		assert_denied open
	done
	# O_RDWR, O_WRONLY | O_CREAT, O_TMPFILE | O_RDWR
	attack open "ATTACK_PATH=$WORK/public/file" ATTACK_FLAGS=02
	assert_denied open
	attack open "ATTACK_PATH=$WORK/public/new" ATTACK_FLAGS=0101
	assert_denied open
	attack open "ATTACK_PATH=$WORK/public" ATTACK_FLAGS=020200002
	assert_denied open
	[ ! -e "$WORK/public/new" ]
}

@test "not started as root: the handlers' files are out of reach for it too" {
	is_root || skip 'only root can become somebody else'
	command -v setpriv || skip 'no setpriv'
	needs_landlock
	local uid

	uid=$(id -u nobody)
	chown -R nobody "$WORK"
	sed -i '/-user = /d' "$CONF"
	: >"$WORK/log"
	env ATTACK=open ATTACK_FLAGS=02 ATTACK_PATH="$HANDLERS/yes" \
	    LD_PRELOAD="$BATS_FILE_TMPDIR/engine.so" \
	    timeout 60 setpriv --reuid="$uid" --clear-groups "$PIPEMILTER" -d -f "$CONF" \
	    >"$WORK/log" 2>&1 3>&- 4>&- &
	wait_for grep -qE '^attack open: |ended (by signal|with status)' "$WORK/log"
	assert_denied open
	kill $!
	wait $! || true
}

@test "what other engines count is read-only" {
	conf 'engines = 2' 'connections = 8' 'spool-limit = 1M'
	attack_and_serve board
	grep '^attack board: ' "$DAEMON_LOG"
}

@test "numbers that an engine makes up are bounded, and pipemilterctl shows them" {
	local ctl=("$BUILDDIR/pipemilterctl" -s "$WORK/control-$(basename "$CONF" .conf)")

	conf 'engines = 2' 'connections = 8' 'spool-limit = 1M'
	attack_and_serve board
	"${ctl[@]}" status
	"${ctl[@]}" status --openmetrics
	"${ctl[@]}" processes
	"${ctl[@]}" status --json >"$WORK/json"
	python3 - "$WORK/json" <<-'END'
		import json, sys
		def check(x):
		    for y in x.values() if isinstance(x, dict) else x if isinstance(x, list) else ():
		        check(y)
		    assert not isinstance(x, (int, float)) or 0 <= x < 2 ** 63, x
		j = json.load(open(sys.argv[1]))
		check(j)
		assert all(e["connections"] <= 8 for e in j["engines"]), j["engines"]
		assert j["kept_bytes"] <= 2 * j["kept_limit"]
		assert j["handlers"][0]["backoff"] <= 30
		times = j["handlers"][0]["events"]["rcpt"]
		assert [n for _, n in times["buckets"]] == sorted(n for _, n in times["buckets"])
		assert times["buckets"][-1][1] <= times["count"]
	END
}

@test "who watches gets lines of an engine, and nothing that harms" {
	local ctl=("$BUILDDIR/pipemilterctl" -s "$WORK/control-$(basename "$CONF" .conf)")
	local sockets watch

	conf 'engines = 2'
	mkdir -p "$DAEMONS/d"
	keep_daemon d env ATTACK=watch ATTACK_ENGINE='engine 2' ATTACK_CLIENT=1 \
	    LD_PRELOAD="$BATS_FILE_TMPDIR/engine.so" "$PIPEMILTER" -d -f "$CONF"
	wait_for_daemon d "unix:$SOCK"
	wait_for "${ctl[@]}" ping
	sockets=$(count_sockets)
	timeout 60 "${ctl[@]}" watch >"$WORK/seen" 2>"$WORK/complaints" 3>&- &
	watch=$!
	wait_for have_sockets $((sockets + 2))
	wait_for -t 60 engine_2_was_met
	wait "$watch" || [ $? -eq 1 ]
	[ "$(cat "$WORK/complaints")" = 'pipemilterctl: the answer makes no sense' ]
	[ "$(grep -cF '\033]0;x: \033[31mred\015\012\377' "$WORK/seen")" -eq 20000 ]
	grep -qx '\.\.\. 18446744073709551615 lines lost' "$WORK/seen"
	! grep -q "$(printf '\033')" "$WORK/seen" || false
	"${ctl[@]}" ping || wait_for "${ctl[@]}" ping
	serves
}

# Those of all engines; their names are the attacker's.
count_sockets() {
	local pid

	for pid in $(pgrep -P "$DAEMON_PID"); do
		find "/proc/$pid/fd" -lname 'socket:*'
	done | wc -l
}

have_sockets() {
	[ "$(count_sockets)" -ge "$1" ]
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

# Its engine and its guard end with it, and a new daemon finds its place empty.
killed_with_its_supervisor() {
	local pid pids

	pids=$(pgrep -P "$DAEMON_PID")
	[ "$(wc -w <<<"$pids")" -eq 2 ]
	# All of its group, as a shell that controls jobs would.
	kill -s KILL -- "-$DAEMON_PID"
	for pid in $pids; do
		wait_for -t 8 is_gone "$pid"
	done
	wait_for test -s "$DAEMONS/d/status"
	rm -rf "$DAEMONS/d"
	start_daemon <"$CONF"
	timeout 60 "$MILTER_SEND" -s "unix:$SOCK" "$WORK/mail"
}

@test "an engine that is stopped ends with a supervisor that is killed" {
	start_daemon <"$CONF"
	kill -s STOP "$(pgrep -P "$DAEMON_PID" -f ': engine')"
	killed_with_its_supervisor
}

@test "an engine that loops, and hears no signal, ends with a supervisor that is killed" {
	mkdir -p "$DAEMONS/d"
	keep_daemon d env ATTACK=loop ATTACK_CLIENT=1 \
	    LD_PRELOAD="$BATS_FILE_TMPDIR/engine.so" "$PIPEMILTER" -d -f "$CONF"
	wait_for_daemon d "unix:$SOCK"
	timeout 5 "$MILTER_SEND" -s "unix:$SOCK" "$WORK/mail" || true
	wait_for grep -q '^attack loop: done' "$DAEMON_LOG"
	killed_with_its_supervisor
}

@test "READY is said once" {
	attack ready
	grep 'engine: message that makes no sense' "$WORK/log"
	[ "$(wc -l <"$WORK/log")" -lt 20 ]
}

@test "a flood of requests is the end of the engine, and the log says so" {
	attack flood
	grep -E 'engine: more than [0-9]+ requests a second' "$WORK/log"
	refute_file_has "$WORK/log" 'attack flood: succeeded'
}

any_handler() {
	[ "$(handlers_of "$DAEMON_PID")" -gt 0 ]
}

handlers_of() {
	pgrep -P "$1" -f "$HANDLERS/yes" | wc -l
}

@test "a flood of starts makes no more processes than the configuration has" {
	local i

	sed -i 's/reuse = yes/& processes = 3/' "$CONF"
	echo 'drain-timeout = 1s' >>"$CONF"
	# The attacker closes the other ends.
	write_handler yes <<-'END'
		sleep 30
	END
	mkdir -p "$DAEMONS/d"
	keep_daemon d env ATTACK=spawns ATTACK_CLIENT=1 \
	    LD_PRELOAD="$BATS_FILE_TMPDIR/engine.so" "$PIPEMILTER" -d -f "$CONF"
	wait_for_daemon d "unix:$SOCK"
	timeout 10 "$MILTER_SEND" -s "unix:$SOCK" "$WORK/mail" 3>&- 4>&- &
	wait_for any_handler
	for ((i = 0; i < 20; i++)); do
		[ "$(handlers_of "$DAEMON_PID")" -le 3 ]
		sleep 0.05
	done
}

@test "a message that is none is the end of the engine" {
	attack garbage UNTIL='engine: message that makes no sense'
	grep 'ended by signal 9 ' "$WORK/log"
}

@test "a handler gets no variable that is not one of the mail" {
	attack env UNTIL='which is none of ours'
	# Not started: so much is answered, and the engine knows of no such process.
	grep 'the supervisor tells of process 7, which is none of ours' "$WORK/log"
}

@test "abort(3) works: an honest engine that finds itself broken ends by its signal" {
	attack abort
	grep 'ended by signal 6 ' "$WORK/log"
}

@test "a build without libseccomp or a kernel without Landlock says so once" {
	start_daemon <"$CONF"
	assert_equal "$(grep -c 'no filter of system calls' "$DAEMON_LOG")" \
	    "$(has_seccomp && echo 0 || echo 1)"
	[ "$(grep -c 'no Landlock' "$DAEMON_LOG")" -le 1 ]
}

# The memory of the engine, as root sees it.
memory_has() {
	python3 - "$1" "$2" <<-'END'
		import sys
		pid, secret = sys.argv[1], sys.argv[2].encode()
		found = 0
		with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
		    for line in maps:
		        if not line.split()[1].startswith("r") or "[v" in line:
		            continue
		        a, b = (int(x, 16) for x in line.split()[0].split("-"))
		        mem.seek(a)
		        try:
		            found += mem.read(b - a).count(secret)
		        except OSError:
		            pass
		print(found, "copies")
		sys.exit(found == 0)
	END
}

@test "secrets of handlers are not in an engine's memory" {
	is_root || skip 'only root can look'
	conf_secret
	start_daemon <"$CONF"
	timeout 60 "$MILTER_SEND" -s "unix:$SOCK" -n 3 "$WORK/mail"
	assert_no_secret
	# One that is started later is a fork of a supervisor that has started handlers.
	kill -KILL "$(pgrep -P "$DAEMON_PID" -f ': engine')"
	wait_log 'engine started again'
	timeout 60 "$MILTER_SEND" -s "unix:$SOCK" -n 3 "$WORK/mail"
	assert_no_secret
}

# The value is in two halves here: the arguments of this test are not the daemon's.
conf_secret() {
	cat >"$CONF" <<-END
		listen 'unix:$SOCK' { handlers = {yes} }
		handler yes { command = {'$HANDLERS/yes'} events = {rcpt} actions = {}
			environment = {'PASSWORD=correct-horse-battery'} }
	END
	complete_config "$CONF"
	write_handler yes <<-'END'
		[ "$PASSWORD" = correct-horse-battery ] && echo continue || echo tempfail
	END
}

assert_no_secret() {
	local engine

	engine=$(pgrep -P "$DAEMON_PID" -f ': engine')
	run memory_has "$engine" horse-battery
	assert_status 1
}
