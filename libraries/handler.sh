# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# handler.sh: handlers for pipemilter(8) in the shell, with no thought of the
# protocol.  To be sourced, by dash, bash, busybox sh, mksh or zsh:
#
#	. /usr/local/share/pipemilter/handler.sh
#
#	on_rcpt() {
#		case $milter_recipient_domain in
#		example.net) reject 550 5.7.1 'Not here' ;;
#		esac
#	}
#
#	milter_main
#
# All functions and variables are explained in pipemilter-libraries(7).  Names
# with two underscores are none of the script's business.
#
# Nothing here depends on what the script sets: not IFS, -e, -f or -u.  Nothing
# forks, but for values with rare escapes or that are long and have any.
#
# The variables are for the script:
# shellcheck shell=sh disable=SC2034

milter__lf='
'
milter__tab='	'
# A carriage return stands between the quotes: dash can make none without a fork.
# shellcheck disable=SC1017
milter__cr=''

# A script without its last line would pass everything.  A bad status it chose.
milter__main=''
milter__ended() {
	if [ "$1" -eq 0 ] && [ -z "$milter__main" ]; then
		milter__print 'handler.sh: the script has ended without milter_main' >&2
		exit 70
	fi
}
trap 'milter__ended "$?"' EXIT

# Its printf is a program.
case ${KSH_VERSION-} in
*MIRBSD*|*LEGACY*)
	# shellcheck disable=SC3045
	milter__print() { print -r -- "$1"; }
	# shellcheck disable=SC3045
	milter__expand() { print -n -- "$1."; } ;;
*)
	milter__print() { printf '%s\n' "$1"; }
	milter__expand() { printf '%b.' "$1"; } ;;
esac

milter__say() {
	milter__print "$1" >&9
}

milter__complain() {
	milter__print "handler.sh: $milter_event: $1" >&2
}

# A line that is no reply makes it a failure, also where exit ends a subshell.
milter__fail() {
	milter__complain "$1"
	if [ -z "$milter_report$milter__answered" ]; then
		milter__say 'failed handler.sh'
	fi
	exit 70
}

# --- escapes

# milter__unescape VALUE: into milter__text.  Removing a prefix by a pattern
# takes time by the square of its length: no loop over long values.
milter__unescape() {
	milter__text=$1
	case $1 in
	*\\*) ;;
	*) return 0 ;;
	esac
	case ${BASH_VERSION-}${ZSH_VERSION-} in
	?*)
		# shellcheck disable=SC3045
		printf -v milter__text %b "$1"
		return 0 ;;
	esac
	if [ "${#1}" -le 500 ] && milter__unescape_common "$1"; then
		return 0
	fi
	milter__text=$(milter__expand "$1")
	milter__text=${milter__text%.}
}

# Without a fork, or it fails.
milter__unescape_common() {
	milter__rest=$1 milter__text=''
	while :; do
		case $milter__rest in
		*\\*) ;;
		*) break ;;
		esac
		milter__text=$milter__text${milter__rest%%\\*}
		milter__rest=${milter__rest#*\\}
		case $milter__rest in
		\\*)	milter__text=$milter__text\\ ;;
		n*)	milter__text=$milter__text$milter__lf ;;
		r*)	milter__text=$milter__text$milter__cr ;;
		0040*)	milter__text="$milter__text " ;;
		0011*)	milter__text=$milter__text$milter__tab ;;
		*)	return 1 ;;
		esac
		case $milter__rest in
		0*)	milter__rest=${milter__rest#????} ;;
		*)	milter__rest=${milter__rest#?} ;;
		esac
	done
	milter__text=$milter__text$milter__rest
}

# milter__escape TEXT: as a reply has it, into milter__text
milter__escape() {
	milter__text=$1
	case $1 in
	*\\*|*"$milter__lf"*|*"$milter__cr"*) ;;
	*) return 0 ;;
	esac
	if [ "${#1}" -gt 500 ]; then
		milter__text=$(milter__print "$1" |
		    sed -e 's/\\/&&/g' -e "s/$milter__cr/\\\\r/g" -e '$!s/$/\\n/' |
		    tr -d '\n')
		return 0
	fi
	milter__replace \\ \\\\
	milter__replace "$milter__lf" '\n'
	milter__replace "$milter__cr" '\r'
}

