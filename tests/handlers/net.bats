#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The shipped handlers that keep something in a database, ask the DNS, or last:
# with an SQLite, a Redis and a resolver of the test's own, and with the section
# of configuration that each of them shows.

bats_require_minimum_version 1.5.0

load ../lib/common

setup() {
	test_setup
	# Where the users that the daemon changes to can read them.
	mkdir "$WORK/libraries"
	cp -p "$TOP_DIR"/libraries/*.py "$WORK/libraries"
	cp -p "$TOP_DIR"/handlers/* "$HANDLERS"
	STATE=$OUT/state
	mkdir -m 0700 "$STATE"
	[ -z "$HANDLER_USER" ] || chown "$HANDLER_USER" "$STATE"
	printf '%s\n' 'From: a@example.org' 'Subject: hello' '' 'one' >"$WORK/message"
	cd "$WORK" || return
}

teardown() {
	test_teardown
}

# section NAME VARIABLE=VALUE ...: what the handler's first lines show, for this
# test's copy of it, and with these variables in place of those shown.
section() {
	local name=$1 variable list=

	shift
	for variable; do
		list="$list${list:+, }'$variable'"
	done
	sed -n -e "/^#	handler $name {/,/^#	}/s/^#//p" "$HANDLERS/$name" |
	    sed -e "s|/usr/local/libexec/pipemilter|$HANDLERS|" \
	    -e '/environment *=/,/^	}/c\
		environment = {ENVIRONMENT}\
	}' | sed "s|ENVIRONMENT|${list//&/\\&}|"
}

# serve [-n NAME] HANDLER VARIABLE=VALUE ...: a daemon with this handler, at the
# socket $SOCK, or at $WORK/sock.NAME.
serve() {
	local name=d sock=$SOCK

	if [ "$1" = -n ]; then
		name=$2
		sock=$WORK/sock.$2
		shift 2
	fi
	{
		echo "listen 'unix:$sock' { mode = 0666 }"
		echo "spool-directory = '$WORK/spool.$name'"
		section "$@"
	} >"$WORK/section.$name"
	start_daemon -n "$name" <"$WORK/section.$name"
}

# send ARGUMENT ...: sends the message. "status" is that of milter-send.
send() {
	run "$MILTER_SEND" -s "unix:$SOCK" -O "$WORK/delivered" "$@" <"$WORK/message"
	echo "send $*: status $status, $output"
}

# sent STATUS ARGUMENT ...
sent() {
	local want=$1

	shift
	send "$@"
	[ "$status" -eq "$want" ]
}

# sql FILE STATEMENT: prints what it returns. Python has it, and sqlite3(1) need
# not be there.
sql() {
	/usr/bin/python3 -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
for row in db.execute(sys.argv[2]):
    print(*row, sep="|")
db.commit()
' "$STATE/$1" "$2"
}

start_redis() {
	# keep_daemon gives it a session of its own, and stop_daemon ends it.
	mkdir -p "$DAEMONS/redis" "$WORK/redis"
	keep_daemon redis redis-server --port 0 --unixsocket "$WORK/redis.sock" \
	    --unixsocketperm 777 --dir "$WORK/redis" --save '' --appendonly no
	wait_for redis PING
}

redis() {
	redis-cli -s "$WORK/redis.sock" "$@"
}

@test "the sections of configuration that handlers show are accepted" {
	local file

	for file in "$TOP_DIR"/handlers/*; do
		grep -qxF '#!/usr/bin/python3' "$file" || [ "${file##*/}" = plus-address ] || continue
		sed -n '/^#	handler /,/^#	}/s/^#//p' "$file" |
		    sed "s|/usr/local/libexec/pipemilter|$HANDLERS|"
	done >"$WORK/shown.conf"
	grep -F "$HANDLERS/greylist" "$WORK/shown.conf"
	complete_config "$WORK/shown.conf"
	echo "listen 'unix:$SOCK' {}" >>"$WORK/shown.conf"
	run "$PIPEMILTER" -n -f "$WORK/shown.conf"
	assert_success
}

# Greylisting is the same with both; $BACKEND says which one it is.
use() {
	BACKEND=$1
	case $BACKEND in
	sqlite)	DATABASE=$STATE/greylist.db ;;
	redis)	start_redis
		DATABASE=unix://$WORK/redis.sock ;;
	esac
}

# age SECONDS: lets time pass for all that is known
age() {
	local key left

	if [ "$BACKEND" = sqlite ]; then
		sql greylist.db "UPDATE mail SET first = first - $1,
		    expires = expires - $1"
		sql greylist.db "UPDATE client SET expires = expires - $1"
		return
	fi
	for key in $(redis KEYS 'greylist:*'); do
		case $key in
		*:mail:*) redis HINCRBY "$key" first "-$1" ;;
		esac
		left=$(redis TTL "$key")
		[ "$left" -gt 0 ]
		redis EXPIRE "$key" $((left - $1))
	done >"$WORK/age"
}

A='-f <alice@example.org> -r <bob@example.net> -c 192.0.2.7'

greylist_delays() {
	serve greylist "DATABASE=$DATABASE" 'DELAY=5m' 'RETRY_WINDOW=1h' 'LIFETIME=1d'
	sent 75 $A
	[[ $output == *'451 4.7.1 Greylisted, please try again in 300 seconds'* ]]
	age 100
	# Trying again too early changes nothing.
	sent 75 $A
	[[ $output =~ 'again in '(200|199|198|197)' seconds' ]]
	age 190
	sent 75 $A
	age 20
	sent 0 $A
	sent 0 $A
	# The network, the letters' case and spelling do not matter.
	sent 0 -f 'Alice@EXAMPLE.org' -r '<BOB@example.net>' -c 192.0.2.200
	# Each of the three does.
	sent 75 -f '<alice@example.org>' -r '<bob@example.net>' -c 192.0.3.7
	sent 75 -f '<alicia@example.org>' -r '<bob@example.net>' -c 192.0.2.7
	sent 75 -f '<alice@example.org>' -r '<bill@example.net>' -c 192.0.2.7
	# One of the two recipients is known.
	sent 0 $A -r '<carol@example.net>'
	[[ $output == *'451 4.7.1 Greylisted'* ]]
	# IPv6 by the first 64 bits.
	sent 75 -f '<alice@example.org>' -r '<bob@example.net>' -c 2001:db8::7
	age 400
	sent 0 -f '<alice@example.org>' -r '<bob@example.net>' -c 2001:db8::ffff:1
	sent 75 -f '<alice@example.org>' -r '<bob@example.net>' -c 2001:db8:0:1::7
}

greylist_forgets() {
	serve greylist "DATABASE=$DATABASE" 'DELAY=5m' 'RETRY_WINDOW=1h' 'LIFETIME=1d' \
	    AUTO_ALLOW=0
	sent 75 $A
	age 3700
	# This is too late: the delay begins again.
	sent 75 $A
	[[ $output == *'in 300 seconds'* ]]
	age 310
	sent 0 $A
	# Each mail keeps it known for the lifetime.
	age 80000
	sent 0 $A
	age 80000
	sent 0 $A
	age 86500
	sent 75 $A
}

