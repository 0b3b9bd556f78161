/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/control.c: the clients of the control socket.
 */
#include "base/compat.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/xmalloc.h"
#include "supervisor/awake.h"
#include "supervisor/control.h"

#define MAX_CLIENTS	16
#define REQUEST_MS	5000	/* ms that a client has for its request, and to read */
#define MAX_WORDS	128
#define PAUSE_MS	1000	/* ms without new clients, where no descriptor is left for one */

struct packet {
	STAILQ_ENTRY(packet)	 entry;
	struct buf		 bytes;
};

struct control_client {
	TAILQ_ENTRY(control_client) entry;
	int			 fd;
	int			 all;		/* it may do everything */
	int			 asked;		/* its request has come */
	int			 held;		/* it waits for our end */
	enum { WAITS_NOT, WAITS_NEXT, WAITS_NOW } waits;	/* for the end of a reload */
	int			 finished;	/* its answer is complete */
	void			(*gone)(void *);	/* it watches; or NULL */
	void			*gone_arg;
	uint64_t		 due;		/* ms: it is closed then; MONO_NEVER: not */
	STAILQ_HEAD(, packet)	 packets;	/* of the answer, not sent yet */
};

static TAILQ_HEAD(client_list, control_client) clients = TAILQ_HEAD_INITIALIZER(clients);
static size_t		 nclients;
static int		 listener = -1;
static uint64_t		 paused_until;	/* ms: no client is accepted before this; 0: now */
static control_request	*request;
static void		*request_arg;

void
control_init(int fd, control_request *fn, void *arg)
{
	listener = fd;
	request = fn;
	request_arg = arg;
}

static void
drop(struct control_client *c)
{
	struct packet	*p;

	if (c->gone != NULL)
		c->gone(c->gone_arg);
	while ((p = STAILQ_FIRST(&c->packets)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->packets, entry);
		buf_free(&p->bytes);
		free(p);
	}
	TAILQ_REMOVE(&clients, c, entry);
	nclients--;
	(void)close(c->fd);
	free(c);
}

void
control_close_listener(void)
{
	if (listener != -1)
		(void)close(listener);
	listener = -1;
}

void
control_close(void)
{
	struct control_client	*c;

	control_close_listener();
	while ((c = TAILQ_FIRST(&clients)) != NULL) {
		c->gone = NULL;
		drop(c);
	}
}

void
control_say(struct control_client *c, const struct control_msg *msg)
{
	struct packet	*p = xcalloc(1, sizeof(*p));

	buf_init(&p->bytes, CONTROL_MAX_MSG);
	control_msg_enc(&p->bytes, msg);
	if (buf_ok(&p->bytes)) {
		STAILQ_INSERT_TAIL(&c->packets, p, entry);
		return;
	}
	buf_free(&p->bytes);
	free(p);
}

void
control_say_text(struct control_client *c, enum control_type type, const char *text)
{
	struct control_msg	 msg = { .type = type };

	msg.text[0] = text;
	control_say(c, &msg);
}

void
control_finish(struct control_client *c, unsigned int status)
{
	struct control_msg	 msg = { .type = CONTROL_END };

	msg.u.status = status;
	control_say(c, &msg);
	c->finished = 1;
}

void
control_hold(struct control_client *c)
{
	c->held = 1;
	c->due = MONO_NEVER;
}

void
control_wait(struct control_client *c)
{
	c->waits = WAITS_NEXT;
	c->due = MONO_NEVER;
}

void
control_reload_begins(void)
{
	struct control_client	*c;

	TAILQ_FOREACH(c, &clients, entry)
		if (c->waits == WAITS_NEXT)
			c->waits = WAITS_NOW;
}

void
control_reload_says(const char *text)
{
	struct control_client	*c;

	TAILQ_FOREACH(c, &clients, entry)
		if (c->waits == WAITS_NOW)
			control_say_text(c, CONTROL_ERROR, text);
}

void
control_reload_ends(unsigned int status)
{
	struct control_client	*c;

	TAILQ_FOREACH(c, &clients, entry)
		if (c->waits == WAITS_NOW) {
			c->waits = WAITS_NOT;
			c->due = awake_ms() + REQUEST_MS;
			control_finish(c, status);
		}
}

