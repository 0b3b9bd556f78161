#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The milter protocol as an MTA sees it: framing, negotiation, macros, the
# order of events. rawmilter.py also checks each reply.

load ../lib/common
load ../lib/proto

ALL='connect, helo, mail, rcpt, data, header, end-of-headers, body, end-of-message, unknown'
ADDRS='connect-,helo-,mail-,rcpt-'
EVERY=connect,helo,mail,rcpt,data,header,end-of-headers,body,unknown

setup_file() {
	local q='actions = {quarantine}' e

	proto_start
	handler all "events = {$ALL}"
	handler any "optional-events = {$ALL}"
	for e in ${ALL//,/ }; do
		handler "on-$e" "events = {$e}" "$q"
		handler "told-$e" "reports = {$e}" "$q"
	done
	for e in abort disconnect; do
		handler "told-$e" "reports = {$e}" "$q"
	done
	handler told-all "reports = {$ALL, abort, disconnect}" "$q"
	for e in add-header insert-header change-header delete-header \
	    change-sender add-recipient delete-recipient replace-body \
	    quarantine; do
		handler "may-$e" 'events = {end-of-message}' "actions = {$e}"
		handler "can-$e" 'events = {end-of-message}' \
		    "optional-actions = {$e}"
	done
	handler unnamed 'events = {end-of-message}'
	handler bodyless 'events = {end-of-message, body}' 'actions = {replace-body}'
	handler sender-line 'events = {rcpt}' 'lines = {sender}' "$q"
	handler client-line 'events = {mail}' 'lines = {client-address}' "$q"
	handler helo-line 'events = {end-of-message}' 'lines = {helo}' \
	    'actions = {delete-recipient}'
	handler macro-line 'events = {end-of-headers}' 'lines = {macro}' "$q"
	handler optional 'events = {mail}' 'optional-events = {unknown, data}' "$q"
	handler needs-data 'events = {data}' "$q" "on-failure = 'reject 550 5.7.0 missing'"
	handler needs-data-soft 'events = {data}' "$q" 'on-failure = continue'
	handler macros1 'events = {rcpt}' "$q" \
	    "macros = {'rcpt={rcpt_mailer} {rcpt_host}', 'mail={client_addr} i'}"
	handler macros2 'events = {end-of-message}' "$q" \
	    "macros = {'rcpt={rcpt_host} {x_other}', 'end-of-message={msg_id} {x_end}'}"
	listener macros-both macros1,macros2
	listener both on-header,told-rcpt
	listener connect-needs on-connect,needs-data
	listener helo-both told-helo,on-helo
	handler abort-mail 'reports = {abort, disconnect}' 'events = {end-of-message}' "$q"
	proto_run
}

setup() {
	proto_setup
}

teardown_file() {
	test_teardown
}

# asks SOCKET EVENTS ACTIONS EXTRAS [VERSION [OFFER]]
asks() {
	mta "$1" <<-END
		optneg ${6-}
		quit
	END
	says <<-END
		optneg: version ${5-6} asks $2 actions $3 extras $4
	END
}

# --- negotiation: what is asked for

@test "negotiation: a handler of all events and actions asks for everything" {
	asks all "$EVERY" \
	    add-header,replace-body,add-recipient,delete-recipient,change-header,quarantine,change-sender,add-recipient-arguments \
	    skip,leadspc
}

@test "negotiation: events = connect asks for connect alone" {
	asks on-connect connect none none
}

@test "negotiation: events = helo has connect without reply" {
	asks on-helo connect-,helo none none
}

@test "negotiation: events = mail has connect and helo without reply, no rcpt" {
	asks on-mail connect-,helo-,mail quarantine none
}

@test "negotiation: events = rcpt has connect, helo and mail without reply" {
	asks on-rcpt connect-,helo-,mail-,rcpt quarantine none
}

@test "negotiation: events = data" {
	asks on-data "$ADDRS,data" quarantine none
}

@test "negotiation: events = header has the leading space, not the body" {
	asks on-header "$ADDRS,header" quarantine leadspc
}

@test "negotiation: events = end-of-headers has headers without reply" {
	asks on-end-of-headers "$ADDRS,header-,end-of-headers" quarantine leadspc
}

@test "negotiation: events = body has skip, not the headers" {
	asks on-body "$ADDRS,body" quarantine skip
}

@test "negotiation: events = end-of-message has neither headers nor body" {
	asks on-end-of-message "$ADDRS" quarantine none
}

@test "negotiation: events = unknown" {
	asks on-unknown "$ADDRS,unknown" quarantine none
}

@test "negotiation: reports need no reply" {
	asks told-connect connect- none none
	asks told-helo connect-,helo- none none
	asks told-mail connect-,helo-,mail- none none
	asks told-rcpt "$ADDRS" none none
	asks told-data "$ADDRS,data-" none none
	asks told-header "$ADDRS,header-" none leadspc
	asks told-end-of-headers "$ADDRS,header-,end-of-headers-" none leadspc
	asks told-end-of-message "$ADDRS" none none
	asks told-unknown "$ADDRS,unknown-" none none
}

@test "negotiation: reported bodies need no reply" {
	mta told-body <<-END
		optneg
		quit
	END
	assert_output_has "asks $ADDRS,body- "
}

@test "negotiation: a reported abort keeps the reply to mail" {
	asks told-abort connect-,helo-,mail,rcpt- none none
}

@test "negotiation: a reported disconnect wants no message" {
	asks told-disconnect connect-,helo- none none
}

@test "negotiation: everything reported, mail keeps its reply for abort" {
	mta told-all <<-END
		optneg
		quit
	END
	assert_output_has 'asks connect-,helo-,mail,rcpt-,data-,header-,end-of-headers-,body-,unknown- '
}

@test "negotiation: add-header and insert-header want no headers" {
	local w

	for w in may can; do
		asks "$w-add-header" "$ADDRS" add-header leadspc
		asks "$w-insert-header" "$ADDRS" add-header leadspc
	done
}

@test "negotiation: change-header and delete-header want the headers" {
	local w

	for w in may can; do
		asks "$w-change-header" "$ADDRS,header-" change-header leadspc
		asks "$w-delete-header" "$ADDRS,header-" change-header leadspc
	done
}

@test "negotiation: actions on the envelope, the body and quarantine" {
	local w

	for w in may can; do
		asks "$w-change-sender" "$ADDRS" change-sender none
		asks "$w-add-recipient" "$ADDRS" \
		    add-recipient,add-recipient-arguments none
		asks "$w-delete-recipient" "$ADDRS" delete-recipient none
		asks "$w-replace-body" "$ADDRS" replace-body none
		asks "$w-quarantine" "$ADDRS" quarantine none
	done
}

@test "negotiation: no list of actions means all of them, so headers too" {
	asks unnamed "$ADDRS,header-" \
	    add-header,replace-body,add-recipient,delete-recipient,change-header,quarantine,change-sender,add-recipient-arguments \
	    leadspc
}

@test "negotiation: lines leave out what no block carries" {
	asks sender-line mail-,rcpt quarantine none
	asks client-line connect-,mail quarantine none
	asks macro-line mail-,header-,end-of-headers quarantine leadspc
}

@test "negotiation: delete-recipient wants rcpt whatever lines say" {
	asks helo-line helo-,mail-,rcpt- delete-recipient none
}

@test "negotiation: several handlers have what any of them wants" {
	asks both "$ADDRS,header" quarantine leadspc
	asks helo-both connect-,helo none none
}

@test "negotiation: optional events are asked for where they are offered" {
	asks optional connect-,helo-,mail,rcpt-,data,unknown quarantine none
}

@test "negotiation: optional events are missing where they are not" {
	answer mail continue
	session optional '-optneg 2 0x3f 0x7f' -mail '-rcpt <c@d.example>' \
	    'eom => continue'
}

@test "negotiation: a required event that is missing fails each mail" {
	answer mail continue
	session needs-data '-optneg 3 0x1ff 0x17f' 'mail => y "550 5.7.0 missing"' \
	    'mail <a2@b.example> => y "550 5.7.0 missing"'
}

@test "negotiation: a required event that is missing and on-failure = continue" {
	session needs-data-soft '-optneg 2 0x3f 0x7f' -mail '-rcpt <c@d.example>' \
	    'eom => continue'
}

@test "negotiation: a required event that is missing is logged once" {
	session needs-data '-optneg 2 0x3f 0x7f' 'mail => y "550 5.7.0 missing"' \
	    'mail => y "550 5.7.0 missing"'
	wait_log 'needs-data'
}

@test "negotiation: a required action that is missing fails each mail" {
	session may-change-sender '-optneg 6 0x3f 0x1fffff' 'mail =~ y "451 4.7.1 .*"' \
	    'mail <> =~ y "451 4.7.1 .*"'
}

@test "negotiation: an optional action that is missing is no failure" {
	session can-change-sender 'optneg 6 0x3f 0x1fffff' -mail '-rcpt <c@d.example>' \
	    'eom => continue'
	assert_output_has 'actions none'
}

# --- negotiation: versions and offers

@test "negotiation: versions 2 to 6 as Postfix offers them" {
	local v offer

	for v in '2 0x7f' '2 0xff' '3 0x17f' '4 0x37f' '5 0x37f' '6 0x1fffff'; do
		offer="${v%% *} 0x1ff ${v##* }"
		session any "optneg $offer" message 'eom => continue'
		assert_output_has "optneg: version ${v%% *} "
	done
}

@test "negotiation: version 2 with the masks of its time" {
	asks may-add-header connect,helo,mail,rcpt,data,unknown add-header none \
	    2 '2 0x3f 0x7f'
}

@test "negotiation: versions 7 and 100 are answered with 6" {
	local v

	for v in 7 100 4294967295; do
		session all "optneg $v 0xffffffff 0xffffffff" message 'eom => continue'
		assert_output_has 'optneg: version 6 '
	done
}

@test "negotiation: versions 0 and 1 are dropped" {
	local v

	for v in 0 1; do
		mta all <<-END
			send optneg $v 0x1ff 0x1fffff
			expect close
		END
	done
}

@test "negotiation: an O that is too short is dropped" {
	local hex

	for hex in 000000014f 0000000b4f00000006000001ff001f 0000000c4f00000006000001ff001fff; do
		mta all <<-END
			raw $hex
			expect close
		END
	done
}

@test "negotiation: more bytes in O are ignored" {
	mta on-connect <<-END
		optneg 6 0x1ff 0x1fffff 0 0x41424344
		connect $HOST => continue
		quit
	END
	assert_output_has 'asks connect actions none'
}

@test "negotiation: words of zero stand for those of version 1" {
	session may-add-header 'optneg 2 0 0' message 'eom => continue'
	assert_output_has 'actions add-header '
}

@test "negotiation: without no-reply bits each event is answered" {
	local e

	for e in told-all told-abort on-rcpt unnamed; do
		mta "$e" <<-END
			-optneg 4 0x1ff 0x37f
			send connect $HOST
			expect continue
			send helo x
			expect continue
			send mail <a@b.example>
			expect continue
			send rcpt <a@b.example>
			expect continue
			-data
			-header A b
			-eoh
			-body text
			-unknown foo
			eom => continue
			quit
		END
	done
}

@test "negotiation: some no-reply bits only" {
	mta told-rcpt <<-END
		optneg 6 0x1ff 0x1fbfff
		send connect $HOST
		send helo x
		send mail <a@b.example>
		expect continue
		send rcpt <a@b.example>
		expect quiet 0.2
		eom => continue
		quit
	END
	assert_output_has 'asks connect-,helo-,mail,rcpt- '
}

@test "negotiation: skip that is not offered becomes continue" {
	answer body skip
	session all '-optneg 6 0x1ff 0x1ffbff' message 'body more => continue' \
	    'eom => continue'
}

@test "negotiation: a second O closes" {
	mta all <<-END
		-optneg
		frame O \0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff
		expect close
	END
}

@test "negotiation: after an event a second O closes" {
	mta all <<-END
		hello $HOST
		-mail <a@b.example>
		frame O \0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff
		expect close
	END
}

# --- macro lists

# list STAGE: its names, one a line, sorted
list() {
	printf '%s\n' "$output" | sed -n "s/^optneg: macros $1 //p" |
	    tr ' ' '\n' | LC_ALL=C sort
}

list_has() {
	local stage=$1 name

	shift
	for name in "$@"; do
		if ! list "$stage" | grep -qxF -- "$name"; then
			echo "no $name in $stage:"
			show_run
			return 1
		fi
	done
	assert_equal "$(list "$stage" | uniq -d)" ''
}

@test "macro lists: none without the option" {
	mta all <<-END
		optneg
		quit
	END
	refute_output_has macros
}

@test "macro lists: all seven stages, with the usual names" {
	mta macros1 <<-END
		optneg
		quit
	END
	assert_output_has 'actions quarantine,macros'
	assert_equal "$(printf '%s\n' "$output" | grep -c '^optneg: macros')" 7
	list_has connect j _ '{daemon_name}'
	list_has helo '{tls_version}'
	list_has mail i '{auth_authen}' '{mail_addr}' '{client_addr}'
	list_has rcpt '{rcpt_mailer}' '{rcpt_host}' '{rcpt_addr}'
	list_has data i
	list_has end-of-headers i
	list_has end-of-message i '{msg_id}'
}

@test "macro lists: several handlers' wishes are united" {
	mta macros-both <<-END
		optneg
		quit
	END
	list_has rcpt '{rcpt_mailer}' '{rcpt_host}' '{rcpt_addr}' '{x_other}'
	list_has mail '{client_addr}'
	list_has end-of-message i '{msg_id}' '{x_end}'
	list_has end-of-headers i
}

@test "macro lists: none where the MTA does not take them" {
	session macros1 'optneg 6 0xff 0x1fffff' message 'eom => continue'
	refute_output_has macros
}

# --- framing

@test "framing: one byte at a time" {
	answer end-of-message 'add-header X-A b' continue
	mta all <<-END
		split 1
		hello $HOST
		macro M i=Q1
		message
		eom
		quit
	END
	says_at_end 'h "X-A" " b"' continue
}

@test "framing: three bytes at a time over a message of some size" {
	session all 'split 3' message 'bodyfill 20000 => continue' 'eom => continue'
}

@test "framing: a session in one write" {
	answer rcpt 'reject 550 5.7.1 no'
	mta all <<-END
		-optneg
		hold
		send connect $HOST
		send helo x
		send macro M i=Q1
		send mail <a@b.example>
		send rcpt <c@b.example>
		send rcpt <d@b.example>
		send data
		send header A b
		send eoh
		send body text
		send eom
		send mail <a@b.example>
		send abort
		send mail <a@b.example>
		flush
		settle
		quit
	END
	says <<-'END'
		connect: continue
		helo: continue
		mail: continue
		rcpt: y "550 5.7.1 no"
		rcpt: y "550 5.7.1 no"
		data: continue
		header: continue
		end-of-headers: continue
		body: continue
		end-of-message: continue
		mail: continue
		mail: continue
	END
}

@test "framing: O and all that follows in one write" {
	mta on-mail <<-END
		hold
		send optneg
		raw 0000000c4368002a0000312e322e332e3400
		flush
		expect~ version.*
		expect close
	END
	mta on-connect <<-END
		hold
		send optneg
		send connect $HOST
		send quit
		flush
		settle
		expect close
	END
	assert_output_has 'connect: continue'
}

@test "framing: length 0 closes" {
	mta all <<-END
		hello $HOST
		-mail <a@b.example>
		raw 00000000
		expect close
	END
}

@test "framing: length 0 is not taken for a command of the byte behind it" {
	mta all <<-END
		hello $HOST
		raw 000000004d
		expect close
	END
}

@test "framing: lengths above 65536 close at once" {
	local hex

	for hex in 00010001 00100000 7fffffff 80000000 80000001 ffffffff; do
		mta all <<-END
			hello $HOST
			-mail <a@b.example>
			raw ${hex}42
			expect close
		END
	done
}

@test "framing: bad lengths as the first thing on a connection" {
	local hex

	for hex in 00000000 00010001 80000000 47455420 16030100; do
		mta all <<-END
			raw $hex
			expect close
		END
	done
}

@test "framing: a body packet of length 65536 is taken" {
	session all -mail -rcpt -data '-header A b' -eoh '-bodyfill 65535' \
	    '-bodyfill 131070' 'eom => continue'
}

@test "framing: unknown commands close" {
	local c

	for c in 5a 58 46 47 49 4a 50 53 56 57 59 61 63 6f 00 0a 20 ff; do
		mta all <<-END
			hello $HOST
			raw 00000001$c
			expect close
		END
	done
}

@test "framing: commands without the data that they need close" {
	local c

	for c in B C D H L M O R U; do
		mta all <<-END
			hello $HOST
			frame $c
			expect close
		END
	done
}

@test "framing: a header without its second NUL closes" {
	mta all <<-END
		hello $HOST
		-mail <a@b.example>
		-rcpt <a@b.example>
		-data
		frame L Name\0value
		expect close
	END
}

@test "framing: a header without any NUL, and one without a name close" {
	local l

	for l in Name '\0value\0' 'Name\0'; do
		mta all <<-END
			hello $HOST
			-mail <a@b.example>
			-rcpt <a@b.example>
			-data
			frame L $l
			expect close
		END
	done
}

@test "framing: strings without their NUL close" {
	local f

	for f in 'M <a@b.example>' 'M <a@b.example>\0SIZE=1' 'R <a@b.example>' \
	    'H client' 'U NOOP'; do
		mta all <<-END
			hello $HOST
			frame $f
			expect close
		END
	done
}

@test "framing: a damaged connect closes" {
	local f

	for f in 'host' 'host\0' 'host\x004' 'host\x004\0' 'host\x004\0\x19' \
	    'host\x004\0\x19192.0.2.1' 'host\0Q\0\x19192.0.2.1\0'; do
		mta all <<-END
			-optneg
			frame C $f
			expect close
		END
	done
}

@test "framing: the end of the connection at any byte of a session" {
	local hex i

	# O, C, H, M, R, L, E
	hex=0000000d4f00000006000001ff001fffff
	hex+=0000001b436d61696c2e6578616d706c650034d4313139322e302e322e3100
	hex+=00000003487800000000044d3c3e0000000004523c3e00
	hex+=000000054c410062000000000145
	for ((i = 0; i <= ${#hex}; i += 2)); do
		echo "use c$i"
		[ "$i" -eq 0 ] || echo "raw ${hex:0:i}"
		if [ $((i % 4)) -eq 0 ]; then
			echo drop
		else
			printf '%s\n' shutdown-write 'expect eof'
		fi
	done >"$BATS_TEST_TMPDIR/script"
	mta all <"$BATS_TEST_TMPDIR/script"
	session all message 'eom => continue'
}

@test "framing: a half-closed connection is closed" {
	mta all <<-END
		hello $HOST
		send mail <a@b.example>
		shutdown-write
		expect eof
		use b
		hello $HOST
		shutdown-write
		expect close
	END
}

# --- macros

macros_in() {
	lines_of "$1" macro | LC_ALL=C sort
}

@test "macros: those of connect hold for the session, by either spelling" {
	echo save | plan end-of-message
	echo save | plan mail
	mta all <<-END
		-optneg
		macro C j=mx.example {daemon_name}=MTA {v}=7
		-connect $HOST
		macro H
		-helo x
		macro M {i}=Q1 {mail_addr}=a@b.example
		message
		macro E i=Q1
		eom => continue
		quit
	END
	assert_equal "$(macros_in mail)" "$(printf '%s\n' 'daemon_name MTA' 'i Q1' \
	    'j mx.example' 'mail_addr a@b.example' 'v 7')"
	assert_equal "$(macros_in end-of-message)" "$(macros_in mail)"
	assert_equal "$(variable mail MILTER_QUEUE_ID)" Q1
	assert_equal "$(variable mail MILTER_MACRO_daemon_name)" MTA
}

@test "macros: an empty list keeps the old one" {
	echo save | plan mail
	session all -optneg 'macro M i=Q1' 'macro M' -mail
	assert_equal "$(macros_in mail)" 'i Q1'
}

@test "macros: an empty D needs no reply and does no harm" {
	mta all <<-END
		-optneg
		raw 000000024448
		raw 000000024443
		expect quiet 0.1
		-connect $HOST
		-helo x
		message
		eom => continue
		quit
	END
}

@test "macros: letters L, B, U, E, N and unknown ones are taken silently" {
	echo save | plan end-of-message
	session all <<-END
		macro U
		macro Z z=1
		-mail <a@b.example>
		macro R r=1
		-rcpt <a@b.example>
		macro T t=1
		-data
		macro L l=1
		-header A b
		macro N n=1
		-eoh
		macro B b=1
		-body text
		macro E e=1
		eom => continue
	END
	assert_equal "$(macros_in end-of-message)" \
	    "$(printf '%s\n' 'e 1' 'n 1' 'r 1' 't 1')"
}

@test "macros: odd strings and a missing last NUL" {
	echo save | plan mail
	session all 'frame D Mi\0Q1\0odd\0' -mail -abort 'frame D Mi\0Q2\0{cut}\0val' \
	    -mail 'frame D Mname' 'frame D M\0' 'frame D M\0\0\0' -abort -mail
}

@test "macros: an odd tail is ignored, what stands before it is not" {
	echo save | plan mail
	session all 'frame D Mi\0Q1\0odd\0' -mail
	assert_equal "$(macros_in mail)" 'i Q1'
}

@test "macros: the second list of a stage replaces the first" {
	echo save | plan mail
	session all 'macro M i=Q1 {a}=1' 'macro M i=Q2 {bb}=2' -mail
	assert_equal "$(macros_in mail)" "$(printf '%s\n' 'bb 2' 'i Q2')"
}

@test "macros: the newest stage wins" {
	echo 'save rcpt; say continue' | plan rcpt
	echo save | plan end-of-message
	mta all <<-END
		-optneg
		macro C i=C j=C
		-connect $HOST
		-helo x
		macro M i=M
		-mail <a@b.example>
		macro R i=R
		-rcpt <a@b.example>
		-data
		macro N i=N
		-eoh
		macro E i=E
		eom => continue
		quit
	END
	assert_equal "$(macros_in rcpt)" "$(printf '%s\n' 'i R' 'j C')"
	assert_equal "$(macros_in end-of-message)" "$(printf '%s\n' 'i E' 'j C')"
}

@test "macros: those of one recipient do not reach the next" {
	echo 'save "rcpt$MILTER_RECIPIENT_COUNT"' | plan rcpt
	session all -mail 'macro R {rcpt_addr}=one {rcpt_host}=h' '-rcpt <one@b.example>' \
	    'macro R {rcpt_addr}=two' '-rcpt <two@b.example>'
	assert_equal "$(macros_in rcpt1)" "$(printf '%s\n' 'rcpt_addr one' 'rcpt_host h')"
	assert_equal "$(macros_in rcpt2)" 'rcpt_addr two'
}

@test "macros: those of a message end with it" {
	echo 'save "mail$MILTER_SENDER_DOMAIN"' | plan mail
	mta all <<-END
		-optneg
		macro C j=mx
		-connect $HOST
		macro H {tls_version}=T
		-helo x
		macro M i=Q1 {auth_authen}=joe {mail_addr}=a
		-mail <a@one>
		macro R {rcpt_addr}=r
		-rcpt <r@b.example>
		-data
		macro E i=Q1
		eom => continue
		-mail <a@two>
		abort
		macro M i=Q2
		-mail <a@three>
		-abort
		-mail <a@four>
		quit
	END
	assert_equal "$(macros_in mailone)" "$(printf '%s\n' 'auth_authen joe' \
	    'i Q1' 'j mx' 'mail_addr a' 'tls_version T')"
	assert_equal "$(macros_in mailtwo)" "$(printf '%s\n' 'j mx' 'tls_version T')"
	assert_equal "$(macros_in mailthree)" "$(printf '%s\n' 'i Q2' 'j mx' 'tls_version T')"
	assert_equal "$(macros_in mailfour)" "$(printf '%s\n' 'j mx' 'tls_version T')"
}

@test "macros: those of helo end with the next helo" {
	echo 'save "helo$MILTER_HELO"' | plan helo
	mta all <<-END
		-optneg
		macro C j=mx
		-connect $HOST
		macro H {cipher}=one
		-helo 1
		macro M i=Q1
		-mail <a@b.example>
		macro H {tls_version}=two
		-helo 2
		macro H
		-helo 3
		quit
	END
	assert_equal "$(macros_in helo1)" "$(printf '%s\n' 'cipher one' 'j mx')"
	assert_equal "$(macros_in helo2)" "$(printf '%s\n' 'j mx' 'tls_version two')"
}

@test "macros: an event ends those of the stages after it" {
	echo 'save "mail$MILTER_HELO"' | plan mail
	echo 'save "rcpt$MILTER_RECIPIENT_COUNT"' | plan rcpt
	mta all <<-END
		-optneg
		macro H {cipher}=old
		macro M i=old
		-connect $HOST
		macro M i=old
		-helo 1
		macro R r=old
		-mail <a@b.example>
		macro R r=1
		-rcpt <a@b.example>
		macro T t=1
		macro N n=1
		macro E e=1
		-data
		-rcpt <b@b.example>
		-rcpt <c@b.example>
		quit
	END
	assert_equal "$(macros_in mail1)" ''
	assert_equal "$(macros_in rcpt1)" 'r 1'
	assert_equal "$(macros_in rcpt3)" 'r 1'
}

@test "macros: an empty value is there" {
	echo save | plan mail
	session all 'macro M {mail_addr}= {mail_host}=' '-mail <>'
	grep -qx 'macro mail_addr ' "$GOT/mail"
	grep -qx 'macro mail_host ' "$GOT/mail"
	tr '\0' '\n' <"$GOT/mail.env" | grep -qx 'MILTER_MACRO_mail_addr='
}

@test "macros: QUIT_NC forgets them" {
	echo 'save "mail$MILTER_HELO"' | plan mail
	mta all <<-END
		-optneg
		macro C j=mx
		-connect $HOST
		-helo 1
		macro M i=Q1
		-mail <a@b.example>
		quit_nc
		-connect $HOST
		-helo 2
		-mail <a@b.example>
		quit
	END
	assert_equal "$(macros_in mail1)" "$(printf '%s\n' 'i Q1' 'j mx')"
	assert_equal "$(macros_in mail2)" ''
}

# --- connect and the envelope

family() {
	HOST=$1.$BATS_TEST_NUMBER
	new_client "$HOST"
	echo save | plan connect
	echo 'save mail' | plan mail
	mta all <<-END
		-optneg
		connect $HOST $2 => continue
		-helo x
		-mail <a@b.example>
		quit
	END
}

@test "connect: inet" {
	family v4 '4 54321 192.0.2.1'
	lines_are connect client-family inet
	lines_are connect client-address 192.0.2.1
	lines_are connect client-port 54321
	lines_are mail client-address 192.0.2.1
}

@test "connect: port 0" {
	family port0 '4 0 192.0.2.1'
	lines_are connect client-port 0
}

@test "connect: inet6 as Postfix and as Sendmail write it" {
	local a

	for a in 2001:db8::1 IPv6:2001:db8:0:0:0:0:0:1 ipv6:2001:DB8::1 \
	    2001:0db8:0000:0000:0000:0000:0000:0001; do
		family v6 "6 25 $a"
		lines_are connect client-family inet6
		lines_are connect client-address 2001:db8::1
		lines_are connect client-port 25
	done
}

@test "connect: an IPv4 address in IPv6 form" {
	family mapped '6 25 ::ffff:192.0.2.9'
	case $(lines_of connect client-address) in
	192.0.2.9|::ffff:192.0.2.9) ;;
	*) false ;;
	esac
}

@test "connect: a unix socket" {
	family local 'L 0 /run/some.sock'
	lines_are connect client-family unix
}

@test "connect: unknown, with and without a byte behind it" {
	family unknown U
	lines_are connect client-family unknown
	lines_are connect client-address
	assert_equal "$(variable connect MILTER_CLIENT_FAMILY)" unknown
	mta all <<-END
		-optneg
		frame C $HOST\0U\0
		await connect
		expect continue
		-helo x
		quit
	END
}

@test "connect: an address that is none is an unknown client" {
	local a

	for a in '4 25 not.an.address' '4 25 999.1.1.1' '6 25 xyz' '6 25 192.0.2.1.1' '4 25 ""'; do
		family bad "$a"
		lines_are connect client-family unknown
		lines_are connect client-address
	done
}

@test "envelope: the null sender in its three forms, and no brackets" {
	local a

	echo save | plan mail
	session all '-mail <>'
	lines_are mail sender '<>'
	assert_equal "$(grep -c '^sender-domain $' "$GOT/mail")" 1
	rm "$GOT/mail"
	session all '-mail ""'
	lines_are mail sender '<>'
	rm "$GOT/mail"
	session all '-mail joe@EXAMPLE.org'
	lines_are mail sender '<joe@EXAMPLE.org>'
	lines_are mail sender-domain example.org
}

@test "envelope: twenty parameters" {
	echo save | plan mail
	session all <<-END
		-mail <a@b.example> $(seq -f 'P%g=v' -s ' ' 20)
	END
	assert_equal "$(lines_of mail sender-argument | wc -l)" 20
	assert_equal "$(lines_of mail sender-argument | tail -1)" 'P20=v'
}

@test "headers: folded, empty, 8-bit, odd names and 60000 bytes are taken" {
	session all <<-END
		-mail <a@b.example>
		-rcpt <a@b.example>
		-data
		-header X-Fold one\n\ttwo\n three
		-headerraw X-Empty
		-headerraw X-NoSpace value
		-header X-Eight \xe4\xf6\xfc\xff
		-header X(odd;name) v
		-header X-Ctl \x01\x02\x7f
		-headerfill X-Long 60000
		-eoh
		eom => continue
	END
}

# --- the order of events

@test "order: one reply for each event of a message" {
	mta all <<-END
		-optneg
		connect $HOST
		helo x
		mail <a@b.example>
		rcpt <c@b.example>
		rcpt <d@b.example>
		data
		header A b
		header C d
		eoh
		body one
		body two
		eom
		quit
	END
	says <<-'END'
		connect: continue
		helo: continue
		mail: continue
		rcpt: continue
		rcpt: continue
		data: continue
		header: continue
		header: continue
		end-of-headers: continue
		body: continue
		body: continue
		end-of-message: continue
	END
}

@test "order: two messages and an abort on one connection" {
	echo 'note "$MILTER_EVENT $MILTER_SENDER"' | plan any
	session told-all message 'eom => continue' '-mail <b@a.example>' \
	    '-rcpt <c@b.example>' abort '-mail <c@a.example>' '-rcpt <c@b.example>' \
	    'eom => continue' abort abort
	wait_notes 'connect ' 'helo ' 'mail <s@a.example>' 'rcpt <s@a.example>' \
	    'data <s@a.example>' 'header <s@a.example>' \
	    'end-of-headers <s@a.example>' 'body <s@a.example>' \
	    'end-of-message <s@a.example>' 'mail <b@a.example>' \
	    'rcpt <b@a.example>' 'abort <b@a.example>' 'mail <c@a.example>' \
	    'rcpt <c@a.example>' 'end-of-message <c@a.example>' 'disconnect '
}

@test "order: without headers, without body, without either" {
	session all <<-END
		-mail <a@b.example>
		-rcpt <a@b.example>
		-data
		-eoh
		eom => continue
		-mail <a@b.example>
		-rcpt <a@b.example>
		-header A b
		-eoh
		eom => continue
		-mail <a@b.example>
		-rcpt <a@b.example>
		-body text
		eom => continue
		-mail <a@b.example>
		eom => continue
	END
}

@test "order: a second mail after the end starts afresh, with a new id" {
	echo 'save "$MILTER_SENDER_DOMAIN"' | plan mail
	session all '-mail <a@one>' '-rcpt <r@b.example>' 'eom => continue' \
	    '-mail <a@two>'
	[ "$(lines_of one message)" != "$(lines_of two message)" ]
	assert_equal "$(lines_of one session)" "$(lines_of two session)"
	lines_are two recipient
}

@test "order: ABORT before any mail, twice, after the end" {
	mta all <<-END
		-optneg
		abort
		abort
		-connect $HOST
		abort
		-helo x
		abort
		abort
		message
		eom => continue
		abort
		abort
		message
		eom => continue
		abort
		quit
	END
}

@test "order: ABORT before O is ignored, so are D and QUIT" {
	mta all <<-END
		send abort
		-optneg
		-connect $HOST
		quit
	END
	mta all <<-END
		send quit
		expect close
	END
}

@test "order: ABORT in each stage keeps the session and is told once" {
	echo 'note "$MILTER_EVENT $MILTER_HELO"' | plan abort
	session abort-mail <<-END
		-mail <a@b.example>
		abort
		-mail <a@b.example>
		-rcpt <a@b.example>
		abort
		-mail <a@b.example>
		-rcpt <a@b.example>
		send data
		expect continue
		abort
		abort
		-mail <a@b.example>
		-rcpt <a@b.example>
		send header A b
		expect continue
		abort
		-mail <a@b.example>
		-rcpt <a@b.example>
		send eoh
		expect continue
		send body text
		expect continue
		abort
		-mail <a@b.example>
		-rcpt <a@b.example>
		eom => continue
	END
	wait_notes 'abort client.example' 'abort client.example' \
	    'abort client.example' 'abort client.example' 'abort client.example'
}

@test "order: helo in a message drops the message and is answered" {
	echo 'note "$MILTER_EVENT"' | plan abort
	echo save | plan mail
	session abort-mail -mail -rcpt '-helo other' -mail -rcpt 'eom => continue'
	wait_notes abort
}

@test "order: mail in a message drops the old one" {
	echo 'note "$MILTER_EVENT $MILTER_SENDER"' | plan abort
	echo save | plan end-of-message
	session abort-mail '-mail <one@b.example>' '-rcpt <one@b.example>' \
	    '-mail <two@b.example>' '-rcpt <two@b.example>' 'eom => continue'
	wait_notes 'abort <one@b.example>'
	lines_are end-of-message sender '<two@b.example>'
	lines_are end-of-message recipient '<two@b.example>'
}

@test "order: connect in a message starts a new session" {
	echo 'note "$MILTER_EVENT"' | plan abort
	session all '-mail <one@b.example>' "connect $HOST => continue" '-helo x' message \
	    'eom => continue'
}

@test "order: events outside a message are answered and asked of nobody" {
	echo 'note "$MILTER_EVENT"; say reject' | plan any
	answer connect continue
	answer helo continue
	session all <<-END
		send rcpt <a@b.example>
		expect continue
		send data
		expect continue
		send header A b
		expect continue
		send eoh
		expect continue
		send body text
		expect continue
		send eom
		expect continue
	END
	notes_are
}

@test "order: events after the end of a message are answered" {
	session all message 'eom => continue' 'rcpt => continue' 'data => continue' \
	    'header A b => continue' 'eoh => continue' 'body text => continue' \
	    'eom => continue' abort message 'eom => continue'
}

@test "order: connect, helo, mail before O close" {
	local c

	for c in "connect $HOST" 'helo x' 'mail <a@b.example>' 'rcpt <a@b.example>' \
	    data 'header A b' eoh 'body text' eom 'unknown x' quit_nc; do
		mta all <<-END
			send $c
			expect close
		END
	done
}

@test "order: mail without connect and helo is served" {
	mta all <<-END
		-optneg
		message
		eom => continue
		quit
	END
}

@test "order: a refused T, then T and R again" {
	echo 'say "$(cat "$d/t" 2>/dev/null || echo reject)"; echo continue >"$d/t"' | plan data
	session all -mail -rcpt 'data =~ y "550 5.7.1 .*"' 'data => continue' \
	    'rcpt <b@b.example> => continue' 'header A b => continue' 'eoh => continue' \
	    'eom => continue'
}

@test "order: a refused recipient, then another and DATA" {
	plan rcpt <<-'END'
		case $MILTER_RECIPIENT in
		*bad*) say 'reject 550 5.1.1 bad' ;;
		esac
	END
	echo save | plan end-of-message
	session all <<-END
		-mail <a@b.example>
		rcpt <bad@b.example> => y "550 5.1.1 bad"
		rcpt <good@b.example> => continue
		rcpt <bad2@b.example> => y "550 5.1.1 bad"
		rcpt <good2@b.example> => continue
		data => continue
		eom => continue
	END
	lines_are end-of-message recipient '<good@b.example>' '<good2@b.example>'
}

@test "order: after accept or discard in a message A, M, Q and EOF are served" {
	local v

	for v in accept discard; do
		answer mail "$v"
		mta all <<-END
			use a
			hello $HOST
			mail <a@b.example> => $v
			abort
			mail <a@b.example> => $v
			mail <a@b.example> => $v
			abort
			quit
			use b
			hello $HOST
			mail <a@b.example> => $v
			drop
			use c
			hello $HOST
			mail <a@b.example> => $v
			rcpt <a@b.example> => continue
			eom => continue
			quit
		END
	done
}

@test "order: the other events of a message that was refused at mail" {
	answer mail 'reject 550 5.7.1 no'
	echo 'note "$MILTER_EVENT"' | plan any
	session all 'mail => y "550 5.7.1 no"' 'rcpt =~ continue|y.*' abort \
	    'mail => y "550 5.7.1 no"'
	notes_are connect helo
}

@test "order: unknown at each stage is answered and changes nothing" {
	echo save | plan end-of-message
	mta all <<-END
		-optneg
		unknown FOO => continue
		-connect $HOST
		unknown FOO => continue
		-helo x
		unknown FOO => continue
		-mail <a@b.example>
		unknown FOO bar => continue
		-rcpt <a@b.example>
		unknown FOO => continue
		-data
		unknown FOO => continue
		-header A b
		-eoh
		-body x
		eom => continue
		unknown FOO => continue
		quit
	END
	lines_are end-of-message recipient '<a@b.example>'
}

@test "order: R, U, then the content with T suppressed" {
	session on-unknown -mail -rcpt '-unknown FOO' 'send header A b' 'expect continue' \
	    'eom => continue'
}

@test "order: events that were negotiated away are answered all the same" {
	session on-mail <<-END
		-mail <a@b.example>
		send rcpt <a@b.example>
		expect continue
		send data
		expect continue
		send header A b
		expect continue
		send eoh
		expect continue
		send body x
		expect continue
		send unknown x
		expect continue
		eom => continue
	END
}

@test "order: E with data is the last body piece and has one reply" {
	plan body <<-'END'
		save body
	END
	session all -mail -rcpt -data -eoh 'eom last piece\r\n => continue'
	block body | grep -qx 'length 11'
	block body | grep -qx 'last piece'
}

@test "order: a refusal of the body in E is the one reply to it" {
	answer body 'reject 550 5.7.1 bad body'
	echo 'note asked' | plan end-of-message
	session all -mail -rcpt -data -eoh 'eom last piece => y "550 5.7.1 bad body"' \
	    'expect quiet 0.1'
	notes_are
}

@test "order: E with data, pieces before it, and a handler that wants no body" {
	session on-end-of-message message 'eom text => continue' message 'eom => continue'
}

# --- the end of a session

@test "end: QUIT at each stage closes without a reply" {
	local i stages=("connect $HOST" 'helo x' 'mail <a@b.example>' \
	    'rcpt <a@b.example>' data 'header A b' eoh 'body text' eom)

	for ((i = 0; i <= ${#stages[@]}; i++)); do
		{
			echo -optneg
			((i == 0)) || printf -- '-%s\n' "${stages[@]:0:i}"
			echo quit
		} >"$BATS_TEST_TMPDIR/s"
		mta all <"$BATS_TEST_TMPDIR/s"
	done
}

@test "end: QUIT and EOF while a handler is asked" {
	plan mail <<-'END'
		: >"$d/got/asked"
		while [ ! -e "$d/go" ]; do sleep 0.05; done
	END
	mta all <<-END
		use a
		hello $HOST
		send mail <a@b.example>
		wait-file $GOT/asked
		drop
		use b
		hello $HOST
		send mail <a@b.example>
		raw 0000000151
		touch $PLANS/$HOST/go
		use c
		hello $HOST
		message
		eom => continue
		quit
	END
}

@test "end: QUIT_NC after a message, and a new session with no O" {
	echo 'save "connect$MILTER_CLIENT_PORT"' | plan connect
	mta all <<-END
		hello $HOST 4 1 192.0.2.1
		message
		eom => continue
		quit_nc
		connect $HOST 4 2 192.0.2.2 => continue
		-helo x
		message
		eom => continue
		quit
	END
	[ "$(lines_of connect1 session)" != "$(lines_of connect2 session)" ]
	lines_are connect2 client-address 192.0.2.2
}

@test "end: QUIT_NC at any stage" {
	echo save | plan end-of-message
	mta all <<-END
		-optneg
		quit_nc
		-connect $HOST
		quit_nc
		-connect $HOST
		-helo x
		quit_nc
		quit_nc
		-connect $HOST
		-mail <a@b.example>
		-rcpt <a@b.example>
		quit_nc
		-connect $HOST
		-helo y
		-mail <n@b.example>
		-rcpt <n@b.example>
		eom => continue
		quit
	END
	lines_are end-of-message sender '<n@b.example>'
	lines_are end-of-message recipient '<n@b.example>'
}

@test "end: context and helo do not survive QUIT_NC" {
	answer connect 'set kept value'
	echo save | plan mail
	session all quit_nc '-connect other.example' -mail
	session all quit_nc "-connect $HOST" -mail
	lines_are mail helo
	lines_are mail context 'kept value'
}

@test "end: bytes behind QUIT are ignored" {
	mta all <<-END
		hello $HOST
		hold
		send quit
		raw 0000000148
		flush
		expect close
	END
}

@test "end: many connections, some idle, some half-open, all served" {
	local i

	for ((i = 0; i < 60; i++)); do
		printf '%s\n' "use c$i" '-optneg'
		((i % 3)) || echo 'raw 0000'
	done >"$BATS_TEST_TMPDIR/s"
	for ((i = 1; i < 60; i += 3)); do
		printf '%s\n' "use c$i" "-connect $HOST" '-helo x' message \
		    'eom => continue' quit
	done >>"$BATS_TEST_TMPDIR/s"
	mta all <"$BATS_TEST_TMPDIR/s"
}

@test "macros: those of a MAIL that ends a message are the next one's" {
	plan mail <<-'END'
		save "$MILTER_QUEUE_ID"
	END
	session all 'macro M i=Q1 {auth_authen}=a' -mail 'macro M i=Q2 {auth_authen}=b' \
	    -mail
	lines_are Q1 macro 'i Q1' 'auth_authen a'
	lines_are Q2 macro 'i Q2' 'auth_authen b'
}

@test "macros: a late abort has the queue id of its own message" {
	echo save | plan abort
	session told-all 'macro M i=Q1' -mail 'macro M i=Q2' -mail 'eom => continue'
	got abort
	assert_equal "$(variable abort MILTER_QUEUE_ID)" Q1
}

@test "negotiation: accept at connect is not told where a handler fails each mail" {
	echo 'say accept' | plan connect
	session connect-needs '-optneg 3 0x1ff 0x17f' 'mail => y "550 5.7.0 missing"'
}

@test "negotiation: what is missing is one line in the log, however many mails" {
	local id

	session needs-data '-optneg 2 0x3f 0x7f' \
	    'mail <once1@b.example> => y "550 5.7.0 missing"' \
	    'mail <once2@b.example> => y "550 5.7.0 missing"'
	wait_log 'from=<once2@b.example>'
	id=$(daemon_log | sed -n 's/.* \([0-9a-f]*\.[0-9]*\): message from=<once2@b\.example>.*/\1/p')
	assert_equal "$(daemon_log | grep -F " $id: " | grep -c 'handler needs-data')" 1
}

@test "macros: those of a CONNECT that follows without QUIT_NC are its own" {
	echo 'save connect-$MILTER_HELO$MILTER_CLIENT_PORT' | plan connect
	mta all <<-END
		-optneg
		macro C j=first.example
		-connect $HOST 4 1 192.0.2.7
		macro C j=second.example
		-connect $HOST 4 2 192.0.2.7
		quit
	END
	assert_equal "$(variable connect-1 MILTER_MACRO_j)" first.example
	assert_equal "$(variable connect-2 MILTER_MACRO_j)" second.example
}
