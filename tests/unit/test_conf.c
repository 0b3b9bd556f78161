/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* config/conf.h: the values; mistakes and their messages are in tests/conf.bats. */

#include "base/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "config/conf.h"
#include "base/log.h"
#include "tap.h"
#include "base/xmalloc.h"

static char	 logged[1024];

static void
keep(int severity __unused, const char *line)
{
	(void)snprintf(logged, sizeof(logged), "%s", line);
}

/* As root there must be two users to change to. */
static struct conf *
parse(const char *fmt, ...) PRINTF_LIKE(1, 2);

static struct conf *
parse(const char *fmt, ...)
{
	struct conf	*conf;
	char		 text[4096];
	size_t		 n = 0;
	va_list		 ap;

	if (geteuid() == 0)
		n = strlcpy(text, "engine-user = nobody handler-user = daemon ", sizeof(text));
	va_start(ap, fmt);
	(void)vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	logged[0] = '\0';
	conf = conf_parse(text, "test", "/", NULL, 0);
	CHECK_STR(logged, "", "nothing to complain of");
	return conf;
}

static void
test_global_defaults(const struct conf *c)
{
	CHECK_STR(c->path, "test", "path");
	CHECK(c->control == NULL && c->control_group == NULL, "no control socket");
	CHECK_STR(c->spool_directory, LOCALSTATEDIR "/spool/pipemilter", "spool-directory");
	CHECK(c->spool_directory_set == 0, "which was not said");
	CHECK(c->spool_limit == (uint64_t)1 << 30, "spool-limit");
	CHECK(c->event_timeout == 9000, "event-timeout");
	CHECK(c->message_timeout == 240000, "message-timeout");
	CHECK(c->drain_timeout == 20000, "drain-timeout");
	CHECK(c->syslog_facility == LOG_MAIL, "syslog-facility");
	CHECK(c->log_level == LOG_INFO, "log-level");
	CHECK(c->engines == 1 && c->pin == 0, "engines");
	CHECK(c->connections == 1000, "connections");
	CHECK(c->max_recipients == 1000, "max-recipients");
	CHECK(c->max_actions == 1000, "max-actions");
	CHECK(c->max_context == 65536, "max-context");
	CHECK(c->max_reply_line == 262144, "max-reply-line");
	CHECK(c->max_body == 67108864, "max-body");
	CHECK(c->have_engine_ids == (geteuid() == 0), "the engine's ids only as root");
}

static void
test_handler_defaults(const struct handler_conf *h)
{
	size_t	 i;

	CHECK_STR(h->name, "h", "name");
	CHECK(h->line == 1, "line");
	CHECK(h->command != NULL && h->command[0][0] == '/' &&
	    strcmp(strrchr(h->command[0], '/'), "/cat") == 0 && h->command[1] == NULL,
	    "command, found in PATH");
	CHECK(h->hooks == NULL, "hooks");
	CHECK(h->events == EV_BIT(EV_RCPT) && h->optional_events == 0 && h->reports == 0,
	    "events");
	CHECK(h->actions_named == 0, "actions");
	CHECK(h->lines == LINES_ALL, "lines");
	for (i = 0; i < SMFIM_COUNT; i++)
		CHECK(h->macros[i] == NULL, "macros");
	CHECK(h->scope == SCOPE_EVENT && h->reuse == 0 && h->concurrency == 1, "scope");
	CHECK(h->processes == 20 && h->processes_min == 0, "processes");
	CHECK(h->idle_timeout == 300000 && h->max_uses == 0, "how long they last");
	CHECK(h->queue_timeout == 2000 && h->timeout == 8000 && h->slow == 5000, "timeouts");
	CHECK(h->keep_newlines == 0, "newlines");
	CHECK(h->on_failure.verdict == VD_TEMPFAIL && h->on_failure.smtp.code == 451,
	    "on-failure");
	CHECK(h->on_timeout.verdict == VD_TEMPFAIL && h->on_timeout.smtp.code == 451,
	    "on-timeout");
	CHECK(h->on_overload.verdict == VD_TEMPFAIL && h->on_overload.smtp.code == 451,
	    "on-overload");
	CHECK(h->non_exit == 0, "on-exit");
	CHECK(h->shadow == 0 && h->rejected_recipients == 0 && h->except_authenticated == 0,
	    "who is asked about what");
	CHECK(h->except_clients.set == 0 && h->only_clients.set == 0, "clients");
	CHECK(h->max_message == 0 && h->on_large.verdict == VD_CONTINUE, "max-message");
	CHECK_STR(h->directory, "/", "directory");
	CHECK(h->umask == 077, "umask");
	CHECK(h->nenvironment == 0, "environment");
	CHECK(h->memory == RLIM_INFINITY && h->cpu == RLIM_INFINITY &&
	    h->open_files == RLIM_INFINITY, "limits");
	CHECK(h->home != NULL && h->home[0] == '/', "home");
	if (geteuid() == 0) {
		CHECK_STR(h->user, "daemon", "user");
		CHECK(h->uid != 0 && h->ngroups > 0, "with ids");
	} else
		CHECK(h->user == NULL && h->uid == getuid(), "user");
}

