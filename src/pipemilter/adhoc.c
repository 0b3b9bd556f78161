/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/adhoc.c: the text of a configuration file from a command line.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipemilter/adhoc.h"
#include "config/conf.h"
#include "base/log.h"
#include "base/within.h"
#include "base/xmalloc.h"

#define BLANKS		" \t\r\n"
#define NAME_MAX_LEN	32	/* bytes of a handler's name made from a path */
#define LOOK_MS		5000
#define LABEL_MAX	200	/* bytes of an argument that are shown */

static int
is_letter(int ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

/*
 * Adds a string of the configuration language. All bytes but letters become
 * octal escapes, so that no byte of an argument can end the string, begin a
 * ${NAME}, or change as a line end. That includes digits: a digit
 * after an escape would be a part of the escape.
 */
static void
add_quoted(struct buf *out, const char *s, size_t len)
{
	size_t	 i;

	buf_add_u8(out, '"');
	for (i = 0; i < len; i++) {
		if (is_letter((unsigned char)s[i]))
			buf_add_u8(out, (unsigned char)s[i]);
		else
			buf_printf(out, "\\%03o",
			    (unsigned int)(unsigned char)s[i]);
	}
	buf_add_u8(out, '"');
}

void
adhoc_init(struct adhoc *a)
{
	memset(a, 0, sizeof(*a));
	buf_init(&a->events, ADHOC_MAX);
}

void
adhoc_free(struct adhoc *a)
{
	size_t	 i;

	for (i = 0; i < a->npieces; i++) {
		free(a->pieces[i].text);
		free(a->pieces[i].label);
	}
	free(a->pieces);
	buf_free(&a->events);
	adhoc_init(a);
}

/* Adds a piece. Takes over text (malloc'd). arg is the argument of the option. */
static void
add_piece(struct adhoc *a, enum adhoc_place place, char option, const char *arg, char *text)
{
	struct adhoc_piece	*p;

	a->pieces = xreallocarray(a->pieces, a->npieces + 1, sizeof(*a->pieces));
	p = &a->pieces[a->npieces++];
	p->place = place;
	p->text = text;
	if (asprintf(&p->label, "-%c '%.*s%s'", option, LABEL_MAX, arg,
	    strlen(arg) > LABEL_MAX ? "..." : "") == -1)
		fatal("asprintf");
}

void
adhoc_listen(struct adhoc *a, const char *arg)
{
	const char	*block = strchr(arg, '{');
	size_t		 len = strlen(arg);
	struct buf	 out;

	while (len > 0 && strchr(BLANKS, arg[len - 1]) != NULL)
		len--;
	if (len == 0 || arg[len - 1] != '}')
		block = NULL;
	if (block != NULL)
		len = (size_t)(block - arg);
	while (len > 0 && strchr(BLANKS, arg[len - 1]) != NULL)
		len--;
	/* The kernel limits the length of an argument. */
	buf_init(&out, SIZE_MAX);
	buf_add_str(&out, "listen ");
	add_quoted(&out, arg, len);
	buf_printf(&out, " %s\n", block != NULL ? block : "{ }");
	add_piece(a, ADHOC_LISTEN, 'l', arg, buf_steal(&out, NULL));
}

void
adhoc_events(struct adhoc *a, const char *names)
{
	size_t	 len;

	for (;;) {
		len = strcspn(names, ",");
		if (a->events.len > 0)
			buf_add_str(&a->events, ", ");
		add_quoted(&a->events, names, len);
		if (names[len] == '\0')
			return;
		names += len + 1;
	}
}

int
adhoc_option(struct adhoc *a, const char *arg)
{
	const char		*text = arg + strspn(arg, BLANKS);
	char			*name, *line;
	enum adhoc_place	 place = ADHOC_HANDLER;
	int			 known;

	name = xstrndup(text, strcspn(text, BLANKS "=+{("));
	known = conf_is_handler_option(name);
	if (!known && conf_is_global_option(name)) {
		place = ADHOC_GLOBAL;
		known = 1;
	}
	free(name);
	if (!known)
		return -1;
	if (asprintf(&line, "%s\n", text) == -1)
		fatal("asprintf");
	add_piece(a, place, 'o', arg, line);
	return 0;
}

static int
fits_title(int ch)
{
	return is_letter(ch) || (ch >= '0' && ch <= '9') || ch == '.' ||
	    ch == '_' || ch == '-';
}

/*
 * Adds the name of the handler: what follows the last slash of path, with _ for
 * bytes that a title can't have.
 */
static void
add_name(struct buf *out, const char *path)
{
	char	 name[NAME_MAX_LEN + 1];
	size_t	 len = strlen(path), start, i;

	while (len > 1 && path[len - 1] == '/')
		len--;
	for (start = len; start > 0 && path[start - 1] != '/'; start--)
		;
	for (i = 0; start + i < len && i < NAME_MAX_LEN; i++)
		name[i] = fits_title((unsigned char)path[start + i]) ?
		    path[start + i] : '_';
	/* Directories get this name, so it can't be "..". */
	if (i == 0 || name[0] == '.' || name[0] == '-')
		name[0] = '_';
	add_quoted(out, name, i > 0 ? i : 1);
}

static int
is_directory(void *path)
{
	struct stat	 st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void
add_command(struct buf *out, char *const *argv)
{
	size_t	 i;

	/* It may be on a file system that does not answer. */
	if (argv[1] == NULL && within(LOOK_MS, 1, is_directory, argv[0]) == 1) {
		buf_add_str(out, "hooks = ");
		add_quoted(out, argv[0], strlen(argv[0]));
	} else {
		buf_add_str(out, "command = {");
		for (i = 0; argv[i] != NULL; i++) {
			if (i > 0)
				buf_add_str(out, ", ");
			add_quoted(out, argv[i], strlen(argv[i]));
		}
		buf_add_u8(out, '}');
	}
	buf_add_u8(out, '\n');
}

/* The lines from here on come from what label names. */
static void
begin_label(struct adhoc_text *t, const char *label)
{
	struct conf_label	*l;

	t->labels = xreallocarray(t->labels, t->nlabels + 1, sizeof(*t->labels));
	l = &t->labels[t->nlabels++];
	l->line = t->line;
	l->text = label;
}

/* Counts the lines added since the text was from bytes long. */
static void
count_lines(struct adhoc_text *t, size_t from)
{
	size_t	 i;

	for (i = from; i < t->text.len; i++)
		if (t->text.data[i] == '\n')
			t->line++;
}

static void
add_pieces(const struct adhoc *a, enum adhoc_place place, struct adhoc_text *t)
{
	size_t	 i, from;

	for (i = 0; i < a->npieces; i++) {
		if (a->pieces[i].place != place)
			continue;
		from = t->text.len;
		begin_label(t, a->pieces[i].label);
		buf_add_str(&t->text, a->pieces[i].text);
		count_lines(t, from);
	}
}

static void
add_operands(char *const *argv, struct adhoc_text *t)
{
	size_t	 from = t->text.len;

	begin_label(t, "");
	buf_add_str(&t->text, "handler ");
	add_name(&t->text, argv[0]);
	buf_add_str(&t->text, " {\n");
	add_command(&t->text, argv);
	count_lines(t, from);
}

static void
add_events(const struct adhoc *a, struct adhoc_text *t)
{
	size_t	 from = t->text.len;

	if (a->events.len == 0)
		return;
	begin_label(t, "-e");
	buf_add_str(&t->text, "events = {");
	buf_add(&t->text, a->events.data, a->events.len);
	buf_add_str(&t->text, "}\n");
	count_lines(t, from);
}

int
adhoc_make_text(const struct adhoc *a, char *const *argv, struct adhoc_text *t)
{
	memset(t, 0, sizeof(*t));
	buf_init(&t->text, ADHOC_MAX);
	t->line = 1;
	add_pieces(a, ADHOC_GLOBAL, t);
	add_pieces(a, ADHOC_LISTEN, t);
	add_operands(argv, t);
	add_events(a, t);
	add_pieces(a, ADHOC_HANDLER, t);
	begin_label(t, "");
	buf_add_cstr(&t->text, "}\n");
	return buf_ok(&t->text) && buf_ok(&a->events) ? 0 : -1;
}

void
adhoc_text_free(struct adhoc_text *t)
{
	buf_free(&t->text);
	free(t->labels);
}
