/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/legal.c: what a filter may answer.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "milter/event.h"
#include "mta/legal.h"
#include "milter/smtp_text.h"
#include "milter/wire_event.h"
#include "base/xmalloc.h"

#define SESSION_REPLIES	"carty4"
#define MESSAGE_REPLIES	"cartdy4"

static const struct command {
	int		 code;
	const char	*replies;
} commands[] = {
	{ SMFIC_OPTNEG,		"O" },
	{ SMFIC_CONNECT,	SESSION_REPLIES },
	{ SMFIC_HELO,		SESSION_REPLIES },
	{ SMFIC_MAIL,		MESSAGE_REPLIES },
	{ SMFIC_RCPT,		MESSAGE_REPLIES },
	{ SMFIC_DATA,		MESSAGE_REPLIES },
	{ SMFIC_HEADER,		MESSAGE_REPLIES },
	{ SMFIC_EOH,		MESSAGE_REPLIES },
	{ SMFIC_BODY,		MESSAGE_REPLIES "s" },
	{ SMFIC_BODYEOB,	MESSAGE_REPLIES "phimb+2-eq" },
	/* After accept at `unknown', Postfix panics at the next MAIL. */
	{ SMFIC_UNKNOWN,	"crty4" },
};

static const struct reply {
	int		 code;
	const char	*name;
	uint32_t	 action;	/* SMFIF_ bit that it needs, or 0 */
} replies[] = {
	{ SMFIC_OPTNEG,		"negotiate",		0 },
	{ SMFIR_CONTINUE,	"continue",		0 },
	{ SMFIR_ACCEPT,		"accept",		0 },
	{ SMFIR_REJECT,		"reject",		0 },
	{ SMFIR_TEMPFAIL,	"tempfail",		0 },
	{ SMFIR_DISCARD,	"discard",		0 },
	{ SMFIR_SKIP,		"skip",			0 },
	{ SMFIR_REPLYCODE,	"SMTP reply",		0 },
	{ SMFIR_SHUTDOWN,	"shutdown",		0 },
	{ SMFIR_PROGRESS,	"progress",		0 },
	{ SMFIR_ADDHEADER,	"add-header",		SMFIF_ADDHDRS },
	{ SMFIR_INSHEADER,	"insert-header",	SMFIF_ADDHDRS },
	{ SMFIR_CHGHEADER,	"change-header",	SMFIF_CHGHDRS },
	{ SMFIR_REPLBODY,	"replace-body",		SMFIF_CHGBODY },
	{ SMFIR_ADDRCPT,	"add-recipient",	SMFIF_ADDRCPT },
	{ SMFIR_ADDRCPT_PAR,	"add-recipient",	SMFIF_ADDRCPT_PAR },
	{ SMFIR_DELRCPT,	"delete-recipient",	SMFIF_DELRCPT },
	{ SMFIR_CHGFROM,	"change-sender",	SMFIF_CHGFROM },
	{ SMFIR_QUARANTINE,	"quarantine",		SMFIF_QUARANTINE },
};

static const struct command *
find_command(int code)
{
	size_t	 i;

	for (i = 0; i < nitems(commands); i++)
		if (commands[i].code == code)
			return &commands[i];
	return NULL;
}

static const struct reply *
find_reply(int code)
{
	size_t	 i;

	for (i = 0; i < nitems(replies); i++)
		if (replies[i].code == code)
			return &replies[i];
	return NULL;
}

const char *
mta_command_name(int command)
{
	const struct wire_event	*ev = wire_event_find(command);

	return ev == NULL ? "unknown" : wire_event_name(ev);
}

const char *
mta_reply_name(int reply)
{
	const struct reply	*r = find_reply(reply);

	return r == NULL ? "unknown" : r->name;
}

void
mta_describe(struct buf *out, int reply, const char *text)
{
	if (reply > ' ' && reply < 127)
		buf_printf(out, "packet '%c' (%s) %s", reply, mta_reply_name(reply), text);
	else
		buf_printf(out, "packet 0x%02x (unknown) %s", (unsigned int)reply, text);
}

int
mta_reply_is_final(int reply)
{
	return reply != '\0' && strchr(MESSAGE_REPLIES "s", reply) != NULL;
}

void
mta_terms_free(struct mta_terms *t)
{
	size_t	 i;

	for (i = 0; i < SMFIM_COUNT; i++) {
		free(t->lists[i]);
		t->lists[i] = NULL;
	}
}

static size_t
count_names(const char *list)
{
	size_t	 n = 0, len;

	for (; *(list += strspn(list, " ,\t\r\n")) != '\0'; list += len) {
		len = strcspn(list, " ,\t\r\n");
		n++;
	}
	return n;
}

