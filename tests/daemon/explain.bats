#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors

# pipemilter -n: what will be asked of the MTA, the lines for its configuration,
# what stands in the way; and with -v, who is asked of what in a session.

bats_require_minimum_version 1.5.0
load ../lib/common

setup() {
	test_setup
	CONF=$WORK/explain.conf
}

# conf LINE ...: the configuration; its lines keep their numbers.
conf() {
	printf '%s\n' "$@" >"$CONF"
	add_users_to "$CONF"
}

# explain [ARGUMENT ...]: runs -n, which must find nothing wrong.
explain() {
	run --separate-stderr "$PIPEMILTER" -n -f "$CONF" "$@"
	# shellcheck disable=SC2154
	if [ "$status" -ne 0 ] || [ "$stderr" != '' ]; then
		echo "status $status: $stderr"
		return 1
	fi
}

# has LINE: the output has this line, whatever its blanks.
has() {
	printf '%s\n' "$output" | tr -s ' ' | sed 's/^ //' | grep -qxF -- "$1" || {
		printf 'not in the output: %s\n%s\n' "$1" "$output"
		return 1
	}
}

has_not() {
	! has "$1" >/dev/null
}

# paragraph WORD: the paragraph of the output that begins with a line of it
paragraph() {
	printf '%s\n' "$output" | awk -v RS= -v w="$1" 'index($0, w) == 1'
}

H='command = {/bin/true}'
LINES_ONLY="sent for the lines of its other blocks (\`lines', \`received')"

@test "events, with their reason" {
	conf "listen inet:8899 { handlers = {a, b} }" \
	    "handler a { $H events = {rcpt} actions = {} lines = {client-address} }" \
	    "handler b { $H events = {end-of-message} reports = {rcpt, abort} actions = {add-header} lines = {} }"
	explain
	assert_equal "${lines[0]}" "$CONF: OK"
	has 'listen inet:8899'
	has 'handlers: a, b'
	has 'connect no reply: lines in the blocks of a'
	has 'helo not sent'
	has 'mail reply: begins the message for a, b; the reply makes an abort known to b'
	has 'rcpt reply: answered by a; told to b'
	has 'data not sent'
	has 'header not sent'
	has 'end-of-headers not sent'
	has 'body not sent'
	has 'end-of-message reply: answered by b'
	has 'unknown not sent'
	has 'abort told to b'
	has 'disconnect nobody is told'
	has 'actions add-header'
	has_not 'macros at rcpt: i {rcpt_mailer} {rcpt_host} {rcpt_addr}'
}

@test "a handler that names no actions costs the headers" {
	conf "listen inet:8899 { }" "handler a { $H events = {mail} }" \
	    "handler b { $H events = {mail} actions = {change-header} }" \
	    "handler c { $H events = {mail} actions = {delete-header, delete-recipient} max-message = 1M }"
	explain
	has "header no reply: change-header may be used by a, b; delete-header may be used by c; no \`actions' are named by a"
	has "rcpt no reply: delete-recipient may be used by a, c; no \`actions' are named by a"
	has 'body no reply: the size is limited by c'
	has 'end-of-message reply: the size is limited by c'
}

@test "clients that are picked, and end-of-headers" {
	conf "listen inet:8899 { }" \
	    "handler a { $H events = {end-of-headers} lines = {} actions = {} only-clients = {local} }"
	explain
	has 'connect no reply: clients are picked by a'
	has 'header no reply: needed with end-of-headers by a'
	has 'actions none'
}

@test "macros that are asked for" {
	conf "listen inet:8899 { }" \
	    "handler a { $H events = {mail} actions = {} macros = {'mail={client_resolve}'} }"
	explain
	has 'macros at mail: i {auth_type} {auth_authen} {auth_ssf} {auth_author} {mail_mailer} {mail_host} {mail_addr} {client_resolve}'
	has 'macros at end-of-message: i {msg_id}'
}

@test "what the MTA waits for, and nobody else" {
	conf "listen inet:8899 { }" \
	    "handler a { $H events = {mail} actions = {} shadow = yes }" \
	    "handler b { $H events = {mail, rcpt} actions = {} }"
	explain
	has 'mail reply: answered by b; asked, but not waited for (shadow): a'
	has 'rcpt reply: answered by b'
	has 'end-of-message reply: the MTA waits for it in any case'
}

