#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# stopper.py SECONDS: sends SIGSTOP to each new process that it may send it to, but its
# own, and SIGCONT to all of them at its end. Run as the user of a handler, which no
# other test may have meanwhile.

import os
import signal
import sys
import time

end = time.monotonic() + float(sys.argv[1])
mine = {os.getpid(), os.getppid()}
stopped = set()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print('ready', flush=True)


def stop(pid):
    try:
        os.kill(pid, signal.SIGSTOP)
        stopped.add(pid)
    except OSError:
        pass


try:
    while time.monotonic() < end:
        with open('/proc/loadavg', encoding='ascii') as f:
            last = int(f.read().split()[4])
        for n in range(last, last + 5):
            if n not in mine:
                stop(n)
finally:
    for n in stopped:
        try:
            os.kill(n, signal.SIGCONT)
        except OSError:
            pass
