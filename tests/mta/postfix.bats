#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A mail server with pipemilter between an SMTP client and a sink. Which one is
# in the name of the file: sendmail.bats is a link to postfix.bats.

MTA=${BATS_TEST_FILENAME##*/}
export MTA=${MTA%.bats}
load ../lib/common
load "../lib/$MTA"
load ../lib/mta
load ../lib/mta_cases

only() {
	[ "$MTA" = "$1" ] || skip "only with $1"
}

setup_file() {
	mta_setup_file
}

teardown_file() {
	mta_teardown_file
}

setup() {
	mta_setup
}

teardown() {
	mta_teardown
}

@test "a message that nobody touches arrives as it was sent" {
	case_untouched
}

@test "headers added, inserted, changed and deleted" {
	case_header_actions
}

@test "headers added with one name keep their order" {
	case_add_twice
}

@test "all headers of a name deleted" {
	case_delete_all_of_a_name
}

@test "indexes mean the message as it came, whatever is deleted" {
	case_indexes_after_a_delete
}

@test "two of three headers of a name changed" {
	case_change_every_one_of_a_name
}

@test "several headers of a name added" {
	case_several_added_of_a_name
}

@test "a folded header added" {
	case_folded_header_added
}

@test "a header's value copied into a reply" {
	case_header_value_copied_back
}

@test "actions at each event of a message" {
	case_actions_at_each_event
}

@test "change-sender" {
	case_change_sender
}

@test "change-sender with arguments" {
	case_change_sender_with_arguments
}

@test "change-sender to the null sender" {
	case_change_sender_to_null
}

@test "add-recipient" {
	case_add_recipient
}

@test "add-recipient with NOTIFY" {
	case_add_recipient_with_notify
}

@test "delete-recipient in another spelling" {
	case_delete_recipient
}

@test "replace-body" {
	case_replace_body
}

@test "replace-body without a final newline" {
	case_replace_body_without_final_newline
}

@test "replace-body with 200000 bytes" {
	case_replace_body_large
}

@test "replace-body with nothing" {
	case_replace_body_with_nothing
}

@test "quarantine" {
	case_quarantine
}

@test "reject at connect" {
	case_reject_at_connect
}

@test "tempfail at connect" {
	case_tempfail_at_connect
}

@test "shutdown at connect" {
	case_shutdown_at_connect
}

@test "accept at connect" {
	case_accept_at_connect
}

@test "reject at helo" {
	case_reject_at_helo
}

@test "tempfail at helo" {
	case_tempfail_at_helo
}

@test "shutdown at helo" {
	case_shutdown_at_helo
}

@test "accept at helo" {
	case_accept_at_helo
}

@test "reject at mail" {
	case_reject_at mail
}

@test "reject at rcpt" {
	case_reject_at rcpt
}

@test "reject at data" {
	case_reject_at data
}

@test "reject at header" {
	case_reject_at header
}

@test "reject at end-of-headers" {
	case_reject_at end-of-headers
}

@test "reject at body" {
	case_reject_at body
}

@test "reject at end-of-message" {
	case_reject_at end-of-message
}

@test "tempfail at mail" {
	case_tempfail_at mail
}

@test "tempfail at rcpt" {
	case_tempfail_at rcpt
}

@test "tempfail at data" {
	case_tempfail_at data
}

@test "tempfail at header" {
	case_tempfail_at header
}

@test "tempfail at end-of-headers" {
	case_tempfail_at end-of-headers
}

@test "tempfail at body" {
	case_tempfail_at body
}

@test "tempfail at end-of-message" {
	case_tempfail_at end-of-message
}

@test "shutdown at mail" {
	case_shutdown_at mail
}

@test "shutdown at rcpt" {
	case_shutdown_at rcpt
}

@test "shutdown at data" {
	case_shutdown_at data
}

@test "shutdown at header" {
	case_shutdown_at header
}

@test "shutdown at end-of-headers" {
	case_shutdown_at end-of-headers
}

@test "shutdown at body" {
	case_shutdown_at body
}

@test "shutdown at end-of-message" {
	case_shutdown_at end-of-message
}

@test "discard at mail" {
	case_discard_at mail
}

@test "discard at rcpt" {
	case_discard_at rcpt
}

@test "discard at data" {
	case_discard_at data
}

@test "discard at header" {
	case_discard_at header
}

@test "discard at end-of-headers" {
	case_discard_at end-of-headers
}

@test "discard at body" {
	case_discard_at body
}

@test "discard at end-of-message" {
	case_discard_at end-of-message
}

@test "accept at mail" {
	case_accept_at mail
}

@test "accept at rcpt" {
	case_accept_at rcpt
}

@test "accept at data" {
	case_accept_at data
}

@test "accept at header" {
	case_accept_at header
}

@test "accept at end-of-headers" {
	case_accept_at end-of-headers
}

@test "accept at body" {
	case_accept_at body
}

@test "accept at end-of-message" {
	case_accept_at end-of-message
}

@test "the replies of a bare reject and tempfail" {
	case_default_replies
}

@test "a reply of several lines" {
	case_reply_of_several_lines
}

@test "one recipient of three refused" {
	case_one_recipient_refused
}

@test "skip at header and at body" {
	case_skip
}

@test "an unknown command" {
	case_unknown_command
}

@test "a handler that exits 1 at mail" {
	case_handler_exits_1_at mail
}

@test "a handler that exits 1 at rcpt" {
	case_handler_exits_1_at rcpt
}

@test "a handler that exits 1 at data" {
	case_handler_exits_1_at data
}

@test "a handler that exits 1 at body" {
	case_handler_exits_1_at body
}

@test "a handler that exits 1 at end-of-message" {
	case_handler_exits_1_at end-of-message
}

@test "a handler that is killed" {
	case_handler_is_killed
}

@test "a handler that talks nonsense" {
	case_handler_talks_nonsense
}

@test "a handler that hangs" {
	case_handler_hangs
}

@test "a handler that failed loses no mail" {
	case_nothing_is_lost
}

@test "an action on a header that is not there" {
	case_action_on_what_is_not_there
}

@test "a message of 10 MB" {
	case_ten_megabytes
}

@test "an 8-bit message" {
	case_eight_bit
}

@test "folded headers" {
	case_folded_headers
}

@test "headers without a space after the colon" {
	case_no_space_after_colon
}

@test "a changed header among some without a space" {
	case_no_space_in_a_changed_header
}

@test "a body with lone CRs" {
	case_body_with_lone_cr
}

@test "a body with NULs" {
	case_body_with_nul
}

@test "a body without a final newline" {
	case_body_without_final_newline
}

@test "a message without a body" {
	case_no_body
}

@test "the null sender" {
	case_null_sender
}

@test "50 recipients, 5 of them refused" {
	case_fifty_recipients
}

@test "RSET and a second message" {
	case_rset_and_second_message
}

@test "a process that serves all messages and sessions" {
	case_pooled
}

@test "a message in files" {
	case_message_in_files
}

@test "a filter that returns the message as it was" {
	case_filter_returns_it
}

@test "a filter that puts headers on top and tags the subject" {
	case_filter_marks_it
}

@test "a filter that changes much" {
	case_filter_changes_much
}

@test "a filter that adds what is missing" {
	case_filter_adds_what_is_missing
}

@test "two messages with an abort between them" {
	case_two_messages_and_an_abort
}

@test "a client that goes away in a message" {
	case_client_goes_away
}

@test "macros and the queue id" {
	case_macros_and_queue_id
}

@test "a handler for end-of-message alone" {
	case_sparse_message
}

@test "a handler for end-of-message alone, after RSET" {
	case_sparse_reset
}

@test "the lines that pipemilter -n prints" {
	case_lines_that_n_printed
}

@test "an unknown command refused" {
	on unknown <<'END'
printf '%s\n' 'reject 554 5.7.9 never heard of it'
END
	{
		echo 'FOOBAR some thing'
		transaction
	} | smtp "$FULL_PORT"
	# Before 3.10 Postfix has only its own words for that.
	case $MTA in
	postfix) reply_like '5[05][04] 5' ;;
	*) reply '554 5.7.9 never heard of it' ;;
	esac
	arrived
}

