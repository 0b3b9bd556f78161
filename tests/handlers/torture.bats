#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# milter-send --torture finds nothing wrong with the handlers that are shipped, nor with
# loops of a few lines in each language.

bats_require_minimum_version 1.5.0

load ../lib/common
load ../lib/torture

setup() {
	torture_setup
}

teardown() {
	torture_teardown
}

# Each handler runs as the comment in its first lines configures it.
#
# A handler that needs more than files that are there has a function
# prepare_NAME, with each - as _, that makes it: it may start services of its
# own, and puts into
#	handler_options		options to be added, those of milter-send first
#	handler_env		settings that take the place of those in the comment
#				or are added to them, as NAME=VALUE
# A function finish_NAME ends them, and may look whether they were used.

prepare_rate_limit() {
	handler_env=('MESSAGES=1000000/5m' 'RECIPIENTS=1000000/1h')
}

# greylist says no first, and yes only after DELAY.
prepare_greylist() {
	handler_env=("DELAY=1h")
}

# The client that every third message comes from is listed.
prepare_dnsbl() {
	local port

	port=$(free_port)
	printf '%s\n' '2.100.51.198.bl.test A 127.0.0.2' >"$WORK/zone"
	mkdir "$DAEMONS/dns"
	keep_daemon dns python3 "$LIB_DIR/peers/dns_server.py" "$port" "$WORK/zone" "$WORK/asked"
	wait_for tcp_listens "$port"
	handler_env=('ZONES=bl.test' "RESOLVERS=127.0.0.1@$port")
}

finish_dnsbl() {
	stop_daemon dns TERM 143
	grep -q '9.100.51.198.bl.test' "$WORK/asked"
}

prepare_quarantine() {
	printf '%s\n' 'header Subject: *invoice* -> quarantine An invoice' \
	    'sender *@spam.example -> reject' >"$OUT/quarantine"
}

prepare_disclaimer() {
	printf '%s\n' 'Sent by us.' >"$OUT/disclaimer.txt"
	printf '%s\n' '<p>Sent by us.</p>' >"$OUT/disclaimer.html"
	handler_env=('DOMAINS=*')
}

prepare_clamav() {
	write_handler scanner <<-'END'
		cat >/dev/null
	END
	handler_env=("SCANNER=$HANDLERS/scanner")
}

prepare_spamassassin() {
	write_handler tools/spamc <<-'END'
		printf '%s\n' 'X-Spam-Status: No, score=0.1 required=5.0'
		exec cat
	END
	handler_env=("PATH=$HANDLERS/tools:/usr/bin:/bin")
}

# section FILE N: the Nth section of configuration in its comment, one option a
# line, with what stands for paths of an installation put in.
section() {
	sed -n 's/^#	//p' "$1" | awk -v want="$2" '
		/^handler [^ ]* [{]$/ { inside = ++n == want; next }
		/^}$/ { inside = 0 }
		inside {
			sub(/^[[:space:]]+/, "")
			option = option (option == "" ? "" : " ") $0
			open += gsub(/[{]/, "&") - gsub(/[}]/, "&")
			if (open == 0) { print option; option = "" }
		}' | sed "s|/usr/local/libexec/pipemilter/|$HANDLERS/|g
		s|/etc/pipemilter/|$OUT/|g; s|/var/lib/pipemilter/|$OUT/|g
		s|/var/mail/|$OUT/|g"
}

