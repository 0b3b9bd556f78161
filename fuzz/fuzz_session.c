/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * A session, with handlers that answer anything in any order. The input
 * chooses the offer of the MTA, the handlers, its commands and what becomes
 * of each question. What goes out is held against the rules of the protocol
 * after every step.
 */

#include "compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "milter_enc.h"
#include "session.h"

#define NHANDLERS	4
#define NOUGHT		{ 0, "", NULL }
#define CHECK(what)	do { if (!(what)) { fprintf(stderr, "broken: %s\n", #what); abort(); } } while (0)

int	 LLVMFuzzerInitialize(int *, char ***);
int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static char		 name_all[] = "all", name_body[] = "body", name_told[] = "told",
			 name_needs[] = "needs", spec[] = "unix:/s";
static struct handler_conf handlers[NHANDLERS] = {
	{ .name = name_all, .events = EV_ANSWERABLE, .lines = LINES_ALL,
	    .on_failure = { VD_TEMPFAIL, NOUGHT }, .on_timeout = { VD_DISCARD, NOUGHT },
	    .on_overload = { VD_CONTINUE, NOUGHT } },
	{ .name = name_body, .events = EV_BIT(EV_HEADER) | EV_BIT(EV_END_OF_MESSAGE),
	    .optional_events = EV_BIT(EV_BODY), .lines = LINE_BIT(LINE_CONTEXT),
	    .keep_newlines = 1, .reports = EV_BIT(EV_ABORT),
	    .on_failure = { VD_ACCEPT, NOUGHT }, .on_timeout = { VD_CONTINUE, NOUGHT },
	    .on_overload = { VD_REJECT, NOUGHT } },
	{ .name = name_told, .reports = EV_BIT(EV_COUNT) - 1, .lines = LINES_ALL },
	{ .name = name_needs, .events = EV_BIT(EV_RCPT) | EV_BIT(EV_UNKNOWN) |
	    EV_BIT(EV_END_OF_MESSAGE), .reports = EV_BIT(EV_DISCONNECT), .actions_named = 1,
	    .actions = ACT_BIT(ACT_ADD_HEADER) | ACT_BIT(ACT_QUARANTINE),
	    .on_failure = { VD_REJECT, NOUGHT }, .on_timeout = { VD_ACCEPT, NOUGHT },
	    .on_overload = { VD_DISCARD, NOUGHT } },
};
static unsigned int	 order[NHANDLERS];
static struct listen_conf listen_conf = { .spec = spec, .handlers = order };
static const struct conf conf = { .max_recipients = 3, .max_context = 60, .max_actions = 6,
	.handlers = handlers, .nhandlers = NHANDLERS, .listens = &listen_conf, .nlistens = 1 };

static const char *const words[] = { "", "<>", "<a@B.example>", "a@b.example", "\"x y\"@c",
	"Subject", "To", "{i}", "i", "value\n folded", " 192.0.2.1", "192.0.2.1", "IPv6:::1" };
static const char *const said[] = { "continue", "accept", "reject 99% no", "tempfail 450 4.1.1 x",
	"discard", "skip", "shutdown", "add-header X-A v", "insert-header 1 X-B v",
	"change-header Subject 1 v", "change-header To 2 v", "delete-header Subject",
	"change-sender <> RET=HDRS", "add-recipient b@c NOTIFY=NEVER", "delete-recipient a@b.example",
	"replace-body 3\nabc", "replace-body 0", "quarantine q", "progress", "set a 1",
	"set b 0123456789012345678901234567890123456789012345678901234567890", "set-message a 2",
	"unset a", "log x", "rubbish" };

struct fuzz {
	const uint8_t		*p;
	size_t			 len;
	struct negotiated	 neg;
	const char		*missing[NHANDLERS];
	struct session		*s;
	struct buf		 out;
	int			 wire;		/* command whose answer is due */
	int			 waiting;
	char			 ended[64];	/* id of a message whose E came */
	int			 answered;	/* and was answered */
};

static unsigned int
byte(struct fuzz *f)
{
	if (f->len == 0)
		return 0;
	f->len--;
	return *f->p++;
}

static const char *
word(struct fuzz *f)
{
	return words[byte(f) % (sizeof(words) / sizeof(words[0]))];
}

