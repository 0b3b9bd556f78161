/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/spool.c: writes a message into three files, with the line ends that the
 * handler wants.
 */
#include "base/compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/newline.h"
#include "base/xmalloc.h"
#include "store/spool.h"
#include "store/spool_file.h"

/* Bytes of the body converted and written at a time. */
#define CHUNK		(256u * 1024)
/* Scratch memory above this size is freed after a message. */
#define SCRATCH_KEPT	(2u * CHUNK)
#define NOT_IN_FILES	"the message could not be put into files: "

struct spool {
	const struct handler_conf	*conf;
	const struct spool_dir		*dir;
	struct store			*store;		/* NULL: the files are written */
	uint64_t			 counted;	/* bytes, on the board */
	char				 name[88];	/* of all its files, without the ending */
};

static const char *const ends[SPOOL_KINDS] = {
	[SPOOL_MESSAGE] = ".message", [SPOOL_HEADERS] = ".headers", [SPOOL_BODY] = ".body",
};

/* Without spool_setup(), as with -n, paths can be named but no file is written. */
static char			 no_path[] = "";
static const struct spool_dir	 no_dir = { no_path, -1 };
static const struct conf	*all;
static const struct spool_dir	*dirs;
static struct board	*board;
static unsigned int	 row;
static char		 prefix[16];	/* of the names of our files: "ENGINE-" */
static struct buf	 scratch = { .max = SIZE_MAX / 2 };

void
spool_setup(const struct conf *conf, const struct spool_dir *directories,
    const char *spare_directory, struct board *b, unsigned int engine, unsigned int number)
{
	all = conf;
	dirs = directories;
	board = b;
	row = engine;
	/* Two engines of one number never live at the same time. */
	snprintf(prefix, sizeof(prefix), "%u-", number + 1);
	spool_file_setup(spare_directory, prefix);
}

void
spool_sweep(void)
{
	size_t	 i;

	for (i = 0; i < all->nhandlers; i++)
		if (all->handlers[i].spool)
			spool_file_sweep(dirs[i].fd, prefix);
	spool_file_sweep_spares();
}

struct spool *
spool_new(const struct handler_conf *conf, struct store *store, const char *id)
{
	struct spool	*sp = xcalloc(1, sizeof(*sp));

	sp->conf = conf;
	sp->dir = all == NULL ? &no_dir : &dirs[conf - all->handlers];
	sp->store = store_hold(store);
	snprintf(sp->name, sizeof(sp->name), "%s%s", prefix, id);
	return sp;
}

const char *
spool_path(const struct spool *sp, enum spool_kind k, char *buf)
{
	snprintf(buf, SPOOL_PATH, "%s/%s%s", sp->dir->path, sp->name, ends[k]);
	return buf;
}

static const char *
file_name(const struct spool *sp, enum spool_kind k, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s", sp->name, ends[k]);
	return buf;
}

static int
open_kind(const struct spool *sp, enum spool_kind k, struct spool_file *f)
{
	char	 name[sizeof(sp->name) + 16];

	return spool_file_open(f, sp->dir, k, file_name(sp, k, name, sizeof(name)));
}

static int
close_kind(const struct spool *sp, enum spool_kind k, struct spool_file *f, int result)
{
	char	 name[sizeof(sp->name) + 16];

	return spool_file_close(f, sp->dir, file_name(sp, k, name, sizeof(name)), result);
}

/*
 * Writes each header to one line: a line that begins with a blank continues the
 * one before.
 */
static void
unfold_headers(const unsigned char *p, size_t len, const char *line_end, struct buf *out)
{
	const unsigned char	*end = p + len, *cr;

	while (p < end) {
		if ((cr = memmem(p, (size_t)(end - p), "\r\n", 2)) == NULL)
			cr = end;
		buf_add(out, p, (size_t)(cr - p));
		p = end - cr < 2 ? end : cr + 2;
		if (p == end || (*p != ' ' && *p != '\t'))
			buf_add_str(out, line_end);
	}
}

/* Writes what was converted, from a byte on. */
static int
write_scratch(struct spool_file *f, size_t from)
{
	if (buf_ok(&scratch))
		return spool_file_write(f, scratch.data + from, scratch.len - from);
	errno = ENOMEM;
	return -1;
}

static int
write_headers(const struct spool *sp, const unsigned char *p, size_t len)
{
	struct spool_file	 f;

	if (open_kind(sp, SPOOL_HEADERS, &f) == -1)
		return -1;
	buf_reset(&scratch);
	/* Without the empty line at the end. */
	unfold_headers(p, len - 2, sp->conf->keep_newlines ? "\r\n" : "\n", &scratch);
	return close_kind(sp, SPOOL_HEADERS, &f, write_scratch(&f, 0));
}

