#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# mute_fuse.py UID GID SECONDS DIRECTORY [NAME]: mounts a FUSE file system of that user on the
# directory, as fusermount(1) would, with allow_other. It answers the first request of the
# kernel, and takes all later ones without an answer: who makes one can't even be killed.
# The end of this program is the end of the mount. NAME stands where the name of a device
# would be, and is the mounter's choice.

import ctypes
import os
import select
import signal
import struct
import sys
import time

uid, gid, seconds, where = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open('/dev/fuse', os.O_RDWR)
name = sys.argv[5] if len(sys.argv) > 5 else 'mute'
data = f'fd={fd},rootmode=40000,user_id={uid},group_id={gid},allow_other'
if libc.mount(os.fsencode(name), os.fsencode(where), b'fuse.mute', 6, data.encode()) != 0:
    sys.exit('mount: ' + os.strerror(ctypes.get_errno()))
try:
    request = os.read(fd, 1 << 20)
    unique = struct.unpack_from('<IIQ', request)[2]
    major, minor, ahead, flags = struct.unpack_from('<IIII', request, 40)
    reply = struct.pack('<IIIIHHIIHHI', 7, 31, ahead, 0, 12, 9, 1 << 16, 1, 1, 0, 0)
    reply += bytes(64 - len(reply))
    os.write(fd, struct.pack('<IiQ', 16 + len(reply), 0, unique) + reply)
    print('ready', flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            os.read(fd, 1 << 20)
            print('asked', flush=True)
finally:
    libc.umount2(os.fsencode(where), 2)
