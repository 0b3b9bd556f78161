#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A handler's user tries to hang, stop or slow down the supervisor, or to outlive it:
# with signals, leases, and file systems of that user's own.

# shellcheck disable=SC2154	# status and output are set by run

load ../lib/common

HOSTILE=$BATS_TEST_DIRNAME/../lib/hostile

setup() {
	[ "$(id -u)" -eq 0 ] || skip 'needs root, who starts handlers as other users'
	id -u games >/dev/null || skip 'needs a second user for handlers'
	test_setup
	# One that no other test starts processes as.
	HANDLER_USER=backup
	id -u backup >/dev/null || skip 'needs a third user for handlers'
	UID_H=$(id -u "$HANDLER_USER")
	GID_H=$(id -g "$HANDLER_USER")
	printf 'Subject: x\n\nbody\n' >"$WORK/message"
	# The handler's user may write all of this.
	mkdir "$WORK/theirs"
	chown "$HANDLER_USER" "$WORK/theirs"
	write_handler good <<-'END'
		echo reject
	END
	ATTACKERS=()
}

teardown() {
	local pid

	for pid in "${ATTACKERS[@]}"; do
		kill -CONT "$pid" 2>/dev/null || true
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	test_teardown
}

# attack NAME COMMAND ...: in the background, until it is ready
attack() {
	local name=$1

	shift
	"$@" >"$WORK/$name.out" 2>&1 3>&- &
	ATTACKERS+=($!)
	wait_for grep -q ready "$WORK/$name.out" || {
		cat "$WORK/$name.out"
		return 1
	}
}

# In the process that attack has made for it.
as_handler() {
	exec setpriv --reuid "$UID_H" --regid "$GID_H" --clear-groups "$@"
}

has_fuse() {
	[ -c /dev/fuse ] && [ -w /dev/fuse ] || skip 'needs /dev/fuse'
	grep -qw fuse /proc/filesystems || skip 'needs FUSE in the kernel'
}

# run_daemon [LINE ...]: `good' is another user's; `bad' has these options.
run_daemon() {
	start_daemon <<-END
		event-timeout = 60s
		listen "unix:$WORK/good.sock" { handlers = {good} }
		listen "unix:$WORK/bad.sock" { handlers = {bad} }
		handler good { command = {$HANDLERS/good} events = {mail} user = games }
		handler bad {
			$(printf '%s\n' "$@")
			events = {mail}
			on-failure = 'tempfail 451 4.3.0 failed'
			on-timeout = 'tempfail 451 4.4.2 late'
		}
	END
}

# send NAME [SECONDS]
send() {
	run timeout "${2:-30}" "$MILTER_SEND" -s "unix:$WORK/$1.sock" -f a@example.org \
	    -r b@example.org "$WORK/message"
}

send_bad() {
	timeout 60 "$MILTER_SEND" -s "unix:$WORK/bad.sock" -f a@example.org \
	    -r b@example.org "$WORK/message" >"$WORK/bad.out" 2>&1 3>&- &
	ATTACKERS+=($!)
}

# The other user's handler is served at once, though that start goes on.
good_is_served() {
	send good 25
	[ "$status" -ne 124 ]
	[[ $output == *'550 5.7.1'* ]]
}

ends_in() {
	kill "$DAEMON_PID"
	wait_for -t "$1" test -s "$DAEMONS/d/status"
}

starting() {
	pgrep -P "$DAEMON_PID" -x -U "$UID_H" . >/dev/null ||
	    ps -o uid=,pid= --ppid "$DAEMON_PID" | awk -v u="$UID_H" '$1 == u { f = 1 } END { exit !f }'
}

@test "a handler's user that stops every new process of its own stops no other handler" {
	local i

	# Other tests of this file would be stopped, too, as the user that they have.
	id -u news >/dev/null || skip 'needs a fourth user for handlers'
	HANDLER_USER=news
	UID_H=$(id -u news)
	GID_H=$(id -g news)
	write_handler bad <<-'END'
		echo accept
	END
	run_daemon "command = {$HANDLERS/bad}" 'processes = 200' 'timeout = 2s'
	attack stop as_handler "$HOSTILE/stopper.py" 60
	timeout 60 "$MILTER_SEND" -s "unix:$WORK/bad.sock" -f a@example.org -r b@example.org \
	    -n 300 -j 20 "$WORK/message" >"$WORK/bad.out" 2>&1 3>&- &
	ATTACKERS+=($!)
	for ((i = 0; i < 20; i++)); do
		good_is_served
		sleep 0.2
	done
	ends_in 25
}

