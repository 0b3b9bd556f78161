# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What every MTA must do: the bodies of the tests in mta/*.bats.
#
# shellcheck shell=bash
# shellcheck disable=SC2153,SC2154

# Actions

case_untouched() {
	send
	reply_like '250 2.0.0'
	arrived
	without_received "$MSG" >"$T/got"
	assert_same_file "$T/got" "$T/message"
}

case_add_twice() {
	message 'X-Same: came' >"$T/message"
	on end-of-message <<'END'
printf '%s\n' 'add-header X-New first' 'add-header X-New second' 'add-header X-New third' \
	'add-header X-Same one' 'add-header X-Same two'
END
	send "$T/message"
	arrived
	assert_equal "$(headers_named X-New)" $'X-New: first\nX-New: second\nX-New: third'
	# Sendmail puts the first one before what came.
	assert_equal "$(headers_named X-Same | grep -v came)" $'X-Same: one\nX-Same: two'
	assert_equal "$(headers_named X-Same | grep -c came)" 1
}

case_header_actions() {
	message 'Subject: old' 'X-One: 1' 'X-Dup: a' 'X-Dup: b' 'X-Dup: c' \
	    'X-Same: s' >"$T/message"
	on end-of-message <<'END'
printf '%s\n' 'add-header X-Added at the end' \
	'insert-header 0 X-Top topmost' \
	'insert-header 1 X-Below below Received' \
	'change-header X-One 1 uno' \
	'change-header subject 1 new subject' \
	'delete-header X-Dup 2'
END
	send "$T/message"
	arrived
	has_header 'X-Added: at the end'
	has_header 'X-One: uno'
	has_header 'X-Same: s'
	assert_equal "$(headers_named Subject | tr S s)" 'subject: new subject'
	assert_equal "$(headers_named X-Dup)" $'X-Dup: a\nX-Dup: c'
	assert_equal "$(header | sed -n 1p)" 'X-Top: topmost'
	assert_equal "$(header | sed -n '2s/ .*//p')" 'Received:'
	assert_equal "$(header | sed -n 3p)" 'X-Below: below Received'
	assert_equal "$(header | grep -c .)" 13
}

case_delete_all_of_a_name() {
	message 'X-Dup: a' 'X-Other: o' 'X-Dup: b' 'x-dup: c' >"$T/message"
	on end-of-message <<'END'
printf '%s\n' 'delete-header X-Dup' 'delete-header X-Absent'
END
	send "$T/message"
	reply_like '250 2.0.0'
	arrived
	has_header 'X-Other: o'
	assert_equal "$(headers_named X-Dup)" ''
}

# The indexes of Postfix move when one is deleted, those of Sendmail do not.
case_indexes_after_a_delete() {
	message 'X-Dup: a' 'X-Dup: b' 'X-Dup: c' 'X-Dup: d' >"$T/message"
	on end-of-message <<'END'
printf '%s\n' 'delete-header X-Dup 1' 'change-header X-Dup 3 C' \
	'delete-header X-Dup 2'
END
	send "$T/message"
	arrived
	assert_equal "$(headers_named X-Dup)" $'X-Dup: C\nX-Dup: d'
}

case_change_every_one_of_a_name() {
	message 'X-Dup: a' 'X-Dup: b' 'X-Dup: c' >"$T/message"
	on header <<'END'
case $MILTER_HEADER_NAME in
X-Dup) printf '%s\n' "change-header X-Dup 1 first" \
	"change-header X-Dup 3 third" ;;
esac
END
	send "$T/message"
	arrived
	assert_equal "$(headers_named X-Dup)" \
	    $'X-Dup: first\nX-Dup: b\nX-Dup: third'
}

case_several_added_of_a_name() {
	message 'X-Many: 0' >"$T/message"
	on end-of-message <<'END'
printf '%s\n' 'add-header X-Many 1' 'add-header X-Many 2' 'add-header X-Many 3'
END
	send "$T/message"
	arrived
	assert_equal "$(headers_named X-Many | sort)" \
	    $'X-Many: 0\nX-Many: 1\nX-Many: 2\nX-Many: 3'
}

case_folded_header_added() {
	on end-of-message <<'END'
printf '%s\n' 'add-header X-Folded one\n\0011two\n three'
END
	send
	arrived
	tr -d '\r' <"$MSG" >"$T/got"
	assert_file_has "$T/got" 'X-Folded: one'
	assert_file_has "$T/got" $'\ttwo'
	assert_file_has "$T/got" ' three'
}

