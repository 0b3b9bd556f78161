# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What tests/project/layers.bats finds out about src/. The order of the layers is
# the line "layers = ..." of Makefile.am; layer X is the directory src/X, and its
# files are the variable X_sources. Who calls whom is read from the objects of a
# build, by nm.
#
#	$TOP		the directory of the sources
#	$BUILD		the directory of the build
#
# shellcheck shell=bash disable=SC2034,SC2154

# finds_nothing COMMAND ...: the command must succeed and print nothing. What it
# prints is shown.
finds_nothing() {
	run "$@"
	echo "$output"
	[ "$status" -eq 0 ] && [ -z "$output" ]
}

# Prints the layers, one a line, lowest first.
layers() {
	sed -n 's/^layers = //p' "$TOP/Makefile.am" | tr ' ' '\n'
}

# Prints "LAYER FILE" for each file of a variable LAYER_sources, lowest layer first.
sources() {
	{ layers; cat "$TOP/Makefile.am"; } | awk '
	NF == 1 && !more && !started { order[++n] = $1; next }
	{ started = 1 }
	$2 == "=" { layer = $1; if (!sub(/_sources$/, "", layer)) layer = "" }
	$2 == "=" || more {
		for (i = 1; layer != "" && i <= NF; i++)
			if ($i ~ /\.[ch]$/) files[layer] = files[layer] layer " " $i "\n"
	}
	{ more = /\\$/ }
	END { for (i = 1; i <= n; i++) printf "%s", files[order[i]] }'
}

# Prints the files of a kind, "c" or "h", as Makefile.am lists them.
listed() {
	sources | awk -v end="[.]$1\$" '$2 ~ end { print $2 }'
}

# Prints "FILE DIRECTORY/HEADER" for each include of a header of our own.
includes() {
	(cd "$TOP" && awk '/^#[ \t]*include "/ { split($0, part, "\""); print FILENAME, part[2] }' \
	    src/*/*.[ch] src/*.c)
}

# Prints each include that names no directory, or a header that is not there.
bad_includes() {
	local file header

	includes | grep -vxF 'src/base/compat.h config.h' | while read -r file header; do
		case $header in
		*/*) [ -e "$TOP/src/$header" ] && continue ;;
		esac
		echo "$file includes \"$header\""
	done
}

# Prints each include of a header of a later layer. The files that stand in src/
# itself may include any.
upward_includes() {
	{ layers; includes; } | awk '
	NF == 1 { rank[$1] = NR; next }
	split($1, file, "/") == 3 {
		split($2, header, "/")
		if (rank[header[1]] > rank[file[2]])
			print $1 " includes \"" $2 "\""
	}'
}

# Prints each file and directory of src/ that is not where Makefile.am lists it.
misplaced() {
	local f name

	sources | awk '{ split($2, part, "/") } part[2] != $1 { print $2 " is in " $1 "_sources" }'
	sources | awk '{ print $2 }' >"$BATS_TEST_TMPDIR/listed"
	for f in "$TOP"/src/*/*.[ch]; do
		name=${f#"$TOP/"}
		grep -qxF "$name" "$BATS_TEST_TMPDIR/listed" || echo "$name is in no list"
	done
	for f in "$TOP"/src/*/; do
		name=$(basename "$f")
		layers | grep -qxF "$name" || echo "src/$name is no layer"
	done
}

# Prints "FILE NAME TYPE" for each extern name that an object of a layer defines or,
# of type U, uses.
names() {
	listed c | sed 's/c$/o/' >"$BATS_TEST_TMPDIR/objects"
	if ! (cd "$BUILD" && xargs nm -A -P -g <"$BATS_TEST_TMPDIR/objects") \
	    >"$BATS_TEST_TMPDIR/nm" 2>"$BATS_TEST_TMPDIR/missing"; then
		echo "not all of src/ is built in $BUILD" >&2
		head -n 3 "$BATS_TEST_TMPDIR/missing" >&2
		return 1
	fi
	awk '$2 !~ /^__odr_asan/ { sub(/\.o:$/, ".c", $1); print $1, $2, $3 }' "$BATS_TEST_TMPDIR/nm"
}

# Prints "FILE NAME DEFINER" for each name that a file uses and another one defines.
calls() {
	names | awk '
	$3 == "U" { file[++n] = $1; name[n] = $2; next }
	!($2 in definer) { definer[$2] = $1 }
	END {
		for (i = 1; i <= n; i++)
			if (name[i] in definer)
				print file[i], name[i], definer[name[i]]
	}'
}

upward_calls() {
	{ layers; calls; } | awk '
	function layer(file, part) { split(file, part, "/"); return part[2] }
	NF == 1 { rank[$1] = NR; next }
	rank[layer($3)] > rank[layer($1)] { print $1 " uses " $2 " of " $3 }'
}

# Prints each set of files that all call each other, directly or through others of
# the set, as a line of names without src/, in alphabetical order.
circles() {
	calls | awk '
	function reach(start, file, part, n, i) {
		n = split(called[file], part, " ")
		for (i = 1; i <= n; i++)
			if (!((start, part[i]) in reached)) {
				reached[start, part[i]]
				reach(start, part[i])
			}
	}
	!(($1, $3) in seen) { seen[$1, $3]; called[$1] = called[$1] " " $3 }
	END {
		for (f in called)
			reach(f, f)
		for (f in called) {
			first = f
			for (g in called)
				if ((f, g) in reached && (g, f) in reached && g < first)
					first = g
			if ((f, f) in reached)
				print first, f
		}
	}' | sed 's|src/||g' | sort | awk '
	$1 != last { if (line != "") print line; line = $2; last = $1; next }
	{ line = line " " $2 }
	END { if (line != "") print line }'
}

