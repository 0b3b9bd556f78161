/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Fuzzes mail/text.h and mail/diff.h: parses two texts of a message and
 * compares them. The first two bytes are the length of the first text. A text
 * that is written again must be the same message.
 */

#include "base/compat.h"

#include <stdlib.h>

#include "mail/diff.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
same_again(const struct mailfile *m)
{
	struct action_list	 list = TAILQ_HEAD_INITIALIZER(list);
	struct mailfile		 again;
	struct buf		 text;
	const char		*why;

	buf_init(&text, 1 << 22);
	mailfile_write(&text, m, 1);
	if (mailfile_parse(&again, text.data, text.len, &why) == -1)
		abort();
	/*
	 * A message must not differ from itself, not even if its headers can't
	 * be sent.
	 */
	if (maildiff(m, &again, &list, &why) == -1 || !TAILQ_EMPTY(&list))
		abort();
	mailfile_free(&again);
	buf_free(&text);
}

static void
compare(const struct mailfile *old, struct mailfile *new)
{
	struct action_list	 list = TAILQ_HEAD_INITIALIZER(list);
	const char		*why;

	(void)maildiff_fault(old, new);
	(void)maildiff(old, new, &list, &why);
	action_list_clear(&list);
	mailfile_take_off(new, old->headers, old->count < 2 ? old->count : 2);
	(void)maildiff(old, new, &list, &why);
	action_list_clear(&list);
	mailfile_drop_top(new, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct mailfile	 old, new;
	const char	*why;
	size_t		 first;

	if (len < 2)
		return 0;
	first = ((size_t)in[0] << 8 | in[1]) % (len - 1);
	if (mailfile_parse(&old, in + 2, first, &why) == -1)
		return 0;
	same_again(&old);
	if (mailfile_parse(&new, in + 2 + first, len - 2 - first, &why) == 0) {
		same_again(&new);
		compare(&old, &new);
		mailfile_free(&new);
	}
	mailfile_free(&old);
	return 0;
}
