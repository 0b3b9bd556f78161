/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/explain_mta.c: the lines for the configuration of an MTA. Each
 * function prints one paragraph without an empty line that the MTA accepts as
 * it is: everything else in it is a comment.
 */
#include "base/compat.h"

#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>
#include <string.h>

#include "pipemilter/explain.h"

#define POSTFIX_QUEUE	"/var/spool/postfix/"	/* the default queue_directory */
#define ADDRESS_MAX	256
#define UNKNOWN		"ADDRESS"		/* for the reader to replace */
/* Bytes that have no meaning of their own in main.cf or in m4. */
#define PLAIN_BYTES	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:"

/* Seconds that the MTA should wait: longer than we do. */
struct patience {
	unsigned int	 event, message;
};

static const char *
socket_path(const struct listen_conf *l)
{
	return ((const struct sockaddr_un *)(const void *)&l->addr.ss)->sun_path;
}

static int
is_wildcard(const struct listen_conf *l)
{
	const struct sockaddr_in	*sin = (const void *)&l->addr.ss;
	const struct sockaddr_in6	*sin6 = (const void *)&l->addr.ss;

	if (l->addr.ss.ss_family == AF_INET)
		return sin->sin_addr.s_addr == htonl(INADDR_ANY);
	return l->addr.ss.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&sin6->sin6_addr);
}

/* 1 if an MTA on this host may connect to a wildcard address. */
static int
allows_loopback(const struct listen_conf *l)
{
	const char	*why;
	struct netaddr	 a;

	return netaddr_parse(l->addr.ss.ss_family == AF_INET ? "inet:1@127.0.0.1" :
	    "inet6:1@::1", &a, &why) == 0 && netaddr_in_networks(l->allow, l->nallow, &a);
}

/* 1 if nothing here tells by which address the MTA reaches the listener. */
static int
is_elsewhere(const struct listen_conf *l)
{
	return is_wildcard(l) && !allows_loopback(l);
}

/* The host that the MTA connects to, and its port. Text is room for the host. */
static const char *
host_of(const struct listen_conf *l, unsigned int *port, char text[INET6_ADDRSTRLEN])
{
	const struct sockaddr_in	*sin = (const void *)&l->addr.ss;
	const struct sockaddr_in6	*sin6 = (const void *)&l->addr.ss;

	if (l->addr.ss.ss_family == AF_INET) {
		*port = ntohs(sin->sin_port);
		if (is_wildcard(l))
			return is_elsewhere(l) ? UNKNOWN : "127.0.0.1";
		return inet_ntop(AF_INET, &sin->sin_addr, text, INET6_ADDRSTRLEN);
	}
	*port = ntohs(sin6->sin6_port);
	if (is_wildcard(l))
		return is_elsewhere(l) ? UNKNOWN : "::1";
	return inet_ntop(AF_INET6, &sin6->sin6_addr, text, INET6_ADDRSTRLEN);
}

static int
is_postfix_socket(const struct listen_conf *l)
{
	return l->addr.ss.ss_family == AF_UNIX &&
	    strncmp(socket_path(l), POSTFIX_QUEUE, strlen(POSTFIX_QUEUE)) == 0;
}

/*
 * Writes the address as Postfix or as others have it. Returns 0 if the path of
 * a socket can't be written there.
 */
static int
address_for(const struct listen_conf *l, int postfix, char *out)
{
	const char	*path = socket_path(l), *host;
	char		 text[INET6_ADDRSTRLEN];
	size_t		 skip = 0;
	unsigned int	 port;

	if (l->addr.ss.ss_family == AF_UNIX) {
		if (path[strspn(path, PLAIN_BYTES)] != '\0')
			return 0;
		if (postfix && is_postfix_socket(l))
			skip = strlen(POSTFIX_QUEUE);
		(void)snprintf(out, ADDRESS_MAX, "unix:%s", path + skip);
		return 1;
	}
	host = host_of(l, &port, text);
	if (!postfix)
		(void)snprintf(out, ADDRESS_MAX, "inet%s:%u@%s",
		    l->addr.ss.ss_family == AF_INET6 ? "6" : "", port, host);
	else if (l->addr.ss.ss_family == AF_INET6)
		(void)snprintf(out, ADDRESS_MAX, "inet:[%s]:%u", host, port);
	else
		(void)snprintf(out, ADDRESS_MAX, "inet:%s:%u", host, port);
	return 1;
}

/*
 * An MTA needs one of the listeners with the same handlers: Postfix the one in
 * its queue directory, another MTA any other. Returns the index of that
 * listener.
 */
static size_t
chosen(const struct conf *conf, size_t index, int postfix)
{
	size_t	 i, first = conf->nlistens;

	for (i = 0; i < conf->nlistens; i++) {
		if (!explain_same_handlers(conf, i, index))
			continue;
		if (is_postfix_socket(&conf->listens[i]) == postfix)
			return i;
		if (first == conf->nlistens)
			first = i;
	}
	return first;
}

