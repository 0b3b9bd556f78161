/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Fuzzes system/ipc_msg.h: a packet as an engine might send it. The decoder takes
 * exactly the packets that a second description of the format allows, and the
 * encoder makes the same bytes of what the decoder found.
 */

#include "base/compat.h"

#include <signal.h>

#include "fuzz.h"
#include "milter/event.h"
#include "system/ipc_msg.h"

/*
 * The fields of each message, in the order of enum ipc_type: i id, h handler, e event,
 * s signal, p a number above 0, w any number, g stage, v environment.
 */
static const char *const formats[IPC_TYPE_COUNT] = {
	[IPC_READY] = "", [IPC_SPAWN] = "ihev", [IPC_KILL] = "is", [IPC_LOG] = "",
	[IPC_RETIRED] = "", [IPC_SERVE] = "", [IPC_SPAWNED] = "ip", [IPC_FAILED] = "ipg",
	[IPC_EXITED] = "iw", [IPC_DRAIN] = "", [IPC_RETIRE] = "", [IPC_ANSWER] = "",
	[IPC_RECLAIM] = "h", [IPC_FREED] = "h", [IPC_STALE] = "h", [IPC_WATCH] = "iv",
	[IPC_UNWATCH] = "i"
};

static uint32_t
number_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int
number_fits(int field, uint32_t n)
{
	switch (field) {
	case 'e':
		return n < EV_COUNT;
	case 's':
		return n == SIGTERM || n == SIGKILL;
	case 'p':
		return n >= 1 && n <= INT32_MAX;
	case 'g':
		return n < IPC_STAGE_COUNT;
	default:
		return 1;
	}
}

/* The second description: 1 for a packet that may be taken. */
static int
is_message(const uint8_t *p, size_t len)
{
	const char	*field;
	size_t		 size;

	if (len == 0 || p[0] >= IPC_TYPE_COUNT)
		return 0;
	field = formats[*p++];
	for (len--; *field != '\0' && *field != 'v'; field++, p += size, len -= size) {
		size = *field == 'i' ? 8 : 4;
		if (len < size || (size == 4 && !number_fits(*field, number_at(p))))
			return 0;
	}
	if (*field == '\0')
		return len == 0;
	return len == 0 || (len <= IPC_MAX_ENV && p[len - 1] == '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct ipc_msg	 msg;
	struct buf	 again;
	uint8_t		*packet = exact_copy(in, len);
	int		 ok = ipc_msg_dec(packet, len, &msg) == 0;

	CHECK(ok == is_message(packet, len));
	if (ok) {
		CHECK(msg.env_len == 0 || (msg.env >= (char *)packet &&
		    msg.env + msg.env_len == (char *)packet + len));
		buf_init(&again, IPC_MAX_MSG);
		ipc_msg_enc(&again, &msg);
		CHECK(buf_ok(&again) && again.len == len &&
		    memcmp(again.data, packet, len) == 0);
		buf_free(&again);
	}
	free(packet);
	return 0;
}
