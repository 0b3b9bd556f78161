/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/spool_file.c: writes one file, over a spare file if there is one.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xmalloc.h"
#include "store/spool_file.h"

#define MAX_SPARES	32

struct spare {
	TAILQ_ENTRY(spare)		 entry;
	const struct spool_dir	*dir;	/* a file made there has the group that may read it */
	unsigned int			 kind;
	char				 name[32];
};
static TAILQ_HEAD(, spare)	 spares = TAILQ_HEAD_INITIALIZER(spares);
static unsigned int		 nspares;
static int			 private_fd = -1;	/* the directory for spare files; -1: none */
static const char		*private_prefix;
static unsigned int		 last_number;

void
spool_file_setup(const char *directory, const char *prefix)
{
	private_prefix = prefix;
	if (directory != NULL)
		private_fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void
spool_file_sweep(int directory, const char *prefix)
{
	struct dirent	*e;
	DIR		*d;
	int		 fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 || (d = fdopendir(fd)) == NULL) {
		log_warn("spool directory");
		if (fd != -1)
			close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 &&
		    unlinkat(directory, e->d_name, 0) == -1)
			log_warn("removing %s", e->d_name);
	(void)closedir(d);
}

void
spool_file_sweep_spares(void)
{
	if (private_fd != -1)
		spool_file_sweep(private_fd, private_prefix);
}

static void
remove_at(int directory, const char *name)
{
	if (unlinkat(directory, name, 0) == -1 && errno != ENOENT)
		log_warn("removing %s", name);
}

/*
 * 1 if nobody else has the file open, or has another name for it, and so nobody
 * can see it change: the kernel grants a lease for writing only then. The lease
 * is given back at once, since a process that opens the file would have to wait
 * for it.
 */
static int
is_ours_alone(struct spool_file *f)
{
	struct stat	 st;

	if (fstat(f->fd, &st) == -1 || st.st_nlink != 1)
		return 0;
	f->had = st.st_size;
	return fcntl(f->fd, F_SETLEASE, F_WRLCK) == 0 && fcntl(f->fd, F_SETLEASE, F_UNLCK) == 0;
}

/* Takes a spare file of this directory and kind from the list. Returns 0 if there is none. */
static int
take_spare_file(struct spool_file *f, const struct spool_dir *dir, unsigned int kind)
{
	struct spare	*sp;

	TAILQ_FOREACH(sp, &spares, entry)
		if (sp->dir == dir && sp->kind == kind)
			break;
	if (sp == NULL)
		return 0;
	memcpy(f->spare, sp->name, sizeof(f->spare));
	TAILQ_REMOVE(&spares, sp, entry);
	nspares--;
	free(sp);
	return 1;
}

int
spool_file_open(struct spool_file *f, const struct spool_dir *dir, unsigned int kind,
    const char *name)
{
	f->has = 0;
	while (take_spare_file(f, dir, kind)) {
		f->fd = openat(private_fd, f->spare, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
		if (f->fd != -1 && is_ours_alone(f))
			return 0;
		if (f->fd != -1)
			close(f->fd);
		remove_at(private_fd, f->spare);
	}
	f->spare[0] = '\0';
	f->had = 0;
	f->fd = openat(dir->fd, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	return f->fd == -1 ? -1 : 0;
}

int
spool_file_write(struct spool_file *f, const void *data, size_t n)
{
	const unsigned char	*p = data;
	ssize_t			 w;

	while (n > 0) {
		if ((w = write(f->fd, p, n)) == -1 && errno == EINTR)
			continue;
		if (w <= 0) {
			if (w == 0)
				errno = ENOSPC;
			return -1;
		}
		p += w;
		n -= (size_t)w;
		f->has += w;
	}
	return 0;
}

/* Gives a spare file that was written over its length and its name. */
static int
publish(const struct spool_file *f, const struct spool_dir *dir, const char *name)
{
	if (f->spare[0] == '\0')
		return 0;
	if (f->has < f->had && ftruncate(f->fd, f->has) == -1)
		return -1;
	return renameat(private_fd, f->spare, dir->fd, name);
}

int
spool_file_close(struct spool_file *f, const struct spool_dir *dir, const char *name,
    int result)
{
	int	 error;

	if (result == 0)
		result = publish(f, dir, name);
	error = errno;
	if (close(f->fd) == -1 && result == 0) {
		result = -1;
		error = errno;
	}
	if (result == -1) {
		remove_at(dir->fd, name);
		if (f->spare[0] != '\0')
			remove_at(private_fd, f->spare);
	}
	errno = error;
	return result;
}

/* Makes a spare file of it. Returns 0 if that is not possible. */
static int
put_away(const struct spool_dir *dir, unsigned int kind, const char *name)
{
	struct spare	*sp;

	if (private_fd == -1 || nspares >= MAX_SPARES)
		return 0;
	sp = xcalloc(1, sizeof(*sp));
	sp->dir = dir;
	sp->kind = kind;
	snprintf(sp->name, sizeof(sp->name), "%s%u", private_prefix, ++last_number);
	if (renameat(dir->fd, name, private_fd, sp->name) == -1) {
		free(sp);
		return 0;
	}
	TAILQ_INSERT_HEAD(&spares, sp, entry);
	nspares++;
	return 1;
}

void
spool_file_remove(const struct spool_dir *dir, unsigned int kind, const char *name,
    size_t size)
{
	if (size > SPOOL_FILE_KEPT || !put_away(dir, kind, name))
		remove_at(dir->fd, name);
}

unsigned int
spool_file_spares(void)
{
	return nspares;
}

unsigned int
spool_file_drop_spares(void)
{
	struct spare	*sp;
	unsigned int	 n = nspares;

	while ((sp = TAILQ_FIRST(&spares)) != NULL) {
		TAILQ_REMOVE(&spares, sp, entry);
		remove_at(private_fd, sp->name);
		free(sp);
	}
	nspares = 0;
	return n;
}