greylist_learns() {
	local n

	serve greylist "DATABASE=$DATABASE" AUTO_ALLOW=3 LIFETIME=40d
	for n in a b c d; do
		sent 75 -f "<$n@example.org>" -r '<bob@example.net>' -c 192.0.2.7
	done
	age 400
	sent 0 -f '<a@example.org>' -r '<bob@example.net>' -c 192.0.2.7
	# The same sender and recipient do not count again.
	sent 0 -f '<a@example.org>' -r '<bob@example.net>' -c 192.0.2.7
	sent 0 -f '<a@example.org>' -r '<bob@example.net>' -c 192.0.2.7
	sent 75 -f '<new@example.org>' -r '<bob@example.net>' -c 192.0.2.7
	sent 0 -f '<b@example.org>' -r '<bob@example.net>' -c 192.0.2.7
	sent 0 -f '<c@example.org>' -r '<bob@example.net>' -c 192.0.2.7
	# Now that network is known, and no other.
	sent 0 -f '<newer@example.com>' -r '<bill@example.net>' -c 192.0.2.99
	sent 75 -f '<newer@example.com>' -r '<bill@example.net>' -c 192.0.3.99
	age 3000000
	sent 0 -f '<newest@example.com>' -r '<bill@example.net>' -c 192.0.2.99
	age 3500000
	sent 75 -f '<newest@example.com>' -r '<bill@example.net>' -c 192.0.2.99
}

# What makes mail look new is left out. Each line: the first, and one that is
# the same.
greylist_same_senders() {
	local first same

	serve greylist "DATABASE=$DATABASE" AUTO_ALLOW=0
	while read -r first same; do
		sent 75 -f "<$first>" -r '<bob@example.net>' -c 192.0.2.7
	done <"$WORK/pairs"
	age 400
	while read -r first same; do
		[ "$first" != "$same" ]
		sent 0 -f "<$same>" -r '<bob@example.net>' -c 192.0.2.7
	done <"$WORK/pairs"
	sent 75 -f '<SRS0=abcd=EF=example.org=bill@fwd.example>' -r '<bob@example.net>' \
	    -c 192.0.3.7
}

pairs() {
	cat >"$WORK/pairs" <<-'END'
		SRS0=Zk3t=AB=example.org=alice@fwd.example SRS0=qqqq=XY=example.org=alice@fwd.example
		SRS0+Zk3t=AB=example.com=alice@fwd.example SRS0+qqqq=XY=example.com=alice@fwd.example
		SRS1=Zk3t=other.example==ab=CD=e.org=al@fwd.example SRS1=dddd=other.example==xx=YY=e.org=al@fwd.example
		prvs=1234567890=carol@example.org prvs=0987654321=carol@example.org
		prvs=dave/1234567890@example.org prvs=dave/a98765bcde@example.org
		btv1==123abc456==erin@example.org btv1==999fff111==erin@example.org
		msprvs1=17563HzyYbRfv=frank@example.org msprvs1=17999QwertYui=frank@example.org
		bounce-4711-list@lists.example bounce-4712-list@lists.example
		list+bob=example.net@lists.example list+x@lists.example
		b-0123456789abcdef-x@lists.example b-fedcba9876543210-x@lists.example
	END
}

