#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# pipemilter.conf: every option with values that are taken and values that are
# not, every kind of mistake with its message and line.

: "${PIPEMILTER:=$BATS_TEST_DIRNAME/../../build/pipemilter}"

setup() {
	umask 022
	F=$BATS_TEST_TMPDIR/t.conf
	USERS='# not root'
	WHO='the caller'
	if [ "$(id -u)" -eq 0 ]; then
		USERS='engine-user = nobody handler-user = daemon'
		WHO='user daemon'
		# Bats makes this one for its user alone.
		chmod go+x "$BATS_RUN_TMPDIR"
	fi
	# The handler's users must find and run it.
	H=$BATS_TEST_TMPDIR/handler
	printf '#!/bin/sh\n' >"$H"
	chmod 755 "$H" "$BATS_TEST_TMPDIR"
	BEGIN="command = $H events = rcpt"
}

# The messages are in lines; that all is well is none.
check() {
	local line

	# Standard output is tested by explain.bats.
	# shellcheck disable=SC2016
	run sh -c '"$0" -n -f "$1" 2>&1 >"$2"' "$PIPEMILTER" "${1-$F}" \
	    "$BATS_TEST_TMPDIR/stdout"
	lines=()
	while IFS= read -r line; do
		case $line in
		# The warnings about limits depend on the machine.
		''|*' file descriptors, and the system allows '*) ;;
		*) lines+=("$line") ;;
		esac
	done <<<"$output"
	[ "$status" -ne 0 ] || [ "$(head -n 1 "$BATS_TEST_TMPDIR/stdout")" = "${1-$F}: OK" ]
}

# The file is good.
good() {
	check "$@"
	if [ "$status" -ne 0 ]; then
		echo "status $status, expected 0, of:"
		cat "${1-$F}"
		echo "$output"
		return 1
	fi
}

# The file is not good, and among the messages is "FILE[:LINE]: $1".
bad() {
	local file=${3-$F} at=${2:+:$2} line

	check "$file"
	if [ "$status" -eq 1 ]; then
		for line in "${lines[@]}"; do
			[[ $line == *" $file$at: $1" ]] && return 0
		done
	fi
	echo "status $status, expected 1 and \"$file$at: $1\", of:"
	cat "$file"
	echo "$output"
	return 1
}

# There are so many messages.
messages() {
	[ "${#lines[@]}" -eq "$1" ] && return
	echo "expected $1 lines of:"
	echo "$output"
	return 1
}

# An option stands in line 5 of these.
with_handler() {
	printf '%s\nlisten inet:8899 {\n}\nhandler h { %s\n%s\n}\n' "$USERS" "$BEGIN" "$1" >"$F"
}

with_global() {
	printf '%s\n\nlisten inet:8899 {}\nhandler h { %s }\n%s\n' "$USERS" "$BEGIN" "$1" >"$F"
}

with_listen() {
	printf '%s\n\nhandler h { %s }\nlisten %s {\n%s\n}\n' "$USERS" "$BEGIN" "$SOCKET" "$1" >"$F"
}

# Standard input: lines that are good, and "LINE | MESSAGE" for others.
table() {
	local option message

	while IFS= read -r option; do
		message=
		case $option in
		*' | '*)
			message=${option#* | }
			option=${option%% | *} ;;
		esac
		"$1" "$option"
		if [ -n "$message" ]; then
			bad "$message" 5 || return 1
			messages 1 || return 1
		else
			good || return 1
			messages 0 || return 1
		fi
	done
}

@test "a timeout that another one is shorter than" {
	with_handler 'timeout = 30s'
	good
	messages 1
	[[ ${lines[0]} == *" $F:5: timeout: 30s is more than event-timeout, 9s, which holds for all events but end-of-message" ]]
	for option in 'timeout = 9s' 'timeout = 30s shadow = yes'; do
		with_handler "$option"
		good
		messages 0
	done
	BEGIN="events = {end-of-message} reports = {rcpt} command = /bin/true" \
	    with_handler 'timeout = 30s'
	good
	messages 0
}

@test "durations" {
	table with_handler <<-'E'
	timeout = 500ms
	queue-timeout = 30s
	queue-timeout = 5m
	queue-timeout = 1h
	queue-timeout = 1d
	timeout = '8s'
	timeout = {8s}
	queue-timeout = 0
	queue-timeout = 00
	queue-timeout = 0s
	slow = 0
	slow = 1d
	slow = 5 | slow: "5": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0
	timeout = 30 | timeout: "30": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0
	timeout = 30S | timeout: "30S": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0
	timeout = 1.5s | timeout: "1.5s": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0
	timeout = -1s | timeout: "-1s": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0
	timeout = '1 s' | timeout: "1 s": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0
	timeout = s | timeout: "s": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0
	timeout = '' | timeout: "": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0
	timeout = 99999999999999999999s | timeout: "99999999999999999999s": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0
	timeout = 0 | timeout: "0": expected 1ms to 1d
	timeout = 25h | timeout: "25h": expected 1ms to 1d
	queue-timeout = 2d | queue-timeout: "2d": expected 0 to 1d
	timeout = {1s, 2s} | timeout: expected one value, not a list of them
	timeout = {} | timeout: expected one value, not an empty list
	E
}

@test "sizes" {
	table with_global <<-'E'
	max-reply-line = 1024B
	max-reply-line = 64K
	max-reply-line = 10M
	spool-limit = 1G
	max-body = 0
	max-body = 10 | max-body: "10": expected a size with its unit: 512B, 64K, 10M, 1G or 0
	max-body = 64k | max-body: "64k": expected a size with its unit: 512B, 64K, 10M, 1G or 0
	max-body = 1.5M | max-body: "1.5M": expected a size with its unit: 512B, 64K, 10M, 1G or 0
	max-body = M | max-body: "M": expected a size with its unit: 512B, 64K, 10M, 1G or 0
	max-body = 2G | max-body: "2G": expected 0 to 1G
	max-body = 4294967295G | max-body: "4294967295G": expected 0 to 1G
	max-reply-line = 0 | max-reply-line: "0": expected 1K to 64M
	max-context = 65M | max-context: "65M": expected 0 to 64M
	memory = 16M
	memory = 2G
	memory = 1M | memory: "1M": expected 16M to 1024G
	memory = 64 | memory: "64": expected a size with its unit: 512B, 64K, 10M, 1G or 0
	spool-limit = 1K | spool-limit: "1K": expected 1M to 1048576G
	E
}

@test "numbers" {
	table with_global <<-'E'
	connections = 1
	connections = 1000000
	max-recipients = 50
	max-actions = 0
	connections = 0 | connections: "0": expected 1 to 1000000
	connections = 1000001 | connections: "1000001": expected 1 to 1000000
	max-recipients = 0 | max-recipients: "0": expected 1 to 1000000
	max-actions = 0x10 | max-actions: "0x10": expected a decimal number
	max-actions = -1 | max-actions: "-1": expected a decimal number
	max-actions = 10K | max-actions: "10K": expected a decimal number
	E
}

@test "global options" {
	local group

	group=$(id -gn)
	table with_global <<-E
	control = /run/x.sock
	control-group = $group
	spool-directory = /var/spool/x
	engines = 1
	event-timeout = 9s
	message-timeout = 4m
	drain-timeout = 0
	syslog-facility = mail
	syslog-facility = local7
	log-level = error
	log-level = warning
	log-level = info
	log-level = debug
	max-context = 64K
	control = x.sock | control: "x.sock": expected a path that begins with /
	control = /$(printf '%0107d' 0) | control: expected a path of 107 bytes at most
	control-group = no-such-group | control-group: "no-such-group": expected a group of this system
	spool-directory = '' | spool-directory: "": expected a path that begins with /
	engines = 64
	engines = 0 | engines: "0": expected 1 to 64
	engines = 65 | engines: "65": expected 1 to 64
	engines = auto | engines: "auto": expected a decimal number
	pin = yes
	pin = no engines = 2
	pin = 1 | pin: "1": expected yes or no
	pin = {yes, yes} | pin: expected one value, not a list of them
	event-timeout = 0 | event-timeout: "0": expected 1ms to 1d
	message-timeout = 0 | message-timeout: "0": expected 1ms to 1d
	drain-timeout = 5 | drain-timeout: "5": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0
	syslog-facility = post | syslog-facility: "post": expected auth, authpriv, daemon, mail, user or local0 to local7
	log-level = loud | log-level: "loud": expected error, warning, info or debug
	E
}

