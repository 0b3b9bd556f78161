#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The shipped handlers behind a mail server, each with the section of configuration
# in its comment: what an SMTP client is answered, and what is delivered. Which
# server is in the name of the file: sendmail.bats is a link to
# postfix.bats.

bats_require_minimum_version 1.5.0
MTA=${BATS_TEST_FILENAME##*/}
export MTA=${MTA%.bats}
load ../lib/common
load "../lib/$MTA"
load ../lib/mta
load ../lib/shipped

only() {
	[ "$MTA" = "$1" ] || skip "only with $1"
}

# Sendmail has no XCLIENT: all its clients are local. It takes ten ports at most.
WITH_SENDMAIL='authentication-results bcc limit-recipients plus-address quarantine
    rate-limit reject-helo tag-subject'

setup_file() {
	local why

	test_setup
	why=$(mta_missing)
	if [ -n "$why" ]; then
		export MTA_MISSING=$why
		return 0
	fi
	MTAS=$WORK/mta
	SINK=$WORK/sink
	CASES=$WORK/cases
	PORTS=$WORK/ports
	export MTAS SINK CASES PORTS
	mkdir -p "$MTAS" "$SINK" "$CASES"
	shipped_setup
	start_sink
	start_dns
	write_files
	sections
	if [ "$MTA" = postfix ]; then
		start_postfix
	else
		start_sendmail
	fi
}

teardown_file() {
	local rc=0

	stop_daemon dns TERM 143 || rc=1
	mta_teardown_file || rc=1
	return "$rc"
}

setup() {
	mta_setup
}

teardown() {
	mta_teardown
}

start_dns() {
	local dir=$DAEMONS/dns

	DNS_PORT=$(free_port)
	export DNS_PORT
	printf '%s\n' '9.113.0.203.zen.example.org A 127.0.0.3' \
	    '9.113.0.203.zen.example.org TXT seen in a trap' \
	    '10.113.0.203.zen.example.org A 127.0.0.12' >"$WORK/zone"
	mkdir "$dir"
	keep_daemon dns python3 "$LIB_DIR/peers/dns_server.py" "$DNS_PORT" "$WORK/zone" \
	    "$WORK/asked"
	wait_for tcp_listens "$DNS_PORT"
}

# write_files: the files that the sections name, and stand-ins for programs that scan mail
write_files() {
	printf '%s\n' 'connections = 50' >"$WORK/global.section"
	printf '%s\n' '# Ours' '203.0.113.11' >"$ETC/friends"
	printf '%s\n' 'x-folded: make  money fast' >"$ETC/headers"
	printf '%s\n' 'bad.helo.test' >"$ETC/helo"
	printf '%s\n' '*@refused.test' >"$ETC/senders"
	printf '%s\n' 'A disclaimer.' >"$ETC/disclaimer.txt"
	printf '%s\n' '<p>A disclaimer.</p>' >"$ETC/disclaimer.html"
	sed -n "s/^#	*\(.* -> .*\)/\1/p" "$TOP_DIR/handlers/quarantine" |
	    sed '/^FIELD/d' >"$ETC/quarantine"
	write_handler clamdscan <<'END'
if grep -q 'virus of the test'; then
	printf '%s\n' 'stream: Test.Virus-1 FOUND'
	exit 1
fi
printf '%s\n' 'stream: OK'
END
	write_handler tools/spamc <<'END'
cat >"$TMPDIR/mail"
score=1.5
! grep -q '^Subject: spam' "$TMPDIR/mail" || score=20.0
printf '%s\n' "X-Spam-Status: No, score=$score required=5.0"
cat "$TMPDIR/mail"
END
}

# Each section in $WORK/NAME.section, and in $PORTS a line with the name, the port
# of the mail server that has this handler, and one for the milter.
sections() {
	local name

	for name in "$TOP_DIR"/handlers/*; do
		name=${name##*/}
		[ "$MTA" = postfix ] || [[ " ${WITH_SENDMAIL//$'\n'/ } " == *" $name "* ]] ||
			continue
		shipped_here "$name" >"$WORK/$name.section"
		echo "$name $(free_port) $(free_port)"
	done >"$PORTS"
	# A port with all handlers
	[ "$MTA" = sendmail ] || echo "all $(free_port)" >>"$PORTS"
}

