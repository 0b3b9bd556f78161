/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "newline.h"
#include "spool.h"
#include "xmalloc.h"

/* Of the body, so much is converted and written at a time. */
#define CHUNK		(256u * 1024)
/* Memory that has grown that far is not kept. */
#define SCRATCH_KEPT	(2u * CHUNK)

struct spool {
	const struct handler_conf	*conf;
	struct store			*store;		/* NULL: the files are there */
	uint64_t			 counted;	/* on the board */
	char				 name[88];	/* of all files, but for the end */
};

static const char *const ends[SPOOL_FILES] = {
	[SPOOL_MESSAGE] = ".message", [SPOOL_HEADERS] = ".headers", [SPOOL_BODY] = ".body",
};

static struct board	*board;
static unsigned int	 row;
static struct buf	 scratch = { .max = SIZE_MAX / 2 };

void
spool_setup(struct board *b, unsigned int engine)
{
	board = b;
	row = engine;
}

/* "ENGINE-": engines of one number never live at the same time. */
static size_t
prefix(char *buf, size_t size)
{
	return (size_t)snprintf(buf, size, "%u-", row + 1);
}

static void
sweep_folder(int folder)
{
	struct dirent	*e;
	DIR		*dir;
	char		 own[16];
	size_t		 len = prefix(own, sizeof(own));
	int		 fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 || (dir = fdopendir(fd)) == NULL) {
		log_warn("spool folder");
		if (fd != -1)
			close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, own, len) == 0 && unlinkat(folder, e->d_name, 0) == -1)
			log_warn("removing %s", e->d_name);
	(void)closedir(dir);
}

void
spool_sweep(const struct conf *conf)
{
	size_t	 i;

	for (i = 0; i < conf->nhandlers; i++)
		if (conf->handlers[i].spool)
			sweep_folder(conf->handlers[i].spool_fd);
}

struct spool *
spool_new(const struct handler_conf *conf, struct store *store, const char *id)
{
	struct spool	*sp = xcalloc(1, sizeof(*sp));
	size_t		 len = prefix(sp->name, sizeof(sp->name));

	sp->conf = conf;
	sp->store = store_hold(store);
	strlcpy(sp->name + len, id, sizeof(sp->name) - len);
	return sp;
}

const char *
spool_path(const struct spool *sp, enum spool_file f)
{
	static char	 path[PATH_MAX + sizeof(sp->name) + 16];

	snprintf(path, sizeof(path), "%s/%s%s", sp->conf->spool_path, sp->name, ends[f]);
	return path;
}

static const char *
file_name(const struct spool *sp, enum spool_file f, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s", sp->name, ends[f]);
	return buf;
}

static int
open_file(const struct spool *sp, enum spool_file f)
{
	char	 name[sizeof(sp->name) + 16];

	return openat(sp->conf->spool_fd, file_name(sp, f, name, sizeof(name)),
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
}

static void
remove_file(const struct spool *sp, enum spool_file f)
{
	char	 name[sizeof(sp->name) + 16];

	if (unlinkat(sp->conf->spool_fd, file_name(sp, f, name, sizeof(name)), 0) == -1 &&
	    errno != ENOENT)
		log_warn("removing %s", spool_path(sp, f));
}

static int
write_all(int fd, const void *data, size_t n)
{
	const unsigned char	*p = data;
	ssize_t			 w;

	while (n > 0) {
		if ((w = write(fd, p, n)) == -1 && errno == EINTR)
			continue;
		if (w <= 0) {
			if (w == 0)
				errno = ENOSPC;
			return -1;
		}
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* Keeps the error of what went before. */
static int
close_file(int fd, int result)
{
	int	 error = errno;

	if (close(fd) == -1)
		return -1;
	errno = error;
	return result;
}

/* One line for each header: a line that begins with a blank goes on with the one before. */
static void
unfold(const unsigned char *p, size_t len, const char *line_end, struct buf *out)
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

static int
write_headers(const struct spool *sp, const unsigned char *p, size_t len)
{
	int	 fd = open_file(sp, SPOOL_HEADERS);

	if (fd == -1)
		return -1;
	buf_reset(&scratch);
	/* Without the empty line. */
	unfold(p, len - 2, sp->conf->keep_newlines ? "\r\n" : "\n", &scratch);
	return close_file(fd, write_all(fd, scratch.data, scratch.len));
}

/* fds: of the message and the body. at: where that begins. */
static int
write_as_it_is(const int *fds, const unsigned char *p, size_t len, size_t at)
{
	if (write_all(fds[0], p, len) == -1)
		return -1;
	return write_all(fds[1], p + at, len - at);
}

/* A message of the usual size is converted once, and written in one piece. */
static int
write_converted(const int *fds, const unsigned char *p, size_t len, size_t at)
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
		if (write_all(fds[0], scratch.data, scratch.len) == -1 ||
		    write_all(fds[1], scratch.data + body, scratch.len - body) == -1)
			return -1;
		buf_reset(&scratch);
		body = 0;
	} while (at < len);
	return 0;
}

static int
write_message(const struct spool *sp, const unsigned char *p, size_t len, size_t at)
{
	int	 fds[2], ret;

	if ((fds[0] = open_file(sp, SPOOL_MESSAGE)) == -1)
		return -1;
	if ((fds[1] = open_file(sp, SPOOL_BODY)) == -1)
		return close_file(fds[0], -1);
	if (sp->conf->keep_newlines)
		ret = write_as_it_is(fds, p, len, at);
	else
		ret = write_converted(fds, p, len, at);
	ret = close_file(fds[0], ret);
	return close_file(fds[1], ret);
}

static void
remove_all(struct spool *sp)
{
	int	 f;

	for (f = 0; f < SPOOL_FILES; f++)
		remove_file(sp, (enum spool_file)f);
	if (board != NULL)
		board_drop(board, row, sp->counted);
	sp->counted = 0;
}

/* As if nothing became shorter: a bound that is known before. */
static int
count(struct spool *sp, uint64_t n)
{
	if (board != NULL && !board_keep(board, row, n))
		return 0;
	sp->counted = n;
	return 1;
}

static const char *
failure(const char *why)
{
	static char	 text[160];

	snprintf(text, sizeof(text), "the message could not be put into files: %s", why);
	return text;
}

const char *
spool_write(struct spool *sp)
{
	const unsigned char	*p;
	size_t			 len, at;
	const char		*why = NULL;

	if (sp->store == NULL)
		return NULL;
	if ((p = store_bytes(sp->store)) == NULL)
		return store_error(sp->store);
	len = store_len(sp->store);
	at = store_body_at(sp->store);
	if (!count(sp, (uint64_t)len * 2))
		return failure("spool-limit is reached");
	if (write_headers(sp, p, at) == -1 || write_message(sp, p, len, at) == -1) {
		why = failure(strerror(errno));
		remove_all(sp);
	} else {
		store_release(sp->store);
		sp->store = NULL;
	}
	if (scratch.cap > SCRATCH_KEPT)
		buf_free(&scratch);
	return why;
}

void
spool_free(struct spool *sp)
{
	if (sp == NULL)
		return;
	if (sp->store == NULL)
		remove_all(sp);
	else
		store_release(sp->store);
	free(sp);
}
