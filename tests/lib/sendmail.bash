# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A private Sendmail. Debian's packages conflict with Postfix, so they are
# unpacked into a directory, $SENDMAIL_TREE, by scripts/check, and run from there.
#
# shellcheck shell=bash

: "${SENDMAIL_TREE:=${BUILDDIR:-build}/sendmail}"
export SENDMAIL_TREE

mta_missing() {
	[ "$(id -u)" -eq 0 ] || { echo 'Sendmail must be started as root'; return; }
	[ -x "$SENDMAIL_TREE/usr/libexec/sendmail/sendmail" ] ||
		echo "no Sendmail in $SENDMAIL_TREE (scripts/check puts it there)"
}

# mta_start NAME PORT SINK-PORT [MILTER]: Sendmail on PORT, in $MTAS/NAME.
# MILTER is the port of the milter on 127.0.0.1, or @FILE with lines for the .mc;
# none, then there is no milter. The words of MTA_UNDER are a command that starts it.
mta_start() {
	local dir=$MTAS/$1 port=$2

	mkdir -p "$dir/queue"
	chmod 755 "$dir"
	sendmail_mc "$dir" "$port" "$3" "${4:-}" >"$dir/sendmail.mc"
	# Sendmail warns of an open relay, which this is.
	m4 "$dir/sendmail.mc" >"$dir/sendmail.cf" 2>"$dir/m4.log" || {
		cat "$dir/m4.log" >&2
		return 1
	}
	# If the host name has no dot, Sendmail sleeps for a minute, hoping for a
	# better one.
	# shellcheck disable=SC2016
	setsid "${MTA_UNDER[@]}" unshare --uts sh -c 'hostname mx.test && exec "$@"' sh \
	    "$SENDMAIL_TREE/usr/libexec/sendmail/sendmail" -bD \
	    -C "$dir/sendmail.cf" -X "$dir/traffic" \
	    >"$dir/log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$dir/pid"
	disown
	wait_for mta_up_or_gone "$1" "$port"
	if ! tcp_listens "$port"; then
		mta_log "$1" >&2
		return 1
	fi
}

mta_up_or_gone() {
	tcp_listens "$2" || none_alive "$(cat "$MTAS/$1/pid")"
}

# mta_stop NAME: Sendmail's children are in its session.
mta_stop() {
	local dir=$MTAS/$1 pid pids

	[ -s "$dir/pid" ] || return 0
	pid=$(cat "$dir/pid")
	mapfile -t pids < <(processes_of "$pid")
	kill -s TERM "${pids[@]}" 2>/dev/null || true
	if ! wait_for none_alive "${pids[@]}"; then
		kill -s KILL "${pids[@]}" 2>/dev/null || true
	fi
	rm -f "$dir/pid"
}

mta_log() {
	cat "$MTAS/$1/log"
	tail -c 20000 "$MTAS/$1/traffic" 2>/dev/null | cut -c 1-300
}

# How many messages wait in its queue, by the names of their files.
mta_queued() {
	find "$MTAS/$1/queue" -name '[qQh]f*' | wc -l
}

mta_held() {
	find "$MTAS/$1/queue" -name 'hf*' | wc -l
}

sendmail_mc() {
	local dir=$1 port=$2 sink=$3 milter=$4

	cat <<END
divert(-1)
define(\`_CF_DIR_', \`$SENDMAIL_TREE/usr/share/sendmail/cf/')
include(\`$SENDMAIL_TREE/usr/share/sendmail/cf/m4/cf.m4')
divert(0)dnl
OSTYPE(\`linux')dnl
define(\`confDOMAIN_NAME', \`mx.test')dnl
define(\`QUEUE_DIR', \`$dir/queue')dnl
define(\`confPID_FILE', \`$dir/sendmail.pid')dnl
define(\`STATUS_FILE', \`$dir/statistics')dnl
define(\`HELP_FILE', \`')dnl
define(\`ALIAS_FILE', \`')dnl
define(\`confSERVICE_SWITCH_FILE', \`$dir/service.switch')dnl
define(\`confHOSTS_FILE', \`/etc/hosts')dnl
define(\`confTO_RESOLVER_RETRANS', \`1s')dnl
define(\`confTO_RESOLVER_RETRY', \`1')dnl
define(\`confTO_IDENT', \`0s')dnl
define(\`confDONT_PROBE_INTERFACES', \`True')dnl
define(\`confDELIVERY_MODE', \`background')dnl
define(\`confQUEUE_LA', \`10000')dnl
define(\`confREFUSE_LA', \`10000')dnl
define(\`confDELAY_LA', \`0')dnl
define(\`confMAX_HEADERS_LENGTH', \`2000000')dnl
define(\`confMAX_MIME_HEADER_LENGTH', \`0/0')dnl
define(\`confBAD_RCPT_THROTTLE', \`0')dnl
define(\`confDEF_USER_ID', \`65534:65534')dnl
define(\`confDONT_BLAME_SENDMAIL', \`GroupWritableDirPathSafe, NonRootSafeAddr')dnl
define(\`SMART_HOST', \`esmtp:[127.0.0.1]')dnl
define(\`ESMTP_MAILER_ARGS', \`TCP \$h $sink')dnl
FEATURE(\`no_default_msa')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`accept_unqualified_senders')dnl
FEATURE(\`promiscuous_relay')dnl
DAEMON_OPTIONS(\`Name=MTA, Family=inet, Addr=127.0.0.1, Port=$port')dnl
END
	case $milter in
	'') ;;
	@*) cat "${milter#@}" ;;
	*) cat <<END ;;
INPUT_MAIL_FILTER(\`pipemilter', \`S=inet:$milter@127.0.0.1, F=T, T=C:30s;S:60s;R:60s;E:5m')dnl
END
	esac
	cat <<END
MAILER(\`smtp')dnl
END
	printf 'hosts\tfiles\naliases\tfiles\n' >"$dir/service.switch"
}
