/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/serve.c: which process serves a play.
 */
#include "base/compat.h"

#include <sys/wait.h>

#include <stdio.h>
#include <string.h>

#include "config/handler_conf.h"
#include "state/exit_status.h"
#include "torture/serve.h"

#define FEW_BLOCKS	3	/* a process that ends within so few does not loop */

/* The process that is used again, if the handler has reuse. */
static struct torture_proc	*spare;

static int
takes_body(const struct torture *t)
{
	return (conf_handler_events(t->handler) & EV_BIT(EV_BODY)) != 0;
}

void
torture_stray(struct torture_proc *pr)
{
	const char	*text = (const char *)pr->out.data + pr->taken;
	size_t		 len = pr->out.len - pr->taken;

	if (!torture_proc_has_more(pr))
		return;
	if (pr->last_report)
		torture_wrong(&pr->t->report, pr->where, "output in answer to a report", text,
		    len, "does it look whether a block begins with event or report?");
	else
		torture_wrong(&pr->t->report, pr->where, "it goes on after its verdict", text,
		    len, takes_body(pr->t) ? "does it read the payload of body, as many bytes as "
		    "length says, or take it for lines of a block? The first verdict ends a reply"
		    : "the first verdict ends a reply; or was a report answered before?");
	pr->taken = pr->out.len;
}

/* Tells of a bad end. */
static void
tell_end(struct torture_proc *pr)
{
	char	 why[EXIT_WHY], what[320];

	exit_status_text(pr->status, why);
	(void)snprintf(what, sizeof(what), "it %s where its work was over", why);
	torture_wrong(&pr->t->report, pr->where, what, NULL, 0,
	    "is the status that of the last command by chance?");
}

/*
 * Tells of a process that does not end. Nothing more is tried: each wait would
 * take too long.
 */
static void
tell_endless(struct torture_proc *pr)
{
	pr->t->hopeless = 1;
	if (*pr->t->options->stop == 0)
		torture_wrong(&pr->t->report, pr->where,
		    "it does not end at the end of its standard input", NULL, 0,
		    "does its loop look for end of file?");
}

/*
 * Ends a process that has answered everything. status_counts: a bad status is
 * wrong. It is not after the verdict of a process for one event.
 */
static void
finish_process(struct torture_proc *pr, int status_counts)
{
	uint64_t	 ms = TORTURE_GRACE_MS;

	if (pr->last_report && pr->t->handler->timeout > ms)
		ms = pr->t->handler->timeout;
	torture_proc_close(pr);
	if (!torture_proc_finish(pr, ms)) {
		tell_endless(pr);
	} else if (WIFSIGNALED(pr->status) || (pr->status != 0 && status_counts))
		tell_end(pr);
	torture_stray(pr);
	torture_judge_canaries(pr->t, pr->where);
	torture_judge_names(pr->t, pr->where, pr->err.data, pr->err.len);
	torture_proc_end(pr);
}

void
torture_retire(struct torture *t __unused)
{
	struct torture_proc	*pr = spare;

	spare = NULL;
	if (pr != NULL)
		finish_process(pr, 1);
}

void
torture_drop(struct torture_play *p)
{
	if (p->proc == spare)
		spare = NULL;
	torture_proc_end(p->proc);
	p->proc = NULL;
}

/* Tells of a process that ended although it was to be asked again. */
static void
tell_gone(struct torture_proc *pr)
{
	char	 why[EXIT_WHY], what[160];

	if (pr->status == 0 && (!pr->t->handler->reuse || pr->blocks >= FEW_BLOCKS))
		return;
	exit_status_text(pr->status, why);
	(void)snprintf(what, sizeof(what), "it %s while its standard input was open", why);
	torture_wrong(&pr->t->report, pr->where, what, NULL, 0,
	    pr->status != 0 ? "did it crash between two events?" :
	    "with reuse or a longer scope it is to read the next block (no variables tell of "
	    "that): does it loop?");
}

/*
 * Returns the process if it still runs; else tells of its end, frees it and
 * returns NULL.
 */
static struct torture_proc *
still_there(struct torture_proc *pr)
{
	torture_proc_turn(pr, 0);
	if (!pr->exited)
		return pr;
	torture_stray(pr);
	tell_gone(pr);
	torture_proc_end(pr);
	return NULL;
}

static struct torture_proc *
begin_process(struct torture_play *p, struct task *t)
{
	struct torture	*tt = p->t;
	unsigned int	 max = tt->handler->max_uses;
	struct buf	 none;

	buf_init(&none, 0);
	if (spare != NULL && spare->scopes == 0)
		spare = still_there(spare);
	if (spare != NULL && spare->scopes == 0 && max != 0 && spare->uses >= max)
		torture_retire(tt);
	if (spare != NULL)
		return spare;
	p->proc = torture_proc_start(tt, t->event, (p->mode & TORTURE_AHEAD) != 0 ? &none :
	    &t->env, (p->mode & TORTURE_PIECES) != 0);
	if (p->proc != NULL && tt->handler->reuse)
		spare = p->proc;
	return p->proc;
}

struct torture_proc *
torture_serve(struct torture_play *p, struct task *t)
{
	int	 was_spare = p->proc != NULL && p->proc == spare;

	if (t->begins)
		torture_release(p);
	/*
	 * If others use the process too, they find out that it is gone when
	 * they ask it.
	 */
	else if (p->proc != NULL && p->proc->scopes == 1 &&
	    (p->proc = still_there(p->proc)) == NULL && was_spare)
		spare = NULL;
	if (p->proc != NULL)
		return p->proc;
	if (!t->begins)
		session_restart_scope(t);
	if ((p->proc = begin_process(p, t)) == NULL)
		return NULL;
	p->proc->pieces = (p->mode & TORTURE_PIECES) != 0;
	p->proc->scopes++;
	p->proc->uses++;
	return p->proc;
}

void
torture_release(struct torture_play *p)
{
	struct torture_proc	*pr = p->proc;

	if (pr == NULL)
		return;
	p->proc = NULL;
	pr->scopes--;
	if (!p->t->handler->reuse)
		finish_process(pr, pr->t->handler->scope != SCOPE_EVENT || pr->last_report);
}
