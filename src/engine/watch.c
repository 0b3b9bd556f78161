/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/watch.c: lines of sessions for those who watch.
 */
#include "base/compat.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/netaddr.h"
#include "base/pattern.h"
#include "base/xmalloc.h"
#include "engine/watch.h"
#include "milter/smtp_reply.h"
#include "session/exclude.h"
#include "session/msglog.h"
#include "session/session.h"
#include "system/control_msg.h"

/* What a session must have shown, and that it was shown: bits for each watch. */
#define HAS_CLIENT	0x01u
#define HAS_SENDER	0x02u
#define HAS_RECIPIENT	0x04u
#define HAS_HANDLER	0x08u
#define WAS_SHOWN	0x10u
#define BITS		5

/* ms that who reads slowly has until something is sent again: a try costs as much as a line. */
#define PAUSE		20

/* Actions of one reply in a line, and bytes of one text of it. */
#define MAX_ACTIONS	10
#define MAX_TEXT	200

struct watch {
	uint64_t	 id;		/* the supervisor's; 0: nobody */
	int		 fd;
	int		 verbose;
	unsigned int	 needs;		/* HAS_ bits that a session must have */
	struct network	 client;
	char		*sender, *recipient;	/* patterns, or NULL */
	unsigned char	*handlers;	/* by index into conf.handlers: 1 if they are wanted */
	uint64_t	 lost, lost_ends;	/* not told yet */
	uint64_t	 full_until;	/* ms: nothing is tried before this, since there was no room */
};

static struct watch	 watches[IPC_MAX_WATCHES];
static unsigned int	 nwatches;
static struct engine	*engine;
static const struct conf *conf;

/* A session that had an event since somebody watches. */
struct watched {
	RB_ENTRY(watched)	 by_id;
	struct session		*session;
	const char		*id;		/* the session's */
	uint32_t		 bits;		/* for each who watches */
};

static RB_HEAD(watched_tree, watched) sessions = RB_INITIALIZER(&sessions);

static int
watched_compare(struct watched *a, struct watched *b)
{
	return strcmp(a->id, b->id);
}

RB_GENERATE_STATIC(watched_tree, watched, by_id, watched_compare)

static unsigned int
bits_of(const struct watched *s, const struct watch *w)
{
	return s->bits >> ((unsigned int)(w - watches) * BITS);
}

static void
set_bits(struct watched *s, const struct watch *w, unsigned int bits)
{
	s->bits |= bits << ((unsigned int)(w - watches) * BITS);
}

static int
is_shown(const struct watched *s, const struct watch *w)
{
	return w->id != 0 && (bits_of(s, w) & w->needs) == w->needs;
}

static void
forget_session(struct watched *s)
{
	RB_REMOVE(watched_tree, &sessions, s);
	s->session->watched = NULL;
	free(s);
}

static void
stop(struct watch *w)
{
	struct watched	*s, *next;
	uint32_t	 bits = ((1u << BITS) - 1) << ((unsigned int)(w - watches) * BITS);

	(void)close(w->fd);
	free(w->sender);
	free(w->recipient);
	free(w->handlers);
	memset(w, 0, sizeof(*w));
	nwatches--;
	if (nwatches == 0) {
		log_watch(NULL);
		session_on_event(NULL);
	}
	RB_FOREACH_SAFE(s, watched_tree, &sessions, next) {
		s->bits &= ~bits;
		if (nwatches == 0)
			forget_session(s);
	}
}

static int
is_full(const struct watch *w)
{
	return w->full_until > engine_now(engine);
}

/* Returns 1 sent, 0 there was no room, -1 the watch has ended. */
static int
send_message(struct watch *w, const struct control_msg *msg)
{
	static struct buf	 b;
	ssize_t			 n;

	if (is_full(w))
		return 0;
	if (b.max == 0)
		buf_init(&b, CONTROL_MAX_MSG);
	buf_reset(&b);
	control_msg_enc(&b, msg);
	if (!buf_ok(&b))
		return 0;
	do
		n = send(w->fd, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n != -1)
		return 1;
	if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
		w->full_until = engine_now(engine) + PAUSE;
		return 0;
	}
	stop(w);
	return -1;
}

