# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A system of its own for a file of tests: systemd as process 1, in a container that has
# this system's files under an overlay in memory, its own network and no other service.
# Postfix in it is the one that is installed here, with a configuration of the tests.
#
# shellcheck shell=bash
# shellcheck disable=SC2154

# Where the tests and the container have files in common
SHARED_AT=/srv/test
MACHINE_SINK=2525

# Says why there is no such system here, if so.
machine_missing() {
	local program

	[ "$(id -u)" -eq 0 ] || { echo 'only root can start a container'; return; }
	for program in systemd-nspawn nsenter postfix; do
		command -v "$program" >/dev/null || { echo "no $program here"; return; }
	done
	mkdir -p "$MACHINE/try"
	# shellcheck disable=SC2016
	unshare --mount sh -c 'mount -t tmpfs tmpfs "$1" && mkdir "$1/u" "$1/w" "$1/r" &&
	    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/u,workdir=$1/w" "$1/r"' \
	    - "$MACHINE/try" >/dev/null 2>&1 || echo 'an overlay can not be mounted here'
}

# Prints directories for cgroups of its own: systemd would take those of another container
# for its services.
machine_cgroups() {
	local base own

	for base in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
		[ -e "$base/cgroup.procs" ] || continue
		case $base in
		*/systemd) own=$(sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup) ;;
		*) own=$(sed -n 's/^0:://p' /proc/self/cgroup) ;;
		esac
		echo "$base${own%/}/pipemilter-test.$1"
	done
}

# machine_enter_cgroups: this process does.
machine_enter_cgroups() {
	local dir

	machine_cgroups "$1" >"$MACHINE/cgroups"
	while read -r dir; do
		mkdir -p "$dir" && echo "$$" >"$dir/cgroup.procs" || return
	done <"$MACHINE/cgroups"
}

# machine_start: boots it. Sets MACHINE_PID to its process 1, and UNIT_CONF to where the unit
# has its configuration.
machine_start() {
	local shared=$WORK/shared

	mkdir -p "$MACHINE/root" "$shared"
	chmod 1777 "$shared"
	make -s -C "$BUILDDIR" install DESTDIR="$MACHINE/stage" >"$MACHINE/install.log" 2>&1 || {
		cat "$MACHINE/install.log" >&2
		return 1
	}
	make -s -C "$BUILDDIR" contrib/pipemilter.service \
	    contrib/pipemilter-metrics@.service >/dev/null || return
	UNIT_CONF=$(sed -n 's/^ConditionPathExists=//p' "$BUILDDIR/contrib/pipemilter.service")
	SBIN=$(sed -n 's|^ExecStart=\(.*\)/pipemilter .*|\1|p' "$BUILDDIR/contrib/pipemilter.service")
	export UNIT_CONF SBIN
	export -f machine_files machine_unit machine_postfix machine_cgroups machine_enter_cgroups
	export MACHINE MACHINE_SINK SHARED_AT UNIT_CONF
	# Its mounts, and all that was written, go with the last process.
	setsid unshare --mount bash -c '
		mount -t tmpfs -o size=1g tmpfs "$MACHINE/root" &&
		cd "$MACHINE/root" && mkdir up work root &&
		mount -t overlay overlay -o "lowerdir=/,upperdir=up,workdir=work" root &&
		machine_files root &&
		machine_enter_cgroups "$$" &&
		exec systemd-nspawn -q --register=no --keep-unit --private-network \
		    --machine=pipemilter-test --console=pipe --bind="$1:$SHARED_AT" -D root \
		    -b -- --unit=test.target' - "$shared" \
	    >"$MACHINE/log" 2>&1 </dev/null 3>&- 4>&- &
	MACHINE_NSPAWN=$!
	disown
	export MACHINE_NSPAWN
	wait_for -t 90 machine_up_or_gone || return
	[ -e "/proc/$MACHINE_NSPAWN" ] || return 1
	MACHINE_PID=$(machine_leader)
	export MACHINE_PID
}

