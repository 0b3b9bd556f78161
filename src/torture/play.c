/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/play.c: a session played with the handler.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "milter/proto.h"
#include "base/mono.h"
#include "torture/ask.h"
#include "torture/play.h"
#include "torture/serve.h"
#include "base/xmalloc.h"

static void
init_play(struct torture_play *p, struct torture *t, const struct torture_mail *m, int mode)
{
	memset(p, 0, sizeof(*p));
	p->t = t;
	p->mode = mode;
	p->packets = &m->packets;
	p->s = session_new(t->conf, &t->conf->listens[0], &t->neg, t->missing);
	TAILQ_INIT(&p->reply.actions);
	buf_init(&p->out, SIZE_MAX / 2);
}

void
torture_play_free(struct torture_play *p)
{
	size_t	 i;

	for (i = 0; i < p->nanswers; i++)
		free(p->answers[i].signature);
	free(p->answers);
}

/* Sets values with all kinds of names, as other handlers might. */
static void
set_context(struct torture_play *p)
{
	static const char *const	 names[] = { "a", "odd-name_of--context", "X_9", "ifs",
	    "path" };
	size_t				 i;

	for (i = 0; i < nitems(names); i++)
		context_set(&p->s->context, names[i],
		    p->t->values[(p->t->report.tried + i) % p->t->nvalues].text, 0);
}

/* 0 if the handler wants nothing of the event, so that an MTA would not send it. */
static int
is_wanted(const struct torture_play *p, int code)
{
	static const char	 codes[] = "CHMRTLNBU";
	static const uint32_t	 bits[] = { SMFIP_NOCONNECT, SMFIP_NOHELO, SMFIP_NOMAIL,
	    SMFIP_NORCPT, SMFIP_NODATA, SMFIP_NOHDRS, SMFIP_NOEOH, SMFIP_NOBODY,
	    SMFIP_NOUNKNOWN };
	const char		*at = strchr(codes, code);

	return at == NULL || (p->t->neg.protocol & bits[at - codes]) == 0;
}

/* After a refusal an MTA goes on with the next message, or ends. */
static int
is_skipped(struct torture_play *p, int code)
{
	if (p->skipping && (code == SMFIC_ABORT || code == SMFIC_CONNECT))
		p->skipping = 0;
	return p->skipping || !is_wanted(p, code);
}

/* Acts on the answer to the MTA: its last packet counts. */
static void
follow_answer(struct torture_play *p)
{
	struct milter_packet	 pkt;
	size_t			 at = 0, used;
	int			 code = 0;

	while (milter_frame(p->out.data + at, p->out.len - at, &pkt, &used) == MILTER_FRAME_OK) {
		code = pkt.code;
		at += used;
	}
	buf_reset(&p->out);
	if (code == 0 || code == SMFIR_CONTINUE || code == SMFIR_SKIP)
		return;
	if (p->wire == SMFIC_RCPT || p->wire == SMFIC_UNKNOWN)
		return;
	if (p->wire == SMFIC_CONNECT || p->wire == SMFIC_HELO)
		p->at = p->packets->len;
	p->skipping = 1;
}

/* Plays the next command; 0 if there is none. */
static int
next_command(struct torture_play *p)
{
	struct milter_packet	 pkt;
	struct milter_cmd	 cmd;
	const char		*why;
	size_t			 used;

	for (;;) {
		if (milter_frame(p->packets->data + p->at, p->packets->len - p->at, &pkt,
		    &used) != MILTER_FRAME_OK || milter_dec_cmd(&pkt, &cmd, &why) == -1)
			return 0;
		p->at += used;
		if (!is_skipped(p, cmd.code))
			break;
	}
	if (cmd.code == SMFIC_CONNECT)
		set_context(p);
	if (cmd.code != SMFIC_MACRO)
		p->wire = cmd.code;
	if (session_command(p->s, &cmd, &p->out) == STEP_GO)
		follow_answer(p);
	return 1;
}

