/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/settings.c: warns of settings in the environment of a handler that its script
 * does not have. A misspelled one would otherwise go unnoticed.
 */
#include "base/compat.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config/build.h"
#include "base/slurp.h"
#include "base/xmalloc.h"

#define SCRIPT_MAX	(256 * 1024)	/* bytes; a longer file is not searched */

/* A script need not name these variables: the C library or an interpreter reads them. */
static const char *const common[] = {
	"HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER", NULL
};
static const char *const common_prefixes[] = {
	"LC_", "LD_", "PERL", "PYTHON", NULL
};

static int
is_common(const char *name)
{
	size_t	 i;

	for (i = 0; common[i] != NULL; i++)
		if (strcmp(name, common[i]) == 0)
			return 1;
	for (i = 0; common_prefixes[i] != NULL; i++)
		if (strncmp(name, common_prefixes[i], strlen(common_prefixes[i])) == 0)
			return 1;
	return 0;
}

/*
 * Returns the text of a script, malloc'd, or NULL if the file is none or can't be read
 * whole.
 */
static char *
read_script(const char *path)
{
	const char	*why;
	struct stat	 st;
	size_t		 len;
	char		*text = slurp(path, SCRIPT_MAX, &st, &len, &why);

	if (text != NULL && strncmp(text, "#!", 2) == 0)
		return text;
	free(text);
	return NULL;
}

/* Returns 1 if a comment shows how to configure the script, as in our handlers. */
static int
shows_section(const char *text)
{
	const char	*line, *end, *p;

	for (line = text; *line != '\0'; line = end + (*end == '\n')) {
		end = line + strcspn(line, "\n");
		if (*line != '#')
			continue;
		p = line + 1 + strspn(line + 1, "# \t");
		if (strncmp(p, "handler ", 8) == 0 && end[-1] == '{')
			return 1;
	}
	return 0;
}

static int
is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static int
has_word(const char *text, const char *word)
{
	size_t		 len = strlen(word);
	const char	*p = text;

	while ((p = strstr(p, word)) != NULL) {
		if ((p == text || !is_word_char(p[-1])) && !is_word_char(p[len]))
			return 1;
		p += len;
	}
	return 0;
}

/* A name without a value is not checked: the variable may be one of the whole system. */
static void
check_setting(struct build *b, int at, const char *setting, const char *path,
    const char *text)
{
	size_t	 len = strcspn(setting, "=");
	char	*name;

	if (setting[len] == '\0' || len == 0)
		return;
	name = xmemdup0(setting, len);
	if (!is_common(name) && !has_word(text, name))
		conf_warning(b->errors, at, "environment: %s: %s has no such setting; those that "
		    "it has are in the comment at its beginning", name, path);
	free(name);
}

void
conf_check_settings(struct build *b, const struct conf_node *st, const char *path)
{
	char	*text;
	size_t	 i;

	if ((text = read_script(path)) == NULL)
		return;
	if (shows_section(text))
		for (i = 0; i < st->nparts; i++)
			check_setting(b, st->parts[i].at, st->parts[i].text, path, text);
	free(text);
}