@test "modes are octal, whatever their first digit" {
	SOCKET=unix:$BATS_TEST_TMPDIR/sock
	table with_listen <<-'E'
	mode = 660
	mode = 0660
	mode = 0
	mode = 688 | mode: "688": expected an octal number from 0 to 777
	mode = 1777 | mode: "1777": expected an octal number from 0 to 777
	mode = 0x1b0 | mode: "0x1b0": expected an octal number from 0 to 777
	mode = 'rw' | mode: "rw": expected an octal number from 0 to 777
	E
	table with_handler <<-'E'
	umask = 77
	umask = 027
	umask = 8 | umask: "8": expected an octal number from 0 to 777
	E
}

@test "sockets" {
	local spec why

	for spec in inet:8899 inet:8899@127.0.0.1 inet:127.0.0.1:8899 inet6:8899@::1 \
	    'inet6:8899@[::1]' unix:/run/x local:/run/x; do
		SOCKET=$spec with_listen ''
		good
		SOCKET="\"$spec\"" with_listen ''
		good
	done
	while IFS='|' read -r spec why; do
		SOCKET="\"$spec\"" with_listen ''
		bad "listen \"$spec\": $why" 4
		messages 1
	done <<-'E'
	inet:0|expected a port from 1 to 65535
	inet:70000@127.0.0.1|expected a port from 1 to 65535
	inet:25@|expected a host
	/run/x|expected inet:PORT@HOST, inet6:PORT@HOST, inet:HOST:PORT, unix:PATH or local:PATH
	unix:|expected a path after the colon
	unix:run/x|expected a path that begins with /
	inet:25@192.0.2.1|not bound to loopback; expected `allow = {ADDRESS, NETWORK/BITS}', who may connect
	inet:25@0.0.0.0|not bound to loopback; expected `allow = {ADDRESS, NETWORK/BITS}', who may connect
	inet6:25@::|not bound to loopback; expected `allow = {ADDRESS, NETWORK/BITS}', who may connect
	E
	SOCKET=unix:/$(printf '%0107d' 0) with_listen ''
	bad "listen \"unix:/$(printf '%0107d' 0)\": the path of a unix socket may have 107 bytes at most" 4
}

@test "where a unix socket can't be" {
	local d=$BATS_TEST_TMPDIR/d

	SOCKET=unix:$d/sock with_listen ''
	good	# the directory is made at the start
	[ ! -e "$d" ]
	SOCKET=unix:$d/e/sock with_listen ''
	bad "listen \"unix:$d/e/sock\": the directory $d/e is missing, and $d is, too; expected one of the two" 4
	: >"$d"
	bad "listen \"unix:$d/e/sock\": $d/e is not a directory" 4
	SOCKET=unix:$d/sock with_listen ''
	bad "listen \"unix:$d/sock\": $d is not a directory" 4
	SOCKET=unix:$d with_listen ''
	bad "listen \"unix:$d\": a file that is not a socket is there" 4
	rm "$d"
	mkdir "$d"
	bad "listen \"unix:$d\": a file that is not a socket is there" 4
	SOCKET=unix:$d/sock with_listen ''
	good
	perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) && bind(S, pack_sockaddr_un($ARGV[0])) or die' "$d/sock"
	good
	[ -S "$d/sock" ]
	ln -s sock "$d/link"
	SOCKET=unix:$d/link with_listen ''
	bad "listen \"unix:$d/link\": a file that is not a socket is there" 4
}

@test "options of a unix socket" {
	SOCKET=unix:/run/x
	table with_listen <<-E
	handlers = {h}
	handlers = h
	owner = $(id -un)
	owner = $(id -u)
	group = $(id -gn)
	group = $(id -g)
	handlers = {h, g} | handlers: "g": expected the name of a \`handler' section
	handlers = {h, h} | handlers: "h" is named twice; expected once
	handlers = {} | handlers: expected at least one
	owner = no-such-user | owner: "no-such-user": expected a user of this system
	owner = '' | owner: "": expected a user of this system
	group = no-such-group | group: "no-such-group": expected a group of this system
	allow = 127.0.0.1 | allow: expected only with an inet socket; a unix socket has \`mode', \`owner' and \`group'
	E
}

@test "options of an inet socket" {
	SOCKET=inet:25@192.0.2.1
	table with_listen <<-'E'
	allow = {192.0.2.0/24, ::1, 10.0.0.1}
	allow = 192.0.2.7
	allow = {192.0.2.0/33} | allow: "192.0.2.0/33": expected 0 to 32 bits after the slash
	allow = {192.0.2.1/24} | allow: "192.0.2.1/24": the address has bits that the mask leaves out
	allow = {localhost} | allow: "localhost": expected an address or ADDRESS/BITS
	allow = {} | allow: expected at least one address or network
	allow = 192.0.2.7 mode = 600 | mode: expected only with a unix socket; an inet socket has `allow'
	allow = 192.0.2.7 owner = root | owner: expected only with a unix socket; an inet socket has `allow'
	allow = 192.0.2.7 group = 0 | group: expected only with a unix socket; an inet socket has `allow'
	E
}