# milter__replace CHARACTER STRING: in milter__text
milter__replace() {
	milter__rest=$milter__text milter__text=''
	while :; do
		case $milter__rest in
		*"$1"*) ;;
		*) break ;;
		esac
		milter__text=$milter__text${milter__rest%%"$1"*}$2
		milter__rest=${milter__rest#*"$1"}
	done
	milter__text=$milter__text$milter__rest
}

# --- what is known

milter__forget_event() {
	milter_event='' milter_report='' milter__answered='' milter__id=''
	milter_recipient='' milter_recipient_domain='' milter_recipient_arguments=''
	milter_header_name='' milter_header_value='' milter_command=''
	milter_size='' milter_message_file='' milter_headers_file='' milter_body_file=''
	milter_reason='' milter_answer='' milter_answered_by='' milter_recipient_status=''
	milter__length=0 milter__message='' milter__complete=''
}

milter__forget_message() {
	milter_sender='' milter_sender_domain='' milter_sender_arguments=''
	milter_recipients='' milter_recipient_count=0
}

# Macros and context are known if they are of this age.
milter__forget_all() {
	milter_client_host='' milter_client_family=''
	milter_client_address='' milter_client_port='' milter_helo=''
	milter_queue_id=''
	milter__age=$((milter__age + 1)) milter__complete=yes
	milter__forget_message
}

milter__age=0
milter_session='' milter_message=''
milter__forget_event
milter__forget_all

# milter__named NAME: what stands for it in the name of a variable, into
# milter__name.  Names with a `-' are of context alone, and stay different.
milter__named() {
	milter__name=$1
	case $1 in
	*[!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_]*) ;;
	*) return 0 ;;
	esac
	milter__left=$1 milter__name=_
	while [ -n "$milter__left" ]; do
		case $milter__left in
		[abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789]*)
			milter__name=$milter__name${milter__left%"${milter__left#?}"} ;;
		_*)	milter__name=${milter__name}_u ;;
		*)	milter__name=${milter__name}_x ;;
		esac
		milter__left=${milter__left#?}
	done
}

# milter__keep KIND NAME-AND-VALUE
milter__keep() {
	milter__named "${2%% *}"
	case $2 in
	*' '*)	milter__text=${2#* } ;;
	*)	milter__text='' ;;
	esac
	eval "milter__$1_$milter__name=\$milter__age:\$milter__text"
}

# milter__look KIND NAME [VARIABLE]
milter__look() {
	case ${3-} in
	[0123456789]*|*[!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_]*)
		milter__fail "not the name of a variable: $3" ;;
	esac
	milter__named "$2"
	eval "milter__text=\${milter__$1_$milter__name-}"
	case $milter__text in
	"$milter__age":*)
		milter__text=${milter__text#*:}
		milter__found=0 ;;
	*)
		milter__text=''
		milter__found=1 ;;
	esac
	if [ -n "${3-}" ]; then
		eval "$3=\$milter__text"
	elif [ "$milter__found" -eq 0 ]; then
		milter__print "$milter__text"
	fi
	return "$milter__found"
}

macro() {
	milter__look macro "$@"
}

context() {
	milter__look context "$@"
}

# each_recipient COMMAND [ARGUMENT ...]: calls it with one more argument
each_recipient() {
	milter__each=$milter_recipients
	while [ -n "$milter__each" ]; do
		milter__unescape "${milter__each%%"$milter__lf"*}"
		case $milter__each in
		*"$milter__lf"*) milter__each=${milter__each#*"$milter__lf"} ;;
		*) milter__each='' ;;
		esac
		"$@" "$milter__text"
	done
	return 0
}

