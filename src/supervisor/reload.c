/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/reload.c: the steps from one configuration to the next.
 */
#include "base/compat.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/xmalloc.h"
#include "startup/listen_sock.h"
#include "startup/record_dir.h"
#include "startup/tmpdir.h"
#include "supervisor/changes.h"
#include "supervisor/child.h"
#include "supervisor/control.h"
#include "supervisor/guard.h"
#include "supervisor/reader.h"
#include "supervisor/reload.h"
#include "system/control_msg.h"
#include "system/notify.h"

#define READ_MS		60000	/* ms that the process has to read the configuration */
#define SWITCH_MS	2000	/* ms that old engines have to say that they accept no more */

/* The reload that messages are about which are logged now; NULL: they are about something else. */
static struct reload	*listening;

/* log_tee() */
static void
hear(int severity, const char *text)
{
	if (severity > LOG_WARNING)
		return;
	control_reload_says(text);
	if (severity == LOG_ERR && listening->error == NULL && listening->step != RELOAD_SWITCHING)
		listening->error = xstrdup(text);
}

static void
listen_to(struct reload *r)
{
	listening = r;
	log_tee(r != NULL ? hear : NULL);
}

static void complain(struct reload *, const char *, ...) PRINTF_LIKE(2, 3);

static void
complain(struct reload *r, const char *fmt, ...)
{
	va_list	 ap;

	listen_to(r);
	va_start(ap, fmt);
	log_vmsg(LOG_ERR, NULL, fmt, ap);
	va_end(ap);
	listen_to(NULL);
}

void
reload_init(struct reload *r, struct engine_set *es)
{
	memset(r, 0, sizeof(*r));
	r->engines = es;
	r->give_up_at = MONO_NEVER;
	r->read = time(NULL);
}

void
reload_free(struct reload *r)
{
	free(r->error);
}

void
reload_ask(struct reload *r)
{
	r->wanted = 1;
}

const char *
reload_failure(const struct reload *r, char *text, size_t size)
{
	size_t	 i;

	text[0] = '\0';
	if (r->error == NULL)
		return text;
	(void)snprintf(text, size, "; reload failed: %s", r->error);
	/* It is one line, whatever names of files are like. */
	for (i = 0; text[i] != '\0'; i++)
		if ((unsigned char)text[i] < ' ')
			text[i] = '?';
	return text;
}

static void
over(struct reload *r, unsigned int status)
{
	char	 text[256];

	r->step = RELOAD_NONE;
	r->give_up_at = MONO_NEVER;
	r->new = r->old = NULL;
	control_reload_ends(status);
	(void)notify_send(-1, "READY=1\nSTATUS=running%s", reload_failure(r, text, sizeof(text)));
}

static void
failed(struct reload *r)
{
	r->failed++;
	if (r->error == NULL)
		r->error = xstrdup("see the log");
	log_warnx("the reload has failed; nothing has changed");
	over(r, CONTROL_FAILED);
}

/* The new engines end; the sockets that were opened for them are closed. */
static void
undo(struct reload *r)
{
	struct generation	*g = r->new, *current = r->engines->current;

	g->state = GENERATION_FAILED;
	generation_kill(g);
	listen_sock_undo(g->conf, g->listen_fds, current->conf, current->listen_fds);
	g->listen_fds = NULL;
	r->step = RELOAD_UNDOING;
	r->give_up_at = MONO_NEVER;
}

static void
begin(struct reload *r, uint64_t now)
{
	const struct engine_set	*es = r->engines;

	r->wanted = 0;
	free(r->error);
	r->error = NULL;
	control_reload_begins();
	(void)notify_send(-1, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=reading the "
	    "configuration", mono_us());
	r->step = RELOAD_READING;
	r->give_up_at = now + READ_MS;
	if (engine_set_count(es, GENERATION_OLD) + engine_set_count(es, GENERATION_ANSWERS) +
	    engine_set_count(es, GENERATION_FAILED) >= GENERATIONS_OLD) {
		complain(r, "%d old sets of engines still have sessions: see reload-timeout",
		    GENERATIONS_OLD);
		failed(r);
	} else if (reader_start(es->opts->conf_path, es->current->conf) == -1)
		failed(r);
}

/* Twice as many handlers as there may be, as some end slowly; those that are there count, too. */
static int
grow_guard(const struct reload *r, const struct conf *conf)
{
	size_t	 i, n = 256 + ENGINES_MAX + 2 * child_count();

	for (i = 0; i < conf->nhandlers; i++)
		n += 2 * (size_t)conf->handlers[i].processes;
	return guard_grow(n, r->engines->opts->ready_fd != -1);
}

/* What the start makes, too. Returns 0, or -1, logged. */
static int
prepare(struct reload *r, const struct conf *conf, struct runtime *rt, int **fds)
{
	const struct generation	*current = r->engines->current;
	struct tenant		*tenants;
	size_t			 n;
	int			 ret;

	if (grow_guard(r, conf) == -1)
		return -1;
	if ((*fds = listen_sock_renew(conf, current->conf, current->listen_fds)) == NULL)
		return -1;
	tenants = engine_set_tenants(r->engines, NULL, &n);
	ret = tmpdir_renew(conf, rt, tenants, n);
	if (ret == 0)
		ret = record_dir_open(conf, rt);
	if (ret == -1) {
		tmpdir_release(rt, tenants, n);
		listen_sock_undo(conf, *fds, current->conf, current->listen_fds);
	}
	free(tenants);
	return ret;
}

