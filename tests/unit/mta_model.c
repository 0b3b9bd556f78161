/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "session/edits.h"
#include "milter/decode.h"
#include "milter/proto.h"
#include "mta_model.h"
#include "base/xmalloc.h"

enum origin { OWN, SUPPLIED, CAME };

/*
 * A header in the MTA. value NULL: one that Sendmail has in its list without
 * printing it.
 */
struct line {
	char		*name;
	char		*value;
	enum origin	 origin;
};

struct model {
	enum mta	 mta;
	int		 leading_space;
	struct line	*lines;
	size_t		 count;
	size_t		 room;
};

static void
put(struct model *m, size_t at, const char *name, const char *value, enum origin origin)
{
	struct line	*l;

	if (m->count == m->room) {
		m->room = m->room * 2 + 64;
		m->lines = xreallocarray(m->lines, m->room, sizeof(*m->lines));
	}
	if (at > m->count)
		at = m->count;
	memmove(m->lines + at + 1, m->lines + at, (m->count - at) * sizeof(*m->lines));
	m->count++;
	l = &m->lines[at];
	l->name = xstrdup(name);
	l->value = value == NULL ? NULL : xstrdup(value);
	l->origin = origin;
}

static void
drop(struct model *m, size_t at)
{
	free(m->lines[at].name);
	free(m->lines[at].value);
	m->count--;
	memmove(m->lines + at, m->lines + at + 1, (m->count - at) * sizeof(*m->lines));
}

static int
came_with(const struct mailfile *came, const char *name)
{
	size_t	 i;

	for (i = 0; i < came->count; i++)
		if (came->headers[i].name_len == strlen(name) &&
		    strncasecmp(came->headers[i].text, name, strlen(name)) == 0)
			return 1;
	return 0;
}

/*
 * Fills in the headers in the order of Sendmail's list. A header that came
 * replaces a supplied one.
 */
static void
fill(struct model *m, const struct mailfile *came)
{
	static const char	*const names[] = { "Date", "From", "Message-Id" };
	char			*name;
	size_t			 i;

	if (m->mta == SENDMAIL)
		put(m, m->count, "Return-Path", NULL, SUPPLIED);
	put(m, m->count, "Received", " own", OWN);
	for (i = 0; i < sizeof(names) / sizeof(names[0]) && m->mta == SENDMAIL; i++)
		put(m, m->count, names[i], came_with(came, names[i]) ? NULL : " ?",
		    SUPPLIED);
	for (i = 0; i < came->count; i++) {
		name = xmemdup0(came->headers[i].text, came->headers[i].name_len);
		put(m, m->count, name, mailfile_value(&came->headers[i]), CAME);
		free(name);
	}
}

static char *
value_of(const struct model *m, const char *text)
{
	struct buf	 b;

	buf_init(&b, 1 << 20);
	buf_add_str(&b, m->leading_space ? "" : " ");
	buf_add_str(&b, text);
	return buf_steal(&b, NULL);
}

static size_t
find_name(const struct model *m, const char *name, int supplied)
{
	size_t	 i;

	for (i = 0; i < m->count; i++)
		if (strcasecmp(m->lines[i].name, name) == 0 &&
		    (!supplied || m->lines[i].origin == SUPPLIED))
			break;
	return i;
}

/*
 * Adds a header in the place of a supplied one, else before the first of its
 * name, else at the end.
 */
static void
add_header(struct model *m, const char *name, const char *value)
{
	size_t	 at = m->count;

	if (m->mta == SENDMAIL && (at = find_name(m, name, 1)) < m->count)
		drop(m, at);
	else if (m->mta == SENDMAIL)
		at = find_name(m, name, 0);
	put(m, at, name, value, CAME);
}

/*
 * Sendmail counts all headers of its list after the first; Postfix counts what
 * will be stored.
 */
static void
insert_header(struct model *m, uint32_t index, const char *name, const char *value)
{
	put(m, m->mta == SENDMAIL ? (size_t)index + 1 : index, name, value, CAME);
}

/*
 * Finds a header by index. Sendmail counts deleted headers; Postfix does not,
 * and skips its first line.
 */
static size_t
find(const struct model *m, const char *name, uint32_t index)
{
	size_t	 i, supplied = m->count;

	for (i = m->mta == POSTFIX ? 1 : 0; i < m->count; i++) {
		if (strcasecmp(m->lines[i].name, name) != 0 || m->lines[i].origin == OWN)
			continue;
		if (m->lines[i].origin == SUPPLIED)
			supplied = i;
		else if (index-- <= 1)
			return i;
	}
	return supplied;
}