# set_env OPTION NAME=VALUE...: environment with these in it.
set_env() {
	local option=${1:-environment = {\}} setting text

	shift
	text=${option#*\{}
	text=${text%\}*}
	for setting; do
		text=$(sed "s|'${setting%%=*}=[^']*'||; s/,[[:space:]]*,/,/
		    s/^[[:space:]]*,//; s/,[[:space:]]*\$//" <<<"$text")
		text="$text${text:+, }'$setting'"
	done
	printf '%s\n' "environment = {$text}"
}

# shipped NAME N: passes with its Nth section.
shipped() {
	local name=$1 options=() command=() line environment=

	handler_options=() handler_env=()
	while IFS= read -r line; do
		case $line in
		command*) mapfile -t command < <(sed 's/^[^{]*{//; s/}.*//; s/'\''//g
		    s/[[:space:]]*,[[:space:]]*/\n/g' <<<"$line") ;;
		environment*) environment=$line ;;
		*) options+=(-o "$line") ;;
		esac
	done < <(section "$TOP_DIR/handlers/$name" "$2")
	[ "${#command[@]}" -gt 0 ] || { echo "$name: no section $2"; return 1; }
	cp -p "$TOP_DIR"/handlers/* "$HANDLERS"
	# Handlers that are not installed look for the libraries here.
	[ -d "$WORK/libraries" ] || cp -Rp "$TOP_DIR/libraries" "$WORK"
	chmod -R go+rX "$WORK/libraries"
	# Lists that are in files are empty ones.
	grep -o "$OUT/[a-z./-]*" <<<"$environment" | while read -r line; do
		case $line in *.db|*/archive) ;; *) : >"$line" ;; esac
	done
	if declare -F "prepare_${name//-/_}" >/dev/null; then
		"prepare_${name//-/_}"
	fi
	environment=$(set_env "$environment" "${handler_env[@]}")
	torture "${handler_options[@]}" "${options[@]}" -o "$environment" "${command[@]}"
	[ "$status" -eq 0 ] || { printf '%s\n' "$name:" "${options[@]}" "$environment"; show_run
		return 1; }
	if declare -F "finish_${name//-/_}" >/dev/null; then
		"finish_${name//-/_}"
	fi
	# Something was tried.
	[[ ${lines[-1]} == *[1-9]' things tried, 0 wrong' ]]
}

# all PATTERN: the shipped ones whose names begin so.
all() {
	local file n

	for file in "$TOP_DIR"/handlers/$1*; do
		for ((n = 1; n <= $(grep -c '^#	handler .* {$' "$file"); n++)); do
			shipped "${file##*/}" "$n"
		done
	done
}

# Several, so that they run at the same time.

@test "what is shipped passes: a" {
	all '[!b-z]'
}

@test "what is shipped passes: b to c" {
	all '[bc]'
}

@test "what is shipped passes: d to p" {
	all '[d-p]'
}

@test "what is shipped passes: q to z" {
	all '[q-z]'
}

@test "a section of configuration is read as it stands" {
	cat >"$WORK/handler" <<-'END'
		#!/bin/sh
		#	handler one {
		#		command = {/usr/local/libexec/pipemilter/one, 'a b'}
		#		events  = {mail,
		#		           rcpt}
		#	}
		#	handler two {
		#		environment = {'A=/etc/pipemilter/a', 'B=b'}
		#	}
	END
	assert_equal "$(section "$WORK/handler" 1)" "command = {$HANDLERS/one, 'a b'}
events  = {mail, rcpt}"
	assert_equal "$(set_env "$(section "$WORK/handler" 2)" 'B=c d' C=e)" \
	    "environment = {'A=$OUT/a', 'B=c d', 'C=e'}"
	assert_equal "$(set_env '' C=e)" "environment = {'C=e'}"
}

# Every way to run a loop, with all events and with reports among them.
# loops_pass LOOP [,body]: awk reads no payload.
loops_pass() {
	local file=$HANDLERS/$1 all=connect,helo,mail,rcpt,data,header,end-of-headers,end-of-message,unknown$2
	local some=(-e 'mail,rcpt,end-of-message'
	    -o 'reports = {helo, data, header, abort, disconnect}')

	cp "$LIB_DIR/handlers/loops/$1" "$HANDLERS"
	fine -e "$all" -o 'scope = session' -o 'reuse = yes' "$file"
	fine "${some[@]}" -o 'scope = message' -o 'reuse = yes' -o 'max-uses = 3' "$file"
	fine "${some[@]}" -o 'scope = session' "$file"
	fine "${some[@]}" -o 'scope = message' "$file"
	fine "${some[@]}" -o 'reuse = yes' "$file"
	fine "${some[@]}" -o 'reuse = yes' -o 'concurrency = 4' "$file"
	fine -e mail,end-of-message "$file"
}

@test "the loop in shell passes" {
	loops_pass loop.sh
}

@test "the loop in perl passes" {
	loops_pass loop.pl ,body
}

@test "the loop in python passes" {
	loops_pass loop.py ,body
}

@test "the loop in awk passes" {
	loops_pass loop.awk
}
