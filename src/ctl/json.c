/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/json.c: the answers to `status' and `processes' as one JSON object.
 */
#include "base/compat.h"

#include "ctl/forms.h"

#ifdef HAVE_JSON_C
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/xmalloc.h"
#include "ctl/visible.h"

typedef struct json_object	json;

/* json-c ends strings at NUL and escapes what JSON must; it does not look whether they are UTF-8. */
static json *
text(const char *s)
{
	struct buf	 b;
	json		*j;

	buf_init(&b, 65536 * 4);
	visible_add_utf8(&b, s);
	j = json_object_new_string_len(b.len > 0 ? (char *)b.data : "", (int)b.len);
	buf_free(&b);
	return j;
}

static json *
number(uint64_t n)
{
	return json_object_new_int64(n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

/* us as seconds, written as a decimal of which nothing is lost. */
static json *
seconds(uint64_t us)
{
	char	 s[64];
	size_t	 len;

	(void)snprintf(s, sizeof(s), "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
	len = strlen(s);
	while (s[len - 1] == '0' && s[len - 2] != '.')
		s[--len] = '\0';
	return json_object_new_double_s((double)us / 1e6, s);
}

static void
add(json *to, const char *name, json *value)
{
	(void)json_object_object_add(to, name, value);
}

static void
add_numbers(json *to, const char *name, const char *const *names, const uint64_t *n, size_t count)
{
	json	*j = json_object_new_object();
	size_t	 i;

	for (i = 0; i < count; i++)
		add(j, names[i], number(n[i]));
	add(to, name, j);
}

static json *
times(const struct numbers_times *t)
{
	json		*j = json_object_new_object(), *buckets = json_object_new_array(), *pair;
	uint64_t	 n = 0;
	unsigned int	 i;

	for (i = 0; i < NUMBERS_BUCKETS - 1; i++) {
		n += t->buckets[i];
		pair = json_object_new_array();
		(void)json_object_array_add(pair, seconds(numbers_bound(i)));
		(void)json_object_array_add(pair, number(n));
		(void)json_object_array_add(buckets, pair);
	}
	add(j, "count", number(numbers_count(t)));
	add(j, "seconds", seconds(t->us));
	add(j, "buckets", buckets);
	return j;
}

static void
add_daemon(json *j, const struct control_msg *msg)
{
	static const char *const	 results[NUMBERS_MESSAGES] = { "accept", "reject", "tempfail",
	    "discard", "shutdown", "aborted" };
	const struct control_daemon	*d = &msg->u.daemon;
	json				*c = json_object_new_object();

	add(j, "version", text(msg->text[0]));
	add(j, "pid", number(d->pid));
	add(j, "state", text(msg->text[1]));
	add(j, "started", number(d->started));
	add(c, "file", text(msg->text[2]));
	add(c, "read", number(d->read));
	add(c, "reloads", number(d->reloads));
	add(c, "failed", number(d->failed_reloads));
	add(c, "error", msg->text[3][0] == '\0' ? NULL : text(msg->text[3]));
	add(j, "configuration", c);
	add_numbers(j, "messages", results, d->numbers.messages, NUMBERS_MESSAGES);
	add(j, "kept_bytes", number(d->kept));
	add(j, "kept_limit", number(d->kept_limit));
	add(j, "log_lines_lost", number(d->numbers.log_lines_lost));
	add(j, "engine_failures", number(d->engine_failures));
}

static json *
engine(const struct control_msg *msg)
{
	const struct control_engine	*e = &msg->u.engine;
	json				*j = json_object_new_object();

	add(j, "engine", number(e->number));
	add(j, "pid", number(e->pid));
	add(j, "state", text(msg->text[0]));
	add(j, "started", number(e->started));
	add(j, "last_turn", seconds(e->last_turn * 1000));
	add(j, "connections", number(e->connections));
	add(j, "sessions", number(e->sessions));
	if (e->left > 0)
		add(j, "left", seconds(e->left * 1000));
	return j;
}

static json *
listener(const struct control_msg *msg)
{
	static const char *const	 reasons[NUMBERS_PAUSES] = { "connections", "descriptors",
	    "reports" };
	const struct control_listener	*l = &msg->u.listener;
	json				*j = json_object_new_object();

	add(j, "listen", text(msg->text[0]));
	add(j, "connections", number(l->connections));
	add(j, "limit", number(l->limit));
	add(j, "accepted", number(l->numbers.accepted));
	add_numbers(j, "pauses", reasons, l->numbers.pauses, NUMBERS_PAUSES);
	add(j, "protocol_errors", number(l->numbers.protocol_errors));
	return j;
}

static void
add_processes(json *to, const struct control_handler *h)
{
	static const char *const	 states[NUMBERS_PROCESSES] = { "starting", "idle", "busy",
	    "ending" };
	json				*j = json_object_new_object();
	unsigned int			 i;

	for (i = 0; i < NUMBERS_PROCESSES; i++)
		add(j, states[i], number(h->load.processes[i]));
	add(j, "limit", number(h->limit));
	add(to, "processes", j);
}

static void
add_events(json *to, const struct control_handler *h)
{
	json		*j = json_object_new_object();
	unsigned int	 i;

	for (i = 0; i < EV_COUNT; i++)
		if (h->events & EV_BIT(i))
			add(j, event_name((enum event_kind)i), times(&h->numbers.events[i]));
	add(to, "events", j);
}

static json *
handler(const struct control_msg *msg)
{
	static const char *const	 ends[] = { "zero", "status", "signal" };
	static const char *const	 kinds[] = { "failure", "timeout", "overload" };
	static const char *const	 reports[] = { "taken", "failed" };
	static const char *const	 lines[] = { "logged", "dropped" };
	const struct control_handler	*h = &msg->u.handler;
	json				*j = json_object_new_object();
	const char			*verdicts[VD_COUNT];
	unsigned int			 i;

	for (i = 0; i < VD_COUNT; i++)
		verdicts[i] = verdict_name((enum verdict)i);
	add(j, "handler", text(msg->text[0]));
	add(j, "shadow", json_object_new_boolean(h->shadow != 0));
	add_processes(j, h);
	add(j, "starts", number(h->life.starts));
	add_numbers(j, "ends", ends, &h->life.zero, 3);
	add(j, "waiting", number(h->load.waiting));
	add(j, "waits", number(h->numbers.waits));
	add_numbers(j, "answers", verdicts, h->numbers.answers, VD_COUNT);
	add_numbers(j, "failures", kinds, h->numbers.failures, NUMBERS_FAILURES);
	add_numbers(j, "reports", reports, h->numbers.reports, 2);
	add(j, "slow", number(h->numbers.slow));
	add_numbers(j, "stderr", lines, h->numbers.stderr_lines, 2);
	add(j, "backoff", seconds(h->backoff * 1000));
	add(j, "cpu", seconds(h->life.cpu));
	add(j, "max_resident", number(h->life.max_resident));
	add(j, "wait", times(&h->numbers.wait));
	add_events(j, h);
	return j;
}

static void
add_list(json *to, const char *name, const struct snapshot_list *l,
    json *(*make)(const struct control_msg *))
{
	json	*j = json_object_new_array();
	size_t	 i;

	for (i = 0; i < l->n; i++)
		(void)json_object_array_add(j, make(&l->msgs[i]));
	add(to, name, j);
}

static json *
process(const struct control_msg *msg)
{
	const struct control_process	*p = &msg->u.process;
	const char			*queue_id = strchr(msg->text[2], ' ');
	json				*j = json_object_new_object();
	char				*session = xstrdup(msg->text[2]);

	session[strcspn(session, " ")] = '\0';
	add(j, "handler", text(msg->text[0]));
	add(j, "pid", number(p->pid));
	add(j, "engine", number(p->engine));
	add(j, "state", text(msg->text[1]));
	add(j, "for", seconds(p->age > NUMBERS_MOST ? NUMBERS_MOST : p->age * 1000));
	add(j, "uses", number(p->uses));
	add(j, "event", p->event < EV_COUNT ? text(event_name((enum event_kind)p->event)) : NULL);
	add(j, "session", session[0] == '\0' ? NULL : text(session));
	add(j, "queue_id", queue_id == NULL ? NULL : text(queue_id + 1));
	free(session);
	return j;
}

static void
print(struct buf *b, json *j)
{
	buf_add_str(b, json_object_to_json_string_ext(j,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	buf_add_str(b, "\n");
	(void)json_object_put(j);
}

int
json_processes(struct buf *b, const struct snapshot *s)
{
	json	*j = json_object_new_object();

	add_list(j, "processes", &s->processes, process);
	print(b, j);
	return 0;
}

int
json_print(struct buf *b, const struct snapshot *s)
{
	json	*j = json_object_new_object();

	add_daemon(j, &s->daemon.msgs[0]);
	add_list(j, "engines", &s->engines, engine);
	add_list(j, "listeners", &s->listeners, listener);
	add_list(j, "handlers", &s->handlers, handler);
	print(b, j);
	return 0;
}
#else
int
json_processes(struct buf *b __unused, const struct snapshot *s __unused)
{
	return -1;
}

int
json_print(struct buf *b __unused, const struct snapshot *s __unused)
{
	return -1;
}
#endif
