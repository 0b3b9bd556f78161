#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# pipemilter-handler(7): what handlers read, what they may answer and what
# comes of it on the wire.

load ../lib/common
load ../lib/proto

ALL='connect, helo, mail, rcpt, data, header, end-of-headers, body, end-of-message, unknown'
STAGES='connect helo mail rcpt data header end-of-headers body end-of-message unknown'
FAILED='=> y "554 5.3.0 failed"'

setup_file() {
	local o fail="on-failure = 'reject 554 5.3.0 failed'"

	proto_start
	handler h "events = {$ALL}" "$fail"
	handler told "reports = {$ALL, abort, disconnect}"
	handler_only answers "events = {connect, helo, mail, rcpt, end-of-message}" \
	    'reports = {data, abort, disconnect}'
	listener answers-told answers,told
	handler soft "events = {$ALL}" 'on-failure = continue'
	handler_only a "events = {$ALL}" "$fail"
	handler_only b "events = {$ALL}" "$fail"
	handler_only c "events = {$ALL}" "$fail"
	listener abc a,b,c
	listener abc-told a,b,c,told
	listener a-soft a,soft
	listener soft-a soft,a
	for o in accept continue discard reject tempfail; do
		handler "fail-$o" "events = {$ALL}" "on-failure = $o"
	done
	handler fail-text "events = {$ALL}" \
	    "on-failure = 'reject 552 5.2.2 Mailbox\\nfull 100%'"
	handler exits "events = {$ALL}" "$fail" \
	    "on-exit = {'1=reject 554 5.7.1 Virus found', '2=discard', '3=continue', '4=accept', '75=continue'}"
	handler exits-all "events = {$ALL}" "$fail" \
	    "on-exit = {'1=continue', '*=tempfail 451 4.3.9 other'}"
	handler crlf "events = {body, end-of-message}" 'newlines = crlf' "$fail"
	handler lines "events = {$ALL}" "reports = {abort}" 'lines = {helo, sender}' \
	    "environment = {'PLANS=$PLANS', 'CLIENT=lines.example'}"
	handler lines-told "reports = {$ALL, abort, disconnect}" 'lines = {macro}' \
	    "environment = {'PLANS=$PLANS', 'CLIENT=lines-told.example'}"
	handler listed "events = {$ALL}" 'actions = {quarantine}' "$fail"
	handler environment-h "events = {mail}" "environment = {'PLANS=$PLANS', 'A=b c', 'LC_ALL=C.UTF-8', PASSED, ABSENT}"
	write_hooks
	handler hooks "hooks = '$WORK/hooks.d'"
	export PASSED=value SECRET=1
	proto_run
}

write_hooks() {
	local e

	mkdir "$WORK/hooks.d"
	for e in mail end-of-message abort disconnect other README; do
		cp "$HANDLERS/planned" "$WORK/hooks.d/$e"
	done
	cp "$HANDLERS/planned" "$WORK/hooks.d/rcpt"
	chmod 644 "$WORK/hooks.d/rcpt"
	chmod 755 "$WORK/hooks.d"
}

setup() {
	proto_setup
}

teardown_file() {
	test_teardown
}

# --- blocks

client_lines() {
	cat <<-END
		client-host $HOST
		client-address 192.0.2.7
		client-port 4321
		client-family inet
	END
}

save_all() {
	echo 'save' | plan any
	mta "$1" <<-END
		-optneg
		macro C j=mx.example
		-connect $HOST
		-helo client.example
		macro M i=Q1
		-mail <Alice@Example.ORG> SIZE=10 BODY=8BITMIME
		-rcpt <bob@Example.net> NOTIFY=NEVER
		-data
		-header Subject hello
		-eoh
		-body text\r\nmore
		-unknown FOO bar
		-eom
		quit
	END
}

rest_of_mail() {
	client_lines
	cat <<-END
		helo client.example
		sender <Alice@Example.ORG>
		sender-domain example.org
		sender-argument SIZE=10
		sender-argument BODY=8BITMIME
	END
}

rest_of_rcpt() {
	rest_of_mail
	cat <<-END
		recipients 1
		recipient <bob@Example.net>
		recipient-domain example.net
		recipient-argument NOTIFY=NEVER
	END
}

sorted_macros() {
	cat <<-END
		macro i Q1
		macro j mx.example
	END
}

# block_sorted NAME: the block with its macros sorted, since their order is not promised
block_sorted() {
	block "$1" | sed 's/^$/@/' | awk '/^macro / { m[n++] = $0; next }
	    { if (n) { if (n == 2 && m[0] > m[1]) { t = m[0]; m[0] = m[1]; m[1] = t }
	    for (i = 0; i < n; i++) print m[i]; n = 0 } print }'
}

# whole_block WHAT REST [LINE ...]: a complete block of a message. Before the macros there
# are the lines that REST prints, and these lines.
whole_block() {
	local what=$1 rest=$2

	shift 2
	printf '%s\n' "$what" 'session S' 'message M' complete
	"$rest"
	[ $# -eq 0 ] || printf '%s\n' "$@"
	sorted_macros
	echo @
}

golden() {
	local is want

	want=$(cat)
	is=$(block_sorted "$1") || return 1
	if [ "$is" != "$want" ]; then
		diff <(echo "$want") <(echo "$is") || true
		return 1
	fi
}

@test "blocks: connect and helo" {
	save_all h
	{
		printf '%s\n' 'event connect' 'session S' complete
		client_lines
		printf '%s\n' 'macro j mx.example' @
	} | golden connect
	{
		printf '%s\n' 'event helo' 'session S' complete
		client_lines
		printf '%s\n' 'helo client.example' 'macro j mx.example' @
	} | golden helo
}

@test "blocks: mail, rcpt and data" {
	save_all h
	whole_block 'event mail' rest_of_mail | golden mail
	whole_block 'event rcpt' rest_of_rcpt | golden rcpt
	whole_block 'event data' rest_of_rcpt | golden data
}

@test "blocks: header, end-of-headers and unknown" {
	save_all h
	whole_block 'event header' rest_of_rcpt 'header-name Subject' 'header-value hello' |
	    golden header
	whole_block 'event end-of-headers' rest_of_rcpt | golden end-of-headers
	whole_block 'event unknown' rest_of_rcpt 'command FOO bar' | golden unknown
}

@test "blocks: body and end-of-message" {
	save_all h
	{
		printf '%s\n' 'event body' 'session S' 'message M' complete
		rest_of_rcpt
		sorted_macros
		printf '%s\n' 'length 9' @ text more
	} | golden body
	# Subject: hello, an empty line, text and more
	whole_block 'event end-of-message' rest_of_rcpt "size $((16 + 2 + 10))" |
	    golden end-of-message
}

@test "blocks: reports have the answer" {
	save_all told
	whole_block 'report rcpt' rest_of_rcpt 'answer continue' | golden rcpt
	{
		printf '%s\n' 'report disconnect' 'session S' complete
		client_lines
		printf '%s\n' 'helo client.example' 'reason quit' \
		    'macro j mx.example' @
	} | golden disconnect
}

@test "blocks: ids are the same all through a session and a message" {
	local e s m

	save_all h
	s=$(lines_of connect session)
	m=$(lines_of mail message)
	[ -n "$s" ]
	assert_equal "${m%.*}" "$s"
	for e in $STAGES; do
		lines_are "$e" session "$s"
		case $e in
		connect|helo) lines_are "$e" message ;;
		*) lines_are "$e" message "$m" ;;
		esac
	done
}

