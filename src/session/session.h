/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/session.h: one SMTP session on a milter connection: what the MTA has told,
 * which handler is asked next, and what the MTA is answered. It touches no
 * descriptor and no clock: what is to be asked of handlers is put into lines
 * of tasks, what is to be sent into a buffer, and the caller acts.
 */
#ifndef PM_SESSION_SESSION_H
#define PM_SESSION_SESSION_H

#include "state/context.h"
#include "state/envelope.h"
#include "state/header_names.h"
#include "state/macros.h"
#include "milter/decode.h"
#include "state/negotiate.h"
#include "base/newline.h"
#include "store/store.h"
#include "state/task.h"

/* What the caller does after a command, an answer or a timeout. */
enum step {
	STEP_GO,	/* everything owed is in the buffer: take the next command */
	STEP_WAIT,	/* a handler was asked: the MTA waits */
	STEP_CLOSE	/* the MTA has left the protocol: close */
};

/* Whether a handler is given the event in hand, and why not. */
enum ask_why {
	ASK_YES,
	ASK_UNWANTED,	/* it is not among its events, or reports */
	ASK_MISSING,	/* the MTA lacks what it requires */
	ASK_CLIENT,	/* except-clients, only-clients */
	ASK_AUTHENTICATED,	/* except-authenticated */
	ASK_LARGE,	/* max-message */
	ASK_LEFT,	/* it has said that it wants no more */
	ASK_EMPTY,	/* nothing of this piece of the body is for it */
	ASK_FAILED,	/* earlier in its scope */
	ASK_REJECTED	/* a recipient that the MTA refused */
};

/* One handler, as far as this session is concerned. */
struct hstate {
	struct session		*session;
	unsigned int		 index;
	struct task_list	 tasks;		/* the first one is with the pool */
	const char		*missing;	/* what the MTA does not offer; NULL: all is there */
	unsigned int		 accepted_session : 1;
	unsigned int		 accepted_message : 1;
	unsigned int		 skip_header : 1;
	unsigned int		 skip_body : 1;
	unsigned int		 excluded : 1;	/* this client is none of its business */
	unsigned int		 excluded_auth : 1;	/* since it has authenticated */
	unsigned int		 large : 1;	/* the message is larger than max-message */
	unsigned int		 large_due : 1;	/* and on-large has not answered yet */
	unsigned int		 in_scope : 1;	/* a scope of several events has begun */
	unsigned int		 failed : 1;	/* in this scope: on-failure answers for it */
	unsigned int		 scope_over : 1;	/* no task says so: its process is to be let go */
	unsigned int		 stalled : 1;	/* the pool's: its process takes no more for now */
	unsigned int		 told_count;	/* of recipients, in its last block */
	unsigned int		 scope;		/* number of the last that began; from 1 */
	/* the pool's */
	struct hproc		*proc;		/* that serves the scope */
	uint64_t		 last_proc;	/* id of the one that served the last; 0: none */
	unsigned int		 served;	/* number of that scope; 0: of one event */
	TAILQ_ENTRY(hstate)	 bound;		/* among all that it serves */
};
TAILQ_HEAD(hstate_list, hstate);

struct message {
	char			 id[64];
	unsigned int		 number;	/* in the session, from 1 */
	char			 queue_id[65];	/* "" while unknown */
	struct mailbox		*sender;
	struct mailbox_list	 recipients;	/* that we have not refused */
	unsigned int		 nrecipients;
	struct mailbox_list	 refused;	/* told: the handlers that must hear of it */
	unsigned int		 nrefused;	/* by us */
	size_t			 envelope_bytes;
	int			 too_many;	/* recipients, and no answer was possible yet */
	int			 logged;	/* its one line in the log is written */
	uint64_t		 size;
	int			 skipped;	/* the MTA was told to keep the rest of the body */
	struct header_names	 headers;
	struct newline		 to_lf;		/* state of the body for handlers that want LF */
	struct store		*store;		/* all of it as it came; NULL: nobody wants it */
	char			*received;	/* what handlers get before it; NULL: not made yet */
	unsigned int		 nheaders;	/* that are in store */
	struct store		*version;	/* as a handler returned it; NULL: none did */
	int			 version_clean;	/* what it got before it was taken off again */
	struct action_list	 difference;	/* what makes store the version */
	unsigned int		 returned_by;	/* index of the last that returned one */
	struct buf		 changes;	/* for the log: what each of them changed */
	struct action_list	 kept;		/* actions for the end of the message */
	unsigned int		 nkept;
};