/* f: files of the message and the body. at: where the body begins. */
static int
write_as_it_is(struct spool_file *f, const unsigned char *p, size_t len, size_t at)
{
	if (spool_file_write(&f[0], p, len) == -1)
		return -1;
	return spool_file_write(&f[1], p + at, len - at);
}

/* A message of the usual size is converted once and written in one piece. */
static int
write_converted(struct spool_file *f, const unsigned char *p, size_t len, size_t at)
{
	struct newline	 nl;
	size_t		 n, body;

	buf_reset(&scratch);
	newline_init(&nl);
	newline_to_lf(&nl, p, at, &scratch);
	body = scratch.len;
	do {
		n = len - at < CHUNK ? len - at : CHUNK;
		newline_to_lf(&nl, p + at, n, &scratch);
		at += n;
		if (at == len)
			newline_flush(&nl, &scratch);
		if (write_scratch(&f[0], 0) == -1 || write_scratch(&f[1], body) == -1)
			return -1;
		buf_reset(&scratch);
		body = 0;
	} while (at < len);
	return 0;
}

static int
write_whole_and_body(const struct spool *sp, const unsigned char *p, size_t len, size_t at)
{
	struct spool_file	 f[2];
	int			 ret;

	if (open_kind(sp, SPOOL_MESSAGE, &f[0]) == -1)
		return -1;
	if (open_kind(sp, SPOOL_BODY, &f[1]) == -1)
		return close_kind(sp, SPOOL_MESSAGE, &f[0], -1);
	if (sp->conf->keep_newlines)
		ret = write_as_it_is(f, p, len, at);
	else
		ret = write_converted(f, p, len, at);
	ret = close_kind(sp, SPOOL_MESSAGE, &f[0], ret);
	return close_kind(sp, SPOOL_BODY, &f[1], ret);
}

/* Counts the bytes as if line ends stayed CRLF: that bound is known before the files are. */
static int
reserve(struct spool *sp, uint64_t n)
{
	if (board != NULL && !board_keep(board, row, n))
		return 0;
	sp->counted = n;
	return 1;
}

static void
unreserve(struct spool *sp)
{
	if (board != NULL)
		board_drop(board, row, sp->counted);
	sp->counted = 0;
}

static void
remove_files(const struct spool *sp, size_t size)
{
	char		 name[sizeof(sp->name) + 16];
	unsigned int	 k;

	for (k = 0; k < SPOOL_KINDS; k++)
		spool_file_remove(sp->dir, k,
		    file_name(sp, (enum spool_kind)k, name, sizeof(name)), size);
}

/* If the disk is full, spare files may be what fills it: remove them and try again. */
static int
write_files(struct spool *sp, const unsigned char *p, size_t len, size_t at)
{
	int	 error;

	do {
		if (write_headers(sp, p, at) == 0 && write_whole_and_body(sp, p, len, at) == 0)
			return 0;
		error = errno;
		remove_files(sp, SIZE_MAX);
	} while (spool_file_drop_spares() > 0);
	errno = error;
	return -1;
}

/* Copies the text, since that of a store is freed with the store. Returns -1. */
static int
spool_failed(char *why, const char *what, const char *cause)
{
	snprintf(why, SPOOL_WHY, "%s%s", what, cause);
	return -1;
}

int
spool_write(struct spool *sp, char *why)
{
	const unsigned char	*p;
	size_t			 len, at;
	int			 ret = 0;

	if (sp->store == NULL)
		return 0;
	if ((p = store_bytes(sp->store)) == NULL)
		return spool_failed(why, "", store_error(sp->store));
	len = store_len(sp->store);
	at = store_body_at(sp->store);
	if (!reserve(sp, (uint64_t)len * 2))
		return spool_failed(why, NOT_IN_FILES, "spool-limit is reached");
	if (write_files(sp, p, len, at) == -1) {
		ret = spool_failed(why, NOT_IN_FILES, strerror(errno));
		unreserve(sp);
	} else {
		store_release(sp->store);
		sp->store = NULL;
	}
	if (scratch.cap > SCRATCH_KEPT)
		buf_free(&scratch);
	return ret;
}

void
spool_free(struct spool *sp)
{
	if (sp == NULL)
		return;
	if (sp->store == NULL) {
		remove_files(sp, (size_t)(sp->counted / 2));
		unreserve(sp);
	} else
		store_release(sp->store);
	free(sp);
}