# Hostile to SQL, to keys, to formats; long; not UTF-8.
greylist_hostile() {
	local long address

	printf -v long '%2000s' ''
	long=${long// /x}
	serve greylist "DATABASE=$DATABASE"
	for address in "<a'b@example.org>" '<"a\"b"@example.org>' '<%s%n@example.org>' \
	    "<';DROP TABLE mail;--@example.org>" '<a\b@example.org>' '<*?[a@example.org>' \
	    "<$long@example.org>" $'<\xff\xfe@example.org>' $'<\xc3\xa9@example.org>' \
	    '<@example.org>' '<noat>' '<>' '<a@b@example.org>' '<{seconds}@example.org>'; do
		sent 75 -f "$address" -r '<bob@example.net>' -c 192.0.2.7
		sent 75 -f '<alice@example.org>' -r "$address" -c 192.0.3.7
	done
	age 400
	for address in "<a'b@example.org>" '<%s%n@example.org>' "<$long@example.org>" \
	    $'<\xff\xfe@example.org>' '<>'; do
		sent 0 -f "$address" -r '<bob@example.net>' -c 192.0.2.7
	done
	sent 75 -f "<x$long@example.org>" -r '<bob@example.net>' -c 192.0.4.7
	run ! log_has 'failed'
}

@test "greylist, SQLite: delays, then lets through" {
	use sqlite
	greylist_delays
}

@test "greylist, Redis: delays, then lets through" {
	use redis
	greylist_delays
}

@test "greylist, SQLite: forgets in time" {
	use sqlite
	greylist_forgets
}

@test "greylist, Redis: forgets in time" {
	use redis
	greylist_forgets
}

@test "greylist, SQLite: comes to know clients" {
	use sqlite
	greylist_learns
}

@test "greylist, Redis: comes to know clients" {
	use redis
	greylist_learns
}

@test "greylist: senders that differ from mail to mail" {
	pairs
	use sqlite
	greylist_same_senders
}

@test "greylist, SQLite: hostile addresses" {
	use sqlite
	greylist_hostile
}

@test "greylist, Redis: hostile addresses" {
	use redis
	greylist_hostile
	# The key has one form for all addresses.
	run bash -c "redis-cli -s '$WORK/redis.sock' KEYS '*' |
	    grep -vxE 'greylist:mail:[0-9a-f]{64}|greylist:client:[0-9a-f:./]+'"
	[ -z "$output" ]
}

@test "greylist: whom it leaves alone" {
	use sqlite
	printf '%s\n' '# friends' '198.51.100.0/24' '2001:db8::/32	# all of it' >"$WORK/friends"
	serve greylist "DATABASE=$DATABASE" "ALLOW_CLIENTS=203.0.113.5 *.good.example $WORK/friends" \
	    'ALLOW_SENDERS=friend@example.org bank.example' \
	    'ALLOW_RECIPIENTS=postmaster@*' NULL_SENDER=pass
	sent 75 $A
	sent 0 $A -m '{auth_authen}=alice'
	sent 0 -f '<x@example.org>' -c 127.0.0.1
	sent 0 -f '<x@example.org>' -c ::1
	sent 0 -f '<x@example.org>' -c unix:/run/x
	sent 0 -f '<x@example.org>' -c 203.0.113.5
	sent 75 -f '<x@example.org>' -c 203.0.113.6
	sent 0 -f '<x@example.org>' -c 198.51.100.200
	sent 0 -f '<x@example.org>' -c 2001:db8:5::1
	sent 0 -f '<x@example.org>' -c 192.0.3.7 -h MX.good.example
	sent 75 -f '<x@example.org>' -c 192.0.3.7 -h good.example.com
	# Names that the DNS does not confirm are worth nothing.
	sent 75 -f '<y@example.org>' -c 192.0.3.7 -h mx.good.example \
	    -m '_=mx.good.example [192.0.3.7] (may be forged)'
	sent 75 -f '<z@example.org>' -c 192.0.3.7 -h mx.good.example -m '{client_resolve}=FAIL'
	sent 0 -f '<Friend@example.org>' -c 192.0.3.7
	sent 75 -f '<notfriend@example.org>' -c 192.0.3.7
	sent 0 -f '<x@mail.bank.example>' -c 192.0.3.7
	sent 75 -f '<x@notbank.example>' -c 192.0.3.7
	sent 0 -f '<x@example.org>' -r '<Postmaster@example.net>' -c 192.0.3.7
	sent 0 -f '<>' -c 192.0.3.7
	# The file is read again; a damaged one is not.
	printf '%s\n' '203.0.113.0/24' >"$WORK/friends.new"
	mv "$WORK/friends.new" "$WORK/friends"
	sent 0 -f '<x@example.org>' -c 203.0.113.6
	sent 75 -f '<x@example.org>' -c 198.51.100.200
	printf '%s\n' '192.0.2.0/24' '203.0.113.1/24' >"$WORK/friends.new"
	mv "$WORK/friends.new" "$WORK/friends"
	sent 0 -f '<x@example.org>' -c 203.0.113.6
	wait_log "$WORK/friends:2: 203.0.113.1/24 has host bits set"
}

@test "greylist: what is wrong with the settings is said" {
	local setting

	for setting in DELAY=5 'DELAY=5m RETRY_WINDOW=1m' AUTO_ALLOW=many IPV4_BITS=33 \
	    ANSWER=no NULL_SENDER=maybe ALLOW_CLIENTS=192.0.2.0/99 \
	    "ALLOW_SENDERS=$WORK/missing" DATABASE=relative.db; do
		# shellcheck disable=SC2086
		run env -i $setting "$HANDLERS/greylist" </dev/null
		[ "$status" -eq 1 ]
		[[ $output == *"${setting%%=*}"* || $output == *RETRY_WINDOW* ]]
		[ "${#lines[@]}" -eq 1 ]
	done
	run env -i /usr/bin/python3 -I -c '
import runpy, sys
sys.modules["redis"] = None
import os
os.environ["DATABASE"] = "redis://localhost"
runpy.run_path(sys.argv[1])' "$HANDLERS/greylist" </dev/null
	[ "$status" -eq 1 ]
	[[ $output == *'apt-get install python3-redis' ]]
}

# wrong HANDLER SETTING TEXT: with that setting it ends, and says just that.
wrong() {
	run env -i ZONES=a MESSAGES=1/1h "$2" "$HANDLERS/$1" </dev/null
	assert_equal "$status: $output" "1: $3"
}

@test "what is wrong with a setting is said in plain words" {
	local comma='words are separated by blanks, not by commas'

	wrong greylist DELAY=0s 'DELAY is not a time above 0 such as 30s, 5m, 1h or 2d: 0s'
	wrong greylist 'ALLOW_CLIENTS=a.example, b.example' "ALLOW_CLIENTS: a.example,: $comma"
	wrong greylist 'ALLOW_SENDERS=a@b.example ,c@d.example' "ALLOW_SENDERS: ,c@d.example: $comma"
	wrong rate-limit 'ALLOW_LOGINS=ann, bob' "ALLOW_LOGINS: ann,: $comma"
	wrong dnsbl 'RESOLVERS=127.0.0.1, 127.0.0.2' "RESOLVERS: 127.0.0.1,: $comma"
	wrong authentication-results 'AUTHSERV_IDS=mx.example, *.mx.example' \
	    "AUTHSERV_IDS: mx.example,: $comma"
	wrong greylist ALLOW_CLIENTS=192.0.2.7/24 \
	    'ALLOW_CLIENTS: 192.0.2.7/24 has host bits set; expected 192.0.2.0/24'
	wrong authentication-results TRUSTED_CLIENTS=mx.example/24 \
	    'TRUSTED_CLIENTS: mx.example/24: no address, network or name'
	wrong greylist ALLOW_CLIENTS=a.example,b.example \
	    'ALLOW_CLIENTS: a.example,b.example: no address, network or name'
	wrong greylist ALLOW_CLIENTS=/no/such 'ALLOW_CLIENTS: /no/such: No such file or directory'
	wrong quarantine RULES=/no/such '/no/such: No such file or directory'
	wrong rate-limit DATABASE=relative.db \
	    'DATABASE is neither an absolute path nor a Redis such as redis://HOST:6379/0'
	wrong greylist DATABASE=unix:/run/redis \
	    'DATABASE is neither an absolute path nor a Redis such as redis://HOST:6379/0'
	wrong dnsbl ZONES=bl..example \
	    'ZONES: not NAME[=ANSWER[,ANSWER]...][*SCORE], separated by blanks: bl..example'
	wrong dnsbl RESOLVERS=127.0.0.1@0 'RESOLVERS: 127.0.0.1@0: not a port'
	wrong dnsbl RESOLVERS=127.0.0.1@65536 'RESOLVERS: 127.0.0.1@65536: not a port'
	wrong dnsbl RESOLVERS=127.0.0.1@x 'RESOLVERS: 127.0.0.1@x: not a port'
	# In words of the library, and in one line.
	run env -i 'DATABASE=redis://127.0.0.1:6379/0?speed=9' "$HANDLERS/greylist" </dev/null
	[ "$status" -eq 1 ]
	[[ $output == 'DATABASE: '*speed* ]]
	[ "${#lines[@]}" -eq 1 ]
	printf '%s\n' '# a, comment,' '192.0.2.1,' >"$WORK/list"
	wrong greylist "ALLOW_CLIENTS=$WORK/list" \
	    "ALLOW_CLIENTS: $WORK/list:2: 192.0.2.1,: $comma"
}

@test "lists and rules that editors on other systems have written" {
	printf '\357\273\277192.0.2.7\r\n' >"$WORK/list"
	chmod 644 "$WORK/list"
	serve greylist "DATABASE=$STATE/greylist.db" "ALLOW_CLIENTS=$WORK/list"
	sent 0 $A
	printf '\357\273\277helo bad -> reject\r\n' >"$WORK/rules"
	serve -n rules quarantine "RULES=$WORK/rules"
	SOCK=$WORK/sock.rules sent 1 -H bad
}

@test "greylist, SQLite: without its directory mail passes, and the log says what to do" {
	BACKEND=sqlite
	serve greylist "DATABASE=$STATE/sub/greylist.db"
	sent 0 $A
	sent 0 $A
	wait_log "install -d -o ${HANDLER_USER:-$(id -un)} -m 0700 $STATE/sub"
	# Once for a while, not for each mail; and it is used when it is there.
	[ "$(grep -c 'install -d' "$DAEMON_LOG")" -eq 1 ]
	mkdir "$STATE/sub"
	[ -z "$HANDLER_USER" ] || chown "$HANDLER_USER" "$STATE/sub"
	sent 75 $A
}

@test "greylist, SQLite: a damaged file passes mail, or what ON_TROUBLE says" {
	printf '%s\n' 'this is no database, and long enough to be seen as none' \
	    >"$STATE/greylist.db"
	serve greylist "DATABASE=$STATE/greylist.db"
	sent 0 $A
	wait_log 'file is not a database'
	stop_daemon d
	serve -n two greylist "DATABASE=$STATE/greylist.db" 'ON_TROUBLE=tempfail 451 4.3.0 Later'
	SOCK=$WORK/sock.two sent 75 $A
	[[ $output == *'451 4.3.0 Later'* ]]
}

@test "greylist, Redis: without it mail passes, and it is found again" {
	use redis
	serve greylist "DATABASE=$DATABASE"
	sent 75 $A
	stop_daemon redis
	sent 0 $A
	sent 0 $A
	wait_log 'the Redis: '
	[ "$(daemon_log | grep -c 'the Redis')" -eq 1 ]
	start_redis
	wait_for greylisted_again
}

@test "greylist, Redis: one that says nothing is asked once, and mail passes" {
	use redis
	serve greylist "DATABASE=$DATABASE"
	sent 75 $A
	kill -s STOP "$(cat "$DAEMONS/redis/pid")"
	sent 0 $A
	wait_log 'the Redis: '
	kill -s CONT "$(cat "$DAEMONS/redis/pid")"
	wait_for greylisted_again
}

@test "Redis: mail waits no longer than a second for one that is away" {
	run -0 env PYTHONPATH="$TOP_DIR/libraries" /usr/bin/python3 - <<-'END'
		from pipemilter_redis import Redis
		asked = Redis("redis://192.0.2.1:6379/0", "return 1")._script.registered_client
		limits = asked.connection_pool.connection_kwargs
		assert limits["socket_timeout"] <= 1 and limits["socket_connect_timeout"] <= 1, limits
		assert not limits.get("retry_on_timeout"), limits
	END
}

greylisted_again() {
	send $A
	[ "$status" -eq 75 ]
}

@test "greylist, SQLite: several processes and daemons at the same time" {
	use sqlite
	serve greylist "DATABASE=$DATABASE" AUTO_ALLOW=50
	serve -n two greylist "DATABASE=$DATABASE" AUTO_ALLOW=50
	all_at_once
	[ "$(sql greylist.db 'SELECT count(*), min(passed), max(passed) FROM mail')" = '1|1|1' ]
	[ "$(sql greylist.db 'SELECT client, passed FROM client')" = '192.0.2.0/24|1' ]
	run ! grep -F 'database' "$DAEMONS"/*/log
}

@test "greylist, Redis: two daemons share one" {
	use redis
	serve greylist "DATABASE=$DATABASE" AUTO_ALLOW=50
	serve -n two greylist "DATABASE=$DATABASE" AUTO_ALLOW=50
	all_at_once
	[ "$(redis KEYS 'greylist:*' | wc -l)" -eq 2 ]
	[ "$(redis GET greylist:client:192.0.2.0/24)" = 1 ]
}

# The first tries and the first ones let through, from both sides at once: it is
# the same mail, and lets through once.
all_at_once() {
	local status

	for status in tempfailed delivered; do
		crowd "$SOCK" 25 >"$WORK/one" &
		crowd "$WORK/sock.two" 25 >"$WORK/other"
		wait "$!"
		cat "$WORK/one" "$WORK/other"
		grep -F "$status 25" "$WORK/one"
		grep -F "$status 25" "$WORK/other"
		age 400
	done
}

# crowd SOCKET NUMBER: so many messages, some of them at a time
crowd() {
	# shellcheck disable=SC2086
	"$MILTER_SEND" -s "unix:$1" $A -n "$2" -j 5 <"$WORK/message" || :
}

@test "a database that many processes make at once" {
	run -0 /usr/bin/python3 - "$WORK/libraries" "$STATE" <<-'END'
		import multiprocessing, sqlite3, sys
		sys.path.insert(0, sys.argv[1])
		from pipemilter_db import Database
		together = multiprocessing.Barrier(8)

		def work():
		    for n in range(30):
		        path = "%s/%d.db" % (sys.argv[2], n)
		        together.wait(60)
		        Database(path, "CREATE TABLE IF NOT EXISTS t (expires)", ["t"]).transaction(
		            lambda db, now: db.execute("INSERT INTO t VALUES (?)", (now + 1000,)))

		them = [multiprocessing.Process(target=work) for _ in range(8)]
		for one in them:
		    one.start()
		for one in them:
		    one.join()
		print([one.exitcode for one in them], [sqlite3.connect(
		    "%s/%d.db" % (sys.argv[2], n)).execute("SELECT count(*) FROM t").fetchone()[0]
		    for n in range(30)])
	END
	echo "$output"
	[ "$output" = "[0, 0, 0, 0, 0, 0, 0, 0] [$(printf '8, %.0s' {1..29})8]" ]
}

@test "greylist, SQLite: what is over goes away by itself" {
	use sqlite
	serve greylist "DATABASE=$DATABASE"
	sent 75 $A
	sql greylist.db 'UPDATE mail SET expires = 1'
	# Each process looks at first, and then once a minute.
	stop_daemon d
	serve -n two greylist "DATABASE=$DATABASE"
	SOCK=$WORK/sock.two sent 75 -f '<other@example.org>' -c 192.0.5.1
	[ "$(sql greylist.db 'SELECT client FROM mail')" = 192.0.5.0/24 ]
}

# dnsbl

# resolver: starts one with the zone on standard input; $RESOLVER is its address
resolver() {
	cat >"$WORK/zone"
	PORT=$(free_port)
	RESOLVER=127.0.0.1@$PORT
	mkdir -p "$DAEMONS/dns"
	: >"$WORK/asked"
	keep_daemon dns python3 "$LIB_DIR/peers/dns_server.py" "$PORT" "$WORK/zone" "$WORK/asked"
	wait_for tcp_listens "$PORT"
}

stop_resolver() {
	# Python ends by the signal.
	stop_daemon dns TERM 143
}

@test "dnsbl: who is listed is refused, with the reason" {
	resolver <<-'END'
		7.2.0.192.bl.test A 127.0.0.2
		7.2.0.192.bl.test TXT 100% spam\r\nsee {zone} http://bl.test/
		8.2.0.192.bl.test A 127.0.0.3
		1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test A 127.0.0.2
		9.2.0.192.bl.test A 127.0.0.1
		10.2.0.192.bl.test A 127.255.255.254
		11.2.0.192.bl.test A 198.51.100.1
		12.2.0.192.bl.test TXT only a text
		1.0.0.10.bl.test A 127.0.0.2
		1.0.0.127.bl.test A 127.0.0.2
	END
	serve dnsbl ZONES=bl.test "RESOLVERS=$RESOLVER" 'ALLOW_CLIENTS=192.0.2.8/32 *.good.example'
	sent 1 -c 192.0.2.7
	[[ $output == *'554 5.7.1 Client 192.0.2.7 is listed by bl.test: 100% spam??see {zone} http://bl.test/'* ]]
	sent 1 -c 2001:db8::1
	[[ $output == *'554 5.7.1 Client 2001:db8::1 is listed by bl.test: listed'* ]]
	sent 0 -c 2001:db8::2
	sent 0 -c 192.0.2.1
	# Answers that don't mean listed: the test entry, refused questions, what
	# a list that was given up says of everybody, no address at all.
	sent 0 -c 192.0.2.9
	sent 0 -c 192.0.2.10
	sent 0 -c 192.0.2.11
	sent 0 -c 192.0.2.12
	# Clients that the handler does not look up
	: >"$WORK/asked"
	sent 0 -c 192.0.2.8
	sent 0 -c 10.0.0.1
	sent 0 -c 127.0.0.1
	sent 0 -c fd00::1
	sent 0 -c unix:/run/x
	sent 0 -c 192.0.2.7 -h mx.good.example
	sent 0 -c 192.0.2.7 -m '{auth_authen}=alice'
	[ ! -s "$WORK/asked" ]
	# The answer is remembered.
	sent 1 -c 192.0.2.7
	[ ! -s "$WORK/asked" ]
	stop_resolver
}

@test "dnsbl: answers that count, scores, headers" {
	resolver <<-'END'
		7.2.0.192.one.test A 127.0.0.2,127.0.0.9
		7.2.0.192.two.test A 127.0.1.5
		8.2.0.192.one.test A 127.0.0.5
		8.2.0.192.two.test A 127.0.1.5
		9.2.0.192.one.test A 127.0.0.3
		9.2.0.192.two.test A 127.0.1.6
		10.2.0.192.one.test A 127.0.0.11
	END
	serve dnsbl 'ZONES=one.test=127.0.0.2,127.0.0.4-11*2 two.test.=127.0.1.5' \
	    THRESHOLD=3 HEADER=X-DNSBL "RESOLVERS=$RESOLVER" \
	    'ANSWER=tempfail 450 4.7.1 {address} {zone} {score}\n{reason}{nothing}'
	sent 75 -c 192.0.2.7
	[[ $output == *'450-4.7.1 192.0.2.7 one.test 3'*'{nothing}'* ]]
	sent 75 -c 192.0.2.8
	sent 0 -c 192.0.2.9
	run ! grep -a '^X-DNSBL' "$WORK/delivered"
	sent 0 -c 192.0.2.10
	grep -a '^X-DNSBL: one.test score=2' "$WORK/delivered"
	stop_resolver
}

@test "dnsbl: no trouble with the DNS refuses mail, or costs much" {
	resolver <<-'END'
		*.silent.test SILENT
		*.servfail.test SERVFAIL
		*.refused.test REFUSED
		*.wrongid.test WRONGID
		*.wrongid.test A 127.0.0.2
		*.garbage.test GARBAGE
		*.lossy.test LOST
		7.2.0.192.lossy.test A 127.0.0.2
		7.2.0.192.lossy.test LOST
		7.2.0.192.big.test TRUNCATED
		7.2.0.192.big.test A 127.0.0.2
	END
	serve dnsbl 'ZONES=silent.test servfail.test refused.test wrongid.test garbage.test big.test lossy.test' \
	    THRESHOLD=2 'ANSWER=reject {score} by {zone}' HEADER=X-DNSBL \
	    TIMEOUT=1s "RESOLVERS=$RESOLVER"
	sent 0 -c 192.0.2.8
	sent 0 -c 192.0.2.9
	# The handler itself answered, before its timeout.
	run ! grep -E 'on-(failure|timeout|overload) =' "$DAEMON_LOG"
	wait_log 'wrongid.test: '
	wait_log 'silent.test: '
	wait_log 'not asked for 60 seconds'
	# The lists that failed are left alone for now. The large answer has come by TCP, and the
	# lost question has been asked again.
	: >"$WORK/asked"
	sent 1 -c 192.0.2.7
	[[ $output == *'2 by big.test'* ]]
	grep -qxF '7.2.0.192.big.test A tcp' "$WORK/asked"
	[ "$(grep -cxF '7.2.0.192.lossy.test A udp' "$WORK/asked")" -eq 2 ]
	run ! grep -vE 'big.test|lossy.test' "$WORK/asked"
	stop_resolver
}

@test "dnsbl: nobody at the address of the resolver" {
	serve dnsbl ZONES=bl.test TIMEOUT=1s "RESOLVERS=127.0.0.1@$(free_port)"
	sent 0 -c 192.0.2.7
	sent 0 -c 192.0.2.8
	wait_log 'not asked for 60 seconds'
}

@test "dnsbl: what is wrong with the settings is said" {
	local setting

	for setting in ZONES= 'ZONES=a/b' 'ZONES=a=127.0.0.9-2' 'ZONES=a=1.2.3.4' 'ZONES=a=127.0.0' \
	    'ZONES=a*x' 'RESOLVERS=mx.example' 'HEADER=a:b' THRESHOLD=0 TIMEOUT=1; do
		run env -i ZONES=a "$setting" "$HANDLERS/dnsbl" </dev/null
		[ "$status" -eq 1 ]
		[[ $output == *"${setting%%=*}"* ]]
		[ "${#lines[@]}" -eq 1 ]
	done
	run env -i ZONES=a /usr/bin/python3 -I -c '
import runpy, sys
sys.modules["dns"] = sys.modules["dns.exception"] = None
runpy.run_path(sys.argv[1])' "$HANDLERS/dnsbl" </dev/null
	[ "$status" -eq 1 ]
	[[ $output == *'apt-get install python3-dnspython' ]]
}

# rate-limit

R="-f <alice@example.org> -c 192.0.2.7"

# limit_in BACKEND: where rate-limit counts
limit_in() {
	BACKEND=$1
	LIMITS=$STATE/rate-limit.db
	[ "$BACKEND" = sqlite ] || { start_redis; LIMITS=unix://$WORK/redis.sock; }
}

# past SECONDS: lets time pass
past() {
	local key entries

	if [ "$BACKEND" = redis ]; then
		for key in $(redis KEYS 'rate-limit:*'); do
			mapfile -t entries < <(redis LRANGE "$key" 0 -1 |
			    awk -v past="$1" '{ print $1 - past, $2 }')
			redis DEL "$key"
			redis RPUSH "$key" "${entries[@]}"
		done >"$WORK/past"
		return
	fi
	sql rate-limit.db "UPDATE sent SET time = time - $1, expires = expires - $1"
}

limits_messages() {
	serve rate-limit "DATABASE=$LIMITS" 'MESSAGES=3/10m 4/1d'
	sent 0 $R
	past 300
	sent 0 $R
	sent 0 $R
	sent 75 $R
	[[ $output =~ '451 4.7.1 Too much mail, try again in '([0-9]+)' seconds' ]]
	[ "${BASH_REMATCH[1]}" -gt 200 ] && [ "${BASH_REMATCH[1]}" -le 300 ]
	# Another sender
	sent 0 -f '<bill@example.org>' -c 192.0.2.7
	past 310
	sent 0 $R
	# Now the limit of the day
	sent 75 $R
	[[ $output =~ 'again in '85[67][0-9][0-9]' seconds' ]]
	past 90000
	sent 0 $R
}

@test "rate-limit, SQLite: messages, in the time just past" {
	limit_in sqlite
	limits_messages
	# Refused messages are not counted, and expired rows are removed.
	stop_daemon d
	sql rate-limit.db 'UPDATE sent SET expires = 1'
	serve -n two rate-limit "DATABASE=$LIMITS" 'MESSAGES=3/10m'
	SOCK=$WORK/sock.two sent 0 $R
	[ "$(sql rate-limit.db 'SELECT count(*) FROM sent')" = 1 ]
}

@test "rate-limit, Redis: messages, in the time just past" {
	local key

	limit_in redis
	limits_messages
	# Refused messages are not counted, and what is over goes: one message of each sender.
	[ "$(redis KEYS 'rate-limit:*' | wc -l)" -eq 2 ]
	for key in $(redis KEYS 'rate-limit:*'); do
		[[ $key =~ ^rate-limit:[0-9a-f]{64}$ ]]
		[ "$(redis LLEN "$key")" -eq 1 ]
	done
	redis FLUSHALL
	sent 0 $R
	[ "$(redis TTL "$(redis KEYS '*')")" -gt 80000 ]
}

limits_recipients() {
	serve rate-limit "DATABASE=$LIMITS" 'RECIPIENTS=3/1h' \
	    'ANSWER=reject 550 5.7.1 Not more than {limit}, wait {minutes} minutes'
	# The fourth is refused, the message goes to three.
	sent 0 $R -r '<a@x.net>' -r '<b@x.net>' -r '<c@x.net>' -r '<d@x.net>'
	[[ $output == *'<d@x.net>: 550 5.7.1 Not more than 3/1h, wait 60 minutes'* ]]
	[[ $output == *'delivered to 3'* ]]
	counted 3
	sent 1 $R -r '<a@x.net>'
	past 3500
	sent 1 $R -r '<a@x.net>'
	[[ $output =~ 'wait '[12]' minutes' ]]
	past 110
	sent 0 $R -r '<a@x.net>' -r '<b@x.net>'
	sent 0 $R -r '<a@x.net>'
	sent 1 $R -r '<a@x.net>'
}

# counted RECIPIENTS: of the only message that was counted
counted() {
	if [ "$BACKEND" = redis ]; then
		[[ $(redis LRANGE "$(redis KEYS 'rate-limit:*')" 0 -1) =~ ^[0-9]+\ $1$ ]]
	else
		[ "$(sql rate-limit.db 'SELECT recipients FROM sent')" = "$1" ]
	fi
}

@test "rate-limit, SQLite: recipients, of messages that came in whole" {
	limit_in sqlite
	limits_recipients
}

@test "rate-limit, Redis: recipients, of messages that came in whole" {
	limit_in redis
	limits_recipients
}

@test "rate-limit, Redis: hostile names, and a prefix" {
	limit_in redis
	serve rate-limit "DATABASE=$LIMITS" MESSAGES=1/1h PREFIX=mine:
	sent 0 -f $'<a\xff*?[\\x]@example.org>' -c 192.0.2.7
	sent 75 -f $'<a\xff*?[\\x]@example.org>' -c 192.0.2.7
	sent 0 -f $'<a\xfe*?[\\x]@example.org>' -c 192.0.2.7
	[ "$(redis KEYS 'mine:*' | wc -l)" -eq 2 ]
	[ "$(redis DBSIZE)" -eq 2 ]
}

@test "rate-limit, Redis: without it mail passes, and it is found again" {
	limit_in redis
	serve rate-limit "DATABASE=$LIMITS" MESSAGES=1/1h
	sent 0 $R
	sent 75 $R
	stop_daemon redis
	sent 0 $R
	wait_log 'the Redis: '
	# What was counted is gone with it.
	start_redis
	wait_for limited_again
}

limited_again() {
	send $R
	[ "$status" -eq 75 ]
}

@test "rate-limit: who is counted" {
	serve rate-limit "DATABASE=$STATE/rate-limit.db" MESSAGES=1/1h \
	    'ALLOW_LOGINS=root bot-*' ALLOW_SENDERS=trusted.example
	sent 0 -f '<a@example.org>' -c 192.0.2.7 -m '{auth_authen}=Carol'
	# The name of the login counts, whatever the address and the client are.
	sent 75 -f '<b@example.org>' -c 192.0.2.8 -m '{auth_authen}=carol'
	sent 0 -f '<a@example.org>' -c 192.0.2.7
	sent 75 -f '<A@EXAMPLE.org>' -c 192.0.2.8
	sent 0 -f '<>' -c 192.0.2.7
	sent 75 -f '<>' -c 192.0.2.7
	sent 0 -f '<>' -c 192.0.2.8
	sent 0 -f '<a@example.org>' -m '{auth_authen}=bot-7'
	sent 0 -f '<a@example.org>' -m '{auth_authen}=bot-7'
	sent 0 -f '<a@trusted.example>' -c 192.0.2.7
	sent 0 -f '<a@trusted.example>' -c 192.0.2.7
	# SQL in an address is text.
	sent 0 -f "<x'; DROP TABLE sent;--@example.org>" -c 192.0.2.7
	sent 75 -f "<x'; DROP TABLE sent;--@example.org>" -c 192.0.2.7
	sent 0 -f $'<\xff@example.org>' -c 192.0.2.7
	sent 75 -f $'<\xff@example.org>' -c 192.0.2.7
	stop_daemon d
	rm -f "$STATE"/*
	serve -n two rate-limit "DATABASE=$STATE/rate-limit.db" MESSAGES=1/1h BY=client IPV4_BITS=24
	SOCK=$WORK/sock.two
	sent 0 -f '<a@example.org>' -c 192.0.2.7
	sent 75 -f '<b@example.org>' -c 192.0.2.8
	sent 0 -f '<b@example.org>' -c 192.0.3.8
	stop_daemon two
	rm -f "$STATE"/*
	serve -n three rate-limit "DATABASE=$STATE/rate-limit.db" MESSAGES=1/1h BY=domain
	SOCK=$WORK/sock.three
	sent 0 -f '<a@example.org>' -c 192.0.2.7
	sent 75 -f '<b@Example.org>' -c 192.0.3.8
	sent 0 -f '<b@example.com>' -c 192.0.3.8
	stop_daemon three
	serve -n four rate-limit "DATABASE=$STATE/rate-limit.db" MESSAGES=1/1h BY=login
	SOCK=$WORK/sock.four
	sent 0 -f '<a@example.org>' -c 192.0.2.7
	sent 0 -f '<a@example.org>' -c 192.0.2.7
	sent 0 -f '<a@example.org>' -m '{auth_authen}=dave'
	sent 75 -f '<a@example.org>' -m '{auth_authen}=dave'
}

limits_exactly() {
	local total

	serve rate-limit "DATABASE=$LIMITS" MESSAGES=200/1h
	serve -n two rate-limit "DATABASE=$LIMITS" MESSAGES=200/1h
	crowd "$SOCK" 150 >"$WORK/one" &
	crowd "$WORK/sock.two" 150 >"$WORK/other"
	wait "$!"
	cat "$WORK/one" "$WORK/other"
	total=$(sed -n 's/^delivered \([0-9]*\),.*/\1/p' "$WORK/one" "$WORK/other" |
	    awk '{ n += $1 } END { print n }')
	[ "$total" -eq 200 ]
	run ! grep -E 'database|the Redis' "$DAEMONS"/*/log
}

@test "rate-limit, SQLite: exact with several processes and daemons at the same time" {
	limit_in sqlite
	limits_exactly
	[ "$(sql rate-limit.db 'SELECT count(*) FROM sent')" = 200 ]
}

@test "rate-limit, Redis: exact with two daemons that share one" {
	limit_in redis
	limits_exactly
	[ "$(redis LLEN "$(redis KEYS '*')")" = 200 ]
}

@test "rate-limit: trouble, and wrong settings" {
	local setting

	serve rate-limit "DATABASE=$STATE/sub/rate-limit.db" MESSAGES=1/1h
	sent 0 $R
	sent 0 $R
	wait_log "install -d -o ${HANDLER_USER:-$(id -un)} -m 0700 $STATE/sub"
	for setting in MESSAGES= MESSAGES=3 MESSAGES=0/1h RECIPIENTS=3/x BY=nobody IPV6_BITS=1; do
		run env -i MESSAGES=1/1h "$setting" "$HANDLERS/rate-limit" </dev/null
		[ "$status" -eq 1 ]
		[[ $output == *"${setting%%=*}"* ]]
		[ "${#lines[@]}" -eq 1 ]
	done
}

# authentication-results

@test "authentication-results: what claims to be ours goes, the rest stays" {
	cat >"$WORK/message" <<-'END'
		From: a@example.org
		Authentication-Results: mail.example.org; spf=pass n=1
		Authentication-Results: other.example; spf=pass n=2
		AUTHENTICATION-RESULTS: MAIL.Example.ORG 1; spf=pass n=3
		Authentication-Results: (a \( comment (nested))
		 mail.example.org (more)
		  1 ; spf=pass n=4
		Authentication-Results: "mail.\example.org"; spf=pass n=5
		Authentication-Results: mail.example.org 99; none n=6
		Authentication-Results: mail.example.org.evil.example; spf=pass n=7
		Authentication-Results: mail.example.org
		ARC-Authentication-Results: i=1; mail.example.org; spf=pass n=9
		X-Authentication-Results: mail.example.org; spf=pass n=10
		Authentication-Results: evil.example mail.example.org; spf=pass n=11
		Authentication-Results: (mail.example.org; spf=pass n=12
		Authentication-Results: spf=pass smtp.mailfrom=example.com; n=13
		Authentication-Results: a.mx.example.org; spf=pass n=14
		Authentication-Results: evil.example; x=mail.example.org n=15
		Authentication-Results: evil.example (mail.example.org); spf=pass n=16
		Authentication-Results: mail.example.org/1; spf=pass n=17
		Authentication-Results: xn--bcher-kva.example; spf=pass n=18
		Authentication-Results: bücher.example; spf=pass n=19
		Authentication-Results: ; n=20 other
		Authentication-Results: mail.example.org; spf=pass n=21
		Authentication-Results: (a (nested) mail.example.org) other.example; n=22
		Authentication-Results: other.example 1 (mail.example.org) ; n=23

		one
	END
	serve authentication-results \
	    'AUTHSERV_IDS=Mail.example.org *.mx.example.org bücher.example' \
	    'TRUSTED_CLIENTS=198.51.100.0/24'
	sent 0 -c 192.0.2.7
	[ "$(kept)" = '2 7 9 10 13 15 16 20 22 23' ]
	# A header without a value is also removed.
	[ "$(grep -ac '^Authentication-Results: mail.example.org.$' "$WORK/delivered")" -eq 0 ]
	# A client that has logged in is outside; one of our servers is not.
	sent 0 -c 192.0.2.7 -m '{auth_authen}=mallory'
	[ "$(kept)" = '2 7 9 10 13 15 16 20 22 23' ]
	sent 0 -c 198.51.100.1
	[ "$(kept)" = '1 2 3 4 5 6 7 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23' ]
	sent 0 -c unix:/run/x
	[ "$(kept)" = '1 2 3 4 5 6 7 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23' ]
	# The count begins again with the next message of a session.
	run -0 "$MILTER_SEND" -s "unix:$SOCK" -n 10 -j 2 -M 5 -c 192.0.2.7 <"$WORK/message"
	stop_daemon d
	[ "$(grep -o delete-header "$DAEMON_LOG" | wc -l)" -eq $((12 * 13)) ]
	run ! log_has 'failed'
}

kept() {
	sed -n 's/.*\bn=\([0-9]*\).*/\1/p' "$WORK/delivered" | xargs
}