case_header_value_copied_back() {
	message $'X-Odd: back\\slash\ttab % $HOME `id`' >"$T/message"
	on header <<'END'
case $MILTER_HEADER_NAME in
X-Odd) printf '%s\n' "add-header X-Copy $MILTER_HEADER_VALUE" ;;
esac
END
	send "$T/message"
	arrived
	has_header $'X-Copy: back\\slash\ttab % $HOME `id`'
}

# Wherever they were asked for, the actions are taken at the end.
case_actions_at_each_event() {
	local e

	for e in mail rcpt data header end-of-headers body end-of-message; do
		on "$e" <<'END'
case $MILTER_HEADER_NAME in
''|Subject) printf '%s\n' "add-header X-$MILTER_EVENT said at $MILTER_EVENT" ;;
esac
END
	done
	send
	arrived
	for e in mail rcpt data header end-of-headers body end-of-message; do
		has_header "X-$e: said at $e"
	done
}

case_change_sender() {
	on end-of-message <<'END'
printf '%s\n' 'change-sender <changed@x.test>'
END
	send
	arrived
	sed -n 's/^\(MAIL FROM:<[^>]*>\).*/\1/p' "$ENV" >"$T/mail"
	assert_equal "$(cat "$T/mail")" 'MAIL FROM:<changed@x.test>'
}

case_change_sender_with_arguments() {
	on end-of-message <<'END'
printf '%s\n' 'change-sender <changed@x.test> RET=HDRS ENVID=q1'
END
	send
	arrived
	grep '^MAIL FROM:<changed@x.test> .*RET=HDRS' "$ENV"
	grep '^MAIL FROM:<changed@x.test> .*ENVID=q1' "$ENV"
}

case_change_sender_to_null() {
	on end-of-message <<'END'
printf '%s\n' 'change-sender <>'
END
	send
	arrived
	grep '^MAIL FROM:<>' "$ENV"
}

case_add_recipient() {
	on end-of-message <<'END'
printf '%s\n' 'add-recipient plus1@y.test' 'add-recipient <plus2@y.test>'
END
	send
	arrived
	grep '^RCPT TO:<plus1@y.test>' "$ENV"
	grep '^RCPT TO:<plus2@y.test>' "$ENV"
}

case_add_recipient_with_notify() {
	on end-of-message <<'END'
printf '%s\n' 'add-recipient <plus@y.test> NOTIFY=NEVER'
END
	send
	arrived
	grep '^RCPT TO:<plus@y.test> .*NOTIFY=NEVER' "$ENV"
}

case_delete_recipient() {
	on end-of-message <<END
printf '%s\n' 'delete-recipient $KEY-Gone@Y.TEST' 'delete-recipient no@y.test'
END
	send "$T/message" "$KEY" "$KEY-Gone"
	reply_like '250 2.0.0'
	arrived
	assert_equal "$(grep -c '^RCPT TO' "$ENV")" 1
}

case_replace_body() {
	on end-of-message <<'END'
body='A new body
.
with a dot, é and %s
'
printf 'replace-body %s\n%s' "$(printf %s "$body" | wc -c)" "$body"
END
	send
	arrived
	printf 'A new body\r\n.\r\nwith a dot, \303\251 and %%s\r\n' >"$T/expected"
	body >"$T/got"
	# Sendmail encodes what is not said to be 8BITMIME.
	[ "$MTA" != sendmail ] || sed -i 's/=C3=A9/\xc3\xa9/' "$T/got"
	assert_same_file "$T/expected" "$T/got"
}

case_replace_body_without_final_newline() {
	on end-of-message <<'END'
printf 'replace-body 10\nno newline'
END
	send
	arrived
	printf 'no newline\r\n' >"$T/expected"
	body >"$T/got"
	assert_same_file "$T/expected" "$T/got"
}

# More than one packet of the milter protocol
case_replace_body_large() {
	on end-of-message <<'END'
printf 'replace-body 200000\n'
yes 'This line has thirty two bytes.' | head -c 200000
END
	send
	arrived
	yes $'This line has thirty two bytes.\r' |
	    head -c 206250 >"$T/expected"
	body >"$T/got"
	assert_same_file "$T/expected" "$T/got"
}

case_replace_body_with_nothing() {
	on end-of-message <<'END'
printf 'replace-body 0\n'
END
	send
	arrived
	assert_equal "$(body | tr -d '\r\n')" ''
}

case_quarantine() {
	on end-of-message <<'END'
printf '%s\n' 'quarantine looks odd'
END
	send
	reply_like '250 2.0.0'
	wait_for a_message_is_held
	nothing_arrived
}

a_message_is_held() {
	[ "$(mta_held full)" -eq 1 ]
}

# Verdicts

