/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/daemon.c: mail for the handler through a real daemon.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/proto.h"
#include "mta/packets.h"
#include "send/run.h"
#include "torture/daemon.h"
#include "torture/judge.h"
#include "base/xmalloc.h"

#define MANY		20	/* messages; each event may cost a process */
#define AT_A_TIME	5
#define LARGE		((size_t)30 << 20)
#define MAX_MESSAGE	(LARGE + 65536)
#define HUNDREDS	300
#define MAX_LINES	5	/* of the log, told at most */

struct through {
	struct torture		*t;
	struct mta_hooks	 hooks;		/* for a message that is watched */
	enum mta_result		 result;	/* of the last message */
	struct send_child	 child;
	struct netaddr		 addr;
	int			 fd;		/* connected already; or -1 */
	unsigned int		 nlines;
};

/* A value is tried with one message in its session. */
static int
no_more(void *arg __unused)
{
	return 0;
}

static void
message_begin(void *arg __unused, const char *queue_id __unused)
{
}

static void
message_end(void *arg, const struct mta_outcome *o)
{
	struct through	*th = arg;

	th->result = o->result;
	/* Skip "550 5.7.1 ". */
	if (o->smtp != NULL && strlen(o->smtp) > 10)
		torture_judge_said(th->t, mta_command_name(o->command), o->smtp + 10);
}

static void
message_reply(void *arg, int command, const struct milter_reply *r)
{
	struct through	*th = arg;

	if (r->text != NULL && !mta_reply_is_final(r->code))
		torture_judge_text(th->t, mta_command_name(command), r->text);
}

/* Tells what the log of the daemon says of the handler, without the ids before it. */
static void
log_line(void *arg, int severity __unused, const char *line)
{
	/*
	 * On standard error the handler may say anything and quote mail; and it
	 * may be slow.
	 */
	static const char *const harmless[] = { ": stderr: ", " lines of standard error",
	    " was mended", "queue-timeout", ": slow: ", "slow answers of ",
	    " processes are in use" };
	struct through	*th = arg;
	const char	*text = strstr(line, "handler ");
	size_t		 i;

	if (text == NULL)
		return;
	torture_judge_names(th->t, "in the daemon", text, strlen(text));
	for (i = 0; i < nitems(harmless); i++)
		if (strstr(text, harmless[i]) != NULL)
			return;
	if (++th->nlines > MAX_LINES)
		return;
	torture_wrong(&th->t->report, "in the daemon", "its log says", text,
	    strcspn(text, "\n"), NULL);
}

static void
init_plan(struct mta_plan *plan)
{
	const char	*why;

	memset(plan, 0, sizeof(*plan));
	TAILQ_INIT(&plan->message.headers);
	mta_plan_offer(plan, MILTER_VERSION);
	(void)mta_plan_client(plan, "198.51.100.9", &why);
	plan->helo = "client.example.org";
	plan->id_base = 0x70;
}

static void
play_message(struct through *th, struct mta_plan *plan, const struct buf *message, size_t count,
    size_t connections)
{
	struct send_run	 run;
	const char	*why;

	memset(&run, 0, sizeof(run));
	if (mta_message_parse(&plan->message, message->data, message->len, &why) == -1)
		return;
	run.plan = plan;
	run.addr = th->addr;
	run.first_fd = th->fd;
	run.count = count;
	run.connections = connections;
	run.per_connection = 2;
	run.watch = count == 1 ? &th->hooks : NULL;
	run.stop = th->t->options->stop;
	run.wait_mask = th->t->options->wait_mask;
	th->fd = -1;
	th->t->report.tried += count;
	if (send_run(&run) == -1 && *run.stop == 0)
		torture_wrong(&th->t->report, "in the daemon", run.error, NULL, 0, NULL);
	send_run_free(&run);
	mta_packets_forget();
	mta_plan_free(plan);
}

/* Adds a body of lines of ordinary length. */
static void
add_dull_lines(struct buf *b, size_t size)
{
	static const char	 line[] = "From the other side of a very long and dull body.\n"
	    ".\n..\n\303\274\377\n\n";

	while (size >= sizeof(line)) {
		buf_add(b, line, sizeof(line) - 1);
		size -= sizeof(line) - 1;
	}
}

static void
add_recipients(struct mta_plan *plan, unsigned int n)
{
	char		 address[64];
	unsigned int	 i;

	for (i = 0; i < n; i++) {
		(void)snprintf(address, sizeof(address), "recipient%u@recipient.example", i);
		mta_plan_add_rcpt(plan, address);
	}
}

