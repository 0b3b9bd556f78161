/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/rewrite.c: messages that handlers return, with output = message: what
 * differs from the message as it came becomes actions.
 */
#include "base/compat.h"

#include <stdio.h>
#include <string.h>

#include "session/edits.h"
#include "mail/diff.h"
#include "session/parts.h"

/* A text for the log: valid until the next one. */
static const char *
because(const char *what, const char *more)
{
	static char	 text[200];

	snprintf(text, sizeof(text), "it %s%s", what, more);
	return text;
}

static const char *
parse(struct store *st, struct mailfile *m)
{
	const unsigned char	*p = store_bytes(st);
	const char		*why;

	memset(m, 0, sizeof(*m));
	if (p == NULL)
		return store_error(st);
	return mailfile_parse(m, p, store_len(st), &why) == 0 ? NULL : because("returned ", why);
}

/* received: what the handler got before the message, or NULL. */
static void
take_off(struct mailfile *m, const char *received)
{
	struct mailfile	 lines;
	const char	*why;

	if (received == NULL ||
	    mailfile_parse(&lines, received, strlen(received), &why) == -1)
		return;
	mailfile_take_off(m, lines.headers, lines.count);
	mailfile_free(&lines);
}

/* The actions that make one message of the other. */
static const char *
compare(const struct mailfile *old, const struct mailfile *new, struct action_list *list)
{
	const char	*why;

	return maildiff(old, new, list, &why) == 0 ? NULL :
	    because("returned a message that can't be sent on: ", why);
}

/* What it was given, without what came before it, against what it returned. */
static const char *
compare_with_given(struct store *given, const struct mailfile *new, struct action_list *list)
{
	struct mailfile	 old;
	const char	*why;

	if ((why = parse(given, &old)) == NULL && (why = maildiff_fault(&old, new)) != NULL)
		why = because(why, "");
	if (why == NULL)
		why = compare(&old, new, list);
	mailfile_free(&old);
	return why;
}

/*
 * The actions that make the new message of that which the MTA has; none, if it
 * is what the handler was given. Indexes count headers as the MTA does.
 */
static const char *
compare_with_first(const struct message *msg, const struct mailfile *new,
    struct action_list *all)
{
	struct mailfile	 old;
	const char	*why;

	if ((why = parse(msg->store, &old)) == NULL && old.count != msg->nheaders)
		why = "the message came with a header that is none, and can't be changed";
	if (why == NULL && msg->version != NULL)
		why = compare(&old, new, all);
	mailfile_free(&old);
	return why;
}

static const char *
judge(const struct session *s, unsigned int index, const struct action_list *list)
{
	const struct action	*a;
	const char		*why;
	char			 text[120];

	TAILQ_FOREACH(a, list, entry) {
		if ((why = judge_difference(s, index, a)) == NULL)
			continue;
		snprintf(text, sizeof(text), "%s, %s", action_name(a->kind), why);
		return because("returned what takes ", text);
	}
	return NULL;
}

static int
has_body(const struct action_list *list)
{
	const struct action	*a;

	TAILQ_FOREACH(a, list, entry)
		if (a->kind == ACT_REPLACE_BODY)
			return 1;
	return 0;
}

/* For the log: who changed what in that which it was given. */
static void
note_changes(struct session *s, unsigned int index, struct action_list *own)
{
	struct action	*a;

	TAILQ_FOREACH(a, own, entry)
		a->handler = index;
	edits_summarize(s, own, &s->message->changes);
}

static void
install(struct session *s, unsigned int index, struct store *output, struct action_list *list)
{
	struct message	*msg = s->message;
	struct action	*a;

	TAILQ_FOREACH(a, list, entry) {
		a->handler = index;
		a->event_no = s->cur.number;
		a->returned = 1;
	}
	action_list_clear(&msg->difference);
	TAILQ_CONCAT(&msg->difference, list, entry);
	store_release(msg->version);
	msg->version = store_hold(output);
	msg->version_clean = 0;
	msg->returned_by = index;
}

