/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/explain.c: what the MTA is asked for at each listener, in words.
 */
#include "base/compat.h"

#include <sys/un.h>

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipemilter/explain.h"
#include "base/log.h"
#include "config/handler_conf.h"
#include "state/negotiate.h"
#include "milter/wire_event.h"
#include "base/xmalloc.h"

#define SHADOWED	(NEED_SIZE + 1)	/* NEED_ANSWER of a shadow handler */
#define NEEDS		(SHADOWED + 1)

/* Reasons, printed before the names of the handlers. */
static const char *const reasons[NEEDS] = {
	[NEED_ANSWER] = "answered by",
	[NEED_REPORT] = "told to",
	[NEED_LINES] = "lines in the blocks of",
	[NEED_CLIENTS] = "clients are picked by",
	[NEED_MESSAGE] = "begins the message for",
	[NEED_DELETE_RECIPIENT] = "delete-recipient may be used by",
	[NEED_CHANGE_HEADER] = "change-header may be used by",
	[NEED_DELETE_HEADER] = "delete-header may be used by",
	[NEED_END_OF_HEADERS] = "needed with end-of-headers by",
	[NEED_WHOLE] = "the message as a whole for",
	[NEED_SIZE] = "the size is limited by",
	[SHADOWED] = "asked, but not waited for (shadow):",
};

static const struct handler_conf *
handler_at(const struct conf *conf, const struct listen_conf *l, size_t index)
{
	return &conf->handlers[l->handlers[index]];
}

int
explain_same_handlers(const struct conf *conf, size_t a, size_t b)
{
	const struct listen_conf	*x = &conf->listens[a], *y = &conf->listens[b];

	return x->nhandlers == y->nhandlers && memcmp(x->handlers, y->handlers,
	    x->nhandlers * sizeof(*x->handlers)) == 0;
}

static int
need_of(const struct handler_conf *h, enum event_kind ev)
{
	enum need	 need = negotiate_need(h, ev);

	return need == NEED_ANSWER && h->shadow ? SHADOWED : (int)need;
}

/* Prints a word of a list: after ", ", or after " " if it is the first. */
static void
print_word(int *n, const char *word)
{
	printf("%s%s", (*n)++ == 0 ? " " : ", ", word);
}

static int
is_action_need(enum need need)
{
	return need == NEED_DELETE_RECIPIENT || need == NEED_CHANGE_HEADER ||
	    need == NEED_DELETE_HEADER;
}

/*
 * Prints the handlers that need the event for this reason. first is printed
 * before the first reason of all.
 */
static void
print_needy(const struct conf *conf, const struct listen_conf *l, enum event_kind ev,
    int need, const char *first, int *nreasons)
{
	const struct handler_conf	*h;
	int				 n = 0;
	size_t				 i;

	for (i = 0; i < l->nhandlers; i++) {
		h = handler_at(conf, l, i);
		if (need_of(h, ev) != need)
			continue;
		if (n == 0)
			printf("%s%s", (*nreasons)++ == 0 ? first : "; ", reasons[need]);
		print_word(&n, h->name);
	}
}

/* Prints the handlers that only need the event since they do not name their actions. */
static void
print_unnamed(const struct conf *conf, const struct listen_conf *l, enum event_kind ev)
{
	const struct handler_conf	*h;
	int				 n = 0;
	size_t				 i;

	for (i = 0; i < l->nhandlers; i++) {
		h = handler_at(conf, l, i);
		if (h->actions_named || !is_action_need(negotiate_need(h, ev)))
			continue;
		if (n == 0)
			printf("; no `actions' are named by");
		print_word(&n, h->name);
	}
}

/* Prints the handlers for which `mail' is answered only so that they hear of an abort. */
static void
print_mail_reply(const struct conf *conf, const struct listen_conf *l, int *nreasons)
{
	const struct handler_conf	*h;
	int				 n = 0;
	size_t				 i;

	for (i = 0; i < l->nhandlers; i++) {
		h = handler_at(conf, l, i);
		if (negotiate_need(h, EV_MAIL) == NEED_ANSWER || !negotiate_answers_mail(h))
			continue;
		if (n == 0)
			printf("%sthe reply makes an abort known to",
			    (*nreasons)++ == 0 ? ": " : "; ");
		print_word(&n, h->name);
	}
}

static const char *
state_of(const struct negotiated *n, enum event_kind ev)
{
	if ((n->sent & EV_BIT(ev)) == 0)
		return "not sent";
	return (n->no_reply & EV_BIT(ev)) != 0 ? "no reply" : "reply";
}

static void
print_event(const struct conf *conf, const struct listen_conf *l,
    const struct negotiated *n, enum event_kind ev)
{
	int	 need, nreasons = 0;

	printf("    %-16s%s", event_name(ev), state_of(n, ev));
	for (need = NEED_NOTHING + 1; need < NEEDS; need++)
		print_needy(conf, l, ev, need, ": ", &nreasons);
	if (ev == EV_MAIL)
		print_mail_reply(conf, l, &nreasons);
	if (nreasons == 0 && (n->sent & EV_BIT(ev)) != 0)
		printf(": the MTA waits for it in any case");
	print_unnamed(conf, l, ev);
	printf("\n");
}

/* Prints who is told of abort and disconnect, which the MTA always sends. */
static void
print_reports(const struct conf *conf, const struct listen_conf *l)
{
	static const enum event_kind	 events[] = { EV_ABORT, EV_DISCONNECT };
	size_t				 i;
	int				 n;

	for (i = 0; i < nitems(events); i++) {
		n = 0;
		printf("    %-16s", event_name(events[i]));
		print_needy(conf, l, events[i], NEED_REPORT, "", &n);
		printf("%s\n", n == 0 ? "nobody is told" : "");
	}
}

