#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The daemon under a service manager: its unit, and what the build and the start
# have to see to.

load ../lib/common

setup() {
	test_setup
	# A daemon that is killed cannot remove its directory.
	export TMPDIR=$WORK
}

teardown() {
	test_teardown
}

# unit_has LINE: a whole line of the unit
unit_has() {
	assert_file_has "$TOP_DIR/contrib/pipemilter.service.in" "$1"
}

# The unit as it is installed, but with a program that is there.
make_unit() {
	sed -e "s|@sbindir@/pipemilter|$PIPEMILTER|" -e "s|@sysconfdir@|/etc|" \
	    -e "s|@runstatedir@|/run|" -e "s|@docdir@|/usr/share/doc/pipemilter|" \
	    "$TOP_DIR/contrib/pipemilter.service.in" >"$WORK/pipemilter.service"
}

@test "the programs resolve all symbols at their start, and keep them read-only" {
	local program

	grep -q __asan_init "$PIPEMILTER" && skip 'no hardening with sanitizers'
	command -v readelf >/dev/null || skip 'no readelf here'
	for program in "$PIPEMILTER" "$MILTER_SEND"; do
		run readelf -dlW "$program"
		assert_success
		assert_output_has GNU_RELRO
		assert_output_has BIND_NOW
	done
}

@test "the unit starts before each unit that runs an MTA" {
	unit_has 'Before=postfix.service postfix@-.service sendmail.service'
}

@test "the unit outlives a handler that the kernel kills" {
	unit_has 'OOMPolicy=continue'
}

@test "systemd has nothing to say about the unit" {
	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze here'
	make_unit
	# Without the pages of the installation.
	SYSTEMD_LOG_LEVEL=warning run systemd-analyze verify --man=no "$WORK/pipemilter.service"
	assert_success
	# Units of the system may have lines that are none of ours.
	refute_output_has pipemilter
}

@test "without CAP_FSETID a spool is refused at the start" {
	[ "$(id -u)" -eq 0 ] || skip 'only root changes to other users'
	write_handler h </dev/null
	cat >"$WORK/d.conf" <<EOF
listen 'unix:$SOCK' { }
handler h { command = {$HANDLERS/h} events = {end-of-message} spool = yes }
EOF
	complete_config "$WORK/d.conf"
	run timeout 30 setpriv --bounding-set=-fsetid "$PIPEMILTER" -d -f "$WORK/d.conf"
	assert_status 1
	assert_output_has "directory for working files $WORK/spool-d/spool/h: its set-group-id bit was dropped; the capability CAP_FSETID is missing"
	[ ! -e "$SOCK" ]
	start_daemon <<EOF
listen 'unix:$SOCK' { }
handler h { command = {$HANDLERS/h} events = {end-of-message} spool = yes }
EOF
}
