/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/edits.c: the kept actions of a message as packets, in the order and with the indexes
 * that Sendmail and Postfix need.
 */
#include "base/compat.h"

#include <sys/tree.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "session/edits.h"
#include "base/log.h"
#include "milter/encode.h"
#include "base/xmalloc.h"

/* What becomes of one header: the one with this index among those of its name, from 1. */
struct header_edit {
	RB_ENTRY(header_edit)	 entry;
	const char		*name;
	uint32_t		 index;
	const struct action	*change;	/* NULL: deleted */
};
RB_HEAD(header_edits, header_edit);

static int
compare_edits(struct header_edit *a, struct header_edit *b)
{
	int	 c = strcasecmp(a->name, b->name);

	if (c != 0)
		return c;
	return a->index < b->index ? -1 : a->index > b->index;
}

RB_GENERATE_STATIC(header_edits, header_edit, entry, compare_edits)

const struct action *
edits_judge(struct message *msg, const char **why)
{
	const struct action	*a;

	TAILQ_FOREACH(a, &msg->kept, entry)
		if (a->kind == ACT_CHANGE_HEADER &&
		    a->index > header_names_count(&msg->headers, a->name)) {
			*why = "change-header: there is no such header";
			return a;
		}
	return NULL;
}

/* If several handlers want the same header the last one decides. */
static void
put_edit(struct header_edits *edits, const char *name, uint32_t index,
    const struct action *change)
{
	struct header_edit	*e, key = { .name = name, .index = index };

	e = RB_FIND(header_edits, edits, &key);
	if (e == NULL) {
		e = xcalloc(1, sizeof(*e));
		e->name = name;
		e->index = index;
		RB_INSERT(header_edits, edits, e);
	}
	/* Postfix writes the name as the last packet spells it. */
	e->name = name;
	e->change = change;
}

static void
put_deletion(struct header_edits *edits, struct session *s, const struct action *a)
{
	uint32_t	 i, count = header_names_count(&s->message->headers, a->name);

	if (a->exact)
		put_edit(edits, a->name, a->index, NULL);
	else if (count == 0 || a->index > count)
		log_msg(LOG_INFO, s->ids, "handler %s: delete-header %s: there is none",
		    session_handler(s, a->handler)->name, a->name);
	else if (a->index != 0)
		put_edit(edits, a->name, a->index, NULL);
	else
		for (i = 1; i <= count; i++)
			put_edit(edits, a->name, i, NULL);
}

/*
 * Sendmail adds some headers itself to a message that has none, and hides them from us. A
 * header of ours would stand next to Sendmail's, so Sendmail's is deleted. In Postfix the
 * deletion finds nothing.
 */
static void
put_default(struct header_edits *edits, struct session *s, const struct action *a)
{
	static const char	*const names[] = { "Date", "From", "Message-Id",
		"Resent-Date", "Resent-From", "Resent-Message-Id" };
	size_t			 i;

	if ((s->neg->granted & ACT_BIT(ACT_DELETE_HEADER)) == 0)
		return;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (a->exact && strcasecmp(a->name, names[i]) == 0 &&
		    header_names_count(&s->message->headers, a->name) == 0)
			put_edit(edits, a->name, 1, NULL);
}

/*
 * Puts a value into the buffer, as the packet has it. An MTA that keeps the space after the
 * colon to itself adds that space.
 */
static void
set_value(const struct session *s, struct buf *b, const struct action *a)
{
	const char	*value = a->value;

	buf_reset(b);
	if (a->exact && !s->neg->leading_space && *value == ' ')
		value++;
	if (!a->exact && s->neg->leading_space)
		buf_add_str(b, " ");
	buf_add_cstr(b, value);
}

/*
 * Changes come first, while each index means what it meant when the header came. Deletions
 * follow from the highest index down, since in Postfix a deletion shifts the later headers.
 */
static void
encode_changes(struct session *s, struct buf *out)
{
	struct header_edits	 edits = RB_INITIALIZER(&edits);
	struct header_edit	*e, *next;
	const struct action	*a;
	struct buf		 value;

	buf_init(&value, MILTER_MAX_DATA);
	TAILQ_FOREACH(a, &s->message->kept, entry) {
		if (a->kind == ACT_CHANGE_HEADER)
			put_edit(&edits, a->name, a->index, a);
		else if (a->kind == ACT_DELETE_HEADER)
			put_deletion(&edits, s, a);
		else if (a->kind == ACT_INSERT_HEADER)
			put_default(&edits, s, a);
	}
	RB_FOREACH(e, header_edits, &edits)
		if (e->change != NULL) {
			set_value(s, &value, e->change);
			milter_enc_change_header(out, e->index, e->name, (char *)value.data);
		}
	RB_FOREACH_REVERSE_SAFE(e, header_edits, &edits, next) {
		if (e->change == NULL)
			milter_enc_change_header(out, e->index, e->name, "");
		RB_REMOVE(header_edits, &edits, e);
		free(e);
	}
	buf_free(&value);
}

/*
 * To a handler the index is one of the message as it came. So insertions go from the highest
 * index down, where none shifts another.
 */
static void
encode_insertions(struct session *s, struct buf *out)
{
	const struct action	*a;
	struct buf		 value;
	uint64_t		 below = (uint64_t)UINT32_MAX + 1, highest;
	int			 found;

	buf_init(&value, MILTER_MAX_DATA);
	for (;;) {
		found = 0;
		highest = 0;
		TAILQ_FOREACH(a, &s->message->kept, entry)
			if (a->kind == ACT_INSERT_HEADER && a->index < below &&
			    a->index >= highest) {
				highest = a->index;
				found = 1;
			}
		if (!found)
			break;
		TAILQ_FOREACH(a, &s->message->kept, entry)
			if (a->kind == ACT_INSERT_HEADER && a->index == highest) {
				set_value(s, &value, a);
				milter_enc_insert_header(out, a->index, a->name,
				    (char *)value.data);
			}
		below = highest;
	}
	buf_free(&value);
}

