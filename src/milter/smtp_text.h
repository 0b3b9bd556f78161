/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/smtp_text.h: the SMTP reply that a filter gives with the packet y.
 */
#ifndef PM_MILTER_SMTP_TEXT_H
#define PM_MILTER_SMTP_TEXT_H

#include "base/buf.h"

/* NULL if both Postfix and Sendmail would use it as it is, else what is wrong. */
const char *smtp_text_check(const char *text);
/* The reply with each %% made % and CRLF made LF; the caller frees it. */
char	*smtp_text_plain(const char *text);
/* 1 for a reply that ends the SMTP session: 421 or 521. */
int	 smtp_text_closes(const char *text);
/*
 * A plain reply as a handler would have written it: "reject 550 5.7.1 text",
 * "tempfail ...", "shutdown text", escaped.
 */
void	 smtp_text_words(struct buf *out, const char *plain);

#endif
