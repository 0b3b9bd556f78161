/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/option.c: options whose value is one number, word, text or path.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/build.h"
#include "config/value.h"
#include "base/log.h"
#include "base/xmalloc.h"

struct conf_node *
conf_tree_find(const struct conf_node *sec, const char *name)
{
	struct conf_node	*n;
	size_t			 i;

	for (i = sec->nparts; i > 0; i--) {
		n = &sec->parts[i - 1];
		if (n->kind == CONF_OPTION && n->whole && strcmp(n->text, name) == 0)
			return n;
	}
	return NULL;
}

const char *
conf_option_scalar(struct build *b, const struct conf_node *st)
{
	if (st->nparts == 1)
		return st->parts[0].text;
	conf_error(b->errors, st->at, "%s: expected one value, not %s", st->text,
	    st->nparts == 0 ? "an empty list" : "a list of them");
	return NULL;
}

char *
conf_join_path(const char *directory, const char *path)
{
	char	*joined;

	while (path[0] == '.' && path[1] == '/')
		path += 1 + strspn(path + 1, "/");
	if (asprintf(&joined, "%s/%s", directory, path) == -1)
		fatal("asprintf");
	return joined;
}

char *
conf_option_path(struct build *b, const struct conf_node *st, const char *text)
{
	if (text[0] == '/')
		return xstrdup(text);
	if (b->base == NULL || text[0] == '\0') {
		conf_error(b->errors, st->at, "%s: \"%s\": expected a path that begins "
		    "with /", st->text, text);
		return NULL;
	}
	return conf_join_path(b->base, text);
}

/* Prints a number as the configuration has it: 1h, 64K. */
static void
print_number(enum option_type type, uint64_t n, char *text, size_t size)
{
	static const struct {
		uint64_t	 factor;
		const char	*name;
	} times[] = { { DAYS(1), "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" },
	    { 1, "ms" } },
	    sizes[] = { { GIB(1), "G" }, { MIB(1), "M" }, { KIB(1), "K" }, { 1, "B" } };
	const char	*unit = "";
	size_t		 i = 0;

	if (type == OPT_DURATION || type == OPT_RLIM_SECONDS) {
		while (n != 0 && n % times[i].factor != 0)
			i++;
		unit = times[i].name;
		n /= times[i].factor;
	} else if (type == OPT_SIZE || type == OPT_SIZE64 || type == OPT_LIMIT64 ||
	    type == OPT_RLIM_SIZE) {
		while (n != 0 && n % sizes[i].factor != 0)
			i++;
		unit = sizes[i].name;
		n /= sizes[i].factor;
	}
	(void)snprintf(text, size, "%llu%s", (unsigned long long)n, n == 0 ? "" : unit);
}

static int
parse_number(enum option_type type, const char *text, uint64_t *n, const char **why)
{
	switch (type) {
	case OPT_DURATION:
	case OPT_RLIM_SECONDS:
		return conf_value_duration(text, n, why);
	case OPT_SIZE:
	case OPT_SIZE64:
	case OPT_LIMIT64:
	case OPT_RLIM_SIZE:
		return conf_value_size(text, n, why);
	case OPT_MODE:
		return conf_value_octal(text, n, why);
	default:
		return conf_value_number(text, n, why);
	}
}

static void
store_number(enum option_type type, void *at, uint64_t n)
{
	uint64_t	 seconds = (n + 999) / 1000;	/* rounded up; 0 is no limit */

	switch (type) {
	case OPT_DURATION:
		*(uint32_t *)at = (uint32_t)n;
		break;
	case OPT_COUNT:
		*(unsigned int *)at = (unsigned int)n;
		break;
	case OPT_SIZE:
		*(size_t *)at = (size_t)n;
		break;
	case OPT_SIZE64:
	case OPT_LIMIT64:
		*(uint64_t *)at = n;
		break;
	case OPT_MODE:
		*(mode_t *)at = (mode_t)n;
		break;
	case OPT_RLIM_SECONDS:
		*(rlim_t *)at = n == 0 ? RLIM_INFINITY : seconds;
		break;
	default:
		*(rlim_t *)at = n == 0 ? RLIM_INFINITY : n;
		break;
	}
}

static void
set_number(struct build *b, const struct option *o, const struct conf_node *st,
    const char *text, void *at)
{
	const char	*why;
	char		 min[32], max[32];
	uint64_t	 n;
	int		 no_limit;

	if (parse_number(o->type, text, &n, &why) == -1) {
		conf_error(b->errors, st->at, "%s: \"%s\": %s", st->text, text, why);
		return;
	}
	no_limit = n == 0 && (o->type == OPT_LIMIT64 || o->type == OPT_RLIM_SIZE ||
	    o->type == OPT_RLIM_SECONDS || o->type == OPT_RLIM_COUNT);
	if (!no_limit && (n < o->min || n > o->max)) {
		print_number(o->type, o->min, min, sizeof(min));
		print_number(o->type, o->max, max, sizeof(max));
		conf_error(b->errors, st->at, "%s: \"%s\": expected %s to %s",
		    st->text, text, min, max);
		return;
	}
	store_number(o->type, at, n);
}

static void
set_yes_no(struct build *b, const struct conf_node *st, const char *text, int *at)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		conf_error(b->errors, st->at, "%s: \"%s\": expected yes or no", st->text,
		    text);
	*at = strcmp(text, "yes") == 0;
}

static void
set_text(struct build *b, const struct option *o, const struct conf_node *st,
    const char *text, char **at)
{
	char	*value = NULL;

	if (o->type == OPT_PATH)
		value = conf_option_path(b, st, text);
	else if (text[0] == '\0')
		conf_error(b->errors, st->at, "%s: expected a name, not an empty one",
		    st->text);
	else
		value = xstrdup(text);
	if (value != NULL) {
		free(*at);
		*at = value;
	}
}

void
conf_options_apply(struct build *b, const struct option *o, const struct conf_node *sec,
    void *target)
{
	const struct conf_node	*st;
	const char		*text;
	char			*at;

	for (; o->name != NULL; o++) {
		if ((st = conf_tree_find(sec, o->name)) == NULL)
			continue;
		at = (char *)target + o->offset;
		if (o->type == OPT_CALL) {
			if (o->set != NULL)
				o->set(b, target, st);
		} else if ((text = conf_option_scalar(b, st)) == NULL)
			continue;
		else if (o->type == OPT_TEXT || o->type == OPT_PATH)
			set_text(b, o, st, text, (char **)(void *)at);
		else if (o->type == OPT_YES_NO)
			set_yes_no(b, st, text, (int *)(void *)at);
		else
			set_number(b, o, st, text, at);
	}
}
