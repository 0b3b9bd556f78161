# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The functions that all suites share. A suite says
#
#	load lib/common
#
# and calls test_setup in setup (or setup_file) and test_teardown in teardown
# (or teardown_file). Then there are
#
#	$WORK		a private directory that the handlers' user can enter
#	$OUT		a directory in it where handlers can write
#	$HANDLERS	where write_handler puts handlers
#	$SOCK		a path for a unix socket
#
# shellcheck shell=bash

LIB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP_DIR=$(cd "$LIB_DIR/../.." && pwd)
: "${BUILDDIR:=$TOP_DIR/build}"
: "${PIPEMILTER:=$BUILDDIR/pipemilter}"
: "${MILTER_SEND:=$BUILDDIR/milter-send}"
# Seconds until a condition counts as never coming true.
: "${TEST_DEADLINE:=40}"
export LIB_DIR TOP_DIR BUILDDIR PIPEMILTER MILTER_SEND TEST_DEADLINE

# What chooses among versions of Python takes ten times as long as Python needs to start.
case $(type -P python3) in
*/shims/python3) [ ! -x /usr/bin/python3 ] || export PATH=/usr/bin:$PATH ;;
esac

# A machine that CI runs on stands still at times, for ten seconds and more. Tests are to stand
# that, but those about a limit of a few seconds can't. So a test that failed while the machine
# stood still is run again, twice at most; TEST_REPEATS=0 turns that off. A process for the whole
# run notes when the machine has stood still, in seconds since it was booted.
: "${TEST_REPEATS:=2}"

uptime_s() {
	local up

	read -r up _ </proc/uptime
	echo "${up%.*}"
}

watch_the_machine() {
	mkdir "$BATS_RUN_TMPDIR/stood-still" 2>/dev/null || return 0
	# shellcheck disable=SC2016
	setsid bash -c '
		last=$SECONDS
		while [ -d "$1" ] && [ "$SECONDS" -lt 20000 ]; do
			if [ $((SECONDS - last)) -ge 4 ]; then
				cut -d . -f 1 /proc/uptime >>"$1/times"
			fi
			last=$SECONDS
			sleep 0.5
		done
	' - "$BATS_RUN_TMPDIR/stood-still" >/dev/null 2>&1 </dev/null 3>&- 4>&- &
	disown
}

if [ -n "${BATS_TEST_NUMBER:-}" ]; then
	TEST_BEGAN=$(uptime_s)
	watch_the_machine
fi

# In teardown; suites without one have this one.
repeat_if_it_stood_still() {
	[ -n "${BATS_TEST_NUMBER:-}" ] && [ -z "${BATS_TEST_COMPLETED:-}" ] &&
	    [ "$BATS_TEST_TRY_NUMBER" -le "$TEST_REPEATS" ] || return 0
	# The other process may not have been awake again.
	sleep 1
	if awk -v began="$TEST_BEGAN" '$1 >= began { f = 1 } END { exit !f }' \
	    "$BATS_RUN_TMPDIR/stood-still/times" 2>/dev/null; then
		# shellcheck disable=SC2034	# bats reads it
		BATS_TEST_RETRIES=$BATS_TEST_TRY_NUMBER
		echo "# run again, as the machine stood still: $BATS_TEST_DESCRIPTION" >&3
	fi
}

teardown() {
	repeat_if_it_stood_still
}

test_setup() {
	local base

	base=${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR:?run by bats only}}
	WORK=$base/w
	OUT=$WORK/out
	HANDLERS=$WORK/handlers
	SOCK=$WORK/sock
	DAEMONS=$base/daemons
	export WORK OUT HANDLERS SOCK DAEMONS
	mkdir -p "$OUT" "$HANDLERS" "$DAEMONS"
	chmod 755 "$WORK" "$HANDLERS"
	chmod 1777 "$OUT"
	# Bats makes this one for its user alone.
	chmod go+x "$BATS_RUN_TMPDIR"
	choose_users
}

