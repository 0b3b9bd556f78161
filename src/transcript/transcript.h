/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * transcript/transcript.h: milter sessions as text, and back: what milter-send
 * -v prints, what the daemon records, and what milter-send --replay plays.
 * Pure.
 *
 * A transcript is a sequence of blocks as pipemilter-handler(7) describes them,
 * one for each packet of the MTA: the line "event NAME", or "report NAME" if no
 * answer follows (abort, disconnect, and events negotiated to have none); the
 * lines of the event; "macro NAME VALUE" for each macro that came with it; and
 * an empty line. After "length N" and the empty line come N bytes as they were
 * sent, and a line feed. After an event comes its answer: action lines, one
 * line with the verdict, an empty line. After "replace-body N" come N bytes and
 * a line feed. An answer that never came is missing.
 *
 * A transcript has more than that page: the first block of a session is
 * "negotiate", with the lines "version", "actions" and "protocol" in block and
 * answer, and "macros STAGE NAMES" in the answer; a header without the space
 * after its colon has a line "no-space"; an empty list of macros is
 * "no-macros", and a list whose event was not sent is "report macros" with a
 * line "stage"; an abort with no message to abort has a line "no-message"; a
 * line that begins with "#" is a remark.
 */
#ifndef PM_TRANSCRIPT_TRANSCRIPT_H
#define PM_TRANSCRIPT_TRANSCRIPT_H

#include "base/buf.h"
#include "milter/decode.h"
#include "milter/encode.h"
#include "milter/proto.h"

/* The writer. */

struct transcript {
	uint32_t	 protocol;	/* agreed SMFIP_ bits; 0 before */
	int		 waiting;	/* SMFIC_ of the command that is answered next, or 0 */
	int		 in_message;
	int		 ended;		/* "disconnect" was written */
	int		 stage;		/* SMFIC_ of macros without an event so far, or 0 */
	struct buf	 macros;	/* their lines */
	struct buf	 body;		/* of replace-body, so far */
	int		 in_body;
};

/* The state before the first session of a connection. */
void	 transcript_init(struct transcript *);
void	 transcript_free(struct transcript *);
/*
 * Begins a new session on the same connection. Keeps what was agreed, and
 * macros without an event.
 */
void	 transcript_next(struct transcript *);
/* Writes a command that was sent, of any kind. */
void	 transcript_command(struct transcript *, const struct milter_cmd *, struct buf *out);
/*
 * Writes an answer that the protocol allows. smtp_text_check() must have
 * accepted the text of a reply code.
 */
void	 transcript_reply(struct transcript *, const struct milter_reply *, struct buf *out);
/* Writes the end of a session that no packet ended. reason: "closed" or "next". */
void	 transcript_end(struct transcript *, const char *reason, struct buf *out);

/* The reader. */

/* A line of an answer. */
struct transcript_line {
	size_t			 line;	/* in the file, from 1 */
	const char		*text;	/* as in the file; its escapes are valid */
	const unsigned char	*body;	/* of replace-body, else NULL */
	size_t			 body_len;
};

/* A block. Members that its command does not have are NULL or 0. */
struct transcript_item {
	size_t			 line;
	int			 command;	/* SMFIC_; SMFIC_MACRO for macros alone */
	int			 wants_reply;	/* the block began with "event" */
	int			 answered;	/* a complete answer follows */
	const char		*text;		/* host, helo, address, header name, command */
	const char		*value;		/* client address, header value */
	int			 family;	/* as in struct milter_cmd */
	unsigned int		 port;
	int			 no_space, no_message, no_macros;
	uint32_t		 version, actions, protocol;	/* of the MTA's offer */
	uint32_t		 agreed;	/* protocol in the answer to the offer */
	int			 closed;	/* the connection closed without a packet */
	int			 stage;		/* SMFIC_ of the macros' command */
	const unsigned char	*data;		/* of the body, len bytes */
	size_t			 len;
	/*
	 * For each array of the file: the index of the first that is ours, and
	 * how many.
	 */
	size_t			 arg, nargs;
	size_t			 macro, nmacros;
	size_t			 reply, nreply;
};

struct transcript_file {
	char			*text;		/* all strings point into it */
	struct transcript_item	*items;
	size_t			 nitems;
	const char		**args;
	size_t			 nargs;
	struct milter_pair	*macros;	/* names with braces */
	size_t			 nmacros;
	struct transcript_line	*replies;
	size_t			 nreplies;
};

/*
 * Parses len bytes. Takes over text (malloc'd, with one byte more after them),
 * also if it fails. Returns 0, or -1 with the line and *why (a constant text).
 * If it returns 0, each block is plausible after the one before and fits its
 * packets, and each session begins with "negotiate". Call
 * transcript_file_free() in both cases.
 */
int	 transcript_parse(struct transcript_file *, char *text, size_t len,
	    size_t *line, const char **why);
/*
 * Parses an answer alone, as it follows a block. Takes over text and returns as
 * transcript_parse() does.
 */
int	 transcript_parse_answer(struct transcript_file *, char *text, size_t len);
void	 transcript_file_free(struct transcript_file *);
/*
 * Adds the packets of a block, first its macros. protocol: what was agreed.
 * Adds nothing for a connection that was closed.
 */
void	 transcript_encode(const struct transcript_file *, const struct transcript_item *,
	    uint32_t protocol, struct buf *out);
/* Adds the macros of a block alone. */
void	 transcript_encode_macros(const struct transcript_file *,
	    const struct transcript_item *, struct buf *out);
/* 1 if a line can hold this name of a macro: no blanks and no control characters. */
int	 transcript_is_word(const char *);

#endif