static void
test_defaults(void)
{
	struct conf	*c;

	c = parse("listen inet:8899 {} handler h { command = cat events = rcpt }");
	if (c == NULL)
		return;
	test_global_defaults(c);
	CHECK(c->nhandlers == 1 && c->nlistens == 1, "one of each");
	test_handler_defaults(&c->handlers[0]);
	CHECK(c->listens[0].nhandlers == 1 && c->listens[0].handlers[0] == 0, "its handlers");
	CHECK(c->listens[0].nallow == 2, "loopback may connect");
	conf_free(c);
}

static void
test_global(void)
{
	struct conf	*c;

	c = parse("listen inet:1 {} handler h { command = cat events = rcpt }"
	    "engines = 64 pin = yes control = run/x control-group = %u spool-directory = /s spool-limit = 2M "
	    "event-timeout = 1s message-timeout = 2m drain-timeout = 0 syslog-facility = local3 "
	    "log-level = debug connections = 2 max-recipients = 3 max-actions = 4 "
	    "max-context = 5K max-reply-line = 6K max-body = 7B", getgid());
	if (c == NULL)
		return;
	CHECK(c->engines == 64 && c->pin == 1, "engines");
	CHECK_STR(c->control, "//run/x", "control, from the base");
	CHECK(c->control_group != NULL, "control-group");
	CHECK_STR(c->spool_directory, "/s", "spool-directory");
	CHECK(c->spool_directory_set == 1 && c->spool_limit == 2097152, "spool");
	CHECK(c->event_timeout == 1000 && c->message_timeout == 120000 &&
	    c->drain_timeout == 0, "timeouts");
	CHECK(c->syslog_facility == LOG_LOCAL3 && c->log_level == LOG_DEBUG, "log");
	CHECK(c->connections == 2 && c->max_recipients == 3 && c->max_actions == 4, "counts");
	CHECK(c->max_context == 5120 && c->max_reply_line == 6144 && c->max_body == 7, "sizes");
	conf_free(c);
}

static void
test_handler_lists(const struct handler_conf *h)
{
	CHECK_STR(h->command[1], "a b", "an argument");
	CHECK_STR(h->command[2], "", "an empty one");
	CHECK(h->command[3] == NULL, "the last");
	CHECK(h->events == (EV_BIT(EV_RCPT) | EV_BIT(EV_MAIL)), "events");
	CHECK(h->optional_events == EV_BIT(EV_DATA), "optional-events");
	CHECK(h->reports == EV_BIT(EV_ABORT), "reports");
	CHECK(h->actions_named == 1 && h->actions == ACT_BIT(ACT_QUARANTINE) &&
	    h->optional_actions == ACT_BIT(ACT_ADD_HEADER), "actions");
	CHECK(h->lines == (LINE_BIT(LINE_MACRO) | LINE_BIT(LINE_CLIENT_HOST)), "lines");
	CHECK_STR(h->macros[SMFIM_RCPT], "{rcpt_mailer} j", "macros of rcpt");
	CHECK_STR(h->macros[SMFIM_EOH], "i", "macros of end-of-headers");
	CHECK(h->non_exit == 2 && h->on_exit[0].status == 1 &&
	    h->on_exit[0].outcome.smtp.code == 554 && h->on_exit[1].status == -1 &&
	    h->on_exit[1].outcome.verdict == VD_ACCEPT, "on-exit");
	CHECK_STR(h->non_exit == 0 ? "" : h->on_exit[0].outcome.smtp.text, "Virus found",
	    "its text");
	CHECK(h->nenvironment == 2, "environment, without what isn't set");
	CHECK_STR(h->environment[0].value, "b=c", "a value");
	CHECK_STR(h->environment[1].name, "PM_TEST", "a name alone");
	CHECK_STR(h->environment[1].value, "yes", "and its value");
}

