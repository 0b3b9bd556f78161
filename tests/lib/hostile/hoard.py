#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
hoard.py [-w] WHAT SOCKET CONNECTIONS

A milter client whose connections make an engine keep as much as it may, and
hold that until all of them are done:

envelopes   a message with recipients of 60 KB, up to 4 MB of them
halves      half of a packet of 60 KB
macros      60 KB of macros of each stage
ends        a message of one line; nothing that comes after is read
pieces      a message of 40 pieces of 60 KB

All connections are there before the first of them brings something. Prints how many
they were, how many answers were 452 4.3.1, how many connections were closed by the other
side, and whether one more was taken. With -w it keeps them all and says nothing more on
them, until an honest peer can deliver the envelope of a message, and prints "waited" and
for how many seconds.
"""
import select
import socket
import struct
import sys
import threading
import time

WAIT = 3        # seconds for an answer


def packet(code, data=b""):
    return struct.pack("!I", len(data) + 1) + code + data


class Peer:
    def __init__(self, path, wait=WAIT):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(wait)
        self.data = b""
        self.refused = self.closed = 0
        self.sock.connect(path)
        self.send(packet(b"O", struct.pack("!III", 6, 0x1ff, 0)))
        self.open = self.answer()[:1] == b"O"

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            self.closed = 1

    def answer(self):
        """The next packet, b"" if there is none."""
        while len(self.data) < 4 or len(self.data) < 4 + struct.unpack("!I", self.data[:4])[0]:
            try:
                more = self.sock.recv(65536)
            except socket.timeout:
                return b""
            except OSError:
                more = b""
            if not more:
                self.closed = 1
                return b""
            self.data += more
        end = 4 + struct.unpack("!I", self.data[:4])[0]
        got, self.data = self.data[4:end], self.data[end:]
        return got

    def ask(self, code, data=b""):
        """1 unless the command was refused."""
        self.send(packet(code, data))
        got = self.answer()
        while got[:1] == b"p":
            got = self.answer()
        if got.startswith(b"y452 4.3.1 Not enough memory"):
            self.refused += 1
        return got[:1] in (b"c", b"s", b"a")

    def begin(self):
        return (self.ask(b"C", b"h.example\x004\x10\xe1192.0.2.7\0") and
                self.ask(b"H", b"h\0") and self.ask(b"M", b"<a@b.example>\0"))

    def envelopes(self):
        if self.begin():
            for i in range(60):
                if not self.ask(b"R", b"<%d%s@d.example>\0" % (i, b"x" * 60000)):
                    break

    def is_served(self):
        if not self.open or not self.begin():
            return False
        return all(self.ask(b"R", b"<%d%s@d.example>\0" % (i, b"x" * 60000)) for i in range(16))

    def halves(self):
        self.send(packet(b"R", b"<" + b"x" * 60000 + b">\0")[:58000])

    def macros(self):
        for stage in b"CHMRTLNE":
            self.send(packet(b"D", bytes([stage]) + b"{m%c}\0" % stage + b"x" * 60000 + b"\0"))

    def ends(self):
        if self.begin() and self.ask(b"R", b"<c@d.example>\0") and self.ask(b"T"):
            self.ask(b"L", b"Subject\0x\0")
            self.ask(b"N")
            self.ask(b"B", b"text\r\n")
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.send(packet(b"E"))

    def pieces(self):
        if self.begin() and self.ask(b"R", b"<c@d.example>\0") and self.ask(b"T"):
            for _ in range(40):
                if not self.ask(b"B", b"x" * 60000):
                    break

    def look(self):
        """What came while nothing was read: an answer, or the end."""
        while not self.closed and select.select([self.sock], [], [], 0)[0]:
            if self.answer().startswith(b"y452 4.3.1"):
                self.refused += 1


def wait_for_place(path):
    begin = time.monotonic()
    while time.monotonic() < begin + 60:
        peer = Peer(path, 2)
        if peer.is_served():
            break
        peer.sock.close()
        time.sleep(0.2)
    print("waited %d" % (time.monotonic() - begin))


def main():
    wait = sys.argv[1] == "-w"
    what, path, connections = sys.argv[-3], sys.argv[-2], int(sys.argv[-1])
    peers = [Peer(path) for _ in range(connections)]
    threads = [threading.Thread(target=getattr(p, what)) for p in peers if p.open]
    for t in threads:
        t.start()
        # These wait in vain for an answer when their session is full.
        if what != "pieces":
            t.join()
    for t in threads:
        t.join()
    time.sleep(3 if what == "ends" else 0.5)
    for peer in peers:
        peer.look()
    if wait:
        wait_for_place(path)
        return
    more = Peer(path, 2)
    print("%d connections, %d refused, %d closed, %s more" %
          (len(threads), sum(p.refused for p in peers), sum(p.closed for p in peers),
           "one" if more.open else "none"))


if __name__ == "__main__":
    main()
