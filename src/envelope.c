/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "envelope.h"
#include "milter_dec.h"
#include "xmalloc.h"

/* Takes one pair of angle brackets off, if there is one. */
static char *
without_brackets(const char *address)
{
	size_t	 len = strlen(address);

	if (len >= 2 && address[0] == '<' && address[len - 1] == '>')
		return xstrndup(address + 1, len - 2);
	return xstrdup(address);
}

/* Where the domain begins: behind the last @ outside quotes; NULL if there is none. */
static const char *
find_domain(const char *bare)
{
	const char	*p, *at = NULL;
	int		 quoted = 0;

	for (p = bare; *p != '\0'; p++) {
		if (quoted && *p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == '@' && !quoted)
			at = p + 1;
	}
	return at;
}

static char *
lower_domain(const char *bare)
{
	const char	*domain = find_domain(bare);
	char		*copy, *p;

	copy = xstrdup(domain == NULL ? "" : domain);
	for (p = copy; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

struct mailbox *
mailbox_new(const char *wire, struct rd args)
{
	struct mailbox	*m = xcalloc(1, sizeof(*m));
	const char	*arg;
	char		*bare = without_brackets(wire);

	m->wire = xstrdup(wire);
	if (asprintf(&m->shown, "<%s>", bare) == -1)
		m->shown = xstrdup("<>");
	m->domain = lower_domain(bare);
	free(bare);
	while ((arg = milter_next_arg(&args)) != NULL) {
		m->args = xreallocarray(m->args, m->nargs + 1, sizeof(*m->args));
		m->args[m->nargs++] = xstrdup(arg);
	}
	return m;
}

void
mailbox_free(struct mailbox *m)
{
	size_t	 i;

	if (m == NULL)
		return;
	for (i = 0; i < m->nargs; i++)
		free(m->args[i]);
	free(m->args);
	free(m->wire);
	free(m->shown);
	free(m->domain);
	free(m);
}

int
mailbox_is(const struct mailbox *m, const char *address)
{
	const char	*ours, *theirs;
	char		*a = without_brackets(m->wire), *b = without_brackets(address);
	int		 same;

	ours = find_domain(a);
	theirs = find_domain(b);
	if (ours == NULL || theirs == NULL)
		same = strcmp(a, b) == 0;
	else
		same = ours - a == theirs - b &&
		    strncmp(a, b, (size_t)(ours - a)) == 0 && strcasecmp(ours, theirs) == 0;
	free(a);
	free(b);
	return same;
}

size_t
mailbox_bytes(const struct mailbox *m)
{
	size_t	 i, n = sizeof(*m) + 3 * strlen(m->wire);

	for (i = 0; i < m->nargs; i++)
		n += sizeof(*m->args) + strlen(m->args[i]);
	return n;
}
