#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# pipemilterctl and the control socket: who may ask what, and whether the numbers are
# those of what happened. Each test has a daemon of its own.

# shellcheck disable=SC2154	# status, output and stderr are set by run

bats_require_minimum_version 1.5.0

load ../lib/common

: "${PIPEMILTERCTL:=$BUILDDIR/pipemilterctl}"
export PIPEMILTERCTL

setup() {
	test_setup
	CONTROL=$WORK/run/control.sock
	printf 'Subject: x\n\nhello\n' >"$WORK/mail"
	write_handler yes <<<'echo continue'
}

teardown() {
	[ -z "${STOPPED:-}" ] || kill -s CONT "$STOPPED" 2>/dev/null || true
	# shellcheck disable=SC2086
	[ -z "${CLIENTS:-}" ] || kill $CLIENTS 2>/dev/null || true
	test_teardown
}

ctl() {
	"$PIPEMILTERCTL" -s "$CONTROL" "$@"
}

# configure [GLOBAL OPTION ...]: handlers follow on standard input; `yes' without.
configure() {
	printf '%s\n' "control = '$CONTROL'" "$@"
	cat
	printf 'listen "unix:%s" { mode = 666 }\n' "$SOCK"
}

# handler NAME COMMAND [OPTION ...]: a busy machine may need more than the 8 s of the default.
handler() {
	local name=$1 command=$2

	shift 2
	printf 'handler "%s" {\ncommand = {%s/%s}\n' "$name" "$HANDLERS" "$command"
	[[ $* == *timeout\ =* ]] || echo 'timeout = 60s'
	printf '%s\n' "$@" '}'
}

run_daemon() {
	start_daemon < <(configure "$@" </dev/stdin)
}

run_plain() {
	run_daemon "$@" < <(handler yes yes 'events = {mail}')
}

# send [ARGUMENT ...]: messages through the daemon
send() {
	"$MILTER_SEND" -s "unix:$SOCK" "$@" "$WORK/mail"
}

# value EXPRESSION: of j, the status of the daemon
value() {
	ctl status --json | python3 -c "
import json, sys
j = json.load(sys.stdin)
h = {x['handler']: x for x in j['handlers']}
print($1)"
}

# value_is TEXT EXPRESSION
value_is() {
	local got

	got=$(value "$2")
	[ "$got" = "$1" ] || { echo "$2 is $got, not $1" >&2; return 1; }
}

@test "ping says ok, and stop returns when the daemon has ended" {
	run_plain
	run -0 --separate-stderr ctl ping
	[ "$output" = ok ] && [ -z "$stderr" ]
	run -0 --separate-stderr ctl stop
	[ -z "$output$stderr" ]
	wait_for test -s "$DAEMONS/d/status"
	[ ! -e "$CONTROL" ]
}

@test "exit statuses: no daemon, wrong words, a socket of another kind" {
	run -3 ctl ping
	[[ $output == "pipemilterctl: $CONTROL: no daemon listens there" ]]
	run_plain
	for words in '' nonsense 'ping now' 'status --yaml' 'status --json --json' 'stop -x' \
	    'processes --http' 'processes --json x'; do
		# shellcheck disable=SC2086
		run -2 ctl $words
		assert_output_has 'usage: pipemilterctl'
	done
	while IFS='|' read -r words text; do
		# shellcheck disable=SC2086
		run -2 ctl $words
		assert_equal "${lines[0]}" "pipemilterctl: $text"
	done <<-'END'
		nonsense|command "nonsense": unknown
		ping now|ping "now": unexpected argument
		reload --timeout 1|reload "--timeout": unexpected argument
		status --yaml|status "--yaml": unexpected argument
		status --json twice|status "twice": unexpected argument
		processes --http|processes "--http": unexpected argument
		top 0|top "0": not a number of seconds from 1 to 3600
		top 2 3|top "3": unexpected argument
		watch -z|watch: invalid option -- 'z'
		watch -n|watch: option requires an argument -- 'n'
		watch -n x|-n "x": invalid
	END
	run -3 "$PIPEMILTERCTL" -s "$SOCK" ping
	run -3 "$PIPEMILTERCTL" -s "$WORK/mail/x" ping
	run -1 "$PIPEMILTERCTL" -s "$WORK/$(printf '%0150d' 0)" ping
	run -0 "$PIPEMILTERCTL" -V
	ctl stop
	run -3 ctl status
}

@test "a standard output that is full is an error" {
	[ -e /dev/full ] || skip 'no /dev/full'
	run_plain
	for words in ping status 'status --openmetrics'; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr bash -c '"$PIPEMILTERCTL" -s "$@" >/dev/full' - "$CONTROL" $words
		[[ $stderr == 'pipemilterctl: standard output: '* ]]
	done
}

as_user() {
	local user=$1 group=$2

	shift 2
	setpriv --reuid="$user" --regid="$(id -g "$user")" --groups "$group" "$@"
}

