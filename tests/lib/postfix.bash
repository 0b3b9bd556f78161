# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A private Postfix, next to one that the machine may have
#
# shellcheck shell=bash

mta_missing() {
	[ "$(id -u)" -eq 0 ] || { echo 'Postfix must be started as root'; return; }
	command -v postfix >/dev/null || echo 'no Postfix'
}

# mta_start NAME PORT SINK-PORT [MILTER [MASTER]]: Postfix on PORT, in $MTAS/NAME.
# MILTER is the path of the milter's socket, or @FILE with lines for main.cf;
# none, then there is no milter. MASTER is a file with lines for master.cf. The words of
# MTA_UNDER are a command that starts it.
mta_start() {
	local dir=$MTAS/$1 port=$2

	mkdir -p "$dir/conf" "$dir/data"
	chmod 755 "$dir" "$dir/conf"
	chown postfix "$dir/data"
	make_certificate "$dir"
	postfix_queue "$dir/queue"
	postfix_main "$dir" "$3" "${4:-}" >"$dir/conf/main.cf"
	{
		postfix_master "$port"
		[ -z "${5:-}" ] || cat "$5"
	} >"$dir/conf/master.cf"
	# In the foreground, so that it is ours to end.
	setsid "${MTA_UNDER[@]}" "$(postconf -h -c "$dir/conf" daemon_directory)/master" \
	    -c "$dir/conf" -d >"$dir/out" 2>&1 </dev/null 3>&- 4>&- &
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

mta_stop() {
	local dir=$MTAS/$1 pid pids

	[ -s "$dir/pid" ] || return 0
	pid=$(cat "$dir/pid")
	mapfile -t pids < <(processes_of "$pid")
	kill -s TERM "$pid" 2>/dev/null || true
	if ! wait_for none_alive "$pid"; then
		kill -s KILL "$pid" 2>/dev/null || true
	fi
	# Postfix's daemons end when the master is gone, some only after a while.
	kill -s TERM "${pids[@]}" 2>/dev/null || true
	if ! wait_for none_alive "${pids[@]}"; then
		kill -s KILL "${pids[@]}" 2>/dev/null || true
	fi
	rm -f "$dir/pid"
}

mta_log() {
	cat "$MTAS/$1/out"
	tail -n 200 "$MTAS/$1/maillog" 2>/dev/null
}

mta_queued() {
	find "$MTAS/$1"/queue/{incoming,active,deferred,hold} -type f | wc -l
}

mta_held() {
	find "$MTAS/$1/queue/hold" -type f | wc -l
}

postfix_queue() {
	local d

	mkdir -p "$1"
	chmod 755 "$1"
	mkdir "$1"/{active,bounce,corrupt,defer,deferred,flush,hold,incoming} \
	    "$1"/{private,public,maildrop,saved,trace,pid}
	for d in active bounce corrupt defer deferred flush hold incoming \
	    private saved trace; do
		chown postfix "$1/$d"
		chmod 700 "$1/$d"
	done
	chown postfix:postdrop "$1/public" "$1/maildrop"
	chmod 710 "$1/public"
	chmod 730 "$1/maildrop"
}

postfix_main() {
	local dir=$1 sink=$2 milter=$3

	cat <<END
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
maillog_file = $dir/maillog
maillog_file_prefixes = /tmp, /var, $dir
myhostname = mx.test
mydomain = test
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
default_transport = smtp:[127.0.0.1]:$sink
relayhost =
smtp_destination_recipient_limit = 1000
smtp_tls_security_level = none
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_tls_security_level = may
smtpd_tls_cert_file = $dir/cert.pem
smtpd_tls_key_file = $dir/key.pem
smtpd_client_connection_count_limit = 0
smtputf8_enable = yes
message_size_limit = 50000000
in_flow_delay = 0
max_idle = 10
END
	case $milter in
	'') ;;
	@*) cat "${milter#@}" ;;
	*) printf '%s\n' 'milter_default_action = tempfail' "smtpd_milters = unix:$milter" ;;
	esac
}

postfix_master() {
	cat <<END
127.0.0.1:$1 inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
END
}
