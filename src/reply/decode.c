/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * reply/decode.c: what a handler writes, line by line.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/newline.h"
#include "reply/action.h"
#include "reply/argument.h"
#include "reply/decode.h"
#include "base/xmalloc.h"

#define LINE_SHOWN	200	/* bytes of a wrong line that are kept */
#define LINE_LONG	65536	/* bytes of a line that is worth a look at the memory left */
#define NO_MEMORY	"there is not enough memory for it"

struct reply_dec {
	struct reply_limits	 limits;
	struct buf		 line;		/* the current line, as far as it has come */
	struct action		*body_action;	/* replace-body being read; or NULL */
	struct buf		 body;
	size_t			 body_left;	/* bytes of the body still to come */
	struct newline		 newline;
	enum reply_item		 end;		/* how the reply ended; REPLY_MORE until then */
	int			 has_id;	/* the line `event-id' of this reply was read */
	uint64_t		 id;
	enum verdict		 verdict;
	struct smtp_reply	 smtp;
	enum reply_fault	 fault;
	const char		*why;
	char			 shown[LINE_SHOWN];
	size_t			 shown_len;
};

struct reply_dec *
reply_dec_new(const struct reply_limits *limits)
{
	struct reply_dec	*d;

	d = xcalloc(1, sizeof(*d));
	d->limits = *limits;
	/* The line may end with a CR, and the parser puts a NUL after it. */
	buf_init(&d->line, limits->max_line + 2);
	buf_init(&d->body, 0);
	d->end = REPLY_MORE;
	d->why = "";
	return d;
}

void
reply_dec_free(struct reply_dec *d)
{
	if (d == NULL)
		return;
	buf_free(&d->line);
	buf_free(&d->body);
	action_free(d->body_action);
	smtp_reply_free(&d->smtp);
	free(d);
}

static enum reply_item
fail_as(struct reply_dec *d, enum reply_fault fault, const char *why)
{
	d->fault = fault;
	d->why = why;
	return d->end = REPLY_ERROR;
}

static enum reply_item
fail_reply(struct reply_dec *d, const char *why)
{
	return fail_as(d, REPLY_FAULT_OTHER, why);
}

/* Keeps the line for reply_line(), since parsing changes it. */
static void
keep_line(struct reply_dec *d, size_t len)
{
	d->shown_len = len < LINE_SHOWN ? len : LINE_SHOWN;
	memcpy(d->shown, d->line.data, d->shown_len);
}

static const char *
parse_verdict(enum verdict vd, char *rest, struct smtp_reply *smtp)
{
	const char	*why = NULL;
	char		*text;

	if (vd != VD_REJECT && vd != VD_TEMPFAIL && vd != VD_SHUTDOWN)
		return rest == NULL ? NULL : "expected nothing after this word";
	if (rest == NULL || (why = reply_arg_text(rest, &text)) != NULL)
		return why;
	if (vd == VD_SHUTDOWN && *text != '\0') {
		smtp->text = text;
		return NULL;
	}
	smtp_reply_parse(text, smtp);
	free(text);
	return NULL;
}

static enum reply_item
end_action(struct reply_dec *d, struct action *a, struct action **action)
{
	buf_reset(&d->line);
	*action = a;
	return REPLY_ACTION;
}

static enum reply_item
end_body(struct reply_dec *d, struct action **action)
{
	struct action	*a = d->body_action;

	d->body_action = NULL;
	a->body = (unsigned char *)buf_steal(&d->body, &a->body_len);
	return end_action(d, a, action);
}

static enum reply_item
begin_body(struct reply_dec *d, char *rest, struct action *a, struct action **action)
{
	const char	*why;

	why = reply_arg_length(rest, d->limits.max_body, &d->body_left);
	if (why != NULL) {
		action_free(a);
		return fail_reply(d, why);
	}
	/*
	 * The body doubles if each byte is a line feed; memory is only used as
	 * bytes come.
	 */
	d->body.max = d->body_left > SIZE_MAX / 2 ? SIZE_MAX : d->body_left * 2;
	newline_init(&d->newline);
	d->body_action = a;
	return d->body_left == 0 ? end_body(d, action) : REPLY_MORE;
}

