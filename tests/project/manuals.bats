#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The manual pages, and that the examples in them and in examples/ work.

bats_require_minimum_version 1.5.0

load ../lib/common

setup() {
	test_setup
	top=$TOP_DIR
	spam='event mail\nsession 1.1\nmessage 1.1.1\ncomplete\nhelo a\\\\b\\0040\n'
	spam="${spam}sender <a@x.spam.example>\nsender-domain x.spam.example\n\n"
	ham='event mail\nsession 1.1\nmessage 1.1.2\ncomplete\n'
	ham="${ham}sender <a@notspam.example>\nsender-domain notspam.example\n\n"
	last='event end-of-message\nsession 1.1\nmessage 1.1.2\ncomplete\n'
	last="${last}sender <>\nsender-domain \nmacro i 4XYZ\n\n"
	refusal='reject 550 5.7.1 No mail from there'
	cp -p "$top"/handlers/* "$HANDLERS"
	cd "$WORK" || return
}

# An example of pipemilter-handler(7): the nth display after a line that is $1.
example() {
	example_of pipemilter-handler.7 "$@"
}

# example_of PAGE ...: the same, from another page, with our own libraries
example_of() {
	awk -v after="$2" -v n="${3:-1}" -v lib="$top/libraries" '
		$0 == after { found = 1 }
		found && /^\.Bd -literal/ { show = ++seen == n; next }
		/^\.Ed/ { if (show) exit; next }
		show { gsub(/\\e/, "\\"); sub(/^\\&/, ""); gsub(/@pkgdatadir@/, lib); print }
	' "$top/man/$1.in"
}

# handler BLOCK COMMAND...: what it says to one block.
handler() {
	local block=$1 event domain
	shift
	event=$(printf "$block" | sed -n '1s/event //p')
	domain=$(printf "$block" | sed -n 's/^sender-domain //p')
	printf "$block" | env -i PATH="$PATH" LC_ALL=C MILTER_EVENT="$event" \
	    MILTER_SENDER_DOMAIN="$domain" "$@"
}

# loop NAME COMMAND...: the same filter, block after block. It says nothing to a
# report, and a scope that begins finds nothing of the one before.
loop() {
	local name=$1 bare='event mail\nsession 1.1\nmessage 1.1.3\ncomplete\n\n'
	shift
	[ "$(handler "$spam${ham/event/report}$last$ham$spam$bare" "$@")" = "$refusal
add-header X-Seen-By $name
continue
continue
$refusal
continue" ]
	asked "$@"
}

# asked COMMAND...: the reply comes while the next block is waited for.
asked() {
	local said=
	mkfifo to from
	env -i PATH="$PATH" LC_ALL=C "$@" < to > from &
	exec 8> to 9< from
	printf "$ham" >&8
	read -r -t 10 said <&9 || :
	exec 8>&- 9<&-
	wait "$!" || :
	rm to from
	[ "$said" = continue ]
}

# filter COMMAND...: the filter that all examples are.
filter() {
	[ "$(handler "$spam" "$@")" = "$refusal" ]
	[ "$(handler "${spam//x.spam/spam}" "$@")" = "$refusal" ]
	case $(handler "$ham" "$@") in
	''|continue) ;;
	*)	return 1 ;;
	esac
	[[ $(handler "$last" "$@") == 'add-header X-Seen-By handler'*$'\ncontinue' ]]
}

@test "manual pages pass lint, as they stand and with places put in" {
	local page file
	for page in "$top"/man/*.in; do
		cp "$page" raw
		sed -e 's|@[a-z]*dir@|/usr/local/lib/somewhere|g' "$page" > made
		run ! grep -q '@[a-z]*dir@' made
		for file in raw made; do
			mandoc -T lint "$file" 2>/dev/null |
			    sed '/referenced manual not found/d' > complaints || :
			[ ! -s complaints ] || { cat complaints; return 1; }
		done
	done
}

@test "manual pages refer to each other and name no page that is not there" {
	local page
	sed -n 's/^\.Xr \(pipemilter[^ ]*\|milter-send\) \([0-9]\).*/\1.\2/p' \
	    "$top"/man/*.in | sort -u > pages
	[ -s pages ]
	while read -r page; do
		[ -f "$top/man/$page.in" ]
	done < pages
}

