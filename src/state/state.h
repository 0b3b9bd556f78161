/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/state.h: what is known of one SMTP session. What may be done with a session is
 * in session/session.h.
 *
 * Words that mean one thing in all of src/:
 *   session  what the MTA tells on a milter connection, up to Q, K or the end of the connection
 *   message  one mail of a session, from its MAIL to its end, an abort or the next MAIL
 *   event    one thing that the MTA tells: connect, helo, mail, ... (enum event_kind)
 *   line     a line of text
 *   index    position of a handler in its listener, from 0
 *   scope    the events that one process of a handler serves: one, a message's, a session's
 *   tasks    what a session has for one handler: events to answer, and reports
 *   queue    the tasks that wait in a pool for a process
 *   shadow   a handler on trial: it is asked, but its reply is only logged
 *   told     a set of handlers whose process knows a fact (state/known.h)
 *   reply    what a handler says to us
 *   verdict  the decision in a reply, as a number (enum verdict)
 *   outcome  a verdict with its text, as on-failure and the like have it
 *   result   how a task ended: in a reply, too late, not at all (struct task_result)
 *   answer   what we say to the MTA
 */
#ifndef PM_STATE_STATE_H
#define PM_STATE_STATE_H

#include "base/compat.h"

#include "base/newline.h"
#include "state/binding.h"
#include "state/context.h"
#include "state/mailbox.h"
#include "state/header_names.h"
#include "state/macros.h"
#include "state/negotiate.h"
#include "state/task.h"
#include "store/store.h"

/* Whether a handler is given the current event, and why not. */
enum ask_why {
	ASK_YES,
	ASK_UNWANTED,	/* the event is not among its events, or reports */
	ASK_MISSING,	/* the MTA lacks what it requires */
	ASK_CLIENT,	/* except-clients, only-clients */
	ASK_AUTHENTICATED,	/* except-authenticated */
	ASK_LARGE,	/* max-message */
	ASK_LEFT_SESSION,	/* it accepted the session at connect or helo */
	ASK_LEFT,	/* it accepted the message, or skips this kind of event */
	ASK_EMPTY,	/* this piece of the body has no bytes for it */
	ASK_FAILED,	/* it failed earlier in its scope */
	ASK_REJECTED	/* the MTA itself refused the recipient */
};

/*
 * What a session notes of one of its handlers. Of the bits: message_close() clears all whose
 * comment says "per message".
 */
struct hstate {
	struct session		*session;
	unsigned int		 index;
	struct task_list	 tasks;		/* in order; the pool has looked at the first */

	/* Why the handler has no part in what goes on. session_absence() reads these. */
	const char		*missing;	/* what the MTA does not offer; NULL: nothing */
	/* Not its client: set by exclude_at_connect(), never cleared. */
	unsigned int		 excluded : 1;
	/* The client has authenticated: set and cleared by exclude_at_mail(). */
	unsigned int		 excluded_auth : 1;
	/* It accepted: set by verdict_note_accept(), the first never cleared, the second per message. */
	unsigned int		 accepted_session : 1, accepted_message : 1;
	/* The message is larger than max-message: set by exclude_at_size(), per message. */
	unsigned int		 large : 1;

	/* It wants no more headers, no more of the body: set by verdict_note_skip(), per message. */
	unsigned int		 skip_header : 1, skip_body : 1;
	/* on-large has not answered: set with large, cleared by exclude_answer(), per message. */
	unsigned int		 large_due : 1;
	/* A scope of several events lasts: set by scope_enter(), cleared by scope_end(), scope_leave(). */
	unsigned int		 in_scope : 1;
	/* It failed in its scope: set by session_scope_failed(), cleared by scope_end(). */
	unsigned int		 failed : 1;
	/* Its process is to be let go, and no task says so: set by scope.c, cleared by the pool. */
	unsigned int		 scope_over : 1;

	unsigned int		 told_count;	/* recipients, as its last block said */
	unsigned int		 scope;		/* number of the last scope that began; from 1 */
	struct binding		 binding;	/* the engine's */
};
TAILQ_HEAD(hstate_list, hstate);

/* Why a message is refused at its next event that has an answer. */
enum refusal {
	REFUSAL_NONE,
	REFUSAL_RECIPIENTS,	/* too many of them, where rcpt has no answer */
	REFUSAL_MEMORY		/* there is not enough: what it held is gone */
};

