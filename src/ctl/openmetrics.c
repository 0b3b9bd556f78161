/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/openmetrics.c: the answer to `status' in the text format of OpenMetrics 1.0
 * (https://prometheus.io/docs/specs/om/open_metrics_spec/). Only gauges, counters and
 * histograms: node_exporter refuses a file that has a type which it does not know.
 */
#include "base/compat.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/forms.h"
#include "ctl/visible.h"

#define PREFIX	"pipemilter_"

/* Of a sample: a family, its labels so far, and where it goes. */
struct out {
	struct buf	*b;
	const char	*family;
	const char	*suffix;	/* "_total" of a counter */
};

static void
family(struct out *o, const char *name, const char *type, const char *help)
{
	static const char *const	 units[] = { "seconds", "bytes" };
	size_t				 i, len = strlen(name), n;

	o->family = name;
	o->suffix = strcmp(type, "counter") == 0 ? "_total" : "";
	buf_printf(o->b, "# TYPE " PREFIX "%s %s\n", name, type);
	for (i = 0; i < nitems(units); i++) {
		n = strlen(units[i]);
		if (len > n && strcmp(name + len - n, units[i]) == 0)
			buf_printf(o->b, "# UNIT " PREFIX "%s %s\n", name, units[i]);
	}
	buf_printf(o->b, "# HELP " PREFIX "%s %s\n", name, help);
}

/* The value of a label: visible, and with the escapes of the format. */
static void
add_label(struct buf *b, const char *name, const char *value)
{
	struct buf	 v;
	size_t		 i;

	buf_init(&v, 65536 * 4);
	visible_add(&v, value);
	buf_printf(b, "%s=\"", name);
	for (i = 0; i < v.len; i++) {
		if (v.data[i] == '\\' || v.data[i] == '"')
			buf_add_u8(b, '\\');
		buf_add_u8(b, v.data[i]);
	}
	buf_add_str(b, "\"");
	buf_free(&v);
}

/* A sample up to its value, with up to two labels; a NULL name: none. */
static void
begin(const struct out *o, const char *suffix, const char *name, const char *value,
    const char *name2, const char *value2)
{
	buf_printf(o->b, PREFIX "%s%s", o->family, suffix);
	if (name != NULL) {
		buf_add_str(o->b, "{");
		add_label(o->b, name, value);
		if (name2 != NULL) {
			buf_add_str(o->b, ",");
			add_label(o->b, name2, value2);
		}
		buf_add_str(o->b, "}");
	}
	buf_add_str(o->b, " ");
}

static void
sample(const struct out *o, const char *name, const char *value, const char *name2,
    const char *value2, uint64_t n)
{
	begin(o, o->suffix, name, value, name2, value2);
	buf_printf(o->b, "%" PRIu64 "\n", n);
}

static void
add_seconds(struct buf *b, uint64_t us)
{
	buf_printf(b, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

static void
sample_seconds(const struct out *o, const char *name, const char *value, uint64_t us)
{
	begin(o, o->suffix, name, value, NULL, NULL);
	add_seconds(o->b, us);
	buf_add_str(o->b, "\n");
}

static void
one(struct out *o, const char *name, const char *type, const char *help, uint64_t n)
{
	family(o, name, type, help);
	sample(o, NULL, NULL, NULL, NULL, n);
}

/* The labels of a histogram without the closing brace. */
static void
begin_bucket(const struct out *o, const char *handler, const char *event)
{
	buf_printf(o->b, PREFIX "%s_bucket{", o->family);
	add_label(o->b, "handler", handler);
	if (event != NULL) {
		buf_add_str(o->b, ",");
		add_label(o->b, "event", event);
	}
}

static void
histogram(const struct out *o, const char *handler, const char *event,
    const struct numbers_times *t)
{
	static const char *const	 bounds[NUMBERS_BUCKETS] = { "0.001", "0.0025", "0.005",
	    "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0",
	    "120.0", "+Inf" };
	const char			*second = event != NULL ? "event" : NULL;
	uint64_t			 n = 0;
	unsigned int			 i;

	for (i = 0; i < NUMBERS_BUCKETS; i++) {
		n += t->buckets[i];
		begin_bucket(o, handler, event);
		buf_printf(o->b, ",le=\"%s\"} %" PRIu64 "\n", bounds[i], n);
	}
	begin(o, "_count", "handler", handler, second, event);
	buf_printf(o->b, "%" PRIu64 "\n", n);
	begin(o, "_sum", "handler", handler, second, event);
	add_seconds(o->b, t->us);
	buf_add_str(o->b, "\n");
}

static void
print_engines(struct out *o, const struct snapshot_list *l)
{
	static const char *const	 states[] = { "starting", "running", "draining", "stuck" };
	size_t				 i, k;
	uint64_t			 n;

	family(o, "engines", "gauge", "Engines by state.");
	for (k = 0; k < nitems(states); k++) {
		for (n = 0, i = 0; i < l->n; i++)
			n += strcmp(l->msgs[i].text[0], states[k]) == 0;
		sample(o, "state", states[k], NULL, NULL, n);
	}
}

static void
print_daemon(struct out *o, const struct snapshot *s)
{
	const struct control_daemon	*d = &s->daemon.msgs[0].u.daemon;

	family(o, "build_info", "gauge", "The version of the daemon.");
	sample(o, "version", s->daemon.msgs[0].text[0], NULL, NULL, 1);
	one(o, "start_time_seconds", "gauge", "When the daemon was started.", d->started);
	one(o, "configuration_time_seconds", "gauge", "When its configuration was read.", d->read);
	family(o, "reloads", "counter", "Reloads of the configuration.");
	sample(o, "result", "done", NULL, NULL, d->reloads);
	sample(o, "result", "failed", NULL, NULL, d->failed_reloads);
	print_engines(o, &s->engines);
	one(o, "engine_failures", "counter", "Engines that ended and should not have.",
	    d->engine_failures);
}

/* A family with one sample a message: what is at this offset of its values. */
static void
each(struct out *o, const struct snapshot_list *l, const char *label, const char *name,
    const char *type, const char *help, size_t offset)
{
	const char	*values;
	size_t		 i;

	family(o, name, type, help);
	for (i = 0; i < l->n; i++) {
		values = (const char *)&l->msgs[i].u + offset;
		sample(o, label, l->msgs[i].text[0], NULL, NULL, *(const uint64_t *)(const void *)values);
	}
}

/* The same for several numbers in a row, each with a second label. */
static void
each_of(struct out *o, const struct snapshot_list *l, const char *label, const char *label2,
    const char *const *values2, size_t n, size_t offset)
{
	const uint64_t	*values;
	size_t		 i, k;

	for (i = 0; i < l->n; i++) {
		values = (const void *)((const char *)&l->msgs[i].u + offset);
		for (k = 0; k < n; k++)
			sample(o, label, l->msgs[i].text[0], label2, values2[k], values[k]);
	}
}

#define L(m)	offsetof(struct control_listener, m)
#define H(m)	offsetof(struct control_handler, m)

static void
print_listeners(struct out *o, const struct snapshot_list *l)
{
	static const char *const	 reasons[] = { "connections", "descriptors", "reports" };

	each(o, l, "listen", "connections", "gauge", "Connections of mail servers.", L(connections));
	each(o, l, "listen", "connections_limit", "gauge", "How many there may be.", L(limit));
	each(o, l, "listen", "connections_accepted", "counter", "Connections accepted.",
	    L(numbers.accepted));
	each(o, l, "listen", "protocol_errors", "counter",
	    "Connections closed for what the peer sent.", L(numbers.protocol_errors));
	family(o, "accept_pauses", "counter", "Times that no connection was accepted for a while.");
	each_of(o, l, "listen", "reason", reasons, nitems(reasons), L(numbers.pauses));
}

static void
print_messages(struct out *o, const struct numbers_engine *n)
{
	static const char *const	 results[] = { "accept", "reject", "tempfail", "discard",
	    "shutdown", "aborted" };
	static const enum verdict	 refusals[] = { VD_REJECT, VD_TEMPFAIL, VD_DISCARD,
	    VD_SHUTDOWN };
	unsigned int			 i, ev;

	family(o, "messages", "counter", "Messages by what became of them.");
	for (i = 0; i < nitems(results); i++)
		sample(o, "result", results[i], NULL, NULL, n->messages[i]);
	family(o, "answers", "counter", "Refusals that the mail server was told.");
	for (ev = 0; ev < EV_ABORT; ev++)
		for (i = 0; i < nitems(refusals); i++)
			if (verdict_fits(refusals[i], (enum event_kind)ev))
				sample(o, "event", event_name((enum event_kind)ev), "verdict",
				    verdict_name(refusals[i]), n->answers[ev][refusals[i]]);
}

static void
print_processes(struct out *o, const struct snapshot_list *l)
{
	static const char *const	 states[] = { "starting", "idle", "busy", "ending" };
	static const char *const	 ends[] = { "zero", "status", "signal" };

	family(o, "handler_processes", "gauge", "Processes by state.");
	each_of(o, l, "handler", "state", states, nitems(states), H(load.processes));
	each(o, l, "handler", "handler_processes_limit", "gauge", "How many there may be.",
	    H(limit));
	each(o, l, "handler", "handler_starts", "counter", "Processes started.", H(life.starts));
	family(o, "handler_ends", "counter", "Processes that have ended, by exit status.");
	each_of(o, l, "handler", "how", ends, nitems(ends), H(life.zero));
}

static void
print_waits(struct out *o, const struct snapshot_list *l)
{
	size_t	 i;

	each(o, l, "handler", "handler_waiting", "gauge", "Events that wait for a process.",
	    H(load.waiting));
	each(o, l, "handler", "handler_waits", "counter", "Events that found all processes in use.",
	    H(numbers.waits));
	family(o, "handler_wait_seconds", "histogram",
	    "Time until a process was given an event, its start included.");
	for (i = 0; i < l->n; i++)
		histogram(o, l->msgs[i].text[0], NULL, &l->msgs[i].u.handler.numbers.wait);
}

static void
print_answers(struct out *o, const struct snapshot_list *l)
{
	static const char *const	 kinds[] = { "failure", "timeout", "overload" };
	const struct control_handler	*h;
	const char			*verdicts[VD_COUNT];
	unsigned int			 ev;
	size_t				 i;

	for (ev = 0; ev < VD_COUNT; ev++)
		verdicts[ev] = verdict_name((enum verdict)ev);
	family(o, "handler_answer_seconds", "histogram",
	    "Time from when a process was given an event until it answered, or failed.");
	for (i = 0; i < l->n; i++) {
		h = &l->msgs[i].u.handler;
		for (ev = 0; ev < EV_COUNT; ev++)
			if (h->events & EV_BIT(ev))
				histogram(o, l->msgs[i].text[0], event_name((enum event_kind)ev),
				    &h->numbers.events[ev]);
	}
	family(o, "handler_answers", "counter", "Answers of handlers.");
	each_of(o, l, "handler", "verdict", verdicts, VD_COUNT, H(numbers.answers));
	family(o, "handler_failures", "counter", "Events that a handler did not answer.");
	each_of(o, l, "handler", "kind", kinds, nitems(kinds), H(numbers.failures));
}

static void
print_rest(struct out *o, const struct snapshot_list *l)
{
	static const char *const	 reports[] = { "taken", "failed" };
	static const char *const	 lines[] = { "logged", "dropped" };
	size_t				 i;

	family(o, "handler_reports", "counter", "Reports to handlers.");
	each_of(o, l, "handler", "result", reports, nitems(reports), H(numbers.reports));
	each(o, l, "handler", "handler_slow", "counter", "Answers that took longer than slow.",
	    H(numbers.slow));
	family(o, "handler_stderr_lines", "counter", "Lines of standard error.");
	each_of(o, l, "handler", "result", lines, nitems(lines), H(numbers.stderr_lines));
	family(o, "handler_backoff_seconds", "gauge", "Time until a process is started again.");
	for (i = 0; i < l->n; i++)
		sample_seconds(o, "handler", l->msgs[i].text[0],
		    l->msgs[i].u.handler.backoff * 1000);
	family(o, "handler_cpu_seconds", "counter", "CPU time of processes that have ended.");
	for (i = 0; i < l->n; i++)
		sample_seconds(o, "handler", l->msgs[i].text[0], l->msgs[i].u.handler.life.cpu);
	each(o, l, "handler", "handler_max_resident_bytes", "gauge",
	    "Memory of the largest process that has ended.", H(life.max_resident));
}

void
openmetrics_print(struct buf *b, const struct snapshot *s)
{
	const struct control_daemon	*d = &s->daemon.msgs[0].u.daemon;
	struct out			 o = { b, NULL, NULL };

	print_daemon(&o, s);
	print_listeners(&o, &s->listeners);
	print_messages(&o, &d->numbers);
	print_processes(&o, &s->handlers);
	print_waits(&o, &s->handlers);
	print_answers(&o, &s->handlers);
	print_rest(&o, &s->handlers);
	one(&o, "kept_bytes", "gauge", "Bytes of messages that are kept.", d->kept);
	one(&o, "kept_limit_bytes", "gauge", "How many there may be.", d->kept_limit);
	one(&o, "log_lines_lost", "counter", "Lines of the log that were lost.",
	    d->numbers.log_lines_lost);
	buf_add_str(b, "# EOF\n");
}
