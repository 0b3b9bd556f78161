/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* state/macros.h: which macros are known when, as in libmilter. */

#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "state/macros.h"
#include "milter/encode.h"
#include "tap.h"

/* Stores what a D packet with these pairs would, "name\0value\0..." of len bytes. */
static void
store(struct macros *m, int letter, const char *pairs, size_t len)
{
	struct rd	 rd;

	rd_init(&rd, guarded(pairs, len), len);
	macros_store(m, letter, rd);
}

#define STORE(m, letter, pairs)	store((m), (letter), (pairs), sizeof(pairs) - 1)

static void
names(void)
{
	struct macros	 m;

	macros_init(&m);
	STORE(&m, SMFIC_MAIL, "i\0Q1\0{mail_addr}\0\0{auth_authen}\0joe\0");
	CHECK_STR(macros_get(&m, "i"), "Q1", "a name without braces");
	CHECK_STR(macros_get(&m, "auth_authen"), "joe", "braces are taken off");
	CHECK_STR(macros_get(&m, "mail_addr"), "", "an empty value is there");
	CHECK(macros_get(&m, "{mail_addr}") == NULL, "braces do not belong to a name");
	CHECK(macros_get(&m, "rcpt_addr") == NULL, "one that did not come is not there");
	STORE(&m, SMFIC_MAIL, "");
	CHECK_STR(macros_get(&m, "i"), "Q1", "a D without pairs leaves the old list");
	STORE(&m, SMFIC_MAIL, "i\0Q2\0");
	CHECK_STR(macros_get(&m, "i"), "Q2", "a second D of a stage replaces the first");
	CHECK(macros_get(&m, "auth_authen") == NULL, "and all of it");
	STORE(&m, SMFIC_BODY, "i\0Q3\0");
	CHECK_STR(macros_get(&m, "i"), "Q2", "a D for the body is ignored");
	STORE(&m, SMFIC_RCPT, "a\0b\0odd");
	CHECK_STR(macros_get(&m, "a"), "b", "an odd tail does no harm");
	macros_clear(&m);
}

static const int	 stage_letters[] = {
	SMFIC_CONNECT, SMFIC_HELO, SMFIC_MAIL, SMFIC_RCPT, SMFIC_DATA, SMFIC_EOH, SMFIC_BODYEOB
};

static void
fill(struct macros *m)
{
	char	 pair[] = "C\0x\0";
	size_t	 i;

	macros_init(m);
	for (i = 0; i < nitems(stage_letters); i++) {
		pair[0] = (char)stage_letters[i];
		STORE(m, stage_letters[i], pair);
	}
}

/* The letters of those stages that are left. */
static const char *
left(struct macros *m)
{
	static char	 text[16];
	char		 name[2] = "", *p = text;
	size_t		 i;

	for (i = 0; i < nitems(stage_letters); i++) {
		name[0] = (char)stage_letters[i];
		if (macros_get(m, name) != NULL)
			*p++ = name[0];
	}
	*p = '\0';
	macros_clear(m);
	return text;
}

static void
lifetimes(void)
{
	static const struct {
		int		 letter;
		const char	*left;
	} rows[] = {
		{ SMFIC_CONNECT, "C" },
		{ SMFIC_HELO, "CH" },
		{ SMFIC_MAIL, "CHM" },
		{ SMFIC_RCPT, "CHMR" },
		{ SMFIC_DATA, "CHMRTNE" },
		{ SMFIC_HEADER, "CHMRTNE" },
		{ SMFIC_EOH, "CHMRTNE" },
		{ SMFIC_BODY, "CHMRTNE" },
		{ SMFIC_BODYEOB, "CHMRTNE" },
		{ SMFIC_UNKNOWN, "CHMRTNE" },
	};
	struct macros	 m;
	char		 name[] = "what is left after ?";
	size_t		 i;

	for (i = 0; i < nitems(rows); i++) {
		fill(&m);
		macros_event(&m, rows[i].letter);
		name[sizeof(name) - 2] = (char)rows[i].letter;
		CHECK_STR(left(&m), rows[i].left, name);
	}
	fill(&m);
	macros_end_message(&m);
	CHECK_STR(left(&m), "CH", "what is left when a message has ended");
}

static void
order(void)
{
	struct macros		 m;
	struct macro_iter	 it;
	const struct macro_pair	*p;
	struct buf		 b;

	macros_init(&m);
	STORE(&m, SMFIC_CONNECT, "{j}\0host\0i\0old\0");
	STORE(&m, SMFIC_EOH, "i\0from-eoh\0");
	STORE(&m, SMFIC_BODYEOB, "i\0from-eom\0i\0twice\0");
	CHECK_STR(macros_get(&m, "i"), "from-eom", "the newest stage is looked at first");
	buf_init(&b, 100);
	macros_iter_init(&it, &m);
	while ((p = macros_iter_next(&it)) != NULL)
		buf_printf(&b, "%.*s=%s ", (int)p->name_len, p->name, p->value);
	buf_add_u8(&b, 0);
	CHECK_STR((char *)b.data, "i=from-eom j=host ", "a walk gives each name once");
	buf_free(&b);
	macros_clear(&m);
}

static void
too_many(void)
{
	struct macros		 m;
	struct macro_iter	 it;
	const struct macro_pair	*p;
	struct buf		 b;
	int			 i, n = 0;

	macros_init(&m);
	buf_init(&b, MILTER_MAX_DATA);
	for (i = 0; i < MACROS_MAX + 10; i++) {
		buf_printf(&b, "{m%d}", i);
		buf_add_u8(&b, 0);
		buf_add_cstr(&b, "v");
	}
	store(&m, SMFIC_MAIL, (char *)b.data, b.len);
	macros_iter_init(&it, &m);
	while ((p = macros_iter_next(&it)) != NULL)
		n++;
	CHECK(n == MACROS_MAX, "no more than MACROS_MAX of a stage are kept");
	buf_free(&b);
	macros_clear(&m);
}

int
main(void)
{
	names();
	too_many();
	lifetimes();
	order();
	return tap_done();
}
