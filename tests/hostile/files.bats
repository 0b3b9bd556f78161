#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# Files that a start, or a check of the configuration, looks at, and that another user
# has made answer late or never, or replaced by something else: programs, scripts and
# interpreters of handlers, directories of sockets, the pid file.

# shellcheck disable=SC2154	# status and output are set by run

bats_require_minimum_version 1.5.0
load ../lib/common

HOSTILE=$BATS_TEST_DIRNAME/../lib/hostile

setup_file() {
	"${CC:-cc}" -O1 -shared -fPIC -o "$BATS_FILE_TMPDIR/slow.so" "$HOSTILE/slow_files.c" -ldl
	chmod go+x "$BATS_FILE_TMPDIR"
	chmod 755 "$BATS_FILE_TMPDIR/slow.so"
}

setup() {
	test_setup
	printf 'Subject: x\n\nbody\n' >"$WORK/message"
	mkdir "$WORK/theirs"
	write_handler good <<-'END'
		echo reject
	END
	CONF=$WORK/x.conf
	ATTACKERS=()
}

teardown() {
	local pid where rc=0

	for pid in "${ATTACKERS[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	test_teardown || rc=1
	awk -v w="$WORK/" '$3 == "fuse.mute" && index($2, w) == 1 { print $2 }' /proc/mounts |
	    while read -r where; do umount -l "$where"; done
	return "$rc"
}

needs_root() {
	[ "$(id -u)" -eq 0 ] || skip 'needs root, who gives files to other users'
	id -u games >/dev/null || skip 'needs another user'
	chown "$HANDLER_USER" "$WORK/theirs"
}

# mute DIRECTORY [NAME]: nothing there answers any more.
mute() {
	[ -c /dev/fuse ] && [ -w /dev/fuse ] || skip 'needs /dev/fuse'
	grep -qw fuse /proc/filesystems || skip 'needs FUSE in the kernel'
	"$HOSTILE/mute_fuse.py" "$(id -u "$HANDLER_USER")" "$(id -g "$HANDLER_USER")" 120 "$@" \
	    >"$WORK/fuse.out" 2>&1 3>&- &
	ATTACKERS+=($!)
	wait_for grep -q ready "$WORK/fuse.out"
}

# conf [LINE ...]: handler `bad' has these options
conf() {
	cat >"$CONF" <<-END
		event-timeout = 60s
		listen "unix:$WORK/good.sock" { handlers = {good} }
		listen "unix:$WORK/bad.sock" { handlers = {bad} }
		handler good { command = {$HANDLERS/good} events = {mail} }
		handler bad {
			$(printf '%s\n' "$@")
			timeout = 2s
			on-failure = 'tempfail 451 4.3.0 failed'
		}
	END
}

# ends_in SECONDS COMMAND ...: also all that holds its output
ends_in() {
	local seconds=$1 rc=0

	shift
	rm -f "$WORK/ended"
	{
		{ "$@" 2>&1 || rc=$?; echo "$rc" >"$WORK/status"; } | cat >"$WORK/output"
		mv "$WORK/status" "$WORK/ended"
	} 3>&- &
	ATTACKERS+=($!)
	wait_for -t "$seconds" test -s "$WORK/ended" || { cat "$WORK/output"; return 1; }
	status=$(cat "$WORK/ended")
	output=$(cat "$WORK/output")
	echo "$output"
}

check() {
	[ -f "$WORK/complete" ] || complete_config "$CONF"
	ends_in "${1:-20}" "$PIPEMILTER" -n -f "$CONF"
}

# Also a start, where `good' is served and `bad' answered for.
checked_and_served() {
	check
	[ "$status" -eq 0 ]
	[[ $output == *'takes too long to be looked at, and was not checked'* ]]
	start_daemon <"$CONF"
	run timeout 25 "$MILTER_SEND" -s "unix:$WORK/good.sock" "$WORK/message"
	[[ $output == *'550 5.7.1'* ]]
	run timeout 50 "$MILTER_SEND" -s "unix:$WORK/bad.sock" "$WORK/message"
	[[ $output == *'451 4.3.0 failed'* ]]
}

@test "a file system that does not answer: the program of a handler" {
	needs_root
	mute "$WORK/theirs"
	conf "command = {$WORK/theirs/bad}" 'events = {mail}'
	checked_and_served
}

