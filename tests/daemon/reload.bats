#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Reload: SIGHUP and `pipemilterctl reload'. Each test has a daemon of its own.

# shellcheck disable=SC2154	# status and output are set by run

bats_require_minimum_version 1.5.0

load ../lib/common

: "${PIPEMILTERCTL:=$BUILDDIR/pipemilterctl}"
export PIPEMILTERCTL

setup() {
	test_setup
	CONTROL=$WORK/run/control.sock
	CONF=$WORK/d.conf
	export TMPDIR=$WORK
	printf 'Subject: x\n\nhello\n' >"$WORK/mail"
	says one 'reject 550 5.7.1 one'
	says two 'reject 550 5.7.1 two'
}

teardown() {
	[ -z "${STOPPED:-}" ] || kill -s CONT "$STOPPED" 2>/dev/null || true
	[ -z "${HELPERS:-}" ] || kill $HELPERS 2>/dev/null || true
	test_teardown
}

is_root() {
	[ "$(id -u)" -eq 0 ]
}

has_sanitizer() {
	grep -q __asan_init "$PIPEMILTER"
}

# no COMMAND ...: succeeds if the command fails. A line that begins with `!' fails no test.
no() {
	! "$@"
}

ctl() {
	"$PIPEMILTERCTL" -s "$CONTROL" "$@"
}

# says NAME LINE ...: a handler that answers so.
says() {
	local name=$1

	shift
	printf 'echo "%s"\n' "$@" | write_handler "$name"
}

# handler NAME COMMAND [OPTION ...]
handler() {
	local name=$1 command=$2

	shift 2
	printf 'handler "%s" {\ncommand = {%s/%s}\n' "$name" "$HANDLERS" "$command"
	printf '%s\n' "$@" '}'
}

# configure [LINE ...]: what `run_daemon' starts with, and a reload reads. Handlers, and listeners
# unless they are the usual one, stand in the lines.
configure() {
	local usual=1 line

	for line in "$@"; do
		case $line in 'listen '*) usual= ;; esac
	done
	{
		printf '%s\n' "control = '$CONTROL'" "$@"
		[ -z "$usual" ] || printf 'listen "unix:%s" { mode = 666 }\n' "$SOCK"
	} >"$CONF.new"
	complete_config "$CONF.new"
	# The same in each: it is made of the name of the file.
	sed -i "s|'$WORK/spool-[^']*'|'$WORK/spool'|" "$CONF.new"
	mv "$CONF.new" "$CONF"
}

run_daemon() {
	cp "$CONF" "$CONF.in"
	start_daemon <"$CONF.in"
}

reload() {
	run -0 ctl reload
	[ -z "$output" ]
}

# answer [SOCKET]: what a new session is answered at rcpt.
answer() {
	"$MILTER_SEND" -s "${1:-unix:$SOCK}" "$WORK/mail" 2>&1 | sed -n 's/.* 5.7.1 //p'
}

answers() {
	local got

	got=$(answer "${2:-}")
	[ "$got" = "$1" ] || { echo "the answer is \"$got\", not \"$1\"" >&2; return 1; }
}

# open_session NAME [SOCKET]: a session that was answered once, and stays open. `ask NAME' has it
# ask again, and wait for the answer; `close_session NAME' ends it.
open_session() {
	local name=$1 i

	{
		echo 'hello h.example'
		echo '-mail'
		for i in 0 1 2 3; do
			echo 'rcpt <r@b.example>'
			echo "touch $OUT/$name.said.$i"
			echo "wait-file $OUT/$name.go.$i"
		done
	} >"$WORK/$name.script"
	python3 "$LIB_DIR/peers/rawmilter.py" -t 120 -s "${2:-unix:$SOCK}" "$WORK/$name.script" \
	    >"$OUT/$name.log" 2>&1 3>&- &
	HELPERS="${HELPERS:-} $!"
	echo 0 >"$OUT/$name.n"
	echo $! >"$OUT/$name.pid"
	wait_for test -e "$OUT/$name.said.0" || { cat "$OUT/$name.log"; return 1; }
}

ask() {
	local n

	n=$(cat "$OUT/$1.n")
	touch "$OUT/$1.go.$n"
	echo $((n + 1)) >"$OUT/$1.n"
	wait_for test -e "$OUT/$1.said.$((n + 1))" || { cat "$OUT/$1.log"; return 1; }
	tail -n 1 "$OUT/$1.log" | sed 's/.* 5.7.1 //; s/"//'
}

close_session() {
	kill "$(cat "$OUT/$1.pid")"
}

# value EXPRESSION: of j, the status of the daemon
value() {
	ctl status --json | python3 -c "
import json, sys
j = json.load(sys.stdin)
h = {x['handler']: x for x in j['handlers']}
l = {x['listen']: x for x in j['listeners']}
c = j['configuration']
e = j['engines']
print($1)"
}

