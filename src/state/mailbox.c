/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/mailbox.c: addresses of MAIL and RCPT, in one piece of memory each.
 */
#include "base/compat.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "state/mailbox.h"
#include "milter/decode.h"
#include "base/xmalloc.h"

/* The address without its pair of angle brackets, if it has one, with its length. */
static const char *
bare_address(const char *address, size_t *len)
{
	*len = strlen(address);
	if (*len < 2 || address[0] != '<' || address[*len - 1] != '>')
		return address;
	*len -= 2;
	return address + 1;
}

/* The domain, which follows the last @ outside quotes; NULL: none. */
static const char *
find_domain(const char *bare, size_t len)
{
	const char	*p, *at = NULL, *end = bare + len;
	int		 quoted = 0;

	for (p = bare; p < end; p++) {
		if (quoted && *p == '\\' && p + 1 < end)
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == '@' && !quoted)
			at = p + 1;
	}
	return at;
}

/* Writes a text and a NUL. Returns what follows them; so do the next two. */
static char *
put_text(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	to[len] = '\0';
	return to + len + 1;
}

/* With brackets, for which there is room. */
static char *
put_shown(struct mailbox *m, char *to, const char *bare, size_t len)
{
	m->shown = to;
	*to++ = '<';
	to = put_text(to, bare, len);
	to[-1] = '>';
	*to++ = '\0';
	return to;
}

static char *
put_domain(struct mailbox *m, char *to, const char *bare, size_t len)
{
	const char	*domain = find_domain(bare, len);
	char		*p, *end;

	m->domain = to;
	end = put_text(to, domain == NULL ? "" : domain,
	    domain == NULL ? 0 : (size_t)(bare + len - domain));
	for (p = to; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return end;
}

static size_t
count_args(struct rd args)
{
	size_t	 n = 0;

	while (milter_next_arg(&args) != NULL)
		n++;
	return n;
}

struct mailbox *
mailbox_new(const char *wire, struct rd args)
{
	size_t		 len, nargs = count_args(args), wire_len = strlen(wire);
	const char	*arg, *bare = bare_address(wire, &len);
	static uint64_t	 last_number;
	struct mailbox	*m;
	char		*to;

	m = xmalloc(sizeof(*m) + nargs * sizeof(*m->args) + args.left +
	    wire_len + len + len + sizeof("<>") + 2);
	memset(m, 0, sizeof(*m));
	m->number = ++last_number;
	m->args = (char **)(m + 1);
	m->wire = (char *)(m->args + nargs);
	to = put_text(m->wire, wire, wire_len);
	to = put_shown(m, to, bare, len);
	to = put_domain(m, to, bare, len);
	while ((arg = milter_next_arg(&args)) != NULL) {
		m->args[m->nargs++] = to;
		to = put_text(to, arg, strlen(arg));
	}
	return m;
}

void
mailbox_free(struct mailbox *m)
{
	free(m);
}

int
mailbox_is(const struct mailbox *m, const char *address)
{
	const char	*ours, *theirs, *a, *b;
	size_t		 a_len, b_len;

	a = bare_address(m->wire, &a_len);
	b = bare_address(address, &b_len);
	if (a_len != b_len)
		return 0;
	ours = find_domain(a, a_len);
	theirs = find_domain(b, b_len);
	if (ours == NULL || theirs == NULL)
		return memcmp(a, b, a_len) == 0;
	return ours - a == theirs - b && memcmp(a, b, (size_t)(ours - a)) == 0 &&
	    strncasecmp(ours, theirs, (size_t)(a + a_len - ours)) == 0;
}

size_t
mailbox_bytes(const struct mailbox *m)
{
	size_t	 i, n = sizeof(*m) + 3 * strlen(m->wire);

	for (i = 0; i < m->nargs; i++)
		n += sizeof(*m->args) + strlen(m->args[i]);
	return n;
}
