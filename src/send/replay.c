/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send/replay.c: plays a transcript.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "send/replay.h"
#include "milter/wire_event.h"

#define MAX_ANSWER	((size_t)2 << 30)
#define ENOUGH_OUT	((size_t)256 * 1024)

void
send_replay_init(struct send_replay *r, const struct transcript_file *file, const char *name,
    FILE *to, int verbose)
{
	memset(r, 0, sizeof(*r));
	r->file = file;
	r->name = name;
	r->to = to;
	r->verbose = verbose;
	r->over = MTA_WAIT;
	transcript_init(&r->transcript);
	buf_init(&r->text, MAX_ANSWER);
}

void
send_replay_free(struct send_replay *r)
{
	mta_terms_free(&r->terms);
	transcript_free(&r->transcript);
	buf_free(&r->text);
}

size_t
send_replay_sessions(const struct send_replay *r)
{
	size_t	 i, n = 0;

	for (i = 0; i < r->file->nitems; i++)
		n += r->file->items[i].command == SMFIC_OPTNEG;
	return n;
}

static int
is_one_of(int command, const char *set)
{
	return strchr(set, command) != NULL;
}

static void
print_transcript(struct send_replay *r)
{
	if (r->verbose && r->text.len > 0)
		(void)fwrite(r->text.data, 1, r->text.len, r->to);
	(void)fflush(r->to);
	buf_reset(&r->text);
}

/* Adds the packets in out from this offset on to the new transcript. */
static void
show_packets(struct send_replay *r, const struct buf *out, size_t from)
{
	struct milter_packet	 pkt;
	struct milter_cmd	 cmd;
	const char		*why;
	size_t			 used;

	for (; milter_frame(out->data + from, out->len - from, &pkt, &used) ==
	    MILTER_FRAME_OK; from += used)
		if (milter_dec_cmd(&pkt, &cmd, &why) == 0)
			transcript_command(&r->transcript, &cmd, &r->text);
	print_transcript(r);
}

/* Takes an event that is not sent or not answered as answered with continue. */
static void
assume_continue(struct send_replay *r, const struct transcript_item *it, const char *note)
{
	static const struct transcript_line	 go_on = { .text = "continue" };

	if (it->answered)
		send_replay_compare(r, it, &go_on, 1, note);
	send_replay_follow(r, it, go_on.text);
}

/* What is sent. */

/* 1 for a recipient that Sendmail itself refused: the macro {rcpt_mailer} says so. */
static int
is_rejected_rcpt(const struct send_replay *r, const struct transcript_item *it)
{
	size_t	 i;

	for (i = 0; it->command == SMFIC_RCPT && i < it->nmacros; i++)
		if (strcmp(r->file->macros[it->macro + i].name, "{rcpt_mailer}") == 0)
			return strcmp(r->file->macros[it->macro + i].value, "error") == 0;
	return 0;
}

static int
is_wanted(const struct send_replay *r, const struct transcript_item *it)
{
	const struct wire_event	*ev = wire_event_find(it->command);

	if (r->skip == SEND_SKIP_BODY && it->command == SMFIC_BODY)
		return 0;
	if ((it->command == SMFIC_DATA && r->terms.version < 4) ||
	    (it->command == SMFIC_UNKNOWN && r->terms.version < 3))
		return 0;
	if (is_rejected_rcpt(r, it) && (r->terms.protocol & SMFIP_RCPT_REJ) == 0)
		return 0;
	return (r->terms.protocol & ev->no) == 0;
}

static void
send_event(struct send_replay *r, const struct transcript_item *it, struct buf *out)
{
	size_t	 from = out->len;

	transcript_encode(r->file, it, r->terms.protocol, out);
	show_packets(r, out, from);
	if ((r->terms.protocol & wire_event_find(it->command)->nr) == 0)
		r->asked = it;
	else
		assume_continue(r, it, "no answer is given any more");
}

static void
play_event(struct send_replay *r, const struct transcript_item *it, struct buf *out)
{
	size_t	 from = out->len;

	if (is_wanted(r, it)) {
		send_event(r, it, out);
		return;
	}
	r->unplayed++;
	/*
	 * The macros come nevertheless, except those of headers, end-of-headers
	 * and body.
	 */
	if (!is_one_of(it->command, "LNB"))
		transcript_encode_macros(r->file, it, out);
	show_packets(r, out, from);
	if (!is_rejected_rcpt(r, it))
		assume_continue(r, it, "the event is not asked for any more");
}