@test "authentication-results: the name of the MTA, and all of them" {
	cat >"$WORK/message" <<-'END'
		Authentication-Results: mx.example.org; n=1
		Authentication-Results: other.example; n=2

		one
	END
	serve authentication-results
	sent 0 -c 192.0.2.7 -m 'j=MX.example.org'
	[ "$(kept)" = 2 ]
	sent 0 -c 127.0.0.1 -m 'j=mx.example.org'
	[ "$(kept)" = '1 2' ]
	stop_daemon d
	serve -n two authentication-results ALL=yes
	SOCK=$WORK/sock.two sent 0 -c 192.0.2.7
	[ "$(kept)" = '' ]
}

# quarantine

@test "quarantine: rules" {
	cat >"$WORK/rules" <<-'END'
		# a comment
		client 203.0.113.0/24 -> pass

		client *.dyn.example -> tag X-Suspect: dynamic -> host
		client 2001:db8::/32 -> quarantine From there
		helo LOCALHOST -> reject 550 5.7.2 You are not
		sender *@spam.example -> reject
		sender <> -> tag X-Bounce: yes
		recipient press.example.org -> tag X-Directory: press
		recipient late@example.org -> tempfail
		header Subject: *Make  money* -> quarantine Money
		header X-Mailer : bulk* -> quarantine
		header Subject: lost -> discard
	END
	serve quarantine "RULES=$WORK/rules"
	sent 0 -v -c 192.0.2.7
	[[ $output != *quarantine* ]]
	sent 0 -c 192.0.2.7 -h pc.dyn.example
	grep -a '^X-Suspect: dynamic -> host' "$WORK/delivered"
	sent 0 -v -c 2001:db8::1
	[[ $output == *'quarantine From there'* ]]
	sent 1 -c 192.0.2.7 -H localhost
	[[ $output == *'550 5.7.2 You are not'* ]]
	sent 1 -c 192.0.2.7 -f '<x@SPAM.example>'
	[[ $output == *'550 5.7.1 Message refused'* ]]
	sent 0 -c 203.0.113.9 -f '<x@spam.example>'
	sent 0 -c 192.0.2.7 -f '<>' -r '<a@example.org>' -r '<b@press.example.org>'
	grep -a '^X-Bounce: yes' "$WORK/delivered"
	grep -a '^X-Directory: press' "$WORK/delivered"
	sent 75 -c 192.0.2.7 -r '<a@example.org>' -r '<Late@example.org>'
	printf '%s\n' 'Subject: how to' '	make  MONEY fast' '' x >"$WORK/message"
	sent 0 -v -c 192.0.2.7
	[[ $output == *'quarantine Money'* ]]
	printf '%s\n' 'SUBJECT: =?utf-8?b?TWFrZSBtb25leQ==?=' '' x >"$WORK/message"
	sent 0 -v -c 192.0.2.7
	[[ $output == *'quarantine Money'* ]]
	printf '%s\n' 'Subject: =?utf-9?b?TWFrZSBtb25leQ==?= =?utf-8?b?T?= =?x' 'X-Mailer: bulk mailer' '' x \
	    >"$WORK/message"
	sent 0 -v -c 192.0.2.7
	[[ $output == *'quarantine Kept back by a rule'* ]]
	printf '%s\n' 'Subject: lost' '' x >"$WORK/message"
	sent 99 -c 192.0.2.7
	run ! log_has 'failed'
}

