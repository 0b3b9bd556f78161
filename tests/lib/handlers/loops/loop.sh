#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A handler as a loop, for tests: it refuses recipients of refused.example and
# says at the end of a message what it knows of it, in X-Known, and in
# X-Process who it is and how many events it has answered.  loop.pl, loop.py,
# loop.awk and loop.c do the same.  It reads from the first block to the end of
# file and so works under every scope, with reuse and without; where the scope
# is one event, also with concurrency, as it keeps nothing then.
#
# As a shell reads byte by byte, and dd takes no more than it is told, this one
# can skip payloads.

forget_message() {
	sender='' recipients='' nrecipients=0
}

forget_all() {
	helo='' macro_i='' from='' host=''
	forget_message
}

# Takes the first recipient of that name out of the list.
drop_recipient() {
	rest=$recipients, recipients='' dropped=''
	while [ -n "$rest" ]; do
		first=${rest%%,*} rest=${rest#*,}
		if [ "$first" = "$1" ] && [ -z "$dropped" ]; then
			dropped=yes nrecipients=$((nrecipients - 1))
		elif [ -n "$first" ]; then
			recipients=$recipients${recipients:+,}$first
		fi
	done
}

answer() {
	answered=$((answered + 1))
	[ -z "$id" ] || printf '%s\n' "event-id $id"
	case $event in
	connect)
		printf '%s\n' "set host $asked" ;;
	mail)
		printf '%s\n' "set-message from $sender" ;;
	rcpt)
		case $asked in
		*@refused.example\>)
			printf '%s\n' 'reject 550 5.1.1 Not here'
			return ;;
		esac ;;
	end-of-message)
		printf '%s\n' \
		    "add-header X-Known helo=$helo sender=$sender recipients=$nrecipients:$recipients i=$macro_i from=$from host=$host" \
		    "add-header X-Process $$ $answered" ;;
	esac
	printf '%s\n' continue
}

answered=0 message=''
forget_all
while read -r key value; do
	case $key in
	event|report)
		kind=$key event=$value id='' length=0 asked='' ;;
	message)
		[ "$value" = "$message" ] || forget_message
		message=$value ;;
	event-id)
		id=$value ;;
	complete)
		forget_all ;;
	client-host)
		asked=$value ;;
	helo)
		helo=$value ;;
	sender)
		sender=$value ;;
	recipient)
		asked=$value nrecipients=$((nrecipients + 1))
		recipients=$recipients${recipients:+,}$value ;;
	recipient-refused)
		drop_recipient "$value" ;;
	macro)
		case $value in
		'i '*) macro_i=${value#* } ;;
		esac ;;
	context)
		case $value in
		'from '*) from=${value#* } ;;
		'host '*) host=${value#* } ;;
		esac ;;
	context-unset)
		case $value in
		from) from='' ;;
		host) host='' ;;
		esac ;;
	length)
		length=$value ;;
	'')
		[ "$length" -eq 0 ] ||
		    dd bs=1 count="$length" of=/dev/null 2>/dev/null
		[ "$kind" = report ] || answer ;;
	esac
done
