#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A handler in sh: refuses mail from spam.example and adds a header to the rest.
#
#	pipemilter -l inet:8899@127.0.0.1 -e mail,end-of-message \
#	    -o 'actions = {add-header}' ./handler.sh
#
# handler.awk, .c, .js, .lua, .pl, .py, .rb and .tcl do the same.  None of them
# needs a library: the lines are described in pipemilter-handler(7).

# answer EVENT DOMAIN
answer() {
	case $1 in
	mail)
		case $2 in
		spam.example|*.spam.example)
			printf '%s\n' 'reject 550 5.7.1 No mail from there'
			return ;;
		esac ;;
	end-of-message)
		printf '%s\n' 'add-header X-Seen-By handler.sh' ;;
	esac
	printf '%s\n' continue
}

kind=
event=
domain=
while read -r key value; do
	case $key in
	event|report)
		kind=$key
		event=$value ;;
	complete)
		domain= ;;
	sender-domain)
		domain=$value ;;
	'')
		# The empty line: the block is complete.  A report wants no reply.
		[ "$kind" != event ] || answer "$event" "$domain" ;;
	esac
done
