#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The message in files: what is in them, who can read them, when they are
# there, and that they go, whatever happens. Each test has a daemon of its own,
# and none leaves a file behind.

# shellcheck disable=SC2154	# status and output are set by mta
# shellcheck disable=SC2016	# plans are written here and run there

load ../lib/common
load ../lib/proto

FULL='=> y "452 4.3.1 full"'

setup() {
	proto_start
	HOST=client.example
	new_client "$HOST"
	cp "$LIB_DIR/handlers/worker.py" "$HANDLERS"
	chmod 755 "$HANDLERS/worker.py"
	SPOOL=$WORK/spool-d/spool
	T=$BATS_TEST_TMPDIR
}

teardown() {
	local rc=0

	[ -z "${BATS_TEST_COMPLETED:-}" ] || wait_for no_files || rc=1
	[ "$rc" -eq 0 ] || find "$SPOOL"
	test_teardown || rc=1
	if mountpoint -q "$WORK/spool-d"; then
		umount "$WORK/spool-d"
	fi
	return "$rc"
}

# spooler NAME [OPTION ...]: does what plans say, with a socket of its own
spooler() {
	handler "$1" 'spool = yes' "on-overload = 'tempfail 452 4.3.1 full'" \
	    "on-failure = 'reject 554 5.3.0 failed'" "${@:2}"
}

# worker NAME [OPTION ...]: the same handler in a process that lasts
worker() {
	spooler "$1" "command = {'$HANDLERS/worker.py'}" 'reuse = yes' \
	    'events = {end-of-message}' "${@:2}"
}

# Files of messages, of a handler or all.
files() {
	find "$SPOOL${1:+/$1}" -type f 2>/dev/null | sort
}

no_files() {
	[ -z "$(files "$@")" ]
}

files_are() {
	assert_equal "$(files "$1" | wc -l)" "$2"
}

# A plan that keeps copies, for each handler its own.
keep_copies() {
	plan end-of-message <<-'END'
		save "$PIPEMILTER_HANDLER"
		cp "$MILTER_MESSAGE_FILE" "$d/got/$PIPEMILTER_HANDLER.message"
		cp "$MILTER_HEADERS_FILE" "$d/got/$PIPEMILTER_HANDLER.headers"
		cp "$MILTER_BODY_FILE" "$d/got/$PIPEMILTER_HANDLER.body"
	END
}

# copies_are HANDLER HEADERS UNFOLDED BODY [LINE-END], with escapes of printf %b
copies_are() {
	printf %b "$2" >"$T/headers"
	printf %b "$3" >"$T/unfolded"
	printf %b "$4" >"$T/body"
	printf %b "${5:-\n}" | cat "$T/headers" - "$T/body" >"$T/message"
	assert_same_file "$T/message" "$GOT/$1.message"
	assert_same_file "$T/unfolded" "$GOT/$1.headers"
	assert_same_file "$T/body" "$GOT/$1.body"
}

# A message up to its end, from `mail' on, for `mta'.
a_message() {
	printf '%s\n' '-mail <a@b.example>' '-rcpt <r@b.example>' '-data' \
	    "-header Subject ${1:-hello}" '-eoh' '-body hello\r\n'
}

# --- what is in them

both() {
	spooler lf 'events = {end-of-message}'
	spooler crlf 'events = {end-of-message}' 'newlines = crlf'
	listener both lf,crlf
	proto_run
}

