/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * What loop.sh does, in C.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_RECIPIENTS	100

static char	*helo, *sender, *macro_i, *from, *host, *message;
static char	*recipients[MAX_RECIPIENTS];
static int	 nrecipients, answered;

static void
set(char **where, const char *value)
{
	free(*where);
	*where = value == NULL ? NULL : strdup(value);
}

static const char *
show(const char *s)
{
	return s == NULL ? "" : s;
}

static void
forget_message(void)
{
	set(&sender, NULL);
	while (nrecipients > 0)
		free(recipients[--nrecipients]);
}

static void
forget_all(void)
{
	forget_message();
	set(&helo, NULL);
	set(&macro_i, NULL);
	set(&from, NULL);
	set(&host, NULL);
}

static void
drop_recipient(const char *address)
{
	int	 i;

	for (i = 0; i < nrecipients; i++)
		if (strcmp(recipients[i], address) == 0)
			break;
	if (i == nrecipients)
		return;
	free(recipients[i]);
	nrecipients--;
	memmove(&recipients[i], &recipients[i + 1],
	    (size_t)(nrecipients - i) * sizeof(recipients[0]));
}

static void
print_known(void)
{
	int	 i;

	printf("add-header X-Known helo=%s sender=%s recipients=%d:", show(helo),
	    show(sender), nrecipients);
	for (i = 0; i < nrecipients; i++)
		printf("%s%s", i > 0 ? "," : "", recipients[i]);
	printf(" i=%s from=%s host=%s\n", show(macro_i), show(from), show(host));
	printf("add-header X-Process %d %d\n", (int)getpid(), answered);
}

static void
answer(const char *event, const char *id, const char *asked)
{
	answered++;
	if (*id != '\0')
		printf("event-id %s\n", id);
	if (strcmp(event, "connect") == 0)
		printf("set host %s\n", asked);
	else if (strcmp(event, "mail") == 0)
		printf("set-message from %s\n", show(sender));
	else if (strcmp(event, "end-of-message") == 0)
		print_known();
	if (strcmp(event, "rcpt") == 0 && strstr(asked, "@refused.example>") != NULL)
		puts("reject 550 5.1.1 Not here");
	else
		puts("continue");
	fflush(stdout);
}

/* "NAME VALUE" of a macro or a context line */
static void
take_named(const char *key, const char *value)
{
	if (strcmp(key, "macro") == 0 && strncmp(value, "i ", 2) == 0)
		set(&macro_i, value + 2);
	else if (strcmp(key, "context") == 0 && strncmp(value, "from ", 5) == 0)
		set(&from, value + 5);
	else if (strcmp(key, "context") == 0 && strncmp(value, "host ", 5) == 0)
		set(&host, value + 5);
}

static void
take(const char *key, const char *value)
{
	if (strcmp(key, "complete") == 0)
		forget_all();
	else if (strcmp(key, "helo") == 0)
		set(&helo, value);
	else if (strcmp(key, "sender") == 0)
		set(&sender, value);
	else if (strcmp(key, "recipient") == 0 && nrecipients < MAX_RECIPIENTS)
		recipients[nrecipients++] = strdup(value);
	else if (strcmp(key, "recipient-refused") == 0)
		drop_recipient(value);
	else if (strcmp(key, "context-unset") == 0)
		set(strcmp(value, "host") == 0 ? &host : &from, NULL);
	else if (strcmp(key, "message") == 0 && strcmp(value, show(message)) != 0) {
		forget_message();
		set(&message, value);
	} else
		take_named(key, value);
}

int
main(void)
{
	static char	 event[64], id[32], asked[4096];
	char		*line = NULL, *value;
	size_t		 size = 0, payload = 0;
	ssize_t		 len;
	int		 wanted = 0;

	while ((len = getline(&line, &size, stdin)) > 0) {
		line[len - 1] = '\0';
		value = strchr(line, ' ');
		if (value != NULL)
			*value++ = '\0';
		else
			value = line + len - 1;
		if (*line == '\0') {
			for (; payload > 0; payload--)
				getchar();
			if (wanted)
				answer(event, id, asked);
		} else if (strcmp(line, "event") == 0 || strcmp(line, "report") == 0) {
			wanted = *line == 'e';
			snprintf(event, sizeof(event), "%s", value);
			*id = *asked = '\0';
			payload = 0;
		} else if (strcmp(line, "event-id") == 0)
			snprintf(id, sizeof(id), "%s", value);
		else if (strcmp(line, "length") == 0)
			payload = strtoul(value, NULL, 10);
		else
			take(line, value);
		if (strcmp(line, "client-host") == 0 || strcmp(line, "recipient") == 0)
			snprintf(asked, sizeof(asked), "%s", value);
	}
	return 0;
}
