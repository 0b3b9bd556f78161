/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/snapshot.c: the answer to `status', or to `processes'.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/xmalloc.h"
#include "ctl/client.h"
#include "ctl/snapshot.h"

static void
keep(struct snapshot_list *l, const struct control_msg *msg)
{
	struct control_msg	*copy;
	unsigned int		 i;

	l->msgs = xreallocarray(l->msgs, l->n + 1, sizeof(*l->msgs));
	copy = &l->msgs[l->n++];
	*copy = *msg;
	for (i = 0; i < control_msg_texts(msg->type); i++)
		copy->text[i] = xstrdup(msg->text[i]);
}

/* client_message */
static void
take(void *arg, const struct control_msg *msg)
{
	struct snapshot	*s = arg;

	if (msg->type == CONTROL_DAEMON && s->daemon.n == 0)
		keep(&s->daemon, msg);
	else if (msg->type == CONTROL_ENGINE)
		keep(&s->engines, msg);
	else if (msg->type == CONTROL_LISTENER)
		keep(&s->listeners, msg);
	else if (msg->type == CONTROL_HANDLER)
		keep(&s->handlers, msg);
	else if (msg->type == CONTROL_PROCESS)
		keep(&s->processes, msg);
}

int
snapshot_take(struct snapshot *s, const char *path)
{
	int	 status;

	memset(s, 0, sizeof(*s));
	status = client_ask(path, "status", CLIENT_SOON, take, s);
	if (status == CONTROL_OK && s->daemon.n == 0) {
		client_complain(path, "the answer is not complete");
		status = CONTROL_FAILED;
	}
	if (status != CONTROL_OK)
		snapshot_free(s);
	return status;
}

int
snapshot_take_processes(struct snapshot *s, const char *path)
{
	int	 status;

	memset(s, 0, sizeof(*s));
	if ((status = client_ask(path, "processes", CLIENT_SOON, take, s)) != CONTROL_OK)
		snapshot_free(s);
	return status;
}

static void
free_list(struct snapshot_list *l)
{
	size_t		 i;
	unsigned int	 t;

	for (i = 0; i < l->n; i++)
		for (t = 0; t < control_msg_texts(l->msgs[i].type); t++)
			free((void *)(uintptr_t)l->msgs[i].text[t]);
	free(l->msgs);
	memset(l, 0, sizeof(*l));
}

void
snapshot_free(struct snapshot *s)
{
	free_list(&s->daemon);
	free_list(&s->engines);
	free_list(&s->listeners);
	free_list(&s->handlers);
	free_list(&s->processes);
}

static uint64_t
sum(const uint64_t *numbers, unsigned int n)
{
	uint64_t	 all = 0;

	while (n-- > 0)
		all += numbers[n];
	return all;
}

uint64_t
snapshot_answers(const struct control_handler *h)
{
	return sum(h->numbers.answers, VD_COUNT);
}

uint64_t
snapshot_failures(const struct control_handler *h)
{
	return sum(h->numbers.failures, NUMBERS_FAILURES);
}
