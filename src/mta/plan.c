/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/plan.c: what milter-send plays.
 */
#include "base/compat.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "milter/proto.h"
#include "mta/edit.h"
#include "mta/plan.h"
#include "base/xmalloc.h"

#define CLIENT_PORT	49152
#define CLIENT_HOST	"client.example.org"
#define MAX_ARGS	20	/* as many as Sendmail accepts */
#define BLANKS		" \t"

void
mta_plan_offer(struct mta_plan *plan, uint32_t version)
{
	static const uint32_t	 bits[MILTER_VERSION + 1] = {
		[2] = SMFIP_V2,
		[3] = SMFIP_V2 | SMFIP_NOUNKNOWN,
		[4] = SMFIP_V2 | SMFIP_NOUNKNOWN | SMFIP_NODATA,
		[5] = SMFIP_V2 | SMFIP_NOUNKNOWN | SMFIP_NODATA,
		[6] = SMFIP_V6,
	};

	plan->version = version;
	/* Postfix offers all actions with every version. */
	plan->actions = SMFIF_V6;
	plan->protocol = bits[version];
}

static void
set_plan_client(struct mta_plan *plan, int family, const char *host, const char *address)
{
	plan->family = family;
	plan->host = host;
	plan->port = family == '4' || family == '6' ? CLIENT_PORT : 0;
	free(plan->address);
	plan->address = address == NULL ? NULL : xstrdup(address);
}

static int
client_inet6(struct mta_plan *plan, const char *text)
{
	struct in6_addr	 in6;
	char		 addr[INET6_ADDRSTRLEN];

	if (strncasecmp(text, "IPv6:", 5) == 0)
		text += 5;
	if (inet_pton(AF_INET6, text, &in6) != 1)
		return -1;
	if (IN6_IS_ADDR_V4MAPPED(&in6)) {
		(void)inet_ntop(AF_INET, &in6.s6_addr[12], addr, sizeof(addr));
		set_plan_client(plan, '4', CLIENT_HOST, addr);
		return 0;
	}
	(void)inet_ntop(AF_INET6, &in6, addr, sizeof(addr));
	set_plan_client(plan, '6', CLIENT_HOST, addr);
	return 0;
}

int
mta_plan_client(struct mta_plan *plan, const char *text, const char **why)
{
	struct in_addr	 in;

	if (strcmp(text, "unknown") == 0)
		set_plan_client(plan, 'U', "unknown", NULL);
	else if (strncmp(text, "unix:", 5) == 0 && text[5] != '\0')
		set_plan_client(plan, 'L', "localhost", text + 5);
	else if (inet_pton(AF_INET, text, &in) == 1)
		set_plan_client(plan, '4', CLIENT_HOST, text);
	else if (client_inet6(plan, text) == -1) {
		*why = "an IPv4 or IPv6 address, unix:PATH or unknown";
		return -1;
	}
	return 0;
}

/* The address ends at the first blank outside quotes. */
static size_t
address_len(const char *text)
{
	size_t	 i;
	int	 quoted = 0;

	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == '\\' && text[i + 1] != '\0')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && strchr(BLANKS, text[i]) != NULL)
			break;
	}
	return i;
}

void
mta_address_set(struct mta_address *a, const char *text)
{
	struct buf	 b;
	char		*p, *word;
	size_t		 len, n;

	free(a->address);
	free(a->copy);
	free(a->args);
	n = address_len(text);
	p = xmemdup0(text, n);
	buf_init(&b, n + 2);
	mta_bracket(&b, p);
	a->address = buf_steal(&b, &len);
	free(p);
	a->copy = p = xstrdup(text + n);
	a->args = xcalloc(MAX_ARGS, sizeof(*a->args));
	a->nargs = 0;
	while ((word = strsep(&p, BLANKS)) != NULL)
		if (word[0] != '\0' && a->nargs < MAX_ARGS)
			a->args[a->nargs++] = word;
}

void
mta_plan_add_rcpt(struct mta_plan *plan, const char *text)
{
	plan->rcpts = xreallocarray(plan->rcpts, plan->nrcpts + 1, sizeof(*plan->rcpts));
	memset(&plan->rcpts[plan->nrcpts], 0, sizeof(*plan->rcpts));
	mta_address_set(&plan->rcpts[plan->nrcpts++], text);
}

int
mta_plan_add_macro(struct mta_plan *plan, const char *text)
{
	const char	*eq = strchr(text, '=');
	char		*copy;
	size_t		 len;

	if (eq == NULL)
		return -1;
	len = (size_t)(eq - text);
	if (len > 2 && text[0] == '{' && text[len - 1] == '}') {
		text++;
		len -= 2;
	}
	if (len == 0 || strcspn(text, "{} ,\t=") != len)
		return -1;
	plan->macros = xreallocarray(plan->macros, plan->nmacros + 1, sizeof(*plan->macros));
	plan->macro_texts = xreallocarray(plan->macro_texts, plan->nmacros + 1,
	    sizeof(*plan->macro_texts));
	copy = xstrdup(text);
	copy[len] = '\0';
	plan->macro_texts[plan->nmacros] = copy;
	plan->macros[plan->nmacros].name = copy;
	plan->macros[plan->nmacros++].value = copy + (eq - text) + 1;
	return 0;
}

static void
address_free(struct mta_address *a)
{
	free(a->address);
	free(a->copy);
	free(a->args);
}

void
mta_plan_free(struct mta_plan *plan)
{
	size_t	 i;

	address_free(&plan->sender);
	for (i = 0; i < plan->nrcpts; i++)
		address_free(&plan->rcpts[i]);
	free(plan->rcpts);
	for (i = 0; i < plan->nmacros; i++)
		free(plan->macro_texts[i]);
	free(plan->macro_texts);
	free(plan->macros);
	free(plan->address);
	mta_message_free(&plan->message);
}