@test "quarantine: a file that is wrong is said, by line" {
	cat >"$WORK/rules" <<-'END'
		client 192.0.2.1 -> pass
		client 192.0.2.1/24 -> pass
		sender a b -> pass
		colour red -> pass
		header Subject *x* -> pass
		header Subject: -> pass
		helo x
		helo x -> explode
		helo x -> tag X-Y z
		helo x -> pass on
	END
	run -1 "$HANDLERS/quarantine" -n "$WORK/rules"
	[ "${#lines[@]}" -eq 9 ]
	[[ ${lines[0]} == "$WORK/rules:2: 192.0.2.1/24 has host bits set; expected 192.0.2.0/24" ]]
	[[ ${lines[1]} == "$WORK/rules:3: more than one pattern: a b" ]]
	[[ ${lines[2]} == "$WORK/rules:4: unknown field: colour" ]]
	[[ ${lines[3]} == "$WORK/rules:5: header without NAME: and a pattern" ]]
	[[ ${lines[4]} == "$WORK/rules:6: no pattern" ]]
	[[ ${lines[5]} == "$WORK/rules:7: no -> between pattern and action" ]]
	[[ ${lines[6]} == "$WORK/rules:8: unknown action: explode" ]]
	[[ ${lines[7]} == "$WORK/rules:9: tag without NAME: VALUE" ]]
	[[ ${lines[8]} == "$WORK/rules:10: nothing may follow pass" ]]
	run -1 "$HANDLERS/quarantine" -n "$WORK/missing"
	run -1 "$HANDLERS/quarantine" -x
	printf '%s\n' 'helo bad -> reject' >"$WORK/rules"
	run -0 "$HANDLERS/quarantine" -n "$WORK/rules"
	[ -z "$output" ]
	serve quarantine "RULES=$WORK/rules"
	sent 1 -H bad
	# A file that becomes wrong changes nothing; one that is right does.
	printf '%s\n' 'hello bad -> reject' >"$WORK/rules.new"
	mv "$WORK/rules.new" "$WORK/rules"
	sent 1 -H bad
	wait_log "$WORK/rules:1: unknown field: hello"
	printf '%s\n' 'helo worse -> reject' >"$WORK/rules.new"
	mv "$WORK/rules.new" "$WORK/rules"
	sent 0 -H bad
	sent 1 -H worse
}