@test "what older MTAs have not" {
	conf "listen inet:8899 { }" "handler a { $H events = {data} actions = {} }" \
	    "handler b { $H events = {mail} actions = {change-sender} on-failure = accept }" \
	    "handler c { $H events = {mail} optional-events = {data} actions = {} }"
	explain
	has 'a requires data: an MTA that speaks version 3 of the protocol or less has none, and gets on-failure = tempfail'
	has 'b requires change-sender: an MTA that speaks version 5 of the protocol or less has none, and gets on-failure = accept'
	refute_output_has 'c requires'
}

@test "the lines for Postfix" {
	conf "listen 'inet:8899@127.0.0.1' { handlers = {a, d} }" \
	    "listen 'unix:/var/spool/postfix/pipemilter/x.sock' { mode = 0666 handlers = {a, d} }" \
	    "listen 'inet6:8898@::1' { handlers = {b} }" \
	    "listen 'unix:/run/pipemilter.sock' { handlers = {c, a} }" \
	    "event-timeout = 40s" "message-timeout = 5m" \
	    "handler a { $H events = {mail} actions = {} }" \
	    "handler b { $H events = {rcpt} actions = {} }" \
	    "handler c { $H events = {rcpt} actions = {} }" \
	    "handler d { $H events = {mail} actions = {} }"
	explain
	assert_equal "$(paragraph '# Postfix' | grep -v '^#')" \
"smtpd_milters = unix:pipemilter/x.sock, inet:[::1]:8898, unix:/run/pipemilter.sock
non_smtpd_milters = unix:pipemilter/x.sock
milter_default_action = tempfail
milter_protocol = 6
milter_connect_timeout = 30s
milter_command_timeout = 60s
milter_content_timeout = 360s"
	has '# With all of these more than once is asked: a'
	has '# unix:/run/pipemilter.sock is not found from a chroot (fifth column of master.cf)'
	has '# Another way to the handlers of unix:/var/spool/postfix/pipemilter/x.sock: inet:127.0.0.1:8899'
}

@test "local mail that comes past the filters" {
	conf "listen inet:8899 { }" \
	    "handler a { $H events = {mail} actions = {} }" \
	    "handler b { $H events = {rcpt} actions = {} }" \
	    "handler c { $H events = {rcpt} actions = {} shadow = yes }"
	explain
	has '# refuse would keep the message in the queue. They are: b'
	has '# So local mail passes without any filter.'
	has "# For local mail add a second listener with \`handlers = {a, c}'"
	# Some mail is filtered.
	conf "listen inet:8899 { }" "listen inet:8898 { handlers = {a} }" \
	    "handler a { $H events = {mail} actions = {} }" \
	    "handler b { $H events = {rcpt} actions = {} }" \
	    "handler c { $H events = {data} actions = {} }"
	explain
	has 'non_smtpd_milters = inet:127.0.0.1:8898'
	has_not '# So local mail passes without any filter.'
	has "# For local mail add a second listener with \`handlers = {c}'"
	# Nothing that could be done, and nothing to do.
	conf "listen inet:8899 { }" "handler b { $H events = {rcpt} actions = {} }"
	explain
	has '# So local mail passes without any filter.'
	refute_output_has '# For local mail'
	conf "listen inet:8899 { }" "handler a { $H events = {mail} actions = {} }"
	explain
	refute_output_has 'local mail'
}

