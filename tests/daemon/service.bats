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
