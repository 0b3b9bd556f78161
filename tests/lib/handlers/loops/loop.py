#!/usr/bin/python3 -IS
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""What loop.sh does, in Python."""
import os
import sys

INPUT = sys.stdin.buffer
OUTPUT = sys.stdout.buffer


class Known:
    """What the blocks have told until now."""

    def __init__(self):
        self.forget_all()

    def forget_all(self):
        self.macros = {}
        self.context = {}
        self.helo = b""
        self.forget_message()

    def forget_message(self):
        self.sender = b""
        self.recipients = []

    def text(self):
        return b"helo=%s sender=%s recipients=%d:%s i=%s from=%s host=%s" % (
            self.helo, self.sender, len(self.recipients),
            b",".join(self.recipients), self.macros.get(b"i", b""),
            self.context.get(b"from", b""), self.context.get(b"host", b""))

    def take(self, key, value):
        name, _, rest = value.partition(b" ")
        if key == b"complete":
            self.forget_all()
        elif key == b"helo":
            self.helo = value
        elif key == b"sender":
            self.sender = value
        elif key == b"recipient":
            self.recipients.append(value)
        elif key == b"recipient-refused" and value in self.recipients:
            self.recipients.remove(value)
        elif key == b"macro":
            self.macros[name] = rest
        elif key == b"context":
            self.context[name] = rest
        elif key == b"context-unset":
            self.context.pop(value, None)


def reply(event, asked, known, answered):
    if event == b"connect":
        return [b"set host " + asked, b"continue"]
    if event == b"mail":
        return [b"set-message from " + known.sender, b"continue"]
    if event == b"rcpt" and asked.endswith(b"@refused.example>"):
        return [b"reject 550 5.1.1 Not here"]
    if event == b"end-of-message":
        return [b"add-header X-Known " + known.text(),
                b"add-header X-Process %d %d" % (os.getpid(), answered),
                b"continue"]
    return [b"continue"]


def main():
    known = Known()
    answered = 0
    message = b""
    for line in iter(INPUT.readline, b""):
        key, _, value = line[:-1].partition(b" ")
        if key in (b"event", b"report"):
            kind, event, lines, length, asked = key, value, [], 0, b""
        elif key == b"message" and value != message:
            known.forget_message()
            message = value
        elif key == b"event-id":
            lines = [b"event-id " + value]
        elif key == b"length":
            length = int(value)
        elif key == b"":
            INPUT.read(length)
            if kind == b"event":
                answered += 1
                lines += reply(event, asked, known, answered)
                OUTPUT.write(b"".join(x + b"\n" for x in lines))
                OUTPUT.flush()
        else:
            known.take(key, value)
            if key in (b"client-host", b"recipient"):
                asked = value


main()
