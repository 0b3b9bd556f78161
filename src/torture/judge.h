/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/judge.h: whether a reply shows that the handler is wrong: mail spoke
 * for it, it ran commands of mail, or it changed values of mail.
 */
#ifndef PM_TORTURE_JUDGE_H
#define PM_TORTURE_JUDGE_H

#include "torture/proc.h"

#define TORTURE_TWIN_CAUSE	"is a value a part of an expression, a pattern or a query?"

/* A reply as it was read. The caller clears its lists. */
struct torture_reply {
	enum verdict		 verdict;
	struct smtp_reply	 smtp;
	struct action_list	 actions;
};

/* Judges a reply to an event. from, to: its bytes in p->out. */
void	 torture_judge_reply(struct torture_proc *, const char *where,
	    const struct torture_reply *, size_t from, size_t to);
/*
 * Judges a reply to the header that is sometimes very long; block is its block.
 * A handler that copies short values of it must copy a long value too.
 */
void	 torture_judge_copy(struct torture *, const char *where, const struct buf *block,
	    const struct torture_reply *);
/* Tells of a wrong line, the last that p->dec read. why: a constant text. */
void	 torture_judge_line(struct torture_proc *, const char *where, const char *why);
/*
 * Judge the text of a refusal, and any other text: does it have values of mail,
 * and are they unchanged?
 */
void	 torture_judge_said(struct torture *, const char *where, const char *text);
void	 torture_judge_text(struct torture *, const char *where, const char *text);
/* Tells if commands in mail have run so far, and removes their traces. */
void	 torture_judge_canaries(struct torture *, const char *where);
/* Tells if the handler wrote the name of a file in place of a pattern in mail. */
void	 torture_judge_names(struct torture *, const char *where, const void *text, size_t len);
/*
 * Words that tell one reply from another: its verdict and code, and the actions
 * that go to the MTA with the names of headers. The caller frees them.
 */
char	*torture_signature(const struct torture_reply *);

#endif
