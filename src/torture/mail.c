/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/mail.c: sessions of hostile but legal mail.
 */
#include "base/compat.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/encode.h"
#include "milter/proto.h"
#include "torture/mail.h"
#include "base/xmalloc.h"

#define MAX_PACKETS	((size_t)64 << 20)
#define BODY_PIECE	65535u
#define LONG_VALUE	60000	/* bytes; Sendmail accepts it, no variable has it */
#define LONG_NAME	900
#define TEXT		256

void
torture_mail_init(struct torture_mail *m, const struct negotiated *neg)
{
	memset(m, 0, sizeof(*m));
	m->neg = neg;
	buf_init(&m->packets, MAX_PACKETS);
}

void
torture_mail_free(struct torture_mail *m)
{
	buf_free(&m->packets);
}

void
torture_mail_reset(struct torture_mail *m)
{
	buf_reset(&m->packets);
}

static void
put_macro(struct torture_mail *m, int stage, const char *name, const char *value)
{
	struct milter_pair	 pair = { name, value };

	milter_enc_macros(&m->packets, stage, &pair, 1);
}

static void
put_header(struct torture_mail *m, const char *name, const char *value)
{
	struct buf	 b;

	buf_init(&b, MILTER_MAX_DATA);
	if (m->neg->leading_space)
		buf_add_str(&b, " ");
	buf_add_cstr(&b, value);
	milter_enc_header(&m->packets, name, (const char *)b.data);
	buf_free(&b);
}

/* local: a local part. */
static void
put_envelope(struct torture_mail *m, int code, const char *local, const char *domain,
    const char *arg)
{
	struct buf	 b;

	buf_init(&b, MILTER_MAX_DATA);
	buf_printf(&b, "<%s@%s>", local, domain);
	buf_add_u8(&b, 0);
	milter_enc_envelope(&m->packets, code, (const char *)b.data, &arg, arg != NULL);
	buf_free(&b);
}

static void
put_body(struct torture_mail *m, const char *text)
{
	milter_enc_raw(&m->packets, SMFIC_BODY, text, strlen(text));
}

/* Begins a message. odd: the value of macros with odd names, or NULL. */
static void
put_mail(struct torture_mail *m, const char *local, const char *domain, const char *odd)
{
	char			 id[32];
	struct milter_pair	 pairs[7] = { { "i", id }, { "{mail_addr}", "sender" },
	    { "{mail_mailer}", "smtp" }, { "_", odd }, { "{0}", odd }, { "{a:*$}", odd },
	    { "{odd-name.of_macro}", odd } };

	(void)snprintf(id, sizeof(id), "4T%06u", ++m->count);
	milter_enc_macros(&m->packets, SMFIC_MAIL, pairs, odd == NULL ? 3 : 7);
	put_envelope(m, SMFIC_MAIL, local, domain, "SIZE=1000");
}

static void
put_end(struct torture_mail *m)
{
	milter_enc_simple(&m->packets, SMFIC_BODYEOB);
	milter_enc_simple(&m->packets, SMFIC_ABORT);
}

static void
put_connect(struct torture_mail *m, const char *host, int family, unsigned int port,
    const char *address)
{
	struct milter_pair	 pairs[3] = { { "j", "mx.example.net" },
	    { "{daemon_name}", "mx.example.net" }, { "v", "milter-send" } };

	milter_enc_macros(&m->packets, SMFIC_CONNECT, pairs, 3);
	milter_enc_connect(&m->packets, host, family, port, address);
}

void
torture_mail_client(struct torture_mail *m, unsigned int number)
{
	char	 host[TEXT], address[TEXT];

	(void)snprintf(host, sizeof(host), "client%u.example.org", number);
	(void)snprintf(address, sizeof(address), "198.51.100.%u", number % 250 + 1);
	if (number % 4 == 3)
		put_connect(m, "localhost", 'L', 0, "/run/torture");
	else if (number % 4 == 2)
		put_connect(m, "unknown", 'U', 0, NULL);
	else
		put_connect(m, host, '4', 40000 + number, address);
	milter_enc_helo(&m->packets, host);
}

static void
put_plain_envelope(struct torture_mail *m, const char *word, int other)
{
	put_mail(m, word, "sender.example", NULL);
	put_macro(m, SMFIC_RCPT, "{rcpt_mailer}", word);
	put_envelope(m, SMFIC_RCPT, word, "recipient.example", "NOTIFY=NEVER");
	if (!other)
		put_envelope(m, SMFIC_RCPT, word, "other.example", NULL);
	milter_enc_simple(&m->packets, SMFIC_DATA);
}

void
torture_mail_plain(struct torture_mail *m, const char *word, int other)
{
	char	 text[TEXT];

	put_plain_envelope(m, word, other);
	(void)snprintf(text, sizeof(text), "%s <%s@sender.example>", word, word);
	put_header(m, "From", text);
	put_header(m, "To", "you <you@recipient.example>");
	if (!other)
		put_header(m, TORTURE_LONG, word);
	put_header(m, "Date", "Sat, 28 Nov 2026 18:00:00 +0000");
	milter_enc_simple(&m->packets, SMFIC_EOH);
	(void)snprintf(text, sizeof(text), "Hello,\r\n\r\n%s\r\n.\r\n", word);
	put_body(m, text);
	put_end(m);
}

