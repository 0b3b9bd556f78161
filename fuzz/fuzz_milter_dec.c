/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Fuzzes milter/decode.h with a stream of packets, each read as a command and
 * as a reply.
 */

#include "base/compat.h"

#include <string.h>

#include "milter/decode.h"
#include "milter/proto.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct milter_packet	 pkt;
	struct milter_cmd	 cmd;
	struct milter_reply	 rep;
	const char		*a = "", *b = "", *why;
	uint32_t		 stage;
	size_t			 used, n = 0;

	for (; milter_frame(in, len, &pkt, &used) == MILTER_FRAME_OK; in += used, len -= used) {
		if (milter_dec_cmd(&pkt, &cmd, &why) == 0) {
			while (cmd.code == SMFIC_MACRO &&
			    milter_next_macro(&cmd.u.macro.pairs, &a, &b))
				n += strlen(a) + strlen(b);
			while ((cmd.code == SMFIC_MAIL || cmd.code == SMFIC_RCPT) &&
			    (a = milter_next_arg(&cmd.u.envelope.args)) != NULL)
				n += strlen(a);
		}
		if (milter_dec_reply(&pkt, &rep, &why) == 0)
			while (milter_next_symlist(&rep.symlists, &stage, &a) == 1)
				n += strlen(a);
	}
	return n == (size_t)-1;
}