@test "handler options" {
	table with_handler <<-E
	actions = add-header
	optional-actions = {replace-body, quarantine}
	actions = {}
	lines = {client-address, sender, macro}
	lines = {}
	macros = {'rcpt={rcpt_mailer} {rcpt_host}', 'connect=j {j}', 'end-of-message=i'}
	macros = {'rcpt={rcpt_mailer}{rcpt_host}{aaaaaaaaaaaaaaaaaaa}k'}
	processes = 1
	on-failure = continue
	on-failure = accept
	on-failure = discard
	on-failure = reject
	on-failure = 'tempfail 451 4.3.0 Try later'
	on-failure = 'reject Go away'
	on-timeout = accept
	on-overload = 'tempfail 452'
	on-exit = {'1=reject 554 5.7.1 Virus found', '*=continue'}
	newlines = lf
	newlines = crlf
	directory = /tmp
	environment = {'A=b', 'B=', TZ, NOT_SET_ANYWHERE, 'C=a=b'}
	memory = 100M
	memory = 0
	cpu = 10s
	open-files = 64
	actions = drop | actions: "drop": expected add-header, insert-header, change-header, delete-header, change-sender, add-recipient, delete-recipient, replace-body or quarantine
	actions = progress | actions: "progress": it is always allowed, and need not be listed
	optional-actions = {set-message} | optional-actions: "set-message": it is always allowed, and need not be listed
	actions = {quarantine, quarantine} | actions: "quarantine" is named twice; expected once
	actions = {quarantine} optional-actions = quarantine | optional-actions: "quarantine" is in \`actions' too; expected it in one of them
	lines = subject | lines: "subject": expected client-host, client-family, client-address, client-port, helo, sender, sender-domain, sender-argument, recipient, recipient-domain, recipient-argument, recipients, recipient-refused, macro, context or context-unset
	processes = 0 | processes: "0": expected 1 to 100000
	on-failure = skip | on-failure: "skip": expected continue, accept, discard, or reject or tempfail with code and text as in a reply
	on-failure = shutdown | on-failure: "shutdown": expected continue, accept, discard, or reject or tempfail with code and text as in a reply
	on-timeout = pass | on-timeout: "pass": expected continue, accept, discard, or reject or tempfail with code and text as in a reply
	on-failure = 'reject 450 x' | on-failure: "reject 450 x": expected a code and X.Y.Z that begin with 5
	on-overload = 'tempfail 451 5.0.0 x' | on-overload: "tempfail 451 5.0.0 x": expected a code and X.Y.Z that begin with 4
	on-failure = 'reject naïve' | on-failure: "reject na\303\257ve": expected a text of printable ASCII
	on-exit = reject | on-exit: "reject": expected 'STATUS=VERDICT', STATUS from 0 to 255 or *
	on-exit = '256=reject' | on-exit: "256=reject": expected 'STATUS=VERDICT', STATUS from 0 to 255 or *
	on-exit = '1=foo' | on-exit: "1=foo": expected continue, accept, discard, or reject or tempfail with code and text as in a reply
	on-exit = {'1=reject', '01=accept'} | on-exit: "01=accept": this status was given before; expected it once
	newlines = cr | newlines: "cr": expected lf or crlf
	directory = tmp | directory: "tmp": expected a path that begins with /
	directory = /dev/null | directory: /dev/null: not a directory; expected one
	directory = /no/such | directory: /no/such: No such file or directory; expected a directory
	environment = 'A B=c' | environment: "A B=c": expected 'NAME=VALUE' or NAME, of letters, digits and _
	environment = '1A=c' | environment: "1A=c": expected 'NAME=VALUE' or NAME, of letters, digits and _
	environment = '=c' | environment: "=c": expected 'NAME=VALUE' or NAME, of letters, digits and _
	environment = 'MILTER_X=1' | environment: "MILTER_X=1": names that begin with MILTER_ or PIPEMILTER_ are pipemilter's own
	environment = 'PIPEMILTER_X' | environment: "PIPEMILTER_X": names that begin with MILTER_ or PIPEMILTER_ are pipemilter's own
	environment = {'A=1', 'A=2'} | environment: A is set twice; expected once
	memory = 1K | memory: "1K": expected 1M to 1048576G
	cpu = 10ms | cpu: "10ms": expected 1s to 365d
	open-files = 3 | open-files: "3": expected 4 to 1048576
	E
}

@test "macro requests" {
	local stage many

	for stage in connect helo mail rcpt data end-of-headers end-of-message; do
		with_handler "macros = '$stage={a-macro} j'"
		good
	done
	many=$(printf '{m%d} ' $(seq 50))
	with_handler "macros = 'rcpt=$many'"
	good
	with_handler "macros = 'rcpt=$many x'"
	bad "macros: \"rcpt=$many x\": expected 50 names at most" 5
	table with_handler <<-'E'
	macros = 'body=j' | macros: "body=j": expected 'STAGE={name} {name}', STAGE being connect, helo, mail, rcpt, data, end-of-headers or end-of-message
	macros = 'rcpt' | macros: "rcpt": expected 'STAGE={name} {name}', STAGE being connect, helo, mail, rcpt, data, end-of-headers or end-of-message
	macros = 'rcpt=' | macros: "rcpt=": expected names in braces, or of one letter, with blanks between, as in 'rcpt={rcpt_mailer} i'
	macros = 'rcpt=ab' | macros: "rcpt=ab": expected names in braces, or of one letter, with blanks between, as in 'rcpt={rcpt_mailer} i'
	macros = 'rcpt={a' | macros: "rcpt={a": expected names in braces, or of one letter, with blanks between, as in 'rcpt={rcpt_mailer} i'
	macros = 'rcpt={}' | macros: "rcpt={}": expected names in braces, or of one letter, with blanks between, as in 'rcpt={rcpt_mailer} i'
	macros = {'rcpt=a', 'rcpt=b'} | macros: "rcpt=b": this stage was given before; expected all its names in one
	E
}

@test "events and reports" {
	BEGIN="command = $H"
	table with_handler <<-'E'
	events = {connect, helo, mail, rcpt, data, header, end-of-headers, body, end-of-message, unknown}
	reports = {connect, helo, mail, rcpt, data, header, end-of-headers, body, end-of-message, unknown, abort, disconnect}
	optional-events = {data, unknown}
	events = rcpt reports = {abort} optional-events = {data}
	events = eom | events: "eom": expected connect, helo, mail, rcpt, data, header, end-of-headers, body, end-of-message or unknown
	events = {rcpt, abort} | events: "abort": nobody waits for an answer to it; expected in `reports'
	optional-events = disconnect | optional-events: "disconnect": nobody waits for an answer to it; expected in `reports'
	reports = {rcpt, end} | reports: "end": expected connect, helo, mail, rcpt, data, header, end-of-headers, body, end-of-message, unknown, abort or disconnect
	events = {rcpt, rcpt} | events: "rcpt" is named twice; expected once
	events = rcpt reports = {mail, rcpt} | reports: "rcpt" is in `events' too; expected it in one of them
	events = rcpt optional-events = rcpt | optional-events: "rcpt" is in `events' too; expected it in one of them
	optional-events = helo reports = helo | reports: "helo" is in `optional-events' too; expected it in one of them
	E
	with_handler ''
	bad "handler h: expected \`events', \`reports', \`optional-events' or \`input = message' with its \`command'" 4
	with_handler 'events = {}'
	bad "handler h: expected \`events', \`reports', \`optional-events' or \`input = message' with its \`command'" 4
	BEGIN='' with_handler 'events = rcpt'
	bad "handler h: expected \`command' or \`hooks'" 4
}

@test "messages in, messages out" {
	BEGIN="command = $H" table with_handler <<-'E'
	input = message
	input = message events = {end-of-message} received = no output = reply
	input = message output = none on-exit = {'1=reject'} shadow = yes
	input = message output = message received = yes newlines = crlf
	input = message processes-min = 3
	events = {mail, end-of-message} input = block output = none received = no
	events = {mail} input = text | input: "text": expected block or message
	events = {mail} output = mail | output: "mail": expected reply, none or message
	input = message received = maybe | received: "maybe": expected yes or no
	input = message events = {mail} | events: expected end-of-message alone with `input = message'
	input = message events = {end-of-message, data} | events: expected end-of-message alone with `input = message'
	input = message optional-events = {data} | optional-events: expected none with `input = message'
	input = message reports = {abort} | reports: expected none with `input = message'
	input = message scope = message | scope: expected event with `input = message'
	input = message reuse = yes | reuse: expected no with `input = message'
	events = {end-of-message} received = yes | received: expected no, or `input = message'
	events = {end-of-message} output = message | output: expected `input = message' with message
	events = {end-of-message} output = none scope = message | output: expected reply of a process that is asked more than once, as its exit status is not an answer
	events = {end-of-message} output = none reuse = yes | output: expected reply of a process that is asked more than once, as its exit status is not an answer
	E
}

@test "a message in files" {
	BEGIN="command = $H"
	table with_handler <<-'E'
	events = rcpt
	events = rcpt spool = no
	events = end-of-message spool = yes
	optional-events = end-of-message spool = yes
	events = end-of-message spool = yes scope = session reuse = yes
	reports = end-of-message spool = yes
	reports = {end-of-message, abort} spool = yes scope = message
	events = end-of-message spool = on | spool: "on": expected yes or no
	events = rcpt spool = yes | spool: expected end-of-message in `events' or `reports' with `yes'
	reports = {abort, disconnect} spool = yes | spool: expected end-of-message in `events' or `reports' with `yes'
	reports = end-of-message reuse = yes spool = yes | spool: expected end-of-message in `events' and not in `reports' of a process that outlives the message: only an answer says that the files can go
	reports = end-of-message scope = session spool = yes | spool: expected end-of-message in `events' and not in `reports' of a process that outlives the message: only an answer says that the files can go
	E
}

@test "processes that last" {
	table with_handler <<-'E'
	scope = event
	scope = message
	scope = session reuse = yes
	scope = message on-exit = '1=accept'
	reuse = yes on-exit = '1=accept'
	reuse = no
	concurrency = 1
	concurrency = 10000 reuse = yes
	processes-min = 0
	processes-min = 20
	processes-min = 200 scope = message
	processes-min = 3 processes = 3
	idle-timeout = 1m reuse = yes
	idle-timeout = 0 processes-min = 1
	idle-timeout = 7d reuse = yes
	max-uses = 0 reuse = yes
	max-uses = 100 reuse = yes
	max-uses = 100 processes-min = 1
	scope = block | scope: "block": expected event, message or session
	scope = Event | scope: "Event": expected event, message or session
	scope = {message, event} | scope: expected one value, not a list of them
	reuse = true | reuse: "true": expected yes or no
	reuse = '' | reuse: "": expected yes or no
	reuse = {} | reuse: expected one value, not an empty list
	concurrency = 0 reuse = yes | concurrency: "0": expected 1 to 10000
	concurrency = 10001 reuse = yes | concurrency: "10001": expected 1 to 10000
	concurrency = 2 | concurrency: expected `reuse = yes' with more than 1
	concurrency = 2 scope = session | concurrency: expected `reuse = yes' with more than 1
	processes-min = 100001 processes = 100000 | processes-min: "100001": expected 0 to 100000
	processes-min = 21 | processes-min: expected 20, the number of `processes', at most
	processes-min = 201 scope = session | processes-min: expected 200, the number of `processes', at most
	processes-min = 4 processes = 3 | processes-min: expected 3, the number of `processes', at most
	idle-timeout = 5 reuse = yes | idle-timeout: "5": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0
	idle-timeout = 8d reuse = yes | idle-timeout: "8d": expected 0 to 7d
	idle-timeout = 1m | idle-timeout: expected `reuse = yes', without which it has no effect
	idle-timeout = 1m processes-min = 0 scope = message | idle-timeout: expected `reuse = yes', without which it has no effect
	max-uses = -1 reuse = yes | max-uses: "-1": expected a decimal number
	max-uses = 1000000001 reuse = yes | max-uses: "1000000001": expected 0 to 1000000000
	max-uses = 9 | max-uses: expected `reuse = yes', without which it has no effect
	E
}