static void
send_abort(struct send_replay *r, struct buf *out)
{
	size_t	 from = out->len;

	r->owes_abort = 0;
	milter_enc_simple(out, SMFIC_ABORT);
	show_packets(r, out, from);
}

/* Plays macros that have no event. */
static void
play_macros(struct send_replay *r, const struct transcript_item *it, struct buf *out)
{
	size_t	 from = out->len;

	transcript_encode(r->file, it, r->terms.protocol, out);
	show_packets(r, out, from);
}

/* Begins a session, on the same connection or a new one. */
static void
reset_session(struct send_replay *r)
{
	r->session++;
	r->message = 0;
	r->skip = SEND_SKIP_NOTHING;
	r->owes_abort = 0;
	r->accepted = r->accepted_then = 0;
	r->body = MTA_BODY_OLD;
}

static void
begin_session(struct send_replay *r, const struct transcript_item *it, struct buf *out)
{
	reset_session(r);
	transcript_free(&r->transcript);
	transcript_init(&r->transcript);
	mta_terms_free(&r->terms);
	memset(&r->terms, 0, sizeof(r->terms));
	send_event(r, it, out);
}

/* Plays the end of a session: Q, K or a close. */
static void
play_end(struct send_replay *r, const struct transcript_item *it, struct buf *out)
{
	size_t	 from = out->len;
	int	 last = r->next == r->file->nitems ||
	    r->file->items[r->next].command == SMFIC_OPTNEG;

	transcript_encode(r->file, it, r->terms.protocol, out);
	show_packets(r, out, from);
	if (it->closed) {
		transcript_end(&r->transcript, "closed", &r->text);
		print_transcript(r);
	}
	if (it->command == SMFIC_QUIT || last)
		r->over = it->command == SMFIC_QUIT && !it->closed ? MTA_QUIT : MTA_CLOSE;
	else {
		reset_session(r);
		transcript_next(&r->transcript);
	}
}

static void
count_message(struct send_replay *r)
{
	r->message++;
	r->messages++;
	r->accepted = r->accepted_then = 0;
	r->body = MTA_BODY_OLD;
}

/* 1 if all recipients were refused this time: an MTA does not go on then. */
static int
all_refused(const struct send_replay *r, const struct transcript_item *it)
{
	return r->skip == SEND_SKIP_NOTHING && is_one_of(it->command, "TLNBE") &&
	    r->accepted == 0 && r->accepted_then > 0;
}

/* 1 if the item belongs to a message or session that is over. */
static int
is_skipped(struct send_replay *r, const struct transcript_item *it)
{
	int	 about = it->command == SMFIC_MACRO ? it->stage : it->command;

	if (r->skip == SEND_SKIP_SESSION)
		return 1;
	if (r->skip == SEND_SKIP_MESSAGE && is_one_of(about, "RTLNBE"))
		return 1;
	/* Anything that can't stand inside a message ends the skipping. */
	if (r->skip != SEND_SKIP_NOTHING && !is_one_of(about, "RTLNBEU"))
		r->skip = SEND_SKIP_NOTHING;
	return 0;
}

static void
play_item(struct send_replay *r, const struct transcript_item *it, struct buf *out)
{
	if (all_refused(r, it)) {
		send_replay_skip(r, it, SEND_SKIP_MESSAGE);
		r->owes_abort = 1;
	}
	if (is_skipped(r, it)) {
		r->unplayed += wire_event_find(it->command) != NULL;
		return;
	}
	if (it->command == SMFIC_ABORT) {
		send_abort(r, out);
		return;
	}
	if (r->owes_abort)
		send_abort(r, out);
	if (it->command == SMFIC_MAIL)
		count_message(r);
	if (it->command == SMFIC_MACRO)
		play_macros(r, it, out);
	else
		play_event(r, it, out);
}

static void
play_next(struct send_replay *r, struct buf *out)
{
	const struct transcript_item	*it;

	/* The file has no end for this session: it may still have been open. */
	if (r->next == r->file->nitems) {
		r->over = MTA_CLOSE;
		return;
	}
	it = &r->file->items[r->next++];
	if (it->command == SMFIC_OPTNEG)
		begin_session(r, it, out);
	else if (is_one_of(it->command, "QK"))
		play_end(r, it, out);
	else
		play_item(r, it, out);
}