@test "blocks: the recipients that we have not refused, with their arguments" {
	plan rcpt <<-'END'
		case $MILTER_RECIPIENT in
		*two*) say reject ;;
		esac
		save "rcpt-$MILTER_RECIPIENT_DOMAIN"
	END
	echo save | plan data
	session h '-mail <>' '-rcpt <r@one> NOTIFY=NEVER ORCPT=rfc822;x' \
	    'rcpt <r@two> =~ y.*' '-rcpt "<\"a b\"@three>"' -data
	lines_are rcpt-one recipients 1
	lines_are rcpt-two recipients 2
	lines_are rcpt-three recipients 2
	lines_are rcpt-three recipient '<"a b"@three>'
	lines_are rcpt-three recipient-argument
	lines_are data recipient '<r@one>' '<"a b"@three>'
	grep -A99 '^sender ' "$GOT/data" | grep '^recipient' | grep -v '^recipients' >"$GOT/order"
	printf '%s\n' 'recipient <r@one>' 'recipient-domain one' \
	    'recipient-argument NOTIFY=NEVER' 'recipient-argument ORCPT=rfc822;x' \
	    'recipient <"a b"@three>' 'recipient-domain three' |
	    diff - "$GOT/order"
}

@test "blocks: escapes in values" {
	echo save | plan mail
	echo 'save "$MILTER_HEADER_NAME"' | plan header
	echo 'save' | plan unknown
	session h <<-END
		macro M i=Q1 {x}=a\\\\b\nc\rd\te\x01\x7f\xfc {lead}=\sx\s {tab}=\tx\t {sp}=\s
		-mail <a@b.example>
		-rcpt <a@b.example>
		-unknown FOO\x0b\\\\n
		-data
		-header X-Fold one\n\ttwo\n three
		-header X-Two \s\stwo\s
		-headerraw X-None v
		-headerraw X-Tab \tv
		-header X-Empty
		-headerraw X-Nothing
	END
	grep -qxF 'macro x a\\b\nc\rd'"$(printf '\te')"'\0001\0177'"$(printf '\374')" "$GOT/mail"
	grep -qxF 'macro lead \0040x\0040' "$GOT/mail"
	grep -qxF 'macro tab \0011x\0011' "$GOT/mail"
	grep -qxF 'macro sp \0040' "$GOT/mail"
	grep -qxF 'command FOO\0013\\n' "$GOT/unknown"
	assert_equal "$(lines_of X-Fold header-value)" 'one\n'"$(printf '\t')"'two\n three'
	assert_equal "$(lines_of X-Two header-value)" '\0040 two\0040'
	assert_equal "$(lines_of X-None header-value)" v
	assert_equal "$(lines_of X-Tab header-value)" '\0011v'
	grep -qx 'header-value ' "$GOT/X-Empty"
	grep -qx 'header-value ' "$GOT/X-Nothing"
}

@test "blocks: mail can't make lines of its own" {
	echo save | plan rcpt
	mta h <<-END
		-optneg
		-connect $HOST
		-helo x\nevent rcpt\ncontext evil 1
		-mail "<a\ncontext evil 2@b.example>" "X=\ncontext evil 3"
		-rcpt "<a\r\n\ncontext evil 4@b.example>"
		quit
	END
	lines_are rcpt context
	assert_equal "$(grep -c '^event' "$GOT/rcpt")" 1
	lines_are rcpt recipient '<a\r\n\ncontext evil 4@b.example>'
}

@test "blocks: a header value is the same where the space is not kept" {
	echo 'save "$MILTER_HEADER_NAME"' | plan header
	session h '-optneg 6 0x1ff 0x0fffff' -mail -rcpt -data '-headerraw X-One v' \
	    '-headerraw X-Two \sv'
	lines_are X-One header-value v
	lines_are X-Two header-value '\0040v'
}

@test "blocks: the domain is in lower case, empty where there is none" {
	local i=0 a

	echo 'save "mail$MILTER_HELO"' | plan mail
	for a in '<A@EXAMPLE.Org>=example.org' '<postmaster>=' '<>=' \
	    '"<\"x@y\"@Z.ORG>"=z.org' '<@relay:u@D.org>=d.org' 'u@D.org=d.org' '<u@>='; do
		i=$((i + 1))
		mta h <<-END
			-optneg
			-connect $HOST
			-helo $i
			-mail ${a%=*}
			quit
		END
		assert_equal "$(lines_of "mail$i" sender-domain)" "${a##*=}"
	done
}

@test "blocks: lines leave out what they do not name, not the event's own" {
	HOST=lines.example
	new_client "$HOST"
	save_all lines
	{
		printf '%s\n' 'event connect' 'session S' complete
		client_lines
		echo @
	} | golden connect
	golden rcpt <<-'END'
		event rcpt
		session S
		message M
		complete
		helo client.example
		sender <Alice@Example.ORG>
		recipients 1
		recipient <bob@Example.net>
		recipient-domain example.net
		recipient-argument NOTIFY=NEVER
		@
	END
	golden data <<-'END'
		event data
		session S
		message M
		complete
		helo client.example
		sender <Alice@Example.ORG>
		@
	END
	assert_equal "$(variable data MILTER_SENDER)" '<Alice@Example.ORG>'
	assert_equal "$(variable data MILTER_CLIENT_HOST)" ''
}

# --- the environment

@test "environment: at rcpt" {
	save_all h
	env_is rcpt <<-END
		MILTER_CLIENT_ADDRESS=192.0.2.7
		MILTER_CLIENT_FAMILY=inet
		MILTER_CLIENT_HOST=$HOST
		MILTER_CLIENT_PORT=4321
		MILTER_EVENT=rcpt
		MILTER_HELO=client.example
		MILTER_MACRO_i=Q1
		MILTER_MACRO_j=mx.example
		MILTER_MESSAGE=M
		MILTER_QUEUE_ID=Q1
		MILTER_RECIPIENT=<bob@Example.net>
		MILTER_RECIPIENTS=<bob@Example.net>
		MILTER_RECIPIENT_COUNT=1
		MILTER_RECIPIENT_DOMAIN=example.net
		MILTER_SENDER=<Alice@Example.ORG>
		MILTER_SENDER_DOMAIN=example.org
		MILTER_SESSION=S
	END
}

@test "environment: what only some events have" {
	save_all h
	assert_equal "$(variable header MILTER_HEADER_NAME)" Subject
	assert_equal "$(variable header MILTER_HEADER_VALUE)" hello
	assert_equal "$(variable unknown MILTER_COMMAND)" 'FOO bar'
	assert_equal "$(variable end-of-message MILTER_SIZE)" 28
	assert_equal "$(variable connect MILTER_HELO)" ''
	env_is connect <<-END
		MILTER_CLIENT_ADDRESS=192.0.2.7
		MILTER_CLIENT_FAMILY=inet
		MILTER_CLIENT_HOST=$HOST
		MILTER_CLIENT_PORT=4321
		MILTER_EVENT=connect
		MILTER_MACRO_j=mx.example
		MILTER_SESSION=S
	END
}

@test "environment: all recipients, one a line, the last one, how many" {
	echo save | plan data
	session h '-mail <>' '-rcpt <a@one>' '-rcpt <b@two>' '-rcpt <c\n@three>' -data
	assert_equal "$(variable data MILTER_RECIPIENTS)" '<a@one>
<b@two>
<c\n@three>'
	assert_equal "$(variable data MILTER_RECIPIENT)" '<c\n@three>'
	assert_equal "$(variable data MILTER_RECIPIENT_DOMAIN)" three
	assert_equal "$(variable data MILTER_RECIPIENT_COUNT)" 3
}

@test "environment: names get underscores, values escapes" {
	answer connect 'set my-Name a\nb'
	echo save | plan mail
	session h 'macro M {auth-type.x}=a\\b {é}=2 {BASH_FUNC_ls%%}=x' -mail
	assert_equal "$(variable mail MILTER_CONTEXT_my_Name)" 'a\nb'
	assert_equal "$(variable mail MILTER_MACRO_auth_type_x)" 'a\\b'
	tr '\0' '\n' <"$GOT/mail.env" | grep '^MILTER_MACRO_BASH_FUNC_ls__=x$'
	if tr '\0' '\n' <"$GOT/mail.env" | grep '%%'; then false; fi
}

