#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The daemon as a process: start and end, sockets, privileges, and what a
# handler is started with.

load ../lib/common

setup() {
	test_setup
	PIDFILE=$WORK/pid
	CONF=$WORK/pm.conf
	# A daemon that is killed cannot remove its directory.
	export TMPDIR=$WORK
	MESSAGE=$WORK/message
	printf 'Subject: test\r\n\r\nbody\r\n' >"$MESSAGE"
}

teardown() {
	[ -z "${SINK:-}" ] || kill "$SINK" 2>/dev/null || true
	# test_teardown does not know a daemon that went to the background.
	if [ -s "$PIDFILE" ]; then
		kill -s KILL "$(cat "$PIDFILE")" 2>/dev/null || true
	fi
	test_teardown
}

is_root() {
	[ "$(id -u)" -eq 0 ]
}

has_sanitizer() {
	grep -q __asan_init "$PIPEMILTER"
}

has_ipv6() {
	grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null
}

# conf [LINE ...]: a configuration file with one handler, `h', and these lines.
conf() {
	[ -e "$HANDLERS/h" ] || write_handler h </dev/null
	{
		printf '%s\n' "$@" "spool-directory = $WORK/spool" \
		    "handler h { command = {$HANDLERS/h}" 'events = {mail} }'
	} >"$CONF"
	complete_config "$CONF"
}

# As an administrator starts it.
background() {
	run timeout 30 "$PIPEMILTER" -f "$CONF" -p "$PIDFILE"
}

send() {
	run timeout 60 "$MILTER_SEND" -s "${1:-unix:$SOCK}" \
	    -f alice@example.org -r bob@example.net <"$MESSAGE"
}

send_in_background() {
	timeout 60 "$MILTER_SEND" -s "unix:$SOCK" -f alice@example.org \
	    -r bob@example.net <"$MESSAGE" >"$WORK/sent" 2>&1 3>&- &
	SENDER=$!
}

# engine_of PID: the engine, or engines, of the daemon with that process id. (Its title may
# end in what setproctitle(3) does for the kernel.)
engine_of() {
	ps -o pid= -o args= --ppid "$1" | awk '/: engine/ { print $1 }'
}

engine_is_another() {
	local now

	now=$(engine_of "$1")
	[ -n "$now" ] && [ "$now" != "$2" ]
}

gone() {
	none_alive "$@"
}

# are_engines N: so many there are now; a listening daemon may have fewer yet.
are_engines() {
	[ "$(engine_of "$DAEMON_PID" | wc -l)" -eq "$1" ]
}

sockets_of() {
	find "/proc/$1/fd" -lname 'socket:*' | wc -l
}

# Prints which of two engines has a connection that the other has not.
busier() {
	local a b

	a=$(sockets_of "$1")
	b=$(sockets_of "$2")
	[ "$a" -ne "$b" ] || return 1
	if [ "$a" -gt "$b" ]; then
		echo "$1"
	else
		echo "$2"
	fi
}

cpus_of() {
	awk '$1 == "Cpus_allowed_list:" { print $2 }' "/proc/$1/status"
}

missing() {
	[ ! -e "$1" ] && [ ! -L "$1" ]
}

proc_status() {
	awk -v k="$2:" '$1 == k { $1 = ""; print substr($0, 2) }' "/proc/$1/status"
}

# A handler that says `started', ignores TERM and stays; its child stays, too.
stubborn() {
	write_handler "$1" <<-END
		trap '' TERM
		sleep 1000 &
		echo \$\$ \$! >$OUT/started.new
		mv $OUT/started.new $OUT/started
		while :; do sleep 1000; done
	END
}

# The same handler, but it notes a TERM.
notes_term() {
	write_handler "$1" <<-END
		trap 'echo term >$OUT/term' TERM
		echo \$\$ >$OUT/started.new
		mv $OUT/started.new $OUT/started
		while :; do sleep 1000 & wait; done
	END
}

# Options and usage

