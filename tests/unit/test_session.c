/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/session.h: what handlers are asked and told, scope by scope. Commands go in
 * as the MTA sends them, and a pool that is none takes the tasks.
 */

#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "milter/encode.h"
#include "reply/decode.h"
#include "session/session.h"
#include "state/ids.h"
#include "state/known.h"
#include "tap.h"

#define REASON(code, enh)	{ code, enh, NULL }

static char		 name_a[] = "a", name_b[] = "b";
static struct handler_conf handlers[2];
static unsigned int	 order[2] = { 0, 1 };
static struct listen_conf listen_conf = { .handlers = order };
static struct conf	 conf = { .max_recipients = 100, .max_context = 1000, .max_actions = 100,
	.handlers = handlers, .nhandlers = 2, .listens = &listen_conf, .nlistens = 1 };

static struct session	*s;
static struct buf	 out;		/* what the MTA was answered by the last command */
static enum step	 step;
static char		 last_log[4096], all_logs[16384];

static void
keep_log(int severity __unused, const char *line)
{
	strlcpy(last_log, line, sizeof(last_log));
	strlcat(all_logs, line, sizeof(all_logs));
	strlcat(all_logs, "\n", sizeof(all_logs));
}

/* 1 if a line since the session began has the text. */
static int
logged(const char *text)
{
	return strstr(all_logs, text) != NULL;
}

/* Both handlers as they are by default; a test changes what it is about. */
static void
defaults(enum scope a, enum scope b)
{
	const struct handler_conf	 h = { .lines = LINES_ALL, .concurrency = 1, .reuse = 1,
	    .actions_named = 1, .on_failure = { VD_TEMPFAIL, REASON(451, "4.7.1") },
	    .on_timeout = { VD_TEMPFAIL, REASON(451, "4.7.1") },
	    .on_overload = { VD_TEMPFAIL, REASON(451, "4.7.1") } };

	handlers[0] = handlers[1] = h;
	handlers[0].name = name_a;
	handlers[1].name = name_b;
	handlers[0].scope = a;
	handlers[1].scope = b;
}

static void
begin(unsigned int nhandlers)
{
	static struct negotiated	 neg;
	static const char		*missing[2];

	listen_conf.nhandlers = nhandlers;
	negotiate(&conf, &listen_conf, 6, SMFIF_V6, SMFIP_V6, &neg, missing);
	buf_init(&out, SIZE_MAX / 2);
	s = session_new(&conf, &listen_conf, &neg, missing);
	last_log[0] = all_logs[0] = '\0';
}

/* Hands over what was encoded. */
static void
send_packet(struct buf *b)
{
	struct milter_packet	 pkt;
	struct milter_cmd	 cmd;
	const char		*why;
	size_t			 used;

	buf_reset(&out);
	if (milter_frame(b->data, b->len, &pkt, &used) != MILTER_FRAME_OK ||
	    milter_dec_cmd(&pkt, &cmd, &why) != 0)
		tap_check(0, "a packet of the test", "decoded", __FILE__, __LINE__);
	else
		step = session_command(s, &cmd, &out);
	buf_free(b);
}

static void
connect_from(const char *host, int family, const char *address)
{
	struct buf	 b;

	buf_init(&b, MILTER_MAX_DATA);
	milter_enc_connect(&b, host, family, 25, address);
	send_packet(&b);
}

static void
helo(const char *name)
{
	struct buf	 b;

	buf_init(&b, MILTER_MAX_DATA);
	milter_enc_helo(&b, name);
	send_packet(&b);
}

static void
envelope(int code, const char *address)
{
	struct buf	 b;

	buf_init(&b, MILTER_MAX_DATA);
	milter_enc_envelope(&b, code, address, NULL, 0);
	send_packet(&b);
}

static void
header(const char *name, const char *value)
{
	struct buf	 b;

	buf_init(&b, MILTER_MAX_DATA);
	milter_enc_header(&b, name, value);
	send_packet(&b);
}

static void
simple(int code)
{
	struct buf	 b;

	buf_init(&b, MILTER_MAX_DATA);
	milter_enc_simple(&b, code);
	send_packet(&b);
}

/* One macro, or two where the second has a name. */
static void
macro(int stage, const char *name, const char *value, const char *name2, const char *value2)
{
	struct milter_pair	 pairs[2] = { { name, value }, { name2, value2 } };
	struct buf		 b;

	buf_init(&b, MILTER_MAX_DATA);
	milter_enc_macros(&b, stage, pairs, name2 == NULL ? 1 : 2);
	send_packet(&b);
}

/*
 * The first task of a line: its block with S for the session's id, behind <
 * if it begins a scope and > if it ends one; its environment does not matter.
 */
static const char *
block(unsigned int index)
{
	static struct buf	 text;
	const struct task	*t = TAILQ_FIRST(&s->h[index].tasks);
	const char		*p, *end;
	size_t			 len = strlen(s->id);

	if (t == NULL)
		return "no task";
	buf_reset(&text);
	text.max = SIZE_MAX / 2;
	buf_add_str(&text, t->begins ? "<" : "");
	buf_add_str(&text, t->ends ? ">" : "");
	end = (const char *)t->block.data + t->block.len;
	for (p = (const char *)t->block.data; p < end; p++) {
		if ((size_t)(end - p) > len && memcmp(p, s->id, len) == 0) {
			buf_add_str(&text, "S");
			p += len - 1;
		} else
			buf_add(&text, p, 1);
	}
	buf_add_u8(&text, 0);
	return (const char *)text.data;
}

/* Takes the first task of a line away: a report that was delivered. */
static void
done(unsigned int index)
{
	struct task	*t = TAILQ_FIRST(&s->h[index].tasks);

	if (t != NULL)
		session_drop_task(t);
}