# The two do not say a refusal at the greeting in the same words.
case_reject_at_connect() {
	own_client
	on connect <<'END'
printf '%s\n' 'reject 554 5.7.9 not you'
END
	send
	reply_like 5
	no_reply_like '250 2'
	not_delivered
}

case_tempfail_at_connect() {
	own_client
	on connect <<'END'
printf '%s\n' 'tempfail 450 4.7.9 not now'
END
	send
	reply_like 4
	no_reply_like '250 2'
	not_delivered
}

case_shutdown_at_connect() {
	own_client
	on connect <<'END'
printf '%s\n' 'shutdown go away'
END
	smtp "$FULL_PORT" <<'END'
NOOP
NOOP
@eof
END
	reply_like '421 '
}

case_accept_at_connect() {
	own_client
	on connect <<END
printf '%s\n' accept
: >'$OUT/$KEY.accepted'
END
	record
	on mail <<'END'
printf '%s\n' 'reject 554 5.7.9 should not be asked'
END
	send
	arrived
	assert_equal "$(ls "$OUT/$KEY.accepted")" "$OUT/$KEY.accepted"
	if [ -e "$OUT/$KEY.blocks" ]; then
		assert_equal "$(how_many mail)" 0
		assert_equal "$(how_many end-of-message)" 0
	fi
}

case_reject_at_helo() {
	on helo <<'END'
printf '%s\n' 'reject 554 5.7.9 not you'
END
	send
	reply '554 5.7.9 not you'
	no_reply_like '250 2'
	not_delivered
}

case_tempfail_at_helo() {
	on helo <<'END'
printf '%s\n' 'tempfail 450 4.7.9 not now'
END
	send
	reply '450 4.7.9 not now'
	no_reply_like '250 2'
	not_delivered
}

case_shutdown_at_helo() {
	on helo <<'END'
printf '%s\n' 'shutdown go away'
END
	smtp "$FULL_PORT" <<'END'
NOOP
NOOP
@eof
END
	reply '421 4.7.0 go away'
}

case_accept_at_helo() {
	record
	on helo <<'END'
printf '%s\n' accept
END
	on mail <<'END'
printf '%s\n' 'reject 554 5.7.9 should not be asked'
END
	send
	arrived
	assert_equal "$(how_many mail)" 0
	assert_equal "$(how_many end-of-message)" 0
}

# reject, tempfail, discard, accept and shutdown at EVENT of a message

case_reject_at() {
	on "$1" <<'END'
printf '%s\n' 'reject 554 5.7.9 100% sure, a %s too'
END
	send
	reply '554 5.7.9 100% sure, a %s too'
	not_delivered
}

case_tempfail_at() {
	on "$1" <<'END'
printf '%s\n' 'tempfail 452 4.7.9 50% or 2.0 percent'
END
	send
	reply '452 4.7.9 50% or 2.0 percent'
	not_delivered
}

case_shutdown_at() {
	on "$1" <<'END'
printf '%s\n' 'shutdown that is enough'
END
	{
		transaction
		echo NOOP
		echo @eof
	} | smtp "$FULL_PORT"
	reply '421 4.7.0 that is enough'
	not_delivered
}

case_discard_at() {
	on "$1" <<'END'
printf '%s\n' discard
END
	send
	reply_like '354'
	reply_like '250 2.0.0'
	no_reply_like '[45]'
	nothing_arrived
}

# An early accept keeps what was asked for, and ends the questions.
case_accept_at() {
	record
	on "$1" <<'END'
case $MILTER_HEADER_NAME in
''|From) printf '%s\n' 'add-header X-Kept yes' accept ;;
esac
END
	on end-of-message <<'END'
printf '%s\n' 'reject 554 5.7.9 should not be asked'
END
	if [ "$1" = end-of-message ]; then
		printf '%s\n' "printf '%s\\n' 'add-header X-Kept yes' accept" |
		    on end-of-message
	fi
	send
	arrived
	has_header 'X-Kept: yes'
	if [ "$1" != end-of-message ]; then
		assert_equal "$(how_many end-of-message)" 0
	fi
}

case_default_replies() {
	on mail <<'END'
printf '%s\n' tempfail
END
	send
	reply_like '451 4\.7\.1 '
	on mail <<'END'
printf '%s\n' reject
END
	send
	reply_like '550 5\.7\.1 '
	: | on mail
	on end-of-message <<'END'
printf '%s\n' tempfail
END
	send
	reply_like '451 4\.7\.1 '
	on end-of-message <<'END'
printf '%s\n' reject
END
	send
	reply_like '550 5\.7\.1 '
	not_delivered
}

