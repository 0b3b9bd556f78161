/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "config/source.h"
#include "config/text.h"
#include "base/log.h"
#include "base/xmalloc.h"

#define ONE_FILE_MAX	((size_t)1024 * 1024)
#define TEXT_MAX	(4 * ONE_FILE_MAX)
#define INCLUDE_DEPTH	8

struct reader {
	struct conf_source	*src;
	char			*base;		/* directory of the text at hand */
	size_t			 file;		/* the text at hand */
	int			 depth;
	int			 failed;
	size_t			 open[INCLUDE_DEPTH + 1];	/* files that include each other */
};

static void read_text(struct reader *, char *text, size_t len, size_t file);

static size_t
add_file(struct conf_source *src, const char *path, const struct stat *st)
{
	struct conf_file	*f;

	src->files = xreallocarray(src->files, src->nfiles + 1, sizeof(*src->files));
	f = &src->files[src->nfiles];
	memset(f, 0, sizeof(*f));
	f->path = xstrdup(path);
	if (st != NULL)
		f->st = *st;
	return src->nfiles++;
}

/* Up to ONE_FILE_MAX bytes; NULL with errno, EFBIG if there are more. */
static char *
read_all(int fd, size_t *len)
{
	char	*text = xmalloc(ONE_FILE_MAX + 2);
	ssize_t	 n;

	*len = 0;
	do {
		n = read(fd, text + *len, ONE_FILE_MAX + 1 - *len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n > 0)
			*len += (size_t)n;
	} while (n != 0 && (n > 0 || errno == EINTR) && *len <= ONE_FILE_MAX);
	if (n == -1 || *len > ONE_FILE_MAX) {
		if (n != -1)
			errno = EFBIG;
		free(text);
		return NULL;
	}
	text[*len] = '\0';
	return text;
}

/* The text of a regular file, or NULL with *why. */
static char *
slurp(const char *path, struct stat *st, size_t *len, const char **why)
{
	char	*text = NULL;
	int	 fd;

	/* A FIFO must not hold us up before we can see that it is one. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1 || fstat(fd, st) == -1)
		*why = strerror(errno);
	else if (S_ISDIR(st->st_mode))
		*why = "it is a directory; expected a file";
	else if (!S_ISREG(st->st_mode))
		*why = "not a regular file";
	else if ((text = read_all(fd, len)) == NULL)
		*why = errno == EFBIG ? "larger than 1 MiB" : strerror(errno);
	if (fd != -1)
		(void)close(fd);
	return text;
}

/* Puts a piece of text and the places of its lines behind what there is. */
static void
append(struct reader *r, const char *text, size_t len, int *line)
{
	struct conf_source	*src = r->src;
	size_t			 i;

	src->text = xreallocarray(src->text, src->len + len + 2, 1);
	memcpy(src->text + src->len, text, len);
	for (i = 0; i <= len; i++) {
		/* The beginning of the piece is a new line, see read_text(). */
		if (i != 0 && text[i - 1] == '\n')
			(*line)++;
		else if (i != 0)
			continue;
		/* At each power of two, twice as many. */
		if ((src->norigins & (src->norigins - 1)) == 0)
			src->origins = xreallocarray(src->origins,
			    src->norigins == 0 ? 1 : src->norigins * 2,
			    sizeof(*src->origins));
		src->origins[src->norigins].file = r->file;
		src->origins[src->norigins++].line = *line;
	}
	src->len += len;
	src->text[src->len++] = '\n';
	src->text[src->len] = '\0';
}

static void mistake(struct reader *, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* In a line of the text at hand. */
static void
mistake(struct reader *r, int line, const char *fmt, ...)
{
	char	*place = conf_source_place(r->src, &r->src->files[r->file], line), *what;
	va_list	 ap;

	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) == -1)
		fatal("vasprintf");
	va_end(ap);
	log_msg(LOG_ERR, NULL, "%s: %s", place, what);
	free(place);
	free(what);
	r->failed = 1;
}

/* What is wrong with including this file here, or NULL. */
static const char *
include_problem(const struct reader *r, const struct stat *st, size_t len)
{
	const struct stat	*other;
	int			 i;

	for (i = 0; i <= r->depth; i++) {
		other = &r->src->files[r->open[i]].st;
		if (other->st_ino == st->st_ino && other->st_dev == st->st_dev)
			return "it includes itself";
	}
	if (r->depth == INCLUDE_DEPTH)
		return "nested too deeply; expected 8 files at most";
	if (r->src->len + len > TEXT_MAX)
		return "more than 4 MiB with all that is included";
	return NULL;
}