@test "another user may nothing; one of the control-group may look" {
	[ "$(id -u)" -eq 0 ] || skip 'only root can become somebody else'
	command -v setpriv || skip 'no setpriv'
	local group

	group=$(getent group games | cut -d : -f 3)
	[ -n "$group" ] || skip 'no group games'
	cp "$PIPEMILTERCTL" "$WORK/ctl"
	run_plain
	[ "$(stat -c '%a %u' "$CONTROL")" = '600 0' ]
	run -4 as_user nobody "$group" "$WORK/ctl" -s "$CONTROL" ping
	ctl stop
	wait_for test -s "$DAEMONS/d/status"
	rm -rf "$DAEMONS/d"
	run_plain 'control-group = games'
	[ "$(stat -c '%a %u %g' "$CONTROL")" = "660 0 $group" ]
	run -4 as_user nobody "$(id -g nobody)" "$WORK/ctl" -s "$CONTROL" ping
	run -0 as_user nobody "$group" "$WORK/ctl" -s "$CONTROL" ping
	run -0 as_user nobody "$group" "$WORK/ctl" -s "$CONTROL" status --json
	run -4 as_user nobody "$group" "$WORK/ctl" -s "$CONTROL" stop
	assert_output_has 'pipemilterctl: only root'
	run -4 as_user nobody "$group" "$WORK/ctl" -s "$CONTROL" drain
	run -4 as_user nobody "$group" "$WORK/ctl" -s "$CONTROL" reload
	run -4 as_user nobody "$group" "$WORK/ctl" -s "$CONTROL" watch
	run -0 as_user nobody "$group" "$WORK/ctl" -s "$CONTROL" processes
	as_user nobody "$group" timeout 20 "$WORK/ctl" -s "$CONTROL" top 1 | grep -q '^pipemilter '
	run -0 ctl ping
}

@test "a control socket in use, or in an open directory, is no good" {
	run_plain
	configure < <(handler yes yes 'events = {mail}') | sed "s|$SOCK|$SOCK.2|" >"$WORK/two.conf"
	complete_config "$WORK/two.conf"
	run -1 "$PIPEMILTER" -d -f "$WORK/two.conf"
	assert_output_has "control: $CONTROL: somebody listens there already"
	[ ! -e "$SOCK.2" ]
	run -0 ctl ping
	[ "$(id -u)" -eq 0 ] || return 0
	mkdir -m 777 "$WORK/open"
	sed -i "s|$CONTROL|$WORK/open/control|" "$WORK/two.conf"
	run -1 "$PIPEMILTER" -d -f "$WORK/two.conf"
	assert_output_has "control"
}

@test "a socket that a killed daemon has left is replaced" {
	run_plain
	kill -s KILL -- "-$DAEMON_PID"
	wait_for test -s "$DAEMONS/d/status"
	[ -S "$CONTROL" ]
	run -3 ctl ping
	rm -rf "$DAEMONS/d"
	run_plain
	run -0 ctl ping
}

# Runs in the background: clients that do what they should not.
bad_clients() {
	python3 - "$CONTROL" "$WORK/clients" <<-'END' &
		import socket, sys, time
		def client():
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		    while s.connect_ex(sys.argv[1]) != 0:
		        if time.time() > ends:
		            sys.exit("no connection")
		    s.settimeout(30)
		    return s
		ends = time.time() + 60
		silent = []
		big = client()
		try:
		    big.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
		    big.send(b"x" * (100 << 10))
		except OSError:
		    pass
		deaf = client()
		deaf.send(b"0.0.0 status")
		for i in range(100):
		    silent.append(client())
		open(sys.argv[2], "w").write("there\n")
		closed = 0
		for s in silent:
		    s.settimeout(max(0.1, ends - time.time()))
		    try:
		        closed += s.recv(10) == b""
		    except ConnectionError:
		        closed += 1
		    except OSError:
		        pass
		open(sys.argv[2], "w").write("%d closed\n" % closed)
	END
	CLIENTS=$!
}

@test "clients that are silent, deaf or too loud shut nobody out, and are closed" {
	local i

	run_plain
	bad_clients
	wait_for test -s "$WORK/clients"
	for i in 1 2 3 4 5; do
		run -0 timeout 60 "$PIPEMILTERCTL" -s "$CONTROL" ping
	done
	run -0 send
	wait_for -t 60 grep -qx '100 closed' "$WORK/clients"
	CLIENTS=
	[ "$(ls "/proc/$DAEMON_PID/fd" | wc -l)" -lt 30 ]
}

@test "who reads nothing of a long answer is closed, and keeps nobody waiting" {
	local i

	# Of so many handlers that a socket has no room for all.
	run_daemon < <(for ((i = 0; i < 64; i++)); do handler "h$i" yes 'events = {mail}'; done)
	python3 - "$CONTROL" "$(ctl -V | cut -d ' ' -f 2)" "$OUT/deaf" <<-'END' 3>&- &
		import select, socket, sys, time
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		s.connect(sys.argv[1])
		s.send((sys.argv[2] + " status").encode())
		open(sys.argv[3], "w").write("asked\n")
		p, ends = select.poll(), time.time() + 30
		p.register(s, 0)
		while time.time() < ends and not p.poll(1000):
		    pass
		n, last = 0, b"?"
		try:
		    while last:
		        last, n = s.recv(65536), n + 1
		except OSError:
		    pass
		open(sys.argv[3], "w").write("closed after %s\n" % ("all" if n > 64 else "a part"))
	END
	CLIENTS=$!
	wait_for grep -q asked "$OUT/deaf"
	ctl ping >"$OUT/ping" &
	# The other one has 5 s.
	wait_for -t 4 grep -qx ok "$OUT/ping"
	wait_for grep -qx 'closed after a part' "$OUT/deaf"
	CLIENTS=
	ctl status >"$OUT/all"
	grep -q '^h63 ' "$OUT/all"
}

