/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/explain_play.c: a session between the player of milter-send(1) and
 * a session of ours, with only two buffers between them. Each handler that is
 * asked says continue; what the session decides is printed.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>

#include "pipemilter/explain.h"
#include "pipemilter/explain_why.h"
#include "base/log.h"
#include "milter/encode.h"
#include "mta/player.h"
#include "base/xmalloc.h"

#define BUFFER_MAX	((size_t)4 * 1024 * 1024)

struct play {
	const struct conf	 *conf;
	const struct listen_conf *listen;
	struct mta_player	 *player;
	struct session		 *session;
	struct negotiated	  neg;
	const char		**missing;
	struct buf		  in, out;	/* from the MTA, and to it */
	struct seen		 *seen;		/* one for each handler of the listener */
	enum event_kind		  event;	/* what seen is about; EV_COUNT: nothing */
	unsigned int		  number;	/* number of the event in the session */
	int			  aborts;	/* play MAIL and an abort; show only the abort */
	int			  quiet;
	int			  over;
};

/* Prints all decisions on the current event. */
static void
flush_event(struct play *p)
{
	unsigned int	 i;

	if (p->event == EV_COUNT)
		return;
	for (i = 0; i < p->session->nh; i++)
		explain_why_handler(p->session, i, p->event, &p->seen[i]);
	p->event = EV_COUNT;
}

static void
begin_event(struct play *p, const struct session *s)
{
	size_t	 i;

	flush_event(p);
	p->event = s->cur.event;
	p->number = s->cur.number;
	for (i = 0; i < p->listen->nhandlers; i++)
		p->seen[i].asked = p->seen[i].told = EXPLAIN_UNSEEN;
	explain_why_event(s);
}

static void
on_decision(const struct session *s, unsigned int index, int report, enum ask_why why)
{
	struct play	*p = s->owner;

	if (p->quiet)
		return;
	if (p->event != s->cur.event || p->number != s->cur.number)
		begin_event(p, s);
	if (report)
		p->seen[index].told = (int)why;
	else
		p->seen[index].asked = (int)why;
}

static void
drop_tasks(struct session *s)
{
	struct task	*t;
	unsigned int	 i;

	for (i = 0; i < s->nh; i++)
		while ((t = TAILQ_FIRST(&s->h[i].tasks)) != NULL)
			session_drop_task(t);
}

static void
give_command(struct play *p, const struct milter_cmd *cmd)
{
	struct action_list	 none = TAILQ_HEAD_INITIALIZER(none);
	struct task_result	 r = { .end = TASK_REPLY, .verdict = VD_CONTINUE, .actions = &none,
	    .as_given = 1 };
	enum step		 step = session_command(p->session, cmd, &p->out);

	drop_tasks(p->session);
	while (step == STEP_WAIT) {
		step = session_answer(p->session, &r, &p->out);
		drop_tasks(p->session);
	}
}

static void
take_offer(struct play *p, const struct milter_cmd *cmd)
{
	char	*lists[SMFIM_COUNT];
	int	 i;

	if (negotiate(p->conf, p->listen, cmd->u.optneg.version, cmd->u.optneg.actions,
	    cmd->u.optneg.protocol, &p->neg, p->missing) == -1)
		fatalx("the offer of version %u", cmd->u.optneg.version);
	negotiate_macros(p->conf, p->listen, lists);
	milter_enc_optneg(&p->out, p->neg.version, p->neg.actions, p->neg.protocol,
	    (p->neg.actions & SMFIF_SETSYMLIST) != 0 ? (const char *const *)lists : NULL);
	for (i = 0; i < SMFIM_COUNT; i++)
		free(lists[i]);
	p->session = session_new(p->conf, p->listen, &p->neg, p->missing);
	p->session->owner = p;
	p->session->watch = on_decision;
}

/* Ends the session with what may come last: an unknown command, and the end. */
static void
finish_session(struct play *p, const char *reason)
{
	struct milter_cmd	 cmd = { .code = SMFIC_UNKNOWN };

	if (p->over)
		return;
	p->over = 1;
	cmd.u.unknown.line = "UNKNOWN";
	if ((p->neg.sent & EV_BIT(EV_UNKNOWN)) != 0)
		give_command(p, &cmd);
	session_end(p->session, reason);
	drop_tasks(p->session);
	if (!p->quiet)
		flush_event(p);
}

static void
abort_message(struct play *p)
{
	const struct milter_cmd	 cmd = { .code = SMFIC_ABORT };

	p->quiet = 0;
	give_command(p, &cmd);
	flush_event(p);
	p->quiet = 1;
	finish_session(p, "closed");
}

/* Gives everything that the MTA has sent to the session. */
static void
take_commands(struct play *p)
{
	struct milter_packet	 pkt;
	struct milter_cmd	 cmd;
	const char		*why;
	size_t			 used, done = 0;

	while (!p->over && milter_frame(p->in.data + done, p->in.len - done, &pkt, &used) ==
	    MILTER_FRAME_OK) {
		done += used;
		if (milter_dec_cmd(&pkt, &cmd, &why) == -1)
			fatalx("the player sent %s", why);
		if (cmd.code == SMFIC_OPTNEG)
			take_offer(p, &cmd);
		else if (cmd.code == SMFIC_QUIT)
			finish_session(p, "quit");
		else
			give_command(p, &cmd);
		if (cmd.code == SMFIC_MAIL && p->aborts)
			abort_message(p);
	}
	buf_reset(&p->in);
}

