/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/store.c: a message in memory, and in a file without a name when it
 * grows.
 */
#include "base/compat.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "store/store.h"
#include "base/xmalloc.h"

struct store {
	unsigned int	 owners;
	struct buf	 tail;		/* all bytes, or those that are not in the file */
	int		 fd;		/* -1: no file yet */
	size_t		 in_file;
	void		*map;		/* the file in memory, or NULL */
	size_t		 body_at;
	int		 in_body;
	uint64_t	 counted;	/* bytes, on the board */
	char		 why[100];	/* "": nothing is wrong */
};

static struct board	*board;
static unsigned int	 row;
static int		 directory = -1;	/* for files without a name; -1: none */
static size_t		 in_memory;	/* bytes in the tails of all stores */

void
store_setup(struct board *b, unsigned int engine, const char *where)
{
	board = b;
	row = engine;
	if (directory != -1)
		close(directory);
	directory = -1;
	if (where == NULL)
		return;
	directory = open(where, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory == -1)
		log_warn("%s", where);
}

int
store_directory(void)
{
	return directory;
}

struct store *
store_new(void)
{
	struct store	*st = xcalloc(1, sizeof(*st));

	st->owners = 1;
	st->fd = -1;
	buf_init(&st->tail, STORE_MEMORY);
	return st;
}

struct store *
store_hold(struct store *st)
{
	st->owners++;
	return st;
}

static void
unmap(struct store *st)
{
	if (st->map != NULL)
		munmap(st->map, st->in_file);
	st->map = NULL;
}

/* The store is broken or released: nobody needs its bytes. */
static void
drop_bytes(struct store *st)
{
	unmap(st);
	if (st->fd != -1)
		close(st->fd);
	st->fd = -1;
	in_memory -= st->tail.len;
	buf_free(&st->tail);
	if (board != NULL)
		board_drop(board, row, st->counted);
	st->counted = 0;
}

void
store_release(struct store *st)
{
	if (st == NULL || --st->owners > 0)
		return;
	drop_bytes(st);
	free(st);
}

static void
break_it(struct store *st, const char *why)
{
	snprintf(st->why, sizeof(st->why), "the message could not be kept: %s", why);
	drop_bytes(st);
}

/* Some file systems can't make a file without a name. */
static int
open_and_unlink(void)
{
	char	 name[32];
	int	 fd;

	snprintf(name, sizeof(name), "%u-%08x", row + 1, arc4random());
	fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd != -1)
		(void)unlinkat(directory, name, 0);
	return fd;
}

static int
open_nameless(void)
{
	int	 fd;

	fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd == -1 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		fd = open_and_unlink();
	return fd;
}

/* Appends to the file. Returns 0 if that failed: the store is broken. */
static int
write_file(struct store *st, const unsigned char *p, size_t n)
{
	ssize_t	 w;

	while (n > 0) {
		if ((w = write(st->fd, p, n)) == -1 && errno == EINTR)
			continue;
		if (w <= 0) {
			break_it(st, strerror(w == 0 ? ENOSPC : errno));
			return 0;
		}
		st->in_file += (size_t)w;
		p += w;
		n -= (size_t)w;
	}
	return 1;
}

static int
write_tail(struct store *st)
{
	if (st->fd == -1 && directory == -1) {
		break_it(st, "there is no directory for it");
		return 0;
	}
	if (st->fd == -1 && (st->fd = open_nameless()) == -1) {
		break_it(st, strerror(errno));
		return 0;
	}
	unmap(st);
	if (!write_file(st, st->tail.data, st->tail.len))
		return 0;
	in_memory -= st->tail.len;
	/* What was in memory as a whole would not be filled again. */
	if (st->tail.cap > 2 * STORE_SCARCE)
		buf_free(&st->tail);
	else
		buf_reset(&st->tail);
	return 1;
}

static int
count_bytes(struct store *st, size_t n)
{
	if (n > SIZE_MAX / 2 - store_len(st)) {
		break_it(st, strerror(EFBIG));
		return 0;
	}
	if (board != NULL && !board_keep(board, row, n)) {
		break_it(st, "spool-limit is reached");
		return 0;
	}
	st->counted += n;
	return 1;
}

/* Bytes that this store may still take into memory. */
static size_t
room(const struct store *st)
{
	size_t	 most = STORE_SCARCE;

	if (st->fd == -1 && in_memory < STORE_PLENTY)
		most = STORE_MEMORY;
	return most > st->tail.len ? most - st->tail.len : 0;
}

/* Where memory is short the file takes it. */
static void
add_to_tail(struct store *st, const void *p, size_t n)
{
	buf_add(&st->tail, p, n);
	if (buf_ok(&st->tail)) {
		in_memory += n;
		return;
	}
	st->tail.err = 0;
	if (write_tail(st))
		(void)write_file(st, p, n);
}

void
store_add(struct store *st, const void *p, size_t n)
{
	if (n == 0 || st->why[0] != '\0' || !count_bytes(st, n))
		return;
	if (n > room(st) && !write_tail(st))
		return;
	if (n > room(st))
		(void)write_file(st, p, n);
	else
		add_to_tail(st, p, n);
}

void
store_begin_body(struct store *st)
{
	st->in_body = 1;
	st->body_at = store_len(st);
}

int
store_in_body(const struct store *st)
{
	return st->in_body;
}

size_t
store_body_at(const struct store *st)
{
	return st->body_at;
}

size_t
store_len(const struct store *st)
{
	return st->in_file + st->tail.len;
}

const char *
store_error(const struct store *st)
{
	return st->why[0] == '\0' ? NULL : st->why;
}

const unsigned char *
store_bytes(struct store *st)
{
	if (st->why[0] != '\0')
		return NULL;
	if (st->fd == -1)
		return st->tail.len == 0 ? (const unsigned char *)"" : st->tail.data;
	if (st->tail.len > 0 && !write_tail(st))
		return NULL;
	buf_free(&st->tail);
	if (st->map != NULL)
		return st->map;
	st->map = mmap(NULL, st->in_file, PROT_READ, MAP_SHARED, st->fd, 0);
	if (st->map == MAP_FAILED) {
		st->map = NULL;
		break_it(st, strerror(errno));
		return NULL;
	}
	return st->map;
}