@test "a lease on a handler's own program delays nobody but that handler" {
	cp /bin/true "$WORK/theirs/bad"
	chown "$HANDLER_USER" "$WORK/theirs/bad"
	run_daemon "command = {$WORK/theirs/bad}"
	attack lease as_handler "$HOSTILE/lease.py" 60 "$WORK/theirs/bad"
	send_bad
	wait_for starting
	good_is_served
	wait_for grep -q '451 4.3.0 failed' "$WORK/bad.out" ||
	    wait_for grep -q '451 4.4.2 late' "$WORK/bad.out"
	good_is_served
	ends_in 15
}

@test "a start that takes too long has failed" {
	cp /bin/true "$WORK/theirs/bad"
	chown "$HANDLER_USER" "$WORK/theirs/bad"
	run_daemon "command = {$WORK/theirs/bad}" 'timeout = 40s'
	attack lease as_handler "$HOSTILE/lease.py" 60 "$WORK/theirs/bad"
	send_bad
	wait_for grep -q '451 4.3.0 failed' "$WORK/bad.out"
	log_has 'could not be started (exec: it took too long)'
}

@test "a start has its time although the machine stood still meanwhile" {
	cp /bin/true "$WORK/theirs/bad"
	chown "$HANDLER_USER" "$WORK/theirs/bad"
	run_daemon "command = {$WORK/theirs/bad}" 'timeout = 50s'
	attack lease as_handler "$HOSTILE/lease.py" 60 "$WORK/theirs/bad"
	send_bad
	wait_for starting
	kill -s STOP "$DAEMON_PID"
	# A start that takes longer than 10 s has failed.
	sleep 11
	kill -s CONT "$DAEMON_PID"
	sleep 0.5
	kill "${ATTACKERS[0]}"
	wait_log ' recipients=1 size=12: accept'
	if log_has 'could not be started'; then false; fi
}

@test "a file system that does not answer holds up no supervisor: directory of a handler" {
	has_fuse
	mkdir "$WORK/theirs/d"
	run_daemon 'command = {/bin/true}' "directory = $WORK/theirs/d" 'processes = 2'
	attack fuse "$HOSTILE/mute_fuse.py" "$UID_H" "$GID_H" 90 "$WORK/theirs/d"
	send_bad
	wait_for grep -q asked "$WORK/fuse.out"
	good_is_served
	# The process that can't be killed must not hold up the end either.
	ends_in 30
}

@test "a file system that does not answer holds up no supervisor: files of a pool" {
	has_fuse
	mkdir "$WORK/theirs/d"
	write_handler pool <<-'END'
		while read -r line; do [ -n "$line" ] || echo accept; done
	END
	echo x >"$WORK/theirs/d/file"
	chown -R "$HANDLER_USER" "$WORK/theirs/d"
	run_daemon "command = {$HANDLERS/pool, $WORK/theirs/d/file}" 'reuse = yes'
	send bad
	attack fuse "$HOSTILE/mute_fuse.py" "$UID_H" "$GID_H" 90 "$WORK/theirs/d"
	wait_for grep -q asked "$WORK/fuse.out"
	good_is_served
	wait_log 'takes too long to be looked at'
	good_is_served
	ends_in 30
}

# Prints how many processes run this program.
count_of() {
	pgrep -fc "$1" || true
}

none_runs() {
	[ "$(count_of "$1")" -eq 0 ]
}

runs() {
	[ "$(count_of "$1")" -ge "$2" ]
}

@test "handlers end with a supervisor that is killed, with all that they have started" {
	local name=slumber.$$.$BATS_TEST_NUMBER

	cp /bin/sleep "$HANDLERS/$name"
	write_handler bad <<-END
		trap '' TERM HUP INT
		$HANDLERS/$name 3001 &
		$HANDLERS/$name 3002
	END
	run_daemon "command = {$HANDLERS/bad}" 'timeout = 50s'
	send_bad
	wait_for runs "$HANDLERS/$name 300" 2
	kill -s KILL "$DAEMON_PID"
	wait_for none_runs "$HANDLERS/$name 300"
	wait_for grep -q '451 4' "$WORK/bad.out"
	wait_for test -s "$DAEMONS/d/status"
	rm -rf "$DAEMONS/d"
	run_daemon "command = {$HANDLERS/good}"
	good_is_served
}