# Prints the process 1 of the container.
machine_leader() {
	local pid

	for pid in $(pgrep -P "$MACHINE_NSPAWN"); do
		if [ "$(awk '/^NSpid:/ { print $NF }' "/proc/$pid/status")" = 1 ]; then
			echo "$pid"
			return 0
		fi
	done
	return 1
}

machine_up_or_gone() {
	[ -e "/proc/$MACHINE_NSPAWN" ] || return 0
	MACHINE_PID=$(machine_leader) && inside systemctl is-active -q test.target
}

# The files of the container that are not those of this system.
machine_files() {
	local root=$1

	mkdir -p "$root/etc/systemd/system" "$root/etc/sysusers.d" "$root$SHARED_AT" || return
	# Without a number of its own the first boot would enable each service there is.
	echo 00112233445566778899aabbccddeeff >"$root/etc/machine-id"
	echo mx.test >"$root/etc/hostname"
	printf '127.0.0.1 localhost mx.test\n' >"$root/etc/hosts"
	cp -R "$MACHINE/stage/." "$root/" || return
	cp "$MACHINE"/stage/usr/local/lib/sysusers.d/*.conf "$root/etc/sysusers.d" 2>/dev/null
	machine_unit "$root/etc/systemd/system" && machine_postfix "$root"
}

machine_unit() {
	# No timers, no services of the system.
	printf '%s\n' '[Unit]' 'Requires=sysinit.target' 'After=sysinit.target' \
	    'AllowIsolate=yes' >"$1/test.target"
	cp "$BUILDDIR/contrib/pipemilter.service" "$BUILDDIR/contrib/pipemilter-metrics@.service" \
	    "$TOP_DIR/contrib/pipemilter-metrics.socket" "$1/"
	# What the unit waits for is the network of a container without one.
	mkdir -p "$1/network-online.target.d"
	printf '%s\n' '[Unit]' 'Requires=' >"$1/network-online.target.d/none.conf"
}

machine_postfix() {
	local etc=$1/etc/postfix

	cp /usr/share/postfix/master.cf.dist "$etc/master.cf" 2>/dev/null ||
		cp "$etc/master.cf.proto" "$etc/master.cf"
	mkdir -p "$1/var/spool/postfix/pipemilter"
	cat >"$etc/main.cf" <<END
compatibility_level = 3.6
myhostname = mx.test
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtp_host_lookup = native
smtp_dns_support_level = disabled
default_transport = smtp:[127.0.0.1]:$MACHINE_SINK
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
milter_default_action = tempfail
smtpd_milters = unix:pipemilter/milter.sock
END
}

# inside COMMAND ...: runs it in the container.
inside() {
	nsenter --target "$MACHINE_PID" --all -- "$@" 3>&- 4>&-
}

# inside_script NAME: standard input becomes a program in the container, at /opt/NAME
inside_script() {
	# shellcheck disable=SC2016
	inside sh -c 'mkdir -p /opt && { echo "#!/bin/sh"; cat; } >"/opt/$1" && chmod 755 "/opt/$1"' \
	    - "$1"
}

# ctl COMMAND ...: systemctl in the container
ctl() {
	inside systemctl "$@"
}

# property NAME [UNIT]
property() {
	ctl show -P "$1" "${2:-pipemilter.service}"
}

machine_remove_cgroups() {
	local dir

	[ -e "$MACHINE/cgroups" ] || return 0
	while read -r dir; do
		find "$dir" -depth -type d -exec rmdir {} +
		[ ! -e "$dir" ] || return 1
	done <"$MACHINE/cgroups"
}

machine_stop() {
	[ -n "${MACHINE_NSPAWN:-}" ] || return 0
	# All its processes go with the first one.
	kill -s KILL "${MACHINE_PID:-$(machine_leader)}" 2>/dev/null || true
	if ! wait_for -t 20 none_alive "$MACHINE_NSPAWN"; then
		kill -s KILL "$MACHINE_NSPAWN"
	fi
	# They are empty a moment later.
	wait_for machine_remove_cgroups
}
