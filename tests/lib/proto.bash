# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# For the suites that play the MTA with rawmilter.py. One daemon serves a whole
# file: each configuration is a handler with a socket of its own, and each test
# has sessions of its own, known by the client's host name, that a handler
# finds its instructions by.
#
#	setup_file() {
#		proto_start
#		handler NAME 'option = value' ...	socket NAME, handler NAME
#		listener NAME HANDLER[,HANDLER...]	several handlers
#		proto_run
#	}
#	setup() { proto_setup; }
#	teardown_file() { test_teardown; }
#
# In a test
#
#	plan [HANDLER.]EVENT	what a handler does at an event: shell code on
#				standard input; EVENT `any' is for all others
#	mta NAME		plays standard input against socket NAME
#	session NAME COMMAND...	plays a session of $HOST, from hello to quit
#	says LINE...		asserts the whole transcript
#
# $HOST is the name of the client; another one is a session of its own. Where a
# handler is not told the client, its variable CLIENT says whose plans it has.
#
# shellcheck shell=bash disable=SC2034,SC2154

proto_start() {
	test_setup
	PLANS=$OUT/plans
	CONF=$WORK/conf.in
	export PLANS CONF
	mkdir "$PLANS"
	chmod 777 "$PLANS"
	: >"$CONF"
	write_planned
}

# Plans are sourced, so that they can exit with a status of their own.
write_planned() {
	write_handler planned <<-'END'
		d=$PLANS/${CLIENT:-$MILTER_CLIENT_HOST}
		say() {
			printf '%s\n' "$@"
		}
		# save [NAME]: the block, and the environment
		save() {
			o=$d/got/${1:-$MILTER_EVENT}
			cat >"$o.new"
			env -0 >"$o.env"
			mv "$o.new" "$o"
		}
		# note TEXT: a line of the file `notes'
		note() {
			printf '%s\n' "$*" >>"$d/got/notes"
		}
		for f in "$d/$PIPEMILTER_HANDLER.$MILTER_EVENT" \
		    "$d/$MILTER_EVENT" "$d/$PIPEMILTER_HANDLER.any" "$d/any"; do
			if [ -f "$f" ]; then
				. "$f"
				break
			fi
		done
		exit 0
	END
}

# handler NAME [OPTION ...]
handler() {
	handler_only "$@"
	listener "$1" "$1"
}

# handler_only NAME [OPTION ...]: a handler without a socket. A busy machine may need more
# than the time limits of the defaults.
handler_only() {
	local name=$1 o command="{'$HANDLERS/planned'}" env="{'PLANS=$PLANS'}" timeout=30s
	local queue_timeout=30s

	shift
	for o in "$@"; do
		case $o in
		command*|hooks*) command= ;;
		environment*) env= ;;
		timeout*) timeout= ;;
		queue-timeout*) queue_timeout= ;;
		esac
	done
	{
		echo "handler $name {"
		[ -z "$command" ] || echo "	command = $command"
		[ -z "$env" ] || echo "	environment = $env"
		[ -z "$timeout" ] || echo "	timeout = $timeout"
		[ -z "$queue_timeout" ] || echo "	queue-timeout = $queue_timeout"
		for o in "$@"; do
			echo "	$o"
		done
		echo "}"
	} >>"$CONF"
}

# listener NAME HANDLER[,HANDLER...]
listener() {
	echo "listen 'unix:$WORK/$1' { handlers = {$2} }" >>"$CONF"
}

global() {
	printf '%s\n' "$@" >>"$CONF"
}

# proto_run [NAME]: NAME if there is to be more than one daemon. What follows
# is for the next one.
proto_run() {
	# Each has a directory of its own: it is swept at the start.
	mkdir -p "$WORK/spool-${1:-d}"
	global "spool-directory = '$WORK/spool-${1:-d}'"
	start_daemon -n "${1:-d}" <"$CONF"
	: >"$CONF"
}

proto_setup() {
	WORK=$BATS_FILE_TMPDIR/w
	OUT=$WORK/out
	DAEMONS=$BATS_FILE_TMPDIR/daemons
	HOST=t$BATS_TEST_NUMBER.example
	# A test that is run again finds nothing of the time before.
	rm -rf "${PLANS:?}/$HOST"
	new_client "$HOST"
}

# new_client NAME: lets sessions of a client have plans and leave files.
new_client() {
	GOT=$PLANS/$1/got
	mkdir -p "$GOT"
	chmod 777 "$PLANS/$1" "$GOT"
}

# plan [-c CLIENT] [HANDLER.]EVENT
plan() {
	local client=$HOST

	if [ "$1" = -c ]; then
		client=$2
		shift 2
		[ -d "$PLANS/$client" ] || new_client "$client"
	fi
	cat >"$PLANS/$client/$1"
	chmod 644 "$PLANS/$client/$1"
}