# Stops what the test left running; its log is shown if the test failed.
test_teardown() {
	local dir rc=0

	repeat_if_it_stood_still
	for dir in "$DAEMONS"/*/; do
		[ -d "$dir" ] || continue
		stop_daemon "$(basename "$dir")" || rc=1
	done
	return "$rc"
}

# Started as root the daemon changes to these two users.
choose_users() {
	ENGINE_USER=
	HANDLER_USER=
	[ "$(id -u)" -eq 0 ] || return 0
	ENGINE_USER=daemon
	HANDLER_USER=nobody
	if id -u _pipemilter && id -u pipemilter; then
		ENGINE_USER=_pipemilter
		HANDLER_USER=pipemilter
	fi >/dev/null 2>&1
}

# wait_for [-t SECONDS] COMMAND [ARGUMENT ...]: until COMMAND succeeds. What a look took beyond
# 5 s does not count, as the machine stood still.
wait_for() {
	local limit=$TEST_DEADLINE end began=$SECONDS last=$SECONDS looks=0

	if [ "$1" = -t ]; then
		limit=$2
		shift 2
	fi
	end=$((SECONDS + limit))
	until "$@" >/dev/null 2>&1; do
		if [ $((SECONDS - last)) -gt 5 ]; then
			end=$((end + SECONDS - last))
		fi
		last=$SECONDS
		if [ "$last" -gt "$end" ] || [ $((last - began)) -gt $((limit + 90)) ]; then
			echo "not within $limit s: $*" >&2
			return 1
		fi
		# What takes long is looked at less often, since each look costs some processes.
		if [ $((looks += 1)) -le 10 ]; then
			sleep 0.03
		else
			sleep 0.1
		fi
	done
}

# Prints a loopback port that nobody listens on. It lies below those that the
# kernel gives to outgoing connections, and is given out once in a run of bats.
free_port() {
	local dir=${BATS_RUN_TMPDIR:?}/ports port tries

	mkdir -p "$dir"
	for ((tries = 0; tries < 200; tries++)); do
		port=$((12000 + (RANDOM * 32768 + RANDOM) % 20000))
		mkdir "$dir/$port" 2>/dev/null || continue
		if ! tcp_port_used "$port"; then
			echo "$port"
			return 0
		fi
	done
	echo 'no free port' >&2
	return 1
}

# The kernel's tables are read, since a connection made to find out whether
# somebody listens would be served, and logged.
tcp_port_used() {
	local hex

	printf -v hex ':%04X' "$1"
	awk -v p="$hex" 'FNR > 1 && substr($2, length($2) - 4) == p { f = 1 }
	    END { exit !f }' /proc/net/tcp /proc/net/tcp6
}

tcp_listens() {
	local hex

	printf -v hex ':%04X' "$1"
	awk -v p="$hex" 'FNR > 1 && $4 == "0A" &&
	    substr($2, length($2) - 4) == p { f = 1 }
	    END { exit !f }' /proc/net/tcp /proc/net/tcp6
}

unix_listens() {
	awk -v p="$1" '$4 == "00010000" && $8 == p { f = 1 } END { exit !f }' \
	    /proc/net/unix
}

# address_listens ADDRESS, in any of the forms that pipemilter takes
address_listens() {
	local a=$1

	case $a in
	unix:*|local:*) unix_listens "${a#*:}" ;;
	inet:*@*|inet6:*@*) a=${a#*:}; tcp_listens "${a%%@*}" ;;
	inet:*|inet6:*) tcp_listens "${a##*:}" ;;
	*) return 1 ;;
	esac
}

# write_handler NAME: a handler from standard input, at $HANDLERS/NAME. It is
# a shell script if it has no first line that says otherwise.
write_handler() {
	local file=$HANDLERS/$1 text

	text=$(cat; echo .)
	text=${text%.}
	case $text in
	'#!'*) ;;
	*) text="#!/bin/sh
$text" ;;
	esac
	mkdir -p "$(dirname "$file")"
	printf '%s' "$text" >"$file.new"
	chmod 755 "$file.new"
	mv "$file.new" "$file"
}

# start_daemon [-n NAME] [ARGUMENT ...]: the daemon in the foreground, with the
# configuration on standard input; more arguments are passed on. Waits until
# all its sockets listen and its engines are up.
start_daemon() {
	local name=d dir addresses

	if [ "${1:-}" = -n ]; then
		name=$2
		shift 2
	fi
	dir=$DAEMONS/$name
	mkdir -p "$dir"
	cat >"$WORK/$name.conf"
	complete_config "$WORK/$name.conf"
	addresses=$(sed -n 's/^[[:space:]]*listen[[:space:]]*["'\'']\{0,1\}\([^"'\''{[:space:]]*\).*/\1/p' \
	    "$WORK/$name.conf")
	keep_daemon "$name" "$PIPEMILTER" -d -f "$WORK/$name.conf" "$@"
	wait_for_daemon "$name" "$addresses"
}

