/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ms_conn.h: one milter connection and who plays the MTA on it. Nothing blocks; who
 * polls says when the descriptor is ready and what time it is.
 */
#ifndef PM_MS_CONN_H
#define PM_MS_CONN_H

#include <stdint.h>

#include "base/buf.h"
#include "mta/player.h"
#include "base/netaddr.h"

enum ms_conn_state {
	MS_CONN_CONNECTING,
	MS_CONN_PLAYING,
	MS_CONN_ENDING,		/* QUIT is being sent */
	MS_CONN_LINGERING,	/* waits for the filter to close */
	MS_CONN_DONE,
	MS_CONN_FAILED		/* ms_conn.error */
};

struct ms_conn {
	int			 fd;
	const struct netaddr	*addr;	/* who it connects to, not ours; NULL: it was adopted */
	enum ms_conn_state	 state;
	struct ms_side		 side;
	struct buf		 in, out;
	int64_t			 deadline;	/* milliseconds; of what is waited for */
	int			 linger;	/* wait for the filter's close */
	int			 more;		/* there is more to write */
	char			 error[640];
};

/* Begins to connect. The state is CONNECTING, PLAYING or FAILED then. */
void	 ms_conn_open(struct ms_conn *, const struct netaddr *, const struct ms_side *,
	    int64_t now);
/* The same over a descriptor that is connected and does not block; it is taken. */
void	 ms_conn_adopt(struct ms_conn *, int fd, const struct ms_side *, int64_t now);
/* Closes and frees everything but the struct. */
void	 ms_conn_close(struct ms_conn *);
/* What to poll for: EPOLL bits. */
uint32_t ms_conn_wants(const struct ms_conn *);
void	 ms_conn_ready(struct ms_conn *, uint32_t events, int64_t now);
/* Looks at the deadline. */
void	 ms_conn_tick(struct ms_conn *, int64_t now);

#endif
