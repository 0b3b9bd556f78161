/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "macros.h"
#include "milter_dec.h"
#include "xmalloc.h"

/* From the newest stage to the oldest. */
static const int newest_first[SMFIM_COUNT] = {
	SMFIM_EOM, SMFIM_EOH, SMFIM_DATA, SMFIM_RCPT, SMFIM_MAIL, SMFIM_HELO,
	SMFIM_CONNECT
};

static int
stage_of(int letter)
{
	switch (letter) {
	case SMFIC_CONNECT:
		return SMFIM_CONNECT;
	case SMFIC_HELO:
		return SMFIM_HELO;
	case SMFIC_MAIL:
		return SMFIM_MAIL;
	case SMFIC_RCPT:
		return SMFIM_RCPT;
	case SMFIC_DATA:
		return SMFIM_DATA;
	case SMFIC_BODYEOB:
		return SMFIM_EOM;
	case SMFIC_EOH:
		return SMFIM_EOH;
	}
	return -1;
}

static void
clear_stage(struct macros *m, int stage)
{
	free(m->stage[stage].bytes);
	m->stage[stage].bytes = NULL;
	m->stage[stage].len = 0;
}

void
macros_init(struct macros *m)
{
	memset(m, 0, sizeof(*m));
}

void
macros_clear(struct macros *m)
{
	int	 i;

	for (i = 0; i < SMFIM_COUNT; i++)
		clear_stage(m, i);
}

static void
add_name(struct buf *b, const char *name)
{
	size_t	 len = strlen(name);

	if (len >= 2 && name[0] == '{' && name[len - 1] == '}')
		buf_add(b, name + 1, len - 2);
	else
		buf_add(b, name, len);
	buf_add_u8(b, 0);
}

void
macros_store(struct macros *m, int letter, struct rd pairs)
{
	const char	*name, *value;
	struct buf	 b;
	int		 n, stage = stage_of(letter);

	if (stage == -1)
		return;
	buf_init(&b, MILTER_MAX_DATA);
	for (n = 0; n < MACROS_MAX && milter_next_macro(&pairs, &name, &value); n++) {
		add_name(&b, name);
		buf_add_cstr(&b, value);
	}
	if (b.len == 0) {
		buf_free(&b);
		return;
	}
	clear_stage(m, stage);
	m->stage[stage].bytes = buf_steal(&b, &m->stage[stage].len);
}

void
macros_move_connect(struct macros *to, struct macros *from)
{
	to->stage[SMFIM_CONNECT] = from->stage[SMFIM_CONNECT];
	memset(&from->stage[SMFIM_CONNECT], 0, sizeof(from->stage[SMFIM_CONNECT]));
}

void
macros_event(struct macros *m, int letter)
{
	int	 i, stage = stage_of(letter);

	if (stage == -1 || stage >= SMFIM_DATA)
		return;
	for (i = stage + 1; i < SMFIM_COUNT; i++)
		clear_stage(m, i);
}

void
macros_end_message(struct macros *m)
{
	int	 i;

	for (i = SMFIM_MAIL; i < SMFIM_COUNT; i++)
		clear_stage(m, i);
}

/* The pair at *at, which moves on; 0 at the end of the list. */
static int
next_pair(const struct macro_list *list, size_t *at, const char **name, const char **value)
{
	if (*at >= list->len)
		return 0;
	*name = list->bytes + *at;
	*at += strlen(*name) + 1;
	*value = list->bytes + *at;
	*at += strlen(*value) + 1;
	return 1;
}

const char *
macros_get(const struct macros *m, const char *wanted)
{
	const char	*name, *value;
	size_t		 at;
	int		 i;

	for (i = 0; i < SMFIM_COUNT; i++)
		for (at = 0; next_pair(&m->stage[newest_first[i]], &at, &name, &value);)
			if (strcmp(name, wanted) == 0)
				return value;
	return NULL;
}

void
macro_iter_init(struct macro_iter *it, const struct macros *m)
{
	it->macros = m;
	it->order = 0;
	it->at = 0;
}

int
macro_iter_next(struct macro_iter *it, const char **name, const char **value)
{
	while (it->order < SMFIM_COUNT) {
		if (!next_pair(&it->macros->stage[newest_first[it->order]], &it->at,
		    name, value)) {
			it->order++;
			it->at = 0;
			continue;
		}
		/* A newer stage has this name too, or it came twice. */
		if (macros_get(it->macros, *name) != *value)
			continue;
		return 1;
	}
	return 0;
}
