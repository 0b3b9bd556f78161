/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/packets.c: the packets of a plan.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "milter/proto.h"
#include "mta/packets.h"
#include "base/xmalloc.h"

#define MAX_BYTES	((size_t)4 << 30)

/* Part of bytes: the macros of an event, then the event. */
struct chunk {
	size_t	 off;
	size_t	 macros_len;
	size_t	 len;		/* 0: not encoded yet */
	size_t	 first_id;	/* of its queue ids, in ids */
	size_t	 nids;
};

/* Indexes of chunks. Those of recipients and headers follow. */
enum {
	CHUNK_CONNECT,
	CHUNK_HELO,
	CHUNK_MAIL,
	CHUNK_DATA,
	CHUNK_EOH,
	CHUNK_BODY,	/* only the macros */
	CHUNK_EOM,
	CHUNK_FIRST_RCPT
};

struct mta_packets {
	size_t			 refs;
	const struct mta_plan	*plan;
	struct mta_terms	 terms;			/* lists, and the bit for the space */
	struct mta_macros	 macros;
	const struct mta_header	**headers;
	size_t			 nheaders;
	struct chunk		*chunks;
	struct buf		 bytes;
	size_t			*ids;		/* offsets of queue ids in their chunks */
	size_t			 nids;
};

/* The newest set: the next connection gets it if its terms are the same. */
static struct mta_packets	*shared;

