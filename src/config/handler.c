/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/handler.c: the sections `handler'.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "config/build.h"
#include "config/value.h"
#include "base/xmalloc.h"

#define NAME_MAX_LEN	64
#define PROCESSES_MAX	100000

static void
set_outcome(struct build *b, struct outcome *o, const struct conf_node *st)
{
	const char	*text = conf_option_scalar(b, st), *why;

	if (text == NULL)
		return;
	smtp_reply_free(&o->smtp);
	memset(o, 0, sizeof(*o));
	if (conf_value_outcome(text, o, &why) == -1)
		conf_error(b->errors, st->at, "%s: \"%s\": %s", st->text, text, why);
}

static void
set_on_failure(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;

	set_outcome(b, &h->on_failure, st);
}

static void
set_on_timeout(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;

	set_outcome(b, &h->on_timeout, st);
}

static void
set_on_overload(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;

	set_outcome(b, &h->on_overload, st);
}

static void
set_on_large(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;

	set_outcome(b, &h->on_large, st);
}

/* Returns which of n words the value of the option is, or -1 after an error. */
static int
word_of(struct build *b, const struct conf_node *st, const char *const *words, int n,
    const char *expected)
{
	const char	*text = conf_option_scalar(b, st);
	int		 i;

	if (text == NULL)
		return -1;
	for (i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	conf_error(b->errors, st->at, "%s: \"%s\": expected %s", st->text, text, expected);
	return -1;
}

static void
set_scope(struct build *b, void *target, const struct conf_node *st)
{
	static const char *const names[] = {
		[SCOPE_EVENT] = "event", [SCOPE_MESSAGE] = "message",
		[SCOPE_SESSION] = "session",
	};
	struct handler_conf	*h = target;
	int			 i;

	if ((i = word_of(b, st, names, nitems(names), "event, message or session")) != -1)
		h->scope = (enum scope)i;
}

static void
set_input(struct build *b, void *target, const struct conf_node *st)
{
	static const char *const names[] = { "block", "message" };
	struct handler_conf	*h = target;

	h->input_message = word_of(b, st, names, nitems(names), "block or message") == 1;
}

static void
set_output(struct build *b, void *target, const struct conf_node *st)
{
	static const char *const names[] = {
		[OUTPUT_REPLY] = "reply", [OUTPUT_NONE] = "none", [OUTPUT_MESSAGE] = "message",
	};
	struct handler_conf	*h = target;
	int			 i;

	if ((i = word_of(b, st, names, nitems(names), "reply, none or message")) != -1)
		h->output = (enum output_kind)i;
}

static void
set_newlines(struct build *b, void *target, const struct conf_node *st)
{
	static const char *const names[] = { "lf", "crlf" };
	struct handler_conf	*h = target;

	h->keep_newlines = word_of(b, st, names, nitems(names), "lf or crlf") == 1;
}

static void
set_directory(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;
	const char		*text = conf_option_scalar(b, st);
	char			*path;

	if (text == NULL || (path = conf_option_path(b, st, text)) == NULL)
		return;
	free(h->directory);
	h->directory = path;
}

const struct option conf_handler_options[] = {
	OPTION_CALL("command", conf_set_command),
	OPTION("hooks", OPT_PATH, handler_conf, hooks, 0, 0),
	OPTION_CALL("events", conf_set_events),
	OPTION_CALL("reports", conf_set_reports),
	OPTION_CALL("optional-events", conf_set_optional_events),
	OPTION_CALL("actions", conf_set_actions),
	OPTION_CALL("optional-actions", conf_set_optional_actions),
	OPTION_CALL("lines", conf_set_lines),
	OPTION_CALL("macros", conf_set_macros),
	OPTION_CALL("scope", set_scope),
	OPTION("reuse", OPT_YES_NO, handler_conf, reuse, 0, 0),
	OPTION("concurrency", OPT_COUNT, handler_conf, concurrency, 1, 10000),
	OPTION("processes", OPT_COUNT, handler_conf, processes, 1, PROCESSES_MAX),
	OPTION("processes-min", OPT_COUNT, handler_conf, processes_min, 0, PROCESSES_MAX),
	OPTION("idle-timeout", OPT_DURATION, handler_conf, idle_timeout, 0, DAYS(7)),
	OPTION("max-uses", OPT_COUNT, handler_conf, max_uses, 0, 1000000000),
	OPTION("queue-timeout", OPT_DURATION, handler_conf, queue_timeout, 0, DAYS(1)),
	OPTION("timeout", OPT_DURATION, handler_conf, timeout, 1, DAYS(1)),
	OPTION("slow", OPT_DURATION, handler_conf, slow, 0, DAYS(1)),
	OPTION_CALL("on-failure", set_on_failure),
	OPTION_CALL("on-timeout", set_on_timeout),
	OPTION_CALL("on-overload", set_on_overload),
	OPTION_CALL("on-exit", conf_set_on_exit),
	OPTION_CALL("input", set_input),
	OPTION_CALL("output", set_output),
	OPTION("received", OPT_YES_NO, handler_conf, received, 0, 0),
	OPTION("spool", OPT_YES_NO, handler_conf, spool, 0, 0),
	OPTION_CALL("newlines", set_newlines),
	OPTION("shadow", OPT_YES_NO, handler_conf, shadow, 0, 0),
	OPTION("rejected-recipients", OPT_YES_NO, handler_conf, rejected_recipients, 0, 0),
	OPTION_CALL("except-clients", conf_set_except_clients),
	OPTION_CALL("only-clients", conf_set_only_clients),
	OPTION("except-authenticated", OPT_YES_NO, handler_conf, except_authenticated, 0, 0),
	OPTION("max-message", OPT_LIMIT64, handler_conf, max_message, KIB(1), GIB(1048576)),
	OPTION_CALL("on-large", set_on_large),
	OPTION_ELSEWHERE("user"),
	OPTION_ELSEWHERE("group"),
	OPTION_CALL("directory", set_directory),
	OPTION("umask", OPT_MODE, handler_conf, umask, 0, 0777),
	OPTION_CALL("environment", conf_set_environment),
	OPTION("memory", OPT_RLIM_SIZE, handler_conf, memory, MIB(1), GIB(1048576)),
	OPTION("cpu", OPT_RLIM_SECONDS, handler_conf, cpu, SECONDS(1), DAYS(365)),
	OPTION("open-files", OPT_RLIM_COUNT, handler_conf, open_files, 4, 1048576),
	OPTION_END
};

/* Logs, variables and names of directories contain the name. */
static void
check_name(struct build *b, const struct conf_node *sec)
{
	const char	*name = sec->text;
	size_t		 len = strlen(name);

	if (len == 0 || len > NAME_MAX_LEN || strchr("-.", name[0]) != NULL ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789._-") != len)
		conf_error(b->errors, sec->at, "handler \"%s\": expected a name of up to 64 "
		    "letters, digits, `.', `_' and `-', the first a letter, digit or `_'",
		    name);
}