/* The first task of a line is answered with these lines; "" is a failure. */
static void
answer(unsigned int index, const char *lines)
{
	static const struct reply_limits limits = { .max_line = 1000, .max_body = 1000 };
	struct action_list	 actions = TAILQ_HEAD_INITIALIZER(actions);
	struct task_result	 r = { .end = TASK_REPLY, .why = "it broke", .actions = &actions };
	struct task		*t = TAILQ_FIRST(&s->h[index].tasks);
	struct reply_dec	*d = reply_dec_new(&limits);
	struct action		*a;
	size_t			 used, len = strlen(lines);

	if (t == NULL) {
		reply_dec_free(d);
		return;
	}
	while (reply_dec_feed(d, lines, len, &used, &a) == REPLY_ACTION) {
		TAILQ_INSERT_TAIL(&actions, a, entry);
		lines += used;
		len -= used;
	}
	if (len == 0)
		r.end = TASK_FAILURE;
	else {
		r.verdict = reply_verdict(d);
		r.smtp = *reply_smtp(d);
	}
	buf_reset(&out);
	if (t->shadow) {
		session_shadow_answer(t, &r);
		session_drop_task(t);
	} else {
		session_drop_task(t);
		step = session_answer(s, &r, &out);
	}
	action_list_clear(&actions);
	reply_dec_free(d);
}

/* The block is this one, and is answered. */
#define ASKED(index, text, lines, name) \
	do { CHECK_STR(block(index), (text), (name)); answer((index), (lines)); } while (0)
#define TOLD(index, text, name) \
	do { CHECK_STR(block(index), (text), (name)); done(index); } while (0)

static void
end(void)
{
	unsigned int	 i;

	session_end(s, "quit");
	for (i = 0; i < s->nh; i++)
		while (!TAILQ_EMPTY(&s->h[i].tasks))
			done(i);
	session_free(s);
	buf_free(&out);
}

#define CLIENT	"client-host mx.example\nclient-address 192.0.2.7\nclient-port 25\n" \
		"client-family inet\n"
#define HELO	"helo c.example\n"
#define SENDER	"sender <a@b.example>\nsender-domain b.example\n"
#define RCPT(x)	"recipient <" x "@d.example>\nrecipient-domain d.example\n"
#define IN(n)	"session S\nmessage S." n "\n"

static void
greet(void)
{
	connect_from("mx.example", '4', "192.0.2.7");
	helo("c.example");
}

#define MAIL()	envelope(SMFIC_MAIL, "<a@b.example>")
#define TO(x)	envelope(SMFIC_RCPT, "<" x "@d.example>")

static void
scope_event(void)
{
	defaults(SCOPE_EVENT, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_RCPT) | EV_BIT(EV_DATA);
	begin(1);
	greet();
	MAIL();
	TO("x");
	ASKED(0, "<>event rcpt\n" IN("1") "complete\n" CLIENT HELO SENDER "recipients 1\n" RCPT("x")
	    "\n", "continue\n", "scope event: a complete block");
	TO("y");
	ASKED(0, "<>event rcpt\n" IN("1") "complete\n" CLIENT HELO SENDER "recipients 2\n" RCPT("y")
	    "\n", "continue\n", "and the next one is complete again");
	simple(SMFIC_DATA);
	ASKED(0, "<>event data\n" IN("1") "complete\n" CLIENT HELO SENDER "recipients 2\n" RCPT("x")
	    RCPT("y") "\n", "continue\n", "with all recipients");
	CHECK(s->nscopes_over == 0, "each task ends its own scope");
	end();
}

static void
scope_message(void)
{
	defaults(SCOPE_MESSAGE, SCOPE_MESSAGE);
	handlers[0].events = EV_BIT(EV_MAIL) | EV_BIT(EV_RCPT) | EV_BIT(EV_HEADER) |
	    EV_BIT(EV_END_OF_MESSAGE);
	handlers[0].reports = EV_BIT(EV_HELO);
	handlers[1].reports = EV_BIT(EV_DATA) | EV_BIT(EV_ABORT);
	begin(2);
	macro(SMFIC_CONNECT, "j", "us", NULL, NULL);
	greet();
	TOLD(0, "<>report helo\nsession S\ncomplete\n" CLIENT HELO "answer continue\nmacro j us\n\n",
	    "an event outside of a message is a scope by itself");
	MAIL();
	ASKED(0, "<event mail\n" IN("1") "complete\n" CLIENT HELO SENDER "macro j us\n\n",
	    "continue\n", "the first block of a message is complete");
	macro(SMFIC_RCPT, "{rcpt_addr}", "x", "j", "us");
	TO("x");
	ASKED(0, "event rcpt\n" IN("1") "recipients 1\n" RCPT("x") "macro rcpt_addr x\n\n",
	    "continue\n", "the second has what is new, not a macro that is known");
	macro(SMFIC_RCPT, "{rcpt_addr}", "x", "j", "us");
	TO("y");
	ASKED(0, "event rcpt\n" IN("1") "recipients 2\n" RCPT("y") "\n", "reject no\n",
	    "the same macros again are not told");
	simple(SMFIC_DATA);
	TOLD(1, "<report data\n" IN("1") "complete\n" CLIENT HELO SENDER "recipients 1\n"
	    RCPT("x") "answer continue\nmacro rcpt_addr x\nmacro j us\n\n",
	    "another handler's first block is complete, without the refused");
	header("Subject", "hi");
	ASKED(0, "event header\n" IN("1") "recipient-refused <y@d.example>\nrecipients 1\n"
	    "header-name Subject\nheader-value hi\n\n", "continue\n",
	    "who was told of a recipient hears that it was refused");
	header("To", "x");
	ASKED(0, "event header\n" IN("1") "header-name To\nheader-value x\n\n", "continue\n",
	    "then there is nothing but the event");
	simple(SMFIC_BODYEOB);
	ASKED(0, ">event end-of-message\n" IN("1") "\n", "continue\n",
	    "the end of the message ends the scope");
	CHECK(s->h[0].in_scope == 0 && s->h[0].scope_over == 0, "as its task says");
	CHECK(s->h[1].in_scope == 0 && s->h[1].scope_over == 1 && s->nscopes_over == 1,
	    "no task says it to the one that was not told of the end");
	s->h[1].scope_over = 0;
	s->nscopes_over = 0;
	MAIL();
	ASKED(0, "<event mail\n" IN("2") "complete\n" CLIENT HELO SENDER "macro j us\n\n",
	    "continue\n", "the next message is another scope");
	simple(SMFIC_DATA);
	done(1);
	simple(SMFIC_ABORT);
	TOLD(1, ">report abort\n" IN("2") "\n", "abort is the last of its message");
	CHECK(s->h[0].scope_over == 1 && s->nscopes_over == 1, "who is not told of it has no more");
	end();
}

