#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""Sends mail to mail servers until it gets TERM, and says what became of it.

load.py [OPTION ...] REPORT SERVER ...

Workers with short SMTP sessions send one message each, then begin a new session
with the next SERVER, which is a port of 127.0.0.1, or ADDRESS:PORT; others keep one
session for all their messages. The mail servers are to deliver to the port in
REPORT.sink, where all messages are taken and counted.

REPORT is written again and again, as JSON:

  messages     that were begun
  accepted     of them
  refused      replies 4xx and 5xx, and connections that failed, in short sessions
  refused_long the same in sessions that last
  delayed      messages that were refused at first, and accepted when sent again (--retry)
  longest      seconds that a message took in a short session, without its delay;
               USR1 sets it to 0
  stalled      seconds that this program itself was not run, at most: the machine is busy
  replies      each reply that refused in short sessions, and how often it came
  replies_long the same in sessions that last
  arrived      messages that the mail servers have delivered
  lost         messages that were accepted and have not arrived (at the end)
  twice        messages that have arrived twice
  over         true at the end, when all that was accepted has arrived or is lost
"""

import argparse
import itertools
import json
import os
import signal
import socket
import socketserver
import threading
import time

TIMEOUT = 100       # seconds for a reply
PATIENCE = 60       # seconds at the end until what has not arrived is lost


class Refused(Exception):
    pass


class Numbers:
    """What the report says. All threads write it, under a lock."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.count = dict.fromkeys(("messages", "accepted", "refused", "refused_long",
                                    "delayed", "arrived", "lost", "twice"), 0)
        self.longest = self.stalled = 0.0
        self.replies = {"refused": {}, "refused_long": {}}
        self.accepted = set()
        self.arrived = set()

    def add(self, name):
        with self.lock:
            self.count[name] += 1

    def refused(self, name, reply):
        with self.lock:
            self.count[name] += 1
            self.replies[name][reply] = self.replies[name].get(reply, 0) + 1

    def took(self, seconds):
        with self.lock:
            self.longest = max(self.longest, seconds)

    def accept(self, key):
        with self.lock:
            self.count["accepted"] += 1
            self.accepted.add(key)

    def arrive(self, key):
        with self.lock:
            self.count["twice" if key in self.arrived else "arrived"] += 1
            self.arrived.add(key)

    def missing(self):
        with self.lock:
            return len(self.accepted - self.arrived)

    def write(self, **more):
        with self.lock:
            report = dict(self.count, longest=round(self.longest, 3),
                          stalled=round(self.stalled, 3),
                          replies=self.replies["refused"],
                          replies_long=self.replies["refused_long"], **more)
            with open(self.path + ".new", "w", encoding="utf-8") as out:
                json.dump(report, out, indent=1)
            os.rename(self.path + ".new", self.path)


class Session:
    """An SMTP session as a client."""

    def __init__(self, server, client):
        host, _, port = server.rpartition(":")
        try:
            self.sock = socket.create_connection((host or "127.0.0.1", int(port)), TIMEOUT)
        except OSError as error:
            raise Refused("connect: %s" % error.strerror) from None
        self.file = self.sock.makefile("rb")
        try:
            self.expect(b"2")
            self.say(b"EHLO load.example", b"2")
            if client:
                # Postfix takes us to be that client from there on.
                self.say(b"XCLIENT NAME=[UNAVAILABLE] ADDR=" + client.encode(), b"2")
                self.say(b"EHLO load.example", b"2")
        except Refused:
            self.close()
            raise

    def close(self):
        self.file.close()
        self.sock.close()

    def expect(self, code):
        try:
            line = self.file.readline()
            while line[3:4] == b"-":
                line = self.file.readline()
        except OSError as error:
            raise Refused("reply: %s" % error) from None
        if not line.startswith(code):
            raise Refused(line.decode(errors="replace").strip() or "connection closed")

    def say(self, line, code):
        try:
            self.sock.sendall(line + b"\r\n")
        except OSError as error:
            raise Refused("send: %s" % error.strerror) from None
        self.expect(code)

    def message(self, key, sender):
        self.say(b"MAIL FROM:<%s@load.example>" % sender, b"2")
        self.say(b"RCPT TO:<%s@sink.example>" % sender, b"2")
        self.say(b"DATA", b"3")
        self.say(b"X-Load: %s\r\nFrom: <%s@load.example>\r\nSubject: load\r\n\r\nHello\r\n."
                 % (key, sender), b"2")

    def quit(self):
        try:
            self.say(b"QUIT", b"2")
        except Refused:
            pass            # the message is accepted all the same
        self.close()