static int
is_in(int code, const char *set)
{
	return code != '\0' && strchr(set, code) != NULL;
}

static int
needs_answer(const struct fuzz *f)
{
	static const char	 events[] = "CHMRTLNBU";
	static const uint32_t	 bits[] = { SMFIP_NR_CONN, SMFIP_NR_HELO, SMFIP_NR_MAIL,
		SMFIP_NR_RCPT, SMFIP_NR_DATA, SMFIP_NR_HDR, SMFIP_NR_EOH, SMFIP_NR_BODY,
		SMFIP_NR_UNKN };

	return f->wire == SMFIC_BODYEOB || (is_in(f->wire, events) &&
	    (f->neg.protocol & bits[strchr(events, f->wire) - events]) == 0);
}

/* Which action bit an edit needs; 0: it is none. */
static uint32_t
edit_bit(int code)
{
	static const char	 edits[] = "himb+2-eq";
	static const uint32_t	 bits[] = { SMFIF_ADDHDRS, SMFIF_ADDHDRS, SMFIF_CHGHDRS,
		SMFIF_CHGBODY, SMFIF_ADDRCPT, SMFIF_ADDRCPT_PAR, SMFIF_DELRCPT, SMFIF_CHGFROM,
		SMFIF_QUARANTINE };

	return is_in(code, edits) ? bits[strchr(edits, code) - edits] : 0;
}

static void
check_final(const struct fuzz *f, const struct milter_reply *r)
{
	CHECK(is_in(r->code, "cadsy"));
	CHECK(r->code != SMFIR_ACCEPT || f->wire != SMFIC_UNKNOWN);
	CHECK(r->code != SMFIR_DISCARD || !is_in(f->wire, "CHU"));
	CHECK(r->code != SMFIR_SKIP || (f->wire == SMFIC_BODY && f->neg.skip));
	CHECK(r->code != SMFIR_REPLYCODE || ((r->text[0] == '4' || r->text[0] == '5') &&
	    strlen(r->text) >= sizeof("550 5.7.1 x") - 1 && r->text[4] == r->text[0]));
}

/* What went out since the last step, where step says that the event is answered or not. */
static void
check_out(struct fuzz *f, enum step step)
{
	struct milter_packet	 pkt;
	struct milter_reply	 r;
	const char		*why;
	size_t			 at, used;
	int			 finals = 0, body = 0;

	CHECK(buf_ok(&f->out) && step != STEP_CLOSE);
	for (at = 0; at < f->out.len; at += used) {
		CHECK(milter_frame(f->out.data + at, f->out.len - at, &pkt, &used) ==
		    MILTER_FRAME_OK && milter_dec_reply(&pkt, &r, &why) == 0 && finals == 0);
		if (edit_bit(r.code) != 0) {
			CHECK(f->wire == SMFIC_BODYEOB && (edit_bit(r.code) & f->neg.actions) != 0);
			CHECK(r.code != SMFIR_REPLBODY || body != 2);
			body = r.code == SMFIR_REPLBODY ? 1 : body == 1 ? 2 : body;
			continue;
		}
		check_final(f, &r);
		finals++;
	}
	CHECK(step != STEP_WAIT || f->out.len == 0);
	if (step == STEP_GO) {
		CHECK(finals == needs_answer(f));
		f->answered = f->wire == SMFIC_BODYEOB;
		f->wire = 0;
	}
	f->waiting = step == STEP_WAIT;
	buf_reset(&f->out);
}

static struct task *
find_ask(struct fuzz *f)
{
	struct task	*t, *ask = NULL;
	unsigned int	 i;

	for (i = 0; i < f->s->nh; i++)
		TAILQ_FOREACH(t, &f->s->h[i].line, line)
			if (!t->report) {
				CHECK(ask == NULL && (int)i == f->s->cur.asked);
				ask = t;
			}
	return ask;
}

