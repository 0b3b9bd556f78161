#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""terminal.py COMMAND [ARGUMENT ...]: runs it on a terminal of its own.

What it writes goes to standard output. When it has said how two attacks on each of
0 to 2 went, or has ended, TERM ends it. `TYPED' is what was there to be read
on the terminal then: nobody but root types there.
"""
import os
import pty
import select
import signal
import sys
import time

pid, fd = pty.fork()
if pid == 0:
    child = os.fork()
    if child == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        try:
            os.waitpid(child, 0)
            break
        except InterruptedError:
            pass
    os.set_blocking(0, False)
    import termios
    attr = termios.tcgetattr(0)
    attr[3] &= ~termios.ICANON
    termios.tcsetattr(0, termios.TCSANOW, attr)
    try:
        typed = os.read(0, 100)
    except BlockingIOError:
        typed = b""
    os.write(1, b"TYPED %r\n" % typed)
    os._exit(0)
os.write(fd, b"secret\n")
seen = b""
end = time.monotonic() + 30
told = False
while time.monotonic() < end:
    if select.select([fd], [], [], 0.1)[0]:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        seen += data
    if not told and (seen.count(b"attack ") >= 3 or b"is ready" in seen):
        os.kill(pid, signal.SIGTERM)
        told = True
os.waitpid(pid, 0)
sys.stdout.write(seen.decode().replace("\r", ""))
