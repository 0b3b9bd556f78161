#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# What other local users, and the users of handlers, leave in directories that the daemon
# makes, empties and gives away: it must start and end in spite of all that, and
# touch nothing else.

# shellcheck disable=SC2154	# status and output are set by run

load ../lib/common

HOSTILE=$BATS_TEST_DIRNAME/../lib/hostile

setup() {
	[ "$(id -u)" -eq 0 ] || skip 'needs root, who gives directories to other users'
	id -u games >/dev/null || skip 'needs another user'
	test_setup
	UID_H=$(id -u "$HANDLER_USER")
	GID_H=$(id -g "$HANDLER_USER")
	SPOOL=$WORK/spool
	TMP=$SPOOL/tmp/h
	write_handler h <<-'END'
		echo reject
	END
	ATTACKERS=()
	IMMUTABLE=
}

teardown() {
	local pid rc=0

	[ -z "$IMMUTABLE" ] || find "$SPOOL" -name immutable -exec chattr -i {} +
	for pid in "${ATTACKERS[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	test_teardown || rc=1
	unmount_all
	return "$rc"
}

# The daemon renames directories, so a file system may not be where it was mounted.
unmount_all() {
	local where

	awk -v w="$WORK/" '$3 == "fuse.mute" && index($2, w) == 1 { print $2 }' /proc/mounts |
	    while read -r where; do umount -l "$where"; done
}

attack() {
	local name=$1

	shift
	"$@" >"$WORK/$name.out" 2>&1 3>&- &
	ATTACKERS+=($!)
	wait_for grep -q ready "$WORK/$name.out" || {
		cat "$WORK/$name.out"
		return 1
	}
}

# In the process that attack has made for it.
as() {
	local user=$1

	shift
	exec setpriv --reuid "$(id -u "$user")" --regid "$(id -g "$user")" --clear-groups "$@"
}

has_fuse() {
	[ -c /dev/fuse ] && [ -w /dev/fuse ] || skip 'needs /dev/fuse'
	grep -qw fuse /proc/filesystems || skip 'needs FUSE in the kernel'
}

# conf_text [LINE ...]
conf_text() {
	printf '%s\n' "$@" "listen 'unix:$SOCK' { }" \
	    "handler h { command = {$HANDLERS/h} events = {mail} }"
}

run_daemon() {
	conf_text "spool-directory = $SPOOL" | start_daemon
}

restart() {
	stop_daemon
	rm -rf "$DAEMONS/d"
	run_daemon
}

# Prints the names in the directory for temporary files, but the lock.
in_tmp() {
	find "$SPOOL/tmp" -mindepth 1 -maxdepth 1 ! -name .lock -printf '%f\n' | sort | xargs
}

is_fresh() {
	[ "$(stat -c %U:%a "$TMP")" = "$HANDLER_USER:700" ] || return 1
	[ -z "$(find "$TMP" -mindepth 1)" ]
}

# refused OPTION TEXT: by a check, and by a start
refused() {
	local where=$1 text=$2 how

	complete_config "$WORK/x.conf"
	for how in -n -d; do
		run timeout 20 "$PIPEMILTER" "$how" -f "$WORK/x.conf"
		echo "$output"
		[ "$status" -eq 1 ]
		[[ $output == *"$where"*"$text"* ]]
	done
}

@test "what is left in a handler's directory is gone at the next start, whatever it is" {
	local deep=$TMP/deep i

	run_daemon
	mkdir "$WORK/victim" "$TMP/other" "$TMP/closed" "$TMP/closed/in"
	touch "$WORK/victim/file" "$TMP/other/file" "$TMP/closed/in/file" "$TMP/.hidden"
	chown games "$TMP/other" "$TMP/other/file"
	chmod 000 "$TMP/closed"
	mkfifo "$TMP/fifo"
	ln -s "$WORK/victim" "$TMP/link"
	ln "$WORK/victim/file" "$TMP/hard"
	(
		mkdir "$deep"
		cd "$deep" || exit
		for ((i = 0; i < 600; i++)); do
			mkdir d
			cd d || exit
		done
	)
	chown -R "$HANDLER_USER" "$TMP/closed" "$deep"
	restart
	is_fresh
	[ "$(in_tmp)" = h ]
	[ -e "$WORK/victim/file" ]
}

@test "a lease in a handler's directory holds up no start" {
	run_daemon
	touch "$TMP/file"
	chown "$HANDLER_USER" "$TMP/file"
	attack lease as "$HANDLER_USER" "$HOSTILE/lease.py" 60 "$TMP/file"
	restart
	is_fresh
}

@test "a directory of root's in a handler's directory is not emptied" {
	run_daemon
	mkdir "$TMP/roots"
	touch "$TMP/roots/file"
	restart
	is_fresh
	[ "$(find "$SPOOL/tmp" -path '*/roots/file' | wc -l)" -eq 1 ]
	restart
	is_fresh
}

@test "a file that can't be removed is put aside, and removed when that works" {
	run_daemon
	mkdir "$TMP/d"
	touch "$TMP/d/immutable" "$TMP/d/file"
	chown -R "$HANDLER_USER" "$TMP/d"
	chattr +i "$TMP/d/immutable" 2>/dev/null || skip 'needs a file system with immutable files'
	IMMUTABLE=yes
	restart
	is_fresh
	restart
	is_fresh
	[ "$(find "$SPOOL/tmp" -name immutable | wc -l)" -eq 1 ]
	[ "$(find "$SPOOL/tmp" -name file | wc -l)" -eq 0 ]
	find "$SPOOL/tmp" -name immutable -exec chattr -i {} +
	restart
	[ "$(in_tmp)" = h ]
}

