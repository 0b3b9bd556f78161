/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Tests reply/action.h and reply/argument.h through the decoder: every action,
 * right and wrong.
 */

#include "base/compat.h"

#include <stdlib.h>

#include "base/buf.h"
#include "reply/decode.h"
#include "reply_transcript.h"
#include "tap.h"

#define NAME_64	"a234567890123456789012345678901234567890123456789012345678901234"

static void
test_headers(void)
{
	check("add-header X-Spam yes\n", "add-header [X-Spam] [yes]\nend\n");
	check("add-header X-Spam  two spaces \n",
	    "add-header [X-Spam] [\\0040two spaces\\0040]\nend\n");
	check("add-header X \n", "add-header [X] []\nend\n");
	check("add-header X a\\n\tb\\r\\n c\n", "add-header [X] [a\\n\tb\\n c]\nend\n");
	check("add-header X a\\\\nb\\q\n", "add-header [X] [a\\\\nb\\\\q]\nend\n");
	check("add-header !~ x\n", "add-header [!~] [x]\nend\n");
	check("insert-header 0 X y z\n", "insert-header 0 [X] [y z]\nend\n");
	check("insert-header 2147483647 X y\n", "insert-header 2147483647 [X] [y]\nend\n");
	check("change-header X 1 y\n", "change-header 1 [X] [y]\nend\n");
	check("change-header Subject 002 *** \\0040\n",
	    "change-header 2 [Subject] [*** \\0040]\nend\n");
	check("delete-header X\n", "delete-header 0 [X]\nend\n");
	check("delete-header X 3\r\n", "delete-header 3 [X]\nend\n");
	check("add-header a\\0055b c\n", "add-header [a-b] [c]\nend\n");
}

static void
test_addresses(void)
{
	check("change-sender <>\n", "change-sender [<>]\nend\n");
	check("change-sender a@b\n", "change-sender [<a@b>]\nend\n");
	check("change-sender <a@b> RET=HDRS ENVID=q\n",
	    "change-sender [<a@b>] args[RET=HDRS ENVID=q]\nend\n");
	check("add-recipient \"a b\"@c  NOTIFY=NEVER\n",
	    "add-recipient [<\"a b\"@c>] args[NOTIFY=NEVER]\nend\n");
	check("add-recipient <\"a\\\\\"> b\"@c> x\n",
	    "add-recipient [<\"a\\\\\"> b\"@c>] args[x]\nend\n");
	check("add-recipient <a@b> \n", "add-recipient [<a@b>]\nend\n");
	check("add-recipient \303\274@b\n", "add-recipient [<\303\274@b>]\nend\n");
	check("delete-recipient a@b\n", "delete-recipient [a@b]\nend\n");
	check("delete-recipient <\"a\\\\\\\\b c\\0001\"@D>\n",
	    "delete-recipient [<\"a\\\\\\\\b c\\0001\"@D>]\nend\n");
}

static void
test_other_actions(void)
{
	check("quarantine it is\\nbad\\r\\n\n", "quarantine [it is bad \\0040]\nend\n");
	check("set a b c\n", "set [a] [b c]\nend\n");
	check("set a \n", "set [a] []\nend\n");
	check("set-message A_1-z \\n\\0040\n", "set-message [A_1-z] [\\n\\0040]\nend\n");
	check("set " NAME_64 " x\n", "set [" NAME_64 "] [x]\nend\n");
	check("unset a\n", "unset [a]\nend\n");
	check("log\n", "log []\nend\n");
	check("log \n", "log []\nend\n");
	check("log a\\033b \n", "log [a\\\\033b\\0040]\nend\n");
	check("progress\n", "progress\nend\n");
	check("progress\nset a b\nlog x\naccept\n", "progress\nset [a] [b]\nlog [x]\naccept\n");
}

