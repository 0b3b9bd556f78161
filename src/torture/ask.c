/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/ask.c: gives a block to the handler and reads the answer.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/exit_status.h"
#include "base/mono.h"
#include "torture/ask.h"
#include "torture/serve.h"
#include "base/xmalloc.h"

#define MAX_WAIT_MS	60000	/* where the daemon would wait for minutes */
#define MORE_MS		1000	/* for an answer after the missing thing was given */
#define SLOW_MS		1000
#define SLOW_START_MS	3000

void
torture_give(struct torture_play *p, struct torture_proc *pr, struct task *t)
{
	(void)snprintf(pr->where, sizeof(pr->where), "%s%s", t->report ? "report " : "",
	    event_name(t->event));
	pr->last_report = t->report;
	torture_proc_give(pr, t->block.data, t->block.len);
	p->t->report.tried++;
	if (t->ends && !p->t->handler->reuse)
		torture_proc_close(pr);
}

void
torture_ask(struct torture_play *p, struct torture_proc *pr, struct task *t)
{
	torture_give(p, pr, t);
	p->asked = t;
	p->from = pr->taken;
	t->run.since = mono_ms();
	t->run.deadline = t->timeout < MAX_WAIT_MS ? t->timeout : MAX_WAIT_MS;
}

static const char *
where_of(const struct torture_play *p)
{
	return event_name(p->asked->event);
}

/*
 * Writes the event, and what kind of values the process got if its end may be
 * due to them.
 */
static void
where_given(const struct torture_play *p, char *where, size_t size)
{
	if (p->t->given == NULL)
		(void)snprintf(where, size, "%s", where_of(p));
	else
		(void)snprintf(where, size, "%s, given %s", where_of(p), p->t->given);
}

static void
add_answer(struct torture_play *p)
{
	struct torture_answer	*a;

	p->answers = xreallocarray(p->answers, p->nanswers + 1, sizeof(*p->answers));
	a = &p->answers[p->nanswers++];
	a->event = p->asked->event;
	a->signature = torture_signature(&p->reply);
}

/* Tells if the answer has a word of a message before this one. */
static void
judge_foreign(struct torture_play *p, struct torture_proc *pr)
{
	const char	*text = (const char *)pr->out.data + p->from;
	size_t		 len = pr->taken - p->from;

	if (p->foreign == NULL || p->uses_set || len == 0 ||
	    p->s->nmessages < p->foreign_from ||
	    memmem(text, len, p->foreign, strlen(p->foreign)) == NULL)
		return;
	torture_wrong(&p->t->report, where_of(p), "it answers with a value of an earlier message",
	    text, len, "what is known of a message is to be forgotten at the next id in the line "
	    "message, and all of it at the line complete");
}

static void
judge_time(struct torture_play *p, const struct torture_proc *pr)
{
	uint64_t	 ms = mono_ms() - p->asked->run.since;
	char		 text[120];

	if (ms < SLOW_MS || (pr->blocks == 1 && ms < SLOW_START_MS) || p->mode != 0)
		return;
	(void)snprintf(text, sizeof(text), pr->blocks == 1 ? "a process took more than %u s to "
	    "start and to answer" : "an answer took more than %u s",
	    pr->blocks == 1 ? SLOW_START_MS / 1000 : SLOW_MS / 1000);
	torture_remark(&p->t->report, text);
}

/* Ends the task that the play waits for. */
static void
end_task(struct torture_play *p, int failed)
{
	int	 ends = p->asked->ends;

	session_drop_task(p->asked);
	p->asked = NULL;
	if (failed)
		action_list_clear(&p->reply.actions);
	if (failed && p->proc != NULL && p->proc->scopes == 1)
		torture_drop(p);
	else if (failed && p->proc != NULL) {
		p->proc->scopes--;
		p->proc = NULL;
	} else if (ends)
		torture_release(p);
}

static struct torture_play *
fail_task(struct torture_play *p, struct task_result *r)
{
	memset(r, 0, sizeof(*r));
	r->end = TASK_FAILURE;
	r->why = "said already";
	end_task(p, 1);
	return p;
}