@test "environment: what every handler has, and nothing of the daemon's" {
	local names

	echo save | plan mail
	session h -mail
	assert_equal "$(variable mail PIPEMILTER_PROTOCOL)" 1
	assert_equal "$(variable mail PIPEMILTER_HANDLER)" h
	assert_equal "$(variable mail LC_ALL)" C
	assert_equal "$(variable mail PYTHONUNBUFFERED)" 1
	assert_equal "$(variable mail PATH)" \
	    /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	[ -n "$(variable mail HOME)" ]
	[ -n "$(variable mail USER)" ]
	assert_equal "$(variable mail LOGNAME)" "$(variable mail USER)"
	[ -d "$(variable mail TMPDIR)" ]
	assert_equal "$(stat -c %a "$(variable mail TMPDIR)")" 700
	# PWD and its kind are the shell's own.
	names=$(tr '\n\0' '\r\n' <"$GOT/mail.env" | sed 's/=.*//' |
	    grep -Ev '^(MILTER_.*|PWD|OLDPWD|SHLVL|_)$' | LC_ALL=C sort | tr '\n' ' ')
	assert_equal "$names" 'HOME LC_ALL LOGNAME PATH PIPEMILTER_HANDLER PIPEMILTER_PROTOCOL PLANS PYTHONUNBUFFERED TMPDIR USER '
}

@test "environment: the option overrides, adds and takes the daemon's" {
	echo save | plan mail
	session environment-h -mail
	assert_equal "$(variable mail A)" 'b c'
	assert_equal "$(variable mail LC_ALL)" C.UTF-8
	assert_equal "$(variable mail PASSED)" value
	assert_equal "$(variable mail SECRET)" ''
	if tr '\0' '\n' <"$GOT/mail.env" | grep '^ABSENT'; then false; fi
}

@test "environment: a value over 8 KiB is left out, named, and in the block" {
	echo 'save' | plan header
	session h -mail -rcpt -data '-headerfill X-Long 8193'
	assert_equal "$(variable header MILTER_HEADER_NAME)" X-Long
	assert_equal "$(variable header MILTER_OMITTED)" MILTER_HEADER_VALUE
	assert_equal "$(variable header MILTER_HEADER_VALUE)" ''
	assert_equal "$(lines_of header header-value | wc -c)" 8194
}

@test "environment: 8 KiB exactly is not left out" {
	echo 'save' | plan header
	session h -mail -rcpt -data '-headerfill X-Long 8192'
	assert_equal "$(variable header MILTER_OMITTED)" ''
	assert_equal "$(variable header MILTER_HEADER_VALUE | wc -c)" 8193
}

@test "environment: all of them stay below 96 KiB" {
	local i total

	echo 'save' | plan mail
	{
		echo "hello $HOST"
		printf 'macro M'
		for ((i = 10; i < 17; i++)); do
			printf ' {big%d}=%08000d' "$i" 0
		done
		printf '\nmacro R'
		for ((i = 20; i < 27; i++)); do
			printf ' {big%d}=%08000d' "$i" 0
		done
		printf '\n-mail <a@b.example>\n'
		printf 'macro R'
		for ((i = 20; i < 28; i++)); do
			printf ' {big%d}=%08000d' "$i" 0
		done
		printf '\n-rcpt <a@b.example>\nquit\n'
	} >"$BATS_TEST_TMPDIR/s"
	echo save | plan rcpt
	mta h <"$BATS_TEST_TMPDIR/s"
	total=$(tr '\0' '\n' <"$GOT/rcpt.env" | grep -a '^MILTER_' | wc -c)
	[ "$total" -le $((96 * 1024 + 512)) ]
	[ "$total" -gt $((80 * 1024)) ]
	case $(variable rcpt MILTER_OMITTED) in
	*MILTER_MACRO_big*) ;;
	*) false ;;
	esac
	assert_equal "$(grep -c '^macro big' "$GOT/rcpt")" 15
}

# --- verdicts

# command_of STAGE CLIENT
command_of() {
	case $1 in
	connect) echo "connect $2" ;;
	helo) echo 'helo client.example' ;;
	mail) echo 'mail <a@b.example>' ;;
	rcpt) echo 'rcpt <r@b.example>' ;;
	data) echo data ;;
	header) echo 'header A b' ;;
	end-of-headers) echo eoh ;;
	body) echo 'body text' ;;
	end-of-message) echo eom ;;
	unknown) echo 'unknown FOO' ;;
	esac
}

# up_to STAGE CLIENT EXPECTATION: a connection of its own, up to that stage
up_to() {
	local s before

	printf '%s\n' "use $2" -optneg
	before=$STAGES
	[ "$1" != unknown ] || before='connect helo mail rcpt unknown'
	for s in $before; do
		if [ "$s" = "$1" ]; then
			echo "$(command_of "$s" "$2") $3"
			break
		fi
		echo "-$(command_of "$s" "$2")"
	done
	echo quit
}

# at_stages SOCKET CODE STAGE=EXPECTATION ...: CODE is run at each stage
# in a session of its own.
at_stages() {
	local sock=$1 code=$2 e client

	shift 2
	for e in "$@"; do
		client=${e%%=*}.$HOST
		echo "$code" | plan -c "$client" "${e%%=*}"
		up_to "${e%%=*}" "$client" "${e#*=}"
	done >"$BATS_TEST_TMPDIR/s"
	mta "$sock" -t 90 <"$BATS_TEST_TMPDIR/s"
}