static void
print_actions(const struct negotiated *n, unsigned int wanted)
{
	int	 i, count = 0;

	printf("    %-16s", "actions");
	for (i = 0; i < ACT_MTA_COUNT; i++)
		if ((n->granted & wanted & ACT_BIT(i)) != 0)
			printf("%s%s", count++ == 0 ? "" : ", ", action_name((enum action_kind)i));
	printf("%s\n", count == 0 ? "none" : "");
}

static int
has_macro(const char *list, const char *name, size_t len)
{
	size_t	 n;

	for (; *list != '\0'; list += n + (list[n] == ' '))
		if ((n = strcspn(list, " ")) == len && memcmp(list, name, len) == 0)
			return 1;
	return 0;
}

/* Warns of macros that have no room in a list; nobody else would tell of them. */
static void
warn_of_macros(const struct listen_conf *l, const struct handler_conf *h, int stage,
    const char *list)
{
	const char	*name = h->macros[stage];
	size_t		 len;

	for (; name != NULL && *name != '\0'; name += len + (name[len] == ' ')) {
		len = strcspn(name, " ");
		if (!has_macro(list, name, len))
			log_msg(LOG_WARNING, NULL, "%s: listen %s: handler %s asks for the "
			    "macro %.*s at %s, but a list has no more than %d: left out",
			    l->where, l->spec, h->name, (int)len, name, wire_event_stage_name(stage),
			    MILTER_MAX_MACROS);
	}
}

static void
print_macros(const struct conf *conf, const struct listen_conf *l)
{
	char	*lists[SMFIM_COUNT];
	size_t	 h;
	int	 i;

	negotiate_macros(conf, l, lists);
	for (i = 0; i < SMFIM_COUNT; i++) {
		if (lists[i] != NULL) {
			printf("    macros at %s: %s\n", wire_event_stage_name(i), lists[i]);
			for (h = 0; h < l->nhandlers; h++)
				warn_of_macros(l, handler_at(conf, l, h), i, lists[i]);
		}
		free(lists[i]);
	}
}

/* The protocol bits that an MTA with an older version offers, as libmilter has them. */
static uint32_t
old_protocol(uint32_t version)
{
	uint32_t	 bits = SMFIP_V2;

	if (version >= 3)
		bits |= SMFIP_NOUNKNOWN;
	if (version >= 4)
		bits |= SMFIP_NODATA;
	return bits;
}

/*
 * The newest version in which the handler at an index lacks something; *what
 * says what.
 */
static uint32_t
lacks_in(const struct conf *conf, const struct listen_conf *l, size_t index,
    const char **what)
{
	const char		**missing = xcalloc(l->nhandlers, sizeof(*missing));
	struct negotiated	  n;
	uint32_t		  v;

	*what = NULL;
	for (v = MILTER_VERSION - 1; v >= MILTER_VERSION_MIN && *what == NULL; v--) {
		(void)negotiate(conf, l, v, SMFIF_V2, old_protocol(v), &n, missing);
		*what = missing[index];
	}
	free(missing);
	return v + 1;
}

static void
print_lacks(const struct conf *conf, const struct listen_conf *l)
{
	const struct handler_conf	*h;
	const char			*what;
	uint32_t			 version;
	size_t				 i;

	for (i = 0; i < l->nhandlers; i++) {
		h = handler_at(conf, l, i);
		version = lacks_in(conf, l, i, &what);
		if (what != NULL)
			printf("    %s requires %s: an MTA that speaks version %u of the "
			    "protocol or less has none, and gets on-failure = %s\n", h->name,
			    what, version, verdict_name(h->on_failure.verdict));
	}
}

static void
print_directory(const struct listen_conf *l)
{
	const struct sockaddr_un	*sun = (const void *)&l->addr.ss;
	char				*copy;

	if (!l->directory_missing)
		return;
	copy = xstrdup(sun->sun_path);
	printf("    the directory %s will be made, with mode 0755\n", dirname(copy));
	free(copy);
}

static void
explain_listener(const struct conf *conf, const struct listen_conf *l)
{
	const char		**missing = xcalloc(l->nhandlers, sizeof(*missing));
	struct negotiated	  n;
	unsigned int		  wanted = 0;
	size_t			  i;
	int			  ev;

	for (i = 0; i < l->nhandlers; i++)
		wanted |= conf_handler_actions(handler_at(conf, l, i));
	/* Sendmail since 8.14 and Postfix since 2.6 offer the same. */
	(void)negotiate(conf, l, MILTER_VERSION, SMFIF_V6, SMFIP_V6, &n, missing);
	for (ev = 0; (EV_ANSWERABLE & EV_BIT(ev)) != 0; ev++)
		print_event(conf, l, &n, (enum event_kind)ev);
	print_reports(conf, l);
	print_actions(&n, wanted);
	print_macros(conf, l);
	print_lacks(conf, l);
	free(missing);
}

static void
print_head(const struct conf *conf, const struct listen_conf *l)
{
	size_t	 i;
	int	 n = 0;

	printf("\nlisten %s\n    handlers:", l->spec);
	for (i = 0; i < l->nhandlers; i++)
		print_word(&n, handler_at(conf, l, i)->name);
	printf("\n");
	print_directory(l);
}

void
explain_listeners(const struct conf *conf)
{
	size_t	 i, first;

	for (i = 0; i < conf->nlistens; i++) {
		print_head(conf, &conf->listens[i]);
		for (first = 0; !explain_same_handlers(conf, first, i); first++)
			;
		if (first < i)
			printf("    all else is as at %s\n", conf->listens[first].spec);
		else
			explain_listener(conf, &conf->listens[i]);
	}
}
