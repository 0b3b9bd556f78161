/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/listen.c: the sections `listen', after the handlers.
 */
#include "base/compat.h"

#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/build.h"
#include "base/log.h"
#include "base/xmalloc.h"

static int
handler_index(const struct conf *conf, const char *name)
{
	size_t	 i;

	for (i = 0; i < conf->nhandlers; i++)
		if (strcmp(conf->handlers[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int
is_listed(const struct listen_conf *l, unsigned int index)
{
	size_t	 i;

	for (i = 0; i < l->nhandlers; i++)
		if (l->handlers[i] == index)
			return 1;
	return 0;
}

static void
set_handlers(struct build *b, void *target, const struct conf_node *st)
{
	struct listen_conf	*l = target;
	const struct conf_node	*v;
	size_t			 i;
	int			 n;

	if (st->nparts == 0)
		conf_error(b->errors, st->at, "handlers: expected at least one");
	l->handlers = xcalloc(st->nparts + 1, sizeof(*l->handlers));
	for (i = 0; i < st->nparts; i++) {
		v = &st->parts[i];
		if ((n = handler_index(b->conf, v->text)) == -1) {
			if (b->whole)
				conf_error(b->errors, v->at, "handlers: \"%s\": expected "
				    "the name of a `handler' section", v->text);
		} else if (is_listed(l, (unsigned int)n))
			conf_error(b->errors, v->at, "handlers: \"%s\" is named twice; "
			    "expected once", v->text);
		else
			l->handlers[l->nhandlers++] = (unsigned int)n;
	}
}

static void
set_owner(struct build *b, void *target, const struct conf_node *st)
{
	struct listen_conf	*l = target;
	const char		*text = conf_option_scalar(b, st);
	gid_t			 gid;

	if (text == NULL)
		return;
	if (conf_lookup_user(text, &l->owner, &gid, NULL, NULL) == -1)
		conf_error(b->errors, st->at, "owner: \"%s\": expected a user of this "
		    "system", text);
	l->have_owner = 1;
}

static void
set_group(struct build *b, void *target, const struct conf_node *st)
{
	struct listen_conf	*l = target;
	const char		*text = conf_option_scalar(b, st);

	if (text == NULL)
		return;
	if (conf_lookup_group(text, &l->group) == -1)
		conf_error(b->errors, st->at, "group: \"%s\": expected a group of this "
		    "system", text);
	l->have_group = 1;
}

static void
set_allow(struct build *b, void *target, const struct conf_node *st)
{
	struct listen_conf	*l = target;
	const char		*why;
	size_t			 i;

	l->allow = xcalloc(st->nparts + 1, sizeof(*l->allow));
	for (i = 0; i < st->nparts; i++) {
		if (netaddr_network_parse(st->parts[i].text, &l->allow[l->nallow], &why) == -1)
			conf_error(b->errors, st->parts[i].at, "allow: \"%s\": %s",
			    st->parts[i].text, why);
		else
			l->nallow++;
	}
	if (st->nparts == 0)
		conf_error(b->errors, st->at, "allow: expected at least one address or "
		    "network");
}

const struct option conf_listen_options[] = {
	OPTION_CALL("handlers", set_handlers),
	OPTION("mode", OPT_MODE, listen_conf, mode, 0, 0777),
	OPTION_CALL("owner", set_owner),
	OPTION_CALL("group", set_group),
	OPTION_CALL("allow", set_allow),
	OPTION_END
};

/* Returns the socket with an absolute path, malloc'd. A relative path begins in base. */
static char *
absolute_spec(struct build *b, const struct conf_node *sec)
{
	const char	*path = NULL;
	char		*spec, *absolute;

	if (strncmp(sec->text, "unix:", 5) == 0)
		path = sec->text + 5;
	else if (strncmp(sec->text, "local:", 6) == 0)
		path = sec->text + 6;
	if (path == NULL || path[0] == '/' || path[0] == '\0')
		return xstrdup(sec->text);
	if (b->base == NULL)
		conf_error(b->errors, sec->at, "listen \"%s\": expected a path that begins "
		    "with /", sec->text);
	else {
		absolute = conf_join_path(b->base, path);
		if (asprintf(&spec, "unix:%s", absolute) == -1)
			fatal("asprintf");
		free(absolute);
		return spec;
	}
	return NULL;
}

static void
check_address(struct build *b, struct listen_conf *l, int at)
{
	const struct listen_conf	*other;
	const char			*why;
	size_t				 i;

	if (netaddr_parse(l->spec, &l->addr, &why) == -1) {
		conf_error(b->errors, at, "listen \"%s\": %s", l->spec, why);
		memset(&l->addr, 0, sizeof(l->addr));
	}
	for (i = 0; l->addr.len != 0 && i < b->conf->nlistens; i++) {
		other = &b->conf->listens[i];
		if (other != l && other->addr.len == l->addr.len &&
		    memcmp(&other->addr.ss, &l->addr.ss, l->addr.len) == 0)
			conf_error(b->errors, at, "listen \"%s\": the same address as "
			    "\"%s\"; expected each once", l->spec, other->spec);
	}
}