# hostile SCOPE EVENTS HANDLER VARIABLE=VALUE ...
hostile() {
	local scope=$1 events=$2 name=$3

	shift 3
	env -i LC_ALL=C PIPEMILTER_HANDLER="$name" "$@" /usr/bin/python3 "$LIB_DIR/handlers/hostile.py" \
	    "$scope" "$events" "$HANDLERS/$name"
}

@test "hostile values neither end a process nor speak for it" {
	mkdir "$WORK/empty"
	cd "$WORK/empty"
	printf '%s\n' 'client *[a-c]* -> tag X-A: b' 'helo {* -> tag X-B: c' 'sender *;* -> tag X-C: d' \
	    'recipient *%* -> quarantine' 'header Subject: *=* -> quarantine x' >"$WORK/rules"
	hostile event rcpt greylist "DATABASE=$STATE/g.db" "ALLOW_CLIENTS=*x.*" \
	    ALLOW_SENDERS=x.example
	hostile event rcpt,end-of-message rate-limit "DATABASE=$STATE/r.db" MESSAGES=3/1h
	hostile event mail dnsbl ZONES=bl.test TIMEOUT=1s 'ALLOW_CLIENTS=192.0.2.7'
	hostile message report:header,end-of-headers authentication-results \
	    'AUTHSERV_IDS=a *.example'
	hostile message report:header,end-of-headers authentication-results
	hostile message report:header,end-of-headers quarantine "RULES=$WORK/rules"
	[ -z "$(ls)" ]
}