# everywhere EXPECTATION [STAGE=EXPECTATION ...]: all stages, some otherwise
everywhere() {
	local s o found all=$1

	shift
	for s in $STAGES; do
		found=$all
		for o in "$@"; do
			[ "${o%%=*}" != "$s" ] || found=${o#*=}
		done
		echo "$s=$found"
	done
}

table() {
	local rows

	mapfile -t rows < <(everywhere "${@:3}")
	at_stages "$1" "$2" "${rows[@]}"
}

@test "verdicts: continue at every event" {
	table h 'say continue' '=> continue'
}

@test "verdicts: nothing printed is continue at every event" {
	table h ':' '=> continue'
}

@test "verdicts: accept at all but unknown" {
	table h 'say accept' '=> accept' "unknown=$FAILED" \
	    'end-of-message==~ accept|continue'
}

@test "verdicts: reject at every event" {
	table h 'say "reject 553 5.1.8 go away"' '=> y "553 5.1.8 go away"'
}

@test "verdicts: reject alone is 550 5.7.1 with some text" {
	table h 'say reject' '=~ y "550 5\.7\.1 .+"'
}

@test "verdicts: tempfail at every event" {
	table h 'say "tempfail 450 4.2.1 later"' '=> y "450 4.2.1 later"'
}

@test "verdicts: tempfail alone is 451 4.7.1 with some text" {
	table h 'say tempfail' '=~ y "451 4\.7\.1 .+"'
}

@test "verdicts: discard from mail to end-of-message" {
	table h 'say discard' '=> discard' "connect=$FAILED" "helo=$FAILED" \
	    "unknown=$FAILED"
}

@test "verdicts: skip at header and body" {
	table h 'say skip' "$FAILED" 'header==> continue' 'body==> skip'
}

@test "verdicts: shutdown at every event" {
	table h 'say "shutdown bye now"' '=> y "421 4.7.0 bye now"'
}

@test "verdicts: shutdown alone has some text" {
	table h 'say shutdown' '=~ y "421 4\.7\.0 .+"'
}

@test "verdicts: reject at each end of the reply syntax" {
	local l want

	while IFS='|' read -r l want; do
		answer mail "$l"
		session h "mail =~ $want"
	done <<-'END'
		reject 554|y "554 5\.\d+\.\d+ .+"
		reject 554 5.6.0|y "554 5\.6\.0 .+"
		reject 5.1.1 no such user|y "550 5\.1\.1 no such user"
		reject no such user|y "550 5\.7\.1 no such user"
		reject 550 no such user|y "550 5\.7\.1 no such user"
		reject 550 1.2.3.4 is listed|y "550 5\.7\.1 1\.2\.3\.4 is listed"
		reject 100% spam|y "550 5\.7\.1 100%% spam"
		reject 550 5.7.1 %d%s%%n|y "550 5\.7\.1 %%d%%s%%%%n"
		reject 450 4.2.2 text|y "550 5\.7\.1 text"
		reject 250 2.0.0 text|y "550 5\.7\.1 text"
		reject 999 text|y "550 5\.7\.1 text"
		reject 550 4.7.1 text|y "550 5\.7\.1 text"
		reject 550 5.7.1000 text|y "550 5\.7\.1 text"
		tempfail 550 5.1.1 text|y "451 4\.7\.1 text"
		tempfail 452 4.3.1 full|y "452 4\.3\.1 full"
		tempfail 421 4.3.2 closing|y "421 4\.3\.2 closing"
		reject 550 5.7.1 one\ntwo\nthree|y "550-5\.7\.1 one\\r\\n550-5\.7\.1 two\\r\\n550 5\.7\.1 three"
		reject 550 5.7.1 a\0001b\rc|y "550 5\.7\.1 a\?b\?c"
		reject 550 5.7.1 back\\slash \z|y "550 5\.7\.1 back\\\\slash \\\\z"
	END
}

@test "verdicts: text that is not ASCII becomes question marks" {
	answer mail "$(printf 'reject 550 5.7.1 \303\274ber')"
	session h 'mail => y "550 5.7.1 ??ber"'
}

@test "verdicts: text is cut to 480 bytes a line and 32 lines" {
	answer mail "reject 550 5.7.1 $(printf '%0600d' 0)"
	session h 'mail =~ y "550 5\.7\.1 0{480}"'
	answer mail "reject 550 5.7.1 $(printf 'l\\n%.0s' $(seq 40))"
	session h 'mail =~ y "(550-5\.7\.1 l\\r\\n){31}550 5\.7\.1 l"'
}

@test "verdicts: a mended refusal is logged" {
	echo 'save; say "reject 450 4.2.2 text"' | plan mail
	session h 'mail => y "550 5.7.1 text"'
	log_says mail 'its reply "450 4.2.2 text" was mended: wrong code'
}

@test "verdicts: a mended refusal without codes is logged as it was" {
	echo 'save; say "reject a\rb"' | plan mail
	session h 'mail => y "550 5.7.1 a?b"'
	log_says mail 'its reply "a\rb" was mended: not printable ASCII'
}

@test "verdicts: accept at connect ends all but disconnect" {
	echo 'note "$MILTER_EVENT"; say accept' | plan answers.connect
	echo 'note "$MILTER_EVENT"' | plan answers.any
	session answers-told -optneg message 'eom => continue'
	wait_notes connect disconnect
}

@test "verdicts: accept at helo ends all but disconnect, also reports" {
	echo 'note "$MILTER_EVENT"; say accept' | plan answers.helo
	echo 'note "$MILTER_EVENT"' | plan answers.any
	session answers-told -optneg message 'eom => continue' '-mail <b@b.example>' abort
	wait_notes connect helo disconnect
}

@test "verdicts: accept at connect by all is told to the MTA" {
	echo 'note "$MILTER_EVENT"; say accept' | plan connect
	mta abc <<-END
		-optneg
		connect $HOST => accept
		quit
	END
	notes_are connect connect connect
}

@test "verdicts: accept at mail ends the message for that handler, not the session" {
	echo 'note "a $MILTER_EVENT $MILTER_SENDER"; say accept' | plan a.mail
	echo 'note "a $MILTER_EVENT $MILTER_SENDER"' | plan a.any
	echo 'note "b $MILTER_EVENT $MILTER_SENDER"' | plan b.data
	session abc message 'eom => continue' '-mail <two@b.example>'
	notes_are 'a connect ' 'a helo ' 'a mail <s@a.example>' \
	    'b data <s@a.example>' 'a mail <two@b.example>'
}

@test "verdicts: the MTA is told accept only when all handlers have" {
	echo 'say accept' | plan a.mail
	echo 'say accept' | plan b.rcpt
	echo 'say accept' | plan c.data
	session abc 'mail => continue' 'rcpt => continue' 'data => accept'
}

@test "verdicts: the MTA is not told accept while an action waits" {
	printf '%s\n' 'say "add-header X-A v" accept' | plan mail
	echo 'note asked' | plan rcpt
	echo 'note asked' | plan end-of-message
	session h 'mail => continue' 'rcpt => continue' eom
	says_at_end 'h "X-A" " v"' continue
	notes_are
}

@test "verdicts: skip at body by one of several is continue until all have" {
	echo 'say skip' | plan a.body
	echo 'say skip' | plan b.body
	plan c.body <<-'END'
		if [ -e "$d/got/once" ]; then say skip; fi
		: >"$d/got/once"
	END
	session abc -mail -rcpt 'body one => continue' 'body two => skip' \
	    'eom => continue' -mail -rcpt 'body one => skip'
}

@test "verdicts: skip at header and body ask that handler no more" {
	echo 'note "$MILTER_EVENT"; say skip' | plan header
	echo 'note "$MILTER_EVENT"; say skip' | plan body
	session h -mail -rcpt '-header A b' '-header C d' 'body x => skip' \
	    'body y =~ skip|continue' 'eom => continue' -mail -rcpt '-header A b'
	notes_are header body header
}

# --- exit statuses and the end of output

@test "exits: 0, 75, 111, 100 and the others" {
	table h 'exit 0' '=> continue'
	table h 'exit 75' '=~ y "451 4\.7\.1 .+"'
	table h 'exit 111' '=~ y "451 4\.7\.1 .+"'
	table h 'exit 100' '=~ y "550 5\.7\.1 .+"'
}

@test "exits: any other status, and a signal, is a failure" {
	local code

	for code in 'exit 1' 'exit 2' 'exit 99' 'exit 255' 'kill -9 $$' 'kill -TERM $$' 'kill -SEGV $$'; do
		at_stages h "$code" "connect=$FAILED" "rcpt=$FAILED" \
		    "end-of-message=$FAILED"
	done
}

@test "exits: on-exit says what a status means" {
	at_stages exits 'exit 1' 'mail==> y "554 5.7.1 Virus found"' \
	    'connect==> y "554 5.7.1 Virus found"'
	at_stages exits 'exit 2' 'mail==> discard' 'end-of-message==> discard'
	at_stages exits 'exit 3' 'mail==> continue'
	at_stages exits 'exit 4' 'mail==> accept'
	at_stages exits 'exit 75' 'mail==> continue'
	at_stages exits 'exit 100' 'mail==~ y "550 .*'
	at_stages exits 'exit 5' "mail=$FAILED"
}

@test "exits: on-exit where the event has no such verdict" {
	at_stages exits 'exit 2' 'connect==~ y "451 .*' 'unknown==~ y "451 .*'
	at_stages exits 'exit 4' 'unknown==> continue'
}

@test "exits: on-exit with a star" {
	at_stages exits-all 'exit 1' 'mail==> continue'
	at_stages exits-all 'exit 9' 'mail==> y "451 4.3.9 other"'
	at_stages exits-all 'exit 0' 'mail==> continue'
}

@test "exits: the actions printed before count" {
	plan mail <<-'END'
		say 'add-header X-A v'
		exit 0
	END
	session h -mail -rcpt eom
	says_at_end 'h "X-A" " v"' continue
}

@test "exits: a verdict counts whatever the process does then" {
	at_stages h 'say "reject 550 5.1.1 no"; exit 1' 'mail==> y "550 5.1.1 no"'
	at_stages h 'say continue; kill -9 $$' 'mail==> continue'
	at_stages h 'say accept; exit 100' 'mail==> accept'
}

@test "exits: a last line without line feed counts if the status is 0" {
	at_stages h 'printf %s "reject 550 5.1.1 no"; exit 0' \
	    'mail==> y "550 5.1.1 no"'
	at_stages h 'printf %s "reject 550 5.1.1 no"; exit 1' "mail=$FAILED"
	at_stages h 'printf "add-header X-A v"' 'end-of-message='
	says <<-END
		end-of-message.$HOST> end-of-message: h "X-A" " v"
		end-of-message.$HOST> end-of-message: continue
	END
}

@test "exits: what comes behind the verdict is logged and has no effect" {
	plan mail <<-'END'
		save
		say continue 'add-header X-A v' reject
	END
	session h -mail -rcpt 'eom => continue'
	log_says mail add-header
}

@test "exits: a handler that never reads its input" {
	at_stages h 'exec <&-; say "reject 550 5.1.1 no"' 'mail==> y "550 5.1.1 no"'
}

@test "exits: empty lines, and CR before a line feed, are ignored" {
	at_stages h 'printf "\n\r\n\nreject 550 5.1.1 no\r\n"' \
	    'mail==> y "550 5.1.1 no"'
}

# --- malformed replies

@test "malformed: each kind of bad line is a failure" {
	local line

	while IFS= read -r line; do
		answer mail "$line"
		session h "mail $FAILED"
	done <<-'END'
		hello
		CONTINUE
		Continue
		 continue
		continue-not
		add-header
		add-header X-A
		add-header X:A v
		add-header X\0040A v
		add-header X-A a\nb
		add-header X-A a\rb
		add-header X-A a\n
		add-header X-A a\n\nb
		add-header X-A nul\0000
		add-header X-A big\0400
		insert-header X-A v
		insert-header -1 X-A v
		insert-header 1x X-A v
		insert-header 4294967296 X-A v
		insert-header 2147483648 X-A v
		change-header X-A v
		change-header X-A 0 v
		change-header X-A 1
		delete-header
		delete-header X-A x
		delete-header X:A
		change-sender
		add-recipient
		delete-recipient
		replace-body
		replace-body x
		replace-body 3
		replace-body -3
		set
		set 1a v
		set a.b v
		set aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa v
		unset 1a
		discard-not
		reject\n
		event mail
	END
	# A tab before a verdict, which the loop's here-document would lose.
	answer mail "$(printf '\tcontinue')"
	session h "mail $FAILED"
}

@test "malformed: NULs and garbage are failures" {
	at_stages h 'printf "continue\0\n"' "mail=$FAILED"
	at_stages h 'printf "\0\0\0\n"' "mail=$FAILED"
	at_stages h 'printf "\377\376\n"' "mail=$FAILED"
	at_stages h 'head -c 5000 /dev/urandom | tr -d "\n"; echo' "mail=$FAILED"
}

@test "malformed: the line stands in the log, made visible" {
	echo 'save; printf "bad\033line\001\n"' | plan mail
	session h "mail $FAILED"
	log_says mail '"bad\033line\001", after '
	if daemon_log | grep -q "$(printf '\033')"; then false; fi
}

@test "malformed: a NUL does not hide what stands behind it" {
	echo 'save; printf "bad\0line\n"' | plan mail
	session h "mail $FAILED"
	log_says mail '"bad^@'
	log_says mail '", after '
}

@test "malformed: good actions before a bad line are lost" {
	answer rcpt 'add-header X-Kept no' 'set x 1' nonsense
	answer mail 'add-header X-Also no'
	echo save | plan end-of-message
	session soft -mail 'rcpt => continue' 'eom => continue'
	lines_are end-of-message context
}

@test "malformed: a failure costs the handler what it asked for before, and nobody else" {
	answer soft.mail 'add-header X-Early v'
	answer a.mail 'add-header X-A v'
	echo 'exit 1' | plan soft.rcpt
	answer soft.data 'add-header X-Late v'
	session soft-a -mail -rcpt -data eom
	says_at_end 'h "X-A" " v"' 'h "X-Late" " v"' continue
}

@test "malformed: a value of 64 letters is a name" {
	answer connect "set a$(printf '%063d' 0) v"
	echo save | plan mail
	session h -mail
	lines_are mail context "a$(printf '%063d' 0) v"
}

# --- on-failure at every event

@test "on-failure: accept, and continue at unknown" {
	table fail-accept 'exit 1' '=> accept' 'unknown==> continue' \
	    'end-of-message==~ accept|continue'
}

@test "on-failure: continue" {
	table fail-continue 'exit 1' '=> continue'
}

@test "on-failure: discard, and tempfail at connect, helo and unknown" {
	table fail-discard 'exit 1' '=> discard' 'connect==~ y "451 4.*' \
	    'helo==~ y "451 4.*' 'unknown==~ y "451 4.*'
}

@test "on-failure: reject and tempfail" {
	table fail-reject 'exit 1' '=~ y "550 5\.7\.1 .*'
	table fail-tempfail 'exit 1' '=~ y "451 4\.7\.1 .*'
}

@test "on-failure: a text with lines and a percent sign" {
	table fail-text 'exit 1' '=~ y "552-5\.2\.2 Mailbox\\r\\n552 5\.2\.2 full 100%%"'
}

# --- actions

# edits PLAN-LINE...: what these actions at the end become
edits() {
	answer end-of-message "$@"
	session h '-mail <s@a.example>' '-rcpt <Bob@B.example>' '-rcpt <al@b.example>' \
	    -data '-header X-S one' '-header Subject hello' '-header X-S two' \
	    '-header x-s three' -eoh '-body text' eom
}

@test "actions: add-header" {
	edits 'add-header X-A some value' continue
	says_at_end 'h "X-A" " some value"' continue
}

@test "actions: add-header folded, with escapes and 8-bit" {
	edits 'add-header X-A one\n\0011two\n three' \
	    "$(printf 'add-header X-B \303\274')" 'add-header X-C a\\b%n' continue
	says_at_end 'h "X-A" " one\n\ttwo\n three"' 'h "X-B" " \xc3\xbc"' \
	    'h "X-C" " a\\b%n"' continue
}

@test "actions: a second add of a name goes behind the first" {
	edits 'add-header X-A one' 'add-header X-B b' 'add-header x-a two' continue
	says_at_end 'h "X-A" " one"' 'h "X-B" " b"' 'i 2147483647 "x-a" " two"' continue
}

@test "actions: insert-header from the highest index down" {
	edits 'insert-header 0 X-Top t' 'insert-header 1 X-A a' \
	    'insert-header 5 X-E e' 'insert-header 1 X-B b' continue
	says_at_end 'i 5 "X-E" " e"' 'i 1 "X-A" " a"' 'i 1 "X-B" " b"' 'i 0 "X-Top" " t"' \
	    continue
}

@test "actions: change-header" {
	edits 'change-header X-S 2 new' 'change-header subject 1 other' continue
	output=$(printf '%s\n' "$output" | LC_ALL=C sort -r)
	says_at_end 'm 2 "X-S" " new"' 'm 1 "subject" " other"' continue
}

@test "actions: delete-header of all goes from the last to the first" {
	edits 'delete-header X-S' continue
	says_at_end 'm 3 "X-S" ""' 'm 2 "X-S" ""' 'm 1 "X-S" ""' continue
}

@test "actions: delete-header of some goes from the highest down" {
	edits 'delete-header X-S 1' 'delete-header X-S 3' continue
	says_at_end 'm 3 "X-S" ""' 'm 1 "X-S" ""' continue
}

@test "actions: a header that is deleted twice is deleted once" {
	edits 'delete-header X-S 2' 'delete-header X-S' 'delete-header X-S 2' continue
	says_at_end 'm 3 "X-S" ""' 'm 2 "X-S" ""' 'm 1 "X-S" ""' continue
}

@test "actions: deleting a header that is not there does nothing and is logged" {
	echo 'save mail' | plan mail
	edits 'delete-header X-None' 'delete-header X-S 4' continue
	says_at_end continue
	log_says mail X-None
}

@test "actions: changing a header that is not there is a failure" {
	edits 'add-header X-A v' 'change-header X-S 4 new' continue
	says_at_end 'y "554 5.3.0 failed"'
	edits 'change-header X-None 1 new' continue
	says_at_end 'y "554 5.3.0 failed"'
}

@test "actions: that failure costs the others' actions nothing" {
	answer a.mail 'add-header X-A v'
	answer soft.rcpt 'add-header X-Soft v' 'change-header X-None 1 new'
	session a-soft message eom
	says_at_end 'h "X-A" " v"' continue
}

@test "actions: change-sender" {
	edits 'change-sender <new@x.example>' continue
	says_at_end 'e "<new@x.example>"' continue
	edits 'change-sender <>' continue
	says_at_end 'e "<>"' continue
	edits 'change-sender new@x.example RET=HDRS ENVID=q1' continue
	says_at_end 'e "<new@x.example>" "RET=HDRS ENVID=q1"' continue
}

@test "actions: add-recipient with and without brackets and arguments" {
	edits 'add-recipient joe@x.example' 'add-recipient <jim@x.example>' \
	    'add-recipient <ann@x.example> NOTIFY=NEVER ORCPT=rfc822;a' \
	    'add-recipient "a b"@x.example' continue
	says_at_end '+ "<joe@x.example>"' '+ "<jim@x.example>"' \
	    '2 "<ann@x.example>" "NOTIFY=NEVER ORCPT=rfc822;a"' '+ "<\"a b\"@x.example>"' \
	    continue
}

@test "actions: delete-recipient in any spelling, as the MTA has it" {
	edits 'delete-recipient Bob@b.EXAMPLE' 'delete-recipient <al@b.example>' continue
	says_at_end '- "<Bob@B.example>"' '- "<al@b.example>"' continue
}

@test "actions: deleting a recipient that is not there does nothing and is logged" {
	echo 'save mail' | plan mail
	edits 'delete-recipient bob@b.example' 'delete-recipient x@y' continue
	says_at_end continue
	log_says mail 'x@y'
}

@test "actions: a recipient that was refused is none of the message" {
	answer end-of-message 'delete-recipient <bad@b.example>'
	echo 'case $MILTER_RECIPIENT in *bad*) say reject;; esac' | plan rcpt
	session h -mail '-rcpt <good@b.example>' 'rcpt <bad@b.example> =~ y.*' \
	    'eom => continue'
}

@test "actions: quarantine" {
	edits 'quarantine looks like spam' continue
	says_at_end 'q "looks like spam"' continue
}

@test "actions: replace-body, with its line ends" {
	plan end-of-message <<-'END'
		printf 'replace-body 11\none\ntwo\r\nx\ncontinue\n'
	END
	session h message eom show-body
	says 'end-of-message: b 13' 'end-of-message: continue' \
	    'body "one\r\ntwo\r\nx\r\n"'
}

@test "actions: replace-body of nothing empties the body" {
	edits 'replace-body 0' continue
	says_at_end 'b 0' continue
}

@test "actions: replace-body that looks like lines, and all bytes" {
	plan end-of-message <<-'END'
		printf 'replace-body 18\nreject\n\0\001\377\r\n\ncrlf\n\nadd-header X-A v\ncontinue\n'
	END
	session h message eom show-body
	says 'end-of-message: h "X-A" " v"' 'end-of-message: b 21' \
	    'end-of-message: continue' 'body "reject\r\n\x00\x01\xff\r\n\r\ncrlf\r\n"'
}

@test "actions: replace-body with newlines = crlf is taken as it is" {
	plan end-of-message <<-'END'
		printf 'replace-body 6\na\nb\r\nccontinue\n'
	END
	session crlf message eom show-body
	says 'end-of-message: b 6' 'end-of-message: continue' 'body "a\nb\r\nc"'
}

@test "actions: replace-body of 200000 bytes" {
	plan end-of-message <<-'END'
		echo replace-body 200000
		head -c 200000 /dev/zero | tr '\0' x
		echo continue
	END
	session h message eom "save-body $BATS_TEST_TMPDIR/body"
	assert_equal "$(printf '%s\n' "$output" | sed -n 's/.*: b //p' |
	    awk '$1 > 65535 { exit 1 } { n += $1 } END { print n }')" 200000
	head -c 200000 /dev/zero | tr '\0' x | cmp - "$BATS_TEST_TMPDIR/body"
}

