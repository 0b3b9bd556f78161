# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What tell.py does, with handler.sh.  It makes it hard for the library.
# shellcheck shell=sh disable=SC1090,SC2154

set -efuC
IFS=:/e
. "$LIBRARY"

tell_value() {
	if [ -n "$2" ]; then
		log "$1=$2"
	fi
}

tell_each() {
	log each "$@"
}

tell_macros() {
	for name in i auth_authen odd-macro; do
		if macro "$name" value; then
			log "macro $name=$value"
		fi
	done
	for name in a a-b a_b a-b_c a_b-c; do
		if context "$name" value; then
			log "context $name=$value"
		fi
	done
}

tell() {
	tell_value event "$milter_event"
	tell_value session "$milter_session"
	tell_value message "$milter_message"
	tell_value client_host "$milter_client_host"
	tell_value client_address "$milter_client_address"
	tell_value client_family "$milter_client_family"
	tell_value client_port "$milter_client_port"
	tell_value helo "$milter_helo"
	tell_value sender "$milter_sender"
	tell_value sender_domain "$milter_sender_domain"
	tell_value recipient "$milter_recipient"
	tell_value recipient_domain "$milter_recipient_domain"
	tell_value recipient_count "$milter_recipient_count"
	tell_value queue_id "$milter_queue_id"
	tell_value header_name "$milter_header_name"
	tell_value header_value "$milter_header_value"
	tell_value command "$milter_command"
	tell_value size "$milter_size"
	tell_value message_file "$milter_message_file"
	tell_value headers_file "$milter_headers_file"
	tell_value body_file "$milter_body_file"
	each_recipient tell_each
	tell_value sender_arguments "$milter_sender_arguments"
	tell_value recipient_arguments "$milter_recipient_arguments"
	tell_macros
	add_header X-A "$milter_helo"
	if [ "$milter_helo" = spam ]; then
		reject 550 5.7.1 "No
$milter_helo"
	fi
}

on_connect() { tell; }
on_helo() { tell; }
on_mail() { tell; }
on_rcpt() { tell; }
on_data() { tell; }
on_header() { tell; }
on_end_of_headers() { tell; }
on_body() { tell; }
on_end_of_message() { tell; }
on_unknown() { tell; }

milter_main
