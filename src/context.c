/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "xmalloc.h"

void
context_init(struct context *c)
{
	TAILQ_INIT(&c->values);
	c->bytes = 0;
}

static void
drop(struct context *c, struct context_value *v)
{
	TAILQ_REMOVE(&c->values, v, entry);
	c->bytes -= strlen(v->name) + strlen(v->value);
	free(v->name);
	free(v->value);
	free(v);
}

void
context_clear(struct context *c)
{
	struct context_value	*v;

	while ((v = TAILQ_FIRST(&c->values)) != NULL)
		drop(c, v);
}

static struct context_value *
find(const struct context *c, const char *name, int of_message)
{
	struct context_value	*v;

	TAILQ_FOREACH(v, &c->values, entry)
		if (v->of_message == of_message && strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

void
context_set(struct context *c, const char *name, const char *value, int of_message)
{
	struct context_value	*v = find(c, name, of_message);

	if (v != NULL) {
		c->bytes -= strlen(v->value);
		free(v->value);
	} else {
		v = xcalloc(1, sizeof(*v));
		v->name = xstrdup(name);
		v->of_message = of_message;
		c->bytes += strlen(name);
		TAILQ_INSERT_TAIL(&c->values, v, entry);
	}
	v->value = xstrdup(value);
	c->bytes += strlen(value);
}

void
context_unset(struct context *c, const char *name)
{
	struct context_value	*v;
	int			 of_message;

	for (of_message = 0; of_message <= 1; of_message++)
		if ((v = find(c, name, of_message)) != NULL)
			drop(c, v);
}

void
context_move(struct context *to, struct context *from)
{
	context_clear(to);
	TAILQ_CONCAT(&to->values, &from->values, entry);
	to->bytes = from->bytes;
	from->bytes = 0;
}

void
context_copy(struct context *to, const struct context *from)
{
	const struct context_value	*v;

	context_init(to);
	TAILQ_FOREACH(v, &from->values, entry)
		context_set(to, v->name, v->value, v->of_message);
}

void
context_end_message(struct context *c)
{
	struct context_value	*v, *next;

	TAILQ_FOREACH_SAFE(v, &c->values, entry, next)
		if (v->of_message)
			drop(c, v);
}

int
context_visible(const struct context *c, const struct context_value *v)
{
	return v->of_message || find(c, v->name, 1) == NULL;
}
