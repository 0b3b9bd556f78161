/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/listener.h: accepts milter connections.
 */
#ifndef PM_ENGINE_LISTENER_H
#define PM_ENGINE_LISTENER_H

#include "engine/loop.h"

struct listener;

/* Takes a connection: its descriptor, and the peer, AF_UNIX if that has no name. */
typedef void listener_accepted(struct listener *, int fd, const struct netaddr *peer);

/* Whether a connection could be closed to make room for another one. */
enum room {
	ROOM_MADE,
	ROOM_LATER,	/* none, but within a second there may be one */
	ROOM_NONE
};
typedef enum room listener_make_room(struct listener *);

struct listener {
	struct engine			*engine;
	const struct listen_conf	*conf;
	unsigned int			 index;		/* into conf->listens */
	int				 fd;
	struct event			 ev, retry;
	unsigned int			 nconns;
	int				 paused;
	listener_accepted		*accepted;
	listener_make_room		*make_room;
};

void	 listener_init(struct listener *, struct engine *, const struct listen_conf *, int fd,
	    listener_accepted *, listener_make_room *);
/* No more connections from here on. */
void	 listener_close(struct listener *);
/* One of its connections has closed. */
void	 listener_conn_closed(struct listener *);

#endif