@test "a file system that does not answer: behind a link, as an interpreter, as a directory" {
	needs_root
	ln -s "$WORK/theirs/bad" "$HANDLERS/link"
	printf '#!%s/sh\n' "$WORK/theirs" >"$HANDLERS/script"
	printf '#!/usr/bin/env sh2\n' >"$HANDLERS/env"
	chmod 755 "$HANDLERS/script" "$HANDLERS/env"
	mute "$WORK/theirs"
	conf "command = {$HANDLERS/link}" 'events = {mail}'
	check
	[ "$status" -eq 0 ]
	[[ $output == *"command: $HANDLERS/link: takes too long"* ]]
	conf "command = {$HANDLERS/script}" 'events = {mail}'
	check
	[ "$status" -eq 0 ]
	[[ $output == *"command: $HANDLERS/script: takes too long"* ]]
	conf "command = {$HANDLERS/env}" 'events = {mail}' "environment = {'PATH=$WORK/theirs'}"
	check
	[ "$status" -eq 0 ]
	[[ $output == *"command: $HANDLERS/env: takes too long"* ]]
	conf 'command = {/bin/true}' 'events = {mail}' "directory = $WORK/theirs/d"
	check
	[ "$status" -eq 0 ]
	[[ $output == *"directory: $WORK/theirs/d: takes too long"* ]]
}

# What hooks there are is not known: no mail may pass because of that.
@test "a file system that does not answer: a directory of hooks" {
	needs_root
	mute "$WORK/theirs"
	conf "hooks = $WORK/theirs"
	checked_and_served
}

@test "a file system that does not answer: many handlers do not add up" {
	local i

	needs_root
	mute "$WORK/theirs"
	conf "command = {$WORK/theirs/bad}" 'events = {mail}'
	for ((i = 0; i < 20; i++)); do
		echo "handler h$i { command = {$WORK/theirs/$i} events = {mail} }"
	done >>"$CONF"
	check 35
	[ "$status" -eq 0 ]
}

@test "a file system that does not answer: a command line" {
	needs_root
	mute "$WORK/theirs"
	ends_in 25 "$PIPEMILTER" -n -l "unix:$SOCK" -e mail -o "user = $HANDLER_USER" \
	    -o "engine-user = $ENGINE_USER" "$WORK/theirs/bad"
	[ "$status" -eq 0 ]
	[[ $output == *'takes too long to be looked at'* ]]
}

@test "a file system that does not answer: the directory of a socket, and others that root uses" {
	needs_root
	mute "$WORK/theirs"
	conf "command = {$HANDLERS/good}" 'events = {mail}'
	complete_config "$CONF"
	cp "$CONF" "$WORK/good.conf"
	echo "listen 'unix:$WORK/theirs/d/sock' { }" >>"$CONF"
	check
	[ "$status" -eq 1 ]
	[[ $output == *"listen \"unix:$WORK/theirs/d/sock\": its directory takes too long"* ]]
	for option in spool-directory record control; do
		{
			grep -v "^$option " "$WORK/good.conf"
			echo "$option = $WORK/theirs/d/x"
		} >"$CONF"
		ends_in 10 "$PIPEMILTER" -n -f "$CONF"
		[ "$status" -eq 1 ]
		[[ $output == *"$option: $WORK/theirs: belongs to another user"* ]]
	done
	ends_in 10 "$PIPEMILTER" -d -f "$WORK/good.conf" -p "$WORK/theirs/pid"
	[ "$status" -eq 1 ]
	[[ $output == *"$WORK/theirs: belongs to another user"* ]]
}

# The same without a file system of one's own.
slow() {
	ends_in 20 env SLOW_PATH="$1" LD_PRELOAD="$BATS_FILE_TMPDIR/slow.so" "$PIPEMILTER" -n \
	    -f "$CONF"
}

no_sanitizer() {
	! grep -q __asan_init "$PIPEMILTER" || skip 'a sanitizer has to be loaded first'
}

@test "calls that never return: each file of a handler" {
	local path

	no_sanitizer
	printf '#!%s/theirs/sh\n' "$WORK" >"$WORK/theirs/script"
	cp /bin/sh "$WORK/theirs/sh"
	chmod 755 "$WORK/theirs/script"
	conf "command = {$WORK/theirs/script}" 'events = {mail}' "directory = $WORK/out" \
	    "environment = {'A=b'}"
	complete_config "$CONF"
	slow /none
	[ "$status" -eq 0 ]
	[[ $output != *'takes too long'* ]]
	for path in "$WORK/theirs" "$WORK/theirs/script" "$WORK/theirs/sh" "$WORK/out"; do
		slow "$path"
		[ "$status" -eq 0 ]
		[[ $output == *'takes too long to be looked at, and was not checked'* ]]
	done
}