# shipped_here NAME: the section, with the settings that a test on loopback needs
shipped_here() {
	local set=()

	case $1 in
	archive)	set=('DOMAINS=y.test') ;;
	authentication-results)
			set=('TRUSTED_CLIENTS=192.0.2.1') ;;
	bcc)		set=('DOMAINS=y.test') ;;
	clamav)		set=("SCANNER=$HANDLERS/clamdscan --no-summary -") ;;
	count-message)	set=("COUNT_FILE=$OUT/count") ;;
	disclaimer)	set=('DOMAINS=x.test') ;;
	dnsbl)		set=("RESOLVERS=127.0.0.1@$DNS_PORT"
			    "ALLOW_CLIENTS=$ETC/friends") ;;
	greylist)	set=('DELAY=2s') ;;
	limit-recipients)
			set=('MAX=2') ;;
	plus-address)	set=('DOMAINS=y.test') ;;
	rate-limit)	set=("DATABASE=$STATE/rate-limit.db" 'MESSAGES=2/5m 1000/1d'
			    'RECIPIENTS=5/1h') ;;
	reject-helo)	set=('TRUSTED=192.0.2.*') ;;
	spamassassin)	set=("PATH=$HANDLERS/tools:/usr/bin:/bin") ;;
	tag-subject)	set=('TRUSTED=192.0.2.*') ;;
	esac
	shipped "$1" "${set[@]}"
}

