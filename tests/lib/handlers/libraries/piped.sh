# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Refuses recipients at the right side of a pipe, which lasts a while longer.
# shellcheck shell=sh disable=SC1090,SC2154

. "${0%/*}/handler.sh"

on_rcpt() {
	printf '%s\n' no never | while read -r word; do
		case $milter_recipient in
		*"$word"*)
			reject 550 5.1.1 "$word"
			sleep 0.2 ;;
		esac
	done
}

on_end_of_message() {
	add_header X-Recipients "$milter_recipient_count"
}

milter_main
