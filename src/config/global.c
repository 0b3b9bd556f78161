/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/global.c: the options that stand outside of sections.
 */
#include "base/compat.h"

#include <sys/un.h>

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "config/build.h"
#include "config/value.h"
#include "base/xmalloc.h"

static void
set_control(struct build *b, void *target, const struct conf_node *st)
{
	struct conf	*conf = target;
	const char	*text = conf_option_scalar(b, st);
	char		*path;

	if (text == NULL || (path = conf_option_path(b, st, text)) == NULL)
		return;
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		conf_error(b->errors, st->at, "%s: expected a path of 107 bytes at most",
		    st->text);
		free(path);
		return;
	}
	free(conf->control);
	conf->control = path;
	conf->control_set = 1;
}

static void
set_control_group(struct build *b, void *target, const struct conf_node *st)
{
	struct conf	*conf = target;
	const char	*text = conf_option_scalar(b, st);
	gid_t		 gid;

	if (text == NULL)
		return;
	if (conf_lookup_group(text, &gid) == -1) {
		conf_error(b->errors, st->at, "%s: \"%s\": expected a group of this "
		    "system", st->text, text);
		return;
	}
	free(conf->control_group);
	conf->control_group = xstrdup(text);
	conf->control_gid = gid;
}

static void
set_spool_directory(struct build *b, void *target, const struct conf_node *st)
{
	struct conf	*conf = target;
	const char	*text = conf_option_scalar(b, st);
	char		*path;

	if (text == NULL || (path = conf_option_path(b, st, text)) == NULL)
		return;
	free(conf->spool_directory);
	conf->spool_directory = path;
	conf->spool_directory_set = 1;
}

static void
set_facility(struct build *b, void *target, const struct conf_node *st)
{
	struct conf	*conf = target;
	const char	*text = conf_option_scalar(b, st), *why;

	if (text != NULL && conf_value_facility(text, &conf->syslog_facility, &why) == -1)
		conf_error(b->errors, st->at, "%s: \"%s\": %s", st->text, text, why);
}

static void
set_log_level(struct build *b, void *target, const struct conf_node *st)
{
	struct conf	*conf = target;
	const char	*text = conf_option_scalar(b, st), *why;

	if (text != NULL && conf_value_log_level(text, &conf->log_level, &why) == -1)
		conf_error(b->errors, st->at, "%s: \"%s\": %s", st->text, text, why);
}

const struct option conf_global_options[] = {
	OPTION("engine-user", OPT_TEXT, conf, engine_user, 0, 0),
	OPTION("handler-user", OPT_TEXT, conf, handler_user, 0, 0),
	OPTION_CALL("control", set_control),
	OPTION_CALL("control-group", set_control_group),
	OPTION_CALL("spool-directory", set_spool_directory),
	OPTION("spool-limit", OPT_SIZE64, conf, spool_limit, MIB(1), GIB(1048576)),
	OPTION("record", OPT_PATH, conf, record, 0, 0),
	OPTION("engines", OPT_COUNT, conf, engines, 1, CONF_MAX_ENGINES),
	OPTION("pin", OPT_YES_NO, conf, pin, 0, 0),
	OPTION("event-timeout", OPT_DURATION, conf, event_timeout, 1, DAYS(1)),
	OPTION("message-timeout", OPT_DURATION, conf, message_timeout, 1, DAYS(1)),
	OPTION("drain-timeout", OPT_DURATION, conf, drain_timeout, 0, DAYS(1)),
	OPTION("reload-timeout", OPT_DURATION, conf, reload_timeout, 0, DAYS(1)),
	OPTION_CALL("syslog-facility", set_facility),
	OPTION_CALL("log-level", set_log_level),
	OPTION("connections", OPT_COUNT, conf, connections, 1, 1000000),
	OPTION("memory", OPT_SIZE64, conf, memory, MIB(16), GIB(1024)),
	OPTION("max-recipients", OPT_COUNT, conf, max_recipients, 1, 1000000),
	OPTION("max-context", OPT_SIZE, conf, max_context, 0, MIB(64)),
	OPTION("max-actions", OPT_COUNT, conf, max_actions, 0, 1000000),
	OPTION("max-reply-line", OPT_SIZE, conf, max_reply_line, KIB(1), MIB(64)),
	OPTION("max-body", OPT_SIZE, conf, max_body, 0, GIB(1)),
	OPTION_END
};

/* Two texts, each of which may be NULL. */
static int
differ(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a != b : strcmp(a, b) != 0;
}

static void
refuse_change(struct build *b, const char *name)
{
	const struct conf_node	*st = conf_tree_find(b->tree, name);

	conf_error(b->errors, st != NULL ? st->at : 0, "%s can't be changed by a reload; restart",
	    name);
}

/* What the supervisor has opened and locked, and goes on with. */
static void
check_unchanged(struct build *b)
{
	const struct conf	*conf = b->conf, *old = b->old;

	if (differ(conf->control, old->control))
		refuse_change(b, "control");
	if (differ(conf->control_group, old->control_group))
		refuse_change(b, "control-group");
	if (differ(conf->spool_directory, old->spool_directory) ||
	    conf->spool_directory_set != old->spool_directory_set)
		refuse_change(b, "spool-directory");
}

void
conf_build_global(struct build *b)
{
	struct conf	*conf = b->conf;

	conf->engine_user = xstrdup("_pipemilter");
	conf->handler_user = xstrdup("pipemilter");
	/* Without an option there is one only for a daemon of root's that has a file. */
	if (b->base == NULL && b->root)
		conf->control = xstrdup(RUNSTATEDIR "/pipemilter/control.sock");
	conf->spool_directory = xstrdup(LOCALSTATEDIR "/spool/pipemilter");
	conf->spool_limit = GIB(1);
	conf->event_timeout = SECONDS(9);
	conf->message_timeout = SECONDS(240);
	conf->drain_timeout = SECONDS(20);
	conf->reload_timeout = SECONDS(600);
	conf->syslog_facility = LOG_MAIL;
	conf->log_level = LOG_INFO;
	conf->engines = 1;
	conf->connections = 1000;
	conf->max_recipients = 1000;
	conf->max_context = KIB(64);
	conf->max_actions = 1000;
	conf->max_reply_line = KIB(256);
	conf->max_body = MIB(64);
	conf_options_apply(b, conf_global_options, b->tree, conf);
	if (conf->memory == 0)
		conf->memory = MIB(64) + KIB(256) * conf->connections / conf->engines;
	conf_build_engine_user(b);
	if (b->old != NULL)
		check_unchanged(b);
}