# fake MODE: in the background, something else that listens at $CONTROL
fake() {
	rm -f "$CONTROL"
	mkdir -p "$WORK/run"
	python3 - "$CONTROL" "$1" <<-'END' 3>&- &
		import socket, sys, time
		def text(kind, s):
		    return bytes([kind]) + s + b"\0"
		def end(status):
		    return b"\0" + status.to_bytes(8, "big")
		answers = {
		    "close": [], "nonsense": [b"\xff" * 9], "empty": [end(0)], "cut": [end(0)[:4]],
		    "version": [text(1, b"the daemon is of version 9, use its pipemilterctl"), end(1)],
		    "escape": [text(2, b"\x1b[2J\r\n\x9b ok"), text(1, b"\x1b]0;x\x07"), end(77)],
		    "endless": [text(3, b"9\0running\0x\0") + b"\0" * 8] * 5,
		}
		l = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		l.bind(sys.argv[1])
		l.listen(5)
		while True:
		    c = l.accept()[0]
		    c.recv(2000)
		    try:
		        for a in answers.get(sys.argv[2], []):
		            c.send(a)
		        while sys.argv[2] == "flood":
		            c.send(text(2, b"x"))
		    except OSError:
		        pass
		    if sys.argv[2] == "silent":
		        time.sleep(60)
		    c.close()
	END
	CLIENTS="${CLIENTS:-} $!"
	wait_for test -S "$CONTROL"
}

@test "what listens there is another version, or nothing of ours: a message, and status 1" {
	for words in ping status 'status --json' processes 'top 1' watch drain; do
		# shellcheck disable=SC2086
		for mode in close nonsense cut version; do
			fake "$mode"
			run -1 --separate-stderr timeout 30 "$PIPEMILTERCTL" -s "$CONTROL" $words
			[ -z "$output" ]
			[[ $stderr == pipemilterctl:\ * ]]
		done
	done
	[[ $stderr == 'pipemilterctl: the daemon is of version 9, use its pipemilterctl' ]]
	fake empty
	run -1 ctl status
	[ "$output" = "pipemilterctl: $CONTROL: the answer is not complete" ]
	fake endless
	run -1 ctl status
	fake escape
	run -1 --separate-stderr ctl ping
	[ "$output" = '\033[2J\015\012\233 ok' ]
	[ "$stderr" = 'pipemilterctl: \033]0;x\007' ]
	fake silent
	run -1 timeout 60 "$PIPEMILTERCTL" -s "$CONTROL" ping
	[ "$output" = 'pipemilterctl: no answer within 10 s' ]
	fake flood
	run -1 --separate-stderr bash -c 'timeout 120 "$PIPEMILTERCTL" -s "$1" ping >"$2"' - \
	    "$CONTROL" "$OUT/flood"
	[ "$stderr" = 'pipemilterctl: the answer does not end' ]
}

@test "a request of another version is told so, and nonsense harms nothing" {
	run_plain
	run -0 python3 - "$CONTROL" <<-'END'
		import os, socket, sys
		def ask(data):
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		    s.settimeout(60)
		    s.connect(sys.argv[1])
		    s.send(data)
		    answer = b""
		    while True:
		        try:
		            piece = s.recv(65536)
		        except ConnectionError:
		            break
		        if not piece:
		            break
		        answer += piece
		    return answer
		assert b"the daemon is of version" in ask(b"0.0.0 ping")
		for data in b"", b" ", b"\0", b"x" * 1024, b"x" * 1025, b" " * 1024, b"\xff" * 30:
		    if data:
		        ask(data)
		for i in range(200):
		    ask(os.urandom(1 + i))
	END
	run -0 ctl ping
}

@test "no engine has the control socket" {
	run_plain 'engines = 2'
	local pid inode

	inode=$(awk -v p="$CONTROL" '$8 == p { print $7 }' /proc/net/unix)
	[ -n "$(find "/proc/$DAEMON_PID/fd" -lname "socket:\[$inode\]")" ]
	for pid in $(pgrep -P "$DAEMON_PID"); do
		[ -z "$(find "/proc/$pid/fd" -lname "socket:\[$inode\]")" ]
	done
}

@test "ping tells of an engine that stands still, and status calls it stuck" {
	local engine

	run_plain 'engines = 2'
	engine=$(pgrep -P "$DAEMON_PID" -f 'engine 2')
	STOPPED=$engine
	kill -s STOP "$engine"
	run -0 ctl ping
	wait_for bash -c '! "$PIPEMILTERCTL" -s "$1" ping' - "$CONTROL"
	run -1 ctl ping
	[ "$output" = 'pipemilterctl: engine 2 has had no turn for 15 s' ]
	value_is "['running', 'stuck']" "[e['state'] for e in j['engines']]"
	# The other one serves.
	run -0 send -n 3
	wait_for ctl ping
	STOPPED=
	value_is '1' "j['engine_failures']"
}

@test "an engine that was killed does not run, and what it counted stays" {
	run_plain
	send -n 7
	value_is 7 "h['yes']['answers']['continue']"
	kill -s KILL "$(pgrep -P "$DAEMON_PID" -f ': engine')"
	wait_for ctl ping
	value_is 7 "h['yes']['answers']['continue']"
	value_is 7 "j['messages']['accept']"
	send -n 3
	value_is 10 "h['yes']['answers']['continue']"
	value_is 10 "j['listeners'][0]['accepted']"
	value_is 1 "j['engine_failures']"
}

