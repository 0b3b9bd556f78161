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

#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/log.h"
#include "milter/encode.h"
#include "reply/decode.h"
#include "session/session.h"
#include "state/known.h"

#define NHANDLERS	6
#define NOUGHT		{ 0, "", NULL }
#define CHECK(what)	do { if (!(what)) { fprintf(stderr, "broken: %s\n", #what); abort(); } } while (0)

int	 LLVMFuzzerInitialize(int *, char ***);
int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static char		 name_all[] = "all", name_body[] = "body", name_told[] = "told",
			 name_needs[] = "needs", name_first[] = "first",
			 name_second[] = "second", spec[] = "unix:/s";
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
	{ .name = name_first, .events = EV_BIT(EV_END_OF_MESSAGE), .input_message = 1,
	    .output = OUTPUT_MESSAGE, .received = 1, .lines = LINES_ALL,
	    .on_failure = { VD_CONTINUE, NOUGHT }, .on_timeout = { VD_CONTINUE, NOUGHT },
	    .on_overload = { VD_CONTINUE, NOUGHT } },
	{ .name = name_second, .events = EV_BIT(EV_END_OF_MESSAGE), .input_message = 1,
	    .output = OUTPUT_MESSAGE, .keep_newlines = 1, .actions_named = 1,
	    .optional_actions = ACT_BIT(ACT_INSERT_HEADER) | ACT_BIT(ACT_DELETE_HEADER) |
	    ACT_BIT(ACT_REPLACE_BODY), .on_failure = { VD_CONTINUE, NOUGHT },
	    .on_timeout = { VD_TEMPFAIL, NOUGHT }, .on_overload = { VD_REJECT, NOUGHT } },
};
static unsigned int	 order[NHANDLERS];
static struct listen_conf listen_conf = { .spec = spec, .handlers = order };
static const struct conf conf = { .max_recipients = 3, .max_context = 60, .max_actions = 6,
	.engines = 1, .spool_limit = 1000, .handlers = handlers, .nhandlers = NHANDLERS, .listens = &listen_conf, .nlistens = 1 };

static const char *const words[] = { "", "<>", "<a@B.example>", "a@b.example", "\"x y\"@c",
	"Subject", "To", "{i}", "i", "{auth_authen}", "{rcpt_mailer}", "error", "value\n folded", " 192.0.2.1", "192.0.2.1", "IPv6:::1" };
static const char *const said[] = { "continue", "accept", "reject 99% no", "tempfail 450 4.1.1 x",
	"discard", "skip", "shutdown", "add-header X-A v", "insert-header 1 X-B v",
	"change-header Subject 1 v", "change-header To 2 v", "delete-header Subject",
	"change-sender <> RET=HDRS", "add-recipient b@c NOTIFY=NEVER", "delete-recipient a@b.example",
	"replace-body 3\nabc", "replace-body 0", "quarantine q", "progress", "set a 1",
	"set b 0123456789012345678901234567890123456789012345678901234567890", "set-message a 2",
	"unset a", "log x", "rubbish" };

/*
 * What the reader of a handler's blocks knows: the lines that hold until others
 * take their place.
 */
#define MAX_KNOWN	400
struct reader {
	char		*line[MAX_KNOWN];
	unsigned int	 n;
	uint64_t	 seen;		/* id of the last task that was read */
	int		 open;		/* a process serves a scope */
	int		 restarted;	/* what is over by now may be unset or refused unknown */
};

struct fuzz {
	struct reader		 readers[NHANDLERS];
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
		TAILQ_FOREACH(t, &f->s->h[i].tasks, in_session)
			if (!t->report && !t->shadow) {
				CHECK(ask == NULL && (int)i == f->s->cur.asked);
				ask = t;
			}
	return ask;
}

static void
reader_clear(struct reader *r)
{
	while (r->n > 0)
		free(r->line[--r->n]);
	r->restarted = 0;
}

/* Forgets lines that begin like this; 0 if there are none. */
static int
reader_forget(struct reader *r, const char *start, size_t len, unsigned int most)
{
	unsigned int	 i, found = 0;

	for (i = 0; i < r->n && found < most;) {
		if (strncmp(r->line[i], start, len) != 0) {
			i++;
			continue;
		}
		free(r->line[i]);
		r->line[i] = r->line[--r->n];
		found++;
	}
	return found > 0;
}

