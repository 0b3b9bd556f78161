#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""Runs a program on a terminal of its own: terminal.py ROWS COLUMNS KEYS COMMAND ...

When the program has drawn two pictures it gets the keys. Prints what it wrote, then a line
with its exit status and whether the terminal is as it was before.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

rows, columns, keys = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode().decode("unicode_escape")
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in 0, 1, 2:
        os.dup2(slave, fd)
    os.closerange(3, 64)
    os.execvp(sys.argv[4], sys.argv[4:])
data, ends, sent, status = b"", time.time() + 60, False, None
while time.time() < ends:
    if select.select([master], [], [], 0.1)[0]:
        data += os.read(master, 65536)
    if not sent and data.count(b"minute") >= 2:
        os.write(master, keys.encode())
        sent = True
    done, raw = os.waitpid(pid, os.WNOHANG)
    if done:
        status = os.waitstatus_to_exitcode(raw)
        break
else:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
while select.select([master], [], [], 0.1)[0]:
    data += os.read(master, 65536)
sys.stdout.buffer.write(data)
same = termios.tcgetattr(slave) == before
print("\nstatus %s, terminal %s" % (status, "restored" if same else "changed"))
