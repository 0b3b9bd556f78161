/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/listener.h: accepts milter connections.
 */
#ifndef PM_ENGINE_LISTENER_H
#define PM_ENGINE_LISTENER_H

#include "engine/engine.h"

struct listener {
	struct engine			*engine;
	const struct listen_conf	*conf;
	unsigned int			 index;		/* into conf->listens */
	int				 fd;
	struct event			 ev, retry;
	unsigned int			 nconns;
	int				 paused;
};

void	 listener_init(struct listener *, struct engine *, const struct listen_conf *, int fd);
/* No more connections from here on. */
void	 listener_close(struct listener *);
/* One of its connections has closed. */
void	 listener_conn_closed(struct listener *);

#endif