static void
test_handler(void)
{
	const struct handler_conf	*h;
	struct conf			*c;

	(void)setenv("PM_TEST", "yes", 1);
	(void)unsetenv("PM_NOT");
	c = parse("listen inet:1 {} handler g { command = cat events = rcpt }\nhandler h {"
	    "command = {bin/cat, 'a b', ''} events = {rcpt, mail} optional-events = data "
	    "reports = abort actions = quarantine optional-actions = {add-header} "
	    "lines = {macro, client-host} macros = {'rcpt= {rcpt_mailer}  {j} ', "
	    "'end-of-headers=i'} processes = 7 queue-timeout = 0 timeout = 250ms "
	    "on-failure = continue on-overload = 'reject 552 5.3.4 Too much' "
	    "on-exit = {'1=reject 554 5.7.1 Virus found', '*=accept'} newlines = crlf "
	    "directory = /tmp umask = 027 environment = {'A=b=c', PM_TEST, PM_NOT} "
	    "memory = 64M cpu = 1500ms open-files = 9 }");
	if (c == NULL)
		return;
	h = &c->handlers[1];
	CHECK_STR(h->command[0], "//bin/cat", "a command with a slash, from the base");
	test_handler_lists(h);
	CHECK(h->line == 2 && h->processes == 7, "processes");
	CHECK(h->queue_timeout == 0 && h->timeout == 250, "timeouts");
	CHECK(h->on_failure.verdict == VD_CONTINUE && h->on_timeout.verdict == VD_CONTINUE,
	    "on-timeout is on-failure");
	CHECK(h->on_overload.verdict == VD_REJECT && h->on_overload.smtp.code == 552,
	    "on-overload is not");
	CHECK_STR(h->on_overload.smtp.enhanced, "5.3.4", "its enhanced code");
	CHECK(h->keep_newlines == 1 && h->umask == 027, "newlines and umask");
	CHECK_STR(h->directory, "/tmp", "directory");
	CHECK(h->memory == 67108864 && h->cpu == 2 && h->open_files == 9, "limits");
	conf_free(c);
}

static void
test_pool(void)
{
	const struct handler_conf	*h;
	struct conf			*c;

	c = parse("listen inet:1 {} handler a { command = cat events = rcpt scope = session "
	    "reuse = yes concurrency = 10000 processes-min = 200 idle-timeout = 7d "
	    "max-uses = 1000000000 } handler b { command = cat events = rcpt scope = message "
	    "processes = 7 processes-min = 7 idle-timeout = 0 } handler c { command = cat "
	    "events = rcpt processes-min = 20 max-uses = 3 scope = event reuse = no }");
	if (c == NULL)
		return;
	h = c->handlers;
	CHECK(h[0].scope == SCOPE_SESSION && h[0].reuse == 1 && h[0].concurrency == 10000,
	    "a pool");
	CHECK(h[0].processes == 200 && h[0].processes_min == 200, "with more processes");
	CHECK(h[0].idle_timeout == 604800000 && h[0].max_uses == 1000000000, "that last long");
	CHECK(h[1].scope == SCOPE_MESSAGE && h[1].reuse == 0 && h[1].concurrency == 1,
	    "a process a message");
	CHECK(h[1].processes == 7 && h[1].processes_min == 7 && h[1].idle_timeout == 0,
	    "as many as was said");
	CHECK(h[2].scope == SCOPE_EVENT && h[2].processes == 20 && h[2].processes_min == 20 &&
	    h[2].max_uses == 3, "a process an event, started ahead");
	conf_free(c);
}

static int
matches(const struct client_list *l, const char *spec)
{
	struct netaddr	 addr;
	const char	*why;

	CHECK(netaddr_parse(spec, &addr, &why) == 0, spec);
	return netaddr_in_networks(l->networks, l->nnetworks, &addr);
}

