# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A real MTA between an SMTP client of ours and a sink of ours, and the daemon
# next to it. One daemon and one handler serve all tests of a file: the handler
# runs what the test has put into a directory named after the HELO of its session.
#
# $MTA is postfix or sendmail. Loaded after lib/postfix or lib/sendmail, which have
#
#	mta_missing	says why it can't be run here, if so
#	mta_start	NAME PORT SINK-PORT [MILTER]
#	mta_stop	NAME
#	mta_log		NAME
#	mta_queued	NAME, prints how many files its queue has
#	mta_held	NAME, prints how many messages are quarantined
#
# shellcheck shell=bash
# shellcheck disable=SC2153

# mta_setup_file, from setup_file. There are five instances of the MTA:
# "plain" without a milter, "full" with a handler that answers every event,
# "sparse" with one that answers end-of-message alone, "pooled" with a process
# that serves one session after the other, "rewritten" with one that returns
# the message.
mta_setup_file() {
	local why

	test_setup
	why=$(mta_missing)
	if [ -n "$why" ]; then
		export MTA_MISSING=$why
		return 0
	fi
	MTAS=$WORK/mta
	SINK=$WORK/sink
	CASES=$WORK/cases
	export MTAS SINK CASES
	mkdir -p "$MTAS" "$SINK" "$CASES"
	start_sink
	start_filter
	PLAIN_PORT=$(free_port)
	FULL_PORT=$(free_port)
	SPARSE_PORT=$(free_port)
	POOLED_PORT=$(free_port)
	REWRITTEN_PORT=$(free_port)
	export PLAIN_PORT FULL_PORT SPARSE_PORT POOLED_PORT REWRITTEN_PORT
	mta_start plain "$PLAIN_PORT" "$SINK_PORT"
	mta_start full "$FULL_PORT" "$SINK_PORT" "$FULL_MILTER"
	mta_start sparse "$SPARSE_PORT" "$SINK_PORT" "$SPARSE_MILTER"
	mta_start pooled "$POOLED_PORT" "$SINK_PORT" "$POOLED_MILTER"
	mta_start rewritten "$REWRITTEN_PORT" "$SINK_PORT" "$REWRITTEN_MILTER"
}

mta_teardown_file() {
	local rc=0 dir

	[ -z "${MTA_MISSING:-}" ] || return 0
	! delivered_after_all || rc=1
	# Stops everything that was started: a list of names would miss the next one.
	for dir in "$MTAS"/*/; do
		mta_stop "$(basename "$dir")" || rc=1
	done
	test_teardown || rc=1
	if [ -s "$SINK/pid" ]; then
		kill "$(cat "$SINK/pid")"
		wait_for none_alive "$(cat "$SINK/pid")" || rc=1
	fi
	return "$rc"
}

mta_setup() {
	[ -z "${MTA_MISSING:-}" ] || skip "$MTA_MISSING"
	T=$BATS_TEST_TMPDIR
	KEY=k$BATS_TEST_NUMBER
	mkdir -p "$CASES/$KEY"
}

mta_teardown() {
	repeat_if_it_stood_still
	[ -z "${MTA_MISSING:-}" ] || return 0
	[ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
	echo "--- replies:"
	cat -v "$T/replies" 2>/dev/null
	echo "--- daemon:"
	daemon_log | tail -n 60
	echo "--- MTA:"
	mta_log full | tail -n 30
}

start_sink() {
	setsid python3 "$LIB_DIR/peers/smtp_sink.py" "$SINK" \
	    >"$SINK/log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$SINK/pid"
	disown
	wait_for test -s "$SINK/port"
	SINK_PORT=$(cat "$SINK/port")
	export SINK_PORT
}

make_certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
	    -nodes -days 30 -subj /CN=mx.test \
	    -keyout "$1/key.pem" -out "$1/cert.pem" 2>/dev/null
	chmod 600 "$1/key.pem"
}

start_filter() {
	local full sparse pooled rewritten group=

	write_handler cases <<'END'
# A connection has no name yet.
key=${MILTER_HELO%%.*}
dir=$CASES/${key:-$MILTER_CLIENT_ADDRESS}
if [ -e "$dir/record" ]; then
	# Nothing stands between a payload and the next block.
	{ cat; echo; } >>"$OUT/${dir##*/}.blocks"
fi
if [ -e "$dir/$MILTER_EVENT" ]; then
	. "$dir/$MILTER_EVENT"
fi
exit 0
END
	write_handler hang <<'END'
[ ! -e "$CASES/${MILTER_HELO%%.*}/hang" ] || sleep 60
END
	write_handler spooled <<'END'