case_reply_of_several_lines() {
	on rcpt <<'END'
printf '%s\n' 'reject 554 5.7.9 first line\nsecond: 100%\n3 is the last'
END
	send
	reply '554-5.7.9 first line'
	reply '554-5.7.9 second: 100%'
	reply '554 5.7.9 3 is the last'
}

case_one_recipient_refused() {
	on rcpt <<'END'
case $MILTER_RECIPIENT in
*-bad@*) printf '%s\n' 'add-header X-Lost 1' 'reject 554 5.7.9 not to this one' ;;
*) printf '%s\n' "add-header X-Good $MILTER_RECIPIENT" ;;
esac
END
	send "$T/message" "$KEY" "$KEY-bad" "$KEY-two"
	reply '554 5.7.9 not to this one'
	arrived
	assert_equal "$(grep -c '^RCPT TO' "$ENV")" 2
	assert_equal "$(headers_named X-Lost)" ''
	assert_equal "$(headers_named X-Good | sort)" \
	    "X-Good: <$KEY-two@y.test>
X-Good: <$KEY@y.test>"
}

case_skip() {
	message 'X-1: 1' 'X-2: 2' >"$T/message"
	yes $'line of a body that has many of them\r' | head -n 8000 >>"$T/message"
	on header <<'END'
printf '%s\n' skip
END
	on body <<'END'
printf '%s\n' 'add-header X-Body seen' skip
END
	record
	send "$T/message"
	arrived
	without_received "$MSG" >"$T/got"
	has_header 'X-Body: seen'
	assert_equal "$(how_many header)" 1
	assert_equal "$(how_many end-of-headers)" 1
	assert_equal "$(how_many body)" 1
	assert_equal "$(how_many end-of-message)" 1
}

case_unknown_command() {
	on unknown <<'END'
printf '%s\n' 'tempfail 450 4.7.9 never heard of it'
END
	record
	{
		echo 'FOOBAR some thing'
		transaction
	} | smtp "$FULL_PORT"
	reply_like '[45]'
	assert_equal "$(how_many unknown)" 1
	# The filter changes nothing.
	arrived
}

# Failures of a handler

refused_for_now() {
	reply_like '451 4\.7\.1 '
	not_delivered
}

case_handler_exits_1_at() {
	on "$1" <<'END'
printf '%s\n' 'add-header X-Half done'
exit 1
END
	send
	refused_for_now
}

case_handler_is_killed() {
	on end-of-message <<'END'
printf '%s\n' 'add-header X-Half done'
kill -KILL $$
END
	send
	refused_for_now
	wait_log cases
}

case_handler_talks_nonsense() {
	on end-of-message <<'END'
printf '%s\n' 'add-header X-Half done' 'what do you want' continue
END
	send
	refused_for_now
}

case_handler_hangs() {
	: >"$CASES/$KEY/hang"
	send
	refused_for_now
}

# After a refusal the same session can send, and the same message passes when
# the handler has been mended.
case_nothing_is_lost() {
	on end-of-message <<'END'
exit 1
END
	send
	reply_like '451 4\.7\.1 '
	: | on end-of-message
	send
	reply_like '250 2.0.0'
	arrived
	without_received "$MSG" >"$T/got"
	assert_same_file "$T/got" "$T/message"
}

case_action_on_what_is_not_there() {
	on end-of-message <<'END'
printf '%s\n' 'change-header X-Absent 1 value'
END
	send
	refused_for_now
}

# A slow handler at the end of the message: the MTA is kept waiting.
case_slow_end_of_message() {
	on end-of-message <<'END'
sleep 12
printf '%s\n' 'add-header X-Slow yes'
END
	send
	reply_like '250 2.0.0'
	arrived
	has_header 'X-Slow: yes'
}

# Messages

case_ten_megabytes() {
	message "Subject: large" >"$T/message"
	python3 -c '
import random, string, sys
random.seed(10)
size = 0
while size < 10 << 20:
    n = random.randrange(0, 900)
    line = "".join(random.choices(string.printable[:95], k=n)) + "\r\n"
    sys.stdout.write(line)
    size += len(line)' >>"$T/message"
	on end-of-message <<'END'
printf '%s\n' "add-header X-Size $MILTER_SIZE"
END
	send "$T/message"
	reply_like '250 2.0.0'
	arrived
	has_header "X-Size: $(wc -c <"$T/message")"
	without_received "$MSG" | sed '/^X-Size: /d' >"$T/got"
	cmp "$T/got" "$T/message"
}

# transfer OPTIONS-OF-MAIL: $T/message through the MTA with and without milter
transfer() {
	transaction "$T/message" | sed "/^MAIL/s/\$/ $1/" | smtp "$FULL_PORT"
	reply_like '250 2.0.0'
	transaction "$T/message" "$KEY-plain" | sed "/^MAIL/s/\$/ $1/" |
	    smtp "$PLAIN_PORT"
	reply_like '250 2.0.0'
}