@test "who and what is asked about" {
	table with_handler <<-'E'
	shadow = yes
	shadow = no
	rejected-recipients = no
	except-authenticated = yes
	except-authenticated = no
	except-clients = {}
	except-clients = local
	except-clients = {192.0.2.0/24, '2001:db8::/32', ::1, local}
	only-clients = {local, 192.0.2.1}
	only-clients = {192.0.2.0/24} except-clients = {192.0.2.1}
	max-message = 0
	max-message = 1K
	max-message = 1048576G on-large = accept
	max-message = 10M on-large = 'reject 552 5.3.4 Too large'
	max-message = 10M on-large = continue
	shadow = on | shadow: "on": expected yes or no
	rejected-recipients = x | rejected-recipients: "x": expected yes or no
	rejected-recipients = yes | rejected-recipients: expected rcpt in `reports'
	rejected-recipients = yes reports = mail | rejected-recipients: expected rcpt in `reports'
	except-authenticated = 1 | except-authenticated: "1": expected yes or no
	except-clients = localhost | except-clients: "localhost": expected an address, ADDRESS/BITS or local
	except-clients = {local, 192.0.2.0/33} | except-clients: "192.0.2.0/33": expected 0 to 32 bits after the slash
	except-clients = 192.0.2.1/24 | except-clients: "192.0.2.1/24": the address has bits that the mask leaves out
	only-clients = {Local} | only-clients: "Local": expected an address, ADDRESS/BITS or local
	only-clients = local/8 | only-clients: "local/8": expected an address or ADDRESS/BITS
	only-clients = {} | only-clients: expected at least one address, network or local
	max-message = 100 | max-message: "100": expected a size with its unit: 512B, 64K, 10M, 1G or 0
	max-message = 1023B | max-message: "1023B": expected 1K to 1048576G
	max-message = 1048577G | max-message: "1048577G": expected 1K to 1048576G
	on-large = accept | on-large: expected `max-message' with a size
	on-large = continue max-message = 0 | on-large: expected `max-message' with a size
	max-message = 1M on-large = skip | on-large: "skip": expected continue, accept, discard, or reject or tempfail with code and text as in a reply
	max-message = 1M on-large = 'reject 452 x' | on-large: "reject 452 x": expected a code and X.Y.Z that begin with 5
	E
	BEGIN="command = $H reports = {rcpt, abort}"
	table with_handler <<-'E'
	rejected-recipients = yes
	shadow = no
	shadow = yes optional-events = data
	shadow = yes | shadow: expected `events' or `optional-events'; reports have no answer
	E
}

# many_handlers N [OPTION]: a listener, and N handlers.
many_handlers() {
	local i

	printf '%s\nlisten inet:1 {\n%s}\n' "$USERS" "$2"
	for ((i = 1; i <= $1; i++)); do
		printf 'handler h%d { %s }\n' "$i" "$BEGIN"
	done
}

@test "how many handlers a listener may have" {
	local names

	many_handlers 64 >"$F"
	good
	messages 0
	many_handlers 65 >"$F"
	bad 'listen "inet:1": 65 handlers; expected 64 at most' 2
	messages 1
	names=$(printf ', h%d' {1..65})
	many_handlers 65 "handlers = {${names#, }}" >"$F"
	bad 'listen "inet:1": 65 handlers; expected 64 at most' 3
	messages 1
	# The limit is on the handlers of one listener.
	names=$(printf ', h%d' {2..65})
	many_handlers 65 "handlers = {${names#, }} } listen inet:2 { handlers = h1 " >"$F"
	good
	messages 0
}

@test "commands" {
	BEGIN='events = rcpt'
	mkdir "$BATS_TEST_TMPDIR/d"
	printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/d/plain"
	table with_handler <<-E
	command = cat
	command = {cat, '-n', 'a b', ''}
	command = /bin/cat
	command = $H
	command = {} | command: expected a program and its arguments
	command = '' | command: expected a program and its arguments
	command = no-such-program | command: no-such-program: not found in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	command = '/no/such -v' | command: /no/such -v: No such file or directory; expected a program; arguments are elements of their own: {'program', 'argument'}
	command = 'cat -n' | command: cat -n: not found in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; arguments are elements of their own: {'program', 'argument'}
	command = ./handler | command: "./handler": expected a path that begins with /
	command = /no/such | command: /no/such: No such file or directory; expected a program
	command = $BATS_TEST_TMPDIR/d | command: $BATS_TEST_TMPDIR/d: not a file; expected a program
	E
	with_handler "command = $BATS_TEST_TMPDIR/d/plain"
	bad "command: $BATS_TEST_TMPDIR/d/plain: $WHO can't run it: its mode 0644 has no x for this user" 5
	chmod 755 "$BATS_TEST_TMPDIR/d/plain"
	good
	# The message names the first closed directory, even after a link.
	mkdir -p "$BATS_TEST_TMPDIR/open/closed/in"
	cp "$H" "$BATS_TEST_TMPDIR/open/closed/in/x"
	ln -s open/closed/in "$BATS_TEST_TMPDIR/link"
	chmod 600 "$BATS_TEST_TMPDIR/open/closed"
	with_handler "command = $BATS_TEST_TMPDIR/link/x"
	if [ "$(id -u)" -eq 0 ]; then
		bad "command: $BATS_TEST_TMPDIR/link/x: $WHO can't run it: the directory $BATS_TEST_TMPDIR/open/closed is closed to this user" 5
		with_handler "command = $BATS_TEST_TMPDIR/open/closed/in/x"
		bad "command: $BATS_TEST_TMPDIR/open/closed/in/x: $WHO can't run it: the directory $BATS_TEST_TMPDIR/open/closed is closed to this user" 5
	fi
	chmod 700 "$BATS_TEST_TMPDIR/open/closed"
}

@test "settings of the environment that a script does not have" {
	local s=$BATS_TEST_TMPDIR/s
	local more='has no such setting; those that it has are in the comment at its beginning'

	printf '%s\n' '#!/bin/sh' '#' '#	handler s {' '#		command = s' '#	}' '#' \
	    '# DELAY	how long' '# ONCE_MORE	the same' 'sleep "$DELAY" "$ONCE_MORE"' >"$s"
	chmod 755 "$s"
	export TZ=UTC
	BEGIN="events = rcpt command = $s" with_handler "environment = {'DELY=10m', 'DELAY=1s',
	    TZ, 'PYTHONPATH=/x', 'PATH=/bin', 'ONCE=1', 'once=', EDITOR}"
	EDITOR="vi" good
	messages 3
	[[ ${lines[0]} == *" $F:5: environment: DELY: $s $more" ]]
	[[ ${lines[1]} == *" $F:6: environment: ONCE: $s $more" ]]
	[[ ${lines[2]} == *" $F:6: environment: once: $s $more" ]]
	# Only of a script that shows how it is configured.
	sed -i '/handler s/d' "$s"
	good
	messages 0
	# Nor of one that can't be read whole.
	{ printf '%s\n' '#!/bin/sh' '#	handler s {'; printf '%0300000d' 0; } >"$s"
	good
	messages 0
	printf '%s\n' '#!/bin/sh' '#	handler s {' >"$s"
	good
	messages 4
}