static void
refused_by_another(void)
{
	defaults(SCOPE_SESSION, SCOPE_SESSION);
	handlers[0].events = EV_BIT(EV_RCPT);
	handlers[0].reports = EV_BIT(EV_DATA);
	handlers[1].events = EV_BIT(EV_RCPT);
	handlers[1].reports = EV_BIT(EV_DATA);
	begin(2);
	greet();
	MAIL();
	TO("x");
	answer(0, "continue\n");
	answer(1, "continue\n");
	TO("y");
	answer(0, "continue\n");
	answer(1, "reject\n");
	TO("z");
	ASKED(0, "event rcpt\n" IN("1") "recipient-refused <y@d.example>\nrecipients 2\n" RCPT("z")
	    "\n", "reject\n", "a handler hears what another one refused");
	simple(SMFIC_DATA);
	TOLD(0, "report data\n" IN("1") "recipient-refused <z@d.example>\nrecipients 1\n"
	    "answer continue\n\n", "and what it refused itself");
	TOLD(1, "report data\n" IN("1") "recipient-refused <y@d.example>\nrecipients 1\n"
	    "answer continue\n\n", "but not of one that it was never asked about");
	CHECK(TAILQ_EMPTY(&s->message->refused), "nobody has to hear of them any more");
	end();
}

static void
scope_session(void)
{
	defaults(SCOPE_SESSION, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_MAIL) | EV_BIT(EV_DATA);
	handlers[0].reports = EV_BIT(EV_CONNECT) | EV_BIT(EV_HELO) | EV_BIT(EV_ABORT) |
	    EV_BIT(EV_DISCONNECT);
	begin(1);
	macro(SMFIC_CONNECT, "j", "us", NULL, NULL);
	connect_from("mx.example", '4', "192.0.2.7");
	TOLD(0, "<report connect\nsession S\ncomplete\n" CLIENT "answer continue\nmacro j us\n\n",
	    "scope session: it begins with the first event");
	helo("c.example");
	TOLD(0, "report helo\nsession S\n" HELO "answer continue\n\n", "and goes on");
	macro(SMFIC_MAIL, "i", "Q1", "j", "them");
	MAIL();
	ASKED(0, "event mail\n" IN("1") SENDER "macro i Q1\nmacro j them\n\n", "continue\n",
	    "a message is new");
	CHECK(strstr(s->ids, " Q1") != NULL && strcmp(ids_queue_id(s), "Q1") == 0,
	    "its queue id goes into the log");
	TO("x");
	simple(SMFIC_DATA);
	ASKED(0, "event data\n" IN("1") "recipients 1\n" RCPT("x") "\n", "continue\n",
	    "recipients that it was not asked about");
	macro(SMFIC_MAIL, "i", "Q2", NULL, NULL);
	MAIL();
	CHECK_STR(block(0), "report abort\n" IN("1") "\n", "the next MAIL aborts the message");
	CHECK(strstr(TAILQ_FIRST(&s->h[0].tasks)->ids, " Q1") != NULL, "with its own queue id");
	done(0);
	ASKED(0, "event mail\n" IN("2") "complete\n" CLIENT HELO SENDER "macro i Q2\nmacro j us\n\n",
	    "continue\n", "after macros of a message the next one begins with a complete block");
	macro(SMFIC_HELO, "tls_version", "1.3", NULL, NULL);
	helo("d.example");
	done(0);
	TOLD(0, "report helo\nsession S\ncomplete\n" CLIENT "helo d.example\nanswer continue\n"
	    "macro tls_version 1.3\nmacro j us\n\n", "HELO again ends them too");
	macro(SMFIC_HELO, "tls_version", "1.2", NULL, NULL);
	helo("d.example");
	TOLD(0, "report helo\nsession S\nhelo d.example\nanswer continue\nmacro tls_version 1.2\n\n",
	    "a macro that has a new value is told");
	macro(SMFIC_HELO, "cipher", "x", NULL, NULL);
	helo("d.example");
	TOLD(0, "report helo\nsession S\ncomplete\n" CLIENT "helo d.example\nanswer continue\n"
	    "macro cipher x\nmacro j us\n\n", "a macro that is gone makes a block complete");
	session_end(s, "quit");
	TOLD(0, ">report disconnect\nsession S\nreason quit\n\n", "disconnect is the last");
	end();
}