/* The reply is complete: judges it. */
static struct torture_play *
answered(struct torture_play *p, struct task_result *r)
{
	struct torture_proc	*pr = p->proc;
	const char		*where = where_of(p);

	r->verdict = p->reply.verdict;
	r->smtp = p->reply.smtp;
	r->end = TASK_REPLY;
	pr->answers++;
	add_answer(p);
	torture_judge_reply(pr, where, &p->reply, p->from, pr->taken);
	if (p->asked->event == EV_HEADER)
		torture_judge_copy(p->t, where, &p->asked->block, &p->reply);
	judge_foreign(p, pr);
	judge_time(p, pr);
	if ((p->mode & TORTURE_APART) != 0 && torture_lasts(p->t))
		torture_proc_turn(pr, mono_ms() + TORTURE_QUIET_MS);
	/* With several tasks in the process, the output may answer another one. */
	if (pr->scopes == 1)
		torture_stray(pr);
	end_task(p, 0);
	return p;
}

static struct torture_play *
take_reply_verdict(struct torture_play *p, struct task_result *r)
{
	struct torture_proc	*pr = p->proc;
	const char		*why = session_verdict_problem(p->asked, reply_verdict(pr->dec));

	if (why != NULL) {
		torture_judge_line(pr, where_of(p), why);
		return fail_task(p, r);
	}
	p->reply.verdict = reply_verdict(pr->dec);
	smtp_reply_copy(&p->reply.smtp, reply_smtp(pr->dec));
	reply_dec_next(pr->dec);
	return answered(p, r);
}

/* Takes an action of the reply; -1 if it is not allowed. */
static int
take_reply_action(struct torture_play *p, struct action *a)
{
	const char	*why;

	why = session_judge(p->asked, a, &p->reply.actions, p->nactions++);
	if (why != NULL) {
		torture_judge_line(p->proc, where_of(p), why);
		action_free(a);
		return -1;
	}
	if (a->kind == ACT_PROGRESS)
		p->asked->run.since = mono_ms();
	if (a->kind == ACT_SET)
		p->uses_set = 1;
	TAILQ_INSERT_TAIL(&p->reply.actions, a, entry);
	return 0;
}

/* The process has exited; its status may be a verdict. */
static struct torture_play *
take_exit(struct torture_play *p, struct task_result *r)
{
	struct torture_proc	*pr = p->proc;
	char			 why[EXIT_WHY], what[400], where[160], words[200];

	memset(r, 0, sizeof(*r));
	exit_status_verdict(p->t->handler, pr->status, r, why);
	if (r->end == TASK_REPLY && !(p->t->handler->concurrency > 1)) {
		p->reply.verdict = r->verdict;
		smtp_reply_copy(&p->reply.smtp, &r->smtp);
		if (p->t->handler->reuse && pr->status == 0 && pr->blocks < 3)
			torture_wrong(&p->t->report, where_of(p),
			    "it ended while its standard input was open", NULL, 0,
			    "with reuse it is to read the next block (no variables tell of "
			    "that): does it loop?");
		return answered(p, r);
	}
	exit_status_text(pr->status, why);
	torture_proc_last_words(pr, words, sizeof(words));
	(void)snprintf(what, sizeof(what), "it %s and gave no verdict%s%s", why,
	    pr->err.len > 0 ? "; it said: " : "", words);
	where_given(p, where, sizeof(where));
	torture_wrong(&p->t->report, where, what, NULL, 0, NULL);
	torture_judge_canaries(p->t, where_of(p));
	return fail_task(p, r);
}

static enum reply_item
feed(struct torture_proc *pr, struct action **a)
{
	enum reply_item	 item;
	size_t		 used;

	item = reply_dec_feed(pr->dec, pr->out.data + pr->taken, pr->out.len - pr->taken, &used,
	    a);
	pr->taken += used;
	return item;
}

/* 1 if the output has a whole reply by now. */
static int
has_verdict(struct torture_proc *pr)
{
	struct action	*a;
	enum reply_item	 item;

	do {
		item = feed(pr, &a);
		if (item == REPLY_ACTION)
			action_free(a);
	} while (item == REPLY_ACTION || item == REPLY_ID);
	return item == REPLY_VERDICT;
}

static int
answers_within(struct torture_proc *pr, uint64_t ms)
{
	uint64_t	 until = mono_ms() + ms;

	while (!has_verdict(pr)) {
		if (mono_ms() >= until || (pr->exited && pr->taken == pr->out.len))
			return 0;
		torture_proc_turn(pr, until);
	}
	return 1;
}

/*
 * Why no answer came: gives what the process may be waiting for, one thing
 * after the other, until it answers.
 */