@test "the first line of a script" {
	local s=$BATS_TEST_TMPDIR/s

	printf '#!/bin/sh -e\n' >"$s"
	chmod 755 "$s"
	BEGIN="events = rcpt command = $s" with_handler ''
	good
	messages 0
	printf '#! \t/bin/sh' >"$s"
	good
	messages 0
	printf '#!/no/such/sh -e\n' >"$s"
	bad "command: $s: its interpreter /no/such/sh: No such file or directory" 4
	printf '#!/bin/sh\r\necho\r\n' >"$s"
	bad "command: $s: its interpreter /bin/sh\r: No such file or directory; its first line ends with CR: the file has DOS line ends" 4
	printf '#!/bin/sh -e\r\n' >"$s"
	good
	messages 1
	[[ ${lines[0]} == *" $F:4: command: $s: its first line ends with CR: the file has DOS line ends" ]]
	printf '#!\n/bin/sh\n' >"$s"
	bad "command: $s: its interpreter : expected a path after #!" 4
	printf '#!/bin\n' >"$s"
	bad "command: $s: its interpreter /bin: not a file" 4
	printf '#!%s/sh\n' "$BATS_TEST_TMPDIR" >"$s"
	: >"$BATS_TEST_TMPDIR/sh"
	bad "command: $s: its interpreter $BATS_TEST_TMPDIR/sh: $WHO can't run it: its mode 0644 has no x for this user" 4
	for text in 'echo' '' '#' '\177EL'; do
		# shellcheck disable=SC2059
		printf "$text" >"$s"
		good
		messages 1
		[[ ${lines[0]} == *" $F:4: command: $s: has no #! line, and is no program of this system either; a shell script begins with #!/bin/sh" ]]
	done
	printf '\357\273\277#!/bin/sh\n' >"$s"
	good
	messages 1
	[[ ${lines[0]} == *" $F:4: command: $s: a UTF-8 byte order mark stands before its #!; expected #! as its first bytes" ]]
	printf '#!/usr/bin/env sh \n' >"$s"
	good
	messages 0
	printf '#!/usr/bin/env -S no-such-language -u\n' >"$s"
	good
	messages 0
	printf '#!/usr/bin/env no-such-language\n' >"$s"
	bad "command: $s: /usr/bin/env finds no program \"no-such-language\" in the PATH of handlers, /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" 4
	printf '#!/usr/bin/env sh -e\n' >"$s"
	bad "command: $s: /usr/bin/env finds no program \"sh -e\" in the PATH of handlers, /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; expected one name, or -S before more" 4
	printf '#!/usr/bin/env in-its-path\n' >"$s"
	cp /bin/true "$BATS_TEST_TMPDIR/in-its-path"
	BEGIN="events = rcpt command = $s environment = 'PATH=/bin:$BATS_TEST_TMPDIR'" with_handler ''
	good
	messages 0
	# A hook is no better off.
	mkdir "$BATS_TEST_TMPDIR/hooks"
	printf '#!/bin/sh\r\n' >"$BATS_TEST_TMPDIR/hooks/rcpt"
	chmod 755 "$BATS_TEST_TMPDIR/hooks/rcpt"
	BEGIN="hooks = $BATS_TEST_TMPDIR/hooks" with_handler ''
	bad "hooks: $BATS_TEST_TMPDIR/hooks/rcpt: its interpreter /bin/sh\r: No such file or directory; its first line ends with CR: the file has DOS line ends" 4
}

@test "as root: a script that its user can't read" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	with_handler ''
	chmod 711 "$H"
	bad "command: $H: user daemon can't read it, as must be with a script: Permission denied" 4
	with_handler 'user = root'
	good
	# The kernel reads other programs.
	cp /bin/true "$BATS_TEST_TMPDIR/true"
	chmod 711 "$BATS_TEST_TMPDIR/true"
	BEGIN="events = rcpt command = $BATS_TEST_TMPDIR/true" with_handler ''
	good
	messages 0
}

@test "PATH is a fixed one" {
	BEGIN='events = rcpt'
	with_handler 'command = handler'
	PATH=$BATS_TEST_TMPDIR:$PATH bad "command: handler: not found in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" 5
}

@test "hooks" {
	local d=$BATS_TEST_TMPDIR/hooks option

	BEGIN="hooks = $d"
	mkdir "$d"
	with_handler ''
	bad "hooks: $d: expected at least one executable named after an event, such as rcpt or end-of-message" 4
	cp "$H" "$d/README"
	with_handler ''
	bad "hooks: $d: expected at least one executable named after an event, such as rcpt or end-of-message" 4
	cp "$H" "$d/abort"
	with_handler ''
	good
	messages 0
	cp "$H" "$d/rcpt"
	mkdir "$d/data"
	good
	[[ ${lines[0]} == *" $F:4: hooks: $d/data: not a file, so it can't be run; left out" ]]
	messages 1
	rmdir "$d/data"
	ln -s /no/such "$d/helo"
	good
	[[ ${lines[0]} == *" $F:4: hooks: $d/helo: No such file or directory, so it can't be run; left out" ]]
	rm "$d/helo"
	cp "$H" "$d/mail"
	chmod 644 "$d/mail"
	good
	[[ ${lines[0]} == *" $F:4: hooks: $d/mail: $WHO can't run it: its mode 0644 has no x for this user; left out" ]]
	rm "$d/mail"
	for option in 'command = cat' 'events = rcpt' 'reports = rcpt' 'optional-events = rcpt' \
	    'input = block' 'output = reply' 'idle-timeout = 5m' 'max-uses = 0'; do
		with_handler "$option"
		bad "${option%% *}: can't stand with \`hooks'; expected one of the two" 5
		messages 1
	done
	table with_handler <<-'E'
	scope = event reuse = no concurrency = 1 processes-min = 0 rejected-recipients = no
	shadow = yes
	except-clients = local only-clients = 192.0.2.1 except-authenticated = yes
	max-message = 1M on-large = accept
	scope = message | scope: expected event with `hooks'
	scope = session | scope: expected event with `hooks'
	reuse = yes | reuse: expected no with `hooks'
	concurrency = 2 | concurrency: expected 1 with `hooks'
	processes-min = 1 | processes-min: expected 0 with `hooks'
	rejected-recipients = yes | rejected-recipients: expected no with `hooks', which have no report of rcpt
	on-large = accept | on-large: expected `max-message' with a size
	E
	rm "$d/rcpt"
	with_handler 'shadow = yes'
	bad 'shadow: expected a hook that answers; here are reports only' 5
	messages 1
	cp "$H" "$d/rcpt"
	with_handler 'actions = add-header timeout = 3s'
	good
	BEGIN='' with_handler "hooks = $d/rcpt"
	bad "hooks: $d/rcpt: not a directory; expected one" 5
	BEGIN='' with_handler "hooks = $d/none"
	bad "hooks: $d/none: No such file or directory; expected a directory" 5
	BEGIN='' with_handler 'hooks = hooks'
	bad 'hooks: "hooks": expected a path that begins with /' 5
}

@test "unknown options say where they belong" {
	table with_global <<-'E'
	zz = 5 | zz: unknown; expected an option, `listen' or `handler'
	zz = {a, b} | zz: unknown; expected an option, `listen' or `handler'
	timeout = 5s | timeout: unknown here; it is an option of a `handler' section
	mode = 0660 | mode: unknown here; it is an option of a `listen' section
	zz { } | zz: unknown; expected an option, `listen' or `handler'
	zz title { a = b } | zz: unknown; expected an option, `listen' or `handler'
	Listen inet:1 { } | Listen: unknown; expected an option, `listen' or `handler'
	E
	table with_handler <<-'E'
	zz = 5 | zz: unknown; expected an option of `handler'
	connections = 5 | connections: unknown here; it is a global option, which stands outside of sections
	allow = ::1 | allow: unknown here; it is an option of a `listen' section
	E
}

