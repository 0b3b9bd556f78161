# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# procs.py: processes as /proc shows them.

import os


def _stat(pid):
    """The fields of /proc/PID/stat behind the name, which may hold anything."""
    with open(f'/proc/{pid}/stat', 'rb') as f:
        return f.read().rpartition(b')')[2].split()


def children(pid):
    found = []
    for name in os.listdir('/proc'):
        if name.isdigit():
            try:
                if int(_stat(name)[1]) == pid:
                    found.append(int(name))
            except OSError:
                pass
    return found


def tree(pid):
    """The process and all that descend from it."""
    parent = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            try:
                parent.setdefault(int(_stat(name)[1]), []).append(int(name))
            except OSError:
                pass
    found = [pid]
    for p in found:
        found.extend(parent.get(p, []))
    return found


def cpu_seconds(pids):
    """CPU time of these processes, and of their children that were waited for."""
    ticks = 0
    for pid in pids:
        try:
            ticks += sum(int(f) for f in _stat(pid)[11:15])
        except OSError:
            pass
    return ticks / os.sysconf('SC_CLK_TCK')


def engines_of(supervisor):
    """The engines are the children that run the supervisor's own program."""
    program = os.readlink(f'/proc/{supervisor}/exe')
    found = []
    for pid in children(supervisor):
        try:
            if os.readlink(f'/proc/{pid}/exe') == program:
                found.append(pid)
        except OSError:
            pass
    if not found:
        raise LookupError('no engine under the supervisor')
    return found


def pss(pid):
    """Bytes, pages shared with others in equal parts."""
    with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as f:
        for line in f:
            if line.startswith('Pss:'):
                return int(line.split()[1]) * 1024
    raise LookupError('no Pss in smaps_rollup')