/* The event in hand: what its blocks say and who was asked. */
struct current {
	enum event_kind		 event;
	int			 wire;		/* SMFIC_ that waits for an answer; 0: none */
	unsigned int		 index;		/* of the handler to be looked at next */
	unsigned int		 number;	/* of the event in the session */
	int			 asked;		/* index of the handler in hand, or -1 */
	int			 answered_by;	/* index, or -1 */
	enum verdict		 verdict;
	unsigned int		 rejected : 1;	/* recipient: by the MTA itself, we are only told */
	struct smtp_reply	 smtp;		/* of a refusal, completed */
	struct mailbox		*recipient;	/* asked about; not yet in the message */
	/* They point into the MTA's packet, or into kept once a handler is waited for. */
	const char		*header_name, *header_value;
	struct buf		 kept;
	char			*command;
	const char		*reason;	/* of disconnect */
	struct buf		 raw;		/* a piece of the body as it came */
	struct buf		 lf;		/* and with LF; each only if some handler wants it */
};

struct session {
	const struct conf		*conf;
	const struct listen_conf	*listen;
	const struct negotiated		*neg;	/* = &own_neg: a shadow's answer may outlive the connection */
	struct negotiated		 own_neg;
	char				 id[20];
	char				 ids[SESSION_IDS];	/* for the log: session and queue id */
	/* The lines of a block that say which session and message it belongs to. */
	char				 first[72];
	unsigned int			 first_len;
	unsigned int			 ids_stale : 1;	/* to be written anew at the next event */
	unsigned int			 wants_raw : 1, wants_lf : 1;	/* bodies, by some handler */
	unsigned int			 counts_headers : 1;	/* some handler may change them */
	unsigned int			 begun : 1;	/* some event has come */
	unsigned int			 late : 1;	/* the time for the event in hand is over */
	unsigned int			 released : 1;	/* the owner's: it is to be freed */
	int				 client_port;	/* -1: none */
	uint64_t			 takes_macros;	/* handlers; the others never hear of one */
	uint64_t			 keeps;		/* handlers that want messages as a whole */
	char				*client_host, *client_address;
	const char			*client_family;	/* NULL before connect */
	char				*helo;
	struct macros			 macros;
	struct context			 context;
	struct message			*message;	/* NULL: none is open */
	unsigned int			 nmessages;
	unsigned int			 nevents;
	struct current			 cur;
	/* Sets of handlers, a bit each by index; see block/block.h. */
	uint64_t			 told_client, told_helo;
	uint64_t			 changed;	/* there is something that they do not know */
	uint64_t			 again;		/* their next block is complete */
	struct hstate			*h;		/* one for each handler of the listener */
	unsigned int			 nh;
	unsigned int			 ntasks;	/* in all lines */
	unsigned int			 nscopes_over;	/* handlers with scope_over */
	size_t				 task_bytes;
	void				*owner;		/* the connection; NULL: it is gone */
	/* Sees each decision on who is asked, and with report who is told; or NULL. */
	void				(*watch)(const struct session *, unsigned int index,
					    int report, enum ask_why);
	TAILQ_ENTRY(session)		 dead;
};
TAILQ_HEAD(session_list, session);

/*
 * missing (nh entries, or NULL entries) is the connection's; neg is copied.
 * The id is unique to this machine's run.
 */
struct session	*session_new(const struct conf *, const struct listen_conf *,
		    const struct negotiated *, const char *const *missing);
/* All lines must be empty, and no handler may have a process of ours. */
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
 * given of them. A task without session is allowed everything.
 */
const char	*session_judge(const struct task *, const struct action *,
		    const struct action_list *before, unsigned int given);
/* The same for a verdict. */
const char	*session_judge_verdict(const struct task *, enum verdict);

/* Takes a task out of its line; the caller frees it, or keeps it for an answer to come. */
void		 session_detach_task(struct task *);
/* The same, and frees it. */
void		 session_drop_task(struct task *);
/* The same for one that no process was given: the one before it ends their scope. */
void		 session_cancel_task(struct task *);
/*
 * The process of a scope has ended, and nothing was wrong with it: this task,
 * the first that it did not get, is made the first one of a scope.
 */
void		 session_restart_scope(struct task *);
/*
 * A process has failed between two events, or at a report: until the scope of
 * its handler ends, on-failure answers. With a scope of one event nothing
 * follows, nor if it was an earlier scope than the one that lasts now.
 */
void		 session_scope_failed(struct session *, unsigned int index, unsigned int scope);
/*
 * The answer, or failure, of a handler that nobody waits for: it is logged,
 * and what it means to this handler alone has effect. The task and the
 * actions are left to the caller.
 */
void		 session_shadow_answer(struct task *, struct task_result *);
/* 1 while reports pile up and no more should be read from the MTA. */
int		 session_is_full(const struct session *);
/* Of the message if one is open, whatever the macros say by now; or NULL. */
const char	*session_queue_id(const struct session *);
/* The handler at an index of the listener. */
static inline const struct handler_conf *
session_handler(const struct session *s, unsigned int index)
{
	return &s->conf->handlers[s->listen->handlers[index]];
}

#endif
