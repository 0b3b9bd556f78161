/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/known.h: what the processes of the handlers were told of a session.
 *
 * A process that serves several events keeps what it read in earlier blocks, so a block
 * says only what is new to it. Each fact therefore has a set `told': the handlers, a bit
 * each by index, whose process knows the fact as it is now. Client, HELO name, sender,
 * each recipient, each stage of macros and each value of the context are facts.
 *
 * Two sets in the session follow from them:
 *   changed  some fact may be new to the process of these handlers
 *   again    the process of these handlers knows what is no longer true, and no line of
 *            a block can say so: its next block is a complete one
 * Code that changes a fact calls one of the functions here, which keep both sets. The writer
 * of a block (block/block.h) adds its reader to `told' of each fact that it has written.
 */
#ifndef PM_STATE_KNOWN_H
#define PM_STATE_KNOWN_H

#include "state/state.h"

static inline uint64_t
known_bit(unsigned int index)
{
	return (uint64_t)1 << index;
}

/* A fact is new, or has another value: nobody knows it. told: the fact's set. */
void	 known_changed(struct session *, uint64_t *told);
/* A fact is gone, which no line can say. told: who knew it. */
void	 known_lost(struct session *, uint64_t told);
/* The process of the handler at an index knows nothing: it is another one, or begins again. */
void	 known_forget(struct session *, unsigned int index);
/*
 * Of the recipients of the open message without the mark `own' these handlers know all (told
 * 1), or none (0).
 */
void	 known_recipients(struct session *, uint64_t bits, int told);

/* The open message has just begun: its sender is known to nobody. */
void	 known_message_begins(struct session *);
/* The message that was open is gone, with all facts of it. */
void	 known_message_ends(struct session *);
/* A recipient is one of the message now. Its told has who was asked about it. */
void	 known_recipient_taken(struct session *, struct mailbox *);
/*
 * A recipient was refused. Takes it over: it is among the refused of the message until the
 * handlers in its told have heard of that, each of which clears its bit.
 */
void	 known_recipient_refused(struct session *, struct mailbox *);
/* Frees the refused recipients that nobody has to hear of any more. */
void	 known_free_refused(struct message *);
/* Takes over what macros and context note of their own changes, after any of them. */
void	 known_collect(struct session *);

/*
 * The next three are for the writer of a block. bit: of its handler; 0: the process hears of
 * one event only. First: 1 if some fact may be new to the process.
 */
int	 known_has_news(const struct session *, uint64_t bit);
/* 1 if the block has to be complete. */
int	 known_is_wrong(const struct session *, uint64_t bit);
/* The block has said every fact. */
void	 known_told_all(struct session *, uint64_t bit);

#endif