@test "a file system that does not answer is left alone: in a handler's directory" {
	has_fuse
	run_daemon
	mkdir "$TMP/d"
	touch "$TMP/file"
	attack fuse "$HOSTILE/mute_fuse.py" "$UID_H" "$GID_H" 90 "$TMP/d"
	restart
	is_fresh
	[ "$(find "$SPOOL/tmp" -xdev -name file 2>/dev/null | wc -l)" -eq 0 ]
}

@test "a file system that does not answer is left alone: on a handler's directory" {
	has_fuse
	run_daemon
	attack fuse "$HOSTILE/mute_fuse.py" "$UID_H" "$GID_H" 90 "$TMP"
	restart
	log_has "$TMP: cannot be put aside: Device or resource busy; $SPOOL/tmp/.1.h is used instead"
	TMP=$SPOOL/tmp/.1.h
	is_fresh
	restart
	is_fresh
}

@test "a handler's user that stops every new process of its own prevents no start" {
	# One that no other test starts processes as.
	HANDLER_USER=proxy
	id -u proxy >/dev/null || skip 'needs a user for handlers'
	attack stop as "$HANDLER_USER" "$HOSTILE/stopper.py" 60
	run_daemon
	is_fresh
}

@test "a private directory is left behind with a warning if it can't be removed" {
	has_fuse
	start_adhoc "unix:$SOCK" -e mail "$HANDLERS/h"
	TMP=$(find /tmp -maxdepth 2 -path '/tmp/pipemilter.*' -name 'h' -newer "$HANDLERS/h" | head -n 1)
	[ -n "$TMP" ] || TMP=$(ls -dt /tmp/pipemilter.*/* | head -n 1)
	attack fuse "$HOSTILE/mute_fuse.py" "$UID_H" "$GID_H" 90 "$TMP"
	stop_daemon
	log_has "removing ${TMP%/*}"
	kill "${ATTACKERS[0]}"
	wait "${ATTACKERS[0]}" || true
	rm -rf "${TMP%/*}"
}

@test "a spool-directory that another user can replace is refused" {
	mkdir -p "$WORK/theirs/spool" "$WORK/open"
	chown games "$WORK/theirs"
	conf_text "spool-directory = $WORK/theirs/spool" >"$WORK/x.conf"
	refused spool-directory "$WORK/theirs: belongs to another user"
	chmod 777 "$WORK/open"
	conf_text "spool-directory = $WORK/open/spool" >"$WORK/x.conf"
	refused spool-directory "$WORK/open: anybody can write it"
	chown root:games "$WORK/open"
	chmod 775 "$WORK/open"
	conf_text "spool-directory = $WORK/open/spool" >"$WORK/x.conf"
	refused spool-directory "$WORK/open: its group can write it"
	[ ! -e "$WORK/open/spool" ]
}

@test "a link of another user on the way to the spool-directory is refused" {
	mkdir -m 1777 "$WORK/sticky"
	mkdir "$WORK/roots"
	ln -s "$WORK/roots" "$WORK/sticky/link"
	conf_text "spool-directory = $WORK/sticky/link/spool" >"$WORK/x.conf"
	complete_config "$WORK/x.conf"
	run "$PIPEMILTER" -n -f "$WORK/x.conf"
	[ "$status" -eq 0 ]
	chown -h games "$WORK/sticky/link"
	conf_text "spool-directory = $WORK/sticky/link/spool" >"$WORK/x.conf"
	refused spool-directory "$WORK/sticky/link: belongs to another user"
	[ -z "$(ls -A "$WORK/roots")" ]
}

@test "so is another user's spool-directory itself, and nothing is emptied through it" {
	mkdir -p "$WORK/victim/h" "$WORK/theirs"
	touch "$WORK/victim/h/file"
	chown games "$WORK/theirs"
	ln -s "$WORK/victim" "$WORK/theirs/tmp"
	conf_text "spool-directory = $WORK/theirs" >"$WORK/x.conf"
	refused spool-directory "$WORK/theirs: belongs to another user"
	[ "$(stat -c %U "$WORK/victim/h")" = root ]
	[ -e "$WORK/victim/h/file" ]
	[ ! -e "$WORK/victim/.lock" ]
}

@test "a link in the place of one of root's own directories is refused" {
	mkdir -p "$WORK/victim/h" "$SPOOL"
	touch "$WORK/victim/h/file"
	ln -s "$WORK/victim" "$SPOOL/tmp"
	conf_text "spool-directory = $SPOOL" >"$WORK/x.conf"
	complete_config "$WORK/x.conf"
	run timeout 20 "$PIPEMILTER" -d -f "$WORK/x.conf"
	[ "$status" -eq 1 ]
	[[ $output == *"$SPOOL/tmp: not a directory"* ]]
	[ -e "$WORK/victim/h/file" ]
}

@test "a directory for records, or a control socket, that another user can replace is refused" {
	mkdir "$WORK/theirs"
	chown games "$WORK/theirs"
	conf_text "spool-directory = $SPOOL" "record = $WORK/theirs/record" >"$WORK/x.conf"
	refused record "$WORK/theirs: belongs to another user"
	conf_text "spool-directory = $SPOOL" "control = $WORK/theirs/control" >"$WORK/x.conf"
	complete_config "$WORK/x.conf"
	run "$PIPEMILTER" -n -f "$WORK/x.conf"
	[ "$status" -eq 1 ]
	[[ $output == *"control: $WORK/theirs: belongs to another user"* ]]
}