@test "the grammar" {
	table with_global <<-'E'
	connections = 5 max-actions = 6
	connections = '5'
	connections = "5"
	connections = "\065"
	connections = 5 # comment
	connections = 5 // comment
	connections = /* comment */ 5
	connections = "${NOT_SET_ANYWHERE:-5}"
	connections = '${NOT_SET_ANYWHERE:-5}' | connections: "${NOT_SET_ANYWHERE:-5}": expected a decimal number
	connections = 5; | ; outside of quotes; a value with other than letters, digits and ._/:@[]- is quoted
	connections = 5 connections = 5 | connections: given twice; expected once
	connections = = 5 | connections: unexpected token '='; values of a list have commas between, and a value with other than letters, digits and ._/:@[]- is quoted
	connections = {5 6} | connections: unexpected token '6'; values of a list have commas between, and a value with other than letters, digits and ._/:@[]- is quoted
	connections = {{5}} | connections: unexpected token '{'; values of a list have commas between, and a value with other than letters, digits and ._/:@[]- is quoted
	connections = {,} | connections: unexpected token ','; values of a list have commas between, and a value with other than letters, digits and ._/:@[]- is quoted
	connections = 5, 6 | connections: unexpected token ','; values of a list have commas between, and a value with other than letters, digits and ._/:@[]- is quoted
	= 5 | unexpected token '='; values of a list have commas between, and a value with other than letters, digits and ._/:@[]- is quoted
	max-actions = 5 connections = = 5 max-body = 0 | connections: unexpected token '='; values of a list have commas between, and a value with other than letters, digits and ._/:@[]- is quoted
	log-level = info 451 4.3.0 text | 451: unknown; expected an option of `pipemilter.conf'; if it belongs to the value of log-level: a value with other than letters, digits and ._/:@[]- is quoted
	connections 5 | missing equal sign after option 'connections'
	connections += 5
	handler { } | missing title for section 'handler'
	handler 'a b' { command = cat events = rcpt } | handler "a b": expected a name of up to 64 letters, digits, `.', `_' and `-', the first a letter, digit or `_'
	handler -a { command = cat events = rcpt } | handler "-a": expected a name of up to 64 letters, digits, `.', `_' and `-', the first a letter, digit or `_'
	handler '' { command = cat events = rcpt } | handler "": expected a name of up to 64 letters, digits, `.', `_' and `-', the first a letter, digit or `_'
	handler g = 5 | missing opening brace for section 'handler'
	'' = 5 | a syntax error
	connections = 5} | } without a { before it
	connections = {5 | this { is never closed; expected }
	connections = "5 | this string is never closed; expected another "
	connections = '5 | this string is never closed; expected another '
	connections = 5 /* | this comment is never closed; expected */
	E
}

@test "a brace that is missing" {
	local begin="$USERS\nlisten inet:8899 {}\nhandler h" after="handler g { $BEGIN }\n"

	printf '%b' "$begin {\n$BEGIN\n$after" >"$F"
	bad 'this { is never closed; expected }' 3
	messages 1
	# Names before the mistake are checked, too.
	printf '%b' "$begin {\nzz = 1\n$BEGIN\n$after" >"$F"
	bad 'this { is never closed; expected }' 3
	bad "zz: unknown; expected an option of \`handler'" 4
	messages 2
	printf '%b' "$begin\n$BEGIN\n}\n$after" >"$F"
	bad "missing opening brace for section 'handler'" 4
	messages 1
	printf '%b' "$begin {\ncommand = {cat, x\nevents = rcpt\n}\n$after" >"$F"
	bad "command: unexpected token 'events'; values of a list have commas between, and a value with other than letters, digits and ._/:@[]- is quoted" 5
	messages 1
}

@test "bytes that an editor put there" {
	table with_global <<-'E'
	log-level = “info” | a curly quote; expected "
	log-level = ‘info’ | a curly quote; expected '
	log-level = ïnfo | a byte 0xC3 outside of quotes; a value with other than letters, digits and ._/:@[]- is quoted
	E
	with_global ''
	{
		printf '\357\273\277'
		cat "$F"
	} >"$F.bom"
	bad 'a byte order mark (EF BB BF); expected a file without one' 1 "$F.bom"
	messages 1
}

@test "a handler that no listener uses" {
	printf '%s\nlisten inet:8899 { handlers = {h} }\nhandler h { %s }\nhandler g { %s }' "$USERS" "$BEGIN" "$BEGIN" >"$F"
	good
	messages 1
	[[ ${lines[0]} == *" $F:4: handler g: no \`listen' section uses it" ]]
	printf '\nlisten inet:8898 { handlers = {g} }' >>"$F"
	good
	messages 0
}

# adhoc WANTED ARGUMENT ...: what -n says.
adhoc() {
	local wanted=$1 users=()

	shift
	[ "$(id -u)" -ne 0 ] || users=(-o engine-user=nobody -o handler-user=daemon)
	cd "$BATS_TEST_TMPDIR" || return
	run "$PIPEMILTER" -n "${users[@]}" "$@"
	[ "$status" -eq 1 ] && [ "$output" = "pipemilter: command line: $wanted" ] && return
	echo "status $status, expected 1 and \"$wanted\" of:"
	echo "$output"
	return 1
}

@test "the command line: messages name its parts" {
	local l='inet:8899'

	adhoc "handler handler: expected events: -e, or -o with \`reports', \`optional-events' or \`input = message'" \
	    -l "$l" ./handler
	adhoc "-o 'environment={BCC=x}': environment: unexpected token '='; values of a list have commas between, and a value with other than letters, digits and ._/:@[]- is quoted" \
	    -l "$l" -o timeout=3s -o 'environment={BCC=x}' -e mail ./handler
	adhoc "-o 'on-failure = reject 451 x': 451: unknown; expected an option of \`handler'; if it belongs to the value of on-failure: a value with other than letters, digits and ._/:@[]- is quoted" \
	    -l "$l" -o 'on-failure = reject 451 x' -e mail ./handler
	adhoc "-o 'processes = 0': processes: \"0\": expected 1 to 100000" \
	    -l "$l" -o 'timeout = 3s' -o 'processes = 0' -e mail ./handler
	adhoc "-o 'connections = 0': connections: \"0\": expected 1 to 1000000" \
	    -l "$l" -o 'connections = 0' -e mail ./handler
	adhoc "-o 'timeout =\n\n5': timeout: \"5\": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0" \
	    -l "$l" -o 'timeout =

5' -o 'processes = 1' -e mail ./handler
	adhoc "-o 'concurrency = 2': concurrency: expected \`reuse = yes' with more than 1" \
	    -l "$l" -o 'scope = session' -o 'concurrency = 2' -e mail ./handler
	adhoc "-o 'only-clients = home': only-clients: \"home\": expected an address, ADDRESS/BITS or local" \
	    -l "$l" -o 'except-clients = local' -o 'only-clients = home' -e mail ./handler
	adhoc "-o 'pin = 2': pin: \"2\": expected yes or no" \
	    -l "$l" -o 'engines = 2' -o 'pin = 2' -e mail ./handler
	adhoc "-o 'umask = *': * outside of quotes; a value with other than letters, digits and ._/:@[]- is quoted" \
	    -l "$l" -o 'umask = *' -e mail ./handler
	adhoc "-e: events: \"eom\": expected connect, helo, mail, rcpt, data, header, end-of-headers, body, end-of-message or unknown" \
	    -l "$l" -e mail,eom ./handler
	adhoc "-l '$l { mode = 600 }': mode: expected only with a unix socket; an inet socket has \`allow'" \
	    -l inet:1 -l "$l { mode = 600 }" -e mail ./handler
	adhoc "command: $BATS_TEST_TMPDIR/none: No such file or directory; expected a program" \
	    -l "$l" -e mail ././/none
	printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/in-here"
	chmod 755 "$BATS_TEST_TMPDIR/in-here"
	adhoc "command: in-here: not found in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; there is ./in-here" \
	    -l "$l" -e mail in-here
	adhoc "-l 'unix:./a/b/s': listen \"unix:$BATS_TEST_TMPDIR/a/b/s\": the directory $BATS_TEST_TMPDIR/a/b is missing, and $BATS_TEST_TMPDIR/a is, too; expected one of the two" \
	    -l unix:./a/b/s -e mail ./handler
	adhoc "-o 'syslog-facility = $(printf '%0182d' 0)...': syslog-facility: \"$(printf '%0300d' 0)\": expected auth, authpriv, daemon, mail, user or local0 to local7" \
	    -l "$l" -o "syslog-facility = $(printf '%0300d' 0)" -e mail ./handler
}

@test "given twice" {
	table with_handler <<-'E'
	timeout = 5s timeout = 5s | timeout: given twice; expected once
	lines = {macro} lines = {helo} | lines: given twice; expected once
	lines = {macro} lines = {} | lines: given twice; expected once
	lines = {macro} timeout = 3s lines += {helo}
	lines = {macro} timeout = 3s lines += {hello} | lines: "hello": expected client-host, client-family, client-address, client-port, helo, sender, sender-domain, sender-argument, recipient, recipient-domain, recipient-argument, recipients, recipient-refused, macro, context or context-unset
	E
	printf '%s\nlisten inet:1 {}\nhandler h { %s }\nhandler h { %s }\n' "$USERS" "$BEGIN" "$BEGIN" >"$F"
	bad "found duplicate title 'h'" 4
	printf '%s\nlisten inet:1 {}\n\nlisten inet:1 {}\nhandler h { %s }\n' "$USERS" "$BEGIN" >"$F"
	bad "found duplicate title 'inet:1'" 4
	printf '%s\nlisten inet:1 {}\n\nlisten inet:127.0.0.1:1 {}\nhandler h { %s }\n' "$USERS" "$BEGIN" >"$F"
	bad 'listen "inet:127.0.0.1:1": the same address as "inet:1"; expected each once' 4
}

@test "lines are right after comments and strings of several lines" {
	local eol

	for eol in '' '\r'; do
		# shellcheck disable=SC2059
		printf "# one$eol\n// two$eol\n/* three$eol\n * { ' \" $eol\n */ /* five */$eol\n%s$eol\nlisten inet:8899 {}$eol\nhandler h {$eol\n# nine {$eol\ncommand = $H events = rcpt$eol\non-failure = 'reject a$eol\nb # c$eol\nd' // thirteen$eol\nenvironment = {\"A=$eol\n\"}$eol\n/* } */ zz = 5$eol\n}$eol\nyy = 5" "$USERS" >"$F"
		bad "zz: unknown; expected an option of \`handler'" 16
		bad "yy: unknown; expected an option, \`listen' or \`handler'" 18
		messages 2
	done
}

@test "every mistake is told in one run, in order" {
	cat >"$F" <<-E
	$USERS
	zz = 1
	connections = none
	listen unix:/run/x { mode = 999 }
	handler a {
		timeout = 5
		events = {foo,
			bar}
		command = /no/such
	}
	handler b { }
	log-level = x zz = 2
	E
	check
	[ "$status" -eq 1 ]
	messages 10
	for want in 2 3 4 6 7 8 9 11 12 12; do
		[[ ${lines[0]} == *" $F:$want: "* ]] || {
			echo "expected line $want: ${lines[0]}"
			return 1
		}
		lines=("${lines[@]:1}")
	done
}

@test "nothing to do" {
	: >"$F"
	bad "expected a section \`handler NAME { ... }'" ''
	bad "expected a section \`listen \"SOCKET\" { ... }'" ''
	printf '# nothing\n' >"$F"
	bad "expected a section \`handler NAME { ... }'" ''
	printf '%s\nhandler h { %s }' "$USERS" "$BEGIN" >"$F"
	bad "expected a section \`listen \"SOCKET\" { ... }'" ''
	messages 1
	printf '%s\nlisten inet:8899 { }' "$USERS" >"$F"
	bad "expected a section \`handler NAME { ... }'" ''
	messages 1
}

@test "what is not a file" {
	bad 'it is a directory; expected a file' '' "$BATS_TEST_TMPDIR"
	bad 'No such file or directory' '' "$BATS_TEST_TMPDIR/none"
	bad 'Not a directory' '' "$H/none"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	run timeout 20 "$PIPEMILTER" -n -f "$BATS_TEST_TMPDIR/fifo"
	[ "$status" -eq 1 ]
	bad 'not a regular file' '' "$BATS_TEST_TMPDIR/fifo"
	bad 'not a regular file' '' /dev/null
}

@test "a file that can't be read" {
	with_handler ''
	chmod 000 "$F"
	if [ "$(id -u)" -ne 0 ]; then
		bad 'Permission denied' ''
		return
	fi
	setpriv --reuid=nobody --clear-groups test -x "$PIPEMILTER" || skip 'nobody finds no pipemilter'
	run setpriv --reuid=nobody --regid=nogroup --clear-groups "$PIPEMILTER" -n -f "$F"
	[ "$status" -eq 1 ]
	[[ $output == *" $F: Permission denied" ]]
}

@test "the size of a file" {
	with_handler ''
	# 1 MiB to the byte, then one more.
	head -c $((1048576 - $(wc -c <"$F"))) /dev/zero | tr '\0' '\n' >"$F.pad"
	cat "$F.pad" >>"$F"
	good
	echo >>"$F"
	bad 'larger than 1 MiB' ''
	truncate -s 2M "$F"
	bad 'larger than 1 MiB' ''
	truncate -s 1000G "$F"
	bad 'larger than 1 MiB' ''
}

@test "a NUL byte" {
	with_handler ''
	printf '\n\0\n' >>"$F"
	bad 'a NUL byte; expected text' 8
}

@test "include" {
	local d=$BATS_TEST_TMPDIR/conf.d

	mkdir "$d"
	printf '%s\n# include("none")\ninclude("conf.d/*.conf") listen inet:8899 {}\ninclude("%s/frag")\nconnections = 5' "$USERS" "$d" >"$F"
	printf '\nhandler a { %s\n include("opts") }' "$BEGIN" >"$d/a.conf"
	printf 'timeout = 5s' >"$d/opts"
	printf 'handler b { %s }' "$BEGIN" >"$d/b.conf"
	: >"$d/frag"
	good

	# Each mistake is of its own file and line.
	printf '\n/* */ timeout = 5' >"$d/opts"
	bad 'timeout: "5": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0' 2 "$F" ||
		[[ ${lines[0]} == *" $d/opts:2: timeout: "* ]]
	printf '# x\n\nyy = 5' >"$d/frag"
	printf '\nzz = 5' >>"$F"
	check
	[ "$status" -eq 1 ]
	messages 3
	[[ ${lines[0]} == *" $d/opts:2: timeout: "* ]]
	[[ ${lines[1]} == *" $d/frag:3: yy: unknown; "* ]]
	[[ ${lines[2]} == *" $F:6: zz: unknown; "* ]]
}

@test "include: mistakes of the form" {
	local d=$BATS_TEST_TMPDIR/conf.d

	mkdir "$d"
	printf '%s\nlisten inet:8899 {}\nhandler h { %s }\ninclude("conf.d/x")' "$USERS" "$BEGIN" >"$F"
	bad "include: $d/x: No such file or directory" 4
	mkdir "$d/x"
	bad "include: $d/x: it is a directory; expected a file" 4
	rmdir "$d/x"
	printf '\n/* never\n' >"$d/x"
	check
	[[ ${lines[0]} == *" $d/x:2: this comment is never closed; expected */" ]]
	printf 'handler i {\n' >"$d/x"
	check
	[[ ${lines[0]} == *" $d/x:1: this { is never closed; expected }" ]]
	printf '\n}\n' >"$d/x"
	check
	[[ ${lines[0]} == *" $d/x:2: } without a { before it" ]]
	printf '\n\ninclude("../t.conf")' >"$d/x"
	check
	[[ ${lines[0]} == *" $d/x:3: include: $d/../t.conf: it includes itself" ]]
	head -c 1048577 /dev/zero | tr '\0' '\n' >"$d/x"
	bad "include: $d/x: larger than 1 MiB" 4
	head -c 1048576 /dev/zero | tr '\0' '\n' >"$d/x"
	good
	for i in 1 2 3; do
		cp "$d/x" "$d/x$i"
		printf '\ninclude("conf.d/x%d")' "$i" >>"$F"
	done
	bad "include: $d/x3: more than 4 MiB with all that is included" 7
	rm "$d"/x*
	for i in 1 2 3 4 5 6 7 8 9; do
		printf 'include("x%d")' "$((i + 1))" >"$d/x$i"
	done
	printf '%s\nlisten inet:8899 {}\nhandler h { %s }\ninclude("conf.d/x1")' "$USERS" "$BEGIN" >"$F"
	: >"$d/x8"
	good
	printf 'include("x9")' >"$d/x8"
	: >"$d/x9"
	check
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == *" $d/x8:1: include: $d/x9: nested too deeply; expected 8 files at most" ]]
	printf '%s\nlisten inet:8899 {}\nhandler h { %s }\ninclude("conf.d/*.none")' "$USERS" "$BEGIN" >"$F"
	good
	sed -i 's/conf.d/nowhere/' "$F"
	good
	if [ "$(id -u)" -ne 0 ]; then
		mkdir -m 000 "$BATS_TEST_TMPDIR/nowhere"
		bad "include: nowhere/*.none: its directory can't be read" 4
		rmdir "$BATS_TEST_TMPDIR/nowhere"
	fi
	sed -i 's/nowhere.*none/nowhere\/none/' "$F"
	bad "include: $BATS_TEST_TMPDIR/nowhere/none: No such file or directory" 4
	sed -i 's/".*"/conf.d/' "$F"
	bad 'expected include("PATH")' 4
}