static void
change_header(struct model *m, uint32_t index, const char *name, const char *value)
{
	size_t		 at = find(m, name, index);
	struct line	*l = &m->lines[at];

	if (at == m->count) {
		if (value != NULL)
			add_header(m, name, value);
	} else if (m->mta == POSTFIX) {
		drop(m, at);
		if (value != NULL)
			put(m, at, name, value, CAME);
	} else {
		free(l->value);
		l->value = value == NULL ? NULL : xstrdup(value);
		if (value != NULL)
			l->origin = CAME;
	}
}

static void
apply(struct model *m, const struct milter_reply *r)
{
	char	*value = value_of(m, r->text);

	if (r->code == SMFIR_ADDHEADER)
		add_header(m, r->name, value);
	else if (r->code == SMFIR_INSHEADER)
		insert_header(m, r->index, r->name, value);
	else
		change_header(m, r->index, r->name, *r->text == '\0' ? NULL : value);
	free(value);
}

static int
twice(const struct model *m, const struct line *l)
{
	size_t	 i;

	for (i = 0; i < m->count; i++)
		if (m->lines[i].origin == CAME && m->lines[i].value != NULL &&
		    strcasecmp(m->lines[i].name, l->name) == 0)
			return 1;
	return 0;
}

static char *
print(const struct model *m)
{
	const struct line	*l;
	struct buf		 out;
	size_t			 i;

	buf_init(&out, (size_t)1 << 30);
	for (i = 0; i < m->count; i++) {
		l = &m->lines[i];
		if (l->origin == OWN) {
			if (out.len > 0)
				buf_add_str(&out, "[above Received]\n");
		} else if (l->origin == SUPPLIED) {
			if (l->value != NULL && twice(m, l))
				buf_add_str(&out, "[supplied]\n");
		} else if (l->value != NULL)
			mailfile_write_header(&out, l->name, 0, l->value, 0);
	}
	return buf_steal(&out, NULL);
}

static char *
deliver(enum mta mta, const struct mailfile *came, const struct buf *packets, int leading_space)
{
	struct model		 m = { .mta = mta, .leading_space = leading_space };
	struct milter_packet	 pkt;
	struct milter_reply	 r;
	const char		*why;
	char			*text;
	size_t			 at, used;

	fill(&m, came);
	for (at = 0; at < packets->len; at += used) {
		if (milter_frame(packets->data + at, packets->len - at, &pkt, &used) !=
		    MILTER_FRAME_OK || milter_dec_reply(&pkt, &r, &why) == -1) {
			m.count = 0;
			put(&m, 0, "(a bad packet)", "", CAME);
			break;
		}
		if (r.name != NULL)
			apply(&m, &r);
	}
	text = print(&m);
	while (m.count > 0)
		drop(&m, m.count - 1);
	free(m.lines);
	return text;
}

/*
 * Encodes the actions for a session with this message, as far as
 * session/edits.c looks at it.
 */
static void
encode(const struct mailfile *came, struct action_list *list, int leading_space, struct buf *out)
{
	static struct negotiated	 neg;
	static struct message		 msg;
	static struct session		 s;
	const char			*why;
	char				*name;
	size_t				 i;

	neg.leading_space = leading_space != 0;
	neg.granted = ~0u;
	s.neg = &neg;
	s.message = &msg;
	TAILQ_INIT(&msg.recipients);
	TAILQ_INIT(&msg.kept);
	TAILQ_CONCAT(&msg.kept, list, entry);
	header_names_init(&msg.headers);
	for (i = 0; i < came->count; i++) {
		name = xmemdup0(came->headers[i].text, came->headers[i].name_len);
		header_names_add(&msg.headers, name);
		free(name);
	}
	if (edits_judge(&msg, &why) == NULL)
		edits_encode(&s, out, NULL);
	header_names_clear(&msg.headers);
	action_list_clear(&msg.kept);
}

/* The headers as the MTA has them: blanks before a colon are gone. */
static char *
header_text(const struct mailfile *m)
{
	struct buf	 b;
	char		*name;
	size_t		 i;

	buf_init(&b, (size_t)1 << 30);
	for (i = 0; i < m->count; i++) {
		name = xmemdup0(m->headers[i].text, m->headers[i].name_len);
		mailfile_write_header(&b, name, 0, mailfile_value(&m->headers[i]), 0);
		free(name);
	}
	return buf_steal(&b, NULL);
}

void
mta_model_run(enum mta mta, const struct mailfile *old, const struct mailfile *new,
    struct action_list *list, int leading_space, char **want, char **got)
{
	struct buf	 packets;

	buf_init(&packets, (size_t)1 << 30);
	encode(old, list, leading_space, &packets);
	*want = header_text(new);
	*got = deliver(mta, old, &packets, leading_space);
	buf_free(&packets);
}
