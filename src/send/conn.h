/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send/conn.h: one milter connection, with the side that plays the MTA on it.
 * Nothing blocks, except a connect to a unix socket for a limited time. The
 * caller polls, and says when the descriptor is ready and what time it is.
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
	SEND_CONN_LINGERING,	/* QUIT is sent; the filter is to close */
	SEND_CONN_DONE,
	SEND_CONN_FAILED		/* error says why */
};

struct send_conn {
	int			 fd;
	const struct netaddr	*addr;	/* where it connects to; the caller's; NULL: adopted */
	enum send_conn_state	 state;
	struct mta_side		 side;
	struct buf		 in, out;
	int64_t			 deadline;	/* ms: for the connect, the answer or the close */
	int			 linger;	/* after QUIT wait for the filter to close */
	int			 more;		/* the side has more to write */
	char			 error[640];
};

/*
 * Begins to connect. Then the state is CONNECTING, PLAYING or FAILED. now is in
 * milliseconds, here and below.
 */
void	 send_conn_open(struct send_conn *, const struct netaddr *, const struct mta_side *,
	    int64_t now);
/* The same for a connected, non-blocking descriptor, which the connection takes over. */
void	 send_conn_adopt(struct send_conn *, int fd, const struct mta_side *, int64_t now);
/* Closes the descriptor and frees everything but the struct. */
void	 send_conn_close(struct send_conn *);
/* The EPOLL bits to poll for. */
uint32_t send_conn_wants(const struct send_conn *);
/* Does what can be done after a poll; events: its EPOLL bits. */
void	 send_conn_ready(struct send_conn *, uint32_t events, int64_t now);
/* Fails or ends the connection if its deadline is over. */
void	 send_conn_tick(struct send_conn *, int64_t now);

#endif