@test "actions: replace-body before the end of the message is a failure" {
	answer mail 'replace-body 0' continue
	session h "mail $FAILED"
}

@test "actions: a second replace-body is a failure of whoever sends it" {
	edits 'replace-body 0' 'replace-body 0' continue
	says_at_end 'y "554 5.3.0 failed"'
	answer a.end-of-message 'replace-body 0' 'add-header X-A v' continue
	answer soft.end-of-message 'add-header X-Soft v' 'replace-body 0' continue
	session a-soft message eom
	says_at_end 'h "X-A" " v"' 'b 0' continue
}

@test "actions: the order in which they are sent" {
	edits 'quarantine q' 'replace-body 0' 'add-recipient n@x.example' \
	    'add-header X-New v' 'insert-header 1 X-Ins v' 'delete-header X-S 3' \
	    'change-header X-S 1 c' 'delete-header Subject' \
	    'delete-recipient al@b.example' 'change-sender <n@x.example>' continue
	assert_equal "$(printf '%s\n' "$output" | sed 's/^end-of-message: //' |
	    cut -c 1 | tr -d '\n' | tr -- '+2e-' 'vvvv')" mmmihvvvqbc
}

@test "actions: where the leading space is not kept none is added" {
	answer end-of-message 'add-header X-A v' 'insert-header 1 X-B v' \
	    'change-header Subject 1 v' continue
	session h '-optneg 6 0x1ff 0x0fffff' message eom
	says_at_end 'm 1 "Subject" "v"' 'i 1 "X-B" "v"' 'h "X-A" "v"' continue
}

