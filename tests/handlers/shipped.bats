#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The handlers that are shipped: each alone in three shells, the last of them
# with busybox's own tools, and each through pipemilter with milter-send.

bats_require_minimum_version 1.5.0

load ../lib/common

setup() {
	test_setup
	# Where the users that the daemon changes to can run them.
	cp -p "$TOP_DIR"/handlers/* "$HANDLERS"
	block='event mail\nsession 5f3a9c01.1\ncomplete\n\n'
	tools=$WORK/busybox
	mkdir "$tools"
	local tool
	for tool in sh tr sed cat; do
		ln -s "$(command -v busybox)" "$tools/$tool"
	done
	mkdir "$WORK/empty"
	cd "$WORK/empty" || return
}

teardown() {
	test_teardown
}

# handler NAME VAR=VALUE...: runs it in each shell with $block on stdin. All
# must do the same: $output, $errors and $status are what they did.
handler() {
	local name=$1 shell path first=yes out err code
	shift
	for shell in "$(command -v dash)" "$(command -v bash) --posix" "$tools/sh"; do
		path=$PATH
		[ "$shell" != "$tools/sh" ] || path=$tools
		code=0
		# shellcheck disable=SC2059,SC2086
		out=$(printf "$block" | env -i PATH="$path" LC_ALL=C \
		    PIPEMILTER_PROTOCOL=1 "$@" $shell "$HANDLERS/$name" \
		    2>"$WORK/err") || code=$?
		err=$(cat "$WORK/err")
		if [ "$first" = yes ]; then
			output=$out errors=$err status=$code first=no
		fi
		if [ "$out" != "$output" ] || [ "$code" != "$status" ]; then
			printf '%s\n' "$shell differs: status $code, $out, $err"
			return 1
		fi
	done
	printf '%s\n' "status $status" "$output" "$errors"
}

# says TEXT: the handlers' whole output was this, and their status 0.
says() {
	[ "$status" -eq 0 ] && [ "$output" = "$1" ]
}

# fails TEXT: a failure, with this in the log.
fails() {
	[ "$status" -eq 1 ] && [ -z "$output" ] && [[ $errors == *"$1"* ]]
}

# send ARGUMENT...: sends a small message, and keeps what would be delivered.
send() {
	local users=()
	if [ -n "$ENGINE_USER" ]; then
		users=(-o "engine-user = $ENGINE_USER" -o "handler-user = $HANDLER_USER")
	fi
	rm -f "$OUT/delivered"
	run --separate-stderr "$MILTER_SEND" -O "$OUT/delivered" \
	    "${users[@]}" "$@" <<-'END'
		From: alice@example.org
		To: bob@example.net
		Subject: hello
		X-Client-Address: forged
		X-Folded: make
		  money fast

		one
		two
	END
	printf '%s\n' "status $status" "$output" "$stderr"
}

# delivered PATTERN: a line of the message as it would be delivered.
delivered() {
	tr -d '\r' < "$OUT/delivered" | grep -e "$1"
}

@test "all scripts pass shellcheck" {
	command -v shellcheck
	grep -lxF '#!/bin/sh' "$HANDLERS"/* | xargs shellcheck
	shellcheck "$TOP_DIR/bootstrap" "$TOP_DIR"/examples/*.sh
	find "$TOP_DIR/scripts" -type f -exec shellcheck -x -P "$TOP_DIR" {} +
}

@test "no handler evaluates, and none prints with echo" {
	run ! grep -nE '(^|[^[:alnum:]_-])(eval|echo)[[:blank:]]' "$HANDLERS"/*
}

@test "all handlers can be executed and name their configuration" {
	local file name
	for file in "$HANDLERS"/*; do
		name=${file##*/}
		[ -x "$file" ]
		grep -q "^#	handler $name {" "$file"
		grep -q "^#		command *= {/usr/local/libexec/pipemilter/$name}" "$file"
	done
}

# wrong TEXT HANDLER SETTING ...: a failure of which the log has this text
wrong() {
	handler "${@:2}"
	fails "$1"
}