/* Where nothing differs from what the handler was given, nothing is to be done. */
static const char *
replace_version(struct session *s, unsigned int index, const struct mailfile *new,
    struct store *output, struct action_list *own)
{
	struct action_list	 all = TAILQ_HEAD_INITIALIZER(all);
	struct message		*msg = s->message;
	const char		*why;

	if ((why = compare_with_given(rewrite_current(s), new, own)) != NULL ||
	    (why = judge(s, index, own)) != NULL)
		return why;
	if (has_body(own) && has_body(&msg->kept))
		return "it returned another body, and the body was replaced already";
	if (TAILQ_EMPTY(own))
		return NULL;
	if ((why = compare_with_first(msg, new, &all)) == NULL) {
		note_changes(s, index, own);
		install(s, index, output, msg->version == NULL ? own : &all);
	}
	action_list_clear(&all);
	return why;
}

const char *
rewrite_take(struct session *s, unsigned int index, struct store *output)
{
	struct action_list	 own = TAILQ_HEAD_INITIALIZER(own);
	struct mailfile		 new;
	const char		*why;

	if (output == NULL)
		return "it returned nothing";
	if ((why = parse(output, &new)) == NULL) {
		take_off(&new, session_handler(s, index)->received ? s->message->received : NULL);
		why = replace_version(s, index, &new, output, &own);
	}
	mailfile_free(&new);
	action_list_clear(&own);
	return why;
}

const char *
rewrite_show(const struct task *t, struct store *output, struct action_list *list)
{
	struct mailfile	 new;
	const char	*why;

	if (output == NULL)
		return "it returned nothing";
	if ((why = parse(output, &new)) == NULL) {
		take_off(&new, t->received);
		why = compare_with_given(t->input, &new, list);
	}
	if (why == NULL)
		why = judge(t->session, t->index, list);
	mailfile_free(&new);
	return why;
}

static struct store *
write_store(const struct mailfile *m)
{
	struct store	*st = store_new();
	struct buf	 b;
	size_t		 i;

	buf_init(&b, SIZE_MAX / 2);
	for (i = 0; i < m->count; i++) {
		buf_reset(&b);
		mailfile_write_text(&b, m->headers[i].text, m->headers[i].len, 1);
		store_add(st, b.data, b.len);
	}
	buf_free(&b);
	store_add(st, "\r\n", 2);
	store_begin_body(st);
	store_add(st, m->body, m->body_len);
	return st;
}

/* Nobody may ask for it again, so it is made only when somebody does. */
struct store *
rewrite_current(struct session *s)
{
	struct message	*msg = s->message;
	struct mailfile	 m;
	struct store	*clean;

	if (msg->version == NULL)
		return msg->store;
	if (msg->version_clean || parse(msg->version, &m) != NULL)
		return msg->version;
	take_off(&m, session_handler(s, msg->returned_by)->received ? msg->received : NULL);
	clean = write_store(&m);
	mailfile_free(&m);
	store_release(msg->version);
	msg->version = clean;
	msg->version_clean = 1;
	return clean;
}

/* Where two want one header the handler that comes later has it. */
void
rewrite_settle(struct message *msg)
{
	struct action	*a, *before = TAILQ_LAST(&msg->kept, action_list);

	if (msg->version == NULL)
		return;
	while (before != NULL && before->handler > msg->returned_by)
		before = TAILQ_PREV(before, action_list, entry);
	while ((a = TAILQ_LAST(&msg->difference, action_list)) != NULL) {
		TAILQ_REMOVE(&msg->difference, a, entry);
		if (before == NULL)
			TAILQ_INSERT_HEAD(&msg->kept, a, entry);
		else
			TAILQ_INSERT_AFTER(&msg->kept, before, a, entry);
		msg->nkept++;
	}
}