@test "actions: given at any event they are sent at the end, in order" {
	local e

	for e in mail rcpt data header end-of-headers body unknown end-of-message; do
		answer "$e" "add-header X-$e v"
	done
	session h -mail -rcpt '-unknown FOO' -data '-header A b' -eoh '-body text' eom
	says_at_end 'h "X-mail" " v"' 'h "X-rcpt" " v"' 'h "X-unknown" " v"' \
	    'h "X-data" " v"' 'h "X-header" " v"' 'h "X-end-of-headers" " v"' \
	    'h "X-body" " v"' 'h "X-end-of-message" " v"' continue
}

@test "actions: at connect and helo they are failures" {
	local e

	for e in 'add-header X-A v' 'insert-header 0 X-A v' 'delete-header X-A' \
	    'change-sender <>' 'add-recipient a@b.example' 'quarantine x' \
	    'set-message a b'; do
		at_stages h "say '$e'" "connect=$FAILED" "helo=$FAILED"
	done
	at_stages h 'say "set a b" "log some text" "unset a" progress continue' \
	    'connect==> continue' 'helo==> continue'
}

@test "actions: those of a refused recipient are dropped, the earlier ones stay" {
	answer mail 'add-header X-Mail v'
	plan rcpt <<-'END'
		say "add-header X-$MILTER_RECIPIENT_DOMAIN v"
		case $MILTER_RECIPIENT_DOMAIN in
		bad) say reject ;;
		esac
	END
	session h -mail '-rcpt <r@one>' 'rcpt <r@bad> =~ y.*' '-rcpt <r@two>' eom
	says_at_end 'h "X-Mail" " v"' 'h "X-one" " v"' 'h "X-two" " v"' continue
}

@test "actions: an earlier handler's are dropped when a later one refuses the event" {
	answer a.rcpt 'add-header X-A v'
	answer b.mail 'add-header X-B v'
	echo 'case $MILTER_RECIPIENT in *bad*) say reject;; esac' | plan b.rcpt
	session abc -mail 'rcpt <bad@b.example> =~ y.*' '-rcpt <good@b.example>' eom
	says_at_end 'h "X-B" " v"' 'h "X-A" " v"' continue
}

@test "actions: when the message is refused none is sent" {
	answer mail 'add-header X-A v'
	answer end-of-message 'add-header X-B v' 'reject 550 5.7.1 no'
	session h message 'eom => y "550 5.7.1 no"'
	says </dev/null
}

@test "actions: an abort forgets them" {
	plan mail <<-'END'
		[ -e "$d/got/once" ] || say 'add-header X-A v'
		: >"$d/got/once"
	END
	session h -mail -rcpt abort message 'eom => continue'
}

@test "actions: one that is not listed is a failure" {
	at_stages listed 'say "add-header X-A v"' "mail=$FAILED"
	at_stages listed 'say "quarantine x"' 'mail==> continue'
	at_stages listed 'say "set a b" "set-message c d" "log x" progress "unset a"' \
	    'mail==> continue'
}

