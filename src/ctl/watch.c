/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/watch.c: the command `watch'.
 */
#include "base/compat.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/netaddr.h"
#include "base/xmalloc.h"
#include "ctl/client.h"
#include "ctl/visible.h"
#include "ctl/watch.h"

/* Sessions that are shown, and not over. */
struct shown {
	char		(*ids)[32];
	size_t		 n;
	uint64_t	 begun, over;
	uint64_t	 most;		/* that are to be shown; 0: any number */
};

/* Adds a word of the request: its letter, and what follows, with its spaces as they are sent. */
static void
add_word(struct buf *b, char letter, const char *text)
{
	buf_add_u8(b, ' ');
	buf_add_u8(b, (unsigned char)letter);
	for (; *text != '\0'; text++)
		buf_add_u8(b, *text == ' ' ? (unsigned char)CONTROL_SPACE : (unsigned char)*text);
}

static int
has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ')
			return 1;
	return 0;
}

/* Returns 0, or CONTROL_USAGE, told, or -1: there is no such option. */
static int
take_option(struct buf *b, struct shown *s, int ch)
{
	struct network	 net;
	const char	*why = NULL;

	switch (ch) {
	case 'v':
		add_word(b, 'v', "");
		return 0;
	case 'n':
		s->most = (uint64_t)strtonum(optarg, 1, INT_MAX, &why);
		return why == NULL ? 0 : client_refuse("-n", optarg, why);
	case 'c':
		if (netaddr_network_parse(optarg, &net, &why) == -1)
			return client_refuse("-c", optarg, why);
		break;
	case 'f':
	case 'r':
		if (has_control(optarg))
			return client_refuse(ch == 'f' ? "-f" : "-r", optarg,
			    "no control characters here");
		break;
	default:
		return -1;
	}
	add_word(b, (char)ch, optarg);
	return 0;
}

/* Makes the request of the words. Returns as take_option(). */
static int
make_request(struct buf *b, struct shown *s, char **words)
{
	static char	 getopt_name[] = "pipemilterctl: watch";
	int		 argc = 0, ch, ret;

	while (words[argc] != NULL)
		argc++;
	buf_add_str(b, "watch");
	optind = 0;
	words[0] = getopt_name;		/* it begins its complaints with this word */
	while ((ch = getopt(argc, words, "+vn:c:f:r:")) != -1)
		if ((ret = take_option(b, s, ch)) != 0)
			return ret;
	for (; words[optind] != NULL; optind++) {
		if (has_control(words[optind]))
			return client_refuse("handler", words[optind], "no control characters here");
		add_word(b, 'h', words[optind]);
	}
	buf_add_u8(b, 0);
	return 0;
}

static size_t
find(const struct shown *s, const char *id, size_t len)
{
	size_t	 i;

	for (i = 0; i < s->n; i++)
		if (strncmp(s->ids[i], id, len) == 0 && s->ids[i][len] == '\0')
			break;
	return i;
}

/* 1 if lines of this session are to be shown. */
static int
wants(struct shown *s, const char *ids)
{
	size_t	 len = strcspn(ids, " ");

	if (s->most == 0)
		return 1;
	if (len >= sizeof(s->ids[0]))
		return 0;
	if (find(s, ids, len) < s->n)
		return 1;
	if (s->begun == s->most)
		return 0;
	s->begun++;
	s->ids = xreallocarray(s->ids, s->n + 1, sizeof(*s->ids));
	memcpy(s->ids[s->n], ids, len);
	s->ids[s->n++][len] = '\0';
	return 1;
}

static void
forget(struct shown *s, size_t i)
{
	memmove(s->ids + i, s->ids + i + 1, (s->n - i - 1) * sizeof(*s->ids));
	s->n--;
	s->over++;
}

static void
note_gone(struct shown *s, const char *id)
{
	size_t	 i = find(s, id, strlen(id));

	if (i < s->n)
		forget(s, i);
}

/* An engine has ended, and so have its sessions, whose ids begin with run and a full stop. */
static void
note_run_gone(struct shown *s, const char *run)
{
	size_t	 i = s->n, len = strlen(run);

	while (i-- > 0)
		if (strncmp(s->ids[i], run, len) == 0 && s->ids[i][len] == '.')
			forget(s, i);
}

static void
print_time(struct buf *b, uint64_t ms)
{
	time_t		 t = (time_t)(ms / 1000);
	struct tm	 tm;
	char		 text[32];

	if (localtime_r(&t, &tm) == NULL || strftime(text, sizeof(text), "%H:%M:%S", &tm) == 0)
		(void)strlcpy(text, "?", sizeof(text));
	buf_printf(b, "%s.%03u ", text, (unsigned int)(ms % 1000));
}

/* Returns 0, or -1: nobody takes what is printed. */
static int
print_message(const struct control_msg *msg)
{
	struct buf	 b;
	size_t		 n;

	buf_init(&b, 2 * CONTROL_MAX_MSG * 4);
	if (msg->type == CONTROL_LOST)
		buf_printf(&b, "... %llu line%s lost", (unsigned long long)msg->u.lost.lines,
		    msg->u.lost.lines == 1 ? "" : "s");
	else {
		print_time(&b, msg->u.line.time);
		visible_add(&b, msg->text[0]);
		buf_add_str(&b, ": ");
		visible_add(&b, msg->text[1]);
	}
	buf_add_str(&b, "\n");
	n = fwrite(b.data, 1, b.len, stdout);
	buf_free(&b);
	return n == 0 || fflush(stdout) != 0 ? -1 : 0;
}

/* What comes now is from engines, any of which may be an attacker's: only lines count. */
static int
show(int fd, struct shown *s)
{
	static struct control_msg msg;
	int			 got, ret = 0;

	while ((s->most == 0 || s->over < s->most) && (got = client_next(fd, 1, &msg)) != 0) {
		if (got == -1)
			return CONTROL_FAILED;
		if (msg.type == CONTROL_GONE)
			note_gone(s, msg.text[0]);
		if (msg.type == CONTROL_RUN_GONE)
			note_run_gone(s, msg.text[0]);
		if (msg.type == CONTROL_LOST)
			s->over += msg.u.lost.sessions;
		if ((msg.type == CONTROL_LINE && wants(s, msg.text[0])) ||
		    (msg.type == CONTROL_LOST && msg.u.lost.lines > 0))
			ret = print_message(&msg);
		if (ret == -1) {
			client_complain("standard output", strerror(errno));
			return CONTROL_FAILED;
		}
	}
	return CONTROL_OK;
}

int
watch_run(const char *path, char **words)
{
	struct shown	 s = { NULL, 0, 0, 0, 0 };
	struct buf	 request;
	int		 fd, status;

	buf_init(&request, 1024 * 1024);
	if ((status = make_request(&request, &s, words)) == 0)
		status = client_begin(path, (char *)request.data, &fd);
	buf_free(&request);
	if (status != 0)
		return status;
	if ((status = client_until(fd, CONTROL_WATCHING)) == 0)
		status = show(fd, &s);
	free(s.ids);
	(void)close(fd);
	return status;
}
