# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The functions that scripts/demo and scripts/check share. These scripts set $top, the
# directory of the sources.
#
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154

BUILD_PACKAGES="gcc make autoconf automake pkg-config xz-utils libc6-dev
    libbsd-dev libevent-dev libjson-c-dev libseccomp-dev"

# step TEXT: prints a heading, with the seconds since the start
step() {
	printf '\n== %s (%d s)\n' "$*" "$SECONDS"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# logged FILE COMMAND ...: runs a command in a subshell, with its output in build/FILE. If
# the command fails, shows the end of that file and exits.
logged() {
	local log=$top/build/$1

	shift
	mkdir -p "${log%/*}"
	if ! ("$@") >"$log" 2>&1; then
		tail -n 30 "$log"
		die "that failed; all of it is in $log"
	fi
}

# need_packages PACKAGE ...: installs the missing ones if we are root; if not, says which
# are missing and exits. Without dpkg we cannot know, and a program that is missing will
# show itself.
need_packages() {
	local p missing=()

	command -v dpkg-query >/dev/null || return 0
	for p in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) in
		installed) ;;
		*) missing+=("$p") ;;
		esac
	done
	[ "${#missing[@]}" -gt 0 ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		die "these packages are missing; as root:
apt-get install ${missing[*]}"
	fi
	step "Installing ${missing[*]}"
	logged packages.log install_packages "${missing[@]}"
}

# install_packages PACKAGE ...: starts no service and asks no question.
install_packages() {
	local policy=/usr/sbin/policy-rc.d ours=no rc=0

	fetch_package_lists
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		ours=yes
	fi
	if command -v debconf-set-selections >/dev/null; then
		echo 'postfix postfix/main_mailer_type select No configuration' |
		    debconf-set-selections
	fi
	DEBIAN_FRONTEND=noninteractive apt-get -q -y \
	    -o Dpkg::Use-Pty=0 --no-install-recommends install "$@" \
	    </dev/null || rc=$?
	[ "$ours" = no ] || rm -f "$policy"
	[ "$rc" -eq 0 ] || die "apt-get could not install $*"
}

fetch_package_lists() {
	apt-get -q update </dev/null || die 'apt-get update failed'
}

# configure_in DIRECTORY ARGUMENT ...: configures a build in DIRECTORY with these arguments,
# unless it is configured that way already
configure_in() {
	local dir=$1

	shift
	if [ -e "$top/config.status" ]; then
		die "the sources themselves are configured; run make distclean first"
	fi
	if [ ! -x "$top/configure" ] || [ "$top/configure" -ot "$top/configure.ac" ]
	then
		(cd "$top" && ./bootstrap) || return
	fi
	mkdir -p "$dir"
	if [ "$dir/config.status" -ot "$top/configure" ] ||
	    [ "$(cat "$dir/arguments" 2>/dev/null)" != "$*" ]; then
		(cd "$dir" && "$top/configure" -q "$@") || return
		printf '%s\n' "$*" >"$dir/arguments"
	fi
}

make_in() {
	local dir=$1

	shift
	make -C "$dir" -j "$(nproc)" --no-print-directory "$@"
}
