/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* system/ipc_msg.h: each message there and back, and damaged ones. */

#include "base/compat.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "milter/event.h"
#include "system/ipc_msg.h"
#include "tap.h"
#include "base/xmalloc.h"

static const char		 env[] = "A=1\0B=";
static const struct ipc_msg	 messages[] = {
	{ .type = IPC_READY },
	{ .type = IPC_SPAWN, .id = 0x123456789abcdef0, .handler = 7,
	    .event = EV_DISCONNECT, .env = env, .env_len = sizeof(env) },
	{ .type = IPC_SPAWN, .id = 1 },
	{ .type = IPC_KILL, .id = UINT64_MAX, .value = SIGTERM },
	{ .type = IPC_KILL, .id = 2, .value = SIGKILL },
	{ .type = IPC_LOG },
	{ .type = IPC_SPAWNED, .id = 3, .value = INT32_MAX },
	{ .type = IPC_FAILED, .id = 4, .value = 2, .stage = IPC_STAGE_EXEC },
	{ .type = IPC_EXITED, .id = 5, .value = 0x7f00 },
	{ .type = IPC_EXITED, .id = 6, .value = 0 },
	{ .type = IPC_DRAIN },
	{ .type = IPC_ANSWER },
	{ .type = IPC_RECLAIM, .handler = UINT32_MAX },
	{ .type = IPC_FREED, .handler = 1 },
	{ .type = IPC_STALE, .handler = 2 },
	{ .type = IPC_WATCH, .id = 8, .env = env, .env_len = sizeof(env) },
	{ .type = IPC_WATCH, .id = 9 },
	{ .type = IPC_UNWATCH, .id = 8 },
	{ .type = IPC_FAILED, .id = 7, .value = 11, .stage = IPC_STAGE_LIMIT },
};

static int
same(const struct ipc_msg *a, const struct ipc_msg *b)
{
	return a->type == b->type && a->id == b->id && a->handler == b->handler &&
	    a->event == b->event && a->value == b->value && a->stage == b->stage &&
	    a->env_len == b->env_len &&
	    (a->env_len == 0 || memcmp(a->env, b->env, a->env_len) == 0);
}

static void
test_round_trip(void)
{
	struct ipc_msg	 got;
	struct buf	 b;
	size_t		 i, n, wrong = 0;

	buf_init(&b, IPC_MAX_MSG);
	for (i = 0; i < nitems(messages); i++) {
		buf_reset(&b);
		ipc_msg_enc(&b, &messages[i]);
		CHECK(buf_ok(&b) && ipc_msg_dec(guarded(b.data, b.len), b.len, &got) == 0 &&
		    same(&got, &messages[i]), "there and back");
		/* Of an environment a shorter one may remain, if it ends with a NUL. */
		for (n = 0; n < b.len; n++)
			if (ipc_msg_dec(guarded(b.data, n), n, &got) == 0 &&
			    got.type != IPC_SPAWN && got.type != IPC_WATCH)
				wrong++;
		CHECK(wrong == 0, "not if cut short");
		buf_add_u8(&b, 'x');
		CHECK(ipc_msg_dec(guarded(b.data, b.len), b.len, &got) == -1,
		    "nor with a byte left over");
	}
	buf_free(&b);
}

static void
check_bad(const struct ipc_msg *msg, const char *name)
{
	struct ipc_msg	 got;
	struct buf	 b;

	buf_init(&b, IPC_MAX_MSG);
	ipc_msg_enc(&b, msg);
	CHECK(buf_ok(&b) && ipc_msg_dec(b.data, b.len, &got) == -1, name);
	buf_free(&b);
}

static void
test_ranges(void)
{
	static const unsigned char	 past = IPC_TYPE_COUNT;
	struct ipc_msg	 m = { .type = IPC_SPAWN, .event = EV_COUNT }, got;

	check_bad(&m, "an event too large");
	m = (struct ipc_msg){ .type = IPC_SPAWN, .env = "A=1", .env_len = 3 };
	check_bad(&m, "an environment without its NUL");
	m = (struct ipc_msg){ .type = IPC_KILL, .value = SIGSEGV };
	check_bad(&m, "a signal that is none of ours");
	m = (struct ipc_msg){ .type = IPC_KILL };
	check_bad(&m, "no signal");
	m = (struct ipc_msg){ .type = IPC_SPAWNED, .value = 0 };
	check_bad(&m, "process 0");
	m = (struct ipc_msg){ .type = IPC_SPAWNED, .value = -1 };
	check_bad(&m, "process -1");
	m = (struct ipc_msg){ .type = IPC_FAILED, .value = 0 };
	check_bad(&m, "an error that is none");
	m = (struct ipc_msg){ .type = IPC_FAILED, .value = 1, .stage = IPC_STAGE_COUNT };
	check_bad(&m, "a stage too large");
	CHECK(ipc_msg_dec("", 0, &got) == -1, "nothing");
	CHECK(ipc_msg_dec(&past, 1, &got) == -1 && ipc_msg_dec("\377", 1, &got) == -1,
	    "an unknown type");
}

static void
test_size(void)
{
	char		*large = xcalloc(IPC_MAX_ENV + 1, 1);
	struct ipc_msg	 m = { .type = IPC_SPAWN, .env = large, .env_len = IPC_MAX_ENV }, got;
	struct buf	 b;

	buf_init(&b, 2 * IPC_MAX_MSG);
	ipc_msg_enc(&b, &m);
	CHECK(buf_ok(&b) && b.len <= IPC_MAX_MSG && ipc_msg_dec(b.data, b.len, &got) == 0,
	    "the largest environment fits a message");
	buf_add_u8(&b, 0);
	CHECK(ipc_msg_dec(b.data, b.len, &got) == -1, "a larger one is refused");
	buf_reset(&b);
	m.env_len++;
	ipc_msg_enc(&b, &m);
	CHECK(!buf_ok(&b), "and not sent");
	buf_free(&b);
	free(large);
}

int
main(void)
{
	test_round_trip();
	test_ranges();
	test_size();
	return tap_done();
}
