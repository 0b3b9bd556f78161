/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture_judge.h: whether mail has spoken for the handler, or what it
 * says of mail is wrong.
 */
#ifndef PM_TORTURE_JUDGE_H
#define PM_TORTURE_JUDGE_H

#include "torture/proc.h"

#define TORTURE_TWIN_CAUSE	"is a value a part of an expression, a pattern or a query?"

/* An answer as it was read; the lists are the caller's to clear. */
struct torture_reply {
	enum verdict		 verdict;
	struct smtp_reply	 smtp;
	struct action_list	 actions;
};

/* Looks at an answer to an event; from, to: the bytes of p->out that it was. */
void	 torture_judge_reply(struct torture_proc *, const char *where,
	    const struct torture_reply *, size_t from, size_t to);
/*
 * An answer to the header that is sometimes very long (event: its block): it
 * copies short values of it, and is to have the long one too.
 */
void	 torture_judge_copy(struct torture *, const char *where, const struct buf *block,
	    const struct torture_reply *);
/* The line that dec has at hand is none of a reply, and why. */
void	 torture_judge_line(struct torture_proc *, const char *where, const char *why);
/* The text of a refusal, and any other text: what of mail is in it, as it should be or not. */
void	 torture_judge_said(struct torture *, const char *where, const char *text);
void	 torture_judge_text(struct torture *, const char *where, const char *text);
/* Whether commands ran until now. */
void	 torture_judge_canaries(struct torture *, const char *where);
/* Whether a pattern became the name of a file in something that it wrote. */
void	 torture_judge_names(struct torture *, const char *where, const void *text, size_t len);
/*
 * Words that tell a reply from another: its verdict and code, and the actions
 * that go to the MTA with the names of headers. The caller frees it.
 */
char	*torture_signature(const struct torture_reply *);

#endif