# Postfix waits for minutes by itself.
@test "a handler that takes 12 seconds at the end of a message" {
	only sendmail
	case_slow_end_of_message
}

# Debian's Sendmail is built without it.
@test "SMTPUTF8" {
	only postfix
	local sender=$'gr\xc3\xbc\xc3\x9fe@x.test' more=$'z\xc3\xbc@y.test'

	message $'Subject: \xe2\x9c\x93' >"$T/message"
	record
	on end-of-message <<END
printf '%s\n' "add-header X-Sender \$MILTER_SENDER" "add-recipient <$more>"
END
	transaction "$T/message" |
	    sed "s/^MAIL.*/MAIL FROM:<$sender> SMTPUTF8 BODY=8BITMIME/" |
	    smtp "$FULL_PORT"
	reply_like '250 2.0.0'
	arrived
	grep -a "^MAIL FROM:<$sender> .*SMTPUTF8" "$ENV"
	grep -a "^RCPT TO:<$more>" "$ENV"
	has_header "X-Sender: <$sender>"
	blocks_have "sender <$sender>"
	blocks_have "sender-argument SMTPUTF8"
}

# Sendmail takes no certificate from a directory below one that all may write to.
@test "STARTTLS" {
	only postfix
	on end-of-message <<'END'
printf '%s\n' "add-header X-TLS $MILTER_MACRO_tls_version"
END
	{
		echo STARTTLS
		echo @starttls
		echo "EHLO $KEY.test"
		transaction
		echo QUIT
	} | smtp "$FULL_PORT"
	reply_like '250 2.0.0'
	arrived
	header | grep '^X-TLS: TLSv1'
}

@test "a session that was recorded is played with no difference" {
	case_replay
}
