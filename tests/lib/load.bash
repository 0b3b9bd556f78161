# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Mail that is sent on and on while a test does something to what serves it, and the report of
# what became of it: examples/several-machines/load.py.
#
#	$REPORT		where the report is to be
#
# shellcheck shell=bash

# number NAME: of the report, which has one on a line. To parse it would cost much more.
number() {
	sed -n 's/^ "'"$1"'": \([^,]*\),*$/\1/p' "$REPORT"
}

number_is_at_least() {
	[ -e "$REPORT" ] && [ "$(number "$1")" -ge "$2" ]
}

# load_goes_on: until messages are accepted that were begun just now
load_goes_on() {
	wait_for number_is_at_least messages $(($(number messages) + 13))
	wait_for number_is_at_least accepted $(($(number accepted) + 26))
}

# load_is_over: what was accepted has arrived, and once only.
load_is_over() {
	[ "$(number over)" = true ]
	[ "$(number lost)" -eq 0 ]
	[ "$(number twice)" -eq 0 ]
}
