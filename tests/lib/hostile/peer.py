#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
peer.py [-q | -s] [-w NOTES] SOCKET CONNECTIONS MESSAGES

A milter client that sends all of its messages in one write, and on each
connection reads the answers. With -q a QUIT ends what it sends; with -s it
closes its side for writing. With -w it reads nothing until the file NOTES has
a line for each message of each connection.

Prints how many connections there were, how many final answers to an
end-of-message came on them, and how many connections got nothing for
30 seconds although an answer was due.
"""
import getopt
import select
import socket
import struct
import sys
import threading
import time

# Seconds without a byte that count as never.
SILENCE = 30
FINAL = b"catrdyqh"     # what ends the answer to end-of-message
totals = {"answers": 0, "hung": 0}
lock = threading.Lock()


def packet(code, data=b""):
    return struct.pack("!I", len(data) + 1) + code + data


def message():
    return (packet(b"M", b"<a@b.example>\0") + packet(b"R", b"<c@d.example>\0") +
            packet(b"T") + packet(b"L", b"Subject\0x\0") + packet(b"N") +
            packet(b"B", b"text\r\n") + packet(b"E"))


class Peer:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.connect(path)
        self.data = b""

    def read(self):
        """The next packet, b"" at the end of file; None if nothing comes."""
        while True:
            if len(self.data) >= 4:
                length, = struct.unpack("!I", self.data[:4])
                if len(self.data) >= 4 + length:
                    got = self.data[4:4 + length]
                    self.data = self.data[4 + length:]
                    return got
            if not select.select([self.sock], [], [], SILENCE)[0]:
                return None
            more = self.sock.recv(4096)
            if not more:
                return b""
            self.data += more

    def negotiate(self):
        # Every event has no reply but end-of-message: whatever is offered.
        self.sock.sendall(packet(b"O", struct.pack("!III", 6, 0x1ff, 0x1fffff)))
        got = self.read()
        self.steps = struct.unpack("!I", got[9:13])[0]

    def play(self, options, messages, all_sent):
        self.negotiate()
        data = packet(b"C", b"h.example\x004\x10\xe1192.0.2.7\0") + packet(b"H", b"h\0")
        data += message() * messages
        if "-q" in options:
            data += packet(b"Q")
        self.sock.sendall(data)
        if "-s" in options:
            self.sock.shutdown(socket.SHUT_WR)
        all_sent()
        replaced = answers = 0
        while answers < messages:
            got = self.read()
            if not got:
                with lock:
                    totals["hung"] += got is None
                break
            if got[:1] == b"b":
                replaced += 1
            # The answers to the events before have no actions before them.
            elif got[:1] in [bytes([c]) for c in FINAL] and replaced:
                answers += 1
                replaced = 0
        with lock:
            totals["answers"] += answers


def lines_of(path):
    try:
        with open(path, "rb") as f:
            return f.read().count(b"\n")
    except FileNotFoundError:
        return 0


def wait_for_notes(path, wanted):
    end = time.monotonic() + SILENCE
    while path and lines_of(path) < wanted and time.monotonic() < end:
        time.sleep(0.02)


def main():
    options, rest = getopt.getopt(sys.argv[1:], "qsw:")
    options = dict(options)
    path, connections, messages = rest[0], int(rest[1]), int(rest[2])

    def all_sent():
        wait_for_notes(options.get("-w"), connections * messages)

    threads = [threading.Thread(target=Peer(path).play, args=(options, messages, all_sent))
               for _ in range(connections)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print("%d connections, %d answers, %d hung" %
          (connections, totals["answers"], totals["hung"]))


if __name__ == "__main__":
    main()