@test "settings that would let mail pass without a word are refused" {
	local client=(MILTER_CLIENT_FAMILY=inet MILTER_CLIENT_ADDRESS=192.0.2.7)
	local lower='in lower case, separated by blanks'

	wrong "$lower: a.example, b.example" bcc BCC=a@b.example 'DOMAINS=a.example, b.example'
	wrong "$lower: A.example" bcc BCC=a@b.example DOMAINS=A.example
	wrong 'BCC is not an address such as archive@example.org: a@b.example, c@d.example' \
	    bcc 'BCC=a@b.example, c@d.example'
	wrong 'BCC is not an address' bcc 'BCC=<a@b.example>'
	wrong "$lower: a.example, b.example" archive MAILDIR=/x 'DOMAINS=a.example, b.example'
	wrong "$lower: A.example" archive MAILDIR=/x DOMAINS=A.example
	wrong "$lower: a.example," plus-address DOMAINS=a.example,
	wrong "$lower: A.example" plus-address DOMAINS=A.example
	wrong 'SEPARATOR is not a single character such as + or -: ++' plus-address DOMAINS=a \
	    SEPARATOR=++
	wrong "$lower" require-tls 'DOMAINS=a.example, b.example' "${client[@]}"
	wrong "$lower" require-tls DOMAINS=A.example "${client[@]}"
	wrong 'TRUSTED must be separated by blanks: 192.0.2.*, ::1' tag-subject 'TRUSTED=192.0.2.*, ::1'
	wrong 'separated by blanks' reject-helo 'NAMES=a.example, b.example' "${client[@]}"
	wrong 'separated by blanks' reject-helo NAMES=a.example 'TRUSTED=127.*, ::1' "${client[@]}"
	wrong 'separated by blanks' reject-sender 'SENDERS=*@a.example, b.example'
	printf '%s\n' '# a, b' 'a.example,' 'b.example' >"$WORK/list"
	wrong 'separated by blanks' reject-sender "SENDERS_FILE=$WORK/list"
	wrong 'separated by blanks' reject-helo "NAMES_FILE=$WORK/list" "${client[@]}"
	wrong 'up to nine digits: 99999999999999999999' limit-recipients MAX=99999999999999999999 \
	    MILTER_RECIPIENT_COUNT=1
	wrong 'REMOVE is neither yes nor no: Yes' add-client-header REMOVE=Yes
	wrong "not a rule such as \`Subject: *money*': subject *x*" reject-header \
	    'HEADER=Subject *x*' MILTER_HEADER_NAME=To MILTER_HEADER_VALUE=x
	printf '%s\n' '# no rule' '' 'Subject: *x*' ': *y*' >"$WORK/list"
	wrong "': :*y*" reject-header "HEADERS_FILE=$WORK/list" \
	    MILTER_HEADER_NAME=To MILTER_HEADER_VALUE=x
}

@test "lists may have DOS line ends" {
	printf '%s\r\n' '# x' 'spam.example' '*@b.example' >"$WORK/list"
	handler reject-sender "SENDERS_FILE=$WORK/list" 'MILTER_SENDER=<a@spam.example>' \
	    MILTER_SENDER_DOMAIN=spam.example
	says 'reject 550 5.7.1 Sender refused'
	handler reject-sender "SENDERS_FILE=$WORK/list" 'MILTER_SENDER=<a@b.example>' \
	    MILTER_SENDER_DOMAIN=b.example
	says 'reject 550 5.7.1 Sender refused'
	handler reject-helo "NAMES_FILE=$WORK/list" MILTER_HELO=spam.example \
	    MILTER_CLIENT_FAMILY=inet MILTER_CLIENT_ADDRESS=192.0.2.7
	says 'reject 550 5.7.1 HELO refused'
	printf '%s\r\n' '# x' '' 'Subject: buy' >"$WORK/list"
	handler reject-header "HEADERS_FILE=$WORK/list" MILTER_HEADER_NAME=Subject \
	    MILTER_HEADER_VALUE=Buy
	says 'reject 550 5.7.1 Message refused'
}

# explained FILE: the settings that its comment has, one a line
explained() {
	sed -n 's/^# \([A-Z0-9_]*\)\(, \([A-Z0-9_]*\)\)*	.*/\1 \3/p
	    s/^# \([A-Z0-9_]*\), \([A-Z0-9_]*\)$/\1 \2/p
	    s/^# \([A-Z0-9_]*\)$/\1/p' "$1" | xargs -n 1 | sort -u
}