# value_is TEXT EXPRESSION
value_is() {
	local got

	got=$(value "$2")
	[ "$got" = "$1" ] || { echo "$2 is $got, not $1" >&2; return 1; }
}

descriptors() {
	find "/proc/$DAEMON_PID/fd" -mindepth 1 | wc -l
}

has_descriptors() {
	[ "$(descriptors)" -eq "$1" ]
}

reloads() {
	grep -c 'configuration read again' "$DAEMON_LOG" || true
}

@test "sessions that are opened after a reload get the new answer, the others the old one" {
	configure "$(handler h one 'events = {rcpt}')"
	run_daemon
	answers one
	open_session old
	sed -i "s|$HANDLERS/one|$HANDLERS/two|" "$CONF"
	reload
	answers two
	log_has 'configuration read again: handlers 0 new, 0 gone, 1 changed (h); listeners 0 new, 0 gone'
	[ "$(ask old)" = one ]
	value_is "['draining', 'running']" "[x['state'] for x in e]"
	value_is True "0 < e[0]['left'] <= 600"
	ctl status | grep -qE 'draining .* [0-9]+m [0-9]+s left$'
	close_session old
	wait_for value_is "['running']" "[x['state'] for x in e]"
	no log_has 'ended with status'
	answers two
}

@test "SIGHUP reads the file, also one whose path was relative" {
	local dir=$DAEMONS/d

	configure "$(handler h one 'events = {rcpt}')"
	mkdir -p "$dir"
	cd "$WORK"
	keep_daemon d "$PIPEMILTER" -d -f d.conf
	wait_for_daemon d "unix:$SOCK"
	sed -i "s|$HANDLERS/one|$HANDLERS/two|" "$CONF"
	kill -s HUP "$DAEMON_PID"
	wait_log 'configuration read again'
	wait_for answers two
	value_is 1 "c['reloads']"
	value_is True "c['read'] >= j['started'] and c['failed'] == 0 and not c.get('error')"
}

# A mistake: nothing changes. fails PATTERN: the reload, whose message and log have it.
fails() {
	local fds failed

	fds=$(descriptors)
	failed=$(ctl status | sed -n 's/.* reloads, \([0-9]*\) failed.*/\1/p')
	run -1 ctl reload
	grep -qE -- "^pipemilterctl: $1" <<<"$output" || { echo "$output"; return 1; }
	grep -qE -- "^pipemilter: $1" "$DAEMON_LOG"
	value_is "$((failed + 1)) 1" "'%d %d' % (c['failed'], len(e))"
	ctl status | grep -qE "$((failed + 1)) failed: "
	has_descriptors "$fds"
	answers one
}

@test "a mistake is told with its place, and changes nothing" {
	local at="$CONF:[0-9]+" good=$WORK/good

	configure "$(handler h one 'events = {rcpt}')" 'control-group = root'
	cp "$CONF" "$good"
	run_daemon
	wait_for answers one
	echo 'handler x {' >>"$CONF"
	fails "$at: "
	cp "$good" "$CONF"; echo 'evnts = 1' >>"$CONF"
	fails "$at: .*evnts"
	cp "$good" "$CONF"; sed -i "s|$HANDLERS/one|$HANDLERS/none|" "$CONF"
	fails "$at: .*none"
	cp "$good" "$CONF"; sed -i "/^spool-directory/d" "$CONF"; echo "spool-directory = $WORK/s2" >>"$CONF"
	fails "$at: spool-directory can't be changed by a reload; restart$"
	cp "$good" "$CONF"; sed -i "/^spool-directory/d" "$CONF"
	fails "$CONF: spool-directory can't be changed by a reload; restart$"
	cp "$good" "$CONF"; sed -i "s|^control = .*|control = '$WORK/c2'|" "$CONF"
	fails "$at: control can't be changed by a reload; restart$"
	cp "$good" "$CONF"; sed -i "s|^control-group = .*|control-group = bin|" "$CONF"
	fails "$at: control-group can't be changed by a reload; restart$"
	rm "$CONF"
	fails "$CONF: "
	if is_root; then
		cp "$good" "$CONF"; sed -i "s|^engine-user.*|engine-user = no-such-user|" "$CONF"
		fails "$at: .*no-such-user"
	fi
	value_is 0 "c['reloads']"
	cp "$good" "$CONF"
	reload
	value_is 1 "c['reloads']"
	value_is None "c.get('error') or None"
	no grep -qF 'failed:' <(ctl status)
}

