/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * conf_handler.c: the sections `handler'.
 */
#include "compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf_build.h"
#include "conf_value.h"
#include "xmalloc.h"

#define NAME_MAX_LEN	64

static void
set_outcome(struct build *b, struct outcome *o, const struct conf_stmt *st)
{
	const char	*text = option_scalar(b, st), *why;

	if (text == NULL)
		return;
	smtp_reply_free(&o->smtp);
	memset(o, 0, sizeof(*o));
	if (value_outcome(text, o, &why) == -1)
		conf_error(b->errors, st->line, "%s: \"%s\": %s", st->name, text, why);
}

static void
set_on_failure(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;

	set_outcome(b, &h->on_failure, st);
}

static void
set_on_timeout(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;

	set_outcome(b, &h->on_timeout, st);
}

static void
set_on_overload(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;

	set_outcome(b, &h->on_overload, st);
}

static void
set_newlines(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;
	const char		*text = option_scalar(b, st);

	if (text == NULL)
		return;
	if (strcmp(text, "lf") != 0 && strcmp(text, "crlf") != 0)
		conf_error(b->errors, st->line, "%s: \"%s\": expected lf or crlf",
		    st->name, text);
	h->keep_newlines = strcmp(text, "crlf") == 0;
}

static void
set_directory(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;
	const char		*text = option_scalar(b, st);
	struct stat		 sb;
	char			*path;

	if (text == NULL || (path = option_path(b, st, text)) == NULL)
		return;
	if (stat(path, &sb) == -1)
		conf_error(b->errors, st->line, "%s: %s: %s; expected a folder",
		    st->name, path, strerror(errno));
	else if (!S_ISDIR(sb.st_mode))
		conf_error(b->errors, st->line, "%s: %s: not a folder; expected one",
		    st->name, path);
	free(h->directory);
	h->directory = path;
}

const struct option handler_options[] = {
	OPTION_CALL("command", set_command),
	OPTION("hooks", OPT_PATH, handler_conf, hooks, 0, 0),
	OPTION_CALL("events", set_events),
	OPTION_CALL("reports", set_reports),
	OPTION_CALL("optional-events", set_optional_events),
	OPTION_CALL("actions", set_actions),
	OPTION_CALL("optional-actions", set_optional_actions),
	OPTION_CALL("lines", set_lines),
	OPTION_CALL("macros", set_macros),
	OPTION_LATER("scope", "event"),
	OPTION_LATER("reuse", "no"),
	OPTION_LATER("concurrency", "1"),
	OPTION("processes", OPT_COUNT, handler_conf, processes, 1, 100000),
	OPTION_LATER("processes-min", "0"),
	OPTION_LATER("idle-timeout", "5m"),
	OPTION_LATER("max-uses", "0"),
	OPTION("queue-timeout", OPT_DURATION, handler_conf, queue_timeout, 0, DAYS(1)),
	OPTION("timeout", OPT_DURATION, handler_conf, timeout, 1, DAYS(1)),
	OPTION_CALL("on-failure", set_on_failure),
	OPTION_CALL("on-timeout", set_on_timeout),
	OPTION_CALL("on-overload", set_on_overload),
	OPTION_CALL("on-exit", set_on_exit),
	OPTION_LATER("input", "block"),
	OPTION_LATER("output", "reply"),
	OPTION_LATER("received", "no"),
	OPTION_LATER("spool", "no"),
	OPTION_CALL("newlines", set_newlines),
	OPTION_LATER("shadow", "no"),
	OPTION_LATER("rejected-recipients", "no"),
	OPTION_LATER("except-clients", NULL),
	OPTION_LATER("only-clients", NULL),
	OPTION_LATER("except-authenticated", "no"),
	OPTION_LATER("max-message", NULL),
	OPTION_LATER("on-large", "continue"),
	OPTION_ELSEWHERE("user"),
	OPTION_ELSEWHERE("group"),
	OPTION_CALL("directory", set_directory),
	OPTION("umask", OPT_MODE, handler_conf, umask, 0, 0777),
	OPTION_CALL("environment", set_environment),
	OPTION("memory", OPT_RLIM_SIZE, handler_conf, memory, MIB(1), GIB(1048576)),
	OPTION("cpu", OPT_RLIM_SECONDS, handler_conf, cpu, SECONDS(1), DAYS(365)),
	OPTION("open-files", OPT_RLIM_COUNT, handler_conf, open_files, 4, 1048576),
	OPTION_END
};

/* The name stands in logs, variables and the names of folders. */
static void
check_name(struct build *b, const struct conf_section *sec)
{
	const char	*name = sec->title;
	size_t		 len = strlen(name);

	if (len == 0 || len > NAME_MAX_LEN || strchr("-.", name[0]) != NULL ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789._-") != len)
		conf_error(b->errors, sec->line, "handler \"%s\": expected a name of up to 64 "
		    "letters, digits, `.', `_' and `-', the first a letter, digit or `_'",
		    name);
}