@test "-V prints the version" {
	run "$PIPEMILTER" -V
	assert_success
	[[ $output =~ ^pipemilter\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "what is no form of the command line is a usage error" {
	local args

	for args in -x extra '-f' '-l unix:/x' '-e mail /bin/true' \
	    '-l unix:/x -f /dev/null /bin/true' '-d /bin/true'; do
		# shellcheck disable=SC2086
		run "$PIPEMILTER" $args
		assert_status 2
		assert_output_has 'usage: pipemilter'
	done
}

@test "-o with an unknown option is a usage error that names it" {
	run "$PIPEMILTER" -l "unix:$SOCK" -o 'no-such = 1' /bin/true
	assert_status 2
	assert_output_has 'no-such'
}

@test "-n says that a good file is good" {
	conf "listen 'unix:$SOCK' { }"
	run "$PIPEMILTER" -n -f "$CONF"
	assert_success
	assert_equal "${lines[0]}" "$CONF: OK"
	[ ! -e "$SOCK" ]
}

@test "-n says what is wrong, with file and line" {
	conf "listen 'unix:$SOCK' { }" 'no-such = 1'
	run "$PIPEMILTER" -n -f "$CONF"
	assert_status 1
	assert_output_has "$CONF:2:"
	assert_output_has no-such
}

@test "arguments of a command reach it byte by byte" {
	# shellcheck disable=SC2016
	local args=('a b' "it's" '"quoted"' 'back\slash' '\101' "\${HOME}" '$HOME' '}' '{ }'
	    '# no comment' '/* nor this */' $'line\nfeed' $'cr\r\nlf' $'\t' '' '7' $'\t7' 'ä'
	    $'\001\177\377' "a', 'b" 'x = {' '//')

	write_handler args <<-END
		for a; do printf '%s\\0' "\$a"; done >$OUT/args
	END
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/args" "${args[@]}"
	send
	assert_success
	printf '%s\0' "${args[@]}" >"$WORK/want"
	assert_same_file "$OUT/args" "$WORK/want"
}

@test "a command with a slash is taken from where it was started, options may follow it" {
	write_handler rel <<-END
		printf '%s\\n' "\$@" >$OUT/args
	END
	cd "$WORK"
	start_adhoc "unix:$SOCK" -e mail handlers/rel -v -l x
	send
	assert_success
	assert_equal "$(cat "$OUT/args")" $'-v\n-l\nx'
}

@test "a listener's options may stand with -l" {
	write_handler h </dev/null
	start_adhoc "unix:$SOCK { mode = 0600 }" -e mail "$HANDLERS/h"
	assert_equal "$(stat -c %a "$SOCK")" 600
}

@test "a directory as the operand means its hooks" {
	write_handler hooks/mail <<-END
		echo "reject 550 5.7.1 by hook"
	END
	start_adhoc "unix:$SOCK" "$HANDLERS/hooks"
	send
	assert_status 1
	assert_output_has 'by hook'
}

# Going to the background

@test "it goes to the background when it listens, and writes its pid" {
	conf "listen 'unix:$SOCK' { }"
	background
	assert_success
	assert_equal "$output" ''
	unix_listens "$SOCK"
	kill -0 "$(cat "$PIDFILE")"
	send
	assert_success
	kill "$(cat "$PIDFILE")"
	wait_for missing "$PIDFILE"
	missing "$SOCK"
}

@test "in the background it keeps no descriptor of who started it" {
	local pid p

	conf "listen 'unix:$SOCK' { }"
	exec 9>"$WORK/inherited"
	background
	exec 9>&-
	assert_success
	pid=$(cat "$PIDFILE")
	for p in "$pid" "$(engine_of "$pid")"; do
		run readlink "/proc/$p/fd/0" "/proc/$p/fd/1" "/proc/$p/fd/2"
		assert_equal "$output" $'/dev/null\n/dev/null\n/dev/null'
		run sh -c "readlink /proc/$p/fd/*"
		refute_output_has "$WORK/inherited"
	done
	run readlink "/proc/$(engine_of "$pid")/fd/"*
	refute_output_has "$PIDFILE"
}

@test "it says why it can't: a mistake in the file" {
	conf "listen 'unix:$SOCK' { }" 'no-such = 1'
	background
	assert_status 1
	assert_output_has "$CONF:2:"
	missing "$PIDFILE"
}

@test "it says why it can't: no file" {
	run timeout 30 "$PIPEMILTER" -f "$WORK/none" -p "$PIDFILE"
	assert_status 1
	assert_output_has "$WORK/none"
}

@test "it says why it can't: a port in use, and leaves nothing behind" {
	local port

	port=$(free_port)
	write_handler h </dev/null
	start_adhoc "inet:$port@127.0.0.1" -e mail "$HANDLERS/h"
	conf "listen 'unix:$SOCK' { }" "listen 'inet:$port@127.0.0.1' { }"
	background
	assert_status 1
	assert_output_has "$CONF:2:"
	assert_output_has "inet:$port@127.0.0.1"
	assert_output_has 'somebody listens there already'
	missing "$SOCK"
	missing "$PIDFILE"
}

@test "it says why it can't: it runs already" {
	local pid

	conf "listen 'unix:$SOCK' { }"
	background
	assert_success
	pid=$(cat "$PIDFILE")
	background
	assert_status 1
	assert_output_has "already running as pid $pid (pid file $PIDFILE), or still ending: see drain-timeout"
	assert_equal "$(cat "$PIDFILE")" "$pid"
	unix_listens "$SOCK"
	kill "$pid"
	wait_for missing "$PIDFILE"
	background
	assert_success
	kill "$(cat "$PIDFILE")"
	wait_for missing "$PIDFILE"
}

@test "once its pid file is gone the next one can be started" {
	local end

	conf "listen 'unix:$SOCK' { }"
	for _ in 1 2 3; do
		background
		assert_success
		kill "$(cat "$PIDFILE")"
		end=$((SECONDS + TEST_DEADLINE))
		# At once, for a sanitizer makes its exit a slow one.
		while [ -e "$PIDFILE" ] && [ "$SECONDS" -lt "$end" ]; do :; done
	done
	missing "$PIDFILE"
	flock -n "$WORK/spool/tmp/.lock" true
}

@test "it says why it can't: no place for the pid file" {
	conf "listen 'unix:$SOCK' { }"
	run timeout 30 "$PIPEMILTER" -f "$CONF" -p "$WORK/none/pid"
	assert_status 1
	assert_output_has "$WORK/none/pid: No such file or directory"
	missing "$SOCK"
}

@test "it says why it can't: no place for temporary files" {
	conf "listen 'unix:$SOCK' { }"
	: >"$WORK/spool"
	background
	assert_status 1
	assert_output_has "$WORK/spool"
	missing "$SOCK"
	missing "$PIDFILE"
}

@test "a pid file left by one that was killed is no obstacle" {
	local pid engine

	conf "listen 'unix:$SOCK' { }"
	background
	assert_success
	pid=$(cat "$PIDFILE")
	engine=$(engine_of "$pid")
	kill -s KILL "$pid"
	# The engine listens until it has noticed that the supervisor is gone.
	wait_for gone "$pid" "$engine"
	background
	assert_success
	[ "$(cat "$PIDFILE")" != "$pid" ]
	kill "$(cat "$PIDFILE")"
	wait_for missing "$PIDFILE"
}

@test "a relative pid file is removed at the end" {
	conf "listen 'unix:$SOCK' { }"
	cd "$WORK"
	run timeout 30 "$PIPEMILTER" -f "$CONF" -p pid
	assert_success
	kill "$(cat pid)"
	wait_for missing "$PIDFILE"
}

# The end

@test "SIGTERM: what is open is finished, then all is gone" {
	local tmp

	write_handler wait <<-END
		echo "\$TMPDIR" >$OUT/started
		while [ ! -e $OUT/go ]; do sleep 0.05; done
	END
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/wait"
	send_in_background
	wait_for test -s "$OUT/started"
	tmp=$(cat "$OUT/started")
	[ -d "$tmp" ]
	kill "$DAEMON_PID"
	wait_for missing "$SOCK"
	kill -0 "$DAEMON_PID"
	: >"$OUT/go"
	wait "$SENDER"
	stop_daemon
	missing "$tmp"
	missing "${tmp%/*}"
}

@test "SIGINT ends it as well" {
	write_handler h </dev/null
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	stop_daemon d INT
	missing "$SOCK"
}

@test "SIGTERM: after drain-timeout the handlers get TERM, with their groups" {
	write_handler slow <<-END
		trap 'echo term >$OUT/term; exit 0' TERM
		sleep 1000 &
		echo \$\$ \$! >$OUT/started
		wait
	END
	start_adhoc "unix:$SOCK" -e mail -o 'drain-timeout = 500ms' "$HANDLERS/slow"
	send_in_background
	wait_for test -s "$OUT/started"
	stop_daemon
	[ -e "$OUT/term" ]
	# shellcheck disable=SC2046
	gone $(cat "$OUT/started")
	wait "$SENDER" || true
}

@test "SIGTERM: a handler that ignores TERM gets KILL" {
	stubborn h
	start_adhoc "unix:$SOCK" -e mail -o 'drain-timeout = 0' "$HANDLERS/h"
	send_in_background
	wait_for test -s "$OUT/started"
	SECONDS=0
	stop_daemon
	[ "$SECONDS" -ge 4 ]
	# shellcheck disable=SC2046
	gone $(cat "$OUT/started")
	wait "$SENDER" || true
}

@test "a second SIGTERM ends it at once" {
	notes_term h
	start_adhoc "unix:$SOCK" -e mail -o 'drain-timeout = 50s' \
	    -o 'event-timeout = 50s' -o 'timeout = 50s' "$HANDLERS/h"
	send_in_background
	wait_for test -s "$OUT/started"
	kill "$DAEMON_PID"
	wait_for missing "$SOCK"
	kill -0 "$DAEMON_PID"
	stop_daemon
	# The handler was not asked to end: that would give it five seconds.
	missing "$OUT/term"
	# shellcheck disable=SC2046
	gone $(cat "$OUT/started")
	wait "$SENDER" || true
}

@test "SIGHUP ends the form without a file" {
	write_handler h </dev/null
	start_adhoc -n adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	stop_daemon adhoc HUP
	missing "$SOCK"
}

# Sockets

@test "a unix socket has the mode that was set, 0660 otherwise" {
	conf "listen 'unix:$SOCK' { }" "listen 'unix:$WORK/s2' { mode = 0606 }"
	start_daemon <"$CONF"
	assert_equal "$(stat -c %a "$SOCK")" 660
	assert_equal "$(stat -c %a "$WORK/s2")" 606
}

@test "a unix socket belongs to the engine, or to whom it was given" {
	is_root || skip 'only root can give it away'
	conf "listen 'unix:$SOCK' { }" \
	    "listen 'unix:$WORK/s2' { group = daemon }" \
	    "listen 'unix:$WORK/s3' { owner = $HANDLER_USER }"
	start_daemon <"$CONF"
	assert_equal "$(stat -c %U:%G "$SOCK")" "$ENGINE_USER:$(id -gn "$ENGINE_USER")"
	assert_equal "$(stat -c %U:%G "$WORK/s2")" "$ENGINE_USER:daemon"
	assert_equal "$(stat -c %U:%G "$WORK/s3")" "$HANDLER_USER:$(id -gn "$ENGINE_USER")"
}

@test "the directory of a unix socket is made, one level of it" {
	write_handler h </dev/null
	start_adhoc "unix:$WORK/new/sock" -e mail "$HANDLERS/h"
	assert_equal "$(stat -c %a "$WORK/new")" 755
	stop_daemon
	missing "$WORK/new/sock"
	run timeout 30 "$PIPEMILTER" -l "unix:$WORK/a/b/sock" \
	    ${ENGINE_USER:+-o "engine-user = $ENGINE_USER" -o "handler-user = $HANDLER_USER"} \
	    -e mail "$HANDLERS/h"
	assert_status 1
	assert_output_has "unix:$WORK/a/b/sock"
}

@test "unix, inet and inet6 at once serve the same handlers" {
	local p4 p6 address

	has_ipv6 || skip 'no IPv6 loopback here'
	p4=$(free_port)
	p6=$(free_port)
	conf "listen 'unix:$SOCK' { }" "listen 'inet:$p4@127.0.0.1' { }" \
	    "listen 'inet6:$p6@::1' { }"
	write_handler h <<-END
		echo 'reject 550 5.7.1 served'
	END
	start_daemon <"$CONF"
	for address in "unix:$SOCK" "inet:$p4@127.0.0.1" "inet6:$p6@::1"; do
		send "$address"
		assert_status 1
		assert_output_has served
	done
}

@test "an inet6 socket leaves the port of inet alone" {
	local port

	has_ipv6 || skip 'no IPv6 loopback here'
	port=$(free_port)
	conf "listen 'inet6:$port@::' { allow = {'::1'} }" \
	    "listen 'inet:$port@127.0.0.1' { }"
	start_daemon <"$CONF"
	send "inet:$port@127.0.0.1"
	assert_success
}

@test "a port can be taken again at once" {
	local port

	port=$(free_port)
	write_handler h </dev/null
	start_adhoc "inet:$port@127.0.0.1" -e mail "$HANDLERS/h"
	send "inet:$port@127.0.0.1"
	assert_success
	stop_daemon
	start_adhoc "inet:$port@127.0.0.1" -e mail "$HANDLERS/h"
	send "inet:$port@127.0.0.1"
	assert_success
}

@test "a stale socket is replaced" {
	local engine

	write_handler h </dev/null
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	engine=$(engine_of "$DAEMON_PID")
	kill -s KILL "$DAEMON_PID" "$engine"
	wait_for gone "$DAEMON_PID" "$engine"
	[ -S "$SOCK" ]
	rm -f "$DAEMONS/d/pid"
	start_adhoc -n second "unix:$SOCK" -e mail "$HANDLERS/h"
	send
	assert_success
	stop_daemon second
	missing "$SOCK"
}

@test "a socket where somebody listens, and a file, are left alone" {
	write_handler h </dev/null
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	conf "listen 'unix:$SOCK' { }" "listen 'unix:$WORK/file' { }"
	echo precious >"$WORK/file"
	background
	assert_status 1
	assert_output_has "$CONF:2: listen \"unix:$WORK/file\": a file that is not a socket is there"
	assert_equal "$(cat "$WORK/file")" precious
	conf "listen 'unix:$WORK/new' { }" "include('listen.conf')"
	echo "listen 'unix:$SOCK' { }" >"$WORK/listen.conf"
	run "$PIPEMILTER" -n -f "$CONF"
	assert_success
	background
	assert_status 1
	assert_output_has "$WORK/listen.conf:1: listen unix:$SOCK: somebody listens there already"
	missing "$WORK/new"
	send
	assert_success
}

@test "a socket that is somebody else's meanwhile is not removed" {
	write_handler h </dev/null
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	rm "$SOCK"
	echo other >"$SOCK"
	stop_daemon
	assert_equal "$(cat "$SOCK")" other
}

# Privileges and crashes

@test "the engine has no privileges and can't start processes" {
	local engine

	write_handler h </dev/null
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	engine=$(engine_of "$DAEMON_PID")
	[ -n "$engine" ]
	assert_equal "$(proc_status "$engine" NoNewPrivs)" 1
	if is_root; then
		run proc_status "$engine" Uid
		assert_equal "$output" "$(id -u "$ENGINE_USER" | awk '{ print $1, $1, $1, $1 }')"
		run proc_status "$engine" Gid
		assert_equal "$output" "$(id -g "$ENGINE_USER" | awk '{ print $1, $1, $1, $1 }')"
		assert_equal "$(proc_status "$engine" Groups)" "$(id -g "$ENGINE_USER")"
		assert_equal "$(proc_status "$engine" CapEff)" 0000000000000000
		assert_equal "$(proc_status "$engine" CapPrm)" 0000000000000000
	fi
	has_sanitizer && skip 'with sanitizers the rest is left out'
	run grep '^Max processes' "/proc/$engine/limits"
	[[ $output =~ ^Max\ processes\ +0\ +0\  ]]
	if ldd "$PIPEMILTER" | grep -q libseccomp; then
		assert_equal "$(proc_status "$engine" Seccomp)" 2
	fi
}

@test "an engine that dies is replaced, its handlers are ended, the socket stays" {
	local engine inode

	write_handler h <<-END
		if mkdir $OUT/once; then
			sleep 1000 &
			echo \$\$ \$! >$OUT/started
			wait
		fi
	END
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	inode=$(stat -c %i "$SOCK")
	send_in_background
	wait_for test -s "$OUT/started"
	engine=$(engine_of "$DAEMON_PID")
	kill -s KILL "$engine"
	wait_log 'ended by signal 9'
	wait_for engine_is_another "$DAEMON_PID" "$engine"
	# shellcheck disable=SC2046
	wait_for gone $(cat "$OUT/started")
	wait "$SENDER" || true
	assert_equal "$(stat -c %i "$SOCK")" "$inode"
	send
	assert_success
}

@test "an engine that dies again and again is not started faster and faster" {
	local engine

	write_handler h </dev/null
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	SECONDS=0
	for _ in 1 2 3; do
		engine=$(engine_of "$DAEMON_PID")
		kill -s KILL "$engine"
		wait_for engine_is_another "$DAEMON_PID" "$engine"
	done
	# 1 + 2 + 4 seconds, less what passed before the first
	[ "$SECONDS" -ge 5 ]
	send
	assert_success
}

@test "when the supervisor is killed the engine ends" {
	local engine

	write_handler h </dev/null
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	engine=$(engine_of "$DAEMON_PID")
	kill -s KILL "$DAEMON_PID"
	wait_for gone "$DAEMON_PID" "$engine"
	rm -f "$DAEMONS/d/pid" "$SOCK"
}

# Several engines

@test "engines: so many serve, and all end with the daemon" {
	local engines

	write_handler h </dev/null
	start_adhoc "unix:$SOCK" -e mail -o 'engines = 3' "$HANDLERS/h"
	wait_for are_engines 3
	mapfile -t engines < <(engine_of "$DAEMON_PID")
	run ps -o args= --ppid "$DAEMON_PID"
	assert_output_has ': engine 1'
	assert_output_has ': engine 2'
	assert_output_has ': engine 3'
	for _ in 1 2 3 4 5 6; do
		send
		assert_success
	done
	stop_daemon
	gone "${engines[@]}"
	missing "$SOCK"
}

@test "engines: each has only its own channel to the supervisor" {
	local engine

	write_handler h </dev/null
	start_adhoc "unix:$SOCK" -e mail -o 'engines = 3' "$HANDLERS/h"
	# An engine has the socket to the supervisor, and the one where it listens.
	wait_for are_engines 3
	for engine in $(engine_of "$DAEMON_PID"); do
		[ "$(sockets_of "$engine")" -eq 2 ]
	done
}

@test "engines: one that is killed is replaced, the other keeps its connections" {
	local engines with without

	write_handler h <<-END
		if mkdir $OUT/once; then
			: >$OUT/started
			while [ ! -e $OUT/go ]; do sleep 0.05; done
			echo 'reject 550 5.7.1 waited'
		fi
	END
	start_adhoc "unix:$SOCK" -e mail -o 'engines = 2' -o 'timeout = 50s' \
	    -o 'event-timeout = 50s' "$HANDLERS/h"
	wait_for are_engines 2
	mapfile -t engines < <(engine_of "$DAEMON_PID")
	send_in_background
	wait_for test -e "$OUT/started"
	with=$(busier "${engines[@]}")
	if [ "$with" = "${engines[0]}" ]; then
		without=${engines[1]}
	else
		without=${engines[0]}
	fi
	kill -s KILL "$without"
	wait_log 'ended by signal 9'
	wait_log 'started again as pid'
	wait_for are_engines 2
	kill -0 "$with"
	: >"$OUT/go"
	wait "$SENDER" || true
	assert_file_has "$WORK/sent" 'rejected at mail: 550 5.7.1 waited'
	send
	assert_success
}

@test "engines: SIGTERM lets all of them finish what is open" {
	local engines with

	write_handler h <<-END
		echo \$\$ >>$OUT/started
		while [ ! -e $OUT/go ]; do sleep 0.05; done
	END
	start_adhoc "unix:$SOCK" -e mail -o 'engines = 2' -o 'timeout = 50s' \
	    -o 'event-timeout = 50s' -o 'drain-timeout = 50s' "$HANDLERS/h"
	wait_for are_engines 2
	mapfile -t engines < <(engine_of "$DAEMON_PID")
	send_in_background
	wait_for test -s "$OUT/started"
	with=$(busier "${engines[@]}")
	kill "$DAEMON_PID"
	wait_for missing "$SOCK"
	kill -0 "$with"
	: >"$OUT/go"
	wait "$SENDER"
	wait_for gone "${engines[@]}"
	stop_daemon
}

@test "engines: a second SIGTERM ends all of them at once" {
	local engines

	notes_term h
	start_adhoc "unix:$SOCK" -e mail -o 'engines = 2' -o 'drain-timeout = 50s' \
	    -o 'event-timeout = 50s' -o 'timeout = 50s' "$HANDLERS/h"
	wait_for are_engines 2
	mapfile -t engines < <(engine_of "$DAEMON_PID")
	send_in_background
	wait_for test -s "$OUT/started"
	kill "$DAEMON_PID"
	wait_for missing "$SOCK"
	stop_daemon
	missing "$OUT/term"
	# shellcheck disable=SC2046
	gone "${engines[@]}" $(cat "$OUT/started")
	wait "$SENDER" || true
}

@test "pin: an engine and its handlers stay on one CPU" {
	local engines cpus

	write_handler h <<-END
		grep Cpus_allowed_list /proc/self/status >$OUT/cpus
	END
	cpus=$(cpus_of "$$")
	start_adhoc "unix:$SOCK" -e mail -o 'engines = 2' -o 'pin = yes' "$HANDLERS/h"
	wait_for are_engines 2
	mapfile -t engines < <(engine_of "$DAEMON_PID")
	[[ $(cpus_of "${engines[0]}") =~ ^[0-9]+$ ]]
	[[ $(cpus_of "${engines[1]}") =~ ^[0-9]+$ ]]
	if [ "$(nproc)" -gt 1 ]; then
		[ "$(cpus_of "${engines[0]}")" != "$(cpus_of "${engines[1]}")" ]
	fi
	assert_equal "$(cpus_of "$DAEMON_PID")" "$cpus"
	send
	assert_success
	run awk '{ print $2 }' "$OUT/cpus"
	[[ $output = "$(cpus_of "${engines[0]}")" || $output = "$(cpus_of "${engines[1]}")" ]]
}

# The start of a handler

@test "a handler has descriptors 0 to 2, pipes all of them, and no other" {
	# The shell has its script open besides, which is no pipe, and would
	# have more for a redirection.
	write_handler h <<-END
		find /proc/\$\$/fd -type l -fprintf $OUT/fds '%f %l\n'
		echo by-path >/dev/stderr
		echo 'reject 550 5.7.1 by path' >/dev/stdout
	END
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	send
	assert_status 1
	assert_output_has 'by path'
	wait_log by-path
	run sed -n 's/:\[.*//p' "$OUT/fds"
	assert_equal "$output" $'0 pipe\n1 pipe\n2 pipe'
}

@test "a handler has the environment of the manual and nothing of the daemon's" {
	write_handler h <<-END
		env >$OUT/env
	END
	export PM_SECRET=1 LC_ALL=C.UTF-8 PM_GIVEN='from here'
	start_adhoc "unix:$SOCK" -e mail -o 'environment = {"A=b c", "LC_ALL=POSIX", "PM_GIVEN"}' \
	    "$HANDLERS/h"
	send
	assert_success
	assert_file_has "$OUT/env" 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
	assert_file_has "$OUT/env" PIPEMILTER_PROTOCOL=1
	assert_file_has "$OUT/env" PIPEMILTER_HANDLER=h
	assert_file_has "$OUT/env" PYTHONUNBUFFERED=1
	assert_file_has "$OUT/env" MILTER_EVENT=mail
	assert_file_has "$OUT/env" 'A=b c'
	assert_file_has "$OUT/env" LC_ALL=POSIX
	assert_file_has "$OUT/env" 'PM_GIVEN=from here'
	assert_file_has "$OUT/env" "USER=${HANDLER_USER:-$(id -un)}"
	assert_file_has "$OUT/env" "LOGNAME=${HANDLER_USER:-$(id -un)}"
	assert_file_has "$OUT/env" "HOME=$(getent passwd "${HANDLER_USER:-$(id -un)}" | cut -d: -f6)"
	run cat "$OUT/env"
	refute_output_has PM_SECRET
	refute_output_has LC_ALL=C.UTF-8
	# Each name once.
	assert_equal "$(cut -d= -f1 "$OUT/env" | sort | uniq -d)" ''
}

@test "a handler has no signal blocked or ignored and a session of its own" {
	# Not by a shell, which unblocks them all by itself.
	(trap '' INT QUIT PIPE HUP
	    start_adhoc "unix:$SOCK" -e mail cp /proc/self/status "$OUT/status")
	send
	assert_success
	stop_daemon
	assert_file_has "$OUT/status" $'SigBlk:\t0000000000000000'
	assert_file_has "$OUT/status" $'SigIgn:\t0000000000000000'
	write_handler h <<-END
		ps -o pid= -o pgid= -o sid= -p \$\$ >$OUT/ids
	END
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	send
	assert_success
	read -r pid pgid sid <"$OUT/ids"
	assert_equal "$pgid $sid" "$pid $pid"
}

@test "a handler runs in / with umask 077 and the limits of the daemon" {
	write_handler h <<-END
		{ pwd; umask; ulimit -n; ulimit -c; } >$OUT/got
	END
	ulimit -Sn 200
	ulimit -c 0
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	send
	assert_success
	assert_equal "$(cat "$OUT/got")" $'/\n0077\n200\n0'
}

@test "directory, umask and limits are set as the options say" {
	write_handler h <<-END
		{ pwd; umask; ulimit -n; ulimit -t; ulimit -v; } >$OUT/got
	END
	start_adhoc "unix:$SOCK" -e mail -o "directory = $OUT" -o 'umask = 027' \
	    -o 'open-files = 64' -o 'cpu = 7s' -o 'memory = 4G' "$HANDLERS/h"
	send
	assert_success
	assert_equal "$(cat "$OUT/got")" "$OUT"$'\n0027\n64\n7\n4194304'
}

@test "a handler runs as its user, with that user's groups" {
	is_root || skip 'not started as root'
	start_adhoc "unix:$SOCK" -e mail cp /proc/self/status "$OUT/status"
	send
	assert_success
	run awk '$1 == "Uid:" || $1 == "Gid:" || $1 == "Groups:" { $1 = $1; print }' "$OUT/status"
	assert_equal "$output" "$(id -u "$HANDLER_USER" | sed 's/.*/Uid: & & & &/'
	    id -g "$HANDLER_USER" | sed 's/.*/Gid: & & & &/'
	    id -G "$HANDLER_USER" | tr ' ' '\n' | sort -n | xargs echo Groups:)"
}

@test "a handler that can't be started is a failure that says why" {
	# The interpreter is looked for at the start, too.
	ln -s /bin/sh "$WORK/interpreter"
	write_handler h <<-END
		#!$WORK/interpreter
	END
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	rm "$WORK/interpreter"
	send
	assert_status 75
	wait_log 'No such file or directory'
}

@test "what a handler leaves running ends with it" {
	write_handler h <<-END
		sleep 1000 >/dev/null 2>&1 &
		echo \$! >$OUT/started
	END
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	send
	assert_success
	wait_for gone "$(cat "$OUT/started")"
}

@test "a handler has a TMPDIR of its own, and finds it empty at the start" {
	local tmp

	write_handler h <<-END
		echo "\$TMPDIR" >$OUT/tmp
		stat -c '%a %u' "\$TMPDIR" >$OUT/mode
		ls -A "\$TMPDIR" >$OUT/left
		mkdir -p "\$TMPDIR/sub/deep"
		: >"\$TMPDIR/sub/deep/file"
		ln -s $OUT "\$TMPDIR/link"
		chmod 0 "\$TMPDIR/sub/deep"
		chmod 0500 "\$TMPDIR/sub"
	END
	conf "listen 'unix:$SOCK' { }"
	start_daemon <"$CONF"
	send
	assert_success
	tmp=$(cat "$OUT/tmp")
	assert_equal "$tmp" "$WORK/spool/tmp/h"
	assert_equal "$(cat "$OUT/mode")" "700 $(id -u "${HANDLER_USER:-$(id -un)}")"
	stop_daemon
	[ -d "$tmp/sub" ]
	start_daemon <"$CONF"
	send
	assert_success
	assert_equal "$(cat "$OUT/left")" ''
	[ -d "$OUT" ]
	# Bats must be able to remove it.
	chmod 0700 "$tmp/sub" "$tmp/sub/deep"
}

@test "a start that fails leaves no directory behind" {
	is_root || skip 'only root changes to another user'
	local private=$BATS_TEST_TMPDIR/private

	write_handler h <<-END
		exit 0
	END
	mkdir -m 0700 "$private"
	TMPDIR=$private run "$PIPEMILTER" -l "unix:$SOCK" -e mail "$HANDLERS/h"
	assert_equal "$status" 1
	[[ $output == *"cannot enter it"* ]]
	assert_equal "$(ls -A "$private")" ''
}

@test "SIGUSR1 and SIGUSR2 do nothing" {
	conf "listen 'unix:$SOCK' { }"
	start_daemon <"$CONF"
	kill -s USR1 "$DAEMON_PID"
	kill -s USR2 "$DAEMON_PID"
	send
	assert_success
	stop_daemon
}

@test "two daemons can't share a spool directory, one after the other can" {
	conf "listen 'unix:$SOCK' { }"
	start_daemon <"$CONF"
	conf "listen 'unix:$SOCK.other' { }"
	run timeout 30 "$PIPEMILTER" -d -f "$CONF"
	assert_equal "$status" 1
	[[ $output == *"$WORK/spool/tmp: another pipemilter uses it, or one that is ending and waits for its clients (drain-timeout)"* ]]
	stop_daemon
	start_daemon <"$CONF"
	send "unix:$SOCK.other"
	assert_success
}

@test "a daemon that was killed does not keep the next one from its spool directory" {
	local engine

	conf "listen 'unix:$SOCK' { }"
	start_daemon <"$CONF"
	engine=$(engine_of "$DAEMON_PID")
	kill -s KILL "$DAEMON_PID"
	wait_for gone "$DAEMON_PID" "$engine"
	rm -f "$DAEMONS/d/pid"
	start_daemon <"$CONF"
	send
	assert_success
}

# syslog_sink SOCKET FILE: writes what syslog(3) sends, a datagram a line, until it is killed.
syslog_sink() {
	python3 - "$1" "$2" <<-'END' 3>&- &
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		out = open(sys.argv[2], "wb", buffering=0)
		while True:
		    out.write(s.recv(65536).rstrip(b"\0\n") + b"\n")
	END
	SINK=$!
}

@test "in the background it logs to syslog, under its facility" {
	is_root || skip 'only root can have a /dev of its own'
	local dev=$WORK/dev

	unshare --mount true || skip 'no mount namespaces here'
	mkdir "$dev"
	cp -a /dev/null "$dev/null"
	syslog_sink "$dev/log" "$WORK/syslog"
	wait_for test -S "$dev/log"
	chmod 666 "$dev/log"
	conf "listen 'unix:$SOCK' { }" 'syslog-facility = mail'
	# shellcheck disable=SC2016
	run timeout 30 unshare --mount bash -c \
	    'mount --bind "$1" /dev && exec "$2" -f "$3" -p "$4"' - \
	    "$dev" "$PIPEMILTER" "$CONF" "$PIDFILE"
	assert_equal "$status" 0
	assert_equal "$output" ''
	send
	assert_success
	wait_for grep -aq 'message from=<alice@example.org>' "$WORK/syslog"
	# 22 is mail.info
	grep -aE '^<22>.* pipemilter\[[0-9]+\]: [0-9a-f]+\.[0-9]+ [^ ]+: message from=<alice' \
	    "$WORK/syslog"
	grep -aE '^<22>.*pipemilter .* is ready' "$WORK/syslog"
	kill "$(cat "$PIDFILE")"
	wait_for missing "$PIDFILE"
}