@test "of several new sockets all are opened, or none is" {
	configure "$(handler h one 'events = {rcpt}')"
	run_daemon
	wait_for answers one
	python3 - "$WORK/taken" 3>&- <<-'END' &
		import signal, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen()
		signal.pause()
	END
	HELPERS=$!
	wait_for unix_listens "$WORK/taken"
	echo "listen 'unix:$WORK/first' { }" >>"$CONF"
	echo "listen 'unix:$WORK/taken' { }" >>"$CONF"
	fails "$CONF:[0-9]+: listen unix:$WORK/taken: somebody listens there already"
	[ ! -e "$WORK/first" ]
	no unix_listens "$WORK/first"
	[ -S "$WORK/taken" ]
}

@test "an engine that can't start is the end of the reload, not of the daemon" {
	has_sanitizer && skip 'a library can not be loaded before the sanitizer'
	cat >"$WORK/fails.c" <<-'END'
		#include <stdlib.h>
		#include <unistd.h>
		void tzset(void)
		{
			if (access(getenv("FAILS"), F_OK) == 0)
				_exit(7);
		}
	END
	"${CC:-cc}" -shared -fPIC -o "$WORK/fails.so" "$WORK/fails.c"
	configure 'engines = 2' "$(handler h one 'events = {rcpt}')"
	mkdir -p "$DAEMONS/d"
	keep_daemon d env FAILS="$OUT/fails" LD_PRELOAD="$WORK/fails.so" "$PIPEMILTER" -d -f "$CONF"
	wait_for_daemon d "unix:$SOCK"
	open_session old
	echo "listen 'unix:$WORK/new' { }" >>"$CONF"
	sed -i "s|$HANDLERS/one|$HANDLERS/two|" "$CONF"
	touch "$OUT/fails"
	run -1 ctl reload
	assert_output_has 'ended before it was ready'
	value_is "[1, 2]" "[x['engine'] for x in e]"
	[ ! -e "$WORK/new" ]
	answers one
	[ "$(ask old)" = one ]
	rm "$OUT/fails"
	reload
	answers two
	answers two "unix:$WORK/new"
}

@test "an engine that never gets ready is the end of the reload, not of the daemon" {
	has_sanitizer && skip 'a library can not be loaded before the sanitizer'
	# An engine waits as long as there is a file. With another one the supervisor's clock runs
	# faster, but not so fast that it takes the machine to stand still, or its engines.
	cat >"$WORK/waits.c" <<-'END'
		#define _GNU_SOURCE
		#include <stdlib.h>
		#include <sys/syscall.h>
		#include <time.h>
		#include <unistd.h>
		static int is_engine, is_fast;
		static long long base;
		void tzset(void)
		{
			is_engine = 1;
			while (access(getenv("WAITS"), F_OK) == 0)
				usleep(10000);
		}
		int clock_gettime(clockid_t clock, struct timespec *ts)
		{
			int ret = syscall(SYS_clock_gettime, clock, ts);
			long long ns = ts->tv_sec * 1000000000LL + ts->tv_nsec;
			if (clock != CLOCK_MONOTONIC)
				return ret;
			if (!is_fast && !is_engine && access(getenv("FAST"), F_OK) == 0) {
				is_fast = 1;
				base = ns;
			}
			if (is_fast)
				ns = base + (ns - base) * 5 / 2;
			ts->tv_sec = ns / 1000000000;
			ts->tv_nsec = ns % 1000000000;
			return ret;
		}
	END
	"${CC:-cc}" -shared -fPIC -o "$WORK/waits.so" "$WORK/waits.c"
	configure 'engines = 2' "$(handler h one 'events = {rcpt}')"
	mkdir -p "$DAEMONS/d"
	keep_daemon d env WAITS="$OUT/waits" FAST="$OUT/fast" LD_PRELOAD="$WORK/waits.so" \
	    "$PIPEMILTER" -d -f "$CONF"
	wait_for_daemon d "unix:$SOCK"
	open_session old
	fds=$(descriptors)
	echo "listen 'unix:$WORK/new' { }" >>"$CONF"
	sed -i "s|$HANDLERS/one|$HANDLERS/two|" "$CONF"
	touch "$OUT/waits"
	{ run ctl reload; echo "$status $output" >"$OUT/said"; } 3>&- &
	wait_for value_is "['running', 'running', 'starting', 'starting']" "[x['state'] for x in e]"
	answers one
	[ ! -s "$OUT/said" ]
	touch "$OUT/fast"
	wait_for -t 90 grep -q '^1 .*ended before it was ready' "$OUT/said"
	log_has 'is stuck'
	value_is "[1, 2]" "[x['engine'] for x in e]"
	has_descriptors "$fds"
	[ ! -e "$WORK/new" ]
	answers one
	[ "$(ask old)" = one ]
	rm "$OUT/waits"
	reload
	answers two "unix:$WORK/new"
}

