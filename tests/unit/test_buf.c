/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* Tests base/xmalloc.h, base/buf.h and base/rd.h. */

#include "base/compat.h"

#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/rd.h"
#include "tap.h"
#include "base/xmalloc.h"

static void
die_xmalloc(void)
{
	free(xmalloc(0));
}

static void
die_xcalloc(void)
{
	free(xcalloc(0, 4));
}

static void
die_xreallocarray(void)
{
	free(xreallocarray(NULL, SIZE_MAX / 2, 4));
}

static void
test_misuse(void)
{
	struct buf	 b;

	buf_init(&b, 10);
	buf_add_str(&b, "abc");
	buf_put_u32(&b, 0, 0);
	CHECK(!buf_ok(&b), "putting beyond the end is an error");
	CHECK_MEM(b.data, b.len, "abc", 3, "and puts nothing");
	buf_reset(&b);
	buf_add_str(&b, "abcd");
	buf_put_u32(&b, SIZE_MAX, 0);
	CHECK(!buf_ok(&b) && b.len == 4, "however far beyond");
	buf_reset(&b);
	buf_add_str(&b, "abc");
	buf_drain(&b, 4);
	CHECK(!buf_ok(&b) && b.len == 0, "draining more than there is is an error");
	buf_free(&b);
}