static void
test_clients(void)
{
	const struct handler_conf	*h;
	struct conf			*c;

	c = parse("listen inet:1 {} handler a { command = cat events = rcpt reports = data "
	    "shadow = yes except-authenticated = yes except-clients = {192.0.2.0/24, local, "
	    "'2001:db8::/32'} only-clients = {198.51.100.7} max-message = 1K "
	    "on-large = 'reject 552 5.3.4 Too large' } handler b { command = cat "
	    "reports = rcpt rejected-recipients = yes only-clients = local "
	    "except-clients = {} max-message = 5G }");
	if (c == NULL)
		return;
	h = c->handlers;
	CHECK(h[0].shadow == 1 && h[0].except_authenticated == 1 &&
	    h[0].rejected_recipients == 0, "the first");
	CHECK(h[0].except_clients.set && h[0].except_clients.local &&
	    h[0].except_clients.nnetworks == 2, "except-clients");
	CHECK(matches(&h[0].except_clients, "inet:1@192.0.2.7") &&
	    matches(&h[0].except_clients, "inet6:1@2001:db8::1") &&
	    !matches(&h[0].except_clients, "inet:1@192.0.3.7"), "who is in it");
	CHECK(h[0].only_clients.set && !h[0].only_clients.local &&
	    h[0].only_clients.nnetworks == 1 && h[0].only_clients.networks[0].bits == 32,
	    "only-clients");
	CHECK(h[0].max_message == 1024 && h[0].on_large.verdict == VD_REJECT &&
	    h[0].on_large.smtp.code == 552, "max-message and on-large");
	CHECK_STR(h[0].on_large.smtp.text, "Too large", "its text");
	CHECK(h[1].shadow == 0 && h[1].rejected_recipients == 1 &&
	    h[1].except_authenticated == 0, "the second");
	CHECK(h[1].only_clients.set && h[1].only_clients.local &&
	    h[1].only_clients.nnetworks == 0, "local alone");
	CHECK(h[1].except_clients.set && !h[1].except_clients.local &&
	    h[1].except_clients.nnetworks == 0, "nobody");
	CHECK(h[1].max_message == (uint64_t)5 << 30 && h[1].on_large.verdict == VD_CONTINUE,
	    "more than 32 bits");
	conf_free(c);
}

static void
test_listen(void)
{
	const struct listen_conf	*l;
	struct netaddr_text		 text;
	struct conf			*c;

	c = parse("handler a { command = cat events = rcpt } listen unix:x/y { mode = 600 "
	    "owner = %u group = %u handlers = {b, a} }\nlisten inet:2@192.0.2.1 "
	    "{ allow = {192.0.2.0/24} }\n\nlisten unix:/z {} "
	    "handler b { command = cat events = rcpt }", getuid(), getgid());
	if (c == NULL)
		return;
	l = c->listens;
	CHECK_STR(netaddr_print(&l[0].addr, &text), "unix://x/y", "a path from the base");
	CHECK(l[0].mode == 0600 && l[0].have_owner && l[0].owner == getuid() &&
	    l[0].have_group && l[0].group == getgid(), "mode, owner, group");
	CHECK(l[0].nhandlers == 2 && l[0].handlers[0] == 1 && l[0].handlers[1] == 0,
	    "handlers in the order that was said");
	CHECK(l[1].nallow == 1 && l[1].allow[0].bits == 24, "allow");
	CHECK(l[1].nhandlers == 2 && l[1].handlers[0] == 0, "or else of the file");
	CHECK(l[1].line == 2 && l[2].line == 4, "lines");
	CHECK(l[2].mode == 0660 && l[2].have_owner == c->have_engine_ids &&
	    l[2].have_group == c->have_engine_ids, "the engine's by default");
	CHECK(!c->have_engine_ids || l[2].owner == c->engine_uid, "its uid");
	conf_free(c);
}

static void
test_names(void)
{
	int	 i;

	for (i = 0; i < LINE_COUNT; i++)
		CHECK(conf_line_by_name(conf_line_name((enum conf_line_name)i)) == i, "a line's name");
	CHECK(conf_line_by_name("subject") == -1, "no line's name");
	CHECK(conf_is_global_option("connections") && !conf_is_global_option("timeout"),
	    "global options");
	CHECK(conf_is_handler_option("timeout") && !conf_is_handler_option("mode"),
	    "handler options");
}

/* A mistake must leave nothing behind that spoils the next reading. */
static void
test_again(void)
{
	static const char *const bad[] = { "zz = 5", "x \"\\999", "handler h { command = {",
	    "handler h {} handler h {}", "handler", "'' = 5", "handler h { events = }",
	    "handler h { max-message = 1M on-large = 'reject No' only-clients = {::1, x} }" };
	size_t	 i;

	for (i = 0; i < nitems(bad); i++) {
		logged[0] = '\0';
		CHECK(conf_parse(bad[i], "test", "/", NULL, 0) == NULL, bad[i]);
		CHECK(strncmp(logged, "test:", 5) == 0, "and says so");
		test_defaults();
	}
}

int
main(void)
{
	log_set_hook(keep);
	test_defaults();
	test_global();
	test_handler();
	test_pool();
	test_clients();
	test_listen();
	test_names();
	test_again();
	return tap_done();
}