@test "numbers are those of what happened: answers, failures, timeouts, ends, reports" {
	write_handler no <<<'echo reject'
	write_handler dies <<<'echo words >&2; exit 3'
	write_handler killed <<<'kill -s KILL $$'
	write_handler hangs <<<'sleep 30'
	write_handler told <<<'cat >/dev/null'
	run_daemon < <(
		handler dies dies 'events = {mail}' 'on-failure = continue'
		handler killed killed 'events = {mail}' 'on-failure = continue'
		handler hangs hangs 'events = {mail}' 'on-timeout = continue' 'timeout = 300ms'
		handler told told 'reports = {disconnect}'
		handler no no 'events = {end-of-message}' 'slow = 1h'
	)
	send -n 4 || true
	wait_for value_is 4 "h['told']['reports']['taken']"
	value_is "{'accept': 0, 'reject': 4, 'tempfail': 0, 'discard': 0, 'shutdown': 0, 'aborted': 0}" \
	    "j['messages']"
	value_is "{'failure': 4, 'timeout': 0, 'overload': 0}" "h['dies']['failures']"
	value_is "{'failure': 4, 'timeout': 0, 'overload': 0}" "h['killed']['failures']"
	value_is "{'failure': 0, 'timeout': 4, 'overload': 0}" "h['hangs']['failures']"
	value_is "{'zero': 0, 'status': 4, 'signal': 0}" "h['dies']['ends']"
	value_is "{'zero': 0, 'status': 0, 'signal': 4}" "h['killed']['ends']"
	value_is "[4, 4, 0]" "[h['no']['answers']['reject'], h['no']['starts'], h['no']['slow']]"
	value_is "{'logged': 4, 'dropped': 0}" "h['dies']['stderr']"
	value_is 4 "j['listeners'][0]['accepted']"
	value_is True "all(sum(x['answers'].values()) + sum(x['failures'].values()) ==
	    sum(e['count'] for e in x['events'].values()) == x['wait']['count']
	    for x in j['handlers'])"
	wait_for value_is 0 "sum(sum(x['processes'][s] for s in ('starting', 'idle', 'busy', 'ending'))
	    for x in j['handlers'])"
	ctl status --openmetrics >"$OUT/om"
	grep -qx 'pipemilter_answers_total{event="end-of-message",verdict="reject"} 4' "$OUT/om"
	grep -qx 'pipemilter_handler_failures_total{handler="hangs",kind="timeout"} 4' "$OUT/om"
}

@test "an overload counts once, and the queue and its wait are seen" {
	write_handler holds <<-'END'
		touch "$OUT/holds"
		while [ ! -e "$OUT/go" ]; do sleep 0.1; done
		echo continue
	END
	run_daemon 'event-timeout = 60s' < <(handler holds holds 'events = {mail}' 'processes = 1' \
	    'timeout = 60s' 'queue-timeout = 5s' "environment = {'OUT=$OUT'}" 'on-overload = continue')
	send >/dev/null &
	wait_for test -e "$OUT/holds"
	value_is "{'starting': 0, 'idle': 0, 'busy': 1, 'ending': 0, 'limit': 1}" "h['holds']['processes']"
	send >/dev/null &
	wait_for value_is 1 "h['holds']['waiting']"
	wait_for value_is "{'failure': 0, 'timeout': 0, 'overload': 1}" "h['holds']['failures']"
	value_is "[0, 1]" "[h['holds']['waiting'], h['holds']['waits']]"
	: >"$OUT/go"
	wait
	value_is 2 "sum(e['count'] for e in h['holds']['events'].values())"
	value_is True "h['holds']['wait']['seconds'] >= 4.9"
}

@test "a handler that takes 40 ms is in the bucket of 50 ms" {
	write_handler forty <<<'sleep 0.04; echo continue'
	run_daemon < <(handler forty forty 'events = {mail}')
	send -n 20
	value_is True "dict(map(tuple, h['forty']['events']['mail']['buckets']))[0.025] == 0"
	value_is True "dict(map(tuple, h['forty']['events']['mail']['buckets']))[0.1] > 10"
	run -0 ctl status
	assert_output_has '  20 '
}

@test "names with quotes, backslashes, UTF-8 and control characters survive, and do nothing" {
	local odd

	odd=$WORK/$(printf 'a"b\\c\303\244\033[31m\377')
	configure < <(handler yes yes 'events = {mail}') >"$WORK/odd.conf"
	printf "listen 'unix:%s' {}\n" "$odd" >>"$WORK/odd.conf"
	complete_config "$WORK/odd.conf"
	"$PIPEMILTER" -n -f "$WORK/odd.conf" >/dev/null 2>&1 || skip 'such a name is not allowed'
	mkdir -p "$DAEMONS/d"
	keep_daemon d "$PIPEMILTER" -d -f "$WORK/odd.conf"
	wait_for ctl ping
	ctl status >"$OUT/text"
	ctl status --json >"$OUT/json"
	ctl status --openmetrics >"$OUT/om"
	for f in text json om; do
		! grep -q "$(printf '\033')" "$OUT/$f" || false
	done
	python3 - "$OUT/json" "$WORK" <<-'END'
		import json, sys
		j = json.load(open(sys.argv[1], encoding="utf-8"))
		def numbers(x):
		    if isinstance(x, (dict, list)):
		        return [n for y in (x.values() if isinstance(x, dict) else x) for n in numbers(y)]
		    return [x] if isinstance(x, (int, float)) else []
		assert len(numbers(j)) > 50 and min(numbers(j)) >= 0, j
		assert j["listeners"][1]["listen"] == "unix:" + sys.argv[2] + '/a"b\\c\u00e4\x1b[31m\ufffd', j
	END
	python3 -c 'import sys; open(sys.argv[1], encoding="utf-8").read()' "$OUT/om"
	grep -qF 'a"b\\c' "$OUT/text"
	grep -qF 'a\"b\\\\c' "$OUT/om"
}

