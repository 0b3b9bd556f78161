/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/value.c: makes a value of the configuration from its text.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "config/value.h"
#include "reply/decode.h"
#include "base/xmalloc.h"

struct unit {
	const char	*name;
	uint64_t	 factor;
};

static const struct unit time_units[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 60 * 60 * 1000 },
	{ "d", 24 * 60 * 60 * 1000 }, { NULL, 0 }
};

static const struct unit size_units[] = {
	{ "B", 1 }, { "K", 1024 }, { "M", 1024 * 1024 }, { "G", 1024 * 1024 * 1024 },
	{ NULL, 0 }
};

struct level {
	const char	*name;
	int		 value;
};

static const struct level facilities[] = {
	{ "auth", LOG_AUTH }, { "authpriv", LOG_AUTHPRIV }, { "daemon", LOG_DAEMON },
	{ "mail", LOG_MAIL }, { "user", LOG_USER },
	{ "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 }, { "local2", LOG_LOCAL2 },
	{ "local3", LOG_LOCAL3 }, { "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },
	{ "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 }, { NULL, 0 }
};

static const struct level log_levels[] = {
	{ "error", LOG_ERR }, { "warning", LOG_WARNING }, { "info", LOG_INFO },
	{ "debug", LOG_DEBUG }, { NULL, 0 }
};

/* Reads digits in a base; *end is what follows. Returns -1 if there are none or too many. */
static int
digits(const char *text, unsigned int base, uint64_t *value, const char **end)
{
	const char	*p;

	*value = 0;
	for (p = text; *p >= '0' && (unsigned int)(*p - '0') < base; p++) {
		*value = *value * base + (unsigned int)(*p - '0');
		if (*value > UINT32_MAX)	/* a unit will multiply it */
			return -1;
	}
	*end = p;
	return p == text ? -1 : 0;
}

static int
with_unit(const char *text, const struct unit *u, uint64_t *value)
{
	const char	*end;

	if (digits(text, 10, value, &end) == -1)
		return -1;
	if (*end == '\0' && *value == 0)
		return 0;
	for (; u->name != NULL; u++) {
		if (strcmp(u->name, end) == 0) {
			*value *= u->factor;
			return 0;
		}
	}
	return -1;
}

int
conf_value_duration(const char *text, uint64_t *ms, const char **why)
{
	*why = "expected a time with its unit: 500ms, 30s, 5m, 1h, 1d or 0";
	return with_unit(text, time_units, ms);
}

int
conf_value_size(const char *text, uint64_t *size, const char **why)
{
	*why = "expected a size with its unit: 512B, 64K, 10M, 1G or 0";
	return with_unit(text, size_units, size);
}

int
conf_value_octal(const char *text, uint64_t *value, const char **why)
{
	const char	*end;

	*why = "expected an octal number from 0 to 777";
	if (digits(text, 8, value, &end) == -1 || *end != '\0' || *value > 0777)
		return -1;
	return 0;
}

int
conf_value_number(const char *text, uint64_t *value, const char **why)
{
	const char	*end;

	*why = "expected a decimal number";
	if (digits(text, 10, value, &end) == -1 || *end != '\0')
		return -1;
	return 0;
}

int
conf_value_outcome(const char *text, struct outcome *o, const char **why)
{
	struct smtp_reply	 smtp;
	enum verdict		 vd;
	int			 mended = 0;

	memset(&smtp, 0, sizeof(smtp));
	*why = "expected continue, accept, discard, or reject or tempfail with code and "
	    "text as in a reply";
	if (reply_parse_verdict(text, &vd, &smtp) == -1)
		return -1;
	if (vd == VD_SKIP || vd == VD_SHUTDOWN) {
		smtp_reply_free(&smtp);
		return -1;
	}
	if (vd == VD_REJECT || vd == VD_TEMPFAIL)
		mended = smtp_reply_complete(vd, &smtp);
	if (mended & (SMTP_REPLY_BAD_CODE | SMTP_REPLY_BAD_CLASS))
		*why = vd == VD_REJECT ? "expected a code and X.Y.Z that begin with 5" :
		    "expected a code and X.Y.Z that begin with 4";
	else if (mended & SMTP_REPLY_CUT)
		*why = "expected a text of 32 lines of 480 bytes at most";
	else if (mended & SMTP_REPLY_BAD_BYTES)
		*why = "expected a text of printable ASCII";
	if (mended) {
		smtp_reply_free(&smtp);
		return -1;
	}
	o->verdict = vd;
	o->smtp = smtp;
	return 0;
}

int
conf_value_exit_rule(const char *text, struct exit_rule *rule, const char **why)
{
	const char	*end;
	uint64_t	 status;

	*why = "expected 'STATUS=VERDICT', STATUS from 0 to 255 or *";
	if (strncmp(text, "*=", 2) == 0) {
		rule->status = -1;
		return conf_value_outcome(text + 2, &rule->outcome, why);
	}
	if (digits(text, 10, &status, &end) == -1 || *end != '=' || status > 255)
		return -1;
	rule->status = (int)status;
	return conf_value_outcome(end + 1, &rule->outcome, why);
}

static int
level(const char *text, const struct level *l, int *value)
{
	for (; l->name != NULL; l++) {
		if (strcmp(l->name, text) == 0) {
			*value = l->value;
			return 0;
		}
	}
	return -1;
}

int
conf_value_facility(const char *text, int *value, const char **why)
{
	*why = "expected auth, authpriv, daemon, mail, user or local0 to local7";
	return level(text, facilities, value);
}

int
conf_value_log_level(const char *text, int *value, const char **why)
{
	*why = "expected error, warning, info or debug";
	return level(text, log_levels, value);
}
