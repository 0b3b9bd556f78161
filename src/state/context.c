/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/context.c: the values that handlers set for a session or a message.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "state/context.h"
#include "base/xmalloc.h"

void
context_init(struct context *c)
{
	memset(c, 0, sizeof(*c));
	TAILQ_INIT(&c->values);
	TAILQ_INIT(&c->gone);
}

static void
drop_gone(struct context *c, struct context_gone *g)
{
	TAILQ_REMOVE(&c->gone, g, entry);
	c->ngone--;
	free(g->name);
	free(g);
}

static void
drop_value(struct context *c, struct context_value *v)
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
	struct context_gone	*g;

	while ((v = TAILQ_FIRST(&c->values)) != NULL)
		drop_value(c, v);
	while ((g = TAILQ_FIRST(&c->gone)) != NULL)
		drop_gone(c, g);
}

static struct context_value *
find_value(const struct context *c, const char *name, int of_message)
{
	struct context_value	*v;

	TAILQ_FOREACH(v, &c->values, entry)
		if (v->of_message == of_message && strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

static struct context_gone *
find_gone(const struct context *c, const char *name)
{
	struct context_gone	*g;

	TAILQ_FOREACH(g, &c->gone, entry)
		if (strcmp(g->name, name) == 0)
			return g;
	return NULL;
}

static struct context_value *
new_value(struct context *c, const char *name, int of_message)
{
	struct context_value	*v = xcalloc(1, sizeof(*v));

	v->name = xstrdup(name);
	v->of_message = of_message;
	c->bytes += strlen(name);
	TAILQ_INSERT_TAIL(&c->values, v, entry);
	return v;
}

static void
add_gone(struct context *c, const char *name, uint64_t told)
{
	struct context_gone	*g = xcalloc(1, sizeof(*g));

	g->name = xstrdup(name);
	g->told = told;
	TAILQ_INSERT_TAIL(&c->gone, g, entry);
	c->ngone++;
}

void
context_set(struct context *c, const char *name, const char *value, int of_message)
{
	struct context_value	*v = find_value(c, name, of_message);
	struct context_gone	*g = find_gone(c, name);

	if (v != NULL && strcmp(v->value, value) == 0)
		return;
	if (v == NULL)
		v = new_value(c, name, of_message);
	else {
		v->had |= v->told;
		c->bytes -= strlen(v->value);
		free(v->value);
	}
	v->value = xstrdup(value);
	v->told = 0;
	c->bytes += strlen(value);
	c->changed = 1;
	if (g != NULL) {
		v->had |= g->told;
		drop_gone(c, g);
	}
}

/* Gives up on lines for them: who would have to hear of one gets a complete block. */
static void
forget_gone(struct context *c)
{
	struct context_gone	*g;

	while ((g = TAILQ_FIRST(&c->gone)) != NULL) {
		c->lost |= g->told;
		drop_gone(c, g);
	}
}

void
context_unset(struct context *c, const char *name)
{
	struct context_value	*v;
	uint64_t		 told = 0;
	int			 of_message;

	for (of_message = 0; of_message <= 1; of_message++)
		if ((v = find_value(c, name, of_message)) != NULL) {
			told |= v->told | v->had;
			drop_value(c, v);
		}
	if (told == 0)
		return;
	add_gone(c, name, told);
	if (c->ngone > CONTEXT_MAX_GONE)
		forget_gone(c);
	c->changed = 1;
}

void
context_gone_told(struct context *c, struct context_gone *g, uint64_t bit)
{
	g->told &= ~bit;
	if (g->told == 0)
		drop_gone(c, g);
}

void
context_untell(struct context *c, uint64_t bit)
{
	struct context_value	*v;
	struct context_gone	*g, *next;

	TAILQ_FOREACH(v, &c->values, entry) {
		v->told &= ~bit;
		v->had &= ~bit;
	}
	TAILQ_FOREACH_SAFE(g, &c->gone, entry, next)
		context_gone_told(c, g, bit);
}

void
context_move(struct context *to, struct context *from)
{
	context_clear(to);
	TAILQ_CONCAT(&to->values, &from->values, entry);
	TAILQ_CONCAT(&to->gone, &from->gone, entry);
	to->bytes = from->bytes;
	to->ngone = from->ngone;
	to->changed |= from->changed;
	to->lost |= from->lost;
	from->bytes = 0;
	from->ngone = 0;
}

void
context_copy(struct context *to, const struct context *from)
{
	const struct context_value	*v;
	const struct context_gone	*g;
	struct context_value		*copy;

	context_init(to);
	TAILQ_FOREACH(v, &from->values, entry) {
		copy = new_value(to, v->name, v->of_message);
		copy->value = xstrdup(v->value);
		copy->told = v->told;
		copy->had = v->had;
		to->bytes += strlen(v->value);
	}
	TAILQ_FOREACH(g, &from->gone, entry)
		add_gone(to, g->name, g->told);
}

void
context_end_message(struct context *c)
{
	struct context_value	*v, *next;

	TAILQ_FOREACH_SAFE(v, &c->values, entry, next) {
		if (!v->of_message)
			continue;
		/* No line can say that this value is gone, or that the session's holds again. */
		c->lost |= v->told | v->had;
		drop_value(c, v);
		c->changed = 1;
	}
}

void
context_show(struct context *c, uint64_t bit, int over)
{
	struct context_value	*v;

	TAILQ_FOREACH(v, &c->values, entry)
		if (over ? !v->of_message : context_visible(c, v))
			v->had |= bit & ~v->told;
}

int
context_visible(const struct context *c, const struct context_value *v)
{
	return v->of_message || find_value(c, v->name, 1) == NULL;
}
