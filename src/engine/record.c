/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/record.c: appends what happens in a session to its transcript file.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xmalloc.h"
#include "engine/record.h"
#include "transcript/transcript.h"

/* Bytes. Escapes make a command up to five times as long; macros come on top. */
#define MAX_TEXT	(RECORD_MAX + ((size_t)16 << 20))

struct record {
	int			 dir;
	char			 id[24];	/* of the session; "": none */
	char			 name[64];	/* of the file; "": not named yet */
	struct transcript	 transcript;
	struct buf		 negotiated;	/* the negotiation, with which each file begins */
	struct buf		 text;		/* what is to be written to the file */
	size_t			 seen;		/* bytes of the waiting answers that are in text */
	size_t			 sure;		/* bytes of text that are sure to stay */
	int			 begun;		/* something has happened in the session */
	size_t			 written;	/* bytes in the file */
	int			 off;		/* no more is recorded of this session */
};

struct record *
record_new(int dir)
{
	struct record	*r = xcalloc(1, sizeof(*r));

	r->dir = dir;
	transcript_init(&r->transcript);
	buf_init(&r->negotiated, MAX_TEXT);
	buf_init(&r->text, MAX_TEXT);
	return r;
}

void
record_free(struct record *r)
{
	if (r == NULL)
		return;
	transcript_free(&r->transcript);
	buf_free(&r->negotiated);
	buf_free(&r->text);
	free(r);
}

void
record_begin(struct record *r, const char *id)
{
	(void)strlcpy(r->id, id, sizeof(r->id));
}

/* Stops the recording of this session. What is in memory will still be written. */
static void
stop_at_limit(struct record *r)
{
	buf_printf(&r->text, "# not recorded further: %zu MB are the limit\n",
	    RECORD_MAX >> 20);
	r->off = 1;
}

/* 1 if n more bytes fit. */
static int
has_room(struct record *r, size_t n)
{
	size_t	 used = r->written + r->text.len;

	if (r->off)
		return 0;
	if (n <= RECORD_MAX && used <= RECORD_MAX - n)
		return 1;
	stop_at_limit(r);
	return 0;
}

void
record_answers(struct record *r, const struct buf *out)
{
	struct milter_packet	 pkt;
	struct milter_reply	 rep;
	const char		*why;
	size_t			 used;

	r->sure = r->text.len;
	if (out->len == r->seen || !has_room(r, out->len - r->seen)) {
		r->seen = out->len;
		return;
	}
	for (; milter_frame(out->data + r->seen, out->len - r->seen, &pkt, &used) ==
	    MILTER_FRAME_OK; r->seen += used) {
		if (milter_dec_reply(&pkt, &rep, &why) == -1)
			continue;
		transcript_reply(&r->transcript, &rep, &r->text);
		if (rep.code == SMFIC_OPTNEG)
			buf_add(&r->negotiated, r->text.data, r->text.len);
	}
}

void
record_sent(struct record *r, const struct buf *out)
{
	r->seen = out->len;
}

void
record_unsent(struct record *r)
{
	if (r->text.len > r->sure)
		r->text.len = r->sure;
}

void
record_command(struct record *r, const struct milter_cmd *cmd, const struct buf *out)
{
	record_answers(r, out);
	r->begun |= strchr("OQKA", cmd->code) == NULL;
	/*
	 * Until a session begins its text stays in memory, and aborts may come
	 * in any number.
	 */
	if (cmd->code == SMFIC_ABORT && !r->begun)
		return;
	if (has_room(r, 0))
		transcript_command(&r->transcript, cmd, &r->text);
}

/* The name has nothing in it that comes from a mail. */
static void
make_name(struct record *r)
{
	time_t		 now = time(NULL);
	struct tm	 tm;
	char		 date[32];

	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm) == 0)
		(void)strlcpy(date, "0", sizeof(date));
	(void)snprintf(r->name, sizeof(r->name), "%s-%s", date, r->id);
}

static int
open_record(struct record *r)
{
	int	 flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC;

	if (r->name[0] == '\0') {
		make_name(r);
		flags |= O_CREAT | O_EXCL;
	}
	return openat(r->dir, r->name, flags, 0600);
}

static int
write_all(int fd, const unsigned char *p, size_t len)
{
	ssize_t	 n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Cuts a half-written block off the file, so that the rest of it can be read. */
static void
give_up(struct record *r, int fd)
{
	log_msg(LOG_WARNING, r->id, "record: %s: %s; the session is not recorded further",
	    r->name, strerror(errno));
	r->off = 1;
	if (fd == -1)
		return;
	if (r->written == 0)
		(void)unlinkat(r->dir, r->name, 0);
	else if (ftruncate(fd, (off_t)r->written) == -1)
		log_msg(LOG_WARNING, r->id, "record: %s: it ends within a block", r->name);
}

static void
add_to_file(struct record *r)
{
	int	 fd = open_record(r);

	if (fd == -1 || write_all(fd, r->text.data, r->text.len) == -1)
		give_up(r, fd);
	else
		r->written += r->text.len;
	if (fd != -1)
		(void)close(fd);
}

/* A session in which nothing has happened gets no file. */
static int
is_empty(const struct record *r)
{
	return r->id[0] == '\0' || r->text.len == 0 || !r->begun;
}

void
record_write(struct record *r)
{
	if (is_empty(r))
		return;
	if (buf_ok(&r->text))
		add_to_file(r);
	else {
		errno = ENOMEM;
		give_up(r, -1);
	}
	buf_free(&r->text);
}

void
record_end(struct record *r, const char *reason)
{
	if (!r->off)
		transcript_end(&r->transcript, reason, &r->text);
	record_write(r);
	/* Another client may follow with the same negotiation. */
	transcript_next(&r->transcript);
	buf_free(&r->text);
	buf_add(&r->text, r->negotiated.data, r->negotiated.len);
	r->id[0] = r->name[0] = '\0';
	r->written = 0;
	r->off = r->begun = 0;
}