static void
contexts(void)
{
	defaults(SCOPE_SESSION, SCOPE_MESSAGE);
	handlers[0].events = EV_BIT(EV_HELO) | EV_BIT(EV_MAIL) | EV_BIT(EV_DATA);
	handlers[1].events = EV_BIT(EV_MAIL) | EV_BIT(EV_DATA);
	begin(2);
	greet();
	answer(0, "set a 1\nset b 2\ncontinue\n");
	MAIL();
	ASKED(0, "event mail\n" IN("1") SENDER "context a 1\ncontext b 2\n\n",
	    "set-message a 3\nunset b\ncontinue\n", "what was set is told");
	ASKED(1, "<event mail\n" IN("1") "complete\n" CLIENT HELO SENDER "context a 3\n\n",
	    "set b 4\ncontinue\n", "a complete block has what there is, not what is gone");
	simple(SMFIC_DATA);
	ASKED(0, "event data\n" IN("1") "context a 3\ncontext b 4\n\n", "unset b\ncontinue\n",
	    "set again it is not gone");
	ASKED(1, "event data\n" IN("1") "\n", "continue\n",
	    "who was not told of it need not hear that it is gone");
	MAIL();
	ASKED(0, "event mail\n" IN("2") "complete\n" CLIENT HELO SENDER "context a 1\n\n",
	    "continue\n", "after a value of a message the next one begins with a complete block");
	answer(1, "continue\n");
	MAIL();
	ASKED(0, "event mail\n" IN("3") SENDER "\n", "continue\n",
	    "where nothing of a message was told but the envelope it does not");
	answer(1, "continue\n");
	end();
}

static void
many_unset(void)
{
	char		 line[64];
	unsigned int	 i;

	defaults(SCOPE_SESSION, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_MAIL) | EV_BIT(EV_DATA) | EV_BIT(EV_UNKNOWN);
	begin(1);
	MAIL();
	answer(0, "continue\n");
	for (i = 0; i <= CONTEXT_MAX_GONE; i++) {
		snprintf(line, sizeof(line), "v%u", i);
		context_set(&s->context, line, "x", 0);
	}
	known_collect(s);
	simple(SMFIC_DATA);
	answer(0, "continue\n");
	for (i = 0; i <= CONTEXT_MAX_GONE; i++) {
		snprintf(line, sizeof(line), "v%u", i);
		context_unset(&s->context, line);
	}
	known_collect(s);
	simple(SMFIC_DATA);
	ASKED(0, "event data\n" IN("1") "complete\n" SENDER "\n", "continue\n",
	    "too many that are gone make a block complete");
	end();
}

static void
failures(void)
{
	defaults(SCOPE_MESSAGE, SCOPE_SESSION);
	handlers[0].events = EV_BIT(EV_MAIL) | EV_BIT(EV_RCPT);
	handlers[0].on_failure.verdict = VD_CONTINUE;
	handlers[1].events = EV_BIT(EV_RCPT);
	handlers[1].reports = EV_BIT(EV_DATA);
	begin(2);
	MAIL();
	answer(0, "");
	CHECK(strstr(last_log, "handler a: mail: it broke; on-failure = continue") != NULL,
	    "a failure is logged");
	TO("x");
	CHECK(TAILQ_EMPTY(&s->h[0].tasks) && !TAILQ_EMPTY(&s->h[1].tasks),
	    "who has failed is not asked again in this message");
	answer(1, "continue\n");
	simple(SMFIC_DATA);
	session_scope_failed(s, 1, s->h[1].scope - 1);
	CHECK(!s->h[1].failed, "an earlier scope that fails is not this one");
	session_scope_failed(s, 1, s->h[1].scope);
	done(1);
	TO("y");
	CHECK(TAILQ_EMPTY(&s->h[1].tasks) && out.len > 10 &&
	    memcmp(out.data + 4, "y451", 4) == 0, "on-failure answers for it");
	simple(SMFIC_DATA);
	CHECK(TAILQ_EMPTY(&s->h[1].tasks), "and it is told nothing");
	MAIL();
	CHECK_STR(block(0), "<event mail\n" IN("2") "complete\n" SENDER "\n",
	    "the next message is a new chance");
	answer(0, "accept\n");
	CHECK(s->h[0].scope_over, "accept ends a scope");
	TO("x");
	CHECK(s->ntasks == 0, "in the same session there is no other for the other");
	end();
}

static void
restarts(void)
{
	struct task	*t;

	defaults(SCOPE_SESSION, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_UNKNOWN);
	handlers[0].reports = EV_BIT(EV_MAIL) | EV_BIT(EV_RCPT) | EV_BIT(EV_DATA) |
	    EV_BIT(EV_HEADER);
	begin(1);
	greet();
	MAIL();
	done(0);
	TO("x");
	simple(SMFIC_DATA);
	t = TAILQ_FIRST(&s->h[0].tasks);
	session_restart_scope(t);
	TOLD(0, "<report rcpt\n" IN("1") "complete\n" CLIENT HELO SENDER "recipients 1\n" RCPT("x")
	    "answer continue\n\n", "an older block is made complete around its own lines");
	CHECK_STR(block(0), "report data\n" IN("1") "answer continue\n\n",
	    "what is behind it stays");
	session_restart_scope(TAILQ_FIRST(&s->h[0].tasks));
	TOLD(0, "<report data\n" IN("1") "complete\n" CLIENT HELO SENDER "recipients 1\n" RCPT("x")
	    "answer continue\n\n", "another one");
	header("A", "b");
	MAIL();
	session_restart_scope(TAILQ_FIRST(&s->h[0].tasks));
	TOLD(0, "<report header\n" IN("1") "complete\n" CLIENT HELO
	    "header-name A\nheader-value b\nanswer continue\n\n",
	    "of a message that is over only its own lines are left");
	TOLD(0, "report mail\n" IN("2") SENDER "answer continue\n\n", "the next message is told");
	CHECK(s->task_bytes == 0, "bytes are counted right");
	end();
}

