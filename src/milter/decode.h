/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/decode.h: milter packets to values, in both directions. Pure. Nothing
 * is copied: every pointer points into the packet and lives as long as the
 * packet does.
 */
#ifndef PM_MILTER_DECODE_H
#define PM_MILTER_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"

struct milter_packet {
	uint8_t			 code;	/* SMFIC_ or SMFIR_ */
	const unsigned char	*data;
	size_t			 len;	/* of data, 0 to MILTER_MAX_DATA */
};

enum milter_frame {
	MILTER_FRAME_MORE,	/* not all bytes of a packet are there */
	MILTER_FRAME_OK,
	MILTER_FRAME_BAD	/* a length of 0 or above 65536 */
};

/*
 * Looks for one whole packet at the front of len bytes. OK sets *pkt and *used
 * (bytes of the packet with its length field). BAD is found from the length
 * field alone, before more bytes come.
 */
enum milter_frame milter_frame(const void *p, size_t len, struct milter_packet *pkt,
    size_t *used);

/* A command of the MTA. Strings end with a NUL inside the packet. */
struct milter_cmd {
	uint8_t	 code;		/* SMFIC_ */
	union {
		struct {
			uint32_t	 version;
			uint32_t	 actions;
			uint32_t	 protocol;
		} optneg;
		struct {
			uint8_t		 stage;	/* SMFIC_ of the macros' command */
			struct rd	 pairs;	/* for milter_next_macro() */
		} macro;
		struct {
			const char	*host;
			uint8_t		 family;	/* '4' '6' 'L' 'U' */
			uint16_t	 port;		/* host order; 0 if none */
			const char	*address;	/* as sent; NULL with 'U' */
		} connect;
		struct {
			const char	*arg;
		} helo;
		struct {
			const char	*address;
			struct rd	 args;	/* for milter_next_arg() */
		} envelope;			/* mail and rcpt */
		struct {
			const char	*name;	/* not empty */
			const char	*value;
		} header;
		struct {
			const unsigned char	*data;
			size_t			 len;
		} body;				/* B, and E if it has data */
		struct {
			const char	*line;
		} unknown;
	} u;
};

/*
 * Decodes a command. Returns 0, or -1 with *why (a constant text of a few
 * words). Errors: an unknown command, missing data, a string without its NUL, a
 * header without a name, O of fewer than 12 bytes, and B without a byte. Bytes
 * after the needed ones are ignored.
 */
int	 milter_dec_cmd(const struct milter_packet *, struct milter_cmd *, const char **why);

/*
 * Gives the next pair of a macro command: 1 and the strings, or 0 at the end. A
 * name without a value, or a string without its NUL, is the end.
 */
int	 milter_next_macro(struct rd *pairs, const char **name, const char **value);
/* Gives the next parameter of MAIL or RCPT, or NULL. */
const char *milter_next_arg(struct rd *args);

/* A reply of the filter, for the programs that play the MTA. Letters are SMFIR_ codes. */
struct milter_reply {
	uint8_t		 code;		/* SMFIR_, or SMFIC_OPTNEG for an answer to O */
	uint32_t	 index;		/* of i and m */
	const char	*name;		/* of h, i and m; NULL elsewhere */
	const char	*text;		/* value, address, reply text or reason */
	const char	*args;		/* of e and 2; NULL if absent */
	const unsigned char *body;	/* of b */
	size_t		 body_len;
	uint32_t	 version, actions, protocol;	/* of O */
	struct rd	 symlists;	/* of O, for milter_next_symlist() */
};

/*
 * Decodes a reply, as strictly as Postfix does. Returns 0, or -1 with *why (a
 * constant text). Errors: a reply that no MTA knows, data in a reply that has
 * none, a missing NUL, and bytes that are left over.
 */
int	 milter_dec_reply(const struct milter_packet *, struct milter_reply *, const char **why);
/* Gives the next macro list of an answer to O: 1, 0 at the end, -1 if it is damaged. */
int	 milter_next_symlist(struct rd *, uint32_t *stage, const char **names);

#endif