# tortured HANDLER VARIABLE=VALUE ...: as its section shows it
tortured() {
	local name=$1 option options=()

	while IFS= read -r option; do
		case $option in
		events*) options+=(-e "$(tr -d ' {}' <<<"${option#*=}")") ;;
		handler*|command*|on-failure*) ;;
		*) options+=(-o "$option") ;;
		esac
	done < <(section "$@" | tr -s '\t' ' ' |
	    awk '/^ [a-z-]+ *=/ { if (o) print substr(o, 2); o = $0; next }
		/^ [^}]/ { o = o $0 } END { print substr(o, 2) }')
	if [ -n "$ENGINE_USER" ]; then
		options+=(-o "engine-user = $ENGINE_USER" -o "handler-user = $HANDLER_USER")
	fi
	echo "$name: ${options[*]}"
	run -0 "$MILTER_SEND" --torture "${options[@]}" -x "$HANDLERS/$name" </dev/null
	[[ ${lines[-1]} =~ ^[1-9][0-9]*' things tried, 0 wrong'$ ]]
}

@test "torture finds nothing wrong" {
	printf '%s\n' 'client *.test -> tag X-A: b' 'header Subject: *=* -> quarantine x' >"$WORK/rules"
	tortured greylist "DATABASE=$STATE/g.db"
	tortured rate-limit "DATABASE=$STATE/r.db" MESSAGES=100/1h RECIPIENTS=200/1h
	tortured dnsbl ZONES=bl.test 'ALLOW_CLIENTS=0.0.0.0/0 ::/0'
	tortured quarantine "RULES=$WORK/rules"
	tortured authentication-results AUTHSERV_IDS=mail.example.org
	tortured plus-address 'DOMAINS=*' HEADER=X-Original-To
}
