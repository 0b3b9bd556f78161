/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * transcript/transcript.h: milter sessions as text, and back: what milter-send -v prints,
 * the daemon records, and milter-send --replay plays.
 *
 * It is a sequence of blocks as pipemilter-handler(7) describes them, one for
 * each packet of the MTA: the line "event NAME", or "report NAME" where no
 * answer follows (abort, disconnect, and events negotiated as needing none),
 * the lines of the event, "macro NAME VALUE" for each macro that came with
 * it, and an empty line. Behind "length N" and the empty line stand N bytes as
 * they were sent, and a line feed. An event is followed by its answer: action
 * lines, one line with the verdict, an empty line. Behind "replace-body N"
 * stand N bytes and a line feed. An answer that never came is missing.
 *
 * Beyond that page: the first block of a session is "negotiate", with the
 * lines "version", "actions" and "protocol" in block and answer, and "macros
 * STAGE NAMES" in the answer; a header without the space behind its colon has
 * a line "no-space"; a list of macros that is empty is "no-macros", and one
 * whose event was not sent is "report macros" with a line "stage"; an abort
 * with no message to abort has a line "no-message"; a line that begins with
 * "#" is a remark.
 */
#ifndef PM_TRANSCRIPT_TRANSCRIPT_H
#define PM_TRANSCRIPT_TRANSCRIPT_H

#include "base/buf.h"
#include "milter/decode.h"
#include "milter/encode.h"
#include "milter/proto.h"

/* Writer */

struct transcript {
	uint32_t	 protocol;	/* agreed; 0 before */
	int		 waiting;	/* SMFIC_ whose answer comes next, or 0 */
	int		 in_message;
	int		 ended;		/* "disconnect" was written */
	int		 stage;		/* SMFIC_ of macros that wait for their event, or 0 */
	struct buf	 macros;	/* their lines */
	struct buf	 body;		/* pieces of replace-body so far */
	int		 in_body;
};

void	 transcript_init(struct transcript *);
void	 transcript_free(struct transcript *);
/* A new session on the same connection: what was agreed and the macros that wait stay. */
void	 transcript_next(struct transcript *);
/* A command that was sent, of any kind. */
void	 transcript_command(struct transcript *, const struct milter_cmd *, struct buf *out);
/*
 * An answer that the protocol allows: the text of a reply code is one that
 * both MTAs take (smtp_text_check() has nothing against it).
 */
void	 transcript_reply(struct transcript *, const struct milter_reply *, struct buf *out);
/* The session ended with no packet that says so: reason "closed" or "next". */
void	 transcript_end(struct transcript *, const char *reason, struct buf *out);

/* Reader */

/* A line of an answer. */
struct transcript_line {
	size_t			 line;	/* of the file, from 1 */
	const char		*text;	/* as it stands, with escapes that can be undone */
	const unsigned char	*body;	/* of replace-body; else NULL */
	size_t			 body_len;
};

/* A block. What does not belong to its command is NULL or 0. */
struct transcript_item {
	size_t			 line;
	int			 command;	/* SMFIC_; MACRO for macros alone */
	int			 wants_reply;	/* "event" */
	int			 answered;	/* a whole answer follows */
	const char		*text;		/* host, helo, address, header name, command */
	const char		*value;		/* client address, header value */
	int			 family;	/* as in struct milter_cmd */
	unsigned int		 port;
	int			 no_space, no_message, no_macros;
	uint32_t		 version, actions, protocol;	/* offered */
	uint32_t		 agreed;	/* protocol in the answer to it */
	int			 closed;	/* disconnected without a packet */
	int			 stage;		/* SMFIC_ of the macros */
	const unsigned char	*data;		/* of the body */
	size_t			 len;
	/* numbers of the first, in the arrays of all, and how many */
	size_t			 arg, nargs;
	size_t			 macro, nmacros;
	size_t			 reply, nreply;
};

struct transcript_file {
	char			*text;		/* pointed into */
	struct transcript_item	*items;
	size_t			 nitems;
	const char		**args;
	size_t			 nargs;
	struct milter_pair	*macros;	/* with braces */
	size_t			 nmacros;
	struct transcript_line	*replies;
	size_t			 nreplies;
};

/*
 * Takes len bytes (malloc'd, with a byte more behind them) for its own, even
 * if it fails. Returns 0, or -1 with the line and, in why, a constant text.
 * What it returns is plausible for one block after the other, each fits its
 * packets, and each session begins with "negotiate". transcript_file_free()
 * in any case.
 */
int	 transcript_parse(struct transcript_file *, char *text, size_t len,
	    size_t *line, const char **why);
/* An answer alone, as it follows a block; as above. */
int	 transcript_parse_answer(struct transcript_file *, char *text, size_t len);
void	 transcript_file_free(struct transcript_file *);
/*
 * The packets of a block, those of its macros first; protocol is what was
 * agreed. Nothing for a connection that was closed.
 */
void	 transcript_encode(const struct transcript_file *, const struct transcript_item *,
	    uint32_t protocol, struct buf *out);
/* The macros of a block alone. */
void	 transcript_encode_macros(const struct transcript_file *,
	    const struct transcript_item *, struct buf *out);
/* 1 for a macro's name that can stand in a line: no blanks, no control characters. */
int	 transcript_is_word(const char *);

#endif
