/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send_conn.h: one milter connection and who plays the MTA on it. Nothing blocks; who
 * polls says when the descriptor is ready and what time it is.
 */
#ifndef PM_SEND_CONN_H
#define PM_SEND_CONN_H

#include <stdint.h>

#include "base/buf.h"
#include "mta/player.h"
#include "base/netaddr.h"

enum send_conn_state {
	SEND_CONN_CONNECTING,
	SEND_CONN_PLAYING,
	SEND_CONN_ENDING,		/* QUIT is being sent */
	SEND_CONN_LINGERING,	/* waits for the filter to close */
	SEND_CONN_DONE,
	SEND_CONN_FAILED		/* send_conn.error */
};

struct send_conn {
	int			 fd;
	const struct netaddr	*addr;	/* who it connects to, not ours; NULL: it was adopted */
	enum send_conn_state	 state;
	struct mta_side		 side;
	struct buf		 in, out;
	int64_t			 deadline;	/* milliseconds; of what is waited for */
	int			 linger;	/* wait for the filter's close */
	int			 more;		/* there is more to write */
	char			 error[640];
};

/* Begins to connect. The state is CONNECTING, PLAYING or FAILED then. */
void	 send_conn_open(struct send_conn *, const struct netaddr *, const struct mta_side *,
	    int64_t now);
/* The same over a descriptor that is connected and does not block; it is taken. */
void	 send_conn_adopt(struct send_conn *, int fd, const struct mta_side *, int64_t now);
/* Closes and frees everything but the struct. */
void	 send_conn_close(struct send_conn *);
/* What to poll for: EPOLL bits. */
uint32_t send_conn_wants(const struct send_conn *);
void	 send_conn_ready(struct send_conn *, uint32_t events, int64_t now);
/* Looks at the deadline. */
void	 send_conn_tick(struct send_conn *, int64_t now);

#endif
