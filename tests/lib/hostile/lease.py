#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# lease.py SECONDS FILE ...: holds leases for writing on files of the user who runs it,
# and does not give them up when others want to open these files.

import fcntl
import os
import signal
import sys
import time

signal.signal(signal.SIGIO, signal.SIG_IGN)
held = []
for path in sys.argv[2:]:
    fd = os.open(path, os.O_RDWR)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    held.append(fd)
print('ready', flush=True)
time.sleep(float(sys.argv[1]))
