#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
rawmilter.py -s SOCKET [-t SECONDS] [SCRIPT]

Plays the MTA's side of the milter protocol from a script, one command a line,
and prints what the filter answers, one reply a line.  It is strict: each reply
is checked against what both Sendmail and Postfix take (layout, state, agreed
bits), and the first thing that is wrong ends it with status 1 and a message.
When SECONDS (60) are over it ends with status 3.

Words of a command may stand in double quotes; \\n \\r \\t \\\\ \\" \\s (a space)
\\0 and \\xNN are undone in them.  TEXT is the rest of the line.

As an MTA, minding what was negotiated: an event that the filter does not want
is not sent, and a reply is waited for unless the filter gives none.  With `-'
before the command the answer must be `continue' and is not printed; behind
it ` => REPLY' or ` =~ REGEX' say what the last reply must be, which is not
printed then.

  optneg [VERSION ACTIONS PROTOCOL]	default 6 0x1ff 0x1fffff
  connect HOST [FAMILY PORT ADDRESS]	default 4 4321 192.0.2.7
  helo NAME | mail [ADDRESS [ARG...]] | rcpt [ADDRESS [ARG...]] | data
			default <a@b.example>
  header NAME TEXT	what stood as `NAME: TEXT'
  headerraw NAME TEXT	the value as it is
  headerfill NAME N	a value of N bytes
  eoh | body TEXT | bodyfile PATH [PIECE] | bodyfill N | eom [TEXT]
  unknown TEXT
  hello HOST [FAMILY PORT ADDRESS]	optneg, connect and helo, all of which must be continued
  message		all from mail to body, each of which must be continued
  macro LETTER [NAME=VALUE...]
  abort | quit_nc | quit (waits for the close) | drop (closes without)

Raw:
  send COMMAND ...	sent whatever was negotiated; nothing is waited for
  frame LETTER TEXT	a packet with these bytes
  raw HEX		bytes
  expect REPLY		the next reply, as it would be printed
  expect~ REGEX		the same, as a regular expression for all of it
  expect close		the filter closes, and sends nothing before
  expect eof		the filter closes; what it answers before is its affair
  expect quiet SECONDS	nothing comes
  await EVENT		an answer to this event is due (after frame or raw)
  settle		reads until each event sent has its answer
  hold, flush		what is sent in between goes out in one write
  split N		from here on N bytes a write; 0: whole
  shutdown-write	half-closes

Around them:
  use NAME		another connection, opened at its first use
  rcvbuf N		for connections opened after this
  touch PATH | wait-file PATH | sleep SECONDS | print TEXT
  run COMMAND		a shell command, which must succeed
  progress-min N	at least N `progress' came since the last eom was sent
  progress-max N	at most
  show-progress		print them
