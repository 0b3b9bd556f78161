/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/macros.c: the macros that the played MTA sends.
 */
#include "base/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mta/macros.h"
#include "milter/wire_event.h"

#define SEPARATORS	" ,\t\r\n"
#define TLS_MACROS	"{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}"
#define AUTH_MACROS	"{auth_type} {auth_authen} {auth_author}"

static const char *const default_lists[SMFIM_COUNT] = {
	[SMFIM_CONNECT] = "j {daemon_name} {daemon_addr} v _",
	[SMFIM_HELO] = TLS_MACROS,
	[SMFIM_MAIL] = "i " AUTH_MACROS " {mail_addr} {mail_host} {mail_mailer}",
	[SMFIM_RCPT] = "i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
	[SMFIM_DATA] = "i",
	[SMFIM_EOM] = "i",
	[SMFIM_EOH] = "i",
};

/*
 * The stage of a command, or -1. As in Postfix, headers and pieces of the body
 * come with the list of the event that ends them.
 */
static int
stage_of(int code)
{
	const struct wire_event	*ev = wire_event_find(code == SMFIC_HEADER ? SMFIC_EOH :
	    code == SMFIC_BODY ? SMFIC_BODYEOB : code);

	return ev == NULL ? -1 : ev->stage;
}

static const char *
list_of(const struct mta_macros *m, int stage)
{
	/* Postfix treats an empty list as none. */
	if (m->lists[stage] != NULL && m->lists[stage][0] != '\0')
		return m->lists[stage];
	return default_lists[stage];
}

/* Formats a text that lives until the next fill. NULL if no room is left. */
static const char *scratch_text(struct mta_macros *, const char *, ...) PRINTF_LIKE(2, 3);

static const char *
scratch_text(struct mta_macros *m, const char *fmt, ...)
{
	char	*at = m->scratch + m->used;
	size_t	 room = sizeof(m->scratch) - m->used;
	va_list	 ap;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(at, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		return NULL;
	m->used += (size_t)n + 1;
	return at;
}

/* The address without brackets. */
static const char *
bare(struct mta_macros *m, const char *address)
{
	size_t	 len = strlen(address);

	if (len >= 2 && address[0] == '<' && address[len - 1] == '>')
		return scratch_text(m, "%.*s", (int)(len - 2), address + 1);
	return scratch_text(m, "%s", address);
}

static const char *
domain(struct mta_macros *m, const char *address)
{
	const char	*at = strrchr(address, '@');

	return at == NULL ? "" : scratch_text(m, "%.*s", (int)strcspn(at + 1, ">"), at + 1);
}

static const char *
client_value(struct mta_macros *m, const char *name)
{
	const struct mta_plan	*plan = m->plan;
	const char		*addr = plan->address != NULL ? plan->address : "unknown";

	if (strcmp(name, "_") == 0)
		return scratch_text(m, "%s [%s]", plan->host, addr);
	if (strcmp(name, "client_addr") == 0)
		return scratch_text(m, "%s%s", plan->family == '6' ? "IPv6:" : "", addr);
	if (strcmp(name, "client_name") == 0 || strcmp(name, "client_ptr") == 0)
		return plan->host;
	if (strcmp(name, "client_port") == 0)
		return scratch_text(m, "%u", plan->port);
	return NULL;
}

static const char *
own_value(const char *name)
{
	if (strcmp(name, "j") == 0 || strcmp(name, "daemon_name") == 0)
		return MTA_HOSTNAME;
	if (strcmp(name, "daemon_addr") == 0)
		return "127.0.0.1";
	if (strcmp(name, "daemon_port") == 0)
		return "25";
	if (strcmp(name, "v") == 0)
		return "milter-send";
	return NULL;
}

/* prefix is "mail_" or "rcpt_". */
static const char *
address_value(struct mta_macros *m, const char *name, const char *prefix,
    const char *address)
{
	if (address == NULL || strncmp(name, prefix, 5) != 0)
		return NULL;
	if (strcmp(name + 5, "addr") == 0)
		return bare(m, address);
	if (strcmp(name + 5, "host") == 0)
		return domain(m, address);
	if (strcmp(name + 5, "mailer") == 0)
		return "smtp";
	return NULL;
}

static const char *
value_of(struct mta_macros *m, const char *name)
{
	const struct mta_plan	*plan = m->plan;
	const char		*value;
	size_t			 i;

	for (i = plan->nmacros; i > 0; i--)
		if (strcmp(plan->macros[i - 1].name, name) == 0)
			return plan->macros[i - 1].value;
	if (strcmp(name, "i") == 0)
		return m->queue_id;
	if ((value = own_value(name)) != NULL || (value = client_value(m, name)) != NULL)
		return value;
	if (m->queue_id == NULL)
		return NULL;
	if ((value = address_value(m, name, "mail_", plan->sender.address)) != NULL)
		return value;
	return address_value(m, name, "rcpt_", m->rcpt);
}

/* Moves *list to the next name, as spelled. Returns its length, 0 at the end. */
static size_t
next_name(const char **list)
{
	*list += strspn(*list, SEPARATORS);
	return strcspn(*list, SEPARATORS);
}

static void
strip_braces(const char **name, size_t *len)
{
	if (*len > 2 && (*name)[0] == '{' && (*name)[*len - 1] == '}') {
		(*name)++;
		*len -= 2;
	}
}

static int
list_has(const char *list, const char *wanted)
{
	const char	*name;
	size_t		 len, n;

	for (; (len = next_name(&list)) > 0; list += len) {
		name = list;
		n = len;
		strip_braces(&name, &n);
		if (strlen(wanted) == n && memcmp(name, wanted, n) == 0)
			return 1;
	}
	return 0;
}

static void
add_macro_pair(struct mta_macros *m, const char *name, const char *value)
{
	if (name == NULL || value == NULL || m->npairs >= MTA_MAX_PAIRS)
		return;
	m->pairs[m->npairs].name = name;
	m->pairs[m->npairs++].value = value;
}

static void
add_unlisted(struct mta_macros *m)
{
	const char	*name;
	size_t		 i;
	int		 stage;

	for (i = 0; i < m->plan->nmacros; i++) {
		name = m->plan->macros[i].name;
		for (stage = 0; stage < SMFIM_COUNT; stage++)
			if (list_has(list_of(m, stage), name))
				break;
		if (stage == SMFIM_COUNT)
			add_macro_pair(m, strlen(name) == 1 ? name : scratch_text(m, "{%s}", name),
			    m->plan->macros[i].value);
	}
}

void
mta_macros_fill(struct mta_macros *m, int code)
{
	int		 stage = stage_of(code);
	const char	*list, *name, *spelled, *plain;
	size_t		 len, n;

	m->npairs = 0;
	m->used = 0;
	if (stage == -1)
		return;
	for (list = list_of(m, stage); (len = next_name(&list)) > 0; list += len) {
		name = list;
		n = len;
		strip_braces(&name, &n);
		spelled = scratch_text(m, "%.*s", (int)len, list);
		plain = scratch_text(m, "%.*s", (int)n, name);
		if (plain != NULL)
			add_macro_pair(m, spelled, value_of(m, plain));
	}
	if (stage == SMFIM_CONNECT)
		add_unlisted(m);
}