static void
end_scope(struct torture_play *p)
{
	struct hstate	*h = &p->s->h[0];

	if (!h->scope_over)
		return;
	h->scope_over = 0;
	p->s->nscopes_over--;
	torture_release(p);
}

/* Gives a report. With TORTURE_APART, waits until a lasting process has read it. */
static void
give_report(struct torture_play *p, struct torture_proc *pr, struct task *t)
{
	int	 ends = t->ends;

	torture_give(p, pr, t);
	session_drop_task(t);
	if ((p->mode & TORTURE_APART) != 0 && torture_lasts(p->t)) {
		torture_proc_drain(pr, p->t->handler->timeout);
		torture_proc_turn(pr, mono_ms() + TORTURE_QUIET_MS);
		torture_stray(pr);
	}
	if (ends)
		torture_release(p);
}

/* Runs the waiting tasks. Returns 1 if the play waits for an answer then. */
static int
run_tasks(struct torture_play *p)
{
	struct torture_proc	*pr;
	struct task		*t;

	for (;;) {
		end_scope(p);
		if (p->asked != NULL)
			return 1;
		if ((t = TAILQ_FIRST(&p->s->h[0].tasks)) == NULL)
			return 0;
		if (torture_is_over(p->t) || (pr = torture_serve(p, t)) == NULL) {
			torture_give_up(p);
			return 0;
		}
		if (t->report)
			give_report(p, pr, t);
		else
			torture_ask(p, pr, t);
	}
}

/* Goes on until the play waits for an answer (1) or the session has ended (0). */
static int
advance_play(struct torture_play *p)
{
	for (;;) {
		if (run_tasks(p))
			return 1;
		if (p->ended)
			return 0;
		if (torture_is_over(p->t) || !next_command(p)) {
			session_end(p->s, "quit");
			p->ended = 1;
		}
	}
}

static void
end_play(struct torture_play *p)
{
	torture_release(p);
	session_free(p->s);
	action_list_clear(&p->reply.actions);
	buf_free(&p->out);
}

static void
answer_taken(struct torture_play *p, enum step step)
{
	if (step == STEP_GO)
		follow_answer(p);
	else
		buf_reset(&p->out);
}

/* Reads the answers for all plays that wait; they share one process. */
static void
take_answers(struct torture_play **plays, size_t n)
{
	struct torture_play	*p;
	struct task_result	 r;
	struct action_list	 actions = TAILQ_HEAD_INITIALIZER(actions);

	while ((p = torture_collect(plays, n, &r)) != NULL) {
		TAILQ_CONCAT(&actions, &p->reply.actions, entry);
		r.actions = &actions;
		answer_taken(p, session_answer(p->s, &r, &p->out));
		smtp_reply_free(&p->reply.smtp);
		memset(&p->reply.smtp, 0, sizeof(p->reply.smtp));
		action_list_clear(&actions);
		p->nactions = 0;
	}
}

void
torture_play(struct torture_play *p, struct torture *t, const struct torture_mail *m, int mode,
    const char *foreign, unsigned int foreign_from)
{
	init_play(p, t, m, mode);
	p->foreign = foreign;
	p->foreign_from = foreign_from;
	while (advance_play(p))
		take_answers(&p, 1);
	end_play(p);
}

void
torture_play_together(struct torture *t, const struct torture_mail *m, size_t n)
{
	struct torture_play	*all = xcalloc(n, sizeof(*all)), **plays;
	size_t			 i, waiting;

	plays = xcalloc(n, sizeof(*plays));
	for (i = 0; i < n; i++) {
		init_play(&all[i], t, m, 0);
		plays[i] = &all[i];
	}
	do {
		waiting = 0;
		for (i = 0; i < n; i++)
			waiting += advance_play(plays[i]) != 0;
		take_answers(plays, n);
	} while (waiting > 0);
	for (i = 0; i < n; i++) {
		end_play(&all[i]);
		torture_play_free(&all[i]);
	}
	free(plays);
	free(all);
}
