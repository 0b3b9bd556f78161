# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# plan.py: what is measured, against what, and what it ought to come to.

from collections import namedtuple

# name       as on the command line
# kind       what starts it: the name of a class in servers.py
# mode       the mode of a peer, or the name of a configuration in conf/
# message    'small' or 'large'
# reference  the candidate that it is compared with
# title      of its row
Candidate = namedtuple('Candidate', 'name kind mode message reference title')

CANDIDATES = [Candidate(*c) for c in (
    ('libmilter-all', 'Libmilter', 'all', 'small', 'libmilter-all',
     'libmilter, all events answered'),
    ('libmilter-noreply', 'Libmilter', 'noreply', 'small', 'libmilter-all',
     'libmilter, no-reply bits'),
    ('pymilter-all', 'Pymilter', 'all', 'small', 'libmilter-all',
     'pymilter, all events answered'),
    ('pmilter-all', 'Pmilter', 'all', 'small', 'libmilter-all',
     'Sendmail::PMilter prefork, all events answered'),
    ('mimedefang-all', 'Mimedefang', 'all', 'small', 'libmilter-all',
     'MIMEDefang, with relay, HELO, sender and recipient checks'),
    ('all-session', 'Pipemilter', 'all-session', 'small', 'libmilter-all',
     'all events answered one by one, a process a session'),
    ('all-concurrent', 'Pipemilter', 'all-concurrent', 'small', 'libmilter-all',
     'all events answered, concurrency'),
    ('reports', 'Pipemilter', 'reports', 'small', 'libmilter-all',
     'all events as reports, verdict at the end'),
    ('reports-perl', 'Pipemilter', 'reports-perl', 'small', 'libmilter-all',
     'the same with a perl handler'),

    ('libmilter-header', 'Libmilter', 'header', 'small', 'libmilter-header',
     'libmilter, header added at the end'),
    ('pymilter-header', 'Pymilter', 'header', 'small', 'libmilter-header',
     'pymilter, header added at the end'),
    ('pmilter-header', 'Pmilter', 'header', 'small', 'libmilter-header',
     'Sendmail::PMilter prefork, header added at the end'),
    ('mimedefang-header', 'Mimedefang', 'header', 'small', 'libmilter-header',
     'MIMEDefang, header added at the end'),
    ('header', 'Pipemilter', 'header', 'small', 'libmilter-header',
     'header added at the end, nothing else asked for'),
    ('header-dash', 'Pipemilter', 'header-dash', 'small', 'libmilter-header',
     'header added at the end by pooled dash'),
    ('spawn-message', 'Pipemilter', 'spawn-message', 'small', 'libmilter-header',
     'header added at the end, a dash process a message'),
    ('spawn-event', 'Pipemilter', 'spawn-event', 'small', 'libmilter-header',
     'header added at the end, a dash process an event'),

    ('libmilter-body', 'Libmilter', 'body', 'large', 'libmilter-body',
     'libmilter, 200 KB body seen, header added'),
    ('body', 'Pipemilter', 'body', 'large', 'libmilter-body',
     '200 KB body as payload, header added'),
    ('spool-dash', 'Pipemilter', 'spool-dash', 'large', 'libmilter-body',
     '200 KB body in a file, header added by pooled dash'),
)]

BY_NAME = {c.name: c for c in CANDIDATES}

# (connections at a time, messages a connection)
CELLS = [(c, m) for c in (1, 10, 50) for m in (1, 10)]
QUICK_CELLS = [(10, 10), (50, 10)]
TRANSPORTS = ('unix', 'inet')

# (candidate, transport): the ratio to its reference that is to be reached at
# ten and at fifty connections, with ten messages each.
RATIO_TARGETS = {
    ('all-session', 'unix'): (1.0, 1.0),
    ('all-concurrent', 'unix'): (1.5, 2.5),
    ('reports', 'unix'): (10, 10),
    ('reports-perl', 'unix'): (8, 8),
    ('header', 'unix'): (1.2, 1.5),
    ('body', 'unix'): (0.7, 0.8),
    ('spool-dash', 'unix'): (0.5, 0.5),
    ('header', 'inet'): (20, 10),
}

OUR_TCP = ('header', 0.7)			# of the same over a unix socket
SPAWN = ('spawn-message', 0.85)			# of what spawnrate does
MIMEDEFANG = ('header-dash', 'mimedefang-header', 20)

# Costs of the engine a message: at most so many.
SYSCALL_TARGETS = {'all-session': 170, 'all-concurrent': 170, 'reports': 15}
INSTRUCTION_TARGETS = {'all-session': 40000, 'all-concurrent': 40000, 'header': 4000}
IDLE_TARGET = 2048				# bytes a connection
IDLE_CONNECTIONS = 5000


def with_references(names):
    """These candidates and those they are compared with, in the order above."""
    wanted = set(names) | {BY_NAME[n].reference for n in names}
    if MIMEDEFANG[0] in wanted:
        wanted.add(MIMEDEFANG[1])
    return [c for c in CANDIDATES if c.name in wanted]