/* Returns as send_message(). */
static int
tell_lost(struct watch *w)
{
	struct control_msg	 msg;
	int			 ret;

	if (w->lost == 0 && w->lost_ends == 0)
		return 1;
	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_LOST;
	msg.u.lost.lines = w->lost;
	msg.u.lost.sessions = w->lost_ends;
	if ((ret = send_message(w, &msg)) == 1)
		w->lost = w->lost_ends = 0;
	return ret;
}

static uint64_t
now_ms(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
show(struct watch *w, struct watched *s, const char *ids, const char *text)
{
	struct control_msg	 msg;
	int			 ret;

	if (is_full(w)) {
		w->lost++;
		return;
	}
	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_LINE;
	msg.text[0] = ids;
	msg.text[1] = text;
	msg.u.line.time = now_ms();
	if ((ret = tell_lost(w)) == 1)
		ret = send_message(w, &msg);
	if (ret == 0)
		w->lost++;
	if (ret == 1)
		set_bits(s, w, WAS_SHOWN);
}

/* The index of the handler that a line of the log is about, or -1. */
static int
handler_of(const char *text)
{
	size_t	 i, len;

	if (strncmp(text, "handler ", 8) != 0)
		return -1;
	text += 8;
	for (i = 0; i < conf->nhandlers; i++) {
		len = strlen(conf->handlers[i].name);
		if (strncmp(text, conf->handlers[i].name, len) == 0 && text[len] == ':')
			return (int)i;
	}
	return -1;
}

/* 1 if lines about this handler (-1: about none) are wanted. */
static int
wants_handler(const struct watch *w, int handler)
{
	return handler == -1 || w->handlers == NULL || w->handlers[handler];
}

static void
note_handler(struct watched *s, const struct watch *w, int handler)
{
	if (handler != -1 && w->handlers != NULL && w->handlers[handler])
		set_bits(s, w, HAS_HANDLER);
}

/* log_watch() */
static void
on_line(const char *ids, const char *text)
{
	char		 id[sizeof(((struct session *)NULL)->id)];
	struct watched	 key = { .id = id }, *s;
	struct watch	*w;
	size_t		 i, len = strcspn(ids, " ");
	int		 handler = handler_of(text);

	if (len >= sizeof(id))
		return;
	memcpy(id, ids, len);
	id[len] = '\0';
	if ((s = RB_FIND(watched_tree, &sessions, &key)) == NULL)
		return;
	for (i = 0; i < nitems(watches); i++) {
		w = &watches[i];
		note_handler(s, w, handler);
		if (is_shown(s, w) && wants_handler(w, handler))
			show(w, s, ids, text);
	}
}

/* shown: an address in angle brackets, which no pattern has. */
static int
matches(const char *pattern, const char *shown)
{
	size_t	 len = strlen(shown);
	char	*address;
	int	 found;

	if (len < 2)
		return 0;
	address = xstrndup(shown + 1, len - 2);
	found = pattern_matches(pattern, address);
	free(address);
	return found;
}

/* Which of these HAS_ bits the session has now. */
static unsigned int
look_for(const struct session *s, const struct watch *w, unsigned int wanted)
{
	unsigned int	 found = 0;

	if (wanted & HAS_CLIENT && s->client_family != NULL && exclude_is_in(s, &w->client))
		found |= HAS_CLIENT;
	if (wanted & HAS_SENDER && s->message != NULL && matches(w->sender, s->message->sender->shown))
		found |= HAS_SENDER;
	if (wanted & HAS_RECIPIENT && s->cur.recipient != NULL &&
	    matches(w->recipient, s->cur.recipient->shown))
		found |= HAS_RECIPIENT;
	return found;
}

static void
show_connect(struct watch *w, struct session *s)
{
	struct buf	 b;

	buf_init(&b, CONTROL_MAX_MSG / 4);
	buf_add_str(&b, "connect ");
	msglog_client(s, &b);
	buf_printf(&b, " at %s", s->listen->spec);
	buf_add_u8(&b, 0);
	if (buf_ok(&b))
		show(w, s->watched, s->ids, (char *)b.data);
	buf_free(&b);
}

static struct watched *
watch_session(struct session *s)
{
	struct watched	*watched = xcalloc(1, sizeof(*watched));

	watched->session = s;
	watched->id = s->id;
	(void)RB_INSERT(watched_tree, &sessions, watched);
	return watched;
}

/* session_on_event() */
static void
on_event(struct session *s)
{
	struct watch	*w;
	size_t		 i;

	if (s->watched == NULL)
		s->watched = watch_session(s);
	for (i = 0; i < nitems(watches); i++) {
		w = &watches[i];
		if (w->id == 0)
			continue;
		set_bits(s->watched, w, look_for(s, w, w->needs & ~bits_of(s->watched, w)));
		if (w->verbose && s->cur.event == EV_CONNECT && is_shown(s->watched, w))
			show_connect(w, s);
	}
}

/* The MTA, or nobody, waits for the task: a shadow's event may be over. */
static void
describe_event(const struct task *t, struct buf *b)
{
	const struct session	*s = t->session;
	const struct current	*c = &s->cur;
	const char		*text = NULL;

	buf_add_str(b, event_name(t->event));
	if (t->shadow)
		return;
	if (t->event == EV_HELO)
		text = s->helo;
	else if (t->event == EV_MAIL && s->message != NULL)
		text = s->message->sender->shown;
	else if (t->event == EV_RCPT && c->recipient != NULL)
		text = c->recipient->shown;
	else if (t->event == EV_HEADER)
		text = c->header_name;
	else if (t->event == EV_UNKNOWN)
		text = c->command;
	if (text != NULL)
		buf_printf(b, " %.*s", MAX_TEXT, text);
}

static void
describe_actions(const struct action_list *list, struct buf *b)
{
	const struct action	*a;
	unsigned int		 n = 0;

	if (list == NULL)
		return;
	TAILQ_FOREACH(a, list, entry) {
		if (n++ == MAX_ACTIONS) {
			buf_add_str(b, "...; ");
			return;
		}
		buf_add_str(b, action_name(a->kind));
		if (a->name != NULL)
			buf_printf(b, " %.*s", MAX_TEXT, a->name);
		if (a->value != NULL)
			buf_printf(b, " %.*s", MAX_TEXT, a->value);
		buf_add_str(b, "; ");
	}
}

static void
describe_verdict(const struct task_result *r, struct buf *b)
{
	struct smtp_reply	 reply;

	buf_add_str(b, verdict_name(r->verdict));
	if (r->verdict != VD_REJECT && r->verdict != VD_TEMPFAIL && r->verdict != VD_SHUTDOWN)
		return;
	smtp_reply_copy(&reply, &r->smtp);
	(void)smtp_reply_complete(r->verdict, &reply);
	buf_printf(b, " %d %s %.*s", reply.code, reply.enhanced, MAX_TEXT,
	    reply.text == NULL ? "" : reply.text);
	smtp_reply_free(&reply);
}

static void
describe_result(const struct task_result *r, struct buf *b)
{
	const char	*what = r->end == TASK_TIMEOUT ? "timeout" :
	    r->end == TASK_OVERLOAD ? "overload" : "failure";

	if (r->end == TASK_REPLY) {
		describe_actions(r->actions, b);
		if (r->output != NULL)
			buf_printf(b, "a message%s; ", r->as_given ? ", unchanged" : "");
		describe_verdict(r, b);
	} else
		buf_printf(b, "%s%s%.*s", what, r->why == NULL ? "" : ": ", MAX_TEXT,
		    r->why == NULL ? "" : r->why);
}

static void
describe_time(const char *before, uint64_t us, const char *after, struct buf *b)
{
	buf_printf(b, ", %s %llu.%03llu s%s", before, (unsigned long long)us / 1000000,
	    (unsigned long long)us / 1000 % 1000, after);
}

void
watch_answer(const struct pool *p, const struct task *t, const struct task_result *r,
    uint64_t took, uint64_t waited)
{
	struct watched	*s = t->session->watched;
	struct buf	 b;
	size_t		 i;

	if (s == NULL)
		return;
	buf_init(&b, CONTROL_MAX_MSG / 4);
	for (i = 0; i < nitems(watches); i++) {
		note_handler(s, &watches[i], (int)t->handler);
		if (!watches[i].verbose || !is_shown(s, &watches[i]) ||
		    !wants_handler(&watches[i], (int)t->handler))
			continue;
		if (is_full(&watches[i])) {
			watches[i].lost++;
			continue;
		}
		if (b.len == 0) {
			buf_printf(&b, "%s: ", p->conf->name);
			describe_event(t, &b);
			buf_add_str(&b, t->shadow ? ": shadow: " : ": ");
			describe_result(r, &b);
			if (t->run.given != 0 && r->end == TASK_REPLY)
				describe_time("after", took, "", &b);
			if (waited >= 1000)
				describe_time("waited", waited, " for a process", &b);
			buf_add_u8(&b, 0);
		}
		if (buf_ok(&b))
			show(&watches[i], s, t->ids, (char *)b.data);
	}
	buf_free(&b);
}

void
watch_session_gone(struct session *s)
{
	struct control_msg	 msg;
	uint32_t		 had;
	size_t			 i;

	if (s->watched == NULL)
		return;
	had = s->watched->bits;
	forget_session(s->watched);
	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_GONE;
	msg.text[0] = s->id;
	for (i = 0; i < nitems(watches); i++)
		if (had >> (i * BITS) & WAS_SHOWN && watches[i].id != 0 &&
		    (tell_lost(&watches[i]) == 0 ||
		    (watches[i].id != 0 && send_message(&watches[i], &msg) == 0)))
			watches[i].lost_ends++;
}

void
watch_sweep(void)
{
	size_t	 i;

	if (nwatches == 0)
		return;
	for (i = 0; i < nitems(watches); i++)
		if (watches[i].id != 0)
			(void)tell_lost(&watches[i]);
}

int
watch_is_on(void)
{
	return nwatches > 0;
}

static void
add_handler(struct watch *w, const char *name)
{
	size_t	 i;

	if (w->handlers == NULL)
		w->handlers = xcalloc(conf->nhandlers + 1, 1);
	w->needs |= HAS_HANDLER;
	for (i = 0; i < conf->nhandlers; i++)
		if (strcmp(conf->handlers[i].name, name) == 0)
			w->handlers[i] = 1;
}

static void
set_pattern(char **at, const char *pattern)
{
	free(*at);
	*at = xstrdup(pattern);
}

static void
take_word(struct watch *w, const char *word)
{
	const char	*why;

	switch (*word++) {
	case 'v':
		w->verbose = 1;
		break;
	case 'c':
		w->needs |= HAS_CLIENT;
		/* The supervisor has tried it. */
		if (netaddr_network_parse(word, &w->client, &why) == -1)
			fatalx("a network to watch: %s", why);
		break;
	case 'f':
		w->needs |= HAS_SENDER;
		set_pattern(&w->sender, word);
		break;
	case 'r':
		w->needs |= HAS_RECIPIENT;
		set_pattern(&w->recipient, word);
		break;
	case 'h':
		add_handler(w, word);
		break;
	}
}

void
watch_begin(struct engine *e, const struct ipc_msg *msg, int fd)
{
	const char	*word, *end = msg->env + msg->env_len;
	size_t		 i = 0;

	if (fd == -1)
		return;
	while (i < nitems(watches) && watches[i].id != 0)
		i++;
	if (i == nitems(watches) || msg->id == 0) {
		(void)close(fd);
		return;
	}
	engine = e;
	conf = e->conf;
	watches[i].id = msg->id;
	watches[i].fd = fd;
	for (word = msg->env; word < end; word += strlen(word) + 1)
		take_word(&watches[i], word);
	nwatches++;
	log_watch(on_line);
	session_on_event(on_event);
}

void
watch_end(uint64_t id)
{
	size_t	 i;

	for (i = 0; i < nitems(watches); i++)
		if (watches[i].id == id && id != 0)
			stop(&watches[i]);
}
