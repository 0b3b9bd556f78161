#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
stress.py [-k] [-n CONNECTIONS] [-t SECONDS] [-w SECONDS] [-d DIRECTORY] [-m MOOD]
          [-o 'GLOBAL LINE'] ... [-u ENGINE-USER:HANDLER-USER] PIPEMILTER SEED ...

Plays many MTAs at once against handlers that misbehave at random, in a
configuration that is made up of the seed, and looks whether each event that
wants an answer gets exactly one in time, whether each answer and each report
belongs to the event it is for, whether actions or reports get lost where
nothing was said of a failure, and whether something is left behind. Every
event carries a token of its own in the macro {tok}, which handlers show in
what they answer. Prints what is wrong; status 1 if anything is.

DIRECTORY is an absolute path, sticky and open to all if the users differ. -w is
how much later than its time limit an answer may come. -m gives all handlers
one mood: good, slow, late or mad. -k kills engines while all this goes on.
"""
import getopt
import glob
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

EVENTS = ["connect", "helo", "mail", "rcpt", "data", "header", "end-of-headers",
          "body", "end-of-message", "unknown"]
CODE = {"connect": b"C", "helo": b"H", "mail": b"M", "rcpt": b"R", "data": b"T",
        "header": b"L", "end-of-headers": b"N", "body": b"B",
        "end-of-message": b"E", "unknown": b"U"}
NOT_SENT = {"connect": 1, "helo": 2, "mail": 4, "rcpt": 8, "body": 0x10,
            "header": 0x20, "end-of-headers": 0x40, "unknown": 0x100, "data": 0x200}
NO_REPLY = {"connect": 0x1000, "helo": 0x2000, "mail": 0x4000, "rcpt": 0x8000,
            "data": 0x10000, "unknown": 0x20000, "end-of-headers": 0x40000,
            "body": 0x80000, "header": 0x80}
TIMEOUT, QUEUE, EVENT, MESSAGE = 0.5, 0.4, 1.5, 2.0


# ---- the handler ----

class Gone(Exception):
    pass


class Handler:
    def __init__(self, directory, name, seed, mood, ids, reuse):
        self.r = random.Random("%s %s %d" % (seed, name, os.getpid()))
        self.name, self.mood, self.ids, self.reuse = name, mood, ids, reuse
        self.data, self.eof, self.pending = b"", False, []
        self.log = os.open("%s/said.%s" % (directory, name), os.O_WRONLY | os.O_APPEND | os.O_CREAT,
                           0o666)

    def note(self, *words):
        os.write(self.log, (" ".join(words) + "\n").encode())

    def fill(self, wait):
        if self.eof:
            return False
        if not select.select([0], [], [], wait)[0]:
            return False
        piece = os.read(0, 65536)
        if not piece:
            self.eof = True
        self.data += piece
        return True

    def block(self):
        end = self.data.find(b"\n\n")
        if end < 0:
            return None
        lines = self.data[:end].decode("latin-1").split("\n")
        size = 0
        got = {"kind": lines[0], "tok": "-", "session": "-", "id": None, "complete": False}
        for line in lines:
            word, _, value = line.partition(" ")
            if word == "length":
                size = int(value)
            elif word == "session":
                got["session"] = value
            elif word == "event-id":
                got["id"] = value
            elif word == "complete":
                got["complete"] = True
            elif line.startswith("macro tok ") and got["tok"] == "-":
                got["tok"] = line[10:]
            elif word in ("header-value", "command"):
                got["tok"] = value.partition(" ")[0]
        if len(self.data) < end + 2 + size:
            return None
        if size > 0:
            got["tok"] = self.data[end + 2:end + 102].partition(b"\n")[0].decode()
        if lines[0] in ("report abort", "report disconnect"):
            got["tok"] = "-"
        self.data = self.data[end + 2 + size:]
        return got

    def out(self, text):
        text = text.encode()
        while text:
            text = text[os.write(1, text):]

    def answer(self, b):
        what = b["kind"].partition(" ")[2]
        lines = [] if b["id"] is None else ["event-id " + b["id"]]
        added = "-"
        if what not in ("connect", "helo", "unknown") and self.r.random() < 0.5:
            lines.append("add-header X-%s %s" % (self.name, b["tok"]))
            if self.r.random() < 0.05:
                lines.append("add-header X-Big %s" % ("x" * 5000))
            added = b["tok"]
        x = self.r.random()
        verdict = "continue"
        if x < 0.08:
            verdict = "reject 550 5.7.1 tok=%s=" % b["tok"]
        elif x < 0.14:
            verdict = "tempfail 451 4.7.1 tok=%s=" % b["tok"]
        elif x < 0.16 and what != "unknown":
            verdict = "accept"
        elif x < 0.17 and what in ("mail", "rcpt", "data", "header", "end-of-headers"):
            verdict = "discard"
        elif x < 0.20 and what in ("header", "body"):
            verdict = "skip"
        if verdict != "continue":
            added = "-"
        self.note("answer", b["session"], b["tok"], added, verdict.split(" ")[0])
        return "\n".join(lines + [verdict, ""])

    def misbehave(self, b):
        r = self.r
        what = r.randrange(24)
        say = self.answer(b) if what in (4, 5, 6, 7, 8, 15, 16) else ""
        if what == 0:
            os._exit(0)
        elif what == 1:
            os._exit(1)
        elif what == 2:
            os._exit(75)
        elif what == 3:
            os.kill(os.getpid(), r.choice([signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM]))
        elif what == 4:
            # With status 0 a line without its end counts, if it makes sense.
            if r.random() < 0.5:
                self.out(say[:-1])
                os._exit(0)
            self.out(say[:r.randrange(1, len(say))])
            os._exit(1)
        elif what == 5:
            self.out(say + "continue\n")
            return
        elif what == 6:
            self.out(say)
            time.sleep(r.random() * 0.05)
            self.out("log stray\n")
            return
        elif what == 7:
            self.out(say)
            os._exit(r.choice([0, 1]))
        elif what == 8:
            self.out(say)
            os.close(0)
            time.sleep(r.random() * 0.3)
            os._exit(0)
        elif what == 9:
            time.sleep(1000)
        elif what == 10:
            self.out("event-id 99999999\ncontinue\n")
            return
        elif what == 11:
            os.close(1)
            time.sleep(1000)
        elif what == 12:
            os.write(2, b"x" * 1500 + b"\n" + b"spam\n" * 500)
        elif what == 13:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if r.random() < 0.3:
                time.sleep(1000)
        elif what == 14:
            time.sleep(TIMEOUT * (0.8 + r.random()))
        elif what == 15:
            self.out(say[:r.randrange(1, len(say))])
            time.sleep(1000)
        elif what == 16:
            for c in say:
                self.out(c)
                time.sleep(0.001)
            return
        elif what == 17:
            self.out("bogus\n")
            return
        elif what == 18:
            self.out("\n\r\n")
        elif what == 19:
            if os.fork() == 0:
                time.sleep(2)
                os._exit(0)
            os._exit(0)
        elif what == 20:
            os.kill(os.getpid(), signal.SIGSTOP)
        self.pending.append(b)

    def take(self, b):
        if b["kind"].startswith("report"):
            self.note("report", b["session"], b["tok"], b["kind"][7:], "-")
            if self.mood == "mad" and self.r.random() < 0.04:
                what = self.r.randrange(6)
                if what == 0:
                    os._exit(self.r.randrange(2))
                elif what == 1:
                    os.kill(os.getpid(), signal.SIGKILL)
                elif what == 2:
                    time.sleep(self.r.random())
                elif what == 3:
                    self.out("junk\n")
                elif what == 4:
                    time.sleep(1000)
            elif self.mood == "slow" and self.r.random() < 0.05:
                time.sleep(self.r.random() * 0.2)
        elif self.mood == "mad" and self.r.random() < 0.07:
            self.misbehave(b)
        else:
            if self.mood != "good" and self.r.random() < 0.03:
                time.sleep(TIMEOUT * self.r.random() * (1.3 if self.mood == "late" else 0.5))
            if self.mood == "late" and self.ids and self.r.random() < 0.02:
                return
            self.pending.append(b)

    def run(self):
        if self.mood == "mad" and self.r.random() < 0.05:
            what = self.r.randrange(4)
            if what == 0:
                os._exit(self.r.randrange(2))
            elif what == 1:
                time.sleep(self.r.random())
            elif what == 2:
                os.read(0, self.r.randrange(1, 100))
                os._exit(self.r.randrange(2))
        while True:
            while (b := self.block()) is not None:
                self.take(b)
            idle = self.fill(0 if self.pending and self.r.random() < 0.7 else
                             0.002 if self.pending else 0.3)
            if self.pending and (not self.ids or self.r.random() < 0.8):
                self.out(self.answer(self.pending.pop(self.r.randrange(len(self.pending)))))
            elif not idle and self.eof and not self.pending:
                os._exit(0)
            elif not idle and self.mood == "mad" and self.r.random() < 0.01:
                os._exit(self.r.choice([0, 0, 1]))


# ---- the MTA ----

class Wrong(Exception):
    pass


class Closed(Exception):
    pass


class Client(threading.Thread):
    def __init__(self, run, number):
        super().__init__(daemon=True)
        self.run_, self.no = run, number
        self.r = random.Random("%s client %d" % (run.seed, number))
        self.errors, self.nsession, self.nevent = [], 0, 0
        self.answers = self.sessions = 0
        self.replies = {}

    def send(self, code, data=b""):
        try:
            self.sock.sendall(struct.pack(">I", len(data) + 1) + code + data)
        except OSError:
            raise Closed

    def read(self, n, until):
        data = b""
        while len(data) < n:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise Wrong("no answer in time")
            try:
                piece = self.sock.recv(n - len(data))
            except OSError:
                piece = b""
            if not piece:
                raise Wrong("the daemon closed the connection")
            data += piece
        return data

    def reply(self, limit):
        until = time.monotonic() + limit
        while True:
            size, = struct.unpack(">I", self.read(4, until))
            code = self.read(1, until)
            data = self.read(size - 1, until)
            if code != b"p":
                return code, data

    def optneg(self):
        r = self.r
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.run_.sock)
        proto = r.choice([0x1fffff, 0x1fffff, 0x1fffff, 0x7f, 0x1fff7f & ~0xff080])
        self.send(b"O", struct.pack(">III", r.choice([6, 6, 6, 2]) if proto == 0x7f else 6,
                                    0x1ff, proto))
        code, data = self.reply(20)
        if code != b"O":
            raise Wrong("answer %r to O" % code)
        self.proto = struct.unpack(">I", data[8:12])[0]

    def token(self, what):
        self.nevent += 1
        tok = "c%d.s%d.m%d.e%d.%s" % (self.no, self.nsession, self.nmsg, self.nevent, what)
        self.tok = tok
        return tok

    def event(self, what):
        """Returns the reply, or b"c" where none is given."""
        if self.proto & NOT_SENT.get(what, 0):
            return b"c"
        tok = self.token(what)
        if select.select([self.sock], [], [], 0)[0]:
            raise Wrong("before %s there is something to read: %r" % (tok, self.sock.recv(100)))
        t = tok.encode()
        self.send(b"D", CODE[what] + b"{tok}\0" + t + b"\0i\0Q" + t + b"\0")
        data = {"connect": b"h\x00U", "helo": t + b"\0", "mail": b"<" + t + b"@x>\0",
                "rcpt": b"<" + t + b"@y>\0", "data": b"",
                "header": b"Subject\0" + t + b" " + b"y" * (9000 if self.r.random() < .05 else 1) + b"\0",
                "end-of-headers": b"", "end-of-message": b"",
                "body": t + b"\r\n" + b"abc\r\n" * (10000 if self.r.random() < .1 else 1),
                "unknown": t + b"\0"}[what]
        self.send(CODE[what], data)
        if self.r.random() < self.run_.drop:
            time.sleep(self.r.random() * 0.1)
            raise Closed
        self.told.append((tok, what))
        if what != "end-of-message" and self.proto & NO_REPLY.get(what, 0):
            return b"c"
        return self.wait(what, tok)

    def wait(self, what, tok):
        begun = time.monotonic()
        limit = MESSAGE if what == "end-of-message" else EVENT
        headers = []
        while True:
            try:
                code, data = self.reply(limit + self.run_.slack)
            except Wrong as e:
                raise Wrong("%s: %s after %.2f s" % (tok, e, time.monotonic() - begun))
            self.answers += 1
            if code in b"hi":
                headers.append(data[4:] if code == b"i" else data)
            else:
                break
        if code not in (b"c", b"a", b"r", b"t", b"y", b"d", b"s"):
            raise Wrong("%s: answer %r" % (tok, code))
        m = re.search(rb"tok=(.*?)=", data)
        if m and m.group(1).decode() != tok:
            raise Wrong("%s: answer of another event: %r" % (tok, data))
        if code == b"y" and not m and not re.search(rb"FAILED|LATE|NOPROC|Too many|451 4.7.1", data):
            raise Wrong("%s: answer %r" % (tok, data))
        self.replies[tok] = code
        begin = re.match(r".*\.m\d+\.", tok).group()
        got = {}
        for h in headers:
            name, value = h.split(b"\0")[:2]
            name, value = name.decode(), value.decode().strip()
            if name == "X-Big":
                continue
            if not value.startswith(begin) or value in got.setdefault(name, []):
                raise Wrong("%s: header %s %s" % (tok, name, value))
            got[name].append(value)
        if what == "end-of-message" and code in (b"c", b"a"):
            self.ends.append((begin, got))
        return code

    def message(self):
        self.nmsg += 1
        r = self.r
        if (c := self.event("mail")) != b"c":
            return
        good = 0
        for i in range(r.randrange(1, 4)):
            c = self.event("rcpt")
            good += c == b"c"
            if c in b"ad":
                return
        if r.random() < 0.05 or not good:
            return self.abort()
        if (c := self.event("data")) != b"c":
            return self.abort() if c in b"yrt" else None
        for i in range(r.randrange(4)):
            c = self.event("header")
            if c == b"s":
                break
            if c != b"c":
                return self.abort() if r.random() < 0.5 else None
        if r.random() < 0.05:
            return self.abort()
        if self.event("end-of-headers") != b"c":
            return self.abort() if r.random() < 0.5 else None
        for i in range(r.randrange(3)):
            c = self.event("body")
            if c == b"s":
                break
            if c != b"c":
                return self.abort() if r.random() < 0.5 else None
        self.event("end-of-message")

    def abort(self):
        self.send(b"A")

    def session(self):
        self.nsession += 1
        self.sessions += 1
        self.nmsg = 0
        if self.event("connect") != b"c" or self.event("helo") != b"c":
            return
        for i in range(self.r.randrange(4)):
            if self.r.random() < 0.05:
                self.event("unknown")
            self.message()
            if self.r.random() < 0.1:
                self.abort()

    def connection(self):
        self.optneg()
        while not self.run_.over():
            self.session()
            if self.r.random() < 0.5:
                break
            self.send(b"K")
        self.send(b"Q")
        try:
            self.sock.settimeout(5 + self.run_.slack)
            rest = self.sock.recv(100)
        except socket.timeout:
            raise Wrong("QUIT does not close")
        except OSError:
            rest = b""
        if rest:
            raise Wrong("rest at QUIT: %r" % rest)

    def run(self):
        self.told, self.ends = [], []
        while not self.run_.over() and not self.errors:
            try:
                self.connection()
            except Closed:
                if self.run_.dead():
                    self.errors.append("the daemon is gone")
            except Wrong as e:
                if not self.run_.killing:
                    self.errors.append(str(e))
            except OSError as e:
                if not self.run_.killing:
                    self.errors.append(repr(e))
                time.sleep(0.1)
            self.sock.close()


# ---- one run ----

class Run:
    def __init__(self, pipemilter, seed, opts):
        self.pm, self.seed, self.opts = pipemilter, seed, opts
        self.r = random.Random("run %s" % seed)
        self.directory = "%s/%s" % (opts["-d"], seed)
        os.makedirs(self.directory)
        os.chmod(self.directory, 0o1777)
        # The handlers' user can reach this one.
        self.program = shutil.copy(__file__, self.directory)
        os.chmod(self.program, 0o755)
        self.python = "/usr/bin/python3"
        if not os.access(self.python, os.X_OK):
            self.python = sys.executable
        self.sock = self.directory + "/s"
        self.n, self.secs = int(opts["-n"]), float(opts["-t"])
        self.slack = float(opts["-w"])
        self.drop = self.r.choice([0, 0.01, 0.05])
        self.killing = False
        self.errors = []

    def handler(self, name):
        r = self.r
        scope = r.choice(["event", "message", "session"])
        reuse = r.choice([0, 1, 1])
        conc = r.choice([1, 5]) if reuse else 1
        mood = r.choice(["good", "slow", "late", "mad", "mad", "mad"])
        mood = self.opts.get("-m", mood)
        events, reports = [], []
        for ev in EVENTS:
            x = r.random()
            if x < 0.5:
                events.append(ev)
            elif x < 0.7:
                reports.append(ev)
        if r.random() < 0.1:
            reports, events = reports + events, []
        for ev in ("abort", "disconnect"):
            if r.random() < 0.5:
                reports.append(ev)
        if not events and not reports:
            events = ["mail"]
        procs = r.choice([1, 3, 20] if scope == "event" else [1, 3, 20, 40])
        self.h[name] = dict(scope=scope, reuse=reuse, conc=conc, mood=mood, events=events,
                            reports=reports, shadow=bool(events) and r.random() < 0.2, procs=procs)
        lines = ["command = {%s, '-ISE', %s, '--handler', %s, %s, %s, %s, '%d', '%d'}" % (
            self.python, self.directory + "/stress.py", self.directory, name, self.seed, mood, conc > 1,
            reuse),
            "scope = %s" % scope, "reuse = %s" % ("yes" if reuse else "no"),
            "processes = %d" % procs, "timeout = %dms" % (TIMEOUT * 1000),
            "processes-min = %d" % min(procs, r.choice([0, 0, 2])),
            "queue-timeout = %dms" % (QUEUE * 1000),
            "on-failure = '%s'" % r.choice(["tempfail 451 4.7.1 FAILED", "continue"]),
            "on-timeout = '%s'" % r.choice(["tempfail 451 4.7.1 LATE", "continue"]),
            "on-overload = '%s'" % r.choice(["tempfail 451 4.7.1 NOPROC", "continue"])]
        if events:
            lines.append("events = {%s}" % ", ".join(events))
        if reports:
            lines.append("reports = {%s}" % ", ".join(reports))
        if conc > 1:
            lines.append("concurrency = %d" % conc)
        if reuse and r.random() < 0.5:
            lines.append("max-uses = %d" % r.choice([1, 2, 5]))
        if reuse and r.random() < 0.3:
            lines.append("idle-timeout = %dms" % r.choice([100, 1000]))
        if self.h[name]["shadow"]:
            lines.append("shadow = yes")
        if r.random() < 0.3:
            lines.append("actions = {add-header}")
        return "handler %s {\n\t%s\n}\n" % (name, "\n\t".join(lines))

    def write_conf(self):
        self.h = {}
        names = ["one"] if self.r.random() < 0.5 else ["one", "two"]
        self.engines = self.r.choice([1, 1, 2])
        text = "spool-directory = '%s/spool'\nlisten 'unix:%s' { mode = 0666 }\n" % (
            self.directory, self.sock)
        text += "engines = %d\nevent-timeout = %dms\nmessage-timeout = %dms\n" % (
            self.engines, EVENT * 1000, MESSAGE * 1000)
        if "-u" in self.opts:
            text += "engine-user = %s\nhandler-user = %s\n" % tuple(self.opts["-u"].split(":"))
        text += "".join(self.handler(n) for n in names)
        if any(h["reports"] or h["shadow"] for h in self.h.values()):
            self.slack += 20
        text += "".join(o + "\n" for o in self.opts["-o"])
        with open(self.directory + "/conf", "w") as f:
            f.write(text)

    def over(self):
        return time.monotonic() > self.end or self.dead()

    def dead(self):
        return self.proc.poll() is not None

    def start(self):
        self.log = open(self.directory + "/log", "w")
        self.proc = subprocess.Popen([self.pm, "-d", "-f", self.directory + "/conf"],
                                     stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                     start_new_session=True)
        end = time.monotonic() + 20
        while True:
            if "is ready" in open(self.directory + "/log").read():
                return
            if self.dead() or time.monotonic() > end:
                raise Wrong("the daemon does not start: " + open(self.directory + "/log").read())
            time.sleep(0.03)

    def handlers(self):
        found = []
        for p in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                words = open(p, "rb").read().split(b"\0")
            except OSError:
                continue
            if b"--handler" in words and self.directory.encode() in words:
                found.append(int(p.split("/")[2]))
        return found

    def children(self):
        with open("/proc/%d/task/%d/children" % (self.proc.pid, self.proc.pid)) as f:
            return [int(w) for w in f.read().split()]

    def engine_pids(self):
        known = []
        for p in self.children():
            try:
                if b"--handler" not in open("/proc/%d/cmdline" % p, "rb").read():
                    known.append(p)
            except OSError:
                pass
        return known

    def nfds(self):
        try:
            return sum(len(os.listdir("/proc/%d/fd" % p)) for p in self.engine_pids())
        except OSError:
            return 0

    def wait_idle(self, base):
        """Processes end, or wait; descriptors come back."""
        end = time.monotonic() + 25
        while time.monotonic() < end:
            procs = self.handlers()
            keep = sum(h["procs"] for h in self.h.values() if h["reuse"])
            if self.nfds() <= base + 3 * len(procs) and len(procs) <= keep + 4:
                return
            time.sleep(0.1)
        self.errors.append("at rest: %d fds (base %d), %d processes" % (
            self.nfds(), base, len(self.handlers())))

    def stop(self):
        begun = time.monotonic()
        self.proc.send_signal(signal.SIGTERM)
        try:
            self.proc.wait(45)
        except subprocess.TimeoutExpired:
            self.errors.append("SIGTERM does not end it")
            self.proc.kill()
            self.proc.wait()
        self.took = time.monotonic() - begun
        if self.proc.returncode != 0:
            self.errors.append("status %s" % self.proc.returncode)
        time.sleep(0.1)
        if self.handlers():
            self.errors.append("processes are left: %s" % self.handlers())
            for p in self.handlers():
                os.kill(p, signal.SIGKILL)

    def judge_log(self):
        text = open(self.directory + "/log", errors="replace").read()
        for m in re.finditer(r".*(AddressSan|LeakSan|runtime error|SUMMARY|fatal|which is none"
                             r"|process: event \d|ended by signal \d+ .*core|engine.*ended).*", text):
            if not self.killing:
                self.errors.append("log: " + m.group(0))
        return text

    def judge_said(self, log):
        """Actions and reports that got lost, and no failure tells of it."""
        failed = set(re.findall(r"([0-9a-f]{8}\.\d+)[^\n]*? handler (\w+): (?!stderr)[^\n]*"
                                r"(?:; on-|ended|report \w|process|scope that|overload|"
                                r"shadow, on|answer in|no free)", log))
        ends, replies = {}, {}
        for c in self.clients:
            replies.update(c.replies)
            for begin, got in c.ends:
                ends[begin] = got
        for name, h in self.h.items():
            try:
                said = [x.split() for x in open(self.directory + "/said." + name)]
            except OSError:
                continue
            sessions, order = {}, {}
            for kind, session, tok, added, verdict in said:
                conn = tok.split(".m")[0]
                sessions.setdefault(session, set()).add(conn)
                if kind == "answer" and added != "-" and not h["shadow"]:
                    begin = re.match(r".*\.m\d+\.", added).group()
                    if begin in ends and replies.get(added, b"y") in b"cas" and (session, name) not in failed and \
                       h["mood"] != "mad" and added not in ends[begin].get("X-" + name, []):
                        self.errors.append("lost: %s of %s" % (added, name))
                if kind == "report" and tok != "-":
                    key = (session, tok, added)
                    if key in order and (session, name) not in failed:
                        self.errors.append("twice: report %s %s of %s" % (tok, added, name))
                    order[key] = 1
            for session, conns in sessions.items():
                conns.discard("-")
                if len(conns) > 1:
                    self.errors.append("session %s of %s: %s" % (session, name, conns))
            if h["mood"] in ("good", "slow"):
                self.judge_reports(name, h, said, failed)

    def judge_reports(self, name, h, said, failed):
        told = {}
        ids = {}
        for kind, session, tok, what, _ in said:
            ids.setdefault(tok.split(".m")[0], set()).add(session)
            if kind == "report":
                told[(tok, what)] = 1
        bad = set()
        for conn, sess in ids.items():
            if any((s, name) in failed for s in sess):
                bad.add(conn)
        accepted = set(tok.split(".m")[0] for k, s, tok, a, v in said if v in ("accept", "skip"))
        n = 0
        for c in self.clients:
            for tok, what in c.told:
                conn = tok.split(".m")[0]
                if what in h["reports"] and conn not in bad and conn not in accepted and \
                   conn in ids and (tok, what) not in told:
                    n += 1
                    if n < 4:
                        self.errors.append("report %s to %s lost" % (tok, name))

    def go(self):
        self.write_conf()
        self.start()
        time.sleep(0.3)
        base = self.nfds() - 3 * len(self.handlers())
        self.end = time.monotonic() + self.secs
        self.clients = [Client(self, i) for i in range(self.n)]
        for c in self.clients:
            c.start()
        if self.opts.get("-k"):
            self.kill_engines()
        for c in self.clients:
            c.join(self.secs + self.slack + 20)
            if c.is_alive():
                self.errors.append("client %d hangs" % c.no)
            self.errors += c.errors
        if not self.dead():
            self.wait_idle(base)
        self.stop()
        self.log.close()
        self.judge_said(self.judge_log())

    def kill_engines(self):
        self.killing = True
        r = self.r
        while not self.over():
            time.sleep(r.random() * 2)
            engines = self.engine_pids()
            if engines:
                try:
                    os.kill(r.choice(engines), signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def tell(self):
        show = "; ".join("%s %s%s%s/%d %s%s e%d r%d" % (
            n, h["scope"], " reuse" if h["reuse"] else "", " x5" if h["conc"] > 1 else "",
            h["procs"], h["mood"], " shadow" if h["shadow"] else "", len(h["events"]),
            len(h["reports"])) for n, h in self.h.items())
        print("%s %s: engines %d; %s: %d sessions, %d answers, end %.1f s" % (
            "not ok" if self.errors else "ok", self.seed, self.engines, show,
            sum(c.sessions for c in self.clients), sum(c.answers for c in self.clients),
            self.took))
        for e in self.errors[:10]:
            print("    " + e)
        sys.stdout.flush()


def main():
    if sys.argv[1] == "--handler":
        directory, name, seed, mood, ids, reuse = sys.argv[2:]
        try:
            Handler(directory, name, seed, mood, ids == "1", reuse == "1").run()
        except (BrokenPipeError, OSError):
            os._exit(0)
    got, args = getopt.getopt(sys.argv[1:], "n:t:d:o:m:w:u:k")
    opts = {"-n": "20", "-t": "4", "-d": ".", "-w": "4", "-o": []}
    for k, v in got:
        if k == "-o":
            opts[k].append(v)
        else:
            opts[k] = v or "1"
    bad = 0
    for seed in args[1:]:
        run = Run(args[0], seed, opts)
        run.go()
        run.tell()
        bad |= bool(run.errors)
    sys.exit(bad)


main()
