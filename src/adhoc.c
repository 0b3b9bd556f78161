/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>

#include "adhoc.h"
#include "conf.h"
#include "xmalloc.h"

#define BLANKS		" \t\r\n"
#define NAME_MAX_LEN	32	/* bytes of a handler's name that we make */

static int
is_letter(int ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

/*
 * A string of the configuration language. All but letters become octal
 * escapes, so that no byte of an argument can end the string, begin a
 * ${NAME}, or be changed as a line end. Digits too: libConfuse takes one that
 * follows an escape for a part of it.
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
	buf_init(&a->listens, ADHOC_MAX);
	buf_init(&a->events, ADHOC_MAX);
	buf_init(&a->globals, ADHOC_MAX);
	buf_init(&a->options, ADHOC_MAX);
}

void
adhoc_free(struct adhoc *a)
{
	buf_free(&a->listens);
	buf_free(&a->events);
	buf_free(&a->globals);
	buf_free(&a->options);
}

void
adhoc_listen(struct adhoc *a, const char *arg)
{
	const char	*block = strchr(arg, '{');
	size_t		 len = strlen(arg);

	while (len > 0 && strchr(BLANKS, arg[len - 1]) != NULL)
		len--;
	if (len == 0 || arg[len - 1] != '}')
		block = NULL;
	if (block != NULL)
		len = (size_t)(block - arg);
	while (len > 0 && strchr(BLANKS, arg[len - 1]) != NULL)
		len--;
	buf_add_str(&a->listens, "listen ");
	add_quoted(&a->listens, arg, len);
	buf_printf(&a->listens, " %s\n", block != NULL ? block : "{ }");
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
adhoc_option(struct adhoc *a, const char *text)
{
	struct buf	*out;
	char		*name;

	text += strspn(text, BLANKS);
	name = xstrndup(text, strcspn(text, BLANKS "=+{("));
	if (conf_is_handler_option(name))
		out = &a->options;
	else if (conf_is_global_option(name))
		out = &a->globals;
	else
		out = NULL;
	free(name);
	if (out == NULL)
		return -1;
	buf_printf(out, "%s\n", text);
	return 0;
}

static int
fits_title(int ch)
{
	return is_letter(ch) || (ch >= '0' && ch <= '9') || ch == '.' ||
	    ch == '_' || ch == '-';
}

/* What stands after the last slash, as far as a title may hold it. */
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
	/* Folders are named after it, and ".." is not a name. */
	if (i == 0 || name[0] == '.' || name[0] == '-')
		name[0] = '_';
	add_quoted(out, name, i > 0 ? i : 1);
}

static void
add_command(struct buf *out, char *const *argv)
{
	struct stat	 st;
	size_t		 i;

	if (argv[1] == NULL && stat(argv[0], &st) == 0 && S_ISDIR(st.st_mode)) {
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

char *
adhoc_text(const struct adhoc *a, char *const *argv)
{
	struct buf	 out;
	char		*text = NULL;

	buf_init(&out, ADHOC_MAX);
	buf_add(&out, a->globals.data, a->globals.len);
	buf_add(&out, a->listens.data, a->listens.len);
	buf_add_str(&out, "handler ");
	add_name(&out, argv[0]);
	buf_add_str(&out, " {\n");
	add_command(&out, argv);
	if (a->events.len > 0) {
		buf_add_str(&out, "events = {");
		buf_add(&out, a->events.data, a->events.len);
		buf_add_str(&out, "}\n");
	}
	buf_add(&out, a->options.data, a->options.len);
	buf_add_str(&out, "}\n");
	if (buf_ok(&out) && buf_ok(&a->globals) && buf_ok(&a->listens) &&
	    buf_ok(&a->events) && buf_ok(&a->options))
		text = buf_steal(&out, NULL);
	buf_free(&out);
	return text;
}