/* Macros of RCPT that come before MAIL, which ends them. */
static void
restart_shows_newer_macros(void)
{
	defaults(SCOPE_SESSION, SCOPE_EVENT);
	handlers[0].reports = EV_BIT(EV_CONNECT) | EV_BIT(EV_HELO) | EV_BIT(EV_MAIL);
	begin(1);
	macro(SMFIC_CONNECT, "j", "us", NULL, NULL);
	connect_from("h", 'U', NULL);
	done(0);
	helo("c");
	macro(SMFIC_RCPT, "j", "them", NULL, NULL);
	session_restart_scope(TAILQ_FIRST(&s->h[0].tasks));
	CHECK(strstr(block(0), "\nmacro j them\n") != NULL, "a process that is new has the newest");
	done(0);
	MAIL();
	CHECK(strstr(block(0), "\nmacro j us\n") != NULL, "and the older one when that is over");
	end();
}

/* A value that was set after an older block was made, and is in it once that is restarted. */
static void
restart_shows_newer_values(const char *set, int of_message)
{
	defaults(SCOPE_SESSION, SCOPE_EVENT);
	handlers[0].reports = EV_BIT(EV_MAIL) | EV_BIT(EV_RCPT);
	handlers[1].events = EV_BIT(EV_DATA) | EV_BIT(EV_END_OF_MESSAGE);
	begin(2);
	greet();
	MAIL();
	done(0);
	TO("x");
	simple(SMFIC_DATA);
	answer(1, set);
	session_restart_scope(TAILQ_FIRST(&s->h[0].tasks));
	CHECK(strstr(block(0), "\ncontext X 1\n") != NULL, "a process that is new has the value");
	done(0);
	simple(SMFIC_BODYEOB);
	answer(1, of_message ? "continue\n" : "unset X\ncontinue\n");
	MAIL();
	if (of_message)
		CHECK(strstr(block(0), "\ncomplete\n") != NULL &&
		    strstr(block(0), "context") == NULL, "and forgets it with the message");
	else
		CHECK(strstr(block(0), "\ncontext-unset X\n") != NULL,
		    "and hears when the value is gone");
	end();
}

/* Each recipient is said once, whichever block is restarted. */
static void
restart_says_recipients_once(void)
{
	defaults(SCOPE_SESSION, SCOPE_EVENT);
	handlers[0].reports = EV_BIT(EV_MAIL) | EV_BIT(EV_RCPT) | EV_BIT(EV_DATA) |
	    EV_BIT(EV_HEADER);
	begin(1);
	greet();
	MAIL();
	TO("x");
	TO("y");
	simple(SMFIC_DATA);
	session_restart_scope(TAILQ_FIRST(&s->h[0].tasks));
	TOLD(0, "<report mail\n" IN("1") "complete\n" CLIENT HELO "recipients 2\n" SENDER
	    "answer continue\n\n", "recipients that later blocks are about are left to them");
	TOLD(0, "report rcpt\n" IN("1") "recipients 1\n" RCPT("x") "answer continue\n\n", "x");
	session_restart_scope(TAILQ_FIRST(&s->h[0].tasks));
	TOLD(0, "<report rcpt\n" IN("1") "complete\n" CLIENT HELO SENDER "recipients 2\n"
	    RCPT("y") "answer continue\n\n", "a block of rcpt says its own");
	TOLD(0, "report data\n" IN("1") RCPT("x") "answer continue\n\n",
	    "the block after it says those of before");
	header("A", "b");
	TOLD(0, "report header\n" IN("1") "header-name A\nheader-value b\nanswer continue\n\n",
	    "and no block says them again");
	CHECK(s->task_bytes == 0, "bytes are counted right");
	end();
}

/* Recipients that are told as facts, since rcpt is no event of the handler. */
static void
restart_takes_recipients_along(void)
{
	defaults(SCOPE_SESSION, SCOPE_EVENT);
	handlers[0].reports = EV_BIT(EV_MAIL) | EV_BIT(EV_DATA) | EV_BIT(EV_HEADER);
	begin(1);
	greet();
	MAIL();
	TO("x");
	simple(SMFIC_DATA);
	session_restart_scope(TAILQ_FIRST(&s->h[0].tasks));
	TOLD(0, "<report mail\n" IN("1") "complete\n" CLIENT HELO "recipients 1\n" RCPT("x") SENDER
	    "answer continue\n\n", "a recipient that came after the block is in it");
	TOLD(0, "report data\n" IN("1") "recipients 1\nanswer continue\n\n", "and not in the next");
	MAIL();
	session_restart_scope(TAILQ_FIRST(&s->h[0].tasks));
	TO("y");
	done(0);
	simple(SMFIC_DATA);
	TOLD(0, "report data\n" IN("2") "recipients 1\n" RCPT("y") "answer continue\n\n",
	    "one that came after the restart is told");
	end();
}