/* Gives our answers to the MTA, which goes on after the last one. */
static enum mta_state
give_replies(struct play *p)
{
	struct milter_packet	 pkt;
	enum mta_state		 state = MTA_WAIT;
	size_t			 used, done = 0;

	while (state == MTA_WAIT && milter_frame(p->out.data + done, p->out.len - done, &pkt,
	    &used) == MILTER_FRAME_OK) {
		done += used;
		state = mta_player_reply(p->player, &pkt, &p->in);
	}
	buf_reset(&p->out);
	return state;
}

static void
play_to_end(struct play *p)
{
	enum mta_state	 state = mta_player_advance(p->player, &p->in);

	while (state == MTA_WAIT || state == MTA_MORE) {
		take_commands(p);
		if (p->over)
			return;
		state = state == MTA_MORE ? mta_player_advance(p->player, &p->in) :
		    give_replies(p);
	}
	if (state == MTA_BROKEN)
		fatalx("%s", mta_player_error(p->player));
	take_commands(p);
	finish_session(p, "closed");
}

static int
no_more(void *arg __unused)
{
	return 0;
}

static void
ignore_begin(void *arg __unused, const char *queue_id __unused)
{
}

/* Handlers say continue, so any other result comes from the configuration. */
static void
on_message_end(void *arg, const struct mta_outcome *o)
{
	struct play	*p = arg;

	if (p->quiet || o->result == MTA_DELIVERED)
		return;
	flush_event(p);
	printf("    the message is refused at %s", mta_command_name(o->command));
	if (o->smtp != NULL)
		explain_why_text(o->smtp);
	printf("\n");
}

/*
 * Prints the events that the MTA does not send, and the handlers that this
 * listener does not have.
 */
static void
print_absent(const struct conf *conf, const struct listen_conf *l, unsigned int sent)
{
	unsigned int	 i;
	size_t		 j;
	int		 n = 0;

	for (i = 0; (EV_ANSWERABLE & EV_BIT(i)) != 0; i++)
		if ((sent & EV_BIT(i)) == 0)
			printf("%s %s", n++ == 0 ? "    not sent by the MTA:" : ",",
			    event_name((enum event_kind)i));
	printf("%s", n > 0 ? "\n" : "");
	for (i = 0; i < conf->nhandlers; i++) {
		for (j = 0; j < l->nhandlers; j++)
			if (l->handlers[j] == i)
				break;
		if (j == l->nhandlers)
			printf("    never asked here: %s, which is not in `handlers' of this "
			    "listener\n", conf->handlers[i].name);
	}
}

/* Returns the events that the MTA sends. */
static unsigned int
play_once(const struct conf *conf, const struct listen_conf *l, const struct mta_plan *plan,
    int aborts)
{
	struct play		 p = { .conf = conf, .listen = l, .event = EV_COUNT,
	    .aborts = aborts, .quiet = aborts };
	const struct mta_hooks	 hooks = { .arg = &p, .more = no_more,
	    .message_begin = ignore_begin, .message_end = on_message_end };

	p.missing = xcalloc(l->nhandlers, sizeof(*p.missing));
	p.seen = xcalloc(l->nhandlers, sizeof(*p.seen));
	buf_init(&p.in, BUFFER_MAX);
	buf_init(&p.out, BUFFER_MAX);
	p.player = mta_player_new(plan, &hooks);
	play_to_end(&p);
	session_free(p.session);
	mta_player_free(p.player);
	buf_free(&p.in);
	buf_free(&p.out);
	free(p.seen);
	free(p.missing);
	return p.neg.sent;
}

static int
any_told_of_abort(const struct conf *conf, const struct listen_conf *l)
{
	size_t	 i;

	for (i = 0; i < l->nhandlers; i++)
		if ((conf->handlers[l->handlers[i]].reports & EV_BIT(EV_ABORT)) != 0)
			return 1;
	return 0;
}

static void
explain_at(const struct conf *conf, size_t index, const struct mta_plan *plan)
{
	const struct listen_conf	*l = &conf->listens[index];
	size_t				 first = 0;
	unsigned int			 sent;

	printf("\nA session at listen %s", l->spec);
	while (!explain_same_handlers(conf, first, index))
		first++;
	if (first < index) {
		printf(": as at %s\n", conf->listens[first].spec);
		return;
	}
	printf("\n");
	sent = play_once(conf, l, plan, 0);
	if (any_told_of_abort(conf, l))
		(void)play_once(conf, l, plan, 1);
	print_absent(conf, l, sent);
}

void
explain_play(const struct conf *conf, const struct mta_plan *plan)
{
	size_t	 i;

	/* What the session logs about itself is not wanted here. */
	log_init("pipemilter", 1, conf->syslog_facility, LOG_ERR);
	for (i = 0; i < conf->nlistens; i++)
		explain_at(conf, i, plan);
}