@test "a listener that is new connects when the reload is done; one that is gone refuses" {
	local a b c

	a=$(free_port); b=$(free_port)
	configure "listen 'unix:$SOCK' { mode = 0666 }" "listen 'inet:$a' { }" \
	    "listen 'unix:$WORK/gone' { mode = 0666 }" "$(handler h one 'events = {rcpt}')"
	run_daemon
	wait_for answers one
	open_session old "inet:$a"
	open_session other "unix:$WORK/gone"
	configure "listen 'unix:$SOCK' { mode = 0666 }" "listen 'inet:$b' { }" \
	    "listen 'unix:$WORK/new' { mode = 0600 }" "$(handler h two 'events = {rcpt}')"
	reload
	answers two "unix:$WORK/new"
	answers two "inet:$b"
	no tcp_listens "$a"
	no unix_listens "$WORK/gone"
	[ ! -e "$WORK/gone" ]
	log_has 'listeners 2 new, 2 gone'
	[ "$(ask old)" = one ]
	[ "$(ask other)" = one ]
	value_is "['unix:$SOCK', 'inet:$b', 'unix:$WORK/new']" "list(l)"
}

@test "a listener that stays is the same socket, with its new owner, group and mode" {
	local inode

	configure "listen 'unix:$SOCK' { mode = 0600 }" "$(handler h one 'events = {rcpt}')"
	run_daemon
	wait_for answers one
	inode=$(stat -c %i "$SOCK")
	configure "listen 'unix:$SOCK' { mode = 0666 }" "$(handler h two 'events = {rcpt}')"
	python3 - "$SOCK" "$OUT" 3>&- <<-'END' &
		import os, socket, sys
		n = 0
		while not os.path.exists(sys.argv[2] + "/stop"):
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(sys.argv[1])
		    s.close()
		    n += 1
		    open(sys.argv[2] + "/connected", "w").write(str(n))
	END
	wait_for test -s "$OUT/connected"
	reload
	[ "$(stat -c '%i %a' "$SOCK")" = "$inode 666" ]
	if is_root; then
		configure "listen 'unix:$SOCK' { mode = 0660 owner = nobody group = bin }" \
		    "$(handler h two 'events = {rcpt}')"
		reload
		[ "$(stat -c '%i %a %U %G' "$SOCK")" = "$inode 660 nobody bin" ]
	fi
	touch "$OUT/stop"
	wait $!
	answers two
}

@test "a socket whose file is gone is made again" {
	configure "$(handler h one 'events = {rcpt}')"
	run_daemon
	wait_for answers one
	rm "$SOCK"
	reload
	answers one
}

@test "processes counts those of old and new engines, and the new limit holds" {
	write_handler slow <<-'END'
		echo x >>"$OUT/started"
		while [ ! -e "$OUT/go" ]; do sleep 0.1; done
		echo continue
	END
	configure "$(handler h slow 'events = {rcpt}' 'processes = 2' 'timeout = 2m' \
	    'queue-timeout = 1s' 'on-overload = "reject 550 5.7.1 full"' "environment = {'OUT=$OUT'}")" \
	    'event-timeout = 3m'
	run_daemon
	"$MILTER_SEND" -s "unix:$SOCK" -j 2 -n 2 "$WORK/mail" >"$OUT/sent" 2>&1 3>&- &
	HELPERS=$!
	wait_for bash -c "[ \$(wc -l <'$OUT/started') -eq 2 ]"
	sed -i 's/queue-timeout = 1s/queue-timeout = 1001ms/' "$CONF"
	reload
	answers full
	[ "$(wc -l <"$OUT/started")" -eq 2 ]
	value_is 2 "h['h']['processes']['busy']"
	sed -i 's/processes = 2/processes = 3/' "$CONF"
	sed -i 's/queue-timeout = 1001ms/queue-timeout = 2m/' "$CONF"
	reload
	"$MILTER_SEND" -s "unix:$SOCK" -n 1 "$WORK/mail" >"$OUT/third" 2>&1 3>&- &
	HELPERS="$HELPERS $!"
	wait_for bash -c "[ \$(wc -l <'$OUT/started') -eq 3 ]"
	"$MILTER_SEND" -s "unix:$SOCK" -n 1 "$WORK/mail" >"$OUT/fourth" 2>&1 3>&- &
	HELPERS="$HELPERS $!"
	wait_for value_is 1 "h['h']['waiting']"
	[ "$(wc -l <"$OUT/started")" -eq 3 ]
	# A process of an old engine makes room for one of a new one.
	touch "$OUT/go"
	wait_for bash -c "[ \$(wc -l <'$OUT/started') -eq 4 ]"
	wait $HELPERS
}