@test "OpenMetrics: the strict parser takes it" {
	local python=

	for p in python3 /usr/bin/python3; do
		! $p -c 'import prometheus_client.openmetrics.parser' 2>/dev/null || python=$p
	done
	[ -n "$python" ] || skip 'no prometheus_client'
	write_handler dies <<<'exit 3'
	write_handler hangs <<<'sleep 30'
	run_daemon < <(
		handler yes yes 'events = {mail, rcpt, end-of-message}'
		handler dies dies 'events = {mail}' 'on-failure = continue'
		handler hangs hangs 'events = {rcpt}' 'on-timeout = continue' 'timeout = 200ms'
	)
	send -n 3
	ctl status --openmetrics >"$OUT/om"
	"$python" - "$OUT/om" <<-'END'
		import sys
		from prometheus_client.openmetrics import parser
		text = open(sys.argv[1]).read()
		families = {f.name: f for f in parser.text_string_to_metric_families(text)}
		assert len(families) >= 32, len(families)
		assert all(n.startswith("pipemilter_") for n in families)
		assert {f.type for f in families.values()} == {"gauge", "counter", "histogram"}
		assert all(s.value >= 0 for f in families.values() for s in f.samples)
		def total(name, handler):
		    return sum(s.value for s in families[name].samples if s.labels["handler"] == handler
		               and s.name in (name + "_total", name + "_count"))
		for handler in "yes", "dies", "hangs":
		    counted = total("pipemilter_handler_answer_seconds", handler)
		    assert counted == total("pipemilter_handler_wait_seconds", handler) == (9 if handler == "yes" else 3)
		    assert counted == total("pipemilter_handler_answers", handler) + \
		        total("pipemilter_handler_failures", handler)
		buckets = [s for s in families["pipemilter_handler_answer_seconds"].samples if "le" in s.labels
		           and s.labels["handler"] == "yes" and s.labels["event"] == "rcpt"]
		assert [s.value for s in buckets] == sorted(s.value for s in buckets)
		le = [s.labels["le"] for s in buckets]
		assert le == "0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 2.5 5.0 10.0 30.0 120.0 +Inf".split(), le
	END
}

@test "OpenMetrics: node_exporter's textfile collector takes all of it" {
	local exporter address n

	exporter=$(command -v prometheus-node-exporter) || skip 'no node_exporter'
	command -v curl || skip 'no curl'
	write_handler dies <<<'exit 3'
	run_daemon < <(
		handler yes yes 'events = {mail, rcpt}'
		handler dies dies 'events = {mail}' 'on-failure = continue'
	)
	send -n 3
	mkdir "$OUT/textfile"
	ctl status --openmetrics >"$OUT/textfile/pipemilter.prom"
	"$exporter" --collector.disable-defaults --collector.textfile \
	    --collector.textfile.directory="$OUT/textfile" --web.listen-address=127.0.0.1:0 \
	    >"$OUT/exporter" 2>&1 3>&- &
	CLIENTS=$!
	wait_for grep -q 'address=127.0.0.1:[1-9]' "$OUT/exporter"
	address=$(sed -n 's/.*address=\(127[0-9.:]*\).*/\1/p' "$OUT/exporter" | head -1)
	curl -s -m 30 "http://$address/metrics" >"$OUT/scraped"
	grep -qx 'node_textfile_scrape_error 0' "$OUT/scraped"
	n=$(grep -vc '^#' "$OUT/textfile/pipemilter.prom")
	[ "$n" -gt 100 ]
	[ "$(grep -c '^pipemilter_' "$OUT/scraped")" -eq "$n" ]
	grep -qx 'pipemilter_handler_failures_total{handler="dies",kind="failure"} 3' "$OUT/scraped"
}

# http REQUEST: what pipemilterctl status --http answers
http() {
	run --separate-stderr bash -c 'printf "%b" "$1" | "$PIPEMILTERCTL" -s "$2" status --http' - \
	    "$1" "$CONTROL"
}

@test "HTTP: GET is answered, all else refused, and without a daemon it is 503" {
	run_plain
	http 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'
	[ "${lines[0]}" = $'HTTP/1.1 200 OK\r' ]
	assert_output_has 'Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8'
	[ "${lines[-1]}" = '# EOF' ]
	printf 'GET / HTTP/1.0\n\n' | ctl status --http >"$OUT/http"
	python3 - "$OUT/http" <<-'END'
		import sys
		head, body = open(sys.argv[1], "rb").read().split(b"\r\n\r\n", 1)
		assert b"Content-Length: %d\r\n" % len(body) in head, head
	END
	http 'POST / HTTP/1.1\r\n\r\n'
	[ "${lines[0]}" = $'HTTP/1.1 405 Method Not Allowed\r' ]
	for request in '\\0\\0\r\n\r\n' 'GET\r\n\r\n' 'nonsense\n\n' 'GET / SIP/2\r\n\r\n'; do
		http "$request"
		[[ $output != *' 200 '* ]]
	done
	run -0 bash -c '{ echo "GET / HTTP/1.1"; yes "x: y" | head -c 1048576; } |
	    timeout 60 "$PIPEMILTERCTL" -s "$1" status --http' - "$CONTROL"
	[[ $output == *' 400 '* ]]
	ctl stop
	http 'GET / HTTP/1.1\r\n\r\n'
	[ "${lines[0]}" = $'HTTP/1.1 503 Service Unavailable\r' ]
}

