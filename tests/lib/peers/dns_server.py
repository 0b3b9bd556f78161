#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
A resolver for tests: dns_server.py PORT ZONEFILE LOGFILE

ZONEFILE has lines NAME WORD [VALUE], read anew for each question; the last one
of a name and type counts, and *.NAME is all below it.
    A ADDRESS,...   TXT TEXT            records
    SERVFAIL, REFUSED                   that code
    SILENT                              no answer
    LOST                                no answer to the first question
    WRONGID                             the answer to another question
    GARBAGE                             what is no packet of the DNS
    TRUNCATED                           by UDP; by TCP the records
All other names do not exist.  Each question is a line of LOGFILE.
"""
import socket
import socketserver
import struct
import sys
import threading

TTL = 60
seen = set()
TYPES = {1: "A", 16: "TXT", 28: "AAAA"}
CODES = {"NXDOMAIN": 3, "SERVFAIL": 2, "REFUSED": 5}


def read_zone(path):
    zone = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            name, _, rest = line.strip().partition(" ")
            word, _, value = rest.partition(" ")
            zone.setdefault(name.lower(), {})[word] = value
    return zone


def entry(zone, name):
    if name in zone:
        return zone[name]
    while name:
        name = name.partition(".")[2]
        if "*." + name in zone:
            return zone["*." + name]
    return None


def question(packet):
    """The name, the type and the bytes of the question."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
        at += 1 + packet[at]
    kind = struct.unpack("!H", packet[at + 1:at + 3])[0]
    return ".".join(labels).lower(), TYPES.get(kind, str(kind)), \
        packet[12:at + 5]


def record(kind, data):
    number = {"A": 1, "TXT": 16}[kind]
    return struct.pack("!HHHIH", 0xc00c, number, 1, TTL, len(data)) + data


def records(found, kind):
    if kind == "A" and "A" in found:
        return [record("A", socket.inet_aton(a))
                for a in found["A"].split(",")]
    if kind == "TXT" and "TXT" in found:
        text = found["TXT"].encode().decode("unicode_escape").encode("latin-1")
        return [record("TXT", bytes([len(text[:255])]) + text[:255])]
    return []


def answer(packet, tcp):
    name, kind, asked = question(packet)
    with open(sys.argv[3], "a", encoding="utf-8") as log:
        log.write("%s %s %s\n" % (name, kind, "tcp" if tcp else "udp"))
    found = entry(read_zone(sys.argv[2]), name)
    if found is None:
        found = {"NXDOMAIN": ""}
    if "SILENT" in found:
        return None
    if "LOST" in found and (name, kind) not in seen:
        seen.add((name, kind))
        return None
    if "GARBAGE" in found:
        return b"\xff" * 7
    ident = packet[:2]
    if "WRONGID" in found:
        ident = bytes([ident[0] ^ 0xff, ident[1]])
    code = max([CODES.get(word, 0) for word in found])
    flags = 0x8180 | code
    answers = [] if code else records(found, kind)
    if "TRUNCATED" in found and not tcp:
        flags |= 0x0200
        answers = []
    return ident + struct.pack("!HHHHH", flags, 1, len(answers), 0, 0) + \
        asked + b"".join(answers)


class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        packet, sock = self.request
        reply = answer(packet, False)
        if reply is not None:
            sock.sendto(reply, self.client_address)


class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        size = struct.unpack("!H", self.rfile.read(2))[0]
        reply = answer(self.rfile.read(size), True)
        if reply is not None:
            self.wfile.write(struct.pack("!H", len(reply)) + reply)


def main():
    address = ("127.0.0.1", int(sys.argv[1]))
    socketserver.ThreadingUDPServer.daemon_threads = True
    socketserver.ThreadingTCPServer.daemon_threads = True
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    udp = socketserver.ThreadingUDPServer(address, Udp)
    tcp = socketserver.ThreadingTCPServer(address, Tcp)
    threading.Thread(target=udp.serve_forever, daemon=True).start()
    tcp.serve_forever()


if __name__ == "__main__":
    main()