# The last one of that address
milter__drop_recipient() {
	milter__list=$milter__lf$milter_recipients$milter__lf
	case $milter__list in
	*"$milter__lf$1$milter__lf"*) ;;
	*) return 0 ;;
	esac
	milter__rest=${milter__list##*"$milter__lf$1$milter__lf"}
	milter__list=${milter__list%"$milter__lf$1$milter__lf"*}$milter__lf$milter__rest
	milter__list=${milter__list#"$milter__lf"}
	milter_recipients=${milter__list%"$milter__lf"}
}

# --- blocks

# milter__take KEYWORD VALUE ESCAPED-VALUE: a line of a block
milter__take() {
	case $1 in
	macro)		milter__keep macro "$2"
			case $2 in
			'i '*)	milter_queue_id=${2#* } ;;
			esac ;;
	context)	milter__keep context "$2" ;;
	event)		milter__forget_event
			milter_event=$2 ;;
	report)		milter__forget_event
			milter_event=$2 milter_report=yes ;;
	session)	milter__session=$2 ;;
	message)	milter__message=$2
			if [ "$2" != "$milter_message" ]; then
				milter__forget_message
			fi ;;
	event-id)	milter__id=$2 ;;
	complete)	milter__forget_all ;;
	client-host)	milter_client_host=$2 ;;
	client-family)	milter_client_family=$2 ;;
	client-address)	milter_client_address=$2 ;;
	client-port)	milter_client_port=$2 ;;
	helo)		milter_helo=$2 ;;
	sender)		milter_sender=$2 ;;
	sender-domain)	milter_sender_domain=$2 ;;
	sender-argument)
		milter_sender_arguments=$milter_sender_arguments${milter_sender_arguments:+ }$2 ;;
	recipients)	milter_recipient_count=$2 ;;
	recipient)	milter_recipients=$milter_recipients${milter_recipients:+$milter__lf}$3
			milter_recipient=$2 milter__mailbox=$3 ;;
	recipient-domain)
			milter_recipient_domain=$2 ;;
	recipient-argument)
		milter_recipient_arguments=$milter_recipient_arguments${milter_recipient_arguments:+ }$2 ;;
	recipient-refused)
			milter__drop_recipient "$3" ;;
	context-unset)	milter__named "$2"
			eval "milter__context_$milter__name=''" ;;
	header-name)	milter_header_name=$2 ;;
	header-value)	milter_header_value=$2 ;;
	command)	milter_command=$2 ;;
	size)		milter_size=$2 ;;
	message-file)	milter_message_file=$2 ;;
	headers-file)	milter_headers_file=$2 ;;
	body-file)	milter_body_file=$2 ;;
	length)		milter__length=$2 ;;
	reason)		milter_reason=$2 ;;
	answer)		milter_answer=$2 ;;
	answered-by)	milter_answered_by=$2 ;;
	recipient-status)
			milter_recipient_status=$2 ;;
	esac
}

# A whole block, with the protocol as standard input; 1 at its end
milter__read() {
	while IFS=' ' read -r milter__key milter__value; do
		if [ -z "$milter__key" ]; then
			milter__skip "$milter__length"
			return 0
		fi
		milter__unescape "$milter__value"
		milter__take "$milter__key" "$milter__text" "$milter__value"
	done
	return 1
}

# milter__skip N: the payload.  dd takes what there is and no more than that.
milter__skip() {
	milter__left=$1
	while [ "$milter__left" -gt 0 ]; do
		milter__some=$milter__left
		if [ "$milter__some" -gt 65536 ]; then
			milter__some=65536
		fi
		milter__some=$(dd bs="$milter__some" count=1 2>/dev/null | wc -c)
		if [ "$milter__some" -eq 0 ]; then
			milter__fail 'a payload that cannot be read'
		fi
		milter__left=$((milter__left - milter__some))
	done
}

# What follows from the lines together
milter__settle() {
	if [ "$milter__session" != "$milter_session" ] && [ -z "$milter__complete" ]; then
		milter__fail 'several sessions at a time: set concurrency = 1, or scope = event'
	fi
	if [ -n "$milter__id" ] && [ -z "$milter_report" ]; then
		milter__say "event-id $milter__id"
	fi
	milter_session=$milter__session
	if [ "$milter__message" != "$milter_message" ]; then
		# The id came before the lines of its message.
		[ -n "$milter__message" ] || milter__forget_message
		milter_message=$milter__message
	fi
	if [ -n "$milter_recipient_status" ]; then
		milter__drop_recipient "$milter__mailbox"
	fi
	if [ "$milter_event" != rcpt ]; then
		milter_recipient='' milter_recipient_domain='' milter_recipient_arguments=''
	fi
}

# --- replies

# milter__may WHAT: whether it has an effect
milter__may() {
	if [ -n "$milter_report" ]; then
		milter__complain "$1 has no effect: nobody waits for an answer to a report"
	elif [ -n "$milter__answered" ]; then
		milter__complain "$1 has no effect: the answer has been given"
	else
		return 0
	fi
	return 1
}

