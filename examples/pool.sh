#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A handler in sh that lasts: it serves one event after the other, and may add a
# header to each message.
#
#	pipemilter -l inet:8899@127.0.0.1 -e end-of-message \
#	    -o 'reuse = yes' -o 'lines = {}' \
#	    -o 'actions = {add-header}' ./pool.sh X-Seen-By pool.sh
#
# A shell reads a byte at a time: `lines' keeps the blocks short. It can't read the
# payload of `body'; for the message there is `spool'.

event=
while read -r key value; do
	case $key in
	event)
		event=$value ;;
	report)
		event= ;;	# wants no reply
	'')
		# The empty line: the block is complete.
		[ -n "$event" ] || continue
		if [ "$event" = end-of-message ] && [ $# -eq 2 ]; then
			printf 'add-header %s %s\ncontinue\n' "$1" "$2"
		else
			printf 'continue\n'
		fi ;;
	esac
done
