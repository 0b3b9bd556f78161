#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# milter-send --torture: for each mistake a handler that makes it, which is
# found and told why; and handlers that make none.

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/torture

setup() {
	torture_setup
}

teardown() {
	torture_teardown
}

quickly=(-o 'timeout = 1s' -o 'message-timeout = 2s')

# finds TEXT [OPTION ...]: the handler on standard input is wrong, and told so.
finds() {
	local text=$1

	shift
	write_handler wrong
	torture "$@" "$HANDLERS/wrong"
	assert_status 1
	assert_output_has "$text"
	[[ ${lines[-1]} == *' things tried, '*' wrong' ]]
}

# A loop in shell that answers with what stands in $answer.
loop() {
	cat <<-END
		while IFS= read -r line; do
			case \$line in
			'event '*|'report '*) kind=\${line%% *} event=\${line#* } ;;
			'header-value '*) value=\${line#* } ;;
			'') [ "\$kind" = report ] || { $1
			} ;;
			esac
		done
	END
}

@test "output that is not flushed: python" {
	finds 'end-of-message: no answer within 2000 ms; no answer until its standard input was closed: is its output buffered?' \
	    "${quickly[@]}" -e end-of-message -o 'reuse = yes' \
	    -o "environment = {'PYTHONUNBUFFERED='}" <<-'END'
		#!/usr/bin/python3
		import sys
		for line in sys.stdin.buffer:
		    if line == b"\n":
		        print("continue")
	END
}

@test "output that is not flushed: perl and awk" {
	finds 'is its output buffered?' "${quickly[@]}" -e mail -o 'scope = session' <<-'END'
		#!/usr/bin/perl
		while (<STDIN>) { print "continue\n" if $_ eq "\n" }
	END
	finds 'is its output buffered?' "${quickly[@]}" -e mail -o 'reuse = yes' <<-'END'
		exec awk '/^$/ { print "continue" }'
	END
}

@test "reading to the end of file" {
	finds 'Or does it read to the end of file' "${quickly[@]}" -e helo -o 'reuse = yes' <<-'END'
		cat >/dev/null
		printf '%s\n' continue
	END
}

@test "reading more than a block" {
	finds 'mail: no answer within 1000 ms; no answer until another block came: does it read more than one block' \
	    "${quickly[@]}" -e mail -o 'reuse = yes' <<-'END'
		while first=$(head -n 1) && [ -n "$first" ]; do
			while read -r line && [ -n "$line" ]; do :; done
			printf '%s\n' continue
		done
	END
}

@test "reading a report and the block behind it at once" {
	finds 'until another block came' "${quickly[@]}" -e mail -o 'reports = {helo}' \
	    -o 'reuse = yes' <<-'END'
		#!/usr/bin/python3
		import os
		while True:
		    block = os.read(0, 65536)
		    if not block:
		        break
		    if block.startswith(b"event"):
		        os.write(1, b"continue\n")
	END
}

@test "taking what was read at once for a block" {
	finds 'it goes on after its verdict' "${quickly[@]}" -e mail \
	    -o 'reuse = yes' <<-'END'
		#!/usr/bin/python3
		import os
		while os.read(0, 65536):
		    os.write(1, b"continue\n")
	END
}

@test "no end at the end of file" {
	finds 'mail: it does not end at the end of its standard input; does its loop look for end of file?' \
	    "${quickly[@]}" -e mail -o 'scope = session' <<-'END'
		while :; do
			read -r line || sleep 0.1
			[ -n "$line" ] || [ -n "$said" ] || { printf '%s\n' continue; said=yes; }
		done
	END
}

@test "output in answer to a report" {
	finds 'report mail: output in answer to a report: "continue' "${quickly[@]}" \
	    -o 'reports = {mail, rcpt}' -e end-of-message <<-'END'
		printf '%s\n' continue
	END
	{
		printf '%s\n' 'while read -r key value; do' \
		    '[ -n "$key" ] || printf "%s\n" continue; done'
	} | finds 'report rcpt: output in answer to a report' "${quickly[@]}" \
	    -o 'reports = {rcpt}' -e end-of-message -o 'reuse = yes'
}

