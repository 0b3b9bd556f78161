#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
fake_milter.py SOCKET LOG [SCRIPT]

A milter that answers what a script says, right or wrong, and writes down what
it was sent.  SOCKET is the path of a unix socket, which appears when it
listens, or `inet': then the port is written to LOG.port.  It serves any number
of connections, until it is killed; each reads the script and opens the log
anew, so both may be replaced in between.

A line of the script is EVENT[#N] ANSWER; without one the answer to every event
that wants one is `c'.  EVENT is optneg, connect, helo, mail, rcpt, data,
header, eoh, body, eom or quit; with #N the line counts for the Nth event of
that kind on a connection.  Several lines for one event are all sent, in one
write.  ANSWER is

  LETTER [TEXT]		a packet; \\0, \\n, \\r, \\\\, \\xNN are undone in TEXT
  terms ACTIONS PROTOCOL [VERSION]	the answer to optneg; the version is
			that of the offer unless it stands there
  list STAGE TEXT	goes behind the terms
  hex BYTES		sent as they are
  none			nothing
  close			closes the connection
  sleep SECONDS		waits

LOG has a line for each packet: the letter, and its data with | for each NUL.
"""

import os
import re
import socket
import struct
import sys
import threading
import time

NAMES = {"O": "optneg", "C": "connect", "H": "helo", "M": "mail", "R": "rcpt",
         "T": "data", "L": "header", "N": "eoh", "B": "body", "E": "eom",
         "Q": "quit"}
ESCAPES = {b"0": b"\0", b"n": b"\n", b"r": b"\r", b"\\": b"\\"}
SHOWN = {0: "|", 9: "\\t", 10: "\\n", 13: "\\r"}
NO_REPLY = {"connect": 0x1000, "helo": 0x2000, "mail": 0x4000, "rcpt": 0x8000,
            "data": 0x10000, "header": 0x80, "eoh": 0x40000, "body": 0x80000}


def unescape(text):
    def undo(m):
        if m.group(1)[:1] == b"x":
            return bytes([int(m.group(1)[1:], 16)])
        return ESCAPES[m.group(1)]
    return re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", undo, text.encode("latin-1"))


def packet(letter, data):
    return struct.pack(">I", len(data) + 1) + letter.encode() + data


def read_script(path):
    script = {}
    if path is None:
        return script
    with open(path, encoding="latin-1") as f:
        for line in f:
            line = line.rstrip("\n")
            if line and not line.startswith("# "):
                event, _, answer = line.partition(" ")
                script.setdefault(event, []).append(answer)
    return script


class Connection(threading.Thread):
    def __init__(self, sock, script, log):
        super().__init__(daemon=True)
        self.sock = sock
        self.script = script
        self.log = log
        self.count = {}
        self.protocol = 0

    def read(self, n):
        data = b""
        while len(data) < n:
            piece = self.sock.recv(n - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def note(self, letter, data):
        text = "".join(chr(c) if 32 <= c < 127 else SHOWN.get(c, "\\x%02x" % c)
                       for c in data)
        self.log.write(letter + " " + text + "\n")
        self.log.flush()

    def terms(self, answers, offer):
        version, actions, protocol = struct.unpack(">III", offer[:12])
        actions, protocol, lists = 0x1ff & actions, 0, b""
        for answer in answers:
            words = answer.split(" ")
            if words[0] == "terms":
                actions, protocol = int(words[1], 0), int(words[2], 0)
                if len(words) > 3:
                    version = int(words[3], 0)
            elif words[0] == "list":
                lists += struct.pack(">I", int(words[1]))
                lists += unescape(" ".join(words[2:])) + b"\0"
        self.protocol = protocol
        return packet("O", struct.pack(">III", version, actions, protocol) + lists)

    def answer(self, answer):
        letter, _, rest = answer.partition(" ")
        if letter == "none":
            return b""
        if letter == "hex":
            return bytes.fromhex(rest)
        if letter == "sleep":
            time.sleep(float(rest))
            return b""
        if letter == "close":
            self.sock.shutdown(socket.SHUT_RDWR)
            raise EOFError
        return packet(letter, unescape(rest))

    def event(self, name, data):
        n = self.count[name] = self.count.get(name, 0) + 1
        answers = self.script.get("%s#%d" % (name, n), self.script.get(name))
        if name == "optneg" and (answers is None or
                                 answers[0].split(" ")[0] in ("terms", "list")):
            self.sock.sendall(self.terms(answers or [], data))
            return
        if answers is None:
            answers = ["none" if name == "quit" or
                       self.protocol & NO_REPLY.get(name, 0) else "c"]
        self.sock.sendall(b"".join(self.answer(a) for a in answers))

    def run(self):
        try:
            while True:
                size, = struct.unpack(">I", self.read(4))
                letter = self.read(1).decode("latin-1")
                data = self.read(size - 1)
                self.note(letter, data)
                if letter in NAMES:
                    self.event(NAMES[letter], data)
                if letter == "Q":
                    break
        except (EOFError, OSError):
            self.note("-", b"closed")
        self.sock.close()
        self.log.close()


def listen(path, log):
    if path == "inet":
        server = socket.create_server(("127.0.0.1", 0))
        with open(log + ".tmp", "w") as f:
            f.write(str(server.getsockname()[1]))
        os.rename(log + ".tmp", log + ".port")
        return server
    server = socket.socket(socket.AF_UNIX)
    server.bind(path + ".new")
    server.listen(128)
    os.rename(path + ".new", path)
    return server


def main():
    script = sys.argv[3] if len(sys.argv) > 3 else None
    server = listen(sys.argv[1], sys.argv[2])
    while True:
        sock, _ = server.accept()
        log = open(sys.argv[2], "a", encoding="ascii")
        Connection(sock, read_script(script), log).start()


main()