static int
reader_has(const struct reader *r, const char *line)
{
	unsigned int	 i, n = 0;

	for (i = 0; i < r->n; i++)
		n += strcmp(r->line[i], line) == 0;
	return (int)n;
}

/* Bytes of a line that say what it is about. */
static size_t
key_len(const char *line)
{
	size_t	 n = strcspn(line, " ") + 1;

	if (strncmp(line, "macro ", 6) == 0 || strncmp(line, "context ", 8) == 0)
		n += strcspn(line + n, " ") + 1;
	return n;
}

static void
reader_line(struct reader *r, char *line, int rejected)
{
	static const char *const	 passing[] = { "event ", "report ", "event-id ", "header-",
		"size ", "command ", "reason ", "answer", "length ", "recipient-status ",
		"recipient-domain ", "recipient-argument ", "sender-argument " };
	char				 text[1000];
	size_t				 i;

	for (i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (strncmp(line, passing[i], strlen(passing[i])) == 0)
			return;
	if (strncmp(line, "recipient-refused ", 18) == 0) {
		snprintf(text, sizeof(text), "recipient %s", line + 18);
		CHECK(reader_forget(r, text, strlen(text) + 1, 1) || r->restarted);
		return;
	}
	if (strncmp(line, "context-unset ", 14) == 0) {
		snprintf(text, sizeof(text), "context %s ", line + 14);
		CHECK(reader_forget(r, text, strlen(text), 1) || r->restarted);
		return;
	}
	if (strncmp(line, "message ", 8) == 0 && !reader_has(r, line)) {
		reader_forget(r, "recipient", 9, MAX_KNOWN);
		reader_forget(r, "sender", 6, MAX_KNOWN);
	}
	if (strncmp(line, "recipient ", 10) != 0)
		reader_forget(r, line, key_len(line), MAX_KNOWN);
	else if (rejected)
		return;
	CHECK(r->n < MAX_KNOWN);
	r->line[r->n++] = strdup(line);
}

static void
reader_take(struct reader *r, const struct task *t)
{
	char	*copy, *rest, *line;
	int	 rejected;

	r->seen = t->id;
	/* A message has no block. */
	if (t->input != NULL)
		return;
	rest = copy = strndup((char *)t->block.data, t->block.len);
	rejected = strstr(copy, "\nrecipient-status rejected\n") != NULL;
	if (strstr(copy, "\ncomplete\n") != NULL)
		reader_clear(r);
	CHECK(!t->begins || strstr(copy, "\ncomplete\n") != NULL);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0')
		if (strcmp(line, "complete") != 0)
			reader_line(r, line, rejected);
	free(copy);
}

/* How often a reader has a line. name NULL: there is only a value. */
static int
knows(const struct reader *r, const char *key, const char *name, size_t len,
    const char *value)
{
	struct buf	 b;
	int		 n;

	buf_init(&b, SIZE_MAX);
	buf_add_str(&b, key);
	buf_add_str(&b, " ");
	if (name != NULL) {
		escape(&b, name, len);
		buf_add_str(&b, " ");
	}
	escape(&b, value, strlen(value));
	buf_add_u8(&b, 0);
	n = reader_has(r, (char *)b.data);
	buf_free(&b);
	return n;
}

static void
check_recipients(const struct session *s, const struct reader *r)
{
	const struct mailbox	*m, *other;
	unsigned int		 i, n = 0, told = 0;
	int			 same, times;

	for (i = 0; i < r->n; i++)
		told += strncmp(r->line[i], "recipient ", 10) == 0;
	TAILQ_FOREACH(m, &s->message->recipients, entry) {
		same = 0;
		TAILQ_FOREACH(other, &s->message->recipients, entry)
			same += strcmp(m->shown, other->shown) == 0;
		times = knows(r, "recipient", NULL, 0, m->shown);
		CHECK(times == same);
		n++;
	}
	CHECK(told == n);
}

/* 1 unless this is a macro or a context value that is not there, or not any more. */
static int
is_true(struct session *s, const char *line)
{
	const struct context_value	*v;
	struct macro_iter		 it;
	const struct macro_pair		*p;
	struct reader			 one = { .line = { strdup(line) }, .n = 1 };
	int				 found;

	found = strncmp(line, "macro ", 6) != 0 && strncmp(line, "context ", 8) != 0;
	macros_iter_init(&it, &s->macros);
	while ((p = macros_iter_next(&it)) != NULL)
		found |= knows(&one, "macro", p->name, p->name_len, p->value);
	TAILQ_FOREACH(v, &s->context.values, entry)
		if (context_visible(&s->context, v))
			found |= knows(&one, "context", v->name, strlen(v->name), v->value);
	reader_clear(&one);
	return found;
}

/* Whoever is said to know everything does, and nothing that is over. */
static void
check_knows(struct fuzz *f, unsigned int index)
{
	struct session			*s = f->s;
	const struct reader		*r = &f->readers[index];
	const struct context_value	*v;
	struct macro_iter		 it;
	const struct macro_pair		*p;
	unsigned int			 i;

	if (!s->h[index].in_scope || s->h[index].failed || f->waiting ||
	    known_has_news(s, known_bit(index)) || known_is_wrong(s, known_bit(index)) ||
	    session_handler(s, index)->lines != LINES_ALL)
		return;
	if (s->helo != NULL)
		CHECK(knows(r, "helo", NULL, 0, s->helo) == 1);
	if (s->client_family != NULL)
		CHECK(knows(r, "client-host", NULL, 0, s->client_host) == 1);
	if (s->message != NULL) {
		CHECK(knows(r, "sender", NULL, 0, s->message->sender->shown) == 1);
		check_recipients(s, r);
	}
	macros_iter_init(&it, &s->macros);
	while ((p = macros_iter_next(&it)) != NULL)
		CHECK(knows(r, "macro", p->name, p->name_len, p->value) == 1);
	TAILQ_FOREACH(v, &s->context.values, entry)
		if (context_visible(&s->context, v))
			CHECK(knows(r, "context", v->name, strlen(v->name), v->value) == 1);
	for (i = 0; i < r->n; i++)
		CHECK(is_true(s, r->line[i]));
}

/* What the handlers are sent is read at once, whenever they answer. */
static void
read_blocks(struct fuzz *f)
{
	const struct task	*t;
	unsigned int		 i;

	for (i = 0; i < f->s->nh; i++) {
		TAILQ_FOREACH(t, &f->s->h[i].tasks, in_session)
			if (t->id > f->readers[i].seen)
				reader_take(&f->readers[i], t);
		check_knows(f, i);
	}
}

/* Scopes that no task ends. */
static void
end_scopes(struct fuzz *f)
{
	struct hstate	*h;
	unsigned int	 i;

	for (i = 0; i < f->s->nh; i++) {
		h = &f->s->h[i];
		if (!h->scope_over)
			continue;
		CHECK(TAILQ_EMPTY(&h->tasks) || TAILQ_FIRST(&h->tasks)->begins ||
		    !f->readers[i].open);
		h->scope_over = 0;
		f->s->nscopes_over--;
		f->readers[i].open = 0;
	}
	CHECK(f->s->nscopes_over == 0);
}

/* Its process has it, and is done with it. */
static void
use_up(struct fuzz *f, struct task *t, int drop)
{
	struct reader	*r = &f->readers[t->index];

	CHECK(t->begins ? !r->open : r->open);
	r->open = !t->ends;
	if (drop)
		session_drop_task(t);
}

/*
 * The process of a scope is gone: what it would have got next goes too, and
 * what the MTA waits for has failed.
 */
static void
lose_process(struct fuzz *f, unsigned int index)
{
	struct action_list	 none = TAILQ_HEAD_INITIALIZER(none);
	struct task_result	 r = { .end = TASK_FAILURE, .why = "lost", .actions = &none };
	struct task		*t;
	int			 asked = 0;

	f->readers[index].open = 0;
	while ((t = TAILQ_FIRST(&f->s->h[index].tasks)) != NULL && !t->begins) {
		asked |= !t->report && !t->shadow;
		session_drop_task(t);
	}
	if (asked)
		check_out(f, session_answer(f->s, &r, &f->out));
}

/* A process ends between two blocks, and another one takes its place. */
static void
restart(struct fuzz *f, unsigned int index)
{
	struct task	*t = TAILQ_FIRST(&f->s->h[index].tasks);
	struct reader	*r = &f->readers[index];

	if (t == NULL || t->begins || !r->open)
		return;
	r->open = 0;
	session_restart_scope(t);
	TAILQ_FOREACH(t, &f->s->h[index].tasks, in_session) {
		r->restarted = 1;
		reader_take(r, t);
		r->restarted = 1;
	}
	check_knows(f, index);
}

/* Each line of tasks as it must be; a limit keeps it short. */
static void
check_lines(struct fuzz *f)
{
	const struct task	*t;
	unsigned int		 i, n = 0, shadow = 0;

	CHECK((find_ask(f) != NULL) == f->waiting);
	read_blocks(f);
	end_scopes(f);
	for (i = 0; i < f->s->nh; i++)
		TAILQ_FOREACH(t, &f->s->h[i].tasks, in_session) {
			n++;
			shadow += session_handler(f->s, i)->shadow != 0;
			if (t->input != NULL) {
				CHECK(store_bytes(t->input) != NULL && t->begins && t->ends);
				continue;
			}
			CHECK(t->block.len > 25 && memcmp(t->block.data, t->report ?
			    "report " : "event ", t->report ? 7 : 6) == 0);
			CHECK(memmem(t->block.data, t->block.len, "\n\n", 2) != NULL);
			CHECK(t->event != EV_ABORT || !f->answered || memmem(t->block.data,
			    t->block.len, f->ended, strlen(f->ended)) == NULL);
		}
	CHECK(n == f->s->ntasks && shadow == f->s->nshadow);
	CHECK(n - shadow < 32 + 5 * NHANDLERS && shadow <= 1000);
}

static void
drop_tasks(struct fuzz *f)
{
	struct task	*t;
	unsigned int	 i;

	for (i = 0; i < f->s->nh; i++)
		while ((t = TAILQ_FIRST(&f->s->h[i].tasks)) != NULL)
			use_up(f, t, 1);
}

/* The connection ends, or another client's session begins on it. */
static void
end_session(struct fuzz *f)
{
	struct task	*ask = find_ask(f);
	unsigned int	 i;

	if (ask != NULL) {
		i = ask->index;
		session_drop_task(ask);
		lose_process(f, i);
		session_scope_failed(f->s, i, f->s->h[i].scope);
	}
	f->waiting = f->wire = 0;
	session_end(f->s, "closed");
	check_lines(f);
	drop_tasks(f);
	for (i = 0; i < f->s->nh; i++) {
		CHECK(!f->readers[i].open);
		reader_clear(&f->readers[i]);
	}
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
		why = session_verdict_problem(t, r->verdict);
	}
	if (why == NULL)
		return;
	r->end = TASK_FAILURE;
	r->why = why;
}

