# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What loops/loop.sh does, with handler.sh; headers X-Echo come back.
# shellcheck shell=sh disable=SC1090,SC2154

. "${0%/*}/handler.sh"

answered=0 list=''

count() {
	[ -n "$milter_report" ] || answered=$((answered + 1))
	printf '%s\n' "stray output at $milter_event"
	cat
}

append() {
	list=$list${list:+,}$1
}

on_connect() {
	count
	set_context host "$milter_client_host"
}

on_helo() {
	count
}

on_mail() {
	count
	set_message_context from "$milter_sender"
}

on_rcpt() {
	count
	case $milter_recipient in
	*@refused.example\>) reject 550 5.1.1 Not here ;;
	esac
}

on_header() {
	count
	case $milter_header_name in
	X-Echo) add_header "$milter_header_name" "$milter_header_value" ;;
	esac
}

on_end_of_headers() {
	count
}

on_body() {
	count
}

on_end_of_message() {
	count
	list=''
	each_recipient append
	context from from
	context host host
	macro i id
	add_header X-Known "helo=$milter_helo sender=$milter_sender recipients=$milter_recipient_count:$list i=$id from=$from host=$host"
	add_header X-Process $$ "$answered"
}

milter_main