/* A process does not hear of a refusal where it does not know the recipient. */
static void
restart_after_refusals(void)
{
	defaults(SCOPE_SESSION, SCOPE_EVENT);
	handlers[0].reports = EV_BIT(EV_RCPT) | EV_BIT(EV_DATA);
	handlers[1].events = EV_BIT(EV_RCPT);
	begin(2);
	greet();
	MAIL();
	TO("x");
	answer(1, "reject\n");
	done(0);
	TO("x");
	answer(1, "continue\n");
	simple(SMFIC_DATA);
	session_restart_scope(TAILQ_FIRST(&s->h[0].tasks));
	TOLD(0, "<report rcpt\n" IN("1") "complete\n" CLIENT HELO SENDER "recipients 1\n" RCPT("x")
	    "answer continue\n\n", "the second x, and not that the first one was refused");
	done(0);
	MAIL();
	TO("y");
	answer(1, "reject\n");
	simple(SMFIC_DATA);
	session_restart_scope(TAILQ_FIRST(&s->h[0].tasks));
	done(0);
	TOLD(0, "report data\n" IN("2") "recipient-refused <y@d.example>\nrecipients 0\n"
	    "answer continue\n\n", "one that knows it does");
	end();
}

static void
restart_in_hand(void)
{
	defaults(SCOPE_SESSION, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_MAIL) | EV_BIT(EV_DATA);
	handlers[0].reuse = 0;
	begin(1);
	greet();
	MAIL();
	CHECK(TAILQ_FIRST(&s->h[0].tasks)->env.len > 0, "the first of a scope has variables");
	answer(0, "continue\n");
	TO("x");
	simple(SMFIC_DATA);
	CHECK(TAILQ_FIRST(&s->h[0].tasks)->env.len == 0, "the second one has none");
	session_restart_scope(TAILQ_FIRST(&s->h[0].tasks));
	CHECK(TAILQ_FIRST(&s->h[0].tasks)->env.len > 0, "unless it becomes the first");
	ASKED(0, "<event data\n" IN("1") "complete\n" CLIENT HELO SENDER "recipients 1\n" RCPT("x")
	    "\n", "continue\n", "the event in hand is told anew");
	end();
}

static void
shadows(void)
{
	defaults(SCOPE_EVENT, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_MAIL) | EV_BIT(EV_RCPT);
	handlers[0].actions = ACT_BIT(ACT_ADD_HEADER);
	handlers[0].shadow = 1;
	begin(1);
	MAIL();
	CHECK(step == STEP_GO && out.len == 5 && out.data[4] == 'c', "nobody waits for a shadow");
	ASKED(0, "<>event mail\n" IN("1") "complete\n" SENDER "\n", "reject 554 5.7.1 go away\n",
	    "it is asked as if for real");
	CHECK(strstr(last_log, "handler a: mail: would reject 554 5.7.1 go away") != NULL,
	    "what it says is logged");
	TO("x");
	answer(0, "add-header X-A b\nset v 1\ncontinue\n");
	CHECK(strstr(last_log, "handler a: rcpt: would continue with 2 actions: add-header X-A, "
	    "set v") != NULL, "and what it would do");
	CHECK(s->message->nkept == 0 && s->context.bytes == 0, "which is not done");
	last_log[0] = '\0';
	TO("y");
	answer(0, "continue\n");
	CHECK_STR(last_log, "", "a bare continue is not logged");
	TO("z");
	answer(0, "");
	CHECK(strstr(last_log, "handler a: rcpt: it broke; shadow, on-failure would be tempfail") !=
	    NULL, "a failure is");
	TO("z");
	answer(0, "accept\n");
	TO("z");
	CHECK(s->ntasks == 0, "accept holds for it alone");
	end();
}

static void
exclusions(void)
{
	static struct network	 net;
	const char		*why;

	defaults(SCOPE_EVENT, SCOPE_SESSION);
	netaddr_network_parse("192.0.2.0/24", &net, &why);
	handlers[0].events = handlers[1].events = EV_BIT(EV_MAIL);
	handlers[0].reports = EV_BIT(EV_DISCONNECT);
	handlers[0].except_clients.networks = &net;
	handlers[0].except_clients.nnetworks = 1;
	handlers[0].except_clients.set = handlers[0].except_clients.local = 1;
	handlers[1].except_authenticated = 1;
	begin(2);
	greet();
	MAIL();
	CHECK(TAILQ_EMPTY(&s->h[0].tasks), "except-clients: it isn't asked");
	answer(1, "continue\n");
	macro(SMFIC_MAIL, "{auth_authen}", "joe", NULL, NULL);
	MAIL();
	CHECK(s->ntasks == 0 && s->h[1].scope_over, "except-authenticated: no more, and no scope");
	MAIL();
	CHECK(s->ntasks == 0, "it stays so");
	macro(SMFIC_MAIL, "i", "Q", NULL, NULL);
	MAIL();
	CHECK(!TAILQ_EMPTY(&s->h[1].tasks), "until the macro is gone");
	answer(1, "continue\n");
	session_end(s, "quit");
	CHECK(TAILQ_EMPTY(&s->h[0].tasks), "nor is it told anything");
	end();
	begin(1);
	connect_from("localhost", 'U', NULL);
	MAIL();
	CHECK(s->ntasks == 0, "local: a client of no family that is called localhost");
	end();
	begin(1);
	connect_from("x", '4', "198.51.100.1");
	MAIL();
	CHECK(s->ntasks == 1, "others are its business");
	answer(0, "continue\n");
	end();
}