@test "HTTP: a peer that says nothing is waited for no longer than 5 s" {
	run_plain
	# Each of these ends of a pipe stays open until pipemilterctl has ended.
	mkfifo "$WORK/silent"
	run -0 bash -c 'exec 9<>"$2"; timeout 60 "$PIPEMILTERCTL" -s "$1" status --http <"$2"' \
	    - "$CONTROL" "$WORK/silent"
	[ -z "$output" ]
	run -0 bash -c 'exec 9<>"$2"; printf "GET " >&9
	    timeout 60 "$PIPEMILTERCTL" -s "$1" status --http <"$2"' - "$CONTROL" "$WORK/silent"
	[[ $output == *' 400 '* ]]
}

# process EXPRESSION: of p, the processes
process() {
	ctl processes --json | python3 -c "
import json, sys
p = json.load(sys.stdin)['processes']
print($1)"
}

# process_is TEXT EXPRESSION
process_is() {
	local got

	got=$(process "$2")
	[ "$got" = "$1" ] || { echo "$2 is $got, not $1" >&2; return 1; }
}

@test "processes: a hanging handler is there, with what it is asked, and gone when it is" {
	write_handler holds <<-'END'
		echo $$ >"$OUT/pid"
		while [ ! -e "$OUT/go" ]; do sleep 0.1; done
		echo continue
	END
	write_handler serves <<-'END'
		while read -r line; do [ -n "$line" ] || printf 'continue\n\n'; done
	END
	run_daemon 'event-timeout = 60s' < <(
		handler serves serves 'events = {helo}' 'reuse = yes'
		handler holds holds 'events = {mail}' 'timeout = 60s' "environment = {'OUT=$OUT'}"
	)
	run -0 ctl processes
	[ "$output" = 'handler  pid  engine  state  for  uses  event  session' ]
	send >/dev/null &
	wait_for process_is "[1, 'busy', 'mail', 1]" \
	    "[[x['engine'], x['state'], x['event'], x['uses']] for x in p if x['handler'] == 'holds'][0]"
	process_is "$(cat "$OUT/pid")" "p[1]['pid']"
	process_is "['serves', 'idle', None, None, None]" \
	    "[p[0][k] for k in ('handler', 'state', 'event', 'session', 'queue_id')]"
	wait_for process_is True "p[1]['for'] >= 1.5"
	run -0 ctl processes
	[[ ${lines[2]} =~ ^holds\ +[0-9]+\ +1\ +busy\ +[0-9.]+s\ +1\ +mail\ +[0-9a-f]{8}\.1( [^ ]+)?$ ]]
	: >"$OUT/go"
	wait
	wait_for process_is "['serves']" "[x['handler'] for x in p]"
}

@test "processes: those of an engine that stands still, or was killed, are shown" {
	local engine

	write_handler holds <<-'END'
		trap '' TERM
		touch "$OUT/holds"
		while [ ! -e "$OUT/go" ]; do sleep 0.1; done
	END
	run_daemon < <(handler holds holds 'events = {mail}' 'timeout = 60s' "environment = {'OUT=$OUT'}")
	send >/dev/null 2>&1 &
	wait_for test -e "$OUT/holds"
	engine=$(pgrep -P "$DAEMON_PID" -f ': engine')
	STOPPED=$engine
	kill -s STOP "$engine"
	process_is "[('busy', 'mail')]" "[(x['state'], x['event']) for x in p]"
	kill -s KILL "$engine"
	STOPPED=
	wait_for process_is "[('ending', None)]" "[(x['state'], x['event']) for x in p]"
	: >"$OUT/go"
	wait_for process_is '[]' p
	wait
}

# watch NAME [ARGUMENT ...]: in the background, until it is stopped; all engines know of it
watch() {
	local name=$1

	shift
	"$PIPEMILTERCTL" -s "$CONTROL" watch "$@" >"$OUT/$name" 2>"$OUT/$name.err" 3>&- &
	CLIENTS="${CLIENTS:-} $!"
	WATCH=$!
	wait_for watched_by "$(wc -w <<<"$CLIENTS")"
}

# Each engine has so many sockets of clients, next to those of peers, the log and the supervisor.
watched_by() {
	local pid

	for pid in $(pgrep -P "$DAEMON_PID" -f ': engine'); do
		[ "$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)" -ge $((SOCKETS + $1)) ] || return 1
	done
}

run_to_watch() {
	run_daemon "$@"
	count_sockets
}

count_sockets() {
	local pid

	pid=$(pgrep -P "$DAEMON_PID" -f ': engine' | head -1)
	SOCKETS=$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)
}

lines_of() {
	[ "$(wc -l <"$OUT/$1")" -ge "$2" ]
}

