/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/watchers.c: clients of the control socket that watch sessions.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/netaddr.h"
#include "base/xmalloc.h"
#include "supervisor/watchers.h"

/* Messages that wait for a client. */
#define MAX_BACKLOG	1000

struct watcher {
	TAILQ_ENTRY(watcher)	 entry;
	struct control_client	*client;
	uint64_t		 id;
	int			 fd;		/* the client's */
	struct buf		 words;		/* each with a NUL */
};

static TAILQ_HEAD(, watcher) watchers = TAILQ_HEAD_INITIALIZER(watchers);
static unsigned int	 nwatchers;
static uint64_t		 last_id;
static watchers_tell	*tell;
static void		*tell_arg;

void
watchers_init(watchers_tell *fn, void *arg)
{
	tell = fn;
	tell_arg = arg;
}

static struct ipc_msg
message(const struct watcher *w, enum ipc_type type)
{
	struct ipc_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = type;
	msg.id = w->id;
	if (type == IPC_WATCH) {
		msg.env = (const char *)w->words.data;
		msg.env_len = w->words.len;
	}
	return msg;
}

/* control_watch() */
static void
gone(void *arg)
{
	struct watcher	*w = arg;
	struct ipc_msg	 msg = message(w, IPC_UNWATCH);

	TAILQ_REMOVE(&watchers, w, entry);
	nwatchers--;
	tell(tell_arg, &msg, -1);
	buf_free(&w->words);
	free(w);
}

static int
has_handler(const struct conf *conf, const char *name)
{
	size_t	 i;

	for (i = 0; i < conf->nhandlers; i++)
		if (strcmp(conf->handlers[i].name, name) == 0)
			return 1;
	return 0;
}

/* Writes what is wrong with a word to why, if anything is. */
static void
check(const struct conf *conf, const char *word, char *why, size_t size)
{
	struct network	 net;
	const char	*problem = NULL;

	switch (word[0]) {
	case 'v':
	case 'f':
	case 'r':
		return;
	case 'c':
		if (netaddr_network_parse(word + 1, &net, &problem) == -1)
			break;
		return;
	case 'h':
		if (has_handler(conf, word + 1))
			return;
		problem = "there is no handler of that name";
		break;
	default:
		problem = "no such option";
	}
	(void)snprintf(why, size, "\"%s\": %s", word[0] == '\0' ? "" : word + 1, problem);
}

void
watchers_begin(struct control_client *c, char **words, const struct conf *conf)
{
	struct watcher	*w;
	struct ipc_msg	 msg;
	char		 why[CONTROL_MAX_REQUEST + 128] = "";
	size_t		 i;

	if (nwatchers == IPC_MAX_WATCHES)
		(void)snprintf(why, sizeof(why), "%d watch already, and no more may",
		    IPC_MAX_WATCHES);
	for (i = 0; why[0] == '\0' && words[i] != NULL; i++)
		check(conf, words[i], why, sizeof(why));
	if (why[0] != '\0') {
		control_say_text(c, CONTROL_ERROR, why);
		control_finish(c, CONTROL_FAILED);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->id = ++last_id;
	w->client = c;
	buf_init(&w->words, CONTROL_MAX_REQUEST);
	for (i = 0; words[i] != NULL; i++)
		buf_add_cstr(&w->words, words[i]);
	TAILQ_INSERT_TAIL(&watchers, w, entry);
	nwatchers++;
	w->fd = control_watch(c, gone, w);
	msg = message(w, IPC_WATCH);
	tell(tell_arg, &msg, w->fd);
}

void
watchers_tell_new(struct engine_proc *e)
{
	const struct watcher	*w;
	struct ipc_msg		 msg;

	TAILQ_FOREACH(w, &watchers, entry) {
		msg = message(w, IPC_WATCH);
		engine_proc_send_copy(e, &msg, w->fd);
	}
}

void
watchers_engine_gone(const struct engine_proc *e)
{
	const struct watcher	*w;
	char			 run[16];

	(void)snprintf(run, sizeof(run), "%08x", e->run);
	TAILQ_FOREACH(w, &watchers, entry)
		/* A client that reads nothing gets no pile of messages. */
		if (control_backlog(w->client) < MAX_BACKLOG)
			control_say_text(w->client, CONTROL_RUN_GONE, run);
}