static void
large_messages(void)
{
	defaults(SCOPE_MESSAGE, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_MAIL) | EV_BIT(EV_HEADER) | EV_BIT(EV_END_OF_MESSAGE);
	handlers[0].max_message = 10;
	handlers[0].on_large.verdict = VD_REJECT;
	begin(1);
	MAIL();
	answer(0, "continue\n");
	header("A", "b");
	answer(0, "continue\n");
	header("Subject", "something");
	CHECK(s->ntasks == 0 && out.len > 8 && memcmp(out.data + 4, "y550", 4) == 0,
	    "on-large answers for the header that is too much");
	CHECK(s->message == NULL && s->h[0].scope_over, "and the message is over");
		handlers[0].events = EV_BIT(EV_END_OF_MESSAGE);
	end();
	begin(1);
	MAIL();
	header("Subject", "something");
	CHECK(s->ntasks == 0 && out.len == 0, "where no answer is waited for");
	simple(SMFIC_BODYEOB);
	CHECK(s->ntasks == 0 && out.len > 8 && memcmp(out.data + 4, "y550", 4) == 0,
	    "it answers at the end");
	handlers[0].on_large.verdict = VD_CONTINUE;
	MAIL();
	header("Subject", "something");
	simple(SMFIC_BODYEOB);
	CHECK(s->ntasks == 0 && out.data[4] == 'c', "or lets it pass");
	MAIL();
	simple(SMFIC_BODYEOB);
	CHECK(s->ntasks == 1, "the next message is another one");
	answer(0, "continue\n");
	end();
}

static void
rejected_recipients(void)
{
	defaults(SCOPE_MESSAGE, SCOPE_MESSAGE);
	handlers[0].reports = handlers[1].reports = EV_BIT(EV_RCPT) | EV_BIT(EV_DATA);
	handlers[0].rejected_recipients = 1;
	begin(2);
	MAIL();
	macro(SMFIC_RCPT, "{rcpt_mailer}", "error", "{rcpt_host}", "5.1.1");
	TO("x");
	TOLD(0, "<report rcpt\n" IN("1") "complete\n" SENDER "recipient-status rejected\n" RCPT("x")
	    "macro rcpt_mailer error\nmacro rcpt_host 5.1.1\n\n", "it is told of the rejected");
	CHECK(TAILQ_EMPTY(&s->h[1].tasks), "another is not");
	CHECK(s->message->nrecipients == 0, "it is not counted");
	macro(SMFIC_RCPT, "{rcpt_mailer}", "local", "{rcpt_host}", "");
	TO("y");
	TOLD(0, "report rcpt\n" IN("1") "recipients 1\n" RCPT("y") "answer continue\n"
	    "macro rcpt_mailer local\nmacro rcpt_host \n\n", "nor is it gone when the next one comes");
	macro(SMFIC_RCPT, "{rcpt_mailer}", "local", NULL, NULL);
	TO("z");
	TOLD(0, "report rcpt\n" IN("1") "complete\n" SENDER "recipients 2\n" RCPT("z")
	    "answer continue\nmacro rcpt_mailer local\n\n",
	    "a macro that is gone makes a block complete in a message too");
	end();
}

static void
several_at_a_time(void)
{
	char	 text[200];

	defaults(SCOPE_EVENT, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_UNKNOWN) | EV_BIT(EV_DATA);
	handlers[0].concurrency = 2;
	begin(1);
	MAIL();
	simple(SMFIC_DATA);
	snprintf(text, sizeof(text), "<>event data\n" IN("1") "event-id %llu\ncomplete\n" SENDER
	    "\n", (unsigned long long)TAILQ_FIRST(&s->h[0].tasks)->id);
	ASKED(0, text, "continue\n", "with concurrency there is an event-id");
	end();
}

static void
body(const char *text)
{
	struct buf	 b;

	buf_init(&b, MILTER_MAX_DATA);
	milter_enc_raw(&b, SMFIC_BODY, text, strlen(text));
	send_packet(&b);
}

/* What is kept of the message, or why nothing is. */
static const char *
kept(void)
{
	static char		 text[500];
	const unsigned char	*p;

	if (s->message->store == NULL)
		return "nothing";
	if ((p = store_bytes(s->message->store)) == NULL)
		return store_error(s->message->store);
	snprintf(text, sizeof(text), "%.*s|%.*s", (int)store_body_at(s->message->store), p,
	    (int)(store_len(s->message->store) - store_body_at(s->message->store)),
	    p + store_body_at(s->message->store));
	return text;
}

static void
whole_messages(void)
{
	char	 many[1000];

	defaults(SCOPE_EVENT, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_END_OF_MESSAGE);
	handlers[1].events = EV_BIT(EV_DATA) | EV_BIT(EV_END_OF_MESSAGE);
	handlers[1].spool = 1;
	handlers[1].max_message = 5000;
	begin(2);
	MAIL();
	CHECK_STR(kept(), "nothing", "a message without a header or body: nothing at first");
	simple(SMFIC_DATA);
	answer(1, "continue\n");
	header("A", " b\n\tc\r\n d");
	header("Empty", "");
	header("No-Blank", "x ");
	CHECK_STR(kept(), "|A: b\r\n\tc\r\n d\r\nEmpty:\r\nNo-Blank:x \r\n",
	    "headers are kept as they came");
	body("one\r\ntwo\n");
	body("\r");
	body("\n");
	simple(SMFIC_BODYEOB);
	CHECK_STR(kept(), "A: b\r\n\tc\r\n d\r\nEmpty:\r\nNo-Blank:x \r\n\r\n|one\r\ntwo\n\r\n",
	    "and so is the body");
	answer(0, "continue\n");
	answer(1, "continue\n");
	MAIL();
	simple(SMFIC_DATA);
	answer(1, "continue\n");
	simple(SMFIC_BODYEOB);
	CHECK_STR(kept(), "\r\n|", "of an empty message there is the empty line");
	answer(0, "continue\n");
	answer(1, "continue\n");
	MAIL();
	simple(SMFIC_DATA);
	answer(1, "accept\n");
	header("A", " b");
	CHECK_STR(kept(), "nothing", "one that nobody wants any more is not kept");
	simple(SMFIC_ABORT);
	MAIL();
	simple(SMFIC_DATA);
	answer(1, "continue\n");
	header("A", " b");
	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	while (s->message->size < 3500)
		body(many);
	CHECK(strlen(kept()) > 400, "one of up to max-message is kept");
	body(many);
	CHECK_STR(kept(), "nothing", "a larger one is not");
	end();
	handlers[1].spool = 0;
}

