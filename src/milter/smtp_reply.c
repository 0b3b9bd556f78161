/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/smtp_reply.c: the SMTP reply of a refusal.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/smtp_reply.h"
#include "base/xmalloc.h"

#define BLANKS		" \t\n"
#define DIGITS		"0123456789"

static int
is_code(const char *word, size_t len)
{
	return len == 3 && strspn(word, DIGITS) >= 3;
}

/* 1 for X.Y.Z, whatever the numbers; enhanced_fits() judges them. */
static int
is_enhanced(const char *word, size_t len)
{
	const char	*p = word;
	size_t		 n;
	int		 part;

	for (part = 0; part < 3; part++) {
		if (part > 0 && *p++ != '.')
			return 0;
		if ((n = strspn(p, DIGITS)) == 0)
			return 0;
		p += n;
	}
	return (size_t)(p - word) == len;
}

static const char *
after_word(const char *word, size_t len)
{
	return word + len + strspn(word + len, BLANKS);
}

void
smtp_reply_parse(const char *rest, struct smtp_reply *r)
{
	const char	*p = rest + strspn(rest, BLANKS);
	size_t		 len = strcspn(p, BLANKS);

	memset(r, 0, sizeof(*r));
	if (is_code(p, len)) {
		r->code = (p[0] - '0') * 100 + (p[1] - '0') * 10 + p[2] - '0';
		p = after_word(p, len);
		len = strcspn(p, BLANKS);
	}
	if (is_enhanced(p, len)) {
		/* A code that is cut here was too long to be right. */
		snprintf(r->enhanced, sizeof(r->enhanced), "%.*s",
		    (int)(len < sizeof(r->enhanced) ? len : sizeof(r->enhanced)), p);
		p = after_word(p, len);
	}
	if (*p != '\0')
		r->text = xstrdup(p);
}

void
smtp_reply_free(struct smtp_reply *r)
{
	free(r->text);
	memset(r, 0, sizeof(*r));
}

void
smtp_reply_copy(struct smtp_reply *to, const struct smtp_reply *from)
{
	*to = *from;
	if (from->text != NULL)
		to->text = xstrdup(from->text);
}

struct defaults {
	int		 code;
	const char	*enhanced;
	const char	*text;
};

static const struct defaults *
defaults_of(enum verdict vd)
{
	static const struct defaults	 reject = { 550, "5.7.1", "Command rejected" };
	static const struct defaults	 tempfail = { 451, "4.7.1", "Try again later" };
	static const struct defaults	 shutdown = { 421, "4.7.0", "Closing connection" };

	if (vd == VD_SHUTDOWN)
		return &shutdown;
	return vd == VD_TEMPFAIL ? &tempfail : &reject;
}

/* Subject and detail have one to three digits, as in Postfix. */
static int
enhanced_fits(const char *enhanced, int class)
{
	const char	*p = enhanced;
	size_t		 n;
	int		 part;

	if (*p++ != '0' + class)
		return 0;
	for (part = 0; part < 2; part++) {
		if (*p++ != '.')
			return 0;
		n = strspn(p, DIGITS);
		if (n < 1 || n > 3)
			return 0;
		p += n;
	}
	return *p == '\0';
}

static int
complete_codes(const struct defaults *def, int fixed, struct smtp_reply *r)
{
	int	 mended = 0, class = def->code / 100;

	if (fixed) {
		r->code = 0;
		r->enhanced[0] = '\0';
	}
	if (r->code != 0 && r->code / 100 != class)
		mended |= SMTP_REPLY_BAD_CODE;
	if (r->code == 0 || mended)
		r->code = def->code;
	if (r->enhanced[0] != '\0' && !enhanced_fits(r->enhanced, class)) {
		mended |= SMTP_REPLY_BAD_CLASS;
		r->enhanced[0] = '\0';
	}
	if (r->enhanced[0] == '\0')
		snprintf(r->enhanced, sizeof(r->enhanced), "%s", def->enhanced);
	return mended;
}

/* Cuts the lines and their number in place. */
static int
cut_text(char *text)
{
	char	*from = text, *to = text;
	size_t	 len, kept, lines = 0;
	int	 mended = 0;

	for (;;) {
		len = strcspn(from, "\n");
		kept = len < SMTP_REPLY_MAX_LINE ? len : SMTP_REPLY_MAX_LINE;
		if (kept < len)
			mended = SMTP_REPLY_CUT;
		memmove(to, from, kept);
		to += kept;
		from += len;
		if (*from == '\0')
			break;
		if (++lines == SMTP_REPLY_MAX_LINES) {
			mended = SMTP_REPLY_CUT;
			break;
		}
		*to++ = *from++;
	}
	*to = '\0';
	return mended;
}

static int
clean_bytes(char *text)
{
	int	 mended = 0;

	for (; *text != '\0'; text++)
		if (*text != '\n' && (*text < ' ' || *text > '~')) {
			*text = '?';
			mended = SMTP_REPLY_BAD_BYTES;
		}
	return mended;
}

/* A line end after the last line does not begin another line. */
static void
drop_line_ends(char *text)
{
	size_t	 len;

	for (len = strlen(text); len > 0 && text[len - 1] == '\n'; len--)
		text[len - 1] = '\0';
}

int
smtp_reply_complete(enum verdict vd, struct smtp_reply *r)
{
	const struct defaults	*def = defaults_of(vd);
	int			 mended;

	mended = complete_codes(def, vd == VD_SHUTDOWN, r);
	if (r->text != NULL) {
		drop_line_ends(r->text);
		mended |= cut_text(r->text);
		/* The last line that is kept may be an empty one. */
		drop_line_ends(r->text);
		mended |= clean_bytes(r->text);
	}
	if (r->text == NULL || r->text[0] == '\0') {
		free(r->text);
		r->text = xstrdup(def->text);
	}
	return mended;
}

void
smtp_reply_wire(const struct smtp_reply *r, struct buf *out)
{
	const char	*p = r->text;
	size_t		 len;

	for (;;) {
		len = strcspn(p, "\n");
		buf_printf(out, "%03d%c%s ", r->code, p[len] == '\n' ? '-' : ' ', r->enhanced);
		for (; len > 0; len--, p++) {
			buf_add(out, p, 1);
			if (*p == '%')
				buf_add(out, p, 1);
		}
		if (*p++ == '\0')
			return;
		buf_add_str(out, "\r\n");
	}
}
