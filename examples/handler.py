#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A handler in Python: refuses mail from spam.example and adds a header to the
# rest.
#
#	pipemilter -l inet:8899@127.0.0.1 -e mail,end-of-message \
#	    -o 'actions = {add-header}' ./handler.py

import re
import sys

PLAIN = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}


def unescape(value):
    """Undoes the escapes of a value; all values are bytes."""
    return re.sub(rb"\\(\\|n|r|0[0-7]{3})",
                  lambda m: PLAIN.get(m[1]) or bytes([int(m[1], 8)]), value)


def say(*lines):
    for line in lines:
        sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()       # each reply must go out at once


def answer(event, known):
    domain = known.get(b"sender-domain", b"")
    if event == b"mail" and (b"." + domain).endswith(b".spam.example"):
        say(b"reject 550 5.7.1 No mail from there")
        return
    if event == b"end-of-message":
        say(b"add-header X-Seen-By handler.py")
    say(b"continue")


def main():
    kind = event = b""
    known = {}
    for text in iter(sys.stdin.buffer.readline, b""):
        key, _, value = text.rstrip(b"\n").partition(b" ")
        if key == b"":                          # the block is complete
            if kind == b"event":
                answer(event, known)
        elif key in (b"event", b"report"):
            kind, event = key, value
        elif key == b"complete":                # all that was known is void
            known = {}
        else:
            known[key] = unescape(value)


main()
