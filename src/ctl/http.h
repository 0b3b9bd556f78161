/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/http.h: one request of HTTP, on standard input and output.
 */
#ifndef PM_CTL_HTTP_H
#define PM_CTL_HTTP_H

#include "base/buf.h"

/* Makes the text; returns 0, or -1: there is none to be had, and that was told. */
typedef int http_make(struct buf *, void *arg);

/*
 * Reads a request, up to an empty line, and answers it: a GET of anything with the text, or 503 if
 * there is none. The peer has 5 s for its request, and 8 KiB. Returns 0, or -1 if the text
 * was asked for and not sent.
 */
int	 http_serve(http_make *, void *arg);

#endif