@test "more than one verdict" {
	finds 'it goes on after its verdict: "continue' -e mail <<-'END'
		printf '%s\n' continue continue
	END
	loop 'printf "%s\n" continue "log again"' |
	    finds 'it goes on after its verdict: "log again' -e mail -o 'reuse = yes'
}

@test "a line for somebody else" {
	finds 'unknown keyword in its answer: "DEBUG mail"; is something printed for somebody else?' \
	    -e mail <<-'END'
		printf '%s\n' 'DEBUG mail' continue
	END
}

@test "an action and a verdict that may not be" {
	finds 'end-of-message: this action is not in the handler'\''s list of actions in its answer: "quarantine x"' \
	    -e end-of-message -o 'actions = {add-header}' <<-'END'
		printf '%s\n' 'quarantine x' continue
	END
	finds 'helo:' -e helo <<-'END'
		printf '%s\n' 'add-header X-A b' continue
	END
	finds 'in its answer: "discard"' -e helo <<-'END'
		printf '%s\n' discard
	END
}

@test "a crash and a bad status" {
	finds 'mail: it ended with status 3 and gave no verdict; it said: cannot open' -e mail <<-'END'
		printf '%s\n' 'cannot open' >&2
		exit 3
	END
	finds 'report mail: it ended with status 1 where its work was over' \
	    -e end-of-message -o 'reports = {mail}' <<-'END'
		[ "$MILTER_EVENT" != mail ]
	END
	finds 'it ended by signal 11' -e mail <<-'END'
		kill -s SEGV $$
	END
}

@test "a crash names the kind of value that it was given" {
	finds 'helo, given operators of test, in disorder: it ended with status 2 and gave no verdict' \
	    -e helo <<-'END'
		[ "$MILTER_HELO" != 'a - a =o b' ] || exit 2
	END
}

@test "a value that is in no variable is lost" {
	finds 'header: it lost a value of 60000 bytes; the variable of a value above 8 KB is left out' \
	    -e header <<-'END'
		[ "$MILTER_HEADER_NAME" != Subject ] ||
		    printf '%s\n' "add-header X-Copy [T] ${MILTER_HEADER_VALUE-}"
		printf '%s\n' continue
	END
	# A value that is cut, or not copied, is no mistake.
	write_handler cut <<-'END'
		if [ "$MILTER_HEADER_NAME" = Subject ]; then
			value=${MILTER_HEADER_VALUE-too long}
			case $value in
			*'\'*) ;;
			*) printf '%s\n' "add-header X-Copy [T] $value" ;;
			esac
		fi
		printf '%s\n' continue
	END
	fine -e header "$HANDLERS/cut"
}

@test "a payload that is not read" {
	finds 'does it read the payload of body' -e body -o 'reuse = yes' <<-'END'
		#!/usr/bin/python3
		import sys
		for line in sys.stdin.buffer:
		    if line == b"\n":
		        print("continue")
	END
}

@test "processes that are started ahead have no variables" {
	finds 'where its process was started ahead: "' -e mail -o 'processes-min = 1' <<-'END'
		printf '%s\n' "add-header X-Is-${MILTER_SENDER:+known} x" continue
	END
	assert_output_has 'with processes-min such a process has no MILTER_ variables'
}

@test "a handler that says nothing is told of, and it is no mistake" {
	write_handler quiet <<-'END'
		[ "$MILTER_HELO" != spam ] || printf '%s\n' reject
	END
	fine -e helo "$HANDLERS/quiet"
	assert_output_has '# it said nothing at any event'
	write_handler talks <<-'END'
		printf '%s\n' continue
	END
	fine -e helo "$HANDLERS/talks"
	[[ "$output" != *'said nothing'* ]]
}

@test "an end after the first event where there are to be more" {
	finds 'with reuse' -e mail -o 'reuse = yes' <<-'END'
		while read -r line && [ -n "$line" ]; do :; done
		printf '%s\n' continue
	END
}

@test "a program that is not there" {
	printf '%s\n' '#!/nonexistent/shell' >"$HANDLERS/none"
	chmod 755 "$HANDLERS/none"
	torture -e mail "$HANDLERS/none"
	assert_status 2
	assert_output_has 'No such file'
}

