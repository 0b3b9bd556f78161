/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/received.c: the headers Return-Path and Received for a message that handlers get.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session/received.h"
#include "state/ids.h"

/* Bytes of one text that came from outside: a name, an address in Return-Path. */
#define MAX_WORD	255
#define MAX_ADDRESS	900

static int
fits_word(int ch)
{
	return ch > ' ' && ch < 127 && strchr("()<>[]\\\",;", ch) == NULL;
}

/* A byte that could end the word, or begin something else, becomes `?'. */
static void
add_word(struct buf *b, const char *text)
{
	size_t	 i;

	for (i = 0; text[i] != '\0' && i < MAX_WORD; i++)
		buf_add_u8(b, fits_word((unsigned char)text[i]) ? (unsigned char)text[i] : '?');
}

static int
is_given(const char *text)
{
	return text != NULL && *text != '\0';
}

/* sender: with its brackets. */
static void
add_return_path(struct buf *b, const char *sender)
{
	size_t	 i;

	buf_add_str(b, "Return-Path: ");
	for (i = 0; sender[i] != '\0' && i < MAX_ADDRESS; i++)
		buf_add_u8(b, (unsigned char)sender[i] < ' ' || sender[i] == 127 ? '?' :
		    (unsigned char)sender[i]);
	buf_add_str(b, sender[i] == '\0' ? "\r\n" : ">\r\n");
}

/* A client may give an address as its name: [192.0.2.7], [IPv6:2001:db8::7]. */
static void
add_helo(struct buf *b, const char *helo)
{
	size_t	 len;
	char	 inner[MAX_WORD + 1];

	if (!is_given(helo)) {
		buf_add_str(b, "unknown");
		return;
	}
	len = strlen(helo);
	if (len < 3 || len > MAX_WORD || helo[0] != '[' || helo[len - 1] != ']') {
		add_word(b, helo);
		return;
	}
	memcpy(inner, helo + 1, len - 2);
	inner[len - 2] = '\0';
	buf_add_str(b, "[");
	add_word(b, inner);
	buf_add_str(b, "]");
}

/* Adds " (mx.example [192.0.2.7])"; nothing if no client is known. */
static void
add_client(struct buf *b, const struct session *s)
{
	const char	*host = s->client_host, *address = s->client_address;
	int		 inet6;

	if (s->client_family == NULL)
		return;
	inet6 = strcmp(s->client_family, "inet6") == 0;
	if (strcmp(s->client_family, "unix") == 0 ||
	    (address == NULL && strcmp(host, "localhost") == 0)) {
		host = "localhost";
		address = "127.0.0.1";
	}
	buf_add_str(b, " (");
	/* Sendmail gives a client without a name its address as name. */
	if (*host == '\0' || *host == '[')
		buf_add_str(b, "unknown");
	else
		add_word(b, host);
	if (address != NULL) {
		buf_add_str(b, inet6 ? " [IPv6:" : " [");
		add_word(b, address);
		buf_add_str(b, "]");
	}
	buf_add_str(b, ")");
}

static void
add_our_name(struct buf *b, const struct session *s)
{
	const char	*name = macros_get(&s->macros, "j");
	char		 host[MAX_WORD + 1];

	if (is_given(name)) {
		add_word(b, name);
		return;
	}
	if (gethostname(host, sizeof(host)) == -1)
		strlcpy(host, "localhost", sizeof(host));
	host[sizeof(host) - 1] = '\0';
	add_word(b, host);
}

/* The protocol in the words of RFC 3848. */
static void
add_protocol(struct buf *b, const struct session *s)
{
	buf_add_str(b, " with ESMTP");
	if (is_given(macros_get(&s->macros, "tls_version")))
		buf_add_str(b, "S");
	if (is_given(macros_get(&s->macros, "auth_type")) ||
	    is_given(macros_get(&s->macros, "auth_authen")))
		buf_add_str(b, "A");
}

static void
add_date(struct buf *b, time_t now)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
	    "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct tm	 tm;
	long		 minutes;

	if (localtime_r(&now, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	minutes = tm.tm_gmtoff / 60;
	buf_printf(b, "%s, %d %s %d %02d:%02d:%02d %c%02ld%02ld", days[tm.tm_wday], tm.tm_mday,
	    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    minutes < 0 ? '-' : '+', labs(minutes) / 60, labs(minutes) % 60);
}

void
received_write(const struct session *s, time_t now, struct buf *b)
{
	const char	*id = ids_queue_id(s);

	add_return_path(b, s->message->sender->shown);
	buf_add_str(b, "Received: from ");
	add_helo(b, s->helo);
	add_client(b, s);
	buf_add_str(b, "\r\n\tby ");
	add_our_name(b, s);
	add_protocol(b, s);
	if (is_given(id)) {
		buf_add_str(b, " id ");
		add_word(b, id);
	}
	buf_add_str(b, ";\r\n\t");
	add_date(b, now);
	buf_add_str(b, "\r\n");
}
