/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * conn_int.h: what the files of the connection share among themselves.
 */
#ifndef PM_CONN_INT_H
#define PM_CONN_INT_H

#include "conn.h"

/* For the rest of a packet that has begun, and for a peer that does not read. */
#define CONN_STALL_TIMEOUT	60
/* Answers that may wait for a peer that does not read. */
#define CONN_OUT_HIGH	(64 * 1024)
/* Beside the largest body that may be replaced there are up to max-actions headers. */
#define CONN_OUT_MAX		(SIZE_MAX / 2)

/* conn.c */
const char	*conn_ids(const struct conn *);
/* The timer looks at the first of all that is due. */
void	 conn_set_timer(struct conn *);
/* Goes on with what was kept while it was paused. */
void	 conn_go_on(struct conn *);
void	 conn_close(struct conn *, const char *reason);

/* conn_write.c: writes what is owed, in one call if the socket takes it. */
void	 conn_flush(struct conn *);
/* Memory for answers, if some is to be had. */
void	 conn_take_out(struct conn *);
void	 conn_stop_writing(struct conn *);

#endif
