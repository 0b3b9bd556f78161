/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send/replay_follow.c: what follows if the verdict of now is not that of the file.
 */
#include "base/compat.h"

#include <string.h>

#include "send/replay.h"

/* What an answer means to the MTA; later ones end more. */
enum effect { GO_ON, RCPT_REFUSED, MESSAGE_OVER, SESSION_OVER };

const char *
send_replay_verdict(const struct transcript_line *lines, size_t n)
{
	return n == 0 ? "continue" : lines[n - 1].text;
}

static int
begins(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

static int
ends_session(const char *verdict)
{
	return begins(verdict, "shutdown") || begins(verdict, "tempfail 421") ||
	    begins(verdict, "reject 521");
}

static enum effect
effect_of(int command, const char *verdict)
{
	int	 refusal = begins(verdict, "reject") || begins(verdict, "tempfail");

	if (ends_session(verdict))
		return SESSION_OVER;
	if (begins(verdict, "continue") || begins(verdict, "skip") ||
	    command == SMFIC_UNKNOWN || command == SMFIC_OPTNEG)
		return GO_ON;
	if (command == SMFIC_CONNECT || command == SMFIC_HELO)
		return SESSION_OVER;
	if (command == SMFIC_RCPT && refusal)
		return RCPT_REFUSED;
	/* The message is over here with any verdict. */
	return command == SMFIC_BODYEOB ? GO_ON : MESSAGE_OVER;
}

static void
count_recipient(struct send_replay *r, enum effect then, enum effect now)
{
	r->accepted_then += then == GO_ON;
	r->accepted += now == GO_ON;
}

void
send_replay_skip(struct send_replay *r, const struct transcript_item *it, enum send_skip skip)
{
	r->skip = skip;
	send_replay_note(r, it, skip == SEND_SKIP_SESSION ?
	    "the rest of this session is not played" :
	    "the rest of this message is not played");
}

void
send_replay_follow(struct send_replay *r, const struct transcript_item *it, const char *verdict)
{
	enum effect	 now = effect_of(it->command, verdict), then = now;

	if (it->answered && it->nreply > 0)
		then = effect_of(it->command, send_replay_verdict(&r->file->replies[it->reply],
		    it->nreply));
	else if (!it->wants_reply)
		then = GO_ON;
	if (it->command == SMFIC_RCPT)
		count_recipient(r, then, now);
	if (begins(verdict, "skip"))
		r->skip = SEND_SKIP_BODY;
	if (now == then)
		return;
	if (now > then && now == SESSION_OVER)
		send_replay_skip(r, it, SEND_SKIP_SESSION);
	else if (now > then && now == MESSAGE_OVER)
		send_replay_skip(r, it, SEND_SKIP_MESSAGE);
	if (now == MESSAGE_OVER || then == MESSAGE_OVER)
		r->owes_abort = 1;
}
