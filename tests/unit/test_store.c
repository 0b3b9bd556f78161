/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* store/store.h: what went in comes out, whatever its size; and no byte is kept uncounted. */

#include "base/compat.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"
#include "tap.h"

#define LIMIT	(4u * 1024 * 1024)

static char		 directory[] = "/tmp/test_store.XXXXXX";
static struct board	*board;

static unsigned char
byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

/* size bytes, step at a time. */
static struct store *
filled(size_t size, size_t step)
{
	struct store	*st = store_new();
	unsigned char	*bytes = malloc(step);
	size_t		 i, n, at;

	for (at = 0; at < size; at += n) {
		n = size - at < step ? size - at : step;
		for (i = 0; i < n; i++)
			bytes[i] = byte_at(at + i);
		store_add(st, bytes, n);
	}
	free(bytes);
	return st;
}

static int
is_whole(struct store *st, size_t size)
{
	const unsigned char	*p = store_bytes(st);
	size_t			 i;

	if (p == NULL || store_len(st) != size || store_error(st) != NULL)
		return 0;
	for (i = 0; i < size; i++)
		if (p[i] != byte_at(i))
			return 0;
	return 1;
}

static unsigned int
files_in_directory(void)
{
	DIR		*d = opendir(directory);
	struct dirent	*e;
	unsigned int	 n = 0;

	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static int
first_free_fd(void)
{
	int	 fd = dup(0);

	close(fd);
	return fd;
}

static void
test_sizes(void)
{
	static const size_t	 sizes[] = { 0, 1, STORE_MEMORY - 1, STORE_MEMORY,
	    STORE_MEMORY + 1, 1000003 };
	static const size_t	 steps[] = { 1, 997, STORE_MEMORY, STORE_MEMORY + 1, 200000 };
	struct store		*st;
	size_t			 i, j, wrong = 0;
	int			 fd = first_free_fd();

	for (i = 0; i < nitems(sizes); i++)
		for (j = 0; j < nitems(steps); j++) {
			st = filled(sizes[i], steps[j]);
			wrong += !is_whole(st, sizes[i]) || !is_whole(st, sizes[i]);
			store_release(st);
		}
	CHECK(wrong == 0, "what went in comes out, in memory and in a file");
	CHECK(first_free_fd() == fd, "no descriptor is left");
}

static void
test_growing(void)
{
	struct store	*st = filled(STORE_MEMORY + 5, 100);
	unsigned char	 next = byte_at(STORE_MEMORY + 5);

	CHECK(is_whole(st, STORE_MEMORY + 5), "one that is looked at");
	store_add(st, &next, 1);
	CHECK(is_whole(st, STORE_MEMORY + 6), "may grow then");
	store_release(st);
}

static void
test_file(void)
{
	struct store	*st;
	int		 fd = first_free_fd();
	struct stat	 sb;

	st = filled(STORE_MEMORY, 1000);
	CHECK(first_free_fd() == fd, "a small one is no file");
	store_release(st);
	st = filled(STORE_MEMORY + 1, 1000);
	CHECK(fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) && sb.st_nlink == 0,
	    "a larger one is a file without a name");
	CHECK((sb.st_mode & 0777) == 0600, "that nobody else can read");
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "and that no program inherits");
	CHECK(files_in_directory() == 0, "its directory is empty");
	store_hold(st);
	store_release(st);
	CHECK(is_whole(st, STORE_MEMORY + 1), "it lives as long as somebody holds it");
	store_release(st);
	CHECK(first_free_fd() == fd, "and no longer");
}

/* With as much in memory as it may be, a small message is a file. */
static void
test_scarce(void)
{
	struct store	*large[STORE_PLENTY / STORE_MEMORY], *small;
	int		 fd = first_free_fd();
	size_t		 i;

	store_setup(NULL, 0, directory);
	for (i = 0; i < nitems(large); i++)
		large[i] = filled(STORE_MEMORY, 50000);
	CHECK(first_free_fd() == fd, "there is memory for many");
	small = filled(STORE_SCARCE + 1, 50000);
	CHECK(first_free_fd() != fd, "when that is taken a file begins sooner");
	CHECK(is_whole(small, STORE_SCARCE + 1), "and is whole");
	store_release(small);
	small = filled(STORE_SCARCE, 1000);
	CHECK(first_free_fd() == fd, "but some is for everybody");
	store_release(small);
	for (i = 0; i < nitems(large); i++)
		store_release(large[i]);
	small = filled(STORE_SCARCE + 1, 50000);
	CHECK(first_free_fd() == fd, "memory that is free again is used");
	store_release(small);
	store_setup(board, 0, directory);
}