/* 1 if f ended its process with status 1, as fatalx() does. */
static int
is_fatal(void (*f)(void))
{
	pid_t	 pid;
	int	 status, fd;

	if ((pid = fork()) == -1)
		return 0;
	if (pid == 0) {
		if ((fd = open("/dev/null", O_WRONLY | O_CLOEXEC)) != -1)
			dup2(fd, STDERR_FILENO);
		f();
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == -1)
		continue;
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void
test_xmalloc(void)
{
	char	*s;

	s = xstrdup("abc");
	CHECK_STR(s, "abc", "xstrdup");
	free(s);
	s = xstrndup(guarded("abcd", 4), 4);
	CHECK_STR(s, "abcd", "xstrndup reads no further than its maximum");
	free(s);
	s = xstrndup("abcd", 2);
	CHECK_STR(s, "ab", "xstrndup cuts");
	free(s);
	s = xmemdup0("a\0b", 3);
	CHECK_MEM(s, 4, "a\0b", 4, "xmemdup0 copies NULs and adds one");
	free(s);
	s = xmemdup0(NULL, 0);
	CHECK_STR(s, "", "xmemdup0 of nothing is a string");
	free(s);
	CHECK(is_fatal(die_xmalloc), "xmalloc(0) is fatal");
	CHECK(is_fatal(die_xcalloc), "xcalloc(0, n) is fatal");
	CHECK(is_fatal(die_xreallocarray), "a product that overflows is fatal");
}

static void
test_numbers(void)
{
	struct buf	 b;

	buf_init(&b, 100);
	buf_add_u8(&b, 255);
	buf_add_u16(&b, 65535 - 1);
	buf_add_u32(&b, 0x01020304);
	CHECK_MEM(b.data, b.len, "\xff\xff\xfe\1\2\3\4", 7, "numbers in network order");
	buf_put_u32(&b, 3, 0xfffefdfc);
	CHECK_MEM(b.data, b.len, "\xff\xff\xfe\xff\xfe\xfd\xfc", 7, "a number put in its place");
	CHECK(buf_ok(&b), "all was well so far");
	buf_add_u8(&b, 256);
	CHECK(!buf_ok(&b), "256 is no byte");
	buf_reset(&b);
	buf_add_u16(&b, 65536);
	CHECK(!buf_ok(&b), "65536 does not fit 16 bits");
	buf_free(&b);
}

static void
test_digits(void)
{
	struct buf	 b;

	buf_init(&b, 40);
	buf_add_number(&b, 0);
	buf_add_str(&b, " ");
	buf_add_number(&b, 1002003);
	buf_add_str(&b, " ");
	buf_add_number(&b, UINT64_MAX);
	CHECK_MEM(b.data, b.len, "0 1002003 18446744073709551615", 30, "numbers in digits");
	buf_free(&b);
	buf_init(&b, 3);
	buf_add_number(&b, 1234);
	CHECK(!buf_ok(&b) && b.len == 0, "a number that does not fit leaves no digit behind");
	buf_free(&b);
}

static void
test_strings(void)
{
	struct buf	 b;

	buf_init(&b, 10);
	buf_add(&b, NULL, 0);
	CHECK(buf_ok(&b) && b.len == 0, "nothing can be added");
	buf_add_str(&b, "ab");
	buf_add_cstr(&b, "cd");
	buf_printf(&b, "%d-%s", 12, "xy");
	CHECK_MEM(b.data, b.len, "abcd\0" "12-xy", 10, "strings up to the maximum");
	CHECK(buf_ok(&b), "the maximum itself is no error");
	buf_drain(&b, 5);
	CHECK_MEM(b.data, b.len, "12-xy", 5, "drained");
	buf_drain(&b, 5);
	CHECK(b.len == 0, "drained to the end");
	buf_free(&b);
}

static void
test_maximum(void)
{
	struct buf	 b;

	buf_init(&b, 4);
	buf_add_str(&b, "abc");
	buf_add_str(&b, "de");
	CHECK(!buf_ok(&b), "one byte too many is an error");
	CHECK_MEM(b.data, b.len, "abc", 3, "of which nothing is added");
	buf_add_str(&b, "f");
	buf_printf(&b, "g");
	CHECK_MEM(b.data, b.len, "abc", 3, "nor of what follows, though it would fit");
	buf_reset(&b);
	CHECK(buf_ok(&b) && b.len == 0, "a reset clears the error");
	buf_printf(&b, "%s", "abcd");
	CHECK(buf_ok(&b) && b.len == 4, "printf fills it to the brim");
	buf_printf(&b, "%s", "");
	CHECK(buf_ok(&b), "printf of nothing into a full one");
	buf_printf(&b, "x");
	CHECK(!buf_ok(&b) && b.len == 4, "printf beyond the maximum");
	buf_free(&b);
	buf_add(&b, "abcd", 4);
	CHECK(buf_ok(&b) && b.len == 4, "usable after buf_free");
	buf_add(&b, "abcd", SIZE_MAX);
	CHECK(!buf_ok(&b), "a length that would overflow");
	buf_free(&b);
}

static void
test_growth(void)
{
	struct buf	 b;
	size_t		 i, wrong = 0;

	buf_init(&b, 100000);
	for (i = 0; i < 100000; i++)
		buf_add_u8(&b, (unsigned int)(i % 251));
	for (i = 0; i < b.len; i++)
		wrong += b.data[i] != i % 251;
	CHECK(buf_ok(&b) && b.len == 100000 && wrong == 0, "100000 bytes one by one");
	CHECK(b.cap < 300000, "memory grows by doubling, not more");
	buf_free(&b);
}

static void
test_steal(void)
{
	struct buf	 b;
	char		*s;
	size_t		 len;

	buf_init(&b, 3);
	s = buf_steal(&b, &len);
	CHECK_STR(s, "", "what is stolen from an empty one is a string");
	CHECK(len == 0, "of no length");
	free(s);
	buf_add(&b, "a\0b", 3);
	s = buf_steal(&b, &len);
	CHECK_MEM(s, len + 1, "a\0b", 4, "stolen with a NUL behind it");
	CHECK(b.len == 0 && b.data == NULL, "and gone from the buffer");
	free(s);
	buf_add_str(&b, "xyz");
	s = buf_steal(&b, NULL);
	CHECK_STR(s, "xyz", "the maximum has stayed");
	free(s);
}

static void
test_spare(void)
{
	struct buf	 a, b, spare;
	unsigned char	*p;

	buf_init(&a, 1000);
	buf_init(&b, 3);
	buf_init(&spare, 0);
	buf_borrow(&a, &spare);
	CHECK(a.data == NULL, "nothing is borrowed where nothing is");
	buf_add_str(&a, "some");
	p = a.data;
	buf_lend(&a, &spare, 1000);
	CHECK(a.data == NULL && a.len == 0 && spare.data == p, "memory is lent");
	buf_add_str(&a, "more");
	buf_lend(&a, &spare, 1000);
	CHECK(a.data == NULL && spare.data == p, "but once");
	buf_add_str(&a, "full");
	buf_borrow(&a, &spare);
	CHECK(a.len == 4 && spare.data == p, "one that is not empty borrows none");
	buf_borrow(&b, &spare);
	CHECK(b.data == p && b.len == 0 && spare.data == NULL, "another one has it");
	buf_add_str(&b, "four");
	CHECK(!buf_ok(&b) && b.max == 3, "and its own maximum");
	buf_lend(&a, &spare, 3);
	CHECK(a.data == NULL && spare.data == NULL, "too much memory is freed");
	buf_free(&b);
}

static void
test_rd(void)
{
	static const unsigned char	 in[] = "\x01\x02\x03\x84\x85\x86\x87" "ab\0" "\0" "zz";
	struct rd			 r;
	const char			*s;
	size_t				 len;

	rd_init(&r, guarded(in, sizeof(in) - 1), sizeof(in) - 1);
	CHECK(rd_u8(&r) == 1, "a byte");
	CHECK(rd_u16(&r) == 0x0203, "16 bits");
	CHECK(rd_u32(&r) == 0x84858687, "32 bits, the top one set");
	s = rd_cstr(&r, &len);
	CHECK_STR(s, "ab", "a string");
	CHECK(len == 2, "and its length");
	s = rd_cstr(&r, NULL);
	CHECK_STR(s, "", "an empty string");
	CHECK(!r.err && r.left == 2, "no error so far");
	CHECK(rd_cstr(&r, &len) == NULL && r.err && len == 0, "a string without its NUL");
	CHECK(rd_bytes(&r, 1) == NULL && rd_u8(&r) == 0, "after an error nothing is read");
	rd_init(&r, guarded("ab", 3), 3);
	len = 1;
	CHECK(rd_u32(&r) == 0 && rd_cstr(&r, &len) == NULL && len == 0, "nor a string");
}

static void
test_rd_short(void)
{
	struct rd	 r;
	size_t		 n;

	for (n = 0; n < 4; n++) {
		rd_init(&r, guarded("abcd", n), n);
		CHECK(rd_u32(&r) == 0 && r.err, "32 bits cut short");
	}
	rd_init(&r, guarded("a", 1), 1);
	CHECK(rd_u16(&r) == 0 && r.err, "16 bits cut short");
	rd_init(&r, guarded("abc", 3), 3);
	CHECK(rd_bytes(&r, 4) == NULL && r.err, "bytes cut short");
	rd_init(&r, guarded("abc", 3), 3);
	CHECK(rd_bytes(&r, SIZE_MAX) == NULL && r.err, "a length that would overflow");
	rd_init(&r, guarded("abc", 3), 3);
	CHECK(rd_bytes(&r, 3) != NULL && r.left == 0 && !r.err, "all of it");
	CHECK(rd_cstr(&r, NULL) == NULL && r.err, "a string where nothing is left");
	rd_init(&r, NULL, 0);
	CHECK(rd_bytes(&r, 0) == NULL && !r.err, "nothing of nothing");
}

int
main(void)
{
	test_xmalloc();
	test_numbers();
	test_digits();
	test_strings();
	test_maximum();
	test_misuse();
	test_growth();
	test_steal();
	test_spare();
	test_rd();
	test_rd_short();
	return tap_done();
}
