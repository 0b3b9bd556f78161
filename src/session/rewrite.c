/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/rewrite.c: messages that handlers return, with output = message. What differs
 * from the message as it came becomes actions.
 */
#include "base/compat.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "mail/diff.h"
#include "session/edits.h"
#include "session/judge.h"
#include "session/rewrite.h"

/* A difference takes about so much for each header, of both messages. */
#define HEADER_COST	256
#define NO_MEMORY	"there is not enough memory to compare what it returned"

/* Makes a reason of two pieces of text. */
static const char *
because(struct reason *r, const char *what, const char *more)
{
	snprintf(r->text, sizeof(r->text), "it %s%s", what, more);
	return r->text;
}

/* NULL: free the message with mailfile_free(). Else why not; mailfile_free() does no harm then. */
static const char *
parse_store(struct store *st, struct mailfile *m, struct reason *r)
{
	const unsigned char	*p = store_bytes(st);
	const char		*why;

	memset(m, 0, sizeof(*m));
	if (p == NULL)
		return store_error(st);
	return mailfile_parse(m, p, store_len(st), &why) == 0 ? NULL :
	    because(r, "returned ", why);
}

/* Takes off the lines that came before the message. received: these lines, or NULL. */
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

/* Adds the actions that make the new message of the old one. */
static const char *
add_difference(const struct mailfile *old, const struct mailfile *new, struct action_list *list,
    struct reason *r)
{
	const char	*why;

	if (!memory_has_room((old->count + new->count) * HEADER_COST))
		return NO_MEMORY;
	return maildiff(old, new, list, &why) == 0 ? NULL :
	    because(r, "returned a message that can't be sent on: ", why);
}

/* The message that the handler was given, without the lines before it, against the new one. */
static const char *
compare_with_given(struct store *given, const struct mailfile *new, struct action_list *list,
    struct reason *r)
{
	struct mailfile	 old;
	const char	*why;

	if ((why = parse_store(given, &old, r)) == NULL &&
	    (why = maildiff_fault(&old, new)) != NULL)
		why = because(r, why, "");
	if (why == NULL)
		why = add_difference(&old, new, list, r);
	mailfile_free(&old);
	return why;
}

/*
 * The message that the MTA has against the new one. Indexes count headers as the MTA does. If
 * no version was returned before, the handler was given that message itself, and
 * compare_with_given() has found the actions: this adds none.
 */
static const char *
compare_with_first(const struct message *msg, const struct mailfile *new,
    struct action_list *all, struct reason *r)
{
	struct mailfile	 old;
	const char	*why;

	if ((why = parse_store(msg->store, &old, r)) == NULL && old.count != msg->nheaders)
		why = "the message came with a header that is none, and can't be changed";
	if (why == NULL && msg->version != NULL)
		why = add_difference(&old, new, all, r);
	mailfile_free(&old);
	return why;
}

/* NULL, or why the handler may not make all of these changes. */
static const char *
judge_list(const struct session *s, unsigned int index, const struct action_list *list,
    struct reason *r)
{
	const struct action	*a;
	const char		*why;
	char			 text[120];

	TAILQ_FOREACH(a, list, entry) {
		if ((why = judge_difference(s, index, a)) == NULL)
			continue;
		snprintf(text, sizeof(text), "%s, %s", action_name(a->kind), why);
		return because(r, "returned what takes ", text);
	}
	return NULL;
}

/* For the log: what this handler changed of the message that it was given. */
static void
note_changes(struct session *s, unsigned int index, struct action_list *own)
{
	struct action	*a;

	TAILQ_FOREACH(a, own, entry)
		a->handler = index;
	edits_summarize(s, own, &s->message->changes);
}

/* The output of the handler is the version now, and the list the way from the message to it. */
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

/* If nothing differs from what the handler was given, the version stays. */
static const char *
replace_version(struct session *s, unsigned int index, const struct mailfile *new,
    struct store *output, struct action_list *own, struct reason *r)
{
	struct action_list	 all = TAILQ_HEAD_INITIALIZER(all);
	struct message		*msg = s->message;
	const char		*why;

	if ((why = compare_with_given(rewrite_current(s), new, own, r)) != NULL ||
	    (why = judge_list(s, index, own, r)) != NULL)
		return why;
	if (action_list_has(own, ACT_REPLACE_BODY) &&
	    action_list_has(&msg->kept, ACT_REPLACE_BODY))
		return "it returned another body, and the body was replaced already";
	if (TAILQ_EMPTY(own))
		return NULL;
	if ((why = compare_with_first(msg, new, &all, r)) == NULL) {
		note_changes(s, index, own);
		install(s, index, output, msg->version == NULL ? own : &all);
	}
	action_list_clear(&all);
	return why;
}

/* Both bodies are written out to be compared, and the new one stays as an action. */
int
rewrite_has_room(const struct store *output)
{
	return memory_has_room(4 * store_len(output));
}

const char *
rewrite_take(struct session *s, unsigned int index, struct store *output, struct reason *r)
{
	struct action_list	 own = TAILQ_HEAD_INITIALIZER(own);
	struct mailfile		 new;
	const char		*why;

	if (output == NULL)
		return "it returned nothing";
	if ((why = parse_store(output, &new, r)) == NULL) {
		take_off(&new, session_handler(s, index)->received ? s->message->received : NULL);
		why = replace_version(s, index, &new, output, &own, r);
	}
	mailfile_free(&new);
	action_list_clear(&own);
	return why;
}

const char *
rewrite_show(const struct task *t, struct store *output, struct action_list *list,
    struct reason *r)
{
	struct mailfile	 new;
	const char	*why;

	if (output == NULL)
		return "it returned nothing";
	if (!rewrite_has_room(output))
		return NO_MEMORY;
	if ((why = parse_store(output, &new, r)) == NULL) {
		take_off(&new, t->received);
		why = compare_with_given(t->input, &new, list, r);
	}
	if (why == NULL)
		why = judge_list(t->session, t->index, list, r);
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

/* The lines before the version are taken off when the version is asked for: often it never is. */
struct store *
rewrite_current(struct session *s)
{
	struct message	*msg = s->message;
	struct mailfile	 m;
	struct store	*clean;
	struct reason	 unused;

	if (msg->version == NULL)
		return msg->store;
	if (msg->version_clean || parse_store(msg->version, &m, &unused) != NULL)
		return msg->version;
	take_off(&m, session_handler(s, msg->returned_by)->received ? msg->received : NULL);
	clean = write_store(&m);
	mailfile_free(&m);
	store_release(msg->version);
	msg->version = clean;
	msg->version_clean = 1;
	return clean;
}

/*
 * Where two handlers want the same header, the later one decides. So the difference goes
 * after the actions of handlers up to the one that returned the message last.
 */
void
rewrite_to_kept(struct message *msg)
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
