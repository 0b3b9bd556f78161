#!/usr/bin/awk -f
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What loop.sh does, in awk; but it can't read payloads.  mawk needs the option
# -W interactive, or it waits for more than one block.

function forget_message() {
	sender = ""
	n = 0
}

function forget_all() {
	helo = ""
	split("", macro)
	split("", context)
	forget_message()
}

function drop_recipient(address,	i) {
	for (i = 1; i <= n && recipient[i] != address; i++)
		;
	if (i > n)
		return
	for (n--; i <= n; i++)
		recipient[i] = recipient[i + 1]
}

function known(		i, list) {
	for (i = 1; i <= n; i++)
		list = list (i > 1 ? "," : "") recipient[i]
	return "helo=" helo " sender=" sender " recipients=" n ":" list \
	    " i=" macro["i"] " from=" context["from"] " host=" context["host"]
}

# A process is not told its own number in awk: the shell that asks for it is
# its child.
function pid(	is) {
	if (own_pid == "") {
		"echo $PPID" | getline is
		close("echo $PPID")
		own_pid = is
	}
	return own_pid
}

function answer() {
	answered++
	if (id != "")
		print "event-id " id
	if (event == "connect")
		print "set host " asked
	else if (event == "mail")
		print "set-message from " sender
	else if (event == "rcpt" && asked ~ /@refused\.example>$/) {
		print "reject 550 5.1.1 Not here"
		return
	} else if (event == "end-of-message") {
		print "add-header X-Known " known()
		print "add-header X-Process " pid() " " answered
	}
	print "continue"
}

{
	key = $1
	value = substr($0, length(key) + 2)
	name = value
	sub(/ .*/, "", name)
	rest = substr(value, length(name) + 2)
}

key == "event" || key == "report" { kind = key; event = value; id = ""; asked = "" }
key == "message" && value != message { forget_message(); message = value }
key == "event-id" { id = value }
key == "complete" { forget_all() }
key == "client-host" { asked = value }
key == "helo" { helo = value }
key == "sender" { sender = value }
key == "recipient" { recipient[++n] = asked = value }
key == "recipient-refused" { drop_recipient(value) }
key == "macro" { macro[name] = rest }
key == "context" { context[name] = rest }
key == "context-unset" { delete context[value] }
$0 == "" && kind == "event" { answer(); fflush() }