@test "processes of an old engine that wait for work end at once, and when they are idle" {
	write_handler lasts <<-'END'
		echo $$ >>"$OUT/pids"
		while read -r k v; do [ -n "$k" ] || echo 'reject 550 5.7.1 one'; done
	END
	configure "$(handler h lasts 'events = {rcpt}' 'reuse = yes' 'idle-timeout = 0' 'processes = 1' \
	    "environment = {'OUT=$OUT'}")"
	run_daemon
	open_session old
	kill -0 "$(cat "$OUT/pids")"
	reload
	wait_for none_alive "$(cat "$OUT/pids")"
	[ "$(ask old)" = one ]
	[ "$(wc -l <"$OUT/pids")" -eq 2 ]
	wait_for none_alive "$(tail -n 1 "$OUT/pids")"
	answers one
}

@test "connections of old engines count" {
	configure 'connections = 1' "$(handler h one 'events = {rcpt}')"
	run_daemon
	open_session old
	reload
	"$MILTER_SEND" -s "unix:$SOCK" "$WORK/mail" >"$OUT/sent" 2>&1 3>&- &
	HELPERS="$HELPERS $!"
	wait_log 'all of its 1 connections are in use'
	value_is 1 "l['unix:$SOCK']['connections']"
	close_session old
	wait_for grep -q 'one$' "$OUT/sent"
}

@test "spool-limit counts what old engines keep, and the new limit holds for them" {
	write_handler whole <<<'cat >/dev/null; echo "reject 550 5.7.1 whole"'
	configure 'spool-limit = 2M' 'event-timeout = 1m' \
	    "$(handler h whole 'input = message' 'output = reply' 'on-failure = "reject 550 5.7.1 lost"')"
	run_daemon
	{
		echo 'hello h.example'
		echo '-mail'; echo '-rcpt <r@b.example>'; echo '-data'; echo '-header Subject x'; echo '-eoh'
		for i in {1..20}; do echo '-bodyfill 65000'; done
		echo "touch $OUT/full"; echo "wait-file $OUT/go"
	} >"$WORK/script"
	python3 "$LIB_DIR/peers/rawmilter.py" -t 120 -s "unix:$SOCK" "$WORK/script" >"$OUT/raw" 2>&1 3>&- &
	HELPERS=$!
	wait_for test -e "$OUT/full" || { cat "$OUT/raw"; false; }
	reload
	head -c 900000 /dev/zero | tr '\0' x | fold -w 70 >>"$WORK/mail"
	answers lost
	log_has 'spool-limit is reached'
	value_is True "j['kept_bytes'] > 1000000"
	touch "$OUT/go"
	wait $HELPERS || true
	wait_for value_is 0 "j['kept_bytes']"
	answers whole
}

@test "counters go on over reloads, and gauges do not stay" {
	local i last=0 n

	configure "$(handler h one 'events = {rcpt}')" "$(handler gone one 'events = {mail}' 'shadow = yes')"
	run_daemon
	wait_for answers one
	for i in {1..20}; do
		"$MILTER_SEND" -s "unix:$SOCK" -n 3 "$WORK/mail" >/dev/null 2>&1 || true
		reload
		n=$(ctl status --openmetrics |
		    sed -n 's/^pipemilter_handler_answers_total{handler="h",verdict="reject"} //p')
		[ "$n" -ge "$last" ]
		last=$n
	done
	value_is 61 "h['h']['answers']['reject']"
	value_is 61 "h['h']['events']['rcpt']['count']"
	value_is 61 "h['h']['starts']"
	value_is 61 "j['messages']['aborted']"
	value_is 61 "l['unix:$SOCK']['accepted']"
	value_is "[0, 0]" "[l['unix:$SOCK']['connections'], h['h']['processes']['busy']]"
	value_is "['gone', 'h']" "sorted(h)"
	configure "$(handler h one 'events = {rcpt}')" "$(handler new one 'events = {mail}' 'shadow = yes')"
	reload
	value_is "['h', 'new']" "sorted(h)"
	value_is "[61, 0]" "[h['h']['answers']['reject'], h['new']['answers']['reject']]"
	log_has 'handlers 1 new (new), 1 gone (gone), 0 changed'
}

@test "a session that never ends is over after reload-timeout" {
	configure 'reload-timeout = 1s' "$(handler h one 'events = {rcpt}')"
	run_daemon
	open_session old
	reload
	wait_log 'reload-timeout is over'
	wait_for value_is "['running']" "[x['state'] for x in e]"
	answers one
	value_is 0 "l['unix:$SOCK']['connections']"
}

@test "an event in hand is answered when reload-timeout is over, and its handler ends" {
	write_handler hangs <<-'END'
		echo $$ >"$OUT/pid"
		exec sleep 600
	END
	configure 'reload-timeout = 1s' 'event-timeout = 5m' \
	    "$(handler h hangs 'events = {rcpt}' 'timeout = 4m' "environment = {'OUT=$OUT'}")"
	run_daemon
	"$MILTER_SEND" -s "unix:$SOCK" "$WORK/mail" >"$OUT/sent" 2>&1 3>&- &
	HELPERS=$!
	wait_for test -s "$OUT/pid"
	reload
	wait $HELPERS || true
	grep -q '451 ' "$OUT/sent" || { cat "$OUT/sent"; false; }
	wait_for none_alive "$(cat "$OUT/pid")"
	wait_for value_is 1 "len(e)"
}

