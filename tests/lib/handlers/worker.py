#!/usr/bin/python3 -IS
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
A handler as a loop that does what plans say, and keeps what it read.

Whom a session belongs to is the name of its client; $PLANS/CLIENT is a directory.
The nth process that CLIENT has to do with (1 being the first) writes there

  got/pN        every block, byte by byte
  got/pN.env    its environment
  got/pids      a line "N PID"
  got/eof-pN    empty, when it came to the end of its input

and answers what the first of these files says that is there; without one,
`continue', and nothing to a report:

  EVENT.N   to the Nth event of that name in the session
  EVENT     events and reports alike; `any' is for all others

A line of a plan is written as it stands, once an event-id has been given if
the block has one, but for

  !exit N | !signal N | !sleep SECONDS | !wait FILE | !touch FILE | !nothing
  !err TEXT      a line of standard error
  !part TEXT     written without a line end
  !close N       closes a descriptor
  !hold          what follows is kept, and written by
  !release       after its own reply, the last one first
  !plain         what follows is written without an event-id
  !note TEXT     a line of got/notes; $$ is the process
A FILE lies in got.
"""
import os
import sys
import time

PLANS = os.environ["PLANS"]
sessions = {}           # session: client
numbers = {}            # client: our number there
held = []
buffer = b""


def fill():
    global buffer
    data = os.read(0, 65536)
    buffer += data
    if not data:
        for client, number in numbers.items():
            open(path(client, "got/eof-p%d" % number), "w").close()
        sys.exit(0)


def read_line():
    global buffer
    while b"\n" not in buffer:
        fill()
    line, _, buffer = buffer.partition(b"\n")
    return line + b"\n"


def read_bytes(n):
    global buffer
    while len(buffer) < n:
        fill()
    data, buffer = buffer[:n], buffer[n:]
    return data


def read_block():
    """The bytes, and a dictionary of the last value of each keyword."""
    raw, known = b"", {}
    while True:
        line = read_line()
        raw += line
        if line == b"\n":
            break
        key, _, value = line[:-1].partition(b" ")
        known[key.decode()] = value.decode("latin-1")
    return raw + read_bytes(int(known.get("length", 0))), known


def path(client, name):
    return os.path.join(PLANS, client, name)


def introduce(client):
    """Finds our number, and leaves our environment."""
    os.makedirs(path(client, "got"), exist_ok=True)
    number = 1
    while True:
        try:
            fd = os.open(path(client, "got/p%d" % number),
                         os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            break
        except FileExistsError:
            number += 1
    os.close(fd)
    numbers[client] = number
    with open(path(client, "got/p%d.env" % number), "wb") as f:
        for name, value in os.environb.items():
            f.write(name + b"=" + value + b"\0")
    append(client, "pids", "%d %d\n" % (number, os.getpid()))


def append(client, name, text):
    """To a file of got; how large that is then."""
    fd = os.open(path(client, "got/" + name),
                 os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
    os.write(fd, text if isinstance(text, bytes) else text.encode())
    size = os.fstat(fd).st_size
    os.close(fd)
    return size


def plan(client, event, count):
    for name in ("%s.%d" % (event, count), event, "any"):
        try:
            with open(path(client, name), encoding="latin-1") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            pass
    return None


def write(data):
    while data:
        data = data[os.write(1, data):]


def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.01)


def do(client, line):
    """One line with a `!' of a plan."""
    word, _, rest = line[1:].partition(" ")
    if word == "exit":
        os._exit(int(rest))
    elif word == "signal":
        os.kill(os.getpid(), int(rest))
    elif word == "sleep":
        time.sleep(float(rest))
    elif word == "wait":
        wait_for(path(client, "got/" + rest))
    elif word == "touch":
        open(path(client, "got/" + rest), "w").close()
    elif word == "err":
        os.write(2, rest.encode("latin-1") + b"\n")
    elif word == "part":
        write(rest.encode("latin-1"))
    elif word == "close":
        os.close(int(rest))
    elif word == "note":
        append(client, "notes", rest.replace("$$", str(os.getpid())) + "\n")
    elif word != "nothing":
        raise ValueError(line)


def answer(client, known, lines):
    start = b"event-id %s\n" % known["event-id"].encode() \
        if "event-id" in known and "event" in known else b""
    reply, hold, release = b"", False, False
    for line in lines:
        if line == "!hold":
            hold = True
        elif line == "!release":
            release = True
        elif line == "!plain":
            start = b""
        elif line.startswith("!"):
            write(reply)
            reply = b""
            do(client, line)
        else:
            reply += start + line.encode("latin-1") + b"\n"
            start = b""
    if hold:
        held.append(reply)
        return
    write(reply)
    while release and held:
        write(held.pop())


def main():
    while True:
        raw, known = read_block()
        session = known["session"]
        if "client-host" in known:
            sessions[session] = known["client-host"]
        client = sessions.get(session, os.environ.get("CLIENT", "unknown"))
        if client not in numbers:
            introduce(client)
        event = known.get("event") or known.get("report")
        append(client, "p%d" % numbers[client], raw)
        count = append(client, ".%s-%s" % (session, event), ".")
        lines = plan(client, event, count)
        if lines is None:
            lines = ["continue"] if "event" in known else []
        answer(client, known, lines)


main()