static const char *
why_late(struct torture_play *p, struct torture_proc *pr)
{
	if (reply_dec_pending(pr->dec) > 0)
		return "its last line has no line feed";
	if (pr->fds[0] == -1 && torture_proc_unread(pr) == 0)
		return "does it wait for something other than mail?";
	if (torture_proc_unread(pr) > 0)
		return "it has not read all of the block: does it wait for something else?";
	torture_proc_give(pr, p->asked->block.data, p->asked->block.len);
	if (answers_within(pr, MORE_MS))
		return "no answer until another block came: does it read more than one block "
		    "(head, a read of so many bytes, lines read ahead)?";
	torture_proc_close(pr);
	if (answers_within(pr, MORE_MS))
		return "no answer until its standard input was closed: is its output buffered? "
		    "Or does it read to the end of file, and not to the empty line?";
	return "not when its standard input was closed either";
}

static struct torture_play *
end_late(struct torture_play *p, struct task_result *r)
{
	char	 what[80];

	(void)snprintf(what, sizeof(what), "no answer within %u ms",
	    (unsigned int)p->asked->run.deadline);
	torture_wrong(&p->t->report, where_of(p), what, NULL, 0, why_late(p, p->proc));
	p->t->hopeless = 1;
	return fail_task(p, r);
}

static struct torture_play *
by_id(struct torture_play **plays, size_t n, uint64_t id)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (plays[i]->asked != NULL && plays[i]->asked->id == id)
			return plays[i];
	return NULL;
}

static struct torture_play *
any_asked(struct torture_play **plays, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (plays[i]->asked != NULL)
			return plays[i];
	return NULL;
}

static struct torture_play *
bad_line(struct torture_play *p, struct task_result *r)
{
	torture_judge_line(p->proc, where_of(p), reply_why(p->proc->dec));
	return fail_task(p, r);
}

/* Waits for more output. Returns 1 if there is nothing to wait for. */
static int
wait_for_more(struct torture_play *p)
{
	struct torture_proc	*pr = p->proc;

	/* The time for an answer begins when the whole block is written. */
	if (pr->written < pr->in.len && !pr->exited)
		p->asked->run.since = mono_ms();
	if (pr->exited || mono_ms() - p->asked->run.since > p->asked->run.deadline ||
	    *p->t->options->stop != 0)
		return 1;
	torture_proc_turn(pr, p->asked->run.since + p->asked->run.deadline + 1);
	return 0;
}

static enum reply_item
last_line(struct torture_proc *pr, struct action **a)
{
	*a = NULL;
	return pr->exited && pr->status == 0 ? reply_dec_eof(pr->dec, a) : REPLY_MORE;
}

static struct torture_play *
end_without_answer(struct torture_play *p, struct task_result *r)
{
	if (p->proc->exited)
		return take_exit(p, r);
	if (*p->t->options->stop != 0) {
		p->t->hopeless = 1;
		return fail_task(p, r);
	}
	return end_late(p, r);
}

static struct torture_play *
wrong_id(struct torture_play *p, struct task_result *r)
{
	torture_wrong(&p->t->report, where_of(p), "it answers an event-id that it was not asked",
	    NULL, 0, "with concurrency a reply begins with the event-id of its block");
	return fail_task(p, r);
}

/* Takes an item if it is an action. Returns 0, or -1 if the action is not allowed. */
static int
take_if_action(struct torture_play *p, enum reply_item item, struct action *a)
{
	return item == REPLY_ACTION ? take_reply_action(p, a) : 0;
}

struct torture_play *
torture_collect(struct torture_play **plays, size_t n, struct task_result *r)
{
	struct torture_play	*p = any_asked(plays, n);
	struct action		*a;
	enum reply_item		 item;

	memset(r, 0, sizeof(*r));
	while (p != NULL && p->proc != NULL) {
		item = feed(p->proc, &a);
		if (item == REPLY_MORE && wait_for_more(p) && (item = last_line(p->proc, &a)) == REPLY_MORE)
			return end_without_answer(p, r);
		if (item == REPLY_ID && by_id(plays, n, reply_id(p->proc->dec)) == NULL)
			return wrong_id(p, r);
		if (item == REPLY_ID)
			p = by_id(plays, n, reply_id(p->proc->dec));
		if (item == REPLY_VERDICT)
			return take_reply_verdict(p, r);
		if (item == REPLY_ERROR)
			return bad_line(p, r);
		if (take_if_action(p, item, a) == -1)
			return fail_task(p, r);
	}
	return p == NULL ? NULL : fail_task(p, r);
}

void
torture_give_up(struct torture_play *p)
{
	struct task	*t;

	if (p->asked != NULL)
		end_task(p, 1);
	while ((t = TAILQ_FIRST(&p->s->h[0].tasks)) != NULL)
		session_drop_task(t);
	if (p->s->cur.asked != -1)
		session_give_up(p->s, &p->out);
	buf_reset(&p->out);
	p->skipping = 1;
}