/*
 * 1 if the handler answers rcpt. cleanup(8) can't refuse one recipient of a
 * local message: the message would stay in the queue.
 */
static int
answers_rcpt(const struct handler_conf *h)
{
	return ((h->events | h->optional_events) & EV_BIT(EV_RCPT)) != 0 && !h->shadow;
}

static int
any_answers_rcpt(const struct conf *conf, const struct listen_conf *l)
{
	size_t	 i;

	for (i = 0; i < l->nhandlers; i++)
		if (answers_rcpt(&conf->handlers[l->handlers[i]]))
			return 1;
	return 0;
}

/*
 * 1 if an MTA's list may name this listener. local: a list for mail that does
 * not come by SMTP.
 */
static int
can_be_named(const struct conf *conf, size_t index, int postfix, int local)
{
	char	 address[ADDRESS_MAX];

	return chosen(conf, index, postfix) == index &&
	    address_for(&conf->listens[index], postfix, address) &&
	    !(local && any_answers_rcpt(conf, &conf->listens[index]));
}

static int
has_handler(const struct listen_conf *l, size_t handler)
{
	size_t	 i;

	for (i = 0; i < l->nhandlers; i++)
		if (l->handlers[i] == handler)
			return 1;
	return 0;
}

static int
has_all_of(const struct listen_conf *l, const struct listen_conf *other)
{
	size_t	 i;

	for (i = 0; i < other->nhandlers; i++)
		if (!has_handler(l, other->handlers[i]))
			return 0;
	return 1;
}

/*
 * The index of a listener that makes this one unnecessary, or nlistens. With
 * two listeners of which one has all handlers of the other, the MTA would
 * filter each message twice.
 */
static size_t
stands_for(const struct conf *conf, size_t index, int postfix, int local)
{
	const struct listen_conf	*l = &conf->listens[index], *other;
	size_t				 i;

	for (i = 0; i < conf->nlistens; i++) {
		other = &conf->listens[i];
		if (i == index || !can_be_named(conf, i, postfix, local) || !has_all_of(other, l))
			continue;
		/*
		 * The other one is for another host, but this one can be
		 * reached from here.
		 */
		if (is_elsewhere(other) && !is_elsewhere(l))
			continue;
		if (other->nhandlers > l->nhandlers || i < index)
			break;
	}
	return i;
}

static int
is_named(const struct conf *conf, size_t index, int postfix, int local)
{
	return can_be_named(conf, index, postfix, local) &&
	    stands_for(conf, index, postfix, local) == conf->nlistens;
}

static struct patience
patience_for(const struct conf *conf)
{
	struct patience	 p = { conf->event_timeout / 1000 + 20, conf->message_timeout / 1000 + 60 };

	if (p.event < 30)
		p.event = 30;
	if (p.message < 300)
		p.message = 300;
	return p;
}

/* Prints what to know of a listener before its address is used. c begins a comment. */
static void
print_notes(const struct conf *conf, size_t index, const char *c, int postfix)
{
	const struct listen_conf	*l = &conf->listens[index];
	size_t				 other = chosen(conf, index, postfix);
	size_t				 instead = stands_for(conf, index, postfix, 0);
	char				 address[ADDRESS_MAX];

	if (!address_for(l, postfix, address))
		printf("%s listen %s: a path of letters, digits and /._-+ is needed here\n",
		    c, l->spec);
	else if (other != index)
		printf("%s Another way to the handlers of %s: %s\n", c,
		    conf->listens[other].spec, address);
	else if (instead < conf->nlistens)
		printf("%s %s is %s: %s has its handlers, and with both each would be asked "
		    "twice\n", c, address, postfix && is_named(conf, index, postfix, 1) ?
		    "for local mail alone" : "left out", conf->listens[instead].spec);
	if ((is_named(conf, index, postfix, 0) || is_named(conf, index, postfix, 1)) && postfix &&
	    address_for(l, 1, address) && strncmp(address, "unix:/", 6) == 0)
		printf("%s %s is not found from a chroot (fifth column of master.cf)\n", c, address);
	if (is_elsewhere(l))
		printf("%s listen %s: `allow' has not loopback; put in for %s by which address the "
		    "MTA reaches this host\n", c, l->spec, UNKNOWN);
}

/* Prints the list of the listeners that it should name. */
static void
print_milters(const struct conf *conf, const char *name, int local)
{
	char	 address[ADDRESS_MAX];
	int	 n = 0;
	size_t	 i;

	printf("%s =", name);
	for (i = 0; i < conf->nlistens; i++) {
		if (!is_named(conf, i, 1, local))
			continue;
		(void)address_for(&conf->listens[i], 1, address);
		printf("%s %s", n++ == 0 ? "" : ",", address);
	}
	printf("\n");
}