"""
import collections
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time

STAGES = "connect helo mail rcpt data end-of-message end-of-headers".split()
# event: letter, bit that suppresses it, bit that makes it need no reply
EVENTS = collections.OrderedDict([
    ("connect", ("C", 0x1, 0x1000)),
    ("helo", ("H", 0x2, 0x2000)),
    ("mail", ("M", 0x4, 0x4000)),
    ("rcpt", ("R", 0x8, 0x8000)),
    ("data", ("T", 0x200, 0x10000)),
    ("header", ("L", 0x20, 0x80)),
    ("end-of-headers", ("N", 0x40, 0x40000)),
    ("body", ("B", 0x10, 0x80000)),
    ("unknown", ("U", 0x100, 0x20000)),
    ("end-of-message", ("E", 0, 0)),
])
LETTER = {v[0]: k for k, v in EVENTS.items()}
ACTIONS = [(0x1, "add-header"), (0x2, "replace-body"), (0x4, "add-recipient"),
           (0x8, "delete-recipient"), (0x10, "change-header"),
           (0x20, "quarantine"), (0x40, "change-sender"),
           (0x80, "add-recipient-arguments"), (0x100, "macros")]
EXTRAS = [(0x400, "skip"), (0x800, "rcpt-rejected"), (0x100000, "leadspc")]
SKIP, LEADSPC = 0x400, 0x100000
EDIT_BIT = {"h": 0x1, "i": 0x1, "b": 0x2, "+": 0x4, "-": 0x8, "m": 0x10,
            "q": 0x20, "e": 0x40, "2": 0x80}
FINAL = "cartdsy"
KNOWN = ("optneg connect helo mail rcpt data header headerraw headerfill eoh "
         "body bodyfill bodyfile eom unknown macro abort quit quit_nc").split()
SHORT = {
    "hello": ["-optneg", "-connect $", "-helo client.example"],
    "message": ["-mail <s@a.example>", "-rcpt <r@b.example>", "-data",
                "-header Subject hello", "-eoh", "-body hi\\r\\n"],
}
WORD = {"c": "continue", "a": "accept", "r": "reject", "t": "tempfail",
        "d": "discard", "s": "skip", "p": "progress"}


class Bad(Exception):
    """The filter did what it must not do."""


class Script(Exception):
    """The script itself is wrong."""


def quote(data):
    out = []
    for c in data:
        if c == 0x0a:
            out.append("\\n")
        elif c == 0x0d:
            out.append("\\r")
        elif c == 0x09:
            out.append("\\t")
        elif c in (0x22, 0x5c):
            out.append("\\" + chr(c))
        elif c < 32 or c > 126:
            out.append("\\x%02x" % c)
        else:
            out.append(chr(c))
    return '"' + "".join(out) + '"'


def unquote(text):
    simple = {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\", '"': b'"',
              "s": b" ", "0": b"\0"}
    out = bytearray()
    i = 0
    while i < len(text):
        c = text[i]
        if c != "\\":
            out += c.encode("utf-8", "surrogateescape")
            i += 1
        elif text[i + 1:i + 2] == "x":
            out.append(int(text[i + 2:i + 4], 16))
            i += 4
        elif text[i + 1:i + 2] in simple and i + 1 < len(text):
            out += simple[text[i + 1]]
            i += 2
        else:
            raise Script("unknown escape in %r" % text)
    return bytes(out)


def words(text):
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', text)
    return [unquote(a or b) for a, b in found]


def rest_words(text, n):
    """n words, and the rest of the line as it stands."""
    parts = text.split(" ", n)
    return parts + [""] * (n + 1 - len(parts))


def describe_optneg(version, actions, protocol):
    asks = []
    for name, (_, no, nr) in EVENTS.items():
        if name == "end-of-message" or protocol & no:
            continue
        asks.append(name + ("-" if protocol & nr else ""))
    acts = [n for bit, n in ACTIONS if actions & bit]
    extras = [n for bit, n in EXTRAS if protocol & bit]
    return "version %d asks %s actions %s extras %s" % (
        version, ",".join(asks) or "none", ",".join(acts) or "none",
        ",".join(extras) or "none")


def cut_string(data, what):
    pos = data.find(b"\0")
    if pos < 0:
        raise Bad("%s: a string without its NUL: %s" % (what, quote(data)))
    return data[:pos], data[pos + 1:]


def no_more(data, what):
    if data:
        raise Bad("%s: bytes behind its end: %s" % (what, quote(data)))


class Replies:
    """Layout and contents of the packets of a filter."""

    @staticmethod
    def replycode(data):
        text, tail = cut_string(data, "y")
        no_more(tail, "y")
        lines = text.split(b"\r\n")
        if len(lines) > 32:
            raise Bad("y: %d lines" % len(lines))
        code = lines[0][:3]
        if not re.match(rb"[45][0-5][0-9]\Z", code):
            raise Bad("y: bad code: %s" % quote(text))
        for i, line in enumerate(lines):
            sep = b" " if i == len(lines) - 1 else b"-"
            pat = (rb"%s%s%s\.[0-9]{1,3}\.[0-9]{1,3}( [\x20-\x7e]*)?\Z"
                   % (code, re.escape(sep), code[:1]))
            if not re.match(pat, line):
                raise Bad("y: malformed line: %s" % quote(line))
            if len(line) > 512:
                raise Bad("y: a line of %d bytes" % len(line))
            if b"%" in line.replace(b"%%", b""):
                raise Bad("y: a single %%: %s" % quote(line))
        return "y " + quote(text)

    @staticmethod
    def header(code, data, leadspc):
        out = [code]
        if code != "h":
            if len(data) < 4:
                raise Bad("%s: no index" % code)
            index = struct.unpack(">I", data[:4])[0]
            data = data[4:]
            if index > 0x7fffffff or (code == "m" and index == 0):
                raise Bad("%s: index %d" % (code, index))
            out.append("%d" % index)
        name, data = cut_string(data, code)
        value, data = cut_string(data, code)
        no_more(data, code)
        if not re.match(rb"[\x21-\x39\x3b-\x7e]+\Z", name):
            raise Bad("%s: bad header name %s" % (code, quote(name)))
        if b"\r" in value or re.search(rb"\n(?![ \t])", value):
            raise Bad("%s: bad line break in %s" % (code, quote(value)))
        if value and leadspc and value[:1] not in (b" ", b"\t"):
            raise Bad("%s: no space before the value %s" % (code, quote(value)))
        return " ".join(out + [quote(name), quote(value)])

    @staticmethod
    def address(code, data):
        address, data = cut_string(data, code)
        if not address:
            raise Bad("%s: empty address" % code)
        out = [code, quote(address)]
        if code in "2e" and data:
            args, data = cut_string(data, code)
            out.append(quote(args))
        no_more(data, code)
        return " ".join(out)


class Connection:
    def __init__(self, name, player):
        self.name = name
        self.player = player
        self.sock = player.dial()
        self.inbuf = b""
        self.eof = False
        self.held = None
        self.splitting = 0
        self.pending = collections.deque()
        self.offer = self.agreed = None
        self.recipients = []
        self.in_body = False
        self.body_done = False
        self.progress = 0

    # -- sending

    def write(self, data):
        if self.held is not None:
            self.held += data
            return
        step = self.splitting or len(data) or 1
        for i in range(0, len(data), step):
            self.push(data[i:i + step])

    def push(self, data):
        view = memoryview(data)
        while view:
            self.player.wait(self.sock, True)
            try:
                view = view[self.sock.send(view):]
            except (BrokenPipeError, ConnectionResetError):
                self.eof = True
                return

    def packet(self, letter, data=b""):
        self.write(struct.pack(">I", len(data) + 1) + letter.encode() + data)

    def replies_to(self, event):
        if event == "end-of-message" or self.agreed is None:
            return True
        return not self.agreed[2] & EVENTS[event][2]

    def wants(self, event):
        return self.agreed is None or not self.agreed[2] & EVENTS[event][1]

    # -- receiving

    def fill(self, timeout=None):
        """False: nothing came in time."""
        if self.eof:
            return True
        if not self.player.wait(self.sock, False, timeout):
            return False
        try:
            data = self.sock.recv(262144)
        except ConnectionResetError:
            data = b""
        if not data:
            self.eof = True
        self.inbuf += data
        return True

    def next_packet(self):
        while True:
            if len(self.inbuf) >= 4:
                length = struct.unpack(">I", self.inbuf[:4])[0]
                if not 1 <= length <= 65536:
                    raise Bad("a packet of length %d" % length)
                if len(self.inbuf) >= 4 + length:
                    pkt = self.inbuf[4:4 + length]
                    self.inbuf = self.inbuf[4 + length:]
                    return chr(pkt[0]), pkt[1:]
            if self.eof:
                if self.inbuf:
                    raise Bad("closed in the middle of a packet: %s"
                              % quote(self.inbuf))
                return None
            self.fill()

    def reply(self):
        """One reply, checked and in its printed form, with its letter."""
        pkt = self.next_packet()
        if pkt is None:
            raise Bad("the filter closed the connection%s" % (
                ", %s unanswered" % self.pending[0] if self.pending else ""))
        code, data = pkt
        if not self.pending:
            raise Bad("a reply that nobody waits for: %s %s"
                      % (code, quote(data)))
        event = self.pending[0]
        text = self.checked(event, code, data)
        if event == "optneg" or code in FINAL:
            self.pending.popleft()
            self.in_body = self.body_done = False
        return event, code, text

    def checked(self, event, code, data):
        if event == "optneg":
            if code != "O":
                raise Bad("answer to optneg: %s" % code)
            return self.optneg(data)
        if code in "cartds":
            no_more(data, code)
            if code == "s" and (event != "body" or
                                not self.agreed[2] & SKIP):
                raise Bad("skip in answer to %s" % event)
            if code == "d" and event in ("connect", "helo", "unknown"):
                raise Bad("discard in answer to %s" % event)
            if code == "a" and event == "unknown":
                raise Bad("accept in answer to unknown")
            return WORD[code]
        if code == "y":
            return Replies.replycode(data)
        if event != "end-of-message":
            raise Bad("%s in answer to %s" % (code, event))
        if code == "p":
            no_more(data, code)
            if self.in_body:
                self.body_done = True
            self.progress += 1
            return WORD[code]
        return self.edit(code, data)

    def edit(self, code, data):
        if code not in EDIT_BIT:
            raise Bad("an unknown reply: %s %s" % (code, quote(data)))
        if not self.agreed[1] & EDIT_BIT[code]:
            raise Bad("%s was not agreed on" % code)
        if code == "b":
            if self.body_done:
                raise Bad("body replies with something in between")
            self.in_body = True
            self.player.body += data
            return "b %d" % len(data)
        if self.in_body:
            self.body_done = True
        if code in "him":
            return Replies.header(code, data, self.agreed[2] & LEADSPC)
        if code == "q":
            reason, tail = cut_string(data, code)
            no_more(tail, code)
            return "q " + quote(reason)
        if code == "-" and data[:-1] not in self.recipients:
            raise Bad("- %s, which is not as the recipient came"
                      % quote(data))
        return Replies.address(code, data)

    def optneg(self, data):
        if len(data) < 12:
            raise Bad("O of %d bytes" % len(data))
        version, actions, protocol = struct.unpack(">III", data[:12])
        v, a, p = self.offer
        a = a or 0x0f
        p = p or 0x3f
        if not 2 <= version <= min(v, 6):
            raise Bad("O: version %d for %d" % (version, v))
        if actions & ~a:
            raise Bad("O: actions 0x%x of 0x%x" % (actions, a))
        if protocol & ~p or protocol & 0xf0000000:
            raise Bad("O: protocol 0x%x of 0x%x" % (protocol, p))
        self.agreed = (version, actions, protocol)
        lines = [describe_optneg(*self.agreed)]
        data = data[12:]
        seen = set()
        while data:
            if len(data) < 5:
                raise Bad("O: a macro list cut short")
            stage = struct.unpack(">I", data[:4])[0]
            names, data = cut_string(data[4:], "O")
            if stage > 6 or stage in seen:
                raise Bad("O: stage %d" % stage)
            if not re.match(rb"([a-zA-Z_]|\{[^{} ]+\})"
                            rb"( ([a-zA-Z_]|\{[^{} ]+\}))*\Z", names):
                raise Bad("O: macro names %s" % quote(names))
            seen.add(stage)
            lines.append("macros %s %s" % (STAGES[stage],
                                           names.decode("latin-1")))
        if seen and not actions & 0x100:
            raise Bad("O: macro lists without their action bit")
        if 5 in seen and 6 not in seen:
            raise Bad("O: a list for the end of message without one for the "
                      "end of headers")
        return "\noptneg: ".join(lines)


class Player:
    def __init__(self, spec, deadline):
        self.spec = spec
        self.until = time.monotonic() + deadline
        self.rcvbuf = 0
        self.conns = {}
        self.body = b""
        self.show_progress = False
        self.c = None

    def dial(self):
        kind, _, where = self.spec.partition(":")
        if kind in ("unix", "local"):
            s = socket.socket(socket.AF_UNIX)
            to = where
        elif kind in ("inet", "inet6"):
            port, _, host = where.partition("@")
            s = socket.socket(socket.AF_INET6 if kind == "inet6"
                              else socket.AF_INET)
            to = (host or "127.0.0.1", int(port))
        else:
            raise Script("socket %r" % self.spec)
        if self.rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.rcvbuf)
        try:
            s.connect(to)
        except OSError as e:
            raise Bad("connect to %s: %s" % (self.spec, e.strerror))
        if kind.startswith("inet"):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.setblocking(False)
        return s

    def wait(self, sock, write, timeout=None):
        left = self.until - time.monotonic()
        t = left if timeout is None else min(left, timeout)
        if left <= 0:
            raise TimeoutError
        got = select.select([] if write else [sock], [sock] if write else [],
                            [], max(t, 0))
        if not got[0] and not got[1]:
            if timeout is None or time.monotonic() >= self.until:
                raise TimeoutError
            return False
        return True

    def say(self, text):
        prefix = "" if self.c.name == "" else self.c.name + "> "
        sys.stdout.write(prefix + text + "\n")
        sys.stdout.flush()

    # -- packets of the MTA

    def encode(self, cmd, text):
        """(event or None, letter, data) of one command."""
        c = self.c
        if cmd == "optneg":
            w = [int(x, 0) for x in text.split()] or [6, 0x1ff, 0x1fffff]
            c.offer = tuple(w[:3])
            return "optneg", "O", struct.pack(">%dI" % len(w), *w)
        if cmd == "connect":
            w = words(text)
            if len(w) == 1:
                w += [b"4", b"4321", b"192.0.2.7"]
            data = w[0] + b"\0" + w[1]
            if w[1] != b"U":
                data += struct.pack(">H", int(w[2])) + w[3] + b"\0"
            return "connect", "C", data
        if cmd in ("mail", "rcpt"):
            w = words(text) or [b"<a@b.example>"]
            if cmd == "mail":
                c.recipients = []
            else:
                c.recipients.append(w[0])
            return cmd, cmd[0].upper(), b"".join(x + b"\0" for x in w)
        if cmd == "helo":
            return "helo", "H", unquote(text) + b"\0"
        if cmd == "unknown":
            return "unknown", "U", unquote(text) + b"\0"
        if cmd == "data":
            return "data", "T", b""
        if cmd == "eoh":
            return "end-of-headers", "N", b""
        if cmd == "eom":
            self.body = b""
            c.progress = 0
            return "end-of-message", "E", unquote(text)
        if cmd in ("header", "headerraw", "headerfill"):
            name, value = rest_words(text, 1)
            if cmd == "headerfill":
                value = b"v" * int(value)
            else:
                value = unquote(value)
            if cmd != "headerraw" and c.agreed and c.agreed[2] & LEADSPC:
                value = b" " + value
            return "header", "L", unquote(name) + b"\0" + value + b"\0"
        if cmd == "body":
            return "body", "B", unquote(text)
        if cmd == "macro":
            w = words(text)
            data = w[0]
            for pair in w[1:]:
                name, _, value = pair.partition(b"=")
                data += name + b"\0" + value + b"\0"
            return None, "D", data
        if cmd in ("abort", "quit", "quit_nc"):
            return None, {"abort": "A", "quit": "Q", "quit_nc": "K"}[cmd], b""
        return None

    def pieces(self, cmd, text):
        """Commands that stand for several packets."""
        if cmd == "bodyfill":
            n = int(text)
            line = b"0123456789abcdef0123456789abcdef0123456789abcdef012345" \
                   b"67\r\n"
            data = (line * (n // len(line) + 1))[:n]
            size = 65535
        else:
            w = text.split()
            with open(w[0], "rb") as f:
                data = f.read()
            size = int(w[1]) if len(w) > 1 else 65535
        for i in range(0, len(data), size):
            yield "body", "B", data[i:i + size]

    def send(self, cmd, text):
        if cmd in ("bodyfill", "bodyfile"):
            for p in self.pieces(cmd, text):
                self.send_packet(*p)
            return
        p = self.encode(cmd, text)
        if p is None:
            raise Script("unknown command %r" % cmd)
        self.send_packet(*p)

    def send_packet(self, event, letter, data):
        c = self.c
        c.packet(letter, data)
        if event == "optneg" or (event and c.replies_to(event)):
            c.pending.append(event)

    def as_mta(self, cmd, text, quiet, want=None):
        c = self.c
        many = cmd in ("bodyfill", "bodyfile")
        for p in self.pieces(cmd, text) if many else [self.encode(cmd, text)]:
            event = p[0]
            if event not in (None, "optneg") and not c.wants(event):
                continue
            self.send_packet(*p)
            final = self.settle(quiet, want)
            if many and final not in (None, "c"):
                return
        if cmd == "quit":
            self.closed()

    def settle(self, quiet=False, want=None):
        """Reads all that is owed; the letter of the last final reply."""
        c = self.c
        code = None
        if want and not c.pending:
            raise Bad("no answer is due, expected %s" % want[1])
        while c.pending:
            event, code, text = c.reply()
            if code == "p" and not self.show_progress:
                continue
            if quiet and event != "optneg" and code != "c":
                raise Bad("%s was answered: %s" % (event, text))
            if want and code in FINAL:
                self.compare(event, text, want)
            elif not quiet:
                self.say("%s: %s" % (event, text))
        return code

    @staticmethod
    def compare(event, got, want):
        ok = re.match("(?s)(?:%s)\\Z" % want[1], got) if want[0] == "=~" \
            else got == want[1]
        if not ok:
            raise Bad("%s: expected %s, got %s" % (event, want[1], got))

    def closed(self):
        c = self.c
        while not c.eof and not c.inbuf:
            c.fill()
        if c.inbuf:
            raise Bad("instead of closing the filter sent %s"
                      % quote(c.inbuf))
        c.sock.close()

    # -- the rest

    def expect(self, text, regex=False):
        c = self.c
        if text == "close":
            self.closed()
            return
        if text == "eof":
            while not c.eof:
                c.fill()
            c.inbuf = b""
            return
        if text.startswith("quiet "):
            if c.inbuf or c.fill(float(text[6:])):
                raise Bad("expected nothing, got %s"
                          % (quote(c.inbuf) if c.inbuf else "a close"))
            return
        event, code, got = c.reply()
        while code == "p" and text != "progress":
            event, code, got = c.reply()
        self.compare(event, got, ("=~" if regex else "=>", text))

    def switch(self, name):
        if name not in self.conns:
            self.conns[name] = Connection(name, self)
        self.c = self.conns[name]

    def wait_file(self, path):
        while not os.path.exists(path):
            if time.monotonic() >= self.until:
                raise TimeoutError
            time.sleep(0.01)

    def raw(self, cmd, text):
        c = self.c
        if cmd == "raw":
            c.write(bytes.fromhex(text))
        elif cmd == "frame":
            letter, data = rest_words(text, 1)
            c.packet(letter, unquote(data))
        elif cmd == "send":
            self.send(*rest_words(text, 1))
        elif cmd == "expect":
            self.expect(text)
        elif cmd == "expect~":
            self.expect(text, True)
        elif cmd == "settle":
            self.settle()
        elif cmd == "await":
            c.pending.append(text)
        elif cmd == "hold":
            c.held = b""
        elif cmd == "flush":
            data, c.held = c.held, None
            c.write(data)
        elif cmd == "split":
            c.splitting = int(text)
        elif cmd == "shutdown-write":
            c.sock.shutdown(socket.SHUT_WR)
        elif cmd == "drop":
            c.sock.close()
        else:
            return False
        return True

    def around(self, cmd, text):
        if cmd == "use":
            self.switch(text)
        elif cmd == "rcvbuf":
            self.rcvbuf = int(text)
        elif cmd == "touch":
            open(text, "w").close()
        elif cmd == "wait-file":
            self.wait_file(text)
        elif cmd == "sleep":
            time.sleep(float(text))
        elif cmd == "print":
            print(text, flush=True)
        elif cmd == "run":
            if subprocess.call(["/bin/sh", "-c", text]) != 0:
                raise Script("failed: %s" % text)
        elif cmd == "show-progress":
            self.show_progress = True
        elif cmd == "show-body":
            self.say("body " + quote(self.body))
        elif cmd == "save-body":
            with open(text, "wb") as f:
                f.write(self.body)
        elif cmd == "progress-min":
            if self.c.progress < int(text):
                raise Bad("%d progress, not %s" % (self.c.progress, text))
        elif cmd == "progress-max":
            if self.c.progress > int(text):
                raise Bad("%d progress, more than %s"
                          % (self.c.progress, text))
        else:
            return False
        return True

    def play(self, line):
        cmd, text = rest_words(line, 1)
        if self.around(cmd, text):
            return
        if self.c is None:
            self.switch("")
        if self.raw(cmd, text):
            return
        if cmd in SHORT:
            for each in SHORT[cmd]:
                self.play(each.replace("$", text))
            return
        quiet = cmd.startswith("-")
        cmd = cmd[1:] if quiet else cmd
        if cmd not in KNOWN:
            raise Script("unknown command %r" % cmd)
        want = None
        m = re.match(r"(.*?)(?:^| )(=>|=~) (.*)\Z", text, re.S)
        if m:
            text, want = m.group(1), (m.group(2), m.group(3))
        self.as_mta(cmd, text, quiet, want)


def read_script(path):
    f = open(path, encoding="utf-8", errors="surrogateescape") if path \
        else open(0, encoding="utf-8", errors="surrogateescape")
    with f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n").lstrip("\t ")
            if line and not line.startswith("#"):
                yield number, line


def alarm(_signo, _frame):
    raise TimeoutError


def main(argv):
    spec, deadline, path = None, 60.0, None
    args = iter(argv[1:])
    for a in args:
        if a == "-s":
            spec = next(args)
        elif a == "-t":
            deadline = float(next(args))
        else:
            path = a
    if spec is None:
        sys.stderr.write(__doc__)
        return 2
    signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, deadline + 0.5)
    player = Player(spec, deadline)
    where = "?"
    try:
        for number, line in read_script(path):
            where = "line %d (%s)" % (number, line[:200])
            player.play(line)
        for name in player.conns:
            c = player.conns[name]
            if c.inbuf and c.sock.fileno() >= 0:
                raise Bad("at the end there is more: %s" % quote(c.inbuf))
    except Bad as e:
        print("FAIL at %s: %s" % (where, e), flush=True)
        return 1
    except TimeoutError:
        print("TIMEOUT at %s: %s" % (where, ", ".join(
            "%s waits for %s" % (n or "connection", "/".join(c.pending))
            for n, c in player.conns.items() if c.pending)
            or "nothing came"), flush=True)
        return 3
    except (Script, ValueError, IndexError, struct.error) as e:
        print("SCRIPT %s: %s" % (where, e), flush=True)
        return 2
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    sys.exit(main(sys.argv))