/* Returns 0, or -1: nothing is left. */
static int
start(struct reload *r, struct conf *conf)
{
	struct runtime	*rt = runtime_new(conf->nhandlers);
	int		*fds;

	if (prepare(r, conf, rt, &fds) == -1) {
		runtime_free(rt);
		conf_free(conf);
		return -1;
	}
	r->step = RELOAD_STARTING;
	/* Each of them has a time of its own to become ready. */
	r->give_up_at = MONO_NEVER;
	if (engine_set_add(r->engines, conf, rt, fds, &r->new) == -1)
		undo(r);
	return 0;
}

void
reload_read(struct reload *r, int status)
{
	const struct engine_set	*es = r->engines;
	struct conf		*conf = NULL;
	int			 ret = -1;

	listen_to(r);
	/* The file may change between the two. */
	if (reader_ended(status) == 0)
		conf = conf_load_again(es->opts->conf_path, es->current->conf);
	if (conf != NULL)
		ret = start(r, conf);
	listen_to(NULL);
	if (ret == -1)
		failed(r);
}

static void
retire(struct generation *g, uint64_t end_at)
{
	g->state = GENERATION_OLD;
	g->end_at = end_at;
	free(g->listen_fds);
	g->listen_fds = NULL;
	generation_tell(g, IPC_RETIRE);
}

/* The new engines are ready. */
static void
change_over(struct reload *r, uint64_t now)
{
	struct engine_set	*es = r->engines;
	struct generation	*old = es->current, *new = r->new;

	r->step = RELOAD_SWITCHING;
	r->give_up_at = now + SWITCH_MS;
	engine_set_serve_with(es, new);
	listen_to(r);
	listen_sock_switch(new->conf, new->listen_fds, old->conf, old->listen_fds);
	listen_to(NULL);
	retire(old, now + new->conf->reload_timeout);
	log_change(new->conf->syslog_facility,
	    es->opts->verbose ? LOG_DEBUG : new->conf->log_level);
	changes_log(old->conf, new->conf);
	r->done++;
	r->read = time(NULL);
	r->old = old;
	/* A daemon that was drained may have none. */
	if (generation_alive(old) > 0)
		return;
	r->old = NULL;
	engine_set_drop(es, old);
}

/* 1 if no old engine accepts a connection any more, or it can't be waited for. */
static int
has_switched(const struct reload *r, uint64_t now)
{
	return r->old == NULL || generation_has_retired(r->old) || now >= r->give_up_at;
}

/* Goes on when the last engine is gone: until then it has the sockets. */
static void
finish_undoing(struct reload *r)
{
	if (r->new != NULL && generation_alive(r->new) > 0)
		return;
	if (r->new != NULL)
		engine_set_drop(r->engines, r->new);
	failed(r);
}

int
reload_run(struct reload *r, uint64_t now, int may_begin)
{
	if (r->step == RELOAD_NONE && r->wanted && may_begin)
		begin(r, now);
	if (r->step == RELOAD_READING && now >= r->give_up_at) {
		complain(r, "the configuration takes longer than %d s to be read", READ_MS / 1000);
		reader_stop();
		failed(r);
	} else if (r->step == RELOAD_STARTING && generation_all_ready(r->new)) {
		change_over(r, now);
		return 1;
	} else if (r->step == RELOAD_SWITCHING && has_switched(r, now))
		over(r, CONTROL_OK);
	else if (r->step == RELOAD_UNDOING)
		finish_undoing(r);
	return 0;
}

uint64_t
reload_next(const struct reload *r, int may_begin)
{
	if (r->step == RELOAD_NONE)
		return r->wanted && may_begin ? 0 : MONO_NEVER;
	return r->give_up_at;
}

void
reload_engine_ended(struct reload *r, const struct engine_proc *e)
{
	if (r->step != RELOAD_STARTING || e->generation != r->new)
		return;
	complain(r, "%s ended before it was ready; see the log", e->name);
	undo(r);
}

void
reload_forget(struct reload *r, const struct generation *g)
{
	if (g == r->old)
		r->old = NULL;
	if (g == r->new)
		r->new = NULL;
}

/* The reload that goes on. */
static void
cut_short(struct reload *r, const char *why)
{
	struct generation	*g = r->new;

	if (r->step == RELOAD_SWITCHING) {
		over(r, CONTROL_OK);
		return;
	}
	if (r->step != RELOAD_UNDOING)
		complain(r, "the reload is given up: %s", why);
	reader_stop();
	if (r->step == RELOAD_STARTING)
		undo(r);
	/* The engines are reaped later. */
	failed(r);
	if (g != NULL && generation_alive(g) == 0)
		engine_set_drop(r->engines, g);
}

void
reload_give_up(struct reload *r, const char *why)
{
	r->wanted = 0;
	if (r->step != RELOAD_NONE)
		cut_short(r, why);
	/* Those who have come meanwhile wait for the next, which does not come. */
	control_reload_begins();
	control_reload_says(why);
	control_reload_ends(CONTROL_FAILED);
}