@test "there are eight old sets of engines at most" {
	local i

	configure "$(handler h one 'events = {rcpt}')"
	run_daemon
	for i in {1..8}; do
		open_session "s$i"
		reload
	done
	value_is 9 "len(e)"
	open_session s9
	run -1 ctl reload
	assert_output_has '8 old sets of engines still have sessions'
	[ "$(ask s1)" = one ]
	[ "$(ask s9)" = one ]
	value_is "[8, 1]" "[c['reloads'], c['failed']]"
	close_session s4
	wait_for value_is 8 "len(e)"
	reload
	value_is True "len(set(x['engine'] for x in e)) == len(e)"
}

@test "three SIGHUPs at once are two reloads at most, and the last file holds" {
	configure "$(handler h one 'events = {rcpt}')"
	run_daemon
	wait_for answers one
	kill -s HUP "$DAEMON_PID"
	kill -s HUP "$DAEMON_PID"
	sed -i "s|$HANDLERS/one|$HANDLERS/two|" "$CONF"
	kill -s HUP "$DAEMON_PID"
	wait_for answers two
	reload
	[ "$(reloads)" -le 4 ]
	[ "$(reloads)" -ge 2 ]
}

@test "who asks while a reload goes on is answered after another one" {
	local i

	configure "$(handler h one 'events = {rcpt}')"
	run_daemon
	for i in {1..10}; do
		{ ctl reload; echo $? >"$OUT/rc.$i"; } >"$OUT/said.$i" 2>&1 3>&- &
	done
	wait_for bash -c "[ \$(cat '$OUT'/rc.* | grep -cx 0) -eq 10 ]"
	[ "$(reloads)" -le 10 ]
	[ "$(reloads)" -ge 1 ]
	[ ! -s "$OUT/said.1" ]
}

@test "SIGHUP during the start, during a drain and during the end" {
	local i

	configure "$(handler h one 'events = {rcpt}')"
	mkdir -p "$DAEMONS/d"
	keep_daemon d "$PIPEMILTER" -d -f "$CONF"
	# As early as it can come; it may come before the daemon knows of signals.
	for i in {1..50}; do
		kill -s HUP "$DAEMON_PID" 2>/dev/null || break
		log_has 'is ready' && break
	done
	wait_for test -e "$DAEMONS/d/log"
	if [ ! -s "$DAEMONS/d/status" ] && wait_for -t 20 log_has 'is ready'; then
		wait_for answers one
	else
		# It had not yet caught the signal.
		rm -rf "$DAEMONS/d"
		run_daemon
	fi
	open_session old
	ctl drain
	no unix_listens "$SOCK"
	value_is draining "j['state']"
	kill -s HUP "$DAEMON_PID"
	wait_for answers one
	wait_for value_is running "j['state']"
	[ "$(ask old)" = one ]
	ctl drain
	reload
	answers one
	run -0 ctl ping
	ctl drain
	kill "$DAEMON_PID"
	wait_log ending
	kill -s HUP "$DAEMON_PID"
	wait_log 'SIGHUP: the configuration is not read again'
	run -1 ctl reload
	assert_output_has 'the daemon is ending'
	close_session old
	wait_for test -s "$DAEMONS/d/status"
}

@test "a drain and a stop give a reload up" {
	has_sanitizer && skip 'a library can not be loaded before the sanitizer'
	cat >"$WORK/waits.c" <<-'END'
		#include <stdlib.h>
		#include <unistd.h>
		void tzset(void)
		{
			while (access(getenv("WAITS"), F_OK) == 0)
				usleep(10000);
		}
	END
	"${CC:-cc}" -shared -fPIC -o "$WORK/waits.so" "$WORK/waits.c"
	configure "$(handler h one 'events = {rcpt}')"
	mkdir -p "$DAEMONS/d"
	keep_daemon d env WAITS="$OUT/waits" LD_PRELOAD="$WORK/waits.so" "$PIPEMILTER" -d -f "$CONF"
	wait_for_daemon d "unix:$SOCK"
	wait_for answers one
	touch "$OUT/waits"
	{ run ctl reload; echo "$status $output" >"$OUT/first"; } 3>&- &
	wait_for value_is "['running', 'starting']" "[x['state'] for x in e]"
	ctl drain
	wait_for grep -q '^1 .*the daemon is drained' "$OUT/first"
	wait_for value_is 0 "len(e)"
	rm "$OUT/waits"
	reload
	answers one
	touch "$OUT/waits"
	{ run ctl reload; echo "$status $output" >"$OUT/second"; } 3>&- &
	wait_for value_is "['running', 'starting']" "[x['state'] for x in e]"
	ctl stop
	wait_for grep -q '^1 .*the daemon is ending' "$OUT/second"
	wait_for test -s "$DAEMONS/d/status"
}

