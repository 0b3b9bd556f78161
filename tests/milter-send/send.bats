#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# milter-send against a milter that answers what a script says: what it sends,
# what it takes, what it refuses to take, and what it says of it.

# shellcheck disable=SC2154	# stderr is set by run

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	: "${MILTER_SEND:=$BATS_TEST_DIRNAME/../../build/milter-send}"
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	printf 'Subject: hello\nX-Fold: a\n\tb\nX-None:x\n\none\ntwo\n' > message
	: > script
	fake=
}

teardown() {
	repeat_if_it_stood_still
	stop_fake
}

stop_fake() {
	[ -n "$fake" ] || return 0
	kill "$fake" 2> /dev/null || true
	wait "$fake" 2> /dev/null || true
	fake=
	rm -f sock
}

# within SECONDS COMMAND...: the command succeeds before they are over.
within() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# fake [ADDRESS]: the milter does what the script on standard input says, and
# begins a new log.
fake() {
	cat > script.new
	mv script.new script
	rm -f log
	[ -z "$fake" ] || return 0
	python3 "$BATS_TEST_DIRNAME/../lib/peers/fake_milter.py" "${1:-sock}" log script \
	    3>&- &
	fake=$!
	if [ "${1:-sock}" = inet ]; then
		within 60 test -e log.port
	else
		within 60 test -S sock
	fi
}

# send [OPTION...]: sends the message.
send() {
	run --separate-stderr "$MILTER_SEND" -s unix:sock "$@" message
}

# answer STATUS LINE...: with this script that is what comes out.
answer() {
	fake
	send -t 60
	if [ "$status" -ne "$1" ]; then
		printf 'status %s, expected %s\n%s\n%s\n' "$status" "$1" \
		    "$output" "$stderr"
		return 1
	fi
	shift
	if [ "$output" != "$(printf '%s\n' "$@")" ]; then
		printf 'got:\n%s\nexpected:\n' "$output"
		printf '%s\n' "$@"
		return 1
	fi
}

# broken TEXT: with this script the protocol is broken, with this message.
broken() {
	fake
	send -t 60
	printf 'status %s\n%s\n%s\n' "$status" "$output" "$stderr"
	[ "$status" -eq 70 ] && [[ $stderr == *"protocol broken: $1"* ]]
}

# logged PATTERN: the milter got a line that matches.
logged() {
	grep -qe "$1" log || { cat log; return 1; }
}

not_logged() {
	if grep -e "$1" log; then false; fi
}

# usage TEXT ARGUMENT...: these arguments are an error that says TEXT.
usage() {
	local text=$1

	shift
	run --separate-stderr "$MILTER_SEND" "$@" < message
	printf '%s\n' "$status" "$stderr"
	[ "$status" -eq 2 ] && [[ $stderr == *"$text"* ]]
}

@test "what a milter is sent" {
	answer 0 'delivered to 1 recipient' < /dev/null
	within 5 grep -q '^Q' log
	run -0 cat log
	sed 's/i|[0-9A-F]*/i|ID/g' log > got
	cat > want <<-'END'
		O |||\x06||\x01\xff|\x1f\xff\xff
		D Cj|mx.example.net|{daemon_name}|mx.example.net|{daemon_addr}|127.0.0.1|v|milter-send|_|client.example.org [192.0.2.1]|
		C client.example.org|4\xc0|192.0.2.1|
		D H
		H client.example.org|
		D Mi|ID|{mail_addr}|sender@example.org|{mail_host}|example.org|{mail_mailer}|smtp|
		M <sender@example.org>|
		D Ri|ID|{rcpt_addr}|recipient@example.net|{rcpt_host}|example.net|{rcpt_mailer}|smtp|
		R <recipient@example.net>|
		D Ti|ID|
		T 
		D Li|ID|
		L Subject|hello|
		D Li|ID|
		L X-Fold|a\n\tb|
		D Li|ID|
		L X-None|x|
		D Ni|ID|
		N 
		D Bi|ID|
		B one\r\ntwo\r\n
		D Ei|ID|
		E 
		A 
		A 
		Q 
	END
	diff -u want got
}

