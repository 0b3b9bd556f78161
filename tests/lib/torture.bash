# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The functions of suites that torture handlers
#
# shellcheck shell=bash

torture_setup() {
	test_setup
	export TMPDIR=$WORK/tmp
	mkdir "$TMPDIR"
	cd "$WORK" || return
}

torture_teardown() {
	test_teardown
	# Nothing is left over, whatever was found.
	[ -z "$(ls -A "$TMPDIR")" ] || { ls -lR "$TMPDIR"; false; }
}

# torture [OPTION ...] HANDLER [ARGUMENT ...]: runs it. Options have no other
# word of their own but their argument.
torture() {
	local users=() options=()

	while :; do
		case $1 in
		-e|-o) options+=("$1" "$2"); shift 2 ;;
		-*) options+=("$1"); shift ;;
		*) break ;;
		esac
	done

	if [ -n "$ENGINE_USER" ]; then
		users=(-o "engine-user = $ENGINE_USER" -o "handler-user = $HANDLER_USER")
	fi
	# A busy machine may need more than the 8 s of the default.
	[[ " ${options[*]}" == *' timeout ='* ]] ||
		options+=(-o 'timeout = 30s' -o 'event-timeout = 1m')
	run "$MILTER_SEND" --torture "${users[@]}" "${options[@]}" -x "$@"
}

# fine [OPTION ...] HANDLER: nothing is wrong.
fine() {
	torture "$@"
	[ "$status" -eq 0 ] || { show_run; return 1; }
	[[ ${lines[-1]} == *' things tried, 0 wrong' ]]
}
