/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * The text of a configuration to its tree. A byte 1 ends one file, and the next begins:
 * include("1") reads the second, and so on; other files are missing. Each place in the
 * tree must be one in the text, and places must grow.
 */

#include "base/compat.h"

#include <glob.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/slurp.h"
#include "base/xmalloc.h"
#include "config/build.h"
#include "fuzz.h"

#define FILES_MAX	4
#define TEXT_MAX	65536	/* bytes of all files that one input reads */

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char	*files[FILES_MAX];
static size_t		 lens[FILES_MAX], nfiles, total;

static void
quiet(int severity __unused, const char *line __unused)
{
}

/* Instead of the one in base/: files are pieces of the input. */
char *
slurp(const char *path, size_t max __unused, struct stat *st, size_t *len, const char **why)
{
	size_t	 n;

	*why = "no such file";
	if (strlen(path) != 3 || strncmp(path, "./", 2) != 0 || path[2] < '0')
		return NULL;
	n = (size_t)(path[2] - '0');
	if (n >= nfiles || total + lens[n] > TEXT_MAX)
		return NULL;
	total += *len = lens[n];
	memset(st, 0, sizeof(*st));
	st->st_ino = n + 1;
	return xmemdup0(files[n], lens[n]);
}

/* Instead of that of the C library: a pattern fits itself, and no directory is read. */
int
glob(const char *pattern, int flags __unused, int (*trouble)(const char *, int) __unused,
    glob_t *g)
{
	memset(g, 0, sizeof(*g));
	if (strchr(pattern, '?') != NULL)
		return strchr(pattern, '*') != NULL ? GLOB_ABORTED : GLOB_NOMATCH;
	g->gl_pathc = 1;
	g->gl_pathv = xcalloc(1, sizeof(*g->gl_pathv));
	g->gl_pathv[0] = xstrdup(pattern);
	return 0;
}

void
globfree(glob_t *g)
{
	if (g->gl_pathc > 0)
		free(g->gl_pathv[0]);
	free(g->gl_pathv);
}

static void
split(const uint8_t *in, size_t len)
{
	const char	*p = (const char *)in, *end;

	nfiles = total = 0;
	do {
		end = nfiles == FILES_MAX - 1 || len == 0 ? NULL : memchr(p, '\1', len);
		files[nfiles] = p;
		lens[nfiles] = end == NULL ? len : (size_t)(end - p);
		len -= lens[nfiles] + (end != NULL);
		p += lens[nfiles++] + 1;
	} while (end != NULL);
}

/* Returns how many options have no sign. */
static int
check_node(const struct conf_source *src, const struct conf_node *n)
{
	struct conf_where	 w;
	size_t			 i;
	int			 at = n->at, signless = 0;

	for (i = 0; i < n->nparts; i++) {
		if (n->parts[i].at <= at || n->parts[i].text == NULL)
			abort();
		at = n->parts[i].at;
		conf_where(src, at, &w);
		if (w.line < 1 || w.text + w.column - 1 > w.file->text + w.file->len)
			abort();
		signless += check_node(src, &n->parts[i]);
	}
	return signless + (n->kind == CONF_OPTION && n->sign != '=' && n->sign != '+');
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct conf_source	 src = { .nfiles = 0 };
	struct conf_node	 tree = { .kind = SEC_GLOBAL };
	struct conf_errors	 errors = { .n = 0 };
	struct build		 b = { .src = &src, .errors = &errors };
	int			 rc, signless;

	log_set_hook(quiet);
	split(in, len);
	rc = conf_read(&src, &tree, &errors, "./0", NULL);
	signless = check_node(&src, &tree);
	/* A reason is told whenever the tree is not whole. */
	if (rc != 0 && errors.nerrors == 0 && signless == 0 && src.nfiles > 0)
		abort();
	if (rc == 0 && (errors.nerrors > 0 || signless > 0))
		abort();
	conf_check_names(&b, &tree);
	if (errors.nerrors == 0 && signless > 0)
		abort();
	if (src.nfiles > 0)
		conf_errors_log(&errors, &src);
	conf_errors_clear(&errors);
	conf_tree_free(&tree);
	conf_source_free(&src);
	return 0;
}