@test "handlers explain the settings that they read, and read those that they explain" {
	local file

	for file in "$HANDLERS"/*; do
		explained "$file" >"$WORK/explained"
		sed '/^#/d' "$file" >"$WORK/text"
		if grep -q TroubleAnswer "$WORK/text"; then
			echo '"ON_TROUBLE"' >>"$WORK/text"
		fi
		while read -r name; do
			grep -qw "$name" "$WORK/text" || { echo "$file does not read $name"; return 1; }
		done <"$WORK/explained"
		{
			grep -oE '\$\{[A-Z][A-Z0-9_]*' "$WORK/text" | sed 's/..//'
			tr -d '[:space:]' <"$WORK/text" |
			    grep -oE '[a-z]\("[A-Z][A-Z0-9_]+"' | sed 's/.*("//; s/"//'
		} | grep -v '^MILTER_\|^PIPEMILTER_\|^USER$' | sort -u >"$WORK/read"
		[ -z "$(comm -13 "$WORK/explained" "$WORK/read")" ] || {
			echo "$file does not explain:"
			comm -13 "$WORK/explained" "$WORK/read"
			return 1
		}
	done
}

# reject-sender

@test "reject-sender: nothing set is a failure" {
	handler reject-sender 'MILTER_SENDER=<a@b.example>' MILTER_SENDER_DOMAIN=b.example
	fails 'neither SENDERS nor SENDERS_FILE'
}

@test "reject-sender: addresses, domains and the null sender" {
	handler reject-sender 'SENDERS=*@spam.example' \
	    'MILTER_SENDER=<A@Spam.Example>' MILTER_SENDER_DOMAIN=spam.example
	says 'reject 550 5.7.1 Sender refused'
	handler reject-sender 'SENDERS=x.example Spam.Example' \
	    'MILTER_SENDER=<a@sub.spam.example>' MILTER_SENDER_DOMAIN=sub.spam.example
	says 'reject 550 5.7.1 Sender refused'
	handler reject-sender 'SENDERS=spam.example a@*' \
	    'MILTER_SENDER=<b@notspam.example>' MILTER_SENDER_DOMAIN=notspam.example
	says ''
	handler reject-sender 'SENDERS=<>' 'MILTER_SENDER=<>' MILTER_SENDER_DOMAIN=
	says 'reject 550 5.7.1 Sender refused'
	handler reject-sender 'SENDERS=<> a.example' 'MILTER_SENDER=<c@d.example>' \
	    MILTER_SENDER_DOMAIN=d.example
	says ''
}

@test "reject-sender: hostile senders are only compared" {
	local bad
	for bad in '$(touch x)' '`touch x`' '*' '-n' '%s%n' '\\c' 'a b' ';touch x'; do
		handler reject-sender 'SENDERS=a@good.example' \
		    "MILTER_SENDER=<$bad@e.example>" MILTER_SENDER_DOMAIN=e.example
		says ''
		handler reject-sender 'SENDERS=*@e.example' \
		    "MILTER_SENDER=<$bad@e.example>" MILTER_SENDER_DOMAIN=e.example
		says 'reject 550 5.7.1 Sender refused'
	done
	[ ! -e x ]
}

@test "reject-sender: file, comments, answer, authenticated clients" {
	printf '%s\n' '# a comment b.example' '' 'c.example  d@*' > "$WORK/list"
	handler reject-sender "SENDERS_FILE=$WORK/list" \
	    'ANSWER=tempfail 450 4.7.1 100% later' \
	    'MILTER_SENDER=<d@e.example>' MILTER_SENDER_DOMAIN=e.example
	says 'tempfail 450 4.7.1 100% later'
	handler reject-sender "SENDERS_FILE=$WORK/list" \
	    'MILTER_SENDER=<a@b.example>' MILTER_SENDER_DOMAIN=b.example
	says ''
	handler reject-sender SENDERS=b.example MILTER_MACRO_auth_authen=alice \
	    'MILTER_SENDER=<a@b.example>' MILTER_SENDER_DOMAIN=b.example
	says ''
	handler reject-sender "SENDERS_FILE=$WORK/missing" \
	    'MILTER_SENDER=<a@b.example>' MILTER_SENDER_DOMAIN=b.example
	fails missing
}

@test "reject-sender through pipemilter" {
	send -e mail -o 'actions = {}' -o 'lines = {macro}' \
	    -o "environment = {'SENDERS=*@spam.example'}" \
	    -f '<a@spam.example>' -r '<bob@example.net>' -x "$HANDLERS/reject-sender"
	[ "$status" -eq 1 ]
	[[ $output$stderr == *'550 5.7.1 Sender refused'* ]]
	send -e mail -o 'actions = {}' -o 'lines = {macro}' \
	    -o "environment = {'SENDERS=*@spam.example'}" \
	    -f '<a@good.example>' -r '<bob@example.net>' -x "$HANDLERS/reject-sender"
	[ "$status" -eq 0 ]
	send -e mail -o 'actions = {}' -o 'lines = {macro}' \
	    -o "environment = {'SENDERS=*@spam.example'}" -m '{auth_authen}=a' \
	    -f '<a@spam.example>' -r '<bob@example.net>' -x "$HANDLERS/reject-sender"
	[ "$status" -eq 0 ]
}

# reject-helo

@test "reject-helo: names, trusted and local clients" {
	handler reject-helo MILTER_HELO=x MILTER_CLIENT_FAMILY=inet
	fails 'neither NAMES nor NAMES_FILE'
	handler reject-helo 'NAMES=localhost *.Local' MILTER_HELO=PC.local \
	    MILTER_CLIENT_FAMILY=inet MILTER_CLIENT_ADDRESS=192.0.2.7
	says 'reject 550 5.7.1 HELO refused'
	handler reject-helo 'NAMES=localhost *.local' MILTER_HELO=mx.example.org \
	    MILTER_CLIENT_FAMILY=inet MILTER_CLIENT_ADDRESS=192.0.2.7
	says ''
	handler reject-helo 'NAMES=localhost' MILTER_HELO=localhost \
	    MILTER_CLIENT_FAMILY=inet6 MILTER_CLIENT_ADDRESS=::1
	says ''
	handler reject-helo 'NAMES=localhost' MILTER_HELO=localhost \
	    MILTER_CLIENT_FAMILY=unknown
	says ''
	handler reject-helo 'NAMES=localhost' TRUSTED= MILTER_HELO=localhost \
	    MILTER_CLIENT_FAMILY=inet MILTER_CLIENT_ADDRESS=127.0.0.1
	says 'reject 550 5.7.1 HELO refused'
	# A pattern is not to be taken for names of files.
	touch a.local
	handler reject-helo 'NAMES=*.local' MILTER_HELO=b.local \
	    MILTER_CLIENT_FAMILY=inet MILTER_CLIENT_ADDRESS=192.0.2.7
	says 'reject 550 5.7.1 HELO refused'
	printf '%s\n' '# x' 'other' > "$WORK/list"
	handler reject-helo "NAMES_FILE=$WORK/list" MILTER_HELO=other \
	    MILTER_CLIENT_FAMILY=inet MILTER_CLIENT_ADDRESS=192.0.2.7 'ANSWER=shutdown go'
	says 'shutdown go'
}

@test "reject-helo through pipemilter" {
	local o="environment = {'NAMES=*.local'}"
	send -e helo -o 'actions = {}' -o 'lines = {client-address, client-family}' \
	    -o "$o" -c 192.0.2.7 -H pc.local -x "$HANDLERS/reject-helo"
	[ "$status" -eq 1 ]
	[[ $output$stderr == *'550 5.7.1 HELO refused'* ]]
	send -e helo -o 'actions = {}' -o 'lines = {client-address, client-family}' \
	    -o "$o" -c 127.0.0.1 -H pc.local -x "$HANDLERS/reject-helo"
	[ "$status" -eq 0 ]
}

# reject-header

@test "reject-header: rules, case, folding, file" {
	handler reject-header MILTER_HEADER_NAME=Subject MILTER_HEADER_VALUE=x
	fails 'neither HEADER nor HEADERS_FILE'
	handler reject-header 'HEADER=Subject : *make  Money fast*' \
	    MILTER_HEADER_NAME=SUBJECT 'MILTER_HEADER_VALUE=Now Make\n\tmoney  fast\0040'
	says 'reject 550 5.7.1 Message refused'
	handler reject-header 'HEADER=Subject: make money' \
	    MILTER_HEADER_NAME=Subject 'MILTER_HEADER_VALUE=how to make money'
	says ''
	handler reject-header 'HEADER=Subject: *' \
	    MILTER_HEADER_NAME=X-Subject MILTER_HEADER_VALUE=x
	says ''
	printf '%s\n' '# To: *' 'Subject: *a?b*' '  X-Mailer:bulk *' > "$WORK/list"
	handler reject-header "HEADERS_FILE=$WORK/list" \
	    MILTER_HEADER_NAME=X-Mailer 'MILTER_HEADER_VALUE=Bulk Mailer' ANSWER=discard
	says discard
	handler reject-header "HEADERS_FILE=$WORK/list" \
	    MILTER_HEADER_NAME=To MILTER_HEADER_VALUE=x
	says ''
}

@test "reject-header: hostile values, and one that is too long for a variable" {
	local bad
	for bad in '$(touch x)' '`touch x`' '*' '-n' '%s%n' '\\c' '[a-'; do
		handler reject-header 'HEADER=Subject: plain' \
		    MILTER_HEADER_NAME=Subject "MILTER_HEADER_VALUE=$bad"
		says ''
		handler reject-header 'HEADER=Subject: plain' \
		    "MILTER_HEADER_NAME=$bad" MILTER_HEADER_VALUE=plain
		says ''
		handler reject-header 'HEADER=Subject: *end' \
		    MILTER_HEADER_NAME=Subject "MILTER_HEADER_VALUE=$bad the end"
		says 'reject 550 5.7.1 Message refused'
	done
	[ ! -e x ]
	block='event header\nheader-name Subject\nheader-value a very long one\n\n'
	handler reject-header 'HEADER=Subject: *long*' MILTER_HEADER_NAME=Subject \
	    MILTER_OMITTED=MILTER_HEADER_VALUE
	says 'reject 550 5.7.1 Message refused'
}

@test "reject-header through pipemilter" {
	send -e header -o 'actions = {}' -o 'lines = {}' \
	    -o "environment = {'HEADER=x-folded: make money fast'}" \
	    -x "$HANDLERS/reject-header"
	[ "$status" -eq 1 ]
	[[ $output$stderr == *'550 5.7.1 Message refused'* ]]
	send -e header -o 'actions = {}' -o 'lines = {}' \
	    -o "environment = {'HEADER=x-folded: make money slowly'}" \
	    -x "$HANDLERS/reject-header"
	[ "$status" -eq 0 ]
}

# tag-subject

@test "tag-subject: the first subject, once, from outside" {
	handler tag-subject MILTER_EVENT=header MILTER_HEADER_NAME=SUBJECT \
	    'MILTER_HEADER_VALUE=100%% \\c $(x)' MILTER_CLIENT_ADDRESS=192.0.2.7
	says 'set-message tag-subject-seen yes
change-header Subject 1 [EXTERNAL] 100%% \\c $(x)
continue'
	handler tag-subject MILTER_EVENT=header MILTER_HEADER_NAME=Subject \
	    'MILTER_HEADER_VALUE=Re: [EXTERNAL] x' MILTER_CLIENT_ADDRESS=192.0.2.7
	says 'set-message tag-subject-seen yes
continue'
	handler tag-subject MILTER_EVENT=header MILTER_HEADER_NAME=Subject \
	    MILTER_HEADER_VALUE=EXTRA MILTER_CLIENT_ADDRESS=192.0.2.7
	says 'set-message tag-subject-seen yes
change-header Subject 1 [EXTERNAL] EXTRA
continue'
	handler tag-subject MILTER_EVENT=header MILTER_HEADER_NAME=Subject \
	    MILTER_HEADER_VALUE=x MILTER_CONTEXT_tag_subject_seen=yes
	says continue
	handler tag-subject MILTER_EVENT=header MILTER_HEADER_NAME=To MILTER_HEADER_VALUE=x
	says continue
	handler tag-subject MILTER_EVENT=end-of-headers 'TAG=*'
	says 'add-header Subject *
continue'
	handler tag-subject MILTER_EVENT=end-of-headers MILTER_CONTEXT_tag_subject_seen=yes
	says continue
	block='event header\nheader-name Subject\nheader-value a very long one\n\n'
	handler tag-subject MILTER_EVENT=header MILTER_HEADER_NAME=Subject TAG=x
	says 'set-message tag-subject-seen yes
change-header Subject 1 x a very long one
continue'
}

@test "tag-subject: trusted and authenticated clients" {
	handler tag-subject MILTER_EVENT=header MILTER_HEADER_NAME=Subject \
	    MILTER_HEADER_VALUE=x MILTER_CLIENT_ADDRESS=127.0.0.1
	says accept
	handler tag-subject MILTER_EVENT=header MILTER_HEADER_NAME=To \
	    MILTER_HEADER_VALUE=x MILTER_CLIENT_ADDRESS=192.0.2.7 'TRUSTED=192.0.2.*'
	says accept
	handler tag-subject MILTER_EVENT=header MILTER_HEADER_NAME=To \
	    MILTER_HEADER_VALUE=x MILTER_CLIENT_ADDRESS=192.0.2.7 MILTER_MACRO_auth_authen=a
	says accept
}

@test "tag-subject through pipemilter" {
	send -e header,end-of-headers -o 'actions = {change-header, add-header}' \
	    -o 'lines = {client-address, context, macro}' \
	    -c 192.0.2.7 -x "$HANDLERS/tag-subject"
	[ "$status" -eq 0 ]
	delivered '^Subject: \[EXTERNAL\] hello$'
	send -e header,end-of-headers -o 'actions = {change-header, add-header}' \
	    -o 'lines = {client-address, context, macro}' \
	    -c 127.0.0.1 -x "$HANDLERS/tag-subject"
	[ "$status" -eq 0 ]
	delivered '^Subject: hello$'
}

# add-client-header

@test "add-client-header: named, unnamed and unknown clients" {
	handler add-client-header MILTER_CLIENT_HOST=mx.example.org MILTER_CLIENT_ADDRESS=192.0.2.7
	says 'add-header X-Client-Address mx.example.org [192.0.2.7]
continue'
	handler add-client-header 'MILTER_CLIENT_HOST=[IPv6:2001:db8::1]' \
	    MILTER_CLIENT_ADDRESS=2001:db8::1 HEADER=X-From REMOVE=yes
	says 'delete-header X-From
add-header X-From [2001:db8::1]
continue'
	handler add-client-header MILTER_CLIENT_ADDRESS=192.0.2.7
	says 'add-header X-Client-Address [192.0.2.7]
continue'
	handler add-client-header MILTER_CLIENT_HOST=localhost
	says 'add-header X-Client-Address unknown
continue'
	handler add-client-header 'HEADER=a b'
	fails 'not the name of a header'
}

@test "add-client-header through pipemilter" {
	send -e end-of-message -o 'actions = {add-header, delete-header}' \
	    -o 'lines = {client-host, client-address}' \
	    -o "environment = {'REMOVE=yes'}" \
	    -c 192.0.2.7 -h mx.example.org -x "$HANDLERS/add-client-header"
	[ "$status" -eq 0 ]
	[ "$(delivered '^X-Client-Address:')" = \
	    'X-Client-Address: mx.example.org [192.0.2.7]' ]
}

# limit-recipients

@test "limit-recipients: the limit, and the one for those that have logged in" {
	handler limit-recipients MAX=3 MILTER_RECIPIENT_COUNT=3
	says ''
	handler limit-recipients MAX=3 MILTER_RECIPIENT_COUNT=4
	says 'tempfail 452 4.5.3 Too many recipients'
	handler limit-recipients MAX=3 MAX_AUTHENTICATED=5 MILTER_RECIPIENT_COUNT=5 \
	    MILTER_MACRO_auth_authen=a
	says ''
	handler limit-recipients MAX=3 MILTER_RECIPIENT_COUNT=5 MILTER_MACRO_auth_authen=a \
	    'ANSWER=reject 550 5.5.3 no'
	says 'reject 550 5.5.3 no'
	handler limit-recipients MILTER_RECIPIENT_COUNT=51
	says 'tempfail 452 4.5.3 Too many recipients'
	handler limit-recipients MAX=many MILTER_RECIPIENT_COUNT=1
	fails 'must be numbers'
	handler limit-recipients MAX=1
	fails 'no MILTER_RECIPIENT_COUNT'
	handler limit-recipients MAX=1 'MILTER_RECIPIENT_COUNT=a[$(touch x)]'
	fails 'no MILTER_RECIPIENT_COUNT'
	[ ! -e x ]
}

@test "limit-recipients through pipemilter" {
	local o="environment = {'MAX=1'}"
	send -v -e rcpt -o 'actions = {}' -o 'lines = {recipients, macro}' -o "$o" \
	    -r '<b@example.net>' -r '<c@example.net>' -x "$HANDLERS/limit-recipients"
	[ "$status" -eq 0 ]
	[[ $output$stderr == *'452 4.5.3 Too many recipients'* ]]
	send -v -e rcpt -o 'actions = {}' -o 'lines = {recipients, macro}' -o "$o" \
	    -r '<b@example.net>' -x "$HANDLERS/limit-recipients"
	[ "$status" -eq 0 ]
	[[ $output$stderr != *'452 4.5.3'* ]]
}

# log-events

@test "log-events: an event, a report, no block" {
	block='event rcpt\nsession 1.1\nmessage 1.1.1\ncomplete\nrecipient <b@c>\nmacro i X\n\n'
	handler log-events
	says 'log rcpt; recipient <b@c>
continue'
	handler log-events VERBOSE=yes
	says 'log rcpt; recipient <b@c>; macro i X
continue'
	block='report helo\nsession 1.1\nhelo a%%s\\\\0040\nanswer continue\n\n'
	handler log-events
	says ''
	[ "$errors" = 'helo; helo a%s\\0040; answer continue' ]
	block=
	handler log-events
	fails 'no block'
}

@test "log-events through pipemilter, as reports and as events" {
	send -v -o 'actions = {}' -o 'reports = {connect, helo, mail, rcpt, data, header,
	    end-of-headers, body, end-of-message, unknown, abort, disconnect}' \
	    -f '<alice@example.org>' -x "$HANDLERS/log-events"
	[ "$status" -eq 0 ]
	[[ $output$stderr == *'mail;'*'sender <alice@example.org>'* ]]
	[[ $output$stderr == *'end-of-message;'*'answer continue'* ]]
	[[ $output$stderr == *'disconnect;'* ]]
	send -v -o 'actions = {}' -o 'reports = {abort, disconnect}' \
	    -e connect,helo,mail,rcpt,data,header,end-of-headers,body,end-of-message,unknown \
	    -f '<alice@example.org>' -x "$HANDLERS/log-events"
	[ "$status" -eq 0 ]
	[[ $output$stderr == *'mail;'*'sender <alice@example.org>'* ]]
}

# count-message

@test "count-message: pieces, messages, session" {
	block='event body\nsession 1.1\nlength 1000\n\npayload'
	handler count-message MILTER_EVENT=body
	says 'set-message count-bytes 1000
continue'
	handler count-message MILTER_EVENT=body MILTER_CONTEXT_count_bytes=24
	says 'set-message count-bytes 1024
continue'
	block='event end-of-message\nsession 1.1\n\n'
	handler count-message MILTER_EVENT=end-of-message MILTER_CONTEXT_count_bytes=24 \
	    MILTER_CONTEXT_count_messages=1 MILTER_CONTEXT_count_total=100 \
	    MILTER_MESSAGE=1.1.2 "COUNT_FILE=$OUT/count"
	says 'set count-messages 2
set count-total 124
log body of 24 bytes
continue'
	[ "$(sort -u "$OUT/count")" = '1.1.2 24' ]
	[ "$(wc -l < "$OUT/count")" -eq 3 ]
	handler count-message MILTER_EVENT=end-of-message \
	    'MILTER_CONTEXT_count_bytes=a[$(touch x)]' MILTER_CONTEXT_count_total=08
	says 'set count-messages 1
set count-total 0
log body of 0 bytes
continue'
	[ ! -e x ]
	block='report disconnect\nsession 1.1\n\n'
	handler count-message MILTER_EVENT=disconnect MILTER_CONTEXT_count_messages=2 \
	    MILTER_CONTEXT_count_total=124
	says ''
	[ "$errors" = '2 messages, 124 bytes' ]
}

@test "count-message through pipemilter" {
	send -v -e body,end-of-message -o 'reports = {disconnect}' -o 'actions = {}' \
	    -o 'lines = {context}' -o 'newlines = crlf' \
	    -o "environment = {'COUNT_FILE=$OUT/count'}" \
	    -x "$HANDLERS/count-message"
	[ "$status" -eq 0 ]
	[[ $(cat "$OUT/count") == *' 10' ]]
	[[ $output$stderr == *'1 messages, 10 bytes'* ]]
}

# require-tls

@test "require-tls: who must use it" {
	handler require-tls MILTER_CLIENT_FAMILY=inet MILTER_CLIENT_ADDRESS=192.0.2.7
	says 'reject 530 5.7.0 Must issue a STARTTLS command first'
	handler require-tls MILTER_CLIENT_FAMILY=inet MILTER_CLIENT_ADDRESS=192.0.2.7 \
	    MILTER_MACRO_tls_version=TLSv1.3
	says ''
	handler require-tls MILTER_CLIENT_FAMILY=inet MILTER_CLIENT_ADDRESS=127.0.0.1
	says ''
	handler require-tls MILTER_CLIENT_FAMILY=unknown
	says ''
	handler require-tls MILTER_CLIENT_FAMILY=inet6 MILTER_CLIENT_ADDRESS=2001:db8::1 \
	    'DOMAINS=bank.example *.bank.example' MILTER_SENDER_DOMAIN=a.bank.example ANSWER=discard
	says discard
	handler require-tls MILTER_CLIENT_FAMILY=inet6 MILTER_CLIENT_ADDRESS=2001:db8::1 \
	    'DOMAINS=bank.example *.bank.example' MILTER_SENDER_DOMAIN=shop.example
	says ''
}

@test "require-tls through pipemilter" {
	send -e mail -o 'actions = {}' -o 'lines = {client-address, client-family, macro}' \
	    -c 192.0.2.7 -x "$HANDLERS/require-tls"
	[ "$status" -eq 1 ]
	[[ $output$stderr == *'530 5.7.0 Must issue'* ]]
	send -e mail -o 'actions = {}' -o 'lines = {client-address, client-family, macro}' \
	    -c 192.0.2.7 -m '{tls_version}=TLSv1.3' -x "$HANDLERS/require-tls"
	[ "$status" -eq 0 ]
}

# bcc

@test "bcc: whose mail is copied" {
	handler bcc
	fails 'BCC is not an address'
	block='event end-of-message\nsession 1.1\nsender-domain a.example\n'
	block="${block}recipient <b@c.example>\nrecipient-domain c.example\n\n"
	handler bcc BCC=archive@example.org
	says 'add-recipient <archive@example.org>
continue'
	handler bcc BCC=archive@example.org 'DOMAINS=x.example c.*'
	says 'add-recipient <archive@example.org>
continue'
	handler bcc BCC=archive@example.org DOMAINS=a.example
	says 'add-recipient <archive@example.org>
continue'
	handler bcc BCC=archive@example.org DOMAINS=x.example
	says ''
	handler bcc BCC=b@c.example
	says ''
}

@test "bcc through pipemilter" {
	send -v -e end-of-message -o 'actions = {add-recipient}' \
	    -o 'lines = {sender-domain, recipient, recipient-domain}' \
	    -o "environment = {'BCC=archive@example.org', 'DOMAINS=example.net'}" \
	    -f '<a@example.org>' -r '<bob@example.net>' -x "$HANDLERS/bcc"
	[ "$status" -eq 0 ]
	[[ $output$stderr == *'add-recipient <archive@example.org>'* ]]
}

# plus-address

# The block of a message for these recipients, as they stand in a block
recipients() {
	local address domain
	block='event end-of-message\nsession 1.1\n'
	for address; do
		case $address in
		'<'*)
			domain=${address##*@}
			address=${address//\\/\\\\}
			block="${block}recipient ${address//%/%%}\n"
			block="${block}recipient-domain ${domain%%>*}\n" ;;
		*)	block="${block}recipient-argument $address\n" ;;
		esac
	done
	block="$block\n"
}

@test "plus-address: settings" {
	handler plus-address
	fails 'DOMAINS is not set'
	handler plus-address DOMAINS=a SEPARATOR=++
	fails 'SEPARATOR is not'
	handler plus-address DOMAINS=a SEPARATOR=@
	fails 'SEPARATOR is not'
	handler plus-address DOMAINS=a HEADER=a:b
	fails 'HEADER is not'
}

@test "plus-address: what is rewritten" {
	recipients '<user+a@example.org>' NOTIFY=NEVER 'ORCPT=rfc822;user+2Ba@example.org' X=y
	handler plus-address 'DOMAINS=example.com example.org' HEADER=X-Original-To
	says 'add-header X-Original-To user+a@example.org
delete-recipient <user+a@example.org>
add-recipient <user@example.org> NOTIFY=NEVER ORCPT=rfc822;user+2Ba@example.org
continue'
	recipients '<user+a@example.net>' '<user-a@example.org>' '<+a@example.org>' \
	    '<"+a"@example.org>' '<user@example.org>'
	handler plus-address 'DOMAINS=example.org *.example.org'
	says continue
	recipients '<user-a+b@mx.example.org>' '<owner-list@mx.example.org>'
	handler plus-address 'DOMAINS=*.example.org' SEPARATOR=- 'EXCEPT=owner-*@*'
	says 'delete-recipient <user-a+b@mx.example.org>
add-recipient <user@mx.example.org>
continue'
}

@test "plus-address: several that become the same" {
	recipients '<a+1@example.org>' '<b+1@example.org>' '<a+2@example.org>' '<b@example.org>' \
	    '<c+1@example.net>' '<a@example.net>'
	handler plus-address DOMAINS=example.org HEADER=X-Original-To
	says 'delete-recipient <a+1@example.org>
add-recipient <a@example.org>
delete-recipient <b+1@example.org>
delete-recipient <a+2@example.org>
continue'
}

@test "plus-address: quoted and hostile addresses" {
	recipients '<"a b+c"@example.org>' '<"user+x y"@example.org>' '<"x@y+z"@example.org>' \
	    '<"b\\+c"@example.org>' '<"d\\\\+c"@example.org>' '<"e\\"+c"@example.org>'
	handler plus-address DOMAINS=example.org
	says 'delete-recipient <"a b+c"@example.org>
add-recipient <"a b"@example.org>
delete-recipient <"user+x y"@example.org>
add-recipient <user@example.org>
delete-recipient <"x@y+z"@example.org>
add-recipient <"x@y"@example.org>
delete-recipient <"b\\+c"@example.org>
add-recipient <b@example.org>
delete-recipient <"d\\\\+c"@example.org>
add-recipient <"d\\\\"@example.org>
delete-recipient <"e\\"+c"@example.org>
add-recipient <"e\\""@example.org>
continue'
	recipients '<*+$(touch x)@example.org>' '<%s%n+`touch x`@example.org>' '<-n+a@example.org>'
	handler plus-address DOMAINS=example.org
	says 'delete-recipient <*+$(touch x)@example.org>
add-recipient <*@example.org>
delete-recipient <%s%n+`touch x`@example.org>
add-recipient <%s%n@example.org>
delete-recipient <-n+a@example.org>
add-recipient <-n@example.org>
continue'
	[ ! -e x ]
	# Control bytes, which no address may have in a reply
	block='event end-of-message\nsession 1.1\n'
	block="${block}recipient <\"a\\\\nb+c\"@example.org>\nrecipient-domain example.org\n"
	block="${block}recipient <\"\\\\\\\\\\\\0001+c\"@example.org>\nrecipient-domain example.org\n"
	block="${block}recipient <\"a\tb+c\"@example.org>\nrecipient-domain example.org\n"
	block="${block}recipient <\"\\\\\\\\n+c\"@example.org>\nrecipient-domain example.org\n\n"
	handler plus-address DOMAINS=example.org
	says 'delete-recipient <"\\n+c"@example.org>
add-recipient <"\\n"@example.org>
continue'
}

@test "plus-address through pipemilter" {
	send -v -e end-of-message -o 'actions = {add-recipient, delete-recipient}' \
	    -o 'lines = {recipient, recipient-domain, recipient-argument}' \
	    -o "environment = {'DOMAINS=example.net'}" -r '<bob+x@Example.net>' \
	    -r '<bob+y@example.net>' -r '<"c\"+d"@example.net>' -x "$HANDLERS/plus-address"
	[ "$status" -eq 0 ]
	[[ $output$stderr == *'delivered to 2 recipients'* ]]
	[[ $output$stderr == *'add-recipient <bob@example.net>'* ]]
	[[ $output$stderr == *'add-recipient <"c\\""@example.net>'* ]]
}