static int
same_list(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int
fits(const struct mta_packets *ps, const struct mta_plan *plan, const struct mta_terms *t)
{
	size_t	 i;

	if (ps->plan != plan || ps->terms.protocol != (t->protocol & SMFIP_HDR_LEADSPC))
		return 0;
	for (i = 0; i < SMFIM_COUNT; i++)
		if (!same_list(ps->terms.lists[i], t->lists[i]))
			return 0;
	return 1;
}

static void
list_headers(struct mta_packets *ps)
{
	const struct mta_header	*h;
	size_t			 n = 0;

	TAILQ_FOREACH(h, &ps->plan->message.headers, entry)
		ps->nheaders++;
	ps->headers = xcalloc(ps->nheaders + 1, sizeof(*ps->headers));
	TAILQ_FOREACH(h, &ps->plan->message.headers, entry)
		ps->headers[n++] = h;
}

static struct mta_packets *
new_packets(const struct mta_plan *plan, const struct mta_terms *t)
{
	struct mta_packets	*ps = xcalloc(1, sizeof(*ps));
	size_t			 i;

	ps->refs = 1;
	ps->plan = plan;
	ps->terms.protocol = t->protocol & SMFIP_HDR_LEADSPC;
	ps->macros.plan = plan;
	for (i = 0; i < SMFIM_COUNT; i++) {
		if (t->lists[i] != NULL)
			ps->terms.lists[i] = xstrdup(t->lists[i]);
		ps->macros.lists[i] = ps->terms.lists[i];
	}
	list_headers(ps);
	ps->chunks = xcalloc(CHUNK_FIRST_RCPT + plan->nrcpts + ps->nheaders,
	    sizeof(*ps->chunks));
	buf_init(&ps->bytes, MAX_BYTES);
	return ps;
}

struct mta_packets *
mta_packets_get(const struct mta_plan *plan, const struct mta_terms *t)
{
	if (shared == NULL || !fits(shared, plan, t)) {
		mta_packets_release(shared);
		shared = new_packets(plan, t);
	}
	shared->refs++;
	return shared;
}

void
mta_packets_release(struct mta_packets *ps)
{
	if (ps == NULL || --ps->refs > 0)
		return;
	mta_terms_free(&ps->terms);
	free(ps->headers);
	free(ps->chunks);
	free(ps->ids);
	buf_free(&ps->bytes);
	free(ps);
}

void
mta_packets_forget(void)
{
	mta_packets_release(shared);
	shared = NULL;
}

static struct chunk *
chunk_of(struct mta_packets *ps, int command, size_t n)
{
	switch (command) {
	case SMFIC_CONNECT:
		return &ps->chunks[CHUNK_CONNECT];
	case SMFIC_HELO:
		return &ps->chunks[CHUNK_HELO];
	case SMFIC_MAIL:
		return &ps->chunks[CHUNK_MAIL];
	case SMFIC_RCPT:
		return &ps->chunks[CHUNK_FIRST_RCPT + n];
	case SMFIC_DATA:
		return &ps->chunks[CHUNK_DATA];
	case SMFIC_HEADER:
		return &ps->chunks[CHUNK_FIRST_RCPT + ps->plan->nrcpts + n];
	case SMFIC_EOH:
		return &ps->chunks[CHUNK_EOH];
	case SMFIC_BODY:
		return &ps->chunks[CHUNK_BODY];
	default:
		return &ps->chunks[CHUNK_EOM];
	}
}

static void
encode_address(struct buf *out, int command, const struct mta_address *a)
{
	milter_enc_envelope(out, command, a->address, a->args, a->nargs);
}

static void
encode_header(struct mta_packets *ps, const struct mta_header *h)
{
	const char	*value = h->text + h->value;

	if (ps->terms.protocol == 0 && value[0] == ' ')
		value++;
	milter_enc_header(&ps->bytes, h->name, value);
}

static void
encode_event(struct mta_packets *ps, int command, size_t n)
{
	const struct mta_plan	*plan = ps->plan;

	switch (command) {
	case SMFIC_CONNECT:
		milter_enc_connect(&ps->bytes, plan->host, plan->family, plan->port,
		    plan->address);
		break;
	case SMFIC_HELO:
		milter_enc_helo(&ps->bytes, plan->helo);
		break;
	case SMFIC_MAIL:
		encode_address(&ps->bytes, command, &plan->sender);
		break;
	case SMFIC_RCPT:
		encode_address(&ps->bytes, command, &plan->rcpts[n]);
		break;
	case SMFIC_HEADER:
		encode_header(ps, ps->headers[n]);
		break;
	case SMFIC_BODY:
		break;
	default:
		milter_enc_simple(&ps->bytes, command);
		break;
	}
}

const struct mta_macros *
mta_packets_macros(struct mta_packets *ps, int command, size_t n, const char *queue_id)
{
	int	 in_session = command == SMFIC_CONNECT || command == SMFIC_HELO;

	ps->macros.queue_id = in_session ? NULL : queue_id;
	ps->macros.rcpt = command == SMFIC_RCPT ? ps->plan->rcpts[n].address : NULL;
	mta_macros_fill(&ps->macros, command);
	return &ps->macros;
}

/* Notes where the queue ids are in the packet of macros. */
static void
find_ids(struct mta_packets *ps, struct chunk *c)
{
	const struct milter_pair	*pair;
	size_t				 i, at = MILTER_HEADER_LEN + 2;

	c->first_id = ps->nids;
	for (i = 0; i < ps->macros.npairs; i++) {
		pair = &ps->macros.pairs[i];
		at += strlen(pair->name) + 1;
		if (pair->value == ps->macros.queue_id) {
			ps->ids = xreallocarray(ps->ids, ps->nids + 1, sizeof(*ps->ids));
			ps->ids[ps->nids++] = at;
		}
		at += strlen(pair->value) + 1;
	}
	c->nids = ps->nids - c->first_id;
}

static void
encode_chunk(struct mta_packets *ps, struct chunk *c, int command, size_t n, const char *queue_id)
{
	c->off = ps->bytes.len;
	(void)mta_packets_macros(ps, command, n, queue_id);
	milter_enc_macros(&ps->bytes, command, ps->macros.pairs, ps->macros.npairs);
	find_ids(ps, c);
	c->macros_len = ps->bytes.len - c->off;
	encode_event(ps, command, n);
	c->len = ps->bytes.len - c->off;
}

/* Returns the chunk, encoded; NULL with the error of out set. */
static const struct chunk *
encoded(struct mta_packets *ps, int command, size_t n, const char *queue_id,
    struct buf *out)
{
	struct chunk	*c = chunk_of(ps, command, n);

	if (c->len == 0)
		encode_chunk(ps, c, command, n, queue_id);
	if (buf_ok(&ps->bytes))
		return c;
	out->err = 1;
	return NULL;
}

static void
copy_chunk(const struct mta_packets *ps, const struct chunk *c, size_t len,
    const char *queue_id, struct buf *out)
{
	size_t	 start = out->len, i;

	buf_add(out, ps->bytes.data + c->off, len);
	if (!buf_ok(out))
		return;
	for (i = c->first_id; i < c->first_id + c->nids; i++)
		memcpy(out->data + start + ps->ids[i], queue_id, MTA_QUEUE_ID_LEN);
}

void
mta_packets_add_macros(struct mta_packets *ps, int command, size_t n,
    const char *queue_id, struct buf *out)
{
	const struct chunk	*c = encoded(ps, command, n, queue_id, out);

	if (c != NULL)
		copy_chunk(ps, c, c->macros_len, queue_id, out);
}

void
mta_packets_add_event(struct mta_packets *ps, int command, size_t n,
    const char *queue_id, struct buf *out)
{
	const struct chunk	*c = encoded(ps, command, n, queue_id, out);

	if (c != NULL)
		copy_chunk(ps, c, c->len, queue_id, out);
}

const struct mta_header *
mta_packets_header(const struct mta_packets *ps, size_t n)
{
	return n < ps->nheaders ? ps->headers[n] : NULL;
}
