/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/conf.c: makes struct conf of a file or a text, and frees it.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/conf.h"
#include "config/build.h"
#include "base/xmalloc.h"

int
conf_is_global_option(const char *name)
{
	return conf_is_option(SEC_GLOBAL, name);
}

int
conf_is_handler_option(const char *name)
{
	return conf_is_option(SEC_HANDLER, name);
}

/* Replaces places in the text by lines of files. */
static void
settle_lines(struct conf *conf, const struct conf_source *src)
{
	struct conf_where	 w;
	size_t			 i;

	for (i = 0; i < conf->nhandlers; i++) {
		conf_where(src, conf->handlers[i].line, &w);
		conf->handlers[i].line = w.line;
	}
	for (i = 0; i < conf->nlistens; i++) {
		conf->listens[i].where = conf_place(src, conf->listens[i].line);
		conf_where(src, conf->listens[i].line, &w);
		conf->listens[i].line = w.line;
	}
}

/* Makes b->conf of the tree. */
static void
build(struct build *b)
{
	b->conf = xcalloc(1, sizeof(*b->conf));
	b->conf->path = xstrdup(b->src->files[0].path);
	b->root = geteuid() == 0;
	conf_apart_begin(b);
	conf_check_sources(b);
	conf_build_global(b);
	conf_check_places(b);
	conf_build_handlers(b);
	conf_build_listens(b);
	if (b->errors->nerrors == 0)
		conf_check_room(b);
}

/* Reads the file at path or, if text is not NULL, that text, whose name is path. */
static struct conf *
read_and_build(const char *path, const char *text, const char *base,
    const struct conf_label *labels, size_t nlabels, const struct conf *old)
{
	struct conf_source	 src = { .labels = labels, .nlabels = nlabels };
	struct conf_node	 tree = { .kind = SEC_GLOBAL };
	struct conf_errors	 errors = { .n = 0 };
	struct build		 b = { .tree = &tree, .src = &src, .errors = &errors, .base = base,
	    .old = old };
	int			 result = conf_read(&src, &tree, &errors, path, text);

	b.whole = result == 0;
	if (result != -2)
		conf_check_names(&b, &tree);
	if (result != -2 && errors.nerrors < CONF_ERRORS_MAX)
		build(&b);
	conf_errors_log(&errors, &src);
	if (b.conf != NULL && errors.nerrors == 0)
		settle_lines(b.conf, &src);
	else {
		conf_free(b.conf);
		b.conf = NULL;
	}
	conf_errors_clear(&errors);
	conf_tree_free(&tree);
	conf_source_free(&src);
	return b.conf;
}

struct conf *
conf_load(const char *path)
{
	return read_and_build(path, NULL, NULL, NULL, 0, NULL);
}

struct conf *
conf_load_again(const char *path, const struct conf *old)
{
	return read_and_build(path, NULL, NULL, NULL, 0, old);
}

struct conf *
conf_parse(const char *text, const char *name, const char *base,
    const struct conf_label *labels, size_t nlabels)
{
	return read_and_build(name, text, base, labels, nlabels, NULL);
}

static void
forget(char *value)
{
	if (value != NULL)
		explicit_bzero(value, strlen(value));
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
		xfree_secret(h->environment[i].value);
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
conf_forget_environment(const struct conf *conf)
{
	const struct env_setting	*e;
	size_t				 i, j;

	for (i = 0; i < conf->nhandlers; i++) {
		/* Values could be guessed with it. */
		conf->handlers[i].digest = 0;
		for (j = 0; j < conf->handlers[i].nenvironment; j++) {
			e = &conf->handlers[i].environment[j];
			forget(e->value);
			/* A name without a value takes the value from our own environment. */
			forget(getenv(e->name));
		}
	}
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