class Load:
    def __init__(self, options, numbers):
        self.options = options
        self.numbers = numbers
        self.over = threading.Event()
        self.servers = itertools.cycle(options.server)
        self.serial = itertools.count(1)

    def connect(self):
        with self.numbers.lock:
            server = next(self.servers)
        return Session(server, self.options.client)

    def new_message(self):
        """A key, and a sender, which sends a hundred of them. Then comes the next one, that
        greylisting does not know."""
        with self.numbers.lock:
            number = next(self.serial)
        self.numbers.add("messages")
        sender = str(number // 100).translate(str.maketrans("0123456789", "abcdefghij"))
        return b"%d" % number, sender.encode()

    def one(self, key, sender):
        """Sends a message in a session of its own. Returns the reply that refused it."""
        begin = time.monotonic()
        try:
            session = self.connect()
            try:
                session.message(key, sender)
            except Refused:
                session.quit()
                raise
            self.numbers.accept(key)
            session.quit()
        except Refused as refusal:
            return str(refusal)
        finally:
            self.numbers.took(time.monotonic() - begin)
        return None

    def short(self):
        while not self.over.is_set():
            key, sender = self.new_message()
            reply = self.one(key, sender)
            tries = 1
            while reply is not None:
                self.numbers.refused("refused", reply)
                # At the end, too, it is seen through: it is not to count as lost.
                if not self.options.retry or reply.startswith("5") or tries > PATIENCE:
                    break
                time.sleep(self.options.retry)
                tries += 1
                reply = self.one(key, sender)
            if reply is None and tries > 1:
                self.numbers.add("delayed")
            self.over.wait(self.options.pause)

    def long(self):
        session = None
        sent = 0
        while not self.over.is_set():
            key, sender = self.new_message()
            try:
                session = session or self.connect()
                session.message(key, sender)
                self.numbers.accept(key)
                sent += 1
                failed = False
            except Refused as refusal:
                self.numbers.refused("refused_long", str(refusal))
                # Postfix fails the rest of a session whose filter has failed.
                failed = True
            if session is not None and (failed or sent == self.options.last):
                session.quit()
                session = None
                sent = 0
            self.over.wait(self.options.every)
        if session is not None:
            session.quit()

    def watch_stalls(self):
        """The longest time in which no thread of ours was run."""
        while True:
            then = time.monotonic()
            time.sleep(0.1)
            over = time.monotonic() - then - 0.1
            self.numbers.stalled = max(self.numbers.stalled, over)

    def run(self):
        workers = [threading.Thread(target=self.short) for _ in range(self.options.workers)]
        workers += [threading.Thread(target=self.long) for _ in range(self.options.long)]
        for worker in workers:
            worker.start()
        threading.Thread(target=self.watch_stalls, daemon=True).start()
        while not self.over.wait(0.2):
            self.numbers.write(over=False)
        for worker in workers:
            worker.join()
        until = time.monotonic() + PATIENCE
        while self.numbers.missing() and time.monotonic() < until:
            time.sleep(0.1)
        self.numbers.count["lost"] = self.numbers.missing()
        self.numbers.write(over=True)


class Sink(socketserver.StreamRequestHandler):
    """An SMTP server that takes all."""

    def say(self, line):
        self.wfile.write(line + b"\r\n")

    def handle(self):
        self.say(b"220 sink.example")
        for line in self.rfile:
            verb = line[:4].strip().upper()
            if verb == b"DATA":
                self.say(b"354 go on")
                self.take()
                self.say(b"250 2.0.0 kept")
            elif verb == b"QUIT":
                self.say(b"221 2.0.0 bye")
                return
            else:
                self.say(b"250 2.0.0 ok")

    def take(self):
        key = None
        for line in self.rfile:
            if line == b".\r\n":
                break
            if line.startswith(b"X-Load: "):
                key = line[8:].strip()
        if key is not None:
            self.server.numbers.arrive(key)


class SinkServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=10, help="with short sessions")
    parser.add_argument("--long", type=int, default=2, help="with sessions that last")
    parser.add_argument("--pause", type=float, default=0.05,
                        help="seconds between the messages of a worker with short sessions")
    parser.add_argument("--every", type=float, default=5,
                        help="seconds between the messages of a session that lasts")
    parser.add_argument("--last", type=int, default=0,
                        help="messages after which such a session ends; 0: never")
    parser.add_argument("--retry", type=float, default=0,
                        help="send again what was refused for now, after so many seconds")
    parser.add_argument("--client", help="the address that XCLIENT tells Postfix to be ours")
    parser.add_argument("--sink-port", type=int, default=0)
    parser.add_argument("report")
    parser.add_argument("server", nargs="+")
    options = parser.parse_args()
    numbers = Numbers(options.report)
    load = Load(options, numbers)
    signal.signal(signal.SIGTERM, lambda *_: load.over.set())
    signal.signal(signal.SIGUSR1, lambda *_: setattr(numbers, "longest", 0.0))
    with SinkServer(("127.0.0.1", options.sink_port), Sink) as server:
        server.numbers = numbers
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with open(options.report + ".sink", "w", encoding="ascii") as out:
            out.write("%d\n" % server.server_address[1])
        load.run()


main()