@test "commands in mail: eval, sh -c, an index, perl, python, sed" {
	finds 'it ran a command that stood in mail (a command substitution): "tk15$(touch ' \
	    -e header <<-'END'
		eval "value=\"$MILTER_HEADER_VALUE\""
	END
	finds 'it ran a command that stood in mail (commands of a shell)' -e header <<-'END'
		sh -c "true $MILTER_HEADER_VALUE" >/dev/null
		exit 0
	END
	finds 'it ran a command that stood in mail (a command in an index)' -e helo <<-'END'
		#!/bin/bash
		[[ $MILTER_HELO -gt 5 ]]
		exit 0
	END
	finds 'it ran a command that stood in mail (a pipe at either end)' -e header <<-'END'
		#!/usr/bin/perl
		open(my $file, $ENV{MILTER_HEADER_VALUE});
	END
	finds 'it ran a command that stood in mail (an expression of Python)' -e helo <<-'END'
		#!/usr/bin/python3
		import os
		try:
		    eval(os.environ["MILTER_HELO"])
		except Exception:
		    pass
	END
	finds 'it ran a command that stood in mail (a command of sed)' -e helo <<-'END'
		printf 'x\n' | sed "s/x/$MILTER_HELO/" >/dev/null 2>&1
		exit 0
	END
}

@test "mail that speaks for the handler" {
	# dash's echo makes line ends of what is escaped
	finds 'header: mail spoke for the handler' -e header <<-'END'
		#!/bin/dash
		echo "log $MILTER_HEADER_VALUE"
		echo continue
	END
	finds 'helo: mail spoke for the handler: "mailspoke' -e helo <<-'END'
		printf '%s\n' "log $(printf '%b' "$(printf '%b' "$MILTER_HELO")")"
	END
}

@test "bytes that are changed" {
	finds 'it changed a value (percent signs) to: "tk03100' -e header <<-'END'
		printf "log $MILTER_HEADER_VALUE\n"
		printf 'continue\n'
	END
	assert_output_has 'is the value a format of printf?'
	finds 'it changed a value (backslashes) to' -e header <<-'END'
		while read key value && [ -n "$key" ]; do
			[ "$key" != header-value ] || printf '%s\n' "log $value"
		done
	END
	finds 'it changed a value (runs of blanks) to: "tk04a b c"; blanks are gone: is a variable without quotes' \
	    -e header <<-'END'
		set -f
		printf '%s\n' "log $(printf '%s ' $MILTER_HEADER_VALUE)"
	END
	finds 'it changed a value (bytes that are no UTF-8) to' -e header <<-'END'
		#!/usr/bin/python3
		import os
		value = os.environb[b"MILTER_HEADER_VALUE"].decode("utf-8", "replace")
		os.write(1, b"log " + value.encode("ascii", "replace") + b"\n")
	END
	assert_output_has 'bytes above 127 have changed'
	finds 'blanks at its ends are gone' -e header <<-'END'
		value=$(printf '%b' "$MILTER_HEADER_VALUE" | sed 's/\\/\\\\/g' | tr '\n' ' ')
		read -r value <<-.
			$value
		.
		printf '%s\n' "log $value"
	END
}

@test "a pattern that is expanded" {
	finds 'it made the name of a file of a pattern in mail' -e header <<-'END'
		printf '%s\n' "log $(printf '%s ' $MILTER_HEADER_VALUE)"
	END
}

@test "a verdict that depends on an expression, a pattern, a query" {
	finds 'its verdict depends on whether mail has operators of test' -e header <<-'END'
		if [ $MILTER_HEADER_VALUE = spam ]; then
			printf '%s\n' reject
		fi 2>/dev/null
	END
	finds 'its verdict depends on whether mail has a star: "reject, and continue"; is a value a part of an expression' \
	    -e helo <<-'END'
		case spam in
		$MILTER_HELO) printf '%s\n' reject ;;
		esac
	END
	finds 'its verdict depends on whether mail has a condition of SQL that holds' \
	    -e header <<-'END'
		#!/usr/bin/python3
		import os, sqlite3
		db = sqlite3.connect(":memory:")
		db.execute("create table t (s text)")
		db.execute("insert into t values ('spam')")
		value = os.environ["MILTER_HEADER_VALUE"]
		try:
		    if db.execute("select * from t where s = '%s'" % value).fetchall():
		        print("reject")
		except sqlite3.Error:
		    pass
	END
}