key=${MILTER_HELO%%.*}
if [ -e "$CASES/$key/spooled" ]; then
	cp "$MILTER_MESSAGE_FILE" "$OUT/$key.message"
	cp "$MILTER_HEADERS_FILE" "$OUT/$key.headers"
	cp "$MILTER_BODY_FILE" "$OUT/$key.body"
fi
END
	# A message that the filter returns unchanged must change nothing, in all cases.
	write_handler filter <<'END'
filter=$CASES/${MILTER_HELO%%.*}/filter
if [ -e "$filter" ]; then
	. "$filter"
else
	cat
fi
END
	# A path for Postfix, a port for Sendmail, as their manuals have it.
	if [ "$MTA" = postfix ]; then
		group='group = postfix'
		FULL_MILTER=$WORK/full.sock
		SPARSE_MILTER=$WORK/sparse.sock
		POOLED_MILTER=$WORK/pooled.sock
		REWRITTEN_MILTER=$WORK/rewritten.sock
		full=unix:$FULL_MILTER
		sparse=unix:$SPARSE_MILTER
		pooled=unix:$POOLED_MILTER
		rewritten=unix:$REWRITTEN_MILTER
	else
		FULL_MILTER=$(free_port)
		SPARSE_MILTER=$(free_port)
		POOLED_MILTER=$(free_port)
		REWRITTEN_MILTER=$(free_port)
		full=inet:$FULL_MILTER@127.0.0.1
		sparse=inet:$SPARSE_MILTER@127.0.0.1
		pooled=inet:$POOLED_MILTER@127.0.0.1
		rewritten=inet:$REWRITTEN_MILTER@127.0.0.1
	fi
	export FULL_MILTER SPARSE_MILTER POOLED_MILTER REWRITTEN_MILTER
	cp "$LIB_DIR/handlers/loops/loop.sh" "$HANDLERS/loop"
	chmod 755 "$HANDLERS/loop"
	FULL_ADDRESS=$full
	RECORDS=$WORK/records
	export FULL_ADDRESS RECORDS
	start_daemon <<END
record = '$RECORDS'
listen "$full" { handlers = {cases, hang, filter} $group }
listen "$sparse" { handlers = {sparse} $group }
listen "$pooled" { handlers = {loop, spooled} $group }
listen "$rewritten" { handlers = {filter} $group }
handler filter {
	command = {'$HANDLERS/filter'}
	input = message
	output = message
	environment = {'CASES=$CASES'}
}
handler loop {
	command = {'$HANDLERS/loop'}
	events = {connect, helo, mail, rcpt, end-of-message}
	reports = {header, abort, disconnect}
	actions = {add-header}
	scope = session
	reuse = yes
	processes = 1
	queue-timeout = 30s
}
handler spooled {
	command = {'$HANDLERS/spooled'}
	events = {end-of-message}
	actions = {}
	spool = yes
	environment = {'CASES=$CASES', 'OUT=$OUT'}
}
handler cases {
	command = {'$HANDLERS/cases'}
	events = {connect, helo, mail, rcpt, data, header, end-of-headers,
	    body, end-of-message, unknown}
	reports = {abort, disconnect}
	environment = {'CASES=$CASES', 'OUT=$OUT'}
}
handler hang {
	command = {'$HANDLERS/hang'}
	events = {data}
	actions = {}
	timeout = 25s
	environment = {'CASES=$CASES'}
}
handler sparse {
	command = {'$HANDLERS/cases'}
	events = {end-of-message}
	reports = {rcpt}
	actions = {add-header, delete-recipient}
	environment = {'CASES=$CASES', 'OUT=$OUT'}
}
END
}

# on EVENT: shell from standard input that the handler runs at EVENT in this
# test's sessions. In the place of a key there may be a client's address.
on() {
	local dir=$CASES/$KEY

	case $1 in
	connect) dir=$CASES/$CLIENT; mkdir -p "$dir" ;;
	esac
	cat >"$dir/$1"
}

# send [FILE [RECIPIENT ...]]: one message through the filter
send() {
	{
		transaction "$@"
		echo QUIT
	} | smtp "$FULL_PORT"
}

# The blocks of this test go to $OUT/$KEY.blocks.
record() {
	: >"$CASES/$KEY/record"
}

# how_many EVENT: blocks of it that the handler was sent
how_many() {
	grep -c "^\(event\|report\) $1\$" "$OUT/$KEY.blocks" || true
}

blocks_have() {
	grep -qxF -- "$1" "$OUT/$KEY.blocks"
}

# An address of the loopback network for this test alone: the one thing that
# tells its connections apart.
own_client() {
	CLIENT=127.0.7.$((BATS_TEST_NUMBER + 1))
}