@test "a pipe in the place of a program, an interpreter or a hook is waited for by nobody" {
	mkfifo -m 755 "$WORK/theirs/pipe"
	mkdir "$WORK/theirs/hooks"
	mkfifo -m 755 "$WORK/theirs/hooks/mail"
	printf '#!%s/theirs/pipe\n' "$WORK" >"$HANDLERS/script"
	chmod 755 "$HANDLERS/script"
	conf "command = {$WORK/theirs/pipe}" 'events = {mail}'
	check
	[ "$status" -eq 1 ]
	[[ $output == *"$WORK/theirs/pipe: not a file"* ]]
	conf "command = {$HANDLERS/script}" 'events = {mail}'
	check
	[ "$status" -eq 1 ]
	[[ $output == *"interpreter $WORK/theirs/pipe: not a file"* ]]
	conf "hooks = $WORK/theirs/hooks"
	check
	[ "$status" -eq 1 ]
	[[ $output == *"$WORK/theirs/hooks/mail: not a file"* ]]
}

@test "a caller who ignores the end of children prevents no look at files" {
	conf "command = {$HANDLERS/good}" 'events = {mail}'
	complete_config "$CONF"
	ends_in 20 env --ignore-signal=CHLD "$PIPEMILTER" -n -f "$CONF"
	[ "$status" -eq 0 ]
}

@test "a socket's directory that another user can replace gives a warning" {
	needs_root
	conf "command = {$HANDLERS/good}" 'events = {mail}'
	echo "listen 'unix:$WORK/theirs/sock' { mode = 0666 }" >>"$CONF"
	check
	[ "$status" -eq 0 ]
	[[ $output == *"listen \"unix:$WORK/theirs/sock\": $WORK/theirs: belongs to another user"* ]]
	chown root "$WORK/theirs"
	check
	[[ $output != *'another user'* ]]
	chmod 777 "$WORK/theirs"
	check
	[ "$status" -eq 0 ]
	[[ $output == *"listen \"unix:$WORK/theirs/sock\": $WORK/theirs: anybody can write it"* ]]
	ln -s "$WORK/out" "$HANDLERS/link"
	chown -h games "$HANDLERS/link"
	conf "command = {$HANDLERS/good}" 'events = {mail}'
	echo "listen 'unix:$HANDLERS/link/sock' { mode = 0666 }" >>"$CONF"
	check
	[ "$status" -eq 0 ]
	[[ $output == *"$HANDLERS/link: belongs to another user"* ]]
}

# refused PIDFILE TEXT
refused() {
	ends_in 20 "$PIPEMILTER" -f "$CONF" -p "$1"
	[ "$status" -eq 1 ]
	[[ $output == *"$2"* ]]
}

@test "a pid file that another user can choose is refused, and nothing is written through it" {
	needs_root
	conf "command = {$HANDLERS/good}" 'events = {mail}'
	complete_config "$CONF"
	echo precious >"$WORK/victim"
	ln -s "$WORK/victim" "$WORK/theirs/pid"
	refused "$WORK/theirs/pid" "$WORK/theirs: belongs to another user"
	ln -s "$WORK/victim" "$WORK/out/pid"
	chown -h games "$WORK/out/pid"
	refused "$WORK/out/pid" 'it is a link'
	mkfifo "$WORK/out/fifo"
	refused "$WORK/out/fifo" 'not a file'
	touch "$WORK/out/games"
	chown games "$WORK/out/games"
	refused "$WORK/out/games" 'belongs to another user'
	chmod 777 "$WORK/out"
	refused "$WORK/out/new" "$WORK/out: anybody can write it"
	[ "$(cat "$WORK/victim")" = precious ]
	mkdir "$WORK/sticky" "$WORK/sticky/dir"
	chmod 1777 "$WORK/sticky"
	mute "$WORK/sticky/dir"
	refused "$WORK/sticky/dir/pid" "$WORK/sticky/dir: belongs to another user"
	[ ! -e "$WORK/out/new" ]
}

@test "a mount whose name says that root has made it is its maker's" {
	needs_root
	conf "command = {$HANDLERS/good}" 'events = {mail}'
	complete_config "$CONF"
	mkdir "$WORK/named"
	mute "$WORK/named" 'x,user_id=0 - y,user_id=0,group_id=0'
	refused "$WORK/named/pid" "$WORK/named: belongs to another user"
}

@test "nobody else can lock the pid file, and so keep the daemon from starting" {
	needs_root
	conf "command = {$HANDLERS/good}" 'events = {mail}'
	complete_config "$CONF"
	install -m 644 /dev/null "$WORK/pid"
	timeout 30 "$PIPEMILTER" -f "$CONF" -p "$WORK/pid"
	run setpriv --reuid "$(id -u games)" --clear-groups flock -n "$WORK/pid" true
	[ "$status" -ne 0 ]
	[ "$(stat -c %a "$WORK/pid")" = 600 ]
	kill "$(cat "$WORK/pid")"
	wait_for test ! -e "$WORK/pid"
}