# The same with $T/raw, sent as it is. What the MTA says to it without a milter
# it has to say with one, be it a refusal.
raw_transfer_is_the_same() {
	local port r

	for port in "$PLAIN_PORT" "$FULL_PORT"; do
		r=$KEY
		[ "$port" = "$FULL_PORT" ] || r=$KEY-plain
		smtp "$port" <<END
MAIL FROM:<$KEY@x.test> BODY=8BITMIME
RCPT TO:<$r@y.test>
DATA
@raw $T/raw
@read
END
		tail -n 1 "$T/replies" | cut -c 1-14 >"$T/reply.$r"
	done
	assert_same_file "$T/reply.$KEY-plain" "$T/reply.$KEY"
	if grep -q '^S: 250' "$T/reply.$KEY"; then
		same_as_without "$KEY-plain"
	else
		not_delivered
	fi
}

case_eight_bit() {
	message $'Subject: \xc3\xa4\xe9' >"$T/message"
	LC_ALL=C awk 'BEGIN { for (i = 128; i < 256; i++) printf "%c", i
	    printf "\r\n" }' >>"$T/message"
	on header <<'END'
case $MILTER_HEADER_NAME in
Subject) printf '%s\n' "add-header X-Copy $MILTER_HEADER_VALUE" ;;
esac
END
	transfer BODY=8BITMIME
	arrived
	header | grep -a $'^X-Copy: \xc3\xa4\xe9$'
	arrived "$KEY-plain"
	without_received "$MSG" >"$T/expected"
	arrived
	without_received "$MSG" | sed '/^X-Copy/d' >"$T/got"
	assert_same_file "$T/expected" "$T/got"
}

case_folded_headers() {
	message $'X-Long: one\r\n\ttwo  \r\n  three' \
	    $'X-Empty-Line:\r\n only here' 'X-Empty:' >"$T/message"
	record
	transfer ''
	blocks_have $'header-value one\\n\ttwo  \\n  three'
	same_as_without "$KEY-plain"
}

case_no_space_after_colon() {
	message 'X-None:value' $'X-Tab:\tvalue' 'X-Two:  value' >"$T/message"
	on end-of-message <<'END'
printf '%s\n' 'add-header X-Added value' 'insert-header 1 X-Inserted value'
END
	transfer ''
	arrived
	has_header 'X-Added: value'
	has_header 'X-Inserted: value'
	has_header 'X-None:value'
	has_header $'X-Tab:\tvalue'
	arrived "$KEY-plain"
	without_received "$MSG" >"$T/expected"
	arrived
	without_received "$MSG" | sed '/^X-Added/d; /^X-Inserted/d' >"$T/got"
	assert_same_file "$T/expected" "$T/got"
}

# A changed header gets its space, the others keep what they have.
case_no_space_in_a_changed_header() {
	message 'X-None:value' 'X-Other:value' >"$T/message"
	on end-of-message <<'END'
printf '%s\n' 'change-header X-None 1 changed'
END
	send "$T/message"
	arrived
	has_header 'X-None: changed'
	has_header 'X-Other:value'
}

case_body_with_lone_cr() {
	{
		message 'Subject: cr'
		printf 'a\rb\r\n\r\r\nend\r\r\n.\r\n'
	} | sed '/^\.\r$/{N;/\nThe/s/^/./}' >"$T/raw"
	raw_transfer_is_the_same
}

case_body_with_nul() {
	{
		message 'Subject: nul'
		printf 'a\000b\r\n\000\r\n.\r\n'
	} | sed '/^\.\r$/{N;/\nThe/s/^/./}' >"$T/raw"
	raw_transfer_is_the_same
}

case_body_without_final_newline() {
	message 'Subject: bare' >"$T/message"
	printf 'no newline here' >>"$T/message"
	record
	transfer ''
	same_as_without "$KEY-plain"
}

case_no_body() {
	printf '%s\r\n' "From: <from@x.test>" \
	    "Date: Sun, 22 Nov 2026 12:00:00 +0000" \
	    "Message-Id: <$KEY@x.test>" '' >"$T/message"
	record
	transfer ''
	assert_equal "$(how_many body)" 0
	assert_equal "$(how_many end-of-message)" 1
	same_as_without "$KEY-plain"
}

