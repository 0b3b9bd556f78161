/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/explain_why.c: the decisions of a session in words.
 */
#include "base/compat.h"

#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "pipemilter/explain_why.h"

#define TEXT_MAX	((size_t)64 * 1024)

void
explain_why_text(const char *text)
{
	struct buf	 b;

	buf_init(&b, TEXT_MAX);
	escape(&b, text, strlen(text));
	printf(" %.*s", (int)b.len, (const char *)b.data);
	buf_free(&b);
}

void
explain_why_event(const struct session *s)
{
	printf("    %s", event_name(s->cur.event));
	if (s->cur.event == EV_ABORT)
		printf(", where the message ends before its time");
	else if (s->cur.event == EV_CONNECT) {
		explain_why_text(s->client_host);
		if (s->client_address != NULL)
			explain_why_text(s->client_address);
	} else if (s->cur.event == EV_HELO)
		explain_why_text(s->helo);
	else if (s->cur.event == EV_MAIL && s->message != NULL)
		explain_why_text(s->message->sender->shown);
	else if (s->cur.event == EV_RCPT && s->cur.recipient != NULL)
		explain_why_text(s->cur.recipient->shown);
	else if (s->cur.event == EV_HEADER && s->cur.header_name != NULL)
		explain_why_text(s->cur.header_name);
	printf("\n");
}

static void
print_yes(const struct handler_conf *h, enum event_kind ev, const struct seen *seen)
{
	int	 content = ev >= EV_HEADER && ev <= EV_END_OF_MESSAGE;

	printf("%s", seen->asked == ASK_YES ? "asked" : "told");
	if (h->input_message)
		printf(", with the message on its standard input");
	if (seen->asked == ASK_YES && h->shadow)
		printf(", and nobody waits for it (shadow)");
	if (content && h->max_message > 0)
		printf(", unless the message is larger than max-message");
}

/*
 * Prints which list of clients leaves out the handler, and the client as the
 * lists see it.
 */
static void
print_client(const struct session *s, const struct handler_conf *h)
{
	const char	*client = s->client_address;

	if (client == NULL)
		client = s->client_host;
	if (h->only_clients.set && h->except_clients.set)
		printf("only-clients or except-clients leave out");
	else
		printf(h->only_clients.set ? "only-clients does not have" : "except-clients has");
	explain_why_text(client);
}

/* Why the MTA sends an event that the handler neither answers nor reports. */
static const char *const only_for[] = {
	[NEED_LINES] = "sent for the lines of its other blocks (`lines', `received')",
	[NEED_CLIENTS] = "sent since it tells the address of the client (`only-clients', `except-clients')",
	[NEED_MESSAGE] = "sent since it begins each message",
	[NEED_DELETE_RECIPIENT] = "sent since an action needs it (delete-recipient)",
	[NEED_CHANGE_HEADER] = "sent since an action needs it (change-header)",
	[NEED_DELETE_HEADER] = "sent since an action needs it (delete-header)",
	[NEED_END_OF_HEADERS] = "sent since end-of-headers comes after it",
	[NEED_WHOLE] = "it gets the message as a whole at end-of-message",
	[NEED_SIZE] = "sent since its size counts (`max-message')",
};

static void
print_unwanted(const struct handler_conf *h, enum event_kind ev)
{
	enum need	 need = negotiate_need(h, ev);

	if (need < nitems(only_for) && only_for[need] != NULL)
		printf("%s", only_for[need]);
	else if (h->hooks != NULL)
		printf("no hook of that name in %s", h->hooks);
	else if ((EV_ANSWERABLE & EV_BIT(ev)) != 0)
		printf("neither in its events nor in its reports");
	else
		printf("not in its reports");
}

static void
print_why(const struct session *s, unsigned int index, enum ask_why why)
{
	const struct handler_conf	*h = session_handler(s, index);

	switch (why) {
	case ASK_MISSING:
		printf("it requires %s, which an MTA with version %u of the protocol has not; "
		    "on-failure = %s", s->h[index].missing, s->neg->version,
		    verdict_name(h->on_failure.verdict));
		break;
	case ASK_CLIENT:
		print_client(s, h);
		break;
	case ASK_AUTHENTICATED:
		printf("except-authenticated, and the client has {auth_authen}");
		break;
	case ASK_LARGE:
		printf("the message is larger than max-message");
		break;
	case ASK_EMPTY:
		printf("no part of the body is left for it");
		break;
	default:
		printf("it wants no more");
	}
}

void
explain_why_handler(const struct session *s, unsigned int index, enum event_kind ev,
    const struct seen *seen)
{
	const struct handler_conf	*h = session_handler(s, index);

	printf("        %s: ", h->name);
	if (seen->asked == ASK_YES || seen->told == ASK_YES) {
		print_yes(h, ev, seen);
		printf("\n");
		return;
	}
	printf("no: ");
	/* A handler that lacks something is not asked at any event. */
	if (s->h[index].missing != NULL)
		print_why(s, index, ASK_MISSING);
	else if (seen->asked > ASK_UNWANTED)
		print_why(s, index, (enum ask_why)seen->asked);
	else if (seen->told > ASK_UNWANTED)
		print_why(s, index, (enum ask_why)seen->told);
	else if (seen->asked == EXPLAIN_UNSEEN && negotiate_need(h, ev) == NEED_ANSWER)
		printf("the event was answered before its turn");
	else
		print_unwanted(h, ev);
	printf("\n");
}
