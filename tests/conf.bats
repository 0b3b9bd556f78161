#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# pipemilter.conf: every option with values that are taken and values that are
# not, every kind of mistake with its message and line.

: "${PIPEMILTER:=$BATS_TEST_DIRNAME/../build/pipemilter}"

setup() {
	umask 022
	F=$BATS_TEST_TMPDIR/t.conf
	USERS='# not root'
	if [ "$(id -u)" -eq 0 ]; then
		USERS='engine-user = nobody handler-user = daemon'
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

	run "$PIPEMILTER" -n -f "${1-$F}"
	lines=()
	while IFS= read -r line; do
		[ -z "$line" ] || [ "$line" = "${1-$F}: OK" ] || lines+=("$line")
	done <<<"$output"
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

@test "durations" {
	table with_handler <<-'E'
	timeout = 500ms
	timeout = 30s
	timeout = 5m
	timeout = 1h
	timeout = 1d
	timeout = '8s'
	timeout = {8s}
	queue-timeout = 0
	queue-timeout = 00
	queue-timeout = 0s
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
	engines = 2 | engines: "2" is not there yet; only "1" is
	event-timeout = 0 | event-timeout: "0": expected 1ms to 1d
	message-timeout = 0 | message-timeout: "0": expected 1ms to 1d
	drain-timeout = 5 | drain-timeout: "5": expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0
	syslog-facility = post | syslog-facility: "post": expected auth, authpriv, daemon, mail, user or local0 to local7
	log-level = loud | log-level: "loud": expected error, warning, info or debug
	E
}

@test "modes are octal, whatever their first digit" {
	SOCKET=unix:/tmp/x
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
	actions = progress | actions: "progress" is always allowed; it need not be listed
	optional-actions = {set-message} | optional-actions: "set-message" is always allowed; it need not be listed
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
	directory = /dev/null | directory: /dev/null: not a folder; expected one
	directory = /no/such | directory: /no/such: No such file or directory; expected a folder
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
	events = {rcpt, abort} | events: nobody waits for an answer to "abort"; expected it in `reports'
	optional-events = disconnect | optional-events: nobody waits for an answer to "disconnect"; expected it in `reports'
	reports = {rcpt, end} | reports: "end": expected connect, helo, mail, rcpt, data, header, end-of-headers, body, end-of-message, unknown, abort or disconnect
	events = {rcpt, rcpt} | events: "rcpt" is named twice; expected once
	events = rcpt reports = {mail, rcpt} | reports: "rcpt" is in `events' too; expected it in one of them
	events = rcpt optional-events = rcpt | optional-events: "rcpt" is in `events' too; expected it in one of them
	optional-events = helo reports = helo | reports: "helo" is in `optional-events' too; expected it in one of them
	E
	with_handler ''
	bad "handler h: expected \`events', \`reports' or \`optional-events' with its \`command'" 4
	with_handler 'events = {}'
	bad "handler h: expected \`events', \`reports' or \`optional-events' with its \`command'" 4
	BEGIN='' with_handler 'events = rcpt'
	bad "handler h: expected \`command' or \`hooks'" 4
}

@test "options that are not there yet have their defaults only" {
	table with_handler <<-'E'
	scope = event
	reuse = no
	concurrency = 1
	processes-min = 0
	idle-timeout = 5m
	idle-timeout = 300s
	max-uses = 0
	spool = no
	input = block
	output = reply
	received = no
	shadow = no
	rejected-recipients = no
	except-authenticated = no
	except-clients = {}
	only-clients = {}
	on-large = continue
	scope = message | scope: "message" is not there yet; only "event" is
	scope = session | scope: "session" is not there yet; only "event" is
	reuse = yes | reuse: "yes" is not there yet; only "no" is
	concurrency = 2 | concurrency: "2" is not there yet; only "1" is
	processes-min = 1 | processes-min: "1" is not there yet; only "0" is
	idle-timeout = 1m | idle-timeout: "1m" is not there yet; only "5m" is
	max-uses = 9 | max-uses: "9" is not there yet; only "0" is
	spool = yes | spool: "yes" is not there yet; only "no" is
	input = message | input: "message" is not there yet; only "block" is
	output = none | output: "none" is not there yet; only "reply" is
	received = yes | received: "yes" is not there yet; only "no" is
	shadow = yes | shadow: "yes" is not there yet; only "no" is
	rejected-recipients = yes | rejected-recipients: "yes" is not there yet; only "no" is
	except-authenticated = yes | except-authenticated: "yes" is not there yet; only "no" is
	except-clients = {127.0.0.1} | except-clients: not there yet
	only-clients = local | only-clients: not there yet
	max-message = 1M | max-message: not there yet
	on-large = accept | on-large: "accept" is not there yet; only "continue" is
	E
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
	command = ./handler | command: "./handler": expected a path that begins with /
	command = /no/such | command: /no/such: No such file or directory; expected a program
	command = $BATS_TEST_TMPDIR/d | command: $BATS_TEST_TMPDIR/d: not a file; expected a program
	E
	with_handler "command = $BATS_TEST_TMPDIR/d/plain"
	if [ "$(id -u)" -eq 0 ]; then
		bad "command: $BATS_TEST_TMPDIR/d/plain: user daemon can't run it: Permission denied" 5
	else
		bad "command: $BATS_TEST_TMPDIR/d/plain: the caller can't run it: Permission denied" 5
	fi
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
	[[ ${lines[0]} == *" $F:4: hooks: $d/mail: "*" can't run it: Permission denied; left out" ]]
	rm "$d/mail"
	for option in 'command = cat' 'events = rcpt' 'reports = rcpt' 'optional-events = rcpt' \
	    'input = block' 'output = reply'; do
		with_handler "$option"
		bad "${option%% *}: can't stand beside \`hooks'; expected one of the two" 5
	done
	with_handler 'actions = add-header timeout = 3s'
	good
	BEGIN='' with_handler "hooks = $d/rcpt"
	bad "hooks: $d/rcpt: not a folder; expected one" 5
	BEGIN='' with_handler "hooks = $d/none"
	bad "hooks: $d/none: No such file or directory; expected a folder" 5
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
	connections 5 | missing equal sign after option 'connections'
	connections = 5; | ; outside of quotes; a value with other than letters, digits and ._/:@[]- is quoted
	connections = 5 connections = 5 | connections: given twice; expected once
	connections = = 5 | unexpected token '='
	connections = {5 6} | unexpected token '6'
	connections = {{5}} | unexpected token '{'
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
	bad "include: nowhere/*.none: its folder is missing or can't be read" 4
	sed -i 's/".*"/conf.d/' "$F"
	bad 'expected include("PATH")' 4
}

# A folder whose name looks like a pattern.
@test "include: the folder of the file is no pattern" {
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
	[[ ${lines[0]} == *" $F:1: engine-user: user no-such-a does not exist; \`systemd-sysusers /"*"/pipemilter.conf' makes _pipemilter and pipemilter" ]]
	[[ ${lines[1]} == *" $F:1: handler-user: user no-such-b does not exist; "* ]]
	with_handler 'user = no-such'
	check
	[ "$status" -eq 1 ]
	messages 1
	[[ ${lines[0]} == *" $F:5: user: user no-such does not exist; "* ]]
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
		bad "$path: $d/rcpt: anybody can write its folder $d; expected a folder that not all can write, or a sticky one" 4
		chmod 1777 "$d"
		good
		chmod 775 "$d"
		good
	done
}

@test "as root: a link to a folder that others can write" {
	local d=$BATS_TEST_TMPDIR/d

	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	mkdir -m 777 "$d"
	cp "$H" "$d/x"
	ln -s "$d/x" "$BATS_TEST_TMPDIR/link"
	BEGIN="command = $BATS_TEST_TMPDIR/link events = rcpt" with_handler ''
	bad "command: $d/x: anybody can write its folder $d; expected a folder that not all can write, or a sticky one" 4
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
	bad "$F: anybody can write its folder $d; expected a folder that not all can write, or a sticky one" ''
}

@test "as root: a program that only root can run" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	chmod 700 "$H"
	with_handler ''
	bad "command: $H: user daemon can't run it: Permission denied" 4
	with_handler 'user = root'
	good
	# Not by what is left of root's own groups either.
	chmod 710 "$H"
	with_handler ''
	run setpriv --groups 0 "$PIPEMILTER" -n -f "$F"
	[ "$status" -eq 1 ]
	[[ $output == *"command: $H: user daemon can't run it: Permission denied"* ]]
	chgrp bin "$H"
	with_handler 'group = bin'
	good
	chmod 755 "$H"
	chmod 700 "$BATS_TEST_TMPDIR"
	with_handler ''
	bad "command: $H: user daemon can't run it: Permission denied" 4
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
