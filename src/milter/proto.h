/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/proto.h: the numbers of the milter protocol, versions 2 to 6
 * (Sendmail's include/libmilter/mfdef.h and mfapi.h).
 */
#ifndef PM_MILTER_PROTO_H
#define PM_MILTER_PROTO_H

#define MILTER_VERSION		6
#define MILTER_VERSION_MIN	2
/* The most bytes that a packet has after its command byte; we never negotiate more. */
#define MILTER_MAX_DATA		65535
#define MILTER_HEADER_LEN	4	/* the length field in front of each packet */
#define MILTER_MAX_MACROS	50	/* in one list; Sendmail accepts no more */

/* from the MTA to the filter */
#define SMFIC_ABORT	'A'
#define SMFIC_BODY	'B'
#define SMFIC_CONNECT	'C'
#define SMFIC_MACRO	'D'
#define SMFIC_BODYEOB	'E'
#define SMFIC_HELO	'H'
#define SMFIC_QUIT_NC	'K'
#define SMFIC_HEADER	'L'
#define SMFIC_MAIL	'M'
#define SMFIC_EOH	'N'
#define SMFIC_OPTNEG	'O'
#define SMFIC_QUIT	'Q'
#define SMFIC_RCPT	'R'
#define SMFIC_DATA	'T'
#define SMFIC_UNKNOWN	'U'

/* from the filter to the MTA */
#define SMFIR_ADDRCPT		'+'
#define SMFIR_DELRCPT		'-'
#define SMFIR_ADDRCPT_PAR	'2'
#define SMFIR_ACCEPT		'a'
#define SMFIR_REPLBODY		'b'
#define SMFIR_CONTINUE		'c'
#define SMFIR_DISCARD		'd'
#define SMFIR_CHGFROM		'e'
#define SMFIR_ADDHEADER		'h'
#define SMFIR_INSHEADER		'i'
#define SMFIR_CHGHEADER		'm'
#define SMFIR_PROGRESS		'p'
#define SMFIR_QUARANTINE	'q'
#define SMFIR_REJECT		'r'
#define SMFIR_SKIP		's'
#define SMFIR_TEMPFAIL		't'
#define SMFIR_REPLYCODE		'y'
/* Postfix obeys it. We send a 421 reply instead, but milter-send knows it. */
#define SMFIR_SHUTDOWN		'4'

/* what the filter may do at the end of a message */
#define SMFIF_ADDHDRS		0x00000001u
#define SMFIF_CHGBODY		0x00000002u
#define SMFIF_ADDRCPT		0x00000004u
#define SMFIF_DELRCPT		0x00000008u
#define SMFIF_CHGHDRS		0x00000010u
#define SMFIF_QUARANTINE	0x00000020u
#define SMFIF_CHGFROM		0x00000040u
#define SMFIF_ADDRCPT_PAR	0x00000080u
#define SMFIF_SETSYMLIST	0x00000100u
#define SMFIF_V1		0x0000000fu
#define SMFIF_V2		0x0000003fu
#define SMFIF_V6		0x000001ffu

/* which events the MTA sends, and which of them the filter answers */
#define SMFIP_NOCONNECT		0x00000001u
#define SMFIP_NOHELO		0x00000002u
#define SMFIP_NOMAIL		0x00000004u
#define SMFIP_NORCPT		0x00000008u
#define SMFIP_NOBODY		0x00000010u
#define SMFIP_NOHDRS		0x00000020u
#define SMFIP_NOEOH		0x00000040u
#define SMFIP_NR_HDR		0x00000080u
#define SMFIP_NOUNKNOWN		0x00000100u
#define SMFIP_NODATA		0x00000200u
#define SMFIP_SKIP		0x00000400u
#define SMFIP_RCPT_REJ		0x00000800u
#define SMFIP_NR_CONN		0x00001000u
#define SMFIP_NR_HELO		0x00002000u
#define SMFIP_NR_MAIL		0x00004000u
#define SMFIP_NR_RCPT		0x00008000u
#define SMFIP_NR_DATA		0x00010000u
#define SMFIP_NR_UNKN		0x00020000u
#define SMFIP_NR_EOH		0x00040000u
#define SMFIP_NR_BODY		0x00080000u
#define SMFIP_HDR_LEADSPC	0x00100000u
#define SMFIP_V1		0x0000003fu
#define SMFIP_V2		0x0000007fu
#define SMFIP_V6		0x001fffffu
/* libmilter keeps these bits for itself; a filter must not answer them. */
#define SMFI_INTERNAL		0xf0000000u

/*
 * Stages of the macro lists in an answer to O. They are not in the order of the
 * events.
 */
#define SMFIM_CONNECT	0
#define SMFIM_HELO	1
#define SMFIM_MAIL	2
#define SMFIM_RCPT	3
#define SMFIM_DATA	4
#define SMFIM_EOM	5
#define SMFIM_EOH	6
#define SMFIM_COUNT	7

#endif