static enum reply_item
parse_action(struct reply_dec *d, enum action_kind kind, char *rest,
    struct action **action)
{
	const char	*why;
	struct action	*a;

	a = xcalloc(1, sizeof(*a));
	a->kind = kind;
	if (kind == ACT_REPLACE_BODY)
		return begin_body(d, rest, a, action);
	if ((why = reply_action_parse(kind, rest, a)) != NULL) {
		action_free(a);
		return fail_reply(d, why);
	}
	return end_action(d, a, action);
}

static enum reply_item
parse_id(struct reply_dec *d, const char *word, char *rest)
{
	size_t	 n;

	if (strcmp(word, "event-id") != 0 ||
	    reply_arg_length(rest, SIZE_MAX / 2, &n) != NULL)
		return fail_reply(d, "expected event-id and the number of a block first");
	d->id = n;
	d->has_id = 1;
	buf_reset(&d->line);
	return REPLY_ID;
}

static int
is_keyword(const char *word)
{
	return verdict_by_name(word) >= 0 || action_by_name(word) >= 0;
}

/* Finds out why the word is no keyword; changes the word. */
static enum reply_item
fail_keyword(struct reply_dec *d, char *word)
{
	size_t	 len = strlen(word);
	char	*p;

	if (len > 0 && word[len - 1] == ':') {
		word[len - 1] = '\0';
		if (is_keyword(word))
			return fail_as(d, REPLY_FAULT_SPELLING,
			    "unknown keyword, for the colon after it");
	}
	for (p = word; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	if (is_keyword(word))
		return fail_as(d, REPLY_FAULT_SPELLING,
		    "unknown keyword, as it is not in lower case");
	return fail_as(d, REPLY_FAULT_KEYWORD, "unknown keyword");
}

static enum reply_item
parse_line(struct reply_dec *d, char *line, struct action **action)
{
	const char	*why;
	char		*rest = line, *word;
	int		 n;

	if (*line == ' ' || *line == '\t')
		return fail_as(d, REPLY_FAULT_BLANK,
		    "expected a word where the line begins with a blank");
	word = reply_arg_word(&rest);
	if (d->limits.with_id && !d->has_id)
		return parse_id(d, word, rest);
	if ((n = verdict_by_name(word)) < 0) {
		if ((n = action_by_name(word)) < 0)
			return fail_keyword(d, word);
		return parse_action(d, (enum action_kind)n, rest, action);
	}
	if ((why = parse_verdict((enum verdict)n, rest, &d->smtp)) != NULL)
		return fail_reply(d, why);
	d->verdict = (enum verdict)n;
	buf_reset(&d->line);
	return d->end = REPLY_VERDICT;
}

static enum reply_item
end_line(struct reply_dec *d, struct action **action)
{
	size_t	 len = d->line.len;

	if (len > 0 && d->line.data[len - 1] == '\r')
		len--;
	if (len == 0) {
		buf_reset(&d->line);
		return REPLY_MORE;
	}
	keep_line(d, len);
	buf_add_u8(&d->line, '\0');
	/* What a long line says is copied out of it. */
	if (!buf_ok(&d->line) || (len > LINE_LONG && !memory_has_room(2 * len)))
		return fail_as(d, REPLY_FAULT_MEMORY, NO_MEMORY);
	d->line.data[len] = '\0';
	return parse_line(d, (char *)d->line.data, action);
}

static enum reply_item
fail_in_line(struct reply_dec *d, const char *why)
{
	keep_line(d, d->line.len);
	return fail_reply(d, why);
}

static enum reply_item
feed_line(struct reply_dec *d, const unsigned char *p, size_t len, size_t *used,
    struct action **action)
{
	const unsigned char	*lf, *nul;
	size_t			 max = d->limits.max_line + 1;	/* with a CR */
	size_t			 room = max - d->line.len, n;

	lf = memchr(p, '\n', len);
	n = lf == NULL ? len : (size_t)(lf - p);
	*used = lf == NULL ? n : n + 1;
	if ((nul = memchr(p, '\0', n < room ? n : room)) != NULL) {
		buf_add(&d->line, p, (size_t)(nul - p) + 1);
		return fail_in_line(d, "NUL byte in a line");
	}
	buf_add(&d->line, p, n < room ? n : room);
	if (!buf_ok(&d->line))
		return fail_as(d, REPLY_FAULT_MEMORY, NO_MEMORY);
	if (n > room || (d->line.len == max && d->line.data[max - 1] != '\r'))
		return fail_in_line(d, "line too long");
	return lf == NULL ? REPLY_MORE : end_line(d, action);
}

static enum reply_item
feed_body(struct reply_dec *d, const unsigned char *p, size_t len, size_t *used,
    struct action **action)
{
	size_t	 n = len < d->body_left ? len : d->body_left;

	if (d->limits.keep_newlines)
		buf_add(&d->body, p, n);
	else
		newline_to_crlf(&d->newline, p, n, &d->body);
	d->body_left -= n;
	*used = n;
	if (!buf_ok(&d->body))
		return fail_as(d, REPLY_FAULT_MEMORY, NO_MEMORY);
	return d->body_left == 0 ? end_body(d, action) : REPLY_MORE;
}

enum reply_item
reply_dec_feed(struct reply_dec *d, const void *data, size_t len, size_t *used,
    struct action **action)
{
	const unsigned char	*p = data;
	enum reply_item		 item = d->end;
	size_t			 n;

	*used = 0;
	*action = NULL;
	while (item == REPLY_MORE && *used < len) {
		if (d->body_action != NULL)
			item = feed_body(d, p + *used, len - *used, &n, action);
		else
			item = feed_line(d, p + *used, len - *used, &n, action);
		*used += n;
	}
	return item;
}

enum reply_item
reply_dec_eof(struct reply_dec *d, struct action **action)
{
	enum reply_item	 item = d->end;

	*action = NULL;
	if (item == REPLY_MORE && d->body_action == NULL && d->line.len > 0)
		item = end_line(d, action);
	if (item == REPLY_MORE && d->body_action != NULL)
		return fail_reply(d, "end of output before the end of the body");
	return item;
}

size_t
reply_dec_pending(const struct reply_dec *d)
{
	return d->line.len + d->body.len;
}

void
reply_dec_next(struct reply_dec *d)
{
	smtp_reply_free(&d->smtp);
	memset(&d->smtp, 0, sizeof(d->smtp));
	d->end = REPLY_MORE;
	d->has_id = 0;
}

uint64_t
reply_id(const struct reply_dec *d)
{
	return d->id;
}

enum verdict
reply_verdict(const struct reply_dec *d)
{
	return d->verdict;
}

const struct smtp_reply *
reply_smtp(const struct reply_dec *d)
{
	return &d->smtp;
}

const char *
reply_why(const struct reply_dec *d)
{
	return d->why;
}

enum reply_fault
reply_fault(const struct reply_dec *d)
{
	return d->fault;
}

const char *
reply_line(const struct reply_dec *d, size_t *len)
{
	*len = d->shown_len;
	return d->shown;
}

int
reply_parse_verdict(const char *line, enum verdict *vd, struct smtp_reply *smtp)
{
	char	*copy = xstrdup(line), *rest = copy, *word;
	int	 n, ok = 0;

	memset(smtp, 0, sizeof(*smtp));
	word = reply_arg_word(&rest);
	if ((n = verdict_by_name(word)) >= 0) {
		*vd = (enum verdict)n;
		ok = parse_verdict(*vd, rest, smtp) == NULL;
	}
	free(copy);
	return ok ? 0 : -1;
}