static void
include_file(struct reader *r, const char *path, int line)
{
	const char	*why = "";
	struct stat	 st;
	char		*text, *copy, *base = r->base;
	size_t		 len = 0, file = r->file;

	text = slurp(path, &st, &len, &why);
	if (text == NULL || (why = include_problem(r, &st, len)) != NULL) {
		mistake(r, line, "include: %s: %s", path, why);
		free(text);
		return;
	}
	copy = xstrdup(path);
	r->base = xstrdup(dirname(copy));
	free(copy);
	r->depth++;
	read_text(r, text, len, add_file(r->src, path, &st));
	r->depth--;
	free(r->base);
	r->base = base;
	r->file = file;
	free(text);
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
 * A pattern that fits nothing is no mistake: a directory for more may be empty,
 * or missing.
 */
static void
include_pattern(struct reader *r, const char *pattern, int line)
{
	char	*path = under(r->base, pattern, 1);
	glob_t	 g;
	size_t	 i;
	int	 error;

	error = glob(path, 0, is_trouble, &g);
	if (error != 0 && error != GLOB_NOMATCH)
		mistake(r, line, "include: %s: its directory can't be read", pattern);
	else if (error == 0) {
		for (i = 0; i < g.gl_pathc; i++)
			include_file(r, g.gl_pathv[i], line);
		globfree(&g);
	}
	free(path);
}

static void
include(struct reader *r, const char *name, size_t len, int line)
{
	char	*pattern = xmemdup0(name, len), *path;

	if (strpbrk(pattern, "*?[") != NULL)
		include_pattern(r, pattern, line);
	else {
		path = under(r->base, pattern, 0);
		include_file(r, path, line);
		free(path);
	}
	free(pattern);
}

/*
 * An included text stands in lines of its own: the line that includes it is
 * cut in two, which both come from the same line of the file.
 */
static void
read_text(struct reader *r, char *text, size_t len, size_t file)
{
	struct conf_text	 ct;
	size_t			 i, from = 0;
	int			 line = 1;

	r->file = file;
	r->open[r->depth] = file;
	conf_text_scan(text, len, &ct);
	for (i = 0; i < ct.nerrors; i++)
		mistake(r, ct.errors[i].line, "%s", ct.errors[i].what);
	for (i = 0; i < ct.nincludes; i++) {
		append(r, text + from, ct.includes[i].start - from, &line);
		from = ct.includes[i].end;
		include(r, text + ct.includes[i].path, ct.includes[i].path_len,
		    ct.includes[i].line);
	}
	append(r, text + from, len - from, &line);
	conf_text_free(&ct);
}

/* The same look at the whole, for the lines of sections and empty lists. */
static struct conf_source *
finish(struct reader *r)
{
	struct conf_source	*src = r->src;
	struct conf_text	 ct;

	free(r->base);
	if (r->failed) {
		conf_source_free(src);
		return NULL;
	}
	conf_text_scan(src->text, src->len, &ct);
	src->sections = ct.sections;
	src->nsections = ct.nsections;
	src->empties = ct.empties;
	src->nempties = ct.nempties;
	src->odd = ct.odd;
	ct.sections = NULL;
	ct.empties = NULL;
	conf_text_free(&ct);
	return src;
}

struct conf_source *
conf_source_load(const char *path)
{
	struct reader	 r;
	const char	*why = "";
	struct stat	 st;
	char		*text, *copy;
	size_t		 len = 0;

	memset(&r, 0, sizeof(r));
	if ((text = slurp(path, &st, &len, &why)) == NULL) {
		log_msg(LOG_ERR, NULL, "%s: %s", path, why);
		return NULL;
	}
	r.src = xcalloc(1, sizeof(*r.src));
	copy = xstrdup(path);
	r.base = xstrdup(dirname(copy));
	free(copy);
	read_text(&r, text, len, add_file(r.src, path, &st));
	free(text);
	return finish(&r);
}

struct conf_source *
conf_source_text(const char *text, const char *name, const char *base,
    const struct conf_label *labels, size_t nlabels)
{
	struct reader	 r;
	char		*copy = xstrdup(text);

	memset(&r, 0, sizeof(r));
	r.src = xcalloc(1, sizeof(*r.src));
	r.src->labels = labels;
	r.src->nlabels = nlabels;
	r.base = xstrdup(base);
	read_text(&r, copy, strlen(copy), add_file(r.src, name, NULL));
	free(copy);
	return finish(&r);
}

void
conf_source_free(struct conf_source *src)
{
	size_t	 i;

	if (src == NULL)
		return;
	for (i = 0; i < src->nfiles; i++)
		free(src->files[i].path);
	free(src->files);
	free(src->origins);
	free(src->sections);
	free(src->empties);
	free(src->text);
	free(src);
}

const struct conf_file *
conf_source_where(const struct conf_source *src, int *line)
{
	const struct conf_origin	*o;
	size_t				 n = *line < 1 ? 1 : (size_t)*line;

	o = &src->origins[n > src->norigins ? src->norigins - 1 : n - 1];
	*line = o->line;
	return &src->files[o->file];
}

char *
conf_source_place(const struct conf_source *src, const struct conf_file *f, int line)
{
	const char	*label = NULL;
	char		*place;
	size_t		 i;
	int		 ret;

	if (f == src->files)
		for (i = 0; i < src->nlabels && src->labels[i].line <= line; i++)
			label = src->labels[i].text;
	if (label == NULL)
		ret = asprintf(&place, "%s:%d", f->path, line);
	else
		ret = asprintf(&place, "%s%s%s", f->path, label[0] == '\0' ? "" : ": ", label);
	if (ret == -1)
		fatal("asprintf");
	return place;
}