# A directory whose name looks like a pattern.
@test "include: the directory of the file is no pattern" {
	local d="$BATS_TEST_TMPDIR/[a]*"

	mkdir "$d"
	printf '%s\nlisten inet:8899 {}\ninclude("*.c") include("e")' "$USERS" >"$d/t.conf"
	printf 'handler h { %s }\n' "$BEGIN" >"$d/h.c"
	: >"$d/e"
	good "$d/t.conf"
}

@test "as root: who runs what" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	table with_handler <<-'E'
	user = bin
	user = 2
	user = bin group = daemon
	group = 1
	user = root
	user = nobody | user: handler h would run as nobody, which is engine-user; expected another user
	group = no-such-group | group: "no-such-group": expected a group of this system
	user = {bin, sys} | user: expected one value, not a list of them
	E
}

@test "as root: users that are missing or can't be" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	USERS='engine-user = no-such-a handler-user = no-such-b' with_handler ''
	check
	[ "$status" -eq 1 ]
	messages 2
	[[ ${lines[0]} == *" $F:1: engine-user: no-such-a: no such user" ]]
	[[ ${lines[1]} == *" $F:1: handler-user: no-such-b: no such user" ]]
	with_handler 'user = no-such'
	check
	[ "$status" -eq 1 ]
	messages 1
	[[ ${lines[0]} == *" $F:5: user: no-such: no such user" ]]
	if ! id -u _pipemilter && ! id -u pipemilter; then
		USERS='#' with_handler ''
		check
		[ "$status" -eq 1 ]
		messages 2
		[[ ${lines[0]} == *" $F: engine-user: user _pipemilter does not exist; \`systemd-sysusers /"*"/pipemilter.conf' makes it, or \`useradd -r -U -M -d / -s /usr/sbin/nologin _pipemilter'" ]]
		[[ ${lines[1]} == *" $F: handler-user: user pipemilter does not exist; \`systemd-sysusers /"*"/pipemilter.conf' makes it, or \`useradd -r -U -M -d / -s /usr/sbin/nologin pipemilter'" ]]
	fi >/dev/null 2>&1
	USERS="engine-user = '' handler-user = daemon" with_handler ''
	bad 'engine-user: expected a name, not an empty one' 1
	USERS='engine-user = root handler-user = daemon' with_handler ''
	bad 'engine-user: root: expected a user other than root and outside of its group' 1
	USERS='engine-user = nobody handler-user = root' with_handler ''
	bad "user: handler h would run as root; expected another handler-user, or \`user = root' in the handler if it must" 4
	USERS='engine-user = nobody handler-user = nobody' with_handler ''
	bad 'user: handler h would run as nobody, which is engine-user; expected another user' 4
}

