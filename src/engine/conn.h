/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/conn.h: one milter connection: bytes in, session, bytes out.
 */
#ifndef PM_ENGINE_CONN_H
#define PM_ENGINE_CONN_H

#include "engine/engine.h"
#include "engine/listener.h"
#include "engine/ltimer.h"
#include "engine/record.h"
#include "session/session.h"

struct conn {
	TAILQ_ENTRY(conn)	 entry;
	struct engine		*engine;
	struct listener		*listener;
	int			 fd;
	char			*peer;
	struct event		 ev_read;
	struct event		*ev_write;	/* NULL while the peer takes what we write */
	struct ltimer		 timer;		/* for the first of these, ms, 0: none */
	uint64_t		 idle_due;	/* for the next command, or the rest of one */
	uint64_t		 write_due;	/* for the peer to take what we write */
	uint64_t		 ask_due;	/* for all handlers that are asked of an event */
	uint64_t		 progress_due;	/* for the next sign of life */
	unsigned char		*in;		/* bytes that wait to be understood */
	size_t			 in_len;
	struct buf		 out;
	struct negotiated	 neg;
	const char		**missing;	/* one for each handler of the listener */
	struct session		*session;	/* NULL before negotiation */
	struct record		*record;	/* NULL: it is not recorded */
	unsigned int		 negotiated : 1;
	unsigned int		 reading : 1;	/* ev_read is there */
	unsigned int		 in_packet : 1;	/* idle_due is for the rest of one */
	unsigned int		 heard : 1;	/* something came since idle_due was set */
	unsigned int		 waiting : 1;	/* a handler was asked */
	unsigned int		 closing : 1;	/* when out is written */
	unsigned int		 busy : 1;	/* in the midst of understanding commands */
	unsigned int		 dead : 1;
};

/* Takes fd. */
void	 conn_new(struct listener *, int fd, const struct netaddr *peer);
/* The handler that the MTA waits for has answered; its task is gone. */
void	 conn_answered(struct conn *, struct task_result *);
/* Reports of its session were delivered: it may be read from again. */
void	 conn_resume(struct conn *);
/* The supervisor is gone: answer what is open, close. */
void	 conn_orphan(struct conn *);
/* Only for the sweep at the end of a turn. */
void	 conn_free(struct conn *);
/* A session whose connection is gone and whose reports are delivered is freed. */
void	 conn_release_session(struct engine *, struct session *);

#endif