@test "no message is filtered twice" {
	# As is advised for local mail.
	conf "listen inet:8899 { }" "listen inet:8898 { handlers = {c, a} }" \
	    "handler a { $H events = {mail} actions = {} }" \
	    "handler b { $H events = {rcpt} actions = {} }" \
	    "handler c { $H events = {data} actions = {} }"
	explain
	has 'smtpd_milters = inet:127.0.0.1:8899'
	has 'non_smtpd_milters = inet:127.0.0.1:8898'
	has '# inet:127.0.0.1:8898 is for local mail alone: inet:8899 has its handlers, and with both each would be asked twice'
	assert_equal "$(grep -o "^[a-z ]*INPUT_MAIL_FILTER(.pipemilter[0-9]*" <<<"$output")" \
"INPUT_MAIL_FILTER(\`pipemilter
dnl INPUT_MAIL_FILTER(\`pipemilter2"
	has 'dnl inet:8898@127.0.0.1 is left out: inet:8899 has its handlers, and with both each would be asked twice'
	refute_output_has 'more than once'
	# The same handlers in another order, and fewer of them for local mail.
	conf "listen inet:8899 { handlers = {a, c} }" "listen inet:8898 { handlers = {c, a} }" \
	    "listen inet:8897 { handlers = {c} }" \
	    "handler a { $H events = {mail} actions = {} }" \
	    "handler c { $H events = {data} actions = {} }"
	explain
	has 'smtpd_milters = inet:127.0.0.1:8899'
	has 'non_smtpd_milters = inet:127.0.0.1:8899'
	# Listeners for local mail alone may share handlers, and lie where no chroot finds them.
	conf "listen inet:8899 { }" "listen inet:8898 { handlers = {a, b} }" \
	    "listen 'unix:/run/pipemilter.sock' { mode = 0666 handlers = {b, c} }" \
	    "handler a { $H events = {mail} actions = {} }" \
	    "handler b { $H events = {mail} actions = {} }" \
	    "handler c { $H events = {mail} actions = {} }" \
	    "handler d { $H events = {rcpt} actions = {} }"
	explain
	has 'smtpd_milters = inet:127.0.0.1:8899'
	has 'non_smtpd_milters = inet:127.0.0.1:8898, unix:/run/pipemilter.sock'
	has '# unix:/run/pipemilter.sock is not found from a chroot (fifth column of master.cf)'
	assert_equal "$(grep -B 1 '^non_smtpd' <<<"$output" | head -n 1)" \
	    '# With all of these more than once is asked: b'
	has_not 'dnl With all of these more than once is asked: b'
	# A listener for another host does not stand for one that this host reaches.
	conf "listen 'inet:8899@0.0.0.0' { allow = {192.0.2.1} }" \
	    "listen inet:8898 { handlers = {a} }" \
	    "handler a { $H events = {mail} actions = {} }" \
	    "handler c { $H events = {data} actions = {} }"
	explain
	has 'smtpd_milters = inet:ADDRESS:8899, inet:127.0.0.1:8898'
	has '# With all of these more than once is asked: a'
	# Nothing stands for who can't be named itself.
	conf "listen \"unix:$WORK/a'b\" { }" "listen inet:8898 { handlers = {a} }" \
	    "handler a { $H events = {mail} actions = {} }" \
	    "handler c { $H events = {data} actions = {} }"
	explain
	has 'smtpd_milters = inet:127.0.0.1:8898'
}

@test "an address for all that its own host may not use" {
	local note="\`allow' has not loopback; put in for ADDRESS by which address the MTA reaches this host"

	conf "listen 'inet:8899@0.0.0.0' { allow = {192.0.2.1} handlers = {c} }" \
	    "listen 'inet6:8898@::' { allow = {'2001:db8::/32'} handlers = {b} }" \
	    "listen 'inet:8897@0.0.0.0' { allow = {192.0.2.1, 127.0.0.1} handlers = {a} }" \
	    "handler a { $H events = {mail} actions = {} }" \
	    "handler b { $H events = {mail} actions = {} }" \
	    "handler c { $H events = {mail} actions = {} }"
	explain
	has 'smtpd_milters = inet:ADDRESS:8899, inet:[ADDRESS]:8898, inet:127.0.0.1:8897'
	has "# listen inet:8899@0.0.0.0: $note"
	has "# listen inet6:8898@::: $note"
	has "dnl listen inet:8899@0.0.0.0: $note"
	[ "$(grep -c 'put in for' <<<"$output")" -eq 4 ]
}

@test "a socket in the queue of Postfix that Postfix can't use" {
	getent passwd postfix >/dev/null || skip 'no user postfix'
	local path=/var/spool/postfix/pipemilter-test.sock group

	group=$(id -gn postfix)
	refused() {
		conf '' "listen 'unix:$path' { $1 }" "handler a { $H events = {mail} actions = {} }"
		run --separate-stderr "$PIPEMILTER" -n -f "$CONF"
		assert_success
		[[ $stderr == *":2: listen \"unix:$path\": user postfix can't connect to it: its mode is $2"*"expected \`group = postfix'"* ]]
	}
	fits() {
		conf '' "listen 'unix:$path' { $1 }" "handler a { $H events = {mail} actions = {} }"
		explain
	}
	refused '' 0660
	refused 'group = daemon' 0660
	refused "group = $group mode = 0640" 0640
	# The kernel looks at the class of the group alone.
	refused "group = $group mode = 0606" 0606
	fits "group = $group"
	fits 'owner = postfix mode = 0600'
	fits 'mode = 0666'
}

@test "the lines for Sendmail" {
	conf "listen 'unix:/var/spool/postfix/pipemilter/x.sock' { mode = 0666 handlers = {a} }" \
	    "listen 'inet:8899@127.0.0.1' { handlers = {a} }" \
	    "listen 'inet6:8898@::1' { handlers = {b} }" \
	    "handler a { $H events = {mail} actions = {} }" \
	    "handler b { $H events = {rcpt} actions = {} }"
	explain
	assert_equal "$(paragraph 'dnl Sendmail' | grep -v '^dnl')" \
"INPUT_MAIL_FILTER(\`pipemilter2', \`S=inet:8899@127.0.0.1, F=T, T=C:1m;S:30s;R:30s;E:300s')dnl
INPUT_MAIL_FILTER(\`pipemilter3', \`S=inet6:8898@::1, F=T, T=C:1m;S:30s;R:30s;E:300s')dnl"
}

@test "a path that an MTA's configuration can't hold" {
	conf "listen \"unix:$WORK/a'b,c\" { }" "handler a { $H events = {mail} actions = {} }"
	explain
	has "# listen unix:$WORK/a'b,c: a path of letters, digits and /._-+ is needed here"
	assert_equal "$(paragraph '# Postfix' | grep smtpd_milters)" \
'smtpd_milters =
non_smtpd_milters ='
	refute_output_has 'INPUT_MAIL_FILTER'
}

@test "postconf takes the lines as they are" {
	command -v postconf >/dev/null || skip 'no Postfix'
	local name

	conf "listen 'inet:8899@127.0.0.1' { handlers = {a} }" \
	    "listen 'unix:/var/spool/postfix/pipemilter/x.sock' { mode = 0666 handlers = {b} }" \
	    "handler a { $H events = {mail} actions = {} }" \
	    "handler b { $H events = {rcpt} actions = {} }"
	explain
	mkdir "$WORK/postfix"
	{
		echo 'compatibility_level = 3.6'
		paragraph '# Postfix'
	} >"$WORK/postfix/main.cf"
	: >"$WORK/postfix/master.cf"
	paragraph '# Postfix' | sed -n 's/^\([a-z_]*\) = .*/\1/p' >"$WORK/names"
	[ "$(wc -l <"$WORK/names")" -eq 7 ]
	while read -r name; do
		postconf -c "$WORK/postfix" "$name" 2>&1
	done <"$WORK/names" >"$WORK/taken"
	paragraph '# Postfix' | grep -v '^#' | diff - "$WORK/taken"
	[ "$(postconf -c "$WORK/postfix" -n 2>&1 >/dev/null)" = '' ]
}

@test "the directory of a socket that its group can't enter" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	local dir=$WORK/queue/pipemilter

	mkdir -p "$dir"
	chmod 755 "$WORK/queue"
	chmod 700 "$dir"
	conf '' "listen 'unix:$dir/sock' { group = mail }" "handler a { $H events = {mail} actions = {} }"
	run --separate-stderr "$PIPEMILTER" -n -f "$CONF"
	assert_success
	assert_equal "$stderr" "pipemilter: $CONF:2: listen \"unix:$dir/sock\": group mail can't enter the directory $dir, whose mode is 0700, and so can't connect; expected x for them"
	chgrp mail "$dir"
	chmod 750 "$dir"
	explain
	# A directory above it, and a group that has less than all others.
	chgrp mail "$WORK/queue"
	chmod 745 "$WORK/queue"
	run --separate-stderr "$PIPEMILTER" -n -f "$CONF"
	assert_success
	[[ $stderr == *":2: "*"group mail can't enter the directory $WORK/queue, whose mode is 0745"* ]]
	# The user of that group may own it, as Postfix owns its own.
	chown mail "$WORK/queue"
	explain
	# A directory that will be made is open.
	chown 0:0 "$WORK/queue"
	chmod 755 "$WORK/queue"
	rmdir "$dir"
	explain
	has "the directory $dir will be made, with mode 0755"
	# A mode for everybody, an owner.
	mkdir -m 700 "$dir"
	conf '' "listen 'unix:$dir/sock' { mode = 0666 }" "handler a { $H events = {mail} actions = {} }"
	run --separate-stderr "$PIPEMILTER" -n -f "$CONF"
	[[ $stderr == *": not everybody can enter the directory $dir, whose mode is 0700"* ]]
	conf '' "listen 'unix:$dir/sock' { owner = mail }" "handler a { $H events = {mail} actions = {} }"
	run --separate-stderr "$PIPEMILTER" -n -f "$CONF"
	[[ $stderr == *": user mail can't enter the directory $dir, whose mode is 0700"* ]]
	chown mail "$dir"
	explain
}

@test "more descriptors than the system allows" {
	conf '' 'connections = 300' "listen inet:8899 { }" "listen inet:8898 { }" \
	    "handler a { $H events = {mail} actions = {} processes = 30 }"
	# 600 connections, 3 for each of 30 processes, 2 listeners, 32 more.
	run --separate-stderr bash -c 'ulimit -n 723 && "$@"' - "$PIPEMILTER" -n -f "$CONF"
	assert_success
	assert_equal "$stderr" "pipemilter: $CONF:2: 600 connections and 30 processes of handlers may take 724 file descriptors, and the system allows 723; expected a higher limit (LimitNOFILE= of the systemd unit, or ulimit -Hn), or a lower number of \`connections' or \`processes'"
	run --separate-stderr bash -c 'ulimit -n 724 && "$@"' - "$PIPEMILTER" -n -f "$CONF"
	assert_success
	assert_equal "$stderr" ''
	# Several engines share them.
	echo 'engines = 3' >>"$CONF"
	run --separate-stderr bash -c 'ulimit -n 263 && "$@"' - "$PIPEMILTER" -n -f "$CONF"
	[[ $stderr == *" may take 264 file descriptors in each engine, and the system allows 263;"* ]]
}

@test "more processes than the system allows a user" {
	conf '' "listen inet:8899 { }" "handler a { $H events = {mail} actions = {} processes = 30 }" \
	    "handler b { $H events = {mail} actions = {} processes = 40 user = root }" \
	    "handler c { $H events = {mail} actions = {} processes = 31 }"
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	run --separate-stderr bash -c 'ulimit -u 60 && exec "$@"' - "$PIPEMILTER" -n -f "$CONF"
	assert_success
	assert_equal "$stderr" "pipemilter: $CONF:3: handler a: all handlers of its user may have 61 processes, and the system allows 60; expected a higher limit (LimitNPROC= of the systemd unit, or ulimit -u), or a lower number of \`processes'"
	run --separate-stderr bash -c 'ulimit -u 61 && exec "$@"' - "$PIPEMILTER" -n -f "$CONF"
	assert_equal "$stderr" ''
}

@test "more macros than a list may have" {
	local many

	many=$(printf '{m%d} ' {1..49})
	conf '' "listen inet:8899 { }" \
	    "handler a { $H events = {data} actions = {} macros = {'data=${many% }'} }" \
	    "handler b { $H events = {data} actions = {} macros = {'data={m1} {xx}'} }"
	# With the macro i there are 50 before the last one.
	run --separate-stderr "$PIPEMILTER" -n -f "$CONF"
	assert_success
	assert_equal "$stderr" "pipemilter: $CONF:2: listen inet:8899: handler b asks for the macro {xx} at data, but a list has no more than 50: left out"
}

@test "output that is not read to its end" {
	local i

	# More than a pipe holds.
	for i in {1..240}; do
		echo "listen inet:$((8000 + i)) { handlers = {h} }"
	done >"$WORK/many"
	echo "handler h { $H events = {mail} processes = 1 }" >>"$WORK/many"
	conf 'connections = 10' "include('many')"
	explain
	[ "${#output}" -gt 70000 ]
	run bash -c '"$@" | { read -r line; printf "%s\n" "$line"; }' - \
	    "$PIPEMILTER" -n -f "$CONF"
	assert_equal "$output" "$CONF: OK"
}

@test "output that can't be written" {
	conf "listen inet:8899 { }" "handler a { $H events = {mail} actions = {} }"
	run bash -c '"$@" >/dev/full' - "$PIPEMILTER" -n -f "$CONF"
	assert_status 1
	assert_output_has 'No space left on device'
}

# Prints what is said of an event in a session, without blanks in front.
# at EVENT-LINE: the lines of the handlers that follow it
at() {
	printf '%s\n' "$output" | line="    $1" awk '
	    $0 == ENVIRON["line"] { on = 1; next }
	    on && /^        / { sub(/^ */, ""); print; next }
	    { on = 0 }'
}

@test "a session: who is asked, who is told, who is not" {
	conf "listen inet:8899 { handlers = {a, b, c} }" "listen inet:8898 { handlers = {d} }" \
	    "handler a { $H events = {helo, rcpt} actions = {} lines = {client-address} }" \
	    "handler b { $H events = {end-of-message} reports = {rcpt, abort, disconnect} actions = {change-header} lines = {} }" \
	    "handler c { $H events = {rcpt} actions = {} lines = {} shadow = yes max-message = 1M }" \
	    "handler d { $H events = {mail} actions = {} }"
	explain -v -- -c 2001:db8::7 -h mx.example.net -H there -f '<>' -r a@example.com -r b@example.com
	has 'A session at listen inet:8899'
	assert_equal "$(at 'connect mx.example.net 2001:db8::7')" \
"a: no: $LINES_ONLY
b: no: neither in its events nor in its reports
c: no: neither in its events nor in its reports
d: no: $LINES_ONLY"
	assert_equal "$(at 'helo there')" \
"a: asked
b: no: neither in its events nor in its reports
c: no: neither in its events nor in its reports
d: no: $LINES_ONLY"
	assert_equal "$(at 'rcpt <b@example.com>')" \
'a: asked
b: told
c: asked, and nobody waits for it (shadow)'
	assert_equal "$(at 'header Subject')" \
"a: no: neither in its events nor in its reports
b: no: sent since an action needs it (change-header)
c: no: sent since its size counts (\`max-message')"
	assert_equal "$(at end-of-message | sed -n 2p)" 'b: asked'
	assert_equal "$(at disconnect | sed -n 1,3p)" \
'a: no: not in its reports
b: told
c: no: not in its reports'
	assert_equal "$(at 'abort, where the message ends before its time')" \
'a: no: not in its reports
b: told
c: no: not in its reports'
	has 'not sent by the MTA: data, end-of-headers, unknown'
	has "never asked here: d, which is not in \`handlers' of this listener"
	assert_equal "$(at 'mail <>' | tail -n 1)" 'd: asked'
}

@test "a session: clients, authentication" {
	conf "listen inet:8899 { }" \
	    "handler a { $H events = {mail} actions = {} except-clients = {'192.0.2.0/24'} }" \
	    "handler b { $H events = {mail} actions = {} only-clients = {local} }" \
	    "handler c { $H events = {mail} reports = {disconnect} actions = {} except-authenticated = yes }" \
	    "handler d { $H events = {mail} actions = {} only-clients = {'192.0.2.0/24'} except-clients = {'192.0.2.9'} }"
	explain -v -- -c 192.0.2.9
	assert_equal "$(at 'mail <sender@example.org>')" \
'a: no: except-clients has 192.0.2.9
b: no: only-clients does not have 192.0.2.9
c: asked
d: no: only-clients or except-clients leave out 192.0.2.9'
	explain -v -- -c 127.0.0.1 -m auth_authen=me
	assert_equal "$(at 'mail <sender@example.org>' | sed -n 1,3p)" \
'a: asked
b: asked
c: no: except-authenticated, and the client has {auth_authen}'
}

@test "a session with an old MTA" {
	conf "listen inet:8899 { }" \
	    "handler a { $H events = {data} actions = {} lines = {} on-failure = 'reject 554 5.3.0 old' }" \
	    "handler b { $H events = {mail, unknown} actions = {} lines = {} }"
	explain -v -- -P 3
	assert_equal "$(at 'mail <sender@example.org>')" \
'a: no: it requires data, which an MTA with version 3 of the protocol has not; on-failure = reject
b: no: the event was answered before its turn'
	has 'the message is refused at mail 554 5.3.0 old'
	assert_equal "$(at unknown | tail -n 1)" 'b: asked'
	explain -v -- -P 4
	assert_equal "$(at data | head -n 1)" 'a: asked'
	refute_output_has 'refused'
	refute_output_has 'it requires'
}

@test "a session with hooks and a message as a whole" {
	mkdir "$WORK/hooks"
	cp /bin/true "$WORK/hooks/rcpt"
	chmod 755 "$WORK/hooks"
	conf "listen inet:8899 { }" "handler a { hooks = $WORK/hooks actions = {} }"
	explain -v
	assert_equal "$(at 'rcpt <recipient@example.net>')" 'a: asked'
	assert_equal "$(at end-of-message)" "a: no: no hook of that name in $WORK/hooks"
}

@test "a session with the handler of a command line" {
	run --separate-stderr "$PIPEMILTER" -nv -l inet:8899 ${ENGINE_USER:+-o "engine-user = $ENGINE_USER"} \
	    ${ENGINE_USER:+-o "handler-user = $HANDLER_USER"} -o 'actions = {}' -e mail \
	    /bin/true -- -x -- -f $'a\nb@example.org'
	assert_success
	assert_equal "$(at 'mail <a\nb@example.org>')" 'true: asked'
	# The command keeps its own.
	run "$PIPEMILTER" -nv -l inet:8899 -e mail /bin/true -- -x
	assert_status 2
}

@test "who returns the message is taken to return it as it is" {
	conf "listen inet:8899 { }" \
	    "handler a { $H input = message output = message actions = {change-header} }" \
	    "handler b { $H input = message output = none received = no }" \
	    "handler c { $H events = {end-of-message} spool = yes actions = {} on-exit = {'1=reject'} }" \
	    "handler d { $H events = {end-of-message} actions = {} shadow = yes }"
	explain -v
	refute_output_has 'is refused'
	refute_output_has 'before its turn'
	has 'a: asked, with the message on its standard input'
	has 'b: asked, with the message on its standard input'
	assert_output_has 'c: asked'
	assert_output_has 'd: asked'
}

@test "a listener with the same handlers is not played again" {
	conf "listen inet:8899 { }" "listen inet:8898 { }" "handler a { $H events = {mail} actions = {} }"
	explain -v
	has 'A session at listen inet:8898: as at inet:8899'
	[ "$(grep -c '^    mail <' <<<"$output")" -eq 1 ]
}

@test "options of a session that are wrong" {
	conf "listen inet:8899 { }" "handler a { $H events = {mail} actions = {} }"
	run "$PIPEMILTER" -n -f "$CONF" -- -c 192.0.2.1
	assert_status 2
	run "$PIPEMILTER" -v -f "$CONF" -- -c 192.0.2.1
	assert_status 2
	run "$PIPEMILTER" -nv -f "$CONF" -- -c 192.0.2.1 message
	assert_status 2
	run "$PIPEMILTER" -nv -f "$CONF" message
	assert_status 2
	run "$PIPEMILTER" -nv -f "$CONF" -- -c nowhere
	assert_status 2
	assert_output_has '-c nowhere: expected an IPv4 or IPv6 address'
	run "$PIPEMILTER" -nv -f "$CONF" -- -f "$(printf '%9000s' '' | tr ' ' x)"
	assert_status 2
	run "$PIPEMILTER" -nv -f "$CONF" -- -m novalue
	assert_status 2
	run "$PIPEMILTER" -nv -f "$CONF" -- -Z
	assert_status 2
	assert_output_has usage
}