# smtp PORT: plays a session, with the script on standard input, its HELO
# excepted; what was said is in $T/replies.
smtp() {
	{
		printf 'EHLO %s.test\n' "$KEY"
		cat
	} >"$T/script"
	python3 "$LIB_DIR/peers/smtp_client.py" ${CLIENT:+-b "$CLIENT"} "$1" \
	    <"$T/script" >"$T/replies"
}

# reply LINE: the client got this line
reply() {
	assert_file_has "$T/replies" "S: $1"
}

# The client got a line that begins so.
reply_like() {
	if ! grep -q "^S: $1" "$T/replies"; then
		echo "expected a reply like: $1"
		return 1
	fi
}

no_reply_like() {
	if grep "^S: $1" "$T/replies"; then
		echo "expected no reply like: $1"
		return 1
	fi
}

# message [LINE ...] > FILE: a message with these header lines more
message() {
	printf '%s\r\n' "From: <from@x.test>" "To: <to@y.test>" \
	    "Date: Sun, 22 Nov 2026 12:00:00 +0000" \
	    "Message-Id: <$KEY@x.test>" "$@" '' 'A line.' '.' 'The last line.'
}

# transaction [FILE [RECIPIENT ...]]: the script of one message from $KEY. A
# recipient is a local part; $KEY is to be found in each.
transaction() {
	local file=${1:-$T/message} r

	shift || true
	[ -e "$file" ] || message "Subject: $KEY" >"$file"
	echo "MAIL FROM:<$KEY@x.test>"
	for r in "${@:-$KEY}"; do
		echo "RCPT TO:<$r@y.test>"
	done
	echo DATA
	echo "@message $file"
}

# arrived [KEY]: waits for a message to the recipient KEY, and sets $ENV to
# its envelope, with the verbs in upper case, and $MSG to its bytes.
arrived() {
	local key=${1:-$KEY}

	wait_for in_sink "$key" || {
		mta_log full | tail -n 30
		return 1
	}
	MSG=$(in_sink "$key")
	ENV=$T/$key.env
	sed -e 's/^MAIL From:/MAIL FROM:/' -e 's/^RCPT To:/RCPT TO:/' \
	    "${MSG%.msg}.env" >"$ENV"
}

in_sink() {
	local f found=1

	for f in "$SINK"/*.msg; do
		[ -e "$f" ] || continue
		if grep -qi "^RCPT TO:<$1@" "${f%.msg}.env"; then
			echo "$f"
			found=0
		fi
	done
	return "$found"
}

# The client was refused: nothing for this key may arrive, now or until the end
# of the file's tests, when delivered_after_all looks.
not_delivered() {
	: >"$SINK/never.$KEY"
	no_reply_like '250 2\.0\.0.*\([Qq]ueued\|accepted\)'
}

delivered_after_all() {
	local f rc=1

	for f in "$SINK"/never.*; do
		[ -e "$f" ] || continue
		if in_sink "${f##*/never.}"; then
			echo "refused, and delivered all the same: ${f##*.}" >&2
			rc=0
		fi
	done
	return "$rc"
}

# The MTA took it, and nothing arrives. What is sent after it and does arrive
# shows that the MTA had its time.
nothing_arrived() {
	local key=$KEY

	KEY=$key-after
	mkdir -p "$CASES/$KEY"
	cp "$T/replies" "$T/replies.before"
	transaction "$T/after" | CLIENT='' smtp "$FULL_PORT"
	mv "$T/replies.before" "$T/replies"
	arrived
	KEY=$key
	if in_sink "$key"; then
		echo "it was delivered"
		return 1
	fi
}

# The message without what the MTA put on top, its Received.
without_received() {
	python3 -c '
import re, sys
m = open(sys.argv[1], "rb").read()
m = re.sub(rb"\A(.*?)^Received: .*?\r\n(?![ \t])", rb"\1", m, 1, re.M | re.S)
sys.stdout.buffer.write(m)' "$1"
}

# same_as_without KEY: what arrived for this test is what arrived for KEY,
# which went through the MTA that has no milter.
same_as_without() {
	local file

	arrived "$1"
	without_received "$MSG" >"$T/expected"
	arrived
	without_received "$MSG" >"$T/got"
	assert_same_file "$T/expected" "$T/got"
}

# The header of $MSG, unfolded, one a line, without CR
header() {
	sed -e '/^\r*$/,$d' "$MSG" | tr -d '\r' |
	    awk '/^[ \t]/ { printf "%s", $0; next }
		NR > 1 { print "" }
		{ printf "%s", $0 }
		END { print "" }'
}

has_header() {
	header >"$T/header"
	assert_file_has "$T/header" "$1"
}

# headers_named NAME: the lines of $MSG with it
headers_named() {
	header | grep -i "^$1:" || true
}

body() {
	sed -e '1,/^\r*$/d' "$MSG"
}
