# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# For suites that run the same handlers everywhere: those that do what loops/loop.sh does,
# under every scope, with reuse and without, over sessions that overlap.
#
#	setup_file() {
#		proto_start
#		loop_handler NAME 'COMMAND, ARGUMENT' 'EVENT, EVENT'
#		proto_run
#	}
#	loop_works NAME
#
# shellcheck shell=bash disable=SC2034,SC2154

# The options of each combination.
declare -gA KINDS=(
	[event-no]='scope = event'
	[event-yes]='scope = event|reuse = yes'
	[message-no]='scope = message'
	[message-yes]='scope = message|reuse = yes'
	[session-no]='scope = session'
	[session-yes]='scope = session|reuse = yes'
	[event-many]='scope = event|reuse = yes|concurrency = 5|processes = 1'
)

# loop_handler NAME COMMAND EVENTS: it under every combination
loop_handler() {
	local kind options

	for kind in "${!KINDS[@]}"; do
		IFS='|' read -ra options <<<"${KINDS[$kind]}"
		handler "$1-$kind" "command = {$2}" "events = {$3}" \
		    'reports = {data, abort, disconnect}' "${options[@]}" \
		    "on-failure = 'reject 554 5.3.0 failed'"
	done
}

# The pid and the count of events of the nth message of the transcript.
pid_of() {
	printf '%s\n' "$output" | sed -n 's/.* h "X-Process" " \([0-9]* [0-9]*\)"/\1/p' |
	    sed -n "$1p" | cut -d' ' -f1
}

count_of() {
	printf '%s\n' "$output" | sed -n 's/.* h "X-Process" " \([0-9]* [0-9]*\)"/\1/p' |
	    sed -n "$1p" | cut -d' ' -f2
}

# known CONNECTION HELO SENDER RECIPIENTS QUEUE-ID: what it has to say
known() {
	printf '%s> end-of-message: h "X-Known" " helo=%s sender=%s recipients=%s i=%s from=%s host=%s.%s"\n' \
	    "$1" "$2" "$3" "$4" "$5" "$3" "$1" "$HOST"
	printf '%s> end-of-message: continue\n' "$1"
}

# Two sessions at the same time, one of them with two messages and one that is
# aborted, and recipients that are refused.
play() {
	mta "$1" -t 60 <<-END
		use a
		-optneg
		-connect a.$HOST
		-helo first\\\\name
		macro M i=QA1
		-mail <s1@a.example>
		-rcpt <r1@b.example>
		rcpt <no@refused.example> => y "550 5.1.1 Not here"
		-rcpt <r2@b.example>
		use b
		-optneg
		-connect b.$HOST
		-helo second
		macro M i=QB1
		-mail <>
		use a
		-data
		-header Subject event mail
		-eoh
		-body event rcpt\n\nlength 70\r\n
		-body \r\nrecipient <evil@x>\r\n
		eom
		macro M i=QA2
		-mail <"s\\\\2"@a.example>
		rcpt <no@refused.example> => y "550 5.1.1 Not here"
		-rcpt <r3@b.example>
		use b
		-rcpt <only@b.example>
		-data
		-header X-A b
		-eoh
		-body b\r\n
		eom
		use a
		abort
		macro M i=QA3
		-mail <s3@a.example>
		-rcpt <r4@b.example>
		-data
		-eoh
		eom
		quit
		use b
		quit
	END
}

# known_in KIND-OF-NAME: plays, and compares
knows_all() {
	local want

	play "$1"
	want=$(
		known a 'first\\name' '<s1@a.example>' '2:<r1@b.example>,<r2@b.example>' QA1
		known b second '<>' '1:<only@b.example>' QB1
		known a 'first\\name' '<s3@a.example>' '1:<r4@b.example>' QA3
	)
	assert_equal "$(printf '%s\n' "$output" | grep -v X-Process)" "$want"
}

one_process_for_each_event() {
	assert_equal "$(count_of 1) $(count_of 2) $(count_of 3)" '1 1 1'
	[ "$(pid_of 1)" != "$(pid_of 2)" ]
	[ "$(pid_of 1)" != "$(pid_of 3)" ]
	[ "$(pid_of 2)" != "$(pid_of 3)" ]
}

# loop_works NAME [EVENTS]: EVENTS were answered in each message beside mail,
# rcpt and end-of-message, headers and end-of-headers: the pieces of the body
loop_works() {
	local name=$1 body1=${2:-2} body2=${3:-1} k
	local a=$((7 + body1)) b=$((5 + body2))

	knows_all "$name-event-no"
	one_process_for_each_event
	knows_all "$name-event-yes"
	# The process was asked before this end of a message.
	[ "$(count_of 3)" -gt 1 ]
	knows_all "$name-message-no"
	assert_equal "$(count_of 1) $(count_of 2) $(count_of 3)" "$a $b 4"
	[ "$(pid_of 1)" != "$(pid_of 2)" ]
	[ "$(pid_of 1)" != "$(pid_of 3)" ]
	knows_all "$name-message-yes"
	[ "$(pid_of 1)" != "$(pid_of 2)" ]
	for k in no yes; do
		knows_all "$name-session-$k"
		assert_equal "$(count_of 1) $(count_of 2) $(count_of 3)" \
		    "$((2 + a)) $((2 + b)) $((2 + a + 3 + 4))"
		[ "$(pid_of 1)" != "$(pid_of 2)" ]
		assert_equal "$(pid_of 1)" "$(pid_of 3)"
	done
	# A handler that keeps nothing from event to event can serve many at a time.
	knows_all "$name-event-many"
	assert_equal "$(pid_of 1) $(pid_of 1)" "$(pid_of 2) $(pid_of 3)"
}