# answer EVENT LINE ...: a plan of these lines
answer() {
	local event=$1

	shift
	mkdir -p "$PLANS/$HOST"
	printf '%s\n' "$@" >"$PLANS/$HOST/$event.lines"
	chmod 644 "$PLANS/$HOST/$event.lines"
	echo "cat \"\$d/$event.lines\"" | plan "$event"
}

# mta SOCKET [ARGUMENT ...]: the script is standard input. Fails if the filter
# did what it must not do.
mta() {
	local name=$1

	shift
	run python3 -I "$LIB_DIR/peers/rawmilter.py" -s "unix:$WORK/$name" "$@"
	if [ "$status" -ne 0 ]; then
		show_run
		return 1
	fi
}

# session NAME [COMMAND ...]: a session of $HOST with socket NAME. It is the commands, or
# the lines of standard input, between hello and quit. A first command that is optneg
# says what the MTA offers.
session() {
	local name=$1

	shift
	mta "$name" < <(session_script "$@")
}

session_script() {
	local from=arguments

	[ $# -gt 0 ] || from=input
	case ${1-} in
	optneg*|-optneg*)
		printf '%s\n' "$1" "-connect $HOST" '-helo x'
		shift ;;
	*)
		echo "hello $HOST" ;;
	esac
	case $from in
	arguments) printf '%s\n' "$@" ;;
	input) cat ;;
	esac
	echo quit
}

# says [LINE ...]: the last transcript is these lines, or standard input.
says() {
	local want

	if [ $# -gt 0 ]; then
		want=$(printf '%s\n' "$@")
	else
		want=$(cat)
	fi
	if [ "$output" != "$want" ]; then
		diff <(echo "$want") <(echo "$output") || true
		return 1
	fi
}

# says_at_end LINE ...: the last transcript is these answers to the end of a message.
says_at_end() {
	says "${@/#/end-of-message: }"
}

# got NAME: waits until a handler has saved it.
got() {
	if ! wait_for test -e "$GOT/$1"; then
		echo "no $1 in:"
		ls "$GOT"
		return 1
	fi
}

# block NAME: the block without the ids that change, and its payload
block() {
	got "$1" || return 1
	sed -E -e '2s/^session [0-9a-f]+\.[0-9]+$/session S/' \
	    -e '3s/^message [0-9a-f]+\.[0-9]+\.[0-9]+$/message M/' "$GOT/$1" |
	    cat -v
}

# block_is NAME: the block on standard input, exactly, `@' at the end for the
# empty line.
block_is() {
	local want is

	want=$(cat)
	is=$(block "$1" | sed 's/^$/@/') || return 1
	if [ "$is" != "$want" ]; then
		diff <(echo "$want") <(echo "$is") || true
		return 1
	fi
}

# lines_of NAME KEYWORD: the values of a block's lines
lines_of() {
	got "$1" && sed -n -e '/^$/q' -e "s/^$2 //p" "$GOT/$1"
}

# lines_are NAME KEYWORD [VALUE ...]: in this order
lines_are() {
	local name=$1 key=$2 want

	shift 2
	want=$( ((!$#)) || printf '%s\n' "$@")
	assert_equal "$(lines_of "$name" "$key")" "$want"
}

# variable NAME VARIABLE: its value, or nothing
variable() {
	tr '\n\0' '\r\n' <"$GOT/$1.env" | sed -n "s/^$2=//p" | tr '\r' '\n'
}

# env_is NAME: all variables that start with MILTER_, sorted, without the ids
env_is() {
	local want is

	want=$(cat)
	is=$(tr '\n\0' '|\n' <"$GOT/$1.env" | grep '^MILTER_' | LC_ALL=C sort |
	    sed -E -e 's/^(MILTER_SESSION=)[0-9a-f]+\.[0-9]+$/\1S/' \
	    -e 's/^(MILTER_MESSAGE=)[0-9a-f]+\.[0-9]+\.[0-9]+$/\1M/')
	if [ "$is" != "$want" ]; then
		diff <(echo "$want") <(echo "$is") || true
		return 1
	fi
}

notes_are() {
	local want

	want=$( ((!$#)) || printf '%s\n' "$@")
	assert_equal "$(cat "$GOT/notes" 2>/dev/null)" "$want"
}

# wait_notes LINE ...: the same, but waits for notes that reports leave
wait_notes() {
	# shellcheck disable=SC2016
	wait_for bash -c 'test "$(wc -l <"$1")" -ge "$2"' - "$GOT/notes" $# || true
	notes_are "$@"
}

# The lines of the log that are about a session (of block NAME).
log_of() {
	daemon_log "${2:-d}" | grep -F -e "$(lines_of "$1" session): " -e "$(lines_of "$1" session) "
}

# log_says NAME TEXT [DAEMON]: waits until a line about that session has it.
log_says() {
	if ! wait_for log_pair "$@"; then
		echo "no \"$2\" in the log of $(lines_of "$1" session):"
		log_of "$1" "${3:-d}" || true
		return 1
	fi
}

log_pair() {
	log_of "$1" "${3:-d}" | grep -qF -- "$2"
}