case_null_sender() {
	on end-of-message <<'END'
printf '%s\n' "add-header X-Sender $MILTER_SENDER" \
	"add-header X-Domain [$MILTER_SENDER_DOMAIN]"
END
	transaction | sed 's/^MAIL.*/MAIL FROM:<>/' | smtp "$FULL_PORT"
	arrived
	grep '^MAIL FROM:<>' "$ENV"
	has_header 'X-Sender: <>'
	has_header 'X-Domain: []'
}

case_fifty_recipients() {
	local i all=()

	for ((i = 0; i < 50; i++)); do
		all+=("$KEY-$i")
	done
	on rcpt <<'END'
case $MILTER_RECIPIENT in
*5@*) printf '%s\n' 'reject 554 5.7.9 no fives' ;;
esac
END
	on end-of-message <<'END'
printf '%s\n' "add-header X-Count $MILTER_RECIPIENT_COUNT" \
	"add-header X-Lines $(printf '%s\n' "$MILTER_RECIPIENTS" | grep -c .)"
END
	send "$T/message" "${all[@]}"
	arrived "$KEY-0"
	assert_equal "$(grep -c '^RCPT TO' "$ENV")" 45
	has_header 'X-Count: 45'
	has_header 'X-Lines: 45'
}

case_rset_and_second_message() {
	record
	on mail <<'END'
printf '%s\n' "add-header X-From $MILTER_SENDER"
END
	{
		echo "MAIL FROM:<first@x.test>"
		echo "RCPT TO:<$KEY-first@y.test>"
		echo RSET
		transaction
		echo QUIT
	} | smtp "$FULL_PORT"
	arrived
	assert_equal "$(headers_named X-From)" "X-From: <$KEY@x.test>"
	wait_for blocks_have 'report disconnect'
	assert_equal "$(how_many abort)" 1
	assert_equal "$(how_many disconnect)" 1
}

# One process serves all sessions: what it knows of a message must belong to that message.
case_pooled() {
	local first

	{
		echo "MAIL FROM:<reset@x.test>"
		echo "RCPT TO:<$KEY-reset@y.test>"
		echo RSET
		transaction "$T/message" "$KEY" "$KEY-more"
		transaction "$T/message" "$KEY-second"
		echo QUIT
	} | smtp "$POOLED_PORT"
	arrived
	headers_named X-Known | grep -qF "sender=<$KEY@x.test> recipients=2:<$KEY@y.test>,<$KEY-more@y.test> "
	headers_named X-Known | grep -qF "from=<$KEY@x.test> "
	first=$(headers_named X-Process)
	arrived "$KEY-second"
	headers_named X-Known | grep -qF " recipients=1:<$KEY-second@y.test> "
	transaction "$T/message" "$KEY-third" | smtp "$POOLED_PORT"
	arrived "$KEY-third"
	headers_named X-Known | grep -qF " recipients=1:<$KEY-third@y.test> "
	[ "${first% *}" = "$(headers_named X-Process | sed 's/ [0-9]*$//')" ]
}

case_message_in_files() {
	: >"$CASES/$KEY/spooled"
	message "Subject: $KEY" $'X-Folded: one\r\n\ttwo\r\n  three' 'X-Empty:' \
	    'X-Spaces:   both  ' $'X-8-Bit: \xc3\xa9' >"$T/message"
	transaction "$T/message" | smtp "$POOLED_PORT"
	arrived
	tr -d '\r' <"$T/message" >"$T/lf"
	assert_same_file "$OUT/$KEY.message" "$T/lf"
	sed '1,/^$/d' "$T/lf" | assert_same_file "$OUT/$KEY.body" -
	sed '/^$/,$d' "$T/lf" | sed -e ':a' -e '$!N' -e 's/\n\([[:blank:]]\)/\1/' -e 'ta' -e P -e D |
	    assert_same_file "$OUT/$KEY.headers" -
	grep -qx $'X-Folded: one\ttwo  three' "$OUT/$KEY.headers"
}

# Messages that a filter returns

# rewritten FILE: sends it through the filter of this test, from standard
# input, which knows nothing of milters. To the byte it arrives as the filter
# alone makes it.
rewritten() {
	on filter
	{
		transaction "$1"
		echo QUIT
	} | smtp "$REWRITTEN_PORT"
	reply_like '250 2.0.0'
	arrived
	without_received "$MSG" >"$T/got"
	tr -d '\r' <"$1" | sh "$CASES/$KEY/filter" | sed 's/$/\r/' >"$T/expected"
	assert_same_file "$T/expected" "$T/got"
}

odd_message() {
	message 'Subject: one' 'X-Tight:none' 'X-Wide:  two ' $'X-Tab:\ttab' 'X-Empty:' \
	    $'X-Folded: first\r\n\tsecond\r\n  third' 'X-Dup: a' 'x-dup: b' 'X-Dup: a' \
	    $'X-Eight: \xc3\xa4' 'Received: from elsewhere'
}

