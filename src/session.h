/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session.h: one SMTP session on a milter connection: what the MTA has told,
 * which handler is asked next, and what the MTA is answered. It touches no
 * descriptor and no clock: what is to be asked of handlers is put into lines
 * of tasks, what is to be sent into a buffer, and the caller acts.
 */
#ifndef PM_SESSION_H
#define PM_SESSION_H

#include "context.h"
#include "envelope.h"
#include "header_names.h"
#include "macros.h"
#include "milter_dec.h"
#include "negotiate.h"
#include "newline.h"
#include "task.h"

/* What the caller does after a command, an answer or a timeout. */
enum step {
	STEP_GO,	/* everything owed is in the buffer: take the next command */
	STEP_WAIT,	/* a handler was asked: the MTA waits */
	STEP_CLOSE	/* the MTA has left the protocol: close */
};

/* One handler, as far as this session is concerned. */
struct hstate {
	struct task_list	 line;		/* the first one is with the pool */
	const char		*missing;	/* what the MTA does not offer; NULL: all is there */
	int			 accepted_session;
	int			 accepted_message;
	int			 skip_header;
	int			 skip_body;
};

struct message {
	char			 id[64];
	char			*queue_id;	/* NULL while unknown */
	struct mailbox		*sender;
	struct mailbox_list	 recipients;	/* that we have not refused */
	unsigned int		 nrecipients;
	unsigned int		 nrefused;	/* by us */
	size_t			 envelope_bytes;
	int			 too_many;	/* recipients, and no answer was possible yet */
	int			 logged;	/* its one line in the log is written */
	uint64_t		 size;
	int			 skipped;	/* the MTA was told to keep the rest of the body */
	struct header_names	 headers;
	struct newline		 to_lf;		/* state of the body for handlers that want LF */
	struct action_list	 kept;		/* actions for the end of the message */
	unsigned int		 nkept;
};

/* The event in hand: what its blocks say and who was asked. */
struct current {
	enum event_kind		 event;
	int			 wire;		/* SMFIC_ that waits for an answer; 0: none */
	unsigned int		 place;		/* of the handler to be looked at next */
	unsigned int		 number;	/* of the event in the session */
	int			 asked;		/* place of the handler in hand, or -1 */
	int			 answered_by;	/* place, or -1 */
	enum verdict		 verdict;
	struct smtp_reply	 smtp;		/* of a refusal, completed */
	struct mailbox		*recipient;	/* asked about; not yet in the message */
	char			*header_name, *header_value;
	char			*command;
	const char		*reason;	/* of disconnect */
	struct buf		 raw;		/* a piece of the body as it came */
	struct buf		 lf;		/* and with LF */
	int			 tail_done;	/* the CR at the end of the body was dealt with */
};

struct session {
	const struct conf		*conf;
	const struct listen_conf	*listen;
	const struct negotiated		*neg;	/* the connection's, until it detaches */
	char				 id[32];
	char				 ids[160];	/* for the log: session and queue id */
	int				 begun;		/* some event has come */
	int				 late;		/* the time for the event in hand is over */
	char				*client_host, *client_address;
	const char			*client_family;	/* NULL before connect */
	int				 client_port;	/* -1: none */
	char				*helo;
	struct macros			 macros;
	struct context			 context;
	struct message			*message;	/* NULL: none is open */
	unsigned int			 nmessages;
	unsigned int			 nevents;
	struct current			 cur;
	struct hstate			*h;		/* one for each handler of the listener */
	unsigned int			 nh;
	unsigned int			 ntasks;	/* in all lines */
	size_t				 task_bytes;
	void				*owner;		/* the connection; NULL: it is gone */
};

/*
 * neg and missing (nh entries, or NULL entries) are those of the connection;
 * neg must live until session_end(). The id is unique to this machine's run.
 */
struct session	*session_new(const struct conf *, const struct listen_conf *,
		    const struct negotiated *, const char *const *missing);
/* All lines must be empty. */
void		 session_free(struct session *);

/*
 * A command other than O, Q and K, in any order; macros and ABORT too. Not
 * while a handler is being asked. Answers are added to out.
 */
enum step	 session_command(struct session *, const struct milter_cmd *, struct buf *out);
/*
 * The handler asked last has answered, or failed; its task was dropped. The
 * actions of the result are taken, its smtp is copied.
 */
enum step	 session_answer(struct session *, struct task_result *, struct buf *out);
/* The MTA can't be kept waiting any longer for the event in hand. */
enum step	 session_timeout(struct session *, struct buf *out);
/*
 * Q, K or the end of the connection: reason is "quit", "next" or "closed".
 * Queues the last reports. Nothing is sent any more.
 */
void		 session_end(struct session *, const char *reason);
/* Answers the event in hand with tempfail, without asking anyone. */
void		 session_give_up(struct session *, struct buf *out);

/*
 * NULL if the handler may use this action in answer to this task, else what
 * is wrong, as a constant text. before: what the same reply held until now,
 * given of them.
 */
const char	*session_judge(const struct task *, const struct action *,
		    const struct action_list *before, unsigned int given);
/* The same for a verdict. */
const char	*session_judge_verdict(const struct task *, enum verdict);

/* Takes a task out of its line and frees it. */
void		 session_drop_task(struct session *, struct task *);
/* 1 while reports pile up and no more should be read from the MTA. */
int		 session_is_full(const struct session *);
/* Of the message if one is open, whatever the macros say by now; or NULL. */
const char	*session_queue_id(const struct session *);
/* The handler at a place of the listener. */
const struct handler_conf *session_handler(const struct session *, unsigned int place);

#endif