@test "watch: lines of all sessions, with -v what handlers answer, and what matches alone" {
	local long

	long=$(printf '%01100d' 0)
	write_handler flag <<<'echo "add-header X-Flag YES"; echo continue'
	write_handler no <<<'echo "reject 550 5.7.1 not today"'
	run_to_watch 'engines = 2' < <(
		handler yes yes 'events = {rcpt}'
		handler flag flag 'events = {end-of-message}' 'actions = {add-header}'
		handler no no 'events = {end-of-message}'
	)
	watch all
	watch verbose -v
	watch two -v -f 'S*@Example.ORG' -r '[!x]*@two.example' -c 192.0.2.0/24
	watch flag -v flag
	run -1 ctl watch
	[ "$output" = 'pipemilterctl: 4 watch already, and no more may' ]
	send -f '<sender@example.org>' -r '<a@one.example>' || true
	send -f '<sender@example.org>' -r '<a@one.example>' -r "<$long@two.example>" || true
	send -f '<sender@example.net>' -r '<b@two.example>' || true
	wait_for lines_of verbose 16
	wait_for lines_of all 3
	! grep -v ': message from=' "$OUT/all" || false
	[ "$(wc -l <"$OUT/all")" -eq 3 ]
	grep -Eqx '[0-9:]{8}\.[0-9]{3} [0-9a-f]{8}\.1: connect client\.example\.org\[192\.0\.2\.1\] at unix:.*' \
	    "$OUT/verbose"
	grep -q ': yes: rcpt <a@one.example>: continue, after 0' "$OUT/verbose"
	grep -q ': flag: end-of-message: add-header X-Flag YES; continue, after ' "$OUT/verbose"
	grep -q ': no: end-of-message: reject 550 5.7.1 not today, after ' "$OUT/verbose"
	[ "$(wc -l <"$OUT/verbose")" -eq 16 ]
	[ "$(cut -d ' ' -f 4,5 "$OUT/two" | tr '\n' ,)" = \
	    'yes: rcpt,flag: end-of-message:,no: end-of-message:,message from=<sender@example.org>,' ]
	[ "$(grep -c ': flag: end-of-message: ' "$OUT/flag")" -eq 3 ]
	! grep -E ': (yes|no): ' "$OUT/flag" || false
	ctl stop
	# They end with the daemon.
	wait_for is_gone "$WATCH"
	CLIENTS=
	! cat "$OUT"/*.err | grep . || false
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

@test "watch -n ends after so many sessions, and shows no others" {
	run_to_watch 'engines = 2' < <(handler yes yes 'events = {mail}')
	watch two -v -n 2
	send -n 5 -j 2
	wait_for is_gone "$WATCH"
	CLIENTS=
	[ "$(cut -d ' ' -f 2 "$OUT/two" | tr -d : | sort -u | wc -l)" -eq 2 ]
	[ "$(grep -c ': connect ' "$OUT/two")" -eq 2 ]
	# Its place is free again, in engines too.
	for n in 1 2 3 4; do
		watch "again$n"
	done
	send
	for n in 1 2 3 4; do
		wait_for lines_of "again$n" 1
	done
}

@test "watch -n ends when the engine of its sessions does" {
	write_handler holds <<-'END'
		touch "$OUT/holds"
		while [ ! -e "$OUT/go" ]; do sleep 0.1; done
		echo continue
	END
	run_to_watch 'engines = 2' < <(handler holds holds 'events = {mail}' 'timeout = 60s' \
	    "environment = {'OUT=$OUT'}")
	watch two -v -n 2
	send >/dev/null 2>&1 3>&- &
	wait_for lines_of two 1
	send >/dev/null 2>&1 3>&- &
	wait_for lines_of two 2
	kill -0 "$WATCH"
	pgrep -P "$DAEMON_PID" -f ': engine' | xargs kill -s KILL
	wait_for is_gone "$WATCH"
	wait "$WATCH"
	CLIENTS=
	: >"$OUT/go"
	wait_for ctl ping
	[ "$(grep -c ': connect ' "$OUT/two")" -eq 2 ]
}

@test "watch: an engine that is started later sends its lines too" {
	local pid

	run_to_watch < <(handler yes yes 'events = {mail}')
	watch lines
	pid=$(pgrep -P "$DAEMON_PID" -f ': engine')
	kill -s KILL "$pid"
	wait_for ctl ping
	wait_for watched_by 1
	send
	wait_for lines_of lines 1
}

@test "watch and processes go on over a reload" {
	run_to_watch < <(handler yes yes 'events = {mail}')
	watch lines -v
	send
	wait_for lines_of lines 3
	run -0 ctl reload
	send
	wait_for lines_of lines 6
	[ "$(cut -d ' ' -f 2 "$OUT/lines" | tr -d : | sort -u | wc -l)" -eq 2 ]
	run -0 ctl processes
}

@test "watch: sessions are shown although the log has no lines of them, and do no harm" {
	configure 'log-level = warning' < <(handler yes yes 'events = {mail}') >"$WORK/quiet.conf"
	complete_config "$WORK/quiet.conf"
	mkdir -p "$DAEMONS/d"
	keep_daemon d "$PIPEMILTER" -d -f "$WORK/quiet.conf"
	wait_for ctl ping
	count_sockets
	watch lines
	send -f "<$(printf 'a\033[31m\302\233b')@example.org>"
	wait_for lines_of lines 1
	! grep "$(printf '\033')" "$OUT/lines" || false
	grep -qF 'from=<a\033[31m\302\233b@example.org>' "$OUT/lines"
	! log_has 'message from=' || false
}

@test "watch: who does not read loses lines, is told how many, and slows nobody" {
	local n

	run_to_watch < <(handler yes yes 'events = {mail}' 'reuse = no')
	mkfifo "$OUT/pipe"
	exec 9<>"$OUT/pipe"
	"$PIPEMILTERCTL" -s "$CONTROL" watch -v >&9 3>&- &
	CLIENTS=$!
	wait_for watched_by 1
	STOPPED=$CLIENTS
	kill -s STOP "$CLIENTS"
	# Without a client whatever is sent is read by nobody.
	send -n 1000 -j 4
	run -0 ctl ping
	kill -s CONT "$CLIENTS"
	cat <&9 >"$OUT/lines" &
	CLIENTS="$CLIENTS $!"
	wait_for grep -E '^\.\.\. [0-9]+ lines lost$' "$OUT/lines"
	n=$(sed -n 's/^\.\.\. \([0-9]*\) lines lost$/\1/p' "$OUT/lines" | head -1)
	[ "$((n + $(grep -vc lost "$OUT/lines")))" -eq 3000 ]
	exec 9>&-
}

@test "watch: a wrong argument is told" {
	run_plain
	for words in '-x' '-n' '-n 0' '-n many' '-c 10.0.0.1/8' '-c mx.example.org' '-f'; do
		# shellcheck disable=SC2086
		run -2 ctl watch $words
		[ -n "$output" ]
	done
	run -2 ctl watch -r $'a\nb'
	run -1 ctl watch nobody
	[ "$output" = 'pipemilterctl: "nobody": there is no handler of that name' ]
	run -1 ctl watch -r "$(printf '%01100d' 0)"
	assert_output_has 'the command line is too long'
	run -0 ctl ping
}

# on_terminal KEYS [VARIABLE=VALUE ...]: top on a terminal of 80 columns, into $OUT/screen
on_terminal() {
	local keys=$1

	shift
	python3 "$LIB_DIR/peers/terminal.py" 24 80 "$keys" env TERM=xterm LC_ALL=C.UTF-8 "$@" \
	    "$PIPEMILTERCTL" -s "$CONTROL" top 1 >"$OUT/screen"
}

@test "top: a screen, which q and ^C leave as it was" {
	run_daemon < <(handler yes yes 'events = {mail}' 'processes = 7')
	send -n 3
	for keys in q '\x03'; do
		on_terminal "$keys"
		tail -n 1 "$OUT/screen" | grep -qx 'status 0, terminal restored'
		grep -q "$(printf '\033\\[2J')" "$OUT/screen"
		grep -q "$(printf '\033\\[32m')" "$OUT/screen"
		tail -n 5 "$OUT/screen" | grep -q "$(printf '\033\\[?25h')"
	done
	grep -Eq '^yes .* 0/7 +0\.0 +0\.0 +0 +- +- ' "$OUT/screen"
	grep -q '▁' "$OUT/screen"
	# As a terminal would show it no line has more than 79 columns.
	python3 - "$OUT/screen" <<-'END'
		import re, sys
		text = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", open(sys.argv[1], encoding="utf-8").read())
		assert max(map(len, text.replace("\r", "").split("\n"))) == 79
	END
	on_terminal q NO_COLOR=1
	! grep -q "$(printf '\033\\[[0-9]*m')" "$OUT/screen" || false
	on_terminal q LC_ALL=C
	! grep -q '[^ -~[:cntrl:]]' "$OUT/screen" || false
	on_terminal q TERM=dumb
	! grep -q "$(printf '\033')" "$OUT/screen" || false
}

@test "top without a terminal is text, and ends when nobody reads it, or with the daemon" {
	local pid

	run_plain
	"$PIPEMILTERCTL" -s "$CONTROL" top 1 >"$OUT/top" 2>"$OUT/top.err" 3>&- &
	pid=$!
	CLIENTS=$pid
	# What it has seen is the first picture; of what came before there are no rates.
	wait_for grep -q "^yes " "$OUT/top"
	send -n 5
	wait_for grep -Eq '^yes .* [1-9][0-9.]* +0\.0 +0 +[0-9.]+ms +[0-9.]+ms ' "$OUT/top"
	! grep -q "$(printf '\033')" "$OUT/top" || false
	! grep -q ' $' "$OUT/top" || false
	run -1 --separate-stderr bash -c 'set -o pipefail; timeout 20 "$PIPEMILTERCTL" -s "$1" top 1 | head -1' - "$CONTROL"
	[[ $stderr == 'pipemilterctl: standard output: '* ]]
	for words in 'top 0' 'top x' 'top 1 2' 'top 3601' 'top -1'; do
		# shellcheck disable=SC2086
		run -2 ctl $words
	done
	ctl stop
	wait "$pid" || [ $? -eq 3 ]
	CLIENTS=
	grep -q 'no daemon listens there' "$OUT/top.err"
	run -3 ctl top
}

@test "drain: no connection is taken, an open session finishes, and the daemon goes on" {
	write_handler holds <<-'END'
		touch "$OUT/holds"
		while [ ! -e "$OUT/go" ]; do sleep 0.1; done
		echo continue
	END
	run_daemon 'engines = 2' < <(handler holds holds 'events = {mail}' 'timeout = 60s' \
	    "environment = {'OUT=$OUT'}")
	{ send; echo "status $?"; } >"$OUT/first" &
	wait_for test -e "$OUT/holds"
	run -0 ctl drain
	run ! send
	value_is draining "j['state']"
	value_is 1 "sum(e['connections'] for e in j['engines'])"
	run -1 ctl ping
	[ "$output" = 'pipemilterctl: the daemon is draining' ]
	: >"$OUT/go"
	wait
	grep -qx 'status 0' "$OUT/first"
	wait_for value_is '[]' "j['engines']"
	value_is 1 "j['messages']['accept']"
	run -0 ctl drain
	! log_has 'ended with status' || false
	run -0 ctl stop
}

@test "a daemon that root has not started, and one for a command line, have no control socket" {
	write_handler e <<<'echo continue'
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/e"
	! grep control /proc/net/unix | grep -F "$WORK" || false
}