@test "contents: byte by byte, with LF and with CRLF, each handler its own files" {
	both
	keep_copies
	mta both <<-'END'
		hello client.example
		-mail <a@b.example>
		-rcpt <r@b.example>
		-data
		-header Subject folded\n\tonce\n  twice
		-headerraw X-Empty
		-headerraw X-Blank \s
		-headerraw X-None no-blank
		-header X-8-Bit \xc3\xa9\xff%b %s
		-header X-Return a\rb
		-header X-CRLF a\r\n b
		-header X-Empty again
		-eoh
		-body nul\0 and \xff\r\nlone CR \r, lone LF \n, both \n\r, .\r\n.\r\n\r
		-body \nsplit, and \r\r\n two\r
		-body \rof them\r
		eom => continue
		quit
	END
	copies_are lf 'Subject: folded\n\tonce\n  twice\nX-Empty:\nX-Blank: \nX-None:no-blank\nX-8-Bit: \0303\0251\0377%b %s\nX-Return: a\rb\nX-CRLF: a\n b\nX-Empty: again\n' \
	    'Subject: folded\tonce  twice\nX-Empty:\nX-Blank: \nX-None:no-blank\nX-8-Bit: \0303\0251\0377%b %s\nX-Return: a\rb\nX-CRLF: a b\nX-Empty: again\n' \
	    'nul\0000 and \0377\nlone CR \r, lone LF \n, both \n\r, .\n.\n\nsplit, and \r\n two\r\rof them\r'
	copies_are crlf 'Subject: folded\r\n\tonce\r\n  twice\r\nX-Empty:\r\nX-Blank: \r\nX-None:no-blank\r\nX-8-Bit: \0303\0251\0377%b %s\r\nX-Return: a\rb\r\nX-CRLF: a\r\n b\r\nX-Empty: again\r\n' \
	    'Subject: folded\tonce  twice\r\nX-Empty:\r\nX-Blank: \r\nX-None:no-blank\r\nX-8-Bit: \0303\0251\0377%b %s\r\nX-Return: a\rb\r\nX-CRLF: a b\r\nX-Empty: again\r\n' \
	    'nul\0000 and \0377\r\nlone CR \r, lone LF \n, both \n\r, .\r\n.\r\n\r\nsplit, and \r\r\n two\r\rof them\r' '\r\n'
}

@test "contents: no headers, no body, neither" {
	both
	keep_copies
	mta both <<-END
		hello $HOST
		-mail <a@b.example>
		-eoh
		-body only a body\r\n
		eom => continue
	END
	copies_are lf '' '' 'only a body\n'
	copies_are crlf '' '' 'only a body\r\n' '\r\n'
	mta both <<-END
		hello $HOST
		-mail <a@b.example>
		-header A b
		-eoh
		eom => continue
	END
	copies_are lf 'A: b\n' 'A: b\n' ''
	copies_are crlf 'A: b\r\n' 'A: b\r\n' '' '\r\n'
	mta both <<-END
		hello $HOST
		-mail <a@b.example>
		eom => continue
		-mail <a@b.example>
		-header Last c
		eom with the end\r
	END
	copies_are lf 'Last: c\n' 'Last: c\n' 'with the end\r'
	copies_are crlf 'Last: c\r\n' 'Last: c\r\n' 'with the end\r' '\r\n'
}

@test "contents: 30 MB, in pieces of any size" {
	both
	keep_copies
	python3 - "$T/crlf" "$T/lf" <<-'END'
		import random, sys
		random.seed(1)
		line = bytes(random.randrange(1, 256) for _ in range(4000)).replace(b"\n", b"")
		lf = b"".join(line[:n % 3000] + b"\n" for n in range(7, 7 + 20000))
		lf = lf.replace(b"\r\n", b"\n")
		open(sys.argv[2], "wb").write(lf)
		open(sys.argv[1], "wb").write(lf.replace(b"\n", b"\r\n"))
	END
	[ "$(stat -c %s "$T/lf")" -gt 29000000 ]
	mta both -t 60 <<-END
		hello $HOST
		-mail <a@b.example>
		-header A b
		-eoh
		-bodyfile $T/crlf 65521
		eom => continue
		quit
	END
	cmp "$T/lf" "$GOT/lf.body"
	cmp "$T/crlf" "$GOT/crlf.body"
	printf 'A: b\n\n' | cat - "$T/lf" | cmp - "$GOT/lf.message"
	printf 'A: b\r\n\r\n' | cat - "$T/crlf" | cmp - "$GOT/crlf.message"
}

@test "contents: all of it, although another handler has had enough of the body" {
	spooler whole 'events = {end-of-message}'
	handler_only brief 'events = {body}'
	listener both brief,whole
	proto_run
	keep_copies
	echo 'say skip' | plan brief.body
	session both <<-END
		$(a_message)
		-body more\r\n
		eom => continue
	END
	copies_are whole 'Subject: hello\n' 'Subject: hello\n' 'hello\nmore\n'
}

# --- lines, variables, who can read them