static void
test_headers_at_fault(void)
{
	const char	*name = "expected the name of a header: printable ASCII, no colon";
	const char	*fold = "expected a blank after each line break of a header value";
	const char	*number = "expected a number of decimal digits";

	check_error("add-header", "expected the name of a header");
	check_error("delete-header", "expected the name of a header");
	check_error("add-header ", name);
	check_error("add-header  a", name);
	check_error("add-header X: a", name);
	check_error("add-header a\\0040b c", name);
	check_error("add-header a\tb c", name);
	check_error("add-header a\\nb c", name);
	check_error("add-header \303\274 c", name);
	check_error("add-header a\\0177 c", name);
	check_error("add-header X", "expected the value of a header");
	check_error("insert-header 1 X", "expected the value of a header");
	check_error("change-header X 1", "expected the value of a header");
	check_error("add-header X a\\nb", fold);
	check_error("add-header X a\\n", fold);
	check_error("add-header X a\\r\\n", fold);
	check_error("add-header X a\\n\\n b", fold);
	check_error("add-header X a\\rb", fold);
	check_error("add-header X a\\r", fold);
	check_error("add-header X a\\r b", fold);
	check_error("insert-header", number);
	check_error("insert-header X a", number);
	check_error("insert-header -1 X a", number);
	check_error("insert-header +1 X a", number);
	check_error("insert-header  1 X a", number);
	check_error("insert-header 0x1 X a", number);
	check_error("insert-header 2147483648 X a", "number too large");
	check_error("insert-header 99999999999999999999 X a", "number too large");
	check_error("change-header X", number);
	check_error("change-header X a", number);
	check_error("change-header X 0 a", "expected an index of 1 or more");
	check_error("change-header X 1 ", "expected a value: delete-header is what deletes");
	check_error("delete-header X 0", "expected an index of 1 or more");
	check_error("delete-header X ", number);
	check_error("delete-header X 1 ", number);
	check_error("delete-header X 1 2", number);
}

static void
test_others_at_fault(void)
{
	const char	*pairs = "expected an address: a quote or bracket is not in pairs";
	const char	*control = "expected an address and arguments without control bytes";
	const char	*name = "expected a name: a letter and up to 63 letters, digits, _ and -";

	check_error("change-sender", "expected an address");
	check_error("change-sender ", "expected an address");
	check_error("change-sender  a@b", "expected an address");
	check_error("add-recipient <>", "expected an address");
	check_error("add-recipient <> x", "expected an address");
	check_error("delete-recipient", "expected an address");
	check_error("delete-recipient ", "expected an address");
	check_error("add-recipient <a@b", pairs);
	check_error("add-recipient a@b>", pairs);
	check_error("add-recipient <a b@c>", pairs);
	check_error("add-recipient \"a b@c", pairs);
	check_error("add-recipient \"a\\\\\" b@c", pairs);
	check_error("add-recipient <a>b@c>", pairs);
	check_error("add-recipient a<b@c", pairs);
	check_error("add-recipient <", pairs);
	check_error("add-recipient a\\nb@c", control);
	check_error("add-recipient \"a\tb\"@c", control);
	check_error("add-recipient a\\0177@c", control);
	check_error("add-recipient a@c X=\\r\\nY", control);
	check_error("quarantine", "expected a reason");
	check_error("quarantine ", "expected a reason");
	check_error("quarantine \\n", "expected a reason");
	check_error("set", "expected a name");
	check_error("unset", "expected a name");
	check_error("set ", name);
	check_error("set 1a b", name);
	check_error("set -a b", name);
	check_error("set a.b c", name);
	check_error("set " NAME_64 "5 x", name);
	check_error("unset a b", name);
	check_error("unset a ", name);
	check_error("set a", "expected a value");
	check_error("set-message a", "expected a value");
}

/* Everything in an action must fit the 65535 bytes of a packet. */
static void
test_packet_size(void)
{
	static const struct {
		const char	*line;
		size_t		 most;	/* bytes that may follow line */
	}			 cases[] = {
		{ "add-header X ", 65535 - 7 - 1 },
		{ "insert-header 1 X ", 65535 - 7 - 1 },
		{ "change-header X 1 ", 65535 - 7 - 1 },
		{ "delete-header ", 65535 - 6 },
		{ "quarantine ", 65535 - 1 },
		{ "add-recipient ", 65535 - 4 },
		{ "change-sender a ", 65535 - 4 - 1 },
	};
	struct buf		 in;
	char			*text;
	size_t			 i, n, k;

	limits.max_line = 256 * 1024;
	buf_init(&in, 256 * 1024);
	for (i = 0; i < nitems(cases); i++)
		for (k = 0; k < 2; k++) {
			buf_reset(&in);
			buf_add_str(&in, cases[i].line);
			for (n = 0; n < cases[i].most + k; n++)
				buf_add_u8(&in, 'x');
			buf_add_u8(&in, '\n');
			text = transcript(in.data, in.len, in.len);
			CHECK((text[0] == '!') == (k == 1), cases[i].line);
			free(text);
		}
	buf_free(&in);
	limits.max_line = 1000;
}

int
main(void)
{
	test_headers();
	test_addresses();
	test_other_actions();
	test_headers_at_fault();
	test_others_at_fault();
	test_packet_size();
	return tap_done();
}