# start_adhoc [-n NAME] ADDRESS [ARGUMENT ...]: the daemon without a file:
# pipemilter -l ADDRESS ARGUMENT ...
start_adhoc() {
	local name=d address users=()

	if [ "${1:-}" = -n ]; then
		name=$2
		shift 2
	fi
	address=$1
	shift
	if [ -n "$ENGINE_USER" ]; then
		users=(-o "engine-user = $ENGINE_USER"
		    -o "handler-user = $HANDLER_USER")
	fi
	[[ " $*" == *' timeout = '* ]] || users+=(-o 'timeout = 30s')
	[[ $* == *event-timeout* ]] || users+=(-o 'event-timeout = 1m')
	mkdir -p "$DAEMONS/$name"
	keep_daemon "$name" "$PIPEMILTER" -l "$address" "${users[@]}" "$@"
	wait_for_daemon "$name" "${address%%[[:space:]]*}"
}

# complete_config FILE: adds what the test does not say itself. It does so at the end, so that
# the numbers of the lines stay. Daemons of one suite run at the same time: none may have
# the spool directory of another.
complete_config() {
	echo >>"$1"
	grep -q '^[[:space:]]*spool-directory' "$1" ||
		echo "spool-directory = '$WORK/spool-$(basename "$1" .conf)'" >>"$1"
	grep -q '^[[:space:]]*control ' "$1" ||
		echo "control = '$WORK/control-$(basename "$1" .conf)'" >>"$1"
	# A busy machine may need more than the 9 and 8 s of the defaults.
	grep -q '^[[:space:]]*event-timeout' "$1" || echo 'event-timeout = 1m' >>"$1"
	with_patience "$1" >"$1.new"
	cat "$1.new" >"$1"
	rm "$1.new"
	add_users_to "$1"
}

