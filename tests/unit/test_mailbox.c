/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* state/mailbox.h: the spellings of an address. */

#include "base/compat.h"

#include <string.h>

#include "state/mailbox.h"
#include "tap.h"

static const struct {
	const char	*wire, *shown, *domain;
} forms[] = {
	{ "<a@b.example>", "<a@b.example>", "b.example" },
	{ "a@b.example", "<a@b.example>", "b.example" },
	{ "<A@B.Example>", "<A@B.Example>", "b.example" },
	{ "<>", "<>", "" },
	{ "", "<>", "" },
	{ "<postmaster>", "<postmaster>", "" },
	{ "<\"a@b\"@c.example>", "<\"a@b\"@c.example>", "c.example" },
	{ "<\"a@b\">", "<\"a@b\">", "" },
	{ "<\"a\\\"@b\">", "<\"a\\\"@b\">", "" },
	{ "<@x.example,@y.example:a@z.example>", "<@x.example,@y.example:a@z.example>",
	    "z.example" },
	{ "<", "<<>", "" },
	{ "<a@", "<<a@>", "" },
};

static const struct {
	const char	*wire, *address;
	int		 same;
} pairs[] = {
	{ "<bob@example.net>", "<bob@example.net>", 1 },
	{ "<bob@example.net>", "bob@example.net", 1 },
	{ "bob@example.net", "<bob@example.net>", 1 },
	{ "<bob@Example.NET>", "bob@example.net", 1 },
	{ "<Bob@example.net>", "bob@example.net", 0 },
	{ "<bob@example.net>", "bob@example.ne", 0 },
	{ "<bob@example.net>", "bo@example.net", 0 },
	{ "<bob@example.net>", "bob", 0 },
	{ "<postmaster>", "postmaster", 1 },
	{ "<\"a b\"@example.net>", "\"a b\"@EXAMPLE.net", 1 },
};

static struct mailbox *
make(const char *wire, const char *args, size_t len)
{
	struct rd	 rd;

	rd_init(&rd, guarded(args, len), len);
	return mailbox_new(wire, rd);
}

int
main(void)
{
	struct mailbox	*m;
	size_t		 i;

	for (i = 0; i < nitems(forms); i++) {
		m = make(forms[i].wire, "", 0);
		CHECK_STR(m->wire, forms[i].wire, "it is kept as it came");
		CHECK_STR(m->shown, forms[i].shown, "it is shown in brackets");
		CHECK_STR(m->domain, forms[i].domain, "its domain");
		mailbox_free(m);
	}
	for (i = 0; i < nitems(pairs); i++) {
		m = make(pairs[i].wire, "", 0);
		CHECK(mailbox_is(m, pairs[i].address) == pairs[i].same, pairs[i].address);
		mailbox_free(m);
	}
	m = make("<a@b>", "SIZE=10\0BODY=8BITMIME\0", sizeof("SIZE=10\0BODY=8BITMIME"));
	CHECK(m->nargs == 2, "both parameters are there");
	CHECK_STR(m->args[0], "SIZE=10", "the first");
	CHECK_STR(m->args[1], "BODY=8BITMIME", "the second");
	mailbox_free(m);
	return tap_done();
}
