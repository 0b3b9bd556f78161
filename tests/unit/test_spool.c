/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* store/spool.h: files that are written over are never seen to change. */

#include "base/compat.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/spool.h"
#include "store/spool_file.h"
#include "tap.h"

#define LIMIT	(1024u * 1024)

static struct conf	 conf;
static struct handler_conf handlers[2];
static struct spool_dir	 dirs[2];
static char		*spare_directory;
static struct board	*board;
static char		 base[] = "/tmp/test_spool.XXXXXX";

static char *
directory(const char *name)
{
	char	*path;

	if (asprintf(&path, "%s/%s", base, name) == -1 || mkdir(path, 0700) == -1)
		abort();
	return path;
}

static struct spool *
written(unsigned int handler, const char *body, const char *id)
{
	static const char	 headers[] = "A: b\r\n c\r\n\r\n";
	struct store		*st = store_new();
	struct spool		*sp;
	char			 why[SPOOL_WHY];

	store_add(st, headers, sizeof(headers) - 1);
	store_begin_body(st);
	store_add(st, body, strlen(body));
	sp = spool_new(&handlers[handler], st, id);
	store_release(st);
	if (spool_write(sp, why) == 0)
		return sp;
	spool_free(sp);
	return NULL;
}

static int
holds(int fd, const char *text)
{
	char	 got[256];
	ssize_t	 n = pread(fd, got, sizeof(got), 0);

	return n == (ssize_t)strlen(text) && memcmp(got, text, (size_t)n) == 0;
}

static int
has(const struct spool *sp, enum spool_kind k, const char *text)
{
	char	 path[SPOOL_PATH];
	int	 fd = open(spool_path(sp, k, path), O_RDONLY), ret;

	if (fd == -1)
		return 0;
	ret = holds(fd, text);
	close(fd);
	return ret;
}

static ino_t
inode(const struct spool *sp)
{
	struct stat	 st;
	char		 path[SPOOL_PATH];

	return stat(spool_path(sp, SPOOL_BODY, path), &st) == 0 ? st.st_ino : 0;
}

/* A file system without leases has no file written over. */
static int
leases(void)
{
	int	 fd = openat(dirs[0].fd, "probe", O_WRONLY | O_CREAT, 0600), ret;

	ret = fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
	close(fd);
	unlinkat(dirs[0].fd, "probe", 0);
	return ret;
}

static void
test_contents(void)
{
	struct spool	*sp = written(0, "x\r\ny\r", "id.1");
	char		 path[SPOOL_PATH], why[SPOOL_WHY];

	CHECK(has(sp, SPOOL_MESSAGE, "A: b\n c\n\nx\ny\r"), "the message");
	CHECK(has(sp, SPOOL_HEADERS, "A: b c\n"), "its headers");
	CHECK(has(sp, SPOOL_BODY, "x\ny\r"), "its body");
	CHECK(spool_write(sp, why) == 0, "nothing is written twice");
	(void)spool_path(sp, SPOOL_BODY, path);
	spool_free(sp);
	CHECK(access(path, F_OK) == -1, "they go");
	sp = written(1, "x\r\ny\r", "id.1");
	CHECK(has(sp, SPOOL_MESSAGE, "A: b\r\n c\r\n\r\nx\r\ny\r"), "bytes as they are");
	CHECK(has(sp, SPOOL_HEADERS, "A: b c\r\n"), "but no fold");
	spool_free(sp);
}

static void
test_over(void)
{
	struct spool	*sp;
	ino_t		 first, other;

	spool_file_drop_spares();
	sp = written(0, "a long body\r\n", "id.2");
	first = inode(sp);
	spool_free(sp);
	CHECK(spool_file_spares() == SPOOL_KINDS, "files are put away");
	sp = written(1, "of another handler", "id.3");
	other = inode(sp);
	CHECK(other != first, "not for another handler, whose group is another");
	spool_free(sp);
	sp = written(0, "short", "id.4");
	CHECK(!leases() || inode(sp) == first, "the next message is written over them");
	CHECK(has(sp, SPOOL_BODY, "short") && has(sp, SPOOL_HEADERS, "A: b c\n") &&
	    has(sp, SPOOL_MESSAGE, "A: b\n c\n\nshort"), "and nothing of the last is left");
	spool_free(sp);
	CHECK(spool_file_drop_spares() == 2 * SPOOL_KINDS, "they go all together");
}

