# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# probes.py: what a message costs whatever the machine's load is: system calls
# and instructions; and what a connection costs that only waits.

import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import time

from lib import plan, procs
from lib.servers import KINDS, OFFER, Error

CELL = (10, 10)
STRACE_MESSAGES = 500
CALLGRIND_MESSAGES = (100, 600)
DETACH_SECONDS = 10


def need(program):
    if shutil.which(program) is None:
        raise Error(f'{program} is not installed')


def _total_calls(path):
    with open(path, encoding='ascii', errors='replace') as f:
        for line in f:
            words = line.split()
            if words and words[-1] == 'total':
                return int(words[3])
    raise Error('strace counted nothing')


def syscalls(server, load):
    """System calls a message of the processes that talk with the MTA."""
    need('strace')
    out = os.path.join(server.directory, 'strace')
    whom = [word for pid in server.engines() for word in ('-p', str(pid))]
    with subprocess.Popen(['strace', '-c', '-f', '-o', out, *whom],
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True) as tracer:
        said = tracer.stderr.readline()
        if 'attached' not in said:
            tracer.wait()
            raise Error(said.strip() or 'strace said nothing')
        try:
            load.send(server, STRACE_MESSAGES, *CELL)
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=DETACH_SECONDS)
    return _total_calls(out) / STRACE_MESSAGES


def _collected(path):
    """Of a file of callgrind, which may come a moment after its process ended; or None."""
    deadline = time.monotonic() + DETACH_SECONDS
    while time.monotonic() < deadline:
        if os.path.exists(path):
            with open(path, encoding='utf-8', errors='replace') as f:
                found = re.search(r'^totals: (\d+)$', f.read(), re.M)
            if found:
                return int(found.group(1))
        time.sleep(0.1)
    return None


def _instructions_of(place, candidate, load, count):
    server = KINDS[candidate.kind](place, candidate, 'unix')
    out = os.path.join(server.directory, 'cg')
    os.mkdir(out)
    os.chmod(out, 0o777)		# the engine is another user
    server.start(['valgrind', '--tool=callgrind', '-q',
                  f'--callgrind-out-file={out}/%p'])
    try:
        load.send(server, count, *CELL)
        # Not before: a handler that is only being started looks like an engine.
        pids = server.engines()
    finally:
        server.stop()
    # Where processes are started ahead one may do so even now: it leaves no file.
    totals = [_collected(os.path.join(out, str(pid))) for pid in pids]
    totals = [total for total in totals if total is not None]
    if not totals:
        raise Error('callgrind wrote nothing')
    return sum(totals)


def _check_filter(place):
    """Valgrind makes system calls of its own in the engine, whose filter has none of them."""
    config = os.path.join(os.path.dirname(place.pipemilter), 'config.h')
    with open(config, encoding='ascii') as f:
        if re.search(r'^#define HAVE_LIBSECCOMP', f.read(), re.M):
            raise Error('instructions can be counted only if pipemilter was configured '
                        'with --without-seccomp')


def instructions(place, candidate, load):
    """User instructions a message: a run of many less one of few."""
    need('valgrind')
    if candidate.kind == 'Pipemilter':
        _check_filter(place)
    few, many = CALLGRIND_MESSAGES
    return (_instructions_of(place, candidate, load, many) -
            _instructions_of(place, candidate, load, few)) / (many - few)


def packet(code, data=b''):
    return struct.pack('>I', len(data) + 1) + code + data


def receive(s):
    def exactly(n):
        data = b''
        while len(data) < n:
            piece = s.recv(n - len(data))
            if not piece:
                raise Error('the connection was closed')
            data += piece
        return data
    body = exactly(struct.unpack('>I', exactly(4))[0])
    return body[:1], body[1:]


# Event, the bit that says not to send it, and the one that it needs no reply.
EVENTS = (
    (b'C', b'client.example.org\0004\300\000192.0.2.1\0', 0x01, 0x1000),
    (b'H', b'client.example.org\0', 0x02, 0x2000),
)


def greet(server):
    """A connection after HELO."""
    family, address = server.connect_to
    s = socket.socket(family)
    s.settimeout(30)
    s.connect(address)
    s.sendall(OFFER)
    code, data = receive(s)
    if code != b'O':
        raise Error(f'negotiation was answered with {code!r}')
    protocol = struct.unpack('>III', data[:12])[2]
    for command, body, no, no_reply in EVENTS:
        s.sendall(packet(b'D', command + b'j\0mx.example.net\0{daemon_name}\0mx\0'))
        if protocol & no:
            continue
        s.sendall(packet(command, body))
        if not protocol & no_reply and receive(s)[0] != b'c':
            raise Error(f'{command!r} was refused')
    return s


def allow_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        if os.geteuid() != 0:
            raise Error(f'no more than {hard} files may be open')
        hard = count
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def idle_bytes(server):
    """Memory of the engine for each of many connections that only wait."""
    held = [greet(server) for _ in range(100)]
    time.sleep(0.5)
    before = sum(procs.pss(p) for p in server.engines())
    try:
        while len(held) < plan.IDLE_CONNECTIONS + 100:
            held.append(greet(server))
        time.sleep(0.5)
        after = sum(procs.pss(p) for p in server.engines())
    finally:
        for s in held:
            s.close()
    return (after - before) / plan.IDLE_CONNECTIONS