# milter__line KEYWORD N ARGUMENT ...: a line of a reply; the first N arguments
# are single words
milter__line() {
	milter__line=$1 milter__words=$2
	shift 2
	for milter__argument in "$@"; do
		if [ "$milter__words" -gt 0 ]; then
			milter__words=$((milter__words - 1))
			case $milter__argument in
			''|*[[:space:]]*)
				milter__fail "$milter__line: not a single word: $milter__argument" ;;
			esac
		fi
		milter__escape "$milter__argument"
		milter__line="$milter__line $milter__text"
	done
	milter__say "$milter__line"
}

milter__act() {
	if milter__may "$1"; then
		milter__line "$@"
	fi
}

add_header()		{ milter__act add-header 1 "$@"; }
insert_header()		{ milter__act insert-header 2 "$@"; }
change_header()		{ milter__act change-header 2 "$@"; }
delete_header()		{ milter__act delete-header 2 "$@"; }
change_sender()		{ milter__act change-sender 0 "$@"; }
add_recipient()		{ milter__act add-recipient 0 "$@"; }
delete_recipient()	{ milter__act delete-recipient 0 "$@"; }
quarantine()		{ milter__act quarantine 0 "$@"; }
progress()		{ milter__act progress 0; }
set_context()		{ milter__act set 1 "$@"; }
set_message_context()	{ milter__act set-message 1 "$@"; }
unset_context()		{ milter__act unset 1 "$@"; }

# A file that grows meanwhile does not speak for the handler.
replace_body() {
	milter__may replace-body || return 0
	if ! milter__some=$(wc -c <"$1"); then
		milter__fail "replace-body: cannot read $1"
	fi
	milter__some=$((milter__some))
	milter__say "replace-body $milter__some"
	head -c "$milter__some" <"$1" >&9 || exit 70
}

log() {
	if [ -z "$milter_report$milter__answered" ]; then
		milter__line log 0 "$@"
		return 0
	fi
	milter__text=''
	for milter__argument in "$@"; do
		milter__text=$milter__text${milter__text:+ }$milter__argument
	done
	milter__print "$milter__text" >&2
}

# The first verdict is the answer.
milter__verdict() {
	milter__may "$1" || return 0
	milter__line "$@"
	milter__answered=yes
	if milter__is_subshell; then
		# The script does not learn that the answer has been given.  It
		# ends, which costs nothing, before it gives another one.
		kill -USR1 $$
	fi
}

# Without a fork
milter__is_subshell() {
	if [ -n "${BASHPID-}" ]; then
		[ "$BASHPID" -ne $$ ]
	elif [ -n "${ZSH_SUBSHELL-}" ]; then
		[ "$ZSH_SUBSHELL" -gt 0 ]
	else
		IFS=' ' read -r milter__pid milter__rest </proc/self/stat &&
		    [ "$milter__pid" -ne $$ ]
	fi 2>/dev/null
}

pass()			{ milter__verdict continue 0; }
accept()		{ milter__verdict accept 0; }
reject()		{ milter__verdict reject 0 "$@"; }
tempfail()		{ milter__verdict tempfail 0 "$@"; }
discard()		{ milter__verdict discard 0; }
skip()			{ milter__verdict skip 0; }
end_session()		{ milter__verdict shutdown 0 "$@"; }

# --- the loop

# Answers what is still to be answered, and comes to the next event; 1 where
# there is none.
milter__next() {
	if [ -z "$milter_report$milter__answered" ]; then
		milter__say continue
		milter__answered=yes
	fi
	if ! milter__read <&8; then
		milter__end=yes
		return 1
	fi
	milter__settle
	case $milter_event in
	end-of-headers)	milter__function=on_end_of_headers ;;
	end-of-message)	milter__function=on_end_of_message ;;
	*)		milter__function=on_$milter_event ;;
	esac
	if ! command -v "$milter__function" >/dev/null 2>&1; then
		milter__function=:
	fi
}

# A shell cannot list its functions without a fork.
milter__check_names() {
	for milter__name in from sender to recipient recipients eoh headers eom message \
	    end_of_header end_of_body close; do
		if command -v "on_$milter__name" >/dev/null 2>&1; then
			milter__print "handler.sh: on_$milter__name: there is no such event" >&2
		fi
	done
}

# In some shells a stray `continue' or `break' of a function comes to these
# loops, and then the event is answered as well.
milter_main() {
	milter__main=yes
	milter__check_names
	exec 8<&0 9>&1 </dev/null >&2
	trap 'exit 0' USR1
	milter__end='' milter__answered=yes
	until [ -n "$milter__end" ]; do
		while milter__next; do
			"$milter__function"
		done
	done
	return 0
}