static void
test_body(void)
{
	struct store	*st = store_new();

	CHECK(!store_in_body(st), "headers come first");
	store_add(st, "A: b\r\n\r\n", 8);
	store_begin_body(st);
	store_add(st, "text", 4);
	CHECK(store_in_body(st) && store_body_at(st) == 8, "where the body begins is known");
	store_release(st);
}

/* Many of these may be on their way at the same time. */
static void
test_memory_of_files(void)
{
#ifdef HAVE_MALLINFO2
	struct mallinfo2	 before = mallinfo2(), after;
	struct store		*st = filled(STORE_MEMORY + 1, 50000);

	after = mallinfo2();
	CHECK(after.uordblks + after.hblkhd < before.uordblks + before.hblkhd + 4 * STORE_SCARCE,
	    "what is in a file takes no memory");
	store_release(st);
#endif
}

static void
test_limit(void)
{
	struct store	*a = filled(LIMIT - 10, 100000), *b = filled(10, 1), *c;

	CHECK(is_whole(a, LIMIT - 10) && is_whole(b, 10), "to the last byte of the limit");
	store_add(b, "x", 1);
	CHECK(store_error(b) != NULL && strstr(store_error(b), "spool-limit") != NULL,
	    "one byte more breaks that store");
	CHECK(store_bytes(b) == NULL, "and there is nothing of it");
	CHECK(store_error(a) == NULL, "but no other one");
	store_add(b, "x", 1);
	CHECK(store_error(b) != NULL, "it stays broken");
	CHECK(board_keep(board, 1, 10) && !board_keep(board, 1, 1),
	    "its bytes are free for others, of another engine too");
	board_drop(board, 1, 10);
	store_release(a);
	store_release(b);
	c = filled(LIMIT, 500000);
	CHECK(is_whole(c, LIMIT), "and so are those of one that is released");
	store_release(c);
	CHECK(board_keep(board, 0, LIMIT), "nothing is counted any more");
	board_forget(board, 0);
	CHECK(board_keep(board, 1, LIMIT), "nor for an engine that is gone");
	board_drop(board, 1, LIMIT);
}

/* As on a disk that is full. */
static void
test_full(void)
{
	struct rlimit	 old, small;
	struct store	*st;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 100000;
	setrlimit(RLIMIT_FSIZE, &small);
	st = filled(STORE_MEMORY + 200000, 1000);
	setrlimit(RLIMIT_FSIZE, &old);
	CHECK(store_error(st) != NULL && strstr(store_error(st), "File too large") != NULL,
	    "a write that fails breaks it");
	CHECK(store_bytes(st) == NULL, "nothing of it is given out");
	store_release(st);
	CHECK(board_keep(board, 0, LIMIT), "and nothing of it is counted");
	board_drop(board, 0, LIMIT);
}

static void
test_no_directory(void)
{
	struct store	*st;

	store_setup(board, 0, "/nonexistent/directory");
	st = filled(STORE_MEMORY + 1, 100);
	CHECK(store_error(st) != NULL, "a directory that is gone breaks it");
	store_release(st);
	store_setup(NULL, 0, NULL);
	st = filled(STORE_MEMORY + 1, 100);
	CHECK(store_error(st) != NULL, "and so does none");
	store_release(st);
	st = filled(STORE_MEMORY, 100);
	CHECK(is_whole(st, STORE_MEMORY), "what fits the memory needs none");
	store_release(st);
}

int
main(void)
{
	static struct listen_conf	 listens[1];
	struct conf			 conf;

	memset(&conf, 0, sizeof(conf));
	conf.listens = listens;
	conf.engines = 2;
	conf.nlistens = 1;
	conf.spool_limit = LIMIT;
	board = board_new(&conf);
	if (mkdtemp(directory) == NULL)
		return 1;
	store_setup(board, 0, directory);
	test_sizes();
	test_growing();
	test_file();
	test_scarce();
	test_memory_of_files();
	test_body();
	test_limit();
	test_full();
	test_no_directory();
	rmdir(directory);
	return tap_done();
}
