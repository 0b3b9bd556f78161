/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/conf.h: the configuration, pipemilter.conf(5), as values.
 */
#ifndef PM_CONFIG_CONF_H
#define PM_CONFIG_CONF_H

#include <sys/resource.h>

#include <stddef.h>
#include <stdint.h>

#include "base/compat.h"
#include "milter/action.h"
#include "milter/event.h"
#include "milter/proto.h"
#include "base/netaddr.h"
#include "milter/smtp_reply.h"

/* A verdict with its SMTP reply, which is complete. It is a value of on-failure and others. */
struct outcome {
	enum verdict		 verdict;
	struct smtp_reply	 smtp;
};

/* An element of on-exit: what an exit status means. Status -1 is `*'. */
struct exit_rule {
	int		 status;
	struct outcome	 outcome;
};

/* Names for the option `lines', as bits. */
enum conf_line_name {
	LINE_CLIENT_HOST, LINE_CLIENT_FAMILY, LINE_CLIENT_ADDRESS,
	LINE_CLIENT_PORT, LINE_HELO, LINE_SENDER, LINE_SENDER_DOMAIN,
	LINE_SENDER_ARGUMENT, LINE_RECIPIENT, LINE_RECIPIENT_DOMAIN,
	LINE_RECIPIENT_ARGUMENT, LINE_RECIPIENTS, LINE_RECIPIENT_REFUSED,
	LINE_MACRO, LINE_CONTEXT, LINE_CONTEXT_UNSET, LINE_COUNT
};
#define LINE_BIT(l)	(1u << (l))
#define LINES_ALL	(LINE_BIT(LINE_COUNT) - 1)
/* The lines that say who the client is, and those about recipients that were not refused. */
#define LINES_CLIENT	(LINE_BIT(LINE_CLIENT_HOST) | LINE_BIT(LINE_CLIENT_FAMILY) | \
			    LINE_BIT(LINE_CLIENT_ADDRESS) | LINE_BIT(LINE_CLIENT_PORT))
#define LINES_RECIPIENT	(LINE_BIT(LINE_RECIPIENT) | LINE_BIT(LINE_RECIPIENT_DOMAIN) | \
			    LINE_BIT(LINE_RECIPIENT_ARGUMENT) | LINE_BIT(LINE_RECIPIENTS))

const char	*conf_line_name(enum conf_line_name);	/* "client-host", ... */
int		 conf_line_by_name(const char *);	/* or -1 */

/* The PATH of handlers that have none in `environment'. Commands are looked for in it. */
#define HANDLER_PATH	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct env_setting {
	char	*name;
	char	*value;
};

/* How long one process stays with a session. */
enum scope { SCOPE_EVENT, SCOPE_MESSAGE, SCOPE_SESSION };

/* except-clients and only-clients: networks, and `local'. */
struct client_list {
	struct network	 *networks;
	size_t		  nnetworks;
	int		  local;
	int		  set;		/* the option stands in the configuration */
};

/* What the standard output of a process is. */
enum output_kind {
	OUTPUT_REPLY,
	OUTPUT_NONE,	/* nothing; its exit status is the reply */
	OUTPUT_MESSAGE	/* a message, which replaces the one that it was given */
};

struct handler_conf {
	char		 *name;
	int		  line;		/* of the file, for messages */
	uint64_t	  digest;	/* of all that its section says: another one is likely to differ */
	char		**command;	/* NULL-terminated; [0] is a path; NULL with hooks */
	char		 *hooks;	/* the directory, or NULL */
	char		 *hook_path[EV_COUNT];	/* NULL: no such hook */
	unsigned int	  events;	/* EV_BITs that it answers */
	unsigned int	  optional_events;	/* the same, if the MTA offers them */
	unsigned int	  reports;
	int		  actions_named;	/* one of the two lists is set */
	unsigned int	  actions;	/* ACT_BITs that must be there */
	unsigned int	  optional_actions;
	unsigned int	  lines;	/* LINE_BITs */
	char		 *macros[SMFIM_COUNT];	/* "{a} {b}", or NULL */
	enum scope	  scope;
	int		  reuse;		/* a process serves another scope after its first */
	unsigned int	  concurrency;		/* scopes that a process serves at a time */
	unsigned int	  processes;
	unsigned int	  processes_min;	/* started ahead */
	uint32_t	  idle_timeout;		/* ms; 0: no limit */
	unsigned int	  max_uses;		/* scopes; 0: no limit */
	int		  shadow;
	int		  rejected_recipients;
	struct client_list except_clients, only_clients;
	int		  except_authenticated;
	uint64_t	  max_message;		/* bytes; 0: no limit */
	struct outcome	  on_large;
	int		  keep_newlines;	/* newlines = crlf */
	uint32_t	  queue_timeout;	/* ms */
	uint32_t	  timeout;		/* ms */
	uint32_t	  slow;			/* ms: an answer that takes longer is logged; 0: none */
	struct outcome	  on_failure, on_timeout, on_overload;
	struct exit_rule *on_exit;
	size_t		  non_exit;
	char		 *user;		/* resolved name, or NULL: run as the caller */
	uid_t		  uid;
	gid_t		  gid;
	gid_t		 *groups;	/* for setgroups(2) */
	size_t		  ngroups;
	char		 *home;		/* of the user */
	char		 *directory;
	mode_t		  umask;
	struct env_setting *environment;
	size_t		  nenvironment;
	int		  input_message;	/* input = message */
	enum output_kind  output;
	int		  received;		/* Return-Path and Received before the message */
	int		  spool;
	rlim_t		  memory, cpu, open_files;	/* RLIM_INFINITY: no limit */
};