/* A copy with blanks for line feeds, which names and addresses can't have. free(3) it. */
static char *
one_line(const char *text)
{
	char	*copy = xstrdup(text), *p;

	for (p = copy; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	return copy;
}

static void
put_value_content(struct torture_mail *m, const struct torture_value *v)
{
	put_header(m, TORTURE_LONG, v->text);
	put_header(m, "From", v->text);
	if (v->number / 2 % 4 == 0)
		put_header(m, "X-Odd!#$%&'*+-.^_`|~", v->text);
	milter_enc_simple(&m->packets, SMFIC_EOH);
	put_body(m, v->text[0] == '\0' ? "\r\n" : v->text);
}

void
torture_mail_value(struct torture_mail *m, const struct torture_value *v)
{
	char	*line = one_line(v->text);

	put_connect(m, v->number == 0 ? "[198.51.100.9]" : line, '4', 40000, "198.51.100.9");
	milter_enc_helo(&m->packets, line);
	milter_enc_unknown(&m->packets, line);
	put_mail(m, v->quoted, "Torture.Example", line);
	put_macro(m, SMFIC_RCPT, "{rcpt_addr}", line);
	put_envelope(m, SMFIC_RCPT, v->quoted, "torture.example", NULL);
	milter_enc_simple(&m->packets, SMFIC_DATA);
	put_value_content(m, v);
	put_end(m);
	free(line);
}

void
torture_mail_abort(struct torture_mail *m, unsigned int events)
{
	unsigned int	 n = 0;

	if (++n > events)
		return;
	put_mail(m, TORTURE_ABORTED, "sender.example", NULL);
	if (++n <= events)
		put_envelope(m, SMFIC_RCPT, TORTURE_ABORTED, "recipient.example", NULL);
	if (++n <= events)
		milter_enc_simple(&m->packets, SMFIC_DATA);
	if (++n <= events)
		put_header(m, TORTURE_LONG, TORTURE_ABORTED);
	if (++n <= events)
		milter_enc_simple(&m->packets, SMFIC_EOH);
	if (++n <= events)
		put_body(m, TORTURE_ABORTED "\r\n");
	if (events % 2 == 1)
		milter_enc_simple(&m->packets, SMFIC_ABORT);
}

static void
put_long_header(struct torture_mail *m, const char *name, int ch, size_t len)
{
	struct buf	 b;
	size_t		 i;

	buf_init(&b, len + 1);
	for (i = 0; i < len; i++)
		buf_add_u8(&b, i % 70 == 69 ? ' ' : (unsigned int)ch);
	buf_add_u8(&b, 0);
	put_header(m, name, (const char *)b.data);
	buf_free(&b);
}

static void
put_many_recipients(struct torture_mail *m, unsigned int recipients)
{
	char		 local[TEXT];
	unsigned int	 i;

	for (i = 0; i < recipients; i++) {
		(void)snprintf(local, sizeof(local), "recipient%u", i);
		put_envelope(m, SMFIC_RCPT, local, "recipient.example", NULL);
	}
}

void
torture_mail_sizes(struct torture_mail *m, unsigned int recipients, unsigned int headers)
{
	char		 name[LONG_NAME + 1];
	unsigned int	 i;

	memset(name, 'a', LONG_NAME);
	name[LONG_NAME] = '\0';
	/* The null sender, and an address without a domain. */
	milter_enc_envelope(&m->packets, SMFIC_MAIL, "<>", NULL, 0);
	milter_enc_envelope(&m->packets, SMFIC_RCPT, "<postmaster>", NULL, 0);
	put_envelope(m, SMFIC_RCPT, name, "recipient.example", NULL);
	put_many_recipients(m, recipients);
	milter_enc_simple(&m->packets, SMFIC_DATA);
	put_long_header(m, TORTURE_LONG, 'x', LONG_VALUE);
	put_long_header(m, "References", '\\', LONG_VALUE / 2);
	put_header(m, "From", "");
	put_header(m, name, "a long name");
	for (i = 0; i < headers; i++)
		put_header(m, "Received", "from a.example by b.example\n\twith SMTP; then");
	milter_enc_simple(&m->packets, SMFIC_EOH);
	put_end(m);
}

/*
 * Fills in every byte, lines of one dot and of two, bare CR and LF, CR CR LF, a
 * long line.
 */
static void
fill_body(unsigned char *p, size_t len)
{
	static const char	 odd[] = "\r\n.\r\n..\r\n\r\r\n\n\rFrom x\r\n-n\r\n";
	size_t			 i;

	for (i = 0; i < len; i++) {
		if (i % 2048 < 256)
			p[i] = (unsigned char)i;
		else if (i % 2048 < 256 + sizeof(odd) - 1)
			p[i] = (unsigned char)odd[i % 2048 - 256];
		else
			p[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'b';
	}
}

void
torture_mail_body(struct torture_mail *m, size_t size)
{
	unsigned char	*piece = xmalloc(BODY_PIECE);
	size_t		 n;

	put_plain_envelope(m, "body", 1);
	put_header(m, TORTURE_LONG, "body");
	milter_enc_simple(&m->packets, SMFIC_EOH);
	fill_body(piece, BODY_PIECE);
	for (; size > 0; size -= n) {
		n = size < BODY_PIECE ? size : BODY_PIECE;
		milter_enc_raw(&m->packets, SMFIC_BODY, piece, n);
	}
	free(piece);
	/* The body ends without a line feed, in the middle of a line end. */
	milter_enc_raw(&m->packets, SMFIC_BODY, "end\r", 4);
	put_end(m);
}