@test "TMPDIR of a handler that stays is kept; that of another user is a new one" {
	write_handler tmp <<-'END'
		u=$(id -un)
		touch "$TMPDIR/$u"
		ls "$TMPDIR" | tr '\n' ' ' >"$OUT/$u.files"
		echo "reject 550 5.7.1 $TMPDIR"
	END
	configure "$(handler h tmp 'events = {rcpt}' "environment = {'OUT=$OUT'}")"
	run_daemon
	first=$(answer)
	touch "$first/mine"
	open_session old
	sed -i 's/^environment/slow = 7s\n&/' "$CONF"
	reload
	answers "$first"
	[ -e "$first/mine" ]
	if is_root; then
		sed -i 's/^slow = 7s/user = games/' "$CONF"
		reload
		[ "$(answer)" != "$first" ]
		[ "$(cat "$OUT/games.files")" = 'games ' ]
		[ -e "$first/mine" ]
	fi
	[ "$(ask old)" = "$first" ]
	close_session old
	if is_root; then
		wait_for test ! -e "$first"
	else
		[ -e "$first" ]
	fi
}

@test "new processes run as the users that are configured now" {
	is_root || skip 'only root changes to other users'
	write_handler who <<<'echo "reject 550 5.7.1 $(id -un)"'
	configure 'engine-user = daemon' 'handler-user = games' "$(handler h who 'events = {rcpt}')"
	run_daemon
	wait_for answers games
	[ "$(ps -o user= -p "$(value "e[0]['pid']")")" = daemon ]
	configure 'engine-user = bin' 'handler-user = nobody' "$(handler h who 'events = {rcpt}')"
	reload
	answers nobody
	[ "$(ps -o user= -p "$(value "e[0]['pid']")")" = bin ]
}

@test "files of messages: old and new engines have their own, with the right owner" {
	write_handler spooled <<-'END'
		echo "reject 550 5.7.1 $(id -un) $(grep -c hello "$MILTER_BODY_FILE")"
	END
	configure "$(handler h spooled 'events = {end-of-message}' 'spool = yes')"
	run_daemon
	first=$(answer)
	[[ $first == *' 1' ]]
	reload
	answers "$first"
	if is_root; then
		sed -i 's/^engine-user.*/engine-user = bin/; s/^spool = yes/spool = yes\nuser = games/' "$CONF"
		reload
		answers 'games 1'
	fi
	configure "$(handler h one 'events = {rcpt}')"
	reload
	answers one
	configure "$(handler h spooled 'events = {end-of-message}' 'spool = yes')"
	reload
	answers "$first"
}

@test "an engine has nothing of other generations: no descriptor, no memory to write" {
	local old maps new

	configure 'engines = 2' "$(handler h one 'events = {rcpt}' 'reports = {end-of-message}' 'spool = yes')"
	run_daemon
	open_session a
	old=$(value "len(__import__('os').listdir('/proc/%d/fd' % e[1]['pid']))")
	maps=$(grep -c ' rw-s .*memfd:' "/proc/$(value "e[1]['pid']")/maps")
	reload
	open_session b
	reload
	new=$(value "e[-1]['pid']")
	[ "$(find "/proc/$new/fd" -mindepth 1 | wc -l)" -le "$old" ]
	[ "$(grep -c ' rw-s .*memfd:' "/proc/$new/maps")" -eq "$maps" ]
}

@test "processes of a handler that is gone are shown, and who watches goes on" {
	write_handler hangs <<-'END'
		echo $$ >"$OUT/pid"
		exec sleep 600
	END
	configure 'event-timeout = 5m' "$(handler old hangs 'events = {rcpt}' 'timeout = 4m' \
	    "environment = {'OUT=$OUT'}")"
	run_daemon
	ctl watch -n 1 >"$OUT/watched" 3>&- &
	HELPERS=$!
	"$MILTER_SEND" -s "unix:$SOCK" "$WORK/mail" >/dev/null 2>&1 3>&- &
	HELPERS="$HELPERS $!"
	wait_for test -s "$OUT/pid"
	configure "$(handler new one 'events = {rcpt}')"
	reload
	wait_for bash -c '"$PIPEMILTERCTL" -s "$1" processes | grep -q "^old .* busy "' - "$CONTROL"
	answers one
	wait_for grep -q 'reject by new: 550 5.7.1 one' "$OUT/watched"
	# The end of the daemon would wait for it.
	kill "$(cat "$OUT/pid")"
}