static enum mta_state
replay_advance(void *arg, struct buf *out)
{
	struct send_replay	*r = arg;

	/* A call after the end means that there is a new connection. */
	if (r->told_over)
		r->over = MTA_WAIT;
	r->told_over = 0;
	while (r->asked == NULL && r->over == MTA_WAIT && out->len < ENOUGH_OUT)
		play_next(r, out);
	if (r->asked != NULL)
		return MTA_WAIT;
	if (r->over == MTA_WAIT || (r->over == MTA_CLOSE && out->len > 0))
		return MTA_MORE;
	r->told_over = 1;
	return r->over;
}

/* What comes back. */

static void
note_lacking(struct send_replay *r, const struct transcript_item *it)
{
	static const char	 commands[] = "CHMRTLNBU";
	const struct wire_event	*ev;
	const char		*p;
	uint32_t		 lacking = it->agreed & ~r->terms.protocol & ~r->told;
	char			 text[100];

	for (p = commands; it->answered && *p != '\0'; p++) {
		ev = wire_event_find(*p);
		if ((lacking & ev->no) == 0)
			continue;
		r->told |= ev->no;
		(void)snprintf(text, sizeof(text),
		    "the filter asks for %s, which the transcript does not have", wire_event_name(ev));
		send_replay_note(r, it, text);
	}
}

static int
take_terms(struct send_replay *r, const struct transcript_item *it,
    const struct milter_reply *rep, struct buf *why)
{
	struct mta_terms	 offer;

	memset(&offer, 0, sizeof(offer));
	offer.version = it->version;
	offer.actions = it->actions;
	offer.protocol = it->protocol;
	if (mta_legal_optneg(&offer, rep, &r->terms, why) == -1)
		return -1;
	transcript_reply(&r->transcript, rep, &r->text);
	print_transcript(r);
	note_lacking(r, it);
	return 0;
}

/* Compares a complete answer, which is in r->text. */
static void
settle_answer(struct send_replay *r, const struct transcript_item *it)
{
	struct transcript_file	 now;
	size_t			 len;
	char			*text;

	if (r->verbose)
		(void)fwrite(r->text.data, 1, r->text.len, r->to);
	text = buf_steal(&r->text, &len);
	/* transcript_reply() wrote it, so it can be parsed. */
	if (transcript_parse_answer(&now, text, len) == -1)
		abort();
	if (it->answered || !it->wants_reply)
		send_replay_compare(r, it, now.replies, now.nreplies, NULL);
	send_replay_follow(r, it, send_replay_verdict(now.replies, now.nreplies));
	transcript_file_free(&now);
}

static int
take_answer_packet(struct send_replay *r, const struct milter_packet *pkt, struct buf *why)
{
	const struct transcript_item	*it = r->asked;
	struct milter_reply		 rep;

	if (mta_legal_packet(&r->terms, it == NULL ? 0 : it->command, pkt, &r->body, &rep,
	    why) == -1)
		return -1;
	if (it->command == SMFIC_OPTNEG) {
		r->asked = NULL;
		return take_terms(r, it, &rep, why);
	}
	transcript_reply(&r->transcript, &rep, &r->text);
	if (mta_reply_is_final(rep.code)) {
		r->asked = NULL;
		settle_answer(r, it);
	}
	return 0;
}

static enum mta_state
replay_reply(void *arg, const struct milter_packet *pkt, struct buf *out)
{
	struct send_replay	*r = arg;
	struct buf		 why;
	int			 ok;

	buf_init(&why, sizeof(r->error));
	ok = take_answer_packet(r, pkt, &why) == 0;
	if (!ok)
		(void)snprintf(r->error, sizeof(r->error), "%.*s", (int)why.len,
		    (const char *)why.data);
	buf_free(&why);
	return ok ? replay_advance(r, out) : MTA_BROKEN;
}

static int
replay_waiting(const void *arg)
{
	const struct send_replay	*r = arg;

	return r->asked == NULL ? 0 : r->asked->command;
}

static const char *
replay_error(const void *arg)
{
	const struct send_replay	*r = arg;

	return r->error;
}

void
send_replay_side(struct send_replay *r, unsigned int timeout, struct mta_side *side)
{
	side->arg = r;
	side->advance = replay_advance;
	side->reply = replay_reply;
	side->waiting = replay_waiting;
	side->error = replay_error;
	side->timeout = timeout;
}