@test "as root: what others can write is refused" {
	local d=$BATS_TEST_TMPDIR/d path

	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	mkdir "$d"
	cp "$H" "$d/rcpt"
	for path in command hooks; do
		case $path in
		command) BEGIN="command = $d/rcpt events = rcpt" ;;
		hooks) BEGIN="hooks = $d" ;;
		esac
		with_handler ''
		good
		chmod 757 "$d/rcpt"
		bad "$path: $d/rcpt: anybody can write it; expected that only root and daemon can" 4
		chmod 775 "$d/rcpt"
		good	# its group is root's
		chgrp daemon "$d/rcpt"
		bad "$path: $d/rcpt: its group can write it; expected that only root and daemon can" 4
		chmod 755 "$d/rcpt"
		good
		chown daemon "$d/rcpt"
		good
		chown bin "$d/rcpt"
		bad "$path: $d/rcpt: its owner can write it; expected that only root and daemon can" 4
		chown root:root "$d/rcpt"
		chmod 777 "$d"
		bad "$path: $d/rcpt: anybody can write its directory $d; expected a directory that not all can write, or a sticky one" 4
		chmod 1777 "$d"
		good
		chmod 775 "$d"
		good
	done
}

@test "as root: a link to a directory that others can write" {
	local d=$BATS_TEST_TMPDIR/d

	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	mkdir -m 777 "$d"
	cp "$H" "$d/x"
	ln -s "$d/x" "$BATS_TEST_TMPDIR/link"
	BEGIN="command = $BATS_TEST_TMPDIR/link events = rcpt" with_handler ''
	bad "command: $d/x: anybody can write its directory $d; expected a directory that not all can write, or a sticky one" 4
}

@test "as root: what others can write is refused with user = root, too" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	with_handler 'user = root'
	chown daemon "$H"
	bad "command: $H: its owner can write it; expected that only root can" 4
}

@test "as root: directories by which others become root are warned of" {
	local d=$BATS_TEST_TMPDIR/d said

	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	mkdir -p "$d/e/f"
	cp "$H" "$d/e/f/x"
	said="command: $d/e/f/x: %s can write the directory %s, and so replace what root runs or reads"
	BEGIN="command = $d/e/f/x events = rcpt" with_handler 'user = root'
	good
	[[ $output != *replace* ]]
	chown daemon "$d/e"
	good
	# shellcheck disable=SC2059
	[[ $output == *"$(printf "$said" 'its owner' "$d/e")"* ]]
	chown root "$d/e"
	chmod 777 "$d"
	good
	# shellcheck disable=SC2059
	[[ $output == *"$(printf "$said" anybody "$d")"* ]]
	chmod 1777 "$d"
	good
	[[ $output != *replace* ]]
	chmod 775 "$d"
	chgrp daemon "$d"
	good
	# shellcheck disable=SC2059
	[[ $output == *"$(printf "$said" 'its group' "$d")"* ]]
	# Another user gains nothing but that.
	BEGIN="command = $d/e/f/x events = rcpt" with_handler ''
	good
	[[ $output != *replace* ]]
}

@test "as root: the configuration is root's alone" {
	local d=$BATS_TEST_TMPDIR/d

	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	mkdir "$d"
	F=$d/t.conf
	with_handler 'include("frag")'
	: >"$d/frag"
	good
	chown daemon "$d/frag"
	bad "its owner can write $d/frag; expected that only root can write the configuration" ''
	chown root "$d/frag"
	chmod 666 "$F"
	bad "anybody can write $F; expected that only root can write the configuration" ''
	chmod 644 "$F"
	chmod 777 "$d"
	bad "$F: anybody can write its directory $d; expected a directory that not all can write, or a sticky one" ''
	chmod 755 "$d"
	chown daemon "$d"
	good
	[[ $output == *"$F: its owner can write the directory $d, and so replace what root runs or reads"* ]]
}

@test "as root: a program that only root can run" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	chmod 700 "$H"
	with_handler ''
	bad "command: $H: user daemon can't run it: its mode 0700 has no x for this user" 4
	with_handler 'user = root'
	good
	# Not by what is left of root's own groups either.
	chmod 710 "$H"
	with_handler ''
	run setpriv --groups 0 "$PIPEMILTER" -n -f "$F"
	[ "$status" -eq 1 ]
	[[ $output == *"command: $H: user daemon can't run it: its mode 0710 has no x for this user"* ]]
	chmod 750 "$H"
	chgrp bin "$H"
	with_handler 'group = bin'
	good
	chmod 755 "$H"
	chmod 700 "$BATS_TEST_TMPDIR"
	with_handler ''
	bad "command: $H: user daemon can't run it: the directory $BATS_TEST_TMPDIR is closed to this user" 4
}

@test "not as root: another user is a warning" {
	[ "$(id -u)" -ne 0 ] || skip 'needs a user other than root'
	with_handler "user = $(id -un)"
	good
	messages 0
	with_handler 'user = root'
	good
	messages 1
	[[ ${lines[0]} == *" $F:5: user: not started as root, so handler h runs as the caller, not as root" ]]
	USERS='engine-user = no-such handler-user = no-such' with_handler ''
	good
	messages 0
}
