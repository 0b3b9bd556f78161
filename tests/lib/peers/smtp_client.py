#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""Plays an SMTP client from a script.

smtp_client.py [-b SOURCE-ADDRESS] PORT < SCRIPT

connects to PORT of 127.0.0.1, reads the greeting, and then for each line of
the script sends it and reads the reply. Other lines of a script:

    @message FILE   after a 354 to DATA the bytes of FILE with dots doubled,
                    CRLF if the last line has none, and the final dot; reads
                    the reply
    @raw FILE       the bytes of FILE as they are; reads nothing
    @send TEXT      TEXT and CRLF; reads nothing
    @read           reads a reply
    @starttls       TLS, after a 220 to STARTTLS
    @eof            expects the server to close the connection
    @close          closes the connection at once

What was sent is printed after "C: ", each line of a reply after "S: ". The
end of the script ends the connection.
"""

import argparse
import socket
import ssl
import sys

TIMEOUT = 60


class Client:
    def __init__(self, port, source):
        self.sock = socket.create_connection(
            ("127.0.0.1", port), TIMEOUT, (source, 0) if source else None)
        self.file = self.sock.makefile("rb")
        self.reply = b""

    def show(self, who, line):
        sys.stdout.buffer.write(who + b": " + line + b"\n")
        sys.stdout.buffer.flush()

    def read(self):
        """A reply; False at the end of the connection."""
        while True:
            try:
                line = self.file.readline()
            except ConnectionResetError:
                line = b""
            if not line.endswith(b"\n"):
                self.show(b"S", b"(closed)")
                return False
            self.show(b"S", line.rstrip(b"\r\n"))
            if line[3:4] != b"-":
                self.reply = line
                return True

    def send(self, line):
        self.show(b"C", line)
        self.put(line + b"\r\n")

    def put(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def message(self, name):
        data = open(name, "rb").read()
        data = (b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:]
        if not data.endswith(b"\r\n"):
            data += b"\r\n"
        self.put(data + b".\r\n")

    def starttls(self):
        if not self.reply.startswith(b"220"):
            sys.exit("no 220 to STARTTLS")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock)
        self.file = self.sock.makefile("rb")

    def play(self, line):
        """One line of the script; False ends it."""
        word, _, rest = line.partition(b" ")
        if word == b"@message":
            if self.reply.startswith(b"354"):
                self.message(rest)
                return self.read()
        elif word == b"@raw":
            self.put(open(rest, "rb").read())
        elif word == b"@send":
            self.send(rest)
        elif word == b"@read":
            return self.read()
        elif word == b"@starttls":
            self.starttls()
        elif word == b"@eof":
            if self.read():
                sys.exit("the server did not close the connection")
            return False
        elif word == b"@close":
            return False
        elif word.startswith(b"@"):
            sys.exit("no such line: " + line.decode(errors="replace"))
        else:
            self.send(line)
            return self.read()
        return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-b", dest="source")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    client = Client(options.port, options.source)
    if client.read():
        for line in sys.stdin.buffer:
            if not client.play(line.rstrip(b"\n")):
                break
    client.sock.close()


main()