case_filter_returns_it() {
	odd_message >"$T/message"
	rewritten "$T/message" <<'END'
cat
END
}

# As SpamAssassin does
case_filter_marks_it() {
	odd_message >"$T/message"
	rewritten "$T/message" <<'END'
printf '%s\n' 'X-Spam-Flag: YES' 'X-Spam-Status: Yes, score=9.1' '	tests=ONE,TWO' 'X-Spam-Level: *********'
sed -e '1,/^$/s/^Subject: /&[SPAM] /' -e 's/^A line\./Another line./'
END
}

case_filter_changes_much() {
	odd_message >"$T/message"
	rewritten "$T/message" <<'END'
sed -e '/^X-Empty:/d' -e '/^x-dup:/d' -e 's/^X-Tight:none/X-Tight: some/' \
    -e 's/^X-Wide:.*/X-Wide:none/' -e 's/^	second/ 2/' -e 's/^X-Tab:.*/X-New: here/' \
    -e '/^$/{' -e 's/.*/X-Last:\t1/p' -e 's/.*/X-None:/p' -e 's/.*//' -e '}'
END
}

# A date that the client did not give: Sendmail has one that nobody sees.
case_filter_adds_what_is_missing() {
	printf '%s\r\n' 'From: <from@x.test>' 'To: <to@y.test>' 'Subject: one' '' 'A line.' >"$T/message"
	on filter <<'END'
printf '%s\n' 'Message-Id: <filter@x.test>' 'Date: Sun, 22 Nov 2026 12:00:00 +0000'
sed -e '/^Message-Id:/d' -e '/^Date:/d'
END
	transaction "$T/message" | smtp "$REWRITTEN_PORT"
	arrived
	header | sed 1d >"$T/got"
	printf '%s\n' 'Message-Id: <filter@x.test>' 'Date: Sun, 22 Nov 2026 12:00:00 +0000' \
	    'From: <from@x.test>' 'To: <to@y.test>' 'Subject: one' >"$T/expected"
	assert_same_file "$T/expected" "$T/got"
}

case_two_messages_and_an_abort() {
	record
	on rcpt <<'END'
printf '%s\n' "add-header X-To $MILTER_RECIPIENT"
END
	{
		transaction "$T/message" "$KEY"
		echo "MAIL FROM:<first@x.test>"
		echo "RCPT TO:<$KEY-lost@y.test>"
		echo "EHLO $KEY.test"
		transaction "$T/message" "$KEY-two"
		echo QUIT
	} | smtp "$FULL_PORT"
	arrived
	assert_equal "$(headers_named X-To)" "X-To: <$KEY@y.test>"
	arrived "$KEY-two"
	assert_equal "$(headers_named X-To)" "X-To: <$KEY-two@y.test>"
	wait_for blocks_have 'report disconnect'
	assert_equal "$(how_many abort)" 1
}

case_client_goes_away() {
	record
	smtp "$FULL_PORT" <<END
MAIL FROM:<first@x.test>
RCPT TO:<$KEY@y.test>
@close
END
	wait_for blocks_have 'report disconnect'
	assert_equal "$(how_many abort)" 1
	not_delivered
}

case_macros_and_queue_id() {
	local id

	on end-of-message <<'END'
printf '%s\n' "add-header X-Queue-Id $MILTER_QUEUE_ID" \
	"add-header X-Host $MILTER_MACRO_j" \
	"add-header X-Daemon [$MILTER_MACRO_daemon_name]" \
	"add-header X-Mail-Addr $MILTER_MACRO_mail_addr" \
	"add-header X-Client $MILTER_CLIENT_ADDRESS $MILTER_CLIENT_FAMILY" \
	"add-header X-Helo $MILTER_HELO"
END
	send
	arrived
	id=$(sed -n -e 's/^S: 250 2.0.0 \([^ ]*\) Message accepted.*/\1/p' \
	    -e 's/^S: 250 2.0.0 Ok: queued as \([^ ]*\).*/\1/p' "$T/replies")
	[ -n "$id" ]
	has_header "X-Queue-Id: $id"
	has_header 'X-Host: mx.test'
	has_header "X-Mail-Addr: $KEY@x.test"
	has_header 'X-Client: 127.0.0.1 inet'
	has_header "X-Helo: $KEY.test"
	wait_log "$id"
}

# A handler that answers the end of the message alone: the MTA is told that
# the other events need no reply.

