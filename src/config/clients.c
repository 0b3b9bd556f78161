/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/clients.c: the options except-clients and only-clients of a handler.
 */
#include "base/compat.h"

#include <string.h>

#include "config/build.h"
#include "base/xmalloc.h"

static void
add_client(struct build *b, struct client_list *l, const char *option,
    const struct conf_node *v)
{
	const char	*why;

	if (strcmp(v->text, "local") == 0)
		l->local = 1;
	else if (netaddr_network_parse(v->text, &l->networks[l->nnetworks], &why) == 0)
		l->nnetworks++;
	else
		conf_error(b->errors, v->at, "%s: \"%s\": %s", option, v->text,
		    strchr(v->text, '/') != NULL ? why :
		    "expected an address, ADDRESS/BITS or local");
}

static void
set_clients(struct build *b, struct client_list *l, const struct conf_node *st)
{
	size_t	 i;

	l->set = 1;
	l->networks = xcalloc(st->nparts + 1, sizeof(*l->networks));
	for (i = 0; i < st->nparts; i++)
		add_client(b, l, st->text, &st->parts[i]);
}

void
conf_set_except_clients(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;

	set_clients(b, &h->except_clients, st);
}

void
conf_set_only_clients(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;

	set_clients(b, &h->only_clients, st);
	/* The handler would be asked about nobody. */
	if (st->nparts == 0)
		conf_error(b->errors, st->at, "%s: expected at least one address, network "
		    "or local", st->text);
}
