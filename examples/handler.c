/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 *
 * A handler in C: refuses mail from spam.example and adds a header to the rest.
 *
 *	cc -o handler handler.c
 *	pipemilter -l inet:8899@127.0.0.1 -e mail,end-of-message \
 *	    -o 'actions = {add-header}' ./handler
 *
 * pool.c shows how to serve many scopes at a time, and how to step over payloads.
 */
#define _POSIX_C_SOURCE 200809L

#include <sys/types.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct known {
	int	 wants_reply;
	char	*event;
	char	*domain;
};

static void
set(char **to, const char *value)
{
	free(*to);
	if ((*to = strdup(value)) == NULL)
		exit(75);
}

/* 1 if the domain is this one or below it. */
static int
is_below(const char *domain, const char *top)
{
	size_t	 len = strlen(domain), n = strlen(top);

	return len >= n && strcmp(domain + len - n, top) == 0 &&
	    (len == n || domain[len - n - 1] == '.');
}

static void
answer(const struct known *k)
{
	if (strcmp(k->event, "mail") == 0 && is_below(k->domain, "spam.example"))
		puts("reject 550 5.7.1 No mail from there");
	else {
		if (strcmp(k->event, "end-of-message") == 0)
			puts("add-header X-Seen-By handler.c");
		puts("continue");
	}
	/* Each reply must go out at once. */
	if (fflush(stdout) != 0)
		exit(75);
}

/* One line of a block, without its end; value is "" if there is none. */
static void
take(struct known *k, const char *key, const char *value)
{
	if (strcmp(key, "event") == 0 || strcmp(key, "report") == 0) {
		k->wants_reply = *key == 'e';
		set(&k->event, value);
	} else if (strcmp(key, "complete") == 0)
		set(&k->domain, "");	/* all that was known is void */
	else if (strcmp(key, "sender-domain") == 0)
		set(&k->domain, value);
	else if (*key == '\0' && k->wants_reply)
		answer(k);
}

int
main(void)
{
	struct known	 k = { 0, NULL, NULL };
	char		*line = NULL, *value;
	size_t		 size = 0;
	ssize_t		 n;

	set(&k.event, "");
	set(&k.domain, "");
	while ((n = getline(&line, &size, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if ((value = strchr(line, ' ')) != NULL)
			*value++ = '\0';
		take(&k, line, value != NULL ? value : "");
	}
	free(line);
	free(k.event);
	free(k.domain);
	return 0;
}