/* A process that goes on reading what it has opened. */
static void
test_open(void)
{
	struct spool	*sp = written(0, "first", "id.5");
	char		 path[SPOOL_PATH];
	int		 fd = open(spool_path(sp, SPOOL_BODY, path), O_RDONLY);
	char		 kept[256];

	spool_free(sp);
	sp = written(0, "second", "id.6");
	CHECK(has(sp, SPOOL_BODY, "second"), "the next one is what it should be");
	CHECK(holds(fd, "first"), "and a file that somebody has open is not touched");
	close(fd);
	snprintf(kept, sizeof(kept), "%s/kept", base);
	if (link(spool_path(sp, SPOOL_BODY, path), kept) == -1)
		abort();
	spool_free(sp);
	sp = written(0, "third", "id.7");
	fd = open(kept, O_RDONLY);
	CHECK(holds(fd, "second"), "nor one that has another name");
	close(fd);
	unlink(kept);
	spool_free(sp);
}

static void
test_limit(void)
{
	char		*body = malloc(LIMIT / 3);
	struct spool	*sp, *more;

	memset(body, 'x', LIMIT / 3);
	body[LIMIT / 3 - 100] = '\0';
	sp = written(0, body, "id.8");
	CHECK(sp != NULL, "within the limit");
	more = written(0, body, "id.9");
	CHECK(more == NULL, "beyond it nothing is written");
	spool_free(sp);
	sp = written(0, body, "id.10");
	CHECK(sp != NULL, "what is gone does not count");
	spool_free(sp);
	free(body);
	CHECK(board_keep(board, 0, LIMIT), "nothing counts in the end");
	board_drop(board, 0, LIMIT);
}

static void
make(const char *name)
{
	close(openat(dirs[0].fd, name, O_WRONLY | O_CREAT, 0600));
}

static void
test_sweep(void)
{
	make("1-old.body");
	make("11-of.another");
	spool_sweep();
	CHECK(faccessat(dirs[0].fd, "1-old.body", F_OK, 0) == -1,
	    "what an engine of this number left goes");
	CHECK(unlinkat(dirs[0].fd, "11-of.another", 0) == 0, "but that of no other");
}

int
main(void)
{
	unsigned int	 i;

	if (mkdtemp(base) == NULL)
		return 1;
	conf.engines = 1;
	conf.spool_limit = LIMIT;
	conf.handlers = handlers;
	conf.nhandlers = nitems(handlers);
	spare_directory = directory("private");
	board = board_new(&conf);
	for (i = 0; i < nitems(handlers); i++) {
		handlers[i].spool = 1;
		dirs[i].path = directory(i == 0 ? "lf" : "crlf");
		dirs[i].fd = open(dirs[i].path, O_RDONLY | O_DIRECTORY);
	}
	handlers[1].keep_newlines = 1;
	store_setup(board, 0, spare_directory);
	spool_setup(&conf, dirs, spare_directory, board, 0, 0);
	test_contents();
	test_over();
	test_open();
	test_limit();
	spool_file_drop_spares();
	test_sweep();
	CHECK(rmdir(spare_directory) == 0 && rmdir(dirs[0].path) == 0 &&
	    rmdir(dirs[1].path) == 0 && rmdir(base) == 0, "nothing is left");
	for (i = 0; i < nitems(handlers); i++) {
		close(dirs[i].fd);
		free(dirs[i].path);
	}
	free(spare_directory);
	return tap_done();
}
