/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/words.c: values of the configuration that are small languages (requests of
 * macros, and settings of the environment), and the names of lines.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "milter/wire_event.h"
#include "base/xmalloc.h"

#define MACROS_MAX	50		/* in one stage; Postfix takes no more */
#define MACRO_NAME_MAX	64

static const char *const line_names[LINE_COUNT] = {
	[LINE_CLIENT_HOST] = "client-host",
	[LINE_CLIENT_FAMILY] = "client-family",
	[LINE_CLIENT_ADDRESS] = "client-address",
	[LINE_CLIENT_PORT] = "client-port",
	[LINE_HELO] = "helo",
	[LINE_SENDER] = "sender",
	[LINE_SENDER_DOMAIN] = "sender-domain",
	[LINE_SENDER_ARGUMENT] = "sender-argument",
	[LINE_RECIPIENT] = "recipient",
	[LINE_RECIPIENT_DOMAIN] = "recipient-domain",
	[LINE_RECIPIENT_ARGUMENT] = "recipient-argument",
	[LINE_RECIPIENTS] = "recipients",
	[LINE_RECIPIENT_REFUSED] = "recipient-refused",
	[LINE_MACRO] = "macro",
	[LINE_CONTEXT] = "context",
	[LINE_CONTEXT_UNSET] = "context-unset",
};

const char *
conf_line_name(enum conf_line_name line)
{
	return line_names[line];
}

int
conf_line_by_name(const char *name)
{
	int	 i;

	for (i = 0; i < LINE_COUNT; i++)
		if (strcmp(line_names[i], name) == 0)
			return i;
	return -1;
}

static int
is_letter(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

static int
is_name_char(char ch)
{
	return is_letter(ch) || (ch >= '0' && ch <= '9') || ch == '_';
}

/* Returns the length of a macro's name with its braces, or 0 if it is none. */
static size_t
macro_len(const char *p)
{
	size_t	 n = 1;

	if (*p != '{')
		return is_letter(*p) && (p[1] == '\0' || strchr(" \t", p[1]) != NULL);
	while (is_name_char(p[n]) || p[n] == '-' || p[n] == '.')
		n++;
	if (p[n] != '}' || n == 1 || n > MACRO_NAME_MAX)
		return 0;
	return n + 1;
}

static char *
macro_list(const char *p, const char **why)
{
	/* Twice the room: {a}{b} gets a blank between the names. */
	char	*list = xmalloc(2 * strlen(p) + 1), *out = list;
	size_t	 n, count = 0;

	*why = "expected names in braces, or of one letter, with blanks between, as in "
	    "'rcpt={rcpt_mailer} i'";
	for (p += strspn(p, " \t"); *p != '\0'; p += n, p += strspn(p, " \t")) {
		if ((n = macro_len(p)) == 0 || ++count > MACROS_MAX) {
			if (n != 0)
				*why = "expected 50 names at most";
			free(list);
			return NULL;
		}
		if (out != list)
			*out++ = ' ';
		/* {i} and i are the same macro; MTAs send the latter. */
		if (n == 3 && is_letter(p[1]))
			*out++ = p[1];
		else {
			memcpy(out, p, n);
			out += n;
		}
	}
	*out = '\0';
	if (count == 0) {
		free(list);
		return NULL;
	}
	return list;
}

/* Returns the stage before the equals sign, or -1. */
static int
stage_of(const char *text, size_t len)
{
	char	*name = xmemdup0(text, len);
	int	 stage = text[len] == '=' ? wire_event_stage_by_name(name) : -1;

	free(name);
	return stage;
}

int
conf_value_macros(const char *text, char **macros, const char **why)
{
	size_t	 len = strcspn(text, "=");
	int	 stage = stage_of(text, len);

	*why = "expected 'STAGE={name} {name}', STAGE being connect, helo, mail, rcpt, data, "
	    "end-of-headers or end-of-message";
	if (stage == -1)
		return -1;
	if (macros[stage] != NULL) {
		*why = "this stage was given before; expected all its names in one";
		return -1;
	}
	macros[stage] = macro_list(text + len + 1, why);
	return macros[stage] == NULL ? -1 : 0;
}

int
conf_value_environment(const char *text, struct env_setting *set, const char **why)
{
	const char	*value;
	size_t		 len = 0;

	if (text[0] < '0' || text[0] > '9')
		while (is_name_char(text[len]))
			len++;
	if (len == 0 || (text[len] != '\0' && text[len] != '=')) {
		*why = "expected 'NAME=VALUE' or NAME, of letters, digits and _";
		return -1;
	}
	if (strncmp(text, "MILTER_", 7) == 0 || strncmp(text, "PIPEMILTER_", 11) == 0) {
		*why = "names that begin with MILTER_ or PIPEMILTER_ are pipemilter's own";
		return -1;
	}
	if (text[len] == '=')
		value = text + len + 1;
	else if ((value = getenv(text)) == NULL)
		return 1;
	set->name = xmemdup0(text, len);
	set->value = xstrdup(value);
	return 0;
}
