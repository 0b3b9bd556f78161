/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/encode.h: values to milter packets, in both directions. Pure. Each
 * function adds one whole packet to out. What does not fit a packet or out's
 * maximum sets the sticky error of out and adds nothing, so that a caller looks
 * at buf_ok() once before it sends.
 */
#ifndef PM_MILTER_ENCODE_H
#define PM_MILTER_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Both directions: a packet of its code alone, or of its code and raw data. */
void	 milter_enc_simple(struct buf *out, int code);
void	 milter_enc_raw(struct buf *out, int code, const void *data, size_t len);

/*
 * Adds O. symlists has SMFIM_COUNT entries: names of macros with one space
 * between them. NULL in place of the array or of an entry sends no list. The
 * offer of an MTA has none.
 */
void	 milter_enc_optneg(struct buf *out, uint32_t version, uint32_t actions,
	    uint32_t protocol, const char *const *symlists);

/* From the filter to the MTA. */
void	 milter_enc_replycode(struct buf *out, const char *smtp_text);
void	 milter_enc_add_header(struct buf *out, const char *name, const char *value);
void	 milter_enc_insert_header(struct buf *out, uint32_t index, const char *name,
	    const char *value);
/* An empty value deletes the header. */
void	 milter_enc_change_header(struct buf *out, uint32_t index, const char *name,
	    const char *value);
/* Sends '+' if args is NULL, else '2'. */
void	 milter_enc_add_rcpt(struct buf *out, const char *address, const char *args);
void	 milter_enc_del_rcpt(struct buf *out, const char *address);
void	 milter_enc_change_from(struct buf *out, const char *address, const char *args);
void	 milter_enc_quarantine(struct buf *out, const char *reason);
/* Adds as many packets as the data need: one even if len is 0. */
void	 milter_enc_body_replies(struct buf *out, const void *data, size_t len);

/* From the MTA to the filter. */
struct milter_pair {
	const char	*name;
	const char	*value;
};
/* stage: SMFIC_ of the command that the n macros belong to. */
void	 milter_enc_macros(struct buf *out, int stage, const struct milter_pair *, size_t n);
/* family is that of struct milter_cmd; with 'U' no address is sent. */
void	 milter_enc_connect(struct buf *out, const char *host, int family,
	    unsigned int port, const char *address);
void	 milter_enc_helo(struct buf *out, const char *arg);
/* code: SMFIC_MAIL or SMFIC_RCPT. */
void	 milter_enc_envelope(struct buf *out, int code, const char *address,
	    const char *const *args, size_t nargs);
void	 milter_enc_header(struct buf *out, const char *name, const char *value);
void	 milter_enc_unknown(struct buf *out, const char *line);

#endif
