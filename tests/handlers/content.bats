#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The shipped handlers that look at whole messages, through pipemilter with
# milter-send, and with SpamAssassin and ClamAV themselves.

bats_require_minimum_version 1.5.0

load ../lib/common

setup() {
	test_setup
	cp -p "$TOP_DIR"/handlers/* "$HANDLERS"
	cd "$OUT" || return
}

teardown() {
	if [ -s "$WORK/spamd.pid" ]; then
		kill "$(cat "$WORK/spamd.pid")"
		wait_for test ! -s "$WORK/spamd.pid"
	fi
	test_teardown
}

# send NAME ARGUMENT...: sends the message on standard input through a shipped
# handler, configured as its comment says except for what the arguments change.
# The file "delivered" is the message as it would be delivered.
send() {
	local name=$1 users=()
	shift
	if [ -n "$ENGINE_USER" ]; then
		users=(-o "engine-user = $ENGINE_USER" -o "handler-user = $HANDLER_USER")
	fi
	rm -f delivered
	run --separate-stderr "$MILTER_SEND" -O delivered "${users[@]}" \
	    -o 'input = message' "$@" -x "$HANDLERS/$name"
	printf '%s\n' "status $status" "$output" "$stderr"
}

# said LINE: a line of what milter-send printed.
said() {
	grep -qxF -- "$1" <<<"$output"
}

# untouched FILE: it would be delivered just so.
untouched() {
	[ "$status" -eq 0 ]
	said 'delivered to 1 recipient'
	assert_same_file "$1" delivered
}

plain() {
	printf '%s\n' 'From: Alice <alice@example.org>' 'To: bob@example.net' \
	    'Subject: hello' 'X-Folded: one' '  two' '' 'Hello Bob,' '.' '' 'Alice'
}

# message PYTHON...: a message made by statements about m, an EmailMessage.
message() {
	python3 -c '
import sys, io, zipfile, email.policy
from email.message import EmailMessage
m = EmailMessage()
m["From"], m["Subject"] = "alice@example.org", "hello"
def zipped(*names, data=b"x"):
    z = io.BytesIO()
    with zipfile.ZipFile(z, "w") as f:
        for name in names:
            f.writestr(name, data)
    return z.getvalue()
exec(sys.argv[1])
sys.stdout.buffer.write(m.as_bytes(policy=email.policy.default.clone(linesep="\n")))
' "$1"
}

# spamassassin

start_spamd() {
	local socket=$WORK/spamd.sock
	mkdir -p "$WORK/sa"
	printf '%s\n' 'report_safe 0' 'use_bayes 0' \
	    'header T_FROM_TEST X-Spam-Relays-External =~ /ip=192\.0\.2\.7 .*helo=mx\.test /' \
	    'score T_FROM_TEST 0.5' \
	    'header T_SENDER EnvelopeFrom =~ /^<?alice\@example\.org>?$/' \
	    'score T_SENDER 0.25' 'score RCVD_ILLEGAL_IP 0' > "$WORK/sa/local.cf"
	cp /etc/spamassassin/*.pre "$WORK/sa"
	chmod 755 "$WORK/sa"
	(cd / && exec spamd -x -L -m 2 --min-children=1 --siteconfigpath="$WORK/sa" \
	    --socketpath="$socket" --socketmode=0666 -r "$WORK/spamd.pid" \
	    -s "$WORK/spamd.log" -d 3>&- 4>&-)
	wait_for -t 60 unix_listens "$socket"
}

@test "spamassassin: spamd's headers, the score that refuses, spamd out of order" {
	local options=(-o 'output = message' -o 'processes = 2'
	    -o "on-exit = {'1=reject 550 5.7.1 This looks like spam'}"
	    -o "on-failure = 'tempfail 451 4.7.1 Spam filter out of order'"
	    -c 192.0.2.7 -h mx.test -H mx.test -f alice@example.org)
	local env="SPAMC_OPTIONS=-U $WORK/spamd.sock"
	command -v spamd
	start_spamd
	{ printf '%s\n' 'Date: Thu, 19 Nov 2026 10:00:00 +0000' 'Message-Id: <1@example.org>'
	    plain; } > ham
	send spamassassin "${options[@]}" -o "environment = {'$env', 'REJECT_SCORE=15'}" < ham
	[ "$status" -eq 0 ]
	grep -q '^X-Spam-Status: No, score=' delivered
	# The headers that spamd alone gets say who the client and the sender are.
	grep -q 'T_FROM_TEST' delivered
	grep -q 'T_SENDER' delivered
	run ! grep -qE '^(Received|Return-Path):' delivered
	# The message itself is as it was.
	sed '/^X-Spam-/,/^[^[:blank:]]/{/^X-Spam-/d;/^[[:blank:]]/d}' delivered > rest
	assert_same_file ham rest

	{ plain; printf '%s\n' \
	    'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'; } > spam
	send spamassassin "${options[@]}" -o "environment = {'$env', 'REJECT_SCORE=15'}" < spam
	[ "$status" -eq 1 ]
	said 'rejected at end-of-message: 550 5.7.1 This looks like spam'
	# Without a limit of the score no message is refused.
	send spamassassin "${options[@]}" -o "environment = {'$env'}" < spam
	[ "$status" -eq 0 ]
	# spamc ends with 0 although its result found no room. The limit stands for a full disk.
	{ cat ham; printf '%040d\n' {1..500}; } > long
	run bash -c 'trap "" XFSZ; ulimit -f 8; SPAMC_OPTIONS="-U $1" exec "$2"' sh \
	    "$WORK/spamd.sock" "$TOP_DIR/handlers/spamassassin" < long
	[ "$status" -eq 2 ]
	[[ $output == *'File too large'*'what spamd returned could not be kept'* ]]
	grep -q '^X-Spam-Flag: YES' delivered
	assert_same_file <(sed '1,/^$/d' spam) <(sed '1,/^$/d' delivered)

	kill "$(cat "$WORK/spamd.pid")"
	wait_for test ! -s "$WORK/spamd.pid"
	send spamassassin "${options[@]}" -o "environment = {'$env'}" < ham
	[ "$status" -eq 75 ]
	said 'tempfailed at end-of-message: 451 4.7.1 Spam filter out of order'
	[[ $stderr == *'spamc ended with status '*': is spamd there, where SPAMC_OPTIONS says?'* ]]
}

# clamav

signatures() {
	printf '%s\n' 'Test.Signature:0:*:56697275732d546573742d5369676e6174757265' > "$WORK/test.ndb"
	chmod 644 "$WORK/test.ndb"
}

@test "clamav: a virus is refused or held, by name; a scanner out of order" {
	local scanner="SCANNER=clamscan -d $WORK/test.ndb --no-summary -"
	local options=(-o "received = no" -o "on-failure = 'tempfail 451 4.7.1 No scanner'")
	command -v clamscan
	signatures
	plain > clean
	send clamav "${options[@]}" -o "environment = {'$scanner'}" < clean
	untouched clean
	message 'm.set_content("see"); m.add_attachment(b"xx Virus-Test-Signature",
	    maintype="application", subtype="octet-stream", filename="a")' > infected
	run ! grep -q Virus-Test infected
	send clamav "${options[@]}" -o "environment = {'$scanner'}" < infected
	[ "$status" -eq 1 ]
	said 'rejected at end-of-message: 554 5.7.1 Virus found: Test.Signature.UNOFFICIAL'
	send clamav "${options[@]}" -o "environment = {'$scanner', 'ACTION=quarantine'}" < infected
	[ "$status" -eq 0 ]
	said 'quarantined: virus Test.Signature.UNOFFICIAL'
	send clamav "${options[@]}" -o "environment = {'SCANNER=clamscan -d /nowhere -'}" < clean
	[ "$status" -eq 75 ]
	said 'tempfailed at end-of-message: 451 4.7.1 No scanner'
	[[ $stderr == *'the scanner failed with status 2: '* ]]
	# Empty is as if it were not set, not a scanner that finds nothing.
	write_handler tools/clamdscan <<-END
		exec clamscan -d $WORK/test.ndb "\$@"
	END
	send clamav "${options[@]}" -o "environment = {'SCANNER=', 'ACTION=',
	    'PATH=$HANDLERS/tools:/usr/bin:/bin'}" < infected
	[ "$status" -eq 1 ]
	send clamav "${options[@]}" -o "environment = {'ACTION=drop'}" < clean
	[ "$status" -eq 75 ]
	[[ $stderr == *'ACTION is neither reject nor quarantine'* ]]
}

@test "clamav: what a scanner says can't become more than a name" {
	cat > "$HANDLERS/scanner" <<-'END'
		#!/bin/sh
		cat >/dev/null
		printf '%s\n' "$SAYS"
		exit 1
	END
	chmod 755 "$HANDLERS/scanner"
	plain > m
	send clamav -o "environment = {'SCANNER=$HANDLERS/scanner', 'SAYS=stream: a\\\\n%s FOUND'}" < m
	said 'rejected at end-of-message: 554 5.7.1 Virus found: of unknown name'
	send clamav -o "environment = {'SCANNER=$HANDLERS/scanner', 'SAYS=gibberish'}" < m
	said 'rejected at end-of-message: 554 5.7.1 Virus found: of unknown name'
}

# archive

copies() {
	local files=("$OUT"/maildir/new/*)
	[ -e "${files[0]}" ] || files=()
	echo "${#files[@]}"
}

@test "archive: a copy of what is wanted, with the envelope" {
	local options=(-o 'output = none')
	plain > m
	send archive "${options[@]}" -o "environment = {'MAILDIR=$OUT/maildir'}" \
	    -f '<>' -r '<"a b"@Example.NET>' -r b@example.com -c 192.0.2.7 < m
	[ "$status" -eq 0 ]
	assert_same_file m delivered
	[ "$(copies)" -eq 1 ]
	cat maildir/new/*
	assert_equal "$(sed -n '/^Return-Path: /p; /^X-Envelope-To: /p' maildir/new/*)" \
	    'X-Envelope-To: <"a b"@Example.NET>
X-Envelope-To: <b@example.com>
Return-Path: <>'
	grep -q '192\.0\.2\.7' maildir/new/*
	# Below them is the message, as it is.
	sed '1,/^From: /{/^From: /!d}' maildir/new/* > copy
	assert_same_file m copy
	[ "$(ls maildir/tmp)" = '' ]
	[ "$(stat -c %a maildir/new/*)" = 600 ]
}

@test "archive: only of domains, and from or to them" {
	local env="environment = {'MAILDIR=$OUT/maildir', 'DOMAINS=example.org *.example.org'}" n=0
	local wanted sender recipient
	while read -r wanted sender recipient; do
		plain | send archive -o 'output = none' -o "$env" -f "$sender" -r "$recipient"
		[ "$wanted" = no ] || n=$((n + 1))
		[ "$(copies)" -eq "$n" ] || { echo "$sender $recipient"; return 1; }
	done <<-'END'
		yes a@example.org b@example.net
		yes a@example.net b@sub.EXAMPLE.org
		no a@example.net b@notexample.org
		no <> b@example.net
		yes <> b@example.org
		no <"x@example.org"@example.net> b@example.net
	END
}

@test "archive: what can't be written is a failure" {
	plain > m
	send archive -o 'output = none' -o "environment = {'MAILDIR=/proc/maildir'}" < m
	[ "$status" -eq 75 ]
	[[ $stderr == *"the maildir /proc/maildir can't be made; do so with:\
 install -d -o ${HANDLER_USER:-$(id -un)} -m 0700 /proc/maildir"* ]]
	send archive -o 'output = none' < m
	[ "$status" -eq 75 ]
	[[ $stderr == *'MAILDIR is not set'* ]]
}

# attachments

refused() {
	[ "$status" -eq 1 ]
	said "rejected at end-of-message: 554 5.7.1 Attachment $1 is not accepted here"
}

@test "attachments: names in all their guises" {
	local how name
	plain > m
	send attachments -o 'received = no' < m
	untouched m
	while IFS='|' read -r name how; do
		message "m.set_content('see')
$how" > m
		send attachments < m
		if [ -n "$name" ]; then
			refused "$name" || { echo "$how"; return 1; }
		else
			[ "$status" -eq 0 ] || { echo "$how"; return 1; }
		fi
	done <<-'END'
		|m.add_attachment(b"x", maintype="application", subtype="x", filename="a.txt")
		a.EXE|m.add_attachment(b"x", maintype="application", subtype="x", filename="a.EXE")
		|m.add_attachment(b"x", maintype="application", subtype="x", filename="a.exe.txt")
		gr??e.exe|m.add_attachment(b"x", maintype="application", subtype="x", filename="grüße.exe")
		b.scr|m.add_attachment(b"x", maintype="image", subtype="png"); m.get_payload()[1].set_param("name", "b.scr")
		in.js|m.add_attachment(zipped("a/in.js"), maintype="application", subtype="x", filename="a.zip")
		deep.vbs|m.add_attachment(zipped("b.zip", data=zipped("deep.vbs")), maintype="application", subtype="x", filename="a.dat")
		|m.add_attachment(b"PK\5\6 is no archive", maintype="application", subtype="x", filename="a.zip")
	END
}

@test "attachments: raw headers, attached messages, types, what is done" {
	local part
	attached() {
		printf '%s\n' 'From: a@example.org' 'Content-Type: multipart/mixed; boundary=x' \
		    '' '--x' 'Content-Type: text/plain' '' 'see' '--x' "$@" '' 'data' '--x--'
	}
	attached 'Content-Disposition: attachment; filename="=?utf-8?B?YS5leGU=?="' > m
	send attachments < m
	refused a.exe
	attached "Content-Disposition: attachment; filename*0=a.e; filename*1=xe" > m
	send attachments < m
	refused a.exe
	attached "Content-Disposition: attachment; filename*=utf-8''a%2Eexe%20." > m
	send attachments < m
	refused 'a.exe .'
	attached 'Content-Type: message/rfc822' '' \
	    'Content-Disposition: attachment; filename="c:\dir\a.exe"' > m
	send attachments < m
	refused a.exe
	attached 'Content-Type: Application/HTA' > m
	send attachments < m
	[ "$status" -eq 0 ]
	send attachments -o "environment = {'TYPES=application/hta'}" < m
	refused application/hta
	send attachments -o "environment = {'TYPES=application/*', 'ANSWER=reject 550 5.7.0 No {name}'}" < m
	said 'rejected at end-of-message: 550 5.7.0 No application/hta'
	send attachments -o "environment = {'ANSWER=554 5.7.1 No'}" < m
	[ "$status" -eq 75 ]
	[[ $stderr == *"ANSWER is not an answer such as "*": 554 5.7.1 No"* ]]
	send attachments -o "environment = {'TYPES=application/*', 'ACTION=quarantine'}" < m
	said 'quarantined: attachment application/hta'
	send attachments -o "environment = {'TYPES=application/*', 'ACTION=tag'}" < m
	said 'header added: X-Attachment-Blocked: application/hta'
	send attachments -o "environment = {'TYPES=application/*', 'ACTION=', 'ANSWER='}" < m
	refused application/hta
	send attachments -o "environment = {'NAMES=*.exe, *.scr'}" < m
	[ "$status" -eq 75 ]
	[[ $stderr == *'NAMES must be separated by blanks, not by commas: *.exe, *.scr'* ]]
	send attachments -o "environment = {'ACTION=x'}" < m
	[ "$status" -eq 75 ]
	[[ $stderr == *'ACTION is none of'* ]]
}

@test "attachments: too many parts, too deep, and names that are an attack" {
	python3 -c 'print("Content-Type: multipart/mixed; boundary=x\n\n" + "--x\n\na\n" * 1500 + "--x--")' > m
	send attachments < m
	refused 'that is packed too deep or in too many parts'
	python3 -c 'print("".join("Content-Type: multipart/mixed; boundary=x%d\n\n--x%d\n" % (i, i) for i in range(3000)))' > m
	send attachments < m
	refused 'that is packed too deep or in too many parts'
	printf '%s\n' 'Content-Type: a/b; name="a\\n`touch pwned`%s' ' accept.exe"' '' 'x' > m
	send attachments < m
	[ "$status" -eq 1 ]
	said 'rejected at end-of-message: 554 5.7.1 Attachment n`touch pwned`%s? accept.exe is not accepted here'
	[ ! -e pwned ]
}

# disclaimer

disclaim() {
	local env="'TEXT_FILE=$WORK/text'"
	[ -z "${HTML-}" ] || env="$env, 'HTML_FILE=$WORK/html'"
	send disclaimer -o 'output = message' -o 'received = no' \
	    -o "environment = {$env${1:+, $1}}" -f alice@example.org
}

@test "disclaimer: appended to text, once, and the header stays" {
	printf 'Nothing of this is true.\n' > "$WORK/text"
	plain > m
	disclaim < m
	[ "$status" -eq 0 ]
	assert_same_file <(cat m; printf '\nNothing of this is true.\n') delivered
	run ! grep -q header <<<"$output"
	cp delivered once
	disclaim < once
	untouched once
	# Not ours to mark.
	disclaim "'DOMAINS=example.net'" < m
	untouched m
	disclaim "'DOMAINS=example.net, example.org'" < m
	[ "$status" -eq 75 ]
	[[ $stderr == *'DOMAINS must be in lower case, separated by blanks: example.net, '* ]]
	disclaim "'DOMAINS=example.net example.org'" < m
	assert_same_file once delivered
}

@test "disclaimer: without its files it says so in a line" {
	local file

	for file in "$WORK/none" "$WORK/text"; do
		printf '\377\n' > "$WORK/text"
		run -1 --separate-stderr env TEXT_FILE="$file" "$TOP_DIR/handlers/disclaimer" < /dev/null
		[[ "$stderr" == "TEXT_FILE: $file: "* ]]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[ -z "$output" ]
	done
}

# decoded: text and HTML of the delivered message as its reader sees them.
decoded() {
	python3 -c '
import email, email.policy, sys
m = email.message_from_binary_file(open("delivered", "rb"), policy=email.policy.default)
for p in m.walk():
    if p.get_content_maintype() == "text":
        sys.stdout.buffer.write(p.get_content().replace("\r\n", "\n").encode())
'
}

@test "disclaimer: files as editors on other systems write them, and empty ones" {
	plain > m
	printf '\357\273\277Nothing of this\r\nis true.\r\n' > "$WORK/text"
	disclaim < m
	assert_same_file <(cat m; printf '\nNothing of this\nis true.\n') delivered
	printf '\n' > "$WORK/text"
	disclaim < m
	[ "$status" -eq 75 ]
	[[ $stderr == *"TEXT_FILE: $WORK/text: is empty"* ]]
	printf 'Gr\374\337e\n' > "$WORK/text"
	disclaim < m
	[ "$status" -eq 75 ]
	[[ $stderr == *"TEXT_FILE: $WORK/text: expected text in UTF-8"* ]]
}

@test "disclaimer: in every encoding, and another character set if it must be" {
	local cte charset
	printf 'Für Sie — <nur>\n' > "$WORK/text"
	for charset in utf-8 iso-8859-1; do
		for cte in base64 quoted-printable 8bit; do
			message "m.set_content('Grüße\n', cte='$cte', charset='$charset')
m.add_alternative('<body>Grüße</body>\n', subtype='html', cte='$cte', charset='$charset')
m.add_attachment(bytes(range(256)), maintype='application', subtype='x', filename='a')" > m
			disclaim < m
			[ "$status" -eq 0 ]
			decoded > text
			assert_same_file text <(printf 'Grüße\n\nFür Sie — <nur>\n%s\n%s\n' \
			    '<body>Grüße<p>Für Sie — &lt;nur&gt;</p>' '</body>')
			# The last part is as it was.
			assert_same_file <(sed -n '/^Content-Type: application/,$p' m) \
			    <(sed -n '/^Content-Type: application/,$p' delivered)
		done
	done
	# A message that says nothing of its text is ASCII: now it has to say.
	plain > m
	disclaim < m
	grep -qi '^Content-Type: text/plain; charset="utf-8"' delivered
	grep -q '^MIME-Version: 1.0' delivered
	[ "$(decoded | tail -n 1)" = 'Für Sie — <nur>' ]
	printf '<hr>%s\n' 'mine' > "$WORK/html"
	message "m.set_content('<p>a</p>', subtype='html')" > m
	HTML=yes disclaim < m
	[ "$(decoded)" = $'<p>a</p>\n<hr>mine' ]
}

@test "disclaimer: signed, encrypted, attached and odd messages are left alone" {
	local text
	printf 'Text.\n' > "$WORK/text"
	while read -r text; do
		printf "$text" > m
		disclaim < m
		untouched m || { cat m; return 1; }
	done <<-'END'
		Content-Type: multipart/signed; boundary=x\n\n--x\n\nhello\n--x--\n
		Content-Type: application/pkcs7-mime\n\nMIIB\n
		Subject: a\n\n-----BEGIN PGP SIGNED MESSAGE-----\n\nx\n
		Content-Type: text/plain\nContent-Disposition: attachment\n\nx\n
		Content-Type: text/plain; charset=x-unheard-of\n\nx\n
		Content-Type: text/plain\nContent-Transfer-Encoding: x-uue\n\nx\n
		Content-Type: image/png\n\nx\n
		Content-Type: multipart/mixed\n\n--x\n\nhello\n--x--\n
	END
	python3 -c 'print("Content-Type: multipart/mixed; boundary=x\n\n" + "--x\n\na\n" * 1500 + "--x--")' > m
	disclaim < m
	untouched m
	rm "$WORK/text"
	disclaim < m
	# The administrator decides what a failure means; the sample says continue.
	[ "$status" -eq 75 ]
}