static void
set_defaults(struct handler_conf *h)
{
	const char	*why;

	h->lines = LINES_ALL;
	h->concurrency = 1;
	h->processes = 20;
	h->idle_timeout = SECONDS(300);
	h->queue_timeout = SECONDS(2);
	h->timeout = SECONDS(8);
	h->slow = SECONDS(5);
	h->directory = xstrdup("/");
	h->umask = 077;
	h->memory = h->cpu = h->open_files = RLIM_INFINITY;
	(void)conf_value_outcome("tempfail", &h->on_failure, &why);
	(void)conf_value_outcome("continue", &h->on_large, &why);
}

static void
inherit_failure(const struct conf_node *sec, const char *name,
    const struct outcome *from, struct outcome *to)
{
	if (conf_tree_find(sec, name) != NULL)
		return;
	to->verdict = from->verdict;
	smtp_reply_copy(&to->smtp, &from->smtp);
}

/* FNV-1a over the texts of a node and its parts, each with its NUL and its kind. */
static uint64_t
digest(uint64_t h, const struct conf_node *n)
{
	const char	*p = n->text;
	size_t		 i;

	do
		h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
	while (*p++ != '\0');
	h = (h ^ (uint64_t)n->kind) * UINT64_C(0x100000001b3);
	for (i = 0; i < n->nparts; i++)
		h = digest(h, &n->parts[i]);
	return h;
}

static void
build_handler(struct build *b, const struct conf_node *sec, struct handler_conf *h)
{
	h->name = xstrdup(sec->text);
	h->line = sec->at;
	h->digest = digest(UINT64_C(0xcbf29ce484222325), sec);
	set_defaults(h);
	check_name(b, sec);
	conf_options_apply(b, conf_handler_options, sec, h);
	inherit_failure(sec, "on-timeout", &h->on_failure, &h->on_timeout);
	inherit_failure(sec, "on-overload", &h->on_failure, &h->on_overload);
	if (conf_tree_find(sec, "received") == NULL)
		h->received = h->input_message;
	if (h->input_message)
		h->events |= EV_BIT(EV_END_OF_MESSAGE);
	/*
	 * Such a process waits for its client most of the time, so there may be more of
	 * them.
	 */
	if (h->scope != SCOPE_EVENT && conf_tree_find(sec, "processes") == NULL)
		h->processes = 200;
	conf_build_handler_user(b, sec, h);
	conf_check_handler_files(b, sec, h);
	conf_check_fit(b, sec, h);
}

void
conf_build_handlers(struct build *b)
{
	struct conf		*conf = b->conf;
	const struct conf_node	*sec;
	size_t			 i;

	for (i = 0; i < b->tree->nparts; i++) {
		sec = &b->tree->parts[i];
		if (sec->kind != SEC_HANDLER || !sec->whole)
			continue;
		conf->handlers = xreallocarray(conf->handlers, conf->nhandlers + 1,
		    sizeof(*conf->handlers));
		build_handler(b, sec, memset(&conf->handlers[conf->nhandlers++], 0,
		    sizeof(*conf->handlers)));
	}
	if (conf->nhandlers == 0 && b->whole)
		conf_error(b->errors, 0, "expected a section `handler NAME { ... }'");
}