@test "actions: one that the MTA did not agree to is a failure" {
	answer mail 'change-sender <>'
	session h '-optneg 6 0x3f 0x1fffff' "mail $FAILED"
	answer mail 'add-recipient a@b.example NOTIFY=NEVER'
	session h '-optneg 6 0x3f 0x1fffff' "mail $FAILED"
	answer mail 'add-recipient a@b.example'
	session h '-optneg 6 0x3f 0x1fffff' -mail -rcpt eom
	says_at_end '+ "<a@b.example>"' continue
}

@test "actions: log is one line with session and queue id" {
	plan mail <<-'END'
		save
		say 'log said\nthis'
	END
	session h 'macro M i=QUEUE77' -mail
	log_says mail said
	log_of mail | grep 'QUEUE77' | grep -q 'said.*this'
}

@test "actions: progress restarts the timeout and sends nothing before the end" {
	at_stages h 'say progress; sleep 0.2; say progress continue' 'mail==> continue'
}

# --- context

@test "context: a set is in every later block, of any handler" {
	answer a.connect 'set x one' 'set y two words'
	echo 'save b' | plan b.connect
	echo 'save mail' | plan c.mail
	answer a.data 'unset x' 'set y three'
	echo 'save data' | plan b.data
	echo 'save second' | plan c.rcpt
	session abc -mail -rcpt -data abort -mail
	lines_are b context 'x one' 'y two words'
	assert_equal "$(variable b MILTER_CONTEXT_y)" 'two words'
	assert_equal "$(lines_of data context)" 'y three'
	lines_are mail context 'y three'
}

@test "context: set-message ends with the message, and uncovers the session's" {
	answer connect 'set x session'
	plan rcpt <<-'END'
		case $MILTER_SENDER in
		*one*) say 'set-message x message' 'set-message z 1' ;;
		esac
	END
	echo 'save "data$MILTER_SENDER_DOMAIN"' | plan data
	session h '-mail <one@one>' '-rcpt <r@b.example>' -data 'eom => continue' \
	    '-mail <two@two>' '-rcpt <r@b.example>' -data
	assert_equal "$(lines_of dataone context | sort)" "$(printf 'x message\nz 1')"
	lines_are datatwo context 'x session'
}

@test "context: set-message ends with an abort too" {
	answer mail 'set-message x 1'
	echo 'save "rcpt$MILTER_RECIPIENT_DOMAIN"' | plan rcpt
	plan mail <<-'END'
		[ -e "$d/got/once" ] || say 'set-message x 1'
		: >"$d/got/once"
	END
	session h -mail '-rcpt <r@one>' abort -mail '-rcpt <r@two>'
	lines_are rcptone context 'x 1'
	lines_are rcpttwo context
}

@test "context: a set in answer to a refused recipient holds" {
	echo 'say "set refused yes" "reject 550 5.1.1 no"' | plan rcpt
	echo save | plan data
	session h -mail 'rcpt => y "550 5.1.1 no"' -data
	lines_are data context 'refused yes'
}

@test "context: a set in a reply that fails does not hold" {
	answer rcpt 'set refused yes' nonsense
	echo save | plan data
	session h -mail "rcpt $FAILED" -data
	lines_are data context
}

@test "context: values are escaped, empty ones are there" {
	answer connect 'set empty ' 'set esc a\\b\nc' 'set blank \0040'
	echo save | plan mail
	session h -mail
	grep -qx 'context empty ' "$GOT/mail"
	grep -qxF 'context esc a\\b\nc' "$GOT/mail"
	grep -qxF 'context blank \0040' "$GOT/mail"
}

@test "context: it does not reach another session" {
	answer connect 'set x one'
	echo save | plan -c "other.$HOST" mail
	mta h <<-END
		use a
		hello $HOST
		use b
		hello other.$HOST
		-mail <a@b.example>
		quit
		use a
		quit
	END
	GOT=$PLANS/other.$HOST/got
	lines_are mail context
}

# --- several handlers

@test "several: each event goes to all, in order" {
	local h

	for h in a b c; do
		echo "note $h "'"$MILTER_EVENT"' | plan "$h.any"
	done
	session abc -mail
	notes_are 'a connect' 'b connect' 'c connect' 'a helo' 'b helo' 'c helo' \
	    'a mail' 'b mail' 'c mail'
}

@test "several: the first refusal wins, those after it are not asked" {
	echo 'note a' | plan a.rcpt
	echo 'note b; say "tempfail 450 4.1.1 b"' | plan b.rcpt
	echo 'note c; say "reject 550 5.1.1 c"' | plan c.rcpt
	session abc -mail 'rcpt => y "450 4.1.1 b"'
	notes_are a b
}

@test "several: discard and shutdown win too, accept and skip do not" {
	echo 'say accept' | plan a.mail
	echo 'say discard' | plan b.mail
	echo 'note c' | plan c.mail
	session abc 'mail => discard'
	notes_are
	echo 'say skip' | plan a.header
	rm "$PLANS/$HOST/b.mail"
	echo 'say "shutdown off"' | plan b.header
	session abc -mail -rcpt 'header A b => y "421 4.7.0 off"'
}

@test "several: reports come after the answer, with who gave it" {
	echo 'say "reject 550 5.1.1 no\nsuch"' | plan b.rcpt
	echo 'save "told-$MILTER_EVENT"' | plan told.any
	session abc-told -mail 'rcpt =~ y.*'
	lines_are told-rcpt answer 'reject 550 5.1.1 no\nsuch'
	lines_are told-rcpt answered-by b
	lines_are told-rcpt recipient '<a@b.example>'
	lines_are told-mail answer continue
	lines_are told-mail answered-by
}

# --- reports

@test "reports: the answer of a failure, and of a discard" {
	echo 'case $MILTER_RECIPIENT in "<a@"*) exit 1;; esac' | plan b.rcpt
	echo 'say discard' | plan b.data
	echo 'o=told-$MILTER_EVENT; [ -e "$d/got/$o" ] || save "$o"' | plan told.any
	session abc-told -mail "rcpt $FAILED" '-rcpt <b@b.example>' 'data => discard'
	lines_are told-rcpt answer 'reject 554 5.3.0 failed'
	lines_are told-rcpt answered-by b
	lines_are told-data answer discard
	lines_are told-data answered-by b
}

@test "reports: none of a message that this handler accepted early" {
	echo 'note "$MILTER_EVENT"; say accept' | plan answers.mail
	echo 'note "$MILTER_EVENT"' | plan answers.any
	session answers-told -mail -rcpt -data abort
	wait_notes connect helo mail disconnect
}

@test "reports: in order, none is dropped" {
	local i want=()

	echo 'note "$MILTER_EVENT $MILTER_HEADER_NAME"' | plan any
	{
		printf '%s\n' "hello $HOST" '-mail <a@b.example>' '-rcpt <a@b.example>' -data
		for i in $(seq 40); do
			echo "-header X-$i v"
		done
		printf '%s\n' -eoh '-body x' '-eom' quit
	} >"$BATS_TEST_TMPDIR/s"
	mta told <"$BATS_TEST_TMPDIR/s"
	want=('connect ' 'helo ' 'mail ' 'rcpt ' 'data ')
	for i in $(seq 40); do
		want+=("header X-$i")
	done
	wait_notes "${want[@]}" 'end-of-headers ' 'body ' 'end-of-message ' \
	    'disconnect '
}

@test "reports: output and status mean nothing" {
	local e

	for e in $STAGES; do
		printf '%s\n' 'note "$MILTER_EVENT"' 'say reject' 'exit 3' | plan "$e"
	done
	echo 'note "$MILTER_EVENT"; exit 1' | plan disconnect
	session told message 'eom => continue'
	wait_notes connect helo mail rcpt data header end-of-headers body \
	    end-of-message disconnect
}

