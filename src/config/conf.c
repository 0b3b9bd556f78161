/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/conf.h"
#include "config/build.h"
#include "base/xmalloc.h"

#define NAMES_MAX	64

static const struct option *const tables[SEC_KINDS] = {
	[SEC_GLOBAL] = conf_global_options,
	[SEC_LISTEN] = conf_listen_options,
	[SEC_HANDLER] = conf_handler_options,
};

static int
has_option(const struct option *o, const char *name)
{
	for (; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return 1;
	return 0;
}

int
conf_is_global_option(const char *name)
{
	return has_option(conf_global_options, name);
}

int
conf_is_handler_option(const char *name)
{
	return has_option(conf_handler_options, name);
}

static int
parse_tree(const struct conf_source *src, struct conf_tree *tree, struct conf_errors *errors)
{
	static const char	*names[SEC_KINDS][NAMES_MAX];
	const char *const	*lists[SEC_KINDS];
	int			 kind;
	size_t			 i;

	for (kind = 0; kind < SEC_KINDS; kind++) {
		for (i = 0; i + 1 < NAMES_MAX && tables[kind][i].name != NULL; i++)
			names[kind][i] = tables[kind][i].name;
		lists[kind] = names[kind];
	}
	return conf_tree_parse(src, lists, tree, errors);
}

/* Lines of the text as a whole become those of the file that they came from. */
static void
settle_lines(struct conf *conf, const struct conf_source *src)
{
	const struct conf_file	*f;
	struct listen_conf	*l;
	size_t			 i;

	for (i = 0; i < conf->nhandlers; i++)
		(void)conf_source_where(src, &conf->handlers[i].line);
	for (i = 0; i < conf->nlistens; i++) {
		l = &conf->listens[i];
		f = conf_source_where(src, &l->line);
		l->where = conf_source_place(src, f, l->line);
	}
}

static struct conf *
build(struct conf_source *src, const char *base)
{
	struct conf_errors	 errors;
	struct conf_tree	 tree;
	struct build		 b;
	int			 failed;

	if (src == NULL)
		return NULL;
	memset(&errors, 0, sizeof(errors));
	memset(&b, 0, sizeof(b));
	b.whole = parse_tree(src, &tree, &errors) == 0;
	b.conf = xcalloc(1, sizeof(*b.conf));
	b.conf->path = xstrdup(src->files[0].path);
	b.tree = &tree;
	b.src = src;
	b.errors = &errors;
	b.base = base;
	b.root = geteuid() == 0;
	conf_check_sources(&b);
	conf_build_global(&b);
	conf_build_handlers(&b);
	conf_build_listens(&b);
	if (errors.nerrors == 0)
		conf_check_room(&b);
	conf_errors_log(&errors, src);
	failed = errors.nerrors != 0;
	settle_lines(b.conf, src);
	conf_errors_clear(&errors);
	conf_tree_free(&tree);
	conf_source_free(src);
	if (failed) {
		conf_free(b.conf);
		return NULL;
	}
	return b.conf;
}

struct conf *
conf_load(const char *path)
{
	return build(conf_source_load(path), NULL);
}

struct conf *
conf_parse(const char *text, const char *name, const char *base,
    const struct conf_label *labels, size_t nlabels)
{
	return build(conf_source_text(text, name, base, labels, nlabels), base);
}

static void
free_handler(struct handler_conf *h)
{
	size_t	 i;

	for (i = 0; h->command != NULL && h->command[i] != NULL; i++)
		free(h->command[i]);
	for (i = 0; i < EV_COUNT; i++)
		free(h->hook_path[i]);
	for (i = 0; i < SMFIM_COUNT; i++)
		free(h->macros[i]);
	for (i = 0; i < h->nenvironment; i++) {
		free(h->environment[i].name);
		free(h->environment[i].value);
	}
	for (i = 0; i < h->non_exit; i++)
		smtp_reply_free(&h->on_exit[i].outcome.smtp);
	smtp_reply_free(&h->on_failure.smtp);
	smtp_reply_free(&h->on_timeout.smtp);
	smtp_reply_free(&h->on_overload.smtp);
	smtp_reply_free(&h->on_large.smtp);
	free(h->except_clients.networks);
	free(h->only_clients.networks);
	free(h->command);
	free(h->environment);
	free(h->on_exit);
	free(h->name);
	free(h->hooks);
	free(h->user);
	free(h->groups);
	free(h->home);
	free(h->directory);
}

void
conf_free(struct conf *conf)
{
	size_t	 i;

	if (conf == NULL)
		return;
	for (i = 0; i < conf->nhandlers; i++)
		free_handler(&conf->handlers[i]);
	for (i = 0; i < conf->nlistens; i++) {
		free(conf->listens[i].spec);
		free(conf->listens[i].where);
		free(conf->listens[i].handlers);
		free(conf->listens[i].allow);
	}
	free(conf->handlers);
	free(conf->listens);
	free(conf->path);
	free(conf->engine_user);
	free(conf->handler_user);
	free(conf->control);
	free(conf->control_group);
	free(conf->spool_directory);
	free(conf->record);
	free(conf);
}
