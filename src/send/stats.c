/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send/stats.c: the figures of the load form.
 */
#include "base/compat.h"

#include <stdlib.h>

#ifdef HAVE_JSON_C
#include <json-c/json.h>
#endif

#include "send/stats.h"

struct figures {
	double	 seconds, messages, events;	/* messages and events for each second */
	double	 p50, p90, p99, max;		/* milliseconds */
};

static int
compare_latencies(const void *a, const void *b)
{
	const int64_t	*x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * The smallest latency that this many per cent of the messages do not exceed,
 * in milliseconds.
 */
static double
percentile(const struct send_stats *st, size_t percent)
{
	size_t	 rank = (st->nlatencies * percent + 99) / 100;

	if (st->nlatencies == 0)
		return 0;
	return (double)st->latencies[rank > 0 ? rank - 1 : 0] / 1e6;
}

static void
figure(struct send_stats *st, struct figures *f)
{
	qsort(st->latencies, st->nlatencies, sizeof(*st->latencies), compare_latencies);
	f->seconds = (double)(st->nanoseconds > 0 ? st->nanoseconds : 1) / 1e9;
	f->messages = (double)st->messages / f->seconds;
	f->events = (double)st->events / f->seconds;
	f->p50 = percentile(st, 50);
	f->p90 = percentile(st, 90);
	f->p99 = percentile(st, 99);
	f->max = percentile(st, 100);
}

#ifdef HAVE_JSON_C
static void
add(struct json_object *to, const char *name, struct json_object *value)
{
	(void)json_object_object_add(to, name, value);
}

static void
add_count(struct json_object *to, const char *name, size_t n)
{
	add(to, name, json_object_new_int64((int64_t)n));
}

/* A number with so many digits after its point, as people read it. */
static void
add_number(struct json_object *to, const char *name, double value, int digits)
{
	char	 text[64];

	(void)snprintf(text, sizeof(text), "%.*f", digits, value);
	add(to, name, json_object_new_double_s(value, text));
}

static struct json_object *
latencies(const struct figures *f)
{
	struct json_object	*to = json_object_new_object();

	add_number(to, "p50", f->p50, 3);
	add_number(to, "p90", f->p90, 3);
	add_number(to, "p99", f->p99, 3);
	add_number(to, "max", f->max, 3);
	return to;
}

static void
print_json(const struct send_stats *st, const struct figures *f, FILE *to)
{
	struct json_object	*j = json_object_new_object();

	add_count(j, "messages", st->messages);
	add_count(j, "connections", st->connections);
	add_count(j, "events", st->events);
	add_number(j, "seconds", f->seconds, 6);
	add_number(j, "messages_per_second", f->messages, 1);
	add_number(j, "events_per_second", f->events, 1);
	add(j, "latency_ms", latencies(f));
	add_count(j, "delivered", st->results[MTA_DELIVERED]);
	add_count(j, "rejected", st->results[MTA_REJECTED]);
	add_count(j, "tempfailed", st->results[MTA_TEMPFAILED]);
	add_count(j, "discarded", st->results[MTA_DISCARDED]);
	(void)fprintf(to, "%s\n", json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN));
	(void)json_object_put(j);
}
#else
/* send_options_parse() refuses --json. */
static void
print_json(const struct send_stats *st, const struct figures *f, FILE *to)
{
	(void)st;
	(void)f;
	(void)to;
}
#endif

static void
print_text(const struct send_stats *st, const struct figures *f, FILE *to)
{
	(void)fprintf(to, "%zu messages over %zu connections in %.3f s\n",
	    st->messages, st->connections, f->seconds);
	(void)fprintf(to, "%.1f messages/s, %.1f events/s\n", f->messages, f->events);
	(void)fprintf(to, "latency of messages: p50 %.3f ms, p90 %.3f ms, "
	    "p99 %.3f ms, max %.3f ms\n", f->p50, f->p90, f->p99, f->max);
	(void)fprintf(to, "delivered %zu, rejected %zu, tempfailed %zu, discarded %zu\n",
	    st->results[MTA_DELIVERED], st->results[MTA_REJECTED],
	    st->results[MTA_TEMPFAILED], st->results[MTA_DISCARDED]);
}

void
send_stats_print(struct send_stats *st, FILE *to, int json)
{
	struct figures	 f;

	figure(st, &f);
	if (json)
		print_json(st, &f, to);
	else
		print_text(st, &f, to);
	(void)fflush(to);
}

enum mta_result
send_stats_result(const struct send_stats *st)
{
	if (st->results[MTA_DELIVERED] > 0)
		return MTA_DELIVERED;
	if (st->results[MTA_TEMPFAILED] > 0)
		return MTA_TEMPFAILED;
	return st->results[MTA_REJECTED] > 0 ? MTA_REJECTED : MTA_DISCARDED;
}