static void
set_defaults(struct handler_conf *h)
{
	const char	*why;

	h->lines = LINES_ALL;
	h->processes = 20;
	h->queue_timeout = SECONDS(2);
	h->timeout = SECONDS(8);
	h->directory = xstrdup("/");
	h->umask = 077;
	h->memory = h->cpu = h->open_files = RLIM_INFINITY;
	(void)value_outcome("tempfail", &h->on_failure, &why);
}

static void
inherit_failure(const struct conf_section *sec, const char *name,
    const struct outcome *from, struct outcome *to)
{
	if (conf_tree_find(sec, name) != NULL)
		return;
	to->verdict = from->verdict;
	smtp_reply_copy(&to->smtp, &from->smtp);
}

/* One message for each name that two of the lists have. */
static void
check_twice(struct build *b, const struct conf_section *sec, const char *a, unsigned int abits,
    const char *other, unsigned int bbits, int actions)
{
	const struct conf_stmt	*st = conf_tree_find(sec, other);
	unsigned int		 n, both = abits & bbits;

	for (n = 0; both >> n != 0; n++)
		if (both & 1u << n)
			conf_error(b->errors, st == NULL ? sec->line : st->line,
			    "%s: \"%s\" is in `%s' too; expected it in one of them", other,
			    actions ? action_name(n) : event_name(n), a);
}

static void
check_beside_hooks(struct build *b, const struct conf_section *sec)
{
	static const char *const names[] = { "command", "events", "reports",
	    "optional-events", "input", "output" };
	const struct conf_stmt	*st;
	size_t			 i;

	for (i = 0; i < nitems(names); i++)
		if ((st = conf_tree_find(sec, names[i])) != NULL)
			conf_error(b->errors, st->line, "%s: can't stand beside `hooks'; "
			    "expected one of the two", names[i]);
}

static void
check_lists(struct build *b, const struct conf_section *sec, const struct handler_conf *h)
{
	check_twice(b, sec, "events", h->events, "optional-events", h->optional_events, 0);
	check_twice(b, sec, "events", h->events, "reports", h->reports, 0);
	check_twice(b, sec, "optional-events", h->optional_events, "reports", h->reports, 0);
	check_twice(b, sec, "actions", h->actions, "optional-actions", h->optional_actions, 1);
}

static int
has_events(const struct conf_section *sec)
{
	static const char *const names[] = { "events", "reports", "optional-events" };
	const struct conf_stmt	*st;
	size_t			 i;

	for (i = 0; i < nitems(names); i++)
		if ((st = conf_tree_find(sec, names[i])) != NULL && st->nvalues != 0)
			return 1;
	return 0;
}

static void
build_handler(struct build *b, const struct conf_section *sec, struct handler_conf *h)
{
	h->name = xstrdup(sec->title);
	h->line = sec->line;
	set_defaults(h);
	check_name(b, sec);
	options_apply(b, handler_options, sec, h);
	inherit_failure(sec, "on-timeout", &h->on_failure, &h->on_timeout);
	inherit_failure(sec, "on-overload", &h->on_failure, &h->on_overload);
	check_lists(b, sec, h);
	build_handler_user(b, sec, h);
	if (conf_tree_find(sec, "hooks") != NULL)
		check_beside_hooks(b, sec);
	else if (conf_tree_find(sec, "command") == NULL)
		conf_error(b->errors, sec->line, "handler %s: expected `command' or `hooks'",
		    h->name);
	else if (!has_events(sec) && b->base != NULL)
		conf_error(b->errors, sec->line, "handler %s: expected events: -e, or -o with "
		    "`reports' or `optional-events'", h->name);
	else if (!has_events(sec))
		conf_error(b->errors, sec->line, "handler %s: expected `events', `reports' or "
		    "`optional-events' with its `command'", h->name);
	check_handler_files(b, sec, h);
}

void
build_handlers(struct build *b)
{
	struct conf			*conf = b->conf;
	const struct conf_section	*sec;
	size_t				 i;

	conf->handlers = xcalloc(b->tree->nsections + 1, sizeof(*conf->handlers));
	for (i = 0; i < b->tree->nsections; i++) {
		sec = &b->tree->sections[i];
		if (sec->kind == SEC_HANDLER)
			build_handler(b, sec, &conf->handlers[conf->nhandlers++]);
	}
	if (conf->nhandlers == 0 && b->whole)
		conf_error(b->errors, 0, "expected a section `handler NAME { ... }'");
}