@test "memory of another message" {
	finds 'end-of-headers: it answers with a value of an earlier message' \
	    -e header,end-of-headers -o 'reuse = yes' <<-'END'
		while read -r key value; do
			case $key in
			event) event=$value ;;
			header-name) name=$value ;;
			header-value) [ "$name" != Subject ] || subject=$value ;;
			'') [ "$event" = header ] || printf '%s\n' "log subject $subject"
				printf '%s\n' continue ;;
			esac
		done
	END
	loop 'case $event in mail) n=$((n + 1)) ;; esac
		[ "${n:-0}" -lt 2 ] || printf "%s\n" reject
		printf "%s\n" continue' |
	    finds 'answers another way' -e mail,end-of-message -o 'scope = session'
}

@test "answers that may change are not compared" {
	loop 'n=$((n + 1)); [ $((n % 2)) = 0 ] || { printf "%s\n" tempfail; continue; }
		printf "%s\n" continue' | write_handler fickle
	fine --stateful -e mail -o 'reuse = yes' "$HANDLERS/fickle"
	torture -e mail -o 'reuse = yes' "$HANDLERS/fickle"
	assert_status 1
	assert_output_has 'it answers another way'
}

@test "a name of a macro or a value that it does not expect" {
	finds 'and gave no verdict' -e mail -o 'reuse = yes' <<-'END'
		while read -r key value; do
			case $key in
			macro) eval "macro_${value%% *}=x" 2>/dev/null || exit 9 ;;
			'') printf '%s\n' continue ;;
			esac
		done
	END
}

@test "whom it is not asked about makes no difference" {
	local option

	for option in 'only-clients = {192.0.2.1}' 'except-clients = {0.0.0.0/0}' 'shadow = yes'; do
		finds 'mail: it ended with status 3' -e mail -o "$option" <<<'exit 3'
		finds 'in the daemon: its log says' -o 'input = message' \
		    -o 'output = none' -o "$option" <<<'exit 3'
	done
}

@test "programs that read the message itself" {
	write_handler good <<-'END'
		cat >/dev/null
		[ "$MILTER_SENDER" != '<x@y.example>' ]
	END
	fine -o 'input = message' -o 'output = none' "$HANDLERS/good"
	finds 'message: it ran a command that stood in mail (backquotes)' \
	    -o 'input = message' -o 'output = none' <<-'END'
		eval "x=\"$(sed -n 's/^Subject: //p')\""
		exit 0
	END
	finds 'what becomes of a message depends on whether it has a star' \
	    -o 'input = message' <<-'END'
		#!/bin/bash
		subject=$(sed -n 's/^Subject: //p')
		case spam in
		$subject) printf '%s\n' reject ;;
		esac
	END
	finds 'end-of-message: it changed a value (backslashes) to' -o 'input = message' <<-'END'
		#!/bin/dash
		printf '%s\n' "add-header X-Copy $(sed -n 's/^X-Torture://p')"
	END
	finds 'in the daemon: its log says' -o 'input = message' -o 'output = none' <<-'END'
		if grep -q 'every other'; then :; fi
		[ "$MILTER_SENDER" != '<>' ] || exit 3
	END
}

@test "slow answers, and processes that are all in use, are no mistake" {
	loop 'sleep 0.01; echo continue' | write_handler slow
	torture -e mail -o 'reuse = yes' -o 'processes = 1' -o 'slow = 1ms' "$HANDLERS/slow"
	assert_status 0
}

@test "usage" {
	run "$MILTER_SEND" --torture -s unix:/nowhere
	assert_status 2
	run "$MILTER_SEND" --torture -n 5 -e mail -x true
	assert_status 2
	run "$MILTER_SEND" --stateful -e mail -x true
	assert_status 2
	run "$MILTER_SEND" --torture -o 'nonsense = 1' -e mail -x true
	assert_status 2
	run "$MILTER_SEND" --torture -e nonsense -x true
	assert_status 2
}
