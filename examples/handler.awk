#!/usr/bin/gawk -f
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A handler in awk: refuses mail from spam.example and adds a header to the rest.
#
#	pipemilter -l inet:8899@127.0.0.1 -e mail,end-of-message \
#	    -o 'actions = {add-header}' ./handler.awk
#
# busybox awk and BWK awk will do as well; mawk needs the option -W interactive,
# or it waits for more than one block.

function say(line) {
	print line
	fflush()	# each reply must go out at once
}

function answer(event) {
	if (event == "mail" && ("." domain) ~ /\.spam\.example$/) {
		say("reject 550 5.7.1 No mail from there")
		return
	}
	if (event == "end-of-message")
		print "add-header X-Seen-By handler.awk"
	say("continue")
}

{
	# Not $2: a value may hold spaces.
	key = $0
	sub(/ .*/, "", key)
	value = substr($0, length(key) + 2)
}

key == "event" || key == "report" { kind = key; event = value }
key == "complete" { domain = "" }	# all that was known is void
key == "sender-domain" { domain = value }

# The empty line: the block is complete.  A report wants no reply.
$0 == "" && kind == "event" { answer(event) }
