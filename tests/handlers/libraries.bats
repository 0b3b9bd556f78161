#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What makes handlers short, lib/: the same script knows and says the same with
# each library, under every scope, with reuse and without.

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/proto
load ../lib/loops

ALL='connect, helo, mail, rcpt, header, end-of-headers, body, end-of-message'

SHELLS=(dash bash 'busybox sh' mksh zsh)

setup_file() {
	local shell

	proto_start
	cp "$TOP_DIR"/libraries/{handler.sh,pipemilter.py,Pipemilter.pm} "$LIB_DIR"/handlers/libraries/* "$HANDLERS"
	loop_handler python "'$HANDLERS/loop.py'" "$ALL"
	for shell in "${SHELLS[@]}"; do
		loop_handler "${shell%% *}" "${shell/ /, }, '$HANDLERS/loop.sh'" "$ALL"
	done
	handler piped "command = {dash, '$HANDLERS/piped.sh'}" \
	    'events = {mail, rcpt, end-of-message}' 'scope = session' 'reuse = yes' \
	    "on-failure = 'reject 554 5.3.0 failed'"
	many python "'$HANDLERS/loop.py'"
	loop_handler perl "'$HANDLERS/loop.pl'" "$ALL"
	many perl "'$HANDLERS/loop.pl'"
	proto_run
}

# many NAME COMMAND: for libraries that keep sessions apart
many() {
	local scope

	for scope in message session; do
		handler "$1-$scope-many" "command = {$2}" "events = {$ALL}" \
		    'reports = {abort, disconnect}' "scope = $scope" \
		    'reuse = yes' 'concurrency = 5' 'processes = 1' \
		    "on-failure = 'reject 554 5.3.0 failed'"
	done
}

setup() {
	proto_setup
	cd "$BATS_TEST_TMPDIR" || return
	LIBRARY=$HANDLERS/handler.sh
	export PYTHONPATH=$HANDLERS PERL5LIB=$HANDLERS PYTHONDONTWRITEBYTECODE=1 LC_ALL=C LIBRARY
}

teardown_file() {
	test_teardown
}

# serves_many NAME: one process, and sessions that overlap
serves_many() {
	knows_all "$1-message-many"
	assert_equal "$(pid_of 1) $(pid_of 1)" "$(pid_of 2) $(pid_of 3)"
	knows_all "$1-session-many"
	assert_equal "$(pid_of 1) $(pid_of 1)" "$(pid_of 2) $(pid_of 3)"
}

# ask COMMAND ...: it reads standard input; the replies are in `out', what
# it complained about in `err', its exit status in $status.
ask() {
	status=0
	"$@" >out 2>err || status=$?
}

# said [LINE ...]: the replies
said() {
	if [ $# -gt 0 ]; then
		printf '%s\n' "$@"
	fi >want
	assert_same_file want out
}

complained() {
	if ! grep -qF -- "$1" err; then
		printf 'not in standard error: %s\n' "$1"
		cat err
		return 1
	fi
}

# block FIRST-LINE [LINE ...]: one that is complete
block() {
	local first=$1

	shift
	printf '%s\n' "$first" 'session 1.1' 'message 1.1.1' complete "$@" ''
}

# All bytes that a value can have, as they stand in a block.
all_bytes() {
	local i octal

	for ((i = 1; i < 256; i++)); do
		printf -v octal %03o "$i"
		case $i in
		10) printf '%s' '\n' ;;
		13) printf '%s' '\r' ;;
		92) printf '%s' '\\' ;;
		127) printf '%s' '\0177' ;;
		*)
			if [ "$i" -lt 32 ] && [ "$i" -ne 9 ]; then
				printf '%s' "\0$octal"
			else
				printf '%b' "\0$octal"
			fi ;;
		esac
	done
}

# Events with numbers, of two sessions; the last is of one that is over.
numbered() {
	printf '%s\n' 'event helo' 'session 1.1' 'event-id 7' complete 'helo one' ''
	printf '%s\n' 'event helo' 'session 1.2' 'event-id 8' complete 'helo two' ''
	printf '%s\n' 'event data' 'session 1.1' 'event-id 9' ''
	printf '%s\n' 'report disconnect' 'session 1.1' 'event-id 10' ''
	printf '%s\n' 'event data' 'session 1.2' 'event-id 11' ''
	printf '%s\n' 'event data' 'session 1.1' 'event-id 12' ''
}

# all_said: the bytes of all_bytes as they are in a reply
all_said() {
	all_bytes | LC_ALL=C perl -pe 's/\\0([0-7]{3})/chr oct $1/ge'
}

# Blocks with values of 100 kB
long_values() {
	local n=1 part

	for part in x '\\' '\n	' 'x\r'; do
		block 'event helo' "helo $(perl -e 'print $ARGV[0] x (1e5 / length $ARGV[0])' "$part")x" \
		    >long.$n
		n=$((n + 1))
	done
}

# knows_blocks COMMAND ...: what it is told, and forgets
knows_blocks() {
	ask "$@" <"$LIB_DIR/handlers/libraries/blocks"
	assert_same_file "$LIB_DIR/handlers/libraries/told" out
	assert_equal "$status" 0
	assert_file_has err recipient_arguments=NOTIFY=NEVER
	if [ ! -e bytes ]; then
		block 'event helo' "helo $(all_bytes)" >bytes
		{ printf 'log helo=' && all_said && echo; } >all
		long_values
	fi
	ask "$@" <bytes
	grep -a '^log helo=' out >is
	assert_same_file all is
	[ "$(wc -c <all)" -gt 255 ]
	# As much as a mail server may let through
	for i in long.?; do
		ask timeout 60 "$@" <"$i"
		sed -n 's/^helo /log helo=/p' "$i" >want
		grep -a '^log helo=' out >is
		assert_same_file want is
	done
	# Nothing at all
	ask "$@" </dev/null
	assert_equal "$(cat out)$status" 0
}

# acts COMMAND ...: each action and verdict
acts() {
	printf 'A\0b\n' >body
	export BODY=$PWD/body
	{
		block 'event connect'
		block 'event mail'
		for i in 1 2 3 4 5 7; do
			block 'event rcpt' 'recipients 1' "recipient <$i@b.example>"
		done
		block 'event data'
		block 'event header' 'header-name A' 'header-value b'
		block 'report end-of-message' 'answer continue'
		block 'report abort'
		block 'event unknown' 'command 5 \nreject'
		block 'event end-of-message'
		block 'event unknown' 'command -e'
	} >in
	ask "$@" <in
	{
		printf '%s\n' 'set a-b ' 'unset a' continue \
		    $'set-message b  \t\\\\n\\r\\n ' accept \
		    'reject 550 5.1.1 100% \\o/\nNo' 'tempfail 451 4.7.1 *   two' \
		    tempfail discard 'shutdown So long' continue continue skip \
		    'reject 5 \nreject' \
		    $'add-header X-A -n %s\\\\c * $HOME\\n\tfolded ' \
		    'insert-header 1 X-B ' 'change-header X-C 2 c' 'delete-header X-D' \
		    'delete-header X-E 3' 'change-sender <>' 'change-sender <a@b> RET=HDRS' \
		    'add-recipient <"a \\" b"@c>' \
		    'add-recipient <a@c> NOTIFY=NEVER ORCPT=rfc822;a' \
		    'delete-recipient <a@d>' 'quarantine why not' 'log said' \
		    'replace-body 4'
		cat body
		printf '%s\n' continue 'reject -e'
	} >want
	assert_same_file want out
	assert_equal "$status" 0
	complained 'stray True'
	complained 'add-header has no effect: the answer has been given'
	complained 'add-header has no effect: nobody waits for an answer to a report'
	complained 'reject has no effect: the answer has been given'
	complained 'reject has no effect: nobody waits for an answer to a report'
	complained 'told'
	# An exit is an answer, and what was asked for before it counts.
	block 'event rcpt' 'recipients 1' 'recipient <6@b.example>' >in
	ask "$@" <in
	said 'add-header X-Part 1' progress
	assert_equal "$status" 75
}

# replies_at_once COMMAND ...: while the next block is waited for
replies_at_once() {
	local said=

	mkfifo to from
	"$@" <to >from 2>err &
	exec 8>to 9<from
	block 'event data' >&8
	read -r -t 10 said <&9 || :
	exec 8>&- 9<&-
	wait "$!"
	rm to from
	assert_equal "$said" continue
}

# --- pipemilter.py

python() {
	ask python3 -W error "$@"
}

# script TEXT: a handler with the library
script() {
	printf '%s\n' 'import sys, pipemilter' "$1" 'pipemilter.main()' >h.py
}

@test "python: what blocks tell is known, and forgotten in time" {
	knows_blocks python3 -W error "$HANDLERS/tell.py"
}

@test "python: every action and every verdict" {
	acts python3 -W error "$HANDLERS/acts.py"
	replies_at_once python3 -W error "$HANDLERS/acts.py"
}

@test "python: the same script under every scope, with reuse and without" {
	loop_works python
}

@test "python: one process keeps many sessions apart" {
	serves_many python
}

@test "python: an exception is told, and is a failure" {
	script 'def on_data(m): m.add_header("X-A", 1); raise ValueError("oh")'
	block 'event data' >in
	python h.py <in
	assert_equal "$status:$(cat out)" 70:
	complained 'ValueError: oh'
	# After a verdict that stands.
	script 'def on_data(m): m.reject("no"); oh()'
	python h.py <in
	said 'reject no'
	assert_equal "$status" 70
	complained NameError
	# In a report too.
	block 'report data' >in
	python h.py <in
	assert_equal "$status:$(cat out)" 70:
}

@test "python: what cannot stand in a reply is an exception" {
	local calls='add_header("X A", "")|add_header("", "x")|add_header("X-A", "a\0b")'
	calls+='|insert_header(0, "a:b", "")|change_header("X\n", 1, "")|delete_header("Ä")'
	calls+='|insert_header("a", "X-A", "")|set_context("a b", "")|reject("\0")'
	calls+='|set_message_context("", "")|unset_context("a\tb")|log(7)'
	block 'event data' >in
	script "
def on_data(m):
    for call in r'''$calls'''.split('|'):
        try:
            eval('m.' + call)
        except (ValueError, TypeError):
            continue
        print('taken:', call)
"
	python h.py <in
	said 'log 7' continue
	assert_equal "$(cat err)" 'taken: log(7)'
}

@test "python: an exit after a verdict, and before one" {
	block 'event data' >in
	script 'def on_data(m): m.reject("no"); sys.exit(0)'
	python h.py <in
	said 'reject no'
	script 'def on_data(m): m.add_header("X-A", "b"); sys.exit(0)'
	python h.py <in
	said 'add-header X-A b'
	assert_equal "$status" 0
}

@test "python: bytes come back as they came" {
	block 'event helo' "helo $(all_bytes)" >in
	script 'def on_helo(m): m.log(m.helo.encode("utf-8", "surrogateescape")); print(m.helo)'
	python h.py <in
	{ printf 'log '; all_said; printf '\ncontinue\n'; } >want
	assert_same_file want out
	LC_ALL=C grep -aq $'\377' err
}

@test "python: a function for no event is told, one that is missing passes" {
	script $'def on_rctp(m): m.reject()\ndef on_end_of_message(m): m.reject()'
	block 'event rcpt' 'recipient <a@b>' >in
	python h.py <in
	said continue
	complained 'on_rctp: there is no such event'
	refute_file_has err 'on_end_of_message'
	assert_equal "$(wc -l <err)" 1
}

@test "python: a script without main is a failure" {
	block 'event data' >in
	printf '%s\n' 'import pipemilter' 'def on_data(m): m.reject()' 'print("so far")' >h.py
	python h.py <in
	said 'so far'
	assert_equal "$status:$(cat err)" '70:pipemilter.py: the script has ended without pipemilter.main()'
	# The script itself says how it ends.
	for i in 'sys.exit(75)' 'raise SystemExit(75)' 'if True: exit(75)'; do
		printf '%s\n' 'import sys, pipemilter' "$i" >h.py
		python h.py <in
		assert_equal "$status:$(cat out err)" 75:
	done
	printf '%s\n' 'import pipemilter' 'pipemilter.oh' >h.py
	python h.py <in
	assert_equal "$status" 1
	# A script that only looks at the functions
	printf '%s\n' 'import pipemilter' >h.py
	python -c 'import h, pipemilter' <in
	assert_equal "$status:$(cat out err)" 0:
}

@test "python: without spool a file is no empty name" {
	script 'def on_end_of_message(m): m.log(m.body_file)'
	block 'event end-of-message' >in
	python h.py <in
	assert_equal "$status:$(cat out)" 70:
	complained 'end-of-message: there is no body_file: it takes end-of-message, and spool = yes'
	block 'event end-of-message' 'body-file /a' >in
	block 'event data' >>in
	python h.py <in
	said 'log /a' continue continue
}

@test "python: a block of a session that is not known is a failure" {
	script 'def on_data(m): m.pass_()'
	printf '%s\n' 'event data' 'session 1.1' 'message 1.1.1' '' >in
	python h.py <in
	assert_equal "$status:$(cat out)" 70:
	complained 'has been forgotten'
	# Without numbers the blocks come one after the other.
	numbered | grep -v '^event-id' >in
	python h.py <in
	said continue continue
	assert_equal "$status" 70
}

@test "python: replies to events that have a number, and sessions apart" {
	script $'def on_data(m): m.add_header("X-A", m.helo)\nmain = globals()'
	numbered >in
	python h.py <in
	said 'event-id 7' continue 'event-id 8' continue 'event-id 9' \
	    'add-header X-A one' continue 'event-id 11' 'add-header X-A two' continue
	assert_equal "$status" 70
	complained 'has been forgotten'
}

@test "python: a payload is bytes, and one that is cut no event" {
	script 'def on_body(m): m.log(repr(m.payload))'
	{ block 'event body' 'length 6' && printf '\0\n\n\377ab'; } >in
	python h.py <in
	said "log b'\\\\x00\\\\n\\\\n\\\\xffab'" continue
	{ block 'event body' 'length 7' && printf '\0\n\n\377ab'; } >in
	python h.py <in
	assert_equal "$status:$(cat out)" 0:
}

# --- Pipemilter.pm

perl_script() {
	printf '%s\n' 'use strict; use warnings FATAL => "all"; use Pipemilter;' "$1" \
	    'Pipemilter::main();' >h.pl
}

# perl_h STATUS [LINE ...]: how `in' is answered
perl_h() {
	local want=$1

	shift
	ask perl h.pl <in
	cat err
	said "$@"
	assert_equal "$status" "$want"
}

@test "perl: what blocks tell is known, and forgotten in time" {
	knows_blocks "$HANDLERS/tell.pl"
}

@test "perl: every action and every verdict" {
	acts "$HANDLERS/acts.pl"
	replies_at_once "$HANDLERS/acts.pl"
}

@test "perl: the same script under every scope, with reuse and without" {
	loop_works perl
}

@test "perl: one process keeps many sessions apart" {
	serves_many perl
}

@test "perl: a function that dies is told, and is a failure" {
	block 'event data' >in
	perl_script 'sub on_data { $_[0]->add_header("X-A", 1); die "oh" }'
	perl_h 70 'add-header X-A 1'
	complained 'oh at h.pl line'
	perl_script 'sub on_data { $_[0]->reject("no"); $_[0]->oh }'
	perl_h 70 'reject no'
	complained 'object method "oh"'
	perl_script 'sub on_data { $_[0]->reject("no"); exit }'
	perl_h 0 'reject no'
}

@test "perl: what cannot stand in a reply dies" {
	block 'event data' >in
	perl_script 'sub on_data {
		my ($m) = @_;
		for my $call ("add_header(q(X A), 1)", "add_header(q(), 1)",
		    "add_header(q(X-A), qq(a\\0b))", "insert_header(0, q(a:b), 1)",
		    "insert_header(q(a), q(X-A), 1)", "delete_header(qq(X-A\\n))",
		    "change_header(q(X-A), q(), 1)", "set_context(q(a b), 1)",
		    "set_message_context(q(), 1)", "unset_context(qq(a\\n))",
		    "reject(qq(\\0))", "log(qq(a\\0b))") {
			print "taken: $call\n" if eval "\$m->$call; 1";
		}
	}'
	perl_h 0 'log a?b' continue
	assert_equal "$(cat err)" 'taken: log(qq(a\0b))'
}

@test "perl: text is bytes, and what is not is written in UTF-8" {
	block 'event helo' $'helo \303\244' >in
	perl_script 'sub on_helo { $_[0]->log($_[0]->helo); $_[0]->log("\x{20ac}") }'
	perl_h 0 $'log \303\244' $'log \342\202\254' continue
}

@test "perl: a function for no event is told, one that is missing passes" {
	perl_script 'sub on_rctp { $_[0]->reject } sub on_end_of_message { $_[0]->reject }'
	block 'event rcpt' 'recipient <a@b>' >in
	perl_h 0 continue
	assert_equal "$(cat err)" 'Pipemilter.pm: on_rctp: there is no such event'
}

@test "perl: a script without main is a failure" {
	block 'event data' >in
	printf '%s\n' 'use Pipemilter;' 'sub on_data { }' >h.pl
	perl_h 70
	assert_equal "$(cat err)" 'Pipemilter.pm: the script has ended without Pipemilter::main'
	printf '%s\n' 'use Pipemilter;' 'exit 75;' >h.pl
	perl_h 75
	assert_equal "$(cat err)" ''
}

@test "perl: without spool a file is no empty name" {
	perl_script 'sub on_end_of_message { $_[0]->log($_[0]->body_file) }'
	block 'event end-of-message' >in
	perl_h 70
	complained 'end-of-message: there is no body_file: it takes end-of-message, and spool = yes'
	block 'event end-of-message' 'body-file /a' >in
	block 'event data' >>in
	perl_h 0 'log /a' continue continue
}

@test "perl: replies to events that have a number, and sessions apart" {
	perl_script 'sub on_data { $_[0]->add_header("X-A", $_[0]->helo) }'
	numbered >in
	perl_h 70 'event-id 7' continue 'event-id 8' continue 'event-id 9' \
	    'add-header X-A one' continue 'event-id 11' 'add-header X-A two' continue
	complained 'has been forgotten'
	numbered | grep -v '^event-id' >in
	perl_h 70 continue continue
}

@test "perl: a payload is bytes, and one that is cut no event" {
	perl_script 'sub on_body { $_[0]->log(unpack "H*", $_[0]->payload) }'
	{ block 'event body' 'length 6' && printf '\0\n\n\377ab'; } >in
	perl_h 0 'log 000a0aff6162' continue
	{ block 'event body' 'length 7' && printf '\0\n\n\377ab'; } >in
	perl_h 0
}

@test "perl: no warnings" {
	run -0 perl -c -w "$TOP_DIR/libraries/Pipemilter.pm"
	assert_equal "$output" "$TOP_DIR/libraries/Pipemilter.pm syntax OK"
}

# --- handler.sh

# in_shells COMMAND ...: runs the command once for each shell, whose words follow it
in_shells() {
	local shell words

	for shell in "${SHELLS[@]}" 'bash --posix' 'zsh --emulate sh'; do
		IFS=' ' read -ra words <<<"$shell"
		# With `||' after the command, bats would not see a failure inside it.
		echo "in $shell:"
		"$@" "${words[@]}"
	done
}

shell_tells() {
	knows_blocks "$@" "$HANDLERS/tell.sh"
}

@test "shell: what blocks tell is known, and forgotten in time" {
	in_shells shell_tells
}

shell_acts() {
	acts "$@" "$HANDLERS/acts.sh"
	replies_at_once "$@" "$HANDLERS/acts.sh"
}

@test "shell: every action and every verdict" {
	in_shells shell_acts
}

@test "shell: the same script under every scope, with reuse and without, in dash" {
	loop_works dash
}

@test "shell: the same script under every scope, with reuse and without, in bash" {
	loop_works bash
}

@test "shell: the same script under every scope, with reuse and without, in busybox sh" {
	loop_works busybox
}

@test "shell: the same script under every scope, with reuse and without, in mksh" {
	loop_works mksh
}

@test "shell: the same script under every scope, with reuse and without, in zsh" {
	loop_works zsh
}

# script TEXT; in_shells answers: what `in' is answered with by it
shell_script() {
	printf '%s\n' '. "$LIBRARY"' "$1" milter_main >h.sh
}

# answers STATUS LINE ... -- SHELL ...
answers() {
	local want=$1 lines=()

	shift
	while [ "$1" != -- ]; do
		lines+=("$1")
		shift
	done
	shift
	ask "$@" h.sh <in
	cat err
	said "${lines[@]}"
	assert_equal "$status" "$want"
}

# The user that may not fork
alone() {
	local user=()

	if [ "$(id -u)" -eq 0 ]; then
		user=(setpriv --reuid "$HANDLER_USER" --clear-groups)
	fi
	"${user[@]}" prlimit --nproc=1:1 "$@"
}

no_fork() {
	ask alone "$@" "$HANDLERS/tell.sh" <common
	assert_equal "$status:$(cat err)" 0:
	assert_equal "$(grep -c '^continue' out)" "$(grep -c '^event ' common)"
}

@test "shell: what is common needs no other process" {
	# Folded headers and blanks at the ends are.
	sed -e '/^event body/,/^event rcpt/d' -e '/^report/,/^$/d' "$LIB_DIR/handlers/libraries/blocks" |
	    awk 'BEGIN { RS = ""; ORS = "\n\n" } 1' | sed 's/^helo spam/helo ham/' >common
	assert_file_has common $'header-value a\\n\tb\\r\\n c\\n'
	choose_users
	chmod 755 "$BATS_TEST_TMPDIR"
	# A fork would be seen. Shells other than dash try again, for a long time.
	run ! alone dash -c 'x=$(:); :'
	in_shells no_fork
}

@test "shell: a script without milter_main is a failure" {
	block 'event data' >in
	printf '%s\n' '. "$LIBRARY"' 'on_data() { reject; }' 'x=$(:); (exit 0)' >h.sh
	in_shells ends 70 'handler.sh: the script has ended without milter_main'
	printf '%s\n' '. "$LIBRARY"' 'exit 75' >h.sh
	in_shells ends 75 ''
	# The script sets its own trap after the library, and the trap stays.
	shell_script 'trap "echo bye >&2" EXIT'
	in_shells answers 0 continue --
	in_shells complains bye
}

# ends STATUS TEXT SHELL ...: without a reply
ends() {
	local want=$1 text=$2

	shift 2
	ask "$@" h.sh <in
	assert_equal "$status:$(cat out err)" "$want:$text"
}

# complains TEXT SHELL ...
complains() {
	local text=$1

	shift
	ask "$@" h.sh <in
	assert_equal "$(cat err)" "$text"
}

@test "shell: functions that are often meant for an event are told" {
	block 'event data' >in
	shell_script 'on_eom() { reject; }
		on_data() { pass; }'
	in_shells complains 'handler.sh: on_eom: there is no such event'
}

@test "shell: a file that is not there can end the process" {
	block 'event end-of-message' >in
	shell_script 'on_end_of_message() { grep x "${milter_body_file:?}"; }'
	in_shells answers_nothing
}

@test "shell: stray continue, break and return are answered" {
	local word

	{ block 'event data'; block 'event data'; block 'event mail' 'helo x'; } >in
	for word in continue break return 'return 1' 'false' \
	    'for i in 1 2; do continue 2; done' 'for i in 1; do break 2; done'; do
		shell_script "on_data() { $word
		}
		on_mail() { reject \"\$milter_helo\"; }"
		in_shells answers 0 continue continue 'reject x' --
	done
}

@test "shell: set -e ends the process, and is a failure" {
	{ block 'event data'; block 'event data'; } >in
	shell_script 'set -e
		on_data() { add_header X-A b; macro i id || :; false; reject no; }'
	in_shells answers 1 'add-header X-A b' --
	shell_script 'set -e; on_data() { reject no; false; }'
	in_shells answers 1 'reject no' --
	shell_script 'set -eu; on_data() { reject "$nothing"; }'
	in_shells answers_nothing
}

answers_nothing() {
	ask "$@" h.sh <in
	[ "$status" -ne 0 ]
	assert_equal "$(cat out)" ''
}

@test "shell: a verdict in a subshell is the only one" {
	{ block 'event data'; block 'event data'; } >in
	shell_script 'on_data() { (add_header X-A b; reject no); add_header X-B c; }'
	in_shells answers 0 'add-header X-A b' 'reject no' --
	# The right side of a pipe is one in most shells.
	shell_script 'on_data() { echo x | while read -r x; do reject "$x"; done; }'
	in_shells piped
	shell_script 'on_data() { x=$(macro i); y=$(context a); (add_header X-A "$x$y"); }'
	in_shells answers 0 'add-header X-A ' continue 'add-header X-A ' continue --
}

piped() {
	ask "$@" h.sh <in
	case $* in
	zsh) said 'reject x' 'reject x' ;;
	*) said 'reject x' ;;
	esac
	assert_equal "$status" 0
}

@test "shell: what cannot stand in a reply is a failure" {
	local call

	block 'event data' >in
	for call in 'add_header "X A" b' "add_header '' b" 'insert_header "" X-A b' \
	    'set_context "a b" c' 'replace_body /nonexistent' \
	    'macro i "x=\$(reject)"' 'context a-b 1x'; do
		shell_script "on_data() { $call; }"
		in_shells answers 70 'failed handler.sh' --
	done
	shell_script 'on_data() { echo x | while read -r x; do add_header "$x y" z; done; }'
	in_shells fails_first
}

fails_first() {
	ask "$@" h.sh <in
	assert_equal "$(head -n 1 out)" 'failed handler.sh'
}

@test "shell: numbered events are answered, but one session at a time" {
	{
		printf '%s\n' 'event helo' 'session 1.1' 'event-id 7' complete 'helo one' ''
		printf '%s\n' 'event helo' 'session 1.2' 'event-id 8' complete 'helo two' ''
		printf '%s\n' 'event data' 'session 1.2' 'event-id 9' ''
		printf '%s\n' 'report data' 'session 1.2' 'event-id 10' ''
		printf '%s\n' 'event data' 'session 1.1' 'event-id 11' ''
	} >in
	shell_script 'on_data() { add_header X-A "$milter_helo"; }'
	in_shells answers 70 'event-id 7' continue 'event-id 8' continue 'event-id 9' \
	    'add-header X-A two' continue 'failed handler.sh' --
}

@test "shell: a payload is skipped, however it comes" {
	shell_script 'on_body() { log got; }
		on_data() { reject; }'
	{
		block 'event body' 'length 200003'
		printf 'a\0\n' && head -c 200000 /dev/zero
		block 'event data'
	} >in
	in_shells in_pieces
	# A block that ends too early
	block 'event body' 'length 3' >in
	printf 'ab' >>in
	in_shells answers 70 'failed handler.sh' --
}

in_pieces() {
	{ head -c 150000 in; sleep 0.1; tail -c +150001 in; } | "$@" h.sh >out 2>err
	said 'log got' continue reject
}

@test "shell: lint" {
	shellcheck -P "$TOP_DIR/libraries" "$TOP_DIR/libraries/handler.sh" "$LIB_DIR"/handlers/libraries/*.sh
}

@test "shell: after a verdict in a subshell another process takes over" {
	mta piped <<-END
		hello $HOST
		-mail <a@b.example>
		-rcpt <a@b.example>
		rcpt <no@b.example> => y "550 5.1.1 no"
		rcpt <never@b.example> => y "550 5.1.1 never"
		-rcpt <c@b.example>
		rcpt <no@b.example> => y "550 5.1.1 no"
		-rcpt <b@b.example>
		-data
		eom
		quit
	END
	says <<-END
		end-of-message: h "X-Recipients" " 3"
		end-of-message: continue
	END
}

# --- all of them

@test "all: what a header has comes back as it was" {
	local name value=' \x01\xff%s\\\\n$(date)`date`*\\0101\t\n\t\\\\\s\x7f\s-n\s\s'

	for name in python perl dash bash busybox mksh zsh; do
		echo "$name:"
		mta "$name-session-yes" <<-END
			hello $HOST
			-mail <a@b.example>
			-rcpt <a@b.example>
			-data
			-headerraw X-Echo $value
			-eoh
			eom
			quit
		END
		assert_equal "$(printf '%s\n' "$output" | grep X-Echo)" \
		    "end-of-message: h \"X-Echo\" \"${value//\\s/ }\""
	done
}
