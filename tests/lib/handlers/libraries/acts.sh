# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What acts.py does, with handler.sh
# shellcheck shell=sh disable=SC1090,SC2154

set -f
IFS=' 5'
. "$LIBRARY"

lf='
'

on_connect() {
	set_context a-b ''
	unset_context a
	pass
}

on_mail() {
	set_message_context b " 	\\n$(printf '\r')$lf "
	accept
	reject never
}

on_rcpt() {
	case $milter_recipient in
	'<1@b.example>') reject "550 5.1.1 100% \\o/${lf}No" ;;
	'<2@b.example>') tempfail 451 4.7.1 '*' '  two' ;;
	'<3@b.example>') tempfail ;;
	'<4@b.example>') discard ;;
	'<5@b.example>') end_session 'So long' ;;
	'<6@b.example>')
		add_header X-Part 1
		progress
		exit 75 ;;
	esac
}

on_header() {
	skip
}

on_end_of_message() {
	if [ -z "$(cat)" ]; then
		printf '%s\n' 'stray True'
	fi
	add_header X-A "-n %s\\c * \$HOME${lf}	folded "
	insert_header 1 X-B ''
	change_header X-C 2 c
	delete_header X-D
	delete_header X-E 3
	change_sender '<>'
	change_sender '<a@b>' RET=HDRS
	add_recipient '<"a \" b"@c>'
	add_recipient '<a@c>' NOTIFY=NEVER 'ORCPT=rfc822;a'
	delete_recipient '<a@d>'
	quarantine why not
	log said
	replace_body "$BODY"
	pass
	add_header X-Late 1
}

on_unknown() {
	reject "$milter_command"
}

on_abort() {
	add_header X-Report 1
	reject
	log told
}

milter_main