/* Each line of tasks as it must be; a limit keeps it short. */
static void
check_lines(struct fuzz *f)
{
	const struct task	*t;
	unsigned int		 i, n = 0;

	CHECK((find_ask(f) != NULL) == f->waiting);
	for (i = 0; i < f->s->nh; i++)
		TAILQ_FOREACH(t, &f->s->h[i].line, line) {
			n++;
			CHECK(t->block.len > 40 && memcmp(t->block.data, t->report ?
			    "report " : "event ", t->report ? 7 : 6) == 0);
			CHECK(memmem(t->block.data, t->block.len, "\n\n", 2) != NULL);
			CHECK(t->event != EV_ABORT || !f->answered || memmem(t->block.data,
			    t->block.len, f->ended, strlen(f->ended)) == NULL);
		}
	CHECK(n == f->s->ntasks && n < 32 + 5 * NHANDLERS);
}

static void
drop_tasks(struct fuzz *f)
{
	struct task	*t;
	unsigned int	 i;

	for (i = 0; i < f->s->nh; i++)
		while ((t = TAILQ_FIRST(&f->s->h[i].line)) != NULL)
			session_drop_task(f->s, t);
}

/* The connection ends, or another client's session begins on it. */
static void
end_session(struct fuzz *f)
{
	struct task	*ask = find_ask(f);

	if (ask != NULL)
		session_drop_task(f->s, ask);
	f->waiting = f->wire = 0;
	session_end(f->s, "closed");
	check_lines(f);
	drop_tasks(f);
	session_free(f->s);
}

/* The packet of a command, as an MTA would send it, though not when it would. */
static void
encode(struct fuzz *f, int code, struct buf *b)
{
	struct milter_pair	 pairs[2];
	const char		*args[2];
	unsigned int		 how;

	how = byte(f);
	pairs[0].name = args[0] = word(f);
	pairs[0].value = pairs[1].value = args[1] = word(f);
	pairs[1].name = "mail_addr";
	if (code == SMFIC_MACRO)
		milter_enc_macros(b, "CHMRTNEB"[how % 8], pairs, how % 3);
	else if (code == SMFIC_CONNECT)
		milter_enc_connect(b, args[0], "46LU"[how % 4], how, args[1]);
	else if (code == SMFIC_HELO)
		milter_enc_helo(b, args[0]);
	else if (code == SMFIC_MAIL || code == SMFIC_RCPT)
		milter_enc_envelope(b, code, args[0], args, how % 3);
	else if (code == SMFIC_HEADER)
		milter_enc_header(b, args[0], args[1]);
	else if (code == SMFIC_UNKNOWN)
		milter_enc_unknown(b, args[0]);
	else if (code == SMFIC_BODY || (code == SMFIC_BODYEOB && how % 2 == 0))
		milter_enc_raw(b, code, &"ab\r\nc\r\r\n\r\n"[how % 8], (how / 8) % 4);
	else
		milter_enc_simple(b, code);
}

static void
command(struct fuzz *f)
{
	static const char	 codes[] = "CHMRTLNBEUDAMRLBEDMR";
	struct buf		 b;
	struct milter_packet	 pkt;
	struct milter_cmd	 cmd;
	const char		*why;
	size_t			 used;

	buf_init(&b, MILTER_MAX_DATA);
	encode(f, codes[byte(f) % (sizeof(codes) - 1)], &b);
	if (milter_frame(b.data, b.len, &pkt, &used) == MILTER_FRAME_OK &&
	    milter_dec_cmd(&pkt, &cmd, &why) == 0) {
		if (cmd.code == SMFIC_CONNECT && f->s->begun) {
			end_session(f);
			f->s = session_new(&conf, &listen_conf, &f->neg, f->missing);
		}
		f->wire = is_in(cmd.code, "DA") ? 0 : cmd.code;
		f->answered = 0;
		if (cmd.code == SMFIC_BODYEOB)
			strlcpy(f->ended, f->s->message == NULL ? "none" :
			    f->s->message->id, sizeof(f->ended));
		check_out(f, session_command(f->s, &cmd, &f->out));
	}
	buf_free(&b);
}