/* How large the block of the next task may be: tasks are used again, the last one first. */
static size_t
limit_block(size_t max)
{
	struct task	*t = task_new();
	size_t		 was = t->block.max;

	t->block.max = max;
	task_free(t);
	return was;
}

/* A block that can't be is a message that is refused, or a report that is lost. */
static void
blocks_too_large(void)
{
	size_t	 max;

	defaults(SCOPE_MESSAGE, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_MAIL) | EV_BIT(EV_DATA);
	begin(1);
	greet();
	max = limit_block(30);
	MAIL();
	CHECK(logged("not enough memory: what was kept of it is dropped"),
	    "a block that is too large is logged");
	CHECK(step == STEP_GO && s->ntasks == 0 && s->task_bytes == 0, "its event is not asked");
	CHECK(out.len > 4 && memcmp(out.data + 4, "y452 4.3.1", 10) == 0,
	    "and its message is refused");
	limit_block(max);
	MAIL();
	ASKED(0, "<event mail\n" IN("2") "complete\n" CLIENT HELO SENDER "\n", "continue\n",
	    "the next message is asked about, by a complete block");
	CHECK(s->task_bytes == 0, "bytes are counted right");
	end();
}

static void
reports_too_large(void)
{
	size_t	 max;

	defaults(SCOPE_SESSION, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_DATA);
	handlers[0].reports = EV_BIT(EV_MAIL);
	begin(1);
	greet();
	max = limit_block(30);
	MAIL();
	limit_block(max);
	CHECK(logged("handler a: report mail: not enough memory"),
	    "a report whose block is too large");
	CHECK(step == STEP_GO && s->ntasks == 0, "is lost");
	TO("x");
	simple(SMFIC_DATA);
	CHECK(out.len > 4 && memcmp(out.data + 4, "y451", 4) == 0,
	    "and what follows in its scope has failed, since the process would not know it");
	end();
}

static void
message_not_kept(void)
{
	defaults(SCOPE_EVENT, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_END_OF_MESSAGE);
	handlers[0].spool = 1;
	begin(1);
	s->keeps = 0;
	greet();
	MAIL();
	TO("x");
	simple(SMFIC_DATA);
	header("A", "b");
	simple(SMFIC_BODYEOB);
	CHECK(logged("BUG: handler a: end-of-message: the message was not kept"),
	    "a message that was not kept is a fault of ours");
	CHECK(step == STEP_GO && s->ntasks == 0 && out.len > 4 &&
	    memcmp(out.data + 4, "y451", 4) == 0, "and on-failure answers");
	CHECK(s->broken, "then the session ends");
	end();
	handlers[0].spool = 0;
}

/* What has no place in the session's state. */
static void
broken_sessions(void)
{
	struct action_list	 actions = TAILQ_HEAD_INITIALIZER(actions);
	struct task_result	 r = { .end = TASK_REPLY, .actions = &actions };

	defaults(SCOPE_EVENT, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_MAIL);
	begin(1);
	greet();
	buf_reset(&out);
	CHECK(session_answer(s, &r, &out) == STEP_GO && out.len == 0 && s->broken,
	    "an answer where none was asked is none, and ends the session");
	CHECK(logged("BUG: a handler has answered, and none was asked"), "it is logged");
	end();
	begin(1);
	greet();
	MAIL();
	memset(s->message->id, 'x', sizeof(s->message->id) - 1);
	ids_write_first(s);
	CHECK(s->first_len == 0 && s->broken, "ids that are too long end the session");
	CHECK(logged("BUG: the ids of session "), "that is logged");
	answer(0, "continue\n");
	CHECK(step == STEP_GO && out.len > 4, "its event is answered before");
	end();
}

/* A session that is in use is not freed: its memory can be looked at after that. */
static void
freed_too_early(void)
{
	static char	 process;

	defaults(SCOPE_EVENT, SCOPE_EVENT);
	handlers[0].events = EV_BIT(EV_MAIL);
	begin(1);
	greet();
	MAIL();
	session_free(s);
	CHECK(logged("BUG: the session is over, and 1 of its tasks are not; it is kept"),
	    "a session whose tasks are left is kept");
	ASKED(0, "<>event mail\n" IN("1") "complete\n" CLIENT HELO SENDER "\n", "continue\n",
	    "with its tasks");
	s->h[0].binding.proc = (struct hproc *)(void *)&process;
	session_free(s);
	CHECK(logged("BUG: the session is over, and a process of handler a serves it; it is kept"),
	    "so is one that a process serves");
	s->h[0].binding.proc = NULL;
	end();
}

int
main(void)
{
	log_set_hook(keep_log);
	scope_event();
	scope_message();
	refused_by_another();
	scope_session();
	contexts();
	many_unset();
	failures();
	restarts();
	restart_shows_newer_macros();
	restart_shows_newer_values("set X 1\ncontinue\n", 0);
	restart_shows_newer_values("set-message X 1\ncontinue\n", 1);
	restart_says_recipients_once();
	restart_takes_recipients_along();
	restart_after_refusals();
	restart_in_hand();
	shadows();
	exclusions();
	large_messages();
	rejected_recipients();
	several_at_a_time();
	whole_messages();
	blocks_too_large();
	reports_too_large();
	message_not_kept();
	broken_sessions();
	freed_too_early();
	return tap_done();
}