# Prints the configuration, with a time limit in each handler that has none of its own.
with_patience() {
	awk '
	    function flush() {
		if (text !~ /(^|[ \t\n{])timeout[ \t]*=/)
			sub(/\{/, "{ timeout = 30s", text)
		printf "%s", text
		text = ""
		depth = 0
	    }
	    depth == 0 && !/^[ \t]*handler[ \t][^{}]*\{/ { print; next }
	    {
		text = text $0 "\n"
		depth += gsub(/\{/, "{") - gsub(/\}/, "}")
		if (depth <= 0)
			flush()
	    }
	    END { if (text != "") flush() }' "$1"
}

add_users_to() {
	[ -n "$ENGINE_USER" ] || return 0
	grep -q '^[[:space:]]*engine-user' "$1" ||
		echo "engine-user = $ENGINE_USER" >>"$1"
	grep -q '^[[:space:]]*handler-user' "$1" ||
		echo "handler-user = $HANDLER_USER" >>"$1"
}

# A shell of its own keeps the daemon's status, so that any process of bats can
# ask for it. The daemon gets a session of its own: all processes in it belong to the daemon.
keep_daemon() {
	local name=$1 dir=$DAEMONS/$1

	shift
	rm -f "$dir/pid" "$dir/status"
	# shellcheck disable=SC2016
	bash -c '
		dir=$1
		shift
		setsid "$@" &
		pid=$!
		echo "$pid" >"$dir/pid.new"
		mv "$dir/pid.new" "$dir/pid"
		wait "$pid"
		echo "$?" >"$dir/status"
	' keep "$dir" "$@" >"$dir/log" 2>&1 </dev/null 3>&- 4>&- &
	disown
	wait_for test -s "$dir/pid"
	DAEMON_PID=$(cat "$dir/pid")
	DAEMON_LOG=$dir/log
	export DAEMON_PID DAEMON_LOG
}

wait_for_daemon() {
	local name=$1 dir=$DAEMONS/$1 a

	for a in $2; do
		if ! wait_for daemon_up_or_gone "$dir" "$a" ||
		    [ -s "$dir/status" ]; then
			echo "the daemon did not come up at $a:" >&2
			cat "$dir/log" >&2
			return 1
		fi
	done
}

# A socket listens before the engines are started, so that alone is not enough.
daemon_up_or_gone() {
	[ -s "$1/status" ] || { address_listens "$2" && grep -q ' is ready$' "$1/log"; }
}

daemon_log() {
	cat "$DAEMONS/${1:-d}/log"
}

# log_has TEXT [NAME]; wait_log waits for it.
log_has() {
	grep -qF -- "$1" "$DAEMONS/${2:-d}/log"
}

wait_log() {
	wait_for log_has "$@" || {
		daemon_log "${2:-d}" >&2
		return 1
	}
}

# Prints the process ids in the session of a process and all its descendants.
processes_of() {
	ps -e -o pid= -o ppid= -o sid= | awk -v root="$1" '
	    { pid[NR] = $1; ppid[NR] = $2; sid[NR] = $3 }
	    END {
		own[root] = 1
		do {
			more = 0
			for (i = 1; i <= NR; i++)
				if (!(pid[i] in own) &&
				    (sid[i] == root || ppid[i] in own)) {
					own[pid[i]] = 1
					more = 1
				}
		} while (more)
		for (i = 1; i <= NR; i++)
			if (pid[i] in own)
				print pid[i]
	    }'
}

none_alive() {
	local pid

	for pid in "$@"; do
		# A zombie counts as gone.
		case $(ps -o stat= -p "$pid") in
		''|Z*) ;;
		*) return 1 ;;
		esac
	done
}

# stop_daemon [NAME [SIGNAL [STATUS]]]: ends it (SIGTERM) and asserts its exit
# status (0), that no process is left over, and that no sanitizer complained.
# A daemon that has been stopped before is no error.
stop_daemon() {
	local name=${1:-d} signal=${2:-TERM} want=${3:-0}
	local dir=$DAEMONS/${1:-d} pid left=() rc=0 got

	[ -s "$dir/pid" ] || return 0
	pid=$(cat "$dir/pid")
	mapfile -t left < <(processes_of "$pid")
	[ -s "$dir/status" ] || kill -s "$signal" "$pid" 2>/dev/null || true
	if ! wait_for -t 60 test -s "$dir/status"; then
		echo "daemon $name does not end on SIG$signal" >&2
		rc=1
	fi
	# Processes that were started meanwhile are in the daemon's session.
	mapfile -t -O "${#left[@]}" left < <(ps -e -o pid= -o sid= |
	    awk -v s="$pid" '$2 == s { print $1 }')
	if ! wait_for none_alive "${left[@]}"; then
		echo "daemon $name left processes:" >&2
		ps -o pid,ppid,sid,stat,args -p "$(IFS=,; echo "${left[*]}")" >&2
		kill -s KILL "${left[@]}" 2>/dev/null
		rc=1
	fi
	got=$(cat "$dir/status" 2>/dev/null)
	if [ "$rc" -eq 0 ] && [ "$got" != "$want" ]; then
		echo "daemon $name ended with status $got, not $want" >&2
		rc=1
	fi
	no_sanitizer_report "$dir/log" || rc=1
	if [ "$rc" -ne 0 ] || [ -z "${BATS_TEST_COMPLETED-1}" ]; then
		echo "log of daemon $name:" >&2
		cat "$dir/log" >&2
	fi
	rm -f "$dir/pid"
	return "$rc"
}

no_sanitizer_report() {
	if grep -E 'AddressSanitizer|LeakSanitizer|: runtime error: ' "$1" >&2
	then
		return 1
	fi
}

# Assertions about the last "run"

# shellcheck disable=SC2154
show_run() {
	echo "status: $status"
	echo "output: $output"
}

assert_status() {
	if [ "$status" -ne "$1" ]; then
		echo "expected status $1"
		show_run
		return 1
	fi
}

assert_success() {
	assert_status 0
}

assert_output_has() {
	case $output in
	*"$1"*) ;;
	*)
		echo "expected in the output: $1"
		show_run
		return 1 ;;
	esac
}

refute_output_has() {
	case $output in
	*"$1"*)
		echo "not expected in the output: $1"
		show_run
		return 1 ;;
	esac
}

assert_equal() {
	if [ "$1" != "$2" ]; then
		printf 'expected: %s\nis:       %s\n' "$2" "$1"
		return 1
	fi
}

# assert_file_has FILE LINE: a whole line
assert_file_has() {
	if ! grep -qxF -- "$2" "$1"; then
		printf 'expected in %s: %s\nit has:\n' "$1" "$2"
		cat -v "$1"
		return 1
	fi
}

refute_file_has() {
	if grep -qxF -- "$2" "$1"; then
		printf 'not expected in %s: %s\nit has:\n' "$1" "$2"
		cat -v "$1"
		return 1
	fi
}

assert_same_file() {
	if ! cmp -- "$1" "$2"; then
		diff -a -u -- "$1" "$2" | cat -v | head -50
		return 1
	fi
}