@test "every verdict at every event" {
	local ev at

	for ev in mail:mail data:data header:header eoh:end-of-headers \
	    body:body eom:end-of-message; do
		at=${ev#*:}
		answer 1 "rejected at $at: 550 5.7.1 Command rejected" \
		    <<< "${ev%:*} r"
		answer 75 "tempfailed at $at: 451 4.7.1 Service unavailable - try again later" \
		    <<< "${ev%:*} t"
		answer 99 "discarded at $at" <<< "${ev%:*} d"
		answer 1 "rejected at $at: 554 5.6.0 no 100%" \
		    <<< "${ev%:*} y 554 5.6.0 no 100%%\\0"
		answer 75 "tempfailed at $at: 452 4.2.2 later" \
		    <<< "${ev%:*} y 452 4.2.2 later\\0"
		answer 75 "tempfailed at $at: 421 4.7.0 bye" \
		    <<< "${ev%:*} y 421 4.7.0 bye\\0"
		answer 75 "tempfailed at $at: 421 4.7.0 Server closing connection" \
		    <<< "${ev%:*} 4"
		answer 0 'delivered to 1 recipient' <<< "${ev%:*} a"
	done
}

@test "verdicts for the session" {
	local ev

	answer 1 'rejected at connect: 554 mx.example.net ESMTP not accepting connections' \
	    <<< 'connect r'
	answer 1 'rejected at helo: 550 5.7.1 Command rejected' <<< 'helo r'
	for ev in connect helo; do
		answer 75 "tempfailed at $ev: 451 4.7.1 Service unavailable - try again later" \
		    <<< "$ev t"
		answer 1 "rejected at $ev: 550 5.7.1 you" <<< "$ev y 550 5.7.1 you\\0"
		answer 0 'delivered to 1 recipient' <<< "$ev a"
		# The session is over, and Postfix closes without QUIT.
		within 5 grep -q '^- closed' log
		not_logged '^[MQ]'
	done
}

@test "an accepted message is not shown further" {
	answer 0 'delivered to 1 recipient' <<< 'rcpt a'
	within 5 grep -q '^Q' log
	not_logged '^[TLNBE]'
	logged '^A'
}

@test "recipients" {
	fake <<-'END'
		rcpt#2 r
		rcpt#3 y 450 4.2.0 busy\0
	END
	send -r a@x -r '<b@x>' -r 'c@x NOTIFY=NEVER' -r '"d d"@x'
	[ "$status" -eq 0 ]
	[ "$output" = 'rejected at rcpt <b@x>: 550 5.7.1 Command rejected
tempfailed at rcpt <c@x>: 450 4.2.0 busy
delivered to 2 recipients' ]
	logged '^R <c@x>|NOTIFY=NEVER|$'
	logged '^R <"d d"@x>|$'
	fake <<< 'rcpt r'
	send -r a@x -r b@x
	[ "$status" -eq 1 ]
	[ "${lines[2]}" = 'rejected: no recipient is left' ]
	within 5 grep -q '^Q' log
	not_logged '^[TLNBE]'
	fake <<< 'rcpt#1 t
rcpt#2 r'
	send -r a@x -r b@x
	[ "$status" -eq 75 ]
	[ "${lines[2]}" = 'tempfailed: no recipient is left' ]
	fake <<< 'rcpt#1 d'
	send -r a@x -r b@x
	[ "$status" -eq 99 ]
	fake <<< 'rcpt#1 y 421 4.7.0 bye\0'
	send -r a@x -r b@x
	[ "$status" -eq 75 ]
	within 5 grep -q '^Q' log
	not_logged '^R <b'
}

@test "changes are shown, and the message is written" {
	fake <<-'END'
		optneg terms 0x1ff 0
		eom h X-New\0made\0
		eom i \x00\x00\x00\x00X-Top\0t\0
		eom m \x00\x00\x00\x01Subject\0bye\0
		eom m \x00\x00\x00\x01X-None\0\0
		eom m \x00\x00\x00\x01X-Gone\0\0
		eom p
		eom b new
		eom b \r\nbody\r\n
		eom + <more@x>\0
		eom 2 par@x\0NOTIFY=NEVER\0
		eom - <recipient@example.net>\0
		eom - <nobody@x>\0
		eom e new@x\0RET=HDRS\0
		eom q look at it\0
		eom c
	END
	send -O out
	printf '%s\n' "$output" "$stderr"
	[ "$status" -eq 0 ]
	cat > want <<-'END'
		header added: X-New: made
		header inserted at 0: X-Top: t
		header changed: Subject (number 1): bye
		header deleted: X-None (number 1)
		header deleted: X-Gone (number 1)
		warning: change-header: there is no such header to delete
		recipient added: <more@x>
		recipient added: par@x NOTIFY=NEVER
		recipient deleted: <recipient@example.net>
		recipient deleted: <nobody@x>
		warning: delete-recipient: there is no recipient of exactly this spelling
		sender changed to new@x RET=HDRS
		quarantined: look at it
		body replaced: 11 bytes
		held for 2 recipients
	END
	diff -u want - <<< "$output"
	printf 'X-Top: t\nSubject: bye\nX-Fold: a\n\tb\nX-New: made\n\nnew\nbody\n' |
	    cmp - out
}

@test "a refused message is not written" {
	fake <<< 'eom h X\0y\0
eom r'
	send -O out
	[ "$status" -eq 1 ]
	[ "$output" = 'rejected at end-of-message: 550 5.7.1 Command rejected' ]
	[ ! -e out ]
}

@test "a message without its last recipient is discarded" {
	answer 99 'recipient deleted: recipient@example.net' \
	    'discarded: no recipient is left' \
	    <<< 'eom - recipient@example.net\0
eom c'
}

@test "line ends: those of the input come out again" {
	printf 'A: b\r\n c\r\n\r\none\r\n.\r\n' > message
	fake <<< 'eom h X\0y\n z\0
eom c'
	send -O out
	[ "$status" -eq 0 ]
	logged '^L A|b\\n c|$'
	logged '^B one\\r\\n.\\r\\n$'
	printf 'A: b\r\n c\r\nX: y\r\n z\r\n\r\none\r\n.\r\n' | cmp - out
	printf 'A: b\nno header\nlast' > message
	send -O -
	[ "$output" = 'A: b
X: y
 z

no header
last' ]
	[[ $stderr == *'delivered to 1 recipient'* ]]
}

@test "a message without anything" {
	: > message
	answer 0 'delivered to 1 recipient' < /dev/null
	within 5 grep -q '^Q' log
	not_logged '^[LB]'
	logged '^N'
	logged '^E'
}

@test "the body is cut at 65535 bytes" {
	{ echo; head -c 100000 /dev/zero | tr '\0' x; echo; } > message
	fake < /dev/null
	send
	[ "$status" -eq 0 ]
	# The line end at the end is shown in four bytes.
	[ "$(awk '/^B/ { print length($0) - 2 }' log)" = '65535
34469' ]
	fake <<< 'optneg terms 0 0x400
body s'
	send
	[ "$status" -eq 0 ]
	[ "$(grep -c '^B' log)" -eq 1 ]
	logged '^E'
}

@test "events that are not wanted, and those without an answer" {
	# NOCONNECT NOHELO NOMAIL NORCPT NOBODY NOHDRS NOEOH NODATA
	fake <<< 'optneg terms 0 0x27f'
	send
	[ "$status" -eq 0 ]
	within 5 grep -q '^Q' log
	not_logged '^[CHMRTLNB]'
	not_logged '^D [LNB]'
	logged '^D M'
	logged '^E'
	# All NR_ bits except NR_UNKN.
	fake <<< 'optneg terms 0 0xdf080'
	send
	[ "$status" -eq 0 ]
	logged '^B'
	# An answer too many is found at the next one, or at the end.
	broken 'packet' <<< 'optneg terms 0 0xdf080
mail c'
}

@test "a large message needs no answer and no memory" {
	{ printf 'A: b\n\n'; head -c 3000000 /dev/zero | tr '\0' '\n'; } > message
	fake <<< 'optneg terms 0 0x80080'
	send -O out
	[ "$status" -eq 0 ]
	cmp message out
}

@test "leading spaces are kept where that was negotiated" {
	fake <<< 'optneg terms 0x1ff 0x100000
eom h X\0y\0
eom m \x00\x00\x00\x01Subject\0 z\0
eom c'
	send -O out
	logged '^L Subject| hello|$'
	logged '^L X-None|x|$'
	grep -x 'X:y' out
	grep -x 'Subject: z' out
}

@test "versions" {
	local v

	for v in '2 |||\x7f' '3 ||\x01\x7f' '4 ||\x03\x7f' '5 ||\x03\x7f' \
	    '6 |\x1f\xff\xff'; do
		fake < /dev/null
		send -P "${v%% *}"
		[ "$status" -eq 0 ]
		# The word with the actions, then the one with the protocol bits.
		[ "$(sed -n 1p log)" = "O |||\\x0${v%% *}||\\x01\\xff${v#* }" ]
		if [ "${v%% *}" -lt 4 ]; then
			not_logged '^D T'
			not_logged '^T'
		else
			logged '^T'
		fi
	done
	# A filter that knows less than was offered.
	fake <<< 'optneg terms 0x3f 0 2'
	send
	[ "$status" -eq 0 ]
	not_logged '^T'
}

@test "clients" {
	fake < /dev/null
	send -c 2001:db8:0:0:0:0:0:1 -h mail.x -H me
	logged '^C mail.x|6\\xc0|2001:db8::1|$'
	logged '_|mail.x \[2001:db8::1\]|'
	logged '^H me|$'
	send -c ::ffff:192.0.2.9
	logged '^C client.example.org|4\\xc0|192.0.2.9|$'
	send -c unix:/tmp/x
	logged '^C localhost|L||/tmp/x|$'
	send -c unknown
	logged '^C unknown|U$'
}

@test "senders" {
	fake < /dev/null
	send -f 'a@x SIZE=10 BODY=8BITMIME'
	logged '^M <a@x>|SIZE=10|BODY=8BITMIME|$'
	send -f ''
	logged '^M <>|$'
	logged '^D M.*{mail_addr}||{mail_host}||'
	send -f '<>'
	logged '^M <>|$'
}

@test "macros: those of the command line, and those the filter asks for" {
	fake <<-'END'
		optneg terms 0x1ff 0
		optneg list 0 j {client_addr} {client_port}
		optneg list 3 {rcpt_mailer},{foo}	i
		optneg list 5 {bar}
	END
	send -m '{auth_authen}=alice' -m rcpt_mailer=error -m foo=1 -m i=Q1 -m bar= \
	    -m other=o -m x=y
	[ "$status" -eq 0 ]
	logged '^D Cj|mx.example.net|{client_addr}|192.0.2.1|{client_port}|49152|{other}|o|x|y|$'
	logged '^D Mi|Q1|{auth_authen}|alice|{mail_addr}|'
	logged '^D R{rcpt_mailer}|error|{foo}|1|i|Q1|$'
	logged '^D B{bar}||$'
	logged '^D E{bar}||$'
	logged '^D Ni|Q1|$'
}

@test "every illegal answer to the negotiation" {
	broken "packet 'c' (continue) in answer to negotiate, expected O" <<< 'optneg c'
	broken 'version 1 in answer to the offer of 6, expected 2 to 6' \
	    <<< 'optneg terms 0 0 1'
	broken 'version 7' <<< 'optneg terms 0 0 7'
	broken 'actions 0x201 of which 0x200 were not offered' <<< 'optneg terms 0x201 0'
	broken 'protocol bits 0x10000000 of which' <<< 'optneg terms 0 0x10000000'
	broken "packet 'O' (negotiate) in answer to negotiate: option negotiation too short" \
	    <<< 'optneg O \0\0\0\x06\0\0\0\0\0\0\0'
	broken 'a macro list for stage 7, expected 0 to 6' <<< 'optneg list 7 i'
	broken 'a damaged macro list' \
	    <<< 'optneg O \0\0\0\x06\0\0\x01\0\0\0\0\0\0\0\0\x01i'
	broken 'more than 50 macros' <<< "optneg list 2 $(yes x | head -51 | tr '\n' ' ')"
	broken 'the connection was closed, expected an answer to negotiate' \
	    <<< 'optneg close'
	fake <<< 'optneg terms 0 0x400'
	send -P 4
	[ "$status" -eq 70 ]
}

@test "answers in a wrong place" {
	local ev l

	for ev in connect helo mail rcpt data header eoh body; do
		for l in p h i m b + 2 - e q O f l Z; do
			broken "packet '$l' (" <<< "$ev $l"
		done
	done
	for ev in connect helo mail rcpt data header eoh eom; do
		broken "packet 's' (skip) in answer to" <<< "optneg terms 0 0x400
$ev s"
	done
	broken "packet 's' (skip) in answer to body: SKIP was not negotiated" <<< 'body s'
	for ev in connect helo; do
		broken "packet 'd' (discard) in answer to $ev, expected one of c a r t y 4" \
		    <<< "$ev d"
	done
	broken 'packet 0x01 (unknown) in answer to mail: unknown reply' <<< 'mail \x01' ||
	    broken 'packet 0x01 (unknown) in answer to mail: unknown reply' \
	        <<< 'mail hex 0000000101'
}

@test "answers too many or too few" {
	broken "packet 'c' (continue) where no answer was expected, before rcpt was sent" \
	    <<< 'mail c
mail c'
	broken 'packet' <<< 'eom c
eom c'
	broken "packet 'c' (continue) where no answer was expected" <<< 'quit c'
	broken 'the connection was closed, expected an answer to data' <<< 'data close'
	fake <<< 'rcpt none'
	send -t 3
	[ "$status" -eq 70 ]
	[[ $stderr == *'no answer to rcpt within 3 seconds'* ]]
	fake <<< 'eom p
eom none'
	send -t 3
	[ "$status" -eq 70 ]
	[[ $stderr == *'no answer to end-of-message within 3 seconds'* ]]
}

@test "damaged packets" {
	local l

	for l in c a r t d; do
		broken "packet '$l'" <<< "mail $l x"
	done
	broken "packet 'p'" <<< 'eom p x'
	broken 'a packet with a length of 0 or above 65536 in answer to mail' \
	    <<< 'mail hex 00000000'
	broken 'a packet with a length of 0 or above 65536' <<< 'mail hex 00010001'
	broken 'a packet with a length of 0 or above 65536' <<< 'mail hex 80000001'
	broken "packet 'y'" <<< 'mail y 550 5.7.1 no'
	broken "packet 'h'" <<< 'eom h X\0y'
	broken "packet 'h'" <<< 'eom h X\0y\0z'
	broken "packet 'i'" <<< 'eom i \0\0\0'
	broken "packet '+'" <<< 'eom + a@x'
	broken "packet '-'" <<< 'eom - a@x\0b'
	broken "packet 'e'" <<< 'eom e a@x\0b'
	broken "packet 'q'" <<< 'eom q why'
	# A packet may come in pieces.
	answer 0 'delivered to 1 recipient' <<< 'mail hex 0000
mail sleep 0.1
mail hex 000163'
}

@test "actions that were not negotiated" {
	local a bit

	for a in 'h 1 X\0y\0' 'i 1 \0\0\0\0X\0y\0' 'm 0x10 \0\0\0\x01X\0y\0' 'b 2 x' \
	    '+ 4 a@x\0' '2 0x80 a@x\0' '- 8 a@x\0' 'e 0x40 a@x\0' 'q 0x20 why\0'; do
		read -r l bit rest <<< "$a"
		broken "packet '$l' (" <<< "optneg terms $((0x1ff & ~bit)) 0
eom $l $rest"
		[[ $stderr == *'this action was not negotiated'* ]]
		fake <<< "optneg terms $bit 0
eom $l $rest
eom c"
		send
		[ "$status" -eq 0 ]
	done
}

@test "actions that no MTA takes as they are meant" {
	broken "packet 'h' (add-header) in answer to end-of-message: a header name" \
	    <<< 'eom h \0y\0'
	broken "packet 'm' (change-header) in answer to end-of-message: a header name" \
	    <<< 'eom m \0\0\0\x01X Y\0y\0'
	broken "packet 'e' (change-sender) in answer to end-of-message: an empty address" \
	    <<< 'eom e \0'
	for other in p 'h X\0y\0'; do
		broken "packet 'b' (replace-body) in answer to end-of-message: another packet" \
		    <<< "eom b x
eom $other
eom b y"
	done
	answer 0 'header added: X: a\r\n b' \
	    'warning: add-header: a CR in a header value, which Postfix keeps' \
	    'delivered to 1 recipient' <<< 'eom h X\0a\r\n b\0
eom c'
}

@test "SMTP replies that an MTA would not take" {
	local r

	for r in '' 550 '250 2.0.0 x' '650 x' '55 x' '550x' '550-x' '550 1.2.3.4 listed' \
	    '550 4.7.1 x' '550 100%% spam' '550 5.7.1 100% spam' '550 %%%' \
	    '550-5.7.1 a\n550 5.7.1 b' '550 5.7.1 a\r\n550 5.7.1 b' \
	    '550-5.7.1 a\r\n551 5.7.1 b' '550-5.7.1 a\r\n' '550 5.7.1 a\r\n' \
	    '550-5.7.1 a\r\n550-5.7.1 b' '550 a\rb'; do
		broken "packet 'y' (SMTP reply) in answer to mail: " <<< "mail y $r\\0"
	done
	broken "packet 'y' (SMTP reply) in answer to mail: a line end after the last line" \
	    <<< 'mail y 550 5.7.1 a\r\n\0'
	answer 1 'rejected at mail: 550-5.7.1 a 1%\n550 5.7.1 b' \
	    <<< 'mail y 550-5.7.1 a 1%%\r\n550 5.7.1 b\0'
	answer 1 'rejected at mail: 550 ' <<< 'mail y 550 \0' ||
	    answer 1 'rejected at mail: 550\0040' <<< 'mail y 550 \0'
}

@test "a transcript" {
	fake <<-'END'
		optneg terms 0x1ff 0x105000
		optneg list 3 {rcpt_addr}
		rcpt#1 y 550-5.7.1 a\r\n550 5.7.1 \\b\0
		header#2 c
		eom h X\0 y\0
		eom m \0\0\0\x02Z\0\0
		eom i \0\0\0\x01V\0 w\n x\0
		eom b new
		eom b \r\nbody
		eom 2 a@x\0NOTIFY=NEVER\0
		eom p
		eom y 421 4.7.0 bye bye\0
	END
	send -v -f 'A@Ex.Org SIZE=1' -r b@x -r c@y -m '{mail_mailer}= x'
	[ "$status" -eq 75 ]
	printf '%s\n' "$output" | tr -d '\r' | sed 's/^macro i .*/macro i ID/' > got
	cat > want <<-'END'
		event negotiate
		version 6
		actions 0x1ff
		protocol 0x1fffff

		version 6
		actions 0x1ff
		protocol 0x105000
		macros rcpt {rcpt_addr}

		report connect
		client-host client.example.org
		client-family inet
		client-address 192.0.2.1
		client-port 49152
		macro j mx.example.net
		macro daemon_name mx.example.net
		macro daemon_addr 127.0.0.1
		macro v milter-send
		macro _ client.example.org [192.0.2.1]

		event helo
		helo client.example.org
		no-macros

		continue

		report mail
		sender <A@Ex.Org>
		sender-domain ex.org
		sender-argument SIZE=1
		macro i ID
		macro mail_addr A@Ex.Org
		macro mail_host Ex.Org
		macro mail_mailer \0040x

		event rcpt
		recipient <b@x>
		recipient-domain x
		macro rcpt_addr b@x

		reject 550 5.7.1 a\n\\b

		# rejected at rcpt <b@x>: 550-5.7.1 a\n550 5.7.1 \\b
		event rcpt
		recipient <c@y>
		recipient-domain y
		macro rcpt_addr c@y

		continue

		event data
		macro i ID

		continue

		event header
		header-name Subject
		header-value hello
		macro i ID

		continue

		event header
		header-name X-Fold
		header-value a\n	b
		macro i ID

		continue

		event header
		header-name X-None
		header-value x
		no-space
		macro i ID

		continue

		event end-of-headers
		macro i ID

		continue

		event body
		length 10
		macro i ID

		one
		two

		continue

		event end-of-message
		macro i ID

		add-header X y
		delete-header Z 2
		insert-header 1 V w\n x
		replace-body 9
		new
		body
		add-recipient <a@x> NOTIFY=NEVER
		progress
		shutdown bye bye

		report abort
		no-message

		# tempfailed at end-of-message: 421 4.7.0 bye bye
		report abort
		no-message

		report disconnect
		reason quit
	END
	# The shell takes tabs from the beginning of lines only.
	diff -u want got
}

@test "an early end is reported" {
	fake <<< 'data t'
	send -v
	[ "$status" -eq 75 ]
	[[ $output == *'
tempfail

report abort

# tempfailed at data: 451'* ]]
}

@test "many messages" {
	fake <<< 'rcpt#3 r'
	send -n 25 -j 3 -M 5
	printf '%s\n' "$output" "$stderr"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == '25 messages over 5 connections in '* ]]
	[[ ${lines[1]} == *' messages/s, '*' events/s' ]]
	[[ ${lines[2]} == 'latency of messages: p50 '*' ms, p90 '*' ms, p99 '*' ms, max '*' ms' ]]
	[ "${lines[3]}" = 'delivered 20, rejected 5, tempfailed 0, discarded 0' ]
	within 60 sh -c 'test "$(grep -c "^Q" log)" -eq 5'
	[ "$(grep -c '^M' log)" -eq 25 ]
	[ "$(sed -n 's/^D M\(i|[^|]*\).*/\1/p' log | sort -u | wc -l)" -eq 25 ]
	send -n 4 --json
	[ "$status" -eq 0 ]
	# Eleven events a message, connect, helo and three headers included.
	python3 -c 'import json, sys
d = json.loads(sys.argv[1])
assert d["messages"] == 4 and d["connections"] == 4 and d["events"] == 44, d
assert d["delivered"] == 4 and d["rejected"] == 0, d
lat = d["latency_ms"]
assert 0 < lat["p50"] <= lat["p90"] <= lat["p99"] <= lat["max"], d
assert d["messages_per_second"] > 0 and d["events_per_second"] > 0, d' "$output"
}

@test "many messages: each has its own queue id throughout" {
	local terms

	# Answered, and not: then all of them come in one piece.
	for terms in 0 0xdf080; do
		fake <<< "optneg terms 0 $terms"
		send -n 6 -M 3 -r a@example.net -r b@example.net
		[ "$status" -eq 0 ]
		within 60 sh -c 'test "$(grep -c "^Q" log)" -eq 2'
		# Prints a line for each message: its ids, one of a kind.
		awk '/^D M/ { message++ }
		match($0, /^D [MRTLNBE]i[|][0-9A-F]+[|]/) {
			id = substr($0, RSTART + 5, RLENGTH - 6)
			if (!seen[message, id]++) ids[message] = ids[message] " " id
			count[message]++
		}
		END { for (i = 1; i <= message; i++) print count[i] ids[i] }' log > ids
		cat ids
		# mail, two recipients, data, three headers, their end, body, end
		[ "$(grep -cx '10 [0-9A-F]\{14\}' ids)" -eq 6 ]
		[ "$(sort -u ids | wc -l)" -eq 6 ]
	done
	fake < /dev/null
	send -n 2 -m i=MINE
	[ "$status" -eq 0 ]
	logged '^D Ei|MINE|'
	not_logged '^D .i|[0-9A-F]*|'
}

@test "many messages: what they come to" {
	fake <<< 'mail r'
	send -n 3
	[ "$status" -eq 1 ]
	fake <<< 'connect t'
	send -n 3 -M 3
	[ "$status" -eq 75 ]
	[[ ${lines[0]} == '3 messages over 3 connections'* ]]
	# The reply ends the session, and the next message needs a new one.
	fake <<< 'mail y 421 4.7.0 bye\0'
	send -n 2 -M 2
	[ "$status" -eq 75 ]
	[[ ${lines[0]} == '2 messages over 2 connections'* ]]
	fake <<< 'eom d'
	send -n 3
	[ "$status" -eq 99 ]
	fake <<< 'mail#2 p'
	send -n 10 -M 10
	[ "$status" -eq 70 ]
	[[ $stderr == *"packet 'p' (progress) in answer to mail"* ]]
	[[ ${lines[0]} == '1 messages'* ]]
}

@test "over TCP" {
	fake inet < /dev/null
	run -0 "$MILTER_SEND" -s "inet:$(cat log.port)@127.0.0.1" message
	run -0 "$MILTER_SEND" -s "inet:$(cat log.port)@127.0.0.1" -n 20 -j 5 message
	port=$(cat log.port)
	stop_fake
	run -70 "$MILTER_SEND" -s "inet:$port@127.0.0.1" message
	[[ $output == *"connect to inet:$port@127.0.0.1: Connection refused"* ]]
}

@test "nobody listens" {
	send
	[ "$status" -eq 70 ]
	[[ $stderr == *'connect to unix:sock: No such file or directory'* ]]
}

@test "a milter that stops reading is not waited for longer than its time" {
	{ echo; head -c 3000000 /dev/zero | tr '\0' x; } > message
	fake <<< 'optneg terms 0 0x80000
eoh c
eoh sleep 30'
	send -t 1
	[ "$status" -eq 70 ]
	[[ $stderr == *'no answer to'* ]]
}

# handler NAME: a handler, its script on standard input.
handler() {
	{ echo '#!/bin/sh'; cat; } > "$1"
	chmod 755 "$1"
	# As root the daemon wants users for its parts, and they a way to the file.
	as=()
	if [ "$(id -u)" -eq 0 ]; then
		as=(-o 'engine-user = daemon' -o 'user = nobody')
		chmod 755 "$BATS_TEST_TMPDIR"
		chmod go+x "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR/.."
	fi
}

# run_handler [OPTION...] -x NAME: sends the message through it.
run_handler() {
	run --separate-stderr "$MILTER_SEND" "${as[@]}" "$@" < message
	printf 'status %s\n%s\n%s\n' "$status" "$output" "$stderr"
	[ -z "$(ls -A "$TMPDIR")" ]
}

@test "a handler without a daemon" {
	handler h <<-'END'
		case $MILTER_RECIPIENT in
		*bad*)	echo 'reject 550 5.7.1 not you' ;;
		*)	echo "add-header X-Rcpt $MILTER_RECIPIENT" ;;
		esac
	END
	run_handler -e rcpt -r good@x -r bad@x -O out -x ./h
	[ "$status" -eq 0 ]
	[ "$output" = 'rejected at rcpt <bad@x>: 550 5.7.1 not you
header added: X-Rcpt: <good@x>
delivered to 1 recipient' ]
	[ -z "$stderr" ]
	grep -x 'X-Rcpt: <good@x>' out
	run_handler -v -e rcpt -r bad@x -x ./h
	[ "$status" -eq 1 ]
	[[ $output == *'
reject 550 5.7.1 not you

'* ]]
	[[ $stderr == *'reject by h'* ]]
	run_handler -e rcpt -n 10 -j 2 -M 5 -r good@x -x ./h
	[ "$status" -eq 0 ]
	[[ $output == '10 messages over 2 connections'* ]]
}

@test "what a handler is given" {
	handler h <<-'END'
		printf 'reject 550 5.7.1 %s|%s|%s\n' "$1" "$2" "$MILTER_MACRO_foo"
	END
	run_handler -e mail -m foo=bar -x ./h -v 'a b'
	[ "$status" -eq 1 ]
	[ "$output" = 'rejected at mail: 550 5.7.1 -v|a b|bar' ]
}

@test "warnings of the daemon are shown, the rest is not" {
	handler h <<< 'exit 3'
	run_handler -e mail -x ./h
	[ "$status" -eq 75 ]
	[[ $stderr == *'handler h: mail: exit status 3'* ]]
	[[ $stderr != *'is ready'* ]]
}

@test "a daemon that can't start says why" {
	handler h <<< 'exit 0'
	run_handler -e mail -o 'nonsense = 1' -x ./h
	[ "$status" -eq 2 ]
	[[ $stderr == *nonsense*'milter-send: the daemon ended'* ]]
	run_handler -e mail -x ./missing
	[ "$status" -eq 2 ]
	[[ $stderr == *missing* ]]
	TMPDIR=$TMPDIR/$(printf '%0120d' 0) run -2 "$MILTER_SEND" -x ./h < message
}

@test "a signal ends the daemon and removes its directory" {
	local sig pid

	handler h <<< "exec sleep 60"
	for sig in TERM INT; do
		# In a job of its own a shell would have it ignore INT.
		python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$MILTER_SEND" "${as[@]}" \
		    -o 'timeout = 60s' -o 'event-timeout = 60s' -e mail -x ./h < message 3>&- &
		pid=$!
		within 60 sh -c 'ls "$TMPDIR"/milter-send.*/milter.sock' || return
		within 60 pgrep -P "$pid"
		kill -s "$sig" "$pid"
		status=0
		wait "$pid" || status=$?
		[ "$status" -gt 128 ]
		[ -z "$(ls -A "$TMPDIR")" ]
	done
}

@test "wrong command lines" {
	usage 'expected -s'
	[[ $stderr == *'usage: milter-send '*' -x command '* ]]
	usage 'expected -s' -f a@b
	usage 'usage:' -Z
	usage 'usage:' -s unix:x a b
	usage '-s x: expected' -s x
	usage '-P 7' -s unix:x -P 7
	usage '-P 1' -s unix:x -P 1
	usage '-n 0' -s unix:x -n 0
	usage '-j 1x' -s unix:x -j 1x
	usage '-t 0' -s unix:x -t 0
	usage '-c 1.2.3: expected' -s unix:x -c 1.2.3
	usage '-m x: expected NAME=VALUE' -s unix:x -m x
	usage '-m =y' -s unix:x -m =y
	usage '-e and -o are for -x' -s unix:x -e mail
	usage '-v shows one message' -s unix:x -v -n 2
	usage '-O writes one message' -s unix:x -O f -n 2
	usage 'do not go together' -s unix:x -x true
	usage 'expected a command' -e mail -x
	usage '--torture is for a handler: expected -x' --torture
	usage 'expected -x before the command ./h' --torture ./h
	usage 'expected -x before the command ./h' --replay transcript ./h -v
	usage 'expected -x before the command ./h' -e mail ./h
	usage 'No such file' -s unix:x ./missing
	printf 'A: \0\n\n' > message
	usage 'stdin: a NUL in a header' -s unix:x
}

@test "a header that is inserted behind all others" {
	fake <<-'END'
		optneg terms 0x1ff 0
		eom i \x7f\xff\xff\xffX-Last\0l\0
		eom c
	END
	send
	[ "${lines[0]}" = 'header inserted at the end: X-Last: l' ]
}

@test "its version and its usage, when they are asked for" {
	run -0 --separate-stderr "$MILTER_SEND" -V
	[[ $output =~ ^milter-send\ [0-9.]+$ ]] && [ "$stderr" = '' ]
	run -0 --separate-stderr "$MILTER_SEND" --help
	[[ $output == 'usage: milter-send '* ]] && [ "$stderr" = '' ]
}

@test "a message that is missing" {
	fake < /dev/null
	run -0 --separate-stderr "$MILTER_SEND" -s unix:sock < /dev/null
	[ "$stderr" = 'milter-send: the message is empty' ]
	# A terminal, at which somebody types one.
	python3 - "$MILTER_SEND" -s unix:sock <<-'END' > typed
		import os, pty, sys
		pid, fd = pty.fork()
		if pid == 0:
		    os.execv(sys.argv[1], sys.argv[1:])
		os.write(fd, b'A: b\n\n\x04')
		try:
		    while True:
		        data = os.read(fd, 4096)
		        if not data:
		            break
		        sys.stdout.write(data.decode())
		except OSError:
		    pass
		sys.exit(os.waitpid(pid, 0)[1])
	END
	grep 'reading the message from the terminal' typed
	grep 'delivered to 1 recipient' typed
}

@test "a file that can't be written" {
	fake < /dev/null
	send -O missing/out
	[ "$status" -eq 2 ]
	[[ $stderr == *'missing/out'* ]]
}