static void
add_text(struct store *st, const char *text)
{
	store_add(st, text, strlen(text));
}

static void
add_pieces(struct fuzz *f, struct store *st)
{
	static const char *const	 pieces[] = { "X-A: 1\r\n", "Subject:new\r\n", " fold\r\n",
		"\r\n", "body\r\n", "no header\r\n", "\n", "From x\n", "To: b\nTo : c\r\n" };
	unsigned int			 n;

	for (n = byte(f) % 4; n > 0; n--)
		add_text(st, pieces[byte(f) % (sizeof(pieces) / sizeof(pieces[0]))]);
}

/* A message that is returned: a part of what was given, with other things around it. */
static struct store *
returned(struct fuzz *f, const struct task *t)
{
	struct store	*st = store_new();
	size_t		 from, len = store_len(t->input);

	add_pieces(f, st);
	from = byte(f) % 4 == 0 ? byte(f) % len : 0;
	len -= from;
	if (byte(f) % 4 == 0)
		len -= byte(f) % len;
	if (t->received != NULL)
		add_text(st, t->received);
	store_add(st, store_bytes(t->input) + from, len);
	add_pieces(f, st);
	return st;
}

static void
answer(struct fuzz *f, struct task *t)
{
	static const struct reply_limits limits = { .max_line = 300, .max_body = 500 };
	struct task_result	 r = { .end = (enum task_end)(byte(f) % 5), .why = "said so" };
	struct action_list	 actions = TAILQ_HEAD_INITIALIZER(actions);
	struct reply_dec	*d = reply_dec_new(&limits);
	struct store		*output = NULL;
	unsigned int		 index = t->index;

	r.actions = &actions;
	if (t->input != NULL && (r.end == TASK_REPORTED || r.end == TASK_REPLY)) {
		r.end = TASK_REPLY;
		r.verdict = byte(f) % 8 == 0 ? (enum verdict)(byte(f) % VD_SKIP) : VD_CONTINUE;
		r.output = output = byte(f) % 8 == 0 ? NULL : returned(f, t);
	} else if (r.end == TASK_REPORTED) {	/* here: an exit status, at any event */
		r.end = TASK_REPLY;
		r.verdict = (enum verdict)(byte(f) % VD_SKIP);
	} else if (r.end == TASK_REPLY)
		reply(f, t, d, &r);
	use_up(f, t, 0);
	if (t->shadow) {
		session_shadow_answer(t, &r);
		f->readers[index].open &= !t->ends;
		session_drop_task(t);
		if (r.end != TASK_REPLY)
			lose_process(f, index);
	} else {
		session_drop_task(t);
		if (r.end != TASK_REPLY)
			lose_process(f, index);
		check_out(f, session_answer(f->s, &r, &f->out));
	}
	action_list_clear(&actions);
	reply_dec_free(d);
	store_release(output);
}

