#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
service_manager.py [OPTION ...] DIRECTORY COMMAND [ARGUMENT ...]

Plays the part of a service manager that sd_notify(3) and sd_listen_fds(3) describe.
COMMAND runs until the manager gets TERM, which it passes on; then the manager ends
with the status of COMMAND. If COMMAND is killed it is started again, and after USR1 it
gets TERM and is started again.  A COMMAND that fails ends the manager.

  DIRECTORY/said	each message: its lines, with a blank between them, and " +FD" if
			a descriptor came with it. A message of another process than
			COMMAND is "not from COMMAND".
  DIRECTORY/store	the names of the descriptors that are kept now

  --listen NAME ADDRESS	a socket that COMMAND gets at its first start, as if from a socket unit.
			ADDRESS is a path, or a port of 127.0.0.1
  --bound NAME ADDRESS	the same, but it does not listen
  --file NAME PATH	a file that is open
  --pid PID		LISTEN_PID
  --abstract		NOTIFY_SOCKET has no file
"""
import array
import os
import select
import signal
import socket
import struct
import sys

CREDENTIALS = struct.Struct("3i")


def open_socket(address, listens):
    if address.isdigit():
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", int(address)))
    else:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(address)
    if listens:
        sock.listen(64)
    return sock.detach()


class Manager:
    def __init__(self, directory, command):
        self.directory = directory
        self.command = command
        self.main = None
        self.status = None
        self.ending = False
        self.listen_pid = None
        self.passed = []        # (name, descriptor)
        self.store = []
        self.said = open(os.path.join(directory, "said"), "a", buffering=1)

    def listen(self, abstract):
        self.where = "@" + self.directory if abstract else self.directory + "/notify"
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.sock.bind("\0" + self.where[1:] if abstract else self.where)

    def start(self):
        pairs = self.passed + self.store
        pid = os.fork()
        if pid == 0:
            self.become(pairs)
        self.main = pid
        self.pidfd = os.pidfd_open(pid)

    def become(self, pairs):
        env = dict(os.environ, NOTIFY_SOCKET=self.where)
        # First out of the way of the numbers that they are to have.
        high = [os.dup2(os.dup(fd), 200 + i) for i, (_, fd) in enumerate(pairs)]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)
        os.closerange(3 + len(pairs), 300)
        if pairs:
            env["LISTEN_PID"] = self.listen_pid or str(os.getpid())
            env["LISTEN_FDS"] = str(len(pairs))
            env["LISTEN_FDNAMES"] = ":".join(name for name, _ in pairs)
        os.execvpe(self.command[0], self.command, env)

    def note_store(self):
        path = os.path.join(self.directory, "store")
        with open(path + ".new", "w") as out:
            out.write("".join(name + "\n" for name, _ in self.store))
        os.rename(path + ".new", path)

    def same(self, a, b):
        return os.fstat(a).st_ino == os.fstat(b).st_ino

    def keep(self, name, fds):
        for fd in fds:
            if any(self.same(fd, other) for _, other in self.store):
                os.close(fd)
            else:
                self.store.append((name, fd))

    def forget(self, name):
        for pair in [p for p in self.store if p[0] == name]:
            os.close(pair[1])
            self.store.remove(pair)

    def hear(self):
        data, ancillary, _, _ = self.sock.recvmsg(65536, 1024)
        fds, sender = [], None
        for level, kind, value in ancillary:
            if kind == socket.SCM_RIGHTS:
                a = array.array("i")
                a.frombytes(value[:len(value) - len(value) % a.itemsize])
                fds += a.tolist()
            elif kind == socket.SCM_CREDENTIALS:
                sender = CREDENTIALS.unpack(value)[0]
        if "BARRIER=1" in data.decode():
            for fd in fds:
                os.close(fd)
            return
        if sender != self.main:
            self.said.write("not from COMMAND: ")
        self.said.write(data.decode().replace("\n", " ") + " +FD" * len(fds) + "\n")
        lines = dict(line.split("=", 1) for line in data.decode().split("\n"))
        if "FDSTORE" in lines:
            self.keep(lines["FDNAME"], fds)
        if "FDSTOREREMOVE" in lines:
            self.forget(lines["FDNAME"])
        self.note_store()

    def ended(self):
        _, status = os.waitpid(self.main, 0)
        os.close(self.pidfd)
        again = self.again or os.WIFSIGNALED(status)
        self.again = False
        self.said.write("ended\n")
        if self.ending or not again:
            sys.exit(os.waitstatus_to_exitcode(status) & 255)
        self.start()

    def on_signal(self, sig, _frame):
        if sig == signal.SIGUSR1:
            self.again = True
        else:
            self.ending = True
        os.kill(self.main, signal.SIGTERM)

    def run(self):
        self.again = False
        signal.signal(signal.SIGTERM, self.on_signal)
        signal.signal(signal.SIGUSR1, self.on_signal)
        self.start()
        while True:
            ready = select.select([self.sock, self.pidfd], [], [])[0]
            if self.sock in ready:
                self.hear()
            elif self.pidfd in ready:
                self.ended()


def main(args):
    passed, pid, abstract = [], None, False
    while args[0].startswith("--"):
        option = args.pop(0)
        if option == "--abstract":
            abstract = True
        elif option == "--pid":
            pid = args.pop(0)
        else:
            name, address = args.pop(0), args.pop(0)
            fd = os.open(address, os.O_RDONLY) if option == "--file" else \
                open_socket(address, option == "--listen")
            passed.append((name, fd))
    manager = Manager(args[0], args[1:])
    manager.passed = passed
    manager.listen_pid = pid
    manager.listen(abstract)
    manager.run()


main(sys.argv[1:])