/* Sends what there is room for. Returns 0, or -1: the client is to be dropped. */
static int
send_packets(struct control_client *c, uint64_t now)
{
	struct packet	*p;

	while ((p = STAILQ_FIRST(&c->packets)) != NULL) {
		if (send(c->fd, p->bytes.data, p->bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		STAILQ_REMOVE_HEAD(&c->packets, entry);
		buf_free(&p->bytes);
		free(p);
		if (!c->held && c->waits == WAITS_NOT)
			c->due = now + REQUEST_MS;
	}
	return c->finished ? -1 : 0;
}

int
control_watch(struct control_client *c, void (*gone)(void *), void *arg)
{
	control_say(c, &(struct control_msg){ .type = CONTROL_WATCHING });
	c->gone = gone;
	c->gone_arg = arg;
	control_hold(c);
	/* Before any line: nothing was sent yet, so there is room. */
	(void)send_packets(c, 0);
	return c->fd;
}

size_t
control_backlog(const struct control_client *c)
{
	const struct packet	*p;
	size_t			 n = 0;

	STAILQ_FOREACH(p, &c->packets, entry)
		n++;
	return n;
}

/* Says what is wrong with a request. */
static void
refuse(struct control_client *c, const char *why, unsigned int status)
{
	control_say_text(c, CONTROL_ERROR, why);
	control_finish(c, status);
}

/* Spaces within a word come as another byte. */
static char *
unfold(char *word)
{
	char	*p = word;

	while ((p = strchr(p, CONTROL_SPACE)) != NULL)
		*p++ = ' ';
	return word;
}

/* Calls back with a request: a version, a space, and the words of a command. */
static void
take_request(struct control_client *c, char *text)
{
	static const char	 version[] = PACKAGE_VERSION;
	char			*words[MAX_WORDS + 1], *next = text, *word;
	char			 why[128];
	size_t			 n = 0;

	while ((word = strsep(&next, " ")) != NULL && n < MAX_WORDS)
		words[n++] = unfold(word);
	words[n] = NULL;
	if (strcmp(words[0], version) != 0) {
		(void)snprintf(why, sizeof(why), "the daemon is of version %s, pipemilterctl of "
		    "another: use the one that belongs to it", version);
		refuse(c, why, CONTROL_FAILED);
	} else if (n < 2 || word != NULL)
		refuse(c, "no such command", CONTROL_USAGE);
	else
		request(request_arg, c, words + 1, c->all);
}

/* Returns 0, or -1: the client is to be dropped. */
static int
read_request(struct control_client *c, uint64_t now)
{
	char	 text[CONTROL_MAX_REQUEST + 2];
	ssize_t	 n = recv(c->fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_TRUNC);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0 || c->asked)
		return -1;
	c->asked = 1;
	c->due = now + REQUEST_MS;
	if (n > CONTROL_MAX_REQUEST || memchr(text, '\0', (size_t)n) != NULL)
		refuse(c, "no such command", CONTROL_USAGE);
	else {
		text[n] = '\0';
		take_request(c, text);
	}
	return send_packets(c, now);
}

/* Root and our own user may do all. Whom the file lets in besides may look. */
static int
may_do_all(int fd)
{
	struct ucred	 peer;
	socklen_t	 len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		return 0;
	return peer.uid == 0 || peer.uid == geteuid();
}

/* Makes room for one more: who was silent longest goes. Returns 0 if all have asked. */
static int
make_room(void)
{
	struct control_client	*c;

	if (nclients < MAX_CLIENTS)
		return 1;
	TAILQ_FOREACH(c, &clients, entry)
		if (!c->asked) {
			drop(c);
			return 1;
		}
	return 0;
}

static void
accept_all(uint64_t now)
{
	struct control_client	*c;
	int			 fd, n;

	for (n = 0; n < MAX_CLIENTS; n++) {
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1) {
			/* Who waits would else be polled for again and again. */
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				paused_until = now + PAUSE_MS;
			return;
		}
		if (!make_room()) {
			(void)close(fd);
			continue;
		}
		c = xcalloc(1, sizeof(*c));
		c->fd = fd;
		c->all = may_do_all(fd);
		c->due = now + REQUEST_MS;
		STAILQ_INIT(&c->packets);
		TAILQ_INSERT_TAIL(&clients, c, entry);
		nclients++;
		/* The request comes at once, so that others who are silent can't drive it out. */
		if (read_request(c, now) == -1)
			drop(c);
	}
}

size_t
control_poll_count(void)
{
	return nclients + (listener != -1);
}

void
control_fill(struct pollfd *pfd)
{
	struct control_client	*c;

	TAILQ_FOREACH(c, &clients, entry) {
		pfd->fd = c->fd;
		pfd->events = STAILQ_EMPTY(&c->packets) ? POLLIN : POLLIN | POLLOUT;
		pfd->revents = 0;
		pfd++;
	}
	if (listener == -1)
		return;
	pfd->fd = paused_until == 0 ? listener : -1;
	pfd->events = POLLIN;
	pfd->revents = 0;
}

void
control_serve(const struct pollfd *pfds, size_t n, uint64_t now)
{
	struct control_client	*c, *next;
	size_t			 i = 0;

	TAILQ_FOREACH_SAFE(c, &clients, entry, next) {
		if (i == n)
			break;
		if (pfds[i].revents & (POLLIN | POLLHUP | POLLERR) ? read_request(c, now) == -1 :
		    pfds[i].revents & POLLOUT && send_packets(c, now) == -1)
			drop(c);
		i++;
	}
	if (i < n && listener != -1 && pfds[i].revents != 0)
		accept_all(now);
}

uint64_t
control_run_timers(uint64_t now)
{
	struct control_client	*c, *next;
	uint64_t		 first = MONO_NEVER;

	if (paused_until <= now)
		paused_until = 0;
	else
		first = paused_until;
	TAILQ_FOREACH_SAFE(c, &clients, entry, next) {
		if (c->due <= now)
			drop(c);
		else if (c->due < first)
			first = c->due;
	}
	return first;
}
