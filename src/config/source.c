/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/source.c: a configuration and the files that it includes.
 */
#include "base/compat.h"

#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/log.h"
#include "base/slurp.h"
#include "base/xmalloc.h"
#include "config/source.h"

#define ONE_FILE_MAX	((size_t)1024 * 1024)
#define TEXT_MAX	(4 * ONE_FILE_MAX)
#define INCLUDE_DEPTH	8

/* A file that is being read, and the one that includes it. */
struct open_file {
	const struct open_file	*outer;
	size_t			 file;
	int			 depth;
	char			*base;		/* directory that paths in it start from */
};

/* Takes text. */
static size_t
add_file(struct conf_source *src, const char *path, const struct stat *st, char *text, size_t len)
{
	struct conf_file	*f;

	src->files = xreallocarray(src->files, src->nfiles + 1, sizeof(*src->files));
	f = &src->files[src->nfiles];
	memset(f, 0, sizeof(*f));
	f->path = xstrdup(path);
	f->text = text;
	f->len = len;
	if (st != NULL)
		f->st = *st;
	return src->nfiles++;
}

static void
read_open(struct conf_reader *r, struct open_file *f)
{
	const struct open_file	*outer = r->open;

	r->open = f;
	conf_read_file(r, f->file);
	r->open = outer;
	free(f->base);
}

static char *
directory_of(const char *path)
{
	char	*copy = xstrdup(path), *directory = xstrdup(dirname(copy));

	free(copy);
	return directory;
}

/* What is wrong with including this file here, or NULL. */
static const char *
include_problem(const struct conf_reader *r, const struct stat *st, size_t len)
{
	const struct open_file	*f;
	const struct stat	*other;

	for (f = r->open; f != NULL; f = f->outer) {
		other = &r->src->files[f->file].st;
		if (other->st_ino == st->st_ino && other->st_dev == st->st_dev)
			return "it includes itself";
	}
	if (r->open->depth == INCLUDE_DEPTH)
		return "nested too deeply; expected 8 files at most";
	if ((size_t)r->next + len > TEXT_MAX)
		return "more than 4 MiB with all that is included";
	return NULL;
}

static void
include_file(struct conf_reader *r, const char *path, int at)
{
	struct open_file	 f = { .outer = r->open, .depth = r->open->depth + 1 };
	const char		*why = "";
	struct stat		 st;
	size_t			 len = 0;
	char			*text = slurp(path, ONE_FILE_MAX, &st, &len, &why);

	if (text == NULL && errno == EFBIG)
		why = "larger than 1 MiB";
	if (text == NULL || (why = include_problem(r, &st, len)) != NULL) {
		conf_read_mistake(r, at, "include: %s: %s", path, why);
		free(text);
		return;
	}
	f.file = add_file(r->src, path, &st, text, len);
	f.base = directory_of(path);
	read_open(r, &f);
}

/* BASE/PATTERN. With escape the directory's own name is no part of the pattern. */
static char *
under(const char *base, const char *pattern, int escape)
{
	size_t	 len = strlen(pattern);
	char	*out = xmalloc(strlen(base) * 2 + len + 2), *p = out;

	if (pattern[0] != '/') {
		for (; *base != '\0'; base++) {
			if (escape && strchr("*?[\\", *base) != NULL)
				*p++ = '\\';
			*p++ = *base;
		}
		*p++ = '/';
	}
	memcpy(p, pattern, len + 1);
	return out;
}

static int
is_trouble(const char *path __unused, int error)
{
	return error != ENOENT;
}

/*
 * What an include at this place asks for. A pattern that fits nothing is no mistake: a
 * directory for more may be empty, or missing.
 */
static void
include(struct conf_reader *r, const char *name, int at)
{
	int	 is_pattern = strpbrk(name, "*?[") != NULL, error = 0;
	char	*path = under(r->open->base, name, is_pattern);
	glob_t	 g;
	size_t	 i;

	if (!is_pattern)
		include_file(r, path, at);
	else if ((error = glob(path, 0, is_trouble, &g)) == 0) {
		for (i = 0; i < g.gl_pathc; i++)
			include_file(r, g.gl_pathv[i], at);
		globfree(&g);
	} else if (error != GLOB_NOMATCH)
		conf_read_mistake(r, at, "include: %s: its directory can't be read", name);
	free(path);
}

static int
read_first(struct conf_reader *r, struct open_file *f)
{
	int	 result;

	r->include = include;
	read_open(r, f);
	result = conf_read_end(r);
	return r->failed ? -2 : result;
}

int
conf_source_load(struct conf_reader *r, const char *path)
{
	struct open_file	 f = { .outer = NULL };
	const char		*why = "";
	struct stat		 st;
	size_t			 len = 0;
	char			*text = slurp(path, ONE_FILE_MAX, &st, &len, &why);

	if (text == NULL) {
		log_msg(LOG_ERR, NULL, "%s: %s", path, errno == EFBIG ? "larger than 1 MiB" : why);
		return -2;
	}
	f.file = add_file(r->src, path, &st, text, len);
	f.base = directory_of(path);
	return read_first(r, &f);
}

int
conf_source_text(struct conf_reader *r, const char *text, const char *name, const char *base)
{
	struct open_file	 f = { .outer = NULL };

	f.file = add_file(r->src, name, NULL, xstrdup(text), strlen(text));
	f.base = xstrdup(base);
	return read_first(r, &f);
}

void
conf_source_free(struct conf_source *src)
{
	size_t	 i;

	for (i = 0; i < src->nfiles; i++) {
		free(src->files[i].path);
		/* The whole, which need be no string. */
		explicit_bzero(src->files[i].text, src->files[i].len);
		free(src->files[i].text);
	}
	free(src->files);
	free(src->pieces);
	memset(src, 0, sizeof(*src));
}
