/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/apart.c: checks of files that are not root's. The user of a handler can
 * have them on a file system that does not answer, so another process looks at them, and
 * is not waited for longer than some seconds.
 */
#include "base/compat.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/within.h"
#include "base/xmalloc.h"
#include "config/build.h"

#define MISTAKES_MAX	65536	/* bytes */
#define PATIENCE	9000	/* ms, as long as all files answer */
#define PATIENCE_MIN	300

/* Shared with the process. */
struct apart {
	const struct build	*b;
	void			(*fn)(struct build *, void *);
	unsigned int		 patience;	/* that the process has left */
	int			 lost;		/* mistakes found no room */
	size_t			 len;
	char			 mistakes[MISTAKES_MAX];
	uint64_t		 arg[];		/* of fn, and aligned for anything */
};

/* Before each text of a mistake, which ends with a NUL. */
struct head {
	int	 at;
	int	 warning;
};

static void
put(struct apart *a, const struct conf_error *e)
{
	struct head	 head = { e->at, e->warning };
	size_t		 len = strlen(e->text) + 1;

	if (sizeof(head) + len > sizeof(a->mistakes) - a->len) {
		a->lost = 1;
		return;
	}
	memcpy(a->mistakes + a->len, &head, sizeof(head));
	memcpy(a->mistakes + a->len + sizeof(head), e->text, len);
	a->len += sizeof(head) + len;
}

static int
run(void *arg)
{
	struct apart		*a = arg;
	struct conf_errors	 errors = { NULL, 0, 0 };
	struct build		 b = *a->b;
	size_t			 i;

	b.errors = &errors;
	a->fn(&b, a->arg);
	for (i = 0; i < errors.n; i++)
		put(a, &errors.list[i]);
	a->patience = b.patience;
	conf_errors_clear(&errors);
	return 0;
}

static void
take(struct build *b, const struct apart *a)
{
	struct head	 head;
	const char	*p, *text;

	for (p = a->mistakes; p < a->mistakes + a->len; p = text + strlen(text) + 1) {
		memcpy(&head, p, sizeof(head));
		text = p + sizeof(head);
		if (head.warning)
			conf_warning(b->errors, head.at, "%s", text);
		else
			conf_error(b->errors, head.at, "%s", text);
	}
	if (a->lost)
		conf_error(b->errors, 0, "more mistakes than can be told at once");
}

void
conf_apart_begin(struct build *b)
{
	b->patience = PATIENCE;
}

/* Many files that hang together must not take long either. */
void
conf_apart_late(struct build *b)
{
	b->patience = b->patience / 2 > PATIENCE_MIN ? b->patience / 2 : PATIENCE_MIN;
}

int
conf_apart(struct build *b, void (*fn)(struct build *, void *), void *arg, size_t size)
{
	struct apart	*a = xcalloc(1, sizeof(*a) + size);
	int		 ret, error;

	a->b = b;
	a->fn = fn;
	memcpy(a->arg, arg, size);
	ret = within_copy(b->patience, run, a, sizeof(*a) + size);
	error = errno;
	memcpy(arg, a->arg, size);
	if (ret == 0) {
		take(b, a);
		b->patience = a->patience;
	} else if (error == ETIMEDOUT)
		conf_apart_late(b);
	else
		conf_error(b->errors, 0, "files of handlers can't be looked at: %s", strerror(error));
	free(a);
	return ret != 0 && error == ETIMEDOUT ? -1 : 0;
}