static int
take_lists(struct rd symlists, struct mta_terms *t, struct buf *why)
{
	const char	*names;
	uint32_t	 stage;
	int		 r;

	while ((r = milter_next_symlist(&symlists, &stage, &names)) == 1) {
		if (stage >= SMFIM_COUNT) {
			buf_printf(why, "a macro list for stage %u, expected 0 to %d",
			    stage, SMFIM_COUNT - 1);
			return -1;
		}
		if (count_names(names) > MILTER_MAX_MACROS) {
			buf_printf(why, "more than %d macros in the list of stage %u",
			    MILTER_MAX_MACROS, stage);
			return -1;
		}
		free(t->lists[stage]);
		t->lists[stage] = xstrdup(names);
	}
	if (r == 0)
		return 0;
	buf_add_str(why, "a damaged macro list, expected a number and a text with its NUL");
	return -1;
}

int
mta_legal_optneg(const struct mta_terms *offer, const struct milter_reply *r,
    struct mta_terms *t, struct buf *why)
{
	if (r->code != SMFIC_OPTNEG)
		mta_describe(why, r->code, "in answer to negotiate, expected O");
	else if (r->version < MILTER_VERSION_MIN || r->version > offer->version)
		buf_printf(why, "version %u in answer to the offer of %u, expected %d to %u",
		    r->version, offer->version, MILTER_VERSION_MIN, offer->version);
	else if ((r->actions & ~offer->actions) != 0)
		buf_printf(why, "actions 0x%x of which 0x%x were not offered, "
		    "expected some of 0x%x", r->actions,
		    r->actions & ~offer->actions, offer->actions);
	else if ((r->protocol & ~offer->protocol) != 0)
		buf_printf(why, "protocol bits 0x%x of which 0x%x were not offered, "
		    "expected some of 0x%x", r->protocol,
		    r->protocol & ~offer->protocol, offer->protocol);
	if (why->len > 0)
		return -1;
	t->version = r->version;
	t->actions = r->actions;
	t->protocol = r->protocol;
	return take_lists(r->symlists, t, why);
}

static int
name_is_sound(const char *name)
{
	const unsigned char	*p = (const unsigned char *)name;

	for (; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 127 || *p == ':')
			return 0;
	return name[0] != '\0';
}

/* What is wrong with the data of a reply that is legal at this command, or NULL. */
static const char *
check_data(const struct milter_reply *r)
{
	switch (r->code) {
	case SMFIR_REPLYCODE:
		return smtp_text_check(r->text);
	case SMFIR_ADDHEADER:
	case SMFIR_INSHEADER:
	case SMFIR_CHGHEADER:
		return name_is_sound(r->name) ? NULL :
		    "a header name that is empty or has other than printable ASCII";
	case SMFIR_CHGFROM:
		return r->text[0] != '\0' ? NULL :
		    "an empty address, expected <> for the null sender";
	default:
		return NULL;
	}
}

/* What the negotiated terms have against a reply, or NULL. */
static const char *
check_terms(const struct mta_terms *t, const struct milter_reply *r, enum mta_body body)
{
	const struct reply	*known = find_reply(r->code);

	if (r->code == SMFIR_SKIP && (t->protocol & SMFIP_SKIP) == 0)
		return "SKIP was not negotiated";
	if (known != NULL && (known->action & ~t->actions) != 0)
		return "this action was not negotiated";
	if (r->code == SMFIR_REPLBODY && body == MTA_BODY_OVER)
		return "another packet stood between two pieces of the new body";
	return check_data(r);
}

static int
check_reply(const struct mta_terms *t, int command, const struct milter_reply *r,
    enum mta_body body, struct buf *why)
{
	const struct command	*c = find_command(command);
	const char		*reason, *p;

	if (c == NULL || strchr(c->replies, r->code) == NULL) {
		mta_describe(why, r->code, "in answer to");
		buf_printf(why, " %s, expected one of", mta_command_name(command));
		for (p = c == NULL ? "" : c->replies; *p != '\0'; p++)
			buf_printf(why, " %c", *p);
		return -1;
	}
	if ((reason = check_terms(t, r, body)) == NULL)
		return 0;
	mta_describe(why, r->code, "in answer to");
	buf_printf(why, " %s: %s", mta_command_name(command), reason);
	return -1;
}

int
mta_legal_packet(const struct mta_terms *t, int command, const struct milter_packet *pkt,
    enum mta_body *body, struct milter_reply *r, struct buf *why)
{
	const char	*bad;

	if (command == 0) {
		mta_describe(why, pkt->code, "where no answer was expected");
		return -1;
	}
	if (milter_dec_reply(pkt, r, &bad) == -1) {
		mta_describe(why, pkt->code, "in answer to");
		buf_printf(why, " %s: %s", mta_command_name(command), bad);
		return -1;
	}
	if (command == SMFIC_OPTNEG)
		return 0;
	if (check_reply(t, command, r, *body, why) == -1)
		return -1;
	if (r->code == SMFIR_REPLBODY)
		*body = MTA_BODY_GROWING;
	else if (*body == MTA_BODY_GROWING)
		*body = MTA_BODY_OVER;
	return 0;
}
