#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""An SMTP server that keeps what it gets.

smtp_sink.py DIRECTORY

listens on a loopback port that the kernel chooses and writes it to
DIRECTORY/port. Each message becomes DIRECTORY/N.env, with the lines "EHLO NAME",
"MAIL FROM:...", "RCPT TO:..." as they came, and DIRECTORY/N.msg, its bytes as
they came but for the dots of the transport. N.msg appears last, whole.
"""

import itertools
import os
import socketserver
import sys

DIRECTORY = sys.argv[1]
NUMBERS = itertools.count(1)
EXTENSIONS = [b"sink.test", b"PIPELINING", b"SIZE 104857600", b"8BITMIME",
              b"SMTPUTF8", b"DSN", b"ENHANCEDSTATUSCODES"]


def store(envelope, message):
    base = os.path.join(DIRECTORY, "%04d" % next(NUMBERS))
    with open(base + ".env", "wb") as f:
        f.write(b"".join(line + b"\n" for line in envelope))
    with open(base + ".new", "wb") as f:
        f.write(message)
    os.rename(base + ".new", base + ".msg")


class Session(socketserver.StreamRequestHandler):
    rbufsize = 1 << 16

    def say(self, *lines):
        self.wfile.write(b"".join(line + b"\r\n" for line in lines))
        self.wfile.flush()

    def handle(self):
        self.greeting = b""
        self.envelope = []
        self.say(b"220 sink.test ESMTP")
        while True:
            line = self.rfile.readline()
            if not line.endswith(b"\n"):
                return
            line = line.rstrip(b"\r\n")
            verb = line.split(b" ")[0].split(b":")[0].upper()
            if verb == b"QUIT":
                self.say(b"221 2.0.0 bye")
                return
            self.command(verb, line)

    def command(self, verb, line):
        if verb in (b"EHLO", b"HELO"):
            self.greeting = line
            self.envelope = []
            self.say(*[b"250-" + e for e in EXTENSIONS[:-1]],
                     b"250 " + EXTENSIONS[-1])
        elif verb == b"MAIL":
            self.envelope = [self.greeting, line]
            self.say(b"250 2.1.0 ok")
        elif verb == b"RCPT":
            self.envelope.append(line)
            self.say(b"250 2.1.5 ok")
        elif verb == b"DATA":
            self.say(b"354 go on")
            message = self.message()
            store(self.envelope, message)
            self.say(b"250 2.0.0 kept")
        elif verb in (b"RSET", b"NOOP"):
            self.say(b"250 2.0.0 ok")
        else:
            self.say(b"500 5.5.1 what?")

    def message(self):
        lines = []
        whole = True    # the line before ended in CRLF
        while True:
            line = self.rfile.readline()
            if not line:
                raise ConnectionError("end of file in a message")
            if whole and line == b".\r\n":
                return b"".join(lines)
            if whole and line.startswith(b"."):
                line = line[1:]
            whole = line.endswith(b"\r\n")
            lines.append(line)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def main():
    with Server(("127.0.0.1", 0), Session) as server:
        name = os.path.join(DIRECTORY, "port")
        with open(name + ".new", "w", encoding="ascii") as f:
            f.write("%d\n" % server.server_address[1])
        os.rename(name + ".new", name)
        server.serve_forever()


main()