/* Sends several sessions at a time, some with two messages. */
static void
send_many(struct through *th)
{
	struct mta_plan	 plan;
	struct buf	 b;

	torture_trying(&th->t->report, "%d messages through a daemon, %d at a time", MANY,
	    AT_A_TIME);
	init_plan(&plan);
	mta_address_set(&plan.sender, "sender@sender.example");
	add_recipients(&plan, 2);
	buf_init(&b, MAX_MESSAGE);
	buf_add_str(&b, "From: sender@sender.example\nSubject: many\n\nHello\n");
	play_message(th, &plan, &b, MANY, AT_A_TIME);
	buf_free(&b);
}

static void
send_value(struct through *th, const struct torture_value *v)
{
	struct mta_plan	 plan;
	struct buf	 b;
	char		*address;

	torture_trying(&th->t->report, "%s, through a daemon", v->about);
	init_plan(&plan);
	if (asprintf(&address, "<%s@torture.example>", v->quoted) == -1)
		return;
	mta_address_set(&plan.sender, address);
	mta_plan_add_rcpt(&plan, address);
	free(address);
	buf_init(&b, MAX_MESSAGE);
	buf_printf(&b, "Subject: %s\nFrom: %s\nX-Torture:%s\n\n", v->text, v->text, v->text);
	buf_printf(&b, "%s\n.\n", v->text);
	play_message(th, &plan, &b, 1, 1);
	buf_free(&b);
}

static void
send_large(struct through *th, size_t size, unsigned int recipients)
{
	struct mta_plan	 plan;
	struct buf	 b;

	torture_trying(&th->t->report, "%u recipients and a body of %zu bytes, through a daemon",
	    recipients, size);
	init_plan(&plan);
	mta_address_set(&plan.sender, "<>");
	add_recipients(&plan, recipients);
	buf_init(&b, MAX_MESSAGE);
	/* The message has no Subject and, without a body, no empty line. */
	buf_add_str(&b, "From: postmaster@sender.example\n");
	if (size > 0)
		buf_add_str(&b, "\n");
	add_dull_lines(&b, size);
	play_message(th, &plan, &b, 1, 1);
	buf_free(&b);
}

/* Tells if two values that only differ in their meaning have different results. */
static void
judge_twins(struct through *th, const struct torture_value *v, enum mta_result before)
{
	char	 what[160];

	if (before == th->result || th->t->options->stateful)
		return;
	(void)snprintf(what, sizeof(what), "what becomes of a message depends on whether it has "
	    "%s", v->about);
	torture_wrong(&th->t->report, "message", what, v->text, strlen(v->text), TORTURE_TWIN_CAUSE);
}

static void
send_values(struct through *th)
{
	struct torture_value	*v = th->t->values;
	enum mta_result		 before = MTA_DELIVERED;
	size_t			 i;

	for (i = 0; i < th->t->nvalues && !torture_is_over(th->t); i++) {
		send_value(th, &v[i]);
		torture_judge_canaries(th->t, "message");
		if (i > 0 && v[i - 1].twin)
			judge_twins(th, &v[i - 1], before);
		before = th->result;
	}
	if (torture_is_over(th->t))
		return;
	send_large(th, 0, 1);
	send_large(th, LARGE, HUNDREDS);
}

/* 1 for options that say which clients count, or that nobody waits for the handler. */
static int
is_about_whom(const char *option)
{
	static const char *const	 names[] = { "shadow", "except-clients", "only-clients",
	    "except-authenticated" };
	size_t				 i, len;

	option += strspn(option, " \t\r\n");
	len = strcspn(option, " \t\r\n=+{(");
	for (i = 0; i < nitems(names); i++)
		if (len == strlen(names[i]) && strncmp(option, names[i], len) == 0)
			return 1;
	return 0;
}

/*
 * Copies the arguments without these options. The strings are not copied;
 * free(3) the result.
 */
static char **
choose_options(const struct send_child_args *from, struct send_child_args *args)
{
	size_t	 i;

	*args = *from;
	args->options = xcalloc(from->noptions + 1, sizeof(*args->options));
	args->noptions = 0;
	for (i = 0; i < from->noptions; i++)
		if (!is_about_whom(from->options[i]))
			args->options[args->noptions++] = from->options[i];
	return args->options;
}

void
torture_daemon(struct torture *t, int all)
{
	struct through		  th;
	struct send_child_args	  args;
	char			**options = choose_options(t->options->args, &args);

	memset(&th, 0, sizeof(th));
	th.t = t;
	th.child.wait_mask = t->options->wait_mask;
	th.child.stop = t->options->stop;
	th.child.log_line = log_line;
	th.child.log_arg = &th;
	th.hooks.arg = &th;
	th.hooks.more = no_more;
	th.hooks.message_begin = message_begin;
	th.hooks.message_end = message_end;
	th.hooks.reply = message_reply;
	th.fd = send_child_start(&th.child, &args, &th.addr);
	if (th.fd == -1)
		t->broken = 1;
	else {
		send_many(&th);
		if (all)
			send_values(&th);
	}
	(void)send_child_stop(&th.child, 0);
	free(options);
}
