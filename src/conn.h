/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * conn.h: one milter connection: bytes in, session, bytes out.
 */
#ifndef PM_CONN_H
#define PM_CONN_H

#include "engine.h"
#include "listener.h"
#include "session.h"

struct conn {
	TAILQ_ENTRY(conn)	 entry;
	struct engine		*engine;
	struct listener		*listener;
	int			 fd;
	char			 peer[128];
	struct event		 ev_read, ev_write, ev_deadline, ev_progress;
	unsigned char		*in;		/* bytes that wait to be understood */
	size_t			 in_len;
	uint64_t		 packet_since;	/* ms: its first byte came; 0: none has begun */
	struct buf		 out;
	int			 negotiated;
	struct negotiated	 neg;
	const char		**missing;	/* one for each handler of the listener */
	struct session		*session;	/* NULL before negotiation */
	int			 waiting;	/* a handler was asked */
	int			 closing;	/* when out is written */
	int			 dead;
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