/* Lines of a reply until its verdict, judged as the engine does. */
static void
reply(struct fuzz *f, const struct task *t, struct reply_dec *d, struct task_result *r)
{
	enum reply_item	 item = REPLY_MORE;
	struct action	*a;
	const char	*line, *why = NULL;
	size_t		 used, n = 0;

	for (n = 0; n < 12 && why == NULL && item != REPLY_VERDICT; n++) {
		line = said[byte(f) % (sizeof(said) / sizeof(said[0]))];
		for (;;) {
			item = reply_dec_feed(d, line, strlen(line), &used, &a);
			if (item != REPLY_MORE || *line == '\n')
				break;
			line = "\n";
		}
		if (item == REPLY_ACTION && (why = session_judge(t, a, r->actions,
		    (unsigned int)n)) == NULL)
			TAILQ_INSERT_TAIL(r->actions, a, entry);
		else if (item == REPLY_ACTION)
			action_free(a);
		else if (item == REPLY_ERROR)
			why = reply_why(d);
	}
	if (item == REPLY_VERDICT) {
		r->verdict = reply_verdict(d);
		r->smtp = *reply_smtp(d);
		why = session_judge_verdict(t, r->verdict);
	}
	if (why == NULL)
		return;
	r->end = TASK_FAILURE;
	r->why = why;
}

static void
answer(struct fuzz *f, struct task *t)
{
	static const struct reply_limits limits = { 300, 500, 0 };
	struct task_result	 r = { .end = (enum task_end)(byte(f) % 5), .why = "said so" };
	struct action_list	 actions = TAILQ_HEAD_INITIALIZER(actions);
	struct reply_dec	*d = reply_dec_new(&limits);

	r.actions = &actions;
	if (r.end == TASK_REPORTED) {	/* here: an exit status, at any event */
		r.end = TASK_REPLY;
		r.verdict = (enum verdict)(byte(f) % VD_SKIP);
	} else if (r.end == TASK_REPLY)
		reply(f, t, d, &r);
	session_drop_task(f->s, t);
	check_out(f, session_answer(f->s, &r, &f->out));
	action_list_clear(&actions);
	reply_dec_free(d);
}

static void
resolve(struct fuzz *f)
{
	struct task	*t = find_ask(f);

	switch (byte(f) % 8) {
	case 0:
		session_drop_task(f->s, t);
		check_out(f, session_timeout(f->s, &f->out));
		CHECK(!f->waiting);
		break;
	case 1:
		session_drop_task(f->s, t);
		session_give_up(f->s, &f->out);
		check_out(f, STEP_GO);
		break;
	default:
		answer(f, t);
		break;
	}
}

static void
step(struct fuzz *f)
{
	struct task	*t;
	unsigned int	 i;

	check_lines(f);
	if (session_is_full(f->s) || byte(f) % 4 == 0)
		for (i = 0; i < f->s->nh; i++)
			if ((t = TAILQ_FIRST(&f->s->h[i].line)) != NULL && t->report)
				session_drop_task(f->s, t);
	if (f->waiting)
		resolve(f);
	else if (!session_is_full(f->s))
		command(f);
}

static void
choose_handlers(struct fuzz *f)
{
	unsigned int	 i, which = 1 + byte(f) % 15, first = byte(f);

	listen_conf.nhandlers = 0;
	for (i = 0; i < NHANDLERS; i++)
		if (which & (1u << i))
			order[listen_conf.nhandlers++] = (i + first) % NHANDLERS;
}

static void
no_log(int severity __unused, const char *line __unused)
{
}

int
LLVMFuzzerInitialize(int *argc __unused, char ***argv __unused)
{
	log_set_hook(no_log);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct fuzz	 f = { .p = in, .len = len };
	uint32_t	 version, actions, protocol;

	choose_handlers(&f);
	version = 2 + byte(&f) % 6;
	actions = byte(&f) % 4 == 0 ? byte(&f) : SMFIF_V6;
	protocol = byte(&f) % 4 == 0 ? byte(&f) << 12 | byte(&f) : SMFIP_V6;
	CHECK(negotiate(&conf, &listen_conf, version, actions, protocol, &f.neg,
	    f.missing) == 0);
	CHECK((f.neg.protocol & ~(protocol == 0 ? SMFIP_V1 : protocol)) == 0);
	CHECK((f.neg.actions & ~(actions == 0 ? SMFIF_V1 : actions)) == 0);
	buf_init(&f.out, SIZE_MAX / 2);
	f.s = session_new(&conf, &listen_conf, &f.neg, f.missing);
	while (f.len > 0)
		step(&f);
	end_session(&f);
	buf_free(&f.out);
	return 0;
}
