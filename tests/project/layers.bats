#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors

# The order of the layers of doc/design.md, read from Makefile.am, where each
# layer is a variable: who includes whom, and what the pure ones may call.

TOP=$BATS_TEST_DIRNAME/../..
BUILD=${BUILDDIR:-$TOP/build}

# Prints "NUMBER FILE" for every source of the library, lowest layer first.
layers() {
	awk '
	BEGIN { n = split("base milter reply mail transcript config store system state block session engine startup supervisor mta pipemilter", name)
		split("0 1 1 1 1 2 3 3 3 3 3 4 3 3 2 3", number)
		for (i = 1; i <= n; i++) layer[name[i] "_sources"] = number[i] }
	$2 == "=" { current = ($1 in layer) ? layer[$1] : "" }
	current != "" { for (i = 1; i <= NF; i++) if ($i ~ /^src\//) print current, $i }
	!/\\$/ { current = "" }' "$TOP/Makefile.am"
}

# Prints "FILE includes HEADER" for each include that goes upward.
upward() {
	layers | awk -v top="$TOP" '
	{ layer[$2] = $1; file[NR] = $2 }
	END {
		for (i = 1; i <= NR; i++) {
			while ((getline line < (top "/" file[i])) > 0) {
				if (line !~ /^#include "/) continue
				split(line, part, "\"")
				header = "src/" part[2]
				if (header in layer && layer[header] + 0 > layer[file[i]] + 0)
					print file[i] " includes " header
			}
		}
	}'
}

@test "the layers are found in Makefile.am" {
	run layers
	[ "${#lines[@]}" -gt 80 ]
	[[ $output == *"0 src/base/buf.c"* && $output == *"4 src/engine/conn.c"* ]]
}

@test "no file includes a header of a layer above its own" {
	run upward
	[ "$output" = "" ]
}

@test "every source in src/ belongs to a program or a layer" {
	for f in "$TOP"/src/{,*/}*.[ch]; do
		grep -q "${f#"$TOP/"}" "$TOP/Makefile.am" || echo "$f"
	done >"$BATS_TEST_TMPDIR/orphans"
	[ ! -s "$BATS_TEST_TMPDIR/orphans" ] || { cat "$BATS_TEST_TMPDIR/orphans"; false; }
}

@test "codecs touch no descriptor, no clock and no log" {
	local forbidden='log_[a-z]*|syslog|read|write|readv|writev|open|openat|close|pipe2?|socket|send|sendmsg|recv|recvmsg|poll|time|clock_gettime|gettimeofday|getenv|fopen|fwrite|fputs|printf|puts|fork|execve'
	[ -f "$BUILD/libpipemilter.a" ]
	layers | awk '$1 == 1 && /\.c$/ { sub(/\.c$/, ".o", $2); print $2 }' \
	    >"$BATS_TEST_TMPDIR/objects"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/objects")" -gt 8 ]
	while read -r object; do
		nm -u "$BUILD/$object" |
		    awk -v o="$object" -v f="^($forbidden)(@.*)?\$" '$2 ~ f { print o ": " $2 }'
	done <"$BATS_TEST_TMPDIR/objects" >"$BATS_TEST_TMPDIR/impure"
	[ ! -s "$BATS_TEST_TMPDIR/impure" ] || { cat "$BATS_TEST_TMPDIR/impure"; false; }
}

@test "no function of src/ is longer than 80 lines" {
	run awk '
	FNR == 1 { name = "" }
	/^[a-z_]+\(/ { name = $0; start = FNR }
	/^}/ && name != "" { if (FNR - start > 80) print FILENAME ": " name; name = "" }' \
	    "$TOP"/src/{,*/}*.c
	[ "$output" = "" ]
}

@test "every file names its licence" {
	local f

	for f in "$TOP"/{configure.ac,Makefile.am,bootstrap,*.md} \
	    "$TOP"/{bench,bench/conf,bench/lib,bench/peers,contrib,doc,examples,fuzz,handlers,libraries,man,scripts,src,src/*,tests/*,tests/lib/*}/*; do
		[ -f "$f" ] || continue
		case $f in *.pyc) continue ;; esac
		grep -q 'SPDX-License-Identifier: ISC' "$f" || echo "${f#"$TOP"/}"
	done >"$BATS_TEST_TMPDIR/unnamed"
	[ ! -s "$BATS_TEST_TMPDIR/unnamed" ] || { cat "$BATS_TEST_TMPDIR/unnamed"; false; }
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