static int
added_before(const struct action *a)
{
	const struct action	*b = a;

	while ((b = TAILQ_PREV(b, action_list, entry)) != NULL)
		if (b->kind == ACT_ADD_HEADER && strcasecmp(b->name, a->name) == 0)
			return 1;
	return 0;
}

/*
 * Sendmail puts an added header before the first of its name, so that our second header of a
 * name would stand before our first. Therefore the second is inserted after all headers.
 */
static void
encode_additions(struct session *s, struct buf *out)
{
	const struct action	*a;
	struct buf		 value;

	buf_init(&value, MILTER_MAX_DATA);
	TAILQ_FOREACH(a, &s->message->kept, entry) {
		if (a->kind != ACT_ADD_HEADER)
			continue;
		set_value(s, &value, a);
		if (added_before(a))
			milter_enc_insert_header(out, ACTION_INDEX_END, a->name, (char *)value.data);
		else
			milter_enc_add_header(out, a->name, (char *)value.data);
	}
	buf_free(&value);
}

/*
 * Postfix wants the recipient exactly as it sent it. The same recipient may be there twice, and
 * is deleted once.
 */
static void
encode_deletion(const struct session *s, const struct action *a, struct buf *out)
{
	const struct mailbox_list	*all = &s->message->recipients;
	const struct mailbox		*m, *earlier;
	int				 found = 0;

	TAILQ_FOREACH(m, all, entry) {
		if (!mailbox_is(m, a->value))
			continue;
		found = 1;
		TAILQ_FOREACH(earlier, all, entry)
			if (earlier == m || strcmp(earlier->wire, m->wire) == 0)
				break;
		if (earlier == m)
			milter_enc_del_rcpt(out, m->wire);
	}
	if (!found)
		log_msg(LOG_INFO, s->ids, "handler %s: delete-recipient %s: there is none",
		    session_handler(s, a->handler)->name, a->value);
}

static void
encode_envelope(struct session *s, struct buf *out)
{
	const struct action	*a, *sender = NULL, *quarantine = NULL;

	TAILQ_FOREACH(a, &s->message->kept, entry) {
		if (a->kind == ACT_ADD_RECIPIENT)
			milter_enc_add_rcpt(out, a->value, a->args);
		else if (a->kind == ACT_DELETE_RECIPIENT)
			encode_deletion(s, a, out);
		else if (a->kind == ACT_CHANGE_SENDER)
			sender = a;
		else if (a->kind == ACT_QUARANTINE)
			quarantine = a;
	}
	if (sender != NULL)
		milter_enc_change_from(out, sender->value, sender->args);
	if (quarantine != NULL)
		milter_enc_quarantine(out, quarantine->value);
}

/* Bytes of a packet besides its texts, at most; and of packets that need no look at memory. */
#define PACKET_COST	1024
#define PACKETS_SMALL	(64 * 1024)

static void
describe_action(const struct action *a, const char *handler, struct buf *b)
{
	if (b->len > 0)
		buf_add_str(b, ", ");
	if (handler != NULL)
		buf_printf(b, "%s: ", handler);
	buf_add_str(b, action_name(a->kind));
	if (a->name != NULL)
		buf_printf(b, " %s", a->name);
	else if (a->value != NULL)
		buf_printf(b, " %s", a->value);
}

static void
describe_changes(const struct message *msg, struct buf *b)
{
	if (b->len > 0)
		buf_add_str(b, ", ");
	buf_add(b, msg->changes.data, msg->changes.len);
}

void
edits_summarize(const struct session *s, const struct action_list *list, struct buf *b)
{
	const struct action	*a;
	unsigned int		 last = UINT_MAX;
	int			 told = 0;

	TAILQ_FOREACH(a, list, entry) {
		if (!a->returned) {
			describe_action(a, a->handler == last ? NULL :
			    session_handler(s, a->handler)->name, b);
			last = a->handler;
		} else if (!told) {
			/* Among several handlers one may have undone what another did. */
			describe_changes(s->message, b);
			told = 1;
			last = UINT_MAX;
		}
	}
}

/* The packets of actions are no longer than this: bodies are cut, other texts escaped. */
static size_t
packet_bytes(const struct action_list *list)
{
	const struct action	*a;
	size_t			 n = 0;

	TAILQ_FOREACH(a, list, entry) {
		n += PACKET_COST + a->body_len + a->body_len / 1024;
		n += a->name == NULL ? 0 : strlen(a->name);
		n += a->value == NULL ? 0 : 2 * strlen(a->value);
	}
	return n;
}

int
edits_have_room(const struct message *msg, struct buf *out)
{
	size_t	 n = packet_bytes(&msg->kept) + packet_bytes(&msg->difference);

	return n < PACKETS_SMALL || buf_reserve(out, n + PACKET_COST);
}

void
edits_encode(struct session *s, struct buf *out, struct buf *summary)
{
	const struct action	*a;

	encode_changes(s, out);
	encode_insertions(s, out);
	encode_additions(s, out);
	encode_envelope(s, out);
	/* Postfix wants all pieces of a new body in a row. */
	TAILQ_FOREACH(a, &s->message->kept, entry)
		if (a->kind == ACT_REPLACE_BODY)
			milter_enc_body_replies(out, a->body, a->body_len);
	if (summary != NULL)
		edits_summarize(s, &s->message->kept, summary);
}
