/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/stale.c: remembers what the files of a command looked like.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>

#include "base/xmalloc.h"
#include "supervisor/stale.h"

/* Members by which two files, or two states of one file, are told apart. */
struct identity {
	int		 known;
	dev_t		 dev;
	ino_t		 ino;
	off_t		 size;
	struct timespec	 mtime, ctime;
};

struct stale {
	char *const	*argv;
	size_t		 n;
	struct identity	*ids;		/* one for each of argv */
};

int
stale_matters(const struct handler_conf *h)
{
	return h->command != NULL &&
	    (h->reuse || h->processes_min > 0 || h->scope != SCOPE_EVENT);
}

struct stale *
stale_new(const struct handler_conf *h)
{
	struct stale	*s = xcalloc(1, sizeof(*s));

	s->argv = h->command;
	while (s->argv[s->n] != NULL)
		s->n++;
	s->ids = xcalloc(s->n, sizeof(*s->ids));
	return s;
}

void
stale_free(struct stale *s)
{
	free(s->ids);
	free(s);
}

static struct identity
look_at_file(const char *path)
{
	struct identity	 id;
	struct stat	 st;

	memset(&id, 0, sizeof(id));
	if (path[0] != '/' || stat(path, &st) == -1 || !S_ISREG(st.st_mode))
		return id;
	id.known = 1;
	id.dev = st.st_dev;
	id.ino = st.st_ino;
	id.size = st.st_size;
	id.mtime = st.st_mtim;
	id.ctime = st.st_ctim;
	return id;
}

static int
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static int
same_identity(const struct identity *a, const struct identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    same_time(&a->mtime, &b->mtime) && same_time(&a->ctime, &b->ctime);
}

void
stale_remember(struct stale *s)
{
	size_t	 i;

	for (i = 0; i < s->n; i++)
		s->ids[i] = look_at_file(s->argv[i]);
}

int
stale_check(struct stale *s)
{
	struct identity	 now;
	size_t		 i;
	int		 changed = 0;

	for (i = 0; i < s->n; i++) {
		now = look_at_file(s->argv[i]);
		if (!now.known)
			continue;
		/*
		 * A file that is new counts as changed: it may have been
		 * missing for a moment at the start.
		 */
		changed |= !s->ids[i].known || !same_identity(&now, &s->ids[i]);
		s->ids[i] = now;
	}
	return changed;
}