@test "manual: the first example" {
	local answer='reject 550 5.7.1 example.com may not send here'
	example '.Sh DESCRIPTION' > handler
	[ "$(handler 'event mail\nsender-domain a.example.com\n\n' sh handler)" = "$answer" ]
	[ "$(handler 'event mail\nsender-domain example.com\n\n' sh handler)" = "$answer" ]
	[ -z "$(handler 'event mail\nsender-domain anexample.com\n\n' sh handler)" ]
}

@test "manual: the example in the shell" {
	local shell
	example 'In the shell, from variables:' > handler
	for shell in dash 'bash --posix' 'busybox sh'; do
		# shellcheck disable=SC2086
		filter $shell handler
	done
}

@test "manual: the example in the shell, as a loop" {
	local shell
	example 'In the shell:' > handler
	for shell in dash 'bash --posix' 'busybox sh'; do
		# shellcheck disable=SC2086
		filter $shell handler
		# shellcheck disable=SC2086
		loop handler $shell handler
	done
}

@test "manual: the example in Perl" {
	example 'In Perl:' > handler
	filter perl handler
	loop handler perl handler
}

@test "manual: the example in Python" {
	example 'In Python, with a function that undoes escapes:' > handler
	filter python3 handler
	loop handler python3 handler
	sed '/^line = /,$d' handler > unescape
	printf '%s\n' 'print(unescape(rb"a\\b\n\0040\z"))' >> unescape
	[ "$(python3 unescape)" = "b'a\\\\b\\n \\\\z'" ]
}

@test "manual: the example with the library for the shell" {
	local shell
	example_of pipemilter-libraries.7 'In the shell:' > handler
	for shell in dash 'bash --posix' 'busybox sh' mksh zsh; do
		# shellcheck disable=SC2086
		filter $shell handler
		# shellcheck disable=SC2086
		loop handler $shell handler
	done
}

@test "manual: the example with the library for Perl" {
	example_of pipemilter-libraries.7 'In Perl:' > handler
	filter perl handler
	loop handler perl handler
}

@test "manual: the example with the library for Python" {
	export PYTHONDONTWRITEBYTECODE=1
	example_of pipemilter-libraries.7 'In Python:' > handler
	filter python3 handler
	loop handler python3 handler
}

@test "manual: the example in C" {
	example 'In C:' > handler.c
	"${CC:-cc}" -Wall -Wextra -Werror -o handler handler.c
	filter ./handler
	loop handler ./handler
}

@test "manual: the example that counts in a value of the message" {
	example 'The number so far is kept in a value of the message:' > handler
	handle() { env -i PATH="$PATH" "$@" sh handler </dev/null; }
	[ "$(handle MILTER_HEADER_NAME=Received)" = $'set-message hops 1\ncontinue' ]
	[ "$(handle MILTER_HEADER_NAME=received MILTER_CONTEXT_hops=29)" = \
	    $'set-message hops 30\ncontinue' ]
	[ "$(handle MILTER_HEADER_NAME=Received MILTER_CONTEXT_hops=30)" = \
	    'reject 554 5.4.6 Too many hops' ]
	[ -z "$(handle MILTER_HEADER_NAME=To MILTER_CONTEXT_hops=30)" ]
}

@test "manual: the example that reads a payload" {
	example '.Ss Payloads' > handler
	local shell
	for shell in dash 'bash --posix' 'busybox sh'; do
		# shellcheck disable=SC2086
		[ "$(printf 'event body\nlength 20\n\nplease click here \000\n' |
		    $shell handler)" = reject ]
		# shellcheck disable=SC2086
		[ -z "$(printf 'event body\ncommand click here\nlength 2\n\nno' |
		    $shell handler)" ]
	done
}

@test "examples: the same filter in nine languages, and block after block" {
	local shell name
	"${CC:-cc}" -Wall -Wextra -Werror -o handler.c "$top/examples/handler.c"
	for shell in dash 'bash --posix' 'busybox sh'; do
		# shellcheck disable=SC2086
		filter $shell "$top/examples/handler.sh"
	done
	cp "$top"/examples/handler.{sh,awk,js,lua,pl,py,rb,tcl} .
	for name in sh awk c js lua pl py rb tcl; do
		filter "./handler.$name"
		loop "handler.$name" "./handler.$name"
	done
	loop handler.awk mawk -W interactive -f handler.awk
	loop handler.awk busybox awk -f handler.awk
}

