#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
Hostile values for one process of a handler: hostile.py SCOPE EVENT,... COMMAND

Plays messages whose values are of every byte, empty, long, and what means
something to shells, SQL and formats.  An event named report:EVENT is a report.
Fails unless each event is answered by one verdict and the process ends well.
"""
import re
import subprocess
import sys

VALUES = [bytes([b]) for b in range(1, 256)] + [
    b"", b" ", b"x" * 5000, b"<" * 300, b"(" * 300, b'"', b'"\\', b"=?a?q?x" * 900,
    b"=?utf-8?b?/w==?=", b"=?x?q?=00?= =?utf-8?q?=zz?=", b"%s%n%%", b"{address}",
    b"$(touch x)", b"`id`", b"'; DROP TABLE mail; --", b"a\nb: c", b"\r\n.\r\n",
    b"xn--\xff.example", b"xn--a.example", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"*", b"[a-", b"[!]", b"\\", b"a,b;c", b"<@x,@y:z@w>", b"a@b@c", b"::1/0", b"-1"]
VERDICTS = {b"continue", b"accept", b"reject", b"tempfail", b"discard"}
ACTIONS = {b"add-header", b"delete-header", b"quarantine", b"add-recipient",
           b"delete-recipient", b"log"}


def escape(value):
    def one(match):
        byte = match[0]
        return {b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r"}.get(
            byte, b"\\0%03o" % byte[0])
    value = re.sub(rb"[\\\x01-\x08\x0a-\x1f\x7f]", one, value)
    return re.sub(rb"^[ \t]|[ \t]$", lambda m: b"\\0%03o" % m[0][0], value)


def block(kind, event, number, value):
    domain = escape(value.rpartition(b"@")[2].rstrip(b">").lower())
    text = escape(value)
    lines = [kind + b" " + event, b"session 1.%d" % number,
             b"message 1.%d.1" % number, b"complete",
             b"client-host " + text, b"client-address 192.0.2.7" if number % 3
             else b"client-address " + text,
             b"client-family inet", b"helo " + text,
             b"sender " + (escape(b"<" + value + b">") if number % 2 else text),
             b"sender-domain " + domain, b"recipients 2",
             b"recipient <b@example.net>", b"recipient-domain example.net",
             b"recipient " + escape(b"<" + value + b"@example.org>"),
             b"recipient-domain example.org", b"recipient-argument " + text,
             b"macro j " + text + b"x", b"macro _ " + text]
    if number % 5 == 0:
        lines.append(b"macro auth_authen " + text)
    if event == b"header":
        lines += [b"header-name " + (b"Authentication-Results", b"Subject")
                  [number % 2], b"header-value " + text]
    return b"\n".join(lines) + b"\n\n"


def main():
    scope, events, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
    given, asked = b"", 0
    for number, value in enumerate(VALUES):
        for name in events:
            kind, _, event = name.rpartition(":")
            text = block(kind.encode() or b"event", event.encode(), number,
                         value)
            if scope == "message" and name != events[0]:
                text = text.replace(b"complete\n", b"")
            given += text
            asked += not kind
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    answered = 0
    for line in done.stdout.splitlines():
        word = line.partition(b" ")[0]
        answered += word in VERDICTS
        if word not in VERDICTS | ACTIONS:
            sys.exit("stray line: %r" % line)
    if done.returncode or answered != asked or done.stderr:
        sys.exit("status %d, %d of %d answered\n%s" % (
            done.returncode, answered, asked,
            done.stderr.decode(errors="replace")))


if __name__ == "__main__":
    main()