#define CONF_MAX_ENGINES	64

/* As many as a word has bits: the session keeps sets of them. */
#define LISTEN_MAX_HANDLERS	64

struct listen_conf {
	char		 *spec;		/* as written, for messages */
	int		  line;
	char		 *where;	/* "FILE:LINE", for messages */
	struct netaddr	  addr;
	int		  directory_missing;	/* that of a unix socket; it will be made */
	unsigned int	 *handlers;	/* indexes into conf.handlers, in order */
	size_t		  nhandlers;
	mode_t		  mode;
	int		  have_owner, have_group;
	uid_t		  owner;
	gid_t		  group;
	struct network	 *allow;
	size_t		  nallow;
};

struct conf {
	char		 *path;		/* or "command line" */
	char		 *engine_user;
	int		  have_engine_ids;	/* started as root: drop to these */
	uid_t		  engine_uid;
	gid_t		  engine_gid;
	char		 *handler_user;
	char		 *control, *control_group;	/* NULL: none */
	int		  control_set;		/* the configuration names the socket */
	gid_t		  control_gid;
	char		 *spool_directory;
	int		  spool_directory_set;
	char		 *record;		/* a directory for transcripts of sessions; NULL */
	uint64_t	  spool_limit;
	uint32_t	  event_timeout, message_timeout, drain_timeout, reload_timeout;	/* ms */
	int		  syslog_facility, log_level;
	unsigned int	  engines;
	int		  pin;			/* each engine, with its handlers, on a CPU */
	unsigned int	  connections;
	uint64_t	  memory;		/* bytes that an engine may allocate */
	unsigned int	  max_recipients, max_actions;
	size_t		  max_context, max_reply_line, max_body;
	struct listen_conf *listens;
	size_t		  nlistens;
	struct handler_conf *handlers;
	size_t		  nhandlers;
};

/* What messages call the lines of a text from this line up to that of the next label. */
struct conf_label {
	int		 line;
	const char	*text;		/* "": nothing */
};

/*
 * Reads and checks a file. Returns NULL if it has mistakes, and logs each at LOG_ERR as
 * "PATH:LINE: what, and what was expected". Looks up users and groups, lists directories
 * of hooks, and finds commands in PATH. As root, refuses files that others can write.
 */
struct conf	*conf_load(const char *path);
/*
 * Does the same for a daemon that runs with the configuration old, which it keeps if this
 * returns NULL. What can't be changed while it runs is a mistake.
 */
struct conf	*conf_load_again(const char *path, const struct conf *old);
/*
 * Does the same with a text, which the command line gave. Relative commands and hooks
 * begin in the directory base. Messages have name instead of a path and, if there are
 * labels (in the order of their lines), a label instead of the number of a line.
 */
struct conf	*conf_parse(const char *text, const char *name, const char *base,
		    const struct conf_label *, size_t nlabels);
void		 conf_free(struct conf *);
/*
 * Overwrites the values of all handlers' `environment', which may be secrets, and of the
 * variables of this process that have the same names. For a process that starts no
 * handler.
 */
void		 conf_forget_environment(const struct conf *);

/* Returns how many descriptors one milter connection may need. */
unsigned int conf_fds_a_connection(const struct conf *);
/* Returns how many an engine needs that has so many for connections, and so many processes. */
uint64_t conf_fds(const struct conf *, uint64_t connection_fds, uint64_t processes);

/* Return 1 if there is an option of that name. For -o of the command line. */
int	 conf_is_global_option(const char *name);
int	 conf_is_handler_option(const char *name);

#endif
