#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors

# The rules of src/ that doc/design.md states: the order of the layers, who includes
# and calls whom, and what each file and directory says of itself.

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/layers

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD=${BUILDDIR:-$TOP/build}

# Files that call each other in a circle, a circle a line, sorted. Processes and their
# pool tell each other what happens, in both directions.
CIRCLES='engine/hproc.c engine/hproc_end.c engine/hproc_io.c engine/pool.c'

# Extern names that need not begin with the name of a file or directory.
SHORT_NAMES=(fatal fatalx unescape xfree_secret 'x[a-z]+alloc[a-z]*' 'x(mem|str)n?dup0?')

@test "the layers, their sources and their objects are found" {
	[ "$(layers | wc -l)" -gt 15 ]
	[ "$(layers | head -n 1)" = base ]
	[ "$(sources | wc -l)" -gt 200 ]
	[ "$(names | wc -l)" -gt 2000 ]
	[ "$(calls | wc -l)" -gt 1000 ]
}

@test "every file of src/ is in the list of its directory, and every directory is a layer" {
	finds_nothing misplaced
}

@test "every include names the directory of its header" {
	finds_nothing bad_includes
}

@test "no file includes a header of a later layer" {
	finds_nothing upward_includes
}

@test "no file calls a function of a later layer" {
	finds_nothing upward_calls
}

@test "no files call each other in a circle, except those that are meant to" {
	run circles
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = "$CIRCLES" ]
}

@test "pure layers touch no descriptor, no clock and no log" {
	local layer

	pure_layers | sed 's/ .*//' >"$BATS_TEST_TMPDIR/pure"
	for layer in milter reply mail transcript block mta; do
		grep -qxF "$layer" "$BATS_TEST_TMPDIR/pure" || { echo "$layer is not pure"; false; }
	done
	finds_nothing impure_calls
}

@test "every extern name begins with the name of its directory or file" {
	finds_nothing misnamed "${SHORT_NAMES[@]}"
}

@test "every directory of src/ has a README of 5 to 15 lines" {
	finds_nothing bad_readmes
}

@test "every source begins with a comment that names it" {
	finds_nothing unopened
}

@test "doc/design.md names every file of src/, and no other" {
	files_there >"$BATS_TEST_TMPDIR/there"
	files_described >"$BATS_TEST_TMPDIR/described"
	assert_same_file "$BATS_TEST_TMPDIR/there" "$BATS_TEST_TMPDIR/described"
}

@test "every path that CONTRIBUTING.md and doc/design.md name is there" {
	finds_nothing missing_paths
}

@test "no function of src/ is longer than 45 lines" {
	finds_nothing long_functions 45
}

@test "every file names its licence" {
	finds_nothing unlicensed
}

# Prints the text files that do not name the licence. Blocks for
# handlers and inputs of fuzzers have no room for it.
unlicensed() {
	(cd "$TOP" && find configure.ac Makefile.am bootstrap ./*.md bench contrib doc examples fuzz \
	    handlers libraries man scripts src tests -type f ! -name '*.pyc' ! -path '*/.deps/*' \
	    ! -path tests/lib/handlers/libraries/blocks ! -path tests/lib/handlers/libraries/told \
	    ! -path 'fuzz/corpus/*' \
	    -exec grep -I -L -e 'SPDX-License-Identifier: ISC' '{}' +) || :
}

# Prints "SUITE: NAME" for each row of the tables of doc/failures.md, and all of
# a row that has none.
failures() {
	awk -F ' *[|] *' '/^[|]/ && !/^[|](-|---)/ && $NF == "" {
		what = $(NF - 1)
		if (what == "shown by")
			next
		print what ~ /^`[a-z\/-]*: .*`$/ ? substr(what, 2, length(what) - 2) : $0
	}' "$TOP/doc/failures.md"
}

@test "each row of doc/failures.md names a test that there is" {
	local row suite

	[ "$(failures | wc -l)" -gt 50 ]
	[ "$(failures | wc -l)" -eq "$(grep -c '^|.*`.*: .*` |$' "$TOP/doc/failures.md")" ]
	while read -r row; do
		suite=$TOP/tests/${row%%: *}.bats
		grep -qxF "@test \"${row#*: }\" {" "$suite" || echo "$row"
	done < <(failures) >"$BATS_TEST_TMPDIR/unknown"
	[ ! -s "$BATS_TEST_TMPDIR/unknown" ] || { cat "$BATS_TEST_TMPDIR/unknown"; false; }
}