@test "lines and variables name the files, and only at end-of-message" {
	local id

	spooler one 'events = {mail, end-of-message}' 'lines = {}' \
	    "environment = {'PLANS=$PLANS', 'CLIENT=$HOST'}"
	proto_run
	printf 'save\nls "%s/one" >"$d/got/$MILTER_EVENT.ls"\n' "$SPOOL" | plan any
	session one <<-END
		$(a_message)
		eom => continue
	END
	if grep -e -file "$GOT/mail"; then false; fi
	assert_equal "$(cat "$GOT/mail.ls")" ''
	id=$(lines_of end-of-message message)
	sed 1,4d "$GOT/end-of-message" | assert_same_file - <(cat <<-END
		size 25
		message-file $SPOOL/one/1-$id.message
		headers-file $SPOOL/one/1-$id.headers
		body-file $SPOOL/one/1-$id.body

	END
	)
	assert_equal "$(variable end-of-message MILTER_MESSAGE_FILE)" "$SPOOL/one/1-$id.message"
	assert_equal "$(variable end-of-message MILTER_HEADERS_FILE)" "$SPOOL/one/1-$id.headers"
	assert_equal "$(variable end-of-message MILTER_BODY_FILE)" "$SPOOL/one/1-$id.body"
	assert_equal "$(cat "$GOT/end-of-message.ls")" \
	    "$(printf '%s\n' "1-$id.body" "1-$id.headers" "1-$id.message")"
}

@test "rights: the handler's user reads and can't write, others can do neither" {
	[ "$(id -u)" -eq 0 ] || skip 'only root has several users'
	spooler one 'events = {end-of-message}' 'user = mail' 'group = news'
	proto_run
	plan end-of-message <<-'END'
		id -u >"$d/got/id"
		id -g >>"$d/got/id"
		save
		cd "${MILTER_MESSAGE_FILE%/*}"
		stat -c '%a %U %G' . * >"$d/got/modes"
		for f in "$MILTER_MESSAGE_FILE" "$MILTER_HEADERS_FILE" "$MILTER_BODY_FILE"; do
			cat "$f" >/dev/null && note reads
			(: >>"$f") || note not written
			rm -f "$f" || note not removed
			mv "$f" here || note not renamed
		done 2>/dev/null
		(: >new) 2>/dev/null || note nothing made
		: >"$d/got/ready"
		while [ ! -e "$d/got/go" ]; do sleep 0.05; done
	END
	mta one <<-END
		hello $HOST
		$(a_message)
		send eom
		wait-file $GOT/ready
	END
	assert_equal "$(tr '\n' ' ' <"$GOT/id")" "$(id -u mail) $(getent group news | cut -d: -f3) "
	assert_equal "$(cat "$GOT/modes")" "2750 $ENGINE_USER news
640 $ENGINE_USER news
640 $ENGINE_USER news
640 $ENGINE_USER news"
	assert_equal "$(sort "$GOT/notes" | uniq -c | tr -s ' ' | tr '\n' ,)" \
	    ' 3 not removed, 3 not renamed, 3 not written, 1 nothing made, 3 reads,'
	: >"$GOT/go"
}

@test "rights: another user can't come near them" {
	[ "$(id -u)" -eq 0 ] || skip 'only root has several users'
	local path

	worker one
	proto_run
	printf '%s\n' '!touch ready' '!wait go' continue | plan end-of-message
	{
		echo "hello $HOST"
		a_message
		printf '%s\n' 'send eom' "wait-file $GOT/ready" \
		    "run for f in $SPOOL/one/*; do echo \"\$f\"; done >$T/paths" \
		    "run if setpriv --reuid=games --regid=games --clear-groups cat $SPOOL/one/* \
		    >$T/stolen 2>$T/why; then false; fi" \
		    "touch $GOT/go" 'expect continue' quit
	} >"$T/script"
	mta one "$T/script"
	for path in $(cat "$T/paths"); do
		if setpriv --reuid=games --regid=games --clear-groups test -e "$path"; then
			false
		fi
	done
	[ ! -s "$T/stolen" ]
	grep -q 'denied' "$T/why"
}

# --- scopes