struct message {
	char			 id[64];
	unsigned int		 number;	/* in the session, from 1 */
	char			 queue_id[65];	/* "" while unknown */
	struct mailbox		*sender;
	struct mailbox_list	 recipients;	/* that no handler refused */
	unsigned int		 nrecipients;
	struct mailbox_list	 refused;	/* told: who must hear of the refusal */
	unsigned int		 nrefused;	/* recipients that we refused */
	size_t			 envelope_bytes;
	enum refusal		 refusal;	/* that no answer was possible for yet */
	int			 logged;	/* its one line in the log is written */
	uint64_t		 size;
	int			 skipped;	/* the MTA was told to keep the rest of the body */
	struct header_names	 headers;
	struct newline		 to_lf;		/* converts the body for handlers that want LF */
	struct store		*store;		/* the message as it came; NULL: nobody wants it */
	char			*received;	/* put before it for handlers; NULL: not made yet */
	unsigned int		 nheaders;	/* headers in store */
	struct store		*version;	/* as a handler returned it; NULL: none did */
	int			 version_clean;	/* version is without the lines of received */
	struct action_list	 difference;	/* actions that turn store into version */
	unsigned int		 returned_by;	/* index of the last handler that returned one */
	struct buf		 changes;	/* for the log: what each of them changed */
	struct action_list	 kept;		/* actions for the end of the message */
	unsigned int		 nkept;
};

/* The current event: what its blocks say, and who was asked. */
struct current {
	enum event_kind		 event;
	int			 wire;		/* SMFIC_ that waits for an answer; 0: none */
	unsigned int		 index;		/* of the handler that has the next turn */
	unsigned int		 number;	/* of the event in the session */
	int			 asked;		/* index of the handler that we wait for, or -1 */
	int			 answered_by;	/* index, or -1 */
	enum verdict		 verdict;
	unsigned int		 rejected : 1;	/* the MTA itself refused the recipient */
	struct smtp_reply	 smtp;		/* of a refusal, completed */
	struct mailbox		*recipient;	/* asked about; not yet in the message */
	/* Both point into the MTA's packet, or into kept while we wait for a handler. */
	const char		*header_name, *header_value;
	struct buf		 kept;
	char			*command;
	const char		*reason;	/* of disconnect */
	struct buf		 raw;		/* a piece of the body, if a handler wants it */
	struct buf		 lf;		/* the same with LF, if one wants that */
};

struct session {
	const struct conf		*conf;
	const struct listen_conf	*listen;
	/* A copy, since the reply of a shadow may outlive the connection. neg points to it. */
	struct negotiated		 own_neg;
	const struct negotiated		*neg;
	char				 id[20];
	char				 ids[SESSION_IDS];	/* for the log */
	/* The lines of a block that name session and message. */
	char				 first[72];
	unsigned int			 first_len;
	unsigned int			 ids_stale : 1;	/* ids is written again at the next event */
	unsigned int			 wants_raw : 1, wants_lf : 1;	/* bodies, by some handler */
	unsigned int			 counts_headers : 1;	/* some handler may change headers */
	unsigned int			 begun : 1;	/* some event has come */
	unsigned int			 late : 1;	/* the time for the current event is over */
	unsigned int			 released : 1;	/* the owner's: is to be freed */
	unsigned int			 memory_short : 1;	/* the owner's: refuse what brings more data */
	/* An invariant of it does not hold, which was logged: the owner ends it after the next answer. */
	unsigned int			 broken : 1;
	int				 client_port;	/* -1: none */
	uint64_t			 takes_macros;	/* handlers whose blocks have macros */
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
	/* Sets of handlers, a bit each by index: state/known.h. */
	uint64_t			 told_client, told_helo;
	uint64_t			 changed;	/* written by known.c alone */
	uint64_t			 again;		/* written by known.c alone */
	struct hstate			*h;		/* one for each handler of the listener */
	unsigned int			 nh;
	unsigned int			 ntasks;	/* of all handlers */
	unsigned int			 nshadow;	/* of ntasks: those of handlers with shadow */
	unsigned int			 nscopes_over;	/* handlers with scope_over */
	size_t				 task_bytes;	/* of the blocks of tasks, without those of shadows */
	size_t				 shadow_bytes;	/* the same of shadows, with kept messages */
	void				*owner;		/* the connection; NULL: it is gone */
	/* Sees each decision on who is asked, and with report who is told; or NULL. */
	void				(*watch)(const struct session *, unsigned int index,
					    int report, enum ask_why);
	struct watched			*watched;	/* engine/watch.c's; NULL: nobody watches */
	TAILQ_ENTRY(session)		 dead;
};
TAILQ_HEAD(session_list, session);

/* The configuration of the handler at an index. */
static inline const struct handler_conf *
session_handler(const struct session *s, unsigned int index)
{
	return &s->conf->handlers[s->listen->handlers[index]];
}

#endif