/* Tells options that mean nothing for this kind of socket. */
static void
check_kind(struct build *b, const struct conf_node *sec, const struct listen_conf *l)
{
	static const char *const	 of_unix[] = { "mode", "owner", "group" };
	const struct conf_node		*st;
	size_t				 i;

	if (l->addr.ss.ss_family == AF_UNIX) {
		if ((st = conf_tree_find(sec, "allow")) != NULL)
			conf_error(b->errors, st->at, "allow: expected only with an inet "
			    "socket; a unix socket has `mode', `owner' and `group'");
		return;
	}
	for (i = 0; i < nitems(of_unix); i++)
		if ((st = conf_tree_find(sec, of_unix[i])) != NULL)
			conf_error(b->errors, st->at, "%s: expected only with a unix "
			    "socket; an inet socket has `allow'", of_unix[i]);
}

static void
default_allow(struct build *b, const struct conf_node *sec, struct listen_conf *l)
{
	const char	*why;

	if (l->addr.ss.ss_family == AF_UNIX || conf_tree_find(sec, "allow") != NULL)
		return;
	if (!netaddr_is_loopback(&l->addr)) {
		conf_error(b->errors, sec->at, "listen \"%s\": not bound to loopback; "
		    "expected `allow = {ADDRESS, NETWORK/BITS}', who may connect", l->spec);
		return;
	}
	l->allow = xcalloc(2, sizeof(*l->allow));
	(void)netaddr_network_parse("127.0.0.0/8", &l->allow[l->nallow++], &why);
	(void)netaddr_network_parse("::1", &l->allow[l->nallow++], &why);
}

static void
default_owner(const struct build *b, struct listen_conf *l)
{
	if (!b->conf->have_engine_ids)
		return;
	if (!l->have_owner)
		l->owner = b->conf->engine_uid;
	if (!l->have_group)
		l->group = b->conf->engine_gid;
	l->have_owner = l->have_group = 1;
}

static void
all_handlers(const struct build *b, struct listen_conf *l)
{
	unsigned int	 i;

	l->handlers = xcalloc(b->conf->nhandlers + 1, sizeof(*l->handlers));
	for (i = 0; i < b->conf->nhandlers; i++)
		l->handlers[l->nhandlers++] = i;
}

static void
check_number(struct build *b, const struct conf_node *sec, const struct listen_conf *l)
{
	const struct conf_node	*st = conf_tree_find(sec, "handlers");

	if (l->nhandlers > LISTEN_MAX_HANDLERS)
		conf_error(b->errors, st == NULL ? sec->at : st->at, "listen \"%s\": %zu "
		    "handlers; expected %d at most", l->spec, l->nhandlers,
		    LISTEN_MAX_HANDLERS);
}

static void
build_listen(struct build *b, const struct conf_node *sec, struct listen_conf *l)
{
	l->line = sec->at;
	l->mode = 0660;
	l->spec = absolute_spec(b, sec);
	if (l->spec == NULL)
		l->spec = xstrdup(sec->text);
	else
		check_address(b, l, sec->at);
	conf_options_apply(b, conf_listen_options, sec, l);
	if (l->addr.len != 0) {
		check_kind(b, sec, l);
		default_allow(b, sec, l);
	}
	if (l->addr.ss.ss_family == AF_UNIX) {
		conf_check_socket(b, l, sec->at);
		default_owner(b, l);
		conf_check_postfix(b, l, sec->at);
	}
	if (conf_tree_find(sec, "handlers") == NULL)
		all_handlers(b, l);
	check_number(b, sec, l);
}

static void
check_used(struct build *b)
{
	const struct conf	*conf = b->conf;
	unsigned int		 h;
	size_t			 i;

	for (h = 0; h < conf->nhandlers; h++) {
		for (i = 0; i < conf->nlistens; i++)
			if (is_listed(&conf->listens[i], h))
				break;
		if (i == conf->nlistens)
			conf_warning(b->errors, conf->handlers[h].line, "handler %s: no "
			    "`listen' section uses it", conf->handlers[h].name);
	}
}

void
conf_build_listens(struct build *b)
{
	struct conf		*conf = b->conf;
	const struct conf_node	*sec;
	size_t			 i;

	for (i = 0; i < b->tree->nparts; i++) {
		sec = &b->tree->parts[i];
		if (sec->kind != SEC_LISTEN || !sec->whole)
			continue;
		conf->listens = xreallocarray(conf->listens, conf->nlistens + 1,
		    sizeof(*conf->listens));
		build_listen(b, sec, memset(&conf->listens[conf->nlistens++], 0,
		    sizeof(*conf->listens)));
	}
	if (conf->nlistens == 0 && b->whole)
		conf_error(b->errors, 0, "expected a section `listen \"SOCKET\" { ... }'");
	/* A list with a mistake in it may lack some handlers. */
	if (b->errors->nerrors == 0)
		check_used(b);
}