@test "scopes: each message has files of its own, gone after the reply" {
	local kind paths

	worker event-yes
	worker message-yes 'scope = message'
	worker session-yes 'scope = session'
	spooler message-no "command = {'$HANDLERS/worker.py'}" 'events = {end-of-message}' \
	    'scope = message'
	spooler session-no "command = {'$HANDLERS/worker.py'}" 'events = {end-of-message}' \
	    'scope = session'
	proto_run
	for kind in event-yes message-yes session-yes message-no session-no; do
		new_client "$kind"
		printf '%s\n' '!touch ready1' '!wait go1' continue | plan -c "$kind" end-of-message.1
		printf '%s\n' '!touch ready2' '!wait go2' continue | plan -c "$kind" end-of-message.2
		# shellcheck disable=SC2046
		mta "$kind" <<-END
			hello $kind
			$(a_message first)
			send eom
			wait-file $GOT/ready1
			run cat $SPOOL/$kind/*.message $SPOOL/$kind/*.headers >$T/$kind.1
			touch $GOT/go1
			expect continue
			run until [ -z "\$(ls $SPOOL/$kind)" ]; do sleep 0.02; done
			$(a_message second)
			send eom
			wait-file $GOT/ready2
			run cat $SPOOL/$kind/*.message $SPOOL/$kind/*.headers >$T/$kind.2
			touch $GOT/go2
			expect continue
			run until [ -z "\$(ls $SPOOL/$kind)" ]; do sleep 0.02; done
			quit
		END
		printf 'Subject: %s\n\nhello\nSubject: %s\n' first first |
		    assert_same_file - "$T/$kind.1"
		printf 'Subject: %s\n\nhello\nSubject: %s\n' second second |
		    assert_same_file - "$T/$kind.2"
		paths=$(cat "$GOT"/p? | sed -n 's/^message-file //p' | sort -u | wc -l)
		assert_equal "$paths" 2
	done
}

@test "scopes: concurrency: several at a time have their own, whatever the order of answers" {
	local i

	worker many 'concurrency = 4' 'processes = 1'
	proto_run
	echo '!hold' | plan end-of-message.1
	for i in 1 2 3; do
		printf '%s\n' '!hold' continue | plan -c "c$i" end-of-message
	done
	printf '%s\n' continue '!release' | plan -c c4 end-of-message
	# shellcheck disable=SC2046
	mta many <<-END
		$(for i in 1 2 3 4; do
			printf '%s\n' "use c$i" "hello c$i" "$(a_message "mine $i")"
		done)
		$(for i in 1 2 3; do
			printf '%s\n' "use c$i" 'send eom'
		done)
		run until [ \$(ls $SPOOL/many | wc -l) = 9 ]; do sleep 0.02; done
		run cat $SPOOL/many/*.headers | sort >$T/headers
		use c4
		eom => continue
		$(for i in 1 2 3; do
			printf '%s\n' "use c$i" 'expect continue' quit
		done)
	END
	printf 'Subject: mine %s\n' 1 2 3 | assert_same_file - "$T/headers"
}

@test "queue: a message that waits for a process has no files yet" {
	worker one 'processes = 1' 'queue-timeout = 1s'
	proto_run
	printf '%s\n' '!touch ready' '!wait go' continue | plan end-of-message
	mta one <<-END
		use a
		hello $HOST
		$(a_message)
		send eom
		wait-file $GOT/ready
		use b
		hello other
		$(a_message)
		eom $FULL
		run [ \$(ls $SPOOL/one | wc -l) = 3 ]
		touch $GOT/go
		use a
		expect continue
		use b
		$(a_message)
		eom => continue
		quit
	END
}

@test "shadow: its files are there until it has answered, whatever became of the message" {
	worker trial 'shadow = yes' 'processes = 1'
	proto_run
	printf '%s\n' '!touch ready' '!wait go' 'reject 550 5.7.1 no' | plan end-of-message
	session trial <<-END
		$(a_message first)
		eom => continue
		$(a_message second)
		eom => continue
	END
	wait_for test -e "$GOT/ready"
	assert_equal "$(cat "$SPOOL"/trial/*.headers)" 'Subject: first'
	: >"$GOT/go"
	wait_for eval '[ "$(grep -c "would reject" "$DAEMON_LOG")" -eq 2 ]'
}

@test "reports: a process that ends with the message has the files until then" {
	local kind

	spooler event "command = {'$HANDLERS/worker.py'}" 'reports = {end-of-message}'
	spooler message "command = {'$HANDLERS/worker.py'}" 'reports = {mail, end-of-message}' \
	    'scope = message'
	spooler abort "command = {'$HANDLERS/worker.py'}" 'reports = {end-of-message, abort}' \
	    'scope = message'
	proto_run
	for kind in event message abort; do
		new_client "$kind"
		printf '%s\n' '!touch ready' '!wait go' | plan -c "$kind" end-of-message
		mta "$kind" <<-END
			hello $kind
			$(a_message "$kind")
			eom => continue
			$(a_message never finished)
			abort
			quit
		END
		wait_for test -e "$GOT/ready"
		assert_equal "$(cat "$SPOOL/$kind"/*.headers)" "Subject: $kind"
		: >"$GOT/go"
		wait_for no_files "$kind"
	done
}

@test "many messages, long and short, several at a time: each is read as it came" {
	local i

	write_handler check <<'END'
while read -r key value; do
	case $key in
	size) size=$value ;;
	message-file) file=$value ;;
	headers-file) headers=$value ;;
	'')
		if [ "$(wc -c <"$file")" -eq "$size" ] && [ "$(wc -l <"$headers")" -eq 1 ] &&
		    [ "$(sed -n '1s/.* //p' "$file")" = "$(tail -n 1 "$file")" ]; then
			echo continue
		else
			echo reject
		fi ;;
	esac
done
END
	spooler check "command = {'$HANDLERS/check'}" 'events = {end-of-message}' 'reuse = yes' \
	    'lines = {}' 'newlines = crlf' 'processes = 3' 'queue-timeout = 15s'
	proto_run
	for i in 3 300 10000; do
		{
			printf 'Subject: %s\n\n' "$i"
			yes 'some line of text' | head -n "$i"
			printf '%s\n' "$i"
		} >"$T/$i"
	done
	for i in 3 300 10000; do
		"$MILTER_SEND" -s "unix:$WORK/check" -n 60 -j 2 -M 20 "$T/$i" >"$T/$i.out" 2>&1 3>&- &
	done
	for i in 3 300 10000; do
		wait -n || { tail -n 3 "$T"/*.out; daemon_log; false; }
	done
	assert_equal "$(grep -c ': accept$' "$DAEMON_LOG")" 180
}

# --- they go, whatever happens

@test "one-shot: the files stay behind the reply, until the exit" {
	spooler one 'events = {end-of-message}'
	proto_run
	plan end-of-message <<-'END'
		say continue
		while [ ! -e "$d/got/go" ]; do sleep 0.05; done
		cp "$MILTER_BODY_FILE" "$d/got/body"
	END
	session one <<-END
		$(a_message)
		eom => continue
		run [ \$(ls $SPOOL/one | wc -l) = 3 ]
		touch $GOT/go
	END
	wait_for no_files
	assert_equal "$(cat "$GOT/body")" hello
}

@test "failures: exit, kill, timeout, a bad line, no answer: no file stays" {
	spooler one 'events = {end-of-message}' 'timeout = 500ms'
	worker two 'timeout = 500ms'
	global 'message-timeout = 700ms'
	proto_run
	plan end-of-message <<-'END'
		printf x >>"$d/got/n"
		case $(cat "$d/got/n") in
		x) exit 9 ;;
		xx) kill -9 $$ ;;
		xxx) say nonsense ;;
		*) sleep 30 ;;
		esac
	END
	session one <<-END
		$(for _ in 1 2 3 4; do
			a_message
			echo 'eom => y "554 5.3.0 failed"'
			echo "run until [ -z \"\$(ls $SPOOL/one)\" ]; do sleep 0.02; done"
		done)
	END
	rm "$PLANS/$HOST/end-of-message"
	echo '!exit 9' | plan end-of-message.1
	echo '!signal 9' | plan end-of-message.2
	echo nonsense | plan end-of-message.3
	echo '!nothing' | plan end-of-message.4
	session two <<-END
		$(for _ in 1 2 3 4; do
			a_message
			echo 'eom => y "554 5.3.0 failed"'
			echo "run until [ -z \"\$(ls $SPOOL/two)\" ]; do sleep 0.02; done"
		done)
	END
}

@test "a client that goes away: its files go, at once or with the late answer" {
	spooler one 'events = {end-of-message}'
	worker two
	proto_run
	plan end-of-message <<-'END'
		: >"$d/got/ready"
		sleep 30
	END
	mta one <<-END
		hello $HOST
		$(a_message)
		send eom
		wait-file $GOT/ready
		drop
		run until [ -z "\$(ls $SPOOL/one)" ]; do sleep 0.02; done
		use next
		hello next
		$(a_message)
		abort
		quit
	END
	rm "$PLANS/$HOST/end-of-message" "$GOT/ready"
	printf '%s\n' '!touch ready' '!wait go' continue | plan end-of-message
	mta two <<-END
		hello $HOST
		$(a_message)
		send eom
		wait-file $GOT/ready
		drop
		sleep 0.1
		run [ \$(ls $SPOOL/two | wc -l) = 3 ]
		touch $GOT/go
		run until [ -z "\$(ls $SPOOL/two)" ]; do sleep 0.02; done
	END
}

@test "TERM: what a handler still had at the end of drain-timeout is removed" {
	spooler one 'events = {end-of-message}'
	global 'drain-timeout = 500ms'
	proto_run
	plan end-of-message <<-'END'
		: >"$d/got/ready"
		sleep 30
	END
	mta one <<-END
		hello $HOST
		$(a_message)
		send eom
		wait-file $GOT/ready
		run kill -TERM $DAEMON_PID
		expect eof
	END
	stop_daemon
	[ ! -e "$SPOOL" ]
}

@test "KILL of the supervisor: its engine removes what was there" {
	spooler one 'events = {end-of-message}'
	proto_run
	plan end-of-message <<-'END'
		: >"$d/got/ready"
		sleep 30
	END
	mta one <<-END
		hello $HOST
		$(a_message)
		send eom
		wait-file $GOT/ready
		run kill -KILL $DAEMON_PID
		expect~ y "451 .*"
		expect close
	END
	wait_for no_files
	rm -f "$DAEMONS/d/pid"
}

engines() {
	ps -o pid= -o args= --ppid "$DAEMON_PID" | awk '/: engine/ { print $1 }'
}

@test "KILL of all: the next start sweeps, and follows no link" {
	local engine

	spooler one 'events = {end-of-message}'
	cp "$CONF" "$T/conf"
	proto_run
	plan end-of-message <<-'END'
		: >"$d/got/ready"
		sleep 30
	END
	engine=$(engines)
	mta one <<-END
		hello $HOST
		$(a_message)
		send eom
		wait-file $GOT/ready
		run kill -STOP $DAEMON_PID
		run kill -KILL $engine $DAEMON_PID
		expect close
	END
	wait_for none_alive "$DAEMON_PID" "$engine"
	rm -f "$DAEMONS/d/pid"
	files_are one 3
	mkdir "$T/others" "$SPOOL/gone"
	echo precious >"$T/others/file"
	ln -s "$T/others" "$SPOOL/one/link"
	ln -s "$T/others/file" "$SPOOL/one/1-file.message"
	ln -s "$T/others" "$SPOOL/linked"
	echo old >"$SPOOL/gone/1-x.message"
	cp "$T/conf" "$CONF"
	proto_run
	assert_equal "$(ls -A "$SPOOL/one")" ''
	[ ! -e "$SPOOL/gone" ]
	assert_equal "$(cat "$T/others/file")" precious
	rm "$SPOOL/linked"
	rm "$PLANS/$HOST/end-of-message"
	session one <<-END
		$(a_message)
		eom => continue
	END
}

@test "an engine that is killed: what it had goes when it starts again, that of the other stays" {
	worker one
	global 'engines = 2'
	proto_run
	# shellcheck disable=SC2046
	set -- $(engines)
	printf '%s\n' '!touch ready' '!wait go' continue | plan -c first end-of-message
	printf '%s\n' '!touch ready' '!wait go' continue | plan -c second end-of-message
	mta one <<-END
		run kill -STOP $2
		use a
		hello first
		$(a_message first)
		send eom
		wait-file $PLANS/first/got/ready
		run kill -CONT $2
		run kill -STOP $1
		use b
		hello second
		$(a_message second)
		send eom
		wait-file $PLANS/second/got/ready
		run kill -CONT $1
		run [ \$(ls $SPOOL/one | wc -l) = 6 ]
		run kill -KILL $1
		use a
		expect close
		run until grep -q 'started again' $DAEMON_LOG; do sleep 0.05; done
		run [ "\$(cat $SPOOL/one/*.headers)" = 'Subject: second' ]
		touch $PLANS/second/got/go
		use b
		expect continue
		quit
	END
}

# --- too much

@test "spool-limit: beyond it on-overload answers, and the next message is fine" {
	worker one
	global 'spool-limit = 1M'
	proto_run
	session one <<-END
		-mail <a@b.example>
		-eoh
		-bodyfill 2000000
		eom $FULL
		-mail <a@b.example>
		-eoh
		-bodyfill 500000
		eom $FULL
		-mail <a@b.example>
		-eoh
		-bodyfill 300000
		eom => continue
		-mail <a@b.example>
		-eoh
		-bodyfill 300000
		eom => continue
	END
	wait_log 'could not be kept: spool-limit is reached'
	wait_log 'could not be put into files: spool-limit is reached'
}

@test "spool-limit: what waits counts until it is gone" {
	worker one
	global 'spool-limit = 1M'
	proto_run
	printf '%s\n' '!touch ready' '!wait go' continue | plan end-of-message.1
	mta one <<-END
		use a
		hello $HOST
		-mail <a@b.example>
		-eoh
		-bodyfill 300000
		send eom
		wait-file $GOT/ready
		use b
		hello other
		-mail <a@b.example>
		-eoh
		-bodyfill 300000
		eom $FULL
		touch $GOT/go
		use a
		expect continue
		use b
		-mail <a@b.example>
		-eoh
		-bodyfill 300000
		eom => continue
		quit
	END
}

@test "a full disk: on-overload answers, nothing half-written stays, and it recovers" {
	[ "$(id -u)" -eq 0 ] || skip 'only root can mount'
	mkdir -p "$WORK/spool-d"
	mount -t tmpfs -o size=1m,mode=755 none "$WORK/spool-d" || skip 'no mounts here'
	spooler one 'events = {end-of-message}' 'newlines = crlf'
	worker two
	proto_run
	plan one.end-of-message <<-'END'
		printf '%s\n' "$(wc -c <"$MILTER_MESSAGE_FILE")" >>"$d/got/sizes"
	END
	session one <<-END
		-mail <a@b.example>
		-eoh
		-bodyfill 900000
		eom $FULL
		run [ -z "\$(ls $SPOOL/one)" ]
		-mail <a@b.example>
		-eoh
		-bodyfill 600000
		eom $FULL
		run [ -z "\$(ls $SPOOL/one)" ]
		-mail <a@b.example>
		-eoh
		-bodyfill 100000
		eom => continue
	END
	assert_equal "$(cat "$GOT/sizes")" 100002
	session two <<-END
		-mail <a@b.example>
		-eoh
		-bodyfill 600000
		eom $FULL
		run [ -z "\$(ls $SPOOL/two)" ]
		-mail <a@b.example>
		-eoh
		-bodyfill 100000
		eom => continue
	END
	wait_log 'No space left on device; on-overload = tempfail'
	stop_daemon
	[ ! -e "$SPOOL" ]
}

# --- the other places

@test "the private directory of milter-send: nothing stays of it" {
	local users=()

	[ -z "$ENGINE_USER" ] ||
		users=(-o "engine-user = $ENGINE_USER" -o "handler-user = $HANDLER_USER")
	write_handler h <<-END
		cat "\$MILTER_MESSAGE_FILE" >"$OUT/message"
		printf '%s\n' "\$MILTER_MESSAGE_FILE" >"$OUT/path"
	END
	mkdir -m 0755 "$T/private"
	printf 'Subject: a\n\nhello\n' >"$T/m"
	TMPDIR=$T/private run "$MILTER_SEND" -e end-of-message -o 'spool = yes' "${users[@]}" \
	    -x "$HANDLERS/h" <"$T/m"
	assert_success
	assert_same_file "$T/m" "$OUT/message"
	[[ $(cat "$OUT/path") == "$T/private"/pipemilter.*/*/h/1-*.message ]]
	assert_equal "$(ls -A "$T/private")" ''
}

@test "a directory of earlier messages is removed where no handler has files any more" {
	spooler one 'events = {end-of-message}'
	proto_run
	stop_daemon
	mkdir -p "$SPOOL/one"
	echo old >"$SPOOL/one/1-x.message"
	handler one 'events = {mail}'
	proto_run
	[ ! -e "$SPOOL" ]
}