@test "an engine that dies after a reload is started with the configuration of now" {
	configure "$(handler h one 'events = {rcpt}')"
	run_daemon
	open_session old
	sed -i "s|$HANDLERS/one|$HANDLERS/two|" "$CONF"
	reload
	kill -s KILL "$(value "e[1]['pid']")"
	wait_log 'started again'
	wait_for answers two
	# That of the old configuration is not started again.
	kill -s KILL "$(value "[x['pid'] for x in e if x['state'] == 'draining'][0]")"
	wait_for value_is "['running']" "[x['state'] for x in e]"
	answers two
}

@test "log settings are those of the new file" {
	configure "$(handler h one 'events = {rcpt}')"
	run_daemon
	configure 'log-level = debug' "$(handler h one 'events = {rcpt}')"
	reload
	reload
	wait_log 'started as pid'
	configure 'log-level = error' "$(handler h one 'events = {rcpt}')"
	reload
	n=$(reloads)
	reload
	answers one
	[ "$(reloads)" -eq "$n" ]
}

@test "a service manager learns of a reload, and of sockets that come and go" {
	configure "listen 'unix:$SOCK' { mode = 666 }" "listen 'unix:$WORK/gone' { }" \
	    "$(handler h one 'events = {rcpt}')"
	: >"$WORK/said"
	mkdir -p "$DAEMONS/d"
	keep_daemon d python3 "$LIB_DIR/peers/service_manager.py" "$WORK" "$PIPEMILTER" -d -f "$CONF"
	wait_for grep -q READY=1 "$WORK/said"
	wait_for bash -c "[ \$(wc -l <'$WORK/store') -eq 2 ]"
	before=$(python3 -c 'import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)')
	configure "listen 'unix:$SOCK' { mode = 666 }" "listen 'unix:$WORK/new' { }" \
	    "listen 'unix:$WORK/new2' { }" "$(handler h one 'events = {rcpt}')"
	: >"$WORK/said"
	reload
	after=$(python3 -c 'import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)')
	wait_for grep -q READY=1 "$WORK/said"
	usec=$(sed -n 's/.*RELOADING=1 MONOTONIC_USEC=\([0-9]*\).*/\1/p' "$WORK/said")
	[ "$usec" -ge "$before" ] && [ "$usec" -le "$after" ]
	grep -q 'FDSTOREREMOVE=1' "$WORK/said"
	wait_for bash -c "[ \$(wc -l <'$WORK/store') -eq 3 ]"
	[ ! -e "$WORK/gone" ]
	: >"$WORK/said"
	echo nonsense >>"$CONF"
	run -1 ctl reload
	wait_for grep -q 'READY=1 STATUS=running; reload failed: ' "$WORK/said"
	# All sockets are there, with their files, when the daemon is started again.
	configure "listen 'unix:$SOCK' { mode = 666 }" "listen 'unix:$WORK/new' { }" \
	    "listen 'unix:$WORK/new2' { }" "$(handler h two 'events = {rcpt}')"
	inode=$(stat -c %i "$WORK/new")
	: >"$WORK/said"
	kill -s USR1 "$DAEMON_PID"
	wait_for grep -q READY=1 "$WORK/said"
	answers two "unix:$WORK/new"
	[ "$(stat -c %i "$WORK/new")" = "$inode" ]
}

# reload_often N: over one control connection each; prints the lines of /proc/PID/status.
reload_often() {
	python3 - "$CONTROL" "$1" "$("$PIPEMILTERCTL" -V | cut -d ' ' -f 2)" <<-'END'
		import socket, sys
		for i in range(int(sys.argv[2])):
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		    s.connect(sys.argv[1])
		    s.send((sys.argv[3] + " reload").encode())
		    # A busy machine may have warnings. The last message has type 0, and the status.
		    answer = s.recv(65536)
		    while answer and answer[0] != 0:
		        answer = s.recv(65536)
		    if not answer or answer[-1] != 0:
		        sys.exit("reload %d: %r" % (i, answer))
		    s.close()
	END
}

resident() {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$DAEMON_PID/status"
}

@test "a thousand reloads leave nothing behind" {
	local n=1000 fds before after

	has_sanitizer && n=60
	configure "$(handler h one 'events = {rcpt}' 'reuse = yes')" \
	    "$(handler spooled one 'events = {end-of-message}' 'spool = yes')"
	run_daemon
	reload_often 10
	wait_for value_is 1 "len(e)"
	fds=$(descriptors)
	before=$(resident)
	reload_often "$n"
	wait_for value_is 1 "len(e)"
	wait_for has_descriptors "$fds"
	after=$(resident)
	echo "resident: $before kB, then $after kB"
	has_sanitizer || [ $((after - before)) -lt 1024 ]
	value_is $((n + 10)) "c['reloads']"
	[ "$(find "$WORK/spool" -name '.aside*' | wc -l)" -eq 0 ]
	[ "$(ps -o pid= --ppid "$DAEMON_PID" | wc -l)" -eq 2 ]
}
