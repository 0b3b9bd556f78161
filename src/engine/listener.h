/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/listener.h: accepts milter connections at one socket, within the
 * limits.
 */
#ifndef PM_ENGINE_LISTENER_H
#define PM_ENGINE_LISTENER_H

#include "engine/loop.h"

struct listener;

/*
 * Takes an accepted connection: the descriptor becomes its own. A peer on a
 * unix socket, which has no name, has family AF_UNIX.
 */
typedef void listener_accepted(struct listener *, int fd, const struct netaddr *peer);

/* Whether a connection could be closed to make room for another one. */
enum room {
	ROOM_MADE,
	ROOM_LATER,	/* none now; in a second there may be one */
	ROOM_NONE
};
typedef enum room listener_make_room(struct listener *);

struct listener {
	struct engine			*engine;
	const struct listen_conf	*conf;
	unsigned int			 index;		/* in conf->listens, from 0 */
	struct numbers_listener		*numbers;	/* what this engine counts of it */
	int				 fd;
	struct event			 ev, retry;
	unsigned int			 nconns;
	int				 paused;
	listener_accepted		*accepted;
	listener_make_room		*make_room;
};

void	 listener_init(struct listener *, struct engine *, const struct listen_conf *, int fd,
	    listener_accepted *, listener_make_room *);
/* Accepts connections from now on. Not before listener_init(), and once. */
void	 listener_open(struct listener *);
/* Accepts no more, and closes the socket. */
void	 listener_close(struct listener *);
/* A connection of this listener has closed: there may be room for another. */
void	 listener_conn_closed(struct listener *);

#endif
