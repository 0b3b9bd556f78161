#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Does what the tutorial and the cookbook tell their readers to do: each file is
# written, each command run, and what it prints is what the page says.

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/mta
load ../lib/postfix

setup() {
	test_setup
	mkdir -p "$WORK/bin" "$WORK/etc" "$WORK/run" "$WORK/t"
	cp -R "$TOP_DIR/libraries" "$WORK/share"
	printf '#!/bin/sh\nexec "%s" "$@"\n' "$MILTER_SEND" > "$WORK/bin/milter-send"
	# Where a newcomer's daemon would look, and what it would write.
	printf '#!/bin/sh\ncase " $* " in *" -l "*) exec "%s" "$@" ;; esac\n' "$PIPEMILTER" \
	    > "$WORK/bin/pipemilter"
	printf 'exec "%s" -f "%s" -p "%s" "$@"\n' "$PIPEMILTER" \
	    "$WORK/etc/pipemilter.conf" "$WORK/run/pipemilter.pid" >> "$WORK/bin/pipemilter"
	chmod 755 "$WORK"/bin/*
	PATH=$WORK/bin:$PATH
	cd "$WORK/t" || return
}

teardown() {
	local pid

	pid=$(cat "$WORK/run/pipemilter.pid" 2>/dev/null) || :
	if [ -n "$pid" ]; then
		kill "$pid"
		wait_for none_alive "$pid"
	fi
	if [ -n "${MTAS-}" ]; then
		mta_stop tutorial
		kill "$(cat "$SINK/pid")"
		wait_for none_alive "$(cat "$SINK/pid")"
	fi
	test_teardown
}

# follow PAGE FROM TO...: with the places of this test.
follow() {
	local page=$1

	shift
	python3 "$LIB_DIR/doctest.py" "$TOP_DIR/doc/$page" \
	    /usr/local/share/pipemilter "$WORK/share" \
	    /usr/local/libexec "$WORK/libexec" /usr/local/sbin "$WORK/bin" \
	    /etc/pipemilter "$WORK/etc" /run/pipemilter.pid "$WORK/run/pipemilter.pid" "$@"
}

# The page has its reader install the users and Postfix before.
ready_for_postfix() {
	[ "$ENGINE_USER" = _pipemilter ] || skip 'needs root and the two users'
	[ -z "$(mta_missing)" ] || skip "$(mta_missing)"
	MTAS=$WORK/mta SINK=$WORK/sink
	mkdir -p "$MTAS" "$SINK"
	start_sink
	PORT=$(free_port)
	mta_start tutorial "$PORT" "$SINK_PORT"
	export MAIL_CONFIG=$MTAS/tutorial/conf
}

@test "the tutorial, from an empty file to a pool behind Postfix" {
	ready_for_postfix
	# -n does not know this queue as that of a chroot.
	follow tutorial.md /var/spool/postfix "$MTAS/tutorial/queue" \
	    /var/log/mail.log "$MTAS/tutorial/maillog" 127.0.0.1:25 "127.0.0.1:$PORT" \
	    'listen "unix:' "spool-directory = '$WORK/spool' listen \"unix:" \
	    'smtpd_milters = unix:pipe' $'...\nsmtpd_milters = unix:'"$MTAS/tutorial/queue/pipe"
	# The last message of the page is there, with the header that the filter added.
	wait_for grep -rqi '^X-Recipients: 1' "$SINK"
}

@test "the cookbook" {
	[ "$(id -u)" -ne 0 ] || [ "$ENGINE_USER" = _pipemilter ] || skip 'needs the two users'
	mkdir -p "$WORK/libexec"
	cp -R "$TOP_DIR/handlers" "$WORK/libexec/pipemilter"
	follow cookbook.md
}
