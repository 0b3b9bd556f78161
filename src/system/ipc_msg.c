/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/ipc_msg.c: encodes and decodes the messages between supervisor and
 * engine.
 */
#include "base/compat.h"

#include <signal.h>
#include <string.h>

#include "base/rd.h"
#include "milter/event.h"
#include "system/ipc_msg.h"

/* The fields of a message, in the order they are sent. */
#define HAS_ID		0x01u
#define HAS_HANDLER	0x02u
#define HAS_EVENT	0x04u
#define HAS_VALUE	0x08u
#define HAS_STAGE	0x10u
#define HAS_ENV		0x20u

static const unsigned int fields[IPC_TYPE_COUNT] = {
	[IPC_READY] = 0,
	[IPC_SPAWN] = HAS_ID | HAS_HANDLER | HAS_EVENT | HAS_ENV,
	[IPC_KILL] = HAS_ID | HAS_VALUE,
	[IPC_LOG] = 0,
	[IPC_RETIRED] = 0,
	[IPC_SERVE] = 0,
	[IPC_SPAWNED] = HAS_ID | HAS_VALUE,
	[IPC_FAILED] = HAS_ID | HAS_VALUE | HAS_STAGE,
	[IPC_EXITED] = HAS_ID | HAS_VALUE,
	[IPC_DRAIN] = 0,
	[IPC_RETIRE] = 0,
	[IPC_ANSWER] = 0,
	[IPC_RECLAIM] = HAS_HANDLER,
	[IPC_FREED] = HAS_HANDLER,
	[IPC_STALE] = HAS_HANDLER,
	[IPC_WATCH] = HAS_ID | HAS_ENV,
	[IPC_UNWATCH] = HAS_ID,
};

void
ipc_msg_enc(struct buf *out, const struct ipc_msg *msg)
{
	unsigned int	 has = fields[msg->type];

	buf_add_u8(out, msg->type);
	if (has & HAS_ID) {
		buf_add_u32(out, (uint32_t)(msg->id >> 32));
		buf_add_u32(out, (uint32_t)(msg->id & UINT32_MAX));
	}
	if (has & HAS_HANDLER)
		buf_add_u32(out, msg->handler);
	if (has & HAS_EVENT)
		buf_add_u32(out, msg->event);
	if (has & HAS_VALUE)
		buf_add_u32(out, (uint32_t)msg->value);
	if (has & HAS_STAGE)
		buf_add_u32(out, msg->stage);
	if (has & HAS_ENV) {
		if (msg->env_len > IPC_MAX_ENV)
			out->err = 1;
		else
			buf_add(out, msg->env, msg->env_len);
	}
}

static int
value_fits(const struct ipc_msg *msg)
{
	switch (msg->type) {
	case IPC_KILL:
		return msg->value == SIGTERM || msg->value == SIGKILL;
	case IPC_SPAWNED:
	case IPC_FAILED:
		return msg->value > 0;
	default:
		return 1;
	}
}

static int
ranges_fit(const struct ipc_msg *msg)
{
	return msg->event < EV_COUNT && msg->stage < IPC_STAGE_COUNT &&
	    msg->env_len <= IPC_MAX_ENV && value_fits(msg) &&
	    (msg->env_len == 0 || msg->env[msg->env_len - 1] == '\0');
}

static void
dec_fields(struct rd *r, unsigned int has, struct ipc_msg *msg)
{
	if (has & HAS_ID) {
		msg->id = (uint64_t)rd_u32(r) << 32;
		msg->id |= rd_u32(r);
	}
	if (has & HAS_HANDLER)
		msg->handler = rd_u32(r);
	if (has & HAS_EVENT)
		msg->event = rd_u32(r);
	if (has & HAS_VALUE)
		msg->value = (int32_t)rd_u32(r);
	if (has & HAS_STAGE)
		msg->stage = rd_u32(r);
	if (has & HAS_ENV) {
		msg->env_len = r->left;
		msg->env = (const char *)rd_bytes(r, r->left);
	}
}

int
ipc_msg_dec(const void *p, size_t len, struct ipc_msg *msg)
{
	struct rd	 r;
	unsigned int	 type;

	memset(msg, 0, sizeof(*msg));
	rd_init(&r, p, len);
	type = rd_u8(&r);
	if (r.err || type >= IPC_TYPE_COUNT)
		return -1;
	msg->type = (enum ipc_type)type;
	dec_fields(&r, fields[type], msg);
	return r.err || r.left > 0 || !ranges_fit(msg) ? -1 : 0;
}
