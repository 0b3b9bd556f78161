/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/conn_int.h: what the files of the connection share among themselves.
 */
#ifndef PM_ENGINE_CONN_INT_H
#define PM_ENGINE_CONN_INT_H

#include "engine/conn.h"

/* Seconds. As libmilter: longer than any SMTP session may be silent. */
#define CONN_IDLE_TIMEOUT	7210
/* Sendmail waits 10 s for a sign of life while a message ends. */
#define CONN_PROGRESS_EVERY	5
/* For the rest of a packet that has begun, and for a peer that does not read. */
#define CONN_STALL_TIMEOUT	60
/* Answers that may wait for a peer that does not read. */
#define CONN_OUT_HIGH	(64 * 1024)
/* Beside the largest body that may be replaced there are up to max-actions headers. */
#define CONN_OUT_MAX		(SIZE_MAX / 2)

/* engine/conn.c */
const char	*conn_ids(const struct conn *);
/* The timer looks at the first of all that is due. */
void	 conn_set_timer(struct conn *);
void	 conn_close(struct conn *, const char *reason);

/* engine/conn_read.c: 1 while nothing more is to be understood of what the MTA sent. */
int	 conn_is_paused(const struct conn *);
void	 conn_want_read(struct conn *);
void	 conn_stop_reading(struct conn *);
void	 conn_on_read(evutil_socket_t, short, void *);
/* Goes on with what was kept while it was paused. */
void	 conn_go_on(struct conn *);

/* engine/conn_session.c: a command. Returns 0 if the connection was closed, or is to be. */
int	 conn_command(struct conn *, const struct milter_cmd *);
/* What a session wants done. Returns 0 if the connection is to be closed. */
int	 conn_act(struct conn *, enum step);
/* What a handler was asked and nobody waits for; late: that is its fault. */
void	 conn_abandon_ask(struct conn *, int late);
/* The session goes on without us until its reports are delivered. */
void	 conn_end_session(struct conn *, const char *reason);

/* engine/conn_write.c: writes what is owed, in one call if the socket takes it. */
void	 conn_flush(struct conn *);
/* Memory for answers, if some is to be had. */
void	 conn_take_out(struct conn *);
void	 conn_stop_writing(struct conn *);

#endif
