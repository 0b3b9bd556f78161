/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * The text of a configuration to its tree. A byte 1 ends one file, and the next begins:
 * include("1") reads the second, and so on; other files are missing. Each place in the
 * tree must be one in the text, and the places of one file must grow.
 */

#include "base/compat.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/xmalloc.h"
#include "config/read.h"

#define FILES_MAX	4
#define DEPTH_MAX	3
#define TEXT_MAX	65536

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int	 depth;

static void
quiet(int severity __unused, const char *line __unused)
{
}

static int
is_option(enum section_kind kind, const char *name)
{
	static const char *const	 names[SEC_KINDS] = { "gab", "lab", "hab" };

	return name[0] != '\0' && name[1] == '\0' && strchr(names[kind], name[0]) != NULL;
}

static void
include(struct conf_reader *r, const char *path, int at)
{
	size_t	 file = (size_t)(path[0] - '0');

	if (path[0] < '0' || file >= r->src->nfiles || path[1] != '\0' || depth == DEPTH_MAX ||
	    r->next > TEXT_MAX) {
		conf_read_mistake(r, at, "include: %s: no such file", path);
		return;
	}
	depth++;
	conf_read_file(r, file);
	depth--;
}

static void
check_place(const struct conf_reader *r, int at, int *before)
{
	struct conf_where	 w;
	size_t			 offset;

	conf_where(r->src, at, &w);
	offset = (size_t)(w.text - w.file->text) + (size_t)w.column - 1;
	if (at < *before || at > r->next || w.line < 1 || offset > w.file->len)
		abort();
	*before = at;
}

static void
check_section(const struct conf_reader *r, const struct conf_section *sec)
{
	size_t	 i, j;
	int	 before = 1;

	for (i = 0; i < sec->nstmts; i++) {
		if (!is_option(sec->kind, sec->stmts[i].name))
			abort();
		for (before = 1, j = 0; j < sec->stmts[i].nvalues; j++)
			check_place(r, sec->stmts[i].values[j].at, &before);
	}
}

static void
add_files(struct conf_source *src, const uint8_t *in, size_t len)
{
	const uint8_t	*end;
	size_t		 n;

	src->files = xcalloc(FILES_MAX, sizeof(*src->files));
	do {
		end = src->nfiles == FILES_MAX - 1 ? NULL : memchr(in, '\1', len);
		n = end == NULL ? len : (size_t)(end - in);
		src->files[src->nfiles].path = xstrdup("file");
		src->files[src->nfiles].text = xmemdup0(in, n);
		src->files[src->nfiles++].len = n;
		in += n + (end != NULL);
		len -= n + (end != NULL);
	} while (end != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct conf_source	 src = { .nfiles = 0 };
	struct conf_tree	 tree;
	struct conf_errors	 errors;
	struct conf_reader	 r;
	size_t			 i;
	int			 before = 1;

	log_set_hook(quiet);
	memset(&tree, 0, sizeof(tree));
	memset(&errors, 0, sizeof(errors));
	memset(&r, 0, sizeof(r));
	add_files(&src, in, len);
	r.src = &src;
	r.tree = &tree;
	r.errors = &errors;
	r.is_option = is_option;
	r.include = include;
	conf_read_file(&r, 0);
	/* A reason is told whenever the tree is not whole. */
	if (conf_read_end(&r) == -1 && !r.failed && errors.nerrors == 0)
		abort();
	check_section(&r, &tree.global);
	for (i = 0; i < tree.nsections; i++) {
		check_place(&r, tree.sections[i].at, &before);
		check_section(&r, &tree.sections[i]);
	}
	conf_errors_log(&errors, &src);
	conf_errors_clear(&errors);
	conf_tree_free(&tree);
	for (i = 0; i < src.nfiles; i++) {
		free(src.files[i].path);
		free(src.files[i].text);
	}
	free(src.files);
	free(src.pieces);
	return 0;
}
