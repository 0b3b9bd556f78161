/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/smtp_text.h: the SMTP reply that a filter gives with the milter packet
 * y. Pure.
 */
#ifndef PM_MILTER_SMTP_TEXT_H
#define PM_MILTER_SMTP_TEXT_H

#include "base/buf.h"

/*
 * NULL if Postfix and Sendmail would both use the text unchanged, else what is
 * wrong (a constant text).
 */
const char *smtp_text_check(const char *text);
/* Returns the reply with %% as % and CRLF as LF; the caller frees it. */
char	*smtp_text_plain(const char *text);
/* 1 for a reply that ends the SMTP session: code 421 or 521. */
int	 smtp_text_closes(const char *text);
/*
 * Adds a plain reply in the words of a handler, escaped: "reject 550 5.7.1
 * text", "tempfail ...", "shutdown text".
 */
void	 smtp_text_words(struct buf *out, const char *plain);

#endif
