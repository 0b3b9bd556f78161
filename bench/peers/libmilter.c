/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * libmilter.c: the filter of the benchmark with Sendmail's library.
 *
 *	cc -O2 -o libmilter libmilter.c -lmilter -lpthread
 *	./libmilter SOCKET MODE
 *
 * all		sees every event and answers each
 * noreply	sees every event and answers the end of the message
 * header	sees the end of the message and adds a header
 * body		sees the body and the end of the message and adds a header
 */
#include <sys/types.h>

#include <libmilter/mfapi.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>

#define NO_REPLIES \
	(SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | \
	SMFIP_NR_DATA | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY | SMFIP_NR_UNKN)

static sfsistat	 verdict = SMFIS_CONTINUE;	/* of all but the last event */
static int	 adds_header;

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
	(void)ctx;
	(void)host;
	(void)addr;
	return verdict;
}

static sfsistat
on_text(SMFICTX *ctx, char *text)
{
	(void)ctx;
	(void)text;
	return verdict;
}

static sfsistat
on_address(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return verdict;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	(void)name;
	(void)value;
	return verdict;
}

static sfsistat
on_plain(SMFICTX *ctx)
{
	(void)ctx;
	return verdict;
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *data, size_t len)
{
	(void)ctx;
	(void)data;
	(void)len;
	return verdict;
}

static sfsistat
on_end(SMFICTX *ctx)
{
	char	 name[] = "X-Bench", value[] = "seen";

	if (adds_header && smfi_addheader(ctx, name, value) == MI_FAILURE)
		return SMFIS_TEMPFAIL;
	return SMFIS_CONTINUE;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

static sfsistat
want_no_replies(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
    unsigned long f3, unsigned long *pf0, unsigned long *pf1, unsigned long *pf2,
    unsigned long *pf3)
{
	(void)ctx;
	(void)f2;
	(void)f3;
	if ((f1 & NO_REPLIES) != NO_REPLIES)
		return SMFIS_REJECT;
	*pf0 = f0 & SMFIF_ADDHDRS;
	*pf1 = NO_REPLIES;
	*pf2 = *pf3 = 0;
	return SMFIS_CONTINUE;
}

static void
see_everything(struct smfiDesc *d)
{
	d->xxfi_connect = on_connect;
	d->xxfi_helo = on_text;
	d->xxfi_envfrom = on_address;
	d->xxfi_envrcpt = on_address;
	d->xxfi_data = on_plain;
	d->xxfi_header = on_header;
	d->xxfi_eoh = on_plain;
	d->xxfi_body = on_body;
	d->xxfi_unknown = (sfsistat (*)(SMFICTX *, const char *))on_text;
	d->xxfi_abort = on_abort;
	d->xxfi_close = on_abort;
}

int
main(int argc, char **argv)
{
	char		 name[] = "bench";
	struct smfiDesc	 d;

	if (argc != 3)
		errx(2, "usage: libmilter SOCKET all|noreply|header|body");
	memset(&d, 0, sizeof(d));
	d.xxfi_name = name;
	d.xxfi_version = SMFI_VERSION;
	d.xxfi_flags = SMFIF_ADDHDRS;
	d.xxfi_eom = on_end;
	if (strcmp(argv[2], "all") == 0 || strcmp(argv[2], "noreply") == 0)
		see_everything(&d);
	else
		adds_header = 1;
	if (strcmp(argv[2], "noreply") == 0) {
		verdict = SMFIS_NOREPLY;
		d.xxfi_negotiate = want_no_replies;
	}
	if (strcmp(argv[2], "body") == 0)
		d.xxfi_body = on_body;
	if (smfi_setconn(argv[1]) == MI_FAILURE || smfi_setbacklog(512) == MI_FAILURE ||
	    smfi_register(d) == MI_FAILURE)
		errx(1, "libmilter does not take %s", argv[1]);
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