# Prints the layers whose README has a line that begins with "Pure". After a layer come
# the files that this line excepts: "Pure, but for FILE.c".
pure_layers() {
	local layer

	for layer in $(layers); do
		sed -n "/^Pure\\>/ { s/^Pure, but for \\([a-z_]*\\.c\\).*/$layer \\1/; s/^Pure.*/$layer -/; p; }" \
		    "$TOP/src/$layer/README" 2>/dev/null || :
	done
}

# What pure code may call of the C library: it works on memory alone. The names with
# underscores are what compilers and headers make of it.
PURE_CALLS='(mem|str)[a-z]+|v?snprintf|[mc]alloc|realloc(array)?|free|qsort|bsearch|inet_(ntop|pton)|is[a-z]+|to(lower|upper)'
PURE_CALLS="$PURE_CALLS|__ctype_[a-z_]+|__errno_location|__stack_chk_fail|__(mem|str|v?snprintf)[a-z]*_chk"
PURE_CALLS="$PURE_CALLS|__isoc[0-9]+_strto[a-z]+|__(asan|ubsan|sanitizer|lsan)_.*|_GLOBAL_OFFSET_TABLE_"

# Prints each use of the log, of the clock or of anything of the C library that is not
# in the list, by a pure layer. A broken invariant may end the process.
impure_calls() {
	{ pure_layers; names; } | awk -v may="^($PURE_CALLS)\$" '
	NF == 2 { pure[$1]; except["src/" $1 "/" $2]; next }
	$3 != "U" { ours[$2]; next }
	{ split($1, part, "/") }
	part[2] in pure && !($1 in except) { file[++n] = $1; name[n] = $2 }
	END {
		for (i = 1; i <= n; i++)
			if (name[i] in ours ? name[i] ~ /^(log|mono)_/ : name[i] !~ may)
				print file[i] " uses " name[i]
	}'
}

# Prints each extern name that does not begin with the name of its directory, the name
# of its file, or the first word of that. The arguments are names, as patterns, that
# need not.
misnamed() {
	local IFS='|'

	names | awk -v except="^($*)\$" '
	$3 == "U" || $2 ~ except { next }
	{
		split($1, part, "/")
		directory = part[2] == "config" ? "conf" : part[2]
		file = part[3]
		sub(/\.c$/, "", file)
		word = file
		sub(/_.*/, "", word)
		if (index($2, directory) != 1 && index($2, file) != 1 && index($2, word "_") != 1)
			print $1 " defines " $2
	}'
}

# Prints "LAYER NAME" for each source and header of src/, without what follows the dot, and
# for each that the table of layers in doc/design.md names.
files_there() {
	(cd "$TOP/src" && ls -d */*.[ch]) | sed 's|/| |; s|[.][ch]$||' | sort -u
}

files_described() {
	awk -F ' *[|] *' '/^[|] `[a-z]+` [|]/ && NF == 5 {
		n = split($4, name, " ")
		for (i = 1; i <= n; i++)
			print $2, name[i]
	}' "$TOP/doc/design.md" | tr -d '`' | sort -u
}

# Prints each path that a document names in backquotes and that is not there.
missing_paths() {
	(cd "$TOP" && grep -oE '`(src|tests|doc|man|scripts|fuzz|libraries|handlers|examples)/[a-z0-9_./-]+`' \
	    CONTRIBUTING.md doc/design.md | tr -d '`' | sort -u | while IFS=: read -r document path; do
		[ -e "$path" ] || echo "$document names $path"
	done)
}

# Prints what is wrong with the README of each layer.
bad_readmes() {
	local layer readme lines

	for layer in $(layers); do
		readme=$TOP/src/$layer/README
		if [ ! -e "$readme" ]; then
			echo "src/$layer has no README"
			continue
		fi
		lines=$(wc -l <"$readme")
		[ "$lines" -ge 5 ] && [ "$lines" -le 15 ] || echo "src/$layer/README has $lines lines"
		[ "$(head -n 1 "$readme")" = 'SPDX-License-Identifier: ISC' ] ||
			echo "src/$layer/README does not begin with the licence"
	done
}

# Prints each source whose first comment after the licence does not begin with its name,
# and each header whose first comment begins with another name.
unopened() {
	(cd "$TOP/src" && awk '
	FNR == 1 { comments = 0; done = 0 }
	/^\/\*/ { comments++ }
	!done && comments == 2 {
		text = $0
		sub(/^\/?[ *]+/, "", text)
		if (text == "")
			next
		done = 1
		if (index(text, FILENAME ": ") != 1 &&
		    (FILENAME ~ /c$/ || text ~ /^[a-z_]+\/[a-z_]+[.][ch]: /))
			print FILENAME
	}
	!done && /^#/ { done = 1; if (FILENAME ~ /c$/) print FILENAME }' */*.[ch] *.c)
}

# Prints each function of more than $1 lines.
long_functions() {
	(cd "$TOP" && awk -v limit="$1" '
	FNR == 1 { name = "" }
	/^[a-z_][a-z0-9_]*\(/ { name = $0; start = FNR }
	/^}/ && name != "" {
		if (FNR - start > limit)
			print FILENAME ": " name
		name = ""
	}' src/*/*.c src/*.c)
}