@test "examples: those that undo escapes undo all of them" {
	local name
	cat > block <<-'END'
		event mail
		complete
		helo \0040\\n\n\r\0001\0377\\0040\z\
		sender-domain x\0056spam\0056example

	END
	for name in js lua pl py rb tcl; do
		[ "$("$top/examples/handler.$name" < block)" = "$refusal" ]
	done
}

# blocks TAGGED: two events, a report, and if tagged with their numbers and with a
# payload that looks like an event.
blocks() {
	printf 'event mail\nsession a.1\n%scomplete\nsender <>\n\n' "${1:+$'event-id 7\n'}"
	printf 'report header\nsession a.1\nheader-name event\nheader-value mail\n\n'
	[ -z "${1:-}" ] ||
		printf 'event body\nsession a.1\nevent-id 8\nlength 14\n\nevent helo\n\n\n\n'
	printf 'event end-of-message\nsession a.1\n%s\n' "${1:+$'event-id 9\n'}"
}

@test "examples: handlers that last answer many blocks, and don't wait for more" {
	local name handler line
	"${CC:-cc}" -O2 -Wall -Werror -o pool "$top/examples/pool.c"
	for handler in ./pool "$top/examples/pool.pl" "$top/examples/pool.sh"; do
		[ "$(blocks | "$handler")" = $'continue\ncontinue' ]
		[ "$(blocks | "$handler" X-A 'b c')" = \
		    $'continue\nadd-header X-A b c\ncontinue' ]
		# A block is answered while more may come.
		mkfifo to from
		"$handler" <to >from 3>&- 4>&- &
		exec 5>to 6<from
		for name in mail rcpt; do
			printf 'event %s\nsession a.1\n\n' "$name" >&5
			read -r -t 10 line <&6
			[ "$line" = continue ]
		done
		exec 5>&- 6<&-
		wait $!
		rm to from
	done
	for handler in ./pool "$top/examples/pool.pl"; do
		[ "$(blocks tagged | "$handler" X-A b)" = $'event-id 7\ncontinue
event-id 8\ncontinue\nevent-id 9\nadd-header X-A b\ncontinue' ]
		# In pieces of a byte, and with a payload longer than a pipe holds.
		[ "$(blocks tagged | dd bs=1 status=none | "$handler")" = \
		    "$(blocks tagged | "$handler")" ]
		[ "$({ printf 'event body\nlength 3000000\n\n'
		    head -c 3000000 /dev/zero | tr '\0' '\n'
		    printf 'event rcpt\n\n'; } | "$handler")" = $'continue\ncontinue' ]
	done
}

# good FILE: pipemilter takes this configuration, on this machine: with the
# handlers from here, and without users and groups that may not exist.
good() {
	sed -e "s|/usr/local/libexec/pipemilter|$HANDLERS|" \
	    -e '/^[[:blank:]]*\(engine-user\|handler-user\|user\|group\|owner\|control-group\) *=/d' \
	    "$1" > copy.conf
	if [ -n "$ENGINE_USER" ]; then
		printf '%s\n' "engine-user = $ENGINE_USER" "handler-user = $HANDLER_USER" >> copy.conf
	fi
	"$PIPEMILTER" -n -f "$PWD/copy.conf"
}

@test "examples: pipemilter.conf is good, and so are the defaults it shows" {
	good "$top/examples/pipemilter.conf"
	sed 's/^\([[:blank:]]*\)#: /\1/' "$top/examples/pipemilter.conf" > defaults.conf
	run ! diff -q defaults.conf "$top/examples/pipemilter.conf"
	good defaults.conf
}

@test "examples: pipemilter.conf has all options that the manual has" {
	local option
	sed -n '/^\.Sh GLOBAL/,/^\.Sh WHAT/s/^\.It Ic \([a-z-]*\) Li =.*/\1/p' \
	    "$top/man/pipemilter.conf.5.in" > options
	[ "$(wc -l < options)" -gt 40 ]
	while read -r option; do
		grep -Eq "^[[:blank:]]*#?:?[[:blank:]]*$option +=" \
		    "$top/examples/pipemilter.conf" || { echo "$option"; return 1; }
	done < options
}

@test "handlers: what their comments say to configure is good" {
	local file
	for file in "$HANDLERS"/*; do
		printf '%s\n' 'listen "unix:/nowhere/milter.sock" {}' > one.conf
		# The first section of the comment.
		awk '/^#\thandler /, /^#\t}/ { sub(/^#\t/, ""); print; if (/^}/) exit }' \
		    "$file" >> one.conf
		good one.conf
	done
}