@test "reports: abort once a message, whatever the cause" {
	local s

	echo 'note "$MILTER_EVENT $MILTER_SENDER"; save "abort$MILTER_SENDER_DOMAIN"' | plan abort
	mta told <<-END
		hello $HOST
		-mail <a@ABORT>
		abort
		abort
		-mail <a@mail>
		-mail <a@helo>
		-rcpt <a@b.example>
		-helo other
		-mail <a@next>
		quit_nc
		-connect $HOST
		-mail <a@done>
		-rcpt <a@b.example>
		eom => continue
		abort
		-mail <a@quit>
		quit
		use b
		hello $HOST
		-mail <a@eof>
		drop
	END
	for s in ABORT mail helo next quit eof; do
		wait_for grep -q "@$s>" "$GOT/notes"
	done
	assert_equal "$(sort "$GOT/notes" | tr '\n' ' ')" \
	    'abort <a@ABORT> abort <a@eof> abort <a@helo> abort <a@mail> abort <a@next> abort <a@quit> '
	lines_are aborteof answer
	lines_are aborteof sender '<a@eof>'
	grep -qx 'report abort' "$GOT/aborteof"
}

@test "reports: abort when a handler refused or discarded the message" {
	echo 'say "reject 550 5.7.1 no"' | plan b.data
	echo 'say discard' | plan b.mail
	plan b.mail <<-'END'
		case $MILTER_SENDER in
		*discard*) say discard ;;
		*reject*) say reject ;;
		esac
	END
	echo 'note "$MILTER_EVENT $MILTER_SENDER"' | plan told.abort
	echo 'say "reject 550 5.7.1 no"' | plan b.body
	session abc-told 'mail <discard@b.example> => discard' \
	    'mail <reject@b.example> =~ y.*' '-mail <body@b.example>' -rcpt \
	    'body x => y "550 5.7.1 no"' '-mail <other@b.example>'
	wait_notes 'abort <discard@b.example>' 'abort <reject@b.example>' \
	    'abort <body@b.example>' 'abort <other@b.example>'
}

@test "reports: a refusal at end-of-message is no abort" {
	echo 'say "reject 550 5.7.1 no"' | plan b.end-of-message
	echo 'note "$MILTER_EVENT"' | plan told.abort
	echo 'note "$MILTER_EVENT"' | plan told.end-of-message
	echo 'note "$MILTER_EVENT"' | plan told.disconnect
	session abc-told message 'eom =~ y.*'
	wait_notes end-of-message disconnect
}

@test "reports: disconnect has its reason" {
	local s

	echo 'save' | plan disconnect
	for s in quit=quit drop=closed quit_nc=next; do
		mta told <<-END
			hello $HOST
			-mail <a@b.example>
			${s%=*}
			wait-file $GOT/disconnect
		END
		got disconnect
		lines_are disconnect reason "${s#*=}"
		lines_are disconnect answer
		lines_are disconnect message
		rm "$GOT/disconnect"
	done
}

@test "reports: lines do not take the answer away" {
	HOST=lines-told.example
	new_client "$HOST"
	echo save | plan data
	session lines-told 'macro M i=Q5' -mail -rcpt -data
	golden data <<-'END'
		report data
		session S
		message M
		complete
		answer continue
		macro i Q5
		@
	END
}

@test "reports: a slow reporter slows nobody else" {
	plan any <<-'END'
		while [ ! -e "$d/go" ]; do sleep 0.05; done
	END
	mta told <<-END
		use slow
		hello $HOST
		message
		eom => continue
		use fast
		hello fast.example
		message
		eom => continue
		quit
		touch $PLANS/$HOST/go
		use slow
		quit
	END
}

# --- bodies and line ends

payload_is() {
	got "$1"
	sed '1,/^$/d' "$GOT/$1" >"$GOT/payload"
	printf "$2" | cmp - "$GOT/payload"
	lines_are "$1" length "$(wc -c <"$GOT/payload" | tr -d ' ')"
}

count_bodies() {
	plan body <<-'END'
		n=$(($(cat "$d/got/n" 2>/dev/null || echo 0) + 1))
		echo "$n" >"$d/got/n"
		save "body$n"
	END
}

@test "bodies: CRLF becomes LF, nothing else changes" {
	count_bodies
	session h -mail -rcpt '-body one\r\ntwo\nthree\rfour\r\r\n\0\xff\r\n' \
	    'eom => continue'
	payload_is body1 'one\ntwo\nthree\rfour\r\n\0\377\n'
}

@test "bodies: a CR at the end of a piece waits for the next" {
	count_bodies
	session h -mail -rcpt '-body one\r' '-body \ntwo\r' '-body x\r' '-body \r\n' \
	    'eom => continue'
	payload_is body1 'one'
	payload_is body2 '\ntwo'
	payload_is body3 '\rx'
	payload_is body4 '\r\n'
}

@test "bodies: a piece that is empty then is not sent" {
	count_bodies
	session h -mail -rcpt '-body \r' '-body \n' 'eom => continue'
	payload_is body1 '\n'
	[ ! -e "$GOT/body2" ]
}

@test "bodies: a lone CR at the end comes in a block of its own" {
	count_bodies
	echo 'note "$(cat "$d/got/n")"' | plan end-of-message
	session h -mail -rcpt '-body one\r' 'eom => continue'
	payload_is body1 one
	payload_is body2 '\r'
	notes_are 2
}

@test "bodies: a refusal of that CR is the answer to the end" {
	plan body <<-'END'
		case $(cat) in
		*one) ;;
		*) say 'reject 550 5.6.0 lone CR' ;;
		esac
	END
	echo 'note asked' | plan end-of-message
	session h -mail -rcpt '-body one\r' 'eom => y "550 5.6.0 lone CR"'
	notes_are
}

@test "bodies: newlines = crlf leaves the bytes as they are" {
	count_bodies
	session crlf -mail -rcpt '-body one\r' '-body \ntwo\r' 'eom => continue'
	payload_is body1 'one\r'
	payload_is body2 '\ntwo\r'
	[ ! -e "$GOT/body3" ]
}

@test "bodies: size counts headers and body with CRLF, all pieces" {
	echo save | plan end-of-message
	session h -mail -rcpt -data '-header A b\n c' '-headerraw NoSpace v' -eoh \
	    '-body one\r\n' '-body two' 'eom => continue'
	# "A: b" CRLF " c" CRLF, "NoSpace:v" CRLF, CRLF, 5 and 3 bytes
	lines_are end-of-message size $((6 + 4 + 11 + 2 + 5 + 3))
}

@test "bodies: 10 MB to a handler that reads them" {
	plan body <<-'END'
		cat >/dev/null
	END
	mta h -t 60 <<-END
		hello $HOST
		-mail <a@b.example>
		-rcpt <a@b.example>
		-bodyfill 10000000
		eom => continue
		quit
	END
}

# --- hooks

@test "hooks: each executable is run for its event" {
	echo 'note "$MILTER_EVENT"' | plan any
	echo 'note "$MILTER_EVENT"; say "add-header X-A v"' | plan end-of-message
	session hooks optneg -mail -rcpt eom -mail abort
	assert_output_has 'asks connect-,helo-,mail,rcpt-,header- '
	assert_output_has 'h "X-A" " v"'
	wait_notes mail end-of-message mail abort disconnect
}

@test "hooks: one that can't be run is a warning, other names are ignored" {
	log_has rcpt
	if daemon_log | grep -q README; then false; fi
}

@test "reports: end-of-message after the refusal of a CR that ended the body" {
	plan a.body <<-'END'
		case $(cat) in
		*one) ;;
		*) say 'reject 550 5.6.0 lone CR' ;;
		esac
	END
	echo save | plan told.end-of-message
	echo 'note abort' | plan told.abort
	echo 'note over' | plan told.disconnect
	session abc-told -mail -rcpt '-body one\r' 'eom => y "550 5.6.0 lone CR"'
	lines_are end-of-message answer 'reject 550 5.6.0 lone CR'
	lines_are end-of-message answered-by a
	wait_notes over
}

@test "bodies: no size where a part of the body was kept away" {
	echo 'say skip' | plan body
	echo save | plan end-of-message
	session h -mail -rcpt '-header A b' -eoh 'body one => skip' 'eom => continue'
	lines_are end-of-message event end-of-message
	lines_are end-of-message size
}