case_sparse_message() {
	record
	on end-of-message <<END
printf '%s\n' "add-header X-Sparse \$MILTER_RECIPIENT_COUNT" \
	'delete-recipient $KEY-gone@y.test'
END
	{
		transaction "$T/message" "$KEY" "$KEY-gone" "$KEY-two"
		echo RSET
		transaction "$T/message" "$KEY-second"
		echo QUIT
	} | smtp "$SPARSE_PORT"
	arrived
	has_header 'X-Sparse: 3'
	assert_equal "$(grep -c '^RCPT TO' "$ENV")" 2
	arrived "$KEY-second"
	has_header 'X-Sparse: 1'
	assert_equal "$(how_many rcpt)" 4
	assert_equal "$(how_many end-of-message)" 2
}

case_sparse_reset() {
	on end-of-message <<'END'
printf '%s\n' "add-header X-Sparse $MILTER_RECIPIENT_COUNT"
END
	{
		echo "MAIL FROM:<first@x.test>"
		echo "RCPT TO:<$KEY-lost@y.test>"
		echo RSET
		transaction
	} | smtp "$SPARSE_PORT"
	arrived
	has_header 'X-Sparse: 1'
}

# An MTA of its own, which knows of the milter only what -n has printed.
case_lines_that_n_printed() {
	local port address paragraph='# Postfix' group='group = postfix'

	port=$(free_port)
	if [ "$MTA" = postfix ]; then
		address=unix:$WORK/advised.sock
	else
		address=inet:$(free_port)@127.0.0.1
		paragraph='dnl Sendmail'
		group=
	fi
	write_handler advised <<'END'
case $MILTER_EVENT in
rcpt) case $MILTER_RECIPIENT in *-bad@*) echo 'reject 554 5.7.9 not this one' ;; esac ;;
*) printf '%s\n' "add-header X-Advised $MILTER_SENDER" ;;
esac
END
	start_daemon -n advised <<END
spool-directory = "$WORK/advised.spool"
listen "$address" { $group }
handler advised {
	command = {'$HANDLERS/advised'}
	events = {rcpt, end-of-message}
	actions = {add-header}
}
END
	"$PIPEMILTER" -n -f "$WORK/advised.conf" |
	    awk -v RS= -v w="$paragraph" 'index($0, w) == 1' >"$T/lines"
	mta_start advised "$port" "$SINK_PORT" "@$T/lines"
	{
		transaction "$T/message" "$KEY" "$KEY-bad"
		echo QUIT
	} | smtp "$port"
	reply '554 5.7.9 not this one'
	arrived
	has_header "X-Advised: <$KEY@x.test>"
	# Without the milter the MTA refuses for now, as it was configured.
	stop_daemon advised
	transaction "$T/message" "$KEY-later" | smtp "$port"
	reply_like '4[25]1 4'
	no_reply_like '250 2\.0\.0.*\([Qq]ueued\|accepted\)'
	mta_stop advised
}

# Replays what the daemon recorded of a session: RSET, two messages, a
# refused recipient.

case_replay() {
	local file

	on rcpt <<'END'
case $MILTER_RECIPIENT in
*-bad@*) echo 'reject 550 5.7.1 not this one' ;;
esac
END
	on end-of-message <<'END'
printf '%s\n' "add-header X-Count $MILTER_RECIPIENT_COUNT" 'change-header Subject 1 new'
END
	{
		echo "MAIL FROM:<first@x.test>"
		echo "RCPT TO:<$KEY-lost@y.test>"
		echo RSET
		transaction "$T/message" "$KEY" "$KEY-bad"
		transaction "$T/message" "$KEY-second"
		echo QUIT
	} | smtp "$FULL_PORT"
	arrived
	arrived "$KEY-second"
	wait_for recorded_session
	file=$(recorded_session)
	assert_equal "$(grep -ac '^event mail' "$file")" 3
	run "$MILTER_SEND" --replay "$file" -s "$FULL_ADDRESS"
	assert_success
	assert_output_has '1 session, 3 messages, '
	assert_output_has ': no difference'
	on rcpt <<'END'
[ "$MILTER_RECIPIENT_COUNT" -lt 2 ] || echo 'reject 550 5.7.1 too many'
END
	run "$MILTER_SEND" --replay "$file" -s "$FULL_ADDRESS"
	assert_status 1
	assert_output_has "session 1, message 2, rcpt <$KEY-bad@y.test>: the answer differs
- reject 550 5.7.1 not this one
+ reject 550 5.7.1 too many
1 session, 3 messages, "
}

# Prints the file of this test's session once that is over.
recorded_session() {
	local file

	file=$(grep -alx "helo $KEY.test" "$RECORDS"/* | head -n 1)
	grep -aqx 'reason quit' "$file" && echo "$file"
}