start_postfix() {
	local name port handlers

	while read -r name port _; do
		handlers=
		[ "$name" = all ] || handlers="handlers = {$name}"
		echo "listen 'unix:$WORK/$name.sock' { $handlers group = postfix }" >&8
		echo "127.0.0.1:$port inet n - n - - smtpd" \
		    "-o smtpd_milters=unix:$WORK/$name.sock" >&9
	done <"$PORTS" 8>"$WORK/listen" 9>"$WORK/master"
	start_daemon < <(cat "$WORK/listen" "$WORK"/*.section)
	printf '%s\n' 'milter_default_action = tempfail' \
	    'smtpd_authorized_xclient_hosts = 127.0.0.1' \
	    'mynetworks = 127.0.0.0/8, 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24' \
	    >"$WORK/main"
	mta_start full "$(free_port)" "$SINK_PORT" "@$WORK/main" "$WORK/master"
}

start_sendmail() {
	local name port milter

	while read -r name port milter; do
		echo "listen 'inet:$milter@127.0.0.1' { handlers = {$name} }" >&8
		echo "MAIL_FILTER(\`$name', \`S=inet:$milter@127.0.0.1, F=T, T=S:10s;R:10s')dnl" >&9
		echo "DAEMON_OPTIONS(\`Name=$name, Family=inet, Addr=127.0.0.1, Port=$port, InputMailFilters=$name')dnl" >&9
	done <"$PORTS" 8>"$WORK/listen" 9>"$WORK/mc"
	start_daemon < <(cat "$WORK/listen" "$WORK"/*.section)
	mta_start full "$(free_port)" "$SINK_PORT" "@$WORK/mc"
}

# behind NAME: from now on mail is sent through this handler.
behind() {
	FULL_PORT=$(awk -v name="$1" '$1 == name { print $2 }' "$PORTS")
}

play() {
	smtp "$FULL_PORT"
}

# client ADDRESS [NAME=VALUE ...]: script lines that make Postfix take the client
# for this one
client() {
	printf '%s\n' "XCLIENT ADDR=$*" "EHLO $KEY.test"
}

# mail SENDER RECIPIENT ...: script lines of one message, that of $T/message if it
# is there
mail() {
	local sender=$1 r

	shift
	[ -e "$T/message" ] || message "Subject: $KEY" >"$T/message"
	printf '%s\n' "MAIL FROM:<$sender>"
	for r; do
		printf '%s\n' "RCPT TO:<$r>"
	done
	printf '%s\n' DATA "@message $T/message"
}

# answers CODE N: so many replies begin with it.
answers() {
	assert_equal "$1: $(grep -c "^S: $1" "$T/replies")" "$1: $2"
}

accepted() {
	reply_like '250 2\.0\.0.*\([Qq]ueued\|accepted\)' && arrived "$@"
}

# recipients: of what arrived, in order
recipients() {
	sed -n 's/^RCPT TO:<\([^>]*\)>.*/\1/p' "$ENV" | sort | paste -sd' '
}

# --- who is refused

greylisted_client() {
	{ client 198.51.100.77; mail "$KEY@x.test" "$KEY@y.test"; } | play
}

greylist_lets_through() {
	greylisted_client
	reply_like '250 2\.0\.0'
}

@test "greylist: 451 the first time, accepted after the delay" {
	only postfix
	behind greylist
	greylisted_client
	reply '451 4.7.1 Greylisted, please try again in 2 seconds'
	no_reply_like 354
	wait_for greylist_lets_through
	arrived
	# As it stands in the section, all but this one.
	KEY=$KEY-allowed
	{ client 198.51.100.78 NAME=mx.friend.example; mail "$KEY@x.test" "$KEY@y.test"; } | play
	accepted
}

@test "greylist: clients that have logged in and local ones are not delayed" {
	only postfix
	behind greylist
	{ client 198.51.100.79 LOGIN=ann; mail "$KEY@x.test" "$KEY-in@y.test"; } | play
	accepted "$KEY-in"
	mail "$KEY@x.test" "$KEY-local@y.test" | play
	accepted "$KEY-local"
}

@test "dnsbl: who is listed is refused, with the reason that the list gives" {
	only postfix
	behind dnsbl
	{ client 203.0.113.9; mail "$KEY@x.test" "$KEY@y.test"; } | play
	reply '554 5.7.1 Client 203.0.113.9 is listed by zen.example.org: seen in a trap'
	not_delivered
	# Listed with an answer that doesn't count, and not listed at all
	{ client 203.0.113.10; mail "$KEY@x.test" "$KEY-10@y.test"; } | play
	accepted "$KEY-10"
	grep -F 10.113.0.203.bl.example.net "$WORK/asked"
	# A client in the file that ALLOW_CLIENTS names
	{ client 203.0.113.11; mail "$KEY@x.test" "$KEY-11@y.test"; } | play
	accepted "$KEY-11"
	run ! grep -F 11.113.0.203 "$WORK/asked"
}

@test "reject-sender: patterns of the section and of its file" {
	only postfix
	behind reject-sender
	printf 'MAIL FROM:<%s>\n' a@SPAM.example a@sub.example.net a@refused.test | play
	answers '550 5.7.1 Sender refused' 3
	{ client 203.0.113.12 LOGIN=ann; mail "$KEY@example.net" "$KEY-in@y.test"; } | play
	accepted "$KEY-in"
}

@test "reject-helo: the name that the client gives" {
	behind reject-helo
	# Sendmail says so from MAIL on.
	KEY=bad.helo
	mail "x@x.test" "refused-helo@y.test" | play
	reply_like '550 5\.7\.1 HELO refused'
	KEY=refused-helo
	not_delivered
	KEY=k$BATS_TEST_NUMBER
	mail "$KEY@x.test" "$KEY@y.test" | play
	accepted
}

@test "reject-header: a folded header that matches the file" {
	only postfix
	behind reject-header
	message $'X-Folded: make\r\n\tmoney fast' >"$T/message"
	mail "$KEY@x.test" "$KEY@y.test" | play
	reply '550 5.7.1 Message refused'
	not_delivered
	message 'Subject: now MAKE money  fast, all' >"$T/message"
	mail "$KEY@x.test" "$KEY@y.test" | play
	reply '550 5.7.1 Message refused'
	message 'X-Folded: make money slowly' >"$T/message"
	mail "$KEY@x.test" "$KEY-slow@y.test" | play
	accepted "$KEY-slow"
}

@test "require-tls: 530 in the clear, accepted over TLS" {
	only postfix
	behind require-tls
	{ client 203.0.113.13; mail "$KEY@bank.example" "$KEY@y.test"; } | play
	reply '530 5.7.0 Must issue a STARTTLS command first'
	not_delivered
	{
		client 203.0.113.13
		printf '%s\n' STARTTLS @starttls "EHLO $KEY.test"
		mail "$KEY@sub.bank.example" "$KEY-tls@y.test"
	} | play
	accepted "$KEY-tls"
	{ client 203.0.113.13; mail "$KEY@x.test" "$KEY-other@y.test"; } | play
	accepted "$KEY-other"
}

@test "limit-recipients: those up to the limit get the message" {
	behind limit-recipients
	mail "$KEY@x.test" "$KEY@y.test" "$KEY-2@y.test" "$KEY-3@y.test" | play
	answers '452 4.5.3 Too many recipients' 1
	accepted
	assert_equal "$(recipients)" "$KEY-2@y.test $KEY@y.test"
}

@test "rate-limit: messages and recipients that are too many" {
	local r=("$KEY-"{1,2,3,4,5,6}@y.test)

	behind rate-limit
	{
		mail "$KEY@x.test" "$KEY@y.test"
		mail "$KEY@x.test" "$KEY-second@y.test"
		mail "$KEY@x.test" "$KEY-third@y.test"
	} | play
	answers '250 2\.0\.0.*\([Qq]ueued\|accepted\)' 2
	reply_like '451 4\.7\.1 Too much mail, try again in [23][0-9][0-9] seconds$'
	arrived
	mail "$KEY-many@x.test" "${r[@]}" | play
	answers '451 4\.7\.1 Too much mail, try again in 3600 seconds' 1
	accepted "$KEY-1"
	assert_equal "$(recipients)" "${r[*]:0:5}"
	KEY=$KEY-third
	[ -z "$(in_sink "$KEY")" ]
}

@test "quarantine: held, refused, thrown away, marked, passed" {
	local held

	behind quarantine
	message 'Subject: Your =?utf-8?q?INVOICE?= of today' >"$T/message"
	mail "$KEY@x.test" "$KEY-held@y.test" | play
	answers '250 2\.0\.0.*\([Qq]ueued\|accepted\)' 1
	wait_for mta_holds 1
	rm "$T/message"
	{
		mail "$KEY@spam.example" "$KEY@y.test"
		mail "$KEY@x.test" "$KEY@y.test" "$KEY-press@press.example.org"
	} | play
	answers '550 5.7.1 Message refused' 1
	accepted "$KEY-press"
	has_header 'X-Directory: press'
	message 'X-Mailer: bulk mailer 1' >"$T/message"
	mail "$KEY@x.test" "$KEY-bulk@y.test" | play
	wait_for mta_holds 2
	[ -z "$(in_sink "$KEY-held")$(in_sink "$KEY-bulk")" ]
	[ "$MTA" = postfix ] || return 0
	# No rule below applies to this client.
	{ client 203.0.113.14; mail "$KEY@x.test" "$KEY-pass@y.test"; } | play
	accepted "$KEY-pass"
	{ client 192.0.2.14 NAME=a.dyn.example; mail "$KEY@x.test" "$KEY-dyn@y.test"; } | play
	wait_for mta_holds 3
}

mta_holds() {
	[ "$(mta_held full)" -eq "$1" ]
}

# --- what is changed

@test "plus-address: the recipient is rewritten, and each gets the message once" {
	behind plus-address
	mail "$KEY@x.test" "$KEY+detail@y.test" | play
	accepted
	assert_equal "$(recipients)" "$KEY@y.test"
	has_header "X-Original-To: $KEY+detail@y.test"
	mail "$KEY@x.test" "$KEY-b+1@y.test" "$KEY-b+2@Y.test" "$KEY-c+3@z.test" | play
	accepted "$KEY-b"
	# Each domain is a delivery of its own.
	wait_for in_sink "$KEY-c+3"
	grep -hi '^RCPT TO' "$SINK"/*.env | sed 's/.*<//; s/>.*//' | grep "^$KEY-[bc]" |
	    sort >"$T/got"
	assert_equal "$(paste -sd' ' "$T/got")" "$KEY-b@y.test $KEY-c+3@z.test"
	assert_equal "$(headers_named X-Original-To)" ''
}

@test "authentication-results: what claims to be ours is removed" {
	behind authentication-results
	message 'Authentication-Results: other.example; spf=pass' \
	    'Authentication-Results: mail.example.org; dkim=pass' \
	    'Authentication-Results: (x) A.mx.Example.ORG 1; none' \
	    $'authentication-results:\r\n\t"mail.example.org"; dmarc=pass' \
	    'Authentication-Results: last.example; spf=fail' >"$T/message"
	mail "$KEY@x.test" "$KEY@y.test" | play
	accepted
	assert_equal "$(headers_named Authentication-Results)" \
	    $'Authentication-Results: other.example; spf=pass\nAuthentication-Results: last.example; spf=fail'
}

@test "tag-subject: mail from outside" {
	behind tag-subject
	message 'Subject: 100% hello' >"$T/message"
	mail "$KEY@x.test" "$KEY@y.test" | play
	accepted
	assert_equal "$(headers_named Subject)" 'Subject: [EXTERNAL] 100% hello'
	message >"$T/message"
	mail "$KEY@x.test" "$KEY-none@y.test" | play
	accepted "$KEY-none"
	assert_equal "$(headers_named Subject)" 'Subject: [EXTERNAL]'
	[ "$MTA" = postfix ] || return 0
	message 'Subject: hello' >"$T/message"
	{ client 192.0.2.15; mail "$KEY@x.test" "$KEY-ours@y.test"; } | play
	accepted "$KEY-ours"
	assert_equal "$(headers_named Subject)" 'Subject: hello'
}

@test "add-client-header: who the client is" {
	only postfix
	behind add-client-header
	{ client 203.0.113.16 NAME=mx.x.test; mail "$KEY@x.test" "$KEY@y.test"; } | play
	accepted
	has_header 'X-Client-Address: mx.x.test [203.0.113.16]'
	mail "$KEY@x.test" "$KEY-unnamed@y.test" | play
	accepted "$KEY-unnamed"
	has_header 'X-Client-Address: [127.0.0.1]'
}

@test "bcc: a copy to one more recipient" {
	behind bcc
	mail "$KEY@x.test" "$KEY@y.test" | play
	accepted
	wait_for archive_has "$KEY@x.test"
	mail "$KEY-not@x.test" "$KEY-not@z.test" | play
	accepted "$KEY-not"
	assert_equal "$(recipients)" "$KEY-not@z.test"
	run ! archive_has "$KEY-not@x.test"
}

archive_has() {
	grep -li '^RCPT TO:<archive@example.org>' "$SINK"/*.env |
	    xargs grep -i "^MAIL FROM:<$1>"
}

# --- what is looked at

@test "archive: a copy in the maildir" {
	only postfix
	behind archive
	mail "$KEY@x.test" "$KEY@y.test" | play
	accepted
	grep -l "^X-Envelope-To: <$KEY@y.test>" "$OUT"/mail/archive/new/* >"$T/copies"
	assert_equal "$(wc -l <"$T/copies")" 1
	grep -x "Return-Path: <$KEY@x.test>" "$(cat "$T/copies")"
}

@test "attachments: a name that is refused" {
	only postfix
	behind attachments
	message 'Content-Type: application/octet-stream; name="a.EXE"' >"$T/message"
	mail "$KEY@x.test" "$KEY@y.test" | play
	reply '554 5.7.1 Attachment a.EXE is not accepted here'
	not_delivered
	message 'Content-Type: application/octet-stream; name="a.txt"' >"$T/message"
	mail "$KEY@x.test" "$KEY-txt@y.test" | play
	accepted "$KEY-txt"
}

@test "clamav: a virus is refused" {
	only postfix
	behind clamav
	message 'Subject: virus of the test' >"$T/message"
	mail "$KEY@x.test" "$KEY@y.test" | play
	reply '554 5.7.1 Virus found: Test.Virus-1'
	not_delivered
	rm "$T/message"
	mail "$KEY@x.test" "$KEY-clean@y.test" | play
	accepted "$KEY-clean"
}

@test "spamassassin: the headers that it adds, and the score that refuses" {
	only postfix
	behind spamassassin
	message 'Subject: spam' >"$T/message"
	{ client 203.0.113.17; mail "$KEY@x.test" "$KEY@y.test"; } | play
	reply '550 5.7.1 This looks like spam'
	not_delivered
	rm "$T/message"
	{ client 203.0.113.17; mail "$KEY@x.test" "$KEY-ham@y.test"; } | play
	accepted "$KEY-ham"
	has_header 'X-Spam-Status: No, score=1.5 required=5.0'
	assert_equal "$(headers_named Return-Path)" ''
	assert_equal "$(headers_named Received | grep -c .)" 1
}

@test "disclaimer: of mail with our domain" {
	only postfix
	behind disclaimer
	mail "$KEY@x.test" "$KEY@y.test" | play
	accepted
	body | tail -n 2 | tr -d '\r' >"$T/got"
	assert_equal "$(cat "$T/got")" $'\nA disclaimer.'
	mail "$KEY@z.test" "$KEY-z@y.test" | play
	accepted "$KEY-z"
	without_received "$MSG" >"$T/got"
	assert_same_file "$T/got" "$T/message"
}

@test "count-message and log-events: what they tell" {
	only postfix
	behind count-message
	{
		mail "$KEY@x.test" "$KEY@y.test"
		echo QUIT
	} | play
	accepted
	wait_log 'handler count-message: stderr: 1 messages, 28 bytes'
	grep ' 28$' "$OUT/count"
	behind log-events
	{
		echo 'NOSUCH command'
		mail "$KEY@x.test" "$KEY-log@y.test"
		echo QUIT
	} | play
	accepted "$KEY-log"
	wait_log 'handler log-events: stderr: disconnect; '
	log_has 'handler log-events: stderr: connect; client-host '
	log_has '; command NOSUCH; answer continue'
	log_has "; sender <$KEY@x.test>; sender-domain x.test; "
	log_has '; header-name To; header-value <to@y.test>'
}

@test "all of them at once" {
	only postfix
	behind all
	message "Subject: $KEY" 'Authentication-Results: mail.example.org; dkim=pass' \
	    >"$T/message"
	{
		client 203.0.113.50 NAME=mx.x.test
		mail "$KEY@x.test" "$KEY+d@y.test"
		echo QUIT
	} | play
	accepted
	assert_equal "$(recipients)" "archive@example.org $KEY@y.test"
	assert_equal "$(headers_named Authentication-Results)" ''
	has_header "Subject: [EXTERNAL] $KEY"
	has_header 'X-Client-Address: mx.x.test [203.0.113.50]'
	has_header "X-Original-To: $KEY+d@y.test"
	has_header 'X-Spam-Status: No, score=1.5 required=5.0'
	body >"$T/got"
	sed '1,/^\r*$/d' "$T/message" | assert_same_file /dev/stdin "$T/got"
	run ! log_has failure
	run ! log_has 'has no such setting'
}