static void
resolve(struct fuzz *f)
{
	struct task	*t = find_ask(f);
	struct task	*first;
	unsigned int	 index;

	/* What stands before it was taken, or else it would not be looked at. */
	while (byte(f) % 16 != 0 && (first = TAILQ_FIRST(&f->s->h[t->index].tasks)) != t)
		use_up(f, first, 1);
	if (TAILQ_FIRST(&f->s->h[t->index].tasks) != t)
		return;
	switch (byte(f) % 8) {
	case 0:
		index = t->index;
		session_drop_task(t);
		lose_process(f, index);
		check_out(f, session_timeout(f->s, &f->out));
		CHECK(!f->waiting);
		break;
	case 1:
		index = t->index;
		session_drop_task(t);
		lose_process(f, index);
		session_scope_failed(f->s, index, f->s->h[index].scope);
		session_give_up(f->s, &f->out);
		check_out(f, STEP_GO);
		break;
	default:
		answer(f, t);
		break;
	}
}

/* The first one of a line is a report or a shadow's: it is done, or fails. */
static void
work(struct fuzz *f, unsigned int index)
{
	struct task	*t = TAILQ_FIRST(&f->s->h[index].tasks);
	unsigned int	 how = byte(f);

	if (how % 8 == 1)
		restart(f, index);
	if (t == NULL || (!t->report && !t->shadow))
		return;
	if (t->shadow)
		answer(f, t);
	else if (how % 8 != 0)
		use_up(f, t, 1);
	else {
		/* Of a scope that is over by now nothing else fails. */
		if (!t->ends)
			session_scope_failed(f->s, index, t->scope);
		session_drop_task(t);
		lose_process(f, index);
	}
}

