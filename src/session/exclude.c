/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/exclude.c: whom and what a handler is not asked about: clients, authenticated
 * clients, large messages.
 */
#include "base/compat.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string.h>
#include <syslog.h>

#include "base/log.h"
#include "session/exclude.h"
#include "session/scope.h"
#include "session/verdict.h"
#include "session/who.h"
#include "state/current.h"

/* Returns 0 if the client has no address that is known. */
static int
client_addr(const struct session *s, struct netaddr *na)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	struct sockaddr_in6	 sin6 = { .sin6_family = AF_INET6 };

	memset(na, 0, sizeof(*na));
	if (s->client_address == NULL)
		return 0;
	if (inet_pton(AF_INET, s->client_address, &sin.sin_addr) == 1) {
		na->len = sizeof(sin);
		memcpy(&na->ss, &sin, sizeof(sin));
		return 1;
	}
	if (inet_pton(AF_INET6, s->client_address, &sin6.sin6_addr) == 1) {
		na->len = sizeof(sin6);
		memcpy(&na->ss, &sin6, sizeof(sin6));
		return 1;
	}
	return 0;
}

/* 1 for mail from this machine itself, of which Sendmail tells no family. */
static int
is_local(const struct session *s, const struct netaddr *na)
{
	if (na != NULL)
		return netaddr_is_loopback(na);
	if (strcmp(s->client_family, "unix") == 0)
		return 1;
	return s->client_address == NULL && strcmp(s->client_host, "localhost") == 0;
}

static int
is_in(const struct client_list *list, const struct session *s, const struct netaddr *na)
{
	if (list->local && is_local(s, na))
		return 1;
	return na != NULL && netaddr_in_networks(list->networks, list->nnetworks, na);
}

int
exclude_is_in(const struct session *s, const struct network *net)
{
	struct netaddr	 na;

	return client_addr(s, &na) && netaddr_in_networks(net, 1, &na);
}

void
exclude_at_connect(struct session *s)
{
	const struct handler_conf	*h;
	struct netaddr			 addr, *na;
	unsigned int			 i;

	na = client_addr(s, &addr) ? &addr : NULL;
	for (i = 0; i < s->nh; i++) {
		h = session_handler(s, i);
		if ((h->only_clients.set && !is_in(&h->only_clients, s, na)) ||
		    (h->except_clients.set && is_in(&h->except_clients, s, na)))
			s->h[i].excluded = 1;
	}
}

void
exclude_at_mail(struct session *s)
{
	const char	*name = NULL;
	unsigned int	 i;
	int		 looked = 0;

	for (i = 0; i < s->nh; i++) {
		if (!session_handler(s, i)->except_authenticated)
			continue;
		if (!looked)
			name = macros_get(&s->macros, "auth_authen");
		looked = 1;
		s->h[i].excluded_auth = name != NULL && *name != '\0';
		if (s->h[i].excluded_auth)
			scope_end(s, i);
	}
}

static void
note_too_large(struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	s->h[index].large = s->h[index].large_due = 1;
	if (h->scope == SCOPE_MESSAGE)
		scope_end(s, index);
	log_msg(LOG_INFO, s->ids, "handler %s: %s: the message is larger than max-message; "
	    "on-large = %s", h->name, event_name(s->cur.event),
	    verdict_name(h->on_large.verdict));
}

void
exclude_at_size(struct session *s)
{
	const struct handler_conf	*h;
	unsigned int			 i;

	for (i = 0; i < s->nh; i++) {
		h = session_handler(s, i);
		/* A handler that is absent already does not answer for the size either. */
		if (h->max_message > 0 && s->message->size > h->max_message &&
		    session_absence(s, i) == ASK_YES)
			note_too_large(s, i);
	}
}

enum turn
exclude_answer(struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);
	enum verdict			 vd;

	if (!s->h[index].large_due || !current_answer_is_due(s) ||
	    s->cur.event < EV_HEADER || s->cur.event > EV_END_OF_MESSAGE)
		return TURN_PASSED;
	s->h[index].large_due = 0;
	vd = verdict_of_outcome(&h->on_large, s->cur.event);
	if (h->shadow || vd == VD_CONTINUE || vd == VD_ACCEPT)
		return TURN_PASSED;
	verdict_refuse(s, (int)index, vd, &h->on_large.smtp);
	return TURN_REFUSED;
}