/* How many of the named listeners have this handler. */
static size_t
times_named(const struct conf *conf, size_t handler, int postfix, int local)
{
	size_t	 i, times = 0;

	for (i = 0; i < conf->nlistens; i++)
		times += is_named(conf, i, postfix, local) &&
		    has_handler(&conf->listens[i], handler);
	return times;
}

/*
 * Prints the handlers of more than one named listener. local: without those
 * that the other list has told of.
 */
static void
print_twice(const struct conf *conf, const char *c, int postfix, int local)
{
	size_t	 h;
	int	 n = 0;

	for (h = 0; h < conf->nhandlers; h++) {
		if (times_named(conf, h, postfix, local) <= 1 ||
		    (local && times_named(conf, h, postfix, 0) > 1))
			continue;
		if (n++ == 0)
			printf("%s With all of these more than once is asked:", c);
		printf("%s %s", n == 1 ? "" : ",", conf->handlers[h].name);
	}
	printf("%s", n > 0 ? "\n" : "");
}

/* 1 if the handler is with a listener that local mail may use. */
static int
gets_local_mail(const struct conf *conf, size_t handler)
{
	const struct listen_conf	*l;
	size_t				 i;

	for (i = 0; i < conf->nlistens; i++) {
		l = &conf->listens[i];
		if (has_handler(l, handler) && !any_answers_rcpt(conf, l))
			return 1;
	}
	return 0;
}

/*
 * Prints the handlers that answer rcpt, or the others that local mail misses
 * without need.
 */
static int
print_handlers(const struct conf *conf, int of_rcpt, const char *before)
{
	int	 n = 0;
	size_t	 i;

	for (i = 0; i < conf->nhandlers; i++) {
		if (answers_rcpt(&conf->handlers[i]) != of_rcpt ||
		    (!of_rcpt && gets_local_mail(conf, i)))
			continue;
		printf("%s%s", n++ == 0 ? before : ", ", conf->handlers[i].name);
	}
	return n;
}

/* Prints what becomes of mail that does not come by SMTP. */
static void
print_local_notes(const struct conf *conf)
{
	size_t	 i;
	int	 left_out = 0;

	for (i = 0; i < conf->nlistens; i++)
		left_out += any_answers_rcpt(conf, &conf->listens[i]);
	if (left_out == 0)
		return;
	printf("# No listener whose handlers answer rcpt: a recipient of local mail that "
	    "they\n# refuse would keep the message in the queue.");
	(void)print_handlers(conf, 1, " They are: ");
	printf("\n");
	if ((size_t)left_out == conf->nlistens)
		printf("# So local mail passes without any filter.\n");
	if (print_handlers(conf, 0, "# For local mail add a second listener with "
	    "`handlers = {") > 0)
		printf("}'\n");
}

void
explain_mta_postfix(const struct conf *conf)
{
	struct patience	 p = patience_for(conf);
	size_t		 i;

	printf("\n# Postfix: main.cf\n");
	for (i = 0; i < conf->nlistens; i++)
		print_notes(conf, i, "#", 1);
	print_twice(conf, "#", 1, 0);
	print_milters(conf, "smtpd_milters", 0);
	print_local_notes(conf);
	print_twice(conf, "#", 1, 1);
	print_milters(conf, "non_smtpd_milters", 1);
	printf("milter_default_action = tempfail\n");
	printf("milter_protocol = 6\n");
	printf("milter_connect_timeout = 30s\n");
	printf("# More than event-timeout (%gs) and message-timeout (%gs).\n",
	    conf->event_timeout / 1000.0, conf->message_timeout / 1000.0);
	printf("milter_command_timeout = %us\n", p.event);
	printf("milter_content_timeout = %us\n", p.message);
}

static void
print_input_filter(const struct conf *conf, size_t index, const struct patience *p)
{
	char	 address[ADDRESS_MAX], suffix[16] = "";

	if (!address_for(&conf->listens[index], 0, address))
		return;
	if (index > 0)
		(void)snprintf(suffix, sizeof(suffix), "%zu", index + 1);
	printf("%sINPUT_MAIL_FILTER(`pipemilter%s', `S=%s, F=T, T=C:1m;S:30s;R:%us;E:%us')dnl\n",
	    is_named(conf, index, 0, 0) ? "" : "dnl ", suffix, address, p->event, p->message);
}

void
explain_mta_sendmail(const struct conf *conf)
{
	struct patience	 p = patience_for(conf);
	size_t		 i;

	printf("\ndnl Sendmail: sendmail.mc, above the MAILER lines\n");
	print_twice(conf, "dnl", 0, 0);
	for (i = 0; i < conf->nlistens; i++) {
		print_notes(conf, i, "dnl", 0);
		print_input_filter(conf, i, &p);
	}
}