static void
step(struct fuzz *f)
{
	unsigned int	 i;

	check_lines(f);
	if (session_is_full(f->s) || byte(f) % 4 == 0)
		for (i = 0; i < f->s->nh; i++)
			work(f, i);
	check_lines(f);
	if (f->waiting)
		resolve(f);
	else if (!session_is_full(f->s))
		command(f);
}

static void
choose_handlers(struct fuzz *f)
{
	unsigned int	 i, how, which = 1 + byte(f) % 63, first = byte(f);

	for (i = 0; i < NHANDLERS; i++) {
		how = byte(f);
		if (!handlers[i].input_message)
			handlers[i].scope = (enum scope)(how % 3);
		handlers[i].shadow = (how & 12) == 12;
		if (!handlers[i].input_message)
			handlers[i].concurrency = 1 + (how >> 4 & 1);
		else
			handlers[i].concurrency = 1;
		handlers[i].rejected_recipients = how >> 5 & 1;
		/* Without the event a recipient is a fact like others. */
		if ((handlers[i].reports & EV_BIT(EV_MAIL)) != 0)
			handlers[i].reports = (EV_BIT(EV_COUNT) - 1) &
			    ~(how & 16 ? EV_BIT(EV_RCPT) : 0);
		handlers[i].except_authenticated = how >> 6 & 1;
		handlers[i].max_message = how & 128 ? how / 3 : 0;
		handlers[i].on_large.verdict = (enum verdict)(how % 5);
		handlers[i].only_clients.set = handlers[i].only_clients.local = how % 7 == 0;
	}
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
